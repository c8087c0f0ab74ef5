"""Coefficients that are given at nodes, brought to half points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from findops.expressions.derivative import Interpolate
from findops.schemes import TooFewPointsError

if TYPE_CHECKING:
    from findops.common.arrays import Array
    from findops.expressions.half_point_mean import HalfPointMean
    from findops.grids.axes import Axis
    from findops.grids.grid import Grid
    from findops.plan.band import Band

__all__ = ["at_half_points"]


def at_half_points(values: Array, mean: HalfPointMean, nodes: Grid, what: str) -> Array:
    """Return a coefficient at the half points of an axis, given its values on a grid of nodes.

    On the walls of cells it is that of the nearest node where extrapolation would change its sign.

    Raises
    ------
    ValueError
        If interpolation between nodes changes its sign, or the axis has too few points.
    """
    i = int(mean.axis)
    axis = nodes.axes[i]
    if values.shape[i] == 1:
        return values
    try:
        band = _interpolation(mean, axis)
    except TooFewPointsError as error:
        raise ValueError(
            f"{what}: its mean at acc {mean.acc} needs {error.needed} points along "
            f"{nodes.called(i)}, but the grid has {error.there}"
        ) from None
    columns, weights = band.table()
    along = np.moveaxis(values, i, -1)
    # A weight of zero touches nothing, whatever stands there.
    read = np.where(weights != 0, along[..., columns], 1)
    made = _mean(read, weights, mean)
    if not np.iscomplexobj(values):
        place = float(axis.half().origin) + np.arange(band.rows)
        nearest = along[..., np.clip(np.round(place).astype(int), 0, len(axis) - 1)]
        lost = (read >= 0).all(axis=-1) & ~(made >= 0)
        outside = ~np.asarray(axis.periodic) & ((place < 0) | (place > len(axis) - 1))
        if (lost & ~outside).any():
            raise ValueError(
                f"{what} varies too much along {nodes.called(i)} for a mean at acc {mean.acc}, "
                f"which is not positive at {np.count_nonzero(lost & ~outside)} half points: take "
                "acc=2, on uneven points with natural=True, whose means are of two neighbors"
            )
        made = np.where(lost, nearest, made)
    result: Array = np.moveaxis(made, -1, i)
    result.flags.writeable = False
    return result


def _mean(read: Array, weights: Array, mean: HalfPointMean) -> Array:
    """Return the mean of what is read, (…, rows, taps)."""
    if mean.mean == "arithmetic":
        return np.asarray((weights * read).sum(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 / (weights / read).sum(axis=-1))


def _interpolation(mean: HalfPointMean, axis: Axis) -> Band:
    """Return the interpolation, of higher order where an error that jumps would cost one."""
    ends = ("accurate", "accurate")
    scheme = Interpolate.scheme
    band = scheme.band(0, mean.acc, axis, axis.half(), ends)
    if mean.rough or (axis.spacing is not None and not (band.head or band.tail)):
        return band
    return scheme.band(0, scheme.at_least(mean.acc + 1), axis, axis.half(), ends)
