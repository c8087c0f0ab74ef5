"""Application of expressions and of bound operators to DataArrays and Datasets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from findops.common.arguments import is_labeled, type_name
from findops.expressions.components import input_rank
from findops.grids.grid import Grid
from findops.grids.points import lies_at
from findops.interop.xarray.array import apply_to_array
from findops.interop.xarray.dataset import check_components, map_variables, stack_components
from findops.interop.xarray.labels import Labels, apply_to_variable, restore_labels
from findops.interop.xarray.names import (
    check_orientation,
    coefficient_dims,
    derivative_axes,
    with_axes,
)
from findops.interop.xarray.staggered import apply_to_components, at_different_points
from findops.operators.binding import bind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from xarray import DataArray, Dataset

    from findops.expressions.expression import Closures, Expr, GridLike
    from findops.operators.operator import Operator

__all__ = ["apply", "apply_bound"]


def apply(
    expr: Expr,
    u: object,
    grid: GridLike = None,
    closure: Closures = "accurate",
    *,
    periodic: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
    radians: str | Collection[str] = (),
    component: str | tuple[str, str] = ("component", "derivative"),
    mask: DataArray | None = None,
    **given: object,
) -> DataArray | Dataset:
    """Apply an expression to a DataArray or Dataset, whose coordinates are its grid.

    Dimensions meet axes by name. Those that the expression does not name are batch, whatever their
    order; operators without axes take all dimensions, or those that label the components that they
    read. Name, coordinates and attributes stay as they are, ``units`` included; new dimensions come
    first.

    Parameters
    ----------
    expr : expression
    u : DataArray or Dataset
        Every variable of a Dataset that has the expression's dimensions is exchanged; the others
        stay, as in ``Dataset.differentiate``.
    grid : Grid, optional
        In place of the coordinates, which must agree with it.
    closure : str, int or dict by face
        As in ``E.on``; faces are named after dimensions, as ``"lon-"``.
    periodic : dict, optional
        {dimension: period}, in the coordinate's own unit, of times in that of `units`.
    units : dict, optional
        {dimension: unit of time}, one of ``"W" "D" "h" "m" "s" "ms" "us" "ns"``; times are in
        seconds by default.
    radians : dimension, or several
        Coordinates in degrees that are read in radians, by functions of them too.
    component : str or (str, str)
        Name of the dimension of components, and of the second one of matrices.
    mask : DataArray of bool, optional
        True at valid points, as ``u.notnull()``; see ``op.masked``. Along dimensions that it lacks
        all points are alike.
    **given
        Values of the free fields; for a Dataset and an operator on vectors also its components,
        {dimension: name of a variable}, which make one DataArray.

    Returns
    -------
    DataArray or Dataset

    Raises
    ------
    ValueError
        If a dimension is missing or has no coordinate that serves, or if the coordinates of a
        coefficient differ.
    TypeError
        If a coordinate or an argument has the wrong type.

    Examples
    --------
    >>> import numpy as np
    >>> from findops import Diff
    >>> xarray = __import__("pytest").importorskip("xarray")
    >>> time = np.array(["2000-01-01T00", "2000-01-01T06", "2000-01-01T12"], "datetime64[ns]")
    >>> u = xarray.DataArray([0.0, 3.0, 6.0], {"time": time}, name="u")
    >>> Diff("time")(u, units={"time": "h"}).values
    array([0.5, 0.5, 0.5])
    """
    import xarray

    if not isinstance(u, (xarray.DataArray, xarray.Dataset)):
        raise TypeError(
            f"{expr!r} applies to arrays, DataArrays and Datasets, not to {type_name(u)}: use "
            "tree.map_over_datasets(E) for a DataTree, the data and a grid for a Variable"
        )
    if grid is not None:
        _check_grid(expr, grid)
        if periodic or units or radians:
            raise TypeError("a grid is given: periodic, units and radians say how to make one")
        op = bind(expr, grid, closure, given)
        return apply_bound(op, u, None if mask is None else op.masked(mask))
    if mask is not None and not is_labeled(mask):
        raise TypeError(
            f"{expr!r}: the mask of a labeled array is a DataArray, not {type_name(mask)}"
        )
    labels = Labels.of(u, periodic or {}, units or {}, radians, component)
    fields = {name: value for name, value in given.items() if name in expr.free_fields}
    parts = {name: value for name, value in given.items() if name not in expr.free_fields}
    if isinstance(u, xarray.DataArray):
        _check_options(expr, parts)
        check_orientation(expr)
        return apply_to_array(expr, u, labels, closure, fields, mask)
    if parts:
        check_components(expr, u, parts)
        along = with_axes(expr, tuple(parts))
        if at_different_points(u, list(parts.values())):
            if mask is not None:
                raise ValueError(f"{expr!r}: components at different points take no mask=")
            return apply_to_components(along, u, parts, labels, closure, fields)
        field = stack_components(u, parts, labels.components[0])
        return apply_to_array(along, field, labels, closure, fields, mask)
    check_orientation(expr)
    needed = (
        derivative_axes(expr) | coefficient_dims(expr) | {*labels.components[: input_rank(expr)]}
    )
    needed |= set() if mask is None else {*map(str, mask.dims)}
    advice = ', nor are components named, as in E(ds, x="u", y="v")' * (input_rank(expr) == 1)
    return map_variables(
        u, needed, lambda v: apply_to_array(expr, v, labels, closure, fields, mask), expr, advice
    )


def _check_grid(expr: Expr, grid: object) -> None:
    if not isinstance(grid, Grid):
        raise TypeError(
            f"{expr!r}: the coordinates of a labeled array are its grid, and a Grid may stand in "
            f"their place, but not {grid!r}: give coordinates, as in "
            "u.assign_coords(x=0.1 * np.arange(10))"
        )


def _check_options(expr: Expr, unknown: Mapping[str, object]) -> None:
    if unknown:
        advice = "; components are named for a Dataset, not a DataArray" * (input_rank(expr) == 1)
        raise TypeError(
            f"{expr!r} has no fields {sorted(unknown)}: it has {sorted(expr.free_fields) or 'none'}"
            f"; options are closure, periodic, units, radians, component, mask{advice}"
        )


def apply_bound(
    op: Operator, u: Any, act: Callable[[Any], Any] | None = None
) -> DataArray | Dataset:
    """Apply a bound operator to a DataArray on its grid, dimensions in any order, or a Dataset.

    Every variable of a Dataset that has all dimensions of the grid is exchanged. `act` is what
    applies to the values, if that is not the operator itself.

    Raises
    ------
    ValueError
        If dimensions or coordinates are not those of the grid.
    TypeError
        If the axes of the grid have no names, if fields have components, or if u is not labeled.
    """
    import xarray

    if not isinstance(u, (xarray.DataArray, xarray.Dataset)):
        raise TypeError(f"{op!r} applies to arrays, DataArrays and Datasets, not to {type_name(u)}")
    if not op.domain.named:
        raise TypeError(
            f"{op!r} has unnamed axes, but {type_name(u)} named ones: bind it to Grid(x=…)"
        )
    program = op.program
    if program.inputs.components or program.outputs.components:
        raise TypeError(
            f"{op!r} does not know the names of its components: apply the expression to the "
            "DataArray, as E(u), or the operator to its values"
        )
    if op.halo and any(op.halo.values()):
        raise TypeError(f"{op!r} reads ghost points, which have no labels: apply it to the values")
    each = partial(_apply_on_grid, op, act or op)
    if isinstance(u, xarray.Dataset):
        return map_variables(u, {*map(str, op.domain.names)}, each, op)
    return each(u)


def _apply_on_grid(op: Operator, act: Callable[[Any], Any], u: DataArray) -> DataArray:
    dims = tuple(map(str, op.domain.names))
    for dim, axis in zip(dims, op.domain.axes, strict=True):
        if dim not in u.dims or u.sizes[dim] != len(axis):
            raise ValueError(
                f"{op!r} is bound to {len(axis)} points along {dim!r}, but the DataArray has the "
                f"sizes {dict(u.sizes)}"
            )
        if dim in u.coords and not lies_at(axis, u.coords.variables[dim].values):
            raise ValueError(f"{op!r}: the coordinate {dim!r} of the DataArray is not its grid's")
    return restore_labels(apply_to_variable(act, u, dims), u, op, Labels({}), {})
