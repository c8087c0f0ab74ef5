"""Programs made ready for the compiled kernels, for arrays of one type."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from findops.common.threads import TASKS_PER_THREAD, num_threads, run
from findops.executors.contiguous import CACHE_LINE, empty_like, fits
from findops.executors.kernels import machine
from findops.executors.kernels.ir import SYMBOL
from findops.executors.kernels.nest import kernel
from findops.executors.kernels.ranges import parts, read, widen
from findops.executors.kernels.row import UNROLLED, Variant, pieces
from findops.executors.kernels.schedule import schedule
from findops.executors.kernels.stage import lower, prepared
from findops.executors.kernels.team import Shared, team

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from findops.common.arrays import Array, Int64s
    from findops.executors.contiguous import Ready
    from findops.executors.kernels.machine import Kernel, Machine
    from findops.executors.kernels.ranges import Range
    from findops.executors.kernels.row import Piece
    from findops.executors.kernels.schedule import Buffer, Schedule
    from findops.executors.kernels.stage import Lowered, Shape
    from findops.plan.program import Factor, Program


__all__ = ["Fused", "worth_threads"]

SERIAL = 300_000
"""Points below which a second thread costs more than it brings, if it has to be woken."""

SHARED = 20_000
"""Points from which one brings more than it costs, if it is awake."""

BLOCK = 1 << 17
"""Bytes of the rows that one goes through before moving along the other axes, so that what they
read stays in the second-level cache."""

SLAB = 1 << 20
"""Bytes of a slab of an intermediate result, about what a second-level cache holds."""

OVERLAP = 1
"""Rows computed twice, for each row of a slab, from which whole stages are better than slabs."""

LARGE = machine.last_cache_bytes() // 2
"""Bytes of output from which caches would not hold it, and what it is made of, until it is read."""

SEGMENT = 1 << 14
"""Bytes of a row that are filled at a time, where rows are long."""

RECENT = 128
"""Kernels that are kept in memory for the next operator of their shape."""

Segment = tuple[int, int, int, int]
"""What is filled of a row: whether its start, its middle from one byte to another, its end."""

WHOLE: Segment = (1, 0, 0, 1)


def worth_threads(points: int) -> bool:
    """Tell whether an output of so many points is filled by several threads."""
    return points >= SERIAL


@dataclass(frozen=True, eq=False)
class Stage:
    """A stage of a program, and the kernels that were made for it."""

    lowered: Lowered
    kernels: dict[Variant, Kernel] = field(default_factory=dict)

    def kernel(self, variant: Variant) -> Kernel:
        """Return the kernel of a variant, compiled when it is needed."""
        if variant not in self.kernels:
            low = self.lowered
            self.kernels[variant] = _kernel(low.shape, variant, len(low.values), machine.here())
        return self.kernels[variant]

    def given(self, changed: dict[int, Factor], dtype: np.dtype[Any]) -> Stage | None:
        """Return the stage with other factors, by the id of the old; None if they are not alike."""
        low = self.lowered
        values, factors = list(low.values), list(low.factors)
        for i, (old, length) in enumerate(zip(low.factors, low.lengths, strict=True)):
            new = changed[id(old)]
            if new is old:
                continue
            values[i], kind = prepared(new, dtype, length)
            if values[i].shape != low.values[i].shape or kind != low.kinds[i]:
                return None
            factors[i] = new
        made = replace(low, values=tuple(values), factors=tuple(factors))
        return Stage(made, self.kernels)

    @property
    def lanes(self) -> int:
        """Lanes of a vector."""
        return machine.here().vector_bytes // self.lowered.shape.size

    @cached_property
    def addresses(self) -> list[int]:
        """The addresses of tables and coefficients."""
        low = self.lowered
        return [array.ctypes.data for array in (low.integers, low.numbers, *low.values)]

    @cached_property
    def pieces(self) -> tuple[tuple[Piece, ...], ...]:
        """The pieces of each line's rows."""
        return tuple(tuple(pieces(line, self.lanes)) for line in self.lowered.shape.lines)

    @property
    def divisible(self) -> bool:
        """Whether parts of rows can be filled."""
        return all(sum(piece.inside > 0 for piece in made) == 1 for made in self.pieces)

    @property
    def target(self) -> Buffer:
        """What the last line fills, as others do that are no single rows."""
        return self.lowered.lines[-1].target

    @cached_property
    def has_rows(self) -> bool:
        """Whether lines read single rows that others fill."""
        return any(line.target.kind == "row" for line in self.lowered.lines)

    def segments(self, part: Range) -> list[Segment]:
        """Return what every line fills of its rows where a part of the output's is needed."""
        paired = 1 + self.lowered.shape.paired
        needed: dict[Buffer, Range] = {}
        found = []
        for line, made in reversed(list(zip(self.lowered.lines, self.pieces, strict=True))):
            row = line.target.kind == "row"
            low, high = needed.get(line.target, (0, 0)) if row else part
            mine = max(low, 0), min(high, line.target.points[-1])
            for group in line.groups:
                for reading in group.readings:
                    if reading.source.kind == "row":
                        widen(needed, reading.source, read(reading.bands[-1], mine))
            found.append(self._segment(made, mine[0] * paired, mine[1] * paired))
        return found[::-1]

    def _segment(self, made: Sequence[Piece], low: int, high: int) -> Segment:
        (middle,) = (piece for piece in made if piece.inside)
        stop = middle.lane + middle.inside * self.lanes
        first = min(max((low - middle.lane) // self.lanes, 0), middle.inside)
        last = min(max(-((middle.lane - high) // self.lanes), first), middle.inside)
        size = self.lowered.shape.size
        at = [(middle.lane + i * self.lanes) * size for i in (first, last)]
        return int(low < middle.lane), at[0], at[1], int(high > stop)

    def cuts(self, size: int) -> list[Range]:
        """Cut the rows of the output into parts of about a size, between which vectors begin."""
        length, paired = self.target.points[-1], 1 + self.lowered.shape.paired
        middle = next(piece for piece in self.pieces[-1] if piece.inside)
        ends = [0]
        for _, stop in parts(length, size)[:-1]:
            steps = round((stop * paired - middle.lane) / (self.lanes * UNROLLED)) * UNROLLED
            place = (middle.lane + min(max(steps, 0), middle.inside) * self.lanes) // paired
            if ends[-1] < place < length:
                ends.append(place)
        return list(zip(ends, [*ends[1:], length], strict=True))


@lru_cache(maxsize=RECENT)
def _kernel(shape: Shape, variant: Variant, coefficients: int, here: Machine) -> Kernel:
    """Return the kernel for a shape: known from an operator of late, or compiled."""
    text = kernel(shape, variant, here.vector_bytes // shape.size, coefficients)
    return machine.compiled(text, SYMBOL)


class Task(NamedTuple):
    """A box of a stage's targets, and parts of their rows: all of them where there are none."""

    stage: Stage
    box: Int64s
    address: int
    segments: Sequence[Segment]

    @staticmethod
    def of(stage: Stage, low: Int64s, high: Int64s, part: Range | None = None) -> Task:
        """Return the task that fills a box, and a part of its rows."""
        segments = () if part is None else stage.segments(part)
        shape = stage.lowered.shape
        row = stage.target.points[-1] * shape.size * (1 + shape.paired)
        numbers = [*low, *high, max(1, BLOCK // row), *(v for one in segments for v in one)]
        box = np.array(numbers, dtype=np.int64)
        return Task(stage, box, box.ctypes.data, segments)


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
    def stages(self) -> tuple[Stage, ...]:
        return tuple(
            Stage(lower(stage, self.plan, self.dtype, self.periodic)) for stage in self.plan.stages
        )

    def __call__(self, u: Array, out: Array, scale: complex, adding: bool) -> None:
        """Write scale · program(u) to `out`, or add it; both are (batch, component, *points)."""
        if not out.size:
            return
        job = Job(self, u, out, complex(scale), adding)
        if self.plan.slabs:
            job.in_slabs()
        else:
            run(job.fill, ((task,) for task in self.tasks(len(out), job.threads)), job.threads)

    def ready(self, batch: int, shape: tuple[int, ...]) -> Ready | None:
        """Return what `Rowwise.ready` returns."""
        inputs, outputs = self.program.inputs, self.program.outputs
        full = (batch, outputs.count, *outputs.points)
        if self.plan.slabs or not math.prod(full):
            return None
        given, dtype = (batch, inputs.count, *inputs.points), self.dtype
        # What streams is aligned or not by the address of each output.
        caught = math.prod(full) * dtype.itemsize < LARGE
        direct = caught and not self.stages[0].has_rows
        kernels: dict[bool, Kernel] = {}
        shares: dict[tuple[bool, int], Shared] = {}
        count = math.prod(full)
        if direct:
            u, out = np.empty(given, dtype), np.empty(full, dtype)
            ((stage, box, second, _),) = self.tasks(batch, 1)
            jobs = {add: Job(self, u, out, 1 + 0j, add) for add in (False, True)}
            variants = {add: job.variant(stage, False) for add, job in jobs.items()}
            arguments = jobs[False].arguments(stage)
            kept = stage, box, arguments
            first = arguments.ctypes.data

        def call(u: Array, out: Array | None, add: bool, scale: float) -> Array | None:
            if out is None:
                out = empty_like(u, shape)
            elif not fits(out, shape, dtype, u):
                return None
            if not direct:
                self(u.reshape(given), out.reshape(full), scale, add)
                return out
            if add not in kernels:
                kernels[add] = kept[0].kernel(variants[add])
            threads = num_threads() if count >= SHARED else 1
            if threads > 1 and team(threads).gathered(worth_threads(count)):
                if (add, threads) not in shares:
                    boxes = [task.box for task in self.tasks(batch, threads, whole=True)]
                    shares[add, threads] = Shared(kernels[add], kept[2], boxes)
                if team(threads).fill(shares[add, threads], u, out, scale):
                    return out
            kernels[add].call(first, second, u.ctypes.data, out.ctypes.data, 0, scale, 0.0)
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
        stages = [stage.given(changed, self.dtype) for stage in self.stages]
        if None not in stages:
            made.__dict__.update(plan=self.plan, periodic=self.periodic, stages=tuple(stages))
        return made

    @cached_property
    def _tasks(self) -> dict[tuple[int, int, bool], list[Task]]:
        return {}

    def tasks(self, batch: int, threads: int, whole: bool = False) -> list[Task]:
        """Return the tasks that fill the output in one sweep, on so many threads; or whole rows."""
        key = batch, threads, whole
        if key not in self._tasks:
            self._tasks[key] = self._cut(batch, threads, whole)
        return self._tasks[key]

    def _cut(self, batch: int, threads: int, whole: bool) -> list[Task]:
        (stage,) = self.stages
        high = np.array([batch, *self.program.outputs.points[:-1]], dtype=np.int64)
        low = np.zeros_like(high)
        length = self.program.outputs.points[-1]
        # What goes round reads single rows from end to end.
        divisible = stage.divisible and not whole and not (self.periodic[-1] and stage.has_rows)
        rows = math.prod(high.tolist())
        size = max(SEGMENT // self.dtype.itemsize, 1)
        cuts: Sequence[Range | None] = (None,)
        split = list(boxes(low, high, threads))
        if rows < TASKS_PER_THREAD * threads and threads > 1 and divisible:
            cuts, split = stage.cuts(max(length // (TASKS_PER_THREAD * threads), 1)), [(low, high)]
        elif divisible and stage.has_rows and length >= 2 * size:
            cuts = stage.cuts(size)
        return [Task.of(stage, *box, part) for box in split for part in cuts]


def boxes(low: Int64s, high: Int64s, threads: int) -> Iterator[tuple[Int64s, Int64s]]:
    """Cut a box along its longest axis, of equal ones the first, into tasks for threads."""
    axis = int(np.argmax(high - low))
    n = int(high[axis] - low[axis])
    for a, b in parts(n, max(1, n // (TASKS_PER_THREAD * threads)) if threads > 1 else n):
        first, last = low.copy(), high.copy()
        first[axis], last[axis] = low[axis] + a, low[axis] + b
        yield first, last


@dataclass(frozen=True, eq=False)
class Job:
    """One application."""

    fused: Fused
    u: Array
    out: Array
    scale: complex
    adding: bool

    @cached_property
    def threads(self) -> int:
        return num_threads() if worth_threads(self.out.size) else 1

    # What kernels are called with ---------------------------------------------------------------

    @cached_property
    def contiguous(self) -> bool:
        """Whether both arrays have no gaps, so that kernels know their strides."""
        return self.u.flags.c_contiguous and self.out.flags.c_contiguous

    def variant(self, stage: Stage, segmented: bool) -> Variant:
        """Return the variant of a stage's kernel that serves."""
        output = stage.target.kind == "output"
        strides = tuple(
            _strides(points, self.out.itemsize)
            if kind == "slab" or (self.contiguous and kind != "row")
            else ()
            for kind, points in stage.lowered.shape.buffers
        )
        # Cache lines hold whole points, so that a row of vectors begins with one.
        whole = self.out.ctypes.data % self.out.itemsize == 0
        streaming = output and whole and not self.adding and self.out.nbytes >= LARGE
        width = machine.here().vector_bytes
        apart = (self.out.ctypes.data, *self.out.strides[:-1])
        return Variant(
            strides,
            adding=output and self.adding,
            turned=output and self.scale.imag != 0,
            streaming=streaming,
            aligned=streaming and not any(by % width for by in apart),
            segmented=segmented,
        )

    def arguments(self, stage: Stage) -> Int64s:
        """Return the addresses of tables and coefficients, and the strides of arrays."""
        made = list(stage.addresses)
        for buffer in stage.lowered.buffers:
            match buffer.kind:
                case "input" | "output":
                    array = self.u if buffer.kind == "input" else self.out
                    _, between, *apart = array.strides[:-1]
                    made += [buffer.number * between, array.strides[0], *apart]
                case _:
                    made += [0] * (self.out.ndim - 1)
        return np.array(made, dtype=np.int64)

    @cached_property
    def _calls(self) -> dict[tuple[int, bool], Callable[[int, int], None]]:
        return {}

    def call(self, stage: Stage, segmented: bool) -> Callable[[int, int], None]:
        """Return a stage's kernel with all its arguments but the addresses of a box and places."""
        key = id(stage), segmented
        if key not in self._calls:
            kernel = stage.kernel(self.variant(stage, segmented))
            arguments = self.arguments(stage)
            u, out, function = self.u.ctypes.data, self.out.ctypes.data, kernel.call
            scale = self.scale if stage.target.kind == "output" else 1 + 0j
            re, im = scale.real, scale.imag
            first = arguments.ctypes.data

            def call(box: int, places: int, _kept: object = (kernel, arguments)) -> None:
                function(first, box, u, out, places, re, im)

            self._calls[key] = call
        return self._calls[key]

    def places(self, task: Task, slabs: dict[Buffer, int]) -> tuple[Int64s, Array | None]:
        """Return where buffers between stages and lines are, and the room for single rows."""
        low, margin = task.stage.lowered, 2 * machine.here().vector_bytes
        targets = {line.target: n for n, line in enumerate(low.lines)}
        made, rows, total = [0] * len(low.buffers), [], margin
        for i, buffer in enumerate(low.buffers):
            if buffer.kind == "slab":
                made[i] = slabs.get(buffer, 0)
            elif buffer.kind == "row":
                size = buffer.points[-1] * self.out.itemsize
                part = task.segments[targets[buffer]] if task.segments else WHOLE
                first = 0 if part[0] else part[1]
                stop = size if part[3] else part[2]
                rows.append((i, total - first))
                total += -(-max(stop - first, 0) // CACHE_LINE) * CACHE_LINE + 2 * margin
        if not rows:
            return np.array(made, dtype=np.int64), None
        room = np.empty(total + CACHE_LINE, dtype=np.uint8)
        start = room.ctypes.data + -room.ctypes.data % CACHE_LINE
        for i, place in rows:
            made[i] = start + place
        return np.array(made, dtype=np.int64), room

    def fill(self, task: Task, slabs: dict[Buffer, int] | None = None) -> None:
        """Fill a box of a stage's targets."""
        call = self.call(task.stage, bool(task.segments))
        if slabs is None and not task.stage.has_rows:
            call(task.address, 0)
            return
        places, _room = self.places(task, slabs or {})
        call(task.address, places.ctypes.data)

    # Slabs --------------------------------------------------------------------------------------

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
        room = {slab: self.room(slab, rows) for slab, rows in needed.items()}
        places = {slab: place for slab, (place, _) in room.items()}
        for stage in self.fused.stages:
            rows = needed.get(stage.target, part)
            self.fill(Task.of(stage, *self.rows(stage, batch, rows)), places)

    def stagewise(self, batch: int) -> None:
        """Fill one entry of the batch, each stage as a whole before the next."""
        whole = (0, self.fused.program.outputs.points[0])
        needed = self.needed(whole)
        room: dict[Buffer, tuple[int, Array]] = {}
        for i, stage in enumerate(self.fused.stages):
            for line in stage.lowered.lines:
                if line.target.kind == "slab":
                    room[line.target] = self.room(line.target, needed[line.target])
            places = {slab: place for slab, (place, _) in room.items()}
            box = self.rows(stage, batch, needed.get(stage.target, whole))
            tasks = [(Task.of(stage, *part), places) for part in boxes(*box, self.threads)]
            run(self.fill, tasks, self.threads)
            later = {b for after in self.fused.stages[i + 1 :] for b in _sources(after)}
            room = {buffer: kept for buffer, kept in room.items() if buffer in later}

    def rows(self, stage: Stage, batch: int, rows: Range) -> tuple[Int64s, Int64s]:
        """Return the box of a range of rows along the first axis."""
        points = stage.target.points
        low = np.array([batch, rows[0], *(0 for _ in points[1:-1])], dtype=np.int64)
        high = np.array([batch + 1, rows[1], *points[1:-1]], dtype=np.int64)
        return low, high

    def room(self, slab: Buffer, rows: Range) -> tuple[int, Array]:
        """Return an array for rows of a slab, and the address from which rows are counted."""
        array = np.empty((rows[1] - rows[0], *slab.points[1:]), dtype=self.out.dtype)
        return array.ctypes.data - rows[0] * array.strides[0], array


def _strides(points: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Return the strides of all axes but the last of an array without gaps."""
    return tuple(size * math.prod(points[a + 1 :]) for a in range(len(points) - 1))


def _sources(stage: Stage) -> set[Buffer]:
    groups = (group for line in stage.lowered.lines for group in line.groups)
    return {reading.source for group in groups for reading in group.readings}
