"""Values of a system's fields, flat: one component after the other, each on a grid of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from findops.common.arrays import Array, Floats, Ints
    from findops.grids.grid import Grid

__all__ = ["FieldValues"]


@dataclass(frozen=True, eq=False)
class FieldValues:
    """Where the values of fields stand, given flat.

    Parameters
    ----------
    grids : tuple of Grid
        That of each component: points of one lattice, or half points of it along some axes.
    """

    grids: tuple[Grid, ...]

    @property
    def grid(self) -> Grid:
        """The grid of the first component, which is that of all where they share their points."""
        return self.grids[0]

    @property
    def components(self) -> int:
        """How many components there are."""
        return len(self.grids)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many values each component has."""
        return tuple(math.prod(grid.shape) for grid in self.grids)

    @property
    def size(self) -> int:
        """How many values there are."""
        return sum(self.counts)

    @cached_property
    def starts(self) -> Ints:
        """Where each component starts, and where the last one ends."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    @cached_property
    def weights(self) -> Floats:
        """The weights of integrals, flat."""
        return np.concatenate([grid.weights().ravel() for grid in self.grids])

    @cached_property
    def lattice(self) -> tuple[int, ...]:
        """The most points that a component has along each axis."""
        shapes = (grid.shape for grid in self.grids)
        return tuple(max(lengths) for lengths in zip(*shapes, strict=True))

    @property
    def periodic(self) -> tuple[bool, ...]:
        """Which axes are closed."""
        return tuple(axis.periodic for axis in self.grid.axes)

    def split(self, values: Array) -> tuple[Array, ...]:
        """Return the components of flat values, as views of them."""
        parts = np.split(values, self.starts[1:-1])
        return tuple(p.reshape(grid.shape) for p, grid in zip(parts, self.grids, strict=True))

    def owner(self, values: Ints) -> Ints:
        """Return the component that each of some values belongs to."""
        return np.searchsorted(self.starts, values, side="right") - 1

    def places(self, values: Ints) -> tuple[Ints, ...]:
        """Return the index of the point of each of some values, along every axis."""
        owner = self.owner(values)
        left, found = values - self.starts[owner], []
        for i in reversed(range(len(self.lattice))):
            lengths = np.array([grid.shape[i] for grid in self.grids])[owner]
            left, index = np.divmod(left, lengths)
            found.append(index)
        return tuple(reversed(found))

    def points(self, values: Ints) -> Ints:
        """Return the point of the lattice, flat, where each of some values stands."""
        return np.ravel_multi_index(self.places(values), self.lattice)
