"""Leapfrog for two groups of components, each of which moves the other, half a step apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from findops.conditions.elimination import EliminationSystem
from findops.conditions.flat_operator import FlatOperator
from findops.executors.contiguous import on_cache_lines
from findops.problems.evolution.semidiscrete import SemidiscreteSystem

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Array, Bools, Ints
    from findops.masked.staggered import StaggeredMasked
    from findops.operators.staggered import StaggeredOperator

__all__ = ["StaggeredLeapfrog", "StaggeredState", "leapfrog_amplification"]

METHOD = "method='staggered-leapfrog'"


def leapfrog_amplification(z: Array) -> Array:
    """Return the larger |ζ| of the two roots of ζ² − (2 + z²) ζ + 1 = 0.

    They stand for e^z and e^−z: where z itself is damped, it may be as large as that.
    """
    half = 1 + z**2 / 2
    root = np.sqrt((half**2 - 1).astype(complex))
    larger = np.maximum(np.abs(half + root), np.abs(half - root))
    return np.asarray(larger * np.exp(2 * np.minimum(z.real, 0)))


@dataclass(eq=False)
class StaggeredState:
    """All values of the fields, flat; those of the second group are late by part of a step."""

    u: Array
    t: float
    lag: float


@dataclass(frozen=True, eq=False)
class Group:
    """Components that move together, by what the others are."""

    components: tuple[int, ...]
    values: Bools
    """Which of all values are theirs, flat."""
    rows: Ints
    """Their values beside walls where conditions change the operator."""
    near: csr_array
    """What is added to the operator there."""
    replaced: Bools
    """Which of the values that conditions determine are theirs."""


@dataclass(frozen=True, eq=False)
class StaggeredLeapfrog:
    """The second group by half a step, the first by one, the second by another half.

    Second halves are joined to the first ones of steps that follow, so that each group moves once
    in a step, in place. Yee (1966), IEEE Trans. Antennas Propag. 14, 302-307; for E' = C H and
    H' = −Cᵀ E the sum of |E|² and of H before times H after the same time never changes.
    """

    equation: SemidiscreteSystem

    @staticmethod
    def of(equation: object) -> StaggeredLeapfrog:
        """Return the method for an equation.

        Raises
        ------
        ValueError
            If it is not linear, or its components do not form two such groups.
        """
        assert isinstance(equation, SemidiscreteSystem)
        if not isinstance(equation.system.operator, FlatOperator):
            raise ValueError(
                f"{METHOD} is for components at points of their own, as at=[…] of IVP tells"
            )
        if equation.function is not None:
            raise ValueError(f"{METHOD} takes no explicit=: 'rk4' and SciPy's methods do")
        made = StaggeredLeapfrog(equation)
        made.groups  # noqa: B018  # refuses what has none
        return made

    def amplification(self, z: Array) -> Array:
        """Return |R(z)|, where x(t + h) = R(hλ) x(t) for x' = λx."""
        return leapfrog_amplification(z)

    # Groups -------------------------------------------------------------------------------------

    @cached_property
    def groups(self) -> tuple[Group, Group]:
        """The two groups of components; the first component belongs to the first."""
        first, second = (self._group(number) for number in (0, 1))
        return first, second

    @property
    def _op(self) -> StaggeredOperator | StaggeredMasked:
        return self._flat.op

    @property
    def _flat(self) -> FlatOperator:
        operator = self.equation.system.operator
        assert isinstance(operator, FlatOperator)
        return operator

    def _group(self, number: int) -> Group:
        values = self._flat.values
        chosen = tuple(c for c, group in enumerate(self._numbers) if group == number)
        own = np.isin(values.owner(np.arange(values.size)), chosen)
        near = self._flat.near
        rows = np.flatnonzero(np.diff(near.indptr).astype(bool) & own)
        replaced = own[self.equation.system.equations.replaced]
        return Group(chosen, own, rows, near[rows], replaced)

    @cached_property
    def _numbers(self) -> list[int]:
        """The group of each component."""
        op = self._op
        coupled = [
            {j for j, entry in enumerate(row) if entry is not None or op.entries[j][i] is not None}
            for i, row in enumerate(op.entries)
        ]
        found: dict[int, int] = {}
        for start in range(len(coupled)):
            waiting = [start] * (start not in found)
            found.setdefault(start, 0)
            while waiting:
                one = waiting.pop()
                for other in coupled[one]:
                    if other not in found:
                        waiting.append(other)
                    if found.setdefault(other, 1 - found[one]) == found[one]:
                        raise ValueError(
                            f"{METHOD}: components {one} and {other} of {op!r} move each other, "
                            "and are not of two groups each of which moves the other; 'rk4' and "
                            "SciPy's methods take any equation"
                        )
        return [found[c] for c in range(len(coupled))]

    # Steps --------------------------------------------------------------------------------------

    def start(self, t: float, x: Array) -> StaggeredState:
        """Return the state of the unknowns."""
        return StaggeredState(on_cache_lines(self.equation.lift(t, x)), t, 0.0)

    def unknowns(self, state: StaggeredState) -> Array:
        """Return the unknowns of a state, at its time."""
        u = state.u.copy()
        if state.lag:
            self._kick(u, state.t, self.groups[1], state.lag)
        self._impose(u, state.t, state.t)
        return self.equation.restrict(u)

    def __call__(self, t: float, state: StaggeredState, h: float) -> StaggeredState:
        first, second = self.groups
        self._kick(state.u, t, second, state.lag + h / 2)
        self._impose(state.u, t, t + h / 2)
        self._kick(state.u, t + h / 2, first, h)
        self._impose(state.u, t + h, t + h / 2)
        state.t, state.lag = t + h, h / 2
        return state

    def _kick(self, u: Array, t: float, group: Group, h: float) -> None:
        """Move a group of components, by the others and by what is given at a time."""
        added = h * (group.near @ u) if group.rows.size else None
        parts = self._op.inputs.split(u)
        for i in group.components:
            for part, entry in zip(parts, self._op.entries[i], strict=True):
                if entry is not None:
                    entry(part, out=parts[i], add=True, scale=h)
        if added is not None:
            u[group.rows] += added
        source = self.equation.source
        given = self.equation.system.offset(t)
        if not source.zero:
            given = source(t) if given is None else given + source(t)
        if given is not None:
            u[group.values] += h * given[group.values]

    def _impose(self, u: Array, first: float, second: float) -> None:
        """Write what conditions determine, of either group at its own time."""
        system = self.equation.system
        assert isinstance(system, EliminationSystem)
        equations = system.equations
        if not equations.replaced.size:
            return
        given = equations.values(first)
        if not equations.steady:
            given = np.where(self.groups[0].replaced, given, equations.values(second))
        system.elimination.write(u, given)
