"""Gathering: what a plan says of a row becomes lists of taps (address, weight)."""

from __future__ import annotations

from typing import Any

import numpy as np

from findops.executors.compiling import compiled, inlined
from findops.executors.kernels import layout as at
from findops.executors.kernels.lists import (
    COMPLEX0,
    COMPLEX1,
    COMPLEX_ROWS,
    COUNTS,
    EDGE0,
    EDGE1,
    EDGES,
    FACTOR,
    FIRST,
    GROUPS,
    LAST_TAP,
    MASK0,
    MASK1,
    MASKS,
    OWN,
    PLAIN,
    POINT0,
    POINT1,
    POINTS,
    ROW0,
    ROW1,
    ROWS,
    SHARED,
    SPAN,
    TAPS,
    integer,
    list_place,
    new,
    number_at,
)
from findops.executors.kernels.memory import advance, peek, poke, rolled
from findops.executors.kernels.vectors import one, size_of

__all__ = ["gather", "shift", "wrapped"]


@inlined
def wrapped(i: Any, extent: Any) -> Any:
    """Return an index, wrapped where the axis wraps."""
    return i if extent == 0 or 0 <= i < extent else i % extent


@inlined
def _taps(code: Any, table: Any, i: Any) -> Any:
    """Return the first tap of a row of a table, their number, and the columns of earlier laps."""
    rows = integer(code, table + at.ROWS)
    lap = 0 if 0 <= i < rows else i // rows
    starts = integer(code, table + at.STARTS) + i - lap * rows
    begin = integer(code, starts)
    return begin, integer(code, starts + 1) - begin, lap * integer(code, table + at.COLUMNS)


@inlined
def _expand_mid(code: Any, data: Any, tables: Any, index: Any, lists: Any, like: Any) -> Any:
    """List the points and weights that tables lead to from a point; return their number."""
    axes = integer(code, at.AXES)
    mids, weights, size = lists.mids, lists.mid_weights, size_of(like)
    poke(weights, one(like))
    for a in range(axes):
        poke(mids + 8 * a, integer(index, a))
        rolled()
    count = 1
    if tables == 0:
        return count
    for a in range(axes):
        table = integer(code, tables + a)
        if table == 0:
            continue
        begin, taps, shift = _taps(code, table, integer(index, a))
        columns = integer(code, table + at.TAP_COLUMNS) + begin
        values = integer(code, table + at.TAP_WEIGHTS) + begin
        for c in range(count - 1, -1, -1):
            for t in range(taps - 1, -1, -1):
                to = c * taps + t
                for b in range(axes):
                    poke(mids + 8 * (to * axes + b), integer(mids, c * axes + b))
                poke(mids + 8 * (to * axes + a), integer(code, columns + t) + shift)
                weight = number_at(weights, c, like) * number_at(data, values + t, like)
                poke(weights + to * size, weight)
        count *= taps
    return count


@inlined
def _expand_term(
    code: Any, data: Any, term: Any, index: Any, base: Any, strides: Any, lists: Any, like: Any
) -> Any:
    """List the addresses and weights of the rows that a term reads; return their number."""
    found, weights, size = lists.found, lists.found_weights, size_of(like)
    axes = integer(code, at.AXES)
    for a in range(axes):
        if integer(code, term + at.TERM_TABLES + 2 * a) == 0:
            extent = integer(code, term + at.TERM_TABLES + 2 * a + 1)
            base += wrapped(integer(index, a), extent) * integer(strides, a)
        rolled()
    poke(weights, number_at(data, integer(code, term + at.WEIGHT), like))
    poke(found, base)
    count = 1
    for a in range(axes):
        table = integer(code, term + at.TERM_TABLES + 2 * a)
        if table == 0:
            continue
        extent = integer(code, term + at.TERM_TABLES + 2 * a + 1)
        stride = integer(strides, a)
        begin, taps, shift = _taps(code, table, integer(index, a))
        columns = integer(code, table + at.TAP_COLUMNS) + begin
        values = integer(code, table + at.TAP_WEIGHTS) + begin
        for c in range(count - 1, -1, -1):
            for t in range(taps - 1, -1, -1):
                step = wrapped(integer(code, columns + t) + shift, extent) * stride
                weight = number_at(weights, c, like) * number_at(data, values + t, like)
                poke(found + 8 * (c * taps + t), integer(found, c) + step)
                poke(weights + (c * taps + t) * size, weight)
                rolled()
        count *= taps
    return count


