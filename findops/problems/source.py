"""Sources: given terms of an equation, as fields at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.field import as_field
from findops.in_time import InTime

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.grid import Grid

    Array = NDArray[Any]

__all__ = ["Source"]


@dataclass(frozen=True, eq=False)
class Source:
    """A given term of an equation.

    Parameters
    ----------
    value : number, array, function, or tuple or list of these
        One for all components, an array of the fields' shape, a function of the coordinates and
        of the time `t`, or a sequence of these with one for each component.
    grid : Grid
        Where the fields live.
    components : tuple of int
        Shape of the component axes.

    Raises
    ------
    ValueError
        If a shape does not fit.
    """

    value: Any
    grid: Grid
    components: tuple[int, ...]

    def __post_init__(self) -> None:
        if isinstance(self.value, np.ndarray):
            object.__setattr__(self, "value", as_field(self.value).copy())
        if isinstance(self.value, (list, tuple)) and len(self.value) != np.prod(self.components):
            raise ValueError(
                f"source= has {len(self.value)} parts, but fields have components of shape "
                f"{self.components}"
            )

    def __call__(self, t: float) -> Array:
        """Return the values at a time, (*components, *grid)."""
        return self._always if self.steady else self._at(t)

    @cached_property
    def steady(self) -> bool:
        """Whether it is the same at all times."""
        return all(part.steady for part in self._parts)

    @cached_property
    def _parts(self) -> list[InTime]:
        several = isinstance(self.value, (list, tuple))
        parts = self.value if several else [self.value]
        return [InTime(part, self.grid, "source=") for part in parts]

    @cached_property
    def _always(self) -> Array:
        return self._at(0.0)

    def _at(self, t: float) -> Array:
        shape = self.components + self.grid.shape
        if isinstance(self.value, np.ndarray) and self.value.shape == shape:
            return self.value
        parts = [np.broadcast_to(part(t), self.grid.shape) for part in self._parts]
        if isinstance(self.value, (list, tuple)):
            return np.stack(parts).reshape(shape)
        return np.broadcast_to(parts[0], shape)
