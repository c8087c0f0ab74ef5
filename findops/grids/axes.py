"""Axes: immutable 1-D point sets, their half points and walls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Rational, Real
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import in_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.common.arrays import Array, Bools, Floats, Ints

__all__ = ["Axis", "Half", "Nodes", "exact"]


class Axis(ABC):
    """A line of points, numbered from 0, at nodes or at half points.

    Positions are counted from node 0 in units of the spacing on evenly spaced axes, and are
    coordinates on others: differences of positions are exact wherever the spacing is even.
    Index space is the same count on every axis: node i is at i, half points lie between.
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def periodic(self) -> bool:
        """Whether the axis closes on itself."""

    @property
    @abstractmethod
    def spacing(self) -> Fraction | None:
        """Exact signed spacing, or None where it varies."""

    @property
    @abstractmethod
    def origin(self) -> Fraction:
        """Index-space location of point 0."""

    @property
    @abstractmethod
    def walls(self) -> tuple[Fraction, Fraction]:
        """Index-space locations of the two ends."""

    @property
    @abstractmethod
    def weights(self) -> Floats:
        """Quadrature weights: trapezoidal where points are at the ends, else midpoint."""

    @property
    def ghosts_known(self) -> tuple[int, int]:
        """Numbers of points before and after the axis whose coordinates are given."""
        return 0, 0

    def with_ghosts(self, kept: tuple[bool, bool]) -> Axis:  # noqa: ARG002  # most have none
        """Return the axis with the ghosts before and after that are kept."""
        return self

    @abstractmethod
    def position(self, index: Ints) -> NDArray[np.floating]:
        """Return positions for any indices.

        Beyond the ends they are those of ghosts, where these are given, and of periodic or mirror
        images elsewhere.
        """

    def exact_position(self, index: Ints) -> Array:
        """Return positions without error, as fractions where floating point has none."""
        return self.position(index)

    @abstractmethod
    def half(self) -> Axis:
        """Return the axis of half points; of half points, the nodes."""

    @abstractmethod
    def _coordinates(self) -> Floats: ...

    @cached_property
    def coordinates(self) -> Floats:
        """Coordinates of the points, read-only."""
        values = self._coordinates().view()
        values.flags.writeable = False
        return values

    @property
    def ascending(self) -> bool:
        """Whether coordinates grow with the index."""
        if self.spacing is not None:
            return self.spacing > 0
        return len(self) < 2 or bool(self.coordinates[1] > self.coordinates[0])

    def mirror(self, index: Ints) -> tuple[Ints, Bools, Bools]:
        """Return mirror images of points beyond the ends, and which lay below or above."""
        low, high = (int(2 * (wall - self.origin)) for wall in self.walls)
        below, above = index < 0, index >= len(self)
        return np.where(below, low - index, np.where(above, high - index, index)), below, above


class Nodes(Axis):
    """An axis that holds nodes, as users make it."""

    def half(self) -> Half:
        return Half(self)

    def with_ghosts(self, kept: tuple[bool, bool]) -> Nodes:  # noqa: ARG002  # most have none
        return self

    @property
    def origin(self) -> Fraction:
        return Fraction(0)

    @property
    def half_origin(self) -> Fraction:
        """Index-space location of half point 0."""
        return self.walls[0] or Fraction(1, 2)

    @abstractmethod
    def half_position(self, index: Ints) -> NDArray[np.floating]:
        """Return positions of half points."""

    def exact_half_position(self, index: Ints) -> Array:
        """Return positions of half points without error."""
        return self.half_position(index)

    @abstractmethod
    def half_coordinates(self, n: int) -> Floats:
        """Return coordinates of the n half points."""

    @abstractmethod
    def half_weights(self, n: int) -> Floats:
        """Return quadrature weights of the n half points."""


@dataclass(frozen=True)
class Half(Axis):
    """The half points of an axis: midpoints of nodes, faces of cells."""

    of: Nodes

    def __post_init__(self) -> None:
        if len(self) < 1:
            raise ValueError(f"{self.of!r} has no half points: it has a single node")

    @property
    def periodic(self) -> bool:
        return self.of.periodic

    def __len__(self) -> int:
        if self.periodic:
            return len(self.of)
        low, high = self.walls
        return int(high - low - 2 * (self.origin - low)) + 1

    @property
    def spacing(self) -> Fraction | None:
        return self.of.spacing

    @property
    def origin(self) -> Fraction:
        return self.of.half_origin

    @property
    def walls(self) -> tuple[Fraction, Fraction]:
        return self.of.walls

    @property
    def weights(self) -> Floats:
        return self.of.half_weights(len(self))

    @property
    def ghosts_known(self) -> tuple[int, int]:
        return self.of.ghosts_known

    def with_ghosts(self, kept: tuple[bool, bool]) -> Half:
        return Half(self.of.with_ghosts(kept))

    def position(self, index: Ints) -> NDArray[np.floating]:
        return self.of.half_position(index)

    def exact_position(self, index: Ints) -> Array:
        return self.of.exact_half_position(index)

    def half(self) -> Nodes:
        return self.of

    def _coordinates(self) -> Floats:
        return self.of.half_coordinates(len(self))

    def __repr__(self) -> str:
        return f"{self.of!r}.half()"


def exact(value: object, what: str) -> Fraction:
    """Return a finite real number as the fraction that it is."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{what} must be a real number, but is {value!r}")
    if isinstance(value, Rational):
        return in_range(value, what)
    if not np.isfinite(float(value)):
        raise ValueError(f"{what} must be finite, but is {value!r}")
    return Fraction(float(value))
