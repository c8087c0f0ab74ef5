"""The order of accuracy of rows near holes, from their moments."""

from __future__ import annotations

import math
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from findops.operators.accuracy import MOMENT_ROUNDOFF, SHOWN_IN_PRODUCTS
from findops.plan.program import Chain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.common.arrays import Floats, Ints
    from findops.grids.grid import Grid
    from findops.masked.partial_map import Identity, PartialMap
    from findops.plan.program import Program


__all__ = ["near_accuracy"]


def near_accuracy(
    program: Program, identity: Identity, domain: Grid, rows: NDArray[np.intp]
) -> Floats:
    """Return the order of accuracy of some rows, given by flat indices, where points are missing.

    Every chain of the sum is put to the test with its coefficients left out.

    Raises
    ------
    ValueError
        If the program has a composition, or a product across an upwind scheme.
    """
    result = np.full(len(rows), np.inf)
    component, place = np.divmod(rows, math.prod(program.outputs.points))
    for part in program.parts:
        if not isinstance(part, Chain) or any(term.masks for term in part.terms[1:]):
            raise ValueError(
                "near holes the accuracy of a product of sums, as an upwind derivative is one, is "
                "unknown: ask that of its factors"
            )
        mine = np.flatnonzero(component == part.row)
        made = identity.then_chain(part, coefficients=False)
        along = [[t.bands[k] for t in part.terms] for k in range(domain.ndim)]
        orders = [sum(band.order for band in bands if band) for bands in along]
        acting = [k for k, bands in enumerate(along) if any(bands)]
        if acting:
            moments = _Moments(made, domain, place[mine], orders, acting)
            found = moments.orders()
            bands = [band for k in acting for band in along[k] if band]
            claim = min((band.acc for band in bands if band.acc), default=math.inf)
            # Of high orders moments tell nothing: a row has what its points allow, up to acc, and
            # one more by symmetry.
            most = np.minimum(claim, moments.points - moments.order + 1)
            found = np.where(found > np.maximum(most, SHOWN_IN_PRODUCTS), most, found)
            for mask in part.terms[0].masks:
                # Rows that an upwind scheme gives to the other side have no part in this one.
                selected = np.broadcast_to(mask, made.defined.shape).ravel()[place[mine]]
                found = np.where(selected, found, np.inf)
            result[mine] = np.minimum(result[mine], found)
    return result


class _Moments:
    """Rows applied to monomials about their points, along the axes where they act."""

    def __init__(
        self, made: PartialMap, domain: Grid, place: Ints, orders: list[int], acting: list[int]
    ) -> None:
        matrix = made.rows(place)
        self.rows = np.repeat(np.arange(len(place)), np.diff(matrix.indptr))
        self.count, self.order = len(place), sum(orders)
        self.truth = tuple(orders[k] for k in acting)
        self.weights = matrix.data
        index = np.unravel_index(place, made.defined.shape)
        read = np.unravel_index(matrix.indices % math.prod(domain.shape), domain.shape)
        self.apart = []
        for k in acting:
            source, here, there = domain.axes[k], index[k][self.rows], read[k]
            if source.periodic:
                # No row reaches more than half way round, holes or not, unless the axis is tiny.
                n = len(source)
                there = here + (there - here + n // 2) % n - n // 2
            apart = source.position(there) - made.axes[k].position(here)
            self.apart.append(apart.astype(np.float64))
            if source.spacing is not None:
                self.weights = self.weights * float(source.spacing ** orders[k])

    @property
    def points(self) -> Ints:
        """How many points each row reads."""
        return np.bincount(self.rows, minlength=self.count)

    def orders(self) -> Floats:
        """Return the order of the error of each row, infinite where there is none."""
        found = np.full(self.count, np.nan)
        most = 2 * int(np.bincount(self.rows, minlength=1).max()) + self.order
        for degree in range(most + 1):
            for chosen in combinations_with_replacement(range(len(self.apart)), degree):
                wrong = self._wrong(tuple(chosen.count(k) for k in range(len(self.apart))))
                found[wrong & np.isnan(found)] = degree - self.order
            if not np.isnan(found).any():
                break
        return np.where(np.isnan(found), np.inf, found)

    def _wrong(self, exponents: tuple[int, ...]) -> NDArray[np.bool_]:
        parts = self.weights.copy()
        for apart, exponent in zip(self.apart, exponents, strict=True):
            parts *= apart**exponent
        value = np.bincount(self.rows, parts, self.count)
        size = np.bincount(self.rows, np.abs(parts), self.count)
        exact = math.prod(map(math.factorial, exponents)) if exponents == self.truth else 0
        return np.asarray(np.abs(value - exact) > MOMENT_ROUNDOFF * np.maximum(size, exact))
