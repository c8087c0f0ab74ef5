"""Expressions as values: hashing, pickling, printing, application."""

import dataclasses
import functools
import pickle
import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given

import findops as fo
from findops import Block, Coef, Diff, Field, Gradient, Grid, Identity, Interpolate, Uniform, Upwind
from findops.expressions.components import Components, Compound, Notation
from tests.cases import CASES, LITERAL, each
from tests.grids import a
from tests.strategies import trees
from tests.support import input_shape, random_array

x = sympy.Symbol("x")
VALUES = [
    Diff("x"),
    Diff("x", 3, acc=4),
    Diff(-1, 2, scheme=fo.Forward()),
    Diff("x", scheme=fo.Biased(1), acc=3),
    Diff("x", scheme=fo.Offsets([-1, 0, 2])),
    Diff("x", scheme=fo.Upwind(2.0), acc=1),
    Diff("x", to="half"),
    Interpolate("x", "node", acc=4),
    Identity(),
    Coef(2.5) * Identity(),
    Field("c") * Diff("x") + 3,
    x**2 * Diff("x"),
    a * Diff("x"),
    Diff("x") * Diff("y") - 2j * Diff("y", 2) + 1,
    Diff("x") * (Field("c") * Diff("x")),
    fo.Gradient(),
    fo.Gradient(axes=("x", "y"), acc={"x": 4, "y": 2}),
    fo.Divergence() @ fo.Tensor([[1, Field("k")], [0, 2]]) @ fo.Gradient(),
    fo.Curl(of="scalar"),
    fo.Laplacian(isotropic=True),
    fo.Laplacian() + 2,
    fo.Diffusion(a, natural=True),
    fo.Advection([1.0, Field("v")]),
    fo.DirectionalDerivative((1, 2)),
    fo.Block([[Diff("x"), Diff("y")], [0, Identity()]]),
    fo.Hessian(),
    fo.Jacobian(),
    fo.VectorLaplacian(acc=4),
    fo.Biharmonic(),
]


@pytest.mark.parametrize("E", VALUES, ids=str)
def test_pickling(E):
    twin = pickle.loads(pickle.dumps(E))
    assert twin == E
    assert hash(twin) == hash(E)


@pytest.mark.parametrize("E", VALUES, ids=str)
def test_equality_and_hash(E):
    assert E == 1 * E
    assert Diff("elsewhere") != E
    assert E != 3
    assert len({E, E, Diff("elsewhere")}) == 2


def test_pickled_arrays_and_lambdas():
    c = np.arange(5.0)
    twin = pickle.loads(pickle.dumps(c * Diff("x")))
    grid = Grid(x=Uniform(0, 1, 5))
    np.testing.assert_array_equal(twin(c, grid), (c * Diff("x"))(c, grid))
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps((lambda x: x) * Diff("x"))


def test_values_are_all_different():
    assert len(set(VALUES)) == len(VALUES)


# Printing ---------------------------------------------------------------------------------------

NAMES = {name: getattr(fo, name) for name in fo.__all__}


@pytest.mark.parametrize("E", [E for E in VALUES if "function" not in repr(E)], ids=str)
def test_repr_round_trip(E):
    assert eval(repr(E), dict(NAMES) | {"x": x, "a": a}) == E


@given(trees(("x", "y"), 4))
def test_repr_round_trip_of_any_tree(tree):

    assert eval(repr(tree.expr), dict(NAMES) | {"Fraction": Fraction}) == tree.expr


@pytest.mark.parametrize("E", VALUES, ids=str)
def test_printed_forms(E):
    for text in (str(E), repr(E), E._repr_latex_()):
        assert isinstance(text, str)
        assert text
        assert " object at 0x" not in text
    latex = E._repr_latex_()
    assert latex.startswith("$")
    assert latex.endswith("$")
    assert latex.count("{") == latex.count("}")


def test_str_and_latex_distinguish():
    some = [Diff("x"), Diff("y"), Diff("x", 2), 2 * Diff("x"), Diff("x") + 1,
            Field("c") * Diff("x"),
            Diff("x") * Field("c"), Diff("x") * Diff("y"), -Diff("x")]  # fmt: skip
    for show in (str, repr, lambda E: E._repr_latex_()):
        assert len({show(E) for E in some}) == len(some)


def test_latex_is_mathematics():
    latex = (Diff("x", 2) + Field("c") * Diff("y"))._repr_latex_()
    assert r"\partial" in latex
    assert "c" in latex
    assert r"\nabla" in fo.Gradient()._repr_latex_()


# Compounds of a user's own ----------------------------------------------------------------------


