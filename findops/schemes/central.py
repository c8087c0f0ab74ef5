"""Central differences: windows symmetric about the point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from findops.schemes.explicit import Explicit, Line

__all__ = ["Central"]


@dataclass(frozen=True)
class Central(Explicit):
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

    staggers: ClassVar[bool] = True

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

    def interior(self, acc: int, line: Line) -> tuple[int, ...]:
        narrow = self.offsets(line.order, acc, line.shift)
        if line.source.spacing is not None or len(narrow) >= line.order + acc:
            return narrow
        return narrow if line.gains(narrow) else self._symmetric(line.order + acc + 1, line.shift)

    def _symmetric(self, points: int, shift: Fraction) -> tuple[int, ...]:
        first = self.lowest(points, shift, 1)
        return tuple(range(first, first + points))
