"""Operators on fields with holes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, overload

import numpy as np
from scipy import sparse

from findops.common.arguments import is_labeled
from findops.common.arrays import Bools, check_labeled
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
    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array, sparray

    from findops.common.arrays import Ints
    from findops.masked.partial_map import Sum
    from findops.operators.operator import Operator

__all__ = ["Masked"]


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
    ``m.matrix()`` assembles it.
    """

    operator: Operator
    """The operator without holes."""
    mask: Bools
    """Valid points of the domain."""

    # Arrays on the left leave the operation to us.
    __array_ufunc__ = None

    def __post_init__(self) -> None:
        op = self.operator
        if any(map(any, (*op.ghosts, *op.beyond))):
            raise ValueError(f"{op!r} has ghost points, which no mask covers: bind without a halo")
        if op.program.whole:
            raise ValueError(
                f"{op!r} has a scheme that reads whole lines, which holes would cut: take an "
                "explicit one"
            )
        if any(band and not band.acc for term in op.program.terms for band in term.bands):
            raise ValueError(
                f"{op!r} has rows that are no stencils of its scheme, as those of a transpose or "
                "of natural diffusion are not, and holes cannot shorten them: mask what was "
                "transposed, and transpose its matrix"
            )
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
        found[near] = near_accuracy(self.operator.program, self._valid, self.operator.domain, near)
        found[~self._defined.ravel()] = np.nan
        return found.reshape(self.defined.shape)

    @overload
    def matrix(self, format: Literal["csr"] = "csr") -> csr_array: ...

    @overload
    def matrix(self, format: str) -> sparray: ...

    def matrix(
        self,
        format: str = "csr",  # noqa: A002  # the name of SciPy's argument
    ) -> sparray:
        """Assemble the sparse matrix.

        Rows where the operator has no value are empty, and so are columns of points that are not
        valid: ``A[keep][:, keep]`` with ``keep = m.defined.ravel()`` is left of a square one.

        Parameters
        ----------
        format : str
            ``"csr"`` or another of SciPy's formats.

        Raises
        ------
        ValueError
            If the format is unknown.
        """
        check_format(format)
        kept, rest = (np.flatnonzero(where) for where in (self._near.whole, ~self._defined))
        none = sparse.csr_array((len(rest), self.operator.shape[1]))
        parts = [self.operator.matrix(rows=kept), self._near.matrix, none]
        order = np.empty(self.operator.shape[0], dtype=np.intp)
        order[np.concatenate([kept, self._near.rows, rest])] = np.arange(len(order))
        # SciPy's types know formats as literals only.
        made: sparray = sparse.vstack(parts, format="csr")[order].asformat(cast("Any", format))
        return made

    @cached_property
    def _valid(self) -> Bools:
        """The mask of every component, (components, *grid)."""
        inputs = self.operator.program.inputs
        return np.broadcast_to(self.mask, (inputs.count, *inputs.points))

    @property
    def _reach(self) -> Sum:
        op = self.operator
        return Identity(op.domain.axes, self._valid).then(op.program)

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
        return bool(self.mask.all())

    @cached_property
    def _near(self) -> NearRows:
        reach = self._reach
        rows = np.flatnonzero(self._defined & ~reach.whole)
        matrix = reach.rows(rows)
        matrix.eliminate_zeros()
        matrix.sort_indices()
        return NearRows(self._defined & reach.whole, rows, matrix)

    @cached_property
    def _patch(self) -> Patch:
        """What puts rows near holes, and NaN, into results of other libraries."""
        return Patch(
            self._near.matrix,
            self._near.rows,
            ~self.defined,
            len(self.operator.program.inputs.shape),
        )
