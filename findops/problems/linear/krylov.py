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


__all__ = ["MAX_ITERATIONS", "CutShortError", "Krylov", "NoConvergenceError", "symmetric"]


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

SHARE = 0.5
"""Part of what the next method takes that is spent before iterations give way to it."""

ANOTHER = "another method takes less"
"""How iterations end that give way."""

SYMMETRIC_PRODUCTS = 1e-11
"""Part of ⟨A x, y⟩ by which it may differ from ⟨x, A y⟩ if A is symmetric."""


class NoConvergenceError(RuntimeError):
    """Iterations that came to no solution; the text says how they ended."""


class CutShortError(NoConvergenceError):
    """Iterations that another method would take less than; they may well converge."""


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

        Where roundoff lets residuals become no smaller, x is as good as it can be.

        Parameters
        ----------
        b : array
        worth : float
            How many iterations more may be worth it at any time.

        Raises
        ------
        NoConvergenceError
            If nothing is found: CutShortError where more iterations were not worth it.
        """
        scale = max_norm(b)
        if not scale:
            return np.zeros(b.shape, np.result_type(b, self.A.dtype)), 0
        # Products of vectors take longer to share out than to make.
        with Bar("iterations", self.progress) as bar, blas_threads(1):
            # Squares of numbers of any size are neither zero nor infinite then.
            run = _Run(self, b / scale, worth, bar)
            run.finish()
        if run.now > run.target and not run.at_roundoff:
            raise (CutShortError if run.ended == ANOTHER else NoConvergenceError)(
                f"{bar.count} iterations left {run.now / run.whole:.1e} of the right-hand side, "
                f"for a tolerance of {self.tol:.0e}: {run.ended}"
            )
        return scale * run.x, bar.count


class _EndedError(Exception):
    """The end of iterations that lead nowhere."""


class _Run:
    """Iterations for one right-hand side, and the best that is seen of them now and then."""

    def __init__(self, method: Krylov, b: Array, worth: float, bar: Bar) -> None:
        self.method, self.b, self.worth, self.bar = method, b, worth, bar
        self.x = np.zeros(b.shape, np.result_type(b, method.A.dtype))
        self.left = b
        self.whole = self.now = self.last = float(np.linalg.norm(b))
        self.target = method.tol * self.whole
        self.seen = self.improved = 0
        self.ended: str | None = None

    @property
    def at_roundoff(self) -> bool:
        """Whether the least residual is no more than what roundoff makes of its terms."""
        size = self.method.size * max_norm(self.x) + max_norm(self.b)
        return bool(max_norm(self.left) <= ROUNDOFF * size)

    def finish(self) -> None:
        """Iterate to the end.

        Each round solves for what the last one left: roundoff takes the residual that iterations
        update away from the true one.
        """
        while self.now > self.target and not self.ended:
            before, base = self.now, self.x
            with suppress(_EndedError), np.errstate(all="ignore"):
                self._see(base + self._round(base))
                if not self.now <= max(REFINED * before, self.target):
                    self.ended = "they stagnated"

    def _round(self, base: Array) -> Array:
        """Return what brings x to the solution, as far as one run of a method does."""
        method = self.method

        def precondition(r: Array) -> Array:
            self.bar.advance()
            made = method.precondition(r)
            if not np.isfinite(made).all():
                self._end("the preconditioner's result is not finite")
            return made

        def look(change: Array) -> None:
            if self.bar.count >= self.seen + LOOK:
                self._look(base + change)

        M = LinearOperator(method.A.shape, matvec=precondition, dtype=method.A.dtype)
        given: dict[str, Any] = {
            "rtol": 0.0, "atol": self.target, "maxiter": MAX_ITERATIONS, "M": M, "callback": look
        }  # fmt: skip
        if method.definite:
            return np.asarray(cg(method.A, self.left, **given)[0])
        kept: dict[str, Any] = {"m": TRUNCATION, "k": TRUNCATION}
        return np.asarray(gcrotmk(method.A, self.left, **given, **kept)[0])

    def _see(self, x: Array) -> float:
        """Return the residual of a solution so far, of which the best is kept."""
        left = self.b - self.method.A @ x
        now = float(np.linalg.norm(left))
        if now < self.now:
            self.x, self.left, self.now = x, left, now
        return now

    def _look(self, x: Array) -> None:
        """End what leads nowhere."""
        before, last, since = self.now, self.last, self.bar.count - self.seen
        self.last, self.seen = self._see(x), self.bar.count
        if self.now <= self.target:
            return
        if not self.last <= DIVERGED * self.whole:
            self._end("they diverged")
        # Residuals of conjugate gradients may rise for long before they fall.
        if self.now < before or self.last < REFINED * last:
            self.improved = self.seen
        if self.now > REFINED * before and self.at_roundoff:
            self._end("they stagnated at roundoff")
        if self.seen >= self.improved + STAGNATION:
            self._end("they stagnated")
        if self.seen >= MAX_ITERATIONS:
            self._end("no more are tried")
        gained = max(
            math.log(self.whole / self.now) / self.seen, math.log(last / self.last) / since
        )
        needed = math.log(self.last / self.target)
        if self.seen >= SHARE * self.worth and not needed <= self.worth * gained:
            self._end(ANOTHER)

    def _end(self, how: str) -> None:
        self.ended = how
        raise _EndedError


def symmetric(A: LinearOperator) -> bool:
    """Tell whether ⟨A x, y⟩ = ⟨x, A y⟩ for vectors drawn at random."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(A.shape[0]).astype(A.dtype) for _ in range(2))
    left, right = np.vdot(y, Ax := A @ x), np.vdot(A @ y, x)
    return bool(abs(left - right) <= SYMMETRIC_PRODUCTS * np.linalg.norm(Ax) * np.linalg.norm(y))
