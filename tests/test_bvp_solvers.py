"""How boundary-value problems are solved: transforms, iterations, means; against each other."""

import pickle
import sys

import numpy as np
import pytest
from scipy.sparse.linalg import spsolve

from findops import (
    BVP,
    Cells,
    Condition,
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
from findops.problems.linear.basis import DenseBasis, FastTransform
from findops.problems.linear.preconditioners import nearest_separable
from findops.problems.linear.separable import fast_diagonalization

TRANSFORMED = {
    "dst 1": (Uniform(0, 1, 65), "accurate", Dirichlet("boundary")),
    "dst 2": (Cells(0, 1, 64), "odd", ()),
    "dst 4": (Cells(0, 1, 64), {"x-": "odd", "x+": "even"}, ()),
    "dst 3": (Uniform(0, 1, 65), {"x-": "odd", "x+": "even"}, Dirichlet("x-")),
    "dct 1": (Uniform(0, 1, 65), "even", ()),
    "dct 2": (Cells(0, 1, 64), "even", ()),
    "dct 4": (Cells(0, 1, 64), {"x-": "even", "x+": "odd"}, ()),
    "dct 3": (Uniform(0, 1, 65), {"x-": "even", "x+": "odd"}, Dirichlet("x+")),
    "fft": (Periodic(0, 1, 64), "accurate", ()),
}


@pytest.mark.parametrize("acc", [2, 6])
@pytest.mark.parametrize("name", TRANSFORMED)
def test_the_transform_that_fits_is_found(name, acc):
    axis, closure, conditions = TRANSFORMED[name]
    if name == "dst 1" and acc > 2:
        closure = "odd"
    L = Diff("x", 2, acc) - 3
    line = Grid(x=axis)
    made = fast_diagonalization(L.on(line, closure).subject_to(conditions)).axes[0]
    assert isinstance(made, FastTransform)
    assert f"{made.apply.__name__} {made.kind.get('type', '')}".strip() == name
    b = np.random.default_rng(0).random(len(made.values))
    problem = BVP(L, line, conditions, closure)
    x = fast_diagonalization(problem.system)(b)
    np.testing.assert_allclose(problem.system.matrix @ x, b, rtol=0, atol=1e-10)


def test_other_closures_take_matrices():
    system = BVP(Diff("x", 2, 4), Grid(x=Uniform(0, 1, 65)), Dirichlet("boundary")).system
    assert isinstance(fast_diagonalization(system).axes[0], DenseBasis)


@pytest.mark.parametrize("n", [130, 131])
@pytest.mark.parametrize(("last", "parts"), [(Dirichlet, 2), (Neumann, 1)])
def test_walls_that_mirror_each_other_keep_even_and_odd_apart(n, last, parts):
    axes = {"x": Uniform(0, 1, n), "y": Periodic(0, 1, 3)}
    for i, names in enumerate(("xy", "yx")):
        grid = Grid(**{name: axes[name] for name in names})
        problem = BVP(Diff("x", 2, acc=6) - 1, grid, [Dirichlet("x-"), last("x+")])
        fast = fast_diagonalization(problem.system)
        assert len(fast.axes[i].vectors) == parts
        x = np.random.default_rng(0).standard_normal(problem.system.size)
        found = fast(problem.system.matrix @ x)
        np.testing.assert_allclose(found, x, rtol=0, atol=1e-9)


def test_coefficients_of_one_coordinate_each_separate():
    grid = Grid(x=Uniform(-1, 1, 13), y=Uniform(-1, 1, 12))
    L = (lambda x: 2 + x) * Diff("x", 2) + Diffusion(lambda y: 1 + y**2, axes=["y"])
    L = L + (lambda x, y: x**2 + y**2)
    problem = BVP(L, grid, [Dirichlet("y-"), Dirichlet("y+"), Dirichlet("x-", 1), Neumann("x+")])
    f = np.random.default_rng(0).random(grid.shape)
    fast, direct = problem.solve(f), problem.solve(f, "direct")
    assert fast.method == "fast diagonalization"
    np.testing.assert_allclose(fast.u, direct.u, rtol=0, atol=1e-11)


def contrast(x, y, z):
    return 10.0 ** (np.sin(6 * x) * np.cos(3 * y) * np.sin(5 * z + 1))


BOX = Grid(x=Uniform(0, 1, 13), y=Cells(0, 1, 12), z=Uniform(0, 1, 14))
WALLS = {
    "values": lambda: Dirichlet("boundary", lambda x, y, z: x + y * z),
    "mixed": lambda: [
        Robin("x-", 1, 2, 3), Dirichlet("x+", 1), *map(Neumann, ("y-", "y+", "z-", "z+")),
    ],
}  # fmt: skip


@pytest.mark.parametrize("walls", WALLS.values(), ids=WALLS)
@pytest.mark.parametrize("solver", ["krylov", "amg"])
def test_iterations_come_to_the_factored_solution(solver, walls):
    if solver == "amg":
        pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    problem = BVP(Diffusion(contrast), BOX, walls())
    f = np.random.default_rng(0).random(BOX.shape)
    found, direct = problem.solve(f, solver, tol=1e-12), problem.solve(f, "direct")
    assert 0 < found.iterations < 60
    np.testing.assert_allclose(found.u, direct.u, rtol=0, atol=1e-9 * np.abs(direct.u).max())
    b = problem.system.rhs(f)
    left = b - problem.system.matrix @ problem.system.restrict(found.u)
    assert np.linalg.norm(left) < 2e-12 * np.linalg.norm(b)


def test_the_nearest_problem_is_the_problem_where_that_separates():
    problem = BVP(5 * Laplacian() - 1, BOX, WALLS["values"]())
    b = np.random.default_rng(0).random(problem.system.size)
    np.testing.assert_allclose(
        nearest_separable(problem.system).inverse(b),
        fast_diagonalization(problem.system)(b),
        rtol=0,
        atol=1e-13,
    )


def test_auto_iterates_on_large_boxes_only():
    grid = Grid(x=Uniform(0, 1, 36), y=Uniform(0, 1, 36), z=Uniform(0, 1, 36))
    found = BVP(Diffusion(contrast), grid, Dirichlet("boundary")).solve(1)
    assert found.method == "Krylov, separable preconditioner"
    assert 0 < found.iterations < 40
    small = BVP(Diffusion(contrast), BOX, Dirichlet("boundary")).solve(1)
    assert small.method == "sparse factorization"
    assert small.iterations == 0


def test_no_convergence_is_an_error():
    # Helmholtz' equation far above its first resonances is neither definite nor near so.
    L = Diffusion(contrast) + 3000
    with pytest.raises(RuntimeError, match=r"no solution.*'krylov'.*What is left: solver='direct'"):
        BVP(L, BOX, Dirichlet("boundary")).solve(1, "krylov")


def test_progress_is_shown_by_tqdm(capsys):
    pytest.importorskip("tqdm", reason="progress=True needs tqdm, an extra")
    problem = BVP(Diffusion(contrast), BOX, Dirichlet("boundary"))
    found = problem.solve(1, "krylov", progress=True)
    assert f"{found.iterations} iterations" in capsys.readouterr().err
    problem.solve(1, "krylov")
    assert not capsys.readouterr().err


@pytest.mark.parametrize(("module", "ask"), [("pyamg", {"solver": "amg"}), ("tqdm.auto", {})])
def test_missing_extras_are_named(module, ask, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    problem = BVP(Diffusion(contrast), BOX, Dirichlet("boundary"))
    with pytest.raises(ModuleNotFoundError, match=module.split(".", maxsplit=1)[0]):
        problem.solve(1, **({"solver": "krylov", "progress": True} | ask))


MEAN = Condition("mean", 1, 3)


@pytest.mark.parametrize("solver", ["fast", "direct"])
def test_a_mean_balances_data_that_a_singular_problem_cannot_meet(solver):
    grid = Grid(x=Uniform(0, 1, 17), y=Periodic(0, 1, 16))
    problem = BVP(Laplacian(acc=4), grid, [Neumann("x-", 1), Neumann("x+", 2), MEAN])
    f = np.random.default_rng(0).random(grid.shape)
    found = problem.solve(f, solver)
    np.testing.assert_allclose(grid.integrate(found.u) / grid.integrate(1 + 0 * f), 3, rtol=1e-12)
    left = problem.operator(found.u) + found.constants - f
    np.testing.assert_allclose(left[1:-1], 0, rtol=0, atol=1e-9)
    assert found.residual < 1e-14


@pytest.mark.parametrize("seed", range(3))
def test_a_mean_is_given_where_the_constant_balances_all_data(seed):
    """What is left of the data then is roundoff, of which any part lies outside the range."""
    x = np.linspace(0, 6, 12) + np.random.default_rng(seed).uniform(-0.2, 0.2, 12)
    problem = BVP(0.86 * Diff("x", 2), Grid(x=Points(x, period=6.6)), Condition("mean", 1, 0.99))
    found = problem.solve(3, "fast")
    np.testing.assert_allclose(found.u, 0.99, rtol=1e-12)
    np.testing.assert_allclose(found.constants, 3, rtol=1e-12)


@pytest.mark.parametrize("solver", ["fast", "direct"])
@pytest.mark.parametrize("impose", ["elimination", "rows"])
def test_the_pressure_gradient_for_a_given_flow_rate(impose, solver):
    grid = Grid(y=Uniform(-1, 1, 41))
    problem = BVP(Diff("y", 2, acc=4), grid, [Dirichlet("boundary"), Condition("mean", 1, 2 / 3)])
    if impose == "rows":
        system = problem.operator.subject_to(problem.system.equations.conditions, impose)
        made = np.linalg.solve(system.matrix.toarray(), system.rhs(0))
        u, constant = system.lift(made), made[-1]
    else:
        found = problem.solve(0, solver)
        u, (constant,) = found.u, found.constants
    # The trapezoidal rule finds 2/3 − h²/6 for the mean of 1 − y².
    scale = (2 / 3) / (2 / 3 - 0.05**2 / 6)
    np.testing.assert_allclose(u, scale * (1 - grid.mesh()[0] ** 2), rtol=0, atol=1e-12)
    np.testing.assert_allclose(constant, 2 * scale, rtol=1e-12)


@pytest.mark.parametrize("impose", ["elimination", "rows"])
def test_the_residual_counts_complex_values_of_conditions(impose):
    grid = Grid(x=Uniform(0, 1, 11))
    ends = [Dirichlet("x-", 1j), Dirichlet("x+")]
    found = BVP(Diff("x", 2), grid, ends, impose=impose).solve(0)
    np.testing.assert_allclose(found.u, 1j * (1 - grid.coordinates()[0]), rtol=0, atol=1e-14)
    assert found.residual < 1e-14


def test_means_print_depend_on_time_and_stand_beside_components():
    assert repr(MEAN) == "<u = 3 in the mean>"
    grid = Grid(x=Periodic(0, 1, 16))
    problem = BVP(Diff("x", 2), grid, Condition("mean", 1, lambda t: t))
    np.testing.assert_allclose(problem.solve(0, t=2.5).u, 2.5, rtol=1e-13)
    np.testing.assert_allclose(problem.factor()(0, t=1.5), 1.5, rtol=1e-13)
    with pytest.raises(TypeError, match="give t="):
        problem.solve(0)


def test_solvers_choose_the_same_solution_of_a_singular_problem():
    grid = Grid(x=Uniform(0, 1, 33), y=Cells(0, 2, 21))
    problem = BVP(Laplacian(), grid, Neumann("boundary"))
    want = np.random.default_rng(2).random(grid.shape)
    f = problem.operator(problem.system.lift(problem.system.restrict(want)))
    fast, direct = problem.solve(f, "fast").u, problem.solve(f, "direct").u
    np.testing.assert_allclose(fast, direct, rtol=0, atol=1e-10)
    np.testing.assert_allclose(grid.integrate(fast), 0, atol=1e-12)


REFUSED = {
    "two means": (
        lambda: BVP(Diff("x", 2), Grid(x=Periodic(0, 1, 9)), [MEAN, MEAN]), "another mean",
    ),
    "a mean of arrays": (
        lambda: BVP(
            Diff("x", 2), Grid(x=Periodic(0, 1, 9)), Condition("mean", 1, np.ones(9))
        ).solve(), "one number",
    ),
    "a closure of no accuracy": (
        lambda: BVP(Diff("x", 2), BOX, Dirichlet("boundary"), closure=0), "closure",
    ),
    "a mean slope": (lambda: BVP(Diff("x", 2), BOX, Neumann("mean")), "Condition"),
    "nothing near": (
        lambda: BVP(
            Diff("x", 2, acc=4), Grid(x=Uniform(0, 1, 9)),
            [Condition("x-", Diff("x", 1), 1), Dirichlet("x+")],
        ).solve(1, "krylov"), "near no sum",
    ),
    "replaced rows near nothing": (
        lambda: BVP(
            -Laplacian(), Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 9)), Dirichlet("boundary"),
            impose="rows",
        ).solve(1, "krylov"), "near no sum",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("grid", [Grid(x=Uniform(0, 1, 9), y=Cells(0, 1, 8)),
                                  Grid(x=Uniform(0, 1, 9), y=Periodic(0, 1, 8))])  # fmt: skip
def test_complex_factors_of_conditions_make_real_data_complex(grid):
    """An impedance on the walls: the operator and the right-hand side are real."""
    problem = BVP(Laplacian(), grid, [Robin(face, 1j, 1) for face in grid.faces])
    f = np.random.default_rng(4).standard_normal(grid.shape)
    A, b = problem.system.matrix.toarray(), problem.system.rhs(f)
    want = np.linalg.solve(A, b)
    for solver in ("fast", "direct"):
        found = problem.solve(f, solver)
        np.testing.assert_allclose(problem.system.restrict(found.u), want, rtol=1e-11)
        assert found.residual < 1e-14
    assert problem.system.dtype == complex


@pytest.mark.parametrize("stretch", [0.9, 0.99])
def test_singular_matrices_far_from_normal_are_recognized(stretch):
    x = np.linspace(0, 1, 12)
    grid = Grid(x=x + stretch * np.sin(2 * np.pi * x) / (2 * np.pi), y=Uniform(0, 1, 20))
    problem = BVP(Laplacian(acc=6), grid, Neumann("boundary"))
    assert fast_diagonalization(problem.system).vanishing.size == 1
    with pytest.raises(ValueError, match="no solution"):
        problem.solve(1)
    u = np.random.default_rng(1).standard_normal(grid.shape)
    free = problem.system.restrict(u)
    f = np.zeros(grid.shape)
    f.ravel()[problem.system.free] = problem.system.matrix @ free
    found = problem.solve(f, "fast").u
    assert abs(grid.integrate(found)) < 1e-10 * np.abs(found).max()


@pytest.mark.parametrize("solver", ["fast", "direct"])
def test_resonant_modes_on_circles_are_taken_off_in_real_numbers(solver):
    n = 16
    step = 2 * np.pi / n
    grid = Grid(x=Periodic(0, 2 * np.pi, n), y=Periodic(0, 2 * np.pi, 12))
    problem = BVP(Laplacian() + (2 - 2 * np.cos(step)) / step**2, grid)
    x, _ = grid.mesh()
    u = np.random.default_rng(3).standard_normal(grid.shape)
    found = problem.solve(problem.operator(u), solver)
    want = u.copy()
    for mode in (np.cos(x), np.sin(x)):
        want -= np.mean(want * mode) / np.mean(mode**2 + 0 * u) * mode
    assert found.u.dtype == np.float64
    np.testing.assert_allclose(found.u, want, atol=1e-12)


def test_what_a_solution_holds_is_its_own():
    grid = Grid(*(Periodic(0, 1, 6) for _ in range(3)))
    problem = BVP(Laplacian() - 1, grid)
    f = np.random.default_rng(5).standard_normal(grid.shape)
    kept = f.copy()
    found = problem.solve(f, "fast")
    np.testing.assert_array_equal(f, kept)
    assert found.constants.base is None
    assert not np.shares_memory(problem.system.restrict(f), f)


def test_a_given_mean_fixes_what_skew_operators_leave_open():
    """All eigenvalues but one are pairs on the imaginary axis."""
    found = BVP(Diff("x"), Grid(x=Periodic(0, 1, 5)), Condition("mean", 1, 1)).solve(2, "fast")
    np.testing.assert_allclose(found.u, 1, rtol=1e-14)
    np.testing.assert_allclose(found.constants, 2, rtol=1e-14)


def test_the_nearest_problem_of_a_skew_one_is_finite():
    problem = BVP(Diff("x"), Grid(x=Periodic(0, 1, 5)))
    assert np.isfinite(nearest_separable(problem.system).inverse(np.arange(5.0))).all()


def test_problems_pickle_after_they_were_solved():
    problem = BVP(Laplacian(), Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 8)), Dirichlet("boundary"))
    want = problem.solve(1).u
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(problem)).solve(1).u, want)


