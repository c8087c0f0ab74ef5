"""The compiled interpreter of lowered plans: a few kernels for every operator.

A plan is two arrays, `code` (integers, see `layout`) and `data` (weights), made by `lowering`.
`sweep` walks over the rows of a box of the output, a row being a line along the last axis. For a
row it *gathers* what the plan says into lists of taps (address, weight), or shifts those of the row
before, and then *fills* the row from the lists in one pass, with all sums in registers.

A row has a head and a tail, where closures along the last axis act as small dense matrices, and a
middle between them.

Inside, arrays are bare addresses: counting references to them would cost more than the arithmetic.
`like` is a zero of the type of the weights.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from findops.backends import layout as at
from findops.backends.simd import (
    add,
    advance,
    evens,
    load,
    load_first,
    mul,
    muladd,
    odds,
    one,
    pair,
    peek,
    poke,
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

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["direct", "sweep"]


def _compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    options = {"nogil": True, "error_model": "numpy"} | options

    def wrap(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            # No folder to keep compiled code in can be written: compile in every process.
            return numba.njit(**options)(function)

    return wrap


_inlined = _compiled(forceinline=True)


@_inlined
def _int(array: Any, i: Any) -> Any:
    return peek(array + 8 * i, np.int64(0))


@_inlined
def _number(array: Any, i: Any, like: Any) -> Any:
    return peek(array + i * size_of(like), like)


# Lists ------------------------------------------------------------------------------------------

# Addresses of the lists, by what they list. `counts` has their lengths, `spans` a record a group.
Lists = namedtuple(  # Numba finds the types
    "Lists",
    "counts spans tap tap_step point point_step point_array edge edge_step edge_last "
    "row row_step row_complex mask mask_step ahead ahead_step target target_step "
    "tap_weight point_weight edge_weight mids mid_weights found found_weights end",
)

GROUPS, TAPS, POINTS, EDGES, ROWS, MASKS, AHEADS, MIDS, FOUND = range(9)
COUNTS = 6

# The taps of a group from FIRST to SHARED are used in the edges, those to LAST_TAP in the middle;
# then what is multiplied point by point, edges, coefficient rows and masks, from …0 to …1.
FIRST, SHARED, LAST_TAP, POINT0, POINT1, EDGE0, EDGE1, ROW0, ROW1, MASK0, MASK1, FACTOR = range(12)
SPAN = 12


@_inlined
def _moved(count: Any) -> Any:
    """Return the length of a list that is moved by eight."""
    return (count + 7) // 8 * 8


@_inlined
def _lists(code: Any, space: Any) -> Any:
    """Divide a space among the lists, up to `end`; every number gets eight bytes."""
    c = code + 8 * at.CAPACITY
    groups, taps, points = 8 * _int(c, GROUPS), 8 * _int(c, TAPS), 8 * _int(c, POINTS)
    edges, rows, masks = 8 * _int(c, EDGES), 8 * _int(c, ROWS), 8 * _int(c, MASKS)
    ahead, mids, found = 8 * _int(c, AHEADS), 8 * _int(c, MIDS), 8 * _int(c, FOUND)
    axes, lines = _int(code, at.AXES), 8 * _moved(_int(code, at.LINES))
    spans = space + 8 * COUNTS
    tap = spans + SPAN * groups
    point = tap + 3 * taps
    edge = point + 4 * points
    row = edge + 4 * edges
    mask = row + 3 * rows
    aheads = mask + 2 * masks
    target = aheads + 2 * ahead
    mid = target + 2 * lines
    places = mid + mids * (axes + 1)
    return Lists(
        space, spans,
        tap, tap + taps,
        point, point + points, point + 2 * points,
        edge, edge + edges, edge + 2 * edges,
        row, row + rows, row + 2 * rows,
        mask, mask + masks,
        aheads, aheads + ahead,
        target, target + lines,
        tap + 2 * taps, point + 3 * points, edge + 3 * edges,
        mid, mid + mids * axes,
        places, places + found,
        places + 2 * found,
    )  # fmt: skip


@_inlined
def _new(lists: Any, kind: Any) -> Any:
    """Return the place of a new entry in a list."""
    place = lists.counts + 8 * kind
    n = peek(place, np.int64(0))
    poke(place, n + 1)
    return n


# Gathering --------------------------------------------------------------------------------------


@_inlined
def _index(i: Any, extent: Any) -> Any:
    """Return an index, wrapped where the axis wraps."""
    return i if extent == 0 or 0 <= i < extent else i % extent


@_inlined
def _taps(code: Any, table: Any, i: Any) -> Any:
    """Return the first tap of a row of a table, their number, and the columns of earlier laps."""
    rows = _int(code, table + at.ROWS)
    lap = i // rows
    starts = _int(code, table + at.STARTS) + i - lap * rows
    begin = _int(code, starts)
    return begin, _int(code, starts + 1) - begin, lap * _int(code, table + at.COLUMNS)


@_inlined
def _expand_mid(code: Any, data: Any, tables: Any, index: Any, lists: Any, like: Any) -> Any:
    """List the points and weights that tables lead to from a point; return their number."""
    axes = _int(code, at.AXES)
    mids, weights, size = lists.mids, lists.mid_weights, size_of(like)
    poke(weights, one(like))
    for a in range(axes):
        poke(mids + 8 * a, _int(index, a))
    count = 1
    if tables == 0:
        return count
    for a in range(axes):
        table = _int(code, tables + a)
        if table == 0:
            continue
        begin, taps, shift = _taps(code, table, _int(index, a))
        columns = _int(code, table + at.TAP_COLUMNS) + begin
        values = _int(code, table + at.TAP_WEIGHTS) + begin
        for c in range(count - 1, -1, -1):
            for t in range(taps - 1, -1, -1):
                to = c * taps + t
                for b in range(axes):
                    poke(mids + 8 * (to * axes + b), _int(mids, c * axes + b))
                poke(mids + 8 * (to * axes + a), _int(code, columns + t) + shift)
                weight = _number(weights, c, like) * _number(data, values + t, like)
                poke(weights + to * size, weight)
        count *= taps
    return count


@_inlined
def _expand_term(
    code: Any, data: Any, term: Any, index: Any, base: Any, strides: Any, lists: Any, like: Any
) -> Any:
    """List the addresses and weights of the rows that a term reads; return their number."""
    found, weights, size = lists.found, lists.found_weights, size_of(like)
    poke(weights, _number(data, _int(code, term + at.WEIGHT), like))
    poke(found, base)
    count = 1
    for a in range(_int(code, at.AXES)):
        table = _int(code, term + at.TERM_TABLES + 2 * a)
        extent = _int(code, term + at.TERM_TABLES + 2 * a + 1)
        stride, i = _int(strides, a), _int(index, a)
        if table == 0:
            step = _index(i, extent) * stride
            for c in range(count):
                poke(found + 8 * c, _int(found, c) + step)
            continue
        begin, taps, shift = _taps(code, table, i)
        columns = _int(code, table + at.TAP_COLUMNS) + begin
        values = _int(code, table + at.TAP_WEIGHTS) + begin
        for c in range(count - 1, -1, -1):
            for t in range(taps - 1, -1, -1):
                step = _index(_int(code, columns + t) + shift, extent) * stride
                weight = _number(weights, c, like) * _number(data, values + t, like)
                poke(found + 8 * (c * taps + t), _int(found, c) + step)
                poke(weights + (c * taps + t) * size, weight)
        count *= taps
    return count


@_inlined
def _coefficients(code: Any, group: Any, index: Any, mid: Any, lists: Any, scale: Any) -> Any:
    """List a group's coefficients; return the scale times those that are numbers along the row.

    The second result tells whether a mask leaves nothing of the row.
    """
    axes = _int(code, at.AXES)
    nothing = False
    for c in range(_int(code, group + at.COEFFICIENTS)):
        record = _int(code, group + at.COEFFICIENT) + c * (at.COEFFICIENT_STRIDES + 2 * axes)
        point = mid if _int(code, record + at.AT_MID) else index
        address, step = _int(code, record + at.ADDRESS), np.int64(0)
        for a in range(axes):
            step = _int(code, record + at.COEFFICIENT_STRIDES + 2 * a)
            extent = _int(code, record + at.COEFFICIENT_STRIDES + 2 * a + 1)
            address += _index(_int(point, a), extent) * step
        kind = _int(code, record + at.KIND)
        if kind == at.SCALAR:
            scale *= peek(address, scale)
        elif kind == at.MASK_SCALAR:
            nothing |= peek(address, np.uint8(0)) == 0
        elif kind == at.MASK_ROW:
            n = _new(lists, MASKS)
            poke(lists.mask + 8 * n, address)
            poke(lists.mask_step + 8 * n, step)
        else:
            n = _new(lists, ROWS)
            poke(lists.row + 8 * n, address)
            poke(lists.row_step + 8 * n, step)
            poke(lists.row_complex + 8 * n, np.int64(kind == at.COMPLEX_ROW))
    return scale, nothing


@_inlined
def _tap(lists: Any, address: Any, step: Any, weight: Any) -> None:
    n = _new(lists, TAPS)
    poke(lists.tap + 8 * n, address)
    poke(lists.tap_step + 8 * n, step)
    poke(lists.tap_weight + n * size_of(weight), weight)


@_inlined
def _along_last(
    code: Any, data: Any, last: Any, length: Any, address: Any, step: Any, weight: Any, lists: Any
) -> None:
    """List what a term does along the last axis with one row that it reads."""
    n = _new(lists, EDGES)
    poke(lists.edge + 8 * n, address)
    poke(lists.edge_step + 8 * n, step)
    poke(lists.edge_last + 8 * n, last)
    poke(lists.edge_weight + n * size_of(weight), weight)
    displacements = _int(code, last + at.DISPLACEMENTS)
    weights = _int(code, last + at.WEIGHTS)
    for t in range(_int(code, last + at.TAPS)):
        place = address + _int(code, displacements + t)
        if _int(code, last + at.POINTWISE):
            n = _new(lists, POINTS)
            poke(lists.point + 8 * n, place)
            poke(lists.point_step + 8 * n, step)
            poke(lists.point_array + 8 * n, data + (weights + t * length) * size_of(weight))
            poke(lists.point_weight + n * size_of(weight), weight)
        else:
            _tap(lists, place, step, weight * _number(data, weights + t, weight))


@_inlined
def _terms(
    code: Any, data: Any, group: Any, length: Any, mid: Any, scale: Any,
    bases: Any, strides: Any, lists: Any, span: Any, like: Any,
) -> None:  # fmt: skip
    """List the taps of a group's terms, those that read no neighbors along the row first."""
    axes = _int(code, at.AXES)
    own, own_tap = np.int64(0), np.int64(-1)
    poke(span + 8 * SHARED, _int(lists.counts, TAPS))
    for t in range(_int(code, group + at.TERMS)):
        term = _int(code, group + at.TERM) + t * (at.TERM_TABLES + 2 * axes)
        source = _int(code, term + at.SOURCE)
        base, steps = _int(bases, source), strides + 8 * axes * source
        step = _int(steps, axes - 1)
        count = _expand_term(code, data, term, mid, base, steps, lists, like)
        last = _int(code, term + at.LAST)
        if t == 0:
            own = base
            for a in range(axes):
                own += _int(mid, a) * _int(steps, a)
        for c in range(count):
            address = _int(lists.found, c)
            weight = _number(lists.found_weights, c, like) * scale
            if last:
                _along_last(code, data, last, length, address, step, weight, lists)
            elif address != own:
                _tap(lists, address, step, weight)
            elif own_tap < 0:
                own_tap = _int(lists.counts, TAPS)
                _tap(lists, address, step, weight)
            else:
                # The point itself is read by the derivatives along every axis: once will do.
                place = lists.tap_weight + own_tap * size_of(like)
                poke(place, peek(place, like) + weight)
        if not last:
            poke(span + 8 * SHARED, _int(lists.counts, TAPS))


