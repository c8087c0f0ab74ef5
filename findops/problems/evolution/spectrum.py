"""Spectra of semidiscrete equations: all eigenvalues, or those at the ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs, eigsh

from findops.common.blas import DECOMPOSITION_WORK, blas_threads, dense_work
from findops.common.caches import Cache
from findops.problems.evolution.bounds import ends_of_sum, spectral_bounds
from findops.problems.linear.diagonalization import FastDiagonalization
from findops.problems.linear.separable import fast_diagonalization

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.problems.evolution.bounds import Bounds


__all__ = ["Spectrum", "largest_multiplier", "spectrum_of_function", "spectrum_of_system"]

COMPLETE_UNKNOWNS = 400
"""Unknowns, or points along an axis, up to which all eigenvalues are computed."""

KEPT_BYTES = 1 << 20
"""Bytes of ends of spectra that are kept."""

ASSEMBLED_UNKNOWNS = 200_000
"""Unknowns up to which a matrix is assembled in order to learn about its spectrum."""

ZERO_REAL_PART = 1e-7
"""Part of the largest eigenvalue below which a real part is zero."""

ZERO_REAL_PART_BY_DIFFERENCES = 1e-6
"""The same, where derivatives are taken by differences."""

ARNOLDI_ERROR = 1e-3
"""Relative error of eigenvalues found by Arnoldi's iteration."""

ARNOLDI_RESTARTS = {"LM": 300, "LR": 4, "LA": 4, "LI": 4}
"""How often Arnoldi's iteration may start again: the largest |λ| is needed, others may be missed
where they stand close to each other."""

POWER_STEPS = 20
"""Steps in time after which a disturbance drawn at random consists of what grows most, and in which
its growth is measured."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues λ of x' = A x, or those at the ends of the spectrum.

    Parameters
    ----------
    find : callable
        Returns the eigenvalues.
    complete : bool
        Whether these are all of them.
    dissipative : bool
        Whether it is proved that nothing grows: by Re (x, A x) ≤ 0 for all x in a quadrature norm,
        or by rows.
    roundoff : float
        Part of the largest eigenvalue below which a real part is zero.
    bounds : Bounds or None
        A region that holds them, if one is known: steps that are stable for all of it need no
        eigenvalues.
    """

    find: Callable[[], Array]
    complete: bool = True
    dissipative: bool = False
    roundoff: float = ZERO_REAL_PART
    bounds: Bounds | None = None

    @cached_property
    def values(self) -> Array:
        """The eigenvalues."""
        return self.find()

    @cached_property
    def radius(self) -> float:
        """The largest |λ|, a little more where the values are not exact."""
        return float(np.abs(self.values).max(initial=0)) * self.slack

    @cached_property
    def outermost(self) -> tuple[Array, Array]:
        """The directions λ/|λ| of eigenvalues that are not zero, and the largest |λ| in each."""
        values = np.asarray(self.values, dtype=complex)
        zero = self.roundoff * self.radius
        values = values[np.abs(values) > zero]
        directions = np.where(np.abs(values.real) <= zero, 1j * values.imag, values)
        directions /= np.abs(directions)
        sizes = np.abs(values)
        order = np.argsort(-sizes, kind="stable")
        first = np.unique(np.round(directions[order], 9), return_index=True)[1]
        return directions[order[first]], sizes[order[first]]

    @property
    def slack(self) -> float:
        """What makes up for eigenvalues that are found too small."""
        return 1.0 if self.complete else 1 + ARNOLDI_ERROR

    @cached_property
    def growth(self) -> float:
        """The largest Re λ, 0 where it is not above the error of the eigenvalues."""
        if self.dissipative:
            return 0.0
        largest = float(self.values.real.max(initial=0))
        error = self.roundoff if self.complete else 10 * ARNOLDI_ERROR
        return largest if largest > error * self.radius else 0.0

    def second_order(self) -> Spectrum:
        """Return the spectrum of the pair (x, x') of x″ = A x: the square roots."""

        def find() -> Array:
            tiny = np.abs(self.values) <= ZERO_REAL_PART * np.abs(self.values).max(initial=0)
            roots = np.sqrt(np.where(tiny, 0, self.values).astype(complex))
            return np.concatenate([roots, -roots])

        bounds = self.bounds and self.bounds.second_order()
        return Spectrum(find, self.complete, bounds is not None, 10 * ZERO_REAL_PART, bounds)


