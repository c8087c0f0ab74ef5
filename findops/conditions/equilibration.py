"""Equilibration: rows and columns of a matrix multiplied so that all are of one size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Array


__all__ = ["equilibration", "row_sizes"]


ROUNDS, NEAR_ONE = 12, 1.5
"""How often sizes are divided out at most, and how near to one they are left. Those of rows and
columns that units enlarge by up to 10¹⁵ each come to within a factor of ten."""


def row_sizes(matrix: csr_array) -> Array:
    """Return Σ|a| of every row."""
    return np.asarray(abs(matrix).sum(axis=1)).ravel()


def equilibration(matrix: csr_array) -> tuple[Array, Array]:
    """Return factors of rows, and of columns, after which Σ|a| is near one in all of them.

    They are powers of two, so that no entry is rounded. Units and graded spacing differ by many
    orders: only between rows and columns of one size do small numbers tell what is singular. Rows
    and columns are divided at once by the roots of their sizes (Ruiz, 2001), which leaves symmetric
    matrices symmetric: their diagonal entries stay good pivots.
    """
    sizes = abs(matrix)
    rows, columns = np.ones(matrix.shape[0]), np.ones(matrix.shape[1])
    for _ in range(ROUNDS):
        by_rows, by_columns = rows * (sizes @ columns), columns * (sizes.T @ rows)
        both = np.concatenate([by_rows, by_columns])
        if not (both > NEAR_ONE).any() and not (both[both > 0] < 1 / NEAR_ONE).any():
            break
        rows, columns = rows * _inverse_root(by_rows), columns * _inverse_root(by_columns)
    return _power_of_two(rows), _power_of_two(columns)


def _inverse_root(sizes: Array) -> Array:
    """Return one over the roots of sizes, 1 where that is zero."""
    root: Array = 1 / np.sqrt(np.where(sizes > 0, sizes, 1))
    return root


def _power_of_two(factors: Array) -> Array:
    power: Array = np.exp2(np.round(np.log2(factors)))
    return power
