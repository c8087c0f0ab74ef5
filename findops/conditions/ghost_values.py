"""Ghost values beyond walls: what conditions and equation give of a field's Taylor series there."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property, reduce
from operator import add
from typing import TYPE_CHECKING, Protocol

import numpy as np

from findops.expressions.derivative import Diff
from findops.expressions.expression import Coef
from findops.grids.grid import Grid
from findops.schemes.fornberg import exact_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from findops.common.arrays import Array
    from findops.conditions.conditions import Condition
    from findops.conditions.walls import Wall
    from findops.discretization.coefficients import ValueInTime
    from findops.operators.operator import Operator

__all__ = ["GhostValues", "InTime", "Rate"]

TIME_POINTS = 7
"""Values from which data are differentiated in time, to order 5 at least."""


class InTime(Protocol):
    """Values at points that may depend on time."""

    @property
    def steady(self) -> bool:
        """Whether they are the same at all times."""

    def __call__(self, t: float | None) -> Array:
        """Return them at a time; they broadcast to the grid."""


@dataclass(frozen=True, eq=False)
class Rate:
    """What L u is: the derivative of u in time, of an order, less a source.

    λ u, in an eigenvalue problem, is like one without source: it vanishes where u does.
    """

    order: int = 1
    source: InTime | None = None
    """None where there is none."""

    def time_step(self, wall: Wall) -> float:
        """Return the time in which what happens between two points at a wall happens.

        Differences over it leave errors below those in space, and its roundoff is that of L.
        """
        return float((wall.step**2 / np.abs(wall.normal).max()) ** (1 / self.order))


@dataclass(frozen=True, eq=False)
class GhostValues:
    """What data at a wall add to an operator that continues fields beyond it.

    Let E and O be the even and the odd part of the Taylor series of u at a wall. Beyond it u(ξ) is
    −u(−ξ) + 2 E(ξ), and likewise u(−ξ) + 2 O(ξ): the operator continues fields oddly or evenly, and
    what it makes of the second terms is added. A condition gives the first derivative in them, the
    equation L u = ∂u/∂t − s every second one after it. Those below the order of accuracy are used:
    what is left out is as small as it must be next to a wall for the solution to have that order.

    Parameters
    ----------
    wall : Wall
        One that second derivatives alone act across, with one condition.
    rate : Rate or None
        What is known of L u; None where nothing is, and nothing is needed.
    fields : mapping
        Values of free fields.

    References
    ----------
    LeVeque (2007), Finite Difference Methods, 2.12; Gustafsson (1975), Math. Comp. 29, 396-406.
    """

    wall: Wall
    rate: Rate | None
    fields: Mapping[str, object]

    @property
    def condition(self) -> Condition:
        """The condition at the wall."""
        (condition,) = self.wall.conditions
        return condition

    @cached_property
    def given(self) -> ValueInTime:
        """What the condition gives."""
        (place,) = self.condition.places(self.wall.grid)
        return self.condition.given(self.wall.face_grid, place)

    @cached_property
    def steady(self) -> bool:
        """Whether the data are the same at all times."""
        return not self._moves(self._orders[-1])

    def offset(self, t: float | None) -> Array:
        """Return what the data add to the operator's values at a time, at all points."""
        return self._steady_offset if self.steady else self._offset(t)

    @cached_property
    def _steady_offset(self) -> Array:
        return self._offset(None)

    def _offset(self, t: float | None) -> Array:
        series = self._series(t)
        near = reduce(add, (self._response(k) * values for k, values in series.items()))
        made = np.zeros(self.wall.grid.shape, np.result_type(near, float))
        made[self.wall.nearest(near.shape[self.wall.axis])] = near
        return made

    def with_reaction(self, op: Operator) -> Operator:
        """Return an operator with the part of the slope that the field itself makes (Robin)."""
        wall = self.wall
        if not wall.mixed:
            return op
        near = -self._response(1) * wall.outward * wall.factors[0] / wall.divisor
        shape = list(near.shape)
        shape[wall.axis] = wall.grid.shape[wall.axis]
        reaction = np.zeros(shape, near.dtype)
        reaction[wall.nearest(near.shape[wall.axis])] = near
        added = Coef(reaction).on(wall.grid).program.parts
        return replace(op, program=replace(op.program, parts=op.program.parts + added))

    # The Taylor series --------------------------------------------------------------------------

    @property
    def _orders(self) -> range:
        """The orders of the derivatives in E or O that are used."""
        return range(0 if self.wall.parity == "odd" else 1, self.wall.acc, 2)

    def _moves(self, order: int) -> bool:
        """Tell whether a derivative across the wall depends on time."""
        source = None if self.rate is None else self.rate.source
        return not self.given.steady or (order >= 2 and source is not None and not source.steady)

    def _series(self, t: float | None) -> dict[int, Array]:
        """Return the derivatives of u across the wall, by order, of length one along its axis."""

        @cache
        def derivative(order: int, step: int) -> Array:
            """Return one, some time steps after t."""
            if order >= 2:
                return self._from_equation(order, self._time(t, step), step, derivative)
            given = self.given(self._time(t, step)) / self.wall.divisor
            return given if order == 0 else self.wall.outward * given

        return {order: derivative(order, 0) for order in self._orders}

    def _time(self, t: float | None, step: int) -> float | None:
        return t if t is None or not step else t + step * self._known_rate.time_step(self.wall)

    def _from_equation(
        self, order: int, t: float | None, step: int, derivative: Callable[[int, int], Array]
    ) -> Array:
        """Return a derivative, from those of lower orders: (∂u/∂t − s − rest)⁽ᵏ⁻²⁾ / normal."""
        wall, lower = self.wall, order - 2
        made: Array = np.zeros((1,) * wall.grid.ndim)
        if self._moves(lower):
            made = made + self._in_time(lambda later: derivative(lower, step + later))
        if self._known_rate.source is not None:
            made = made - wall.normal_derivative(self._known_rate.source(t), lower)
        if self._rest is not None:
            known: Array = np.zeros(wall.grid.shape)
            for k in range(lower % 2, lower + 1, 2):
                known = known + derivative(k, step) * wall.distances**k / math.factorial(k)
            made = made - wall.normal_derivative(self._rest(known), lower)
        return np.asarray(made / wall.normal)

    def _in_time(self, value: Callable[[int], Array]) -> Array:
        """Return the derivative in time of what there is some time steps later.

        Data may not be defined before the start.
        """
        rate = self._known_rate
        weights = exact_weights(rate.order, tuple(map(Fraction, range(TIME_POINTS))))
        total = reduce(add, (float(w) * value(later) for later, w in enumerate(weights)))
        return np.asarray(total / rate.time_step(self.wall) ** rate.order)

    @property
    def _known_rate(self) -> Rate:
        assert self.rate is not None
        return self.rate

    @cached_property
    def _rest(self) -> Operator | None:
        """What acts along the wall."""
        if not self.wall.rest:
            return None
        rest = reduce(add, self.wall.rest)
        own = {name: value for name, value in self.fields.items() if name in rest.free_fields}
        return rest.on(self.wall.grid, "accurate", **own)

    def _response(self, order: int) -> Array:
        """Return what L makes of 2 ξ^order / order! beyond the wall and zero inside, near it."""
        wall = self.wall
        line = Grid(x=wall.grid.axes[wall.axis])
        closures = {"x-": "zero", "x+": "zero", f"x{wall.face[-1]}": "halo"}
        made: Array = np.zeros((1,) * wall.grid.ndim)
        for each, coefficient in zip(wall.derivatives, wall.coefficients, strict=True):
            op = Diff("x", each.order, each.acc, each.scheme).on(line, closures)
            count = sum(op.ghosts[0])
            ghosts = 2 * wall.beyond(count) ** order / math.factorial(order)
            inside = np.zeros(len(line.axes[0]))
            ends = (inside, ghosts) if wall.upper else (ghosts[::-1], inside)
            image = op(np.concatenate(ends))
            near = wall.acc // 2
            made = made + coefficient * wall.along_axis(
                image[-near:] if wall.upper else image[:near]
            )
        return made