class Wave(Compound):
    """A wave operator, with nothing but its parts."""

    def expand(self, geometry):
        t, x = map(geometry.index, "tx")
        return Components((), (), {(0, 0): Diff(t, 2) - Diff(x, 2)})


@dataclass(frozen=True, repr=False)
class Telegraph(Compound):
    """The telegraph operator, with its notation and what it was given."""

    damping: Coef
    speed: float = 1.0

    notation = Notation("□[{}]", r"\Box_{{}}")

    @property
    def coefficients(self):
        return (self.damping,)

    def expand(self, geometry):
        damped = self.damping * Diff(geometry.index("t")) * self.speed
        return Components((), (), {(0, 0): Wave() + damped})


class Unprintable(Wave):
    """A compound that cannot be written."""

    @property
    def notation(self):
        raise RuntimeError("not to be written")


def test_a_compound_of_ones_own_is_one_class():
    grid = Grid(t=Uniform(0, 1, 7), x=Uniform(0, 2, 6))
    u = random_array(grid.shape, float)
    parts = Diff("t", 2) - Diff("x", 2)
    damped = Telegraph(Field("c"), 2.0)
    assert damped.free_fields == {"c"}
    assert np.array_equal(damped(u, grid, c=3), (parts + 6 * Diff("t"))(u, grid))
    for E, same in ((Wave(), parts), (Telegraph(Coef(3), 2.0), parts + 6 * Diff("t")),
                    (2 * Wave() * Diff("t"), 2 * parts * Diff("t"))):  # fmt: skip
        assert np.array_equal(E(u, grid), same(u, grid))
        assert abs(E.matrix(grid) - same.matrix(grid)).max() == 0
        assert E.on(grid).T.shape == (42, 42)


def test_a_compound_of_ones_own_is_written():
    E = Telegraph(Coef(3), 2.0)
    assert (str(Wave()), repr(Wave()), Wave()._repr_latex_()) == (
        "Wave",
        "Wave()",
        r"$\mathrm{Wave}$",
    )
    assert (str(2 * E), repr(E)) == ("2·□[3]", "Telegraph(Coef(3), speed=2.0)")
    assert E._repr_latex_() == r"$\Box_{3}$"
    grid = Grid(t=Uniform(0, 1, 7), x=Uniform(0, 2, 6))
    assert repr(Wave().on(grid)) == "<Operator Wave: 42×42>"
    assert str(Block([[E], [Wave()]])) == "[□[3]; Wave]"


def test_a_compound_of_ones_own_reads_the_coordinates_of_labeled_arrays():
    xarray = pytest.importorskip("xarray")
    t, x = np.linspace(0, 1, 7), np.linspace(0, 2, 6)
    u = t[:, None] ** 2 + 3 * x**2
    labeled = xarray.DataArray(u, dims=("t", "x"), coords={"t": t, "x": x})
    np.testing.assert_allclose(Wave()(labeled).values, -4, atol=1e-12)
    np.testing.assert_allclose(Block([[Wave()]])(labeled).values, -4, atol=1e-12)
    with pytest.raises(ValueError, match="coordinate"):
        Wave()(labeled.drop_vars("x"))
    waves = fo.Dissipation("x", fo.SBP(2))
    got = waves(labeled.isel(t=0)).values
    np.testing.assert_allclose(got, waves(u[0], Grid(x=Uniform(0, 2, 6))))


class Wrong(Compound):
    """A compound that expands to whatever it is given."""

    def __init__(self, made):
        self.made = made

    def expand(self, geometry):  # noqa: ARG002
        return self.made


def test_mistakes_in_a_compound_are_told():
    grid = Grid(x=Uniform(0, 1, 7))
    assert np.array_equal(Wrong(Diff("x")).matrix(grid).toarray(), Diff("x").matrix(grid).toarray())
    with pytest.raises(TypeError, match=r"Wrong\.expand must return Components, not 'x'"):
        Wrong("x").on(grid)
    with pytest.raises(TypeError, match=r"fields \['c'\], which its `coefficients` do not name"):
        Wrong(Field("c") * Diff("x")).on(grid)
    with pytest.raises(ValueError, match="acts along all axes of a grid: name them"):
        Wave().stencil()


@pytest.mark.parametrize("E", [fo.Diffusion(2), fo.Advection([1]), fo.DirectionalDerivative([3]),
                               fo.Laplacian(), fo.Curl(of="scalar")], ids=repr)  # fmt: skip
