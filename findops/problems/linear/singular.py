"""Singular systems: right-hand sides in the range, and solutions orthogonal to null fields."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from findops.common.arrays import Array, Ints
    from findops.conditions.affine_system import AffineSystem


__all__ = [
    "FEWER_POINTS",
    "ROUNDINGS",
    "NullField",
    "check_consistent",
    "euclidean_norm",
    "max_norm",
    "no_solution",
    "null_fields",
    "without_null",
]

OUTSIDE_RANGE = 1e-9
"""Part of a right-hand side that may lie outside the range."""

POINTS_AT_A_TIME = 1 << 15
"""Points to which a null field is added at a time."""


FEW_DIGITS = 1e-2
"""Part of a right-hand side that roundoff must not reach."""

NO_GAP = 1e-4
"""Part of the next images above which what the matrix maps to zero is so by roundoff."""

ROUNDINGS = 10
"""Times the unit of rounding that rounding errors of a row may add up to."""

FEWER_POINTS = (
    "derivatives of so high an order on so many points lose all digits; take fewer points"
)

CONSTANT = 1e-6
"""Part of a null field by which it may vary and still be a constant."""


def check_consistent(
    outside: Array,
    gram: Array,
    whole: float,
    null: Callable[[], Sequence[NullField]],
    noise: Callable[[], float],
    roundoff: float = 0.0,
) -> None:
    """Refuse a right-hand side outside the range of a singular matrix.

    It is the sum of a part in the range and of a multiple of each null vector.

    Parameters
    ----------
    outside : array, (k,)
        These multiples.
    gram : array, (k, k)
        The inner products ⟨v_i, v_j⟩ of the null vectors.
    whole : float
        Euclidean norm of the right-hand side.
    null : callable
        Returns what the matrix maps to zero, one for each part outside.
    noise : callable
        Returns the size up to which the matrix maps fields to zero, as part of what it makes of the
        next ones.
    roundoff : float
        Euclidean norm of what rounding the solution changes in the right-hand side.

    Raises
    ------
    ValueError
        If a part outside is more than roundoff, or roundoff leaves too few digits to tell.
    """
    sizes = np.abs(outside) * np.sqrt(gram.diagonal().real)
    most = max_norm(sizes)
    if most <= OUTSIDE_RANGE * whole:
        return
    if most > roundoff:
        fields = null()
        varying = [size for size, field in zip(sizes, fields, strict=True) if not field.constant]
        if max_norm(np.array(varying)) > OUTSIDE_RANGE * whole and noise() > NO_GAP:
            raise ValueError(
                "the precision of doubles does not suffice: roundoff of the operator reaches "
                f"{len(varying)} fields that vary, of which the right-hand side has a part, so "
                f"that nobody can tell whether it has a solution. {FEWER_POINTS}"
            )
        share = math.sqrt(np.vdot(outside, gram @ outside).real) / whole
        raise ValueError(f"{no_solution(fields)}. The part outside its range is {share:.1e} of it")
    if roundoff > FEW_DIGITS * whole:
        raise ValueError(
            "the precision of doubles does not suffice: rounding the solution alone changes "
            f"{roundoff / whole:.0e} of the right-hand side, so that nobody can tell whether it "
            f"has a solution. {FEWER_POINTS}"
        )


def no_solution(null: Sequence[NullField]) -> str:
    """Return the error's text for what lies outside the range, by what is mapped to zero."""
    opening = (
        "the problem is singular to working precision, and this right-hand side has no solution"
    )
    varying = [field for field in null if not field.constant]
    if not varying:
        return (
            f"{opening}: the operator maps constants to zero, and what ∫f = ∮∂u/∂n becomes on the "
            "grid does not hold. Condition('mean', 1, 0) gives the mean of u and balances f by a "
            "constant"
        )
    fields = "a field that varies" if len(varying) == 1 else f"{len(varying)} fields that vary"
    if len(varying) < len(null):
        return (
            f"{opening}: besides constants, the operator maps {fields} to zero in the precision of "
            f"its largest eigenvalue. Where they are no null fields of their own: {FEWER_POINTS}"
        )
    return (
        f"{opening}: the operator maps {fields} to zero (a resonance), which EVP(…).solve("
        f"{len(varying)}) shows, and f must be orthogonal to what its adjoint maps to zero"
    )


