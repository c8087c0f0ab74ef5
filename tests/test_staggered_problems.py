"""Problems of components at points of their own: Stokes on MAC grids, Yee's cavity, sound."""

import pickle

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.sparse.linalg import spsolve

from findops import (
    BVP,
    EVP,
    IVP,
    Block,
    Cells,
    Coef,
    Condition,
    Curl,
    Diff,
    Dirichlet,
    Divergence,
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
from findops.conditions.beyond_walls import BetweenPoints, extended

PI = np.pi
MAC = ["x", "y", None]
WALLS = [Dirichlet("boundary", component=0), Dirichlet("boundary", component=1)]
LEVEL = Condition("mean", 1, 0, component=2)
YEE = ["x", "y", "z", ("y", "z"), ("x", "z"), ("x", "y")]
SOUND = [None, "x", "y"]
RIGID = [Dirichlet(f"{axis}{end}", component=c) for c, axis in ((1, "x"), (2, "y")) for end in "-+"]


def stokes(acc=2):
    return Block(
        [
            [-VectorLaplacian(acc=acc), Gradient(to="half", acc=acc)],
            [Divergence(to="node", acc=acc), 0],
        ]
    )


def sound(acc=2):
    return Block([[0, -Divergence(to="node", acc=acc)], [-Gradient(to="half", acc=acc), 0]])


def maxwell(acc=2):
    return Block([[0, Curl(to="node", acc=acc)], [-Curl(to="half", acc=acc), 0]])


def conductor():
    """Tangential electric fields vanish on the walls."""
    return [
        Dirichlet(f"{axis}{end}", component=c)
        for c, own in enumerate("xyz")
        for axis in "xyz"
        for end in "-+"
        if axis != own
    ]


def cells(n, m=None):
    return Grid(x=Cells(0, 1, n), y=Cells(0, 1, m or n))


# Values beyond walls ----------------------------------------------------------------------------

LINES = {
    "cells": lambda: Grid(x=Cells(0, 1, 9)),
    "cells, downwards": lambda: Grid(x=Cells(2, -1, 9)),
    "half points": lambda: Grid(x=Uniform(0, 1, 10)).half("x"),
    "half points of uneven nodes": lambda: Grid(
        x=Points([0, 0.1, 0.25, 0.3, 0.5, 0.7, 0.8, 1])
    ).half("x"),
}
KINDS = {
    "value": lambda face, g, _: Dirichlet(face, g(0)),
    "slope": lambda face, g, sign: Neumann(face, sign * g(1)),
    "both": lambda face, g, sign: Robin(face, 2, 3, 2 * g(0) + 3 * sign * g(1)),
}


@pytest.mark.parametrize("acc", [2, 4, 6])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("line", LINES)
def test_values_beyond_walls_are_those_of_polynomials(line, kind, acc):
    grid = LINES[line]()
    axis = grid.axes[0]
    p = np.polynomial.Polynomial(np.random.default_rng(0).uniform(-1, 1, acc + 1))
    walls = []
    for face in grid.faces:
        (at,) = grid.half("x").axes[0].coordinates[[0 if face.endswith("-") else -1]]
        sign = 1 if face.endswith("+") == axis.ascending else -1
        condition = KINDS[kind](face, lambda k, at=at: p.deriv(k)(at) if k else p(at), sign)
        (place,) = condition.places(grid)
        walls.append(BetweenPoints(condition, grid, place, acc, mirrored=False))
    own, given = extended(grid, {"x-": 2, "x+": 1}, walls)
    made = own @ p(axis.coordinates)
    for wall, weights in zip(walls, given, strict=True):
        made = made + weights @ np.ravel(wall.given(None))
    unit = 1 if axis.spacing is None else float(axis.spacing)
    start = axis.coordinates[0] - unit * axis.position(np.array([0]))[0]
    where = start + unit * axis.position(np.arange(-2, len(axis) + 1))
    if kind == "slope" and acc == 2:
        # The mirror image is exact for what is even about the wall, and for straight lines.
        return
    np.testing.assert_allclose(made, p(where), rtol=0, atol=1e-11)


def test_values_beyond_corners_are_those_of_polynomials():
    grid = Grid(x=Cells(0, 1, 8), y=Cells(1, 3, 7))
    x, y = grid.mesh()

    def f(x, y):
        return (1 + x - 2 * x**3) * (2 - y + y**4 / 9)

    conditions = [Dirichlet("x-", lambda y: f(0, y)), Dirichlet("y+", lambda x: f(x, 3))]
    walls = [
        BetweenPoints(c, grid, place, 4, mirrored=False)
        for c in conditions
        for place in c.places(grid)
    ]
    own, given = extended(grid, {"x-": 2, "y+": 1}, walls)
    made = own @ f(x, y).ravel()
    for wall, weights in zip(walls, given, strict=True):
        made = made + weights @ np.broadcast_to(wall.given(None), wall.points.shape).ravel()
    wide_x, wide_y = (np.arange(-2, 8) + 0.5) / 8, 1 + (np.arange(8) + 0.5) * 2 / 7
    expected = f(wide_x[:, None], wide_y[None])
    np.testing.assert_allclose(made.reshape(10, 8), expected, rtol=0, atol=1e-10)


# Stokes -----------------------------------------------------------------------------------------


def flow(x, y):
    a, b = 1.3, 1.7
    return (
        -b * np.sin(a * x + 0.2) * np.sin(b * y + 0.1),
        -a * np.cos(a * x + 0.2) * np.cos(b * y + 0.1),
        np.cos(2 * x) * np.sin(y + 0.4),
    )


def force(u, v):
    (x, y), k = u.mesh(), 1.3**2 + 1.7**2
    fu = k * flow(x, y)[0] - 2 * np.sin(2 * x) * np.sin(y + 0.4)
    x, y = v.mesh()
    return fu, k * flow(x, y)[1] + np.cos(2 * x) * np.cos(y + 0.4), 0


@pytest.mark.parametrize("acc", [2, 4, 6])
def test_stokes_between_walls_has_the_order(acc):
    errors = []
    for n in (16, 32):
        grid = cells(n)
        walls = [
            Dirichlet("boundary", lambda x, y, c=c: flow(x, y)[c], component=c) for c in (0, 1)
        ]
        problem = BVP(stokes(acc), grid, [*walls, LEVEL], at=MAC)
        found = problem.solve(force(*problem.operator.domain[:2]))
        exact = [flow(*side.mesh())[c] for c, side in enumerate(problem.operator.domain)]
        exact[2] = exact[2] - exact[2].mean()
        errors.append([np.abs(a - b).max() for a, b in zip(found.u, exact, strict=True)])
        assert found.residual < 1e-11
    assert (np.log2(np.divide(*errors)) >= acc - 0.2).all()


def test_stokes_on_a_torus_has_the_order():
    k, errors = 2 * PI, []
    for n in (16, 32):
        grid = Grid(x=Periodic(0, 1, n), y=Periodic(0, 1, n))
        problem = BVP(stokes(4), grid, at=MAC)
        (xu, yu), (xv, yv), (xp, yp) = (side.mesh() for side in problem.operator.domain)
        u, v = np.cos(k * xu) * np.sin(k * yu), -np.sin(k * xv) * np.cos(k * yv)
        p = np.cos(k * xp) * np.cos(k * yp)
        fu = 2 * k**2 * u - k * np.sin(k * xu) * np.cos(k * yu)
        fv = 2 * k**2 * v - k * np.cos(k * xv) * np.sin(k * yv)
        found = problem.solve((fu, fv, 0))
        errors.append([np.abs(a - b).max() for a, b in zip(found.u, (u, v, p), strict=True)])
        assert np.abs(Divergence(to="node", acc=4)(found.u[:2], grid, at=MAC[:2])).max() < 1e-12
    assert (np.log2(np.divide(*errors)) >= 3.8).all()


@pytest.mark.parametrize("acc", [2, 4])
def test_only_a_constant_pressure_is_open_on_cells(acc):
    problem = BVP(stokes(acc), cells(8, 9), WALLS, at=MAC)
    system = problem.system
    sizes = np.linalg.svd(system.matrix.toarray(), compute_uv=False)
    assert np.count_nonzero(sizes < 1e-11 * sizes[0]) == 1
    (null,) = system.null_vectors.T
    parts = system.unpacked(system.lift_homogeneous(null))
    np.testing.assert_allclose(parts[0], 0, atol=1e-12)
    np.testing.assert_allclose(parts[2], parts[2].mean(), rtol=1e-9)
    forced = np.random.default_rng(0).normal(size=(9, 9))
    found = problem.solve((forced, 1, 0))
    made = Divergence(to="node", acc=acc)(found.u[:2], cells(8, 9), at=MAC[:2])
    assert np.abs(made).max() < 1e-12
    assert abs(found.u[2].mean()) < 1e-12


def test_stokes_by_hand():
    # MAC by sparse matrices: −Δu + ∂p = f, walls mirrored or on points.
    n, h = 6, 1 / 6
    problem = EVP(stokes(), cells(n), WALLS, at=MAC)
    inner = (np.diag(np.full(n - 1, 2.0)) - np.eye(n - 1, k=1) - np.eye(n - 1, k=-1)) / h**2
    mirrored = 2.0 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    mirrored[[0, -1], [0, -1]] = 3
    mirrored /= h**2
    slope = (np.eye(n)[1:] - np.eye(n)[:-1]) / h
    one, few = np.eye(n), np.eye(n - 1)
    u = np.kron(inner, one) + np.kron(few, mirrored)
    v = np.kron(one, inner) + np.kron(mirrored, few)
    gx, gy = np.kron(slope, one), np.kron(one, slope)
    zero = np.zeros
    expected = np.block(
        [
            [u, zero((len(u), len(v))), gx],
            [zero((len(v), len(u))), v, gy],
            [-gx.T, -gy.T, zero((n * n, n * n))],
        ]
    )
    np.testing.assert_allclose(problem.system.matrix.toarray(), expected, atol=1e-11)


def test_eigenvalues_of_stokes():
    # Leriche and Labrosse (2004): the slowest mode of the unit square decays as exp(−52.3447 t).
    mass = Block([[1, 0, 0], [0, 1, 0], [0, 0, 0]])
    errors = []
    for n in (12, 24):
        found = EVP(stokes(), cells(n), [*WALLS, LEVEL], M=mass, at=MAC).solve(1)
        errors.append(abs(found.values[0] - 52.3446911))
        u, v, p = found.vectors
        assert (u.shape, v.shape, p.shape) == ((1, n + 1, n), (1, n, n + 1), (1, n, n))
        assert (u**2).sum() / n**2 + (v**2).sum() / n**2 + (p**2).sum() / n**2 == pytest.approx(1)
    assert np.log2(errors[0] / errors[1]) > 1.8


# Laws of the systems ----------------------------------------------------------------------------

SYSTEMS = {
    "stokes": (stokes, cells(5, 6), WALLS, MAC),
    "stokes, order 4": (lambda: stokes(4), cells(8, 9), WALLS, MAC),
    "sound on nodes": (
        lambda: sound(4),
        Grid(x=Uniform(0, 1, 7), y=Periodic(0, 1, 6)),
        Dirichlet("boundary", component=1),
        SOUND,
    ),
    "slopes and both": (
        lambda: sound(4) - Coef(lambda x: 1 + x) * Laplacian(axes="x"),
        cells(7),
        [
            *(Neumann("boundary", component=c) for c in (0, 2)),
            Robin("x-", 1, 2, component=1),
            Dirichlet("x+", component=1),
        ],
        SOUND,
    ),
    "a mean": (stokes, cells(5, 6), [*WALLS, LEVEL], MAC),
}


@pytest.mark.parametrize("case", SYSTEMS)
def test_matrix_is_what_is_applied(case):
    made, grid, conditions, at = SYSTEMS[case]
    system = BVP(made(), grid, conditions, at=at).system
    rng = np.random.default_rng(0)
    x = rng.normal(size=system.size)
    np.testing.assert_allclose(system.matvec(x), system.matrix @ x, rtol=1e-11, atol=1e-8)
    rows = rng.choice(system.values.size, 20, replace=False)
    whole = system.operator.matrix(np.arange(system.values.size))
    picked = system.operator.matrix(rows)
    np.testing.assert_array_equal(picked.toarray(), whole[rows].toarray())
    np.testing.assert_allclose(system.operator.diagonal(), whole.diagonal(), atol=1e-10)


@pytest.mark.parametrize("case", SYSTEMS)
def test_solutions_fulfill_equations_and_conditions(case):
    made, grid, conditions, at = SYSTEMS[case]
    system = BVP(made(), grid, conditions, at=at).system
    x = np.random.default_rng(0).normal(size=system.size)
    u = system.lift(x)
    np.testing.assert_allclose(system.equations.matrix @ u, 0, atol=1e-12)
    np.testing.assert_allclose(system.restrict(u)[: system.count], x[: system.count])
    left = system.residual(u, x[system.count :], 0)
    expected = -(system.matrix @ x)
    np.testing.assert_allclose(left[system.free], expected[: system.count], rtol=1e-10, atol=1e-7)


def test_conditions_with_values_move_the_right_hand_side():
    # A field that is linear in both coordinates: the Laplacian is zero, whatever the walls give.
    grid = cells(6)
    conditions = [
        Dirichlet("boundary", lambda x, y: 1 + 2 * x - 3 * y, component=0),
        *(Neumann(f"x{end}", s * 2, component=1) for end, s in (("-", -1), ("+", 1))),
        *(Robin(f"y{end}", 1, 1, lambda x, y, s=s: 1 + 2 * x - 3 * y - 3 * s, component=1)
          for end, s in (("-", -1), ("+", 1))),
    ]  # fmt: skip
    for acc in (2, 4):
        problem = BVP(VectorLaplacian(acc=acc), grid, conditions, at=["x", "y"])
        found = problem.solve()
        for field, side in zip(found.u, problem.operator.domain, strict=True):
            x, y = side.mesh()
            np.testing.assert_allclose(field, 1 + 2 * x - 3 * y, atol=1e-12)


def test_solvers_by_name_and_given():
    problem = BVP(stokes(), cells(6), [*WALLS, LEVEL], at=MAC)
    rhs = (np.random.default_rng(0).normal(size=(7, 6)), 1, 0)
    first = problem.solve(rhs)
    for solver in ("direct", "ilu", lambda A, b: spsolve(A.tocsc(), b)):
        other = problem.solve(rhs, solver)
        for a, b in zip(first.u, other.u, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-9)
    with pytest.raises(ValueError, match="is no sum of one-dimensional operators"):
        problem.solve(rhs, "fast")
    kept = problem.factor()
    np.testing.assert_array_equal(kept(rhs)[0], first.u[0])
    again = pickle.loads(pickle.dumps(problem)).solve(rhs)
    np.testing.assert_array_equal(again.u[2], first.u[2])
    assert repr(again).startswith("<Solution ((7, 6), (6, 7), (6, 6)) by sparse factorization")


def test_a_scalar_stands_where_it_is_said_to():
    grid = Grid(x=Uniform(0, 1, 21))
    here, there = BVP(Laplacian(), grid, Dirichlet("boundary"), at="x"), grid.half("x")
    other = BVP(Laplacian(), there, Dirichlet("boundary"))
    np.testing.assert_array_equal(here.solve(1).u, other.solve(1).u)


# Time -------------------------------------------------------------------------------------------


def box(n):
    return Grid(x=Uniform(0, 1, n + 1), y=Uniform(0, 1.2, n + 1), z=Uniform(0, 0.8, n + 1))


def test_curls_between_conductors_are_adjoint():
    system = EVP(maxwell(), box(4), conductor(), at=YEE).system
    made = system.matrix
    assert abs(made + made.T).max() == 0
    assert made.nnz


def test_modes_of_a_cavity():
    exact, errors = PI * np.hypot(1, 1 / 1.2), []
    for n in (4, 8):
        found = EVP(maxwell(), box(n), conductor(), at=YEE).solve(2, near=4.1j)
        errors.append(
            np.abs(found.values[np.argmin(np.abs(found.values - exact * 1j))] - exact * 1j)
        )
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.05)


