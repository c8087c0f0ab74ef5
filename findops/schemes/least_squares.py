"""Derivatives of the polynomial that fits best: weighted least squares over any number type."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

__all__ = ["exact_fit_weights", "row_fit_weights"]


def forsythe(
    order: int, degree: int, nodes: NDArray[Any], importance: NDArray[Any]
) -> NDArray[Any]:
    """Return the weights (rows, points) of the derivative at zero of the best fit to the values.

    The fit is the polynomial of `degree` with the least Σ importance·(misfit)². The weights
    reproduce every polynomial of that degree, and of all that do have the least Σ w²/importance.

    It is a sum over polynomials p that are orthogonal on the nodes (rows, points), made by the
    recursion of G. E. Forsythe, J. SIAM 5 (1957) 74-88. Any type with field arithmetic will do,
    which is what ``Any`` stands for here; where the degree is one less than the number of points,
    the result is that of Fornberg's recursion.
    """
    p, before = nodes * 0 + 1, nodes * 0
    # The derivatives of both polynomials at zero.
    jet: list[Any] = [1] + [0] * order
    jet_before: list[Any] = [0] * (order + 1)
    weights, norm_before = nodes * 0, None
    for _ in range(degree + 1):
        weighted = importance * p
        norm = (weighted * p).sum(axis=-1, keepdims=True)
        weights = weights + weighted * (jet[order] / norm)
        a = (weighted * p * nodes).sum(axis=-1, keepdims=True) / norm
        b = 0 if norm_before is None else norm / norm_before
        p, before = (nodes - a) * p - b * before, p
        jet, jet_before = (
            [m * jet[m - 1] - a * jet[m] - b * jet_before[m] for m in range(order + 1)],
            jet,
        )
        norm_before = norm
    return weights


@lru_cache(maxsize=1024)
def exact_fit_weights(
    order: int, degree: int, offsets: tuple[Fraction, ...], importance: tuple[Fraction, ...]
) -> tuple[Fraction, ...]:
    """Return the exact weights of the derivative at zero for rational nodes and importances."""
    nodes, given = (np.array(values, dtype=object) for values in (offsets, importance))
    return tuple(forsythe(order, degree, nodes, given).tolist())


def row_fit_weights(
    order: int, degree: int, nodes: NDArray[np.floating], importance: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return floating-point weights for many rows of nodes (rows, points) at once.

    Extended precision, where the platform has it, keeps them within 1e-14 of each row's sum of
    magnitudes. Weights that roundoff hides are zero, so that a fit through all points that is
    evaluated at one of them reads no other.
    """
    extended = forsythe(order, degree, nodes.astype(np.longdouble), importance)
    weights = extended.astype(np.float64)
    size = np.abs(weights)
    hidden = size <= np.finfo(np.float64).eps * size.sum(axis=-1, keepdims=True)
    return np.where(hidden, 0.0, weights)
