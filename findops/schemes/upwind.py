"""Upwind differences: the side that the flow comes from."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from findops.schemes.explicit import Explicit
from findops.schemes.one_sided import Backward, Forward

if TYPE_CHECKING:
    from fractions import Fraction

    from findops.axes import Axis
    from findops.band import Band
    from findops.schemes.scheme import Closure

__all__ = ["Upwind"]


@dataclass(frozen=True, eq=False)
class Upwind(Explicit):
    """One-sided windows on the side that the flow comes from.

    Where the velocity is positive or zero the values come from smaller coordinates, elsewhere from
    larger ones. Values on the other side are not touched.

    Parameters
    ----------
    velocity : coefficient
        A number, array, callable, SymPy expression or ``Field``. Arrays compare by identity.

    Examples
    --------
    >>> from findops import Diff, Uniform, Grid
    >>> D = Diff("x", acc=1, scheme=Upwind(-2.0)).on(Grid(x=Uniform(0, 4, 5)))
    >>> D.stencil((1,))
    {(0,): -1.0, (1,): 1.0}
    """

    velocity: object

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

    def side(self, positive: bool, ascending: bool = True) -> Explicit:
        """Return the one-sided scheme for a direction of flow and of the axis."""
        return Backward() if positive == ascending else Forward()

    def _only(self, ascending: bool) -> Explicit:
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
