"""Homogeneous conditions that odd or even continuation of the field keeps by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from findops.conditions.conditions import Trace
from findops.discretization.coefficients import evaluate
from findops.expressions.components import expand
from findops.expressions.derivative import Diff
from findops.expressions.expression import AlongAxis, Coef, Field, Product, Sum, walk
from findops.schemes import Central

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from findops.conditions.conditions import Condition
    from findops.expressions.expression import Expr
    from findops.grids.grid import Grid

__all__ = ["continued"]

UNFIT = 1
"""The order of a product that does not keep odd fields odd and even ones even."""


def continued(
    expr: Expr, grid: Grid, conditions: Iterable[Condition], smooth: bool = True
) -> tuple[dict[str, str], tuple[Condition, ...]]:
    """Return closures that keep conditions, by face, and the conditions that are still to impose.

    u = u″ = … = 0 is kept by odd continuation, u′ = u‴ = … = 0 by even continuation, if all
    derivatives of a scalar operator along that axis are central, of even order, and not multiplied
    by what varies along it. A symmetric operator then has a symmetric matrix at every accuracy.
    What only multiplies the field may vary; where its normal derivative does not vanish on the
    face, the error near it is of fourth order.

    The continued field is `smooth` where its higher odd or even derivatives vanish on the face too,
    as those of eigenfunctions do. Where nothing is known of them, only even continuation of second
    derivatives at acc 2 keeps its order, on even spacing: ghost points (LeVeque 2007, 2.12).
    """
    spread = [single for condition in conditions for single in _by_face(condition, grid)]
    parts = expand(expr, grid)
    if set(parts.entries) != {(0, 0)} or any(c.component is not None for c in spread):
        return {}, tuple(spread)
    entry = parts.entries[0, 0]
    on_faces = [c for c in spread if isinstance(c.where, str)]
    closures: dict[str, str] = {}
    for face in grid.faces:
        axis = grid.face_axis(face)
        orders = set(_orders(entry, axis, grid))
        highest = max(orders)
        given = sorted(_given(c, grid, axis) for c in on_faces if c.where == face)
        if any(order % 2 for order in orders) or not highest:
            continue
        if given == list(range(0, highest, 2)):
            closures[face] = "odd"
        elif given == list(range(1, highest, 2)):
            closures[face] = "even"
        if not smooth and not (closures.get(face) == "even" and _narrow(entry, axis, grid)):
            closures.pop(face, None)
    return closures, tuple(c for c in spread if not _kept(c, closures, grid))


def _by_face(condition: Condition, grid: Grid) -> Iterator[Condition]:
    """Yield a condition for each of the faces that it is on, or as it is."""
    if condition.is_mean:
        yield condition
    for place in condition.places(grid):
        yield condition if place.face is None else replace(condition, where=place.face)


def _kept(condition: Condition, closures: dict[str, str], grid: Grid) -> bool:
    """Tell whether a condition need not be imposed where the field is continued.

    A boundary point keeps its own value, which odd continuation does not set to zero.
    """
    face = condition.where
    if not isinstance(face, str) or face not in closures:
        return False
    i = grid.face_axis(face)
    axis = grid.axes[i]
    return bool(axis.walls[0] != axis.origin) or _given(condition, grid, i) != 0


def _given(condition: Condition, grid: Grid, axis: int) -> int:
    """Return which derivative along an axis a condition sets to zero; −1 for any other."""
    if callable(condition.value) or np.any(condition.value):
        return -1
    match condition.expression:
        case Trace(a, b):
            return {(False, True): 0, (True, False): 1}.get((a == Coef(0), b == Coef(0)), -1)
        case Diff(order=order, to=None, scheme=Central()) as derivative:
            return order if grid.index(derivative.axis) == axis else -1
        case Coef(value=1):
            return 0
    return -1


def _orders(entry: Expr, axis: int, grid: Grid) -> Iterator[int]:
    """Yield the order of each product along an axis, `UNFIT` where continuation would not do."""
    for product in entry.terms if isinstance(entry, Sum) else (entry,):
        factors = product.factors if isinstance(product, Product) else (product,)
        match [f for f in factors if isinstance(f, AlongAxis) and f.axis == axis]:
            case []:
                yield 0
            case [Diff(order=order, to=None, scheme=Central())]:
                yield UNFIT if any(_varies(f, axis, grid) for f in factors) else order
            case _:
                yield UNFIT


def _narrow(entry: Expr, axis: int, grid: Grid) -> bool:
    """Tell whether all derivatives along an axis are second ones at acc 2, on even spacing."""
    found = [d for d in walk(entry) if isinstance(d, Diff) and d.axis == axis]
    return grid.axes[axis].spacing is not None and all((d.order, d.acc) == (2, 2) for d in found)


def _varies(factor: Expr, axis: int, grid: Grid) -> bool:
    """Tell whether a factor is a coefficient that may differ along an axis."""
    match factor:
        case Field():
            return True
        case Coef(value=np.ndarray() as values):
            return values.ndim != grid.ndim or values.shape[axis] > 1
        case Coef():
            return bool(evaluate(factor, grid).shape[axis] > 1)
    return False
