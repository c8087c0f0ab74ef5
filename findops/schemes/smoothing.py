"""Smoothing schemes: derivatives of polynomials that fit best in a window of points."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import as_integer, as_real, check_at_most
from findops.common.caches import cached_within
from findops.schemes.explicit import ExplicitScheme, blocks
from findops.schemes.scheme import Stencil, TooFewPointsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.common.arrays import Array, Floats, Ints
    from findops.schemes.explicit import AxisMap
    from findops.schemes.rational import Fractions

__all__ = ["Gaussian", "SavitzkyGolay", "exact_fit_weights", "row_fit_weights"]

KEPT_BYTES = 1 << 22
"""Bytes of exact weights that are kept."""


MOST_SUMMED = 1 << 20
"""Points of a window times the square of the number of coefficients fitted, at most: exact weights
of more take seconds."""


def check_fit(window: int, degree: int, what: str) -> None:
    """Refuse a fit whose exact weights take too long.

    Raises
    ------
    ValueError
        If the window is too long for a polynomial of the degree.
    """
    most = max(MOST_SUMMED // (degree + 1) ** 2, 0)
    advice = "smooth a coarser field, or take a lower degree"
    check_at_most(window, most, f"{what}: its window, for a fit of degree {degree},", advice)


# Weights of a fit --------------------------------------------------------------------------------


def forsythe(order: int, degree: int, nodes: Array, importance: Array) -> Array:
    """Return the weights (points, rows) of the derivative at zero of the best fit to the values.

    The fit is the polynomial of `degree` with the least Σ importance·(misfit)². The weights
    reproduce every polynomial of that degree, and of all that do have the least Σ w²/importance.

    It is a sum over polynomials p that are orthogonal on the nodes (points, rows), made by the
    recursion of G. E. Forsythe, J. SIAM 5 (1957) 74-88. Any type with field arithmetic will do;
    where the degree is one less than the number of points, the weights are those of differences.
    """
    p, before = nodes * 0 + 1, nodes * 0
    # The derivatives of both polynomials at zero.
    jet: list[Any] = [1] + [0] * order
    jet_before: list[Any] = [0] * (order + 1)
    weights, norm_before = nodes * 0, None
    for left in reversed(range(degree + 1)):
        weighted = importance * p
        squares = weighted * p
        norm = squares.sum(axis=0)
        weights = weights + weighted * (jet[order] / norm)
        if not left:
            break
        a = (squares * nodes).sum(axis=0) / norm
        b = 0 if norm_before is None else norm / norm_before
        p, before = (nodes - a) * p - b * before, p
        jet, jet_before = (
            [m * jet[m - 1] - a * jet[m] - b * jet_before[m] for m in range(order + 1)],
            jet,
        )
        norm_before = norm
    return weights


@cached_within(KEPT_BYTES)
def exact_fit_weights(
    order: int, degree: int, offsets: Fractions, importance: Fractions
) -> Fractions:
    """Return the exact weights of the derivative at zero for rational nodes and importances."""
    nodes, given = (np.array(values, dtype=object) for values in (offsets, importance))
    return tuple(forsythe(order, degree, nodes, given).tolist())


def row_fit_weights(
    order: int, degree: int, nodes: NDArray[np.floating], importance: NDArray[np.floating]
) -> Floats:
    """Return floating-point weights of many rows at once, (rows, points).

    Nodes and importances are (points, rows), nodes relative to the point of evaluation. Extended
    precision, where the platform has it, keeps weights within 1e-14 of each row's sum of
    magnitudes. Weights that roundoff hides are zero, so that a fit through all points that is
    evaluated at one of them reads no other.
    """
    extended = (part.astype(np.longdouble) for part in (nodes, importance))
    weights = forsythe(order, degree, *extended).astype(np.float64)
    size = np.abs(weights)
    hidden = size <= np.finfo(np.float64).eps * size.sum(axis=0)
    return np.where(hidden, 0.0, weights).T


# Schemes ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fit(ExplicitScheme):
    """A derivative of the polynomial that fits best in a window of points.

    Its degree is order + acc − 1: what it reproduces is what the accuracy asks for.
    """

    @property
    def smooths(self) -> bool:
        return True

    def claim(self, order: int, acc: int | None) -> int:
        claimed = super().claim(order, acc)
        degree = order + claimed - 1
        check_fit(2 * self.radius(degree) + 1, degree, repr(self))
        return claimed

    @abstractmethod
    def radius(self, degree: int) -> int:
        """Return how many points the window has on either side of its center."""

    @abstractmethod
    def importance(self, apart: Ints) -> Floats:
        """Return the weight of each point in the fit, for its distance in index steps."""

    def lowest(self, points: int, shift: Fraction, inward: int) -> int:  # noqa: ARG002
        return -((points - 1) // 2)

    def offsets(self, order: int, acc: int, shift: Fraction) -> tuple[int, ...]:  # noqa: ARG002
        r = self.radius(order + acc - 1)
        return tuple(range(-r, r + 1))

    @abstractmethod
    def near(self, i: int, degree: int, n: int) -> range:
        """Return the window of a row near an end of n points."""

    def stencil(self, order: int, acc: int, shift: Fraction = Fraction(0)) -> Stencil:
        chosen = self.offsets(order, acc, shift)
        offsets = tuple(map(Fraction, chosen))
        # Where they are not rational, importances are those that their floats are.
        importance = tuple(map(Fraction, self.importance(np.array(chosen)).tolist()))
        return Stencil(offsets, exact_fit_weights(order, order + acc - 1, offsets, importance))

    def weights(self, acc: int, axis_map: AxisMap, rows: Ints, columns: Ints) -> Floats:
        if axis_map.source.spacing is None:
            return self._fitted(acc, axis_map, rows, columns)
        scale = 1 / axis_map.source.spacing**axis_map.order
        return np.array([[float(w * scale) for w in self.stencil(axis_map.order, acc).weights]])

    def edge_columns(self, i: int, acc: int, axis_map: AxisMap, inward: int) -> Ints:  # noqa: ARG002
        window = self.near(i, axis_map.order + acc - 1, len(axis_map.source))
        if len(window) > len(axis_map.source):
            raise TooFewPointsError(len(window), len(axis_map.source))
        return np.array(window)

    def edge_weights(self, acc: int, axis_map: AxisMap, rows: Ints, columns: Ints) -> Floats:
        return self._fitted(acc, axis_map, rows, columns)

    def _fitted(self, acc: int, axis_map: AxisMap, rows: Ints, columns: Ints) -> Floats:
        """Return weights of any windows, in floating point: exact ones take long where many."""
        scale = float((axis_map.source.spacing or 1) ** axis_map.order)
        weights = np.empty(columns.shape)
        for part in blocks(range(len(rows)), columns.shape[1]):
            at, read = rows[part], columns[part]
            nodes = axis_map.source.position(read.T) - axis_map.target.position(at)
            importance = self.importance(read - at[:, None]).T
            degree = axis_map.order + acc - 1
            weights[part] = row_fit_weights(axis_map.order, degree, nodes, importance) / scale
        return weights


@dataclass(frozen=True)
class SavitzkyGolay(Fit):
    """The polynomial of a degree that fits best in a window: its derivatives, or its values.

    Near an end the window stays inside, and its polynomial is evaluated off its center, as
    ``scipy.signal.savgol_filter`` does with ``mode="interp"``. Of all weights that are exact on
    polynomials of the degree, these have the least Σw², the factor by which they carry the variance
    of noise over. The accuracy is degree + 1 − order, one more in the interior of an evenly spaced
    axis where degree − order is even.

    Parameters
    ----------
    window : int
        Number of points, odd.
    degree : int
        Degree of the polynomial, less than `window`.

    Raises
    ------
    ValueError
        If `window` is even or not positive, or `degree` is not less than it, or negative; if
        window·(degree + 1)² is more than a million.
    TypeError
        If one is not an integer.

    References
    ----------
    A. Savitzky, M. J. E. Golay, Smoothing and differentiation of data by simplified least squares
    procedures, Anal. Chem. 36 (1964) 1627-1639; P. A. Gorry, General least-squares smoothing and
    differentiation by the convolution (Savitzky-Golay) method, Anal. Chem. 62 (1990) 570-573.

    Examples
    --------
    >>> from findops import Diff
    >>> slope = Diff("x", scheme=SavitzkyGolay(5, 2))
    >>> [str(w) for w in slope.stencil(1).values()]
    ['-1/5', '-1/10', '1/10', '1/5']
    >>> slope.acc
    2
    """

    window: int
    degree: int

    def __post_init__(self) -> None:
        for name in ("window", "degree"):
            what = f"the {name} of SavitzkyGolay"
            object.__setattr__(self, name, as_integer(getattr(self, name), what))
        if self.window < 1 or self.window % 2 == 0:
            raise ValueError(
                "the window of SavitzkyGolay must be an odd number of points, for it has a center, "
                f"but is {self.window}"
            )
        if not 0 <= self.degree < self.window:
            raise ValueError(
                f"{self!r} needs a degree of at least 0 and less than its window of {self.window} "
                "points: a narrower polynomial, or more points"
            )
        check_fit(self.window, self.degree, repr(self))

    @property
    def fixed(self) -> bool:
        return True

    def claim(self, order: int, acc: int | None) -> int:
        super().claim(order, acc)
        if order > self.degree:
            raise ValueError(
                f"a derivative of order {order} needs a polynomial of degree {order} at least, but "
                f"{self!r} has {self.degree}"
            )
        return self.degree + 1 - order

    def radius(self, degree: int) -> int:
        return max(self.window // 2, (degree + 1) // 2)

    def importance(self, apart: Ints) -> Floats:
        return np.ones(apart.shape)

    def near(self, i: int, degree: int, n: int) -> range:
        r = self.radius(degree)
        first = max(min(i - r, n - 2 * r - 1), 0)
        return range(first, first + 2 * r + 1)


@dataclass(frozen=True)
class Gaussian(Fit):
    """The polynomial that fits best near a point, where points count by a Gaussian's weights.

    Of degree order + acc − 1, as it is for acc 2, it is the derivative of the Gaussian kernel known
    from scale space, with its moments made exact on the grid: for fine sampling the two agree. In
    the interior its smoothing at acc 2 is that of ``scipy.ndimage.gaussian_filter1d``. The window
    ends at four `sigma`, or where the grid does; if it then has too few points for its polynomial,
    it takes more, and the Gaussian is widened alike. On all grids `sigma` and distances count in
    index steps, so that the kernel follows the resolution where the spacing varies.

    Parameters
    ----------
    sigma : float
        Standard deviation in index steps, at least 0.5: narrower ones are not resolved.

    Raises
    ------
    ValueError
        If `sigma` is less than 0.5 or not finite, or so large that window·(degree + 1)² is more
        than a million.
    TypeError
        If it is not a real number.

    References
    ----------
    J. J. Koenderink, The structure of images, Biol. Cybern. 50 (1984) 363-370; W. S. Cleveland,
    Robust locally weighted regression, J. Am. Stat. Assoc. 74 (1979) 829-836.

    Examples
    --------
    >>> from findops import Diff
    >>> D = Diff("x", 2, scheme=Gaussian(1.5)).on({"x": [0.1 * i for i in range(20)]})
    >>> bool(D.accuracy.min() >= 2)
    True
    """

    sigma: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", as_real(self.sigma, "the sigma of Gaussian"))
        if not 0.5 <= self.sigma < math.inf:
            raise ValueError(
                f"the sigma of Gaussian is at least 0.5 index steps, but is {self.sigma}; central "
                "differences smooth no more than that"
            )
        check_fit(2 * self._reach + 1, 0, repr(self))

    def radius(self, degree: int) -> int:
        return max(self._reach, (degree + 1) // 2)

    def importance(self, apart: Ints) -> Floats:
        farthest = np.abs(apart).max(axis=-1, keepdims=True)
        # Points so unimportant that roundoff hides them would not determine the fit.
        width = float(self.sigma) * np.maximum(farthest / self._reach, 1)
        importance: Floats = np.exp(-0.5 * (apart / width) ** 2)
        return importance

    def near(self, i: int, degree: int, n: int) -> range:
        r = self.radius(degree)
        first = max(min(i - r, n - degree - 1), 0)
        return range(first, max(min(i + r + 1, n), first + degree + 1))

    @property
    def _reach(self) -> int:
        return int(4 * self.sigma + 0.5)
