"""Law 3: the order claimed is the order measured, at every row; `op.accuracy` tells the truth."""

import numpy as np

from findops import Diff, Grid, Uniform
from tests.cases import (
    AROUND,
    BY_PARTS,
    CLOSED,
    EVEN,
    EVERY,
    FORCED,
    SINGLES,
    SMOOTHED,
    SPLINES,
    STAGGERED,
    each,
    orders,
)
from tests.grids import LENGTH, kinds
from tests.support import (
    accuracy_of_rows,
    assert_rows_close,
    coordinates,
    input_points,
    matrix,
    open_mesh,
    row_scale,
)

REFINED = [c for c in EVERY if c.refine]
ONE_DERIVATIVE = [*SINGLES, *FORCED, *BY_PARTS, *SMOOTHED, *EVEN, *CLOSED, *STAGGERED]
ONE_DERIVATIVE += [c for c in SPLINES if c not in AROUND]
AMPLITUDES = (1.0, 0.5, -0.7)


def plane_wave(points, number):
    """Return exp(i k·x), whose derivatives all have a constant magnitude: no lucky zeros."""
    return np.exp(1j * number * sum(open_mesh(points)))


def wave_error(case, level):
    """Error and roundoff scale of the operator on a plane wave, both (components, *grid)."""
    grid, op = case.grid(level), case.op(level)
    number = max(1, round(case.m / 12))  # about twelve points a wave on the coarsest grid
    shape_out = (int(np.prod(case.outs)), *op.range.shape)
    points, mesh = input_points(grid, op), open_mesh(coordinates(op.range))
    wave_in, wave_out = plane_wave(points, number), plane_wave(coordinates(op.range), number)
    columns = int(np.prod(case.ins))
    u = np.stack([amplitude * wave_in for amplitude in AMPLITUDES[:columns]])
    want = np.zeros(shape_out, dtype=complex)
    for i, j, terms in case.entries():
        for letters, c in terms.items():
            value = c(*mesh) if callable(c) else c
            alpha = orders(letters, grid.ndim)
            want[i] += AMPLITUDES[j] * value * (1j * number) ** sum(alpha) * wave_out
    got = op(u.reshape(case.ins + wave_in.shape)).reshape(shape_out)
    scale = row_scale(matrix(op), u).reshape(shape_out)
    return np.abs(got - want), np.maximum(scale, np.abs(want))


def parts(case, axis, n):
    """Classes of rows along an axis that are the same rows, or the same region, on every level."""
    if kinds(case.spec)[axis].startswith("periodic"):
        return {"all": slice(None)}
    w, third = max(case.m // 3, 2), n // 3
    fixed = {"head": slice(0, w), "tail": slice(n - w, n)}
    return fixed | {"first third": slice(0, third), "interior": slice(third, n - third),
                    "last third": slice(n - third, n)}  # fmt: skip


@each(REFINED)
def test_order_claimed_is_order_measured(case):
    ndim = case.grid().ndim
    levels = range({1: 5, 2: 3, 3: 3, 4: 3}[ndim])
    errors, scales = zip(*(wave_error(case, level) for level in levels), strict=True)
    op = case.op()
    assert op.accuracy.shape == case.outs + op.range.shape
    claims = np.asarray(op.accuracy).reshape(errors[0].shape)
    if case.acc is not None:
        assert claims.min() >= case.acc
    for axis in range(ndim):
        for name in parts(case, axis, 99):
            for component in range(claims.shape[0]):
                # the same class of rows on each level: (component, all, …, part, …, all)
                def select(values, axis=axis, name=name, component=component):
                    rows = [component, *([slice(None)] * ndim)]
                    rows[1 + axis] = parts(case, axis, values.shape[1 + axis])[name]
                    return values[tuple(rows)]

                error = [select(e).max() for e in errors]
                noise = [20 * np.finfo(float).eps * select(s).max() for s in scales]
                claim = select(claims).min()
                clear = [i for i in levels[1:] if error[i] > noise[i]]
                if not clear:
                    assert error[1] <= noise[1]  # nothing left to measure: exact to roundoff
                    continue
                measured = np.log2(error[clear[-1] - 1] / error[clear[-1]])
                assert measured >= claim - 0.2, (
                    f"{name} of axis {axis}, component {component}: measured {measured:.2f}, "
                    f"claimed {claim}; errors {error}"
                )


@each(ONE_DERIVATIVE)
def test_accuracy_is_that_of_the_moments(case):
    """What the moments of the matrix's own rows say, computed here, is what is reported."""
    grid, op = case.grid(), case.op()
    period = LENGTH if kinds(case.spec)[0].startswith("periodic") else None
    order = len(next(iter(case.truth)))
    want = accuracy_of_rows(
        matrix(op), coordinates(op.range)[0], input_points(grid, op)[0], order, period
    )
    np.testing.assert_array_equal(op.accuracy, want)


def test_accuracy_of_a_sum_is_the_least_of_its_terms():
    grid = Grid(x=Uniform(0, 1, 20))
    op = (Diff("x", acc=6) + Diff("x", 2, acc=2)).on(grid)
    np.testing.assert_array_equal(op.accuracy[4:-4], 2)


def test_identity_is_exact():
    op = (2 * Diff("x", 0)).on(Grid(x=Uniform(0, 1, 5)))
    np.testing.assert_array_equal(op.accuracy, np.inf)
    assert_rows_close(op(np.arange(5.0)), 2 * np.arange(5.0), np.ones(5), 0)


def test_alternating_spacing_is_where_symmetry_is_lost():
    """Three points give only first order for the second derivative there; five are taken."""
    x = np.concatenate([[0], np.cumsum(np.resize([1.0, 2.0], 20))])
    op = Diff("x", 2).on(Grid(x=x))
    assert op.accuracy.min() >= 2
    assert {len(op.stencil((i,))) for i in range(5, 16)} == {5}
    smooth = Diff("x", 1).on(Grid(x=x))
    assert {len(smooth.stencil((i,))) for i in range(5, 16)} == {3}
