"""Application to dask arrays: a graph that makes each chunk from those that its stencils reach."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.backends.chunks import Recipes, along, cut
from findops.field import as_field

if TYPE_CHECKING:
    from dask.array import Array
    from numpy.typing import NDArray

    from findops.backends.chunks import Piece, Span
    from findops.stencil import Program

__all__ = ["apply"]


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
    recipes = Recipes(program, u.chunks[batch:], cut(program, u.chunks[batch:]))
    name = f"findops-{token}"
    tasks = _Tasks(u.name, u.chunks[:batch], recipes, dtype, token).graph(name)
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[u])
    return Array(graph, name, (*u.chunks[:batch], *recipes.outputs), dtype=dtype)


@dataclass(frozen=True, eq=False)
class _Tasks:
    """The tasks that make the chunks of a result."""

    source: str
    batch: tuple[tuple[int, ...], ...]
    recipes: Recipes
    dtype: np.dtype[Any]
    token: str

    def graph(self, name: str) -> dict[Any, Any]:
        """Return the graph: chunks by their numbers, pieces of chunks, and parts of the program."""
        graph: dict[Any, Any] = {}
        parts: dict[object, Any] = {}
        batches = list(np.ndindex(*map(len, self.batch)))
        for place in np.ndindex(*map(len, self.recipes.outputs)):
            recipe = self.recipes.recipe(place)
            if recipe.key not in parts:
                parts[recipe.key] = f"findops-part-{self.token}", len(parts)
                graph[parts[recipe.key]] = recipe.part(self.dtype)
            for batch in batches:
                pieces = [self.piece(batch, piece, graph) for piece in recipe.pieces]
                if not pieces:
                    # The sizes of the batch are read off, nothing else.
                    pieces = [(self.source, *batch, *(0 for _ in self.recipes.inputs))]
                graph[name, *batch, *place] = (operator.call, parts[recipe.key], *pieces)
        return graph

    def piece(self, batch: tuple[int, ...], piece: Piece, graph: dict[Any, Any]) -> Any:
        """Return the key of a piece, or of a chunk where that is all of it."""
        chunk = self.source, *batch, *piece.chunk
        sizes = [axis[i] for axis, i in zip(self.recipes.inputs, piece.chunk, strict=True)]
        if piece.spans == tuple((0, n) for n in sizes):
            return chunk
        key = f"findops-piece-{self.token}", *batch, *piece.chunk, *sum(piece.spans, ())
        graph[key] = (_copied, chunk, piece.spans)
        return key


def _copied(chunk: NDArray[Any], spans: tuple[Span, ...]) -> NDArray[Any]:
    """Return a copy of a piece: a view would keep the whole chunk in memory, and send it."""
    return np.array(chunk[along(spans)])
