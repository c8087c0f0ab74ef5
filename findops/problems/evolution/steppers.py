"""Methods in time: one-step maps x(t) ↦ x(t + h), and SciPy's, from output time to output time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import integrate

from findops.problems.evolution.semidiscrete import refuse_complex
from findops.problems.evolution.staggered_leapfrog import (
    StaggeredLeapfrog,
    leapfrog_amplification,
)

if TYPE_CHECKING:
    from findops.common.arrays import Array


__all__ = [
    "ADAPTIVE",
    "STEPPERS",
    "ExplicitRungeKutta",
    "ImplicitRungeKutta",
    "Leapfrog",
    "OnStep",
    "SemidiscreteEquation",
    "States",
    "Stepper",
    "Tableau",
    "adaptive",
    "fixed",
]


ADAPTIVE: dict[str, Any] = {
    name: getattr(integrate, name) for name in ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")
}
"""SciPy's methods, by name."""

ULPS = 8
"""Units in the last place by which intervals of equal length differ."""

States = Iterator[tuple[float, "Array"]]
"""(t, x) at output times."""

OnStep = Callable[[float], object]
"""Called with the length of every step."""

TableauRows = tuple[tuple[float, ...], ...]


class SemidiscreteEquation(Protocol):
    """x' = A x + r(t) + e(t, x)."""

    @property
    def size(self) -> int: ...

    def __call__(self, t: float, x: Array, /) -> Array: ...

    def implicit(self, t: float, x: Array, /) -> Array: ...

    def explicit(self, t: float, x: Array, /) -> Array: ...

    def forcing(self, t: float, /) -> Array: ...

    @property
    def affine(self) -> bool:
        """Whether e is zero, and r the same at all times."""

    def lift(self, t: float, x: Array, /) -> Array:
        """Return x among all values of the fields."""

    def restrict(self, u: Array, /) -> Array:
        """Return the x among all values of the fields."""

    def rate(self, t: float, u: Array, out: Array, scale: float, /) -> None:
        """Write scale · x' among all values of the fields; conditions are imposed on u first."""

    def resolvent(self, step: float, /) -> Callable[[Array], Array]:
        """Return b ↦ (I − step·A)⁻¹ b, which may overwrite b; kept for a few steps."""


@dataclass(frozen=True)
class Tableau:
    """A Butcher tableau: stages a (lower triangular), weights b; the nodes are the sums of rows."""

    a: TableauRows
    b: tuple[float, ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.b) or any(row[i + 1 :]) for i, row in enumerate(self.a)):
            raise ValueError(f"{self!r}: stages must be lower triangular, one row for each weight")
        if len(self.a) != len(self.b) or abs(sum(self.b) - 1) > 1e-15 * len(self.b):
            raise ValueError(f"{self!r}: the weights must be as many as the stages, with sum 1")

    @property
    def c(self) -> tuple[float, ...]:
        """The nodes."""
        return tuple(sum(row) for row in self.a)


@dataclass(frozen=True, eq=False)
class ExplicitStepper:
    """What explicit methods have in common: their states are fields, overwritten in each step.

    Values that conditions determine are imposed where fields are read, and otherwise anything.
    """

    equation: SemidiscreteEquation

    def start(self, t: float, x: Array) -> Array:
        """Return the state of the unknowns."""
        return self.equation.lift(t, x)

    def unknowns(self, u: Array) -> Array:
        """Return the unknowns of a state."""
        return self.equation.restrict(u)

    @cached_property
    def _work(self) -> Callable[[tuple[int, ...], Any], list[Array]]:
        """What makes arrays to work in, once for all steps."""
        return lru_cache(maxsize=1)(_four_arrays)


def _four_arrays(shape: tuple[int, ...], dtype: Any) -> list[Array]:
    return [np.empty(shape, dtype) for _ in range(4)]


