"""Schemes that smooth, least-squares fits and low-pass filters; and splines."""

import math
import pickle
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.signal
import sympy

from findops import (
    Cells,
    Central,
    CompactFilter,
    Diff,
    Filter,
    Gaussian,
    Grid,
    Identity,
    Laplacian,
    Periodic,
    Points,
    SavitzkyGolay,
    Shapiro,
    Spline,
    Uniform,
    coefficients,
)
from findops.schemes.fornberg import exact_weights
from findops.schemes.smoothing import exact_fit_weights, row_fit_weights
from tests.support import (
    assert_rows_close,
    assert_same_matrix,
    random_array,
    row_scale,
    solve_exactly,
)

LINE = Grid(x=Uniform(n=60, step=0.25))
RING = Grid(x=Periodic(n=60, step=0.25))
FITS = [(5, 2), (7, 2), (7, 3), (11, 3), (11, 4), (15, 3)]


# The fit ----------------------------------------------------------------------------------------


def normal_equations(order, degree, nodes, importance):
    """Weights of the fit from its normal equations, solved in Fractions."""
    powers = range(degree + 1)
    moments = [
        [sum(g * x ** (p + q) for x, g in zip(nodes, importance, strict=True)) for q in powers]
        for p in powers
    ]
    right = [math.factorial(order) if q == order else 0 for q in powers]
    c = solve_exactly(moments, right)
    return tuple(
        g * sum(a * x**p for p, a in zip(powers, c, strict=True))
        for x, g in zip(nodes, importance, strict=True)
    )


NODES = [tuple(map(Fraction, range(-4, 5))), tuple(Fraction(n, 7) for n in (-9, -2, 0, 1, 5, 30))]


@pytest.mark.parametrize("nodes", NODES, ids=["even", "uneven"])
@pytest.mark.parametrize("degree", [0, 1, 3, 5])
@pytest.mark.parametrize("equal", [True, False], ids=["equal", "unequal"])
def test_weights_are_those_of_the_normal_equations(nodes, degree, equal):
    importance = tuple(Fraction(1) if equal else Fraction(1, 2 + i % 3) for i in range(len(nodes)))
    for order in range(degree + 1):
        exact = exact_fit_weights(order, degree, nodes, importance)
        assert exact == normal_equations(order, degree, nodes, importance)
        pairs = (np.array([part, part], float).T for part in (nodes, importance))
        rows = row_fit_weights(order, degree, *pairs)
        assert_rows_close(rows[1], np.array(exact, float), np.abs(rows).sum(1)[:1], 1e-14)


@pytest.mark.parametrize("nodes", NODES, ids=["even", "uneven"])
def test_a_polynomial_through_all_points_is_fornbergs(nodes):
    importance = tuple(Fraction(1, 1 + i) for i in range(len(nodes)))
    for order in range(len(nodes)):
        fit = exact_fit_weights(order, len(nodes) - 1, nodes, importance)
        assert fit == exact_weights(order, nodes)


@pytest.mark.parametrize("scheme", [SavitzkyGolay(9, 4), Gaussian(0.5), Gaussian(1.3)], ids=repr)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_moments_are_exact_in_fractions(scheme, order):
    acc = scheme.claim(order, None)
    stencil = scheme.stencil(order, acc)
    assert all(isinstance(w, Fraction) for w in stencil.weights)
    for q in range(order + acc):
        moment = sum(w * o**q for w, o in zip(stencil.weights, stencil.offsets, strict=True))
        assert moment == (math.factorial(order) if q == order else 0)


def uneven(n, seed, period=False):
    """Points with spacings of ratio up to ten."""
    rng = np.random.default_rng(seed)
    nodes = np.cumsum(rng.uniform(0.1, 1.0, n))
    return Points(nodes, nodes[-1] - nodes[0] + 0.3) if period else Points(nodes)


