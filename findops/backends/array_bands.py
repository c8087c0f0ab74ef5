"""Bands along an axis of arrays of any library that keeps the array API standard."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.backends.libraries import kept

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.backends.libraries import Library
    from findops.band import Band

    Array = Any  # of whichever library
    Table = tuple[Array, Array, Array | None]

__all__ = ["along", "gathered", "sliced", "table"]


def along(axis: int, band: Band, u: Array, library: Library) -> Array:
    """Apply a band along an axis, counted from the end."""
    band = kept(band, "unwrapped", band.unwrapped)
    parts = []
    if band.interior:
        parts.append(_interior(axis, band, u, library))
    if band.head or band.tail:
        edges = _edges(axis, band, u, library)
        head = len(band.head)
        parts.insert(0, sliced(edges, axis, slice(head)))
        parts.append(sliced(edges, axis, slice(head, None)))
    return parts[0] if len(parts) == 1 else library.xp.concat(parts, axis=axis)


def _interior(axis: int, band: Band, u: Array, library: Library) -> Array:
    """Return the rows between the closures: a weighted sum of shifted slices."""
    first, stop = band.interior.start, band.interior.stop
    shifted = (sliced(u, axis, slice(first + o, stop + o)) for o in band.offsets)
    if band.constant:
        pairs = zip(band.weights.tolist(), shifted, strict=True)
        values = (weight * value for weight, value in pairs if weight != 0)
    else:
        own = kept(band, (library, axis), partial(_columns, axis, band.weights, library))
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


def _columns(
    axis: int, weights: NDArray[np.float64], library: Library
) -> list[tuple[Array, Array | None]]:
    """Return the weights of each tap, and where they are not zero if some are."""
    return [
        (
            library.place(_standing(axis, column)),
            None if column.all() else library.place(_standing(axis, column != 0)),
        )
        for column in weights.T
    ]


def _edges(axis: int, band: Band, u: Array, library: Library) -> Array:
    """Return the closure rows, of the head and then of the tail: few points, read by index."""
    rows = kept(band, (library, axis, "edges"), partial(_edge_table, axis, band, library))
    return gathered(u, axis, rows, library)


def _edge_table(axis: int, band: Band, library: Library) -> Table:
    rows = [(row.columns, row.weights) for row in band.head + band.tail]
    used = [weights != 0 for _, weights in rows]
    return table(
        np.cumsum([0, *map(np.count_nonzero, used)]),
        np.concatenate([columns[read] for (columns, _), read in zip(rows, used, strict=True)]),
        np.concatenate([weights[read] for (_, weights), read in zip(rows, used, strict=True)]),
        axis,
        library,
    )


def table(
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: NDArray[Any],
    axis: int,
    library: Library,
) -> Table:
    """Return columns, flat, and weights of rows, given as in CSR form, and which have any.

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
        library.place(_standing(axis, weights)),
        None if used.all() else library.place(_standing(axis, used)),
    )


def gathered(u: Array, axis: int, rows: Table, library: Library) -> Array:
    """Return rows of a table, which read points along an axis, counted from the end."""
    xp, (columns, weights, used) = library.xp, rows
    at = u.ndim + axis
    read = xp.take(u, columns, axis=axis)
    taken = xp.reshape(read, (*u.shape[:at], *weights.shape[:2], *u.shape[at + 1 :]))
    result = xp.sum(weights * taken, axis=at + 1)
    return result if used is None else xp.where(used, result, 0)


def _standing(axis: int, values: NDArray[Any]) -> NDArray[Any]:
    """Return an array whose last axis stands at an axis counted from the end."""
    return values.reshape(*values.shape, *(1,) * (-1 - axis))


def sliced(u: Array, axis: int, part: slice | int) -> Array:
    """Return a part of an array along an axis, counted from the end."""
    return u[(..., part, *(slice(None),) * (-1 - axis))]
