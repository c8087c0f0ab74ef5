"""The compiled interpreter of lowered plans: a few kernels for every operator.

A plan is two arrays, `code` (integers, see `layout`) and `data` (weights), made by `lowering`.
`sweep` walks over the rows of a box of the output, a row being a line along the last axis. For a
row it *gathers* what the plan says into lists of taps (address, weight), or shifts those of the row
before, and then *fills* the row from the lists in one pass, with all sums in registers.

A row has a head and a tail, where closures along the last axis act as small dense matrices, and a
middle between them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from findops.executors.compiling import cached_kernel, inlined
from findops.executors.contiguous import CACHE_LINE
from findops.executors.kernels import layout as at
from findops.executors.kernels.filling import fill
from findops.executors.kernels.gathering import gather, shift, wrapped
from findops.executors.kernels.lists import divided, integer
from findops.executors.kernels.vectors import one

__all__ = ["direct", "sweep"]


@inlined
def _rows(
    code: Any, data: Any, lists: Any, first: Any, lanes: Any,
    re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Fill the rows of every line at a point of the outer axes."""
    aheads = integer(code, at.AHEADS if adding else at.READ)
    for n in range(integer(code, at.LINES)):
        line = integer(code, at.LINE) + n * at.LINE_SIZE
        buffer = integer(code, line + at.TARGET) >= integer(code, at.ROW_BUFFERS)
        fill(
            code, data, line, lists, integer(first, n), integer(first, n + 1),
            integer(lists.target, n), integer(lanes, 2 * n), integer(lanes, 2 * n + 1),
            0 if buffer else aheads, one(like) if buffer else re, like if buffer else im,
            adding and not buffer, streaming and not buffer, like,
        )  # fmt: skip
        aheads = aheads if buffer else 0


@inlined
def _row_space(code: Any, segments: Any, size: Any) -> Any:
    """Return how many words the row buffers take together."""
    total = 0
    for n in range(code[at.LINES]):
        if code[code[at.LINE] + n * at.LINE_SIZE + at.TARGET] >= code[at.ROW_BUFFERS]:
            longest = 0
            for s in range(len(segments)):
                longest = max(longest, segments[s, n, 1] - segments[s, n, 0])
            total += longest * size // 8 + 1
    return total


@inlined
def _place_rows(code: Any, segment: Any, bases: Any, address: Any, size: Any) -> None:
    """Set the addresses of the row buffers so that their lanes count from the row's start."""
    for n in range(code[at.LINES]):
        target = code[code[at.LINE] + n * at.LINE_SIZE + at.TARGET]
        if target >= code[at.ROW_BUFFERS]:
            bases[target] = address - segment[n, 0] * size
            address += ((segment[n, 1] - segment[n, 0]) * size // 8 + 1) * 8


@cached_kernel
def sweep(
    code: Any, data: Any, bases: Any, strides: Any, low: Any, high: Any, segments: Any,
    block: Any, re: Any, im: Any, adding: Any, streaming: Any,
) -> None:  # fmt: skip
    """Fill the rows of a box of the outer axes, from `low` to `high`.

    Parameters
    ----------
    code, data
        A lowered stage.
    bases, strides
        Address of each buffer's point 0, and its strides along the outer axes.
    segments : (segments, lines, 2)
        The lanes of each line to fill at a time.
    block : int
        Rows of the last outer axis to go through before moving along the others.
    re, im
        Factor of what is written to the output.
    adding, streaming : bool
        Whether to add to the output; whether to write past the caches.
    """
    for a in range(len(low)):
        if high[a] <= low[a]:
            return
    plan, weights, like = code.ctypes.data, data.ctypes.data, data[0]
    axes, lines, buffers = code[at.AXES], code[at.LINES], len(bases)
    inner = axes - 1
    words = divided(plan, 0).end // 8
    fixed = words + lines + 1 + axes + buffers
    room = np.empty(fixed + _row_space(code, segments, data.itemsize) + CACHE_LINE // 8, np.int64)
    space = room[-room.ctypes.data % CACHE_LINE // 8 :]
    lists = divided(plan, space.ctypes.data)
    first = lists.end
    index = space[fixed - buffers - axes : fixed - buffers]
    places = space[fixed - buffers : fixed]
    places[:] = bases
    for start in range(low[inner], high[inner], block):
        index[:] = low
        inside = True
        while inside:
            for s in range(len(segments)):
                _place_rows(code, segments[s], places, space[fixed:].ctypes.data, data.itemsize)
                lanes = segments.ctypes.data + 16 * lines * s
                for j in range(start, min(start + block, high[inner])):
                    index[inner] = j
                    same = code[at.SAME]
                    if j > start and (same == 0 or code[same + wrapped(j, code[at.SAME_LENGTH])]):
                        shift(lists)
                    else:
                        gather(
                            plan, weights, index.ctypes.data, places.ctypes.data,
                            strides.ctypes.data, lists, first, like,
                        )  # fmt: skip
                    _rows(plan, weights, lists, first, lanes, re, im, adding, streaming, like)
            inside = False
            for a in range(inner - 1, -1, -1):
                index[a] += 1
                if index[a] < high[a]:
                    inside = True
                    break
                index[a] = low[a]
    # What only its address is known of would be freed when it is last named.
    room[0] = 0


@cached_kernel
def direct(
    code: Any, data: Any, frame: Any, inputs: Any, buffers: Any, segments: Any, u: Any,
    out: Any, re: Any, im: Any, adding: Any,
) -> None:  # fmt: skip
    """Fill a whole output, `out`, from `u`, both contiguous.

    `frame` holds the places of the buffers, the inputs first, counted from the starts of these
    arrays, then their strides, and the ends of the box.
    """
    axes = code[at.AXES]
    places = frame[:buffers].copy()
    strides = frame[buffers : buffers + buffers * axes].reshape((buffers, axes))
    low = frame[len(frame) - 2 * axes : len(frame) - axes]
    for n in range(buffers):
        places[n] += u.ctypes.data if n < inputs else out.ctypes.data
    sweep(
        code, data, places, strides, low, frame[len(frame) - axes :], segments,
        np.int64(1 << 62), re, im, adding, False,
    )  # fmt: skip
