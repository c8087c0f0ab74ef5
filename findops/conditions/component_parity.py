"""Odd and even continuation of systems: a parity for each component that all terms keep."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from findops.conditions.conditions import Trace
from findops.conditions.continuation import (
    Continuation,
    by_face,
    continued,
    given_derivative,
    varies,
)
from findops.conditions.equations import components_of
from findops.expressions.components import expand
from findops.expressions.derivative import Diff, Interpolate
from findops.expressions.expression import AlongAxis, Coef, factors_of, terms_of
from findops.schemes import Central

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from findops.conditions.conditions import Condition
    from findops.conditions.ghost_values import Rate
    from findops.conditions.walls import Wall
    from findops.expressions.components import Components
    from findops.expressions.expression import Closures, Expr
    from findops.grids.grid import Grid

__all__ = [
    "ComponentContinuation",
    "continued_by_component",
    "kept_by_parity",
    "parities_by_face",
]

ODD, EVEN = -1, 1

Parities = dict[int, int]
"""`ODD` or `EVEN` of components that are known."""


@dataclass(frozen=True, eq=False)
class ComponentContinuation(Continuation):
    """An operator that continues each component of a field in its own way."""

    parities: Mapping[str, Sequence[str]]
    """The closures of faces, for each component."""

    def closure(self, elsewhere: str | int = "accurate") -> Closures:
        made: dict[str, str | int | Sequence[str | int]] = dict.fromkeys(self.grid.faces, elsewhere)
        return made | dict(self.parities)


def continued_by_component(
    expr: Expr,
    grid: Grid,
    conditions: Iterable[Condition],
    fields: Mapping[str, object],
    rate: Rate | None,
    wanted: Callable[[Wall], bool] = lambda wall: True,  # noqa: ARG005
) -> Continuation:
    """Return how an operator continues a field, for each component where it has several.

    A component that vanishes on a face is odd, one whose slope does is even, and so is one that
    first derivatives across couple to an odd one, as the pressure of sound to the velocity at a
    rigid wall. The face is continued if so all components have a parity, and all terms keep it:
    central derivatives, whose coefficients do not vary across. Components that second derivatives
    act on need a condition of their own.

    The arguments are those of `continued`, which serves scalar operators.
    """
    listed = tuple(conditions)
    scalar = continued(expr, grid, listed, fields, rate, wanted)
    parts = expand(expr, grid)
    count = prod(parts.inputs)
    if count == 1 or parts.outputs != parts.inputs or rate is None or rate.source is not None:
        return scalar
    spread = tuple(single for condition in listed for single in by_face(condition, grid))
    parities = parities_by_face(parts, grid, spread)
    if not parities:
        return scalar
    left = tuple(c for c in spread if not (c.where in parities and kept_by_parity(c, grid)))
    return ComponentContinuation(expr, grid, fields, (), left, rate, parities)


def parities_by_face(
    parts: Components, grid: Grid, conditions: Sequence[Condition]
) -> dict[str, list[str]]:
    """Return the closures of all components at faces where each has a parity that all terms keep.

    Every condition is on one face, or on points inside.
    """
    count = prod(parts.inputs)
    made: dict[str, list[str]] = {}
    for face in grid.faces:
        here = [c for c in conditions if isinstance(c.where, str) and c.where == face]
        found = _parities(parts, grid, grid.face_axis(face), here, count)
        if found is not None:
            made[face] = ["odd" if found[c] == ODD else "even" for c in range(count)]
    return made


def kept_by_parity(condition: Condition, grid: Grid) -> bool:
    """Tell whether continuation keeps a condition; points on a face keep their own values."""
    i = grid.face_axis(condition.where)
    axis = grid.axes[i]
    return axis.walls[0] != axis.origin or given_derivative(condition, grid, i) != 0


def _parities(
    parts: Components, grid: Grid, axis: int, conditions: Sequence[Condition], count: int
) -> Parities | None:
    """Return the parities of all components at a face, None where they have none."""
    given = _given(conditions, grid, axis, count)
    orders = _orders(parts, grid, axis)
    if given is None or orders is None:
        return None
    found = dict(given)
    for row, col, order in orders:
        for known, other in ((row, col), (col, row)):
            if order == 1 and given.get(known) == ODD:
                found.setdefault(other, EVEN)
    kept = len(found) == count and all(
        found[row] == found[col] * (-1) ** order for row, col, order in orders
    )
    alone = all(col in given for _, col, order in orders if order == 2)
    return found if kept and alone else None


def _given(conditions: Sequence[Condition], grid: Grid, axis: int, count: int) -> Parities | None:
    """Return the parities that conditions on a face give, None if they give more or other."""
    found: Parities = {}
    for condition in conditions:
        expression = condition.expression
        derivative = given_derivative(condition, grid, axis)
        mixed = isinstance(expression, Trace) and Coef(0) not in expression.parts
        nonzero = callable(condition.value) or bool(np.any(condition.value))
        if mixed or nonzero or derivative not in (0, 1):
            return None
        for component in components_of(condition, count):
            parity = EVEN if derivative else ODD
            if found.setdefault(component, parity) != parity:
                return None
    return found


def _orders(parts: Components, grid: Grid, axis: int) -> list[tuple[int, int, int]] | None:
    """Return (row, column, order across) of all terms, None where some keep no parity."""
    found = []
    for (row, col), entry in parts.entries.items():
        for product in terms_of(entry):
            if product == Coef(0):
                continue
            factors = factors_of(product)
            across = [f for f in factors if isinstance(f, AlongAxis) and f.axis == axis]
            central = all(
                isinstance(f, Interpolate)
                or (isinstance(f, Diff) and isinstance(f.scheme, Central))
                for f in across
            )
            order = sum(f.order for f in across if isinstance(f, Diff))
            if not central or order > 2 or any(varies(f, axis, grid) for f in factors):
                return None
            found.append((row, col, order))
    return found
