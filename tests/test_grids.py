"""Axes and grids: coordinates, half points, faces, quadrature."""

import pickle

import numpy as np
import pytest
from hypothesis import given

from findops import Cells, Grid, Periodic, Points, Uniform
from tests.grids import AXES, make_grid
from tests.strategies import grids
from tests.support import coordinates, open_mesh

GRID = Grid(x=Uniform(0, 1, 5), y=Periodic(0, 2, 4), z=Cells(0, 1, 3))


def line(axis):
    return coordinates(Grid(axis))[0]


@pytest.mark.parametrize(
    ("axis", "want"),
    [
        (Uniform(0, 1, 5), [0, 0.25, 0.5, 0.75, 1]),
        (Uniform(1, 0, 3), [1, 0.5, 0]),
        (Uniform(n=3, step=0.5), [0, 0.5, 1]),
        (Uniform(n=3, step=-0.5, start=2), [2, 1.5, 1]),
        (Periodic(0, 1, 4), [0, 0.25, 0.5, 0.75]),
        (Periodic(1, 0, 4), [1, 0.75, 0.5, 0.25]),
        (Periodic(n=4, step=0.5, start=-1), [-1, -0.5, 0, 0.5]),
        (Points([0, 1, 5]), [0, 1, 5]),
        (Points([5, 1, 0]), [5, 1, 0]),
        (Points([0, 1, 5], period=7), [0, 1, 5]),
        (Cells(0, 1, 4), [0.125, 0.375, 0.625, 0.875]),
        (Cells(2, 0, 2), [1.5, 0.5]),
    ],
    ids=str,
)
def test_coordinates(axis, want):
    np.testing.assert_array_equal(line(axis), want)
    assert len(axis) == len(want)


@pytest.mark.parametrize(
    ("axis", "want"),
    [
        (Uniform(0, 4, 5), [0.5, 1.5, 2.5, 3.5]),
        (Cells(0, 4, 4), [0, 1, 2, 3, 4]),
        (Periodic(0, 4, 4), [0.5, 1.5, 2.5, 3.5]),
        (Points([0, 1, 5]), [0.5, 3]),
        (Points([0, 1, 5], period=7), [0.5, 3, 6]),
        (Points([5, 1, 0], period=7), [3, 0.5, -1]),
        (Uniform(4, 0, 3), [3, 1]),
    ],
    ids=str,
)
def test_half_points(axis, want):
    grid = Grid(x=axis)
    np.testing.assert_array_equal(line(grid.half("x")["x"]), want)
    assert grid.half("x").half("x") == grid
    assert grid.half(0).half(-1) == grid


@pytest.mark.parametrize("kind", AXES)
def test_half_of_half_is_the_grid(kind):
    grid = make_grid(f"x={kind} y=uniform", 8)
    assert grid.half("x").half("x") == grid
    assert grid.half("x") != grid
    assert grid.half("x").half("y") == grid.half("y").half("x")
    assert grid.half("x")["y"] == grid["y"]


def test_arrays_stand_for_axes():
    x = np.linspace(0, 1, 11)
    assert isinstance(Grid(x)[0], Uniform)
    assert Grid(x) == Grid(Uniform(0, 1, 11))
    assert isinstance(Grid(x**2)[0], Points)
    assert isinstance(Grid(x[::-1])[0], Uniform)
    assert isinstance(Grid(np.arange(5))[0], Uniform)
    assert isinstance(Grid(np.linspace(0, 1, 11, dtype=np.float32))[0], Uniform)
    assert isinstance(Grid(x=[0, 1, 4])["x"], Points)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_evenness_is_four_ulp_in_their_own_precision(dtype):
    x = np.linspace(1000, 1001, 11).astype(dtype)
    ulp = np.spacing(dtype(1001))
    for error, kind in ((2, Uniform), (12, Points)):
        moved = x.copy()
        moved[5] += dtype(error) * ulp
        assert isinstance(Grid(moved)[0], kind)


def test_grid_of_axes():
    assert GRID.names == ("x", "y", "z")
    assert GRID.ndim == 3
    assert GRID.shape == (5, 4, 3)
    assert GRID["y"] == Periodic(0, 2, 4)
    assert GRID[-1] == GRID[2] == Cells(0, 1, 3)
    assert tuple(Grid(Uniform(0, 1, 5), Uniform(0, 1, 3)).names) == (0, 1)


@given(grids((5, 4, 3), periodic=True))
def test_meshes(grid):
    opened, full = grid.coordinates(), grid.mesh()
    for i, (x, X) in enumerate(zip(opened, full, strict=True)):
        assert x.shape == tuple(n if i == j else 1 for j, n in enumerate(grid.shape))
        assert X.shape == grid.shape
        np.testing.assert_array_equal(X, np.broadcast_to(x, grid.shape))
        steps = np.diff(np.ravel(x))
        assert np.all(steps > 0) or np.all(steps < 0)


