"""Number of conditions that an operator needs on the faces of a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from findops.expressions.components import expand
from findops.expressions.derivative import StaggeredDiff
from findops.expressions.expression import AlongAxis, Product, Sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from findops.conditions.conditions import Condition
    from findops.expressions.expression import Expr
    from findops.grids.grid import Grid

__all__ = ["check_conditions"]


def check_conditions(expr: Expr, grid: Grid, conditions: Iterable[Condition]) -> None:
    """Refuse a set of conditions that are too few or too many for a scalar operator.

    Along an axis it needs as many as the highest derivative there, on both faces together. For
    systems of equations, and where conditions stand on masks, there is no such rule.

    Raises
    ------
    ValueError
        If there are too few or too many; faces without any are named.
    """
    parts = expand(expr, grid)
    given = [place.face for condition in conditions for place in condition.places(grid)]
    if None in given or set(parts.entries) - {(0, 0)}:
        return
    for i, axis in enumerate(grid.axes):
        if axis.periodic:
            continue
        products = (p for entry in parts.entries.values() for p in _products(entry))
        needed = max((_order(product, i) for product in products), default=0)
        faces = [f"{grid.names[i]}-", f"{grid.names[i]}+"]
        there = sum(given.count(face) for face in faces)
        if there == needed:
            continue
        without = [face for face in faces if face not in given]
        listed = ""
        if without:
            listed = f": {' and '.join(without)} {'have' if len(without) > 1 else 'has'} none"
        raise ValueError(
            f"{expr!r} differentiates {needed} times along {grid.called(i)}, which needs {needed} "
            f"conditions on its faces; there are {there}{listed}"
        )


def _products(expr: Expr) -> Iterator[Expr]:
    yield from expr.terms if isinstance(expr, Sum) else (expr,)


def _order(product: Expr, axis: int) -> int:
    """Return how often a product differentiates along an axis; 0 if it has its own conditions."""
    factors = product.factors if isinstance(product, Product) else (product,)
    mine = [f for f in factors if isinstance(f, AlongAxis) and f.axis == axis]
    if any(isinstance(f, StaggeredDiff) and f.natural for f in mine):
        return 0
    return sum(f.order for f in mine)
