"""Filling: a row is written from its lists in one pass, with all sums in registers."""

from __future__ import annotations

from typing import Any

import numpy as np

from findops.backends import layout as at
from findops.backends.compiling import inlined
from findops.backends.lists import (
    EDGE0,
    EDGE1,
    FACTOR,
    FIRST,
    LAST_TAP,
    MASK0,
    MASK1,
    POINT0,
    POINT1,
    ROW0,
    ROW1,
    SHARED,
    SPAN,
    integer,
    number_at,
)
from findops.backends.simd import (
    add,
    evens,
    load,
    load_first,
    mul,
    muladd,
    odds,
    pair,
    peek,
    prefetch,
    select,
    size_of,
    splat,
    store,
    store_first,
    stream,
    times_i,
    where_bytes,
    where_bytes_first,
)

__all__ = ["fill"]


@inlined
def _scaled(v: Any, re: Any, im: Any) -> Any:
    """Return a vector times a number, complex if im is not 0."""
    if im != 0:
        return muladd(splat(im), times_i(v), mul(splat(re), v))
    return mul(splat(re), v)


@inlined
def _times_row(v: Any, c: Any, is_complex: Any) -> Any:
    if is_complex:
        return muladd(odds(c), times_i(v), mul(evens(c), v))
    return mul(v, c)


@inlined
def _part(address: Any, count: Any, whole: Any, like: Any) -> Any:
    return load(address, like) if whole else load_first(address, count, like)


@inlined
def _one(
    code: Any, data: Any, lists: Any, first: Any, last: Any, k: Any, count: Any, whole: Any,
    matrix: Any, origin: Any, lanes: Any, like: Any,
) -> Any:  # fmt: skip
    """Return the sum of the groups for one vector, or part of one, from lane k of a row.

    In an edge, `matrix` is the place in a record of what its closure does and `origin` its first
    lane; in the middle, `matrix` is 0.
    """
    size = size_of(like)
    b = k * size
    paired = integer(code, at.PAIRED)
    total = splat(like)
    for g in range(first, last):
        span = lists.spans + 8 * SPAN * g
        part = splat(like)
        for t in range(integer(span, FIRST), integer(span, SHARED if matrix else LAST_TAP)):
            x = _part(integer(lists.tap, t) + b, count, whole, like)
            part = muladd(splat(number_at(lists.tap_weight, t, like)), x, part)
        if matrix:
            for e in range(integer(span, EDGE0), integer(span, EDGE1)):
                record = integer(lists.edge_last, e) + matrix
                row = data + (integer(code, record + 2) + k - origin) * size
                place, columns = integer(lists.edge, e), integer(code, record + 1)
                reached = splat(like)
                for c in range(integer(code, record)):
                    address = place + integer(code, columns + c)
                    x = pair(address, like) if paired else splat(peek(address, like))
                    w = _part(row + c * lanes * size, count, whole, like)
                    reached = muladd(w, select(w, x), reached)
                part = muladd(splat(number_at(lists.edge_weight, e, like)), reached, part)
        else:
            for p in range(integer(span, POINT0), integer(span, POINT1)):
                weight = splat(number_at(lists.point_weight, p, like))
                x = _part(integer(lists.point, p) + b, count, whole, like)
                w = _part(integer(lists.point_array, p) + b, count, whole, like)
                part = muladd(mul(w, weight), select(w, x), part)
        factor = integer(span, FACTOR)
        if factor:
            part = _scaled(part, number_at(data, factor, like), number_at(data, factor + 1, like))
        for r in range(integer(span, ROW0), integer(span, ROW1)):
            c = _part(integer(lists.row, r) + b, count, whole, like)
            part = _times_row(part, c, integer(lists.row_complex, r))
        for m in range(integer(span, MASK0), integer(span, MASK1)):
            place = integer(lists.mask, m) + k
            part = where_bytes(place, part) if whole else where_bytes_first(place, count, part)
        total = add(total, part)
    return total


