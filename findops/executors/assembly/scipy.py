"""Assembly of a program into sparse matrices.

Large matrices are written out by compiled code, from a pattern of their few kinds of rows. Small
ones, and those in which hardly two rows are of one kind, are made by vectorized index arithmetic
and products of sparse matrices.
"""

from __future__ import annotations

import math
from functools import partial, reduce
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from findops.executors.assembly.pattern import Pattern, count_row_kinds, index_type
from findops.plan.program import Chain, Composition, Program, Term

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.common.arrays import AnyInts, Array, Floats, Ints


__all__ = [
    "Pattern",
    "assemble",
    "assemble_small",
    "check_format",
    "diagonal",
    "fill",
    "pattern",
    "times",
]

MIN_PATHS = 1 << 15
"""Paths from all rows to columns, from which on compiled code is quicker (measured)."""

MAX_ROW_PATHS = 1 << 10
"""Paths from a row, beyond which products of sparse matrices merge them step by step."""

MIN_ROWS_ALIKE = 16
"""Rows of one kind, on average, from which on it pays to write out the kinds (measured)."""

DIAGONAL_ROWS = 1 << 18
"""Rows that are made at a time of a matrix of which only the diagonal is wanted."""


def check_format(name: str) -> None:
    """Refuse what is no format of SciPy's."""
    if name not in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil"):
        raise ValueError(f"format must be one of SciPy's, such as 'csr', not {name!r}")


def pattern(program: Program) -> Pattern | None:
    """Return what compiled code needs to know of a program; None if it is not for compiled code.

    It does not depend on the values of factors: it is also that of the program with others given.
    """
    paths = _paths(program).sum(axis=1)
    few = paths.sum() * math.prod(program.outputs.points) < MIN_PATHS
    if few or paths.max() > MAX_ROW_PATHS:
        return None
    if count_row_kinds(program) * MIN_ROWS_ALIKE > program.outputs.size:
        return None
    return Pattern.of(program)


def assemble(program: Program, rows: range | AnyInts | None = None) -> csr_array:
    """Return the CSR matrix of a program, or some of its rows, in the order given.

    Indices are sorted, without duplicates or explicit zeros, int32 where they fit.
    """
    return fill(pattern(program), program, rows)


def fill(known: Pattern | None, program: Program, rows: range | AnyInts | None = None) -> csr_array:
    """Return what `assemble` returns, given what `pattern` returns."""
    if known is None:
        return assemble_small(program, None if rows is None else np.asarray(rows, dtype=np.intp))
    # LLVM takes long to load: only where it pays.
    from findops.executors.assembly import writer

    return writer.fill(known, program, rows)


def diagonal(known: Pattern | None, program: Program) -> Array:
    """Return the diagonal of the matrix of a program, made some rows at a time."""
    length = min(program.outputs.size, program.inputs.size)
    slabs = [range(i, min(i + DIAGONAL_ROWS, length)) for i in range(0, length, DIAGONAL_ROWS)]
    return np.concatenate([fill(known, program, rows).diagonal(rows.start) for rows in slabs])


def _paths(program: Program) -> Floats:
    """Return how many paths lead from a point of each component to those of each."""
    found = np.zeros((program.outputs.count, program.inputs.count))
    for part in program.parts:
        match part:
            case Chain():
                bands = (band for term in part.terms for band in term.bands if band is not None)
                found[part.row, part.col] += math.prod(band.taps for band in bands)
            case Composition():
                found += reduce(np.matmul, map(_paths, part.programs))
    return found


def assemble_small(program: Program, rows: AnyInts | None = None) -> csr_array:
    """Return what `assemble` returns, without compiled code."""
    count = program.outputs.size if rows is None else len(rows)
    dtype = np.complex128 if program.is_complex else np.float64
    parts = [_part(part, program, rows) for part in program.parts]
    if not parts:
        parts = [csr_array((count, program.inputs.size))]
    matrix: csr_array = reduce(lambda a, b: a + b, parts).tocsr().astype(dtype, copy=False)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return _narrowed(matrix)


