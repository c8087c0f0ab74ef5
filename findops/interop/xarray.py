"""Labeled arrays: the grid comes from the coordinates, and names and labels survive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from findops.binding import bind
from findops.coefficient import in_order
from findops.components import input_rank
from findops.even_axes import Uniform
from findops.grid import Grid
from findops.interop.coordinates import UNITS, Reading, is_date
from findops.interop.naming import (
    check_orientation,
    component_names,
    differentiated,
    functions,
    labeled,
    open_ended,
    with_axes,
)
from findops.nodes import Coef, as_expr
from findops.points import lies_at
from findops.rewriting import rewrite, walk
from findops.values import is_labeled, kind

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

    from findops.applied import Applied
    from findops.axes import Axis
    from findops.expr import Closures, Expr, GridLike
    from findops.operator import Operator

__all__ = ["apply", "apply_bound"]

KEPT = 64
"""Bound operators that are kept for the next array on the same coordinates."""


@dataclass(frozen=True)
class Labels:
    """How the names and coordinates of labeled arrays are read."""

    readings: Mapping[str, Reading]
    components: tuple[str, str]

    def reading(self, dim: str) -> Reading:
        """Return how the coordinate of a dimension is read."""
        return self.readings.get(dim) or Reading(dim)


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
            f"{expr!r} applies to a DataArray or a Dataset, not to {kind(u)}: use "
            "tree.map_over_datasets(E) for a DataTree, the data and a grid for a Variable"
        )
    if grid is not None:
        if periodic or units or radians:
            raise TypeError("a grid is given: periodic, units and radians say how to make one")
        return apply_bound(bind(expr, grid, closure, given), u)
    labels = _labels(u, periodic or {}, units or {}, radians, component)
    if isinstance(u, xarray.DataArray):
        check_orientation(expr)
        return _applied(expr, u, labels, closure, given)
    fields = {name: value for name, value in given.items() if name in expr.free_fields}
    parts = {name: value for name, value in given.items() if name not in expr.free_fields}
    if parts:
        gathered = _gathered(expr, u, parts, labels.components[0])
        return _applied(with_axes(expr, tuple(parts)), gathered, labels, closure, fields)
    check_orientation(expr)
    return _mapped(expr, u, labels, closure, fields)


def _labels(
    u: DataArray | Dataset,
    periodic: Mapping[str, float],
    units: Mapping[str, str],
    radians: str | Collection[str],
    component: str | tuple[str, str],
) -> Labels:
    for option, given, such in (("periodic", periodic, 360), ("units", units, "D")):
        if not isinstance(given, Mapping):
            raise TypeError(
                f"{option} needs a dict by dimension, as {{'x': {such!r}}}, not {given!r}"
            )
    degrees = (radians,) if isinstance(radians, str) else tuple(radians)
    for what, named in (("periodic", periodic), ("units", units), ("radians", degrees)):
        for dim in named:
            if dim not in u.dims:
                raise ValueError(f"{what}: there is no dimension {dim!r} among {tuple(u.dims)}")
    for dim, unit in units.items():
        if unit not in UNITS:
            raise ValueError(f"units: the unit of {dim!r} is one of {list(UNITS)}, not {unit!r}")
    readings = {
        dim: Reading(dim, units.get(dim), periodic.get(dim), dim in degrees)
        for dim in {*periodic, *units, *degrees}
    }
    first, second = (component, "derivative") if isinstance(component, str) else component
    if first == second:
        raise ValueError(f"component: two dimensions cannot both have the name {first!r}")
    return Labels(readings, (first, second))


# Datasets -----------------------------------------------------------------------------------------


def _gathered(expr: Expr, u: Dataset, parts: Mapping[str, object], component: str) -> DataArray:
    """Return variables as components, labeled with their dimensions."""
    if input_rank(expr) != 1:
        raise TypeError(f"{expr!r} has no fields {sorted(parts)}, and reads no components")
    for dim, name in parts.items():
        if dim not in u.dims or name not in u.data_vars:
            raise ValueError(
                f"{expr!r}: components are given as dimension=variable, but in {dim}={name!r} "
                f"there is no such dimension among {tuple(u.dims)}, or variable among "
                f"{list(u.data_vars)}"
            )
    names = list(parts.values())
    if len(set(names)) < len(names):
        raise ValueError(f"{expr!r}: one variable stands for two components in {dict(parts)}")
    stacked = u[names].to_dataarray(dim=component).assign_coords({component: list(parts)})
    # Those of the Dataset say nothing about it.
    stacked.attrs = {}
    return stacked


def _mapped(
    expr: Expr, u: Dataset, labels: Labels, closure: Closures, fields: Mapping[str, object]
) -> Dataset:
    """Return a Dataset in which the variables that have the expression's dimensions are mapped."""
    import xarray

    needed = differentiated(expr) | labeled(expr) | {*labels.components[: input_rank(expr)]}
    made: dict[Any, DataArray] = {}
    for name, variable in u.data_vars.items():
        if variable.ndim and needed <= {*variable.dims}:
            try:
                made[name] = _applied(expr, variable, labels, closure, fields)
            except (TypeError, ValueError) as error:
                raise type(error)(f"variable {name!r}: {error}") from error
    if not made:
        raise ValueError(f"{expr!r} needs the dimensions {sorted(needed)}: no variable has them")
    if not any(_moved(array, u) for array in made.values()):
        bare = all({*array.dims} <= {*u.dims} for array in made.values())
        return u.assign({name: a.variable for name, a in made.items()} if bare else made)
    pieces = [made.get(name, u[name]) for name in u.data_vars]
    merged = xarray.merge(pieces, join="exact", compat="identical", combine_attrs="override")
    merged.attrs = dict(u.attrs)
    return merged


