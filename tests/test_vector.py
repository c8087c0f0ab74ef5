"""Vector calculus: components, signs, and fields with known answers."""

import numpy as np
import pytest

from findops import (
    Advection,
    Biharmonic,
    Block,
    Cells,
    Coef,
    Curl,
    Diff,
    Diffusion,
    DirectionalDerivative,
    Divergence,
    Field,
    Gradient,
    Grid,
    Hessian,
    Identity,
    Jacobian,
    Laplacian,
    Periodic,
    Points,
    Tensor,
    Uniform,
    VectorLaplacian,
)
from tests.grids import k, make_grid
from tests.support import assert_rows_close, assert_same_matrix, random_array, row_scale

PLANE = Grid(x=Uniform(-1, 2, 9), y=Uniform(0, 1, 8))
SPACE = Grid(x=Uniform(0, 1, 6), y=Uniform(-1, 1, 7), z=Uniform(0, 3, 6))
X, Y = PLANE.mesh()


def close(got, want, tol=1e-12):
    np.testing.assert_allclose(got, want + np.zeros_like(got), rtol=0, atol=tol)


def test_quadratics_in_the_plane():
    """Second-order operators are exact on quadratics, at every point."""
    f = X**2 * 3 + X * Y - 2 * Y**2 + Y
    fx, fy = 6 * X + Y, X - 4 * Y + 1
    close(Gradient()(f, PLANE), np.stack([fx, fy]))
    close(Hessian()(f, PLANE), np.stack([[6 + 0 * X, 1 + 0 * X], [1 + 0 * X, -4 + 0 * X]]), 1e-11)
    close(Laplacian()(f, PLANE), 2.0, 1e-11)
    close(Curl(of="scalar")(f, PLANE), np.stack([fy, -fx]))
    close(DirectionalDerivative((0.6, 0.8))(f, PLANE), 0.6 * fx + 0.8 * fy)
    close(Advection((Y, X))(f, PLANE), Y * fx + X * fy)


def test_vectors_in_the_plane():
    F = np.stack([X * Y, X**2 - Y])
    close(Divergence()(F, PLANE), Y - 1)
    close(Curl()(F, PLANE), 2 * X - X)
    close(Jacobian()(F, PLANE), np.stack([[Y, X], [2 * X, -1 + 0 * X]]))
    close(VectorLaplacian()(F, PLANE), np.stack([0 * X, 2 + 0 * X]), 1e-11)


def test_curl_in_space():
    x, y, z = SPACE.mesh()
    F = np.stack([y * z, x**2, x * y - z])
    close(Curl()(F, SPACE), np.stack([x, y - y, 2 * x - z]))
    rotation = np.stack([-y, x, 0 * z])
    close(Curl()(rotation, SPACE), np.stack([0 * x, 0 * x, 2 + 0 * x]))


def test_beltrami_flow():
    """An ABC flow is its own vorticity; it has no divergence (Arnold 1965)."""
    grid = Grid(*[Periodic(0, 2 * np.pi, 16)] * 3)
    x, y, z = grid.mesh()
    flow = np.stack([np.sin(z) + np.cos(y), np.sin(x) + np.cos(z), np.sin(y) + np.cos(x)])
    h = 2 * np.pi / 16
    error = h**4 / 30 * 2  # the leading error of two derivatives at acc 4
    assert 0.9 * error < np.abs(Curl(acc=4)(flow, grid) - flow).max() < error
    close(Divergence(acc=4)(flow, grid), 0.0, 1e-13)


def test_components_are_just_before_the_grid_axes():
    u, F = random_array((3, *PLANE.shape)), random_array((4, 2, *PLANE.shape))
    assert Gradient().on(PLANE)(u).shape == (3, 2, *PLANE.shape)
    assert Divergence().on(PLANE)(F).shape == (4, *PLANE.shape)
    assert Jacobian().on(PLANE)(F).shape == (4, 2, 2, *PLANE.shape)
    assert Hessian().on(PLANE)(u).shape == (3, 2, 2, *PLANE.shape)
    assert Curl().on(PLANE)(F).shape == (4, *PLANE.shape)
    # the components of a batch entry stay together
    one, all_ = Divergence().on(PLANE)(F[2]), Divergence().on(PLANE)(F)
    np.testing.assert_allclose(all_[2], one, rtol=0, atol=1e-14 * abs(one).max())


