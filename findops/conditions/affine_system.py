"""Conditions on fields without an operator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from scipy import sparse
from scipy.linalg import null_space
from scipy.sparse.linalg import LinearOperator

from findops.common.arrays import Array, Ints, as_field
from findops.conditions.conditions import as_conditions
from findops.conditions.elimination import ConditionElimination, Unknowns
from findops.conditions.equations import Equations
from findops.operators.operator import Operator
from findops.plan.program import Layout, Program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array

    from findops.conditions.conditions import Condition
    from findops.grids.grid import Grid


__all__ = ["AffineSystem", "Impose", "bare", "check_square", "null_vectors", "subject"]


NULL = 1e-13
"""Part of the matrix's size below which it maps a vector to zero."""

SMALL = 500
"""Unknowns up to which all null vectors are found, by a singular value decomposition."""


def null_vectors(system: AffineSystem) -> Array:
    """Return them as orthonormal columns (n, k): of large systems, those that are constant."""
    if system.size <= SMALL:
        dense = system.matrix.toarray()
        size = np.abs(dense).sum(axis=1, keepdims=True)
        return cast("Array", null_space(dense / np.where(size > 0, size, 1), rcond=NULL))
    components = system.operator.program.inputs.count
    owner = system.free // (system.equations.unknowns // components)
    constants = (owner[:, None] == np.arange(components)).astype(float)
    constants /= np.maximum(np.sqrt(constants.sum(axis=0)), 1)
    constants = np.pad(constants, ((0, len(system.equations.means)), (0, 0)))
    images = np.column_stack([system.matvec(vector) for vector in constants.T])
    own = np.abs(system.restrict(system.operator.diagonal().reshape(system.shape)))[:, None]
    images = images / np.where(own > 0, own, system.scale or 1)
    _, sizes, directions = np.linalg.svd(images, full_matrices=False)
    return cast("Array", constants @ directions[sizes <= NULL].T)


Impose = Literal["elimination", "rows", "sat"]

ROUNDOFF = 1e-13
"""Part of the largest entry that roundoff leaves where exact arithmetic would leave zero."""


def check_square(op: Operator) -> None:
    """Refuse an operator that does not map fields to fields on the same points."""
    if op.shape[0] != op.shape[1] or op.domain != op.range or any(map(any, op.ghosts)):
        raise ValueError(f"{op!r} must map fields to fields on the same points, without ghosts")


def subject(op: Operator, conditions: Any, impose: Impose) -> AffineSystem:
    """Return the affine system of an operator under conditions, imposed strongly."""
    system = AffineSystem(op, Equations.of(op, as_conditions(conditions)), impose)
    if impose == "elimination":
        system.elimination.check()
    return system


