"""Operators with holes in problems: what they may be given with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from findops.masked.staggered import StaggeredMasked

if TYPE_CHECKING:
    from findops.grids.grid import Grid
    from findops.masked.operator import Masked

__all__ = ["check_masked"]


def check_masked(op: Masked | StaggeredMasked, grid: Grid, unused: dict[str, object]) -> None:
    """Refuse a grid that is not the operator's, and what belongs to expressions.

    Raises
    ------
    ValueError
        If the grid is another one.
    TypeError
        If anything is given that a bound operator has settled.
    """
    own = op.nodes if isinstance(op, StaggeredMasked) else op.domain
    if own != grid:
        raise ValueError(f"{op!r} lives on {own!r}, but the problem on {grid!r}")
    given = sorted(name for name, value in unused.items() if value is not None)
    if given:
        raise TypeError(f"{op!r} is bound, and takes no {', '.join(given)}: give them to L.on(…)")
