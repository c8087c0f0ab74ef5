"""Operators under conditions on whole fields: affine, and accurate at every row."""

import numpy as np
import pytest

from findops import (
    Block,
    Cells,
    Compact,
    Condition,
    Diff,
    Dirichlet,
    Gradient,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Points,
    Robin,
    Uniform,
)
from tests.support import assert_rows_close, random_array, row_scale


def exact(x):
    return np.sin(2 * x + 0.3)


def slope(x):
    return 2 * np.cos(2 * x + 0.3)


DERIVATIVES = {1: slope, 2: lambda x: -4 * exact(x), 4: lambda x: 16 * exact(x)}


def stretched(n):
    s = np.linspace(0, 1, n)
    return s + 0.12 * np.sin(2 * np.pi * s) / np.pi


AXES = {
    "uniform": lambda n: Uniform(0, 1, n),
    "points": lambda n: Points(stretched(n)),
    "descending": lambda n: Points(stretched(n)[::-1]),
    "cells": lambda n: Cells(0, 1, n),
}


def conditions(kind, axis):
    for face, upper in (("x-", not axis.ascending), ("x+", axis.ascending)):
        end, outward = float(upper), 1 if upper else -1
        yield {
            "value": Dirichlet(face, exact(end)),
            "slope": Neumann(face, outward * slope(end)),
            "both": Robin(face, 2, 0.5, 2 * exact(end) + 0.5 * outward * slope(end)),
        }[kind]


@pytest.mark.parametrize("acc", [2, 4])
@pytest.mark.parametrize("order", DERIVATIVES)
@pytest.mark.parametrize("kind", ["value", "slope", "both"])
@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_every_row_has_the_order_claimed(axis, kind, order, acc):
    errors = []
    for n in (24, 48) if order == 4 else (40, 80):
        grid = Grid(x=axis(n))
        (x,) = grid.mesh()
        under = Diff("x", order, acc).on(grid).under(conditions(kind, grid["x"]))
        errors.append(np.abs(under(exact(x)) - DERIVATIVES[order](x)).max())
    assert np.log2(errors[0] / errors[1]) >= acc - 0.2


