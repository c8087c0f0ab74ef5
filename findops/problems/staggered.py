"""Systems whose components stand at different points."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from findops.discretization.positions import ends, starts
from findops.expressions.components import expand

if TYPE_CHECKING:
    from findops.expressions.expression import Expr, Positions
    from findops.grids.grid import Grid

__all__ = ["check_elimination", "settled"]


def settled(expr: Expr, grid: Grid, at: Positions) -> tuple[Grid, bool]:
    """Return the grid of a problem, and whether components stand at different points.

    A scalar stands on a grid of half points where positions say so.

    Raises
    ------
    ValueError
        If positions are not as many as components, or name an axis twice or one that is not there;
        if none are given, and terms do not meet at the points of the grid.
    """
    parts = expand(expr, grid)
    count = prod(parts.inputs)
    if at is not None:
        grids = starts(expr, grid, at, count)
        return (grid, True) if parts.inputs else (grids[0], False)
    return grid, len({*ends(expr, grid, (grid,) * count)} - {None}) > 1


def check_elimination(expr: Expr, impose: str) -> None:
    """Refuse other ways of imposing conditions on such components.

    Raises
    ------
    ValueError
        If another one is asked for.
    """
    if impose != "elimination":
        raise ValueError(
            f"{expr!r}: components at points of their own take conditions by impose='elimination', "
            f"not by {impose!r}"
        )
