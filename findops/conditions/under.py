"""Operators under conditions on whole fields, into which the conditions are written first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from findops.common.arrays import library
from findops.conditions.affine_system import Unknowns
from findops.conditions.conditions import as_conditions
from findops.conditions.elimination import ConditionElimination
from findops.conditions.equations import Equations

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.operators.operator import Operator

__all__ = ["AffineOperator", "HomogeneousOperator"]


@dataclass(frozen=True, eq=False, repr=False)
class HomogeneousOperator:
    """An operator on fields into which conditions are written, with zero for all given values."""

    operator: Operator
    elimination: ConditionElimination

    def __call__(self, u: ArrayLike) -> Array:
        """Apply to a field, (…, *components, *grid)."""
        return self.applied(u, np.zeros(len(self.elimination.equations.replaced)))

    def applied(self, u: ArrayLike, given: Array) -> Array:
        """Apply to a field into which the conditions are written with given values.

        Raises
        ------
        ValueError
            If the shape does not fit.
        TypeError
            If the type does not fit.
        """
        if library(u) is not None:
            raise TypeError(f"{self!r} applies to arrays of NumPy, not to those of {library(u)}")
        values, dtype = self.operator.checked(u, None, False, 1)
        if "c" in (given.dtype.kind, self.elimination.equations.matrix.dtype.kind):
            dtype = np.result_type(dtype, np.complex64)
        fulfilling = np.array(values, dtype, order="C")
        for field in fulfilling.reshape(-1, self.operator.program.inputs.size):
            self.elimination.write(field, given)
        return self.operator(fulfilling)

    def matrix(self) -> csr_array:
        """Assemble the sparse matrix; the columns of values that conditions fix are zero."""
        reduced = self.elimination.in_free(self.operator.written.matrix())
        (free,) = np.nonzero(self.elimination.is_free)
        entries = reduced.tocoo()
        made = sparse.csr_array(
            (entries.data, (entries.row, free[entries.col])), shape=self.operator.shape
        )
        made.sort_indices()
        return made

    def __repr__(self) -> str:
        listed = ", ".join(map(str, self.elimination.equations.conditions))
        return f"<Operator {self.operator.label} under {listed or 'no conditions'}>"


@dataclass(frozen=True, eq=False, repr=False)
class AffineOperator:
    """An operator under conditions on whole fields: ``a(u, t) = a.linear(u) + a.offset``.

    The values that conditions fix, or determine from others, are written into a copy of the field
    first, in place of its own; the operator is then applied at all points.
    """

    linear: HomogeneousOperator
    """The same with zero for all values that are given."""

    @staticmethod
    def of(op: Operator, conditions: Any) -> AffineOperator:
        """Return an operator under conditions, one or several.

        Raises
        ------
        ValueError
            If they do not determine the values at their points, or one gives a mean.
        """
        listed = as_conditions(conditions)
        for condition in listed:
            if condition.is_mean:
                raise ValueError(
                    f"{condition!r}: a mean tells no value at a point, which could be written into "
                    "a field: leave it to BVP"
                )
        equations = Equations.of(op, listed, applied=True)
        unknowns = Unknowns(op.program.inputs.shape, equations.replaced)
        elimination = ConditionElimination(equations, unknowns.is_free)
        elimination.check()
        return AffineOperator(HomogeneousOperator(op, elimination))

    def __call__(self, u: ArrayLike, t: float = 0) -> Array:
        """Apply to a field.

        Parameters
        ----------
        u : array_like, (…, *components, *grid)
            It is not written to; the result has its precision.
        t : float
            The time at which the conditions are taken.

        Returns
        -------
        array, (…, *components, *grid)

        Raises
        ------
        ValueError
            If a shape does not fit.
        TypeError
            If a type does not fit.
        """
        return self.linear.applied(u, self.linear.elimination.equations.values(t))

    @cached_property
    def offset(self) -> Array:
        """What it makes of zero, (*components, *grid), if the conditions are steady.

        Raises
        ------
        TypeError
            If they depend on time.
        """
        if not self.linear.elimination.equations.steady:
            raise TypeError(
                f"{self!r} has conditions that depend on the time t, and so does its offset: "
                "a(u, t) - a.linear(u) gives it at a time"
            )
        made = self(np.zeros(self.linear.operator.program.inputs.shape))
        made.flags.writeable = False
        return made

    def __repr__(self) -> str:
        return repr(self.linear).replace("<Operator", "<AffineOperator", 1)
