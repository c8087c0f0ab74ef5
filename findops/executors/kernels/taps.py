"""What a row reads: taps with weights and addresses, where outer axes are in one class each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

from findops.executors.kernels.stage import ABSENT, INSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from findops.executors.kernels.ir import Builder, Count
    from findops.executors.kernels.stage import (
        AxisTaps,
        Coefficient,
        Edge,
        Group,
        Line,
        Reading,
        Shape,
    )

__all__ = ["Frame", "Part", "Path", "Position", "RowTaps", "Tap"]


@dataclass(frozen=True)
class Position:
    """A point of the outer axes: counted on, and within a circle."""

    raw: tuple[Count, ...]
    inside: tuple[Count, ...]


@dataclass(frozen=True)
class Frame:
    """What a function was called with, by the names of values."""

    integers: str
    numbers: str
    addresses: Callable[[int], str]
    """The address of a coefficient's values."""
    bases: tuple[str, ...]
    """Where each buffer begins for this entry of the batch."""
    strides: tuple[tuple[Count, ...], ...]
    scale: str
    turn: str
    segment: Callable[[int, int], Count]
    """A number of the segment of a line: whether its start is filled, where its middle begins and
    ends, whether its end is filled."""


@dataclass
class Tap:
    """What is read a number of lanes away, and the weights that it has at ranges of lanes."""

    pointer: str
    displacement: int
    offset: int
    around: int
    length: int
    weights: list[tuple[str, int, int]] = field(default_factory=list)
    point: int = -1
    """Place of weights of their own at every lane."""
    holed: bool = False
    guard: str | None = None
    """A bit that tells whether there is a weight at all."""
    sums: dict[tuple[int, ...], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Path:
    """One tap of every outer band."""

    weight: str | None
    """Its weight, None being one."""
    apart: tuple[int, ...] | None
    """Steps along the outer axes, where they are known."""
    place: Position
    guard: str | None
    """A bit that tells whether its weight is not zero, where some are."""


@dataclass
class Part:
    """A sum of taps and closure rows, and what it is multiplied by."""

    length: int
    """Lanes of the row."""
    taps: list[Tap]
    edges: list[tuple[str, int, Edge, Path]]
    factor: str | None
    number: int
    rows: list[tuple[str, str]]
    """Kinds and addresses of coefficients along the row."""
    masks: list[str]
    """Bits that select all of the row."""


class RowTaps:
    """Finds what the lines of a stage read at one row; emits its addresses and weights."""

    def __init__(
        self,
        b: Builder,
        shape: Shape,
        frame: Frame,
        position: Position,
        states: Sequence[tuple[int, ...]],
    ) -> None:
        self.b, self.shape, self.frame = b, shape, frame
        self.position, self.states = position, states
        self.own: dict[tuple[int, Position], str] = {}

    def ahead(self) -> list[str]:
        """Return addresses in the plane that rows two axes further on read first."""
        axis, shape = self.shape.outer - 2, self.shape
        taps = [
            reading.outer[axis]
            for line in shape.lines
            for group in line.groups
            for reading in group.readings
        ]
        reach = max([0, *(max(t.offsets, default=0) for t in taps if t is not None)])
        steps = [0] * shape.outer
        steps[axis] = reach + 1
        found = []
        for buffer, (kind, _) in enumerate(shape.buffers):
            if kind == "input":
                pointer, beyond = self.address(buffer, self.position, tuple(steps))
                found.append(self.b.offset(pointer, beyond))
        for line in shape.lines:
            for c in (c for group in line.groups for c in group.coefficients):
                if c.kind in ("row", "complex") and c.strides[axis]:
                    here = self.distance(self.position.inside, c.strides)
                    by = self.b.add(here, c.strides[axis])
                    found.append(self.b.offset(self.frame.addresses(c.number), by))
        return found

    # Addresses and paths ------------------------------------------------------------------------

    def address(
        self, buffer: int, position: Position, apart: tuple[int, ...] | None
    ) -> tuple[str, int]:
        """Return an address and bytes beyond it, for a row known steps `apart` from a position."""
        kind, strides = self.shape.buffers[buffer][0], self.frame.strides[buffer]
        if kind == "row":
            return self.frame.bases[buffer], 0
        key = buffer, position
        if key not in self.own:
            indices = position.inside
            if kind == "slab":
                # A slab holds what is read beyond the ends of the axis that it is cut along.
                indices = (*position.raw[:1], *indices[1:])
            by = self.distance(indices, strides)
            self.own[key] = self.b.offset(self.frame.bases[buffer], by)
        steps = [(d, stride) for d, stride in zip(apart or (), strides, strict=False) if d]
        known = sum(d * stride for d, stride in steps if isinstance(stride, int))
        pointer = self.own[key]
        for d, stride in steps:
            if not isinstance(stride, int):
                pointer = self.b.offset(pointer, self.b.mul(d, stride))
        return pointer, known

    def distance(self, indices: Sequence[Count], strides: Sequence[Count]) -> Count:
        """Return the bytes from where an array begins to a point of its outer axes."""
        total: Count = 0
        for index, stride in zip(indices, strides, strict=True):
            total = self.b.add(total, self.b.mul(index, stride))
        return total

    def paths(
        self, outer: Sequence[AxisTaps | None], position: Position, cut: bool
    ) -> Iterator[Path]:
        """Yield every choice of one tap of each outer band."""
        choices: list[list[tuple[str | None, int | None, Count]]] = []
        ragged = False
        for a, taps in enumerate(outer):
            if taps is None:
                choices.append([(None, 0, 0)])
                continue
            state = self.states[a][taps.number]
            if state == ABSENT:
                return
            ragged |= state != INSIDE and taps.ragged
            choices.append(list(self.axis_taps(a, taps, state, position)))
        for taken in product(*choices):
            weight: str | None = None
            for own, _, _ in taken:
                weight = self.times(weight, own)
            known = tuple(step for _, step, _ in taken if step is not None)
            apart = known if len(known) == len(taken) else None
            guard = None
            if ragged:
                guard = self.b.value(f"fcmp une {self.b.real} {weight}, 0.0")
            yield Path(weight, apart, self.moved(position, [by for *_, by in taken], cut), guard)

    def axis_taps(
        self, axis: int, taps: AxisTaps, state: int, position: Position
    ) -> Iterator[tuple[str | None, int | None, Count]]:
        """Yield weight, steps if they are known, and steps of every tap along an axis."""
        b, numbers, integers = self.b, self.frame.numbers, self.frame.integers
        index = position.inside[axis]
        if state == INSIDE:
            first = b.mul(index, taps.stride)
            for t, offset in enumerate(taps.offsets):
                yield b.load_real(numbers, b.add(first, taps.weights + t)), offset, offset
            return
        row = b.load_int(integers, b.add(index, taps.rows))
        first = b.mul(row, taps.listed)
        for t in range(taps.listed):
            by = b.load_int(integers, b.add(first, taps.columns + t))
            yield b.load_real(numbers, b.add(first, taps.listed_weights + t)), None, by

    def moved(self, position: Position, by: Sequence[Count], cut: bool) -> Position:
        """Return the place that steps lead to."""
        if all(step == 0 for step in by):
            return position
        raw = tuple(self.b.add(i, step) for i, step in zip(position.raw, by, strict=True))
        inside = [self.b.add(i, step) for i, step in zip(position.inside, by, strict=True)]
        if cut and self.shape.periodic[0] and by[0] != 0:
            inside[0] = self.around(inside[0], self.shape.points[0])
        return Position(raw, tuple(inside))

    def around(self, index: Count, n: int) -> str:
        """Return an index within a circle."""
        rest = self.b.value(f"srem i64 {index}, {n}")
        return self.b.value(f"srem i64 {self.b.add(rest, n)}, {n}")

    def times(self, a: str | None, b: str | None) -> str | None:
        """Return the product of two numbers, None being one."""
        return (a or b) if a is None or b is None else self.b.scalar("fmul", a, b)

    # Parts --------------------------------------------------------------------------------------

    def parts(self, line: Line) -> list[Part]:
        """Return the parts of a line at this row."""
        return [part for group in line.groups for part in self.parts_of(group, line.length)]

    def parts_of(self, group: Group, length: int) -> Iterator[Part]:
        """Yield a part for every tap of `mid`."""
        cut = any(self.shape.buffers[r.source][0] == "slab" for r in group.readings)
        for path in self.paths(group.mid, self.position, cut):
            part = Part(length, [], [], path.weight, group.number, [], [])
            for coefficient in group.coefficients:
                self.coefficient(part, coefficient, self.position)
            for coefficient in group.mid_coefficients:
                self.coefficient(part, coefficient, path.place)
            found: dict[object, Tap] = {}
            for reading in group.readings:
                self.reading(part, found, reading, path.place, cut)
            part.taps = list(found.values())
            if part.taps or part.edges:
                yield part

    def coefficient(self, part: Part, c: Coefficient, at: Position) -> None:
        b = self.b
        pointer = b.offset(self.frame.addresses(c.number), self.distance(at.inside, c.strides))
        match c.kind:
            case "number":
                part.factor = self.times(part.factor, b.load_real(pointer))
            case "mask":
                flag = b.value(f"load i8, ptr {pointer}")
                part.masks.append(b.value(f"icmp ne i8 {flag}, 0"))
            case kind:
                part.rows.append((kind, pointer))

    def reading(
        self,
        part: Part,
        found: dict[object, Tap],
        reading: Reading,
        place: Position,
        cut: bool,
    ) -> None:
        """Add what a reading reads to the taps of a part."""
        b, numbers = self.b, self.frame.numbers
        length = self.shape.buffers[reading.source][1][-1] * (1 + self.shape.paired)
        whole = length * 2  # serves any lane
        for path in self.paths(reading.outer, place, cut):
            weight = path.weight
            if reading.scale >= 0:
                weight = self.times(weight, b.load_real(numbers, reading.scale))
            known = path.apart is not None
            here = self.address(reading.source, place if known else path.place, path.apart)
            row = (reading.source, path.apart if known else object())
            window = reading.window
            if window is None:
                tap = found.setdefault((row, 0, 0), Tap(*here, 0, 0, length, guard=path.guard))
                tap.weights.append((weight or "1.0", 0, whole))
                continue
            part.edges += [(*here, edge, replace(path, weight=weight)) for edge in window.edges]
            for t, offset in enumerate(window.offsets):
                around = window.around if offset else 0
                if window.pointwise:
                    tap = Tap(*here, offset, around, length, guard=path.guard)
                    tap.point = window.weights + t * part.length
                    tap.holed = window.pointwise == "holed"
                    tap.weights.append((weight or "", window.first, window.stop))
                    found[object()] = tap
                    continue
                own = self.times(weight, b.load_real(numbers, window.weights + t))
                made = Tap(*here, offset, around, length, guard=path.guard)
                tap = found.setdefault((row, offset, around), made)
                tap.weights.append((own or "1.0", window.first, window.stop))