@dataclass(frozen=True, eq=False, repr=False)
class AffineSystem:
    """An operator under conditions: matrix · x + (what the conditions add) = rhs.

    By elimination, the conditions C u = g are solved for as many unknowns, those at their points,
    and these are substituted; x are the others, the free ones. With ``impose="rows"``, all unknowns
    stay, and the conditions stand in the rows of their points.
    """

    operator: Operator
    equations: Equations
    impose: Impose

    @cached_property
    def unknowns(self) -> Unknowns:
        """Which values of the fields are unknowns of the system."""
        taken = np.zeros(0, np.intp) if self.impose == "rows" else self.equations.places
        return Unknowns(self.shape, taken)

    @property
    def free(self) -> Ints:
        """Flat indices of the unknowns of the system."""
        return self.unknowns.free

    @property
    def count(self) -> int:
        """Number of free unknowns."""
        return self.unknowns.count

    @cached_property
    def elimination(self) -> ConditionElimination:
        """The conditions, solved for the unknowns at their points."""
        return ConditionElimination(self.equations, self.unknowns.is_free)

    @cached_property
    def matrix(self) -> csr_array:
        """The matrix of the system, in CSR form."""
        made = self.reduced(self.operator)
        if self.equations.means:
            made = sparse.block_array([[made, self.balanced], [self.means, None]], format="csr")
        made.sort_indices()
        return made

    def reduced(self, op: Operator | csr_array) -> csr_array:
        """Return the matrix that conditions make of any operator on these fields.

        It may be given by its matrix: if f has the Jacobian J, that of x ↦ restrict(f(lift(x))) is
        ``reduced(J)``.
        """

        def rows(chosen: Ints) -> csr_array:
            if isinstance(op, sparse.csr_array):
                return op[chosen]
            return op.written.matrix(rows=chosen)

        if self.impose == "rows":
            order = np.argsort(np.concatenate([self._kept, self.equations.places]))
            stacked = sparse.vstack([rows(self._kept), self.equations.matrix], format="csr")
            return cast("csr_array", stacked[order])
        return self._eliminated(rows(self.free))

    def _eliminated(self, rows: csr_array) -> csr_array:
        """Return rows in terms of all unknowns in terms of the free ones."""
        bound = rows[:, self.equations.places]
        return sparse.csr_array(rows[:, self.free] - bound @ self.elimination.substituted)

    @cached_property
    def means(self) -> csr_array:
        """The means in terms of the free unknowns."""
        rows = sparse.vstack([mean.row for mean in self.equations.means], format="csr")
        return rows if self.impose == "rows" else self._eliminated(rows)

    @cached_property
    def balanced(self) -> csr_array:
        """What the constants that balance the means add to the equations."""
        columns = sparse.hstack([mean.balanced for mean in self.equations.means], format="lil")
        columns[self.equations.places] = 0
        return sparse.csr_array(columns.tocsr()[self.free])

    @cached_property
    def _kept(self) -> Ints:
        """Flat indices of the equations that no condition replaces."""
        return np.delete(np.arange(self.equations.unknowns), self.equations.places)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the fields."""
        return self.operator.program.inputs.shape

    def prescribed(self) -> Iterator[tuple[Condition, Array | None]]:
        """Yield conditions with their values, None for those that depend on time."""
        for part in self.equations.parts:
            yield part.condition, part.steady
        for mean in self.equations.means:
            moves = callable(mean.condition.value)
            yield mean.condition, None if moves else mean.value(None)

    @property
    def steady(self) -> bool:
        """Whether the values of the conditions are the same at all times."""
        return all(part.steady is not None for part in self.equations.parts)

    def applied(self, u: ArrayLike, t: float | None) -> Array:  # noqa: ARG002  # u holds the conditions
        """Return the left side of the equation at all points, for a field under the conditions."""
        return self.operator(u)

    def rhs(self, f: ArrayLike = 0, t: float | None = None) -> Array:
        """Return the right-hand side of op(u) = f under the conditions, (n,).

        Parameters
        ----------
        f : array_like, (*components, *grid), or number
            Given at all points.
        t : float, optional
            The time, where conditions depend on it.

        Raises
        ------
        ValueError
            If the shape does not fit.
        TypeError
            If a condition depends on time, and none is given.
        """
        values = as_field(f)
        full = values if values.ndim else np.broadcast_to(values, self.shape)
        given = self.equations.values(t)
        if self.impose == "rows":
            flat = self._field(full).ravel()
            result = flat.astype(np.result_type(flat, given))
            result[self.equations.places] = given
            known = np.zeros(1)
        else:
            result = self.unknowns.of(self._field(full))
            outside = self.lift(np.zeros(self.size), t) if given.any() else np.zeros(self.shape)
            if given.any():
                # The operator needs no matrix to tell what the given values contribute.
                result = result - self.unknowns.of(self.operator(outside))
            known = outside.ravel()
        means = self.equations.means_of(t)
        if means.size:
            rows = sparse.vstack([mean.row for mean in self.equations.means])
            shift = 0 if self.impose == "rows" else rows @ known
            return np.concatenate([result, means - shift])
        return result

    def residual(
        self, u: Array, constants: Array, f: ArrayLike = 0, t: float | None = None
    ) -> Array:
        """Return what is left of the equations at all points, and of the means.

        Zeros stand where elimination leaves no equation.

        Parameters
        ----------
        u : array, (*components, *grid)
            The field, which fulfills the conditions.
        constants : array, (means,)
            What balances the means.
        f, t
            As of `rhs`.
        """
        made = self.applied(u, t)
        fits = np.result_type(made, as_field(f)) == made.dtype
        left: Array = np.subtract(as_field(f), made, out=made if fits else None).reshape(-1)
        if self.impose == "rows":
            missing = self.equations.values(t) - self.equations.matrix @ u.ravel()
            left = left.astype(np.result_type(left, missing), copy=False)
            left[self.equations.places] = missing
        else:
            left[self.equations.places] = 0
        if not constants.size:
            return left
        rows = sparse.vstack([mean.row for mean in self.equations.means])
        left = left.astype(np.result_type(left, constants, self.balanced), copy=False)
        left[self.free] -= self.balanced @ constants
        return np.concatenate([left, self.equations.means_of(t) - rows @ u.ravel()])

    @property
    def size(self) -> int:
        """Number of unknowns of the system: the free ones, and a constant for each mean."""
        return self.count + len(self.equations.means)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the matrix: complex128 where the operator or a factor in a condition is."""
        return np.result_type(self.operator.dtype, self.elimination.dtype)

    def restrict(self, u: ArrayLike) -> Array:
        """Return the free unknowns of a field, (n,); constants that balance means are zero."""
        free = self.unknowns.of(self._field(u))
        constants = np.zeros(len(self.equations.means))
        return np.concatenate([free, constants]) if constants.size else free

    def lift(self, x: ArrayLike, t: float | None = None) -> Array:
        """Return the field that the free unknowns and the conditions make, (*components, *grid)."""
        return self.lifted(self._unknowns(x)[: self.count], self.equations.values(t))

    def lifted(self, free: Array, given: Array) -> Array:
        """Return the field that free unknowns and values of the conditions make."""
        u = np.empty(self.shape, np.result_type(free, given, self.elimination.dtype))
        self.unknowns.write(u, free)
        if self.impose == "elimination" and given.size:
            flat, places = u.reshape(-1), self.equations.places
            flat[places] = 0
            flat[places] = self.elimination(flat, given)
        return u

    def matvec(self, x: ArrayLike) -> Array:
        """Return matrix · x, (n,), without the matrix."""
        values = self._unknowns(x)
        if self.impose == "rows":
            return np.asarray(self.matrix @ values)
        free, constants = np.split(values, [self.count])
        result = self.operator(self.lifted(free, np.zeros(len(self.equations.places))))
        inside = self.unknowns.of(result)
        if not constants.size:
            return inside
        return np.concatenate([inside + self.balanced @ constants, self.means @ free])

    def aslinearoperator(self) -> LinearOperator:
        """Return the system as SciPy's LinearOperator, without the matrix."""
        return LinearOperator((self.size, self.size), matvec=self.matvec, dtype=self.dtype)

    def _unknowns(self, x: ArrayLike) -> Array:
        values = as_field(x)
        if values.shape != (self.size,):
            raise ValueError(f"{self!r} has {self.size} unknowns, but got {values.shape}")
        return values

    def _field(self, u: ArrayLike) -> Array:
        values = as_field(u)
        if values.shape != self.shape:
            raise ValueError(f"{self!r} has fields of shape {self.shape}, but got {values.shape}")
        return values

    @cached_property
    def scale(self) -> float:
        """The size of the operator: the largest Σ|a| of a hundred rows spread over all."""
        spread = np.unique(np.linspace(0, max(self.equations.unknowns - 1, 0), 100).astype(int))
        rows = spread[self.unknowns.is_free[spread]]
        if not rows.size:
            rows = self.free[:100]
        if not rows.size:
            return 0.0
        return float(abs(self.operator.written.matrix(rows=rows)).sum(axis=1).max(initial=0))

    @cached_property
    def symmetric(self) -> bool:
        """Whether the matrix equals its transpose to roundoff, conjugated where it is complex.

        Accurate closures beyond acc 2 do not keep symmetry, nor do one-sided slopes.
        """
        made = self.matrix
        if not made.nnz:
            return True
        return bool(abs(made - made.conj().T).max() <= ROUNDOFF * abs(made).max())

    @cached_property
    def null_vectors(self) -> Array:
        """Vectors that the matrix maps to zero, orthonormal columns (n, k).

        Small systems (up to 500 unknowns) show all of them, large ones those that are constant in
        every component, as without conditions on values they are.
        """
        return null_vectors(self)

    def __repr__(self) -> str:
        listed = ", ".join(map(str, self.equations.conditions))
        return f"<AffineSystem {self.operator.label}; {listed or 'no conditions'}>"


def bare(
    grid: Grid, components: tuple[int, ...], conditions: Iterable[Condition], acc: int
) -> AffineSystem:
    """Return what conditions make of bare fields: the system of the identity.

    It lifts and restricts for equations that are no expression.
    """
    plan = Program.identity(Layout(components, grid.shape))
    none = ((0, 0),) * grid.ndim
    op = Operator(plan, grid, grid, none, none, ("identity",))
    return AffineSystem(op, Equations.of(op, conditions, acc), "elimination")