@inlined
def _four(data: Any, lists: Any, first: Any, last: Any, k: Any, like: Any) -> Any:
    """Return the sum of the groups for four vectors of lanes from lane k in the middle of a row."""
    b, width = k * size_of(like), 64 // size_of(like)
    zero = splat(like)
    total0, total1, total2, total3 = zero, zero, zero, zero
    for g in range(first, last):
        span = lists.spans + 8 * SPAN * g
        part0, part1, part2, part3 = zero, zero, zero, zero
        for t in range(integer(span, FIRST), integer(span, LAST_TAP)):
            w = splat(number_at(lists.tap_weight, t, like))
            place = integer(lists.tap, t) + b
            part0 = muladd(w, load(place, like), part0)
            part1 = muladd(w, load(place + 64, like), part1)
            part2 = muladd(w, load(place + 128, like), part2)
            part3 = muladd(w, load(place + 192, like), part3)
        for p in range(integer(span, POINT0), integer(span, POINT1)):
            weight = splat(number_at(lists.point_weight, p, like))
            place, array = integer(lists.point, p) + b, integer(lists.point_array, p) + b
            w = load(array, like)
            part0 = muladd(mul(w, weight), select(w, load(place, like)), part0)
            w = load(array + 64, like)
            part1 = muladd(mul(w, weight), select(w, load(place + 64, like)), part1)
            w = load(array + 128, like)
            part2 = muladd(mul(w, weight), select(w, load(place + 128, like)), part2)
            w = load(array + 192, like)
            part3 = muladd(mul(w, weight), select(w, load(place + 192, like)), part3)
        factor = integer(span, FACTOR)
        if factor:
            re, im = number_at(data, factor, like), number_at(data, factor + 1, like)
            part0, part1 = _scaled(part0, re, im), _scaled(part1, re, im)
            part2, part3 = _scaled(part2, re, im), _scaled(part3, re, im)
        for r in range(integer(span, ROW0), integer(span, ROW1)):
            place, is_complex = integer(lists.row, r) + b, integer(lists.row_complex, r)
            part0 = _times_row(part0, load(place, like), is_complex)
            part1 = _times_row(part1, load(place + 64, like), is_complex)
            part2 = _times_row(part2, load(place + 128, like), is_complex)
            part3 = _times_row(part3, load(place + 192, like), is_complex)
        for m in range(integer(span, MASK0), integer(span, MASK1)):
            place = integer(lists.mask, m) + k
            part0 = where_bytes(place, part0)
            part1 = where_bytes(place + width, part1)
            part2 = where_bytes(place + 2 * width, part2)
            part3 = where_bytes(place + 3 * width, part3)
        total0, total1 = add(total0, part0), add(total1, part1)
        total2, total3 = add(total2, part2), add(total3, part3)
    return total0, total1, total2, total3


@inlined
def _slow(
    code: Any, data: Any, lists: Any, first: Any, last: Any, target: Any, begin: Any, end: Any,
    matrix: Any, origin: Any, lanes: Any, re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Fill lanes of a row, one vector at a time, the last one in part: edges and remainders."""
    width = 64 // size_of(like)
    k = begin
    while k + width <= end:
        v = _one(code, data, lists, first, last, k, width, True, matrix, origin, lanes, like)
        v = _scaled(v, re, im)
        place = target + k * size_of(like)
        if adding:
            v = add(v, load(place, re))
        if streaming and place % 64 == 0:
            stream(place, v)
        else:
            store(place, v)
        k += width
    if k < end:
        count = end - k
        v = _one(code, data, lists, first, last, k, count, False, matrix, origin, lanes, like)
        v = _scaled(v, re, im)
        place = target + k * size_of(like)
        if adding:
            v = add(v, load_first(place, count, re))
        store_first(place, count, v)


@inlined
def _fast(
    data: Any, lists: Any, first: Any, last: Any, target: Any, begin: Any, end: Any,
    re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Fill lanes in the middle of a row, four whole vectors at a time."""
    width = 64 // size_of(like)
    for k in range(begin, end, 4 * width):
        k = min(k, end - 4 * width)
        place = target + k * size_of(like)
        v0, v1, v2, v3 = _four(data, lists, first, last, k, like)
        v0, v1 = _scaled(v0, re, im), _scaled(v1, re, im)
        v2, v3 = _scaled(v2, re, im), _scaled(v3, re, im)
        if adding:
            v0, v1 = add(v0, load(place, re)), add(v1, load(place + 64, re))
            v2, v3 = add(v2, load(place + 128, re)), add(v3, load(place + 192, re))
        if streaming:
            stream(place, v0)
            stream(place + 64, v1)
            stream(place + 128, v2)
            stream(place + 192, v3)
        else:
            store(place, v0)
            store(place + 64, v1)
            store(place + 128, v2)
            store(place + 192, v3)


@inlined
def fill(
    code: Any, data: Any, line: Any, lists: Any, first: Any, last: Any, target: Any,
    begin: Any, end: Any, aheads: Any, re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Write lanes begin to end of a row; `target` is the address of its lane 0."""
    size, width = size_of(like), 64 // size_of(like)
    for n in range(aheads):
        for place in range(begin * size, end * size, 64):
            prefetch(integer(lists.ahead, n) + place)
    head, tail = integer(code, line + at.HEAD), integer(code, line + at.TAIL)
    inner = integer(code, line + at.LENGTH) - tail
    start = max(begin, head)
    stop = max(start, min(end, inner))
    aligned = start
    if streaming:
        aligned = min(start + (-(target + start * size) % 64) // size, stop)
    rest = stop - (stop - aligned) % (4 * width)
    if aligned < rest < stop and not (adding or streaming):
        # The last four vectors fill some lanes again, with the same.
        rest = stop
    _fast(data, lists, first, last, target, aligned, rest, re, im, adding, streaming, like)
    for part in range(4):
        a, b, matrix, origin, lanes = begin, min(end, head), at.HEAD_COLUMNS, np.int64(0), head
        if part == 1:
            a, b, matrix = start, aligned, 0
        elif part == 2:
            a, b, matrix = rest, stop, 0
        elif part == 3:
            a, b, matrix, origin, lanes = max(begin, inner), end, at.TAIL_COLUMNS, inner, tail
        if a < b:
            _slow(
                code, data, lists, first, last, target, a, b, matrix, origin, lanes,
                re, im, adding, streaming, like,
            )  # fmt: skip
