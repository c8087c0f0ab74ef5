"""Application of an expression to one DataArray: bound to its grid, applied, labeled again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import is_labeled
from findops.discretization.coefficients import ordered_values
from findops.expressions.components import input_rank
from findops.expressions.expression import Coef, rewrite
from findops.interop.xarray.grid import grid_of
from findops.interop.xarray.labels import apply_to_variable, restore_labels
from findops.interop.xarray.names import (
    coefficient_dims,
    component_names,
    takes_all_axes,
    with_axes,
)
from findops.operators.binding import bind_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xarray import DataArray

    from findops.expressions.expression import Closures, Expr
    from findops.interop.xarray.labels import Labels

__all__ = ["apply_to_array"]


def apply_to_array(
    expr: Expr,
    u: DataArray,
    labels: Labels,
    closure: Closures,
    fields: Mapping[str, object],
    mask: DataArray | None,
) -> DataArray:
    """Return an expression applied to a DataArray on the grid of its coordinates."""
    reads = labels.components[: input_rank(expr)]
    if not {*reads} <= {*u.dims}:
        raise ValueError(
            f"{expr!r} reads components along the dimension {reads[0]!r}, but the dimensions are "
            f"{u.dims}: give its name by component=, or the variables of a Dataset, as in "
            'E(ds, x="u", y="v")'
        )
    if takes_all_axes(expr):
        expr = with_axes(expr, _missing_axes(expr, u, labels))
    dims, grid = grid_of(expr, u, labels, fields.values(), () if mask is None else mask.dims)
    placed = _without_labels(expr, u, dims)
    if reads:
        u = _in_axis_order(expr, u, reads[0])
    values = {
        name: _aligned_values(value, u, dims, f"field {name!r}") for name, value in fields.items()
    }
    op = bind_once(placed, grid, closure, values)
    gives = labels.components[: len(op.program.outputs.components)]
    if taken := {*gives} & {*u.dims} - {*reads}:
        raise ValueError(
            f"{expr!r} gives components along {gives}, but there is a dimension {taken.pop()!r} "
            "already: name another by component="
        )
    names = component_names(expr, _component_labels(u, reads), reads=False)
    act = op if mask is None else op.masked(_full_mask(mask, u, dims))
    made = apply_to_variable(act, u, dims, reads, gives)
    return restore_labels(made, u, op, labels, dict.fromkeys(gives, names))


# Components ---------------------------------------------------------------------------------------


def _missing_axes(expr: Expr, u: DataArray, labels: Labels) -> tuple[str, ...]:
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


# Coefficients -------------------------------------------------------------------------------------


def _without_labels(expr: Expr, u: DataArray, dims: tuple[str, ...]) -> Expr:
    """Return the expression with arrays in place of labeled ones."""

    def change(node: Expr) -> Expr:
        if isinstance(node, Coef) and is_labeled(node.value):
            return Coef(_aligned_values(node.value, u, dims, repr(node)))
        return node

    return rewrite(expr, change) if coefficient_dims(expr) else expr


def _full_mask(mask: DataArray, u: DataArray, dims: tuple[str, ...]) -> Any:
    """Return a mask of all points of the grid."""
    values: Any = _aligned_values(mask, u, dims, "the mask")
    return np.broadcast_to(values, [u.sizes[dim] for dim in dims])


def _aligned_values(value: Any, u: DataArray, dims: tuple[str, ...], what: str) -> object:
    """Return a coefficient or mask with its dimensions as the grid has them, if its labels fit."""
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
    return ordered_values(value, dims)
