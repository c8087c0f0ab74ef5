"""Vectors as a Numba type, so that kernels say what the processor does.

LLVM splits them into registers. Memory is addressed in bytes; nothing needs to be aligned but the
targets of `stream` and `stream_first`. Every `like` tells a type, and is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features as host_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "add",
    "advance",
    "evens",
    "half",
    "lanes",
    "line",
    "load",
    "load_first",
    "mul",
    "muladd",
    "odds",
    "one",
    "pair",
    "peek",
    "poke",
    "prefetch",
    "select",
    "size_of",
    "splat",
    "store",
    "store_first",
    "stream",
    "stream_first",
    "times_i",
    "where_bytes",
    "where_bytes_first",
    "wide",
]

CACHE_LINE = 64

WIDE = 512 if host_features().get("avx512f") else 128
"""Bytes in the vectors that the middles of rows are filled by: two fill half of the registers."""

_I8, _I32 = ir.IntType(8), ir.IntType(32)


class Vector(types.Type):  # type: ignore[misc]  # Numba ships no type information
    """As many numbers of a type as fit into some bytes."""

    def __init__(self, dtype: Any, size: int) -> None:
        self.dtype = dtype
        self.count = size * 8 // dtype.bitwidth
        super().__init__(name=f"Vector({dtype}, {size})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]  # as above
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, ir.VectorType(_number(kind.dtype), kind.count))


def _number(dtype: Any) -> ir.Type:
    if isinstance(dtype, types.Integer):
        return ir.IntType(dtype.bitwidth)
    return ir.DoubleType() if dtype == types.float64 else ir.FloatType()


def _shape(vector: Vector) -> ir.VectorType:
    return ir.VectorType(_number(vector.dtype), vector.count)


def _zeros(kind: ir.VectorType) -> Any:
    return ir.Constant(kind, [0.0] * kind.count)


def _at(builder: ir.IRBuilder, address: Any, kind: ir.Type) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _shuffled(builder: ir.IRBuilder, vector: Any, lanes: Sequence[int]) -> Any:
    mask = ir.Constant(ir.VectorType(_I32, len(lanes)), list(lanes))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def _splat(builder: ir.IRBuilder, kind: ir.VectorType, number: Any) -> Any:
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, _I32(0))
    return _shuffled(builder, one, [0] * kind.count)


def _call(builder: ir.IRBuilder, name: str, result: ir.Type, args: Sequence[Any]) -> Any:
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


def _suffix(kind: ir.VectorType) -> str:
    return f"v{kind.count}f{64 if kind.element == ir.DoubleType() else 32}"


def _first(builder: ir.IRBuilder, kind: ir.VectorType, count: Any) -> Any:
    """Return the mask of the first lanes."""
    ints = ir.VectorType(count.type, kind.count)
    lanes = ir.Constant(ints, list(range(kind.count)))
    return builder.icmp_signed("<", lanes, _splat(builder, ints, count))


@intrinsic  # type: ignore[untyped-decorator]  # Numba ships no type information; so below
def size_of(typing: Any, like: Any) -> Any:
    """Return how many bytes a number takes, known to the compiler."""

    def emit(_: Any, __: ir.IRBuilder, ___: Any, ____: Sequence[Any]) -> Any:
        return ir.IntType(64)(like.bitwidth // 8)

    return types.int64(like), emit


@intrinsic  # type: ignore[untyped-decorator]
def one(typing: Any, like: Any) -> Any:
    """Return 1 in the type of a number."""

    def emit(_: Any, __: ir.IRBuilder, ___: Any, ____: Sequence[Any]) -> Any:
        return _number(like)(1.0)

    return like(like), emit


@intrinsic  # type: ignore[untyped-decorator]
def peek(typing: Any, address: Any, like: Any) -> Any:
    """Return the number at an address, of the type of `like`."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return builder.load(_at(builder, args[0], _number(like)))

    return like(types.int64, like), emit


