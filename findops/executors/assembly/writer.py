"""Compiled assembly: the rows of a matrix, written out from its pattern on several threads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from findops.common.threads import run
from findops.executors.assembly import kernels
from findops.executors.assembly.pattern import factors, index_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from findops.common.arrays import AnyInts, Array
    from findops.executors.assembly.pattern import Pattern
    from findops.plan.program import Program


__all__ = ["fill"]

SLAB_ROWS = 1 << 14
"""Rows that a thread works on at a time."""


def fill(pattern: Pattern, program: Program, rows: range | AnyInts | None = None) -> csr_array:
    """Return the matrix of a program, or some of its rows in the order given, from its pattern.

    The program may have other values of its factors than the one that the pattern was made of.
    """
    writer = _Writer.of(pattern, program)
    slabs = _slabs(range(pattern.size[0]) if rows is None else rows)
    return writer.counted(slabs) if writer.masks else writer.shortened(slabs)


# Rows -------------------------------------------------------------------------------------------


class _Slab(NamedTuple):
    """Some rows of the result, from `start` to `stop`: segments of consecutive rows."""

    start: int
    stop: int
    first: AnyInts
    last: AnyInts


def _slabs(rows: range | AnyInts) -> list[_Slab]:
    """Return rows, in the order given, in slabs."""
    count = len(rows)
    cuts = np.arange(0, count, SLAB_ROWS)
    if isinstance(rows, range) and rows.step == 1:
        breaks, first = cuts, rows.start + cuts
    else:
        chosen = np.asarray(rows, dtype=np.int64)
        breaks = np.union1d(np.flatnonzero(np.diff(chosen) != 1) + 1, cuts)
        first = chosen[breaks]
    last = first + np.diff(breaks, append=count)
    bounds = [*np.searchsorted(breaks, cuts).tolist(), len(breaks)]
    return [
        _Slab(start, min(start + SLAB_ROWS, count), first[a:b], last[a:b])
        for start, a, b in zip(cuts.tolist(), bounds[:-1], bounds[1:], strict=True)
    ]


# Streams ----------------------------------------------------------------------------------------


def _streams(arrays: Sequence[Array], ndim: int) -> kernels.Streams:
    """Return arrays over the points as kernels read them; `ndim` counts the components, too."""
    strides = np.zeros((len(arrays), ndim), dtype=np.int64)
    for row, array in zip(strides, arrays, strict=True):
        for axis, (n, stride) in enumerate(zip(array.shape, array.strides, strict=True), 1):
            row[axis] = stride // array.itemsize if n > 1 else 0
    kind = {"b": kernels.MASK, "f": kernels.REAL, "c": kernels.COMPLEX}
    return kernels.Streams(
        np.array([array.ctypes.data for array in arrays], dtype=np.int64),
        strides,
        np.array([kind[array.dtype.kind] for array in arrays], dtype=np.uint8),
    )


# Matrices ---------------------------------------------------------------------------------------


class _Arrays(NamedTuple):
    """Rows in CSR form: where each ends, columns and values."""

    ends: AnyInts
    indices: AnyInts
    data: Array


@dataclass(frozen=True, eq=False)
class _Writer:
    """Writes slabs of rows with the values of one program."""

    size: tuple[int, int]
    plan: tuple[tuple[Any, ...], ...]
    arrays: Sequence[Array]
    """Kept for as long as their addresses are used."""
    dtype: type[np.float64 | np.complex128]
    masks: bool

    @staticmethod
    def of(pattern: Pattern, program: Program) -> _Writer:
        dtype = np.complex128 if program.is_complex else np.float64
        met = factors(program)
        arrays = [*(factor.value for factor in met), *pattern.tables]
        streams = _streams(arrays, len(pattern.rows.shape))
        entries, sums = pattern.entries, pattern.sums
        plan = (
            pattern.rows,
            entries._replace(numbers=entries.numbers.astype(dtype)),
            sums._replace(
                weights=sums.weights.astype(dtype),
                shifts=(sums.shifts * streams.strides[sums.streams]).sum(axis=-1),
            ),
            streams,
        )
        masks = any(factor.selects for factor in met)
        return _Writer(pattern.size, tuple(map(tuple, plan)), arrays, dtype, masks)

    def counted(self, slabs: Sequence[_Slab]) -> csr_array:
        """Return the matrix of rows in which many entries are zero: a first pass counts them."""

        def count(slab: _Slab) -> int:
            data = np.empty(self._count(slab), self.dtype)
            return len(data) - self._values(slab, data)

        def write(slab: _Slab, begin: int, arrays: _Arrays) -> None:
            full = self._empty(slab.stop - slab.start, self._count(slab))
            self._write(slab, 0, full)
            kernels.compress(*full, begin, *arrays)

        return self._csr(self._filled(slabs, count, write))

    def shortened(self, slabs: Sequence[_Slab]) -> csr_array:
        """Return the matrix of rows in which hardly any entry is zero: these are cut out."""
        zeros = []

        def write(slab: _Slab, begin: int, arrays: _Arrays) -> None:
            zeros.append(self._write(slab, begin, arrays))

        made = self._filled(slabs, self._count, write)
        if any(zeros):
            kept = len(made.data) - sum(zeros)
            kernels.compress(made.ends[1:], *made[1:], 0, made.ends[1:], *made[1:])
            made.indices.resize(kept, refcheck=False)
            made.data.resize(kept, refcheck=False)
        return self._csr(made)

    def _filled(
        self,
        slabs: Sequence[_Slab],
        count: Callable[[_Slab], int],
        write: Callable[[_Slab, int, _Arrays], None],
    ) -> _Arrays:
        """Return the arrays of a matrix, given how to count and to write the entries of slabs."""
        counts = [0] * len(slabs)

        def note(k: int, slab: _Slab) -> None:
            counts[k] = count(slab)

        run(note, enumerate(slabs))
        starts = [0, *accumulate(counts)]
        height = slabs[-1].stop if slabs else 0
        whole = self._empty(height + 1, starts[-1])
        whole.ends[0] = 0

        def place(slab: _Slab, begin: int, end: int) -> None:
            ends = whole.ends[slab.start + 1 : slab.stop + 1]
            write(slab, begin, _Arrays(ends, whole.indices[begin:end], whole.data[begin:end]))

        run(place, zip(slabs, starts, starts[1:], strict=False))
        return whole

    def _csr(self, arrays: _Arrays) -> csr_array:
        shape = (len(arrays.ends) - 1, self.size[1])
        matrix = csr_array((arrays.data, arrays.indices, arrays.ends), shape=shape)
        # They are, by construction: SciPy need not look.
        matrix.has_sorted_indices = matrix.has_canonical_format = True
        return matrix

    def _empty(self, rows: int, entries: int) -> _Arrays:
        kind = index_type(max(*self.size, entries))
        data = np.empty(entries, self.dtype)
        return _Arrays(np.empty(rows, kind), np.empty(entries, kind), data)

    def _count(self, slab: _Slab) -> int:
        return int(kernels.count(self.plan, slab.first, slab.last))

    def _write(self, slab: _Slab, begin: int, arrays: _Arrays) -> int:
        """Write a slab into arrays, numbers of entries beginning with `begin`; count its zeros."""
        place = (begin, arrays.ends, arrays.indices)
        kernels.structure(self.plan, slab.first, slab.last, *place)
        return self._values(slab, arrays.data)

    def _values(self, slab: _Slab, data: Array) -> int:
        return int(kernels.values(self.plan, slab.first, slab.last, data))
