"""Linear equations in exact rationals."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FractionRows", "Fractions", "solutions", "solved"]

Fractions = tuple[Fraction, ...]
FractionRows = tuple[Fractions, ...]


def solved(matrix: Sequence[Sequence[Fraction]], right: Sequence[Fraction]) -> Fractions | None:
    """Return the solution of linear equations, None if they have no single one."""
    try:
        known, free = solutions(matrix, right)
    except ValueError:
        return None
    return None if free else known


def solutions(
    rows: Sequence[Sequence[Fraction]], right: Sequence[Fraction]
) -> tuple[Fractions, tuple[Fractions, ...]]:
    """Return one solution of exact linear equations, and a basis of those of the homogeneous ones.

    By Gauss-Jordan elimination. The first unknowns are expressed by the last ones, which are free:
    zero in the solution, and one after the other 1 in the basis.

    Raises
    ------
    ValueError
        If there is none.
    """
    table = [[*map(Fraction, row), Fraction(r)] for row, r in zip(rows, right, strict=True)]
    n = len(table[0]) - 1
    pivots: list[int] = []
    for column in range(n + 1):
        done = len(pivots)
        at = next((i for i in range(done, len(table)) if table[i][column]), None)
        if at is None:
            continue
        if column == n:
            raise ValueError("the equations contradict each other")
        table[done], table[at] = table[at], table[done]
        table[done] = [x / table[done][column] for x in table[done]]
        for i, row in enumerate(table):
            if i != done and row[column]:
                factor, pairs = row[column], zip(row, table[done], strict=True)
                table[i] = [x - factor * y if y else x for x, y in pairs]
        pivots.append(column)

    def solution(last: dict[int, Fraction], scale: int) -> Fractions:
        inner = {
            p: scale * row[n] - sum(row[k] * x for k, x in last.items())
            for p, row in zip(pivots, table, strict=False)
        }
        return tuple((inner | last).get(k, Fraction(0)) for k in range(n))

    free = [k for k in range(n) if k not in pivots]
    return solution({}, 1), tuple(solution({k: Fraction(1)}, 0) for k in free)
