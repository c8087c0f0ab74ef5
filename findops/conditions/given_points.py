"""Operators whose rows read no further than points where the field is given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from findops.masked.operator import Masked, refusal

if TYPE_CHECKING:
    from findops.conditions.equations import Equations
    from findops.operators.operator import Operator

__all__ = ["ending_at_given_points"]


def ending_at_given_points(op: Operator | Masked, equations: Equations) -> Operator | Masked:
    """Return an operator none of whose rows reads past points where masks give the field.

    The solution is smooth on either side of such points only. Operators stay as they are if no row
    that is left reads so far, if their schemes cannot be shortened, and if too few points would be
    left for some row.
    """
    given = np.zeros(equations.unknowns, dtype=bool)
    for part in equations.parts:
        if part.place.face is None and not part.condition.differentiates:
            given[part.replaced] = True
    if not given.any() or (not isinstance(op, Masked) and refusal(op) is not None):
        return op
    inputs = op.program.inputs
    ends = given.reshape(inputs.count, *inputs.points)
    whole = op if isinstance(op, Masked) else Masked(op, np.ones(inputs.points, dtype=bool))
    made = replace(whole, ends=ends)
    left = np.delete(np.arange(equations.unknowns), equations.replaced)
    if (whole.defined.ravel()[left] & ~made.defined.ravel()[left]).any():
        return op
    return made if whole is op or np.isin(made.near_rows, left).any() else op
