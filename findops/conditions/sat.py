"""Conditions imposed weakly: penalties that hold them, by simultaneous approximation terms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.conditions.affine_system import AffineSystem
from findops.conditions.boundary_terms import sense
from findops.conditions.conditions import Interface, as_conditions
from findops.conditions.equations import Equations, components_of
from findops.conditions.penalties import Face, Penalty, coupled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike

    from findops.common.arrays import Array
    from findops.conditions.conditions import Condition
    from findops.discretization.coefficients import InTime
    from findops.operators.operator import Operator


__all__ = ["WeakSystem", "impose_sat"]


@dataclass(frozen=True, eq=False)
class Held:
    """A condition on a face, and the penalties that hold it."""

    condition: Condition
    given: InTime
    penalties: tuple[Penalty, ...]

    def __call__(self, t: float | None, shape: tuple[int, ...]) -> Iterator[tuple[int, Array]]:
        """Yield components, and what is added to their equations at a time."""
        g = np.broadcast_to(self.given(t), self.given.grid.shape)
        for penalty in self.penalties:
            yield penalty.row, penalty.data(g, shape)


@dataclass(frozen=True, eq=False, repr=False)
class WeakSystem(AffineSystem):
    """An operator with penalties on its conditions; all unknowns stay.

    ``operator`` has the penalties in it: op(u) + penalty·(trace(u) − value) = f.
    """

    held: tuple[Held, ...] = ()
    penalized: Operator | None = None
    """The operator without penalties."""

    def prescribed(self) -> Iterator[tuple[Condition, Array | None]]:
        for one in self.held:
            yield one.condition, one.given(None) if one.given.steady else None

    @property
    def steady(self) -> bool:
        return all(one.given.steady for one in self.held)

    def applied(self, u: ArrayLike, t: float | None) -> Array:
        return np.asarray(self.operator(u) + self.given(t))

    def rhs(self, f: ArrayLike = 0, t: float | None = None) -> Array:
        return super().rhs(f, t) - self.given(t).ravel()

    def given(self, t: float | None) -> Array:
        """Return what the values of conditions add to the equation, (*components, *grid)."""
        return self._always if self.steady else self._at(t)

    @cached_property
    def _always(self) -> Array:
        return self._at(None)

    def _at(self, t: float | None) -> Array:
        layout = self.operator.program.inputs
        added: list[Any] = [np.zeros(layout.points)] * layout.count
        for one in self.held:
            for row, data in one(t, layout.points):
                added[row] = added[row] + data
        return np.stack(added).reshape(layout.shape)

    def __repr__(self) -> str:
        listed = ", ".join(str(one.condition) for one in self.held)
        return f"<WeakSystem {self.operator.label}; {listed or 'no conditions'}>"


def impose_sat(op: Operator, conditions: Any) -> WeakSystem:
    """Return an operator with penalties on conditions.

    Advection is held where it enters, with its speed as the penalty. In second derivatives, values
    are held by the transposed boundary derivative, which keeps symmetry, and by a penalty above
    what energy estimates need; slopes by the flux that they stand for.

    Raises
    ------
    ValueError
        If derivatives across the face of a condition do not sum by parts, or no penalty holds it.

    References
    ----------
    Carpenter, Gottlieb and Abarbanel (1994), J. Comput. Phys. 111, 220-236; Mattsson, Ham and
    Iaccarino (2009), J. Sci. Comput. 41, 366-383; Svärd and Nordström (2014), J. Comput. Phys. 268,
    17-38.
    """
    listed, direction = as_conditions(conditions), sense(op)
    held = tuple(one for condition in listed for one in _holds(op, condition, listed, direction))
    shape = op.program.inputs.points
    added = tuple(
        chain
        for one in held
        for penalty in one.penalties
        for chain in penalty.chains(shape[penalty.axis], len(shape))
    )
    whole = replace(op, program=replace(op.program, parts=op.program.parts + added))
    none = Equations((), (), op.shape[0], 2)
    return WeakSystem(whole, none, "elimination", held, op)


def _holds(
    op: Operator, condition: Condition, every: Iterable[Condition], direction: int
) -> Iterator[Held]:
    """Yield the penalties of a condition, face by face."""
    if condition.is_mean or not isinstance(condition.where, str):
        raise ValueError(f"{condition!r}: impose='sat' holds conditions on faces")
    columns = components_of(condition, op.program.inputs.count)
    for place in condition.places(op.domain):
        assert place.face is not None
        face = Face(op, place.face, direction)
        if isinstance(condition, Interface):
            penalties = list(coupled(face, Face(op, condition.other, direction), condition))
        else:
            others = _valued(every, place.face, op)
            penalties = [p for j in columns for p in face.penalties(condition, j, others)]
        if not penalties:
            raise ValueError(
                f"{condition!r}: no penalty holds it: nothing enters through {place.face}, and no "
                "second derivative acts across it; leave it out, or impose it by elimination"
            )
        yield Held(condition, condition.given(place.grid(op.domain), place), tuple(penalties))


def _valued(conditions: Iterable[Condition], face: str, op: Operator) -> set[int]:
    """Return the components whose values are given on a face."""
    given = (c for c in conditions if isinstance(c.where, str) and not c.differentiates)
    here = (c for c in given if c.where in (face, "boundary"))
    return {j for c in here for j in components_of(c, op.program.inputs.count)}
