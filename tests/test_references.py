"""Peers: scipy.ndimage, Kronecker products, findiff and NumPy compute the same things."""

import numpy as np
import pytest
import scipy.ndimage as ndi
import scipy.sparse as sp

from findops import Cells, Diff, Grid, Hessian, Laplacian, Periodic, Uniform, coefficients
from tests.support import assert_same_matrix, random_array

U = random_array((9, 8, 7))
BOX = Grid(Uniform(n=9, step=1), Uniform(n=8, step=1), Uniform(n=7, step=1))
CELLS = Grid(Cells(0, 9, 9), Cells(0, 8, 8), Cells(0, 7, 7))
ROUND = Grid(Periodic(0, 9, 9), Periodic(0, 8, 8), Periodic(0, 7, 7))


@pytest.mark.parametrize(
    ("mode", "grid", "closure"),
    [("wrap", ROUND, "accurate"), ("constant", BOX, "zero"), ("mirror", BOX, "even"),
     ("reflect", CELLS, "even")],
)  # fmt: skip
def test_ndimage_laplacian(mode, grid, closure):
    """Its boundary modes are our closures: reflect is even about a wall, mirror about a point."""
    want = ndi.laplace(U, mode=mode)
    np.testing.assert_allclose(Laplacian()(U, grid, closure=closure), want, atol=1e-13)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("order", "acc"), [(1, 2), (1, 6), (2, 4), (3, 2)])
def test_ndimage_correlation(axis, order, acc):
    D = Diff(axis, order, acc=acc)
    stencil = Diff(axis, order, acc=acc).on(ROUND).stencil((4, 4, 4))
    reach = max(abs(s[axis]) for s in stencil)
    kernel = np.zeros(2 * reach + 1)
    for s, w in stencil.items():
        kernel[s[axis] + reach] = w
    want = ndi.correlate1d(U, kernel, axis=axis, mode="wrap")
    np.testing.assert_allclose(D(U, ROUND), want, atol=1e-13)


def test_the_laplacian_as_kronecker_sum():
    """The matrix that textbooks build: I⊗A + B⊗I."""
    grid = Grid(x=Uniform(0, 1, 8), y=Uniform(0, 2, 6))
    line = [sp.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)) for n in (8, 6)]
    a, b = line[0] * 49, line[1] * 6.25
    want = sp.kron(a, sp.eye_array(6)) + sp.kron(sp.eye_array(8), b)
    got = Laplacian().matrix(grid, closure="zero")
    assert_same_matrix(got, want.tocsr(), 1e-14)


def test_higher_accuracy_kronecker_sum_with_closures():
    grid = Grid(x=Uniform(0, 1, 12), y=Periodic(0, 2, 9))
    a = Diff("x", 2, acc=4).matrix(Grid(x=grid["x"]))
    b = Diff("y", 2, acc=4).matrix(Grid(y=grid["y"]))
    want = sp.kron(a, sp.eye_array(9)) + sp.kron(sp.eye_array(12), b)
    assert_same_matrix(Laplacian(acc=4).matrix(grid), want.tocsr(), 1e-13)


def test_numpy_gradient_of_a_gradient_is_the_trap():
    """Iterating np.gradient gives O(1) errors at the edges; ours converges there."""
    errors = []
    for n in (21, 41, 81):
        x = np.linspace(0, 1, n)
        wrong = np.gradient(np.gradient(np.exp(x), x), x)
        right = Diff(0, 2)(np.exp(x), x)
        errors.append(abs(right - np.exp(x)).max())
        assert abs(wrong - np.exp(x))[0] > 100 * errors[-1] * (x[1] - x[0]) / 10
    assert errors[2] < errors[1] / 3.5 < errors[0] / 12


def test_eigenfunctions_of_the_discrete_laplacian():
    n = 16
    grid = Grid(x=Periodic(0, 2 * np.pi, n))
    x = np.ravel(grid.coordinates()[0])
    h = 2 * np.pi / n
    for m in range(1, 8):
        for f in (np.sin(m * x), np.cos(m * x), np.exp(1j * m * x)):
            want = -((2 / h * np.sin(m * h / 2)) ** 2) * f
            np.testing.assert_allclose(Diff("x", 2)(f, grid), want, atol=1e-13 * 4 / h**2)
        want = 1j * np.sin(m * h) / h * np.exp(1j * m * x)
        np.testing.assert_allclose(Diff("x")(np.exp(1j * m * x), grid), want, atol=1e-13)


@pytest.fixture(scope="module")
def findiff():
    return pytest.importorskip("findiff", reason="the peer findiff is not installed")


@pytest.mark.filterwarnings("ignore::DeprecationWarning:findiff")  # the peer warns of itself
@pytest.mark.filterwarnings("ignore:.*FinDiff:DeprecationWarning")
class TestFindiff:
    """findiff agrees in the interior; at the edges it takes other, equally accurate, stencils."""

    @pytest.mark.parametrize("order", [1, 2, 3, 4])
    @pytest.mark.parametrize("acc", [2, 4, 6])
    def test_interior(self, findiff, order, acc):
        u, h = random_array(30), 0.1
        want = findiff.FinDiff(0, h, order, acc=acc)(u)
        got = Diff(0, order, acc=acc)(u, h)
        reach = (order + 1) // 2 - 1 + acc // 2
        inside = slice(reach, -reach)
        np.testing.assert_allclose(got[inside], want[inside], atol=1e-12 / h**order)
        np.testing.assert_allclose(got[0], want[0], atol=1e-10 / h**order)

    @pytest.mark.parametrize("order", [1, 2])
    def test_coefficients(self, findiff, order):
        want = findiff.coefficients(order, acc=4)["center"]
        got = coefficients(order, acc=4)
        table = dict(zip(got.offsets, map(float, got.weights), strict=True))
        peer = dict(zip(map(int, want["offsets"]), map(float, want["coefficients"]), strict=True))
        assert {s: w for s, w in table.items() if w} == pytest.approx(
            {s: w for s, w in peer.items() if abs(w) > 1e-14}, abs=1e-13
        )

    def test_polynomials_in_two_dimensions(self, findiff):
        x, y = np.linspace(0, 1, 12), np.linspace(-1, 1, 13)
        X, Y = np.meshgrid(x, y, indexing="ij")
        f = X**3 * Y**2 + Y
        h = (x[1] - x[0], y[1] - y[0])
        peer = findiff.FinDiff((0, h[0], 1), (1, h[1], 2), acc=4)(f)
        np.testing.assert_allclose((Diff(0, acc=4) * Diff(1, 2, acc=4))(f, h), peer, atol=1e-9)
        hessian = Hessian(acc=4)(f, (x, y))
        np.testing.assert_allclose(hessian[0, 0], 6 * X * Y**2, atol=1e-9)
        np.testing.assert_allclose(hessian[1, 1], 2 * X**3, atol=1e-9)
