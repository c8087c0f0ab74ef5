"""Solvers of linear boundary-value problems: the choice among them, and what they return."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import type_name
from findops.masked.operator import Masked
from findops.problems.linear.choice import Choice, Method, Prepared
from findops.problems.linear.costs import Costs
from findops.problems.linear.direct import direct_solver
from findops.problems.linear.krylov import Krylov, symmetric
from findops.problems.linear.preconditioners import (
    bordered,
    diagonal_inverse,
    incomplete_factors,
    multigrid,
    nearest_separable,
)
from findops.problems.linear.separable import fast_diagonalization, fast_solver_with_mean
from findops.problems.linear.singular import max_norm, null_fields, without_null

if TYPE_CHECKING:
    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.operators.staggered_fields import Fields


__all__ = [
    "METHODS",
    "Factored",
    "Solution",
    "Solver",
    "as_solution",
    "candidates",
    "make_solver",
    "smooths",
]


Solver = str | Callable[[Any, "Array"], Any]
"""A name, or a function of (A, b) that returns x."""

FAST = "fast diagonalization"


@dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """What solves a boundary-value problem.

    Parameters
    ----------
    u : array, (*components, *grid)
        The field, boundary included; a tuple of arrays where components stand at their own points.
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

    u: Fields
    residual: float
    method: str
    iterations: int
    constants: Array

    def __repr__(self) -> str:
        shape = tuple(p.shape for p in self.u) if isinstance(self.u, tuple) else self.u.shape
        return f"<Solution {shape} by {self.method}, residual {self.residual:.1e}>"


@dataclass(frozen=True, eq=False)
class Factored:
    """A boundary-value problem prepared for many right-hand sides: a function of these."""

    system: AffineSystem
    choice: Choice | Given
    """What solves the system; it may overwrite its right-hand side."""
    asked: tuple[Solver, float, bool] = ("auto", 1e-12, False)
    """The arguments `solver`, `tol` and `progress` that it was made with."""

    @property
    def method(self) -> str:
        """How the system was solved last, or will be."""
        return self.choice.method

    def solver(self, b: Array) -> tuple[Array, int]:
        """Return the unknowns of the system, and how many steps that took."""
        return self.choice.solve(b)

    def __reduce__(self) -> tuple[Any, ...]:
        # Factors belong to libraries that do not pickle them: they are made again.
        return make_solver, (self.system, *self.asked)

    def __call__(self, rhs: Fields = 0, t: float | None = None) -> Fields:
        """Return the field for a right-hand side, boundary included."""
        b = self.system.rhs(self.system.packed(rhs, "the right-hand side"), t)
        return self.system.unpacked(self._solve(b, t)[0])

    def solution(self, rhs: Fields = 0, t: float | None = None) -> Solution:
        """Return the field for a right-hand side, and how well it solves the system."""
        rhs = self.system.packed(rhs, "the right-hand side")
        b = self.system.rhs(rhs, t)
        given = max_norm(b)
        u, constants, iterations = self._solve(b, t)
        # The residual takes as much memory again.
        del b
        left = max_norm(self.system.residual(u, constants, rhs, t))
        outside = self.system.outside
        size = self.system.scale * max_norm(np.delete(u, outside) if outside.size else u) + given
        residual = left / size if size else 0.0
        return Solution(self.system.unpacked(u), residual, self.method, iterations, constants)

    def _solve(self, b: Array, t: float | None) -> tuple[Array, Array, int]:
        """Return the field, the constants that balance means, and the number of iterations."""
        if not np.isfinite(b).all():
            raise ValueError(
                f"{self.system!r}: the right-hand side and the values of the conditions must be "
                f"finite, but {(~np.isfinite(b)).sum()} of {b.size} equations are not"
            )
        x, iterations = self.choice.solve(b)
        if not np.isfinite(x).all():
            raise ValueError(f"{self.system!r}: what the solver returned is not finite")
        u = without_null(self.system.lift(x, t), self.choice.null_fields, self.system.outside)
        # A view would keep all of x.
        return u, x[self.system.count :].copy(), iterations


def make_solver(system: AffineSystem, solver: Solver, tol: float, progress: bool) -> Factored:
    """Return the solver of a system, as `BVP.factor` describes it."""
    if isinstance(tol, bool) or not isinstance(tol, Real):
        raise TypeError(f"tol must be a number, the relative residual to reach, but is {tol!r}")
    if not 0 < tol < 1:
        raise ValueError(f"tol must be positive and less than 1, but is {tol!r}")
    if callable(solver):
        return Factored(system, Given(system, solver), (solver, tol, progress))
    if solver != "auto" and solver not in METHODS:
        raise ValueError(
            f"solver must be one of {['auto', *METHODS]} or a function of (A, b), not {solver!r}"
        )
    if solver == "auto":
        return Factored(system, _chosen(system, tol, progress), (solver, tol, progress))
    try:
        choice = Choice(system, {solver: METHODS[solver]}, tol, progress)
    except LookupError:
        raise ValueError(
            f"{system.operator!r} under these conditions {METHODS[solver].unfit}, as "
            f"solver={solver!r} needs"
        ) from None
    return Factored(system, choice, (solver, tol, progress))


