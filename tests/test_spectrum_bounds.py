"""Bounds of spectra: they hold all eigenvalues, and steps inside them need no eigenvalues."""

import numpy as np
import pytest

from findops import (
    IVP,
    Backward,
    Block,
    Cells,
    Coef,
    Diff,
    Diffusion,
    Dirichlet,
    Divergence,
    Gradient,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Robin,
    Uniform,
)
from findops.problems.evolution import bounds, spectrum

SOUND = Block([[0, -Divergence(to="node")], [-Gradient(to="half"), 0]])
RIGID = [Dirichlet(f"{axis}{end}", component=c) for c, axis in ((1, "x"), (2, "y")) for end in "-+"]


def smooth(x, y):
    return 1 + 0.5 * np.sin(6 * x) * y


def square(axis, n=9):
    return Grid(x=axis(0, 1, n), y=axis(0, 1.3, n - 1))


PROBLEMS = {
    "heat": (Laplacian(), square(Uniform), Dirichlet("boundary"), "interval"),
    "heat, insulated": (Laplacian(), square(Uniform), Neumann("boundary"), "interval"),
    "heat lost": (Laplacian(), square(Uniform), Robin("boundary", 1, 1), "interval"),
    "heat in cells": (Laplacian(), square(Cells), Dirichlet("boundary"), "interval"),
    "layers": (Diffusion(smooth), square(Uniform), Dirichlet("boundary"), "interval"),
    "layers, insulated": (Diffusion(smooth), square(Uniform), Neumann("boundary"), "disc"),
    "drift": (0.1 * Laplacian() - Diff("x"), square(Uniform), Dirichlet("boundary"), "disc"),
    "upwind": (
        -Coef(smooth) * Diff("x", 1, 1, Backward()), square(Uniform), Dirichlet("x-"), "disc",
    ),
    "flow": (-Diff("x", acc=4) - 2 * Diff("y"), square(Periodic), (), "segment"),
    "sound": (SOUND, square(Cells), RIGID, "segment"),
    "reacting": (
        Block([[Laplacian() - 2, 1], [1, Laplacian() - 2]]),
        square(Cells),
        Dirichlet("boundary"),
        "interval",
    ),
}  # fmt: skip


def system_of(name):
    expr, grid, conditions, _ = PROBLEMS[name]
    at = [None, "x", "y"] if name == "sound" else None
    return IVP(expr, grid, conditions, at=at)._closure_choice.chosen(False).system


@pytest.mark.parametrize("name", PROBLEMS)
def test_regions_hold_all_eigenvalues(name):
    system = system_of(name)
    made = bounds.spectral_bounds(system)
    assert made.region == PROBLEMS[name][-1]
    values = np.linalg.eigvals(system.matrix.toarray())
    tiny = 1e-6 * made.size  # of multiple eigenvalues
    assert np.abs(values).max() <= made.size * (1 + 1e-12)
    assert values.real.max() <= tiny
    if made.region == "interval":
        assert np.abs(values.imag).max() <= tiny
    if made.region == "segment":
        assert np.abs(values.real).max() <= tiny
    if made.region == "disc":
        assert np.abs(values + made.size / 2).max() <= made.size / 2 + tiny
    # They are of use: no farther than twice what they hold, in a step's limit.
    assert made.size <= 2.1 * np.abs(values).max()


@pytest.mark.parametrize(
    ("expr", "conditions"),
    [
        (Laplacian(acc=4), Dirichlet("boundary")),
        (3 * Diff("x") + Laplacian(), Dirichlet("boundary")),
        (Laplacian() + 30, Dirichlet("boundary")),
        (Diff("x"), Dirichlet("x-")),
        (-Laplacian(), Dirichlet("boundary")),
        (Diffusion(smooth), Neumann("boundary")),
    ],
    ids=["fourth order", "coarse drift", "growth", "against the flow", "backwards", "in cells"],
)
def test_rows_that_do_not_tell_give_no_bound(expr, conditions):
    axis = Cells if isinstance(expr, type(Diffusion(1))) else Uniform
    grid = Grid(x=axis(0, 9, 9), y=axis(0, 9, 9))
    op = expr.on(grid).subject_to(conditions)
    assert bounds.spectral_bounds(op) is None


