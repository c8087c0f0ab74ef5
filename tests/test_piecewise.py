"""Large fields on disk, and those of another type or byte order, pass through memory in blocks."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from findops import Cells, Diff, Diffusion, Gradient, Grid, Laplacian, Periodic, Uniform
from findops.executors.libraries import on_disk
from tests.cases import CASES, each
from tests.support import assert_rows_close, magnitudes, random_array, row_scale

BOX = Grid(x=Uniform(0, 1, 90), y=Periodic(0, 1, 40), z=Cells(0, 1, 50))


@pytest.fixture
def small(monkeypatch):
    """Blocks so small that every field is cut, along every axis."""
    monkeypatch.setattr(on_disk, "DISK_BLOCK_BYTES", 8)
    monkeypatch.setattr(on_disk, "MIN_BLOCK_POINTS", 5)


@pytest.mark.usefixtures("small")
@each(CASES[::3])
def test_block_by_block_is_the_same(case):
    for op in (case.op(), case.op().H):
        u = random_array((2, *op.program.inputs.shape))
        scale = row_scale(magnitudes(op), np.abs(u).max(axis=0))
        stored = u.astype(u.dtype.newbyteorder())
        for got, want in zip(op(stored), op(u), strict=True):
            assert_rows_close(got, want, scale, 4e-15)


@pytest.mark.usefixtures("small")
def test_blocks_are_scaled_and_added():
    u = random_array(BOX.shape)
    op = Gradient().on(BOX)
    out = np.ones((3, *BOX.shape))
    assert op(u.astype(">f8"), out=out, add=True, scale=0.5) is out
    np.testing.assert_allclose(out, 1 + 0.5 * op(u), rtol=0, atol=1e-12)


@pytest.mark.usefixtures("small")
def test_an_operator_that_reads_nothing_gives_zeros():
    u = np.ones((2, 30), ">f8")
    op = (0 * Diff("x")).on(Grid(x=Uniform(0, 1, 30)))
    np.testing.assert_array_equal(op(u), np.zeros((2, 30)))


STORED = {
    "native": lambda u: u,
    "other byte order": lambda u: u.astype(">f8"),
    "integers": lambda u: (100 * u).astype(">i4"),
    "every second": lambda u: np.repeat(u, 2, axis=-1),
}


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize(
    "expr",
    [
        Laplacian(acc=4),
        Diffusion(lambda z: 1 + z),
        Diff("x") * ((lambda y: np.cos(y)) * Diff("x")),
    ],
    ids=str,
)
def test_from_disk_to_disk_takes_a_few_blocks_of_memory(tmp_path, monkeypatch, kind, expr):
    u = random_array((4, *BOX.shape))
    values = STORED[kind](u)
    values.tofile(tmp_path / "u")
    stored = np.memmap(tmp_path / "u", values.dtype, "r", shape=values.shape)
    if kind == "every second":
        stored = stored[..., ::2]
    out = np.memmap(tmp_path / "v", float, "w+", shape=u.shape)
    op = expr.on(BOX)
    want = op(np.array(stored, float))
    block = 1 << 18
    monkeypatch.setattr(on_disk, "DISK_BLOCK_BYTES", block)
    op(stored, out=out)  # what is compiled once takes memory of its own
    tracemalloc.start()
    try:
        assert op(stored, out=out) is out
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(out, want, rtol=0, atol=1e-12 * np.abs(want).max())
    assert stored.size * 8 > 20 * block
    assert peak < 5 * block
