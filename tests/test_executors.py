"""Every executor is the same operator: laws over the table of cases, for each in turn."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given

import findops as fo
from findops import (
    Diff,
    Diffusion,
    Field,
    Gradient,
    Grid,
    Laplacian,
    Periodic,
    Points,
    Uniform,
)
from findops.executors import rowwise
from findops.executors.application import application
from findops.executors.contiguous import CACHE_LINE, on_cache_lines
from findops.executors.kernels import fused
from findops.plan.band import summed
from tests.cases import CASES, each
from tests.strategies import bound_trees
from tests.support import (
    TOLERANCE,
    assert_rows_close,
    input_shape,
    magnitudes,
    random_array,
    row_scale,
)

EXECUTORS = ("rows", "fused", "slabs", "stages")
FLOATS = ("f", "d", "F", "D")


@pytest.fixture(params=EXECUTORS)
def executor(request):
    """Force one way of applying, however small the arrays are."""
    with forced(request.param):
        yield request.param


SMALLEST = {"SERIAL": 0, "BLOCK": 64, "SLAB": 1, "SEGMENT": 64}


@contextmanager
def forced(name):
    """Slabs and stages are cut as small as they can be, on two threads, past the caches."""
    with pytest.MonkeyPatch.context() as patch, fo.set_num_threads(2):
        patch.setattr(rowwise, "NUMPY_TAPS", np.inf if name == "rows" else -1)
        if name in ("slabs", "stages"):
            for constant, value in SMALLEST.items():
                patch.setattr(fused, constant, value)
            patch.setattr(fused, "LARGE", 0)
            patch.setattr(fused, "OVERLAP", np.inf if name == "slabs" else -1)
        yield


def applied(op, u, **how):
    """Apply with nothing prepared before, in the result's type."""
    kind = np.result_type(u.dtype, np.complex64) if op.dtype.kind == "c" else u.dtype
    return application(op.program)(u.astype(kind), **how)


def fields(case, dtype, batch=(), seed=1):
    op = case.op()
    return random_array((*batch, *input_shape(case.grid(), op, case.ins)), dtype, seed)


def pairs(cases):
    """Every case by NumPy and by kernels, every sixth in slabs and stages, which few plans have."""
    made = [(case, name, i) for name in EXECUTORS for i, case in enumerate(cases)
            if name in ("rows", "fused") or i % 6 == 0]  # fmt: skip
    return pytest.mark.parametrize(("case", "name", "number"), made,
                                   ids=[f"{name}-{case}" for case, name, _ in made])  # fmt: skip


@pytest.fixture
def by_name(name):
    """Force a way of applying by its name."""
    with forced(name):
        yield


@pytest.mark.usefixtures("by_name")
@pairs(CASES)
def test_apply_equals_matrix(case, name, number):
    op = case.op()
    A = op.matrix()
    # Each kernel takes its time to compile: one of each precision, one real and one complex.
    for dtype in FLOATS if name == "rows" else (FLOATS[number % 2], FLOATS[3 - number % 2]):
        u = fields(case, dtype)
        v = applied(op, u)
        assert v.dtype == (np.result_type(dtype, np.complex64) if A.dtype.kind == "c" else dtype)
        assert v.shape == case.outs + op.range.shape
        want = A @ u.ravel().astype(np.result_type(dtype, np.float64))
        assert_rows_close(v, want, row_scale(A, u), TOLERANCE[dtype])


@pytest.mark.usefixtures("by_name")
@pairs(CASES[1::2])
def test_transpose_equals_transposed_matrix(case, name, number):  # noqa: ARG001
    op = case.op()
    A = op.matrix()
    u = random_array(case.outs + op.range.shape, complex)
    assert_rows_close(applied(op.T, u), A.T @ u.ravel(), row_scale(A.T, u), 1e-13)
    assert_rows_close(applied(op.H, u), A.conj().T @ u.ravel(), row_scale(A.T, u), 1e-13)


