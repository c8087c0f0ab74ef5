"""Unknowns: which values of fields are free, copied from fields and into them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Ints = NDArray[np.intp]

__all__ = ["Unknowns"]


@dataclass(frozen=True, eq=False)
class Unknowns:
    """The free values of fields of a shape, all but those `taken`, given by flat indices."""

    shape: tuple[int, ...]
    taken: Ints

    @cached_property
    def is_free(self) -> NDArray[np.bool_]:
        """Which values are free, flat."""
        free = np.ones(math.prod(self.shape), dtype=bool)
        free[self.taken] = False
        return free

    @cached_property
    def free(self) -> Ints:
        """Flat indices of the free values."""
        return np.flatnonzero(self.is_free)

    @cached_property
    def count(self) -> int:
        """Number of free values."""
        return int(np.count_nonzero(self.is_free))

    @cached_property
    def _box(self) -> tuple[slice, ...] | None:
        """The free values as a box of the fields, if they are one: copied far faster."""
        free = self.is_free.reshape(self.shape)
        box = []
        for axis in range(free.ndim):
            others = tuple(k for k in range(free.ndim) if k != axis)
            there = np.flatnonzero(free.any(axis=others))
            box.append(slice(there[0], there[-1] + 1) if there.size else slice(0, 0))
        return tuple(box) if free[tuple(box)].all() else None

    def of(self, u: Array) -> Array:
        """Return a copy of the free values of a field, flat."""
        return u.ravel()[self.free] if self._box is None else u[self._box].flatten()

    def write(self, u: Array, free: Array) -> None:
        """Write free values into a field."""
        if self._box is None:
            u.reshape(-1)[self.free] = free
        else:
            u[self._box] = free.reshape(u[self._box].shape)
