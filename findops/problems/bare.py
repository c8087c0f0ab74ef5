"""Conditions on fields without an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from findops.boundary import AffineSystem
from findops.equations import Equations
from findops.operator import Operator
from findops.stencil import Layout, Program

if TYPE_CHECKING:
    from collections.abc import Iterable

    from findops.conditions import Condition
    from findops.grid import Grid

__all__ = ["bare"]


def bare(
    grid: Grid, components: tuple[int, ...], conditions: Iterable[Condition], acc: int
) -> AffineSystem:
    """Return what conditions make of bare fields: the system of the identity.

    It lifts and restricts for equations that are no expression.
    """
    plan = Program.identity(Layout(components, grid.shape))
    none = ((0, 0),) * grid.ndim
    op = Operator(plan, grid, grid, none, none, "identity")
    return AffineSystem(op, Equations.of(op, conditions, acc), "elimination")
