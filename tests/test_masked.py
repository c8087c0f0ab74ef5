"""Operators on fields with holes: the stencils that the valid points allow."""

import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import findops as fo
from findops import Cells, Diff, Grid, Laplacian, Periodic, Uniform
from findops.executors import scattered
from findops.executors.kernels import fused
from findops.executors.stencil_runs import StencilGroup, StencilRuns
from findops.masked.run_stencils import RunStencils
from findops.schemes import AxisMap
from tests.cases import CASES, each
from tests.grids import AXES
from tests.support import (
    accuracy_of_rows,
    assert_rows_close,
    input_shape,
    magnitudes,
    random_array,
    row_scale,
)


def supported(case):
    if case.closure == "halo" or (
        isinstance(case.closure, dict) and "halo" in case.closure.values()
    ):
        return False
    return "natural" not in case.name


SUPPORTED = [case for case in CASES if supported(case)]


def drawn_mask(shape, share, seed=0):
    mask = np.random.default_rng(seed).random(shape) < share
    mask.flat[0] = True
    return mask


# Laws over the table of cases -------------------------------------------------------------------


@each(SUPPORTED)
def test_without_holes_nothing_changes(case):
    op = case.op()
    m = op.masked(np.ones(case.grid().shape, dtype=bool))
    u = random_array(input_shape(case.grid(), op, case.ins), seed=1)
    np.testing.assert_array_equal(m(u), op(u))
    A, B = m.matrix(), op.matrix()
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(A, name), getattr(B, name))
    assert m.defined.all()


@each(SUPPORTED[::5])
def test_holes_are_never_read_and_apply_is_matrix(case):
    grid, op = case.grid(), case.op()
    m = op.masked(drawn_mask(grid.shape, 0.85))
    u = random_array((2, *input_shape(grid, op, case.ins)), seed=1)
    garbage = u.copy()
    garbage[..., ~m.mask] = np.resize([np.nan, np.inf, -np.inf, 1e308], u[..., ~m.mask].shape)
    got = m(garbage)
    np.testing.assert_array_equal(np.isnan(got[0]), ~m.defined)
    clean = m(np.where(m.mask, u, 0))
    np.testing.assert_array_equal(got, clean)
    A = m.matrix()
    there, parts = m.defined.ravel(), magnitudes(op)
    for values, field in zip(np.where(m.mask, u, 0), clean, strict=True):
        scale = row_scale(A, values) + row_scale(parts, values)
        want = A @ values.ravel()
        assert_rows_close(field[m.defined], want[there], scale[there], 1e-13)
    assert not np.diff(A.indptr)[~there].any()
    assert not A.toarray()[:, ~np.broadcast_to(m.mask, op.program.inputs.shape).ravel()].any()


# Many points of few kinds: compiled code ---------------------------------------------------------

LAKE = Grid(x=Uniform(0, 6, 67), y=Periodic(0, 5, 61))
ROUGH = Grid(x=AXES["random"](66, 6.0), y=AXES["periodic-random"](61, 6.0))
SHORE = drawn_mask(LAKE.shape, 0.85, seed=7)
DEPTH = random_array(LAKE.shape, seed=4) + 2
OPERATORS = {
    "Laplacian": Laplacian(acc=4),
    "coefficients": DEPTH * Diff("x") + (3 - 2j) * Diff("y", 2) + 1j * DEPTH * Diff("x", 2) - 1,
    "mixed": Diff("x") * Diff("y", acc=4) + Diff("y"),
    "product": Diff("x") * DEPTH * Diff("x"),
    "half": Diff("x", to="node") * Diff("x", to="half") + Diff("y", 2),
    "to half": Diff("x", acc=4, to="half"),
    "upwind": Diff("x", acc=1, scheme=fo.Upwind(lambda x, y: x - y)),
    "Gradient": fo.Gradient(acc=4),
    "Divergence": fo.Divergence(),
    "VectorLaplacian": fo.VectorLaplacian(),
}


