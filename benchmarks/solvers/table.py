"""The table of solvers by problem and size: what is run, and what would take too long."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.solvers.problems import PROBLEMS
from benchmarks.solvers.ways import AUTO, FACTORS, WAYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from benchmarks.solvers.problems import Problem

__all__ = ["NotRun", "NotSolved", "Row", "Solved", "measure"]

LONGEST = 15.0
"""Seconds after which a solver is ended."""
WORTH = 3.0
"""Times that the fastest of a row takes, from which on a solver is ended, or not run."""
SHORTEST = 1.0
"""Seconds that every solver has."""
SAMPLES = 5
"""Samples of a solver, where they take no time."""


@dataclass(frozen=True)
class Solved:
    """What a solver took: seconds, bytes an unknown, and the residual that it left."""

    seconds: float
    bytes: float
    residual: float
    method: str


@dataclass(frozen=True)
class NotSolved:
    """A solver that did not solve a problem, and why."""

    why: str


@dataclass(frozen=True)
class NotRun:
    """A solver that would not end in time: the seconds that it may take, and whence they are."""

    seconds: float
    why: str


Cell = Solved | NotSolved | NotRun


@dataclass(frozen=True)
class Row:
    """What the solvers made of a problem."""

    problem: Problem
    side: int
    unknowns: int
    cells: dict[str, Cell] = field(default_factory=dict)

    @property
    def solved(self) -> dict[str, Solved]:
        """The cells of those that solved it."""
        return {way: cell for way, cell in self.cells.items() if isinstance(cell, Solved)}

    @property
    def best(self) -> str | None:
        """The fastest of those that a user may name."""
        seconds = {way: cell.seconds for way, cell in self.solved.items() if way != AUTO}
        return min(seconds, key=seconds.__getitem__, default=None)

    @property
    def ratio(self) -> float | None:
        """How many times as long as the fastest the automatic choice takes."""
        if self.best is None:
            return None
        auto = self.cells[AUTO]
        seconds = auto.seconds if isinstance(auto, Solved) else math.inf
        return seconds / self.solved[self.best].seconds


def measure(quick: bool) -> Iterator[Row]:
    """Yield the rows, those of a problem by size; a quick one has the smallest of each."""
    command = [sys.executable, "-m", "benchmarks.solvers.measure"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for problem in PROBLEMS:
            done: list[Row] = []
            for side in problem.sides[: 1 if quick else None]:
                done.append(_row(problem, side, done, (server.stdin, server.stdout), quick))
                yield done[-1]


def _row(
    problem: Problem, side: int, before: list[Row], server: tuple[IO[str], IO[str]], quick: bool
) -> Row:
    """Measure the automatic choice, and then the others, those first that were fast before."""
    row = Row(problem, side, problem.unknowns(side))
    guesses = {way: _guess(way, row.unknowns, before) for way in WAYS}
    for way in sorted(WAYS, key=lambda way: (way != AUTO, guesses[way][0])):
        seconds, whence = guesses[way]
        fastest = min((cell.seconds for cell in row.solved.values()), default=math.inf)
        limit = max(min(WORTH * fastest, LONGEST), SHORTEST)
        if way != AUTO and seconds > limit:
            row.cells[way] = NotRun(seconds, whence)
            continue
        request = [problem.title(0), side, way, limit, 1 if quick else SAMPLES]
        print(json.dumps(request), file=server[0], flush=True)
        row.cells[way] = _cell(json.loads(server[1].readline()), limit)
    return row


def _cell(answer: dict[str, Any], limit: float) -> Cell:
    if "slow" in answer:
        return NotRun(limit, f"ended at {limit:.2g} s")
    if "failed" in answer:
        return NotSolved(answer["failed"])
    return Solved(**answer)


def _guess(way: str, unknowns: int, before: list[Row]) -> tuple[float, str]:
    """Return the seconds that a solver may take, and whence that is known.

    Times grow with a power of the unknowns: that between the last two sizes, and no less than
    theory has it, which small sizes do not show.
    """
    if not before:
        return 0.0, ""
    *_, row = before
    last, n = row.cells[way], row.unknowns
    if isinstance(last, NotSolved):
        return math.inf, f"fails at {n}"
    if math.isinf(last.seconds):
        return math.inf, last.why
    exponent = 3 * (1 - 1 / row.problem.ndim) if way in FACTORS else 1.0
    first = before[-2].cells[way] if len(before) > 1 else None
    if isinstance(first, Solved) and isinstance(last, Solved):
        grown = math.log(last.seconds / first.seconds) / math.log(n / before[-2].unknowns)
        exponent = max(exponent, grown)
    seconds = last.seconds * (unknowns / n) ** exponent
    return seconds, f"about {seconds:.2g} s, from {n} by exponent {exponent:.1f}"
