"""Artificial dissipation in the norm of a summation-by-parts scheme, and remainder terms."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

from findops.common.arguments import as_integer, check_at_most
from findops.schemes.sbp.base import ByPartsScheme, ExactMatrix, exact_rows
from findops.schemes.sbp.derivation import squared_difference, undivided_difference

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.schemes.rational import Fractions

__all__ = ["DissipationScheme", "Remainder"]

MOST_ORDER = 100
"""Order of dissipation, at most: the rows of higher ones take seconds."""


@dataclass(frozen=True)
class ZeroApproximation(ByPartsScheme):
    """An approximation of zero that vanishes with the spacing, in the norm of another scheme."""

    by: ByPartsScheme

    def __post_init__(self) -> None:
        if not isinstance(self.by, ByPartsScheme):
            raise TypeError(
                f"Dissipation needs a scheme with a norm, such as SBP(4), not {self.by!r}"
            )

    def claim(self, order: int, acc: int | None) -> int:
        super().claim(order, acc)
        return self.by.claim(1, None)

    @property
    def edge_norm(self) -> Fractions:
        return self.by.edge_norm

    @property
    def edge_accuracy(self) -> int:
        return self.by.edge_accuracy


@dataclass(frozen=True)
class DissipationScheme(ZeroApproximation):
    """−2⁻ᵖ·h⁻¹·H⁻¹ΔᵀΔ, Δ being the undivided difference of order p/2.

    Parameters
    ----------
    by : SBP or UpwindSBP
        Whose norm is H.
    p : int
        Order of the term, even.
    """

    p: int

    @property
    def part_of(self) -> str:
        return f"Dissipation(…, {self.by!r})"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "p", as_integer(self.p, "the order of Dissipation"))
        if self.p % 2 or self.p < 2:
            raise ValueError(
                f"the order of Dissipation must be even and at least 2, but is {self.p}"
            )
        check_at_most(self.p, MOST_ORDER, "the order of Dissipation", "2 to 8 are usual")

    def exact_matrix(self, order: int) -> ExactMatrix:  # noqa: ARG002  # there is one only
        return _dissipation(self.edge_norm, self.p // 2)


@dataclass(frozen=True)
class Remainder(ZeroApproximation):
    """An undivided difference δ of order k at each point, from some distance on, or −c·H⁻¹δᵀ.

    The second times a coefficient times the first is a term of the remainder in a narrow second
    derivative. Points where the first derivative has rows of its own have none.

    Parameters
    ----------
    by : SBP
        Whose norm is H.
    k, start : int
        The order of the difference, and where it begins relative to its point.
    strength : Fraction or None
        c for the transpose, None for the difference itself.
    """

    k: int
    start: int
    strength: Fraction | None = None

    @property
    def part_of(self) -> str:
        return f"Diffusion(…, scheme={self.by!r})"

    def exact_matrix(self, order: int) -> ExactMatrix:  # noqa: ARG002  # there is one only
        return _remainder(self.edge_norm, self.edge_accuracy, self.k, self.start, self.strength)


@cache
def _dissipation(norm: Fractions, k: int) -> ExactMatrix:
    scale = Fraction(-1, 4**k)
    head = exact_rows(lambda i, j: scale * squared_difference(k, i, j), norm, k)
    middle = tuple(scale * squared_difference(k, 2 * k, 2 * k + d) for d in range(-k, k + 1))
    return ExactMatrix(middle, head, head, sign=0)


@cache
def _remainder(
    norm: Fractions, half: int, k: int, start: int, strength: Fraction | None
) -> ExactMatrix:
    delta, first = undivided_difference(k), len(norm)

    def matrix(start: int, turn: int) -> Callable[[int, int], Fraction]:
        """Return the entries on a half line."""

        def difference(i: int, j: int) -> Fraction:
            inside = i >= first and 0 <= j - i - start <= k
            return turn * delta[j - i - start] if inside else Fraction(0)

        if strength is None:
            return difference
        return lambda i, j: -strength * difference(j, i)

    ones = (Fraction(1),) * (first + half)
    diagonal = ones if strength is None else (*norm, *ones[first:])
    far = 2 * len(diagonal)
    interior = tuple(matrix(start, 1)(far, far + d) for d in range(-half, half + 1))
    head = exact_rows(matrix(start, 1), diagonal, half)
    # From the other end, a difference runs the other way.
    tail = exact_rows(matrix(-start - k, (-1) ** k), diagonal, half)
    return ExactMatrix(interior, head, tail, sign=0)