def energy(ivp, fields, dt):
    """E·E + H(t − dt/2)·H(t + dt/2), where H(t ± dt/2) follows from fields at one time."""
    rates = ivp.lift(ivp.fun(0.0, ivp.restrict(fields)))
    total = sum((e**2).sum() for e in fields[:3])
    pairs = zip(fields[3:], rates[3:], strict=True)
    return total + sum(((h - dt / 2 * r) * (h + dt / 2 * r)).sum() for h, r in pairs)


def test_energy_of_a_cavity_stays():
    grid = box(5)
    ivp, dt = IVP(maxwell(), grid, conductor(), at=YEE), 0.07
    rng = np.random.default_rng(0)
    start = tuple(rng.normal(size=side.shape) for side in maxwell().on(grid, at=YEE).domain)
    found = ivp.solve(start, np.linspace(0, 21, 31), "staggered-leapfrog", dt=dt)
    energies = [energy(ivp, [part[k] for part in found.u], dt) for k in range(31)]
    assert np.ptp(energies) < 1e-11 * energies[0]
    # Charges stay where they are: div E does not change.
    charge = Divergence(to="node").on(grid, at=YEE[:3])
    before, after = (charge(tuple(part[k] for part in found.u[:3])) for k in (0, -1))
    np.testing.assert_allclose(after[1:-1, 1:-1, 1:-1], before[1:-1, 1:-1, 1:-1], atol=1e-10)


