"""Systems whose components stand at different points."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from findops.discretization.positions import ends
from findops.expressions.components import expand

if TYPE_CHECKING:
    from findops.expressions.expression import Expr, Positions
    from findops.grids.grid import Grid

__all__ = ["check_elimination", "is_staggered"]


def is_staggered(expr: Expr, grid: Grid, at: Positions) -> bool:
    """Tell whether components of an expression stand at different points, or are said to.

    Raises
    ------
    ValueError
        If no positions are given, and terms do not meet at those of the grid.
    """
    if at is not None:
        return True
    count = prod(expand(expr, grid).inputs)
    return len({*ends(expr, grid, (grid,) * count)} - {None}) > 1


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
