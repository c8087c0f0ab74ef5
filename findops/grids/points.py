"""Axes at given coordinates, and axes made of arrays of coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import LARGEST, as_integer
from findops.grids.axes import Axis, Nodes, exact
from findops.grids.uniform import Uniform

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from findops.common.arrays import Array, Floats, Ints

__all__ = ["ChebyshevPoints", "Points", "as_axis", "lies_at"]

HASHED_NODES = 256
"""Nodes that the hash of an axis reads, at most."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Points(Nodes):
    """Nodes at given coordinates, strictly monotone either way.

    Parameters
    ----------
    coords : array_like
        The coordinates, 1-D.
    period : float, optional
        Length after which the axis repeats; no point may repeat another.
    ghosts : pair of array_like, optional
        Coordinates before the first and after the last point, as they follow on each other along
        the axis, which the closure ``"halo"`` reads: ``op.halo`` says how many of them.

    Raises
    ------
    ValueError
        If the coordinates are not finite, not strictly monotone from the first ghost to the last,
        not 1-D, if the last one repeats the first after `period`, or a periodic axis has ghosts.
    TypeError
        If they are not real numbers.

    Examples
    --------
    >>> Points([0, 1, 4]).half().coordinates
    array([0.5, 2.5])
    >>> from findops import Diff, Grid
    >>> op = Diff("x").on(Grid(x=Points([0, 1, 4], ghosts=([-3], [5]))), closure="halo")
    >>> op.halo, op(np.array([-3.0, 0, 1, 4, 5]) ** 2)
    ({'x-': 1, 'x+': 1}, array([0., 2., 8.]))
    """

    _nodes: Floats
    period: float | None
    ghosts: tuple[Floats, Floats]

    def __init__(
        self,
        coords: ArrayLike,
        period: float | None = None,
        ghosts: tuple[ArrayLike, ArrayLike] = ((), ()),
    ) -> None:
        nodes = _monotone(coords)
        length = None if period is None else float(exact(period, "the period of Points"))
        before, after = _beyond(ghosts)
        for made in (nodes, before, after):
            made.flags.writeable = False
        object.__setattr__(self, "_nodes", nodes)
        object.__setattr__(self, "period", length)
        object.__setattr__(self, "ghosts", (before, after))
        if any(self.ghosts_known):
            _monotone(self._line, "coordinates and their ghosts")
        if length is not None:
            self._check_period(length)

    def _check_period(self, period: float) -> None:
        extent = abs(float(self._nodes[-1] - self._nodes[0]))
        if any(self.ghosts_known):
            raise ValueError("Points with a period go round: there are no ghosts beyond its ends")
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

    @property
    def ghosts_known(self) -> tuple[int, int]:
        before, after = self.ghosts
        return len(before), len(after)

    def with_ghosts(self, kept: tuple[bool, bool]) -> Nodes:
        if all(keeps or not count for keeps, count in zip(kept, self.ghosts_known, strict=True)):
            return self
        before, after = (g if keeps else () for g, keeps in zip(self.ghosts, kept, strict=True))
        return Points(self._nodes, self.period, (before, after))

    def position(self, index: Ints) -> NDArray[np.floating]:
        if self._has(index):
            return self._at(index).astype(np.longdouble)
        n = len(self)
        if self.period is not None:
            laps, inside = np.divmod(index, n)
            lap = self.period if self.ascending else -self.period
            return self._nodes[inside].astype(np.longdouble) + laps * lap
        mirrored, below, above = self.mirror(index)
        value = self._nodes[np.clip(mirrored, 0, n - 1)].astype(np.longdouble)
        first, last = self._nodes[[0, -1]].astype(np.longdouble)
        return np.where(below, 2 * first - value, np.where(above, 2 * last - value, value))

    def exact_position(self, index: Ints) -> Array:
        if self._has(index):
            return self._at(index)
        return _each(self._image, index)

    def exact_half_position(self, index: Ints) -> Array:
        if self._has(index) and self._has(index + 1):
            left, right = (self._at(i).astype(np.longdouble) for i in (index, index + 1))
            total = left + right
            # What the sum has lost (O. Møller, BIT 5 (1965) 37-50).
            added = total - left
            if not ((left - (total - added)) + (right - added)).any():
                return total / 2
        return _each(lambda i: (self._image(i) + self._image(i + 1)) / 2, index)

    def _has(self, index: Ints) -> bool:
        """Tell whether indices are those of nodes and ghosts, not of images of them."""
        before, after = self.ghosts_known
        return bool(index.size and index.min() >= -before and index.max() < len(self) + after)

    def _at(self, index: Ints) -> Floats:
        """Return the coordinates of nodes and ghosts."""
        known = self.ghosts_known
        return self._line[index + known[0]] if any(known) else self._nodes[index]

    @cached_property
    def _line(self) -> Floats:
        """The nodes between the ghosts."""
        before, after = self.ghosts
        return np.concatenate([before, self._nodes, after])

    def _image(self, index: int) -> Fraction:
        """Return the position of a node or an image of one."""
        nodes, last = self._nodes, len(self) - 1
        if self.period is not None:
            laps, inside = divmod(index, len(self))
            lap = Fraction(self.period) * (1 if self.ascending else -1)
            return Fraction(float(nodes[inside])) + laps * lap
        wall = min(max(index, 0), last)
        mirrored = min(max(2 * wall - index, 0), last)
        value, end = (Fraction(float(nodes[i])) for i in (mirrored, wall))
        return value if wall == index else 2 * end - value

    def half_position(self, index: Ints) -> NDArray[np.floating]:
        left, right = self.position(index), self.position(index + 1)
        return left + (right - left) / 2

    def half_coordinates(self, n: int) -> Floats:
        return self.half_position(np.arange(n)).astype(np.float64)

    def _coordinates(self) -> Floats:
        return self._nodes

    @property
    def weights(self) -> Floats:
        widths = self.half_weights(len(self) - (not self.periodic))
        if self.periodic:
            return (widths + np.roll(widths, 1)) / 2
        padded: Floats = np.concatenate([[0.0], widths, [0.0]])
        return (padded[1:] + padded[:-1]) / 2

    def half_weights(self, n: int) -> Floats:
        nodes = self.position(np.arange(n + 1)).astype(np.float64)
        return np.abs(np.diff(nodes))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Points):
            return NotImplemented
        same = self.period == other.period and self.ghosts_known == other.ghosts_known
        return same and all(
            map(np.array_equal, (self._nodes, *self.ghosts), (other._nodes, *other.ghosts))
        )

    def __hash__(self) -> int:
        # Some nodes are enough to tell axes apart, and quick however many there are.
        chosen = self._nodes[:: 1 + len(self) // HASHED_NODES]
        return hash((len(self), chosen.tobytes(), self.period))

    def __repr__(self) -> str:
        shown = np.array2string(self._nodes, threshold=6, separator=", ")
        if any(self.ghosts_known):
            before, after = (g.tolist() for g in self.ghosts)
            return f"Points({shown}, ghosts=({before}, {after}))"
        return f"Points({shown})" if self.period is None else f"Points({shown}, {self.period})"


@dataclass(frozen=True, init=False, eq=False, repr=False)
class ChebyshevPoints(Points):
    """Nodes at the extremes of a Chebyshev polynomial, ends included, clustered near these.

    Quadrature weights are those of Clenshaw and Curtis, exact for polynomials through the points.

    Parameters
    ----------
    start, stop : float
        Coordinates of the first and the last node; `stop` below `start` makes a descending axis.
    n : int
        Number of nodes, at least 2.

    Raises
    ------
    ValueError
        If the ends coincide or are not finite, or there are too few nodes.
    TypeError
        If an argument is not a number.

    Examples
    --------
    >>> ChebyshevPoints(-1, 1, 5).coordinates.round(4)
    array([-1.    , -0.7071,  0.    ,  0.7071,  1.    ])
    """

    start: Fraction
    stop: Fraction

    def __init__(self, start: float | Fraction, stop: float | Fraction, n: int) -> None:
        ends = exact(start, "start of ChebyshevPoints"), exact(stop, "stop of ChebyshevPoints")
        count = as_integer(n, "n of ChebyshevPoints")
        if count < 2 or ends[0] == ends[1]:
            raise ValueError(
                f"ChebyshevPoints needs two points at least and ends apart, but got {start}, "
                f"{stop}, n={n}"
            )
        if abs(ends[1] - ends[0]) > LARGEST:
            raise ValueError(
                f"ChebyshevPoints from {start} to {stop} are farther apart than double precision "
                "holds, 1.8e308: measure in larger units"
            )
        for name, value in zip(("start", "stop"), ends, strict=True):
            object.__setattr__(self, name, value)
        low, high = map(float, ends)
        # By sines of angles from the middle, so that the points are symmetric.
        angle = np.pi * (2 * np.arange(count) - (count - 1)) / (2 * (count - 1))
        nodes = low / 2 + high / 2 + (high - low) / 2 * np.sin(angle)
        nodes[0], nodes[-1] = low, high
        super().__init__(nodes)

    @property
    def weights(self) -> Floats:
        last = len(self) - 1
        even = np.arange(0, last + 1, 2)
        # The integral of each Chebyshev polynomial of even degree, as a cosine series of weights.
        parts = 2 / (1.0 - even**2)
        parts[0] /= 2
        if last % 2 == 0:
            parts[-1] /= 2
        angle = np.pi * np.arange(last + 1) / last
        weights: Floats = 2 / last * np.cos(np.outer(angle, even)) @ parts
        weights[[0, -1]] /= 2
        return abs(float(self.stop - self.start)) / 2 * weights

    def __repr__(self) -> str:
        ends = (str(e) if e.denominator == 1 else repr(float(e)) for e in (self.start, self.stop))
        return f"ChebyshevPoints({', '.join(ends)}, {len(self)})"


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
    several = isinstance(value, (list, tuple)) and any(isinstance(part, Axis) for part in value)
    if several or isinstance(value, (dict, type)):
        raise TypeError(
            f"an axis is Uniform, Periodic, Points, Cells or an array, not {value!r}; several axes "
            "are arguments of Grid, as in Grid(x=…, y=…)"
        )
    given: Array = np.asarray(value)
    points = Points(given)
    nodes = points.coordinates
    if len(nodes) < 2:
        return points
    step = (nodes[-1] - nodes[0]) / (len(nodes) - 1)
    # One point tells most axes apart from even ones.
    if abs(nodes[1] - nodes[0] - step) > 16 * _ulp(given):
        return points
    even = Uniform(float(nodes[0]), float(nodes[-1]), len(nodes))
    return even if lies_at(even, given) else points


def lies_at(axis: Axis, given: Array) -> bool:
    """Tell whether coordinates are those of an axis.

    They are within 4 ulp of the largest magnitude, in their own precision.
    """
    if given.shape != (len(axis),) or given.dtype.kind not in "iuf":
        return False
    return bool(np.all(np.abs(axis.coordinates - given) <= 4 * _ulp(given)))


def _ulp(given: Array) -> float:
    """Return the gap between numbers of the coordinates' type at the largest magnitude."""
    own = given.dtype.newbyteorder("=").type if given.dtype.kind == "f" else np.float64
    return float(np.spacing(own(max(abs(given.min()), abs(given.max())))))


def _beyond(ghosts: object) -> tuple[Floats, Floats]:
    """Return the coordinates of ghosts before and after an axis."""
    if not isinstance(ghosts, (tuple, list)) or len(ghosts) != 2:
        raise TypeError(
            "ghosts of Points are a pair of coordinates, those before the first point and those "
            f"after the last, but got {ghosts!r}"
        )
    before, after = (_monotone(g) if np.size(g) else np.zeros(0) for g in ghosts)
    return before, after


def _each(position: Callable[[int], Fraction], index: Ints) -> Array:
    """Return positions as an array of objects."""
    made = np.array([position(i) for i in index.ravel().tolist()], dtype=object)
    return made.reshape(index.shape)


def _monotone(coords: ArrayLike, what: str = "coordinates") -> Floats:
    given = np.asarray(coords)
    if given.dtype.kind not in "iuf" or given.dtype.itemsize > 8:
        raise TypeError(f"coordinates must be real numbers, but their dtype is {given.dtype}")
    if given.ndim != 1 or given.size == 0:
        raise ValueError(f"coordinates must be 1-D and not empty, but their shape is {given.shape}")
    nodes = given.astype(np.float64)
    if not np.isfinite(nodes).all():
        raise ValueError("coordinates must be finite, but some are NaN or infinite")
    if not math.isfinite(float(nodes.max()) - float(nodes.min())):
        raise ValueError(
            f"coordinates from {nodes.min():.3g} to {nodes.max():.3g} are farther apart than "
            "double precision holds, 1.8e308: measure in larger units"
        )
    rising = len(nodes) > 1 and nodes[1] > nodes[0]
    right = nodes[1:] > nodes[:-1] if rising else nodes[1:] < nodes[:-1]
    if not right.all():
        i = int(np.argmin(right))
        raise ValueError(
            f"{what} must be strictly monotone, but they are not between points "
            f"{i} and {i + 1}: {nodes[i]}, {nodes[i + 1]}"
        )
    return nodes
