"""Memory as kernels read and write it: by addresses, in bytes.

Nothing needs to be aligned but the targets of `stream` and `stream_part`. Every `like` tells a
type, and is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from findops.executors.contiguous import CACHE_LINE
from findops.executors.kernels.vectors import (
    INT32,
    called,
    joined,
    lanes_between,
    number_type,
    pointer_to,
    shape_of,
    shuffled,
    split,
    suffix,
    zeros,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "advance",
    "load",
    "load_part",
    "pair",
    "peek",
    "poke",
    "prefetch",
    "rolled",
    "store",
    "store_part",
    "stream",
    "stream_part",
    "where_bytes",
    "where_bytes_part",
]

INT8, INT64 = ir.IntType(8), ir.IntType(64)


@intrinsic  # type: ignore[untyped-decorator]  # Numba ships no type information; so below
def peek(typing: Any, address: Any, like: Any) -> Any:
    """Return the number at an address, of the type of `like`."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return builder.load(pointer_to(builder, args[0], number_type(like)))

    return like(types.int64, like), emit


@intrinsic  # type: ignore[untyped-decorator]
def poke(typing: Any, address: Any, number: Any) -> Any:
    """Write a number to an address."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        builder.store(args[1], pointer_to(builder, args[0], args[1].type))
        return context.get_dummy_value()

    return types.void(types.int64, number), emit


@intrinsic  # type: ignore[untyped-decorator]
def pair(typing: Any, address: Any, like: Any) -> Any:
    """Return a vector that repeats the two numbers at an address."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        two = ir.VectorType(number_type(like.dtype), 2)
        numbers = builder.load(pointer_to(builder, args[0], two), align=like.dtype.bitwidth // 8)
        return shuffled(builder, numbers, [0, 1] * (like.count // 2))

    return like(types.int64, like), emit


@intrinsic  # type: ignore[untyped-decorator]
def load(typing: Any, address: Any, like: Any) -> Any:
    """Return the vector at an address."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return builder.load(
            pointer_to(builder, args[0], shape_of(like)), align=like.dtype.bitwidth // 8
        )

    return like(types.int64, like), emit


@intrinsic  # type: ignore[untyped-decorator]
def load_part(typing: Any, address: Any, a: Any, b: Any, like: Any) -> Any:
    """Return lanes a to b of the vector at an address, zeros beside them, which are not read.

    Here and below, a is in the first line of the vector, and b in the last.
    """

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        parts = []
        for place, kind, mask in _parts(builder, args[0], like, args[1], args[2]):
            pointer = pointer_to(builder, place, kind)
            align = like.dtype.bitwidth // 8
            if mask is None:
                parts.append(builder.load(pointer, align=align))
            else:
                operands = [pointer, INT32(align), mask, zeros(kind)]
                name = f"llvm.masked.load.{suffix(kind)}.p0"
                parts.append(called(builder, name, kind, operands))
        return joined(builder, parts)

    return like(types.int64, types.int64, types.int64, like), emit


@intrinsic  # type: ignore[untyped-decorator]
def store(typing: Any, address: Any, vector: Any) -> Any:
    """Write a vector."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        pointer = pointer_to(builder, args[0], args[1].type)
        builder.store(args[1], pointer, align=vector.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(types.int64, vector), emit


@intrinsic  # type: ignore[untyped-decorator]
def store_part(typing: Any, address: Any, a: Any, b: Any, vector: Any) -> Any:
    """Write lanes a to b of a vector."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        align = vector.dtype.bitwidth // 8
        parts = _parts(builder, args[0], vector, args[1], args[2])
        for (place, kind, mask), part in zip(parts, split(builder, args[3], vector), strict=True):
            pointer = pointer_to(builder, place, kind)
            if mask is None:
                builder.store(part, pointer, align=align)
            else:
                operands = [part, pointer, INT32(align), mask]
                name = f"llvm.masked.store.{suffix(kind)}.p0"
                called(builder, name, ir.VoidType(), operands)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, vector), emit


def _streamed(builder: ir.IRBuilder, value: Any, pointer: Any, align: int) -> None:
    written = builder.store(value, pointer, align=align)
    written.set_metadata("nontemporal", builder.module.add_metadata([INT32(1)]))


@intrinsic  # type: ignore[untyped-decorator]
def stream(typing: Any, address: Any, vector: Any) -> Any:
    """Write a vector past the caches, to where a cache line begins."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        _streamed(builder, args[1], pointer_to(builder, args[0], args[1].type), CACHE_LINE)
        return context.get_dummy_value()

    return types.void(types.int64, vector), emit


@intrinsic  # type: ignore[untyped-decorator]
def stream_part(typing: Any, address: Any, a: Any, b: Any, vector: Any) -> Any:
    """Write lanes a to b of a vector past the caches, to where a cache line begins."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        size = vector.dtype.bitwidth // 8
        word, count = ir.IntType(8 * size), CACHE_LINE // size
        parts = split(builder, args[3], vector)
        for n, part in enumerate(parts):
            line = builder.add(args[0], INT64(n * CACHE_LINE))
            low = args[1] if n == 0 else INT64(0)
            high = INT64(count)
            if n == len(parts) - 1:
                rest = builder.sub(args[2], INT64(n * count))
                high = builder.select(builder.icmp_signed("<", rest, high), rest, high)
            full = builder.icmp_signed(">=", builder.sub(high, low), INT64(count))
            with builder.if_else(full) as (whole, some):
                with whole:
                    _streamed(builder, part, pointer_to(builder, line, part.type), CACHE_LINE)
                with some:
                    # The instructions for this know words and whole vectors only.
                    room = cgutils.alloca_once_value(builder, part)
                    words = builder.bitcast(room, word.as_pointer())
                    places = pointer_to(builder, line, word)
                    with cgutils.for_range(builder, high, start=low) as loop:
                        number = builder.load(builder.gep(words, [loop.index]))
                        _streamed(builder, number, builder.gep(places, [loop.index]), size)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, vector), emit


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing: Any, address: Any) -> Any:
    """Ask for the cache line at an address, which need not exist."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        pointer = pointer_to(builder, args[0], INT8)
        # For reading, into the second-level cache, data.
        operands = [pointer, INT32(0), INT32(2), INT32(1)]
        called(builder, "llvm.prefetch.p0", ir.VoidType(), operands)
        return context.get_dummy_value()

    return types.void(types.int64), emit


@intrinsic  # type: ignore[untyped-decorator]
def rolled(typing: Any) -> Any:
    """Keep the compiler from unrolling the loop that this stands in, and from making vectors of it.

    Processors foresee what an instruction reads from what it read before. In a loop over taps, that
    is the same lanes of the next row; copies of an instruction would see every fourth row each, and
    in another order. Loops over axes or the taps of a row are too short for vectors.
    """

    def emit(context: Any, builder: ir.IRBuilder, _: Any, __: Sequence[Any]) -> Any:
        nothing = ir.InlineAsm(ir.FunctionType(ir.VoidType(), []), "", "", side_effect=True)
        builder.call(nothing, [], attrs=("convergent", "readnone"))
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic  # type: ignore[untyped-decorator]
def advance(typing: Any, address: Any, steps: Any) -> Any:
    """Add eight integers at one address to those at another."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = ir.VectorType(ir.IntType(64), 8)
        places = pointer_to(builder, args[0], kind)
        moved = builder.add(
            builder.load(places, align=8), builder.load(pointer_to(builder, args[1], kind), align=8)
        )
        builder.store(moved, places, align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


def _where(builder: ir.IRBuilder, bytes_: Any, vector: Any) -> Any:
    none = ir.Constant(bytes_.type, [0] * bytes_.type.count)
    return builder.select(builder.icmp_unsigned("!=", bytes_, none), vector, zeros(vector.type))


@intrinsic  # type: ignore[untyped-decorator]
def where_bytes(typing: Any, address: Any, x: Any) -> Any:
    """Return x where the bytes at an address, one for each lane, are not zero, else 0."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = ir.VectorType(INT8, args[1].type.count)
        return _where(builder, builder.load(pointer_to(builder, args[0], kind), align=1), args[1])

    return x(types.int64, x), emit


@intrinsic  # type: ignore[untyped-decorator]
def where_bytes_part(typing: Any, address: Any, a: Any, b: Any, x: Any) -> Any:
    """Do the same for lanes a to b, of which alone the bytes are read."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = ir.VectorType(INT8, args[3].type.count)
        bits = ir.IntType(kind.count)
        a = builder.shl(bits(-1), _resized(builder, args[1], bits))
        rest = builder.sub(INT64(kind.count), args[2])
        b = builder.lshr(bits(-1), _resized(builder, rest, bits))
        mask = builder.bitcast(builder.and_(a, b), ir.VectorType(ir.IntType(1), kind.count))
        none = ir.Constant(kind, [0] * kind.count)
        operands = [pointer_to(builder, args[0], kind), INT32(1), mask, none]
        name = f"llvm.masked.load.v{kind.count}i8.p0"
        return _where(builder, called(builder, name, kind, operands), args[3])

    return x(types.int64, types.int64, types.int64, x), emit


def _resized(builder: ir.IRBuilder, number: Any, kind: ir.IntType) -> Any:
    if kind.width < INT64.width:
        return builder.trunc(number, kind)
    return builder.zext(number, kind) if kind.width > INT64.width else number


def _parts(
    builder: ir.IRBuilder, address: Any, vector: Any, a: Any, b: Any
) -> Iterator[tuple[Any, ir.VectorType, Any]]:
    """Yield the address, the type and the mask of each cache line of a vector; None for all."""
    count = CACHE_LINE * 8 // vector.dtype.bitwidth
    kind = ir.VectorType(number_type(vector.dtype), count)
    total = vector.count // count
    for n in range(total):
        low = a if n == 0 else None
        high = builder.sub(b, INT64(n * count)) if n == total - 1 else None
        mask = None if low is high else lanes_between(builder, count, low, high)
        yield builder.add(address, INT64(n * CACHE_LINE)), kind, mask
