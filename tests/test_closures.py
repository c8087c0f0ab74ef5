"""Closures: what happens where a stencil sticks out of the grid; law 11 for the mirrored ones."""

import numpy as np
import pytest
import scipy.linalg

from findops import (
    Backward,
    Cells,
    Compact,
    Diff,
    Diffusion,
    Forward,
    Grid,
    Interpolate,
    Laplacian,
    Periodic,
    Points,
    Uniform,
    coefficients,
)
from tests.grids import make_grid
from tests.support import assert_rows_close, assert_same_matrix, random_array, row_scale

N = 12
LINE = Grid(x=Uniform(0, N - 1, N))  # spacing 1
CELLS = Grid(x=Cells(0, N, N))


def second(grid, closure, acc=2):
    return Diff("x", 2, acc=acc).on(grid, closure=closure)


def mirrored(order, acc, sign, cells):
    """The matrix of a central stencil on data continued about both walls, by hand."""
    c = coefficients(order, acc)
    A = np.zeros((N, N))
    low, high = (-1, 2 * N - 1) if cells else (0, 2 * N - 2)
    for i in range(N):
        for s, w in zip(c.offsets, c.weights, strict=True):
            j, factor = i + s, 1
            if j < 0:
                j, factor = low - j, sign
            elif j >= N:
                j, factor = high - j, sign
            A[i, j] += factor * float(w)
    return A


@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize(("closure", "sign"), [("odd", -1), ("even", 1), ("zero", 0)])
@pytest.mark.parametrize(("order", "acc"), [(1, 2), (1, 4), (2, 2), (2, 4), (2, 6), (3, 2), (4, 2)])
def test_continuations_by_hand(order, acc, closure, sign, cells):
    A = Diff("x", order, acc=acc).matrix(CELLS if cells else LINE, closure=closure)
    np.testing.assert_allclose(A.toarray(), mirrored(order, acc, sign, cells), atol=1e-14)


def test_literal_rows():
    rows = {
        ("odd", "nodes"): {0: -2, 1: 0},  # u(-1) = -u(1)
        ("even", "nodes"): {0: -2, 1: 2},
        ("zero", "nodes"): {0: -2, 1: 1},
        ("odd", "cells"): {0: -3, 1: 1},  # u(-1) = -u(0)
        ("even", "cells"): {0: -1, 1: 1},
        ("zero", "cells"): {0: -2, 1: 1},
    }
    for (closure, kind), row in rows.items():
        A = second(LINE if kind == "nodes" else CELLS, closure).matrix().toarray()
        want = np.zeros(N)
        want[list(row)] = list(row.values())
        np.testing.assert_array_equal(A[0], want)
        np.testing.assert_array_equal(A[-1], want[::-1])


@pytest.mark.parametrize("acc", [2, 4, 6, 8])
@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("step", [1, 0.1])
def test_mirrored_operators_are_exactly_symmetric(order, acc, step):
    nodes, cells = Grid(x=Uniform(n=16, step=step)), Grid(x=Cells(0, 16 * step, 16))
    D = Diff("x", order, acc=acc)
    for closure in ("odd", "even"):
        A = D.matrix(cells, closure=closure).toarray()
        np.testing.assert_array_equal(A, A.T)
    A = D.matrix(nodes, closure="odd").toarray()[1:-1, 1:-1]
    np.testing.assert_array_equal(A, A.T)
    A = D.matrix(nodes, closure="even").toarray()
    trapezoidal = np.diag([0.5, *[1] * 14, 0.5])  # exact: powers of two
    np.testing.assert_array_equal(trapezoidal @ A, (trapezoidal @ A).T)
    A = D.matrix(nodes, closure="zero").toarray()
    np.testing.assert_array_equal(A, A.T)


def test_symmetry_in_several_dimensions():
    grid = Grid(x=Cells(0, 1, 6), y=Cells(0, 2, 5), z=Periodic(0, 1, 7))
    for closure in ("odd", "even", {"x-": "odd", "x+": "even", "y-": "even", "y+": "odd"}):
        A = Laplacian(acc=4).matrix(grid, closure=closure).toarray()
        np.testing.assert_array_equal(A, A.T)
        assert np.linalg.eigvalsh(A).max() <= 1e-13 * np.abs(A).max() * len(A)


