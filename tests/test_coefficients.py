"""Coefficients: numbers, arrays, callables, SymPy expressions, fields; how they match axes."""

import contextlib
import functools

import numpy as np
import pytest
import sympy

from findops import Coef, Diff, Field, Grid, Identity, Laplacian, Periodic, Uniform, Upwind
from tests.support import assert_same_matrix, random_array

X = np.linspace(0, 1, 6)
Y = np.arange(5) * 0.4
GRID = Grid(x=Uniform(0, 1, 6), y=Periodic(0, 2, 5))
PLAIN = Grid(Uniform(0, 1, 6), Periodic(0, 2, 5))
D = Diff(0)


def value(coefficient, grid=GRID, **fields):
    """What a coefficient is on the grid: the diagonal of c·Identity, shaped like the grid."""
    op = (coefficient * Identity()).on(grid, **fields)
    return op(np.ones(grid.shape))


class Callable:
    def __call__(self, y):
        return y + 1


BY_NAME = {
    "y": (lambda y: y + 1, 0 * X[:, None] + Y + 1),
    "x": (lambda x: x**2, X[:, None] ** 2 + 0 * Y),
    "y, x": (lambda y, x: x - 3 * y, X[:, None] - 3 * Y),
    "x, y": (lambda x, y: x - 3 * y, X[:, None] - 3 * Y),
    "default kept": (lambda x, k=2: k * x, 2 * X[:, None] + 0 * Y),
    "constant": (lambda: 7.0, np.full((6, 5), 7.0)),
    "returns a number": (lambda x, y: 7, np.full((6, 5), 7.0)),  # noqa: ARG005
    "object": (Callable(), 0 * X[:, None] + Y + 1),
    "partial": (functools.partial(lambda a, y: a * y, 3), 0 * X[:, None] + 3 * Y),
}


@pytest.mark.parametrize(("f", "want"), BY_NAME.values(), ids=BY_NAME)
def test_parameters_are_matched_by_name(f, want):
    np.testing.assert_allclose(value(f), want, rtol=1e-15)
    np.testing.assert_allclose(value(Coef(f)), want, rtol=1e-15)


def test_by_position_on_an_unnamed_grid():
    np.testing.assert_allclose(value(lambda s, t: s - 3 * t, PLAIN), X[:, None] - 3 * Y)
    np.testing.assert_allclose(value(lambda y, x: y - 3 * x, PLAIN), X[:, None] - 3 * Y)


def test_by_position_where_the_signature_cannot_be_read():
    np.testing.assert_allclose(value(np.hypot), np.hypot(X[:, None], Y))
    np.testing.assert_allclose(value(np.hypot, PLAIN), np.hypot(X[:, None], Y))
    np.testing.assert_allclose(value(np.sin, Grid(x=Uniform(0, 1, 6))), np.sin(X))


def test_callables_receive_the_open_mesh():
    shapes = []

    def f(x, y):
        shapes.append((x.shape, y.shape))
        return x + y

    value(f)
    assert set(shapes) == {((6, 1), (1, 5))}


def test_callables_cannot_change_the_grid():
    def f(x):
        with contextlib.suppress(ValueError):  # read-only is as good as a copy
            x[...] = 99
        return x

    value(f)
    np.testing.assert_array_equal(np.ravel(GRID.coordinates()[0]), Uniform(0, 1, 6).coordinates)


def test_sympy_expressions_are_matched_by_symbol():
    x, y = sympy.symbols("x y")
    np.testing.assert_allclose(value(sympy.sin(x) * y + 1), np.sin(X)[:, None] * Y + 1, rtol=1e-14)
    np.testing.assert_allclose(value(x**2), X[:, None] ** 2 + 0 * Y)
    np.testing.assert_array_equal(value(sympy.Rational(1, 4)), 0.25)
    np.testing.assert_array_equal(value(sympy.I * 2), 2j)
    np.testing.assert_allclose(value(sympy.pi), np.pi)
    with pytest.raises((ValueError, TypeError), match="q"):
        value(sympy.Symbol("q") * x)


@pytest.mark.parametrize(
    "c", [np.arange(30.0).reshape(6, 5), np.arange(30).reshape(6, 5), np.full((6, 5), 2j)],
    ids=["float", "int", "complex"],
)  # fmt: skip
def test_arrays(c):
    np.testing.assert_array_equal(value(c), c)


@pytest.mark.parametrize("c", [2, 2.5, 1j, np.float32(1.5), np.int64(3), np.array(2.0), True])
def test_numbers(c):
    np.testing.assert_array_equal(value(c), np.full((6, 5), complex(c)))


