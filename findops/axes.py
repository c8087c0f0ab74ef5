"""Axes: immutable 1-D point sets, with their half points, walls and quadrature."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Rational, Real
from typing import TYPE_CHECKING, Any, ClassVar, SupportsIndex

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

__all__ = ["Axis", "Cells", "Half", "Nodes", "Periodic", "Points", "Uniform", "as_axis"]


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

    @abstractmethod
    def position(self, index: Ints) -> NDArray[np.floating]:
        """Return positions for any indices: beyond the ends, of periodic or mirror images."""

    @abstractmethod
    def half(self) -> Axis:
        """Return the axis of half points; of half points, the nodes."""

    @abstractmethod
    def _coordinates(self) -> Floats: ...

    @cached_property
    def coordinates(self) -> Floats:
        """Coordinates of the points, read-only."""
        values = self._coordinates()
        values.flags.writeable = False
        return values

    @property
    def ascending(self) -> bool:
        """Whether coordinates grow with the index."""
        if self.spacing is not None:
            return self.spacing > 0
        return len(self) < 2 or bool(self.coordinates[1] > self.coordinates[0])

    def mirror(self, index: Ints) -> tuple[Ints, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return mirror images of points beyond the ends, and which lay below or above."""
        low, high = (int(2 * (wall - self.origin)) for wall in self.walls)
        below, above = index < 0, index >= len(self)
        return np.where(below, low - index, np.where(above, high - index, index)), below, above


class Nodes(Axis):
    """An axis that holds nodes, as users make it."""

    def half(self) -> Half:
        return Half(self)

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

    @abstractmethod
    def half_coordinates(self, n: int) -> Floats:
        """Return coordinates of the n half points."""

    @abstractmethod
    def half_weights(self, n: int) -> Floats:
        """Return quadrature weights of the n half points."""


@dataclass(frozen=True, init=False, repr=False)
class _Even(Nodes):
    """Evenly spaced nodes; `start` and `stop` are `n - shortfall` spacings apart."""

    start: Fraction
    step: Fraction
    n: int

    shortfall: ClassVar[int] = 0
    lead: ClassVar[Fraction] = Fraction(0)
    """Index-space location of `start`."""

    def __init__(
        self,
        start: float | Fraction = 0,
        stop: float | Fraction | None = None,
        n: SupportsIndex | None = None,
        *,
        step: float | Fraction | None = None,
    ) -> None:
        what = type(self).__name__
        if (stop is None) == (step is None):
            raise TypeError(f"{what} needs either stop or step, and not both")
        count = _count(n, 1 if stop is None else 1 + self.shortfall, what)
        first = _exact(start, f"start of {what}")
        if stop is None:
            gap = _exact(step, f"step of {what}")
        else:
            gap = (_exact(stop, f"stop of {what}") - first) / (count - self.shortfall)
        if gap == 0:
            raise ValueError(f"{what} needs a spacing other than 0: start={start}, stop={stop}")
        for name, value in (("start", first), ("step", gap), ("n", count)):
            object.__setattr__(self, name, value)

    @property
    def stop(self) -> Fraction:
        """Coordinate of the other end."""
        return self.start + self.step * (self.n - self.shortfall)

    @property
    def periodic(self) -> bool:
        return False

    def __len__(self) -> int:
        return self.n

    @property
    def spacing(self) -> Fraction:
        return self.step

    @property
    def walls(self) -> tuple[Fraction, Fraction]:
        return self.lead, self.lead + self.n - self.shortfall

    def position(self, index: Ints) -> NDArray[np.floating]:
        return np.asarray(index, dtype=np.float64)

    def half_position(self, index: Ints) -> NDArray[np.floating]:
        return np.asarray(index, dtype=np.float64) + float(self.half_origin)

    def _coordinates(self) -> Floats:
        return self._at(np.arange(self.n, dtype=np.float64))

    def half_coordinates(self, n: int) -> Floats:
        return self._at(np.arange(n) + float(self.half_origin))

    def _at(self, position: Floats) -> Floats:
        """Interpolate from the nearer end, so that both ends are met exactly."""
        intervals = max(self.n - self.shortfall, 1)
        fraction = (position - float(self.lead)) / intervals
        extent = float(self.step * intervals)
        from_stop = float(self.start + self.step * intervals) - (1 - fraction) * extent
        return np.where(fraction <= 0.5, float(self.start) + fraction * extent, from_stop)

    @property
    def weights(self) -> Floats:
        return self._quadrature(self.n, self.origin)

    def half_weights(self, n: int) -> Floats:
        return self._quadrature(n, self.half_origin)

    def _quadrature(self, n: int, origin: Fraction) -> Floats:
        weights = np.full(n, abs(float(self.step)))
        if not self.periodic and origin == self.walls[0] and n > 1:
            weights[[0, -1]] /= 2
        return weights

    def __repr__(self) -> str:
        ends = f"{_shown(self.start)}, {_shown(self.stop)}, {self.n}"
        if self.n == self.shortfall:
            ends = f"n={self.n}, step={_shown(self.step)}, start={_shown(self.start)}"
        return f"{type(self).__name__}({ends})"


