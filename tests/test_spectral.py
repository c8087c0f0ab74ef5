"""Fourier and Chebyshev schemes: roundoff on analytic functions, matrices, refusals."""

import numpy as np
import pytest
import sympy

from findops import (
    BVP,
    EVP,
    Chebyshev,
    ChebyshevPoints,
    Diff,
    Dirichlet,
    Fourier,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Points,
    Uniform,
    coefficients,
)
from tests.cases import SPECTRAL, each
from tests.support import input_shape, random_array

CIRCLE = Grid(x=Periodic(0, 2 * np.pi, 40))
LINE = Grid(x=ChebyshevPoints(-1, 1, 28))


def derivatives(expression, order, points):
    t = sympy.Symbol("t")
    return sympy.lambdify(t, sympy.diff(expression(t), t, order), "numpy")(points)


@pytest.mark.parametrize("n", [40, 41])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("to", [None, "half"])
def test_fourier_differentiates_analytic_functions_to_roundoff(n, order, to):
    grid = Grid(x=Periodic(0, 2 * np.pi, n))
    op = Diff("x", order, scheme=Fourier(), to=to).on(grid)
    u = np.exp(np.sin(grid.coordinates()[0]))
    want = derivatives(lambda t: sympy.exp(sympy.sin(t)), order, op.range.coordinates()[0])
    np.testing.assert_allclose(op(u), want, rtol=0, atol=1e-12 * np.abs(want).max())


@pytest.mark.parametrize(("order", "tolerance"), [(1, 1e-12), (2, 5e-12), (3, 1e-9)])
def test_chebyshev_differentiates_analytic_functions_to_roundoff(order, tolerance):
    """Roundoff grows like n² per order of the derivative, near the ends."""
    op = Diff("x", order, scheme=Chebyshev()).on(LINE)
    (x,) = LINE.coordinates()
    want = derivatives(lambda t: sympy.exp(t) * sympy.sin(3 * t), order, x)
    got = op(np.exp(x) * np.sin(3 * x))
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * np.abs(want).max())


@pytest.mark.parametrize("order", [1, 2, 3])
def test_chebyshev_is_exact_on_polynomials_of_the_points(order):
    grid = Grid(x=ChebyshevPoints(2, -1, 12))
    (x,) = grid.coordinates()
    op = Diff("x", order, scheme=Chebyshev()).on(grid)
    scale = np.abs(op.matrix()).sum(axis=1)
    for degree in range(12):
        p = np.polynomial.Polynomial.basis(degree, domain=[-1, 2], window=[-1, 1])
        assert np.all(np.abs(op(p(x)) - p.deriv(order)(x)) <= 1e-13 * scale)


