"""Method of lines: what an equation becomes on the free unknowns, x' = F(t, x)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import sparse

from findops.common.arrays import Array, as_field
from findops.discretization.coefficients import ValueInTime
from findops.problems.evolution.resolvent import resolvent
from findops.problems.nonlinear.jacobian import Dependencies, dependencies

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse import csr_array

    from findops.conditions.affine_system import AffineSystem
    from findops.conditions.field_values import FieldValues
    from findops.grids.grid import Grid
    from findops.problems.functions import RightHandSide

__all__ = [
    "SecondOrderSystem",
    "SemidiscreteSystem",
    "Source",
    "StaggeredSource",
    "refuse_complex",
]

CONDITION_STEP = np.cbrt(np.finfo(float).eps)
"""Part of the time span over which conditions are differenced."""

KEPT_RESOLVENTS = 4
"""Lengths of steps for which solvers are kept: those of a method, and of intervals that differ."""

CENTRAL = {-1: -0.5, 1: 0.5}
FORWARD = {0: -1.5, 1: 2.0, 2: -0.5}
"""Differences of second order for the first derivative."""


@dataclass(frozen=True, eq=False)
class Source:
    """A given term of an equation.

    Parameters
    ----------
    value : number, array, function, or tuple or list of these
        One for all components, an array of the fields' shape, a function of the coordinates and
        of the time `t`, or a sequence of these with one for each component.
    grid : Grid
        Where the fields live.
    components : tuple of int
        Shape of the component axes.

    Raises
    ------
    ValueError
        If a shape does not fit.
    """

    value: Any
    grid: Grid
    components: tuple[int, ...]

    def __post_init__(self) -> None:
        if isinstance(self.value, np.ndarray):
            object.__setattr__(self, "value", as_field(self.value).copy())
        if isinstance(self.value, (list, tuple)) and len(self.value) != np.prod(self.components):
            raise ValueError(
                f"source= has {len(self.value)} parts, but fields have components of shape "
                f"{self.components}"
            )

    def __call__(self, t: float | None) -> Array:
        """Return the values at a time, which broadcast to (*components, *grid)."""
        return self._always if self.steady else self._at(t)

    @cached_property
    def steady(self) -> bool:
        """Whether it is the same at all times."""
        return all(part.steady for part in self._parts)

    @cached_property
    def zero(self) -> bool:
        """Whether it is zero everywhere, at all times."""
        return self.steady and not self._always.any()

    @cached_property
    def _parts(self) -> list[ValueInTime]:
        several = isinstance(self.value, (list, tuple))
        parts = self.value if several else [self.value]
        return [ValueInTime(part, self.grid, "source=") for part in parts]

    @cached_property
    def _always(self) -> Array:
        return self._at(None)

    def _at(self, t: float | None) -> Array:
        shape = self.components + self.grid.shape
        if isinstance(self.value, np.ndarray) and self.value.shape == shape:
            return self.value
        if not isinstance(self.value, (list, tuple)):
            return self._parts[0](t)
        parts = [np.broadcast_to(part(t), self.grid.shape) for part in self._parts]
        return np.stack(parts).reshape(shape)


@dataclass(frozen=True, eq=False)
class StaggeredSource:
    """Given terms of the equations of components at points of their own, as one vector.

    Parameters
    ----------
    value : number, function, or tuple or list of numbers, arrays and functions
        One for all components, or one for each.
    values : FieldValues
        Where these stand.

    Raises
    ------
    ValueError
        If there are more or fewer than components, or a shape does not fit.
    """

    value: Any
    values: FieldValues

    def __post_init__(self) -> None:
        if isinstance(self.value, (list, tuple)) and len(self.value) != self.values.components:
            raise ValueError(
                f"source= has {len(self.value)} parts, but there are {self.values.components} "
                "components"
            )

    def __call__(self, t: float | None) -> Array:
        """Return the values at a time, flat."""
        return self._always if self.steady else self._at(t)

    @cached_property
    def steady(self) -> bool:
        """Whether it is the same at all times."""
        return all(part.steady for part in self._parts)

    @cached_property
    def zero(self) -> bool:
        """Whether it is zero everywhere, at all times."""
        return self.steady and not self._always.any()

    @cached_property
    def _parts(self) -> list[ValueInTime]:
        several = isinstance(self.value, (list, tuple))
        parts = self.value if several else [self.value] * self.values.components
        pairs = zip(parts, self.values.grids, strict=True)
        return [ValueInTime(part, grid, "source=") for part, grid in pairs]

    @cached_property
    def _always(self) -> Array:
        return self._at(None)

    def _at(self, t: float | None) -> Array:
        pairs = zip(self._parts, self.values.grids, strict=True)
        return np.concatenate([np.broadcast_to(p(t), grid.shape).ravel() for p, grid in pairs])


@dataclass(frozen=True, eq=False)
class SemidiscreteSystem:
    """x' = A x + r(t) + e(t, x): an operator under conditions and a source, and a function.

    Called with (t, x), it gives x'. Conditions hold at every time.
    """

    system: AffineSystem
    """The operator under conditions; that of the identity where there is no expression."""
    linear: bool
    """Whether the operator is part of the equation."""
    source: Source | StaggeredSource
    function: RightHandSide | None
    _found: list[Dependencies] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return self.system.count

    def __call__(self, t: float, x: Array) -> Array:
        u = self.system.lift(x, t)
        if self.function is None:
            return self.system.restrict(self._affine(t, u))
        values = self._function_values(t, u)
        return self.system.restrict(values + self._affine(t, u) if self._has_affine else values)

    def rate(self, t: float, u: Array, out: Array, scale: float) -> None:
        """Write scale · u′ at all points, once what conditions determine is written into u."""
        self.system.impose(u, t)
        if self.function is None:
            self._affine(t, u, out, scale)
            return
        # What a function does with its argument is its own matter.
        values = self._function_values(t, u.copy())
        refuse_complex(values, u, t)
        if self._has_affine:
            self._affine(t, u, out, scale)
            out += scale * values
        else:
            np.multiply(values, scale, out=out)
        # A function may be infinite where conditions stand in place of the equation.
        out.reshape(-1)[self.system.equations.replaced] = 0

    def implicit(self, t: float, x: Array) -> Array:
        """Return A x + r(t)."""
        return self.system.restrict(self._affine(t, self.system.lift(x, t)))

    def explicit(self, t: float, x: Array) -> Array:
        """Return e(t, x)."""
        if self.function is None:
            return np.zeros_like(x)
        return self.system.restrict(self._function_values(t, self.system.lift(x, t)))

    def lift(self, t: float, x: Array) -> Array:
        """Return the field that belongs to x."""
        return self.system.lift(x, t)

    def restrict(self, u: Array) -> Array:
        """Return the x that belongs to a field."""
        return self.system.restrict(u)

    @property
    def affine(self) -> bool:
        """Whether x' = A x + r, the same at all times."""
        return self.function is None and self.system.steady and self.source.steady

    def forcing(self, t: float) -> Array:
        """Return r(t)."""
        return self._forcing_at(t) if self._steady_forcing is None else self._steady_forcing

    def _forcing_at(self, t: float) -> Array:
        return self.implicit(t, np.zeros(self.size))

    @cached_property
    def _steady_forcing(self) -> Array | None:
        """What r is at every time, None if it depends on time."""
        return self._forcing_at(0.0) if self.system.steady and self.source.steady else None

    @property
    def matrix(self) -> csr_array:
        """A."""
        return self.system.matrix

    def resolvent(self, step: float) -> Callable[[Array], Array]:
        """Return b ↦ (I − step·A)⁻¹ b, kept for a few steps."""
        return self._resolvents(step)

    @cached_property
    def _resolvents(self) -> Callable[[float], Callable[[Array], Array]]:
        return lru_cache(KEPT_RESOLVENTS)(partial(resolvent, self.system))

    @property
    def constant_jacobian(self) -> csr_array | None:
        """The Jacobian, None if it depends on t and x."""
        return self.matrix if self.function is None else None

    def jacobian(self, t: float, x: Array) -> csr_array:
        """Return the derivative of x' with respect to x."""
        if self.function is None:
            return self.matrix
        u = self._finite(self.system.lift(x, t))
        found = self._dependencies(t, u).jacobian(partial(self._finite_values, t), u)
        return self._plus_matrix(self.system.reduced(found))

    def pattern(self, t: float, x: Array) -> csr_array:
        """Return where the Jacobian may have entries, as the function shows it first at t and x."""
        if self.function is None:
            return self.matrix.astype(bool)
        pattern = self._dependencies(t, self._finite(self.system.lift(x, t))).pattern
        # Random numbers do not cancel where conditions are substituted.
        numbers = np.random.default_rng(0).uniform(1, 2, pattern.nnz)
        made = sparse.csr_array((numbers, pattern.indices, pattern.indptr), shape=pattern.shape)
        return self._plus_matrix(self.system.reduced(made)).astype(bool)

    def _dependencies(self, t: float, u: Array) -> Dependencies:
        """Return what in the function depends on what, found once."""
        if not self._found:
            probed = dependencies(partial(self._finite_values, t), u, self.system.values.grid)
            self._found.append(probed)
        return self._found[0]

    def _finite(self, u: Array) -> Array:
        """Return a field with zeros for the NaN that stand outside of a region."""
        if self.system.outside.size:
            u = u.copy()
            u.reshape(-1)[self.system.outside] = 0
        return u

    def _finite_values(self, t: float, u: Array) -> Array:
        return self._finite(self._function_values(t, u))

    def _plus_matrix(self, matrix: csr_array) -> csr_array:
        return cast("csr_array", matrix + self.matrix) if self.linear else matrix

    def fields(self, t: float, x: Array) -> tuple[Array, ...]:
        """Return the field that belongs to x."""
        return (self.system.lift(x, t),)

    def _affine(self, t: float, u: Array, out: Array | None = None, scale: float = 1) -> Array:
        """Return scale · (A x + r(t)) at all points, in `out` if it is given."""
        if self.linear and self.source.zero:
            return self.system.applied(u, t, out, scale)
        source = self.source(t)
        if out is not None:
            refuse_complex(source, out, t)
        if not self.linear:
            return np.multiply(source, scale, out=out)
        return np.add(self.system.applied(u, t, out, scale), scale * source, out=out)

    @property
    def _has_affine(self) -> bool:
        return self.linear or not self.source.zero

    def _function_values(self, t: float, u: Array) -> Array:
        assert self.function is not None
        values = as_field(self.function(t, u))
        if values.shape != u.shape:
            raise ValueError(
                f"{self.function!r} must return an array of shape {u.shape}, as its argument has, "
                f"but returned {values.shape}"
            )
        return values


