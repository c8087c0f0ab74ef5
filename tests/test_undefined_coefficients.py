"""Coefficients that are NaN or infinite: bound in silence, refused where an equation is solved."""

import re
import warnings

import numpy as np
import pytest

from findops import (
    BVP,
    EVP,
    IVP,
    Block,
    Coef,
    Diff,
    Diffusion,
    Dirichlet,
    Field,
    Grid,
    Laplacian,
    Uniform,
)

GRID = Grid(x=Uniform(0, 1, 17), y=Uniform(0, 2, 17))
BOUNDARY = Dirichlet("boundary")
LAND = np.zeros(GRID.shape, dtype=bool)
LAND[4:7, 8:12] = True

PROBLEMS = {
    "BVP": lambda L, conditions: BVP(L, GRID, conditions).solve(1).u,
    "EVP": lambda L, conditions: EVP(L, GRID, conditions).solve(2).values,
    "EVP's M": lambda L, conditions: EVP(Laplacian(), GRID, conditions, M=L).solve(2).values,
    "IVP": lambda L, conditions: IVP(L, GRID, conditions).solve(~LAND * 1.0, [0, 0.01]).u,
}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_refused_where_the_equation_holds_and_not_where_conditions_do(problem, value):
    solve = PROBLEMS[problem]
    land, known = np.where(LAND, value, 2.0), np.where(LAND, 7.0, 2.0)
    L = Coef(land) if problem == "EVP's M" else Laplacian() - Coef(land)
    with pytest.raises(ValueError, match=r"at 12 points.*index \(4, 8\) \(x = 0.25, y = 1\)"):
        solve(L, BOUNDARY)
    beside = Coef(known) if problem == "EVP's M" else Laplacian() - Coef(known)
    conditions = [BOUNDARY, Dirichlet(LAND)]
    np.testing.assert_array_equal(solve(L, conditions), solve(beside, conditions))


@pytest.mark.parametrize(
    ("L", "count", "first"),
    [
        (Diff("x") * (Coef(np.where(LAND, np.nan, 1.0)) * Diff("x")), 5 * 4, (3, 8)),
        (Diffusion(np.where(LAND, np.nan, 1.0), mean="harmonic"), 12 + 2 * 7, (3, 8)),
        (Coef(np.where(LAND, np.nan, 1.0)) * Diff("x", 2), 12, (4, 8)),
        (Block([[Laplacian(), np.where(LAND, np.nan, 1.0)], [0, Laplacian()]]), 12, (4, 8)),
    ],
    ids=["inside a product", "diffusion", "in front", "between components"],
)
def test_wherever_the_coefficient_stands(L, count, first):
    """All equations that read it are counted, also those beside it."""
    with pytest.raises(
        ValueError, match=re.escape(f"at {count} points, the first at index {first}")
    ):
        L.on(GRID).subject_to(BOUNDARY)


def test_bound_operators_keep_holes_and_leave_them_out():
    op = (Field("c") * Laplacian()).on(GRID, c=np.where(LAND, np.nan, 1.0))
    u = np.ones(GRID.shape)
    np.testing.assert_array_equal(np.isnan(op(u)), LAND)
    with pytest.raises(ValueError, match=r"the field 'c' is NaN.*op\.masked\(valid\).*Dirichlet"):
        op.subject_to(BOUNDARY)
    got = BVP(op.masked(~LAND), GRID, BOUNDARY).solve(1).u
    want = BVP(Laplacian().on(GRID).masked(~LAND), GRID, BOUNDARY).solve(1).u
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-13)


@pytest.mark.parametrize("solver", ["fast", "krylov", "direct"])
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_every_solver_takes_what_is_infinite_under_conditions(solver):
    """u″ − u/x = 2 − 6x − x + x² on faces where 1/x is infinite, for u = x² − x³."""
    grid = Grid(x=Uniform(0, 1, 17), y=Uniform(0, 1, 17))
    x, y = grid.mesh()
    u = (x**2 - x**3) * (y - y**2)
    slow = 1 + 0.1 * y[:1] if solver == "krylov" else 1.0
    f = (2 - 6 * x) * (y - y**2) - 2 * slow * (x**2 - x**3) - (x - x**2) * (y - y**2)
    L = Diff("x", 2, acc=4) + Coef(slow) * Diff("y", 2) - (lambda x: 1 / x)
    got = BVP(L, grid, BOUNDARY).solve(f, solver=solver).u
    np.testing.assert_allclose(got, u, rtol=0, atol=1e-10)


def test_hydrogen_is_solved_without_warnings():
    """−u″/2 − u/r = λ u, whose values are −1/(2 n²); 0 · ∞ at r = 0 is no fault."""
    line = Grid(r=Uniform(0, 20, 201))
    (r,) = line.mesh()
    L = -0.5 * Diff("r", 2) - Coef(np.divide(1, r, out=np.full_like(r, np.inf), where=r > 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = EVP(L, line, BOUNDARY).solve(2, near=-0.5)
        edge = L.on(line)(np.ones(201))[0]
    np.testing.assert_allclose(found.values, [-0.5, -0.125], rtol=0, atol=2e-3)
    assert edge == -np.inf
