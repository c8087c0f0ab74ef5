"""Grid of a labeled array: which of its dimensions are axes, and where their points are."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from findops.expressions.expression import as_expr
from findops.grids.grid import Grid
from findops.grids.uniform import Uniform
from findops.interop.xarray.coordinates import is_date
from findops.interop.xarray.names import (
    coefficient_dims,
    coordinate_functions,
    derivative_axes,
    takes_all_axes,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from xarray import DataArray

    from findops.expressions.expression import Expr
    from findops.grids.axes import Axis
    from findops.interop.xarray.labels import Labels

__all__ = ["grid_of"]


def grid_of(
    expr: Expr,
    u: DataArray,
    labels: Labels,
    fields: Iterable[object],
    more: Iterable[Hashable] = (),
) -> tuple[tuple[str, ...], Grid]:
    """Return the dimensions that are grid axes for an expression and its fields, and their grid.

    These are all from the first that the expression or `more` names, so that the axis along which
    memory is contiguous stays among them. Coordinates are read of those only that matter.

    Raises
    ------
    ValueError
        If a dimension is not there, or has no coordinate that serves.
    TypeError
        If a coordinate has the wrong type.
    """
    along = derivative_axes(expr)
    if takes_all_axes(expr):
        along |= {dim for dim in u.dims if isinstance(dim, str) and dim not in labels.components}
    for name in along:
        _check_dimension(name, u, expr)
    given = [expr, *map(as_expr, fields)]
    read = _dims_read(given, u)
    named = along | read | {*map(str, more)} | set[str]().union(*map(coefficient_dims, given))
    candidates = [
        dim
        for dim in u.dims
        if isinstance(dim, str) and (dim in along or dim not in labels.components)
    ]
    first = next((i for i, dim in enumerate(candidates) if dim in named), 0)
    dims = tuple(candidates[first:])
    if not dims:
        raise ValueError(f"{expr!r} needs an array with dimensions, but got {u.dims}")
    axes = {
        dim: _axis(dim, u, labels) if dim in along | read else _index_axis(dim, u) for dim in dims
    }
    return dims, Grid(**axes)


def _dims_read(given: Iterable[Expr], u: DataArray) -> set[str]:
    """Return the dimensions whose coordinates functions read."""
    read = set[str]()
    for coefficient, names in chain.from_iterable(map(coordinate_functions, given)):
        for name in names & {*map(str, u.dims)}:
            if name in u.coords and is_date(u.coords[name].values):
                raise TypeError(
                    f"{coefficient!r} is a function of the dates {name!r}, which have no numbers "
                    "of their own: give a DataArray"
                )
            read.add(name)
    return read


def _check_dimension(name: str, u: DataArray, expr: Expr) -> None:
    if name in u.dims:
        return
    advice = ""
    if name in u.coords:
        on = u.coords[name].dims
        advice = (
            f"; {name!r} is a coordinate along {on[0]!r}: take u.swap_dims({on[0]}={name!r})"
            if len(on) == 1
            else f"; {name!r} is a coordinate over {on}, and curvilinear ones have no derivatives "
            "here: differentiate along the dimensions, with metric factors in front"
        )
    raise ValueError(f"{expr!r}: there is no dimension {name!r} among {u.dims}{advice}")


def _axis(dim: str, u: DataArray, labels: Labels) -> Axis:
    if dim not in u.coords:
        raise ValueError(
            f"dimension {dim!r} has no coordinate: give one, as in "
            f"u.assign_coords({dim}=0.1 * np.arange({u.sizes[dim]}))"
        )
    return labels.reader(dim).axis(u.coords.variables[dim])


def _index_axis(dim: str, u: DataArray) -> Axis:
    """Return an axis along which nothing is read but values."""
    if not u.sizes[dim]:
        raise ValueError(f"dimension {dim!r} has no points")
    return Uniform(n=u.sizes[dim], step=1)
