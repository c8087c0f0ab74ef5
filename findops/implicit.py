"""Left sides of bands: how to solve with them, and rows of left⁻¹ · band written out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from findops.band import Band, Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

__all__ = ["Elimination", "written"]

NEGLIGIBLE = 2.0**-64
"""Part of the largest below which a correction cannot change a result."""

WEIGHTLESS = 1e-32
"""Part of a row's largest weight below which others are left out, small enough for moments."""


@dataclass(frozen=True, eq=False)
class Elimination:
    """Solution of A x = b without pivots, for a banded A with like rows but for a few at the ends.

    The matrix T of the like rows alone is factored; A = T + E·C, where E picks the rows that differ
    or wrap around, is solved by the Sherman-Morrison-Woodbury formula.
    """

    left: Band

    @cached_property
    def reach(self) -> int:
        """How far the rows reach to either side."""
        return max((abs(o) for o in self.left.offsets), default=0)

    @cached_property
    def factors(self) -> tuple[Floats, Floats, Floats]:
        """Multipliers (rows, reach), reciprocal pivots (rows,), and the upper factor (rows, reach).

        Forward, x_i ← (b_i − Σ lower x_{i−k})·pivot; backward, x_i ← x_i − Σ upper x_{i+k}.
        """
        n, p = self.left.rows, self.reach
        row = np.zeros(2 * p + 1)
        row[np.array(self.left.offsets, dtype=np.intp) + p] = self.left.weights
        lower, pivots, upper = np.zeros((n, p)), np.ones(n), np.zeros((n, p))
        for i in range(n):
            entries = row.copy()
            for k in range(min(p, i), 0, -1):
                lower[i, k - 1] = entries[p - k]
                entries[p - k + 1 : 2 * p - k + 1] -= entries[p - k] * upper[i - k]
            pivots[i] = 1 / entries[p]
            upper[i] = entries[p + 1 :] * pivots[i]
            if i > 2 * p and np.array_equal(upper[i], upper[i - 1]):
                # From here on nothing changes.
                lower[i:], pivots[i:], upper[i:] = lower[i], pivots[i], upper[i]
                break
        return lower, pivots, upper

    @cached_property
    def differing(self) -> Band:
        """The left side with the rows that wrap around written out."""
        return self.left.unwrapped()

    @property
    def edges(self) -> Ints:
        """The rows that differ."""
        inside = self.differing.interior
        rows = np.arange(self.left.rows)
        return rows[(rows < inside.start) | (rows >= inside.stop)]

    @cached_property
    def excess(self) -> tuple[Ints, Floats]:
        """Columns and weights (edges, taps) of A − T in the rows that differ."""
        n = self.left.rows
        plain = np.array(self.left.offsets, dtype=np.intp)
        found = []
        for i in self.edges:
            read, own = self.differing.row(int(i))
            there = (plain + i >= 0) & (plain + i < n)
            columns = np.concatenate([read, plain[there] + i])
            weights = np.concatenate([own, -self.left.weights[there]])
            found.append(Row.merged(columns, weights))
        width = max([1, *(len(row.columns) for row in found)])
        columns = np.zeros((len(found), width), dtype=np.intp)
        weights = np.zeros((len(found), width))
        for k, row in enumerate(found):
            columns[k, : len(row.columns)] = row.columns
            weights[k, : len(row.columns)] = row.weights
        return columns, weights

    @cached_property
    def correction(self) -> tuple[Floats, Floats]:
        """M (edges, edges) and V (rows, edges): x = y − V·M·C·y is the solution, y that with T."""
        unit = np.zeros((self.left.rows, len(self.edges)))
        unit[self.edges, np.arange(len(self.edges))] = 1
        spread = self.plainly(unit)
        columns, weights = self.excess
        small = np.eye(len(self.edges)) + np.einsum("et,ets->es", weights, spread[columns])
        spread[np.abs(spread) < NEGLIGIBLE * np.abs(spread).max(axis=0, initial=0)] = 0
        return np.linalg.inv(small), spread

    def plainly(self, b: Floats) -> Floats:
        """Return T⁻¹ b, for the columns of b."""
        lower, pivots, upper = self.factors
        x = b.copy()
        for i in range(len(x)):
            for k in range(1, min(self.reach, i) + 1):
                x[i] -= lower[i, k - 1] * x[i - k]
            x[i] *= pivots[i]
        for i in reversed(range(len(x))):
            for k in range(1, min(self.reach, len(x) - 1 - i) + 1):
                x[i] -= upper[i, k - 1] * x[i + k]
        return x

    @cached_property
    def decay(self) -> int:
        """Points after which what a row of T⁻¹ holds has no weight, at most the rows there are."""
        center = 1024
        line = replace(self.left, rows=2 * center + 1, cols=2 * center + 1, head=(), tail=())
        unit = np.zeros((2 * center + 1, 1))
        unit[center] = 1
        row = np.abs(Elimination(line).plainly(unit)[center:, 0])
        return int(np.flatnonzero(row > WEIGHTLESS * row[0])[-1]) + 1


