"""Filling: a row is written from its lists in one pass, with all sums in registers."""

from __future__ import annotations

from typing import Any

from findops.backends import layout as at
from findops.backends.arithmetic import add, evens, mul, muladd, odds, select, times_i
from findops.backends.compiling import inlined
from findops.backends.lists import (
    COMPLEX0,
    COMPLEX1,
    EDGE0,
    EDGE1,
    FACTOR,
    FIRST,
    LAST_TAP,
    MASK0,
    MASK1,
    PLAIN,
    POINT0,
    POINT1,
    ROW0,
    ROW1,
    SHARED,
    SPAN,
    integer,
    number_at,
)
from findops.backends.memory import (
    load,
    load_first,
    pair,
    peek,
    prefetch,
    rolled,
    store,
    store_first,
    stream,
    stream_first,
    where_bytes,
    where_bytes_first,
)
from findops.backends.vectors import half, lanes, line, size_of, splat, wide

__all__ = ["fill"]


@inlined
def _scaled(v: Any, re: Any, im: Any) -> Any:
    """Return a vector times a number, complex if im is not 0."""
    if im != 0:
        return muladd(splat(im, v), times_i(v), mul(splat(re, v), v))
    return mul(splat(re, v), v)


@inlined
def _column(code: Any, data: Any, place: Any, edge: Any, c: Any, k: Any, like: Any) -> Any:
    """Return the weights of a column of an edge's matrix, and the column's value where they are."""
    place += integer(code, integer(code, edge + 1) + c)
    zero = line(like)
    x = pair(place, zero) if integer(code, at.PAIRED) else splat(peek(place, like), zero)
    row = integer(code, edge + 2) + c * integer(code, edge + 3) + k
    w = load(data + row * size_of(like), zero)
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
    size, zero = size_of(like), line(like)
    total0, total1 = zero, zero
    for g in range(first, last):
        span = lists.spans + 8 * SPAN * g
        part0, part1 = zero, zero
        for t in range(integer(span, FIRST), integer(span, SHARED)):
            w, place = splat(number_at(lists.tap_weight, t, like), zero), integer(lists.tap, t)
            part0 = muladd(w, load_first(place + k * size, n, zero), part0)
            part1 = muladd(w, load_first(place + j * size, m, zero), part1)
            rolled()
        for e in range(integer(span, EDGE0), integer(span, EDGE1)):
            place = integer(lists.edge, e)
            head = integer(lists.edge_last, e) + at.HEAD_COLUMNS
            tail = integer(lists.edge_last, e) + at.TAIL_COLUMNS
            weight = splat(number_at(lists.edge_weight, e, like), zero)
            # Where a row is filled in segments, a buffer holds what one of its ends reads only.
            heads = integer(code, head) if n > 0 else 0
            tails = integer(code, tail) if m > 0 else 0
            both = min(heads, tails)
            for c in range(both):
                w, x = _column(code, data, place, head, c, k, like)
                part0 = muladd(mul(w, weight), x, part0)
                w, x = _column(code, data, place, tail, c, j - inner, like)
                part1 = muladd(mul(w, weight), x, part1)
            for c in range(both, heads):
                w, x = _column(code, data, place, head, c, k, like)
                part0 = muladd(mul(w, weight), x, part0)
            for c in range(both, tails):
                w, x = _column(code, data, place, tail, c, j - inner, like)
                part1 = muladd(mul(w, weight), x, part1)
        total0 = add(total0, _multiplied(data, lists, span, part0, k, n, False, like))
        total1 = add(total1, _multiplied(data, lists, span, part1, j, m, False, like))
    return total0, total1


@inlined
def _load(place: Any, n: Any, whole: Any, like: Any) -> Any:
    return load(place, like) if whole else load_first(place, n, like)


@inlined
def _multiplied(
    data: Any, lists: Any, span: Any, v: Any, k: Any, n: Any, whole: Any, like: Any
) -> Any:
    """Return a vector from lane k on, or its first n lanes, times the coefficients of a group."""
    factor = integer(span, FACTOR)
    if factor:
        v = _scaled(v, number_at(data, factor, like), number_at(data, factor + 1, like))
    for r in range(integer(span, ROW0), integer(span, ROW1)):
        v = mul(v, _load(integer(lists.row, r) + k * size_of(like), n, whole, v))
    for r in range(integer(span, COMPLEX0), integer(span, COMPLEX1)):
        c = _load(integer(lists.complex_row, r) + k * size_of(like), n, whole, v)
        v = muladd(odds(c), times_i(v), mul(evens(c), v))
    for m in range(integer(span, MASK0), integer(span, MASK1)):
        place = integer(lists.mask, m) + k
        v = where_bytes(place, v) if whole else where_bytes_first(place, n, v)
    return v


