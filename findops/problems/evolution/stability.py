"""Stability of time steps, and warnings of modes that grow."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from findops.common.arrays import Array
    from findops.problems.evolution.spectrum import Spectrum


__all__ = [
    "UNEXPLAINED_GROWTH",
    "check_multiplier",
    "check_step",
    "excess_growth",
    "shared_growth",
    "step_limit",
    "warn_of_cause",
    "warn_of_growth",
    "warn_of_unexplained",
]

LIMIT_SLACK = 1e-9
"""Relative error of a limit: at the limit itself a step is allowed."""

REACH = 6.0
"""|hλ| within which a method's stable region ends."""

LEAST_REACH = 1e-3
"""|hλ| that roundoff leaves of a limit where no step is stable."""

UNSTABLE_GROWTH = 10.0
"""Factor over a run from which on steps that amplify, where the equation does not, are refused."""

UNEXPLAINED_GROWTH = 1e6
"""Factor from which on a solution that grew in unstable steps is told of."""

SHARED_GROWTH = 1.1
"""Factor within which rates of growth under different closures are the same."""


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
    if spectrum.bounds is not None and spectrum.bounds.allow(amplification, dt):
        return
    limit = step_limit(amplification, spectrum)
    if dt <= limit * (1 + LIMIT_SLACK):
        return
    others = (
        "SciPy's methods choose their steps"
        if method in ("leapfrog", "staggered-leapfrog")
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


def check_multiplier(method: str, dt: float, count: int, largest: float, own: float) -> None:
    """Refuse steps that make modes grow over a run, where those of the equation do not.

    The arguments after the first are those of `excess_growth`.

    Raises
    ------
    ValueError
        If they do.
    """
    if excess_growth(dt, count, largest, own) <= np.log10(UNSTABLE_GROWTH):
        return
    raise ValueError(
        f"method={method!r} with dt={dt:.6g} is unstable: with its part that is taken explicitly, "
        f"modes grow by a factor of {largest:.6g} in each step, 10^{count * np.log10(largest):.3g} "
        "over this run, and those of the equation do not; take smaller steps, or SciPy's methods, "
        "which choose theirs"
    )


def excess_growth(dt: float, count: int, largest: float, own: float) -> float:
    """Return the power of ten by which modes grow over a run beyond what those of the equation do.

    Parameters
    ----------
    dt : float
        The step.
    count : int
        How many there are in the run.
    largest : float
        What one step may multiply a mode by.
    own : float
        The largest Re λ of the equation, at least 0.
    """
    return float(count * (np.log(largest) - own * dt) / np.log(10)) if largest > 1 else 0.0


def warn_of_unexplained(method: str, before: float, after: float) -> None:
    """Warn of a solution that grew by many orders, in steps that amplify."""
    warnings.warn(
        f"method={method!r}: what was up to {before:.3g} grew to {after:.3g}, and at the last time "
        "steps make modes grow that the equation does not; take smaller steps",
        UserWarning,
        stacklevel=4,
    )


def warn_of_cause(label: str, cause: str, rate: float, span: float) -> None:
    """Warn of what no closure mends, and of the largest Re λ that it leads to, if that is known."""
    warnings.warn(f"{label}: {cause}{_growing(rate, span)}", UserWarning, stacklevel=4)


def _growing(rate: float, span: float) -> str:
    if not rate:
        return ""
    return f": max Re λ = {rate:.3g}, a factor of e^{rate * span:.3g} over this run"


def warn_of_growth(label: str, rate: float, span: float, rates: Mapping[Any, float] | None) -> None:
    """Warn of modes that grow.

    Parameters
    ----------
    label : str
        The equation.
    rate : float
        The largest Re λ.
    span : float
        How long it is followed.
    rates : mapping, optional
        The largest Re λ with other closures; None where every axis is periodic.
    """
    if rates is None:
        advice = "every axis is periodic: no closure plays a part, the equation itself grows"
    else:
        advice = _closures_with_less(rate, rates)
    warnings.warn(
        f"{label} has growing modes on this grid{_growing(rate, span)}; {advice}",
        UserWarning,
        stacklevel=4,
    )


def shared_growth(rates: Iterable[float]) -> float:
    """Return the largest Re λ that an equation itself may have, by those under several closures.

    All of them share what is the equation's own; what one has beyond the least, it adds itself.
    """
    return SHARED_GROWTH * min(rates)


def _closures_with_less(rate: float, rates: Mapping[Any, float]) -> str:
    """Name the closures under which modes do not grow, or no faster than the equation's own."""
    own = shared_growth([rate, *rates.values()])
    named = ", ".join(f"closure={closure!r}" for closure, other in rates.items() if other <= own)
    if rate > own:
        which = f"that add nothing to the equation's own {own / SHARED_GROWTH:.3g}"
        return f"closures {which if own else 'without growth'}: {named}"
    if named:
        return f"it is the equation's own: with {named} they grow as fast"
    return "no closure that was tried has less: it may be the equation's own"
