"""Eigenpairs: their order and sign, and those of sums of one-dimensional operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.common.arrays import Array
    from findops.operators.staggered_fields import Fields
    from findops.problems.linear.diagonalization import FastDiagonalization


__all__ = ["Eigenpairs", "nearest_first", "separable_eigenpairs", "with_fixed_phase"]

SAME_DIGITS = 9
"""Digits to which distances agree that are equal by symmetry."""

LEADING = 1 - 1e-6
"""Part of the largest entry from which on an entry counts as largest."""


@dataclass(frozen=True, eq=False, repr=False)
class Eigenpairs:
    """Eigenvalues and their fields, nearest first.

    Parameters
    ----------
    values : array, (k,)
        Real where symmetry is proved, and where all of a real problem's come out so; else complex.
    vectors : array, (k, *components, *grid), or tuple of these for components at their own points
        The fields, boundary included: ∫|u|² = 1 by the grid's weights, summed over components, and
        the first of the largest entries is positive. Those of a symmetric problem are orthogonal;
        of a multiple eigenvalue, they are some basis, the same every time.
    residuals : array, (k,)
        The largest |A x − λ B x| of a row over (Σ|a| + |λ| Σ|b|) of that row and the largest |x|,
        for the matrices under the conditions. It promises that the pair solves a problem exactly
        whose rows differ by no more than this part of their size, and no more than that: λ may be
        wrong by its condition number times that, which ten orders of a fourth derivative can be.
    method : str
        How they were found.
    """

    values: Array
    vectors: Fields
    residuals: Array
    method: str

    def __repr__(self) -> str:
        return f"<Eigenpairs {self.values} by {self.method}>"


def nearest_first(values: Array, near: complex, k: int) -> NDArray[np.intp]:
    """Return the indices of the k values nearest to a number, nearest first.

    Of those at one distance the smaller real part comes first, then the larger imaginary part.
    """
    k = min(k, len(values))
    distances = np.abs(values - near)
    reach = np.sort(np.partition(distances, k - 1)[:k])[-1] * (1 + 10.0**-SAME_DIGITS)
    within = np.flatnonzero(distances <= reach)
    close = values[within]
    rounded = np.round(distances[within] / (reach or 1), SAME_DIGITS)
    order: NDArray[np.intp] = within[np.lexsort((-close.imag, close.real, rounded))]
    return order[:k]


def with_fixed_phase(vectors: Array) -> Array:
    """Return vectors (n, k), each times the phase that makes its first largest entry positive."""
    sizes = np.abs(vectors)
    leading = np.argmax(sizes >= LEADING * sizes.max(axis=0), axis=0)
    entries = vectors[leading, np.arange(vectors.shape[1])]
    result: Array = vectors * (entries.conj() / np.abs(entries))
    return result


def separable_eigenpairs(fast: FastDiagonalization, k: int, near: complex) -> tuple[Array, Array]:
    """Return the k eigenvalues nearest to a number (k,), and their vectors (n, k).

    All eigenvalues are known; vectors are outer products of those along the axes.
    """
    every = fast.eigenvalues()
    chosen = nearest_first(every.ravel(), near, k)
    places = zip(*np.unravel_index(chosen, every.shape), strict=True)
    vectors = [fast.eigenvector(place).ravel() for place in places]
    return every.ravel()[chosen], np.stack(vectors, axis=1)
