"""Contests in solving boundary-value problems, from expressions, so that nothing is there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyamg
from scipy.fft import dstn, idstn

from benchmarks.contest import Code, entries
from findops import BVP, Diffusion, Dirichlet, Grid, Laplacian, Neumann, Points, Uniform

if TYPE_CHECKING:
    from benchmarks.contest import Array, Contest, Shape

__all__ = ["FULL", "ROUND_TRIP", "RUGE_STUBEN", "conducting", "poisson"]

ROUND_TRIP = "idstn(dstn(f))"
RUGE_STUBEN = "PyAMG, Ruge–Stüben"
FULL = "BVP(…).solve(f)"

TOLERANCE = 1e-8
"""Residual, in parts of the right-hand side."""


def poisson(shape: Shape, acc: int, walls: str, uneven: bool = False) -> Contest:
    """Solve Poisson's equation, beside a round trip of sine transforms on the same array."""
    grid = Grid(*(_stretched(n) if uneven else Uniform(0, 1, n) for n in shape))
    condition = Dirichlet("boundary") if walls == "Dirichlet" else Neumann("boundary")
    problem = BVP(Laplacian(acc=acc), grid, condition)
    system = problem.system
    inside = np.random.default_rng(6).random(system.size)
    f = problem.operator(system.lift(inside))
    found = problem.solve(f)
    assert found.residual < 1e-13, f"the residual is {found.residual:.1e}"
    codes = {
        FULL: Code(lambda: BVP(Laplacian(acc=acc), grid, condition).solve(f)),
        ROUND_TRIP: Code(lambda: idstn(dstn(f))),
        f"{ROUND_TRIP}, two workers": Code(lambda: idstn(dstn(f, workers=2), workers=2)),
    }
    return entries(codes, {name: FULL for name in codes if name != FULL})


def conducting(shape: Shape) -> Contest:
    """Solve ∇·(k∇u) = f, k varying by a factor of 100 and smoothly, beside PyAMG."""
    grid = Grid(**{name: Uniform(0, 1, n) for name, n in zip("xyz", shape, strict=True)})
    f = np.random.default_rng(7).random(shape)

    def problem() -> BVP:
        return BVP(Diffusion(_conductivity), grid, Dirichlet("boundary"))

    system = problem().system
    A, b = system.matrix, system.rhs(f)
    definite = -A  # as conjugate gradients want it

    def ours() -> Array:
        return problem().solve(f, tol=TOLERANCE).u

    def theirs() -> Array:
        solver = pyamg.ruge_stuben_solver(definite)
        return np.asarray(solver.solve(-b, tol=TOLERANCE, accel="cg"))

    for x in (system.restrict(ours()), theirs()):
        left = np.linalg.norm(b - A @ x) / np.linalg.norm(b)
        assert left < 2 * TOLERANCE, f"the residual is {left:.1e}"
    return entries({FULL: Code(ours), RUGE_STUBEN: Code(theirs)}, {RUGE_STUBEN: FULL})


def _conductivity(x: Array, y: Array, z: Array) -> Any:
    return 10.0 ** (np.sin(2 * np.pi * x) * np.cos(3 * y) * np.sin(5 * z + 1))


def _stretched(n: int) -> Points:
    s = np.linspace(0, 1, n)
    return Points(s + 0.1 * np.sin(2 * np.pi * s) / np.pi)