@inlined
def _coefficients(code: Any, group: Any, index: Any, mid: Any, lists: Any, scale: Any) -> Any:
    """List a group's coefficients; return the scale times those that are numbers along the row.

    The second result tells whether a mask leaves nothing of the row.
    """
    axes = integer(code, at.AXES)
    nothing = False
    for c in range(integer(code, group + at.COEFFICIENTS)):
        record = integer(code, group + at.COEFFICIENT) + c * (at.COEFFICIENT_STRIDES + 2 * axes)
        point = mid if integer(code, record + at.AT_MID) else index
        address, step = integer(code, record + at.ADDRESS), np.int64(0)
        for a in range(axes):
            step = integer(code, record + at.COEFFICIENT_STRIDES + 2 * a)
            extent = integer(code, record + at.COEFFICIENT_STRIDES + 2 * a + 1)
            address += wrapped(integer(point, a), extent) * step
            rolled()
        kind = integer(code, record + at.KIND)
        if kind == at.SCALAR:
            scale *= peek(address, scale)
        elif kind == at.MASK_SCALAR:
            nothing |= peek(address, np.uint8(0)) == 0
        elif kind == at.MASK_ROW:
            n = new(lists, MASKS)
            list_place(lists.mask, lists.moved, n, address, step)
        elif kind == at.COMPLEX_ROW:
            n = new(lists, COMPLEX_ROWS)
            list_place(lists.complex_row, lists.moved, n, address, step)
        else:
            n = new(lists, ROWS)
            list_place(lists.row, lists.moved, n, address, step)
    return scale, nothing


@inlined
def _tap(lists: Any, address: Any, step: Any, weight: Any) -> None:
    n = new(lists, TAPS)
    list_place(lists.tap, lists.moved, n, address, step)
    poke(lists.tap_weight + n * size_of(weight), weight)


@inlined
def _swap(list_: Any, i: Any, j: Any, like: Any) -> None:
    """Swap two entries of a list."""
    here, there = list_ + i * size_of(like), list_ + j * size_of(like)
    entry = peek(here, like)
    poke(here, peek(there, like))
    poke(there, entry)


@inlined
def _apart(lists: Any, span: Any, own_tap: Any, like: Any) -> Any:
    """Let a tap that all lanes share be used in the edges only; return its weight."""
    shared = integer(span, SHARED) - 1
    _swap(lists.tap, own_tap, shared, np.int64(0))
    _swap(lists.tap + lists.moved, own_tap, shared, np.int64(0))
    _swap(lists.tap_weight, own_tap, shared, like)
    poke(span + 8 * SHARED, shared)
    poke(span + 8 * OWN, np.int64(1))
    return number_at(lists.tap_weight, shared, like)


@inlined
def _along_last(
    code: Any, data: Any, last: Any, length: Any, address: Any, step: Any, weight: Any,
    own_tap: Any, lists: Any, span: Any,
) -> None:  # fmt: skip
    """List what a term does along the last axis with one row that it reads.

    `own_tap` is the place of the tap of the point itself if the row is the point's, or negative.
    """
    n = new(lists, EDGES)
    list_place(lists.edge, lists.moved, n, address, step)
    poke(lists.edge_last + 8 * n, last)
    poke(lists.edge_weight + n * size_of(weight), weight)
    displacements = integer(code, last + at.DISPLACEMENTS)
    weights, pointwise = integer(code, last + at.WEIGHTS), integer(code, last + at.POINTWISE)
    if pointwise == at.HOLED or (pointwise and weight != 1):
        poke(span + 8 * PLAIN, np.int64(0))
    for t in range(integer(code, last + at.TAPS)):
        place = address + integer(code, displacements + t)
        if pointwise:
            n = new(lists, POINTS)
            list_place(lists.point, lists.moved, n, place, step)
            poke(lists.point_array + 8 * n, data + (weights + t * length) * size_of(weight))
            poke(lists.point_weight + n * size_of(weight), weight)
        else:
            value = weight * number_at(data, weights + t, weight)
            if place == address and own_tap >= 0 and integer(span, OWN) == 0:
                value += _apart(lists, span, own_tap, weight)
            _tap(lists, place, step, value)


@inlined
def _terms(
    code: Any, data: Any, group: Any, length: Any, mid: Any, scale: Any,
    bases: Any, strides: Any, lists: Any, span: Any, like: Any,
) -> None:  # fmt: skip
    """List the taps of a group's terms, those that read no neighbors along the row first."""
    axes = integer(code, at.AXES)
    own, own_tap = np.int64(0), np.int64(-1)
    poke(span + 8 * SHARED, integer(lists.counts, TAPS))
    poke(span + 8 * PLAIN, np.int64(1))
    poke(span + 8 * OWN, np.int64(0))
    for t in range(integer(code, group + at.TERMS)):
        term = integer(code, group + at.TERM) + t * (at.TERM_TABLES + 2 * axes)
        source = integer(code, term + at.SOURCE)
        base, steps = integer(bases, source), strides + 8 * axes * source
        step = integer(steps, axes - 1)
        count = _expand_term(code, data, term, mid, base, steps, lists, like)
        last = integer(code, term + at.LAST)
        if t == 0:
            own = base
            for a in range(axes):
                own += integer(mid, a) * integer(steps, a)
                rolled()
        for c in range(count):
            address = integer(lists.found, c)
            weight = number_at(lists.found_weights, c, like) * scale
            if last:
                mine = own_tap if address == own else np.int64(-1)
                _along_last(code, data, last, length, address, step, weight, mine, lists, span)
            elif address != own:
                _tap(lists, address, step, weight)
            elif own_tap < 0:
                own_tap = integer(lists.counts, TAPS)
                _tap(lists, address, step, weight)
            else:
                # The point itself is read by the derivatives along every axis: once will do.
                place = lists.tap_weight + own_tap * size_of(like)
                poke(place, peek(place, like) + weight)
        if not last:
            poke(span + 8 * SHARED, integer(lists.counts, TAPS))


