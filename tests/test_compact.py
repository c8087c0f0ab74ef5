"""Compact schemes: published coefficients, exact equations, pairs of matrices, sweeps."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from scipy.optimize import brentq
from scipy.sparse.linalg import spsolve

from findops import (
    BVP,
    IVP,
    Cells,
    Central,
    Compact,
    Diff,
    Diffusion,
    Dirichlet,
    Field,
    Grid,
    Laplacian,
    Periodic,
    Points,
    Uniform,
    coefficients,
    set_num_threads,
)
from tests.cases import COMPACT, each
from tests.support import (
    assert_rows_close,
    input_shape,
    matrix,
    random_array,
    row_scale,
    solve_exactly,
)

LINE = Grid(x=Uniform(0, 1, 33))
CIRCLE = Grid(x=Periodic(0, 2 * np.pi, 32))

# Lele 1992, tables I and II and equations (2.1) to (2.3): {α, β}, {a, b, c} of each scheme.
PUBLISHED = {
    (1, 4, 1): (["1/4"], ["3/2"]),
    (1, 6, 1): (["1/3"], ["14/9", "1/9"]),
    (1, 8, 2): (["4/9", "1/36"], ["40/27", "25/54"]),
    (1, 10, 2): (["1/2", "1/20"], ["17/12", "101/150", "1/100"]),
    (2, 4, 1): (["1/10"], ["6/5"]),
    (2, 6, 1): (["2/11"], ["12/11", "3/11"]),
    (2, 8, 2): (["344/1179", "23/2358"], ["320/393", "310/393"]),
    (2, 10, 2): (["334/899", "43/1798"], ["1065/1798", "1038/899", "79/1798"]),
}


@pytest.mark.parametrize(("key", "sides"), PUBLISHED.items(), ids=map(str, PUBLISHED))
def test_published_coefficients(key, sides):
    order, acc, left = key
    found = coefficients(order, acc, Compact(left))
    alphas, a = ([Fraction(c) for c in side] for side in sides)
    steps = range(1, len(a) + 1)
    assert found.left_weights == (*alphas[::-1], 1, *alphas)
    upper = [c / (2 * k if order == 1 else k * k) for k, c in zip(steps, a, strict=True)]
    assert found.weights[-len(a) :] == tuple(upper)
    assert found.accuracy == acc
    given = coefficients(order, scheme=Compact(left=alphas, right=a))
    assert given == found


@pytest.mark.parametrize(
    ("order", "published"),
    [(1, (0.5771439, 0.0896406, 1.3025166, 0.99355, 0.03750245)),
     (2, (0.50209266, 0.05569169, 0.21564935, 1.723322, 0.1765973))],
)  # fmt: skip
def test_spectral_like(order, published):
    """The published digits carry the single precision of their time, 3e-7.

    More than rounding is in them: the derivative by them is exact at the waves 2.0, 2.3 and 2.4,
    the second at 2.0, 2.4 and 2.6, to four digits only.
    """
    found = coefficients(order, scheme=Compact.spectral_like(order))
    scales = [2, 4, 6] if order == 1 else [1, 4, 9]
    right = [float(w) * s for w, s in zip(found.weights[-3:], scales, strict=True)]
    got = [*map(float, found.left_weights[3:]), *right]
    np.testing.assert_allclose(got, published, rtol=0, atol=4e-7)
    assert found.accuracy == 4
    waves = np.array(Compact.spectral_like(order).waves)
    made = Compact.spectral_like(order).modified_wavenumber(waves, order)
    np.testing.assert_allclose(made, waves**order, rtol=1e-14)
    α, β, a, b, c = published

    def printed(t):
        sums = [a * np.sin(t), b / 2 * np.sin(2 * t), c / 3 * np.sin(3 * t)]
        if order == 2:
            sums = [2 * a * (1 - np.cos(t)), b / 2 * (1 - np.cos(2 * t)),
                    2 * c / 9 * (1 - np.cos(3 * t))]  # fmt: skip
        return sum(sums) / (1 + 2 * α * np.cos(t) + 2 * β * np.cos(2 * t)) / t**order - 1

    roots = [brentq(printed, wave - 0.03, wave + 0.03) for wave in waves]
    np.testing.assert_allclose(roots, waves, rtol=0, atol=2e-4)
    assert abs(printed(waves)).max() < 5e-7
    assert order == 2 or abs(printed(2.2)) > 1e-4


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("left", [1, 2, 3])
@pytest.mark.parametrize("more", [0, 2])
def test_moments_vanish_exactly(order, left, more):
    # Beyond, some left sides vanish for a wave.
    acc = Diff("x", order, scheme=Compact(left)).acc + (more if order < 3 else 0)
    found = coefficients(order, acc, Compact(left))
    assert found.accuracy == acc
    assert found.error[1] == order + acc
    assert found.error[0] != 0


def test_boundary_rows_are_the_solution_of_their_moment_equations():
    """At the first point of a Padé scheme: v0 + v1/4 = Σ w u, exact up to degree four."""
    left, right = Diff("x", scheme=Compact()).on(Grid(x=Uniform(n=12, step=1))).pair()
    moments = [[Fraction(j) ** q for j in range(5)] for q in range(5)]
    truth = [Fraction(q == 1) + Fraction(q, 4) * (Fraction(1) if q else 0) for q in range(5)]
    want = [float(w) for w in solve_exactly(moments, truth)]
    np.testing.assert_array_equal(right.toarray()[0, :5], want)
    np.testing.assert_array_equal(left.toarray()[0, :3], [1, 0.25, 0])
    np.testing.assert_array_equal(right.toarray()[-1, -5:], [-w for w in want[::-1]])


@each([c for c in COMPACT if c.ins == c.outs == () and "Compact" in c.name][::3])
def test_pair(case):
    op = case.op()
    try:
        left, right = op.pair()
    except ValueError:
        assert len(op.program.terms) > 1 or op.program.terms[0].factors
        return
    u = random_array(input_shape(case.grid(), op), complex)
    v = op(u).ravel()
    np.testing.assert_allclose(left @ v, right @ u.ravel(), atol=1e-13 * row_scale(right, u).max())
    assert left.nnz <= left.shape[0] * 5 ** case.grid().ndim


def test_pair_of_an_explicit_operator_has_the_identity_on_the_left():
    op = Diff("x", 2).on(LINE)
    left, right = op.pair()
    np.testing.assert_array_equal(left.toarray(), np.eye(33))
    np.testing.assert_array_equal(right.toarray(), op.matrix().toarray())


@pytest.mark.parametrize("kind", [Uniform, Periodic, Cells])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("order", "acc", "left"), [(1, 6, 1), (2, 6, 1), (1, 10, 2), (2, 8, 2), (1, 8, 3)]
)
@pytest.mark.parametrize("shape", [(13, 2, 40), (40, 37, 3), (3, 40, 300)])
def test_sweeps_along_any_axis_solve_the_two_matrices(kind, axis, order, acc, left, shape):
    """However blocks of lines are cut, they solve what SciPy solves along a line."""
    n = 18
    sizes = [*shape[:axis], n, *shape[axis + 1 :]]
    op = Diff(axis, order, acc, Compact(left)).on(Grid(*(kind(0, 1, m) for m in sizes)))
    line = Diff(0, order, acc, Compact(left)).on(Grid(kind(0, 1, n)))
    sides = [side.toarray() for side in line.pair()]
    u = random_array(tuple(sizes))
    dense = np.linalg.solve(*sides)
    want = np.moveaxis(np.tensordot(dense, u, (1, axis)), 0, axis)
    size = np.abs(np.linalg.inv(sides[0])) @ np.abs(sides[1])
    np.testing.assert_allclose(op(u), want, rtol=0, atol=1e-14 * size.sum(1).max())


def test_threads_do_not_change_the_bits():
    grid = Grid(x=Periodic(0, 1, 40), y=Uniform(0, 1, 48), z=Cells(0, 1, 50))
    u = random_array(grid.shape)
    for axis in "xyz":
        op = Diff(axis, acc=6, scheme=Compact()).on(grid)
        with set_num_threads(1):
            one = op(u)
        with set_num_threads(3):
            np.testing.assert_array_equal(op(u), one)


def test_out_add_scale_and_layouts():
    grid = Grid(x=Uniform(0, 1, 20), y=Periodic(0, 1, 21), z=Cells(0, 1, 22))
    op = (Laplacian(acc=6, scheme=Compact()) - 2).on(grid)
    u = random_array((2, *grid.shape), complex)
    want = op(u)
    assert op(np.asfortranarray(u)) == pytest.approx(want, abs=0)
    assert op(u[:, ::-1, :, ::-1][:, ::-1, :, ::-1]) == pytest.approx(want, abs=0)
    out = np.ones_like(want)
    assert op(u, out=out, add=True, scale=2j) is out
    np.testing.assert_allclose(out, 1 + 2j * want, atol=1e-13 * np.abs(want).max())
    same = u.copy()
    op(same, out=same)
    np.testing.assert_array_equal(same, want)
    assert op(np.zeros((0, *grid.shape))).shape == (0, *grid.shape)


def test_a_replaced_field_keeps_the_factors():
    op = (Field("c") * Diff("x", acc=6, scheme=Compact())).on(LINE, c=np.ones(33))
    u = random_array(33)
    first = op(u)
    other = op.replace(c=np.full(33, 3.0))
    np.testing.assert_allclose(other(u), 3 * first, rtol=1e-15)
    assert other._application.solvers is op._application.solvers


@pytest.mark.parametrize("n", [1, 2])
def test_circles_of_one_and_two_points(n):
    grid = Grid(x=Periodic(0, 1, n))
    u = random_array(n)
    np.testing.assert_allclose(Diff("x", acc=6, scheme=Compact())(u, grid), 0, atol=1e-14)
    second = Diff("x", 2, acc=6, scheme=Compact()).on(grid)
    left, right = second.pair()
    np.testing.assert_allclose(left.toarray() @ second(u), right.toarray() @ u, atol=1e-13)


def test_a_wave_is_multiplied_by_the_modified_wavenumber():
    theta = 2 * np.pi * 5 / 32
    for scheme in (Compact(), Compact(2), Compact.spectral_like()):
        wave = np.exp(1j * theta * np.arange(32))
        got = Diff("x", scheme=scheme)(wave, Grid(x=Periodic(n=32, step=1)))
        np.testing.assert_allclose(got, 1j * scheme.modified_wavenumber(theta) * wave, atol=1e-14)


def test_the_modified_wavenumber_is_exact_in_sympy():
    t = sympy.Symbol("t")
    got = Compact().modified_wavenumber(t, acc=4)
    want = 3 * sympy.sin(t) / 2 / (1 + sympy.cos(t) / 2)
    assert sympy.simplify(got - want) == 0


def test_continuations_fold_both_sides():
    """An odd field's first derivative is even: sine and cosine waves stay what they are."""
    grid = Grid(x=Uniform(0, np.pi, 25))
    (x,) = grid.coordinates()
    circle = Grid(x=Periodic(0, 2 * np.pi, 48))
    (y,) = circle.coordinates()
    for order in (1, 2, 3):
        for closure, f in (("odd", np.sin), ("even", np.cos)):
            D = Diff("x", order, acc=6, scheme=Compact())
            got = D.on(grid, closure=closure)(f(3 * x))
            np.testing.assert_allclose(got, D(f(3 * y), circle)[:25], atol=2e-13 * 8**order)


