"""Ranges of rows along one axis: what they read, and parts of them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from findops.plan.band import reach

if TYPE_CHECKING:
    from findops.executors.kernels.schedule import Buffer
    from findops.plan.band import Band

__all__ = ["Range", "parts", "read", "widen"]

Range = tuple[int, int]


def read(band: Band | None, rows: Range) -> Range:
    """Return the range of columns that a range of rows reads; on a circle it goes on."""
    return rows if band is None else reach(band, *rows)


def widen(needed: dict[Buffer, Range], buffer: Buffer, found: Range) -> None:
    """Widen what is needed of a buffer by a range."""
    low, high = needed.get(buffer, found)
    if found[0] < found[1]:
        needed[buffer] = (min(low, found[0]), max(high, found[1])) if low < high else found


def parts(n: int, size: int) -> list[Range]:
    """Cut n points into parts of about a size."""
    count = max(1, round(n / size))
    return list(pairwise(n * i // count for i in range(count + 1)))
