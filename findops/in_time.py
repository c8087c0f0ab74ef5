"""Values that may depend on time, at the points of a grid."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from findops.coefficient import arguments, called, evaluate, fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.grid import Grid

__all__ = ["InTime"]


@dataclass(frozen=True, eq=False)
class InTime:
    """A value on a grid: a coefficient, or a function of the coordinates and of the time `t`.

    Called with a time, it gives an array that broadcasts to the grid. What its function reads is
    found once: values are asked for at every step.

    Parameters
    ----------
    value : number, array or callable
    grid : Grid
        Where the values are.
    what : str
        What messages say of it.
    """

    value: Any
    grid: Grid
    what: str

    @cached_property
    def steady(self) -> bool:
        """Whether it is the same at all times: no parameter is called `t`, or an axis is."""
        if not callable(self.value) or "t" in self.grid.names:
            return True
        try:
            return "t" not in inspect.signature(self.value).parameters
        except ValueError:
            return True

    def __call__(self, t: float | None) -> NDArray[Any]:
        """Return the values at a time.

        Raises
        ------
        TypeError
            If it depends on time, and none is given.
        """
        if self.steady:
            return self._always
        if t is None:
            raise TypeError(f"{self.what} depends on time: give t=")
        places, named = self._arguments
        return fitted(
            called(self.value, places, {**named, "t": t}, self.what), self.grid, self.what
        )

    @cached_property
    def _always(self) -> NDArray[Any]:
        return evaluate(self.value, self.grid, self.what)

    @cached_property
    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return arguments(partial(self.value, t=0.0), self.grid, self.what)
