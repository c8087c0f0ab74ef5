"""Stencils that are optimal over a band of wavenumbers, under exact order conditions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import as_boolean, as_integer, as_rational, check_at_most
from findops.common.caches import cached_within
from findops.schemes.rational import Fractions, solutions

if TYPE_CHECKING:
    from findops.common.arrays import Floats

__all__ = ["Goal", "optimal_weights", "optimize_stencil"]

KEPT_BYTES = 1 << 20
"""Bytes of optimal weights that are kept."""

MOST_POINTS = 200
"""Points of an optimized stencil, and their distance, at most: more take seconds."""

DECIMALS = 10**18
"""Free weights are multiples of 1/DECIMALS, finer than floating point can tell."""


@dataclass(frozen=True)
class Goal:
    """What is asked of a stencil: an order of accuracy, and an integral that is to be least."""

    acc: int
    band: tuple[float, float]
    relative: bool
    dissipation: float

    @staticmethod
    def of(
        acc: int, band: float | Sequence[float], relative: bool = False, dissipation: float = 1.0
    ) -> Goal:
        """Return what `optimize_stencil` is given, checked."""
        if as_integer(acc, "acc") < 1:
            raise ValueError(f"an optimized stencil needs an acc of at least 1, but got {acc}")
        ends = tuple(band) if isinstance(band, (Sequence, np.ndarray)) else (0.0, band)
        if not all(isinstance(end, Real) for end in ends):
            raise TypeError(f"a band of wavenumbers is a number or a pair of them, not {band!r}")
        if len(ends) != 2 or not 0 <= ends[0] < ends[1] <= np.pi:
            raise ValueError(
                "a band of wavenumbers θ = kh lies between 0 and π, two points a wavelength, but "
                f"got {band!r}"
            )
        relative = as_boolean(relative, "relative")
        if relative and not ends[0]:
            raise ValueError(f"relative errors need a band that begins above 0, but got {band!r}")
        if not 0 < dissipation < np.inf:
            raise ValueError(f"the weight of dissipation must be positive, but is {dissipation!r}")
        return Goal(
            as_integer(acc, "acc"),
            (float(ends[0]), float(ends[1])),
            relative,
            float(dissipation),
        )

    @property
    def shown(self) -> float | tuple[float, float]:
        """The band as one would give it."""
        return self.band if self.band[0] else self.band[1]

    def rows(self, offsets: Sequence[Fraction], order: int) -> tuple[Floats, Floats]:
        """Return A and b: the integral is |A w − b|² for the weights w, by Gauss's rule."""
        reach = math.ceil(max(map(abs, offsets)))
        nodes, steps = np.polynomial.legendre.leggauss(32 + 4 * reach)
        low, high = np.log(self.band) if self.relative else self.band
        theta, density = (low + high + (high - low) * nodes) / 2, np.sqrt(steps)
        if self.relative:
            theta = np.exp(theta)
            density = density / theta**order
        waves = (
            density[:, None] * np.exp(1j * np.outer(theta, np.array(offsets, float))) / 1j**order
        )
        parts = np.vstack([waves.real, np.sqrt(self.dissipation) * waves.imag])
        return parts, np.concatenate([density * theta**order, 0 * theta])


