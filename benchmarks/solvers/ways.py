"""Ways to solve a problem: by a name that findops knows, by PyAMG and by SciPy themselves.

Each takes a problem that is bound, whose matrix nobody has asked for, and its right-hand side.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyamg
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg, gmres, spilu, spsolve

from findops.problems.linear.solvers import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contest import Array
    from benchmarks.solvers.problems import Problem
    from findops import BVP

__all__ = ["AUTO", "FACTORS", "TOLERANCE", "WAYS", "Found"]

TOLERANCE = 1e-8
"""Residual at which iterations stop, in parts of the right-hand side."""

AUTO = "auto"
PYAMG, BY_FACTORS, BY_ITERATIONS = "PyAMG", "SciPy spsolve", "SciPy spilu"
FACTORS = ("direct", BY_FACTORS)
"""Those that factor."""

RESTART, MOST = 30, 500
"""Vectors that GMRES keeps, and iterations after which it is given up."""


class Found(NamedTuple):
    """The unknowns of a system, and what they were found by."""

    x: Array
    method: str


def _named(name: str, _: Problem, problem: BVP, f: Array) -> Found:
    found = problem.solve(f, name, tol=TOLERANCE)
    return Found(problem.system.restrict(found.u), found.method)


def _by_pyamg(kind: Problem, problem: BVP, f: Array) -> Found:
    """Solve as its manual advises: classical or, for elastic bodies, by smoothed aggregation."""
    A, b, symmetric = _system(problem, f)
    if kind.elastic:
        given: dict[str, Any] = {} if symmetric else {"symmetry": "nonsymmetric"}
        solver = pyamg.smoothed_aggregation_solver(A, B=_rigid(problem), **given)
    else:
        solver = pyamg.ruge_stuben_solver(A)
    accel = "cg" if symmetric and not kind.indefinite else "gmres"
    iterations: list[float] = []
    x = solver.solve(b, tol=TOLERANCE, accel=accel, maxiter=MOST, residuals=iterations)
    return Found(np.asarray(x), f"{accel}, {len(iterations) - 1} iterations")


def _rigid(problem: BVP) -> Array:
    """Return the translations and rotations of a body, at the unknowns."""
    grid, system = problem.operator.domain, problem.system
    mesh = grid.mesh()
    fields = [np.zeros(system.shape) for _ in range(grid.ndim)]
    for i, field in enumerate(fields):
        field[i] = 1
    for i in range(grid.ndim):
        for j in range(i):
            rotation = np.zeros(system.shape)
            rotation[i], rotation[j] = mesh[j], -mesh[i]
            fields.append(rotation)
    return np.column_stack([system.restrict(field) for field in fields])


def _by_factors(_: Problem, problem: BVP, f: Array) -> Found:
    system = problem.system
    x = spsolve(system.matrix.tocsc(), system.rhs(f), permc_spec="MMD_AT_PLUS_A")
    return Found(np.asarray(x), "spsolve")


def _by_iterations(kind: Problem, problem: BVP, f: Array) -> Found:
    A, b, symmetric = _system(problem, f)
    factors = spilu(A.tocsc())
    M = LinearOperator(A.shape, factors.solve, dtype=A.dtype)
    definite = symmetric and not kind.indefinite
    if definite:
        x, failed = cg(A, b, rtol=TOLERANCE, maxiter=MOST, M=M)
    else:
        x, failed = gmres(A, b, rtol=TOLERANCE, restart=RESTART, maxiter=MOST // RESTART, M=M)
    if failed:
        raise RuntimeError(f"no convergence: {failed}")
    return Found(x, "cg" if definite else "gmres")


def _system(problem: BVP, f: Array) -> tuple[Any, Array, bool]:
    """Return the matrix, its diagonal positive, what it is to give, and if it is symmetric."""
    A, b = problem.system.matrix, problem.system.rhs(f)
    sign = -1 if A.diagonal().sum() < 0 else 1
    apart = sparse.linalg.norm(A - A.T)
    return sign * A, sign * b, bool(apart <= 1e-13 * sparse.linalg.norm(A))


WAYS: dict[str, Callable[[Problem, BVP, Array], Found]] = {
    **{name: partial(_named, name) for name in (AUTO, *METHODS)},
    PYAMG: _by_pyamg,
    BY_FACTORS: _by_factors,
    BY_ITERATIONS: _by_iterations,
}
