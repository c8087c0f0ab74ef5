"""Compiled kernels that write out runs: rows that follow one another and are of one kind.

Each goes through some of the runs. It is called with the addresses of the arrays of `Runs`, and of
others, which are named where the kernel is.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Generic, NamedTuple

from findops.executors.kernels.ir import SYMBOL, Builder, Of
from findops.executors.kernels.machine import Kernel, compiled, here, lanes

if TYPE_CHECKING:
    from findops.executors.kernels.ir import Count

__all__ = ["Runs", "SumArrays", "add_sums", "repeat"]

BYTES = {"i32": 4, "i64": 8, "double": 8}


class Runs(NamedTuple, Generic[Of]):
    """Of each run: how many rows of what kind it has, their entries each, and where those begin."""

    lengths: Of
    kinds: Of
    widths: Of
    places: Of


class _Call:
    """A kernel in the making: its instructions, its arrays, and the runs that it goes through."""

    def __init__(self, lanes: int, arrays: int) -> None:
        self.b = b = Builder(8, lanes)
        b.mark("entry")
        count = len(Runs._fields)
        self.runs = Runs(*(b.load_pointer("%args", i) for i in range(count)))
        self.arrays = [b.load_pointer("%args", count + i) for i in range(arrays)]
        self.bounds = b.load_int("%box", 0), b.load_int("%box", 1)

    def kernel(self) -> Kernel:
        return compiled(self.b.function(), SYMBOL)


# Entries that are the same in all rows ------------------------------------------------------------


@cache
def repeat(kind: str, parts: int) -> Kernel:
    """Return the kernel that writes the columns of entries, or numbers, of so many parts each.

    Its arrays: where the entries of each kind of rows begin, entries, the first row of each run,
    counted as columns are, and what is filled. From row to row, columns move by one.
    """
    call = _Call(lanes(), 4)
    b, runs = call.b, call.runs
    begins, entries, origins, out = call.arrays
    with b.loop(*call.bounds) as run:
        begin = b.load_int(begins, b.load_int(runs.kinds, run))
        source = b.element(kind, entries, b.mul(begin, parts))
        target = b.element(kind, out, b.mul(b.load_int(runs.places, run), parts))
        width = b.mul(b.load_int(runs.widths, run), parts)
        with b.when(b.compare("sgt", width, 0)):
            origin = b.load_int(origins, run) if kind != "double" else ""
            _repeated(b, kind, (source, target), width, b.load_int(runs.lengths, run), origin)
    return call.kernel()


def _repeated(
    b: Builder, kind: str, ends: tuple[str, str], width: Count, length: str, origin: str
) -> None:
    """Write the rows of a run: some one by one, then twice as many time and again."""
    wide = here().vector_bytes // BYTES[kind]
    source, target = ends
    # So many that no vector reads what has only just been written.
    enough = b.value(f"sdiv i64 {b.add(width, 4 * wide - 1)}, {width}")
    first = b.least(enough, length)
    with b.loop(0, first) as row:
        shift = b.add(origin, row) if origin else 0
        _copied(b, kind, (source, b.element(kind, target, b.mul(row, width))), width, shift, 1)
    rest = b.value(f"sdiv i64 {b.add(length, -1)}, {first}")
    zeros = b.value(f"{b.intrinsic('i64', 'llvm.ctlz.i64', 'i64', 'i1')}(i64 {rest}, i1 false)")
    with b.loop(0, b.value(f"sub i64 64, {zeros}")) as times:
        done = b.value(f"shl i64 {first}, {times}")
        more = b.least(done, b.value(f"sub i64 {length}, {done}"))
        beyond = b.element(kind, target, b.mul(done, width))
        shift = done if origin else 0
        _copied(b, kind, (target, beyond), b.mul(more, width), shift, wide)


def _copied(
    b: Builder, kind: str, ends: tuple[str, str], count: Count, shift: Count, wide: int
) -> None:
    """Copy some entries, with a shift added to each, by vectors and what is left one by one."""
    source, target = ends
    whole = b.value(f"and i64 {count}, {-wide}")
    for start, stop, step in (
        ((0, whole, wide), (whole, count, 1)) if wide > 1 else ((0, count, 1),)
    ):
        what = f"<{step} x {kind}>"
        by = _splat(b, kind, step, shift) if shift != 0 else ""
        with b.loop(start, stop, step) as i:
            align = f"align {BYTES[kind]}"
            x = b.value(f"load {what}, ptr {b.element(kind, source, i)}, {align}")
            if by:
                x = b.value(f"add {what} {x}, {by}")
            b.emit(f"store {what} {x}, ptr {b.element(kind, target, i)}, {align}")


def _splat(b: Builder, kind: str, wide: int, number: Count) -> str:
    """Return a vector of one integer."""
    one = number if kind == "i64" else b.value(f"trunc i64 {number} to {kind}")
    vector = f"<{wide} x {kind}>"
    head = b.value(f"insertelement {vector} poison, {kind} {one}, i64 0")
    return b.value(
        f"shufflevector {vector} {head}, {vector} poison, <{wide} x i32> zeroinitializer"
    )


# Entries that depend on streams -------------------------------------------------------------------


class SumArrays(NamedTuple, Generic[Of]):
    """What sums are made of: `Sums` with shifts in bytes, and streams.

    In each run a stream has an address; from row to row it moves by some bytes, or by none. Where
    it `selects`, zeros drop what they meet, and all else keeps it.
    """

    starts: Of
    entries: Of
    numbers: Of
    paths: Of
    weights: Of
    met: Of
    streams: Of
    shifts: Of
    addresses: Of
    steps: Of
    selects: Of


@cache
def add_sums(wide: int, parts: int) -> Kernel:
    """Return the kernel that writes entries that depend on streams, `wide` rows at a time.

    No run is shorter. Its arrays: those of `SumArrays`, and what is filled. Numbers have one part,
    or two.
    """
    call = _Call(wide * parts, len(SumArrays._fields) + 1)
    b, runs = call.b, call.runs
    *arrays, out = call.arrays
    given = SumArrays(*arrays)
    streams = b.load_int("%box", 2)
    with b.loop(*call.bounds) as run:
        kind, length = b.load_int(runs.kinds, run), b.load_int(runs.lengths, run)
        width = b.load_int(runs.widths, run)
        chunks = b.value(f"sdiv i64 {b.add(length, wide - 1)}, {wide}")
        last = b.add(length, -wide)
        stop = b.load_int(given.starts, b.add(kind, 1))
        with b.loop(b.load_int(given.starts, kind), stop) as entry:
            place = b.add(b.load_int(runs.places, run), b.load_int(given.entries, entry))
            with b.loop(0, chunks) as chunk:
                row = b.least(b.mul(chunk, wide), last)
                total = _total(b, given, parts, entry, (b.mul(run, streams), row))
                first = b.add(place, b.mul(row, width))
                for lane in range(wide):
                    at = b.mul(b.add(first, b.mul(lane, width)), parts)
                    for part in range(parts):
                        at = b.add(at, part)
                        x = b.value(f"extractelement {b.vector} {total}, i64 {lane * parts + part}")
                        b.emit(f"store double {x}, ptr {b.element('double', out, at)}")
    return call.kernel()


def _total(b: Builder, given: SumArrays[str], parts: int, entry: str, at: tuple[Count, str]) -> str:
    """Return an entry of some rows: a number, and what its paths make."""
    start, stop = b.load_int(given.paths, entry), b.load_int(given.paths, b.add(entry, 1))
    number = _number(b, given.numbers, parts, entry)

    def along(path: str, total: str) -> str:
        met = b.load_int(given.met, path), b.load_int(given.met, b.add(path, 1))
        weight = _number(b, given.weights, parts, path)
        made = b.fold(*met, b.vector, weight, lambda m, x: _times(b, given, parts, m, at, x))
        return b.sum(total, made)

    return b.fold(start, stop, b.vector, number, along)


def _times(
    b: Builder, given: SumArrays[str], parts: int, met: str, at: tuple[Count, str], x: str
) -> str:
    """Return numbers times what a stream has in some rows; or those that it selects."""
    run, row = at
    stream = b.load_int(given.streams, met)
    base = b.load_pointer(given.addresses, b.add(run, stream))
    step = b.load_int(given.steps, stream)
    place = b.offset(base, b.add(b.load_int(given.shifts, met), b.mul(row, step)))
    value = b.either(
        b.compare("eq", step, 0),
        b.vector,
        lambda: _number(b, place, parts, 0),
        lambda: b.load(place),
    )
    kept = b.compare("ne", b.load_int(given.selects, stream), 0)
    if parts == 1:
        real, product = value, b.product(x, value)
    else:
        real, turned = b.evens(value), b.product(b.times_i(x), b.odds(value))
        product = b.sum(b.product(x, real), turned)
    return b.choose(kept, b.select(b.nonzero(real), x, "zeroinitializer"), product)


def _number(b: Builder, pointer: str, parts: int, index: Count) -> str:
    """Return a vector of one number."""
    if parts == 2:
        return b.splat_pair(b.element("<2 x double>", pointer, index))
    return b.splat(b.load_real(pointer, index))