def test_matrices_put_components_first():
    n = PLANE.shape[0] * PLANE.shape[1]
    A = Gradient().matrix(PLANE)
    assert A.shape == (2 * n, n)
    assert_same_matrix(A[:n], Diff("x").matrix(PLANE), 0)
    assert_same_matrix(A[n:], Diff("y").matrix(PLANE), 0)
    B = Divergence().matrix(PLANE)
    assert_same_matrix(B[:, n:], Diff("y").matrix(PLANE), 0)


def test_acc_scheme_and_axes():
    G = Gradient(acc={"x": 4, "y": 2}).on(PLANE)
    u = random_array(PLANE.shape)
    for got, alone in zip(G(u), (Diff("x", acc=4), Diff("y", acc=2)), strict=True):
        want = alone(u, PLANE)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-14 * abs(want).max())
    assert_same_matrix(Laplacian(axes=("y",)).matrix(PLANE), Diff("y", 2).matrix(PLANE), 0)
    assert_same_matrix(
        Laplacian(axes=(-1,), acc=4).matrix(PLANE), Diff("y", 2, acc=4).matrix(PLANE), 0
    )
    swapped = Gradient(axes=("y", "x"))(u, PLANE)
    np.testing.assert_array_equal(swapped, Gradient()(u, PLANE)[::-1])


def test_products_of_vector_operators():
    u = random_array(SPACE.shape)
    E, F = Divergence() @ Gradient(), Laplacian()
    A = F.matrix(SPACE)
    assert_rows_close(E(u, SPACE), F(u, SPACE), row_scale(A, u), 1e-13)
    close((Curl() @ Gradient())(u, SPACE), 0.0, 1e-10)
    wave = Laplacian() - 4 * Identity()
    assert_rows_close(wave(u, SPACE), F(u, SPACE) - 4 * u, row_scale(A, u) + 4, 1e-13)
    assert Biharmonic().on(SPACE)(u).shape == SPACE.shape


@pytest.mark.parametrize("spec", ["x=uniform y=random", "x=cells y=periodic"])
def test_tensor_is_the_sum_of_its_parts(spec):
    grid = make_grid(spec, 14)
    u = random_array(grid.shape)
    E = Divergence() @ Tensor([[k, 0], [0, k]]) @ Gradient()
    by_hand = Diff("x") * (k * Diff("x")) + Diff("y") * (k * Diff("y"))
    A = by_hand.matrix(grid)
    assert_rows_close(E(u, grid), by_hand(u, grid), row_scale(A, u), 1e-12)


def test_tensor_alone():
    T = Tensor([[1, Field("b")], [X, 0]])
    F = random_array((2, *PLANE.shape))
    got = T.on(PLANE, b=Y)(F)
    np.testing.assert_allclose(got, np.stack([F[0] + Y * F[1], X * F[0]]), rtol=1e-14)


# Diffusion --------------------------------------------------------------------------------------


def test_diffusion_is_flux_by_flux():
    """∇·(k∇u) on half points: k at the faces, and fluxes that telescope."""
    grid = Grid(x=Periodic(0, 2, 10))
    x = np.ravel(grid.coordinates()[0])
    A = Diffusion(lambda x: 2 + np.sin(np.pi * x)).matrix(grid).toarray()
    at_half = (2 + np.sin(np.pi * (x + 0.1))) / 0.2**2
    want = np.diag(at_half[:-1], 1) - np.diag(at_half + np.roll(at_half, 1)) / 2
    want[0, -1] = at_half[-1]
    want = want + want.T
    np.testing.assert_allclose(A, want, atol=1e-12)
    np.testing.assert_array_equal(A, A.T)


