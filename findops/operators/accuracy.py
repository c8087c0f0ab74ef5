"""The order of accuracy of every row of a program, from moments."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import cache, reduce
from typing import TYPE_CHECKING

import numpy as np

from findops.plan.band import Band
from findops.plan.implicit import written
from findops.plan.program import Chain, Composition, Program
from findops.schemes import SPECTRAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from findops.common.arrays import Floats, Ints
    from findops.grids.axes import Axis
    from findops.grids.grid import Grid


__all__ = ["row_accuracy"]

MOMENT_ROUNDOFF = 1e-11
"""Moments below this part of their sum of magnitudes are zero: weights carry 1e-14 at worst."""

SHOWN_IN_PRODUCTS = 16
"""Order up to which moments of a product show the errors of its factors, beside their weights."""


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
    known: dict[tuple[int, AxisProduct], Floats] = {}
    write = cache(written)
    for part in program.parts:
        for row, _, products in _products(part):
            least, diverging = np.full((1,) * len(products), np.inf), np.zeros((1,) * len(products))
            for i, (product, axis) in enumerate(zip(products, domain.axes, strict=True)):
                factors = _factors(product, write)
                if not factors:
                    continue
                if (i, product) not in known:
                    known[i, product] = _product_accuracy(factors, axis)
                others = [k for k in range(len(products)) if k != i]
                along = np.expand_dims(known[i, product], others)
                least = np.minimum(least, along)
                diverging = diverging + np.minimum(along, 0)
            # Errors along different axes multiply, which matters where they grow under refinement.
            orders = np.where(diverging < 0, diverging, least)
            for mask in part.terms[0].masks if isinstance(part, Chain) else ():
                # Rows that an upwind scheme gives to the other side have no part in this one.
                orders = np.where(mask, orders, np.inf)
            np.minimum(result[row], orders, out=result[row])
    return result.reshape(outputs.shape)


AxisProduct = tuple[Band | None, ...]
"""What a chain does along one axis, the last applied first; None is a varying coefficient."""

ComponentProduct = tuple[int, int, tuple[AxisProduct, ...]]
"""Row component, column component, and a product along each axis."""

MOMENTS, PRODUCTS = 10**7, 10**4
"""Values that the test of one product may take, and products that an operator may have."""

TOO_MANY = "the accuracy of this product takes too many moments: ask that of its factors"


def _products(part: Chain | Composition) -> set[ComponentProduct]:
    """Return a part multiplied out, as far as its accuracy can tell chains apart."""
    match part:
        case Chain():
            axes = range(len(part.terms[0].bands))
            return {(part.row, part.col, tuple(_axis_product(part, i) for i in axes))}
        case Composition():
            factors = (
                set().union(*(_products(inner) for inner in program.parts))
                for program in part.programs
            )
            return reduce(_multiplied, factors)


def _multiplied(left: set[ComponentProduct], right: set[ComponentProduct]) -> set[ComponentProduct]:
    if len(left) * len(right) > PRODUCTS:
        raise ValueError(TOO_MANY)
    return {
        (row, col, tuple(_joined((*a, *b)) for a, b in zip(first, second, strict=True)))
        for row, inner, first in left
        for outer, col, second in right
        if inner == outer
    }


def _axis_product(chain: Chain, axis: int) -> AxisProduct:
    product: list[Band | None] = []
    for term in chain.terms:
        if any(factor.varies(axis) for factor in term.factors):
            product.append(None)
        if term.bands[axis] is not None:
            product.append(term.bands[axis])
    return _joined(product)


def _joined(product: Iterable[Band | None]) -> AxisProduct:
    """Let several coefficients in a row count as one."""
    result: list[Band | None] = []
    for band in product:
        if band is not None or result[-1:] != [None]:
            result.append(band)
    return tuple(result)


@dataclass(frozen=True)
class _Factor:
    """A band with its rows written out, and what stands left of it."""

    band: Band
    variable: bool
    """Whether a coefficient that varies along its axis stands left of it."""
    claim: float
    """The order that an implicit scheme derives for its rows, infinite for an explicit one."""


def _factors(product: AxisProduct, write: Callable[[Band], Band]) -> list[_Factor]:
    """Return the bands of a product along an axis whose errors are of some order."""
    return [
        _Factor(
            write(band),
            i > 1 and product[i - 1] is None,
            band.acc if band.left and band.acc else np.inf,
        )
        for i, band in enumerate(product)
        if band is not None and band.acc != SPECTRAL
    ]


def _product_accuracy(factors: list[_Factor], source: Axis) -> Floats:
    """Return the order of accuracy of the rows of a product of bands along one axis."""
    axes = [source]
    for factor in reversed(factors):
        axes.insert(0, axes[0].half() if factor.band.shift else axes[0])
    rows, spread = _representatives(factors, axes)
    if len(rows) * math.prod(max(factor.band.taps, 1) for factor in factors) > MOMENTS:
        raise ValueError(TOO_MANY)
    test = MomentTest(factors, axes, rows)
    unseen = _unseen_in_product(factors, axes)[rows]
    order = sum(factor.band.order for factor in factors)
    most = sum(2 * test.taps + factor.band.order for factor in factors)
    found = np.full(len(rows), np.inf)
    for excess in range(-order, most + 1):
        for exponents in _exponents(factors, order + excess):
            wrong = test.wrong(exponents)
            found[wrong & np.isinf(found)] = excess
        found[unseen <= excess] = np.minimum(found, unseen)[unseen <= excess]
        if not np.isinf(found).any():
            break
    return found[spread]


def _unseen_in_product(factors: list[_Factor], axes: list[Axis]) -> Floats:
    """Return the order of each row of a product that errors too small to see leave, else infinity.

    An error that jumps from row to row costs one order for each differentiation outside.
    """
    shown = np.inf if len(factors) == 1 else SHOWN_IN_PRODUCTS
    limits = [_unseen(factor, axes[i], axes[i + 1], shown) for i, factor in enumerate(factors)]
    if all(np.isinf(limit).all() for limit in limits):
        return limits[0]
    result, jumps = limits[-1], _jumps(factors[-1].band, axes[-1])
    for i in reversed(range(len(factors) - 1)):
        band = factors[i].band
        columns, weights = band.table()
        read = weights != 0
        jump = (jumps[columns] & read).any(axis=-1)
        inner = np.where(read, result[columns], np.inf).min(axis=-1, initial=np.inf)
        result = np.minimum(limits[i], inner - band.order * jump)
        jumps = jump | _jumps(band, axes[i + 1])
    return result


def _jumps(band: Band, source: Axis) -> NDArray[np.bool_]:
    """Tell which rows of a band have another error than their neighbors."""
    made = np.full(band.rows, source.spacing is None or not band.constant)
    made[: len(band.head)] = made[band.rows - len(band.tail) :] = True
    return made


def _unseen(factor: _Factor, target: Axis, source: Axis, shown: float) -> Floats:
    """Return the order of each row of a band whose error is too small to see, else infinity.

    It is the most that the row can have. Orders up to `shown` are seen where the band's own moments
    show them.
    """
    rows, alike = _representatives([factor], [target, source])
    test = MomentTest([replace(factor, variable=False)], [target, source], rows)
    order = factor.band.order
    # Most rows show an error below what is proven of any, which takes long.
    used = test.weights[0] != 0
    own = (used & (test.apart[0] == 0)).any(axis=-1)
    points = used.sum(axis=-1) - order - (own if order == 0 else 0)
    least = np.minimum(points, factor.claim)
    found = np.full(len(rows), np.nan)
    for excess in range(-order, int(least.max(initial=0)) + 1):
        wrong = test.wrong((excess + order,)) & (excess <= least)
        found[wrong & np.isnan(found)] = excess
        if not np.isnan(found).any():
            break
    hidden = np.isnan(found)
    most = np.minimum(test.proven(hidden), factor.claim)
    for excess in np.unique(most[hidden & np.isfinite(most)]):
        found[test.wrong((int(excess) + order,)) & hidden & (most == excess)] = excess
    hidden = np.isnan(found)
    return np.where(hidden, most, np.where(found > shown, found, np.inf))[alike]


def _representatives(factors: list[_Factor], axes: list[Axis]) -> tuple[Ints, Ints]:
    """Return rows that stand for all, and for each row its place among them."""
    n = factors[0].band.rows
    everything = np.arange(n), np.arange(n)
    if axes[0].spacing is None or not all(factor.band.constant for factor in factors):
        return everything
    first, stop, least, most = 0, n, 0, 0
    for band in (factor.band for factor in factors):
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


def _exponents(factors: list[_Factor], degree: int) -> Iterator[tuple[int, ...]]:
    """Yield exponents of total `degree`: of what stands right of each band."""
    choices = [range(degree + 1 if factor.variable else 1) for factor in factors[1:]]
    for inner in itertools.product(*choices):
        if sum(inner) <= degree:
            yield (*inner, degree - sum(inner))


class MomentTest:
    """Bands applied to monomials about the points of some rows."""

    def __init__(self, factors: list[_Factor], axes: list[Axis], rows: Ints) -> None:
        self.factors = factors
        spacing = axes[0].spacing
        center = axes[0].position(rows - factors[0].band.beyond[0])
        index, weights = rows, np.ones(len(rows))
        self.weights: list[NDArray[np.floating]] = []
        positions = []
        for factor, axis in zip(factors, axes[1:], strict=True):
            # Wrapped columns keep their own positions here.
            columns, entries = replace(factor.band, periodic=False).table()
            laps, inside = np.divmod(index, factor.band.rows)
            index = columns[inside] + (laps * factor.band.cols)[..., None]
            weights = entries[inside]
            if spacing is not None:
                weights = weights * float(spacing**factor.band.order)
            self.weights.append(weights)
            positions.append(axis.position(index - factor.band.ghosts[0]))
        self.taps = max(weights.shape[-1] for weights in self.weights)
        apart = [p - center.reshape(-1, *[1] * (p.ndim - 1)) for p in positions]
        if spacing is None:
            scale = np.maximum(np.abs(apart[0]).max(axis=1, initial=0), np.finfo(float).tiny)
            for i, factor in enumerate(factors):
                wide = scale.reshape(-1, *[1] * (apart[i].ndim - 1))
                apart[i] = apart[i] / wide
                self.weights[i] = self.weights[i] * wide**factor.band.order
        self.apart = apart

    def proven(self, chosen: NDArray[np.bool_]) -> Floats:
        """Return the most that some rows of one band can have: more may be too small to see.

        A row of n points for order m has accuracy n − m at most, and one more only where the
        elementary symmetric polynomial of degree n − m of its distances vanishes. For m = 0 it
        does so where the row reads its own point, and then has accuracy n − 1 at most, unless it
        reads no other.
        """
        order, weights, apart = self.factors[0].band.order, self.weights[0], self.apart[0]
        used = weights != 0
        counts = used.sum(axis=-1)
        limits = np.full(len(weights), np.inf)
        for i in np.flatnonzero(chosen & (counts > order)):
            # Scaled, so that products of many distances stay in range.
            near = apart[i][used[i]] / (np.abs(apart[i]).max() or 1)
            degree = counts[i] - order
            signed, unsigned = (np.poly(x)[degree] for x in (near, -np.abs(near)))
            gains = abs(signed) <= MOMENT_ROUNDOFF * abs(unsigned)
            if order or not gains:
                limits[i] = degree + gains
            elif degree > 1:
                limits[i] = degree - 1
        return limits

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
        exact = _continuous(self.factors, exponents)
        return np.asarray(np.abs(value - exact) > MOMENT_ROUNDOFF * np.maximum(size, abs(exact)))


def _continuous(factors: list[_Factor], exponents: tuple[int, ...]) -> float:
    """Return what the continuous product makes of monomials, at their center."""
    value, power = 1.0, 0
    for factor, exponent in reversed(list(zip(factors, exponents, strict=True))):
        power += exponent
        if power < factor.band.order:
            return 0.0
        value *= factor.band.sign * math.perm(power, factor.band.order)
        power -= factor.band.order
    return value if power == 0 else 0.0
