"""Krylov methods for systems too large to factor, and multigrid as their preconditioner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, bicgstab, cg

from findops.problems.progress import Bar
from findops.problems.singular import INCONSISTENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from findops.boundary import AffineSystem

    Array = NDArray[Any]

__all__ = ["Krylov", "multigrid"]

LOST = 10
"""How many times the tolerance the residual may be, for what roundoff does on the way."""

MOST = 500
"""Iterations after which a method is given up."""

ROUNDOFF = 1e-11
"""Part of ⟨A x, y⟩ by which it may differ from ⟨x, A y⟩ if A is symmetric."""


@dataclass(frozen=True, eq=False)
class Krylov:
    """Conjugate gradients where the matrix is symmetric, else BiCGSTAB (van der Vorst, 1992)."""

    system: AffineSystem
    precondition: Callable[[Array], Array]
    tol: float
    progress: bool

    def __call__(self, b: Array) -> tuple[Array, int]:
        """Return x with ‖b − A x‖ ≤ tol ‖b‖, and the number of iterations.

        Raises
        ------
        ValueError
            If it does not converge, and the matrix is singular.
        RuntimeError
            If it does not converge.
        """
        A = self.system.aslinearoperator()
        M = LinearOperator(A.shape, matvec=self.precondition, dtype=A.dtype)
        with Bar("iterations", self.progress) as bar:
            x, failed = (cg if _symmetric(A, b) else bicgstab)(
                A, b, rtol=self.tol, maxiter=MOST, M=M, callback=lambda _: bar.advance()
            )
        # What the iteration updates may leave the true residual behind.
        left = np.linalg.norm(b - A @ x) / (np.linalg.norm(b) or 1)
        if failed or not left <= LOST * self.tol:
            if self.system.null_vectors.size:
                raise ValueError(INCONSISTENT)
            raise RuntimeError(
                f"{self.system!r}: no convergence to {self.tol:.0e} in {bar.count} iterations; the "
                f"residual is {left:.1e} of the right-hand side. solver='direct' needs more "
                "memory, and no convergence"
            )
        return x, bar.count


def _symmetric(A: LinearOperator, b: Array) -> bool:
    """Tell whether ⟨A x, y⟩ = ⟨x, A y⟩ for vectors drawn at random."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(len(b)).astype(A.dtype) for _ in range(2))
    left, right = np.vdot(y, Ax := A @ x), np.vdot(A @ y, x)
    return bool(abs(left - right) <= ROUNDOFF * np.linalg.norm(Ax) * np.linalg.norm(y))


def multigrid(system: AffineSystem) -> Callable[[Array], Array]:
    """Return a cycle of PyAMG's Ruge–Stüben multigrid as a preconditioner.

    Raises
    ------
    ModuleNotFoundError
        If PyAMG is not installed.
    """
    try:
        import pyamg
    except ModuleNotFoundError as error:
        error.add_note("solver='amg' needs PyAMG: pip install \"findops[solvers]\"")
        raise

    cycle = pyamg.ruge_stuben_solver(system.matrix.tocsr()).aspreconditioner()
    return lambda r: np.asarray(cycle @ r)
