"""Eigenvalue problems: L u = λ M u under homogeneous conditions."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Complex
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import as_integer, type_name
from findops.common.progress import Bar
from findops.conditions.boundary_terms import quadrature
from findops.conditions.component_parity import continued_by_component
from findops.conditions.conditions import as_conditions
from findops.conditions.counting import check_conditions
from findops.conditions.equilibration import row_sizes
from findops.conditions.ghost_values import Rate
from findops.conditions.row_replacement import RowReplacementSystem
from findops.conditions.staggered_continuation import StaggeredContinuation
from findops.expressions.components import expand
from findops.expressions.expression import Expr, as_expr
from findops.grids.grid import Grid
from findops.masked.operator import Masked
from findops.operators.staggered import StaggeredOperator
from findops.problems.eigen.eigenpairs import (
    Eigenpairs,
    nearest_first,
    separable_eigenpairs,
    with_fixed_phase,
)
from findops.problems.eigen.pencil import Pencil
from findops.problems.eigen.solvers import METHODS, Search, search
from findops.problems.holes import check_masked
from findops.problems.linear.separable import fast_diagonalization
from findops.problems.staggered import check_elimination, settled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem, AnyOperator, Impose
    from findops.conditions.conditions import Condition
    from findops.expressions.expression import Closures, Positions
    from findops.operators.operator import Operator
    from findops.operators.staggered_fields import Fields
    from findops.problems.linear.solvers import Solver

__all__ = ["EVP"]

GENERIC = 0.5772156649015329
"""A number that is no ratio of coefficients, so that no terms of L + GENERIC · M cancel."""

UNCONVERGED = 1e-9
"""Residual from which on a pair has not converged."""


@dataclass(frozen=True, init=False, eq=False, repr=False)
class EVP:
    """The problem L u = λ M u in a grid, under homogeneous conditions.

    Parameters
    ----------
    L : Expr or Masked
        The operator. One with holes, ``op.masked(mask)``, keeps its closures; all but its valid
        points are NaN in eigenfields.
    grid : Grid
        Where the fields live.
    conditions : Condition or iterable of them
        As many along each axis as L differentiates there; their values are zero. Periodic axes
        need none. Points beside holes need conditions as faces do, such as ``Dirichlet`` on a mask
        of them: nobody counts these, and where second derivatives have none there, what is found
        are no eigenvalues of a posed problem.
    M : Expr or coefficient, optional
        The operator on the right, the identity by default. It may be singular.
    closure : str, int or dict by face, optional
        What happens where stencils stick out, as in ``L.on``. By default odd or even continuation
        where that keeps the conditions, which leaves symmetric problems symmetric at every
        accuracy, and accurate closures elsewhere: where the odd derivatives of a potential or a
        mass at the wall would lower the order. With a closure that is given, every condition
        replaces its equations, also where the closure alone would keep it.
    impose : {"elimination", "rows", "sat"}
        How the conditions are imposed on L, as in ``op.subject_to``: with ``"rows"`` in place of
        equations, where M is zero, for conditions that do not determine the values at their points;
        with ``"sat"`` weakly, which keeps symmetry where derivatives sum by parts.
    at : list of axis, tuple of axes, or None
        For each component the axes along which it stands at half points, as in ``L.on``; conditions
        then are as in `BVP`. Vectors are tuples, of an array (k, *grid) for each component.
    **fields
        Values of the free fields of L and M.

    Raises
    ------
    ValueError
        If a face lacks its condition, there are too many, one is not homogeneous, or L and M do
        not map the same fields.
    TypeError
        If L is no expression, or `grid` no grid.

    Examples
    --------
    >>> from findops import Diff, Dirichlet, Uniform
    >>> grid = Grid(x=Uniform(0, np.pi, 101))
    >>> EVP(-Diff("x", 2, acc=6), grid, Dirichlet("boundary")).solve(4).values.round(6)
    array([ 1.,  4.,  9., 16.])
    """

    operator: Operator | Masked | StaggeredOperator
    """L on the grid."""
    mass: AnyOperator | None
    """M on the grid, None for the identity."""
    system: AffineSystem
    """What is left of L under the conditions."""

    def __init__(
        self,
        L: Expr | Masked,  # the operators' names in the literature
        grid: Grid,
        conditions: Condition | Iterable[Condition] = (),
        M: Any = None,
        closure: Closures | None = None,
        *,
        impose: Impose = "elimination",
        at: Positions = None,
        **fields: object,
    ) -> None:
        if not isinstance(L, (Expr, Masked)):
            raise TypeError(f"EVP needs an expression such as -Laplacian(), not {type_name(L)}")
        if not isinstance(grid, Grid):
            raise TypeError(f"EVP needs a Grid, not {type_name(grid)}")
        right = None if M is None else as_expr(M)
        listed = as_conditions(conditions)
        names = set() if right is None else right.free_fields
        fits = right is None or _components(right, grid) == _components(L, grid)
        operator: Operator | Masked | StaggeredOperator
        system: AffineSystem
        staggered = False
        if isinstance(L, Expr):
            grid, staggered = settled(L, grid, at)
        if isinstance(L, Expr) and staggered:
            check_elimination(L, impose)
            vars(self).update(_staggered(L, grid, listed, right, closure, at, fields))
            return
        if isinstance(L, Masked):
            unused = {n: v for n, v in fields.items() if n not in names}
            check_masked(L, grid, {"closure": closure, "at": at, **unused})
            closure = "accurate"
            operator, system = L, L.subject_to(listed, impose)
        else:
            own = {n: v for n, v in fields.items() if n in L.free_fields or n not in names}
            if closure is None:
                check_conditions(L, grid, listed)
            if closure is None and impose == "elimination":
                # What maps other components is refused below, where both are bound.
                both = L if right is None or not fits else L + GENERIC * right
                local = right is None or right.multiplies
                kept = continued_by_component(
                    both, grid, listed, fields, Rate(), lambda w: local or not w.mixed
                )
                closure = kept.closure()
                operator, system = replace(kept, expr=L, fields=own).discretized()
            else:
                closure = "accurate" if closure is None else closure
                operator = L.on(grid, closure, **own)
                system = operator.subject_to(listed, impose)
        _check_homogeneous(system)
        mass: Operator | Masked | None = None
        if right is not None:
            own = {n: v for n, v in fields.items() if n in names}
            mass = right.on(grid, closure if fits else "accurate", **own)
            _check_same_fields(operator, mass)
            if isinstance(system.operator, Masked):
                # It reads what the operator reads.
                mass = replace(system.operator, operator=mass)
            system.check_finite(mass)
        vars(self).update(operator=operator, mass=mass, system=system)

    def solve(
        self,
        k: int,
        near: complex | None = None,
        *,
        solver: Solver = "auto",
        progress: bool = False,
    ) -> Eigenpairs:
        """Find the k eigenvalues nearest to a number.

        Parameters
        ----------
        k : int
            How many.
        near : number, optional
            By default zero. Pairs are in the order of their distance from it; of those at one
            distance, the smaller real part comes first, then the larger imaginary part.
        solver : str or callable
            ``"fast"`` diagonalizes sums of one-dimensional operators axis by axis. ``"direct"``
            makes dense matrices of problems of up to 200 unknowns, and factors larger ones for
            ARPACK in shift-invert mode: Lanczos' method where symmetry is proved, Arnoldi's
            elsewhere. ``"krylov"`` and ``"amg"`` factor nothing: Davidson's method takes solutions
            to a digit by Krylov methods, preconditioned by the nearest problem that ``"fast"``
            serves or by PyAMG. ``"auto"`` takes the first that fits, of those that factor and
            those that iterate the cheaper one by an estimate, and the next one if it fails. A
            function of the matrix A − σB and a vector b returns x, where σ lies beside `near` by a
            part of 10⁻⁸ of the size of A's rows; it need not be more exact than to a digit.
        progress : bool
            Whether to show how many systems were solved, by tqdm.

        Returns
        -------
        Eigenpairs

        Raises
        ------
        ValueError
            If there are fewer finite eigenvalues, every number is an eigenvalue, or the solver does
            not fit.
        TypeError
            If k is no integer, or `near` no number.
        RuntimeError
            If a pair does not converge, to residuals of 1e-9.
        MemoryError
            If there is no room for factors that ``"direct"`` needs.
        """
        count, target = as_integer(k, "k"), _number(near)
        if not 1 <= count <= self.system.count:
            raise ValueError(
                f"{self!r} has {self.system.count} unknowns, so k must lie between 1 and that, "
                f"but is {k}"
            )
        if not callable(solver) and solver not in (names := ["auto", "fast", *METHODS]):
            raise ValueError(
                f"solver must be one of {names} or a function of (A − σB, b), not {solver!r}"
            )
        with Bar("solves", progress) as bar:
            values, x, method, sizes = self._found(count, target, solver, bar)
        if len(values) < count:
            raise ValueError(
                f"{self!r} has only {len(values)} finite eigenvalues, as M is singular, but k is "
                f"{count}"
            )
        first = nearest_first(values, target, count)
        values, x = values[first], x[:, first]
        if not self._complex and not values.imag.any():
            values, x = values.real, with_fixed_phase(x).real
        residuals = self._residuals(values, x, *sizes)
        if not residuals.max() <= UNCONVERGED:
            raise RuntimeError(
                f"only {(residuals <= UNCONVERGED).sum()} of {count} pairs converged by {method}: "
                f"residuals reach {residuals.max():.1e}"
            )
        return Eigenpairs(values, self._fields(x), residuals, method)

    def _found(
        self, k: int, near: complex, solver: Solver, bar: Bar
    ) -> tuple[Array, Array, str, tuple[Array, Array]]:
        """Return at least k pairs if there are so many, how, and the sizes of rows of A and B."""
        # Along one axis, looking for a few pairs is cheaper than looking for all.
        least_axes = {"fast": 1, "auto": 2}.get(solver) if isinstance(solver, str) else None
        if least_axes and not self._generalized and self.system.values.grid.ndim >= least_axes:
            fast = fast_diagonalization(self.system, transforms=False)
            if fast is not None:
                along = [row_sizes(line.matrix) for line in fast.lines]
                sizes = functools.reduce(np.add.outer, along).ravel()
                pairs = separable_eigenpairs(fast, k, near)
                return *pairs, "fast diagonalization", (sizes, np.ones(sizes.size))
        if solver == "fast":
            raise ValueError(
                f"{self!r} is no sum of one-dimensional operators without M, as solver='fast' "
                "needs: 'krylov', 'amg' or 'direct' would do"
            )
        pencil, factors = self._symmetrized
        if pencil.hermitian:
            # The nearest on the real line are the nearest of all.
            near = pencil.toward(near.real)
        values, y, method = search(Search(self.system, pencil, factors, k, near, bar), solver)
        return values, y / factors[:, None], method, self._pencil.row_sizes

    @cached_property
    def _pencil(self) -> Pencil:
        """The matrices of the problem."""
        return Pencil.of(self.system, self.mass)

    @cached_property
    def _symmetrized(self) -> tuple[Pencil, Array]:
        """The matrices in unknowns y = factors · x, in which they are Hermitian if they can be."""
        plain = self._pencil
        op = self.operator
        if isinstance(op, StaggeredOperator):
            norm = self.system.values.weights
        else:
            plainly = op.operator if isinstance(op, Masked) else op
            norm = np.broadcast_to(quadrature(plainly), self.system.shape)
        factors = np.sqrt(self.system.restrict(norm))
        if plain.hermitian or np.ptp(factors) == 0 or self.system.equations.means:
            return plain, np.ones(plain.n)
        return plain.similar(factors), factors

    @property
    def _generalized(self) -> bool:
        means = self.system.equations.means
        rows = isinstance(self.system, RowReplacementSystem)
        return self.mass is not None or bool(means) or rows

    @property
    def _complex(self) -> bool:
        return "c" in {part.dtype.kind for part in (self.system, self.mass) if part is not None}

    def _fields(self, x: Array) -> Fields:
        """Return the normalized fields of vectors (n, k)."""
        fields = np.stack([self.system.lift(column) for column in x.T])
        fields.reshape(len(fields), -1)[:, self.system.outside] = 0
        flat = with_fixed_phase(fields.reshape(len(fields), -1).T).T
        norms = np.sqrt(np.abs(flat) ** 2 @ self.system.values.weights)
        normalized: Array = flat / norms[:, None]
        normalized[:, self.system.outside] = np.nan
        return self.system.unpacked(normalized.reshape(fields.shape))

    def _residuals(self, values: Array, x: Array, a: Array, b: Array) -> Array:
        """Return how well each pair solves every row, given the sizes of rows of A and B."""
        result = np.zeros(len(values))
        for i, (value, column) in enumerate(zip(values, x.T, strict=True)):
            image = self._pencil.mass @ column if self._generalized else column
            left = np.abs(self.system.matvec(column) - value * image)
            size = (a + abs(value) * b) * np.abs(column).max()
            result[i] = np.divide(left, size, out=np.zeros_like(left), where=size > 0).max()
        return result

    def __repr__(self) -> str:
        right = "" if self.mass is None else f" = λ ({self.mass.label}) u"
        return f"<EVP {self.system!r}{right}>"


def _staggered(
    L: Expr,
    grid: Grid,
    conditions: tuple[Condition, ...],
    M: Expr | None,
    closure: Closures | None,
    at: Positions,
    fields: dict[str, object],
) -> dict[str, object]:
    """Return the operator, the mass and the system of components at points of their own."""
    names = set() if M is None else M.free_fields
    own = {n: v for n, v in fields.items() if n in L.free_fields or n not in names}
    both = L if M is None else L + GENERIC * M
    keeps = closure is None and (M is None or M.multiplies)
    kept = StaggeredContinuation(both, grid, at, conditions, fields, mirrored=True)
    kept = kept.by_parity() if keeps else kept
    elsewhere: Closures = "accurate" if closure is None else closure
    operator, system = replace(kept, expr=L, fields=own).discretized(elsewhere)
    _check_homogeneous(system)
    mass = None
    if M is not None:
        own = {n: v for n, v in fields.items() if n in names}
        _, right = replace(kept, expr=M, fields=own).discretized(elsewhere)
        mass = right.operator
        system.check_finite(mass)
    return {"operator": operator, "mass": mass, "system": system}


def _components(op: Expr | Masked, grid: Grid) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the components that an operator reads, and those that it makes."""
    if isinstance(op, Masked):
        return op.program.inputs.components, op.program.outputs.components
    parts = expand(op, grid)
    return parts.inputs, parts.outputs


