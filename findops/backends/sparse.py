"""Assembly of a program into sparse matrices, by vectorized index arithmetic."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from findops.stencil import Chain, Composition, Program, Term

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.integer[Any]]
    Csr = sparse.csr_array[Any, tuple[int, int]]

__all__ = ["assemble"]


def assemble(program: Program, rows: Ints | None = None) -> Csr:
    """Return the CSR matrix of a program, or some of its rows, in the order given.

    Indices are sorted, without duplicates or explicit zeros, int32 where they fit.
    """
    wanted = np.arange(program.outputs.size) if rows is None else rows
    dtype = np.complex128 if program.is_complex else np.float64
    parts = [_part(part, program, wanted) for part in program.parts]
    empty = sparse.csr_array((len(wanted), program.inputs.size), dtype=dtype)
    matrix: Csr = sparse.csr_array(reduce(lambda a, b: a + b, parts, empty))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return _narrowed(matrix)


def _part(part: Chain | Composition, program: Program, rows: Ints) -> Csr:
    match part:
        case Chain():
            return _chain(part, program, rows)
        case Composition():
            return reduce(_times, part.programs[1:], assemble(part.programs[0], rows))


def _times(matrix: Csr, inner: Program) -> Csr:
    """Multiply by a program of which only the rows that matter are assembled."""
    needed, places = np.unique(matrix.indices, return_inverse=True)
    left = sparse.csr_array(
        (matrix.data, places, matrix.indptr), shape=(matrix.shape[0], len(needed))
    )
    return left @ assemble(inner, needed)


def _chain(chain: Chain, program: Program, rows: Ints) -> Csr:
    """Return the rows of a chain, placed at its components."""
    n_out = program.outputs.size // max(program.outputs.count, 1)
    n_in = program.inputs.size // max(program.inputs.count, 1)
    mine = np.flatnonzero(rows // n_out == chain.row)
    shapes = chain.shapes(program.inputs.points)
    matrix: Csr | None = None
    for term, out_points, in_points in zip(chain.terms, shapes, shapes[1:], strict=False):
        if matrix is None:
            matrix = _term(term, rows[mine] % n_out, out_points, in_points)
            continue
        needed, places = np.unique(matrix.indices, return_inverse=True)
        left = sparse.csr_array(
            (matrix.data, places, matrix.indptr), shape=(matrix.shape[0], len(needed))
        )
        matrix = left @ _term(term, needed, out_points, in_points)
    assert matrix is not None  # a chain has at least one term
    counts = np.zeros(len(rows) + 1, dtype=np.intp)
    counts[mine + 1] = np.diff(matrix.indptr)
    return sparse.csr_array(
        (matrix.data, matrix.indices + chain.col * n_in, np.cumsum(counts)),
        shape=(len(rows), program.inputs.size),
    )


def _term(term: Term, rows: Ints, out_points: tuple[int, ...], in_points: tuple[int, ...]) -> Csr:
    """Return rows of one term: an outer product of the rows of its bands."""
    index = np.unravel_index(rows, out_points)
    columns: NDArray[Any] = np.zeros((len(rows), 1), dtype=np.int64)
    weights = np.ones((len(rows), 1))
    for i, n, band in zip(index, in_points, term.bands, strict=True):
        if band is None:
            columns = columns * n + i[:, None]
            continue
        along, factors = (table[i] for table in band.table())
        columns = (columns[:, :, None] * n + along[:, None, :]).reshape(len(rows), -1)
        weights = (weights[:, :, None] * factors[:, None, :]).reshape(len(rows), -1)
    coefficient: NDArray[Any] = np.asarray(term.coefficient)
    for mask in term.masks:
        coefficient = np.where(mask, coefficient, 0)
    if coefficient.ndim:
        coefficient = np.broadcast_to(coefficient, out_points)[index][:, None]
    values = weights * coefficient
    # An identity's single 1 and a band's zero padding are told apart by weight.
    kept = weights != 0
    starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    shape = (len(rows), int(np.prod(in_points)))
    return sparse.csr_array((values[kept], columns[kept], starts), shape=shape)


def _narrowed(matrix: Csr) -> Csr:
    largest = max(*matrix.shape, matrix.nnz)
    kind = np.int32 if largest <= np.iinfo(np.int32).max else np.int64
    matrix.indices = matrix.indices.astype(kind, copy=False)
    matrix.indptr = matrix.indptr.astype(kind, copy=False)
    return matrix
