"""Systems that eigenvectors along the axes leave small matrices of: against dense ones."""

import re

import numpy as np
import pytest

from findops import (
    BVP,
    IVP,
    Biharmonic,
    Block,
    Cells,
    Coef,
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
    Robin,
    Uniform,
    VectorLaplacian,
)
from findops.plan.band import Band
from findops.problems.linear import basis
from findops.problems.linear.basis import DenseBasis, FastTransform
from findops.problems.linear.preconditioners import nearest_separable
from findops.problems.linear.separable import fast_diagonalization

NONE = Coef(0)
WALLS = Dirichlet("boundary")
BOX = Grid(x=Uniform(0, 1, 10), y=Cells(0, 2, 9))
UNEVEN = Grid(x=np.linspace(0, 1, 9) ** 1.5, y=Points(np.linspace(0, 1, 8) ** 1.2))
STOKES = Block([[VectorLaplacian(), -Gradient()], [Divergence(), NONE]])
ELASTIC = VectorLaplacian() + 2 * Gradient() @ Divergence()


def circles(n, m):
    return Grid(x=Periodic(0, 1, n), y=Periodic(0, 2, m))


def pair(one, other, **options):
    """Two fields that react with each other."""
    return Block([[one, Coef(0.5)], [Coef(2), other]], **options)


def slip():
    """No flow through walls, and no friction on them."""
    for faces, normal in ((("x-", "x+"), 0), (("y-", "y+"), 1)):
        for face in faces:
            yield Dirichlet(face, component=normal)
            yield Neumann(face, component=1 - normal)


def both(scheme):
    """What couples two fields by derivatives along both axes."""
    x, y = Diff("x", scheme=scheme), Diff("y", scheme=scheme)
    return Block([[Laplacian(scheme=scheme) - 1, x], [y, Diff("x", 2, scheme=scheme) - 4]])


COUPLED = {
    "sines": (pair(Laplacian() - 1, 0.1 * Laplacian()), BOX, WALLS),
    "dense": (pair(Laplacian(acc=4) - 1, 0.1 * Laplacian(acc=4)), BOX, WALLS),
    "pairs": (
        pair(Diff("y", 2, acc=4) + 60 * Diff("x", acc=4), Laplacian() * 0 + 9 * Diff("x", acc=4)),
        Grid(x=Uniform(0, 1, 12), y=Uniform(0, 1, 8)), WALLS,
    ),
    "uneven": (pair(Laplacian(), 2 * Laplacian() - 4), UNEVEN, WALLS),
    "Robin": (pair(Diffusion(2.0), Diffusion(0.3) - 4), BOX, Robin("boundary", 1, 2, 3)),
    "a constant is lost": (pair(Laplacian() - 1, 3 * Laplacian() - 1), BOX, Neumann("boundary")),
    "one profile": (
        pair(*((lambda x: 1 + x) * Diff("x", 2) + c * Diff("y", 2) for c in (1, -3))), BOX, WALLS,
    ),
    "slip": (VectorLaplacian() - 1, BOX, tuple(slip())),
    "Stokes, odd": (STOKES, circles(9, 7), ()),
    "Stokes, even": (STOKES, circles(8, 6), ()),
    "elastic": (ELASTIC, circles(9, 8), ()),
    "waves": (Block([[NONE, Coef(1)], [Laplacian(), NONE]]), circles(9, 8), ()),
    "mixed": (Laplacian() + 0.3 * Diff("x") * Diff("y") + Diff("x") - 2, circles(9, 8), ()),
    "complex": (Laplacian() + 0.3j * Diff("x") * Diff("y") - 2, circles(9, 8), ()),
    "Fourier": (both(Fourier()), circles(9, 8), ()),
    "compact": (both(Compact()), circles(18, 16), ()),
}  # fmt: skip


def prepared(name):
    L, grid, conditions = COUPLED[name]
    system = BVP(L, grid, conditions).system
    return system, system.matrix.toarray(), fast_diagonalization(system)


