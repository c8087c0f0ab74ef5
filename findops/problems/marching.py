"""From step to step, and from output time to output time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import integrate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.problems.steppers import Stepper

    Array = NDArray[Any]

__all__ = ["ADAPTIVE", "Tick", "adaptive", "fixed"]

ADAPTIVE: dict[str, Any] = {
    name: getattr(integrate, name) for name in ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")
}
"""SciPy's methods, by name."""

ULPS = 8
"""Units in the last place by which intervals of equal length differ."""

States = Iterator[tuple[float, "Array"]]
Tick = Callable[[float], object]
"""Told the length of every step."""


def fixed(stepper: Stepper, t: Array, y: Array, dt: float, tick: Tick) -> States:
    """Yield (t, y) at output times, in between as many equal steps as keep each within dt."""
    yield float(t[0]), y
    h = 0.0
    noise = ULPS * np.spacing(np.abs(t).max())
    for start, stop in pairwise(map(float, t)):
        count = max(1, math.ceil((stop - start - noise) / dt))
        if abs(h * count - (stop - start)) > noise:
            # Steps that differ by roundoff alone would each need a factorization.
            h = (stop - start) / count
        for k in range(count):
            y = stepper(start + k * h, y, h)
            tick(h)
        yield stop, y


def adaptive(
    method: str,
    fun: Callable[[float, Array], Array],
    t: Array,
    y: Array,
    options: dict[str, Any],
    kept: list[Any] | None,
    tick: Tick,
) -> States:
    """Yield (t, y) at output times, from the interpolants of SciPy's steps; keep those, if asked.

    Raises
    ------
    RuntimeError
        If the method fails.
    TypeError
        If the equation becomes complex, and y is real.
    """
    yield float(t[0]), y

    def slope(time: float, state: Array) -> Array:
        value = fun(time, state)
        if np.iscomplexobj(value) and not np.iscomplexobj(y):
            raise TypeError(
                f"the equation becomes complex at t={time:.6g}, but the initial data are real: "
                "give complex u0"
            )
        return value

    solver = ADAPTIVE[method](slope, float(t[0]), y, float(t[-1]), **options)
    coming = 1
    while coming < len(t):
        message = solver.step()
        if solver.status == "failed":
            raise RuntimeError(f"method={method!r} failed at t={solver.t:.6g}: {message}")
        tick(solver.t - solver.t_old)
        if kept is None and t[coming] > solver.t:
            continue
        within = solver.dense_output()
        if kept is not None:
            kept.append(within)
        while coming < len(t) and t[coming] <= solver.t:
            at_end = t[coming] == solver.t
            yield float(t[coming]), solver.y.copy() if at_end else within(t[coming])
            coming += 1