@_inlined
def _count(lists: Any, kind: Any, span: Any, field: Any) -> None:
    poke(span + 8 * field, _int(lists.counts, kind))


@_inlined
def _group(
    code: Any, data: Any, group: Any, length: Any, index: Any, mid: Any, weight: Any,
    bases: Any, strides: Any, lists: Any, like: Any,
) -> None:  # fmt: skip
    """List a group as it stands for one tap of its mid tables."""
    number = _int(lists.counts, GROUPS)
    span = lists.spans + 8 * SPAN * number
    _count(lists, TAPS, span, FIRST)
    _count(lists, POINTS, span, POINT0)
    _count(lists, EDGES, span, EDGE0)
    _count(lists, ROWS, span, ROW0)
    _count(lists, MASKS, span, MASK0)
    scale, nothing = _coefficients(code, group, index, mid, lists, weight)
    if nothing:
        poke(lists.counts + 8 * ROWS, _int(span, ROW0))
        poke(lists.counts + 8 * MASKS, _int(span, MASK0))
        return
    _terms(code, data, group, length, mid, scale, bases, strides, lists, span, like)
    _count(lists, TAPS, span, LAST_TAP)
    _count(lists, POINTS, span, POINT1)
    _count(lists, EDGES, span, EDGE1)
    _count(lists, ROWS, span, ROW1)
    _count(lists, MASKS, span, MASK1)
    poke(span + 8 * FACTOR, _int(code, group + at.IMAGINARY))
    poke(lists.counts + 8 * GROUPS, number + 1)


