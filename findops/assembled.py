"""Bound operators as matrices: sparse ones, single rows, their accuracy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, cast, overload

import numpy as np

from findops.accuracy import row_accuracy
from findops.applied import Applied
from findops.backends.sparse import Pattern, check_format, diagonal, fill, pattern
from findops.plan_rows import row
from findops.stencil import Chain, Program, Term
from findops.values import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array, sparray
    from scipy.sparse.linalg import LinearOperator

    Chosen = range | NDArray[np.intp]
    Rows = slice | NDArray[np.integer[Any]] | NDArray[np.bool_] | Sequence[int]

__all__ = ["Assembled"]


@dataclass(frozen=True, eq=False, repr=False)
class Assembled(Applied):
    """A bound operator that is a matrix."""

    @overload
    def matrix(
        self,
        format: Literal["csr"] = "csr",
        rows: Rows | None = None,  # SciPy's name
    ) -> csr_array: ...

    @overload
    def matrix(self, format: str, rows: Rows | None = None) -> sparray: ...  # SciPy's

    def matrix(
        self,
        format: str = "csr",  # noqa: A002  # the name of SciPy's argument
        rows: Rows | None = None,
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
        chosen = None if rows is None else self._rows(rows)
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
    def written(self) -> Self:
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

    def _rows(self, rows: Rows) -> Chosen:
        if isinstance(rows, np.ndarray) and rows.dtype == bool:
            if rows.shape not in ((self.shape[0],), self.program.outputs.shape):
                raise ValueError(
                    f"{self!r}: a mask of rows needs the shape {self.program.outputs.shape} or "
                    f"({self.shape[0]},), but has {rows.shape}"
                )
            return np.flatnonzero(rows)
        if isinstance(rows, slice):
            return range(*rows.indices(self.shape[0]))
        chosen = np.asarray(rows)
        if chosen.size == 0:
            chosen = chosen.astype(np.intp)
        if chosen.dtype.kind not in "iu" or chosen.ndim != 1:
            raise TypeError(f"{self!r}: rows must be a slice, integers or a mask, not {rows!r}")
        if chosen.size and not -self.shape[0] <= chosen.min() <= chosen.max() < self.shape[0]:
            raise IndexError(f"{self!r} has no row {rows!r}")
        return chosen.astype(np.intp) % self.shape[0]

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
            whole(i, "an index of a point")
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
        return row_accuracy(self.written.program, self.domain)

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
