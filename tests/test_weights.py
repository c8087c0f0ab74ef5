"""Law 9: `weights` and `coefficients` are exact; against rational arithmetic of our own."""

import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from findops import (
    Backward,
    Biased,
    Central,
    Diff,
    Forward,
    Grid,
    Offsets,
    Points,
    coefficients,
    weights,
)  # fmt: skip
from findops.schemes.fornberg import row_weights
from tests.support import leading_error, vandermonde_weights


def random_stencil(seed):
    rng = np.random.default_rng(seed)
    order = int(rng.integers(0, 5))
    n = order + int(rng.integers(1, 6))
    pool = [Fraction(int(p), int(q)) for p in range(-12, 13) for q in (1, 2, 3, 7)]
    nodes = [pool[i] for i in rng.permutation(len(pool))]
    distinct = list(dict.fromkeys(nodes))[:n]
    return order, distinct, pool[int(rng.integers(len(pool)))]


def test_five_hundred_random_stencils():
    for seed in range(500):
        order, nodes, at = random_stencil(seed)
        got = weights(order, nodes, at)
        assert got == vandermonde_weights(order, nodes, at)
        assert isinstance(got, tuple)
        assert all(type(w) is Fraction for w in got)


@pytest.mark.parametrize("seed", range(0, 500, 25))
def test_against_sympy(seed):
    order, nodes, at = random_stencil(seed)
    rational = [sympy.Rational(x.numerator, x.denominator) for x in [*nodes, at]]
    want = sympy.finite_diff_weights(order, rational[:-1], rational[-1])[-1][-1]
    assert weights(order, nodes, at) == tuple(Fraction(int(w.p), int(w.q)) for w in want)


@given(st.lists(st.floats(-4, 4, width=32), min_size=2, max_size=7, unique=True), st.data())
def test_floats_are_the_rationals_they_are(nodes, data):
    nodes = list({float(x): x for x in np.array(nodes) + 0.0})  # -0.0 and 0.0 are one node
    order = data.draw(st.integers(0, len(nodes) - 1))
    at = data.draw(st.floats(-4, 4, width=16))
    assert weights(order, nodes, at) == vandermonde_weights(order, nodes, at)


@pytest.mark.parametrize(("order", "acc"), [(1, 30), (2, 30), (5, 24), (10, 30), (9, 8), (10, 2)])
def test_large_stencils_satisfy_their_moments(order, acc):
    """Up to accuracy 30 and order 10. Moments are the definition, and cheaper than a solve."""
    reach = (order + 1) // 2 - 1 + acc // 2
    offsets = range(-reach, reach + 1)
    w = weights(order, offsets)
    for q in range(order + acc):
        moment = sum(a * Fraction(s) ** q for s, a in zip(offsets, w, strict=True))
        assert moment == (math.factorial(order) if q == order else 0)
    c = coefficients(order, acc=acc)
    assert c.weights == w
    assert c.offsets == tuple(offsets)
    assert c.accuracy == acc


@pytest.mark.parametrize("m", [1, 2, 5, 10, 15])
def test_closed_form_of_the_first_derivative(m):
    """w_j = (-1)^(j+1) (m!)² / (j (m-j)! (m+j)!) (Fornberg 1988): no recursion at all."""
    w = dict(zip(range(-m, m + 1), weights(1, range(-m, m + 1)), strict=True))
    for j in range(1, m + 1):
        top = (-1) ** (j + 1) * math.factorial(m) ** 2
        assert w[j] == -w[-j] == Fraction(top, j * math.factorial(m - j) * math.factorial(m + j))
    assert w[0] == 0


@pytest.mark.parametrize(("order", "acc"), [(1, 30), (2, 8), (3, 4), (6, 12)])
def test_operators_hold_the_correctly_rounded_weights(order, acc):
    reach = (order + 1) // 2 - 1 + acc // 2
    op = Diff(0, order, acc=acc).on(Grid(np.arange(2.0 * reach + 9)))
    exact = vandermonde_weights(order, range(-reach, reach + 1))
    want = {(s,): float(w) for s, w in zip(range(-reach, reach + 1), exact, strict=True) if w}
    assert op.stencil((reach + 4,)) == want


