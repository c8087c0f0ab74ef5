"""Coefficients given at nodes, which stand at half points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from findops.expressions.expression import Expr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from findops.expressions.expression import AxisName, Coef, Field

__all__ = ["HalfPointMean", "Mean"]

Mean = Literal["arithmetic", "harmonic"]


@dataclass(frozen=True, repr=False)
class HalfPointMean(Expr):
    """Multiplication at the half points of an axis by a coefficient that is given at the nodes.

    Its arithmetic mean is interpolated, the harmonic one is 1 over what interpolates 1/k.
    """

    coefficient: Coef | Field
    axis: AxisName
    acc: int
    mean: Mean
    rough: bool
    """Let its error jump from row to row, so that at acc 2 every mean is of two neighbors."""

    @property
    def multiplies(self) -> bool:
        return True

    def _parts(self) -> Iterable[Expr]:
        return (self.coefficient,)
