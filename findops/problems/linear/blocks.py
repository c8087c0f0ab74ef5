"""Fast diagonalization of coupled components, and of products along several axes.

Where one-dimensional operators share their eigenvectors, they leave a small matrix for each mode.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.linalg import block_diag

from findops.conditions.equilibration import equilibration
from findops.problems.linear.basis import EIGENVECTOR_CONDITION
from findops.problems.linear.diagonalization import ZERO_EIGENVALUE, check_null_count
from findops.problems.linear.singular import NullField, check_consistent, euclidean_norm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.problems.linear.basis import Eigenbasis

__all__ = ["BlockDiagonalization", "CoupledModes"]

MODES_AT_A_TIME = 1 << 15
"""Modes whose matrices are made at a time."""

DEFECTIVE = 1e-6
"""Cosine of the angle to the left null space at which null vectors still complete the range."""

HERMITIAN_MODES = 1e-13
"""Part of the largest entry by which the matrices of modes may differ from Hermitian ones."""


@dataclass(frozen=True, eq=False)
class SingularMode:
    """A mode with a singular matrix S: S x + C c = b, x orthogonal to what S maps to zero."""

    place: int
    null: Array
    """What S maps to zero, orthonormal columns (d, r)."""
    complement: Array
    """C, (d, r): the same columns, unless these are in the range."""
    outside: Array
    """What takes b to c, (r, d)."""


@dataclass(frozen=True, eq=False)
class CoupledModes:
    """Components that couple, diagonalized along the axes: a small matrix (d, d) for each mode."""

    components: tuple[int, ...]
    axes: tuple[Eigenbasis, ...]
    lines: tuple[AffineSystem, ...]
    """The conditions along each axis, which hold for every component."""
    blocks: Mapping[tuple[int, int], Sequence[Sequence[Array | None]]]
    """By rows and columns, products of eigenvalues along the axes, which add up."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the unknowns of a component, and of the modes."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def modes(self) -> int:
        """Number of modes."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the matrices."""
        every = (line for products in self.blocks.values() for p in products for line in p)
        return np.result_type(float, *(line for line in every if line is not None))

    def matrices(self) -> Iterator[tuple[slice, Array]]:
        """Yield the matrices (modes, d, d) of some flat modes after the other."""
        d = len(self.components)
        for a in range(0, self.modes, MODES_AT_A_TIME):
            some = slice(a, min(a + MODES_AT_A_TIME, self.modes))
            made = np.zeros((d, d, some.stop - a), self.dtype)
            places = np.unravel_index(np.arange(a, some.stop), self.shape)
            for block, products in self.blocks.items():
                for product in products:
                    along = zip(product, places, strict=True)
                    values = [line[place] for line, place in along if line is not None]
                    made[block] += functools.reduce(np.multiply, values)
            # What is left where products cancel would turn zero eigenvalues into its square roots.
            made[np.abs(made) <= ZERO_EIGENVALUE * self._sizes[:, :, None]] = 0
            yield some, np.moveaxis(made, -1, 0)

    @cached_property
    def _sizes(self) -> Array:
        """What no entry of a matrix exceeds, (d, d)."""
        made = np.zeros((len(self.components),) * 2)
        for block, products in self.blocks.items():
            for product in products:
                most = (np.abs(line).max(initial=0) for line in product if line is not None)
                made[block] += math.prod(most)
        return made

    @cached_property
    def _scales(self) -> tuple[Array, Array]:
        """Factors of rows and columns after which no entry of a matrix is much above one."""
        return equilibration(sparse.csr_array(self._sizes))

    @cached_property
    def _solved(self) -> tuple[Array, tuple[SingularMode, ...]]:
        """The inverses (d, d, modes), and the modes that have none."""
        d = len(self.components)
        left, right = self._scales
        inverses = np.empty((d, d, self.modes), self.dtype)
        singular = []
        for some, matrices in self.matrices():
            scaled = left[:, None] * matrices * right
            # No singular value is above d, so that a tiny one makes a tiny product.
            close = np.flatnonzero(np.abs(np.linalg.det(scaled)) <= ZERO_EIGENVALUE)
            suspects = matrices[close]
            matrices[close] = np.eye(d)
            made = np.linalg.inv(matrices)
            for i, matrix in zip(close, suspects, strict=True):
                made[i], mode = _inverse(matrix, left, right, some.start + int(i))
                if mode is not None:
                    singular.append(mode)
            inverses[:, :, some] = np.moveaxis(made, 0, -1)
        return inverses, tuple(singular)

    @property
    def inverses(self) -> Array:
        """The inverses of the matrices, (d, d, modes), where there is none what solves in range."""
        return self._solved[0]

    @property
    def singular(self) -> tuple[SingularMode, ...]:
        """The modes whose matrices are singular."""
        return self._solved[1]

    @cached_property
    def regular_inverses(self) -> Array:
        """The same, where null vectors are mapped as those of the mode nearest to singular ones."""
        if not self.singular:
            return self.inverses
        made = self.inverses.copy()
        sizes = np.abs(made).sum(axis=(0, 1))
        sizes[[mode.place for mode in self.singular]] = -1
        # With the signs of its neighbor, a definite preconditioner stays definite.
        nearest = made[:, :, np.argmax(sizes)]
        for mode in self.singular:
            onto = mode.null @ mode.null.conj().T
            made[:, :, mode.place] += onto @ nearest @ onto
        return made

    def functions(self, f: Callable[[Array], Array]) -> Array:
        """Return f of the matrices, (d, d, modes)."""
        d = len(self.components)
        made = np.empty((d, d, self.modes), complex)
        for some, matrices in self.matrices():
            adjoint = np.swapaxes(matrices, 1, 2).conj()
            hermitian = np.abs(matrices - adjoint).max() <= HERMITIAN_MODES * np.abs(matrices).max()
            values, vectors = (np.linalg.eigh if hermitian else np.linalg.eig)(matrices)
            if not hermitian and np.linalg.cond(vectors).max() > EIGENVECTOR_CONDITION:
                raise ValueError(
                    "functions of a matrix need a basis of eigenvectors, which that of a mode has "
                    "not: where something grows like t, solve shifted systems instead"
                )
            images = vectors * f(values)[:, None, :] @ np.linalg.inv(vectors)
            made[:, :, some] = np.moveaxis(images, 0, -1)
        real = self.dtype.kind == "f"
        return made.real.copy() if real else made

    def eigenvalues(self) -> Array:
        """Return the eigenvalues of all matrices, flat."""
        return np.concatenate([np.linalg.eigvals(m).ravel() for _, m in self.matrices()])

    def outside(self, x: Array) -> Array:
        """Return the multiples of complements that coefficients (d, modes) have."""
        parts = [mode.outside @ x[:, mode.place] for mode in self.singular]
        return np.concatenate([np.zeros(0), *parts])

    def vectors(self, place: int) -> list[Array]:
        """Return the eigenvectors along the axes that belong to a mode."""
        found = []
        for axis, i in zip(self.axes, np.unravel_index(place, self.shape), strict=True):
            found.append(axis.backward((np.arange(len(axis.values)) == i).astype(float), 0))
        return found

    @property
    def growth(self) -> float:
        """The most that a regular matrix, its entries below one, may enlarge what it is given."""
        left, right = self._scales
        scaled = np.abs(self.inverses).max(axis=-1, initial=0) / np.outer(right, left)
        return float(scaled.max())

    @cached_property
    def null_products(self) -> Array:
        """The inner products of the complements, as vectors of unknowns."""
        columns = [(c, self.vectors(m.place)) for m in self.singular for c in m.complement.T]
        products = [
            [np.vdot(c, d) * math.prod(map(np.vdot, v, w)) for d, w in columns] for c, v in columns
        ]
        return np.array(products).reshape(len(columns), len(columns))


