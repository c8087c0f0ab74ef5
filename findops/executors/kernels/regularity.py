"""Rows of a stage that read alike, and the lengths of the lists that rows need."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from findops.executors.kernels.schedule import CoefficientGroup, OutputRow
    from findops.plan.band import Band

__all__ = ["capacity", "follows"]


def follows(group: CoefficientGroup, axis: int, n: int) -> NDArray[np.bool_]:
    """Tell for each row along an axis whether its taps are those of the row before, shifted."""
    for factor in (*group.factors, *group.mid_factors):
        if factor.value.shape[axis] > 1 and factor.value.shape[-1] == 1:
            return np.zeros(n, dtype=bool)
    mid = group.mid[axis] if group.mid else None
    flags = np.ones(n, dtype=bool) if mid is None else _band_follows(mid)
    for reading in group.readings:
        band = reading.bands[axis]
        if band is None:
            continue
        inner = _band_follows(band)
        if mid is None:
            flags = flags & inner
            continue
        rows = np.arange(n)
        for offset in mid.offsets:
            flags = flags & inner[(rows + offset) % mid.cols]
    return flags


def _band_follows(band: Band) -> NDArray[np.bool_]:
    """Tell for each row whether it reads what the row before reads, one column further on."""
    flags = np.zeros(band.rows, dtype=bool)
    inside = slice(band.interior.start + 1, band.interior.stop)
    flags[inside] = band.constant or (band.weights[1:] == band.weights[:-1]).all(axis=1)
    if band.periodic:
        for offset in band.offsets:
            flags[-offset % band.rows] = False
    return flags


def capacity(lines: Sequence[OutputRow], aheads: int) -> list[int]:
    """Return how long the kernels' lists can become, in their order."""
    taps = points = edges = rows = complex_rows = masks = 0
    groups = mids = reads = 1
    for line in lines:
        for group in line.groups:
            count = _product(group.mid)
            mids = max(mids, count)
            groups += count
            factors = (*group.factors, *group.mid_factors)
            masks += count * sum(factor.selects for factor in factors)
            values = [factor.value for factor in factors if not factor.selects]
            complex_rows += count * sum(map(np.iscomplexobj, values))
            rows += count * len(values)
            for reading in group.readings:
                read = _product(reading.bands[:-1])
                reads = max(reads, read)
                last = reading.bands[-1]
                if last is None:
                    taps += count * read
                    continue
                edges += count * read
                if last.constant:
                    taps += count * read * len(last.offsets)
                else:
                    points += count * read * len(last.offsets)
    return [groups, taps, points, edges, rows, complex_rows, masks, aheads, mids, reads]


def _product(bands: Sequence[Band | None]) -> int:
    return math.prod(band.taps for band in bands if band is not None)
