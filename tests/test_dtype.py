"""Law 6: the precision follows u; real or complex follows u and the coefficients."""

import numpy as np
import pytest

from findops import Coef, Diff, Field, Gradient, Grid, Periodic, Points, Uniform
from tests.cases import EVERY, each
from tests.support import (
    TOLERANCE,
    assert_rows_close,
    input_shape,
    matrix,
    random_array,
    row_scale,
)

FLOATS = ("f", "d", "F", "D")
INTEGERS = (np.int8, np.int32, np.int64, np.uint8, np.uint16, np.uint64, np.bool_)
GRID = Grid(x=Uniform(0, 1, 9), y=Periodic(0, 1, 8))
L = Diff("x", 2) + 2 * Diff("y")


def expected(dtype, matrix):
    """The result's dtype: u's, made complex by a complex coefficient."""
    return np.result_type(dtype, np.complex64) if matrix.dtype.kind == "c" else np.dtype(dtype)


@each(EVERY)
def test_floating_point_types(case):
    op = case.op()
    A = matrix(op)
    for dtype in FLOATS:
        u = random_array(input_shape(case.grid(), op, case.ins), dtype, 3)
        v = op(u)
        assert v.dtype == expected(dtype, A)
        assert_rows_close(v, A @ u.ravel().astype(complex), row_scale(A, u), TOLERANCE[dtype])


@each(EVERY)
def test_integers_become_float64_before_any_arithmetic(case):
    op = case.op()
    for dtype in INTEGERS:
        u = random_array(input_shape(case.grid(), op, case.ins), dtype, 3)
        v = op(u)
        assert v.dtype == expected(np.float64, matrix(op))
        np.testing.assert_array_equal(v, op(u.astype(np.float64)))


def test_unsigned_differences_do_not_wrap():
    u = np.array([200, 3, 250, 0, 255, 1, 90, 7, 9], dtype=np.uint8)
    v = Diff("x").on(Grid(x=Uniform(0, 8, 9)))(u)
    np.testing.assert_array_equal(v[1:-1], (u[2:].astype(float) - u[:-2]) / 2)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "coords",
    [np.linspace(0, 1, 9), np.linspace(0, 1, 9, dtype=np.float32), np.arange(9) ** 2,
     np.arange(9, dtype=np.uint8)],
    ids=["float64", "float32", "integers", "uint8"],
)  # fmt: skip
def test_coordinates_do_not_decide_the_type(dtype, coords):
    assert Diff(0)(np.ones(9, dtype), coords).dtype == dtype
    assert Diff(0)(np.ones(9, dtype), Grid(coords)).dtype == dtype


@pytest.mark.parametrize(
    "spacing", [0.1, np.float64(0.1), np.float32(0.1), 1, np.int64(1)], ids=repr
)
def test_spacing_does_not_decide_the_type(spacing):
    assert Diff(0)(np.ones(9, np.float32), spacing).dtype == np.float32
    assert Diff(0)(np.ones(9, np.complex64), (spacing,)).dtype == np.complex64


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
def test_real_coefficients_leave_the_precision_alone(dtype):
    c = np.ones(GRID.shape, dtype)
    assert (c * L).on(GRID)(np.ones(GRID.shape, np.float32)).dtype == np.float32
    assert (Field("c") * L).on(GRID, c=c)(np.ones(GRID.shape, np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    "coefficient",
    [1j, np.complex64(1j), np.full(GRID.shape, 1j), np.full(GRID.shape, 1j, np.complex64),
     lambda x, y: 1j + x + y],
    ids=["number", "scalar", "array", "complex64", "callable"],
)  # fmt: skip
def test_complex_coefficients_make_it_complex(coefficient):
    op = (Coef(coefficient) * L).on(GRID)
    for dtype, want in {"f": "F", "d": "D", "F": "F", "D": "D", "i": "D"}.items():
        assert op(np.ones(GRID.shape, dtype)).dtype == want
        assert op.H(np.ones(GRID.shape, dtype)).dtype == want
    assert op.matrix().dtype == np.complex128


def test_a_field_decides_when_it_is_given():
    op = (Field("c") * L).on(GRID, c=np.ones(GRID.shape))
    assert op.matrix().dtype == np.float64
    assert op.replace(c=np.full(GRID.shape, 1j)).matrix().dtype == np.complex128
    assert op.replace(c=np.full(GRID.shape, 1j))(np.ones(GRID.shape, "f")).dtype == np.complex64


@pytest.mark.parametrize(
    "u",
    [np.ones(GRID.shape, np.float16), np.ones(GRID.shape, np.longdouble),
     np.ones(GRID.shape, np.clongdouble), np.ones(GRID.shape, object), np.full(GRID.shape, "1"),
     np.ones(GRID.shape, "M8[s]")],
    ids=lambda u: u.dtype.name,
)  # fmt: skip
def test_other_types_are_refused(u):
    with pytest.raises(TypeError, match=f"{u.dtype.name[:4]}|{u.dtype}"):
        L.on(GRID)(u)


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">c8", ">c16", ">i4"])
def test_big_endian_input(dtype):
    u = random_array(GRID.shape, dtype, 5)
    v = L.on(GRID)(u)
    want = np.dtype(dtype).newbyteorder("=") if dtype != ">i4" else np.dtype(float)
    assert v.dtype == want
    np.testing.assert_array_equal(v, L.on(GRID)(u.astype(u.dtype.newbyteorder("="))))


@pytest.mark.parametrize("dtype", FLOATS)
def test_empty_batches(dtype):
    v = L.on(GRID)(np.ones((0, *GRID.shape), dtype))
    assert v.shape == (0, *GRID.shape)
    assert v.dtype == dtype
    assert Gradient().on(GRID)(np.ones((3, 0, *GRID.shape), dtype)).shape == (3, 0, 2, *GRID.shape)


@pytest.mark.parametrize("u", [np.float64(1.0), 3, np.array(2.0)], ids=repr)
def test_numbers_are_refused(u):
    with pytest.raises((ValueError, TypeError), match="shape"):
        L.on(GRID)(u)


def test_lists_are_read_as_arrays():
    np.testing.assert_array_equal(
        Diff(0)([0, 1, 4, 9, 16], 1.0), Diff(0)(np.array([0.0, 1, 4, 9, 16]), 1.0)
    )


def test_periodic_points_in_float32():
    grid = Grid(Points(np.array([0, 0.1, 0.5, 0.7], np.float32), period=1))
    assert Diff(0).on(grid)(np.ones(4, np.float32)).dtype == np.float32
