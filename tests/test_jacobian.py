"""What depends on what, and Jacobians by colored differences: the matrices of known functions."""

import numpy as np
import pytest

from findops import (
    Backward,
    Biharmonic,
    Block,
    Cells,
    Diff,
    Divergence,
    Forward,
    Gradient,
    Grid,
    Laplacian,
    Periodic,
    Points,
    Uniform,
    Upwind,
    VectorLaplacian,
)
from findops.problems.nonlinear.jacobian import dependencies

from .support import random_array

GRIDS = {
    "bounded": Grid(x=Uniform(0, 1, 17), y=Cells(0, 1, 14)),
    "periodic": Grid(x=Periodic(0, 1, 23), y=Points(np.cumsum(1 + np.arange(16) % 3))),
    "short": Grid(x=Periodic(0, 1, 5), y=Uniform(0, 1, 8)),
    "unnamed": Grid(Uniform(0, 1, 40)),
}
OPERATORS = {
    "Laplacian": Laplacian(),
    "Laplacian, acc 4": Laplacian(acc=4),
    "Biharmonic": Biharmonic(),
    "Forward": Diff(0, scheme=Forward()),
    "VectorLaplacian": VectorLaplacian(),
    "Stokes": Block([[VectorLaplacian(), Gradient()], [Divergence(), 0]]),
}


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_linear_functions_have_their_matrix(grid, operator):
    op = operator.on(grid)
    u = random_array(op.program.inputs.shape)
    found = dependencies(op, u, grid)
    want = op.matrix()
    assert np.all(found.pattern.toarray() >= (want.toarray() != 0))
    np.testing.assert_allclose(
        found.jacobian(op, u).toarray(), want.toarray(), rtol=0, atol=1e-10 * abs(want).max()
    )


@pytest.mark.parametrize("grid", [GRIDS["bounded"], GRIDS["periodic"]], ids=["bounded", "periodic"])
def test_nothing_else_is_in_the_pattern(grid):
    """Patterns are those of the operators, and few colors do."""
    op = Laplacian(acc=4).on(grid)
    u = np.zeros(grid.shape)
    inside = ~grid.boundary()
    found = dependencies(lambda u: np.where(inside, u * op(u), 0), u, grid)
    want = (op.matrix().toarray() != 0) * inside.ravel()[:, None]
    np.testing.assert_array_equal(found.pattern.toarray(), want)
    assert len(np.unique(found.colors)) < 90


def test_unknowns_of_one_color_have_no_row_in_common():
    grid = GRIDS["periodic"]
    op = VectorLaplacian(acc=4).on(grid)
    found = dependencies(op, np.zeros(op.program.inputs.shape), grid)
    for color in np.unique(found.colors):
        together = found.pattern[:, np.flatnonzero(found.colors.ravel() == color)]
        assert together.sum(axis=1).max() == 1


@pytest.mark.parametrize(("points", "colors"), [(25, 5), (23, 6), (9, 9)])
def test_as_many_colors_as_fit_around(points, colors):
    grid = Grid(x=Periodic(0, 1, points))
    found = dependencies(Diff("x", 2, acc=4).on(grid), np.zeros(points), grid)
    assert len(np.unique(found.colors)) == colors


@pytest.mark.parametrize("axis", [Uniform(0, 1, 40), Periodic(0, 1, 40)], ids=["open", "round"])
def test_upwind_schemes_turn(axis):
    """Rows read one side or the other, as the velocity or the field itself says."""
    grid = Grid(x=axis)
    u = np.cos(2 * np.pi * grid.mesh()[0] + 0.3)
    op = Diff("x", scheme=Upwind(u)).on(grid)
    want = op.matrix().toarray()
    back, ahead = (Diff("x", scheme=scheme).on(grid) for scheme in (Backward(), Forward()))
    for f in (op, lambda v: np.where(u > 0, back(v), ahead(v))):
        found = dependencies(f, u, grid)
        np.testing.assert_array_equal(found.pattern.toarray(), want != 0)
    turning = dependencies(lambda v: v * np.where(v > 0, back(v), ahead(v)), u, grid)
    made = turning.jacobian(lambda v: v * np.where(v > 0, back(v), ahead(v)), u).toarray()
    np.testing.assert_allclose(made, u[:, None] * want + np.diag(op(u)), rtol=0, atol=1e-7)