def euclidean_norm(x: Array) -> float:
    """Return the square root of Σ|x|², of numbers of any size."""
    return float(linalg.norm(x, check_finite=False))


def max_norm(x: Array) -> float:
    """Return the largest absolute value."""
    if np.iscomplexobj(x):
        return float(np.abs(x).max(initial=0))
    # Needs no memory for the absolute values.
    return float(max(x.max(initial=0), -x.min(initial=0)))


@dataclass(frozen=True, eq=False)
class NullField:
    """A field that the operator maps to zero: an outer product of lines, taken flat.

    Parameters
    ----------
    lines : tuple of array
        Any field is the product of one line.
    weights : tuple of array
        Those of integrals, likewise.
    components : tuple of int, optional
        The lengths of those that the first line holds, one after the other: one by default.
    """

    lines: tuple[Array, ...]
    weights: tuple[Array, ...]
    components: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(map(len, self.lines))

    @property
    def constant(self) -> bool:
        """Whether every component is a constant."""
        first, *others = self.lines
        ends = np.cumsum(self.components[:-1], dtype=int)
        parts = [(first, part) for part in np.split(first, ends)]
        return all(
            bool((np.abs(part - part[0]) <= CONSTANT * max_norm(line)).all())
            for line, part in [*parts, *zip(others, others, strict=True)]
        )

    def inner(self, u: Array) -> Any:
        """Return the integral of a field times the conjugate of this one."""
        values = u.reshape(self.shape)
        for line, weights in zip(reversed(self.lines), reversed(self.weights), strict=True):
            values = values @ (weights * line.conj())
        return values

    def inner_of(self, other: NullField) -> Any:
        """Return the integral of another one, with as many lines, times the conjugate."""
        lines = zip(self.lines, self.weights, other.lines, strict=True)
        return math.prod(np.vdot(mine * weights, its) for mine, weights, its in lines)

    def add(self, c: Any, u: Array) -> None:
        """Add c times the field to a contiguous one, some rows at a time."""
        first, *others = self.lines
        rest = c * functools.reduce(np.multiply.outer, others, np.ones(()))
        rows, step = u.reshape(self.shape), max(1, POINTS_AT_A_TIME // rest.size)
        for a in range(0, len(first), step):
            rows[a : a + step] += np.multiply.outer(first[a : a + step], rest)


def null_fields(system: AffineSystem) -> list[NullField]:
    """Return what the matrix maps to zero, as fields under conditions without values."""
    vectors = system.null_vectors.T
    if not len(vectors):
        return []
    values = system.values
    lines = np.stack([system.lift_homogeneous(v).ravel() for v in vectors])
    lines[:, system.outside] = 0
    return [NullField((line,), (values.weights,), values.counts) for line in lines]


def without_null(u: Array, null: Sequence[NullField], outside: Ints) -> Array:
    """Return the solution that is orthogonal to the null fields in the mean.

    Parameters
    ----------
    u : array, (*components, *grid)
        A solution, overwritten if the result fits.
    null : sequence of NullField
        What may be added to it.
    outside : array of int
        Flat indices where there is no field: NaN.
    """
    if not null:
        return u
    u.reshape(-1)[outside] = 0
    gram = [[a.inner_of(b) for b in null] for a in null]
    parts = np.linalg.solve(gram, [a.inner(u) for a in null])
    made = u.astype(np.result_type(u, parts, *(line for a in null for line in a.lines)), copy=False)
    for c, field in zip(parts, null, strict=True):
        field.add(-c, made)
    made.reshape(-1)[outside] = np.nan
    # What a real matrix maps to zero, it maps to zero with its conjugate.
    return made.real.copy() if np.isrealobj(u) and np.iscomplexobj(made) else made