@pytest.mark.parametrize(
    "axis",
    [Uniform(0, 2, 9), Cells(0, 2, 9), Points([0, 0.1, 0.4, 0.5, 0.9, 1.4, 2]),
     Uniform(2, 0, 7), Periodic(0, 2, 8)],
    ids=str,
)  # fmt: skip
def test_natural_diffusion_is_symmetric_and_conserves(axis):
    """H·A is symmetric, only constants are in the null space, and no flux leaves."""
    grid = Grid(x=axis, y=Uniform(0, 1, 5))
    op = Diffusion(k, natural=True).on(grid)
    H = grid.weights().ravel()
    S = H[:, None] * op.matrix().toarray()
    np.testing.assert_allclose(S, S.T, atol=1e-14 * abs(S).max())
    values = np.linalg.eigvalsh((S + S.T) / 2)
    size = abs(values).max()
    assert values.max() <= 1e-13 * size
    assert np.sum(abs(values) < 1e-10 * size) == 1, "the checkerboard is not in the null space"
    u = random_array(grid.shape)
    assert abs(grid.integrate(op(u))) <= 1e-13 * np.abs(S).sum()
    np.testing.assert_allclose(op(np.ones(grid.shape)), 0, atol=1e-12 * abs(op.matrix()).max())


def test_accurate_diffusion_is_accurate_at_the_ends():
    """The default is pointwise accurate, where the natural form diverges like 1/h."""
    errors = {}
    for n in (20, 40, 80):
        grid = Grid(x=Uniform(0, 1, n))
        x = np.ravel(grid.coordinates()[0])
        want = np.exp(x) * (2 + np.sin(x) + np.cos(x))
        for natural in (False, True):
            A = Diffusion(lambda x: 2 + np.sin(x), natural=natural)
            errors[n, natural] = abs(A(np.exp(x), grid) - want)
    for i in (0, 1, -1):
        assert errors[80, False][i] < errors[40, False][i] / 3.4 < errors[20, False][i] / 11
    assert errors[80, True][0] > 1.9 * errors[40, True][0]
    assert errors[80, True][40] < errors[40, True][20] / 3.4


def test_diffusion_coefficients_stand_at_half_points():
    grid = make_grid("x=uniform y=periodic", 12)
    u = random_array(grid.shape)
    by_callable = Diffusion(k, natural=True).on(grid)
    faces = [np.broadcast_to(k(*grid.half(i).coordinates()), grid.half(i).shape) for i in (0, 1)]
    by_arrays = Diffusion(faces, natural=True)(u, grid)
    np.testing.assert_allclose(by_arrays, by_callable(u), rtol=0, atol=1e-12)
    by_field = Diffusion(Field("k"), natural=True).on(grid, k=k)
    np.testing.assert_allclose(by_field(u), by_callable(u), rtol=0, atol=1e-12)
    other = by_field.replace(k=2.5)
    want = Diffusion(2.5, natural=True)(u, grid)
    np.testing.assert_allclose(other(u), want, rtol=0, atol=1e-12)
    anisotropic = Diffusion([2.0, 0], natural=True)(u, grid)
    want = 2 * Diffusion(1.0, natural=True, axes=("x",))(u, grid)
    np.testing.assert_allclose(anisotropic, want, rtol=1e-13)
    with pytest.raises(ValueError, match=r"(?s)12.*12|13"):
        Diffusion(np.ones(grid.shape)).on(grid)


# Blocks -----------------------------------------------------------------------------------------


def test_block_matrix():
    A, B = Diff("x"), Diff("y", 2)
    E = Block([[A, B], [0, 2]])
    n = X.size
    M = E.matrix(PLANE).toarray()
    np.testing.assert_array_equal(M[:n, :n], A.matrix(PLANE).toarray())
    np.testing.assert_array_equal(M[:n, n:], B.matrix(PLANE).toarray())
    np.testing.assert_array_equal(M[n:], np.hstack([np.zeros((n, n)), 2 * np.eye(n)]))
    F = random_array((2, *PLANE.shape))
    np.testing.assert_allclose(
        E(F, PLANE), np.stack([A(F[0], PLANE) + B(F[1], PLANE), 2 * F[1]]), atol=1e-11
    )
    assert E.on(PLANE).accuracy.shape == (2, *PLANE.shape)


