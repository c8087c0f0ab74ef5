"""Some rows of a result exchanged, in arrays of any library that keeps the array API standard."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.backends.array_api import library_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Array = Any  # of whichever library

__all__ = ["Patch"]


@dataclass(frozen=True, eq=False)
class Patch:
    """Rows given by a matrix in place of those of an operator, and NaN in others."""

    matrix: csr_array
    """The rows, on all points of a field."""
    rows: NDArray[np.intp]
    """Where they are, flat."""
    undefined: NDArray[np.bool_]
    """Where there is NaN, flat."""
    ndim: int
    """Axes of a field, without those of the batch."""

    def __call__(self, whole: Array, u: Array, scale: complex) -> Array:
        """Return an operator's result with rows exchanged; u is what it was applied to."""
        given = library_of(whole)
        xp = given.xp
        columns, weights, source = self._tables
        batch = tuple(u.shape[: u.ndim - self.ndim])
        size = math.prod(u.shape[len(batch) :])
        values = xp.astype(xp.reshape(u, (*batch, size)), whole.dtype, copy=False)
        read = xp.reshape(
            xp.take(values, given.place(columns.ravel()), axis=-1), (*batch, *columns.shape)
        )
        near = xp.sum(given.place(weights) * read, axis=-1)
        near = xp.where(given.place((weights != 0).any(axis=1)), near, 0)
        near = near if scale == 1 else near * scale
        flat = xp.reshape(whole, (*batch, len(source)))
        none = xp.full((*batch, 1), math.nan, dtype=whole.dtype, device=given.device)
        pool = xp.concat([flat, near, none], axis=-1)
        return xp.reshape(xp.take(pool, given.place(source), axis=-1), tuple(whole.shape))

    @cached_property
    def _tables(self) -> tuple[NDArray[np.intp], NDArray[Any], NDArray[np.intp]]:
        """The columns and weights of the rows, and where each number of the result comes from.

        Rows with fewer taps than others read their last one several times, each for its part of the
        weight, so that nothing without weight is read.
        """
        lengths = np.diff(self.matrix.indptr)[:, None]
        width = max(lengths.max(initial=0), 1)
        tap = np.arange(width)
        at = self.matrix.indptr[:-1, None] + np.clip(tap, 0, np.maximum(lengths - 1, 0))
        parts = np.where((tap >= lengths - 1) & (lengths > 0), width - lengths + 1, 1)
        columns = np.append(self.matrix.indices, 0)[at].astype(np.intp)
        weights = np.append(self.matrix.data, 0)[at] / parts * (lengths > 0)
        size = self.undefined.size
        source = np.where(self.undefined, size + len(self.rows), np.arange(size))
        source[self.rows] = size + np.arange(len(self.rows))
        return columns, weights, source
