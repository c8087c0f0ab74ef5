"""Closures for time stepping: those under which no mode grows."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from findops.conditions.continuation import continued
from findops.grids.points import Points
from findops.grids.uniform import EvenAxis
from findops.masked.operator import Masked
from findops.problems.evolution.characteristics import misplaced
from findops.problems.evolution.spectrum import Spectrum, spectrum_of_system
from findops.problems.evolution.stability import warn_of_cause, warn_of_growth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from findops.conditions.affine_system import AffineSystem, Impose
    from findops.conditions.conditions import Condition
    from findops.expressions.expression import Closures, Expr
    from findops.grids.grid import Grid


__all__ = ["ClosureChoice", "Discretized"]

COARSE_POINTS = 400
"""Points of a coarser copy of a grid, whose matrix is small enough for all eigenvalues."""

COARSE_LINE = 150
"""Points of such a copy along an axis, at most."""


@dataclass(frozen=True, eq=False)
class Discretized:
    """An operator with a closure, under conditions."""

    closure: Closures
    system: AffineSystem
    coarser: Callable[[], Discretized] | None = None
    """The same on a coarser grid."""

    @cached_property
    def spectrum(self) -> Spectrum:
        """Its eigenvalues."""
        return spectrum_of_system(self.system)

    def growth(self, second: bool = False) -> float:
        """Return the largest Re λ, 0 where nothing grows, for equations of either order in time.

        Where not all eigenvalues are known, those on a coarser copy of the grid speak too: what a
        closure makes grow, it makes grow on any grid.
        """
        spectrum = self.spectrum.second_order() if second else self.spectrum
        if spectrum.growth or spectrum.complete or self.coarser is None or self._damped(second):
            return spectrum.growth
        try:
            return self.coarser().growth(second)
        except (ValueError, TypeError):
            # Arrays and masks belong to one grid, and stencils may not fit into a coarse one.
            return 0.0

    def _damped(self, second: bool) -> bool:
        return self.spectrum.dissipative and not second


@dataclass(frozen=True, eq=False)
class ClosureChoice:
    """The choice of a closure for a linear operator on a grid, under conditions."""

    expr: Expr | Masked
    """One with holes is bound: it keeps its closures."""
    grid: Grid
    conditions: tuple[Condition, ...]
    fields: Mapping[str, object]
    """Values of the operator's free fields."""
    closure: Closures | None
    """The one that is asked for; None lets the conditions choose."""
    impose: Impose = "elimination"
    """How conditions are imposed; where they are not eliminated, no closure replaces them."""

    def chosen(self, second: bool) -> Discretized:
        """Return the operator as it is integrated; with `second` for u_tt = L u."""
        chooses = self.closure is None and self.impose == "elimination"
        chooses = chooses and not isinstance(self.expr, Masked)
        return self._stable(second) if chooses else self._as_asked

    def warn_of_growth(self, second: bool, span: float) -> None:
        """Warn of growing modes over a time and name closures without them; of misplaced values."""
        system = (chosen := self.chosen(second)).system
        cause = None if second else misplaced(system.operator, self.conditions, self._one_sided)
        rate = chosen.growth(second)
        if cause:
            warn_of_cause(repr(system), cause, rate, span)
        elif rate:
            rates = {c: other.growth(second) for c, other in self._others(second).items()}
            warn_of_growth(repr(system), rate, span, rates if self.grid.faces else None)

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
        if isinstance(self.expr, Masked):
            return {}
        acc = self.chosen(second).system.equations.acc
        lower = [k for k in range(acc - 1, 0, -1) if k != self.closure]
        made: dict[Closures | None, Discretized] = {}
        for k in lower:
            # Schemes with rows of their own at the ends have no other closures.
            with suppress(ValueError):
                made[k] = self._discretized(k, self.conditions)
        return made if self.closure is None else {None: self._stable(second)} | made

    @cached_property
    def _as_asked(self) -> Discretized:
        return self._discretized(self.closure or "accurate", self.conditions)

    def _stable(self, second: bool) -> Discretized:
        """Return the operator with odd or even continuation where the conditions allow it.

        On other faces stencils are as accurate as inside, or, if that makes modes grow, of the
        highest accuracy for which none grows; if there is no such accuracy, as accurate as inside.
        """
        return self._stable_second_order if second else self._stable_first_order

    @cached_property
    def _stable_first_order(self) -> Discretized:
        return next((c for c in self._candidates() if not c.growth()), self._accurate)

    @cached_property
    def _stable_second_order(self) -> Discretized:
        return next((c for c in self._candidates() if not c.growth(second=True)), self._accurate)

    def _candidates(self) -> Iterator[Discretized]:
        """Yield the operator with closures of lower and lower accuracy."""
        yield self._accurate
        if set(self._continued[0]) != set(self.grid.faces):
            lower = range(self._accurate.system.equations.acc - 1, 0, -1)
            for k in lower:
                # Schemes with rows of their own at the ends have no other closures.
                with suppress(ValueError):
                    yield self._with_continuation(k)

    @cached_property
    def _accurate(self) -> Discretized:
        return self._with_continuation("accurate")

    @cached_property
    def _continued(self) -> tuple[dict[str, str], tuple[Condition, ...]]:
        assert not isinstance(self.expr, Masked)
        return continued(self.expr, self.grid, self.conditions)

    def _with_continuation(self, elsewhere: str | int) -> Discretized:
        closures, left = self._continued
        every = {face: closures.get(face, elsewhere) for face in self.grid.faces}
        return self._discretized(every if closures else elsewhere, left)

    def _discretized(self, closure: Closures, conditions: tuple[Condition, ...]) -> Discretized:
        if isinstance(self.expr, Masked):
            return Discretized(closure, self.expr.subject_to(conditions, self.impose))
        system = self.expr.on(self.grid, closure, **self.fields).subject_to(conditions, self.impose)
        grid = _coarse(self.grid)
        if grid == self.grid:
            return Discretized(closure, system)
        other = replace(self, grid=grid)
        return Discretized(closure, system, lambda: other._discretized(closure, conditions))


def _coarse(grid: Grid) -> Grid:
    """Return the grid with fewer points, the same ends and the same stretching."""
    count = min(COARSE_LINE, math.floor(COARSE_POINTS ** (1 / grid.ndim)))
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
