"""The lists that a row is filled from: where they are, and what stands in them.

Inside kernels, arrays are bare addresses: counting references to them would cost more than the
arithmetic. `like` is a zero of the type of the weights.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from findops.executors.compiling import inlined
from findops.executors.kernels import layout as at
from findops.executors.kernels.memory import peek, poke
from findops.executors.kernels.vectors import size_of

__all__ = ["COUNTS", "Lists", "divided", "integer", "list_place", "new", "number_at"]


@inlined
def integer(array: Any, i: Any) -> Any:
    """Return an entry of an array of integers."""
    return peek(array + 8 * i, np.int64(0))


@inlined
def number_at(array: Any, i: Any, like: Any) -> Any:
    """Return an entry of an array of weights."""
    return peek(array + i * size_of(like), like)


# Addresses of the lists, by what they list. `spans` has a record a group, `counts` their lengths.
# What moves from row to row, `tap` to `target`, stands together: `moved` bytes of addresses, and as
# far behind each the step that it moves by. Both begin where cache lines do: a vector across the
# border of two pages is slow to write and to read again.
Lists = namedtuple(
    "Lists",
    "spans tap point edge row complex_row mask ahead target moved point_array edge_last "
    "tap_weight point_weight edge_weight mids mid_weights found found_weights counts end",
)

GROUPS, TAPS, POINTS, EDGES, ROWS, COMPLEX_ROWS, MASKS, AHEADS, MIDS, FOUND = range(10)
COUNTS = 7

# The taps of a group from FIRST to SHARED are used in all lanes. If OWN is 1, that at SHARED, of
# the point itself, is used in the edges only; the others to LAST_TAP are used in the middle. Then
# what is multiplied point by point, edges, coefficient rows and masks, from …0 to …1. PLAIN tells
# that the pointwise weights are all that pointwise taps are multiplied by, and none is zero.
FIRST, SHARED, LAST_TAP, POINT0, POINT1, EDGE0, EDGE1 = range(7)
ROW0, ROW1, COMPLEX0, COMPLEX1, MASK0, MASK1, FACTOR, PLAIN, OWN = range(7, 16)
SPAN = 16


@inlined
def moved(size: Any) -> Any:
    """Return the bytes of addresses that are moved by eight together."""
    return (size + 63) // 64 * 64


@inlined
def divided(code: Any, space: Any) -> Any:
    """Divide a space, which begins where a cache line does, among the lists, up to `end`.

    Every number gets eight bytes.
    """
    c = code + 8 * at.CAPACITY
    groups, taps, points = 8 * integer(c, GROUPS), 8 * integer(c, TAPS), 8 * integer(c, POINTS)
    edges, rows = 8 * integer(c, EDGES), 8 * integer(c, ROWS)
    complex_rows, masks = 8 * integer(c, COMPLEX_ROWS), 8 * integer(c, MASKS)
    ahead, mids, found = 8 * integer(c, AHEADS), 8 * integer(c, MIDS), 8 * integer(c, FOUND)
    axes, lines = integer(code, at.AXES), 8 * integer(code, at.LINES)
    tap = space + SPAN * groups
    point = tap + taps
    edge = point + points
    row = edge + edges
    complex_row = row + rows
    mask = complex_row + complex_rows
    aheads = mask + masks
    target = aheads + ahead
    together = moved(target + lines - tap)
    point_array = tap + 2 * together
    edge_last = point_array + points
    tap_weight = edge_last + edges
    point_weight = tap_weight + taps
    edge_weight = point_weight + points
    mid = edge_weight + edges
    places = mid + mids * (axes + 1)
    counts = places + 2 * found
    return Lists(
        space, tap, point, edge, row, complex_row, mask, aheads, target, together,
        point_array, edge_last, tap_weight, point_weight, edge_weight,
        mid, mid + mids * axes, places, places + found, counts, counts + 8 * COUNTS,
    )  # fmt: skip


@inlined
def list_place(list_: Any, moved_: Any, n: Any, address: Any, step: Any) -> None:
    """List an address and its step."""
    poke(list_ + 8 * n, address)
    poke(list_ + moved_ + 8 * n, step)


@inlined
def new(lists: Any, kind: Any) -> Any:
    """Return the place of a new entry in a list."""
    place = lists.counts + 8 * kind
    n = peek(place, np.int64(0))
    poke(place, n + 1)
    return n
