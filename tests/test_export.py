"""Systems that leave: files that others read, parts of matrices, other libraries' solvers."""

import numpy as np
import pytest
import scipy.io
from scipy import sparse
from scipy.sparse.linalg import cg, spsolve

from findops import BVP, Dirichlet, Grid, Laplacian, Uniform
from findops.interop.petsc import write_petsc
from findops.interop.sparse_arrays import to_jax, to_torch

GRID = Grid(x=Uniform(0, 1, 12), y=Uniform(0, 1, 9))
SYSTEM = BVP(Laplacian(), GRID, Dirichlet("boundary", lambda x, y: x + y)).system
A, b = SYSTEM.matrix, SYSTEM.rhs(1)


def read_petsc(path, integers, numbers):
    """Read a file as PETSc's manual describes it."""
    size = np.dtype(integers).itemsize
    raw = path.read_bytes()
    kind = int.from_bytes(raw[:size], "big")
    if kind == 1211214:
        (n,) = np.frombuffer(raw, integers, 1, size)
        return np.frombuffer(raw, numbers, n, 2 * size)
    assert kind == 1211216
    m, n, nnz = np.frombuffer(raw, integers, 3, size)
    counts = np.frombuffer(raw, integers, m, 4 * size)
    columns = np.frombuffer(raw, integers, nnz, (4 + m) * size)
    values = np.frombuffer(raw, numbers, -1, (4 + m + nnz) * size)
    assert len(values) == nnz
    return sparse.csr_array((values, columns, np.append(0, counts.cumsum())), shape=(m, n))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("factor", [1.0, 2j])
def test_petsc_reads_what_was_written(tmp_path, bits, factor):
    numbers = ">c16" if isinstance(factor, complex) else ">f8"
    for values in (factor * A[:20], factor * b):
        write_petsc(tmp_path / "file", values, bits)
        back = read_petsc(tmp_path / "file", f">i{bits // 8}", numbers)
        assert back.shape == values.shape
        assert abs(back - values).max() == 0


def test_entries_stored_twice_are_added(tmp_path):
    twice = sparse.csr_array(([1.0, 2.0], [1, 1], [0, 2]), shape=(1, 3))
    write_petsc(tmp_path / "file", twice)
    np.testing.assert_array_equal(
        read_petsc(tmp_path / "file", ">i4", ">f8").toarray(), [[0, 3, 0]]
    )
    assert twice.nnz == 2


def test_petsc_refuses(tmp_path):
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        write_petsc(tmp_path / "file", np.eye(2))
    with pytest.raises(ValueError, match="index_bits"):
        write_petsc(tmp_path / "file", b, 16)
    with pytest.raises(ValueError, match="index_bits=64"):
        write_petsc(tmp_path / "file", sparse.coo_array((2**31, 1)).tocsc().T)
    assert not (tmp_path / "file").exists()


def test_scipy_writes_the_rest(tmp_path):
    scipy.io.mmwrite(tmp_path / "A.mtx", A)
    sparse.save_npz(tmp_path / "A.npz", A)
    assert abs(scipy.io.mmread(tmp_path / "A.mtx") - A).max() == 0
    assert abs(sparse.load_npz(tmp_path / "A.npz") - A).max() == 0


def test_rows_in_parts_are_the_rows():
    op = SYSTEM.operator
    parts = [op.matrix(rows=range(start, start + 36)) for start in (0, 36, 72)]
    assert abs(sparse.vstack(parts) - op.matrix()).max() == 0


def test_other_solvers_take_the_system():
    want = spsolve(A.tocsc(), b)
    found, failed = cg(-SYSTEM.aslinearoperator(), -b, rtol=1e-12)
    assert not failed
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-10)
    pyamg = pytest.importorskip("pyamg", reason="PyAMG is an extra")
    found = pyamg.ruge_stuben_solver(A).solve(b, tol=1e-12)
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-10)


def in_jax(matrix):
    jax = pytest.importorskip("jax", reason="JAX is an extra")
    jax.config.update("jax_enable_x64", True)
    made = to_jax(matrix)
    assert made.indices_sorted
    assert made.unique_indices

    def gradient(x):
        return jax.grad(lambda v: (abs(made @ v) ** 2).sum())(jax.numpy.asarray(x)).conj()

    return made, gradient, lambda x: made @ x


def in_torch(matrix):
    torch = pytest.importorskip("torch", reason="PyTorch is an extra")
    made = to_torch(matrix)
    assert made.layout == torch.sparse_csr

    def gradient(x):
        v = torch.tensor(x, requires_grad=True)
        ((made @ v).abs() ** 2).sum().backward()
        return v.grad

    return made, gradient, lambda x: made @ torch.tensor(x)


# PyTorch says that its CSR form is new.
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("library", [in_jax, in_torch])
@pytest.mark.parametrize("factor", [1.0, 2j])
def test_products_and_gradients_in_other_libraries(library, factor):
    B = factor * A[:50]
    made, gradient, product = library(B)
    x = (factor * b).astype(B.dtype)
    assert made.shape == B.shape
    size = abs(B) @ abs(x)
    assert np.all(abs(np.asarray(product(x)) - B @ x) <= 1e-14 * size)
    want = 2 * B.conj().T @ (B @ x)
    np.testing.assert_allclose(gradient(x), want, rtol=0, atol=1e-13 * abs(want).max())


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("library", [in_jax, in_torch])
def test_other_libraries_do_not_share_and_add_twice_stored(library):
    twice = sparse.csr_array(([1.0, 2.0], [1, 1], [0, 2]), shape=(1, 3))
    _, _, product = library(twice)
    twice.data[:] = 7
    np.testing.assert_array_equal(product(np.ones(3)), [3.0])


@pytest.mark.parametrize("make", [to_jax, to_torch])
def test_other_libraries_need_a_sparse_matrix(make):
    with pytest.raises(TypeError, match=r"op\.matrix\(\), not .*ndarray"):
        make(np.eye(3))
