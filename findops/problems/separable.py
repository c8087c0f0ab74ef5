"""Fast diagonalization of operators that act along one axis at a time.

Lynch, Rice and Thomas (1964): where the matrix is a Kronecker sum, the eigenvectors of the
one-dimensional matrices diagonalize it.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.boundary import AffineSystem
from findops.conditions import Condition, Trace
from findops.equations import Equations
from findops.expr import Coef
from findops.grid import Grid
from findops.operator import Operator
from findops.problems.basis import Basis, basis, mixed, unmixed
from findops.problems.singular import check_consistent
from findops.stencil import Chain, Composition, Factor, Layout, Program, Term
from findops.values import Number as AnyNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["Separable", "separable"]

NULL = 1e-13
"""Part of the largest eigenvalue below which one is zero."""

MANY = 100
"""Vectors that a singular matrix may map to zero."""

ROUNDOFF = 1e-13
"""Part of a coefficient that may be left when functions of one coordinate each are taken off."""


@dataclass(frozen=True, eq=False)
class Separable:
    """A system ready to be solved by diagonalization."""

    axes: tuple[Basis, ...]
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
    def null(self) -> Array:
        """Vectors that the matrix maps to zero, columns (n, k).

        Raises
        ------
        ValueError
            If they are so many that conditions must be missing.
        """
        k, n = len(self.vanishing), math.prod(self.shape)
        if k > MANY:
            raise ValueError(
                f"the operator maps {k} independent fields to zero: conditions are missing"
            )
        places = np.stack(np.unravel_index(self.vanishing, self.shape), axis=1)
        vectors = [self.eigenvector(place).ravel() for place in places]
        made = np.array(vectors).reshape(k, n).T
        if not self.real or np.isrealobj(made):
            return made
        # Complex vectors of a real matrix come in pairs, whose parts span the same space.
        parts = np.concatenate([made.real, made.imag], axis=1)
        sizes, turned = np.linalg.eigh(parts.T @ parts)
        return np.asarray(parts @ (turned[:, -k:] / np.sqrt(sizes[-k:])))

    def eigenvector(self, place: Iterable[int]) -> Array:
        """Return the eigenvector of the eigenvalue at a place, in the shape of the unknowns."""
        lines = []
        for axis, i in zip(self.axes, place, strict=True):
            unit = (np.arange(len(axis.values)) == i).astype(float)
            parts = unmixed(unit, [axis.pairs]) if axis.pairs.size else unit
            lines.append(axis.backward(parts, 0))
        return functools.reduce(np.multiply.outer, lines)

    @cached_property
    def _inverse(self) -> Multiplier:
        """The inverse eigenvalues, 0 where there is none."""
        return self._multiplier(_inverted, 0)

    def __call__(self, b: Array) -> Array:
        """Return x with (matrix) x = b, both flat; along null vectors x is zero.

        Raises
        ------
        ValueError
            If b is not in the range of the matrix.
        """
        x = self._forward(b)
        if self.vanishing.size:
            check_consistent(self._vanishing_part(x), x)
        return self._back(self._inverse(x), b)

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
        inverse = self._inverse.plain
        return self._multiplier(_inverted, inverse.flat[np.argmax(np.abs(inverse))])

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

        plain = factors(_sum([a.values.real if a.pairs.size else a.values for a in self.axes]))
        slabs = []
        for i, axis in enumerate(self.axes):
            lines = np.sort(np.concatenate([axis.pairs, axis.pairs + 1]))
            if lines.size:
                values = [a.values[lines] if a is axis else a.values for a in self.axes]
                pairs = [a.pairs for a in self.axes]
                pairs[i] = np.arange(0, len(lines), 2)
                slabs.append(Slab((slice(None),) * i + (lines,), pairs, factors(_sum(values))))
        return Multiplier(plain, tuple(slabs))

    def _forward(self, b: Array) -> Array:
        x = b.reshape(self.shape)
        for i, axis in enumerate(self.axes):
            x = axis.forward(x, i, own=i > 0)
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

    Few eigenvalues are complex where a matrix is real and nearly symmetric: all others, `plain`,
    take real arithmetic.
    """

    plain: Array
    slabs: tuple[Slab, ...]

    def __call__(self, x: Array) -> Array:
        """Return the products, in x if they fit."""
        parts = [mixed(x[slab.place], slab.pairs) * slab.factors for slab in self.slabs]
        fits = np.result_type(x, self.plain) == x.dtype
        made = np.multiply(x, self.plain, out=x if fits else None)
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


