"""Where compiled kernels overtake NumPy: ``python -m benchmarks.crossover``.

Times a call through either executor over the number of taps, and the first call of a process.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import timeit
from typing import TYPE_CHECKING

import numpy as np

from findops import Diff, Grid, Laplacian, Uniform
from findops.executors import rowwise
from findops.executors.rowwise import Rowwise

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops import Operator

POINTS = (8, 32, 100, 300, 1000, 3000, 10000)
CALLS, ROUNDS = 2000, 7

START = """
import time, numpy as np
from findops import Diff, Grid, Uniform
op, u = Diff(0).on(Grid(Uniform(0, 1, {n}))), np.zeros({n})
start = time.perf_counter(); op(u); print(time.perf_counter() - start)
"""


def main() -> None:
    """Print the tables."""
    print("| operator | points | taps | NumPy, µs | compiled, µs |\n|---|---|---|---|---|")
    for n in POINTS:
        side = round(n**0.5)
        for name, op in (
            ("first derivative", Diff(0).on(Grid(Uniform(0, 1, n)))),
            ("Laplacian", Laplacian().on(Grid(*[Uniform(0, 1, max(side, 4))] * 2))),
        ):
            numpy, compiled = (1e6 * _seconds(op, small) for small in (np.inf, -1))
            taps = Rowwise.of(op.program).taps
            points = op.program.outputs.size
            print(f"| {name} | {points} | {taps} | {numpy:.1f} | {compiled:.1f} |")
    for n in (100, 100_000):
        found = [_first_call(n) for _ in range(ROUNDS)]
        print(f"first call on {n} points in a fresh process: {statistics.median(found):.3f} s")


def _seconds(op: Operator, small: float) -> float:
    """Return the median time of a call, through NumPy up to `small` taps."""
    kept, rowwise.NUMPY_TAPS = rowwise.NUMPY_TAPS, small
    u = np.random.default_rng(0).random(op.program.inputs.shape)
    call: Callable[..., object] | None = Rowwise.of(op.program).ready(u.shape, u.dtype)
    rowwise.NUMPY_TAPS = kept
    if call is None:
        raise RuntimeError(f"{op!r} is too large to be called this way")
    call(u, None, False, 1)
    times = timeit.repeat(lambda: call(u, None, False, 1), number=CALLS, repeat=ROUNDS)
    return statistics.median(times) / CALLS


def _first_call(n: int) -> float:
    code = [sys.executable, "-c", START.format(n=n)]
    return float(subprocess.run(code, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
