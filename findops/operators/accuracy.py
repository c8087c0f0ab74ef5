"""The order of accuracy of every row of a program, from moments."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from findops.plan.band import Band
from findops.plan.program import Chain, Composition, Program
from findops.schemes import SPECTRAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from findops.common.arrays import Floats, Ints
    from findops.grids.axes import Axis
    from findops.grids.grid import Grid


__all__ = ["row_accuracy"]

ROUNDOFF = 1e-11
"""Moments below this part of their sum of magnitudes are zero: weights carry 1e-14 at worst."""


def row_accuracy(program: Program, domain: Grid) -> Floats:
    """Return the order of accuracy of each row, in the shape of the program's output.

    A chain of derivatives with coefficients between is put to the test with monomials in their
    place and in that of the field, all about the row's point: that of total degree e + (order of
    the chain) shows the error of order e. Along every axis this is a test in one dimension.

    Raises
    ------
    ValueError
        If a product of bound operators has too many factors to be multiplied out.
    """
    outputs = program.outputs
    result = np.full((outputs.count, *outputs.points), np.inf)
    known: dict[tuple[int, Tape], Floats] = {}
    for part in program.parts:
        for row, _, tapes in _sentences(part):
            least, diverging = np.full((1,) * len(tapes), np.inf), np.zeros((1,) * len(tapes))
            for i, (tape, axis) in enumerate(zip(tapes, domain.axes, strict=True)):
                word = _word(tape)
                if not word:
                    continue
                if (i, tape) not in known:
                    known[i, tape] = _word_accuracy(word, axis)
                along = np.expand_dims(known[i, tape], [k for k in range(len(tapes)) if k != i])
                least = np.minimum(least, along)
                diverging = diverging + np.minimum(along, 0)
            # Errors along different axes multiply, which matters where they grow under refinement.
            orders = np.where(diverging < 0, diverging, least)
            for mask in part.terms[0].masks if isinstance(part, Chain) else ():
                # Rows that an upwind scheme gives to the other side have no part in this one.
                orders = np.where(mask, orders, np.inf)
            np.minimum(result[row], orders, out=result[row])
    return result.reshape(outputs.shape)


Tape = tuple[Band | None, ...]
"""What a chain does along one axis, the last applied first; None is a varying coefficient."""

Sentence = tuple[int, int, tuple[Tape, ...]]
"""Row component, column component, and a tape for each axis."""

MOMENTS, SENTENCES = 10**7, 10**4
"""Values that the test of one word may take, and words that a product may have."""

TOO_MANY = "the accuracy of this product takes too many moments: ask that of its factors"


def _sentences(part: Chain | Composition) -> set[Sentence]:
    """Return a part multiplied out, as far as its accuracy can tell chains apart."""
    match part:
        case Chain():
            axes = range(len(part.terms[0].bands))
            return {(part.row, part.col, tuple(_tape(part, i) for i in axes))}
        case Composition():
            factors = (
                set().union(*(_sentences(inner) for inner in program.parts))
                for program in part.programs
            )
            return reduce(_multiplied, factors)


def _multiplied(left: set[Sentence], right: set[Sentence]) -> set[Sentence]:
    if len(left) * len(right) > SENTENCES:
        raise ValueError(TOO_MANY)
    return {
        (row, col, tuple(_joined((*a, *b)) for a, b in zip(first, second, strict=True)))
        for row, inner, first in left
        for outer, col, second in right
        if inner == outer
    }


def _tape(chain: Chain, axis: int) -> Tape:
    tape: list[Band | None] = []
    for term in chain.terms:
        if any(factor.varies(axis) for factor in term.factors):
            tape.append(None)
        if term.bands[axis] is not None:
            tape.append(term.bands[axis])
    return _joined(tape)


def _joined(tape: Iterable[Band | None]) -> Tape:
    """Let several coefficients in a row count as one."""
    result: list[Band | None] = []
    for band in tape:
        if band is not None or result[-1:] != [None]:
            result.append(band)
    return tuple(result)


@dataclass(frozen=True)
class _Link:
    """A band, and whether a coefficient that varies along its axis stands left of it."""

    band: Band
    variable: bool


def _word(tape: Tape) -> list[_Link]:
    """Return the bands of a tape whose errors are of some order."""
    return [
        _Link(band, i > 1 and tape[i - 1] is None)
        for i, band in enumerate(tape)
        if band is not None and band.acc != SPECTRAL
    ]


def _word_accuracy(word: list[_Link], source: Axis) -> Floats:
    """Return the order of accuracy of the rows of a product of bands along one axis."""
    axes = [source]
    for link in reversed(word):
        axes.insert(0, axes[0].half() if link.band.shift else axes[0])
    rows, spread = _representatives(word, axes)
    if len(rows) * math.prod(max(link.band.taps, 1) for link in word) > MOMENTS:
        raise ValueError(TOO_MANY)
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
            scale = np.maximum(np.abs(apart[0]).max(axis=1, initial=0), np.finfo(float).tiny)
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
