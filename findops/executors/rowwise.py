"""Application of programs that act row by row: by NumPy where they are small, else by kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.executors.contiguous import contiguous_last, empty_like, fits, order_of
from findops.executors.folding import folded
from findops.executors.small import TapTable, most_taps

if TYPE_CHECKING:
    from findops.common.arrays import Array
    from findops.executors.contiguous import Order, Ready
    from findops.executors.kernels.fused import Fused
    from findops.plan.program import Program

__all__ = ["Rowwise", "delivered"]

NUMPY_TAPS = 1024
"""Taps up to which NumPy applies a program. Compiled kernels are quicker by a few microseconds at
most, which does not pay for loading them (`python -m benchmarks.crossover` measures both)."""


@dataclass(frozen=True, eq=False)
class Rowwise:
    """A row-wise program made ready, for each type and layout of arrays as they come."""

    program: Program
    taps: int
    """How many taps all rows have together, at most."""
    fused: dict[tuple[np.dtype[Any], Order], Fused] = field(default_factory=dict)
    tables: dict[np.dtype[Any], TapTable] = field(default_factory=dict)

    @staticmethod
    def of(program: Program) -> Rowwise:
        """Make a program ready."""
        return Rowwise(program, most_taps(program))

    def __call__(
        self, u: Array, out: Array | None = None, add: bool = False, scale: complex = 1
    ) -> Array:
        """Return scale · program(u), or write or add it to `out`, which may overlap u.

        u is (…, *components, *points), of the result's type.
        """
        inputs, outputs = self.program.inputs, self.program.outputs
        batch = u.shape[: u.ndim - len(inputs.shape)]
        shape = batch + outputs.shape
        if self._is_small(math.prod(batch)):
            result = self._table(u.dtype)(u.reshape(*batch, inputs.size)).reshape(shape)
            if scale != 1:
                result *= u.dtype.type(scale)
            return delivered(result, out, add)
        if out is not None and np.may_share_memory(u, out):
            return delivered(self(u, scale=scale), out, add)
        plain = self
        if u.flags.c_contiguous and (out is None or out.flags.c_contiguous):
            plain = self.folded or self
        inputs, outputs = plain.program.inputs, plain.program.outputs
        fields = u.reshape(-1, inputs.count, *inputs.points)
        order = order_of(fields)
        if order is None:
            fields = np.ascontiguousarray(fields)
            order = tuple(range(len(inputs.points)))
        axes = (0, 1, *(2 + axis for axis in order))
        if out is None:
            points = tuple(outputs.points[axis] for axis in order)
            made = empty_like(fields, (len(fields), outputs.count, *points))
            plain._fused(made.dtype, order)(fields.transpose(axes), made, scale, False)
            return made.transpose(np.argsort(axes)).reshape(shape)
        target = out.view()
        try:
            target.shape = (len(fields), outputs.count, *outputs.points)
        except AttributeError:
            return delivered(self(u, scale=scale), out, add)
        target = target.transpose(axes)
        if not contiguous_last(target):
            return delivered(self(u, scale=scale), out, add)
        plain._fused(target.dtype, order)(fields.transpose(axes), target, scale, add)
        return out

    @cached_property
    def folded(self) -> Rowwise | None:
        """The application of the program with its last axes folded, where that can be."""
        program = folded(self.program)
        return None if program is None else Rowwise.of(program)

    def ready(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Ready | None:
        """Return a function for small contiguous arrays of a shape and type, if there is one.

        Its arguments are those of the call, its result None where `out` is not such an array.
        """
        inputs, outputs = self.program.inputs, self.program.outputs
        batch = shape[: len(shape) - len(inputs.shape)]
        full = batch + outputs.shape
        if not self._is_small(math.prod(batch)):
            plain = self.folded or self
            order = tuple(range(len(plain.program.inputs.points)))
            return plain._fused(dtype, order).ready(math.prod(batch), full)
        table = self._table(dtype)
        flat = None if len(shape) == len(full) == len(batch) + 1 else (*batch, inputs.size)

        def call(u: Array, out: Array | None, add: bool, scale: float) -> Array | None:
            result = table(u) if flat is None else table(u.reshape(flat)).reshape(full)
            if scale != 1:
                result *= scale
            if out is None:
                return result
            return delivered(result, out, add) if fits(out, full, dtype, u) else None

        return call

    def given(self, program: Program) -> Rowwise:
        """Return the application of the same plan with other values in it."""
        if program.is_complex != self.program.is_complex:
            return Rowwise.of(program)
        fused = {k: f.given(program) for k, f in self.fused.items() if f.program is self.program}
        return Rowwise(program, self.taps, fused)

    def _is_small(self, batch: int) -> bool:
        return self.taps * batch <= NUMPY_TAPS

    def _table(self, dtype: np.dtype[Any]) -> TapTable:
        return self.tables.get(dtype) or self.tables.setdefault(
            dtype, TapTable(self.program, dtype)
        )

    def _fused(self, dtype: np.dtype[Any], order: Order) -> Fused:
        # LLVM takes long to load: only where it pays.
        from findops.executors.kernels.fused import Fused

        key = dtype, order
        if key not in self.fused:
            same = order == tuple(range(len(order)))
            program = self.program if same else self.program.reordered(order)
            # Another thread may have been quicker: all go on with the same.
            self.fused.setdefault(key, Fused(program, dtype))
        return self.fused[key]


def delivered(result: Array, out: Array | None, add: bool) -> Array:
    """Return a result, or write or add it to `out` and return that."""
    if out is None:
        return result
    if add:
        out += result
    else:
        out[...] = result
    return out