def test_faces_and_boundary():
    low, high = GRID.face("x-"), GRID.face("z+")
    assert low.dtype == bool
    assert low[0].all()
    assert not low[1:].any()
    assert high[:, :, -1].all()
    assert not high[:, :, :-1].any()
    boundary = GRID.boundary()
    assert not boundary[1:-1, :, 1].any()
    assert boundary[0].all()
    assert boundary[-1].all()
    assert boundary[:, :, 0].all()
    assert boundary.sum() == 5 * 4 * 3 - 3 * 4 * 1
    plain = Grid(Uniform(1, 0, 3), Uniform(0, 1, 4))
    np.testing.assert_array_equal(plain.face("1+"), np.arange(4) == np.full((3, 1), 3))
    with pytest.raises(ValueError, match="y-"):
        GRID.face("y-")  # periodic: there is no face
    with pytest.raises(ValueError, match="w"):
        GRID.face("w-")


@pytest.mark.parametrize(
    ("axis", "want"),
    [
        (Uniform(0, 1, 5), np.array([1, 2, 2, 2, 1]) / 8),
        (Uniform(1, 0, 5), np.array([1, 2, 2, 2, 1]) / 8),
        (Points([0, 1, 5]), [0.5, 2.5, 2]),
        (Points([5, 1, 0]), [2, 2.5, 0.5]),
        (Periodic(0, 1, 4), [0.25] * 4),
        (Points([0, 1, 5], period=7), [1.5, 2.5, 3]),
        (Cells(0, 1, 4), [0.25] * 4),
    ],
    ids=str,
)
def test_quadrature_weights(axis, want):
    np.testing.assert_allclose(Grid(axis).weights(), want, rtol=1e-15)


@given(grids((5, 4), periodic=True))
def test_integrals(grid):
    """The rule is a tensor product, and integrates linear functions on nodes and cells."""
    x, y = coordinates(grid)
    wx, wy = (Grid(grid[i]).weights() for i in (0, 1))
    np.testing.assert_allclose(grid.weights(), np.outer(wx, wy), rtol=1e-14)
    u = np.outer(np.sin(x), np.cos(y))
    want = (wx @ np.sin(x)) * (wy @ np.cos(y))
    np.testing.assert_allclose(grid.integrate(u), want, rtol=1e-12, atol=1e-14)
    both = grid.integrate(np.stack([u, 2 * u]))
    np.testing.assert_allclose(both, [want, 2 * want], rtol=1e-12, atol=1e-14)


def test_integral_of_a_linear_function():
    for axis in (Uniform(0, 2, 7), Points([0, 0.3, 1, 2]), Cells(0, 2, 5), Uniform(2, 0, 3)):
        grid = Grid(axis)
        assert grid.integrate(3 * line(axis) + 1) == pytest.approx(8, rel=1e-14)


@given(grids((5, 4), periodic=True))
def test_value_semantics(grid):
    twin = Grid(*(grid[i] for i in range(2)))
    if grid.names != twin.names:
        twin = Grid(**dict(zip(grid.names, (grid[0], grid[1]), strict=True)))
    assert twin == grid
    assert hash(twin) == hash(grid)
    assert pickle.loads(pickle.dumps(grid)) == grid


@pytest.mark.parametrize(
    "axis",
    [Uniform(0, 1, 5), Uniform(0.1, -2.7, 4), Periodic(0.3, 1, 3), Cells(-1, 0.7, 4),
     Uniform(n=1, step=0.1, start=3), Points([0, 1, 5]), Points([0, 0.1, 5], period=7.5)],
    ids=str,
)  # fmt: skip
def test_repr_round_trip(axis):
    names = {"Uniform": Uniform, "Periodic": Periodic, "Cells": Cells, "Points": Points}
    assert eval(repr(axis), dict(names)) == axis


def test_names_and_order_distinguish_grids():
    x, y = Uniform(0, 1, 5), Uniform(0, 1, 5)
    assert Grid(x=x, y=y) != Grid(y=x, x=y)
    assert Grid(x, y) != Grid(x=x, y=y)
    assert Grid(x) != Grid(Periodic(0, 1, 5))
    assert Uniform(0, 1, 5) != Cells(0, 1, 5)
    assert Grid(x=x).half("x") != Grid(x=coordinates(Grid(x=x).half("x"))[0])


def test_open_mesh_of_support_is_that_of_the_package():
    for mine, theirs in zip(open_mesh(coordinates(GRID)), GRID.coordinates(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_byte_order_does_not_change_what_is_even():
    x = np.linspace(0, 1, 101, dtype=np.float32)
    assert Grid(x).axes == Grid(x.astype(">f4")).axes
    assert isinstance(Grid(x)[0], Uniform)
