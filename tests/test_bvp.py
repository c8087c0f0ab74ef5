"""Boundary-value problems: exact solutions, solvers against each other, what is refused."""

import numpy as np
import pytest
from scipy.sparse.linalg import spsolve

from findops import (
    BVP,
    Cells,
    Condition,
    Diff,
    Diffusion,
    Dirichlet,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Points,
    Robin,
    Uniform,
)


def stretched(a, b, n):
    s = np.linspace(0, 1, n)
    return Points(a + (b - a) * (s + 0.1 * np.sin(2 * np.pi * s) / np.pi))


def exact(x, y):
    return np.exp(x) * np.cos(2 * y)


GRIDS = {
    "uniform": lambda n: Grid(x=Uniform(0, 1, n), y=Uniform(0.1, 1.2, n + 3)),
    "points": lambda n: Grid(x=stretched(0, 1, n), y=stretched(0.1, 1.2, n + 3)),
    "cells": lambda n: Grid(x=Cells(0, 1, n), y=Cells(0.1, 1.2, n + 3)),
}
CONDITIONS = {
    "values": lambda: Dirichlet("boundary", exact),
    "mixed": lambda: [
        Neumann("x-", lambda x, y: -exact(x, y)),
        Robin("x+", 2, 1, lambda x, y: 3 * exact(x, y)),
        Dirichlet("y-", exact),
        Neumann("y+", lambda x, y: -2 * np.exp(x) * np.sin(2 * y)),
    ],
}
OPERATORS = {
    "separable": (lambda acc: Laplacian(acc=acc) - 1, lambda x, y: -4 * exact(x, y)),
    "variable": (
        lambda acc: Laplacian(acc=acc) + (lambda x, y: x * y) * Diff("x", acc=acc),
        lambda x, y: (x * y - 3) * exact(x, y),
    ),
}


