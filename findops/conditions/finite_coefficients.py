"""Coefficients that are NaN or infinite: which they are, and what is said of equations there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Ints
    from findops.masked.operator import Masked
    from findops.operators.operator import Operator
    from findops.plan.program import Program

__all__ = ["not_finite", "rows_not_finite", "undefined_at"]


def not_finite(program: Program) -> str:
    """Say which coefficients are NaN or infinite somewhere, an empty string where none is."""
    wrong = [
        factor.slot
        for term in program.terms
        for factor in term.factors
        if isinstance(factor.value, np.ndarray) and not np.isfinite(factor.value).all()
    ]
    fields = sorted({f"the field {slot.name!r}" for slot in wrong if slot is not None})
    return " and ".join([*fields, *["a coefficient"] * (None in wrong)])


def rows_not_finite(matrix: csr_array) -> Ints:
    """Return the rows of a matrix that hold what is NaN or infinite."""
    entries = np.flatnonzero(~np.isfinite(matrix.data))
    return np.unique(np.searchsorted(matrix.indptr, entries, side="right") - 1)


def undefined_at(op: Operator | Masked, which: str, points: Ints) -> str:
    """Say where coefficients leave equations undefined, given by flat indices, and what to do."""
    grid, fields = op.range, op.program.outputs
    index = np.unravel_index(points[0], fields.shape)
    place = tuple(map(int, index[len(fields.components) :]))
    at = ", ".join(
        f"{name} = {axis.coordinates[i]:.6g}"
        for name, axis, i in zip(grid.names, grid.axes, place, strict=True)
    )
    return (
        f"{op!r} has no equation at {len(points)} points, the first at index {place} ({at}), since "
        f"{which} is NaN or infinite there: leave them out by op.masked(valid), or give the field "
        "there, as Dirichlet(mask) does; at a face take Cells, whose nodes lie beside it"
    )
