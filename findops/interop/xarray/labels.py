"""Labels of arrays: how they are read, and how those of a result follow from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from findops.interop.xarray.coordinates import UNITS, CoordinateReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from xarray import DataArray, Dataset

    from findops.operators.operator import Operator

    Dims = tuple[str, ...]

__all__ = ["Labels", "apply_to_variable", "restore_labels"]

EXAMPLES = {"periodic": 360, "units": "D"}
"""Values of options that are dicts by dimension, for messages."""


@dataclass(frozen=True)
class Labels:
    """How the names and coordinates of labeled arrays are read."""

    readers: Mapping[str, CoordinateReader]
    components: tuple[str, str] = ("component", "derivative")

    def reader(self, dim: str) -> CoordinateReader:
        """Return what reads the coordinate of a dimension."""
        return self.readers.get(dim) or CoordinateReader(dim)

    @staticmethod
    def of(
        u: DataArray | Dataset,
        periodic: Mapping[str, float],
        units: Mapping[str, str],
        radians: str | Collection[str],
        component: str | tuple[str, str],
    ) -> Labels:
        """Check options for an array, and return what they say.

        Raises
        ------
        ValueError
            If a dimension is not there, or a unit not known.
        TypeError
            If an option has the wrong type.
        """
        degrees = (radians,) if isinstance(radians, str) else radians
        if not isinstance(degrees, Collection):
            raise TypeError(f"radians needs a dimension or several, as ['lon'], not {radians!r}")
        for option, given in (("periodic", periodic), ("units", units)):
            if not isinstance(given, Mapping):
                example = {"x": EXAMPLES[option]}
                raise TypeError(f"{option} needs a dict by dimension, as {example}, not {given!r}")
        for option, named in (("periodic", periodic), ("units", units), ("radians", degrees)):
            for dim in named:
                if dim not in u.dims:
                    raise ValueError(
                        f"{option}: there is no dimension {dim!r} among {tuple(u.dims)}"
                    )
        for dim, unit in units.items():
            if unit not in UNITS:
                raise ValueError(f"units: that of {dim!r} is one of {list(UNITS)}, not {unit!r}")
        readers = {
            dim: CoordinateReader(dim, units.get(dim), periodic.get(dim), dim in degrees)
            for dim in {*periodic, *units, *degrees}
        }
        return Labels(readers, _two_names(component))


def _two_names(component: object) -> tuple[str, str]:
    match (component, "derivative") if isinstance(component, str) else component:
        case (str() as first, str() as second):
            if first == second:
                raise ValueError(f"component: two dimensions cannot both have the name {first!r}")
            return first, second
    raise TypeError(
        f"component needs the name of a dimension, or two, as ('i', 'j'), not {component!r}"
    )


def apply_to_variable(
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


def restore_labels(
    values: Any, u: DataArray, op: Operator, labels: Labels, names: Mapping[str, Any]
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
        new[dim] = (dim, labels.reader(dim).labels(axis.coordinates, old), old.attrs)
    return result.assign_coords(new) if new else result