def read_by(A, bad):
    """Which rows of a matrix have an entry in some columns."""
    pattern = A.copy()
    pattern.data = np.ones(len(A.data))
    return pattern @ bad.astype(float) > 0


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
@pytest.mark.parametrize("grid", [LAKE, ROUGH], ids=["even", "uneven"])
@pytest.mark.parametrize("name", OPERATORS)
def test_large_fields_with_holes_are_what_the_matrix_makes_of_them(name, grid, dtype):
    """NaN in holes reaches no row, at a valid point exactly the rows that read it."""
    op = OPERATORS[name].on(grid)
    m, shape = op.masked(SHORE), op.program.inputs.shape
    A, there = m.matrix(), m.defined.ravel()
    u = random_array((2, *shape), dtype, seed=1)
    u[..., ~SHORE] = np.nan
    u[(1, *np.unravel_index(np.arange(0, u[0].size, 97), shape))] = np.nan
    result = m(u).reshape(2, -1)
    assert result.dtype == op(u).dtype
    tol = 1e-6 if dtype == "f4" else 1e-13
    parts = magnitudes(op)
    for field, got in zip(u.reshape(2, -1), result, strict=True):
        bad = np.isnan(field) & np.broadcast_to(SHORE, shape).ravel()
        good = there & ~read_by(A, bad)
        np.testing.assert_array_equal(np.isfinite(got), good)
        clean = np.nan_to_num(field.astype(A.dtype if dtype != "c16" else complex))
        scale = row_scale(A, clean) + row_scale(parts, clean)
        assert_rows_close(got[good], (A @ clean)[good], scale[good], tol)


def test_results_go_where_they_are_wanted():
    """To arrays with gaps, of another order, over what is read; multiplied, and added."""
    m, u = Laplacian(acc=4).on(LAKE).masked(SHORE), random_array((2, *LAKE.shape), "c16")
    want = m(u)
    for order in ("C", "F"):
        out = np.full((2, *LAKE.shape), 1.0 + 0j, order=order)
        assert m(u.copy(order=order), out=out, scale=2j) is out
        np.testing.assert_allclose(out, 2j * want, rtol=1e-13)
        m(u, out=out, add=True, scale=-0.5)
        np.testing.assert_allclose(out, (2j - 0.5) * want, rtol=1e-12)
    room = np.zeros((2, *LAKE.shape, 2), complex)
    m(u, out=room[..., 0])
    np.testing.assert_array_equal(room[..., 0], want)
    m(u, out=u)
    np.testing.assert_array_equal(u, want)


def test_threads_do_not_change_a_bit(monkeypatch):
    m, u = Laplacian(acc=4).on(LAKE).masked(SHORE), random_array(LAKE.shape)
    with fo.set_num_threads(1):
        alone = m(u)
    monkeypatch.setattr(fused, "SERIAL", 1)
    for count in (2, 3):
        with fo.set_num_threads(count):
            np.testing.assert_array_equal(m(u), alone)


@pytest.mark.parametrize("name", ["coefficients", "mixed", "Divergence"])
def test_numpy_and_compiled_code_agree(name, monkeypatch):
    m = OPERATORS[name].on(LAKE).masked(SHORE)
    u = random_array(m.operator.program.inputs.shape)
    compiled = m(u)
    monkeypatch.setattr(scattered, "NUMPY_TAPS", 1 << 30)
    scale = np.nanmax(np.abs(compiled))
    np.testing.assert_allclose(m(u), compiled, rtol=0, atol=1e-13 * scale)


def test_there_are_few_kinds_of_rows_and_points_have_only_an_index():
    """Sixteen for second derivatives of fourth order: places in runs of 3, 4, 5 and more points."""
    for n in (60, 120):
        grid = Grid(x=Uniform(0, 1, n), y=Uniform(0, 1, n))
        mask = drawn_mask(grid.shape, 0.7, seed=1)
        band = Diff("x", 2, acc=4).on(grid).program.terms[0].bands[0]
        axis = grid["x"]
        stencils = RunStencils(band, 0, AxisMap(2, axis, axis), mask)
        points = np.flatnonzero(stencils.defined & ~stencils.kept)
        kinds, offsets, weights = stencils.near(points)
        assert len(kinds) == len(points)
        assert len(offsets) == len(weights) <= 16
        assert len(np.unique(np.hstack([offsets, weights]), axis=0)) == len(weights)
        runs = StencilRuns.of(
            [StencilGroup(points, stencils.reads(points), kinds, offsets, weights)]
        )
        assert runs.points.dtype == np.int32
        assert runs.reads is runs.points
        np.testing.assert_array_equal(np.sort(runs.points), points)
        # Threads share whole blocks, which have no point in common.
        ends = runs.starts[runs.blocks]
        blocks = [set(runs.points[a:b].tolist()) for a, b in pairwise(ends)]
        assert len(blocks) > 1
        assert sum(map(len, blocks)) == len(set().union(*blocks)) == len(points)
        highest = np.array([max(block) for block in blocks[:-1]])
        assert (highest < [min(block) for block in blocks[1:]]).all()


@pytest.mark.parametrize("most", [0, 1 << 30])
def test_values_that_pass_keep_every_bit(most, monkeypatch):
    """Near holes smoothing leaves values as they are, beside rows that read several points."""
    monkeypatch.setattr(scattered, "NUMPY_TAPS", most)
    smooth = fo.Filter("x", fo.SavitzkyGolay(7, 2)).on(LAKE).masked(SHORE)
    alone = np.diff(smooth.matrix().indptr).reshape(LAKE.shape) == 1
    u = random_array(LAKE.shape)
    assert np.count_nonzero(alone) > 100
    np.testing.assert_array_equal(smooth(u)[alone], u[alone])


