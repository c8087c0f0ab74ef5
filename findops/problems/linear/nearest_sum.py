"""The Kronecker sum nearest to a matrix: a preconditioner that needs nothing but the matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from findops.common.blas import DECOMPOSITION_WORK, dense_work
from findops.problems.linear.basis import DENSE_POINTS, dense_basis
from findops.problems.linear.diagonalization import FastDiagonalization
from findops.problems.linear.preconditioners import NearestSeparable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scipy.sparse import csr_array

    from findops.common.arrays import Array

__all__ = ["nearest_sum"]


def nearest_sum(matrix: csr_array, shape: tuple[int, ...]) -> NearestSeparable | None:
    """Return the Kronecker sum nearest to a matrix, scaled to its diagonal.

    What couples points along one axis is averaged over the others, the diagonal is taken for the
    nearest sum of functions of one coordinate each, and what couples points across is left out.
    This is `nearest_separable` for matrices.

    Parameters
    ----------
    matrix : csr_array, (n, n)
        On the points of a box, flat in C order.
    shape : tuple of int
        Points along the axes.

    Returns
    -------
    NearestSeparable or None
        None if an axis has no eigenvectors that serve, or too many points.
    """
    if max(shape, default=0) > DENSE_POINTS:
        return None
    diagonal = matrix.diagonal().reshape(shape)
    lines = list(_lines(diagonal))
    bases = []
    for along, line in zip(_couplings(matrix, shape), lines, strict=True):
        with dense_work(DECOMPOSITION_WORK * len(line) ** 3):
            basis = dense_basis(along.toarray() + np.diag(line))
        if basis is None:
            return None
        bases.append(basis)
    near = np.abs(sum(np.ix_(*lines))).ravel()
    own = np.abs(diagonal).ravel()
    ratio = np.divide(own, near, out=np.ones_like(own), where=(near > 0) & (own > 0))
    fast = FastDiagonalization(tuple(bases), (), matrix.dtype.kind != "c")
    return NearestSeparable(fast, np.sqrt(ratio))


def _lines(values: Array) -> Iterator[Array]:
    """Yield the functions of one coordinate each whose sum is nearest to values."""
    mean = values.mean()
    for i, _ in enumerate(values.shape):
        others = tuple(j for j in range(values.ndim) if j != i)
        yield values.mean(axis=others) - mean + mean / values.ndim


def _couplings(matrix: csr_array, shape: tuple[int, ...]) -> Iterator[csr_array]:
    """Yield for each axis the mean of what couples points along it, without the diagonal."""
    entries = matrix.tocoo()
    rows, cols = (np.unravel_index(place, shape) for place in entries.coords)
    apart = np.array([row != col for row, col in zip(rows, cols, strict=True)])
    alone = apart.sum(axis=0) == 1
    for row, col, there, n in zip(rows, cols, apart, shape, strict=True):
        which = there & alone
        sums = (entries.data[which] * (n / matrix.shape[0]), (row[which], col[which]))
        yield sparse.csr_array(sums, shape=(n, n))
