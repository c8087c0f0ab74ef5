"""Preconditioners of Krylov iterations: the nearest separable problem, multigrid, incomplete LU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spilu

from findops.common.factors import Factors
from findops.conditions.elimination import EliminationSystem
from findops.conditions.equilibration import equilibration
from findops.conditions.row_replacement import RowReplacementSystem
from findops.operators.operator import Operator
from findops.plan.program import Chain, Factor, Program, Term
from findops.problems.linear.krylov import NoConvergenceError
from findops.problems.linear.separable import fast_diagonalization

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.problems.linear.blocks import BlockDiagonalization
    from findops.problems.linear.diagonalization import FastDiagonalization


__all__ = [
    "NearestSeparable",
    "bordered",
    "diagonal_inverse",
    "incomplete_factors",
    "multigrid",
    "nearest_separable",
]

SAME_EIGENVALUE = 1e-9
"""Part of the largest eigenvalue by which two may differ and still be one."""

DROPPED = 1e-4
"""Part of a column below which entries of incomplete factors are dropped."""

FILL = 10
"""Times that incomplete factors may have as many entries as the matrix."""


@dataclass(frozen=True, eq=False)
class NearestSeparable:
    """A separable problem scaled to the size of another: scale · A₀ · scale."""

    fast: FastDiagonalization | BlockDiagonalization
    scale: Array

    @cached_property
    def one_sign(self) -> bool:
        """Whether its eigenvalues are real and of one sign."""
        values = self.fast.eigenvalues()
        if np.iscomplexobj(values) and values.imag.any():
            return False
        low, high = values.real.min(initial=0), values.real.max(initial=0)
        return bool(min(-low, high) <= SAME_EIGENVALUE * max(-low, high))

    def inverse(self, r: Array) -> Array:
        """Return its solution, zero eigenvalues replaced by those nearest zero."""
        return self.fast.solve_regularized(r / self.scale) / self.scale


def nearest_separable(system: AffineSystem) -> NearestSeparable | None:
    """Return the problem whose coefficients are their means, None if even that does not separate.

    Concus and Golub (1973): −∇·k∇ is near √k (−∇²) √k for smooth k, whatever its range. What only
    multiplies becomes the nearest sum of functions of one coordinate each, but a number in systems,
    whose components share eigenvectors.
    """
    # Rows that conditions replace are unknowns of a system, of which a separable one has none.
    op = system.operator
    if not isinstance(op, Operator) or isinstance(system, RowReplacementSystem):
        return None
    mean = _averaged_operator(op)
    if mean is None:
        return None
    averaged = EliminationSystem(mean, replace(system.equations, means=()))
    fast = fast_diagonalization(averaged)
    if fast is None:
        return None
    own, near = np.abs(system.diagonal), np.abs(averaged.diagonal)
    ratio = np.divide(own, near, out=np.zeros_like(own), where=near > 0)
    scale = np.sqrt(np.where(ratio > 0, ratio, 1)).reshape(system.shape)
    return NearestSeparable(fast, system.unknowns.of(scale))


def _averaged_operator(op: Operator) -> Operator | None:
    """Return an operator whose coefficients are their means, without mixed derivatives."""
    chains = []
    for part in op.program.parts:
        if not isinstance(part, Chain):
            return None
        axes = {i for term in part.terms for i, band in enumerate(term.bands) if band is not None}
        if not axes and op.program.inputs.count == 1:
            chains.append(replace(part, terms=(_nearest_sum(part),)))
        elif len(axes) <= 1:
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
    """Return a cycle of PyAMG's multigrid as a preconditioner.

    It is that of Ruge and Stüben (1987), or for complex matrices of smoothed aggregation.

    Raises
    ------
    ModuleNotFoundError
        If PyAMG is not installed.
    NoConvergenceError
        If it finds no coarser matrices.
    """
    try:
        import pyamg
    except ModuleNotFoundError as error:
        error.add_note("solver='amg' needs PyAMG: pip install \"findops[solvers]\"")
        raise

    matrix = matrix.tocsr()
    try:
        if matrix.dtype.kind == "c":
            made = pyamg.smoothed_aggregation_solver(matrix, symmetry="symmetric")
        else:
            made = pyamg.ruge_stuben_solver(matrix)
        cycle = made.aspreconditioner()
        cycle @ np.ones(matrix.shape[0])  # the coarsest matrix is inverted only here
    except (ValueError, np.linalg.LinAlgError) as error:
        raise NoConvergenceError(f"PyAMG finds no coarser matrices: {error}") from error

    def apply(r: Array) -> Array:
        if matrix.dtype.kind != "c" and np.iscomplexobj(r):
            # PyAMG takes no complex data beside real matrices, and reads none that is strided.
            return apply(r.real.copy()) + 1j * apply(r.imag.copy())
        return np.asarray(cycle @ r)

    return apply


def incomplete_factors(matrix: csr_array) -> Callable[[Array], Array]:
    """Return an incomplete LU factorization of the matrix, its rows and columns of one size.

    Raises
    ------
    NoConvergenceError
        If a pivot is zero.
    """
    left, right = equilibration(matrix)
    scaled = (sparse.diags_array(left) @ matrix @ sparse.diags_array(right)).tocsc()
    try:
        factors = Factors(spilu(scaled, drop_tol=DROPPED, fill_factor=FILL), scaled.dtype)
    except RuntimeError as error:
        raise NoConvergenceError(f"an incomplete factorization came to no end: {error}") from None
    return lambda r: right * factors.solve(left * r)


def bordered(inverse: Callable[[Array], Array], system: AffineSystem) -> Callable[[Array], Array]:
    """Return a preconditioner with means and their constants, given one without them."""
    if not system.equations.means:
        return inverse
    columns, rows, count = system.constant_columns.toarray(), system.mean_rows, system.count
    responses = np.column_stack([inverse(column) for column in columns.T])
    complement = rows @ responses

    def solve(r: Array) -> Array:
        x = inverse(r[:count])
        constants = np.linalg.solve(complement, rows @ x - r[count:])
        return np.concatenate([x - responses @ constants, constants])

    return solve