@pytest.mark.usefixtures("executor")
@each(CASES[::6])
def test_update_adds_the_scaled_result(case):
    op = case.op()
    u = fields(case, complex, batch=(2,))
    v = applied(op, u)
    before = random_array(v.shape, complex, 4)
    out = before.copy()
    assert applied(op, u, out=out, add=True, scale=0.5 - 0.25j) is out
    want = before + (0.5 - 0.25j) * v
    assert_rows_close(out, want, np.abs(before) + np.abs(v), 1e-15 * 4)
    assert applied(op, u, out=out, scale=-2.0) is out
    np.testing.assert_array_equal(out, -2 * v)


def test_an_end_of_a_long_row_is_not_read_from_the_buffer_of_another_segment():
    # So far from the buffer of the segment no memory is ours.
    n = 1_000_000
    grid = Grid(x=Uniform(0, n - 1, n))
    u = random_array(n)
    inner = Diff("x").on(grid)
    np.testing.assert_allclose((inner @ inner)(u), inner(inner(u)), rtol=0, atol=1e-15)


@pytest.mark.usefixtures("executor")
@each(CASES[::6])
def test_nan_reaches_only_the_rows_that_read_it(case):
    op = case.op()
    u = fields(case, float)
    places = np.random.default_rng(5).choice(u.size, size=max(1, u.size // 50), replace=False)
    u.ravel()[places] = np.nan
    reads = magnitudes(op)
    touched = (abs(reads) @ np.isin(np.arange(u.size), places).astype(float)) != 0
    v = applied(op, u).ravel()
    # A coefficient that is zero multiplies all the same: 0·NaN is NaN.
    zero = any(
        not np.all(f.value) for term in op.program.terms for f in term.factors if not f.selects
    )
    assert zero or np.isfinite(v[~touched]).all()
    reached = (abs(op.matrix()) @ np.isin(np.arange(u.size), places).astype(float)) != 0
    assert np.isnan(v[reached]).all()


@given(bound_trees())
@pytest.mark.parametrize("name", EXECUTORS)
def test_any_tree(name, drawn):
    op = drawn.op
    u = random_array(input_shape(drawn.grid, op), complex)
    with forced(name):
        v = applied(op, u)
    assert_rows_close(v, op.matrix() @ u.ravel(), row_scale(magnitudes(op), u), 1e-13)


# Deep products ----------------------------------------------------------------------------------

SPACE = Grid(x=Uniform(0, 1, 14), y=Periodic(0, 1, 12), z=Points(np.arange(13) ** 1.2))
PLANE = Grid(x=Periodic(0, 1, 9), y=Uniform(0, 1, 11))
LINE = Grid(x=Periodic(0, 1, 17))


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("grid", [SPACE, PLANE, LINE], ids=["3-D", "2-D", "1-D"])
@pytest.mark.parametrize("closure", ["accurate", "odd"])
def test_products_of_sums(grid, closure):
    k = 2 + random_array(grid.shape)
    step = (1 + 0.001 * (k * Laplacian(acc=4) + Diff(0) * k * Diff(0))).on(grid, closure=closure)
    op, u = step**5 @ (step.T + 2), random_array((2, *grid.shape), complex)
    want = u
    for factor in (step.T + 2, *[step] * 5):
        A = factor.matrix()
        want = np.stack([(A @ w.ravel()).reshape(grid.shape) for w in want])
    assert_rows_close(applied(op, u), want, np.full(want.shape, np.abs(want).max()), 1e-12)


@pytest.mark.usefixtures("executor")
def test_vector_products():
    u = random_array(SPACE.shape)
    curl, gradient = fo.Curl().on(SPACE), Gradient().on(SPACE)
    scale = row_scale(abs(curl.matrix()) @ abs(gradient.matrix()), u)
    assert np.all(np.abs(applied(curl @ gradient, u).ravel()) <= 1e-14 * scale)


# Memory -----------------------------------------------------------------------------------------


def layouts(shape):
    """Every way in which an array of a shape may lie in memory, with the same values."""
    plain = random_array(shape)
    return {
        "plain": plain,
        "fortran": np.asfortranarray(plain),
        "reversed": plain[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1],
        "rows reversed": plain[:, ::-1].copy()[:, ::-1],
        "strided": np.repeat(np.repeat(plain, 2, 1), 3, 2)[:, ::2, ::3],
        "padded": np.pad(plain, 3)[3:-3, 3:-3, 3:-3],
        "batch last": plain.transpose(1, 2, 0).copy().transpose(2, 0, 1),
        "points swapped": plain.transpose(0, 2, 1).copy().transpose(0, 2, 1),
        "broadcast": np.broadcast_to(plain[:1], shape),
    }


OP = (Diff("x", 2) + (lambda x, y: x + y) * Diff("y")).on(
    Grid(x=Uniform(0, 1, 9), y=Periodic(0, 1, 40))
)


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("name", layouts((3, 9, 40)))
def test_input_may_lie_anyhow(name):
    u = layouts((3, 9, 40))[name]
    u.flags.writeable = False
    want = applied(OP, np.ascontiguousarray(u))
    assert_rows_close(applied(OP, u), want, np.full(want.shape, np.abs(want).max()), 1e-14)


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("name", [n for n in layouts((3, 9, 40)) if n != "broadcast"])
def test_output_may_lie_anyhow(name):
    u = random_array((3, 9, 40), seed=2)
    out = layouts((3, 9, 40))[name]
    want = out + 3 * applied(OP, u)
    assert applied(OP, u, out=out, add=True, scale=3) is out
    assert_rows_close(out, want, np.full(want.shape, np.abs(want).max()), 1e-14)


@pytest.mark.usefixtures("executor")
def test_output_may_overlap_the_input():
    u = random_array((3, 9, 40))
    want = applied(OP, u)
    buffer = np.concatenate([u.ravel(), np.zeros(40)])
    overlapping = buffer[40:].reshape(u.shape)
    applied(OP, buffer[:-40].reshape(u.shape), out=overlapping)
    np.testing.assert_array_equal(overlapping, want)
    assert applied(OP, u, out=u) is u
    np.testing.assert_array_equal(u, want)


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 40, 63, 65, 129])
@pytest.mark.parametrize("dtype", FLOATS)
def test_rows_of_any_length(n, dtype):
    """Rows are filled by vectors: whatever is left of them must be filled too, and no more."""
    grid = Grid(x=Periodic(0, 1, 5), y=Uniform(0, 1, n) if n > 3 else Periodic(0, 1, n))
    op = (Diff("x", 2) + 2 * Diff("y", 2)).on(grid)
    A, u = op.matrix(), random_array(grid.shape, dtype)
    guarded = np.full(u.size + 2, 7, dtype)
    out = guarded[1:-1].reshape(u.shape)
    applied(op, u, out=out)
    assert guarded[0] == guarded[-1] == 7
    assert_rows_close(out, A @ u.ravel(), row_scale(A, u), TOLERANCE[dtype])


