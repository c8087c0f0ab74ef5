"""Systems of components at points of their own, under conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from findops.conditions.elimination import EliminationSystem

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.beyond_walls import BetweenPoints
    from findops.conditions.conditions import Condition

__all__ = ["StaggeredSystem", "WallData"]


@dataclass(frozen=True, eq=False)
class WallData:
    """What data at a wall between points add to an operator's values."""

    wall: BetweenPoints
    response: csr_array
    """What the operator makes of them, (values, points of the wall)."""

    @property
    def steady(self) -> bool:
        """Whether the data are the same at all times."""
        return self.wall.given.steady

    def offset(self, t: float | None) -> Array:
        """Return what they add at a time, at all points, flat."""
        given = np.broadcast_to(self.wall.given(t), self.wall.points.shape)
        return np.asarray(self.response @ given.ravel())


@dataclass(frozen=True, eq=False, repr=False)
class StaggeredSystem(EliminationSystem):
    """An operator on flat vectors of all components, under conditions.

    Where a component has points on a wall, its condition stands for the equation there; where it
    has none, the operator reads values beyond the wall that the condition gives, and the equations
    of all points stay.
    """

    given: tuple[Condition, ...] = ()
    """The conditions as they were given, on all faces and components."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return self.given
