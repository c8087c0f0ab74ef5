"""Affine systems that conditions make of an operator; one file for each way of imposing them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np
from scipy import sparse
from scipy.linalg import lapack, null_space
from scipy.sparse.linalg import LinearOperator

from findops.common.arrays import Array, Ints, as_field
from findops.common.blas import DECOMPOSITION_WORK, dense_work
from findops.conditions.equilibration import equilibration
from findops.conditions.field_values import FieldValues
from findops.conditions.finite_coefficients import not_finite, rows_not_finite, undefined_at
from findops.conditions.flat_operator import FlatOperator
from findops.masked.operator import Masked
from findops.operators.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array

    from findops.conditions.conditions import Condition
    from findops.conditions.equations import Equations
    from findops.operators.staggered_fields import Fields

__all__ = ["NULL_IMAGE", "AffineSystem", "Impose", "Unknowns", "matrix_rows"]

Impose = Literal["elimination", "rows", "sat"]

AnyOperator = Operator | Masked | FlatOperator
"""What maps fields to fields on the same points; flat where components stand at their own."""

SYMMETRY_ROUNDOFF = 1e-13
"""Part of the largest entry by which a matrix may differ from its transpose if it is symmetric."""

NULL_IMAGE = 1e-13
"""Part of the matrix's size below which it maps a vector to zero."""

SAMPLED_ROWS = 1000
"""Rows that stand for all of them."""

NULL_SPACE_UNKNOWNS = 500
"""Unknowns up to which all null vectors are found, by a singular value decomposition."""


