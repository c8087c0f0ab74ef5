"""Law 8: a zero weight touches nothing: NaN at i leaves rows without weight at i clean."""

import numpy as np
import pytest

from findops import (
    Chebyshev,
    ChebyshevPoints,
    Compact,
    CompactFilter,
    Diff,
    Fourier,
    Grid,
    Periodic,
    Uniform,
    Upwind,
)
from tests.cases import CASES, LITERAL, each
from tests.support import input_shape, random_array


# A literal product touches all that its factors touch, though products of weights may cancel.
@each(CASES[: -len(LITERAL)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_values_stay_where_they_have_weight(case, bad):
    op = case.op()
    shape = input_shape(case.grid(), op, case.ins)
    A = op.matrix().tocsc()
    size = int(np.prod(shape))
    picks = {0, size - 1, size // 2, *np.random.default_rng(0).integers(0, size, 3).tolist()}
    for i in picks:
        u = random_array(shape, seed=1)
        u.flat[i] = bad
        with np.errstate(invalid="ignore"):  # inf - inf
            v = op(u).ravel()
        touched = A.indices[A.indptr[i] : A.indptr[i + 1]]
        assert not np.isfinite(v[touched]).any()
        clean = np.ones(v.size, dtype=bool)
        clean[touched] = False
        assert np.isfinite(v[clean]).all()


@pytest.mark.parametrize(
    "scheme", [Compact(), CompactFilter(4, 0.4), Fourier(), Chebyshev()], ids=repr
)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_where_whole_lines_are_read_they_stay_in_their_line(scheme, axis):
    """Transforms and eliminations touch every point of a line, and no other line."""
    line = ChebyshevPoints(0, 1, 9) if scheme == Chebyshev() else Periodic(0, 1, 9)
    op = Diff(axis, int(not scheme.smooths), scheme=scheme).on(Grid(line, line, line))
    u = random_array((2, 9, 9, 9), seed=1)
    want = op(u)
    u[1, 4, 5, 6] = np.nan
    with np.errstate(invalid="ignore"):
        v = op(u)
    place = [1, 4, 5, 6]
    place[1 + axis] = slice(None)
    assert np.isnan(v[tuple(place)]).any()
    v[tuple(place)] = want[tuple(place)]
    np.testing.assert_array_equal(v, want)


def test_a_zero_coefficient_multiplies():
    op = (np.zeros(9) * Diff(0)).on(Grid(Uniform(0, 1, 9)))
    u = np.ones(9)
    u[4] = np.nan
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(op(u))), [3, 5])


@pytest.mark.parametrize("sign", [1, -1, 0])
def test_upwind_selects(sign):
    """Values on the other side have no part in the result, whatever they are."""
    op = Diff("x", acc=1, scheme=Upwind(np.full(9, float(sign)))).on(Grid(x=Uniform(0, 8, 9)))
    u = np.arange(9.0)
    u[5] = np.nan
    bad = np.flatnonzero(np.isnan(op(u)))
    np.testing.assert_array_equal(bad, [4, 5] if sign < 0 else [5, 6])


@pytest.mark.parametrize(("order", "acc", "n"), [(3, 6, 8), (1, 8, 8), (1, 8, 5), (2, 8, 3)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_taps_that_cancel_around_a_circle_touch_nothing(axis, order, acc, n):
    """The grid is large enough for the compiled executor."""
    axes = [Uniform(0, 1, 24) for _ in range(3)]
    axes[axis] = Periodic(0, 1, n)
    op = Diff(axis, order, acc=acc).on(Grid(*axes))
    u = random_array(op.domain.shape, seed=1)
    want = op(u)
    place = [7, 8, 9]
    place[axis] = 1
    weights = Diff(0, order, acc=acc).on(Grid(axes[axis])).matrix().toarray()[:, 1]
    u[tuple(place)] = np.nan
    touched = np.zeros(u.shape, dtype=bool)
    place[axis] = slice(None)
    touched[tuple(place)] = weights != 0
    assert 0 < touched.sum() < n or n < 8
    with np.errstate(invalid="ignore"):
        v = op(u)
    np.testing.assert_array_equal(np.isnan(v), touched)
    np.testing.assert_array_equal(v[~touched], want[~touched])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_taps_that_meet_around_a_circle_add_up_in_products(axis):
    axes = [Uniform(0, 1, 24) for _ in range(3)]
    axes[axis] = Periodic(0, 1, 5)
    grid = Grid(*axes)
    c = 1 + random_array(grid.shape, seed=2)
    op = (c * Diff(axis, 1, acc=8) * (c * Diff(axis, 2, acc=8)) + Diff(axis, 3, acc=6)).on(grid)
    u = random_array(grid.shape, seed=1)
    A = op.matrix()
    want = (A @ u.ravel()).reshape(u.shape)
    np.testing.assert_allclose(op(u), want, atol=1e-14 * abs(A).sum(axis=1).max())
