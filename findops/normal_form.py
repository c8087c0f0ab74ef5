"""The normal form of sums and products: numbers in front, like terms collected, axes in order."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from findops.expr import AxisName, Discrete, Expr
from findops.nodes import AlongAxis, Coef, Identity, Product, Sum, as_expr
from findops.values import Number, kind, whole
from findops.weights import is_symbolic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["added", "collect", "divided", "multiplied", "powered"]

Monomial = tuple[Number, tuple[Expr, ...]]


def added(left: object, right: object) -> Expr:
    """Return the sum of two expressions or coefficients."""
    return collect([*_monomials(_operand(left)), *_monomials(_operand(right))])


def multiplied(left: object, right: object) -> Expr:
    """Return the product of two expressions or coefficients."""
    inner = _monomials(_operand(right))
    outer = _monomials(_operand(left))
    return collect(_product(a * b, f + g) for a, f in outer for b, g in inner)


def divided(expr: Expr, divisor: object) -> Expr:
    """Return an expression divided by a number or an array."""
    if isinstance(divisor, (Expr, Discrete)) or callable(divisor):
        raise TypeError(f"{expr!r} can be divided by a number or an array, not {kind(divisor)}")
    value = Coef(divisor).value
    if is_symbolic(value) or np.all(value):
        return multiplied(1 / value, expr)
    raise ZeroDivisionError(f"{expr!r} cannot be divided by zero")


def powered(expr: Expr, power: int) -> Expr:
    """Return the product of an expression with itself, as often as a power says."""
    times = whole(power, f"the power of {expr!r}")
    if times < 0:
        raise ValueError(f"{expr!r} takes a power of at least 0, not {power}")
    result: Expr = Identity()
    for _ in range(times):
        result = multiplied(result, expr)
    return result


def collect(monomials: Iterable[Monomial]) -> Expr:
    """Return the sum of scaled products, like ones collected."""
    sums: dict[tuple[Expr, ...], Number] = {}
    for scale, factors in monomials:
        sums[factors] = sums.get(factors, Fraction(0)) + scale
    terms = [_scaled(scale, factors) for factors, scale in sums.items() if scale != 0]
    match terms:
        case []:
            return Coef(0)
        case [term]:
            return term
        case _:
            return Sum(tuple(terms))


def _scaled(scale: Number, factors: tuple[Expr, ...]) -> Expr:
    if not factors:
        return Coef(scale)
    return factors[0] if scale == 1 and len(factors) == 1 else Product(scale, factors)


def _monomials(expr: Expr) -> Sequence[Monomial]:
    match expr:
        case Sum():
            return [m for term in expr.terms for m in _monomials(term)]
        case Product():
            return [(expr.scale, expr.factors)]
        case Coef(value=value) if isinstance(value, Number):
            return [(value, ())] if value != 0 else []
        case Coef(is_irrational=True):
            return [_product(Fraction(1), (expr,))]
        case _:
            return [(Fraction(1), (expr,))]


def _product(scale: Number, factors: tuple[Expr, ...]) -> Monomial:
    """Return a product with numbers in front, also those that SymPy alone can hold, as π."""
    exact = [f.value for f in factors if isinstance(f, Coef) and f.is_irrational]
    if not exact:
        return scale, _arranged(factors)
    rest = tuple(f for f in factors if not (isinstance(f, Coef) and f.is_irrational))
    factor, irrational = math.prod(exact).as_coeff_Mul(rational=True)
    scale = scale * Fraction(int(factor.p), int(factor.q))
    number = Coef(irrational).value
    if isinstance(number, Number):
        return scale * number, _arranged(rest)
    return scale, (Coef(number), *_arranged(rest))


def _arranged(factors: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Commute derivatives along different axes into order, and merge those along one axis."""
    _check_positions(factors)
    result: list[Expr] = []
    for factor in factors:
        place = len(result)
        while place and _swap(result[place - 1], factor):
            place -= 1
        before = result[place - 1] if place else None
        merged = None
        if isinstance(before, AlongAxis) and isinstance(factor, AlongAxis):
            merged = before.merged(factor)
        if merged is None:
            result.insert(place, factor)
        else:
            result[place - 1] = merged
    return tuple(result)


def _check_positions(factors: tuple[Expr, ...]) -> None:
    """Refuse a product that maps to half points, or to nodes, twice in a row along one axis."""
    at: dict[AxisName, Expr] = {}
    for factor in reversed(factors):
        if isinstance(factor, AlongAxis) and factor.to is not None:
            before = at.get(factor.axis)
            if before is not None and getattr(before, "to", None) == factor.to:
                here, start = ("half points", "nodes")[:: 1 if factor.to == "half" else -1]
                raise ValueError(
                    f"{factor!r} maps values from {start}, but {before!r} leaves them at {here}"
                )
            at[factor.axis] = factor


def _swap(left: Expr, right: Expr) -> bool:
    """Tell whether two factors act along axes that are surely different and out of order."""
    if not (isinstance(left, AlongAxis) and isinstance(right, AlongAxis)):
        return False
    match left.axis, right.axis:
        case str(a), str(b):
            return a > b
        case int(i), int(j):
            return (i < 0) == (j < 0) and i > j
    return False


def _operand(value: object) -> Expr:
    if isinstance(value, Discrete):
        raise TypeError(
            "an expression and a bound operator do not mix: bind the expression first, with "
            "E.on(grid)"
        )
    return as_expr(value)
