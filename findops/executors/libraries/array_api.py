"""Application to arrays of any library that keeps the array API standard."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial, reduce
from itertools import pairwise
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from findops.executors.libraries.library import cached, field_and_library
from findops.plan.program import Chain, Composition
from findops.plan.window import window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from findops.common.arrays import AnyInts, Array, Floats
    from findops.executors.libraries.chunks import Span
    from findops.executors.libraries.library import Foreign, Library
    from findops.plan.band import Band
    from findops.plan.program import Factor, Program, Term

    RowTable = tuple[Foreign, Foreign, Foreign | None]
    """Columns of the taps of rows, flat; their weights (rows, taps); which rows have any."""

__all__ = ["RowTable", "apply", "apply_table", "row_table"]

SLAB_NUMBERS = 1 << 19
"""Numbers of a slab of the result: what is made on the way to it fits into caches."""

MIN_SLAB_POINTS = 8
"""Points of a slab along the axis that is cut, at least: neighbors read some points twice."""


def apply(program: Program, u: Foreign) -> Foreign:
    """Return program(u) for u (…, *components, *points), as an array of its library and device.

    Integers and booleans become float64; where the library has none, as JAX has without x64, they
    become float32.

    Raises
    ------
    TypeError
        If u has another type than those, float32, float64, complex64 and complex128.
    ImportError
        If array-api-compat is missing.
    """
    field, library = field_and_library(program, u)
    return cached(program, library, partial(_prepare, program, library))(field)


def _prepare(program: Program, library: Library) -> Callable[[Foreign], Foreign]:
    """Return what applies a program; JAX compiles it, since it has no quick way without."""
    # A copy, since what is kept may not refer to what it is kept for.
    own = replace(program)
    if library.is_host:
        return partial(_by_slabs, own, library)
    if not library.is_jax or program.foreign:
        # With values that may be traced JAX compiles what the call is part of.
        return partial(_apply, own, library)
    import jax

    compiled: Callable[[Foreign], Foreign] = jax.jit(partial(_apply, own, library))
    return compiled


# Slabs ------------------------------------------------------------------------------------------


def _by_slabs(program: Program, library: Library, u: Foreign) -> Foreign:
    """Apply slab by slab: to parts of the batch first, then to parts along the first axis."""
    inputs, outputs = program.inputs, program.outputs
    batch = tuple(u.shape[: u.ndim - len(inputs.shape)])
    count = -(-math.prod(batch) * outputs.size // SLAB_NUMBERS)
    axis = next((i for i, n in enumerate(batch) if n > 1), None)
    if count > 1 and axis is not None:
        after = axis - u.ndim
        entries = (_sliced(u, after, slice(*span)) for span in _ranges(batch[axis], count))
        parts = [_by_slabs(program, library, each) for each in entries]
        return library.xp.concat(parts, axis=axis)
    rows = outputs.points[0]
    if min(count, rows // MIN_SLAB_POINTS) < 2:
        return _apply(program, library, u)
    spans = tuple(_ranges(rows, min(count, rows // MIN_SLAB_POINTS)))
    slabs = cached(program, spans, partial(_slabs, program, spans))
    first = -len(outputs.points)
    parts = [_apply(part, library, _read(u, first, span, library)) for part, span in slabs]
    return library.xp.concat(parts, axis=len(batch) + len(outputs.components))


def _ranges(n: int, count: int) -> Iterator[Span]:
    """Yield parts of a range of n, as alike as can be."""
    return pairwise(n * i // min(count, n) for i in range(min(count, n) + 1))


def _slabs(program: Program, spans: Sequence[Span]) -> list[tuple[Program, Span]]:
    """Return what makes ranges of rows along the first axis, and the ranges that these read."""
    rest = (None,) * (len(program.outputs.points) - 1)
    made = [window(program, (span, *rest)) for span in spans]
    return [(part.program, part.box[0] or (0, 0)) for part in made]


def _read(u: Foreign, axis: int, span: Span, library: Library) -> Foreign:
    """Return a range along an axis counted from the end, which may go on beyond the ends."""
    (start, stop), n, parts = span, u.shape[axis], []
    while start < stop:
        first = start % n
        count = min(n - first, stop - start)
        parts.append(_sliced(u, axis, slice(first, first + count)))
        start += count
    if len(parts) == 1:
        return parts[0]
    return library.xp.concat(parts, axis=axis) if parts else _sliced(u, axis, slice(0))


# Programs ---------------------------------------------------------------------------------------


def _apply(program: Program, library: Library, u: Foreign) -> Foreign:
    xp, inputs, outputs = library.xp, program.inputs, program.outputs
    batch = tuple(u.shape[: u.ndim - len(inputs.shape)])
    fields = xp.reshape(u, (*batch, inputs.count, *inputs.points)) if inputs.components else None
    rows: list[list[Foreign]] = [[] for _ in range(outputs.count)]
    results: list[Foreign] = []
    for part in program.parts:
        match part:
            case Chain(row=row, col=col):
                value = u if fields is None else _sliced(fields, -1 - len(inputs.points), col)
                for term in reversed(part.terms):
                    value = _apply_term(term, value, library)
                rows[row].append(value)
            case Composition():
                value = u
                for factor in reversed(part.programs):
                    value = _apply(factor, library, value)
                results.append(value)
    if any(rows) or not results:
        points = (*batch, *outputs.points)
        sums = [reduce(add, values) if values else library.zeros(points, u) for values in rows]
        results.append(sums[0])
        if outputs.components:
            stacked = xp.stack(sums, axis=len(batch))
            results[-1] = xp.reshape(stacked, (*batch, *outputs.shape))
    result = reduce(add, results)
    return result * 1.0 if result is u else result  # never the field itself


def _apply_term(term: Term, u: Foreign, library: Library) -> Foreign:
    ndim = len(term.bands)
    for axis, band in enumerate(term.bands, -ndim):
        if band is not None:
            u = _apply_band(axis, band, u, library)
    if term.scale != 1:
        u = u * (term.scale if isinstance(term.scale, complex) else float(term.scale))
    for factor in term.factors:
        value = _value(factor, library)
        u = library.xp.where(value, u, 0) if factor.selects else u * value
    return u


def _value(factor: Factor, library: Library) -> Foreign:
    """Return a factor of a coefficient as an array of the library."""
    if isinstance(factor.value, np.ndarray):
        return cached(factor, library, partial(library.place, factor.value))
    if factor.selects:
        return factor.value
    dtype = library.complex if factor.is_complex else library.real
    value = library.xp.astype(factor.value, dtype, copy=False)
    return library.xp.conj(value) if factor.conjugated and factor.is_complex else value


# Bands ------------------------------------------------------------------------------------------


def _apply_band(axis: int, band: Band, u: Foreign, library: Library) -> Foreign:
    """Apply a band along an axis, counted from the end."""
    if band.periodic:
        band = cached(band, "unwrapped", band.unwrapped)
    parts = []
    if band.interior:
        parts.append(_interior(axis, band, u, library))
    if band.head or band.tail:
        edges = _edges(axis, band, u, library)
        head = len(band.head)
        parts.insert(0, _sliced(edges, axis, slice(head)))
        parts.append(_sliced(edges, axis, slice(head, None)))
    return parts[0] if len(parts) == 1 else library.xp.concat(parts, axis=axis)


def _interior(axis: int, band: Band, u: Foreign, library: Library) -> Foreign:
    """Return the rows between the closures: a weighted sum of shifted slices."""
    first, stop = band.interior.start, band.interior.stop
    shifted = (_sliced(u, axis, slice(first + o, stop + o)) for o in band.offsets)
    if band.constant:
        pairs = zip(band.weights.tolist(), shifted, strict=True)
        values = (weight * value for weight, value in pairs if weight != 0)
    else:
        own = cached(band, (library, axis), partial(_columns, axis, band.weights, library))
        # A weight of zero reads nothing, not even NaN.
        values = (
            weight * value if used is None else library.xp.where(used, weight * value, 0)
            for (weight, used), value in zip(own, shifted, strict=True)
        )
    result = None
    for value in values:
        if result is None:
            result = value
        else:
            result += value
    points = list(u.shape)
    points[axis] = stop - first
    return library.zeros(points, u) if result is None else result


def _columns(axis: int, weights: Floats, library: Library) -> list[tuple[Foreign, Foreign | None]]:
    """Return the weights of each tap, and where they are not zero if some are."""
    return [
        (
            library.place(_at_axis(axis, column)),
            None if column.all() else library.place(_at_axis(axis, column != 0)),
        )
        for column in weights.T
    ]


def _edges(axis: int, band: Band, u: Foreign, library: Library) -> Foreign:
    """Return the closure rows, of the head and then of the tail: few points, read by index."""
    table = cached(band, (library, axis, "edges"), partial(_edge_table, axis, band, library))
    return apply_table(u, axis, table, library)


def _edge_table(axis: int, band: Band, library: Library) -> RowTable:
    rows = [(row.columns, row.weights) for row in band.head + band.tail]
    used = [weights != 0 for _, weights in rows]
    return row_table(
        np.cumsum([0, *map(np.count_nonzero, used)]),
        np.concatenate([columns[read] for (columns, _), read in zip(rows, used, strict=True)]),
        np.concatenate([weights[read] for (_, weights), read in zip(rows, used, strict=True)]),
        axis,
        library,
    )


def row_table(
    indptr: AnyInts,
    indices: AnyInts,
    data: Array,
    axis: int,
    library: Library,
) -> RowTable:
    """Return the table of rows that are given as in CSR form.

    Rows with fewer taps than others read their last one several times, each for its part of the
    weight, so that nothing without weight is read.
    """
    lengths = np.diff(indptr)[:, None]
    width = max(lengths.max(initial=0), 1)
    tap = np.arange(width)
    at = indptr[:-1, None] + np.clip(tap, 0, np.maximum(lengths - 1, 0))
    parts = np.where((tap >= lengths - 1) & (lengths > 0), width - lengths + 1, 1)
    columns = np.append(indices, 0)[at].astype(np.intp)
    weights = np.append(data, 0)[at] / parts * (lengths > 0)
    used = lengths[:, 0] > 0
    return (
        library.place(columns.ravel()),
        library.place(_at_axis(axis, weights)),
        None if used.all() else library.place(_at_axis(axis, used)),
    )


def apply_table(u: Foreign, axis: int, table: RowTable, library: Library) -> Foreign:
    """Return the rows of a table, which read points along an axis, counted from the end."""
    xp, (columns, weights, used) = library.xp, table
    at = u.ndim + axis
    read = xp.take(u, columns, axis=axis)
    taken = xp.reshape(read, (*u.shape[:at], *weights.shape[:2], *u.shape[at + 1 :]))
    result = xp.sum(weights * taken, axis=at + 1)
    return result if used is None else xp.where(used, result, 0)


def _at_axis(axis: int, values: Array) -> Array:
    """Return an array whose last axis is moved to an axis, counted from the end."""
    return values.reshape(*values.shape, *(1,) * (-1 - axis))


def _sliced(u: Foreign, axis: int, part: slice | int) -> Foreign:
    """Return a part of an array along an axis, counted from the end."""
    return u[(..., part, *(slice(None),) * (-1 - axis))]
