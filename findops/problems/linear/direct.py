"""Sparse LU factorization, also of singular systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from findops.common.factors import Factors
from findops.conditions.affine_system import NULL_IMAGE
from findops.conditions.equilibration import equilibration, row_sizes
from findops.masked.operator import Masked
from findops.problems.linear.nested_dissection import Dissection
from findops.problems.linear.singular import (
    FEWER_POINTS,
    ROUNDINGS,
    check_consistent,
    euclidean_norm,
    max_norm,
    null_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse import csr_array

    from findops.common.arrays import Array, Ints
    from findops.conditions.affine_system import AffineSystem


__all__ = ["LARGEST_GROWTH", "direct_solver", "elimination_order", "inverse", "sparse_lu"]


LARGEST_GROWTH = 1e-2 / np.finfo(float).eps
"""Times that solving with rows and columns of one size may enlarge b before no digit is left."""


def sparse_lu(matrix: csr_array, order: Ints | None = None, pivoting: float = 0.1) -> Factors:
    """Return the LU factors of a matrix.

    Where no diagonal entry is zero, the pattern of a difference operator is nearly symmetric, and
    an order for that saves fill: one that is given, or of minimum degree.

    Parameters
    ----------
    matrix : csr_array
    order : array of int, optional
        Rows, and columns likewise, in the order of elimination.
    pivoting : float
        Part of the largest entry in its column that a diagonal entry needs to be taken as pivot.

    Raises
    ------
    RuntimeError
        If it is singular.
    MemoryError
        If there is no room for the factors.
    """
    try:
        if order is None and not matrix.diagonal().all():
            return Factors.of(matrix.tocsc())
        return Factors.of(
            matrix.tocsc(),
            order,
            permc_spec="MMD_AT_PLUS_A" if order is None else "NATURAL",
            diag_pivot_thresh=pivoting,
            options={"SymmetricMode": True},
        )
    except MemoryError:
        raise MemoryError(
            f"the factors of a matrix of {matrix.shape[0]} unknowns and {matrix.nnz} entries do "
            "not fit into memory: solver='krylov' and solver='amg' take as much as some fields, "
            "and a coarser grid less"
        ) from None


def inverse(
    matrix: csr_array,
    singular: str,
    growth: float = LARGEST_GROWTH,
    order: Ints | None = None,
    accepted: float = 0.0,
) -> Callable[[Array], Array]:
    """Return a function that solves with a matrix.

    Parameters
    ----------
    matrix : csr_array, (n, n)
    singular : str
        The error's text if it is singular.
    growth : float
        Times that its inverse may enlarge a right-hand side before it counts as singular.
    order : array of int, optional
        The order of elimination.
    accepted : float
        Part of a row that the factors may leave before their solutions are refined.

    Raises
    ------
    ValueError
        If the matrix is singular to working precision.
    MemoryError
        If there is no room for its factors.
    """
    left, right = equilibration(matrix)
    scaled = sparse.csr_array(sparse.diags_array(left) @ matrix @ sparse.diags_array(right))
    try:
        factors = sparse_lu(scaled, order)
    except RuntimeError:
        raise ValueError(singular) from None
    probe = np.random.default_rng(0).uniform(-1, 1, len(left))
    found = factors.solve(probe)
    if not np.abs(found).max(initial=0) <= growth:
        raise ValueError(singular)
    # By rows (Arioli, Demmel and Duff, 1989).
    rows = abs(scaled) @ np.abs(found) + np.abs(probe)
    exact = bool((np.abs(probe - scaled @ found) <= accepted * rows).all())

    def solve(b: Array) -> Array:
        x = factors.solve(left * b)
        if not exact:
            # Pivots are chosen for little fill: one step of refinement gives back the digits.
            x = x + factors.solve(left * b - scaled @ x)
        result: Array = right * x
        return result

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
    size = row_sizes(system.matrix).max(initial=0)
    solve = inverse(matrix, _singular(system), order=elimination_order(system, matrix))

    def noise() -> float:
        # Solutions to any right-hand side are about as large as those to the least images.
        probe = np.random.default_rng(0).uniform(-1, 1, system.size)
        found = solve(np.concatenate([probe, np.zeros(null.shape[1])]))[: system.size]
        return float(NULL_IMAGE * size * max_norm(found))

    def bordered(b: Array) -> Array:
        x = solve(np.concatenate([b, np.zeros(null.shape[1], b.dtype)]))
        found = x[: system.size]
        # The border's columns are orthonormal, rows of the matrix have their own size.
        gram, whole = np.eye(null.shape[1]), euclidean_norm(b)
        roundoff = ROUNDINGS * np.finfo(float).eps * size * euclidean_norm(found)
        check_consistent(
            x[system.size :], gram, whole, lambda: null_fields(system), noise, roundoff
        )
        return found

    return bordered


def elimination_order(system: AffineSystem, matrix: csr_array) -> Ints | None:
    """Return the order of elimination of a system's unknowns by nested dissection.

    None if diagonal entries are zero, which then cannot all be pivots. Further unknowns of the
    matrix come last.
    """
    if not matrix.diagonal()[: system.count].all():
        return None
    own = Dissection.of(system).order(system.values.points(system.free))
    return np.append(own, np.arange(len(own), matrix.shape[0]))


def _singular(system: AffineSystem) -> str:
    taken = {part.place.face for part in system.equations.parts}
    grid = system.values.grid
    valid = system.operator.mask if isinstance(system.operator, Masked) else np.True_
    there = [face for face in grid.faces if (grid.face(face) & valid).any()]
    without = [face for face in there if face not in taken]
    listed = f" (there are none on {', '.join(without)})" if without else ""
    advice = "; NoCondition is for faces where the equation degenerates" if without else ""
    if not valid.all():
        advice += "; points beside holes need conditions as faces do, on masks"
    return (
        f"{system!r} is singular to working precision: zero is an eigenvalue, whose field "
        "EVP(…).solve(1) shows (a resonance), or conditions repeat each other or are missing"
        f"{listed}, or {FEWER_POINTS}{advice}"
    )