@pytest.mark.parametrize("name", COUPLED)
def test_small_matrices_for_each_mode_solve_what_the_large_one_does(name):
    system, A, fast = prepared(name)
    x = np.random.default_rng(0).standard_normal(len(A))
    b = A @ x
    found = fast(b)
    np.testing.assert_allclose(A @ found, b, rtol=0, atol=1e-13 * np.linalg.norm(A, 2))
    assert found.dtype == system.dtype
    sizes = np.linalg.svd(A, compute_uv=False)
    assert fast.vanishing.size == np.count_nonzero(sizes < 1e-12 * sizes[0])
    if not fast.vanishing.size:
        np.testing.assert_allclose(found, x, rtol=0, atol=1e-11)
        np.testing.assert_allclose(fast.solve_regularized(b), x, rtol=0, atol=1e-11)
    problem = BVP(*COUPLED[name])
    u = problem.system.lift_homogeneous(x)
    f = np.zeros(problem.system.shape, b.dtype)
    f.ravel()[problem.system.free] = b
    solved = problem.solve(f + 0 * u)
    assert solved.method == "fast diagonalization"
    assert solved.residual < 1e-13


@pytest.mark.parametrize("name", COUPLED)
def test_eigenvalues_and_functions_are_those_of_the_large_matrix(name):
    _, A, fast = prepared(name)
    values = fast.eigenvalues()
    assert len(values) == len(A)
    for power, trace in ((1, np.trace(A)), (2, np.trace(A @ A))):
        np.testing.assert_allclose((values**power).sum(), trace, rtol=1e-11, atol=1e-9)
    step = 0.1 / np.linalg.norm(A, 2)
    b = np.random.default_rng(0).standard_normal(len(A))
    if name == "waves":
        # What does not vary grows like t, for which there are too few eigenvectors.
        with pytest.raises(ValueError, match="need a basis of eigenvectors"):
            fast.matrix_function(np.exp)
        return
    x = fast.matrix_function(lambda v: 1 / (1 - step * v))(b)
    np.testing.assert_allclose(x - step * (A @ x), b, rtol=0, atol=1e-13)


APART = {
    "other wind": pair(Laplacian() + Diff("x"), Laplacian()),
    "a rate that varies": Block([[Laplacian(), Coef(lambda x: 1 + x)], [Coef(1), Laplacian()]]),
    "mixed derivatives between walls": Laplacian() + 0.1 * Diff("x") * Diff("y"),
    "no equation": Block([[Laplacian(), Coef(1)], [NONE, NONE]]),
    "closures that differ": pair(Laplacian(acc=2), Laplacian(acc=4)),
}


@pytest.mark.parametrize("L", APART.values(), ids=APART)
def test_operators_without_common_eigenvectors_are_left_alone(L, monkeypatch):
    def refused(*_):
        raise AssertionError("eigenvectors of one are found, which the others do not have")

    monkeypatch.setattr(basis, "_eigenvectors", refused)
    assert fast_diagonalization(BVP(L, BOX, WALLS).system) is None


def test_bands_of_a_single_axis_are_factored():
    L, line = pair(Laplacian(acc=4), Laplacian(acc=4)), Grid(x=Uniform(0, 1, 20))
    assert BVP(L, line, WALLS).solve(1).method == "sparse factorization"
    assert BVP(L, line, WALLS, "odd").solve(1).method == "fast diagonalization"


def test_components_that_couple_need_the_same_conditions():
    given = [Dirichlet("boundary", component=0), Neumann("boundary", component=1)]
    together = BVP(pair(Laplacian(), Laplacian()), BOX, given)
    assert fast_diagonalization(together.system) is None
    apart = BVP(VectorLaplacian() - 1, BOX, given)
    assert len(fast_diagonalization(apart.system).groups) == 2


@pytest.mark.parametrize("n", [15, 16])
def test_stokes_flow_has_the_discrete_solution(n):
    """With an even number of points, pressures that alternate are lost, too."""
    grid = circles(n, n)
    x, y = grid.mesh()
    h, angles = np.array([1, 2]) / n, 2 * np.pi * np.array([2, 3]) / n
    phase = angles[0] * x / h[0] + angles[1] * y / h[1]
    (sx, sy), decay = np.sin(angles) / h, ((2 - 2 * np.cos(angles)) / h**2).sum()
    wave, slope = np.cos(phase), np.sin(phase)
    want = np.stack([sy * wave, -sx * wave, wave])
    f = np.stack([-decay * sy * wave + sx * slope, decay * sx * wave + sy * slope, 0 * wave])
    found = BVP(STOKES, grid).solve(f)
    np.testing.assert_allclose(found.u, want, rtol=0, atol=1e-11)
    assert len(fast_diagonalization(BVP(STOKES, grid).system).null_fields) == (6 if n == 16 else 3)