PLATE = Grid(x=Uniform(0, 1, 9), y=Cells(0, 2, 8), z=Periodic(0, 1, 6))
WALLS = [
    Dirichlet("x-", lambda y, z: y + z),
    Neumann("x+", 2),
    Robin("y-", 1, 3, lambda x: x),
    Dirichlet("y+", 1),
]
LINE = Grid(x=Uniform(0, 1, 12))
CASES = {
    "mixed": (Laplacian(acc=4).on(PLATE), WALLS),
    "vector": (Gradient().on(PLATE), WALLS),
    "half points": (Diff("x", to="half").on(PLATE), WALLS),
    "product": (Diff("x").on(PLATE) @ Diff("y", 2).on(PLATE), WALLS),
    "implicit": (Diff("x", acc=4, scheme=Compact()).on(LINE), Dirichlet("x-", 3)),
    "points inside": (Diff("x", 2).on(LINE), Dirichlet(np.arange(12) // 2 == 3, [4, 5])),
    "complex": (Diff("x", 2).on(LINE), [Dirichlet("x-", 1j), Robin("x+", 1j, 1)]),
    "none": (Diff("x", 2).on(LINE), []),
    "components": (
        Block([[0, Diff("x")], [Diff("x"), 1]]).on(LINE),
        [Dirichlet("x-", 2, component=0), Neumann("x+", 3, component=1)],
    ),
}


@pytest.mark.parametrize(("op", "given"), CASES.values(), ids=CASES)
def test_it_is_its_linear_part_and_its_offset(op, given):
    under = op.under(given)
    u = random_array(op.program.inputs.shape)
    matrix = under.linear.matrix()
    scale = row_scale(matrix, u) + np.abs(under.offset).ravel() + 1
    for got in (under.linear(u).ravel() + under.offset.ravel(),
                matrix @ u.ravel() + under.offset.ravel()):  # fmt: skip
        np.testing.assert_allclose(got, under(u).ravel(), rtol=0, atol=1e-12 * scale.max())
    assert matrix.has_sorted_indices
    assert not under.offset.flags.writeable


def test_values_that_conditions_fix_replace_those_of_the_field():
    op = Laplacian().on(PLATE)
    under = op.under([Dirichlet("x-", 3), Dirichlet("x+", lambda y: y)])
    u = random_array(PLATE.shape)
    fixed = u.copy()
    fixed[0], fixed[-1] = 3, PLATE.mesh()[1][-1]
    u[0] = u[-1] = np.nan
    before = u.copy()
    np.testing.assert_array_equal(under(u), op(fixed))
    np.testing.assert_array_equal(u, before)
    assert np.isfinite(under.linear(u)).all()


@pytest.mark.parametrize("dtype", ["f", "d", "F", "D", "i"])
def test_batches_and_precision(dtype):
    under = Laplacian().on(PLATE).under(WALLS)
    u = random_array((2, 3, *PLATE.shape), dtype)
    made = under(u)
    assert made.dtype == np.dtype({"i": "d"}.get(dtype, dtype))
    assert made.shape == u.shape
    for i, j in np.ndindex(2, 3):
        np.testing.assert_array_equal(made[i, j], under(u[i, j]))
    exact_field = u.astype(np.complex128)[0, 0]
    scale = row_scale(under.linear.matrix(), exact_field) + np.abs(under.offset).ravel()
    tolerance = 1e-6 if dtype in "fF" else 1e-12
    assert_rows_close(made[0, 0], under(exact_field), scale, tolerance)
    assert under(np.zeros((0, *PLATE.shape))).shape == (0, *PLATE.shape)


def test_conditions_in_time():
    op = Diff("x", 2).on(LINE)
    under = op.under([Dirichlet("x-", lambda t: 1 + t), Neumann("x+", lambda t: t)])
    u = random_array(LINE.shape)
    for t in (0, 2.0):
        still = op.under([Dirichlet("x-", 1 + t), Neumann("x+", t)])
        np.testing.assert_array_equal(under(u, t), still(u))
        np.testing.assert_array_equal(under.linear(u), still.linear(u))
    np.testing.assert_array_equal(under(u), under(u, 0))
    with pytest.raises(TypeError, match=r"time t.*a\(u, t\) - a.linear\(u\)"):
        under.offset  # noqa: B018


@pytest.mark.parametrize("acc", [2, 4])
@pytest.mark.parametrize("condition", [Dirichlet("boundary"), Neumann("boundary"),
                                       Robin("boundary", 1, 1)], ids=str)  # fmt: skip
@pytest.mark.parametrize("axis", [Uniform(0, 1, 41), Cells(0, 1, 41)], ids=["uniform", "cells"])
def test_diffusion_stays_stable_in_time(axis, condition, acc):
    linear = Diff("x", 2, acc).on(Grid(x=axis)).under(condition).linear
    assert np.linalg.eigvals(linear.matrix().toarray()).real.max() < 1e-11 * 4 * 41**2


def lazy():
    return pytest.importorskip("dask.array").zeros(12)


ERRORS = {
    "halo": (lambda: Diff("x").on(LINE, "halo").under([]), ValueError, "ghost points"),
    "mean": (lambda: Diff("x").on(LINE).under(Condition("mean", 1, 0)), ValueError, "a mean"),
    "no face": (lambda: Diff("x").on(LINE).under(Dirichlet("y-")), ValueError, "no face 'y-'"),
    "no condition": (lambda: Diff("x").on(LINE).under("x-"), TypeError, "Dirichlet"),
    "undetermined": (
        lambda: Diff("x").on(LINE).under([Dirichlet("x-"), Dirichlet("x-", 1)]),
        ValueError,
        "contradict",
    ),
    "shape": (lambda: Diff("x").on(LINE).under([])(np.zeros(5)), ValueError, "shape"),
    "library": (lambda: Diff("x").on(LINE).under([])(lazy()), TypeError, "dask"),
}


@pytest.mark.parametrize(("wrong", "error", "words"), ERRORS.values(), ids=ERRORS)
def test_what_is_refused(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong()
