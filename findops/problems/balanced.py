"""Fast diagonalization where the mean of the field is given, and a constant balances it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.problems.separable import separable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from findops.boundary import AffineSystem

    Array = NDArray[Any]

__all__ = ["balanced"]


def balanced(system: AffineSystem) -> Callable[[Array], Array] | None:
    """Return the solver of A x + c = b, mean(x) = m, for separable A; None for any other.

    Where A is regular, c is what takes the mean of A⁻¹(b − c) to m. Where it is singular, c is what
    leaves b no part that A cannot reach, and the null vector brings the mean to m.
    """
    fast = separable(replace(system, equations=replace(system.equations, means=())))
    if fast is None or len(system.equations.means) != 1:
        return None
    mean, constant = system.means.toarray().ravel(), system.balanced.toarray().ravel()
    if not fast.vanishing.size:
        response = fast(constant)

        def regular(b: Array) -> Array:
            x = fast(b[:-1])
            c = (mean @ x - b[-1]) / (mean @ response)
            return np.append(x - c * response, c)

        return regular
    if fast.vanishing.size > 1:
        return None
    place = np.unravel_index(fast.vanishing[0], fast.shape)
    null, unreachable = fast.eigenvector(place).ravel(), fast.vanishing_part(constant)

    def singular(b: Array) -> Array:
        c = (fast.vanishing_part(b[:-1]) / unreachable).item()
        x = fast.reachable(b[:-1] - c * constant)
        return np.append(x + (b[-1] - mean @ x) / (mean @ null) * null, c)

    return singular
