"""Elimination: conditions solved for the unknowns at their points, which are substituted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from scipy import sparse

from findops.common.factors import Factors
from findops.conditions.affine_system import AffineSystem, Unknowns
from findops.conditions.conditions import as_conditions
from findops.conditions.equations import Equations
from findops.conditions.given_points import ending_at_given_points
from findops.operators.operator import Operator
from findops.plan.program import Layout, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.conditions import Condition
    from findops.discretization.coefficients import ValueInTime
    from findops.grids.grid import Grid
    from findops.masked.operator import Masked


__all__ = ["ConditionElimination", "EliminationSystem"]

ZERO_PIVOT = 1e-13
"""Size of a pivot, in rows of size one, that is zero in exact arithmetic."""

DEPENDENCE_DEPTH = 8
"""How far conditions may depend on each other one by one: as deep as a grid has axes, and more."""

SMALLEST_SCALE = np.finfo(float).tiny
"""What stands for the size of rows of zeros, which are divided by it."""


class Given(Protocol):
    """A wall, with what is given there."""

    @property
    def condition(self) -> Condition: ...

    @property
    def given(self) -> ValueInTime: ...


class OnWall(Protocol):
    """What data at a wall add to an operator that continues fields beyond it."""

    @property
    def wall(self) -> Given: ...

    @property
    def steady(self) -> bool:
        """Whether the data are the same at all times."""

    def offset(self, t: float | None) -> Array:
        """Return what they add at a time, at all points."""


@dataclass(frozen=True, eq=False, repr=False)
class EliminationSystem(AffineSystem):
    """An operator under conditions C u = g, solved for as many unknowns, those at their points.

    These are substituted; the others, the free ones, are the unknowns of the system.
    """

    ghosts: tuple[OnWall, ...] = ()
    """What data at walls add where the operator continues fields beyond them."""

    @classmethod
    def of(
        cls, op: Operator | Masked, conditions: Any, ghosts: tuple[OnWall, ...] = ()
    ) -> EliminationSystem:
        """Return the system of an operator under conditions, one or several.

        Raises
        ------
        ValueError
            If they do not determine the unknowns at their points.
        """
        equations = Equations.of(op, as_conditions(conditions))
        system = cls(ending_at_given_points(op, equations), equations, ghosts)
        system.check_rows()
        system.elimination.check()
        return system

    @classmethod
    def of_fields(
        cls, grid: Grid, components: tuple[int, ...], conditions: Iterable[Condition], acc: int
    ) -> EliminationSystem:
        """Return the system of the identity, traces of an order of accuracy.

        It lifts and restricts for equations that are no expression.
        """
        plan = Program.identity(Layout(components, grid.shape))
        none = ((0, 0),) * grid.ndim
        op = Operator(plan, grid, grid, none, none, ("identity",))
        return cls(op, Equations.of(op, conditions, acc))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        listed = (*super().conditions, *(ghost.wall.condition for ghost in self.ghosts))
        return tuple({id(condition): condition for condition in listed}.values())

    def prescribed(self) -> Iterator[tuple[Condition, Array | None]]:
        yield from super().prescribed()
        for ghost in self.ghosts:
            given = ghost.wall.given
            yield ghost.wall.condition, given(None) if given.steady else None

    @property
    def steady(self) -> bool:
        return super().steady and all(ghost.steady for ghost in self.ghosts)

    def offset(self, t: float | None) -> Array | None:
        if not self.ghosts:
            return None
        moving = (ghost.offset(t) for ghost in self.ghosts if not ghost.steady)
        return sum(moving, self._steady_offset)

    @cached_property
    def _steady_offset(self) -> Array:
        return cast("Array", sum((g.offset(None) for g in self.ghosts if g.steady), np.zeros(())))

    @cached_property
    def unknowns(self) -> Unknowns:
        """The values of the fields that no condition is solved for."""
        return Unknowns(self.shape, np.concatenate([self.equations.replaced, self.outside]))

    @cached_property
    def elimination(self) -> ConditionElimination:
        """The conditions, solved for the unknowns at their points."""
        return ConditionElimination(self.equations, self.unknowns.is_free)

    def in_unknowns(self, rows: csr_array) -> csr_array:
        return self.elimination.in_free(rows)

    def impose(self, u: Array, t: float | None) -> None:
        self.elimination.write(u, self.equations.values(t))

    def _lifted(self, x: Array, given: Array) -> Array:
        u = super()._lifted(x, given)
        self.elimination.write(u, given)
        return u

    def _rhs(self, f: Array, t: float | None) -> Array:
        right = self.unknowns.of(f)
        if not self.equations.values(t).any():
            return right
        # The operator needs no matrix to tell what the given values contribute.
        return right - self.unknowns.of(self.operator(self.lift(np.zeros(self.size), t)))

    def _residual(self, left: Array, u: Array, t: float | None) -> Array:  # noqa: ARG002  # u holds them
        left[self.equations.replaced] = left[self.outside] = 0
        return left


@dataclass(frozen=True, eq=False)
class ConditionElimination:
    """The solution u_B = C_B⁻¹ g − S x of the conditions C u = g, where x are the free unknowns."""

    equations: Equations
    is_free: NDArray[np.bool_]

    def __getstate__(self) -> dict[str, Any]:
        # What is prepared can be made again, and holds functions, which do not pickle.
        return {"equations": self.equations, "is_free": self.is_free}

    def __call__(self, u: Array, g: Array) -> Array:
        """Return the unknowns at the conditions' points, given all unknowns and g."""
        return self._solve(g - self._coupling @ u if self._coupling.nnz else g)

    def write(self, u: Array, g: Array) -> None:
        """Write the unknowns at the conditions' points into a contiguous field, given g."""
        if g.size:
            flat = u.reshape(-1)
            # Complex values do not lose their imaginary part.
            values = self(flat, g).astype(u.dtype, casting="same_kind", copy=False)
            flat[self.equations.replaced] = values

    def in_free(self, rows: csr_array) -> csr_array:
        """Return rows that multiply all unknowns as rows that multiply the free ones."""
        bound = rows[:, self.equations.replaced] @ self.substituted
        return sparse.csr_array(rows[:, np.flatnonzero(self.is_free)] - bound)

    @cached_property
    def _split(self) -> tuple[csr_array, csr_array]:
        """The matrix of the conditions on the unknowns at their points, and on the others."""
        rows, replaced = self.equations.matrix.tocoo(), self.equations.replaced
        order = np.argsort(replaced)
        nearest = np.searchsorted(replaced[order], rows.col).clip(max=len(replaced) - 1)
        own = replaced[order[nearest]] == rows.col if len(replaced) else np.zeros(0, dtype=bool)
        inside = (rows.data[own], (rows.row[own], order[nearest[own]]))
        others = (rows.data[~own], (rows.row[~own], rows.col[~own]))
        square = (len(replaced), len(replaced))
        return sparse.csr_array(inside, shape=square), sparse.csr_array(others, shape=rows.shape)

    @property
    def _own(self) -> csr_array:
        return self._split[0]

    @property
    def _coupling(self) -> csr_array:
        return self._split[1]

    def check(self) -> None:
        """Refuse conditions that do not determine the unknowns at their points.

        Raises
        ------
        ValueError
            If they do not.
        """
        self._solve  # noqa: B018  # which factors their matrix

    @cached_property
    def _solve(self) -> Callable[[Array], Array]:
        """What solves the conditions for the unknowns at their points."""
        own, diagonal = self._own, self._own.diagonal()
        if own.nnz == np.count_nonzero(diagonal) == len(diagonal):
            return lambda g: g / diagonal
        # Values and slopes differ by powers of the spacing: only in rows of one size do small
        # pivots tell that something is wrong.
        scale = 1 / np.maximum(abs(own).max(axis=1).toarray().ravel(), SMALLEST_SCALE)
        try:
            factors = Factors.of((sparse.diags_array(scale) @ own).tocsc())
        except RuntimeError:
            raise ValueError(self._undetermined()) from None
        pivots = np.abs(factors.lu.U.diagonal())
        if pivots.min() <= ZERO_PIVOT:
            raise ValueError(self._undetermined())
        return lambda g: factors.solve(scale * g)

    def _undetermined(self) -> str:
        values: dict[tuple[str, int], list[Condition]] = {}
        for part in self.equations.parts:
            if part.place.face and not part.condition.differentiates:
                component = int(part.replaced[0]) // part.place.mask.size
                values.setdefault((part.place.face, component), []).append(part.condition)
        for (face, _), several in values.items():
            if len(several) > 1:
                return (
                    f"{face} has {' and '.join(map(str, several))}, which repeat or contradict "
                    "each other: leave one out there"
                )
        listed = ", ".join(map(repr, self.equations.conditions))
        return (
            f"the conditions do not determine the unknowns at their points: of {listed}, some "
            "repeat or contradict each other, or do not involve the field there; impose='rows' "
            "solves for them together with all others"
        )

    @cached_property
    def substituted(self) -> csr_array:
        """S in u_B = C_B⁻¹ g − S x."""
        free = sparse.csr_array(self._coupling[:, np.flatnonzero(self.is_free)])
        if not self.equations.parts:
            return free
        self.check()
        own = self._own
        if own.diagonal().all():
            inverse = sparse.diags_array(1 / own.diagonal(), format="csr")
            coupled = own - sparse.diags_array(own.diagonal(), format="csr")
            first = result = inverse @ free
            # Where conditions read each other's points in one direction only, as those of two
            # faces do at a corner, this comes to an end.
            for _ in range(DEPENDENCE_DEPTH):
                before, result = result, first - inverse @ (coupled @ result)
                if (result - before).count_nonzero() == 0:
                    return cast("csr_array", result)
        used = np.unique(free.indices)
        made = sparse.csr_array(Factors.of(own.tocsc()).solve(free[:, used].toarray()))
        return sparse.csr_array((made.data, used[made.indices], made.indptr), shape=free.shape)
