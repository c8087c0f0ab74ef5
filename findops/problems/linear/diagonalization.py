"""Fast diagonalization of sums of one-dimensional matrices, in all axes at a time."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.threads import run
from findops.problems.linear.basis import Basis, mixed, unmixed
from findops.problems.linear.singular import NullField, check_consistent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem


__all__ = ["Separable"]

NULL = 1e-13
"""Part of the largest eigenvalue below which one is zero."""

MANY = 100
"""Vectors that a singular matrix may map to zero."""

BLOCK = 1 << 15
"""Eigenvalues of which factors are made at a time."""


@dataclass(frozen=True, eq=False)
class Separable:
    """A system ready to be solved by diagonalization."""

    axes: tuple[Basis, ...]
    lines: tuple[AffineSystem, ...]
    """The system along each axis."""
    real: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis.values) for axis in self.axes)

    def eigenvalues(self) -> Array:
        """Return the eigenvalues, in the shape of the free unknowns."""
        return _sum([axis.values for axis in self.axes])

    @property
    def _least(self) -> float:
        """The size up to which eigenvalues are zero."""
        return NULL * float(sum(np.abs(axis.values).max(initial=0) for axis in self.axes))

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
            close = (sums.real + low <= self._least) & (sums.real + high >= -self._least)
            found, sums = found[close], sums[close]
        return found[np.abs(sums) <= self._least]

    @cached_property
    def null(self) -> list[NullField]:
        """Fields that the matrix maps to zero, under conditions without values.

        Raises
        ------
        ValueError
            If they are so many that conditions must be missing.
        """
        k = len(self.vanishing)
        if k > MANY:
            raise ValueError(
                f"the operator maps {k} independent fields to zero: conditions are missing"
            )
        found = []
        for place in zip(*np.unravel_index(self.vanishing, self.shape), strict=True):
            vectors = zip(self.lines, self._vectors(place), strict=True)
            lines = [line.lifted(v, np.zeros(len(line.equations.places))) for line, v in vectors]
            weights = [line.operator.domain.axes[0].weights for line in self.lines]
            found.append(NullField(tuple(lines), tuple(weights)))
        return found

    def eigenvector(self, place: Iterable[int]) -> Array:
        """Return the eigenvector of the eigenvalue at a place, in the shape of the unknowns."""
        return functools.reduce(np.multiply.outer, self._vectors(place))

    def _vectors(self, place: Iterable[int]) -> list[Array]:
        """Return the eigenvectors along the axes that belong to a place."""
        found = []
        for axis, i in zip(self.axes, place, strict=True):
            unit = (np.arange(len(axis.values)) == i).astype(float)
            made = axis.backward(unmixed(unit, [axis.pairs]) if axis.pairs.size else unit, 0)
            found.append(made if np.iscomplexobj(made) and made.imag.any() else made.real)
        return found

    @cached_property
    def _inverse(self) -> Multiplier:
        """The inverse eigenvalues, 0 where there is none."""
        return self._multiplier(_inverted, 0)

    def __call__(self, b: Array, own: bool = False) -> Array:
        """Return x with (matrix) x = b, both flat; along null vectors x is zero.

        Where b is the solver's own, it may be overwritten.

        Raises
        ------
        ValueError
            If b is not in the range of the matrix.
        """
        x = self._forward(b, own)
        if self.vanishing.size:
            check_consistent(self._vanishing_part(x), x)
        return self._back(self._inverse(x), b)

    def reachable(self, b: Array) -> Array:
        """Return the same for any b, without what of it the matrix cannot reach."""
        return self._back(self._inverse(self._forward(b)), b)

    def vanishing_part(self, b: Array) -> Array:
        """Return what of b the matrix cannot reach, as coefficients."""
        part = self._vanishing_part(self._forward(b))
        return part.real if self._stays_real(b) else part

    def _vanishing_part(self, x: Array) -> Array:
        pairs = [axis.pairs for axis in self.axes]
        return np.take(mixed(x, pairs) if any(map(len, pairs)) else x, self.vanishing)

    def regularized(self, b: Array) -> Array:
        """Return the same for any b, with the eigenvalue nearest zero in place of zeros."""
        return self._back(self._regular_inverse(self._forward(b)), b)

    @cached_property
    def _regular_inverse(self) -> Multiplier:
        # With the sign of its neighbor, a definite preconditioner stays definite.
        values = _sum(self._plain).ravel()
        sizes = np.abs(values)
        sizes[sizes <= self._least] = np.inf
        nearest = np.argmin(sizes)
        return self._multiplier(_inverted, 1 / values[nearest] if sizes[nearest] < np.inf else 0)

    @property
    def _plain(self) -> list[Array]:
        """The eigenvalues of each axis, the real parts of pairs."""
        return [a.values.real if a.pairs.size else a.values for a in self.axes]

    def function(self, f: Callable[[Array], Array]) -> Callable[[Array], Array]:
        """Return b ↦ f(matrix) b, flat, f being given for eigenvalues, real for real ones."""
        multiplier = self._multiplier(f)
        return lambda b: self._back(multiplier(self._forward(b)), b)

    def _multiplier(
        self, f: Callable[[Array], Array], at_zero: complex | None = None
    ) -> Multiplier:
        """Return the multiplication by f(eigenvalues), or another number where they are zero."""

        def factors(values: Array) -> Array:
            zero = None
            if at_zero is not None and self.vanishing.size:
                zero = np.abs(values) <= self._least
            with np.errstate(divide="ignore", invalid="ignore"):
                made = f(values)
            if zero is not None:
                made[zero] = at_zero
            return made

        slabs = []
        for i, axis in enumerate(self.axes):
            lines = np.sort(np.concatenate([axis.pairs, axis.pairs + 1]))
            if lines.size:
                values = [a.values[lines] if a is axis else a.values for a in self.axes]
                pairs = [a.pairs for a in self.axes]
                pairs[i] = np.arange(0, len(lines), 2)
                slabs.append(Slab((slice(None),) * i + (lines,), pairs, factors(_sum(values))))
        return Multiplier(factors, self._plain, tuple(slabs))

    def _forward(self, b: Array, own: bool = False) -> Array:
        x = b.reshape(self.shape)
        for i, axis in enumerate(self.axes):
            x = axis.forward(x, i, own=own or i > 0)
        return x

    def _back(self, x: Array, b: Array) -> Array:
        """Return the flat field of coefficients, real if b and the matrix are."""
        for i, axis in enumerate(self.axes):
            x = axis.backward(x, i)
        return (x.real if self._stays_real(b) else x).ravel()

    def _stays_real(self, b: Array) -> bool:
        """Tell whether the solution for b is real."""
        return self.real and np.isrealobj(b)


@dataclass(frozen=True, eq=False)
class Slab:
    """The lines across one axis that belong to pairs of conjugate eigenvalues along it."""

    place: tuple[Any, ...]
    pairs: list[NDArray[np.intp]]
    """Where pairs begin along each axis of the slab."""
    factors: Array


@dataclass(frozen=True, eq=False)
class Multiplier:
    """Multiplication of coefficients by numbers, one for each eigenvalue.

    Few eigenvalues are complex where a matrix is real and nearly symmetric: all others, the sums of
    `plain`, take real arithmetic. Their factors are made anew each time, some at a time: kept, they
    would take as much memory as the field.
    """

    factors: Callable[[Array], Array]
    plain: list[Array]
    slabs: tuple[Slab, ...]

    def __call__(self, x: Array) -> Array:
        """Return the products, in x if they fit."""
        parts = [mixed(x[slab.place], slab.pairs) * slab.factors for slab in self.slabs]
        first, *others = self.plain
        rest = _sum(others)
        probe = self.factors(np.add.outer(first[:1], rest.flat[:1]))
        made = x.astype(np.result_type(x, probe), copy=False)
        thickness = max(1, BLOCK // max(rest.size, 1))

        def multiply(a: int) -> None:
            rows = slice(a, a + thickness)
            made[rows] *= self.factors(np.add.outer(first[rows], rest))

        run(multiply, [(a,) for a in range(0, len(first), thickness)])
        for slab, part in zip(self.slabs, parts, strict=True):
            back = unmixed(part, slab.pairs)
            made[slab.place] = back if np.iscomplexobj(made) else back.real
        return made


def _inverted(values: Array) -> Array:
    """Return the inverses, in place of the values."""
    return np.divide(1, values, out=values)


def _sum(values: Sequence[Array]) -> Array:
    """Return the sums of one value of each axis."""
    return functools.reduce(np.add.outer, values, np.zeros(()))
