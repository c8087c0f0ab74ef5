"""What schemes make of waves: `modified_wavenumber`, exactly, and as the operators do it."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
import sympy
from scipy.optimize import brentq

import findops
from findops import (
    SBP,
    Backward,
    Biased,
    BogeyBailly,
    Central,
    Chebyshev,
    Compact,
    Diff,
    Field,
    Forward,
    Fourier,
    Gaussian,
    Grid,
    Offsets,
    Optimized,
    Periodic,
    SavitzkyGolay,
    Spline,
    TamWebb,
    Upwind,
    UpwindSBP,
)
from findops.schemes import Scheme

THETA = np.linspace(0, np.pi, 40)
T = sympy.Symbol("t", positive=True)

# scheme, order, acc
WAVES = [
    (Central(), 1, 2), (Central(), 1, 8), (Central(), 2, 4), (Central(), 3, 2), (Central(), 4, 4),
    (Forward(), 1, 1), (Forward(), 2, 3), (Backward(), 1, 2), (Biased(-1), 1, 3),
    (Biased(2), 3, 2), (Upwind(2.0), 1, 2), (Offsets([-3, -1, 0, 2]), 2, None),
    (TamWebb(), 1, None), (TamWebb(), 2, None), (BogeyBailly(13), 1, None),
    (Optimized(range(-3, 2), 2, 1.0), 1, None),
    (SBP(4), 1, None), (SBP(6), 2, None), (UpwindSBP(3, "-"), 1, None),
    (UpwindSBP(8, "+"), 1, None), (SavitzkyGolay(7, 4), 1, None), (SavitzkyGolay(7, 3), 2, None),
    (Gaussian(1.0), 1, 2), (Gaussian(0.7), 2, 4), (Spline(3), 1, None), (Spline(5), 2, None),
    (Compact(), 1, 4), (Compact(), 1, 6), (Compact(2), 1, 10), (Compact(), 2, 6),
    (Compact.spectral_like(), 1, None), (Compact.spectral_like(2), 2, None),
]  # fmt: skip
each = pytest.mark.parametrize(("scheme", "order", "acc"), WAVES, ids=str)


@each
def test_operators_do_to_waves_what_the_wavenumber_says(scheme, order, acc):
    n = 24
    op = Diff("x", order, acc=acc, scheme=scheme).on(Grid(x=Periodic(n=n, step=1)))
    for waves in (0, 1, 5, 11, 12, -3):
        theta = 2 * np.pi * waves / n
        u = np.exp(1j * theta * np.arange(n))
        want = 1j**order * scheme.modified_wavenumber(theta, order, acc)
        np.testing.assert_allclose(op(u), want * u, atol=2e-13 * max(abs(want), 1))


@each
def test_series_begins_with_the_derivative_and_the_leading_error(scheme, order, acc):
    """κ − θ^order = C·i^(q − order)·θ^q + …, with the error (C, q) of the interior row."""
    kappa = scheme.modified_wavenumber(T, order, acc)
    constant, q = scheme.stencil(order, scheme.claim(order, acc)).error(order)
    series = sympy.series(kappa, T, 0, q + 1).removeO()
    found = sympy.nsimplify(sympy.expand(series - T**order))
    want = sympy.Rational(constant.numerator, constant.denominator) * sympy.I ** (q - order) * T**q
    if scheme in (Compact.spectral_like(), Compact.spectral_like(2)):
        # Its coefficients are rational to double precision only, and so are its conditions.
        assert abs(sympy.N(found.subs(T, sympy.Rational(1, 10)) - want.subs(T, 0.1))) < 1e-14
    else:
        assert sympy.expand(found - want) == 0


@each
def test_symbols_and_numbers_agree(scheme, order, acc):
    kappa = scheme.modified_wavenumber(T, order, acc)
    got = scheme.modified_wavenumber(THETA, order, acc)
    want = np.array([complex(kappa.subs(T, sympy.Float(theta, 30)).evalf(25)) for theta in THETA])
    np.testing.assert_allclose(got, want, atol=3e-14 * max(1, np.abs(want).max()))


@each
def test_shapes_and_types(scheme, order, acc):
    square = scheme.modified_wavenumber(THETA.reshape(5, 8), order, acc)
    assert square.shape == (5, 8)
    assert np.ndim(scheme.modified_wavenumber(0.5, order, acc)) == 0
    row = scheme.stencil(order, scheme.claim(order, acc))
    weights = dict(zip(row.offsets, row.weights, strict=True))
    symmetric = all(weights.get(-o, 0) == (-1) ** order * w for o, w in weights.items())
    assert np.isrealobj(square) == symmetric


@pytest.mark.parametrize(
    ("scheme", "order", "acc", "closed"),
    [(Central(), 1, 2, sympy.sin(T)),
     (Central(), 1, 4, (8 * sympy.sin(T) - sympy.sin(2 * T)) / 6),
     (Central(), 2, 2, 4 * sympy.sin(T / 2) ** 2),
     (Central(), 3, 2, 2 * sympy.sin(T) - sympy.sin(2 * T)),
     (Backward(), 1, 1, sympy.sin(T) - sympy.I * (1 - sympy.cos(T))),
     (Forward(), 1, 1, sympy.sin(T) + sympy.I * (1 - sympy.cos(T))),
     # Lele (1992): (a sin θ + b/2 sin 2θ + c/3 sin 3θ)/(1 + 2α cos θ + 2β cos 2θ).
     (Compact(), 1, 4, sympy.Rational(3, 2) * sympy.sin(T) / (1 + sympy.cos(T) / 2)),
     (Compact(), 1, 6, (14 * sympy.sin(T) / 9 + sympy.sin(2 * T) / 18)
      / (1 + 2 * sympy.cos(T) / 3)),
     (Compact(2), 1, 10, (17 * sympy.sin(T) / 12 + 101 * sympy.sin(2 * T) / 300
                          + sympy.sin(3 * T) / 300) / (1 + sympy.cos(T) + sympy.cos(2 * T) / 10))],
    ids=str,
)  # fmt: skip
def test_closed_forms_of_the_literature(scheme, order, acc, closed):
    found = scheme.modified_wavenumber(T, order, acc)
    assert sympy.simplify(sympy.expand_trig(found - closed)) == 0


@pytest.mark.parametrize("order", [1, 2, 3])
def test_fourier_is_exact(order):
    assert Fourier().modified_wavenumber(T, order) == T**order
    np.testing.assert_allclose(Fourier().modified_wavenumber(list(THETA), order), THETA**order)


def test_rows_that_differ_have_no_wavenumber():
    with pytest.raises(ValueError, match="differ from point to point"):
        Chebyshev().modified_wavenumber(0.5)


def test_symmetric_rows_lose_the_shortest_wave_of_odd_derivatives_only():
    for scheme, order, acc in WAVES:
        if not isinstance(scheme, (Central, TamWebb, BogeyBailly, Compact)):
            continue
        last = scheme.modified_wavenumber(np.pi, order, acc)
        assert abs(last) < 1e-12 if order % 2 else last > 1


def test_backward_rows_damp_what_moves_forward():
    """u_t = −u_x turns exp(iθx) into exp(iθx − iκt), which decays where Im κ < 0."""
    inner = THETA[1:]
    for acc in (1, 2):
        assert np.all(Backward().modified_wavenumber(inner, 1, acc).imag < 0)
        assert np.all(Forward().modified_wavenumber(inner, 1, acc).imag > 0)
    back, ahead = (s.modified_wavenumber(THETA, 1, 2) for s in (Backward(), Forward()))
    np.testing.assert_allclose(back, ahead.conj(), atol=1e-14)


def test_refusals():
    with pytest.raises(ValueError, match="even accuracy"):
        Central().modified_wavenumber(0.5, 1, 3)
    with pytest.raises(ValueError, match="fixes the accuracy itself"):
        TamWebb().modified_wavenumber(0.5, 1, 4)
    with pytest.raises(ValueError, match="varies from point to point"):
        Upwind(Field("v")).modified_wavenumber(0.5, 1, 1)


# The page of schemes ----------------------------------------------------------------------------


def compare():
    path = Path(__file__).parent.parent / "docs" / "compare_schemes.py"
    spec = importlib.util.spec_from_file_location("compare_schemes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("scheme", "acc", "kappa"),
    [(Central(), 2, np.sin), (Central(), 4, lambda t: (8 * np.sin(t) - np.sin(2 * t)) / 6),
     (Compact(), 6, lambda t: (14 / 9 * np.sin(t) + np.sin(2 * t) / 18) / (1 + 2 / 3 * np.cos(t)))],
)  # fmt: skip
def test_resolving_efficiency(scheme, acc, kappa):
    """Where 1 − κ/θ reaches the tolerance, as a part of π."""
    page = compare()
    for tolerance in page.TOLERANCES:
        root = brentq(lambda t, tol=tolerance: 1 - kappa(t) / t - tol, 0.01, 3)
        got = page.resolved(scheme.modified_wavenumber(page.THETA, 1, acc), tolerance)
        assert math.pi * got <= root < math.pi * got + page.THETA[0]


def test_every_scheme_is_on_the_page():
    page = compare()
    text = page.PAGE.read_text()
    entries = [entry for entries in page.FAMILIES.values() for entry in entries]
    assert len({entry.label for entry in entries}) == len(entries)
    for entry in entries:
        assert f"| `{entry.label}` |" in text
    public = [made for name in findops.__all__ if isinstance(made := getattr(findops, name), type)]
    named = {each.__name__ for each in public if issubclass(each, Scheme)}
    assert all(f"`{name}" in text for name in named)


@pytest.mark.parametrize("scheme", [Central(), Fourier(), Compact()], ids=repr)
def test_orders_are_those_of_derivatives(scheme):
    with pytest.raises(ValueError, match="needs an order of at least 1, but got"):
        scheme.modified_wavenumber(1.0, order=0)
    with pytest.raises(ValueError, match="needs an order of at least 1, but got -1"):
        scheme.modified_wavenumber(1.0, order=-1)
    with pytest.raises(TypeError, match=r"order must be an integer, but is 1\.5"):
        scheme.modified_wavenumber(1.0, order=1.5)