class Uniform(_Even):
    """Evenly spaced nodes that include both ends.

    Parameters
    ----------
    start, stop : float
        Coordinates of the first and the last node; `stop` below `start` makes a descending axis.
    n : int
        Number of nodes.
    step : float
        Signed spacing, in place of `stop`.

    Raises
    ------
    ValueError
        If a number is not finite, the spacing is zero, or there are too few points.
    TypeError
        If an argument is missing, superfluous, or not a number.

    Examples
    --------
    >>> Uniform(0, 1, 5).coordinates
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    >>> Uniform(n=3, step=0.5) == Uniform(0, 1, 3)
    True
    """

    shortfall = 1


class Periodic(_Even):
    """Evenly spaced nodes on a circle: `stop` is `start` again and not a node of its own.

    Parameters
    ----------
    start, stop : float
        The first node, and the same place one period later.
    n : int
        Number of nodes.
    step : float
        Signed spacing, in place of `stop`.

    Raises
    ------
    ValueError
        If a number is not finite, the spacing is zero, or there are too few points.
    TypeError
        If an argument is missing, superfluous, or not a number.

    Examples
    --------
    >>> Periodic(0, 1, 4).coordinates
    array([0.  , 0.25, 0.5 , 0.75])
    """

    @property
    def periodic(self) -> bool:
        return True


class Cells(_Even):
    """Centers of equal cells; the half points are the faces, walls included.

    Parameters
    ----------
    start, stop : float
        Coordinates of the two walls.
    n : int
        Number of cells.
    step : float
        Signed width of a cell, in place of `stop`.

    Raises
    ------
    ValueError
        If a number is not finite, the walls coincide, or there are too few cells.
    TypeError
        If an argument is missing, superfluous, or not a number.

    Examples
    --------
    >>> Cells(0, 1, 4).coordinates
    array([0.125, 0.375, 0.625, 0.875])
    >>> Cells(0, 1, 4).half().coordinates
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """

    lead = Fraction(-1, 2)


class Points(Nodes):
    """Nodes at given coordinates, strictly monotone either way.

    Parameters
    ----------
    coords : array_like
        The coordinates, 1-D.
    period : float, optional
        Length after which the axis repeats; no point may repeat another.

    Raises
    ------
    ValueError
        If the coordinates are not finite, not strictly monotone, not 1-D, or if the last one
        repeats the first after `period`.
    TypeError
        If they are not real numbers.

    Examples
    --------
    >>> Points([0, 1, 4]).half().coordinates
    array([0.5, 2.5])
    """

    period: float | None
    """Length after which the axis repeats, or None."""

    def __init__(self, coords: ArrayLike, period: float | None = None) -> None:
        self._nodes = _monotone(coords)
        self._nodes.flags.writeable = False
        self.period = None if period is None else float(_exact(period, "the period of Points"))
        if self.period is not None:
            self._check_period(self.period)

    def _check_period(self, period: float) -> None:
        extent = abs(float(self._nodes[-1] - self._nodes[0]))
        if period <= 0:
            raise ValueError(f"the period of Points must be positive, but is {period}")
        if extent >= period * (1 - 1e-12):
            raise ValueError(
                f"Points spans {extent} with period {period}: the last point repeats the first; "
                "leave the duplicated end point out"
            )

    @property
    def periodic(self) -> bool:
        return self.period is not None

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def spacing(self) -> None:
        return None

    @property
    def walls(self) -> tuple[Fraction, Fraction]:
        return Fraction(0), Fraction(len(self) - 1)

    def position(self, index: Ints) -> NDArray[np.floating]:
        n, nodes = len(self), self._nodes.astype(np.longdouble)
        if self.period is not None:
            laps, inside = np.divmod(index, n)
            return nodes[inside] + laps * (self.period if self.ascending else -self.period)
        mirrored, below, above = self.mirror(index)
        value = nodes[np.clip(mirrored, 0, n - 1)]
        first, last = nodes[[0, -1]]
        return np.where(below, 2 * first - value, np.where(above, 2 * last - value, value))

    def half_position(self, index: Ints) -> NDArray[np.floating]:
        left, right = self.position(index), self.position(index + 1)
        return left + (right - left) / 2

    def half_coordinates(self, n: int) -> Floats:
        return self.half_position(np.arange(n)).astype(np.float64)

    def _coordinates(self) -> Floats:
        return self._nodes.copy()

    @property
    def weights(self) -> Floats:
        widths = self.half_weights(len(self) - (not self.periodic))
        if self.periodic:
            return (widths + np.roll(widths, 1)) / 2
        padded = np.concatenate([[0.0], widths, [0.0]])
        return (padded[1:] + padded[:-1]) / 2

    def half_weights(self, n: int) -> Floats:
        return np.abs(np.diff(self.position(np.arange(n + 1)))).astype(np.float64)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Points):
            return NotImplemented
        return self.period == other.period and np.array_equal(self._nodes, other._nodes)

    def __hash__(self) -> int:
        return hash((self._nodes.tobytes(), self.period))

    def __repr__(self) -> str:
        shown = np.array2string(self._nodes, threshold=6, separator=", ")
        return f"Points({shown})" if self.period is None else f"Points({shown}, {self.period})"


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

    def position(self, index: Ints) -> NDArray[np.floating]:
        return self.of.half_position(index)

    def half(self) -> Nodes:
        return self.of

    def _coordinates(self) -> Floats:
        return self.of.half_coordinates(len(self))

    def __repr__(self) -> str:
        return f"{self.of!r}.half()"


