"""Row replacement: conditions that stand in the rows of their points, all values being unknowns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import sparse

from findops.conditions.affine_system import AffineSystem, AnyOperator, matrix_rows
from findops.conditions.conditions import as_conditions
from findops.conditions.equations import Equations
from findops.conditions.given_points import ending_at_given_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.masked.operator import Masked
    from findops.operators.operator import Operator


__all__ = ["RowReplacementSystem"]


@dataclass(frozen=True, eq=False, repr=False)
class RowReplacementSystem(AffineSystem):
    """An operator with the conditions C u = g in place of its rows at their points."""

    @classmethod
    def of(cls, op: Operator | Masked, conditions: Any) -> RowReplacementSystem:
        """Return the system of an operator under conditions, one or several."""
        equations = Equations.of(op, as_conditions(conditions))
        system = cls(ending_at_given_points(op, equations), equations)
        system.check_rows()
        return system

    def reduced(self, op: AnyOperator | csr_array) -> csr_array:
        replaced = self.equations.replaced
        kept = np.delete(np.arange(self.equations.unknowns), replaced)
        rows = sparse.vstack([matrix_rows(op, kept), self.equations.matrix], format="csr")
        made = rows[np.argsort(np.concatenate([kept, replaced]))]
        return cast("csr_array", made[self.free][:, self.free] if self.outside.size else made)

    def mass_matrix(self, op: AnyOperator | None) -> csr_array:
        kept = np.ones(self.equations.unknowns)
        kept[self.equations.replaced] = 0
        kept = np.pad(kept[self.free], (0, len(self.equations.means)))
        return sparse.csr_array(sparse.diags_array(kept) @ super().mass_matrix(op))

    def matvec(self, x: ArrayLike) -> Array:
        return np.asarray(self.matrix @ self._unknowns(x))

    def _rhs(self, f: Array, t: float | None) -> Array:
        flat, given = f.ravel(), self.equations.values(t)
        right = flat.astype(np.result_type(flat, given))
        right[self.equations.replaced] = given
        return self.unknowns.of(right.reshape(self.shape))

    def _residual(self, left: Array, u: Array, t: float | None) -> Array:
        missing = self.equations.values(t) - self.equations.matrix @ u.ravel()
        left[self.outside] = 0
        left = left.astype(np.result_type(left, missing), copy=False)
        left[self.equations.replaced] = missing
        return left
