"""One row of a target as instructions: its taps, vector by vector along the last axis."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

from findops.executors.contiguous import CACHE_LINE
from findops.executors.kernels.stage import ABSENT, INSIDE, MARGIN

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

__all__ = ["UNROLLED", "Frame", "Piece", "Position", "Row", "Variant", "pieces"]

UNROLLED = 4
"""Vectors that the middle of a row fills at a time."""

MOST_UNROLLED = 64
"""Taps beyond which it fills one at a time, since code is long enough then."""


@dataclass(frozen=True)
class Variant:
    """What a kernel is made for beside the shape of a stage."""

    strides: tuple[tuple[int, ...], ...]
    """Bytes along the outer axes of each buffer, where they are known; else none."""
    adding: bool = False
    turned: bool = False
    """Whether results are multiplied by a complex number."""
    streaming: bool = False
    """Whether results go past the caches, and what the next rows read is fetched ahead."""
    aligned: bool = False
    """Whether rows of the result begin where cache lines do."""
    segmented: bool = False
    """Whether parts of rows are filled."""


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
class _Tap:
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
class _Path:
    """One tap of every outer band."""

    weight: str | None
    """Its weight, None being one."""
    apart: tuple[int, ...] | None
    """Steps along the outer axes, where they are known."""
    place: Position
    guard: str | None
    """A bit that tells whether its weight is not zero, where some are."""


@dataclass
class _Part:
    """A sum of taps and closure rows, and what it is multiplied by."""

    taps: list[_Tap]
    edges: list[tuple[str, int, Edge, _Path]]
    factor: str | None
    number: int
    rows: list[tuple[str, str]]
    """Kinds and addresses of coefficients along the row."""
    masks: list[str]
    """Bits that select all of the row."""


class Row:
    """Emits the lines of a stage at one row, where outer axes are in one class each."""

    def __init__(
        self,
        b: Builder,
        shape: Shape,
        variant: Variant,
        frame: Frame,
        position: Position,
        states: Sequence[tuple[int, ...]],
    ) -> None:
        self.b, self.shape, self.variant, self.frame = b, shape, variant, frame
        self.position, self.states = position, states
        self.own: dict[tuple[int, Position], str] = {}
        # Rows at ends are few: they are not worth long code.
        inner = all(state == INSIDE for axis in states for state in axis)
        self.unrolled = UNROLLED if inner else 1
        self.ahead: list[str] = []

    def fetch_ahead(self) -> None:
        """Have the plane fetched that rows two axes further on read first."""
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
        for buffer, (kind, _) in enumerate(shape.buffers):
            if kind == "input":
                pointer, beyond = self.address(buffer, self.position, tuple(steps))
                self.ahead.append(self.b.offset(pointer, beyond))
        for line in shape.lines:
            for c in (c for group in line.groups for c in group.coefficients):
                if c.kind in ("row", "complex") and c.strides[axis]:
                    here = self.distance(self.position.inside, c.strides)
                    by = self.b.add(here, c.strides[axis])
                    self.ahead.append(self.b.offset(self.frame.addresses(c.number), by))

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
    ) -> Iterator[_Path]:
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
            yield _Path(weight, apart, self.moved(position, [by for *_, by in taken], cut), guard)

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

    def parts(self, group: Group) -> Iterator[_Part]:
        """Yield a part for every tap of `mid`."""
        cut = any(self.shape.buffers[r.source][0] == "slab" for r in group.readings)
        for path in self.paths(group.mid, self.position, cut):
            part = _Part([], [], path.weight, group.number, [], [])
            for coefficient in group.coefficients:
                self.coefficient(part, coefficient, self.position)
            for coefficient in group.mid_coefficients:
                self.coefficient(part, coefficient, path.place)
            found: dict[object, _Tap] = {}
            for reading in group.readings:
                self.reading(part, found, reading, path.place, cut)
            part.taps = list(found.values())
            if part.taps or part.edges:
                yield part

    def coefficient(self, part: _Part, c: Coefficient, at: Position) -> None:
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
        part: _Part,
        found: dict[object, _Tap],
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
                tap = found.setdefault((row, 0, 0), _Tap(*here, 0, 0, length, guard=path.guard))
                tap.weights.append((weight or "1.0", 0, whole))
                continue
            part.edges += [(*here, edge, replace(path, weight=weight)) for edge in window.edges]
            for t, offset in enumerate(window.offsets):
                around = window.around if offset else 0
                if window.pointwise:
                    tap = _Tap(*here, offset, around, length, guard=path.guard)
                    tap.point = window.weights + t * self.line_length
                    tap.holed = window.pointwise == "holed"
                    tap.weights.append((weight or "", window.first, window.stop))
                    found[object()] = tap
                    continue
                own = self.times(weight, b.load_real(numbers, window.weights + t))
                made = _Tap(*here, offset, around, length, guard=path.guard)
                tap = found.setdefault((row, offset, around), made)
                tap.weights.append((own or "1.0", window.first, window.stop))

    # Vectors ------------------------------------------------------------------------------------

    def weight(self, tap: _Tap, active: tuple[int, ...]) -> str:
        """Return a vector of the sum of some weights of a tap."""
        if active not in tap.sums:
            total = tap.weights[active[0]][0]
            for i in active[1:]:
                total = self.b.scalar("fadd", total, tap.weights[i][0])
            tap.sums[active] = self.b.splat(total)
        return tap.sums[active]

    def prepare(self, parts: Sequence[_Part]) -> None:
        """Make what vectors share before there are any."""
        for part in parts:
            for tap in part.taps:
                if tap.point < 0:
                    self.weight(tap, tuple(range(len(tap.weights))))
                elif tap.weights[0][0]:
                    self.weight(tap, (0,))

    def fold(
        self,
        tap: _Tap,
        at: Count,
        known: int,
        bits: str | None,
        x: str,
        acc: str | None,
        active: tuple[int, ...],
    ) -> str:
        """Add weight · x to a sum, in lanes with weights of their own where these are not zero."""
        b = self.b
        if tap.point < 0:
            w = self.weight(tap, active)
        else:
            w = b.load(b.beyond(self.frame.numbers, at, tap.point * b.size + known))
            own = w
            if tap.weights[0][0]:
                w = b.product(w, self.weight(tap, (0,)))
        made = b.product(w, x) if acc is None else b.fma(w, x, acc)
        beside = acc or b.fill([-0.0] * b.lanes)
        if tap.point >= 0 and tap.holed:
            made = b.select(b.nonzero(own), made, beside)
        if tap.guard is not None:
            made = b.choose(tap.guard, made, beside)
        return made if bits is None else b.select(bits, made, beside)

    def inner(self, parts: Sequence[_Part], at: Count, lane: int, count: int) -> list[str]:
        """Return sums of vectors all of whose lanes are inside; `lane` tells the side of a circle.

        The first begins `at` bytes from the start of the row.
        """
        b = self.b
        width = b.size * b.lanes
        totals: list[str | None] = [None] * count
        for part in parts:
            sums: list[str | None] = [None] * count
            for tap in part.taps:
                apart = tap.offset + _side(tap, lane)
                active = tuple(range(len(tap.weights)))
                for u in range(count):
                    known = tap.displacement + apart * b.size + u * width
                    x = b.load(b.beyond(tap.pointer, at, known))
                    sums[u] = self.fold(tap, at, u * width, None, x, sums[u], active)
            for u in range(count):
                done = self.finished(part, sums[u] or b.fill([0.0] * b.lanes), at, u * width, None)
                previous = totals[u]
                totals[u] = done if previous is None else b.sum(previous, done)
        return [total or b.fill([0.0] * b.lanes) for total in totals]

    def outer(self, parts: Sequence[_Part], lane: int, length: int) -> str:
        """Return the sums of the vector that begins at a lane, some of whose lanes are closures."""
        b = self.b
        lanes = range(lane, lane + b.lanes)
        total: str | None = None
        valid = tuple(i < length for i in lanes)
        for part in parts:
            reached = [False] * b.lanes
            for tap in part.taps:
                for n, i in enumerate(lanes):
                    reached[n] |= any(f <= i < s for _, f, s in tap.weights) and valid[n]
            for _, _, edge, _ in part.edges:
                for n, i in enumerate(lanes):
                    if 0 <= i - edge.first < edge.rows:
                        reached[n] |= any(column[i - edge.first] for column in edge.used)
            acc = b.fill([-0.0 if hit else 0.0 for hit in reached])
            for tap in part.taps:
                acc = self.outer_tap(tap, acc, lanes, valid)
            for pointer, displacement, edge, path in part.edges:
                acc = self.closure(pointer, displacement, edge, path, lane, acc)
            done = self.finished(part, acc, lane * b.size, 0, valid)
            total = done if total is None else b.sum(total, done)
        return total or b.fill([0.0] * b.lanes)

    def outer_tap(self, tap: _Tap, acc: str, lanes: range, valid: tuple[bool, ...]) -> str:
        """Add a tap to the sums of lanes, each with the weights that it has there."""
        b = self.b
        kinds: dict[tuple[tuple[int, ...], int], list[bool]] = {}
        for n, i in enumerate(lanes):
            active = tuple(k for k, (_, f, s) in enumerate(tap.weights) if f <= i < s)
            if active and valid[n]:
                key = active, _side(tap, i)
                kinds.setdefault(key, [False] * b.lanes)[n] = True
        for (active, side), hit in kinds.items():
            first = lanes.start + tap.offset + side
            within = first >= 0 and first + b.lanes <= tap.length
            chosen = tuple(hit)
            place = b.offset(tap.pointer, tap.displacement + first * b.size)
            x = b.load(place, None if within else chosen)
            # Where other lanes are not read they are zero and change no sum. Nothing may select
            # lanes afterwards: LLVM then reads the others too, since nobody asks for them.
            bits = b.mask(chosen) if within and not all(chosen) else None
            acc = self.fold(tap, lanes.start * b.size, 0, bits, x, acc, active)
        return acc

    def closure(
        self, pointer: str, displacement: int, edge: Edge, path: _Path, lane: int, acc: str
    ) -> str:
        """Add closure rows to the sums of the vector that begins at a lane."""
        b = self.b
        rows = [lane - edge.first + n for n in range(b.lanes)]
        within = tuple(0 <= row < edge.rows for row in rows)
        if not any(within):
            return acc
        stride = edge.rows + 2 * MARGIN
        total = b.fill([-0.0] * b.lanes)
        for c, column in enumerate(edge.used):
            hit = tuple(ok and column[row] for ok, row in zip(within, rows, strict=True))
            if not any(hit):
                continue
            place = b.offset(pointer, displacement + edge.columns[c] * b.size)
            x = b.splat_pair(place) if self.shape.paired else b.splat(b.load_real(place))
            at = edge.matrix + c * stride + MARGIN + rows[0]
            w = b.load(b.offset(self.frame.numbers, at * b.size))
            made = b.fma(w, x, total)
            total = b.select(b.mask(hit), made, total)
        made = b.sum(acc, total)
        if path.weight is not None:
            made = b.fma(b.splat(path.weight), total, acc)
        if path.guard is not None:
            made = b.choose(path.guard, made, acc)
        return b.select(b.mask(within), made, acc)

    def finished(
        self, part: _Part, acc: str, at: Count, beyond: int, valid: tuple[bool, ...] | None
    ) -> str:
        """Multiply a sum by what multiplies it; masks last, as they select whatever there is."""
        b = self.b
        if part.factor is not None:
            acc = b.product(acc, b.splat(part.factor))
        if part.number >= 0:
            re, im = (b.splat(b.load_real(self.frame.numbers, part.number + i)) for i in (0, 1))
            acc = b.fma(re, acc, b.product(im, b.times_i(acc)))
        zero = "zeroinitializer"
        for kind, pointer in part.rows:
            if kind == "mask row":
                continue
            c = b.load(b.beyond(pointer, at, beyond), valid)
            if kind == "complex":
                turned = b.product(b.odds(c), b.times_i(acc))
                acc = b.fma(b.evens(c), acc, turned)
            else:
                acc = b.product(acc, c)
        for kind, pointer in part.rows:
            if kind == "mask row":
                acc = b.select(self.flags(pointer, b.add(at, beyond), valid), acc, zero)
        for bit in part.masks:
            acc = b.choose(bit, acc, zero)
        return acc

    def flags(self, pointer: str, at: Count, valid: tuple[bool, ...] | None) -> str:
        """Return the bits of a mask, which has a byte for each lane."""
        b = self.b
        bytes_ = f"<{b.lanes} x i8>"
        by = at // b.size if isinstance(at, int) else b.value(f"sdiv exact i64 {at}, {b.size}")
        place = b.offset(pointer, by)
        if valid is None or all(valid):
            found = b.value(f"load {bytes_}, ptr {place}, align 1")
        else:
            call = b.intrinsic(
                bytes_, f"llvm.masked.load.v{b.lanes}i8.p0", "ptr", b.bits, bytes_
            )  # fmt: skip
            found = b.value(
                f"{call}(ptr align 1 {place}, {b.bits} {b.mask(valid)}, {bytes_} zeroinitializer)"
            )
        return b.value(f"icmp ne {bytes_} {found}, zeroinitializer")

    # A line -------------------------------------------------------------------------------------

    def line(self, number: int, line: Line) -> None:
        """Fill a row of a line's target."""
        b = self.b
        self.line_length = line.length
        parts = [part for group in line.groups for part in self.parts(group)]
        if sum(len(part.taps) for part in parts) > MOST_UNROLLED:
            self.unrolled = 1
        target, beyond = self.address(line.target, self.position, (0,) * self.shape.outer)
        store = Store(self, line, b.offset(target, beyond))
        self.prepare(parts)
        made = pieces(line, b.lanes)
        if not self.variant.segmented:
            self.pieces(store, parts, made)
            return
        (middle,) = (i for i, piece in enumerate(made) if piece.inside)
        start, low, high, end = (self.frame.segment(number, i) for i in range(4))
        self.piecewise(start, store, parts, made[:middle])
        self.stretch(store, parts, low, high, made[middle].lane)
        self.piecewise(end, store, parts, made[middle + 1 :])

    def piecewise(
        self, wanted: Count, store: Store, parts: Sequence[_Part], made: Sequence[Piece]
    ) -> None:
        """Fill pieces of a row where they are wanted; what is made there is known only there."""
        known = [(tap, dict(tap.sums)) for part in parts for tap in part.taps]
        with self.b.when(self.b.compare("ne", wanted, 0)):
            self.pieces(store, parts, made)
        for tap, sums in known:
            tap.sums = sums

    def pieces(self, store: Store, parts: Sequence[_Part], made: Sequence[Piece]) -> None:
        for piece in made:
            if piece.inside:
                self.middle(store, parts, piece.lane, piece.inside)
            else:
                vector = self.outer(parts, piece.lane, store.line.length)
                store.outer(vector, piece.lane, piece.kept)

    def middle(self, store: Store, parts: Sequence[_Part], lane: int, count: int) -> None:
        """Fill a known number of vectors that are inside."""
        b = self.b
        width = b.size * b.lanes
        streaming = store.final and self.variant.streaming
        if streaming and not (self.variant.aligned and lane * b.size % width == 0):
            if count > 2 * UNROLLED:
                self.shifted(store, parts, lane, count)
                return
            streaming = False
        at, rest = lane * b.size, count
        full = count // self.unrolled
        if self.unrolled > 1 and full > 1:
            step = self.unrolled * width
            with b.loop(at, at + full * step, step) as here:
                self.vectors(store, parts, here, lane, self.unrolled, streaming)
            at, rest = at + full * step, count - full * self.unrolled
        elif full > 2:
            with b.loop(at, at + full * width, width) as here:
                self.vectors(store, parts, here, lane, 1, streaming)
            return
        while rest:
            some = min(rest, self.unrolled)
            self.vectors(store, parts, at, lane, some, streaming)
            at, rest = at + some * width, rest - some

    def shifted(self, store: Store, parts: Sequence[_Part], lane: int, count: int) -> None:
        """Fill vectors inside past the caches, from where a cache line begins.

        The vectors at both ends are filled as well, so that none is left out.
        """
        b = self.b
        width = b.size * b.lanes
        start, stop = lane * b.size, (lane + count * b.lanes) * b.size
        self.vectors(store, parts, start, lane, 1, False)
        self.vectors(store, parts, stop - width, lane, 1, False)
        address = b.value(f"ptrtoint ptr {b.offset(store.target, start)} to i64")
        before = b.value(f"and i64 {b.value(f'sub i64 0, {address}')}, {width - 1}")
        self.stretch(store, parts, b.add(before, start), stop - width, lane, True)

    def stretch(
        self,
        store: Store,
        parts: Sequence[_Part],
        start: Count,
        stop: Count,
        lane: int,
        streaming: bool = False,
    ) -> None:
        """Fill vectors inside from one place to about another, several at a time, then one."""
        b = self.b
        width = b.size * b.lanes
        half = start
        if self.unrolled > 1:
            step = self.unrolled * width
            length = b.value(f"sub i64 {stop}, {start}")
            half = b.add(start, b.mul(b.value(f"sdiv i64 {length}, {step}"), step))
            with b.loop(start, half, step) as here:
                self.vectors(store, parts, here, lane, self.unrolled, streaming)
        with b.loop(half, stop, width) as here:
            self.vectors(store, parts, here, lane, 1, streaming)

    def vectors(
        self,
        store: Store,
        parts: Sequence[_Part],
        at: Count,
        lane: int,
        count: int,
        streaming: bool,
    ) -> None:
        if store.final:
            for pointer in self.ahead:
                for u in range(0, count * self.b.size * self.b.lanes, CACHE_LINE):
                    self.b.fetch(self.b.beyond(pointer, at, u))
        store.inner(self.inner(parts, at, lane, count), at, streaming)