@pytest.mark.parametrize("periodic", [False, True], ids=["bounded", "periodic"])
@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize(
    ("scheme", "acc"),
    [(SavitzkyGolay(7, 2), None), (SavitzkyGolay(11, 5), None), (Gaussian(0.5), 2),
     (Gaussian(0.5), 5), (Gaussian(0.8), 4), (Gaussian(3), 2)],
)  # fmt: skip
def test_moments_are_exact_at_every_row_of_random_grids(scheme, acc, order, periodic):
    axis = uneven(40, 3, periodic)
    op = Diff("x", order, acc=acc, scheme=scheme).on(Grid(x=axis))
    claim = scheme.claim(order, acc)
    assert op.accuracy.min() >= claim
    columns, weights = op.program.parts[0].terms[0].bands[0].table()
    if periodic:
        columns, weights = _unwrapped(op)
    apart = (axis.position(columns) - axis.position(np.arange(40))[:, None]).astype(float)
    size = 1.0  # about four steps
    for q in range(order + claim):
        terms = weights * (apart / size) ** q
        want = math.factorial(order) / size**order if q == order else 0.0
        assert_rows_close(terms.sum(1), np.full(40, want), np.abs(terms).sum(1) + want, 1e-13)


def _unwrapped(op):
    band = op.program.parts[0].terms[0].bands[0]
    rows = np.arange(band.rows)[:, None]
    return rows + np.array(band.offsets), np.broadcast_to(band.weights, (band.rows, band.taps))


# Savitzky–Golay ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("window", "degree"), FITS)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_savitzky_golay_is_scipys_at_every_row(window, degree, order):
    """SciPy's own weights lose digits where windows are wide: 9e-13 for 21 points, degree 5."""
    op = Diff("x", order, scheme=SavitzkyGolay(window, degree)).on(LINE)
    x = LINE["x"].coordinates
    for u in (random_array(60), x**degree - 3 * x):
        want = scipy.signal.savgol_filter(u, window, degree, deriv=order, delta=0.25)
        assert_rows_close(op(u), want, row_scale(op.matrix(), u), 1e-13)


def test_savitzky_golay_on_a_ring_is_scipys_wrapped():
    u = random_array(60)
    for order in (0, 1, 2):
        op = Diff("x", order, scheme=SavitzkyGolay(9, 3)).on(RING)
        want = scipy.signal.savgol_filter(u, 9, 3, deriv=order, delta=0.25, mode="wrap")
        assert_rows_close(op(u), want, row_scale(op.matrix(), u), 1e-13)


def test_published_weights():
    """Savitzky and Golay 1964: convoluting integers over norms."""
    smooth = coefficients(0, scheme=SavitzkyGolay(9, 2))
    wanted = (-21, 14, 39, 54, 59, 54, 39, 14, -21)
    assert (smooth.weights, smooth.accuracy) == (tuple(Fraction(c, 231) for c in wanted), 4)
    slope = coefficients(1, scheme=SavitzkyGolay(5, 3))
    assert slope.weights == tuple(Fraction(c, 12) for c in (1, -8, 0, 8, -1))
    bend = coefficients(2, scheme=SavitzkyGolay(7, 2))
    assert bend.weights == tuple(Fraction(c, 42) for c in (5, 0, -3, -4, -3, 0, 5))


@pytest.mark.parametrize(("window", "degree"), FITS)
def test_noise_gain_is_the_least_that_the_moments_allow(window, degree):
    """Σw² is what the inverse of the normal equations has on its diagonal."""
    r = window // 2
    nodes, powers = range(-r, r + 1), range(degree + 1)
    for order in range(3):
        moments = [[sum(Fraction(x) ** (p + q) for x in nodes) for q in powers] for p in powers]
        inverse = solve_exactly(moments, [int(q == order) for q in powers])[order]
        weights = SavitzkyGolay(window, degree).stencil(order, degree + 1 - order).weights
        assert sum(w * w for w in weights) == math.factorial(order) ** 2 * inverse


def test_noise_gain_of_first_derivatives_falls_with_the_window_to_the_third():
    """Σw² = 12/(n(n² − 1)) for a straight line through n points."""
    for n in (3, 9, 41):
        weights = coefficients(1, scheme=SavitzkyGolay(n, 1)).weights
        assert sum(w * w for w in weights) == Fraction(12, n * (n * n - 1))


