"""SciPy's solvers take bound operators, as matrices and as linear operators."""

import numpy as np
import pytest
from scipy.sparse import linalg

from findops import Cells, Diff, Grid, Laplacian

GRID = Grid(x=Cells(0, 1, 9), y=Cells(0, 1, 9))
OP = Laplacian().on(GRID, closure="odd")


def test_blocks_of_vectors_are_applied_column_by_column():
    linear, A = OP.aslinearoperator(), OP.matrix().toarray()
    X = np.random.default_rng(0).normal(size=(81, 3))
    np.testing.assert_allclose(linear @ X, A @ X, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(linear.H @ X, A.T @ X, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(linear @ X[:, :1], A @ X[:, :1], rtol=1e-12, atol=1e-9)
    assert (linear @ X[:, :0]).shape == (81, 0)


def test_lobpcg_finds_the_published_eigenvalues():
    """−4 sin²(π j / 2n) / h², j = 1…n, on cells with the odd continuation, by symmetry twice."""
    X = np.random.default_rng(0).normal(size=(81, 4))
    values, _ = linalg.lobpcg((-OP).aslinearoperator(), X, largest=False, maxiter=400, tol=1e-9)
    s = 4 * 81 * np.sin(np.pi * np.arange(1, 3) / 18) ** 2
    want = np.sort([a + b for a in s for b in s])
    np.testing.assert_allclose(np.sort(values), want, rtol=1e-8)


def test_rows_by_index_mask_and_slice():
    A = OP.matrix().toarray()
    np.testing.assert_array_equal(OP.matrix(rows=[5, -1, 0]).toarray(), A[[5, -1, 0]])
    np.testing.assert_array_equal(OP.matrix(rows=slice(80, 70, -2)).toarray(), A[80:70:-2])
    wide = Laplacian().on(Grid(x=Cells(0, 1, 30), y=Cells(0, 1, 10)))
    few = wide.matrix(rows=np.array([3, 200], np.uint8))
    np.testing.assert_array_equal(few.toarray(), wide.matrix().toarray()[[3, 200]])
    edge = GRID.boundary()
    np.testing.assert_array_equal(OP.matrix(rows=edge).toarray(), A[edge.ravel()])
    with pytest.raises(IndexError, match="81"):
        OP.matrix(rows=[81])
    with pytest.raises(TypeError, match="rows"):
        OP.matrix(rows=[1.5])
    with pytest.raises(ValueError, match=r"\(9, 9\)"):
        OP.matrix(rows=edge[:, :3])


def test_few_rows_of_a_huge_operator_are_cheap():
    huge = Grid(x=Cells(0, 1, 1200), y=Cells(0, 1, 1200), z=Cells(0, 1, 1200))
    row = (Diff("x", 2) + Diff("z", 2)).on(huge).matrix(rows=[1200**3 // 2 + 600])
    assert row.shape == (1, 1200**3)
    assert row.nnz == 5
