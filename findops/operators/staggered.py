"""Bound operators between fields whose components stand at different points."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property, reduce
from itertools import product
from numbers import Complex
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast, overload

import numpy as np

from findops.common.arguments import as_boolean, as_power, type_name
from findops.common.arrays import as_array, as_field, check_out, check_scale, type_of
from findops.executors.assembly.scipy import check_format
from findops.executors.contiguous import empty_like
from findops.executors.lookup import executor
from findops.expressions.expression import Coef, Discrete
from findops.operators.operator import Operator, chosen_rows, refuse_unbound
from findops.operators.staggered_fields import StaggeredFields
from findops.plan.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array, sparray
    from scipy.sparse.linalg import LinearOperator

    from findops.common.arrays import Array, Bools
    from findops.conditions.conditions import Condition
    from findops.conditions.staggered_system import FieldSystem
    from findops.grids.grid import Grid
    from findops.masked.staggered import StaggeredMasked
    from findops.operators.operator import Chosen, RowSelection
    from findops.operators.staggered_fields import Fields

__all__ = ["StaggeredOperator"]

Entries = tuple[tuple[Operator | None, ...], ...]
Kinds = tuple[tuple[tuple[int, ...], np.dtype[Any]] | None, ...]
"""Shapes and types of arrays, None for what is no array of NumPy's."""

KEPT = 64
"""Shapes and types for which an operator remembers that they fit."""