def test_products_compose_where_there_is_no_such_derivative():
    D = Diff("x", scheme=Compact())
    assert Diff("x", 2, acc=4, scheme=Compact()) == D * D
    assert len((D * D * D).on(CIRCLE).program.terms) == 2
    E = Diff("x", acc=6, scheme=Compact())
    assert Diff("x", 3, acc=6, scheme=Compact()) == E * E * E


def test_prints_as_written():
    for text in ("Compact()", "Compact(left=2)", "Compact(right=3)", "Compact.spectral_like(2)",
                 "Compact(left=[1/3], right=[14/9, 1/9])"):  # fmt: skip
        assert repr(eval(text, {"Compact": Compact})) == text
    assert repr(Diff("x", acc=6, scheme=Compact())) == "Diff('x', acc=6, scheme=Compact())"
    assert repr(Diff("x", scheme=Compact())) == "Diff('x', scheme=Compact())"


def test_written_rows_are_those_of_the_quotient():
    for case in COMPACT[::5]:
        op = case.op()
        u = random_array(input_shape(case.grid(), op, case.ins))
        A = matrix(op)
        assert_rows_close(op.written(u), A @ u.ravel(), row_scale(A, u), 1e-13)
    op = Diff("x", acc=6, scheme=Compact()).on(Grid(x=Uniform(0, 1, 500)))
    assert np.diff(op.written.matrix().indptr).max() < 200
    assert Diff("x").on(LINE).written is not None


