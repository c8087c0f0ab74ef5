"""Sparse factorization, singular systems included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from findops.problems.factors import inverse
from findops.problems.singular import check_consistent

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from findops.boundary import AffineSystem

    Array = NDArray[Any]

__all__ = ["direct"]


def _singular(system: AffineSystem) -> str:
    taken = {part.place.face for part in system.equations.parts}
    bare = [face for face in system.operator.domain.faces if face not in taken]
    listed = f" ({', '.join(bare)} {'have' if len(bare) > 1 else 'has'} none)" if bare else ""
    return (
        f"{system!r} is singular to working precision: conditions are missing{listed} or depend on "
        "each other, or the operator has a null vector"
    )


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
    solve = inverse(matrix, _singular(system))

    def bordered(b: Array) -> Array:
        x = solve(np.concatenate([b, np.zeros(null.shape[1], b.dtype)]))
        check_consistent(x[system.size :], b)
        return x[: system.size]

    return bordered
