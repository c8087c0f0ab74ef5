"""Systems whose components stand at different points, which problems do not take."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from findops.discretization.positions import ends
from findops.expressions.components import expand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from findops.expressions.expression import Expr
    from findops.grids.grid import Grid

__all__ = ["check_same_points"]


def check_same_points(expr: Expr, grid: Grid, fields: Mapping[str, object]) -> None:
    """Refuse an expression whose components stand at different points.

    Raises
    ------
    ValueError
        If they do, or positions are given.
    """
    count = prod(expand(expr, grid).inputs)
    if "at" in fields or len({*ends(expr, grid, (grid,) * count)} - {None}) > 1:
        raise ValueError(
            f"{expr!r}: BVP, EVP and IVP are not made for components at different points; "
            "E.on(grid, at=[…]) applies the operator, and its matrix() is that of the system"
        )
