"""Law: what BVP, EVP and IVP return has the order claimed, at every point.

The table is acc × conditions × axis × potential, with sources; the exact solutions have all their
derivatives at the walls. For IVP the solution is the steady one of the semidiscrete system.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy
from scipy.sparse.linalg import spsolve

from findops import (
    BVP,
    EVP,
    IVP,
    Cells,
    Diff,
    Dirichlet,
    Grid,
    Laplacian,
    Neumann,
    Robin,
    Uniform,
)

X = sympy.Symbol("x")
SOLUTIONS = {
    # Field and slope vanish at both walls, and no other derivative does.
    "zero": X**2 * (1 - X) ** 2 * sympy.exp(X),
    "nonzero": sympy.sin(2 * X + sympy.Rational(3, 10)) * sympy.exp(X / 2),
}
AXES = {"uniform": Uniform, "cells": Cells}
POTENTIALS = {"none": 0 * X, "even": sympy.cos(2 * sympy.pi * X) - 3, "odd": -2 - X}
KINDS = ("Dirichlet", "Neumann", "Robin")


def function(expression):
    made = sympy.lambdify(X, expression, "numpy")
    return lambda x: made(x) + 0 * x


def condition(kind, face, u):
    """Return the condition that a solution fulfills on a face."""
    at, outward = (0, -1) if face == "x-" else (1, 1)
    value = float(u.subs(X, at))
    slope = outward * float(sympy.diff(u, X).subs(X, at))
    if kind == "Dirichlet":
        return Dirichlet(face, value)
    return Neumann(face, slope) if kind == "Neumann" else Robin(face, 2, 1, 2 * value + slope)


def steady(problem):
    """Return the steady solution of a linear problem."""
    none = 0 * problem.restrict(np.zeros(problem.grid.shape))
    return problem.lift(spsolve(problem.jac(0, none).tocsc(), -problem.fun(0, none)))


def order(errors):
    return np.log2(np.abs(errors[0]).max() / np.abs(errors[1]).max())


TABLE = list(itertools.product((2, 4, 6, 8), KINDS, AXES, POTENTIALS, SOLUTIONS, (False, True)))


@pytest.mark.parametrize(("acc", "kind", "axis", "potential", "solution", "upper"), TABLE)
def test_boundary_value_and_steady_solutions(acc, kind, axis, potential, solution, upper):
    u, V = SOLUTIONS[solution], POTENTIALS[potential]
    f = sympy.diff(u, X, 2) + V * u
    faces = ("x+", "x-") if upper else ("x-", "x+")
    conditions = [condition(kind, faces[0], u), condition("Dirichlet", faces[1], u)]
    L = Diff("x", 2, acc=acc) + function(V)
    of_bvp, of_ivp = [], []
    for n in (20, 40):
        grid = Grid(x=AXES[axis](0, 1, n))
        (x,) = grid.mesh()
        want = function(u)(x)
        of_bvp.append(BVP(L, grid, conditions).solve(function(f)(x)).u - want)
        problem = IVP(L, grid, conditions, source=lambda x: -function(f)(x))
        of_ivp.append(steady(problem) - want)
    for errors in (of_bvp, of_ivp):
        assert order(errors) >= acc - 0.2 or np.abs(errors[1]).max() < 1e-12


@pytest.mark.parametrize("acc", [4, 6, 8])
def test_a_steady_state_stays(acc):
    """x(1−x)/2 is exact on any grid, though it is neither odd nor even at the walls."""
    grid = Grid(x=Uniform(0, 1, 21))
    (x,) = grid.mesh()
    problem = IVP(Diff("x", 2, acc=acc), grid, Dirichlet("boundary"), source=1.0)
    assert problem.closure == {"x-": "odd", "x+": "odd"}
    found = problem.solve(x * (1 - x) / 2, [0, 1], "crank-nicolson", dt=0.01)
    np.testing.assert_allclose(found.u[1], x * (1 - x) / 2, rtol=0, atol=1e-13)


@pytest.mark.parametrize("closure", [None, "accurate"])
def test_airy(closure):
    grid = Grid(x=Uniform(0, 20, 201))
    L = -Diff("x", 2, acc=6) + (lambda x: x)
    problem = EVP(L, grid, [Neumann("x-"), Dirichlet("x+")], closure=closure)
    np.testing.assert_allclose(problem.solve(1).values, 1.018792971647471, rtol=0, atol=1e-6)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("acc", [2, 4, 6, 8])
def test_mass_is_what_slopes_let_in(axis, acc):
    grid = Grid(x=AXES[axis](0, 1, 24))
    problem = IVP(Diff("x", 2, acc=acc), grid, [Neumann("x-", 1.0), Neumann("x+", -0.25)])
    found = problem.solve(np.zeros(24), [0, 0.2], "crank-nicolson", dt=0.002)
    assert abs(grid.integrate(found.u[1]) - 0.75 * 0.2) < 1e-13


def test_a_flux_through_the_wall_of_cells():
    grid = Grid(x=Cells(0, 1, 20))
    problem = IVP(Diff("x", 2), grid, [Neumann("x-", 1.0), Neumann("x+")])
    found = problem.solve(np.zeros(20), [0, 0.2], rtol=1e-10, atol=1e-12).u[1]
    (x,) = grid.mesh()
    k = np.pi * np.arange(1, 200)[:, None]
    modes = 2 * np.exp(-0.2 * k**2) * np.cos(k * x) / k**2
    want = 0.2 + (1 - x) ** 2 / 2 - 1 / 6 - modes.sum(axis=0)
    assert abs(grid.integrate(found) - 0.2) < 1e-13
    assert np.abs(found - want).max() <= 2e-4


def test_slopes_from_the_equation():
    """Beside the slope that is given, the third derivative is needed for fourth order."""
    errors = []
    for n in (20, 40, 80):
        grid = Grid(x=Cells(0, 1, n))
        (x,) = grid.mesh()
        ends = [Neumann("x-", -1.0), Dirichlet("x+", np.sin(1.0))]
        found = steady(IVP(Diff("x", 2, acc=4), grid, ends, source=np.sin))
        errors.append(np.abs(found - np.sin(x)).max())
    assert np.all(errors < np.array([5e-8, 4e-9, 3e-10]))


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("kind", ["Dirichlet", "Neumann"])
@pytest.mark.parametrize("acc", [4, 6])
def test_data_that_move(acc, kind, second):
    """In two dimensions, with sources: the tangential part of the equation matters too."""

    def exact(x, y, t):
        return np.exp(x / 2 + 0.3 * t) * np.sin(y + 0.4)

    def source(x, y, t):
        rate = 0.3**2 if second else 0.3
        return (rate - 0.25 + 1) * exact(x, y, t)

    def given(x, y, t):
        return exact(x, y, t) * (1 if kind == "Dirichlet" else -0.5)

    conditions = [
        (Dirichlet if kind == "Dirichlet" else Neumann)("x-", given),
        Dirichlet("x+", exact),
        Dirichlet("y-", exact),
        Dirichlet("y+", exact),
    ]
    errors = []
    for n in (10, 20):
        grid = Grid(x=Uniform(0, 1, n + 1), y=Cells(0, 1, n))
        problem = IVP(Laplacian(acc=acc), grid, conditions, source=source)
        x, y = grid.mesh()
        v0 = 0.3 * exact(x, y, 0) if second else None
        found = problem.solve(exact(x, y, 0), [0, 0.1], "DOP853", v0=v0, rtol=1e-11, atol=1e-13)
        assert all(kind in ("odd", "even") for kind in found.closure.values())
        errors.append(found.u[1] - exact(x, y, 0.1))
    assert order(errors) >= acc - 0.2


def test_explicit_parts_are_not_continued_beyond_acc_2():
    grid = Grid(x=Uniform(0, 1, 21))
    (x,) = grid.mesh()
    problem = IVP(Diff("x", 2, acc=4), grid, Dirichlet("boundary"), explicit=lambda _, u: 1 + 0 * u)
    found = problem.solve(x * (1 - x) / 2, [0, 0.5], "imex", dt=0.01)
    np.testing.assert_allclose(found.u[1], x * (1 - x) / 2, rtol=0, atol=1e-12)
