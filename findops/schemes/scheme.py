"""Scheme: a frozen value that makes a `Band`, and answers for its interior rows."""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import as_integer, check_at_most, is_symbolic
from findops.grids.uniform import Periodic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from findops.grids.axes import Axis
    from findops.plan.band import Band
    from findops.schemes.rational import Fractions

__all__ = ["SPECTRAL", "Closure", "Scheme", "Stencil", "TooFewPointsError", "check_points"]

Closure = str | int
"""What happens where a stencil sticks out: a name, or the accuracy of biased stencils."""

SPECTRAL = sys.maxsize
"""The accuracy of what converges faster than any power of the spacing."""


MOST_POINTS = 400
"""Points of a stencil with exact weights, at most: longer ones take seconds, and at the ends of an
axis their weights are beyond 1e100 already."""


def check_points(order: int, acc: int) -> None:
    """Refuse a derivative whose stencils are too long.

    Raises
    ------
    ValueError
        If order and accuracy together are greater than `MOST_POINTS`.
    """
    check_at_most(
        order + acc,
        MOST_POINTS,
        "order + acc, the points of a stencil,",
        "Fourier() and Chebyshev() are as accurate as their points allow",
    )


class TooFewPointsError(ValueError):
    """A bounded axis is too short for a stencil."""

    def __init__(self, needed: int, there: int) -> None:
        super().__init__(f"the stencil needs {needed} points, but the axis has {there}")
        self.needed, self.there = needed, there


@dataclass(frozen=True)
class Stencil:
    """An interior row on unit spacing, in exact rationals, by distance from its point.

    The derivatives v and the values u obey Σ left·v = Σ weights·u; explicit schemes have v alone on
    the left.
    """

    offsets: tuple[Fraction, ...]
    weights: tuple[Fraction, ...]
    left_offsets: tuple[Fraction, ...] = (Fraction(0),)
    left_weights: tuple[Fraction, ...] = (Fraction(1),)

    def error(self, order: int) -> tuple[Fraction, int]:
        """Return (C, q): the row gives u^(order) + C·h^(q−order)·u^(q) + higher terms.

        (0, q) where no moment up to q shows an error.
        """
        right = _moments(self.weights, self.offsets)
        left = _moments(self.left_weights, self.left_offsets)
        last = order + 2 * (len(self.weights) + len(self.left_weights))
        for q in range(last + 1):
            expected = next(left) * math.perm(q, order) if q >= order else Fraction(0)
            residual = next(right) - expected
            if residual:
                return residual / math.factorial(q) / sum(self.left_weights), q
        return Fraction(0), last + 1

    def accuracy(self, order: int) -> int:
        """Return the order of accuracy as a derivative of an order."""
        return self.error(order)[1] - order

    def wavenumber(self, theta: Any, order: int) -> Any:
        """Return what the row makes of e^{iθx}, divided by i^order.

        Any: SymPy has no type of its own for expressions; `theta` is a number, an array or one.
        """
        re, im = _wave(self.offsets, self.weights, theta)
        below, twist = _wave(self.left_offsets, self.left_weights, theta)
        for _ in range(order % 4):
            re, im = im, -re
        if type(twist) is not int:
            size = below**2 + twist**2
            re, im, below = re * below + im * twist, im * below - re * twist, size
        if type(im) is int:
            return re / below
        unit = _functions(theta).I if is_symbolic(theta) else 1j
        return (re + unit * im) / below


