"""Implicit bands: LU factors of their left sides, and rows of left⁻¹ · band written out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from findops.plan.band import Band, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_array

    from findops.common.arrays import Floats, Ints

__all__ = ["BandedLU", "Correction", "Factors", "written"]

NEGLIGIBLE_CORRECTION = 2.0**-64
"""Part of the largest below which a correction cannot change a result."""

SHORT_CIRCLE = 256
"""Points of the first circle that is tried to stand for a longer one."""

LONGEST_DECAY = 1 << 17
"""Points within which the inverse of every left side decays that `Compact` accepts."""

INVERSE_CUTOFF = 1e-32
"""Part of a row's largest weight below which others are left out; no moment shows it."""


class Factors(NamedTuple):
    """LU factors, in which rows that are alike stand once.

    Forward, x_i ← (b_i − Σ multipliers x_{i−k})·pivot; backward, x_i ← x_i − Σ upper x_{i+k}.
    """

    multipliers: Floats
    """(stored rows, reach)."""
    pivots: Floats
    """Reciprocal pivots, (stored rows,)."""
    upper: Floats
    """(stored rows, reach)."""
    alike: range
    """Rows that have the factors of the first of them; the others are stored before and after."""


class Correction(NamedTuple):
    """What takes back the rows that wrap around: x = y − V·M·C·y, y the solution without them.

    V is zero but in its first and its last rows, as the inverse decays.
    """

    small: Floats
    """M, (edges, edges)."""
    head: Floats
    """The first rows of V, (rows, edges)."""
    tail: Floats
    """The last rows of V, (rows, edges)."""


