"""Sparse LU factorization, also of singular systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from findops.conditions.elimination import solved
from findops.problems.linear.singular import check_consistent

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse import csr_array
    from scipy.sparse.linalg import SuperLU

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem


__all__ = ["LARGEST_GROWTH", "direct_solver", "inverse", "sparse_lu"]


LARGEST_GROWTH = 1e-2 / np.finfo(float).eps
"""Times that solving with rows of size one may enlarge b before no digit is left."""


def sparse_lu(matrix: csr_array, pivoting: float = 0.1) -> SuperLU:
    """Return the LU factors of a matrix.

    Where no diagonal entry is zero, the pattern of a difference operator is nearly symmetric, and
    the order for that saves fill: two thirds of the time for streamfunctions.

    Parameters
    ----------
    matrix : csr_array
    pivoting : float
        Part of the largest entry in its column that a diagonal entry needs to be taken as pivot.

    Raises
    ------
    RuntimeError
        If it is singular.
    """
    if not matrix.diagonal().all():
        return splu(matrix.tocsc())
    return splu(
        matrix.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=pivoting,
        options={"SymmetricMode": True},
    )


def inverse(
    matrix: csr_array, singular: str, growth: float = LARGEST_GROWTH
) -> Callable[[Array], Array]:
    """Return a function that solves with a matrix.

    Parameters
    ----------
    matrix : csr_array, (n, n)
    singular : str
        The error's text if it is singular.
    growth : float
        Times that its inverse may enlarge a right-hand side before it counts as singular.

    Raises
    ------
    ValueError
        If the matrix is singular to working precision.
    """
    # On graded grids rows differ by many orders: of one size, they show what is singular.
    size = np.asarray(abs(matrix).sum(axis=1)).ravel()
    scale = 1 / np.where(size > 0, size, 1)
    scaled = sparse.csr_array(sparse.diags_array(scale) @ matrix)
    try:
        factors = sparse_lu(scaled)
    except RuntimeError:
        raise ValueError(singular) from None
    probe = np.random.default_rng(0).uniform(-1, 1, len(scale))
    if not np.abs(solved(factors, probe)).max(initial=0) <= growth:
        raise ValueError(singular)

    def solve(b: Array) -> Array:
        x = solved(factors, scale * b)
        # Pivots are chosen for little fill: one step of refinement gives back the digits.
        return x + solved(factors, scale * b - scaled @ x)

    return solve


def direct_solver(system: AffineSystem) -> Callable[[Array], Array]:
    """Return a solver by LU factorization.

    A singular matrix is bordered by its null vectors: the solution is orthogonal to them, and their
    factors are the part of the right-hand side outside the range.

    Raises
    ------
    ValueError
        If the matrix is singular in a way that its null vectors do not tell.
    """
    matrix, null = system.matrix, system.null_vectors
    if null.shape[1]:
        border = sparse.csr_array(null)
        matrix = sparse.block_array([[matrix, border], [border.conj().T, None]], format="csr")
    solve = inverse(matrix, _singular(system))

    def bordered(b: Array) -> Array:
        x = solve(np.concatenate([b, np.zeros(null.shape[1], b.dtype)]))
        check_consistent(x[system.size :], b)
        return x[: system.size]

    return bordered


def _singular(system: AffineSystem) -> str:
    taken = {part.place.face for part in system.equations.parts}
    missing = [face for face in system.operator.domain.faces if face not in taken]
    listed = (
        f" ({', '.join(missing)} {'have' if len(missing) > 1 else 'has'} none)" if missing else ""
    )
    advice = "; NoCondition is for faces where the equation degenerates" if missing else ""
    return (
        f"{system!r} is singular to working precision: conditions are missing{listed} or depend on "
        f"each other, or the operator has a null vector{advice}"
    )
