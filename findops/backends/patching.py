"""Some rows of a result exchanged, in arrays of other libraries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.backends.array_bands import gathered, table
from findops.backends.libraries import kept, library_of
from findops.field import library

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from findops.backends.array_bands import Table
    from findops.backends.libraries import Library

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
    """Where there is NaN."""
    ndim: int
    """Axes of a field, without those of the batch."""

    def __call__(self, whole: Array, u: Array, scale: complex) -> Array:
        """Return an operator's result with rows exchanged; u is what it was applied to."""
        if library(u) == "dask":
            from findops.backends.chunked_patching import patched

            return patched(self, whole, u, scale)
        given = library_of(whole)
        xp = given.xp
        rows, source = kept(self, given, partial(self._placed, given))
        batch = tuple(u.shape[: u.ndim - self.ndim])
        size = math.prod(u.shape[len(batch) :])
        values = xp.astype(xp.reshape(u, (*batch, size)), whole.dtype, copy=False)
        near = gathered(values, -1, rows, given)
        near = near if scale == 1 else near * scale
        flat = xp.reshape(whole, (*batch, self.undefined.size))
        none = xp.full((*batch, 1), math.nan, dtype=whole.dtype, device=given.device)
        pool = xp.concat([flat, near, none], axis=-1)
        return xp.reshape(xp.take(pool, source, axis=-1), tuple(whole.shape))

    def _placed(self, given: Library) -> tuple[Table, Array]:
        """Return the rows, and where each number of the result comes from: itself, a row, NaN."""
        size = self.undefined.size
        source = np.where(self.undefined.ravel(), size + len(self.rows), np.arange(size))
        source[self.rows] = size + np.arange(len(self.rows))
        matrix = self.matrix
        return table(matrix.indptr, matrix.indices, matrix.data, -1, given), given.place(source)
