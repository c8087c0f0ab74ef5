"""Derivatives of the polynomial that fits best: weighted least squares over any number type."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["exact_fit_weights", "row_fit_weights"]


def forsythe(
    order: int, degree: int, nodes: Sequence[Any], importance: Sequence[Any], one: Any
) -> list[Any]:
    """Return the weights that turn values at `nodes` into a derivative at zero of their best fit.

    The fit is the polynomial of `degree` with the least Σ importance·(misfit)², so that the weights
    w reproduce every polynomial of that degree, and of all that do have the least Σ w²/importance.
    It is a sum over polynomials p that are orthogonal on the nodes, made by the recursion of
    G. E. Forsythe, J. SIAM 5 (1957) 74-88. Any type with field arithmetic will do, as in Fornberg's
    recursion, which this one meets where the degree is one less than the number of nodes.
    """
    p, before = [one for _ in nodes], [0 * one for _ in nodes]
    at_zero, at_zero_before = [one] + [0 * one] * order, [0 * one] * (order + 1)
    result, norm_before = before, one
    for k in range(degree + 1):
        squares = [g * v * v for g, v in zip(importance, p, strict=True)]
        norm = sum(squares[1:], squares[0])
        part = at_zero[order] / norm
        result = [w + part * g * v for w, g, v in zip(result, importance, p, strict=True)]
        moments = [s * x for s, x in zip(squares, nodes, strict=True)]
        a = sum(moments[1:], moments[0]) / norm
        b = norm / norm_before if k else 0 * one
        jet = [
            (m * at_zero[m - 1] if m else 0) - a * at_zero[m] - b * at_zero_before[m]
            for m in range(order + 1)
        ]
        p, before = [(x - a) * v - b * u for x, v, u in zip(nodes, p, before, strict=True)], p
        at_zero, at_zero_before, norm_before = jet, at_zero, norm
    return result


@lru_cache(maxsize=4096)
def exact_fit_weights(
    order: int, degree: int, offsets: tuple[Fraction, ...], importance: tuple[Fraction, ...]
) -> tuple[Fraction, ...]:
    """Return the exact weights of the derivative at zero for rational nodes and importances."""
    return tuple(forsythe(order, degree, offsets, importance, Fraction(1)))


def row_fit_weights(
    order: int, degree: int, nodes: NDArray[np.floating], importance: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return floating-point weights for many rows of nodes (rows, points) at once.

    Weights that a row's roundoff hides are zero, so that a fit through all points that is evaluated
    at one of them reads no other.
    """
    columns = list(np.moveaxis(nodes.astype(np.longdouble), -1, 0))
    given = list(np.moveaxis(np.broadcast_to(importance, nodes.shape).astype(np.longdouble), -1, 0))
    one = np.ones(nodes.shape[:-1], dtype=np.longdouble)
    found = forsythe(order, degree, columns, given, one)
    weights = np.stack([w.astype(np.float64) for w in found], axis=-1)
    size = np.abs(weights)
    hidden = size <= np.finfo(np.float64).eps * size.sum(axis=-1, keepdims=True)
    return np.where(hidden, 0.0, weights)
