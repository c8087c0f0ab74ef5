"""Krylov iterations behind a preconditioner, watched, so that those that lead nowhere end early."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg, gcrotmk

from findops.common.blas import blas_threads
from findops.common.progress import Bar
from findops.problems.linear.singular import max_norm

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.common.arrays import Array


__all__ = ["Krylov", "NoConvergenceError", "symmetric"]


MAX_ITERATIONS = 500
"""Iterations after which a method is given up."""

LOOK = 10
"""Iterations between looks at the residual."""

TRUNCATION = 10
"""Vectors of the last cycle, and from the cycles before it, that GCROT keeps."""

STAGNATION = 100
"""Iterations without a smaller residual after which there will be none."""

DIVERGED = 1e8
"""Residual, in parts of the right-hand side, from which none comes back."""

REFINED = 0.5
"""Part of the residual that another round must not leave if it is worth the next one."""

ROUNDOFF = 100 * np.finfo(float).eps
"""Residual, in parts of what it is the sum of, that roundoff leaves."""

SYMMETRIC_PRODUCTS = 1e-11
"""Part of ⟨A x, y⟩ by which it may differ from ⟨x, A y⟩ if A is symmetric."""


class NoConvergenceError(RuntimeError):
    """Iterations that came to no solution; the text says how they ended."""


@dataclass(frozen=True, eq=False)
class Krylov:
    """Conjugate gradients, or for matrices that are not symmetric and definite, GCROT.

    GCROT(m, k) (de Sturler, 1999; Hicken and Zingg, 2010) minimizes residuals as GMRES does, and
    keeps a part of the search directions when it starts anew.

    Parameters
    ----------
    A : LinearOperator
    precondition : callable
        Returns about A⁻¹ r.
    definite : bool
        Whether both are symmetric and definite.
    size : float
        The largest sum of absolute values in a row of A.
    tol : float
        Where to stop, ‖b − A x‖ ≤ tol ‖b‖.
    progress : bool
        Whether to show iterations.
    """

    A: LinearOperator
    precondition: Callable[[Array], Array]
    definite: bool
    size: float
    tol: float
    progress: bool = False

    def __call__(self, b: Array, worth: float = math.inf) -> tuple[Array, int]:
        """Return x, and how often a residual was preconditioned.

        Each round solves for what the last one left: roundoff takes the residual that iterations
        update away from the true one. Where rounds gain nothing, x is as good as roundoff lets it
        be, or the iteration has failed.

        Parameters
        ----------
        b : array
        worth : float
            How many iterations more may be worth it at any time.

        Raises
        ------
        NoConvergenceError
            If nothing is found.
        """
        whole = before = float(np.linalg.norm(b))
        x, left = np.zeros(b.shape, np.result_type(b, self.A.dtype)), b
        # Products of vectors take longer to share out than to make.
        with Bar("iterations", self.progress) as bar, blas_threads(1):
            while before > 0:
                change, ended = self._round(left, self.tol * whole, worth, bar)
                x += change
                left = b - self.A @ x
                now = float(np.linalg.norm(left))
                if now <= self.tol * whole:
                    break
                if not now <= REFINED * before:
                    ended = ended or "they stagnated"
                if ended is not None:
                    if max_norm(left) <= ROUNDOFF * (self.size * max_norm(x) + max_norm(b)):
                        break
                    raise NoConvergenceError(
                        f"{bar.count} iterations left {now / whole:.1e} of the right-hand side, "
                        f"for a tolerance of {self.tol:.0e}: {ended}"
                    )
                before = now
        return x, bar.count

    def _round(self, b: Array, target: float, worth: float, bar: Bar) -> tuple[Array, str | None]:
        """Return x with ‖b − A x‖ ≤ target, or what was found, and how that ended."""
        watch = _Watch(self.A, b, target, worth, bar)

        def precondition(r: Array) -> Array:
            bar.advance()
            return watch.checked(self.precondition(r))

        M = LinearOperator(self.A.shape, matvec=precondition, dtype=self.A.dtype)
        given: dict[str, Any] = {"rtol": 0.0, "atol": target, "M": M, "callback": watch}
        with suppress(_EndedError):
            if self.definite:
                watch.x = cg(self.A, b, maxiter=MAX_ITERATIONS, **given)[0]
            else:
                watch.x = gcrotmk(
                    self.A, b, maxiter=MAX_ITERATIONS, m=TRUNCATION, k=TRUNCATION, **given
                )[0]
        return watch.x, watch.ended


class _EndedError(Exception):
    """The end of iterations that lead nowhere."""


class _Watch:
    """Looks at the residual now and then: iterations call it with the solution so far."""

    def __init__(self, A: LinearOperator, b: Array, target: float, worth: float, bar: Bar) -> None:
        self.A, self.b, self.target, self.worth, self.bar = A, b, target, worth, bar
        self.x = np.zeros(b.shape, np.result_type(b, A.dtype))
        self.ended: str | None = None
        self.start = self.seen = self.improved = bar.count
        self.whole = self.least = float(np.linalg.norm(b))

    def checked(self, r: Array) -> Array:
        """Return a preconditioned residual that is finite."""
        if not np.isfinite(r).all():
            self.end("the preconditioner's result is not finite")
        return r

    def __call__(self, x: Array) -> None:
        if self.bar.count < self.seen + LOOK:
            return
        now = float(np.linalg.norm(self.b - self.A @ x))
        self.seen = self.bar.count
        if not now <= DIVERGED * self.whole:
            self.end("they diverged")
        self.x = x.copy()
        if now < self.least:
            self.least, self.improved = now, self.seen
        if self.seen >= self.improved + STAGNATION:
            self.end("they stagnated")
        if self.seen >= MAX_ITERATIONS:
            self.end("no more are tried")
        gained = math.log(self.least / self.whole) / (self.seen - self.start)
        left = math.log(self.target / self.least)
        if left < self.worth * gained:
            self.end("another method takes less")

    def end(self, how: str) -> None:
        """End the iterations."""
        self.ended = how
        raise _EndedError


def symmetric(A: LinearOperator) -> bool:
    """Tell whether ⟨A x, y⟩ = ⟨x, A y⟩ for vectors drawn at random."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(A.shape[0]).astype(A.dtype) for _ in range(2))
    left, right = np.vdot(y, Ax := A @ x), np.vdot(A @ y, x)
    return bool(abs(left - right) <= SYMMETRIC_PRODUCTS * np.linalg.norm(Ax) * np.linalg.norm(y))
