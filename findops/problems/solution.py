"""What solves boundary-value problems: fields, and functions from right-hand sides to fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.problems.singular import largest, without_null

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from findops.boundary import AffineSystem
    from findops.problems.singular import NullField

    Array = NDArray[Any]

__all__ = ["Factored", "Solution"]


@dataclass(frozen=True, eq=False, repr=False)
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

    def __repr__(self) -> str:
        return f"<Solution {self.u.shape} by {self.method}, residual {self.residual:.1e}>"


@dataclass(frozen=True, eq=False)
class Factored:
    """A boundary-value problem made ready: a function from right-hand sides to fields."""

    system: AffineSystem
    solver: Callable[[Array], tuple[Array, int]]
    """What solves the system; it may overwrite its right-hand side."""
    method: str
    null: Sequence[NullField] = ()
    """What may be added to a solution."""

    def __call__(self, rhs: ArrayLike = 0, t: float | None = None) -> Array:
        """Return the field for a right-hand side, boundary included."""
        return self._solved(self.system.rhs(rhs, t), t)[0]

    def solution(self, rhs: ArrayLike = 0, t: float | None = None) -> Solution:
        """Return the field for a right-hand side, and how well it solves the system."""
        b = self.system.rhs(rhs, t)
        given = largest(b)
        u, constants, iterations = self._solved(b, t)
        # The residual takes as much memory again.
        del b
        left = largest(self.system.residual(u, constants, rhs, t))
        size = self.system.scale * largest(u) + given
        return Solution(u, left / size if size else 0.0, self.method, iterations, constants)

    def _solved(self, b: Array, t: float | None) -> tuple[Array, Array, int]:
        """Return the field, the constants that balance means, and the number of iterations."""
        if not np.isfinite(b).all():
            raise ValueError(
                f"{self.system!r}: the right-hand side and the values of the conditions must be "
                f"finite, but {(~np.isfinite(b)).sum()} of {b.size} equations are not"
            )
        x, iterations = self.solver(b)
        if not np.isfinite(x).all():
            raise ValueError(f"{self.system!r}: what the solver returned is not finite")
        u = without_null(self.system.lift(x, t), self.null)
        # A view would keep all of x.
        return u, x[self.system.count :].copy(), iterations