@dataclass
class Store:
    """Where a line's vectors go: written, or added and scaled where the line is an output."""

    row: Row
    line: Line
    target: str

    def __post_init__(self) -> None:
        kind = self.row.shape.buffers[self.line.target][0]
        self.output, self.final = kind == "output", kind != "row"

    def scaled(self, x: str) -> str:
        if not self.output:
            return x
        b, frame = self.row.b, self.row.frame
        if self.row.variant.turned:
            return b.fma(frame.scale, x, b.product(frame.turn, b.times_i(x)))
        return b.product(frame.scale, x)

    def inner(self, vectors: Sequence[str], at: Count, streaming: bool) -> None:
        b = self.row.b
        for u, x in enumerate(vectors):
            place = b.beyond(self.target, at, u * b.size * b.lanes)
            made = self.scaled(x)
            if self.output and self.row.variant.adding:
                made = b.sum(b.load(place), made)
            b.store(made, place, streaming=streaming)

    def outer(self, x: str, lane: int, kept: tuple[bool, ...]) -> None:
        b = self.row.b
        place = b.offset(self.target, lane * b.size)
        made = self.scaled(x)
        if self.output and self.row.variant.adding:
            made = b.sum(b.load(place, kept), made)
        b.store(made, place, kept)


def _side(tap: _Tap, lane: int) -> int:
    """Return the lanes to add to an offset where a circle begins anew."""
    if not tap.around:
        return 0
    return (lane + tap.offset) % tap.around - (lane + tap.offset)


