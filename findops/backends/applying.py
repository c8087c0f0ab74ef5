"""Application of a program: which executor, and arrays as it wants them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.backends.rows import Rows, taps

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from findops.backends.fused import Fused
    from findops.stencil import Program

    Array = NDArray[Any]
    Order = tuple[int, ...]

__all__ = ["Application"]

SMALL = 1024
"""Taps up to which NumPy applies a program. Compiled kernels are faster from the first tap on, by
microseconds: not worth the third of a second that loading them takes. `python -m benchmarks
crossover` measures it."""

LARGE = 1 << 23
"""Bytes of output from which caches would not hold it until it is read."""

ALIGNMENT = 64


@dataclass(frozen=True, eq=False)
class Application:
    """A program made ready to be applied, for each type and layout of arrays as they come."""

    program: Program
    taps: int
    fused: dict[tuple[np.dtype[Any], Order, bool], Fused] = field(default_factory=dict)
    rows: dict[np.dtype[Any], Rows] = field(default_factory=dict)

    @staticmethod
    def of(program: Program) -> Application:
        """Make a program ready."""
        return Application(program, taps(program))

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
            result = self._rows(u.dtype)(u.reshape(*batch, inputs.size)).reshape(shape)
            if scale != 1:
                result *= u.dtype.type(scale)
            return _delivered(result, out, add)
        if out is not None and np.may_share_memory(u, out):
            return _delivered(self(u, scale=scale), out, add)
        fields = u.reshape(-1, inputs.count, *inputs.points)
        order = _order(fields)
        if order is None:
            fields = np.ascontiguousarray(fields)
            order = tuple(range(len(inputs.points)))
        axes = (0, 1, *(2 + axis for axis in order))
        if out is None:
            points = tuple(outputs.points[axis] for axis in order)
            made = _empty((len(fields), outputs.count, *points), u.dtype)
            self._fused(made, order)(fields.transpose(axes), made, scale, False)
            return made.transpose(np.argsort(axes)).reshape(shape)
        target = out.view()
        try:
            target.shape = (len(fields), outputs.count, *outputs.points)
        except AttributeError:
            return _delivered(self(u, scale=scale), out, add)
        target = target.transpose(axes)
        if not _contiguous_last(target):
            return _delivered(self(u, scale=scale), out, add)
        self._fused(target, order)(fields.transpose(axes), target, scale, add)
        return out

    def ready(
        self, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> Callable[[Array], Array] | None:
        """Return a function for small contiguous arrays of a shape and type, if there is one."""
        batch = shape[: len(shape) - len(self.program.inputs.shape)]
        full = batch + self.program.outputs.shape
        if not self._is_small(math.prod(batch)):
            order = tuple(range(len(self.program.inputs.points)))
            out = np.empty(full, dtype)
            return self._fused(out, order).ready(math.prod(batch), full)
        rows, size = self._rows(dtype), (*batch, self.program.inputs.size)
        if shape == size and full == (*batch, self.program.outputs.size):
            return rows
        return lambda u: rows(u.reshape(size)).reshape(full)

    def given(self, program: Program) -> Application:
        """Return the application of the same plan with other values in it."""
        if program.is_complex != self.program.is_complex:
            return Application.of(program)
        kept = {k: f.given(program) for k, f in self.fused.items() if f.program is self.program}
        return Application(program, self.taps, kept)

    def _is_small(self, batch: int) -> bool:
        return self.taps * batch <= SMALL

    def _rows(self, dtype: np.dtype[Any]) -> Rows:
        if dtype not in self.rows:
            self.rows[dtype] = Rows(self.program, dtype)
        return self.rows[dtype]

    def _fused(self, out: Array, order: Order) -> Fused:
        from findops.backends.fused import Fused

        key = out.dtype, order, out.nbytes >= LARGE
        if key not in self.fused:
            same = order == tuple(range(len(order)))
            program = self.program if same else self.program.reordered(order)
            self.fused[key] = Fused(program, out.dtype, key[2])
        return self.fused[key]


def _delivered(result: Array, out: Array | None, add: bool) -> Array:
    if out is None:
        return result
    if add:
        out += result
    else:
        out[...] = result
    return out


def _contiguous_last(fields: Array) -> bool:
    return fields.shape[-1] <= 1 or fields.strides[-1] == fields.itemsize


def _order(fields: Array) -> Order | None:
    """Return the axes of (batch, component, *points) from the slowest to one that is contiguous.

    None if there is no such axis.
    """
    axes = range(fields.ndim - 2)
    if _contiguous_last(fields):
        return tuple(axes)
    strides = fields.strides[2:]
    last = [axis for axis in axes if strides[axis] == fields.itemsize]
    if not last:
        return None
    others = sorted((a for a in axes if a != last[0]), key=lambda axis: -abs(strides[axis]))
    return (*others, last[0])


def _empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return a new array that begins where a cache line does, as vector stores like it."""
    size = math.prod(shape) * dtype.itemsize
    if size < 1 << 16:
        return np.empty(shape, dtype)
    raw = np.empty(size + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)
