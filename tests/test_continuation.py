"""Conditions that continuation keeps: which closures, what is left, symmetry."""

import numpy as np
import pytest

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
    Points,
    Robin,
    Uniform,
)
from findops.conditions.conditions import as_conditions
from findops.conditions.continuation import continued
from findops.conditions.ghost_values import Rate

LINE = Grid(x=Uniform(0, 1, 21))


def given(expr, grid, conditions):
    kept = continued(expr, grid, as_conditions(conditions), {}, Rate())
    return {wall.face: wall.parity for wall in kept.walls}, [str(c) for c in kept.left]


@pytest.mark.parametrize("acc", [2, 4, 6, 8])
@pytest.mark.parametrize("axis", [Uniform(0, 1, 20), Cells(0, 1, 20)], ids=["nodes", "cells"])
def test_symmetric_problems_have_symmetric_matrices_at_every_accuracy(axis, acc):
    grid = Grid(x=axis, y=axis)
    L = Laplacian(acc=acc) + (lambda x, y: np.cos(np.pi * x) * np.cos(np.pi * y))
    conditions = [Dirichlet("x-"), Neumann("x+"), Neumann("y-"), Dirichlet("y+")]
    kept = continued(L, grid, conditions, {}, Rate())
    assert kept.closure() == {"x-": "odd", "x+": "even", "y-": "even", "y+": "odd"}
    system = kept.discretized()[1]
    weighted = np.diag(system.restrict(grid.weights())) @ system.matrix.toarray()
    np.testing.assert_allclose(weighted, weighted.T, rtol=0, atol=1e-13 * np.abs(weighted).max())


def test_values_at_boundary_points_stay_and_walls_between_points_need_nothing():
    cells = Grid(x=Cells(0, 1, 20))
    both = {"x-": "odd", "x+": "even"}
    conditions = [Dirichlet("x-"), Neumann("x+")]
    assert given(Diff("x", 2), LINE, conditions) == (both, ["u = 0 on x-"])
    assert given(Diff("x", 2), cells, conditions) == (both, [])


def test_a_supported_beam_is_odd_and_a_clamped_one_is_not():
    supported = [Dirichlet("x-"), Condition("x-", Diff("x", 2), 0)]
    clamped = [Dirichlet("x+"), Neumann("x+")]
    closures, left = given(Diff("x", 4), LINE, supported + clamped)
    assert closures == {"x-": "odd"}
    assert left == ["u = 0 on x-", "u = 0 on x+", "∂u/∂n = 0 on x+"]


@pytest.mark.parametrize(
    ("expr", "conditions"),
    [
        (Diff("x", 2, acc=4), Robin("boundary", 1, 1)),
        (Diff("x", 2, acc=6) + (lambda x: x * (1 - x)), Dirichlet("boundary")),
        (Diff("x", 2, acc=4) + np.linspace(1, 2, 21), Neumann("boundary")),
        (Diff("x"), Dirichlet("x-")),
        (Diff("x", 2) + Diff("x"), Dirichlet("boundary")),
        ((lambda x: 1 + x) * Diff("x", 2), Dirichlet("boundary")),
        (Diffusion(lambda x: 1 + x), Dirichlet("boundary")),
        (Diff("x", 4), Dirichlet("boundary")),
    ],
)
def test_what_continuation_would_not_keep_is_left_as_it_is(expr, conditions):
    closures, left = given(expr, LINE, conditions)
    assert closures == {}
    assert len(left) == sum(len(list(c.places(LINE))) for c in as_conditions(conditions))


