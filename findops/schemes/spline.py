"""Derivatives of interpolating splines, which SciPy makes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import as_integer, check_at_most
from findops.plan.band import Band, Row
from findops.schemes.scheme import Scheme, Stencil, TooFewPointsError

if TYPE_CHECKING:
    from findops.common.arrays import Floats
    from findops.grids.axes import Axis
    from findops.schemes.scheme import Closure

__all__ = ["Spline"]

MOST_DEGREE = 99
"""Degree of a spline, at most: rows of higher ones are thousands of points long."""

SPLINE_CUTOFF = 1e-30
"""Weights below this part of the largest are left out: no moment of a row misses them."""


@dataclass(frozen=True)
class Spline(Scheme):
    """Derivatives of the spline of a degree through all points, as SciPy makes it.

    On bounded axes its ends are not-a-knot, on circles it is periodic; points may lie anywhere. The
    accuracy is degree + 1 − order, more in the interior of evenly spaced axes for odd orders. Every
    weight depends on every point, but decays by a factor of 4 from point to point for cubic splines
    and of 2 for quintic ones, so that rows of 100 to 200 points are all of it. On evenly spaced
    axes `Compact` schemes, the same or better ones, cost less.

    Parameters
    ----------
    degree : int
        Degree of the spline, odd and at least 3.

    Raises
    ------
    ValueError
        If `degree` is even, less than 3 or greater than 99.
    TypeError
        If it is not an integer.

    Notes
    -----
    ``scipy.interpolate.make_interp_spline``; C. de Boor, A Practical Guide to Splines, Springer
    (1978).

    Examples
    --------
    >>> from findops import Diff
    >>> D = Diff("x", scheme=Spline(3)).on({"x": [1.0, 2.0, 4.0, 5.0, 7.0]})
    >>> (D @ [1.0, 8.0, 64.0, 125.0, 343.0]).round(12)
    array([  3.,  12.,  48.,  75., 147.])
    """

    degree: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "degree", as_integer(self.degree, "the degree of Spline"))
        if self.degree < 3 or self.degree % 2 == 0:
            raise ValueError(
                f"the degree of Spline must be odd and at least 3, but is {self.degree}"
            )
        advice = "lower ones are smooth enough for every derivative that data have"
        check_at_most(self.degree, MOST_DEGREE, "the degree of Spline", advice)

    @property
    def fixed(self) -> bool:
        return True

    def claim(self, order: int, acc: int | None) -> int:
        super().claim(order, acc)
        if order >= self.degree:
            raise ValueError(
                f"{self!r} has continuous derivatives up to order {self.degree - 1}, not of order "
                f"{order}"
            )
        return self.degree + 1 - order

    @property
    def _far(self) -> int:
        """Points away, beyond which nothing has weight."""
        return 20 * self.degree

    def stencil(self, order: int, acc: int, shift: Fraction = Fraction(0)) -> Stencil:  # noqa: ARG002
        # Values and derivatives at a point are sums over the same coefficients of B-splines.
        offsets = tuple(map(Fraction, range(-(self.degree // 2), self.degree // 2 + 1)))
        right, left = (tuple(_cardinal(self.degree, d, -o) for o in offsets) for d in (order, 0))
        return Stencil(offsets, right, offsets, left)

    def band(
        self, order: int, acc: int, source: Axis, target: Axis, closure: tuple[Closure, Closure]
    ) -> Band:
        del target  # the same: the scheme does not stagger
        self.check_ends(source, closure)
        n, even = len(source), source.spacing is not None
        if not source.periodic and n <= self.degree:
            raise TooFewPointsError(self.degree + 1, n)
        # Far from both ends all rows are alike where the spacing is even.
        alike = 1 if source.periodic else min(n, 2 * self._far + 1)
        strip = self._strip(order, source, alike if even else n)
        strip /= float((source.spacing or 1) ** order)
        band = _banded(strip, source.periodic, n, (-1) ** order if even else 0)
        return replace(band, periodic=source.periodic, order=order, acc=acc).compressed()

    def _strip(self, order: int, axis: Axis, n: int) -> Floats:
        """Return the weights of the first n rows by offset, (n, 2·far + 1).

        Rows are made some at a time, of the points near them. Bounded axes end after n points.
        """
        far = self._far
        while True:
            strip = np.empty((n, 2 * far + 1))
            for start in range(0, n, 4 * far):
                rows = np.arange(start, min(start + 4 * far, n))
                window = np.arange(rows[0] - far, rows[-1] + far + 1)
                if not axis.periodic:
                    window = window[(window >= 0) & (window < n)]
                x = axis.position(window).astype(np.float64)
                strip[rows] = _weights(self.degree, order, x, far)[rows - window[0]]
            # What has no weight at the ends of its row has none beyond.
            if not strip[:, [0, -1]].any():
                return strip
            far *= 2


def _cardinal(degree: int, order: int, x: Fraction) -> Fraction:
    """Return a derivative of the B-spline on integer knots that is centered at 0."""
    power, ends = degree - order, (degree + 1) // 2
    terms = (
        (-1) ** i * math.comb(degree + 1, i) * max(x + ends - i, Fraction(0)) ** power
        for i in range(degree + 2)
    )
    return sum(terms, Fraction(0)) / math.factorial(power)


def _weights(degree: int, order: int, x: Floats, far: int) -> Floats:
    """Return the derivative of the spline through values at x, at x, by offset (points, 2·far + 1).

    Points so far apart that no row reads two of them share a column of values (A. R. Curtis,
    M. J. D. Powell and J. K. Reid, J. Inst. Math. Appl. 13 (1974) 117-119).
    """
    from scipy.interpolate import make_interp_spline

    point, step = np.arange(len(x)), float((x[-1] - x[0]) / (len(x) - 1))
    # A power of two, which rounds no node.
    unit = math.copysign(math.ldexp(1.0, math.frexp(step)[1]), step)
    shared = min(len(x), 2 * far + 1)
    values = np.zeros((len(x), shared))
    values[point, point % shared] = 1
    nodes = x / unit
    slopes = make_interp_spline(nodes, values, degree).derivative(order)(nodes) / unit**order
    column = point[:, None] + np.arange(-far, far + 1)
    weights = np.take_along_axis(slopes, column % shared, axis=1)
    least = SPLINE_CUTOFF * np.abs(weights).max(axis=1, keepdims=True)
    beyond = (column < 0) | (column >= len(x))
    return np.where(beyond | (np.abs(weights) <= least), 0.0, weights)


def _banded(strip: Floats, periodic: bool, n: int, parity: int) -> Band:
    """Return n rows, of which the strip has all, or where they are alike those near the ends.

    The parity is that of rows that are alike, 0 where none are.
    """
    m, far = len(strip), strip.shape[1] // 2
    reach = int(np.abs(np.flatnonzero(strip.any(axis=0)) - far).max())
    offsets, table = np.arange(-reach, reach + 1), strip[:, far - reach : far + reach + 1]
    first, stop = (0, m) if periodic else (reach, m - reach) if m > 2 * reach else (m, m)
    inner = np.arange(first, stop)
    if parity and len(inner):
        inner = inner[len(inner) // 2, None]
    weights = table[inner]
    if parity:
        weights = (weights + parity * weights[:, ::-1]) / 2

    def closed(i: int, moved: int) -> Row:
        used = np.flatnonzero(table[i])
        return Row(i + offsets[used] + moved, table[i, used])

    return Band(
        rows=n,
        cols=n,
        offsets=tuple(offsets.tolist()),
        weights=weights[0] if parity and len(inner) else weights,
        head=tuple(closed(i, 0) for i in range(first)),
        tail=tuple(closed(i, n - m) for i in range(stop, m)),
    )
