"""Matrix pencils A x = λ B x: proofs of their symmetry, and dense solutions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import norm

from findops.common.blas import DECOMPOSITION_WORK, dense_work
from findops.problems.linear.direct import sparse_lu

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.masked.operator import Masked
    from findops.operators.operator import Operator


__all__ = ["SINGULAR_PENCIL", "Pencil", "dense_eigenpairs"]

HERMITIAN_ROUNDOFF = 1e-13
"""Part of the largest entry by which a matrix may differ from its conjugate transpose."""

VANISHING = 1e-13
"""Times the number of unknowns: relative sizes below which both numbers of λ = α/β are zero."""

INFINITE = 1e6
"""Times ‖A‖/‖B‖ from where on eigenvalues count as infinite: they come from a singular B."""

SINGULAR_PENCIL = (
    "L − λM is singular under the conditions for every λ: conditions are missing, or a field "
    "stands in neither L nor M"
)
"""The error's text where every number is an eigenvalue."""


@dataclass(frozen=True, eq=False)
class Pencil:
    """The matrices of A x = λ B x."""

    A: csr_array
    B: csr_array | None
    """None for the identity."""

    @staticmethod
    def of(system: AffineSystem, mass: Operator | Masked | None) -> Pencil:
        """Return the matrices of L u = λ M u under conditions, M being the identity if not given.

        Constants that balance means are unknowns without mass.
        """
        means = len(system.equations.means)
        if mass is None and not means:
            return Pencil(system.matrix, None)
        own = sparse.eye_array(system.count) if mass is None else system.reduced(mass)
        whole = sparse.block_diag([own, sparse.csr_array((means, means))], format="csr")
        return Pencil(system.matrix, cast("csr_array", whole))

    @property
    def n(self) -> int:
        """Number of unknowns."""
        return int(self.A.shape[0])

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(self.A.dtype, self.mass.dtype)

    @cached_property
    def mass(self) -> csr_array:
        """B as a matrix."""
        return sparse.eye_array(self.n, format="csr") if self.B is None else self.B

    @cached_property
    def norms(self) -> tuple[float, float]:
        """‖A‖ and ‖B‖, the largest sums of absolute values in a row."""
        return float(norm(self.A, np.inf)), float(norm(self.mass, np.inf))

    @cached_property
    def infinite(self) -> float:
        """The modulus from which on eigenvalues are infinite: some are where B is singular."""
        if self.B is None:
            return np.inf
        a, b = self.norms
        return INFINITE * a / b if b else 0.0

    def shifted(self, sigma: complex) -> csr_array:
        """Return A − σB."""
        return cast("csr_array", self.A - sigma * self.mass)

    @cached_property
    def hermitian(self) -> bool:
        """Whether A is Hermitian to roundoff, and B Hermitian and positive definite."""
        if self.B is None:
            return _hermitian(self.A)
        return _hermitian(self.A) and _hermitian(self.B) and _definite(self.B)

    def scaled(self, factors: Array) -> Pencil:
        """Return the pencil of the unknowns y = factors · x, its rows multiplied likewise."""
        left, right = sparse.diags_array(factors), sparse.diags_array(1 / factors)
        return Pencil(
            (left @ self.A @ right).tocsr(),
            None if self.B is None else (left @ self.B @ right).tocsr(),
        )


def _hermitian(matrix: csr_array) -> bool:
    size = abs(matrix).max() if matrix.nnz else 0.0
    return bool(abs(matrix - matrix.conj().T).max() <= HERMITIAN_ROUNDOFF * size) if size else True


def _definite(matrix: csr_array) -> bool:
    """Tell whether a Hermitian matrix is positive definite."""
    diagonal = matrix.diagonal().real
    if diagonal.min(initial=1) <= 0:
        return False
    if bool((2 * diagonal > abs(matrix).sum(axis=1)).all()):
        return True  # by Gershgorin's circles
    try:
        factors = sparse_lu(matrix, pivoting=0.0)
    except RuntimeError:
        return False
    # Without interchanges, U is D Lᴴ: the pivots have the signs of the eigenvalues.
    return bool(
        np.array_equal(factors.perm_r, factors.perm_c) and factors.U.diagonal().real.min() > 0
    )


def dense_eigenpairs(pencil: Pencil) -> tuple[Array, Array]:
    """Return all finite eigenvalues (m,) and their vectors (n, m), by LAPACK.

    Raises
    ------
    ValueError
        If every number is an eigenvalue.
    """
    a = pencil.A.toarray()
    b = None if pencil.B is None else pencil.B.toarray()
    with dense_work(DECOMPOSITION_WORK * pencil.n**3):
        if pencil.hermitian:
            values, vectors = linalg.eigh(a, b)
            return values, vectors
        if b is None:
            values, vectors = linalg.eig(a)
            return values, vectors
        (alpha, beta), vectors = linalg.eig(a, b, homogeneous_eigvals=True)
    a_norm, b_norm = pencil.norms
    if (np.abs(alpha) / (a_norm or 1) + np.abs(beta) / (b_norm or 1)).min() <= pencil.n * VANISHING:
        raise ValueError(SINGULAR_PENCIL)
    finite = np.abs(alpha) <= pencil.infinite * np.abs(beta)
    return alpha[finite] / beta[finite], vectors[:, finite]