# The stencils that valid points allow, found anew ------------------------------------------------


def run_of(valid, i, periodic):
    """Return the indices of the valid points in a row with point i, unwrapped."""
    n = len(valid)

    def ok(j):
        return valid[j % n] if periodic else 0 <= j < n and valid[j]

    low = stop = i
    while ok(low - 1) and i - low < n:
        low -= 1
    while ok(stop) and stop - low < n:
        stop += 1
    return range(low, stop)


KINDS = ["uniform", "cells", "descending", "random", "periodic", "periodic-random", "half"]
ORDERS = [
    (1, 2, None), (1, 4, None), (2, 2, None), (2, 4, None), (3, 2, None), (4, 4, None),
    (1, 3, fo.Forward()), (2, 2, fo.Backward()), (1, 2, fo.Biased(1)), (1, 1, fo.Upwind(-1)),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
@settings(max_examples=20)
def test_every_row_has_the_highest_order_that_its_run_allows(kind, data):
    order, acc, scheme = data.draw(st.sampled_from(ORDERS))
    grid = Grid(x=AXES[kind](24, 6.0))
    axis = grid["x"]
    mask = np.array(data.draw(st.lists(st.sampled_from([True] * 4 + [False]),
                                       min_size=len(axis), max_size=len(axis))))  # fmt: skip
    mask[0] |= not mask.any()
    op = Diff("x", order, acc=acc, scheme=scheme).on(grid)
    m = op.masked(mask)
    A, B = m.matrix(), op.matrix()
    x = axis.coordinates
    period = 2 * np.pi if axis.periodic else None
    orders = accuracy_of_rows(A, x, x, order, period)
    for i in range(len(x)):
        run = run_of(mask, i, axis.periodic) if mask[i] else range(0)
        reads = A.indices[A.indptr[i] : A.indptr[i + 1]]
        full = B.indices[B.indptr[i] : B.indptr[i + 1]]
        if mask[i] and mask[full].all():
            np.testing.assert_array_equal(A[[i]].toarray(), B[[i]].toarray())
        elif len(run) <= order:
            assert not m.defined[i]
        else:
            allowed = min(acc, len(run) - order)
            assert set(reads) <= {j % len(x) for j in run}
            assert len(reads) <= order + allowed
            assert orders[i] >= allowed
        if m.defined[i]:
            assert m.accuracy[i] == orders[i]


@pytest.mark.parametrize("kind", ["uniform", "cells", "random", "periodic"])
@pytest.mark.parametrize("acc", [2, 4])
def test_half_points_stand_between_valid_points_and_nodes_beside_valid_half_points(kind, acc):
    grid = Grid(x=AXES[kind](16, 6.0))
    n = len(grid["x"])
    mask = np.ones(n, dtype=bool)
    mask[[5, 7, 12]] = False
    there = Diff("x", acc=acc, to="half").on(grid).masked(mask)
    half = there.operator.range["x"]
    places = np.arange(len(half)) + float(half.origin)
    sides = np.floor(places).astype(int), np.ceil(places).astype(int)
    if kind == "periodic":
        want = np.logical_and(*(mask[side % n] for side in sides))
    else:
        padded = {-1: True, n: True} | dict(enumerate(mask))
        want = np.array([padded[i] and padded[j] for i, j in zip(*sides, strict=True)])
    np.testing.assert_array_equal(there.defined, want)
    D = Diff("x", to="node", acc=acc) * Diff("x", to="half", acc=acc)
    back = D.on(grid).masked(mask)
    alone = np.zeros(n, dtype=bool)
    alone[6] = True  # between two holes
    few = [i for i in range(n) if mask[i] and len(run_of(mask, i, kind == "periodic")) <= 2]
    alone[few] = True
    np.testing.assert_array_equal(back.defined, mask & ~alone)
    x = grid["x"].coordinates
    if kind != "periodic":
        np.testing.assert_allclose(back(x**2)[back.defined], 2, atol=1e-11)


def monomial(grid, powers, orders=(0, 0)):
    result = np.ones(grid.shape)
    for x, power, order in zip(grid.mesh(), powers, orders, strict=True):
        result = result * math.perm(power, order) * (x - 3.0) ** max(power - order, 0)
    return result


PLANES = {
    "Laplacian": (Laplacian(acc=4), [(2, 0), (0, 2)], 1),
    "mixed": (Diff("x") * Diff("y", acc=4), [(1, 1)], 1),
    "staggered": (Diff("y", to="node") * Diff("y", to="half") + Diff("x", 2), [(2, 0), (0, 2)], 1),
    "wide": (Diff("x", acc=4) * Diff("x") * Diff("y"), [(2, 1)], 0),
}


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize("share", [0.7, 0.95])
def test_accuracy_tells_which_polynomials_are_exact(name, share):
    expr, meaning, least = PLANES[name]
    grid = Grid(x=AXES["random"](20, 6.0), y=AXES["cells"](18, 6.0))
    m = expr.on(grid).masked(drawn_mask(grid.shape, share, seed=2))
    order = sum(meaning[0])
    assert np.count_nonzero(m.defined) > 20
    accuracy, A, parts = m.accuracy, abs(m.matrix()), magnitudes(m.operator)
    assert (accuracy[m.defined] >= least).all()
    seen = np.zeros(grid.shape, dtype=bool)
    for powers in [(i, j) for i in range(8) for j in range(8 - i)]:
        u = monomial(grid, powers)
        want = sum(monomial(grid, powers, orders) for orders in meaning)
        scale = ((A + parts) @ np.abs(u).ravel()).reshape(grid.shape)
        with np.errstate(invalid="ignore"):
            right = np.abs(m(u) - want) <= 1e-13 * scale
            exact = m.defined & (sum(powers) < order + accuracy)
        assert right[exact].all()
        seen |= m.defined & (sum(powers) == order + accuracy) & ~right
    # and no higher: at every row some monomial of the next degree is not exact
    assert (seen | ~m.defined | (accuracy + order > 7)).all()


def test_fields_with_components_are_exact_on_what_their_accuracy_says():
    """Divergence and gradient of polynomials, batches of them, in float64 and complex."""
    grid = Grid(x=AXES["random"](20, 6.0), y=Uniform(0, 6, 25))
    mask = drawn_mask(grid.shape, 0.8, seed=5)
    x, y = grid.mesh()
    div = fo.Divergence(acc=4).on(grid).masked(mask)
    field = np.stack([np.stack([x**i, y**i]) * (1 + 1j) for i in range(4)])
    got = div(field)
    for i in range(4):
        rows = div.accuracy >= i  # exact up to degree accuracy
        want = (1 + 1j) * (i * x ** max(i - 1, 0) + i * y ** max(i - 1, 0))
        assert np.count_nonzero(rows) > 100
        np.testing.assert_allclose(got[i][rows], want[rows], rtol=1e-11, atol=1e-11)
    slope = fo.Gradient().on(grid).masked(mask)
    assert slope.defined.shape == (2, *grid.shape)
    np.testing.assert_allclose(slope(2 * x - 3 * y)[0][slope.defined[0]], 2, atol=1e-12)
    np.testing.assert_allclose(slope(2 * x - 3 * y)[1][slope.defined[1]], -3, atol=1e-12)


@pytest.mark.parametrize(("expr", "orders"), [
    (Diff("x", acc=4), (1, 0)), (Diff("x", 2), (2, 0)), (Laplacian(acc=4), None),
    (Diff("x") * Diff("y"), (1, 1)),
], ids=str)  # fmt: skip
def test_the_accuracy_is_the_order_measured_on_a_disk_with_walls(expr, orders):
    """The error of each class of rows, divided by h to its accuracy, stays bounded."""
    worst = {}
    for n in (65, 129, 257):
        grid = Grid(x=Uniform(-1.2, 1.2, n), y=Uniform(-1.2, 1.2, n))
        x, y = grid.mesh()
        walls = (np.arange(n)[:, None] % 5 == 0) & (x < 0) & (y < 0)
        m = expr.on(grid).masked((np.hypot(x, y) < 1.03) & ~walls)

        # u = sin(3x + 1) cos(2y): the p-th derivative along x is 3^p sin(3x + 1 + pπ/2)
        def exact(p, q, x=x, y=y):
            return 3**p * np.sin(3 * x + 1 + p * np.pi / 2) * 2**q * np.cos(2 * y + q * np.pi / 2)

        want = exact(2, 0) + exact(0, 2) if orders is None else exact(*orders)
        error, accuracy = np.abs(m(exact(0, 0)) - want), m.accuracy
        assert np.nanmin(accuracy) >= 1
        for p in np.unique(accuracy[m.defined]):
            worst.setdefault(p, {})[n] = error[accuracy == p].max()
    assert len(worst) > 1
    for p, by_size in worst.items():
        assert np.log2(by_size[65] / by_size[257]) / 2 >= p - 0.2


def test_isolated_points_and_short_runs_have_no_value():
    op = Diff("x", 2, acc=4).on(Grid(x=Uniform(0, 9, 10)))
    mask = np.array([1, 0, 1, 1, 0, 1, 1, 1, 0, 1], dtype=bool)
    m = op.masked(mask)
    np.testing.assert_array_equal(m.defined, [0, 0, 0, 0, 0, 1, 1, 1, 0, 0])
    u = np.where(mask, np.arange(10.0) ** 2, np.nan)
    np.testing.assert_array_equal(m(u), [np.nan] * 5 + [2.0] * 3 + [np.nan] * 2)
    np.testing.assert_array_equal(m.accuracy, [np.nan] * 5 + [1, 2, 1] + [np.nan] * 2)
    assert m.matrix().nnz == 9


def test_a_run_goes_on_across_the_ends_of_a_periodic_axis():
    op = Diff("x", acc=4).on(Grid(x=Periodic(0, 12, 12)))
    mask = np.ones(12, dtype=bool)
    mask[[4, 6]] = False
    A = op.masked(mask).matrix().toarray()
    assert not A[5].any()
    np.testing.assert_array_equal(A[0], op.matrix().toarray()[0])
    np.testing.assert_array_equal(np.flatnonzero(A[7]), [7, 8, 9, 10, 11])
    mask[[8, 9, 10]] = False
    # the run is 11, 0, 1, 2, 3: all of it serves every point
    B = op.masked(mask).matrix().toarray()
    want = np.array([float(w) for w in fo.weights(1, range(5), at=1)])
    np.testing.assert_allclose(B[0, [11, 0, 1, 2, 3]], want, atol=1e-15)
    assert not B[[5, 7]].any()


@pytest.mark.parametrize("closure", ["odd", "even", "zero", 1])
def test_closures_hold_where_their_rows_read_valid_points_only(closure):
    op = Diff("x", 2, acc=4).on(Grid(x=Cells(0, 12, 12)), closure=closure)
    far, near = np.ones(12, dtype=bool), np.ones(12, dtype=bool)
    far[5], near[2] = False, False
    A, B = op.masked(far).matrix().toarray(), op.matrix().toarray()
    reach = 3 if closure == 1 else 2
    np.testing.assert_array_equal(A[:reach], B[:reach])
    np.testing.assert_array_equal(A[-2:], B[-2:])
    m = op.masked(near)
    # two points beside a hole: no second derivative, unless the closure reads no more than these
    assert not m.defined[:3].any()


# Arrays, algebra, errors -------------------------------------------------------------------------


BASIN = Grid(x=Uniform(0, 1, 12), y=Periodic(0, 1, 11))
WET = drawn_mask(BASIN.shape, 0.8, seed=3)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i4", "?"])
def test_the_precision_is_that_of_the_field(dtype):
    op, u = Laplacian().on(BASIN), random_array(BASIN.shape, dtype)
    m = op.masked(WET)
    assert m(u).dtype == op(u).dtype
    tol = 1e-5 if np.dtype(dtype).char in "fF" else 1e-13
    scale = row_scale(m.matrix(), np.where(WET, u, 0)).reshape(BASIN.shape)
    want = (m.matrix() @ np.where(WET, u, 0).ravel()).reshape(BASIN.shape)
    assert_rows_close(m(u)[m.defined], want[m.defined], scale[m.defined], tol)


def test_out_add_and_scale():
    m, u = Laplacian().on(BASIN).masked(WET), random_array((3, *BASIN.shape))
    want = m(u)
    out = np.ones_like(u)
    assert m(u, out=out, scale=2.0) is out
    np.testing.assert_allclose(out, 2 * want, rtol=1e-14)
    m(u, out=out, add=True, scale=-1.0)
    np.testing.assert_allclose(out, want, rtol=1e-12)
    np.testing.assert_array_equal(m @ u, want)
    same = u.copy()
    np.testing.assert_array_equal(m(same, out=same), want)
    strided = np.zeros((3, *BASIN.shape[::-1])).swapaxes(1, 2)
    np.testing.assert_array_equal(m(u.copy(order="F"), out=strided), want)
    assert m(np.zeros((0, *BASIN.shape))).shape == (0, *BASIN.shape)


def test_bound_products_pass_on_what_is_defined():
    """Where runs are long, a product on holes is the product of what its factors are there."""
    D, L = Diff("x").on(BASIN), Laplacian().on(BASIN)
    wet = np.ones(BASIN.shape, dtype=bool)
    wet[5, 5] = wet[11, 2] = False
    product = ((L + 2 * D) @ (L - D)).masked(wet)
    inner = (L - D).masked(wet)
    outer = (L + 2 * D).masked(inner.defined)
    u = random_array(BASIN.shape)
    both = product.defined
    np.testing.assert_array_equal(both, outer.defined & wet)
    np.testing.assert_allclose(product(u)[both], outer(inner(u))[both], rtol=1e-10, atol=1e-7)
    with pytest.raises(ValueError, match="product of sums"):
        _ = product.accuracy


def test_coefficients_are_not_read_in_holes():
    depth = np.where(WET, 2.0, np.nan)
    wet = (Diff("x") * depth * Diff("x")).on(BASIN).masked(WET)
    flat = (Diff("x") * np.full(BASIN.shape, 2.0) * Diff("x")).on(BASIN).masked(WET)
    u = random_array(BASIN.shape)
    np.testing.assert_array_equal(wet(u), flat(u))
    assert np.isfinite(wet.matrix().data).all()


def test_taps_that_meet_on_a_circle_and_cancel_read_no_hole():
    """Of nine points on a circle of eight, the first and last are one, with weights ±w."""
    grid = Grid(y=Periodic(0, 1, 8), x=Uniform(0, 1, 150))
    op = Diff("y", 3, acc=6).on(grid)
    mask = drawn_mask(grid.shape, 0.7)
    u = np.where(mask, random_array(grid.shape), np.nan)
    m = op.masked(mask)
    np.testing.assert_array_equal(np.isfinite(m(u)), m.defined)
    want = (m.matrix() @ np.nan_to_num(u).ravel()).reshape(grid.shape)
    np.testing.assert_allclose(m(u)[m.defined], want[m.defined], rtol=0, atol=1e-9)


def test_an_upwind_scheme_across_half_points():
    """Where it is not selected there is zero, at half points between nodes."""
    grid = Grid(x=Periodic(0, 1, 11), y=Uniform(0, 1, 12))
    wet = drawn_mask(grid.shape, 0.8, seed=3)
    wind = Diff("x", acc=1, scheme=fo.Upwind(lambda x, y: x - y))
    there, back = Diff("y", to="half"), Diff("y", to="node")
    across = Diff("y", acc=1, scheme=fo.Upwind(lambda x, y: y - x))
    for expr in (wind * back * there, wind * there, wind * back * there * across):
        op = expr.on(grid)
        u = np.where(wet, random_array(grid.shape), np.nan)
        m, full = op.masked(wet), op.masked(np.ones_like(wet))
        np.testing.assert_array_equal(np.isfinite(m(u)), m.defined)
        want = (m.matrix() @ np.nan_to_num(u).ravel()).reshape(m.defined.shape)
        scale = np.abs(want).max()
        np.testing.assert_allclose(m(u)[m.defined], want[m.defined], rtol=0, atol=1e-13 * scale)
        smooth = random_array(grid.shape)
        np.testing.assert_array_equal(full(smooth), op(smooth))


def test_a_masked_operator_is_immutable_and_pickles():
    mask = WET.copy()
    m = Laplacian().on(BASIN).masked(mask)
    u = random_array(BASIN.shape)
    before = m(u)
    mask[:] = True
    np.testing.assert_array_equal(m(u), before)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(m))(u), before)
    with pytest.raises(ValueError, match="read-only"):
        m.mask[0, 0] = True
    with pytest.raises(ValueError, match="read-only"):
        m.defined[0, 0] = True
    assert repr(m) == f"<Masked ∇²: {WET.sum()} of {WET.size} points>"


