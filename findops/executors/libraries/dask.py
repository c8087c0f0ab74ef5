"""Application to dask arrays: graphs that make each chunk from those that its stencils reach."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arrays import as_field
from findops.executors.libraries.chunks import Recipes, as_index, output_chunks

if TYPE_CHECKING:
    from dask.array import Array
    from numpy.typing import NDArray

    from findops.executors.libraries.chunks import Span
    from findops.plan.program import Program

__all__ = ["apply", "piece_of"]


def apply(program: Program, u: Array) -> Array:
    """Return a program applied to a dask array (…, *components, *points), which is not computed.

    Chunks are kept; where the numbers of points differ, the cuts stay as near as they can.
    """
    from dask.array import Array
    from dask.base import tokenize
    from dask.highlevelgraph import HighLevelGraph

    dtype = as_field(u._meta).dtype
    dtype = np.result_type(dtype, np.complex64) if program.is_complex else dtype
    token = tokenize(program, u)
    batch = u.ndim - len(program.inputs.shape)
    recipes = Recipes(program, u.chunks[batch:], output_chunks(program, u.chunks[batch:]))
    name = f"findops-{token}"
    tasks = _graph(name, u, recipes, dtype, token)
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[u])
    return Array(graph, name, (*u.chunks[:batch], *recipes.outputs), dtype=dtype)


def _graph(
    name: str, u: Array, recipes: Recipes, dtype: np.dtype[Any], token: str
) -> dict[Any, Any]:
    """Return the graph: chunks by their numbers, pieces of chunks, and makers of chunks."""
    graph: dict[Any, Any] = {}
    makers: dict[object, Any] = {}
    batches = list(np.ndindex(*map(len, u.chunks[: u.ndim - len(recipes.inputs)])))
    for place in np.ndindex(*map(len, recipes.outputs)):
        recipe = recipes.recipe(place)
        if recipe.key not in makers:
            makers[recipe.key] = f"findops-part-{token}", len(makers)
            graph[makers[recipe.key]] = recipe.maker(dtype)
        for batch in batches:
            pieces = [piece_of(u, batch, p.chunk, p.spans, token, graph) for p in recipe.pieces]
            if not pieces:
                # The sizes of the batch are read off, nothing else.
                pieces = [(u.name, *batch, *(0 for _ in recipes.inputs))]
            graph[name, *batch, *place] = (operator.call, makers[recipe.key], *pieces)
    return graph


def piece_of(
    u: Array,
    batch: tuple[int, ...],
    chunk: tuple[int, ...],
    spans: tuple[Span, ...],
    token: str,
    graph: dict[Any, Any],
) -> Any:
    """Return the key of a piece, which is added to a graph, or of a chunk that is all of it."""
    key = u.name, *batch, *chunk
    sizes = (axis[i] for axis, i in zip(u.chunks[len(batch) :], chunk, strict=True))
    if spans == tuple((0, n) for n in sizes):
        return key
    piece = f"findops-piece-{token}", *batch, *chunk, *sum(spans, ())
    graph[piece] = (_copied, key, spans)
    return piece


def _copied(chunk: NDArray[Any], spans: tuple[Span, ...]) -> NDArray[Any]:
    """Return a copy of a piece: a view would keep the whole chunk in memory, and send it."""
    return np.array(chunk[as_index(spans)])