@pytest.mark.parametrize("n", [8, 9])
def test_fourier_multiplies_every_wave(n):
    """The shortest wave of an even number of points has even derivatives only."""
    grid = Grid(x=Periodic(0, 2 * np.pi, n))
    j = np.arange(n)
    for order in (1, 2, 3, 4):
        for k in range(-(n // 2) + (n % 2 == 0), n // 2 + 1):
            wave = np.exp(2j * np.pi * j * k / n)
            factor = 0 if 2 * k == n and order % 2 else (1j * k) ** order
            got = Diff("x", order, scheme=Fourier())(wave, grid)
            np.testing.assert_allclose(got, factor * wave, atol=1e-14 * n**order)


def test_second_derivatives_are_formed_directly():
    D = Diff("x", scheme=Fourier())
    assert Diff("x", 2, scheme=Fourier()) == D * D
    grid = Grid(x=Periodic(0, 2 * np.pi, 8))
    shortest = np.cos(4 * grid.coordinates()[0])
    np.testing.assert_allclose((D * D)(shortest, grid), -16 * shortest, atol=1e-13)
    bound = D.on(grid)
    np.testing.assert_allclose((bound @ bound)(shortest), 0, atol=1e-13)


def test_fourier_weights_are_the_known_ones():
    """Trefethen, chapter 3: cot(jh/2)/2 with alternating signs, and its square's relatives."""
    n = 12
    h = 2 * np.pi / n
    grid = Grid(x=Periodic(0, 2 * np.pi, n))
    j = np.arange(1, n)
    first = Diff("x", scheme=Fourier()).matrix(grid).toarray()[0]
    want = -((-1.0) ** j) / np.tan(j * h / 2) / 2
    np.testing.assert_allclose(first[1:], want, atol=1e-14 * n)
    assert first[0] == 0
    second = Diff("x", 2, scheme=Fourier()).matrix(grid).toarray()[0]
    np.testing.assert_allclose(
        second[1:], -((-1.0) ** j) / (2 * np.sin(j * h / 2) ** 2), rtol=1e-13
    )
    np.testing.assert_allclose(second[0], -(np.pi**2) / (3 * h**2) - 1 / 6, rtol=1e-13)


def test_chebyshev_matrix_is_the_known_one():
    """Trefethen, chapter 6, for three points: the derivative of the parabola."""
    got = Diff("x", scheme=Chebyshev()).matrix(Grid(x=ChebyshevPoints(-1, 1, 3))).toarray()
    np.testing.assert_allclose(got, [[-1.5, 2, -0.5], [-0.5, 0, 0.5], [0.5, -2, 1.5]], atol=1e-15)


def test_negative_sums():
    """Constants have no derivative to the last bit of the row, whatever the order."""
    for order in (1, 2, 3):
        matrix = Diff("x", order, scheme=Chebyshev()).matrix(Grid(x=ChebyshevPoints(0, 1, 65)))
        dense = matrix.toarray()
        assert np.all(np.abs(dense.sum(axis=1)) <= 65 * 2e-16 * np.abs(dense).max(axis=1))


@each(SPECTRAL)
def test_accuracy_is_that_of_what_is_not_spectral(case):
    accuracy = case.op().accuracy
    assert np.all(accuracy == np.inf) if case.acc is None else accuracy.min() == case.acc


def test_long_lines_apply_as_their_matrix():
    rng = np.random.default_rng(0)
    for axis, scheme in (
        (Periodic(0, 1, 200), Fourier()),
        (ChebyshevPoints(0, 1, 129), Chebyshev()),
    ):
        op = Diff("x", scheme=scheme).on(Grid(x=axis))
        u = rng.uniform(-1, 1, len(axis))
        A = op.matrix()
        assert np.all(np.abs(op(u) - A @ u) <= 1e-13 * (abs(A) @ np.abs(u)))


def test_problems_are_solved_to_roundoff():
    grid = Grid(x=ChebyshevPoints(0, np.pi, 30))
    (x,) = grid.coordinates()
    D2 = Diff("x", 2, scheme=Chebyshev())
    u = BVP(D2, grid, [Dirichlet("x-", 0), Dirichlet("x+", 0)]).solve(-np.sin(x)).u
    np.testing.assert_allclose(u, np.sin(x), atol=1e-12)
    u = BVP(D2, grid, [Dirichlet("x-", 0), Neumann("x+", -1)]).solve(-np.sin(x)).u
    assert np.isfinite(u).all()
    values = EVP(D2, grid, [Dirichlet("boundary", 0)]).solve(3).values
    np.testing.assert_allclose(np.sort(values)[::-1], [-1, -4, -9], atol=1e-10)


def test_poisson_on_a_circle_times_an_interval():
    grid = Grid(x=Periodic(0, 2 * np.pi, 16), y=ChebyshevPoints(-1, 1, 20))
    L = Laplacian(scheme={"x": Fourier(), "y": Chebyshev()})
    x, y = grid.coordinates()
    exact = np.sin(x) * (1 - y**2)
    u = BVP(L, grid, [Dirichlet("boundary", 0)]).solve(-np.sin(x) * (1 - y**2) - 2 * np.sin(x)).u
    np.testing.assert_allclose(u, exact, atol=1e-12)


# Axes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 8, 9])
@pytest.mark.parametrize("ends", [(-1, 1), (3, 0.5)])
def test_chebyshev_points(n, ends):
    axis = ChebyshevPoints(*ends, n)
    low, high = ends
    middle, half = (low + high) / 2, (high - low) / 2
    want = middle - half * np.cos(np.pi * np.arange(n) / (n - 1))
    np.testing.assert_allclose(axis.coordinates, want, atol=1e-15)
    assert (axis.coordinates[0], axis.coordinates[-1]) == ends
    np.testing.assert_array_equal(axis.coordinates + axis.coordinates[::-1], low + high)
    assert repr(axis) == f"ChebyshevPoints({low}, {high}, {n})"
    assert isinstance(axis, Points)


@pytest.mark.parametrize("n", [2, 3, 8, 9])
def test_clenshaw_and_curtis(n):
    axis = ChebyshevPoints(-1, 1, n)
    for degree in range(n):
        integral = axis.weights @ axis.coordinates**degree
        np.testing.assert_allclose(integral, (1 + (-1) ** degree) / (degree + 1), atol=1e-15 * n)


REFUSED = {
    "acc": (lambda: Diff("x", acc=4, scheme=Fourier()), "leave acc=4 out"),
    "bounded": (lambda: Diff("x", scheme=Fourier()).on(Grid(x=Uniform(0, 1, 9))), "periodic axis"),
    "uneven": (lambda: Diff("x", scheme=Fourier()).on(Grid(x=Points([0, 1, 3], period=4))),
               "evenly spaced periodic axis"),
    "not Chebyshev's": (lambda: Diff("x", scheme=Chebyshev()).on(Grid(x=Uniform(0, 1, 9))),
                        "axis of ChebyshevPoints"),
    "halo": (lambda: Diff("x", scheme=Chebyshev()).on(LINE, closure="halo"), "no halo"),
    "half": (lambda: Diff("x", scheme=Chebyshev(), to="half"), "same points"),
    "stencil": (lambda: Diff("x", scheme=Fourier()).stencil(), "no interior stencil"),
    "coefficients": (lambda: coefficients(1, scheme=Chebyshev()), "no interior stencil"),
    "wavenumber": (lambda: Chebyshev().modified_wavenumber(1.0), "differ from point to point"),
    "masked": (lambda: Diff("x", scheme=Fourier()).on(CIRCLE).masked(np.arange(40) > 3), "holes"),
    "too few": (lambda: Diff("x", 3, scheme=Chebyshev()).on(Grid(x=ChebyshevPoints(0, 1, 3))),
                "needs 4 points along 'x', but the grid has 3"),
    "one point": (lambda: ChebyshevPoints(0, 1, 1), "two points at least"),
    "no length": (lambda: ChebyshevPoints(1, 1, 5), "ends apart"),
    "not finite": (lambda: ChebyshevPoints(0, np.inf, 5), "finite"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_with_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_fourier_has_the_exact_wavenumber():
    t = sympy.Symbol("t")
    assert Fourier().modified_wavenumber(t, 3) == t**3


def test_batches_and_components_are_lines_like_others():
    for case in SPECTRAL[::7]:
        op = case.op()
        u = random_array((2, 3, *input_shape(case.grid(), op, case.ins)), complex)
        v = op(u)
        for i in range(2):
            np.testing.assert_allclose(v[i, 1], op(u[i, 1]), rtol=1e-13, atol=1e-13)
