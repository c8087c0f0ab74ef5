"""Rows near holes, exchanged in arrays of other libraries; in those of dask chunk by chunk."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from findops.common.arrays import library
from findops.executors.libraries.array_api import apply_table, row_table
from findops.executors.libraries.chunks import as_index
from findops.executors.libraries.dask import piece_of
from findops.executors.libraries.library import cached, library_of

if TYPE_CHECKING:
    from findops.common.arrays import Array, Bools, Ints
    from findops.executors.libraries.array_api import RowTable
    from findops.executors.libraries.chunks import Chunks, Span
    from findops.executors.libraries.library import Foreign, Library

    ChunkIndex = tuple[int, ...]
    """Numbers along each axis: of a chunk, or of points."""
    ChunkBox = tuple[ChunkIndex, tuple[Span, ...]]
    """A chunk, and ranges in it."""

__all__ = ["Patch"]


@dataclass(frozen=True, eq=False)
class Patch:
    """Rows given by a matrix in place of those of an operator, and NaN in others."""

    matrix: csr_array
    """The rows, on all points of a field."""
    rows: Ints
    """Where they are, flat."""
    undefined: Bools
    """Where there is NaN."""
    ndim: int
    """Axes of a field, without those of the batch."""

    def __call__(self, whole: Foreign, u: Foreign, scale: complex) -> Foreign:
        """Return an operator's result with rows exchanged; u is what it was applied to."""
        if library(u) == "dask":
            return _patched_chunks(self, whole, u, scale)
        given = library_of(whole)
        xp = given.xp
        rows, source = cached(self, given, partial(self._placed, given))
        batch = tuple(u.shape[: u.ndim - self.ndim])
        size = math.prod(u.shape[len(batch) :])
        values = xp.astype(xp.reshape(u, (*batch, size)), whole.dtype, copy=False)
        near = apply_table(values, -1, rows, given)
        near = near if scale == 1 else near * scale
        flat = xp.reshape(whole, (*batch, self.undefined.size))
        none = xp.full((*batch, 1), math.nan, dtype=whole.dtype, device=given.device)
        pool = xp.concat([flat, near, none], axis=-1)
        return xp.reshape(xp.take(pool, source, axis=-1), tuple(whole.shape))

    def _placed(self, given: Library) -> tuple[RowTable, Foreign]:
        """Return the rows, and where each number of the result comes from: itself, a row, NaN."""
        size = self.undefined.size
        source = np.where(self.undefined.ravel(), size + len(self.rows), np.arange(size))
        source[self.rows] = size + np.arange(len(self.rows))
        matrix = self.matrix
        return row_table(matrix.indptr, matrix.indices, matrix.data, -1, given), given.place(source)


def _patched_chunks(patch: Patch, whole: Foreign, u: Foreign, scale: complex) -> Foreign:
    """Return an operator's result, a dask array, with rows exchanged; not computed.

    Each chunk reads, of the chunks of u, boxes around what its own rows near holes read.
    """
    from dask.array import Array as DaskArray
    from dask.base import tokenize
    from dask.highlevelgraph import HighLevelGraph

    token = tokenize(whole, u, patch.matrix, patch.rows, patch.undefined, scale)
    name = f"findops-masked-{token}"
    lead = u.ndim - patch.ndim
    inputs, outputs = u.chunks[lead:], whole.chunks[lead:]
    batches = list(np.ndindex(*(len(sizes) for sizes in u.chunks[:lead])))
    rows = _grouped(patch.rows, outputs)
    graph: dict[Any, Any] = {}
    for number, place in enumerate(np.ndindex(*map(len, outputs))):
        spans = _spans(outputs, place)
        undefined = patch.undefined[as_index(spans)]
        chosen = rows.get(place, np.zeros(0, np.intp))
        boxes, matrix = _narrowed(patch.matrix[chosen], inputs)
        at = _within(patch.rows[chosen], patch.undefined.shape, spans)
        graph[f"findops-patch-{token}", number] = _ChunkPatch(matrix, at, undefined, scale)
        for batch in batches:
            pieces = [piece_of(u, batch, *box, token, graph) for box in boxes]
            part, chunk = (f"findops-patch-{token}", number), (whole.name, *batch, *place)
            graph[name, *batch, *place] = (operator.call, part, chunk, *pieces)
    made = HighLevelGraph.from_collections(name, graph, dependencies=[whole, u])
    return DaskArray(made, name, whole.chunks, meta=whole._meta)


