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
from findops.discretization.discretize import Discretization, discretize
from findops.executors.lookup import executor
from findops.expressions.components import input_rank
from findops.grids.grid import Grid
from findops.grids.points import Points
from findops.grids.spacing import as_grid, unspaced
from findops.operators.operator import Operator
from findops.operators.staggered import StaggeredOperator
from findops.operators.staggered_fields import StaggeredFields

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from findops.expressions.expression import Closures, Expr, GridLike, Positions
    from findops.operators.staggered_fields import Fields

__all__ = ["MutableError", "apply_unbound", "bind", "bind_at", "bind_once", "structure"]

KEPT_BYTES = 1 << 26
"""Bytes of operators that are kept for the next application of their expressions."""

OPERATOR_BYTES = 1 << 16
"""Bytes that an operator of a few points takes once it was applied."""

COMPILED_BYTES = 1 << 21
"""Bytes of what JAX compiles for an operator."""


def bind_at(
    expr: Expr,
    grid: GridLike,
    closure: Closures,
    at: Positions,
    fields: Mapping[str, object],
) -> Operator | StaggeredOperator:
    """Bind an expression to a grid, or to coordinates that make one.

    Where components stand at different points, or `at` says where, it is a `StaggeredOperator`.
    """
    made = discretize(expr, as_grid(grid, None), closure, fields, at)
    if isinstance(made, Discretization):
        return _operator(made, (expr,))
    entries = tuple(
        tuple(
            None if entry is None else _operator(entry, (expr, f"[{i}, {j}]"))
            for j, entry in enumerate(row)
        )
        for i, row in enumerate(made.entries)
    )
    beyond = tuple(((0, 0),) * grid.ndim for grid in made.range)
    inputs = StaggeredFields(made.inputs, made.domain, made.ghosts)
    outputs = StaggeredFields(made.outputs, made.range, beyond)
    return StaggeredOperator(entries, inputs, outputs, (expr,))


def _operator(made: Discretization, pieces: tuple[object, ...]) -> Operator:
    beyond = ((0, 0),) * made.range.ndim
    return Operator(made.program, made.domain, made.range, made.ghosts, beyond, pieces)


def bind(expr: Expr, grid: GridLike, closure: Closures, fields: Mapping[str, object]) -> Operator:
    """Bind an expression whose components stand at the same points, and refuse others.

    Raises
    ------
    ValueError
        If components of its result stand at different points, beside the reasons of ``E.on``.
    """
    return _same_points(expr, bind_at(expr, grid, closure, None, fields))


def _same_points(expr: Expr, op: Operator | StaggeredOperator) -> Operator:
    if isinstance(op, StaggeredOperator):
        raise ValueError(
            f"{expr!r} gives {op.outputs.described}, but they need to stand at the same points here"
        )
    return op


def bind_once(expr: Expr, grid: Grid, closure: Closures, fields: Mapping[str, object]) -> Operator:
    """Bind an expression as `bind` does, or find it bound."""
    return _same_points(expr, _bound_once(expr, grid, closure, None, fields))


def _bound_once(
    expr: Expr,
    grid: Grid,
    closure: Closures,
    at: Positions,
    fields: Mapping[str, object],
) -> Operator | StaggeredOperator:
    """Bind an expression to a grid, or find it bound.

    What fields, arrays and functions in it hold may change while they stay the same objects: such
    expressions are bound each time, and so are those of classes that users write.
    """
    faces = tuple(closure.items()) if isinstance(closure, Mapping) else closure
    make = partial(bind_at, expr, grid, closure, at, fields)
    try:
        key = structure(expr), structure(grid), structure(faces), structure(at)
    except MutableError:
        return make()
    return make() if fields else _operators.find(key, make)


def _size(key: Hashable, op: Operator | StaggeredOperator) -> int:
    """Return the bytes that an operator will take: its executors hold about what its plan does."""
    compiled = COMPILED_BYTES if "jax" in sys.modules else 0
    return OPERATOR_BYTES + 2 * size_of(key, op) + compiled


_operators: Cache[Operator | StaggeredOperator] = Cache(KEPT_BYTES, _size)

PLAIN = {type(None), bool, int, float, complex, str, Fraction}


class MutableError(TypeError):
    """A value that may change, or of which that is unknown."""


def structure(value: object) -> Hashable:
    """Return what is the same for two values only if they bind to the same plan.

    It is finer than equality: a coefficient 2 + 0j makes results complex, 2 does not, and a sum in
    another order may have other last digits.

    Raises
    ------
    MutableError
        If the value may change.
    """
    kind = type(value)
    if kind in PLAIN or is_symbolic(value):
        return kind, value
    if kind in (tuple, list):
        return kind, *map(structure, cast("Sequence[object]", value))
    if kind.__module__.startswith("findops."):
        if isinstance(value, Points):
            return kind, value
        if dataclasses.is_dataclass(value):
            parts = (getattr(value, each.name) for each in dataclasses.fields(value))
            return kind, *map(structure, parts)
    raise MutableError


def apply_unbound(
    expr: Expr,
    u: Fields,
    grid: GridLike,
    closure: Closures,
    at: Positions,
    fields: Mapping[str, object],
) -> Fields:
    """Bind to a grid, or to spacings that make one with the array, and apply."""
    if isinstance(u, Grid):
        raise TypeError(f"{expr!r}: the arguments are (u, grid), an array and then the grid")
    if isinstance(grid, Grid) or at is not None:
        return _bound_once(expr, as_grid(grid, None), closure, at, fields)(u)
    values: Any = as_field(u) if executor(u) is None else u
    made = as_grid(grid, tuple(values.shape)[input_rank(expr) :])
    op = _bound_once(expr, made, closure, None, fields)
    _check_given(expr, op, grid)
    return op(values)


def _check_given(expr: Expr, op: Operator | StaggeredOperator, grid: GridLike) -> None:
    """Refuse an axis that matters where {axis: spacing} leaves it out."""
    entries = [op] if isinstance(op, Operator) else [e for row in op.entries for e in row if e]
    terms = [term for entry in entries for term in entry.program.terms]
    for i in unspaced(grid, len(terms[0].bands) if terms else 0):
        if any(term.bands[i] is not None for term in terms) or expr.needs_coordinates:
            raise ValueError(f"{expr!r} needs the spacing of axis {i}, but only {grid} is given")
