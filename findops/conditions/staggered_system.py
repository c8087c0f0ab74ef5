"""Systems of components at points of their own, under conditions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from findops.conditions.affine_system import matrix_rows
from findops.conditions.elimination import EliminationSystem
from findops.conditions.finite_coefficients import not_finite, rows_not_finite, undefined_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scipy.sparse import csr_array

    from findops.common.arrays import Array, Ints
    from findops.conditions.beyond_walls import BetweenPoints
    from findops.conditions.conditions import Condition
    from findops.conditions.field_values import FieldValues
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

    @property
    def _flat(self) -> FlatOperator:
        return cast("FlatOperator", self.operator)

    @property
    def values(self) -> FieldValues:
        return self._flat.values

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the vectors of all values."""
        return (self.values.size,)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return self.given

    @cached_property
    def diagonal(self) -> Array:
        return self._flat.diagonal()

    def check_finite(self, op: Any) -> None:
        for i, row in enumerate(cast("FlatOperator", op).op.entries):
            start, stop = self.values.starts[i : i + 2]
            held = np.setdiff1d(self.free, self.equations.replaced)
            held = held[(start <= held) & (held < stop)] - start
            for entry in row:
                which = not_finite(entry.program) if entry is not None else ""
                if entry is None or not which:
                    continue
                wrong = held[rows_not_finite(matrix_rows(entry, held))]
                if wrong.size:
                    raise ValueError(undefined_at(entry, which, wrong))
