"""Stages as kernels take them: what shapes their loops, and tables of all that may change.

The shape of a stage is data that compares by value: displacements, lengths, which weights there
are. A kernel is made for it, and serves every stage of this shape. Weights, closure rows of outer
axes and classes of rows are in two tables, of integers and of numbers, and coefficients stay where
they are: a kernel reads their addresses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from findops.executors.contiguous import CACHE_LINE
from findops.plan.band import Row, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from findops.common.arrays import Array, Floats, Int64s
    from findops.executors.kernels.schedule import (
        Access,
        Buffer,
        CoefficientGroup,
        OutputRow,
        Schedule,
    )
    from findops.plan.band import Band
    from findops.plan.program import Factor

__all__ = [
    "AxisTaps", "Coefficient", "Edge", "Group", "Line", "Lowered", "Reading", "Shape", "Window",
    "lower", "prepared",
]  # fmt: skip

MARGIN = 16
"""Numbers beside the rows of a closure's matrix: as many as any vector has."""

ABSENT, INSIDE, LISTED = range(3)
"""What a band does at a row of an outer axis: nothing, its offsets, or what a table lists."""


@dataclass(frozen=True)
class AxisTaps:
    """A band along an outer axis."""

    number: int
    """Its place among those of its axis."""
    offsets: tuple[int, ...]
    weights: int
    """Place of the weights of its offsets."""
    stride: int
    """How many weights each row has of its own; 0 where all have the same."""
    rows: int
    """Place, for each row, of its place in the list of closure rows."""
    listed: int
    """The most taps of a closure row."""
    columns: int
    """Place of how far those read from their row."""
    listed_weights: int
    ragged: bool
    """Whether a row reads nothing."""


@dataclass(frozen=True)
class Edge:
    """The closure rows at one end of a row: a dense matrix."""

    first: int
    """The lane of its first row."""
    rows: int
    columns: tuple[int, ...]
    """Lanes that it reads."""
    used: tuple[tuple[bool, ...], ...]
    """For each column, the rows that read it."""
    matrix: int
    """Place of its columns, each between margins."""


@dataclass(frozen=True)
class Window:
    """A band along the last axis, in lanes."""

    offsets: tuple[int, ...]
    weights: int
    """Place of the weights: one for each offset, or rows of `length` lanes for each."""
    pointwise: Literal["", "whole", "holed"]
    """Whether each point has weights of its own, and whether some are zero."""
    first: int
    stop: int
    """Lanes that these offsets serve."""
    around: int
    """Lanes of a circle, 0 where there is none."""
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class Reading:
    """A product of bands, applied to a buffer."""

    source: int
    outer: tuple[AxisTaps | None, ...]
    window: Window | None
    scale: int
    """Place of a number that multiplies it, -1 where bands have it."""


@dataclass(frozen=True)
class Coefficient:
    """What multiplies at the point of the row, or at the points of `mid`."""

    number: int
    """Its place among the addresses."""
    kind: Literal["number", "row", "complex", "mask", "mask row"]
    strides: tuple[int, ...]
    """Bytes along the outer axes."""


@dataclass(frozen=True)
class Group:
    """Coefficients times a sum of readings, for every tap of `mid` if there is one."""

    readings: tuple[Reading, ...]
    number: int
    """Place of a complex number that multiplies, -1 where there is none."""
    coefficients: tuple[Coefficient, ...]
    mid: tuple[AxisTaps | None, ...]
    mid_coefficients: tuple[Coefficient, ...]


@dataclass(frozen=True)
class Line:
    """What makes one row of one target."""

    target: int
    length: int
    """In lanes."""
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Shape:
    """All of a stage that a kernel is made for."""

    lines: tuple[Line, ...]
    buffers: tuple[tuple[str, tuple[int, ...]], ...]
    """Kind and points of each buffer."""
    classes: tuple[tuple[tuple[int, ...], ...], ...]
    """For each outer axis its classes of rows: what each of its bands does there."""
    class_places: tuple[int, ...]
    """Place of the class of each row, for each outer axis."""
    points: tuple[int, ...]
    """Points of the targets."""
    periodic: tuple[bool, ...]
    size: int
    """Bytes of a real number."""
    paired: bool
    """Whether points are pairs of lanes, the parts of complex numbers."""

    @property
    def outer(self) -> int:
        """Number of outer axes."""
        return len(self.classes)

    @property
    def wraps(self) -> bool:
        """Whether rows are counted beyond the ends of a circle, as those of slabs are."""
        target = self.buffers[self.lines[-1].target]
        return self.outer > 0 and target[0] == "slab" and self.periodic[0]