# Arrays of other kinds ---------------------------------------------------------------------------


def torch():
    return pytest.importorskip("torch", reason="PyTorch is an extra")


def jax_numpy():
    jax = pytest.importorskip("jax", reason="JAX is an extra")
    jax.config.update("jax_enable_x64", True)
    return jax.numpy


def strict():
    return pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")


@pytest.mark.parametrize("library", [torch, jax_numpy, strict])
@each(SUPPORTED[::23])
def test_holes_in_arrays_of_other_libraries(case, library):
    pytest.importorskip("array_api_compat", reason="array-api-compat is an extra")
    if library is jax_numpy and len(case.grid().shape) > 2:
        pytest.skip("compiling takes long")
    grid, op, xp = case.grid(), case.op(), library()
    m = op.masked(drawn_mask(grid.shape, 0.85))
    u = random_array((2, *input_shape(grid, op, case.ins)), seed=1)
    u[..., ~m.mask] = np.nan
    got = m(xp.asarray(u), scale=2.0)
    assert type(got) is type(xp.asarray(u))
    got, want = np.asarray(got), m(u, scale=2.0)
    assert got.dtype == want.dtype
    clean = np.where(np.isnan(u), 0, u)
    scale = np.stack([row_scale(m.matrix(), f) + row_scale(magnitudes(op), f) for f in clean])
    there = m.defined
    np.testing.assert_array_equal(np.isnan(got[0]), ~there)
    flat = scale.reshape(2, *there.shape)[:, there]
    assert_rows_close(got[:, there], want[:, there], 2 * flat, 1e-13)


