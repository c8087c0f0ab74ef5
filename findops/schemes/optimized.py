"""Optimized schemes for waves: exact to an order, and best over a band of wavenumbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from findops.common.arguments import as_integer
from findops.schemes.designer import Goal, optimal_weights
from findops.schemes.explicit import Weighted
from findops.schemes.finite_differences import Central, Offsets
from findops.schemes.rational import Fractions, solutions
from findops.schemes.scheme import Stencil

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BogeyBailly", "Optimized", "TamWebb"]


@dataclass(frozen=True)
class Tuned(Weighted):
    """A scheme that has other weights than the usual ones, for evenly spaced points.

    Rows near the ends, where its window sticks out, have the usual ones of the same accuracy.
    """

    @property
    def fixed(self) -> bool:
        return True

    def claim(self, order: int, acc: int | None) -> int:
        super().claim(order, acc)
        return self.stencil(order, 0).accuracy(order)

    def lowest(self, points: int, shift: Fraction, inward: int) -> int:
        return Central().lowest(points, shift, inward)


@dataclass(frozen=True, init=False, repr=False)
class Optimized(Tuned):
    """The stencils of `optimize_stencil` on given points.

    Near the ends, where the points stick out, rows have the usual weights of the same accuracy.

    Parameters
    ----------
    points : sequence of int
        Distinct offsets.
    acc : int
        Order of accuracy, at least 1.
    band : float or (float, float)
        Wavenumbers θ = kh from zero to a number, or between two.
    relative : bool
        Measure relative errors, over ln θ.
    dissipation : float
        Weight of the squared imaginary part of the error.

    Raises
    ------
    ValueError
        If points repeat or are too few for a derivative, if the band is not between 0 and π, or
        where the spacing is uneven.
    TypeError
        If a point or `acc` is not an integer, or the band not one or two numbers.

    Examples
    --------
    >>> from findops import Diff, Grid, Periodic
    >>> scheme = Optimized(range(-3, 4), acc=2, band=2.0)
    >>> Diff("x", scheme=scheme).on(Grid(x=Periodic(0, 1, 10))).accuracy.min()
    np.float64(2.0)
    """

    points: tuple[int, ...]
    goal: Goal

    def __init__(
        self,
        points: Sequence[int],
        acc: int,
        band: float | Sequence[float],
        relative: bool = False,
        dissipation: float = 1.0,
    ) -> None:
        object.__setattr__(self, "points", tuple(Offsets(points).values))
        object.__setattr__(self, "goal", Goal.of(acc, band, relative, dissipation))

    def offsets(self, order: int, acc: int, shift: Fraction) -> tuple[int, ...]:  # noqa: ARG002
        return self.points

    def stencil(self, order: int, acc: int, shift: Fraction = Fraction(0)) -> Stencil:  # noqa: ARG002
        offsets = tuple(map(Fraction, self.points))
        return Stencil(offsets, optimal_weights(offsets, order, self.goal))

    def __repr__(self) -> str:
        given = [f"{list(self.points)}, acc={self.goal.acc}, band={self.goal.shown}"]
        given += ["relative=True"] * self.goal.relative
        given += [f"dissipation={self.goal.dissipation}"] * (self.goal.dissipation != 1)
        return f"Optimized({', '.join(given)})"


@dataclass(frozen=True, init=False, repr=False)
class TamWebb(Optimized):
    """Dispersion-relation-preserving differences: seven points, fourth order.

    The weights are those of `optimize_stencil`, which are the published ones to all their digits.
    Tam and Webb give the first derivative; others minimize the same integral.

    Parameters
    ----------
    band : float or (float, float)
        Wavenumbers 0 ≤ θ ≤ band: π/2 in the paper, 1.1 in Tam's later work. Or between two.

    References
    ----------
    C. K. W. Tam and J. C. Webb, Dispersion-relation-preserving finite difference schemes for
    computational acoustics, J. Comput. Phys. 107 (1993) 262-281.

    Examples
    --------
    >>> from findops import coefficients
    >>> [round(float(w), 8) for w in coefficients(1, scheme=TamWebb()).weights[4:]]
    [0.79926643, -0.18941314, 0.02651995]
    """

    def __init__(self, band: float | Sequence[float] = math.pi / 2) -> None:
        super().__init__(range(-3, 4), 4, band)

    def __repr__(self) -> str:
        band = self.goal.shown
        return "TamWebb()" if band == math.pi / 2 else f"TamWebb({band})"


PRINTED = {
    9: ("0.841570125482", "-0.244678631765", "0.059463584768", "-0.007650904064"),
    11: (
        "0.872756993962667",
        "-0.286511173973333",
        "0.090320001280000",
        "-0.020779405824000",
        "0.002484594688000",
    ),
    13: (
        "0.907646591371",
        "-0.337048393268",
        "0.133442885327",
        "-0.045246480208",
        "0.011169294114",
        "-0.001456501759",
    ),
}
"""Weights at the offsets 1, 2, … by number of points, from the paper's tables."""