def as_axis(value: object) -> Axis:
    """Return an axis, making one of a 1-D array of coordinates.

    Coordinates evenly spaced within 4 ulp of the largest magnitude, in their own precision, make a
    `Uniform` axis, others make `Points`.

    Raises
    ------
    ValueError, TypeError
        As `Points` does.
    """
    if isinstance(value, Axis):
        return value
    if value is None or isinstance(value, (str, bytes, Real)):
        raise TypeError(f"an axis is Uniform, Periodic, Points, Cells or an array, not {value!r}")
    given: NDArray[Any] = np.asarray(value)
    nodes = _monotone(given)
    if len(nodes) < 2:
        return Points(nodes)
    even = Uniform(float(nodes[0]), float(nodes[-1]), len(nodes))
    own = np.float32 if given.dtype == np.float32 else np.float64
    ulp = float(np.spacing(own(np.abs(nodes).max())))
    return even if np.all(np.abs(even.coordinates - nodes) <= 4 * ulp) else Points(nodes)


def _exact(value: object, what: str) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{what} must be a real number, but is {value!r}")
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if not np.isfinite(float(value)):
        raise ValueError(f"{what} must be finite, but is {value!r}")
    return Fraction(float(value))


def _count(n: SupportsIndex | None, least: int, what: str) -> int:
    if n is None or isinstance(n, (bool, np.bool_)):
        raise TypeError(f"{what} needs n, its number of points, but got n={n!r}")
    try:
        count = operator.index(n)
    except TypeError:
        raise TypeError(f"{what} needs an integer number of points, but got n={n!r}") from None
    if count < least:
        raise ValueError(f"{what} needs at least {least} point(s), but got n={count}")
    return count


def _monotone(coords: ArrayLike) -> Floats:
    given = np.asarray(coords)
    if given.dtype.kind not in "iuf" or given.dtype.itemsize > 8:
        raise TypeError(f"coordinates must be real numbers, but their dtype is {given.dtype}")
    if given.ndim != 1 or given.size == 0:
        raise ValueError(f"coordinates must be 1-D and not empty, but their shape is {given.shape}")
    nodes = given.astype(np.float64)
    if not np.isfinite(nodes).all():
        raise ValueError("coordinates must be finite, but some are NaN or infinite")
    directions = np.sign(np.diff(nodes))
    wrong = np.flatnonzero((directions == 0) | (directions != directions[:1]))
    if len(wrong):
        i = int(wrong[0])
        raise ValueError(
            "coordinates must be strictly monotone, but they are not between "
            f"points {i} and {i + 1}: {nodes[i]}, {nodes[i + 1]}"
        )
    return nodes


def _shown(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else repr(float(value))