@pytest.mark.parametrize(
    "scheme", [Central(), SavitzkyGolay(11, 3), Gaussian(2.5)], ids=lambda s: type(s).__name__
)
def test_variance_of_noise_grows_by_the_sum_of_squares(scheme):
    op = Diff("x", scheme=scheme).on(RING)
    noise = np.random.default_rng(1).normal(size=(400, 60))
    gain = float(sum(w * w for w in coefficients(1, scheme=scheme).weights)) / 0.25**2
    measured = np.mean(op(noise) ** 2)
    # 24000 values, of which a window's width are correlated: within 4 standard deviations.
    assert abs(measured / gain - 1) < 4 * np.sqrt(2 * 21 / noise.size)


# Gaussian ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [0.5, 1, 2.2, 4])
def test_smoothing_by_a_gaussian_is_scipys(sigma):
    u = random_array(60)
    op = Filter("x", Gaussian(sigma)).on(RING)
    want = scipy.ndimage.gaussian_filter1d(u, sigma, mode="wrap")
    assert_rows_close(op(u), want, row_scale(op.matrix(), u), 1e-13)


@pytest.mark.parametrize(
    ("axis", "closure", "mode"),
    [(Uniform(n=60, step=1), "even", "mirror"), (Cells(0, 60, 60), "even", "reflect"),
     (Uniform(n=60, step=1), "zero", "constant")],
    ids=["mirror", "reflect", "constant"],
)  # fmt: skip
def test_continuations_are_scipys_modes(axis, closure, mode):
    u = random_array(60)
    fit, kernel = Filter("x", SavitzkyGolay(9, 2)), Filter("x", Gaussian(2))
    for op, want in (
        (kernel, scipy.ndimage.gaussian_filter1d(u, 2, mode=mode)),
        (fit, scipy.ndimage.correlate1d(u, scipy.signal.savgol_coeffs(9, 2), mode=mode)),
    ):
        op = op.on(Grid(x=axis), closure=closure)
        assert_rows_close(op(u), want, row_scale(op.matrix(), u), 1e-13)


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_by_a_gaussian_are_those_of_its_kernel(order):
    """Up to what truncation at four sigma takes from the kernel's moments, which are exact here."""
    u, h = random_array(200), 0.25
    op = Diff("x", order, scheme=Gaussian(4)).on(Grid(x=Periodic(n=200, step=h)))

    def kernel(u):
        return scipy.ndimage.gaussian_filter1d(u, 4, order=order, mode="wrap") / h**order

    assert np.abs(op(u) - kernel(u)).max() < 1e-2 * np.abs(kernel(u)).max()
    power, middle = (np.arange(-100, 100) * h) ** order, slice(60, -60)
    np.testing.assert_allclose(op(power)[middle], math.factorial(order), rtol=1e-12)
    assert np.all(np.abs(kernel(power)[middle] - math.factorial(order)) > 5e-4)


def test_a_gaussian_reads_no_farther_than_it_has_to():
    op = Diff("x", scheme=Gaussian(1)).on(LINE)
    assert sorted(s for (s,) in op.stencil((30,))) == [-4, -3, -2, -1, 1, 2, 3, 4]
    assert max(s for (s,) in op.stencil((0,))) == 4
    narrow = Diff("x", 2, acc=4, scheme=Gaussian(0.5)).on(LINE)
    assert max(s for (s,) in narrow.stencil((30,))) == 3
    assert max(s for (s,) in narrow.stencil((0,))) == 5
    assert {-s for (s,) in narrow.stencil((59,))} == {s for (s,) in narrow.stencil((0,))}


# Filters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [2, 4, 8, 10])
def test_transfer_function_of_shapiros_filter(order):
    theta, strength = sympy.Symbol("theta"), Fraction(2, 3)
    found = Shapiro(order, strength).modified_wavenumber(theta, order=0)
    want = 1 - sympy.Rational(2, 3) * sympy.sin(theta / 2) ** order
    assert sympy.expand((found - want).rewrite(sympy.exp)) == 0
    angles = np.linspace(0, np.pi, 30)
    numeric = Shapiro(order).modified_wavenumber(angles, order=0)
    np.testing.assert_allclose(numeric, 1 - np.sin(angles / 2) ** order, rtol=0, atol=1e-14)