TABLES = {  # order, offsets: numerators, denominator (Fornberg 1988; Abramowitz and Stegun 25.3)
    (1, (-1, 0, 1)): ([-1, 0, 1], 2),
    (1, (-2, -1, 0, 1, 2)): ([1, -8, 0, 8, -1], 12),
    (1, (-3, -2, -1, 0, 1, 2, 3)): ([-1, 9, -45, 0, 45, -9, 1], 60),
    (2, (-1, 0, 1)): ([1, -2, 1], 1),
    (2, (-2, -1, 0, 1, 2)): ([-1, 16, -30, 16, -1], 12),
    (2, (-3, -2, -1, 0, 1, 2, 3)): ([2, -27, 270, -490, 270, -27, 2], 180),
    (3, (-2, -1, 0, 1, 2)): ([-1, 2, 0, -2, 1], 2),
    (4, (-2, -1, 0, 1, 2)): ([1, -4, 6, -4, 1], 1),
    (4, (-3, -2, -1, 0, 1, 2, 3)): ([-1, 12, -39, 56, -39, 12, -1], 6),
    (1, (0, 1)): ([-1, 1], 1),
    (1, (0, 1, 2)): ([-3, 4, -1], 2),
    (1, (0, 1, 2, 3)): ([-11, 18, -9, 2], 6),
    (2, (0, 1, 2, 3)): ([2, -5, 4, -1], 1),
    (2, (0, 1, 2, 3, 4)): ([35, -104, 114, -56, 11], 12),
    (3, (0, 1, 2, 3, 4)): ([-5, 18, -24, 14, -3], 2),
    (1, (Fraction(-1, 2), Fraction(1, 2))): ([-1, 1], 1),
    (1, tuple(Fraction(j, 2) for j in (-3, -1, 1, 3))): ([1, -27, 27, -1], 24),
    (0, tuple(Fraction(j, 2) for j in (-3, -1, 1, 3))): ([-1, 9, 9, -1], 16),
}


@pytest.mark.parametrize(("order", "offsets"), TABLES, ids=str)
def test_published_tables(order, offsets):
    numerators, denominator = TABLES[order, offsets]
    assert weights(order, offsets) == tuple(Fraction(n, denominator) for n in numerators)


def test_symbolic_nodes():
    h, x = sympy.symbols("h x", positive=True)
    got = weights(2, [-h, 0, 2 * h])
    want = sympy.finite_diff_weights(2, [-h, 0, 2 * h], 0)[2][2]
    assert [sympy.simplify(a - b) for a, b in zip(got, want, strict=True)] == [0, 0, 0]
    moved = weights(1, [x - h, x, x + h], at=x)
    assert [sympy.simplify(w * 2 * h) for w in moved] == [-1, 0, 1]


# coefficients -----------------------------------------------------------------------------------

SCHEMES = [(Central(), 2), (Central(), 4), (Central(), 6), (Forward(), 1), (Forward(), 2)]
SCHEMES += [(Forward(), 3), (Backward(), 1), (Backward(), 2), (Biased(1), 3), (Biased(-2), 4)]


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize(("scheme", "acc"), SCHEMES, ids=str)
def test_coefficients_and_their_leading_error(scheme, acc, order):
    c = coefficients(order, acc=acc, scheme=scheme)
    assert c.weights == vandermonde_weights(order, c.offsets)
    assert c.error == leading_error(order, c.offsets, c.weights)
    assert c.accuracy == c.error[1] - order >= acc
    assert all(type(s) is int for s in c.offsets)


