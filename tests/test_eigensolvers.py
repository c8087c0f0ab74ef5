"""Eigenvalues by a given solver: exact spectra without factors, the choice, what is refused."""

import numpy as np
import pytest
from scipy.sparse.linalg import splu

from findops import (
    EVP,
    Block,
    Coef,
    Diff,
    Diffusion,
    Dirichlet,
    Grid,
    Identity,
    Laplacian,
    Neumann,
    Periodic,
    Uniform,
)
from findops.problems.eigen import davidson, shift_invert, solvers
from findops.problems.eigen.corrections import separable_inverse
from findops.problems.linear.preconditioners import nearest_separable

ZERO = Dirichlet("boundary")
NONE = Neumann("boundary")
SEPARABLE = "Davidson, separable preconditioner"


def cube(n, stop=1.0):
    return Grid(x=Uniform(0, stop, n), y=Uniform(0, stop, n), z=Uniform(0, stop, n))


def smooth(x, y, z):
    return 1 + np.sin(3 * x) * np.cos(2 * y) * np.cos(z) / 2


def by_factors(matrix, b, made={}):  # noqa: B006  # kept from call to call
    if made.get("matrix") is not matrix:
        made.update(matrix=matrix, factors=splu(matrix.tocsc()))
    return made["factors"].solve(b)


@pytest.fixture
def no_factors(monkeypatch):
    def refuse(*_):
        raise AssertionError("factored")

    monkeypatch.setattr(shift_invert, "inverse", refuse)


def inner(u, v, grid):
    weighted = (u.conj() * grid.weights()).reshape(len(u), -1)
    return weighted @ v.reshape(len(v), -1).T


@pytest.mark.usefixtures("no_factors")
@pytest.mark.parametrize("near", [0, 60, 200.0, 1e6])
@pytest.mark.parametrize(("conditions", "first"), [(ZERO, 1), (NONE, 0)], ids=["zero", "free"])
def test_a_cube_has_all_its_multiple_eigenvalues(conditions, first, near):
    n = 13
    grid = cube(n)
    found = EVP(-Laplacian(), grid, conditions).solve(10, near, solver="krylov")
    h = 1 / (n - 1)
    along = 4 * np.sin(np.arange(first, n - first) * np.pi * h / 2) ** 2 / h**2
    every = np.add.outer(np.add.outer(along, along), along).ravel()
    want = np.sort(np.abs(every - near))[:10]
    np.testing.assert_allclose(np.abs(found.values - near), want, rtol=1e-10, atol=1e-9)
    assert found.method == SEPARABLE
    assert found.residuals.max() < 1e-11
    np.testing.assert_allclose(inner(found.vectors, found.vectors, grid), np.eye(10), atol=1e-7)


