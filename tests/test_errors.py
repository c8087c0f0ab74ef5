"""Law 10: refusal at the earliest moment, with the need, the value received and the object."""

import numpy as np
import pytest
import xarray

from findops import (
    IVP,
    Advection,
    Backward,
    Biased,
    Block,
    Cells,
    Central,
    Coef,
    Diff,
    Diffusion,
    Dirichlet,
    Field,
    Forward,
    Gradient,
    Grid,
    Identity,
    Interpolate,
    Laplacian,
    Offsets,
    Periodic,
    Points,
    Tensor,
    Uniform,
    Upwind,
    coefficients,
    optimize_stencil,
    weights,
)

LINE = Grid(x=Uniform(0, 1, 9))
PLANE = Grid(x=Uniform(0, 1, 9), y=Periodic(0, 1, 8))
D = Diff("x")
VALUE, TYPE, EITHER = ValueError, TypeError, (ValueError, TypeError)


class SeriesLike:
    """What takes part in arithmetic by its own rules, and stands back for a higher priority."""

    def __mul__(self, other):
        return NotImplemented


# Each: what is done, the type, the words that matter (in any order).
AXES = {
    "Uniform without stop": (lambda: Uniform(0, n=5), TYPE, ["stop", "step"]),
    "Uniform with both": (lambda: Uniform(0, 1, 5, step=0.1), TYPE, ["stop", "step"]),
    "Uniform without n": (lambda: Uniform(0, 1), TYPE, ["n"]),
    "Uniform empty": (lambda: Uniform(0, 1, 0), VALUE, ["0"]),
    "Uniform negative": (lambda: Uniform(n=-3, step=1), VALUE, ["-3"]),
    "Uniform float n": (lambda: Uniform(0, 1, 5.5), TYPE, ["5.5"]),
    "Uniform bool n": (lambda: Uniform(0, 1, True), TYPE, ["True"]),
    "Uniform no length": (lambda: Uniform(1, 1, 5), VALUE, ["1"]),
    "Uniform no step": (lambda: Uniform(n=5, step=0), VALUE, ["step=0"]),
    "Uniform nan": (lambda: Uniform(0, np.nan, 5), VALUE, ["finite", "nan"]),
    "Uniform inf": (lambda: Uniform(n=5, step=np.inf), VALUE, ["finite", "inf"]),
    "Uniform complex": (lambda: Uniform(0, 1j, 5), TYPE, ["real"]),
    "Uniform text": (lambda: Uniform("0", 1, 5), TYPE, ["'0'"]),
    "Periodic empty": (lambda: Periodic(0, 1, 0), VALUE, ["0"]),
    "Cells empty": (lambda: Cells(0, 1, 0), VALUE, ["0"]),
    "Points empty": (lambda: Points([]), VALUE, ["empty"]),
    "Points 2-D": (lambda: Points(np.ones((2, 2))), VALUE, ["1-D", "(2, 2)"]),
    "Points repeated": (lambda: Points([0, 1, 1, 2]), VALUE, ["monotone", "1"]),
    "Points back": (lambda: Points([0, 2, 1, 3]), VALUE, ["monotone", "2", "1"]),
    "Points nan": (lambda: Points([0, np.nan, 2]), VALUE, ["finite"]),
    "Points complex": (lambda: Points([0, 1j]), TYPE, ["real", "complex"]),
    "Points text": (lambda: Points(["a", "b"]), TYPE, ["real"]),
    "Points bool": (lambda: Points([False, True]), TYPE, ["bool"]),
    "Points float16": (lambda: Points(np.arange(3, dtype=object)), TYPE, ["object"]),
    "duplicated end point": (lambda: Points([0, 1, 2, 5], period=5), VALUE, ["end point", "5"]),
    "beyond the period": (lambda: Points([0, 1, 2, 6], period=5), VALUE, ["5", "6"]),
    "negative period": (lambda: Points([0, 1, 2], period=-5), VALUE, ["period", "-5"]),
    "one half point": (lambda: Grid(x=Uniform(n=1, step=1)).half("x"), VALUE, ["half"]),
    "array nan": (lambda: Grid(x=[0, np.nan, 2]), VALUE, ["finite"]),
    "array not monotone": (lambda: Grid(x=[0, 1, 0.5]), VALUE, ["monotone"]),
}

