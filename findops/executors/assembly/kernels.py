"""Compiled kernels that write out the rows of a matrix from its pattern.

A kernel walks over segments, which are ranges of rows, and in them over runs: rows along the last
axis that are of one kind. It is serial; threads work on different segments.

Kernels take records as plain tuples: the index of Numba's cache names the types of arguments, and
could not be read any more once a class of ours is renamed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from findops.executors.assembly.pattern import Entries, RowKinds, Sums
from findops.executors.compiling import cached_kernel, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.common.arrays import Int64s

__all__ = ["COMPLEX", "MASK", "REAL", "Streams", "compress", "count", "structure", "values"]

REAL, COMPLEX, MASK = range(3)


class Streams(NamedTuple):
    """Arrays as their addresses, strides (counted in numbers, the components' first) and kinds."""

    addresses: Int64s
    strides: Int64s
    kinds: NDArray[np.uint8]


RUN_ROWS = 256
"""The most rows of a run: what is computed at a time stays in the nearest caches."""


def _pointer(typing_context: Any, address: Any, like: Any) -> Any:  # noqa: ARG001  # Numba's
    """Return a pointer to numbers of the type of those of the array `like`."""
    kind: Any = types.CPointer
    pointer = kind(like.dtype)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return pointer(types.int64, like), emit


_numbers: Any = intrinsic(_pointer)


@inlined
def _run(rows: Any, row: Any, stop: Any, index: Any) -> Any:
    """Find the index of a row; return its kind and the length of the run from it on."""
    kind, scale, rest, length = 0, 1, row, 1
    last = len(rows.shape) - 1
    for axis in range(last, -1, -1):
        n, low, high = rows.shape[axis], rows.low[axis], rows.high[axis]
        rest, i = rest // n, rest % n
        index[axis] = i
        shared = max(high - low - 1, 0)
        kind += scale * (i if i < low else low if i < high else i - shared)
        scale *= n - shared
        if axis == last and low <= i < high:
            length = min(high - i, RUN_ROWS)
    return kind, min(length, stop - row)


@inlined
def _repeat(out: Any, width: Any, rows: Any, step: Any) -> None:
    """Repeat the first row of `out`, adding `step` from row to row."""
    done = 1
    while done < rows:
        more = min(done, rows - done)
        source, target = out[: more * width], out[done * width : (done + more) * width]
        for i in range(more * width):
            target[i] = source[i] + step * done
        done += more


@cached_kernel
def count(plan: Any, first: Any, last: Any) -> int:
    """Return the number of entries in segments."""
    rows, starts = RowKinds(*plan[0]), plan[1][0]
    index = np.empty(len(rows.shape), np.int64)
    entries = 0
    for s in range(len(first)):
        row = first[s]
        while row < last[s]:
            kind, length = _run(rows, row, last[s], index)
            entries += length * (starts[kind + 1] - starts[kind])
            row += length
    return entries


@cached_kernel
def structure(plan: Any, first: Any, last: Any, begin: Any, ends: Any, indices: Any) -> None:
    """Write the columns of the entries of segments, and where each row ends, from `begin` on."""
    rows, entries = RowKinds(*plan[0]), Entries(*plan[1])
    index = np.empty(len(rows.shape), np.int64)
    place, done = 0, 0
    for s in range(len(first)):
        row = first[s]
        while row < last[s]:
            kind, length = _run(rows, row, last[s], index)
            start = entries.starts[kind]
            width = entries.starts[kind + 1] - start
            origin = 0
            for axis in range(len(index)):
                origin += index[axis] * rows.steps[axis]
            out = indices[place : place + length * width]
            for e in range(width):
                out[e] = origin + entries.columns[start + e]
            _repeat(out, width, length, 1)
            for _ in range(length):
                place += width
                ends[done] = begin + place
                done += 1
            row += length


@inlined
def _multiply(product: Any, streams: Any, stream: Any, place: Any) -> None:
    """Multiply by the values of a stream from a place on."""
    address, step = streams.addresses[stream], streams.strides[stream, -1]
    if streams.kinds[stream] == MASK:
        mask = _numbers(address, streams.kinds)  # of one byte each, too
        for i in range(len(product)):
            if not mask[place + i * step]:
                product[i] = 0
    elif streams.kinds[stream] == REAL:
        reals = _numbers(address, product.real)
        if step == 1:
            for i in range(len(product)):
                product[i] *= reals[place + i]
        elif step == 0:
            for i in range(len(product)):
                product[i] *= reals[place]
        else:
            for i in range(len(product)):
                product[i] *= reals[place + i * step]
    else:
        numbers = _numbers(address, product)
        for i in range(len(product)):
            product[i] *= numbers[place + i * step]


@inlined
def _add(total: Any, sums: Any, streams: Any, path: Any, origins: Any, product: Any) -> None:
    """Add to an entry, for the rows of a run, what a path makes of them."""
    for i in range(len(product)):
        product[i] = sums.weights[path]
    for met in range(sums.streams.shape[1]):
        stream = sums.streams[path, met]
        if stream >= 0:
            place = origins[stream] + sums.shifts[path, met]
            _multiply(product, streams, stream, place)
    for i in range(len(product)):
        total[i] += product[i]


@inlined
def _transpose(totals: Any, width: Any, length: Any, out: Any) -> int:
    """Write entries by row; return how many are zero."""
    zeros, place = 0, 0
    for i in range(length):
        for e in range(width):
            value = totals[e, i]
            out[place] = value
            zeros += value == 0
            place += 1
    return zeros


@cached_kernel
def values(plan: Any, first: Any, last: Any, data: Any) -> int:
    """Write the values of the entries of segments; return how many are zero."""
    rows, entries = RowKinds(*plan[0]), Entries(*plan[1])
    sums, streams = Sums(*plan[2]), Streams(*plan[3])
    index = np.empty(len(rows.shape), np.int64)
    widest = 0
    for kind in range(len(entries.starts) - 1):
        widest = max(widest, entries.starts[kind + 1] - entries.starts[kind])
    totals = np.empty((widest, RUN_ROWS), data.dtype)
    product = np.empty(RUN_ROWS, data.dtype)
    origins = np.empty(len(streams.addresses), np.int64)
    zeros, place = 0, 0
    for s in range(len(first)):
        row = first[s]
        while row < last[s]:
            kind, length = _run(rows, row, last[s], index)
            start = entries.starts[kind]
            width = entries.starts[kind + 1] - start
            out = data[place : place + length * width]
            if sums.starts[kind] == sums.starts[kind + 1]:
                out[:width] = entries.numbers[start : start + width]
                _repeat(out, width, length, 0)
            else:
                for e in range(width):
                    totals[e, :length] = entries.numbers[start + e]
                for stream in range(len(origins)):
                    origins[stream] = 0
                    for axis in range(len(index)):
                        origins[stream] += index[axis] * streams.strides[stream, axis]
                for path in range(sums.starts[kind], sums.starts[kind + 1]):
                    total = totals[sums.entries[path], :length]
                    _add(total, sums, streams, path, origins, product[:length])
                zeros += _transpose(totals, width, length, out)
            place += length * width
            row += length
    return zeros


@cached_kernel
def compress(
    old_ends: Any, old_indices: Any, old_data: Any, begin: Any, ends: Any, indices: Any, data: Any
) -> None:
    """Write rows without their zeros, and where each ends, from `begin` on."""
    entry, place = 0, 0
    for row in range(len(old_ends)):
        while entry < old_ends[row]:
            if old_data[entry] != 0:
                indices[place], data[place] = old_indices[entry], old_data[entry]
                place += 1
            entry += 1
        ends[row] = begin + place