@dataclass(frozen=True, eq=False)
class Lowered:
    """A stage: its shape, its tables, and its coefficients in the order of their addresses."""

    shape: Shape
    integers: Int64s
    numbers: Array
    factors: tuple[Factor, ...]
    values: tuple[Array, ...]
    kinds: tuple[str, ...]
    lengths: tuple[int, ...]
    """Points of the rows along which each factor stands."""
    lines: tuple[OutputRow, ...]
    buffers: tuple[Buffer, ...]


def lower(
    lines: tuple[OutputRow, ...], plan: Schedule, dtype: np.dtype[Any], periodic: Sequence[bool]
) -> Lowered:
    """Return a stage for arrays of a type; `periodic` tells which axes go round."""
    return _Lowering(plan, dtype, tuple(periodic)).lowered(lines)


def prepared(factor: Factor, dtype: np.dtype[Any], length: int) -> tuple[Array, str]:
    """Return a factor's values as kernels read them along rows of a length, and their kind."""
    paired = dtype.kind == "c"
    real = np.dtype(f"f{dtype.itemsize // (1 + paired)}")
    values = factor.value
    row = values.shape[-1] > 1
    if factor.selects:
        flags = np.ascontiguousarray(values).view(np.uint8)
        if not row:
            return flags, "mask"
        return (np.repeat(flags, 2, axis=-1) if paired else flags), "mask row"
    if np.iscomplexobj(values):
        rows = np.broadcast_to(values, (*values.shape[:-1], length))
        return np.ascontiguousarray(rows, dtype).view(real), "complex"
    values = np.ascontiguousarray(values, real)
    if not row:
        return values, "number"
    return (np.repeat(values, 2, axis=-1) if paired else values), "row"


@dataclass
class _Table:
    """Arrays one after the other, each written where it stays, since weights may be many."""

    parts: list[tuple[int, Callable[[Array], None]]] = field(default_factory=list)
    length: int = 0

    def put(self, values: Any) -> int:
        """Append numbers; return their place."""
        flat = np.ravel(np.asarray(values))
        return self.write(flat.size, lambda out: np.copyto(out, flat, casting="unsafe"))

    def write(self, size: int, fill: Callable[[Array], None]) -> int:
        """Append so many numbers, which a function will write; return their place."""
        place = self.length
        self.parts.append((size, fill))
        self.length += size
        return place

    def made(self, dtype: np.dtype[Any] | type) -> Array:
        """Return them all in an array that begins where a cache line does."""
        size = self.length * np.dtype(dtype).itemsize
        raw = np.empty(size + CACHE_LINE, dtype=np.uint8)
        start = -raw.ctypes.data % CACHE_LINE
        made: Array = raw[start : start + size].view(dtype)
        place = 0
        for count, fill in self.parts:
            fill(made[place : place + count])
            place += count
        return made


