"""Numbers near the ends of double precision: refused in words, by axis, order and spacing."""

from fractions import Fraction

import numpy as np
import pytest

import findops as fo
from findops import Diff, Grid, Points, Uniform

HUGE = 10**400

SCHEMES = [
    fo.Central(),
    fo.Forward(),
    fo.Backward(),
    fo.Biased(1),
    fo.Offsets([-1, 0, 1]),
    fo.Upwind(1.0),
    fo.Compact(),
    fo.SavitzkyGolay(5, 2),
    fo.Gaussian(1.0),
    fo.Spline(3),
    fo.SBP(2),
    fo.TamWebb(),
    fo.BogeyBailly(),
    fo.Fourier(),
    fo.Chebyshev(),
]


def axis(scheme, length, n=13):
    match scheme:
        case fo.Fourier():
            return fo.Periodic(0, length, n)
        case fo.Chebyshev():
            return fo.ChebyshevPoints(0, length, n)
    return Uniform(0, length, n)


@pytest.mark.parametrize("length", [1e-309, 1e-200, 1e200])
@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_weights_out_of_range_are_refused(scheme, length):
    order = 1 if isinstance(scheme, fo.SBP | fo.TamWebb | fo.BogeyBailly) else 2
    if order == 1 and length != 1e-309:
        # Weights of a first derivative are in range there, and right.
        x = axis(scheme, length).coordinates
        ones = Diff("x", 1, scheme=scheme).on(Grid(x=axis(scheme, length))) @ x
        np.testing.assert_allclose(ones, 1, rtol=1e-12)
        return
    with pytest.raises(ValueError, match=rf"order {order} along 'x'.*spacing.*e[-+]\d\d"):
        Diff("x", order, scheme=scheme).on(Grid(x=axis(scheme, length)))


@pytest.mark.parametrize("size", [1e-309, 1e-200, 1e200])
def test_uneven_weights_out_of_range_are_refused(size):
    grid = Grid(x=Points(np.array([0, 1, 3, 4, 7, 9, 12.0]) * size))
    with pytest.raises(ValueError, match=r"order 2 along 'x'.*spacings"):
        Diff("x", 2).on(grid)


def test_weights_in_range_stand():
    for step in (1e-150, 1e150):
        made = Diff("x", 2).on(Grid(x=Uniform(n=9, step=step))).stencil((4,))
        assert made[0,] == pytest.approx(-2 / step**2, rel=1e-14)


@pytest.mark.parametrize(
    "made",
    [
        lambda: Uniform(-1e308, 1e308, 5),
        lambda: fo.Cells(-1e308, 1e308, 5),
        lambda: fo.Periodic(n=5, step=1e308),
        lambda: Points([-1e308, 0, 1e308]),
        lambda: Grid(x=np.array([-1e308, 0, 1e308])),
        lambda: fo.ChebyshevPoints(-1e308, 1e308, 5),
        lambda: Uniform(0, HUGE, 5),
        lambda: Points([0, 1], period=HUGE),
        lambda: fo.Compact([HUGE]),
        lambda: fo.Compact([1], [HUGE]),
        lambda: fo.Gaussian(HUGE),
        lambda: fo.Upwind(HUGE),
        lambda: fo.Dissipation("x", fo.SBP(2), strength=HUGE),
        lambda: fo.Robin("x-", Fraction(HUGE), 1),
        lambda: Diff("x")(np.ones(9), {"x": HUGE}),
        lambda: Diff("x").on(Grid(x=Uniform(0, 1, 9)))(np.ones(9), scale=HUGE),
        lambda: (10**300 * (10**300 * Diff("x"))).on(Grid(x=Uniform(0, 1, 9))),
    ],
)
def test_numbers_beyond_doubles_are_refused(made):
    with pytest.raises(ValueError, match="double precision"):
        made()


def test_exact_stencils_take_numbers_of_any_size():
    assert Diff("x").stencil({"x": HUGE})[1,] == Fraction(1, 2 * HUGE)


def test_points_that_coincide_in_double_precision_are_refused():
    for made in (fo.Uniform, fo.Periodic, fo.Cells):
        with pytest.raises(ValueError, match="does not tell them apart"):
            made(1e16, 1e16 + 4, 9)
    assert np.diff(Uniform(1e16, 1e16 + 4, 3).coordinates).tolist() == [2, 2]


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_weights_that_single_precision_does_not_hold_are_refused(dtype):
    op = Diff("x", 2).on(Grid(x=Uniform(0, 8e-25, 9)))
    with pytest.raises(ValueError, match=r"weights up to .* are beyond the range of"):
        op(np.ones(9, dtype))
    assert np.isfinite(op(np.ones(9))).all()