def test_the_jacobian_of_a_nonlinear_system():
    """Two fields, (v u², exp(u) + v) and diffusion of both."""
    grid = GRIDS["bounded"]
    op = VectorLaplacian().on(grid)

    def f(w):
        u, v = w
        return op(w) + np.stack([v * u**2, np.exp(u) + v])

    w = random_array((2, *grid.shape))
    u, v = w.reshape(2, -1)
    want = op.matrix().toarray()
    n = u.size
    want[:n, :n] += np.diag(2 * v * u)
    want[:n, n:] += np.diag(u**2)
    want[n:, :n] += np.diag(np.exp(u))
    want[n:, n:] += np.eye(n)
    for scale in (w, w * (1 + 0.5j)):
        got = dependencies(f, scale, grid).jacobian(f, w).toarray()
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-9 * abs(want).max())


def test_complex_fields():
    grid = GRIDS["unnamed"]
    u = random_array(grid.shape, complex)
    found = dependencies(lambda u: 1j * u**3, u, grid).jacobian(lambda u: 1j * u**3, u)
    np.testing.assert_allclose(found.toarray(), np.diag(3j * u**2), rtol=0, atol=1e-9)


def test_components_of_different_size():
    """The logarithm of a small component beside a large one stays in its domain."""
    grid = GRIDS["unnamed"]
    w = np.stack([np.full(40, 300.0), np.full(40, 1e-6)])

    def f(w):
        return np.stack([w[0] * w[1], np.log(w[1])])

    made = dependencies(f, w, grid).jacobian(f, w).toarray()
    np.testing.assert_allclose(np.diag(made[40:, 40:]), 1e6, rtol=1e-8)


@pytest.mark.parametrize("sign", [1, -1])
def test_branches_are_seen(sign):
    grid = GRIDS["bounded"]
    u = sign * (1 + random_array(grid.shape) ** 2)

    def f(u):
        return np.where(u > 0, u, 0)

    found = dependencies(f, u, grid)
    np.testing.assert_array_equal(found.pattern.toarray(), np.eye(u.size, dtype=bool))
    np.testing.assert_allclose(
        found.jacobian(f, u).toarray(), (sign > 0) * np.eye(u.size), rtol=0, atol=1e-9
    )


def test_what_is_coupled_along_a_whole_axis():
    grid = GRIDS["bounded"]
    found = dependencies(lambda u: u - u.mean(axis=1, keepdims=True), np.zeros(grid.shape), grid)
    want = np.kron(np.eye(17), np.ones((14, 14)))
    np.testing.assert_array_equal(found.pattern.toarray(), want)


def test_small_problems_may_be_dense():
    grid = Grid(x=Uniform(0, 1, 9))
    found = dependencies(lambda u: u * u.sum(), np.ones(9), grid)
    assert found.pattern.toarray().all()


def far(u):
    v = u.copy()
    v[70] += u[30]
    return v


REFUSED = {
    "a mean": (lambda u: u - u.mean(), np.zeros(300), "all the grid.*give jac="),
    "not analytic": (lambda u: abs(u) ** 2 * u, np.ones(300) * 1j, "analytic.*give jac="),
    "far away": (far, np.ones(300), "far away"),
    "another shape": (lambda u: u[1:], np.ones(300), r"\(300,\).*returned \(299,\)"),
    "not finite": (np.log, np.zeros(300), "not finite"),
}


@pytest.mark.parametrize(("f", "u", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_refused(f, u, words):
    with pytest.raises(ValueError, match=words):
        dependencies(f, u, Grid(x=Uniform(0, 1, 300)))


@pytest.mark.parametrize("sign", [1, -1])
def test_differences_at_the_edge_of_what_a_function_takes(sign):
    """Beyond it values are not finite: on one side, by the neighbors as by the point itself."""
    grid = Grid(x=Uniform(0, 1, 9))
    slope = Diff("x").on(grid)

    def f(u):
        return 3 * u + slope(u) + 0 * np.sqrt(sign * u)

    u = np.zeros(9)
    made = dependencies(f, u, grid).jacobian(f, u)
    np.testing.assert_allclose(
        made.toarray(), slope.matrix().toarray() + 3 * np.eye(9), rtol=0, atol=1e-7
    )