@dataclass(frozen=True, eq=False, repr=False)
class AffineSystem(ABC):
    """An operator under conditions: matrix · x + (what the conditions add) = rhs.

    Here is what all ways of imposing conditions have in common. Unless a way says otherwise, every
    value of the fields is an unknown, x, and lifting adds nothing to it.
    """

    operator: AnyOperator
    equations: Equations
    """The conditions that are imposed strongly."""

    _shown_as: ClassVar[str] = "AffineSystem"

    def __post_init__(self) -> None:
        self.check_finite(self.operator)

    def check_finite(self, op: AnyOperator) -> None:
        """Refuse an operator that is NaN or infinite where the equation holds.

        Raises
        ------
        ValueError
            If it is, because of its coefficients.
        """
        for start, entry in entries_of(op):
            which = not_finite(entry.program)
            if not which:
                continue
            held = self.unknowns.is_free.copy()
            held[self.equations.replaced] = False
            own = np.flatnonzero(held[start : start + entry.program.outputs.size])
            wrong = own[rows_not_finite(matrix_rows(entry, own))]
            if wrong.size:
                raise ValueError(undefined_at(entry, which, wrong))

    @classmethod
    @abstractmethod
    def of(cls, op: Any, conditions: Any) -> AffineSystem:
        """Return the system of an operator under conditions, one or several."""

    @abstractmethod
    def _rhs(self, f: Array, t: float | None) -> Array:
        """Return the right-hand side without the means, (count,)."""

    @abstractmethod
    def _residual(self, left: Array, u: Array, t: float | None) -> Array:
        """Return what is left of the equations without the means, given f − op(u), flat."""

    @cached_property
    def values(self) -> FieldValues:
        """Where the values of the fields stand."""
        op = self.operator
        return (
            op.values
            if isinstance(op, FlatOperator)
            else FieldValues((op.domain,) * op.program.inputs.count)
        )

    @cached_property
    def unknowns(self) -> Unknowns:
        """Which values of the fields are unknowns of the system."""
        return Unknowns(self.shape, self.outside)

    @cached_property
    def outside(self) -> Ints:
        """Flat indices of the values of the fields that are no valid points."""
        if not isinstance(self.operator, Masked):
            return np.zeros(0, np.intp)
        return np.flatnonzero(~np.broadcast_to(self.operator.mask, self.shape))

    def check_rows(self) -> None:
        """Refuse valid points that have neither a row nor a condition.

        Raises
        ------
        ValueError
            If there are some.
        """
        if not isinstance(self.operator, Masked):
            return
        without = ~self.operator.defined.ravel()
        without[self.outside] = without[self.equations.replaced] = False
        if without.any():
            first = np.unravel_index(np.flatnonzero(without)[0], self.shape)
            raise ValueError(
                f"{self!r}: the operator has no value at {without.sum()} valid points, {first} "
                "first, where too few points stand in a row: give conditions there, or mask them "
                "out"
            )

    def in_unknowns(self, rows: csr_array) -> csr_array:
        """Return rows that multiply all values of the fields as rows that multiply the unknowns."""
        return rows

    @property
    def free(self) -> Ints:
        """Flat indices of the values of the fields that are unknowns."""
        return self.unknowns.free

    @property
    def count(self) -> int:
        """Number of the values of the fields that are unknowns."""
        return self.unknowns.count

    @property
    def size(self) -> int:
        """Number of unknowns of the system: `count`, and a constant for each mean."""
        return self.count + len(self.equations.means)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the fields."""
        op = self.operator
        return (op.values.size,) if isinstance(op, FlatOperator) else op.program.inputs.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the matrix: complex128 where the operator or a factor in a condition is."""
        return np.result_type(self.operator.dtype, self.equations.matrix.dtype)

    # The matrix ---------------------------------------------------------------------------------

    @cached_property
    def matrix(self) -> csr_array:
        """The matrix of the system, in CSR form."""
        made = self.bordered(self.reduced(self.operator))
        made.sort_indices()
        return made

    def reduced(self, op: AnyOperator | csr_array) -> csr_array:
        """Return the matrix that conditions make of any operator on these fields.

        It may be given by its matrix: if f has the Jacobian J, that of x ↦ restrict(f(lift(x))) is
        ``reduced(J)``.
        """
        return self.in_unknowns(matrix_rows(op, self.free))

    def mass_matrix(self, op: AnyOperator | None) -> csr_array:
        """Return the matrix of what stands beside the operator, as in L u = λ M u.

        It is that of the identity if no operator is given; conditions and means have zeros there.
        """
        own = sparse.eye_array(self.count) if op is None else self.reduced(op)
        means = len(self.equations.means)
        whole = sparse.block_diag([own, sparse.csr_array((means, means))], format="csr")
        return sparse.csr_array(whole)

    def bordered(self, matrix: csr_array) -> csr_array:
        """Return a matrix with the rows of the means and the columns of their constants."""
        if not self.equations.means:
            return matrix
        border: Any = [[matrix, self.constant_columns], [self.mean_rows, None]]
        return cast("csr_array", sparse.block_array(border, format="csr"))

    @cached_property
    def mean_rows(self) -> csr_array:
        """The means in terms of the unknowns, (means, count)."""
        return self.in_unknowns(self.equations.mean_rows)

    @cached_property
    def constant_columns(self) -> csr_array:
        """What the constants that bring about the means add to the equations, (count, means)."""
        columns = sparse.hstack([mean.constant for mean in self.equations.means], format="lil")
        columns[self.equations.replaced] = 0
        return sparse.csr_array(columns.tocsr()[self.free])

    def matvec(self, x: ArrayLike) -> Array:
        """Return matrix · x, (n,), without the matrix."""
        values = self._unknowns(x)
        inside = self.unknowns.of(self.operator(self.lift_homogeneous(values)))
        if not self.equations.means:
            return inside
        free, constants = np.split(values, [self.count])
        return np.concatenate([inside + self.constant_columns @ constants, self.mean_rows @ free])

    def aslinearoperator(self) -> LinearOperator:
        """Return the system as SciPy's LinearOperator, without the matrix."""
        return LinearOperator((self.size, self.size), matvec=self.matvec, dtype=self.dtype)

    @cached_property
    def symmetric(self) -> bool:
        """Whether the matrix equals its transpose to roundoff, conjugated where it is complex.

        Accurate closures beyond acc 2 do not keep symmetry, nor do one-sided slopes.
        """
        made = self.matrix
        if not made.nnz:
            return True
        return bool(abs(made - made.conj().T).max() <= SYMMETRY_ROUNDOFF * abs(made).max())

    @property
    def reads_lines(self) -> bool:
        """Whether rows read whole lines of the grid."""
        return isinstance(self.operator, Operator) and self.operator.program.whole

    @cached_property
    def scale(self) -> float:
        """The size of the operator: the largest Σ|a| of a thousand rows drawn at random."""
        return float(abs(self.sampled_rows).sum(axis=1).max(initial=0))

    @cached_property
    def diagonal(self) -> Array:
        """The operator's diagonal at all points, flat; zeros where its schemes are implicit."""
        if isinstance(self.operator, Operator) and self.operator.program.implicit:
            return np.zeros(self.equations.unknowns)
        return self.operator.diagonal().ravel()

    @cached_property
    def sampled_rows(self) -> csr_array:
        """Rows of the operator at unknowns drawn at random, the same every time."""
        return matrix_rows(self.operator, self.free[self.sample])

    @cached_property
    def sample(self) -> Ints:
        """The unknowns of the sampled rows."""
        # Rows at equal distances may all lie on one plane of the grid.
        drawn = np.random.default_rng(0).integers(0, max(self.count, 1), SAMPLED_ROWS)
        return np.unique(drawn[: self.count])

    @cached_property
    def null_vectors(self) -> Array:
        """Vectors that the matrix maps to zero, orthonormal columns (n, k).

        Small systems (up to 500 unknowns) show all of them, large ones those that are constant in
        every component, as without conditions on values they are.
        """
        constant = self._constant_null_vectors()
        if not 0 < self.size <= NULL_SPACE_UNKNOWNS:
            return constant
        left, right = equilibration(self.matrix)
        scaled = left[:, None] * self.matrix.toarray() * right
        if not constant.shape[1] and _regular(scaled):
            return constant
        # A decomposition would mix what is known exactly with what varies slowly.
        known = np.linalg.qr(constant / right[:, None])[0].conj().T
        with dense_work(DECOMPOSITION_WORK * self.size**3):
            others = null_space(np.vstack([scaled, known]), rcond=NULL_IMAGE)
            if not others.shape[1]:
                return constant
            return np.linalg.qr(np.column_stack([constant, right[:, None] * others]))[0]

    def _constant_null_vectors(self) -> Array:
        owner = self.values.owner(self.free)
        constants = (owner[:, None] == np.arange(self.values.components)).astype(float)
        constants /= np.maximum(np.sqrt(constants.sum(axis=0)), 1)
        constants = np.pad(constants, ((0, len(self.equations.means)), (0, 0)))
        images = np.column_stack([self.matvec(vector) for vector in constants.T])
        own = np.abs(self.restrict(self.diagonal.reshape(self.shape)))[:, None]
        images = images / np.where(own > 0, own, self.scale or 1)
        _, sizes, directions = np.linalg.svd(images, full_matrices=False)
        return cast("Array", constants @ directions[sizes <= NULL_IMAGE].T)

    # Fields and vectors of unknowns -------------------------------------------------------------

    def packed(self, fields: object, what: str) -> Array:  # noqa: ARG002  # some name it in errors
        """Return given fields, or a number for all, as an array of all values."""
        return as_field(cast("Any", fields))

    def unpacked(self, values: Array) -> Fields:
        """Return the fields that all values make, after any axes of several of them."""
        return values

    def restrict(self, u: ArrayLike) -> Array:
        """Return the unknowns of a field, (n,); constants that bring about means are zero."""
        free = self.unknowns.of(self._field(u))
        constants = np.zeros(len(self.equations.means))
        return np.concatenate([free, constants]) if constants.size else free

    def lift(self, x: ArrayLike, t: float | None = None) -> Array:
        """Return the field that the unknowns and the conditions make, (*components, *grid)."""
        return self._lifted(self._unknowns(x), self.equations.values(t))

    def impose(self, u: Array, t: float | None) -> None:  # noqa: B027  # not all have what to write
        """Write into a field what the conditions determine at a time, given its unknowns."""

    def lift_homogeneous(self, x: ArrayLike) -> Array:
        """Return the field that the unknowns make if all given values are zero."""
        return self._lifted(self._unknowns(x), np.zeros(len(self.equations.replaced)))

    def _lifted(self, x: Array, given: Array) -> Array:
        """Return the field that the unknowns and given values of the conditions make."""
        u = np.empty(self.shape, np.result_type(x, given, self.equations.matrix.dtype))
        self.unknowns.write(u, x[: self.count])
        u.reshape(-1)[self.outside] = np.nan
        return u

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

    # The equation -------------------------------------------------------------------------------

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions, each once."""
        return self.equations.conditions

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
        return self.equations.steady

    def offset(self, t: float | None) -> Array | None:  # noqa: ARG002  # not all have one
        """Return what given data add to the left side of the equation, None if nothing.

        Parameters
        ----------
        t : float, optional
            The time, where data depend on it.
        """
        return None

    def applied(
        self, u: ArrayLike, t: float | None, out: Array | None = None, scale: float = 1
    ) -> Array:
        """Return the left side of the equation at all points, for a field under the conditions.

        It goes to `out`, and is multiplied by `scale`, as with operators.
        """
        made = self.operator(as_field(u), out=out, scale=scale)
        offset = self.offset(t)
        return made if offset is None else np.asarray(np.add(made, scale * offset, out=out))

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
        offset = self.offset(t)
        right = self._rhs(self._field(full if offset is None else full - offset), t)
        if not self.equations.means:
            return right
        known = self.lift(np.zeros(self.size), t).ravel()
        return np.concatenate(
            [right, self.equations.means_of(t) - self.equations.mean_rows @ known]
        )

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
            What brings about the means.
        f, t
            As of `rhs`.
        """
        made = self.applied(u, t)
        fits = np.result_type(made, as_field(f)) == made.dtype
        left: Array = np.subtract(as_field(f), made, out=made if fits else None).reshape(-1)
        left = self._residual(left, u, t)
        if not constants.size:
            return left
        left = left.astype(np.result_type(left, constants, self.constant_columns), copy=False)
        left[self.free] -= self.constant_columns @ constants
        gap = self.equations.means_of(t) - self.equations.mean_rows @ u.ravel()
        return np.concatenate([left, gap])

    def __repr__(self) -> str:
        listed = ", ".join(map(str, self.conditions))
        return f"<{self._shown_as} {self.operator.label}; {listed or 'no conditions'}>"