GRIDS = {
    "face-like name": (lambda: Grid(**{"x-": Uniform(0, 1, 5)}), VALUE, ["x-"]),
    "half an index": (lambda: PLANE[1.5], TYPE, ["1.5"]),
    "bool index": (lambda: PLANE[True], TYPE, ["True"]),
    "no axes": (lambda: Grid(), TYPE, ["ax"]),
    "named and unnamed": (lambda: Grid(Uniform(0, 1, 5), y=Uniform(0, 1, 5)), TYPE, ["name"]),
    "a number": (lambda: Grid(5), TYPE, ["5"]),
    "a text": (lambda: Grid(x="abc"), TYPE, ["abc"]),
    "a dict": (lambda: Grid({"x": Uniform(0, 1, 5)}), TYPE, ["Grid(x=…, y=…)", "'x'"]),
    "a list of axes": (lambda: Grid([Uniform(0, 1, 5)]), TYPE, ["Grid(x=…, y=…)", "[Uniform"]),
    "a class": (lambda: Grid(x=Uniform), TYPE, ["an axis is", "class"]),
    "unknown axis": (lambda: PLANE["q"], (ValueError, KeyError), ["q", "x", "y"]),
    "index beyond": (lambda: PLANE[2], (ValueError, IndexError), ["2"]),
    "half of unknown": (lambda: PLANE.half("q"), VALUE, ["q"]),
    "unknown face": (lambda: PLANE.face("x"), VALUE, ["x-", "x+"]),
    "periodic face": (lambda: PLANE.face("y+"), VALUE, ["y+"]),
    "integrate shape": (lambda: PLANE.integrate(np.ones((8, 9))), VALUE, ["(9, 8)", "(8, 9)"]),
    "integrate objects": (lambda: LINE.integrate([None] * 9), TYPE, ["integrate", "object"]),
}