@pytest.mark.parametrize("closure", ["odd", "even", "zero"])
def test_first_derivatives_stay_skew_symmetric(closure):
    """On cells, odd and even continuation are each other's negative transpose."""
    partner = {"odd": "even", "even": "odd", "zero": "zero"}[closure]
    for acc in (2, 4, 6):
        A = Diff("x", acc=acc).matrix(CELLS, closure=closure).toarray()
        B = Diff("x", acc=acc).matrix(CELLS, closure=partner).toarray()
        np.testing.assert_array_equal(A, -B.T)


def test_eigenvalues_of_the_discrete_laplacian():
    """Eigenvalues −4 sin² of the discrete Laplacian, h = 1."""
    n = 12
    interior = second(Grid(x=Uniform(0, n + 1, n + 2)), "odd").matrix().toarray()[1:-1, 1:-1]
    j = np.arange(1, n + 1)
    want = np.sort(-4 * np.sin(np.pi * j / (2 * (n + 1))) ** 2)
    np.testing.assert_allclose(np.linalg.eigvalsh(interior), want, atol=1e-13)
    even = second(Grid(x=Cells(0, n, n)), "even").matrix().toarray()
    want = np.sort(-4 * np.sin(np.pi * np.arange(n) / (2 * n)) ** 2)
    np.testing.assert_allclose(np.linalg.eigvalsh(even), want, atol=1e-13)
    periodic = Diff("x", 2).matrix(Grid(x=Periodic(0, n, n))).toarray()
    want = np.sort(-4 * np.sin(np.pi * np.arange(n) / n) ** 2)
    np.testing.assert_allclose(np.linalg.eigvalsh(periodic), want, atol=1e-13)


def test_zero_is_the_truncated_infinite_matrix():
    for order, acc in ((1, 4), (2, 6), (3, 2)):
        c = coefficients(order, acc)
        column, row = np.zeros(N), np.zeros(N)
        for s, w in zip(c.offsets, c.weights, strict=True):
            if s <= 0:
                column[-s] = w
            if s >= 0:
                row[s] = w
        A = Diff("x", order, acc=acc).matrix(LINE, closure="zero").toarray()
        np.testing.assert_allclose(A, scipy.linalg.toeplitz(column, row), atol=1e-15)


@pytest.mark.parametrize("low", [1, 2, 3, 4])
def test_integer_closures_have_that_accuracy(low):
    for order, acc in ((1, 4), (2, 6), (1, 2)):
        op = Diff("x", order, acc=acc).on(LINE, closure=low)
        plain = Diff("x", order, acc=acc).on(LINE)
        reach = (order + 1) // 2 - 1 + acc // 2
        np.testing.assert_array_equal(op.accuracy[reach : N - reach], acc)
        ends = np.concatenate([op.accuracy[:reach], op.accuracy[N - reach :]])
        assert np.all(ends >= low)
        assert op.accuracy[0] == op.accuracy[-1] == low
        assert len(op.stencil((0,))) == order + low
        assert_same_matrix(op.matrix()[reach : N - reach], plain.matrix()[reach : N - reach], 0)


def test_each_face_has_its_own_closure():
    grid = Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 8))
    E = Diff("x", 2) + Diff("y", 2)
    mixed = {"x-": "odd", "x+": "zero", "y+": 1}  # y- is not said: accurate
    op = E.on(grid, closure=mixed)
    want = {"x-": "odd", "x+": "zero", "y-": "accurate", "y+": 1}
    faces = {(0, 4): "x-", (8, 4): "x+", (4, 0): "y-", (4, 7): "y+"}
    for index, face in faces.items():
        alone = E.on(grid, closure=want[face])
        assert op.stencil(index) == alone.stencil(index)


def test_unnamed_faces():
    grid = Grid(Uniform(0, 1, 9))
    op = Diff(0, 2).on(grid, closure={"0-": "zero"})
    assert op.stencil((0,)) == Diff(0, 2).on(grid, closure="zero").stencil((0,))
    assert op.stencil((8,)) == Diff(0, 2).on(grid).stencil((8,))


def test_periodic_axes_have_no_closure():
    grid = Grid(x=Periodic(0, 1, 8))
    for closure in ("odd", "even", "zero", "halo", 1):
        op = Diff("x", 2).on(grid, closure=closure)
        assert_same_matrix(op.matrix(), Diff("x", 2).matrix(grid), 0)


# halo -------------------------------------------------------------------------------------------


def ghosts(op):
    return {face: count for face, count in op.halo.items() if count}


