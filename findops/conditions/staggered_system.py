"""Systems of components at points of their own, under conditions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Number
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

import numpy as np

from findops.common.arrays import as_field
from findops.conditions.conditions import as_conditions
from findops.conditions.elimination import EliminationSystem
from findops.conditions.equations import Equations, accuracies, components_of
from findops.conditions.flat_operator import FlatOperator
from findops.discretization.positions import described
from findops.masked.staggered import StaggeredMasked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import LinearOperator

    from findops.common.arrays import Array, Ints
    from findops.conditions.beyond_walls import BetweenPoints
    from findops.conditions.conditions import Condition, Place
    from findops.conditions.elimination import OnWall
    from findops.grids.grid import Grid
    from findops.operators.staggered import StaggeredOperator
    from findops.operators.staggered_fields import Fields

__all__ = ["FieldSystem", "Placed", "StaggeredSystem", "WallData", "accuracies_of", "placed"]


class Placed(NamedTuple):
    """A condition on one component, and where it holds; nowhere if it is a mean."""

    component: int
    condition: Condition
    place: Place | None


def placed(conditions: Sequence[Condition], grids: Sequence[Grid]) -> tuple[Placed, ...]:
    """Return conditions for each of their components, on each of their faces."""
    made = []
    for condition in conditions:
        for c in components_of(condition, len(grids)):
            if condition.is_mean:
                made.append(Placed(c, replace(condition, component=c), None))
            for place in condition.places(grids[c]):
                where = condition.where if place.face is None else place.face
                made.append(Placed(c, replace(condition, where=where, component=c), place))
    return tuple(made)


def accuracies_of(op: StaggeredOperator | StaggeredMasked) -> tuple[int, tuple[int, ...]]:
    """Return the least order of accuracy of an operator, all and by axis."""
    whole = op.operator if isinstance(op, StaggeredMasked) else op
    return accuracies((e for row in whole.entries for e in row if e), op.domain[0].ndim)


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

    @classmethod
    def of_bound(cls, op: StaggeredOperator | StaggeredMasked, conditions: Any) -> Self:
        """Return the system of a bound operator under conditions, one or several.

        Raises
        ------
        ValueError
            If a component has no points on the face of its condition: what lies beyond was settled
            when the operator was bound.
        """
        listed = as_conditions(conditions)
        each = placed(listed, op.domain)
        for component, condition, place in each:
            if place is not None and not place.on_points:
                raise ValueError(
                    f"{condition!r}: component {component} of {op!r} stands at "
                    f"{described(op.domain[component])}, none of which lie on {place.face}, and "
                    "the operator is bound: BVP, EVP and IVP take the expression, with at=, and "
                    "let conditions give what lies beyond"
                )
        at_points = [single.condition for single in each]
        return cls.over(FlatOperator.plain(op), at_points, listed, ())

    @classmethod
    def over(
        cls,
        flat: FlatOperator,
        at_points: Sequence[Condition],
        given: tuple[Condition, ...],
        ghosts: tuple[OnWall, ...],
    ) -> Self:
        """Return the system of an operator that reads beyond walls what conditions give there.

        Parameters
        ----------
        at_points : sequence of Condition
            Those that stand for equations, each on one face and component.
        given : tuple of Condition
            All of them, as they were given.
        ghosts : tuple of OnWall
            What data at walls add.

        Raises
        ------
        ValueError
            If components are not mapped to components at the same points, or conditions do not
            determine the values at their points.
        """
        op = flat.op
        if op.domain != op.range or op.inputs.components != op.outputs.components:
            raise ValueError(
                f"{op!r} must map components to components at the same points, but maps "
                f"{op.inputs.described} to {op.outputs.described}"
            )
        valid = None
        if isinstance(op, StaggeredMasked):
            valid = np.concatenate([mask.ravel() for mask in op.masks])
        equations = Equations.over(flat.values, at_points, *accuracies_of(op), valid)
        made = cls(flat, equations, ghosts, given)
        made.check_rows()
        made.elimination.check()
        return made

    @cached_property
    def outside(self) -> Ints:
        op = cast("FlatOperator", self.operator).op
        if not isinstance(op, StaggeredMasked):
            return np.zeros(0, np.intp)
        return np.flatnonzero(~np.concatenate([mask.ravel() for mask in op.masks]))

    def check_rows(self) -> None:
        op = cast("FlatOperator", self.operator).op
        if not isinstance(op, StaggeredMasked):
            return
        without = ~np.concatenate([part.ravel() for part in op.defined])
        without[self.outside] = without[self.equations.replaced] = False
        if not without.any():
            return
        first = np.flatnonzero(without)[:1]
        (component,) = self.values.owner(first)
        index = tuple(int(place[0]) for place in self.values.places(first))
        raise ValueError(
            f"{self!r}: the operator has no value at {without.sum()} valid points, component "
            f"{component} at {index} first, where too few points stand in a row: give conditions "
            "there, or mask them out"
        )

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


@dataclass(frozen=True, eq=False, repr=False)
class FieldSystem:
    """The affine system that conditions make of a bound operator; fields are tuples of arrays.

    Made by ``op.subject_to(conditions)``. Vectors are flat: the unknowns of one component after the
    other.
    """

    system: StaggeredSystem

    @property
    def matrix(self) -> csr_array:
        """The matrix of the system, in CSR form."""
        return self.system.matrix

    @property
    def symmetric(self) -> bool:
        """Whether the matrix equals its transpose to roundoff, conjugated where it is complex."""
        return self.system.symmetric

    @property
    def null_vectors(self) -> Array:
        """Vectors that the matrix maps to zero, orthonormal columns (n, k)."""
        return self.system.null_vectors

    def aslinearoperator(self) -> LinearOperator:
        """Return the system as SciPy's LinearOperator, without the matrix."""
        return self.system.aslinearoperator()

    def rhs(self, f: Fields = 0, t: float | None = None) -> Array:
        """Return the right-hand side of op(u) = f under the conditions, (n,)."""
        return self.system.rhs(self.system.packed(f, "the right-hand side"), t)

    def restrict(self, u: Fields) -> Array:
        """Return the unknowns of fields, (n,)."""
        return self.system.restrict(self.system.packed(u, "u"))

    def lift(self, x: ArrayLike, t: float | None = None) -> tuple[Array, ...]:
        """Return the fields that the unknowns and the conditions make."""
        return self.system.unpacked(self.system.lift(x, t))

    def __repr__(self) -> str:
        return repr(self.system)
