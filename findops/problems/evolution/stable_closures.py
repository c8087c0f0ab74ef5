"""Closures for time stepping: those that make no mode grow."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from findops.conditions.component_parity import continued_by_component
from findops.conditions.flat_operator import FlatOperator
from findops.conditions.ghost_values import Rate
from findops.conditions.staggered_continuation import StaggeredContinuation
from findops.expressions.components import expand
from findops.expressions.expression import Expr
from findops.grids.points import Points
from findops.grids.uniform import EvenAxis
from findops.masked.operator import Masked
from findops.masked.staggered import StaggeredMasked
from findops.problems.evolution.characteristics import misplaced
from findops.problems.evolution.fingerprint import fingerprint
from findops.problems.evolution.spectrum import Spectrum, spectrum_of_system
from findops.problems.evolution.stability import shared_growth, warn_of_cause, warn_of_growth
from findops.problems.staggered import masked_system

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from findops.conditions.affine_system import AffineSystem, Impose
    from findops.conditions.conditions import Condition
    from findops.conditions.continuation import Continuation
    from findops.conditions.ghost_values import InTime
    from findops.expressions.expression import Closures, Positions
    from findops.grids.grid import Grid


__all__ = ["ClosureChoice", "Discretized"]

COARSE_UNKNOWNS = 400
"""Values of all components on a coarser copy of a grid: few enough for all eigenvalues."""

COARSE_LINE = 150
"""Points of such a copy along an axis, at most."""


@dataclass(frozen=True, eq=False)
class Discretized:
    """An operator with a closure, under conditions."""

    closure: Closures
    system: AffineSystem
    coarser: Callable[[], Discretized] | None = None
    """The same on a coarser grid."""
    key: Hashable | None = None
    """What operators and conditions have in common whose spectra are the same."""

    @cached_property
    def spectrum(self) -> Spectrum:
        """Its eigenvalues."""
        return spectrum_of_system(self.system, self.key)

    def growth(self, second: bool = False) -> float:
        """Return the largest Re λ, 0 where nothing grows, for equations of either order in time.

        Where not all eigenvalues are known, those on a coarser copy of the grid speak too: what a
        closure makes grow, it makes grow on any grid.
        """
        spectrum = self.spectrum.second_order() if second else self.spectrum
        if spectrum.dissipative or spectrum.growth or spectrum.complete or self.coarser is None:
            return spectrum.growth
        try:
            return self.coarser().growth(second)
        except (ValueError, TypeError):
            # Arrays and masks belong to one grid, and stencils may not fit into a coarse one.
            return 0.0


@dataclass(frozen=True, eq=False)
class ClosureChoice:
    """The choice of a closure for a linear operator on a grid, under conditions."""

    expr: Expr | Masked | StaggeredMasked
    """One with holes is bound: it keeps its closures."""
    grid: Grid
    conditions: tuple[Condition, ...]
    fields: Mapping[str, object]
    """Values of the operator's free fields."""
    closure: Closures | None
    """The one that is asked for; None lets the conditions choose."""
    impose: Impose
    """How conditions are imposed; where they are not eliminated, no closure replaces them."""
    source: InTime | None
    """What is added to the right-hand side."""
    linear: bool
    """Whether that is all; nothing is known of functions."""
    at: Positions = None
    staggered: bool = False
    """Whether components stand at points of their own, and at which."""

    def chosen(self, second: bool) -> Discretized:
        """Return the operator as it is integrated; with `second` for u_tt = L u."""
        chooses = self.closure is None and self.impose == "elimination"
        chooses = chooses and not isinstance(self.expr, (Masked, StaggeredMasked))
        return self._stable(second) if chooses else self._as_asked

    def warn_of_growth(self, second: bool, span: float) -> None:
        """Warn of growing modes over a time and name closures without them; of misplaced values."""
        system = (chosen := self.chosen(second)).system
        cause = self._cause(system, second)
        rate = chosen.growth(second)
        if cause:
            warn_of_cause(repr(system), cause, rate, span)
        elif rate:
            rates = {c: other.growth(second) for c, other in self._others(second).items()}
            warn_of_growth(repr(system), rate, span, rates if self.grid.faces else None)

    def _cause(self, system: AffineSystem, second: bool) -> str | None:
        """Return what conditions do wrong, which no closure mends."""
        op = system.operator
        if second or isinstance(op, FlatOperator):
            return None
        return misplaced(op, self.conditions, self._one_sided)

    @property
    def _one_sided(self) -> set[str]:
        """The faces where the closure says nothing of the field outside."""
        faces = self.grid.faces
        each = (
            self.closure if isinstance(self.closure, dict) else dict.fromkeys(faces, self.closure)
        )
        return {
            f for f in faces if isinstance(each.get(f), int) or each.get(f) in (None, "accurate")
        }

    def _others(self, second: bool) -> dict[Closures | None, Discretized]:
        """Return the operator with other closures: what conditions choose, and lower accuracies."""
        if isinstance(self.expr, (Masked, StaggeredMasked)):
            return {}
        acc = self.chosen(second).system.equations.acc
        lower = [k for k in range(acc - 1, 0, -1) if k != self.chosen(second).closure]
        made: dict[Closures | None, Discretized] = {}
        for k in lower:
            # Schemes with rows of their own at the ends have no other closures.
            with suppress(ValueError):
                made[k] = self._with_closure(k, self.grid)
        return made if self.closure is None else {None: self._stable(second)} | made

    def _continuation(self, grid: Grid) -> StaggeredContinuation:
        """Return components at points of their own under the conditions, on a grid."""
        assert isinstance(self.expr, Expr)
        return StaggeredContinuation(
            self.expr, grid, self.at, self.conditions, self.fields, mirrored=True
        )

    @cached_property
    def _as_asked(self) -> Discretized:
        return self._with_closure(self.closure or "accurate", self.grid)

    def _with_closure(self, closure: Closures, grid: Grid) -> Discretized:
        """Return the operator with one closure, on a grid."""
        if isinstance(self.expr, (Masked, StaggeredMasked)):
            return Discretized(closure, masked_system(self.expr, self.conditions, self.impose))
        system: AffineSystem
        if self.staggered:
            system = self._continuation(grid).discretized(closure)[1]
        else:
            op = self.expr.on(grid, closure, **self.fields)
            system = op.subject_to(self.conditions, self.impose)
        coarse = _coarse(grid, self.expr)
        coarser = None if coarse == grid else partial(self._with_closure, closure, coarse)
        key = fingerprint(
            self.conditions, self.expr, grid, closure, self.impose, self.at, tuple(self.fields)
        )
        return Discretized(closure, system, coarser, None if self.fields else key)

    def _stable(self, second: bool) -> Discretized:
        """Return the operator with odd or even continuation where the whole problem allows it.

        On other faces stencils are of the highest accuracy for which no mode grows; where some grow
        with all accuracies, of the highest that adds nothing to what is the equation's own.
        """
        return self._stable_second_order if second else self._stable_first_order

    @cached_property
    def _stable_first_order(self) -> Discretized:
        return self._first_stable(second=False)

    @cached_property
    def _stable_second_order(self) -> Discretized:
        return self._first_stable(second=True)

    def _first_stable(self, second: bool) -> Discretized:
        assert not isinstance(self.expr, (Masked, StaggeredMasked))
        rate = Rate(self.source) if self.linear else None
        kept: Continuation | StaggeredContinuation
        if self.staggered:
            kept = self._continuation(self.grid)
            kept = kept.by_parity() if rate is not None and self.source is None else kept
        else:
            kept = continued_by_component(self.expr, self.grid, self.conditions, self.fields, rate)
        accurate = _continuing(kept, "accurate")
        if not accurate.growth(second) or kept.closure(1) == kept.closure(2):
            return accurate
        tried = {accurate: accurate.growth(second)}
        for acc in range(accurate.system.equations.acc - 1, 0, -1):
            # Schemes with rows of their own at the ends have no other closures.
            with suppress(ValueError):
                lower = _continuing(kept, acc)
                tried[lower] = lower.growth(second)
                if not tried[lower]:
                    return lower
        if self._cause(accurate.system, second):
            return accurate
        allowed = shared_growth(tried.values())
        return next(made for made, rate in tried.items() if rate <= allowed)