@dataclass(frozen=True, eq=False)
class BandedLU:
    """Solution of A x = b without pivots, for a banded A that may wrap around.

    The banded part T is factored; A = T + E·C, where E picks the rows that wrap around, is solved
    by the Sherman-Morrison-Woodbury formula. Where the rows of A are alike, those of the factors
    soon are, and corrections decay: both are as short for any number of rows.
    """

    left: Band

    @cached_property
    def reach(self) -> int:
        """How far the rows reach to either side."""
        return max((abs(o) for o in self.left.offsets), default=0)

    @cached_property
    def factors(self) -> Factors:
        """The factors of T."""
        n, p = self.left.rows, self.reach
        inside = self.unwrapped.interior
        multipliers: list[Floats] = []
        pivots: list[float] = []
        upper: list[Floats] = []
        alike = range(1)
        i = 0
        while i < n:
            columns, weights = self.unwrapped.row(i)
            near = np.abs(columns - i) <= p
            entries = np.zeros(2 * p + 1)
            entries[columns[near] - i + p] = weights[near]
            own = np.zeros(p)
            for k in range(min(p, i), 0, -1):
                own[k - 1] = entries[p - k]
                entries[p - k + 1 : 2 * p - k + 1] -= entries[p - k] * upper[-k]
            multipliers.append(own)
            pivots.append(1 / entries[p])
            upper.append(entries[p + 1 :] * pivots[-1])
            i += 1
            if inside.start < i - 1 - 2 * p and i < inside.stop and _settled(upper[-1 - 2 * p :]):
                # Up to the last rows nothing changes any more.
                alike = range(i - 1, inside.stop)
                i = inside.stop
        return Factors(np.array(multipliers), np.array(pivots), np.array(upper), alike)

    @cached_property
    def unwrapped(self) -> Band:
        """The left side with rows that wrap around written out."""
        return self.left.unwrapped()

    @cached_property
    def beyond(self) -> dict[int, Row]:
        """The part of rows that lies beyond the band."""
        inside = self.unwrapped.interior
        rows = (*range(inside.start), *range(max(inside.start, inside.stop), self.left.rows))
        found = {}
        for i in rows:
            columns, weights = self.unwrapped.row(i)
            apart = np.abs(columns - i) > self.reach
            if apart.any():
                found[i] = Row(columns[apart], weights[apart])
        return found

    @property
    def edges(self) -> Ints:
        """The rows that wrap around."""
        return np.array(list(self.beyond), dtype=np.intp)

    @cached_property
    def excess(self) -> tuple[Ints, Floats]:
        """Columns and weights (edges, taps) of A − T in the rows that wrap around."""
        found = list(self.beyond.values())
        width = max([1, *(len(row.columns) for row in found)])
        columns = np.zeros((len(found), width), dtype=np.intp)
        weights = np.zeros((len(found), width))
        for k, row in enumerate(found):
            columns[k, : len(row.columns)] = row.columns
            weights[k, : len(row.columns)] = row.weights
        return columns, weights

    @cached_property
    def correction(self) -> Correction:
        """What takes back the rows that wrap around."""
        points = SHORT_CIRCLE
        while self.left.periodic and points < self.left.rows:
            found = BandedLU(replace(self.left, rows=points, cols=points))._whole_correction()
            if len(found.head) + len(found.tail) <= points // 2:
                return found
            points *= 2
        return self._whole_correction()

    def _whole_correction(self) -> Correction:
        """Return the correction from as many equations as there are rows."""
        n, count = self.left.rows, len(self.edges)
        if not count:
            return Correction(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros((0, 0)))
        unit = np.zeros((n, count))
        unit[self.edges, np.arange(count)] = 1
        spread = self.solve_unwrapped(unit)
        columns, weights = self.excess
        small = np.eye(count) + np.einsum("et,ets->es", weights, spread[columns])
        spread[np.abs(spread) < NEGLIGIBLE_CORRECTION * np.abs(spread).max(axis=0)] = 0
        used = np.append(np.flatnonzero(spread.any(axis=1)), n)
        later = np.searchsorted(used, n // 2)
        first = 1 + int(used[later - 1]) if later else 0
        return Correction(np.linalg.inv(small), spread[:first], spread[used[later] :])

    def solve_unwrapped(self, b: Floats) -> Floats:
        """Return T⁻¹ b, for the columns of b: the solution as if no row wrapped around."""
        # SciPy's linear algebra takes long to import: only where something is solved.
        from scipy.linalg import solve_banded

        n, p = self.left.rows, self.reach
        columns, weights = self.unwrapped.table()
        apart = np.arange(n)[:, None] - columns
        # In a piece of an endless line, rows reach beyond it.
        near = (np.abs(apart) <= p) & (weights != 0) & (columns >= 0) & (columns < n)
        diagonals = np.zeros((2 * p + 1, n))
        diagonals[p + apart[near], columns[near]] = weights[near]
        x: Floats = solve_banded((p, p), diagonals, b)
        return x

    @cached_property
    def decay(self) -> int:
        """Points after which weights in a row of T⁻¹ are negligible, at most `LONGEST_DECAY`."""
        center = 256
        while True:
            n = 2 * center + 1
            unit = np.zeros((n, 1))
            unit[center] = 1
            line = replace(self.left, rows=n, cols=n, head=(), tail=(), periodic=False)
            row = np.abs(BandedLU(line).solve_unwrapped(unit)[center:, 0])
            points = int(np.flatnonzero(row > INVERSE_CUTOFF * row[0])[-1]) + 1
            # What the ends of the line contribute must be negligible, too.
            if 2 * points <= center or center >= LONGEST_DECAY:
                return points
            center *= 2


def _settled(rows: Sequence[Floats]) -> bool:
    return all(np.array_equal(row, rows[-1]) for row in rows)


def written(band: Band) -> Band:
    """Return a band with the rows of left⁻¹ · band written out, without negligible weights."""
    if band.left is None:
        return band
    plain = replace(band, left=None)
    n = band.rows
    if not band.interior:
        return _dense(plain, _rows(band, 0, n, range(n)))
    far = BandedLU(band.left).decay
    offsets, weights = _infinite(band, far)
    if band.periodic:
        return replace(plain, offsets=offsets, weights=weights)
    edge = far - min(offsets) + max(offsets) + len(band.left.head) + len(band.left.tail)
    if n <= 2 * edge:
        return _dense(plain, _rows(band, 0, n, range(n)))
    return replace(
        plain,
        offsets=offsets,
        weights=weights,
        head=_rows(band, 0, 2 * edge, range(edge)),
        tail=_rows(band, n - 2 * edge, n, range(n - edge, n)),
    )


def _dense(band: Band, rows: tuple[Row, ...]) -> Band:
    """Return a band with these rows and no others."""
    return replace(band, offsets=(), weights=np.zeros(0), head=rows, tail=())


def _infinite(band: Band, far: int) -> tuple[tuple[int, ...], Floats]:
    """Return offsets and weights of a row far from any end."""
    left = band.left
    assert left is not None
    n = 4 * far + 1
    line = replace(left, rows=n, cols=n, head=(), tail=(), periodic=False)
    unit = np.zeros((n, 1))
    unit[n // 2] = 1
    # A row of the inverse is a column of that of the transpose.
    row = BandedLU(replace(line, offsets=tuple(-o for o in left.offsets))).solve_unwrapped(unit)[
        :, 0
    ]
    offsets = range(min(band.offsets) - far, max(band.offsets) + far + 1)
    weights = np.zeros(len(offsets))
    for offset, weight in zip(band.offsets, band.weights, strict=True):
        first = offset - far - offsets.start
        weights[first : first + 2 * far + 1] += weight * row[n // 2 - far : n // 2 + far + 1]
    kept = np.abs(weights) > INVERSE_CUTOFF * np.abs(weights).max()
    return tuple(o for o, keep in zip(offsets, kept, strict=True) if keep), weights[kept]


def _rows(band: Band, start: int, stop: int, rows: range) -> tuple[Row, ...]:
    """Return rows of left⁻¹ · band by solving the equations from start to stop alone."""
    from scipy.sparse.linalg import splu

    assert band.left is not None
    left, right = (_sparse(side)[start:stop] for side in (band.left, replace(band, left=None)))
    unit = np.zeros((stop - start, len(rows)))
    unit[np.array(rows) - start, np.arange(len(rows))] = 1
    # A row of the inverse is a column of that of the transpose.
    inverse = splu(left[:, start:stop].T.tocsc()).solve(unit)
    dense = (right.T @ inverse).T
    found = []
    for row in dense:
        kept = np.flatnonzero(np.abs(row) > INVERSE_CUTOFF * np.abs(row).max())
        found.append(Row(kept, row[kept]))
    return tuple(found)


def _sparse(band: Band) -> csr_array:
    from scipy.sparse import csr_array

    columns, weights = band.table()
    rows, taps = np.nonzero(weights)
    return csr_array((weights[rows, taps], (rows, columns[rows, taps])), (band.rows, band.cols))
