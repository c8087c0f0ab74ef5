"""The pattern of a program's matrix: each of its few kinds of rows, written out once.

Along every axis, the rows between the closures are of one kind: they read the same columns,
shifted. A row of the matrix is one of each axis, the components being the first axis, so that
there are as many kinds of rows as choices of a closure row or the interior along each.

A path is one choice of a tap from every band that a row goes through: it leads to a column, with
a weight, and meets on its way what multiplies: factors, and weights that vary along the interior.
These *streams* are numbered, the factors first, in the order in which the program holds them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from findops.plan.program import Chain, Composition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.common.arrays import Array, Bools, Floats, Int64s
    from findops.plan.band import Band
    from findops.plan.program import Factor, Program, Scalar, Term

    Tables = tuple[Floats, ...]

__all__ = ["Entries", "Pattern", "RowKinds", "Sums", "count_row_kinds", "factors", "index_type"]

INT32_MAX = np.iinfo(np.int32).max


def index_type(largest: int) -> type[np.int32 | np.int64]:
    """Return the type of a matrix' indices that are up to some number."""
    return np.int32 if largest <= INT32_MAX else np.int64


class RowKinds(NamedTuple):
    """The rows of a matrix along each axis: those from `low` to `high` are of one kind.

    All others are of kinds of their own. From a row to the next, columns move by `steps`.
    """

    shape: Int64s
    low: Int64s
    high: Int64s
    steps: Int64s

    @property
    def kinds(self) -> tuple[int, ...]:
        """Number of kinds along each axis."""
        return tuple((self.shape - np.maximum(self.high - self.low - 1, 0)).tolist())

    def kind(self, index: tuple[Int64s, ...]) -> Int64s:
        """Return the kinds of rows, given their places along each axis."""
        along = tuple(self.kind_along(axis, i) for axis, i in enumerate(index))
        return np.ravel_multi_index(along, self.kinds)

    def kind_along(self, axis: int, rows: Int64s) -> Int64s:
        """Return the kinds of rows along an axis."""
        low, shared = self.low[axis], self.high[axis] - self.low[axis] - 1
        return np.where(rows <= low, rows, np.maximum(low, rows - max(shared, 0)))

    def samples(self, axis: int) -> Int64s:
        """Return one row of each kind along an axis."""
        low, high, n = self.low[axis], self.high[axis], self.shape[axis]
        return np.concatenate([np.arange(low), np.arange(low, high)[:1], np.arange(high, n)])


class Entries(NamedTuple):
    """The entries of the rows of kind t, from starts[t]: relative columns, ascending; numbers."""

    starts: Int64s
    columns: Int64s
    numbers: Array


class Sums(NamedTuple):
    """The entries of the rows of kind t that depend on streams, from starts[t].

    Entry `entries[s]` of the row is `numbers[s]` and, for each path from paths[s], `weights[p]`
    times what is met from met[p]: streams at the place of the row, shifted.
    """

    starts: Int64s
    entries: Int64s
    numbers: Array
    paths: Int64s
    weights: Array
    met: Int64s
    streams: Int64s
    shifts: Int64s


@dataclass(frozen=True, eq=False)
class Pattern:
    """All of a matrix that does not depend on the values of the program's factors."""

    size: tuple[int, int]
    rows: RowKinds
    entries: Entries
    sums: Sums
    tables: Tables
    """The streams that are no factors."""

    @staticmethod
    def of(program: Program) -> Pattern:
        """Return the pattern of a program's matrix."""
        chains, tables = _numbered(program)
        rows = _row_kinds(program, chains)
        points = math.prod(program.inputs.points)
        paths = _joined([chain.paths(rows, points) for chain in chains], len(rows.shape))
        entries, sums = _merged(paths, math.prod(rows.kinds))
        return Pattern((program.outputs.size, program.inputs.size), rows, entries, sums, tables)


def count_row_kinds(program: Program) -> int:
    """Return how many kinds of rows the matrix of a program has."""
    return math.prod(_row_kinds(program, _numbered(program)[0]).kinds)


# Chains -----------------------------------------------------------------------------------------


def _chains(program: Program) -> list[Chain]:
    """Return the chains whose sum is the program, products of sums multiplied out."""
    found: list[Chain] = []
    for part in program.parts:
        match part:
            case Chain():
                found.append(part)
            case Composition():
                product: list[Chain] = reduce(_product, map(_chains, part.programs))
                found.extend(product)
    return found


def _product(left: list[Chain], right: list[Chain]) -> list[Chain]:
    return [Chain(a.row, b.col, a.terms + b.terms) for a in left for b in right if a.col == b.row]


def factors(program: Program) -> list[Factor]:
    """Return the factors of a program, in the order of their numbers."""
    return [f for chain in _chains(program) for term in chain.terms for f in term.factors]


# Streams ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _NumberedTerm:
    """A term: its factors and its bands, which do not wrap around.

    Both come with their numbers among the streams; that of a band is the first of its taps'.
    """

    factors: tuple[tuple[int, Factor], ...]
    bands: tuple[Band | None, ...]
    tables: dict[int, int]


