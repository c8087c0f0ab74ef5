"""Contests in whole loops of u_t = ν∇²u, as libraries that step in time run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pde
from jax import lax

from benchmarks.contest import Code, agree, entries
from findops import IVP, Grid, Laplacian, Periodic

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contest import Array, Contest, Shape

__all__ = ["BY_HAND", "BY_IVP", "diffusion"]

jax.config.update("jax_enable_x64", True)

BY_HAND, BY_IVP = "findops, by hand", "findops, IVP"

Method = Literal["euler", "rk4"]

STEPS = 100
FACTORS: dict[Method, tuple[float, ...]] = {"euler": (1.0,), "rk4": (1 / 4, 1 / 3, 1 / 2, 1.0)}
"""Of a step w ← u + factor·Δt·ν∇²w for each stage, by Horner's rule."""


def diffusion(shape: Shape, method: Method) -> Contest:
    """Step by hand, by IVP, by JAX and by py-pde; axes are periodic, which all of them know."""
    grid = Grid(*(Periodic(0, 1, n) for n in shape))
    start = np.random.default_rng(9).random(shape)
    # Half of what Euler's method allows, Δt·ν = 1.
    viscosity = 1 / (4 * sum(n**2 for n in shape))
    expression = viscosity * Laplacian()
    problem = IVP(expression, grid)
    codes = {
        BY_HAND: _by_hand(expression, grid, start, method),
        BY_IVP: Code(lambda: problem.solve(start, [0, STEPS], method, dt=1.0).u[-1]),
        "JAX": _fused(start, viscosity, FACTORS[method]),
        "py-pde": _compiled(start, viscosity, method),
    }
    agree(codes, shape, (1 + expression).on(grid), start, growth=STEPS * len(FACTORS[method]))
    return entries(codes, {BY_HAND: BY_IVP, "JAX": BY_HAND, "py-pde": BY_HAND})


def _by_hand(expression: Any, grid: Grid, start: Array, method: Method) -> Code:
    """Return loops of as few sweeps as the operators need."""
    op = expression.on(grid)
    first = (1 + FACTORS[method][0] * expression).on(grid)
    fields = [np.empty_like(start) for _ in range(3)]

    def euler() -> Array:
        u, w, _ = fields
        u[...] = start
        for _ in range(STEPS):
            first(u, out=w)
            u, w = w, u
        return u

    def rk4() -> Array:
        u, w, t = fields
        u[...] = start
        for _ in range(STEPS):
            first(u, out=w)
            t[...] = u
            op(w, out=t, add=True, scale=1 / 3)
            w[...] = u
            op(t, out=w, add=True, scale=1 / 2)
            op(w, out=u, add=True)
        return u

    return Code({"euler": euler, "rk4": rk4}[method])


def _fused(start: Array, viscosity: float, factors: tuple[float, ...]) -> Code:
    axes = range(start.ndim)
    squares = [viscosity * n**2 for n in start.shape]

    def rate(u: Any) -> Any:
        around = (jnp.roll(u, 1, a) + jnp.roll(u, -1, a) for a in axes)
        return sum(s * (v - 2 * u) for s, v in zip(squares, around, strict=True))

    weights = jnp.asarray(factors)

    def step(_: int, u: Any) -> Any:
        # Where stages are not a loop too, XLA computes earlier ones anew for every neighbor.
        return lax.fori_loop(0, len(factors), lambda i, stage: u + weights[i] * rate(stage), u)

    there = jnp.asarray(start)
    loop: Callable[[Any], Any] = jax.jit(lambda u: lax.fori_loop(0, STEPS, step, u))
    return Code(lambda: jax.block_until_ready(loop(there)))


def _compiled(start: Array, viscosity: float, method: Method) -> Code:
    grid = pde.CartesianGrid([(0, 1)] * start.ndim, start.shape, periodic=True)
    equation = pde.DiffusionPDE(diffusivity=viscosity, bc="periodic")
    solver = {"euler": pde.EulerSolver, "rk4": pde.RungeKuttaSolver}[method]
    state = pde.ScalarField(grid, start)
    step = solver(equation, backend="numba").make_stepper(state, dt=1.0)

    def run() -> Any:
        field = state.copy()
        step(field, 0, STEPS)
        return field.data

    return Code(run)
