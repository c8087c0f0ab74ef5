"""Stencils on runs of valid points: what a band becomes on lines with holes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from scipy import sparse

from findops.executors.stencil_runs import numbered
from findops.grids.axes import Half

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from findops.common.arrays import Bools, Floats, Ints
    from findops.plan.band import Band
    from findops.schemes import AxisMap

    Counts = NDArray[np.unsignedinteger[Any]]

__all__ = ["RunStencils"]


class NearStencils(NamedTuple):
    """The stencils of rows near holes, of which there are few kinds."""

    kinds: Ints
    """The kind of each row."""
    offsets: Ints
    """What each kind reads, as index steps along the axis, (kinds, points)."""
    weights: Floats
    """(kinds, points); what has no weight is not read."""


@dataclass(frozen=True, eq=False)
class RunStencils:
    """A band along one axis of a field that is valid at some points only.

    Holes cut each line into runs of valid points. A row that reads valid points only is that of the
    band. Any other takes order + acc points at the end of its run that is in the way, or all
    points of the run where there are fewer, which gives the highest order that they allow.

    A run has a stencil if it has more points than order + `later`, the order of what is applied to
    the result: then the error of a product vanishes under refinement, though that of its first
    factor jumps from point to point.

    A run ends with a point of `ends`, where the field is given, and another begins with it: rows
    read that point and none beyond. It has no row itself. On half points, runs end at such a node.

    A half point has a value where all nodes beside it are valid, a node where one of the half
    points beside it is.
    """

    band: Band
    axis: int
    axis_map: AxisMap
    valid: Bools
    later: int = 0
    ends: Bools | None = None
    """Nodes at which runs end."""

    @property
    def points(self) -> tuple[int, ...]:
        """Shape of the output."""
        shape = list(self.valid.shape)
        shape[self.axis] = self.band.rows
        return tuple(shape)

    @property
    def goes_round(self) -> bool:
        """Whether rows meet their own ends, as those wider than a circle do."""
        offsets = self.band.offsets
        return self.band.periodic and max(offsets) - min(offsets) >= self.band.cols

    @cached_property
    def kept(self) -> Bools:
        """Where the row is that of the band."""
        kept = self.beside & self.reads_only(self.valid)
        return kept if self.ends is None else kept & self._reads_within_ends(self.ends)

    @cached_property
    def defined(self) -> Bools:
        """Where there is a stencil."""
        low, high = self._counts
        twice = 0 if self.band.shift.denominator > 1 else 1  # a node is counted on both sides
        return self.kept | (self.beside & (low + high >= self._least + twice))

    def _reads_within_ends(self, ends: Bools) -> Bools:
        """Tell where the band has a row, and reads nothing beyond the ends about its point."""
        columns, weights = self.band.table()
        n, nodes = self.valid.shape[self.axis], ends.shape[self.axis]
        source, target = self.axis_map.source, self.axis_map.target
        # Positions count half spacings from the first node.
        here = 2 * np.arange(self.band.rows) + int(2 * target.origin)
        there = 2 * columns + int(2 * source.origin)
        if source.periodic:
            there = here[:, None] + (there - here[:, None] + n) % (2 * n) - n
        found: Bools = np.ones(self.points, dtype=bool)
        reach = np.where(weights != 0, there, here[:, None])
        low, high = reach.min(axis=1), reach.max(axis=1)
        for step in range(int(np.abs(reach - here[:, None]).max(initial=0)) + 1):
            for position in (here - step, here + step):
                # A given node has no row, however little it would read.
                crossed = (position > low) & (position < high) if step else True
                node = position // 2
                inside = source.periodic | ((node >= 0) & (node < nodes))
                ended = ends.take(node % nodes, axis=self.axis)
                found &= ~(ended & self._open((position % 2 == 0) & crossed & inside))
        return found

    @property
    def _reads_halves(self) -> bool:
        return isinstance(self.axis_map.source, Half)

    def reads_only(self, good: Bools) -> Bools:
        """Tell where the band reads good points only."""
        columns, weights = self.band.table()
        found = np.ones(self.points, dtype=bool)
        for along, weight in zip(columns.T, weights.T, strict=True):
            found &= good.take(along, axis=self.axis) | self._open(weight == 0)
        return found

    def rows(self, chosen: Ints) -> csr_array:
        """Return rows where there is a stencil, given by flat indices."""
        kept = self.kept.ravel()[chosen]
        ours, theirs = np.flatnonzero(kept), np.flatnonzero(~kept)
        columns, weights = self.band.table()
        here = self._along(chosen[ours])
        near = self.near(chosen[theirs])
        there = self._along(chosen[theirs])[:, None] + near.offsets[near.kinds]
        groups = [
            (ours, columns[here], weights[here]),
            (theirs, there, near.weights[near.kinds]),
        ]
        parts = [self._entries(chosen, *group) for group in groups]
        i, j, data = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return cast(
            "csr_array", sparse.coo_array((data, (i, j)), (len(chosen), self.valid.size)).tocsr()
        )

    def _entries(
        self, chosen: Ints, rows: Ints, columns: Ints, weights: Floats
    ) -> tuple[Ints, Ints, Floats]:
        """Return entries of the matrix of chosen rows: their rows, flat columns and weights."""
        at, inner = chosen[rows], self._inner
        outer, rest = at // (inner * self.band.rows), at % inner
        to = (outer[:, None] * self.valid.shape[self.axis] + columns) * inner + rest[:, None]
        read = weights != 0  # what has no weight is not read
        return np.broadcast_to(rows[:, None], read.shape)[read], to[read], weights[read]

    def near(self, points: Ints) -> NearStencils:
        """Return the stencils at points where they are not those of the band, by flat indices."""
        here, n = self._along(points), self.valid.shape[self.axis]
        before, after = (side[here] for side in self._sides)
        low, high = (count.ravel()[points].astype(np.intp) for count in self._counts)
        low, stop = before - low + 1, after + high
        count = np.minimum(stop - low, self._most)
        below = here + min(self.band.offsets, default=0) < low
        first = np.where(below, low, stop - count)
        wide = 2 * self._cap + 3
        pattern, _ = numbered(count * wide + first - here + self._cap + 1, (self._most + 1) * wide)
        # Weights are those of the place where the spacing varies, offsets where a run goes round.
        alone = (first < 0) | (first + count > n)
        if self.axis_map.source.spacing is None:
            alone[:] = True
        place, examples = numbered(np.where(alone, here + 1, 0), self.band.rows + 1)
        patterns: int = pattern.max(initial=-1) + 1
        kinds, examples = numbered(pattern + patterns * place, patterns * len(examples))
        pattern, here, first, count = (a[examples] for a in (pattern, here, first, count))
        columns = first[:, None] + np.arange(self._most)
        weights = np.zeros(columns.shape)
        for one in range(patterns):
            alike = np.flatnonzero(pattern == one)
            taps = slice(count[alike[0]])
            weights[alike, taps] = self.axis_map.weights(here[alike], columns[alike, taps])
        return NearStencils(kinds, columns % n - here[:, None], weights)

    def reads(self, points: Ints) -> Ints:
        """Return the flat indices, of what is read, from which offsets of points are counted."""
        inner, rows = self._inner, self.band.rows
        more = (self.valid.shape[self.axis] - rows) * inner
        return points + points // (inner * rows) * more if more else points

    @property
    def stride(self) -> int:
        """Flat distance of neighbors along the axis, in what is read."""
        return self._inner

    @property
    def _inner(self) -> int:
        return math.prod(self.valid.shape[self.axis + 1 :])

    def _along(self, points: Ints) -> Ints:
        """Return indices along the axis."""
        along: Ints = points // self._inner % self.band.rows
        return along

    @property
    def _least(self) -> int:
        """The points that a run must have."""
        return self.band.order + self.later + 1

    @property
    def _most(self) -> int:
        """The points that a stencil at the end of a run takes."""
        return self.band.order + self.band.acc

    @cached_property
    def _sides(self) -> tuple[Ints, Ints]:
        """Index of the point at or before each point of the output, and of that at or after it."""
        rows = np.arange(self.band.rows)
        return rows + math.floor(self.band.shift), rows + math.ceil(self.band.shift)

    @property
    def _cap(self) -> int:
        """The points in a row beyond which it does not matter how many there are."""
        return max(self._least, self._most)

    @cached_property
    def _counts(self) -> tuple[Counts, Counts]:
        """How many valid points are in a row on either side of each point, the point included."""
        before, after = self._sides
        return self._at(self._in_a_row(1), before), self._at(self._in_a_row(-1), after)

    def _in_a_row(self, step: int) -> Counts:
        """Count valid points in a row that end at each point, as far as it matters."""
        ongoing, count = self.valid, self.valid.astype(np.min_scalar_type(2 * self._cap))
        edge = [slice(None)] * self.valid.ndim
        edge[self.axis] = slice(0, 1) if step > 0 else slice(-1, None)
        goes_on = self._goes_on(step)
        for _ in range(self._cap - 1):
            ongoing = np.roll(ongoing, step, axis=self.axis)
            if not self.axis_map.source.periodic:
                ongoing[tuple(edge)] = False
            ongoing &= goes_on
            count += ongoing
        return count

    def _goes_on(self, step: int) -> Bools:
        """Tell where a run that ends with a point goes on to the one before, `step` away."""
        if self.ends is None:
            return self.valid
        if not self._reads_halves:
            return self.valid & ~self.ends
        half = Fraction(1, 2) if step < 0 else -Fraction(1, 2)
        nodes = np.arange(self.valid.shape[self.axis]) + int(self.axis_map.source.origin + half)
        ended: Bools = self.ends.take(nodes % self.ends.shape[self.axis], axis=self.axis)
        return self.valid & ~ended

    def _at(self, count: Counts, index: Ints) -> Counts:
        """Take counts at points, none beyond the ends."""
        n = self.valid.shape[self.axis]
        if np.array_equal(index, np.arange(n)):
            return count
        return np.where(self._open(self._inside(index)), count.take(index % n, axis=self.axis), 0)

    def _inside(self, index: Ints) -> Bools:
        inside = (index >= 0) & (index < self.valid.shape[self.axis])
        return np.full(index.shape, True) if self.axis_map.source.periodic else inside

    def _open(self, values: Bools) -> Bools:
        """Shape what belongs to the points of the output along the axis to broadcast."""
        return values.reshape(-1, *(1,) * (self.valid.ndim - self.axis - 1))

    @cached_property
    def beside(self) -> Bools:
        """Where the points beside a point of the output let it have a value."""
        before, after = (count > 0 for count in self._counts)
        if not isinstance(self.axis_map.target, Half) or not self.band.shift:
            either = before | after
            return either if self.ends is None or not self.band.shift else either & ~self.ends
        ends = (~self._open(self._inside(side)) for side in self._sides)
        first, last = (side | end for side, end in zip((before, after), ends, strict=True))
        return first & last & (before | after)