@dataclass(frozen=True, eq=False, repr=False)
class StaggeredOperator(Discrete):
    """A discrete operator between components that stand at different points. Immutable.

    Made by ``E.on(grid, at=[…])``. It holds an `Operator` for each entry, between the points of two
    components. Fields are tuples of arrays, one for each component; a scalar is one array, and
    where components have one shape, as on periodic axes, a stack (…, d, *grid) serves as well.
    Flat vectors are the components one after the other. ``op(u)`` and ``op @ u`` apply it,
    ``op.matrix()`` assembles it; ``@ + - * / **`` multiply and add matrices.

    Examples
    --------
    >>> from findops import Cells, Divergence, Grid
    >>> grid = Grid(x=Cells(0, 1, 2), y=Cells(0, 1, 3))
    >>> op = Divergence(to="node").on(grid, at=["x", "y"])
    >>> op
    <StaggeredOperator ∇·[to node]: ['x', 'y'] → [None], 6×17>
    >>> u, v = (side.mesh()[i] for i, side in enumerate(op.domain))
    >>> op((u, 2 * v)).round(12)
    array([[3., 3., 3.],
           [3., 3., 3.]])
    """

    entries: Entries
    """``entries[i][j]`` maps component j to component i; None where it is zero."""
    inputs: StaggeredFields
    """The fields that it reads."""
    outputs: StaggeredFields
    """The fields that it gives."""
    pieces: tuple[object, ...]
    """What it was made of and the signs between, joined to its label when somebody looks."""

    # Arrays on the left leave the operation to us, and pandas' objects too.
    __array_ufunc__ = None
    __pandas_priority__ = 10_000

    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
        raise TypeError(f"{self!r} is not an array: op.matrix() makes its sparse matrix")

    @property
    def domain(self) -> tuple[Grid, ...]:
        """The grid of each component that it reads."""
        return self.inputs.grids

    @property
    def range(self) -> tuple[Grid, ...]:
        """The grid of each component that it gives."""
        return self.outputs.grids

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix."""
        return self.outputs.size, self.inputs.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the matrix: float64 or complex128."""
        return np.dtype(np.complex128 if self._complex else np.float64)

    @property
    def halo(self) -> tuple[dict[str, int], ...]:
        """Ghost points that each component of the input carries beyond each face."""
        return tuple(self._operator(0, j).halo for j in range(len(self.domain)))

    @property
    def label(self) -> str:
        """The operator as mathematics."""
        return "".join(map(str, self.pieces))

    def __repr__(self) -> str:
        rows, cols = self.shape
        return f"<StaggeredOperator {self.label}: {self.inputs} → {self.outputs}, {rows}×{cols}>"

    def __getstate__(self) -> dict[str, Any]:
        # Expressions may hold functions, which do not pickle.
        kept = {field.name: getattr(self, field.name) for field in fields(self)}
        return kept | {"pieces": (self.label,)}

    @cached_property
    def _complex(self) -> bool:
        return any(entry.program.is_complex for row in self._terms for _, entry in row)

    def _operator(self, i: int, j: int) -> Operator:
        """Return an entry, also one that is zero."""
        return self.entries[i][j] or _plain(self.outputs, i, self.inputs, j, ())

    @cached_property
    def _terms(self) -> tuple[tuple[tuple[int, Operator], ...], ...]:
        """What each component of the result is the sum of; a zero where it reads nothing."""
        return tuple(
            tuple((j, entry) for j, entry in enumerate(row) if entry is not None)
            or ((0, self._operator(i, 0)),)
            for i, row in enumerate(self.entries)
        )

    # Application --------------------------------------------------------------------------------

    def __call__(
        self, u: Fields, out: Fields = None, add: bool = False, scale: complex = 1
    ) -> Fields:
        """Apply to a field.

        Parameters
        ----------
        u : tuple of array_like, (…, *grid) each
            One for each component, with the same batch axes; of a scalar the array alone, and
            where all components have one shape also an array (…, d, *grid). Precision is the
            highest of theirs. Arrays of JAX, PyTorch, CuPy or dask give such.
        out : tuple of arrays, or array, optional
            Where the result goes: out ← scale·op(u). May overlap u. For NumPy's arrays only.
        add : bool
            Add to `out` instead.
        scale : number
            Factor of the result.

        Returns
        -------
        tuple of arrays, (…, *grid) each
            `out`, if given; a scalar as an array, a stack if u is one and the result has one shape.

        Raises
        ------
        ValueError
            If a shape or the number of components does not fit.
        TypeError
            If a type does not fit.
        """
        if type(add) is not bool:
            add = as_boolean(add, "add")
        parts = self.inputs.parts(u, self)
        targets = () if out is None else self.outputs.parts(out, self, "out")
        kinds = _kinds((*parts, *targets))
        if out is None or kinds not in self._fitting:
            if any(hasattr(part, "dims") for part in parts):
                raise TypeError(f"{self!r} applies to bare arrays: give the values of labeled ones")
            if any(executor(part) is not None for part in parts):
                return self._elsewhere(parts, out, add, scale)
            parts, batch = self._checked(parts, scale)
            if out is None:
                if add:
                    raise TypeError(f"{self!r}: add=True needs out=, the arrays to add to")
                out = self._empty(parts[0], batch, isinstance(u, np.ndarray))
                targets = self.outputs.parts(out, self, "out")
            else:
                for target, shape in zip(targets, self.outputs.shapes, strict=True):
                    check_out(target, batch + shape, parts[0].dtype, self)
                if kinds == _kinds((*parts, *targets)) and len(self._fitting) < KEPT:
                    self._fitting.add(kinds)
        self._fill(tuple(_apart(part, targets) for part in parts), targets, add, scale)
        return out

    def _checked(
        self, given: tuple[Any, ...], scale: complex
    ) -> tuple[tuple[Array, ...], tuple[int, ...]]:
        """Return arrays in the type of the result, and their batch axes."""
        parts = tuple(map(as_array, given))
        batch = self.inputs.batch(parts, self)
        dtype = reduce(np.promote_types, {type_of(part.dtype) for part in parts})
        dtype = np.result_type(dtype, np.complex64) if self._complex else dtype
        check_scale(scale, dtype)
        return tuple(part.astype(dtype, copy=False) for part in parts), batch

    @cached_property
    def _fitting(self) -> set[Kinds]:
        """Shapes and types of fields and results that were found to fit."""
        return set()

    def _empty(self, like: Array, batch: tuple[int, ...], stacked: bool) -> Fields:
        shapes = self.outputs.shapes
        if self.outputs.scalar:
            return empty_like(like, batch + shapes[0])
        if stacked and self.outputs.stacks and not self.inputs.scalar:
            return empty_like(like, (*batch, len(shapes), *shapes[0]))
        return tuple(empty_like(like, batch + shape) for shape in shapes)

    def _fill(
        self, parts: tuple[Array, ...], targets: tuple[Array, ...], add: bool, scale: complex
    ) -> None:
        for target, row in zip(targets, self._terms, strict=True):
            adds = add
            for j, entry in row:
                entry(parts[j], out=target, add=adds, scale=scale)
                adds = True

    def _elsewhere(self, parts: tuple[Any, ...], out: Fields, add: bool, scale: complex) -> Fields:
        """Apply to arrays of other libraries, which are not written in place."""
        if out is not None or add:
            raise TypeError(f"{self!r}: out= and add= are for NumPy arrays")
        self.inputs.batch(parts, self)
        result = tuple(
            reduce(lambda a, b: a + b, (entry(parts[j], scale=scale) for j, entry in row))
            for row in self._terms
        )
        return result[0] if self.outputs.scalar else result

    def matvec(self, x: ArrayLike) -> NDArray[Any]:
        """Apply to a flat vector, the components one after the other."""
        values = as_field(x)
        if values.shape != (self.shape[1],):
            raise ValueError(
                f"{self!r} takes vectors of length {self.shape[1]}, but got shape {values.shape}"
            )
        return self._rowwise(values)

    def rmatvec(self, x: ArrayLike) -> NDArray[Any]:
        """Apply the conjugate transpose to a flat vector."""
        return self.H.matvec(x)

    def _rowwise(self, x: Array) -> Array:
        """Apply to flat vectors (…, size)."""
        parts = self.inputs.split(x)
        found = self(parts[0] if self.inputs.scalar else parts)
        return self.outputs.joined((found,) if self.outputs.scalar else found)

    def aslinearoperator(self) -> LinearOperator:
        """Return SciPy's ``LinearOperator``, which applies without a matrix."""
        from scipy.sparse.linalg import LinearOperator

        return LinearOperator(
            shape=self.shape,
            dtype=self.dtype,
            matvec=lambda x: self.matvec(np.ravel(x)),
            rmatvec=lambda x: self.rmatvec(np.ravel(x)),
            matmat=lambda x: self._rowwise(x.T).T,
            rmatmat=lambda x: self.H._rowwise(x.T).T,
        )

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
        """Assemble the sparse matrix, between the components one after the other.

        Parameters
        ----------
        format : str
            ``"csr"`` or another of SciPy's formats.
        rows : slice, array of int, or mask of all rows, optional
            Assemble these rows only.

        Returns
        -------
        scipy.sparse array
            float64 or complex128.

        Raises
        ------
        ValueError
            If the format is unknown.
        IndexError
            If a row is out of range.
        """
        from scipy.sparse import block_array, vstack

        check_format(format)
        if rows is None:
            blocks = [
                [self._operator(i, j).matrix() for j in range(len(self.domain))]
                for i in range(len(self.range))
            ]
            made: Any = block_array(blocks, format="csr")
        else:
            chosen = np.asarray(chosen_rows(rows, self.shape[0], (self.shape[0],), self))
            owners = np.searchsorted(self.outputs.bounds, chosen, side="right") - 1
            order = np.argsort(owners, kind="stable")
            pieces = [
                self._rows_of(i, chosen[owners == i] - low)
                for i, low in enumerate(self.outputs.bounds[:-1])
            ]
            made = vstack(pieces, format="csr")[np.argsort(order, kind="stable")]
        made = made.astype(self.dtype, copy=False)
        made.sort_indices()
        matrix: sparray = made.asformat(cast("Any", format))
        return matrix

    def _rows_of(self, i: int, chosen: Chosen) -> csr_array:
        """Return some rows of one component."""
        from scipy.sparse import hstack

        entries = (self._operator(i, j) for j in range(len(self.domain)))
        made: csr_array = hstack([entry.matrix(rows=chosen) for entry in entries], format="csr")
        return made

    def diagonal(self) -> NDArray[Any]:
        """Return the diagonal of the matrix, flat."""
        return self.matrix().diagonal()

    def stencil(self, index: int | tuple[int, ...]) -> dict[Any, Any]:
        """Return the stencils {(row component, column component): {offsets: weight}} at a point.

        Parameters
        ----------
        index : tuple of int
            Index of the point, which every component of the result needs to have.

        Raises
        ------
        ValueError
            If the index has the wrong length.
        IndexError
            If it is out of range.
        """
        places = product(range(len(self.range)), range(len(self.domain)))
        return {
            (i, j): self._operator(i, j).stencil(index) for i, j in places if self.entries[i][j]
        }

    @property
    def accuracy(self) -> Fields:
        """The order of accuracy of each row, as a field of the range; see ``Operator.accuracy``."""
        found = tuple(
            reduce(np.minimum, (entry.accuracy for _, entry in row)) for row in self._terms
        )
        return found[0] if self.outputs.scalar else found

    @cached_property
    def written(self) -> StaggeredOperator:
        """The same operator with the rows of implicit schemes written out."""
        return self.mapped(lambda entry: entry.written, self.pieces)

    # Algebra ------------------------------------------------------------------------------------

    @cached_property
    def T(self) -> StaggeredOperator:  # noqa: N802  # the transpose's name everywhere
        """The plain transpose."""
        return self._turned(lambda entry: entry.T, "T")

    @cached_property
    def H(self) -> StaggeredOperator:  # noqa: N802  # the conjugate transpose's name everywhere
        """The conjugate transpose."""
        return self._turned(lambda entry: entry.H, "H")

    def _turned(self, turn: Callable[[Operator], Operator], sign: str) -> StaggeredOperator:
        columns = zip(*self.entries, strict=True)
        entries = tuple(tuple(entry and turn(entry) for entry in column) for column in columns)
        return StaggeredOperator(
            entries, self.outputs, self.inputs, ("(", *self.pieces, f").{sign}")
        )

    def mapped(
        self, change: Callable[[Operator], Operator], pieces: tuple[object, ...]
    ) -> StaggeredOperator:
        """Return the operator with every entry changed."""
        entries = tuple(tuple(entry and change(entry) for entry in row) for row in self.entries)
        return replace(self, entries=entries, pieces=pieces)

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, (Operator, StaggeredOperator)):
            return self._after(_lifted(other))
        refuse_unbound(other)
        return self(other)

    def __rmatmul__(self, other: object) -> Any:
        if isinstance(other, Operator):
            return _lifted(other)._after(self)
        refuse_unbound(other)
        raise TypeError(f"{self!r} applies to what stands on its right: op @ u, or op.T @ u")

    def _after(self, other: StaggeredOperator) -> Operator | StaggeredOperator:
        if self.inputs != other.outputs:
            raise ValueError(
                f"{self!r} reads {self.inputs.described}, but {other!r} gives "
                f"{other.outputs.described}"
            )
        inner = tuple(zip(*other.entries, strict=True))
        entries = tuple(tuple(_dot(row, column) for column in inner) for row in self.entries)
        pieces = ("(", *self.pieces, ") @ (", *other.pieces, ")")
        made = StaggeredOperator(entries, other.inputs, self.outputs, pieces)
        if other.inputs.scalar and self.outputs.scalar:
            return replace(made._operator(0, 0), pieces=pieces)
        return made

    def __add__(self, other: object) -> StaggeredOperator:
        right = self._summand(other)
        if (self.inputs, self.outputs) != (right.inputs, right.outputs):
            raise ValueError(
                f"{self!r} and {right!r} do not map between the same points: one maps "
                f"{self.inputs.described} to {self.outputs.described}, the other "
                f"{right.inputs.described} to {right.outputs.described}"
            )
        entries = tuple(
            tuple(map(_sum, *rows)) for rows in zip(self.entries, right.entries, strict=True)
        )
        return replace(self, entries=entries, pieces=(*self.pieces, " + ", *right.pieces))

    def __radd__(self, other: object) -> StaggeredOperator:
        return self._summand(other) + self

    def __neg__(self) -> StaggeredOperator:
        return self._scaled(-1)

    def __sub__(self, other: object) -> StaggeredOperator:
        return self + -self._summand(other)

    def __rsub__(self, other: object) -> StaggeredOperator:
        return self._summand(other) + -self

    def _summand(self, other: object) -> StaggeredOperator:
        if isinstance(other, Operator):
            raise TypeError(
                f"{self!r} and {other!r} do not add up: one maps components at different points"
            )
        return other if isinstance(other, StaggeredOperator) else self._identity()._scaled(other)

    def __mul__(self, other: object) -> Any:
        if isinstance(other, Discrete):
            return self @ other
        refuse_unbound(other)
        return self.mapped(lambda entry: entry * other, ("(", *self.pieces, ")·", Coef(other)))

    def __rmul__(self, other: object) -> Any:
        return other @ self if isinstance(other, Operator) else self._scaled(other)

    def __truediv__(self, other: object) -> StaggeredOperator:
        if not isinstance(other, Complex):
            raise TypeError(f"{self!r} can be divided by a number, not by {type_name(other)}")
        if other == 0:
            raise ZeroDivisionError(f"{self!r} cannot be divided by zero")
        return self._scaled(1 / other)

    def _scaled(self, other: object) -> StaggeredOperator:
        """Return coefficient · operator, the coefficient taken at the points of each component."""
        refuse_unbound(other)
        return self.mapped(lambda entry: other * entry, (Coef(other), "·(", *self.pieces, ")"))

    def __pow__(self, power: int) -> StaggeredOperator:
        made = self._identity()
        for i in range(as_power(power, repr(self))):
            made = self if i == 0 else made @ self
        return made

    def _identity(self) -> StaggeredOperator:
        if self.inputs != self.outputs:
            raise ValueError(
                f"{self!r} does not map fields to fields at the same points: it has no identity or "
                "power"
            )
        side = self.inputs
        count = range(len(side.grids))
        entries = tuple(
            tuple(
                _plain(side, i, side, i, Program.identity(side.layouts[i]).parts)
                if i == j
                else None
                for j in count
            )
            for i in count
        )
        return replace(self, entries=entries, pieces=("1",))

    def replace(self, /, **given: object) -> StaggeredOperator:
        """Return the operator with other values for its fields, on the same plans.

        Raises
        ------
        TypeError
            If it has no such field.
        """
        present = [entry for row in self.entries for entry in row if entry is not None]
        known = {id(entry): {slot.name for slot in entry.program.slots} for entry in present}
        names = set[str]().union(*known.values())
        if unknown := sorted(given.keys() - names):
            raise TypeError(f"{self!r} has no fields {unknown}: it has {sorted(names) or 'none'}")

        def changed(entry: Operator) -> Operator:
            own = {name: value for name, value in given.items() if name in known[id(entry)]}
            return entry.replace(**own) if own else entry

        return self.mapped(changed, self.pieces)

    # Conditions and holes -----------------------------------------------------------------------

    def subject_to(
        self, conditions: Condition | Iterable[Condition], impose: str = "elimination"
    ) -> FieldSystem:
        """Return the affine system that conditions make of the operator.

        Parameters
        ----------
        conditions : Condition or iterable of them
            On faces where their components have points, or on masks: there they stand for the
            equations. What lies beyond other faces was settled when the operator was bound; `BVP`,
            `EVP` and `IVP` let conditions give it.
        impose : {"elimination"}
            Conditions are solved for the values at their points, which are substituted.

        Returns
        -------
        FieldSystem
            As an operator's, with tuples of arrays for fields.

        Raises
        ------
        ValueError
            If components are not mapped to components at the same points, a component has no points
            on the face of its condition, or does not exist; if another way of imposing is asked.
        TypeError
            If something is no condition.

        Examples
        --------
        >>> from findops import Block, Cells, Diff, Dirichlet, Grid
        >>> line = Grid(x=Cells(0, 1, 3))
        >>> sound = Block([[0, -Diff("x", to="node")], [-Diff("x", to="half"), 0]])
        >>> walls = Dirichlet("boundary", component=1)
        >>> sound.on(line, at=[None, "x"]).subject_to(walls).matrix.toarray().round(12)
        array([[ 0.,  0.,  0., -3.,  0.],
               [ 0.,  0.,  0.,  3., -3.],
               [ 0.,  0.,  0.,  0.,  3.],
               [ 3., -3.,  0.,  0.,  0.],
               [ 0.,  3., -3.,  0.,  0.]])
        """
        from findops.conditions.staggered_system import FieldSystem, StaggeredSystem

        if impose != "elimination":
            raise ValueError(
                f"{self!r}: components at points of their own take conditions by "
                f"impose='elimination', not by {impose!r}"
            )
        return FieldSystem(StaggeredSystem.of_bound(self, conditions))

    def under(self, conditions: object) -> NoReturn:  # noqa: ARG002
        """Refuse conditions, which are for operators whose components share their points."""
        self._refuse("conditions")

    def masked(self, mask: Any) -> StaggeredMasked:
        """Return the operator on fields that are valid at some points only.

        Each entry reads the valid points that stand in a row with its point, as of ``Operator``.

        Parameters
        ----------
        mask : array of bool, or list of them
            The valid nodes, where every component is valid at and beside them: of a mask of wet
            cells, all their faces. Or one mask for each component, in the shape of its grid.

        Returns
        -------
        StaggeredMasked
            With ``m(u)``, ``m.matrix()``, ``m.defined``, multiples, and ``m.subject_to``; `BVP`,
            `EVP` and `IVP` take it. Faces between valid and other cells are walls, and need
            conditions, as ``Dirichlet(coast, component=…)``.

        Raises
        ------
        ValueError
            If a shape does not fit, or no point is valid.
        TypeError
            If a mask is not boolean.

        Examples
        --------
        >>> import numpy as np
        >>> from findops import Cells, Divergence, Grid
        >>> line = Grid(x=Cells(0, 4, 4))
        >>> wet = Divergence(to="node").on(line, at=["x"]).masked([True, True, False, True])
        >>> wet((np.array([0.0, 1, 0, 0, 5]),))
        array([ 1., -1., nan,  5.])
        """
        from findops.masked.staggered import StaggeredMasked, nodes_of, valid_at

        nodes = nodes_of(self.domain[0])
        several = isinstance(mask, (list, tuple)) and np.ndim(mask[0]) == nodes.ndim > 0
        if not several:
            valid = _as_mask(mask, nodes, repr(self))
            sides = (self.domain, self.range)
            masks, there = (tuple(valid_at(grid, valid) for grid in side) for side in sides)
            return StaggeredMasked(self, masks, there)
        if len(mask) != len(self.domain):
            raise ValueError(
                f"{self!r}: masked needs {len(self.domain)} masks, one for each component, or one "
                f"of the nodes, but has {len(mask)}"
            )
        masks = tuple(_as_mask(m, g, repr(self)) for m, g in zip(mask, self.domain, strict=True))
        same = self.domain == self.range
        everywhere = tuple(np.ones(grid.shape, dtype=bool) for grid in self.range)
        return StaggeredMasked(self, masks, masks if same else everywhere)

    def _refuse(self, what: str) -> NoReturn:
        raise ValueError(
            f"{self!r}: {what} are not made for components at different points; op.matrix() and "
            "op.entries have its parts"
        )


