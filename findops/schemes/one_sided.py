"""Windows to one side of the point, shifted, or given offset by offset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from findops.schemes.explicit import Explicit
from findops.values import whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

__all__ = ["Backward", "Biased", "Forward", "Offsets"]


@dataclass(frozen=True)
class Forward(Explicit):
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
class Backward(Explicit):
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
class Biased(Explicit):
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
        object.__setattr__(self, "shift", whole(self.shift, "the shift of Biased"))

    def lowest(self, points: int, shift: Fraction, inward: int) -> int:  # noqa: ARG002
        return self.shift - (points - 1) // 2


@dataclass(frozen=True)
class Offsets(Explicit):
    """Exactly the given offsets; the accuracy is what they give on evenly spaced points.

    Parameters
    ----------
    values : sequence of int
        Distinct offsets, more of them than the order of the derivative.

    Raises
    ------
    ValueError
        If offsets repeat or there are none.
    TypeError
        If one is not an integer.

    Examples
    --------
    >>> from findops import coefficients
    >>> coefficients(1, scheme=Offsets([-2, 0, 1])).accuracy
    2
    """

    values: tuple[int, ...]

    def __init__(self, values: Sequence[int]) -> None:
        if not isinstance(values, Iterable):
            raise TypeError(f"Offsets needs a sequence of offsets, but got {values!r}")
        chosen = tuple(sorted(whole(value, "an offset") for value in values))
        if not chosen or len(set(chosen)) < len(chosen):
            raise ValueError(f"Offsets needs distinct offsets, but got {list(values)}")
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
        return self.values

    def __repr__(self) -> str:
        return f"Offsets({list(self.values)})"
