"""Operators on fields with holes, and their transposes."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, overload

import numpy as np
from scipy import sparse

from findops.common.arguments import as_boolean, is_labeled
from findops.common.arrays import Bools, as_field, check_labeled
from findops.discretization.coefficients import labeled_values
from findops.executors.assembly.scipy import check_format
from findops.executors.contiguous import fits
from findops.executors.libraries.holes import Patch
from findops.executors.lookup import executor
from findops.executors.rowwise import delivered
from findops.expressions.expression import Discrete
from findops.masked.accuracy import near_accuracy
from findops.masked.application import PartialApplication
from findops.masked.partial_map import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array, sparray
    from scipy.sparse.linalg import LinearOperator

    from findops.common.arrays import Ints
    from findops.conditions.affine_system import AffineSystem, Impose
    from findops.conditions.conditions import Condition
    from findops.grids.grid import Grid
    from findops.masked.partial_map import Sum
    from findops.operators.operator import Operator
    from findops.plan.program import Program

__all__ = ["Masked", "MaskedTranspose", "refusal"]


class NearRows(NamedTuple):
    """The rows that a hole changes."""

    whole: Bools
    """Where there are others."""
    rows: Ints
    """Their flat indices."""
    matrix: csr_array


@dataclass(frozen=True, eq=False, repr=False)
class Masked(Discrete):
    """An operator on the valid points of a field. Immutable.

    Made by ``op.masked(mask)``, which tells what its rows are. ``m(u)`` and ``m @ u`` apply it,
    ``m.matrix()`` assembles it, ``m.subject_to(conditions)`` puts it under conditions. Operators
    with the same mask add and subtract, and take factors as ``2 * m``.
    """

    operator: Operator
    """The operator without holes."""
    mask: Bools
    """Valid points of the domain."""
    ends: Bools | None = None
    """Valid points, (components, *grid), that rows read but not past, and that have no row."""

    # Arrays on the left leave the operation to us.
    __array_ufunc__ = None

    def __post_init__(self) -> None:
        op = self.operator
        if (reason := refusal(op)) is not None:
            raise ValueError(reason)
        mask: NDArray[Any] = np.asarray(self._given())
        if mask.dtype != bool:
            raise TypeError(
                f"{op!r}: a mask is a boolean array, true at valid points as np.isfinite(u) is, "
                f"but its dtype is {mask.dtype}"
            )
        if mask.shape != op.domain.shape:
            raise ValueError(
                f"{op!r}: the mask needs the grid's shape {op.domain.shape}, but has {mask.shape}"
            )
        if not mask.any():
            raise ValueError(f"{op!r}: the mask has no valid points, where it must be true")
        mask = mask.copy()
        mask.flags.writeable = False
        object.__setattr__(self, "mask", mask)

    def _given(self) -> Any:
        """Return the mask, a labeled one with its dimensions as the grid has them."""
        given: Any = self.mask
        if not is_labeled(given):
            return given
        domain = self.operator.domain
        values = labeled_values(given, domain, "the mask")
        fits = all(n == len(domain[dim]) for dim, n in given.sizes.items())
        return np.broadcast_to(values, domain.shape) if fits else values

    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
        raise TypeError(f"{self!r} is not an array: its matrix() makes its sparse matrix")

    def __call__(
        self,
        u: ArrayLike,
        out: NDArray[Any] | None = None,
        add: bool = False,
        scale: complex = 1,
    ) -> Any:
        """Apply to a field.

        Parameters
        ----------
        u : array_like, (…, *components, *grid)
            What stands at points that are not valid has no part in the result. Labeled arrays, and
            those of dask, JAX, PyTorch and CuPy, give such as an operator does.
        out, add, scale
            As for an operator.

        Returns
        -------
        array, (…, *components, *grid)
            NaN where the operator has no value.

        Raises
        ------
        ValueError
            If a shape does not fit.
        TypeError
            If a type does not fit.
        """
        add = as_boolean(add, "add")
        if hasattr(u, "dims"):
            from findops.interop.xarray.apply import apply_bound

            check_labeled(out, add, scale, self)
            return apply_bound(self.operator, u, self)
        if executor(u) is not None:
            return self._patch(self.operator(u, out, add, scale), u, scale)
        if self._full:
            return self.operator(u, out, add, scale)
        values, dtype = self.operator.checked(u, out, add, scale)
        return self._apply(np.ascontiguousarray(values, dtype), out, add, scale)

    def _apply(
        self, u: NDArray[Any], out: NDArray[Any] | None, add: bool, scale: complex
    ) -> NDArray[Any]:
        shape = self.operator.program.outputs.shape
        batch = u.shape[: u.ndim - len(self.operator.program.inputs.shape)]
        direct = isinstance(scale, Real) and fits(out, batch + shape, u.dtype, u)
        if out is not None and not direct:
            return delivered(self._apply(u, None, False, scale), out, add)
        apply = self._bound[1]
        if isinstance(scale, Real):
            return apply(u, out, add, float(scale))
        result = apply(u)
        result *= u.dtype.type(scale)
        return result

    def __getstate__(self) -> dict[str, Any]:
        # What is prepared can be made again, and holds functions, which do not pickle.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __matmul__(self, u: ArrayLike) -> Any:
        return self(u)

    @property
    def program(self) -> Program:
        """The plan of the operator without holes."""
        return self.operator.program

    @property
    def domain(self) -> Grid:
        """Grid of the fields it reads."""
        return self.operator.domain

    @property
    def range(self) -> Grid:
        """Grid of the fields it gives."""
        return self.operator.range

    @property
    def label(self) -> str:
        """The operator without holes as mathematics."""
        return self.operator.label

    # Flat vectors -------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix."""
        return self.operator.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the matrix: float64 or complex128."""
        return self.operator.dtype

    def matvec(self, x: ArrayLike) -> NDArray[Any]:
        """Multiply the matrix with a flat vector: zero where the operator has no value."""
        made: NDArray[Any] = self(self._flat(x, self.operator.program.inputs.shape))
        made[~self.defined] = 0
        return made.ravel()

    def rmatvec(self, x: ArrayLike) -> NDArray[Any]:
        """Multiply the conjugate transpose of the matrix with a flat vector."""
        values = self._flat(x, self.operator.program.outputs.shape).ravel()
        return np.asarray(self._assembled.conj().T @ values)

    def aslinearoperator(self) -> LinearOperator:
        """Return SciPy's ``LinearOperator`` of the matrix, which applies forwards without it."""
        from scipy.sparse.linalg import LinearOperator

        return LinearOperator(
            shape=self.shape,
            dtype=self.dtype,
            matvec=lambda x: self.matvec(np.ravel(x)),
            rmatvec=lambda x: self.rmatvec(np.ravel(x)),
        )

    @property
    def T(self) -> MaskedTranspose:  # noqa: N802  # the transpose's name everywhere
        """The plain transpose, from fields of the range to fields of the domain."""
        return MaskedTranspose(self)

    def _flat(self, x: ArrayLike, shape: tuple[int, ...]) -> NDArray[Any]:
        values: NDArray[Any] = as_field(x)
        if values.shape != (math.prod(shape),):
            raise ValueError(
                f"{self!r} takes vectors of length {math.prod(shape)}, but got shape {values.shape}"
            )
        return values.reshape(shape)

    # Algebra ------------------------------------------------------------------------------------

    def __add__(self, other: object) -> Masked:
        return replace(self, operator=self.operator + self._summand(other))

    def __radd__(self, other: object) -> Masked:
        return replace(self, operator=self._summand(other) + self.operator)

    def __sub__(self, other: object) -> Masked:
        return replace(self, operator=self.operator - self._summand(other))

    def __rsub__(self, other: object) -> Masked:
        return replace(self, operator=self._summand(other) - self.operator)

    def __neg__(self) -> Masked:
        return replace(self, operator=-self.operator)

    def __mul__(self, other: object) -> Masked:
        return replace(self, operator=self.operator * self._factor(other))

    def __rmul__(self, other: object) -> Masked:
        return replace(self, operator=self._factor(other) * self.operator)

    def __truediv__(self, other: Any) -> Masked:
        return replace(self, operator=self.operator / other)

    def _summand(self, other: object) -> Any:
        """Return what is added to the operator without holes."""
        if not isinstance(other, Discrete):
            return other
        if not isinstance(other, Masked):
            raise TypeError(f"{self!r} adds to what has the same mask: mask {other!r} too")
        if not np.array_equal(self.mask, other.mask) or not _same(self.ends, other.ends):
            raise ValueError(f"{self!r} and {other!r} have different masks, and no common rows")
        return other.operator

    def _factor(self, other: object) -> Any:
        """Return what the operator without holes is multiplied with."""
        if isinstance(other, Discrete):
            raise TypeError(
                f"{self!r} takes numbers and coefficients as factors, not {other!r}: mask the "
                "product of both, (a @ b).masked(mask)"
            )
        return other

    # Conditions ---------------------------------------------------------------------------------

    def subject_to(
        self, conditions: Condition | Iterable[Condition], impose: Impose = "elimination"
    ) -> AffineSystem:
        """Return the affine system that conditions make of the operator on its valid points.

        Parameters
        ----------
        conditions : Condition or iterable of them
            As for an operator. On faces, they hold at valid points.
        impose : {"elimination", "rows"}
            As for an operator.

        Raises
        ------
        ValueError
            As for an operator; if a condition stands on points that are not valid, or a valid
            point has neither a row nor a condition.

        Examples
        --------
        >>> from findops import Diff, Dirichlet, Grid, Uniform
        >>> op = Diff("x", 2).on(Grid(x=Uniform(0, 1, 5)))
        >>> m = op.masked([False, True, True, True, True])
        >>> system = m.subject_to([Dirichlet([False, True, False, False, False]), Dirichlet("x+")])
        >>> system.lift([1, 2])
        array([nan,  0.,  1.,  2.,  0.])
        """
        from findops.conditions.elimination import EliminationSystem
        from findops.conditions.row_replacement import RowReplacementSystem

        ways: dict[str, type[AffineSystem]] = {
            "elimination": EliminationSystem,
            "rows": RowReplacementSystem,
        }
        if impose not in ways:
            raise ValueError(
                f"{self!r}: impose must be 'elimination' or 'rows', not {impose!r}: near holes "
                "nothing sums by parts, as 'sat' needs"
            )
        if self.shape[0] != self.shape[1] or self.domain != self.range:
            raise ValueError(f"{self!r} must map fields to fields on the same points")
        return ways[impose].of(self, conditions)

    def __repr__(self) -> str:
        valid = np.count_nonzero(self.mask)
        return f"<Masked {self.operator.label}: {valid} of {self.mask.size} points>"

    @property
    def defined(self) -> Bools:
        """Where the operator has values, (*components, *grid) of the range."""
        return self._defined.reshape(self.operator.program.outputs.shape)

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """The order of accuracy of each row, (*components, *grid) of the range.

        As an operator's; NaN where it has no value. Near holes, coefficients between derivatives
        are taken as constant.

        Raises
        ------
        ValueError
            If the operator is a product of bound ones that are sums.
        """
        found = self.operator.accuracy.ravel()
        near = self._near.rows
        found[near] = near_accuracy(self.program, self._identity, self.domain, near)
        found[~self._defined.ravel()] = np.nan
        return found.reshape(self.defined.shape)

    @overload
    def matrix(
        self,
        format: Literal["csr"] = "csr",
        rows: Ints | None = None,  # SciPy's name
    ) -> csr_array: ...

    @overload
    def matrix(self, format: str, rows: Ints | None = None) -> sparray: ...  # SciPy's

    def matrix(
        self,
        format: str = "csr",  # noqa: A002  # the name of SciPy's argument
        rows: Ints | None = None,
    ) -> sparray:
        """Assemble the sparse matrix.

        Rows where the operator has no value are empty, and so are columns of points that are not
        valid: ``A[keep][:, keep]`` with ``keep = m.defined.ravel()`` is left of a square one.

        Parameters
        ----------
        format : str
            ``"csr"`` or another of SciPy's formats.
        rows : array of int, optional
            Only these rows.

        Raises
        ------
        ValueError
            If the format is unknown.
        """
        check_format(format)
        made = self._assembled if rows is None else self._assembled[rows]
        # SciPy's types know formats as literals only.
        return cast("sparray", made.asformat(cast("Any", format)))

    @cached_property
    def _assembled(self) -> csr_array:
        kept, rest = (np.flatnonzero(where) for where in (self._near.whole, ~self._defined))
        none = sparse.csr_array((len(rest), self.operator.shape[1]))
        parts = [self.operator.matrix(rows=kept), self._near.matrix, none]
        order = np.empty(self.operator.shape[0], dtype=np.intp)
        order[np.concatenate([kept, self._near.rows, rest])] = np.arange(len(order))
        return cast("csr_array", sparse.vstack(parts, format="csr")[order])

    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal of the matrix, flat."""
        return np.asarray(self._assembled.diagonal())

    @cached_property
    def _valid(self) -> Bools:
        """The mask of every component, (components, *grid)."""
        inputs = self.operator.program.inputs
        return np.broadcast_to(self.mask, (inputs.count, *inputs.points))

    @property
    def _reach(self) -> Sum:
        return self._identity.then(self.program)

    @property
    def _identity(self) -> Identity:
        return Identity(self.domain.axes, self._valid, self.ends)

    @cached_property
    def _bound(self) -> tuple[Bools, PartialApplication]:
        """Where there are values, and what makes them."""
        reach = self._reach
        there = reach.defined
        if self.operator.range == self.operator.domain:
            there = there & self.mask
        there.flags.writeable = False
        return there, PartialApplication.of(reach, np.flatnonzero(~there))

    @property
    def _defined(self) -> Bools:
        return self._bound[0]

    @cached_property
    def _full(self) -> bool:
        """Whether there is no hole."""
        return self.ends is None and bool(self.mask.all())

    @cached_property
    def _near(self) -> NearRows:
        reach = self._reach
        rows = np.flatnonzero(self._defined & ~reach.whole)
        matrix = reach.rows(rows)
        matrix.eliminate_zeros()
        matrix.sort_indices()
        return NearRows(self._defined & reach.whole, rows, matrix)

    @property
    def near_rows(self) -> Ints:
        """Flat indices of the rows that a hole or a given point changes."""
        return self._near.rows

    @cached_property
    def _patch(self) -> Patch:
        """What puts rows near holes, and NaN, into results of other libraries."""
        return Patch(
            self._near.matrix,
            self._near.rows,
            ~self.defined,
            len(self.operator.program.inputs.shape),
        )


@dataclass(frozen=True, eq=False, repr=False)
class MaskedTranspose(Discrete):
    """The plain transpose of an operator on the valid points of a field: that of its matrix."""

    T: Masked
    """What it is the transpose of."""

    # Arrays on the left leave the operation to us.
    __array_ufunc__ = None

    def __call__(self, v: ArrayLike) -> NDArray[Any]:
        """Apply to a field.

        Parameters
        ----------
        v : array_like, (…, *components, *grid) of the range
            What stands where the operator has no value has no part in the result.

        Returns
        -------
        array, (…, *components, *grid) of the domain
            Zero at points that are not valid.

        Raises
        ------
        ValueError
            If the shape does not fit.
        """
        values, shape = as_field(v), self.T.program.outputs.shape
        batch = values.shape[: max(values.ndim - len(shape), 0)]
        if values.shape != batch + shape:
            raise ValueError(
                f"{self!r} reads fields of shape {shape}, after any batch axes, but got "
                f"{values.shape}"
            )
        read = np.where(self.T.defined, values, 0).reshape(-1, self.T.shape[0])
        return np.asarray(read @ self.T.matrix()).reshape(batch + self.T.program.inputs.shape)

    def __matmul__(self, v: ArrayLike) -> NDArray[Any]:
        return self(v)

    def __repr__(self) -> str:
        return f"<MaskedTranspose of {self.T!r}>"

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix."""
        rows, columns = self.T.shape
        return columns, rows

    def matrix(self, format: str = "csr") -> sparray:  # noqa: A002  # the name of SciPy's argument
        """Assemble the sparse matrix."""
        made: Any = self.T.matrix().T
        transposed: sparray = made.asformat(format)
        return transposed

    def matvec(self, x: ArrayLike) -> NDArray[Any]:
        """Multiply the matrix with a flat vector."""
        return self.T.rmatvec(as_field(x).conj()).conj()

    def rmatvec(self, x: ArrayLike) -> NDArray[Any]:
        """Multiply the conjugate transpose of the matrix with a flat vector."""
        return self.T.matvec(as_field(x).conj()).conj()

    def aslinearoperator(self) -> LinearOperator:
        """Return SciPy's ``LinearOperator`` of the matrix."""
        return self.T.aslinearoperator().T


def refusal(op: Operator) -> str | None:
    """Say why an operator cannot have holes, None if it can."""
    if any(map(any, (*op.ghosts, *op.beyond))):
        return f"{op!r} has ghost points, which no mask covers: bind without a halo"
    if op.program.whole:
        return (
            f"{op!r} has a scheme that reads whole lines, which holes would cut: take an "
            "explicit one"
        )
    if any(band and not band.acc for term in op.program.terms for band in term.bands):
        return (
            f"{op!r} has rows that are no stencils of its scheme, as those of a transpose or "
            "of natural diffusion are not, and holes cannot shorten them: mask what was "
            "transposed, and transpose that"
        )
    return None


def _same(one: Bools | None, other: Bools | None) -> bool:
    """Tell whether runs end at the same points."""
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)
