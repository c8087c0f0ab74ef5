"""The compiled kernel that adds stencils at scattered points, for arrays of one type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.threads import TASKS_PER_THREAD, num_threads, run
from findops.executors.kernels.fused import worth_threads
from findops.executors.kernels.ir import SYMBOL, Builder
from findops.executors.kernels.machine import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from findops.common.arrays import Array, Int64s
    from findops.executors.kernels.machine import Kernel
    from findops.executors.stencil_runs import StencilRuns

__all__ = ["ScatteredKernel"]


@dataclass(frozen=True, eq=False)
class ScatteredKernel:
    """Stencils made ready for real parts of one type."""

    runs: StencilRuns
    dtype: np.dtype[Any]

    def add(self, u: Array, out: Array, factors: Array | None, scale: float) -> None:
        """Add scale times what the stencils make of u to out, times the factors.

        Arrays (batch, points) and (points) of real numbers, or parts of complex ones.
        """
        factors = None if factors is None else np.ascontiguousarray(factors, self.dtype)
        kernel = self._kernel(u.strides[-1], factors is not None)
        addresses = self._addresses
        if factors is not None:
            addresses = np.append(addresses, factors.ctypes.data)
        taps = len(u) * self.runs.points.size * self.runs.weights.shape[1]
        # Two taps take about as long as a point of a plan.
        threads = num_threads() if worth_threads(taps // 2) else 1

        def work(entry: int, first: int, last: int) -> None:
            box = np.array([first, last], dtype=np.int64)
            source, target = u[entry].ctypes.data, out[entry].ctypes.data
            kernel.call(addresses.ctypes.data, box.ctypes.data, source, target, 0, scale, 0.0)

        run(work, ((i, *part) for i in range(len(u)) for part in self._parts(threads)), threads)

    def _parts(self, threads: int) -> Iterator[tuple[int, int]]:
        """Yield ranges of runs, of whole blocks, so that none adds to a point of another."""
        blocks = self.runs.blocks
        count = min(threads * TASKS_PER_THREAD if threads > 1 else 1, len(blocks) - 1)
        cuts = (int(blocks[(len(blocks) - 1) * i // count]) for i in range(count + 1))
        return pairwise(cuts if count else ())

    def _kernel(self, step: int, factored: bool) -> Kernel:
        s = self.runs
        bits = 8 * s.points.itemsize, 0 if s.reads is s.points else 8 * s.reads.itemsize
        return _kernel(self.dtype.itemsize, s.weights.shape[1], step, bits, factored)

    @cached_property
    def _weights(self) -> Array:
        return self.runs.weights.astype(self.dtype)

    @cached_property
    def _addresses(self) -> Int64s:
        s = self.runs
        tables = (s.starts, s.kinds, s.points, s.reads, s.offsets, self._weights)
        return np.array([table.ctypes.data for table in tables], dtype=np.int64)


@lru_cache
def _kernel(size: int, taps: int, step: int, bits: tuple[int, int], factored: bool) -> Kernel:
    """Return the function that goes through runs of stencils, with one run's in registers.

    Numbers are `step` bytes apart. Indices have some bits, those of what is read none where they
    are those of the result.
    """
    b = Builder(size, 1)
    b.mark("entry")
    starts, kinds, points, reads, offsets, weights = (b.load_pointer("%args", i) for i in range(6))
    factors = b.load_pointer("%args", 6) if factored else ""
    scale = "%re" if size == 8 else b.value("fptrunc double %re to float")
    with b.loop(b.load_int("%box", 0), b.load_int("%box", 1)) as i:
        tap = b.mul(b.load_int(kinds, i), taps)
        apart = [b.mul(b.load_int(offsets, b.add(tap, t)), step) for t in range(taps)]
        at = [b.offset("%u", by) for by in apart]
        own = [b.scalar("fmul", b.load_real(weights, b.add(tap, t)), scale) for t in range(taps)]
        with b.loop(b.load_int(starts, i), b.load_int(starts, b.add(i, 1))) as k:
            to = b.mul(_index(b, points, k, bits[0]), step)
            source = b.mul(_index(b, reads, k, bits[1]), step) if bits[1] else to
            total = b.scalar("fmul", own[0], b.load_real(b.offset(at[0], source)))
            for pointer, weight in zip(at[1:], own[1:], strict=True):
                total = _fma(b, weight, b.load_real(b.offset(pointer, source)), total)
            if factored:
                total = b.scalar("fmul", total, b.load_real(factors, k))
            target = b.offset("%v", to)
            total = b.scalar("fadd", b.load_real(target), total)
            b.emit(f"store {b.real} {total}, ptr {target}, align {size}")
    return compiled(b.function(), SYMBOL)


def _index(b: Builder, table: str, k: str, bits: int) -> str:
    place = b.value(f"getelementptr i{bits}, ptr {table}, i64 {k}")
    value = b.value(f"load i{bits}, ptr {place}, !invariant.load !0")
    return value if bits == 64 else b.value(f"sext i{bits} {value} to i64")


def _fma(b: Builder, x: str, y: str, z: str) -> str:
    call = b.intrinsic(b.real, f"llvm.fmuladd.f{8 * b.size}", *[b.real] * 3)
    return b.value(f"{call}({b.real} {x}, {b.real} {y}, {b.real} {z})")
