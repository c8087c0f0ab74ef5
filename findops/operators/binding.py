"""Binding of expressions to grids, and application without a grid object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from findops.common.arrays import as_field
from findops.discretization.discretize import discretize
from findops.executors.lookup import executor
from findops.expressions.components import input_rank
from findops.grids.grid import Grid
from findops.grids.spacing import as_grid, unspaced
from findops.operators.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from findops.expressions.expression import Closures, Expr, GridLike

__all__ = ["apply_unbound", "bind"]


def bind(expr: Expr, grid: GridLike, closure: Closures, fields: Mapping[str, object]) -> Operator:
    """Bind an expression to a grid, or to coordinates that make one."""
    made = discretize(expr, as_grid(grid, None), closure, fields)
    beyond = ((0, 0),) * made.range.ndim
    return Operator(made.program, made.domain, made.range, made.ghosts, beyond, (expr,))


def apply_unbound(
    expr: Expr, u: ArrayLike, grid: GridLike, closure: Closures, fields: Mapping[str, object]
) -> NDArray[Any]:
    """Bind to a grid, or to spacings that make one with the array, and apply."""
    if isinstance(u, Grid):
        raise TypeError(f"{expr!r}: the arguments are (u, grid), an array and then the grid")
    if isinstance(grid, Grid):
        return bind(expr, grid, closure, fields)(u)
    values: Any = as_field(u) if executor(u) is None else u
    made = as_grid(grid, tuple(values.shape)[input_rank(expr) :])
    op = bind(expr, made, closure, fields)
    _check_given(expr, op, grid)
    result: NDArray[Any] = op(values)
    return result


def _check_given(expr: Expr, op: Operator, grid: GridLike) -> None:
    """Refuse an axis that matters where {axis: spacing} leaves it out."""
    for i in unspaced(grid, op.domain.ndim):
        if any(term.bands[i] is not None for term in op.program.terms) or expr.needs_coordinates:
            raise ValueError(f"{expr!r} needs the spacing of axis {i}, but only {grid} is given")
