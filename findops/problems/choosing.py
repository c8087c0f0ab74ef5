"""Which solver a linear boundary-value problem gets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.problems.balanced import balanced
from findops.problems.direct import direct
from findops.problems.krylov import Krylov, multigrid
from findops.problems.nearest import nearest
from findops.problems.separable import separable
from findops.problems.singular import null_fields
from findops.problems.solution import Factored
from findops.values import kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.boundary import AffineSystem

    Array = NDArray[Any]

__all__ = ["Solver", "prepared", "returned"]

Solver = str | Callable[[Any, "Array"], Any]
"""A name, or a function of (A, b) that returns x."""

FACTORABLE = 30_000
"""Unknowns up to which matrices in three dimensions are factored."""


def prepared(system: AffineSystem, solver: Solver, tol: float, progress: bool) -> Factored:
    """Return the solver of a system, as `BVP.factor` describes it."""
    if isinstance(tol, bool) or not isinstance(tol, Real):
        raise TypeError(f"tol must be a number, the relative residual to reach, but is {tol!r}")
    if not tol > 0:
        raise ValueError(f"tol must be positive, but is {tol!r}")
    if callable(solver):
        matrix = system.matrix
        return Factored(system, lambda b: (returned(solver(matrix, b), b), 0), "given")
    if solver != "auto" and solver not in METHODS:
        raise ValueError(
            f"solver must be one of {['auto', *METHODS]} or a function of (A, b), not {solver!r}"
        )
    for name in _candidates(system) if solver == "auto" else (solver,):
        made = METHODS[name](system, tol, progress)
        if made is not None:
            return made
    relation = "no" if solver == "fast" else "near no"
    raise ValueError(
        f"{system.operator!r} under these conditions is {relation} sum of one-dimensional "
        f"operators, as solver={solver!r} needs"
    )


def _candidates(system: AffineSystem) -> tuple[str, ...]:
    """Return the names of what is tried, first to last."""
    if system.size <= FACTORABLE or system.operator.domain.ndim < 3:
        return "fast", "direct"
    return "fast", "krylov", *(("amg",) if find_spec("pyamg") else ()), "direct"


def returned(x: Any, b: Array) -> Array:
    """Return what a user's solver returned, if that can be the solution."""
    if isinstance(x, tuple) or np.shape(x) != b.shape:
        raise TypeError(
            f"solver(A, b) must return x alone, of shape {b.shape}, but returned "
            f"{kind(x) if isinstance(x, tuple) else np.shape(x)}"
        )
    return np.asarray(x)


def _fast(system: AffineSystem, tol: float, progress: bool) -> Factored | None:  # noqa: ARG001
    solve: Callable[[Array], Array] | None
    if system.equations.means:
        solve, null = balanced(system), []
    else:
        fast = separable(system)
        solve, null = (partial(fast, own=True), fast.null) if fast else (None, [])
    if solve is None:
        return None
    return Factored(system, lambda b: (solve(b), 0), "fast diagonalization", null)


def _krylov(system: AffineSystem, tol: float, progress: bool) -> Factored | None:
    near = nearest(system)
    if near is None:
        return None
    iterate = Krylov(system, near.inverse, tol, progress)
    return Factored(system, iterate, "Krylov, separable preconditioner", null_fields(system))


def _multigrid(system: AffineSystem, tol: float, progress: bool) -> Factored:
    iterate = Krylov(system, multigrid(system), tol, progress)
    return Factored(system, iterate, "Krylov, algebraic multigrid", null_fields(system))


def _direct(system: AffineSystem, tol: float, progress: bool) -> Factored:  # noqa: ARG001
    solve = direct(system, system.null_vectors)
    return Factored(system, lambda b: (solve(b), 0), "sparse factorization", null_fields(system))


METHODS: dict[str, Callable[[AffineSystem, float, bool], Factored | None]] = {
    "fast": _fast,
    "direct": _direct,
    "krylov": _krylov,
    "amg": _multigrid,
}
"""What makes a system ready to be solved, None where it does not fit; only iterations use `tol`."""
