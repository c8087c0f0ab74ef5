"""Eigenvalues of operators that act along one axis at a time: sums of those along the axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from findops.problems.eigenpairs import nearest_first

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.problems.diagonalization import Separable

    Array = NDArray[Any]

__all__ = ["kronecker"]


def kronecker(fast: Separable, k: int, near: complex) -> tuple[Array, Array]:
    """Return the k eigenvalues nearest to a number (k,), and their vectors (n, k).

    All eigenvalues are known; vectors are outer products of those along the axes.
    """
    every = fast.eigenvalues()
    chosen = nearest_first(every.ravel(), near, k)
    places = zip(*np.unravel_index(chosen, every.shape), strict=True)
    vectors = [fast.eigenvector(place).ravel() for place in places]
    return every.ravel()[chosen], np.stack(vectors, axis=1)