EXPRESSIONS = {
    "False as order": (lambda: Diff("x", False), TYPE, ["False"]),
    "array as axis": (lambda: Diff(np.ones(9), "x"), TYPE, ["axis"]),
    "order 0, odd acc": (lambda: Diff("x", 0, acc="foo"), TYPE, ["foo"]),
    "order 0, text scheme": (lambda: Diff("x", 0, scheme="zz"), TYPE, ["zz"]),
    "half points, acc 0": (lambda: Diff("x", 0, to="half", acc=0), VALUE, ["0"]),
    "scheme's class": (lambda: Diff("x", scheme=Backward), TYPE, ["Central()"]),
    "twice to half points": (
        lambda: Diff("x", to="half") * Diff("x", to="half"),
        VALUE,
        ["half points", "nodes"],
    ),
    "Tensor of operators": (lambda: Tensor([[Diff("x")]]), TYPE, ["Diff('x')", "Block"]),
    "Advection of operators": (lambda: Advection([Diff("x")]), TYPE, ["Diff('x')"]),
    "Diffusion of operators": (lambda: Diffusion(Diff("x")), TYPE, ["Diff('x')"]),
    "Upwind of operators": (lambda: Diff("x", scheme=Upwind(Diff("y"))), TYPE, ["Diff('y')"]),
    "Block of one row": (lambda: Block([D, D]), TYPE, ["[[a, b], [c, d]]"]),
    "Tensor of a number": (lambda: Tensor(3), TYPE, ["[[a, b], [c, d]]", "3"]),
    "Block of nothing": (lambda: Block([]), VALUE, ["at least one row", "[]"]),
    "Tensor of one row": (lambda: Tensor([1, 2]), TYPE, ["[[a, b], [c, d]]"]),
    "acc as axes": (lambda: Laplacian(4), TYPE, ["acc=4"]),
    "acc as a sequence": (lambda: Gradient(acc=(2, 4)), TYPE, ["(2, 4)", "dict"]),
    "odd acc by axis": (lambda: Gradient(acc={"x": 3}), VALUE, ["Gradient", "3"]),
    "huge number": (lambda: 10**400 * D, VALUE, ["double precision"]),
    "pandas on the left": (lambda: SeriesLike() * D, TYPE, ["SeriesLike"]),
    "zero spacing of a stencil": (lambda: D.stencil(0), VALUE, ["0"]),
    "nan spacing of a stencil": (lambda: D.stencil(np.nan), VALUE, ["nan"]),
    # a habit from elsewhere: the spacing in second place
    "spacing for order": (lambda: Diff(0, 0.1), TYPE, ["0.1", "spacing", "order"]),
    "float order": (lambda: Diff(0, 2.0), TYPE, ["2.0", "order"]),
    "negative order": (lambda: Diff(0, -1), VALUE, ["-1", "order"]),
    "bool order": (lambda: Diff(0, True), TYPE, ["True"]),
    "odd acc": (lambda: Diff(0, acc=3), VALUE, ["3", "even"]),
    "odd acc, Central": (lambda: Diff(0, 2, acc=5, scheme=Central()), VALUE, ["5", "even"]),
    "acc 0": (lambda: Diff(0, acc=0), VALUE, ["0", "acc"]),
    "acc 0, Forward": (lambda: Diff(0, acc=0, scheme=Forward()), VALUE, ["0", "acc"]),
    "negative acc": (lambda: Diff(0, acc=-2), VALUE, ["-2"]),
    "float acc": (lambda: Diff(0, acc=2.5), EITHER, ["2.5"]),
    "axis type": (lambda: Diff(0.5), TYPE, ["0.5"]),
    "axis None": (lambda: Diff(None), TYPE, ["None"]),
    "a scheme's name": (lambda: Diff(0, scheme="central"), TYPE, ["central"]),
    "a scheme's class": (lambda: Diff(0, scheme=Forward), TYPE, ["Forward"]),
    "to": (lambda: Diff(0, to="cell"), VALUE, ["cell", "half", "node"]),
    "Interpolate to": (lambda: Interpolate(0, "center"), VALUE, ["center", "half", "node"]),
    "Interpolate acc": (lambda: Interpolate(0, "half", acc=3), VALUE, ["3", "even"]),
    "acc to Offsets": (
        lambda: Diff(0, acc=2, scheme=Offsets([-1, 0, 1])),
        EITHER,
        ["acc", "Offsets"],
    ),
    "too few Offsets": (lambda: Diff(0, 3, scheme=Offsets([-1, 0, 1])), VALUE, ["3", "4"]),
    "repeated Offsets": (lambda: Offsets([0, 1, 1]), VALUE, ["1"]),
    "float Offsets": (lambda: Offsets([0, 0.5]), TYPE, ["0.5"]),
    "no Offsets": (lambda: Offsets([]), VALUE, ["offset"]),
    "float shift": (lambda: Biased(0.5), TYPE, ["0.5"]),
    "text velocity": (lambda: Diff(0, scheme=Upwind("left")), TYPE, ["str"]),
    "unknown keyword": (lambda: Diff(0, order=1, accuracy=4), TYPE, ["accuracy"]),
    "fraction of a power": (lambda: D**0.5, EITHER, ["0.5"]),
    "negative power": (lambda: D**-1, VALUE, ["-1"]),
    "division by an operator": (lambda: 1 / D, TYPE, ["/"]),
    "division by zero": (lambda: D / 0, ZeroDivisionError, ["zero"]),
    "text coefficient": (lambda: "2" * D, TYPE, ["str|sequence"]),
    "None coefficient": (lambda: D + None, TYPE, ["NoneType|None"]),
    "object array": (lambda: np.array([D, D], dtype=object) * D, TYPE, ["object|operator"]),
    "float16 coefficient": (lambda: np.ones(9, np.float16) * D, TYPE, ["float16"]),
    "nan": (lambda: Coef(np.nan) * D, VALUE, ["nan|finite"]),
    "field name": (lambda: Field(3), TYPE, ["3"]),
    "field identifier": (lambda: Field("two words"), VALUE, ["two words"]),
    "@ array": (lambda: D @ np.ones(9), TYPE, ["(u, grid)"]),
    "array @": (lambda: np.ones(9) @ D, TYPE, [""]),
}

