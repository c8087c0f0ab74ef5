"""LOBPCG: ends of the spectra of large Hermitian pencils, without factorization."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee
from scipy.sparse.linalg import LinearOperator, lobpcg

from findops.common.blas import dense_work

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.common.arrays import Array
    from findops.problems.eigen.pencil import Pencil


__all__ = ["extreme_eigenpairs", "too_large"]

FRONT = 1500
"""Half width of the band up to which a matrix is factored: 46³ points at acc 2, 30³ at acc 4."""

CONVERGED_RESIDUAL = 1e-10
"""Residual of a pair that has converged, relative to ‖A‖."""

STEPS = 20
"""Iterations of LOBPCG between looks at the residuals."""

ROUNDS = 25
"""Looks at the residuals before the search is given up."""

SPARE_COLUMNS = 4
"""Pairs looked for beyond those that are asked for."""


def too_large(pencil: Pencil) -> bool:
    """Tell whether a sparse factorization would take more than some gigabytes or minutes."""
    if pencil.n <= FRONT:
        return False
    order = reverse_cuthill_mckee(sparse.csr_matrix(pencil.A), symmetric_mode=True)
    place = np.empty(pencil.n, np.intp)
    place[order] = np.arange(pencil.n)
    rows, columns = pencil.A.nonzero()
    return int(np.abs(place[rows] - place[columns]).max(initial=0)) > FRONT


def extreme_eigenpairs(
    pencil: Pencil, k: int, near: float, precondition: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """Return the k eigenvalues nearest to a number beside the spectrum, and their vectors (n, k).

    Knyazev (2001): a block of vectors is improved along preconditioned residuals. It finds
    multiple eigenvalues, as many as its columns.

    Raises
    ------
    RuntimeError
        If it does not converge.
    ValueError
        If the number lies within the spectrum.
    """
    trace = (pencil.A.diagonal() - near * pencil.mass.diagonal()).sum().real
    side = 1.0 if trace >= 0 else -1.0
    A = side * pencil.shifted(near)
    n, dtype = pencil.n, pencil.dtype
    inverse = LinearOperator((n, n), matvec=lambda x: precondition(np.ravel(x)), dtype=dtype)
    size = pencil.norms[0]
    block = np.random.default_rng(0).standard_normal((n, k + SPARE_COLUMNS)).astype(dtype)
    for _ in range(ROUNDS):
        with warnings.catch_warnings(), dense_work(n * (3 * block.shape[1]) ** 2):
            warnings.simplefilter("ignore", UserWarning)  # residuals tell, below
            every, block = lobpcg(
                A,
                block,
                pencil.B,
                inverse,
                tol=CONVERGED_RESIDUAL * size,
                maxiter=STEPS,
                largest=False,
            )
        # The columns beyond the k-th need not converge, and may never.
        first = np.argsort(every)[:k]
        values, vectors = every[first], block[:, first]
        left = np.linalg.norm(A @ vectors - (pencil.mass @ vectors) * values, axis=0)
        converged = int(
            (left <= 2 * CONVERGED_RESIDUAL * size * np.linalg.norm(vectors, axis=0)).sum()
        )
        if converged == k:
            break
    else:
        raise RuntimeError(
            f"only {converged} of {k} eigenvalues near {near:g} converged in {ROUNDS * STEPS} "
            "steps of LOBPCG: ask for fewer"
        )
    if values[0] < -CONVERGED_RESIDUAL * size:
        raise ValueError(
            f"near={near:g} lies within the spectrum, and the matrix of {n} unknowns is too large "
            "to be factored: give a number beside the spectrum, or a coarser grid"
        )
    return near + side * values, vectors
