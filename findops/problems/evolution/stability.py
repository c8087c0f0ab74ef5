"""Stability of time steps, and warnings of modes that grow."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from findops.common.arrays import Array
    from findops.problems.evolution.spectrum import Spectrum


__all__ = ["check_step", "step_limit", "warn_of_cause", "warn_of_growth"]

LIMIT_SLACK = 1e-9
"""Relative error of a limit: at the limit itself a step is allowed."""

REACH = 6.0
"""|hλ| within which a method's stable region ends."""

LEAST_REACH = 1e-3
"""|hλ| that roundoff leaves of a limit where no step is stable."""


def step_limit(amplification: Callable[[Array], Array], spectrum: Spectrum) -> float:
    """Return the largest step h that is stable for all eigenvalues λ, 0 if there is none.

    Stable is |R(hλ)| ≤ 1; for Re λ > 0, where the solution itself grows, at most e^{2 h Re λ}.
    """
    directions, sizes = spectrum.outermost
    if not sizes.size:
        return np.inf
    return float((_reach(amplification, directions) / sizes).min()) / spectrum.slack


def _reach(amplification: Callable[[Array], Array], directions: Array) -> Array:
    """Return how far the stable region goes in each direction, 0 for none."""

    def stable(s: Array) -> Array:
        allowed = np.exp(2 * np.maximum(s * directions.real, 0))
        return np.asarray(amplification(s * directions) <= allowed * (1 + LIMIT_SLACK))

    low, high = np.zeros(directions.size), np.full(directions.size, REACH)
    inside = np.ones(directions.size, dtype=bool)
    for s in np.linspace(0, REACH, 121)[1:]:
        still = inside & stable(np.full(directions.size, s))
        low = np.where(still, s, low)
        high = np.where(inside & ~still, s, high)
        inside = still
        if not inside.any():
            break
    for _ in range(50):
        middle = (low + high) / 2
        good = stable(middle)
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    return np.where(inside, np.inf, np.where(low > LEAST_REACH, low, 0))


def check_step(
    method: str, dt: float, amplification: Callable[[Array], Array], spectrum: Spectrum
) -> None:
    """Refuse a step that is too long for an explicit method.

    Raises
    ------
    ValueError
        If some mode would grow that does not.
    """
    limit = step_limit(amplification, spectrum)
    if dt <= limit * (1 + LIMIT_SLACK):
        return
    others = (
        "SciPy's methods choose their steps"
        if method == "leapfrog"
        else "backward-euler and crank-nicolson are stable for every step of a linear equation, "
        "and SciPy's methods choose their steps"
    )
    if not limit:
        raise ValueError(
            f"method={method!r}: no step is stable, since eigenvalues of the equation on this grid "
            f"lie outside the method's region for every dt; {others}, and rk4 damps what oscillates"
        )
    raise ValueError(
        f"method={method!r} with dt={dt:.6g} is unstable: the limit is dt ≤ {limit:.6g}, from "
        f"eigenvalues up to |λ| = {spectrum.radius:.4g}; take smaller steps, or another method: "
        f"{others}"
    )


def warn_of_cause(label: str, cause: str, rate: float, span: float) -> None:
    """Warn of what no closure mends, and of the largest Re λ that it leads to, if that is known."""
    warnings.warn(f"{label}: {cause}{_growing(rate, span)}", UserWarning, stacklevel=4)


def _growing(rate: float, span: float) -> str:
    if not rate:
        return ""
    return f": max Re λ = {rate:.3g}, a factor of e^{rate * span:.3g} over this run"


def warn_of_growth(label: str, rate: float, span: float, rates: Mapping[Any, float]) -> None:
    """Warn of modes that grow.

    Parameters
    ----------
    label : str
        The equation.
    rate : float
        The largest Re λ.
    span : float
        How long it is followed.
    rates : mapping
        The largest Re λ with other closures.
    """
    cures = [closure for closure, other in rates.items() if other <= 0]
    less = {closure: other for closure, other in rates.items() if 0 < other < rate}
    advice = "no closure that was tried cures it: it may be the equation's own"
    if cures:
        advice = "closures without growth: " + ", ".join(f"closure={c!r}" for c in cures)
    elif less:
        advice += "; " + ", ".join(f"closure={c!r} has {other:.3g}" for c, other in less.items())
    warnings.warn(
        f"{label} has growing modes on this grid{_growing(rate, span)}; {advice}",
        UserWarning,
        stacklevel=4,
    )
