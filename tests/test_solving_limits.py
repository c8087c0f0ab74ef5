"""What solvers must not pass over: data without solutions, lost digits, what is not finite."""

import numpy as np
import pytest

from findops import (
    BVP,
    EVP,
    IVP,
    Biharmonic,
    Block,
    Cells,
    Diff,
    Diffusion,
    Dirichlet,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Points,
    Robin,
    Uniform,
)
from findops.problems.linear.direct import inverse
from findops.problems.nonlinear.jacobian import dependencies

LINE = Grid(x=Uniform(0, 1, 21))
WALLS = Dirichlet("boundary")


@pytest.mark.parametrize("solver", ["krylov", "amg"])
def test_iterations_refuse_what_has_no_solution(solver):
    if solver == "amg":
        pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    plate = Grid(x=Cells(0, 1, 14), y=Cells(0, 1, 13))
    problem = BVP(Diffusion(lambda x, y: 1 + x * y), plate, Neumann("boundary"))
    with pytest.raises(ValueError, match="no solution"):
        problem.solve(1, solver)


def resonant(n):
    return 4 * n**2 * np.sin(np.pi / n) ** 2


@pytest.mark.parametrize("solver", ["fast", "direct"])
def test_pairs_of_waves_that_resonate(solver):
    n = 20
    grid = Grid(x=Periodic(0, 1, n), y=Periodic(0, 1, n))
    x, y = grid.mesh()
    problem = BVP(Laplacian() + resonant(n), grid)
    want = np.cos(4 * np.pi * x) + np.sin(2 * np.pi * (x + y))
    found = problem.solve(problem.operator(want), solver)
    np.testing.assert_allclose(found.u, want, rtol=0, atol=1e-10)


@pytest.mark.parametrize("L", [Diff("x", 2) + resonant(64), Diff("x")], ids=str)
def test_complex_vectors_of_a_real_null_space(L):
    line = Grid(x=Periodic(0, 1, 64))
    (x,) = line.mesh()
    problem = BVP(L, line)
    want = np.cos(4 * np.pi * x)
    found = problem.solve(problem.operator(want), "fast")
    np.testing.assert_allclose(found.u, want, rtol=0, atol=1e-11)


RING = Grid(x=Periodic(0, 2 * np.pi, 139))
(ANGLE,) = RING.mesh()
WAVE = (2 * np.sin(np.pi / 139) / (2 * np.pi / 139)) ** 2


@pytest.mark.parametrize("solver", ["fast", "direct"])
@pytest.mark.parametrize(
    ("L", "f", "words"),
    [
        (Diff("x", 8), np.sin(ANGLE), "the precision of doubles does not suffice"),
        (Diff("x", 8), 2.0 + 0 * ANGLE, r"no solution: .*The part outside .* is 1.0e\+00 of it"),
        (Diff("x", 2) + WAVE, np.sin(ANGLE), r"a resonance.*is 1.0e\+00 of it"),
        (Diff("x", 2), 1 + np.sin(ANGLE), r"∮.*is 8.2e-01 of it"),
    ],
    ids=["lost digits", "a constant", "a resonance", "a part"],
)
def test_what_precision_hides_is_not_called_a_null_field(L, f, words, solver):
    """Eighth derivatives of sin x are sin x, less than roundoff of 1e13 makes of anything."""
    with pytest.raises(ValueError, match=words):
        BVP(L, RING).solve(f, solver)


def test_too_many_null_vectors_are_missing_conditions():
    grid = Grid(x=Periodic(0, 1, 16), y=Periodic(0, 1, 128))
    with pytest.raises(ValueError, match="conditions are missing"):
        BVP(Diff("x"), grid).solve(np.zeros(grid.shape), "fast")


def test_potentials_far_below_the_largest_eigenvalue_count():
    grid = Grid(x=Periodic(0, 1, 1024), y=Uniform(0, 1000, 65))
    L = Laplacian() + (lambda x: -3e-6 * np.where(x < 0.5, 1, 0.0))
    problem = BVP(L, grid, [Dirichlet("y-"), Dirichlet("y+")])
    fast, direct = problem.solve(-1), problem.solve(-1, "direct")
    # Roundoff of the matrix, some 4·1024², against the least eigenvalue, some 1e-5.
    np.testing.assert_allclose(fast.u, direct.u, rtol=0, atol=1e-3 * np.abs(direct.u).max())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("solver", ["fast", "direct", "krylov"])
def test_what_is_not_finite_is_refused(solver, bad):
    with pytest.raises(ValueError, match="must be finite"):
        BVP(Diff("x", 2), LINE, WALLS).solve(np.full(21, bad), solver)
    with pytest.raises(ValueError, match="must be finite"):
        BVP(Diff("x", 2), LINE, Dirichlet("boundary", bad)).solve(0, solver)
    with pytest.raises(ValueError, match="solver returned"):
        BVP(Diff("x", 2), LINE, WALLS).solve(0, lambda _, b: b + bad)