def ramp(t):
    return t


def test_what_is_prepared_serves_all_solutions(monkeypatch):
    from findops.problems import bvp

    made = []
    whole = bvp.make_solver
    monkeypatch.setattr(bvp, "make_solver", lambda *args: made.append(args[1]) or whole(*args))
    grid = Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 8))
    walls = [Dirichlet("y-"), Dirichlet("y+"), Dirichlet("x-", ramp), Dirichlet("x+", 2)]

    def fresh():
        return BVP(Laplacian(), grid, walls)

    problem = fresh()
    f = np.random.default_rng(1).random(grid.shape)
    asked = ((f, 0.5), (1, 0.5), (f, 3.0), (f, 0.5))
    every = [problem.solve(rhs, t=t).u for rhs, t in asked]
    assert made == ["auto"]
    for found, (rhs, t) in zip(every, asked, strict=True):
        np.testing.assert_array_equal(found, fresh().solve(rhs, t=t).u)
    assert problem.factor() is problem.factor("auto", tol=1e-12)

    def given(A, b):
        return spsolve(A.tocsc(), b)

    def other(A, b):
        return given(A, b)

    made.clear()
    for solver in ("direct", "direct", given, given, other, "direct"):
        np.testing.assert_allclose(problem.solve(f, solver, t=0.5).u, found, rtol=0, atol=1e-13)
    assert made == ["direct", given, other, "direct"]
    problem.solve(f, "direct", t=0.5, tol=1e-6)
    assert len(made) == 5
    with pytest.raises(TypeError, match="tol must be a number"):
        problem.solve(f, "direct", t=0.5, tol=[1e-6])
    again = pickle.loads(pickle.dumps(problem))
    np.testing.assert_array_equal(again.solve(f, t=0.5).u, found)


def test_nonlinear_problems_prepare_nothing():
    grid = Grid(x=Uniform(0, 1, 9))
    lap = Laplacian().on(grid)
    problem = BVP(lambda u: lap(u) + np.exp(u), grid, Dirichlet("boundary"))
    np.testing.assert_array_equal(problem.solve(1).u, problem.solve(1).u)
    assert problem._prepared is None
