"""Separable systems: their operator acts along one axis at a time.

Lynch, Rice and Thomas (1964): where the matrix is a Kronecker sum, the eigenvectors of the
one-dimensional matrices diagonalize it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import Number as AnyNumber
from findops.conditions.conditions import Condition, Trace
from findops.conditions.elimination import EliminationSystem
from findops.conditions.equations import Equations
from findops.conditions.row_replacement import RowReplacementSystem
from findops.expressions.expression import Coef
from findops.grids.grid import Grid
from findops.masked.operator import Masked
from findops.operators.operator import Operator
from findops.plan.program import Chain, Composition, Factor, Layout, Program, Term
from findops.problems.linear.basis import eigenbasis
from findops.problems.linear.diagonalization import FastDiagonalization

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem


__all__ = ["fast_diagonalization", "fast_solver_with_mean"]

SPLIT_ROUNDOFF = 1e-13
"""Part of a coefficient by which it may differ from a sum of functions of one coordinate each."""


def fast_diagonalization(
    system: AffineSystem, transforms: bool = True
) -> FastDiagonalization | None:
    """Return a system's matrix, diagonalized along the axes; None if it is no Kronecker sum.

    Without `transforms`, eigenvectors along every axis come from a dense matrix.
    """
    if isinstance(system.operator, Masked):
        return None
    by_axis = _by_axis(system.operator.program)
    if by_axis is None or isinstance(system, RowReplacementSystem) or system.equations.means:
        return None
    axes, lines = [], []
    for i, chains in enumerate(by_axis):
        line = _system_along(system, i, chains)
        if line is None or (made := eigenbasis(line.matrix, transforms)) is None:
            return None
        axes.append(made)
        lines.append(line)
    return FastDiagonalization(tuple(axes), tuple(lines), system.dtype.kind != "c")


def fast_solver_with_mean(system: AffineSystem) -> Callable[[Array], Array] | None:
    """Return the solver of A x + c = b, mean(x) = m, for separable A; None for any other.

    Where A is regular, c is what takes the mean of A⁻¹(b − c) to m. Where it is singular, c is what
    takes b to the range of A, and a multiple of the null vector brings the mean to m.
    """
    fast = fast_diagonalization(replace(system, equations=replace(system.equations, means=())))
    if fast is None or len(system.equations.means) != 1:
        return None
    mean, constant = system.mean_rows.toarray().ravel(), system.constant_columns.toarray().ravel()
    if not fast.vanishing.size:
        response = fast(constant)

        def regular(b: Array) -> Array:
            x = fast(b[:-1])
            c = (mean @ x - b[-1]) / (mean @ response)
            return np.append(x - c * response, c)

        return regular
    if fast.vanishing.size > 1:
        return None
    place = np.unravel_index(fast.vanishing[0], fast.shape)
    null, constant_outside = fast.eigenvector(place).ravel(), fast.outside_range(constant)

    def singular(b: Array) -> Array:
        c = (fast.outside_range(b[:-1]) / constant_outside).item()
        x = fast.solve_in_range(b[:-1] - c * constant)
        return np.append(x + (b[-1] - mean @ x) / (mean @ null) * null, c)

    return singular


def _by_axis(program: Program) -> list[list[Chain]] | None:
    """Return the chains that act along each axis, as one-dimensional ones."""
    if program.outputs.count != 1:
        return None
    by_axis: list[list[Chain]] = [[] for _ in program.outputs.points]
    for part in program.parts:
        if isinstance(part, Composition):
            return None
        for chain in _summands(part):
            axes = {i for term in chain.terms for i in _axes(term)}
            if len(axes) > 1:
                return None
            axis = min(axes, default=0)
            terms = tuple(_one_dimensional(term, axis) for term in chain.terms)
            by_axis[axis].append(Chain(0, 0, terms))
    return by_axis


def _axes(term: Term) -> Iterator[int]:
    """Yield the axes along which a term acts or varies."""
    for i, band in enumerate(term.bands):
        if band is not None or any(factor.value.shape[i] > 1 for factor in term.factors):
            yield i


def _one_dimensional(term: Term, axis: int) -> Term:
    """Return a term that acts along one axis only as a one-dimensional one."""
    factors = tuple(replace(f, value=f.value.reshape(-1)) for f in term.factors)
    return Term((term.bands[axis],), term.scale, factors)


def _summands(chain: Chain) -> Iterator[Chain]:
    """Yield a coefficient that is a sum of functions of one coordinate each as such a sum."""
    first = chain.terms[0]
    values = np.asarray(first.coefficient)
    acts = len(chain.terms) > 1 or any(first.bands) or first.masks
    # Where conditions stand values may be infinite, of which no sums are made.
    if acts or values.size == 1 or not np.isfinite(values).all():
        yield chain
        return
    axes = range(values.ndim)
    mean = values.mean(keepdims=True)
    others = [tuple(j for j in axes if j != i) for i in axes]
    functions = [values.mean(axis=j, keepdims=True) - mean for j in others] + [mean]
    if np.abs(values - sum(functions)).max() > SPLIT_ROUNDOFF * np.abs(values).max():
        yield chain
        return
    for function in functions:
        yield Chain(0, 0, (Term(first.bands, 1.0, (Factor(function),)),))


def _system_along(system: AffineSystem, axis: int, chains: list[Chain]) -> AffineSystem | None:
    """Return the system along one axis, None if conditions do not separate."""
    whole = system.operator.domain
    grid = Grid(x=whole.axes[axis])
    points = Layout((), grid.shape)
    none = ((0, 0),)
    op = Operator(Program(points, points, tuple(chains)), grid, grid, none, none, ("line",))
    conditions = []
    for part in system.equations.parts:
        trace = part.condition.expression
        if part.place.face is None or not isinstance(trace, Trace):
            return None
        if not all(isinstance(c, Coef) and isinstance(c.value, AnyNumber) for c in trace.parts):
            return None
        if whole.face_axis(part.place.face) == axis:
            conditions.append(Condition(f"x{part.place.face[-1]}", trace))
    return EliminationSystem(op, Equations.of(op, conditions, system.equations.slopes[axis]))
