"""Sparse LU factors of SuperLU, which solve with real and with complex data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse.linalg import splu

if TYPE_CHECKING:
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import SuperLU

    from findops.common.arrays import Array, Ints

__all__ = ["Factors"]


@dataclass(frozen=True, eq=False)
class Factors:
    """The LU factors of a matrix, whose rows and columns may be taken in an order."""

    lu: SuperLU
    dtype: np.dtype[Any]
    """Their type, kept because SuperLU copies all of them to tell it."""
    order: Ints | None = None

    @staticmethod
    def of(matrix: csc_array, order: Ints | None = None, **options: Any) -> Factors:
        """Return the factors of a matrix, `options` being those of `scipy.sparse.linalg.splu`.

        Raises
        ------
        RuntimeError
            If it is singular.
        MemoryError
            If there is no room for them.
        """
        if order is not None:
            matrix = matrix[order][:, order].tocsc()
        return Factors(splu(matrix, **options), matrix.dtype, order)

    def solve(self, b: Array) -> Array:
        """Return the solution x, (n,) or (n, k); with real factors of complex data too."""
        if self.dtype.kind != "c" and np.iscomplexobj(b):
            return self.solve(b.real) + 1j * self.solve(b.imag)
        if self.order is None:
            return self.lu.solve(np.ascontiguousarray(b, self.dtype))
        x = np.empty(b.shape, self.dtype)
        x[self.order] = self.lu.solve(np.ascontiguousarray(b[self.order], self.dtype))
        return x