@pytest.mark.parametrize("axis", [Periodic(0, 1, 300), Uniform(0, 1, 301)], ids=repr)
def test_written_rows_go_as_far_as_their_weights(axis):
    """Rows of this left side lose a factor e in 220 points."""
    op = Diff("x", scheme=Compact(left=[0.49999])).on(Grid(x=axis))
    u = np.random.default_rng(1).standard_normal(len(axis))
    result = op(u)
    np.testing.assert_allclose(op.written(u), result, rtol=0, atol=1e-10 * np.abs(result).max())


def test_scale_may_be_a_complex_scalar_of_numpy():
    op = Diff("x", scheme=Compact()).on(Grid(x=Periodic(0, 1, 16)))
    u = np.random.default_rng(2).standard_normal(16) + 1j
    np.testing.assert_array_equal(op(u, scale=np.complex64(2j)), op(u, scale=2j))


@pytest.mark.parametrize(
    "left", [[Fraction(1234567, 9999991)], [Fraction(10**18 + 1, 7 * 10**18)], [0.123], [1 / 3]]
)
def test_repr_gives_the_scheme_back(left):
    scheme = Compact(left=left)
    assert eval(repr(scheme), {"Compact": Compact, "Fraction": Fraction}) == scheme
    assert Compact(left=np.array([0.25])) == Compact(left=[0.25])


