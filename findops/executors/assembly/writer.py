"""Matrices written out from their patterns, by compiled code on several threads.

Rows are taken in runs: those that follow one another along the last axis and are of one kind. All
that is decided, where a run lies and what it reads, is decided here for many runs at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from findops.common.threads import run
from findops.executors.assembly.kernels import Runs, SumArrays, add_sums, repeat
from findops.executors.assembly.pattern import factors, index_type
from findops.executors.kernels.machine import lanes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from findops.common.arrays import AnyInts, Array, Int64s
    from findops.executors.assembly.pattern import Pattern, RowKinds
    from findops.executors.kernels.machine import Kernel
    from findops.plan.program import Program

__all__ = ["fill"]

SLAB_ENTRIES = 1 << 17
"""Entries among which zeros are looked for at a time."""

SLAB_ROWS = 1 << 14
"""Rows that are written at a time: what is computed of them stays in the caches."""


def fill(pattern: Pattern, program: Program, rows: range | AnyInts | None = None) -> csr_array:
    """Return the matrix of a program, or some of its rows in the order given, from its pattern.

    The program may have other values of its factors than the one that the pattern was made of.
    """
    firsts, lengths = _runs(pattern.rows, range(pattern.size[0]) if rows is None else rows)
    return _Writer.of(pattern, program, firsts, lengths).matrix()


def _runs(known: RowKinds, rows: range | AnyInts) -> tuple[Int64s, Int64s]:
    """Return the first row of each run, and how many rows it has."""
    n = int(known.shape[-1])
    kinds = known.kind_along(len(known.shape) - 1, np.arange(n))
    breaks = np.union1d(np.flatnonzero(np.diff(kinds, prepend=-1)), np.arange(0, n, SLAB_ROWS))
    if isinstance(rows, range) and rows.step == 1:
        lines = np.arange(rows.start // n, -(-rows.stop // n))
        firsts = np.add.outer(lines * n, breaks).ravel()
        firsts = firsts[(firsts > rows.start) & (firsts < rows.stop)]
        firsts = np.concatenate([np.arange(rows.start, rows.stop)[:1], firsts])
        return firsts, np.diff(firsts, append=rows.stop)
    chosen = np.asarray(rows, dtype=np.int64)
    begins = np.zeros(n, dtype=bool)
    begins[breaks] = True
    starts = np.flatnonzero((np.diff(chosen, prepend=-2) != 1) | begins[chosen % n])
    return chosen[starts], np.diff(starts, append=len(chosen))


class _Arrays(NamedTuple):
    """Rows in CSR form: zero and where each ends; columns and values."""

    ends: AnyInts
    indices: AnyInts
    data: Array

    @staticmethod
    def empty(rows: int, entries: int, columns: int, dtype: np.dtype[Any]) -> _Arrays:
        kind = index_type(max(rows, columns, entries))
        data = np.empty(entries, dtype)
        return _Arrays(np.zeros(rows + 1, kind), np.empty(entries, kind), data)


@dataclass(frozen=True, eq=False)
class _Streams:
    """Arrays over the points as kernels read them: of one type, contiguous along the last axis."""

    arrays: Sequence[Array]
    selects: Int64s

    @staticmethod
    def of(pattern: Pattern, program: Program, dtype: np.dtype[Any]) -> _Streams:
        found = factors(program)
        arrays = [*(factor.value for factor in found), *pattern.tables]
        selects = [factor.selects for factor in found] + [False] * len(pattern.tables)
        return _Streams(
            [np.ascontiguousarray(array, dtype) for array in arrays], np.array(selects, np.int64)
        )

    @cached_property
    def strides(self) -> Int64s:
        """Bytes from row to row along each axis, the components' first: none on which it stays."""
        axes = max((array.ndim for array in self.arrays), default=0)
        found = np.zeros((len(self.arrays), 1 + axes), dtype=np.int64)
        for steps, array in zip(found, self.arrays, strict=True):
            steps[1:] = np.where(np.array(array.shape) > 1, array.strides, 0)
        return found

    @cached_property
    def addresses(self) -> Int64s:
        return np.array([_address(array) for array in self.arrays], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Writer:
    """Writes runs of rows with the values of one program."""

    pattern: Pattern
    streams: _Streams
    dtype: np.dtype[Any]
    firsts: Int64s
    runs: Runs[Int64s]

    @staticmethod
    def of(pattern: Pattern, program: Program, firsts: Int64s, lengths: Int64s) -> _Writer:
        dtype = np.dtype(np.complex128 if program.is_complex else np.float64)
        known = pattern.rows
        kinds = known.kind(np.unravel_index(firsts, tuple(known.shape)))
        widths = np.diff(pattern.entries.starts)[kinds]
        sizes = lengths * widths
        runs = Runs(lengths, kinds, widths, np.cumsum(sizes) - sizes)
        return _Writer(pattern, _Streams.of(pattern, program, dtype), dtype, firsts, runs)

    def matrix(self) -> csr_array:
        """Return the matrix of all runs."""
        lengths, _, widths, _ = self.runs
        rows, entries = int(lengths.sum()), int((lengths * widths).sum())
        made = _Arrays.empty(rows, entries, self.pattern.size[1], self.dtype)
        begins = np.cumsum(lengths) - lengths
        cuts = np.unique(np.searchsorted(begins, np.arange(0, rows, SLAB_ROWS)))
        slabs = list(pairwise([*cuts[cuts < len(lengths)].tolist(), len(lengths)]))
        zeros: list[bool] = []
        run(lambda a, b: zeros.append(self._write(a, b, int(begins[a]), made)), slabs)
        if any(zeros):
            made = _without_zeros(made)
        shape = (rows, self.pattern.size[1])
        matrix = csr_array((made.data, made.indices, made.ends), shape=shape)
        # They are, by construction: SciPy need not look.
        matrix.has_sorted_indices = matrix.has_canonical_format = True
        return matrix

    def _write(self, first: int, last: int, row: int, made: _Arrays) -> bool:
        """Write some runs, which begin at a row; return whether some of their entries are zero."""
        runs = Runs(*(part[first:last] for part in self.runs))
        index = np.unravel_index(self.firsts[first:last], tuple(self.pattern.rows.shape))
        origins = sum(i * s for i, s in zip(index, self.pattern.rows.steps, strict=True))
        kind, parts = made.indices.dtype, self.dtype.itemsize // 8
        ends = np.cumsum(np.repeat(runs.widths, runs.lengths)) + runs.places[0]
        made.ends[row + 1 : row + 1 + len(ends)] = ends
        starts, columns, numbers = self.pattern.entries
        columns, numbers = columns.astype(kind), numbers.astype(self.dtype)
        whole, origins = slice(0, len(origins)), np.ascontiguousarray(origins)
        integers = repeat(f"i{8 * kind.itemsize}", 1)
        _call(integers, runs, whole, (starts, columns, origins, made.indices))
        _call(repeat("double", parts), runs, whole, (starts, numbers, origins, made.data))
        if not len(self.pattern.sums.entries):
            return False
        wide = max(1, lanes() // parts)
        long = runs.lengths >= wide
        order = np.argsort(~long, kind="stable")
        runs = Runs(*(part[order] for part in runs))
        sums = self._sums(tuple(along[order] for along in index))
        count = int(np.count_nonzero(long))
        for size, which in ((wide, slice(0, count)), (1, slice(count, len(order)))):
            _call(add_sums(size, parts), runs, which, (*sums, made.data), len(self.streams.arrays))
        return not made.data[runs.places.min() : ends[-1]].all()

    def _sums(self, index: tuple[Int64s, ...]) -> SumArrays[Array]:
        """Return what sums are made of, in runs that begin at some places along each axis."""
        strides = self.streams.strides
        moved = [i[:, None] * step for i, step in zip(index, strides.T, strict=True)]
        return self.steady._replace(addresses=sum(moved, self.streams.addresses))

    @cached_property
    def steady(self) -> SumArrays[Array]:
        """What sums are made of, but for the addresses of streams in each run."""
        known, strides = self.pattern.sums, self.streams.strides
        return SumArrays(
            known.starts,
            known.entries,
            known.numbers.astype(self.dtype),
            known.paths,
            known.weights.astype(self.dtype),
            known.met,
            known.streams,
            (known.shifts * strides[known.streams]).sum(axis=-1),
            self.streams.addresses,
            np.ascontiguousarray(strides[:, -1]),
            self.streams.selects,
        )


def _call(
    kernel: Kernel, runs: Runs[Int64s], which: slice, arrays: Iterable[Array], streams: int = 0
) -> None:
    """Call a kernel for some of the runs, with contiguous arrays."""
    addresses = np.array([_address(array) for array in (*runs, *arrays)], dtype=np.int64)
    bounds = np.array([which.start, which.stop, streams], dtype=np.int64)
    kernel.call(_address(addresses), _address(bounds), None, None, None, 1.0, 0.0)


def _address(array: Array) -> int:
    # Quicker than `ctypes.data` is.
    address: int = array.__array_interface__["data"][0]
    return address


def _without_zeros(made: _Arrays) -> _Arrays:
    """Return rows without their zeros, slab by slab."""
    slabs = [
        (a, min(a + SLAB_ENTRIES, len(made.data))) for a in range(0, len(made.data), SLAB_ENTRIES)
    ]
    kept = made.data != 0
    counts = np.cumsum([0, *(np.count_nonzero(kept[a:b]) for a, b in slabs)]).tolist()
    fewer = _Arrays(
        np.empty_like(made.ends),
        np.empty(counts[-1], made.indices.dtype),
        np.empty(counts[-1], made.data.dtype),
    )
    before = np.zeros(len(kept) + 1, made.ends.dtype)

    def write(a: int, b: int, start: int, stop: int) -> None:
        fewer.indices[start:stop] = made.indices[a:b][kept[a:b]]
        fewer.data[start:stop] = made.data[a:b][kept[a:b]]
        np.cumsum(kept[a:b], out=before[a + 1 : b + 1])
        before[a + 1 : b + 1] += start

    run(write, [(a, b, *ends) for (a, b), ends in zip(slabs, pairwise(counts), strict=True)])
    np.take(before, made.ends, out=fewer.ends)
    return fewer
