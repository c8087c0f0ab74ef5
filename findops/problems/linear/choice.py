"""The choice among solvers of a linear system: the cheapest first, the next where one fails."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from findops.common.memory import available_bytes
from findops.problems.linear.costs import Cost, Costs
from findops.problems.linear.krylov import NoConvergenceError
from findops.problems.linear.singular import no_solution, null_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.problems.linear.singular import NullField

__all__ = ["Choice", "Method", "Prepared"]

OTHERS = {
    "direct": "solver='direct', which needs more memory and no convergence",
    "amg": "solver='amg', with PyAMG: pip install \"findops[solvers]\"",
    "ilu": "solver='ilu'",
}
"""What serves where another method fails."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A system that is made ready for a method."""

    solve: Callable[[Array, float], tuple[Array, int]]
    """Returns the solution and how many steps it took, given b and how many may be worth it."""
    method: str
    """What it is called."""
    null_fields: Sequence[NullField] = ()
    """What may be added to a solution."""


@dataclass(frozen=True)
class Method:
    """A solver that has a name."""

    cost: Callable[[Costs], Cost]
    prepare: Callable[[AffineSystem, float, bool], Prepared | None]
    """Makes a system ready, given where iterations stop and whether to show them; None if it does
    not fit."""
    unfit: str = ""
    """What a system is that does not fit."""


@dataclass(frozen=True)
class Failure:
    """A method that does not solve a system, and why."""

    name: str
    why: Exception


class Choice:
    """Methods in the order of their cost: the first that solves a system stays.

    Iterations end where those that are still to come would take more than the next method.

    Parameters
    ----------
    system : AffineSystem
    methods : mapping of str to Method
        By name.
    tol : float
        Where iterations stop, as a part of the right-hand side.
    progress : bool
        Whether to show iterations.

    Raises
    ------
    MemoryError
        If there is room for none.
    LookupError
        If none fits the system.
    """

    def __init__(
        self, system: AffineSystem, methods: Mapping[str, Method], tol: float, progress: bool
    ) -> None:
        self._system, self._tol, self._progress = system, tol, progress
        costs, room = Costs(system), available_bytes()
        ranked = [(name, method, method.cost(costs)) for name, method in methods.items()]
        ranked.sort(key=lambda each: each[2].seconds)
        self._failed = [
            Failure(name, _no_room(cost.bytes, room))
            for name, _, cost in ranked
            if cost.bytes > room
        ]
        self._waiting = deque(each for each in ranked if each[2].bytes <= room)
        self._prepare_next()

    def solve(self, b: Array) -> tuple[Array, int]:
        """Return the solution, and how many steps it took.

        Raises
        ------
        RuntimeError
            If no method solves the system, ValueError if it is singular.
        MemoryError
            If there is no room for what may solve it.
        """
        while True:
            try:
                return self.prepared.solve(b, self._worth())
            except (NoConvergenceError, MemoryError) as error:
                self._failed.append(Failure(self._name, error))
            self._prepare_next()

    @property
    def null_fields(self) -> Sequence[NullField]:
        """What may be added to a solution."""
        return self.prepared.null_fields

    @property
    def method(self) -> str:
        """What solves the system, and what was tried before."""
        tried = [repr(f.name) for f in self._failed if isinstance(f.why, NoConvergenceError)]
        return f"{self.prepared.method}{', after ' if tried else ''}{' and '.join(tried)}"

    def _prepare_next(self) -> None:
        """Prepare the first of the waiting methods that fits."""
        while self._waiting:
            self._name, method, self._cost = self._waiting.popleft()
            try:
                made = method.prepare(self._system, self._tol, self._progress)
            except (NoConvergenceError, MemoryError) as error:
                self._failed.append(Failure(self._name, error))
            else:
                if made is not None:
                    self.prepared = made
                    return
        self._give_up()

    def _worth(self) -> float:
        """Return how many steps take as long as the next method."""
        others = min((cost.seconds for _, _, cost in self._waiting), default=math.inf)
        return others / self._cost.step if self._cost.step else math.inf

    def _give_up(self) -> None:
        """Raise the error of a system that no method solves."""
        if not self._failed:
            raise LookupError(f"{self._system!r}: no method fits")
        iterated = any(isinstance(f.why, NoConvergenceError) for f in self._failed)
        if iterated and (null := null_fields(self._system)):
            raise ValueError(no_solution(null))
        told = "; ".join(f"solver={f.name!r}: {f.why}" for f in self._failed)
        failed = {f.name for f in self._failed}
        left = [other for name, other in OTHERS.items() if name not in failed]
        raise (RuntimeError if iterated else MemoryError)(
            f"{self._system!r}: no solution. {told}. What is left: "
            f"{'; '.join([*left, 'a coarser grid; your own function of (A, b)'])}"
        )


def _no_room(needed: float, room: float) -> MemoryError:
    return MemoryError(f"it needs about {needed / 1e9:.2g} GB of memory, of {room / 1e9:.2g} GB")
