"""Law: what BVP, EVP and IVP return has the order claimed, at every point.

The table is acc × conditions × axis × potential × solution, with sources: the exact solutions have
all their derivatives at the walls. For IVP it is the solution of the semidiscrete system.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import sympy
from scipy import sparse
from scipy.linalg import eigvals
from scipy.sparse.linalg import spsolve

from findops import (
    BVP,
    EVP,
    IVP,
    Cells,
    Condition,
    Diff,
    Dirichlet,
    Field,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Robin,
    Uniform,
)

X = sympy.Symbol("x")
SOLUTIONS = {
    # Field and slope vanish at both walls, and no other derivative does.
    "zero": X**2 * (1 - X) ** 2 * sympy.exp(X),
    "nonzero": sympy.sin(2 * X + sympy.Rational(3, 10)) * sympy.exp(X / 2),
}
AXES = {"uniform": Uniform, "cells": Cells, "descending": lambda a, b, n: Uniform(b, a, n)}
POTENTIALS = {"none": 0 * X, "even": sympy.cos(2 * sympy.pi * X) - 3, "odd": -2 - X}
KINDS = ("Dirichlet", "Neumann", "Robin")
SIZES = (16, 32, 64)
ACCURACIES = (2, 4, 6, 8)


@cache
def function(expression):
    made = sympy.lambdify(X, expression, "numpy")
    return lambda x: made(x) + 0 * x


def condition(kind, wall, u, grid):
    """Return the condition that a solution fulfills at x = wall."""
    outward = 1 if wall else -1
    face = "x+" if (wall == 1) == grid.axes[0].ascending else "x-"
    value = float(u.subs(X, wall))
    slope = outward * float(sympy.diff(u, X).subs(X, wall))
    if kind == "Dirichlet":
        return Dirichlet(face, value)
    return Neumann(face, slope) if kind == "Neumann" else Robin(face, 2, 1, 2 * value + slope)


def semidiscrete(problem, growth=0.0, second=False):
    """Return the solution of the method of lines that is e^(growth·t) times a field, at t = 0."""
    system = problem._semidiscrete_for(problem.grid.shape, second)
    none = np.zeros(system.size)
    rate = growth**2 if second else growth
    A = rate * sparse.eye_array(system.size) - system.matrix
    return system.lift(0.0, spsolve(A.tocsc(), system(0.0, none)))


def order(errors):
    """Return the measured order.

    Where the next term of the error shows, orders come closer to it by half each time; where terms
    cancel on a grid, the order between the coarsest and the finest tells.
    """
    sizes = [np.abs(error).max() for error in errors]
    first, second = np.log2(np.divide(sizes[:-1], sizes[1:]))
    limit = 2 * second - first if abs(second - first) < 1 else second
    return max(second, limit, (first + second) / 2)


def assert_order(errors, acc, roundoff=1e-10):
    """Hold errors to an order, unless the finest are of the size of roundoff."""
    assert order(errors) >= acc - 0.2 or np.abs(errors[-1]).max() < roundoff


PAIRS = [("none", "zero"), ("even", "zero"), ("odd", "zero"), ("none", "nonzero")]


@pytest.mark.parametrize(("potential", "solution"), PAIRS)
@pytest.mark.parametrize("axis", ["uniform", "cells"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("acc", ACCURACIES)
def test_solutions(acc, kind, axis, potential, solution):
    u, V = SOLUTIONS[solution], POTENTIALS[potential]
    f = function(sympy.diff(u, X, 2) + V * u)
    L = Diff("x", 2, acc=acc) + function(V)
    of_bvp, of_ivp = [], []
    for n in SIZES:
        grid = Grid(x=AXES[axis](0, 1, n))
        (x,) = grid.mesh()
        conditions = [condition(kind, 0, u, grid), condition("Dirichlet", 1, u, grid)]
        of_bvp.append(BVP(L, grid, conditions).solve(f(x)).u - function(u)(x))
        found = semidiscrete(IVP(L, grid, conditions, source=lambda x: -f(x)))
        of_ivp.append(found - function(u)(x))
    assert_order(of_bvp, acc)
    assert_order(of_ivp, acc)


OF_WAVES = {
    ("Dirichlet", 8, "cells"): 5,
    ("Dirichlet", 6, "cells"): 5,
    ("Neumann", 8, "cells"): 5,
    ("Neumann", 6, "cells"): 4,
    ("Neumann", 6, "descending"): 5,
    ("Neumann", 8, "descending"): 5,
    ("Robin", 8, "cells"): 5,
    ("Robin", 6, "cells"): 4,
    ("Robin", 6, "descending"): 5,
    ("Robin", 8, "descending"): 5,
}
"""Orders of the best closures under which waves do not grow, where they are less than acc.

