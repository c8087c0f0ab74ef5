"""Chains of terms, made of products of derivatives and coefficients."""

from __future__ import annotations

import operator
import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import LARGEST
from findops.discretization.coefficients import FieldSlot, direction_mask, evaluate
from findops.expressions.components import Derivative
from findops.expressions.derivative import Diff, Interpolate, StaggeredDiff
from findops.expressions.expression import AlongAxis, Expr, Field, factors_of
from findops.expressions.half_point_mean import HalfPointMean
from findops.plan.program import Factor, Term
from findops.schemes import Closure, TooFewPointsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from findops.common.arguments import Number
    from findops.grids.axes import Axis
    from findops.grids.grid import Grid
    from findops.plan.band import Band

__all__ = [
    "AxisClosures",
    "ChainBuilder",
    "Link",
    "UpwindMask",
    "after",
    "written",
]


SMALLEST = Fraction(sys.float_info.min)
"""The smallest positive number with all digits in double precision."""


@dataclass(frozen=True)
class UpwindMask:
    """The mask of an upwind scheme: where the flow is positive or zero, or where not."""

    velocity: object
    positive: bool


Link = Expr | UpwindMask
"""A factor of a product."""
Element = Derivative | Factor
"""A factor whose coefficients are evaluated."""

EndClosures = tuple[Closure, Closure]
"""The closures (lower, upper) at the ends of an axis."""
AxisClosures = tuple[EndClosures, ...]

OPPOSITE: dict[Closure, Closure] = {"odd": "even", "even": "odd"}
"""How derivatives of odd order continue what is continued oddly or evenly."""


class ChainBuilder:
    """Makes chains of terms on one grid."""

    def __init__(self, grid: Grid, fields: Mapping[str, object]) -> None:
        self.grid, self.fields = grid, fields
        self._bands: dict[object, Band] = {}
        self._factors: dict[object, Factor] = {}

    def chain(
        self, scale: Number, links: tuple[Link, ...], closures: AxisClosures
    ) -> tuple[Term, ...]:
        """Return the terms of a product, left to right.

        Going from the right, a term takes one band per axis and then the coefficients to their
        left; what comes after those, or another band along an axis, starts the next term. Closures,
        for each axis, are those of the field that the product is applied to: if that is odd, its
        first derivative is even.
        """
        kinds = list(closures)
        items = _commuted(self._items(links))
        number = complex(scale) if isinstance(scale, complex) else _double(scale)
        grid, terms = self.grid, []
        bands: list[Band | None] = [None] * grid.ndim
        factors: list[Factor] = []
        for place in reversed(range(len(items))):
            item = items[place]
            if isinstance(item, Factor):
                if item.slot is None and not item.selects and item.value.size == 1:
                    number *= item.value.item()
                else:
                    factors.insert(0, item)
                continue
            axis = int(item.axis)
            if factors or bands[axis] is not None:
                terms.append(Term(tuple(bands), 1.0, tuple(factors)))
                bands, factors = [None] * grid.ndim, []
            bands[axis] = self._band(item, items[:place], grid, kinds[axis])
            grid = after(item, grid)
            if item.order % 2:
                kinds[axis] = _opposite(kinds[axis])
        terms.append(Term(tuple(bands), number, tuple(factors)))
        return tuple(reversed(terms))

    def _items(self, links: tuple[Link, ...]) -> list[Element]:
        """Return the links with coefficients evaluated where they stand."""
        grid = self.grid
        items: list[Element] = []
        for link in reversed(links):
            if isinstance(link, (Diff, Interpolate, StaggeredDiff)):
                grid = after(link, grid)
                items.append(link)
            else:
                items.append(self._factor(link, grid))
        return items[::-1]

    def _factor(self, link: Link, grid: Grid) -> Factor:
        """Return a coefficient at the points where it stands, one array for all that share it."""
        name = link if isinstance(link, Expr) else (id(link.velocity), link.positive)
        if (name, grid) not in self._factors:
            self._factors[name, grid] = self._evaluated(link, grid)
        return self._factors[name, grid]

    def _evaluated(self, link: Link, grid: Grid) -> Factor:
        match link:
            case Field():
                slot = FieldSlot(link.name, grid)
                return Factor(slot(self.fields[link.name]), slot=slot)
            case HalfPointMean(coefficient=Field(name=name)):
                slot = FieldSlot(name, grid, mean=link)
                return Factor(slot(self.fields[name]), slot=slot)
            case UpwindMask(velocity=Field(name=name)):
                slot = FieldSlot(name, grid, link.positive)
                return Factor(slot(self.fields[name]), selects=True, slot=slot)
            case UpwindMask():
                velocity = evaluate(link.velocity, grid, "the velocity of Upwind")
                return Factor(direction_mask(velocity, link.positive), selects=True)
            case _:
                return Factor(evaluate(link, grid))

    def _band(
        self, item: Derivative, left: Sequence[Element], grid: Grid, kinds: EndClosures
    ) -> Band:
        """Return the band of a derivative, more accurate where jumps in its error matter.

        An error that jumps from row to row costs an outer derivative one order per
        differentiation. Across a coefficient that varies along its axis, and in diffusion, the
        inner one therefore gets the accuracy acc + the order of what is applied after it there.
        """
        band = self._cached_band(item, grid, kinds)
        outer = _order_outside(item, left)
        axis = int(item.axis)
        edges = bool(band.head or band.tail)
        smooth = grid.axes[axis].spacing is not None and band.constant and not edges
        fixed = item.scheme.fixed or (isinstance(item, StaggeredDiff) and item.natural)
        if not outer or smooth or fixed or "accurate" not in kinds:
            return band
        acc = item.scheme.at_least(item.acc + outer)
        if isinstance(item, Diff):
            wider = Diff(item.axis, item.order, acc, item.scheme, item.to)
            return self._cached_band(wider, grid, kinds)
        return self._cached_band(replace(item, acc=acc), grid, kinds)

    def _cached_band(self, item: Derivative, grid: Grid, kinds: EndClosures) -> Band:
        axis = int(item.axis)
        key = (item, grid.axes[axis], kinds)
        if key not in self._bands:
            try:
                # Weights that are not numbers are refused below, in words.
                with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                    made = self._new_band(item, grid, kinds)
                    self._bands[key] = _representable(made, grid.axes[axis])
            except OverflowError:
                raise ValueError(
                    f"{written(item, grid)}: the weights of a derivative of order {item.order} "
                    f"along {grid.called(axis)} are beyond the range of double precision at "
                    f"{_spacing(grid, axis)}: measure {grid.called(axis)} in other units"
                ) from None
            except TooFewPointsError as error:
                raise ValueError(
                    f"{written(item, grid)} needs {error.needed} points along "
                    f"{grid.called(axis)}, but the grid has {error.there}"
                ) from None
            except ValueError as error:
                raise ValueError(f"{written(item, grid)}: {error}") from None
        return self._bands[key]

    def _new_band(self, item: Derivative, grid: Grid, kinds: EndClosures) -> Band:
        source = grid.axes[int(item.axis)].with_ghosts((kinds[0] == "halo", kinds[1] == "halo"))
        target = source if item.to is None else source.half()
        if not isinstance(item, StaggeredDiff) or not item.natural:
            return item.scheme.band(item.order, item.acc, source, target, kinds)
        if "halo" in kinds:
            raise ValueError("no flux passes the ends, so that they cannot be halos")
        nodes, half = (source, target) if item.to == "half" else (target, source)
        if item.acc > 2 and nodes.spacing is None:
            raise ValueError("zero flux through the ends needs acc 2 where the spacing varies")
        flux = item.scheme.band(1, item.acc, nodes, half, ("even", "even"))
        if item.to == "half":
            return flux
        return replace(flux.T.scaled(-1 / nodes.weights, half.weights), sign=1)


