"""Products that bind to something simpler, or more accurate, than their factors in a row."""

import numpy as np
import pytest
import sympy

from findops import (
    Advection,
    Cells,
    Coef,
    Diff,
    Diffusion,
    Field,
    Forward,
    Gradient,
    Grid,
    Interpolate,
    Laplacian,
    Periodic,
    Points,
    Uniform,
    Upwind,
)
from tests.support import assert_same_matrix

ALTERNATING = Points(np.concatenate([[0], np.cumsum(np.resize([1.0, 2.0], 15))]))
AXES = {
    "uniform": Uniform(0, 2, 16),
    "cells": Cells(0, 2, 16),
    "alternating": ALTERNATING,
    "periodic": Periodic(0, 2, 16),
    "periodic alternating": Points(np.cumsum(np.resize([1.0, 2.0], 16)), period=24.0),
}
PLANE = Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 8))


@pytest.mark.parametrize("closure", ["accurate", "odd", "halo"])
def test_a_coefficient_constant_along_the_axis_commutes_with_the_derivative(closure):
    b = lambda y: 1 + y**2  # noqa: E731  # a coefficient like any other
    product = (Diff("x") * b * Diff("x")).on(PLANE, closure=closure)
    merged = (b * Diff("x", 2)).on(PLANE, closure=closure)
    assert_same_matrix(product.matrix(), merged.matrix(), 0)
    assert product.halo == merged.halo


def test_it_commutes_past_what_stands_between():
    b = (1 + np.arange(8.0))[None, :]
    product = (Diff("y") * Diff("x") * b * Diff("x")).on(PLANE)
    assert_same_matrix(product.matrix(), (Diff("y") * b * Diff("x", 2)).on(PLANE).matrix(), 0)


def test_a_field_is_taken_to_vary_along_every_axis():
    D = Diff("x")
    op = (D * Field("b") * D).on(PLANE, b=2.0)
    x = PLANE.coordinates()[0]
    again = op.replace(b=np.broadcast_to(1 + x, PLANE.shape))
    assert_same_matrix(again.matrix(), (D * (lambda x: 1 + x) * D).on(PLANE).matrix(), 0)
    assert again.accuracy.min() >= 2


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
@pytest.mark.parametrize("acc", [2, 4])
@pytest.mark.parametrize("k", [3, sympy.pi, lambda x: 1 + x], ids=["number", "pi", "callable"])
def test_diffusion_keeps_its_accuracy_whatever_the_coefficient(axis, acc, k):
    assert Diffusion(k, acc=acc).on(Grid(x=axis)).accuracy.min() >= acc


def test_diffusion_is_compact_where_no_error_jumps():
    op = Diffusion(lambda x: 1 + x).on(Grid(x=Uniform(0, 2, 16)))
    assert [len(op.stencil((i,))) for i in range(3, 13)] == [3] * 10


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_natural_diffusion_needs_even_spacing_beyond_acc_2(axis):
    grid = Grid(x=axis)
    A, H = Diffusion(2.0, natural=True).matrix(grid).toarray(), np.diag(grid.weights())
    np.testing.assert_allclose(H @ A, (H @ A).T, atol=1e-12 * np.abs(H @ A).max())
    if isinstance(axis, Points):
        with pytest.raises(ValueError, match="acc 2"):
            Diffusion(2.0, natural=True, acc=4).on(grid)
    else:
        assert np.all(Diffusion(2.0, natural=True, acc=4).on(grid).accuracy[4:-4] == 4)


def test_irrational_numbers_come_to_the_front():
    D = Diff("x")
    assert D * sympy.pi == sympy.pi * D
    assert D * sympy.pi * D == sympy.pi * Diff("x", 2)
    assert sympy.sqrt(2) * D * sympy.sqrt(2) == 2 * D
    assert Coef(sympy.pi) - sympy.pi == Coef(0)


def test_conjugation_outlives_a_new_value():
    line = Grid(x=Uniform(0, 1, 9))
    rng = np.random.default_rng(0)
    old, new = rng.normal(size=(2, 9)) + 1j * rng.normal(size=(2, 9))
    op = (Field("c") * Diff("x")).on(line, c=old)
    assert_same_matrix(op.H.replace(c=new).matrix(), op.replace(c=new).H.matrix(), 0)
    assert_same_matrix(op.T.replace(c=new).matrix(), op.replace(c=new).T.matrix(), 0)
    assert_same_matrix(op.H.H.replace(c=new).matrix(), op.replace(c=new).matrix(), 0)


def test_a_product_without_a_coefficient_between_is_the_literal_composition():
    grid = Grid(x=Uniform(0, 1, 20))
    A = Diff("x", acc=4)
    for B in (
        Diff("x"),
        Diff("x", acc=1, scheme=Upwind(np.ones(20))),
        Diff("x", acc=1, scheme=Upwind(1.0)),
    ):
        literal = A.matrix(grid) @ B.matrix(grid)
        np.testing.assert_allclose((A * B).matrix(grid).toarray(), literal.toarray(), atol=1e-9)


@pytest.mark.parametrize("inner", [Diff("x"), Interpolate("x", "half")], ids=str)
@pytest.mark.parametrize("axis", [ALTERNATING, AXES["periodic alternating"]], ids=str)
def test_interpolation_is_cured_where_its_error_jumps(axis, inner):
    a = lambda x: 1 + x  # noqa: E731  # a coefficient like any other
    if isinstance(inner, Diff):
        E = Diff("x", to="node") * a * Interpolate("x", "half") * inner
    else:
        E = Diff("x") * a * Interpolate("x", "node") * inner
    assert E.on(Grid(x=axis)).accuracy.min() >= 2


def test_irrational_numbers_leave_their_rational_part():
    D = Diff("x")
    assert 2 * (sympy.pi * D) == (2 * sympy.pi) * D
    assert 2 * (sympy.pi * D) - (2 * sympy.pi) * D == Coef(0)
    assert Coef(2 * sympy.pi) - 2 * Coef(sympy.pi) == Coef(0)
    with pytest.raises(ValueError, match="finite"):
        Coef(sympy.nan)


def test_fields_in_the_schemes_of_vector_operators_are_fields():
    grid = Grid(x=Uniform(0, 1, 8), y=Uniform(0, 1, 8))
    E = Gradient(scheme=Upwind(Field("c")), acc=1)
    assert E.free_fields == {"c"}
    want = Gradient(scheme=Upwind(-1.0), acc=1).matrix(grid)
    assert_same_matrix(E.matrix(grid, c=-1.0), want, 0)
    by_axis = Advection([1, 2], scheme={"x": Upwind(Field("c"))})
    assert by_axis.free_fields == {"c"}
    with pytest.raises(ValueError, match="spacing of axis 1"):
        Laplacian((0,), scheme=Upwind(lambda x, y: y - x))(np.ones((8, 8)), {0: 0.1})


def test_accuracy_by_name_and_scheme_by_index_meet_on_one_axis():
    grid = Grid(x=Uniform(0, 1, 12))
    both = Gradient(acc={"x": 4}, scheme={0: Forward()}).matrix(grid)
    assert_same_matrix(both, Diff("x", acc=4, scheme=Forward()).matrix(grid), 0)
    with pytest.raises(ValueError, match="twice"):
        Gradient(acc={"x": 4, 0: 6}).on(grid)
