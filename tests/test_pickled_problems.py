"""Problems and what solves them go to other processes."""

import pickle

import numpy as np
import pytest

from findops import BVP, IVP, Cells, Diff, Diffusion, Dirichlet, Grid, Laplacian, Neumann, Uniform

LINE = Grid(x=Uniform(0, 1, 21))
SQUARE = Grid(x=Uniform(0, 1, 12), y=Cells(0, 1, 11))


def heating(x, t):
    return np.sin(np.pi * x) * t


def reaction(t, u):
    return -(u**3) - t


def varied(x):
    return 1 + x


def copy(made):
    return pickle.loads(pickle.dumps(made))


@pytest.mark.parametrize(
    ("L", "grid", "solver"),
    [
        (Diff("x", 2), LINE, "auto"),
        (Laplacian(), SQUARE, "fast"),
        (Laplacian(), SQUARE, "direct"),
        (Diffusion(varied), LINE, "direct"),
        (Laplacian(), SQUARE, "krylov"),
        (Diff("x", 2), LINE, "given"),
    ],
)
def test_factored_problems(L, grid, solver):
    if solver == "given":
        solver = dense
    problem = BVP(L, grid, Dirichlet("boundary", 1))
    factored = problem.factor(solver, tol=1e-8)
    again = copy(factored)
    assert again.asked == factored.asked == (solver, 1e-8, False)
    np.testing.assert_array_equal(again(2), factored(2))
    np.testing.assert_array_equal(copy(problem).factor(solver, tol=1e-8)(2), factored(2))


def dense(A, b):
    return np.linalg.solve(A.toarray(), b)


@pytest.mark.parametrize(
    "problem",
    [
        IVP(Diff("x", 2), LINE, Dirichlet("boundary"), source=heating, explicit=reaction),
        IVP(Diffusion(varied), LINE, [Dirichlet("x-"), Neumann("x+")]),
        IVP(reaction, LINE, Dirichlet("x-")),
    ],
    ids=["source and explicit part", "coefficient", "function"],
)
@pytest.mark.parametrize("used", [False, True])
def test_initial_value_problems_that_hold_functions(problem, used):
    u0 = np.linspace(0, 1, 21) ** 2
    if used:
        problem.solve(u0, [0, 0.1])
        problem.jac(0, problem.restrict(u0))
    want = problem.solve(u0, [0, 0.1], "rk4", dt=1e-3)
    np.testing.assert_array_equal(copy(problem).solve(u0, [0, 0.1], "rk4", dt=1e-3).u, want.u)


def test_functions_that_do_not_pickle_are_named_by_python():
    problem = IVP(lambda _, u: -u, LINE)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        copy(problem)
