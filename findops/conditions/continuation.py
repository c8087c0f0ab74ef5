"""Conditions that odd or even continuation of the field keeps, corrected by what data say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from findops.conditions.conditions import Trace
from findops.conditions.elimination import EliminationSystem
from findops.conditions.ghost_values import GhostValues
from findops.conditions.natural_fluxes import NaturalFlux, NaturalWall, is_natural
from findops.conditions.walls import Wall
from findops.discretization.coefficients import evaluate
from findops.expressions.components import expand
from findops.expressions.derivative import Diff
from findops.expressions.expression import AlongAxis, Coef, Field, factors_of, terms_of
from findops.expressions.half_point_mean import HalfPointMean
from findops.schemes import Central

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from findops.common.arrays import Array
    from findops.conditions.conditions import Condition
    from findops.conditions.ghost_values import Rate
    from findops.expressions.expression import Closures, Expr
    from findops.grids.grid import Grid
    from findops.operators.operator import Operator

__all__ = ["Continuation", "by_face", "continued", "given_derivative", "varies"]

UNFIT = 1
"""The order of a product that does not keep odd fields odd and even ones even."""

ROUNDOFF = 8 * np.finfo(float).eps
"""Part of Σ|w||V| that roundoff leaves of a derivative that is zero."""

SINGULAR = 1 / 8
"""Part of the largest ξ V that is left at a wall where V is infinite; smooth ones leave less."""


@dataclass(frozen=True, eq=False)
class Continuation:
    """An operator that continues a field beyond some faces, and the conditions it does not keep."""

    expr: Expr
    grid: Grid
    fields: Mapping[str, object]
    walls: tuple[Wall, ...]
    """Where the field is continued."""
    left: tuple[Condition, ...]
    """The conditions that are still to impose."""
    rate: Rate | None
    """What is known of what the operator makes of the field."""

    def closure(self, elsewhere: str | int = "accurate") -> Closures:
        """Return the closures of all faces, given that of those without continuation."""
        parities: dict[str, str | int] = {
            w.face: w.parity for w in self.walls if not isinstance(w, NaturalWall)
        }
        return dict.fromkeys(self.grid.faces, elsewhere) | parities if parities else elsewhere

    def discretized(self, elsewhere: str | int = "accurate") -> tuple[Operator, EliminationSystem]:
        """Return the operator, and what is left of it under the conditions."""
        op = self.expr.on(self.grid, self.closure(elsewhere), **self.fields)
        for ghosts in self._ghosts:
            op = ghosts.with_reaction(op)
        return op, EliminationSystem.of(op, self.left, self._ghosts)

    def on(self, grid: Grid) -> Continuation:
        """Return the same on another grid of the same domain."""
        return replace(self, grid=grid, walls=tuple(replace(w, grid=grid) for w in self.walls))

    @cached_property
    def _ghosts(self) -> tuple[GhostValues, ...]:
        homogeneous = self.rate is None or self.rate.source is None
        return tuple(
            (NaturalFlux if isinstance(wall, NaturalWall) else GhostValues)(
                wall, self.rate, self.fields
            )
            for wall in self.walls
            if wall.mixed or not wall.homogeneous or not (homogeneous or wall.acc == 2)
        )


def continued(
    expr: Expr,
    grid: Grid,
    conditions: Iterable[Condition],
    fields: Mapping[str, object],
    rate: Rate | None,
    wanted: Callable[[Wall], bool] = lambda wall: True,  # noqa: ARG005
) -> Continuation:
    """Return how an operator continues a field where that keeps conditions.

    u = u″ = … = 0 is kept by odd continuation, u′ = u‴ = … = 0 by even continuation, if all
    derivatives of a scalar operator along that axis are central, of even order, and not multiplied
    by what varies along it. A symmetric operator then has a symmetric matrix at every accuracy.
    Below the order of accuracy, the equation L u = `rate` makes those derivatives vanish, or it
    gives them, if the data in them are steady, and `GhostValues` corrects the continuation. Where
    neither holds, nothing is continued.

    What multiplies the field, as a potential V, mixes parities by its odd derivatives at the wall.
    With derivatives of order m across, V⁽ʲ⁾ first acts on u⁽ᵐ⁺ʲ⁾ where u is even, and on u⁽ᵐ⁺ʲ⁺¹⁾
    where it is odd; those below the order of accuracy count. What is infinite at the wall does not
    let fields be odd beyond acc 2.

    Parameters
    ----------
    expr, grid, conditions, fields
        A problem.
    rate : Rate or None
        What L u is, None where nothing is known of it.
    wanted : callable
        Tells of a wall whether the field is to be continued beyond it.
    """
    spread = tuple(single for condition in conditions for single in by_face(condition, grid))
    parts = expand(expr, grid)
    walls: tuple[Wall, ...] = ()
    if set(parts.entries) == {(0, 0)} and all(c.component is None for c in spread):
        entry = parts.entries[0, 0]
        products = terms_of(entry)
        found = (_wall(products, grid, face, spread) for face in grid.faces)
        walls = tuple(
            w
            for w in found
            if w and wanted(w) and _determined(w, rate) and _keeps_parity(w, fields)
        )
    left = tuple(c for c in spread if not any(_kept(c, wall) for wall in walls))
    return Continuation(expr, grid, fields, walls, left, rate)


def by_face(condition: Condition, grid: Grid) -> Iterator[Condition]:
    """Yield a condition for each of the faces that it is on, or as it is."""
    if condition.is_mean:
        yield condition
    for place in condition.places(grid):
        yield condition if place.face is None else replace(condition, where=place.face)


def _kept(condition: Condition, wall: Wall) -> bool:
    """Tell whether a condition need not be imposed where the field is continued.

    A boundary point keeps its own value, which odd continuation does not set to zero.
    """
    if not any(condition is other for other in wall.conditions):
        return False
    return not wall.on_points or given_derivative(condition, wall.grid, wall.axis) != 0


def _wall(
    products: Sequence[Expr], grid: Grid, face: str, conditions: Sequence[Condition]
) -> Wall | None:
    """Return a face with the continuation that its conditions ask for, None if they ask for none.

    As many are needed as have half the order of the operator.
    """
    axis = grid.face_axis(face)
    here = tuple(c for c in conditions if isinstance(c.where, str) and c.where == face)
    given = sorted(given_derivative(c, grid, axis) for c in here)
    natural = tuple(product for product in products if is_natural(product, axis))
    if natural:
        return NaturalWall(grid, face, "even", here, natural, ()) if given == [1] else None
    orders = {product: _order(product, axis, grid) for product in products}
    if any(order % 2 for order in orders.values()) or not any(orders.values()):
        return None
    across = tuple(product for product in products if orders[product])
    rest = tuple(product for product in products if not orders[product])
    highest = max(orders.values())
    if given == list(range(0, highest, 2)):
        return Wall(grid, face, "odd", here, across, rest)
    if given == list(range(1, highest, 2)):
        return Wall(grid, face, "even", here, across, rest)
    return None


def given_derivative(condition: Condition, grid: Grid, axis: int) -> int:
    """Return which derivative along an axis a condition gives; −1 for any other."""
    match condition.expression:
        case Trace(b=b):
            return 0 if b == Coef(0) else 1
        case Diff(order=order, to=None, scheme=Central()) as derivative:
            return order if grid.index(derivative.axis) == axis else -1
        case Coef(value=1):
            return 0
    return -1


def _order(product: Expr, axis: int, grid: Grid) -> int:
    """Return the order of a product along an axis, `UNFIT` where continuation would not do."""
    factors = factors_of(product)
    match [f for f in factors if isinstance(f, AlongAxis) and f.axis == axis]:
        case []:
            return 0
        case [Diff(order=order, to=None, scheme=Central())]:
            return UNFIT if any(varies(f, axis, grid) for f in factors) else order
    return UNFIT


def varies(factor: Expr, axis: int, grid: Grid) -> bool:
    """Tell whether a factor is a coefficient that may differ along an axis."""
    match factor:
        case Field():
            return True
        case Coef(value=np.ndarray() as values):
            return values.ndim != grid.ndim or values.shape[axis] > 1
        case Coef():
            return bool(evaluate(factor, grid).shape[axis] > 1)
        case HalfPointMean():
            return varies(factor.coefficient, axis, grid)
    return False


def _determined(wall: Wall, rate: Rate | None) -> bool:
    """Tell whether all derivatives of the other parity are known, up to the order of accuracy.

    Of those of the flux, natural diffusion needs none.
    """
    if isinstance(wall, NaturalWall):
        return wall.regular and (wall.acc == 2 or not wall.mixed)
    if wall.mixed:
        return wall.acc == 2 and wall.simple and wall.regular
    narrow = wall.acc == wall.order == 2
    if rate is not None and wall.homogeneous and (rate.source is None or narrow):
        return True
    known = wall.acc == 2 or (rate is not None and rate.steady(wall))
    return wall.simple and wall.regular and known


def _keeps_parity(wall: Wall, fields: Mapping[str, object]) -> bool:
    """Tell whether the odd derivatives across the wall of all that multiplies vanish there.

    A coefficient that is infinite there counts as one whose derivative of order −1 does not.
    """
    lowest, lost = (1, 1) if wall.parity == "even" else (-1, 3)
    highest = wall.acc - wall.order - lost
    if highest < lowest:
        return True
    factors = (factor for product in wall.rest for factor in factors_of(product))
    varying = [f for f in factors if varies(f, wall.axis, wall.grid)]
    return all(_is_even(wall, factor, highest, fields) for factor in varying)


def _is_even(wall: Wall, factor: Expr, highest: int, fields: Mapping[str, object]) -> bool:
    """Tell whether a coefficient is bounded at a wall and its odd derivatives vanish, up to one."""
    single = factor.coefficient if isinstance(factor, HalfPointMean) else factor
    value = fields[single.name] if isinstance(single, Field) else single
    try:
        values = evaluate(value, wall.grid)
    except ValueError:
        # Some stand at half points.
        return False
    if not np.isfinite(values).all():
        return False
    if wall.grid.axes[wall.axis].spacing is None:
        return highest < 1
    return _is_bounded(wall, values) and all(
        _vanishes(wall, values, order) for order in range(1, highest + 1, 2)
    )


def _is_bounded(wall: Wall, values: Array) -> bool:
    """Tell whether a coefficient V does not grow towards a wall as a power of 1/ξ does.

    Such a one grows from point to point, and ξ V does not vanish at the wall, as extrapolated. A
    point on the wall tells nothing: anything may stand there in place of infinity.
    """
    start = 1 if wall.on_points else 0
    points = min(wall.acc + 2, wall.grid.shape[wall.axis] - start)
    product = values * wall.distances
    left = np.abs(wall.normal_derivative(product, 0, points, start))
    size = np.abs(wall.nearest_values(product, points, start)).max(wall.axis, keepdims=True)
    near = np.abs(wall.nearest_values(values, points, start))
    grows = np.all(np.diff(near, axis=wall.axis) < 0, wall.axis, keepdims=True)
    return not np.any(grows & (left > SINGULAR * size))


def _vanishes(wall: Wall, values: Array, order: int) -> bool:
    """Tell whether a derivative across a wall vanishes, as extrapolated from the nearest points.

    Zero is what is not larger than roundoff, or than the difference that one point makes.
    """
    points = min(wall.acc + 2, wall.grid.shape[wall.axis])
    found = wall.normal_derivative(values, order, points)
    error = np.abs(found - wall.normal_derivative(values, order, points - 1))
    roundoff = ROUNDOFF * np.abs(values).max() * wall.weight_size(order, points)
    return bool(np.all(np.abs(found) <= error + roundoff))
