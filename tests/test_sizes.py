"""Large sizes: what they cost, by counting, and those that are refused."""

import operator
import sys
from functools import reduce

import numpy as np
import pytest

import findops as fo
from findops import (
    SBP,
    Chebyshev,
    ChebyshevPoints,
    Coef,
    Compact,
    CompactFilter,
    Diff,
    Diffusion,
    Field,
    Filter,
    Forward,
    Fourier,
    Gaussian,
    Grid,
    Interpolate,
    Laplacian,
    Offsets,
    Optimized,
    Periodic,
    SavitzkyGolay,
    Shapiro,
    Spline,
    Uniform,
    UpwindSBP,
    coefficients,
    optimize_stencil,
    weights,
)
from findops.plan.implicit import BandedLU
from findops.schemes import fornberg

MILLION = 10**6

# Many terms and factors ---------------------------------------------------------------------------


class CountingName(str):
    """The name of a field that counts how often it is hashed, as looking terms up needs."""

    __slots__ = ()
    hashed = 0

    def __hash__(self):
        CountingName.hashed += 1
        return str.__hash__(self)


def fields(count):
    return [Field(CountingName(f"c{k}")) for k in range(count)]


def hashed(make, count):
    given = fields(count)
    CountingName.hashed = 0
    make(given)
    return CountingName.hashed


@pytest.mark.parametrize(
    "make",
    [
        lambda given: sum(c * Diff("x") for c in given),
        lambda given: reduce(lambda total, c: c * Diff("x") + total, given, Coef(1)),
        lambda given: reduce(lambda total, c: total - c * Diff("x"), given, Coef(1)),
        lambda given: reduce(operator.mul, given) * Diff("x"),
    ],
    ids=["sum", "from the left", "differences", "product"],
)
def test_terms_and_factors_are_looked_up_in_proportion_to_their_number(make):
    assert hashed(make, 200) <= 2.5 * hashed(make, 100) + 10


def test_binding_looks_terms_up_in_proportion_to_their_number():
    grid = Grid(x=Uniform(0, 1, 5))

    def looked_up(count):
        total = sum(c * Diff("x") for c in fields(count))
        values = {f"c{k}": k + 1.0 for k in range(count)}
        CountingName.hashed = 0
        op = total.on(grid, **values)
        np.testing.assert_allclose(op(np.arange(5.0)), 4 * count * (count + 1) / 2)
        return CountingName.hashed

    assert looked_up(100) <= 2.5 * looked_up(50)


def test_like_terms_of_long_sums_are_collected_and_order_is_kept():
    terms = [Field(f"c{k}") * Diff("x") for k in range(50)]
    total = sum(terms)
    assert total.terms == tuple(terms)
    assert (total + 2 * terms[7]).terms == (*terms[:7], 3 * terms[7], *terms[8:])
    assert (total - terms[7]).terms == (*terms[:7], *terms[8:])
    assert total - sum(reversed(terms)) == Coef(0)
    assert sum(reversed(terms)) == total


# Exact weights and rows near the ends -------------------------------------------------------------


def test_rows_at_the_same_points_share_their_gaps(monkeypatch):
    made = []
    gaps = fornberg.gap_products
    monkeypatch.setattr(fornberg, "gap_products", lambda *a: made.append(a) or gaps(*a))
    fo.free_memory()
    Diff("x", 2, acc=40).on(Grid(x=Uniform(0, 1, 100)))
    # One for the interior, and one for all rows near the ends.
    assert len(made) == 2


def test_high_accuracies_are_exact_at_every_row():
    grid = Grid(x=Uniform(n=120, step=1))
    for scheme in (None, Compact()):
        op = Diff("x", acc=60, scheme=scheme).on(grid)
        band = op.program.terms[0].bands[0]
        for i in (0, 7, 29):
            columns, values = band.row(i)
            # The square has the derivative 2x.
            points, lefts = (i, 1.0) if band.left is None else band.left.row(i)
            wanted = np.sum(2 * points * lefts)
            assert abs(values @ columns**2 - wanted) <= 1e-14 * (abs(values) @ columns**2)


# Binding on many points ---------------------------------------------------------------------------


def calls(function):
    """Count the calls of functions, of Python and of C, that a call makes."""
    count = 0

    def count_calls(*event):
        nonlocal count
        count += event[1] in ("call", "c_call")

    sys.setprofile(count_calls)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


EVERYWHERE = [
    Diff("x", 2, acc=4),
    Diff("x", to="half"),
    Interpolate("x", "half", 4),
    Diff("x", scheme=Forward()),
    Diff("x", scheme=Compact()),
    Diff("x", scheme=SBP(4)),
    Diff("x", scheme=UpwindSBP(3, "+")),
    Diff("x", scheme=SavitzkyGolay(11, 3)),
    Diff("x", scheme=Gaussian(2.0)),
    Diff("x", scheme=Spline(3)),
    Diff("x", scheme=Optimized(range(-3, 4), 2, 2.0)),
    Filter("x", Shapiro(4)),
    Filter("x", CompactFilter(4, 0.4)),
    Diffusion(lambda x: 1 + x, scheme=SBP(4)),
    Diffusion(lambda x: 1 + x),
]


@pytest.mark.parametrize("axis", [Uniform, Periodic])
@pytest.mark.parametrize("expr", EVERYWHERE, ids=repr)
def test_binding_to_even_axes_takes_no_python_by_point(expr, axis):
    expr.on(Grid(x=axis(0, 1, 1000)))
    few, many = (calls(lambda n=n: expr.on(Grid(x=axis(0, 1, n)))) for n in (1000, 16000))
    assert many <= few + 100


