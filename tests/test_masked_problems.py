"""Problems in regions of a grid: operators with holes, and conditions on masks."""

from dataclasses import replace

import numpy as np
import pytest

from findops import (
    BVP,
    EVP,
    IVP,
    Cells,
    Condition,
    Diff,
    Diffusion,
    Dirichlet,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Uniform,
)
from tests.support import random_array


def rates(errors):
    """Return the orders of convergence of errors under halved spacings."""
    errors = np.array(errors)
    return np.log2(errors[:-1] / errors[1:])


def membrane(n):
    """Return a grid about the L of three unit squares, its points, and those of its boundary."""
    grid = Grid(x=Uniform(-1, 1, 2 * n + 1), y=Uniform(-1, 1, 2 * n + 1))
    i, j = np.indices(grid.shape) - n
    inside = (i <= 0) | (j >= 0)
    edge = (abs(i) == n) | (abs(j) == n) | ((i == 0) & (j <= 0)) | ((j == 0) & (i >= 0))
    return grid, inside, inside & edge


BASIN, INSIDE, EDGE = membrane(6)
L = Laplacian(acc=4).on(BASIN)
M = L.masked(INSIDE)

OPERATORS = [
    pytest.param(lambda acc: Diff("x", 2, acc), id="second derivative"),
    pytest.param(lambda acc: Diffusion(lambda x: 1 + 0 * x, acc=acc), id="diffusion"),
]


@pytest.mark.parametrize("acc", [2, 4, 6])
@pytest.mark.parametrize("op", OPERATORS)
def test_values_on_a_mask_keep_the_order(op, acc):
    errors = []
    for n in (41, 81, 161):
        grid = Grid(x=Uniform(0, 2, n))
        x = grid["x"].coordinates
        given = x >= 1 - 1e-12
        problem = BVP(-op(acc), grid, [Dirichlet("x-"), Dirichlet(given)])
        u = problem.solve(np.pi**2 * np.sin(np.pi * x)).u
        errors.append(abs(u - np.where(given, 0, np.sin(np.pi * x))).max())
    assert rates(errors).min() >= acc - 0.2