@_inlined
def _place(
    list_: Any, steps: Any, n: Any, bases: Any, strides: Any, buffer: Any, index: Any, axes: Any
) -> None:
    """List the address of a buffer's row at a point of the outer axes."""
    address = _int(bases, buffer)
    for a in range(axes):
        address += _int(index, a) * _int(strides, buffer * axes + a)
    poke(list_ + 8 * n, address)
    poke(steps + 8 * n, _int(strides, buffer * axes + axes - 1))


@_compiled()
def _gather(
    code: Any, data: Any, index: Any, bases: Any, strides: Any, lists: Any, first: Any, like: Any
) -> None:
    """Make the lists of the rows at a point of the outer axes; `first` group of every line."""
    axes = _int(code, at.AXES)
    for kind in range(COUNTS):
        poke(lists.counts + 8 * kind, np.int64(0))
    for n in range(_int(code, at.LINES)):
        line = _int(code, at.LINE) + n * at.LINE_SIZE
        target = _int(code, line + at.TARGET)
        _place(lists.target, lists.target_step, n, bases, strides, target, index, axes)
        poke(first + 8 * n, _int(lists.counts, GROUPS))
        for g in range(_int(code, line + at.GROUPS)):
            group = _int(code, line + at.GROUP) + g * at.GROUP_SIZE
            count = _expand_mid(code, data, _int(code, group + at.MID), index, lists, like)
            for m in range(count):
                _group(
                    code, data, group, _int(code, line + at.LENGTH), index,
                    lists.mids + 8 * axes * m, _number(lists.mid_weights, m, like),
                    bases, strides, lists, like,
                )  # fmt: skip
    poke(first + 8 * _int(code, at.LINES), _int(lists.counts, GROUPS))
    for n in range(_int(code, at.AHEADS)):
        record = _int(code, at.AHEAD) + n * (at.AHEAD_STRIDES + axes)
        source, address = (
            _int(code, record + at.AHEAD_BUFFER),
            _int(code, record + at.AHEAD_ADDRESS),
        )
        steps = code + 8 * (record + at.AHEAD_STRIDES)
        if source >= 0:
            address, steps = _int(bases, source), strides + 8 * axes * source
        for a in range(axes):
            address += _int(steps, a) * _int(index, a)
        address += _int(steps, axes - 2) * _int(code, record + at.AHEAD_REACH)
        poke(lists.ahead + 8 * n, address)
        poke(lists.ahead_step + 8 * n, _int(steps, axes - 1))


