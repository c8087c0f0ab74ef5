"""Stages as the arrays that the kernels interpret (see `layout`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.executors.contiguous import CACHE_LINE
from findops.executors.kernels import layout as at
from findops.executors.kernels.regularity import capacity, follows
from findops.executors.kernels.renewing import Lowered, prepared
from findops.plan.band import Row, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from findops.executors.kernels.schedule import (
        Access,
        Buffer,
        CoefficientGroup,
        OutputRow,
        Schedule,
    )
    from findops.plan.band import Band
    from findops.plan.program import Factor


__all__ = ["lower"]


def lower(
    lines: tuple[OutputRow, ...],
    plan: Schedule,
    dtype: np.dtype[Any],
    periodic: Sequence[bool],
) -> Lowered:
    """Return a stage for arrays of a type; `periodic` tells which axes go round."""
    return _Lowering(lines, plan, dtype, tuple(periodic)).lowered()


@dataclass
class _Lowering:
    lines: tuple[OutputRow, ...]
    plan: Schedule
    dtype: np.dtype[Any]
    periodic: tuple[bool, ...]
    code: list[int] = field(default_factory=lambda: [0] * at.HEADER_SIZE)
    data: list[NDArray[np.float64]] = field(default_factory=lambda: [np.zeros(1)])
    data_length: int = 1
    factors: list[tuple[int, int, Factor]] = field(default_factory=list)
    kept: list[NDArray[Any]] = field(default_factory=list)
    known: dict[object, int] = field(default_factory=dict)

    @cached_property
    def lanes(self) -> int:
        return 2 if self.dtype.kind == "c" else 1

    @cached_property
    def size(self) -> int:
        """Bytes of a lane."""
        return self.dtype.itemsize // self.lanes

    @cached_property
    def buffers(self) -> dict[Buffer, int]:
        plan = self.plan
        rows = [line.target for line in self.lines if line.target.kind == "row"]
        return {b: i for i, b in enumerate((*plan.inputs, *plan.outputs, *plan.slabs, *rows))}

    @cached_property
    def outer(self) -> int:
        """How many axes of the grid are outer ones; the batch comes before them."""
        return len(self.periodic) - 1

    def lowered(self) -> Lowered:
        code = self.code
        lines = [self.line(line) for line in self.lines]
        read, added = self.aheads()
        aheads = [*read, *added]
        same = self.same()
        code[at.AXES] = 1 + self.outer
        code[at.LINES], code[at.LINE] = len(lines), self.put(v for line in lines for v in line)
        code[at.SAME], code[at.SAME_LENGTH] = self.put(same) if same else 0, len(same)
        code[at.READ] = len(read)
        code[at.AHEADS], code[at.AHEAD] = len(aheads), self.put(v for a in aheads for v in a)
        rows = sum(line.target.kind == "row" for line in self.lines)
        code[at.ROW_BUFFERS] = len(self.buffers) - rows
        code[at.PAIRED] = self.lanes - 1
        code[at.CAPACITY : at.HEADER_SIZE] = capacity(self.lines, len(aheads))
        # Vectors of weights are read as a whole, the last ones beyond their end.
        self.put_data(np.zeros(CACHE_LINE // self.size))
        real = np.dtype(f"f{self.size}")
        return Lowered(
            np.array(code, dtype=np.int64),
            np.concatenate(self.data).astype(real),
            self.lines,
            tuple(self.factors),
            tuple(self.kept),
        )

    def put(self, values: Iterable[int]) -> int:
        """Append integers; return their place."""
        place = len(self.code)
        self.code.extend(values)
        return place

    def put_data(self, values: NDArray[np.float64]) -> int:
        place = self.data_length
        self.data.append(np.ravel(values))
        self.data_length += values.size
        return place

    def once(self, key: object, make: Callable[[], int]) -> int:
        if key not in self.known:
            self.known[key] = make()
        return self.known[key]

    def line(self, line: OutputRow) -> list[int]:
        length = line.target.points[-1]
        bands = [
            _along(reading)
            for group in line.groups
            for reading in group.readings
            if reading.bands[-1] is not None
        ]
        head = max([0, *(len(band.head) for band in bands)])
        tail = max([0, *(len(band.tail) for band in bands)])
        if head + tail > length:
            head, tail = length, 0
        groups = [self.group(group, length, head, tail) for group in line.groups]
        return [
            self.buffers[line.target],
            length * self.lanes,
            head * self.lanes,
            tail * self.lanes,
            len(groups),
            self.put(v for group in groups for v in group),
        ]

    def group(self, group: CoefficientGroup, length: int, head: int, tail: int) -> list[int]:
        mid = 0
        if any(group.mid):
            mid = self.put([0, *(self.table(a, band) for a, band in enumerate(group.mid[:-1]))])
        coefficients = [
            self.coefficient(factor, inside, length)
            for inside, factors in ((0, group.factors), (1, group.mid_factors))
            for factor in factors
        ]
        # In the order in which the kernels go through them: without neighbors along the row, with,
        # and with weights of their own at every point.
        readings = sorted(
            group.readings, key=lambda r: 0 if r.bands[-1] is None else 2 - r.bands[-1].constant
        )
        terms = [self.term(reading, length, head, tail) for reading in readings]
        number = 0
        if isinstance(group.number, complex):
            number = self.put_data(np.array([group.number.real, group.number.imag]))
        place = len(self.code)
        for factor, record in zip((*group.factors, *group.mid_factors), coefficients, strict=True):
            self.factors.append((place, length, factor))
            place += len(record)
        return [
            mid,
            len(coefficients),
            self.put(v for record in coefficients for v in record),
            len(terms),
            self.put(v for term in terms for v in term),
            number,
        ]

    def coefficient(self, factor: Factor, inside: int, length: int) -> list[int]:
        values, kind = prepared(factor, self.dtype, length)
        self.kept.append(values)
        strides = [
            (0, 0) if n == 1 else (stride, n if self.periodic[a] else 0)
            for a, (n, stride) in enumerate(zip(values.shape, values.strides, strict=True))
        ]
        pairs = [(0, 0), *strides[: self.outer]]
        return [values.ctypes.data, kind, inside, *(v for pair in pairs for v in pair)]

    def term(self, reading: Access, length: int, head: int, tail: int) -> list[int]:
        source = reading.source
        tables = [(0, 0)]
        for a, band in enumerate(reading.bands[:-1]):
            # A slab holds what is read beyond the ends of the axis that it is cut along.
            wraps = self.periodic[a] and (
                source.kind == "input" or (a > 0 and source.kind != "row")
            )
            tables.append((self.table(a, band), source.points[a] if wraps else 0))
        return [
            self.buffers[source],
            self.put_data(np.array([reading.scale])),
            self.last(reading, length, head, tail),
            *(v for pair in tables for v in pair),
        ]

    def table(self, axis: int, band: Band | None) -> int:
        if band is None:
            return 0
        return self.once((axis, id(band)), lambda: self._table(band))

    def _table(self, band: Band) -> int:
        band = folded(band)
        inside = np.arange(band.interior.start, band.interior.stop)
        shape = (len(inside), len(band.offsets))
        weights = np.broadcast_to(band.weights, shape)
        columns = inside[:, None] + np.array(band.offsets, dtype=np.intp)
        used = weights != 0
        edges = [[len(row.columns) for row in rows] for rows in (band.head, band.tail)]
        counts = np.concatenate([[0], edges[0], used.sum(axis=1), edges[1]])
        rows = [*band.head, Row(columns[used], weights[used]), *band.tail]
        starts = self.put(np.cumsum(counts).astype(int).tolist())
        taps = self.put(np.concatenate([row.columns for row in rows]).tolist())
        data = self.put_data(np.concatenate([row.weights for row in rows]))
        return self.put([band.rows, band.cols, starts, taps, data])

    def last(self, reading: Access, length: int, head: int, tail: int) -> int:
        if reading.bands[-1] is None:
            return 0
        key = ("last", id(reading.bands[-1]), head, tail)
        return self.once(key, lambda: self._last(_along(reading), length, head, tail))

    def _last(self, band: Band, length: int, head: int, tail: int) -> int:
        step = self.lanes * self.size
        used = [t for t in range(len(band.offsets)) if np.any(band.weights[..., t] != 0)]
        weights, pointwise = band.weights[..., used], 0
        if not band.constant:
            pointwise = at.WHOLE if weights.all() else at.HOLED
            inside = weights.T[..., None]
            weights = np.zeros((len(used), length, self.lanes))
            weights[:, band.interior.start : band.interior.stop] = inside
        return self.put(
            [
                len(used),
                self.put(band.offsets[t] * step for t in used),
                self.put_data(weights),
                pointwise,
                *self.edge(band, range(head)),
                *self.edge(band, range(length - tail, length)),
            ]
        )

    def edge(self, band: Band, rows: range) -> list[int]:
        """Write the dense matrix of some rows; return the number and places of its columns."""
        found = [band.row(i) for i in rows]
        columns = np.unique(np.concatenate([np.zeros(0, np.intp), *(c[w != 0] for c, w in found)]))
        matrix = np.zeros((len(columns), len(rows), self.lanes))
        for i, (c, w) in enumerate(found):
            matrix[np.searchsorted(columns, c[w != 0]), i] = w[w != 0][:, None]
        places = (columns * (self.lanes * self.size)).tolist()
        return [len(columns), self.put(places), self.put_data(matrix), len(rows) * self.lanes]

    def same(self) -> list[int]:
        """Tell for each row of the last outer axis whether its taps are the last one's, shifted."""
        if self.outer == 0:
            return []
        axis = self.outer - 1
        n = self.lines[-1].target.points[axis]
        flags = np.ones(n, dtype=bool)
        for line in self.lines:
            for group in line.groups:
                flags &= follows(group, axis, n)
        # On a circle, what comes before the first row is far from it in memory.
        flags[:1] = False
        return flags.astype(int).tolist()

    def aheads(self) -> tuple[list[list[int]], list[list[int]]]:
        """Return what to fetch ahead on the next planes: inputs and coefficients; outputs."""
        if self.outer < 2:
            return [], []
        axis = self.outer - 2
        reach: dict[int, int] = {}
        records = []
        zeros = [0] * (1 + self.outer)
        for line in self.lines:
            for group in line.groups:
                mid = _furthest(group.mid[axis]) if group.mid else 0
                for reading in group.readings:
                    if reading.source.kind == "input":
                        number = self.buffers[reading.source]
                        reached = mid + _furthest(reading.bands[axis])
                        reach[number] = max(reached, reach.get(number, 0))
        for number, reached in reach.items():
            records.append([number, 0, reached + 1, *zeros])
        seen = set()
        for place, _, _ in self.factors:
            address, kind, inside = self.code[place : place + 3]
            strides = self.code[place + at.COEFFICIENT_STRIDES :][: 2 * (1 + self.outer) : 2]
            if kind in (at.ROW, at.COMPLEX_ROW) and address not in seen and strides[1 + axis]:
                seen.add(address)
                records.append([-1, address, 1 + inside, *strides])
        targets = [line.target for line in self.lines if line.target.kind == "output"]
        return records, [[self.buffers[target], 0, 1, *zeros] for target in targets]


def _along(reading: Access) -> Band:
    band = reading.bands[-1]
    assert band is not None
    return band.unwrapped()


def _furthest(band: Band | None) -> int:
    return 0 if band is None else max(band.offsets, default=0)
