"""Fast diagonalization of operators that act along one axis at a time.

Lynch, Rice and Thomas (1964): where the matrix is a Kronecker sum, the eigenvectors of the
one-dimensional matrices diagonalize it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.boundary import AffineSystem
from findops.conditions import Condition, Trace
from findops.equations import Equations
from findops.expr import Coef
from findops.grid import Grid
from findops.operator import Operator
from findops.problems.singular import check_consistent
from findops.stencil import Chain, Layout, Program, Term
from findops.values import Number as AnyNumber

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from findops.band import Band
    from findops.stencil import Number

    Array = NDArray[Any]

__all__ = ["Separable", "separable"]

LARGEST = 2048
"""Unknowns along an axis up to which its matrix is decomposed as a dense one."""

WORST = 1e6
"""Condition of eigenvectors above which they lose too many digits."""

NULL = 1e-12
"""Part of the largest eigenvalue below which one is zero."""


@dataclass(frozen=True, eq=False)
class Axis:
    """The eigenvalues along one axis, and what takes fields to its eigenvectors and back."""

    values: Array
    forward: Array
    backward: Array

    @staticmethod
    def of(matrix: Array) -> Axis | None:
        """Decompose a matrix, unless its eigenvectors are too close to each other."""
        size = np.abs(matrix).max(initial=0)
        if np.abs(matrix - matrix.conj().T).max(initial=0) <= NULL * size:
            values, vectors = np.linalg.eigh(matrix)
            return Axis(values, vectors.conj().T, vectors)
        values, vectors = np.linalg.eig(matrix)
        if np.linalg.cond(vectors) > WORST:
            return None
        return Axis(values, np.linalg.inv(vectors), vectors)


@dataclass(frozen=True, eq=False)
class Separable:
    """A system ready to be solved by diagonalization."""

    axes: tuple[Axis, ...]
    constant: Number
    real: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis.values) for axis in self.axes)

    def eigenvalues(self) -> Array:
        """Return the eigenvalues, in the shape of the free unknowns."""
        return sum(np.ix_(*(axis.values for axis in self.axes)), np.asarray(self.constant))

    def __call__(self, b: Array) -> Array:
        """Return x with (matrix) x = b, both flat; along null vectors x is zero.

        Raises
        ------
        ValueError
            If b is not in the range of the matrix.
        """
        x = b.reshape(self.shape)
        for i, axis in enumerate(self.axes):
            x = along(axis.forward, x, i)
        values = self.eigenvalues()
        none = np.abs(values) <= NULL * np.abs(values).max()
        if none.any():
            check_consistent(np.abs(x[none]).max(), np.abs(x).max())
            x, values = np.where(none, 0, x), np.where(none, 1, values)
        x = x / values
        for i, axis in enumerate(self.axes):
            x = along(axis.backward, x, i)
        return (x.real if self.real and np.isrealobj(b) else x).ravel()


def along(matrix: Array, x: Array, axis: int) -> Array:
    """Return a matrix applied along an axis."""
    shape = x.shape
    if axis == len(shape) - 1:
        return (x.reshape(-1, shape[axis]) @ matrix.T).reshape(*shape[:-1], len(matrix))
    stacked = x.reshape(math.prod(shape[:axis]), shape[axis], -1)
    result: Array = np.matmul(matrix, stacked)
    return result.reshape(*shape[:axis], len(matrix), *shape[axis + 1 :])


def separable(system: AffineSystem) -> Separable | None:
    """Return the fast solver of a system, None if its matrix is no Kronecker sum."""
    bands = _bands(system.operator.program)
    if bands is None or system.impose != "elimination":
        return None
    constant, by_axis = bands
    axes = []
    for i, parts in enumerate(by_axis):
        line = _line(system, i, parts)
        if line is None or len(line.free) > LARGEST:
            return None
        axis = Axis.of(line.matrix.toarray())
        if axis is None:
            return None
        axes.append(axis)
    real = not np.iscomplexobj(constant) and system.operator.dtype.kind != "c"
    return Separable(tuple(axes), constant, real)


def _bands(program: Program) -> tuple[Number, list[list[tuple[Number, Band]]]] | None:
    """Return the constant and the bands along each axis that a program is the sum of."""
    if program.outputs.count != 1:
        return None
    constant: Number = 0.0
    by_axis: list[list[tuple[Number, Band]]] = [[] for _ in program.outputs.points]
    for part in program.parts:
        if not isinstance(part, Chain) or len(part.terms) != 1 or part.terms[0].factors:
            return None
        (term,) = part.terms
        along_ = [(i, band) for i, band in enumerate(term.bands) if band is not None]
        if len(along_) > 1:
            return None
        for i, band in along_:
            by_axis[i].append((term.scale, band))
        if not along_:
            constant += term.scale
    return constant, by_axis


def _line(
    system: AffineSystem, axis: int, parts: Iterable[tuple[Number, Band]]
) -> AffineSystem | None:
    """Return the system along one axis, None if conditions do not separate."""
    whole = system.operator.domain
    grid = Grid(x=whole.axes[axis])
    points = Layout((), grid.shape)
    chains = [Chain(0, 0, (Term((band,), scale),)) for scale, band in parts]
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
