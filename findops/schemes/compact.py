"""Compact differences: neighboring derivatives stand in one equation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational, Real
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import as_integer, check_at_most, in_range
from findops.plan.band import Band
from findops.schemes.compact_equations import check_solvable, closed_row, derived, of_coefficients
from findops.schemes.explicit import AxisMap
from findops.schemes.rational import Fractions
from findops.schemes.scheme import Scheme

if TYPE_CHECKING:
    from findops.grids.axes import Axis
    from findops.schemes.scheme import Closure, Stencil

__all__ = ["Compact"]

CompactSide = int | Fractions
"""Neighbors on either side in one side of the equation, or their coefficients."""

MOST_NEIGHBORS = 50
"""Neighbors on either side, at most."""

MOST_ACCURACY = 200
"""Accuracy, at most: the equations of higher ones take seconds to solve exactly."""

SPECTRAL_LIKE = {1: (2.0, 2.3, 2.4), 2: (2.0, 2.4, 2.6)}
"""The waves at which Lele's published coefficients are exact, to their digits."""


@dataclass(frozen=True, init=False)
class Compact(Scheme):
    """Compact differences of Lele: α-weighted neighboring derivatives stand in one equation.

    At evenly spaced points, derivatives v and values u obey, for the first derivative,

        β v₋₂ + α v₋₁ + v₀ + α v₁ + β v₂ = a (u₁ − u₋₁)/2h + b (u₂ − u₋₂)/4h + c (u₃ − u₋₃)/6h,

    and (uₖ − 2u₀ + u₋ₖ)/(kh)² on the right for the second. All coefficients are derived exactly,
    for any order of the derivative. Rows near the ends are as accurate, or as the closure says,
    with the neighbors that they have on the left.

    Operators are applied by elimination along lines, never by an inverse. They have no sparse
    matrix but a pair of them, ``op.pair()``.

    Parameters
    ----------
    left : int, or sequence of numbers
        Neighbors on either side in the left side: 1 makes it tridiagonal, 2 pentadiagonal. Or
        their coefficients α, β, ….
    right : int, or sequence of numbers, optional
        Neighbors on either side in the right side: as many as the accuracy needs by default. Or
        the coefficients a, b, c, … of a first or second derivative.
    waves : sequence of numbers
        Wavenumbers times spacing, between 0 and π, at which the derivative is exact; each takes the
        place of a moment condition, that is, two orders of accuracy.

    Raises
    ------
    ValueError
        If a number is out of range, or the left side vanishes for some wave.
    TypeError
        If an argument has the wrong type.

    Notes
    -----
    S. K. Lele, Compact finite difference schemes with spectral-like resolution, J. Comput. Phys.
    103 (1992) 16-42. The accuracy is even, at least 2·left + 2. Without an accuracy, `Diff` takes
    that; where `right` is given, it follows.

    Examples
    --------
    >>> from findops import coefficients
    >>> c = coefficients(1, acc=6, scheme=Compact())
    >>> [str(w) for w in c.left_weights], [str(w) for w in c.weights]
    (['1/3', '1', '1/3'], ['-1/36', '-7/9', '7/9', '1/36'])
    >>> Compact(left=[1/3], right=[14/9, 1/9]).modified_wavenumber(1.0).round(5)
    np.float64(0.99946)
    """

    left: CompactSide
    right: CompactSide | None
    waves: tuple[float, ...]

    def __init__(
        self,
        left: int | Sequence[float | Rational] = 1,
        right: int | Sequence[float | Rational] | None = None,
        waves: Sequence[float] = (),
    ) -> None:
        object.__setattr__(self, "left", _side(left, "left"))
        object.__setattr__(self, "right", None if right is None else _side(right, "right"))
        if not isinstance(waves, (Sequence, np.ndarray)) or not all(
            isinstance(wave, Real) for wave in waves
        ):
            raise TypeError(f"Compact: waves must be a sequence of numbers, not {waves!r}")
        if any(not 0 < wave < math.pi for wave in waves):
            raise ValueError(f"Compact: waves must be between 0 and π, but are {list(waves)}")
        object.__setattr__(self, "waves", tuple(float(wave) for wave in waves))
        if isinstance(self.right, tuple) and (self.waves or not isinstance(self.left, tuple)):
            raise ValueError(
                "Compact: with coefficients on the right, there must be coefficients on the left "
                "and no waves"
            )
        if isinstance(self.left, tuple):
            check_solvable(self.left, repr(self))

    @staticmethod
    def spectral_like(order: int = 1) -> Compact:
        """Return Lele's pentadiagonal scheme of spectral-like resolution, of fourth order.

        Parameters
        ----------
        order : {1, 2}
            Of which derivative the short waves are to be right.

        Examples
        --------
        >>> from findops import coefficients
        >>> c = coefficients(1, scheme=Compact.spectral_like())
        >>> c.accuracy, [round(float(w), 7) for w in c.left_weights[3:]]
        (4, [0.5771439, 0.0896407])
        """
        if order not in SPECTRAL_LIKE:
            raise ValueError(f"Compact.spectral_like is for order 1 or 2, not {order!r}")
        return Compact(left=2, right=3, waves=SPECTRAL_LIKE[order])

    @property
    def staggers(self) -> bool:
        return isinstance(self.left, int) and self.right is None

    @property
    def merges(self) -> bool:
        return self.staggers

    @property
    def fixed(self) -> bool:
        return self.right is not None

    def claim(self, order: int, acc: int | None) -> int:
        super().claim(order, acc)
        if order == 0:
            return 2 if acc is None else acc
        advice = "explicit schemes such as Central() have more"
        check_at_most(order + (acc or 2), MOST_ACCURACY, f"order and acc of {self!r}", advice)
        if isinstance(self.right, tuple):
            if order > 2:
                raise ValueError(f"{self!r} is a first or second derivative, not of order {order}")
            return of_coefficients(order, self._given_left, self.right, repr(self))[1]
        if self.right is not None:
            follows = 2 * (self._free_left + self.right - len(self.waves) - (order + 1) // 2 + 1)
            if follows < 2:
                raise ValueError(
                    f"{self!r} needs {1 - follows // 2} more points on the right for a derivative "
                    f"of order {order}"
                )
            # Given coefficients on the left may cancel more moments than were asked to vanish.
            return self.stencil(order, follows).accuracy(order)
        # The right side has at least the points of the derivative.
        least = max(2 * (self._free_left + 1 - len(self.waves)), 2)
        # The left side of the third derivative of least accuracy vanishes for the shortest wave.
        least = next((p for p in (least, least + 2) if self._serves(order, p)), least)
        if acc is not None and (acc < least or acc % 2):
            raise ValueError(
                f"{self!r} has even accuracy, at least {least}, but acc is {acc} for order {order}"
            )
        self.stencil(order, acc or least)
        return acc or least

    def _serves(self, order: int, acc: int) -> bool:
        try:
            self.stencil(order, acc)
        except ValueError:
            return False
        return True

    def at_least(self, acc: int) -> int:
        return acc + acc % 2

    @property
    def _free_left(self) -> int:
        """How many coefficients of the left side are free."""
        return self.left if isinstance(self.left, int) else 0

    @property
    def _given_left(self) -> Fractions:
        return self.left if isinstance(self.left, tuple) else ()

    def stencil(self, order: int, acc: int, shift: Fraction = Fraction(0)) -> Stencil:
        if isinstance(self.right, tuple):
            return of_coefficients(order, self._given_left, self.right, repr(self))[0]
        return derived(order, acc, shift, self.left, self.waves, repr(self))

    def band(
        self, order: int, acc: int, source: Axis, target: Axis, closure: tuple[Closure, Closure]
    ) -> Band:
        axis_map = AxisMap(order, source, target)
        spacing = self.spacing(source)
        stencil = self.stencil(order, acc, axis_map.shift)
        rows = len(target)
        first, stop = 0, rows
        if not source.periodic:
            refused = {"halo", "zero"} & set(closure)
            if refused:
                raise ValueError(
                    f"the closure {refused.pop()!r} says nothing of derivatives beyond the ends, "
                    "which an implicit row reads: take 'accurate', an accuracy, 'odd' or 'even'"
                )
            low, high = (edge([*stencil.offsets, *stencil.left_offsets]) for edge in (min, max))
            index = [int(o + axis_map.shift) for o in stencil.offsets]
            first = min(max(0, -min(index), -math.floor(low)), rows)
            stop = min(rows, len(source) - max(index), rows - math.ceil(high))
            stop = max(first, stop)
        closed = [
            closed_row(i, acc, axis_map, stencil, closure)
            for i in (*range(first), *range(stop, rows))
        ]
        scale = 1 / spacing**order
        right, left = (
            Band(
                rows=rows,
                cols=columns,
                offsets=tuple(int(o + moved) for o in offsets),
                weights=np.array([float(w * factor) for w in weights]),
                head=tuple(pair[side] for pair in closed[:first]),
                tail=tuple(pair[side] for pair in closed[first:]),
                periodic=source.periodic,
                order=order,
                acc=acc,
                shift=axis_map.shift,
            )
            for side, columns, moved, factor, offsets, weights in (
                (0, len(source), axis_map.shift, scale, stencil.offsets, stencil.weights),
                (1, rows, 0, 1, stencil.left_offsets, stencil.left_weights),
            )
        )
        return right.over(left)

    def __repr__(self) -> str:
        for order, waves in SPECTRAL_LIKE.items():
            if (self.left, self.right, self.waves) == (2, 3, waves):
                return f"Compact.spectral_like({order if order > 1 else ''})"
        given = [f"left={_shown(self.left)}"] if self.left != 1 else []
        given += [] if self.right is None else [f"right={_shown(self.right)}"]
        given += [f"waves={list(self.waves)}"] if self.waves else []
        return f"Compact({', '.join(given)})"


# Arguments --------------------------------------------------------------------------------------


def _side(value: object, name: str) -> CompactSide:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        if not value:
            raise ValueError(f"Compact: {name} needs at least one coefficient")
        _check_neighbors(len(value), name)
        return tuple(_coefficient(c, name) for c in value)
    count = as_integer(
        value, f"Compact: {name}, a number of neighbors or a sequence of coefficients,"
    )
    if count < 1:
        raise ValueError(f"Compact: {name} must be at least 1, but is {count}")
    _check_neighbors(count, name)
    return count


def _check_neighbors(count: int, name: str) -> None:
    what = f"Compact: the number of neighbors on the {name}"
    check_at_most(count, MOST_NEIGHBORS, what, "accuracy follows from fewer")


def _coefficient(value: object, name: str) -> Fraction:
    """Return a number as the fraction that it is, or that it was rounded from."""
    if isinstance(value, Rational):
        return in_range(value, f"Compact: a coefficient on the {name}")
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise TypeError(f"Compact: coefficients on the {name} must be real, but one is {value!r}")
    short = Fraction(float(value)).limit_denominator(10**6)
    return short if float(short) == float(value) else Fraction(float(value))


def _shown(side: CompactSide) -> str:
    if isinstance(side, int):
        return str(side)
    return f"[{', '.join(map(_written, side))}]"


def _written(value: Fraction) -> str:
    """Return a coefficient as short as gives it back."""
    if _coefficient(float(value), "") != value:
        return repr(value)
    return str(value) if value.denominator < 1000 else repr(float(value))
