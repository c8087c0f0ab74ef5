"""Equilibration: rows and columns of a matrix multiplied so that all are of one size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Array


__all__ = ["equilibration", "row_sizes"]


def row_sizes(matrix: csr_array) -> Array:
    """Return Σ|a| of every row."""
    return np.asarray(abs(matrix).sum(axis=1)).ravel()


def equilibration(matrix: csr_array) -> tuple[Array, Array]:
    """Return factors of rows, and of columns, after which Σ|a| is near one in all of them.

    They are powers of two, so that no entry is rounded. Units and graded spacing differ by many
    orders: only between rows and columns of one size do small numbers tell what is singular.
    """
    rows = _inverse_powers(row_sizes(matrix))
    columns = _inverse_powers(np.asarray(abs(matrix).T @ rows).ravel())
    return rows, columns


def _inverse_powers(sizes: Array) -> Array:
    """Return the powers of two nearest to the inverses of sizes, 1 where that is zero."""
    powers: Array = np.exp2(-np.round(np.log2(np.where(sizes > 0, sizes, 1))))
    return powers
