"""Law 4: algebra of expressions (their normal form) and of what they mean on a grid."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
import sympy
from hypothesis import given

from findops import (
    Central,
    Coef,
    Curl,
    Diff,
    Divergence,
    Field,
    Forward,
    Gradient,
    Grid,
    Identity,
    Interpolate,
    Offsets,
    Periodic,
    Uniform,
)
from tests.cases import EVERY, each
from tests.grids import make_grid
from tests.strategies import EXACT, constant_trees, trees
from tests.support import (
    assert_rows_close,
    assert_same_matrix,
    input_shape,
    matrix,
    random_array,
    row_scale,
)

Dx, Dy = Diff("x"), Diff("y")
GRID = Grid(x=Uniform(0, 1, 12), y=Periodic(0, 2, 9))

EQUAL = {
    "D^2 D is D^3": (Diff("x", 2) * Dx, Diff("x", 3)),
    "D D is D^2": (Dx @ Dx, Diff("x", 2)),
    "D**3": (Dx**3, Diff("x", 3)),
    "D**0": (Dx**0, Identity()),
    "(Dx + Dy)**0": ((Dx + Dy) ** 0, Identity()),
    "order 0": (Diff("x", 0), Identity()),
    "acc 4 merges": (Diff("x", acc=4) * Diff("x", 2, acc=4), Diff("x", 3, acc=4)),
    "Forward merges": (Diff("x", scheme=Forward()) ** 2, Diff("x", 2, scheme=Forward())),
    "default scheme": (Diff("x", 1, scheme=Central()), Dx),
    "default acc": (Diff("x", 1, acc=2), Dx),
    "axes commute": (Dx * Dy, Dy * Dx),
    "commuted and merged": (Dx * Dy * Dx, Diff("x", 2) * Dy),
    "distributed": (Dx * (Dx + Dy), Diff("x", 2) + Dx * Dy),
    "distributed right": ((Dx + Dy) * Dx, Diff("x", 2) + Dx * Dy),
    "square": ((Dx + Dy) ** 2, Diff("x", 2) + 2 * Dx * Dy + Diff("y", 2)),
    "numbers to the front": (Dx * 2 * Dy * 3, 6 * Dx * Dy),
    "number on either side": (Dx * 2, 2 * Dx),
    "numbers multiply": (2 * (3 * Dx), 6 * Dx),
    "negation": (-Dx, -1 * Dx),
    "division": (Dx / 2, 0.5 * Dx),
    "double negation": (-1 * -Dx, Dx),
    "like terms": (Dx + Dx, 2 * Dx),
    "order of a sum": (Dx + Dy, Dy + Dx),
    "number in a sum": (Dx + 3, Dx + 3 * Identity()),
    "number first in a sum": (3 - Dx, 3 * Identity() - Dx),
    "one": (1 * Dx, Dx),
    "identity": (Identity() * Dx * Identity(), Dx),
    "associative": ((Dx * Dy) * Diff("z"), Dx * (Dy * Diff("z"))),
    "associative sum": ((Dx + Dy) + Diff("z"), Dx + (Dy + Diff("z"))),
    "Coef of a number": (Coef(2) * Dx, 2 * Dx),
    "rational": (Fraction(1, 2) * Dx, Dx / 2),
    "field": (Field("c") * Dx, Field("c") * Dx),
    "sympy": (sympy.Symbol("x") * Dx, sympy.Symbol("x") * Dx),
    "numpy scalar": (np.float64(2) * Dx, 2 * Dx),
}

DIFFERENT = {
    "acc": (Diff("x", acc=4), Dx),
    "order": (Diff("x", 2), Dx),
    "scheme": (Diff("x", scheme=Forward()), Dx),
    "axis": (Dx, Dy),
    "position": (Diff("x", to="half"), Dx),
    "acc does not merge": (Diff("x", acc=4) * Dx, Diff("x", 2)),
    "schemes do not merge": (Diff("x", scheme=Forward()) * Dx, Diff("x", 2)),
    "positions do not merge": (Diff("x", to="node") * Diff("x", to="half"), Diff("x", 2)),
    "Offsets do not merge": (
        Diff("x", scheme=Offsets([-1, 0, 1])) ** 2,
        Diff("x", 2, scheme=Offsets([-1, 0, 1])),
    ),
    "a coefficient stays where it stands": (Dx * Field("c"), Field("c") * Dx),
    "fields by name": (Field("a") * Dx, Field("b") * Dx),
    "arrays by identity": (np.ones(3) * Dx, np.ones(3) * Dx),
    "interpolation": (Interpolate("x", "half"), Interpolate("x", "half", acc=4)),
}


@pytest.mark.parametrize(("left", "right"), EQUAL.values(), ids=EQUAL)
def test_equal_expressions(left, right):
    assert left == right
    assert hash(left) == hash(right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT.values(), ids=DIFFERENT)
def test_different_expressions(left, right):
    assert left != right


def test_same_callable_and_same_array_are_equal():
    c, f = np.ones(3), np.sin
    assert c * Dx == c * Dx
    assert hash(c * Dx) == hash(c * Dx)
    assert f * Dx == f * Dx
    assert f * Dx != np.cos * Dx


@given(*[trees(("x", "y"), 4, EXACT)] * 3)
def test_ring_laws_of_any_trees(a, b, c):
    A, B, C = a.expr, b.expr, c.expr
    assert A * (B * C) == (A * B) * C
    assert A + (B + C) == (A + B) + C
    assert A + B == B + A
    assert A * (B + C) == A * B + A * C
    assert (A + B) * C == A * C + B * C
    assert A * B == A @ B
    assert A**2 == A * A
    assert Identity() == A**0
    assert A - A - A == -A
    assert -1 * -A == A
    assert hash(A + B) == hash(B + A)


@given(constant_trees(), trees((0,), 2))
def test_binding_is_linear(drawn, other):
    A, B = drawn.op.matrix().toarray(), other.expr.on(drawn.grid).matrix().toarray()
    C = (2 * drawn.expr - other.expr).matrix(drawn.grid).toarray()
    largest = (2 * np.abs(A) + np.abs(B)).max(axis=1, keepdims=True)
    assert np.all(np.abs(C - (2 * A - B)) <= 1e-13 * largest)


def test_a_difference_of_equals_vanishes():
    assert (Dx - Dx).matrix(GRID).nnz == 0
    np.testing.assert_array_equal((Dx - Dx)(np.ones(GRID.shape), GRID), 0)


def test_array_minus_operator():
    c, u = random_array(GRID.shape, seed=1), random_array(GRID.shape, seed=2)
    A = Dx.matrix(GRID)
    for expr in (c - Dx, -(Dx - c), c * Identity() - Dx, Coef(c) - Dx):
        assert_rows_close(expr(u, GRID), c.ravel() * u.ravel() - A @ u.ravel(),
                          row_scale(A, u) + np.abs(c * u).ravel(), 1e-14)  # fmt: skip
    assert_rows_close(
        (c + Dx / 2)(u, GRID), c.ravel() * u.ravel() + A @ u.ravel() / 2,
        row_scale(A, u) + np.abs(c * u).ravel(), 1e-14)  # fmt: skip


def test_left_and_right_coefficients():
    """c * E multiplies the result; E * c is f ↦ E(c f)."""
    c, u = random_array(GRID.shape, seed=1), random_array(GRID.shape, seed=2)
    A = Dx.matrix(GRID)
    assert_rows_close((c * Dx)(u, GRID), c * Dx(u, GRID), row_scale(A, u) * abs(c).ravel(), 1e-14)
    assert_rows_close((Dx * c)(u, GRID), Dx(c * u, GRID), row_scale(A, c * u), 1e-14)


# Bound algebra is literal -----------------------------------------------------------------------


def test_bound_algebra_is_that_of_matrices():
    A, B = (Dx + 1).on(GRID), (Diff("y", 2) + 2j).on(GRID)
    M, N = A.matrix(), B.matrix()
    results = {
        "@": (A @ B, M @ N),
        "+": (A + B, M + N),
        "-": (A - B, M - N),
        "c*": (2 * A, 2 * M),
        "*c": (A * 2j, 2j * M),
        "/c": (A / 4, M / 4),
        "-A": (-A, -M),
        "**2": (A**2, M @ M),
        "**3": (A**3, M @ M @ M),
        "T": ((A @ B).T, N.T @ M.T),
        "H": ((A @ B).H, N.conj().T @ M.T),
    }
    u = random_array(GRID.shape, complex)
    for name, (op, want) in results.items():
        assert_same_matrix(op.matrix(), want.tocsr(), 1e-13)
        scale = abs(M) @ (abs(N) @ np.abs(u.ravel())) + row_scale(abs(want), u)
        scale = np.max(scale) if name in ("**3", "T", "H") else scale
        assert_rows_close(op(u), want @ u.ravel(), scale * np.ones(u.size), 1e-13)
    assert_same_matrix((A**0).matrix(), sp.eye_array(u.size).tocsr(), 0)
    assert_same_matrix((A @ B).T.matrix(), (B.T @ A.T).matrix(), 1e-15)


def test_bound_product_differs_from_the_merged_expression():
    """The wide product (D²) and the compact second derivative are different operators."""
    grid = Grid(x=Periodic(0, 1, 8))
    D = Dx.on(grid)
    assert sorted(D.stencil((4,))) == [(-1,), (1,)]
    assert sorted((D @ D).stencil((4,))) == [(-2,), (0,), (2,)]
    assert sorted((Dx * Dx).on(grid).stencil((4,))) == [(-1,), (0,), (1,)]


@pytest.mark.parametrize(
    "spec", ["x=uniform y=random z=periodic", "x=cells y=descending z=uniform"]
)
@pytest.mark.parametrize("acc", [2, 4])
def test_bound_identities_of_vector_calculus(spec, acc):
    grid = make_grid(spec, 8)
    curl, grad, div = (E(acc=acc).on(grid) for E in (Curl, Gradient, Divergence))
    f, F = random_array(grid.shape), random_array((3, *grid.shape))
    for left, right, u in ((curl, grad, f), (div, curl, F)):
        scale = abs(left.matrix()) @ row_scale(right.matrix(), u)
        product = (left @ right)(u)
        assert_rows_close(product, np.zeros(product.shape), scale, 1e-13)
        M = (left @ right).matrix().toarray()
        assert abs(M).max() <= 1e-13 * (abs(left.matrix()) @ abs(right.matrix())).max()


def test_bound_curl_of_gradient_in_the_plane():
    grid = make_grid("x=random y=periodic", 12)
    M = Curl().on(grid).matrix() @ Gradient().on(grid).matrix()
    N = (Curl().on(grid) @ Gradient().on(grid)).matrix()
    largest = abs(Curl().matrix(grid)).max() * abs(Gradient().matrix(grid)).max()
    assert abs(M).max() <= 1e-14 * largest
    assert (abs(N).max() if N.nnz else 0) <= 1e-14 * largest


@each(EVERY[::7])
def test_operators_are_linear(case):
    op = case.op()
    shape = input_shape(case.grid(), op, case.ins)
    u, v = random_array(shape, complex, 1), random_array(shape, complex, 2)
    A = matrix(op)
    scale = row_scale(A, u) * 3 + row_scale(A, v)
    assert_rows_close(op(3 * u - 1j * v), 3 * op(u) - 1j * op(v), scale, 1e-13)
    np.testing.assert_array_equal(op(np.zeros(shape)), 0)
