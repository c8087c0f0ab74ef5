"""Operators on components at points of their own, as maps of flat vectors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from findops.conditions.field_values import FieldValues

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Array, Ints
    from findops.masked.staggered import StaggeredMasked
    from findops.operators.staggered import StaggeredOperator

__all__ = ["FlatOperator"]


@dataclass(frozen=True, eq=False, repr=False)
class FlatOperator:
    """A staggered operator on vectors of all values, and what walls change in rows near them.

    Parameters
    ----------
    op : StaggeredOperator or StaggeredMasked
        One that maps components to themselves, with holes or without.
    near : csr_array, (values, values)
        What is added to its matrix.
    """

    op: StaggeredOperator | StaggeredMasked
    near: csr_array

    @staticmethod
    def plain(op: StaggeredOperator | StaggeredMasked) -> FlatOperator:
        """Return an operator to which no wall adds anything."""
        return FlatOperator(op, sparse.csr_array(op.shape))

    @cached_property
    def values(self) -> FieldValues:
        """Where the values stand."""
        return FieldValues(self.op.domain)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the matrix."""
        return np.result_type(self.op.dtype, self.near.dtype)

    @property
    def label(self) -> str:
        """The operator as mathematics."""
        return self.op.label

    def __repr__(self) -> str:
        return repr(self.op)

    def __call__(self, u: Array, out: Array | None = None, scale: float = 1) -> Array:
        """Return scale · (matrix) u, in `out` if it is given."""
        made: Array = np.empty(len(u), np.result_type(u, self.dtype)) if out is None else out
        self.op(self.op.inputs.split(u), out=self.op.inputs.split(made), scale=scale)
        if self.near.nnz:
            made += scale * (self.near @ u)
        return made

    def matrix(self, rows: Ints) -> csr_array:
        """Return rows of the matrix."""
        plain: csr_array = self.op.matrix(rows=rows)
        return sparse.csr_array(plain + self.near[rows]) if self.near.nnz else plain

    def diagonal(self) -> Array:
        """Return the diagonal."""
        own = [row[i] for i, row in enumerate(self.op.entries)]
        parts = [
            np.zeros(count) if entry is None else entry.diagonal().ravel()
            for count, entry in zip(self.values.counts, own, strict=True)
        ]
        made: Array = np.concatenate(parts) + self.near.diagonal()
        return made

    def __rmul__(self, scale: complex) -> FlatOperator:
        return replace(self, op=scale * self.op, near=scale * self.near)

    def __rsub__(self, scale: complex) -> FlatOperator:
        return replace(self, op=scale - self.op, near=-self.near)
