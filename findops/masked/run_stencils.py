"""Stencils on runs of valid points: what a band becomes on lines with holes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from scipy import sparse

from findops.grids.axes import Half

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from findops.common.arrays import Bools, Floats, Ints
    from findops.plan.band import Band
    from findops.schemes import AxisMap

    GridIndex = tuple[Ints, ...]

__all__ = ["RunStencils"]


class Stencils(NamedTuple):
    """Stencils of some of the rows that are asked for, all of the same number of points."""

    rows: Ints
    """Which of the rows that are asked for, (n,)."""
    columns: Ints
    """Index along the axis of the points that they read, (n, points)."""
    weights: Floats


@dataclass(frozen=True, eq=False)
class RunStencils:
    """A band along one axis of a field that is valid at some points only.

    Holes cut each line into runs of valid points. A row that reads valid points only is that of the
    band. Any other takes order + acc points at the end of its run that is in the way, or all
    points of the run where there are fewer, which gives the highest order that they allow.

    A run has a stencil if it has more points than order + `later`, the order of what is applied to
    the result: then the error of a product vanishes under refinement, though that of its first
    factor jumps from point to point.

    A half point has a value where all nodes beside it are valid, a node where one of the half
    points beside it is.
    """

    band: Band
    axis: int
    axis_map: AxisMap
    valid: Bools
    later: int = 0

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
        return self.beside & self.reads_only(self.valid)

    @cached_property
    def defined(self) -> Bools:
        """Where there is a stencil."""
        low, stop = self._run(np.ix_(*map(np.arange, self.points)))
        return self.kept | (self.beside & (stop - low >= self._least))

    def reads_only(self, good: Bools) -> Bools:
        """Tell where the band reads good points only."""
        columns, weights = self.band.table()
        found = np.ones(self.points, dtype=bool)
        for along, weight in zip(columns.T, weights.T, strict=True):
            found &= good.take(along, axis=self.axis) | self._open(weight == 0)
        return found

    def rows(self, chosen: Ints) -> csr_array:
        """Return rows where there is a stencil, given by flat indices."""
        index = np.unravel_index(chosen, self.points)
        groups = [self._kept(index), *self._near(index)]
        parts = [self._entries(index, group) for group in groups if group.rows.size]
        none = np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
        i, j, data = (np.concatenate(arrays) for arrays in zip(none, *parts, strict=True))
        return cast(
            "csr_array", sparse.coo_array((data, (i, j)), (len(chosen), self.valid.size)).tocsr()
        )

    def _entries(self, index: GridIndex, stencils: Stencils) -> tuple[Ints, Ints, Floats]:
        """Return the entries of the matrix: their rows, flat columns and weights."""
        rows, columns, weights = stencils
        place = [i[rows][:, None] for i in index]
        place[self.axis] = columns % self.valid.shape[self.axis]
        to = np.ravel_multi_index(tuple(np.broadcast_arrays(*place)), self.valid.shape)
        read = weights != 0  # what has no weight is not read
        return np.broadcast_to(rows[:, None], read.shape)[read], to[read], weights[read]

    def _kept(self, index: GridIndex) -> Stencils:
        """Return the rows that are those of the band."""
        rows = np.flatnonzero(self.kept[index])
        columns, weights = self.band.table()
        here = index[self.axis][rows]
        return Stencils(rows, columns[here], weights[here])

    def _near(self, index: GridIndex) -> Iterator[Stencils]:
        """Yield the other rows, those of one pattern at a time."""
        rows = np.flatnonzero(~self.kept[index])
        index = tuple(i[rows] for i in index)
        low, stop = self._run(index)
        here = index[self.axis]
        count = np.minimum(stop - low, self._most)
        below = here + min(self.band.offsets, default=0) < low
        first = np.where(below, low, stop - count)
        patterns, which = np.unique(np.stack([count, first - here]), axis=1, return_inverse=True)
        for pattern, points in enumerate(patterns[0]):
            alike = which == pattern
            columns = first[alike, None] + np.arange(points)
            weights = self.axis_map.weights(here[alike], columns)
            yield Stencils(rows[alike], columns, np.broadcast_to(weights, columns.shape))

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

    @cached_property
    def _counts(self) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """How many valid points are in a row on either side of each point, the point included."""
        before, after = self._sides
        return self._at(self._in_a_row(1), before), self._at(self._in_a_row(-1), after)

    def _in_a_row(self, step: int) -> NDArray[np.int16]:
        """Count valid points in a row that end at each point, as far as it matters."""
        ongoing, count = self.valid, self.valid.astype(np.int16)
        edge = [slice(None)] * self.valid.ndim
        edge[self.axis] = slice(0, 1) if step > 0 else slice(-1, None)
        for _ in range(max(self._least, self._most) - 1):
            ongoing = np.roll(ongoing, step, axis=self.axis)
            if not self.axis_map.source.periodic:
                ongoing[tuple(edge)] = False
            ongoing &= self.valid
            count += ongoing
        return count

    def _at(self, count: NDArray[np.int16], index: Ints) -> NDArray[np.int16]:
        """Take counts at points, none beyond the ends."""
        n = self.valid.shape[self.axis]
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
            return before | after
        ends = (~self._open(self._inside(side)) for side in self._sides)
        first, last = (side | end for side, end in zip((before, after), ends, strict=True))
        return first & last & (before | after)

    def _run(self, index: GridIndex) -> tuple[Ints, Ints]:
        """Return the run at points of the output: its first index, and that after its last."""
        before, after = (side[index[self.axis]] for side in self._sides)
        low, high = (count[index].astype(np.intp) for count in self._counts)
        return before - low + 1, after + high