def test_a_wave_is_multiplied_by_the_transfer_function():
    filtered = Filter("x", Shapiro(6, 0.7)).on(RING)
    for number in (0, 1, 11, 30):
        theta = 2 * np.pi * number / 60
        wave = np.exp(1j * theta * np.arange(60))
        want = (1 - 0.7 * np.sin(theta / 2) ** 6) * wave
        np.testing.assert_allclose(filtered(wave), want, rtol=0, atol=1e-13)


@pytest.mark.parametrize("order", [2, 6, 10])
@pytest.mark.parametrize("strength", [1, 0.4])
@pytest.mark.parametrize("n", [12, 40])
def test_shapiros_filter_amplifies_nothing(order, strength, n):
    A = Filter("x", Shapiro(order, strength)).matrix(Grid(x=Uniform(n=n, step=1))).toarray()
    np.testing.assert_array_equal(A, A.T)
    values = np.linalg.eigvalsh(A)
    assert values[0] >= 1 - strength - 1e-14
    assert values[-1] <= 1 + 1e-14
    # As many polynomials pass as the rows at the ends let, and no other field.
    assert np.count_nonzero(values > 1 - 1e-12 * strength) >= order // 2
    np.testing.assert_allclose(A.sum(axis=0), 1, rtol=0, atol=1e-14)


