"""Values of labeled arrays on their way through an operator, and their labels afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xarray import DataArray

    from findops.applied import Applied
    from findops.interop.options import Labels

    Dims = tuple[str, ...]

__all__ = ["relabeled", "transported"]


def transported(
    op: Callable[[Any], Any], u: DataArray, dims: Dims, reads: Dims = (), gives: Dims = ()
) -> Any:
    """Return the values of op(u) as a Variable whose dimensions are ordered as those of u.

    `dims` are the axes of the grid, in its order; `reads` and `gives` those of components.
    """
    import xarray

    batch = [dim for dim in u.dims if dim not in dims and dim not in reads]
    values = op(u.variable.transpose(*batch, *reads, *dims).data)
    made = xarray.Variable((*batch, *gives, *dims), values, u.attrs)
    kept = [dim for dim in u.dims if dim in made.dims]
    return made.transpose(*(dim for dim in gives if dim not in kept), *kept)


def relabeled(
    values: Any, u: DataArray, op: Applied, labels: Labels, names: Mapping[str, Any]
) -> DataArray:
    """Return values with the coordinates of u, and those of new components and half points."""
    import xarray

    given, made = op.domain, op.range
    moved = {
        str(name): there
        for name, here, there in zip(given.names, given.axes, made.axes, strict=True)
        if here != there
    }
    gone = ({*u.dims} - {*values.dims}) | {*moved} | {*names}
    if not gone and values.dims == u.dims:
        same = u.copy(deep=False, data=values.data)
        # How values were packed in a file says nothing about their derivatives.
        same.encoding = {}
        return same
    kept = u.drop_vars([name for name, c in u.coords.items() if gone & {*c.dims}]) if gone else u
    result = xarray.DataArray(values, coords=kept.coords, name=u.name)
    new: dict[str, Any] = {
        dim: (dim, list(found))
        for dim, found in names.items()
        if found is not None and len(found) == result.sizes[dim]
    }
    for dim, axis in moved.items():
        old = u.coords.variables[dim]
        new[dim] = (dim, labels.reading(dim).labels(axis.coordinates, old), old.attrs)
    return result.assign_coords(new) if new else result
