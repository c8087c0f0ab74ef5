"""Law 1: `op(u)` and `op.matrix() @ u` agree; and the matrix has the form that was promised."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given

from findops import Diff, Grid, Periodic, Uniform
from tests.cases import CASES, EVERY, NARROW, SUMS, each
from tests.strategies import bound_trees
from tests.support import (
    assert_rows_close,
    assert_same_matrix,
    input_shape,
    magnitudes,
    matrix,
    random_array,
    row_scale,
    vandermonde_weights,
)


def check_apply_is_matrix(op, shape_in, shape_out, parts=None):
    u = random_array(shape_in, complex, seed=1)
    A = matrix(op)
    v = op(u)
    assert v.shape == shape_out
    assert A.shape == op.shape == (v.size, u.size)
    scale = row_scale(A if parts is None else parts, u)
    assert_rows_close(v, A @ u.ravel(), scale, 1e-13)
    assert_rows_close(op @ u, v, scale, 0)
    assert_rows_close(op.matvec(u.ravel()), v, scale, 1e-13)


@each(EVERY)
def test_apply_equals_matrix(case):
    op = case.op()
    shape_in = input_shape(case.grid(), op, case.ins)
    check_apply_is_matrix(op, shape_in, case.outs + op.range.shape)


@given(bound_trees())
def test_apply_equals_matrix_for_any_tree(drawn):
    op, shape = drawn.op, drawn.grid.shape
    check_apply_is_matrix(op, input_shape(drawn.grid, op), shape, magnitudes(op))


@each(CASES)
def test_matrix_is_canonical(case):
    A = case.op().matrix()
    assert isinstance(A, sp.csr_array)
    assert A.dtype in (np.float64, np.complex128)
    assert A.indices.dtype == A.indptr.dtype == np.int32
    assert np.all(A.data != 0)
    rows = np.repeat(np.arange(A.shape[0]), np.diff(A.indptr))
    step = np.diff(rows) * A.shape[1] + np.diff(A.indices.astype(np.int64))
    assert np.all(step > 0), "indices are sorted within rows, without duplicates"


@each(CASES[:: len(CASES) // 40])
def test_matrix_rows_formats_and_diagonal(case):
    op = case.op()
    A = op.matrix()
    wanted = [A.shape[0] - 1, 0, A.shape[0] // 2]
    assert_same_matrix(op.matrix(rows=wanted), A[wanted], 0)
    assert_same_matrix(op.matrix(rows=np.array(wanted)), A[wanted], 0)
    for form in ("csc", "coo"):
        B = op.matrix(format=form)
        assert B.format == form
        assert isinstance(B, sp.sparray)
        assert_same_matrix(B, A, 0)
    assert_rows_close(op.diagonal(), A.diagonal(), abs(A).sum(axis=1)[: min(A.shape)], 1e-14)


@each(SUMS)
def test_no_rows_is_an_empty_matrix(case):
    op = case.op()
    A = op.matrix(rows=[])
    assert A.shape == (0, op.shape[1])
    assert A.dtype == op.matrix().dtype


@each(EVERY[:: len(EVERY) // 60])
def test_linear_operator(case):
    op = case.op()
    shape_in = input_shape(case.grid(), op, case.ins)
    u, v = random_array(shape_in, complex), random_array(op.shape[0], complex, 1)
    A, linear = matrix(op), op.aslinearoperator()
    assert linear.shape == op.shape
    assert_rows_close(linear @ u.ravel(), A @ u.ravel(), row_scale(A, u), 1e-13)
    assert_rows_close(linear.H @ v, A.conj().T @ v, row_scale(A.T, v), 1e-13)


@pytest.mark.parametrize("name", ["reversed", "fortran", "strided", "transposed", "big-endian"])
def test_memory_layout_does_not_matter(name):
    op = (Diff("x", 2) + Diff("y")).on(Grid(x=Uniform(0, 1, 7), y=Periodic(0, 1, 9)))
    plain = random_array((7, 9))
    layouts = {
        "reversed": plain[::-1, ::-1].copy()[::-1, ::-1],
        "fortran": np.asfortranarray(plain),
        "strided": np.repeat(np.repeat(plain, 2, 0), 3, 1)[::2, ::3],
        "transposed": plain.T.copy().T,
        "big-endian": plain.astype(">f8"),
    }
    assert_rows_close(op(layouts[name]), op(plain), row_scale(op.matrix(), plain), 1e-15)


@each(NARROW)
def test_wrapped_weights_add_up(case):
    """On a circle with fewer points than the stencil, weights that meet the same point add up."""
    n = case.grid().shape[0]
    order, acc = len(case.truth and next(iter(case.truth))), case.acc
    reach = (order + 1) // 2 - 1 + acc // 2
    offsets = range(-reach, reach + 1)
    weights = vandermonde_weights(order, offsets)
    h = 2 * np.pi / n
    circulant = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            exact = sum(w for s, w in zip(offsets, weights, strict=True) if (i + s - j) % n == 0)
            circulant[i, j] = float(exact) / h**order
    largest = float(max(map(abs, weights))) / h**order
    np.testing.assert_allclose(
        case.op().matrix().toarray(), circulant, rtol=0, atol=1e-14 * largest
    )


def test_kronecker_structure():
    """In several dimensions the matrix is the Kronecker product of those along the axes."""
    grid = Grid(x=Uniform(0, 1, 6), y=Periodic(0, 1, 5), z=Uniform(1, 0, 7))
    dx = Diff("x").matrix(Grid(x=grid["x"]))
    dz = Diff("x", 2).matrix(Grid(x=grid["z"]))
    want = sp.kron(sp.kron(dx, sp.eye_array(5)), dz).tocsr()
    assert_same_matrix((Diff("x") * Diff("z", 2)).matrix(grid), want)


def test_a_large_problem_has_int32_indices_and_the_right_count():
    grid = Grid(x=Uniform(0, 1, 300), y=Uniform(0, 2, 300))
    A = (Diff("x", 2) + Diff("y", 2)).matrix(grid)
    assert A.indices.dtype == np.int32
    # five points in the interior; a boundary row along one axis has four points, one in common
    per_axis = 300 * (298 * 3 + 2 * 4)
    assert A.nnz == 2 * per_axis - 300 * 300