def test_means_of_components_balance_what_has_no_solution():
    grid = circles(9, 7)
    f = np.random.default_rng(0).standard_normal((3, *grid.shape))
    problem = BVP(STOKES, grid, Condition("mean", 1, 2))
    found = problem.solve(f)
    assert found.method == "fast diagonalization"
    np.testing.assert_allclose(found.u.mean(axis=(1, 2)), 2)
    np.testing.assert_allclose(found.constants, f.mean(axis=(1, 2)))
    assert found.residual < 1e-15


def test_a_mean_of_another_component_than_the_lost_one_is_not_enough():
    problem = BVP(
        Block([[Laplacian(), NONE], [NONE, Laplacian() - 1]]), circles(8, 8),
        Condition("mean", 1, 0, component=1),
    )  # fmt: skip
    with pytest.raises(ValueError, match="is no sum"):
        problem.solve(0, "fast")


@pytest.mark.parametrize("L", [Biharmonic(), Laplacian() ** 2], ids=["∇⁴", "(∇²)²"])
def test_a_plate_on_hinges_takes_sines(L):
    grid = Grid(x=Uniform(0, 1, 17), y=Uniform(0, 2, 33))
    x, y = grid.mesh()
    problem = BVP(L, grid, WALLS, "odd")
    fast = fast_diagonalization(problem.system)
    assert all(isinstance(axis, FastTransform) for axis in fast.groups[0].axes)
    u = np.sin(np.pi * x) * np.sin(2 * np.pi * y)
    bend = (2 - 2 * np.cos(np.pi / 16)) * 16**2 + (2 - 2 * np.cos(np.pi / 8)) * 16**2
    np.testing.assert_allclose(problem.solve(bend**2 * u).u, u, rtol=0, atol=1e-12)


def test_waves_take_implicit_steps():
    """What does not vary grows like t: there are too few eigenvectors, but steps all the same."""
    L, grid = COUPLED["waves"][0], circles(13, 12)
    A, dt = L.on(grid).matrix().toarray(), 0.3
    u = np.random.default_rng(0).standard_normal((2, *grid.shape))
    found = IVP(L, grid).solve(u, (0, dt), method="crank-nicolson", dt=dt).u[-1]
    one = np.eye(len(A))
    want = np.linalg.solve(one - dt / 2 * A, (one + dt / 2 * A) @ u.ravel())
    np.testing.assert_allclose(found.ravel(), want, rtol=0, atol=1e-11)


def test_waves_that_are_pushed_everywhere_have_no_steady_state():
    f = np.zeros((2, 9, 8))
    f[1] = 1
    problem = BVP(*COUPLED["waves"])
    with pytest.raises(ValueError, match=r"no solution.*is 1\.0e\+00 of it"):
        problem.solve(f)
    np.testing.assert_allclose(problem.solve(f[::-1]).u[1], 1, rtol=1e-13)


def test_systems_are_preconditioned_by_what_separates_of_them():
    grid = Grid(x=Uniform(0, 1, 9), y=Uniform(0, 1, 8), z=Uniform(0, 1, 7))
    found = BVP(ELASTIC - 1, grid, WALLS).solve(1, "krylov")
    assert 0 < found.iterations < 30
    uneven = pair(Diffusion(lambda x: 1 + x) - 3, Diffusion(lambda y: 2 - y) - (lambda x: x))
    assert 0 < BVP(uneven, grid, WALLS).solve(1, "krylov").iterations < 15


def test_a_preconditioner_of_a_singular_system_is_definite():
    problem = BVP(pair(Laplacian() - 0.5, Laplacian() - 2), circles(4, 5))
    inverse = nearest_separable(problem.system).inverse
    made = np.stack([inverse(column) for column in np.eye(problem.system.size)])
    assert np.linalg.eigvals(made).real.max() < -1e-3


# What has no solution ---------------------------------------------------------------------------

BOUNDED = {
    "nodes": Grid(x=Uniform(0, 1, 16), y=Uniform(0, 1, 17)),
    "cells": Grid(x=Cells(0, 1, 16), y=Cells(0, 1, 9)),
    "uneven": UNEVEN,
    "circle": Grid(x=Periodic(0, 1, 8), y=Uniform(0, 1, 9)),
}