@dataclass(frozen=True)
class BogeyBailly(Tuned):
    """First derivatives of fourth order with low dispersion up to four points a wavelength.

    The weights are the published ones, moved by the least that makes the conditions of fourth order
    hold exactly, which no printed digit shows. They are near the minima of integrals of the kind
    that the paper states, but at none of those of `optimize_stencil`.

    Parameters
    ----------
    count : {9, 11, 13}
        Points of the stencil.

    Raises
    ------
    ValueError
        If there is no such stencil; for other than first derivatives; where the spacing is uneven.
    TypeError
        If `count` is not an integer.

    References
    ----------
    C. Bogey and C. Bailly, A family of low dispersive and low dissipative explicit schemes for flow
    and noise computations, J. Comput. Phys. 194 (2004) 194-214.

    Examples
    --------
    >>> from findops import coefficients
    >>> c = coefficients(1, scheme=BogeyBailly(11))
    >>> [round(float(w), 12) for w in c.weights[6:9]], c.accuracy
    ([0.872756993963, -0.286511173973, 0.09032000128], 4)
    """

    count: int = 11

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", as_integer(self.count, "the count of BogeyBailly"))
        if self.count not in PRINTED:
            raise ValueError(
                f"Bogey and Bailly give stencils of {list(PRINTED)} points, not {self.count!r}: "
                "Optimized(offsets, acc, band) makes others"
            )

    def offsets(self, order: int, acc: int, shift: Fraction) -> tuple[int, ...]:  # noqa: ARG002
        return tuple(range(-(self.count // 2), self.count // 2 + 1))

    def stencil(self, order: int, acc: int, shift: Fraction = Fraction(0)) -> Stencil:
        if order != 1:
            raise ValueError(
                f"{self!r} is a first derivative, but order {order} is asked for: "
                "Optimized(offsets, acc, band) has other orders"
            )
        upper = _of_fourth_order(self.count)
        weights = (*(-w for w in reversed(upper)), Fraction(0), *upper)
        return Stencil(tuple(map(Fraction, self.offsets(order, acc, shift))), weights)

    def __repr__(self) -> str:
        return f"BogeyBailly({self.count})"


@cache
def _of_fourth_order(count: int) -> Fractions:
    """Return the nearest weights to the printed ones with Σ j·a = 1/2 and Σ j³·a = 0.

    They differ by λ·j + μ·j³, so that two equations remain.
    """
    printed = {j: Fraction(a) for j, a in enumerate(PRINTED[count], 1)}
    sums = {q: Fraction(sum(j**q for j in printed)) for q in (2, 4, 6)}
    missing = [
        goal - sum(j**q * a for j, a in printed.items())
        for q, goal in ((1, Fraction(1, 2)), (3, Fraction(0)))
    ]
    (linear, cubic), _ = solutions([[sums[2], sums[4]], [sums[4], sums[6]]], missing)
    return tuple(a + linear * j + cubic * j**3 for j, a in printed.items())
