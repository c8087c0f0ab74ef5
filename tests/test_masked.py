"""Operators on fields with holes: the stencils that the valid points allow."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import findops as fo
from findops import Cells, Diff, Grid, Laplacian, Periodic, Points, Uniform
from tests.cases import CASES, each
from tests.grids import AXES
from tests.support import assert_rows_close, input_shape, random_array, row_scale


def supported(case):
    if case.closure == "halo" or (isinstance(case.closure, dict) and "halo" in case.closure.values()):
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


@each(SUPPORTED[::3])
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
    for values, field in zip(u, clean, strict=True):
        want = (A @ values.ravel())[m.defined.ravel()]
        scale = row_scale(A, values)[m.defined.ravel()]
        assert_rows_close(field[m.defined], want, 10 * scale + 1e-300, 1e-13)
    empty = ~m.defined.ravel()
    assert not np.diff(A.indptr)[empty].any()