@pytest.mark.parametrize("acc", [2, 4, 6])
@pytest.mark.parametrize("conditions", [Dirichlet("boundary"), Neumann("boundary")], ids=str)
@pytest.mark.parametrize("axis", [Uniform, Cells])
def test_ends_of_sums_are_exact(axis, conditions, acc):
    system = (
        IVP(Laplacian(acc=acc), square(axis, 13), conditions)._closure_choice.chosen(False).system
    )
    values = np.linalg.eigvals(system.matrix.toarray()).real
    ends = bounds.ends_of_sum(system)
    np.testing.assert_allclose(ends, [values.min(), values.max()], rtol=1e-9, atol=1e-8)


def test_ends_on_circles_are_exact():
    system = IVP(Laplacian(acc=4), square(Periodic, 12))._closure_choice.chosen(False).system
    values = np.linalg.eigvals(system.matrix.toarray()).real
    np.testing.assert_allclose(
        bounds.ends_of_sum(system), [values.min(), values.max()], rtol=1e-9, atol=1e-8
    )


def forbidden(*_, **__):
    raise AssertionError("eigenvalues, or a matrix, were computed")


@pytest.fixture
def _nothing_iterated(monkeypatch):
    monkeypatch.setattr(spectrum, "_ends", forbidden)
    monkeypatch.setattr(spectrum, "_decays", forbidden)


LARGE = Grid(x=Uniform(0, 1, 401), y=Uniform(0, 1, 601))
STEPS = [
    (Laplacian(), "rk4", 0.3 / 600**2),
    (Laplacian(acc=4), "euler", 0.2 / 600**2),
    (Diffusion(smooth), "rk4", 0.2 / 600**2),
    (Diffusion(smooth), "leapfrog", 0.3 / 600),
    (1e-3 * Laplacian() - 0.1 * Diff("x"), "euler", 1e-6),
]


@pytest.mark.usefixtures("_nothing_iterated")
@pytest.mark.parametrize(("expr", "method", "dt"), STEPS, ids=lambda value: str(value)[:30])
def test_steps_inside_bounds_need_no_eigenvalues(expr, method, dt):
    u0 = np.ones(LARGE.shape)
    speed = {"v0": 0 * u0} if method == "leapfrog" else {}
    IVP(expr, LARGE, Dirichlet("boundary")).solve(u0, [0, dt], method, dt=dt, **speed)


def test_steps_beyond_the_limit_are_refused_with_it():
    # Of a sum of one-dimensional ones the limit is exact: 2.785 / |λ|.
    u0, (h, k) = np.ones(LARGE.shape), (1 / 400, 1 / 600)
    largest = 4 / h**2 * np.cos(np.pi * h / 2) ** 2 + 4 / k**2 * np.cos(np.pi * k / 2) ** 2
    limit = 2.785293563405282 / largest
    heat = IVP(Laplacian(), LARGE, Dirichlet("boundary"))
    with pytest.raises(ValueError, match=f"the limit is dt ≤ {limit:.6g}"):
        heat.solve(u0, [0, 1e-3], "rk4", dt=1.0001 * limit)
    heat.solve(u0, [0, 0.9999 * limit], "rk4", dt=0.9999 * limit)


def test_equal_problems_share_what_is_found(monkeypatch):
    grid, calls, plain = Grid(x=Uniform(0, 1, 41), y=Uniform(0, 1, 31)), [], spectrum._ends

    def counted(*given, **more):
        calls.append(given[1])
        return plain(*given, **more)

    monkeypatch.setattr(spectrum, "_ends", counted)

    def solved(speed, where="boundary", value=0):
        flow = IVP(
            Laplacian(acc=4) - speed * Diff("x", acc=4) * Diff("y"), grid, Dirichlet(where, value)
        )
        flow.solve(np.zeros(grid.shape), [0, 1e-5], "rk4", dt=1e-5)

    spectrum._found.clear()
    solved(0.5)
    first = len(calls)
    assert first
    solved(0.5)
    solved(0.5, value=3)
    assert len(calls) == first
    solved(0.6)
    assert len(calls) == 2 * first
