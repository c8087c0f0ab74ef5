"""Memory as kernels read and write it: by addresses, in bytes.

Nothing needs to be aligned but the targets of `stream` and `stream_first`. Every `like` tells a
type, and is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from findops.backends.contiguous import CACHE_LINE
from findops.backends.vectors import (
    INT32,
    called,
    first_lanes,
    number_type,
    pointer_to,
    shape_of,
    shuffled,
    suffix,
    zeros,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "advance",
    "load",
    "load_first",
    "pair",
    "peek",
    "poke",
    "prefetch",
    "rolled",
    "store",
    "store_first",
    "stream",
    "stream_first",
    "where_bytes",
    "where_bytes_first",
]

INT8 = ir.IntType(8)


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
def load_first(typing: Any, address: Any, count: Any, like: Any) -> Any:
    """Return the first lanes of the vector at an address, zeros behind them, which are not read."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = shape_of(like)
        pointer = pointer_to(builder, args[0], kind)
        mask = first_lanes(builder, kind, args[1])
        operands = [pointer, INT32(like.dtype.bitwidth // 8), mask, zeros(kind)]
        return called(builder, f"llvm.masked.load.{suffix(kind)}.p0", kind, operands)

    return like(types.int64, types.int64, like), emit


@intrinsic  # type: ignore[untyped-decorator]
def store(typing: Any, address: Any, vector: Any) -> Any:
    """Write a vector."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        pointer = pointer_to(builder, args[0], args[1].type)
        builder.store(args[1], pointer, align=vector.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(types.int64, vector), emit


@intrinsic  # type: ignore[untyped-decorator]
def store_first(typing: Any, address: Any, count: Any, vector: Any) -> Any:
    """Write the first lanes of a vector."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = args[2].type
        pointer = pointer_to(builder, args[0], kind)
        mask = first_lanes(builder, kind, args[1])
        operands = [args[2], pointer, INT32(vector.dtype.bitwidth // 8), mask]
        called(builder, f"llvm.masked.store.{suffix(kind)}.p0", ir.VoidType(), operands)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, vector), emit


@intrinsic  # type: ignore[untyped-decorator]
def stream(typing: Any, address: Any, vector: Any) -> Any:
    """Write a vector past the caches, to where a cache line begins."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        written = builder.store(
            args[1], pointer_to(builder, args[0], args[1].type), align=CACHE_LINE
        )
        written.set_metadata("nontemporal", builder.module.add_metadata([INT32(1)]))
        return context.get_dummy_value()

    return types.void(types.int64, vector), emit


@intrinsic  # type: ignore[untyped-decorator]
def stream_first(typing: Any, address: Any, count: Any, vector: Any) -> Any:
    """Write the first lanes of a vector past the caches, to a multiple of their size."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        size = vector.dtype.bitwidth // 8
        # The instructions for this know words and whole vectors only.
        word = ir.IntType(8 * size)
        room = cgutils.alloca_once_value(builder, args[2])
        words, places = builder.bitcast(room, word.as_pointer()), pointer_to(builder, args[0], word)
        with cgutils.for_range(builder, args[1]) as loop:
            number = builder.load(builder.gep(words, [loop.index]))
            written = builder.store(number, builder.gep(places, [loop.index]), align=size)
            written.set_metadata("nontemporal", builder.module.add_metadata([INT32(1)]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, vector), emit


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
    """Keep the compiler from unrolling the loop that this stands in.

    Processors foresee what an instruction reads from what it read before. In a loop over taps, that
    is the same lanes of the next row; copies of an instruction see every fourth row each, and in
    another order (a Laplacian of accuracy 8 took a seventh longer).
    """

    def emit(context: Any, builder: ir.IRBuilder, _: Any, __: Sequence[Any]) -> Any:
        nothing = ir.InlineAsm(ir.FunctionType(ir.VoidType(), []), "", "", side_effect=True)
        builder.call(nothing, [], attrs=("convergent",))
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
def where_bytes_first(typing: Any, address: Any, count: Any, x: Any) -> Any:
    """Do the same for the first lanes."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = ir.VectorType(INT8, args[2].type.count)
        mask = first_lanes(builder, args[2].type, args[1])
        none = ir.Constant(kind, [0] * kind.count)
        operands = [pointer_to(builder, args[0], kind), INT32(1), mask, none]
        name = f"llvm.masked.load.v{kind.count}i8.p0"
        return _where(builder, called(builder, name, kind, operands), args[2])

    return x(types.int64, types.int64, x), emit
