"""Corrections: approximate solutions of (A − σB) t = r, behind preconditioners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import LinearOperator, gcrotmk

from findops.common.blas import blas_threads
from findops.problems.linear.krylov import NoConvergenceError
from findops.problems.linear.preconditioners import multigrid

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.common.arrays import Array
    from findops.problems.eigen.pencil import Pencil
    from findops.problems.linear.preconditioners import NearestSeparable

    LinearMap = Callable[[Array], Array]

__all__ = ["approximate_solver", "multigrid_inverse", "separable_inverse"]

REDUCTION = 0.3
"""Part of a residual that may be left: less takes more iterations than it saves corrections."""

SAME_EIGENVALUE = 1e-9
"""Part of the largest eigenvalue by which two may differ and still be one."""

KRYLOV_SPACE = 40
"""Vectors from which GCROT makes a solution before it restarts, and as many that it keeps."""

RESTARTS = 5
"""Times that it starts before it is given up."""


def separable_inverse(near: NearestSeparable, number: complex, k: int) -> tuple[complex, LinearMap]:
    """Return a number and the multiplication by (A₀ − λ)⁻¹ there, A₀ being separable and near A.

    It is the number given, or where that lies far beside a real spectrum, one just beside it.

    The k eigenvalues nearest to λ are taken to be as far as the next one: those of A are others,
    and near zeros of it would be poles.
    """
    every = near.fast.eigenvalues().ravel()
    if np.isrealobj(every) and np.isrealobj(number):
        first, last = every.min(), every.max()
        beside = first - _radius(every, first, k), last + _radius(every, last, k)
        number = float(np.clip(number, *beside))
    least, same = _radius(every, number, k), SAME_EIGENVALUE * np.abs(every).max()
    side = -1.0 if np.mean(every - number).real < -same else 1.0

    def inverted(values: Array) -> Array:
        offset = values - number
        size = np.abs(offset)
        away = np.divide(offset, size, out=np.full_like(offset, side), where=size > same)
        result: Array = 1 / np.where(size < least, least * away, offset)
        return result

    divided = near.fast.matrix_function(inverted)
    return number, lambda r: divided(r / near.scale) / near.scale


def _radius(every: Array, number: complex, k: int) -> float:
    """Return how far beyond the k nearest to a number the next one lies that is another."""
    distances = np.sort(np.abs(every - number))
    beyond = distances[k:][distances[k:] > SAME_EIGENVALUE * np.abs(every).max()]
    return float(beyond[0]) if beyond.size else 1.0


def multigrid_inverse(pencil: Pencil, number: float) -> LinearMap:
    """Return a cycle of multigrid for A, or for A − σB where that is farther from singular.

    PyAMG has it for real matrices: of a complex one, that is for the real part.

    Raises
    ------
    ModuleNotFoundError
        If PyAMG is not installed.
    """
    side = 1.0 if pencil.A.diagonal().real.sum() >= 0 else -1.0
    definite = side * pencil.shifted(min(side * number, 0.0) * side)
    return multigrid(definite.real.copy())  # PyAMG reads no strided data


def approximate_solver(pencil: Pencil, sigma: complex, precondition: LinearMap) -> LinearMap:
    """Return r ↦ t with ‖r − (A − σB) t‖ below some part of ‖r‖.

    By GCROT (de Sturler, 1999; Hicken and Zingg, 2010): A − σB is indefinite amid the spectrum.

    Raises
    ------
    NoConvergenceError
        From the function, if that is not reached.
    """
    matrix = pencil.shifted(sigma)
    inverse = LinearOperator(matrix.shape, matvec=precondition, dtype=matrix.dtype)

    def solve(r: Array) -> Array:
        # Products of vectors take longer to share out than to make.
        with blas_threads(1):
            t, failed = gcrotmk(
                matrix, r, rtol=REDUCTION, maxiter=RESTARTS, M=inverse, m=KRYLOV_SPACE
            )
        if failed:
            left = np.linalg.norm(r - matrix @ t) / np.linalg.norm(r)
            raise NoConvergenceError(
                f"solving A − {sigma:g} B for corrections leaves {left:.1e} of the residual after "
                f"{RESTARTS} times {KRYLOV_SPACE} iterations"
            )
        result: Array = t
        return result

    return solve