@pytest.mark.usefixtures("executor")
def test_empty_batches():
    assert applied(OP, np.zeros((0, 9, 40))).shape == (0, 9, 40)
    assert applied(OP, np.zeros((2, 0, 9, 40))).shape == (2, 0, 9, 40)


# Fields -----------------------------------------------------------------------------------------

FLOW = Field("a") * Diff("x") + Diff("y") * Field("a") * Diff("y") + Field("b") * Diff("x", 2)


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("grid", [PLANE, Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 30))])
def test_replace_is_binding_anew(grid):
    u = random_array(grid.shape)
    a, b = random_array(grid.shape, seed=2), random_array(grid.shape, seed=3)
    row = b[:1]
    op = FLOW.on(grid, a=b, b=a)
    op(u)
    for given_ in ({"a": a}, {"a": a, "b": b}, {"b": 2.5}, {"a": row}, {"a": 1j * a}):
        new = op.replace(**given_)
        bound = FLOW.on(grid, **({"a": b, "b": a} | given_))
        np.testing.assert_array_equal(new(u), bound(u))
        np.testing.assert_array_equal(new.T(u), bound.T(u))
        op(u)


# Threads and processes --------------------------------------------------------------------------

BIG = Grid(x=Uniform(0, 1, 40), y=Periodic(0, 1, 50), z=Points(np.arange(45) ** 1.1))
OPERATORS = {
    "Laplacian": lambda: Laplacian(acc=4).on(BIG),
    "Diffusion": lambda: Diffusion(lambda x, y, z: 1 + x * y * z).on(BIG),
    "gradient": lambda: Gradient().on(BIG),
    "product": lambda: (Diff("x", 2) * (lambda x, y, z: x + y + z) * Diff("x", 2, acc=8)).on(BIG),
    "first": lambda: Diff(0).on(Grid(Uniform(0, 1, 200_000))),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_bits_do_not_depend_on_the_number_of_threads(name):
    op = OPERATORS[name]()
    u = random_array(op.program.inputs.shape)
    results = []
    for n in (1, 2, 3):
        with fo.set_num_threads(n):
            results.append(op(u))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_called_from_many_threads_at_once():
    ops = [make() for make in OPERATORS.values()]
    fields_ = [random_array(op.program.inputs.shape) for op in ops]
    want = [op(u) for op, u in zip(ops, fields_, strict=True)]
    wrong = []

    def work(first):
        with fo.set_num_threads(3):
            for i in range(12):
                n = (first + i) % len(ops)
                if not np.array_equal(ops[n](fields_[n]), want[n]):
                    wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def run_python(code):
    """Run in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SETUP = """
    import os, sys, numpy as np, findops as fo
    op = fo.Laplacian(acc=4).on(fo.Grid(fo.Uniform(0, 1, 300), fo.Uniform(0, 1, 300)))
    u = np.random.default_rng(0).random((300, 300))
"""


def test_every_process_gives_the_same_bits():
    code = SETUP + "    import hashlib\n    print(hashlib.sha256(op(u).tobytes()).hexdigest())\n"
    assert run_python(code) == run_python(code)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_works():
    code = """
    fo.set_num_threads(2)
    want = op(u)
    child = os.fork()
    if not child:
        os._exit(0 if np.array_equal(op(u), want) else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert run_python(SETUP + code) == "0\n"


@pytest.mark.parametrize("trailing", [(3,), (1,), (2, 3), (40,)])
@pytest.mark.parametrize(
    "x", [Uniform(0, 1, 50), Periodic(0, 1, 50), Points(np.linspace(0, 1, 50) ** 2)]
)
@pytest.mark.parametrize("axis", [0, 1])
def test_axes_that_no_stencil_reaches_are_looped_over(x, trailing, axis):
    axes = [x, Uniform(0, 1, 30)]
    expr = Diff(axis, acc=4)
    op = expr.on(Grid(*axes, *(Periodic(0, 1, n) for n in trailing)))
    plane = expr.on(Grid(*axes))
    u = random_array((50, 30, *trailing))
    want = np.empty_like(u)
    for index in np.ndindex(*trailing):
        want[(..., *index)] = plane(np.ascontiguousarray(u[(..., *index)]))
    for field in (u, np.asfortranarray(u)):
        assert np.array_equal(op(field), want)
        out = np.ones_like(field)
        assert op(field, out=out, add=True, scale=2.0) is out
        assert_rows_close(out, 1 + 2 * want, abs(want).max(), 1e-15)
    assert np.array_equal(op(np.stack([u, u])), np.stack([want, want]))
    assert np.array_equal(op.replace()(u), want)


def test_small_arrays_need_no_compiler():
    code = """
    print(fo.Diff(0)(np.arange(100.0), 1.0).sum(), "llvmlite" in sys.modules)
    """
    assert run_python(SETUP + code) == "100.0 False\n"


# Found by trying to break them ------------------------------------------------------------------


@pytest.mark.parametrize("x", [Periodic(0, 1, 5), Periodic(0, 1, 64), Uniform(0, 1, 64)])
@pytest.mark.usefixtures("executor")
def test_slabs_along_the_last_outer_axis(x):
    grid = Grid(x=x, y=Periodic(0, 1, 24))
    c, u = random_array(grid.shape), random_array(grid.shape, seed=2)
    for expr in (
        Diff("y") * c * Diff("x"),
        c * Diff("x") * c * Diff("y", 2) * c * Diff("y"),
        Diff("x") * c * Diff("x") * c * Diff("y"),
    ):
        op = expr.on(grid)
        for one in (op, op.T):
            A = magnitudes(one)
            want = one.matrix() @ u.ravel()
            assert_rows_close(applied(one, u), want, row_scale(A, u), 1e-13)


@pytest.mark.usefixtures("executor")
def test_rows_that_read_nothing():
    grid = Grid(x=Uniform(0, 1, 2), y=Uniform(0, 1, 7), z=Uniform(0, 1, 9))
    inner = (Laplacian() + 3).on(grid, closure="even")
    u = random_array(grid.shape)
    for outer in (0 * Diff("x"), Diff("x")):
        op = outer.on(grid, closure="even") @ inner
        want = op.matrix() @ u.ravel()
        assert_rows_close(applied(op, u), want, row_scale(magnitudes(op), u), 1e-13)
    point = Grid(x=Periodic(0, 1, 1), y=Uniform(0, 1, 200), z=Uniform(0, 1, 200))
    assert (Diff("x").on(point) @ (Laplacian() + 3).on(point)).matrix().nnz == 0


@pytest.mark.parametrize("offset", [1, 4, 8, 16])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.usefixtures("executor")
def test_output_may_begin_anywhere(dtype, offset):
    u = random_array((2, 9, 40), dtype)
    raw = np.zeros(u.nbytes + 128, np.uint8)
    start = -raw.ctypes.data % 64 + offset
    out = raw[start : start + u.nbytes].view(dtype).reshape(u.shape)
    applied(OP, u, out=out, scale=2)
    np.testing.assert_array_equal(out, applied(OP, u, scale=2))


@pytest.mark.parametrize("n", [30, 64, 100, 200, 300])
@pytest.mark.parametrize("acc", [2, 8, 14])
@pytest.mark.usefixtures("executor")
def test_bits_do_not_depend_on_where_the_output_begins(acc, n):
    """Vectors begin where cache lines do, and closures lie in their first and last lines."""
    op = Laplacian(acc=acc).on(Grid(x=Periodic(0, 1, 20), y=Uniform(0, 1, n)))
    u = random_array((20, n))
    raw = np.full(u.size + 24, 7.0)
    start = -raw.ctypes.data % 64 // 8 + 8
    want = applied(op, u)
    assert_rows_close(want, op.matrix() @ u.ravel(), row_scale(op.matrix(), u), TOLERANCE["d"])
    for offset in range(8):
        raw[:] = 7
        out = raw[start + offset : start + offset + u.size].reshape(u.shape)
        applied(op, u, out=out)
        np.testing.assert_array_equal(out, want)
        assert raw[start + offset - 1] == raw[start + offset + u.size] == 7
        applied(op, u, out=out, add=True, scale=-1)
        assert np.abs(out).max() <= TOLERANCE["d"] * np.abs(want).max()


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_copies_on_cache_lines_are_the_same_and_begin_where_lines_do(dtype):
    raw = np.zeros(100_001, dtype)
    raw[:] = np.arange(raw.size)
    for u in (raw[1:], raw[:-1].reshape(100, 1000)[:, ::2]):
        made = on_cache_lines(u)
        np.testing.assert_array_equal(made, u)
        assert made.dtype == u.dtype
        assert made.ctypes.data % CACHE_LINE == 0
        assert not np.may_share_memory(made, raw)


@pytest.mark.usefixtures("executor")
def test_infinity_stays_what_it_is():
    u = np.zeros((9, 40), complex)
    u[4, 7] = np.inf
    v = applied(Diff("x").on(Grid(x=Uniform(0, 8, 9), y=Uniform(0, 1, 40))), u)
    assert v[3, 7] == np.inf
    assert v[5, 7] == -np.inf


def test_add_is_true_or_false():
    u = random_array((9, 40))
    want = np.ones(u.shape) + OP(u)
    np.testing.assert_array_equal(OP(u, out=np.ones(u.shape), add=np.True_), want)
    for number in (1, "yes"):
        with pytest.raises(TypeError, match="add must be True or False"):
            OP(u, out=np.ones(u.shape), add=number)


def test_works_while_the_interpreter_ends():
    code = """
    import atexit
    fo.set_num_threads(2)
    want = op(u)
    atexit.register(lambda: print(np.array_equal(op(u), want)))
    """
    assert run_python(SETUP + code) == "True\n"


@pytest.mark.parametrize(
    ("name", "value", "works"),
    [("FINDOPS_NUM_THREADS", "3", True), ("FINDOPS_NUM_THREADS", "0", False),
     ("FINDOPS_NUM_THREADS", "two", False), ("OMP_NUM_THREADS", "0", True),
     ("OMP_NUM_THREADS", "4,2", True)],
)  # fmt: skip
def test_the_environment_sets_the_number_of_threads(name, value, works, monkeypatch):
    monkeypatch.delenv("FINDOPS_NUM_THREADS", raising=False)
    monkeypatch.setenv(name, value)
    code = "from findops.common.threads import num_threads; print(num_threads())"
    if works:
        want = {"3": "3", "4,2": "4"}.get(value, str(len(os.sched_getaffinity(0))))
        assert run_python(code) == want + "\n"
    else:
        with pytest.raises(AssertionError, match="must be a number of threads, at least 1"):
            run_python(code)


@pytest.mark.parametrize("n", [0, -1])
def test_threads_are_at_least_one(n):
    with pytest.raises(ValueError, match="number of threads must be at least 1"):
        fo.set_num_threads(n)


@pytest.mark.parametrize("n", [1.5, "2", None, True])
def test_threads_are_whole(n):
    with pytest.raises(TypeError, match="number of threads must be an integer"):
        fo.set_num_threads(n)


SUMMANDS = {
    "uniform": Uniform(0, 1, 24),
    "points": Points(np.linspace(0, 1, 24) ** 2),
    "periodic": Periodic(0, 1, 24),
    "narrow": Periodic(0, 1, 5),
    "cells": fo.Cells(0, 1, 24),
}


@pytest.mark.parametrize("axis", SUMMANDS.values(), ids=SUMMANDS)
def test_a_sum_of_bands_is_the_sum_of_their_matrices(axis):
    terms = [(0.5, Diff("x", 2, acc=4)), (-2.0, Diff("x")), (3.0, Diff("x", 3))]
    ops = [(scale, expr.on(Grid(x=axis))) for scale, expr in terms]
    total = summed([(scale, op.program.terms[0].bands[0]) for scale, op in ops])
    columns, weights = total.table()
    made = np.zeros((total.rows, total.cols))
    np.add.at(made, (np.arange(total.rows)[:, None], columns), weights)
    matrices = [scale * op.matrix().toarray() for scale, op in ops]
    bound = 4e-16 * sum(np.abs(matrix) for matrix in matrices)
    assert (np.abs(made - sum(matrices)) <= bound).all()


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("n", [4, 5, 6])
@pytest.mark.parametrize("closure", ["zero", "odd", "even"])
def test_sums_along_an_axis_of_closure_rows_only(n, closure):
    grid = Grid(x=Uniform(0, 1, n), y=Uniform(0, 1, 20))
    op = (Diff("x", acc=6) + Diff("x", 2, acc=6)).on(grid, closure=closure)
    u = random_array(grid.shape, "d", 3)
    assert_rows_close(applied(op, u), op.matrix() @ u.ravel(), row_scale(op.matrix(), u), 1e-13)
