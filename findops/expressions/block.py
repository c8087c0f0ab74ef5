"""Matrices of coefficients and of operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from findops.expressions.components import Components, Compound, Geometry, input_rank, stacked
from findops.expressions.expression import Expr, as_expr

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Block", "Tensor"]

EntryRows = Sequence[Sequence[object]]


@dataclass(frozen=True, repr=False, init=False)
class Tensor(Compound):
    """A matrix of coefficients: (…, d, *grid) → (…, d, *grid).

    Parameters
    ----------
    rows : sequence of sequences of coefficients

    Raises
    ------
    ValueError
        If the rows differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> Tensor([[0, 1], [2, 0]])(np.array([[1.0, 2.0], [3.0, 4.0]]), 1.0)
    array([[3., 4.],
           [2., 4.]])
    """

    rows: tuple[tuple[Expr, ...], ...]

    @property
    def axes(self) -> tuple[()]:
        """None of its own: those of its entries count."""
        return ()

    @property
    def rank_in(self) -> int:
        return 1

    @property
    def rank_out(self) -> int:
        return 1

    def __init__(self, rows: EntryRows) -> None:
        made = _matrix(rows, "Tensor")
        for entry in (entry for row in made for entry in row):
            if not entry.multiplies:
                raise TypeError(f"Tensor holds coefficients, not {entry!r}; Block holds operators")
        object.__setattr__(self, "rows", made)

    def expand(self, geometry: Geometry) -> Components:  # noqa: ARG002
        entries = {(i, j): entry for i, row in enumerate(self.rows) for j, entry in enumerate(row)}
        return Components((len(self.rows),), (len(self.rows[0]),), entries)

    def _parts(self) -> Iterable[Expr]:
        return (entry for row in self.rows for entry in row)


@dataclass(frozen=True, repr=False, init=False)
class Block(Compound):
    """A matrix of operators, whose fields are stacked along the component axis.

    One column reads a scalar field and one row gives one. An operator between vector fields takes
    as many rows and columns as it has components. ``E.on(grid, at=[…])`` puts components at half
    points.

    Parameters
    ----------
    rows : sequence of sequences of expressions or coefficients

    Raises
    ------
    ValueError
        If the rows differ in length, or, at binding, if components do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from findops import Diff
    >>> Block([[Diff(0)], [2 * Diff(0)]])(np.arange(3.0), 1.0)
    array([[1., 1., 1.],
           [2., 2., 2.]])
    """

    rows: tuple[tuple[Expr, ...], ...]

    def __init__(self, rows: EntryRows) -> None:
        object.__setattr__(self, "rows", _matrix(rows, "Block"))

    @property
    def axes(self) -> tuple[()]:
        """None of its own: those of its entries count."""
        return ()

    @property
    def rank_in(self) -> int:
        columns = len(self.rows[0])
        return 1 if columns > 1 else max(input_rank(row[0]) for row in self.rows)

    @property
    def rank_out(self) -> int:
        return 1

    def expand(self, geometry: Geometry) -> Components:
        return stacked(self, self.rows, geometry)

    def _parts(self) -> Iterable[Expr]:
        return (entry for row in self.rows for entry in row)


def _matrix(rows: EntryRows, what: str) -> tuple[tuple[Expr, ...], ...]:
    if (
        isinstance(rows, Expr)
        or not hasattr(rows, "__iter__")
        or any(not hasattr(row, "__iter__") for row in rows)
    ):
        raise TypeError(
            f"{what} needs a sequence of rows, as in {what}([[a, b], [c, d]]), but got {rows!r}"
        )
    made = tuple(tuple(as_expr(entry) for entry in row) for row in rows)
    if not made or not made[0]:
        raise ValueError(f"{what} needs at least one row of at least one entry, but got {rows!r}")
    if len({len(row) for row in made}) > 1:
        raise ValueError(
            f"{what} needs rows of equal length, but their lengths are {[len(row) for row in made]}"
        )
    return made
