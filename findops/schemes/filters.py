"""Low-pass filters: schemes of order zero that take out what the grid barely resolves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import as_integer, as_real, check_at_most
from findops.plan.band import Band, Row, summed
from findops.schemes.explicit import Weighted
from findops.schemes.scheme import Scheme, Stencil, TooFewPointsError

if TYPE_CHECKING:
    from findops.common.arrays import Floats, Ints
    from findops.grids.axes import Axis
    from findops.schemes.explicit import AxisMap
    from findops.schemes.scheme import Closure

__all__ = ["CompactFilter", "Shapiro"]

MOST_ORDER = 200
"""Order of a filter, at most: rows near the ends of higher ones take seconds."""


@dataclass(frozen=True)
class LowPassFilter(Scheme):
    """A filter of an even order: no derivative, and order m = order/2 near the ends."""

    order: int

    def __post_init__(self) -> None:
        name = type(self).__name__
        object.__setattr__(self, "order", as_integer(self.order, f"the order of {name}"))
        if self.order < 2 or self.order % 2:
            raise ValueError(
                f"the order of {name} must be even and at least 2, but is {self.order}"
            )
        check_at_most(self.order, MOST_ORDER, f"the order of {name}", "filter with a lower one")

    @property
    def smooths(self) -> bool:
        return True

    @property
    def fixed(self) -> bool:
        return True

    def claim(self, order: int, acc: int | None) -> int:
        if order:
            raise ValueError(
                f"{self!r} has no derivatives, being a filter: filter with Filter('x', …), before "
                "or after"
            )
        super().claim(order, acc)
        return self.order // 2


@dataclass(frozen=True)
class Shapiro(LowPassFilter, Weighted):
    """The low-pass filter that multiplies a wave e^{iθx/h} by 1 − strength·sin^order(θ/2).

    It is 1 − strength·(−δ²/4)^(order/2) with the second difference δ²: what changes from point to
    point is taken out, and polynomials of degree less than `order` pass.

    Near an end (−δ²)^m, m = order/2, becomes DᵀD with the m-th differences D that are inside. The
    filter is then symmetric with eigenvalues between 1 − strength and 1, so that it amplifies
    nothing however often it is applied, and Σu stays what it is; its rows near the ends have order
    m, which is therefore its claim. Rows of full order there would amplify.

    Parameters
    ----------
    order : int
        Order of accuracy in the interior, even.
    strength : float or Fraction
        What is taken out of the wave with two points a period, more than 0 and at most 1.

    Raises
    ------
    ValueError
        If `order` is odd, not positive or greater than 200, or `strength` not in (0, 1].
    TypeError
        If they are not numbers.

    References
    ----------
    R. Shapiro, Smoothing, filtering, and boundary effects, Rev. Geophys. 8 (1970) 359-387; for the
    ends K. Mattsson, M. Svärd, J. Nordström, Stable and accurate artificial dissipation,
    J. Sci. Comput. 21 (2004) 57-79.

    Examples
    --------
    >>> from findops import Filter
    >>> [str(w) for w in Filter("x", Shapiro(4)).stencil(1).values()]
    ['-1/16', '1/4', '5/8', '1/4', '-1/16']
    """

    strength: float | Fraction = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "strength", as_real(self.strength, "the strength of Shapiro"))
        if not 0 < self.strength <= 1:
            raise ValueError(
                "the strength of Shapiro must be more than 0 and at most 1, which takes the wave "
                f"with two points a period out, but is {self.strength}"
            )

    def lowest(self, points: int, shift: Fraction, inward: int) -> int:  # noqa: ARG002
        return -(self.order // 2)

    def offsets(self, order: int, acc: int, shift: Fraction) -> tuple[int, ...]:  # noqa: ARG002
        return tuple(range(-(self.order // 2), self.order // 2 + 1))

    def stencil(self, order: int, acc: int, shift: Fraction = Fraction(0)) -> Stencil:
        offsets = tuple(map(Fraction, self.offsets(order, acc, shift)))
        removed = [
            self._scale * (-1) ** abs(o) * comb(self.order, o + self.order // 2)
            for o in map(int, offsets)
        ]
        return Stencil(offsets, tuple((o == 0) - w for o, w in zip(offsets, removed, strict=True)))

    def edge_columns(self, i: int, acc: int, axis_map: AxisMap, inward: int) -> Ints:  # noqa: ARG002
        m, n = self.order // 2, len(axis_map.source)
        if acc > m:
            raise ValueError(f"its rows near an end have order {m}, less than closure={acc}")
        if n <= m:
            raise TooFewPointsError(m + 1, n)
        return np.arange(max(i - m, 0), min(i + m + 1, n))

    def edge_weights(self, acc: int, axis_map: AxisMap, rows: Ints, columns: Ints) -> Floats:  # noqa: ARG002
        m, n = self.order // 2, len(axis_map.source)
        differences = [(-1) ** k * comb(m, k) for k in range(m + 1)]

        def removed(i: int, j: int) -> int:
            """Return an entry of DᵀD: a sum over the differences that read both points."""
            places = range(max(i, j, m) - m, min(i, j, n - 1 - m) + 1)
            return sum(differences[i - k] * differences[j - k] for k in places)

        pairs = zip(rows.tolist(), columns.tolist(), strict=True)
        return np.array(
            [[float((i == j) - self._scale * removed(i, j)) for j in read] for i, read in pairs]
        )

    @property
    def _scale(self) -> Fraction:
        return Fraction(self.strength) / Fraction(4) ** (self.order // 2)


@dataclass(frozen=True)
class CompactFilter(LowPassFilter):
    """The implicit low-pass filter 1 − (1 − 2α)·sin^order(θ/2)/(1 + 2α·cos θ) of waves e^{iθx/h}.

    Filtered values v obey α v₋₁ + v₀ + α v₁ = Σ aₖ (uₖ + u₋ₖ)/2. The nearer α is to 1/2, the fewer
    waves are touched, while the one with two points a period is always taken out; with α = 0 this
    is `Shapiro`.

    On bounded axes it is 1 − (1 − 2α)·L⁻¹S with Shapiro's S = DᵀD/4^m, m = order/2, and
    L = 1 + 2α − α·D₁ᵀD₁. Both are symmetric and S ≤ D₁ᵀD₁/4 ≤ L/(1 − 2α), so that all eigenvalues
    are between 0 and 1: however often it is applied, uᵀLu does not grow, and Σu stays what it is.
    Rows near the ends have order m, which is therefore the claim. It is applied by elimination
    along lines, as `Compact` schemes are.

    Parameters
    ----------
    order : int
        Order of accuracy in the interior, even.
    alpha : float or Fraction
        Between −1/2 and 1/2; 0.4 to 0.49 is usual.

    Raises
    ------
    ValueError
        If `order` is odd, not positive or greater than 200, or `alpha` not between −1/2 and 1/2.
    TypeError
        If they are not numbers.

    References
    ----------
    D. V. Gaitonde, M. R. Visbal, Padé-type higher-order boundary filters for the Navier-Stokes
    equations, AIAA J. 38 (2000) 2103-2112, for the rows inside; theirs near the ends are others.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from findops import coefficients
    >>> c = coefficients(0, scheme=CompactFilter(4, Fraction(2, 5)))
    >>> [str(w) for w in c.left_weights], [str(w) for w in c.weights]
    (['2/5', '1', '2/5'], ['-1/80', '9/20', '37/40', '9/20', '-1/80'])
    """

    alpha: float | Fraction

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "alpha", as_real(self.alpha, "the alpha of CompactFilter"))
        if not -0.5 < self.alpha < 0.5:
            raise ValueError(
                f"the alpha of CompactFilter must be between -1/2 and 1/2, but is {self.alpha}"
            )

    def stencil(self, order: int, acc: int, shift: Fraction = Fraction(0)) -> Stencil:
        alpha, explicit = Fraction(self.alpha), Shapiro(self.order).stencil(order, acc, shift)
        beside = {Fraction(-1): alpha, Fraction(0): 2 * alpha, Fraction(1): alpha}
        weights = tuple(
            (1 - 2 * alpha) * w + beside.get(o, Fraction(0))
            for o, w in zip(explicit.offsets, explicit.weights, strict=True)
        )
        return Stencil(explicit.offsets, weights, tuple(beside), (alpha, Fraction(1), alpha))

    def band(
        self, order: int, acc: int, source: Axis, target: Axis, closure: tuple[Closure, Closure]
    ) -> Band:
        self.spacing(source)
        self.check_ends(source, closure)
        explicit = Shapiro(self.order).band(order, acc, source, target, closure)
        left, beside = (self._side(explicit, middle) for middle in (1.0, 2.0 * self.alpha))
        right = summed([(1.0, beside), (float(1 - 2 * self.alpha), explicit)])
        return replace(right, acc=acc).over(left)

    def _side(self, like: Band, middle: float) -> Band:
        """Return the band (α, middle, α), with α added to the middle at the ends."""
        n, alpha = like.rows, float(self.alpha)
        ends = [np.array([middle + alpha, alpha]), np.array([alpha, middle + alpha])]
        return Band(
            rows=n,
            cols=n,
            offsets=(-1, 0, 1),
            weights=np.array([alpha, middle, alpha]),
            head=() if like.periodic else (Row(np.array([0, 1]), ends[0]),),
            tail=() if like.periodic else (Row(np.array([n - 2, n - 1]), ends[1]),),
            periodic=like.periodic,
            acc=like.acc,
        )
