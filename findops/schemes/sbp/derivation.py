"""Summation-by-parts operators on unit spacing, derived from their laws in exact arithmetic.

Near the left end of a half line a symmetric or antisymmetric matrix differs from the band of its
interior stencil in a square block of as many rows as the scheme's order, which accuracy determines
but for a few entries. The other end is the mirror image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from findops.schemes.fornberg import exact_weights
from findops.schemes.rational import solutions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from findops.schemes.rational import FractionRows, Fractions

__all__ = [
    "FreeEntries",
    "HalfLineMatrix",
    "boundary_derivative",
    "centered_stencil",
    "first_derivative",
    "remainder_terms",
    "second_derivative",
    "squared_difference",
    "undivided_difference",
    "upwind_stencil",
]

FreeEntries = tuple[tuple[tuple[int, int], Fraction], ...]
"""Entries of a block that accuracy leaves free, as ((row, column), value)."""

Unknown = tuple[str, int, int]
"""An entry of H, Q or M: the matrix, row and column."""


@dataclass(frozen=True)
class HalfLineMatrix:
    """A matrix on a half line: a block at its end, and elsewhere a symmetric band.

    Parameters
    ----------
    block : tuple of tuples of Fraction, (r, r)
    interior : tuple of Fraction
        Entries at the distances 0, 1, … to the right of the diagonal.
    sign : int
        1 for symmetric matrices, −1 for antisymmetric ones (but for the first entry).
    """

    block: FractionRows
    interior: Fractions
    sign: int

    def entry(self, i: int, j: int) -> Fraction:
        """Return an entry."""
        if i < len(self.block) and j < len(self.block):
            return self.block[i][j]
        distance = abs(j - i)
        if distance >= len(self.interior):
            return Fraction(0)
        return self.interior[distance] * (1 if j >= i else self.sign)

    @property
    def both_sides(self) -> Fractions:
        """The interior row, from the left to the right."""
        left = tuple(self.sign * w for w in self.interior[:0:-1])
        return left + self.interior


@cache
def centered_stencil(order: int, reach: int) -> Fractions:
    """Return the centered stencil of a derivative at the distances 0, 1, …, reach."""
    weights = exact_weights(order, tuple(map(Fraction, range(-reach, reach + 1))))
    return weights[reach:]


@cache
def undivided_difference(order: int) -> Fractions:
    """Return the undivided difference of an order."""
    return tuple(Fraction((-1) ** (order - k) * math.comb(order, k)) for k in range(order + 1))


@cache
def first_derivative(
    half: int, interior: Fractions, free: FreeEntries = ()
) -> tuple[Fractions, HalfLineMatrix]:
    """Derive a diagonal norm H and Q, with D = H⁻¹Q and Q + Qᵀ = diag(−1, 0, …).

    Parameters
    ----------
    half : int
        The accuracy of the rows at the end.
    interior : tuple of Fraction
        The antisymmetric stencil at the distances 0, 1, ….
    free : entries
        Entries of Q that accuracy leaves free: none for half 1 and 2, one for 3, three for 4.

    Returns
    -------
    norm : tuple of Fraction
        The entries of H in the block; 1 elsewhere.
    Q : HalfLineMatrix

    Raises
    ------
    ValueError
        If the entries do not determine the others, or contradict accuracy.
    """
    size = _block(half, len(interior) - 1)
    equations = []
    for i in range(size):
        for degree in range(half + 1):
            left: dict[Unknown, Fraction] = {}
            for j in (j for j in range(size) if j != i):
                left["Q", min(i, j), max(i, j)] = (1 if j > i else -1) * Fraction(j) ** degree
            if degree:
                left["H", i, i] = -degree * Fraction(i) ** (degree - 1)
            known = _outside(interior, i, size, degree)
            if i == 0 and degree == 0:
                known -= Fraction(1, 2)
            equations.append((left, -known))
    found = _solved(equations, {("Q", i, j): value for (i, j), value in free})
    norm = tuple(found["H", i, i] for i in range(size))
    block = [[Fraction(0)] * size for _ in range(size)]
    block[0][0] = Fraction(-1, 2)
    for (name, i, j), value in found.items():
        if name == "Q":
            block[i][j], block[j][i] = value, -value
    return norm, HalfLineMatrix(tuple(map(tuple, block)), interior, -1)


@cache
def second_derivative(half: int, norm: Fractions, free: FreeEntries = ()) -> HalfLineMatrix:
    """Derive the symmetric M of the narrow second derivative D₂ = H⁻¹(−M + B S).

    Parameters
    ----------
    half : int
        The accuracy of the rows at the end.
    norm : tuple of Fraction
        H, as `first_derivative` gives it.
    free : entries
        Entries of M that accuracy leaves free: none for half 1 and 2, one for 3, three for 4.

    Raises
    ------
    ValueError
        If the entries do not determine the others, or contradict accuracy.
    """
    size = len(norm)
    interior = tuple(-w for w in centered_stencil(2, half))
    equations = []
    for i in range(size):
        for degree in range(half + 2):
            left: dict[Unknown, Fraction] = {}
            for j in range(size):
                left["M", min(i, j), max(i, j)] = Fraction(j) ** degree
            known = _outside(interior, i, size, degree)
            if degree >= 2:
                known += degree * (degree - 1) * norm[i] * Fraction(i) ** (degree - 2)
            # The derivative of x at the left end, with the sign that B has there.
            if i == 0 and degree == 1:
                known += 1
            equations.append((left, -known))
    found = _solved(equations, {("M", i, j): value for (i, j), value in free})
    block = [[Fraction(0)] * size for _ in range(size)]
    for (_, i, j), value in found.items():
        block[i][j] = block[j][i] = value
    return HalfLineMatrix(tuple(map(tuple, block)), interior, 1)


@cache
def boundary_derivative(half: int, last: Fraction | None = None) -> Fractions:
    """Return the boundary derivative S at the left end, of order half + 1.

    With `last`, it reads one point more, with that weight.
    """
    points = tuple(map(Fraction, range(half + 2)))
    weights = exact_weights(1, points)
    if last is None:
        return weights
    # What the further point adds vanishes for all degrees up to half + 1.
    added = undivided_difference(half + 2)
    padded = (*weights, Fraction(0))
    return tuple(w + last * a / added[-1] for w, a in zip(padded, added, strict=True))


@cache
def upwind_stencil(order: int) -> tuple[Fractions, int, Fraction]:
    """Return the two parts of the upwind stencil D₊ of an order, on order + 1 points or one more.

    Returns
    -------
    central : tuple of Fraction
        The antisymmetric part of D₊ at the distances 0, 1, ….
    k : int
    strength : Fraction
        The symmetric part is −strength·ΔᵀΔ, Δ being the undivided difference of order k.
    """
    low = -((order - 1) // 2)
    offsets = range(low, low + order + 1)
    weights = dict(zip(offsets, exact_weights(1, tuple(map(Fraction, offsets))), strict=True))
    k = order // 2 + 1 if order % 2 == 0 else (order + 1) // 2
    both = [(weights.get(d, Fraction(0)), weights.get(-d, Fraction(0))) for d in range(k + 1)]
    central = tuple((up - down) / 2 for up, down in both)
    return central, k, (-1) ** (k + 1) * sum(both[k]) / 2


def squared_difference(k: int, i: int, j: int, edge: Fraction = Fraction(1)) -> Fraction:
    """Return an entry of ΔᵀCΔ on a half line, Δ being the undivided difference of order k.

    C is `edge` in the first row of Δ, 1 in all others.
    """
    delta = undivided_difference(k)
    rows = range(max(0, i - k, j - k), min(i, j) + 1)
    products = ((1 if m else edge) * delta[i - m] * delta[j - m] for m in rows)
    return sum(products, Fraction(0))


@cache
def remainder_terms(half: int) -> tuple[tuple[int, int, Fraction], ...]:
    """Return the terms of the remainder R = Σ c·δᵀbδ that makes M = DᵀbD + R narrow.

    D is the central first derivative of order 2·half, δ the undivided difference of order k from
    some distance on. For every b at one point M has no entries more than `half` off its diagonal;
    if b is constant, it is the narrow second derivative. Since c > 0 for all, R only adds to what
    diffuses (K. Mattsson, J. Sci. Comput. 51 (2012) 650-682).

    Returns
    -------
    tuple of (k, start, c)
    """
    right = centered_stencil(1, half)
    row = (*(-w for w in right[:0:-1]), *right)
    rest = [[a * b for b in row] for a in row]
    found = []
    for k in range(2 * half, half, -1):
        delta = undivided_difference(k)
        for start in range(len(row) - k):
            c = -rest[start][start + k] / (delta[0] * delta[k])
            found.append((k, start - half, c))
            for i, a in enumerate(delta):
                for j, b in enumerate(delta):
                    rest[start + i][start + j] += c * a * b
    return tuple(found)


def _block(half: int, reach: int) -> int:
    """Return the number of rows in which accuracy and the laws can be met."""
    return 1 if half == reach == 1 else 2 * half


def _outside(interior: Fractions, i: int, size: int, degree: int) -> Fraction:
    """Return the moment of what row i reads beyond the block."""
    reached = range(max(size - i, 1), len(interior))
    return sum((interior[k] * Fraction(i + k) ** degree for k in reached), Fraction(0))


def _solved(
    equations: list[tuple[dict[Unknown, Fraction], Fraction]], given: Mapping[Unknown, Fraction]
) -> dict[Unknown, Fraction]:
    """Solve linear equations, some unknowns being given."""
    names = sorted({name for left, _ in equations for name in left} - given.keys())
    rows = [[left.get(name, Fraction(0)) for name in names] for left, _ in equations]
    right = [
        value - sum((c * given[name] for name, c in left.items() if name in given), Fraction(0))
        for left, value in equations
    ]
    try:
        found, free = solutions(rows, right)
    except ValueError:
        raise ValueError(f"accuracy allows no such entries {sorted(given)}") from None
    if free:
        name = names[max(k for k, x in enumerate(free[0]) if x)]
        raise ValueError(f"accuracy leaves {name} free, beyond {sorted(given)}")
    return {**dict(zip(names, found, strict=True)), **given}
