"""Arrays as kernels want them: a contiguous last axis, and starts alike within cache lines."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from findops.common.arrays import Array
from findops.common.memory import empty_bytes

__all__ = [
    "CACHE_LINE",
    "Order",
    "Ready",
    "contiguous_last",
    "empty_like",
    "fits",
    "on_cache_lines",
    "order_of",
]

Order = tuple[int, ...]
"""The axes of the grid from the slowest to one that is contiguous."""

Ready = Callable[[Array, Array | None, bool, float], Array | None]
"""A quick application: (u, out, add, scale) to the result, or to None if `out` is unfit for it."""

CACHE_LINE = 64
"""Bytes of a cache line."""

ALIGNED_BYTES = 1 << 16
"""Bytes from which it pays to choose where in a cache line an array begins."""


def fits(out: object, shape: tuple[int, ...], dtype: np.dtype[Any], u: Array) -> bool:
    """Tell whether an output is a contiguous array of a shape and type, apart from u."""
    return (
        isinstance(out, np.ndarray)
        and out.flags.carray
        and out.shape == shape
        and out.dtype == dtype
        and not np.may_share_memory(u, out)
    )


def contiguous_last(fields: Array) -> bool:
    """Tell whether the last axis is contiguous."""
    return fields.shape[-1] <= 1 or fields.strides[-1] == fields.itemsize


def order_of(fields: Array) -> Order | None:
    """Return the axes of (batch, component, *points) from the slowest to one that is contiguous.

    None if there is no such axis.
    """
    axes = range(fields.ndim - 2)
    if contiguous_last(fields):
        return tuple(axes)
    strides = fields.strides[2:]
    last = [axis for axis in axes if strides[axis] == fields.itemsize]
    if not last:
        return None
    others = sorted((a for a in axes if a != last[0]), key=lambda axis: -abs(strides[axis]))
    return (*others, last[0])


def empty_like(u: Array, shape: tuple[int, ...]) -> Array:
    """Return a new array of another shape, which begins within a cache line where `u` does.

    What the kernels write then stands in memory as what they read does: vectors of both begin
    where cache lines do.
    """
    return _empty(shape, u.dtype, u.ctypes.data // u.itemsize * u.itemsize)


def on_cache_lines(u: Array) -> Array:
    """Return a copy that begins where a cache line does, whose vectors kernels load at once."""
    made = _empty(u.shape, u.dtype, 0)
    made[...] = u
    return made


def _empty(shape: tuple[int, ...], dtype: np.dtype[Any], place: int) -> Array:
    """Return a new array that begins within a cache line where a place in memory does."""
    size = math.prod(shape) * dtype.itemsize
    if size < ALIGNED_BYTES:
        return np.empty(shape, dtype)
    raw = empty_bytes(size + CACHE_LINE)
    start = (place - raw.ctypes.data) % CACHE_LINE
    return raw[start : start + size].view(dtype).reshape(shape)
