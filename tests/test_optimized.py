"""Stencils optimized over a band of wavenumbers: published digits, exact moments, minimality."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from scipy.integrate import quad

from findops import (
    BogeyBailly,
    Diff,
    Grid,
    Laplacian,
    Optimized,
    Points,
    TamWebb,
    Uniform,
    coefficients,
    optimize_stencil,
)
from tests.support import vandermonde_weights

TAM_WEBB = {
    np.pi / 2: ("0.799266426974156", "-0.189413141579324", "0.0265199520614978"),
    1.1: ("0.770882380518217", "-0.166705904414574", "0.020843142770310"),
}
HALF = Fraction(1, 2)

# offsets, order, acc, band, options
DESIGNS = [
    (range(-3, 4), 1, 4, np.pi / 2, {}),
    (range(-4, 5), 1, 2, 1.8, {}),
    (range(-5, 6), 1, 4, (np.pi / 16, np.pi / 2), {"relative": True}),
    (range(-3, 4), 2, 2, 2.0, {}),
    (range(-4, 5), 3, 2, 1.5, {}),
    (range(-4, 5), 4, 4, (0.2, 1.6), {"relative": True}),
    (range(7), 1, 3, 1.2, {}),
    (range(7), 1, 3, 1.2, {"dissipation": 0.1}),
    (range(-1, 5), 2, 1, 1.0, {"dissipation": 3.0}),
    ((-5, -3, -1, 0, 2), 1, 2, 1.0, {}),
    ([n + HALF for n in range(-3, 3)], 1, 2, 2.0, {}),
    ([n + HALF for n in range(-3, 3)], 2, 2, 1.5, {}),
    ([Fraction(1, 3), Fraction(-2, 3), 1, 2, 4], 1, 3, 0.8, {}),
]


def moments(offsets, weights, count):
    return [sum(w * Fraction(o) ** q for o, w in zip(offsets, weights, strict=True))
            for q in range(count)]  # fmt: skip


def functional(offsets, weights, order, band, relative=False, dissipation=1.0):
    """The integral that the designer makes least, by adaptive quadrature."""
    o, w = (np.array(list(map(float, values))) for values in (offsets, weights))
    low, high = band if isinstance(band, tuple) else (0, band)

    def density(theta):
        wrong = (w @ np.exp(1j * theta * o)) / 1j**order - theta**order
        square = wrong.real**2 + dissipation * wrong.imag**2
        return square / theta ** (2 * order + 1) if relative else square

    return quad(density, low, high, epsabs=0, epsrel=1e-12, limit=200)[0]


@pytest.mark.parametrize(("offsets", "order", "acc", "band", "options"), DESIGNS)
def test_order_conditions_hold_exactly(offsets, order, acc, band, options):
    weights = optimize_stencil(offsets, order, acc, band, **options)
    assert all(isinstance(w, Fraction) for w in weights)
    want = [math.factorial(order) * (q == order) for q in range(order + acc)]
    assert moments(offsets, weights, order + acc) == want


@pytest.mark.parametrize(("offsets", "order", "acc", "band", "options"), DESIGNS)
def test_no_admissible_perturbation_lowers_the_functional(offsets, order, acc, band, options):
    """Differences of two stencils of the order keep the conditions; each only raises it."""
    weights = optimize_stencil(offsets, order, acc, band, **options)
    points, needed = list(offsets), order + acc
    least = functional(points, weights, order, band, **options)
    size = math.sqrt(least)
    for start in range(len(points) - needed):
        window = points[start : start + needed + 1]
        # The divided difference of the window: it annihilates all that the conditions speak of.
        change = [0.0] * start
        change += [float(w) for w in vandermonde_weights(needed, window)]
        change += [0.0] * (len(points) - len(change))
        change = np.array(change) / np.abs(change).max()
        raised = []
        for sign in (-1, 1):
            moved = np.array(list(map(float, weights))) + sign * size * change
            raised.append(functional(points, moved, order, band, **options) - least)
        assert min(raised) > 0
        # Stationary: both sides raise it by the same, the square of the change.
        assert abs(raised[0] - raised[1]) < 1e-6 * sum(raised)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_symmetric_points_give_the_parity_of_the_derivative(order):
    weights = optimize_stencil(range(-4, 5), order, 2, 1.5)
    assert weights[::-1] == tuple((-1) ** order * w for w in weights)


def test_mirrored_points_give_mirrored_weights():
    points = (-1, 0, 1, 2, 3, 4)
    here = optimize_stencil(points, 1, 2, 1.2)
    there = optimize_stencil([-o for o in points], 1, 2, 1.2)
    np.testing.assert_allclose(np.array(there, float), -np.array(here, float), atol=1e-13)


def test_weights_come_in_the_order_of_the_offsets():
    ascending = optimize_stencil(range(-3, 4), 1, 4, 1.0)
    assert optimize_stencil((3, -3, 2, -2, 1, -1, 0), 1, 4, 1.0) == tuple(
        ascending[i + 3] for i in (3, -3, 2, -2, 1, -1, 0)
    )


def test_bands_are_given_in_several_ways():
    half = optimize_stencil(range(-3, 4), 1, 4, 0.5)
    for band in (np.float32(0.5), (0, 0.5), [0.0, 0.5], np.array([0, 0.5]), Fraction(1, 2)):
        assert optimize_stencil(range(-3, 4), 1, 4, band) == half


def test_without_freedom_the_weights_are_the_usual_ones():
    assert optimize_stencil(range(5), 1, 4, 1.0) == vandermonde_weights(1, range(5))
    assert optimize_stencil(range(-3, 4), 1, 6, 1.0) == vandermonde_weights(1, range(-3, 4))
    assert optimize_stencil(range(-3, 4), 2, 6, 1.0) == vandermonde_weights(2, range(-3, 4))


@pytest.mark.parametrize("order", [1, 2])
def test_a_narrow_band_leads_back_to_the_most_accurate_stencil(order):
    """Weights differ from the usual ones by the square of the band."""
    usual = np.array(vandermonde_weights(order, range(-3, 4)), float)
    wide, narrow = (
        np.abs(np.array(optimize_stencil(range(-3, 4), order, 2, band), float) - usual).max()
        for band in (0.4, 0.2)
    )
    assert narrow < 0.01
    assert abs(np.log2(wide / narrow) - 2) < 0.05


@pytest.mark.parametrize("band", [sympy.pi / 2, sympy.Rational(11, 10)], ids=str)
def test_tam_webb_is_the_minimum_in_closed_form_and_as_published(band):
    """One weight is free: SymPy finds where the derivative of the integral vanishes."""
    theta, free = sympy.symbols("theta c")
    a1, a2 = sympy.symbols("a1 a2")
    conditions = sympy.solve([2 * a1 + 4 * a2 + 6 * free - 1, a1 + 8 * a2 + 27 * free], [a1, a2])
    kappa = 2 * (a1 * sympy.sin(theta) + a2 * sympy.sin(2 * theta) + free * sympy.sin(3 * theta))
    error = sympy.expand((kappa.subs(conditions) - theta) ** 2)
    integral = sympy.integrate(error, (theta, 0, band))
    (best,) = sympy.solve(sympy.diff(integral, free), free)
    exact = [sympy.N(a.subs(conditions).subs(free, best), 30) for a in (a1, a2, free)]
    found = optimize_stencil(range(-3, 4), 1, 4, float(band))[4:]
    for wanted, weight, printed in zip(exact, found, TAM_WEBB[float(band)], strict=True):
        half_a_unit = sympy.Rational(1, 2 * 10 ** len(printed.partition(".")[2]))
        assert abs(wanted - sympy.Rational(printed)) <= half_a_unit
        assert abs(wanted - sympy.Rational(str(weight))) < 1e-15


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [((range(3), 1, 3, 1.0), ValueError, "3 points are too few for a derivative of order 1"),
     ((range(-1, 2), 1, 3, 1.0), ValueError, "too few"),
     (([0, 1, 1], 1, 1, 1.0), ValueError, "distinct offsets"),
     ((3, 1, 1, 1.0), TypeError, "needs a sequence of offsets, but got 3"),
     (([0, 1, np.inf], 1, 1, 1.0), ValueError, "finite"),
     ((["a", 1, 2], 1, 1, 1.0), TypeError, "numbers"),
     ((range(3), 0, 1, 1.0), ValueError, "at least 1"),
     ((range(3), 1, 0, 1.0), ValueError, "at least 1"),
     ((range(3), 1.0, 1, 1.0), TypeError, "order must be an integer"),
     ((range(3), 1, 1.5, 1.0), TypeError, "acc must be an integer"),
     ((range(3), 1, 1, 0), ValueError, "between 0 and π"),
     ((range(3), 1, 1, 3.2), ValueError, "between 0 and π"),
     ((range(3), 1, 1, np.nan), ValueError, "between 0 and π"),
     ((range(3), 1, 1, (1.0, 0.5)), ValueError, "between 0 and π"),
     ((range(3), 1, 1, (0.1, 0.5, 1.0)), ValueError, "between 0 and π"),
     ((range(3), 1, 1, "1"), TypeError, "number or a pair")],
)  # fmt: skip
def test_the_designer_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        optimize_stencil(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"relative": True}, "begins above 0"), ({"dissipation": 0}, "dissipation must be positive"),
     ({"dissipation": np.nan}, "dissipation must be positive")],
)  # fmt: skip
def test_the_designer_refuses_weightings(options, message):
    with pytest.raises(ValueError, match=message):
        optimize_stencil(range(-3, 4), 1, 4, 1.0, **options)


# Schemes ----------------------------------------------------------------------------------------

BOGEY_BAILLY = {
    9: ("0.841570125482", "-0.244678631765", "0.059463584768", "-0.007650904064"),
    11: ("0.872756993962667", "-0.286511173973333", "0.090320001280000", "-0.020779405824000",
         "0.002484594688000"),
    13: ("0.907646591371", "-0.337048393268", "0.133442885327", "-0.045246480208",
         "0.011169294114", "-0.001456501759"),
}  # fmt: skip


@pytest.mark.parametrize("count", BOGEY_BAILLY)
def test_bogey_bailly_has_the_printed_digits_and_exactly_fourth_order(count):
    found = coefficients(1, scheme=BogeyBailly(count))
    half = count // 2
    assert found.weights == tuple(-w for w in reversed(found.weights))
    for weight, printed in zip(found.weights[half + 1 :], BOGEY_BAILLY[count], strict=True):
        digits = len(printed.partition(".")[2])
        assert round(weight, digits) == Fraction(printed)
    assert moments(found.offsets, found.weights, 5) == [0, 1, 0, 0, 0]
    assert found.accuracy == 4


@pytest.mark.parametrize("count", BOGEY_BAILLY)
def test_bogey_bailly_is_near_the_best_over_its_band(count):
    """Its weights are not those of our integral, but nothing is to be gained by ours."""
    ours = Optimized(range(-(count // 2), count // 2 + 1), 4, (np.pi / 16, np.pi / 2), True)
    theta = np.linspace(np.pi / 16, np.pi / 2, 1000)
    wrong = [np.abs(s.modified_wavenumber(theta) / theta - 1).max()
             for s in (BogeyBailly(count), ours, TamWebb())]  # fmt: skip
    assert wrong[1] / 3 < wrong[0] < 3 * wrong[1]
    assert wrong[0] < wrong[2] / 2


def test_schemes_are_the_stencils_of_the_designer():
    for scheme, points, acc, band in (
        (TamWebb(), range(-3, 4), 4, np.pi / 2),
        (TamWebb(1.1), range(-3, 4), 4, 1.1),
        (Optimized([2, -1, 0, 1], 2, (0.5, 1.0)), range(-1, 3), 2, (0.5, 1.0)),
    ):
        for order in (1, 2):
            want = optimize_stencil(points, order, acc, band)
            assert coefficients(order, scheme=scheme).weights == want
            row = Diff("x", order, scheme=scheme).on(Grid(x=Uniform(n=21, step=0.5))).stencil((10,))
            assert row == {(o,): float(w * 2**order)
                           for o, w in zip(points, want, strict=True) if w}  # fmt: skip


def test_rows_near_the_ends_have_the_usual_weights():
    op = Diff("x", scheme=TamWebb()).on(Grid(x=Uniform(n=15, step=1)))
    for i in (0, 1, 2, 12, 13, 14):
        first = min(max(i - 2, 0), 10)
        window = [first + k - i for k in range(5)]
        usual = zip(window, vandermonde_weights(1, window), strict=True)
        assert op.stencil((i,)) == {(o,): float(w) for o, w in usual if w}
    np.testing.assert_array_equal(op.accuracy, 4)


def test_advection_with_inflow_does_not_grow_with_tam_webb():
    """−∂x without the row and the column of the inflow, as usual rows at the ends leave it."""
    A = -Diff("x", scheme=TamWebb()).matrix(Grid(x=Uniform(n=101, step=1))).toarray()
    assert np.linalg.eigvals(A[1:, 1:]).real.max() < 0


def test_names_are_what_was_written():
    names = {"TamWebb": TamWebb, "BogeyBailly": BogeyBailly, "Optimized": Optimized}
    for text in (
        "TamWebb()",
        "TamWebb(1.1)",
        "BogeyBailly(11)",
        "Optimized([-1, 0, 1, 2], acc=2, band=1.0)",
        "Optimized([0, 1, 2], acc=1, band=(0.5, 1.0), relative=True, dissipation=2.0)",
    ):
        assert repr(eval(text, names)) == text  # fmt: skip
    assert eval(repr(TamWebb((0.5, 1.0))), names) == TamWebb((0.5, 1.0)) != TamWebb(1.0)
    assert TamWebb() != TamWebb(1.1)
    assert BogeyBailly() == BogeyBailly(11)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [(lambda: BogeyBailly(7), ValueError, r"stencils of \[9, 11, 13\] points, not 7"),
     (lambda: BogeyBailly(9.0), TypeError, "count of BogeyBailly must be an integer"),
     (lambda: Diff("x", 2, scheme=BogeyBailly()), ValueError, "is a first derivative"),
     (lambda: Laplacian(scheme=BogeyBailly(9)).on(Grid(x=Uniform(0, 1, 30))), ValueError,
      "is a first derivative"),
     (lambda: Diff("x", acc=4, scheme=TamWebb()), ValueError, "fixes the accuracy itself"),
     (lambda: Diff("x", 5, scheme=TamWebb()), ValueError, "7 points are too few"),
     (lambda: Diff("x", to="half", scheme=TamWebb()), ValueError, "to the same points"),
     (lambda: TamWebb(4.0), ValueError, "between 0 and π"),
     (lambda: Optimized([0, 0, 1], 1, 1.0), ValueError, "needs distinct offsets"),
     (lambda: Optimized(3, 1, 1.0), TypeError, "needs a sequence of offsets, but got 3"),
     (lambda: Optimized([0, 0.5, 1], 1, 1.0), TypeError, "an offset must be an integer"),
     (lambda: Optimized(range(3), 0, 1.0), ValueError, "acc of at least 1"),
     (lambda: Diff("x", scheme=Optimized(range(3), 3, 1.0)), ValueError, "3 points are too few"),
     (lambda: Diff("x", scheme=TamWebb()).on(Grid(x=Points(np.arange(12.0) ** 2))), ValueError,
      r"TamWebb\(\) needs evenly spaced points"),
     (lambda: Diff("x", scheme=BogeyBailly()).on(Grid(x=Uniform(0, 1, 4))), ValueError,
      "needs 5 points along 'x', but the grid has 4")],
)  # fmt: skip
def test_the_schemes_refuse(make, error, message):
    with pytest.raises(error, match=message):
        make()
