"""Sparse matrices of JAX and PyTorch, from SciPy's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from jax.experimental.sparse import BCOO
    from torch import Tensor

__all__ = ["to_jax", "to_torch"]


def to_jax(matrix: sparse.sparray | sparse.spmatrix) -> BCOO:
    """Return a sparse matrix as JAX's BCOO.

    Parameters
    ----------
    matrix : sparse array, (m, n)
        As ``op.matrix()`` makes it.

    Returns
    -------
    jax.experimental.sparse.BCOO, (m, n)
        On JAX's default device, sorted by rows, each entry once. JAX without x64 makes float32
        of float64.

    Raises
    ------
    ImportError
        If JAX is missing.
    TypeError
        If `matrix` is not sparse.

    Examples
    --------
    >>> from findops import Diff
    >>> A = to_jax(Diff("x").matrix(np.linspace(0, 1, 5)))  # doctest: +SKIP
    >>> A @ jax.numpy.ones(5)  # doctest: +SKIP
    Array([0., 0., 0., 0., 0.], dtype=float32)
    """
    rows = _canonical(matrix).tocoo()
    import jax.numpy as jnp
    from jax.experimental.sparse import BCOO

    indices = np.stack(rows.coords, axis=-1)
    return BCOO(
        (jnp.asarray(rows.data), jnp.asarray(indices)),
        shape=rows.shape,
        indices_sorted=True,
        unique_indices=True,
    )


def to_torch(matrix: sparse.sparray | sparse.spmatrix) -> Tensor:
    """Return a sparse matrix as PyTorch's CSR tensor.

    Parameters
    ----------
    matrix : sparse array, (m, n)
        As ``op.matrix()`` makes it.

    Returns
    -------
    torch.Tensor, (m, n)
        On the CPU, in the layout `torch.sparse_csr`, with numbers of its own.

    Raises
    ------
    ImportError
        If PyTorch is missing.
    TypeError
        If `matrix` is not sparse.

    Examples
    --------
    >>> from findops import Diff
    >>> A = to_torch(Diff("x").matrix(np.linspace(0, 1, 5)))  # doctest: +SKIP
    >>> A @ torch.ones(5, dtype=torch.float64)  # doctest: +SKIP
    tensor([0., 0., 0., 0., 0.], dtype=torch.float64)
    """
    rows = _canonical(matrix)
    import torch

    parts = (torch.tensor(part) for part in (rows.indptr, rows.indices, rows.data))
    # SciPy has made sure of what PyTorch would check.
    return torch.sparse_csr_tensor(*parts, size=rows.shape, check_invariants=False)


def _canonical(matrix: sparse.sparray | sparse.spmatrix) -> sparse.csr_array:
    """Return a sparse matrix in CSR form, sorted, each entry once."""
    if not isinstance(matrix, (sparse.sparray, sparse.spmatrix)):
        raise TypeError(f"a sparse matrix is needed, such as op.matrix(), not {type(matrix)}")
    rows: sparse.csr_array = sparse.csr_array(cast("Any", matrix))  # SciPy's types miss sparray
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows
