"""Bands made of bands: sums, windows, and the same on more points."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from findops.band import Band, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["extended", "folded", "padded", "reach", "summed", "window"]


def summed(parts: Sequence[tuple[float, Band]]) -> Band:
    """Return a sum of numbers times bands between the same points, all periodic or none."""
    bands = [band for _, band in parts]
    start = max(band.interior.start for band in bands)
    stop = max(start, min(band.interior.stop for band in bands))
    offsets = sorted(set().union(*(band.offsets for band in bands)))
    shape = () if all(band.constant for band in bands) else (stop - start,)
    weights = np.zeros((*shape, len(offsets)))
    for scale, band in parts:
        first = band.interior.start
        own = band.weights if band.constant else band.weights[start - first : stop - first]
        weights[..., [offsets.index(o) for o in band.offsets]] += scale * own

    def written(i: int) -> Row:
        rows = [(band.row(i), scale) for scale, band in parts]
        columns = np.concatenate([c for (c, _), _ in rows])
        return Row.merged(columns, np.concatenate([s * w for (_, w), s in rows]))

    rows = bands[0].rows
    return Band(
        rows,
        bands[0].cols,
        tuple(offsets),
        weights,
        head=tuple(written(i) for i in range(start)),
        tail=tuple(written(i) for i in range(stop, rows)),
        periodic=bands[0].periodic,
    ).compressed()


def folded(band: Band) -> Band:
    """Return the same operator with taps that meet on a circle in one, none where they cancel."""
    if not band.periodic or max(band.offsets, default=0) - min(band.offsets, default=0) < band.cols:
        return band
    kept = {o % band.cols: o for o in band.offsets}
    offsets = tuple(sorted(kept.values()))
    weights = np.zeros((*band.weights.shape[:-1], len(offsets)))
    for tap, o in enumerate(band.offsets):
        weights[..., offsets.index(kept[o % band.cols])] += band.weights[..., tap]
    return replace(band, offsets=offsets, weights=weights).compressed()


def reach(band: Band, start: int, stop: int) -> tuple[int, int]:
    """Return the range of columns that a range of rows reads, (0, 0) if none.

    On a circle both ranges go on beyond its ends.
    """
    inside, edges = _split(band, start, stop)
    columns = [c for row in (*edges[0], *edges[1]) for c in row.columns.tolist()]
    if inside:
        columns += [inside[0] + o for o in band.offsets] + [inside[-1] + o for o in band.offsets]
    return (min(columns), max(columns) + 1) if columns else (0, 0)


def window(band: Band, rows: tuple[int, int], cols: tuple[int, int]) -> Band:
    """Return the band between a range of rows and a range of columns that holds their reach."""
    if band.left is not None:
        raise ValueError(
            "an implicit scheme reads whole lines: it applies to arrays whose chunks are not "
            "cut along its axis"
        )
    (start, stop), (first, last) = rows, cols
    inside, (head, tail) = _split(band, start, stop)
    weights = band.weights if inside else np.zeros(0)
    if inside and not band.constant:
        own = np.array(inside, dtype=np.intp) - len(band.head)
        weights = weights[own % max(band.rows, 1) if band.periodic else own]
    return replace(
        band,
        rows=stop - start,
        cols=last - first,
        offsets=tuple(o + start - first for o in band.offsets) if inside else (),
        weights=weights,
        head=tuple(row.moved(-first) for row in head),
        tail=tuple(row.moved(-first) for row in tail),
        periodic=False,
        ghosts=(0, 0),
        beyond=(0, 0),
        transform=None,
        law=None,
    )


def _split(
    band: Band, start: int, stop: int
) -> tuple[range, tuple[tuple[Row, ...], tuple[Row, ...]]]:
    """Return the interior rows of a range of rows, and the closure rows before and after."""
    if band.periodic:
        return range(start, stop), ((), ())
    low, high = band.interior.start, max(band.interior.start, band.interior.stop)
    tail = band.tail[max(start - high, 0) : max(stop - high, 0)]
    return range(max(start, low), min(stop, high)), (band.head[start:stop], tail)


def padded(band: Band, before: int, after: int) -> Band:
    """Return the band on an input that carries further points, which it does not read."""
    return replace(
        band,
        cols=band.cols + before + after,
        offsets=tuple(o + before for o in band.offsets),
        head=tuple(row.moved(before) for row in band.head),
        tail=tuple(row.moved(before) for row in band.tail),
        ghosts=_widened(band.ghosts, before, after),
    )


def extended(band: Band, before: int, after: int) -> Band:
    """Return the band with further interior rows, reading further points, on either side."""
    if (before and band.head) or (after and band.tail) or not band.constant:
        raise ValueError("only interior rows with constant weights can be continued")
    return replace(
        band,
        rows=band.rows + before + after,
        cols=band.cols + before + after,
        head=tuple(row.moved(before) for row in band.head),
        tail=tuple(row.moved(before) for row in band.tail),
        ghosts=_widened(band.ghosts, before, after),
        beyond=_widened(band.beyond, before, after),
    )


def _widened(pair: tuple[int, int], before: int, after: int) -> tuple[int, int]:
    return pair[0] + before, pair[1] + after
