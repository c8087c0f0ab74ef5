"""Matrix pencils A x = λ B x: proofs of their symmetry, and dense solutions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import linalg, sparse

from findops.common.blas import DECOMPOSITION_WORK, dense_work
from findops.conditions.equilibration import equilibration, row_sizes
from findops.problems.linear.direct import sparse_lu

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem, AnyOperator


__all__ = ["SINGULAR_PENCIL", "Pencil", "dense_eigenpairs"]

HERMITIAN_ROUNDOFF = 1e-13
"""Part of the largest entry by which a matrix may differ from its conjugate transpose."""

VANISHING = 1e-13
"""Times the number of unknowns: relative sizes below which both numbers of λ = α/β are zero."""

GRADED_ROWS = 1e3
"""Ratio of the sizes of rows from which on small eigenvalues lose digits beside the largest."""

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
    def of(system: AffineSystem, mass: AnyOperator | None) -> Pencil:
        """Return the matrices of L u = λ M u under conditions, M being the identity if not given.

        Rows of conditions have no mass, nor have constants that balance means.
        """
        own = system.mass_matrix(mass)
        plain = mass is None and own.nnz == system.size
        return Pencil(system.matrix, None if plain else own)

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
    def row_sizes(self) -> tuple[Array, Array]:
        """The sums of absolute values in every row of A, and of B."""
        return row_sizes(self.A), row_sizes(self.mass)

    @cached_property
    def norms(self) -> tuple[float, float]:
        """‖A‖ and ‖B‖, the largest sums of absolute values in a row."""
        a, b = self.row_sizes
        return float(a.max()), float(b.max())

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

    def toward(self, near: float) -> float:
        """Return a number in whose order of distance real eigenvalues are as from the one given.

        Farther away than Gershgorin's circles, all distances would be about the same.
        """
        if self.B is not None:
            return near
        centers = self.A.diagonal().real
        radii = self.row_sizes[0] - np.abs(centers)
        return float(np.clip(near, (centers - radii).min(), (centers + radii).max()))

    def similar(self, factors: Array) -> Pencil:
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
        factors = sparse_lu(matrix, pivoting=0.0).lu
    except (RuntimeError, MemoryError):
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
    if pencil.hermitian:
        b = None if pencil.B is None else pencil.B.toarray()
        with dense_work(DECOMPOSITION_WORK * pencil.n**3):
            values, vectors = linalg.eigh(pencil.A.toarray(), b)
        return _corrected(pencil, values, vectors, vectors), vectors
    sizes = pencil.row_sizes[0]
    if pencil.B is None and sizes.max() <= GRADED_ROWS * sizes.min():
        with dense_work(DECOMPOSITION_WORK * pencil.n**3):
            values, left, right = linalg.eig(pencil.A.toarray(), left=True)
        return _corrected(pencil, values, left, right), right
    return _generalized_eigenpairs(pencil)


def _generalized_eigenpairs(pencil: Pencil) -> tuple[Array, Array]:
    """Return all finite eigenvalues and vectors of a pencil, by its rows and columns of one size.

    Graded rows would leave of small eigenvalues what roundoff of the largest does.
    """
    rows, columns = equilibration(pencil.A)
    left, right = sparse.diags_array(rows), sparse.diags_array(columns)
    scaled = Pencil((left @ pencil.A @ right).tocsr(), (left @ pencil.mass @ right).tocsr())
    with dense_work(DECOMPOSITION_WORK * pencil.n**3):
        (alpha, beta), y, x = linalg.eig(
            scaled.A.toarray(), scaled.mass.toarray(), left=True, homogeneous_eigvals=True
        )
    a, b = scaled.norms
    if (np.abs(alpha) / (a or 1) + np.abs(beta) / (b or 1)).min() <= pencil.n * VANISHING:
        raise ValueError(SINGULAR_PENCIL)
    finite = np.abs(alpha) <= pencil.infinite * np.abs(beta)
    values, y, x = alpha[finite] / beta[finite], y[:, finite], x[:, finite]
    return _corrected(scaled, values, y, x), columns[:, None] * x


def _corrected(pencil: Pencil, values: Array, left: Array, right: Array) -> Array:
    """Return the Rayleigh quotients y*Ax / y*Bx of left and right vectors (n, m).

    Errors of the vectors enter as products (Ostrowski, 1959), so that digits come back which
    roundoff of the size of ‖A‖ took.
    """
    image = pencil.mass @ right
    missed = np.einsum("ij,ij->j", left.conj(), pencil.A @ right - image * values)
    weight = np.einsum("ij,ij->j", left.conj(), image)
    change = np.divide(missed, weight, out=np.zeros_like(missed), where=weight != 0)
    result: Array = values + (change if np.iscomplexobj(values) else change.real)
    return result
