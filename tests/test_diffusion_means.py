"""Diffusion whose coefficient is given at the nodes: its means at half points."""

import re

import numpy as np
import pytest

from findops import (
    BVP,
    SBP,
    Cells,
    Coef,
    Diff,
    Diffusion,
    Dirichlet,
    Field,
    Grid,
    Neumann,
    Periodic,
    Points,
    Robin,
    Uniform,
)
from findops.conditions.continuation import continued
from findops.conditions.ghost_values import Rate
from tests.support import random_array

MEANS = ("arithmetic", "harmonic")
ALTERNATING = np.cumsum(np.where(np.arange(96) % 2, 1.0, 2.0)) / 48


def k(x):
    return 3 + np.sin(2 * x)


def u(x):
    return np.cos(2 * x + 0.3)


def k_u_x_x(x):
    return -4 * np.cos(2 * x) * np.sin(2 * x + 0.3) - 4 * k(x) * u(x)


AXES = {
    "uniform": lambda n: Uniform(0, 2, n),
    "cells": lambda n: Cells(0, 2, n),
    "periodic": lambda n: Periodic(0, np.pi, n),
    "descending": lambda n: Uniform(2, 0, n),
    "alternating": lambda n: Points(ALTERNATING[:n] * 48 / n),
}


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("acc", [2, 4, 6])
@pytest.mark.parametrize("kind", AXES)
def test_order_of_smooth_coefficients(mean, acc, kind):
    coarse, fine = (
        abs(Diffusion(k(x), acc=acc, mean=mean).on(Grid(x=axis))(u(x)) - k_u_x_x(x))
        for axis in (AXES[kind](48), AXES[kind](96))
        for x in [axis.coordinates]
    )
    for rows in (slice(0, 4), slice(8, -8), slice(-4, None)):
        assert np.log2(coarse.max() / fine[rows].max()) >= acc - 0.2


@pytest.mark.parametrize(
    ("axis", "natural"),
    [
        (Uniform(0, 5, 11), False),
        (Uniform(5, 0, 11), True),
        (Points([0, 0.1, 0.4, 1, 1.2, 2, 2.1, 3, 4.2, 4.9, 5]), True),
    ],
    ids=str,
)
def test_layers_are_resistors_in_a_row(axis, natural):
    """u is linear in each layer, and the flux the same in all: exact to roundoff."""
    x = axis.coordinates
    layers = np.where(np.arange(11) < 4, 1.0, np.where(np.arange(11) < 7, 1e4, 0.03))
    at = (x[1:] + x[:-1]) / 2
    ends = np.concatenate([x[:1], at[[3, 6]], x[-1:]])
    drops = np.diff(ends) / np.array([1.0, 1e4, 0.03])
    values = np.concatenate([[0], np.cumsum(drops)]) / drops.sum()
    rising = slice(None, None, 1 if axis.ascending else -1)
    want = np.interp(x, ends[rising], values[rising])
    L = Diffusion(layers, natural=natural, mean="harmonic")
    got = BVP(L, Grid(x=axis), [Dirichlet("x-", 0), Dirichlet("x+", 1)]).solve().u
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mean", MEANS)
def test_cells_of_any_coefficients_are_finite_volumes(mean):
    """Every flux is between two cells, and none passes the walls, whatever k is beside them."""
    n, values = 9, 10.0 ** np.array([3, -3, 2, 0, 0, -2, 1, -4, 4])
    values[4] = 0
    left, right = values[:-1], values[1:]
    at = (left + right) / 2 if mean == "arithmetic" else 2 * left * right / (left + right)
    want = np.diag(at, 1) + np.diag(at, -1)
    want = (want - np.diag(want.sum(axis=1))) * n**2
    L = Diffusion(values, natural=True, mean=mean)
    got = L.matrix(Grid(x=Cells(0, 1, n))).toarray()
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=0)
    np.testing.assert_array_equal(got, got.T)


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("acc", [2, 4])
@pytest.mark.parametrize(
    ("axis", "natural"),
    [(Periodic(0, 2, 12), False), (Uniform(0, 2, 12), True), (Cells(0, 2, 12), True)],
    ids=str,
)
def test_means_keep_symmetry(mean, acc, axis, natural):
    grid = Grid(x=axis, y=Periodic(0, 1, 5))
    L = Diffusion(1 + random_array(grid.shape) ** 2 / 9, natural, acc=acc, mean=mean)
    S = grid.weights().reshape(-1, 1) * L.matrix(grid).toarray()
    np.testing.assert_allclose(S, S.T, rtol=0, atol=1e-14 * abs(S).max())
    assert np.linalg.eigvalsh((S + S.T) / 2)[-2] < 0, "only constants are in the null space"


