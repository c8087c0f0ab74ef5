"""Application of a program to NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from findops.stencil import Chain, Composition, Program, Term

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.band import Band, Row

    Array = NDArray[Any]

__all__ = ["apply"]


def apply(program: Program, u: Array) -> Array:
    """Return the program applied to u (…, *components, *points), in the type of u."""
    batch = u.shape[: u.ndim - len(program.inputs.shape)]
    flat = u.reshape(-1, program.inputs.count, *program.inputs.points)
    return _apply(program, flat).reshape(batch + program.outputs.shape)


def _apply(program: Program, u: Array) -> Array:
    """Apply to u (batch, component, *points)."""
    outputs = program.outputs
    result = np.zeros((len(u), outputs.count, *outputs.points), dtype=u.dtype)
    for part in program.parts:
        match part:
            case Chain():
                value = u[:, part.col]
                for term in reversed(part.terms):
                    value = _applied(term, value)
                result[:, part.row] += value
            case Composition():
                value = u
                for inner in reversed(part.programs):
                    value = _apply(inner, value)
                result += value
    return result


def _applied(term: Term, u: Array) -> Array:
    """Apply a term to u (batch, *points); may return u itself."""
    for axis, band in enumerate(term.bands, start=1):
        if band is not None:
            u = _along(band.unwrapped(), u, axis)
    coefficient = term.coefficient
    if isinstance(coefficient, np.ndarray):
        u = u * coefficient.astype(u.dtype)
    elif coefficient != 1:
        u = u * u.dtype.type(coefficient)
    for mask in term.masks:
        u = np.where(mask, u, u.dtype.type(0))
    return u


def _along(band: Band, u: Array, axis: int) -> Array:
    shape = (*u.shape[:axis], band.rows, *u.shape[axis + 1 :])
    result = np.zeros(shape, dtype=u.dtype)
    lead: tuple[Any, ...] = (slice(None),) * axis
    for i, row in (*enumerate(band.head), *enumerate(band.tail, band.interior.stop)):
        _add_row(result[(*lead, i)], row, u, lead)
    inside = band.interior
    if inside:
        _add_interior(result[(*lead, slice(inside.start, inside.stop))], band, u, lead)
    return result


def _add_row(target: Array, row: Row, u: Array, lead: tuple[Any, ...]) -> None:
    for column, weight in zip(row.columns, row.weights, strict=True):
        target += u.dtype.type(weight) * u[(*lead, column)]


def _add_interior(target: Array, band: Band, u: Array, lead: tuple[Any, ...]) -> None:
    scratch = np.empty_like(target)
    start, stop = band.interior.start, band.interior.stop
    trailing = (1,) * (u.ndim - len(lead) - 1)
    for k, offset in enumerate(band.offsets):
        values = u[(*lead, slice(start + offset, stop + offset))]
        if band.constant:
            np.multiply(values, u.dtype.type(band.weights[k]), out=scratch)
        else:
            weights = band.weights[:, k].reshape(-1, *trailing)
            if not weights.all():
                # A zero weight leaves NaN and infinity alone.
                scratch[...] = 0
            np.multiply(values, weights.astype(u.dtype), out=scratch, where=weights != 0)
        target += scratch
