"""Operators bound to a grid: what users apply, assemble and combine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from findops.assembled import Assembled
from findops.bound import refuse_unbound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

    from findops.boundary import AffineSystem, Impose
    from findops.conditions import Condition
    from findops.masked import Masked

__all__ = ["Operator"]


@dataclass(frozen=True, eq=False, repr=False)
class Operator(Assembled):
    """A discrete operator: a plan, and the grids that it maps between. Immutable.

    ``op(u)`` and ``op @ u`` apply it, ``op.matrix()`` assembles it; ``@ + - * / **`` between
    bound operators multiply and add their matrices.
    """

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
            exist, or nothing is left for a condition to determine.
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
        from findops.boundary import check_square, subject
        from findops.weak import weakly

        self._check_own()
        if impose not in ("elimination", "rows", "sat"):
            raise ValueError(f"impose must be 'elimination', 'rows' or 'sat', not {impose!r}")
        check_square(self)
        if impose == "sat":
            return weakly(self, conditions)
        return subject(self, conditions, impose)

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
            With ``m(u)``, ``m.matrix()``, ``m.defined`` and ``m.accuracy``.

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
        from findops.masked import Masked

        self._check_own()
        return Masked(self, cast("Any", mask))

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

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Operator):
            return self._after(other)
        refuse_unbound(other)
        return self(other)

    def __rmatmul__(self, other: object) -> Any:
        refuse_unbound(other)
        raise TypeError(f"{self!r} applies to what stands on its right: op @ u, or op.T @ u")
