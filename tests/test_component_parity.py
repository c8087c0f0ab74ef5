"""Systems that are continued by component: where they are, and that they keep their order."""

import numpy as np
import pytest
from scipy.linalg import expm

from findops import (
    EVP,
    IVP,
    Block,
    Cells,
    Coef,
    Condition,
    Diff,
    Dirichlet,
    Field,
    Forward,
    Grid,
    Neumann,
    Points,
    Robin,
    Uniform,
)


def stretched(n):
    s = np.linspace(0, 1, n)
    return s + 0.1 * np.sin(2 * np.pi * s) / np.pi


AXES = {
    "uniform": lambda n: Uniform(0, 1, n),
    "points": lambda n: Points(stretched(n)),
    "cells": lambda n: Cells(0, 1, n),
}
VISCOSITY, LOSS, PI = 0.05, 0.3, np.pi


def sound(acc, viscosity=0.0, loss=0.0):
    """u_t = ν u_xx − p_x, p_t = −u_x − r p."""
    D = Diff("x", acc=acc)
    return Block([[viscosity * Diff("x", 2, acc=acc), -D], [-D, -loss]])


def wave(k, viscosity=0.0, loss=0.0):
    """u and p of a standing wave of sound, as functions of x and t."""
    matrix = np.array([[-viscosity * k**2, k], [-k, -loss]])

    def made(x, t):
        a, b = expm(matrix * t) @ [0, 1]
        return np.array([a * np.sin(k * x), b * np.cos(k * x)])

    return made


def reacting(acc):
    """Two diffusing substances that turn into each other, and decay."""
    one = Diff("x", 2, acc=acc) - 2
    return Block([[one, 1], [1, one]])


def decaying(shape):
    return lambda x, t: np.array([shape(PI * x)] * 2) * np.exp(-(1 + PI**2) * t)


RIGID = Dirichlet("boundary", component=0)
WALLS = {"x-": ["odd", "even"], "x+": ["odd", "even"]}
OPEN = [Dirichlet("x-", component=0), Dirichlet("x+", component=1)]
SYSTEMS = {
    "rigid walls": (sound, RIGID, wave(PI), WALLS),
    "an open end": (sound, OPEN, wave(PI / 2), {"x-": ["odd", "even"], "x+": ["even", "odd"]}),
    "both said": (sound, [RIGID, Neumann("boundary", component=1)], wave(PI), WALLS),
    "viscous": (lambda acc: sound(acc, VISCOSITY), RIGID, wave(PI, VISCOSITY), WALLS),
    "with loss": (lambda acc: sound(acc, 0, LOSS), RIGID, wave(PI, 0, LOSS), WALLS),
    "odd both": (reacting, Dirichlet("boundary"), decaying(np.sin),
                 {face: ["odd", "odd"] for face in WALLS}),
    "even both": (reacting, Neumann("boundary"), decaying(np.cos),
                  {face: ["even", "even"] for face in WALLS}),
}  # fmt: skip


def error(problem, exact, time=0.5):
    (x,) = problem.grid.mesh()
    found = problem.solve(exact(x, 0), [0, time], "DOP853", rtol=1e-12, atol=1e-14)
    return np.abs(found.u[-1] - exact(x, time)).max()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("acc", [2, 4, 6])
@pytest.mark.parametrize(
    ("system", "conditions", "exact", "closure"), SYSTEMS.values(), ids=SYSTEMS
)
@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_solutions_in_time_keep_the_order(axis, system, conditions, exact, closure, acc):
    problems = [IVP(system(acc), Grid(x=axis(n)), conditions) for n in (16, 32)]
    assert problems[0].closure == closure
    coarse, fine = (error(problem, exact) for problem in problems)
    assert np.log2(coarse / fine) >= acc - 0.2


@pytest.mark.filterwarnings("ignore:.*growing modes")
@pytest.mark.parametrize("axis", [Uniform, Cells])
def test_sound_between_walls_is_a_hundred_times_closer_than_with_stable_one_sided_rows(axis):
    grid, system = Grid(x=axis(0, 1, 81)), sound(4)
    continued = error(IVP(system, grid, RIGID), wave(PI), 1.3)
    one_sided = error(IVP(system, grid, RIGID, closure=2), wave(PI), 1.3)
    assert continued < 5e-7
    assert one_sided > 50 * continued


def test_energy_of_sound_in_cells_is_kept():
    grid = Grid(x=Cells(0, 1, 20))
    matrix = IVP(sound(6), grid, RIGID).jac(0.0, np.zeros(40)).toarray()
    np.testing.assert_allclose(matrix, -matrix.T, atol=1e-12)


