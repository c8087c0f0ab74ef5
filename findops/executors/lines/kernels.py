"""The compiled kernel that solves banded systems, for many lines at a time.

Lines lie side by side in blocks, rows of which are vectors: what elimination and substitution do to
one line they do to all.
"""

from __future__ import annotations

from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Generic, NamedTuple

from findops.executors.kernels.ir import SYMBOL, Builder, Of
from findops.executors.kernels.machine import Kernel, compiled, lanes

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.executors.kernels.ir import Count

__all__ = ["BandTables", "load_lines", "store_lines", "sweep"]

RECENT = 64
"""Kernels of sweeps that are held, those used last."""


class BandTables(NamedTuple, Generic[Of]):
    """An implicit band: the taps of the right side, the factors of the left side, the correction.

    Rows of tables are where `begins` says: those of the right side near the ends, then the
    excess of the rows that wrap around, the small inverse, and the rows of what they spread to.
    """

    offsets: Of
    weights: Of
    multipliers: Of
    pivots: Of
    upper: Of
    begins: Of
    columns: Of
    table: Of


@lru_cache(maxsize=RECENT)
def sweep(taps: int, reach: int, edges: int, width: int) -> Kernel:
    """Return the kernel for bands of so many taps, reach of the factors, and rows that wrap around.

    It reads a block (points, vectors of a width), and fills another: `reach` rows of zeros, the
    rows, again zeros, and twice as many rows as `edges`. The box holds the number of rows, the
    first that have the same taps and the first after these, the bytes of a row, the first and the
    last row of those with the same factors, and how many of the first and of the last rows are
    corrected.
    """
    b = Builder(8, width)
    b.mark("entry")
    arrays = [b.load_pointer("%args", i) for i in range(len(BandTables._fields))]
    _Sweep(b, BandTables(*arrays), reach).emit(taps, edges)
    return compiled(b.function(), SYMBOL)


# Contiguous lines ---------------------------------------------------------------------------------


@cache
def load_lines(size: int) -> Kernel:
    """Return the kernel that brings lines of numbers of so many bytes side by side, scaled.

    The box holds the number of lines, which vectors divide, and of their points, and the bytes of a
    line and of a row of the block.
    """
    b, kind = _lines_builder(size)
    scale = b.splat("%re")

    def along(near: list[str], row: str) -> None:
        total = "poison"
        for lane, line in enumerate(near):
            x = b.value(f"load {kind}, ptr {line}, align {size}")
            if size == 4:
                x = b.value(f"fpext float {x} to double")
            total = b.value(f"insertelement {b.vector} {total}, double {x}, i64 {lane}")
        b.store(b.product(scale, total), row)

    _over_lines(b, size, ("%u", "%v"), along)
    return compiled(b.function(), SYMBOL)


@cache
def store_lines(size: int, adding: bool) -> Kernel:
    """Return the kernel that writes lines of numbers of so many bytes, or adds to them.

    The box is that of `load_lines`.
    """
    b, kind = _lines_builder(size)

    def along(near: list[str], row: str) -> None:
        found = b.load(row)
        for lane, line in enumerate(near):
            x = b.value(f"extractelement {b.vector} {found}, i64 {lane}")
            if size == 4:
                x = b.value(f"fptrunc double {x} to float")
            if adding:
                before = b.value(f"load {kind}, ptr {line}, align {size}")
                x = b.value(f"fadd {kind} {before}, {x}")
            b.emit(f"store {kind} {x}, ptr {line}, align {size}")

    _over_lines(b, size, ("%v", "%u"), along)
    return compiled(b.function(), SYMBOL)


def _lines_builder(size: int) -> tuple[Builder, str]:
    b = Builder(8, lanes())
    b.mark("entry")
    return b, {4: "float", 8: "double"}[size]


def _over_lines(
    b: Builder, size: int, ends: tuple[str, str], along: Callable[[list[str], str], None]
) -> None:
    """Do something with each point of as many lines as a vector holds, and the row beside them."""
    lines, block = ends
    count, points, line, stride = (b.load_int("%box", i) for i in range(4))
    with b.loop(0, count, b.lanes) as first:
        column = b.offset(block, b.mul(first, 8))
        firsts = [b.offset(lines, b.mul(b.add(first, lane), line)) for lane in range(b.lanes)]
        with b.loop(0, points) as point:
            at = b.mul(point, size)
            near = [b.offset(start, at) for start in firsts]
            along(near, b.offset(column, b.mul(point, stride)))


# Systems ------------------------------------------------------------------------------------------