def _moved(array: DataArray, u: Dataset) -> bool:
    """Tell whether values are not at the points of a Dataset, as at half points they are not."""
    before = u.indexes
    sizes = any(u.sizes.get(dim, n) != n for dim, n in array.sizes.items())
    return sizes or any(not i.equals(before.get(d, i)) for d, i in array.indexes.items())


# Arrays -------------------------------------------------------------------------------------------


def _applied(
    expr: Expr, u: DataArray, labels: Labels, closure: Closures, fields: Mapping[str, object]
) -> DataArray:
    reads = labels.components[: input_rank(expr)]
    if not {*reads} <= {*u.dims}:
        raise ValueError(
            f"{expr!r} reads components along the dimension {reads[0]!r}, but the dimensions are "
            f"{u.dims}: give its name by component=, or the variables of a Dataset, as in "
            'E(ds, x="u", y="v")'
        )
    if open_ended(expr):
        expr = with_axes(expr, _all_axes(expr, u, labels))
    dims, grid = _grid(expr, u, labels, fields)
    placed = _placed(expr, u, dims)
    if reads:
        u = _in_axis_order(expr, u, reads[0])
    values = {name: _plain(value, u, dims, f"field {name!r}") for name, value in fields.items()}
    faces = tuple(closure.items()) if isinstance(closure, Mapping) else closure
    changes = fields or any(isinstance(n, Coef) and n.is_opaque for n in walk(placed))
    if changes or not isinstance(faces, Hashable):
        op = bind(placed, grid, closure, values)
    else:
        op = _kept(placed, grid, faces)
    gives = labels.components[: len(op.program.outputs.components)]
    if taken := {*gives} & {*u.dims} - {*reads}:
        raise ValueError(
            f"{expr!r} gives components along {gives}, but there is a dimension {taken.pop()!r} "
            "already: name another by component="
        )
    names = component_names(expr, _component_labels(u, reads), reads=False)
    return _relabeled(
        _transported(op, u, dims, reads, gives), u, op, labels, dict.fromkeys(gives, names)
    )


@lru_cache(maxsize=KEPT)
def _kept(expr: Expr, grid: Grid, faces: Any) -> Operator:
    """Bind an expression without arrays and functions, whose values could change meanwhile."""
    return bind(expr, grid, dict(faces) if isinstance(faces, tuple) else faces, {})


def _all_axes(expr: Expr, u: DataArray, labels: Labels) -> tuple[str, ...]:
    """Return what stands for the axes of operators that name none."""
    if not input_rank(expr):
        return tuple(str(dim) for dim in u.dims if dim not in labels.components)
    first = labels.components[0]
    names = _component_labels(u, (first,))
    if names is None:
        raise ValueError(
            f"{expr!r} names no axes, nor do labels along {first!r}: name them, as in "
            'Divergence(["x", "y"])'
        )
    return names


def _component_labels(u: DataArray, reads: tuple[str, ...]) -> tuple[str, ...] | None:
    if not reads or reads[0] not in u.coords:
        return None
    values = u.coords[reads[0]].values
    return tuple(map(str, values)) if all(isinstance(v, str) for v in values) else None


def _grid(
    expr: Expr, u: DataArray, labels: Labels, fields: Mapping[str, object]
) -> tuple[tuple[str, ...], Grid]:
    """Return the dimensions that are grid axes, and their grid.

    These are all from the first that the expression names, so that the axis along which memory is
    contiguous stays among them. Coordinates are read of those only that matter.
    """
    differentiate = differentiated(expr)
    for name in differentiate:
        _check_dimension(name, u, expr)
    read = set[str]()
    values = [as_expr(value) for value in fields.values()]
    for coefficient, names in chain.from_iterable(map(functions, (expr, *values))):
        for name in names & {*map(str, u.dims)}:
            if name in u.coords and is_date(u.coords[name].values):
                raise TypeError(
                    f"{coefficient!r} is a function of the dates {name!r}, which have no numbers "
                    "of their own: give a DataArray"
                )
            read.add(name)
    named = differentiate | read | labeled(expr).union(*map(labeled, values))
    candidates = [d for d in u.dims if isinstance(d, str) and d not in labels.components]
    first = next((i for i, dim in enumerate(candidates) if dim in named), 0)
    dims = tuple(candidates[first:])
    if not dims:
        raise ValueError(f"{expr!r} needs an array with dimensions, but got {u.dims}")
    axes = {
        dim: _axis(dim, u, labels) if dim in differentiate | read else _unread(dim, u)
        for dim in dims
    }
    return dims, Grid(**axes)


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
    return labels.reading(dim).axis(u.coords.variables[dim])


