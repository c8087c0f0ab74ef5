"""Law 5: ⟨Au, v⟩ = ⟨u, A.H v⟩, matrix-free and as a matrix; `.T` is the plain transpose."""

import numpy as np
from hypothesis import given

from tests.cases import EVERY, each
from tests.strategies import bound_trees
from tests.support import (
    assert_rows_close,
    assert_same_matrix,
    input_shape,
    magnitudes,
    matrix,
    random_array,
    row_scale,
)


def check_adjoint(op, shape_in, shape_out, parts=None):
    A = matrix(op)
    M = A if parts is None else parts
    u, v = random_array(shape_in, complex, 1), random_array(shape_out, complex, 2)
    bound = np.abs(v).ravel() @ row_scale(M, u)
    scale = row_scale(M.T, v)
    assert abs(np.vdot(v, op(u)) - np.vdot(op.H(v), u)) <= 1e-13 * bound
    assert op.H(v).shape == shape_in
    assert_rows_close(op.H(v), A.conj().T @ v.ravel(), scale, 1e-13)
    assert_rows_close(op.T(v), A.T @ v.ravel(), scale, 1e-13)
    assert_rows_close(op.rmatvec(v.ravel()), op.H(v), scale, 1e-13)
    assert op.T.shape == op.H.shape == A.shape[::-1]
    assert_same_matrix(matrix(op.T), A.T, parts=abs(M.T))
    assert_same_matrix(matrix(op.H), A.conj().T, parts=abs(M.T))
    assert_same_matrix(matrix(op.T.T), A, parts=abs(M))
    # real data stay real under a real operator's transpose
    assert op.T(v.real.copy()).dtype == op(u.real.copy()).dtype


@each(EVERY)
def test_adjoint(case):
    op = case.op()
    check_adjoint(op, input_shape(case.grid(), op, case.ins), case.outs + op.range.shape)


@given(bound_trees())
def test_adjoint_of_any_tree(drawn):
    op, shape = drawn.op, drawn.grid.shape
    check_adjoint(op, input_shape(drawn.grid, op), shape, magnitudes(op))