@dataclass(frozen=True, eq=False)
class _ChunkPatch:
    """Rows of one chunk, on pieces of the field, and where there is NaN."""

    matrix: csr_array
    rows: Ints
    undefined: Bools
    scale: complex

    def __call__(self, chunk: Array, *pieces: Array) -> Array:
        shape = self.undefined.shape
        batch = chunk.shape[: chunk.ndim - len(shape)]
        count, result = math.prod(batch), chunk.copy()
        read = [piece.reshape(count, math.prod(piece.shape[len(batch) :])) for piece in pieces]
        none = np.zeros((count, 0), chunk.dtype)  # rows may be zero, and read nothing
        near = self.matrix @ np.concatenate([none, *read], axis=1, dtype=chunk.dtype).T
        at: tuple[Any, ...] = (..., *np.unravel_index(self.rows, shape))
        result[at] = (near * self.scale).T.reshape(*batch, len(self.rows))
        result[..., self.undefined] = np.nan
        return result


def _grouped(flat: Ints, chunks: Chunks) -> dict[ChunkIndex, Ints]:
    """Return which of some points are in each chunk that has any."""
    ends = [np.cumsum(sizes) for sizes in chunks]
    index = np.unravel_index(flat, tuple(int(e[-1]) for e in ends))
    places = [np.searchsorted(e, i, side="right") for e, i in zip(ends, index, strict=True)]
    number = np.ravel_multi_index(places, [len(sizes) for sizes in chunks])
    order = np.argsort(number, kind="stable")
    found, first = np.unique(number[order], return_index=True)
    there = np.transpose(np.unravel_index(found, [len(sizes) for sizes in chunks])).tolist()
    groups = np.split(order, first)[1:]
    return dict(zip(map(tuple, there), groups, strict=True))


def _narrowed(matrix: csr_array, chunks: Chunks) -> tuple[list[ChunkBox], csr_array]:
    """Return the boxes of chunks that rows read, and the rows on these alone, one after another."""
    shape = tuple(map(sum, chunks))
    points, columns = np.unique(matrix.indices.astype(np.intp), return_inverse=True)
    at, size, boxes = np.zeros(len(points), np.intp), 0, []
    for place, group in _grouped(points, chunks).items():
        index = np.unravel_index(points[group], shape)
        box = tuple((int(i.min()), int(i.max()) + 1) for i in index)
        starts = [span[0] for span in _spans(chunks, place)]
        own = tuple((a - start, b - start) for (a, b), start in zip(box, starts, strict=True))
        boxes.append((place, own))
        at[group] = size + _within(points[group], shape, box)
        size += math.prod(b - a for a, b in box)
    taps = matrix.data, at[columns], matrix.indptr
    return boxes, csr_array(taps, shape=(matrix.shape[0], size))


def _within(flat: Ints, shape: ChunkIndex, box: tuple[Span, ...]) -> Ints:
    """Return the flat indices of points in a box that holds them."""
    index = np.unravel_index(flat, shape)
    inside = tuple(i - start for i, (start, _) in zip(index, box, strict=True))
    return np.ravel_multi_index(inside, tuple(b - a for a, b in box))


def _spans(chunks: Chunks, place: ChunkIndex) -> tuple[Span, ...]:
    """Return where a chunk is."""
    ends = [[0, *accumulate(sizes)] for sizes in chunks]
    return tuple((e[i], e[i + 1]) for e, i in zip(ends, place, strict=True))
