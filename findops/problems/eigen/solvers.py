"""Solvers of eigenvalue problems: the choice among them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from findops.common.memory import available_bytes
from findops.problems.eigen.corrections import (
    approximate_solver,
    multigrid_inverse,
    separable_inverse,
)
from findops.problems.eigen.davidson import basis_size, corrected_eigenpairs
from findops.problems.eigen.pencil import dense_eigenpairs
from findops.problems.eigen.shift_invert import SPARE_PAIRS, nearest_eigenpairs, shifts
from findops.problems.linear.costs import Cost, Costs
from findops.problems.linear.krylov import NoConvergenceError
from findops.problems.linear.preconditioners import bordered, nearest_separable
from findops.problems.linear.solvers import as_solution, smooths

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

SOLVES = 40
"""Solutions with the factors that ARPACK takes for a pair, and some more for each further one."""

SOLVES_FOR_A_PAIR = 4
"""These."""

CORRECTIONS_FOR_A_PAIR = 15
"""Corrections that Davidson's method takes."""

ITERATIONS = {"krylov": 8, "amg": 12}
"""Steps of a Krylov method for a correction; amid the spectrum it may take many more."""

BASIS_SECONDS = 1.6e-7
"""Seconds for an unknown that it takes to look for pairs in a larger space, by each correction."""

OTHERS = {
    "direct": "solver='direct', which needs no convergence",
    "amg": "solver='amg', with PyAMG: pip install \"findops[solvers]\"",
}
"""What serves where another method fails."""


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
        If there is no room for the factors of the matrix that are asked for.
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
    return _first(wanted)


def _first(wanted: Search) -> Found:
    """Return what the first method finds: of those that there is room for the cheapest first."""
    # Texts: errors would hold all that a method had made.
    failed: dict[str, str] = {}
    tried: list[str] = []
    room, costs = available_bytes(), _costs(wanted)
    for name in ["direct"] if wanted.small else sorted(costs, key=lambda name: costs[name].seconds):
        if costs[name].bytes > room:
            failed[name] = f"it needs about {costs[name].bytes / 1e9:.2g} GB of memory"
            continue
        try:
            found = METHODS[name](wanted)
        except (NoConvergenceError, MemoryError) as error:
            failed[name] = str(error)
            tried.append(repr(name))
            continue
        if found is not None:
            after = f", after {' and '.join(tried)}" if tried else ""
            return found._replace(method=found.method + after)
    told = "; ".join(f"solver={name!r}: {error}" for name, error in failed.items())
    left = [other for name, other in OTHERS.items() if name not in failed]
    raise RuntimeError(
        f"{wanted.system!r}: no eigenvalues near {wanted.near:g} were found. {told}. What is left: "
        f"{'; '.join([*left, 'a coarser grid; your own function of (A - σB, b)'])}"
    )


def _costs(wanted: Search) -> dict[str, Cost]:
    """Return what each method that is installed costs, by name."""
    costs, k = Costs(wanted.system), wanted.k
    basis = BASIS_SECONDS * costs.unknowns
    vectors = 8 * costs.unknowns * 2 * basis_size(k + SPARE_PAIRS)
    direct = costs.direct
    solves = SOLVES + SOLVES_FOR_A_PAIR * k
    made = {"direct": replace(direct, step=direct.step + basis, steps=solves)}
    for name, cost in (("krylov", costs.krylov), ("amg", costs.multigrid)):
        made[name] = Cost(
            cost.prepare,
            ITERATIONS[name] * cost.step + basis,
            CORRECTIONS_FOR_A_PAIR * (k + SPARE_PAIRS),
            cost.bytes + vectors,
        )
    if not (find_spec("pyamg") and smooths(wanted.system)):
        del made["amg"]
    return made


def _direct(wanted: Search) -> Found:
    pencil = wanted.pencil
    if wanted.small:
        return Found(*dense_eigenpairs(pencil), "dense matrices")
    pairs = nearest_eigenpairs(pencil, wanted.k, wanted.near, wanted.bar)
    return Found(*pairs, f"shift-invert {'Lanczos' if pencil.hermitian else 'Arnoldi'}")


def _krylov(wanted: Search) -> Found | None:
    near = nearest_separable(wanted.system)
    if near is None:
        return None
    # B stands beside scale · A₀ · scale.
    diagonal = wanted.pencil.mass.diagonal().real[: len(near.scale)]
    mass = float(np.mean(diagonal / near.scale**2))
    number, plain = separable_inverse(near, _beside(wanted) * mass, wanted.k)
    inverse = bordered(plain, wanted.system)

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