class _Sweep:
    """The instructions of a sweep."""

    def __init__(self, b: Builder, given: BandTables[str], reach: int) -> None:
        self.b, self.given, self.reach = b, given, reach
        self.rows, self.first, self.last, self.stride = (b.load_int("%box", i) for i in range(4))
        self.alike = b.load_int("%box", 4), b.load_int("%box", 5)
        self.corrected = b.load_int("%box", 6), b.load_int("%box", 7)
        self.solution = b.offset("%v", b.mul(self.stride, reach))

    def emit(self, taps: int, edges: int) -> None:
        """Eliminate from the first row on, substitute from the last, correct what wraps around."""
        b, given = self.b, self.given
        offsets = [b.mul(b.load_int(given.offsets, t), self.stride) for t in range(taps)]
        weights = [b.splat(b.load_real(given.weights, t)) for t in range(taps)]

        def inside(row: str) -> Callable[[str], str]:
            own = b.offset("%u", b.mul(row, self.stride))
            reads = [b.offset(own, offset) for offset in offsets]

            def right(lane: str) -> str:
                total = b.fill([0.0] * b.lanes)
                for read, weight in zip(reads, weights, strict=True):
                    total = b.fma(weight, b.load(b.offset(read, lane)), total)
                return total

            return right

        between = b.value(f"sub i64 {self.last}, {self.first}")
        with b.loop(0, self.first) as row:
            self._eliminate(row, partial(self._gathered, "%u", row))
        with b.loop(self.first, self.last) as row:
            self._eliminate(row, inside(row))
        with b.loop(self.last, self.rows) as row:
            table = b.value(f"sub i64 {row}, {between}")
            self._eliminate(row, partial(self._gathered, "%u", table))
        with b.loop(0, self.rows) as count:
            self._substitute(b.value(f"sub i64 {b.add(self.rows, -1)}, {count}"))
        if edges:
            self._correct(b.value(f"sub i64 {self.rows}, {between}"), edges)

    def _eliminate(self, row: str, right: Callable[[str], str]) -> None:
        b = self.b
        pivot = b.splat(b.load_real(self.given.pivots, self._stored(row)))
        before = self._neighbors(row, self.given.multipliers, range(-1, -1 - self.reach, -1))
        self._fill(row, lambda lane: b.product(pivot, self._less(right(lane), before, lane)))

    def _substitute(self, row: str) -> None:
        after = self._neighbors(row, self.given.upper, range(1, 1 + self.reach))
        own = self._row(row)
        self._fill(row, lambda lane: self._less(self.b.load(self.b.offset(own, lane)), after, lane))

    def _correct(self, tables: Count, edges: int) -> None:
        """Take away what the rows that wrap around add."""
        b = self.b
        excess = b.add(self.rows, self.reach)
        for first, source in ((0, self.solution), (edges, self._row(excess))):
            with b.loop(0, edges) as edge:
                table = b.add(tables, b.add(first, edge))
                target = b.add(b.add(excess, first), edge)
                self._fill(target, partial(self._gathered, source, table))
        ends, spread = self._row(b.add(excess, edges)), b.add(tables, 2 * edges)

        def correct(row: str, table: Count) -> None:
            own = self._row(row)
            self._fill(
                row, lambda lane: self._gathered(ends, table, lane, b.load(b.offset(own, lane)))
            )

        head, tail = self.corrected
        with b.loop(0, head) as row:
            correct(row, b.add(spread, row))
        before = b.value(f"sub i64 {self.rows}, {b.add(head, tail)}")
        with b.loop(b.value(f"sub i64 {self.rows}, {tail}"), self.rows) as row:
            correct(row, b.add(spread, b.value(f"sub i64 {row}, {before}")))

    def _stored(self, row: str) -> Count:
        """Return where the factors of a row are: those of rows alike are stored once."""
        b = self.b
        first, last = self.alike
        beyond = b.value(f"sub i64 {row}, {b.least(row, last)}")
        return b.add(b.least(row, first), beyond)

    def _row(self, row: Count) -> str:
        """Return the address of a row of the solution."""
        return self.b.offset(self.solution, self.b.mul(row, self.stride))

    def _fill(self, row: Count, value: Callable[[str], str]) -> None:
        b = self.b
        target = self._row(row)
        with b.loop(0, self.stride, 8 * b.lanes) as lane:
            b.store(value(lane), b.offset(target, lane))

    def _neighbors(self, row: str, table: str, steps: range) -> list[tuple[str, str]]:
        """Return the addresses of rows nearby, and their factors in a table (rows, reach)."""
        b = self.b
        place = b.mul(self._stored(row), self.reach)
        return [
            (self._row(b.add(row, step)), b.splat(b.load_real(table, b.add(place, i))))
            for i, step in enumerate(steps)
        ]

    def _less(self, total: str, rows: list[tuple[str, str]], lane: str) -> str:
        """Return a value less other rows, times their factors."""
        b = self.b
        for row, factor in rows:
            negative = b.value(f"fneg {b.vector} {factor}")
            total = b.fma(negative, b.load(b.offset(row, lane)), total)
        return total

    def _gathered(self, base: str, row: Count, lane: str, total: str = "") -> str:
        """Return a value and the rows that a row of the tables lists, times their weights."""
        b, given = self.b, self.given
        ends = b.load_int(given.begins, row), b.load_int(given.begins, b.add(row, 1))

        def along(place: str, total: str) -> str:
            read = b.offset(base, b.mul(b.load_int(given.columns, place), self.stride))
            weight = b.splat(b.load_real(given.table, place))
            return b.fma(weight, b.load(b.offset(read, lane)), total)

        return b.fold(*ends, b.vector, total or b.fill([0.0] * b.lanes), along)