@dataclass(frozen=True, eq=False)
class SecondOrderSystem:
    """x″ = F(t, x), as a system of first order of the pair (x, x′)."""

    semidiscrete: SemidiscreteSystem
    """F."""
    start: float
    span: float
    """Where the time interval begins, and its length."""

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return 2 * self.semidiscrete.size

    def __call__(self, t: float, y: Array) -> Array:
        x, v = np.split(y, 2)
        return np.concatenate([v, self.semidiscrete(t, x)])

    def rate(self, t: float, y: Array, out: Array, scale: float) -> None:
        """Write scale · (u, u′)′ at all points, given the pair of fields."""
        np.multiply(y[1], scale, out=out[0])
        self.semidiscrete.rate(t, y[0], out[1], scale)

    def implicit(self, t: float, y: Array) -> Array:
        """Return the linear part."""
        x, v = np.split(y, 2)
        return np.concatenate([v, self.semidiscrete.implicit(t, x)])

    def explicit(self, t: float, y: Array) -> Array:
        """Return the rest."""
        x, v = np.split(y, 2)
        return np.concatenate([np.zeros_like(v), self.semidiscrete.explicit(t, x)])

    def forcing(self, t: float) -> Array:
        """Return what the linear part makes of zero."""
        return np.concatenate([np.zeros(self.semidiscrete.size), self.semidiscrete.forcing(t)])

    def lift(self, t: float, y: Array) -> Array:
        """Return the pair of fields that belongs to y."""
        x, v = np.split(y, 2)
        system = self.semidiscrete.system
        return np.stack([system.lift(x, t), system.lift_homogeneous(v)])

    def restrict(self, pair: Array) -> Array:
        """Return the y that belongs to a pair of fields."""
        return np.concatenate([self.semidiscrete.restrict(u) for u in pair])

    @property
    def affine(self) -> bool:
        """Whether y' = A y + r, the same at all times."""
        return self.semidiscrete.affine

    @cached_property
    def matrix(self) -> csr_array:
        """The matrix of the linear part."""
        return _of_pair(self.semidiscrete.matrix)

    def resolvent(self, step: float) -> Callable[[Array], Array]:
        """Return b ↦ (I − step·A)⁻¹ b for pairs: x − step·v = a and v − step·F′x = b."""
        inverse, system = self.semidiscrete.resolvent(step**2), self.semidiscrete.system

        def solve(pair: Array) -> Array:
            a, b = np.split(pair, 2)
            v = inverse(b + step * system.matvec(a))
            return np.concatenate([a + step * v, v])

        return solve

    @property
    def constant_jacobian(self) -> csr_array | None:
        """The Jacobian, None if it depends on t and y."""
        return self.matrix if self.semidiscrete.function is None else None

    def jacobian(self, t: float, y: Array) -> csr_array:
        """Return the derivative of y' with respect to y."""
        return _of_pair(self.semidiscrete.jacobian(t, np.split(y, 2)[0]))

    def pattern(self, t: float, y: Array) -> csr_array:
        """Return where the Jacobian may have entries."""
        return _of_pair(self.semidiscrete.pattern(t, np.split(y, 2)[0]))

    def fields(self, t: float, y: Array) -> tuple[Array, ...]:
        """Return the fields that belong to x and x′."""
        x, v = np.split(y, 2)
        system, none = self.semidiscrete.system, np.zeros(self.semidiscrete.size)
        step = CONDITION_STEP * self.span
        # Conditions may not be defined before the start.
        weights = CENTRAL if t - step >= self.start else FORWARD
        moving = sum(w / step * system.lift(none, t + k * step) for k, w in weights.items())
        return system.lift(x, t), system.lift(v, t) - system.lift(none, t) + moving


def _of_pair(matrix: csr_array) -> csr_array:
    """Return the matrix of x ↦ x″ as that of (x, x′) ↦ (x′, x″)."""
    one = sparse.eye_array(matrix.shape[0], dtype=matrix.dtype)
    return sparse.block_array([[None, one], [matrix, None]], format="csr")


def refuse_complex(values: Array, state: Array, t: float) -> None:
    """Refuse complex values in an equation of real fields.

    Raises
    ------
    TypeError
        If the state is real and the values are not.
    """
    if np.iscomplexobj(values) and not np.iscomplexobj(state):
        raise TypeError(
            f"the equation becomes complex at t={t:.6g}, but the initial data are real: "
            "give complex u0"
        )
