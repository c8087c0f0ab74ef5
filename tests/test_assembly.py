"""Compiled assembly: the same matrix as by index arithmetic, whatever the case."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given

import findops as fo
from findops import Diff, Diffusion, Field, Grid, Laplacian, Periodic, Points, Uniform
from findops.common import threads
from findops.executors.assembly import pattern, scipy, writer
from findops.executors.assembly.pattern import Pattern
from findops.executors.assembly.scipy import assemble_small
from findops.executors.assembly.writer import fill
from tests.cases import CASES, each
from tests.strategies import bound_trees
from tests.support import assert_same_matrix, magnitudes, random_array

ULPS = 20 * np.finfo(float).eps
SOME = CASES[:: len(CASES) // 60]


def compiled(op, rows=None):
    return fill(Pattern.of(op.program), op.program, rows)


def assert_identical(A, B):
    assert A.shape == B.shape
    for name in ("indptr", "indices", "data"):
        a, b = getattr(A, name), getattr(B, name)
        assert a.dtype == b.dtype
        assert np.array_equal(a, b, equal_nan=name == "data")


def assert_canonical(A):
    assert A.has_sorted_indices
    assert A.has_canonical_format
    assert A.dtype in (np.float64, np.complex128)
    assert A.indices.dtype == A.indptr.dtype == np.int32
    assert len(A.indices) == len(A.data) == A.indptr[-1]
    assert np.all(A.data != 0)
    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
    assert np.all(np.diff(rows * A.shape[1] + A.indices.astype(np.int64)) > 0)


def check(op):
    A = compiled(op)
    assert_canonical(A)
    assert A.dtype == op.dtype
    assert_same_matrix(A, assemble_small(op.program), ULPS, magnitudes(op))
    return A


@each(CASES)
def test_equals_index_arithmetic(case):
    check(case.op())


@each(CASES[:: len(CASES) // 200])
def test_transposes_too(case):
    check(case.op().H)


@given(bound_trees())
def test_equals_index_arithmetic_for_any_tree(drawn):
    check(drawn.op)


@given(bound_trees())
def test_products_of_sums_are_multiplied_out(drawn):
    inner = drawn.op.T
    check((drawn.op + 0.5 * drawn.op) @ (inner - 2 * inner))


def test_products_of_vector_operators():
    for grid in (Grid(x=Uniform(0, 1, 8), y=Periodic(0, 1, 9)), Grid(*(Uniform(0, 1, 6),) * 3)):
        gradient, divergence = fo.Gradient().on(grid), fo.Divergence().on(grid)
        check(divergence @ gradient)
        check(gradient @ divergence)
        assert compiled(fo.Curl().on(grid) @ gradient).nnz == 0


@each(SOME)
def test_rows_are_rows_of_the_whole(case):
    op = case.op()
    A = compiled(op)
    n = A.shape[0]
    scattered = np.random.default_rng(0).integers(0, n, 2 * n)
    mixed = np.r_[n - 1, n // 3 : n // 2, 0]
    for rows in (range(n), range(n // 3, n), range(0, n, 3), range(0), scattered, mixed):
        B = compiled(op, rows)
        assert_canonical(B)
        assert_identical(B, A[np.arange(n)[rows.start : rows.stop : rows.step]]
                         if isinstance(rows, range) else A[rows])  # fmt: skip


@each(SOME)
def test_threads_and_slabs_do_not_change_bits(case, monkeypatch):
    op = case.op()
    A = compiled(op)
    monkeypatch.setattr(writer, "SLAB_ROWS", 7)
    for count in (1, 2, 3):
        with fo.set_num_threads(count):
            assert_identical(compiled(op), A)


@cache
def operators():
    """Large enough to be compiled, each of another kind."""
    plane = Grid(x=Uniform(0, 1, 90), y=Periodic(0, 1, 80))
    stretched = Grid(x=Points(np.linspace(0, 1, 90) ** 2), y=Uniform(0, 1, 80))
    half = plane.half("x")
    a, b = (random_array(plane.shape, seed=i) for i in (1, 2))
    return {
        "Laplacian": Laplacian(acc=4).on(plane),
        "points": Laplacian().on(stretched),
        "field": (Field("a") * Diff("x") + Diffusion([Field("k"), 1.0])).on(
            plane, a=a, k=1 + random_array(half.shape, seed=3) ** 2
        ),
        "complex": ((1j * b) * Diff("y", 2) + a * Diff("x")).on(plane),
        "upwind": (a * Diff("x", scheme=fo.Upwind(Field("a")))).on(plane, a=a),
        "components": fo.Curl().on(Grid(*(Uniform(0, 1, n) for n in (12, 13, 40)))),
        "product": Laplacian().on(plane) @ (a * Diff("x") + Diff("y")).on(plane),
        "line": (random_array((9999,)) * Diff(0, 2, acc=4)).on(Grid(Uniform(0, 1, 9999))),
    }


@pytest.mark.parametrize("name", operators())
def test_large_matrices_are_compiled(name, monkeypatch):
    op = operators()[name]
    assert scipy.pattern(op.program) is not None
    A = op.matrix()
    assert_canonical(A)
    assert_identical(A, compiled(op))
    B = assemble_small(op.program)
    largest = abs(magnitudes(op)).max(axis=1).toarray().ravel()
    difference = abs(A - B).max(axis=1).toarray().ravel()
    assert np.all(difference <= ULPS * largest)
    rows = np.arange(A.shape[0] // 3, A.shape[0], 2)
    assert_identical(op.matrix(rows=rows), A[rows])
    for count in (1, 2):
        with fo.set_num_threads(count):
            assert_identical(op.matrix(), A)
    assert np.array_equal(scipy.diagonal(scipy.pattern(op.program), op.program), A.diagonal())
    monkeypatch.setattr(scipy, "DIAGONAL_ROWS", 1000)
    assert np.array_equal(scipy.diagonal(scipy.pattern(op.program), op.program), A.diagonal())


def test_small_matrices_are_not_compiled():
    code = (
        "import sys, findops as fo; op = fo.Laplacian().on(fo.Grid(*[fo.Uniform(0, 1, 30)] * 2));"
        "op.matrix(); op.matrix(rows=[3]); op.diagonal(); assert 'llvmlite' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Other values on the same plan ------------------------------------------------------------------

plane = Grid(x=Uniform(0, 1, 30), y=Periodic(0, 1, 20))
steady = (Field("k") * Laplacian() + Diff("x") * (Field("k") * Diff("y"))).on(plane, k=2.0)
VALUES = {
    "number": 3.0,
    "complex number": 1 + 2j,
    "array": random_array(plane.shape),
    "complex array": random_array(plane.shape, complex),
    "along x": random_array((30, 1)),
    "along y": random_array((1, 20)),
    "function": lambda x, y: x + y + 1,
    "some zeros": np.where(random_array(plane.shape) < 0.5, 0, 1.5),
    "zero": 0.0,
    "NaN": np.where(random_array(plane.shape) < 0.5, np.nan, 1.5),
}


@pytest.mark.parametrize("first", ["number", "complex array", "some zeros"])
@pytest.mark.parametrize("name", VALUES)
def test_refreshing_is_assembling_anew(name, first):
    op = steady.replace(k=VALUES[name])
    A = fill(Pattern.of(steady.replace(k=VALUES[first]).program), op.program)
    assert_identical(A, compiled(op))
    if name != "NaN":
        assert_canonical(A)
        assert_same_matrix(A, assemble_small(op.program), ULPS, magnitudes(op))


def test_refreshing_masks():
    op = Diff("x", scheme=fo.Upwind(Field("v"))).on(plane, v=1.0)
    known = Pattern.of(op.program)
    for seed in range(3):
        other = op.replace(v=random_array(plane.shape, seed=seed))
        A = fill(known, other.program)
        assert_canonical(A)
        assert_same_matrix(A, assemble_small(other.program), ULPS)


def test_a_mask_selects_whatever_the_coefficient():
    upwind = Field("c") * Diff("x", scheme=fo.Upwind(random_array(plane.shape)))
    A = compiled(upwind.on(plane, c=np.full(plane.shape, np.inf)))
    B = compiled(upwind.on(plane, c=1.0))
    B.data *= np.inf
    assert_identical(A, B)


def test_matrices_share_nothing():
    known = Pattern.of(steady.program)
    A = fill(known, steady.program)
    kept = A.copy()
    A.data[:], A.indices[:], A.indptr[:] = 0, 0, 0
    assert_identical(fill(known, steady.program), kept)


def test_cancellation_leaves_no_entries():
    op = Laplacian().on(plane)
    assert compiled(op - op).nnz == 0
    varying = (random_array(plane.shape) * Diff("x")).on(plane)
    assert compiled(varying - varying).nnz == 0
    corner = compiled(Laplacian(acc=2).on(Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 9))))
    assert np.diff(corner.indptr)[0] == 7


def test_large_counts_need_large_indices(monkeypatch):
    monkeypatch.setattr(pattern, "INT32_MAX", 100)
    for name in ("field", "upwind"):
        op = operators()[name]
        made = writer._Arrays.empty(1, 101, 1, op.dtype)
        assert made.indices.dtype == np.int64  # SciPy narrows it again
        A, B, parts = compiled(op), assemble_small(op.program), magnitudes(op)
        assert_same_matrix(A[:50], B[:50], ULPS, parts[:50])


def test_called_from_many_threads_at_once():
    found = {}

    def make(name):
        found[name] = compiled(operators()[name])

    with fo.set_num_threads(2):
        threads.run(make, [(name,) for name in operators()])
    for name, op in operators().items():
        assert_identical(found[name], compiled(op))
