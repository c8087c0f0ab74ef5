"""Law 7: no call changes an operator, and nothing but `out` is written to."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given

import findops as fo
from findops import Diff, Field, Grid, Uniform
from tests.cases import CASES, EVERY, each
from tests.strategies import bound_trees
from tests.support import assert_rows_close, input_shape, random_array, row_scale

GRID = Grid(x=Uniform(0, 1, 9), y=Uniform(0, 2, 8))


@each(EVERY)
def test_calls_change_nothing(case):
    op = case.op()
    u = random_array(input_shape(case.grid(), op, case.ins), complex, 1)
    before = u.copy()
    u.flags.writeable = False
    key, first = hash(op), op(u)
    kept = first.copy()
    op(2 * before)
    op.T(first)
    if not op.program.implicit:
        A = op.matrix()
        A.data[:] = 0  # the caller's copy, not the operator's
        A = op.matrix()
        assert np.all(A.data != 0)
    np.testing.assert_array_equal(op(u).view(float), kept.view(float))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(u, before)
    assert hash(op) == key


@given(bound_trees())
def test_any_tree_gives_the_same_bits_twice(drawn):
    u = random_array(input_shape(drawn.grid, drawn.op), complex, 1)
    np.testing.assert_array_equal(drawn.op(u), drawn.op(u))


OBJECTS = {
    "expression": Diff("x"),
    "sum": Diff("x") + Diff("y"),
    "scheme": fo.Biased(1),
    "axis": Uniform(0, 1, 5),
    "points": fo.Points([0, 1, 3]),
    "half points": Grid(x=fo.Cells(0, 1, 5)).half("x")["x"],
    "grid": GRID,
    "bound": Diff("x").on(GRID),
}


@pytest.mark.parametrize("thing", OBJECTS.values(), ids=OBJECTS)
def test_attributes_cannot_be_set(thing):
    names = [n for n in dir(thing) if not n.startswith("_") and not callable(getattr(thing, n))]
    for name in [*names, "something_new"]:
        with pytest.raises((AttributeError, TypeError)):
            setattr(thing, name, 1)


@pytest.mark.parametrize("thing", OBJECTS.values(), ids=OBJECTS)
def test_everything_is_hashable_and_copyable(thing):
    assert len({thing, thing}) == 1
    for twin in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
        if thing is not OBJECTS["bound"]:
            assert twin == thing
            assert hash(twin) == hash(thing)


def test_arrays_are_copied_when_bound():
    c = np.ones(GRID.shape)
    fixed, later = (c * Diff("x")).on(GRID), (Field("c") * Diff("x")).on(GRID, c=c)
    u = random_array(GRID.shape)
    before = fixed(u), later(u), fixed.matrix().toarray()
    c[:] = 7
    np.testing.assert_array_equal(fixed(u), before[0])
    np.testing.assert_array_equal(later(u), before[1])
    np.testing.assert_array_equal(fixed.matrix().toarray(), before[2])


def test_coordinates_are_copied():
    x = np.array([0, 1, 3, 4, 9.0])
    grid = Grid(x=x)
    x[:] = 0
    np.testing.assert_array_equal(grid.coordinates()[0], [0, 1, 3, 4, 9])
    with pytest.raises(ValueError, match="read-only"):
        grid.coordinates()[0][0] = 5


def test_replace_leaves_the_original_alone():
    op = (Field("c") * Diff("x")).on(GRID, c=1.0 + GRID.mesh()[0])
    u, A = random_array(GRID.shape), op.matrix().toarray()
    other = op.replace(c=np.full(GRID.shape, 3.0))
    other.matrix()
    np.testing.assert_array_equal(op.matrix().toarray(), A)
    np.testing.assert_array_equal(other.matrix().toarray(), 3 * Diff("x").matrix(GRID).toarray())
    assert not np.array_equal(op(u), other(u))


# out, add, scale --------------------------------------------------------------------------------


@each(CASES[::9])
def test_out_add_and_scale(case):
    op = case.op()
    A = op.matrix()
    u = random_array((2, *input_shape(case.grid(), op, case.ins)), complex, 1)
    plain = op(u)
    scale = np.stack([row_scale(A, u[0]), row_scale(A, u[1])])
    out = np.full_like(plain, np.nan)
    assert op(u, out=out) is out
    np.testing.assert_array_equal(out, plain)
    assert op(u, out=out, scale=-2) is out
    assert_rows_close(out, -2 * plain, 2 * scale, 1e-13)
    out[:] = start = random_array(plain.shape, complex, 2)
    assert op(u, out=out, add=True, scale=0.5) is out
    assert_rows_close(out, start + plain / 2, scale + np.abs(start).reshape(2, -1), 1e-13)
    assert_rows_close(op(u, scale=3), 3 * plain, 3 * scale, 1e-13)


def test_a_view_as_out():
    op, u = Diff("x").on(GRID), random_array(GRID.shape)
    whole = np.zeros((2 * GRID.shape[0], GRID.shape[1]))
    op(u, out=whole[::2])
    np.testing.assert_array_equal(whole[::2], op(u))
    np.testing.assert_array_equal(whole[1::2], 0)


@pytest.mark.parametrize("shift", [0, 1, -1])
def test_overlapping_out_is_handled_or_refused(shift):
    """The result is that of separate arrays, or there is a ValueError and nothing was written."""
    op, n = Diff("x", 2).on(Grid(x=Uniform(0, 1, 20))), 20
    memory = random_array(n + 2)
    u, out = memory[1 : n + 1], memory[1 + shift : n + 1 + shift]
    want, before = op(u.copy()), memory.copy()
    refused = None
    try:
        op(u, out=out)
    except ValueError as error:
        refused = str(error)
    if refused is None:
        np.testing.assert_array_equal(out, want)
    else:
        assert "overlap" in refused
        np.testing.assert_array_equal(memory, before)


@pytest.mark.parametrize(
    "out",
    [np.zeros(GRID.shape, np.float32), np.zeros(GRID.shape, complex), np.zeros(GRID.shape, int)],
    ids=lambda out: out.dtype.name,
)
def test_out_has_exactly_the_result_type(out):
    with pytest.raises((TypeError, ValueError), match="float64"):
        Diff("x").on(GRID)(np.ones(GRID.shape), out=out)


def test_out_has_exactly_the_result_shape():
    with pytest.raises(ValueError, match=r"9, 8"):
        Diff("x").on(GRID)(np.ones(GRID.shape), out=np.zeros((8, 9)))


def test_read_only_out_is_refused():
    out = np.zeros(GRID.shape)
    out.flags.writeable = False
    with pytest.raises(ValueError, match=r"read-only|writ"):
        Diff("x").on(GRID)(np.ones(GRID.shape), out=out)


def test_add_without_out_is_refused():
    with pytest.raises((TypeError, ValueError), match="out"):
        Diff("x").on(GRID)(np.ones(GRID.shape), add=True)