def optimize_stencil(
    offsets: Sequence[object],
    order: int,
    acc: int,
    band: float | Sequence[float],
    *,
    relative: bool = False,
    dissipation: float = 1.0,
) -> Fractions:
    """Return the weights that are best over a band of wavenumbers and exact to an order.

    On waves exp(iθx) a stencil gives Σ w exp(iθo) in place of (iθ)^order. The squared error, both
    over i^order, is integrated over the band, and made least: Tam and Webb (1993), J. Comput. Phys.

    Parameters
    ----------
    offsets : sequence of numbers
        Distinct points, in units of the spacing, counted from where the derivative is wanted.
    order, acc : int
        Orders of the derivative and of accuracy, at least 1.
    band : float or (float, float)
        The band 0 ≤ θ ≤ band, or from one number to another; π is two points a wavelength.
    relative : bool
        Take relative errors, over ln θ; the band begins above zero.
    dissipation : float
        Weight of the squared imaginary part of the error.

    Returns
    -------
    tuple of fractions.Fraction
        One for each offset. Conditions of order hold exactly; the outer weights have 18 decimals.

    Raises
    ------
    ValueError, TypeError
        If offsets are too few, repeat or are no finite numbers, or arguments are out of range.

    Examples
    --------
    >>> w = optimize_stencil(range(-3, 4), order=1, acc=4, band=np.pi / 2)
    >>> [round(float(x), 14) for x in w[4:]]
    [0.79926642697416, -0.18941314157932, 0.0265199520615]
    """
    points = _distinct(offsets)
    if as_integer(order, "order") < 1:
        raise ValueError(f"optimize_stencil needs an order of at least 1, but got {order}")
    return optimal_weights(points, order, Goal.of(acc, band, relative, dissipation))


def _distinct(offsets: object) -> Fractions:
    if not isinstance(offsets, Iterable):
        raise TypeError(f"optimize_stencil needs a sequence of offsets, but got {offsets!r}")
    exact = tuple(map(as_rational, islice(offsets, MOST_POINTS + 1)))
    if len(set(exact)) < len(exact):
        raise ValueError(f"optimize_stencil needs distinct offsets, but got {offsets!r}")
    return exact


@cached_within(KEPT_BYTES)
def optimal_weights(offsets: Fractions, order: int, goal: Goal) -> Fractions:
    """Return the weights of `optimize_stencil`."""
    check_at_most(len(offsets), MOST_POINTS, "the number of offsets", "take those nearest")
    farthest = max((abs(float(o)) for o in offsets), default=0.0)
    check_at_most(farthest, MOST_POINTS, "the distance of an offset", "take those nearest")
    # Symmetric points meet one condition more than there are weights.
    if order + goal.acc > len(offsets) + 1:
        raise _too_few(offsets, order, goal.acc)
    # The conditions fix the inner weights, so that those left free are the outer ones.
    inwards = sorted(offsets, key=lambda o: (abs(o), o))
    try:
        known, free = solutions(*_conditions(inwards, order, goal.acc))
    except ValueError:
        raise _too_few(offsets, order, goal.acc) from None
    parts, wanted = goal.rows(inwards, order)
    basis = parts @ np.array(free, float).reshape(-1, len(inwards)).T
    best = np.linalg.lstsq(basis, wanted - parts @ np.array(known, float))[0]
    amounts = [Fraction(round(x * DECIMALS), DECIMALS) for x in best.tolist()]
    combined = (
        k + sum(x * row[i] for x, row in zip(amounts, free, strict=True))
        for i, k in enumerate(known)
    )
    found = dict(zip(inwards, combined, strict=True))
    return tuple(found[offset] for offset in offsets)


def _too_few(offsets: Fractions, order: int, acc: int) -> ValueError:
    return ValueError(
        f"{len(offsets)} points are too few for a derivative of order {order} with acc {acc}"
    )


def _conditions(
    offsets: Sequence[Fraction], order: int, acc: int
) -> tuple[list[list[Fraction]], list[Fraction]]:
    """Return the rows and right sides that the weights of a derivative have to satisfy.

    On points symmetric about zero the best weights have the derivative's parity, as the mirror
    image of any others is as good; it is a condition so that rounding cannot break it.
    """
    rows = [[o**q for o in offsets] for q in range(order + acc)]
    right = [Fraction(math.factorial(order) * (q == order)) for q in range(order + acc)]
    if set(offsets) == {-o for o in offsets}:
        for offset in offsets:
            row = [Fraction((o == -offset) - (-1) ** order * (o == offset)) for o in offsets]
            rows, right = [*rows, row], [*right, Fraction(0)]
    return rows, right
