"""Filling: a row is written from its lists in one pass, with all sums in registers."""

from __future__ import annotations

from typing import Any

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
    stream_first,
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
def _column(
    code: Any, data: Any, lists: Any, e: Any, edge: Any, c: Any, k: Any, n: Any, like: Any
) -> Any:
    """Return the weights of a column of an edge's matrix, and the column's value where they are."""
    place = integer(lists.edge, e) + integer(code, integer(code, edge + 1) + c)
    x = pair(place, like) if integer(code, at.PAIRED) else splat(peek(place, like))
    row = integer(code, edge + 2) + c * integer(code, edge + 3) + k
    w = load_first(data + row * size_of(like), n, like)
    return w, select(w, x)


@inlined
def _edges(
    code: Any, data: Any, lists: Any, first: Any, last: Any,
    k: Any, n: Any, j: Any, m: Any, inner: Any, like: Any,
) -> Any:  # fmt: skip
    """Return the sums of the groups for a vector in the head and one in the tail of a row.

    They begin at lanes k and j and are n and m lanes long. Together they take hardly longer than
    each alone would. Taps add up in the order that they have in the middle, so that it does not
    matter to the bits where that begins.
    """
    size = size_of(like)
    total0, total1 = splat(like), splat(like)
    for g in range(first, last):
        span = lists.spans + 8 * SPAN * g
        part0, part1 = splat(like), splat(like)
        for t in range(integer(span, FIRST), integer(span, SHARED)):
            w, place = splat(number_at(lists.tap_weight, t, like)), integer(lists.tap, t)
            part0 = muladd(w, load_first(place + k * size, n, like), part0)
            part1 = muladd(w, load_first(place + j * size, m, like), part1)
        for e in range(integer(span, EDGE0), integer(span, EDGE1)):
            head = integer(lists.edge_last, e) + at.HEAD_COLUMNS
            tail = integer(lists.edge_last, e) + at.TAIL_COLUMNS
            weight = splat(number_at(lists.edge_weight, e, like))
            both = min(integer(code, head), integer(code, tail))
            for c in range(both):
                w, x = _column(code, data, lists, e, head, c, k, n, like)
                part0 = muladd(mul(w, weight), x, part0)
                w, x = _column(code, data, lists, e, tail, c, j - inner, m, like)
                part1 = muladd(mul(w, weight), x, part1)
            for c in range(both, integer(code, head)):
                w, x = _column(code, data, lists, e, head, c, k, n, like)
                part0 = muladd(mul(w, weight), x, part0)
            for c in range(both, integer(code, tail)):
                w, x = _column(code, data, lists, e, tail, c, j - inner, m, like)
                part1 = muladd(mul(w, weight), x, part1)
        total0 = add(total0, _multiplied(data, lists, span, part0, k, n, like))
        total1 = add(total1, _multiplied(data, lists, span, part1, j, m, like))
    return total0, total1


@inlined
def _multiplied(data: Any, lists: Any, span: Any, v: Any, k: Any, n: Any, like: Any) -> Any:
    """Return n lanes from lane k on times the coefficients of a group."""
    factor = integer(span, FACTOR)
    if factor:
        v = _scaled(v, number_at(data, factor, like), number_at(data, factor + 1, like))
    for r in range(integer(span, ROW0), integer(span, ROW1)):
        c = load_first(integer(lists.row, r) + k * size_of(like), n, like)
        v = _times_row(v, c, integer(lists.row_complex, r))
    for m in range(integer(span, MASK0), integer(span, MASK1)):
        v = where_bytes_first(integer(lists.mask, m) + k, n, v)
    return v


@inlined
def _load(place: Any, n: Any, whole: Any, like: Any) -> Any:
    return load(place, like) if whole else load_first(place, n, like)


@inlined
def _where(place: Any, n: Any, whole: Any, v: Any) -> Any:
    return where_bytes(place, v) if whole else where_bytes_first(place, n, v)


