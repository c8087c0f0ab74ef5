"""Application to large fields, on disk or of another type, block by block."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.executors.libraries.chunks import Recipes, as_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.common.arrays import Array
    from findops.executors.libraries.chunks import ChunkMaker
    from findops.plan.program import Layout, Program

__all__ = ["apply", "serves"]

DISK_BLOCK_BYTES = 1 << 26
"""Bytes of a block of the result."""

MIN_BLOCK_POINTS = 32
"""Points of a block along an axis, at least, so that blocks share few of the points they read."""


def serves(u: object, values: Array, out: Array | None, dtype: np.dtype[Any]) -> bool:
    """Tell whether a field is on disk, or of another type or byte order, and large."""
    apart = out is None or not np.may_share_memory(values, out)
    mapped = isinstance(u, np.memmap) or isinstance(out, np.memmap)
    return apart and values.nbytes > DISK_BLOCK_BYTES and (mapped or values.dtype != dtype)


def apply(
    program: Program, u: Array, out: Array | None, add: bool, scale: complex, dtype: np.dtype[Any]
) -> Array:
    """Return what an application to u (…, *components, *points) returns, made block by block.

    Only blocks of u are brought into the result's type.
    """
    inputs, outputs = program.inputs, program.outputs
    batch = u.shape[: u.ndim - len(inputs.shape)]
    if out is None:
        out, add = np.empty(batch + outputs.shape, dtype), False
    sizes = _block(batch, outputs, dtype.itemsize)
    cuts = [[*range(0, n, size), n] for n, size in zip(out.shape, sizes, strict=True)]
    chunks = tuple(tuple(b - a for a, b in pairwise(ends)) for ends in cuts)
    recipes = Recipes(program, tuple((n,) for n in inputs.shape), chunks[len(batch) :])
    makers: dict[object, ChunkMaker] = {}
    for place in np.ndindex(*map(len, chunks[len(batch) :])):
        recipe = recipes.recipe(place)
        make = makers.setdefault(recipe.key, recipe.maker(dtype))
        own = _spans(cuts[len(batch) :], place)
        for entries in np.ndindex(*map(len, chunks[: len(batch)])):
            some = _spans(cuts, entries)
            pieces = [u[some][as_index(piece.spans)] for piece in recipe.pieces] or [u[some]]
            make(*pieces, out=out[(*some, *own)], add=add, scale=scale)
    return out


def _block(batch: tuple[int, ...], outputs: Layout, itemsize: int) -> list[int]:
    """Return the shape of a block of the result: the first axes are cut first."""
    sizes = [*batch, *outputs.shape]
    least = [*(1 for _ in batch), *outputs.components, *(MIN_BLOCK_POINTS for _ in outputs.points)]
    for axis, low in enumerate(least):
        excess = math.prod(sizes) * itemsize / DISK_BLOCK_BYTES
        if excess > 1:
            sizes[axis] = max(min(low, sizes[axis]), int(sizes[axis] / excess))
    return sizes


def _spans(cuts: Sequence[Sequence[int]], place: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(ends[i], ends[i + 1]) for ends, i in zip(cuts, place, strict=False))