def _check_homogeneous(system: AffineSystem) -> None:
    """Refuse conditions with values other than zero."""
    for condition, values in system.prescribed():
        if values is None or values.any():
            raise ValueError(
                f"{condition!r}: the conditions of an eigenvalue problem are homogeneous, their "
                "values zero"
            )


def _check_same_fields(operator: Operator | Masked, mass: Operator) -> None:
    """Refuse operators that do not stand in one equation."""
    plain = operator.operator if isinstance(operator, Masked) else operator
    if plain._ends != mass._ends:
        raise ValueError(
            f"L and M must map the same fields, but L = {operator!r} maps {_shapes(operator)}, and "
            f"M = {mass!r} {_shapes(mass)}; Block([[…]]) gives M components"
        )


def _shapes(op: Operator | Masked) -> str:
    return f"{op.program.inputs.shape} to {op.program.outputs.shape}"


def _number(near: complex | None) -> complex:
    """Return what eigenvalues are to be near to."""
    if near is None:
        return 0.0
    if not isinstance(near, Complex) or isinstance(near, bool):
        raise TypeError(f"near must be a number, but is {near!r}")
    if not np.isfinite(near):
        raise ValueError(f"near must be finite, but is {near!r}")
    value = complex(near)
    return value if value.imag else value.real
