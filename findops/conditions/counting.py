"""Number of conditions that an operator needs on the faces of a grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from findops.conditions.conditions import NoCondition, Trace
from findops.discretization.coefficients import evaluate
from findops.expressions.components import expand
from findops.expressions.derivative import StaggeredDiff
from findops.expressions.expression import AlongAxis, Coef, factors_of, terms_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from findops.common.arrays import Array
    from findops.conditions.conditions import Condition
    from findops.expressions.expression import Expr
    from findops.grids.grid import Grid

__all__ = ["check_conditions"]


def check_conditions(expr: Expr, grid: Grid, conditions: Iterable[Condition]) -> None:
    """Refuse a set of conditions that are too few or too many for a scalar operator.

    Along an axis it needs as many as the highest derivative there, on both faces together. Where
    `NoCondition` says that the equation holds on a face, the other needs at least half of them.
    Flow, with first derivatives, may enter through both faces, where the sign of its velocity is
    not the same on both: one condition on each is no fault then.
    Natural diffusion is free of flux by itself: its faces take their half or none. For systems of
    equations, and where conditions stand on masks, there is no such rule.

    Raises
    ------
    ValueError
        If there are too few or too many; faces without any are named. If a condition stands where
        `NoCondition` says that there is none, or values on faces of natural diffusion beyond acc 2.
    """
    listed = tuple(conditions)
    exempt = {f for c in listed if isinstance(c, NoCondition) for f in c.faces(grid)}
    given = [(place.face, c) for c in listed for place in c.places(grid)]
    for face, condition in given:
        if face in exempt:
            raise ValueError(
                f"{condition!r} stands on {face}, where NoCondition says there is none"
            )
    parts = expand(expr, grid)
    if any(face is None for face, _ in given) or set(parts.entries) - {(0, 0)}:
        return
    products = [p for entry in parts.entries.values() for p in terms_of(entry)]
    for i, axis in enumerate(grid.axes):
        if axis.periodic:
            continue
        needed = max((_order(product, i) for product in products), default=0)
        natural = any(_order(p, i) == needed and _natural(p, i) for p in products)
        faces = [f"{grid.names[i]}-", f"{grid.names[i]}+"]
        there = {face: [c for f, c in given if f == face] for face in faces}
        if not _fits(there, needed, natural, exempt) and not (
            needed == 1
            and all(len(found) == 1 for found in there.values())
            and _may_enter_through_both(products, i, grid)
        ):
            rule = _rule(expr, grid.called(i), needed, natural, bool(exempt.intersection(faces)))
            count = sum(map(len, there.values()))
            raise ValueError(f"{rule}; there are {count}{_told(there, exempt, needed // 2)}")
        if natural:
            _check_natural(expr, products, i, there)


def _check_natural(expr: Expr, products: list[Expr], axis: int, there: Given) -> None:
    """Refuse values on faces of natural diffusion that continues the field evenly beyond them."""
    acc = max(f.acc for p in products for f in _along(p, axis) if isinstance(f, StaggeredDiff))
    values = [c for found in there.values() for c in found if not _is_slope(c)]
    if acc > 2 and values:
        raise ValueError(
            f"{expr!r} is natural at acc {acc}: it continues the field evenly beyond its faces, so "
            f"that with {values[0]!r} solutions are of first order there; take acc=2, or leave "
            "natural=True out"
        )


Given = dict[str, list["Condition"]]
"""What is given on each face of an axis."""


def _fits(there: Given, needed: int, natural: bool, exempt: set[str]) -> bool:
    """Tell whether as many conditions as an axis needs are given on its faces."""
    half = needed // 2
    if natural:
        return all(len(found) in (0, half) for found in there.values())
    if exempt.isdisjoint(there):
        return sum(map(len, there.values())) == needed
    return all(half <= len(found) <= needed for f, found in there.items() if f not in exempt)


def _rule(expr: Expr, axis: str, needed: int, natural: bool, exempt: bool) -> str:
    """Say how many conditions an axis needs."""
    if natural:
        return f"{expr!r} is natural along {axis}, where a face takes {needed // 2} or none"
    often = f"{expr!r} differentiates {_counted(needed, 'time')} along {axis}, which needs"
    if exempt:
        least = _counted(needed // 2, "condition")
        return f"{often} at least {least} opposite a face with NoCondition"
    return f"{often} {_counted(needed, 'condition')} on its faces"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _told(there: Given, exempt: set[str], half: int) -> str:
    """Tell which faces have no condition, and what is given where there are too many."""
    told = [
        f"{face} has {' and '.join(map(str, found))}"
        for face, found in there.items()
        if len(found) > half
    ]
    without = [face for face, found in there.items() if not found and face not in exempt]
    advice = ""
    if without:
        told.append(f"{' and '.join(without)} {'have' if len(without) > 1 else 'has'} none")
        advice = (
            f". Where the equation degenerates on a face and needs none, "
            f"NoCondition({without[0]!r}) says so"
        )
    return (": " + "; ".join(told) if told else "") + advice


def _may_enter_through_both(products: list[Expr], axis: int, grid: Grid) -> bool:
    """Tell whether flow may enter through both faces of an axis, of unknown velocity too."""
    velocity: Array = np.zeros((1,) * grid.ndim)
    for product in products:
        if _order(product, axis) != 1:
            continue
        factors = factors_of(product)
        for factor in factors:
            known = factor.to is None if isinstance(factor, AlongAxis) else isinstance(factor, Coef)
            if not known:
                return True
        coefficients = [evaluate(f, grid) for f in factors if isinstance(f, Coef)]
        velocity = velocity + math.prod(coefficients, start=np.ones((1,) * grid.ndim))
    left, right = (velocity.take(end, axis) for end in (0, -1))
    if np.iscomplexobj(velocity):
        return False
    return bool(left.min() < 0 < right.max() or right.min() < 0 < left.max())


def _is_slope(condition: Condition) -> bool:
    """Tell whether nothing but a slope is given."""
    return isinstance(condition.expression, Trace) and condition.expression.a == Coef(0)


def _along(product: Expr, axis: int) -> list[AlongAxis]:
    factors = factors_of(product)
    return [f for f in factors if isinstance(f, AlongAxis) and f.axis == axis]


def _order(product: Expr, axis: int) -> int:
    """Return how often a product differentiates along an axis."""
    return sum(f.order for f in _along(product, axis))


def _natural(product: Expr, axis: int) -> bool:
    """Tell whether a product has no flux through the faces of an axis by itself."""
    return any(isinstance(f, StaggeredDiff) and f.natural for f in _along(product, axis))
