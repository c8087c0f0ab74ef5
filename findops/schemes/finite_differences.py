"""Finite differences: central, one-sided, biased and upwind windows, and given offsets."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import as_integer, canonical, check_at_most
from findops.schemes.explicit import AxisMap, ExplicitScheme
from findops.schemes.scheme import MOST_POINTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.grids.axes import Axis
    from findops.plan.band import Band
    from findops.schemes.scheme import Closure

__all__ = ["Backward", "Biased", "Central", "Forward", "Offsets", "Upwind"]


@dataclass(frozen=True)
class Central(ExplicitScheme):
    """Symmetric windows; the accuracy is even.

    Symmetry gives an even derivative at nodes, and an odd one between nodes and half points, one
    order for free where the spacing is even. Elsewhere the window is wider, so that the accuracy
    holds at every row.

    Examples
    --------
    >>> from findops import coefficients
    >>> coefficients(2, acc=4, scheme=Central()).offsets
    (-2, -1, 0, 1, 2)
    """

    @property
    def staggers(self) -> bool:
        return True

    def claim(self, order: int, acc: int | None) -> int:
        claimed = super().claim(order, acc)
        if claimed % 2:
            raise ValueError(
                f"a central scheme has even accuracy: acc must be even, but is {claimed} for order "
                f"{order}; Forward(), Backward() and Biased(shift) take odd acc"
            )
        return claimed

    def at_least(self, acc: int) -> int:
        return acc + acc % 2

    def lowest(self, points: int, shift: Fraction, inward: int) -> int:
        middle = shift - Fraction(points - 1, 2)
        return math.ceil(middle) if inward > 0 else math.floor(middle)

    def offsets(self, order: int, acc: int, shift: Fraction) -> tuple[int, ...]:
        gain = (order % 2 == 0) == (shift == 0)
        return self._symmetric(order + acc - gain, shift)

    def interior(self, acc: int, axis_map: AxisMap) -> tuple[int, ...]:
        narrow = self.offsets(axis_map.order, acc, axis_map.shift)
        if axis_map.source.spacing is not None or len(narrow) >= axis_map.order + acc:
            return narrow
        return (
            narrow
            if axis_map.gains_degree(narrow)
            else self._symmetric(axis_map.order + acc + 1, axis_map.shift)
        )

    def _symmetric(self, points: int, shift: Fraction) -> tuple[int, ...]:
        first = self.lowest(points, shift, 1)
        return tuple(range(first, first + points))


@dataclass(frozen=True)
class Forward(ExplicitScheme):
    """The point itself and those after it, by index.

    Examples
    --------
    >>> from findops import coefficients
    >>> coefficients(1, acc=2, scheme=Forward()).offsets
    (0, 1, 2)
    """

    def lowest(self, points: int, shift: Fraction, inward: int) -> int:  # noqa: ARG002
        return 0


@dataclass(frozen=True)
class Backward(ExplicitScheme):
    """The point itself and those before it, by index.

    Examples
    --------
    >>> from findops import coefficients
    >>> coefficients(1, acc=2, scheme=Backward()).offsets
    (-2, -1, 0)
    """

    def lowest(self, points: int, shift: Fraction, inward: int) -> int:  # noqa: ARG002
        return 1 - points


@dataclass(frozen=True)
class Biased(ExplicitScheme):
    """A centered window of n = order + acc points, moved by `shift` points.

    Parameters
    ----------
    shift : int
        Offsets run from ``shift - (n - 1)//2`` to ``shift + n//2``.

    Raises
    ------
    TypeError
        If `shift` is not an integer.

    Examples
    --------
    >>> from findops import coefficients
    >>> coefficients(1, acc=3, scheme=Biased(-1)).offsets
    (-2, -1, 0, 1)
    """

    shift: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "shift", as_integer(self.shift, "the shift of Biased"))

    def lowest(self, points: int, shift: Fraction, inward: int) -> int:  # noqa: ARG002
        return self.shift - (points - 1) // 2


@dataclass(frozen=True)
class Offsets(ExplicitScheme):
    """Exactly the given offsets; the accuracy is what they give on evenly spaced points.

    Parameters
    ----------
    values : sequence of int
        Distinct offsets, more of them than the order of the derivative.

    Raises
    ------
    ValueError
        If offsets repeat, or there are none or more than 400.
    TypeError
        If one is not an integer.

    Examples
    --------
    >>> from findops import coefficients
    >>> coefficients(1, scheme=Offsets([-2, 0, 1])).accuracy
    2
    """

    values: Sequence[int]

    def __post_init__(self) -> None:
        if not isinstance(self.values, Iterable):
            raise TypeError(f"Offsets needs a sequence of offsets, but got {self.values!r}")
        few = islice(self.values, MOST_POINTS + 1)
        chosen = tuple(sorted(as_integer(value, "an offset") for value in few))
        check_at_most(len(chosen), MOST_POINTS, "the number of Offsets", "take those nearest")
        if not chosen or len(set(chosen)) < len(chosen):
            raise ValueError(f"Offsets needs distinct offsets, but got {list(chosen)}")
        object.__setattr__(self, "values", chosen)

    @property
    def fixed(self) -> bool:
        return True

    def claim(self, order: int, acc: int | None) -> int:
        super().claim(order, acc)
        if len(self.values) <= order:
            raise ValueError(
                f"a derivative of order {order} needs at least {order + 1} offsets, but {self!r} "
                f"has {len(self.values)}"
            )
        return self.stencil(order, 0).accuracy(order)

    def lowest(self, points: int, shift: Fraction, inward: int) -> int:  # noqa: ARG002
        return self.values[0]

    def offsets(self, order: int, acc: int, shift: Fraction) -> tuple[int, ...]:  # noqa: ARG002
        return tuple(self.values)

    def __repr__(self) -> str:
        return f"Offsets({list(self.values)})"


@dataclass(frozen=True, eq=False)
class Upwind(ExplicitScheme):
    """One-sided windows on the side that the flow comes from.

    Where the velocity is positive or zero the values come from smaller coordinates, elsewhere from
    larger ones. Values on the other side are not touched.

    Parameters
    ----------
    velocity : coefficient
        A number, array, callable, SymPy expression or ``Field``. Arrays compare by identity.

    Raises
    ------
    TypeError
        If the velocity is no coefficient.
    ValueError
        If a number is not finite.

    Examples
    --------
    >>> from findops import Diff, Uniform, Grid
    >>> D = Diff("x", acc=1, scheme=Upwind(-2.0)).on(Grid(x=Uniform(0, 4, 5)))
    >>> D.stencil((1,))
    {(0,): -1.0, (1,): 1.0}
    """

    velocity: object

    def __post_init__(self) -> None:
        if not hasattr(self.velocity, "free_fields"):
            try:
                canonical(self.velocity)
            except (TypeError, ValueError) as error:
                raise type(error)(f"the velocity of Upwind: {error}") from None

    @property
    def _key(self) -> object:
        function = callable(self.velocity) and not hasattr(self.velocity, "free_fields")
        by_identity = (
            function or isinstance(self.velocity, np.ndarray) or hasattr(self.velocity, "dims")
        )
        return id(self.velocity) if by_identity else self.velocity

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Upwind) and bool(self._key == other._key)

    def __hash__(self) -> int:
        return hash((Upwind, self._key))

    @property
    def coefficients(self) -> tuple[object, ...]:
        return (self.velocity,)

    def side(self, positive: bool, ascending: bool = True) -> ExplicitScheme:
        """Return the one-sided scheme for a direction of flow and of the axis."""
        return Backward() if positive == ascending else Forward()

    def _only(self, ascending: bool) -> ExplicitScheme:
        if isinstance(self.velocity, complex):
            raise TypeError(f"{self!r} needs a real velocity, not a complex one")
        if not isinstance(self.velocity, Real):
            raise ValueError(f"the stencil of {self!r} varies from point to point")
        return self.side(float(self.velocity) >= 0, ascending)

    def lowest(self, points: int, shift: Fraction, inward: int) -> int:
        return self._only(ascending=True).lowest(points, shift, inward)

    def band(
        self, order: int, acc: int, source: Axis, target: Axis, closure: tuple[Closure, Closure]
    ) -> Band:
        return self._only(source.ascending).band(order, acc, source, target, closure)
