"""Binding of expressions to grids, and application without a bound operator at hand."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from findops.common.arguments import is_symbolic
from findops.common.arrays import as_field
from findops.common.caches import Cache, size_of
from findops.discretization.discretize import discretize
from findops.executors.lookup import executor
from findops.expressions.components import input_rank
from findops.grids.grid import Grid
from findops.grids.points import Points
from findops.grids.spacing import as_grid, unspaced
from findops.operators.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from findops.expressions.expression import Closures, Expr, GridLike

__all__ = ["apply_unbound", "bind", "bind_once"]

KEPT_BYTES = 1 << 26
"""Bytes of operators that are kept for the next application of their expressions."""

OPERATOR_BYTES = 1 << 16
"""Bytes that an operator of a few points takes once it was applied."""

COMPILED_BYTES = 1 << 21
"""Bytes of what JAX compiles for an operator."""


def bind(expr: Expr, grid: GridLike, closure: Closures, fields: Mapping[str, object]) -> Operator:
    """Bind an expression to a grid, or to coordinates that make one."""
    made = discretize(expr, as_grid(grid, None), closure, fields)
    beyond = ((0, 0),) * made.range.ndim
    return Operator(made.program, made.domain, made.range, made.ghosts, beyond, (expr,))


def bind_once(expr: Expr, grid: Grid, closure: Closures, fields: Mapping[str, object]) -> Operator:
    """Bind an expression to a grid, or find it bound.

    What fields, arrays and functions in it hold may change while they stay the same objects: such
    expressions are bound each time, and so are those of classes that users write.
    """
    faces = tuple(closure.items()) if isinstance(closure, Mapping) else closure
    make = partial(bind, expr, grid, closure, fields)
    try:
        key = _structure(expr), _structure(grid), _structure(faces)
    except _MutableError:
        return make()
    return make() if fields else _operators.find(key, make)


def _size(key: Hashable, op: Operator) -> int:
    """Return the bytes that an operator will take: its executors hold about what its plan does."""
    compiled = COMPILED_BYTES if "jax" in sys.modules else 0
    return OPERATOR_BYTES + 2 * size_of(key, op) + compiled


_operators: Cache[Operator] = Cache(KEPT_BYTES, _size)

PLAIN = {type(None), bool, int, float, complex, str, Fraction}


class _MutableError(TypeError):
    """A value that may change, or of which that is unknown."""


def _structure(value: object) -> Hashable:
    """Return what is the same for two values only if they bind to the same plan.

    It is finer than equality: a coefficient 2 + 0j makes results complex, 2 does not, and a sum in
    another order may have other last digits.

    Raises
    ------
    _MutableError
        If the value may change.
    """
    kind = type(value)
    if kind in PLAIN or is_symbolic(value):
        return kind, value
    if kind in (tuple, list):
        return kind, *map(_structure, cast("Sequence[object]", value))
    if kind.__module__.startswith("findops."):
        if isinstance(value, Points):
            return kind, value
        if dataclasses.is_dataclass(value):
            parts = (getattr(value, each.name) for each in dataclasses.fields(value))
            return kind, *map(_structure, parts)
    raise _MutableError


def apply_unbound(
    expr: Expr, u: ArrayLike, grid: GridLike, closure: Closures, fields: Mapping[str, object]
) -> NDArray[Any]:
    """Bind to a grid, or to spacings that make one with the array, and apply."""
    if isinstance(u, Grid):
        raise TypeError(f"{expr!r}: the arguments are (u, grid), an array and then the grid")
    if isinstance(grid, Grid):
        return bind_once(expr, grid, closure, fields)(u)
    values: Any = as_field(u) if executor(u) is None else u
    made = as_grid(grid, tuple(values.shape)[input_rank(expr) :])
    op = bind_once(expr, made, closure, fields)
    _check_given(expr, op, grid)
    result: NDArray[Any] = op(values)
    return result


def _check_given(expr: Expr, op: Operator, grid: GridLike) -> None:
    """Refuse an axis that matters where {axis: spacing} leaves it out."""
    for i in unspaced(grid, op.domain.ndim):
        if any(term.bands[i] is not None for term in op.program.terms) or expr.needs_coordinates:
            raise ValueError(f"{expr!r} needs the spacing of axis {i}, but only {grid} is given")