@dataclass(frozen=True, eq=False)
class Unknowns:
    """The free values of fields of a shape, all but those `taken`, given by flat indices."""

    shape: tuple[int, ...]
    taken: Ints

    @cached_property
    def is_free(self) -> NDArray[np.bool_]:
        """Which values are free, flat."""
        free = np.ones(math.prod(self.shape), dtype=bool)
        free[self.taken] = False
        return free

    @cached_property
    def free(self) -> Ints:
        """Flat indices of the free values."""
        return np.flatnonzero(self.is_free)

    @cached_property
    def count(self) -> int:
        """Number of free values."""
        return int(np.count_nonzero(self.is_free))

    @cached_property
    def box(self) -> tuple[slice, ...] | None:
        """The free values as a box of the fields, if they are one: copied far faster."""
        free = self.is_free.reshape(self.shape)
        box = []
        for axis in range(free.ndim):
            others = tuple(k for k in range(free.ndim) if k != axis)
            there = np.flatnonzero(free.any(axis=others))
            box.append(slice(there[0], there[-1] + 1) if there.size else slice(0, 0))
        return tuple(box) if free[tuple(box)].all() else None

    def of(self, u: Array) -> Array:
        """Return a copy of the free values of a field, flat."""
        return u.ravel()[self.free] if self.box is None else u[self.box].flatten()

    def write(self, u: Array, free: Array) -> None:
        """Write free values into a field."""
        if self.box is None:
            u.reshape(-1)[self.free] = free
        else:
            u[self.box] = free.reshape(u[self.box].shape)