def told(solve, b):
    with pytest.raises(ValueError, match="no solution") as refused:
        solve(b)
    return re.search(r"range is (\S+) of it", str(refused.value))[1]


@pytest.mark.parametrize("acc", [2, 4])
@pytest.mark.parametrize("grid", BOUNDED.values(), ids=BOUNDED)
def test_the_part_outside_the_range_is_told_alike_by_all(grid, acc):
    bounded = [face for face in grid.faces if not grid[face[:-1]].periodic]
    problem = BVP(Laplacian(acc=acc), grid, [Neumann(face) for face in bounded])
    system = problem.system
    plain = fast_diagonalization(system, transforms=False)
    f = 1 + 3 * np.random.default_rng(0).standard_normal(grid.shape)
    b = system.rhs(f)
    left = np.linalg.svd(system.matrix.toarray())[0][:, -1]
    constant = np.ones(system.size) / np.sqrt(system.size)
    share = abs(left @ b / (left @ constant)) / np.linalg.norm(b)
    assert {
        told(plain, b), told(lambda f: problem.solve(f, "fast"), f),
        told(lambda f: problem.solve(f, "direct"), f),
    } == {f"{share:.1e}"}  # fmt: skip
    assert told(lambda f: problem.solve(f, "fast"), 1) == "1.0e+00"
    assert told(lambda f: problem.solve(f, "direct"), 1) == "1.0e+00"


def test_the_part_outside_the_range_is_that_of_all_null_fields():
    """A resonance on nodes is not orthogonal to the constant without their weights."""
    n = 16
    grid = Grid(x=Uniform(0, 1, n + 1), y=Uniform(0, 1, n + 1))
    x, y = grid.mesh()
    rate = (2 - 2 * np.cos(np.pi / n)) * n**2
    problem = BVP(Laplacian() + rate, grid, Neumann("boundary"))
    f = np.cos(np.pi * x) + np.cos(np.pi * y)
    for solver in ("fast", "direct"):
        assert told(lambda f, solver=solver: problem.solve(f, solver), f) == "1.0e+00"


def test_components_lose_a_constant_in_their_own_proportion():
    """Reactions take (1, 2) to zero, and nothing to (1, 2)."""
    problem = BVP(*COUPLED["a constant is lost"])
    f = np.ones((2, *BOX.shape))
    f[1] = 2
    for solver in ("fast", "direct"):
        assert told(lambda f, solver=solver: problem.solve(f, solver), f) == "1.0e+00"
    f = np.random.default_rng(0).standard_normal(f.shape) - 1
    fast, direct = (
        told(lambda f, solver=solver: problem.solve(f, solver), f) for solver in ("fast", "direct")
    )
    assert fast == direct


# Transforms without matrices --------------------------------------------------------------------


@pytest.mark.parametrize("n", [4096, 4097])
def test_fourier_takes_its_transform_and_no_matrix(n, monkeypatch):
    def refused(_):
        raise AssertionError("the rows of all points are written out")

    monkeypatch.setattr(Band, "table", refused)
    x = 2 * np.pi * np.arange(n) / n
    problem = BVP(Diff("x", 2, scheme=Fourier()) - 1, Grid(x=Periodic(0, 2 * np.pi, n)))
    found = problem.solve(-10 * np.sin(3 * x))
    # The largest eigenvalue is n²/4, of which that of the wave is 1e-6.
    np.testing.assert_allclose(found.u, np.sin(3 * x), rtol=0, atol=1e-9)
    assert isinstance(fast_diagonalization(problem.system).axes[0], FastTransform)


def test_chebyshev_points_keep_their_matrix():
    from findops import Chebyshev, ChebyshevPoints

    grid = Grid(x=ChebyshevPoints(0, 1, 12), y=ChebyshevPoints(0, 1, 12))
    problem = BVP(pair(*(Laplacian(scheme=Chebyshev()) - c for c in (1, 3))), grid, WALLS)
    fast = fast_diagonalization(problem.system)
    assert isinstance(fast.groups[0].axes[0], DenseBasis)
    x = np.random.default_rng(0).standard_normal(problem.system.size)
    np.testing.assert_allclose(fast(problem.system.matrix @ x), x, rtol=0, atol=1e-9)