@pytest.mark.parametrize("c", [np.linspace(1, 2, 20).reshape(4, 5), lambda x, y: x + 1j * y])
@pytest.mark.parametrize("adjoint", [lambda op: op, lambda op: op.T, lambda op: op.H])
def test_terms_share_the_array_of_a_coefficient(c, adjoint):
    grid = Grid(x=Uniform(0, 1, 4), y=Uniform(0, 1, 5))
    program = adjoint((Coef(c) * Laplacian()).on(grid)).program
    values = {id(f.value) for chain in program.parts for t in chain.terms for f in t.factors}
    assert len(values) == 1


@pytest.mark.parametrize(
    "given",
    [3.0, np.arange(30.0).reshape(6, 5), lambda y: 0 * y + 1.5, sympy.Symbol("y") ** 2],
    ids=["number", "array", "callable", "sympy"],
)
def test_fields_take_any_coefficient(given):
    want = value(given) if not isinstance(given, float) else np.full((6, 5), given)
    np.testing.assert_array_equal(value(Field("c"), c=given), want)
    np.testing.assert_array_equal(value(Field("c"), c=1.0), 1)


def test_free_fields():
    E = Field("a") * D + D * Field("b") - Field("a") * Identity()
    assert set(E.free_fields) == {"a", "b"}
    assert not set(D.free_fields)
    assert set(Diff("x", scheme=Upwind(Field("v"))).free_fields) == {"v"}


def test_replace_gives_another_value():
    E = Field("a") * Diff("x", 2) + Diff("y") * Field("b")
    a, b, c = (random_array(GRID.shape, seed=s) for s in range(3))
    op = E.on(GRID, a=a, b=b)
    other = op.replace(a=c)
    again = other.replace(a=a, b=b)
    assert_same_matrix(other.matrix(), E.matrix(GRID, a=c, b=b), 1e-15)
    assert_same_matrix(again.matrix(), op.matrix(), 0)
    u = random_array(GRID.shape)
    np.testing.assert_array_equal(other(u), E.on(GRID, a=c, b=b)(u))
    np.testing.assert_array_equal(other.T(u), E.on(GRID, a=c, b=b).T(u))
    np.testing.assert_array_equal(other.diagonal(), E.on(GRID, a=c, b=b).diagonal())


def test_replace_changes_values_only():
    """Where a coefficient becomes zero its entries go; where it comes back they come back."""
    op = (Field("c") * Diff("x", 2)).on(GRID, c=np.ones(GRID.shape))
    assert op.replace(c=np.zeros(GRID.shape)).matrix().nnz == 0
    some = np.zeros(GRID.shape)
    some[2] = 1
    back = op.replace(c=np.zeros(GRID.shape)).replace(c=some).matrix()
    assert_same_matrix(back, (some * Diff("x", 2)).matrix(GRID), 0)


def test_sums_of_coefficients():
    f = np.arange(30.0).reshape(6, 5)
    E = 2 + f * Identity() + Identity() * (lambda x: x)
    np.testing.assert_allclose(E(np.ones((6, 5)), GRID), 2 + f + X[:, None], rtol=1e-15)


def test_products_of_coefficients():
    f, g = np.arange(30.0).reshape(6, 5), np.arange(30.0)[::-1].reshape(6, 5)
    np.testing.assert_array_equal((f * (g * Identity()))(np.ones((6, 5)), GRID), f * g)
    np.testing.assert_array_equal(((f * Identity()) ** 3)(np.ones((6, 5)), GRID), f**3)
    assert_same_matrix((f * (Diff("x") * g)).matrix(GRID),
                       (f * Diff("x") * g).matrix(GRID), 0)  # fmt: skip


def test_numpy_on_the_left_defers():
    c = np.arange(30.0).reshape(6, 5)
    u = random_array((6, 5))
    for left in (c * Diff("x"), np.multiply(1.0, c) * Diff("x")):
        assert not isinstance(left, np.ndarray)
        np.testing.assert_array_equal(left(u, GRID), (Coef(c) * Diff("x"))(u, GRID))
    assert np.float64(2) * Diff("x") == 2 * Diff("x")
    assert np.float64(2) - Diff("x") == 2 - Diff("x")
    with pytest.raises(TypeError):
        np.add(c, Diff("x"))


def test_bound_operators_on_numpys_right():
    op, u = Diff("x").on(GRID), random_array((6, 5))
    assert not isinstance(np.float64(2) * op, np.ndarray)
    np.testing.assert_array_equal(
        (np.float64(2) * op).matrix().toarray(), 2 * op.matrix().toarray()
    )
    with pytest.raises(TypeError):
        u @ op


def test_a_labelled_array_on_the_left_works_or_raises():
    xarray = pytest.importorskip("xarray", reason="labelled arrays are xarray's")
    c = xarray.DataArray(np.arange(30.0).reshape(6, 5), dims=("x", "y"))
    try:
        product = c * Diff("x")
    except TypeError:
        return
    assert not isinstance(product, xarray.DataArray)
    u = random_array((6, 5))
    np.testing.assert_array_equal(product(u, GRID), (c.values * Diff("x"))(u, GRID))
