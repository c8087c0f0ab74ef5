"""What singular problems ask of their right-hand sides, and which of their solutions is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.boundary import AffineSystem

    Array = NDArray[Any]

__all__ = ["INCONSISTENT", "check_consistent", "without_null"]

INCONSISTENT = (
    "the problem is singular to working precision, and this right-hand side has no solution: for "
    "slopes on every face this is what ∫f = ∮∂u/∂n becomes on the grid. Condition('mean', 1, 0) "
    "gives the mean of u and balances f by a constant"
)

TOLERANCE = 1e-9
"""Part of a right-hand side that may lie outside the range."""


def check_consistent(outside: Array, all_parts: Array) -> None:
    """Refuse a right-hand side outside the range of a singular matrix.

    Parameters
    ----------
    outside : array
        Its parts outside the range.
    all_parts : array
        All of them, on the same scale.

    Raises
    ------
    ValueError
        If a part outside is more than roundoff.
    """
    most = float(np.abs(outside).max(initial=0))
    if most > TOLERANCE * np.abs(all_parts).max(initial=0):
        raise ValueError(f"{INCONSISTENT}. The part outside its range is {most:.1e}")


def without_null(system: AffineSystem, u: Array, null: Array) -> Array:
    """Return the solution that is orthogonal to the null vectors in the mean.

    Parameters
    ----------
    system : AffineSystem
    u : array, (*components, *grid)
        A solution.
    null : array, (n, k)
        What may be added to its free unknowns.
    """
    zero = np.zeros(len(system.equations.places))
    fields = [system.lifted(vector, zero) for vector in null.T]

    def inner(a: Array, b: Array) -> Any:
        return np.sum(system.operator.domain.integrate(a.conj() * b))

    gram = [[inner(a, b) for b in fields] for a in fields]
    parts = np.linalg.solve(gram, [inner(a, u) for a in fields])
    for c, field in zip(parts, fields, strict=True):
        u = u - c * field
    return u
