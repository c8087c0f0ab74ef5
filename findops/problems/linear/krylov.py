"""Krylov methods for systems too large to factor, and their preconditioners.

These are the nearest separable problem, which fast diagonalization inverts, and multigrid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import LinearOperator, bicgstab, cg

from findops.common.blas import blas_threads
from findops.common.progress import Bar
from findops.conditions.elimination import EliminationSystem
from findops.conditions.row_replacement import RowReplacementSystem
from findops.masked.operator import Masked
from findops.operators.operator import Operator
from findops.plan.program import Chain, Factor, Program, Term
from findops.problems.linear.separable import fast_diagonalization
from findops.problems.linear.singular import no_solution, null_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.problems.linear.diagonalization import FastDiagonalization


__all__ = ["Krylov", "NearestSeparable", "diagonal_inverse", "multigrid", "nearest_separable"]


RESIDUAL_SLACK = 10
"""Times the tolerance that the true residual may be: roundoff takes the updated one from it."""

MAX_ITERATIONS = 500
"""Iterations after which a method is given up."""

SYMMETRIC_PRODUCTS = 1e-11
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
        # Products of vectors take longer to share out than to make.
        with Bar("iterations", self.progress) as bar, blas_threads(1):
            x, failed = (cg if _symmetric(A, b) else bicgstab)(
                A, b, rtol=self.tol, maxiter=MAX_ITERATIONS, M=M, callback=lambda _: bar.advance()
            )
        # Roundoff takes the residual that the iteration updates away from the true one.
        left = np.linalg.norm(b - A @ x) / (np.linalg.norm(b) or 1)
        if failed or not left <= RESIDUAL_SLACK * self.tol:
            if null := null_fields(self.system):
                raise ValueError(no_solution(null))
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
    return bool(abs(left - right) <= SYMMETRIC_PRODUCTS * np.linalg.norm(Ax) * np.linalg.norm(y))


@dataclass(frozen=True, eq=False)
class NearestSeparable:
    """A separable problem scaled to the size of another: scale · A₀ · scale."""

    fast: FastDiagonalization
    scale: Array

    def inverse(self, r: Array) -> Array:
        """Return its solution, zero eigenvalues replaced by those nearest zero."""
        return self.fast.solve_regularized(r / self.scale) / self.scale


def nearest_separable(system: AffineSystem) -> NearestSeparable | None:
    """Return the problem whose coefficients are their means, None if even that does not separate.

    Concus and Golub (1973): −∇·k∇ is near √k (−∇²) √k for smooth k, whatever its range. What only
    multiplies becomes the nearest sum of functions of one coordinate each.
    """
    # Rows that conditions replace are unknowns of a system, of which a separable one has none.
    if isinstance(system.operator, Masked) or isinstance(system, RowReplacementSystem):
        return None
    mean = _averaged_operator(system.operator)
    if mean is None:
        return None
    plain = replace(system.equations, means=())
    fast = fast_diagonalization(EliminationSystem(mean, plain))
    if fast is None or system.equations.means:
        return None
    own, near = np.abs(system.operator.diagonal()), np.abs(mean.diagonal())
    ratio = np.divide(own, near, out=np.zeros_like(own), where=near > 0)
    scale = np.sqrt(np.where(ratio > 0, ratio, 1)).reshape(system.shape)
    return NearestSeparable(fast, system.restrict(scale))


def _averaged_operator(op: Operator) -> Operator | None:
    """Return an operator whose coefficients are their means, without mixed derivatives."""
    chains = []
    for part in op.program.parts:
        if not isinstance(part, Chain):
            return None
        axes = {i for term in part.terms for i, band in enumerate(term.bands) if band is not None}
        if not axes:
            chains.append(replace(part, terms=(_nearest_sum(part),)))
        elif len(axes) == 1:
            chains.append(replace(part, terms=tuple(map(_averaged_term, part.terms))))
    program = Program(op.program.inputs, op.program.outputs, tuple(chains))
    return Operator(program, op.domain, op.range, op.ghosts, op.beyond, op.pieces)


def _averaged_term(term: Term) -> Term:
    factors = (Factor(np.mean(_filled(f.value), keepdims=True)) for f in term.factors)
    return replace(term, factors=tuple(factors))


def _filled(values: Array) -> Array:
    """Return values with their mean where they are NaN or infinite, under conditions."""
    finite = np.isfinite(values)
    return values if finite.all() else np.where(finite, values, values.mean(where=finite))


def _nearest_sum(multiplication: Chain) -> Term:
    """Return the sum of functions of one coordinate that is nearest to what multiplies."""
    first = multiplication.terms[0]
    value: Array = np.ones((1,) * len(first.bands))
    for term in multiplication.terms:
        value = value * term.coefficient
    value = _filled(value)
    mean = value.mean(keepdims=True)
    axes = range(value.ndim)
    lines = (value.mean(axis=tuple(j for j in axes if j != i), keepdims=True) for i in axes)
    return Term(first.bands, 1.0, (Factor(sum(line - mean for line in lines) + mean),))


def diagonal_inverse(system: AffineSystem) -> Callable[[Array], Array]:
    """Return the division by the matrix's diagonal as a preconditioner."""
    diagonal = system.matrix.diagonal()
    factors = 1 / np.where(diagonal == 0, 1, diagonal)
    return lambda r: factors * r


def multigrid(matrix: csr_array) -> Callable[[Array], Array]:
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

    cycle = pyamg.ruge_stuben_solver(matrix.tocsr()).aspreconditioner()
    return lambda r: np.asarray(cycle @ r)
