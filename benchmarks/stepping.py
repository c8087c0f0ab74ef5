"""Contests in whole time loops, against the same loops in Devito."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import devito
import numpy as np

from benchmarks.contest import Code, agree, entries
from benchmarks.peers.devito import ROUNDED, cube, derivative
from findops import Advection, Block, Coef, Grid, Laplacian, Uniform

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contest import Array, Contest, Shape

__all__ = ["leapfrog", "runge_kutta"]

STEPS = 100
ACC = 4
CLOSURE = "zero"
"""What Devito's halo of zeros does."""


def leapfrog(shape: Shape) -> Contest:
    """Step the waves u_tt = c²∇²u, their speed varying in space."""
    rng = np.random.default_rng(2)
    grid, h = _grid(shape)
    start, before = rng.random(shape), rng.random(shape)
    courant = h**2 * (0.1 + 0.1 * rng.random(shape))
    op = (2 + Coef(courant) * Laplacian(acc=ACC)).on(grid, closure=CLOSURE)
    fields = [op(start), op(start)]

    def ours() -> Array:
        # u₊ = op(u) − u₋ in one sweep over u₋: where s = u, u, −u, −u, u, … over the steps, that
        # is s₊ = s₋ ± op(s), and a memory is only ever added to.
        last, now = fields
        last[...], now[...] = before, start
        np.negative(last, out=last)
        for i in range(STEPS):
            op(now, out=last, add=True, scale=(1, -1)[i % 2])
            last, now = now, last
        return now if STEPS % 4 in (0, 1) else -now

    codes = {"findops": Code(ours), "Devito": _leapfrog_generated(start, before, courant)}
    # Roundoff of one step grows at most linearly from there on.
    agree(codes, shape, op, start, growth=STEPS**2 / 2)
    return entries(codes, {"Devito": "findops"})


def _leapfrog_generated(start: Array, before: Array, courant: Array) -> Code:
    grid = cube(start.shape)
    u = devito.TimeFunction(name="u", grid=grid, time_order=2, space_order=ACC)
    c = devito.Function(name="c", grid=grid, space_order=0)
    c.data[:] = courant
    operator = devito.Operator(devito.Eq(u.forward, 2 * u - u.backward + c * u.laplace))
    steps = {"time_m": 1, "time_M": STEPS}
    tuned = _tuned(operator, steps)

    def run() -> Any:
        u.data[0], u.data[1] = before, start
        operator.apply(**steps, **tuned)

    return Code(run, lambda _: np.asarray(u.data[(STEPS + 1) % 3]), ROUNDED)


def runge_kutta(shape: Shape, form: Literal["Horner", "factors"]) -> Contest:
    """Step u_t = −a·∇u + ν∇²u by the classical method, in some form of its polynomial.

    A step of a linear equation multiplies by 1 + z + z²/2 + z³/6 + z⁴/24, z = Δt·L.

    Parameters
    ----------
    form : {"Horner", "factors"}
        w ← u + Δt/m·L(w), m = 4, 3, 2, 1, each a sweep over two of three fields that stand
        together in memory, or two real factors 1 + z(a + bz).
    """
    grid, h = _grid(shape)
    start = np.random.default_rng(3).random(shape)
    velocity, viscosity, dt = (1.0, 0.5, 0.25), h / 3, 0.3 * h
    expression = viscosity * Laplacian(acc=ACC) - Advection(velocity, acc=ACC)
    L = expression.on(grid, closure=CLOSURE)
    inner = [(a + b * dt * expression).on(grid, closure=CLOSURE) for a, b in _factors()]
    fields = np.stack([L(start)] * 3)
    w, u, t = fields
    first = (1 + dt / 4 * expression).on(grid, closure=CLOSURE)
    second = Block([[dt / 3 * expression, 1]]).on(grid, closure=CLOSURE)
    third = Block([[1, dt / 2 * expression]]).on(grid, closure=CLOSURE)

    def horner() -> Array:
        u[...] = start
        for _ in range(STEPS):
            first(u, out=w)
            second(fields[:2], out=t)
            third(fields[1:], out=w)
            L(w, out=u, add=True, scale=dt)
        return u

    def factors() -> Array:
        u[...] = start
        for _ in range(STEPS):
            for factor in inner:
                L(factor(u, out=w), out=u, add=True, scale=dt)
        return u

    def rate(f: Any) -> Any:
        advected = sum(a * derivative(f, orders) for a, orders in zip(velocity, FIRST, strict=True))
        return viscosity * f.laplace - advected

    ours, theirs = {
        "Horner": (horner, _horner_generated),
        "factors": (factors, _factors_generated),
    }[form]
    codes = {"findops": Code(ours), "Devito": theirs(start, dt, rate)}
    # The method damps, so that errors add up: those of four stages in each step.
    agree(codes, shape, 1 + dt * L, start, growth=4 * STEPS)
    return entries(codes, {"Devito": "findops"})


FIRST = ((1, 0, 0), (0, 1, 0), (0, 0, 1))


def _factors() -> list[tuple[float, float]]:
    """Return a and b of the real factors 1 + az + bz² of RK4's polynomial."""
    roots = np.roots([1 / 24, 1 / 6, 1 / 2, 1, 1])
    return [(-2 * r.real / abs(r) ** 2, 1 / abs(r) ** 2) for r in roots if r.imag > 0]


def _factors_generated(start: Array, dt: float, rate: Callable[[Any], Any]) -> Code:
    grid = cube(start.shape)
    # One buffer, as the steps work in place; equations without a time would leave the loop.
    u = devito.TimeFunction(name="u", grid=grid, space_order=ACC, save=devito.Buffer(1))
    w = devito.Function(name="w", grid=grid, space_order=ACC)
    stages = []
    for a, b in _factors():
        stages += [devito.Eq(w, a * u + b * dt * rate(u)), devito.Eq(u, u + dt * rate(w))]
    return _looped(stages, u, start, last=0)


def _horner_generated(start: Array, dt: float, rate: Callable[[Any], Any]) -> Code:
    grid = cube(start.shape)
    u = devito.TimeFunction(name="u", grid=grid, space_order=ACC)
    w, t = (devito.Function(name=name, grid=grid, space_order=ACC) for name in "wt")
    stages = [
        devito.Eq(w, u + dt / 4 * rate(u)),
        devito.Eq(t, u + dt / 3 * rate(w)),
        devito.Eq(w, u + dt / 2 * rate(t)),
        devito.Eq(u.forward, u + dt * rate(w)),
    ]
    return _looped(stages, u, start, last=STEPS % 2)


def _looped(stages: list[Any], u: Any, start: Array, last: int) -> Code:
    operator = devito.Operator(stages)
    steps = {"time_m": 0, "time_M": STEPS - 1}
    tuned = _tuned(operator, steps)

    def run() -> Any:
        u.data[0] = start
        operator.apply(**steps, **tuned)

    return Code(run, lambda _: np.asarray(u.data[last]), ROUNDED)


def _grid(shape: Shape) -> tuple[Grid, float]:
    """Return the grid over the unit cube, and its spacing."""
    return Grid(*(Uniform(0, 1, n) for n in shape)), 1 / (shape[0] - 1)


def _tuned(operator: Any, steps: dict[str, int]) -> dict[str, int]:
    """Return the sizes of blocks that Devito's autotuner finds best."""
    found = operator.arguments(**steps, autotune=("aggressive", "preemptive"))
    return {p.name: found[p.name] for p in operator.parameters if "_blk" in p.name}
