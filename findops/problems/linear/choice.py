"""The choice among solvers of a linear system: the cheapest first, the next where one fails."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from findops.common.memory import available_bytes
from findops.problems.linear.costs import Cost, Costs
from findops.problems.linear.krylov import CutShortError, NoConvergenceError
from findops.problems.linear.singular import no_solution, null_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.problems.linear.singular import NullField

__all__ = ["Choice", "Method", "Prepared"]

OTHERS = {
    "direct": "solver='direct', which needs more memory and no convergence",
    "krylov": "solver='krylov'",
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


class Ranked(NamedTuple):
    """A method that may be tried, and what it costs."""

    name: str
    method: Method
    cost: Cost


@dataclass(frozen=True)
class Failure:
    """A method that does not solve a system, and why.

    That is a text: an error would hold all that the method had made.
    """

    name: str
    why: str
    tried: bool
    """Whether iterations came to no end."""


class Choice:
    """Methods in the order of their cost: the first that solves a system stays.

    Iterations end where those that are still to come would take more than the next method; where
    none of those solves the system, they are tried to their end.

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
        costs = Costs(system)
        ranked = (Ranked(name, method, method.cost(costs)) for name, method in methods.items())
        self._ranked = sorted(ranked, key=lambda each: each.cost.seconds)
        self._begin()
        self._ready()

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
                return self._ready().solve(b, self._worth())
            except (NoConvergenceError, MemoryError) as error:
                self._fail(error)
                if isinstance(error, CutShortError):
                    self._cut_short.append(self._current)

    @property
    def null_fields(self) -> Sequence[NullField]:
        """What may be added to a solution."""
        return self._ready().null_fields

    @property
    def method(self) -> str:
        """What solves the system, and what was tried before."""
        method = self._ready().method
        tried = [repr(f.name) for f in self._failed if f.tried]
        return f"{method}{', after ' if tried else ''}{' and '.join(tried)}"

    def _begin(self) -> None:
        """Let every method that there is room for wait."""
        room = available_bytes()
        self._failed = [
            Failure(each.name, _no_room(each.cost.bytes, room), False)
            for each in self._ranked
            if each.cost.bytes > room
        ]
        self._waiting = deque(each for each in self._ranked if each.cost.bytes <= room)
        self._cut_short: list[Ranked] = []
        self._patient = False
        self._prepared: Prepared | None = None

    def _ready(self) -> Prepared:
        """Return what is prepared, or else the first of the waiting methods that fits."""
        while self._prepared is None:
            if not self._waiting:
                self._wait_for_those_cut_short()
            self._current = self._waiting.popleft()
            try:
                self._prepared = self._current.method.prepare(
                    self._system, self._tol, self._progress
                )
            except (NoConvergenceError, MemoryError) as error:
                self._fail(error)
        return self._prepared

    def _fail(self, error: NoConvergenceError | MemoryError) -> None:
        """Note that the current method does not solve the system, and leave what it made."""
        tried = isinstance(error, NoConvergenceError)
        self._failed.append(Failure(self._current.name, str(error), tried))
        self._prepared = None

    def _wait_for_those_cut_short(self) -> None:
        """Let methods wait again that others only seemed to take less than."""
        if not self._cut_short:
            self._give_up()
        again = {each.name for each in self._cut_short}
        self._failed = [f for f in self._failed if f.name not in again]
        self._waiting, self._cut_short, self._patient = deque(self._cut_short), [], True

    def _worth(self) -> float:
        """Return how many steps take as long as the next method."""
        if self._patient or not self._current.cost.step:
            return math.inf
        others = min((each.cost.seconds for each in self._waiting), default=math.inf)
        return others / self._current.cost.step

    def _give_up(self) -> NoReturn:
        """Raise the error of a system that no method solves; another right-hand side begins anew.

        Then, iterations may well converge.
        """
        failed = self._failed
        self._begin()
        if not failed:
            raise LookupError(f"{self._system!r}: no method fits")
        tried = any(f.tried for f in failed)
        if tried and (null := null_fields(self._system)):
            raise ValueError(no_solution(null))
        told = "; ".join(f"solver={f.name!r}: {f.why}" for f in failed)
        names = {f.name for f in failed}
        left = [other for name, other in OTHERS.items() if name not in names]
        raise (RuntimeError if tried else MemoryError)(
            f"{self._system!r}: no solution. {told}. What is left: "
            f"{'; '.join([*left, 'a coarser grid; your own function of (A, b)'])}"
        )


def _no_room(needed: float, room: float) -> str:
    return f"it needs about {needed / 1e9:.2g} GB of memory, of {room / 1e9:.2g} GB"
