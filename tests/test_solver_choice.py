"""Which solver is chosen, what comes after one that fails, and what is told of it."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from findops import (
    BVP,
    Block,
    Cells,
    Compact,
    Condition,
    Diff,
    Diffusion,
    Dirichlet,
    Divergence,
    Fourier,
    Gradient,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Points,
    Uniform,
    VectorLaplacian,
)
from findops.common.factors import Factors
from findops.conditions import affine_system
from findops.conditions.equilibration import equilibration
from findops.conditions.field_values import FieldValues
from findops.operators.operator import Operator
from findops.problems.linear import choice, solvers
from findops.problems.linear.costs import Cost, Costs
from findops.problems.linear.direct import sparse_lu
from findops.problems.linear.krylov import NoConvergenceError
from findops.problems.linear.nested_dissection import Dissection
from findops.problems.linear.roughness import roughness

WALLS = Dirichlet("boundary")


def cube(n, ndim=3):
    return Grid(**{name: Uniform(0, 1, n) for name in "xyz"[:ndim]})


def stirred(n, diffusion):
    """A flow with closed streamlines, of which the nearest separable problem has nothing."""

    def across(x, y, z):
        return np.sin(np.pi * x) * np.cos(np.pi * y) + 0 * z

    def down(x, y, z):
        return -np.cos(np.pi * x) * np.sin(np.pi * y) + 0 * z

    L = -diffusion * Laplacian() + across * Diff("x") + down * Diff("y")
    return BVP(L, cube(n), WALLS)


def ball(n, jump):
    def conductivity(x, y, z):
        inside = (x - 0.5) ** 2 + (y - 0.5) ** 2 + (z - 0.5) ** 2 < 0.09
        return np.where(inside, jump, 1.0)

    return BVP(Diffusion(conductivity), cube(n), WALLS)


def scattered(n):
    def conductivity(*at):
        shape = np.broadcast_shapes(*(part.shape for part in at))
        return 10 ** np.random.default_rng(0).uniform(-2, 2, shape)

    return BVP(Diffusion(conductivity), cube(n), WALLS)


def smooth(n, ndim=2, conditions=WALLS):
    names = "xyz"[:ndim]
    made = BVP(Diffusion(lambda *at: 1 + 0.9 * np.sin(6 * at[0]) * np.cos(5 * at[-1])),
               cube(n, ndim), conditions)  # fmt: skip
    assert made.operator.domain.names == tuple(names)
    return made


def agree(found, wanted, digits):
    np.testing.assert_allclose(found.u, wanted.u, rtol=0, atol=digits * np.abs(wanted.u).max())


# What is chosen ---------------------------------------------------------------------------------


@pytest.fixture
def _taken_as_smooth(monkeypatch):
    """Let iterations promise as much as where coefficients are smooth."""
    monkeypatch.setattr(Costs, "roughness", (1.0, 1.0))


@pytest.mark.usefixtures("_taken_as_smooth")
def test_multigrid_comes_after_iterations_that_would_take_longer():
    pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    problem = scattered(24)
    found = problem.solve(1.0)
    assert found.method == "Krylov, algebraic multigrid, after 'krylov'"
    assert found.residual < 1e-13
    agree(found, problem.solve(1.0, "direct"), 1e-10)


def test_a_factorization_comes_last_without_multigrid(monkeypatch):
    monkeypatch.setattr(solvers, "find_spec", lambda _: None)
    found = stirred(16, 1e-3).solve(1.0)
    assert found.method.startswith("sparse factorization")
    assert found.residual < 1e-15


@pytest.mark.usefixtures("_taken_as_smooth")
def test_what_failed_is_not_tried_again():
    pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    solve = scattered(24).factor()
    first = solve.solution(1.0)
    failed = len(solve.choice._failed)
    np.testing.assert_array_equal(solve.solution(1.0).u, first.u)
    assert len(solve.choice._failed) == failed == 1


@pytest.mark.parametrize(
    ("make", "method"),
    [
        (lambda: smooth(120), "Krylov, separable preconditioner"),
        (lambda: smooth(20), "sparse factorization"),
        (lambda: smooth(1500, 1), "sparse factorization"),
        (lambda: BVP(Laplacian(), cube(33, 2), WALLS), "fast diagonalization"),
    ],
    ids=["plane", "small plane", "line", "separable"],
)
def test_the_cheapest_is_chosen(make, method):
    found = make().solve(1.0)
    assert found.method == method
    assert found.residual < 1e-14


class Fails:
    """A solver that comes to no end, and what it had made for that."""

    def __init__(self):
        self.alive = []

    def method(self, seconds):
        return choice.Method(lambda _: Cost(0, seconds, 1, 0), self.prepare)

    def prepare(self, *_):
        large = np.zeros(1000)
        self.alive.append(weakref.ref(large))

        def solve(*_):
            raise NoConvergenceError(f"{large.size} steps")

        return choice.Prepared(solve, "none")


def test_iterations_that_gave_way_are_resumed_where_nothing_else_solves():
    problem, fails = scattered(16), Fails()
    krylov = replace(solvers.METHODS["krylov"], cost=lambda _: Cost(0, 1, 1, 0))
    chosen = choice.Choice(
        problem.system, {"krylov": krylov, "other": fails.method(20)}, 1e-12, False
    )
    b = problem.system.rhs(1.0)
    x, _ = chosen.solve(b.copy())
    assert len(fails.alive) == 1
    assert chosen.method == "Krylov, separable preconditioner, after 'other'"
    size = problem.system.scale * np.abs(x).max()
    np.testing.assert_allclose(problem.system.matrix @ x, b, rtol=0, atol=1e-13 * size)


def test_what_failed_leaves_no_memory_behind():
    fails = Fails()
    methods = {"other": fails.method(1e-9), "direct": solvers.METHODS["direct"]}
    problem = smooth(20)
    chosen = choice.Choice(problem.system, methods, 1e-12, False)
    assert fails.alive[0]() is not None
    chosen.solve(problem.system.rhs(1.0))
    assert chosen.method == "sparse factorization, after 'other'"
    assert fails.alive[0]() is None


def test_after_what_nothing_solves_all_methods_are_tried_anew(monkeypatch):
    problem = BVP(Diffusion(lambda x, y: 1.5 + np.sin(9 * x * y)), cube(40, 2), Neumann("boundary"))
    monkeypatch.setattr(choice, "available_bytes", lambda: 1.3e6)
    solve = problem.factor()
    with pytest.raises(ValueError, match="no solution"):
        solve(1.0)
    f, system = np.zeros((40, 40)), problem.system
    f.flat[system.free] = system.matvec(np.cos(np.arange(float(system.size))))
    found = solve.solution(f)
    assert found.method == "Krylov, separable preconditioner"
    assert found.residual < 1e-12


def test_nothing_else_is_estimated_where_fast_diagonalization_serves(monkeypatch):
    def refused(_):
        raise AssertionError("what iterations take is estimated")

    monkeypatch.setattr(solvers, "candidates", refused)
    assert BVP(Laplacian(), cube(33, 2), WALLS).solve(1.0).method == "fast diagonalization"


def test_iterations_are_not_tried_where_coefficients_jump_everywhere():
    pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")

    def rough(x, y, z):
        shape = np.broadcast_shapes(x.shape, y.shape, z.shape)
        return 10.0 ** np.random.default_rng(0).uniform(-2, 2, shape)

    found = BVP(Diffusion(rough), cube(24), WALLS).solve(1.0)
    assert found.method == "Krylov, algebraic multigrid"
    assert found.residual < 1e-13


@pytest.mark.parametrize("axis", [Uniform(0, 1, 40), Periodic(0, 1, 40)], ids=["line", "circle"])
def test_rough_coefficients_are_those_that_differ_at_both_sides(axis):
    grid = Grid(x=axis, y=Uniform(0, 1, 9))
    everywhere = np.arange(400) % 2 * 2 + 1.0  # 1, 3, 1, 3, … from half point to half point

    def rows(k):
        op = Diffusion(k).on(grid, {"y-": "zero", "y+": "zero"} | (
            {} if axis.periodic else {"x-": "zero", "x+": "zero"}
        ))  # fmt: skip
        return op.matrix()

    places = np.arange(360)
    alternating = rows(lambda x, y: everywhere[: len(x)][:, None] + 0 * y)
    once = rows(lambda x, y: np.where(x < 0.5, 1e4, 1.0) + 0 * y)
    values = FieldValues((grid,))
    assert roughness(alternating, places, values) == pytest.approx((3, 3), rel=1e-12)
    assert roughness(once, places, values) == pytest.approx((1, 1e4), rel=1e-12)


def test_what_is_separable_is_solved_without_rows_that_are_dense(monkeypatch):
    """They would take most of the time with PyAMG, whose smoother asks for diagonals."""

    def written(self):
        raise AssertionError(f"all rows of {self!r} are written out")

    monkeypatch.setattr(Operator, "diagonal", written)
    circles = Grid(x=Periodic(0, 1, 64), y=Periodic(0, 1, 64))
    x, _ = circles.mesh()
    problem = BVP(Laplacian(scheme=Fourier()) - 1, circles)
    found = problem.solve(np.sin(2 * np.pi * x))
    assert found.method == "fast diagonalization"
    wanted = -np.sin(2 * np.pi * x) / (4 * np.pi**2 + 1)
    # Eigenvalues carry the roundoff of the largest, (64 π)², which is a thousand times the least.
    np.testing.assert_allclose(found.u, wanted, rtol=0, atol=2e-14)


def test_what_is_left_without_memory_for_factors_is_iterating(monkeypatch):
    monkeypatch.setattr(choice, "available_bytes", lambda: 1e5)
    with pytest.raises(
        MemoryError, match="What is left: solver='krylov'; solver='amg', with PyAMG"
    ):
        smooth(20).solve(1.0, "direct")


def test_memory_decides_too(monkeypatch):
    problem = smooth(20)
    monkeypatch.setattr(choice, "available_bytes", lambda: 1e5)
    assert problem.solve(1.0).method == "Krylov, separable preconditioner"
    monkeypatch.setattr(choice, "available_bytes", lambda: 1e3)
    with pytest.raises(MemoryError, match=r"needs about .* GB of memory.*What is left: a coarser"):
        BVP(Laplacian(), cube(20), WALLS).factor()


def test_the_error_tells_what_was_tried_and_what_is_left(monkeypatch):
    monkeypatch.setattr(solvers, "find_spec", lambda _: None)
    monkeypatch.setattr(choice, "available_bytes", lambda: 1e7)
    with pytest.raises(RuntimeError) as told:
        stirred(24, 1e-3).solve(1.0)
    for part in (
        "solver='krylov': ",
        "iterations left",
        "solver='direct': it needs about 0.",
        "What is left: solver='amg', with PyAMG: pip install \"findops[solvers]\"",
    ):
        assert part in str(told.value)


# What iterations see ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e200])
@pytest.mark.parametrize("solver", ["krylov", "ilu"])
def test_numbers_whose_squares_are_none(size, solver):
    problem = smooth(20)
    wanted = problem.solve(1.0, "direct").u
    found = problem.solve(size, solver).u / size
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10 * np.abs(wanted).max())


def test_multigrid_of_real_matrices_takes_complex_data():
    pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    problem = smooth(20)
    agree(problem.solve(1 - 2j, "amg"), problem.solve(1 - 2j, "direct"), 1e-11)


def test_the_best_solution_is_kept_where_roundoff_takes_the_next_ones_away():
    def wavenumber(x, y):
        return 100 * (1 + 0.2 * np.sin(3 * x * y))

    problem = BVP(Laplacian() + wavenumber, cube(384, 2), WALLS)
    found = problem.solve(1.0, "krylov")
    assert found.residual < 1e-14
    assert found.iterations < 50


def test_residuals_may_rise_for_long_before_they_fall():
    def conductivity(x, y):
        return np.where((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.09, 1e4, 1.0)

    found = BVP(Diffusion(conductivity), cube(256, 2), WALLS).solve(1.0, "krylov")
    assert found.residual < 1e-14
    assert found.iterations > 100


def test_rising_residuals_are_no_reason_to_give_way_before_they_cost_something(monkeypatch):
    monkeypatch.setattr(solvers, "find_spec", lambda _: None)
    found = ball(40, 1e4).solve(1.0)
    assert found.method == "Krylov, separable preconditioner"


# What roundoff leaves ---------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [1e4, 1e6])
@pytest.mark.parametrize("solver", ["krylov", "amg"])
def test_solutions_as_good_as_roundoff_lets_them_be_are_taken(solver, jump):
    if solver == "amg":
        pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    problem = ball(24, jump)
    found = problem.solve(1.0, solver, tol=1e-15)
    assert found.residual < 2e-14
    agree(found, problem.solve(1.0, "direct"), 1e-9)


def test_solutions_of_singular_problems_do_not_grow_until_residuals_are_small_beside_them():
    problem = BVP(Diffusion(lambda x, y: 1 + x * y), cube(30, 2), Neumann("boundary"))
    with pytest.raises(ValueError, match="no solution"):
        problem.solve(1.0, "krylov")


# Problems that preconditioners are made for -----------------------------------------------------


def test_means_stand_beside_the_nearest_separable_problem():
    mean = [Neumann("boundary"), Condition("mean", 1, 2.0)]
    problem = smooth(40, 2, mean)
    f = np.random.default_rng(0).random(problem.operator.domain.shape)
    found, direct = problem.solve(f, "krylov"), problem.solve(f, "direct")
    agree(found, direct, 1e-10)
    np.testing.assert_allclose(found.constants, direct.constants, rtol=1e-10)


def test_implicit_schemes_are_preconditioned_without_their_diagonal():
    grid = cube(21, 2)
    L = (lambda x, y: 1 + 0.5 * np.sin(3 * x * y)) * Diff("x", 2, scheme=Compact())
    problem = BVP(L + Diff("y", 2, scheme=Compact()), grid, WALLS)
    matrix = problem.system.matrix.toarray()
    want = np.linalg.solve(matrix, problem.system.rhs(1.0))
    for solver in ("krylov", "direct"):
        found = problem.system.restrict(problem.solve(1.0, solver).u)
        np.testing.assert_allclose(found, want, rtol=0, atol=1e-11 * np.abs(want).max())


@pytest.mark.parametrize("solver", ["krylov", "amg", "ilu"])
def test_complex_matrices_are_preconditioned(solver):
    if solver == "amg":
        pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    L = (1 + 0.3j) * Diffusion(lambda x, y: 1 + 0.5 * np.sin(3 * x * y)) - 5j
    problem = BVP(L, cube(30, 2), WALLS)
    found = problem.solve(1.0, solver)
    assert 0 < found.iterations < 100
    agree(found, problem.solve(1.0, "direct"), 1e-10)


def test_multigrid_is_not_tried_where_its_smoother_smooths_nothing():
    """Pressure stabilized against checkerboards: PyAMG divides by zero there, and prints that."""
    pressure = Block([
        [-Laplacian(), 0, Diff("x")], [0, -Laplacian(), Diff("y")],
        [Diff("x"), Diff("y"), -1e-3 * Laplacian()],
    ])  # fmt: skip
    walls = [Dirichlet("boundary", component=i) for i in (0, 1)]
    problem = BVP(pressure, cube(20, 2), [*walls, Neumann("boundary", component=2)])
    assert "amg" not in solvers.candidates(problem.system)
    pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    with pytest.raises((RuntimeError, ValueError), match="no solution"):
        problem.solve(1.0, "amg")


def test_small_regular_systems_take_no_singular_values(monkeypatch):
    def refused(*_, **__):
        raise AssertionError("singular values are found")

    monkeypatch.setattr(affine_system, "null_space", refused)
    system = BVP(VectorLaplacian() + 2 * Gradient() @ Divergence(), cube(7), WALLS).system
    assert system.null_vectors.shape == (375, 0)
    singular = BVP(VectorLaplacian(), cube(5), Neumann("boundary", component=0)).system
    with pytest.raises(AssertionError, match="singular values"):
        _ = singular.null_vectors


# Factorizations ---------------------------------------------------------------------------------

DISSECTED = {
    "plane": (Laplacian(), cube(40, 2), WALLS),
    "wide stencils": (Laplacian(acc=6), cube(30, 2), WALLS),
    "torus": (Laplacian() - 1, Grid(x=Periodic(0, 1, 32), y=Periodic(0, 1, 40)), ()),
    "box": (Laplacian(), Grid(x=Uniform(0, 1, 9), y=Cells(0, 1, 14), z=Uniform(0, 1, 17)), WALLS),
    "tube": (Laplacian() - 1, Grid(x=Periodic(0, 1, 12), y=Uniform(0, 1, 9), z=Cells(0, 1, 9)),
             [Dirichlet(face) for face in ("y-", "y+", "z-", "z+")]),
    "elastic": (VectorLaplacian() + 2 * Gradient() @ Divergence(), cube(10), WALLS),
    "uneven": (Laplacian(), Grid(x=Points(np.linspace(0, 1, 31) ** 1.2), y=Uniform(0, 1, 35)),
               WALLS),
    "line": (Diff("x", 2), cube(300, 1), WALLS),
}  # fmt: skip


@pytest.mark.parametrize("name", DISSECTED)
def test_nested_dissection_foresees_the_factors(name):
    system = BVP(*DISSECTED[name]).system
    points = system.free % np.prod(system.operator.domain.shape)
    grid = Dissection.of(system)
    order = grid.order(points)
    np.testing.assert_array_equal(np.sort(order), np.arange(system.size))
    factors = sparse_lu(system.matrix, order)
    assert 0.5 < grid.work.entries / factors.lu.nnz < 2.1
    b = np.random.default_rng(0).standard_normal(system.size)
    left = b - system.matrix @ factors.solve(b)
    assert np.abs(left).max() < 1e-9


def test_nested_dissection_saves_fill_of_elastic_bodies():
    system = BVP(*DISSECTED["elastic"]).system
    order = Dissection.of(system).order(system.free % 1000)
    assert sparse_lu(system.matrix, order).lu.nnz < 0.8 * sparse_lu(system.matrix).lu.nnz


def test_factors_solve_with_complex_data_and_several():
    rng = np.random.default_rng(0)
    A = rng.random((7, 7)) + 7 * np.eye(7)
    b = rng.random((7, 2)) + 1j * rng.random((7, 2))
    for matrix in (A, A + 1j * np.diag(np.arange(7))):
        for order in (None, rng.permutation(7)):
            made = Factors.of(sparse.csc_array(matrix), order)
            np.testing.assert_allclose(made.solve(b), np.linalg.solve(matrix, b), rtol=1e-12)
            np.testing.assert_allclose(
                made.solve(b[:, 0].real), np.linalg.solve(matrix, b[:, 0].real), rtol=1e-12
            )


def test_equilibration_keeps_symmetry():
    """Coefficients of 10⁻² to 10² at random: pivots off the diagonal would fill the factors."""

    def conductivity(*at):
        shape = np.broadcast_shapes(*(x.shape for x in at))
        return 10 ** np.random.default_rng(8).uniform(-2, 2, shape)

    A = BVP(Diffusion(conductivity), cube(40, 2), WALLS).system.matrix
    left, right = equilibration(A)
    np.testing.assert_array_equal(left, right)
    sizes = left * (abs(A) @ right)
    assert 0.25 < sizes.min() <= sizes.max() < 4


@pytest.mark.parametrize("grade", [0, 10, 30])
def test_equilibration_of_graded_rows_and_columns(grade):
    rng = np.random.default_rng(1)
    A = smooth(20).system.matrix
    rows, columns = (sparse.diags_array(10 ** rng.uniform(-grade / 2, grade / 2, A.shape[0]))
                     for _ in range(2))  # fmt: skip
    A = sparse.csr_array(rows @ A @ columns)
    left, right = equilibration(A)
    for sizes in (left * (abs(A) @ right), right * (abs(A).T @ left)):
        assert 0.1 < sizes.min() <= sizes.max() < 10
