"""Simultaneous approximation terms: conditions imposed weakly, by penalties in the equations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.conditions.affine_system import AffineSystem
from findops.conditions.boundary_terms import time_sign
from findops.conditions.conditions import Interface, as_conditions
from findops.conditions.equations import Equations, components_of
from findops.conditions.penalties import Face, Penalty, interface_penalties

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from findops.common.arrays import Array
    from findops.conditions.conditions import Condition
    from findops.discretization.coefficients import ValueInTime
    from findops.operators.operator import Operator


__all__ = ["PenaltySystem"]


@dataclass(frozen=True, eq=False)
class PenalizedCondition:
    """A condition on a face, and the penalties that impose it."""

    condition: Condition
    given: ValueInTime
    penalties: tuple[Penalty, ...]

    def added(self, t: float | None, shape: tuple[int, ...]) -> Iterator[tuple[int, Array]]:
        """Yield components, and what the given values add to their equations at a time."""
        g = np.broadcast_to(self.given(t), self.given.grid.shape)
        for penalty in self.penalties:
            yield penalty.row, penalty.data(g, shape)


@dataclass(frozen=True, eq=False, repr=False)
class PenaltySystem(AffineSystem):
    """An operator with penalties on its conditions; every value of the fields is an unknown.

    ``operator`` has the penalties in it: op(u) + penalty·(trace(u) − value) = f.
    """

    penalized: tuple[PenalizedCondition, ...]

    _shown_as = "PenaltySystem"

    @classmethod
    def of(cls, op: Operator, conditions: Any) -> PenaltySystem:
        """Return the system of an operator with penalties on conditions, one or several.

        Advection is held where it enters, with its speed as the penalty. In second derivatives,
        values are held by the transposed boundary derivative, which keeps symmetry, and by a
        penalty above what energy estimates need; slopes by the flux that they stand for.

        Raises
        ------
        ValueError
            If derivatives across the face of a condition do not sum by parts, or no penalty holds
            it.

        References
        ----------
        Carpenter, Gottlieb and Abarbanel (1994), J. Comput. Phys. 111, 220-236; Mattsson, Ham and
        Iaccarino (2009), J. Sci. Comput. 41, 366-383; Svärd and Nordström (2014), J. Comput. Phys.
        268, 17-38.
        """
        listed, sign = as_conditions(conditions), time_sign(op)
        penalized = tuple(
            made for condition in listed for made in _penalized(op, condition, listed, sign)
        )
        shape = op.program.inputs.points
        added = tuple(
            chain
            for each in penalized
            for penalty in each.penalties
            for chain in penalty.chains(shape[penalty.axis], len(shape))
        )
        whole = replace(op, program=replace(op.program, parts=op.program.parts + added))
        return cls(whole, Equations((), (), op.shape[0], 2, (2,) * op.domain.ndim), penalized)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return tuple({id(each.condition): each.condition for each in self.penalized}.values())

    def prescribed(self) -> Iterator[tuple[Condition, Array | None]]:
        for each in self.penalized:
            yield each.condition, each.given(None) if each.given.steady else None

    @property
    def steady(self) -> bool:
        return all(each.given.steady for each in self.penalized)

    def offset(self, t: float | None) -> Array | None:
        if not self.steady:
            return self._data_at(t)
        return self._steady_data if self._steady_data.any() else None

    @cached_property
    def _steady_data(self) -> Array:
        return self._data_at(None)

    def _data_at(self, t: float | None) -> Array:
        points = self.values.grid.shape
        added: list[Any] = [np.zeros(points)] * self.values.components
        for each in self.penalized:
            for row, data in each.added(t, points):
                added[row] = added[row] + data
        return np.stack(added).reshape(self.shape)

    def _rhs(self, f: Array, t: float | None) -> Array:  # noqa: ARG002  # no condition is strong
        return self.unknowns.of(f)

    def _residual(self, left: Array, u: Array, t: float | None) -> Array:  # noqa: ARG002  # no condition is strong
        return left


def _penalized(
    op: Operator, condition: Condition, every: Iterable[Condition], sign: int
) -> Iterator[PenalizedCondition]:
    """Yield a condition with its penalties, face by face."""
    if condition.is_mean or not isinstance(condition.where, str):
        raise ValueError(f"{condition!r}: impose='sat' holds conditions on faces")
    columns = components_of(condition, op.program.inputs.count)
    for place in condition.places(op.domain):
        assert place.face is not None
        face = Face(op, place.face, sign)
        if isinstance(condition, Interface):
            penalties = list(interface_penalties(face, Face(op, condition.other, sign), condition))
        else:
            others = _valued(every, place.face, op)
            penalties = [p for j in columns for p in face.penalties(condition, j, others)]
        if not penalties:
            raise ValueError(
                f"{condition!r}: no penalty holds it: nothing enters through {place.face}, and no "
                "second derivative acts across it; leave it out, or impose it by elimination"
            )
        given = condition.given(place.grid(op.domain), place)
        yield PenalizedCondition(condition, given, tuple(penalties))


def _valued(conditions: Iterable[Condition], face: str, op: Operator) -> set[int]:
    """Return the components whose values are given on a face."""
    given = (c for c in conditions if isinstance(c.where, str) and not c.differentiates)
    here = (c for c in given if c.where in (face, "boundary"))
    return {j for c in here for j in components_of(c, op.program.inputs.count)}