WELL = Coef(lambda x, y, z: 20 * np.sin(3 * x * y) * np.cos(z))
TURNING = Coef(lambda y: 60 * y - 30) * Diff("x") - Coef(lambda x: 60 * x - 30) * Diff("y")
PROBLEMS = {
    "diffusion": (-Diffusion(smooth), ZERO, None, 0),
    "diffusion, interior": (-Diffusion(smooth), ZERO, None, 200),
    "natural diffusion": (-Diffusion(smooth, natural=True), (), None, 0),
    "a well": (Laplacian(acc=4) - WELL, ZERO, None, 300),
    "a mass": (-Laplacian(), ZERO, lambda x, y, z: 1 + x * y * z, 100),
    "a mass that differentiates": (-Laplacian(), ZERO, 1 - Diff("x", 2) / 400, 0),
    "turning": (-Laplacian() + TURNING, ZERO, None, 0),
    "turning, complex": (-Laplacian() + TURNING, ZERO, None, 60 + 20j),
    "damped": ((1 + 0.3j) * -Laplacian() + WELL, ZERO, None, 0),
    "turned about by a field": (
        -((Diff("x") - 1j * Coef(lambda y: 3 * y)) ** 2) - Diff("y", 2) - Diff("z", 2) + WELL,
        ZERO, None, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("solver", ["krylov", "amg", by_factors])
@pytest.mark.parametrize(("L", "conditions", "mass", "near"), PROBLEMS.values(), ids=PROBLEMS)
def test_iterations_find_what_factors_find(L, conditions, mass, near, solver):
    if solver == "amg":
        pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    problem = EVP(L, cube(9), conditions, mass)
    want = problem.solve(4, near, solver="direct")
    assert want.method.startswith("shift-invert")
    found = problem.solve(4, near, solver=solver)
    by = {"krylov": "separable preconditioner", "amg": "algebraic multigrid"}.get(solver, "given")
    assert found.method == f"Davidson, {by}"
    assert found.values.dtype == want.values.dtype
    np.testing.assert_allclose(found.values, want.values, rtol=1e-9, atol=1e-9)
    assert found.residuals.max() < 1e-11
    np.testing.assert_allclose(found.vectors[0], want.vectors[0], rtol=0, atol=1e-6)


def test_sums_along_axes_that_are_nearest_precondition_the_search(monkeypatch):
    """x² + y² + z² + 0.6 x y is nearly separable: half of the solves that its mean would take."""
    box = Uniform(-5, 5, 20)
    trap = Coef(lambda x, y, z: (x**2 + y**2 + z**2) / 2 + 0.3 * x * y)
    problem = EVP(-Laplacian() / 2 + trap, Grid(x=box, y=box, z=box), ZERO)
    monkeypatch.setattr(davidson, "STEPS_FOR_A_PAIR", 18)
    for near in (0, -300, -1e9):
        found = problem.solve(4, near, solver="krylov")
        assert found.method == SEPARABLE
        assert found.residuals.max() < 1e-11


def test_a_preconditioner_divides_by_no_zero():
    """Every eigenvalue of the nearest problem is the same."""
    box = Grid(x=Periodic(0, 1, 5), y=Periodic(0, 1, 6), z=Periodic(0, 1, 7))
    r = np.random.default_rng(0).standard_normal(5 * 6 * 7)
    near = nearest_separable(Coef(3).on(box).subject_to([]))
    _, divide = separable_inverse(near, 3.0, 2)
    np.testing.assert_allclose(divide(r), r, rtol=1e-13, atol=1e-14)


def test_a_pair_is_not_cut_in_two():
    """Of two at one distance, the one of larger imaginary part comes first."""
    problem = EVP(-Laplacian() + TURNING, cube(9), ZERO)
    every = problem.solve(300).values
    k = 1 + np.flatnonzero(every.imag > 0)[0]
    found = problem.solve(int(k), solver="krylov").values
    np.testing.assert_allclose(found, every[:k], rtol=1e-9)


@pytest.fixture
def costly(monkeypatch):
    """Take every factorization for a costly one."""
    monkeypatch.setattr(solvers, "SOLVES", 10**6)


@pytest.fixture
def without_pyamg(monkeypatch):
    monkeypatch.setattr(solvers, "find_spec", lambda _: None)


CENTER = np.zeros((9, 9, 9), dtype=bool)
CENTER[4, 4, 4] = True
DIFFUSION = EVP(-Diffusion(smooth), cube(9), ZERO)
PINNED = EVP(-Laplacian(), cube(9), [ZERO, Dirichlet(CENTER)])


def test_what_is_factored_soon_is_factored():
    plane = Grid(x=Uniform(0, 1, 90), y=Uniform(0, 1, 90))
    found = EVP(-Diffusion(lambda x, y: 1 + x * y), plane, ZERO).solve(1)
    assert found.method == "shift-invert Lanczos"


@pytest.mark.usefixtures("no_factors")
def test_what_fills_in_is_not():
    assert EVP(-Diffusion(smooth), cube(26), ZERO).solve(1).method == SEPARABLE


@pytest.mark.usefixtures("costly", "without_pyamg")
def test_what_fails_is_followed_by_the_next(monkeypatch):
    assert DIFFUSION.solve(2).method == SEPARABLE
    assert PINNED.solve(2).method == "shift-invert Lanczos"
    monkeypatch.setattr(davidson, "STEPS_FOR_A_PAIR", 2)
    assert DIFFUSION.solve(2).method == "shift-invert Lanczos, after 'krylov'"
    full(monkeypatch)
    tried = (
        r"'krylov': only 0 of 2 eigenvalues.*'direct'.*343 unknowns.*left: solver='amg'.*coarser"
    )
    with pytest.raises(RuntimeError, match=tried):
        DIFFUSION.solve(2)


@pytest.mark.usefixtures("costly")
def test_multigrid_serves_where_nothing_near_is_separable():
    pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    assert PINNED.solve(2).method == "Davidson, algebraic multigrid"


def full(monkeypatch):
    """Leave no room for factors."""

    def refuse(*_, **__):
        raise MemoryError

    monkeypatch.setattr("findops.common.factors.splu", refuse)


def test_no_room_for_factors(monkeypatch):
    full(monkeypatch)
    assert DIFFUSION.solve(2).method.endswith("after 'direct'")
    with pytest.raises(MemoryError, match=r"343 unknowns.*do not fit.*solver='krylov'"):
        DIFFUSION.solve(2, solver="direct")


def test_no_room_at_all(monkeypatch):
    monkeypatch.setattr(solvers, "available_bytes", lambda: 0)
    with pytest.raises(RuntimeError, match=r"'krylov': it needs about .* GB.*What is left"):
        DIFFUSION.solve(2)


def test_what_solves_poorly_for_corrections_is_told(monkeypatch):
    monkeypatch.setattr("findops.problems.eigen.corrections.RESTARTS", 1)
    monkeypatch.setattr("findops.problems.eigen.corrections.KRYLOV_SPACE", 2)
    with pytest.raises(RuntimeError, match=r"leaves .* of the residual after 1 times 2 iterations"):
        DIFFUSION.solve(2, 200, solver="krylov")


REFUSED = {
    "no such name": (lambda: DIFFUSION.solve(1, solver="lu"), ValueError, r"'krylov'.*'lu'"),
    "no sum": (lambda: DIFFUSION.solve(1, solver="fast"), ValueError, "'krylov', 'amg'"),
    "near no sum": (lambda: PINNED.solve(1, solver="krylov"), ValueError, "'amg' or 'direct'"),
    "most of them": (lambda: DIFFUSION.solve(90, solver="krylov"), ValueError, "up to 85"),
    "a pair": (
        lambda: DIFFUSION.solve(1, solver=lambda A, b: (A, b)), TypeError, "must return x alone",
    ),
    "nothing": (
        lambda: DIFFUSION.solve(1, solver=lambda _, b: b * np.nan), ValueError, "not finite",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_solvers_by_name():
    line = EVP(-Diff("x", 2), Grid(x=Uniform(0, np.pi, 300)), ZERO)
    square = EVP(-Laplacian(), Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 9)), ZERO)
    assert line.solve(2, solver="fast").method == "fast diagonalization"
    assert line.solve(2).method == "shift-invert Lanczos"
    assert square.solve(2).method == "fast diagonalization"
    assert square.solve(2, solver="direct").method == "dense matrices"


def test_the_first_of_several_equal_eigenvalues_is_found_alone():
    """The shift just beside them is not at them, though k of them lie nowhere else."""
    square = Grid(x=Uniform(0, 1, 24), y=Uniform(0, 1, 24))
    pair = Block([[Laplacian(), 0 * Identity()], [0 * Identity(), Laplacian()]])
    found = EVP(pair, square, Dirichlet("boundary")).solve(1, solver="krylov")
    wanted = -8 * 23**2 * np.sin(np.pi / 46) ** 2
    np.testing.assert_allclose(found.values, wanted, rtol=1e-11)
    assert found.method.startswith("Davidson")


def test_a_solver_that_returns_zero_is_told_so():
    with pytest.raises(RuntimeError, match="correction is zero"):
        DIFFUSION.solve(3, solver=lambda _, b: 0 * b)