def test_offsets_of_each_scheme():
    """API: n = order + acc points, from shift - (n-1)//2 to shift + n//2."""
    for order in (1, 2, 3):
        for acc in (1, 2, 3, 4):
            n = order + acc
            assert coefficients(order, acc, Forward()).offsets == tuple(range(n))
            assert coefficients(order, acc, Backward()).offsets == tuple(range(1 - n, 1))
            for shift in (-2, 0, 1):
                low, high = shift - (n - 1) // 2, shift + n // 2
                got = coefficients(order, acc, Biased(shift)).offsets
                assert got == tuple(range(low, high + 1))


def test_known_errors():
    assert coefficients(1).error == (Fraction(1, 6), 3)
    assert coefficients(2).error == (Fraction(1, 12), 4)
    assert coefficients(1, 4).error == (Fraction(-1, 30), 5)
    assert coefficients(1, 1, Forward()).error == (Fraction(1, 2), 2)
    assert coefficients(1, 1, Backward()).error == (Fraction(-1, 2), 2)


def test_offsets_imply_their_accuracy():
    c = coefficients(1, scheme=Offsets([-1, 0, 2]))
    assert c.offsets == (-1, 0, 2)
    assert c.weights == vandermonde_weights(1, [-1, 0, 2])
    assert c.accuracy == 2
    symmetric = coefficients(2, scheme=Offsets([-1, 0, 1]))
    assert symmetric.accuracy == 2  # symmetry gives one more than 3 points - order 2


def test_weights_on_large_non_uniform_grids():
    """Floating point may be used there, within 1e-14 of Σ|w|."""
    rng = np.random.default_rng(1)
    x = np.cumsum(rng.uniform(0.5, 1.5, 400))
    for order, acc in ((1, 2), (1, 6), (2, 4), (4, 4)):
        A = Diff(0, order, acc=acc).on(Grid(x)).matrix()
        for i in (0, 1, 17, 200, 398, 399):
            row = slice(A.indptr[i], A.indptr[i + 1])
            exact = vandermonde_weights(order, x[A.indices[row]].tolist(), x[i])
            error = sum(
                abs(Fraction(a) - b) for a, b in zip(A.data[row].tolist(), exact, strict=True)
            )
            assert error <= Fraction(1, 10**14) * sum(map(abs, exact))


# Rows on uneven points, within 1e-14 of Σ|w| ------------------------------------------------------

RNG = np.random.default_rng(11)
PAIRS = np.arange(1.0, 13.0)
ROUGH = {
    "mild": np.cumsum(RNG.uniform(0.5, 1.5, 24)),
    "random": np.sort(RNG.random(24)),
    "rough": np.cumsum(np.exp(3 * RNG.standard_normal(24))),
    "geometric": np.geomspace(1e-9, 1e9, 24),
    "descending": -np.geomspace(1, 1e4, 24),
    "clustered": 1 + 1e-9 * np.sort(RNG.random(24)),
    "near-coincident": np.sort(np.concatenate([PAIRS, np.nextafter(PAIRS, 99)])),
    "symmetric but for roundoff": np.sort(np.concatenate([-PAIRS / 3, PAIRS / 3 + 1e-13])),
    "tiny": 1e-70 * np.cumsum(RNG.uniform(0.5, 1.5, 24)),
    "steep": np.geomspace(1e-25, 1e25, 24),
}


def relative_error(got, order, nodes, at):
    exact = weights(order, nodes, at)
    error = sum(abs(Fraction(float(a)) - b) for a, b in zip(got, exact, strict=True))
    return error / sum(map(abs, exact))


def place(axis, index, half):
    """Where a point lies, as a fraction, images of it on a circle too."""
    if half:
        return (place(axis, index, False) + place(axis, index + 1, False)) / 2
    laps, inside = divmod(index, len(axis)) if axis.periodic else (0, index)
    turn = Fraction(axis.period or 0) * (1 if axis.ascending else -1)
    return Fraction(float(axis.coordinates[inside])) + laps * turn


