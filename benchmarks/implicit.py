"""Contests in what solves systems again and again: implicit steps, Newton's method, eigenvalues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.sparse.linalg import eigsh

from benchmarks.contest import Code, entries
from findops import (
    BVP,
    EVP,
    IVP,
    Block,
    Diff,
    Diffusion,
    Dirichlet,
    Fourier,
    Grid,
    Laplacian,
    Periodic,
    Points,
    Uniform,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contest import Array, Contest, Shape

__all__ = [
    "AGAIN",
    "FINDOPS",
    "RIVAL",
    "bratu",
    "cahn_hilliard",
    "circle",
    "components",
    "crank_nicolson",
    "eigenvalues",
    "inner_eigenvalues",
    "start_up",
    "uneven",
]

FINDOPS, AGAIN, RIVAL = "findops", "findops, again", "rival"
"""A problem that is made anew, the same one again, and what the title sets it against."""

WALLS = Dirichlet("boundary")


def _box(shape: Shape) -> Grid:
    return Grid(**{name: Uniform(0, 1, n) for name, n in zip("xyz", shape, strict=False)})


def _contest(ours: Callable[[], Any], rival: Callable[[], Any], again: Any = None) -> Contest:
    codes = {FINDOPS: Code(ours), RIVAL: Code(rival)}
    if again is not None:
        codes[AGAIN] = Code(again)
    return entries(codes, dict.fromkeys(list(codes)[1:], FINDOPS))


def _conductivity(x: Array, y: Array, z: Array) -> Any:
    return 1 + 0.9 * np.sin(6 * x) * np.cos(5 * y) * np.cos(z)


def crank_nicolson(shape: Shape) -> Contest:
    """Take ten steps of diffusion, beside one solution of the steady problem."""
    grid = _box(shape)
    u, times = np.random.default_rng(0).random(shape), (0, 10e-3)
    given = {"method": "crank-nicolson", "dt": 1e-3}

    def problem() -> IVP:
        return IVP(Diffusion(_conductivity), grid, WALLS)

    kept = problem()
    return _contest(
        lambda: problem().solve(u, times, **given),
        lambda: BVP(Diffusion(_conductivity), grid, WALLS).solve(u),
        lambda: kept.solve(u, times, **given),
    )


def bratu(shape: Shape) -> Contest:
    """Solve ∇²u + eᵘ = 0 by Newton's method, beside one linear system like its Jacobians."""
    grid = _box(shape)
    lap = Laplacian().on(grid)
    found = BVP(lambda u: lap(u) + np.exp(u), grid, WALLS).solve()
    slope = np.exp(found.u)
    return _contest(
        lambda: BVP(lambda u: lap(u) + np.exp(u), grid, WALLS).solve(),
        lambda: BVP(Laplacian() + slope, grid, WALLS).solve(1.0),
    )


def start_up(shape: Shape, varying: bool) -> Contest:
    """Take one step of diffusion, checked for stability, beside the sweeps of twenty."""
    grid = _box(shape)
    L = Diffusion(lambda x, y: 1 + 0.5 * np.sin(6 * x * y)) if varying else Laplacian()
    u, dt = np.random.default_rng(0).random(shape), 0.1 / max(shape) ** 2
    op, v = L.on(grid), np.empty(shape)

    def bare() -> Array:
        for _ in range(20):
            for _ in range(4):
                op(u, out=v)
        return v

    def problem() -> IVP:
        return IVP(L, grid, WALLS)

    kept = problem()
    return _contest(
        lambda: problem().solve(u, (0, dt), method="rk4", dt=dt),
        bare,
        lambda: kept.solve(u, (0, dt), method="rk4", dt=dt),
    )


def cahn_hilliard(shape: Shape) -> Contest:
    """Integrate u' = ∇²(u³ − u − ε²∇²u) by Radau, beside SciPy with findops' Jacobian."""
    grid = Grid(*(Periodic(0, 1, n) for n in shape))
    lap = Laplacian().on(grid)
    start = 0.1 * np.random.default_rng(0).standard_normal(shape)
    times = (0, 1e-3)

    def rate(t: float, u: Array) -> Array:  # noqa: ARG001
        return np.asarray(lap(u**3 - u - 1e-3 * lap(u)))

    def problem() -> IVP:
        return IVP(rate, grid)

    def by_scipy() -> Any:
        P = problem()
        return solve_ivp(
            P.fun, times, start.ravel(), "Radau", times, rtol=1e-6, atol=1e-9, jac=P.jac
        )

    return _contest(lambda: problem().solve(start, times, method="Radau"), by_scipy)


def components(shape: Shape) -> Contest:
    """Factor two coupled components at acc 4, beside a scalar."""
    grid = _box(shape)
    lap = Laplacian(acc=4)
    pair = Block([[lap - 2, 1], [1, lap - 3]])
    f = np.random.default_rng(0).random((2, *shape))
    return _contest(
        lambda: BVP(pair, grid, WALLS).solve(f), lambda: BVP(lap - 2, grid, WALLS).solve(f[0])
    )


def circle(shape: Shape) -> Contest:
    """Solve u″ − u = f by Fourier's derivatives, beside a factorization at acc 2."""
    grid = Grid(x=Periodic(0, 1, *shape))
    f = np.random.default_rng(0).random(shape)
    return _contest(
        lambda: BVP(Diff("x", 2, scheme=Fourier()) - 1, grid).solve(f),
        lambda: BVP(Diff("x", 2) - 1, grid).solve(f),
    )


def uneven(shape: Shape) -> Contest:
    """Solve Poisson's equation on uneven points, beside even ones."""
    s = np.linspace(0, 1, shape[0])
    axis = Points(s + 0.1 * np.sin(2 * np.pi * s) / np.pi)
    f = np.random.default_rng(0).random(shape)
    return _contest(
        lambda: BVP(Laplacian(), Grid(*[axis] * 3), WALLS).solve(f),
        lambda: BVP(Laplacian(), Grid(*[Uniform(0, 1, shape[0])] * 3), WALLS).solve(f),
    )


def eigenvalues(shape: Shape) -> Contest:
    """Find the six least eigenvalues, beside SciPy on the same matrix."""
    grid = _box(shape)
    A = (-Laplacian()).on(grid).subject_to(WALLS).matrix.tocsc()
    return _contest(lambda: EVP(-Laplacian(), grid, WALLS).solve(6), lambda: eigsh(A, 6, sigma=0))


def inner_eigenvalues(shape: Shape) -> Contest:
    """Find six eigenvalues inside the spectrum of a variable diffusion, beside the least ones."""
    grid = _box(shape)
    L = -Diffusion(_conductivity, natural=False)
    return _contest(
        lambda: EVP(L, grid, WALLS).solve(6, near=200.0), lambda: EVP(L, grid, WALLS).solve(6)
    )