@inlined
def _count(lists: Any, kind: Any, span: Any, field: Any) -> None:
    poke(span + 8 * field, integer(lists.counts, kind))


@inlined
def _group(
    code: Any, data: Any, group: Any, length: Any, index: Any, mid: Any, weight: Any,
    bases: Any, strides: Any, lists: Any, like: Any,
) -> None:  # fmt: skip
    """List a group as it stands for one tap of its mid tables."""
    number = integer(lists.counts, GROUPS)
    span = lists.spans + 8 * SPAN * number
    _count(lists, TAPS, span, FIRST)
    _count(lists, POINTS, span, POINT0)
    _count(lists, EDGES, span, EDGE0)
    _count(lists, ROWS, span, ROW0)
    _count(lists, COMPLEX_ROWS, span, COMPLEX0)
    _count(lists, MASKS, span, MASK0)
    scale, nothing = _coefficients(code, group, index, mid, lists, weight)
    if nothing:
        poke(lists.counts + 8 * ROWS, integer(span, ROW0))
        poke(lists.counts + 8 * COMPLEX_ROWS, integer(span, COMPLEX0))
        poke(lists.counts + 8 * MASKS, integer(span, MASK0))
        return
    _terms(code, data, group, length, mid, scale, bases, strides, lists, span, like)
    _count(lists, TAPS, span, LAST_TAP)
    _count(lists, POINTS, span, POINT1)
    _count(lists, EDGES, span, EDGE1)
    _count(lists, ROWS, span, ROW1)
    _count(lists, COMPLEX_ROWS, span, COMPLEX1)
    _count(lists, MASKS, span, MASK1)
    poke(span + 8 * FACTOR, integer(code, group + at.IMAGINARY))
    poke(lists.counts + 8 * GROUPS, number + 1)


@compiled
def gather(
    code: Any, data: Any, index: Any, bases: Any, strides: Any, lists: Any, first: Any, like: Any
) -> None:
    """Make the lists of the rows at a point of the outer axes; `first` group of every line."""
    axes = integer(code, at.AXES)
    for kind in range(COUNTS):
        poke(lists.counts + 8 * kind, np.int64(0))
    for n in range(integer(code, at.LINES)):
        line = integer(code, at.LINE) + n * at.LINE_SIZE
        target = integer(code, line + at.TARGET)
        steps, address = strides + 8 * axes * target, integer(bases, target)
        for a in range(axes):
            address += integer(index, a) * integer(steps, a)
            rolled()
        list_place(lists.target, lists.moved, n, address, integer(steps, axes - 1))
        poke(first + 8 * n, integer(lists.counts, GROUPS))
        for g in range(integer(code, line + at.GROUPS)):
            group = integer(code, line + at.GROUP) + g * at.GROUP_SIZE
            count = _expand_mid(code, data, integer(code, group + at.MID), index, lists, like)
            for m in range(count):
                _group(
                    code, data, group, integer(code, line + at.LENGTH), index,
                    lists.mids + 8 * axes * m, number_at(lists.mid_weights, m, like),
                    bases, strides, lists, like,
                )  # fmt: skip
    poke(first + 8 * integer(code, at.LINES), integer(lists.counts, GROUPS))
    for n in range(integer(code, at.AHEADS)):
        record = integer(code, at.AHEAD) + n * (at.AHEAD_STRIDES + axes)
        source, address = (
            integer(code, record + at.AHEAD_BUFFER),
            integer(code, record + at.AHEAD_ADDRESS),
        )
        steps = code + 8 * (record + at.AHEAD_STRIDES)
        if source >= 0:
            address, steps = integer(bases, source), strides + 8 * axes * source
        for a in range(axes):
            address += integer(steps, a) * integer(index, a)
            rolled()
        address += integer(steps, axes - 2) * integer(code, record + at.AHEAD_REACH)
        list_place(lists.ahead, lists.moved, n, address, integer(steps, axes - 1))


@inlined
def shift(lists: Any) -> None:
    """Move the lists on by one row."""
    for n in range(0, lists.moved, 64):
        advance(lists.tap + n, lists.tap + lists.moved + n)
