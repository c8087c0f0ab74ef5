"""Labeled C grids: components on dimensions whose coordinates are half points of others'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.grids.axes import Half
from findops.grids.grid import Grid
from findops.grids.points import Points, lies_at
from findops.grids.uniform import Cells
from findops.interop.xarray.names import component_names
from findops.operators.staggered import StaggeredOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from xarray import DataArray, Dataset

    from findops.expressions.expression import Closures, Expr
    from findops.grids.axes import Axis
    from findops.interop.xarray.labels import Labels

__all__ = ["apply_to_components", "at_different_points"]


@dataclass(frozen=True)
class Placed:
    """A dimension of nodes, and one of the points between them."""

    nodes: str
    axis: Axis
    """That of the nodes."""
    half: str
    missing: str = ""
    """The end, "-" or "+", at which the outer face is missing; it is a wall."""
    turned: bool = False
    """Whether each point stands before its node on a circle, not after it."""


def at_different_points(u: Dataset, names: Sequence[Any]) -> bool:
    """Tell whether variables have different dimensions, none containing those of all others."""
    dims = [{*u[name].dims} for name in names]
    return not any(all(other <= own for other in dims) for own in dims)


def apply_to_components(
    expr: Expr,
    u: Dataset,
    parts: Mapping[str, Any],
    labels: Labels,
    closure: Closures,
    fields: Mapping[str, object],
) -> DataArray | Dataset:
    """Return an expression applied to variables at points of their own.

    Parameters
    ----------
    expr : expression
        Its axes have names: those of the dimensions of nodes.
    parts : mapping of str to name
        The variable of each component, by the dimension of its axis.

    Raises
    ------
    ValueError
        If dimensions of two variables are not half points of one another, or results stand where
        no dimension is.
    """
    arrays = [u[name] for name in parts.values()]
    every = {str(dim): None for array in arrays for dim in array.dims}
    pairs = _pairs(u, list(every), list(parts), labels)
    halves = {pair.half: pair for pair in pairs}
    placed = [
        {halves[dim].nodes if dim in halves else dim for dim in map(str, a.dims)} for a in arrays
    ]
    for name, dims in zip(parts.values(), placed, strict=True):
        if dims != placed[0]:
            first = next(iter(parts.values()))
            raise ValueError(
                f"{expr!r}: {first!r} stands on {u[first].dims} and {name!r} on {u[name].dims}, "
                "dimensions that are neither the same nor half points of one another, as their "
                "coordinates tell: components need common ones"
            )
    along = {pair.nodes: pair for pair in pairs}
    nodes = tuple(dim for dim in map(str, u.dims) if dim in along or dim in parts)
    axes = {
        d: along[d].axis if d in along else labels.reader(d).axis(u.coords.variables[d])
        for d in nodes
    }
    grid = Grid(**axes)
    at = [tuple(d for d in nodes if d in along and along[d].half in a.dims) or None for a in arrays]
    op = expr.on(grid, closure, at=at, **fields)
    batch = tuple(d for d in map(str, arrays[0].dims) if d not in halves and d not in nodes)
    given = tuple(_values(a, batch, nodes, along, closure, expr) for a in arrays)
    made = op(given)
    outputs = op.range if isinstance(op, StaggeredOperator) else (op.range,)
    results = made if isinstance(made, tuple) else (made,)
    names = component_names(expr, tuple(parts), reads=False) or tuple(map(str, range(len(results))))
    found = [
        _labeled(values, side, batch, nodes, along, u, expr)
        for values, side in zip(results, outputs, strict=True)
    ]
    if len(found) == 1:
        return found[0]
    import xarray

    return xarray.Dataset(dict(zip(names, found, strict=True)))


# Which dimensions are half points of which -----------------------------------------------------


def _pairs(u: Dataset, dims: Sequence[str], nodes: Sequence[str], labels: Labels) -> list[Placed]:
    """Return the dimensions that are half points of those of nodes, by their coordinates."""
    found = []
    for node in nodes:
        coordinate = u.coords.variables.get(node)
        if coordinate is None or coordinate.ndim != 1 or coordinate.dtype.kind not in "iuf":
            continue
        axis = labels.reader(node).axis(coordinate)
        for dim in dims:
            other = u.coords.variables.get(dim)
            if dim != node and other is not None and other.ndim == 1 and other.dtype.kind in "iuf":
                points = other.values
                if labels.reader(node).radians:
                    points = np.deg2rad(points)
                found += _matched(node, axis, dim, points)
    return found


def _matched(node: str, axis: Axis, dim: str, points: NDArray[Any]) -> list[Placed]:
    """Return how points lie between the nodes of an axis, nothing if they do not."""
    n, count = len(axis), len(points)
    if axis.periodic:
        middle = axis.half().coordinates
        before = 2 * axis.coordinates - middle
        at = Points(before, float(n * (axis.spacing or 0)))
        turned = axis.spacing is not None and count == n and lies_at(at, points)
        if turned or lies_at(axis.half(), points):
            return [Placed(node, axis, dim, turned=turned)]
        return []
    if count == n - 1 and lies_at(axis.half(), points):
        return [Placed(node, axis, dim)]
    if axis.spacing is None:
        return []
    step = float(axis.spacing)
    first, last = axis.coordinates[[0, -1]]
    cells = Cells(first - step / 2, last + step / 2, n)
    faces = cells.half().coordinates
    if not lies_at(cells, axis.coordinates):
        return []
    for missing, kept in (("", faces), ("+", faces[:-1]), ("-", faces[1:])):
        if len(kept) == count and lies_at(Points(kept), points):
            return [Placed(node, cells, dim, missing)]
    return []


# Values and labels --------------------------------------------------------------------------------


def _values(
    a: DataArray,
    batch: Sequence[str],
    nodes: Sequence[str],
    along: Mapping[str, Placed],
    closure: Closures,
    expr: Expr,
) -> Any:
    """Return the values of a component in the order of the grid, all faces being there."""
    made = a.variable
    dims = list(batch)
    for node in nodes:
        pair = along.get(node)
        if pair is None or pair.half not in a.dims:
            dims.append(node)
            continue
        dims.append(pair.half)
        if pair.turned:
            made = made.roll({pair.half: -1})  # type: ignore[no-untyped-call]  # xarray's
        if pair.missing:
            face = f"{node}{pair.missing}"
            kind = closure.get(face) if isinstance(closure, Mapping) else closure
            if kind != "zero":
                raise ValueError(
                    f"{expr!r}: {a.name!r} has no value on {face}, the outermost "
                    f"face: closure={{{face!r}: 'zero'}} says that it is a wall"
                )
            ends = (0, 1) if pair.missing == "+" else (1, 0)
            made = made.pad({pair.half: ends}, constant_values=0)
    return made.transpose(*dims).data


def _labeled(
    values: Any,
    side: Grid,
    batch: Sequence[str],
    nodes: Sequence[str],
    along: Mapping[str, Placed],
    u: Dataset,
    expr: Expr,
) -> DataArray:
    """Return values of a component of the result, labeled with the dimensions where it stands."""
    import xarray

    dims = list(batch)
    for node, axis in zip(nodes, side.axes, strict=True):
        pair = along.get(node)
        if not isinstance(axis, Half):
            dims.append(node)
        elif pair is not None:
            dims.append(pair.half)
        else:
            raise ValueError(
                f"{expr!r} gives values at half points of {node!r}, for which there is no "
                "dimension: assign_coords gives the Dataset one"
            )
    made = xarray.Variable(dims, values)
    for pair in along.values():
        if pair.half in dims and pair.turned:
            made = made.roll({pair.half: 1})  # type: ignore[no-untyped-call]  # xarray's
        if pair.half in dims and pair.missing:
            made = made.isel(
                {pair.half: slice(None, -1) if pair.missing == "+" else slice(1, None)}
            )
    coords = {dim: u.coords.variables[dim] for dim in dims if dim in u.coords}
    return xarray.DataArray(made, coords=coords)