@_inlined
def _move(addresses: Any, steps: Any, count: Any) -> None:
    for n in range(0, count, 8):
        advance(addresses + 8 * n, steps + 8 * n)


@_inlined
def _shift(lists: Any, aheads: Any, lines: Any) -> None:
    """Move the lists on by one row."""
    _move(lists.tap, lists.tap_step, _int(lists.counts, TAPS))
    _move(lists.point, lists.point_step, _int(lists.counts, POINTS))
    _move(lists.edge, lists.edge_step, _int(lists.counts, EDGES))
    _move(lists.row, lists.row_step, _int(lists.counts, ROWS))
    _move(lists.mask, lists.mask_step, _int(lists.counts, MASKS))
    _move(lists.ahead, lists.ahead_step, aheads)
    _move(lists.target, lists.target_step, lines)


# Filling ----------------------------------------------------------------------------------------


@_inlined
def _scaled(v: Any, re: Any, im: Any) -> Any:
    """Return a vector times a number, complex if im is not 0."""
    if im != 0:
        return muladd(splat(im), times_i(v), mul(splat(re), v))
    return mul(splat(re), v)


@_inlined
def _times_row(v: Any, c: Any, is_complex: Any) -> Any:
    if is_complex:
        return muladd(odds(c), times_i(v), mul(evens(c), v))
    return mul(v, c)


