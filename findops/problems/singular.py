"""What singular problems ask of their right-hand sides."""

from __future__ import annotations

__all__ = ["check_consistent"]

TOLERANCE = 1e-9
"""Part of a right-hand side that may lie along a null vector."""


def check_consistent(along: float, size: float) -> None:
    """Refuse a right-hand side outside the range of a singular matrix.

    Parameters
    ----------
    along : float
        Its largest part along a null vector.
    size : float
        The largest of all its parts.

    Raises
    ------
    ValueError
        If the part along a null vector is more than roundoff.
    """
    if along > TOLERANCE * size:
        raise ValueError(
            "the problem is singular, and this right-hand side has no solution: its part along the "
            f"null vector is {along:.1e}, but must be 0; for pure Neumann conditions this is what "
            "∫f = ∮∂u/∂n becomes on the grid"
        )