@dataclass(frozen=True, eq=False)
class ExplicitRungeKutta(ExplicitStepper):
    """An explicit Runge–Kutta method of as many stages as its order, each made of the last slope.

    For x' = A x + r all these are one polynomial in hA, which Horner's rule takes with an operator
    and a sum for each stage: x + hF(x + h/2 F(x + h/3 F(…))), where F(x) = A x + r.
    """

    stages: tuple[float, ...]
    """Factors a of the stages x + a h F(last stage), after the first, which is x."""
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.stages) + 1 != len(self.weights) or abs(sum(self.weights) - 1) > 1e-15:
            raise ValueError(f"{self!r}: one weight for each stage, with sum 1")

    def __call__(self, t: float, x: Array, h: float) -> Array:
        stages, weights = self._used
        slope, stage, total, part = self._work(x.shape, x.dtype)
        several = any(weights[:-1])
        if several:
            total.fill(0)
        last, c = x, 0.0
        for a, b in zip(stages, weights, strict=False):
            self.equation.rate(t + c * h, last, slope, h * a)
            if b:
                total += np.multiply(slope, b / a, out=part)
            last, c = np.add(x, slope, out=stage), a
        self.equation.rate(t + c * h, last, slope, h * weights[-1])
        x += slope
        if several:
            x += total
        return x

    @cached_property
    def _used(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self._horner if self.equation.affine else (self.stages, self.weights)

    @property
    def _horner(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Stages and weights of the same polynomial."""
        n = len(self.weights)
        return tuple(1 / k for k in range(n, 1, -1)), (0.0,) * (n - 1) + (1.0,)

    def amplification(self, z: Array) -> Array:
        """Return |R(z)|, where x(t + h) = R(hλ) x(t) for x' = λx."""
        result = np.ones_like(z)
        for a in (*self._horner[0], 1.0):
            result = 1 + a * z * result
        return np.asarray(np.abs(result))


@dataclass(frozen=True, eq=False)
class ImplicitRungeKutta:
    """A diagonally implicit Runge–Kutta method for A x + r(t), and an explicit one for e(t, x).

    All implicit stages have the same diagonal entry, so that one factorization serves all steps of
    one size.
    """

    equation: SemidiscreteEquation
    tableau: Tableau
    explicit: Tableau | None = None

    amplification = None
    """A-stable: every step is stable."""

    def start(self, t: float, x: Array) -> Array:  # noqa: ARG002  # as of explicit methods
        """Return the state of the unknowns: themselves."""
        return x

    def unknowns(self, x: Array) -> Array:
        """Return the unknowns of a state."""
        return x

    def __call__(self, t: float, x: Array, h: float) -> Array:
        slopes: list[Array] = []
        others: list[Array] = []
        for i, (row, c) in enumerate(zip(self.tableau.a, self.tableau.c, strict=True)):
            stage = x + h * _combined(row[:i], slopes)
            if self.explicit is not None:
                stage = stage + h * _combined(self.explicit.a[i], others)
            if row[i]:
                known, step = stage, h * row[i]
                forced = known + step * self.equation.forcing(t + c * h)
                stage = self.equation.resolvent(step)(forced)
                slopes.append((stage - known) / step)
            else:
                slopes.append(self.equation.implicit(t + c * h, stage))
            if self.explicit is not None:
                others.append(self.equation.explicit(t + c * h, stage))
        result = x + h * _combined(self.tableau.b, slopes)
        if self.explicit is not None:
            result = result + h * _combined(self.explicit.b, others)
        return np.asarray(result)


@dataclass(frozen=True, eq=False)
class Leapfrog(ExplicitStepper):
    """Position Verlet for the pair (x, x′) of x″ = F(t, x): half a drift, a kick, half a drift.

    Verlet (1967); symplectic, F is evaluated once in a step.
    """

    def __call__(self, t: float, y: Array, h: float) -> Array:
        x, v = y
        slope = self._work(y.shape, y.dtype)[0]
        drift, kick = slope
        x += np.multiply(v, h / 2, out=drift)
        self.equation.rate(t + h / 2, y, slope, h)
        v += kick
        x += np.multiply(v, h / 2, out=drift)
        return y

    def amplification(self, z: Array) -> Array:
        """Return |R(z)|, where x(t + h) = R(hλ) x(t) for x' = λx, as (x, x') is."""
        return leapfrog_amplification(z)


Stepper = ExplicitRungeKutta | ImplicitRungeKutta | Leapfrog | StaggeredLeapfrog


def _combined(weights: tuple[float, ...], slopes: list[Array]) -> Any:
    """Return the sum of slopes, as many as there are, with their weights."""
    return sum(w * slope for w, slope in zip(weights, slopes, strict=False) if w)


BACKWARD_EULER = Tableau(((1.0,),), (1.0,))
CRANK_NICOLSON = Tableau(((0.0, 0.0), (0.5, 0.5)), (0.5, 0.5))
# ARS(2,2,2) of Ascher, Ruuth and Spiteri (1997), section 2.6: L-stable, of second order.
GAMMA = 1 - np.sqrt(0.5)
DELTA = 1 - 1 / (2 * GAMMA)
ARS_IMPLICIT = Tableau(
    ((0.0, 0.0, 0.0), (0.0, GAMMA, 0.0), (0.0, 1 - GAMMA, GAMMA)), (0.0, 1 - GAMMA, GAMMA)
)
ARS_EXPLICIT = Tableau(
    ((0.0, 0.0, 0.0), (GAMMA, 0.0, 0.0), (DELTA, 1 - DELTA, 0.0)), (DELTA, 1 - DELTA, 0.0)
)

STEPPERS: dict[str, Callable[[SemidiscreteEquation], Stepper]] = {
    "euler": lambda equation: ExplicitRungeKutta(equation, (), (1.0,)),
    "rk4": lambda equation: ExplicitRungeKutta(
        equation, (1 / 2, 1 / 2, 1.0), (1 / 6, 1 / 3, 1 / 3, 1 / 6)
    ),
    "backward-euler": lambda equation: ImplicitRungeKutta(equation, BACKWARD_EULER),
    "crank-nicolson": lambda equation: ImplicitRungeKutta(equation, CRANK_NICOLSON),
    "imex": lambda equation: ImplicitRungeKutta(equation, ARS_IMPLICIT, ARS_EXPLICIT),
    "leapfrog": Leapfrog,
    "staggered-leapfrog": StaggeredLeapfrog.of,
}
"""Methods with a fixed step, by name."""


def fixed(stepper: Stepper, t: Array, y: Array, dt: float, on_step: OnStep) -> States:
    """Yield (t, y) at output times, in between as many equal steps as keep each within dt."""
    yield float(t[0]), y
    # Each method has states of its own kind.
    state: Any = stepper.start(float(t[0]), y)
    h = float(dt)
    noise = ULPS * np.spacing(np.abs(t).max())
    for start, stop in pairwise(map(float, t)):
        count = max(1, math.ceil((stop - start - noise) / dt))
        if abs(h * count - (stop - start)) > noise:
            # Steps that differ by roundoff alone would each need a factorization.
            h = (stop - start) / count
        for k in range(count):
            state = stepper(start + k * h, state, h)
            on_step(h)
        yield stop, stepper.unknowns(state)


def adaptive(
    method: str,
    fun: Callable[[float, Array], Array],
    t: Array,
    y: Array,
    options: dict[str, Any],
    interpolants: list[Any] | None,
    on_step: OnStep,
) -> States:
    """Yield (t, y) at output times, by the interpolants of SciPy's steps; collect these, if asked.

    Raises
    ------
    RuntimeError
        If the method fails.
    TypeError
        If the equation becomes complex, and y is real.
    """
    yield float(t[0]), y

    def slope(time: float, state: Array) -> Array:
        value = fun(time, state)
        refuse_complex(value, y, time)
        return value

    solver = ADAPTIVE[method](slope, float(t[0]), y, float(t[-1]), **options)
    coming = 1
    while coming < len(t):
        message = solver.step()
        if solver.status == "failed":
            raise RuntimeError(f"method={method!r} failed at t={solver.t:.6g}: {message}")
        on_step(solver.t - solver.t_old)
        if interpolants is None and t[coming] > solver.t:
            continue
        within = solver.dense_output()
        if interpolants is not None:
            interpolants.append(within)
        while coming < len(t) and t[coming] <= solver.t:
            at_end = t[coming] == solver.t
            yield float(t[coming]), solver.y.copy() if at_end else within(t[coming])
            coming += 1
