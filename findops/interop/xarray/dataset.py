"""Datasets: variables mapped one by one, or stacked as the components of one field."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from findops.expressions.components import input_rank

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xarray import DataArray, Dataset

    from findops.expressions.expression import Expr

__all__ = ["check_components", "map_variables", "stack_components"]


def check_components(expr: Expr, u: Dataset, parts: Mapping[str, object]) -> None:
    """Refuse variables that are no components.

    Raises
    ------
    ValueError
        If a dimension or variable is not there, or stands for two components.
    TypeError
        If the expression reads no components.
    """
    if input_rank(expr) != 1:
        raise TypeError(f"{expr!r} has no fields {sorted(parts)}, and reads no components")
    names = list(parts.values())
    for dim, name in parts.items():
        if dim not in u.dims or not isinstance(name, Hashable) or name not in u.data_vars:
            raise ValueError(
                f"{expr!r}: components are given as dimension=variable, but in {dim}={name!r:.40} "
                f"there is no such dimension among {tuple(u.dims)}, or variable among "
                f"{list(u.data_vars)}"
            )
    if len(set(names)) < len(names):
        raise ValueError(f"{expr!r}: one variable stands for two components in {dict(parts)}")


def stack_components(u: Dataset, parts: Mapping[str, Any], component: str) -> DataArray:
    """Return variables as components, labeled with their dimensions."""
    names = list(parts.values())
    stacked = u[names].to_dataarray(dim=component).assign_coords({component: list(parts)})
    # Those of the Dataset say nothing about it.
    stacked.attrs = {}
    return stacked


def map_variables(
    u: Dataset,
    needed: set[str],
    act: Callable[[DataArray], DataArray],
    what: object,
    advice: str = "",
) -> Dataset:
    """Return a Dataset in which the variables that have the dimensions needed are mapped.

    Raises
    ------
    ValueError
        If no variable has them; `what` needs them.
    """
    made: dict[Any, DataArray] = {}
    for name, variable in u.data_vars.items():
        if variable.ndim and needed <= {*variable.dims}:
            try:
                made[name] = act(variable)
            except (TypeError, ValueError) as error:
                raise type(error)(f"variable {name!r}: {error}") from error
    if not made:
        raise ValueError(
            f"{what!r} needs the dimensions {sorted(needed)}: no variable has them{advice}"
        )
    if not any(_at_other_points(array, u) for array in made.values()):
        no_new_dims = all({*array.dims} <= {*u.dims} for array in made.values())
        return u.assign({name: a.variable for name, a in made.items()} if no_new_dims else made)
    return _merge(u, made)


def _at_other_points(array: DataArray, u: Dataset) -> bool:
    """Tell whether values are not at the points of a Dataset, as at half points they are not."""
    before = u.indexes
    sizes = any(u.sizes.get(dim, n) != n for dim, n in array.sizes.items())
    return sizes or any(not i.equals(before.get(d, i)) for d, i in array.indexes.items())


def _merge(u: Dataset, made: Mapping[Any, DataArray]) -> Dataset:
    """Return a Dataset at other points; variables left at the old ones are refused."""
    import xarray

    pieces = [made.get(name, u[name]) for name in u.data_vars]
    merged = xarray.merge(pieces, join="exact", compat="identical", combine_attrs="override")
    merged.attrs = dict(u.attrs)
    return merged