@_inlined
def _part(address: Any, count: Any, whole: Any, like: Any) -> Any:
    return load(address, like) if whole else load_first(address, count, like)


@_inlined
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
    paired = _int(code, at.PAIRED)
    total = splat(like)
    for g in range(first, last):
        span = lists.spans + 8 * SPAN * g
        part = splat(like)
        for t in range(_int(span, FIRST), _int(span, SHARED if matrix else LAST_TAP)):
            x = _part(_int(lists.tap, t) + b, count, whole, like)
            part = muladd(splat(_number(lists.tap_weight, t, like)), x, part)
        if matrix:
            for e in range(_int(span, EDGE0), _int(span, EDGE1)):
                record = _int(lists.edge_last, e) + matrix
                row = data + (_int(code, record + 2) + k - origin) * size
                place, columns = _int(lists.edge, e), _int(code, record + 1)
                reached = splat(like)
                for c in range(_int(code, record)):
                    address = place + _int(code, columns + c)
                    x = pair(address, like) if paired else splat(peek(address, like))
                    w = _part(row + c * lanes * size, count, whole, like)
                    reached = muladd(w, select(w, x), reached)
                part = muladd(splat(_number(lists.edge_weight, e, like)), reached, part)
        else:
            for p in range(_int(span, POINT0), _int(span, POINT1)):
                weight = splat(_number(lists.point_weight, p, like))
                x = _part(_int(lists.point, p) + b, count, whole, like)
                w = _part(_int(lists.point_array, p) + b, count, whole, like)
                part = muladd(mul(w, weight), select(w, x), part)
        factor = _int(span, FACTOR)
        if factor:
            part = _scaled(part, _number(data, factor, like), _number(data, factor + 1, like))
        for r in range(_int(span, ROW0), _int(span, ROW1)):
            c = _part(_int(lists.row, r) + b, count, whole, like)
            part = _times_row(part, c, _int(lists.row_complex, r))
        for m in range(_int(span, MASK0), _int(span, MASK1)):
            place = _int(lists.mask, m) + k
            part = where_bytes(place, part) if whole else where_bytes_first(place, count, part)
        total = add(total, part)
    return total


@_inlined
def _four(data: Any, lists: Any, first: Any, last: Any, k: Any, like: Any) -> Any:
    """Return the sum of the groups for four vectors of lanes from lane k in the middle of a row."""
    b, width = k * size_of(like), 64 // size_of(like)
    zero = splat(like)
    total0, total1, total2, total3 = zero, zero, zero, zero
    for g in range(first, last):
        span = lists.spans + 8 * SPAN * g
        part0, part1, part2, part3 = zero, zero, zero, zero
        for t in range(_int(span, FIRST), _int(span, LAST_TAP)):
            w = splat(_number(lists.tap_weight, t, like))
            place = _int(lists.tap, t) + b
            part0 = muladd(w, load(place, like), part0)
            part1 = muladd(w, load(place + 64, like), part1)
            part2 = muladd(w, load(place + 128, like), part2)
            part3 = muladd(w, load(place + 192, like), part3)
        for p in range(_int(span, POINT0), _int(span, POINT1)):
            weight = splat(_number(lists.point_weight, p, like))
            place, array = _int(lists.point, p) + b, _int(lists.point_array, p) + b
            w = load(array, like)
            part0 = muladd(mul(w, weight), select(w, load(place, like)), part0)
            w = load(array + 64, like)
            part1 = muladd(mul(w, weight), select(w, load(place + 64, like)), part1)
            w = load(array + 128, like)
            part2 = muladd(mul(w, weight), select(w, load(place + 128, like)), part2)
            w = load(array + 192, like)
            part3 = muladd(mul(w, weight), select(w, load(place + 192, like)), part3)
        factor = _int(span, FACTOR)
        if factor:
            re, im = _number(data, factor, like), _number(data, factor + 1, like)
            part0, part1 = _scaled(part0, re, im), _scaled(part1, re, im)
            part2, part3 = _scaled(part2, re, im), _scaled(part3, re, im)
        for r in range(_int(span, ROW0), _int(span, ROW1)):
            place, is_complex = _int(lists.row, r) + b, _int(lists.row_complex, r)
            part0 = _times_row(part0, load(place, like), is_complex)
            part1 = _times_row(part1, load(place + 64, like), is_complex)
            part2 = _times_row(part2, load(place + 128, like), is_complex)
            part3 = _times_row(part3, load(place + 192, like), is_complex)
        for m in range(_int(span, MASK0), _int(span, MASK1)):
            place = _int(lists.mask, m) + k
            part0 = where_bytes(place, part0)
            part1 = where_bytes(place + width, part1)
            part2 = where_bytes(place + 2 * width, part2)
            part3 = where_bytes(place + 3 * width, part3)
        total0, total1 = add(total0, part0), add(total1, part1)
        total2, total3 = add(total2, part2), add(total3, part3)
    return total0, total1, total2, total3


