"""Eigenvalues of operators that act along one axis at a time: sums of those along the axes."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.problems.eigenpairs import nearest_first

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.problems.basis import Basis
    from findops.problems.separable import Separable

    Array = NDArray[Any]

__all__ = ["kronecker"]


def kronecker(fast: Separable, k: int, near: complex) -> tuple[Array, Array]:
    """Return the k eigenvalues nearest to a number (k,), and their vectors (n, k).

    All eigenvalues are known; vectors are outer products of those along the axes.
    """
    every = fast.eigenvalues()
    chosen = nearest_first(every.ravel(), near, k)
    vectors = [
        reduce(
            np.multiply.outer, (_vector(axis, j) for axis, j in zip(fast.axes, index, strict=True))
        )
        for index in zip(*np.unravel_index(chosen, every.shape), strict=True)
    ]
    return every.ravel()[chosen], np.stack([vector.ravel() for vector in vectors], axis=1)


def _vector(axis: Basis, j: int) -> Array:
    """Return an eigenvector along an axis."""
    unit = np.zeros(len(axis.values))
    unit[j] = 1
    return axis.backward(axis.unmix(unit, 0), 0)