def spectrum_of_system(system: AffineSystem, key: Hashable | None = None) -> Spectrum:
    """Return the spectrum of a system's matrix.

    All eigenvalues, if there are up to 400 unknowns, or if the operator is a sum of one-dimensional
    ones of up to 400 points with constant coefficients; the ends, if such a sum of symmetric ones
    has more; otherwise bounds, where rows tell them, and the eigenvalues that Arnoldi's iteration
    finds at the ends, once somebody asks for them. These are kept for systems of the same key.
    """
    n = system.count
    if n <= COMPLETE_UNKNOWNS:
        dense = system.matrix.toarray()
        proved = any(
            _dense_eigenvalues(h, True).max(initial=0) <= 0 for h in _hermitian_parts(system, dense)
        )
        find = partial(_dense_eigenvalues, dense, system.symmetric)
        return Spectrum(find, dissipative=proved)
    ends = ends_of_sum(system)
    if ends is not None:
        return Spectrum(lambda: ends)
    fast = fast_diagonalization(system) if max(system.values.lattice) <= COMPLETE_UNKNOWNS else None
    if isinstance(fast, FastDiagonalization):
        return Spectrum(fast.eigenvalues().ravel)
    bounds = spectral_bounds(system)
    find = partial(_kept, key, "ends", partial(_ends_of_system, system))
    if bounds is not None:
        return Spectrum(find, False, True, bounds=bounds)
    few = n <= ASSEMBLED_UNKNOWNS
    proved = few and bool(_kept(key, "decay", partial(_decays, system)))
    return Spectrum(find, complete=False, dissipative=proved)


def _kept(key: Hashable | None, what: str, make: Callable[[], Array]) -> Array:
    """Return what is found for systems of a key, made once."""
    return make() if key is None else _found.find((key, what), make)


_found: Cache[Array] = Cache(KEPT_BYTES)


def _decays(system: AffineSystem) -> Array:
    """Tell whether Re (x, A x) ≤ 0 is proved for all x."""
    return np.array(any(_nonpositive(h) for h in _hermitian_parts(system, system.matrix)))


def _ends_of_system(system: AffineSystem) -> Array:
    """Return the eigenvalues of a system's matrix at the ends, by Arnoldi's iteration."""
    n, dtype = system.count, system.dtype
    if n > ASSEMBLED_UNKNOWNS:
        return _ends(system.matvec, n, dtype)
    matrix = system.matrix
    return _ends(lambda x: matrix @ x, n, dtype, system.symmetric)


def spectrum_of_function(f: Callable[[Array], Array], x: Array) -> Spectrum:
    """Return the spectrum of a function's derivative at x, by differences along directions."""
    apply, n, dtype = _derivative(f, x)
    if n > COMPLETE_UNKNOWNS:
        ends = partial(_ends, apply, n, dtype)
        return Spectrum(ends, False, roundoff=ZERO_REAL_PART_BY_DIFFERENCES)
    columns = np.stack([apply(column) for column in np.eye(n)], axis=1)
    find = partial(_dense_eigenvalues, columns, False)
    return Spectrum(find, roundoff=ZERO_REAL_PART_BY_DIFFERENCES)


