"""Solvers of eigenvalue problems: the choice among them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from findops.problems.eigen.corrections import (
    approximate_solver,
    multigrid_inverse,
    separable_inverse,
)
from findops.problems.eigen.davidson import corrected_eigenpairs
from findops.problems.eigen.pencil import dense_eigenpairs
from findops.problems.eigen.shift_invert import nearest_eigenpairs, shifts
from findops.problems.linear.krylov import nearest_separable
from findops.problems.linear.solvers import as_solution

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.common.progress import Bar
    from findops.conditions.affine_system import AffineSystem
    from findops.problems.eigen.pencil import Pencil
    from findops.problems.linear.solvers import Solver


__all__ = ["METHODS", "Found", "Search", "search"]

DENSE_UNKNOWNS = 200
"""Unknowns up to which all eigenvalues are found, by dense matrices."""

DENSE_SHARE = 4
"""Unknowns for each eigenvalue that is asked for below which dense matrices are cheaper."""

FACTORED_UNKNOWNS = 4000
"""Unknowns up to which matrices are factored in any case."""

FRONT = 1500
"""Half width of the band up to which they may be factored at all: some gigabytes, or minutes."""

ELIMINATION_WORK = 300
"""Times (k + 10) n up to which the cube of that half width takes less time than iterations."""

FRONT_BYTES = 400
"""Memory of factors over the square of the half width, measured in cubes."""


class Found(NamedTuple):
    """Eigenpairs, at least as many as asked for or all that are finite."""

    values: Array
    vectors: Array
    """(n, m)"""
    method: str


@dataclass(frozen=True, eq=False)
class Search:
    """What is looked for: the k eigenvalues nearest to a number."""

    system: AffineSystem
    pencil: Pencil
    """Its matrices, in unknowns y = factors · x."""
    factors: Array
    k: int
    near: complex
    bar: Bar

    @property
    def small(self) -> bool:
        """Whether dense matrices are cheapest."""
        n = self.pencil.n
        return n <= DENSE_UNKNOWNS or DENSE_SHARE * self.k >= n


def search(wanted: Search, solver: Solver) -> Found:
    """Return eigenpairs by a given solver, or by the first of those that fit.

    Raises
    ------
    ValueError
        If the solver does not fit.
    RuntimeError
        If they do not converge.
    MemoryError
        If there is no room for the factors of the matrix.
    """
    if callable(solver):
        return _given(wanted, solver)
    if solver != "auto":
        found = METHODS[solver](wanted)
        if found is None:
            raise ValueError(
                f"{wanted.system!r} is near no sum of one-dimensional operators, as "
                f"solver={solver!r} needs: 'amg' or 'direct' would do"
            )
        return found
    front = half_width(wanted.pencil)
    failed = []
    for name in _candidates(wanted, front):
        try:
            found = METHODS[name](wanted)
        except (RuntimeError, MemoryError) as error:
            failed.append(f"solver={name!r}: {error}")
            continue
        if found is not None:
            return found
    tried = "; ".join(failed) or "no separable problem is near, and PyAMG is not installed"
    raise RuntimeError(
        f"{wanted.system!r}: its {wanted.pencil.n} unknowns are too many to be factored unasked, "
        f"and no iterations found eigenvalues near {wanted.near:g} ({tried}). solver='direct' "
        f"would take some {FRONT_BYTES * front**2 / 1e9:.0f} GB; a function of (A, b) or a coarser "
        "grid would do"
    )


def _candidates(wanted: Search, front: int) -> tuple[str, ...]:
    """Return the names of what is tried, first to last."""
    n, k = wanted.pencil.n, wanted.k
    work = ELIMINATION_WORK * (k + 10) * n
    if wanted.small or n <= FACTORED_UNKNOWNS or (front <= FRONT and front**3 <= work):
        return ("direct",)
    iterative = ("krylov", "amg") if find_spec("pyamg") else ("krylov",)
    return (*iterative, "direct") if front <= FRONT else iterative


def half_width(pencil: Pencil) -> int:
    """Return the half width of the band of a matrix: its square is what its factors take."""
    order = reverse_cuthill_mckee(sparse.csr_matrix(pencil.A), symmetric_mode=True)
    place = np.empty(pencil.n, np.intp)
    place[order] = np.arange(pencil.n)
    rows, columns = pencil.A.nonzero()
    return int(np.abs(place[rows] - place[columns]).max(initial=0))


def _direct(wanted: Search) -> Found:
    pencil = wanted.pencil
    if wanted.small:
        return Found(*dense_eigenpairs(pencil), "dense matrices")
    try:
        pairs = nearest_eigenpairs(pencil, wanted.k, wanted.near, wanted.bar)
    except MemoryError:
        raise MemoryError(
            f"{wanted.system!r}: there is no room for the factors of its {pencil.n} unknowns, some "
            f"{FRONT_BYTES * half_width(pencil) ** 2 / 1e9:.1g} GB: solver='krylov' or 'amg' "
            "needs none, nor does a coarser grid"
        ) from None
    return Found(*pairs, f"shift-invert {'Lanczos' if pencil.hermitian else 'Arnoldi'}")


def _krylov(wanted: Search) -> Found | None:
    near = nearest_separable(wanted.system)
    if near is None:
        return None
    # B stands beside scale · A₀ · scale.
    mass = float(np.mean(wanted.pencil.mass.diagonal().real / near.scale**2))
    number, inverse = separable_inverse(near, _beside(wanted) * mass, wanted.k)

    def precondition(r: Array) -> Array:
        return wanted.factors * inverse(r / wanted.factors)

    solve = approximate_solver(wanted.pencil, number / mass, precondition)
    return _corrected(wanted, solve, "separable preconditioner")


def _multigrid(wanted: Search) -> Found:
    precondition = multigrid_inverse(wanted.pencil, wanted.near.real)
    solve = approximate_solver(wanted.pencil, _beside(wanted), precondition)
    return _corrected(wanted, solve, "algebraic multigrid")


def _given(wanted: Search, solver: Callable[[csr_array, Array], Array]) -> Found:
    matrix = wanted.pencil.shifted(_beside(wanted))

    def solve(r: Array) -> Array:
        found = as_solution(solver(matrix, r), r)
        if not np.isfinite(found).all():
            raise ValueError(f"{wanted.system!r}: what the solver returned is not finite")
        return found

    return _corrected(wanted, solve, "given")


def _corrected(wanted: Search, solve: Callable[[Array], Array], by: str) -> Found:
    """Return eigenpairs by Davidson's method."""
    n, most = wanted.pencil.n, (wanted.pencil.n - 1) // DENSE_SHARE
    if wanted.k > most:
        raise ValueError(
            f"{wanted.system!r} has {n} unknowns, of whose eigenvalues iterations find up to "
            f"{most}, but k is {wanted.k}: solver='direct' finds all of them"
        )

    def correct(r: Array) -> Array:
        wanted.bar.advance()
        return solve(r)

    pairs = corrected_eigenpairs(wanted.pencil, wanted.k, wanted.near, _beside(wanted), correct)
    return Found(*pairs, f"Davidson, {by}")


def _beside(wanted: Search) -> complex:
    """Return a number beside the one that is given, which may well be an eigenvalue."""
    _, first, _ = shifts(wanted.pencil, wanted.near)
    return first


METHODS: dict[str, Callable[[Search], Found | None]] = {
    "direct": _direct,
    "krylov": _krylov,
    "amg": _multigrid,
}
"""Functions that find eigenpairs, None where they do not fit."""