@intrinsic  # type: ignore[untyped-decorator]
def poke(typing: Any, address: Any, number: Any) -> Any:
    """Write a number to an address."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        builder.store(args[1], _at(builder, args[0], args[1].type))
        return context.get_dummy_value()

    return types.void(types.int64, number), emit


def _zero(name: str, size: int) -> Any:
    def zero(typing: Any, number: Any) -> Any:
        vector = Vector(number, size)

        def emit(*_: Any) -> Any:
            return _zeros(_shape(vector))

        return vector(number), emit

    zero.__name__ = zero.__qualname__ = name
    zero.__doc__ = f"Return a vector of zeros of the type of a number, {size} bytes."
    return intrinsic(zero)


line = _zero("line", CACHE_LINE)
half = _zero("half", WIDE // 2)
wide = _zero("wide", WIDE)


@intrinsic  # type: ignore[untyped-decorator]
def lanes(typing: Any, like: Any) -> Any:
    """Return how many numbers are in a vector, known to the compiler."""

    def emit(*_: Any) -> Any:
        return ir.IntType(64)(like.count)

    return types.int64(like), emit


@intrinsic  # type: ignore[untyped-decorator]
def splat(typing: Any, number: Any, like: Any) -> Any:
    """Return a vector of one number."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return _splat(builder, _shape(like), args[0])

    return like(number, like), emit


@intrinsic  # type: ignore[untyped-decorator]
def pair(typing: Any, address: Any, like: Any) -> Any:
    """Return a vector that repeats the two numbers at an address."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        two = ir.VectorType(_number(like.dtype), 2)
        numbers = builder.load(_at(builder, args[0], two), align=like.dtype.bitwidth // 8)
        return _shuffled(builder, numbers, [0, 1] * (like.count // 2))

    return like(types.int64, like), emit


@intrinsic  # type: ignore[untyped-decorator]
def load(typing: Any, address: Any, like: Any) -> Any:
    """Return the vector at an address."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return builder.load(_at(builder, args[0], _shape(like)), align=like.dtype.bitwidth // 8)

    return like(types.int64, like), emit


