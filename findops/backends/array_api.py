"""Applies programs to arrays of any library that keeps the array API standard."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial, reduce
from itertools import pairwise
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.backends.array_bands import along, sliced
from findops.backends.libraries import as_field, kept
from findops.stencil import Chain, Composition
from findops.window import window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from findops.backends.libraries import Library
    from findops.stencil import Factor, Program, Term

    Array = Any  # of whichever library
    Span = tuple[int, int]

__all__ = ["apply"]

SLAB = 1 << 19
"""Numbers of a slab of the result: what is made on the way to it fits into caches."""

THIN = 8
"""Points of a slab along the axis that is cut, at least: neighbors read some points twice."""


def apply(program: Program, u: Array) -> Array:
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
    field, library = as_field(program, u)
    return kept(program, library, partial(_prepared, program, library))(field)


def _prepared(program: Program, library: Library) -> Callable[[Array], Array]:
    """Return what applies a program; JAX compiles it, since it has no quick way without."""
    # A copy, since what is kept may not refer to what it is kept for.
    own = replace(program)
    if library.is_host:
        return partial(_by_slabs, own, library)
    if not library.is_jax or program.foreign:
        # With values that may be traced JAX compiles what the call is part of.
        return partial(_program, own, library)
    import jax

    compiled: Callable[[Array], Array] = jax.jit(partial(_program, own, library))
    return compiled


def _by_slabs(program: Program, library: Library, u: Array) -> Array:
    """Apply slab by slab: to parts of the batch first, then to parts along the first axis."""
    inputs, outputs = program.inputs, program.outputs
    batch = tuple(u.shape[: u.ndim - len(inputs.shape)])
    count = -(-math.prod(batch) * outputs.size // SLAB)
    axis = next((i for i, n in enumerate(batch) if n > 1), None)
    if count > 1 and axis is not None:
        after = axis - u.ndim
        entries = (sliced(u, after, slice(*span)) for span in _cut(batch[axis], count))
        parts = [_by_slabs(program, library, each) for each in entries]
        return library.xp.concat(parts, axis=axis)
    rows = outputs.points[0]
    if min(count, rows // THIN) < 2:
        return _program(program, library, u)
    spans = tuple(_cut(rows, min(count, rows // THIN)))
    slabs = kept(program, spans, partial(_slabs, program, spans))
    first = -len(outputs.points)
    parts = [_program(part, library, _read(u, first, span, library)) for part, span in slabs]
    return library.xp.concat(parts, axis=len(batch) + len(outputs.components))


def _cut(n: int, count: int) -> Iterator[Span]:
    """Yield parts of a range of n, as alike as can be."""
    return pairwise(n * i // min(count, n) for i in range(min(count, n) + 1))


def _slabs(program: Program, spans: Sequence[Span]) -> list[tuple[Program, Span]]:
    """Return what makes ranges of rows along the first axis, and the ranges that these read."""
    rest = (None,) * (len(program.outputs.points) - 1)
    made = [window(program, (span, *rest)) for span in spans]
    return [(part.program, part.box[0] or (0, 0)) for part in made]


def _read(u: Array, axis: int, span: Span, library: Library) -> Array:
    """Return a range along an axis counted from the end, which may go on beyond the ends."""
    (start, stop), n, parts = span, u.shape[axis], []
    while start < stop:
        first = start % n
        count = min(n - first, stop - start)
        parts.append(sliced(u, axis, slice(first, first + count)))
        start += count
    if len(parts) == 1:
        return parts[0]
    return library.xp.concat(parts, axis=axis) if parts else sliced(u, axis, slice(0))


def _program(program: Program, library: Library, u: Array) -> Array:
    xp, inputs, outputs = library.xp, program.inputs, program.outputs
    batch = tuple(u.shape[: u.ndim - len(inputs.shape)])
    fields = xp.reshape(u, (*batch, inputs.count, *inputs.points)) if inputs.components else None
    rows: list[list[Array]] = [[] for _ in range(outputs.count)]
    results: list[Array] = []
    for part in program.parts:
        match part:
            case Chain(row=row, col=col):
                value = u if fields is None else sliced(fields, -1 - len(inputs.points), col)
                for term in reversed(part.terms):
                    value = _term(term, value, library)
                rows[row].append(value)
            case Composition():
                value = u
                for factor in reversed(part.programs):
                    value = _program(factor, library, value)
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


def _term(term: Term, u: Array, library: Library) -> Array:
    ndim = len(term.bands)
    for axis, band in enumerate(term.bands, -ndim):
        if band is not None:
            u = along(axis, band, u, library)
    if term.scale != 1:
        u = u * (term.scale if isinstance(term.scale, complex) else float(term.scale))
    for factor in term.factors:
        value = _value(factor, library)
        u = library.xp.where(value, u, 0) if factor.selects else u * value
    return u


def _value(factor: Factor, library: Library) -> Array:
    """Return a factor of a coefficient as an array of the library."""
    if isinstance(factor.value, np.ndarray):
        return kept(factor, library, partial(library.place, factor.value))
    if factor.selects:
        return factor.value
    dtype = library.complex if factor.is_complex else library.real
    value = library.xp.astype(factor.value, dtype, copy=False)
    return library.xp.conj(value) if factor.conjugated and factor.is_complex else value
