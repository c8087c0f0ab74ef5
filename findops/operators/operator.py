"""Bound operators, which users apply, assemble, combine and put under conditions."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from numbers import Complex
from typing import TYPE_CHECKING, Any, Literal, cast, overload

import numpy as np

from findops.common.arguments import Number, as_boolean, as_integer, as_power, type_name
from findops.common.arrays import (
    as_array,
    as_field,
    check_labeled,
    check_out,
    check_scale,
    library,
    type_of,
)
from findops.discretization.coefficients import evaluate
from findops.executors.application import Application, application
from findops.executors.assembly.scipy import Pattern, check_format, diagonal, fill, pattern
from findops.executors.libraries import on_disk
from findops.executors.lookup import executor
from findops.expressions.expression import Coef, Discrete, Expr, Field
from findops.operators.accuracy import row_accuracy
from findops.plan.program import Chain, Factor, Layout, Program, Term
from findops.plan.rows import row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array, sparray
    from scipy.sparse.linalg import LinearOperator
    from xarray import DataArray

    from findops.conditions.affine_system import AffineSystem, Impose
    from findops.conditions.conditions import Condition
    from findops.conditions.under import AffineOperator
    from findops.discretization.discretize import Ghosts
    from findops.executors.contiguous import Ready
    from findops.executors.lookup import Apply
    from findops.grids.grid import Grid
    from findops.masked.operator import Masked

    Chosen = range | NDArray[np.intp]
    RowSelection = slice | NDArray[np.integer[Any]] | NDArray[np.bool_] | Sequence[int]

__all__ = ["Operator", "chosen_rows", "refuse_unbound"]


KEPT = 64
"""Shapes and types for which an operator keeps a quick function."""


@dataclass(frozen=True, eq=False, repr=False)
class Operator(Discrete):
    """A discrete operator: a plan, and the grids that it maps between. Immutable.

    ``op(u)`` and ``op @ u`` apply it, ``op.matrix()`` assembles it; ``@ + - * / **`` between
    bound operators multiply and add their matrices.
    """

    program: Program
    domain: Grid
    """Grid of the fields it reads."""
    range: Grid
    """Grid of the fields it gives."""
    ghosts: Ghosts
    """Ghost points (before, after) that the input carries along each axis."""
    beyond: Ghosts
    """Ghost points of the output: those of the input for a transpose."""
    pieces: tuple[object, ...]
    """What it was made of and the signs between, joined to its label when somebody looks."""

    # Arrays on the left leave the operation to us, and pandas' objects too.
    __array_ufunc__ = None
    __pandas_priority__ = 10_000

    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
        raise TypeError(f"{self!r} is not an array: op.matrix() makes its sparse matrix")

    @property
    def _complex(self) -> bool:
        return self.program.is_complex

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix."""
        return self.program.outputs.size, self.program.inputs.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the matrix: float64 or complex128."""
        return np.dtype(np.complex128 if self._complex else np.float64)

    @property
    def halo(self) -> dict[str, int]:
        """Ghost points that the input carries beyond each face."""
        by_face = {}
        for name, axis, pair in zip(self.domain.names, self.domain.axes, self.ghosts, strict=True):
            if not axis.periodic:
                by_face[f"{name}-"], by_face[f"{name}+"] = pair
        return by_face

    @property
    def label(self) -> str:
        """The operator as mathematics."""
        return "".join(map(str, self.pieces))

    def __repr__(self) -> str:
        rows, cols = self.shape
        return f"<Operator {self.label}: {rows}×{cols}>"

    def __getstate__(self) -> dict[str, Any]:
        # What is prepared holds addresses, which mean nothing elsewhere; expressions may hold
        # functions, which do not pickle.
        kept = {field.name: getattr(self, field.name) for field in fields(self)}
        return kept | {"pieces": (self.label,)}

    # Application --------------------------------------------------------------------------------

    @overload
    def __call__(self, u: DataArray) -> Any: ...

    @overload
    def __call__(
        self,
        u: ArrayLike,
        out: NDArray[Any] | None = None,
        add: bool = False,
        scale: complex = 1,
    ) -> NDArray[Any]: ...

    def __call__(
        self,
        u: ArrayLike | DataArray,
        out: NDArray[Any] | None = None,
        add: bool = False,
        scale: complex = 1,
    ) -> Any:
        """Apply to a field.

        Parameters
        ----------
        u : array_like, (…, *components, *grid)
            Integers and booleans become float64; otherwise the result has the precision of u.
            An array of JAX, PyTorch or CuPy gives one, on the device where it is; one of dask
            gives one that is not computed yet.
            A DataArray has its dimensions in any order, and the coordinates of the grid.
        out : array, optional
            Where the result goes: out ← scale·op(u). May overlap u. For NumPy's arrays only.
        add : bool
            Add to `out` instead.
        scale : number
            Factor of the result.

        Returns
        -------
        array, (…, *components, *grid)
            `out`, if given.

        Raises
        ------
        ValueError
            If a shape does not fit.
        TypeError
            If a type does not fit.
        """
        if type(add) is not bool:
            add = as_boolean(add, "add")
        if type(u) is np.ndarray and u.flags.carray and isinstance(scale, (int, float)):
            ready = self._ready.get((u.shape, u.dtype))
            if ready is not None and (out is not None or not add):
                result = ready(u, out, add, scale)
                if result is not None:
                    return result
        if hasattr(u, "dims"):
            from findops.interop.xarray.apply import apply_bound

            check_labeled(out, add, scale, self)
            return apply_bound(self, u)
        apply = executor(u)
        if apply is not None:
            self._check_served(u)
            elsewhere: NDArray[Any] = self._elsewhere(apply, u, out, add, scale)
            return elsewhere
        values, dtype = self.checked(u, out, add, scale)
        if not self.program.whole and on_disk.serves(u, values, out, dtype):
            return on_disk.apply(self.program, values, out, add, scale, dtype)
        self._prepare(values.shape, dtype)
        return self._application(values.astype(dtype, copy=False), out, add, scale)

    def checked(
        self, u: ArrayLike, out: NDArray[Any] | None, add: bool, scale: complex
    ) -> tuple[NDArray[Any], np.dtype[Any]]:
        """Return a field as an array, and the type of the result; refuse what does not fit."""
        self._check_own()
        values = as_array(u)
        self._check_shape(values.shape)
        dtype = type_of(values.dtype)
        dtype = np.result_type(dtype, np.complex64) if self._complex else dtype
        check_scale(scale, dtype)
        self._check_range(dtype)
        if out is None and add:
            raise TypeError(f"{self!r}: add=True needs out=, the array to add to")
        batch = values.shape[: values.ndim - len(self.program.inputs.shape)]
        if out is not None:
            check_out(out, batch + self.program.outputs.shape, dtype, self)
        return values, dtype

    def _elsewhere(self, apply: Apply, u: Any, out: object, add: bool, scale: complex) -> Any:
        """Apply to an array of another library, with its own executor."""
        own = library(u)
        if out is not None or add:
            raise TypeError(
                f"{self!r}: out= and add= are for NumPy arrays; arrays of {own} are not "
                "written in place: use what op(u) returns"
            )
        self._check_own(own)
        self._check_shape(tuple(u.shape))
        is_complex = self._complex or "complex" in str(u.dtype)
        check_scale(scale, np.dtype(np.complex128 if is_complex else np.float64))
        result = apply(self.program, u)
        return result if scale == 1 else result * scale

    def _check_range(self, dtype: np.dtype[Any]) -> None:
        """Refuse a type that does not hold the weights."""
        if self._largest_weight > float(np.finfo(dtype).max):
            raise ValueError(
                f"{self!r}: weights up to {self._largest_weight:.3g} are beyond the range of "
                f"{dtype}: give an array of double precision, or measure lengths in other units"
            )

    @cached_property
    def _largest_weight(self) -> float:
        bands = {band for term in self.program.terms for band in term.bands if band is not None}
        rows = (row.weights for band in bands for row in (*band.head, *band.tail))
        sizes = (np.abs(part).max(initial=0.0) for part in (*(b.weights for b in bands), *rows))
        return float(max(sizes, default=0.0))

    def _check_served(self, u: object) -> None:
        """Refuse libraries whose arrays are read row by row only."""
        if self.program.whole and library(u) != "dask":
            raise TypeError(
                f"{self!r} has a scheme that acts on whole lines, which arrays of {library(u)} are "
                "not made for: give an array of NumPy, or take an explicit scheme"
            )

    def _check_own(self, given: str | None = None) -> None:
        """Refuse to read arrays of NumPy, or of a library, beside those of another."""
        for name, value in self.program.foreign.items():
            if library(value) != given:
                raise TypeError(
                    f"{self!r} holds an array of {library(value)} as its field {name!r}, and "
                    f"applies to arrays of that library only: for others, and for a matrix, "
                    f"take op.replace({name}=…) with an array of NumPy"
                )

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        own = self.program.inputs.shape
        if shape[max(len(shape) - len(own), 0) :] != own:
            unknown = any(n != n for n in shape)  # nan: the sizes of a dask array's chunks
            raise ValueError(
                f"{self!r} reads fields of shape {own}{self._ghosted()}, after any batch "
                f"axes, but got {shape}"
                + (": call u.compute_chunk_sizes() first, on which the result depends" * unknown)
            )

    @cached_property
    def _application(self) -> Application:
        return application(self.program)

    @cached_property
    def _ready(self) -> dict[tuple[tuple[int, ...], np.dtype[Any]], Ready | None]:
        """What applies to small arrays of a shape and type without looking at them again."""
        return {}

    def _prepare(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if (shape, dtype) not in self._ready and len(self._ready) < KEPT:
            self._ready[shape, dtype] = self._application.ready(shape, dtype)

    def _ghosted(self) -> str:
        return f" with the ghost points {self.halo}" if any(map(any, self.ghosts)) else ""

    def matvec(self, x: ArrayLike) -> NDArray[Any]:
        """Apply to a flat vector."""
        return self._flat(x)

    def rmatvec(self, x: ArrayLike) -> NDArray[Any]:
        """Apply the conjugate transpose to a flat vector."""
        return self.H._flat(x)

    def _flat(self, x: ArrayLike) -> NDArray[Any]:
        values: Any = as_field(x) if executor(x) is None else x
        if tuple(values.shape) != (self.shape[1],):
            raise ValueError(
                f"{self!r} takes vectors of length {self.shape[1]}, but got shape "
                f"{tuple(values.shape)}"
            )
        result: NDArray[Any] = self(values.reshape(self.program.inputs.shape))
        return result.reshape(self.shape[0])

    # Matrices, stencils and accuracy ------------------------------------------------------------

    @overload
    def matrix(
        self,
        format: Literal["csr"] = "csr",
        rows: RowSelection | None = None,  # SciPy's name
    ) -> csr_array: ...

    @overload
    def matrix(self, format: str, rows: RowSelection | None = None) -> sparray: ...  # SciPy's

    def matrix(
        self,
        format: str = "csr",  # noqa: A002  # the name of SciPy's argument
        rows: RowSelection | None = None,
    ) -> sparray:
        """Assemble the sparse matrix.

        Parameters
        ----------
        format : str
            ``"csr"`` or another of SciPy's formats.
        rows : slice, array of int, or mask of the range's points, optional
            Assemble these rows only.

        Returns
        -------
        scipy.sparse array
            float64 or complex128; in CSR form with sorted indices, int32 where they fit.

        Raises
        ------
        ValueError
            If the format is unknown.
        IndexError
            If a row is out of range.
        """
        check_format(format)
        self._check_explicit("a sparse matrix")
        own = self.shape[0], self.program.outputs.shape
        chosen = None if rows is None else chosen_rows(rows, *own, self)
        # SciPy's types know formats as literals only.
        matrix: sparray = fill(self._pattern, self.program, chosen).asformat(cast("Any", format))
        return matrix

    def pair(self) -> tuple[csr_array, csr_array]:
        """Return sparse matrices (left, right): the operator is left⁻¹ · right.

        Only the matrices of an implicit scheme are sparse, not their quotient. `left` is the
        identity where no scheme is implicit.

        Raises
        ------
        ValueError
            If the operator is not one term with a constant coefficient, as products and sums are
            not.

        Examples
        --------
        >>> from findops import Compact, Diff, Grid, Periodic
        >>> left, right = Diff("x", acc=4, scheme=Compact()).on(Grid(x=Periodic(0, 5, 5))).pair()
        >>> left.toarray()[2], right.toarray()[2]
        (array([0.  , 0.25, 1.  , 0.25, 0.  ]), array([ 0.  , -0.75,  0.  ,  0.75,  0.  ]))
        """
        sides = _sides(self.program)
        if sides is None:
            raise ValueError(
                f"{self!r} is no single term with a constant coefficient, whose two matrices could "
                "be given: op.aslinearoperator() applies it"
            )
        left, right = (fill(pattern(side), side, None) for side in sides)
        return left, right

    @cached_property
    def written(self) -> Operator:
        """The same operator with the rows of implicit schemes written out.

        Their weights decay along the line; they are kept as long as they have a part in any digit,
        which takes some hundred points a row. It has a matrix, and is slower to apply. Operators
        without implicit schemes are what they are.
        """
        return replace(self, program=self.program.written) if self.program.implicit else self

    def _check_explicit(self, what: str) -> None:
        if self.program.implicit:
            raise ValueError(
                f"{self!r} has an implicit scheme and therefore not {what}: op.pair() gives the "
                "sparse matrices of its two sides, op.aslinearoperator() applies it, and "
                "op.written has its rows written out"
            )

    @cached_property
    def _pattern(self) -> Pattern | None:
        self._check_own()
        return pattern(self.program)

    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal of the matrix, flat."""
        self._check_explicit("a known diagonal")
        return diagonal(self._pattern, self.program)

    def stencil(self, index: int | tuple[int, ...]) -> dict[Any, Any]:
        """Return the stencil at a point of the range.

        Parameters
        ----------
        index : tuple of int
            Index of the point; negative indices count from the end.

        Returns
        -------
        dict
            {offsets: weight}, offsets being input index minus output index, not wrapped; between
            fields with components {(row component, column component): that}.

        Raises
        ------
        ValueError
            If the index has the wrong length.
        IndexError
            If it is out of range.
        """
        place = tuple(
            as_integer(i, "an index of a point")
            for i in (index if isinstance(index, tuple) else (index,))
        )
        self._check_own()
        points = self.program.outputs.points
        if len(place) != len(points):
            raise ValueError(f"{self!r} needs an index of {len(points)} numbers, but got {index!r}")
        if not all(-n <= i < n for i, n in zip(place, points, strict=True)):
            raise IndexError(f"there is no point {index!r} in the shape {points}")
        inside = tuple(i % n for i, n in zip(place, points, strict=True))
        lead = tuple(g[0] - b[0] for g, b in zip(self.ghosts, self.beyond, strict=True))
        blocks: dict[tuple[int, int], dict[tuple[int, ...], Any]] = {}
        for component in range(self.program.outputs.count):
            for (col, column), weight in row(self.written.program, component, inside).items():
                offsets = tuple(
                    j - i - first for j, i, first in zip(column, inside, lead, strict=True)
                )
                blocks.setdefault((component, col), {})[offsets] = weight
        if self.program.inputs.components or self.program.outputs.components:
            return blocks
        return blocks.get((0, 0), {})

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """The order of accuracy of each row, (*components, *grid) of the range.

        It is found from moments and holds for every smooth field and every smooth coefficient;
        ``inf`` where a row is exact, negative where it diverges under refinement.
        """
        self._check_own()
        return row_accuracy(self.program, self.domain)

    def aslinearoperator(self) -> LinearOperator:
        """Return SciPy's ``LinearOperator``, which applies without a matrix."""
        from scipy.sparse.linalg import LinearOperator

        return LinearOperator(
            shape=self.shape,
            dtype=self.dtype,
            matvec=lambda x: self.matvec(np.ravel(x)),
            rmatvec=lambda x: self.rmatvec(np.ravel(x)),
            matmat=self._columns,
            rmatmat=self.H._columns,
        )

    def _columns(self, x: NDArray[Any]) -> NDArray[Any]:
        """Apply to each column of a matrix."""
        count = x.shape[1]
        fields = np.ascontiguousarray(x.T).reshape(count, *self.program.inputs.shape)
        return self(fields).reshape(count, self.shape[0]).T

    # Algebra ------------------------------------------------------------------------------------

    @cached_property
    def T(self) -> Operator:  # noqa: N802  # the transpose's name everywhere
        """The plain transpose."""
        return Operator(
            self.program.T,
            self.range,
            self.domain,
            self.beyond,
            self.ghosts,
            ("(", *self.pieces, ").T"),
        )

    @cached_property
    def H(self) -> Operator:  # noqa: N802  # the conjugate transpose's name everywhere
        """The conjugate transpose."""
        return replace(
            self.T, program=self.program.T.conjugate(), pieces=("(", *self.pieces, ").H")
        )

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Operator):
            return self._after(other)
        if isinstance(other, Discrete):
            return NotImplemented
        refuse_unbound(other)
        return self(other)

    def __rmatmul__(self, other: object) -> Any:
        refuse_unbound(other)
        raise TypeError(f"{self!r} applies to what stands on its right: op @ u, or op.T @ u")

    def _after(self, other: Operator) -> Operator:
        ours = (self.domain, self.ghosts, self.program.inputs.shape)
        if ours != (other.range, other.beyond, other.program.outputs.shape):
            raise ValueError(
                f"{self!r} reads {_described(self.domain, self.program.inputs)}, but {other!r} "
                f"gives {_described(other.range, other.program.outputs)}"
            )
        return replace(
            self,
            program=self.program @ other.program,
            domain=other.domain,
            ghosts=other.ghosts,
            pieces=("(", *self.pieces, ") @ (", *other.pieces, ")"),
        )

    def __add__(self, other: object) -> Operator:
        right = self._summand(other)
        if self._ends != right._ends:
            raise ValueError(
                f"{self!r} and {right!r} do not map between the same grids: one maps "
                f"{_mapped(self)}, the other {_mapped(right)}"
            )
        return replace(
            self, program=self.program + right.program, pieces=(*self.pieces, " + ", *right.pieces)
        )

    def __radd__(self, other: object) -> Operator:
        return self._summand(other) + self

    def __neg__(self) -> Operator:
        return self._scaled(-1)

    def __sub__(self, other: object) -> Operator:
        return self + -self._summand(other)

    def __rsub__(self, other: object) -> Operator:
        return self._summand(other) + -self

    def _summand(self, other: object) -> Operator:
        return other if isinstance(other, Operator) else self._identity()._scaled(other)

    @property
    def _ends(self) -> tuple[object, ...]:
        shapes = (self.program.inputs.shape, self.program.outputs.shape)
        return (self.domain, self.range, self.ghosts, self.beyond, *shapes)

    def __rmul__(self, other: object) -> Operator:
        return self._scaled(other)

    def __mul__(self, other: object) -> Operator:
        if isinstance(other, Operator):
            return self._after(other)
        if isinstance(other, Discrete):
            return NotImplemented
        identity = replace(
            self,
            program=Program.identity(self.program.inputs),
            range=self.domain,
            beyond=self.ghosts,
            pieces=("1",),
        )
        return self._after(identity._scaled(other))

    def __truediv__(self, other: object) -> Operator:
        if not isinstance(other, Complex):
            raise TypeError(f"{self!r} can be divided by a number, not by {type_name(other)}")
        if other == 0:
            raise ZeroDivisionError(f"{self!r} cannot be divided by zero")
        return self._scaled(1 / other)

    def _scaled(self, other: object) -> Operator:
        """Return coefficient · operator."""
        refuse_unbound(other)
        value = Coef(other).value
        if isinstance(value, Number):
            scale = value if isinstance(value, complex) else float(value)
            program = self.program.multiplied(scale)
        elif any(map(any, self.beyond)):
            raise ValueError(f"{self!r}: a coefficient is unknown at the ghost points")
        else:
            program = self.program.multiplied(1.0, (Factor(evaluate(value, self.range)),))
        return replace(self, program=program, pieces=(Coef(other), "·(", *self.pieces, ")"))

    def __pow__(self, power: int) -> Operator:
        times = as_power(power, repr(self))
        result = self._identity()
        for i in range(times):
            result = self if i == 0 else result._after(self)
        return result

    def _identity(self) -> Operator:
        if (self.domain, self.program.inputs.shape) != (self.range, self.program.outputs.shape):
            raise ValueError(f"{self!r} does not map a grid to itself: it has no identity or power")
        return replace(self, program=Program.identity(self.program.inputs), pieces=("1",))

    def replace(self, /, **given: object) -> Operator:
        """Return the operator with other values for its fields, on the same plan.

        A value may be an array of JAX, PyTorch or CuPy, traced or not: gradients go through it. The
        operator then applies to arrays of that library only.

        Raises
        ------
        TypeError
            If it has no such field.
        """
        names = {slot.name for slot in self.program.slots}
        unknown = sorted(given.keys() - names)
        if unknown:
            raise TypeError(f"{self!r} has no fields {unknown}: it has {sorted(names) or 'none'}")
        made = replace(self, program=self.program.given(dict(given)))
        if made.program.foreign:
            return made
        if "_pattern" in self.__dict__:
            made.__dict__["_pattern"] = self._pattern
        if "_application" in self.__dict__:
            made.__dict__["_application"] = self._application.given(made.program)
        return made

    # Conditions and holes -----------------------------------------------------------------------

    def subject_to(
        self,
        conditions: Condition | Iterable[Condition],
        impose: Impose = "elimination",
    ) -> AffineSystem:
        """Return the affine system that conditions make of the operator.

        Parameters
        ----------
        conditions : Condition or iterable of them
            What holds at some points in place of the operator's rows there.
        impose : {"elimination", "rows", "sat"}
            Whether the conditions are solved for the unknowns at their points and substituted, or
            stand in the matrix, or are held weakly by penalties, which keep the equations at all
            points: for derivatives that sum by parts, as by ``SBP``, with stable strengths.

        Raises
        ------
        ValueError
            If the operator does not map fields to fields on the same points, a face does not
            exist, nothing is left for a condition to determine, or a coefficient is not finite
            where the equation holds.
        TypeError
            If something is no condition.

        Examples
        --------
        >>> from findops import Diff, Dirichlet, Grid, Uniform
        >>> op = Diff("x", 2).on(Grid(x=Uniform(0, 1, 5)))
        >>> system = op.subject_to([Dirichlet("x-", 0), Dirichlet("x+", 1)])
        >>> system.matrix.shape, system.symmetric
        ((3, 3), True)
        >>> from scipy.sparse.linalg import spsolve
        >>> system.lift(spsolve(system.matrix.tocsc(), system.rhs(0))).round(12)
        array([0.  , 0.25, 0.5 , 0.75, 1.  ])
        """
        from findops.conditions.elimination import EliminationSystem
        from findops.conditions.row_replacement import RowReplacementSystem
        from findops.conditions.sat import PenaltySystem

        self._check_own()
        ways: dict[str, type[AffineSystem]] = {
            "elimination": EliminationSystem,
            "rows": RowReplacementSystem,
            "sat": PenaltySystem,
        }
        if impose not in ways:
            raise ValueError(f"impose must be 'elimination', 'rows' or 'sat', not {impose!r}")
        if (
            self.shape[0] != self.shape[1]
            or self.domain != self.range
            or any(map(any, self.ghosts))
        ):
            raise ValueError(
                f"{self!r} must map fields to fields on the same points, without ghosts"
            )
        return ways[impose].of(self, conditions)

    def under(self, conditions: Condition | Iterable[Condition]) -> AffineOperator:
        """Return the operator under conditions as a function of whole fields.

        It is affine: ``a(u, t=0) = a.linear(u) + a.offset``. The values that conditions fix are
        written into a copy of u, in place of its own: those given on nodes, and those beside a face
        that have the slope, or on `Cells` the value, that is given there. Then the operator is
        applied at all points. Values beside a face are extrapolated with as many orders more as the
        operator differentiates along the axis, so that no row loses any.

        Parameters
        ----------
        conditions : Condition or iterable of them
            What holds on faces or at points inside, functions of the time among them.

        Returns
        -------
        AffineOperator
            With ``a(u, t)``, ``a.linear(u)``, ``a.linear.matrix()``, and, where the conditions are
            steady, ``a.offset``.

        Raises
        ------
        ValueError
            If the operator reads ghost points, a face does not exist, or conditions do not
            determine the values at their points.
        TypeError
            If something is no condition.

        Examples
        --------
        >>> import numpy as np
        >>> from findops import Diff, Dirichlet, Grid, Neumann, Uniform
        >>> op = Diff("x", 2).on(Grid(x=Uniform(0, 4, 5)))
        >>> a = op.under([Dirichlet("x-", 0), Neumann("x+", 8)])
        >>> u = np.array([7.0, 1, 4, 9, 7])
        >>> a(u).round(12)
        array([2., 2., 2., 2., 2.])
        >>> np.allclose(a.linear.matrix() @ u + a.offset, 2)
        True
        """
        from findops.conditions.under import AffineOperator

        self._check_own()
        if any(map(any, self.ghosts)):
            raise ValueError(
                f"{self!r} reads ghost points, about which conditions say nothing: bind it with "
                "another closure"
            )
        return AffineOperator.of(self, conditions)

    def masked(self, mask: ArrayLike) -> Masked:
        """Return the operator on fields that are valid at some points only.

        Each derivative reads the valid points that stand in a row with its point, along its axis.
        Where all that it reads are valid, its stencil stays. Elsewhere it takes the stencil of
        highest order, up to its accuracy, that they allow, as at the end of an axis. Where they are
        too few, the result is NaN. Products are applied step by step, each to what the one before
        gives, mixed derivatives along the last axis first; a step needs more points in a row than
        the order of all derivatives from it on.

        Parameters
        ----------
        mask : array of bool, the grid's shape
            True at valid points; ``np.isfinite(u)`` skips missing values. The dimensions of a
            DataArray meet the axes of their names.

        Returns
        -------
        Masked
            With ``m(u)``, ``m.matrix()``, ``m.T``, ``m.defined``, ``m.accuracy``, sums, multiples,
            and ``m.subject_to``; `BVP`, `EVP` and `IVP` take it.

        Raises
        ------
        ValueError
            If the shape does not fit, no point is valid, or the operator is a transpose, natural
            diffusion, or bound with a halo.
        TypeError
            If the mask is not boolean.

        Examples
        --------
        >>> import numpy as np
        >>> from findops import Diff, Grid, Uniform
        >>> op = Diff("x", 2).on(Grid(x=Uniform(0, 7, 8)))
        >>> u = np.arange(8.0)**2
        >>> u[[4, 6]] = np.nan
        >>> op.masked(np.isfinite(u))(u)
        array([ 2.,  2.,  2.,  2., nan, nan, nan, nan])
        """
        from findops.masked.operator import Masked

        self._check_own()
        return Masked(self, cast("Any", mask))