def test_staggered_leapfrog_by_hand():
    grid, dt = cells(9, 7), 0.02
    p, u, v = (np.random.default_rng(0).normal(size=s) for s in ((9, 7), (10, 7), (9, 8)))
    u[[0, -1]] = v[:, [0, -1]] = 0
    found = IVP(sound(), grid, RIGID, at=SOUND).solve(
        (p, u, v), [0, 3 * dt, 10 * dt], "staggered-leapfrog", dt=dt
    )
    h, k = 1 / 9, 1 / 7

    def kick(p, u, v, dt):
        u[1:-1] -= dt * np.diff(p, axis=0) / h
        v[:, 1:-1] -= dt * np.diff(p, axis=1) / k

    for step in range(10):
        if step == 3:
            for kept, own in zip(found.u, (p, u, v), strict=True):
                np.testing.assert_allclose(kept[1], own, atol=1e-12)
        kick(p, u, v, dt / 2)
        p -= dt * (np.diff(u, axis=0) / h + np.diff(v, axis=1) / k)
        kick(p, u, v, dt / 2)
    for kept, own in zip(found.u, (p, u, v), strict=True):
        np.testing.assert_allclose(kept[2], own, atol=1e-12)


@pytest.mark.parametrize("method", ["staggered-leapfrog", "rk4", "crank-nicolson", "RK45"])
def test_sound_with_sources_and_moving_walls(method):
    # p = cos(t) (x + y), u = −sin(t) − x t, v = −sin(t) + y t are exact in space at any order.
    def exact(sides, t):
        (xp, yp), (xu, _), (_, yv) = (side.mesh() for side in sides)
        zero = 0 * sides[1].mesh()[0], 0 * sides[2].mesh()[0]
        return (
            np.cos(t) * (xp + yp),
            zero[0] - np.sin(t) - xu * t,
            zero[1] - np.sin(t) + yv * t,
        )

    grid = cells(6, 5)
    walls = [
        Dirichlet("x-", lambda y, t: 0 * y - np.sin(t), component=1),
        Dirichlet("x+", lambda y, t: 0 * y - np.sin(t) - t, component=1),
        Dirichlet("y-", lambda x, t: 0 * x - np.sin(t), component=2),
        Dirichlet("y+", lambda x, t: 0 * x - np.sin(t) + t, component=2),
    ]
    source = (lambda x, y, t: -np.sin(t) * (x + y), lambda x, y: -x + 0 * y, lambda x, y: y + 0 * x)
    ivp = IVP(sound(), grid, walls, source=source, at=SOUND)
    sides, errors = sound().on(grid, at=SOUND).domain, []
    for steps in (20, 40):
        given = {"rtol": 1e-9, "atol": 1e-11} if method == "RK45" else {"dt": 1 / steps}
        found = ivp.solve(exact(sides, 0), [0, 1], method, **given)
        parts = zip(found.u, exact(sides, 1), strict=True)
        errors.append(max(np.abs(a[-1] - b).max() for a, b in parts))
    if method == "RK45":
        assert errors[0] < 1e-7
    else:
        assert np.log2(errors[0] / errors[1]) >= {"rk4": 3.8}.get(method, 1.9)


