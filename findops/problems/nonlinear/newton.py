"""Newton's method for nonlinear boundary-value problems.

Each step solves with the sparse Jacobian, the more accurately the nearer the solution is.
It is halved until the next step with the same Jacobian would be shorter: the natural monotonicity
test (Deuflhard, 2004), which asks how far the solution is. Residuals of rows in different units
cannot tell that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from findops.common.arguments import type_name
from findops.common.arrays import Array, as_field
from findops.operators.operator import Operator
from findops.problems.linear.direct import LARGEST_GROWTH
from findops.problems.linear.singular import euclidean_norm
from findops.problems.nonlinear.jacobian import Probe, dependencies

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from findops.conditions.affine_system import AffineSystem
    from findops.problems.functions import FieldFunction
    from findops.problems.nonlinear.inner import InnerSolver, Solve

    JacobianFunction = Callable[[Array], csr_array]

__all__ = ["Iterate", "Residual", "newton"]

ROUNDOFF_RESIDUAL = np.finfo(float).eps
"""Residual, as a part of what it is the sum of, at which nothing is left to be gained."""

SMALL_RESIDUAL = 1e-12
"""The same, from which on a step that gains little ends the iteration."""

SLOW_REDUCTION = 0.5
"""Reduction of the residual by one step that is too little for Newton's method to go on."""

KEPT_REDUCTION = 0.25
"""Part of the promised reduction that a step must keep."""

SHORTEST_STEP = 2.0**-20
"""Part of a step below which it is given up."""

LARGEST_FORCING = 1e-2
"""Part of a step that may be wrong: the monotonicity test must not be."""

LARGEST_GROWTH_BY_DIFFERENCES = 1e11
"""How many times the inverse of a Jacobian by differences may enlarge, which has eleven digits."""

MAX_STEPS = 50
"""The largest number of steps."""


@dataclass(frozen=True, eq=False)
class Residual:
    """The equations f(u) = rhs on fields, at the points that conditions leave.

    Parameters
    ----------
    system : AffineSystem
        What conditions make of the fields.
    f : callable
        Fields to fields of the same shape.
    jac : callable or None
        Fields to sparse matrices or bound operators; by differences if None.
    rhs : array
        In the shape of the fields.
    t : float or None
        The time, where conditions depend on it.
    """

    system: AffineSystem
    f: FieldFunction
    jac: FieldFunction | None
    rhs: Array
    t: float | None = None

    def __call__(self, u: Array) -> Array:
        """Return f(u) − rhs, zero where conditions stand."""
        value = as_field(self.f(u))
        if value.shape != u.shape:
            raise ValueError(
                f"the residual function must return fields of shape {u.shape}, as it is given, but "
                f"returned {value.shape}"
            )
        return np.where(self._inside, value - self.rhs, 0)

    @cached_property
    def _inside(self) -> NDArray[np.bool_]:
        """Where no condition stands."""
        inside = np.zeros(self.system.shape, dtype=bool)
        inside.flat[self.system.free] = True
        return inside

    def lift(self, x: Array) -> Array:
        """Return the field that unknowns make."""
        return self.system.lift(x, self.t)

    def left(self, x: Array) -> Array:
        """Return what is left of the equations on the unknowns, and of given means."""
        system, u = self.system, self.lift(x)
        left = system.restrict(self(u))
        if not system.equations.means:
            return left
        free, constants = system.count, x[system.count :]
        gap = system.equations.mean_rows @ u.ravel() - system.equations.means_of(self.t)
        return np.concatenate([left[:free] + system.constant_columns @ constants, gap])

    @property
    def growth(self) -> float:
        """How many times the inverse of the Jacobian may enlarge what it is applied to."""
        return LARGEST_GROWTH if self.jac is not None else LARGEST_GROWTH_BY_DIFFERENCES

    def matrix(self, full: csr_array) -> csr_array:
        """Return a Jacobian on the unknowns."""
        return self.system.bordered(self.system.reduced(full))

    def rows(self, full: csr_array) -> csr_array:
        """Return the magnitudes of the rows of a Jacobian on fields, and of those of means."""
        stacked = sparse.vstack(
            [full[self.system.free], self.system.equations.mean_rows], format="csr"
        )
        return sparse.csr_array(abs(stacked))

    def derivative(self, u: Array) -> JacobianFunction:
        """Return the function from fields to Jacobians, as far as it can be prepared at u."""
        if self.jac is not None:
            return self._given
        found = dependencies(self, u, self.system.values.grid)
        return lambda u: found.jacobian(self, u)

    def _given(self, u: Array) -> csr_array:
        made: Any = self.jac(u) if self.jac is not None else None
        if isinstance(made, Operator):
            made = made.matrix()
        if not hasattr(made, "tocsr"):
            raise TypeError(
                f"jac(u) must return a sparse matrix or a bound operator, not {type_name(made)}"
            )
        if made.shape != (u.size, u.size):
            raise ValueError(
                f"jac(u) must return a matrix of shape {(u.size, u.size)}, conditions not yet "
                f"imposed, but returned {made.shape}"
            )
        result: csr_array = sparse.csr_array(made)
        return result