def chosen_rows(rows: RowSelection, count: int, shape: tuple[int, ...], op: object) -> Chosen:
    """Return the indices of some of a matrix' rows, given as they are or as a mask of a shape."""
    if isinstance(rows, np.ndarray) and rows.dtype == bool:
        if rows.shape not in ((count,), shape):
            ways = f"{shape} or ({count},)" if shape != (count,) else f"{shape}"
            raise ValueError(f"{op!r}: a mask of rows needs the shape {ways}, but has {rows.shape}")
        return np.flatnonzero(rows)
    if isinstance(rows, slice):
        return range(*rows.indices(count))
    chosen = np.asarray(rows)
    if chosen.size == 0:
        chosen = chosen.astype(np.intp)
    if chosen.dtype.kind not in "iu" or chosen.ndim != 1:
        raise TypeError(f"{op!r}: rows must be a slice, integers or a mask, not {rows!r}")
    if chosen.size and not -count <= chosen.min() <= chosen.max() < count:
        raise IndexError(f"{op!r} has no row {rows!r}")
    return chosen.astype(np.intp) % count


def refuse_unbound(other: object) -> None:
    """Refuse expressions beside bound operators."""
    if isinstance(other, Expr):
        kind = "field" if isinstance(other, Field) else "expression"
        raise TypeError(
            f"a bound operator and the {kind} {other!r} do not mix: bind it first, with E.on(grid)"
        )


def _described(grid: Grid, layout: Layout) -> str:
    places = (f"{grid.position(i)} of {grid.called(i)}" for i in range(grid.ndim))
    return f"fields of shape {layout.shape} at {', '.join(places)}"


def _mapped(op: Operator) -> str:
    inputs = _described(op.domain, op.program.inputs)
    return f"{inputs} to {_described(op.range, op.program.outputs)}"


def _sides(program: Program) -> tuple[Program, Program] | None:
    """Return programs (left, right) of which the program is left⁻¹ · right, None if it is not."""
    match program.parts:
        case (Chain(row=0, col=0, terms=(term,)),) if not term.factors and (
            program.inputs.count == program.outputs.count == 1
        ):
            left = Term(tuple(band and band.left for band in term.bands))
            right = replace(term, bands=tuple(band and band.right for band in term.bands))
            ends = (program.outputs, program.inputs)
            left_side, right_side = (
                Program(layout, program.outputs, (Chain(0, 0, (side,)),))
                for layout, side in zip(ends, (left, right), strict=True)
            )
            return left_side, right_side
    return None