def test_steps_between_walls_without_points():
    # u = exp(−t) (1 + x + y) at faces across x, tangential to walls that move.
    def exact(x, y, t):
        return np.exp(-t) * (1 + x + y)

    for acc in (2, 4):
        walls = [Dirichlet("boundary", exact, component=c) for c in (0, 1)]
        pieces = Block([[Laplacian(acc=acc) - 1, 0], [0, Laplacian(acc=acc) - 1]])
        grid = cells(6)
        ivp = IVP(pieces, grid, walls, at=["x", "y"])
        u, v = pieces.on(grid, at=["x", "y"]).domain
        start = exact(*u.mesh(), 0), exact(*v.mesh(), 0)
        for method, error in (("rk4", 1e-9), ("crank-nicolson", 1e-6)):
            found = ivp.solve(start, [0, 0.05], method, dt=1e-3)
            np.testing.assert_allclose(found.u[0][-1], exact(*u.mesh(), 0.05), atol=error)
            np.testing.assert_allclose(found.u[1][-1], exact(*v.mesh(), 0.05), atol=error)


def test_what_is_kept_and_called_has_components():
    grid, seen = cells(4, 5), []
    ivp = IVP(sound(), grid, RIGID, at=SOUND, explicit=lambda _, u: (-u[0], 0, 0))
    start, times = (np.ones((4, 5)), 0, 0), [0, 0.5, 1]
    found = ivp.solve(
        start, times, "DOP853", rtol=1e-10, atol=1e-12, dense=True,
        callback=lambda _, u: seen.append(u[1].shape), store=lambda _, u: u[0].mean(),
    )  # fmt: skip
    np.testing.assert_allclose(found.u, np.exp(-np.array(times)), rtol=1e-8)
    assert seen == [(5, 5)] * 3
    assert [part.shape for part in found.sol([0.1, 0.2])] == [(2, 4, 5), (2, 5, 5), (2, 4, 6)]
    again = pickle.loads(pickle.dumps(IVP(sound(), grid, RIGID, at=SOUND)))
    A = again.jac(0.0, np.zeros(again.restrict(start).size)).toarray()
    last = again.solve(start, [0, 0.3], "rk4", dt=0.01)
    expected = again.lift(expm(0.3 * A) @ again.restrict(start))
    for part, own in zip(last.u, expected, strict=True):
        np.testing.assert_allclose(part[-1], own, atol=1e-8)


