"""Finite-difference weights: one algorithm over any number type, for many rows at once."""

from __future__ import annotations

import math
import operator
from fractions import Fraction
from functools import reduce
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import as_rational, check_at_most, is_symbolic
from findops.common.caches import cached_within

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from findops.common.arrays import Array, Bools, Floats
    from findops.schemes.rational import Fractions

    FloatKind = type[np.float64] | type[np.longdouble]

__all__ = ["exact_weights", "row_weights", "weights"]

KEPT_BYTES = 1 << 22
"""Bytes of exact weights that are kept."""


MOST_NODES = 1000
"""Nodes of `weights`, at most: exact ones of more take longer than a second."""

BOUND = 1e-14
"""The most that the errors of a row's weights add up to, as a part of their sum of magnitudes."""

UNIT = np.finfo(np.float64).eps / 2

rational = np.frompyfunc(lambda x: Fraction(*x.as_integer_ratio()), 1, 1)
"""The fractions that numbers are, as arrays of objects."""


def lagrange_numerators(order: int, distances: Sequence[Any], one: Any) -> list[Any]:
    """Return derivatives at zero of the products Π (t + distance) that leave out one factor each.

    They come of products of the factors before and after it, to as many powers of t as matter:
    B. Sadiq and D. Viswanath, Math. Comp. 83 (2014) 2403-2427. Any type with field arithmetic will
    do: ``Fraction`` and SymPy expressions are exact, NumPy arrays serve many rows at once. That is
    what ``Any`` stands for here.
    """
    before = _partial_products(order, distances, one)
    after = _partial_products(order, distances[::-1], math.factorial(order) * one)[::-1]
    return [
        reduce(operator.add, (p[k] * q[order - k] for k in range(len(p)) if order - k < len(q)))
        for p, q in zip(before, after, strict=True)
    ]


def _partial_products(order: int, distances: Sequence[Any], first: Any) -> list[list[Any]]:
    """Return coefficients of the products of the factors before each one."""
    products = [[first]]
    for distance in distances[:-1]:
        p = products[-1]
        inner = (low + distance * high for low, high in pairwise(p))
        products.append([distance * p[0], *inner, p[-1]][: order + 1])
    return products


def gap_products(nodes: Sequence[Any], gap: Callable[[Any, Any], Any], one: Any) -> list[Any]:
    """Return the product of the gaps between each node and the others."""
    if len(nodes) == 1:
        return [one]
    return [
        reduce(operator.mul, (gap(node, x) for j, x in enumerate(nodes) if j != i))
        for i, node in enumerate(nodes)
    ]


def lagrange_weights(order: int, nodes: Sequence[Any], one: Any) -> list[Any]:
    """Return the weights that turn values at `nodes` into the derivative at zero.

    They are the derivatives of the polynomials that are 1 at one node and 0 at the others.
    """
    numerators = lagrange_numerators(order, [-x for x in nodes], one)
    return list(map(operator.truediv, numerators, gap_products(nodes, operator.sub, one)))


