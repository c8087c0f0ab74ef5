"""Application of small programs by NumPy: all taps of all rows in one table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.plan.program import Chain, Composition, Program, Term

if TYPE_CHECKING:
    from findops.common.arrays import Array
    from findops.plan.band import Band

__all__ = ["TapTable", "most_taps"]


def most_taps(program: Program) -> int:
    """Return how many taps all rows of a program have together, at most."""
    total = 0
    for part in program.parts:
        match part:
            case Chain(terms=terms):
                bands = [band for term in terms for band in term.bands if band is not None]
                total += math.prod(program.outputs.points) * math.prod(b.taps for b in bands)
            case Composition(programs=programs):
                total += sum(map(most_taps, programs))
    return total


@dataclass(frozen=True, eq=False)
class TapTable:
    """A program for arrays of one type: the columns and weights of the taps of each row."""

    program: Program
    dtype: np.dtype[Any]

    def __call__(self, u: Array) -> Array:
        """Return the program applied to u (…, inputs), (…, outputs)."""
        columns, weights, empty = self.table
        values = u.take(columns, axis=-1)
        if self.finite:
            result = _products(weights, values)
        else:
            # 0 · ∞ is NaN, which is no fault where a condition replaces the row.
            with np.errstate(invalid="ignore"):
                result = _products(weights, values)
        if empty is not None:
            result[..., empty] = 0
        for programs in self.compositions:
            value = u
            for table in programs:
                value = table(value)
            result += value
        return result

    @cached_property
    def compositions(self) -> list[list[TapTable]]:
        """The products of programs in the sum, what is applied first standing first."""
        return [
            [TapTable(program, self.dtype) for program in reversed(part.programs)]
            for part in self.program.parts
            if isinstance(part, Composition)
        ]

    @cached_property
    def finite(self) -> bool:
        """Whether no weight is NaN or infinite."""
        return bool(np.isfinite(self.table[1]).all())

    @cached_property
    def table(self) -> tuple[Array, Array, Array | None]:
        """The chains' taps, row by row: columns and conjugate weights (rows, taps), empty rows."""
        real = np.empty(0, self.dtype).real.dtype
        alone = _only_band(self.program)
        if alone is not None:
            columns, weights = alone.table()
            if weights.all():
                return columns, weights.astype(real, copy=False), None
        chains = [part for part in self.program.parts if isinstance(part, Chain)]
        none = np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
        found = [none, *(_chain(chain, self.program) for chain in chains)]
        rows, columns, weights = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        order = np.argsort(rows, kind="stable")
        counts = np.bincount(rows, minlength=self.program.outputs.size)
        width = max(counts.max(initial=0), 1)
        # Rows with fewer taps read their last one several times, each for its part of the weight.
        place = np.arange(width)
        shares = np.where(place < counts[:, None] - 1, 1, width + 1 - counts[:, None])
        last = np.cumsum(counts) - 1
        taps = np.minimum((last + 1 - counts)[:, None] + place, last[:, None])
        if not len(columns):
            columns, weights, order = np.zeros(1, np.intp), np.zeros(1), np.zeros(1, np.intp)
        kind = self.dtype if np.iscomplexobj(weights) else real
        exact = weights[order][taps] / shares
        empty = counts == 0
        return columns[order][taps], exact.conj().astype(kind), empty if empty.any() else None


def _products(weights: Array, values: Array) -> Array:
    """Return what every row makes of the values that it reads."""
    made: Array
    if values.dtype.kind == weights.dtype.kind:
        made = np.vecdot(weights, values)
        return made
    # Real weights, complex numbers: part by part, so that infinity stays what it is.
    pairs = values.view(weights.dtype).reshape(*values.shape, 2)
    parts = np.vecdot(weights[:, None], pairs.swapaxes(-1, -2))
    made = parts.view(values.dtype)[..., 0]
    return made


def _only_band(program: Program) -> Band | None:
    """Return the band that a program is, if it is one."""
    match program.parts:
        case [Chain(terms=[Term(bands=[band], factors=(), scale=1.0)])]:
            return band if program.inputs.count == program.outputs.count == 1 else None
    return None


def _chain(chain: Chain, program: Program) -> tuple[Array, Array, Array]:
    """Return the row, column and weight of every tap of a chain."""
    shapes = chain.shapes(program.inputs.points)
    rows = columns = np.arange(math.prod(shapes[0]))
    weights: Array = np.ones(len(rows))
    for term, (out_points, in_points) in zip(chain.terms, pairwise(shapes), strict=True):
        coefficient: Array = np.broadcast_to(term.coefficient, out_points).ravel()
        weights = weights * coefficient[columns]
        kept = np.ones(len(columns), dtype=bool)
        for mask in term.masks:
            kept &= np.broadcast_to(mask, out_points).ravel()[columns]
        reached, factors = _term(term, out_points, in_points)
        kept = kept[:, None] & (factors[columns] != 0)
        rows = np.broadcast_to(rows[:, None], kept.shape)[kept]
        weights = (weights[:, None] * factors[columns])[kept]
        columns = reached[columns][kept]
    inputs, outputs = (math.prod(side.points) for side in (program.inputs, program.outputs))
    return rows + chain.row * outputs, columns + chain.col * inputs, weights


def _term(
    term: Term, out_points: tuple[int, ...], in_points: tuple[int, ...]
) -> tuple[Array, Array]:
    """Return the columns that a term reads at every point, and their weights, 0 for none."""
    columns, weights = np.zeros((1, 1), dtype=np.intp), np.ones((1, 1))
    for n, m, band in zip(out_points, in_points, term.bands, strict=True):
        along, factors = (np.arange(n)[:, None], np.ones((n, 1))) if band is None else band.table()
        columns = columns[:, None, :, None] * m + along[None, :, None, :]
        weights = weights[:, None, :, None] * factors[None, :, None, :]
        columns = columns.reshape(columns.shape[0] * n, -1)
        weights = weights.reshape(columns.shape)
    return columns, weights