def _unread(dim: str, u: DataArray) -> Axis:
    """Return an axis along which nothing is read but values."""
    if not u.sizes[dim]:
        raise ValueError(f"dimension {dim!r} has no points")
    return Uniform(n=u.sizes[dim], step=1)


def _placed(expr: Expr, u: DataArray, dims: tuple[str, ...]) -> Expr:
    """Return the expression with arrays in place of labeled ones."""

    def change(node: Expr) -> Expr:
        if isinstance(node, Coef) and is_labeled(node.value):
            return Coef(_plain(node.value, u, dims, repr(node)))
        return node

    return rewrite(expr, change) if labeled(expr) else expr


def _plain(value: Any, u: DataArray, dims: tuple[str, ...], what: str) -> object:
    """Return a coefficient with its dimensions as the grid has them, if its labels are u's."""
    if not is_labeled(value):
        return value
    for dim in value.dims:
        if dim not in dims:
            raise ValueError(f"{what} has the dimension {dim!r}, which is not among {dims}")
        if value.sizes[dim] != u.sizes[dim] or (
            dim in value.coords
            and dim in u.coords
            and not value.coords[dim].variable.equals(u.coords[dim].variable)
        ):
            raise ValueError(
                f"{what}: its coordinate {dim!r} differs from that of the array: select or "
                "interpolate first, as by xarray.align(c, u, join='exact')"
            )
    return in_order(value, dims)


def _in_axis_order(expr: Expr, u: DataArray, component: str) -> DataArray:
    """Return the array with components in the order of the axes that the expression reads."""
    there = _component_labels(u, (component,))
    wanted = component_names(expr, None, reads=True)
    if there is None or wanted is None or there == wanted:
        return u
    if sorted(there) != sorted(wanted):
        raise ValueError(
            f"{expr!r} reads the components {wanted}, but those along {component!r} are {there}: "
            "assign_coords labels them with dimensions"
        )
    return u.isel({component: [there.index(name) for name in wanted]})


def _transported(
    op: Callable[[Any], Any],
    u: DataArray,
    dims: tuple[str, ...],
    reads: tuple[str, ...],
    gives: tuple[str, ...],
) -> Any:
    """Return the values of op(u) as a Variable whose dimensions are ordered as those of u."""
    import xarray

    batch = [dim for dim in u.dims if dim not in dims and dim not in reads]
    values = op(u.variable.transpose(*batch, *reads, *dims).data)
    made = xarray.Variable((*batch, *gives, *dims), values, u.attrs)
    kept = [dim for dim in u.dims if dim in made.dims]
    return made.transpose(*(dim for dim in gives if dim not in kept), *kept)


def _relabeled(
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


# Bound operators ----------------------------------------------------------------------------------


def apply_bound(op: Applied, u: Any, act: Callable[[Any], Any] | None = None) -> DataArray:
    """Apply a bound operator to a DataArray on its grid, dimensions in any order.

    `act` is what applies it to bare values, if that is not itself.

    Raises
    ------
    ValueError
        If dimensions or coordinates are not those of the grid.
    TypeError
        If the axes of the grid have no names, if fields have components, or if it is no DataArray.
    """
    import xarray

    if not isinstance(u, xarray.DataArray):
        raise TypeError(
            f"{op!r} applies to a DataArray, not to {kind(u)}; ds.map(op) maps variables"
        )
    if not op.domain.named:
        raise TypeError(
            f"{op!r} has unnamed axes, but the DataArray has named ones: bind it to Grid(x=…)"
        )
    program = op.program
    if program.inputs.components or program.outputs.components:
        raise TypeError(
            f"{op!r} does not know the names of its components: apply the expression to the "
            "DataArray, as E(u), or the operator to its values"
        )
    if op.halo and any(op.halo.values()):
        raise TypeError(f"{op!r} reads ghost points, which have no labels: apply it to the values")
    dims = tuple(map(str, op.domain.names))
    for dim, axis in zip(dims, op.domain.axes, strict=True):
        if dim not in u.dims or u.sizes[dim] != len(axis):
            raise ValueError(
                f"{op!r} is bound to {len(axis)} points along {dim!r}, but the DataArray has the "
                f"sizes {dict(u.sizes)}"
            )
        if dim in u.coords and not lies_at(axis, u.coords.variables[dim].values):
            raise ValueError(f"{op!r}: the coordinate {dim!r} of the DataArray is not its grid's")
    values = _transported(act or op, u, dims, (), ())
    return _relabeled(values, u, op, Labels({}, ("", "")), {})
