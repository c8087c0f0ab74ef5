"""Slopes on the faces of natural diffusion: finite volumes with given fluxes."""

import numpy as np
import pytest
import xarray as xr
from scipy.sparse.linalg import spsolve

from findops import (
    BVP,
    IVP,
    Cells,
    Diffusion,
    Dirichlet,
    Field,
    Grid,
    Neumann,
    Points,
    Robin,
    Uniform,
)
from findops.conditions.continuation import continued

AXES = {
    "cells": lambda n: Cells(0, 1, n),
    "uniform": lambda n: Uniform(0, 1, n),
    "descending": lambda n: Uniform(1, 0, n),
    "points": lambda n: Points(np.linspace(0, 1, n) ** 1.3),
}


def k(x):
    return 1 + x


def walls(grid):
    return ("x-", "x+") if grid.axes[0].ascending else ("x+", "x-")


@pytest.mark.parametrize("axis", AXES)
def test_what_enters_is_the_flux(axis):
    grid = Grid(x=AXES[axis](24))
    low, high = walls(grid)
    u = np.random.default_rng(0).random(24)
    for acc in (2,) if axis == "points" else (2, 4, 6):
        L = Diffusion(k, natural=True, acc=acc)
        kept = continued(L, grid, [Neumann(low, -1.0), Neumann(high, 0.5)], {}, None)
        assert kept.left == ()
        balance = grid.integrate(kept.discretized()[1].applied(u, None))
        assert abs(balance - (-1.0 * k(0) + 0.5 * k(1))) < 1e-11


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("first", [Neumann, Robin])
def test_second_order(axis, first):
    errors = []
    for n in (20, 40, 80):
        grid = Grid(x=AXES[axis](n))
        low, high = walls(grid)
        (x,) = grid.mesh()
        at_low = Neumann(low, -1.0) if first is Neumann else Robin(low, 2, 1, 1.0)
        L = Diffusion(k, natural=True)
        system = continued(L, grid, [at_low, Dirichlet(high, np.e)], {}, None).discretized()[1]
        found = system.lift(spsolve(system.matrix.tocsc(), system.rhs((2 + x) * np.exp(x))))
        errors.append(np.abs(found - np.exp(x)).max())
    assert np.log2(errors[1] / errors[2]) >= 1.8


def test_k_as_function_array_and_field_and_a_factor_outside():
    grid = Grid(x=Cells(0, 1, 12), y=Uniform(0, 1, 9))
    ends = [Neumann("x-", 2.0), Neumann("x+", lambda x, y: x * y)]
    half = k(grid.half("x").mesh()[0])
    labeled = xr.DataArray(half[:, 0], dims="x", coords={"x": grid.half("x").mesh()[0][:, 0]})
    made = []
    for of, fields in (
        (lambda x, y: k(x) + 0 * y, {}),
        (half, {}),
        (labeled, {}),
        (Field("k"), {"k": half}),
    ):
        L = 2.0 * Diffusion(of, natural=True, axes=["x"])
        made.append(continued(L, grid, ends, fields, None).discretized()[1])
    want = grid.integrate(made[0].offset(None))
    np.testing.assert_allclose(want, 2 * (2.0 * k(0) + k(1) / 2), rtol=1e-13)
    for other in made[1:]:
        np.testing.assert_allclose(other.offset(None), made[0].offset(None), rtol=1e-13)


@pytest.mark.parametrize("of", [lambda x: 1 + x**2, lambda x: np.exp(-x)], ids=["parabola", "exp"])
def test_the_flux_of_a_function_at_the_wall_is_exact(of):
    """Where nodes lie on the face, k is known at half points and there."""
    grid = Grid(x=Uniform(0, 1, 21))
    filling = IVP(Diffusion(of, natural=True), grid, [Neumann("x-", 1.0), Neumann("x+", 1.0)])
    filled = filling.solve(np.zeros(21), [0, 0.1], "crank-nicolson", dt=0.01)
    assert abs(grid.integrate(filled.u[1]) - 0.1 * (of(0.0) + of(1.0))) < 1e-14


def test_problems_take_fluxes():
    """−1 through one end, and (1 + x) eˣ at the other: steady, and as the limit in time."""
    grid = Grid(x=Cells(0, 1, 40))
    (x,) = grid.mesh()
    L, ends = Diffusion(k, natural=True), [Robin("x-", 1, 1), Neumann("x+", np.e)]
    f = (2 + x) * np.exp(x)
    found = BVP(L, grid, ends).solve(f).u
    assert np.abs(found - np.exp(x)).max() < 2e-3
    in_time = IVP(L, grid, ends, source=-f).solve(found, [0, 1], "crank-nicolson", dt=0.1)
    np.testing.assert_allclose(in_time.u[1], found, rtol=0, atol=1e-11)
    filled = IVP(L, grid, [Neumann("x-", 1.0)]).solve(0 * x, [0, 0.5], "crank-nicolson", dt=0.01)
    assert abs(grid.integrate(filled.u[1]) - 0.5) < 1e-12