def _regular(matrix: Array) -> bool:
    """Tell by its factors, in far less time than singular values take, that none of these is zero.

    ‖A‖₂ ‖A⁻¹‖₂ ≤ n ‖A‖₁ ‖A⁻¹‖₁, and what LAPACK estimates the last norm to be is seldom too small
    by a factor of ten (Higham, 2002, section 15.3).
    """
    n = len(matrix)
    kind = "z" if matrix.dtype.kind == "c" else "d"
    factor, estimate = (getattr(lapack, kind + name) for name in ("getrf", "gecon"))
    with dense_work(n**3):
        factors, _, failed = factor(matrix)
        inverse_condition, _ = estimate(factors, np.abs(matrix).sum(axis=0).max())
    return bool(not failed and inverse_condition > 10 * n * NULL_IMAGE)


def entries_of(op: AnyOperator) -> Iterator[tuple[int, Operator | Masked]]:
    """Yield the operators that one consists of, and the rows from which on theirs stand."""
    if isinstance(op, FlatOperator):
        for i, row in enumerate(op.op.entries):
            yield from ((int(op.values.starts[i]), entry) for entry in row if entry is not None)
    else:
        yield 0, op


def matrix_rows(op: AnyOperator | csr_array, rows: Ints) -> csr_array:
    """Return rows, given by flat indices, of an operator or of a matrix."""
    if isinstance(op, sparse.csr_array):
        return op[rows]
    return op.written.matrix(rows=rows) if isinstance(op, Operator) else op.matrix(rows=rows)
