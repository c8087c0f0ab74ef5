"""Conditions: the system that they make, its order, its symmetry, and what is refused."""

import numpy as np
import pytest
from scipy.sparse.linalg import spsolve

from findops import (
    BVP,
    EVP,
    IVP,
    Block,
    Cells,
    Chebyshev,
    ChebyshevPoints,
    Compact,
    Condition,
    Diff,
    Dirichlet,
    Grid,
    Identity,
    Laplacian,
    Neumann,
    Periodic,
    Points,
    Robin,
    TamWebb,
    Uniform,
)
from findops.discretization import coefficients
from findops.discretization.coefficients import arguments

X = Diff("x")


def exact(x):
    return np.sin(2 * x + 0.3) + x**2


def slope(x):
    return 2 * np.cos(2 * x + 0.3) + 2 * x


def second(x):
    return 2 - 4 * np.sin(2 * x + 0.3)


def source(x):
    return second(x) + (1 + x) * slope(x) - 2 * exact(x)


def stretched(n):
    s = np.linspace(0, 1, n)
    return 0.2 + 1.1 * (s + 0.12 * np.sin(2 * np.pi * s) / np.pi)


AXES = {
    "uniform": lambda n: Uniform(0.2, 1.3, n),
    "points": lambda n: Points(stretched(n)),
    "descending": lambda n: Points(stretched(n)[::-1]),
    "cells": lambda n: Cells(0.2, 1.3, n),
}
ENDS = (0.2, 1.3)


def outward(face, axis):
    """The end of the axis at a face, and the sign of the outward normal."""
    upper = face.endswith("+") == axis.ascending
    return ENDS[upper], 1 if upper else -1


def dirichlet(face, axis, _acc):
    end, _ = outward(face, axis)
    return Dirichlet(face, exact(end))


def neumann(face, axis, _acc):
    end, sign = outward(face, axis)
    return Neumann(face, sign * slope(end))


def robin(face, axis, _acc):
    end, sign = outward(face, axis)
    return Robin(face, 2, 0.5, 2 * exact(end) + 0.5 * sign * slope(end))


def general(face, axis, acc):
    end, _ = outward(face, axis)
    to = "half" if isinstance(axis, Cells) else None
    return Condition(face, Diff("x", 1, acc, to=to), slope(end))


PAIRS = {
    "DD": (dirichlet, dirichlet),
    "DN": (dirichlet, neumann),
    "RD": (robin, dirichlet),
    "NR": (neumann, robin),
    "GD": (general, dirichlet),
}


def solved(axis, pair, acc, impose="elimination"):
    grid = Grid(x=axis)
    L = Diff("x", 2, acc) + (lambda x: 1 + x) * Diff("x", 1, acc) - 2
    conditions = [make(face, axis, acc) for make, face in zip(pair, ("x-", "x+"), strict=True)]
    system = L.on(grid).subject_to(conditions, impose=impose)
    (x,) = grid.mesh()
    u = system.lift(spsolve(system.matrix.tocsc(), system.rhs(source(x))))
    return u, exact(x)


@pytest.mark.parametrize("acc", [2, 4, 6])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_order_of_accuracy(axis, pair, acc):
    sizes = {2: (64, 128), 4: (64, 128), 6: (36, 72)}[acc]
    errors = [np.abs(np.subtract(*solved(axis(n), pair, acc))).max() for n in sizes]
    assert np.log2(errors[0] / errors[1]) >= acc - 0.2 or errors[1] < 1e-11


@pytest.mark.parametrize("acc", [2, 4])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_elimination_and_rows_agree(axis, pair, acc):
    (u, _), (v, _) = (solved(axis(30), pair, acc, way) for way in ("elimination", "rows"))
    np.testing.assert_allclose(u, v, rtol=0, atol=1e-11 * np.abs(u).max())


def plate(acc=2, closure="accurate", **axes):
    grid = Grid(**(axes or {"x": Uniform(0, 1, 12), "y": Uniform(0, 2, 14)}))
    return Laplacian(acc=acc).on(grid, closure=closure)


def test_a_mixed_problem_in_two_dimensions_is_exact_on_a_quadratic():
    op = plate()
    u = op.domain.mesh()[0] ** 2 + 3 * op.domain.mesh()[1] * op.domain.mesh()[0]
    conditions = [
        Dirichlet("x-", 0),
        Neumann("x+", lambda x, y: 2 * x + 3 * y),
        Robin("y-", 1, 2, lambda x, y: x**2 + 3 * x * y - 2 * 3 * x),
        Neumann("y+", lambda x: 3 * x),
    ]
    for impose in ("elimination", "rows"):
        system = op.subject_to(conditions, impose=impose)
        x = spsolve(system.matrix.tocsc(), system.rhs(2))
        np.testing.assert_allclose(system.lift(x), u, rtol=0, atol=1e-12)
        np.testing.assert_allclose(system.restrict(u), x, rtol=0, atol=1e-12)


