"""Fast diagonalization of sums of one-dimensional matrices: solutions, and functions of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.threads import run
from findops.problems.linear.basis import Eigenbasis, from_conjugates, to_conjugates
from findops.problems.linear.singular import NullField, check_consistent, euclidean_norm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem


__all__ = ["ZERO_EIGENVALUE", "FastDiagonalization", "check_null_count"]

ZERO_EIGENVALUE = 1e-13
"""Part of the largest eigenvalue below which one is zero."""

MOST_NULL_VECTORS = 100
"""Null vectors from which on conditions must be missing."""

EIGENVALUES_AT_A_TIME = 1 << 15
"""Eigenvalues of which factors are made at a time."""


@dataclass(frozen=True, eq=False)
class FastDiagonalization:
    """A Kronecker sum of matrices along the axes, diagonalized."""

    axes: tuple[Eigenbasis, ...]
    lines: tuple[AffineSystem, ...]
    """The system along each axis."""
    real: bool
    """Whether the matrix is real."""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis.values) for axis in self.axes)

    def eigenvalues(self) -> Array:
        """Return the eigenvalues, in the shape of the free unknowns."""
        return _sum([axis.values for axis in self.axes])

    @property
    def _zero_size(self) -> float:
        """The modulus up to which eigenvalues count as zero."""
        return ZERO_EIGENVALUE * float(
            sum(np.abs(axis.values).max(initial=0) for axis in self.axes)
        )

    @cached_property
    def vanishing(self) -> NDArray[np.intp]:
        """Flat indices of the eigenvalues that are zero."""
        found, sums = np.zeros(1, dtype=np.intp), np.zeros(1)
        for i, axis in enumerate(self.axes):
            # What the axes to come can add decides which sums can still vanish.
            rest = [other.values.real for other in self.axes[i + 1 :]]
            low = sum(v.min(initial=np.inf) for v in rest)
            high = sum(v.max(initial=-np.inf) for v in rest)
            found = np.add.outer(found * len(axis.values), np.arange(len(axis.values))).ravel()
            sums = np.add.outer(sums, axis.values).ravel()
            close = (sums.real + low <= self._zero_size) & (sums.real + high >= -self._zero_size)
            found, sums = found[close], sums[close]
        return found[np.abs(sums) <= self._zero_size]

    @property
    def _noise(self) -> float:
        """The modulus up to which eigenvalues count as zero, as part of the next one."""
        sizes = np.abs(_sum([axis.values for axis in self.axes]))
        return float(self._zero_size / sizes[sizes > self._zero_size].min(initial=np.inf))

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
        for place in zip(*np.unravel_index(self.vanishing, self.shape), strict=True):
            vectors = zip(self.lines, self._vectors(place), strict=True)
            lines = [line.lift_homogeneous(v) for line, v in vectors]
            weights = [line.values.grid.axes[0].weights for line in self.lines]
            found.append(NullField(tuple(lines), tuple(weights)))
        return found

    @cached_property
    def _null_products(self) -> Array:
        """The inner products of the eigenvectors whose eigenvalues are zero."""
        places = zip(*np.unravel_index(self.vanishing, self.shape), strict=True)
        along = zip(*map(self._vectors, places), strict=True)
        stacked = (np.stack(vectors) for vectors in along)
        return functools.reduce(np.multiply, (lines.conj() @ lines.T for lines in stacked))

    def null_vectors(self) -> Array:
        """Return vectors of unknowns that the matrix maps to zero, as columns."""
        places = zip(*np.unravel_index(self.vanishing, self.shape), strict=True)
        return np.stack([self.eigenvector(place).ravel() for place in places], axis=1)

    def eigenvector(self, place: Iterable[int]) -> Array:
        """Return the eigenvector of the eigenvalue at a place, in the shape of the unknowns."""
        return functools.reduce(np.multiply.outer, self._vectors(place))

    def _vectors(self, place: Iterable[int]) -> list[Array]:
        """Return the eigenvectors along the axes that belong to a place."""
        found = []
        for axis, i in zip(self.axes, place, strict=True):
            unit = (np.arange(len(axis.values)) == i).astype(float)
            made = axis.backward(
                from_conjugates(unit, [axis.pairs]) if axis.pairs.size else unit, 0
            )
            found.append(made if np.iscomplexobj(made) and made.imag.any() else made.real)
        return found

    @cached_property
    def _inverse(self) -> Multiplier:
        """The inverse eigenvalues, 0 where there is none."""
        return self._multiplier(_inverted, 0)

    def __call__(self, b: Array, overwrite: bool = False) -> Array:
        """Return x with (matrix) x = b, both flat; along null vectors x is zero.

        With `overwrite`, b may be overwritten.

        Raises
        ------
        ValueError
            If b is not in the range of the matrix.
        """
        singular = self.vanishing.size > 0
        whole = euclidean_norm(b) if singular else 0.0
        x = self._forward(b, overwrite)
        if singular:
            check_consistent(
                self._outside_range(x),
                self._null_products,
                whole,
                lambda: self.null_fields,
                lambda: self._noise,
            )
        return self._backward(self._inverse(x), b)

    def solve_in_range(self, b: Array) -> Array:
        """Return the same for any b, after taking off its part outside the range of the matrix."""
        return self._backward(self._inverse(self._forward(b)), b)

    def outside_range(self, b: Array) -> Array:
        """Return the part of b outside the range of the matrix, as coefficients of eigenvectors."""
        part = self._outside_range(self._forward(b))
        return part.real if self._is_real(b) else part

    def _outside_range(self, x: Array) -> Array:
        pairs = [axis.pairs for axis in self.axes]
        return np.take(to_conjugates(x, pairs) if any(map(len, pairs)) else x, self.vanishing)

    def solve_regularized(self, b: Array) -> Array:
        """Return the same for any b, zero eigenvalues replaced by the one nearest to zero."""
        return self._backward(self._regular_inverse(self._forward(b)), b)

    @cached_property
    def _regular_inverse(self) -> Multiplier:
        # With the sign of its neighbor, a definite preconditioner stays definite.
        values = _sum(self._real_values).ravel()
        sizes = np.abs(values)
        sizes[sizes <= self._zero_size] = np.inf
        nearest = np.argmin(sizes)
        return self._multiplier(_inverted, 1 / values[nearest] if sizes[nearest] < np.inf else 0)

    @property
    def _real_values(self) -> list[Array]:
        """The eigenvalues of each axis; of conjugate pairs, the real parts."""
        return [a.values.real if a.pairs.size else a.values for a in self.axes]

    def matrix_function(self, f: Callable[[Array], Array]) -> Callable[[Array], Array]:
        """Return b ↦ f(matrix) b, b flat, for an f of eigenvalues that is real where they are."""
        multiplier = self._multiplier(f)
        return lambda b: self._backward(multiplier(self._forward(b)), b)

    def _multiplier(
        self, f: Callable[[Array], Array], at_zero: complex | None = None
    ) -> Multiplier:
        """Return the multiplication by f(eigenvalues), or another number where they are zero."""

        def factors(values: Array) -> Array:
            zero = None
            if at_zero is not None and self.vanishing.size:
                zero = np.abs(values) <= self._zero_size
            with np.errstate(divide="ignore", invalid="ignore"):
                made = f(values)
            if zero is not None:
                made[zero] = at_zero
            return made

        conjugate = []
        for i, axis in enumerate(self.axes):
            lines = np.sort(np.concatenate([axis.pairs, axis.pairs + 1]))
            if lines.size:
                values = [a.values[lines] if a is axis else a.values for a in self.axes]
                pairs = [a.pairs for a in self.axes]
                pairs[i] = np.arange(0, len(lines), 2)
                conjugate.append(
                    ConjugateLines((slice(None),) * i + (lines,), pairs, factors(_sum(values)))
                )
        return Multiplier(factors, self._real_values, tuple(conjugate))

    def _forward(self, b: Array, overwrite: bool = False) -> Array:
        x = b.reshape(self.shape)
        for i, axis in enumerate(self.axes):
            x = axis.forward(x, i, overwrite=overwrite or i > 0)
        return x

    def _backward(self, x: Array, b: Array) -> Array:
        """Return the flat field of coefficients, real if b and the matrix are."""
        for i, axis in enumerate(self.axes):
            x = axis.backward(x, i)
        return (x.real if self._is_real(b) else x).ravel()

    def _is_real(self, b: Array) -> bool:
        """Tell whether the solution for b is real."""
        return self.real and np.isrealobj(b)


@dataclass(frozen=True, eq=False)
class ConjugateLines:
    """The lines across one axis that belong to pairs of conjugate eigenvalues along it."""

    place: tuple[Any, ...]
    pairs: list[NDArray[np.intp]]
    """Where pairs begin along each axis among these lines."""
    factors: Array


@dataclass(frozen=True, eq=False)
class Multiplier:
    """Multiplication of coefficients by numbers, one for each eigenvalue.

    Few eigenvalues are complex where a matrix is real and nearly symmetric: all others, the sums of
    `values`, take real arithmetic. Their factors are made anew each time, some at a time: kept,
    they would take as much memory as the field.
    """

    factors: Callable[[Array], Array]
    values: list[Array]
    conjugate: tuple[ConjugateLines, ...]

    def __call__(self, x: Array) -> Array:
        """Return the products, in x if they fit."""
        parts = [
            to_conjugates(x[lines.place], lines.pairs) * lines.factors for lines in self.conjugate
        ]
        first, *others = self.values
        rest = _sum(others)
        probe = self.factors(np.add.outer(first[:1], rest.flat[:1]))
        made = x.astype(np.result_type(x, probe), copy=False)
        thickness = max(1, EIGENVALUES_AT_A_TIME // max(rest.size, 1))

        def multiply(a: int) -> None:
            rows = slice(a, a + thickness)
            made[rows] *= self.factors(np.add.outer(first[rows], rest))

        run(multiply, [(a,) for a in range(0, len(first), thickness)])
        for lines, part in zip(self.conjugate, parts, strict=True):
            back = from_conjugates(part, lines.pairs)
            made[lines.place] = back if np.iscomplexobj(made) else back.real
        return made


def check_null_count(count: int) -> None:
    """Refuse an operator that maps so many independent fields to zero that conditions are missing.

    Raises
    ------
    ValueError
        If they are so many.
    """
    if count > MOST_NULL_VECTORS:
        raise ValueError(
            f"the operator maps {count} independent fields to zero: conditions are missing"
        )


def _inverted(values: Array) -> Array:
    """Return the inverses, in place of the values."""
    return np.divide(1, values, out=values)


def _sum(values: Sequence[Array]) -> Array:
    """Return the sums of one value of each axis."""
    return functools.reduce(np.add.outer, values, np.zeros(()))