@inlined
def _middle(
    data: Any, lists: Any, first: Any, last: Any, k: Any, n: Any, whole: Any, zero: Any, like: Any
) -> Any:
    """Return the sums of the groups for a vector from lane k on, or for its first n lanes."""
    b = k * size_of(like)
    total = zero
    for g in range(first, last):
        span = lists.spans + 8 * SPAN * g
        part = zero
        for t in range(integer(span, FIRST), integer(span, LAST_TAP)):
            w = splat(number_at(lists.tap_weight, t, like), zero)
            part = muladd(w, _load(integer(lists.tap, t) + b, n, whole, zero), part)
            rolled()
        points = range(integer(span, POINT0), integer(span, POINT1))
        if integer(span, PLAIN):
            for p in points:
                w = _load(integer(lists.point_array, p) + b, n, whole, zero)
                part = muladd(w, _load(integer(lists.point, p) + b, n, whole, zero), part)
                rolled()
            points = range(0)
        for p in points:
            weight = splat(number_at(lists.point_weight, p, like), zero)
            w = _load(integer(lists.point_array, p) + b, n, whole, zero)
            x = select(w, _load(integer(lists.point, p) + b, n, whole, zero))
            part = muladd(mul(w, weight), x, part)
            rolled()
        total = add(total, _multiplied(data, lists, span, part, k, n, whole, like))
    return total


@inlined
def _put(place: Any, n: Any, v: Any, re: Any, im: Any, adding: Any, streaming: Any) -> None:
    """Write the first n lanes of a vector, or all where n is not less."""
    v = _scaled(v, re, im)
    if n < lanes(v):
        if adding:
            v = add(v, load_first(place, n, v))
        if streaming:
            # An ordinary store would wait until the rest of the cache line is read.
            stream_first(place, n, v)
        else:
            store_first(place, n, v)
        return
    if adding:
        v = add(v, load(place, v))
    if streaming and place % 64 == 0:
        stream(place, v)
    else:
        store(place, v)


@inlined
def _fetch(begin: Any, end: Any) -> None:
    for place in range(begin, end, 64):
        prefetch(place)


@inlined
def _vectors(
    data: Any, lists: Any, first: Any, last: Any, target: Any, begin: Any, k: Any, end: Any,
    aheads: Any, re: Any, im: Any, adding: Any, streaming: Any, zero: Any, like: Any,
) -> Any:  # fmt: skip
    """Fill lanes from k on in the middle of a row by vectors; return where they stop.

    Where most of another would fit it may begin earlier, but not before `begin`, and fills some
    lanes again.
    """
    width = lanes(zero)
    while k < end:
        if k + width > end:
            if adding or end - width < begin or k + width // 2 >= end:
                break
            k = end - width
        place = k * size_of(like)
        for n in range(aheads):
            # As it goes: many at a time would keep other loads waiting.
            ahead = integer(lists.ahead, n) + place
            _fetch(ahead, ahead + width * size_of(like))
        v = _middle(data, lists, first, last, k, width, True, zero, like)
        _put(target + place, width, v, re, im, adding, streaming)
        k += width
    return k


@inlined
def _part(
    data: Any, lists: Any, first: Any, last: Any, target: Any, begin: Any, end: Any,
    re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Fill a part of a vector in the middle of a row."""
    place, n = target + begin * size_of(like), end - begin
    if n > lanes(line(like)):
        v = _middle(data, lists, first, last, begin, n, False, half(like), like)
        _put(place, n, v, re, im, adding, streaming)
    else:
        w = _middle(data, lists, first, last, begin, n, False, line(like), like)
        _put(place, n, w, re, im, adding, streaming)


@inlined
def fill(
    code: Any, data: Any, line_: Any, lists: Any, first: Any, last: Any, target: Any,
    begin: Any, end: Any, aheads: Any, re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Write lanes begin to end of a row; `target` is the address of its lane 0."""
    size, width = size_of(like), lanes(line(like))
    head, tail = integer(code, line_ + at.HEAD), integer(code, line_ + at.TAIL)
    inner = integer(code, line_ + at.LENGTH) - tail
    start = max(begin, head)
    stop = max(start, min(end, inner))
    aligned, whole = start, stop
    if streaming:
        aligned = min(start + (-(target + start * size) % 64) // size, stop)
        whole -= (stop - aligned) % width
    for n in range(aheads):
        place = integer(lists.ahead, n)
        _fetch(place + begin * size, place + aligned * size)
    k = _vectors(
        data, lists, first, last, target, aligned, aligned, whole,
        aheads, re, im, adding, streaming, wide(like), like,
    )  # fmt: skip
    k = _vectors(
        data, lists, first, last, target, aligned, k, whole,
        aheads, re, im, adding, streaming, half(like), like,
    )  # fmt: skip
    for n in range(aheads):
        place = integer(lists.ahead, n)
        _fetch(place + k * size, place + end * size)
    for part in range(2):
        a, b = (start, aligned) if part == 0 else (k, stop)
        if a < b:
            _part(data, lists, first, last, target, a, b, re, im, adding, streaming, like)
    k, j = begin, max(begin, inner)
    while k < min(end, head) or j < end:
        n, m = min(width, min(end, head) - k), min(width, end - j)
        v0, v1 = _edges(code, data, lists, first, last, k, n, j, m, inner, like)
        _put(target + k * size, n, v0, re, im, adding, streaming)
        _put(target + j * size, m, v1, re, im, adding, streaming)
        k, j = k + width, j + width