@_inlined
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


@_inlined
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


@_inlined
def _fill(
    code: Any, data: Any, line: Any, lists: Any, first: Any, last: Any, target: Any,
    begin: Any, end: Any, aheads: Any, re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Write lanes begin to end of a row; `target` is the address of its lane 0."""
    size, width = size_of(like), 64 // size_of(like)
    for n in range(aheads):
        for place in range(begin * size, end * size, 64):
            prefetch(_int(lists.ahead, n) + place)
    head, tail = _int(code, line + at.HEAD), _int(code, line + at.TAIL)
    inner = _int(code, line + at.LENGTH) - tail
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


# Sweeping ---------------------------------------------------------------------------------------


@_inlined
def _rows(
    code: Any, data: Any, lists: Any, first: Any, lanes: Any,
    re: Any, im: Any, adding: Any, streaming: Any, like: Any,
) -> None:  # fmt: skip
    """Fill the rows of every line at a point of the outer axes."""
    aheads = _int(code, at.AHEADS)
    for n in range(_int(code, at.LINES)):
        line = _int(code, at.LINE) + n * at.LINE_SIZE
        kept = _int(code, line + at.TARGET) >= _int(code, at.ROW_BUFFERS)
        _fill(
            code, data, line, lists, _int(first, n), _int(first, n + 1), _int(lists.target, n),
            _int(lanes, 2 * n), _int(lanes, 2 * n + 1), 0 if kept else aheads,
            one(like) if kept else re, like if kept else im,
            adding and not kept, streaming and not kept, like,
        )  # fmt: skip
        aheads = aheads if kept else 0


@_inlined
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


@_inlined
def _place_rows(code: Any, segment: Any, bases: Any, address: Any, size: Any) -> None:
    """Set the addresses of the row buffers so that their lanes count from the row's start."""
    for n in range(code[at.LINES]):
        target = code[code[at.LINE] + n * at.LINE_SIZE + at.TARGET]
        if target >= code[at.ROW_BUFFERS]:
            bases[target] = address - segment[n, 0] * size
            address += ((segment[n, 1] - segment[n, 0]) * size // 8 + 1) * 8


@_compiled()
def sweep(
    code: Any, data: Any, bases: Any, strides: Any, low: Any, high: Any, segments: Any, block: Any,
    re: Any, im: Any, adding: Any, streaming: Any,
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
    plan, weights, like = code.ctypes.data, data.ctypes.data, data[0]
    axes, lines, buffers = code[at.AXES], code[at.LINES], len(bases)
    inner = axes - 1
    words = _lists(plan, 0).end // 8
    fixed = words + lines + 1 + axes + buffers
    space = np.empty(fixed + _row_space(code, segments, data.itemsize), np.int64)
    lists = _lists(plan, space.ctypes.data)
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
                    if j > start and (same == 0 or code[same + _index(j, code[at.SAME_LENGTH])]):
                        _shift(lists, code[at.AHEADS], lines)
                    else:
                        _gather(
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
    space[0] = 0


@_compiled()
def direct(
    code: Any, data: Any, frame: Any, inputs: Any, buffers: Any, segments: Any, u: Any, out: Any,
    re: Any, im: Any, adding: Any,
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
