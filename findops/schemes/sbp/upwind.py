"""Upwind first derivatives that sum by parts."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from numbers import Integral
from typing import TYPE_CHECKING

from findops.schemes.sbp.base import ByPartsScheme, ExactMatrix, exact_rows
from findops.schemes.sbp.derivation import (
    HalfLineMatrix,
    first_derivative,
    squared_difference,
    upwind_stencil,
)
from findops.schemes.sbp.sbp import FREE_IN_Q

if TYPE_CHECKING:
    from findops.schemes.rational import FractionRows, Fractions
    from findops.schemes.scheme import Scheme

__all__ = ["UpwindSBP"]

CHOICES_IN_Q = {
    6: (Fraction(41, 50),),
    7: (Fraction(3, 4),),
    8: (Fraction(5450, 10000), Fraction(-1275, 10000), Fraction(8179, 10000)),
    9: (Fraction(5924, 10000), Fraction(-1127, 10000), Fraction(7833, 10000)),
}
"""Free entries of Q, for a spectral radius near the least."""

FIRST_ROW_WEIGHT = {4: Fraction(1, 2), 5: Fraction(1, 2)}
"""Weight of the first row of Δ in the symmetric part."""


@dataclass(frozen=True, repr=False)
class UpwindSBP(ByPartsScheme):
    """One of the two upwind first derivatives D₊ and D₋ that sum by parts together.

    H·D₊ + (H·D₋)ᵀ = diag(−1, 0, …, 0, 1), and H·(D₊ − D₋) is symmetric and negative semi-definite:
    ``-v * Diff("x", scheme=UpwindSBP(5, "-"))`` damps for v > 0, D₊ for v < 0. Rows in the interior
    are of the order, those at the ends of half of it, rounded down.

    Up to order 5 they are Mattsson's. At orders 6 to 9 norm and stencils are his; near the ends the
    symmetric part is −s·ΔᵀΔ of the undivided differences that fit in, and free entries of the other
    part are chosen for a small spectral radius.

    Parameters
    ----------
    order : int
        Accuracy in the interior, 2 to 9.
    side : {"+", "-"}
        Where most of its points are: at larger coordinates, or at smaller ones.

    Raises
    ------
    ValueError
        If there is no such order or side.

    References
    ----------
    Mattsson (2017), J. Comput. Phys. 335, 283-310.

    Examples
    --------
    >>> from findops import Diff, Grid, Uniform
    >>> D = Diff("x", scheme=UpwindSBP(3, "-")).on(Grid(x=Uniform(n=9, step=1)))
    >>> {offset: round(6 * weight) for (offset,), weight in D.stencil(4).items()}
    {-2: 1, -1: -6, 0: 3, 1: 2}
    """

    order: int
    side: str

    def __post_init__(self) -> None:
        if not isinstance(self.order, Integral) or self.order not in range(2, 10):
            raise ValueError(f"UpwindSBP needs an order from 2 to 9, but got {self.order!r}")
        if self.side not in ("+", "-"):
            raise ValueError(f"UpwindSBP: side must be '+' or '-', not {self.side!r}")

    def claim(self, order: int, acc: int | None) -> int:
        super().claim(order, acc)
        if order != 1:
            raise ValueError(f"{self!r} has a first derivative, not one of order {order}")
        return self.order

    @property
    def edge_norm(self) -> Fractions:
        return _upwind_parts(self.order)[0]

    def facing(self, ascending: bool) -> UpwindSBP:
        return self if ascending else UpwindSBP(self.order, "-" if self.side == "+" else "+")

    @property
    def pairs(self) -> tuple[tuple[Scheme, Scheme], ...]:
        return ((self, self.facing(ascending=False)),)

    @property
    def edge_accuracy(self) -> int:
        return self.order // 2

    def exact_matrix(self, order: int) -> ExactMatrix:  # noqa: ARG002  # there is one only
        return _upwind_rows(self.order, 1 if self.side == "+" else -1)

    def __repr__(self) -> str:
        return f"UpwindSBP({self.order}, {self.side!r})"


@cache
def _upwind_parts(order: int) -> tuple[Fractions, HalfLineMatrix]:
    half = order // 2
    free = tuple(zip(FREE_IN_Q.get(2 * half, ()), CHOICES_IN_Q.get(order, ()), strict=True))
    return first_derivative(half, upwind_stencil(order)[0], free)


@cache
def _upwind_rows(order: int, sign: int) -> ExactMatrix:
    norm, Q = _upwind_parts(order)
    _, k, strength = upwind_stencil(order)

    def entry(i: int, j: int, towards: int) -> Fraction:
        damped = strength * squared_difference(k, i, j, FIRST_ROW_WEIGHT.get(order, Fraction(1)))
        return Q.entry(i, j) - towards * damped

    def rows(towards: int) -> FractionRows:
        return exact_rows(lambda i, j: entry(i, j, towards), norm, k)

    middle = tuple(entry(2 * k + len(norm), 2 * k + len(norm) + d, sign) for d in range(-k, k + 1))
    mirrored = tuple(tuple(-w for w in row) for row in rows(-sign))
    return ExactMatrix(middle, rows(sign), mirrored)