@pytest.mark.parametrize("period", [False, True], ids=["bounded", "periodic"])
@pytest.mark.parametrize("name", ROUGH)
@pytest.mark.parametrize(
    ("order", "acc", "kinds"),
    [(1, 2, "nn"), (1, 4, "nn"), (1, 9, "nn"), (2, 1, "nn"), (2, 4, "nn"), (4, 3, "nn"),
     (1, 3, "nh"), (0, 4, "nh"), (2, 3, "nh"), (1, 3, "hn"), (0, 6, "hn")],
)  # fmt: skip
def test_rows_on_uneven_points_keep_the_bound(name, order, acc, kinds, period):
    x = ROUGH[name]
    # The seam is as narrow as an axis lets it be.
    axis = Points(x, period=float(abs(x[-1] - x[0])) * (1 + 2e-12) if period else None)
    source, target = (axis if kind == "n" else axis.half() for kind in kinds)
    band = Biased(0).band(order, acc, source, target, ("accurate", "accurate"))
    for i in range(len(target)):
        at = place(axis, i, kinds[1] == "h")
        columns, found = band.row(i)
        # Weights of exactly zero are left out of closure rows.
        if len(columns) == order + acc:
            nodes = [place(axis, int(j), kinds[0] == "h") for j in columns]
            assert relative_error(found, order, nodes, at) <= 1e-14


@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=9, unique=True),
    st.floats(-1, 1),
    st.integers(0, 4),
)
def test_rows_of_any_nodes_keep_the_bound_or_are_refused(nodes, at, order):
    nodes = sorted({float(x): x for x in np.array(nodes) + 0.0})
    order = min(order, len(nodes) - 1)
    try:
        found = row_weights(order, np.array(nodes)[:, None], np.array([at]))
    except OverflowError:
        assert max(map(abs, weights(order, nodes, at))) > np.finfo(float).max
        return
    size = sum(map(abs, weights(order, nodes, at)))
    # Weights that float64 itself hardly holds are rounded as it does.
    assert relative_error(found[0], order, nodes, at) <= 1e-14 or size < 1e-300


@pytest.mark.parametrize("gap", [1e-1, 1e-4, 1e-7, 1e-10, 1e-13, 1e-15])
def test_rows_whose_terms_cancel_are_made_anew(gap):
    """Half way between a pair and a third point, Σ|w| is 1/gap times less than its terms."""
    pairs = np.array([[0.1, 0.1 + gap, 0.7], [0.1, 0.7, 0.8]])
    found = row_weights(1, pairs.T, np.array([0.4, 0.4]))
    for row, nodes in zip(found, pairs, strict=True):
        assert relative_error(row, 1, nodes, 0.4) <= 1e-14


def test_rows_in_any_block_are_those_that_stand_alone():
    x = np.cumsum(np.exp(np.random.default_rng(4).standard_normal(20_000)))
    axis = Points(x)
    for order, acc in ((1, 2), (2, 2), (2, 5)):
        offsets = range(-((order + acc - 1) // 2), (order + acc) // 2 + 1)
        band = Offsets(offsets).band(order, acc, axis, axis, ("accurate", "accurate"))
        for i in range(len(band.head), len(x) - len(band.tail), 487):
            columns, found = band.row(i)
            alone = row_weights(order, x[columns][:, None], x[[i]])[0]
            np.testing.assert_array_equal(found, alone)


def test_weights_that_no_float_holds_are_refused():
    x = 1e-200 * np.array([0.0, 1.0, 3.0, 4.0])
    with pytest.raises(ValueError, match="order 2 along axis 0"):
        Diff(0, 2).on(Grid(x))


def test_binding_uneven_points_takes_memory_in_proportion():
    n = 100_000
    x = np.cumsum(np.random.default_rng(5).uniform(0.5, 1.5, n))
    D, u = Diff(0, 1, acc=2), np.sin(x)
    D(u, x)  # what is compiled only once
    tracemalloc.start()
    D(u, x)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 100 * n
