"""Dask arrays: the same result in the same chunks, from graphs that grow with their number only."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import findops as fo
from findops import Diff, Diffusion, Divergence, Gradient, Grid, Laplacian, Periodic, Uniform
from findops.common.threads import num_threads
from findops.executors.libraries.chunks import ChunkMaker
from findops.plan.window import window
from tests.cases import CASES, each
from tests.support import (
    TOLERANCE,
    assert_rows_close,
    input_shape,
    magnitudes,
    random_array,
    row_scale,
)

da = pytest.importorskip("dask.array", reason="dask is not installed")

ULPS = 4e-15  # a row's taps are summed in another order by another executor


def chunkings(shape):
    """Single points, a third or half of each axis; and uneven chunks, some of them empty."""
    rng = np.random.default_rng(3)
    parts = {1: 24, 2: 3}.get(len(shape), 2)
    yield tuple(max(1, n // parts) for n in shape)
    ends = (sorted(rng.integers(0, n + 1, 4 - min(len(shape), 3))) for n in shape)
    yield tuple(tuple(np.diff([0, *e, n]).tolist()) for e, n in zip(ends, shape, strict=True))


def computed(v):
    return v.compute(scheduler="synchronous")


def check(op, u, chunks, scale):
    x = da.from_array(u, chunks=chunks)
    v, want = op(x), op(u)
    assert isinstance(v, da.Array)
    assert (v.shape, v.dtype) == (want.shape, want.dtype)
    if v.shape == x.shape:
        assert v.chunks == x.chunks
    assert_rows_close(computed(v), want, scale, ULPS)


# Laws -------------------------------------------------------------------------------------------


@each(CASES)
def test_a_chunked_result_is_that_of_numpy(case):
    op = case.op()
    u = random_array(input_shape(case.grid(), op, case.ins))
    scale = row_scale(magnitudes(op), u)
    for chunks in chunkings(u.shape):
        check(op, u, chunks, scale)


@each(CASES[::4])
def test_so_it_is_of_transposes(case):
    op = case.op().H
    u = random_array(op.program.inputs.shape, complex)
    scale = row_scale(magnitudes(op), u)
    for chunks in chunkings(u.shape):
        check(op, u, chunks, scale)


@each(CASES[::5])
def test_a_window_is_a_part_of_the_matrix(case):
    op = case.op()
    rng = np.random.default_rng(8)
    outs, ins = op.program.outputs, op.program.inputs
    rows = []
    for n in outs.points:
        start = int(rng.integers(0, n))
        rows.append((start, int(rng.integers(start, n)) + 1) if rng.random() < 0.7 else None)
    made = window(op.program, tuple(rows))
    u = random_array(ins.shape)
    inside = []
    for n, span in zip(ins.points, made.box, strict=True):
        inside.append(np.arange(*(span or (0, n))) % n)
    block = u[(..., *np.ix_(*inside))]
    # What is said not to be read is not.
    for c in range(ins.count):
        read = np.zeros(block.shape[len(ins.components) :], dtype=bool)
        for component, box in made.reads:
            spans = (
                slice(*(a - b[0] for a in s)) if s and b else slice(None)
                for s, b in zip(box, made.box, strict=True)
            )
            if component == c:
                read[tuple(spans)] = True
        block.reshape(ins.count, *read.shape)[c][~read] = np.nan
    want = op(u)
    got = ChunkMaker(made.program, want.dtype, (((0, 0),),))(block) if made.reads else None
    want = want[(..., *(slice(*(span or (None,))) for span in rows))]
    scale = row_scale(magnitudes(op), u).reshape(outs.shape)
    scale = scale[(..., *(slice(*(span or (None,))) for span in rows))]
    if got is not None:
        assert_rows_close(got, want, scale, ULPS)
    else:
        assert not want.any()


# What stays lazy, and how large graphs are ------------------------------------------------------


class Source:
    """An array on disk, as dask sees it, that notes what is read of it."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.ndim, self.read = values.ndim, []

    def __getitem__(self, index):
        self.read.append(index)
        return self.values[index]


