"""Equations of compact schemes: interior rows from moments, and rows near the ends."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from findops.common.caches import cached_within
from findops.plan.band import Row
from findops.schemes.explicit import closure_images
from findops.schemes.fornberg import exact_weights
from findops.schemes.rational import Fractions, solved
from findops.schemes.scheme import Stencil, TooFewPointsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.schemes.explicit import AxisMap
    from findops.schemes.scheme import Closure

__all__ = ["check_solvable", "closed_row", "derived", "of_coefficients"]

KEPT_BYTES = 1 << 20
"""Bytes of interior rows that are kept."""

HALF = Fraction(1, 2)


# Interior rows ----------------------------------------------------------------------------------


@cached_within(KEPT_BYTES)
def derived(
    order: int,
    acc: int,
    shift: Fraction,
    left: int | Fractions,
    waves: tuple[float, ...],
    name: str,
) -> Stencil:
    """Return the interior row that meets the moment conditions, and is exact for the waves.

    Coefficients of the left side are given, or so many of them are free.

    Raises
    ------
    ValueError
        If there is none, or its left side vanishes for some wave.
    """
    free, given = (left, ()) if isinstance(left, int) else (0, left)
    degrees = range(order % 2 or (2 if shift == 0 else 0), order + acc, 2)
    count = len(degrees) + len(waves) - free
    distances = [k + (HALF if shift else Fraction(1)) for k in range(count)]
    rows, right = [], []

    def condition(sums: list[Fraction], derivative: list[Fraction], own: Fraction) -> None:
        """Σ weight·sum = own + Σ α·derivative."""
        known = sum((a * d for a, d in zip(given, derivative, strict=False)), own)
        rows.append([*sums, *(-d for d in derivative[:free])])
        right.append(known)

    width = max(free, len(given))
    for q in degrees:
        moments = [2 * Fraction(d) ** q for d in distances]
        falling = math.perm(q, order)
        beside = [2 * falling * Fraction(k) ** max(q - order, 0) for k in range(1, width + 1)]
        condition(moments, beside, Fraction(falling if q == order else 0))
    for wave in waves:
        turned = (-1) ** (order // 2) * Fraction(wave) ** order
        function = math.sin if order % 2 else math.cos
        middle = 0 if order % 2 or shift else 1
        sums = [2 * (Fraction(function(float(d) * wave)) - middle) for d in distances]
        beside = [2 * turned * Fraction(math.cos(k * wave)) for k in range(1, width + 1)]
        condition(sums, beside, turned)
    found = solved(rows, right)
    if found is None:
        raise ValueError(f"{name} has no derivative of order {order} and accuracy {acc}")
    beside_it = given or found[count:]
    check_solvable(beside_it, name)
    return _symmetric(order, distances, found[:count], beside_it, shift)


@cached_within(KEPT_BYTES)
def of_coefficients(
    order: int, left: Fractions, right: Fractions, name: str
) -> tuple[Stencil, int]:
    """Return the interior row of given coefficients, and its accuracy."""
    steps = range(1, len(right) + 1)
    distances = [Fraction(k) for k in steps]
    weights = [a / (2 * k if order == 1 else k * k) for a, k in zip(right, steps, strict=True)]
    stencil = _symmetric(order, distances, weights, left, Fraction(0))
    whole, parts = 1 + 2 * sum(left, Fraction(0)), sum(right, Fraction(0))
    if abs(whole - parts) > Fraction(1, 10**12):
        raise ValueError(
            f"{name} does not give the derivative of order {order}: the coefficients on the right "
            f"must sum up to {float(whole)}, as those on the left do, but sum up to {float(parts)}"
        )
    acc = 2
    while acc < 2 * len(stencil.offsets) and not _wrong(stencil, order, order + acc):
        acc += 2
    return stencil, acc


def _wrong(stencil: Stencil, order: int, q: int) -> bool:
    """Tell whether a moment shows an error beyond the rounding of coefficients."""
    right = zip(stencil.weights, stencil.offsets, strict=True)
    left = zip(stencil.left_weights, stencil.left_offsets, strict=True)
    parts = [w * int(o) ** q for w, o in right]
    parts += [-math.perm(q, order) * a * int(o) ** (q - order) for a, o in left]
    return bool(abs(sum(parts)) > sum(map(abs, parts)) / 10**12)


def _symmetric(
    order: int,
    distances: Sequence[Fraction],
    weights: Sequence[Fraction],
    left: Sequence[Fraction],
    shift: Fraction,
) -> Stencil:
    """Return the row with these weights, and mirrored ones at the distances before."""
    sign = (-1) ** order
    right = {s * d: w * (1 if s > 0 else sign) for d, w in zip(distances, weights, strict=True)
             for s in (1, -1) if w}  # fmt: skip
    if sign > 0 and not shift:
        right[Fraction(0)] = -2 * sum(weights, Fraction(0))
    beside = {Fraction(s * k): a for k, a in enumerate(left, 1) for s in (1, -1) if a}
    beside[Fraction(0)] = Fraction(1)
    offsets, lefts = sorted(right), sorted(beside)
    return Stencil(
        tuple(offsets),
        tuple(right[o] for o in offsets),
        tuple(lefts),
        tuple(beside[o] for o in lefts),
    )


# Rows near the ends -----------------------------------------------------------------------------


def closed_row(
    i: int, acc: int, axis_map: AxisMap, stencil: Stencil, closure: tuple[Closure, Closure]
) -> tuple[Row, Row]:
    """Return both sides of a row that sticks out."""
    n, rows = len(axis_map.source), len(axis_map.target)
    reads = [int(i + o + axis_map.shift) for o in stencil.offsets]
    solves = [int(i + o) for o in stencil.left_offsets]
    out = min(*reads, *solves) < 0, max(reads) >= n or max(solves) >= rows
    for face in (0, 1):
        kind = closure[face]
        if out[face] and (kind == "accurate" or isinstance(kind, int)):
            return _biased(i, kind if isinstance(kind, int) else acc, axis_map, stencil, face)
    scale = 1 / axis_map.source.spacing**axis_map.order if axis_map.source.spacing else 1
    right = np.array([float(w * scale) for w in stencil.weights])
    left = np.array([float(w) for w in stencil.left_weights])
    # An odd derivative of an odd field is even, and the other way round.
    turn = {"odd": "even", "even": "odd"} if axis_map.order % 2 else {}
    turned = tuple(turn.get(str(kind), kind) for kind in closure)
    images, signs = closure_images(np.array(reads), axis_map.source, closure)
    unknowns, turns = closure_images(np.array(solves), axis_map.target, (turned[0], turned[1]))
    return Row.merged(images, signs * right), Row.merged(unknowns, turns * left)


def _biased(i: int, acc: int, axis_map: AxisMap, stencil: Stencil, face: int) -> tuple[Row, Row]:
    """Return a row of some accuracy that reads the points at an end.

    Its left side is that of the interior as far as it goes: so the whole left side keeps its
    condition, whatever the accuracy, which closures with fewer points on the right do not.
    """
    n, rows, order = len(axis_map.source), len(axis_map.target), axis_map.order
    points = order + acc
    if points > n:
        raise TooFewPointsError(points, n)
    sides = zip(stencil.left_offsets, stencil.left_weights, strict=True)
    left = [(o, w) for o, w in sides if 0 <= i + o < rows]
    columns = np.arange(points) + (0 if face == 0 else n - points)
    places = [int(j) - i - axis_map.shift for j in columns]
    # As exact as the points allow is the sum of what is so at each neighbor.
    parts = [[w * x for x in exact_weights(order, tuple(p - o for p in places))] for o, w in left]
    found = [sum(column, Fraction(0)) for column in zip(*parts, strict=True)]
    scale = 1 / axis_map.source.spacing**order if axis_map.source.spacing else 1
    there = np.array([int(i + o) for o, _ in left], dtype=np.intp)
    return (
        Row.merged(columns, np.array([float(w * scale) for w in found])),
        Row(there, np.array([float(w) for _, w in left])),
    )


def check_solvable(left: Sequence[Fraction], name: str) -> None:
    """Refuse a left side that vanishes for some wave, as elimination without pivots must."""
    theta = np.linspace(0, np.pi, 721)
    sums = np.ones(len(theta))
    for k, a in enumerate(left, 1):
        sums += 2 * float(a) * np.cos(k * theta)
    if sums.min() <= 1e-6:
        worst = float(theta[int(np.argmin(sums))])
        raise ValueError(
            f"{name}: the left side must be positive for all waves, but is {sums.min():.3g} at the "
            f"wavenumber {worst:.3g}: its equations could not be solved"
        )