@pytest.mark.parametrize("axis", [Uniform(0, 1, 17), Cells(0, 1, 17)], ids=["nodes", "cells"])
def test_a_slope_of_zero_at_acc_2_is_kept_by_ghost_points(axis):
    grid = Grid(x=axis)
    (x,) = grid.coordinates()
    f = -np.cos(2 * np.pi * x) * (2 * np.pi) ** 2
    found = BVP(Diff("x", 2), grid, Neumann("boundary")).solve(f)
    # The discrete eigenvalue −4 sin²(θ/2)/h² takes the place of −(2π)².
    h = grid.axes[0].spacing
    ratio = (np.pi * h / np.sin(np.pi * h)) ** 2
    np.testing.assert_allclose(found.u, ratio * np.cos(2 * np.pi * x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("acc", "axis"), [(4, Uniform(0, 1, 17)), (2, Points(np.arange(9.0) ** 2))], ids=str
)
def test_where_ghost_points_would_cost_order_the_slope_is_imposed(acc, axis):
    problem = BVP(Diff("x", 2, acc=acc), Grid(x=axis), [Neumann("x-"), Dirichlet("x+")])
    assert problem.system.size == len(axis) - 2


@pytest.mark.parametrize(
    ("acc", "condition", "potential", "keeps"),
    [
        (2, Neumann, lambda x: x, True),
        (4, Neumann, lambda x: x, False),
        (4, Neumann, lambda x: np.cos(3 * x), True),
        (4, Neumann, lambda x: x**2 + x**3, True),
        (6, Neumann, lambda x: x**2 + x**3, False),
        (4, Dirichlet, lambda x: x, True),
        (6, Dirichlet, lambda x: x, False),
        (6, Dirichlet, lambda x: x**3, True),
        (8, Dirichlet, lambda x: x**3, False),
    ],
)
@pytest.mark.parametrize("n", [21, 200])
@pytest.mark.parametrize("descending", [False, True])
def test_odd_derivatives_of_a_potential_count_below_the_order(
    acc, condition, potential, keeps, n, descending
):
    grid = Grid(x=Uniform(1, 0, n) if descending else Uniform(0, 1, n))
    face = "x+" if descending else "x-"
    (x,) = grid.mesh()
    for V in (potential, potential(x), 1e-3 * potential(x) + 1):
        kept = continued(Diff("x", 2, acc=acc) + V, grid, [condition(face)], {}, Rate())
        assert bool(kept.walls) == keeps


def test_a_potential_that_is_infinite_at_the_wall_ends_continuation():
    cells = Grid(x=Cells(0, 1, 20))
    singular = Diff("x", 2, acc=4) - (lambda x: 2 / x)
    assert not continued(singular, cells, [Neumann("x-")], {}, Rate()).walls


@pytest.mark.parametrize("axis", [Uniform, Cells])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("n", [20, 200])
@pytest.mark.parametrize("power", [-0.5, -1, -2])
def test_odd_fields_feel_infinite_potentials_beyond_acc_2(axis, descending, n, power):
    """An array may hold any number at a point on the wall."""
    grid = Grid(x=axis(1, 0, n) if descending else axis(0, 1, n))
    (x,) = grid.mesh()
    V = np.where(x > 0, np.maximum(x, 1e-9) ** power, 0)
    end = [Dirichlet("x+" if descending else "x-")]
    for acc, keeps in ((2, True), (4, False)):
        kept = continued(Diff("x", 2, acc=acc) + V, grid, end, {}, Rate())
        assert bool(kept.walls) == keeps


@pytest.mark.parametrize("axis", [Uniform, Cells])
def test_odd_fields_keep_finite_potentials_at_acc_4(axis):
    grid = Grid(x=axis(0, 1, 30))
    (x,) = grid.mesh()
    noise = np.random.default_rng(0).random(30)
    for V in (1 - x, np.exp(-9 * x), np.cos(9 * x), x**3, 1 / (x + 0.2), noise, 0 * x):
        assert continued(Diff("x", 2, acc=4) + V, grid, [Dirichlet("x-")], {}, Rate()).walls


def test_data_that_move_end_continuation_beyond_acc_2():
    """The equation tells the second derivative from that of the data in time."""
    for acc, keeps in ((2, True), (4, False)):
        ends = [Dirichlet("x-", lambda t: t), Neumann("x+", lambda t: t)]
        kept = continued(Diff("x", 2, acc=acc), LINE, ends, {}, Rate())
        assert bool(kept.walls) == keeps


def test_nothing_is_continued_where_nothing_is_known_and_needed():
    for acc, keeps in ((2, True), (4, False)):
        kept = continued(Diff("x", 2, acc=acc), LINE, [Neumann("x-", 1)], {}, None)
        assert bool(kept.walls) == keeps