def _continuing(kept: Continuation | StaggeredContinuation, elsewhere: str | int) -> Discretized:
    """Return an operator that continues the field beyond some faces, with a closure elsewhere."""
    grid = _coarse(kept.grid, kept.expr)
    coarser = None if grid == kept.grid else partial(_continuing, kept.on(grid), elsewhere)
    closure, system = kept.closure(elsewhere), kept.discretized(elsewhere)[1]
    # Values alone decide where fields are continued; what is imposed is left of the conditions.
    left = tuple(part.condition for part in system.equations.parts)
    at = kept.at if isinstance(kept, StaggeredContinuation) else None
    walls = [] if isinstance(kept, StaggeredContinuation) else kept.walls
    given = (*kept.conditions, *left) if isinstance(kept, StaggeredContinuation) else left
    continued = tuple(condition for wall in walls for condition in wall.conditions)
    key = fingerprint((*given, *continued), kept.expr, kept.grid, closure, at, len(left))
    return Discretized(closure, system, coarser, None if kept.fields else key)


def _coarse(grid: Grid, expr: Expr) -> Grid:
    """Return the grid with fewer points, the same ends and the same stretching."""
    points = COARSE_UNKNOWNS / math.prod(expand(expr, grid).inputs)
    count = min(COARSE_LINE, math.floor(points ** (1 / grid.ndim)))
    for i, axis in enumerate(grid.axes):
        if len(axis) <= count:
            continue
        if isinstance(axis, EvenAxis):
            grid = grid.replace(i, type(axis)(axis.start, axis.stop, count))
        elif isinstance(axis, Points):
            where = np.linspace(0, len(axis) - 1, count)
            nodes = np.interp(where, np.arange(len(axis)), axis.coordinates)
            grid = grid.replace(i, Points(nodes, axis.period))
    return grid