def _as_mask(mask: Any, grid: Grid, what: str) -> Bools:
    """Return a mask of a grid's points, checked."""
    made = np.array(mask)
    if made.dtype != bool:
        raise TypeError(
            f"{what}: a mask is a boolean array, true at valid points, but its dtype is "
            f"{made.dtype}"
        )
    if made.shape != grid.shape:
        raise ValueError(f"{what}: the mask needs the shape {grid.shape}, but has {made.shape}")
    if not made.any():
        raise ValueError(f"{what}: the mask has no valid points, where it must be true")
    made.flags.writeable = False
    return made


def _plain(
    outputs: StaggeredFields, i: int, inputs: StaggeredFields, j: int, parts: tuple[Any, ...]
) -> Operator:
    """Return an operator between two components, zero if its plan has no parts."""
    program = Program(inputs.layouts[j], outputs.layouts[i], parts)
    ends = inputs.grids[j], outputs.grids[i], inputs.ghosts[j], outputs.ghosts[i]
    return Operator(program, *ends, ("1" if parts else "0",))


def _lifted(op: Operator | StaggeredOperator) -> StaggeredOperator:
    """Return an operator between scalars as one of a single entry."""
    if isinstance(op, StaggeredOperator):
        return op
    if op.program.inputs.components or op.program.outputs.components:
        raise ValueError(
            f"{op!r} maps components at the same points: bind it with at=[…] to multiply it with "
            "an operator between different ones"
        )
    inputs = StaggeredFields((), (op.domain,), (op.ghosts,))
    outputs = StaggeredFields((), (op.range,), (op.beyond,))
    return StaggeredOperator(((op,),), inputs, outputs, op.pieces)


def _dot(row: Sequence[Operator | None], column: Sequence[Operator | None]) -> Operator | None:
    """Return the sum of products."""
    found: Operator | None = None
    for left, right in zip(row, column, strict=True):
        if left is not None and right is not None:
            found = _sum(found, left @ right)
    return found


def _sum(left: Operator | None, right: Operator | None) -> Operator | None:
    return left + right if left is not None and right is not None else left or right


def _kinds(arrays: tuple[Any, ...]) -> Kinds:
    return tuple((a.shape, a.dtype) if type(a) is np.ndarray else None for a in arrays)


def _apart(part: Array, targets: tuple[Array, ...]) -> Array:
    """Return a copy of what a result would overwrite while it is still read."""
    for target in targets:
        if np.may_share_memory(part, target):
            return part.copy()
    return part