def test_one_row_or_one_column():
    u = random_array(PLANE.shape)
    column = Block([[Diff("x")], [Identity()]])
    assert column(u, PLANE).shape == (2, *PLANE.shape)
    row = Block([[Diff("x"), Coef(3)]])
    F = np.stack([u, 2 * u])
    np.testing.assert_allclose(row(F, PLANE), Diff("x")(u, PLANE) + 6 * u, atol=1e-12)
    assert_same_matrix((row @ column).matrix(PLANE), (Diff("x", 2) + 3).matrix(PLANE), 1e-13)


def test_block_algebra():
    A, B, C, D = Diff("x"), Diff("y"), Identity(), Coef(2) * Diff("x", 2)
    left, right = Block([[A, B], [C, D]]), Block([[D, C], [B, A]])
    product = left @ right
    by_hand = Block([[A * D + B * B, A * C + B * A], [C * D + D * B, C * C + D * A]])
    largest = abs(by_hand.matrix(PLANE)).max()
    difference = (product.matrix(PLANE) - by_hand.matrix(PLANE)).toarray()
    assert abs(difference).max() <= 1e-13 * largest
    total = (left + right).matrix(PLANE) - (left.matrix(PLANE) + right.matrix(PLANE))
    assert abs(total).max() <= 1e-14 * largest


def test_a_scalar_operator_acts_on_each_component():
    """Beside vector operators a scalar one acts on each component."""
    F = random_array((2, *PLANE.shape))
    E = VectorLaplacian() + 3 * Identity() - Diff("x")
    want = [(Laplacian() + 3 * Identity() - Diff("x"))(f, PLANE) for f in F]
    np.testing.assert_allclose(E(F, PLANE), want, atol=1e-10)
    grad_div = Gradient() @ Divergence()
    assert grad_div(F, PLANE).shape == F.shape


@pytest.mark.parametrize(
    ("bind", "words"),
    [
        (lambda: Curl().on(Grid(x=Uniform(0, 1, 9))), "(?s)2|3"),
        (lambda: Curl(of="scalar").on(SPACE), "2"),
        (lambda: Curl(of="tensor"), "scalar"),
        (lambda: (Gradient() @ Gradient()).on(PLANE), "component"),
        (lambda: (Divergence() + Gradient()).on(PLANE), "component"),
        (lambda: Advection((1.0,)).on(PLANE), "(?s)1.*2|2.*1"),
        (lambda: Tensor([[1, 2], [3]]), "row|square|shape|length"),
        (lambda: (Tensor([[1]]) @ Gradient()).on(PLANE), "(?s)component|1.*2"),
        (lambda: Block([[1, 2], [3]]), "row|length"),
        (lambda: Block([]), "empty|row|Block"),
        (lambda: Gradient(axes=("x", "x")).on(PLANE), "x"),
        (lambda: Gradient(axes=("q",)).on(PLANE), "q"),
        (lambda: Gradient(acc={"q": 4}).on(PLANE), "q"),
        (lambda: Divergence().on(PLANE)(np.ones(PLANE.shape)), "2"),
        (lambda: Divergence().on(PLANE)(np.ones((3, *PLANE.shape))), "(?s)2.*3|3.*2"),
    ],
)
def test_what_does_not_fit_is_refused(bind, words):
    with pytest.raises((ValueError, TypeError), match=words):
        bind()


@pytest.mark.parametrize(
    "bind",
    [
        lambda: Laplacian(isotropic=True).on(Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 8))),
        lambda: Laplacian(isotropic=True).on(Grid(x=Uniform(0, 1, 9))),
        lambda: Laplacian(isotropic=True).on(Grid(*[Points([0, 1, 3, 4, 9])] * 2)),
        lambda: Laplacian(isotropic=True).on(Grid(*[Uniform(0, 1, 5)] * 4)),
        lambda: Laplacian(isotropic=True, acc=4).on(Grid(*[Uniform(0, 1, 9)] * 2)),
    ],
)
def test_isotropic_is_for_equal_spacings(bind):
    with pytest.raises(ValueError, match="isotropic"):
        bind()
