"""Chunks of an output, and the pieces of an input's chunks that each of them is made from."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import accumulate, pairwise, product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from findops.executors.application import Application, application
from findops.executors.rowwise import delivered
from findops.plan.window import select_components, window, window_key

if TYPE_CHECKING:
    from findops.common.arrays import Array
    from findops.plan.program import Program
    from findops.plan.window import IndexRange

__all__ = [
    "ChunkMaker",
    "Chunks",
    "Piece",
    "Recipe",
    "Recipes",
    "Span",
    "as_index",
    "output_chunks",
]

Span = tuple[int, int]
"""The first point of a range along an axis, and the one after the last."""

Sizes = tuple[int, ...]
Chunks = tuple[Sizes, ...]
"""Sizes of chunks along each axis, (*components, *points)."""


def output_chunks(program: Program, inputs: Chunks) -> Chunks:
    """Return the chunks of a program's output: those of its input, where these fit."""
    ins, outs = program.inputs, program.outputs
    rank = len(ins.components)
    same = ins.components == outs.components
    components = inputs[:rank] if same else tuple((n,) for n in outs.components)
    points = (_fitted(sizes, n) for sizes, n in zip(inputs[rank:], outs.points, strict=True))
    return (*components, *points)


def _fitted(sizes: Sizes, n: int) -> Sizes:
    """Return the sizes of chunks of n points, cut as near as can be to where those given are."""
    total = sum(sizes)
    if n == total:
        return sizes
    # Half points keep the number of the node before them; ghost points stand at both ends.
    moved = int((n - total) / 2)
    cuts = {0, n, *(min(max(end + moved, 0), n) for end in accumulate(sizes[:-1]))}
    return tuple(b - a for a, b in pairwise(sorted(cuts))) or (0,)


class Piece(NamedTuple):
    """A piece of an input's chunk, and its place in the input of a window."""

    chunk: tuple[int, ...]
    spans: tuple[Span, ...]
    place: tuple[Span, ...]


@dataclass(frozen=True, eq=False)
class Recipe:
    """How a chunk is made: a window, and the pieces of chunks that it reads."""

    program: Program
    pieces: tuple[Piece, ...]
    key: object
    """What it has in common with those that apply the same window to pieces at the same places."""

    def maker(self, dtype: np.dtype[Any]) -> ChunkMaker:
        """Return what makes the chunk, in a type, from its pieces."""
        return ChunkMaker(self.program, dtype, tuple(piece.place for piece in self.pieces))


@dataclass(frozen=True, eq=False)
class ChunkMaker:
    """Makes chunks of a result: a window, and where in its input the pieces of chunks stand."""

    program: Program
    dtype: np.dtype[Any]
    places: tuple[tuple[Span, ...], ...]

    def __call__(
        self,
        *pieces: Array,
        out: Array | None = None,
        add: bool = False,
        scale: complex = 1,
    ) -> Array:
        """Return a chunk (…, *components, *points) made of pieces (…, *components, *points).

        Without places, nothing but the size of the batch is read off the one piece.
        """
        inputs, outputs = self.program.inputs, self.program.outputs
        batch = pieces[0].shape[: pieces[0].ndim - len(inputs.shape)]
        if not self.places:
            return delivered(np.zeros(batch + outputs.shape, self.dtype), out, add)
        block = pieces[0]
        if block.shape != batch + inputs.shape:
            # What no piece fills is not read.
            block = np.zeros(batch + inputs.shape, self.dtype)
            for place, piece in zip(self.places, pieces, strict=True):
                block[as_index(place)] = piece
        return self._application(block.astype(self.dtype, copy=False), out, add, scale)

    @cached_property
    def _application(self) -> Application:
        return application(self.program)

    def __getstate__(self) -> dict[str, Any]:
        # What is prepared holds addresses, which mean nothing elsewhere.
        return {field.name: getattr(self, field.name) for field in fields(self)}


class _PlacedWindow(NamedTuple):
    """A window: its program, where its input begins from its output on, and what it reads of it."""

    program: Program
    begins: tuple[int, ...]
    reads: frozenset[tuple[Span, ...]]


@dataclass(frozen=True, eq=False)
class Recipes:
    """How all chunks of a program's output are made."""

    program: Program
    inputs: Chunks
    outputs: Chunks
    windows: dict[object, _PlacedWindow] = field(default_factory=dict)
    """Windows, by what those have in common that differ by their place only."""

    @cached_property
    def spans(self) -> list[list[tuple[IndexRange, object]]]:
        """The chunks of the output along each axis: where they are, and which are alike."""
        first = -len(self.program.outputs.components)
        return [self._spans(axis, sizes) for axis, sizes in enumerate(self.outputs, first)]

    def _spans(self, axis: int, sizes: Sizes) -> list[tuple[IndexRange, object]]:
        if len(sizes) == 1:
            return [(None, None)]
        spans = pairwise([0, *accumulate(sizes)])
        return [
            (span, span if axis < 0 else window_key(self.program, axis, span)) for span in spans
        ]

    def recipe(self, place: tuple[int, ...]) -> Recipe:
        """Return how the chunk of some number along each axis is made."""
        rank = len(self.program.outputs.components)
        chosen = [axis[i] for axis, i in zip(self.spans, place, strict=True)]
        box, key = tuple(span for span, _ in chosen), tuple(kind for _, kind in chosen)
        if key not in self.windows:
            self.windows[key] = _window(self.program, box[:rank], box[rank:])
        part = self.windows[key]
        starts = [0 for _ in self.program.inputs.components]
        starts += [b + (s[0] if s else 0) for b, s in zip(part.begins, box[rank:], strict=True)]
        axes = zip(self.inputs, starts, part.program.inputs.shape, strict=True)
        pieces = tuple(
            Piece(chunk, spans, where)
            for combined in product(*(_pieces(*axis) for axis in axes))
            for chunk, spans, where in [tuple(zip(*combined, strict=True))]
            if any(_meet(where, read) for read in part.reads)
        )
        return Recipe(part.program, pieces, (key, tuple(piece.place for piece in pieces)))


def _window(
    program: Program, components: tuple[IndexRange, ...], points: tuple[IndexRange, ...]
) -> _PlacedWindow:
    part = window(select_components(program, components), points)
    layout = part.program.inputs
    begins = tuple(c[0] - p[0] if c and p else 0 for c, p in zip(part.box, points, strict=True))
    reads = frozenset(
        (
            *((i, i + 1) for i in map(int, np.unravel_index(component, layout.components))),
            *(
                (s[0] - b[0], s[1] - b[0]) if s and b else (0, n)
                for s, b, n in zip(box, part.box, layout.points, strict=True)
            ),
        )
        for component, box in part.reads
    )
    return _PlacedWindow(part.program, begins, reads)


def _pieces(sizes: Sizes, start: int, length: int) -> list[tuple[int, Span, Span]]:
    """Return the pieces of chunks along an axis that make a range, which may go round."""
    ends = list(accumulate(sizes))
    found, done = [], 0
    while done < length:
        at = (start + done) % ends[-1]
        chunk = bisect_right(ends, at)
        count = min(ends[chunk] - at, length - done)
        own = at - (ends[chunk] - sizes[chunk])
        found.append((chunk, (own, own + count), (done, done + count)))
        done += count
    return found


def as_index(spans: tuple[Span, ...]) -> tuple[Any, ...]:
    """Return ranges along the last axes as an index."""
    return (..., *(slice(*span) for span in spans))


def _meet(place: tuple[Span, ...], read: tuple[Span, ...]) -> bool:
    return all(a < d and c < b for (a, b), (c, d) in zip(place, read, strict=True))