@pytest.mark.parametrize("acc", [2, 4])
@pytest.mark.parametrize("conditions", [Dirichlet("boundary"), Neumann("boundary")], ids=str)
def test_eigenvalues_of_systems_keep_the_order(conditions, acc):
    errors = []
    for n in (16, 32):
        found = EVP(reacting(acc), Grid(x=Cells(0, 1, n)), conditions).solve(1, near=-(1 + PI**2))
        errors.append(abs(found.values[0] + 1 + PI**2))
    assert np.log2(errors[0] / errors[1]) >= acc - 0.2


ROD = Grid(x=Uniform(0, 1, 21))
D, D2 = Diff("x", acc=4), Diff("x", 2, acc=4)
PLAIN = {
    "nothing given": (sound(4), []),
    "a slope that leaves the velocity open": (sound(4), Neumann("boundary", component=1)),
    "a value": (sound(4), Dirichlet("boundary", 1, component=0)),
    "in time": (sound(4), Dirichlet("boundary", lambda t: t, component=0)),
    "impedance": (sound(4), [Condition("x-", Block([[1, 1]]), 0, 0),
                             Condition("x+", Block([[-1, 1]]), 0, 0)]),
    "field and slope": (sound(4), Robin("boundary", 1, 1, component=0)),
    "both given": (sound(4), Dirichlet("boundary")),
    "a coefficient that varies": (
        Block([[0, -D], [(lambda x: -1 - x) * D, 0]]), RIGID,
    ),
    "a field": (Block([[0, -D], [Field("c") * D, 0]]), RIGID),
    "another scheme": (
        Block([[0, -D], [-Diff("x", acc=4, scheme=Forward()), 0]]), RIGID,
    ),
    "a loss that varies": (Block([[0, -D], [-D, Coef(lambda x: x)]]), RIGID),
    "parities that clash": (reacting(4), [Dirichlet("boundary", component=0),
                                          Neumann("boundary", component=1)]),
    "diffusing without a condition": (Block([[D2, D], [D, D2]]), RIGID),
    "coupled without derivative": (Block([[0, -D, 1], [-D, 0, 0], [-1, 0, 0]]), RIGID),
    "of fourth order": (Block([[Diff("x", 4), D], [D, 0]]), RIGID),
    "advected": (Block([[D, -D], [-D, D]]), RIGID),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("system", "conditions"), PLAIN.values(), ids=PLAIN)
def test_nothing_is_continued_where_terms_or_data_break_the_parity(system, conditions):
    fields = {"c": 2.0} if system.free_fields else {}
    closure = IVP(system, ROD, conditions, **fields).closure
    assert not isinstance(closure, dict)


@pytest.mark.filterwarnings("ignore")
def test_nothing_is_continued_where_sources_may_break_the_parity():
    for more in ({"source": 1.0}, {"explicit": lambda t, u: t * u}):
        assert not isinstance(IVP(sound(4), ROD, RIGID, **more).closure, dict)


def test_faces_are_those_of_descending_axes_too():
    grid = Grid(x=Points(np.linspace(1, 0, 21)))
    problem = IVP(sound(4), grid, [Dirichlet("x+", component=0), Dirichlet("x-", component=1)])
    assert problem.closure == {"x-": ["even", "odd"], "x+": ["odd", "even"]}
    assert error(problem, wave(PI / 2)) < 2e-6


@pytest.mark.filterwarnings("ignore")
def test_each_face_is_judged_by_itself():
    conditions = [Dirichlet("x-", component=0), Condition("x+", Block([[-1, 1]]), 0, 0)]
    closure = IVP(sound(4), ROD, conditions).closure
    assert closure["x-"] == ["odd", "even"]
    assert not isinstance(closure["x+"], list)


def test_in_two_dimensions_tangential_velocities_need_conditions_too():
    """Vortices at a wall leave the pressure even, but not the velocity odd."""
    Dx, Dy = Diff("x", acc=4), Diff("y", acc=4)
    system = Block([[0, 0, -Dx], [0, 0, -Dy], [-Dx, -Dy, 0]])
    grid = Grid(x=Cells(0, 1, 16), y=Cells(0, 1, 17))
    rigid = [Dirichlet(face, component="xy".index(face[0])) for face in grid.faces]
    slip = [Neumann(face, component="yx".index(face[0])) for face in grid.faces]
    assert not isinstance(IVP(system, grid, rigid).closure, dict)
    problem = IVP(system, grid, rigid + slip)
    assert problem.closure["x-"] == ["odd", "even", "even"]
    assert problem.closure["y+"] == ["even", "odd", "even"]
    x, y = grid.mesh()
    pressure = np.cos(PI * x) * np.cos(PI * y)
    found = problem.solve([0 * x, 0 * x, pressure], [0, 0.5], rtol=1e-9).u[-1, 2]
    assert np.abs(found - pressure * np.cos(PI / np.sqrt(2))).max() < 1e-4
