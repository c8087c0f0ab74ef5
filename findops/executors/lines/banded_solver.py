"""Banded systems of implicit schemes, solved along many lines at a time by compiled code.

Blocks of lines go through the caches together, so that what elimination and substitution do to one
line is done to all of a block by vector instructions. Rows of a block are contiguous: where lines
themselves are, blocks are transposed on their way in and out. Blocks are of double precision, as
elimination loses digits; complex numbers are pairs of lanes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.threads import TASKS_PER_THREAD, num_threads, run
from findops.executors.compiling import cached_kernel, compiled
from findops.plan.implicit import BandedLU

if TYPE_CHECKING:
    from findops.common.arrays import Array
    from findops.plan.band import Band

__all__ = ["BandedSolver"]

ROW_BYTES = 2048
"""Bytes of a row of a block: long enough for vectors and for memory, short enough for caches."""

MIN_ROW_BYTES = 256
"""Bytes of a row of a block, at least: a few cache lines."""

LINES_BLOCK_BYTES = 1 << 19
"""Bytes of a block, at most, where its rows are not the shortest."""

TILE = 8
"""Lines that are transposed together."""

TAPS = 4
"""Taps of the right side that are added up together."""

THREADED_POINTS = 1 << 15
"""Points below which a second thread costs more than it brings."""


# Rows of a block --------------------------------------------------------------------------------


@compiled
def _sum(s: Any, a: Any, b: Any, c: Any, d: Any, w: Any, x: Any, y: Any, z: Any) -> None:
    for j in range(len(s)):
        s[j] = w * a[j] + x * b[j] + y * c[j] + z * d[j]


@compiled
def _sum_minus(
    s: Any, a: Any, b: Any, c: Any, d: Any, w: Any, x: Any, y: Any, z: Any, p: Any, f: Any
) -> None:
    for j in range(len(s)):
        s[j] = w * a[j] + x * b[j] + y * c[j] + z * d[j] - f * p[j]


@compiled
def _subtract(s: Any, p: Any, f: Any) -> None:
    for j in range(len(s)):
        s[j] -= f * p[j]


@compiled
def _write(t: Any, s: Any, adding: Any) -> None:
    if adding:
        for j in range(len(t)):
            t[j] += s[j]
    else:
        for j in range(len(t)):
            t[j] = s[j]


# Blocks -----------------------------------------------------------------------------------------


@compiled
def _load(u: Any, o: Any, count: Any, block: Any) -> None:
    """Bring lines o to o + count of u (lines, points, lanes) into a block (points, lanes)."""
    n, lanes = u.shape[1], u.shape[2]
    whole = count - count % TILE if lanes == 1 else 0
    for g in range(0, whole, TILE):
        for k in range(n):
            for j in range(TILE):
                block[k, g + j] = u[o + g + j, k, 0]
    for g in range(whole, count):
        for k in range(n):
            for j in range(lanes):
                block[k, g * lanes + j] = u[o + g, k, j]


@compiled
def _store(out: Any, o: Any, count: Any, block: Any, adding: Any) -> None:
    """Write a block to lines o to o + count of out, or add it."""
    n, lanes = out.shape[1], out.shape[2]
    whole = count - count % TILE if lanes == 1 else 0
    for g in range(0, whole, TILE):
        for k in range(n):
            if adding:
                for j in range(TILE):
                    out[o + g + j, k, 0] += block[k, g + j]
            else:
                for j in range(TILE):
                    out[o + g + j, k, 0] = block[k, g + j]
    for g in range(whole, count):
        for k in range(n):
            for j in range(lanes):
                old = out[o + g, k, j] if adding else block[0, 0] * 0
                out[o + g, k, j] = old + block[k, g * lanes + j]


# A block ----------------------------------------------------------------------------------------


@compiled
def _eliminate(rows: Any, lane: Any, block: Any, right: Any, left: Any) -> None:
    """Fill a block with the right side, from lanes of `rows` (points, lanes), and eliminate."""
    offsets, weights, inside, begins, columns, edges = right
    lower, pivots = left[0], left[1]
    n, reach, end = len(rows), lower.shape[1], lane + block.shape[1]
    minus = -pivots[0] / pivots[0]
    for k in range(len(block)):
        s, pivot = block[k], pivots[k]
        done = 0
        if inside[0] <= k < inside[1]:
            for t in range(0, len(offsets), TAPS):
                a = rows[(k + offsets[t]) % n, lane:end]
                b = rows[(k + offsets[t + 1]) % n, lane:end]
                c = rows[(k + offsets[t + 2]) % n, lane:end]
                d = rows[(k + offsets[t + 3]) % n, lane:end]
                e, f = pivot * weights[t], pivot * weights[t + 1]
                g, h = pivot * weights[t + 2], pivot * weights[t + 3]
                if t:
                    _sum_minus(s, a, b, c, d, e, f, g, h, s, minus)
                elif len(offsets) == TAPS and k and reach:
                    # What most schemes have to do takes one pass.
                    _sum_minus(s, a, b, c, d, e, f, g, h, block[k - 1], pivot * lower[k, 0])
                    done = 1
                else:
                    _sum(s, a, b, c, d, e, f, g, h)
        else:
            row = k if k < inside[0] else k - inside[1] + inside[0]
            s[:] = 0
            for t in range(begins[row], begins[row + 1]):
                _subtract(s, rows[columns[t], lane:end], -pivot * edges[t])
        for d in range(done, min(reach, k)):
            _subtract(s, block[k - 1 - d], pivot * lower[k, d])


@compiled
def _substitute(block: Any, ends: Any, left: Any) -> None:
    """Substitute backward in a block, and correct for what wraps around."""
    _, _, upper, places, excess, small, spread, active = left
    m, reach, count = len(block), upper.shape[1], spread.shape[1]
    for k in range(m - 2, -1, -1):
        for d in range(min(reach, m - 1 - k)):
            _subtract(block[k], block[k + 1 + d], upper[k, d])
    if count == 0:
        return
    ends[:] = 0
    for e in range(count):
        for t in range(places.shape[1]):
            _subtract(ends[0, e], block[places[e, t]], -excess[e, t])
    for e in range(count):
        for c in range(count):
            _subtract(ends[1, e], ends[0, c], -small[e, c])
    for k in range(m):
        for e in range(active[k, 0], active[k, 1]):
            _subtract(block[k], ends[1, e], spread[k, e])


@cached_kernel
def solve(u: Any, out: Any, box: Any, wide: Any, right: Any, left: Any, adding: Any) -> None:
    """Apply left⁻¹ · right to a box of lines.

    Parameters
    ----------
    u, out : (lines, points, lanes)
    box : (4,)
        The first and last line, the first and last lane.
    wide : int
        Lanes of a block, or less.
    right
        Taps of the rows between closures: offsets and weights, `TAPS` at a time, and these
        rows; of the others: where those of each begin, their columns and weights.
    left
        Multipliers, pivots and the upper factor, columns and weights of the excess, the two
        matrices of the correction, and the columns of the second that matter in each row.
    adding : bool
        Whether to add to `out`.
    """
    n, m, count = u.shape[1], out.shape[1], left[6].shape[1]
    direct = u.shape[2] >= wide
    bundle = 1 if direct else max(1, wide // u.shape[2])
    lanes = wide if direct else bundle * u.shape[2]
    loaded = np.empty((0 if direct else n) * lanes)
    space, ends = np.empty(m * lanes), np.empty(2 * count * lanes)
    first, last, start, stop = box
    for o in range(first, last, bundle):
        for i in range(start, stop, wide if direct else stop - start):
            lines = min(bundle, last - o)
            w = min(wide, stop - i) if direct else lines * u.shape[2]
            block = space[: m * w].reshape((m, w))
            edges = ends[: 2 * count * w].reshape((2, count, w))
            if direct:
                _eliminate(u[o], i, block, right, left)
                _substitute(block, edges, left)
                for k in range(m):
                    _write(out[o, k, i : i + w], block[k], adding)
            else:
                rows = loaded[: n * w].reshape((n, w))
                _load(u, o, lines, rows)
                _eliminate(rows, 0, block, right, left)
                _substitute(block, edges, left)
                _store(out, o, lines, block, adding)


# What a band gives the kernel -------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class BandedSolver:
    """An implicit band, left⁻¹ · right, made ready for any axis of arrays of any type."""

    band: Band

    def __call__(self, u: Array, out: Array, axis: int, adding: bool, scale: float) -> None:
        """Write scale · band(u) along an axis to `out`, or add it; both are contiguous."""
        if not out.size:
            return
        real = u.real.dtype
        lanes = (2 if u.dtype.kind == "c" else 1) * math.prod(u.shape[axis + 1 :])
        lines = math.prod(u.shape[:axis])
        given = u.view(real).reshape(lines, u.shape[axis], lanes)
        result = out.view(real).reshape(lines, out.shape[axis], lanes)
        offsets, weights, inside, ends, columns, edges = self.right
        right = offsets, scale * weights, inside, ends, columns, scale * edges
        wide = _lanes_of_a_row(max(u.shape[axis], out.shape[axis]))
        tasks = [
            (given, result, box, wide, right, self.left, adding)
            for box in _boxes(lines, lanes, wide, out.size)
        ]
        run(solve, tasks)

    @cached_property
    def right(self) -> tuple[Array, ...]:
        """The right side as the kernel wants it."""
        band = self.band
        if not band.constant:
            raise AssertionError("the right side of an implicit band has constant weights")
        more = -len(band.offsets) % TAPS
        offsets = np.array([*band.offsets, *band.offsets[-1:] * more], dtype=np.intp)
        weights = np.concatenate([band.weights, np.zeros(more)])
        rows = (*band.head, *band.tail)
        ends = np.cumsum([0, *(len(row.columns) for row in rows)])
        columns = np.concatenate([np.zeros(0, np.intp), *(row.columns for row in rows)])
        edges = np.concatenate([np.zeros(0), *(row.weights for row in rows)])
        inside = np.array([band.interior.start, band.interior.stop])
        return offsets, weights, inside, ends, columns, edges

    @cached_property
    def left(self) -> tuple[Array, ...]:
        """The left side as the kernel wants it."""
        if self.band.left is None:
            raise AssertionError("there is nothing to solve")
        lu = BandedLU(self.band.left)
        spread = lu.correction[1]
        active = np.zeros((len(spread), 2), dtype=np.intp)
        for k, row in enumerate(spread != 0):
            found = np.flatnonzero(row)
            if len(found):
                active[k] = found[0], found[-1] + 1
        return (*lu.factors, *lu.excess, *lu.correction, active)


def _lanes_of_a_row(points: int) -> int:
    """Return how many lanes the rows of a block have, given the points of its lines."""
    return max(min(ROW_BYTES, LINES_BLOCK_BYTES // points), MIN_ROW_BYTES) // 8


def _boxes(lines: int, lanes: int, wide: int, size: int) -> list[tuple[int, int, int, int]]:
    """Return boxes of lines and lanes, one for each task."""
    threads = num_threads() if size >= THREADED_POINTS else 1
    count = TASKS_PER_THREAD * threads if threads > 1 else 1
    if lines >= count or lanes < wide:
        # Whole bundles, so that none is smaller than the others for no reason.
        bundle = 1 if lanes >= wide else max(1, wide // lanes)
        step = -(-lines // count)
        step = -(-step // bundle) * bundle if step > bundle else -(-step // TILE) * TILE
        return [(a, min(a + step, lines), 0, lanes) for a in range(0, lines, step)]
    step = -(-lanes // (-(-count // lines)))
    step = -(-step // wide) * wide
    return [
        (o, o + 1, a, min(a + step, lanes)) for o in range(lines) for a in range(0, lanes, step)
    ]
