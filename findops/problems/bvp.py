"""Boundary-value problems: L u = f under conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.conditions import as_conditions
from findops.expr import Expr
from findops.field import as_field
from findops.grid import Grid
from findops.problems.counting import check_conditions
from findops.problems.direct import direct
from findops.problems.separable import separable
from findops.values import kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from findops.boundary import AffineSystem
    from findops.conditions import Condition
    from findops.expr import Closures
    from findops.operator import Operator

    Array = NDArray[Any]

__all__ = ["BVP", "Factored", "Solution"]

Solver = str | Callable[[Any, "Array"], Any]
"""``"auto"``, ``"fast"``, ``"direct"``, or a function of (A, b) that returns x."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What solves a boundary-value problem.

    Parameters
    ----------
    u : array, (*components, *grid)
        The field, boundary included.
    residual : float
        ‖b − A x‖ / (‖A‖ ‖x‖ + ‖b‖) of the system under the conditions, in the largest norm: some
        1e-16 where the system is solved as well as its numbers are represented.
    method : str
        How it was found.
    """

    u: Array
    residual: float
    method: str


@dataclass(frozen=True, init=False, eq=False)
class BVP:
    """The problem L u = f in a grid, under conditions.

    Parameters
    ----------
    L : Expr
        The operator.
    grid : Grid
        Where the field lives.
    conditions : Condition or iterable of them
        As many along each axis as L differentiates there, if the closure is accurate: others
        continue the field, as conditions do. Periodic axes need none.
    closure : str, int or dict by face
        What happens where stencils stick out, as in ``L.on``.
    **fields
        Values of the free fields of L.

    Raises
    ------
    ValueError
        If a face lacks its condition, or there are too many.
    TypeError
        If L is no expression, or `grid` no grid.

    Examples
    --------
    >>> from findops import Dirichlet, Laplacian, Uniform
    >>> square = Grid(x=Uniform(0, 1, 33), y=Uniform(0, 1, 33))
    >>> found = BVP(Laplacian(), square, Dirichlet("boundary")).solve(-1)
    >>> float(found.u.max().round(3)), found.method
    (0.074, 'fast diagonalization')
    """

    operator: Operator
    """The operator on the grid."""
    system: AffineSystem
    """What is left of it under the conditions."""

    def __init__(
        self,
        L: Expr,  # the operator's name in the literature
        grid: Grid,
        conditions: Condition | Iterable[Condition] = (),
        closure: Closures = "accurate",
        **fields: object,
    ) -> None:
        if not isinstance(L, Expr):
            raise TypeError(f"BVP needs an expression such as Laplacian(), not {kind(L)}")
        if not isinstance(grid, Grid):
            raise TypeError(f"BVP needs a Grid, not {kind(grid)}")
        object.__setattr__(self, "operator", L.on(grid, closure, **fields))
        listed = as_conditions(conditions)
        object.__setattr__(self, "system", self.operator.subject_to(listed))
        if closure == "accurate":
            check_conditions(L, grid, listed)

    def solve(self, rhs: ArrayLike = 0, solver: Solver = "auto") -> Solution:
        """Solve for one right-hand side.

        Parameters
        ----------
        rhs : array_like, (*components, *grid), or number
            f. Its values where conditions stand are not used.
        solver : str or callable
            ``"auto"`` takes fast diagonalization where the operator is a sum of one-dimensional
            ones with constant coefficients, and a sparse factorization otherwise; ``"fast"`` and
            ``"direct"`` ask for them. A function of the matrix and the right-hand side returns x.

        Returns
        -------
        Solution

        Raises
        ------
        ValueError
            If the problem is singular and `rhs` not in its range, or not separable for "fast".
        """
        return self.factor(solver).solution(rhs)

    def factor(self, solver: Solver = "auto") -> Factored:
        """Prepare for many right-hand sides: returns a function rhs ↦ u."""
        if callable(solver):
            matrix = self.system.matrix
            return Factored(self.system, lambda b: _returned(solver(matrix, b), b), "given")
        if solver not in ("auto", "fast", "direct"):
            raise ValueError(
                f"solver must be 'auto', 'fast', 'direct' or a function of (A, b), not {solver!r}"
            )
        fast = separable(self.system) if solver != "direct" else None
        if fast is not None:
            return Factored(self.system, fast, "fast diagonalization")
        if solver == "fast":
            raise ValueError(
                f"{self.operator!r} under these conditions is no sum of one-dimensional operators "
                "with constant coefficients, as solver='fast' needs"
            )
        return Factored(self.system, direct(self.system), "sparse factorization")


def _returned(x: Any, b: Array) -> Array:
    """Return what a user's solver returned, if that can be the solution."""
    if isinstance(x, tuple) or np.shape(x) != b.shape:
        raise TypeError(
            f"solver(A, b) must return x alone, of shape {b.shape}, but returned "
            f"{kind(x) if isinstance(x, tuple) else np.shape(x)}"
        )
    return np.asarray(x)


@dataclass(frozen=True, eq=False)
class Factored:
    """A boundary-value problem made ready: a function from right-hand sides to fields."""

    system: AffineSystem
    solver: Callable[[Array], Array]
    method: str

    def __call__(self, rhs: ArrayLike = 0) -> Array:
        """Return the field for a right-hand side, boundary included."""
        return self._solved(self._given(rhs))[0]

    def solution(self, rhs: ArrayLike = 0) -> Solution:
        """Return the field for a right-hand side, and how well it solves the system."""
        f = self._given(rhs)
        u, b = self._solved(f)
        left = self.system.restrict(f - self.system.operator(u))
        size = self._size * np.abs(u).max(initial=0) + np.abs(b).max(initial=0)
        residual = float(np.abs(left).max(initial=0) / size) if size else 0.0
        return Solution(u, residual, self.method)

    def _given(self, rhs: ArrayLike) -> Array:
        system = self.system
        f = as_field(rhs)
        if f.ndim and f.shape != system.shape:
            raise ValueError(f"the right-hand side needs shape {system.shape}, but has {f.shape}")
        return np.broadcast_to(f, system.shape)

    def _solved(self, f: Array) -> tuple[Array, Array]:
        """Return the field, and the right-hand side of the system for it."""
        system = self.system
        # The operator needs no matrix to tell what the given values at the boundary contribute.
        outside = system.lift(np.zeros(len(system.free), self._type(f)))
        b = system.restrict(f - system.operator(outside))
        return system.lift(self.solver(b)), b

    def _type(self, f: Array) -> Any:
        return np.result_type(f, self.system.operator.dtype)

    @cached_property
    def _size(self) -> float:
        """The largest diagonal entry, which bounds the matrix up to a small factor."""
        return float(np.abs(self.system.operator.diagonal()).max(initial=0))
