"""`E.stencil()`: interior stencils in exact rationals and symbols; `op.stencil(index)`."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import sympy
from hypothesis import assume, given

from findops import (
    Backward,
    Biased,
    Biharmonic,
    Coef,
    Curl,
    Diff,
    Diffusion,
    Divergence,
    Field,
    Forward,
    Gradient,
    Grid,
    Hessian,
    Identity,
    Interpolate,
    Laplacian,
    Periodic,
    Points,
    Uniform,
)
from tests.strategies import constant_trees
from tests.support import magnitudes, vandermonde_weights

HALF = Fraction(1, 2)


def evaluated(stencil, **spacing):
    """Put numbers for the symbols of a stencil, by their names; the weights become Fractions."""
    result = {}
    for offsets, weight in stencil.items():
        assert isinstance(weight, sympy.Basic)
        assert weight != 0
        value = weight.subs({s: sympy.Rational(*Fraction(spacing[s.name]).as_integer_ratio())
                             for s in weight.free_symbols})  # fmt: skip
        assert value.is_Rational
        result[offsets] = Fraction(int(value.p), int(value.q))
    return result


def expected(order, offsets, h):
    w = vandermonde_weights(order, offsets)
    return {(s,): c / Fraction(h) ** order for s, c in zip(offsets, w, strict=True) if c}


def test_symbols_are_named_after_the_axes():
    (h,) = set().union(*(w.free_symbols for w in Diff("x", 2).stencil().values()))
    assert h.name == "h_x"
    stencil = Diff("x", 2).stencil()
    assert set(stencil) == {(-1,), (0,), (1,)}
    assert sympy.simplify(stencil[(0,)] + 2 / h**2) == 0
    assert sympy.simplify(stencil[(1,)] - 1 / h**2) == 0
    (h0,) = set().union(*(w.free_symbols for w in Diff(0).stencil().values()))
    assert h0.name == "h_0"


def test_each_axis_has_its_own_spacing():
    spacing = {0: 2, 1: 3, 2: 5}
    for axes in ((0, 1), (0, 2), (1, 2), (2, 1), (2,)):
        total = sum((Diff(i) for i in axes), start=0 * Identity())
        got = evaluated(total.stencil(spacing))
        want = {}
        for place, axis in enumerate(sorted(axes)):
            for sign in (-1, 1):
                offsets = tuple(sign if j == place else 0 for j in range(len(axes)))
                want[offsets] = Fraction(sign, 2 * spacing[axis])
        assert got == want
        free = set().union(*(w.free_symbols for w in total.stencil().values()))
        assert {s.name for s in free} == {f"h_{i}" for i in axes}


@pytest.mark.parametrize("order", range(1, 7))
@pytest.mark.parametrize("acc", [2, 4, 6])
def test_central_derivatives(order, acc):
    reach = (order + 1) // 2 - 1 + acc // 2
    got = evaluated(Diff("x", order, acc=acc).stencil(), h_x=3)
    assert got == expected(order, range(-reach, reach + 1), 3)


@pytest.mark.parametrize(
    ("E", "order", "offsets"),
    [
        (Diff("x", scheme=Forward()), 1, range(3)),
        (Diff("x", 2, acc=1, scheme=Biased(1)), 2, range(3)),
        (Diff("x", to="half"), 1, (-HALF, HALF)),
        (Diff("x", acc=4, to="half"), 1, (-3 * HALF, -HALF, HALF, 3 * HALF)),
        (Diff("x", to="node"), 1, (-HALF, HALF)),
        (Interpolate("x", "half", acc=4), 0, (-3 * HALF, -HALF, HALF, 3 * HALF)),
    ],
    ids=str,
)
def test_other_schemes_and_half_points(E, order, offsets):
    assert evaluated(E.stencil(), h_x=2) == expected(order, offsets, 2)


def test_identity_and_numbers():
    assert list((2 * Diff("x", 0) + Diff("x") * 0).stencil().values()) == [2]


def test_sums_and_products():
    got = evaluated((Diff("y", 2) + 3 * Diff("x") - 1).stencil(), h_x=1, h_y=2)
    quarter = Fraction(1, 4)
    want = {(0, 0): -1 - 2 * quarter, (0, 1): quarter, (0, -1): quarter,
            (1, 0): 3 * HALF, (-1, 0): -3 * HALF}  # fmt: skip
    assert got == want
    mixed = evaluated((Diff("x") * Diff("y")).stencil(), h_x=1, h_y=1)
    assert mixed == {(i, j): Fraction(i * j, 4) for i, j in product((-1, 1), repeat=2)}


def test_literal_compositions_multiply_their_stencils():
    """Forward after Backward is the compact second difference."""
    F, B = (Diff("x", acc=1, scheme=s) for s in (Forward(), Backward()))
    assert evaluated((F * B).stencil(), h_x=1) == expected(2, (-1, 0, 1), 1)
    wide = Diff("x", acc=4) * Diff("x", acc=2)
    first, second = expected(1, range(-2, 3), 1), expected(1, range(-1, 2), 1)
    want = {}
    for (i,), (j,) in product(first, second):
        want[i + j,] = want.get((i + j,), 0) + first[i,] * second[j,]
    assert evaluated(wide.stencil(), h_x=1) == {k: v for k, v in want.items() if v}
    compact = (Diff("x", to="node") * Diff("x", to="half")).stencil()
    assert evaluated(compact, h_x=1) == {(-1,): 1, (0,): -2, (1,): 1}


def test_isotropic_laplacian_weights():
    """(-20, 4, 1)/6 in the plane and (-128, 14, 3, 1)/30 in space, over h²."""
    plane = evaluated(Laplacian(("x", "y"), isotropic=True).stencil(1))
    table = {0: Fraction(-20, 6), 1: Fraction(4, 6), 2: Fraction(1, 6)}
    assert plane == {s: table[sum(map(abs, s))] for s in product((-1, 0, 1), repeat=2)}
    space = evaluated(Laplacian(("x", "y", "z"), isotropic=True).stencil(1))
    table = {0: Fraction(-128, 30), 1: Fraction(14, 30), 2: Fraction(3, 30), 3: Fraction(1, 30)}
    assert space == {s: table[sum(map(abs, s))] for s in product((-1, 0, 1), repeat=3)}
    grid = Grid(*[Periodic(n=5, step=0.5)] * 3)
    bound = Laplacian(isotropic=True).on(grid).stencil((2, 2, 2))
    assert bound == pytest.approx({s: float(w) * 4 for s, w in space.items()}, rel=1e-15)


def test_published_biharmonic():
    """The thirteen-point biharmonic, 20 in the middle (Abramowitz and Stegun 25.3.33)."""
    got = evaluated(Biharmonic(("x", "y")).stencil(1))
    table = {(0, 0): 20, (0, 1): -8, (1, 1): 2, (0, 2): 1}
    want = {}
    for i, j in product(range(-2, 3), repeat=2):
        key = tuple(sorted((abs(i), abs(j))))
        if key in table:
            want[i, j] = table[key]
    assert got == want


def test_given_spacings():
    assert evaluated(Diff("x", 2).stencil({"x": 2})) == expected(2, (-1, 0, 1), 2)
    assert evaluated(Diff("x", 2).stencil(HALF)) == expected(2, (-1, 0, 1), HALF)
    h = sympy.Symbol("k", positive=True)
    assert sympy.simplify(Diff("x").stencil({"x": h})[(1,)] * 2 * h) == 1
    some = (Diff("x") + Diff("y")).stencil({"x": 2})
    assert evaluated(some, h_y=1)[(0, 1)] == HALF


def test_symbolic_coefficients():
    k = sympy.Symbol("kappa")
    weight = (k * Diff("x", 2)).stencil(1)[(1,)]
    assert weight == k


@pytest.mark.parametrize(
    "E", [np.ones(5) * Diff("x"), Coef(np.sin) * Diff("x"), Field("c") * Diff("x")], ids=str
)
def test_variable_coefficients_are_refused(E):
    with pytest.raises((ValueError, TypeError), match=r"coefficient|constant"):
        E.stencil()


def test_vector_operators_have_a_stencil_for_each_component():
    gradient = Gradient(("x", "y")).stencil(1)
    assert set(gradient) == {(0, 0), (1, 0)}
    assert evaluated(gradient[1, 0]) == {(0, -1): -HALF, (0, 1): HALF}
    divergence = Divergence(("x", "y")).stencil(1)
    assert set(divergence) == {(0, 0), (0, 1)}
    curl = Curl(("x", "y", "z")).stencil(1)
    assert set(curl) == {(i, j) for i, j in product(range(3), repeat=2) if i != j}
    assert evaluated(curl[0, 1]) == {(0, 0, -1): HALF, (0, 0, 1): -HALF}
    hessian = Hessian(("x", "y")).stencil(1)
    assert len(hessian) == 4
    product_ = (Divergence(("x", "y")) @ Gradient(("x", "y"))).stencil(1)
    assert evaluated(product_) == evaluated(Laplacian(("x", "y")).stencil(1))


def test_diffusion_is_compact():
    assert evaluated(Diffusion(3, axes=("x",)).stencil(1)) == {(-1,): 3, (0,): -6, (1,): 3}


# Bound stencils ---------------------------------------------------------------------------------


@given(constant_trees())
def test_bound_interior_is_the_exact_stencil(drawn):
    """On even spacing, the row in the middle is the rounded exact stencil."""
    grid, op = drawn.grid, drawn.op
    assume(not any(isinstance(grid[name], Points) for name in grid.names))
    middle = tuple(n // 2 for n in grid.shape)
    got = op.stencil(middle)
    # an interior row, whose neighbors are alike
    assume(
        all(
            op.stencil(tuple(np.add(middle, side * step))) == got
            for step in np.eye(grid.ndim, dtype=int)
            for side in (1, -1)
        )
    )
    steps = {}
    for name in grid.names:
        x = np.ravel(Grid(grid[name]).coordinates()[0])
        steps[name] = Fraction(float(x[1] - x[0])).limit_denominator(10**6)
    exact = drawn.expr.stencil(steps)
    used = [i for i in range(grid.ndim) if any(alpha[i] for alpha in drawn.meaning)]
    assume(all(len(offsets) == len(used) for offsets in exact))  # orders zero, and what cancels
    want = {}
    for offsets, weight in exact.items():
        full = np.zeros(grid.ndim, dtype=int)
        full[used] = offsets
        want[tuple(full.tolist())] = complex(weight)
    row = np.ravel_multi_index(middle, grid.shape)
    largest = magnitudes(op).tocsr()[[row]].max()
    for offsets in want.keys() | got.keys():
        assert abs(got.get(offsets, 0) - want.get(offsets, 0)) <= 1e-13 * largest


@pytest.mark.parametrize("closure", ["accurate", "odd", "zero", 1])
def test_bound_stencils_are_the_rows_of_the_matrix(closure):
    grid = Grid(x=Uniform(0, 1, 7), y=Uniform(0, 2, 6))
    op = (Diff("x", 2, acc=4) + Diff("x") * Diff("y") + (lambda y: y) * Diff("y")).on(
        grid, closure=closure
    )
    A = op.matrix().toarray()
    for index in product((0, 3, 6), (0, 1, 5)):
        row = np.zeros(grid.shape)
        for offsets, weight in op.stencil(index).items():
            row[tuple(np.add(index, offsets))] = weight
        np.testing.assert_allclose(row.ravel(), A[np.ravel_multi_index(index, grid.shape)],
                                   atol=1e-13 * abs(A).max())  # fmt: skip


def test_bound_stencils_are_not_wrapped():
    op = Diff("x", acc=4).on(Grid(x=Periodic(0, 12, 12)))
    assert set(op.stencil((0,))) == {(-2,), (-1,), (1,), (2,)}
    assert op.stencil((0,)) == op.stencil((11,)) == op.stencil((5,))
    narrow = Diff("x", acc=4).on(Grid(x=Periodic(0, 3, 3)))
    assert set(narrow.stencil((1,))) == {(-2,), (-1,), (1,), (2,)}
    assert op.stencil((-1,)) == op.stencil((11,))


def test_bound_stencils_of_blocks_and_half_points():
    grid = Grid(x=Uniform(0, 4, 5), y=Periodic(0, 3, 3))
    gradient = Gradient().on(grid).stencil((2, 1))
    assert set(gradient) == {(0, 0), (1, 0)}
    assert gradient[0, 0] == {(-1, 0): -0.5, (1, 0): 0.5}
    half = Diff("x", to="half").on(grid).stencil((2, 0))
    assert half == {(0, 0): -1.0, (1, 0): 1.0}
    assert Identity().on(grid).stencil((2, 1)) == {(0, 0): 1}


def test_bound_stencil_of_an_index_outside_is_refused():
    with pytest.raises((IndexError, ValueError), match="9"):
        Diff("x").on(Grid(x=Uniform(0, 1, 5))).stencil((9,))