BINDING = {
    "too small Points": (lambda: Diff("x", 2, acc=4).on(Grid(x=Points([0, 1, 3.0]))), VALUE,
                         ["'x'", "6", "3"]),
    "upwind where unknown": (lambda: Diff("x", scheme=Upwind(np.full(9, np.nan))).on(LINE), VALUE,
                             ["NaN"]),
    "callable with a default": (lambda: ((lambda a, b=3: a * b) * Diff(0)).on(Grid(*PLANE.axes)),
                                VALUE, ["one coordinate per axis", "2"]),
    "closure with a spacing": (lambda: Gradient()(np.ones((9, 8)), 0.1, 0.2), VALUE, ["tuple"]),
    "options as fields": (lambda: D.matrix(LINE, format="csc"), TYPE, ["format", "E.on(grid)"]),
    "no grid": (lambda: D.on(), TYPE, ["grid"]),
    "no grid to call": (lambda: Diff(0)(np.ones(5)), TYPE, ["grid|spacing"]),
    "no grid for a matrix": (lambda: D.matrix(), TYPE, ["grid"]),
    "unknown axis": (lambda: Diff("q").on(PLANE), VALUE, ["q", "x", "y"]),
    "index beyond": (lambda: Diff(2).on(PLANE), VALUE, ["2"]),
    "index below": (lambda: Diff(-3).on(PLANE), VALUE, ["-3"]),
    "too small": (lambda: Diff("x", 2, acc=8).on(Grid(x=Uniform(0, 1, 6))), VALUE,
                  ["Diff", "'x'", "10", "6"]),
    "too small by index": (lambda: Diff(1, 4)(np.ones((9, 3)), 1.0), VALUE, ["1", "6", "3"]),
    "too small, Forward": (lambda: Diff("x", acc=4, scheme=Forward()).on(
        Grid(x=Uniform(0, 1, 4))), VALUE, ["'x'", "5", "4"]),
    "too small, half": (lambda: Diff("x", acc=4, to="half").on(Grid(x=Uniform(0, 1, 3))), VALUE,
                        ["'x'", "3"]),
    "too small in a sum": (lambda: (D + Diff("x", 6)).on(Grid(x=Uniform(0, 1, 7))), VALUE,
                           ["'x'", "8", "7"]),
    "too small points": (lambda: Diff("x", 2).on(Grid(x=Points([0, 1, 3]))), VALUE, ["'x'", "3"]),
    "too small mirror": (lambda: Diff("x", acc=8).on(Grid(x=Uniform(0, 1, 3)), closure="odd"),
                         VALUE, ["'x'", "3"]),
    "unknown closure": (lambda: D.on(LINE, closure="wrap"), VALUE, ["wrap", "Periodic"]),
    **{
        f"closure elsewhere called {name}": (
            lambda name=name: D.on(LINE, closure=name),
            VALUE,
            [repr(name), word],
        )
        for name, word in {
            "reflect": "'even'", "mirror": "'even'", "symmetric": "'even'",
            "antisymmetric": "'odd'", "wrap": "Periodic", "grid-wrap": "Periodic",
            "periodic": "Periodic", "constant": "'zero'", "nearest": "'even'", "edge": "'even'",
        }.items()
    },
    "natural is no truth": (lambda: Diffusion(1, natural="no"), TYPE, ["natural", "'no'"]),
    "isotropic is no truth": (lambda: Laplacian(isotropic=1), TYPE, ["isotropic", "True"]),
    "relative is no truth": (
        lambda: optimize_stencil([-1, 0, 1, 2], 1, acc=2, band=1.0, relative="no"),
        TYPE,
        ["relative", "'no'"],
    ),
    "dense is no truth": (
        lambda: IVP(Diff("x", 2), LINE, Dirichlet("boundary")).solve(
            np.zeros(9), [0, 1], dense="no"
        ),
        TYPE,
        ["dense", "'no'"],
    ),
    "add is no truth": (lambda: D.on(LINE)(np.ones(9), add="no"), TYPE, ["add", "'no'"]),
    **{
        f"method written {name}": (
            lambda name=name: IVP(Diff("x", 2), LINE, Dirichlet("boundary")).solve(
                np.zeros(9), [0, 1], name, dt=0.1
            ),
            VALUE,
            [f"write '{meant}'"],
        )
        for name, meant in {
            "Crank-Nicolson": "crank-nicolson", "crank_nicolson": "crank-nicolson",
            "Backward Euler": "backward-euler", "RK4": "rk4", "rk45": "RK45", "bdf": "BDF",
        }.items()
    },
    "spacings in a list": (
        lambda: Laplacian()(np.ones((9, 9)), [0.1, 0.2]), VALUE, ["tuple", "(dx, dy)"]
    ),
    **{
        f"coordinates for {axis.__name__}": (
            lambda axis=axis: axis(np.linspace(0, 1, 9)),
            TYPE,
            [axis.__name__, "Grid(x=coordinates)", "Periodic(x[0]"],
        )
        for axis in (Uniform, Periodic, Cells)
    },
    "velocity is no coefficient": (lambda: Upwind("a"), TYPE, ["Upwind", "str"]),
    "velocity is not finite": (lambda: Upwind(np.nan), VALUE, ["Upwind", "nan"]),
    "spacing of another axis": (
        lambda: Diff("x").stencil({"X": 0.1}),
        VALUE,
        ["'X'", "'x'"],
    ),
    "unknown face": (lambda: D.on(LINE, closure={"y-": "odd"}), VALUE, ["y-", "x-"]),
    "periodic face": (lambda: Diff("y").on(PLANE, closure={"y-": "odd"}), VALUE, ["y-"]),
    "axis for a face": (lambda: D.on(LINE, closure={"x": "odd"}), VALUE, ["'x'", "x-"]),
    "closure in a dict": (lambda: D.on(LINE, closure={"x-": "wrapped"}), VALUE, ["accurate"]),
    "closure 0": (lambda: D.on(LINE, closure=0), VALUE, ["0"]),
    "float closure": (lambda: D.on(LINE, closure=1.5), EITHER, ["1.5"]),
    "bool closure": (lambda: D.on(LINE, closure=True), EITHER, ["True"]),
    "closure type": (lambda: D.on(LINE, closure=["odd"]), EITHER, ["odd"]),
    "no field": (lambda: (Field("c") * D).on(LINE), EITHER, ["c"]),
    "other field": (lambda: (Field("c") * D).on(LINE, c=1.0, k=2.0), EITHER, ["k"]),
    "unknown keyword": (lambda: D.on(LINE, accuracy=4), EITHER, ["accuracy"]),
    "unknown keyword to call": (lambda: D(np.ones(9), LINE, accuracy=4), EITHER, ["accuracy"]),
    "field shape": (lambda: (Field("c") * D).on(LINE, c=np.ones(8)), VALUE, ["c", "8", "9"]),
    "field type": (lambda: (Field("c") * D).on(LINE, c="a"), TYPE, ["c"]),
    "array shape": (lambda: (np.ones(8) * D).on(LINE), VALUE, ["8", "9"]),
    "array of a batch": (lambda: (np.ones((3, 9)) * D).on(LINE), VALUE, ["(3, 9)", "(9,)"]),
    "array transposed": (lambda: (np.ones((8, 9)) * D).on(PLANE), VALUE, ["(8, 9)", "(9, 8)"]),
    "array of one axis": (lambda: (np.ones(9) * D).on(PLANE), VALUE, ["(9,)", "(9, 8)"]),
    "callable's shape": (lambda: ((lambda x: x[:-1]) * D).on(LINE), VALUE, ["8", "9"]),
    "callable's extra axis": (lambda: ((lambda x: np.ones((3, 9)) + x) * D).on(LINE), VALUE,
                              ["(3, 9)", "9"]),
    "callable's parameter": (lambda: ((lambda q: q) * D).on(LINE), EITHER, ["q", "x"]),
    "callable's result": (lambda: ((lambda x: "a") * D).on(LINE), EITHER, [""]),  # noqa: ARG005
    "velocity shape": (lambda: Diff("x", scheme=Upwind(np.ones(8))).on(LINE), VALUE, ["8", "9"]),
    "velocity complex": (lambda: Diff("x", scheme=Upwind(1j)).on(LINE), EITHER, ["complex|real"]),
    "halo on points": (lambda: D.on(Grid(x=Points([0, 1, 3, 4, 9])), closure="halo"), VALUE,
                       ["halo"]),
    "not a grid": (lambda: D.on("grid"), TYPE, ["grid"]),
    "a number without data": (lambda: Diff(0).on(0.1), EITHER, ["0.1", "Grid"]),
}  # fmt: skip

