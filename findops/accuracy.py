"""The order of accuracy of every row of a program, from moments."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from findops.stencil import Band, Chain, Program, Term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from findops.axes import Axis
    from findops.grid import Grid

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

__all__ = ["row_accuracy"]

ROUNDOFF = 1e-11
"""Moments below this part of their sum of magnitudes are zero: weights carry 1e-14 at worst."""


def row_accuracy(program: Program, domain: Grid) -> Floats:
    """Return the order of accuracy of each row, in the shape of the program's output.

    A chain of derivatives with coefficients between is put to the test with monomials in their
    place and in that of the field, all about the row's point: that of total degree e + (order of
    the chain) shows the error of order e. Along every axis this is a test in one dimension.
    """
    outputs = program.outputs
    result = np.full((outputs.count, *outputs.points), np.inf)
    known: dict[object, Floats] = {}
    for chain in _chains(program):
        orders = np.full(outputs.points, np.inf)
        for i, axis in enumerate(domain.axes):
            word = _word(chain, i)
            if not word:
                continue
            key = (i, tuple((id(link.band), link.variable) for link in word))
            if key not in known:
                known[key] = _word_accuracy(word, axis)
            shape = [1] * len(outputs.points)
            shape[i] = -1
            np.minimum(orders, known[key].reshape(shape), out=orders)
        for mask in chain.terms[0].masks:
            # Rows that an upwind scheme gives to the other side have no part in this one.
            orders = np.where(mask, orders, np.inf)
        np.minimum(result[chain.row], orders, out=result[chain.row])
    return result.reshape(outputs.shape)


@dataclass(frozen=True)
class _Link:
    """A band, and whether a coefficient that varies along its axis stands left of it."""

    band: Band
    variable: bool


def _chains(program: Program) -> Iterator[Chain]:
    """Yield the program as a sum of chains, compositions multiplied out."""
    for part in program.parts:
        if isinstance(part, Chain):
            yield part
            continue
        for factors in product(*(list(_chains(p)) for p in part.programs)):
            if all(a.col == b.row for a, b in pairwise(factors)):
                terms: tuple[Term, ...] = reduce(lambda t, c: t + c.terms, factors, ())
                yield Chain(factors[0].row, factors[-1].col, terms)


def _word(chain: Chain, axis: int) -> list[_Link]:
    """Return the bands of a chain along one axis, the last applied first."""
    word: list[_Link] = []
    variable = False
    for term in chain.terms:
        variable |= any(factor.value.shape[axis] > 1 for factor in term.factors)
        band = term.bands[axis]
        if band is not None:
            word.append(_Link(band, variable and bool(word)))
            variable = False
    return word


def _word_accuracy(word: list[_Link], source: Axis) -> Floats:
    """Return the order of accuracy of the rows of a product of bands along one axis."""
    axes = [source]
    for link in reversed(word):
        axes.insert(0, axes[0].half() if link.band.shift else axes[0])
    rows, spread = _representatives(word, axes)
    trial = _Trial(word, axes, rows)
    order = sum(link.band.order for link in word)
    most = sum(2 * trial.taps + link.band.order for link in word)
    found = np.full(len(rows), np.inf)
    for excess in range(-order, most + 1):
        for exponents in _exponents(word, order + excess):
            wrong = trial.wrong(exponents)
            found[wrong & np.isinf(found)] = excess
        if not np.isinf(found).any():
            break
    return found[spread]


def _representatives(word: list[_Link], axes: list[Axis]) -> tuple[Ints, Ints]:
    """Return rows that stand for all, and for each row its place among them."""
    n = word[0].band.rows
    everything = np.arange(n), np.arange(n)
    if axes[0].spacing is None or not all(link.band.constant for link in word):
        return everything
    first, stop, least, most = 0, n, 0, 0
    for band in (link.band for link in word):
        if not band.periodic:
            first = max(first, band.interior.start - least)
            stop = min(stop, band.interior.stop - most)
        least += min(band.offsets, default=0)
        most += max(band.offsets, default=0)
    if first >= stop:
        return everything
    rows = np.concatenate([np.arange(first + 1), np.arange(stop, n)])
    place = np.clip(np.arange(n), None, first)
    place[stop:] = np.arange(first + 1, len(rows))
    return rows, place


def _exponents(word: list[_Link], degree: int) -> Iterator[tuple[int, ...]]:
    """Yield exponents of total `degree`: of what stands right of each band."""
    choices = [range(degree + 1 if link.variable else 1) for link in word[1:]]
    for inner in product(*choices):
        if sum(inner) <= degree:
            yield (*inner, degree - sum(inner))


class _Trial:
    """Bands applied to monomials about the points of some rows."""

    def __init__(self, word: list[_Link], axes: list[Axis], rows: Ints) -> None:
        self.word = word
        spacing = axes[0].spacing
        center = axes[0].position(rows - word[0].band.beyond[0])
        index, weights = rows, np.ones(len(rows))
        self.weights: list[NDArray[np.floating]] = []
        positions = []
        for link, axis in zip(word, axes[1:], strict=True):
            # Wrapped columns keep their own positions here.
            columns, factors = replace(link.band, periodic=False).table()
            laps, inside = np.divmod(index, link.band.rows)
            index = columns[inside] + (laps * link.band.cols)[..., None]
            weights = factors[inside]
            if spacing is not None:
                weights = weights * float(spacing**link.band.order)
            self.weights.append(weights)
            positions.append(axis.position(index - link.band.ghosts[0]))
        self.taps = max(weights.shape[-1] for weights in self.weights)
        apart = [p - center.reshape(-1, *[1] * (p.ndim - 1)) for p in positions]
        if spacing is None:
            scale = np.maximum(np.abs(apart[0]).max(axis=1), np.finfo(float).tiny)
            for i, link in enumerate(word):
                wide = scale.reshape(-1, *[1] * (apart[i].ndim - 1))
                apart[i] = apart[i] / wide
                self.weights[i] = self.weights[i] * wide**link.band.order
        self.apart = apart

    def wrong(self, exponents: tuple[int, ...]) -> NDArray[np.bool_]:
        """Tell at which rows the discrete product differs from the continuous one."""
        value: NDArray[np.floating] = np.ones(1)
        size: NDArray[np.floating] = np.ones(1)
        for weights, apart, exponent in reversed(
            list(zip(self.weights, self.apart, exponents, strict=True))
        ):
            monomial = apart**exponent
            value = (weights * (monomial * value)).sum(axis=-1)
            size = (np.abs(weights) * (np.abs(monomial) * size)).sum(axis=-1)
        exact = _continuous(self.word, exponents)
        return np.asarray(np.abs(value - exact) > ROUNDOFF * np.maximum(size, abs(exact)))


def _continuous(word: list[_Link], exponents: tuple[int, ...]) -> float:
    """Return what the continuous product makes of monomials, at their center."""
    factor, power = 1.0, 0
    for link, exponent in reversed(list(zip(word, exponents, strict=True))):
        power += exponent
        if power < link.band.order:
            return 0.0
        factor *= link.band.sign * math.perm(power, link.band.order)
        power -= link.band.order
    return factor if power == 0 else 0.0
