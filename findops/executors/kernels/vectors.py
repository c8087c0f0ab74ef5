"""Vectors as a Numba type, so that kernels say what the processor does.

LLVM splits them into registers. Every `like` tells a type, and is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features as host_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from findops.executors.contiguous import CACHE_LINE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "INT32",
    "Vector",
    "broadcast",
    "called",
    "half",
    "joined",
    "lanes",
    "lanes_between",
    "line",
    "number_type",
    "one",
    "pointer_to",
    "shape_of",
    "shuffled",
    "size_of",
    "splat",
    "split",
    "suffix",
    "wide",
    "zeros",
]

WIDE = 512 if host_features().get("avx512f") else 128
"""Bytes in the vectors that the middles of rows are filled by: two fill half of the registers."""

INT32 = ir.IntType(32)


class Vector(types.Type):  # type: ignore[misc]  # Numba ships no type information
    """As many numbers of a type as fit into some bytes."""

    def __init__(self, dtype: Any, size: int) -> None:
        self.dtype = dtype
        self.count = size * 8 // dtype.bitwidth
        super().__init__(name=f"Vector({dtype}, {size})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]  # as above
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, ir.VectorType(number_type(kind.dtype), kind.count))


def number_type(dtype: Any) -> ir.Type:
    """Return LLVM's type of a number."""
    if isinstance(dtype, types.Integer):
        return ir.IntType(dtype.bitwidth)
    return ir.DoubleType() if dtype == types.float64 else ir.FloatType()


def shape_of(vector: Vector) -> ir.VectorType:
    """Return LLVM's type of a vector."""
    return ir.VectorType(number_type(vector.dtype), vector.count)


def zeros(kind: ir.VectorType) -> Any:
    """Return a constant of zeros."""
    return ir.Constant(kind, [0.0] * kind.count)


def pointer_to(builder: ir.IRBuilder, address: Any, kind: ir.Type) -> Any:
    """Return an address as a pointer."""
    return builder.inttoptr(address, kind.as_pointer())


def shuffled(builder: ir.IRBuilder, vector: Any, order: Sequence[int]) -> Any:
    """Return lanes of a vector in some order."""
    mask = ir.Constant(ir.VectorType(INT32, len(order)), list(order))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


def broadcast(builder: ir.IRBuilder, kind: ir.VectorType, number: Any) -> Any:
    """Return a number in all lanes."""
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), number, INT32(0))
    return shuffled(builder, first, [0] * kind.count)


def called(builder: ir.IRBuilder, name: str, result: ir.Type, args: Sequence[Any]) -> Any:
    """Return what one of LLVM's intrinsics makes of arguments."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


def suffix(kind: ir.VectorType) -> str:
    """Return how the names of LLVM's intrinsics for a vector end."""
    return f"v{kind.count}f{64 if kind.element == ir.DoubleType() else 32}"


def lanes_between(builder: ir.IRBuilder, count: int, a: Any, b: Any) -> Any:
    """Return the mask of lanes a to b; None stands for the first, or the last."""
    ints = ir.VectorType(ir.IntType(64), count)
    places = ir.Constant(ints, list(range(count)))
    masks = [
        builder.icmp_signed(sign, places, broadcast(builder, ints, limit))
        for sign, limit in ((">=", a), ("<", b))
        if limit is not None
    ]
    return builder.and_(*masks) if len(masks) > 1 else masks[0]


def split(builder: ir.IRBuilder, value: Any, vector: Vector) -> list[Any]:
    """Return the cache lines of a vector."""
    count = CACHE_LINE * 8 // vector.dtype.bitwidth
    starts = range(0, vector.count, count)
    return [shuffled(builder, value, range(n, n + count)) for n in starts]


def joined(builder: ir.IRBuilder, lines: Sequence[Any]) -> Any:
    """Return the vector of some cache lines, a power of two of them."""
    while len(lines) > 1:
        count = 2 * lines[0].type.count
        order = ir.Constant(ir.VectorType(INT32, count), list(range(count)))
        pairs = zip(lines[::2], lines[1::2], strict=True)
        lines = [builder.shuffle_vector(a, b, order) for a, b in pairs]
    return lines[0]


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
        return number_type(like)(1.0)

    return like(like), emit


def _zero(name: str, size: int) -> Any:
    def zero(typing: Any, number: Any) -> Any:
        vector = Vector(number, size)

        def emit(*_: Any) -> Any:
            return zeros(shape_of(vector))

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
        return broadcast(builder, shape_of(like), args[0])

    return like(number, like), emit