def test_gradients_go_around_holes():
    m = Laplacian(acc=4).on(BASIN).masked(WET)
    u = np.where(WET, random_array(BASIN.shape), np.nan)
    u_ = torch().tensor(u, requires_grad=True)
    (m(u_)[torch().tensor(m.defined)] ** 2).sum().backward()
    A = m.matrix()
    want = 2 * A.T @ (A @ np.where(WET, u, 0).ravel())
    np.testing.assert_allclose(u_.grad.numpy().ravel(), want, rtol=0, atol=1e-12 * abs(want).max())
    assert not u_.grad.numpy()[~WET].any()


@each(SUPPORTED[::19] + [c for c in SUPPORTED if c.name == "Forward Backward"])
@pytest.mark.parametrize("parts", [1, 4])
def test_holes_in_dask_arrays_of_any_chunks(case, parts):
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    grid, op = case.grid(), case.op()
    m = op.masked(drawn_mask(grid.shape, 0.85))
    u = random_array((2, *input_shape(grid, op, case.ins)), seed=1)
    u[..., ~m.mask] = np.nan
    x = da.from_array(u, chunks=tuple(max(1, n // parts) for n in u.shape))
    v, want = m(x, scale=2.0), m(u, scale=2.0)
    assert isinstance(v, da.Array)
    assert (v.shape, v.dtype, v.chunks) == (want.shape, want.dtype, op(x).chunks)
    clean = np.where(np.isnan(u), 0, u)
    scale = np.stack([row_scale(m.matrix(), f) + row_scale(magnitudes(op), f) for f in clean])
    got = v.compute(scheduler="synchronous")
    np.testing.assert_array_equal(np.isnan(got[0]), ~m.defined)
    flat = scale.reshape(2, *m.defined.shape)[:, m.defined]
    assert_rows_close(got[:, m.defined], want[:, m.defined], 2 * flat, 1e-13)


def test_holes_in_dask_arrays_of_other_types_and_unknown_batches():
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    m = (1j * Diff("x", acc=4)).on(BASIN).masked(WET)
    for u in (random_array((4, *BASIN.shape), "f4"), random_array((4, *BASIN.shape), "i2")):
        x = da.from_array(u, chunks=(3, 5, 4))
        x = x[x[:, 0, 0] > -1000]
        v = m(x)
        got = v.compute(scheduler="synchronous")
        assert v.dtype == got.dtype == m(u).dtype
        atol = 1e-5 * np.nanmax(abs(m(u)))
        np.testing.assert_allclose(got, m(u), rtol=0, atol=atol)
    with pytest.raises(TypeError, match="not written in place"):
        m(x, out=np.zeros(BASIN.shape, complex))


def test_a_chunk_with_holes_reads_boxes_of_its_neighbors():
    """What a chunk needs is what its rows near holes read, not whole neighbors."""
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    mask = np.ones((60, 60), dtype=bool)
    mask[18, 30] = False
    op = Laplacian(acc=4).on(Grid(x=Uniform(0, 1, 60), y=Uniform(0, 1, 60)))
    x = da.zeros((60, 60), chunks=20)
    layers = op.masked(mask)(x).dask.layers
    (own,) = (layer for name, layer in layers.items() if name.startswith("findops-masked"))
    pieces = [key for key in own if key[0].startswith("findops-piece")]
    # The hole is in the chunk (0, 1); rows below it, in (1, 1), end their runs there.
    sizes = {key[1:3]: [key[4] - key[3], key[6] - key[5]] for key in pieces}
    assert len(pieces) <= 3
    assert max(max(size) for size in sizes.values()) <= 6


def test_labeled_masks_and_labeled_arrays_with_holes():
    xr = pytest.importorskip("xarray", reason="labeled arrays are xarray's")
    coords = {name: axis.coordinates for name, axis in zip("xy", BASIN.axes, strict=True)}
    wet = xr.DataArray(WET, coords)
    u = xr.DataArray(
        random_array((3, *BASIN.shape)),
        {"run": [1, 2, 3], **coords},
        name="T",
        attrs={"units": "K"},
    ).where(wet)
    op = Laplacian().on(BASIN)
    want = op.masked(WET)(u.values)
    for mask in (wet, wet.T, wet.drop_vars("x"), u.isel(run=0).notnull()):
        m = op.masked(mask)
        np.testing.assert_array_equal(m.mask, WET)
        for turned in (u, u.transpose("y", "run", "x")):
            got = m(turned)
            xr.testing.assert_identical(got.transpose(*u.dims), u.copy(data=want))
            assert got.dims == turned.dims
    shore = op.masked(xr.DataArray(WET[:, 0], {"x": coords["x"]}))
    np.testing.assert_array_equal(shore.mask, np.broadcast_to(WET[:, :1], WET.shape))
    with pytest.raises(ValueError, match="coordinates along 'x'"):
        op.masked(wet.assign_coords(x=coords["x"] + 1))
    with pytest.raises(ValueError, match="dimension 'z'"):
        op.masked(wet.rename(x="z"))
    with pytest.raises(TypeError, match="bare arrays"):
        m(u, scale=2)
    pytest.importorskip("dask", reason="chunks are its")
    lazy = m(u.chunk(run=1))
    assert lazy.chunks == u.chunk(run=1).chunks
    np.testing.assert_allclose(lazy, want, rtol=0, atol=1e-11)


L = Laplacian().on(BASIN)


@pytest.mark.parametrize(("act", "error", "words"), [
    (lambda: L.masked(WET.astype(int)), TypeError, "boolean.*int64"),
    (lambda: L.masked(WET[1:]), ValueError, r"shape \(12, 11\), but has \(11, 11\)"),
    (lambda: L.masked(~np.ones_like(WET)), ValueError, "no valid points"),
    (lambda: L.T.masked(WET), ValueError, "transpose"),
    (lambda: fo.Diffusion(1.0, natural=True).on(BASIN).masked(WET), ValueError, "natural"),
    (lambda: Diff("x").on(BASIN, closure="halo").masked(WET), ValueError, "halo"),
    (lambda: L.masked(WET)(np.ones(11)), ValueError, r"shape \(12, 11\)"),
    (lambda: L.masked(WET)(np.ones(BASIN.shape), add=True), TypeError, "out="),
    (lambda: L.masked(WET).matrix("dense"), ValueError, "format"),
    (lambda: L.masked(WET) + L, TypeError, "the same mask"),
    (lambda: L + L.masked(WET), TypeError, "Masked"),
    (lambda: L.masked(WET) + L.masked(np.ones_like(WET)), ValueError, "different masks"),
    (lambda: L @ L.masked(WET), TypeError, "Masked"),
    (lambda: L.masked(WET) * L, TypeError, "factors"),
    (lambda: L.masked(WET) / 0, ZeroDivisionError, "zero"),
    (lambda: L.masked(WET).matvec(np.ones(11)), ValueError, "vectors of length 132"),
    (lambda: L.masked(WET).T(np.ones(11)), ValueError, r"shape \(12, 11\)"),
])  # fmt: skip
def test_errors(act, error, words):
    with pytest.raises(error, match=words):
        act()


def test_labeled_masks_of_another_size():
    xr = pytest.importorskip("xarray", reason="labeled arrays are xarray's")
    op = Laplacian().on(Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 8)))
    for shape in ((5, 8), (1, 8)):
        with pytest.raises(ValueError, match=r"the mask needs the grid's shape \(9, 8\)"):
            op.masked(xr.DataArray(np.ones(shape, bool), dims=("x", "y")))


def test_scales_that_are_no_numbers():
    op = Laplacian().on(Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 8)))
    mask = np.ones((9, 8), bool)
    mask[4, 4] = False
    for scale in ("2", None, 1j):
        with pytest.raises(TypeError, match="scale must be a number"):
            op.masked(mask)(np.ones((9, 8)), scale=scale)