def _opposite(kinds: EndClosures) -> EndClosures:
    lower, upper = kinds
    return OPPOSITE.get(lower, lower), OPPOSITE.get(upper, upper)


def _double(scale: Fraction | float) -> float:
    try:
        return float(scale)
    except OverflowError:
        raise ValueError(
            "the numbers in front of a product multiply to more than double precision holds, "
            "1.8e308"
        ) from None


def _representable(band: Band, axis: Axis) -> Band:
    """Return a band whose weights are finite, and not lost to underflow.

    Raises
    ------
    OverflowError
        If they are not.
    """
    parts = [band.weights, *(row.weights for row in (*band.head, *band.tail))]
    typical = _spacings(axis)[1] ** band.order
    if not SMALLEST <= 1 / typical <= LARGEST or not all(np.isfinite(p).all() for p in parts):
        raise OverflowError
    return band


def _spacings(axis: Axis) -> tuple[Fraction, Fraction, Fraction]:
    """Return the least, the mean and the largest distance of neighbors, 1 for a single point."""
    if axis.spacing is not None:
        return (abs(axis.spacing),) * 3
    nodes = axis.coordinates.astype(np.longdouble)
    gaps = np.abs(np.diff(nodes)) if len(nodes) > 1 else np.ones(1, dtype=np.longdouble)
    least, mean, largest = (
        Fraction(*part.as_integer_ratio()) for part in (gaps.min(), gaps.mean(), gaps.max())
    )
    return least, mean, largest


def _spacing(grid: Grid, axis: int) -> str:
    least, _, largest = map(float, _spacings(grid.axes[axis]))
    return (
        f"spacings from {least:.3g} to {largest:.3g}"
        if least < largest
        else (f"the spacing {least:.3g}")
    )


def _commuted(items: Iterable[Element]) -> list[Element]:
    """Move derivatives to the right of coefficients that do not vary along their axes.

    What then stands side by side is arranged as in any product.
    """
    result: list[Element] = []
    run: list[Derivative] = []
    for item in items:
        if isinstance(item, Factor):
            result.extend(_arranged([d for d in run if item.varies(int(d.axis))]))
            result.append(item)
            run = [d for d in run if not item.varies(int(d.axis))]
        else:
            run.append(item)
    return result + _arranged(run)


def _arranged(run: Sequence[Derivative]) -> list[Element]:
    if not run:
        return []
    product: Expr = reduce(operator.mul, run)
    factors = factors_of(product)
    return [factor for factor in factors if isinstance(factor, (Diff, Interpolate, StaggeredDiff))]


def after(item: Derivative, grid: Grid) -> Grid:
    """Return where the values are that a derivative gives."""
    return grid if item.to is None else grid.half(int(item.axis))


def _order_outside(item: Derivative, left: Sequence[Element]) -> int:
    """Return the order of what is applied later along the axis to an error that jumps."""
    axis = int(item.axis)
    if not isinstance(item, StaggeredDiff):
        places = [i for i, f in enumerate(left) if isinstance(f, Factor) and f.multiplies(axis)]
        left = left[: max(places, default=0)]
    return sum(d.order for d in left if isinstance(d, AlongAxis) and d.axis == axis)


def written(item: Derivative, grid: Grid) -> str:
    """Return a derivative as one writes it, with the grid's name of its axis."""
    name = grid.names[int(item.axis)]
    if item.scheme.part_of is not None:
        return item.scheme.part_of
    if isinstance(item, Diff):
        acc = None if item.scheme.fixed else item.acc
        return repr(Diff(name, item.order, acc, item.scheme, item.to))
    return repr(replace(item, axis=name))