PLANE = Grid(x=Uniform(0, 1, 60), y=Periodic(0, 1, 60))


def test_nothing_is_read_before_it_is_asked_for_and_then_only_what_stencils_reach():
    source = Source(random_array((60, 60)))
    op = Laplacian(acc=4).on(PLANE)
    v = op(da.from_array(source, chunks=10, asarray=False, fancy=False, meta=np.empty((0, 0))))
    assert not source.read
    got = computed(v[20:30, 0:10])
    assert len({tuple((s.start, s.stop) for s in index) for index in source.read}) == 5
    np.testing.assert_allclose(got, op(source.values)[20:30, :10], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("expr", "pieces"),
    [(Laplacian(acc=4), 4), (Diff("x", acc=6), 2), (Diff("x") * Diff("y"), 8), (Gradient(), 4),
     (Diffusion(lambda x, y: x + y), 4)],
    ids=str,
)  # fmt: skip
def test_a_graph_grows_with_the_number_of_chunks_only(expr, pieces):
    for m in (60, 240):
        op = expr.on(Grid(x=Uniform(0, 1, m), y=Periodic(0, 1, m)))
        for parts in (6, 12):
            x = da.zeros((3, m, m), chunks=(1, m // parts, m // parts))
            chunks = 3 * parts**2
            made = op(x).dask.layers
            (own,) = (layer for name, layer in made.items() if name.startswith("findops"))
            # A chunk, its neighbors' slices, and at most one window for all entries of the batch.
            assert chunks < len(own) <= chunks * (1 + pieces) + chunks / 3


def test_alike_chunks_share_their_window_and_windows_are_small():
    op = Laplacian(["x"], acc=4).on(Grid(x=Uniform(0, 1, 10_000), y=Uniform(0, 1, 10)))
    own = op(da.zeros((10_000, 10), chunks=(100, 10))).dask.layers
    parts = [p for layer in own.values() for p in layer.values() if isinstance(p, ChunkMaker)]
    assert len(parts) == 3
    assert max(len(pickle.dumps(p)) for p in parts) < 3000


def test_a_window_carries_its_own_part_of_coefficients_only():
    n, m = 4000, 40
    grid = Grid(x=Uniform(0, 1, n), y=Uniform(0, 1, m))
    op = (random_array((n, m)) * Diff("x")).on(grid)
    own = op(da.zeros((n, m), chunks=(100, m))).dask.layers
    parts = [p for layer in own.values() for p in layer.values() if isinstance(p, ChunkMaker)]
    assert len(parts) == 40
    sizes = [len(pickle.dumps(p)) for p in parts]
    assert max(sizes) < 100 * m * 8 + 3000
    for part in parts:
        part(np.zeros(part.program.inputs.shape))
    assert [len(pickle.dumps(p)) for p in parts] < [size + 500 for size in sizes]


def test_equal_calls_have_equal_names():
    op = Laplacian().on(PLANE)
    x = da.zeros((60, 60), chunks=20)
    assert op(x).name == op(x).name != op.T(x).name


# Chunks -----------------------------------------------------------------------------------------


def test_chunks_are_kept_along_every_kind_of_axis():
    u = random_array((2, 3, 2, 60, 60))
    x = da.from_array(u, chunks=((1, 1), 3, 1, (10, 50), (7, 53)))
    for E in (fo.VectorLaplacian(), Laplacian()):
        op = E.on(PLANE)
        f, y = (u, x) if op.program.inputs.components else (u[:, :, 0], x[:, :, 0])
        assert op(y).chunks == y.chunks
        np.testing.assert_allclose(computed(op(y)), op(f), rtol=0, atol=1e-10)
    v = Divergence().on(PLANE)(x)
    assert v.chunks == ((1, 1), (3,), (10, 50), (7, 53))
    np.testing.assert_allclose(computed(v), Divergence().on(PLANE)(u), rtol=0, atol=1e-12)
    v = Gradient().on(PLANE)(x[:, :, 0])
    assert v.chunks == ((1, 1), (3,), (2,), (10, 50), (7, 53))


def test_half_points_and_ghosts_keep_their_cuts():
    grid = Grid(x=Uniform(0, 1, 12))
    half = Diff("x", to="half").on(grid)
    assert half(da.zeros(12, chunks=4)).chunks == ((4, 4, 3),)
    assert half(da.zeros(12, chunks=(11, 1))).chunks == ((11,),)
    assert half.T(da.zeros(11, chunks=4)).chunks == ((4, 4, 4),)
    assert Diff("x", acc=4).on(grid, closure="halo")(da.zeros(16, chunks=4)).chunks == (
        (2, 4, 4, 2),
    )


def test_sizes_of_a_batch_may_be_unknown():
    u = random_array((5, 60, 60))
    x = da.from_array(u, chunks=(2, 30, 20))
    x = x[x[:, 0, 0] > -2]
    assert np.isnan(x.shape[0])
    op = Laplacian().on(PLANE)
    np.testing.assert_allclose(computed(op(x)), op(u), rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", ["i2", "?", ">f8", "f4", "F"])
def test_types_follow_numpys_rules(dtype):
    u = random_array((60, 60), np.dtype(dtype).newbyteorder("=")).astype(dtype)
    for E in (Laplacian(), 1j * Diff("x")):
        op = E.on(PLANE)
        v = op(da.from_array(u, chunks=25))
        assert v.dtype == op(u).dtype == computed(v).dtype
        limit = row_scale(magnitudes(op), u.astype(complex))
        assert_rows_close(computed(v), op(u), limit, TOLERANCE[v.dtype.char])


def test_application_without_a_grid_and_to_vectors_stays_lazy():
    u = random_array(3600)
    x = da.from_array(u, chunks=1200)
    v = Diff(0, 2, acc=4)(x, 0.1)
    assert v.chunks == x.chunks
    np.testing.assert_allclose(computed(v), Diff(0, 2, acc=4)(u, 0.1), rtol=1e-12)
    w = computed(2 * Laplacian().on(PLANE)(x.reshape(60, 60), scale=0.5))
    np.testing.assert_allclose(w.ravel(), Laplacian().on(PLANE).matvec(u), rtol=0, atol=1e-9)
    np.testing.assert_allclose(computed(Laplacian().on(PLANE).matvec(x)), w.ravel())


# Errors -----------------------------------------------------------------------------------------


def test_what_cannot_be_done_is_said_at_the_call():
    op = Laplacian().on(PLANE)
    x = da.zeros((60, 60), chunks=20)
    unknown = x[x[:, 0] > -1]
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        op(unknown)
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        Diff(0)(unknown[:, 0], 0.1)
    with pytest.raises(ValueError, match=r"shape \(60, 60\).* but got \(60, 50\)"):
        op(x[:, :50])
    with pytest.raises(TypeError, match="not written in place"):
        op(x, out=np.zeros((60, 60)))
    with pytest.raises(TypeError, match="float16"):
        op(x.astype("f2"))
    with pytest.raises(TypeError, match="masked"):
        op(da.ma.masked_array(x))
    bag = pytest.importorskip("dask.bag").from_sequence([1.0, 2.0, 3.0])
    for apply in (op, lambda u: Diff(0)(u, 0.1)):
        with pytest.raises(TypeError, match=r"arrays of dask, not to dask\.bag"):
            apply(bag)


# Threads ----------------------------------------------------------------------------------------


def test_our_threads_stand_back_in_dasks():
    def count(_):
        return np.array([num_threads()])

    x = da.zeros(3, chunks=1).map_blocks(count, dtype=int)
    assert (x.compute(scheduler="threads", num_workers=2) == 1).all()


def test_our_threads_stand_back_in_worker_processes():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(num_threads).result() == 1
