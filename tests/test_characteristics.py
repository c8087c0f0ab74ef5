"""Conditions of first-order systems: what enters through a face is given there, nothing else."""

import warnings

import numpy as np
import pytest
from scipy.linalg import expm

from findops import (
    IVP,
    SBP,
    Block,
    Condition,
    Diff,
    Dirichlet,
    Grid,
    Neumann,
    NoCondition,
    Periodic,
    Uniform,
)

LINE = Grid(x=Uniform(0, 1, 41))
BOX = Grid(x=Uniform(0, 1, 16), y=Uniform(0, 1, 15))
DX, DY, SX = Diff("x"), Diff("y"), Diff("x", scheme=SBP(4))
SOUND = Block([[0, -DX], [-DX, 0]])
SOUND_2D = Block([[0, 0, -DX], [0, 0, -DY], [-DX, -DY, 0]])
MAXWELL = Block([[0, -DY, DX], [-DY, 0, 0], [DX, 0, 0]])
SUPERSONIC = Block([[-2 * DX, -DX], [-DX, -2 * DX]])
SUBSONIC = Block([[-DX / 2, -DX], [-DX, -DX / 2]])
VARIED = Block([[0, (lambda x: -1 - x) * DX], [(lambda x: -1 - x) * DX, 0]])


def outgoing(face, sign, impedance=1.0):
    return Condition(face, Block([[1.0, sign * impedance]]), 0, component=0)


def walls(component, *faces):
    return [Dirichlet(face, component=component) for face in faces]


WELL_POSED = {
    "rigid walls": (SOUND, LINE, walls(0, "x-", "x+")),
    "a rigid wall and p = 0": (SOUND, LINE, [*walls(0, "x-"), *walls(1, "x+")]),
    "impedance": (SOUND, LINE, [outgoing("x-", 1, 2.0), outgoing("x+", -1, 0.5)]),
    "what enters is given": (SOUND, LINE, [outgoing("x-", 1), outgoing("x+", -1)]),
    "walls, and the slope that follows": (
        SOUND, LINE, [*walls(0, "x-", "x+"), Neumann("boundary", component=1)],
    ),
    "varying speed": (VARIED, LINE, walls(0, "x-", "x+")),
    "a room": (SOUND_2D, BOX, [*walls(0, "x-", "x+"), *walls(1, "y-", "y+")]),
    "Maxwell, a conductor": (MAXWELL, BOX, walls(0, "boundary")),
    "Maxwell, with Hx on x too": (MAXWELL, BOX, [*walls(0, "boundary"), *walls(1, "x-", "x+")]),
    "telegraph": (Block([[-1, -DX], [-DX, -0.5]]), LINE, [*walls(0, "x-"), *walls(1, "x+")]),
    "supersonic": (SUPERSONIC, LINE, Dirichlet("x-")),
    "subsonic": (SUBSONIC, LINE, [*walls(0, "x-"), *walls(1, "x+")]),
    "weakly": (Block([[0, -SX], [-SX, 0]]), LINE, walls(0, "x-", "x+")),
    "closures in place of conditions": (SOUND, LINE, ()),
    "advection": (-DX, LINE, Dirichlet("x-")),
    "flow that stops": ((lambda x: -x) * DX, LINE, NoCondition("boundary")),
}  # fmt: skip
OTHERWISE = {
    "weakly": {"impose": "sat"},
    "closures in place of conditions": {"closure": {"x-": "even", "x+": "zero"}},
}


@pytest.mark.parametrize("name", WELL_POSED)
def test_well_posed_conditions_draw_no_warning(name):
    L, grid, conditions = WELL_POSED[name]
    problem = IVP(L, grid, conditions, **OTHERWISE.get(name, {}))
    shape = L.on(grid).program.inputs.shape
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem.solve(np.zeros(shape), [0, 0.01])


ILL_POSED = {
    "the outgoing ones": (
        SOUND, LINE, [outgoing("x-", -1), outgoing("x+", 1)],
        r"1 of 2 characteristics enters the grid through x-, which is not determined",
    ),
    "nothing": (SOUND, LINE, (), r"through x-, which is not determined .* nothing"),
    "one wall": (SOUND, LINE, walls(0, "x-"), r"through x\+, which is not determined"),
    "supersonic, where it leaves": (
        SUPERSONIC, LINE, Dirichlet("x+"), r"0 of 2 .*x\+, but given there is u = 0 on x\+",
    ),
    "supersonic, one on each side": (
        SUPERSONIC, LINE, [*walls(0, "x-"), *walls(1, "x+")], r"0 of 2 .* through x\+, but",
    ),
    "advection without any": (
        -DX, LINE, NoCondition("x-"), r"nothing is given on x-, where the flow enters",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("L", "grid", "conditions", "words"), ILL_POSED.values(), ids=ILL_POSED)
def test_ill_posed_conditions_are_named_and_modes_grow(L, grid, conditions, words):
    problem = IVP(L, grid, conditions)
    shape = L.on(grid).program.inputs.shape
    with pytest.warns(UserWarning, match=words):
        problem.solve(np.zeros(shape), [0, 0.01])
    # Without any condition polynomials are carried in, which grow like powers of t.
    matrix = problem._semidiscrete_for(shape, False).matrix.toarray()
    assert np.linalg.norm(expm(10 * matrix), 2) > 300


def test_more_than_enters_is_named():
    """No solution has both: what is given for p contradicts what arrives."""
    with pytest.warns(
        UserWarning, match=r"1 of 2 .*x-, but given there is u = 0 on boundary: more"
    ):
        IVP(SOUND, LINE, Dirichlet("boundary")).solve(np.zeros((2, 41)), [0, 0.01])


@pytest.mark.parametrize(
    "L", [-Diff("x", 2) - Diff("x"), 0.3 - (1 + Diff("x", 2)) ** 2], ids=["Kuramoto", "Swift"]
)
def test_growth_on_periodic_axes_is_the_equations_own(L):
    problem = IVP(L, Grid(x=Periodic(0, 100, 128)))
    with pytest.warns(UserWarning, match=r"every axis is periodic: .* the equation itself grows$"):
        problem.solve(np.zeros(128), [0, 1], "crank-nicolson", 0.1)