@intrinsic  # type: ignore[untyped-decorator]
def load_first(typing: Any, address: Any, count: Any, like: Any) -> Any:
    """Return the first lanes of the vector at an address, zeros behind them, which are not read."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = _shape(like)
        pointer = _at(builder, args[0], kind)
        mask = _first(builder, kind, args[1])
        operands = [pointer, _I32(like.dtype.bitwidth // 8), mask, _zeros(kind)]
        return _call(builder, f"llvm.masked.load.{_suffix(kind)}.p0", kind, operands)

    return like(types.int64, types.int64, like), emit


@intrinsic  # type: ignore[untyped-decorator]
def store(typing: Any, address: Any, vector: Any) -> Any:
    """Write a vector."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        pointer = _at(builder, args[0], args[1].type)
        builder.store(args[1], pointer, align=vector.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(types.int64, vector), emit


@intrinsic  # type: ignore[untyped-decorator]
def store_first(typing: Any, address: Any, count: Any, vector: Any) -> Any:
    """Write the first lanes of a vector."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = args[2].type
        pointer = _at(builder, args[0], kind)
        mask = _first(builder, kind, args[1])
        operands = [args[2], pointer, _I32(vector.dtype.bitwidth // 8), mask]
        _call(builder, f"llvm.masked.store.{_suffix(kind)}.p0", ir.VoidType(), operands)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, vector), emit


@intrinsic  # type: ignore[untyped-decorator]
def stream(typing: Any, address: Any, vector: Any) -> Any:
    """Write a vector past the caches, to where a cache line begins."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        written = builder.store(args[1], _at(builder, args[0], args[1].type), align=CACHE_LINE)
        written.set_metadata("nontemporal", builder.module.add_metadata([_I32(1)]))
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
        words, places = builder.bitcast(room, word.as_pointer()), _at(builder, args[0], word)
        with cgutils.for_range(builder, args[1]) as loop:
            number = builder.load(builder.gep(words, [loop.index]))
            written = builder.store(number, builder.gep(places, [loop.index]), align=size)
            written.set_metadata("nontemporal", builder.module.add_metadata([_I32(1)]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, vector), emit


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing: Any, address: Any) -> Any:
    """Ask for the cache line at an address, which need not exist."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        pointer = _at(builder, args[0], _I8)
        # For reading, into the second-level cache, data.
        operands = [pointer, _I32(0), _I32(2), _I32(1)]
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), operands)
        return context.get_dummy_value()

    return types.void(types.int64), emit


@intrinsic  # type: ignore[untyped-decorator]
def advance(typing: Any, address: Any, steps: Any) -> Any:
    """Add eight integers at one address to those at another."""

    def emit(context: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = ir.VectorType(ir.IntType(64), 8)
        places = _at(builder, args[0], kind)
        moved = builder.add(
            builder.load(places, align=8), builder.load(_at(builder, args[1], kind), align=8)
        )
        builder.store(moved, places, align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


@intrinsic  # type: ignore[untyped-decorator]
def add(typing: Any, x: Any, y: Any) -> Any:
    """Return x + y."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return builder.fadd(*args)

    return x(x, y), emit


@intrinsic  # type: ignore[untyped-decorator]
def mul(typing: Any, x: Any, y: Any) -> Any:
    """Return x · y."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return builder.fmul(*args)

    return x(x, y), emit


@intrinsic  # type: ignore[untyped-decorator]
def muladd(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """Return x · y + z, rounded once where the processor can."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = args[0].type
        return _call(builder, f"llvm.fmuladd.{_suffix(kind)}", kind, args)

    return x(x, y, z), emit


@intrinsic  # type: ignore[untyped-decorator]
def select(typing: Any, weight: Any, x: Any) -> Any:
    """Return x where the weight is not zero, else 0."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        zeros = _zeros(args[0].type)
        return builder.select(builder.fcmp_unordered("!=", args[0], zeros), args[1], zeros)

    return x(weight, x), emit


def _where(builder: ir.IRBuilder, bytes_: Any, vector: Any) -> Any:
    none = ir.Constant(bytes_.type, [0] * bytes_.type.count)
    return builder.select(builder.icmp_unsigned("!=", bytes_, none), vector, _zeros(vector.type))


@intrinsic  # type: ignore[untyped-decorator]
def where_bytes(typing: Any, address: Any, x: Any) -> Any:
    """Return x where the bytes at an address, one for each lane, are not zero, else 0."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = ir.VectorType(_I8, args[1].type.count)
        return _where(builder, builder.load(_at(builder, args[0], kind), align=1), args[1])

    return x(types.int64, x), emit


@intrinsic  # type: ignore[untyped-decorator]
def where_bytes_first(typing: Any, address: Any, count: Any, x: Any) -> Any:
    """Do the same for the first lanes."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = ir.VectorType(_I8, args[2].type.count)
        mask = _first(builder, args[2].type, args[1])
        none = ir.Constant(kind, [0] * kind.count)
        operands = [_at(builder, args[0], kind), _I32(1), mask, none]
        name = f"llvm.masked.load.v{kind.count}i8.p0"
        return _where(builder, _call(builder, name, kind, operands), args[2])

    return x(types.int64, types.int64, x), emit


@intrinsic  # type: ignore[untyped-decorator]
def evens(typing: Any, x: Any) -> Any:
    """Return each even lane twice: the real parts of complex numbers."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return _shuffled(builder, args[0], [lane & ~1 for lane in range(args[0].type.count)])

    return x(x), emit


@intrinsic  # type: ignore[untyped-decorator]
def odds(typing: Any, x: Any) -> Any:
    """Return each odd lane twice: the imaginary parts of complex numbers."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return _shuffled(builder, args[0], [lane | 1 for lane in range(args[0].type.count)])

    return x(x), emit


@intrinsic  # type: ignore[untyped-decorator]
def times_i(typing: Any, x: Any) -> Any:
    """Return complex numbers times i."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = args[0].type
        swapped = _shuffled(builder, args[0], [lane ^ 1 for lane in range(kind.count)])
        signs = ir.Constant(kind, [-1.0, 1.0] * (kind.count // 2))
        return builder.fmul(swapped, signs)

    return x(x), emit
