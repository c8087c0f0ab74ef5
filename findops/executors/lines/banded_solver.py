"""Banded systems of implicit schemes, solved along many lines at a time by compiled code.

Lines are brought side by side into blocks, as many as the caches hold. Blocks are of double
precision, as elimination loses digits; complex numbers are pairs of lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from findops.common.threads import TASKS_PER_THREAD, num_threads, run
from findops.executors.kernels.machine import lanes
from findops.executors.lines.kernels import BandTables, load_lines, store_lines, sweep
from findops.plan.implicit import BandedLU

if TYPE_CHECKING:
    from collections.abc import Iterable

    from findops.common.arrays import Array, Floats, Int64s
    from findops.executors.kernels.machine import Kernel
    from findops.plan.band import Band

__all__ = ["BandedSolver"]

BLOCK_BYTES = 1 << 19
"""Bytes of a block, unless its rows become too short."""

ROW_BYTES = 256, 8192
"""Bytes of a row of a block: a few cache lines at least, and no more than memory needs."""

THREADED_POINTS = 1 << 15
"""Points below which a second thread costs more than it brings."""


@dataclass(frozen=True, eq=False)
class BandedSolver:
    """An implicit band, left⁻¹ · right, made ready for any axis of arrays of any type."""

    band: Band

    def __call__(self, u: Array, out: Array, axis: int, adding: bool, scale: float) -> None:
        """Write scale · band(u) along an axis to `out`, or add it; both are contiguous."""
        if not out.size:
            return
        real = u.real.dtype
        count = (2 if u.dtype.kind == "c" else 1) * math.prod(u.shape[axis + 1 :])
        lines = math.prod(u.shape[:axis])
        given = u.view(real).reshape(lines, u.shape[axis], count)
        result = out.view(real).reshape(lines, out.shape[axis], count)
        width = _width(max(u.shape[axis], out.shape[axis]))
        threads = num_threads() if out.size >= THREADED_POINTS else 1
        boxes = list(_boxes(lines, count, width, threads))
        share = -(-len(boxes) // (TASKS_PER_THREAD * threads))

        def work(first: int) -> None:
            # Fresh memory would cost more than solving does: all blocks of a task share it.
            some = boxes[first : first + share]
            widest = max(_padded(result[box].size // result.shape[1]) for box in some)
            space = np.empty((given.shape[1] + self._rows(result.shape[1])) * widest)
            for box in some:
                self._solve(given[box], result[box], adding, scale, space)

        run(work, [(first,) for first in range(0, len(boxes), share)], threads)

    def _rows(self, rows: int) -> int:
        """Return how many rows the kernel needs for so many of the result."""
        return rows + 2 * self._reach + 2 * self._edges

    def _solve(self, u: Array, out: Array, adding: bool, scale: float, space: Floats) -> None:
        """Solve for a box of lines (lines, points, lanes)."""
        lines, n, count = u.shape
        rows, reach = out.shape[1], self._reach
        wide = _padded(lines * count)
        block = space[: n * wide].reshape(n, wide)
        made = space[n * wide : (n + self._rows(rows)) * wide].reshape(-1, wide)
        made[:reach] = made[reach + rows : rows + 2 * reach] = 0
        _load(u, block, scale)
        alike, correction = self._lu.factors.alike, self._lu.correction
        corrected = len(correction.head), len(correction.tail)
        given = [rows, *self._same, 8 * wide, alike[0], alike[-1], *corrected]
        sizes = np.array(given, dtype=np.int64)
        kernel = sweep(len(self.band.offsets), reach, self._edges, min(wide, lanes()))
        _call(kernel, self._addresses, sizes, block, made)
        _store(made[reach : reach + rows], out, adding)

    @cached_property
    def _addresses(self) -> Int64s:
        return np.array([part.ctypes.data for part in self.tables], dtype=np.int64)

    @cached_property
    def _lu(self) -> BandedLU:
        if self.band.left is None:
            raise AssertionError("there is nothing to solve")
        return BandedLU(self.band.left)

    @property
    def _reach(self) -> int:
        return self._lu.reach

    @property
    def _edges(self) -> int:
        return len(self._lu.edges)

    @cached_property
    def _same(self) -> tuple[int, int]:
        """The first and the last row whose taps do not wrap around and are those of all."""
        band = self.band
        inner = band.interior
        low, high = inner.start, inner.stop
        if band.offsets and band.periodic:
            low = max(low, -min(band.offsets))
            high = min(high, band.cols - max(band.offsets))
        return (low, high) if low < high else (0, 0)

    @cached_property
    def tables(self) -> BandTables[Array]:
        """The band as the kernel wants it."""
        band = self.band
        if not band.constant:
            raise AssertionError("the right side of an implicit band has constant weights")
        factors, correction = self._lu.factors, self._lu.correction
        places, excess = self._lu.excess
        low, high = self._same
        rows = [band.row(k) for k in (*range(low), *range(high, band.rows))]
        rows = [(columns % band.cols, weights) for columns, weights in rows]
        rows += zip(places, excess, strict=True)
        rows += ((np.arange(self._edges), row) for row in correction.small)
        rows += (_kept(-row) for row in (*correction.head, *correction.tail))
        begins = np.cumsum([0, *(len(columns) for columns, _ in rows)])
        columns, weights = (
            np.concatenate([np.zeros(0, kind), *(row[i] for row in rows)]).astype(kind)
            for i, kind in enumerate((np.int64, np.float64))
        )
        offsets = np.array(band.offsets, dtype=np.int64)
        given = np.asarray(band.weights, dtype=np.float64)
        arrays = (offsets, given, *factors[:3], begins, columns, weights)
        return BandTables(*map(np.ascontiguousarray, arrays))


def _load(u: Array, block: Floats, scale: float) -> None:
    """Bring lines (lines, points, lanes) side by side, scaled."""
    lines, n, count = u.shape
    whole = lines - lines % lanes() if count == 1 else 0
    if whole:
        sizes = np.array([whole, n, u.strides[0], block.strides[0]], dtype=np.int64)
        _call(load_lines(u.itemsize), None, sizes, u, block, scale)
    if whole < lines:
        rest = block[:, whole : lines * count].reshape(n, lines - whole, count)
        np.multiply(u[whole:].swapaxes(0, 1), scale, out=rest)


def _store(block: Floats, out: Array, adding: bool) -> None:
    """Write a block to lines (lines, points, lanes), or add it."""
    lines, n, count = out.shape
    whole = lines - lines % lanes() if count == 1 else 0
    if whole:
        sizes = np.array([whole, n, out.strides[0], block.strides[0]], dtype=np.int64)
        _call(store_lines(out.itemsize, adding), None, sizes, block, out)
    if whole < lines:
        rest = block[:, whole : lines * count].reshape(n, lines - whole, count).swapaxes(0, 1)
        if adding:
            rest = out[whole:] + rest
        out[whole:] = rest


def _call(
    kernel: Kernel,
    arrays: Int64s | None,
    sizes: Int64s,
    given: Array,
    made: Array,
    scale: float = 1.0,
) -> None:
    addresses = None if arrays is None else arrays.ctypes.data
    kernel.call(addresses, sizes.ctypes.data, given.ctypes.data, made.ctypes.data, None, scale, 0.0)


def _kept(weights: Floats) -> tuple[Int64s, Floats]:
    """Return where weights are not zero, and these."""
    columns = np.flatnonzero(weights)
    return columns, weights[columns]


def _padded(lines: int) -> int:
    """Return how many lines a block has for so many: whole vectors, shorter ones for few lines."""
    if lines < lanes():
        return 1 << (lines - 1).bit_length()
    return -(-lines // lanes()) * lanes()


def _width(points: int) -> int:
    """Return how many lines go into a block, given their points."""
    least, most = ROW_BYTES
    return max(least, min(most, BLOCK_BYTES // max(points, 1))) // 8


def _boxes(
    lines: int, count: int, width: int, threads: int
) -> Iterable[tuple[slice, slice, slice]]:
    """Return boxes of lines and lanes, each for a block."""
    some = max(1, width // count)
    share = -(-lines // threads)
    step = min(some, -(-share // lanes()) * lanes() if count == 1 else share)
    across = min(count, width)
    for o in range(0, lines, step):
        for lane in range(0, count, across):
            yield (
                slice(o, min(o + step, lines)),
                slice(None),
                slice(lane, min(lane + across, count)),
            )