def test_the_first_condition_claims_a_corner_and_values_come_before_slopes():
    op = plate()
    system = op.subject_to([Neumann("y-", 7), Dirichlet("x-", 1), Dirichlet("x+", 2)])
    u = system.lift(np.zeros(system.matrix.shape[0]))
    assert (u[0] == 1).all()
    assert (u[-1] == 2).all()


def test_a_second_condition_takes_the_next_row():
    """A beam under a load, clamped at one end and supported at the other."""
    grid = Grid(x=Uniform(0, 1, 81))
    op = Diff("x", 4).on(grid)
    moment = Condition("x+", Diff("x", 2), 0)
    system = op.subject_to([Dirichlet("x-"), Neumann("x-"), Dirichlet("x+"), moment])
    assert system.matrix.shape == (77, 77)
    (x,) = grid.mesh()
    w = system.lift(spsolve(system.matrix.tocsc(), system.rhs(1)))
    want = x**2 * (3 - 5 * x + 2 * x**2) / 48
    np.testing.assert_allclose(w, want, rtol=0, atol=2e-3 * want.max())


def test_values_in_time():
    op = Diff("x", 2).on(Grid(x=Uniform(0, 1, 9)))
    system = op.subject_to([Dirichlet("x-", lambda x, t: x + t), Dirichlet("x+", lambda t: 2 * t)])
    u = system.lift(np.zeros(7), t=3.0)
    assert (u[0], u[-1]) == (3, 6)
    with pytest.raises(TypeError, match="give t="):
        system.rhs(0)


def test_what_functions_of_time_read_is_found_once(monkeypatch):
    found = []
    monkeypatch.setattr(coefficients, "arguments", lambda *a: found.append(a) or arguments(*a))
    conditions = [Dirichlet("x-", lambda t: t), Dirichlet("x+", lambda x, t: 2 * x * t)]
    system = Diff("x", 2).on(Grid(x=Uniform(0, 1, 9))).subject_to(conditions)
    for t in (1.0, 2.0, 3.0):
        u = system.lift(np.zeros(7), t)
        assert (u[0], u[-1]) == (t, 2 * t)
    assert len(found) == 2


def test_constraints_inside():
    grid = Grid(x=Uniform(0, 1, 21))
    inside = np.zeros(21, bool)
    inside[7] = True
    system = (
        Diff("x", 2)
        .on(grid)
        .subject_to([Dirichlet("x-", 0), Dirichlet("x+", 0), Dirichlet(inside, [1.5])])
    )
    u = system.lift(spsolve(system.matrix.tocsc(), system.rhs(0)))
    (x,) = grid.mesh()
    want = np.interp(x, [0, 0.35, 1], [0, 1.5, 0])
    np.testing.assert_allclose(u, want, rtol=0, atol=1e-13)


def test_components_have_their_own_conditions():
    grid = Grid(x=Uniform(0, 1, 21))
    op = Block([[Diff("x", 2), 0], [1, Diff("x", 2)]]).on(grid)
    system = op.subject_to(
        [Dirichlet("boundary", 0, component=0), Dirichlet("x-", 0, component=1),
         Neumann("x+", 1, component=1)]
    )  # fmt: skip
    (x,) = grid.mesh()
    u, v = system.lift(spsolve(system.matrix.tocsc(), system.rhs(0)))
    np.testing.assert_allclose(u, 0, atol=1e-13)
    np.testing.assert_allclose(v, x, rtol=0, atol=1e-12)


SYMMETRY = {
    "Dirichlet acc 2": (2, "accurate", Dirichlet("boundary"), True),
    "Dirichlet acc 4": (4, "accurate", Dirichlet("boundary"), False),
    "Dirichlet acc 4 odd": (4, "odd", Dirichlet("boundary"), True),
    "Dirichlet acc 6 odd": (6, "odd", Dirichlet("boundary"), True),
    "Neumann acc 2": (2, "accurate", Neumann("boundary"), False),
}


