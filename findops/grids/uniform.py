"""Axes with even spacing: Uniform, Periodic, Cells."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, SupportsIndex

import numpy as np

from findops.common.arguments import LARGEST, check_at_most
from findops.grids.axes import Nodes, exact

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.common.arrays import Floats, Ints

__all__ = ["Cells", "Periodic", "Uniform"]

MOST_POINTS = 1 << 40
"""Points of an axis, at most: a field of them takes 9 TB."""


@dataclass(frozen=True, init=False, repr=False)
class EvenAxis(Nodes):
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
        if isinstance(start, (list, tuple, np.ndarray)) and np.ndim(start):
            raise TypeError(
                f"{what} needs numbers: start, stop and n, or step in place of stop, not "
                "coordinates; Grid(x=coordinates) finds out whether these are even, and "
                "Periodic(x[0], x[0] + n*(x[1] - x[0]), n) closes n even points to a circle"
            )
        if (stop is None) == (step is None):
            raise TypeError(f"{what} needs either stop or step, and not both")
        count = _count(n, 1 if stop is None else 1 + self.shortfall, what)
        first = exact(start, f"start of {what}")
        if stop is None:
            gap = exact(step, f"step of {what}")
        else:
            gap = (exact(stop, f"stop of {what}") - first) / (count - self.shortfall)
        if gap == 0:
            given = f"step={step}" if stop is None else f"start={start}, stop={stop}"
            raise ValueError(f"{what} needs a spacing other than 0, but got {given}")
        _check_apart(first, gap, count, what)
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
        return self._at(np.arange(n, dtype=np.float64) + float(self.half_origin))

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


@dataclass(frozen=True, init=False, repr=False)
class Uniform(EvenAxis):
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


@dataclass(frozen=True, init=False, repr=False)
class Periodic(EvenAxis):
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


@dataclass(frozen=True, init=False, repr=False)
class Cells(EvenAxis):
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


def _count(n: SupportsIndex | None, least: int, what: str) -> int:
    if n is None or isinstance(n, (bool, np.bool_)):
        raise TypeError(f"{what} needs n, its number of points, but got n={n!r}")
    try:
        count = operator.index(n)
    except TypeError:
        raise TypeError(
            f"{what} needs an integer number of points, but got n={n!r}; a spacing is step="
        ) from None
    if count < least:
        raise ValueError(f"{what} needs at least {least} point(s), but got n={count}")
    check_at_most(count, MOST_POINTS, f"n of {what}", "no memory holds a field of more points")
    return count


def _check_apart(start: Fraction, step: Fraction, n: int, what: str) -> None:
    """Refuse points that double precision does not tell apart, or whose distances it lacks."""
    stop = start + step * n
    if abs(step) * n > LARGEST or abs(stop) > LARGEST:
        raise ValueError(
            f"{what} of {n} points at the spacing {_magnitude(step)} goes beyond the range of "
            "double precision, up to 1.8e308: measure in larger units"
        )
    if n > 1 and abs(step) < math.ulp(float(max(abs(start), abs(stop)))):
        raise ValueError(
            f"{what} has points at the spacing {_magnitude(step)} near {_magnitude(start)}, where "
            "double precision does not tell them apart: measure coordinates from nearer by"
        )


def _magnitude(value: Fraction) -> str:
    return f"{float(value):.3g}" if abs(value) <= LARGEST else "beyond 1.8e308"


def _shown(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else repr(float(value))