def _part(part: Chain | Composition, program: Program, rows: AnyInts | None) -> csr_array:
    match part:
        case Chain():
            return _chain(part, program, rows)
        case Composition(programs=(first, *others)):
            return reduce(
                lambda left, inner: times(left, partial(assemble, inner)),
                others,
                assemble(first, rows),
            )
    raise AssertionError("a composition is never empty")


def times(left: csr_array, right: Callable[[Ints], csr_array]) -> csr_array:
    """Multiply by a matrix of which only the rows that matter are made."""
    needed, places = np.unique(left.indices.astype(np.intp), return_inverse=True)
    narrow = csr_array((left.data, places, left.indptr), shape=(left.shape[0], len(needed)))
    product: csr_array = narrow @ right(needed)
    return product


def _chain(chain: Chain, program: Program, rows: AnyInts | None) -> csr_array:
    """Return the rows of a chain, placed at its components."""
    n_out, n_in = (math.prod(side.points) for side in (program.outputs, program.inputs))
    if rows is None:
        count, within = program.outputs.size, None
        mine = np.arange(chain.row * n_out, (chain.row + 1) * n_out)
    else:
        count, mine = len(rows), np.flatnonzero(rows // n_out == chain.row)
        within = rows[mine] % n_out
    shapes = chain.shapes(program.inputs.points)
    matrix = _term(chain.terms[0], within, shapes[0], shapes[1])
    for term, (out_points, in_points) in zip(chain.terms[1:], pairwise(shapes[1:]), strict=True):
        matrix = times(matrix, partial(_term, term, out_points=out_points, in_points=in_points))
    lengths = np.zeros(count, dtype=np.intp)
    lengths[mine] = np.diff(matrix.indptr)
    return csr_array(
        (matrix.data, matrix.indices + chain.col * n_in, _starts(lengths)),
        shape=(count, program.inputs.size),
    )


def _term(
    term: Term, rows: AnyInts | None, out_points: tuple[int, ...], in_points: tuple[int, ...]
) -> csr_array:
    """Return rows of one term: outer products of the rows of its bands.

    All rows are indexed as an open mesh, which stays small until the last band.
    """
    index: tuple[Array, ...]
    if rows is None:
        index = np.ix_(*map(np.arange, out_points))
    else:
        index = np.unravel_index(rows, out_points)
    size = math.prod(in_points)
    kind = index_type(size)
    columns: Array = np.zeros(1, dtype=kind)
    weights: Array = np.ones(1)
    for i, n, band in zip(index, in_points, term.bands, strict=True):
        if band is None:
            columns = columns * n + i[..., None].astype(kind)
            continue
        along, factors = band.entries(i)
        columns = columns[..., :, None] * n + along[..., None, :].astype(kind)
        weights = weights[..., :, None] * factors[..., None, :]
        columns = columns.reshape(*columns.shape[:-2], math.prod(columns.shape[-2:]))
        weights = weights.reshape(*weights.shape[:-2], math.prod(weights.shape[-2:]))
    shape = (*np.broadcast_shapes(*(i.shape for i in index)), columns.shape[-1])
    # Padding has zero weight; a coefficient that is zero somewhere is told apart from it.
    kept = np.broadcast_to(weights != 0, shape)
    values = weights * _coefficient(term, index, out_points)
    data = np.broadcast_to(values, shape)[kept]
    starts = _starts(kept.sum(axis=-1).ravel())
    return csr_array(
        (data, np.broadcast_to(columns, shape)[kept], starts), shape=(len(starts) - 1, size)
    )


def _coefficient(term: Term, index: tuple[AnyInts, ...], out_points: tuple[int, ...]) -> Array:
    coefficient: Array = np.asarray(term.coefficient)
    for mask in term.masks:
        coefficient = np.where(mask, coefficient, 0)
    if coefficient.ndim:
        coefficient = np.broadcast_to(coefficient, out_points)[index][..., None]
    return coefficient


def _starts(lengths: AnyInts) -> AnyInts:
    """Return where rows of some lengths begin, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)])


def _narrowed(matrix: csr_array) -> csr_array:
    """Return a matrix whose indices are int32 where they fit."""
    kind = index_type(max(*matrix.shape, matrix.nnz))
    matrix.indices = matrix.indices.astype(kind, copy=False)
    matrix.indptr = matrix.indptr.astype(kind, copy=False)
    return matrix