def _chosen(system: AffineSystem, tol: float, progress: bool) -> Choice:
    """Return the choice among all: where fast diagonalization serves, no other is estimated.

    To estimate what iterations take is to look at all coefficients, and to apply the operator.
    """
    fast, least = {"fast": METHODS["fast"]}, Costs(system).fast_is_least
    if least:
        with suppress(LookupError, MemoryError):
            return Choice(system, fast, tol, progress)
    methods = candidates(system)
    rest = {name: method for name, method in methods.items() if not (least and name in fast)}
    return Choice(system, rest, tol, progress)


def candidates(system: AffineSystem) -> dict[str, Method]:
    """Return what may be tried."""
    tried = {name: method for name, method in METHODS.items() if name != "amg"}
    return METHODS if find_spec("pyamg") and smooths(system) else tried


def smooths(system: AffineSystem) -> bool:
    """Tell whether division by the diagonal may smooth errors, as multigrid needs.

    Sampled rows tell: a diagonal of dense rows takes all of them to write out.
    """
    entries, places = system.sampled_rows.tocoo(), system.free[system.sample]
    there = entries.col == places[entries.row]
    diagonal = np.zeros(len(places), entries.dtype)
    diagonal[entries.row[there]] = entries.data[there]
    scalar = system.values.components == 1
    return bool((diagonal * diagonal[:1].conj()).real.min(initial=0) >= 0 and diagonal.all()) and (
        scalar or symmetric(system.aslinearoperator())
    )


@dataclass(frozen=True, eq=False)
class Given:
    """A user's function of the matrix and the right-hand side."""

    system: AffineSystem
    function: Callable[[Any, Array], Any]
    method = "given"
    null_fields = ()

    def solve(self, b: Array) -> tuple[Array, int]:
        """Return what it returns, if that can be the solution, and no steps."""
        return as_solution(self.function(self.system.matrix, b), b), 0


def as_solution(x: Any, b: Array) -> Array:
    """Return what a user's solver returned as an array, if that can be the solution."""
    if isinstance(x, tuple) or np.shape(x) != b.shape:
        raise TypeError(
            f"solver(A, b) must return x alone, of shape {b.shape}, but returned "
            f"{type_name(x) if isinstance(x, tuple) else np.shape(x)}"
        )
    return np.asarray(x)


def _fast(system: AffineSystem, tol: float, progress: bool) -> Prepared | None:  # noqa: ARG001
    if system.equations.means:
        solve = fast_solver_with_mean(system)
        return solve and Prepared(lambda b, _: (solve(b), 0), FAST)
    fast = fast_diagonalization(system)
    if fast is None:
        return None
    return Prepared(lambda b, _: (fast(b, overwrite=True), 0), FAST, fast.null_fields)


def _krylov(system: AffineSystem, tol: float, progress: bool) -> Prepared | None:
    if isinstance(system.operator, Masked):
        return _iterating(
            system, diagonal_inverse(system), True, tol, progress, "diagonal preconditioner"
        )
    near = nearest_separable(system)
    if near is None:
        return None
    made = bordered(near.inverse, system)
    return _iterating(system, made, near.one_sign, tol, progress, "separable preconditioner")


def _multigrid(system: AffineSystem, tol: float, progress: bool) -> Prepared | None:
    if system.equations.means:
        return None
    return _iterating(system, multigrid(system.matrix), True, tol, progress, "algebraic multigrid")


def _incomplete(system: AffineSystem, tol: float, progress: bool) -> Prepared:
    made = incomplete_factors(system.matrix)
    return _iterating(system, made, False, tol, progress, "incomplete factorization")


def _iterating(
    system: AffineSystem,
    precondition: Callable[[Array], Array],
    one_sign: bool,
    tol: float,
    progress: bool,
    name: str,
) -> Prepared:
    """Return a Krylov method behind a preconditioner, which may have eigenvalues of one sign."""
    A = system.aslinearoperator()
    definite = one_sign and symmetric(A) and not system.equations.means
    null = null_fields(system)
    # Solutions of a singular system may be as large as one likes, and residuals small beside them.
    size = 0.0 if null else system.scale
    return Prepared(Krylov(A, precondition, definite, size, tol, progress), f"Krylov, {name}", null)


def _direct(system: AffineSystem, tol: float, progress: bool) -> Prepared:  # noqa: ARG001
    solve = direct_solver(system)
    return Prepared(lambda b, _: (solve(b), 0), "sparse factorization", null_fields(system))


METHODS = {
    "fast": Method(lambda costs: costs.fast, _fast, "is no sum of one-dimensional operators"),
    "direct": Method(lambda costs: costs.direct, _direct),
    "krylov": Method(
        lambda costs: costs.krylov, _krylov, "is near no sum of one-dimensional operators"
    ),
    "amg": Method(lambda costs: costs.multigrid, _multigrid, "is no operator without means"),
    "ilu": Method(lambda costs: costs.incomplete, _incomplete),
}
"""Solvers that have names; only iterations use `tol`."""
