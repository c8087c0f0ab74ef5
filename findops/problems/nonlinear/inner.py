"""Linear systems of Newton's steps: factored, or iterated behind a preconditioner that is kept.

Iterations end by the preconditioned residual, which is about the error of a step: the natural
monotonicity test compares steps, not residuals (Deuflhard, 2004).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from findops.common.memory import available_bytes
from findops.problems.linear.costs import Costs
from findops.problems.linear.direct import inverse
from findops.problems.linear.krylov import Krylov, NoConvergenceError
from findops.problems.linear.nearest_sum import nearest_sum
from findops.problems.linear.preconditioners import bordered, incomplete_factors, multigrid

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem

__all__ = ["PRECONDITIONED", "GivenSolver", "InnerSolver", "StepSolver"]

Solve = Callable[["Array", float], "Array"]
"""Returns the solution for b, given the part of it that may be wrong."""

InnerSolver = Callable[["csr_array"], Solve]
"""Makes a matrix ready."""

FACTORED = 2
"""Times that factors may cost what iterations do and still be taken: they do not fail."""

WORN = 20
"""Iterations from which on a preconditioner is made anew for the next matrix."""

ROW_SIZE = 1.0
"""About the largest sum of absolute values in a row of a preconditioned matrix."""


@dataclass(frozen=True, eq=False)
class GivenSolver:
    """A user's function of the matrix and the right-hand side."""

    function: Callable[[Any, Array], Array]
    method = "Newton"

    def __call__(self, matrix: csr_array) -> Solve:
        """Return what solves with a matrix."""
        return lambda b, _: self.function(matrix, b)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What was made of a matrix: it solves with that one, and maybe with others near it."""

    matrix: csr_array
    solve: Callable[[csr_array, Array, float], tuple[Array, int]]
    """Given a matrix, b and the part that may be wrong, returns x and the number of iterations."""


class StepSolver:
    """Methods that solve with one matrix after another, the next where one fails.

    Parameters
    ----------
    system : AffineSystem
        Whose unknowns the matrices act on.
    name : str
        ``"direct"``, one of `PRECONDITIONED`, or ``"auto"``: factors where they are cheap, else
        iterations.
    growth : float
        Times that an inverse may enlarge a right-hand side before the matrix counts as singular.
    """

    def __init__(self, system: AffineSystem, name: str, growth: float) -> None:
        self._system, self._growth = system, growth
        self._names = deque([] if name == "auto" else [name])
        self._prepared: Prepared | None = None
        self._iterations, self._worth = 0, math.inf

    def __call__(self, matrix: csr_array) -> Solve:
        """Return what solves with a matrix; of preconditioners, that of an earlier one may serve.

        It raises ValueError if the matrix is singular, and RuntimeError if nothing converges.
        """
        if not self._names:
            self._names.extend(self._ranked(matrix))
        if self._iterations > WORN:
            self._prepared = None
        return partial(self._solve, matrix)

    @property
    def method(self) -> str:
        """How steps were solved for last."""
        name = self._names[0]
        return "Newton" if name == "direct" else f"Newton, Krylov, {PRECONDITIONED[name].title}"

    def _ranked(self, matrix: csr_array) -> list[str]:
        """Return what is tried, first to last."""
        costs = Costs(self._system, matrix)
        fits = costs.direct.bytes <= available_bytes()
        # Where components couple as velocity and pressure do, one by one they are near nothing, and
        # small preconditioned residuals do not tell of small errors.
        coupled = self._system.values.components > 1
        if fits and (coupled or costs.direct.seconds <= FACTORED * costs.krylov.seconds):
            return ["direct"]
        if fits:
            self._worth = costs.direct.seconds / costs.krylov.step
        return ["krylov", *(("amg",) if find_spec("pyamg") else ()), "direct" if fits else "ilu"]

    def _solve(self, matrix: csr_array, b: Array, part: float) -> Array:
        while True:
            new = self._prepared is None or self._prepared.matrix is matrix
            try:
                x, self._iterations = self._ready(matrix).solve(matrix, b, part)
            except NoConvergenceError as error:
                self._prepared = None
                if new:
                    self._give_up(error)
            else:
                return x

    def _ready(self, matrix: csr_array) -> Prepared:
        """Return what solves with a matrix, made of it or kept from one before."""
        name = self._names[0]
        if name == "direct" and (self._prepared is None or self._prepared.matrix is not matrix):
            solve = inverse(matrix, _singular(), self._growth)
            self._prepared = Prepared(matrix, lambda _, b, part: (solve(b), 0))  # noqa: ARG005
        elif self._prepared is None:
            precondition = PRECONDITIONED[name].make(self._system, matrix)
            self._prepared = Prepared(matrix, partial(_iterated, precondition, self._worth))
        return self._prepared

    def _give_up(self, error: NoConvergenceError) -> None:
        """Go on to the next method; refuse if there is none."""
        name = self._names.popleft()
        if not self._names:
            raise RuntimeError(
                f"solver={name!r} does not solve for a step of Newton's method: {error}; "
                "solver='direct' factors the Jacobian, start nearer to the solution"
            ) from error


def _iterated(
    precondition: Callable[[Array], Array], worth: float, matrix: csr_array, b: Array, part: float
) -> tuple[Array, int]:
    """Return x with about ‖x − A⁻¹b‖ ≤ part · ‖A⁻¹b‖, measured as the preconditioner inverts."""

    def product(x: Array) -> Array:
        return precondition(matrix @ x)

    A = LinearOperator(matrix.shape, matvec=product, dtype=matrix.dtype)
    return Krylov(A, lambda r: r, False, ROW_SIZE, part)(precondition(b), worth)


@dataclass(frozen=True)
class Preconditioned:
    """Iterations behind a preconditioner that is made of the matrix."""

    title: str
    make: Callable[[AffineSystem, csr_array], Callable[[Array], Array]]


def _nearest_sum(system: AffineSystem, matrix: csr_array) -> Callable[[Array], Array]:
    """Return the inverse of the nearest Kronecker sum of each component.

    Raises
    ------
    NoConvergenceError
        If the unknowns are no box, or there is no such sum.
    """
    box = system.unknowns.box
    if box is None:
        raise NoConvergenceError("the unknowns of the grid are no box, as a Kronecker sum needs")
    shape = tuple(part.stop - part.start for part in box)[-system.values.grid.ndim :]
    points = math.prod(shape)
    blocks = [slice(a, a + points) for a in range(0, system.count, points)]
    sums = [nearest_sum(sparse.csr_array(matrix[block, block]), shape) for block in blocks]
    near = [each for each in sums if each is not None]
    if len(near) < len(sums):
        raise NoConvergenceError("the Jacobian is near no sum of one-dimensional matrices")

    def invert(r: Array) -> Array:
        parts = zip(near, blocks, strict=True)
        return np.concatenate([each.inverse(r[block]) for each, block in parts])

    return bordered(invert, system)


def _multigrid(system: AffineSystem, matrix: csr_array) -> Callable[[Array], Array]:
    """Return cycles of multigrid.

    Raises
    ------
    NoConvergenceError
        If means are given, whose equations have no diagonal to divide by.
    """
    if system.equations.means:
        raise NoConvergenceError("multigrid takes no given means")
    return multigrid(matrix)


PRECONDITIONED = {
    "krylov": Preconditioned("separable preconditioner", _nearest_sum),
    "amg": Preconditioned("algebraic multigrid", _multigrid),
    "ilu": Preconditioned("incomplete factorization", lambda _, matrix: incomplete_factors(matrix)),
}
"""Iterations that have names."""


def _singular() -> str:
    return (
        "the Jacobian is singular: conditions are missing or depend on each other, the equations "
        "have a null vector, or the start is a turning point"
    )