def _moments(weights: Fractions, offsets: Fractions) -> Iterator[Fraction]:
    """Yield the moments Σ weight·offset^q for q = 0, 1, …."""
    # In integers: fractions would look for common divisors at every step.
    whole, unit = (math.lcm(*(x.denominator for x in side)) for side in (weights, offsets))
    parts, nodes = (
        [x.numerator * (multiple // x.denominator) for x in side]
        for side, multiple in ((weights, whole), (offsets, unit))
    )
    while True:
        yield Fraction(sum(parts), whole)
        parts = [part * node for part, node in zip(parts, nodes, strict=True)]
        whole *= unit


def _wave(
    offsets: tuple[Fraction, ...], weights: tuple[Fraction, ...], theta: Any
) -> tuple[Any, Any]:
    """Return the real and imaginary parts of Σ w·e^{ioθ}; the integer 0 where they vanish."""
    use = _functions(theta)
    given = dict(zip(offsets, weights, strict=True))
    parts: list[Any] = [0, 0]
    for distance in sorted({abs(o) for o in offsets}):
        low, high = given.get(-distance, Fraction(0)), given.get(distance, Fraction(0))
        even, odd = (high + low, high - low) if distance else (high, Fraction(0))
        for part, (weight, function) in enumerate(((even, use.cos), (odd, use.sin))):
            if weight:
                parts[part] += _number(weight, theta) * function(_number(distance, theta) * theta)
    return parts[0], parts[1]


def _functions(theta: object) -> Any:
    """Return the module whose functions apply: SymPy or NumPy."""
    if is_symbolic(theta):
        import sympy

        return sympy
    return np


def _number(value: Fraction, theta: object) -> Any:
    if is_symbolic(theta):
        return _functions(theta).Rational(value.numerator, value.denominator)
    return float(value)


@dataclass(frozen=True)
class Scheme(ABC):
    """A way to discretize derivatives along one axis.

    A scheme is a frozen dataclass with a method that makes a `Band`. The rest of the package asks
    nothing of it but what is declared here.
    """

    @property
    def staggers(self) -> bool:
        """Whether the scheme maps between nodes and half points."""
        return False

    @property
    def smooths(self) -> bool:
        """Whether its derivative of order zero takes something out of a field."""
        return False

    @property
    def merges(self) -> bool:
        """Whether a product of two derivatives by this scheme is one derivative by it."""
        return not (self.fixed or self.smooths)

    @property
    def fixed(self) -> bool:
        """Whether the scheme fixes its accuracy itself, so that `acc` is left out."""
        return False

    @property
    def pairs(self) -> tuple[tuple[Scheme, Scheme], ...]:
        """Schemes for the derivatives left and right of k in ∂k∂ at nodes, whose sum it is.

        Schemes without any go by half points.
        """
        return ()

    @property
    def part_of(self) -> str | None:
        """The expression that makes it, as one writes it; None if users give the scheme itself."""
        return None

    @property
    def coefficients(self) -> tuple[object, ...]:
        """What the choice of points depends on."""
        return ()

    def claim(self, order: int, acc: int | None) -> int:
        """Return the order of accuracy for a request, 2 if there is none.

        Raises
        ------
        ValueError
            If the scheme has no such accuracy, or no derivative of this order.
        """
        if acc is not None and self.fixed:
            raise ValueError(
                f"{self!r} fixes the accuracy itself: leave acc out, which is {acc} here"
            )
        if acc is not None and acc < 1:
            raise ValueError(f"acc must be at least 1, but is {acc} for order {order}")
        claimed = 2 if acc is None else acc
        check_points(order, claimed)
        return claimed

    def check_order(self, order: object) -> None:
        """Refuse what is no order of a derivative that does something."""
        least = 0 if self.smooths else 1
        if as_integer(order, f"{self!r}: the order") < least:
            raise ValueError(f"{self!r} needs an order of at least {least}, but got {order}")

    def spacing(self, axis: Axis) -> Fraction:
        """Return the spacing of an axis, refusing one whose spacing varies."""
        if axis.spacing is None:
            other = "SavitzkyGolay and Gaussian smooth" if self.smooths else "Central() serves"
            raise ValueError(
                f"{self!r} needs evenly spaced points: {other} where the spacing varies"
            )
        return axis.spacing

    def check_ends(self, axis: Axis, closure: tuple[Closure, Closure]) -> None:
        """Refuse closures other than the rows that the scheme itself has near the ends."""
        other = next((kind for kind in closure if kind != "accurate"), None)
        if other is not None and not axis.periodic:
            raise ValueError(
                f"{self!r} has rows of its own near the ends: closure must be 'accurate' there, "
                f"not {other!r}"
            )

    def at_least(self, acc: int) -> int:
        """Return the least accuracy from `acc` on that the scheme has."""
        return acc

    @abstractmethod
    def band(
        self, order: int, acc: int, source: Axis, target: Axis, closure: tuple[Closure, Closure]
    ) -> Band:
        """Return the band from the points of `source` to those of `target`.

        Raises
        ------
        TooFewPointsError
            If a bounded axis is too short.
        ValueError
            If the scheme does not serve such axes or closures.
        """

    def stencil(self, order: int, acc: int, shift: Fraction = Fraction(0)) -> Stencil:
        """Return the interior row, `shift` being where its point is among those it reads.

        Unless a scheme knows it in exact rationals, it is that of the band, whose floating-point
        weights are taken as the rationals that they are.

        Raises
        ------
        ValueError
            If the scheme has no interior row that is alike everywhere.
        """
        axis = Periodic(n=64, step=1)
        target = axis.half() if shift else axis
        band = self.band(order, acc, axis, target, ("accurate", "accurate"))
        offsets, weights = _exactly(band, band.shift)
        if band.left is None:
            return Stencil(offsets, weights)
        return Stencil(offsets, weights, *_exactly(band.left, Fraction(0)))

    def modified_wavenumber(self, theta: Any, order: int = 1, acc: int | None = None) -> Any:
        """Return what the interior rows make of a wave e^{iθx} on unit spacing, over i^order.

        Exact differentiation has θ^order. What is real measures dispersion, what is imaginary
        dissipation.

        Parameters
        ----------
        theta : float, array or SymPy expression
            Wavenumber times spacing. Any: SymPy has no one type for expressions.
        order : int
            Order of the derivative.
        acc : int, optional
            Order of accuracy: 2 by default, or what the scheme implies.

        Returns
        -------
        float, complex, array or SymPy expression
            Real for schemes with symmetric rows; exact for SymPy expressions.

        Raises
        ------
        ValueError
            If the scheme has no such accuracy, or no derivative of this order.
        TypeError
            If `order` is not an integer.

        Examples
        --------
        >>> import sympy
        >>> from findops import Central
        >>> Central().modified_wavenumber(sympy.Symbol("t"))
        sin(t)
        >>> Central().modified_wavenumber([0.0, 0.5], order=2, acc=4).round(4)
        array([0.    , 0.2498])
        """
        self.check_order(order)
        angle = theta if is_symbolic(theta) else np.asarray(theta)[()]
        return self.stencil(order, self.claim(order, acc)).wavenumber(angle, order)


def _exactly(band: Band, shift: Fraction) -> tuple[tuple[Fraction, ...], tuple[Fraction, ...]]:
    """Return distances and weights of interior rows."""
    distances = tuple(o - shift for o in band.offsets)
    return distances, tuple(map(Fraction, band.weights.tolist()))
