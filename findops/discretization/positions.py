"""Where the components of fields stand: at nodes, or at half points along some axes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, TypeAlias

from findops.discretization.products import after, written
from findops.expressions.components import Compound, closed, expand, on_index
from findops.expressions.derivative import Diff, Interpolate, StaggeredDiff
from findops.expressions.expression import Coef, Product, Sum
from findops.grids.axes import Half

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from findops.expressions.components import Components, Derivative
    from findops.expressions.expression import AxisName, Expr, Position, Positions
    from findops.grids.grid import Grid

    Place: TypeAlias = Grid | None
    Places: TypeAlias = tuple[Place, ...]

__all__ = ["ADVICE", "described", "ends", "position", "starts"]

ADVICE = (
    'at=[…] says where components stand, as in at=["x", "y", None]: each names the axes along '
    "which it stands at half points"
)


def starts(expr: Expr, grid: Grid, at: Positions, count: int) -> tuple[Grid, ...]:
    """Return the points at which the components of the field stand that is operated on.

    Raises
    ------
    ValueError
        If positions are not as many as components, or name an axis twice or one that is not there;
        if the grid itself is one of half points.
    TypeError
        If a position is neither None nor made of axes.
    """
    halves = [grid.called(i) for i, axis in enumerate(grid.axes) if isinstance(axis, Half)]
    if halves:
        raise ValueError(
            f"{expr!r}: at= counts from a grid of nodes, but this one is at half points along "
            f"{', '.join(halves)}: give grid.half(…) of it"
        )
    listed = _listed(at, count)
    if len(listed) != count:
        raise ValueError(
            f"{expr!r} operates on {count} component{'s' * (count != 1)}, but at= has "
            f"{len(listed)} position{'s' * (len(listed) != 1)}: {at!r}"
        )
    return tuple(_placed(each, i, grid) for i, each in enumerate(listed))


def _listed(at: Positions, count: int) -> Sequence[Position]:
    """Return positions as a list of one for each component; a tuple is that of a single one."""
    if isinstance(at, list) or (isinstance(at, tuple) and count > 1):
        return at
    return [at]  # type: ignore[list-item]  # what is no position is refused one by one


def _placed(position: Position, component: int, grid: Grid) -> Grid:
    names: Sequence[AxisName]
    if position is None:
        names = ()
    else:
        names = position if isinstance(position, (tuple, list)) else (position,)
    placed = grid
    seen: set[int] = set()
    for name in names:
        axis = grid.index(name)
        if axis in seen:
            raise ValueError(
                f"at=: component {component} names the axis {grid.called(axis)} twice: {position!r}"
            )
        seen.add(axis)
        placed = placed.half(axis)
    return placed


def position(grid: Grid) -> Position:
    """Return the position of a component by its grid, as `at` names it."""
    names = tuple(grid.names[i] for i, axis in enumerate(grid.axes) if isinstance(axis, Half))
    return names if len(names) > 1 else next(iter(names), None)


def described(grid: Grid) -> str:
    """Say where a component stands, for messages."""
    names = [grid.called(i) for i, axis in enumerate(grid.axes) if isinstance(axis, Half)]
    return f"half points of {' and '.join(names)}" if names else "nodes"


def ends(expr: Expr, grid: Grid, places: Places) -> Places:
    """Return where the components of the result stand, None where they are zero.

    A derivative to half points, or to nodes, moves what it acts on, also where products of several
    cancel, as in the curl of a gradient.

    Parameters
    ----------
    expr : expression
        One whose components fit.
    grid : Grid
        What names its axes.
    places : tuple of Grid or None
        Where the components stand that it acts on.

    Raises
    ------
    ValueError
        If what acts on a component does not start where that stands, or what adds up to one does
        not end at the same points.
    """
    node = closed(expr)
    match node:
        case Sum():
            columns = zip(*(ends(term, grid, places) for term in node.terms), strict=True)
            names = list(map(repr, node.terms))
            return tuple(
                _common(f"the terms of {expr!r} do not meet", zip(names, column, strict=True))
                for column in columns
            )
        case Product():
            for factor in reversed(node.factors):
                places = ends(factor, grid, places)
            return places
        case Compound():
            parts = expand(node, grid)
            if parts.outputs or parts.inputs:
                return tuple(_row(node, i, parts, grid, places) for i in range(prod(parts.outputs)))
            return ends(parts.entries[0, 0], grid, places)
        case Diff() | Interpolate() | StaggeredDiff():
            item = on_index(node, grid)
            return tuple(None if place is None else _after(item, place) for place in places)
        case _:
            return places


def _row(node: Compound, row: int, parts: Components, grid: Grid, places: Places) -> Place:
    """Return where one component of the result of a compound stands."""
    found = []
    for (i, j), entry in sorted(parts.entries.items()):
        start = places[j]
        if i != row or start is None or entry == Coef(0):
            continue
        name = f"component {j} (at {described(start)})"
        try:
            [end] = ends(entry, grid, (start,))
        except ValueError as error:
            raise ValueError(f"row {row} of {node!r}: {name} does not fit: {error}") from None
        found.append((name, end))
    return _common(f"row {row} of {node!r} does not meet", found)


def _common(what: str, found: Iterable[tuple[str, Place]]) -> Place:
    """Return the points that all are at which are known."""
    known = [(name, place) for name, place in found if place is not None]
    for name, place in known[1:]:
        first, target = known[0]
        if place != target:
            raise ValueError(
                f"{what}: {first} ends at {described(target)}, {name} at {described(place)}"
            )
    return known[0][1] if known else None


def _after(item: Derivative, place: Grid) -> Grid:
    here = place.position(int(item.axis))
    start = "nodes" if item.to == "half" else "half points"
    if item.to is not None and here != start:
        raise ValueError(
            f"{written(item, place)} maps values from {start}, but along "
            f"{place.called(int(item.axis))} they are at {here} where it stands"
        )
    return after(item, place)