def test_rows_of_full_order_near_an_end_would_amplify():
    """The reason for the rows of half the order that there are."""
    n, order = 40, 6
    A = Filter("x", Shapiro(order)).matrix(Grid(x=Uniform(n=n, step=1))).toarray()
    difference = np.array([(-1) ** k * math.comb(order, k) for k in range(order + 1)])
    for i in range(order // 2):
        biased = np.zeros(n)
        biased[: order + 1] = (-1) ** i * difference / 2**order
        A[i], A[-1 - i] = -biased, -biased[::-1]
        A[i, i] += 1
        A[-1 - i, -1 - i] += 1
    np.testing.assert_allclose(A @ np.arange(n) ** 5.0, np.arange(n) ** 5.0)
    assert np.linalg.norm(A, 2) > 1.05


@pytest.mark.parametrize("closure", ["odd", "even"])
def test_continuations_amplify_nothing_either(closure):
    A = Filter("x", Shapiro(8)).on(LINE, closure=closure).matrix().toarray()
    values = np.linalg.eigvals(A)
    assert np.abs(values.imag).max() < 1e-12
    assert np.abs(values).max() < 1 + 1e-12


def dense(expr, grid):
    """The matrix of an operator, column by column."""
    return np.array(expr.on(grid)(np.eye(len(grid["x"])))).T


def test_rows_of_the_compact_filter_are_gaitondes_and_visbals():
    a = Fraction(3, 7)
    tenth = coefficients(0, scheme=CompactFilter(10, a))
    half = [(193 + 126 * a) / 256, (105 + 302 * a) / 512, 15 * (-1 + 2 * a) / 128,
            45 * (1 - 2 * a) / 1024, 5 * (-1 + 2 * a) / 512, (1 - 2 * a) / 1024]  # fmt: skip
    assert tenth.weights == (*half[:0:-1], *half)
    assert tenth.left_weights == (a, 1, a)
    assert tenth.accuracy == 10


@pytest.mark.parametrize(("order", "alpha"), [(2, 0.3), (8, 0.45), (6, -0.3), (4, 0)])
def test_transfer_function_of_the_compact_filter(order, alpha):
    filtered = Filter("x", CompactFilter(order, alpha)).on(RING)
    for number in (0, 7, 30):
        theta = 2 * np.pi * number / 60
        wave = np.exp(1j * theta * np.arange(60))
        kept = 1 - (1 - 2 * alpha) * np.sin(theta / 2) ** order / (1 + 2 * alpha * np.cos(theta))
        np.testing.assert_allclose(filtered(wave), kept * wave, rtol=0, atol=1e-13)
        found = CompactFilter(order, alpha).modified_wavenumber(theta, order=0)
        np.testing.assert_allclose(found, kept, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("order", "alpha"), [(2, 0.3), (8, 0.49), (6, -0.4), (4, 0)])
@pytest.mark.parametrize("n", [9, 40])
def test_the_compact_filter_amplifies_nothing(order, alpha, n):
    grid = Grid(x=Uniform(n=n, step=1))
    op = Filter("x", CompactFilter(order, alpha)).on(grid)
    A = dense(Filter("x", CompactFilter(order, alpha)), grid)
    L = (1 + 2 * alpha) * np.eye(n)
    L -= alpha * np.diff(np.eye(n), axis=0).T @ np.diff(np.eye(n), axis=0)
    S = np.eye(n) - dense(Filter("x", Shapiro(order)), grid)
    np.testing.assert_allclose(A, np.eye(n) - (1 - 2 * alpha) * np.linalg.solve(L, S), atol=1e-12)
    values = scipy.linalg.eigh((L @ A + (L @ A).T) / 2, L, eigvals_only=True)
    assert values[0] >= -1e-12
    assert values[-1] <= 1 + 1e-12
    np.testing.assert_allclose(A.sum(axis=0), 1, rtol=0, atol=1e-12)
    assert op.accuracy.min() == order // 2
    u, v = random_array(n, seed=1), random_array(n, seed=2)
    np.testing.assert_allclose(v @ op(u), op.T(v) @ u, rtol=1e-12)


# Splines ----------------------------------------------------------------------------------------

# Spacings that binary floating point has exactly: SciPy sees the same coordinates.
SPANS = [Uniform(n=400, step=0.25), Uniform(n=9, step=-0.5), uneven(150, 5),
         Points(-uneven(30, 6).coordinates)]  # fmt: skip
CIRCLES = [Periodic(n=50, step=0.25), Periodic(n=9, step=0.5), uneven(60, 7, period=True)]


def spline(x, u, degree, order, period=None):
    """SciPy's derivative of its own spline, at x."""
    kind = None
    if period is not None:
        knots, values, kind = np.append(x, x[0] + period), np.append(u, u[0]), "periodic"
    else:
        rise = 1 if x[-1] > x[0] else -1
        knots, values = x[::rise], u[::rise]
    made = scipy.interpolate.make_interp_spline(knots, values, degree, bc_type=kind)
    return made.derivative(order)(x)


@pytest.mark.parametrize("axis", [*SPANS, *CIRCLES], ids=str)
@pytest.mark.parametrize("degree", [3, 5, 7])
@pytest.mark.parametrize("order", [1, 2])
def test_splines_are_scipys(axis, degree, order):
    x, u = axis.coordinates, random_array(len(axis))
    period = None
    if axis.periodic:
        period = axis.period if isinstance(axis, Points) else float(axis.stop - axis.start)
    op = Diff("x", order, scheme=Spline(degree)).on(Grid(x=axis))
    want = spline(x, u, degree, order, period)
    # SciPy's splines come of systems with condition numbers up to some hundreds.
    assert_rows_close(op(u), want, row_scale(op.matrix(), u), 3e-13)
    assert op.accuracy.min() >= degree + 1 - order


@pytest.mark.parametrize("degree", [3, 5])
@pytest.mark.parametrize("order", [1, 2])
def test_splines_on_circles_have_the_order_they_claim(degree, order):
    errors = []
    for n in (24, 48):
        op = Diff("x", order, scheme=Spline(degree)).on(Grid(x=Periodic(0, 2 * np.pi, n)))
        wave = np.exp(3j * op.domain["x"].coordinates)
        errors.append(np.abs(op(wave) - (3j) ** order * wave).max())
    assert np.log2(errors[0] / errors[1]) > op.accuracy.min() - 0.2


def test_interior_rows_of_splines_are_compact():
    """The cubic one's slopes are Padé's (Lele 1992, eq. 2.1.6 with α = 1/4)."""
    cubic = coefficients(1, scheme=Spline(3))
    assert cubic.left_weights == (Fraction(1, 6), Fraction(2, 3), Fraction(1, 6))
    assert cubic.weights == (Fraction(-1, 2), 0, Fraction(1, 2))
    assert [coefficients(1, scheme=Spline(k)).accuracy for k in (3, 5, 7)] == [4, 6, 8]
    assert [coefficients(2, scheme=Spline(k)).accuracy for k in (3, 5, 7)] == [2, 4, 6]
    theta = sympy.Symbol("theta")
    found = Spline(3).modified_wavenumber(theta)
    assert sympy.simplify(found - 3 * sympy.sin(theta) / (2 + sympy.cos(theta))) == 0
    row = Diff("x", scheme=Spline(5)).on(Grid(x=Periodic(n=400, step=1))).stencil((200,))
    angles = np.linspace(0, 3, 7)
    sines = sum(w * np.sin(o * angles) for (o,), w in row.items())
    np.testing.assert_allclose(sines, Spline(5).modified_wavenumber(angles), rtol=0, atol=1e-14)


@pytest.mark.parametrize("period", [False, True], ids=["bounded", "periodic"])
def test_splines_through_many_uneven_points_take_memory_in_proportion(period):
    axis = uneven(2000, 9, period)
    x, u = axis.coordinates, random_array(2000)
    Diff("x", scheme=Spline(3)).on(Grid(x=uneven(30, 9)))  # what is made only once
    tracemalloc.start()
    op = Diff("x", scheme=Spline(3)).on(Grid(x=axis))
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 16e6  # the square of their number would be twice that, in each array
    want = spline(x, u, 3, 1, axis.period if period else None)
    assert_rows_close(op(u), want, row_scale(op.matrix(), u), 3e-13)


@pytest.mark.parametrize("axis", [SPANS[2], CIRCLES[2]], ids=["bounded", "periodic"])
def test_rows_of_splines_go_as_far_as_they_have_weight(axis, monkeypatch):
    D = Diff("x", scheme=Spline(5))
    want = D.matrix(Grid(x=axis))
    monkeypatch.setattr(Spline, "_far", 7)
    assert_same_matrix(D.matrix(Grid(x=axis)), want, 1e-12)


def test_rows_far_from_the_ends_are_one_antisymmetric_row():
    band = Diff("x", scheme=Spline(3)).on(Grid(x=Uniform(n=1000, step=1))).program.parts[0]
    band = band.terms[0].bands[0]
    assert band.constant
    assert len(band.interior) > 800
    np.testing.assert_array_equal(band.weights, -band.weights[::-1])


# In expressions ---------------------------------------------------------------------------------


def test_order_zero_is_the_identity_unless_the_scheme_smooths():
    assert Diff("x", 0, scheme=Central()) == Identity()
    smooth = Diff("x", 0, scheme=SavitzkyGolay(5, 2))
    assert smooth == Filter("x", SavitzkyGolay(5, 2)) != Identity()
    assert repr(smooth) == "Filter('x', SavitzkyGolay(window=5, degree=2))"
    assert repr(Filter("x", Gaussian(2), acc=4)) == "Filter('x', Gaussian(sigma=2), acc=4)"
    assert (str(2 * smooth), smooth._repr_latex_()) == ("2·S_x", r"$\mathcal{S}_{x}$")
    assert pickle.loads(pickle.dumps(smooth)) == smooth


def test_smoothing_twice_smooths_more():
    """What smooths does not merge: a product is the product of the matrices."""
    for scheme in (SavitzkyGolay(5, 2), Gaussian(0.8), Shapiro(4)):
        smooth = Filter("x", scheme)
        A = smooth.matrix(RING)
        assert_same_matrix((smooth * smooth).matrix(RING), A @ A)
        assert_same_matrix((smooth * Diff("x")).matrix(RING), A @ Diff("x").matrix(RING))
    D = Diff("x", scheme=Gaussian(0.8))
    assert_same_matrix((D * D).matrix(RING), D.matrix(RING) @ D.matrix(RING))


def test_near_holes_derivatives_interpolate_and_values_pass():
    wet = np.ones(60, dtype=bool)
    wet[20] = False
    u = np.where(wet, LINE["x"].coordinates ** 2, np.nan)
    for scheme in (SavitzkyGolay(7, 2), Gaussian(1)):
        slope = Diff("x", scheme=scheme).on(LINE).masked(wet)(u)
        np.testing.assert_allclose(slope[wet], 2 * LINE["x"].coordinates[wet], atol=1e-11)
        noisy = u + random_array(60)
        smooth = Filter("x", scheme).on(LINE).masked(wet)(noisy)
        np.testing.assert_array_equal(smooth[[19, 21]], noisy[[19, 21]])
        assert np.all(smooth[[10, 30]] != noisy[[10, 30]])


def test_vector_calculus_takes_schemes_that_fix_their_accuracy():
    grid = Grid(x=Uniform(0, 1, 20), y=Periodic(0, 1, 24))
    scheme = SavitzkyGolay(7, 3)
    by_hand = Diff("x", 2, scheme=scheme) + Diff("y", 2, scheme=scheme)
    assert_same_matrix(Laplacian(scheme=scheme).matrix(grid), by_hand.matrix(grid))


def test_interior_stencils():
    stencil = Diff("x", 1, scheme=SavitzkyGolay(5, 2)).stencil()
    h = sympy.Symbol("h_x", positive=True)
    assert stencil == {(-2,): -1 / (5 * h), (-1,): -1 / (10 * h), (1,): 1 / (10 * h),
                       (2,): 1 / (5 * h)}  # fmt: skip
    theta = sympy.Symbol("theta")
    found = SavitzkyGolay(5, 2).modified_wavenumber(theta)
    assert sympy.simplify(found - (sympy.sin(theta) + 2 * sympy.sin(2 * theta)) / 5) == 0


def test_modified_wavenumber_of_a_gaussian_falls_off():
    """Smoothing by exp(−σ²θ²/2): what a fine Gaussian does to a derivative."""
    theta = np.linspace(0.01, 0.5, 20)
    found = Gaussian(4).modified_wavenumber(theta)
    np.testing.assert_allclose(found, theta * np.exp(-8 * theta**2), rtol=0, atol=2e-3)


# Refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: SavitzkyGolay(10, 3), ValueError, "odd number of points"),
        (lambda: SavitzkyGolay(-5, 3), ValueError, "odd number of points"),
        (lambda: SavitzkyGolay(5, 5), ValueError, "less than its window of 5"),
        (lambda: SavitzkyGolay(5, -1), ValueError, "at least 0"),
        (lambda: SavitzkyGolay(5.0, 2), TypeError, "window of SavitzkyGolay must be an integer"),
        (lambda: SavitzkyGolay(5, True), TypeError, "degree of SavitzkyGolay must be an integer"),
        (lambda: Gaussian(0.49), ValueError, "at least 0.5 index steps, but is 0.49"),
        (lambda: Gaussian(math.nan), ValueError, "at least 0.5 index steps"),
        (lambda: Gaussian(math.inf), ValueError, "at least 0.5 index steps"),
        (lambda: Gaussian("2"), TypeError, "real number"),
        (lambda: Shapiro(5), ValueError, "even and at least 2, but is 5"),
        (lambda: Shapiro(0), ValueError, "even and at least 2"),
        (lambda: Shapiro(4, 0), ValueError, "more than 0 and at most 1"),
        (lambda: Shapiro(4, 1.5), ValueError, "at most 1"),
        (lambda: Shapiro(4, "1"), TypeError, "strength of Shapiro must be a real number"),
        (lambda: Diff("x", 4, scheme=SavitzkyGolay(7, 3)), ValueError, "degree 4 at least"),
        (lambda: Diff("x", acc=2, scheme=SavitzkyGolay(7, 3)), ValueError, "leave acc out"),
        (lambda: Diff("x", acc=0, scheme=Gaussian(1)), ValueError, "acc must be at least 1"),
        (lambda: Diff("x", scheme=Shapiro(4)), ValueError, "has no derivatives, being a filter"),
        (lambda: Filter("x", Shapiro(4), acc=4), ValueError, "leave acc out"),
        (lambda: CompactFilter(3, 0.4), ValueError, "even and at least 2, but is 3"),
        (lambda: CompactFilter(4, 0.5), ValueError, "between -1/2 and 1/2, but is 0.5"),
        (lambda: CompactFilter(4, "0.4"), TypeError, "must be a real number"),
        (lambda: Diff("x", 2, scheme=CompactFilter(4, 0.4)), ValueError, "has no derivatives"),
        (lambda: Spline(4), ValueError, "odd and at least 3, but is 4"),
        (lambda: Spline(1), ValueError, "odd and at least 3"),
        (lambda: Spline(3.0), TypeError, "degree of Spline must be an integer"),
        (lambda: Diff("x", 3, scheme=Spline(3)), ValueError, "derivatives up to order 2"),
        (lambda: Diff("x", acc=4, scheme=Spline(3)), ValueError, "leave acc out"),
        (lambda: Filter("x", Spline(3)), ValueError, "leaves a field as it is"),
        (lambda: Filter("x", Central()), ValueError, "needs a scheme that smooths"),
        (lambda: Filter("x", 5), TypeError, "needs a scheme such as SavitzkyGolay"),
        (lambda: Diff("x", 0, scheme=Gaussian(1), to="half"), ValueError, "to the same points"),
    ],
)  # fmt: skip
def test_refused_when_made(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(
    ("expr", "axis", "closure", "text"),
    [
        (Diff("x", scheme=SavitzkyGolay(11, 3)), Uniform(0, 1, 10), "accurate",
         r"SavitzkyGolay\(window=11, degree=3\)\) needs 11 points along 'x', but the grid has 10"),
        (Diff("x", 2, scheme=Gaussian(2)), Uniform(0, 1, 3), "accurate", "needs 4 points"),
        (Diff("x", scheme=Spline(5)), Uniform(0, 1, 5), "accurate", "needs 6 points along 'x'"),
        (Diff("x", scheme=Spline(3)), Uniform(0, 1, 9), "odd", "rows of its own near the ends"),
        (Filter("x", Shapiro(8)), Uniform(0, 1, 4), "accurate", "needs 5 points along 'x'"),
        (Filter("x", Shapiro(4)), Points([0, 1, 3, 4, 6, 9]), "accurate", "and Gaussian smooth"),
        (Filter("x", Shapiro(4)), Uniform(0, 1, 20), 3, "order 2, less than closure=3"),
        (Filter("x", CompactFilter(4, 0.4)), Points([0, 1, 3, 4, 6, 9]), "accurate", "evenly"),
        (Filter("x", CompactFilter(4, 0.4)), Uniform(0, 1, 20), "odd", "must be 'accurate'"),
        (Filter("x", SavitzkyGolay(5, 2)), Points([0, 1, 3, 4, 6, 9]), "halo",
         "a halo needs the coordinates of 2 points before"),
    ],
)  # fmt: skip
def test_refused_when_bound(expr, axis, closure, text):
    with pytest.raises(ValueError, match=text):
        expr.on(Grid(x=axis), closure=closure)


def test_the_smallest_grids():
    assert Diff("x", scheme=SavitzkyGolay(11, 3)).on(Grid(x=Uniform(0, 1, 11))).accuracy.min() == 3
    op = Diff("x", 2, scheme=Gaussian(2)).on(Grid(x=Uniform(0, 1, 4)))
    assert op.accuracy.min() >= 2
    A = Filter("x", Shapiro(8)).matrix(Grid(x=Uniform(0, 1, 5))).toarray()
    np.testing.assert_allclose(A @ np.arange(5) ** 3.0, np.arange(5) ** 3.0, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_numbers_of_numpy_become_pythons(kind):
    """So that they are exact as any other, and print without their types."""
    for scheme in (Gaussian(kind(1)), Shapiro(34, kind(1)), CompactFilter(4, kind(0))):
        assert "np." not in repr(scheme)
        assert scheme.modified_wavenumber(0.5, 0) == pytest.approx(1, abs=0.2)
