"""Half points: derivatives and interpolation between nodes and half points, and their positions."""

import numpy as np
import pytest

from findops import (
    Cells,
    Diff,
    Divergence,
    Gradient,
    Grid,
    Identity,
    Interpolate,
    Periodic,
    Uniform,
)
from tests.grids import make_grid
from tests.support import assert_rows_close, assert_same_matrix, random_array

GRID = Grid(x=Uniform(0, 4, 5), y=Periodic(0, 1, 6))


def test_ranges_and_shapes():
    op = Diff("x", to="half").on(GRID)
    assert op.domain == GRID
    assert op.range == GRID.half("x")
    assert op.shape == (24, 30)
    assert op(np.ones(GRID.shape)).shape == (4, 6)
    back = Diff("x", to="node").on(GRID.half("x"))
    assert back.range == GRID
    assert back.shape == (30, 24)
    faces = Diff("x", to="half").on(Grid(x=Cells(0, 1, 5)))
    assert faces.shape == (6, 5)
    assert Diff("y", to="half").on(GRID).shape == (30, 30)


def test_the_narrowest_difference():
    A = Diff("x", to="half").matrix(Grid(x=Uniform(0, 2, 5))).toarray()
    np.testing.assert_array_equal(A, 2 * (np.eye(5)[1:] - np.eye(5)[:-1]))
    B = Interpolate("x", "half").matrix(Grid(x=Uniform(0, 2, 5))).toarray()
    np.testing.assert_array_equal(B, (np.eye(5)[1:] + np.eye(5)[:-1]) / 2)


def test_two_points_suffice_at_true_midpoints():
    """On Points the difference at midpoints keeps its two points: moments, not an assumption."""
    grid = make_grid("x=random", 12)
    op = Diff("x", to="half").on(grid)
    assert {len(op.stencil((i,))) for i in range(12)} == {2}
    np.testing.assert_array_equal(op.accuracy, 2)


def test_compact_laplacian_from_two_staggered_differences():
    grid = Grid(x=Periodic(0, 8, 8))
    product = Diff("x", to="node") * Diff("x", to="half")
    assert_same_matrix(product.matrix(grid), Diff("x", 2).matrix(grid))
    faces = Diff("x", to="half").on(grid)
    nodes = Diff("x", to="node").on(grid.half("x"))
    assert_same_matrix(nodes.matrix(), -faces.T.matrix())
    assert_same_matrix((nodes @ faces).matrix(), Diff("x", 2).matrix(grid))


def test_coefficients_stand_where_they_are_evaluated():
    """Between the two differences a callable sees half points, an array has their shape."""
    seen = []

    def k(x):
        seen.append(np.ravel(x).copy())
        return 1 + x**2

    grid = Grid(x=Uniform(0, 1, 6))
    halves = np.ravel(grid.half("x").coordinates()[0])
    inner, outer = Diff("x", to="half"), Diff("x", to="node")
    by_callable = (outer * (k * inner)).on(grid)
    assert any(np.array_equal(x, halves) for x in seen)
    assert all(len(x) == 5 for x in seen)
    by_array = (outer * (k(halves) * inner)).on(grid)
    by_right = ((outer * k) * inner).on(grid)
    assert_same_matrix(by_callable.matrix(), by_array.matrix(), 0)
    assert_same_matrix(by_callable.matrix(), by_right.matrix(), 0)
    with pytest.raises(ValueError, match="5"):
        (outer * (np.ones(6) * inner)).on(grid)


def test_marker_and_cell_layout():
    """Pressure at cell centers, velocities on the faces: divergence and gradient are adjoint."""
    grid = Grid(x=Cells(0, 1, 4), y=Cells(0, 1, 5))
    div = Diff("x", to="node").on(grid.half("x"))
    grad = Diff("x", to="half").on(grid, closure="even")
    assert div.range == grid
    assert grad.range == grid.half("x") == div.domain
    # no flux through the walls: inside, one is minus the transpose of the other
    D, G = div.matrix().toarray(), grad.matrix().toarray()
    faces = grid.half("x")
    inside = ~(faces.face("x-") | faces.face("x+")).ravel()
    np.testing.assert_allclose(D[:, inside], -G[inside].T, atol=1e-14)
    np.testing.assert_array_equal(G[~inside], 0)


def test_positions_are_tracked_through_products():
    E = Interpolate("y", "half") * Diff("x", to="half")
    assert E.on(GRID).range == GRID.half("x").half("y")
    both = (Diff("x", to="half") * Diff("y")).on(GRID)
    assert both.range == GRID.half("x")
    there_and_back = (Interpolate("x", "node") * Interpolate("x", "half")).on(GRID)
    assert there_and_back.range == GRID


@pytest.mark.parametrize(
    "bind",
    [
        lambda: (Diff("x", to="half") + Diff("x")).on(GRID),
        lambda: (Diff("x", to="half") + Identity()).on(GRID),
        lambda: (Diff("x", to="half") * Diff("x", to="half")).on(GRID),
        lambda: Diff("x", to="node").on(GRID),
        lambda: Diff("x", to="half").on(GRID.half("x")),
        lambda: Diff("x", to="half").on(GRID) @ Diff("x", to="half").on(GRID),
        lambda: Diff("x", to="half").on(GRID) + Diff("x").on(GRID),
    ],
)
def test_a_mismatch_names_both_positions(bind):
    with pytest.raises(ValueError, match=r"(?s)node.*half|half.*node"):
        bind()


@pytest.mark.parametrize("axis", [Uniform(0, 1, 12), Cells(0, 1, 12), Periodic(0, 1, 12)], ids=str)
@pytest.mark.parametrize("acc", [2, 4, 6])
def test_constants_survive_interpolation(axis, acc):
    op = Interpolate("x", "half", acc=acc).on(Grid(x=axis))
    rows = abs(op.matrix()).sum(axis=1)
    assert_rows_close(op(np.ones(12)), np.ones(op.shape[0]), rows, 1e-15)


def test_vector_operators_on_half_points():
    """A grid of half points is a grid like any other."""
    half = GRID.half("x")
    u = random_array(half.shape)
    A = Gradient().on(half)
    np.testing.assert_array_equal(A(u)[0], Diff("x").on(half)(u))
    B = Divergence().on(half)
    np.testing.assert_allclose(B(A(u)), Diff("x").on(half)(A(u)[0]) + Diff("y").on(half)(A(u)[1]))
