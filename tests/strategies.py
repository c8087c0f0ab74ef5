"""Hypothesis strategies: random grids, and random expression trees over them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

import findops as fo
from tests.support import random_array


@dataclass(frozen=True)
class Drawn:
    """A random tree on a random grid, with its meaning {orders along the axes: coefficient}.

    degrees are the greatest along each axis for which every derivative in the tree is exact.
    """

    grid: Any
    expr: Any
    op: Any
    meaning: dict[tuple[int, ...], complex]
    degrees: tuple[int, ...]


@dataclass(frozen=True)
class Tree:
    """An expression and its meaning, a polynomial in the derivatives: Counter of orders."""

    expr: Any
    meaning: Counter
    degrees: tuple[int, ...]

    def join(self, other, expr, meaning):
        pairs = zip(self.degrees, other.degrees, strict=True)
        return Tree(expr, meaning, tuple(min(pair) for pair in pairs))


# Grids ------------------------------------------------------------------------------------------

starts = st.integers(-8, 8).map(lambda i: i / 4)
steps = st.sampled_from([0.125, 0.2, 0.5, 1.0, -0.3])


@st.composite
def points(draw, n):
    """Non-uniform points with ratios of neighboring spacings up to four, either way round."""
    widths = draw(st.lists(st.integers(2, 8), min_size=n - 1, max_size=n - 1))
    nodes = draw(starts) + 0.1 * np.cumsum([0, *widths])
    return fo.Points(nodes if draw(st.booleans()) else -nodes)


@st.composite
def axes(draw, n, periodic=False):
    """An axis of n points."""
    start, step = draw(starts), draw(steps)
    kinds = ["uniform", "cells", "points"] + (["periodic"] if periodic else [])
    kind = draw(st.sampled_from(kinds))
    if kind == "points":
        return draw(points(n))
    if kind == "cells":
        return fo.Cells(start, start + n * step, n)
    return {"uniform": fo.Uniform, "periodic": fo.Periodic}[kind](n=n, step=step, start=start)


@st.composite
def grids(draw, sizes, periodic=False):
    """A grid with named or unnamed axes."""
    made = [draw(axes(draw(st.integers(n, n + 3)), periodic)) for n in sizes]
    if draw(st.booleans()):
        return fo.Grid(*made)
    return fo.Grid(**dict(zip("xyz", made, strict=False)))


# Trees ------------------------------------------------------------------------------------------

EXACT = st.sampled_from([1, -1, 2, -3, Fraction(1, 2), Fraction(1, 3)])
NUMBERS = EXACT | st.sampled_from([0.5, 1j, 0.1])


@st.composite
def leaves(draw, names, top, numbers):
    """A derivative, a number or the identity."""
    d = len(names)
    if draw(st.integers(0, 4)) == 0:
        c = draw(numbers)
        return Tree(c * fo.Identity(), Counter({(0,) * d: c}), (9,) * d)
    axis = draw(st.integers(0, d - 1))
    order = draw(st.integers(0, min(top, 3)))
    scheme, accs = draw(
        st.sampled_from(
            [(None, (2, 4)[: top // 2]), (fo.Forward(), (1, 2)), (fo.Backward(), (1, 3))]
        )
    )
    acc = draw(st.sampled_from(accs))
    alpha = tuple(order if i == axis else 0 for i in range(d))
    exact = tuple(order + acc - 1 if i == axis and order else 9 for i in range(d))
    return Tree(fo.Diff(names[axis], order, acc=acc, scheme=scheme), Counter({alpha: 1}), exact)


def _times(p, q):
    product = Counter()
    for a, x in p.items():
        for b, y in q.items():
            product[tuple(i + j for i, j in zip(a, b, strict=True))] += x * y
    return product


def _plus(p, q, sign=1):
    total = Counter(p)
    for alpha, c in q.items():
        total[alpha] += sign * c
    return total


def _fits(tree, top):
    return all(order <= top for alpha in tree.meaning for order in alpha)


def trees(names, top, numbers=NUMBERS):
    """Trees in which no derivative along an axis exceeds `top` in total."""

    def extend(children):
        pairs = st.tuples(children, children)
        return st.one_of(
            pairs.map(lambda p: p[0].join(p[1], p[0].expr + p[1].expr,
                                          _plus(p[0].meaning, p[1].meaning))),
            pairs.map(lambda p: p[0].join(p[1], p[0].expr - p[1].expr,
                                          _plus(p[0].meaning, p[1].meaning, -1))),
            pairs.map(lambda p: p[0].join(p[1], p[0].expr * p[1].expr,
                                          _times(p[0].meaning, p[1].meaning))),
            pairs.map(lambda p: p[0].join(p[1], p[0].expr @ p[1].expr,
                                          _times(p[0].meaning, p[1].meaning))),
            st.tuples(numbers, children).map(lambda p: Tree(
                p[0] * p[1].expr, _times({(0,) * len(names): p[0]}, p[1].meaning), p[1].degrees)),
            children.map(lambda t: Tree(
                -t.expr / 2, _times({(0,) * len(names): -0.5}, t.meaning), t.degrees)),
            children.map(lambda t: Tree(t.expr**2, _times(t.meaning, t.meaning), t.degrees)),
        ).filter(lambda t: _fits(t, top))  # fmt: skip

    return st.recursive(leaves(names, top, numbers), extend, max_leaves=5)


# One, two or three axes: (least number of points along each, greatest total order).
SIZES = st.sampled_from([((12,), 4), ((12, 11), 4), ((7, 7, 6), 2)])


@st.composite
def constant_trees(draw):
    """A tree with constant coefficients, bound on a grid without periodic axes."""
    sizes, top = draw(SIZES)
    grid = draw(grids(sizes))
    tree = draw(trees(grid.names, top))
    meaning = {alpha: complex(c) for alpha, c in tree.meaning.items()}
    degrees = tuple(min(m, 5 if len(sizes) == 1 else 4) for m in tree.degrees)
    return Drawn(grid, tree.expr, tree.expr.on(grid), meaning, degrees)


@st.composite
def bound_trees(draw):
    """A tree with variable coefficients, on any grid, under any closure."""
    sizes, top = draw(SIZES)
    grid = draw(grids(sizes, periodic=True))
    expr = draw(trees(grid.names, top)).expr
    shape = draw(st.sampled_from(["plain", "left", "right", "sum"]))
    c = 2 + random_array(grid.shape, seed=3)
    if shape == "left":
        expr = c * expr
    elif shape == "right":
        expr = expr * c
    elif shape == "sum":
        expr = c - expr
    closures = ["accurate", "odd", "even", "zero", 1]
    if shape != "right" and not any(isinstance(grid[name], fo.Points) for name in grid.names):
        closures.append("halo")
    return Drawn(grid, expr, expr.on(grid, closure=draw(st.sampled_from(closures))), {}, ())