@dataclass
class _Lowering:
    plan: Schedule
    dtype: np.dtype[Any]
    periodic: tuple[bool, ...]
    integers: _Table = field(default_factory=_Table)
    numbers: _Table = field(default_factory=_Table)
    factors: list[Factor] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    known: dict[object, Any] = field(default_factory=dict)
    kept: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lanes = 2 if self.dtype.kind == "c" else 1
        self.size = self.dtype.itemsize // self.lanes
        self.outer = len(self.periodic) - 1
        self.states: list[list[Array]] = [[] for _ in range(self.outer)]
        """For each outer axis and band what it does at every row."""

    def lowered(self, lines: tuple[OutputRow, ...]) -> Lowered:
        plan = self.plan
        rows = [line.target for line in lines if line.target.kind == "row"]
        buffers = (*plan.inputs, *plan.outputs, *plan.slabs, *rows)
        self.buffers = {b: i for i, b in enumerate(buffers)}
        made = tuple(self.line(line) for line in lines)
        points = lines[-1].target.points
        classes, places = [], []
        for a in range(self.outer):
            states = np.array(self.states[a] or [np.zeros(points[a], int)])
            found, which = np.unique(states, axis=1, return_inverse=True)
            classes.append(tuple(tuple(map(int, column)) for column in found.T))
            places.append(self.integers.put(which))
        # Vectors of weights are read as a whole, the last ones beyond their end.
        self.numbers.put(np.zeros(2 * MARGIN))
        shape = Shape(
            made,
            tuple((b.kind, b.points) for b in buffers),
            tuple(classes),
            tuple(places),
            points,
            self.periodic,
            self.size,
            self.lanes == 2,
        )
        return Lowered(
            shape,
            self.integers.made(np.int64),
            self.numbers.made(np.dtype(f"f{self.size}")),
            tuple(self.factors),
            tuple(self.values),
            tuple(self.kinds),
            tuple(self.lengths),
            lines,
            buffers,
        )

    def once(self, key: object, make: Callable[[], Any]) -> Any:
        if key not in self.known:
            self.known[key] = make()
        return self.known[key]

    def line(self, line: OutputRow) -> Line:
        length = line.target.points[-1] * self.lanes
        groups = tuple(
            self.group(group, readings, line.target, cut)
            for group in line.groups
            for cut in (False, True)
            if (readings := [r for r in group.readings if self.cut(0, r.source) == cut])
        )
        return Line(self.buffers[line.target], length, groups)

    def group(
        self, group: CoefficientGroup, readings: Sequence[Access], target: Buffer, cut: bool
    ) -> Group:
        """Return those readings of a group whose sources are slabs, or those whose are none."""
        number = -1
        if isinstance(group.number, complex):
            number = self.numbers.put([group.number.real, group.number.imag])
        length = target.points[-1]
        bands = group.mid[:-1] or (None,) * self.outer
        mid = tuple(self.taps(a, band, 1.0, cut and a == 0) for a, band in enumerate(bands))
        return Group(
            tuple(self.reading(reading, bands, mid) for reading in readings),
            number,
            tuple(self.coefficient(factor, length) for factor in group.factors),
            mid,
            tuple(self.coefficient(factor, length) for factor in group.mid_factors),
        )

    def coefficient(self, factor: Factor, length: int) -> Coefficient:
        values, kind = prepared(factor, self.dtype, length)
        self.factors.append(factor)
        self.values.append(values)
        self.kinds.append(kind)
        self.lengths.append(length)
        strides = tuple(
            0 if n == 1 else stride
            for n, stride in zip(values.shape[:-1], values.strides[:-1], strict=True)
        )
        return Coefficient(len(self.values) - 1, kind, strides)  # type: ignore[arg-type]

    def cut(self, axis: int, buffer: Buffer) -> bool:
        """Tell whether a buffer holds what is read beyond the ends of an axis: slabs do."""
        return buffer.kind == "slab" and axis == 0 < self.outer

    def reading(
        self, reading: Access, mids: Sequence[Band | None], mid: tuple[AxisTaps | None, ...]
    ) -> Reading:
        *bands, last = reading.bands
        scale, window = reading.scale, None
        if last is not None:
            window, scale = self.window(last, scale), 1.0
        outer: list[AxisTaps | None] = []
        for a, band in enumerate(bands):
            unwrapped = self.cut(a, reading.source)
            outer.append(self.taps(a, band, scale, unwrapped, mids[a], mid[a]))
            scale = scale if band is None else 1.0
        place = -1 if scale == 1.0 else self.once(("scale", scale), lambda: self.numbers.put(scale))
        return Reading(self.buffers[reading.source], tuple(outer), window, place)

    # Outer axes ---------------------------------------------------------------------------------

    def taps(
        self,
        axis: int,
        band: Band | None,
        scale: float,
        unwrapped: bool,
        mid: Band | None = None,
        mid_taps: AxisTaps | None = None,
    ) -> AxisTaps | None:
        """Return a band along an outer axis; at the points that `mid` leads to, if there is one.

        Where it is `unwrapped`, what it reads of a circle goes on beyond its ends.
        """
        if band is None:
            return None
        self.kept += [band, mid]

        def make() -> AxisTaps:
            own = folded(band)
            states = _states(own, unwrapped)
            wanted = states == LISTED
            if mid is not None and mid_taps is not None:
                states, wanted = _at_mid(own, states, mid, self.states[axis][mid_taps.number])
            self.states[axis].append(states)
            number = len(self.states[axis]) - 1
            return self._taps(own, number, scale, unwrapped, wanted)

        key = "axis", axis, id(band), scale, unwrapped, id(mid), mid_taps
        made: AxisTaps = self.once(key, make)
        return made

    def _taps(
        self, band: Band, number: int, scale: float, unwrapped: bool, wanted: Array
    ) -> AxisTaps:
        rows: list[Row] = []
        which = np.zeros(band.rows, dtype=int)
        for i in np.flatnonzero(wanted).tolist():
            columns, weights = band.row(i)
            columns, weights = columns[weights != 0], weights[weights != 0]
            if band.periodic and not unwrapped:
                columns = columns % band.cols
            which[i] = len(rows)
            rows.append(Row(columns - i, scale * weights))
        listed = max([1, *(len(row.columns) for row in rows)])
        padded = [_padded(row, listed) for row in rows]
        weights, stride = scale * band.weights, 0
        if not band.constant:
            inside, stride = band.interior, len(band.offsets)
            weights = np.zeros((band.rows, stride))
            weights[inside.start : max(inside.stop, inside.start)] = scale * band.weights
        return AxisTaps(
            number,
            band.offsets,
            self.numbers.put(weights),
            stride,
            self.integers.put(which),
            listed,
            self.integers.put([columns for columns, _ in padded]),
            self.numbers.put([own for _, own in padded]),
            any(len(row.columns) == 0 for row in rows),
        )

    # The last axis ------------------------------------------------------------------------------

    def window(self, band: Band, scale: float) -> Window:
        self.kept.append(band)
        made: Window = self.once(
            ("window", id(band), scale), lambda: self._window(folded(band), scale)
        )
        return made

    def _window(self, band: Band, scale: float) -> Window:
        lanes, length = self.lanes, band.rows
        used = [t for t in range(len(band.offsets)) if np.any(band.weights[..., t] != 0)]
        weights = band.weights if len(used) == len(band.offsets) else band.weights[..., used]
        pointwise: Literal["", "whole", "holed"] = ""
        inside = range(band.interior.start, max(band.interior.stop, band.interior.start))

        def spread(out: Array) -> None:
            taps = out.reshape(len(used), length, lanes)
            taps[:, : inside.start], taps[:, inside.stop :] = 0, 0
            np.multiply(weights.T[..., None], scale, out=taps[:, inside.start : inside.stop])

        if band.constant:
            place = self.numbers.put(scale * weights)
        else:
            pointwise = "whole" if weights.all() else "holed"
            place = self.numbers.write(len(used) * length * lanes, spread)
        edges = (
            self.edge(band, range(inside.start), scale),
            self.edge(band, range(inside.stop, length), scale),
        )
        return Window(
            tuple(band.offsets[t] * lanes for t in used),
            place,
            pointwise,
            inside.start * lanes,
            inside.stop * lanes,
            band.cols * lanes if band.periodic else 0,
            tuple(edge for edge in edges if edge is not None),
        )

    def edge(self, band: Band, rows: range, scale: float) -> Edge | None:
        """Write the dense matrix of some rows."""
        lanes = self.lanes
        found = [band.row(i) for i in rows]
        columns = np.unique(np.concatenate([np.zeros(0, int), *(c[w != 0] for c, w in found)]))
        if not len(columns):
            return None
        matrix = np.zeros((len(columns), len(rows)))
        for i, (c, w) in enumerate(found):
            matrix[np.searchsorted(columns, c[w != 0]), i] = scale * w[w != 0]
        spread = np.repeat(matrix, lanes, axis=1)
        return Edge(
            rows.start * lanes,
            len(rows) * lanes,
            tuple((columns * lanes).tolist()),
            tuple(tuple(map(bool, column)) for column in spread != 0),
            self.numbers.put(np.pad(spread, ((0, 0), (MARGIN, MARGIN)))),
        )


