"""What solves boundary-value problems: fields, and functions from right-hand sides to fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.problems.singular import without_null

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from findops.boundary import AffineSystem

    Array = NDArray[Any]

__all__ = ["Factored", "Solution"]


@dataclass(frozen=True, eq=False)
class Solution:
    """What solves a boundary-value problem.

    Parameters
    ----------
    u : array, (*components, *grid)
        The field, boundary included.
    residual : float
        ‖b − A x‖ / (‖A‖ ‖x‖ + ‖b‖) of the system under the conditions, in the largest norm: some
        1e-16 where the system is solved as well as its numbers are represented. For nonlinear
        problems the largest ‖f(u) − rhs‖ / (‖|J| |u|‖ + ‖rhs‖) of all components, in rows of one
        size.
    method : str
        How it was found.
    iterations : int
        How many steps an iterative method took, 0 for a direct one.
    constants : array, (means,)
        What balances the means that conditions give: L u + constant = f.
    """

    u: Array
    residual: float
    method: str
    iterations: int
    constants: Array


@dataclass(frozen=True, eq=False)
class Factored:
    """A boundary-value problem made ready: a function from right-hand sides to fields."""

    system: AffineSystem
    solver: Callable[[Array], tuple[Array, int]]
    method: str
    null: Array | None = None
    """What may be added to a solution, columns (n, k)."""

    def __call__(self, rhs: ArrayLike = 0, t: float | None = None) -> Array:
        """Return the field for a right-hand side, boundary included."""
        return self.system.lift(self._solved(self.system.rhs(rhs, t))[0], t)

    def solution(self, rhs: ArrayLike = 0, t: float | None = None) -> Solution:
        """Return the field for a right-hand side, and how well it solves the system."""
        b = self.system.rhs(rhs, t)
        x, iterations = self._solved(b)
        u = self.system.lift(x, t)
        left = np.abs(b - self.system.matvec(x)).max(initial=0)
        size = self.system.scale * np.abs(u).max(initial=0) + np.abs(b).max(initial=0)
        residual = float(left / size) if size else 0.0
        return Solution(u, residual, self.method, iterations, x[len(self.system.free) :])

    def _solved(self, b: Array) -> tuple[Array, int]:
        if not np.isfinite(b).all():
            raise ValueError(
                f"{self.system!r}: the right-hand side and the values of the conditions must be "
                f"finite, but {(~np.isfinite(b)).sum()} of {b.size} equations are not"
            )
        x, iterations = self.solver(b)
        if not np.isfinite(x).all():
            raise ValueError(f"{self.system!r}: what the solver returned is not finite")
        if self.null is not None and self.null.shape[1]:
            x = without_null(self.system, x, self.null)
        return x, iterations