@cached_within(KEPT_BYTES)
def exact_weights(order: int, offsets: Fractions) -> Fractions:
    """Return the exact weights of the derivative at zero for rational nodes."""
    # In integers: fractions would look for common divisors at every step.
    unit = math.lcm(*(x.denominator for x in offsets))
    nodes = [x.numerator * (unit // x.denominator) for x in offsets]
    numerators = lagrange_numerators(order, [-x for x in nodes], 1)
    gaps = _integer_gap_products(tuple(x - nodes[0] for x in nodes))
    return tuple(Fraction(unit**order * p, q) for p, q in zip(numerators, gaps, strict=True))


@cached_within(KEPT_BYTES)
def _integer_gap_products(nodes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the products of gaps between nodes, which all rows of the same points share."""
    return tuple(gap_products(nodes, operator.sub, 1))


def row_weights(order: int, nodes: Array, at: Array) -> Floats:
    """Return the weights of many rows at once, (rows, points).

    The errors of a row's weights add up to at most 1e-14 of their sum of magnitudes. Rows where
    neither double nor extended precision is shown to keep that are exact, and rounded once.

    Parameters
    ----------
    order : int
        Order of the derivative.
    nodes : array (points, rows)
        The nodes of each row, distinct and without error: in floating point, or fractions.
    at : array (rows,)
        Where the derivatives are wanted.
    """
    if object in (nodes.dtype, at.dtype):
        return _row_weights(order, rational(nodes), rational(at), (np.float64,))
    return _row_weights(order, nodes, at, (np.float64, np.longdouble))


def _row_weights(order: int, nodes: Array, at: Array, kinds: tuple[FloatKind, ...]) -> Floats:
    if not kinds:
        offsets = map(tuple, (rational(nodes) - rational(at)).T)
        return np.array([list(map(float, exact_weights(order, row))) for row in offsets])
    try:
        # Without underflow and overflow, relative errors are all there are.
        with np.errstate(all="raise"):
            found, shown = _rounded_weights(order, nodes, at, kinds[0])
    except FloatingPointError:
        return _row_weights(order, nodes, at, kinds[1:])
    if not shown.all():
        rest = ~shown
        found[rest] = _row_weights(order, nodes[:, rest], at[rest], kinds[1:])
    return found


def _rounded_weights(order: int, nodes: Array, at: Array, kind: FloatKind) -> tuple[Floats, Bools]:
    """Return weights found in floating point, and at which rows they are shown to keep the bound.

    Gaps and distances are rounded once. What is made of them without cancellation, as B is, has as
    many relative errors of half an epsilon as there are operations on the way: for a derivative of
    order p at n nodes 2(n - 1 - p) + n - 2 + p in the numerator, 2n - 3 in the denominator, and 1
    for the quotient, fewer than 5n - p - 4 together, where squares of errors are made up for too.
    The weight itself is off by no more than that part of B, which has all signs taken off.

    A first derivative at a node has products alone for its other weights, as interpolation has for
    all: B is the magnitude of the weight, on every grid. The weight at the node follows from the
    others, and doubles their error.
    """
    exact, points, one = np.promote_types(nodes.dtype, kind), len(nodes), kind(1)

    def gap(x: Array, y: Array) -> Array:
        difference: Array = (x - y).astype(kind, copy=False)
        return difference

    places = list(nodes.astype(exact, copy=False))
    distances = [gap(at, x) for x in places]
    gaps = gap_products(places, gap, one)
    numerators = lagrange_numerators(order, distances, one)
    found = [p / q for p, q in zip(numerators, gaps, strict=True)]
    unit = np.finfo(kind).eps / 2
    error = (5 * points - order - 4) * unit
    center = next((i for i, d in enumerate(distances) if not (d[0] or d.any())), None)
    if order == 0 or (order == 1 and center is not None):
        if center is not None and order:
            others = (w for i, w in enumerate(found) if i != center)
            found[center] = -reduce(operator.add, others)
        total = (1 + order) * error + points * unit + UNIT
        shown = np.full(len(at), total <= BOUND)
    else:
        unsigned = lagrange_numerators(order, list(map(abs, distances)), one)
        largest = sum(abs(p / q) for p, q in zip(unsigned, gaps, strict=True))
        size = sum(map(abs, found))
        shown = error * largest <= (BOUND - UNIT) * size
    # Tap by tap, as they are made.
    weights = np.empty((points, len(at)))
    for i, weight in enumerate(found):
        weights[i] = weight
    return weights.T, shown


def weights(order: int, offsets: Sequence[Any] | Array, at: Any = 0) -> Fractions:
    """Return the exact finite-difference weights for a derivative at one point.

    Parameters
    ----------
    order : int
        Order of the derivative, zero for interpolation.
    offsets : sequence of numbers or SymPy expressions
        The distinct nodes, more of them than `order`. Floats are taken as the exact rationals
        that they are.
    at : number or SymPy expression, optional
        Where the derivative is wanted.

    Returns
    -------
    tuple of fractions.Fraction
        One weight for each node, exact; ``float(w)`` is the correctly rounded weight. For
        symbolic nodes the weights are SymPy expressions.

    Raises
    ------
    ValueError
        If nodes coincide or are not finite, or if there are too few of them, or more than 1000.
    TypeError
        If `order` is not an integer or a node is not a number.

    References
    ----------
    B. Fornberg, Generation of finite difference formulas on arbitrarily spaced grids,
    Math. Comp. 51 (1988) 699-706.

    Examples
    --------
    >>> [str(w) for w in weights(2, [-1, 0, 1])]
    ['1', '-2', '1']
    >>> [str(w) for w in weights(1, [0, 1, 2])]
    ['-3/2', '2', '-1/2']
    """
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)):
        raise TypeError(f"weights need an integer derivative order, but got {order!r}")
    nodes = list(islice(offsets, MOST_NODES + 1))
    check_at_most(len(nodes), MOST_NODES, "the number of nodes of weights", "take those nearest")
    if order < 0 or len(nodes) <= order:
        raise ValueError(
            f"a derivative of order {order} needs at least {max(order, 0) + 1} nodes and an order "
            f"of at least 0, but got {len(nodes)} nodes"
        )
    if is_symbolic(at) or any(is_symbolic(node) for node in nodes):
        return _symbolic_weights(int(order), nodes, at)
    center = as_rational(at)
    exact = tuple(as_rational(node) - center for node in nodes)
    if len(set(exact)) < len(exact):
        raise ValueError(f"weights need distinct nodes, but got {nodes}")
    return exact_weights(int(order), exact)


def _symbolic_weights(order: int, nodes: list[Any], at: Any) -> tuple[Any, ...]:
    import sympy

    # Never `sympify`, which evaluates strings.
    exact = [
        node if is_symbolic(node) else sympy.Rational(*as_rational(node).as_integer_ratio())
        for node in [at, *nodes]
    ]
    shifted = [sympy.expand(node - exact[0]) for node in exact[1:]]
    if len(set(shifted)) < len(shifted):
        raise ValueError(f"weights need distinct nodes, but got {nodes}")
    return tuple(sympy.factor(w) for w in lagrange_weights(order, shifted, sympy.Integer(1)))