@dataclass(frozen=True, eq=False)
class Iterate:
    """Unknowns of the iteration, what is left of the equations there, and how to measure that."""

    x: Array
    u: Array
    left: Array
    """What is left of the equations."""
    weights: Array
    """What brings the rows of the Jacobian to the same size."""
    size: Array
    """Sums of the magnitudes in the weighted rows."""
    solve: Solve
    """Solves with the Jacobian."""

    @staticmethod
    def at(residual: Residual, x: Array, jacobian: JacobianFunction, inner: InnerSolver) -> Iterate:
        """Evaluate the equations."""
        u, left = residual.lift(x), residual.left(x)
        full = jacobian(u)
        rows = residual.rows(full)
        total = rows.sum(axis=1)
        weights = 1 / np.where(total > 0, total, 1.0)
        size = rows @ np.abs(u).ravel() + np.abs(residual.system.restrict(residual.rhs))
        return Iterate(x, u, left, weights, weights * size, inner(residual.matrix(full)))

    def step(self, left: Array, part: float) -> Array:
        """Return Newton's step for a residual, of which a part may be wrong."""
        return self.solve(-left, part)

    def relative(self, system: AffineSystem) -> float:
        """Return the residual as a part of what it is the sum of, the largest of all components."""
        count = system.values.components
        owner = np.full(len(self.left), count)
        owner[: system.count] = system.values.owner(system.free)
        part, whole = np.zeros((2, count + 1))
        np.maximum.at(part, owner, np.abs(self.weights * self.left))
        np.maximum.at(whole, owner, self.size)
        return float((part / np.maximum(part + whole, np.finfo(float).tiny)).max())


def newton(residual: Residual, start: Array, inner: InnerSolver) -> tuple[Iterate, list[float]]:
    """Return where the equations hold, and the residuals on the way there.

    Raises
    ------
    RuntimeError
        If the iteration does not converge.
    ValueError
        If the Jacobian is singular, or the equations are not finite at the start.
    """
    system = residual.system
    x = system.restrict(start)
    u = residual.lift(x)
    first = Probe(residual, u, residual(u)).value
    x = x.astype(np.result_type(x, u, first))
    jacobian = residual.derivative(residual.lift(x))
    history: list[float] = []
    for _ in range(MAX_STEPS + 1):
        here = Iterate.at(residual, x, jacobian, inner)
        history.append(here.relative(system))
        if history[-1] <= ROUNDOFF_RESIDUAL:
            return here, history
        taken = _line_search(residual, here, _forcing(history))
        if history[-1] <= SMALL_RESIDUAL and (
            taken is None or history[-1] > SLOW_REDUCTION * min(history[:-1], default=np.inf)
        ):
            return here, history
        if taken is None:
            break
        x = taken
    raise RuntimeError(
        "Newton's method does not converge: its relative residuals are "
        f"{', '.join(f'{left:.1e}' for left in history)}; start nearer to the solution, or go "
        "to it by steps of a parameter; conditions may be missing, or jac= wrong"
    )


def _forcing(history: list[float]) -> float:
    """Return the part of the next step that may be wrong, given the residuals so far.

    Eisenstat and Walker (1996), choice 2: as the residual falls, steps become more accurate, so
    that convergence stays quadratic; but not more so than roundoff lets any of it be seen.
    """
    reduced = history[-1] / history[-2] if len(history) > 1 else 1.0
    return min(LARGEST_FORCING, max(reduced**2, ROUNDOFF_RESIDUAL / history[-1]))


def _line_search(residual: Residual, here: Iterate, part_wrong: float) -> Array | None:
    """Return the unknowns after as much of a step as comes nearer; None if nothing does."""
    step = here.step(here.left, part_wrong)
    length, part = euclidean_norm(step), 1.0
    while part >= SHORTEST_STEP:
        trial = here.x + part * step
        with np.errstate(all="ignore"):
            left = residual.left(trial)
        finite = np.isfinite(left).all()
        if (
            finite
            and euclidean_norm(here.step(left, part_wrong)) <= (1 - KEPT_REDUCTION * part) * length
        ):
            return trial
        part /= 2
    return None
