"""Windows: the part of a program that makes a box of its output from a box of its input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from findops.plan.band import Band, reach, restricted
from findops.plan.program import Chain, Composition, Factor, Layout, Program, Term

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["IndexBox", "IndexRange", "Window", "select_components", "window", "window_key"]

IndexRange = tuple[int, int] | None
"""Points along an axis, from and to; None are all. On a circle it may go on beyond the ends."""

IndexBox = tuple[IndexRange, ...]
"""Ranges along all axes."""

NOWHERE = (0, 0)
"""The empty range."""


@dataclass(frozen=True, eq=False)
class Window:
    """A program between boxes: of its output, and the smallest of the input that it needs."""

    program: Program
    box: IndexBox
    """Where its own input is in the input of the whole."""
    reads: frozenset[tuple[int, IndexBox]]
    """The components that it reads, and where; what stands elsewhere in the box is not used."""


def select_components(program: Program, components: IndexBox) -> Program:
    """Return the part of a program that makes a box of the components of its output."""
    whole = program.outputs.components
    spans = [range(n)[slice(*(span or (None,)))] for n, span in zip(whole, components, strict=True)]
    if spans == [range(n) for n in whole]:
        return program
    flat = [np.ravel_multi_index(index, whole) for index in product(*spans)]
    layout = replace(program.outputs, components=tuple(map(len, spans)))
    return replace(_rows(program, {int(old): new for new, old in enumerate(flat)}), outputs=layout)


def window(program: Program, rows: IndexBox) -> Window:
    """Return the part of a program that makes a box of its output.

    Axes along which the box is None stay as they are: what is periodic goes round in the window.
    """
    reads = frozenset(_reads(program, rows))
    cols = _hull([box for _, box in reads], rows)
    return Window(_WindowMaker().program(program, rows, cols), cols, reads)


def window_key(program: Program, axis: int, rows: tuple[int, int]) -> object:
    """Return a key that is the same for ranges along an axis whose windows differ by place only."""
    box = tuple(rows if i == axis else None for i in range(len(program.outputs.points)))
    inside = all(_repeats(term, axis, step[axis]) for term, step in _steps(program, box))
    return rows[1] - rows[0] if inside else rows


# What is read -----------------------------------------------------------------------------------


def _reads(program: Program, rows: IndexBox) -> Iterator[tuple[int, IndexBox]]:
    """Yield the component and the box that each part reads, if it reads anything."""
    for part in program.parts:
        match part:
            case Chain():
                box = _boxes(part, rows)[-1]
                if NOWHERE not in box:
                    yield part.col, box
            case Composition(programs=(*_, last)):
                yield from _reads(last, _between(part, rows)[-2])


def _boxes(chain: Chain, rows: IndexBox) -> list[IndexBox]:
    """Return the boxes around the terms of a product, the result's first."""
    boxes = [rows]
    for term in chain.terms:
        pairs = zip(term.bands, boxes[-1], strict=True)
        boxes.append(tuple(reach(band, *span) if band and span else span for band, span in pairs))
    return boxes


def _between(part: Composition, rows: IndexBox) -> list[IndexBox]:
    """Return the boxes around the programs of a product, the result's first."""
    boxes = [rows]
    for program in part.programs:
        boxes.append(_hull([box for _, box in _reads(program, boxes[-1])], rows))
    return boxes


def _hull(boxes: Sequence[IndexBox], like: IndexBox) -> IndexBox:
    """Return the smallest box that holds others."""
    if not boxes:
        return tuple(span and NOWHERE for span in like)
    return tuple(
        None if None in spans else (min(a for a, _ in spans), max(b for _, b in spans))
        for spans in zip(*boxes, strict=True)
    )


def _steps(program: Program, rows: IndexBox) -> Iterator[tuple[Term, IndexBox]]:
    """Yield every term, and the box of its results that is needed."""
    for part in program.parts:
        match part:
            case Chain():
                yield from zip(part.terms, _boxes(part, rows), strict=False)
            case Composition():
                for inner, box in zip(part.programs, _between(part, rows), strict=False):
                    yield from _steps(inner, box)


def _repeats(term: Term, axis: int, rows: IndexRange) -> bool:
    """Tell whether a term does the same at all rows of a range along an axis."""
    band = term.bands[axis]
    if rows is None or any(factor.value.shape[axis] > 1 for factor in term.factors):
        return False
    if band is None or band.periodic:
        return band is None or band.constant
    return band.constant and band.interior.start <= rows[0] and rows[1] <= band.interior.stop


# What is left of a program ----------------------------------------------------------------------


def _rows(program: Program, kept: Mapping[int, int]) -> Program:
    """Return a program with some of its components, by old number and new."""
    parts: list[Chain | Composition] = []
    for part in program.parts:
        match part:
            case Chain() if part.row in kept:
                parts.append(replace(part, row=kept[part.row]))
            case Composition(programs=(first, *others)):
                parts.append(Composition((_rows(first, kept), *others)))
    count = replace(program.outputs, components=(len(kept),))
    return Program(program.inputs, count, tuple(parts))


class _WindowMaker:
    """Makes windows of what a program holds; what is shared stays shared."""

    def __init__(self) -> None:
        self.band = cache(_band)
        self.factor = cache(_factor)

    def program(self, program: Program, rows: IndexBox, cols: IndexBox) -> Program:
        """Return the program between a box of its output and one that holds all it reads."""
        parts: list[Chain | Composition] = []
        for part in program.parts:
            match part:
                case Chain():
                    *boxes, last = _boxes(part, rows)
                    if NOWHERE not in last:
                        steps = zip(part.terms, pairwise([*boxes, cols]), strict=True)
                        terms = tuple(self.term(term, *between) for term, between in steps)
                        parts.append(replace(part, terms=terms))
                case Composition():
                    *boxes, last = _between(part, rows)
                    if NOWHERE not in last:
                        ends = zip(part.programs, pairwise([*boxes, cols]), strict=True)
                        parts.append(Composition(tuple(self.program(p, *b) for p, b in ends)))
        return Program(_layout(program.inputs, cols), _layout(program.outputs, rows), tuple(parts))

    def term(self, term: Term, rows: IndexBox, cols: IndexBox) -> Term:
        return Term(
            tuple(map(self.band, term.bands, rows, cols)),
            term.scale,
            tuple(self.factor(factor, rows) for factor in term.factors),
        )


def _band(band: Band | None, rows: IndexRange, cols: IndexRange) -> Band | None:
    if rows is None or cols is None or (band is None and rows == cols):
        return band
    if band is not None:
        return restricted(band, rows, cols)
    (start, stop), (first, last) = rows, cols
    return Band(stop - start, last - first, (start - first,), np.ones(1))


def _factor(factor: Factor, rows: IndexBox) -> Factor:
    value = factor.value
    for axis, (n, span) in enumerate(zip(value.shape, rows, strict=True)):
        if span is None or n == 1:
            continue
        if span[0] >= 0 and span[1] <= n:
            value = value[(slice(None),) * axis + (slice(*span),)]
        else:
            value = value.take(range(*span), axis, mode="wrap")
    return replace(factor, value=value, slot=None)


def _layout(layout: Layout, box: IndexBox) -> Layout:
    points = (
        n if span is None else span[1] - span[0] for n, span in zip(layout.points, box, strict=True)
    )
    return replace(layout, points=tuple(points))
