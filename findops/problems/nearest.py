"""The nearest separable problem, which fast diagonalization inverts: a preconditioner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.boundary import AffineSystem
from findops.operator import Operator
from findops.problems.separable import separable
from findops.stencil import Chain, Factor, Program, Term

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from findops.problems.diagonalization import Separable

    Array = NDArray[Any]

__all__ = ["Nearest", "nearest"]

SAME = 1e-9
"""Part of the width of a spectrum by which eigenvalues differ that are one."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """A separable problem scaled to the size of another: scale · A₀ · scale."""

    fast: Separable
    scale: Array

    def inverse(self, r: Array) -> Array:
        """Return its solution, zero eigenvalues replaced by those nearest zero."""
        return self.fast.regularized(r / self.scale) / self.scale

    def near(self, number: float, k: int) -> Callable[[Array], Array]:
        """Return what divides by distances from the eigenvalue nearest to a number.

        Distances of the k nearest are taken as equal, so that it is positive definite, as LOBPCG
        needs, wherever the eigenvalues lie.
        """
        every = self.fast.eigenvalues().ravel()
        end = every[np.argmin(np.abs(every - number))]
        apart = np.sort(np.abs(every - end))
        beyond = apart[k:][apart[k:] > SAME * apart[-1]]
        least = beyond[0] if beyond.size else 1.0
        divided = self.fast.function(lambda values: 1 / np.maximum(np.abs(values - end), least))
        return lambda r: divided(r / self.scale) / self.scale


def nearest(system: AffineSystem) -> Nearest | None:
    """Return the problem with means for coefficients, None if even that does not separate.

    Concus and Golub (1973): −∇·k∇ is near √k (−∇²) √k for smooth k, whatever its range. What only
    multiplies becomes the nearest sum of functions of one coordinate each.
    """
    mean = _averaged(system.operator)
    if mean is None:
        return None
    plain = replace(system.equations, means=())
    fast = separable(AffineSystem(mean, plain, "elimination"))
    if fast is None or system.equations.means:
        return None
    own, near = np.abs(system.operator.diagonal()), np.abs(mean.diagonal())
    ratio = np.divide(own, near, out=np.zeros_like(own), where=near > 0)
    scale = np.sqrt(np.where(ratio > 0, ratio, 1)).reshape(system.shape)
    return Nearest(fast, system.restrict(scale))


def _averaged(op: Operator) -> Operator | None:
    """Return an operator with means for coefficients, without mixed derivatives."""
    chains = []
    for part in op.program.parts:
        if not isinstance(part, Chain):
            return None
        axes = {i for term in part.terms for i, band in enumerate(term.bands) if band is not None}
        if not axes:
            chains.append(replace(part, terms=(_summed(part),)))
        elif len(axes) == 1:
            chains.append(replace(part, terms=tuple(map(_mean, part.terms))))
    program = Program(op.program.inputs, op.program.outputs, tuple(chains))
    return Operator(program, op.domain, op.range, op.ghosts, op.beyond, op.label)


def _mean(term: Term) -> Term:
    factors = (Factor(np.mean(f.value, keepdims=True)) for f in term.factors)
    return replace(term, factors=tuple(factors))


def _summed(multiplication: Chain) -> Term:
    """Return the sum of functions of one coordinate that is nearest to what multiplies."""
    first = multiplication.terms[0]
    value: Array = np.ones((1,) * len(first.bands))
    for term in multiplication.terms:
        value = value * term.coefficient
    mean = value.mean(keepdims=True)
    axes = range(value.ndim)
    lines = (value.mean(axis=tuple(j for j in axes if j != i), keepdims=True) for i in axes)
    return Term(first.bands, 1.0, (Factor(sum(line - mean for line in lines) + mean),))
