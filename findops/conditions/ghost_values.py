"""Ghost values beyond walls: what conditions and equation give of a field's Taylor series there."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, reduce
from operator import add, mul
from typing import TYPE_CHECKING, Protocol

import numpy as np

from findops.expressions.derivative import Diff
from findops.expressions.expression import Coef
from findops.grids.grid import Grid
from findops.schemes.fornberg import exact_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from findops.common.arrays import Array, Floats
    from findops.conditions.conditions import Condition
    from findops.conditions.walls import Wall
    from findops.discretization.coefficients import ValueInTime
    from findops.operators.operator import Operator

__all__ = ["GhostValues", "InTime", "Rate"]


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

        The roundoff of differences over it is that of L.
        """
        return float((wall.step**2 / np.abs(wall.normal).max()) ** (1 / self.order))

    def weights(self, wall: Wall) -> Floats:
        """Return the weights of the time derivative, of data at steps to come.

        Data may not be defined before the start. Differences are of order acc/2 over steps of h²,
        and of order acc − 1 over steps of h.
        """
        times = tuple(map(Fraction, range(1 + wall.acc * self.order // 2)))
        exact = np.array(exact_weights(self.order, times), dtype=float)
        return exact / self.time_step(wall) ** self.order


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
        near = reduce(add, (self._responses[k] * values for k, values in series.items()))
        made = np.zeros(self.wall.grid.shape, np.result_type(near, float))
        made[self.wall.nearest(near.shape[self.wall.axis])] = near
        return made

    def with_reaction(self, op: Operator) -> Operator:
        """Return an operator with the part of the slope that the field itself makes (Robin)."""
        wall = self.wall
        if not wall.mixed:
            return op
        near = -self._responses[1] * wall.outward * wall.factors[0] / wall.divisor
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
        """Return the derivatives of u across the wall, by order, of length one along its axis.

        Each is found now and at as many steps to come as those of higher orders need.
        """
        first, *higher = self._orders
        ahead = 0 if self.steady or not higher else len(self._known_rate.weights(self.wall)) - 1
        times = [self._time(t, step) for step in range(1 + ahead * len(higher))]
        found = {first: [self._from_condition(time) for time in times]}
        for order in higher:
            lower = found[order - 2]
            found[order] = [
                self._from_equation(
                    order,
                    times[step],
                    {k: values[step] for k, values in found.items()},
                    lower[step : step + ahead + 1],
                )
                for step in range(len(lower) - ahead)
            ]
        return {order: values[0] for order, values in found.items()}

    def _time(self, t: float | None, step: int) -> float | None:
        return t if t is None or not step else t + step * self._known_rate.time_step(self.wall)

    def _from_condition(self, t: float | None) -> Array:
        given = self.given(t) / self.wall.divisor
        return given if self.wall.parity == "odd" else self.wall.outward * given

    def _from_equation(
        self, order: int, t: float | None, known: Mapping[int, Array], later: Sequence[Array]
    ) -> Array:
        """Return a derivative: that of (∂u/∂t − s − what acts along the wall) / normal.

        `known` are derivatives of lower orders, and `later` the highest of them in time.
        """
        wall, rate, lower = self.wall, self._known_rate, order - 2
        made: Array = np.zeros((1,) * wall.grid.ndim)
        if self._moves(lower):
            made = reduce(add, map(mul, rate.weights(wall), later))
        if rate.source is not None:
            made = made - wall.normal_derivative(rate.source(t), lower)
        if self._rest is not None:
            terms = (d * wall.distances**k / math.factorial(k) for k, d in known.items())
            field = np.broadcast_to(reduce(add, terms), wall.grid.shape).copy()
            made = made - wall.normal_derivative(self._rest(field), lower)
        return made / wall.normal

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

    @cached_property
    def _responses(self) -> dict[int, Array]:
        """What the operator makes of each term of the series beyond the wall, near it."""
        return {order: self._response(order) for order in self._orders}

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
