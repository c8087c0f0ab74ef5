"""Programs made ready for the compiled kernels, for arrays of one type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.backends.contiguous import fits
from findops.backends.driving import Job, worth_threads
from findops.backends.kernels import direct
from findops.backends.lowering import lower
from findops.backends.ranges import parts, read, widen
from findops.backends.renewing import renewed
from findops.backends.schedule import schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from findops.backends.contiguous import Ready
    from findops.backends.ranges import Range
    from findops.backends.renewing import Lowered
    from findops.backends.schedule import Buffer, Line, Schedule
    from findops.stencil import Program

    Array = NDArray[Any]
    Ints = NDArray[np.int64]

__all__ = ["Fused"]

SEGMENT = 1 << 14
"""Bytes of a row that are filled at a time, where rows are long."""


@dataclass(frozen=True, eq=False)
class Fused:
    """A program made ready for arrays of one type whose last axis is contiguous."""

    program: Program
    dtype: np.dtype[Any]

    @cached_property
    def plan(self) -> Schedule:
        return schedule(self.program)

    @cached_property
    def periodic(self) -> tuple[bool, ...]:
        """Which axes go round."""
        return tuple(
            any(b is not None and b.periodic for b in (t.bands[axis] for t in self.program.terms))
            for axis in range(len(self.program.inputs.points))
        )

    @cached_property
    def stages(self) -> tuple[Lowered, ...]:
        return tuple(
            lower(stage, self.plan, self.dtype, self.periodic) for stage in self.plan.stages
        )

    @cached_property
    def lanes(self) -> int:
        return 2 if self.dtype.kind == "c" else 1

    def __call__(self, u: Array, out: Array, scale: complex, adding: bool) -> None:
        """Write scale · program(u) to `out`, or add it; both are (batch, component, *points)."""
        if not out.size:
            return
        real = self.stages[0].data.dtype.type
        job = Job(self, u, out, real(complex(scale).real), real(complex(scale).imag), adding)
        if self.plan.slabs:
            job.in_slabs()
        else:
            job.at_once()

    def ready(self, batch: int, shape: tuple[int, ...]) -> Ready | None:
        """Return what `Application.ready` returns; None where threads or slabs serve better."""
        inputs, outputs, plan = self.program.inputs, self.program.outputs, self.plan
        points = batch * outputs.size
        if plan.slabs or not points or worth_threads(points):
            return None
        (stage,) = self.stages
        real, dtype = stage.data.dtype, self.dtype
        u, out = (np.empty((batch, s.count, *s.points), dtype) for s in (inputs, outputs))
        one, zero = real.type(1), real.type(0)
        bases, strides = Job(self, u, out, one, zero, False).buffers
        count = len(plan.inputs)
        bases[:count] -= u.ctypes.data
        bases[count : count + len(plan.outputs)] -= out.ctypes.data
        frame = np.concatenate([bases, strides.ravel(), *self.ends(batch)])
        segments = self.segments(stage.lines, [(0, outputs.points[-1])])
        # The stage keeps the arrays whose addresses are in its code.
        rest = stage.code, stage.data, frame, count, len(bases), segments

        def call(
            u: Array, out: Array | None, add: bool, scale: float, _kept: Lowered = stage
        ) -> Array | None:
            if out is None:
                out = np.empty(shape, dtype)
            elif not fits(out, shape, dtype, u):
                return None
            re = one if scale == 1 else real.type(scale)
            if dtype is real:
                direct(*rest, u.ravel(), out.ravel(), re, zero, add)
            else:
                direct(*rest, u.view(real).ravel(), out.view(real).ravel(), re, zero, add)
            return out

        return call

    def given(self, program: Program) -> Fused:
        """Return the same plan with other values of its fields in it."""
        made = Fused(program, self.dtype)
        changed = {
            id(old): new
            for before, after in zip(self.program.terms, program.terms, strict=True)
            for old, new in zip(before.factors, after.factors, strict=True)
        }
        stages = [renewed(stage, changed, self.dtype) for stage in self.stages]
        if None not in stages:
            made.__dict__.update(plan=self.plan, periodic=self.periodic, stages=tuple(stages))
        return made

    def ends(self, batch: int) -> tuple[Ints, Ints]:
        """Return the box of all of the output."""
        high = np.array([batch, *self.program.outputs.points[:-1]], dtype=np.int64)
        return np.zeros_like(high), high

    @cached_property
    def row_segments(self) -> Ints:
        """The lanes of each line that are filled at a time where one sweep does everything."""
        (stage,) = self.stages
        length = self.program.outputs.points[-1]
        # What goes round reads row buffers from end to end.
        round_ = self.periodic[-1] and any(line.target.kind == "row" for line in stage.lines)
        size = length if round_ else max(SEGMENT // self.dtype.itemsize, 1)
        return self.segments(stage.lines, parts(length, size))

    def segments(self, lines: Sequence[Line], parts: Sequence[Range]) -> Ints:
        """Return the lanes of every line that parts of the output's rows need."""
        found = np.empty((len(parts), len(lines), 2), dtype=np.int64)
        for s, part in enumerate(parts):
            needed: dict[Buffer, Range] = {}
            for n, line in reversed(list(enumerate(lines))):
                low, high = needed.get(line.target, (0, 0)) if line.target.kind == "row" else part
                mine = found[s, n] = max(low, 0), min(high, line.target.points[-1])
                for group in line.groups:
                    for reading in group.readings:
                        if reading.source.kind == "row":
                            widen(needed, reading.source, read(reading.bands[-1], mine))
        return found * self.lanes
