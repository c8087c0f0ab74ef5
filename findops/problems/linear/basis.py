"""Eigenvectors of the matrix along one axis: sines, cosines and exponentials, or a dense matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import fft

from findops.common.blas import DECOMPOSITION_WORK, dense_work
from findops.common.threads import num_threads
from findops.conditions.equilibration import row_sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem


__all__ = [
    "DENSE_POINTS",
    "DenseBasis",
    "Eigenbasis",
    "FastTransform",
    "dense_basis",
    "eigenbases",
    "from_conjugates",
    "to_conjugates",
]

DENSE_POINTS = 2048
"""Unknowns up to which a matrix is decomposed as a dense one."""

EIGENVECTOR_CONDITION = 1e6
"""Condition number of the eigenvectors above which too many digits are lost."""

HERMITIAN_BASIS = 1e-12
"""Part of the largest entry by which a matrix may differ from its conjugate transpose."""

COMMUTATOR = 1e-13
"""Part of their sizes by which products of matrices in both orders may differ if they commute."""

SHARED_BASIS = 1e-11
"""Part of the largest eigenvalue by which a matrix may differ from what the eigenvectors of another
make of it."""

PARITY_POINTS = 100
"""Unknowns from which even and odd vectors are worth being told apart."""

PARITY_ERROR = 1e-15
"""Part of its largest entry up to which a matrix may mix even and odd vectors."""

TRANSFORM_ERROR = 2e-14
"""Part of the largest eigenvalue by which a matrix may differ from what transforms make of it."""

ZERO_SINGULAR_VALUE = 1e-14
"""Part of the largest singular value, in rows of one size, below which one is zero."""

GRADED_ROWS = 1e8
"""Ratio of the sizes of rows from which on small eigenvalues are lost beside the largest."""


class Eigenbasis(Protocol):
    """Eigenvalues along one axis, and what takes fields to coefficients and back.

    Of conjugate eigenvalues, the vectors a ± i b, the coefficients are those of a and b, so that
    real fields have real ones.
    """

    @property
    def real(self) -> bool:
        """Whether real fields have real coefficients."""

    @property
    def values(self) -> Array: ...

    @property
    def pairs(self) -> NDArray[np.intp]:
        """Where pairs of conjugate eigenvalues begin."""

    def forward(self, x: Array, axis: int, overwrite: bool = False) -> Array:
        """Return the coefficients along an axis of x, which may be overwritten if asked."""

    def backward(self, x: Array, axis: int) -> Array:
        """Return the inverse of that; x may be overwritten."""


@dataclass(frozen=True, eq=False)
class FastTransform:
    """Eigenvectors that a fast transform sums."""

    values: Array
    apply: Callable[..., Array]
    invert: Callable[..., Array]
    kind: dict[str, int]

    @property
    def real(self) -> bool:
        return self.apply is not fft.fft

    @property
    def pairs(self) -> NDArray[np.intp]:
        return np.zeros(0, dtype=np.intp)

    def forward(self, x: Array, axis: int, overwrite: bool = False) -> Array:
        return self.apply(x, axis=axis, workers=num_threads(), overwrite_x=overwrite, **self.kind)

    def backward(self, x: Array, axis: int) -> Array:
        return self.invert(x, axis=axis, workers=num_threads(), overwrite_x=True, **self.kind)


@dataclass(frozen=True, eq=False)
class DenseBasis:
    """Eigenvectors as the columns of matrices, and the inverses of these.

    There is one matrix, or one for what is even about the middle of the axis and one for what is
    odd. Of the complex vectors a ± i b of a real matrix, the columns are a and b.
    """

    values: Array
    vectors: tuple[Array, ...]
    inverses: tuple[Array, ...]

    @property
    def real(self) -> bool:
        return all(map(np.isrealobj, self.vectors))

    @cached_property
    def pairs(self) -> NDArray[np.intp]:
        # LAPACK puts conjugates behind.
        return np.flatnonzero(self.values.imag > 0) if self.real else np.zeros(0, dtype=np.intp)

    def of(self, matrix: csr_array) -> DenseBasis | None:
        """Return the same eigenvectors with the eigenvalues of another matrix, if it has them."""
        vectors, inverse = self._whole
        values = np.einsum("ij,ji->i", inverse, matrix @ vectors)
        probe = np.random.default_rng(0).standard_normal(len(values))
        there = inverse @ probe
        error = np.abs(inverse @ (matrix @ probe) - values * there).max()
        if error > SHARED_BASIS * np.abs(values).max() * np.abs(there).max():
            return None
        return replace(self, values=values)

    @cached_property
    def _whole(self) -> tuple[Array, Array]:
        """The eigenvectors as the columns of one matrix, and its inverse."""
        unit = np.eye(len(self.values))
        return self.backward(unit, 0), self.forward(unit, 0)

    def forward(self, x: Array, axis: int, overwrite: bool = False) -> Array:  # noqa: ARG002  # products need room
        if len(self.inverses) == 1:
            return _applied_along(self.inverses[0], x, axis)
        parts = zip(self.inverses, _folded(x, axis), strict=True)
        return np.concatenate([_applied_along(matrix, part, axis) for matrix, part in parts], axis)

    def backward(self, x: Array, axis: int) -> Array:
        if len(self.vectors) == 1:
            return _applied_along(self.vectors[0], x, axis)
        parts = zip(self.vectors, np.split(x, [len(self.vectors[0])], axis), strict=True)
        even, odd = (_applied_along(matrix, part, axis) for matrix, part in parts)
        return _unfolded(even, odd, axis)


def _folded(x: Array, axis: int) -> tuple[Array, Array]:
    """Return what is even about the middle of an axis, and what is odd, in orthonormal vectors."""
    lines = np.moveaxis(x, axis, 0)
    half = len(lines) // 2
    first, middle, last = lines[:half], lines[half : len(lines) - half], lines[::-1][:half]
    even = np.concatenate([(first + last) * np.sqrt(0.5), middle])
    odd = (first - last) * np.sqrt(0.5)
    return np.moveaxis(even, 0, axis), np.moveaxis(odd, 0, axis)


def _unfolded(even: Array, odd: Array, axis: int) -> Array:
    """Return the inverse of that."""
    both, other = np.moveaxis(even, axis, 0), np.moveaxis(odd, axis, 0)
    both, middle = both[: len(other)], both[len(other) :]
    first, last = (both + other) * np.sqrt(0.5), (both - other) * np.sqrt(0.5)
    return np.moveaxis(np.concatenate([first, middle, last[::-1]]), 0, axis)


def to_conjugates(x: Array, pairs: Sequence[NDArray[np.intp]]) -> Array:
    """Return coefficients of a ± i b, given those of a and b and the pairs of each axis."""
    made = x.astype(complex)
    for axis, first in enumerate(pairs):
        lines = np.moveaxis(made, axis, 0)
        a, b = lines[first], 1j * lines[first + 1]
        lines[first], lines[first + 1] = (a - b) / 2, (a + b) / 2
    return made


def from_conjugates(x: Array, pairs: Sequence[NDArray[np.intp]]) -> Array:
    """Return coefficients of a and b, given those of a ± i b and the pairs of each axis."""
    made = x.astype(complex)
    for axis, first in enumerate(pairs):
        lines = np.moveaxis(made, axis, 0)
        a, b = lines[first], lines[first + 1]
        lines[first], lines[first + 1] = a + b, 1j * (a - b)
    return made


def eigenbases(
    lines: Sequence[AffineSystem], transforms: bool = True, dense: bool = True
) -> list[Eigenbasis] | None:
    """Return the eigenvectors that matrices share, each time with the eigenvalues of one of them.

    None if they share none, or these are too close to each other or too many. Fast transforms are
    tried first, then dense matrices. Of these, eigenvectors of a symmetric one are orthonormal, and
    real if it is; the basis of one real matrix is real, that of several has no pairs.
    """
    fast = _fast_transforms(lines) if transforms else None
    if fast or not dense or lines[0].count > DENSE_POINTS:
        return fast
    with dense_work(DECOMPOSITION_WORK * lines[0].count ** 3):
        return _dense_bases([line.matrix for line in lines])


def _fast_transforms(lines: Sequence[AffineSystem]) -> list[Eigenbasis] | None:
    """Return the fast transform that diagonalizes matrices, if one does."""
    n = lines[0].count
    if any(map(_varies, lines)):
        return None
    candidates: list[tuple[Any, Any, dict[str, int]]] = [
        (fft.dst, fft.idst, {"type": kind}) for kind in (1, 2, 3, 4)
    ]
    candidates += [(fft.dct, fft.idct, {"type": kind}) for kind in (1, 2, 3, 4) if n > 1]
    candidates.append((fft.fft, fft.ifft, {}))
    probe = np.random.default_rng(0).standard_normal(n)
    images = [_applied(line, probe) for line in lines]
    for apply, invert, kind in candidates:
        made: list[Eigenbasis] = []
        for line, image in zip(lines, images, strict=True):
            values = apply(_applied(line, invert(np.ones(n), **kind)), **kind)
            error = apply(image, **kind) - values * (there := apply(probe, **kind))
            if np.abs(error).max() > TRANSFORM_ERROR * np.abs(values).max() * np.abs(there).max():
                break
            made.append(FastTransform(values, apply, invert, kind))
        else:
            return made
    return None


def _varies(line: AffineSystem) -> bool:
    """Tell whether rows differ in the middle, however little, as far as a matrix shows it."""
    if line.reads_lines:
        return False
    diagonal, n = line.matrix.diagonal(), line.count
    return bool(np.isrealobj(diagonal) and np.ptp(diagonal[n // 3 : n - n // 3]) > 0)


def _applied(line: AffineSystem, x: Array) -> Array:
    """Return a matrix times a vector; one whose rows read whole lines is not written out."""
    return line.matvec(x) if line.reads_lines else np.asarray(line.matrix @ x)


def _dense_bases(matrices: Sequence[csr_array]) -> list[Eigenbasis] | None:
    """Return the eigenvectors of the first matrix whose eigenvectors are those of all."""
    if len(matrices) == 1:
        only = dense_basis(matrices[0].toarray())
        return None if only is None else [only]
    if not all(_commute(*two) for two in combinations(matrices, 2)):
        return None
    # Any vectors are eigenvectors of a multiple of the identity: it comes last.
    for matrix in sorted(matrices, key=lambda each: -each.nnz):
        basis = dense_basis(matrix.toarray(), pairs=False)
        found = [basis and basis.of(other) for other in matrices]
        made: list[Eigenbasis] = [each for each in found if each is not None]
        if len(made) == len(matrices):
            return made
    return None


def _commute(one: csr_array, other: csr_array) -> bool:
    """Tell whether two matrices commute, by a vector drawn at random."""
    probe = np.random.default_rng(0).standard_normal(one.shape[0])
    error = np.abs(one @ (other @ probe) - other @ (one @ probe)).max(initial=0)
    sizes = row_sizes(one).max(initial=0) * row_sizes(other).max(initial=0)
    return bool(error <= COMMUTATOR * sizes)


def dense_basis(matrix: Array, pairs: bool = True) -> DenseBasis | None:
    """Return the eigenvectors of a matrix, None if they are too close to each other."""
    """Return the eigenvectors of a matrix, None if they are too close to each other."""
    found = [_eigenvectors(part, pairs) for part in _by_parity(matrix)]
    made = [each for each in found if each is not None]
    if len(made) < len(found):
        return None
    values, vectors, inverses = zip(*made, strict=True)
    return DenseBasis(np.concatenate(values), vectors, inverses)


def _by_parity(matrix: Array) -> list[Array]:
    """Return what a matrix does to even and to odd vectors, if it keeps them apart, else itself."""
    if len(matrix) < PARITY_POINTS:
        return [matrix]
    even, odd = _folded(matrix, 0)
    (kept, mixed), (mixed_too, kept_too) = _folded(even, 1), _folded(odd, 1)
    most = max(np.abs(mixed).max(), np.abs(mixed_too).max())
    return [kept, kept_too] if most <= PARITY_ERROR * np.abs(matrix).max() else [matrix]


def _eigenvectors(matrix: Array, pairs: bool) -> tuple[Array, Array, Array] | None:
    """Return eigenvalues, eigenvectors and their inverse, None if they are too close."""
    size = np.abs(matrix).max(initial=0)
    if np.abs(matrix - matrix.conj().T).max(initial=0) <= HERMITIAN_BASIS * size:
        values, vectors = np.linalg.eigh(matrix)
        return values, vectors, vectors.conj().T
    rows = np.abs(matrix).sum(axis=1)
    if rows.max(initial=0) > GRADED_ROWS * rows.min(initial=np.inf):
        return None
    values, vectors = np.linalg.eig(matrix)
    if np.linalg.cond(vectors) > EIGENVECTOR_CONDITION:
        return None
    sizes = np.linalg.svd(matrix / rows[:, None], compute_uv=False)
    if sizes[-1] <= ZERO_SINGULAR_VALUE * sizes[0]:
        # Of a matrix far from normal, roundoff moves eigenvalues farther than singular values.
        values[np.argmin(np.abs(values))] = 0
    if pairs and np.isrealobj(matrix) and np.iscomplexobj(values):
        vectors = np.where(values.imag < 0, -vectors.imag, vectors.real)
    return values, vectors, np.linalg.inv(vectors)


def _applied_along(matrix: Array, x: Array, axis: int) -> Array:
    """Return a matrix applied along an axis."""
    shape = x.shape
    with dense_work(x.size * len(matrix)):
        if axis == len(shape) - 1:
            return (x.reshape(-1, shape[axis]) @ matrix.T).reshape(*shape[:-1], len(matrix))
        stacked = x.reshape(math.prod(shape[:axis]), shape[axis], -1)
        result: Array = np.matmul(matrix, stacked)
    return result.reshape(*shape[:axis], len(matrix), *shape[axis + 1 :])