@pytest.mark.parametrize(("acc", "closure", "condition", "want"), SYMMETRY.values(), ids=SYMMETRY)
def test_symmetry_is_found_and_not_assumed(acc, closure, condition, want):
    system = plate(acc, closure).subject_to(condition)
    assert system.symmetric is want
    assert want == bool(abs(system.matrix - system.matrix.T).max() < 1e-9)


@pytest.mark.parametrize("n", [12, 40])
def test_null_vectors(n):
    free = plate(x=Uniform(0, 1, n), y=Uniform(0, 1, n + 1)).subject_to(Neumann("boundary"))
    assert free.null_vectors.shape[1] == 1
    np.testing.assert_allclose(np.ptp(free.null_vectors), 0, atol=1e-11)
    round_ = plate(x=Periodic(0, 1, n), y=Periodic(0, 1, n)).subject_to([])
    assert round_.null_vectors.shape[1] == 1
    held = plate(x=Uniform(0, 1, n), y=Uniform(0, 1, n)).subject_to(Dirichlet("boundary"))
    assert held.null_vectors.shape[1] == 0


def test_conditions_print_what_they_say():
    mask = np.array([True, False, True])
    printed = {
        "u = 1 on x-": Dirichlet("x-", 1),
        "∂u/∂n = 0 on boundary": Neumann("boundary"),
        "2·u + ∂u/∂n = 5 on y+": Robin("y+", 2, 1, 5),
        "∂x² u = given values on x+": Condition("x+", Diff("x", 2), np.zeros(3)),
        "u = 0 on 2 points": Dirichlet(mask),
        "u = 0 on x- (component 1)": Dirichlet("x-", component=1),
    }
    for text, condition in printed.items():
        assert str(condition) == text
        assert repr(condition) == f"<{text}>"


