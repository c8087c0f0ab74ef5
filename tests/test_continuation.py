"""Homogeneous conditions that continuation keeps: which closures, what is left, symmetry."""

import numpy as np
import pytest

from findops import (
    Cells,
    Condition,
    Diff,
    Diffusion,
    Dirichlet,
    Grid,
    Laplacian,
    Neumann,
    Robin,
    Uniform,
)
from findops.conditions import as_conditions
from findops.continuation import continued

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
