"""Kernels: functions that go through the rows of a stage, one body for each class of rows.

A kernel is called with addresses: of `arguments` (tables, coefficients, and what strides are not
known), of a `box` (where rows begin and end along the batch and the outer axes, how many are gone
through before moving on, and the segments of lines), of the arrays that are read and filled, of the
`places` of buffers between stages; and with the number that multiplies the result.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from findops.executors.kernels.ir import Builder
from findops.executors.kernels.row import Row, Variant
from findops.executors.kernels.taps import Frame, Position

if TYPE_CHECKING:
    from findops.executors.kernels.ir import Count
    from findops.executors.kernels.stage import Shape

__all__ = ["kernel"]


def kernel(shape: Shape, variant: Variant, lanes: int, coefficients: int) -> str:
    """Return the function that fills a box of a stage's targets, as text."""
    b = Builder(shape.size, lanes)
    b.mark("entry")
    frame = _frame(b, shape, variant, coefficients)
    _loops(b, shape, variant, frame, coefficients)
    return b.function()


def _frame(b: Builder, shape: Shape, variant: Variant, coefficients: int) -> Frame:
    """Read what the function was called with."""
    integers, numbers = (b.load_pointer("%args", i) for i in (0, 1))
    first = 2 + coefficients
    width = 2 + shape.outer
    axes = 1 + shape.outer
    bases, strides = [], []
    for i, (kind, _) in enumerate(shape.buffers):
        own = first + i * width
        if kind in ("input", "output"):
            base = "%u" if kind == "input" else "%v"
            bases.append(b.offset(base, b.load_int("%args", own)))
        else:
            bases.append(b.load_pointer("%places", i))
        known: tuple[Count, ...] = variant.strides[i]
        if not known and kind != "row":
            known = tuple(b.load_int("%args", own + 2 + a) for a in range(shape.outer))
        strides.append(known)
    kinds = {8: "double", 4: "float"}
    scale, turn = (
        name if shape.size == 8 else b.value(f"fptrunc double {name} to {kinds[shape.size]}")
        for name in ("%re", "%im")
    )
    segments = 2 * axes + 1

    def segment(line: int, which: int) -> Count:
        return b.load_int("%box", segments + 4 * line + which)

    return Frame(
        integers,
        numbers,
        lambda i: b.load_pointer("%args", 2 + i),
        tuple(bases),
        tuple(strides),
        b.splat(scale),
        b.splat(turn) if variant.turned else "",
        segment,
    )


def _loops(b: Builder, shape: Shape, variant: Variant, frame: Frame, coefficients: int) -> None:
    """Go through the rows of a box: blocks of the last outer axis, then the axes in their order."""
    axes = 1 + shape.outer
    low = [b.load_int("%box", i) for i in range(axes)]
    high = [b.load_int("%box", axes + i) for i in range(axes)]
    block = b.load_int("%box", 2 * axes)
    with ExitStack() as stack:
        if axes > 2:
            count = b.value(f"sub i64 {high[-1]}, {low[-1]}")
            rounds = b.value(f"sdiv i64 {b.add(b.add(count, block), -1)}, {block}")
            turn = stack.enter_context(b.loop(0, rounds))
            low[-1] = str(b.add(low[-1], b.mul(turn, block)))
            high[-1] = b.least(b.add(low[-1], block), high[-1])
        index = [
            stack.enter_context(b.loop(first, stop)) for first, stop in zip(low, high, strict=True)
        ]
        entry = _entry(b, shape, frame, coefficients, index[0])
        _bodies(b, shape, variant, entry, index[1:])


def _entry(b: Builder, shape: Shape, frame: Frame, coefficients: int, batch: str) -> Frame:
    """Return the frame for one entry of the batch."""
    first, width = 2 + coefficients, 2 + shape.outer
    bases = [
        b.offset(base, b.mul(batch, b.load_int("%args", first + i * width + 1)))
        if kind in ("input", "output")
        else base
        for i, (base, (kind, _)) in enumerate(zip(frame.bases, shape.buffers, strict=True))
    ]
    return replace(frame, bases=tuple(bases))


def _bodies(b: Builder, shape: Shape, variant: Variant, frame: Frame, index: list[str]) -> None:
    """Branch to the body for the classes that a row is in."""
    inside: list[Count] = list(index)
    if shape.wraps:
        rest = b.value(f"srem i64 {index[0]}, {shape.points[0]}")
        inside[0] = b.value(f"srem i64 {b.add(rest, shape.points[0])}, {shape.points[0]}")
    position = Position(tuple(index), tuple(inside))
    key: Count = 0
    for i, place, classes in zip(inside, shape.class_places, shape.classes, strict=True):
        key = b.mul(key, len(classes))
        if len(classes) > 1:
            key = b.add(key, b.load_int(frame.integers, b.add(i, place)))
    combinations = list(product(*shape.classes))
    if len(combinations) == 1:
        _body(b, shape, variant, frame, position, combinations[0])
        return
    labels, done = [b.label("rows") for _ in combinations], b.label("filled")
    listed = " ".join(f"i64 {k}, label %{label}" for k, label in enumerate(labels))
    b.emit(f"switch i64 {key}, label %{done} [ {listed} ]")
    for label, states in zip(labels, combinations, strict=True):
        b.mark(label)
        _body(b, shape, variant, frame, position, states)
        b.emit(f"br label %{done}")
    b.mark(done)


def _body(
    b: Builder,
    shape: Shape,
    variant: Variant,
    frame: Frame,
    position: Position,
    states: tuple[tuple[int, ...], ...],
) -> None:
    row = Row(b, shape, variant, frame, position, states)
    for number, line in enumerate(shape.lines):
        row.line(number, line)