def separable(system: AffineSystem, transforms: bool = True) -> Separable | None:
    """Return the fast solver of a system, None if its matrix is no Kronecker sum."""
    by_axis = _by_axis(system.operator.program)
    if by_axis is None or system.impose != "elimination" or system.equations.means:
        return None
    axes = []
    for i, chains in enumerate(by_axis):
        line = _line(system, i, chains)
        if line is None or (made := basis(line.matrix, transforms)) is None:
            return None
        axes.append(made)
    return Separable(tuple(axes), system.dtype.kind != "c")


def _by_axis(program: Program) -> list[list[Chain]] | None:
    """Return the chains that act along each axis, as one-dimensional ones."""
    if program.outputs.count != 1:
        return None
    by_axis: list[list[Chain]] = [[] for _ in program.outputs.points]
    for part in program.parts:
        if isinstance(part, Composition):
            return None
        for chain in _split(part):
            axes = {i for term in chain.terms for i in _axes(term)}
            if len(axes) > 1:
                return None
            axis = min(axes, default=0)
            terms = tuple(_along(term, axis) for term in chain.terms)
            by_axis[axis].append(Chain(0, 0, terms))
    return by_axis


def _axes(term: Term) -> Iterator[int]:
    """Yield the axes along which a term acts or varies."""
    for i, band in enumerate(term.bands):
        if band is not None or any(factor.value.shape[i] > 1 for factor in term.factors):
            yield i


def _along(term: Term, axis: int) -> Term:
    """Return a term that acts along one axis only as a one-dimensional one."""
    factors = tuple(replace(f, value=f.value.reshape(-1)) for f in term.factors)
    return Term((term.bands[axis],), term.scale, factors)


def _split(chain: Chain) -> Iterator[Chain]:
    """Yield a coefficient that is a sum of functions of one coordinate each as such a sum."""
    first = chain.terms[0]
    values = np.asarray(first.coefficient)
    if len(chain.terms) > 1 or any(first.bands) or first.masks or values.size == 1:
        yield chain
        return
    axes = range(values.ndim)
    mean = values.mean(keepdims=True)
    others = [tuple(j for j in axes if j != i) for i in axes]
    functions = [values.mean(axis=j, keepdims=True) - mean for j in others] + [mean]
    if np.abs(values - sum(functions)).max() > ROUNDOFF * np.abs(values).max():
        yield chain
        return
    for function in functions:
        yield Chain(0, 0, (Term(first.bands, 1.0, (Factor(function),)),))


def _line(system: AffineSystem, axis: int, chains: list[Chain]) -> AffineSystem | None:
    """Return the system along one axis, None if conditions do not separate."""
    whole = system.operator.domain
    grid = Grid(x=whole.axes[axis])
    points = Layout((), grid.shape)
    none = ((0, 0),)
    op = Operator(Program(points, points, tuple(chains)), grid, grid, none, none, "line")
    conditions = []
    for part in system.equations.parts:
        trace = part.condition.expression
        if part.place.face is None or not isinstance(trace, Trace):
            return None
        if not all(isinstance(c, Coef) and isinstance(c.value, AnyNumber) for c in trace.parts):
            return None
        if whole.face_axis(part.place.face) == axis:
            conditions.append(Condition(f"x{part.place.face[-1]}", trace))
    return AffineSystem(op, Equations.of(op, conditions, system.equations.acc), "elimination")
