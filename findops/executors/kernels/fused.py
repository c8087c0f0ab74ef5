"""Programs made ready for the compiled kernels, and applied by them in slabs and on threads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.threads import TASKS_PER_THREAD, num_threads, run
from findops.executors.contiguous import fits
from findops.executors.kernels.kernels import direct, sweep
from findops.executors.kernels.lowering import lower
from findops.executors.kernels.ranges import parts, read, widen
from findops.executors.kernels.renewing import renewed
from findops.executors.kernels.schedule import schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from findops.common.arrays import Array, Int64s
    from findops.executors.contiguous import Ready
    from findops.executors.kernels.ranges import Range
    from findops.executors.kernels.renewing import Lowered
    from findops.executors.kernels.schedule import Buffer, OutputRow, Schedule
    from findops.plan.program import Program

__all__ = ["Fused", "Job", "worth_threads"]

SERIAL = 1 << 16
"""Points below which a second thread costs more than it brings."""

BLOCK = 1 << 17
"""Bytes of the rows that one goes through before moving along the other axes, so that what they
read stays in the second-level cache."""

SLAB = 1 << 20
"""Bytes of a slab of an intermediate result, about what a second-level cache holds."""

OVERLAP = 1
"""Rows computed twice, for each row of a slab, from which whole stages are better than slabs."""

LARGE = 1 << 23
"""Bytes of output from which caches would not hold it until it is read."""

SEGMENT = 1 << 14
"""Bytes of a row that are filled at a time, where rows are long."""


def worth_threads(points: int) -> bool:
    """Tell whether an output of so many points is filled by several threads."""
    return points >= SERIAL


@dataclass(frozen=True, eq=False)
class Job:
    """One application."""

    fused: Fused
    u: Array
    out: Array
    re: np.floating[Any]
    im: np.floating[Any]
    adding: bool

    @cached_property
    def threads(self) -> int:
        return num_threads() if worth_threads(self.out.size) else 1

    @cached_property
    def buffers(self) -> tuple[Int64s, Int64s]:
        """Addresses and strides of every buffer, those of slabs unset."""
        plan = self.fused.plan
        rows = sum(line.target.kind == "row" for stage in plan.stages for line in stage)
        count = len(plan.inputs) + len(plan.outputs) + len(plan.slabs) + rows
        bases = np.zeros(count, dtype=np.int64)
        strides = np.zeros((count, self.out.ndim - 2), dtype=np.int64)
        for first, buffers, array in (
            (0, plan.inputs, self.u),
            (len(plan.inputs), plan.outputs, self.out),
        ):
            for buffer in buffers:
                bases[first + buffer.number] = array.ctypes.data + array.strides[1] * buffer.number
                strides[first + buffer.number] = (array.strides[0], *array.strides[2:-1])
        return bases, strides

    def sweep(
        self,
        stage: Lowered,
        low: Int64s,
        high: Int64s,
        segments: Int64s,
        buffers: tuple[Int64s, Int64s],
    ) -> None:
        """Fill a box of a stage's targets."""
        final = stage.lines[-1].target.kind == "output"
        row = stage.lines[-1].target.points[-1] * self.out.itemsize
        block = max(1, BLOCK // row) if len(low) > 2 else 1 << 62
        streaming = final and not self.adding and self.out.nbytes >= LARGE
        one, zero = type(self.re)(1), type(self.re)(0)
        re, im, adding = (self.re, self.im, self.adding) if final else (one, zero, False)
        sweep(
            stage.code, stage.data, *buffers, low, high, segments, block,
            re, im, adding, streaming,
        )  # fmt: skip

    def boxes(self, low: Int64s, high: Int64s) -> Iterator[tuple[Int64s, Int64s]]:
        """Cut a box along its longest axis, of equal ones the first."""
        axis = int(np.argmax(high - low))
        n = int(high[axis] - low[axis])
        for a, b in parts(
            n, max(1, n // (TASKS_PER_THREAD * self.threads)) if self.threads > 1 else n
        ):
            first, last = low.copy(), high.copy()
            first[axis], last[axis] = low[axis] + a, low[axis] + b
            yield first, last

    def at_once(self) -> None:
        """Fill the output in one sweep."""
        (stage,) = self.fused.stages
        segments = self.fused.row_segments
        low, high = self.fused.ends(len(self.out))
        if math.prod(high.tolist()) >= TASKS_PER_THREAD * self.threads or self.threads == 1:
            tasks = [(stage, *box, segments, self.buffers) for box in self.boxes(low, high)]
        else:
            cuts = parts(len(segments), max(1, len(segments) // (TASKS_PER_THREAD * self.threads)))
            tasks = [(stage, low, high, segments[a:b], self.buffers) for a, b in cuts]
        run(self.sweep, tasks, self.threads)

    def in_slabs(self) -> None:
        """Fill the output slab by slab, or stage by stage where slabs would overlap too much."""
        points = self.fused.program.outputs.points
        plane = math.prod(points[1:]) * self.out.itemsize
        middle = points[0] // 2
        read = self.needed((middle, middle + 1)).values()
        grown = max((high - low for low, high in read), default=1) - 1
        thickness = max(SLAB // plane, 2 * grown, 1)
        thickness = min(thickness, -(-points[0] // (2 * self.threads)))
        if grown > OVERLAP * thickness:
            for b in range(len(self.out)):
                self.stagewise(b)
            return
        slabs = parts(points[0], thickness)
        run(self.slab, [(b, part) for b in range(len(self.out)) for part in slabs], self.threads)

    def needed(self, part: Range) -> dict[Buffer, Range]:
        """Return the range along the first axis of every slab that a part of the output needs."""
        found: dict[Buffer, Range] = {}
        for stage in reversed(self.fused.plan.stages):
            targets = [line.target for line in stage if line.target.kind != "row"]
            if targets[0].kind == "output":
                mine = part
            else:
                ranges = [found[target] for target in targets if target in found]
                mine = (
                    min((r[0] for r in ranges), default=0),
                    max((r[1] for r in ranges), default=0),
                )
                found.update(dict.fromkeys(targets, mine))
            for line in stage:
                for group in line.groups:
                    mid = read(group.mid[0], mine) if group.mid else mine
                    for reading in group.readings:
                        if reading.source.kind == "slab":
                            widen(found, reading.source, read(reading.bands[0], mid))
        return found

    def slab(self, batch: int, part: Range) -> None:
        """Fill a part along the first axis of one entry of the batch."""
        needed = self.needed(part)
        buffers = self.buffers[0].copy(), self.buffers[1].copy()
        kept = [self.place(slab, rows, buffers) for slab, rows in needed.items()]
        for stage in self.fused.stages:
            self.sweep(*self.rows(stage, batch, needed.get(stage.lines[-1].target, part)), buffers)
        del kept

    def stagewise(self, batch: int) -> None:
        """Fill one entry of the batch, each stage as a whole before the next."""
        whole = (0, self.fused.program.outputs.points[0])
        needed = self.needed(whole)
        buffers = self.buffers[0].copy(), self.buffers[1].copy()
        kept: dict[Buffer, Array] = {}
        for i, stage in enumerate(self.fused.stages):
            for line in stage.lines:
                if line.target.kind == "slab":
                    kept[line.target] = self.place(line.target, needed[line.target], buffers)
            rows = needed.get(stage.lines[-1].target, whole)
            _, low, high, segments = self.rows(stage, batch, rows)
            tasks = [(stage, *box, segments, buffers) for box in self.boxes(low, high)]
            run(self.sweep, tasks, self.threads)
            later = {b for after in self.fused.stages[i + 1 :] for b in _sources(after)}
            kept = {buffer: array for buffer, array in kept.items() if buffer in later}

    def rows(
        self, stage: Lowered, batch: int, rows: Range
    ) -> tuple[Lowered, Int64s, Int64s, Int64s]:
        """Return a stage, the box of a range of rows along the first axis, and whole rows."""
        points = stage.lines[-1].target.points
        low = np.array([batch, rows[0], *(0 for _ in points[1:-1])], dtype=np.int64)
        high = np.array([batch + 1, rows[1], *points[1:-1]], dtype=np.int64)
        return stage, low, high, self.fused.segments(stage.lines, [(0, points[-1])])

    def place(self, slab: Buffer, rows: Range, buffers: tuple[Int64s, Int64s]) -> Array:
        """Make room for rows of a slab, and set its address so that they count from the grid's."""
        array = np.empty((rows[1] - rows[0], *slab.points[1:]), dtype=self.out.dtype)
        number = len(self.fused.plan.inputs) + len(self.fused.plan.outputs) + slab.number
        buffers[0][number] = array.ctypes.data - rows[0] * array.strides[0]
        buffers[1][number] = (0, *array.strides[:-1])
        return array


def _sources(stage: Lowered) -> set[Buffer]:
    groups = (group for line in stage.lines for group in line.groups)
    return {reading.source for group in groups for reading in group.readings}


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

    def ends(self, batch: int) -> tuple[Int64s, Int64s]:
        """Return the box of all of the output."""
        high = np.array([batch, *self.program.outputs.points[:-1]], dtype=np.int64)
        return np.zeros_like(high), high

    @cached_property
    def row_segments(self) -> Int64s:
        """The lanes of each line that are filled at a time where one sweep does everything."""
        (stage,) = self.stages
        length = self.program.outputs.points[-1]
        # What goes round reads row buffers from end to end.
        round_ = self.periodic[-1] and any(line.target.kind == "row" for line in stage.lines)
        size = length if round_ else max(SEGMENT // self.dtype.itemsize, 1)
        return self.segments(stage.lines, parts(length, size))

    def segments(self, lines: Sequence[OutputRow], parts: Sequence[Range]) -> Int64s:
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
