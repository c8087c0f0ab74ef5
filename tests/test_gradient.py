"""`gradient`: NumPy's conventions, and its values where the conventions coincide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from findops import Diff, Grid, Points, Uniform, gradient
from tests.support import random_array

X = np.array([0, 0.5, 2, 2.5, 4, 7, 7.5])
Y = np.array([5, 3, 2.5, 0, -1.0])
F = random_array((7, 5))


def same(got, want, scale=1.0):
    """Equal to roundoff: both do a handful of operations on numbers of order `scale`."""
    assert type(got) is type(want)
    for g, w in zip(*((v,) if isinstance(v, np.ndarray) else v for v in (got, want)), strict=True):
        assert g.dtype == w.dtype
        np.testing.assert_allclose(g, w, rtol=0, atol=4e-14 * scale)


CALLS = {
    "unit spacing": ((), {}),
    "one spacing": ((0.5,), {}),
    "negative spacing": ((-0.5,), {}),
    "spacing per axis": ((0.5, 2), {}),
    "coordinates": ((X, Y), {}),
    "coordinates and spacing": ((X, 0.25), {}),
    "spacing and coordinates": ((2, Y), {}),
    "descending": ((X[::-1], Y), {}),
    "one axis": ((), {"axis": 0}),
    "last axis": ((Y,), {"axis": -1}),
    "axes": ((X, Y), {"axis": (0, 1)}),
    "axes turned": ((Y, X), {"axis": (1, 0)}),
    "axes and one spacing": ((2.0,), {"axis": (1,)}),
}


@pytest.mark.parametrize("edge_order", [1, 2])
@pytest.mark.parametrize(("args", "kwargs"), CALLS.values(), ids=CALLS)
def test_numpys_values(args, kwargs, edge_order):
    want = np.gradient(F, *args, edge_order=edge_order, **kwargs)
    same(gradient(F, *args, edge_order=edge_order, **kwargs), want)


@pytest.mark.parametrize("edge_order", [1, 2])
@pytest.mark.parametrize("shape", [(6,), (4, 5), (3, 4, 5), (3, 3, 3, 3)])
def test_numpys_values_in_any_dimension(shape, edge_order):
    f = random_array(shape, seed=2)
    same(gradient(f, 0.5, edge_order=edge_order), np.gradient(f, 0.5, edge_order=edge_order))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i4", "i8", "u8", "i1"])
def test_numpys_types(dtype):
    """Unsigned integers do not wrap: where NumPy's differences do, ours are right."""
    f = random_array((7, 5), dtype, seed=3)
    got = gradient(f, X, Y, edge_order=1)
    want = np.gradient(f.astype(float) if dtype == "u8" else f, X, Y)
    tol = 1e-5 if dtype in ("f4", "c8") else 1e-12
    for g, w in zip(got, want, strict=True):
        # float32 in, float32 out, whatever the type of the coordinates (law 6)
        assert g.dtype == (dtype if dtype[0] in "fc" else "f8")
        np.testing.assert_allclose(g, w, rtol=0, atol=tol * 10)


@given(st.integers(3, 9), st.booleans(), st.sampled_from([1, 2]), st.integers(0, 99))
def test_any_coordinates(n, down, edge_order, seed):
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.uniform(0.5, 2, n)) * (-1 if down else 1)
    f = rng.uniform(-1, 1, n)
    same(gradient(f, x, edge_order=edge_order), np.gradient(f, x, edge_order=edge_order))


def test_edge_rows_have_order_acc_by_default():
    """NumPy's default is first order at the edges; here the edges are as good as the rest."""
    same(gradient(F, X, Y), np.gradient(F, X, Y, edge_order=2))
    x = np.linspace(0, 1, 12)
    for acc in (2, 4, 6):
        np.testing.assert_allclose(gradient(x**acc, x, acc=acc), acc * x ** (acc - 1), atol=1e-11)


def test_acc_and_edge_order():
    x = np.linspace(0, 1, 12)
    f = np.sin(3 * x)
    grid = Grid(Uniform(0, 1, 12))
    np.testing.assert_array_equal(gradient(f, x, acc=4), Diff(0, acc=4)(f, grid))
    low = gradient(f, x, acc=4, edge_order=1)
    np.testing.assert_array_equal(low, Diff(0, acc=4).on(grid, closure=1)(f))
    both = gradient(F, X, Y, acc=2, edge_order=1)
    np.testing.assert_allclose(
        both[0], np.stack([Diff(0).on(Grid(Points(X)), closure=1)(c) for c in F.T], axis=1),
        atol=1e-14)  # fmt: skip


def test_no_axes():
    assert len(gradient(F, axis=())) == len(np.gradient(F, axis=())) == 0


def test_a_single_axis_gives_an_array():
    assert isinstance(gradient(F[0]), np.ndarray)
    assert isinstance(gradient(F, axis=1), np.ndarray)
    assert type(gradient(F, axis=(1,))) is type(np.gradient(F, axis=(1,)))


def test_the_data_are_not_changed():
    f = F.copy()
    f.flags.writeable = False
    gradient(f, X, Y)
    np.testing.assert_array_equal(f, F)


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "words"),
    [
        ((F, 1, 2, 3), {}, TypeError, "3"),
        ((F, X), {}, (TypeError, ValueError), "(?s)5|2"),
        ((F, X, Y[:-1]), {}, ValueError, "(?s)4.*5|5.*4"),
        ((F, X, np.ones((5, 1))), {}, ValueError, "1-D|shape"),
        ((F,), {"axis": 2}, (ValueError, IndexError), "2"),
        ((F,), {"axis": (0, 0)}, ValueError, "0|repeat|twice"),
        ((F, X, Y), {"axis": 0}, TypeError, "2|1"),
        ((F[:1],), {}, ValueError, "(?s)1.*3|3.*1|2"),
        ((F,), {"edge_order": 5}, ValueError, "edge_order"),
        ((F,), {"edge_order": 0}, ValueError, "edge_order"),
        ((F,), {"acc": 3}, ValueError, "3"),
        ((F,), {"spacing": 3}, TypeError, "spacing"),
        ((np.array(["a", "b", "c"]),), {}, TypeError, "str|<U"),
        ((np.float64(3),), {}, (ValueError, TypeError), "dimension|shape|axis|axes|0-d"),
    ],
)
def test_refusals(args, kwargs, error, words):
    with pytest.raises(error, match=words):
        gradient(*args, **kwargs)


def test_zero_dimensional_spacings_and_empty_batches():
    f = np.arange(12.0).reshape(3, 4) ** 2
    same = np.gradient(f, np.array(0.5), np.array(2.0), edge_order=2)
    for got, want in zip(gradient(f, np.array(0.5), np.array(2.0)), same, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13)
    assert gradient(np.zeros((0, 6)), axis=1).shape == (0, 6)
    np.testing.assert_array_equal(gradient(f, edge_order=np.int64(1)), np.gradient(f))
