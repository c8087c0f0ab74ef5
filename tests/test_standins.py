"""What may stand in place of a grid: a spacing, coordinates, a tuple, or a dict by axis."""

import numpy as np
import pytest

from findops import Diff, Grid, Laplacian, Points, Uniform, gradient
from tests.support import random_array

H = 0.125  # exact in binary, so that equality can be asked for
X = np.array([0, 0.5, 2, 2.5, 4, 7, 7.5])
U1 = random_array((7,))
U2 = random_array((7, 6))


def same(got, want):
    np.testing.assert_array_equal(got, want)


def test_a_number_is_every_spacing():
    same(Diff(0, 2)(U1, H), Diff(0, 2)(U1, Grid(Uniform(n=7, step=H))))
    both = Grid(Uniform(n=7, step=H), Uniform(n=6, step=H))
    same(Laplacian()(U2, H), Laplacian()(U2, both))
    same(Diff(-1)(U2, H), Diff(1)(U2, both))
    same(Diff(0)(U1, -H), -Diff(0)(U1, H))
    assert Diff(0)(np.arange(5), 1)[2] == 1


@pytest.mark.parametrize("h", [np.float32(H), np.array(H), np.int64(2)], ids=repr)
def test_numpy_scalars_are_numbers(h):
    same(Diff(0)(U1, h), Diff(0)(U1, float(h)))


def test_a_tuple_is_one_per_axis():
    grid = Grid(Points(X), Uniform(n=6, step=H))
    same(Laplacian()(U2, (X, H)), Laplacian()(U2, grid))
    same(Diff(1)(U2, (X, H)), Diff(1)(U2, grid))
    same(Diff(0)(U2, (Uniform(n=7, step=2.0), H)), Diff(0)(U2, (2.0, H)))


def test_an_array_is_the_coordinates():
    same(Diff(0)(U1, X), Diff(0)(U1, Grid(Points(X))))
    same(Diff(0)(U1, np.linspace(0, 3, 7)), Diff(0)(U1, Grid(Uniform(0, 3, 7))))
    same(Diff(0)(U1, X[::-1]), Diff(0)(U1, Grid(Points(X[::-1]))))
    same(Diff(0)(U1, list(X)), Diff(0)(U1, X))


def test_a_dict_is_for_the_axes_used():
    same(Diff(0)(U2, {0: X}), Diff(0)(U2, (X, 1.0)))
    same(Diff(1, 2)(U2, {1: H}), Diff(1, 2)(U2, (1.0, H)))
    same(Diff(-1, 2)(U2, {-1: H}), Diff(1, 2)(U2, {1: H}))
    same((Diff(0) * Diff(1))(U2, {0: X, 1: H}), (Diff(0) * Diff(1))(U2, (X, H)))


def test_all_axes_of_the_data_are_grid_axes():
    """Without a grid object there is no batch: axis 0 is the first axis of f."""
    f = random_array((4, 5, 6))
    for axis in range(3):
        want = np.moveaxis(Diff(0)(np.moveaxis(f, axis, 0), {0: H}), 0, axis)
        np.testing.assert_allclose(Diff(axis)(f, H), want, rtol=1e-15, atol=1e-15)
    # the last of the axes in a large stack is not a batch axis either
    assert Diff(2)(f, {2: H}).shape == f.shape


def test_closures_and_fields_pass_through():
    same(Diff(0, 2)(U1, H, closure="odd"),
         Diff(0, 2)(U1, Grid(Uniform(n=7, step=H)), closure="odd"))  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (X[:-1], "(?s)6.*7|7.*6"),
        ((H,), "(?s)1.*2|2.*1"),
        ((H, H, H), "(?s)3.*2|2.*3"),
        ({1: H}, "0"),
        ({0: H, 5: H}, "5"),
        (0.0, "0"),
        (np.nan, "finite|nan"),
        ((X, np.arange(5)), "(?s)5.*6|6.*5"),
        (np.ones((2, 2)), "1-D|shape"),
    ],
    ids=repr,
)
def test_bad_stand_ins(bad, words):
    with pytest.raises(ValueError, match=words):
        Diff(0)(U2 if not (isinstance(bad, np.ndarray) and bad.size == 6) else U1, bad)


@pytest.mark.parametrize("bad", [None, "0.1", [], {1.0}], ids=repr)
def test_what_cannot_be_a_grid(bad):
    with pytest.raises((TypeError, ValueError)):
        Diff(0)(U1, bad)


def test_one_dimensional_coordinates_for_two_dimensional_data_are_refused():
    with pytest.raises(ValueError, match="of one axis, but the array has 2"):
        Diff(0)(np.ones((7, 7)), X)


def test_named_axes_need_a_grid():
    with pytest.raises((ValueError, TypeError), match="x"):
        Diff("x")(U1, H)


def test_gradient_takes_no_grid():
    same(gradient(U1, H), Diff(0)(U1, H))