def test_parts_can_be_replaced_but_not_set(E):
    changed = dataclasses.replace(E, acc=4)
    assert (changed.acc, changed.axes, changed.coefficients) == (4, E.axes, E.coefficients)
    assert dataclasses.replace(changed, acc=2) == E != changed
    for name in ("acc", "other"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(E, name, 4)


def test_printing_does_not_stand_in_the_way_of_binding():
    grid = Grid(t=Uniform(0, 1, 7), x=Uniform(0, 2, 6))
    u = random_array(grid.shape, float)
    op = Unprintable().on(grid)
    assert np.array_equal((2 * op + op.T)(u), (2 * Wave().on(grid) + Wave().on(grid).T)(u))
    with pytest.raises(RuntimeError, match="not to be written"):
        repr(op)


# Application ------------------------------------------------------------------------------------


@each(CASES[: -len(LITERAL) : 11])
def test_three_ways_to_apply_agree(case):
    grid, op = case.grid(), case.op()
    E = case.expr(grid)
    fields = {
        name: f(*grid.coordinates()) + np.zeros(grid.shape) for name, f in case.fields.items()
    }
    u = random_array(input_shape(grid, op, case.ins), complex)
    np.testing.assert_array_equal(E(u, grid, closure=case.closure, **fields), op(u))
    A = E.matrix(grid, closure=case.closure, **fields)
    np.testing.assert_array_equal(A.toarray(), op.matrix().toarray())


@each(CASES[::11])
def test_leading_axes_are_batch(case):
    grid, op = case.grid(), case.op()
    shape = input_shape(grid, op, case.ins)
    u = random_array((2, 3, *shape))
    v = op(u)
    assert v.shape == (2, 3, *case.outs, *op.range.shape)
    for i in np.ndindex(2, 3):
        alone = op(u[i])
        np.testing.assert_allclose(v[i], alone, rtol=1e-13, atol=1e-13 * np.abs(alone).max())
    assert op(u[:, :0]).shape == (2, 0, *case.outs, *op.range.shape)


PUBLIC = set(
    # the public signatures of bound operators, and of `gradient`
    re.findall(
        r"\w+",
        """
        Uniform Periodic Points Cells Grid Diff Interpolate Identity Coef Field
        Central Forward Backward Biased Upwind Offsets weights coefficients
        Gradient Divergence Curl Laplacian VectorLaplacian Hessian Jacobian Biharmonic
        Advection DirectionalDerivative Diffusion Tensor Block gradient
        """,
    )
)


def test_version_and_all():
    assert isinstance(fo.__version__, str)
    assert set(fo.__all__) >= PUBLIC
    assert all(hasattr(fo, name) for name in fo.__all__)


def test_parameters_are_matched_by_name_and_frozen_ones_kept():
    grid = Grid(x=Uniform(1, 2, 5), y=Uniform(1, 3, 4))
    x, y = grid.coordinates()
    ones = np.ones(grid.shape)
    for function, want in (
        (lambda y: y, 0 * x + y),
        (lambda y, k=3: k * y, 0 * x + 3 * y),
        (functools.partial(lambda x, y: x * y, y=100.0), 100 * x + 0 * y),
        (lambda **c: c["x"] - c["y"], x - y),
        (lambda *c: c[0] / c[1], x / y),
        (np.hypot, np.hypot(x, y)),
        (lambda y, x, /: x - 10 * y, x - 10 * y),
    ):
        np.testing.assert_array_equal(Coef(function)(ones, grid), want)


def test_dicts_by_axis_compare_in_any_order():
    assert Gradient(acc={"x": 4, "y": 2}) == Gradient(acc={"y": 2, "x": 4})


def test_callables_compare_by_identity_even_without_a_hash():
    p = np.polynomial.Polynomial([1, 2])
    assert Coef(p) * Diff("x") == Coef(p) * Diff("x")
    assert Coef(p) != Coef(np.polynomial.Polynomial([1, 2]))
    assert Diff("x", scheme=Upwind(p)) == Diff("x", scheme=Upwind(p))


def test_fields_may_be_called_like_the_unknowns_of_fluid_dynamics():
    grid = Grid(x=Uniform(0, 1, 5), y=Uniform(0, 1, 5))
    flow = fo.Advection([Field("u"), Field("self")])
    x, y = grid.mesh()
    np.testing.assert_allclose(flow(x * y, grid, u=2.0, self=y), 2 * y + y * x, atol=1e-14)
    op = flow.on(grid=grid, u=2.0, self=y).replace(u=x, self=1.0)
    np.testing.assert_allclose(op(x * y), x * y + x, atol=1e-14)
    assert fo.DirectionalDerivative(vector=[1, 0]).on(grid).stencil((2, 2)) == (
        Diff("x").on(grid).stencil((2, 2))
    )
