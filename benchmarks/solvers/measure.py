"""A server of measurements, each in a process of its own that is forked from it.

``python -m benchmarks.solvers.measure`` reads lines of JSON, [problem, n, way, seconds, samples],
and answers each with another one: what `measured` returns.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
import warnings
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.probe import peak
from benchmarks.solvers.problems import PROBLEMS
from benchmarks.solvers.ways import TOLERANCE, WAYS

if TYPE_CHECKING:
    from benchmarks.contest import Array
    from benchmarks.solvers.problems import Problem
    from benchmarks.solvers.ways import Found
    from findops import BVP

__all__: list[str] = []

ENOUGH = 0.3
"""Seconds of samples after which no more are taken."""
SET_UP = 120
"""Seconds in which a problem is bound."""
ROUNDOFF = 1e-13
"""‖b − A x‖ / (‖A‖ ‖x‖ + ‖b‖), in the largest norm, that no solver has to make smaller."""


def measured(kind: Problem, n: int, way: str, limit: float, samples: int) -> dict[str, Any]:
    """Return what a way takes, or as what it fails."""
    solve = WAYS[way]
    signal.alarm(SET_UP)
    # Compilers, libraries and threads are not what is measured: a smaller problem loads them.
    with contextlib.suppress(Exception):
        first = kind.make(kind.sides[0])
        solve(kind, first, kind.right_hand_side(first))
    problem = kind.make(n)
    f = kind.right_hand_side(problem)
    seconds = []

    def run() -> Found:
        start = time.perf_counter()
        found = solve(kind, problem, f)
        seconds.append(time.perf_counter() - start)
        return found

    signal.setitimer(signal.ITIMER_REAL, limit)
    size, found = peak(run)
    signal.alarm(0)
    if len(seconds) < samples and seconds[0] < ENOUGH:
        seconds.clear()  # the first one has grown the memory
    while len(seconds) < samples and sum(seconds) < ENOUGH:
        problem = kind.make(n)
        run()
    left, solved = _residual(problem, f, found.x)
    if not solved:
        return {"failed": f"residual {left:.0e}"}
    return {
        "seconds": median(seconds),
        "bytes": size / problem.system.size,
        "residual": left,
        "method": found.method,
    }


def _residual(problem: BVP, f: Array, x: Array) -> tuple[float, bool]:
    """Return the residual, in parts of the right-hand side, and whether it is a solution's."""
    system = problem.system
    b = system.rhs(f)
    r = b - system.aslinearoperator() @ x
    left = float(np.linalg.norm(r) / np.linalg.norm(b))
    size = system.scale * np.abs(x).max() + np.abs(b).max()
    return left, bool(left <= 2 * TOLERANCE or np.abs(r).max() <= ROUNDOFF * size)


def _forked(line: str) -> str:
    """Return the answer to a line, from a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        with os.fdopen(writer, "w") as answer:
            answer.write(json.dumps(_answer(line)))
            answer.flush()
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        answer_read = answers.read()
    _, status = os.waitpid(child, 0)
    if answer_read:
        return answer_read
    slow = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
    return json.dumps({"slow": True} if slow else {"failed": "killed"})


def _answer(line: str) -> dict[str, Any]:
    title, n, way, limit, samples = json.loads(line)
    kind = next(kind for kind in PROBLEMS if kind.title(0) == title)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return measured(kind, n, way, limit, samples)
        except Exception as error:  # whatever it is belongs into the table
            return {"failed": type(error).__name__, "why": str(error)}


def main() -> None:
    """Answer line by line."""
    for line in sys.stdin:
        print(_forked(line), flush=True)


if __name__ == "__main__":
    main()
