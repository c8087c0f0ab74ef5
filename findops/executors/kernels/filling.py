"""Filling: a row is written from its lists in one pass, with all sums in registers."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from findops.executors.compiling import inlined
from findops.executors.kernels import layout as at
from findops.executors.kernels.arithmetic import (
    add,
    add_first,
    add_last,
    evens,
    mul,
    muladd,
    muladd_where,
    odds,
    times_i,
)
from findops.executors.kernels.lists import (
    COMPLEX0,
    COMPLEX1,
    EDGE0,
    EDGE1,
    FACTOR,
    FIRST,
    LAST_TAP,
    MASK0,
    MASK1,
    OWN,
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
from findops.executors.kernels.memory import (
    load,
    load_part,
    pair,
    peek,
    prefetch,
    rolled,
    store,
    store_part,
    stream,
    stream_part,
    where_bytes,
    where_bytes_part,
)
from findops.executors.kernels.vectors import half, lanes, line, size_of, splat, wide

__all__ = ["fill"]

Row = namedtuple("Row", "begin end head inner")
# The lanes to be filled, from `begin` to `end`, of a row whose middle is from `head` to `inner`.


@inlined
def _scaled(v: Any, re: Any, im: Any) -> Any:
    """Return a vector times a number, complex if im is not 0."""
    if im != 0:
        return muladd(splat(im, v), times_i(v), mul(splat(re, v), v))
    return mul(splat(re, v), v)


@inlined
def _load(place: Any, a: Any, b: Any, whole: Any, like: Any) -> Any:
    """Return the vector at an address, or its lanes a to b and zeros."""
    return load(place, like) if whole else load_part(place, a, b, like)


@inlined
def _edge(
    code: Any, data: Any, lists: Any, span: Any, columns: Any, k: Any, edge_begin: Any,
    a: Any, b: Any, like: Any,
) -> Any:  # fmt: skip
    """Return what an edge adds to the line from lane k of the row on, in its lanes a to b.

    `columns` is at.HEAD_COLUMNS or at.TAIL_COLUMNS, and the edge begins at lane `edge_begin`.
    """
    zero, paired = line(like), integer(code, at.PAIRED)
    total = zero
    if integer(span, OWN):
        own = integer(span, SHARED)
        w = splat(number_at(lists.tap_weight, own, like), zero)
        total = mul(w, load_part(integer(lists.tap, own) + k * size_of(like), a, b, zero))
    for e in range(integer(span, EDGE0), integer(span, EDGE1)):
        place = integer(lists.edge, e)
        edge = integer(lists.edge_last, e) + columns
        part = zero
        for c in range(integer(code, edge)):
            at_column = place + integer(code, integer(code, edge + 1) + c)
            x = pair(at_column, zero) if paired else splat(peek(at_column, like), zero)
            row = integer(code, edge + 2) + c * integer(code, edge + 3) + k - edge_begin
            w = load_part(data + row * size_of(like), a, b, zero)
            part = muladd_where(w, x, part)
            rolled()
        total = muladd(splat(number_at(lists.edge_weight, e, like), zero), part, total)
    return total


@inlined
def _multiplied(
    data: Any, lists: Any, span: Any, v: Any, k: Any, a: Any, b: Any, whole: Any, like: Any
) -> Any:
    """Return a vector from lane k on times the coefficients of a group."""
    factor = integer(span, FACTOR)
    if factor:
        v = _scaled(v, number_at(data, factor, like), number_at(data, factor + 1, like))
    for r in range(integer(span, ROW0), integer(span, ROW1)):
        v = mul(v, _load(integer(lists.row, r) + k * size_of(like), a, b, whole, v))
    for r in range(integer(span, COMPLEX0), integer(span, COMPLEX1)):
        c = _load(integer(lists.complex_row, r) + k * size_of(like), a, b, whole, v)
        v = muladd(odds(c), times_i(v), mul(evens(c), v))
    for m in range(integer(span, MASK0), integer(span, MASK1)):
        place = integer(lists.mask, m) + k
        v = where_bytes(place, v) if whole else where_bytes_part(place, a, b, v)
    return v


@inlined
def _sums(
    code: Any, data: Any, row: Any, lists: Any, first: Any, last: Any, k: Any, whole: Any,
    zero: Any, like: Any,
) -> Any:  # fmt: skip
    """Return the sums of the groups for a vector from lane k on.

    If it is not `whole` in the middle, lanes beyond the ends are zeros, and edges are added to its
    first and last lines. Taps add up in the same order in whatever vector a lane is.
    """
    width, unit = lanes(zero), lanes(line(like))
    place = k * size_of(like)
    # Lanes that are there, and those of the middle.
    a, b = max(row.begin - k, 0), min(row.end - k, width)
    c, d = min(max(row.head - k, a), b), min(row.inner - k, b)
    total = zero
    for g in range(first, last):
        span = lists.spans + 8 * SPAN * g
        part = zero
        for t in range(integer(span, FIRST), integer(span, SHARED)):
            w = splat(number_at(lists.tap_weight, t, like), zero)
            part = muladd(w, _load(integer(lists.tap, t) + place, a, b, whole, zero), part)
            rolled()
        if not whole:
            if c > a:
                part = add_first(
                    part, _edge(code, data, lists, span, at.HEAD_COLUMNS, k, 0, a, c, like)
                )
            if d < b:
                j = k + width - unit
                begin, end = max(row.begin, row.inner) - j, row.end - j
                columns = _edge(
                    code, data, lists, span, at.TAIL_COLUMNS, j, row.inner, begin, end, like
                )
                part = add_last(part, columns)
        for t in range(integer(span, SHARED) + integer(span, OWN), integer(span, LAST_TAP)):
            w = splat(number_at(lists.tap_weight, t, like), zero)
            part = muladd(w, _load(integer(lists.tap, t) + place, c, d, whole, zero), part)
            rolled()
        points = range(integer(span, POINT0), integer(span, POINT1))
        if integer(span, PLAIN):
            for p in points:
                w = _load(integer(lists.point_array, p) + place, c, d, whole, zero)
                part = muladd(w, _load(integer(lists.point, p) + place, c, d, whole, zero), part)
                rolled()
            points = range(0)
        for p in points:
            w = _load(integer(lists.point_array, p) + place, c, d, whole, zero)
            w = mul(splat(number_at(lists.point_weight, p, like), zero), w)
            x = _load(integer(lists.point, p) + place, c, d, whole, zero)
            part = muladd_where(w, x, part)
            rolled()
        total = add(total, _multiplied(data, lists, span, part, k, a, b, whole, like))
    return total


@inlined
def _put(
    place: Any, a: Any, b: Any, v: Any, re: Any, im: Any, adding: Any, streaming: Any, whole: Any
) -> None:
    """Write a vector, or its lanes a to b."""
    v = _scaled(v, re, im)
    if adding:
        v = add(v, _load(place, a, b, whole, v))
    if streaming and place % 64 == 0:
        if whole:
            stream(place, v)
        else:
            # An ordinary store to a part of a cache line would wait until its rest is read.
            stream_part(place, a, b, v)
    elif whole:
        store(place, v)
    else:
        store_part(place, a, b, v)


@inlined
def _fits(row: Any, k: Any, width: Any, unit: Any) -> Any:
    """Tell whether a vector from lane k on is in the middle but for its first and last lines."""
    a, b = max(row.begin, row.head), min(row.end, row.inner)
    return a - k <= unit and b - k >= width - unit


@inlined
def _vector(
    code: Any, data: Any, row: Any, lists: Any, first: Any, last: Any, target: Any, k: Any,
    aheads: Any, re: Any, im: Any, adding: Any, streaming: Any, zero: Any, like: Any,
) -> Any:  # fmt: skip
    """Fill a vector from lane k on; return where it ends."""
    width, place = lanes(zero), k * size_of(like)
    for n in range(aheads):
        # As it goes: many at a time would keep other loads waiting.
        ahead = integer(lists.ahead, n) + place
        for line_ in range(ahead, ahead + width * size_of(like), 64):
            prefetch(line_)
    if k >= max(row.begin, row.head) and k + width <= min(row.end, row.inner):
        v = _sums(code, data, row, lists, first, last, k, True, zero, like)
        _put(target + place, 0, width, v, re, im, adding, streaming, True)
    else:
        v = _sums(code, data, row, lists, first, last, k, False, zero, like)
        a, b = max(row.begin - k, 0), min(row.end - k, width)
        _put(target + place, a, b, v, re, im, adding, streaming, False)
    return k + width


@inlined
def fill(
    code: Any, data: Any, line_: Any, lists: Any, first: Any, last: Any, target: Any,
    begin: Any, end: Any, aheads: Any, re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Write lanes begin to end of a row; `target` is the address of its lane 0.

    Vectors begin where cache lines of the target do, the first one before the row if need be; but
    where one may hold the row, and is not written past the caches, it begins with the row.
    """
    size, unit = size_of(like), lanes(line(like))
    most, some = lanes(wide(like)), lanes(half(like))
    inner = integer(code, line_ + at.LENGTH) - integer(code, line_ + at.TAIL)
    row = Row(begin, end, integer(code, line_ + at.HEAD), inner)
    start = begin
    # One vector that crosses cache lines takes less time than two.
    if streaming or end - begin > most:
        point = 1 + integer(code, at.PAIRED)
        start -= (target + begin * size) % 64 // (size * point) * point
    k = start
    while k < end:
        # Where a wide vector reaches beyond the end, it may begin earlier and fill lanes again.
        back = k if _fits(row, k, most, unit) else k + (end - k + unit - 1) // unit * unit - most
        again = start <= back <= k <= back + some and not adding
        if (back == k or again) and _fits(row, back, most, unit):
            k = _vector(
                code, data, row, lists, first, last, target, back,
                aheads, re, im, adding, streaming, wide(like), like,
            )  # fmt: skip
        elif _fits(row, k, some, unit):
            k = _vector(
                code, data, row, lists, first, last, target, k,
                aheads, re, im, adding, streaming, half(like), like,
            )  # fmt: skip
        else:
            k = _vector(
                code, data, row, lists, first, last, target, k,
                aheads, re, im, adding, streaming, line(like), like,
            )  # fmt: skip
