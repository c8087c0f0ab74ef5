"""Which way the flow of an equation in time goes through a face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from findops.stencil import Chain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from findops.conditions import Condition
    from findops.operator import Operator

    Array = NDArray[Any]

__all__ = ["misplaced"]


def misplaced(op: Operator, conditions: Iterable[Condition]) -> str | None:
    """Say which conditions of u_t = op(u) stand where the flow leaves, None if none do."""
    grid = op.domain
    for condition in conditions:
        if not isinstance(condition.where, str):
            continue
        for place in condition.places(grid):
            if place.face is not None and _leaves(op, place.face):
                other = place.face[:-1] + ("-" if place.face.endswith("+") else "+")
                return (
                    f"{condition!r} stands where the flow leaves the grid, which carries what is "
                    f"wrong there back in: give it where the flow enters, on {other}"
                )
    return None


def _leaves(op: Operator, face: str) -> bool:
    """Tell whether all that acts across a face are first derivatives that carry u out of it."""
    i = op.domain.face_axis(face)
    upper = face.endswith("+")
    outward = 1 if upper == op.domain.axes[i].ascending else -1
    total: Any = 0.0
    for part in op.program.parts:
        if not isinstance(part, Chain):
            return False
        orders = [sum(band.order for term in part.terms if (band := term.bands[j]))
                  for j in range(op.domain.ndim)]  # fmt: skip
        if not orders[i]:
            continue
        if sum(orders) > 1:
            return False
        total = total + _coefficient(part, i, -1 if upper else 0)
    return bool(np.isrealobj(total) and np.all(total * outward < 0))


def _coefficient(chain: Chain, axis: int, end: int) -> Array:
    """Return the coefficient of a derivative at an end of its axis."""
    result: Array = np.ones(())
    for term in chain.terms:
        band = term.bands[axis]
        result = result * (term.scale * (band.sign if band else 1))
        for factor in term.factors:
            result = result * factor.value.take([end], axis)
    return result