def largest_multiplier(
    step: Callable[[Array], Array], f: Callable[[Array], Array], x: Array
) -> tuple[float, float]:
    """Return the largest |eigenvalue| of the derivative of a step in time, and Re λ of x' = f(x).

    The largest Re λ, at least 0; it is needed where the first is above 1, and 0 elsewhere. Beyond
    400 unknowns what a step makes grow fast is found by powers, and λ among what that consists of.
    """
    if x.size <= COMPLETE_UNKNOWNS:
        largest = spectrum_of_function(step, x).radius
        return largest, _largest_rate(spectrum_of_function(f, x).values) if largest > 1 else 0.0
    apply, n, _ = _derivative(step, x)
    v, growth = np.random.default_rng(0).standard_normal(n), []
    for _ in range(2 * POWER_STEPS):
        v = apply(v / np.linalg.norm(v))
        growth.append(float(np.linalg.norm(v)))
        if not growth[-1]:
            return 0.0, 0.0
    largest = float(np.exp(np.log(growth[POWER_STEPS:]).mean()))
    slope = _derivative(f, x)[0]
    # A mode that oscillates has two directions.
    basis = np.linalg.qr(np.stack([v, slope(v)], axis=1))[0].T
    projected = basis @ np.stack([slope(direction) for direction in basis], axis=1)
    return largest, _largest_rate(np.linalg.eigvals(projected)) if largest > 1 else 0.0


def _largest_rate(values: Array) -> float:
    return float(values.real.max(initial=0))


def _derivative(
    f: Callable[[Array], Array], x: Array
) -> tuple[Callable[[Array], Array], int, np.dtype[Any]]:
    """Return the derivative of f at x as a function of directions, their length and their type."""
    if np.iscomplexobj(x):
        # Real and imaginary parts are unknowns of their own: f need not be analytic.
        return _derivative(lambda y: f(y.view(complex)).view(float), x.view(float))
    base = f(x)
    size = np.sqrt(np.finfo(float).eps) * max(1.0, float(np.linalg.norm(x)))

    def apply(v: Array) -> Array:
        length = float(np.linalg.norm(v))
        return np.asarray((f(x + size / length * v) - base) * (length / size))

    return apply, x.size, base.dtype


def _dense_eigenvalues(matrix: Array, hermitian: bool) -> Array:
    with dense_work(DECOMPOSITION_WORK * len(matrix) ** 3):
        return np.linalg.eigvalsh(matrix) if hermitian else np.linalg.eigvals(matrix)


def _hermitian_parts(system: AffineSystem, matrix: Any) -> list[Any]:
    """Return the Hermitian part of a matrix, as it is and in the quadrature norm."""
    weights = system.values.weights.reshape(system.shape)
    made = []
    for norm in (np.ones(system.count), np.sqrt(np.abs(system.restrict(weights)))):
        scaled = _scaled(matrix, norm)
        made.append((scaled + scaled.conj().T) / 2)
    return made


def _scaled(matrix: Any, norm: Array) -> Any:
    """Return the matrix between vectors that are multiplied by a norm's weights."""
    if isinstance(matrix, np.ndarray):
        return norm[:, None] * matrix / norm
    return sparse.diags_array(norm) @ matrix @ sparse.diags_array(1 / norm)


def _nonpositive(hermitian: csr_array) -> bool:
    """Tell whether no eigenvalue is positive, by Gershgorin's circles."""
    diagonal = hermitian.diagonal().real
    beside = np.asarray(abs(hermitian).sum(axis=1)).ravel() - np.abs(diagonal)
    size = np.abs(diagonal).max(initial=0) + beside.max(initial=0)
    return bool((diagonal + beside).max(initial=0) <= 1e-14 * size)


@blas_threads(1)
def _ends(
    apply: Callable[[Array], Array],
    n: int,
    dtype: Any,
    symmetric: bool = False,
) -> Array:
    """Return the eigenvalues at the ends of a spectrum by Arnoldi's iteration."""
    operator = LinearOperator((n, n), matvec=lambda x: apply(np.ravel(x)), dtype=dtype)
    start = np.random.default_rng(0).standard_normal(n).astype(dtype)
    find: Any = eigsh if symmetric else eigs
    found = []
    for which in ("LM", "LA") if symmetric else ("LM", "LR", "LI"):
        try:
            values = find(
                operator,
                k=2,
                which=which,
                v0=start,
                tol=ARNOLDI_ERROR,
                maxiter=ARNOLDI_RESTARTS[which],
                return_eigenvectors=False,
            )
        except ArpackNoConvergence as error:
            values = error.eigenvalues
        found.append(np.asarray(values))
    return np.concatenate(found)
