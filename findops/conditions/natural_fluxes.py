"""Given fluxes through the faces of natural diffusion, which lets none pass by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import is_labeled
from findops.conditions.ghost_values import GhostValues
from findops.conditions.walls import Wall, scale_of
from findops.discretization.coefficients import evaluate
from findops.expressions.derivative import StaggeredDiff
from findops.expressions.expression import Coef, Field, factors_of, rewrite
from findops.expressions.half_point_mean import HalfPointMean
from findops.grids.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.common.arrays import Array
    from findops.expressions.expression import Expr

__all__ = ["NaturalFlux", "NaturalWall", "is_natural"]

VANISHING = 1e-12
"""Part of a flux that roundoff leaves in rows that it does not enter."""


@dataclass(frozen=True, eq=False)
class NaturalWall(Wall):
    """A face of natural diffusion with a slope on it; `across` are the products a·∂ k ∂."""

    @property
    def acc(self) -> int:
        return max(half.acc for product in self.across for half in halves_of(product, self.axis))

    @property
    def order(self) -> int:
        return 2

    @property
    def regular(self) -> bool:
        return bool(np.all(self.divisor != 0))


def halves_of(product: Expr, axis: int) -> list[StaggeredDiff]:
    """Return the halves of natural diffusion along an axis that are factors of a product."""
    factors = factors_of(product)
    return [f for f in factors if isinstance(f, StaggeredDiff) and f.axis == axis and f.natural]


def is_natural(product: Expr, axis: int) -> bool:
    """Tell whether a product is natural diffusion along an axis, times coefficients on its left."""
    factors, halves = factors_of(product), halves_of(product, axis)
    rest = [f for f in factors if f not in halves]
    return len(halves) == 2 and factors[-1] is halves[1] and all(f.multiplies for f in rest)


@dataclass(frozen=True, eq=False)
class NaturalFlux(GhostValues):
    """What a slope g on a face of natural diffusion adds: the flux k g, into the rows next to it.

    By the grid's weights it sums up to the flux; k comes from a line through half points where an
    array gives it and nodes lie on the face. At acc 2 all of it enters the row at the face, as
    into a finite volume. Higher accuracy spreads it as for constant k.
    """

    @property
    def _orders(self) -> range:
        return range(1, 2)

    def _response(self, order: int) -> Array:  # noqa: ARG002  # the slope is all that counts
        """Return what a slope of one adds near the wall: a linear field sees no wall."""
        wall = self.wall
        axis = wall.grid.axes[wall.axis]
        line = Grid(x=axis)
        made: Array = np.zeros((1,) * wall.grid.ndim)
        for product in wall.across:
            factors = factors_of(product)
            there, back = len(factors) - 1, factors.index(halves_of(product, wall.axis)[0])
            acc = halves_of(product, wall.axis)[0].acc
            natural = StaggeredDiff("x", "node", acc, True) * StaggeredDiff("x", "half", acc, True)
            image = -natural.on(line)(axis.coordinates)
            image[abs(image) < VANISHING * abs(image).max()] = 0
            near = wall.nearest(acc)
            entering = wall.along_axis(image)[near] * scale_of(product)
            outside = self._product(factors[:back], wall.grid)
            if outside.shape[wall.axis] > 1:
                outside = outside[near]
            made = made + entering * outside * self._at_wall(factors[back + 1 : there])
        return made

    def _product(self, factors: Sequence[Expr], grid: Grid) -> Array:
        made: Array = np.ones((1,) * grid.ndim)
        for factor in factors:
            made = made * evaluate(rewrite(factor, self._given), grid)
        return made

    def _given(self, part: Expr) -> Expr:
        return Coef(self.fields[part.name]) if isinstance(part, Field) else part

    def _at_wall(self, factors: Sequence[Expr]) -> Array:
        """Return k at the wall."""
        made: Array = np.ones((1,) * self.wall.grid.ndim)
        for factor in factors:
            match factor:
                case Coef(value=value) if not (isinstance(value, np.ndarray) or is_labeled(value)):
                    made = made * evaluate(factor, self.wall.face_grid)
                case HalfPointMean() if self.wall.on_points:
                    made = made * self._at_end(factor.coefficient)
                case _:
                    made = made * self._beside(factor)
        return made

    def _at_end(self, factor: Expr) -> Array:
        """Return a coefficient of nodes at those that lie on the wall."""
        values = self._product([factor], self.wall.grid)
        return np.take(values, [-1 if self.wall.upper else 0], self.wall.axis)

    def _beside(self, factor: Expr) -> Array:
        """Return a coefficient of half points at the wall, on a line through the nearest two."""
        wall = self.wall
        half = wall.grid.half(wall.axis)
        k = self._product([factor], half)
        if k.shape[wall.axis] == 1:
            return k
        first, second = (np.take(k, [-1 - i if wall.upper else i], wall.axis) for i in (0, 1))
        if not wall.on_points:
            return first
        ends = wall.grid.axes[wall.axis].coordinates
        points = half.axes[wall.axis].coordinates
        a, b = (points[-1], points[-2]) if wall.upper else (points[0], points[1])
        at = ends[-1] if wall.upper else ends[0]
        return np.asarray(first + (at - a) / (b - a) * (second - first))
