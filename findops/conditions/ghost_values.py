"""Ghost values beyond walls: what conditions and equation give of a field's Taylor series there."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import TYPE_CHECKING, Protocol

import numpy as np

from findops.expressions.derivative import Diff
from findops.expressions.expression import Coef
from findops.grids.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from findops.common.arrays import Array
    from findops.conditions.walls import Wall
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
    """What L u is: a derivative of u in time, less a source.

    λ u, in an eigenvalue problem, is like one without source: it vanishes where u does.
    """

    source: InTime | None = None
    """None where there is none."""

    def steady(self, wall: Wall) -> bool:
        """Tell whether nothing moves at a wall that the equation differentiates in time.

        From acc 4 on it differentiates what the condition gives, from acc 6 on the source too. Data
        tell no step in time that resolves them, so that differences could be taken.
        """
        source = wall.acc < 6 or self.source is None or self.source.steady
        return wall.acc < 4 or (wall.given.steady and source)


@dataclass(frozen=True, eq=False)
class GhostValues:
    """What data at a wall add to an operator that continues fields beyond it.

    Let E and O be the even and the odd part of the Taylor series of u at a wall. Beyond it u(ξ) is
    −u(−ξ) + 2 E(ξ), and likewise u(−ξ) + 2 O(ξ): the operator continues fields oddly or evenly, and
    what it makes of the second terms is added. A condition gives the first derivative in them, the
    equation L u = ∂u/∂t − s every second one after it, where what is so differentiated in time is
    steady. Those below the order of accuracy are used: what is left out is as small as it must be
    next to a wall for the solution to have that order.

    Parameters
    ----------
    wall : Wall
        One that second derivatives alone act across, with one condition and a steady rate.
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

    @cached_property
    def steady(self) -> bool:
        """Whether the data are the same at all times."""
        source = None if self.rate is None or self._orders[-1] < 2 else self.rate.source
        return self.wall.given.steady and (source is None or source.steady)

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

    def _series(self, t: float | None) -> dict[int, Array]:
        """Return the derivatives of u across the wall, by order, of length one along its axis."""
        first, *higher = self._orders
        found = {first: self._from_condition(t)}
        for order in higher:
            found[order] = self._from_equation(order, t, found)
        return found

    def _from_condition(self, t: float | None) -> Array:
        given = self.wall.given(t) / self.wall.divisor
        return given if self.wall.parity == "odd" else self.wall.outward * given

    def _from_equation(self, order: int, t: float | None, known: Mapping[int, Array]) -> Array:
        """Return a derivative: that of (−s − what acts along the wall) / normal.

        `known` are derivatives of lower orders; the highest of them does not move.
        """
        wall, lower = self.wall, order - 2
        made: Array = np.zeros((1,) * wall.grid.ndim)
        if self.rate is not None and self.rate.source is not None:
            made = made - wall.normal_derivative(self.rate.source(t), lower)
        if self._rest is not None:
            terms = (d * wall.distances**k / math.factorial(k) for k, d in known.items())
            field = np.broadcast_to(reduce(add, terms), wall.grid.shape).copy()
            made = made - wall.normal_derivative(self._rest(field), lower)
        return made / wall.normal

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