ROD = Diff("x", 2).on(Grid(x=Uniform(0, 1, 9)))
RING = Diff("x", 2).on(Grid(x=Periodic(0, 1, 9)))
REFUSED = {
    "unknown face": (lambda: ROD.subject_to(Dirichlet("y-")), ValueError, "no face 'y-'"),
    "periodic face": (lambda: RING.subject_to(Dirichlet("x-")), ValueError, "periodic"),
    "periodic boundary": (lambda: RING.subject_to(Dirichlet("boundary")), ValueError, "periodic"),
    "no condition": (lambda: ROD.subject_to(["x-"]), TypeError, "Dirichlet"),
    "imposed how": (lambda: ROD.subject_to([], impose="penalty"), ValueError, "elimination"),
    "mask's shape": (lambda: ROD.subject_to(Dirichlet([True])), ValueError, "mask has shape"),
    "mask of numbers": (lambda: Dirichlet([1, 2]), TypeError, "mask"),
    "value's type": (lambda: Dirichlet("x-", "0"), TypeError, "number, an array or a function"),
    "values' shape": (
        lambda: plate().subject_to(Dirichlet("x-", np.zeros(3))),
        ValueError,
        r"shape \(3,\), but the face has \(14,\)",
    ),
    "slope on a mask": (
        lambda: Neumann(np.eye(9, dtype=bool)[2]), ValueError, r"no normal.*Diff\('x'\)",
    ),
    "slope in the mean": (lambda: Neumann("mean", 1), ValueError, "a face is needed"),
    "value that is none": (lambda: Dirichlet("x-", np.nan), ValueError, "u on x-.*must be finite"),
    "values' shape on a mask": (
        lambda: ROD.subject_to(Dirichlet(np.arange(9) < 2, [1, 2, 3])), ValueError, "2 points",
    ),
    "twice the same": (
        lambda: ROD.subject_to([Dirichlet("x-", 0), Dirichlet("x-", 1)]).matrix,
        ValueError,
        "x- has u = 0 on x- and u = 1 on x-, which repeat or contradict",
    ),
    "twice on a face of the boundary": (
        lambda: ROD.subject_to([Dirichlet("boundary"), Dirichlet("x-", 1)]),
        ValueError,
        "x- has u = 0 on boundary and u = 1 on x-, which repeat or contradict",
    ),
    "points taken": (
        lambda: ROD.subject_to([Dirichlet("x-"), Dirichlet(np.arange(9) == 0, 1)]),
        ValueError,
        "other conditions hold at all",
    ),
    "no such component": (
        lambda: ROD.subject_to(Dirichlet("x-", component=1)), ValueError, "no component 1",
    ),
    "a fraction of a component": (
        lambda: Dirichlet("x-", component=0.5), TypeError, "component",
    ),
    "rectangular": (
        lambda: Diff("x", to="half").on(Grid(x=Uniform(0, 1, 9))).subject_to([]),
        ValueError,
        "same points",
    ),
    "ghosts": (
        lambda: Diff("x").on(Grid(x=Uniform(0, 1, 9)), closure="halo").subject_to([]),
        ValueError,
        "ghosts",
    ),
    "field's shape": (lambda: ROD.subject_to([]).restrict(np.zeros(4)), ValueError, "shape"),
    "unknowns": (lambda: ROD.subject_to([]).lift(np.zeros(4)), ValueError, "9 unknowns"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_identity_is_a_value():
    assert str(Condition("x-", Identity(), 2)) == "u = 2 on x-"


@pytest.mark.parametrize("ends", ["neumann", "robin"])
def test_slopes_beside_a_spectral_scheme_are_spectral(ends):
    grid = Grid(x=ChebyshevPoints(-1, 1, 21))
    (x,) = grid.coordinates()
    flux = -2 * np.cos(-1.7)
    left = Neumann("x-", flux)
    if ends == "robin":
        left = Robin("x-", 2, 3, 2 * np.sin(-1.7) + 3 * flux)
    conditions = [left, Dirichlet("x+", np.sin(2.3))]
    u = np.sin(2 * x + 0.3)
    found = BVP(Diff("x", 2, scheme=Chebyshev()), grid, conditions).solve(-4 * u).u
    assert np.abs(found - u).max() < 1e-11


def test_each_axis_has_slopes_of_its_own_scheme():
    """An axis of second order leaves the spectral slopes of another as they are."""
    grid = Grid(x=ChebyshevPoints(0, 1, 17), y=Uniform(0, 1, 9))
    x, y = grid.coordinates()
    u = np.exp(x) + 0 * y
    L = Diff("x", 2, scheme=Chebyshev()) + Diff("y", 2)
    conditions = [Dirichlet("x-", 1), Neumann("x+", np.e), Neumann("y-"), Neumann("y+")]
    assert np.abs(BVP(L, grid, conditions).solve(u).u - u).max() < 1e-11


def test_a_mean_over_components_is_one_number():
    grid = Grid(x=Uniform(0, 1, 21))
    twice = Block([[Diff("x", 2), 1], [-1, Diff("x", 2) - 1]])
    system = twice.on(grid).subject_to(Condition("mean", Block([[1, 1]]), 1))
    assert len(system.equations.means) == 1


def test_a_field_gives_its_values_on_faces():
    grid = Grid(x=Uniform(0, 1, 9), y=Uniform(0, 2, 7))
    x, y = grid.mesh()
    u = x**2 - y**2 + x * y
    found = BVP(Laplacian(), grid, Dirichlet("boundary", u)).solve(0).u
    assert np.abs(found - u).max() < 1e-12


def test_a_field_in_cells_has_no_values_on_faces():
    grid = Grid(x=Cells(0, 1, 9), y=Cells(0, 2, 7))
    with pytest.raises(ValueError, match="no points of the grid"):
        BVP(Laplacian(), grid, Dirichlet("boundary", np.zeros(grid.shape)))


def test_eigenvalues_and_solutions_in_time_keep_spectral_slopes():
    grid = Grid(x=ChebyshevPoints(0, np.pi, 25))
    (x,) = grid.coordinates()
    L = Diff("x", 2, scheme=Chebyshev())
    values = EVP(-L, grid, [Neumann("x-"), Dirichlet("x+")]).solve(3).values
    assert np.abs(values - [0.25, 2.25, 6.25]).max() < 1e-11
    heat = IVP(L, grid, [Neumann("x-"), Neumann("x+")])
    found = heat.solve(np.cos(x), [0, 0.1], "Radau", rtol=1e-11, atol=1e-12).u[-1]
    assert np.abs(found - np.exp(-0.1) * np.cos(x)).max() < 1e-11


@pytest.mark.parametrize("scheme", [Compact(), Compact(left=2), TamWebb()], ids=repr)
def test_slopes_beside_finite_schemes_keep_their_order(scheme):
    L = Diff("x", 2, scheme=scheme)
    errors = []
    for n in (41, 81):
        grid = Grid(x=Uniform(-1, 1, n))
        (x,) = grid.coordinates()
        u = np.sin(2 * x + 0.3)
        left = 2 * np.sin(-1.7) - 3 * 2 * np.cos(-1.7)
        problem = BVP(L, grid, [Robin("x-", 2, 3, left), Neumann("x+", 2 * np.cos(2.3))])
        errors.append(np.abs(problem.solve(-4 * u).u - u).max())
    assert np.log2(errors[0] / errors[1]) > L.acc - 0.2
