"""Summation by parts: first and second derivatives in a diagonal norm."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from numbers import Integral
from typing import TYPE_CHECKING

from findops.schemes.sbp.base import ByPartsScheme, ExactMatrix, exact_rows
from findops.schemes.sbp.derivation import (
    HalfLineMatrix,
    boundary_derivative,
    centered_stencil,
    first_derivative,
    remainder_terms,
    second_derivative,
)
from findops.schemes.sbp.dissipation import Remainder

if TYPE_CHECKING:
    from findops.schemes.rational import Fractions
    from findops.schemes.scheme import Scheme

__all__ = ["SBP"]

FREE_IN_Q = {6: ((4, 5),), 8: ((5, 6), (5, 7), (6, 7))}
"""Entries of Q that accuracy leaves free: q56, and q67, q68, q78, as papers count them."""

FREE_IN_M = {6: ((4, 5),), 8: ((0, 6), (0, 7), (1, 7))}
"""Entries of M that accuracy leaves free."""


@dataclass(frozen=True)
class Choice:
    """What is chosen for the free entries at one order."""

    first: Fractions = ()
    second: Fractions | None = ()
    """None where there is no second derivative."""
    last: Fraction | None = None
    """Weight of a further point of the boundary derivative."""


# q16 = 0, and q17 = q18 = q28 = 0: the least bandwidth.
LEAST_6 = (Fraction(89387, 129600),)
LEAST_8 = (Fraction(1714837, 4354560), Fraction(-1022551, 30481920), Fraction(6445687, 8709120))

M56 = (Fraction(-820271, 518400),)

CHOICES = {
    "compatible": {
        6: Choice((Fraction(7, 10),), M56),
        8: Choice(
            (Fraction(649, 1000), Fraction(-104, 1000), Fraction(755, 1000)),
            (Fraction(17, 5000), Fraction(17, 5000), Fraction(-73, 5000)),
        ),
    },
    "mattsson-nordstrom-2004": {
        6: Choice((Fraction(342523, 518400),), M56),
        8: Choice(
            (Fraction(-231661, 322560), Fraction(7120007, 33868800), Fraction(70710683, 101606400)),
            (
                Fraction(135555328849, 9216818150400),
                Fraction(0),
                Fraction(173210981, 13654545408),
            ),
            Fraction(6, 175),
        ),
    },
    "strand-1994": {6: Choice(LEAST_6, None), 8: Choice(LEAST_8, None)},
}


@dataclass(frozen=True, repr=False)
class SBP(ByPartsScheme):
    """Summation by parts: H·D + (H·D)ᵀ = diag(−1, 0, …, 0, 1) for a diagonal norm H.

    First derivatives D, and narrow second derivatives H⁻¹(−M + B S), where M is symmetric and
    positive semi-definite, B = diag(−1, 0, …, 0, 1) and S differentiates at the ends. Rows in the
    interior are of the order, those at the ends of half of it; solutions then converge with one
    order more than that in first-order problems, and two in second-order ones. With conditions
    imposed weakly, ``op.subject_to(…, impose="sat")``, no mode grows that should not.

    The coefficients are derived from these laws when first used. Where they leave entries free, at
    orders 6 and 8, a source chooses.

    Parameters
    ----------
    order : {2, 4, 6, 8}
        Accuracy in the interior.
    source : str or tuple of numbers
        ``"compatible"``: a first derivative of small spectral radius and error, q56 = 7/10, and a
        second one with M ≥ DᵀHD, in order 6 that of Mattsson and Nordström.
        ``"mattsson-nordstrom-2004"``: the operators printed there. Those of order 8 have a
        spectral radius of 124/h and a boundary derivative that bounds M hardly at all.
        ``"strand-1994"``: first derivatives of least bandwidth, which in order 6 cost advection
        half an order.
        The free entries themselves, exact: (q56,) in order 6, (q67, q68, q78) in order 8; second
        derivatives are then those of ``"compatible"``.

    Raises
    ------
    ValueError
        If there is no such order or source, or not as many entries.

    References
    ----------
    Kreiss and Scherer (1974); Strand (1994), J. Comput. Phys. 110, 47-67; Mattsson and Nordström
    (2004), J. Comput. Phys. 199, 503-540.

    Examples
    --------
    >>> from findops import Diff, Grid, Uniform
    >>> D = Diff("x", scheme=SBP(4)).on(Grid(x=Uniform(n=9, step=1)))
    >>> {offset: round(34 * weight) for (offset,), weight in D.stencil(0).items()}
    {0: -48, 1: 59, 2: -8, 3: -3}
    >>> D.accuracy
    array([2., 2., 2., 2., 4., 2., 2., 2., 2.])
    """

    order: int
    source: str | Fractions = "compatible"

    def __post_init__(self) -> None:
        if not isinstance(self.order, Integral) or self.order not in (2, 4, 6, 8):
            raise ValueError(f"SBP needs an order of 2, 4, 6 or 8, but got {self.order!r}")
        if isinstance(self.source, str):
            if self.source not in CHOICES:
                raise ValueError(f"SBP: source must be one of {list(CHOICES)}, not {self.source!r}")
            return
        free = FREE_IN_Q.get(self.order, ())
        try:
            entries = tuple(map(Fraction, self.source))
        except (TypeError, ValueError, OverflowError):
            raise TypeError(
                f"SBP: source is a name or the free entries of Q, numbers, not {self.source!r}"
            ) from None
        if len(entries) != len(free):
            names = ", ".join(f"q{i + 1}{j + 1}" for i, j in free) or "no entries"
            raise ValueError(
                f"SBP({self.order}) leaves {names} free, but {len(entries)} are given: {entries}"
            )
        object.__setattr__(self, "source", entries)

    def claim(self, order: int, acc: int | None) -> int:
        super().claim(order, acc)
        if order not in (1, 2):
            raise ValueError(
                f"{self!r} has first and second derivatives, not one of order {order}: multiply "
                "those"
            )
        if order == 2 and self._choice.second is None:
            raise ValueError(f"{self!r} has first derivatives only: choose another source")
        return self.order

    @property
    def edge_norm(self) -> Fractions:
        return self._first[0]

    @property
    def pairs(self) -> tuple[tuple[Scheme, Scheme], ...]:
        narrowed = (
            (Remainder(self, k, start, c), Remainder(self, k, start))
            for k, start, c in remainder_terms(self.edge_accuracy)
        )
        return ((self, self), *narrowed)

    @property
    def edge_accuracy(self) -> int:
        return self.order // 2

    def exact_matrix(self, order: int) -> ExactMatrix:
        return _first_rows(*self._first) if order == 1 else _second_rows(*self._second)

    @property
    def _choice(self) -> Choice:
        source = self.source if isinstance(self.source, str) else "compatible"
        return CHOICES[source].get(self.order, Choice(second=None if "strand" in source else ()))

    @property
    def _first(self) -> tuple[Fractions, HalfLineMatrix]:
        chosen = self._choice.first if isinstance(self.source, str) else self.source
        free = tuple(zip(FREE_IN_Q.get(self.order, ()), chosen, strict=True))
        return first_derivative(self.order // 2, centered_stencil(1, self.order // 2), free)

    @property
    def _second(self) -> tuple[Fractions, HalfLineMatrix, Fractions]:
        half, choice = self.order // 2, self._choice
        free = tuple(zip(FREE_IN_M.get(self.order, ()), choice.second or (), strict=True))
        return (
            self.edge_norm,
            second_derivative(half, self.edge_norm, free),
            boundary_derivative(half, choice.last),
        )

    def __repr__(self) -> str:
        given = "" if self.source == "compatible" else f", {self.source!r}"
        return f"SBP({self.order}{given})"


@cache
def _first_rows(norm: Fractions, Q: HalfLineMatrix) -> ExactMatrix:
    reach = len(Q.interior) - 1
    head = exact_rows(Q.entry, norm, reach)
    tail = tuple(tuple(-w for w in row) for row in head)
    return ExactMatrix(Q.both_sides, head, tail)


@cache
def _second_rows(norm: Fractions, M: HalfLineMatrix, S: Fractions) -> ExactMatrix:

    def entry(i: int, j: int) -> Fraction:
        end = S[j] if i == 0 and j < len(S) else Fraction(0)
        return -M.entry(i, j) - end

    head = exact_rows(entry, norm, len(M.interior) - 1, len(S))
    return ExactMatrix(tuple(-w for w in M.both_sides), head, head, S)