def test_halo_counts():
    D = Diff("x", 2, acc=4)
    grid = Grid(x=Uniform(0, 1, 9), y=Periodic(0, 1, 8))
    assert D.on(grid, closure="halo").halo == {"x-": 2, "x+": 2}
    assert D.on(grid, closure={"x+": "halo"}).halo == {"x-": 0, "x+": 2}
    assert D.on(grid).halo == {"x-": 0, "x+": 0}
    assert (D + Diff("x", acc=6)).on(grid, closure="halo").halo == {"x-": 3, "x+": 3}
    assert Diff("y").on(grid, closure="halo").halo == {"x-": 0, "x+": 0}
    assert (Diff("x", acc=4) * Diff("x", acc=2)).on(grid, closure="halo").halo["x-"] == 3


@pytest.mark.parametrize("kind", ["uniform", "cells", "descending", "half", "faces"])
@pytest.mark.parametrize("closure", ["halo", {"x-": "halo"}, {"x+": "halo", "x-": "odd"}])
def test_halo_is_the_operator_on_a_larger_grid(kind, closure):
    """A chunk with ghosts gives what the whole gives there: what chunked executors rely on."""
    D = Diff("x", 2, acc=4) + (2 + Diff("x")) * Diff("x")
    chunk = make_grid(f"x={kind}", 24)
    op = D.on(chunk, closure=closure)
    low, high = op.halo["x-"], op.halo["x+"]
    n = chunk.shape[0]
    u = random_array(n + low + high)
    interior = D.on(chunk, closure="halo")
    pads = (interior.halo["x-"] - low, interior.halo["x+"] - high)
    inner = slice(pads[0], n - pads[1])
    got, want = op(u), interior(np.pad(u, pads))
    assert op.matrix().shape == (n, n + low + high)
    scale = row_scale(op.matrix(), u)
    assert_rows_close(got[inner], want[inner], scale[inner], 1e-13)


def test_chunks_make_up_the_whole():
    big = Grid(x=Uniform(n=30, step=0.25), y=Uniform(0, 1, 9))
    E = Diff("x", 2, acc=4) + 3 * Diff("x") * Diff("y")
    u = random_array(big.shape)
    left = E.on(Grid(x=Uniform(n=14, step=0.25), y=big["y"]), closure={"x+": "halo"})
    right = E.on(Grid(x=Uniform(n=16, step=0.25, start=3.5), y=big["y"]), closure={"x-": "halo"})
    pieces = [left(u[: 14 + left.halo["x+"]]), right(u[14 - right.halo["x-"] :])]
    whole = E.on(big)
    assert_rows_close(np.concatenate(pieces), whole(u), row_scale(whole.matrix(), u), 1e-13)


def test_halo_needs_the_ghosts():
    op = Diff("x", 2, acc=4).on(LINE, closure="halo")
    with pytest.raises(ValueError, match="16"):
        op(np.ones(N))
    assert op(np.ones(N + 4)).shape == (N,)


def test_halo_on_points_reads_ghosts_whose_coordinates_are_given():
    """A chunk of uneven points gives what the whole gives there."""
    x = np.cumsum(np.random.default_rng(2).uniform(0.5, 1.5, 30))
    D, u = Diff("x", 2, acc=4) + 2 * Diff("x"), random_array(30)
    whole = D.on(Grid(x=Points(x)))
    for first, stop, closure in (
        (0, 16, {"x+": "halo"}),
        (9, 21, "halo"),
        (16, 30, {"x-": "halo"}),
    ):
        axis = Points(x[first:stop], ghosts=(x[:first], x[stop:]))
        op = D.on(Grid(x=axis), closure=closure)
        got = op(u[first - op.halo["x-"] : stop + op.halo["x+"]])
        np.testing.assert_allclose(got, whole(u)[first:stop], rtol=0, atol=1e-13)
        mirrored = D.on(Grid(x=axis), closure="even").matrix()
        assert_same_matrix(
            mirrored, D.on(Grid(x=Points(x[first:stop])), closure="even").matrix(), 0
        )


