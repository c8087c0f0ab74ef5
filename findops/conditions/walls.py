"""Walls: faces beyond which a field is continued, and what an operator does across them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import TYPE_CHECKING, Literal

import numpy as np

from findops.conditions.conditions import Trace
from findops.discretization.coefficients import evaluate
from findops.expressions.derivative import Diff
from findops.expressions.expression import AlongAxis, Coef, Product, factors_of
from findops.schemes.fornberg import exact_weights

if TYPE_CHECKING:
    from fractions import Fraction

    from findops.common.arrays import Array, Floats
    from findops.conditions.conditions import Condition
    from findops.discretization.coefficients import ValueInTime
    from findops.expressions.expression import Expr
    from findops.grids.grid import Grid

__all__ = ["Parity", "Wall", "scale_of"]

Parity = Literal["odd", "even"]


@dataclass(frozen=True, eq=False)
class Wall:
    """A face beyond which a field is continued, with the conditions on it."""

    grid: Grid
    face: str
    parity: Parity
    conditions: tuple[Condition, ...]
    across: tuple[Expr, ...]
    """The products of an operator that differentiate along the axis of the face, once each."""
    rest: tuple[Expr, ...]
    """Its other products."""

    @cached_property
    def axis(self) -> int:
        """The axis that it ends."""
        return self.grid.face_axis(self.face)

    @property
    def upper(self) -> bool:
        """Whether it stands after the last point."""
        return self.face.endswith("+")

    @property
    def outward(self) -> int:
        """The sign of the outward normal along the coordinate."""
        return 1 if self.upper == self.grid.axes[self.axis].ascending else -1

    @property
    def on_points(self) -> bool:
        """Whether points lie on it."""
        return self._first == 0

    # What acts across it ------------------------------------------------------------------------

    @cached_property
    def derivatives(self) -> tuple[Diff, ...]:
        """The derivatives along the axis, one for each product across."""
        return tuple(
            factor
            for product in self.across
            for factor in factors_of(product)
            if isinstance(factor, Diff) and factor.axis == self.axis
        )

    @property
    def order(self) -> int:
        """The highest order of these."""
        return max(derivative.order for derivative in self.derivatives)

    @property
    def acc(self) -> int:
        """The highest accuracy of these."""
        return max(derivative.acc for derivative in self.derivatives)

    @property
    def simple(self) -> bool:
        """Whether second derivatives alone act across it, on even spacing."""
        acting = [[f for f in factors_of(p) if isinstance(f, AlongAxis)] for p in self.across]
        return self.grid.axes[self.axis].spacing is not None and all(
            len(factors) == 1 and factors[0].order == 2 for factors in acting
        )

    @cached_property
    def coefficients(self) -> tuple[Array, ...]:
        """What multiplies each of the derivatives, of length one along the axis."""
        made = []
        for product in self.across:
            value: Array = np.full((1,) * self.grid.ndim, scale_of(product))
            for factor in factors_of(product):
                if not isinstance(factor, AlongAxis):
                    value = value * evaluate(factor, self.grid)
            made.append(value)
        return tuple(made)

    @cached_property
    def normal(self) -> Array:
        """What multiplies second derivatives across, together."""
        return reduce(add, self.coefficients)

    # What is given on it ------------------------------------------------------------------------

    @property
    def homogeneous(self) -> bool:
        """Whether all that is given is zero."""
        return not any(callable(c.value) or np.any(c.value) for c in self.conditions)

    @property
    def mixed(self) -> bool:
        """Whether field and slope are given together (Robin)."""
        return any(
            isinstance(c.expression, Trace) and Coef(0) not in c.expression.parts
            for c in self.conditions
        )

    @property
    def face_grid(self) -> Grid:
        """The points of the face."""
        (place,) = self.conditions[0].places(self.grid)
        return place.grid(self.grid if self.on_points else self.grid.half(self.axis))

    @property
    def condition(self) -> Condition:
        """The one condition that is given."""
        (condition,) = self.conditions
        return condition

    @cached_property
    def given(self) -> ValueInTime:
        """What that gives."""
        (place,) = self.condition.places(self.grid)
        return self.condition.given(self.face_grid, place)

    @cached_property
    def factors(self) -> tuple[Array, Array]:
        """The factors of field and outward slope in it."""
        expression = self.condition.expression
        if not isinstance(expression, Trace):
            zero, one = np.zeros(()), np.ones(())
            return (zero, self.outward * one) if isinstance(expression, Diff) else (one, zero)
        a, b = (evaluate(part, self.face_grid, repr(self.condition)) for part in expression.parts)
        return a, b

    @cached_property
    def divisor(self) -> Array:
        """What the first derivative that is not continued is multiplied by in the condition.

        That is the field itself where it is odd, and its outward slope where it is even: the field
        at the wall then lies on the line through the nearest point.
        """
        field, slope = self.factors
        return field if self.parity == "odd" else slope + field * self.nearest_distance

    @property
    def regular(self) -> bool:
        """Whether condition and equation can be solved for derivatives across the wall."""
        return bool(np.all(self.normal != 0) and np.all(self.divisor != 0))

    # Points near it -----------------------------------------------------------------------------

    @property
    def _first(self) -> Fraction:
        """How far the nearest point is, in spacings."""
        axis = self.grid.axes[self.axis]
        return axis.origin - axis.walls[0]

    @property
    def step(self) -> float:
        """The coordinate's step from a point to the next one inside, on even spacing."""
        spacing = self.grid.axes[self.axis].spacing
        assert spacing is not None
        return float(-spacing if self.upper else spacing)

    @property
    def nearest_distance(self) -> float:
        """How far the nearest point is."""
        return 0.0 if self.on_points else abs(self.step) * float(self._first)

    def beyond(self, count: int) -> Floats:
        """Return the coordinates of ghost points, from the wall on, the nearest first."""
        return self.step * np.array([float(self._first - 1 - k) for k in range(count)])

    @cached_property
    def distances(self) -> Array:
        """The coordinates of the grid's points, from the wall on, broadcastable to the grid."""
        count = self.grid.shape[self.axis]
        inside = self.step * (float(self._first) + np.arange(count))
        return self.along_axis(inside[::-1] if self.upper else inside)

    def along_axis(self, values: Array) -> Array:
        """Return values at points along the axis, broadcastable to the grid."""
        return values.reshape([-1 if i == self.axis else 1 for i in range(self.grid.ndim)])

    def nearest(self, count: int) -> tuple[slice, ...]:
        """Return where in a field the points nearest to it are."""
        n = self.grid.shape[self.axis]
        here = slice(n - count, n) if self.upper else slice(0, count)
        return (slice(None),) * self.axis + (here,)

    def normal_derivative(
        self, values: Array, order: int, points: int | None = None, start: int = 0
    ) -> Array:
        """Return a derivative along the axis, at the wall, from the nearest points' values.

        They are as many as the order of accuracy by default, from the one numbered `start` on. The
        result is of length one there.
        """
        n = self.grid.shape[self.axis]
        weights = self._weights(order, min(points or self.acc, n - start), start)
        near = self.nearest_values(values, len(weights), start)
        return np.expand_dims(np.tensordot(near, weights, (self.axis, 0)), self.axis)

    def nearest_values(self, values: Array, points: int, start: int = 0) -> Array:
        """Return the values at the nearest points, from the one numbered `start` on, inwards."""
        n = self.grid.shape[self.axis]
        near = [n - 1 - k if self.upper else k for k in range(start, start + points)]
        return np.take(np.broadcast_to(values, self.grid.shape), near, self.axis)

    def weight_size(self, order: int, points: int) -> float:
        """Return the sum of the magnitudes of the weights of that."""
        return float(np.abs(self._weights(order, points)).sum())

    def _weights(self, order: int, points: int, start: int = 0) -> Floats:
        nodes = tuple(self._first + k for k in range(start, start + points))
        return np.array(exact_weights(order, nodes), dtype=float) / self.step**order


def scale_of(product: Expr) -> float | complex:
    """Return the number in a product."""
    return product.scale * 1.0 if isinstance(product, Product) else 1.0
