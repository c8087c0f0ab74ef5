"""Summation-by-parts schemes: even spacing, a diagonal norm, rows of their own at the ends."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from findops.grids.axes import Axis
from findops.plan.band import Band, ByParts, Row
from findops.schemes.scheme import Scheme, Stencil, TooFewPointsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.common.arrays import Floats
    from findops.schemes.rational import FractionRows, Fractions
    from findops.schemes.scheme import Closure

__all__ = ["ByPartsScheme", "ExactMatrix", "exact_rows"]


@dataclass(frozen=True)
class ExactMatrix:
    """A matrix on unit spacing: its interior row, and those near the ends, in exact rationals."""

    interior: Fractions
    """Weights at the offsets −reach, …, reach."""
    head: FractionRows
    """The first rows, from their column 0 on."""
    tail: FractionRows
    """The last rows, from the last one on, and their columns from the last one on."""
    slope: Fractions = ()
    """The boundary derivative S at the left end, for second derivatives."""
    sign: int = 1
    """1 for a derivative, 0 for an approximation of zero."""


def exact_rows(
    entry: Callable[[int, int], Fraction], norm: Fractions, reach: int, width: int = 0
) -> FractionRows:
    """Return the first rows of H⁻¹ times a matrix on a half line, of some width at least."""
    count = max(len(norm), reach)
    diagonal = (*norm, *[Fraction(1)] * count)
    columns = range(max(count + reach, width))
    return tuple(tuple(entry(i, j) / diagonal[i] for j in columns) for i in range(count))


@dataclass(frozen=True)
class ByPartsScheme(Scheme):
    """A scheme with a diagonal norm, on evenly spaced axes only."""

    @property
    def fixed(self) -> bool:
        return True

    @property
    @abstractmethod
    def edge_norm(self) -> Fractions:
        """The diagonal of the norm near an end, on unit spacing; 1 elsewhere."""

    @property
    @abstractmethod
    def edge_accuracy(self) -> int:
        """The accuracy of the rows at the ends."""

    @abstractmethod
    def exact_matrix(self, order: int) -> ExactMatrix:
        """Return the matrix of a derivative on unit spacing."""

    def facing(self, ascending: bool) -> ByPartsScheme:  # noqa: ARG002  # upwind schemes do
        """Return the scheme in index space: on descending axes, upwind schemes change sides."""
        return self

    def norm(self, axis: Axis) -> Floats:
        """Return the diagonal of the norm H on an axis: the weights of a quadrature, (n,).

        Raises
        ------
        TypeError
            If it is no axis.
        ValueError
            If the axis is unevenly spaced or too short.

        Examples
        --------
        >>> from findops import SBP, Uniform
        >>> 48 * SBP(4).norm(Uniform(n=9, step=1))
        array([17., 59., 43., 49., 48., 49., 43., 59., 17.])
        """
        if not isinstance(axis, Axis):
            raise TypeError(f"{self!r}: norm needs an axis, such as grid['x'], not {axis!r}")
        spacing = abs(self._spacing_of(axis, 2 * len(self.edge_norm)))
        weights = np.full(len(axis), float(spacing))
        if not axis.periodic:
            edge = [float(w * spacing) for w in self.edge_norm]
            weights[: len(edge)] = edge
            weights[len(axis) - len(edge) :] = edge[::-1]
        return weights

    def stencil(self, order: int, acc: int, shift: Fraction = Fraction(0)) -> Stencil:  # noqa: ARG002  # points are nodes, and the accuracy is the scheme's
        weights = self.exact_matrix(order).interior
        taps = {Fraction(i - len(weights) // 2): w for i, w in enumerate(weights) if w}
        return Stencil(tuple(taps), tuple(taps.values()))

    def band(
        self,
        order: int,
        acc: int,
        source: Axis,
        target: Axis,  # noqa: ARG002  # the same as the source
        closure: tuple[Closure, Closure],
    ) -> Band:
        made, n = self.facing(source.ascending).exact_matrix(order), len(source)
        spacing = self._spacing_of(source, max(2 * len(made.head), len(made.slope)))
        self.check_ends(source, closure)
        # An approximation of zero does not change with the direction of the axis.
        scale = 1 / (spacing if made.sign else abs(spacing)) ** order
        reach = len(made.interior) // 2
        head, tail = ((), ()) if source.periodic else (made.head, made.tail)
        return Band(
            n,
            n,
            tuple(range(-reach, reach + 1)),
            np.array([float(w * scale) for w in made.interior]),
            head=tuple(_row(entries, scale) for entries in head),
            tail=tuple(_mirrored(_row(entries, scale), n) for entries in reversed(tail)),
            periodic=source.periodic,
            order=order,
            acc=acc,
            sign=made.sign,
            law=None if source.periodic else self._law(made, order, source),
        ).compressed()

    def _law(self, made: ExactMatrix, order: int, axis: Axis) -> ByParts:
        unit = 1 / abs(self.spacing(axis))
        # Outwards, a derivative at the first point has the other sign.
        low, high = made.slope, tuple(-w for w in made.slope)
        if order == 1 and made.sign:
            low, high = made.head[0], made.tail[0]
        slopes = (_row(low, -unit), _mirrored(_row(high, unit), len(axis))) if low else None
        return ByParts(self.norm(axis), slopes)

    def _spacing_of(self, axis: Axis, points: int) -> Fraction:
        """Return the spacing of an axis that is long enough."""
        spacing = self.spacing(axis)
        if not axis.periodic and len(axis) < points:
            raise TooFewPointsError(points, len(axis))
        return spacing


def _row(entries: Fractions, scale: Fraction) -> Row:
    columns = np.array([j for j, w in enumerate(entries) if w], dtype=np.intp)
    return Row(columns, np.array([float(entries[j] * scale) for j in columns]))


def _mirrored(row: Row, n: int) -> Row:
    return Row(n - 1 - row.columns[::-1], row.weights[::-1])
