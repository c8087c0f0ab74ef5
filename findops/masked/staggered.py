"""Operators between components at points of their own, on fields with holes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import sparse

from findops.common.arrays import as_field
from findops.expressions.expression import Discrete
from findops.grids.axes import Half

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array

    from findops.common.arrays import Array, Bools, Ints
    from findops.conditions.conditions import Condition
    from findops.conditions.staggered_system import FieldSystem
    from findops.grids.grid import Grid
    from findops.masked.operator import Masked
    from findops.operators.staggered import StaggeredOperator
    from findops.operators.staggered_fields import Fields, StaggeredFields

__all__ = ["StaggeredMasked", "nodes_of", "valid_at"]


@dataclass(frozen=True, eq=False, repr=False)
class StaggeredMasked(Discrete):
    """An operator between components at points of their own, on valid points. Immutable.

    Made by ``op.masked(mask)``. ``m(u)`` and ``m @ u`` apply it, ``m.matrix()`` assembles it,
    ``m.subject_to(conditions)`` puts it under conditions. It takes factors, as ``2 * m``.
    """

    operator: StaggeredOperator
    """The operator without holes."""
    masks: tuple[Bools, ...]
    """Valid points of each component that it reads."""
    there: tuple[Bools, ...]
    """Points of each component of the result where it may have values."""

    # Arrays on the left leave the operation to us.
    __array_ufunc__ = None

    def __array__(self, dtype: object = None, copy: object = None) -> Array:
        raise TypeError(f"{self!r} is not an array: its matrix() makes its sparse matrix")

    @cached_property
    def _holed(self) -> StaggeredOperator:
        """The operator with holes in every entry."""
        entries = tuple(
            tuple(entry and entry.masked(mask) for entry, mask in zip(row, self.masks, strict=True))
            for row in self.operator.entries
        )
        return replace(self.operator, entries=cast("Any", entries))

    @property
    def entries(self) -> tuple[tuple[Masked | None, ...], ...]:
        """``entries[i][j]`` maps component j to component i; None where it is zero."""
        return cast("tuple[tuple[Masked | None, ...], ...]", self._holed.entries)

    @property
    def inputs(self) -> StaggeredFields:
        """The fields that it reads."""
        return self.operator.inputs

    @property
    def outputs(self) -> StaggeredFields:
        """The fields that it gives."""
        return self.operator.outputs

    @property
    def domain(self) -> tuple[Grid, ...]:
        """The grid of each component that it reads."""
        return self.operator.domain

    @property
    def range(self) -> tuple[Grid, ...]:
        """The grid of each component that it gives."""
        return self.operator.range

    @property
    def nodes(self) -> Grid:
        """The grid at whose points, or beside them, all components stand."""
        return nodes_of(self.domain[0])

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix."""
        return self.operator.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the matrix: float64 or complex128."""
        return self.operator.dtype

    @property
    def label(self) -> str:
        """The operator without holes as mathematics."""
        return self.operator.label

    def __repr__(self) -> str:
        valid = sum(np.count_nonzero(mask) for mask in self.masks)
        return (
            f"<StaggeredMasked {self.label}: {self.inputs}, {valid} of {self.inputs.size} points>"
        )

    @cached_property
    def defined(self) -> tuple[Bools, ...]:
        """Where each component of the result has values."""
        return tuple(
            reduce(np.logical_and, (entry.defined for entry in row if entry is not None), there)
            for there, row in zip(self.there, self.entries, strict=True)
        )

    @cached_property
    def _rows(self) -> Bools:
        """The rows that the matrix has."""
        return np.concatenate([part.ravel() for part in self.defined])

    # Application and matrices -------------------------------------------------------------------

    def __call__(
        self, u: Fields, out: Fields = None, add: bool = False, scale: complex = 1
    ) -> Fields:
        """Apply to a field; NaN where the operator has no value.

        The arguments are those of an operator. What stands at points that are not valid has no part
        in the result.
        """
        made = self._holed(u, out, add, scale)
        for part, where in zip(self.outputs.parts(made, self), self.defined, strict=True):
            part[..., ~where] = np.nan
        return made

    def __matmul__(self, u: Fields) -> Fields:
        return self(u)

    def diagonal(self) -> Array:
        """Return the diagonal of the matrix, flat."""
        return np.asarray(self.matrix().diagonal())

    def matvec(self, x: ArrayLike) -> Array:
        """Multiply the matrix with a flat vector: zero where the operator has no value."""
        values = as_field(x)
        if values.shape != (self.shape[1],):
            raise ValueError(
                f"{self!r} takes vectors of length {self.shape[1]}, but got shape {values.shape}"
            )
        parts = self.inputs.split(values)
        found = self(parts[0] if self.inputs.scalar else parts)
        made = self.outputs.joined(self.outputs.parts(found, self))
        made[~self._rows] = 0
        return made

    def matrix(self, rows: Ints | None = None) -> csr_array:
        """Assemble the sparse matrix, or some of its rows.

        Rows where the operator has no value are empty, and so are columns of points that are not
        valid.
        """
        kept = self._rows if rows is None else self._rows[rows]
        made = sparse.diags_array(kept.astype(float)) @ self._holed.matrix(rows=rows)
        return sparse.csr_array(made)

    # Algebra and conditions ---------------------------------------------------------------------

    def __neg__(self) -> StaggeredMasked:
        return replace(self, operator=-self.operator)

    def __rmul__(self, factor: object) -> StaggeredMasked:
        return replace(self, operator=factor * self.operator)

    def __rsub__(self, other: object) -> StaggeredMasked:
        return replace(self, operator=other - self.operator)

    def subject_to(
        self, conditions: Condition | Iterable[Condition], impose: str = "elimination"
    ) -> FieldSystem:
        """Return the affine system that conditions make of the operator on its valid points.

        As for an operator; on faces, conditions hold at valid points.

        Raises
        ------
        ValueError
            As for an operator; if a condition stands on points that are not valid, or a valid point
            has neither a row nor a condition.
        """
        from findops.conditions.staggered_system import FieldSystem, StaggeredSystem

        if impose != "elimination":
            raise ValueError(
                f"{self!r}: components at points of their own take conditions by "
                f"impose='elimination', not by {impose!r}"
            )
        return FieldSystem(StaggeredSystem.of_bound(self, conditions))


def nodes_of(grid: Grid) -> Grid:
    """Return the grid of nodes that one of half points belongs to."""
    for i, axis in enumerate(grid.axes):
        grid = grid.half(i) if isinstance(axis, Half) else grid
    return grid


def valid_at(grid: Grid, mask: Bools) -> Bools:
    """Return the points of a grid that lie at or beside valid nodes, given a mask of these."""
    made = mask
    for i, axis in enumerate(grid.axes):
        if not isinstance(axis, Half):
            continue
        if axis.periodic:
            made = made | np.roll(made, -1, i)
            continue
        # Faces of cells have none beyond walls, midpoints have a node on either side.
        outer = int(len(axis) > made.shape[i])
        wide = np.pad(made, [(outer, outer) if k == i else (0, 0) for k in range(made.ndim)])
        lower, upper = (np.take(wide, np.arange(start, start + len(axis)), i) for start in (0, 1))
        made = lower | upper
    return made