At acc 8 in cells waves grow under all of them: it is the one under which they grow least.
"""


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", ["cells", "descending"])
@pytest.mark.parametrize("acc", ACCURACIES)
def test_data_that_move(acc, axis, kind, second):
    """u = w(x) exp(t/2), of which values, slopes and source depend on time."""
    w = SOLUTIONS["nonzero"]
    rate = 0.25 if second else 0.5
    s = function(rate * w - sympy.diff(w, X, 2) / 2)
    errors = []
    for n in SIZES:
        grid = Grid(x=AXES[axis](0, 1, n))
        fixed = [condition(kind, 0, w, grid), condition("Dirichlet", 1, w, grid)]
        moving = [c.__class__(c.where, c.expression, grown(c.value)) for c in fixed]
        L = Diff("x", 2, acc=acc) / 2
        problem = IVP(L, grid, moving, source=lambda x, t: s(x) * np.exp(t / 2))
        errors.append(semidiscrete(problem, 0.5, second) - function(w)(*grid.mesh()))
    held = OF_WAVES.get((kind, acc, axis), acc) if second else acc
    assert_order(errors, held, 2e-10)


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("acc", ACCURACIES)
def test_data_that_move_where_the_operator_is_small(acc, kind, second):
    """Data move much in the time in which the operator acts between two points."""
    w = SOLUTIONS["nonzero"]
    speed, rate = 1e-3, 9.0
    s = function((rate if second else 3) * w - speed * sympy.diff(w, X, 2))
    grid = Grid(x=Uniform(0, 1, 21))
    fixed = [condition(kind, 0, w, grid), condition("Dirichlet", 1, w, grid)]
    moving = [
        c.__class__(c.where, c.expression, lambda t, c=c: float(c.value) * np.exp(3 * t))
        for c in fixed
    ]
    problem = IVP(
        speed * Diff("x", 2, acc=acc), grid, moving, source=lambda x, t: s(x) * np.exp(3 * t)
    )
    error = np.abs(semidiscrete(problem, 3, second) - function(w)(*grid.mesh())).max()
    assert error < {2: 2e-2, 4: 1e-4, 6: 1e-5, 8: 1e-5}[acc]


@pytest.mark.parametrize("kind", [Dirichlet, Neumann])
@pytest.mark.parametrize("acc", ACCURACIES)
def test_data_are_not_asked_for_after_the_end(acc, kind):
    def until_one(t):
        assert t <= 1
        return t

    grid = Grid(x=Uniform(0, 1, 21))
    ends = [kind("x-", until_one), Dirichlet("x+")]
    problem = IVP(Diff("x", 2, acc=acc), grid, ends, source=lambda x, t: x * until_one(t))
    assert np.isfinite(problem.solve(np.zeros(21), [0, 1], "crank-nicolson", dt=0.1).u).all()


@pytest.mark.parametrize("kind", ["Dirichlet", "Neumann"])
@pytest.mark.parametrize("acc", ACCURACIES)
def test_sources_that_move_between_steady_walls(acc, kind):
    """The equation differentiates sources in time from acc 6 on."""
    w = SOLUTIONS["zero"]
    s = function(w / 2 - sympy.diff(w, X, 2))
    errors = []
    for n in SIZES:
        grid = Grid(x=Cells(0, 1, n))
        ends = [condition(kind, 0, w, grid), condition("Dirichlet", 1, w, grid)]
        source = lambda x, t: s(x) * np.exp(t / 2)  # noqa: E731
        problem = IVP(Diff("x", 2, acc=acc), grid, ends, source=source)
        assert (problem.closure == "accurate") == (acc > 4)
        errors.append(semidiscrete(problem, 0.5) - function(w)(*grid.mesh()))
    assert_order(errors, acc)


def grown(value):
    return lambda t: float(value) * np.exp(t / 2)


@pytest.mark.parametrize("kind", ["Dirichlet", "Neumann"])
@pytest.mark.parametrize("acc", [2, 4, 6])
@pytest.mark.parametrize("rate", [0, 0.3])
def test_data_along_a_wall(acc, kind, rate):
    """The tangential part of the equation has a part in the derivatives across a wall."""

    def moving(x, y, t):
        return np.exp(x / 2 + rate * t) * np.sin(y + 0.4)

    def steady(x, y):
        return moving(x, y, 0.0)

    exact = moving if rate else steady

    def times(factor):
        if rate:
            return lambda x, y, t: factor * moving(x, y, t)
        return lambda x, y: factor * steady(x, y)

    first = Dirichlet("x-", exact) if kind == "Dirichlet" else Neumann("x-", times(-1 / 2))
    others = [Dirichlet(face, exact) for face in ("x+", "y-", "y+")]
    errors = []
    for n in (10, 20, 40):
        grid = Grid(x=Uniform(0, 1, n + 1), y=Cells(0, 1, n))
        source = times(rate + 1 - 0.25)
        problem = IVP(Laplacian(acc=acc), grid, [first, *others], source=source)
        if acc == 2 or not rate:
            assert set(problem.closure.values()) <= {"odd", "even"}
        errors.append(semidiscrete(problem, rate) - steady(*grid.mesh()))
    assert_order(errors, acc)


@pytest.mark.parametrize("acc", [4, 6])
def test_coefficients_that_vary_along_a_wall(acc):
    """(2 + cos y) ∂x² + ∂y² + ∂y − V(y), V being a field, on a circle in y."""

    def exact(x, y):
        return np.exp(x / 2) * (2 + np.sin(y))

    def source(x, y):
        along = np.exp(x / 2) * (np.cos(y) - np.sin(y))
        return (3 + np.sin(y) - (2 + np.cos(y)) / 4) * exact(x, y) - along

    ends = [Neumann("x-", lambda x, y: -exact(x, y) / 2), Condition("x+", 1, exact)]
    across = (lambda y: 2 + np.cos(y)) * Diff("x", 2, acc=acc)
    L = across + Diff("y", 2, acc=acc) + Diff("y", acc=acc) - Field("V")
    errors = []
    for n in (12, 24, 48):
        grid = Grid(x=Cells(0, 1, n), y=Periodic(0, 2 * np.pi, n))
        problem = IVP(L, grid, ends, source=source, V=3 + np.sin(grid.mesh()[1]))
        assert problem.closure == {"x-": "even", "x+": "odd"}
        errors.append(semidiscrete(problem) - exact(*grid.mesh()))
    assert_order(errors, acc)


def chebyshev(n):
    """Return points of [0, 1], from right to left, and the matrix of the derivative there."""
    k = np.arange(n + 1)
    x = np.cos(np.pi * k / n)
    c = np.where((k == 0) | (k == n), 2.0, 1.0) * (-1.0) ** k
    D = np.outer(c, 1 / c) / (x[:, None] - x + np.eye(n + 1))
    return (x + 1) / 2, 2 * (D - np.diag(D.sum(axis=1)))


@cache
def lowest(kind, potential, mass):
    """Return the eigenvalue of −u″ + V u = λ M u nearest to zero, by collocation."""
    x, D = chebyshev(36)
    A = -D @ D + np.diag(function(potential)(x))
    B = np.diag(function(mass)(x))
    ends = {"Dirichlet": np.eye(37)[-1], "Neumann": -D[-1], "Robin": 2 * np.eye(37)[-1] - D[-1]}
    A[0], A[-1] = np.eye(37)[0], ends[kind]
    B[[0, -1]] = 0
    found = eigvals(A, B)
    found = found[np.isfinite(found) & (np.abs(found) < 1e6)]
    return found[np.argmin(np.abs(found))].real


PENCILS = [("none", "unit"), ("even", "unit"), ("odd", "unit"), ("none", "odd")]
MASSES = {"unit": 1 + 0 * X, "odd": 1 + X / 2}
HOMOGENEOUS = {
    "Dirichlet": Dirichlet("x-"),
    "Neumann": Neumann("x-"),
    "Robin": Robin("x-", 2, 1),
}


@pytest.mark.parametrize(("potential", "mass"), PENCILS)
@pytest.mark.parametrize("axis", ["uniform", "cells"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("acc", ACCURACIES)
def test_eigenvalues(acc, kind, axis, potential, mass):
    V, density = -POTENTIALS[potential], MASSES[mass]
    errors = []
    for n in (40, 80, 160):
        grid = Grid(x=AXES[axis](0, 1, n))
        M, ends = (
            None if mass == "unit" else function(density),
            [HOMOGENEOUS[kind], Dirichlet("x+")],
        )
        problem = EVP(-Diff("x", 2, acc=acc) + function(V), grid, ends, M=M)
        errors.append(problem.solve(1).values - lowest(kind, V, density))
    assert_order(errors, acc, 1e-9)


def test_hydrogen():
    """The potential is infinite at the wall, where u vanishes and u″ does not."""
    L = -Diff("r", 2, acc=4) / 2
    for n, error in ((401, 3e-6), (801, 3e-7)):
        grid = Grid(r=Uniform(0, 40, n))
        r = grid.mesh()[0]
        V = np.where(r > 0, -1 / np.maximum(r, 1e-3), 0)
        found = EVP(L + V, grid, Dirichlet("boundary")).solve(1, near=-0.5).values[0]
        assert abs(found + 0.5) < error


def test_airy():
    grid = Grid(x=Uniform(0, 20, 201))
    problem = EVP(-Diff("x", 2, acc=6) + (lambda x: x), grid, [Neumann("x-"), Dirichlet("x+")])
    np.testing.assert_allclose(problem.solve(1).values, 1.018792971647471, rtol=0, atol=1e-6)


@pytest.mark.parametrize("acc", ACCURACIES)
def test_a_steady_state_stays(acc):
    """x(1−x)/2 is exact on any grid, though it is neither odd nor even at the walls."""
    grid = Grid(x=Uniform(0, 1, 21))
    (x,) = grid.mesh()
    problem = IVP(Diff("x", 2, acc=acc), grid, Dirichlet("boundary"), source=1.0)
    assert problem.closure == {"x-": "odd", "x+": "odd"}
    found = problem.solve(x * (1 - x) / 2, [0, 1], "crank-nicolson", dt=0.01)
    np.testing.assert_allclose(found.u[1], x * (1 - x) / 2, rtol=0, atol=1e-13)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("acc", ACCURACIES)
def test_mass_is_what_slopes_let_in(axis, acc):
    grid = Grid(x=AXES[axis](0, 1, 24))
    problem = IVP(Diff("x", 2, acc=acc), grid, [Neumann("x-", 1.0), Neumann("x+", -0.25)])
    found = problem.solve(np.zeros(24), [0, 0.2], "crank-nicolson", dt=0.002)
    assert abs(grid.integrate(found.u[1]) - 0.75 * 0.2) < 1e-13


@pytest.mark.parametrize("axis", AXES)
def test_mass_at_acc_2_with_sources_and_slopes_that_move(axis):
    """For a slope sin t, a source x and a wall that lets 1 − u out: Σ w u′ is what enters."""
    grid = Grid(x=AXES[axis](0, 1, 24))
    ends = [Neumann("x-", lambda t: np.sin(t)), Robin("x+", 1, 1, 1.0)]
    problem = IVP(Diff("x", 2), grid, ends, source=np.exp)
    u = np.random.default_rng(0).random(24)
    distance = 1 / 48 if axis == "cells" else 0
    want = np.sin(0.7) + (1 - u[-1]) / (1 + distance) + grid.integrate(np.exp(grid.mesh()[0]))
    assert abs(grid.integrate(problem.fun(0.7, u)) - want) < 1e-11


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


def test_slopes_at_acc_2_keep_symmetry():
    grid = Grid(x=Cells(0, 1, 20), y=Uniform(0, 1, 21))
    ends = [Neumann("x-", 1.0), Robin("x+", 2, 1, 3.0), Neumann("y-", 2.0), Dirichlet("y+", 1.0)]
    problem = BVP(Laplacian(), grid, ends)
    weights = sparse.diags_array(problem.system.restrict(grid.weights()))
    A = weights @ problem.system.matrix
    assert abs(A - A.T).max() <= 1e-13 * abs(A).max()
    fast, direct = (problem.solve(1.0, solver).u for solver in ("fast", "direct"))
    np.testing.assert_allclose(fast, direct, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["Dirichlet", "Neumann"])
def test_what_functions_add_is_not_continued_beyond_acc_2(kind):
    """u = x²(1−x)²eˣ is steady under an explicit part that is neither odd nor even."""
    u = SOLUTIONS["zero"]
    f = function(-sympy.diff(u, X, 2))
    errors = []
    for n in SIZES:
        grid = Grid(x=Uniform(0, 1, n))
        (x,) = grid.mesh()
        ends = [condition(kind, 0, u, grid), condition("Dirichlet", 1, u, grid)]
        problem = IVP(Diff("x", 2, acc=4), grid, ends, explicit=lambda _t, _u, x=x: f(x))
        errors.append(semidiscrete(problem) - function(u)(x))
    assert_order(errors, 4)
