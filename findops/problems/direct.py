"""Sparse factorization, singular systems included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from findops.elimination import solved
from findops.problems.singular import check_consistent

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from findops.boundary import AffineSystem

    Array = NDArray[Any]

__all__ = ["direct"]

WORST = 1e-2 / np.finfo(float).eps
"""How many times its size a right-hand side may be enlarged before no digit is left."""


def direct(system: AffineSystem, null: Array) -> Callable[[Array], Array]:
    """Return a solver by LU factorization.

    A singular matrix is bordered by its null vectors: the solution is orthogonal to them, and what
    of the right-hand side cannot be met comes out as their factors.

    Raises
    ------
    ValueError
        If the matrix is singular in a way that its null vectors do not tell.
    """
    matrix = system.matrix
    if null.shape[1]:
        border = sparse.csr_array(null)
        matrix = sparse.block_array([[matrix, border], [border.conj().T, None]], format="csr")
    try:
        factors = splu(matrix.tocsc())
    except RuntimeError:
        raise ValueError(
            f"{system!r} is singular: conditions are missing, or depend on each other"
        ) from None
    n, size = system.size, float(abs(matrix).max())

    def solve(b: Array) -> Array:
        full = np.concatenate([b, np.zeros(null.shape[1], b.dtype)])
        x = solved(factors, full)
        if size * np.abs(x).max(initial=0) > WORST * np.abs(b).max(initial=0):
            raise ValueError(
                f"{system!r} is singular to working precision: conditions are missing, or the "
                "operator has a null vector"
            )
        check_consistent(x[n:], b)
        return x[:n]

    return solve