APPLYING = {
    "swapped": (lambda: D(LINE, np.ones(9)), TYPE, ["(u, grid)"]),
    "sparse": (lambda: D.on(LINE) @ D.matrix(LINE), TYPE, ["sparse", "op.matrix()"]),
    "labeled": (
        lambda: Diff(0).on(Grid(LINE["x"]))(xarray.DataArray(np.ones(9), dims="x")),
        TYPE,
        ["DataArray", "axes"],
    ),
    "half an index of a stencil": (lambda: D.on(LINE).stencil((1.7,)), TYPE, ["1.7"]),
    "operator as array": (lambda: np.asarray(D.on(LINE)), TYPE, ["op.matrix()"]),
    "wrong shape": (lambda: D.on(LINE)(np.ones(8)), VALUE, ["8", "9"]),
    "transposed": (lambda: D.on(PLANE)(np.ones((8, 9))), VALUE, ["(8, 9)", "(9, 8)"]),
    "too few axes": (lambda: D.on(PLANE)(np.ones(8)), VALUE, ["(8,)", "(9, 8)"]),
    "components": (lambda: Gradient().on(PLANE).T(np.ones(PLANE.shape)), VALUE, ["2", "(9, 8)"]),
    "@ wrong shape": (lambda: D.on(LINE) @ np.ones(8), VALUE, ["8", "9"]),
    "matvec": (lambda: D.on(LINE).matvec(np.ones(8)), VALUE, ["8", "9"]),
    "rmatvec": (lambda: D.on(LINE).rmatvec(np.ones(10)), VALUE, ["10", "9"]),
    "None": (lambda: D.on(LINE)(None), TYPE, [""]),
    "data and an expression": (lambda: D(D, LINE), TYPE, [""]),
    "out is a list": (lambda: D.on(LINE)(np.ones(9), out=[0.0] * 9), TYPE, ["out"]),
    "complex scale of real": (
        lambda: D.on(LINE)(np.ones(9), out=np.ones(9), scale=1j),
        EITHER,
        [""],
    ),
    "matrix format": (lambda: D.on(LINE).matrix(format="xyz"), VALUE, ["xyz"]),
    "rows beyond": (lambda: D.on(LINE).matrix(rows=[9]), (ValueError, IndexError), ["9"]),
}

