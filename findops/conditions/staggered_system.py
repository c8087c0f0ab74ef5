"""Systems of components at points of their own, under conditions."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Number
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from findops.common.arrays import as_field
from findops.conditions.elimination import EliminationSystem

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.beyond_walls import BetweenPoints
    from findops.conditions.conditions import Condition
    from findops.conditions.flat_operator import FlatOperator

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

    def packed(self, fields: object, what: str) -> Array:
        """Return a number for all components, or one number or array for each, as a flat vector.

        Raises
        ------
        ValueError
            If there are more or fewer, or a shape does not fit.
        TypeError
            If they are no numbers, or one array for components of several shapes.
        """
        op = cast("FlatOperator", self.operator).op
        if isinstance(fields, Number):
            return np.full(self.values.size, as_field(cast("Any", fields)))
        made = []
        for n, part in enumerate(op.inputs.parts(fields, op, what)):
            values, grid = as_field(part), op.domain[n]
            if values.ndim and values.shape != grid.shape:
                raise ValueError(
                    f"{op!r}: component {n} of {what} needs the shape {grid.shape}, but has "
                    f"{values.shape}"
                )
            made.append(np.broadcast_to(values, grid.shape).ravel())
        return np.concatenate(made)

    def unpacked(self, values: Array) -> tuple[Array, ...]:
        """Return an array for each component of vectors (…, values), time or number first."""
        op = cast("FlatOperator", self.operator).op
        return tuple(op.inputs.split(values))

    def check_read(self) -> None:
        """Refuse values that no equation reads, and that nothing determines.

        Raises
        ------
        ValueError
            If there are some, as of a pressure at nodes in the corners of walls.
        """
        read = np.bincount(self.matrix.indices, minlength=self.size)[: self.count]
        unread = self.free[read == 0]
        if not unread.size:
            return
        (c,) = self.values.owner(unread[:1])
        index = tuple(int(place[0]) for place in self.values.places(unread[:1]))
        raise ValueError(
            f"{self!r}: no equation reads component {c} at {index}, nor at {unread.size - 1} other "
            "points, where conditions stand for the equations that would: let the walls lie where "
            "it has no points, as on a grid of Cells, or give it a condition there"
        )

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return self.given
