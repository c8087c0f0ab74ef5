"""One row of a target as instructions: its taps, vector by vector along the last axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from findops.executors.contiguous import CACHE_LINE
from findops.executors.kernels.stage import INSIDE, MARGIN
from findops.executors.kernels.taps import RowTaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.executors.kernels.ir import Builder, Count
    from findops.executors.kernels.stage import Edge, Line, Shape
    from findops.executors.kernels.taps import Frame, Part, Path, Position, Tap

__all__ = ["UNROLLED", "Piece", "Row", "Variant", "pieces"]

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
        self.taps = RowTaps(b, shape, frame, position, states)
        # Rows at ends are few: they are not worth long code.
        inner = all(state == INSIDE for axis in states for state in axis)
        self.unrolled = UNROLLED if inner else 1
        ahead = variant.streaming and shape.outer >= 2
        self.ahead = self.taps.ahead() if ahead else []

    # Vectors ------------------------------------------------------------------------------------

    def weight(self, tap: Tap, active: tuple[int, ...]) -> str:
        """Return a vector of the sum of some weights of a tap."""
        if active not in tap.sums:
            total = tap.weights[active[0]][0]
            for i in active[1:]:
                total = self.b.scalar("fadd", total, tap.weights[i][0])
            tap.sums[active] = self.b.splat(total)
        return tap.sums[active]

    def prepare(self, parts: Sequence[Part]) -> None:
        """Make what vectors share before there are any."""
        for part in parts:
            for tap in part.taps:
                if tap.point < 0:
                    self.weight(tap, tuple(range(len(tap.weights))))
                elif tap.weights[0][0]:
                    self.weight(tap, (0,))

    def fold(
        self,
        tap: Tap,
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

    def inner(self, parts: Sequence[Part], at: Count, lane: int, count: int) -> list[str]:
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

    def outer(self, parts: Sequence[Part], lane: int, length: int) -> str:
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

    def outer_tap(self, tap: Tap, acc: str, lanes: range, valid: tuple[bool, ...]) -> str:
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
        self, pointer: str, displacement: int, edge: Edge, path: Path, lane: int, acc: str
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
        self, part: Part, acc: str, at: Count, beyond: int, valid: tuple[bool, ...] | None
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
        parts = self.taps.parts(line)
        if sum(len(part.taps) for part in parts) > MOST_UNROLLED:
            self.unrolled = 1
        target, beyond = self.taps.address(line.target, self.taps.position, (0,) * self.shape.outer)
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
        self, wanted: Count, store: Store, parts: Sequence[Part], made: Sequence[Piece]
    ) -> None:
        """Fill pieces of a row where they are wanted; what is made there is known only there."""
        known = [(tap, dict(tap.sums)) for part in parts for tap in part.taps]
        with self.b.when(self.b.compare("ne", wanted, 0)):
            self.pieces(store, parts, made)
        for tap, sums in known:
            tap.sums = sums

    def pieces(self, store: Store, parts: Sequence[Part], made: Sequence[Piece]) -> None:
        for piece in made:
            if piece.inside:
                self.middle(store, parts, piece.lane, piece.inside)
            else:
                vector = self.outer(parts, piece.lane, store.line.length)
                store.outer(vector, piece.lane, piece.kept)

    def middle(self, store: Store, parts: Sequence[Part], lane: int, count: int) -> None:
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

    def shifted(self, store: Store, parts: Sequence[Part], lane: int, count: int) -> None:
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
        parts: Sequence[Part],
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
        parts: Sequence[Part],
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


def _side(tap: Tap, lane: int) -> int:
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
