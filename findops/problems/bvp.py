"""Boundary-value problems under conditions: L u = f, or f(u) = rhs."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import as_integer, type_name
from findops.common.arrays import Array, as_field
from findops.conditions.conditions import as_conditions
from findops.conditions.continuation import continued
from findops.conditions.counting import check_conditions
from findops.conditions.elimination import EliminationSystem
from findops.conditions.staggered_continuation import StaggeredContinuation
from findops.expressions.expression import Discrete, Expr
from findops.grids.grid import Grid
from findops.masked.operator import Masked
from findops.problems.functions import check_function
from findops.problems.holes import check_masked
from findops.problems.linear.solvers import Factored, Solution, Solver, as_solution, make_solver
from findops.problems.nonlinear.inner import PRECONDITIONED, GivenSolver, StepSolver
from findops.problems.nonlinear.newton import Residual, newton
from findops.problems.staggered import check_elimination, settled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

    from findops.conditions.affine_system import AffineSystem, Impose
    from findops.conditions.conditions import Condition
    from findops.conditions.walls import Wall
    from findops.expressions.expression import Closures, Positions
    from findops.operators.operator import Operator
    from findops.operators.staggered import StaggeredOperator
    from findops.operators.staggered_fields import Fields
    from findops.problems.functions import FieldFunction

__all__ = ["BVP"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class BVP:
    """The problem L u = rhs in a grid, under conditions, or f(u) = rhs for any function f.

    Parameters
    ----------
    L : Expr, Masked or callable
        The operator; one with holes, ``op.masked(mask)``, whose closures stay: its valid points are
        the unknowns, all others are NaN in solutions; or a function from fields to fields, written
        with bound operators and arrays.
    grid : Grid
        Where the field lives.
    conditions : Condition or iterable of them
        As many along each axis as L differentiates there, if the closure is accurate: others
        continue the field, as conditions do. Periodic axes need none. Points beside holes need
        conditions as faces do, such as ``Dirichlet`` on a mask of them: nobody counts these, and
        where second derivatives have none there, what is found is no solution of a posed problem.
    closure : str, int or dict by face, optional
        What happens where stencils stick out, as in ``L.on``. By default it is accurate, but where
        a slope is given, or a slope and the field together, by elimination, and L has second
        derivatives at acc 2 on even spacing there, ghost points continue the field: the equation
        then holds at the wall too. At acc 2 that is as accurate, keeps symmetry, and what a slope
        lets in is, to roundoff, what the grid's weights find in the field. At higher accuracy
        balances hold to the order.
    impose : {"elimination", "rows", "sat"}
        How the conditions are imposed on L, as in ``op.subject_to``.
    components : int or tuple of int
        The component axes of the fields that a function reads; scalars by default.
    acc : int
        The order of accuracy of slopes in the conditions of a function.
    jac : callable, optional
        Takes a field and returns the Jacobian of a function there: a bound operator, or a sparse
        matrix on flat fields, conditions not imposed. By default differences make it, sparse.
    at : list of axis, tuple of axes, or None
        For each component the axes along which it stands at half points, as in ``L.on``. Fields are
        tuples then, of an array for each component. On faces where it has points, a condition
        stands for its equation; where it has none, Dirichlet, Neumann and Robin give its values
        beyond, to the order of accuracy, and its equations stay.
    **fields
        Values of the free fields of L.

    Raises
    ------
    ValueError
        If a face lacks its condition, or there are too many; for functions and systems nobody
        counts them. If no equation reads a value of a component, as of pressures in the corners of
        walls on which they stand.
    TypeError
        If L is neither an expression nor a function of a field, or `grid` no grid.

    Examples
    --------
    >>> from findops import Dirichlet, Laplacian, Uniform
    >>> square = Grid(x=Uniform(0, 1, 33), y=Uniform(0, 1, 33))
    >>> found = BVP(Laplacian(), square, Dirichlet("boundary")).solve(-1)
    >>> float(found.u.max().round(3)), found.method
    (0.074, 'fast diagonalization')

    Bratu's problem ∇²u + eᵘ = 0:

    >>> lap = Laplacian().on(square)
    >>> found = BVP(lambda u: lap(u) + np.exp(u), square, Dirichlet("boundary")).solve()
    >>> float(found.u.max().round(3)), found.method, found.iterations
    (0.078, 'Newton', 3)
    """

    operator: Operator | Masked | StaggeredOperator | FieldFunction
    """What maps fields to right-hand sides: the operator on the grid, or the function."""
    system: AffineSystem
    """What is left of it under the conditions; of the fields alone, if it is a function."""
    jac: FieldFunction | None
    _prepared: Factored | None
    """What was prepared for the last solution."""

    def __init__(
        self,
        L: Expr | FieldFunction,  # the operator's name in the literature
        grid: Grid,
        conditions: Condition | Iterable[Condition] = (),
        closure: Closures | None = None,
        *,
        impose: Impose = "elimination",
        components: int | tuple[int, ...] = (),
        acc: int = 2,
        jac: FieldFunction | None = None,
        at: Positions = None,
        **fields: object,
    ) -> None:
        if not isinstance(L, Masked) and (isinstance(L, Discrete) or not callable(L)):
            raise TypeError(f"BVP needs an expression such as Laplacian(), not {type_name(L)}")
        if not isinstance(grid, Grid):
            raise TypeError(f"BVP needs a Grid, not {type_name(grid)}")
        listed = as_conditions(conditions)
        operator: Operator | Masked | StaggeredOperator | FieldFunction
        system: AffineSystem
        if isinstance(L, Masked):
            plain = None if acc == 2 else acc
            own = {"components": components or None, "acc": plain, "jac": jac, "at": at}
            check_masked(L, grid, {"closure": closure, **own, **fields})
            operator, system = L, L.subject_to(listed, impose)
        elif isinstance(L, Expr):
            if components != () or acc != 2 or jac is not None:
                raise TypeError(
                    f"components=, acc= and jac= belong to functions; {L!r} has its own"
                )
            grid, staggered = settled(L, grid, at)
            if staggered:
                check_elimination(L, impose)
                kept = StaggeredContinuation(L, grid, at, listed, fields)
                operator, system = kept.discretized("accurate" if closure is None else closure)
                system.check_read()
            else:
                operator, system = _discretized(L, grid, listed, closure, impose, fields)
        else:
            if closure is not None or impose != "elimination" or at is not None or fields:
                raise TypeError(
                    "closure=, impose=, at= and fields belong to an expression, not to a function"
                )
            check_function("L", L, ("u",))
            check_function("jac", jac, ("u",))
            counts = components if isinstance(components, tuple) else (components,)
            axes = tuple(as_integer(count, "a number of components") for count in counts)
            operator, system = L, EliminationSystem.of_fields(grid, axes, listed, acc)
        vars(self).update(operator=operator, system=system, jac=jac, _prepared=None)

    def __repr__(self) -> str:
        f = "" if isinstance(self.operator, Discrete) else f"{self.operator!r}; "
        return f"<BVP {f}{self.system!r}>"

    def solve(
        self,
        rhs: Fields = 0,
        solver: Solver = "auto",
        *,
        start: ArrayLike | None = None,
        t: float | None = None,
        tol: float = 1e-12,
        progress: bool = False,
    ) -> Solution:
        """Solve for one right-hand side; what was prepared serves the next one too.

        Parameters
        ----------
        rhs : array_like, (*components, *grid), number, or tuple of these
            f; for components at points of their own one for each. Its values where conditions are
            imposed are not used.
        solver : str or callable
            ``"fast"`` diagonalizes sums of one-dimensional operators, and systems and mixed
            derivatives where all that acts along an axis shares its eigenvectors, as with constant
            coefficients on circles: by fast transforms where they apply. Eigenvectors are dense
            along axes of uneven points or under Robin's conditions, and from acc 4 on where no
            closure continues the field at walls: n of N unknowns along such an axis, 2048 at
            most, take n³ operations once and N·n each time. ``"direct"`` factors the matrix.
            ``"krylov"`` iterates, preconditioned by the nearest problem that ``"fast"`` solves,
            ``"amg"`` by PyAMG, and ``"ilu"`` by incomplete factors. ``"auto"`` takes what is
            cheapest by an estimate and fits into memory, ends iterations that would take longer
            than the next method, and goes on to that; the solution's `method` tells. A function
            of the matrix and the right-hand side returns x. Newton's steps of nonlinear
            problems take all but ``"fast"``: ``"auto"`` factors Jacobians where that is cheap, and
            iterates elsewhere behind a preconditioner that is kept from step to step.
        start : array_like, (*components, *grid), optional
            Where Newton's method starts, the conditions being imposed on it; from zero by default.
        t : float, optional
            The time, where conditions depend on it.
        tol : float
            Where iterative solvers stop: ‖b − A x‖ ≤ tol ‖b‖, or where roundoff lets the residual
            become no smaller.
        progress : bool
            Whether to show iterations, by tqdm.

        Returns
        -------
        Solution
            In double precision, as SciPy solves. Where the problem is singular, the u whose mean is
            zero (with the grid's weights).

        Raises
        ------
        ValueError
            If the problem is singular and `rhs` not in its range, or the solver does not fit; if a
            function is not finite at the start, or returns another shape.
        RuntimeError
            If no iterative solver, or Newton's method, converges.
        MemoryError
            If there is no room for what would solve it.
        """
        if not isinstance(self.operator, Discrete):
            return self._newton(self.operator, rhs, solver, 0 if start is None else start, t)
        if start is not None:
            raise TypeError(f"{self.operator!r} is linear: start= serves nonlinear problems")
        return self.factor(solver, tol=tol, progress=progress).solution(rhs, t)

    def _newton(
        self, f: FieldFunction, rhs: ArrayLike, solver: Solver, start: ArrayLike, t: float | None
    ) -> Solution:
        if not callable(solver) and solver not in ("auto", "direct", *PRECONDITIONED):
            names = ", ".join(map(repr, ("auto", "direct", *PRECONDITIONED)))
            raise ValueError(
                f"for a nonlinear problem solver must be {names} or a function of (A, b), not "
                f"{solver!r}"
            )
        system = self.system
        residual = Residual(system, f, self.jac, _full(rhs, system, "right-hand side"), t)
        inner: GivenSolver | StepSolver
        if callable(solver):
            inner = GivenSolver(lambda A, b: as_solution(solver(A, b), b))
        else:
            inner = StepSolver(system, solver, residual.growth)
        found, history = newton(residual, _full(start, system, "start"), inner)
        constants = found.x[system.count :]
        return Solution(found.u, history[-1], inner.method, len(history) - 1, constants)

    def factor(
        self, solver: Solver = "auto", *, tol: float = 1e-12, progress: bool = False
    ) -> Factored:
        """Prepare for many right-hand sides: returns a function (rhs, t=None) ↦ u.

        Raises
        ------
        TypeError
            If the problem is nonlinear.
        """
        if not isinstance(self.operator, Discrete):
            raise TypeError("a nonlinear problem has no factorization: use solve(rhs, start=…)")
        asked = (solver, tol, progress)
        if self._prepared is None or not all(map(_same, self._prepared.asked, asked)):
            made = make_solver(self.system, solver, tol, progress)
            vars(self)["_prepared"] = made
            return made
        return self._prepared

    def __getstate__(self) -> dict[str, Any]:
        # What is prepared can be made again, and holds functions, which do not pickle.
        return vars(self) | {"_prepared": None}


def _discretized(
    L: Expr,
    grid: Grid,
    conditions: tuple[Condition, ...],
    closure: Closures | None,
    impose: Impose,
    fields: dict[str, object],
) -> tuple[Operator, AffineSystem]:
    """Return an expression on a grid, with the closure that conditions choose, and under them."""
    if closure is None or closure == "accurate":
        check_conditions(L, grid, conditions)
    if closure is None and impose == "elimination":
        # Of right-hand sides to come nothing is known, and one-sided stencils serve all of them.
        return continued(L, grid, conditions, fields, None, _sloped).discretized()
    operator = L.on(grid, "accurate" if closure is None else closure, **fields)
    return operator, operator.subject_to(conditions, impose)


def _sloped(wall: Wall) -> bool:
    """Tell whether a condition gives a slope at a wall."""
    return wall.parity == "even"


def _same(one: object, other: object) -> bool:
    """Return whether two arguments ask for the same: functions by identity, names by value."""
    by_value = isinstance(one, (str, Real)) and type(one) is type(other)
    return one is other or (by_value and one == other)


def _full(values: ArrayLike, system: AffineSystem, what: str) -> Array:
    """Return a number or a field as a field."""
    given = as_field(values)
    if given.ndim and given.shape != system.shape:
        raise ValueError(f"the {what} needs shape {system.shape}, but has {given.shape}")
    return np.broadcast_to(given, system.shape)
