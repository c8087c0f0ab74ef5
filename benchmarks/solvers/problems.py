"""Problems for solvers, each in sizes that grow by about ten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from findops import (
    BVP,
    Biharmonic,
    Block,
    Diff,
    Diffusion,
    Dirichlet,
    Divergence,
    Gradient,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Points,
    Uniform,
    VectorLaplacian,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contest import Array
    from findops import Expr

__all__ = ["PROBLEMS", "Problem"]

WALLS = Dirichlet("boundary")

PLANES = (32, 100, 316, 1000, 3162)
CUBES = (10, 22, 46, 100, 215)
"""Points along every axis."""


@dataclass(frozen=True)
class Problem:
    """A boundary-value problem on n points along every axis.

    Parameters
    ----------
    name : str
        What the table calls it.
    ndim : int
        Number of axes.
    sides : tuple of int
        Numbers n.
    make : callable
        Returns the problem for n.
    components : int
        Number of components.
    elastic : bool
        Whether its solutions are displacements, of which multigrid wants to know the rigid ones.
    indefinite : bool
        Whether it has eigenvalues of both signs.
    """

    name: str
    ndim: int
    sides: tuple[int, ...]
    make: Callable[[int], BVP]
    components: int = 1
    elastic: bool = False
    indefinite: bool = False

    def right_hand_side(self, problem: BVP) -> Array:
        """Return what the operator makes of a field at random: there is a solution."""
        system = problem.system
        inside = np.random.default_rng(0).random(system.size)
        return np.asarray(problem.operator(system.lift(inside)))

    def unknowns(self, n: int) -> int:
        """Return their number, the boundary's counted."""
        return self.components * n**self.ndim

    def title(self, n: int) -> str:
        """Return the name of a row."""
        return f"{self.name}, {n}{'⁰¹²³'[self.ndim]}"


def _box(n: int, ndim: int) -> Grid:
    return Grid(**{name: Uniform(0, 1, n) for name in "xyz"[:ndim]})


def _circles(n: int) -> Grid:
    return Grid(x=Periodic(0, 1, n), y=Periodic(0, 1, n))


def _uneven(n: int) -> Grid:
    s = np.linspace(0, 1, n)
    axis = Points(s + 0.1 * np.sin(2 * np.pi * s) / np.pi)
    return Grid(x=axis, y=axis, z=axis)


def _within(L: Expr, ndim: int) -> Callable[[int], BVP]:
    """Return the problem of an expression in a box, the field given on its walls."""
    return lambda n: BVP(L, _box(n, ndim), WALLS)


def _smooth(*at: Array) -> Any:
    return 1 + 0.9 * np.sin(6 * at[0]) * np.cos(5 * at[1])


def _random(*at: Array) -> Any:
    """Return 10^U(−2, 2), the same for the same points."""
    shape = np.broadcast_shapes(*(x.shape for x in at))
    return 10.0 ** np.random.default_rng(1).uniform(-2, 2, shape)


def _jumping(*at: Array) -> Any:
    return np.where(sum((x - 0.5) ** 2 for x in at) < 0.09, 1e4, 1.0)


# Coefficients are matched to axes by name: one function for each number of axes.
SMOOTH, RANDOM, JUMPING = (
    {2: lambda x, y, k=k: k(x, y), 3: lambda x, y, z, k=k: k(x, y, z)}
    for k in (_smooth, _random, _jumping)
)


def _stirred(n: int) -> BVP:
    """Return convection around an axis, sixty times as strong as diffusion at the scale of 1."""

    def across(x: Array, y: Array, z: Array) -> Any:
        return np.sin(np.pi * x) * np.cos(np.pi * y) + 0 * z

    def down(x: Array, y: Array, z: Array) -> Any:
        return -np.cos(np.pi * x) * np.sin(np.pi * y) + 0 * z

    L = -1e-2 * Laplacian() + across * Diff("x") + down * Diff("y")
    return BVP(L, _box(n, 3), WALLS)


def _mixed(n: int) -> BVP:
    def skewed(x: Array, y: Array) -> Any:
        return 0.2 * np.cos(3 * x * y)

    return BVP(Diffusion(SMOOTH[2]) + skewed * Diff("x") * Diff("y"), _box(n, 2), WALLS)


def _waves(wavenumber: float, ndim: int) -> Callable[[int], BVP]:
    """Return Helmholtz' problem with a wavenumber that varies."""

    def plane(x: Array, y: Array) -> Any:
        return wavenumber**2 * (1 + 0.5 * np.sin(3 * x * y))

    def box(x: Array, y: Array, z: Array) -> Any:
        return wavenumber**2 * (1 + 0.5 * np.sin(3 * x * y) * np.cos(z))

    return _within(Laplacian() + (plane if ndim == 2 else box), ndim)


def _clamped(n: int) -> BVP:
    return BVP(Biharmonic(), _box(n, 2), [WALLS, Neumann("boundary")])


STOKES = Block([
    [-Laplacian(), 0, Diff("x")],
    [0, -Laplacian(), Diff("y")],
    [Diff("x"), Diff("y"), 0],
])  # fmt: skip


def _flow(n: int) -> BVP:
    """Return creeping flow between walls, the pressure given by the divergence of the forces."""
    grid = _box(n, 2)
    corner = np.zeros(grid.shape, dtype=bool)
    corner[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    places = (~grid.boundary(), grid.boundary() & ~corner, corner)
    inside, edge, corners = (where.astype(float) for where in places)
    viscous, dx, dy = -Laplacian(), Diff("x"), Diff("y")
    pressure = [
        edge * dx + corners * viscous, edge * dy, inside * Laplacian() + corners * dx
    ]  # fmt: skip
    middle = np.zeros(grid.shape, dtype=bool)
    middle[n // 2, n // 2] = True
    walls = [Dirichlet("boundary", component=i) for i in (0, 1)]
    L = Block([[viscous, 0, dx], [0, viscous, dy], pressure])
    return BVP(L, grid, [*walls, Dirichlet(middle, component=2)])


ELASTIC = VectorLaplacian() + 2 * Gradient() @ Divergence()

PROBLEMS = (
    Problem("Poisson", 2, PLANES, _within(Laplacian(), 2)),
    Problem("Poisson", 3, CUBES, _within(Laplacian(), 3)),
    Problem("Poisson, uneven", 3, CUBES, lambda n: BVP(Laplacian(), _uneven(n), WALLS)),
    *(
        Problem(f"diffusion, {name}", ndim, sides[:most], _within(Diffusion(k[ndim]), ndim))
        for name, k, most in (("smooth", SMOOTH, 5), ("random", RANDOM, 4), ("jumping", JUMPING, 4))
        for ndim, sides in ((2, PLANES), (3, CUBES))
    ),
    Problem("convection", 3, CUBES[:4], _stirred),
    Problem("mixed derivative", 2, PLANES[:4], _mixed),
    Problem("Helmholtz", 2, PLANES[:4], _waves(20, 2), indefinite=True),
    Problem("Helmholtz", 3, CUBES[:4], _waves(8, 3), indefinite=True),
    Problem("elasticity", 2, (22, 71, 224, 707), _within(ELASTIC, 2), 2, elastic=True),
    Problem("elasticity", 3, (7, 15, 32, 69), _within(ELASTIC, 3), 3, elastic=True),
    Problem("biharmonic", 2, PLANES[:4], _clamped),
    # With an even number of points more pressures are lost.
    Problem("Stokes, periodic", 2, (19, 57, 183, 577), lambda n: BVP(STOKES, _circles(n)), 3),
    Problem("Stokes, walls", 2, (18, 58, 183, 577), _flow, 3),
)
