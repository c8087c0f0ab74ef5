"""Eigenvalues nearest to a number, by ARPACK on the inverse of the shifted matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs, eigsh

from findops.common.blas import blas_threads
from findops.problems.eigen.pencil import SINGULAR_PENCIL
from findops.problems.linear.direct import inverse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from findops.common.arrays import Array
    from findops.common.progress import Bar
    from findops.problems.eigen.pencil import Pencil

    LinearMap = Callable[[Array], Array]

__all__ = ["SAME_DISTANCE", "SPARE_PAIRS", "nearest_eigenpairs", "shifts"]

ARPACK_RESTARTS = 1000
"""How often ARPACK may restart."""

SPARE_PAIRS = 2
"""Pairs looked for beyond those that are asked for: multiple ones converge one by one."""

SHIFT_STEP = 1e-8
"""Part of the size of rows by which a shift leaves an eigenvalue: half of the digits."""

ACCEPTED = 1e-11
"""Part of a row that solutions may leave: they are far more exact than distances need be."""

SAME_DISTANCE = 1e-6
"""Relative difference of distances that are one distance."""

FEW_DIGITS = 1e-4
"""Tolerance of ARPACK by which the size of what is left is estimated."""

SMALL_SPACE = 12
"""Dimension of its Krylov space then, as few as converge in about as many solutions."""


@blas_threads(1)
def nearest_eigenpairs(pencil: Pencil, k: int, near: complex, bar: Bar) -> tuple[Array, Array]:
    """Return at least k eigenvalues nearest to a number (m,), and their vectors (n, m); or all.

    The dominant eigenvalues θ of (A − σB)⁻¹B are those of the pencil nearest to σ, λ = σ + 1/θ:
    Ericsson and Ruhe (1980). Infinite ones are θ = 0. A Krylov space may hold one vector only of
    an eigenvalue that has several: what it missed is looked for in the complement of what was
    found, until nothing nearer is left there.

    Raises
    ------
    RuntimeError
        If ARPACK does not converge.
    ValueError
        If A − σB is singular for every σ.
    """
    if not pencil.mass.nnz:
        return np.zeros(0), np.zeros((pencil.n, 0))
    sigma, shifted = _shifted(pencil, near)

    def solve(b: Array) -> Array:
        bar.advance()
        return shifted(np.ravel(b))

    count = k
    while True:
        count = min(count + SPARE_PAIRS, pencil.n - 2)
        theta, vectors = _dominant(pencil, sigma, solve, count)
        if pencil.hermitian and pencil.dtype.kind == "c":
            theta, vectors = _ritz(pencil, solve, vectors)  # what Arnoldi found is not orthogonal
        theta, vectors = _completed(pencil, solve, theta, vectors)
        finite = np.abs(theta) * pencil.infinite > 1
        values = sigma + 1 / theta[finite]
        if count == pencil.n - 2 or _enclosed(values, near, k, sigma, theta):
            return values, vectors[:, finite]
        count *= 2


def _enclosed(values: Array, near: complex, k: int, sigma: complex, theta: Array) -> bool:
    """Tell whether the k nearest to a number lie where nothing nearer to the shift is unknown."""
    if len(values) < k:
        return True  # there are no other finite ones
    radius = np.sort(np.abs(values - near))[k - 1] + abs(sigma - near)
    return bool(radius * np.abs(theta).min() <= 1 + SAME_DISTANCE)


def _dominant(pencil: Pencil, sigma: complex, solve: LinearMap, k: int) -> tuple[Array, Array]:
    """Return the k largest θ and their vectors."""
    dtype = np.result_type(pencil.dtype, np.asarray(sigma).dtype)
    shape = (pencil.n, pencil.n)
    options: dict[str, Any] = {
        "which": "LM",
        "maxiter": ARPACK_RESTARTS,
        "ncv": _space(k, pencil.n),
    }
    try:
        if pencil.hermitian and dtype.kind == "f":
            inverse = LinearOperator(shape, matvec=solve, dtype=dtype)
            start = _start(pencil, solve)
            values, vectors = eigsh(
                pencil.A, k, pencil.B, sigma.real, OPinv=inverse, v0=start, **options
            )
            return 1 / (values - sigma), vectors
        apply = LinearOperator(shape, matvec=lambda x: solve(pencil.mass @ x), dtype=dtype)
        theta, vectors = eigs(apply, k, v0=_start(pencil, solve).astype(dtype), **options)
    except ArpackNoConvergence as error:
        raise RuntimeError(
            f"only {len(error.eigenvalues)} of {k} eigenvalues near {sigma:g} converged in "
            f"{ARPACK_RESTARTS} restarts of ARPACK: ask for fewer, or give a `near` closer to them"
        ) from None
    real = dtype.kind == "f" and not theta.imag.any()
    return (theta.real, vectors.real) if real else (theta, vectors)


def _space(k: int, n: int) -> int:
    """Return the dimension of the Krylov space for k pairs."""
    return min(n, max(2 * k + 1, 30))


def _start(pencil: Pencil, solve: LinearMap) -> Array:
    """Return a start vector, the same every time, without part that belongs to λ = ∞."""
    return solve(pencil.mass @ np.random.default_rng(0).standard_normal(pencil.n))


def _completed(
    pencil: Pencil, solve: LinearMap, theta: Array, vectors: Array
) -> tuple[Array, Array]:
    """Return eigenpairs together with those that are missing among them."""
    # Below that are eigenvalues that are infinite, of which there may be thousands.
    weakest = max(float(np.abs(theta).min()), 1 / pencil.infinite)
    while vectors.shape[1] < pencil.n - 2:
        basis, _ = np.linalg.qr(vectors)
        found = _outside(lambda x: solve(pencil.mass @ x), basis, weakest)
        if found is None:
            break
        theta, vectors = _ritz(pencil, solve, np.column_stack([basis, found]))
    return theta, vectors


def _ritz(pencil: Pencil, solve: LinearMap, vectors: Array) -> tuple[Array, Array]:
    """Return the θ and vectors in a space that holds them, orthonormal where they can be."""
    basis: Array = np.linalg.qr(vectors)[0]
    image = np.column_stack([solve(pencil.mass @ column) for column in basis.T])
    if not pencil.hermitian:
        theta, coefficients = np.linalg.eig(basis.conj().T @ image)
        return theta, basis @ coefficients
    # The inverse is self-adjoint in the inner product of B.
    dual = (pencil.mass @ basis).conj().T
    theta, coefficients = linalg.eigh(dual @ image, dual @ basis)
    return theta, basis @ coefficients


def _outside(apply: LinearMap, basis: Array, weakest: float) -> Array | None:
    """Return a vector of the dominant θ in the complement of a basis, if it exceeds a size."""

    def project(x: Array) -> Array:
        rest: Array = x - basis @ (basis.conj().T @ x)
        return rest

    def deflated(x: Array) -> Array:
        return project(apply(project(np.ravel(x))))

    n, found = basis.shape
    # Another one each time: the last found is all that the last start had of its eigenvalue.
    start = deflated(np.random.default_rng(found).standard_normal((n,)))
    if np.linalg.norm(start) <= SAME_DISTANCE * weakest:
        return None  # all that is left is θ = 0
    operator = LinearOperator((n, n), matvec=deflated, dtype=start.dtype)
    try:
        # Mostly a few digits tell that it is less; where they do not, all that count.
        for tol, space in ((FEW_DIGITS, SMALL_SPACE), (SAME_DISTANCE / 10, None)):
            theta, vectors = eigs(
                operator, 1, v0=start, tol=tol, ncv=space, maxiter=ARPACK_RESTARTS
            )
            if abs(theta[0]) <= (1 + SAME_DISTANCE - 10 * tol) * weakest:
                return None
        theta, vectors = eigs(operator, 1, v0=start, maxiter=ARPACK_RESTARTS)
    except ArpackNoConvergence:
        raise RuntimeError(
            "whether all nearest eigenvalues were found did not become certain in "
            f"{ARPACK_RESTARTS} restarts of ARPACK: ask for fewer or more"
        ) from None
    vector: Array = vectors[:, 0]
    return vector.real if start.dtype.kind == "f" and theta[0].imag == 0 else vector


def _shifted(pencil: Pencil, near: complex) -> tuple[complex, LinearMap]:
    """Return a shift at a number, or beside it if it is an eigenvalue, and what inverts there."""
    for sigma in shifts(pencil, near):
        try:
            return sigma, inverse(pencil.shifted(sigma), SINGULAR_PENCIL, accepted=ACCEPTED)
        except ValueError:
            continue
    raise ValueError(SINGULAR_PENCIL)


def shifts(pencil: Pencil, near: complex) -> Iterator[complex]:
    """Yield a number, and others beside it, by the smallest and the largest ratio of rows.

    On graded grids these differ by many orders, and eigenvalues near the number are small.
    """
    yield near
    a, b = pencil.row_sizes
    both = (a > 0) & (b > 0)
    ratios = a[both] / b[both] if both.any() else np.ones(1)
    # Away from where most of the spectrum lies, definite matrices stay definite.
    trace = (pencil.A.diagonal() - near * pencil.mass.diagonal()).sum().real
    away = -1.0 if trace > 0 else 1.0
    for size in (ratios.min(), ratios.max()):
        yield near + away * SHIFT_STEP * (float(size) + abs(near))