MIXING = {
    "bound @ unbound": (lambda: D.on(LINE) @ D, TYPE, ["bind"]),
    "unbound @ bound": (lambda: D @ D.on(LINE), TYPE, ["bind"]),
    "bound + unbound": (lambda: D.on(LINE) + D, TYPE, ["bind"]),
    "unbound + bound": (lambda: D + D.on(LINE), TYPE, ["bind"]),
    "unbound * bound": (lambda: D * D.on(LINE), TYPE, ["bind"]),
    "bound - unbound": (lambda: D.on(LINE) - Identity(), TYPE, ["bind"]),
    "other grids @": (lambda: D.on(LINE) @ D.on(Grid(x=Uniform(0, 2, 9))), VALUE, [""]),
    "other grids +": (lambda: D.on(LINE) + D.on(PLANE), VALUE, [""]),
    "components +": (lambda: Gradient().on(PLANE) + D.on(PLANE), VALUE, [""]),
    "array * bound": (lambda: np.ones(8) * D.on(LINE), EITHER, ["8", "9"]),
    "bound ** -1": (lambda: D.on(LINE) ** -1, VALUE, ["-1"]),
    "bound ** 0.5": (lambda: D.on(LINE) ** 0.5, EITHER, ["0.5"]),
    "rectangular ** 2": (lambda: Diff("x", to="half").on(LINE) ** 2, VALUE, [""]),
    "replace unknown": (lambda: D.on(LINE).replace(c=1.0), EITHER, ["c"]),
    "replace shape": (lambda: (Field("c") * D).on(LINE, c=1.0).replace(c=np.ones(8)), VALUE,
                      ["8", "9"]),
}  # fmt: skip

