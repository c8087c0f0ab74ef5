"""Closures by component, and the parity that products hand on."""

import numpy as np
import pytest
from scipy import sparse

from findops import (
    Block,
    Cells,
    Diff,
    Divergence,
    Gradient,
    Grid,
    Interpolate,
    Laplacian,
    Periodic,
    Uniform,
)
from tests.support import random_array

D = Diff("x", acc=4)
LINES = {"uniform": Grid(x=Uniform(0, 1, 21)), "cells": Grid(x=Cells(0, 1, 20))}
PLANE = Grid(x=Uniform(0, 1, 12), y=Cells(0, 1, 11), z=Periodic(0, 1, 6))


@pytest.mark.parametrize("grid", LINES.values(), ids=LINES)
def test_each_column_has_the_closures_of_its_component(grid):
    faces = {"x-": ["odd", "even"], "x+": ("zero", 3)}
    both = Block([[1, 2 * D], [-D, Diff("x", 2)]])
    single = [{"x-": "odd", "x+": "zero"}, {"x-": "even", "x+": 3}]
    rows = [
        [sparse.eye_array(len(grid["x"])), 2 * D.matrix(grid, closure=single[1])],
        [-D.matrix(grid, closure=single[0]), Diff("x", 2).matrix(grid, closure=single[1])],
    ]
    want = sparse.block_array(rows).toarray()
    np.testing.assert_array_equal(both.matrix(grid, closure=faces).toarray(), want)
    u = random_array((2, *grid.shape))
    np.testing.assert_allclose(both(u, grid, faces).ravel(), want @ u.ravel(), rtol=1e-13)


def test_vector_operators_read_lists_too():
    faces = {"x-": ["odd", "even", "even"], "y+": ["even", "odd", "even"]}
    made = Divergence().matrix(PLANE, closure=faces).toarray()
    alone = [
        Diff(name).matrix(PLANE, closure={"x-": faces["x-"][i], "y+": faces["y+"][i]}).toarray()
        for i, name in enumerate("xyz")
    ]
    np.testing.assert_array_equal(made, np.hstack(alone))
    same = Gradient().matrix(PLANE, closure={"x-": ["odd"]})
    np.testing.assert_array_equal(
        same.toarray(), Gradient().matrix(PLANE, closure={"x-": "odd"}).toarray()
    )


def test_all_components_carry_ghosts_or_none():
    both = Block([[D, 0], [0, D]])
    op = both.on(LINES["cells"], {"x-": ["halo", "halo"]})
    assert op.halo == both.on(LINES["cells"], {"x-": "halo"}).halo


EVEN = Diff("x", 2, acc=4)
PRODUCTS = {
    "D a D": D * (lambda x: 1 + x**2) * D,
    "of two accuracies": D * Diff("x", acc=2),
    "of three": D * Diff("x", acc=2) * (lambda x: np.cos(x)) * D,
    "D a D²": D * (lambda x: 1 + x**2) * EVEN,
    "D² a D": EVEN * (lambda x: 1 + x**2) * D,
    "staggered": Diff("x", acc=4, to="node") * (lambda x: 1 + x**2) * Diff("x", acc=4, to="half"),
    "interpolated": Interpolate("x", "node", 4) * Diff("x", acc=4, to="half"),
}


@pytest.mark.parametrize("closure", ["odd", "even"])
@pytest.mark.parametrize("axis", [Uniform, Cells])
@pytest.mark.parametrize("expr", PRODUCTS.values(), ids=PRODUCTS)
def test_products_act_on_the_field_that_is_continued(expr, axis, closure):
    """Half of a line with continuation at its middle has the rows of the whole line."""
    n, nodes = 20, axis is Uniform
    half, whole = (
        Grid(x=axis(0, 1, n + nodes)), Grid(x=axis(-1, 1, 2 * n + nodes))
    )  # fmt: skip
    field = {"odd": lambda x: np.sin(2 * x) + x**3, "even": lambda x: np.cos(2 * x) + x**2}
    got, want = (
        expr(field[closure](*grid.mesh()), grid, {"x-": closure}) for grid in (half, whole)
    )
    kept = slice(0, n - 10)
    np.testing.assert_allclose(got[kept], want[n:][kept], rtol=0, atol=1e-9)


TWO = Block([[0, D], [D, 0]])
LINE = LINES["uniform"]
ERRORS = {
    "too few": ({"x-": ["odd"]}, "1 closures.*2 components"),
    "too many": ({"x+": ["odd", "even", "odd"]}, "3 closures.*2 components"),
    "no face": ({"y-": ["odd", "even"]}, "no face 'y-'"),
    "no closure": ({"x-": ["odd", "evn"]}, "'evn'"),
    "other libraries' names": ({"x-": ["odd", "reflect"]}, "called 'even' here"),
    "accuracy": ({"x-": ["odd", 0]}, "at least 1"),
    "nested": ({"x-": [["odd"], "even"]}, "one of"),
    "some ghosts": ({"x-": ["halo", "even"]}, "'halo' stands for every one"),
    "no faces": (["odd", "even"], "dict by face"),
}


@pytest.mark.parametrize(("closure", "words"), ERRORS.values(), ids=ERRORS)
def test_what_is_refused(closure, words):
    with pytest.raises(ValueError, match=words):
        TWO.on(LINE, closure)


def test_a_scalar_operator_has_one_component():
    with pytest.raises(ValueError, match=r"2 closures.*1 components"):
        Laplacian().on(LINE, {"x-": ["odd", "even"]})