@pytest.mark.parametrize("valid", [WET, np.ones_like(WET)], ids=["holes", "none"])
def test_add_is_true_or_false(valid):
    m, u = Diff("x").on(BASIN).masked(valid), random_array(WET.shape)
    want = np.ones(u.shape) + m(u)
    np.testing.assert_array_equal(m(u, out=np.ones(u.shape), add=np.True_), want)
    for number in (1, "yes", None):
        with pytest.raises(TypeError, match="add must be True or False"):
            m(u, out=np.ones(u.shape), add=number)


@pytest.mark.parametrize("acc", [20, 24, 30])
def test_accuracy_near_holes_is_no_more_than_points_and_acc_give(acc):
    """Between two holes stand 22 points; errors of high orders are below what doubles tell."""
    valid = np.ones(200, dtype=bool)
    valid[[30, 53, 120]] = False
    grid = Grid(x=Uniform(0, 1, 200))
    for L, run in (
        (Diff("x", 1, acc), 21),
        (Diff("x", 2, acc), 20),
        (Diff("x", 1, acc) * ((lambda x: 2 + x) * Diff("x", 1, acc)), 20),
    ):
        found = L.on(grid).masked(valid).accuracy
        assert set(found[31:53]) == {min(run, acc)}
        assert np.nanmax(found) == acc
        assert set(found[150:]) == {acc}