@pytest.mark.parametrize("acc", [2, 4, 6])
@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
@pytest.mark.parametrize("conditions", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("make", GRIDS.values(), ids=GRIDS)
def test_order_of_accuracy(make, conditions, operator, acc):
    L, source = operator
    errors = []
    for n in (16, 32, 64):
        grid = make(n)
        found = BVP(L(acc), grid, conditions()).solve(source(*grid.mesh()))
        assert found.residual < 1e-13
        errors.append(np.abs(found.u - exact(*grid.mesh())).max())
    # Where the next term of the error still shows, it falls by half from one to the other.
    first, second = np.log2(np.divide(errors[:-1], errors[1:]))
    assert max(second, 2 * second - first) >= acc - 0.2


@pytest.mark.parametrize("acc", [2, 4])
@pytest.mark.parametrize("conditions", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("make", GRIDS.values(), ids=GRIDS)
def test_solvers_agree(make, conditions, acc):
    grid = make(14)
    problem = BVP(Laplacian(acc=acc) - 1, grid, conditions())
    f = np.random.default_rng(0).random(grid.shape)
    fast, direct, given = (
        problem.solve(f, solver)
        for solver in ("auto", "direct", lambda A, b: spsolve(A.tocsc(), b))
    )
    assert fast.method == "fast diagonalization"
    assert direct.method == "sparse factorization"
    scale = np.abs(direct.u).max()
    np.testing.assert_allclose(fast.u, direct.u, rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose(given.u, direct.u, rtol=0, atol=1e-11 * scale)


def test_three_dimensions_and_a_periodic_axis():
    grid = Grid(x=Uniform(0, 1, 12), y=Periodic(0, 2 * np.pi, 16), z=Cells(0, 1, 10))
    problem = BVP(
        Laplacian(acc=4), grid, [Dirichlet("x-"), Neumann("x+"), Dirichlet("z-"), Neumann("z+")]
    )
    u = np.random.default_rng(1).random(grid.shape)
    want = problem.system.lift(problem.system.restrict(u))
    found = problem.solve(problem.operator(want))
    assert found.method == "fast diagonalization"
    np.testing.assert_allclose(found.u, want, rtol=0, atol=1e-11)


def test_a_factored_problem_serves_many_right_hand_sides():
    grid = Grid(x=Uniform(0, 1, 11))
    solve = BVP(Diff("x", 2), grid, Dirichlet("boundary")).factor()
    (x,) = grid.mesh()
    for c in (1, 2.5):
        np.testing.assert_allclose(solve(c), c * x * (x - 1) / 2, rtol=0, atol=1e-14)


def test_a_matrix_singular_to_working_precision_is_refused():
    n = 601
    grid = Grid(x=Uniform(0, 1, n))
    resonant = Diff("x", 2) + 4 * np.sin(1.5 * np.pi / (n - 1)) ** 2 * (n - 1) ** 2
    f = np.sin(3 * np.pi * grid.mesh()[0])
    for solver in ("fast", "direct"):
        with pytest.raises(ValueError, match="singular"):
            BVP(resonant, grid, Dirichlet("boundary")).solve(f, solver)


def test_values_where_conditions_stand_are_not_used():
    grid = Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 8))
    problem = BVP(Laplacian(), grid, Dirichlet("boundary"))
    hidden = np.where(grid.boundary(), np.nan, 1.0)
    given, plain = problem.solve(hidden), problem.solve(1)
    np.testing.assert_array_equal(given.u, plain.u)
    assert given.residual < 1e-15


def test_a_beam_of_a_millimeter():
    """Rows of values and of third derivatives differ by the cube of the spacing."""
    length = 1e-3
    grid = Grid(x=Uniform(0, length, 101))
    free = [Condition("x+", Diff("x", 2)), Condition("x+", Diff("x", 3))]
    found = BVP(Diff("x", 4), grid, [Dirichlet("x-"), Neumann("x-"), *free]).solve(1.0)
    np.testing.assert_allclose(found.u[-1], length**4 / 8, rtol=1e-2)


def test_conditions_on_a_mask_and_an_axis_called_t():
    grid = Grid(t=Uniform(0, 1, 9), x=Uniform(0, 1, 9))
    t, x = grid.mesh()
    for where in ("boundary", grid.boundary()):
        u = BVP(Laplacian(), grid, Dirichlet(where, lambda t, x: t + x)).solve().u
        np.testing.assert_allclose(u, t + x, rtol=0, atol=1e-13)


def test_complex_data_stay_complex():
    grid = Grid(x=Uniform(0, 1, 11))
    (x,) = grid.mesh()
    for solver in ("fast", "direct"):
        found = BVP(Diff("x", 2), grid, Dirichlet("boundary", 1j)).solve(2 + 2j, solver)
        np.testing.assert_allclose(found.u, (1 + 1j) * x * (x - 1) + 1j, rtol=0, atol=1e-13)


@pytest.mark.parametrize("solver", ["fast", "direct"])
def test_singular_problems(solver):
    grid = Grid(x=Periodic(0, 2 * np.pi, 24), y=Periodic(0, 2 * np.pi, 20))
    x, y = grid.mesh()
    problem = BVP(Laplacian(), grid)
    u = problem.solve(problem.operator(np.sin(x) * np.cos(y)), solver).u
    np.testing.assert_allclose(u, np.sin(x) * np.cos(y), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="no solution"):
        problem.solve(1 + np.sin(x), solver)


@pytest.mark.parametrize("solver", ["fast", "direct"])
def test_pure_neumann(solver):
    grid = Grid(x=Uniform(0, 1, 41))
    (x,) = grid.mesh()
    problem = BVP(Diff("x", 2), grid, [Neumann("x-", 0), Neumann("x+", 2)])
    u = problem.solve(2, solver).u
    np.testing.assert_allclose(u - u[0], x**2, rtol=0, atol=1e-10)
    with pytest.raises(ValueError, match="∫f"):
        problem.solve(3, solver)


def test_a_continuation_is_a_condition():
    grid = Grid(x=Cells(0, 1, 32))
    (x,) = grid.mesh()
    found = BVP(Diff("x", 2), grid, closure="odd").solve(np.sin(np.pi * x))
    eigenvalue = -4 * np.sin(np.pi / 64) ** 2 * 32**2
    np.testing.assert_allclose(found.u, np.sin(np.pi * x) / eigenvalue, rtol=0, atol=1e-14)


def test_natural_diffusion_has_its_conditions():
    grid = Grid(x=Uniform(0, 1, 21))
    (x,) = grid.mesh()
    problem = BVP(Diffusion(lambda x: 1 + x, natural=True), grid)
    want = np.cos(np.pi * x)
    found = problem.solve(problem.operator(want))
    np.testing.assert_allclose(found.u - found.u[0], want - want[0], rtol=0, atol=1e-11)


ROD = Grid(x=Uniform(0, 1, 9))
PLATE = Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 9))
RING = Grid(x=Periodic(0, 1, 9))
REFUSED = {
    "a forgotten face": (
        lambda: BVP(Laplacian(), PLATE, [Dirichlet("x-"), Dirichlet("x+"), Dirichlet("y-")]),
        ValueError, r"2 conditions.*'?y\+ has none",
    ),
    "all forgotten": (lambda: BVP(Diff("x", 2), ROD), ValueError, r"x- and x\+ have none"),
    "too many": (
        lambda: BVP(Diff("x"), ROD, Dirichlet("boundary")), ValueError, "1 cond.*there are 2",
    ),
    "periodic": (lambda: BVP(Diff("x", 2), RING, Dirichlet("x-")), ValueError, "periodic"),
    "bound": (lambda: BVP(Diff("x").on(ROD), ROD), TypeError, "expression"),
    "no grid": (lambda: BVP(Diff("x"), 0.1), TypeError, "Grid"),
    "a function of time": (lambda: BVP(lambda t, u: t * u, ROD), TypeError, r"called with \(u\)"),
    "a number as jac": (lambda: BVP(lambda u: u, ROD, jac=3), TypeError, r"jac= is a"),
    "solver": (
        lambda: BVP(Diff("x", 2), ROD, Dirichlet("boundary")).solve(1, "magic"),
        ValueError, "magic",
    ),
    "a solver's tuple": (
        lambda: BVP(Diff("x", 2), ROD, Dirichlet("boundary")).solve(1, lambda _, b: (b, 0)),
        TypeError, "x alone",
    ),
    "an empty mask": (lambda: Dirichlet(np.zeros(9, bool)), ValueError, "none"),
    "not separable": (
        lambda: BVP(
            Laplacian() + (lambda x, y: x * y), Grid(x=Cells(0, 1, 9), y=Cells(0, 1, 9)),
            Dirichlet("boundary"),
        ).solve(1, "fast"),
        ValueError, "one-dimensional",
    ),
    "shape": (
        lambda: BVP(Diff("x", 2), ROD, Dirichlet("boundary")).solve(np.ones(4)),
        ValueError, "shape",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