def test_problems_take_implicit_operators():
    grid = Grid(x=Uniform(0, 1, 41))
    (x,) = grid.coordinates()
    D2 = Diff("x", 2, acc=6, scheme=Compact())
    solved = BVP(D2, grid, [Dirichlet("boundary", 0)]).solve(-(np.pi**2) * np.sin(np.pi * x))
    np.testing.assert_allclose(solved.u, np.sin(np.pi * x), atol=2e-9)
    (y,) = CIRCLE.coordinates()
    moved = IVP(-Diff("x", acc=6, scheme=Compact()), CIRCLE).solve(
        np.sin(y), [0, 1], method="rk4", dt=0.01
    )
    np.testing.assert_allclose(moved.u[-1], np.sin(y - 1), atol=1e-7)


def test_spsolve_of_the_pair_is_the_operator():
    grid = Grid(x=Uniform(0, 1, 12), y=Periodic(0, 1, 13))
    op = (2 * Diff("x", acc=4, scheme=Compact()) * Diff("y", 2, scheme=Compact())).on(grid)
    left, right = op.pair()
    u = random_array(grid.shape)
    np.testing.assert_allclose(
        spsolve(left.tocsc(), right @ u.ravel()), op(u).ravel(), rtol=1e-10, atol=1e-10
    )