@pytest.mark.parametrize("acc", [2, 4, 6])
@pytest.mark.parametrize("op", OPERATORS)
def test_a_single_given_point_parts_two_smooth_fields(op, acc):
    # |sin| on a circle, given at its kinks.
    errors = []
    for n in {2: (64, 256), 4: (128, 512), 6: (32, 128)}[acc]:
        grid = Grid(x=Periodic(0, 2 * np.pi, n))
        x = grid["x"].coordinates
        given = np.zeros(n, dtype=bool)
        given[[0, n // 2]] = True
        u = BVP(-op(acc), grid, Dirichlet(given)).solve(abs(np.sin(x))).u
        errors.append(abs(u - abs(np.sin(x))).max())
    assert rates(errors)[0] / 2 >= acc - 0.2


@pytest.mark.parametrize("E", [
    Diff("x", 2, 4), Diff("x", 1, 6), Diffusion(lambda x: 2 + np.sin(x), acc=4),
    Diff("x", 1, 4) @ Diff("x", 1, 4), Diff("x", 3, 2) + (lambda x: x) * Diff("x", 2, 6),
])  # fmt: skip
@pytest.mark.parametrize("axis", [Uniform(0, 3, 30), Periodic(0, 3, 30), Cells(0, 3, 30)], ids=repr)
@pytest.mark.parametrize("at", [[14], [0, 14], [12, 13, 14, 15]])
def test_no_row_reads_past_given_points(E, axis, at):
    grid = Grid(x=axis)
    given = np.zeros(30, dtype=bool)
    given[at] = True
    system = E.on(grid).subject_to(Dirichlet(given))
    rows, columns = system.operator.matrix().nonzero()
    for row, column in zip(rows, columns, strict=True):
        if row in system.free:
            step = int(column) - int(row)
            if axis.periodic:
                step = (step + 15) % 30 - 15
            between = [(row + k * np.sign(step)) % 30 for k in range(1, abs(step))]
            assert not given[between].any(), (row, column)


def test_rows_that_read_no_further_leave_the_operator_as_it_is():
    op = Laplacian().on(BASIN)
    assert op.subject_to(Dirichlet(EDGE | ~INSIDE)).operator is op
    slopes = Condition(EDGE, Diff("x"), 0)
    assert L.subject_to(slopes, "rows").operator is L


def test_where_too_few_points_would_be_left_rows_stay():
    op = Diff("x", 4, 4).on(Grid(x=Uniform(0, 1, 12)))
    given = np.arange(12) % 2 == 0
    assert op.subject_to(Dirichlet(given)).operator is op


@pytest.mark.parametrize("way", ["operator with holes", "values on a mask"])
@pytest.mark.parametrize("acc", [2, 4])
def test_eigenvalues_of_the_l_shaped_membrane(way, acc):
    # Fox, Henrici and Moler (1967); Betcke and Trefethen (2005).
    exact = np.array([9.6397238440219, 15.1972519264, 2 * np.pi**2])
    errors = []
    for n in (20, 40):
        grid, inside, edge = membrane(n)
        if way == "operator with holes":
            problem = EVP(-Laplacian(acc=acc).on(grid).masked(inside), grid, Dirichlet(edge))
        else:
            problem = EVP(-Laplacian(acc=acc), grid, Dirichlet(edge | ~inside))
        errors.append(abs(problem.solve(3).values - exact))
    first, second, third = rates(errors)[0]
    assert second >= min(acc, 8 / 3) - 0.2
    assert third >= acc - 0.2
    if acc == 4:
        # At acc 2 errors of either sign cancel on these grids.
        assert first >= 4 / 3 - 0.2


@pytest.mark.parametrize("solver", ["auto", "direct", "krylov"])
@pytest.mark.parametrize("impose", ["elimination", "rows"])
def test_bvp_with_holes_is_the_dense_solution(solver, impose):
    f = random_array(BASIN.shape)
    found = BVP(M, BASIN, Dirichlet(EDGE, 2.0), impose=impose).solve(f, solver)
    A, b = replace(M, ends=EDGE[None]).matrix().toarray(), f.ravel()
    fixed, free = EDGE.ravel(), (INSIDE & ~EDGE).ravel()
    want = np.full(b.size, np.nan)
    want[fixed] = 2
    want[free] = np.linalg.solve(
        A[np.ix_(free, free)], b[free] - A[np.ix_(free, fixed)] @ want[fixed]
    )
    np.testing.assert_allclose(found.u.ravel(), want, rtol=1e-8, atol=1e-8)
    np.testing.assert_array_equal(np.isnan(found.u), ~INSIDE)
    assert found.residual < 1e-8


def test_fast_diagonalization_steps_aside():
    with pytest.raises(ValueError, match="one-dimensional"):
        BVP(M, BASIN, Dirichlet(EDGE)).solve(1, "fast")


def test_slopes_on_faces_of_a_region():
    # u = x² − y² with slopes on the face x-, where the region has points.
    x, y = BASIN.mesh()
    exact = x**2 - y**2
    face = BASIN.face("x-") & INSIDE
    inner = EDGE & ~face
    problem = BVP(M, BASIN, [Neumann("x-", 2.0), Dirichlet(inner, exact[inner])])
    u = problem.solve(0).u
    np.testing.assert_allclose(u[INSIDE], exact[INSIDE], atol=1e-10)


def test_the_mean_over_a_region():
    lone = Grid(x=Cells(0, 1, 10))
    valid = np.arange(10) < 6
    op = Diff("x").on(lone).masked(valid)
    problem = BVP(op + 1, lone, Condition("mean", 1, 3.0))
    u = problem.solve(0).u
    assert u[:6].mean() == pytest.approx(3)
    assert np.isnan(u[6:]).all()


def test_eigenfields_are_normalized_on_their_points():
    found = EVP(-M, BASIN, Dirichlet(EDGE)).solve(2)
    np.testing.assert_array_equal(np.isnan(found.vectors[0]), ~INSIDE)
    size = (np.where(INSIDE, found.vectors, 0) ** 2 * BASIN.weights()).sum(axis=(1, 2))
    np.testing.assert_allclose(size, 1)
    doubled = EVP(-M, BASIN, Dirichlet(EDGE), M=2).solve(2)
    np.testing.assert_allclose(2 * doubled.values, found.values)


@pytest.mark.parametrize(("method", "dt"), [
    ("RK45", None), ("BDF", None), ("euler", 1e-3), ("rk4", 1e-3), ("backward-euler", 0.01),
    ("crank-nicolson", 0.01),
])  # fmt: skip
def test_ivp_with_holes_keeps_its_steady_state(method, dt):
    steady = BVP(M, BASIN, Dirichlet(EDGE)).solve(-1).u
    found = IVP(M, BASIN, Dirichlet(EDGE), source=1.0).solve(steady, [0, 0.05], method, dt)
    np.testing.assert_array_equal(np.isnan(found.u[-1]), ~INSIDE)
    np.testing.assert_allclose(found.u[-1][INSIDE], steady[INSIDE], atol=1e-6)


@pytest.mark.parametrize(("method", "dt"), [("BDF", None), ("rk4", 1e-3), ("imex", 0.01)])
def test_ivp_with_holes_and_a_function(method, dt):
    steady = BVP(M, BASIN, Dirichlet(EDGE)).solve(-1).u
    problem = IVP(M, BASIN, Dirichlet(EDGE), explicit=lambda t, u: 1 + u - steady)  # noqa: ARG005
    found = problem.solve(steady, [0, 0.05], method, dt)
    np.testing.assert_allclose(found.u[-1][INSIDE], steady[INSIDE], atol=1e-6)


def test_ivp_with_holes_decays_as_its_first_eigenfield():
    pair = EVP(-M, BASIN, Dirichlet(EDGE)).solve(1)
    u0 = pair.vectors[0]
    found = IVP(M, BASIN, Dirichlet(EDGE)).solve(u0, [0, 0.1], rtol=1e-9, atol=1e-12)
    want = u0 * np.exp(-0.1 * pair.values[0])
    np.testing.assert_allclose(found.u[-1][INSIDE], want[INSIDE], atol=1e-7)


ROD, HALF = Grid(x=Uniform(0, 1, 21)), np.arange(21) < 11


@pytest.mark.parametrize(("act", "error", "words"), [
    (lambda: BVP(M, Grid(x=Uniform(0, 1, 13), y=Uniform(0, 1, 13))), ValueError, "lives on"),
    (lambda: BVP(M, BASIN, Dirichlet(~INSIDE)), ValueError, "not valid"),
    (lambda: BVP(M, BASIN, Dirichlet(EDGE), "odd"), TypeError, "bound.*closure"),
    (lambda: EVP(M, BASIN, Dirichlet(EDGE), closure="odd"), TypeError, "bound.*closure"),
    (lambda: IVP(M, BASIN, Dirichlet(EDGE), closure="odd"), TypeError, "bound.*closure"),
    (lambda: IVP(M, BASIN, Dirichlet(EDGE), k=1), TypeError, "bound.*k"),
    (lambda: M.subject_to(Dirichlet(EDGE), "sat"), ValueError, "'elimination' or 'rows'"),
    (lambda: BVP(L, BASIN), TypeError, "expression"),
    (lambda: L.masked(BASIN.face("x-")).subject_to(Dirichlet("x+")), ValueError,
     r"no point of x\+ is valid: .* hole, give a condition on a mask"),
    (lambda: BVP(Diff("x", 2).on(ROD).masked(HALF), ROD, Dirichlet("x-")).solve(1), ValueError,
     "are missing, or derivatives.*; points beside holes need conditions as faces do"),
    (lambda: L.masked(BASIN.face("x-")).subject_to([]), ValueError, "no value at 13 valid points"),
])  # fmt: skip
def test_errors(act, error, words):
    with pytest.raises(error, match=words):
        act()


# Algebra ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("made", "factors"), [
    (lambda a, b: a + b, (1, 1)), (lambda a, b: a - b, (1, -1)), (lambda a, b: -a + b, (-1, 1)),
    (lambda a, b: 2 * a + b * 3, (2, 3)), (lambda a, b: a / 4 - b, (0.25, -1)),
    (lambda a, b: a + 2j * b, (1, 2j)), (lambda a, b: np.float64(2) * a - b / 2, (2, -0.5)),
])  # fmt: skip
def test_sums_and_multiples_are_those_of_matrices(made, factors):
    a, b = M, Diff("x", 2, 2).on(BASIN).masked(INSIDE)
    want = factors[0] * a.matrix() + factors[1] * b.matrix()
    np.testing.assert_allclose(made(a, b).matrix().toarray(), want.toarray(), atol=1e-10)


@pytest.mark.parametrize("m", [M, M + 1j * M, Diff("x", to="half").on(BASIN).masked(INSIDE)])
def test_adjoint(m):
    rows, columns = m.shape
    x, y = random_array(columns) + 1j * random_array(columns), random_array(rows) + 0j
    A = m.matrix()
    made = m.aslinearoperator()
    for apply in (m.matvec, made.matvec, m.T.rmatvec if m.dtype.kind == "f" else m.matvec):
        np.testing.assert_allclose(apply(x), A @ x, atol=1e-9)
    for apply in (m.rmatvec, made.rmatvec):
        np.testing.assert_allclose(apply(y), A.conj().T @ y, atol=1e-9)
    np.testing.assert_allclose(m.T.matvec(y), A.T @ y, atol=1e-9)
    np.testing.assert_allclose(m.T.matrix().toarray(), A.T.toarray())
    assert m.T.T is m
    field = y.reshape(m.range.shape)
    np.testing.assert_allclose(m.T(np.stack([field, field]))[1].ravel(), A.T @ y, atol=1e-9)
    want = np.where(m.defined, m(x.reshape(BASIN.shape)), 0)
    np.testing.assert_allclose(m.matvec(x), want.ravel(), atol=1e-9)
