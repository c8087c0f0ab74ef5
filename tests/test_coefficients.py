"""Coefficients: numbers, arrays, callables, SymPy expressions, fields; how they match axes."""

import contextlib
import functools
import math

import numpy as np
import pytest
import scipy.special
import sympy
import sympy.stats
from sympy.codegen.ast import FunctionCall
from sympy.physics.units import Quantity
from sympy.utilities.lambdify import implemented_function
from sympy.vector import CoordSys3D

from findops import (
    Central,
    Coef,
    Condition,
    Diff,
    Dirichlet,
    Field,
    Grid,
    Identity,
    Laplacian,
    Periodic,
    Robin,
    Uniform,
    Upwind,
    weights,
)
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


# Names from outside are text, never code ----------------------------------------------------------

x, K = sympy.symbols("x k")

NESTED = {
    "applied": lambda f: f(x),
    "in a sum of terms": lambda f: 1 + x * sympy.sin(f(x) ** 2),
    "in another function": lambda f: sympy.Max(x, sympy.exp(f(f(x)))),
    "derivative": lambda f: sympy.Derivative(f(x), x),
    "integral": lambda f: sympy.Integral(f(x), x),
    "limits of a sum": lambda f: sympy.Sum(x * K, (K, 1, f(2))),
    "sum without symbols": lambda f: sympy.Sum(f(K), (K, 1, 3)),
    "integral without symbols": lambda f: sympy.Integral(f(K), (K, 0, 1)),
    "substitution": lambda f: sympy.Subs(f(K), K, x),
    "condition of a piece": lambda f: sympy.Piecewise((x, f(x) > 0), (0, True)),
    "without symbols": lambda f: f(1) + 1,
    "in a Lambda": lambda f: sympy.Lambda(x, f(x)),
}


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A command that leaves a file, as an expression of Python; the file must not come to exist."""
    monkeypatch.chdir(tmp_path)
    yield '__import__("pathlib").Path("ran").touch()'
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", NESTED.values(), ids=NESTED)
def test_undefined_functions_are_refused_by_name(trap, where):
    for name in (trap, "f", "exit"):
        c = where(sympy.Function(name))
        with pytest.raises(ValueError, match="substitute") as caught:
            (Coef(c) * Identity()).on(GRID)
        assert repr(name) in str(caught.value)
        with pytest.raises(ValueError, match="substitute"):
            (Field("c") * Diff("x")).on(GRID, c=c)
        with pytest.raises(ValueError, match="substitute"):
            Diff("x", scheme=Upwind(c)).on(GRID)


def test_conditions_take_no_undefined_functions(trap):
    f = sympy.Function(trap)
    for condition in (Condition("x-", f(x)), Robin("x-", f(x), 1), Robin("x-", 1, f(x))):
        with pytest.raises(ValueError, match="substitute"):
            Laplacian().on(GRID).subject_to(condition)
    for given in (f, f(x)):
        with pytest.raises((TypeError, ValueError)):
            Laplacian().on(GRID).subject_to(Dirichlet("x-", given)).rhs()


@pytest.mark.parametrize(
    "made",
    [
        lambda name: type(name, (sympy.Function,), {})(x),
        lambda name: implemented_function(name, np.sin)(x),
        lambda name: x + Quantity(name),
        lambda name: x + sympy.MatrixSymbol(name, 2, 2)[0, 0],
        lambda name: x + sympy.stats.Normal(name, 0, 1),
        lambda name: x + sympy.IndexedBase(name)[0],
        lambda name: x + CoordSys3D("N", variable_names=[name, "b", "c"]).base_scalars()[0],
        lambda name: x + FunctionCall(name, [x]),
        lambda name: sympy.Poly(sympy.Symbol(name) * x, x),
        lambda name: x + sympy.Integral(sympy.Symbol(name), (sympy.Symbol(name), 0, 1)),
    ],
)
def test_other_names_are_refused(trap, made):
    for axes in ({"x": X}, {"x": X, trap: X}):
        with pytest.raises((ValueError, TypeError)):
            (Coef(made(trap)) * Identity()).on(Grid(**axes))


def test_functions_with_an_implementation_are_called():
    f = implemented_function("f", np.square)
    np.testing.assert_allclose(value(1 + f(x)), 1 + X[:, None] ** 2 + 0 * Y)


@pytest.mark.parametrize("name", ["conjugate", "Abs", "Heaviside", "acosh", "sinc", "frac"])
def test_functions_that_numpy_has(name):
    f = getattr(sympy, name)
    want = sympy.lambdify(x, f(x + 1), "numpy")(X[:, None]) + 0 * Y
    np.testing.assert_allclose(value(f(x + 1)), want)


CALCULUS = (sympy.Derivative, sympy.Integral)


@pytest.mark.parametrize(
    "f", [sympy.DiracDelta, sympy.dirichlet_eta, sympy.Derivative, sympy.Integral]
)
def test_what_has_no_values_is_refused_when_written(f):
    c = f(sympy.exp(x**x), x) if f in CALCULUS else f(x)
    for written in (lambda: c * Identity(), lambda: Upwind(c), lambda: Condition("x-", c)):
        with pytest.raises(ValueError, match=f"{f.__name__} in .*give a function"):
            written()


@pytest.mark.parametrize(
    "c",
    [
        sympy.Limit(sympy.sin(x * K) / K, K, 0),
        1 + 2 * sympy.Limit(sympy.sin(x * K) / K, K, 0),
        sympy.Lambda(x, x**2),
        sympy.Tuple(x, x),
        sympy.Product(x + K, (K, 1, 3)),
        x + sympy.O(x**2),
        sympy.Piecewise((x, x > 0), (sympy.O(x), True)),
        sympy.Interval(0, 1),
        sympy.Contains(x, sympy.Interval(0, 1)),
    ],
    ids=lambda c: type(c).__name__,
)
def test_what_stands_for_no_number_is_refused_when_written(c):
    names = "Limit|Lambda|Tuple|Product|Order|Interval"
    with pytest.raises(ValueError, match=f"but ({names}) in .*has none"):
        Coef(c)


@pytest.mark.parametrize(
    ("f", "want"),
    [
        (sympy.erf(x), scipy.special.erf),
        (sympy.gamma(x + 2), lambda x: scipy.special.gamma(x + 2)),
        (sympy.besselj(1, x), lambda x: scipy.special.jv(1, x)),
        (sympy.airyai(x), lambda x: scipy.special.airy(x)[0]),
        (sympy.loggamma(x + 2), lambda x: scipy.special.gammaln(x + 2)),
    ],
    ids=lambda value: str(value) if isinstance(value, sympy.Expr) else "",
)
def test_functions_that_scipy_has(f, want):
    np.testing.assert_allclose(value(f), want(X)[:, None] + 0 * Y, rtol=1e-14)


def test_functions_of_numbers_are_numbers():
    want = math.erf(2) * X[:, None] + 0 * Y
    np.testing.assert_allclose(value(sympy.erf(2) * x), want, rtol=1e-15)


def test_symbols_are_text(trap):
    symbol = sympy.Symbol(trap)
    with pytest.raises(ValueError, match="names of axes"):
        value(x * symbol)
    grid = Grid(**{trap: X})
    np.testing.assert_allclose(value(symbol**2, grid), X**2)
    bound = sympy.Sum(symbol * x, (symbol, 1, 3))
    np.testing.assert_allclose(value(bound), 6 * X[:, None] + 0 * Y)


@pytest.mark.parametrize("name", ["lambda", "None", "sin", "numpy", "s000000", "x y", "λ", "0"])
def test_any_name_of_an_axis_is_a_symbol(name):
    symbol, grid = sympy.Symbol(name), Grid(x=Uniform(0, 1, 6), **{name: Y})
    want = np.sin(Y) * X[:, None] + Y
    np.testing.assert_allclose(value(sympy.sin(symbol) * x + symbol, grid), want, rtol=1e-14)


def test_symbols_of_one_name_are_one_axis():
    positive = sympy.Symbol("x", positive=True)
    np.testing.assert_allclose(value(x * positive), X[:, None] ** 2 + 0 * Y)


def test_indices_are_no_symbols():
    with pytest.raises(ValueError, match="names of axes"):
        value(sympy.Symbol("0"), PLAIN)


@pytest.mark.parametrize(
    "use",
    [
        lambda text: Coef(text),
        lambda text: text * Diff("x"),
        lambda text: Diff("x") + text,
        lambda text: sympy.Symbol("x") * Diff("x") * text,
        lambda text: (Field("c") * Diff("x")).on(GRID, c=text),
        lambda text: Diff("x").on(text),
        lambda text: Diff("x")(np.ones(6), text),
        lambda text: Diff("x", scheme=Upwind(text)).on(GRID),
        lambda text: Diff("x").stencil(text),
        lambda text: Diff("x").stencil({"x": text}),
        lambda text: Diff("x").stencil((text,)),
        lambda text: (sympy.Symbol("a") * Diff("x")).stencil(text),
        lambda text: Central().modified_wavenumber(text),
        lambda text: weights(1, [text, 1, 2]),
        lambda text: weights(1, [sympy.Symbol("h"), text, 2]),
        lambda text: weights(1, [sympy.Symbol("h"), 0, 2], at=text),
        lambda text: Uniform(0, sympy.pi, text),
        lambda text: Uniform(text, sympy.pi, 5),
        lambda text: Periodic(0, text, 5),
        lambda text: Dirichlet("x-", text),
        lambda text: Robin("x-", text, sympy.pi),
    ],
)
def test_strings_are_no_expressions(trap, use):
    for text in (trap, "x**2", "1"):
        with pytest.raises((TypeError, ValueError)):
            use(text)