@inlined
def _four(
    data: Any, lists: Any, first: Any, last: Any, k: Any, n: Any, whole: Any, like: Any
) -> Any:
    """Return the sums of the groups for four vectors, or n lanes, from lane k in the middle."""
    b, width = k * size_of(like), 64 // size_of(like)
    zero = splat(like)
    total0, total1, total2, total3 = zero, zero, zero, zero
    for g in range(first, last):
        span = lists.spans + 8 * SPAN * g
        part0, part1, part2, part3 = zero, zero, zero, zero
        for t in range(integer(span, FIRST), integer(span, LAST_TAP)):
            w = splat(number_at(lists.tap_weight, t, like))
            place = integer(lists.tap, t) + b
            part0 = muladd(w, _load(place, n, whole, like), part0)
            part1 = muladd(w, _load(place + 64, n - 1 * width, whole, like), part1)
            part2 = muladd(w, _load(place + 128, n - 2 * width, whole, like), part2)
            part3 = muladd(w, _load(place + 192, n - 3 * width, whole, like), part3)
        for p in range(integer(span, POINT0), integer(span, POINT1)):
            weight = splat(number_at(lists.point_weight, p, like))
            place, array = integer(lists.point, p) + b, integer(lists.point_array, p) + b
            w = _load(array, n, whole, like)
            part0 = muladd(mul(w, weight), select(w, _load(place, n, whole, like)), part0)
            w = _load(array + 64, n - 1 * width, whole, like)
            part1 = muladd(
                mul(w, weight), select(w, _load(place + 64, n - 1 * width, whole, like)), part1
            )
            w = _load(array + 128, n - 2 * width, whole, like)
            part2 = muladd(
                mul(w, weight), select(w, _load(place + 128, n - 2 * width, whole, like)), part2
            )
            w = _load(array + 192, n - 3 * width, whole, like)
            part3 = muladd(
                mul(w, weight), select(w, _load(place + 192, n - 3 * width, whole, like)), part3
            )
        factor = integer(span, FACTOR)
        if factor:
            re, im = number_at(data, factor, like), number_at(data, factor + 1, like)
            part0, part1 = _scaled(part0, re, im), _scaled(part1, re, im)
            part2, part3 = _scaled(part2, re, im), _scaled(part3, re, im)
        for r in range(integer(span, ROW0), integer(span, ROW1)):
            place, is_complex = integer(lists.row, r) + b, integer(lists.row_complex, r)
            part0 = _times_row(part0, _load(place, n, whole, like), is_complex)
            part1 = _times_row(part1, _load(place + 64, n - 1 * width, whole, like), is_complex)
            part2 = _times_row(part2, _load(place + 128, n - 2 * width, whole, like), is_complex)
            part3 = _times_row(part3, _load(place + 192, n - 3 * width, whole, like), is_complex)
        for m in range(integer(span, MASK0), integer(span, MASK1)):
            place = integer(lists.mask, m) + k
            part0 = _where(place, n, whole, part0)
            part1 = _where(place + 1 * width, n - 1 * width, whole, part1)
            part2 = _where(place + 2 * width, n - 2 * width, whole, part2)
            part3 = _where(place + 3 * width, n - 3 * width, whole, part3)
        total0, total1 = add(total0, part0), add(total1, part1)
        total2, total3 = add(total2, part2), add(total3, part3)
    return total0, total1, total2, total3


@inlined
def _put(
    place: Any, n: Any, v: Any, re: Any, im: Any, adding: Any, streaming: Any, like: Any
) -> None:
    """Write the first n lanes of a vector, or all where n is not less."""
    v = _scaled(v, re, im)
    if n < 64 // size_of(like):
        if adding:
            v = add(v, load_first(place, n, like))
        if streaming:
            # An ordinary store would wait until the rest of the cache line is read.
            stream_first(place, n, v)
        else:
            store_first(place, n, v)
        return
    if adding:
        v = add(v, load(place, like))
    if streaming and place % 64 == 0:
        stream(place, v)
    else:
        store(place, v)


@inlined
def _some(
    data: Any, lists: Any, first: Any, last: Any, target: Any, begin: Any, end: Any,
    re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Fill less than four vectors in the middle of a row."""
    width, place, n = 64 // size_of(like), target + begin * size_of(like), end - begin
    v0, v1, v2, v3 = _four(data, lists, first, last, begin, n, False, like)
    _put(place, n, v0, re, im, adding, streaming, like)
    _put(place + 64, n - width, v1, re, im, adding, streaming, like)
    _put(place + 128, n - 2 * width, v2, re, im, adding, streaming, like)
    _put(place + 192, n - 3 * width, v3, re, im, adding, streaming, like)


@inlined
def _fetch(begin: Any, end: Any) -> None:
    for place in range(begin, end, 64):
        prefetch(place)


@inlined
def _fours(
    data: Any, lists: Any, first: Any, last: Any, target: Any, begin: Any, end: Any, aheads: Any,
    re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Fill the middle of a row by four vectors; the last ones may fill some lanes again."""
    width = 64 // size_of(like)
    for k in range(begin, end, 4 * width):
        k = min(k, end - 4 * width)
        place = target + k * size_of(like)
        for n in range(aheads):
            # As it goes: many at a time would keep other loads waiting.
            line = integer(lists.ahead, n) + k * size_of(like)
            _fetch(line, line + 256)
        v0, v1, v2, v3 = _four(data, lists, first, last, k, 4 * width, True, like)
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
    head, tail = integer(code, line + at.HEAD), integer(code, line + at.TAIL)
    inner = integer(code, line + at.LENGTH) - tail
    start = max(begin, head)
    stop = max(start, min(end, inner))
    aligned = start
    if streaming:
        aligned = min(start + (-(target + start * size) % 64) // size, stop)
    rest = stop - (stop - aligned) % (4 * width)
    if aligned < rest < stop and not (adding or (streaming and (stop - aligned) % width)):
        rest = stop
    for n in range(aheads):
        place = integer(lists.ahead, n)
        _fetch(place + begin * size, place + aligned * size)
        _fetch(place + rest * size, place + end * size)
    _fours(data, lists, first, last, target, aligned, rest, aheads, re, im, adding, streaming, like)
    for part in range(2):
        a, b = (start, aligned) if part == 0 else (rest, stop)
        if a < b:
            _some(data, lists, first, last, target, a, b, re, im, adding, streaming, like)
    k, j = begin, max(begin, inner)
    while k < min(end, head) or j < end:
        n, m = min(width, min(end, head) - k), min(width, end - j)
        v0, v1 = _edges(code, data, lists, first, last, k, n, j, m, inner, like)
        _put(target + k * size, n, v0, re, im, adding, streaming, like)
        _put(target + j * size, m, v1, re, im, adding, streaming, like)
        k, j = k + width, j + width
