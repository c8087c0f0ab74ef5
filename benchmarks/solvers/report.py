"""The table of solvers in Markdown, and what is required of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.markdown import digits, quantity, table
from benchmarks.solvers.table import NotRun, NotSolved, Solved
from benchmarks.solvers.ways import AUTO, TOLERANCE, WAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.solvers.table import Cell, Row

__all__ = ["goals", "section"]

AT_MOST = 2.0
"""Times that the automatic choice may take as long as the fastest."""

ABOUT = f"""Solvers by themselves, each in a fresh process, on one right-hand side, from the problem
that is bound to its unknowns: assembly counts, for PyAMG and SciPy too, which solve with findops'
matrix. Iterations stop at {TOLERANCE:.0e} of the right-hand side, and a solution has that residual
or 1e-13 of ‖A‖ ‖x‖ + ‖b‖. Cells tell the time, the peak growth of the resident memory for each
unknown, and ‖b − A x‖ / ‖b‖; the fastest but `{AUTO}` is bold. PyAMG is its classical multigrid
before conjugate gradients or GMRES, for elastic bodies its smoothed aggregation, with their rigid
motions; `spsolve` orders by `MMD_AT_PLUS_A`, and `spilu` is before conjugate gradients or GMRES.
What would take more than three times the fastest, or 15 s, is ended, or not run.
"""


def section(rows: Sequence[Row]) -> str:
    """Return the table."""
    header = ["", "unknowns", "best", f"{AUTO} / best", f"{AUTO} is", *WAYS]
    return f"{ABOUT}\n{table(header, map(_line, rows))}\n"


def _line(row: Row) -> list[str]:
    auto = row.cells[AUTO]
    return [
        row.problem.title(row.side),
        f"{row.unknowns:.1e}",
        row.best or "",
        "" if row.ratio is None else digits(row.ratio),
        auto.method if isinstance(auto, Solved) else "",
        *(_cell(row.cells[way], way == row.best) for way in WAYS),
    ]


def _cell(cell: Cell, best: bool) -> str:
    if isinstance(cell, Solved):
        seconds = quantity(cell.seconds, "s")
        told = f"**{seconds}**" if best else seconds
        return f"{told}, {digits(max(cell.bytes, 0))} B, {cell.residual:.0e}"
    if isinstance(cell, NotSolved):
        return f"fails: {cell.why}"
    return f"not run: {cell.why}"


def goals(rows: Sequence[Row]) -> list[list[str]]:
    """Return the rows of the table of goals."""
    ranked = [(row, row.ratio) for row in rows if row.ratio is not None]
    if not ranked:
        return []
    worst, most = max(ranked, key=lambda each: each[1])
    missed = [f"{r.problem.title(r.side)}: {digits(x)}" for r, x in ranked if x > AT_MOST]
    medians = (
        f"{way} {quantity(cell.seconds, 's')}"
        for way in (AUTO, worst.best)
        if isinstance(cell := worst.cells[way or AUTO], Solved)
    )
    failed = [f"{row.problem.title(row.side)}: {_why(row)}" for row, x in ranked if math.isinf(x)]
    return [
        [
            f"`{AUTO}`, against the fastest of all solvers",
            digits(AT_MOST),
            digits(most),
            _met(missed, len(ranked)),
            ", ".join(medians),
            "; ".join(missed),
        ],
        [
            f"problems that `{AUTO}` fails to solve and another solves",
            "0",
            str(len(failed)),
            _met(failed, len(ranked)),
            "",
            "; ".join(failed),
        ],
    ]


def _why(row: Row) -> str:
    cell = row.cells[AUTO]
    assert isinstance(cell, (NotRun, NotSolved))
    return cell.why


def _met(missed: Sequence[str], of: int) -> str:
    return f"**missed** in {len(missed)} of {of}" if missed else "met"