@pytest.mark.parametrize("first", [1e-6, 1e-7])
@pytest.mark.parametrize("solver", ["auto", "direct"])
def test_graded_grids_are_not_singular(solver, first):
    grid = Grid(x=Points(np.geomspace(first, 1, 60)))
    (x,) = grid.mesh()
    problem = BVP(Diff("x", 2), grid, WALLS)
    assert problem.system.null_vectors.shape[1] == 0
    u = problem.solve(-1, solver).u
    np.testing.assert_allclose(u, (x - first) * (1 - x) / 2, rtol=0, atol=1e-6)


def test_checkerboards_that_an_operator_does_not_see_make_it_singular():
    grid = Grid(x=Periodic(0, 1, 32), y=Periodic(0, 1, 32))
    with pytest.raises(ValueError, match="singular"):
        BVP(Diff("x") + 0.5 * Diff("y"), grid).solve(0, "direct")


@pytest.mark.parametrize("solver", ["fast", "direct"])
@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize("n", [53, 97, 257])
def test_periodic_problems_of_high_order_have_solutions_at_every_length(n, order, solver):
    grid = Grid(x=Periodic(0, 2 * np.pi, n))
    f = np.sin(grid.mesh()[0])
    found = BVP(Diff("x", order), grid).solve(f, solver)
    np.testing.assert_allclose(found.u, (-1) ** (order // 2) * f, rtol=0, atol=8 / n**2 + 1e-3)


@pytest.mark.parametrize("solver", ["fast", "direct"])
@pytest.mark.parametrize("n", [257, 601])
def test_where_precision_is_the_limit_the_error_says_so(n, solver):
    grid = Grid(x=Periodic(0, 2 * np.pi, n))
    with pytest.raises(ValueError, match=r"precision.*fewer points"):
        BVP(Diff("x", 8), grid).solve(np.sin(grid.mesh()[0]), solver)


@pytest.mark.parametrize("solver", ["fast", "direct"])
def test_a_resonance_is_no_matter_of_slopes(solver):
    n = LINE.shape[0] - 1
    L = Diff("x", 2) + 4 * n**2 * np.sin(np.pi / 2 / n) ** 2
    with pytest.raises(ValueError, match=r"a field that varies.*resonance") as error:
        BVP(L, LINE, WALLS).solve(1, solver)
    assert "mean" not in str(error.value)


@pytest.mark.parametrize("n", [60, 400])
@pytest.mark.parametrize("modulus", [1e-14, 1.0, 1e16])
def test_units_of_components_do_not_make_a_system_singular(n, modulus):
    """u″ = 2, σ = E u′."""
    grid = Grid(x=Uniform(0, 1, n))
    L = Block([[Diff("x", 2), 0], [-modulus * Diff("x"), 1]])
    walls = Dirichlet("boundary", component=0)
    found = BVP(L, grid, walls, "accurate").solve(np.stack([np.full(n, 2.0), np.zeros(n)]))
    np.testing.assert_allclose(found.u[1] / modulus, 2 * grid.mesh()[0] - 1, rtol=0, atol=1e-12)


def test_faces_without_conditions_are_named_where_that_is_singular():
    both = Block([[Diff("x", 2), 1], [0, Diff("x", 2)]])
    with pytest.raises(ValueError, match=r"singular.*none on x\+"):
        BVP(both, Grid(x=Uniform(0, 1, 601)), Dirichlet("x-")).solve(0)


def test_contradicting_conditions_are_told_with_their_values():
    with pytest.raises(ValueError, match=r"u = 1 on x-.*u = 2 on x-"):
        BVP(Diff("x", 2), LINE, [Dirichlet("x-", 1), Dirichlet("x-", 2)])


def test_robin_without_factors_and_things_that_are_no_conditions():
    with pytest.raises(ValueError, match="says nothing"):
        Robin("x-", 0, 0)
    for given in (3, "boundary"):
        with pytest.raises(TypeError, match=f"conditions are.*{given!r}"):
            BVP(Diff("x", 2), LINE, given)


def test_tolerances_are_positive():
    for tol in (0, -1e-8, np.nan, np.inf, 1):
        with pytest.raises(ValueError, match="tol"):
            BVP(Diff("x", 2), LINE, WALLS).solve(1, "krylov", tol=tol)
    for solver in ("auto", "fast", "direct", "krylov"):
        with pytest.raises(TypeError, match="tol must be a number"):
            BVP(Diff("x", 2), LINE, WALLS).solve(1, solver, tol="a")


@pytest.mark.parametrize("f", [lambda u: -(u**3), lambda u: u[::-1] ** 2 * u], ids=["cube", "far"])
def test_functions_that_vanish_to_high_order_are_no_contradiction(f):
    (x,) = LINE.mesh()
    u = np.sin(np.pi * x)
    if f(u)[3] == -(u[3] ** 3):
        found = dependencies(f, u, LINE)
        np.testing.assert_array_equal(found.pattern.toarray(), np.eye(21, dtype=bool))
        np.testing.assert_allclose(found.jacobian(f, u).diagonal(), -3 * u**2, atol=1e-9)
    else:
        assert (dependencies(f, u, LINE).pattern.toarray() >= np.eye(21)[::-1]).all()


def test_an_equation_that_turns_complex_needs_complex_data():
    (x,) = LINE.mesh()
    problem = IVP(Diff("x", 2), LINE, WALLS, source=lambda x, t: 1j * x if t > 0.01 else x)
    with pytest.raises(TypeError, match="give complex u0"):
        problem.solve(x, [0, 0.1])
    assert np.iscomplexobj(problem.solve(x + 0j, [0, 0.1]).u)


def test_rates_of_conditions_that_begin_at_the_start():
    problem = IVP(Diff("x", 2), LINE, Dirichlet("boundary", lambda t: np.sqrt(t) ** 4))
    found = problem.solve(0 * LINE.mesh()[0], [0, 0.5], v0=0 * LINE.mesh()[0])
    np.testing.assert_allclose(found.v[:, 0], [0, 1], rtol=0, atol=1e-8)


TIME = IVP(Diff("x", 2), LINE, WALLS)
U0 = np.zeros(21)
WRONG = {
    "dt as text": (lambda: TIME.solve(U0, [0, 1], "euler", "a"), ValueError, "dt="),
    "complex times": (lambda: TIME.solve(U0, [0, 1j]), TypeError, "real numbers"),
    "times as text": (lambda: TIME.solve(U0, "ab"), TypeError, "real numbers"),
    "callback": (lambda: TIME.solve(U0, [0, 1], callback=3), TypeError, "callback="),
    "store": (lambda: TIME.solve(U0, [0, 1], store=3), TypeError, "store="),
    "f(u)": (lambda: IVP(lambda u: -u, LINE), TypeError, r"called with \(t, u\)"),
    "a function for u0": (lambda: TIME.solve(np.sin, [0, 1]), TypeError, r"grid.mesh\(\)"),
    "a function for f": (
        lambda: BVP(Diff("x", 2), LINE, WALLS).solve(np.sin), TypeError, r"grid.mesh\(\)",
    ),
    "a dict": (lambda: IVP(Diff("x", 2), LINE, {"x-": 0}), TypeError, "conditions are.*{'x-': 0}"),
    "a mask of numbers": (lambda: Dirichlet(np.ones(21, int)), TypeError, "booleans.*int64"),
    "stored nothing": (
        lambda: TIME.solve(U0, [0, 1], store=lambda *_: None), TypeError, "a number or an array",
    ),
    "stored shapes": (
        lambda: TIME.solve(U0, [0, 1], store=lambda t, u: u[: 3 + int(t)]), ValueError, "one shape",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), WRONG.values(), ids=WRONG)
def test_refused_in_time(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_callbacks_cannot_change_what_is_stored():
    def spoil(_, u):
        u[:] = 0

    with pytest.raises(ValueError, match="read-only"):
        TIME.solve(U0, [0, 1], callback=spoil)


def test_nothing_is_left_where_conditions_stand_everywhere():
    found = BVP(Diff("x", 2), LINE, Dirichlet(np.ones(21, dtype=bool), 3)).solve(1)
    np.testing.assert_array_equal(found.u, 3)


def test_factors_give_all_digits_whatever_their_pivots():
    """Diagonal pivots a tenth of their columns lose two digits of a biharmonic matrix."""
    n = 65
    grid = Grid(x=Uniform(0, 1, n), y=Uniform(0, 1, n))
    system = Biharmonic(acc=4).on(grid).subject_to([WALLS, Neumann("boundary")])
    b = np.random.default_rng(0).random(system.size)
    x = inverse(system.matrix, "singular")(b)
    left = np.abs(b - system.matrix @ x)
    assert (left / (abs(system.matrix) @ np.abs(x) + np.abs(b))).max() < 1e-15


def test_results_say_what_they_are():
    found = BVP(Diff("x", 2), LINE, WALLS).solve(0)
    assert repr(found) == "<Solution (21,) by fast diagonalization, residual 0.0e+00>"
    assert repr(TIME.solve(U0, [0, 1])) == "<Trajectory (2, 21) by RK45, t = 0 to 1>"
    pairs = EVP(-Diff("x", 2), Grid(x=Periodic(0, 1, 8)), closure="accurate").solve(1, near=-1)
    assert repr(pairs).startswith("<Eigenpairs [")
    assert repr(BVP(Diff("x", 2), LINE, WALLS)).startswith("<BVP <AffineSystem ∂x²; u = 0 on")