@dataclass(frozen=True)
class Piece:
    """Vectors of a row from a lane on: so many inside, or one that may be not, in part."""

    lane: int
    inside: int
    kept: tuple[bool, ...] = ()


def pieces(line: Line, lanes: int) -> list[Piece]:
    """Return how a row is made of vectors.

    Inside, all lanes of a vector are served by the offsets of all bands, and no circle begins anew
    within it. The last vector ends where the row ends, and writes what is left.
    """
    windows = [r.window for group in line.groups for r in group.readings if r.window is not None]
    length = line.length
    first = max([0, *(window.first for window in windows)])
    stop = min([length, *(window.stop for window in windows)])
    anew = {(-o) % w.around for w in windows if w.around for o in w.offsets if o}
    cuts = sorted({first, stop, length, *(cut for cut in anew if first < cut < stop)})
    found, lane = [], 0
    while lane < length:
        following = next(cut for cut in cuts if cut > lane)
        count = (following - lane) // lanes if first <= lane < stop else 0
        if count:
            found.append(Piece(lane, count))
            lane += count * lanes
        elif lane + lanes <= length:
            found.append(Piece(lane, 0, (True,) * lanes))
            lane += lanes
        else:
            begin = max(length - lanes, 0)
            kept = tuple(lane <= i < length for i in range(begin, begin + lanes))
            found.append(Piece(begin, 0, kept))
            lane = length
    return found