def _inverse(
    matrix: Array, left: Array, right: Array, place: int
) -> tuple[Array, SingularMode | None]:
    """Return the inverse of a mode's matrix; of a singular one, what solves in its range."""
    d = len(matrix)
    u, sizes, vh = np.linalg.svd(left[:, None] * matrix * right)
    rank = np.count_nonzero(sizes > ZERO_EIGENVALUE)
    if rank == d:
        return np.linalg.inv(matrix), None
    null = np.linalg.qr(right[:, None] * vh[rank:].conj().T)[0]
    cokernel = np.linalg.qr(left[:, None] * u[:, rank:])[0]
    least = np.linalg.svd(cokernel.conj().T @ null, compute_uv=False)[-1]
    complement = null if least > DEFECTIVE else cokernel
    size = np.abs(matrix).max() or 1.0
    none = np.zeros((d - rank, d - rank))
    border = np.linalg.inv(np.block([[matrix, size * complement], [size * null.conj().T, none]]))
    return border[:d, :d], SingularMode(place, null, complement, size * border[d:, :d])


@dataclass(frozen=True, eq=False)
class BlockDiagonalization:
    """A matrix of components, diagonalized along the axes: groups of those that couple.

    It is that of a scalar, too, where sums of products act along several axes.
    """

    groups: tuple[CoupledModes, ...]
    real: bool
    """Whether the matrix is real."""

    @cached_property
    def _owners(self) -> list[tuple[int, int]]:
        """For every component its group, and its place in it."""
        found = {
            c: (g, i) for g, group in enumerate(self.groups) for i, c in enumerate(group.components)
        }
        return [found[c] for c in range(len(found))]

    @property
    def vanishing(self) -> NDArray[np.intp]:
        """The modes of what the matrix maps to zero, one for each null vector."""
        modes = (mode for group in self.groups for mode in group.singular)
        places = [np.full(mode.null.shape[1], mode.place, np.intp) for mode in modes]
        return np.concatenate([np.zeros(0, np.intp), *places])

    def eigenvalues(self) -> Array:
        """Return the eigenvalues."""
        return np.concatenate([group.eigenvalues() for group in self.groups])

    def __call__(self, b: Array, overwrite: bool = False) -> Array:
        """Return x with (matrix) x = b, both flat; every mode of x is orthogonal to null vectors.

        With `overwrite`, b may be overwritten.

        Raises
        ------
        ValueError
            If b is not in the range of the matrix.
        """
        singular = self.vanishing.size > 0
        whole = euclidean_norm(b) if singular else 0.0
        parts = self._forward(b, overwrite)
        if singular:
            products = block_diag(*(group.null_products for group in self.groups))
            check_consistent(
                self._outside(parts), products, whole, lambda: self.null_fields, lambda: self._noise
            )
        return self._backward(parts, [group.inverses for group in self.groups], b)

    def solve_in_range(self, b: Array) -> Array:
        """Return the same for any b, after taking off its part outside the range of the matrix."""
        return self._backward(self._forward(b), [group.inverses for group in self.groups], b)

    def outside_range(self, b: Array) -> Array:
        """Return the part of b outside the range of the matrix, as multiples of null vectors."""
        return self._outside(self._forward(b))

    def solve_regularized(self, b: Array) -> Array:
        """Return the same for any b, null vectors being mapped as others of nearby modes."""
        return self._backward(
            self._forward(b), [group.regular_inverses for group in self.groups], b
        )

    def matrix_function(self, f: Callable[[Array], Array]) -> Callable[[Array], Array]:
        """Return b ↦ f(matrix) b, b flat, for an f of eigenvalues that is real where they are.

        Raises
        ------
        ValueError
            If the matrix of a mode has no basis of eigenvectors.
        """
        made = [group.functions(f) for group in self.groups]
        return lambda b: self._backward(self._forward(b), made, b)

    @cached_property
    def null_fields(self) -> list[NullField]:
        """Fields that the matrix maps to zero, under conditions without values.

        Raises
        ------
        ValueError
            If they are so many that conditions must be missing.
        """
        check_null_count(self.vanishing.size)
        found = []
        for group, vectors, components in self._null:
            pairs = zip(group.lines, vectors, strict=True)
            first, *others = (line.lift_homogeneous(v) for line, v in pairs)
            weights, *along = (line.values.grid.axes[0].weights for line in group.lines)
            lines = (np.kron(components, first), *others)
            count = len(components)
            parts = (len(first),) * count
            found.append(NullField(lines, (np.tile(weights, count), *along), parts))
        return found

    def null_vectors(self) -> Array:
        """Return vectors of unknowns that the matrix maps to zero, as columns."""
        columns = []
        for _, vectors, components in self._null:
            field = functools.reduce(np.multiply.outer, vectors).ravel()
            sizes = [self.groups[g].modes for g, _ in self._owners]
            parts = zip(components, sizes, strict=True)
            columns.append(np.concatenate([c * (field if c else np.zeros(n)) for c, n in parts]))
        return np.stack(columns, axis=1)

    @cached_property
    def _null(self) -> list[tuple[CoupledModes, list[Array], Array]]:
        """For every null vector its group, what it is along the axes, and of the components."""
        found = []
        for group in self.groups:
            for mode in group.singular:
                for column in mode.null.T:
                    components = np.zeros(len(self._owners), column.dtype)
                    components[list(group.components)] = column
                    found.append((group, group.vectors(mode.place), components))
        return found

    @property
    def _noise(self) -> float:
        """The size of matrices up to which they count as singular, as part of the next one."""
        return ZERO_EIGENVALUE * max(group.growth for group in self.groups)

    def _outside(self, parts: list[Array]) -> Array:
        return np.concatenate(
            [group.outside(part) for group, part in zip(self.groups, parts, strict=True)]
        )

    def _forward(self, b: Array, overwrite: bool = False) -> list[Array]:
        """Return the coefficients of each group, (d, modes)."""
        ends = np.cumsum([self.groups[g].modes for g, _ in self._owners])
        fields = np.split(b, ends[:-1])
        found = []
        for group in self.groups:
            whole = len(self.groups) == 1
            x = b if whole else np.concatenate([fields[c] for c in group.components])
            x = x.reshape(-1, *group.shape)
            for i, axis in enumerate(group.axes, 1):
                x = axis.forward(x, i, overwrite=overwrite or not whole or i > 1)
            found.append(x.reshape(len(x), -1))
        return found

    def _backward(self, parts: list[Array], matrices: list[Array], b: Array) -> Array:
        """Return the flat fields of coefficients times matrices, real if b and the matrix are."""
        fields = []
        for group, part, matrix in zip(self.groups, parts, matrices, strict=True):
            x: Array = np.einsum("ijm,jm->im", matrix, part).reshape(-1, *group.shape)
            for i, axis in enumerate(group.axes, 1):
                x = axis.backward(x, i)
            fields.append(x.real if self.real and np.isrealobj(b) else x)
        if len(fields) == 1:
            return fields[0].ravel()
        return np.concatenate([fields[g][i].ravel() for g, i in self._owners])
