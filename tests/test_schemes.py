"""Schemes: which points a stencil takes in the interior and near the ends."""

import dataclasses
import pickle
import re

import numpy as np
import pytest
import sympy

import findops
from findops import (
    SBP,
    Advection,
    Backward,
    Biased,
    BogeyBailly,
    Central,
    Compact,
    CompactFilter,
    Curl,
    Diff,
    Diffusion,
    Dissipation,
    Divergence,
    Field,
    Filter,
    Forward,
    Fourier,
    Gradient,
    Grid,
    Hessian,
    Interpolate,
    Laplacian,
    Offsets,
    Optimized,
    Periodic,
    Points,
    Shapiro,
    TamWebb,
    Uniform,
    Upwind,
    UpwindSBP,
)
from findops.schemes import Scheme
from tests.cases import EVERY
from tests.support import assert_same_matrix, coordinates, random_array, vandermonde_weights

H = 0.25
LINE = Grid(x=Uniform(n=21, step=H))
ROUND = Grid(x=Periodic(n=21, step=H))


def offsets_at(op, i):
    return sorted(s for (s,) in op.stencil((i,)))


@pytest.mark.parametrize("grid", [LINE, ROUND], ids=["bounded", "periodic"])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("acc", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("scheme", "low"),
    [(Forward(), lambda _: 0), (Backward(), lambda n: 1 - n),
     (Biased(0), lambda n: -((n - 1) // 2)), (Biased(1), lambda n: 1 - (n - 1) // 2),
     (Biased(-2), lambda n: -2 - (n - 1) // 2)],
    ids=["Forward", "Backward", "Biased(0)", "Biased(1)", "Biased(-2)"],
)  # fmt: skip
def test_forced_stencils(scheme, low, order, acc, grid):
    n = order + acc
    window = range(low(n), low(n) + n)
    got = Diff("x", order, acc=acc, scheme=scheme).on(grid).stencil((10,))
    exact = vandermonde_weights(order, window)
    want = {(s,): float(w) / H**order for s, w in zip(window, exact, strict=True) if w}
    assert got == want  # H is a power of two: no rounding


def test_forced_schemes_reach_as_far_as_they_can():
    """The closure takes over only in rows where the stencil sticks out of the grid."""
    op = Diff("x", acc=2, scheme=Forward()).on(LINE)
    assert all(offsets_at(op, i) == [0, 1, 2] for i in range(19))
    assert all(max(offsets_at(op, i)) + i <= 20 for i in (19, 20))
    assert len(offsets_at(op, 20)) == 3
    op = Diff("x", 2, acc=4).on(LINE)
    assert all(offsets_at(op, i) == [-2, -1, 0, 1, 2] for i in range(2, 19))
    assert offsets_at(op, 0) == [0, 1, 2, 3, 4, 5]
    assert offsets_at(op, 20) == [-5, -4, -3, -2, -1, 0]


def test_forward_counts_along_the_index():
    """On a descending axis Forward takes the next points by index: smaller coordinates."""
    down = Grid(x=Uniform(1, 0, 11))
    op = Diff("x", acc=1, scheme=Forward()).on(down)
    assert offsets_at(op, 5) == [0, 1]
    np.testing.assert_allclose(op(coordinates(down)[0] ** 2)[5], 0.5 + 0.4, rtol=1e-13)


@pytest.mark.parametrize("acc", [1, 2])
@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("velocity", [2.0, 0, -3])
def test_upwind_looks_at_coordinates(acc, step, velocity):
    """Positive velocity takes values from smaller x, whichever way the axis runs; zero too."""
    grid = Grid(x=Uniform(n=15, step=step))
    lower_by_index = (velocity >= 0) == (step > 0)
    plain = Backward() if lower_by_index else Forward()
    got = Diff("x", acc=acc, scheme=Upwind(velocity)).on(grid)
    want = Diff("x", acc=acc, scheme=plain).on(grid)
    assert got.stencil((7,)) == want.stencil((7,))
    periodic = Grid(x=Periodic(n=15, step=step))
    assert_same_matrix(
        Diff("x", acc=acc, scheme=Upwind(velocity)).matrix(periodic),
        Diff("x", acc=acc, scheme=plain).matrix(periodic),
        0,
    )


@pytest.mark.parametrize("as_what", ["array", "callable", "field"])
def test_upwind_over_a_field(as_what):
    grid = Grid(x=Periodic(0, 2 * np.pi, 20), y=Uniform(0, 1, 6))

    def v(x, y):
        return np.sin(x + 0.1) + 0.3 * y

    values = np.broadcast_to(v(*grid.coordinates()), grid.shape)
    velocity = {"array": values, "callable": v, "field": Field("v")}[as_what]
    fields = {"v": values} if as_what == "field" else {}
    D = Diff("x", acc=1, scheme=Upwind(velocity))
    A = D.matrix(grid, **fields).toarray()
    low = Diff("x", acc=1, scheme=Backward()).matrix(grid).toarray()
    high = Diff("x", acc=1, scheme=Forward()).matrix(grid).toarray()
    np.testing.assert_array_equal(A, np.where(values.ravel()[:, None] >= 0, low, high))


def test_upwind_stencils_follow_a_replaced_field():
    D = Diff("x", acc=1, scheme=Upwind(Field("v")))
    grid = Grid(x=Periodic(0, 1, 9))
    op = D.on(grid, v=np.ones(9))
    other = op.replace(v=-np.ones(9))
    assert_same_matrix(other.matrix(), Diff("x", acc=1, scheme=Forward()).matrix(grid), 0)
    assert_same_matrix(op.matrix(), Diff("x", acc=1, scheme=Backward()).matrix(grid), 0)
    u = random_array(9)
    np.testing.assert_allclose(other(u), np.roll(u, -1) * 9 - u * 9, rtol=1e-13)


def test_upwind_advection_transports_without_overshoot():
    """-v u_x with first-order upwinding has no positive off-diagonal loss: an M-matrix."""
    grid = Grid(x=Periodic(0, 2 * np.pi, 30))
    v = np.cos(coordinates(grid)[0])
    A = Advection([v], acc=1, scheme=Upwind(v)).matrix(grid).toarray()
    off = A - np.diag(np.diag(A))
    assert np.all(off <= 0)
    assert np.all(np.diag(A) >= 0)
    np.testing.assert_allclose(A.sum(axis=1), 0, atol=1e-13)


def test_offsets():
    op = Diff("x", 1, scheme=Offsets([-3, -1, 2])).on(ROUND)
    weights = vandermonde_weights(1, [-3, -1, 2])
    want = {(s,): float(w) / H for s, w in zip((-3, -1, 2), weights, strict=True)}
    assert op.stencil((10,)) == want
    np.testing.assert_array_equal(op.accuracy, 2)


def test_a_stencil_wider_than_the_other_axis_sees_only_its_own():
    grid = Grid(x=Uniform(0, 1, 3), y=Uniform(0, 1, 30))
    op = Diff("y", 2, acc=8).on(grid)
    assert {s for s, _ in op.stencil((1, 15))} == {0}


@pytest.mark.parametrize("kind", [Uniform, Periodic])
@pytest.mark.parametrize("scheme", [Forward(), Backward(), Biased(1), Central()], ids=str)
def test_translation_invariance(kind, scheme):
    """Weights do not depend on the origin, however large it is."""
    D = Diff("x", 2, acc=2, scheme=scheme)
    near, far = (Grid(x=kind(n=12, step=H, start=s)) for s in (0, 2**40))
    assert_same_matrix(D.matrix(near), D.matrix(far), 0)


def test_rotating_a_circle_rotates_the_matrix():
    """Rows whose stencils wrap are like any others, non-uniform spacing included."""
    nodes = np.array([0, 1, 2.5, 3, 4.25, 6, 6.5, 8, 9])
    turned = np.concatenate([nodes[4:], nodes[:4] + 10])
    for D in (Diff("x", acc=4), Diff("x", 2), Diff("x", 2, scheme=Forward()), Diff("x", to="half")):
        A = D.matrix(Grid(x=Points(nodes, period=10))).toarray()
        B = D.matrix(Grid(x=Points(turned, period=10))).toarray()
        rolled = np.roll(A, (-4, -4), axis=(0, 1))
        np.testing.assert_allclose(B, rolled, atol=1e-13 * np.abs(A).max())


@pytest.mark.parametrize(
    "scheme",
    [Central(), Forward(), Backward(), Biased(2), Upwind(1.5), Offsets([-1, 0, 1]), TamWebb(),
     BogeyBailly(13), Optimized([-2, 0, 1, 2], 2, (0.1, 1.0), relative=True)],
    ids=str,
)  # fmt: skip
def test_schemes_are_frozen_values(scheme):
    assert dataclasses.is_dataclass(scheme)
    twin = pickle.loads(pickle.dumps(scheme))
    assert twin == scheme
    assert hash(twin) == hash(scheme)
    with pytest.raises((AttributeError, TypeError)):
        scheme.anything = 1


def test_every_public_scheme_is_in_the_table_of_cases():
    """On circles and between ends, where it serves both."""
    public = [made for name in findops.__all__ if isinstance(made := getattr(findops, name), type)]
    names = {made.__name__ for made in public if issubclass(made, Scheme)} - {"Central"}
    for around, missing in ((True, {"Chebyshev"}), (False, {"Fourier"})):
        cases = [case for case in EVERY if len(case.spec.split()) == 1]
        cases = [case for case in cases if ("periodic" in case.spec) == around]
        text = " ".join(repr(case.expr(case.grid())) for case in cases)
        assert {name for name in names if not re.search(rf"\b{name}\b", text)} == missing


def test_schemes_differ():
    assert Biased(1) != Biased(2)
    assert Forward() != Backward()
    assert Offsets([-1, 0, 1]) == Offsets((-1, 0, 1))
    assert Offsets([-1, 0, 1]) != Offsets([-1, 0, 2])


# Refusals name what was written -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Gradient(acc=3), r"Gradient\(acc=3\): a central scheme has even accuracy"),
        (lambda: Divergence(scheme={"x": TamWebb(), "y": Fourier()}, acc={"x": 6}),
         r"Divergence\(.*\): TamWebb\(\) fixes the accuracy itself"),
        (lambda: Laplacian(scheme=BogeyBailly(9)),
         r"Laplacian\(scheme=BogeyBailly\(9\)\): BogeyBailly\(9\) is a first derivative"),
        (lambda: Hessian(scheme=UpwindSBP(3, "+")),
         r"Hessian\(scheme=UpwindSBP\(3, '\+'\)\): UpwindSBP.* not one of order 2"),
        (lambda: Advection([1.0], acc=3), r"Advection\(.*acc=3\): a central scheme"),
        (lambda: Diffusion(2, acc=3), r"Diffusion\(.*acc=3\): a central scheme"),
        (lambda: Diffusion(2, scheme=Forward()), r"Diffusion\(.*\) is made of central differences"),
        (lambda: Filter("x", Shapiro(4), acc=2),
         r"Filter\('x', Shapiro\(order=4, strength=1\)\): Shapiro.* leave acc out"),
        (lambda: Diffusion(2, scheme=SBP(8)).on(Grid(x=Uniform(0, 1, 20))),
         r"Diffusion\(…, scheme=SBP\(8\)\) needs 24 points along 'x', but the grid has 20"),
        (lambda: Dissipation("x", SBP(4)).on(Grid(x=Points([0, 1, 3, 4, 6, 8, 9, 11, 12]))),
         r"Dissipation\(…, SBP\(4\)\): .* needs evenly spaced points"),
        (lambda: Interpolate("x", "half", acc=3), r"Interpolate\('x'\): a central scheme"),
    ],
)  # fmt: skip
def test_refusals_name_what_was_written(make, text):
    with pytest.raises(ValueError, match=f"^{text}"):
        make()


@pytest.mark.parametrize("make", [Gradient, Laplacian, Curl])
def test_a_scheme_is_a_scheme(make):
    with pytest.raises(TypeError, match=rf"^{make.__name__}\(scheme=5\): scheme must be a value"):
        make(scheme=5)


@pytest.mark.parametrize("number", [np.int8(4), np.array(4), sympy.Integer(4)], ids=repr)
def test_integers_of_any_type_are_taken(number):
    assert Diff("x", acc=number) == Diff("x", acc=4)
    assert findops.coefficients(1, number) == findops.coefficients(1, 4)
    assert Biased(number) == Biased(4)


@pytest.mark.parametrize("number", [4.0, True, np.True_, np.array([4, 4]), np.array(4.0), "4"])
def test_what_is_no_integer_is_refused(number):
    for make in (lambda: Diff("x", acc=number), lambda: Biased(number), lambda: Compact(number),
                 lambda: findops.coefficients(1, number)):  # fmt: skip
        with pytest.raises((TypeError, ValueError)):
            make()


# The shortest axes ------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("closure", ["odd", "even", "zero"])
def test_points_too_few_for_images_are_refused_in_words_alone(closure):
    grid = Grid(x=Points([0.0, 1.0, 2.2]).half())
    with pytest.raises(ValueError, match="needs 4 points along 'x', but the grid has 2"):
        Diff("x", 2, acc=2, scheme=Biased(3)).on(grid, closure=closure)


def test_a_row_without_weights_has_an_accuracy():
    """The mirror image of the one half point is itself: its differences vanish."""
    op = Diff("x", 1, acc=1, scheme=Biased(0)).on(Grid(x=Points([0.0, 1.0]).half()), closure="even")
    np.testing.assert_array_equal(op.accuracy, [0])


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_a_compact_filter_on_an_axis_without_interior_rows(n):
    op = Filter("x", CompactFilter(6, 0.4)).on(Grid(x=Uniform(n=n, step=1)))
    u = random_array(n)
    A = op.written.matrix().toarray()
    np.testing.assert_allclose(op(u), A @ u, rtol=0, atol=1e-14)
    np.testing.assert_allclose(op.T(u), A.T @ u, rtol=0, atol=1e-14)
    np.testing.assert_allclose(op(np.arange(n) ** 2.0), np.arange(n) ** 2.0, atol=1e-13)
    assert op.accuracy.min() == 3
