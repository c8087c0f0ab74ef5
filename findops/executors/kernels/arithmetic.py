"""Arithmetic of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba.extending import intrinsic

from findops.executors.kernels.vectors import called, joined, shuffled, split, suffix, zeros

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "add",
    "add_first",
    "add_last",
    "evens",
    "mul",
    "muladd",
    "muladd_where",
    "odds",
    "times_i",
]


@intrinsic  # type: ignore[untyped-decorator]  # Numba ships no type information; so below
def add(typing: Any, x: Any, y: Any) -> Any:
    """Return x + y."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return builder.fadd(*args)

    return x(x, y), emit


def _add_to(name: str, which: int) -> Any:
    def add_to(typing: Any, x: Any, y: Any) -> Any:
        def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
            lines = split(builder, args[0], x)
            lines[which] = builder.fadd(lines[which], args[1])
            return joined(builder, lines)

        return x(x, y), emit

    add_to.__name__ = add_to.__qualname__ = f"add_{name}"
    add_to.__doc__ = f"Return a vector with another, of a cache line, added to its {name} one."
    return intrinsic(add_to)


add_first = _add_to("first", 0)
add_last = _add_to("last", -1)


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
        return called(builder, f"llvm.fmuladd.{suffix(kind)}", kind, args)

    return x(x, y, z), emit


@intrinsic  # type: ignore[untyped-decorator]
def muladd_where(typing: Any, weight: Any, x: Any, y: Any) -> Any:
    """Return weight · x + y where the weight is not zero, else y, whatever x is."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = args[0].type
        total = called(builder, f"llvm.fmuladd.{suffix(kind)}", kind, args)
        used = builder.fcmp_unordered("!=", args[0], zeros(kind))
        return builder.select(used, total, args[2])

    return x(weight, x, y), emit


@intrinsic  # type: ignore[untyped-decorator]
def evens(typing: Any, x: Any) -> Any:
    """Return each even lane twice: the real parts of complex numbers."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return shuffled(builder, args[0], [lane & ~1 for lane in range(args[0].type.count)])

    return x(x), emit


@intrinsic  # type: ignore[untyped-decorator]
def odds(typing: Any, x: Any) -> Any:
    """Return each odd lane twice: the imaginary parts of complex numbers."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        return shuffled(builder, args[0], [lane | 1 for lane in range(args[0].type.count)])

    return x(x), emit


@intrinsic  # type: ignore[untyped-decorator]
def times_i(typing: Any, x: Any) -> Any:
    """Return complex numbers times i."""

    def emit(_: Any, builder: ir.IRBuilder, __: Any, args: Sequence[Any]) -> Any:
        kind = args[0].type
        swapped = shuffled(builder, args[0], [lane ^ 1 for lane in range(kind.count)])
        signs = ir.Constant(kind, [-1.0, 1.0] * (kind.count // 2))
        return builder.fmul(swapped, signs)

    return x(x), emit
