"""Grids made of spacings or coordinates, which may be given in place of a `Grid`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from findops.grids.axes import Axis, exact
from findops.grids.grid import Grid
from findops.grids.points import as_axis
from findops.grids.uniform import Uniform

__all__ = ["as_grid", "unspaced"]


def as_grid(value: Any, shape: tuple[int, ...] | None) -> Grid:
    """Return a grid, made for an array's shape where only spacings are given.

    Parameters
    ----------
    value : Grid, number, 1-D array, tuple, or dict
        A number is every axis's spacing; a 1-D array holds the coordinates of 1-D data; a tuple
        has a spacing or coordinates for each axis; a dict has them for the axes that matter.
    shape : tuple of int, optional
        Shape of the data.

    Raises
    ------
    ValueError
        If numbers of axes or points do not fit the shape, or a spacing is not usable.
    TypeError
        If it is none of these, or a spacing alone would have to tell the number of points.
    """
    if isinstance(value, Grid):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, np.ndarray) and value.ndim > 1:
        raise ValueError(f"coordinates must be 1-D, but their shape is {value.shape}")
    if shape is not None and any(n != n for n in shape):
        raise ValueError(
            f"the array has the shape {shape}, and a spacing cannot tell what dask does not know: "
            "call u.compute_chunk_sizes() first"
        )
    if shape == ():
        raise ValueError("a 0-d array has no axis to differentiate along")
    if isinstance(value, Mapping):
        return _from_mapping(value, shape)
    if isinstance(value, tuple):
        parts: Sequence[object] = value
    elif isinstance(value, Real) and not isinstance(value, bool):
        parts = [value] * (1 if shape is None else len(shape))
    elif isinstance(value, (Axis, list, np.ndarray)):
        parts = [value]
    else:
        raise TypeError(
            "in place of a grid stands a spacing, a 1-D array of coordinates, a tuple of these per "
            f"axis, or a dict {{axis: spacing or coordinates}}, not {value!r}"
        )
    if shape is not None and len(shape) > 1 and isinstance(value, (list, np.ndarray)):
        raise ValueError(
            f"{value} stands for the coordinates of one axis, but the array has {len(shape)}: "
            "spacings or coordinates of each axis go in a tuple, as in (dx, dy)"
        )
    if shape is not None and len(parts) != len(shape):
        raise ValueError(
            f"{len(parts)} axes are described, but the array has {len(shape)}: give a spacing or "
            "coordinates for each axis"
        )
    return Grid(*(_axis(part, i, shape) for i, part in enumerate(parts)))


def unspaced(value: Any, ndim: int) -> set[int]:
    """Return the axes that a dict {axis: spacing or coordinates} leaves out."""
    if not isinstance(value, Mapping) or any(isinstance(name, str) for name in value):
        return set()
    return set(range(ndim)) - {name % ndim for name in value}


def _from_mapping(value: Mapping[Any, object], shape: tuple[int, ...] | None) -> Grid:
    names = list(value)
    if names and all(isinstance(name, str) for name in names):
        if shape is not None and len(names) != len(shape):
            raise ValueError(
                f"axes {names} are named, but the array has {len(shape)} axes: name each, or use "
                "their indices"
            )
        axes = {name: _axis(part, i, shape) for i, (name, part) in enumerate(value.items())}
        return Grid(**axes)
    ndim = max((_whole(name) for name in names), default=-1) + 1 if shape is None else len(shape)
    parts: dict[int, object] = {}
    for name, part in value.items():
        if not -ndim <= _whole(name) < ndim:
            raise ValueError(f"there is no axis {name} in an array of {ndim} axes")
        if name % ndim in parts:
            raise ValueError(f"axis {name % ndim} is given twice in {names}")
        parts[name % ndim] = part
    if shape is None and len(parts) < ndim:
        raise ValueError(f"axes {names} leave the others unknown: give a Grid")
    return Grid(*(_axis(parts.get(i, 1), i, shape) for i in range(ndim)))


def _whole(name: object) -> int:
    if isinstance(name, bool) or not isinstance(name, (int, np.integer)):
        raise TypeError(f"axes are given all by name or all by index, but one is {name!r}")
    return int(name)


def _axis(part: object, index: int, shape: tuple[int, ...] | None) -> Axis:
    if isinstance(part, np.ndarray) and part.ndim == 0:
        part = part.item()
    if isinstance(part, Real) and not isinstance(part, bool):
        if shape is None:
            raise TypeError(
                f"the spacing {part} does not tell how many points axis {index} has: give a Grid"
            )
        step = exact(part, f"the spacing of axis {index}")
        if step == 0:
            raise ValueError(f"the spacing of axis {index} must not be 0")
        if not shape[index]:
            raise ValueError(f"axis {index} of the array has no points: its shape is {shape}")
        return Uniform(n=shape[index], step=float(step))
    axis = as_axis(part)
    if shape is not None and len(axis) != shape[index]:
        raise ValueError(
            f"axis {index} has {shape[index]} points in the array, but {len(axis)} coordinates"
        )
    return axis