def test_parities_keep_high_orders_stable():
    ends = [Dirichlet("boundary", component=1)]
    line = Grid(x=Cells(0, 1, 20))
    made = Block([[0, -Diff("x", acc=6, to="node")], [-Diff("x", acc=6, to="half"), 0]])
    ivp = IVP(made, line, ends, at=[None, "x"])
    assert ivp.closure == {"x-": ["even", "odd"], "x+": ["even", "odd"]}
    A = ivp.jac(0.0, np.zeros(39))
    assert abs(A + A.T).max() < 1e-12


# Bad input --------------------------------------------------------------------------------------

BOX = cells(4, 5)
DAMPED = Block([[1, 0, 0], [0, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (lambda: BVP(stokes(), BOX, WALLS, at=["x", "y"]), "3 components, but at= has 2 positions"),
        (lambda: BVP(stokes(), BOX, WALLS), r"does not meet: .* at nodes"),
        (lambda: BVP(stokes(), BOX, WALLS, at=["x", ("y", "y"), None]), "'y' twice"),
        (lambda: BVP(stokes(), BOX, WALLS, at=["x", "z", None]), "no axis 'z'"),
        (lambda: BVP(stokes(), BOX, WALLS, at=["y", "x", None]), "half points of 'y'"),
        (lambda: BVP(stokes(), BOX, Dirichlet("x-", component=3), at=MAC), "no component 3"),
        (lambda: BVP(stokes(), BOX, WALLS, at=MAC, impose="sat"), "impose='elimination'"),
        (
            lambda: BVP(stokes(), Grid(x=Uniform(0, 1, 5), y=Uniform(0, 1, 5)), WALLS, at=MAC),
            r"no equation reads component 2 at \(0, 0\), nor at 3 other points",
        ),
        (
            lambda: BVP(stokes(), BOX, [*WALLS, Neumann("y-", component=0)], at=MAC),
            "component 0 has no points on y-, where .* gives what lies beyond",
        ),
        (
            lambda: BVP(stokes(), BOX, Condition("y-", Diff("x"), 0, 0), at=MAC),
            "there it takes Dirichlet, Neumann or Robin",
        ),
        (lambda: BVP(stokes(), BOX, WALLS, at=MAC).solve((1, 2)), "needs 3 arrays"),
        (
            lambda: BVP(stokes(), BOX, WALLS, at=MAC).solve((np.zeros((4, 5)), 0, 0)),
            r"component 0 of the right-hand side needs the shape \(5, 5\)",
        ),
        (lambda: EVP(stokes(), BOX, Dirichlet("boundary", 1), at=MAC), "homogeneous"),
        (
            lambda: IVP(sound() - DAMPED, BOX, RIGID, at=SOUND).solve(
                (0, 0, 0), [0, 1], "staggered-leapfrog", 0.1
            ),
            "components 0 and 0 .* move each other",
        ),
        (
            lambda: IVP(sound(), BOX, RIGID, at=SOUND).solve(
                (0, 0, 0), [0, 1], "leapfrog", 0.01, v0=(0, 0, 0)
            ),
            "differentiates once",
        ),
        (
            lambda: IVP(sound(), BOX, RIGID, at=SOUND).solve(
                (0, 0, 0), [0, 1], "staggered-leapfrog", 0.01, v0=(0, 0, 0)
            ),
            "v0= goes with u_tt",
        ),
        (
            lambda: IVP(Laplacian(), BOX, Neumann("boundary")).solve(
                np.zeros((4, 5)), [0, 1], "staggered-leapfrog", 0.01
            ),
            r"at=\[…\] of IVP tells",
        ),
        (
            lambda: IVP(sound(), BOX, RIGID, at=SOUND).solve(
                (0, 0, 0), [0, 1], "staggered-leapfrog", 1.0
            ),
            "the limit is dt ≤ 0.166046",
        ),
        (lambda: IVP(sound(), BOX, RIGID, at=SOUND, source=(1, 2)).solve((0, 0, 0), [0, 1]),
            "2 parts, but there are 3"),
        (lambda: IVP(sound(), BOX, RIGID, at=SOUND).solve((0, 0), [0, 1]), "u0 needs 3 arrays"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(made, match):
    with pytest.raises(ValueError, match=match):
        made()


def test_functions_take_no_positions():
    for made in (BVP, IVP):
        with pytest.raises(TypeError, match="at="):
            made(lambda *u: u[-1], BOX, at=["x"])