def test_ghosts_that_points_lack_are_counted():
    axis = Points([0, 1, 3, 4, 7, 9], ghosts=([-2, -1], [10]))
    assert eval(repr(axis)) == axis != Points([0, 1, 3, 4, 7, 9])
    assert hash(eval(repr(axis))) == hash(axis)
    assert Diff("x", acc=4).on(Grid(x=axis), closure={"x-": "halo"}).halo == {"x-": 2, "x+": 0}
    counted = r"Diff\('x', acc=4\).* 2 points before the first and 2 after.* 2 and 1 are known"
    with pytest.raises(ValueError, match=counted):
        Diff("x", acc=4).on(Grid(x=axis), closure="halo")
    with pytest.raises(ValueError, match="2 points before the first and 0 after"):
        Diff("x", acc=4).on(Grid(x=Points([0, 1, 3, 4, 7, 8])), closure={"x-": "halo"})
    with pytest.raises(ValueError, match=r"inner derivative at ghost points.*uneven points"):
        Diffusion(1).on(Grid(x=Points([0, 1, 3, 4], ghosts=([-2, -1], [5, 7]))), closure="halo")
    with pytest.raises(ValueError, match=r"and their ghosts must be strictly monotone.*: 0.0, 1.0"):
        Points([0, 1, 3], ghosts=([2], [4]))
    with pytest.raises(ValueError, match="strictly monotone"):
        Points([0, 1, 3], ghosts=([-1, -2], []))
    with pytest.raises(ValueError, match="no ghosts beyond its ends"):
        Points([0, 1, 3], 5, ghosts=([-1], []))
    with pytest.raises(TypeError, match="ghosts of Points are a pair of coordinates"):
        Points([0, 1, 3], ghosts=-1)


def test_mirror_images_on_points():
    """On Points the ghosts stand at the mirror images of the points inside."""
    x = np.array([0, 1.0, 3.0, 3.5, 6, 7, 9, 12])
    doubled = np.concatenate([-x[:0:-1], x])
    big = Diff("x", 1).on(Grid(x=doubled)).matrix().toarray()
    for closure, sign in (("odd", -1), ("even", 1), ("zero", 0)):
        A = Diff("x", 1).matrix(Grid(x=x), closure=closure).toarray()
        folded = big[7:, 7:].copy()
        folded[:, 1:] += sign * big[7:, :7][:, ::-1]
        np.testing.assert_allclose(A[:4], folded[:4], atol=1e-14)


@pytest.mark.parametrize("acc", [20, 24, 30, 40])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("kind", [Uniform, Periodic])
def test_accuracy_is_no_more_than_the_points_of_a_row_give(order, acc, kind):
    """Errors of high orders are below what doubles tell; so many points have no more orders."""
    found = Diff("x", order, acc).on(Grid(x=kind(0, 1, 120))).accuracy
    assert np.unique(found).tolist() == [acc]


@pytest.mark.parametrize("acc", [20, 24, 30, 40])
def test_accuracy_of_products_is_that_of_their_factors(acc):
    """Where moments are below what doubles tell; a jump costs an order at the rows that read it."""
    D, bounded, periodic = (
        Diff("x", 1, acc),
        Grid(x=Uniform(0, 1, 200)),
        Grid(x=Periodic(0, 1, 200)),
    )
    assert np.unique((D.on(periodic) @ D.on(periodic)).accuracy).tolist() == [acc]
    found = (D.on(bounded) @ D.on(bounded)).accuracy
    edge = acc
    assert set(found[edge:-edge]) == {acc}
    assert set(np.concatenate([found[:edge], found[-edge:]])) == {acc - 1}


def test_accuracy_of_a_product_with_a_coefficient_between():
    cured = Diff("x", 1, 24) * ((lambda x: 2 + x) * Diff("x", 1, 24))
    assert np.unique(cured.on(Grid(x=Uniform(0, 1, 80))).accuracy).tolist() == [24]


@pytest.mark.parametrize("acc", [8, 20, 24, 30, 40])
def test_accuracy_of_interpolation(acc):
    x = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, 80))
    for axis in (Uniform(0, 1, 80), Points(x)):
        found = Interpolate("x", "half", acc).on(Grid(x=axis)).accuracy
        assert np.unique(found).tolist() == [acc]


@pytest.mark.parametrize(("left", "right", "acc"), [(1, 4, 10), (2, 4, 12), (2, 8, 20), (3, 8, 22)])
@pytest.mark.parametrize("order", [1, 2])
def test_accuracy_of_implicit_schemes_is_at_most_what_they_derive(left, right, acc, order):
    D = Diff("x", order, scheme=Compact(left, right))
    assert np.unique(D.on(Grid(x=Periodic(0, 1, 120))).accuracy).tolist() == [acc]
    assert D.on(Grid(x=Uniform(0, 1, 200))).accuracy.max() == acc


def test_accuracy_of_superconvergent_products_shows():
    """A forward and a backward difference make the central one of the second derivative."""
    grid = Grid(x=Periodic(0, 1, 20))
    ahead, back = (Diff("x", scheme=s, acc=1).on(grid) for s in (Forward(), Backward()))
    assert np.unique((ahead @ back).accuracy).tolist() == [2]
