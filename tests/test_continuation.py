"""Homogeneous conditions that continuation keeps: which closures, what is left, symmetry."""

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

LINE = Grid(x=Uniform(0, 1, 21))


def given(expr, grid, conditions):
    closures, left = continued(expr, grid, as_conditions(conditions))
    return closures, [str(condition) for condition in left]


@pytest.mark.parametrize("acc", [2, 4, 6, 8])
@pytest.mark.parametrize("axis", [Uniform(0, 1, 20), Cells(0, 1, 20)], ids=["nodes", "cells"])
def test_symmetric_problems_have_symmetric_matrices_at_every_accuracy(axis, acc):
    grid = Grid(x=axis, y=axis)
    L = Laplacian(acc=acc) + (lambda x, y: x * y)
    conditions = [Dirichlet("x-"), Neumann("x+"), Neumann("y-"), Dirichlet("y+")]
    closures, left = continued(L, grid, conditions)
    assert closures == {"x-": "odd", "x+": "even", "y-": "even", "y+": "odd"}
    system = L.on(grid, closures).subject_to(left)
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
        (Diff("x", 2), Dirichlet("boundary", 1)),
        (Diff("x", 2), Dirichlet("boundary", lambda x: 0 * x)),
        (Diff("x", 2), Robin("boundary", 1, 1)),
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