@pytest.mark.parametrize("mean", MEANS)
def test_coefficients_come_in_any_form(mean):
    grid = Grid(x=Uniform(0, 2, 12), y=Cells(0, 1, 9))
    x, y = grid.coordinates()
    K, v = 2 + np.sin(x) * np.cos(y), random_array(grid.shape)
    want = Diffusion(K, mean=mean)(v, grid)
    by_function = Diffusion(lambda x, y: 2 + np.sin(x) * np.cos(y), mean=mean)(v, grid)
    np.testing.assert_array_equal(by_function, want)
    bound = Diffusion(Field("K"), mean=mean).on(grid, K=np.ones(grid.shape))
    np.testing.assert_array_equal(bound.replace(K=K)(v), want)
    np.testing.assert_allclose(Diffusion(2 * Coef(K), mean=mean)(v, grid), 2 * want, rtol=1e-13)
    each = Diffusion([K, 3.0], mean=mean)(v, grid)
    parts = Diffusion(K, mean=mean, axes=("x",)) + Diffusion(3.0, axes=("y",))
    np.testing.assert_allclose(each, parts(v, grid), rtol=1e-12)
    assert Diffusion(2, mean=mean, axes="x").stencil(1) == Diffusion(2, axes="x").stencil(1)


def test_holes_in_coefficients_stay_where_they_are():
    values = np.ones(12)
    values[6] = np.nan
    made = Diffusion(values, mean="harmonic")(np.arange(12.0) ** 2, 1.0)
    assert set(np.flatnonzero(np.isnan(made))) == {5, 6, 7}


def test_words():
    L = Diffusion(Field("k"), mean="harmonic", acc=4)
    assert repr(L) == "Diffusion(Field('k'), acc=4, mean='harmonic')"
    with pytest.raises(ValueError, match=r"'arithmetic' or 'harmonic', or None.*not 'geometric'"):
        Diffusion(1, mean="geometric")
    with pytest.raises(TypeError, match="one array, function or field, not as an expression"):
        Diffusion(Field("a") * Field("b"), mean="harmonic")
    with pytest.raises(ValueError, match=re.escape("k at nodes and takes no mean of it")):
        Diffusion(1, mean="harmonic", scheme=SBP(2)).on(Grid(x=Uniform(0, 1, 9)))
    rough = np.where(np.arange(12) % 5 == 4, 1e3, 1.0)
    with pytest.raises(ValueError, match=r"varies too much along 'x' for a mean at acc 4.*acc=2"):
        Diffusion(rough, mean="arithmetic", acc=4).on(Grid(x=Uniform(0, 1, 12)))
    with pytest.raises(ValueError, match="needs 4 points along 'x', but the grid has 3"):
        L.on(Grid(x=Uniform(0, 1, 3)), k=np.arange(3.0))
    with pytest.raises(ValueError, match=r"shape \(11,\), but the points .* shape \(12,\)"):
        L.on(Grid(x=Uniform(0, 1, 12)), k=np.ones(11))


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("kind", ["uniform", "cells", "alternating"])
def test_slopes_on_natural_faces_let_the_flux_in(mean, kind):
    """(k u′)′ = f with slopes on both faces: of second order, k being a field at the nodes."""
    errors = []
    for n in (24, 48, 96):
        axis = AXES[kind](n)
        grid, x = Grid(x=axis), axis.coordinates
        low, high = (x[0], x[-1]) if kind != "cells" else (0, 2)
        conditions = [
            Neumann("x-", 2 * np.sin(2 * low + 0.3)),
            Robin("x+", 1, 1, u(high) - 2 * np.sin(2 * high + 0.3)),
        ]
        L = Diffusion(Field("k"), natural=True, mean=mean)
        errors.append(abs(BVP(L, grid, conditions, k=k(x)).solve(k_u_x_x(x)).u - u(x)).max())
    assert np.log2(errors[1] / errors[2]) > 1.8


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("kind", ["uniform", "descending", "alternating"])
def test_fluxes_through_ends_with_nodes_are_exact(mean, kind):
    """k is known at the end: what enters is k g, to roundoff."""
    grid = Grid(x=AXES[kind](24))
    values = k(grid.axes[0].coordinates)
    L = Diffusion(2 * Coef(values), natural=True, mean=mean)
    kept = continued(L, grid, [Neumann("x-", -1.0), Neumann("x+", 0.5)], {}, None)
    balance = grid.integrate(kept.discretized()[1].applied(np.ones(24), None))
    assert abs(balance - 2 * (-values[0] + values[-1] / 2)) < 1e-11


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_means_continue_fields_as_their_coefficients_do(slope):
    """What varies along a wall's axis decides whether the field is continued beyond it."""
    grid = Grid(x=Cells(0, 1, 24), y=Cells(0, 1, 12))
    x, y = grid.mesh()
    K = 2 + np.cos(2 * np.pi * x) + slope * x + y
    conditions = [Dirichlet("x-"), Neumann("x+"), Dirichlet("y-"), Dirichlet("y+")]
    closures = []
    for k_y in (Diffusion(K, axes="y", mean="harmonic"), Coef(K)):
        L = Diff("x", 2, acc=6) + k_y
        closures.append(continued(L, grid, conditions, {}, Rate()).closure())
    assert closures[0] == closures[1]
    assert (closures[0] == "accurate") == (slope != 0)
