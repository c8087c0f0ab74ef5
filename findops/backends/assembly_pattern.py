"""The pattern of a program's matrix: each of its few kinds of rows, written out once."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from findops.backends.assembly_paths import Paths, Rows, rows_of, strands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from findops.stencil import Program

    Ints = NDArray[np.int64]

__all__ = ["Entries", "Pattern", "Sums", "kinds_of_rows", "pattern"]


class Entries(NamedTuple):
    """The entries of the rows of kind t, from starts[t]: relative columns, ascending; numbers."""

    starts: Ints
    columns: Ints
    numbers: NDArray[Any]


class Sums(NamedTuple):
    """What is added to the entries of the rows of kind t, from starts[t].

    To entry `entries[c]` of the row, `weights[c]` times the product of what its path meets.
    """

    starts: Ints
    entries: Ints
    weights: NDArray[Any]
    streams: Ints
    shifts: Ints


@dataclass(frozen=True, eq=False)
class Pattern:
    """All of a matrix that does not depend on the values of the program's factors."""

    size: tuple[int, int]
    rows: Rows
    entries: Entries
    sums: Sums
    tables: tuple[NDArray[np.float64], ...]
    """The streams that are no factors."""


def kinds_of_rows(program: Program) -> int:
    """Return how many kinds of rows the matrix of a program has."""
    return math.prod(rows_of(program, strands(program)[0]).kinds)


def pattern(program: Program) -> Pattern:
    """Return the pattern of a program's matrix."""
    along, tables = strands(program)
    rows = rows_of(program, along)
    points = math.prod(program.inputs.points)
    paths = _joined([strand.paths(rows, points) for strand in along], len(rows.shape))
    entries, sums = _merged(paths, math.prod(rows.kinds))
    return Pattern((program.outputs.size, program.inputs.size), rows, entries, sums, tables)


def _joined(parts: Sequence[Paths], ndim: int) -> Paths:
    """Return the paths of all parts, padded to meet equally many streams."""
    met = max((part.streams.shape[1] for part in parts), default=0)
    none = np.zeros((0, met, ndim), dtype=np.int64)
    flat = np.zeros(0, dtype=np.int64)
    padded = [Paths(flat, flat, np.zeros(0), none[..., 0], none)]
    for part in parts:
        more = met - part.streams.shape[1]
        streams = np.pad(part.streams, [(0, 0), (0, more)], constant_values=-1)
        shifts = np.pad(part.shifts, [(0, 0), (0, more), (0, 0)])
        padded.append(replace(part, streams=streams, shifts=shifts))
    names = [field.name for field in fields(Paths)]
    return Paths(*(np.concatenate([getattr(part, name) for part in padded]) for name in names))


def _merged(paths: Paths, kinds: int) -> tuple[Entries, Sums]:
    """Return the entries that paths of equal kind and column make, but those that are zero."""
    meets: NDArray[np.bool_] = np.any(paths.streams >= 0, axis=1)
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
    met = order[meets]
    sums = Sums(
        np.searchsorted(kind[meets], np.arange(kinds + 1)),
        places[entry[meets]] - starts[kind[meets]],
        paths.weights[met],
        paths.streams[met],
        paths.shifts[met],
    )
    return entries, sums
