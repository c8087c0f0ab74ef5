"""Traces: values and slopes on a face; and the places where conditions hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.axes import Half
from findops.derivative import Diff, Interpolate
from findops.nodes import Coef, Identity
from findops.points import Points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.expr import Expr
    from findops.grid import Grid

__all__ = ["Place", "Trace"]


@dataclass(frozen=True)
class Trace:
    """a·u + b·∂u/∂n on a face, n being the outward normal."""

    a: Expr
    b: Expr

    @property
    def parts(self) -> tuple[Expr, Expr]:
        """Both factors."""
        return self.a, self.b

    def on(self, grid: Grid, face: str, acc: int) -> Expr:
        """Return the expression for a face, of an order of accuracy."""
        i = grid.face_axis(face)
        name, axis = grid.names[i], grid.axes[i]
        upper = face.endswith("+")
        outward = 1 if upper == axis.ascending else -1
        value: Expr
        slope: Expr
        if axis.walls[0] == axis.origin:
            value, slope = Identity(), Diff(name, 1, acc)
        else:
            # The face lies half a spacing beyond the points.
            to = "node" if isinstance(axis, Half) else "half"
            value, slope = Interpolate(name, to, acc), Diff(name, 1, acc, to=to)
        return self.a * value + outward * self.b * slope

    def __str__(self) -> str:
        terms = [(self.a, "u"), (self.b, "∂u/∂n")]
        parts = (n if c == Identity() else f"{c}·{n}" for c, n in terms if c != Coef(0))
        return " + ".join(parts)


@dataclass(frozen=True, eq=False)
class Place:
    """Where a condition holds: a face of the grid, or points inside.

    Parameters
    ----------
    face : str or None
        Name of the face, None for points inside.
    mask : array of bool
        The points, in the shape of the grid.
    """

    face: str | None
    mask: NDArray[np.bool_]

    def grid(self, points: Grid) -> Grid:
        """Return the grid of the face that an expression with values at `points` is given on.

        For points inside, it is the whole one.
        """
        if self.face is None:
            return points
        i = points.face_axis(self.face)
        end = points.axes[i].coordinates[0 if self.face.endswith("-") else -1]
        return points.replace(i, Points([end]))

    def flat(self, values: NDArray[Any], where: Grid) -> NDArray[Any]:
        """Return values that broadcast to its grid, at its points, flat."""
        spread = np.broadcast_to(values, where.shape)
        return spread[self.mask] if self.face is None else spread.ravel()