def test_the_norm_of_many_points_is_a_quadrature():
    norm = SBP(6).norm(Uniform(0, 1, MILLION))
    few = SBP(6).norm(Uniform(n=20, step=1)) / (MILLION - 1)
    np.testing.assert_allclose(norm[:8], few[:8], rtol=1e-14)
    np.testing.assert_array_equal(norm[-8:], norm[7::-1])
    assert np.ptp(norm[8:-8]) == 0
    assert abs(norm.sum() - 1) < 1e-12


# Implicit schemes on many points ------------------------------------------------------------------

IMPLICIT = [
    Diff("x", scheme=Compact()),
    Diff("x", 2, scheme=Compact(left=2)),
    Filter("x", CompactFilter(4, 0.49)),
]


@pytest.mark.parametrize("axis", [Uniform, Periodic])
@pytest.mark.parametrize("expr", IMPLICIT, ids=repr)
def test_factors_are_as_short_for_any_number_of_points(expr, axis):
    stored = []
    for n in (3000, MILLION):
        (band,) = expr.on(Grid(x=axis(0, 1, n))).program.terms[0].bands
        factors = BandedLU(band.left).factors
        corrected = BandedLU(band.left).correction
        assert len(factors.pivots) == n + 1 - len(factors.alike)
        stored.append((len(factors.pivots), len(corrected.head), len(corrected.tail)))
    assert stored[0] == stored[1]
    assert max(stored[0]) < 400


@pytest.mark.parametrize("lines", [1, 3, 11])
@pytest.mark.parametrize("axis", [Uniform, Periodic])
@pytest.mark.parametrize("expr", IMPLICIT, ids=repr)
def test_long_lines_obey_their_equations(expr, axis, lines):
    n = 5000
    grid = Grid(x=axis(0, n, n), y=Uniform(n=lines, step=1))
    u = np.random.default_rng(lines).standard_normal((n, lines))
    left, right = expr.on(Grid(x=axis(0, n, n))).pair()
    v = expr.on(grid)(u)
    np.testing.assert_allclose(left @ v, right @ u, rtol=0, atol=1e-13 * np.abs(right @ u).max())


# Sizes without sense ------------------------------------------------------------------------------

HUGE = 10**8
LINE, CIRCLE = Grid(x=Uniform(0, 1, 1000)), Grid(x=Periodic(0, 1, 10**5))

REFUSED = {
    "coefficients": lambda: coefficients(1, acc=HUGE),
    "order of coefficients": lambda: coefficients(HUGE),
    "acc": lambda: Diff("x", acc=HUGE),
    "order": lambda: Diff("x", HUGE),
    "merged order": lambda: Diff("x", 300) * Diff("x", 300),
    "one-sided acc": lambda: Diff("x", acc=HUGE, scheme=Forward()),
    "acc to half points": lambda: Interpolate("x", "half", HUGE),
    "acc of a Laplacian": lambda: Laplacian(acc=HUGE).on(LINE),
    "acc of diffusion": lambda: Diffusion(1.0, acc=HUGE).on(LINE),
    "acc of a wavenumber": lambda: Compact().modified_wavenumber(1.0, acc=HUGE),
    "acc of Compact": lambda: Diff("x", acc=300, scheme=Compact()),
    "left of Compact": lambda: Compact(left=HUGE),
    "right of Compact": lambda: Compact(right=HUGE),
    "power": lambda: Diff("x") ** HUGE,
    "power of a product": lambda: (Field("a") * Diff("x")) ** HUGE,
    "power of an operator": lambda: Diff("x").on(LINE) ** HUGE,
    "terms": lambda: sum(map(Field, "abcdefghij")) ** 5,
    "nodes": lambda: weights(1, range(HUGE)),
    "offsets": lambda: Offsets(range(HUGE)),
    "offsets to optimize": lambda: optimize_stencil(range(HUGE), 1, 4, 2.0),
    "far offsets to optimize": lambda: optimize_stencil([-HUGE, -1, 0, 1, HUGE], 1, 2, 2.0),
    "sigma": lambda: Gaussian(1e9),
    "sigma with a degree": lambda: Diff("x", acc=4, scheme=Gaussian(1e5)),
    "window": lambda: SavitzkyGolay(HUGE + 1, 3),
    "degree of a fit": lambda: SavitzkyGolay(10001, 500),
    "order of a filter": lambda: Shapiro(HUGE),
    "order of an implicit filter": lambda: CompactFilter(HUGE, 0.3),
    "degree of a spline": lambda: Spline(HUGE + 1),
    "order of dissipation": lambda: fo.Dissipation("x", SBP(4), HUGE),
    "points": lambda: Uniform(0, 1, 10**15),
    "rows of a circle": lambda: Diff("x", scheme=Fourier()).on(CIRCLE).matrix(),
    "rows of Chebyshev": lambda: Diff("x", scheme=Chebyshev()).on(
        Grid(x=ChebyshevPoints(0, 1, 10**5))
    ),
    "rows near the ends": lambda: Diff("x", scheme=SavitzkyGolay(20001, 3)).on(
        Grid(x=Uniform(0, 1, 10**5))
    ),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_sizes_without_sense_are_refused_at_once(call):
    with pytest.raises(ValueError, match=r"at most .*: \w+"):
        call()


def test_the_longest_are_served():
    assert coefficients(1, acc=398).accuracy == 398
    assert len((Diff("x") ** 100).stencil(1)) == 101


def test_the_matrix_of_a_circle_is_that_of_its_waves():
    n = 301
    op = Diff("x", scheme=Fourier()).on(Grid(x=Periodic(0, 2 * np.pi, n)))
    np.testing.assert_allclose(op.matrix().toarray(), op(np.eye(n)).T, atol=1e-11)