def written(band: Band) -> Band:
    """Return a band with the rows of left⁻¹ · band written out, as far as they have weight."""
    if band.left is None:
        return band
    plain = replace(band, left=None)
    far = Elimination(band.left).decay
    offsets, weights = _infinite(band, far)
    if band.periodic:
        return replace(plain, offsets=offsets, weights=weights)
    edge = far - min(offsets) + max(offsets) + len(band.left.head) + len(band.left.tail)
    n = band.rows
    if n <= 2 * edge:
        rows = _rows(band, 0, n, range(n))
        return replace(plain, offsets=(), weights=np.zeros(0), head=rows, tail=())
    return replace(
        plain,
        offsets=offsets,
        weights=weights,
        head=_rows(band, 0, 2 * edge, range(edge)),
        tail=_rows(band, n - 2 * edge, n, range(n - edge, n)),
    )


def _infinite(band: Band, far: int) -> tuple[tuple[int, ...], Floats]:
    """Return offsets and weights of a row far from any end."""
    left = band.left
    assert left is not None
    n = 4 * far + 1
    line = replace(left, rows=n, cols=n, head=(), tail=(), periodic=False)
    unit = np.zeros((n, 1))
    unit[n // 2] = 1
    # A row of the inverse is a column of that of the transpose.
    row = Elimination(replace(line, offsets=tuple(-o for o in left.offsets))).plainly(unit)[:, 0]
    offsets = range(min(band.offsets) - far, max(band.offsets) + far + 1)
    weights = np.zeros(len(offsets))
    for offset, weight in zip(band.offsets, band.weights, strict=True):
        first = offset - far - offsets.start
        weights[first : first + 2 * far + 1] += weight * row[n // 2 - far : n // 2 + far + 1]
    kept = np.abs(weights) > WEIGHTLESS * np.abs(weights).max()
    return tuple(o for o, keep in zip(offsets, kept, strict=True) if keep), weights[kept]


def _rows(band: Band, start: int, stop: int, rows: range) -> tuple[Row, ...]:
    """Return rows of left⁻¹ · band, near enough to one end that those from start to stop tell."""
    left = band.left
    assert left is not None
    columns, weights = left.table()
    square = np.zeros((stop - start, stop - start))
    for i in range(start, stop):
        inside = (columns[i] >= start) & (columns[i] < stop)
        np.add.at(square[i - start], columns[i][inside] - start, weights[i][inside])
    unit = np.zeros((stop - start, len(rows)))
    unit[np.array(rows) - start, np.arange(len(rows))] = 1
    inverse = np.linalg.solve(square.T, unit).T
    reached, factors = replace(band, left=None).table()
    dense = np.zeros((len(rows), band.cols))
    for i in range(start, stop):
        np.add.at(dense.T, reached[i], factors[i][:, None] * inverse[:, i - start])
    found = []
    for row in dense:
        kept = np.flatnonzero(np.abs(row) > WEIGHTLESS * np.abs(row).max())
        found.append(Row(kept, row[kept]))
    return tuple(found)
