"""Stages of a program: what is computed in one sweep, and what goes through a buffer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from findops.plan.band import Band, summed
from findops.plan.program import Chain, Composition, Program, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.plan.program import Factor, Scalar

__all__ = ["Access", "Buffer", "CoefficientGroup", "OutputRow", "Schedule", "schedule"]

Bands = tuple[Band | None, ...]
Shape = tuple[int, ...]
"""The number of points along each axis."""

TENSOR = 36
"""Reads up to which a tensor product of bands is applied at once."""

INLINED = 24
"""Up to so many reads, what a product does first is done anew at each point where it is read,
rather than kept in a buffer."""


@dataclass(frozen=True)
class Buffer:
    """Where a component is: an argument, the result, or in between: slabs, or single rows."""

    kind: Literal["input", "output", "slab", "row"]
    number: int
    points: Shape


@dataclass(frozen=True, eq=False)
class Access:
    """A real number times a tensor product of bands, applied to a buffer."""

    source: Buffer
    bands: Bands
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class CoefficientGroup:
    """Coefficients times a sum of readings; for every tap of `mid`, if there is one.

    What `factors` hold stands at the point of the row, what `mid_factors` hold at the points that
    `mid` leads to.
    """

    readings: tuple[Access, ...]
    number: Scalar = 1.0
    factors: tuple[Factor, ...] = ()
    mid: Bands = ()
    mid_factors: tuple[Factor, ...] = ()

    @property
    def key(self) -> object:
        """What groups have in common that differ in their readings only."""
        outer, inner = (tuple(id(f.value) for f in fs) for fs in (self.factors, self.mid_factors))
        return self.number, outer, inner, tuple(map(id, self.mid))


@dataclass(frozen=True, eq=False)
class OutputRow:
    """The sum of groups that makes one component."""

    target: Buffer
    groups: tuple[CoefficientGroup, ...]


@dataclass(frozen=True, eq=False)
class Schedule:
    """Stages in their order, each the lines of one sweep, and the slabs between them."""

    stages: tuple[tuple[OutputRow, ...], ...]
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    slabs: tuple[Buffer, ...]


def schedule(program: Program) -> Schedule:
    """Return the stages of a program."""
    inputs, outputs = program.inputs, program.outputs
    sources = [Buffer("input", i, inputs.points) for i in range(inputs.count)]
    targets = [Buffer("output", i, outputs.points) for i in range(outputs.count)]
    scheduler = _Scheduler()
    scheduler.stage(program, sources, targets)
    return Schedule(tuple(scheduler.stages), tuple(sources), tuple(targets), tuple(scheduler.slabs))


@dataclass
class _Scheduler:
    stages: list[tuple[OutputRow, ...]] = field(default_factory=list)
    slabs: list[Buffer] = field(default_factory=list)
    rows: int = 0
    kept: dict[object, Buffer] = field(default_factory=dict)

    def stage(self, program: Program, sources: Sequence[Buffer], targets: Sequence[Buffer]) -> None:
        """Add the stage that applies a program, after those that it needs."""
        rows: list[OutputRow] = []
        lines = self.lines(program, sources, targets, rows)
        self.stages.append((*rows, *lines))

    def lines(
        self,
        program: Program,
        sources: Sequence[Buffer],
        targets: Sequence[Buffer],
        rows: list[OutputRow],
    ) -> list[OutputRow]:
        """Return the lines of a program; those of rows that they read are added to `rows`."""
        made: list[list[CoefficientGroup]] = [[] for _ in targets]
        self.add_parts(program, sources, rows, made)
        return [
            OutputRow(target, _merged(groups)) for target, groups in zip(targets, made, strict=True)
        ]

    def add_parts(
        self,
        program: Program,
        sources: Sequence[Buffer],
        rows: list[OutputRow],
        made: list[list[CoefficientGroup]],
    ) -> None:
        for part in program.parts:
            match part:
                case Chain():
                    made[part.row] += self.groups(part.terms, sources[part.col], rows)
                case Composition(programs=(outer, *inner)):
                    self.add_parts(outer, self.composed(inner, sources, rows), rows, made)

    def composed(
        self, programs: Sequence[Program], sources: Sequence[Buffer], rows: list[OutputRow]
    ) -> Sequence[Buffer]:
        """Return the buffers of a product of programs."""
        for program in reversed(programs):
            points = program.outputs.points
            if len(points) == 1:
                targets = [self.row(points) for _ in range(program.outputs.count)]
                rows += self.lines(program, sources, targets, rows)
            else:
                targets = [self.slab(points) for _ in range(program.outputs.count)]
                self.stage(program, sources, targets)
            sources = targets
        return sources

    def slab(self, points: Shape) -> Buffer:
        self.slabs.append(Buffer("slab", len(self.slabs), points))
        return self.slabs[-1]

    def row(self, points: Shape) -> Buffer:
        self.rows += 1
        return Buffer("row", self.rows - 1, points)

    def groups(
        self, terms: tuple[Term, ...], source: Buffer, rows: list[OutputRow]
    ) -> tuple[CoefficientGroup, ...]:
        """Return the groups of a product of terms."""
        first, *rest = (part for term in terms for part in _by_axis(term))
        factors = first.factors
        *outer, last = first.bands
        if not rest:
            return (_scaled(first.scale, first.bands, source, factors),)
        if not any(outer):
            groups = self.groups(tuple(rest), source, rows)
            row = self.row(_points(rest, source.points))
            rows.append(OutputRow(row, _merged(groups)))
            return (_scaled(first.scale, first.bands, row, factors),)
        if len(rest) > 1 or _reads(first.bands) * (1 + _reads(rest[0].bands)) > INLINED:
            kept = self.keep(tuple(rest), source)
            return (_scaled(first.scale, first.bands, kept, factors),)
        (inner,) = rest
        mid = (*outer, None)
        if last is None:
            scale = first.scale * inner.scale
            return (_scaled(scale, inner.bands, source, factors, mid, inner.factors),)
        row = self.row((*first.points_out(inner.points_out(source.points))[:-1], last.cols))
        rows.append(
            OutputRow(row, (_scaled(inner.scale, inner.bands, source, (), mid, inner.factors),))
        )
        return (_scaled(first.scale, (*(None for _ in outer), last), row, factors),)

    def keep(self, terms: tuple[Term, ...], source: Buffer) -> Buffer:
        """Return the slab that holds a product, which several chains may read."""
        key = source, tuple(map(_identity, terms))
        if key not in self.kept:
            target = self.slab(_points(terms, source.points))
            rows: list[OutputRow] = []
            line = OutputRow(target, _merged(self.groups(terms, source, rows)))
            self.stages.append((*rows, line))
            self.kept[key] = target
        return self.kept[key]


def _by_axis(term: Term) -> tuple[Term, ...]:
    """Return a tensor product of many reads as a product of bands along one axis each."""
    along = [axis for axis, band in enumerate(term.bands) if band is not None]
    if len(along) < 2 or _reads(term.bands) <= TENSOR:
        return (term,)
    alone = [
        tuple(band if i == axis else None for i, band in enumerate(term.bands)) for axis in along
    ]
    first, *others = alone
    return (replace(term, bands=first), *(Term(bands) for bands in others))


def _identity(term: Term) -> object:
    return tuple(map(id, term.bands)), term.scale, tuple(id(f.value) for f in term.factors)


def _points(terms: Sequence[Term], points: Shape) -> Shape:
    for term in reversed(terms):
        points = term.points_out(points)
    return points


def _reads(bands: Bands) -> int:
    """Return the most points that one row of a tensor product reads."""
    return math.prod(band.taps for band in bands if band is not None)


def _scaled(
    scale: Scalar,
    bands: Bands,
    source: Buffer,
    factors: tuple[Factor, ...],
    mid: Bands = (),
    mid_factors: tuple[Factor, ...] = (),
) -> CoefficientGroup:
    number, real = (scale, 1.0) if isinstance(scale, complex) else (1.0, scale)
    return CoefficientGroup((Access(source, bands, real),), number, factors, mid, mid_factors)


def _merged(groups: Sequence[CoefficientGroup]) -> tuple[CoefficientGroup, ...]:
    """Return groups in which readings with the same coefficients stand together."""
    found: dict[object, list[CoefficientGroup]] = {}
    for group in groups:
        found.setdefault(group.key, []).append(group)
    return tuple(
        CoefficientGroup(
            _summed([reading for group in same for reading in group.readings]),
            same[0].number,
            same[0].factors,
            same[0].mid,
            same[0].mid_factors,
        )
        for same in found.values()
    )


def _summed(readings: Sequence[Access]) -> tuple[Access, ...]:
    """Return readings in which those along the same axis only are one, its bands added."""
    found: dict[object, list[Access]] = {}
    for reading in readings:
        along = [(axis, band) for axis, band in enumerate(reading.bands) if band is not None]
        key: object = reading
        if len(along) == 1:
            ((axis, band),) = along
            key = reading.source, axis, band.rows, band.cols, band.periodic
        found.setdefault(key, []).append(reading)
    return tuple(_sum(same) if len(same) > 1 else same[0] for same in found.values())


def _sum(readings: Sequence[Access]) -> Access:
    bands = list(readings[0].bands)
    (axis,) = (i for i, band in enumerate(bands) if band is not None)
    parts = [(r.scale, band) for r in readings if (band := r.bands[axis]) is not None]
    bands[axis] = summed(parts)
    return Access(readings[0].source, tuple(bands))
