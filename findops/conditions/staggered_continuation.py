"""Components at points of their own, under conditions: beyond walls, and at points on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from findops.conditions.beyond_walls import BetweenPoints, extended
from findops.conditions.component_parity import kept_by_parity, parities_by_face
from findops.conditions.conditions import Trace
from findops.conditions.field_values import FieldValues
from findops.conditions.flat_operator import FlatOperator
from findops.conditions.staggered_system import (
    Placed,
    StaggeredSystem,
    WallData,
    accuracies_of,
    placed,
)
from findops.discretization.positions import described, starts
from findops.expressions.components import expand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_array

    from findops.common.arrays import Ints
    from findops.conditions.conditions import Condition
    from findops.expressions.components import Components
    from findops.expressions.expression import Closures, Expr, Positions
    from findops.grids.grid import Grid
    from findops.operators.operator import Operator
    from findops.operators.staggered import StaggeredOperator

__all__ = ["StaggeredContinuation"]


@dataclass(frozen=True, eq=False)
class StaggeredContinuation:
    """An expression on components at points of their own, and the conditions on them.

    Where a component has points on a face, its condition stands for the equation there. Where it
    has none, the condition gives its values beyond, by polynomials, or at acc 2 by mirror images.

    Parameters
    ----------
    expr, grid, at, conditions, fields
        A problem.
    mirrored : bool
        Whether values that are given at acc 2 are mirrored, as slopes are, which keeps symmetry.
    parities : mapping of str to list of str
        The closures of all components on faces where each has a parity.
    """

    expr: Expr
    grid: Grid
    at: Positions
    conditions: tuple[Condition, ...]
    fields: Mapping[str, object]
    mirrored: bool = False
    parities: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def by_parity(self) -> StaggeredContinuation:
        """Return the same with the parities of equations L u = λ u and L u = ∂u/∂t.

        Where derivatives couple an odd component to an even one at a face, as velocity and pressure
        at a rigid wall, odd and even closures keep that at every accuracy.
        """
        if self._parts.inputs != self._parts.outputs:
            return self
        conditions = [each.condition for each in self._placed]
        return replace(self, parities=parities_by_face(self._parts, self.grid, conditions))

    def on(self, grid: Grid) -> StaggeredContinuation:
        """Return the same on another grid of the same domain."""
        return replace(self, grid=grid)

    def closure(self, elsewhere: Closures = "accurate") -> Closures:
        """Return the closures of all faces, given those of components without continuation."""
        if not self._between and not self.parities:
            return elsewhere
        components = range(len(self._grids))
        return {
            face: [self._kind(face, c, elsewhere) for c in components] for face in self.grid.faces
        }

    def _kind(self, face: str, component: int, elsewhere: Closures) -> str | int:
        """Return the closure of a component on a face."""
        if face in self.parities:
            return self.parities[face][component]
        wall = self._between.get(component, {}).get(face)
        if wall is not None:
            return wall.parity
        kind = elsewhere.get(face, "accurate") if isinstance(elsewhere, Mapping) else elsewhere
        return kind if isinstance(kind, (str, int)) else kind[component]

    def discretized(
        self, elsewhere: Closures = "accurate"
    ) -> tuple[StaggeredOperator, StaggeredSystem]:
        """Return the operator, and what is left of it under the conditions."""
        op: StaggeredOperator = self.expr.on(
            self.grid, self.closure(elsewhere), at=self.at, **self.fields
        )
        return op, self._under(op, elsewhere)

    def _under(self, op: StaggeredOperator, elsewhere: Closures) -> StaggeredSystem:
        """Return an operator with these closures under the conditions."""
        _, slopes = accuracies_of(op)
        near = sparse.csr_array((op.shape[1], op.shape[1]))
        data: list[WallData] = []
        for column, walls in self._between.items():
            accurate = [replace(wall, acc=slopes[wall.axis]) for wall in walls.values()]
            added, responses = self._near(op, column, accurate, elsewhere)
            near = near + added
            data += responses
        flat = FlatOperator(op, sparse.csr_array(near))
        return StaggeredSystem.over(flat, self._at_points, self.conditions, tuple(data))

    # Conditions by component --------------------------------------------------------------------

    @cached_property
    def _parts(self) -> Components:
        return expand(self.expr, self.grid)

    @cached_property
    def _grids(self) -> tuple[Grid, ...]:
        """Where the components stand."""
        return starts(self.expr, self.grid, self.at, prod(self._parts.inputs))

    @cached_property
    def _placed(self) -> tuple[Placed, ...]:
        """The conditions of all components."""
        return placed(self.conditions, self._grids)

    @property
    def _at_points(self) -> list[Condition]:
        """The conditions that stand for equations."""
        return [
            condition
            for c, condition, place in self._placed
            if place is None
            or place.face is None
            or (
                place.on_points
                and not (place.face in self.parities and kept_by_parity(condition, self._grids[c]))
            )
        ]

    @cached_property
    def _between(self) -> dict[int, dict[str, BetweenPoints]]:
        """The faces without points of each component, with what is given there."""
        made: dict[int, dict[str, BetweenPoints]] = {}
        for c, condition, place in self._placed:
            if place is None or place.face is None or place.on_points:
                continue
            if not isinstance(condition.expression, Trace):
                raise ValueError(
                    f"{condition!r}: component {c} stands at {described(self._grids[c])}, none of "
                    f"which lie on {place.face}: there it takes Dirichlet, Neumann or Robin"
                )
            walls = made.setdefault(c, {})
            if place.face in walls:
                raise ValueError(
                    f"{condition!r}: component {c} has no points on {place.face}, where "
                    f"{walls[place.face].condition!r} gives what lies beyond: leave one out"
                )
            if place.face not in self.parities:
                walls[place.face] = BetweenPoints(
                    condition, self._grids[c], place, 2, self.mirrored
                )
        return made

    # Rows near faces ----------------------------------------------------------------------------

    def _near(
        self,
        op: StaggeredOperator,
        column: int,
        walls: Sequence[BetweenPoints],
        elsewhere: Closures,
    ) -> tuple[csr_array, list[WallData]]:
        """Return what a component's walls change in the matrix, and what is given there adds."""
        values = FieldValues(op.domain)
        near = sparse.csr_array((values.size, values.size))
        responses = {
            wall.face: sparse.csr_array((values.size, prod(wall.points.shape)))
            for wall in walls
            if not wall.homogeneous
        }
        for i, row in enumerate(op.entries):
            entry = row[column]
            if entry is None or all(wall.kept and wall.homogeneous for wall in walls):
                continue
            wide = self._with_ghosts(i, column, walls, elsewhere)
            read = {face: count for face, count in wide.halo.items() if count}
            used = [wall for wall in walls if wall.face in read]
            own, given = extended(entry.domain, read, used)
            rows, part = _reading(wide)
            if not all(wall.kept for wall in used):
                change = part @ own - entry.matrix(rows=rows)
                near = near + _scattered(change, rows, values, i, column)
            for wall, weights in zip(used, given, strict=True):
                if not wall.homogeneous:
                    made = _scattered(part @ weights, rows, values, i)
                    responses[wall.face] = responses[wall.face] + made
        return near, [WallData(w, responses[w.face]) for w in walls if w.face in responses]

    def _with_ghosts(
        self, row: int, column: int, walls: Sequence[BetweenPoints], elsewhere: Closures
    ) -> Operator:
        """Return an entry that reads ghosts beyond walls."""
        entry = self._parts.entries[row, column]
        closures = {face: self._kind(face, column, elsewhere) for face in self.grid.faces}
        closures |= {wall.face: "halo" for wall in walls}
        fields = {n: v for n, v in self.fields.items() if n in entry.free_fields}
        made: Operator = entry.on(self._grids[column], closures, **fields)
        return made


def _reading(wide: Operator) -> tuple[Ints, csr_array]:
    """Return the rows that read ghosts, and their matrix."""
    inside = tuple(
        slice(before, before + n)
        for n, (before, _) in zip(wide.domain.shape, wide.ghosts, strict=True)
    )
    ghosts = np.ones(wide.program.inputs.points, dtype=bool)
    ghosts[inside] = False
    whole = wide.matrix()
    rows = np.unique(whole[:, np.flatnonzero(ghosts)].tocoo().row).astype(np.intp)
    return rows, whole[rows]


def _scattered(
    part: csr_array, rows: Ints, values: FieldValues, row: int, column: int | None = None
) -> csr_array:
    """Return rows of one component among those of all, and columns likewise if one is named."""
    entries = part.tocoo()
    start, width = (0, part.shape[1]) if column is None else (values.starts[column], values.size)
    where = (values.starts[row] + rows[entries.row], start + entries.col)
    return sparse.csr_array((entries.data, where), shape=(values.size, width))