D6 = Diff("x", acc=6, scheme=Compact())
PUBLISHED_DIGITS = Compact([0.5771439, 0.0896406], [1.3025166, 0.99355, 0.03750245])
REFUSED = {
    "uneven": (lambda: D6.on(Grid(x=Points([0, 1, 3, 4, 5, 6, 7, 8]))), "evenly spaced"),
    "too few": (lambda: D6.on(Grid(x=Uniform(0, 1, 6))), "needs 7 points along 'x'.*has 6"),
    "halo": (lambda: D6.on(LINE, closure="halo"), "closure 'halo' says nothing"),
    "zero": (lambda: D6.on(LINE, closure="zero"), "closure 'zero' says nothing"),
    "matrix": (lambda: D6.on(LINE).matrix(), r"op\.pair\(\) gives the sparse matrices"),
    "diagonal": (lambda: D6.on(LINE).diagonal(), "not a known diagonal"),
    "pair": (lambda: (D6.on(LINE) + 1).pair(), "no single term"),
    "pair of T": (lambda: D6.on(LINE).T.pair(), "no single term"),
    "stencil": (lambda: D6.stencil(), "implicit and has no finite stencil"),
    "masked": (lambda: D6.on(LINE).masked(np.arange(33) > 3), "reads whole lines"),
    "diffusion": (lambda: Diffusion(2.0, scheme=Compact()), "made of central differences"),
    "interpolation": (lambda: Diff("x", 0, to="half", scheme=Compact()), "only Central"),
    "acc 2": (lambda: Diff("x", acc=2, scheme=Compact()), "at least 4, but acc is 2"),
    "odd acc": (lambda: Diff("x", acc=5, scheme=Compact()), "even accuracy"),
    "singular": (lambda: Diff("x", 3, acc=4, scheme=Compact()), "at least 6, but acc is 4"),
    "acc fixed": (lambda: Diff("x", acc=6, scheme=Compact(right=2)), "leave acc out"),
    "few right": (lambda: Diff("x", 5, scheme=Compact(right=1)), "more points on the right"),
    "order 3": (lambda: Diff("x", 3, scheme=PUBLISHED_DIGITS), "first or second"),
    "sum": (lambda: Diff("x", scheme=PUBLISHED_DIGITS), "must sum up to 2.33356"),
    "vanishing": (lambda: Compact(left=[0.5]), "positive for all waves"),
    "none left": (lambda: Compact(0), "at least 1, but is 0"),
    "empty": (lambda: Compact([]), "at least one coefficient"),
    "right alone": (lambda: Compact(right=[1.0]), "coefficients on the left"),
    "waves": (lambda: Compact(waves=[4.0]), "between 0 and π"),
    "staggered": (lambda: Diff("x", to="half", scheme=Compact(right=2)), "same points"),
    "spectral-like": (lambda: Compact.spectral_like(3), "order 1 or 2"),
}


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_with_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("waves", [2.0, ["a"], "ab"], ids=repr)
def test_waves_are_a_sequence_of_numbers(waves):
    with pytest.raises(TypeError, match="Compact: waves must be a sequence of numbers"):
        Compact(waves=waves)


@pytest.mark.parametrize("value", ["one", 1.5, [1j], None], ids=repr)
def test_wrong_types(value):
    with pytest.raises(TypeError, match="Compact: "):
        Compact(left=value)


def test_central_is_the_explicit_limit():
    """With a right side wide enough and α = 0 the scheme is the central one."""
    for order in (1, 2):
        wide = coefficients(order, 6, Compact(left=[0]))
        central = coefficients(order, 6, Central())
        assert [w for w in central.weights if w] == list(wide.weights)


@pytest.mark.parametrize(
    ("order", "left", "right", "acc"),
    [
        (1, [Fraction(1, 3)], 2, 6),
        (1, [Fraction(1, 4)], 1, 4),
        (1, [Fraction(3, 8)], 3, 8),
        (2, [Fraction(2, 11)], 2, 6),
        (2, [Fraction(1, 10)], 1, 4),
        (1, [Fraction(1, 5)], 2, 4),
    ],
)
def test_rows_near_the_ends_are_as_accurate_as_the_interior(order, left, right, acc):
    """Given coefficients on the left may cancel one more moment than were asked to vanish."""
    D = Diff("x", order, scheme=Compact(left=left, right=right))
    assert D.acc == acc
    assert np.unique(D.on(Grid(x=Uniform(0, 1, 25))).accuracy).tolist() == [acc]
