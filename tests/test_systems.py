"""Coupled fields: Stokes and Navier–Stokes flow between velocities and pressure, all at one place.

On points shared by velocity and pressure, the divergence does not see a pressure that alternates.
What works there is the pressure's own equation inside, the divergence of that of the velocities,
with ∇·u = 0 on the walls. The corners' pressure enters nowhere else: there the equation of u does.
"""

import numpy as np
import pytest

from findops import (
    BVP,
    Biharmonic,
    Block,
    Diff,
    Dirichlet,
    Divergence,
    Gradient,
    Grid,
    Laplacian,
    Neumann,
    Uniform,
    VectorLaplacian,
)


def places(grid):
    """Points inside, on walls without corners, and on corners, as factors."""
    corner = np.zeros(grid.shape, dtype=bool)
    corner[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    edge = grid.boundary() & ~corner
    return tuple(where.astype(float) for where in (~grid.boundary(), edge, corner))


def stokes(grid, acc, viscosity=1):
    """−ν∇²u + ∇p, and the equation of the pressure as above."""
    inside, edge, corner = places(grid)
    D, Dx, Dy = (-viscosity * Laplacian(acc=acc), Diff("x", acc=acc), Diff("y", acc=acc))
    pressure = [edge * Dx + corner * D, edge * Dy, inside * Laplacian(acc=acc) + corner * Dx]
    return Block([[D, 0, Dx], [0, D, Dy], pressure])


def conditions(grid, exact):
    """Velocities on the walls, and the pressure at one point inside."""
    middle = np.zeros(grid.shape, dtype=bool)
    middle[tuple(n // 2 for n in grid.shape)] = True
    return [
        Dirichlet("boundary", lambda x, y: exact(x, y)[0], component=0),
        Dirichlet("boundary", lambda x, y: exact(x, y)[1], component=1),
        Dirichlet(middle, lambda x, y: exact(x, y)[2], component=2),
    ]


def assert_order(errors, acc):
    """Every component falls as claimed, where the next term may still show."""
    first, second = np.log2(np.divide(errors[:-1], errors[1:]))
    assert np.all(np.maximum(second, 2 * second - first) >= acc - 0.2), (first, second)


def creeping(x, y):
    u, v = np.sin(x + 0.3) * np.cos(y), -np.cos(x + 0.3) * np.sin(y)
    return np.stack([u, v, np.exp(x) * np.sin(2 * y)])


@pytest.mark.parametrize("acc", [2, 4])
def test_stokes_flow(acc):
    errors = []
    for n in (11, 21, 41):
        grid = Grid(x=Uniform(0, 1, n), y=Uniform(0, 1, n))
        x, y = grid.mesh()
        want = creeping(x, y)
        inside, _, corner = places(grid)
        force = 2 * want[:2] + np.exp(x) * np.stack([np.sin(2 * y), 2 * np.cos(2 * y)])
        rhs = np.stack([*force, -3 * inside * want[2] + corner * force[0]])
        found = BVP(stokes(grid, acc), grid, conditions(grid, creeping)).solve(rhs)
        assert found.residual < 1e-14
        errors.append(np.abs(found.u - want).max(axis=(1, 2)))
    assert_order(errors, acc)


@pytest.mark.parametrize("acc", [2, 4])
def test_the_divergence_alone_leaves_pressures_free(acc):
    """A constant, three that alternate, and those of the corners: no solution is to be had."""
    grid = Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 9))
    V, G, D = VectorLaplacian(acc=acc), Gradient(acc=acc), Divergence(acc=acc)
    plain = Block([[-V, G], [D, 0]])
    walls = conditions(grid, creeping)[:2]
    assert plain.on(grid).subject_to(walls).null_vectors.shape[1] == 8
    with pytest.raises(ValueError, match="singular"):
        BVP(plain, grid, walls).solve(np.ones((3, *grid.shape)))
    assert stokes(grid, acc).on(grid).subject_to(walls).null_vectors.shape[1] == 1


def kovasznay(x, y, reynolds=40):
    """Kovasznay (1948): the flow behind a row of bars, an exact solution of Navier–Stokes."""
    decay = reynolds / 2 - np.sqrt(reynolds**2 / 4 + 4 * np.pi**2)
    wake = np.exp(decay * x)
    u = 1 - wake * np.cos(2 * np.pi * y)
    v = decay / (2 * np.pi) * wake * np.sin(2 * np.pi * y)
    return np.stack([u, v, (1 - wake**2) / 2 + 0 * y])


def navier_stokes(grid, acc, reynolds):
    """The problem that Kovasznay's flow solves."""
    inside, _, corner = places(grid)
    viscous = stokes(grid, acc, 1 / reynolds).on(grid)
    dx, dy = (Diff(axis, acc=acc).on(grid) for axis in "xy")

    def residual(w):
        u, v, _ = w
        (ux, vx), (uy, vy) = dx(w[:2]), dy(w[:2])
        convective = u * ux + v * uy
        source = inside * (ux**2 + 2 * uy * vx + vy**2) + corner * convective
        return viscous(w) + np.stack([convective, u * vx + v * vy, source])

    walls = conditions(grid, lambda x, y: kovasznay(x, y, reynolds))
    return BVP(residual, grid, walls, components=3)


@pytest.mark.parametrize("acc", [2, 4])
def test_navier_stokes_flow_by_newton(acc):
    """The Reynolds number is raised in steps: from rest, Newton's method does not get to 40."""
    errors = []
    for n in (17, 25, 37):
        grid = Grid(x=Uniform(-0.2, 0.8, n), y=Uniform(-0.4, 0.5, n))
        found = None
        for reynolds in (10, 40):
            start = None if found is None else found.u
            found = navier_stokes(grid, acc, reynolds).solve(start=start)
            assert found.residual < 1e-12
        errors.append(np.abs(found.u - kovasznay(*grid.mesh())).max(axis=(1, 2)))
    first, second = np.log(np.divide(errors[:-1], errors[1:])) / np.log(1.5)
    assert np.all(np.maximum(second, 2 * second - first) >= acc - 0.2), (first, second)


@pytest.mark.parametrize("acc", [2, 4])
def test_navier_stokes_flow_by_its_streamfunction(acc):
    """The same flow from ∇⁴ψ = Re (ψ_y ∂x∇²ψ − ψ_x ∂y∇²ψ), value and slope on every wall."""

    def psi(x, y):
        decay = 20 - np.sqrt(400 + 4 * np.pi**2)
        return y - np.exp(decay * x) * np.sin(2 * np.pi * y) / (2 * np.pi)

    walls = [
        Dirichlet("boundary", psi),
        Neumann("y-", lambda x, y: -kovasznay(x, y)[0]),
        Neumann("y+", lambda x, y: kovasznay(x, y)[0]),
        Neumann("x-", lambda x, y: kovasznay(x, y)[1]),
        Neumann("x+", lambda x, y: -kovasznay(x, y)[1]),
    ]
    errors = []
    for n in (17, 25, 37):
        grid = Grid(x=Uniform(-0.2, 0.8, n), y=Uniform(-0.4, 0.5, n))
        lap, Dx, Dy = Laplacian(acc=acc), Diff("x", acc=acc), Diff("y", acc=acc)
        bi, dx, dy, wx, wy = (L.on(grid) for L in (Biharmonic(acc=acc), Dx, Dy, Dx * lap, Dy * lap))

        def residual(p, bi=bi, dx=dx, dy=dy, wx=wx, wy=wy):
            return bi(p) - 40 * (dy(p) * wx(p) - dx(p) * wy(p))

        found = BVP(residual, grid, walls, acc=acc).solve()
        errors.append(np.abs(found.u - psi(*grid.mesh())).max())
    first, second = np.log(np.divide(errors[:-1], errors[1:])) / np.log(1.5)
    assert max(second, 2 * second - first) >= acc - 0.2, (first, second)