def _states(band: Band, unwrapped: bool) -> Array:
    """Return what a band does at each of its rows."""
    states = np.full(band.rows, LISTED)
    inside = np.arange(band.interior.start, max(band.interior.stop, band.interior.start))
    weights = np.broadcast_to(band.weights, (len(inside), len(band.offsets)))
    plain = (weights != 0).all(axis=1) & bool(band.offsets)
    if band.periodic and not unwrapped:
        columns = inside[:, None] + np.array(band.offsets, dtype=int)
        plain &= ((columns >= 0) & (columns < band.cols)).all(axis=1)
    states[inside[plain]] = INSIDE
    for i in np.flatnonzero(states == LISTED):
        if not band.row(int(i))[1].any():
            states[i] = ABSENT
    return states


def _at_mid(band: Band, states: Array, mid: Band, mid_states: Array) -> tuple[Array, Array]:
    """Return what a band does where rows of another lead, and which of its rows are looked up."""
    mid = folded(mid)
    columns = np.arange(mid.rows)[:, None] + np.array(mid.offsets, dtype=int)
    columns = columns % len(states) if band.periodic else np.clip(columns, 0, len(states) - 1)
    inside = (mid_states == INSIDE) & (states[columns] == INSIDE).all(axis=1)
    found = np.where(inside, INSIDE, np.where(mid_states == ABSENT, ABSENT, LISTED))
    wanted = np.zeros(len(states), dtype=bool)
    for i in np.flatnonzero(found == LISTED):
        read, weights = mid.row(int(i))
        wanted[read[weights != 0] % len(states)] = True
    return found, wanted


def _padded(row: Row, count: int) -> tuple[Any, Floats]:
    """Return a row of so many taps: its first one again and again, its weight halved among them.

    The least parts stand first: added up in this order they are exact, so that the row is what it
    was.
    """
    columns, weights = list(row.columns), list(row.weights)
    if not columns:
        return np.zeros(count, int), np.zeros(count)
    while len(columns) < count:
        columns.insert(0, columns[0])
        weights[0] /= 2
        weights.insert(0, weights[0])
    return np.array(columns), np.array(weights)
