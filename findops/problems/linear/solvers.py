"""Solvers of linear boundary-value problems: the choice among them, and what they return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import type_name
from findops.masked.operator import Masked
from findops.problems.linear.direct import direct_solver
from findops.problems.linear.krylov import (
    Krylov,
    diagonal_inverse,
    multigrid,
    nearest_separable,
)
from findops.problems.linear.separable import fast_diagonalization, fast_solver_with_mean
from findops.problems.linear.singular import max_norm, null_fields, without_null

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.problems.linear.singular import NullField


__all__ = ["Factored", "Solution", "Solver", "as_solution", "make_solver"]


Solver = str | Callable[[Any, "Array"], Any]
"""A name, or a function of (A, b) that returns x."""

FACTORABLE = 30_000
"""Unknowns up to which matrices in three dimensions are factored."""

FAST = "fast diagonalization"


@dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """What solves a boundary-value problem.

    Parameters
    ----------
    u : array, (*components, *grid)
        The field, boundary included.
    residual : float
        ‖b − A x‖ / (‖A‖ ‖x‖ + ‖b‖) of the system under the conditions, in the largest norm: some
        1e-16 where the system is solved as well as its numbers are represented. For nonlinear
        problems the largest ‖f(u) − rhs‖ / (‖|J| |u|‖ + ‖rhs‖) of all components, in rows of one
        size.
    method : str
        How it was found.
    iterations : int
        How many steps an iterative method took, 0 for a direct one.
    constants : array, (means,)
        What balances the means that conditions give: L u + constant = f.
    """

    u: Array
    residual: float
    method: str
    iterations: int
    constants: Array

    def __repr__(self) -> str:
        return f"<Solution {self.u.shape} by {self.method}, residual {self.residual:.1e}>"


@dataclass(frozen=True, eq=False)
class Factored:
    """A boundary-value problem prepared for many right-hand sides: a function of these."""

    system: AffineSystem
    solver: Callable[[Array], tuple[Array, int]]
    """What solves the system; it may overwrite its right-hand side."""
    method: str
    null_fields: Sequence[NullField] = ()
    """What may be added to a solution."""
    asked: tuple[Solver, float, bool] = ("auto", 1e-10, False)
    """The arguments `solver`, `tol` and `progress` that it was made with."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Factors belong to libraries that do not pickle them: they are made again.
        return make_solver, (self.system, *self.asked)

    def __call__(self, rhs: ArrayLike = 0, t: float | None = None) -> Array:
        """Return the field for a right-hand side, boundary included."""
        return self._solve(self.system.rhs(rhs, t), t)[0]

    def solution(self, rhs: ArrayLike = 0, t: float | None = None) -> Solution:
        """Return the field for a right-hand side, and how well it solves the system."""
        b = self.system.rhs(rhs, t)
        given = max_norm(b)
        u, constants, iterations = self._solve(b, t)
        # The residual takes as much memory again.
        del b
        left = max_norm(self.system.residual(u, constants, rhs, t))
        outside = self.system.outside
        size = self.system.scale * max_norm(np.delete(u, outside) if outside.size else u) + given
        return Solution(u, left / size if size else 0.0, self.method, iterations, constants)

    def _solve(self, b: Array, t: float | None) -> tuple[Array, Array, int]:
        """Return the field, the constants that balance means, and the number of iterations."""
        if not np.isfinite(b).all():
            raise ValueError(
                f"{self.system!r}: the right-hand side and the values of the conditions must be "
                f"finite, but {(~np.isfinite(b)).sum()} of {b.size} equations are not"
            )
        x, iterations = self.solver(b)
        if not np.isfinite(x).all():
            raise ValueError(f"{self.system!r}: what the solver returned is not finite")
        u = without_null(self.system.lift(x, t), self.null_fields, self.system.outside)
        # A view would keep all of x.
        return u, x[self.system.count :].copy(), iterations


def make_solver(system: AffineSystem, solver: Solver, tol: float, progress: bool) -> Factored:
    """Return the solver of a system, as `BVP.factor` describes it."""
    if isinstance(tol, bool) or not isinstance(tol, Real):
        raise TypeError(f"tol must be a number, the relative residual to reach, but is {tol!r}")
    if not tol > 0:
        raise ValueError(f"tol must be positive, but is {tol!r}")
    made = _made(system, solver, tol, progress)
    return replace(made, asked=(solver, tol, progress))


def _made(system: AffineSystem, solver: Solver, tol: float, progress: bool) -> Factored:
    """Return what solves a system, by a given solver or the first of those that fit."""
    if callable(solver):
        matrix = system.matrix
        return Factored(system, lambda b: (as_solution(solver(matrix, b), b), 0), "given")
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


def as_solution(x: Any, b: Array) -> Array:
    """Return what a user's solver returned as an array, if that can be the solution."""
    if isinstance(x, tuple) or np.shape(x) != b.shape:
        raise TypeError(
            f"solver(A, b) must return x alone, of shape {b.shape}, but returned "
            f"{type_name(x) if isinstance(x, tuple) else np.shape(x)}"
        )
    return np.asarray(x)


def _fast(system: AffineSystem, tol: float, progress: bool) -> Factored | None:  # noqa: ARG001
    if system.equations.means:
        solve = fast_solver_with_mean(system)
        return solve and Factored(system, lambda b: (solve(b), 0), FAST)
    fast = fast_diagonalization(system)
    if fast is None:
        return None
    return Factored(system, lambda b: (fast(b, overwrite=True), 0), FAST, fast.null_fields)


def _krylov(system: AffineSystem, tol: float, progress: bool) -> Factored | None:
    if isinstance(system.operator, Masked):
        iterate = Krylov(system, diagonal_inverse(system), tol, progress)
        return Factored(system, iterate, "Krylov, diagonal preconditioner", null_fields(system))
    near = nearest_separable(system)
    if near is None:
        return None
    iterate = Krylov(system, near.inverse, tol, progress)
    return Factored(system, iterate, "Krylov, separable preconditioner", null_fields(system))


def _multigrid(system: AffineSystem, tol: float, progress: bool) -> Factored:
    iterate = Krylov(system, multigrid(system.matrix), tol, progress)
    return Factored(system, iterate, "Krylov, algebraic multigrid", null_fields(system))


def _direct(system: AffineSystem, tol: float, progress: bool) -> Factored:  # noqa: ARG001
    solve = direct_solver(system)
    return Factored(system, lambda b: (solve(b), 0), "sparse factorization", null_fields(system))


METHODS: dict[str, Callable[[AffineSystem, float, bool], Factored | None]] = {
    "fast": _fast,
    "direct": _direct,
    "krylov": _krylov,
    "amg": _multigrid,
}
"""Functions that prepare a system, None where they do not fit; only iterations use `tol`."""