WEIGHTS = {
    "order 0 of coefficients": (lambda: coefficients(0), VALUE, ["0", "1"]),
    "named scheme": (lambda: coefficients(1, scheme="central"), TYPE, ["Central()", "central"]),
    "too few nodes": (lambda: weights(2, [0, 1]), VALUE, ["2", "3"]),
    "no nodes": (lambda: weights(0, []), VALUE, ["0"]),
    "equal nodes": (lambda: weights(1, [0, 1, 1.0]), VALUE, ["distinct"]),
    "not finite": (lambda: weights(1, [0, np.inf]), VALUE, ["finite"]),
    "negative order": (lambda: weights(-1, [0, 1]), VALUE, ["-1"]),
    "float order": (lambda: weights(1.0, [0, 1]), TYPE, ["1.0"]),
    "complex nodes": (lambda: weights(1, [0, 1j]), TYPE, ["1j"]),
    "text nodes": (lambda: weights(1, ["a", "b"]), TYPE, ["'a'"]),
    "odd acc": (lambda: coefficients(1, acc=3), VALUE, ["3", "even"]),
    "acc to Offsets": (lambda: coefficients(1, 2, Offsets([-1, 0, 1])), EITHER, ["acc"]),
    "coefficients' order": (lambda: coefficients(0.5), TYPE, ["0.5"]),
    "Backward acc": (lambda: coefficients(1, -1, Backward()), VALUE, ["-1"]),
}

ALL = [
    pytest.param(*entry, id=f"{room}: {name}")
    for room, table in {
        "axes": AXES, "grids": GRIDS, "expressions": EXPRESSIONS, "binding": BINDING,
        "applying": APPLYING, "mixing": MIXING, "weights": WEIGHTS,
    }.items()
    for name, entry in table.items()
]  # fmt: skip


@pytest.mark.parametrize(("action", "error", "words"), ALL)
def test_refusal(action, error, words):
    with pytest.raises(error) as caught:
        action()
    message = str(caught.value)
    for word in words:
        assert any(option in message for option in word.split("|")), message


def test_an_index_and_a_name_are_one_axis_after_binding():
    """Binding resolves axes to indices and normalizes again."""
    assert (Diff("x") * Diff(0)).on(LINE).stencil((4,)) == Diff("x", 2).on(LINE).stencil((4,))
    assert (Diff("x") - Diff(0)).on(LINE).matrix().nnz == 0


def test_periodic_axes_are_never_too_small():
    for n in (1, 2, 3):
        op = Diff("x", 2, acc=8).on(Grid(x=Periodic(0, 1, n)))
        np.testing.assert_allclose(op(np.ones(n)), 0, atol=1e-12)


def test_the_smallest_grid_that_suffices_suffices():
    """The number that an error asks for is enough, and one fewer is not."""
    for order, acc in ((1, 2), (2, 2), (2, 8), (3, 4), (6, 2)):
        n = order + acc
        assert Diff("x", order, acc=acc).on(Grid(x=Uniform(0, 1, n))).accuracy.min() >= acc
        with pytest.raises(ValueError, match=str(n)):
            Diff("x", order, acc=acc).on(Grid(x=Uniform(0, 1, n - 1)))


def test_errors_are_raised_at_binding_not_at_the_call():
    """The earliest possible moment: nothing is left to fail on first use."""
    for E in (np.ones(8) * D, Diff("x", 2, acc=10), Diff("q"), D * (np.ones(8) * D)):
        with pytest.raises(ValueError, match=r"8|10|12|q"):
            E.on(LINE)


def test_a_callable_that_fails_is_named():
    with pytest.raises(ValueError, match="ambiguous") as caught:
        ((lambda x: 1 if x > 0.5 else 2) * D).on(LINE)
    assert "np.where" in "".join(caught.value.__notes__)
