"""Binary files of PETSc: sparse matrices and vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import sparse

from findops.common.arguments import type_name

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import ArrayLike

    from findops.common.arrays import AnyInts

__all__ = ["write_petsc"]

MATRIX, VECTOR = 1211216, 1211214
"""PETSc's class identifiers of a Mat and of a Vec."""


def write_petsc(
    path: str | PathLike[str], values: ArrayLike | sparse.sparray, index_bits: Literal[32, 64] = 32
) -> None:
    """Write a sparse matrix or a vector as MatLoad and VecLoad of PETSc read it.

    Parameters
    ----------
    path : path
        The file, which is overwritten.
    values : sparse array, (m, n), or array_like, (n,)
        Complex ones need a PETSc configured for them.
    index_bits : {32, 64}
        64 for a PETSc configured with 64-bit indices.

    Raises
    ------
    ValueError
        If the array is neither a vector nor a sparse matrix, or 32 bits do not hold its indices.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "A.petsc")
    ...     write_petsc(file, sparse.eye_array(3))
    ...     np.fromfile(file, ">i4", count=4)
    array([1211216,       3,       3,       3], dtype='>i4')
    """
    if index_bits not in (32, 64):
        raise ValueError(f"index_bits must be 32 or 64, not {index_bits!r}")
    integers, largest = f">i{index_bits // 8}", 2 ** (index_bits - 1)
    parts: list[AnyInts] = []
    if sparse.issparse(values):
        rows = sparse.csr_array(values)
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        head = [MATRIX, *rows.shape, rows.nnz]
        parts, data = [np.diff(rows.indptr), rows.indices], rows.data
    else:
        data = np.asarray(values)
        if data.ndim != 1 or data.dtype.kind not in "biufc":
            raise ValueError(
                "write_petsc(path, values) needs a sparse matrix or a vector of numbers, not "
                f"{type_name(values)} of shape {data.shape}"
            )
        head = [VECTOR, len(data)]
    if max(head) >= largest:
        raise ValueError(f"{max(head)} does not fit into {index_bits} bits: give index_bits=64")
    numbers = ">c16" if data.dtype.kind == "c" else ">f8"
    with Path(path).open("wb") as file:
        for part in (np.array(head), *parts):
            part.astype(integers).tofile(file)
        data.astype(numbers).tofile(file)