class _Numbering:
    """Numbers the streams, chain by chain."""

    def __init__(self, factors: int) -> None:
        self.tables: list[Floats] = []
        self._factors, self._next = factors, 0
        self._unwrapped: dict[Band | None, Band | None] = {None: None}

    def chain(self, chain: Chain) -> _NumberedChain:
        scale = math.prod([term.scale for term in chain.terms])
        return _NumberedChain(chain.row, chain.col, scale, tuple(map(self._term, chain.terms)))

    def _term(self, term: Term) -> _NumberedTerm:
        numbered = tuple(enumerate(term.factors, self._next))
        self._next += len(numbered)
        bands = tuple(map(self._plain, term.bands))
        first = {}
        for axis, band in enumerate(bands):
            if band is not None and not band.constant:
                first[axis] = self._factors + len(self.tables)
                shape = [-1 if i == axis else 1 for i in range(len(bands))]
                self.tables.extend(weights.reshape(shape) for weights in band.weights.T)
        return _NumberedTerm(numbered, bands, first)

    def _plain(self, band: Band | None) -> Band | None:
        if band not in self._unwrapped:
            self._unwrapped[band] = band and band.unwrapped()
        return self._unwrapped[band]


def _numbered(program: Program) -> tuple[list[_NumberedChain], Tables]:
    """Return the chains of a program, streams numbered, and the streams that are no factors."""
    numbering = _Numbering(len(factors(program)))
    return [numbering.chain(chain) for chain in _chains(program)], tuple(numbering.tables)


# Paths ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Paths:
    """Paths from one row of each kind, along one axis or all; columns are relative to the row.

    `shifts` are places of the streams that are met, relative to the row; a negative stream is none.
    """

    kinds: Int64s
    columns: Int64s
    weights: Array
    streams: Int64s
    shifts: Int64s


@dataclass(frozen=True)
class _NumberedChain:
    """A chain whose streams are numbered.

    Its paths are all choices of one along each axis.
    """

    row: int
    col: int
    scale: Scalar
    terms: tuple[_NumberedTerm, ...]

    def interior(self, axis: int, n: int) -> tuple[int, int]:
        """Return the bounds of the rows that go through interior rows of bands only."""
        low, high, least, most = 0, n, 0, 0
        for term in self.terms:
            band = term.bands[axis]
            if band is not None:
                low = max(low, band.interior.start - least)
                high = min(high, band.interior.stop - most)
                least += min(band.offsets, default=0)
                most += max(band.offsets, default=0)
        return low, high

    def paths(self, rows: RowKinds, points_in: int) -> _Paths:
        """Return the paths of all kinds of rows: all choices of one along each axis."""
        met = sum(len(term.factors) + len(term.tables) for term in self.terms)
        kinds, columns = np.array([self.row]), np.array([self.col * points_in])
        weights = np.array([self.scale])
        streams = np.full((1, met), -1)
        shifts = np.zeros((1, met, len(rows.shape)), dtype=np.int64)
        for axis in range(1, len(rows.shape)):
            along = self._paths_along(axis - 1, rows.samples(axis), int(rows.low[axis]))
            kinds = np.add.outer(kinds * rows.kinds[axis], along.kinds).ravel()
            columns = np.add.outer(columns, along.columns * rows.steps[axis]).ravel()
            weights = np.multiply.outer(weights, along.weights).ravel()
            streams = np.maximum(streams[:, None], along.streams).reshape(len(kinds), met)
            shifts = np.repeat(shifts[:, None], len(along.kinds), axis=1)
            shifts[..., axis] = along.shifts
            shifts = shifts.reshape(len(kinds), met, len(rows.shape))
        return _Paths(kinds, columns, weights, streams, shifts)

    def _paths_along(self, axis: int, samples: Int64s, inner: int) -> _Paths:
        """Return the paths along one axis, `inner` being the kind of its interior rows."""
        kinds, points, weights = np.arange(len(samples)), samples, np.ones(len(samples))
        met: list[tuple[Int64s, Int64s]] = []
        passed = 0
        for term in self.terms:
            shifts = points - samples[kinds]
            none = np.zeros_like(points)
            for number, factor in term.factors:
                met.append((none + number, shifts if factor.varies(axis) else none))
            band, taps = term.bands[axis], none
            if band is not None:
                varying = (kinds == inner) & (not band.constant)
                parents, taps, points, read = _taps_at(band, points, varying)
                kinds, shifts, weights = kinds[parents], shifts[parents], weights[parents] * read
                met = [(stream[parents], shift[parents]) for stream, shift in met]
                shifts = shifts - len(band.head)
                passed += 1
            for other, number in term.tables.items():
                mine = (kinds == inner) & (other == axis)
                met.append((np.where(mine, number + taps, -1), np.where(mine, shifts, 0)))
        columns = [kinds, points - samples[kinds], *(part for pair in met for part in pair)]
        keys = np.column_stack(columns)
        if passed > 1:
            keys, weights = _summed(keys, weights)
        return _Paths(keys[:, 0], keys[:, 1], weights, keys[:, 2::2], keys[:, 3::2])


def _taps_at(band: Band, points: Int64s, varying: Bools) -> tuple[Int64s, Int64s, Int64s, Floats]:
    """Return, for every tap of the rows at some points: which of them, tap, column and weight.

    Where weights vary they are 1, and all taps count; elsewhere those of weight zero do not.
    """
    read, places = np.unique(points, return_inverse=True)
    rows = [band.row(i) for i in read.tolist()]
    lengths = np.array([len(columns) for columns, _ in rows], dtype=np.intp)[places]
    parents = np.repeat(np.arange(len(points)), lengths)
    taps = np.arange(len(parents)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    first = np.cumsum([0, *(len(columns) for columns, _ in rows)])[places]
    chosen = first[parents] + taps
    weights = np.concatenate([np.zeros(0), *(weights for _, weights in rows)])[chosen]
    weights[varying[parents]] = 1.0
    kept = weights != 0
    columns = np.concatenate([np.zeros(0, np.intp), *(columns for columns, _ in rows)])[chosen]
    return parents[kept], taps[kept], columns[kept], weights[kept]


def _summed(keys: Int64s, weights: Floats) -> tuple[Int64s, Floats]:
    """Add up the weights of equal keys."""
    unique, places = np.unique(keys, axis=0, return_inverse=True)
    sums = np.zeros(len(unique))
    np.add.at(sums, places.ravel(), weights)
    return unique, sums


def _row_kinds(program: Program, chains: Sequence[_NumberedChain]) -> RowKinds:
    """Return the rows of a program's matrix, by their kinds."""
    shape = np.array([program.outputs.count, *program.outputs.points])
    low, high = np.zeros_like(shape), shape.copy()
    low[0] = shape[0]
    for axis, n in enumerate(program.outputs.points):
        bounds = [chain.interior(axis, n) for chain in chains]
        low[axis + 1] = max((start for start, _ in bounds), default=0)
        high[axis + 1] = min((stop for _, stop in bounds), default=n)
    none = low >= high
    low[none] = high[none] = shape[none]
    points = program.inputs.points
    steps = np.array([0, *(math.prod(points[i + 1 :]) for i in range(len(points)))])
    return RowKinds(shape, low, high, steps)


def _joined(parts: Sequence[_Paths], ndim: int) -> _Paths:
    """Return the paths of all parts, padded to meet equally many streams."""
    met = max((part.streams.shape[1] for part in parts), default=0)
    none = np.zeros((0, met, ndim), dtype=np.int64)
    flat = np.zeros(0, dtype=np.int64)
    padded = [_Paths(flat, flat, np.zeros(0), none[..., 0], none)]
    for part in parts:
        more = met - part.streams.shape[1]
        streams = np.pad(part.streams, [(0, 0), (0, more)], constant_values=-1)
        shifts = np.pad(part.shifts, [(0, 0), (0, more), (0, 0)])
        padded.append(replace(part, streams=streams, shifts=shifts))
    names = [field.name for field in fields(_Paths)]
    return _Paths(*(np.concatenate([getattr(part, name) for part in padded]) for name in names))


def _merged(paths: _Paths, kinds: int) -> tuple[Entries, Sums]:
    """Return the entries that paths of equal kind and column make, but those that are zero."""
    meets: Bools = np.any(paths.streams >= 0, axis=1)
    # By weight, too, so that sums do not depend on the order of what is added.
    keys = (paths.weights.imag, paths.weights.real, meets, paths.columns, paths.kinds)
    order = np.lexsort(keys)
    kind, column, meets = paths.kinds[order], paths.columns[order], meets[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(kind) != 0) | (np.diff(column) != 0)
    entry = np.cumsum(first) - 1
    numbers = np.zeros(np.count_nonzero(first), dtype=paths.weights.dtype)
    weights = paths.weights[order]
    np.add.at(numbers, entry[~meets], weights[~meets])
    kept = numbers != 0
    kept[entry[meets]] = True
    places = np.cumsum(kept) - 1
    starts = np.searchsorted(kind[first][kept], np.arange(kinds + 1))
    entries = Entries(starts, column[first][kept], numbers[kept])
    paths_of = order[meets]
    summed, begins = np.unique(entry[meets], return_index=True)
    streams = paths.streams[paths_of]
    sums = Sums(
        np.searchsorted(kind[first][summed], np.arange(kinds + 1)),
        places[summed] - starts[kind[first][summed]],
        numbers[summed],
        np.append(begins, len(paths_of)),
        paths.weights[paths_of],
        np.cumsum([0, *np.count_nonzero(streams >= 0, axis=1)]),
        streams[streams >= 0],
        paths.shifts[paths_of][streams >= 0],
    )
    return entries, sums
