"""Initial-value problems: time order, exact solutions, SciPy's integrators, what is refused."""

import pickle
import sys
from types import ModuleType

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from findops import (
    IVP,
    SBP,
    Block,
    Cells,
    Compact,
    Condition,
    Diff,
    Diffusion,
    Dirichlet,
    Divergence,
    Field,
    Forward,
    Gradient,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Robin,
    Uniform,
    coefficients,
)

SCIPY = ["RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"]
ORDERS = {
    "euler": 1, "rk4": 4, "backward-euler": 1, "crank-nicolson": 2, "imex": 2, "leapfrog": 2,
}  # fmt: skip

ROD = Grid(x=Uniform(0, 1, 6))
RING = Grid(x=Periodic(0, 1, 16))


def shape(x):
    return 1 + x + x**2


def moving(order):
    """A quadratic in space that moves in time: its discretization is exact."""
    rate = {1: lambda t: -3 * np.sin(3 * t), 2: lambda t: -9 * np.cos(3 * t)}[order]
    conditions = [
        Dirichlet("x-", lambda t: np.cos(3 * t)),
        Robin("x+", 2, 1, lambda t: 9 * np.cos(3 * t)),
    ]

    def source(x, t):
        return shape(x) * rate(t) - 2 * np.cos(3 * t)

    return conditions, source, lambda x, t: shape(x) * np.cos(3 * t)


def measured(errors):
    return np.log2(np.divide(errors[:-1], errors[1:]))


@pytest.mark.parametrize("method", ORDERS)
def test_order_in_time(method):
    conditions, source, exact = moving(2 if method == "leapfrog" else 1)
    problem = IVP(Diff("x", 2), ROD, conditions, source=source)
    (x,) = ROD.mesh()
    times = np.array([0, 0.4, 1])
    v0 = np.zeros_like(x) if method == "leapfrog" else None
    errors = []
    for n in {"leapfrog": (32, 64, 128), "rk4": (128, 256, 512)}.get(method, (64, 128, 256)):
        found = problem.solve(exact(x, 0), times, method, dt=1 / n, v0=v0)
        errors.append(np.abs(found.u[-1] - exact(x, 1)).max())
        np.testing.assert_array_equal(found.t, times)
    # The next term of the error still shows.
    np.testing.assert_allclose(measured(errors)[-1], ORDERS[method], atol=0.2)


@pytest.mark.parametrize("method", ["euler", "rk4", "imex"])
def test_order_with_an_explicit_part(method):
    conditions, source, exact = moving(1)
    (x,) = ROD.mesh()

    def balanced(x, t):
        return source(x, t) - np.sin(exact(x, t) + 5 * t)

    problem = IVP(
        Diff("x", 2), ROD, conditions, source=balanced, explicit=lambda t, u: np.sin(u + 5 * t)
    )
    errors = [
        np.abs(problem.solve(exact(x, 0), [0, 1], method, dt=1 / n).u[-1] - exact(x, 1)).max()
        for n in ((128, 256, 512) if method == "rk4" else (64, 128, 256))
    ]
    np.testing.assert_allclose(measured(errors)[-1], ORDERS[method], atol=0.2)


@pytest.mark.parametrize("method", ["rk4", "crank-nicolson", "imex"])
def test_second_order_in_time_by_methods_of_first_order(method):
    conditions, source, exact = moving(2)
    (x,) = ROD.mesh()
    problem = IVP(Diff("x", 2), ROD, conditions, source=source)
    errors = [
        np.abs(problem.solve(shape(x), [0, 1], method, 1 / n, v0=0 * x).u[-1] - exact(x, 1)).max()
        for n in (32, 64, 128)
    ]
    np.testing.assert_allclose(measured(errors)[-1], ORDERS[method], atol=0.2)


@pytest.mark.parametrize("method", SCIPY)
@pytest.mark.parametrize("order", [1, 2])
def test_scipys_methods(method, order):
    conditions, source, exact = moving(order)
    (x,) = ROD.mesh()
    problem = IVP(Diff("x", 2), ROD, conditions, source=source)
    speed = 0 * x if order == 2 else None
    times = np.linspace(0, 1, 4)
    found = problem.solve(exact(x, 0), times, method, v0=speed, rtol=1e-8, atol=1e-10)
    want = np.array([exact(x, t) for t in times])
    np.testing.assert_allclose(found.u, want, rtol=0, atol=2e-6)
    if order == 2:
        slope = np.array([-3 * shape(x) * np.sin(3 * t) for t in times])
        np.testing.assert_allclose(found.v, slope, rtol=0, atol=2e-5)
    else:
        assert found.v is None


@pytest.mark.parametrize("method", ["RK45", "BDF", "rk4", "crank-nicolson"])
def test_the_matrix_exponential(method):
    grid = Grid(x=Uniform(0, 1, 9), y=Periodic(0, 1, 6))
    problem = IVP(0.1 * Laplacian() + Diff("y"), grid, [Dirichlet("x-", 1), Neumann("x+", 0.5)])
    u0 = np.random.default_rng(0).random(grid.shape)
    x0 = problem.restrict(u0)
    A, r = problem.jac(0, x0).toarray(), problem.fun(0, 0 * x0)
    steady = np.linalg.solve(A, -r)
    want = problem.lift(steady + expm(0.5 * A) @ (x0 - steady))
    options = {"dt": 1e-3} if method not in SCIPY else {"rtol": 1e-7, "atol": 1e-9}
    found = problem.solve(u0, [0, 0.5], method, **options)
    np.testing.assert_allclose(found.u[0], problem.lift(x0), rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.u[1], want, rtol=0, atol=3e-6)


@pytest.mark.parametrize("acc", [2, 4, 6])
def test_heat_decays_at_the_discrete_rate(acc):
    grid = Grid(x=Cells(0, 1, 24), y=Uniform(0, 1, 17))
    conditions = [Neumann("x-"), Neumann("x+"), Dirichlet("y-"), Dirichlet("y+")]
    problem = IVP(Laplacian(acc=acc), grid, conditions)
    x, y = grid.mesh()
    u0 = np.cos(np.pi * x) * np.sin(2 * np.pi * y)
    assert problem.closure == {"x-": "even", "x+": "even", "y-": "odd", "y+": "odd"}
    weights = coefficients(2, acc=acc)
    rate = sum(
        np.dot(weights.weights, np.cos(k * h * np.array(weights.offsets))) / h**2
        for k, h in ((np.pi, 1 / 24), (2 * np.pi, 1 / 16))
    )
    found = problem.solve(u0, [0, 0.02], "rk4", dt=1e-4)
    np.testing.assert_allclose(found.u[1], u0 * np.exp(0.02 * rate), rtol=0, atol=1e-9)


def test_schroedinger_keeps_the_norm_and_stays_complex():
    grid = Grid(x=Uniform(-6, 6, 121))
    (x,) = grid.mesh()
    H = -0.5 * Diff("x", 2, acc=4) + (lambda x: x**2 / 2)
    problem = IVP(-1j * H, grid, Dirichlet("boundary"))
    u0 = np.exp(-((x - 1) ** 2) / 2)
    found = problem.solve(u0, np.linspace(0, 2 * np.pi, 5), "crank-nicolson", dt=0.01)
    assert found.u.dtype == np.complex128
    norm = grid.integrate(np.abs(found.u) ** 2)
    np.testing.assert_allclose(norm, norm[0], rtol=1e-12)
    # The packet swings around the origin and is back after one period.
    mean = grid.integrate(x * np.abs(found.u) ** 2) / norm
    np.testing.assert_allclose(mean, [1, 0, -1, 0, 1], atol=2e-3)


@pytest.mark.parametrize("method", ["RK45", "BDF", "rk4"])
def test_complex_operators_make_real_data_complex(method):
    (x,) = RING.mesh()
    problem = IVP(1j * Diff("x", 2), RING)
    rate = -4 * 16**2 * np.sin(np.pi / 16) ** 2
    dt = None if method in SCIPY else 1e-3
    found = problem.solve(np.sin(2 * np.pi * x), [0, 0.1], method, dt, rtol=1e-9)
    want = np.exp(0.1j * rate) * np.sin(2 * np.pi * x)
    np.testing.assert_allclose(found.u[-1], want, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["RK45", "BDF", "euler", "backward-euler", "leapfrog"])
def test_complex_data_keep_their_imaginary_part(method):
    (x,) = ROD.mesh()
    dt = None if method in SCIPY else 0.01

    def run(u0, value):
        conditions = [Dirichlet("x-", value), Robin("x+", 0, 1)]
        v0 = np.zeros_like(x) if method == "leapfrog" else None
        return IVP(Diff("x", 2), ROD, conditions).solve(u0, [0, 0.1], method, dt, v0=v0)

    both, part = run(1j + x * (1 + 1j), 1j), run(x, 0)
    assert part.u.dtype == np.float64
    np.testing.assert_allclose(both.u, 1j + (1 + 1j) * part.u, rtol=0, atol=1e-6)


def test_standing_wave():
    grid = Grid(x=Uniform(0, 1, 41))
    (x,) = grid.mesh()
    problem = IVP(Diff("x", 2), grid, Dirichlet("boundary"))
    h, dt = 1 / 40, 1 / 80
    # ω of the scheme: sin(ω dt / 2) / dt = sin(k h / 2) / h (Courant, Friedrichs and Lewy, 1928).
    omega = 2 / dt * np.arcsin(dt / h * np.sin(np.pi * h / 2))
    t = np.arange(401) * dt
    found = problem.solve(np.sin(np.pi * x), t, "leapfrog", dt, v0=np.zeros_like(x))
    # Starting at rest with half a drift shifts the amplitude, not the frequency.
    want = np.cos(omega * t)[:, None] * np.sin(np.pi * x)
    np.testing.assert_allclose(found.u, want, rtol=0, atol=1e-10)
    energy = grid.integrate(found.v**2) - grid.integrate(found.u * problem_rate(problem, found.u))
    assert np.ptp(energy) < 2e-3 * energy.mean()
    assert abs(energy[-200:].mean() - energy[:200].mean()) < 1e-6 * energy.mean()


def problem_rate(problem, u):
    return np.array([problem.lift(problem.fun(0, problem.restrict(each))) for each in u])


def test_fisher_by_hand():
    grid = Grid(x=Uniform(0, 20, 61))
    second = Diff("x", 2).on(grid)
    (x,) = grid.mesh()
    conditions = [Dirichlet("x-", 1), Neumann("x+")]
    problem = IVP(lambda _, u: second(u) + u * (1 - u), grid, conditions)
    linear = IVP(Diff("x", 2), grid, conditions, explicit=lambda _, u: u * (1 - u))
    u0 = np.where(x < 2, 1.0, 0.0)
    for each in (problem, linear):
        x0 = each.restrict(u0)
        by_hand = solve_ivp(
            each.fun, (0, 4), x0, "BDF", jac=each.jac, rtol=1e-9, atol=1e-11, t_eval=[0, 4]
        )
        want = each.lift(by_hand.y[:, -1])
        for method in ("RK45", "Radau", "BDF", "LSODA"):
            found = each.solve(u0, [0, 4], method, rtol=1e-8, atol=1e-10)
            np.testing.assert_allclose(found.u[-1], want, rtol=0, atol=2e-6)
    found = linear.solve(u0, [0, 4], "imex", dt=0.01)
    np.testing.assert_allclose(found.u[-1], want, rtol=0, atol=5e-4)


FLAT = Grid(x=Uniform(0, 1, 7), y=Periodic(0, 1, 6))
SLOPE, LAPLACE = Diff("x").on(FLAT), Laplacian().on(FLAT)
STEEP = [Dirichlet("x-", lambda y, t: np.sin(y) * t), Neumann("x+")]
HOLED = np.ones(FLAT.shape, bool)
HOLED[3, 2] = False
# u at the face is minus u beside it: what a row reads of both could cancel.
OPPOSITE = Condition("x-", 2 + Diff("x", acc=1, scheme=Forward()) / 6)
DIFFERENTIATED = {
    "a function": lambda: IVP(lambda t, u: LAPLACE(u) - t * u * SLOPE(u), FLAT, STEEP),
    "an expression and a function": lambda: IVP(
        Laplacian(), FLAT, STEEP, explicit=lambda t, u: -t * u * SLOPE(u)
    ),
    "an expression": lambda: IVP(Laplacian(), FLAT, STEEP),
    "opposite": lambda: IVP(lambda _, u: LAPLACE(u), FLAT, [OPPOSITE, Neumann("x+")]),
    "complex": lambda: IVP(lambda t, u: 1j * LAPLACE(u) - t * u**2, FLAT, STEEP),
    "with holes": lambda: IVP(
        LAPLACE.masked(HOLED), FLAT, STEEP, explicit=lambda t, u: -t * u * SLOPE.masked(HOLED)(u)
    ),
}


@pytest.mark.parametrize("make", DIFFERENTIATED.values(), ids=DIFFERENTIATED)
def test_jacobians(make):
    problem, grid = make(), FLAT
    x = problem.restrict(np.random.default_rng(0).random(grid.shape))
    made = problem.jac(0.3, x)
    step = 1e-6
    rows = [(problem.fun(0.3, x + step * e) - problem.fun(0.3, x - step * e)) / (2 * step)
            for e in np.eye(len(x))]  # fmt: skip
    np.testing.assert_allclose(made.toarray(), np.transpose(rows), rtol=0, atol=1e-6)
    outside = made.toarray()[~problem.jac_sparsity.toarray()]
    assert outside.size > len(x)
    assert not outside.any()


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_stiff_methods_take_our_jacobian(method):
    """Cahn and Hilliard: SciPy's differences are lost in roundoff between the phases.

    They took 187158, 63044 and 26918 evaluations.
    """
    grid, count = Grid(x=Periodic(0, 2 * np.pi, 256)), []
    (x,) = grid.mesh()
    laplace = Laplacian().on(grid)

    def f(_, u):
        count.append(1)
        return laplace(u**3 - u - 1e-3 * laplace(u))

    u0 = 0.1 * np.cos(3 * x) + 0.05 * np.cos(x)
    found = IVP(f, grid).solve(u0, [0, 1], method).u[-1]
    assert len(count) < 4000
    assert abs(np.abs(found).max() - 0.996924) < 2e-5
    np.testing.assert_allclose(grid.integrate(found), 0, atol=1e-9)


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_stiff_methods_start_at_the_edge_of_what_a_function_takes(method):
    """u′ = 1 − √u from zero, in two components: −2√u − 2 ln(1 − √u) = t."""
    problem = IVP(lambda _, u: 1 - np.sqrt(u), Grid(x=Uniform(0, 1, 5)), components=(2,))
    root = np.sqrt(problem.solve(np.zeros((2, 5)), [0, 1], method, rtol=1e-8).u[-1])
    np.testing.assert_allclose(-2 * root - 2 * np.log(1 - root), 1, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_stiff_methods_of_second_order_in_time(method):
    """A function's Jacobian, which is found once, beside an expression's matrix."""
    grid = Grid(x=Uniform(0, 1, 9), y=Periodic(0, 1, 6))
    laplace, (x, y) = Laplacian().on(grid), grid.mesh()
    u0, walls = np.sin(np.pi * x) * np.cos(2 * np.pi * y), [Dirichlet("x-", 1), Neumann("x+")]
    given = {"t": [0, 0.5], "method": method, "v0": 0 * u0, "rtol": 1e-7, "atol": 1e-9}
    want = IVP(Laplacian(), grid, walls, closure="accurate").solve(u0, **given).u[-1]
    found = IVP(lambda _, u: laplace(u), grid, walls).solve(u0, **given).u[-1]
    np.testing.assert_allclose(found, want, rtol=0, atol=2e-5)


def test_gray_scott():
    """Two fields: without reaction they diffuse, without diffusion they react, together both."""
    grid = Grid(x=Periodic(0, 1, 12), y=Periodic(0, 1, 10))
    laplace = Laplacian().on(grid)
    rng = np.random.default_rng(0)
    u0 = np.stack([1 - 0.2 * rng.random(grid.shape), 0.3 * rng.random(grid.shape)])

    def react(_, w):
        u, v = w
        return np.stack([-u * v**2 + 0.04 * (1 - u), u * v**2 - 0.1 * v])

    def f(t, w):
        return np.array([2e-3, 1e-3])[:, None, None] * laplace(w) + react(t, w)

    D = Block([[2e-3 * Laplacian(), 0], [0, 1e-3 * Laplacian()]])
    found = IVP(f, grid).solve(u0, [0, 5], "RK45", rtol=1e-8)
    assert found.u.shape == (2, *u0.shape)
    split = IVP(D, grid, explicit=react)
    for method, dt in (("imex", 0.02), ("rk4", 0.02), ("BDF", None)):
        other = split.solve(u0, [0, 5], method, dt, rtol=1e-8)
        np.testing.assert_allclose(other.u, found.u, rtol=0, atol=1e-5)


def test_nonlocal_functions_and_stiff_methods():
    problem = IVP(lambda _, u: -50 * (u - u.mean()), Grid(x=Periodic(0, 1, 300)))
    u0 = np.sin(2 * np.pi * np.arange(300) / 300)
    found = problem.solve(1 + u0, [0, 0.1], "BDF", rtol=1e-7)
    np.testing.assert_allclose(found.u[-1], 1 + u0 * np.exp(-5), rtol=0, atol=1e-6)


def test_sources_and_fields():
    (x,) = RING.mesh()
    quiet = {"u0": 0 * x, "t": [0, 1], "method": "euler", "dt": 0.1}
    decay = Field("c") * Diff("x", 0)
    for source in (2, np.full(16, 2.0), lambda x: 2 + 0 * x, lambda t: 2 + 0 * t):
        found = IVP(decay, RING, source=source, c=0).solve(**quiet)
        np.testing.assert_allclose(found.u[-1], 2, rtol=1e-14)
    pair = IVP(lambda _, u: 0 * u, RING, source=[1, lambda x: x], components=(2,))
    found = pair.solve(np.zeros((2, 16)), [0, 1], "euler", 0.1)
    np.testing.assert_allclose(found.u[-1], [np.ones(16), x], rtol=1e-14)


def test_callback_store_and_dense():
    (x,) = ROD.mesh()
    problem = IVP(Diff("x", 2), ROD, [Dirichlet("x-"), Neumann("x+")])
    times, seen = [0, 0.1, 0.3], []
    full = problem.solve(x, times, dense=True, callback=lambda t, u: seen.append((t, u)))
    assert [t for t, _ in seen] == times
    np.testing.assert_array_equal([u for _, u in seen], full.u)
    np.testing.assert_allclose(full.sol(times), full.u, rtol=0, atol=1e-15)
    middle = problem.solve(x, [0, 0.2]).u[-1]
    np.testing.assert_allclose(full.sol(0.2), middle, rtol=0, atol=1e-5)
    for method, dt in (("RK45", None), ("crank-nicolson", 0.01)):
        every = problem.solve(x, times, method, dt)
        kept = problem.solve(x, times, method, dt, store=lambda t, u: [t, u.max()])
        np.testing.assert_array_equal(
            kept.u, [[t, u.max()] for t, u in zip(times, every.u, strict=True)]
        )
        assert every.sol is None


def test_data_that_contradict_conditions_give_way():
    problem = IVP(Diff("x", 2), ROD, [Dirichlet("x-", lambda t: 2 + t), Dirichlet("x+", 2)])
    u0 = np.full(6, np.nan)
    u0[1:-1] = 2.0
    found = problem.solve(u0, [1, 1.5], "backward-euler", dt=0.1)
    np.testing.assert_allclose(found.u[0], [3, 2, 2, 2, 2, 2], rtol=1e-14)
    np.testing.assert_allclose(found.u[1][0], 3.5, rtol=1e-14)


def test_steps_end_at_output_times_and_factor_once(monkeypatch):
    from findops.problems.evolution import resolvent

    made = []
    whole = resolvent.Choice
    monkeypatch.setattr(resolvent, "Choice", lambda *a, **b: made.append(1) or whole(*a, **b))
    problem = IVP(Diff("x", 2), ROD, [Dirichlet("x-"), Neumann("x+")])
    (x,) = ROD.mesh()
    even = problem.solve(x, np.linspace(0, 1, 11), "crank-nicolson", dt=0.033)
    assert len(made) == 1
    fine = problem.solve(x, [0, 0.6, 1], "crank-nicolson", dt=0.025)
    np.testing.assert_allclose(even.u[[6, 10]], fine.u[1:], rtol=0, atol=1e-15)


def test_solvers_of_implicit_steps_are_kept_with_the_problem(monkeypatch):
    from findops.problems.evolution import resolvent

    made = []
    whole = resolvent.Choice
    monkeypatch.setattr(resolvent, "Choice", lambda *a, **b: made.append(1) or whole(*a, **b))
    problem = IVP(Diff("x", 2), ROD, [Dirichlet("x-"), Neumann("x+")])
    (x,) = ROD.mesh()

    def step(method, h, problem=problem, **given):
        problem.solve(x, [0, h], method, dt=h, **given)
        return len(made)

    # I − hA/2 of one is I − hA of the other; u_tt = A u has I − h²A.
    assert [step("crank-nicolson", 0.5), step("backward-euler", 0.25)] == [1, 1]
    assert [step("crank-nicolson", 0.5, v0=x), step("backward-euler", 0.25, v0=x)] == [2, 2]
    # A few are kept.
    assert [step("backward-euler", h) for h in (0.1, 0.2, 0.3, 0.1, 0.25)] == [3, 4, 5, 5, 5]
    # A third of 0.3 is not 0.1, but a run of such steps takes these.
    problem.solve(x, [0, 0.3], "backward-euler", dt=0.1)
    assert len(made) == 5
    assert [step("backward-euler", h) for h in (0.4, 0.5, 0.6, 0.7, 0.1)] == [6, 7, 8, 9, 10]
    assert step("backward-euler", 0.1, pickle.loads(pickle.dumps(problem))) == 11


def test_progress_needs_tqdm(monkeypatch):
    problem = IVP(lambda _, u: -u, RING)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match="tqdm"):
        problem.solve(np.ones(16), [0, 1], progress=True)


def test_progress_counts_time(monkeypatch):
    made = []

    class Shown:
        def __init__(self, total, unit, unit_scale):
            self.total, self.unit, self.sum, self.open = total, unit, 0.0, True
            assert unit_scale
            made.append(self)

        def update(self, by):
            self.sum += by

        def close(self):
            self.open = False

    auto = ModuleType("tqdm.auto")
    auto.tqdm = Shown
    monkeypatch.setitem(sys.modules, "tqdm", ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", auto)
    for method, dt in (("RK45", None), ("euler", 0.1)):
        IVP(lambda _, u: -u, RING).solve(np.ones(16), [2, 3], method, dt, progress=True)
        bar = made.pop()
        np.testing.assert_allclose([bar.total, bar.sum], 1)
        assert not bar.open


HEAT = IVP(Diff("x", 2), ROD, Dirichlet("boundary"))
DECAY = IVP(lambda _, u: -u, RING)
ONES = np.ones(6)
REFUSED = {
    "a forgotten face": (lambda: IVP(Diff("x", 2), ROD, Dirichlet("x-")), ValueError, r"x\+ has"),
    "a periodic axis": (lambda: IVP(Diff("x", 2), RING, Dirichlet("x-")), ValueError, "periodic"),
    "no expression": (lambda: IVP(3, RING), TypeError, "expression or a function"),
    "no grid": (lambda: IVP(Diff("x"), 0.1), TypeError, "Grid"),
    "no such field": (lambda: IVP(Diff("x"), RING, speed=2), TypeError, "no fields .'speed'"),
    "no value": (lambda: IVP(Field("c") * Diff("x"), RING), TypeError, "values of its fields .'c'"),
    "bound": (lambda: IVP(Diff("x"), RING, explicit=2), TypeError, "explicit="),
    "a mean": (
        lambda: IVP(Diff("x", 2), RING, Condition("mean", 1, 0)), ValueError, "a mean follows",
    ),
    "a bound operator": (lambda: IVP(Diff("x").on(RING), RING), TypeError, "lambda t, u: op"),
    "too many": (lambda: IVP(Diff("x"), ROD, Dirichlet("boundary")), ValueError, "there are 2"),
    "forgotten, closed": (lambda: IVP(Diff("x", 2), ROD, closure=1), ValueError, "have none"),
    "twice a function": (
        lambda: IVP(lambda _, u: u, RING, explicit=lambda _, u: u), TypeError, "add it to",
    ),
    "a function's closure": (lambda: IVP(lambda _, u: u, RING, closure=2), TypeError, "closure="),
    "components": (lambda: IVP(Diff("x"), RING, components=(2,)), TypeError, "components="),
    "an expression's acc": (lambda: IVP(Diff("x"), RING, acc=4), TypeError, "acc= go with a func"),
    "parts": (
        lambda: IVP(Diff("x"), RING, source=[1, 2]).fun(0, ONES), ValueError, "2 parts",
    ),
    "one time": (lambda: HEAT.solve(ONES, [0]), ValueError, "two output times"),
    "backward": (lambda: HEAT.solve(ONES, [1, 0]), ValueError, "increase"),
    "nan times": (lambda: HEAT.solve(ONES, [0, np.nan]), ValueError, "finite"),
    "u0": (lambda: HEAT.solve(np.ones(5), [0, 1]), ValueError, r"u0 .*\(6,\).*\(5,\)"),
    "v0": (lambda: HEAT.solve(ONES, [0, 1], v0=[1]), ValueError, r"v0 .*\(6,\).*\(1,\)"),
    "nan": (lambda: HEAT.solve(np.nan * ONES, [0, 1]), ValueError, "initial data must be finite"),
    "nan rates": (
        lambda: IVP(lambda _, u: u / 0.0, RING).solve(np.ones(16), [0, 1]), ValueError,
        "right-hand side",
    ),
    "leapfrog without a speed": (
        lambda: HEAT.solve(ONES, [0, 1], "leapfrog", dt=0.01), ValueError,
        r"u_tt = f, and needs v0=.*zeros_like\(u0\)",
    ),
    "method": (lambda: HEAT.solve(ONES, [0, 1], "magic"), ValueError, "RK23, .*leapfrog, not 'ma"),
    "no dt": (lambda: HEAT.solve(ONES, [0, 1], "rk4"), ValueError, "give dt="),
    "negative dt": (lambda: HEAT.solve(ONES, [0, 1], "rk4", -1), ValueError, "give dt="),
    "dt lost": (lambda: HEAT.solve(ONES, [0, 1], "rk4", 1e-30), ValueError, "dt=1e-30 is lost"),
    "dt": (lambda: HEAT.solve(ONES, [0, 1], "BDF", 0.1), ValueError, "max_step"),
    "dense": (lambda: HEAT.solve(ONES, [0, 1], "imex", 1, dense=True), ValueError, "dense=True"),
    "complex Radau": (lambda: HEAT.solve(1j * ONES, [0, 1], "Radau"), ValueError, "Radau.*BDF"),
    "complex LSODA": (lambda: HEAT.solve(1j * ONES, [0, 1], "LSODA"), ValueError, "LSODA.*real"),
    "an implicit function": (
        lambda: DECAY.solve(np.ones(16), [0, 1], "imex", 0.1), ValueError, "linear expression",
    ),
    "an implicit explicit part": (
        lambda: IVP(Diff("x"), RING, explicit=lambda _, u: u).solve(
            np.ones(16), [0, 1], "crank-nicolson", 0.1
        ),
        ValueError, "imex",
    ),
    "a function's shape": (
        lambda: IVP(lambda _, u: u[1:], RING).solve(np.ones(16), [0, 1]), ValueError,
        r"\(16,\).*\(15,\)",
    ),
    "blow-up": (
        lambda: IVP(lambda _, u: u**2, RING).solve(np.ones(16), [0, 20], "rk4", 0.01),
        RuntimeError, "not finite at t=20",
    ),
    "blow-up with small steps": (
        lambda: IVP(lambda _, u: u**2, RING).solve(np.ones(16), [0, 20]), RuntimeError,
        "'RK45' failed at t=1",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(call, error, words):
    with np.errstate(all="ignore"), pytest.raises(error, match=words):
        call()


BOX = Grid(x=Uniform(0, 1, 6), y=Cells(0, 1, 5), z=Periodic(0, 1, 7))
WIRE = Grid(x=Uniform(0, 1, 21))
WALLS = [Dirichlet("x-", lambda t: t), Neumann("x+"), Robin("y-", 1, 2, 3), Dirichlet("y+")]
STEPPED_SYSTEMS = {
    "sums along axes": lambda: IVP(Laplacian() + Diff("z"), BOX, WALLS),
    "a varying coefficient": lambda: IVP(
        Diffusion(lambda x, y, z: 1 + x * y * z), BOX, WALLS,
    ),
    "a complex operator": lambda: IVP(1j * Laplacian(), BOX, Dirichlet("boundary")),
    "penalties": lambda: IVP(
        Diff("x", 2, scheme=SBP(4)) - Diff("x", scheme=SBP(4)), WIRE, Dirichlet("boundary"),
        impose="sat",
    ),
    "corrected ghosts": lambda: IVP(Diff("x", 2, acc=4), WIRE, Dirichlet("boundary", 1), source=2),
    "holes": lambda: IVP(LAPLACE.masked(HOLED), FLAT, [Dirichlet("x-"), Neumann("x+")]),
    "blocks": lambda: IVP(
        Block([[Laplacian(), 3], [-1, 2 * Laplacian() + (lambda x: x)]]), FLAT,
        [Dirichlet("boundary")],
    ),
    "compact rows": lambda: IVP(Diff("x", 2, scheme=Compact()), WIRE, Dirichlet("boundary")),
}  # fmt: skip


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("name", STEPPED_SYSTEMS)
def test_implicit_steps_solve_with_the_identity_less_the_matrix(name, second):
    """By diagonalization, factors or iterations, for real and complex data."""
    from findops.problems.evolution.semidiscrete import SecondOrderSystem

    first = STEPPED_SYSTEMS[name]()._semidiscrete_with((), second)
    equation = SecondOrderSystem(first, 0.0, 1.0) if second else first
    rng = np.random.default_rng(0)
    b = rng.standard_normal(equation.size)
    for step in (1e-3, 0.7):
        dense = np.eye(len(b)) - step * equation.matrix.toarray()
        for given in (b, b + 1j * rng.standard_normal(len(b))):
            want = np.linalg.solve(dense, given)
            found = equation.resolvent(step)(given.copy())
            assert np.iscomplexobj(found) == np.iscomplexobj(want)
            np.testing.assert_allclose(found, want, rtol=0, atol=1e-11 * np.abs(want).max())


@pytest.mark.parametrize("solver", ["krylov", "direct"])
@pytest.mark.parametrize("method", ["backward-euler", "crank-nicolson", "imex"])
def test_steps_by_any_solver_are_the_same(method, solver, monkeypatch):
    from findops.problems.evolution import resolvent

    def run():
        added = {"explicit": lambda t, u: -(u**2) * t} if method == "imex" else {}
        problem = IVP(Laplacian() + Diff("z"), BOX, WALLS, **added)
        u0 = np.random.default_rng(3).random(BOX.shape)
        return problem.solve(u0, [0, 0.05, 0.1], method, dt=0.01).u

    fast = run()
    monkeypatch.setattr(resolvent, "candidates", lambda _: {solver: resolvent.METHODS[solver]})
    np.testing.assert_allclose(fast, run(), rtol=0, atol=1e-11)


# What the classical methods do, by hand ----------------------------------------------------------


def classic_rk4(f, t, x, h):
    k1 = f(t, x)
    k2 = f(t + h / 2, x + h / 2 * k1)
    k3 = f(t + h / 2, x + h / 2 * k2)
    k4 = f(t + h, x + h * k3)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


BY_HAND = {
    "rk4": classic_rk4,
    "euler": lambda f, t, x, h: x + h * f(t, x),
}
SHEET = Grid(x=Uniform(0, 1, 9), y=Cells(0, 1, 8))
RULER = Grid(x=Uniform(0, 1, 16))
TORUS = Grid(x=Periodic(0, 1, 8), y=Periodic(0, 1, 9))
WALLS = [Robin("x-", 2, 1, 3), Dirichlet("x+", 2), Neumann("y-", 1), Dirichlet("y+")]
MOVING = [Dirichlet("x-", lambda y, t: y * np.sin(9 * t)), *WALLS[1:]]
STEPPED = {
    "no conditions": lambda: IVP(Laplacian() + 3 * Diff("x"), TORUS),
    "a steady source": lambda: IVP(Laplacian(), TORUS, source=lambda x, y: x + y),
    "a moving source": lambda: IVP(Laplacian(), TORUS, source=lambda x, t: np.cos(9 * t) * x),
    "steady conditions": lambda: IVP(Laplacian(), SHEET, WALLS, source=2),
    "moving conditions": lambda: IVP(Laplacian(), SHEET, MOVING),
    "weak conditions": lambda: IVP(
        Diff("x", scheme=SBP(4)), RULER, Dirichlet("x+", 3), impose="sat"
    ),
    "moving weak conditions": lambda: IVP(
        Diff("x", scheme=SBP(4)), RULER, Dirichlet("x+", lambda t: np.cos(9 * t)), impose="sat"
    ),
    "a complex operator": lambda: IVP((1 + 1j) * Laplacian(), TORUS),
    "a complex source": lambda: IVP(Laplacian(), TORUS, source=lambda t: np.exp(9j * t)),
    "an explicit part": lambda: IVP(Laplacian(), SHEET, MOVING, explicit=lambda t, u: t * u**2),
    "a function": lambda: IVP(lambda t, u: np.cos(9 * t) * u - u**2, SHEET, WALLS),
    "a function and a source": lambda: IVP(lambda _, u: -(u**2), TORUS, source=lambda t: t),
    "components": lambda: IVP(Gradient() @ Divergence(), TORUS),
}


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("method", BY_HAND)
@pytest.mark.parametrize("name", STEPPED)
@pytest.mark.filterwarnings("ignore:.*grow")
def test_steps_are_those_of_the_classical_methods(name, method, dtype):
    problem, random = STEPPED[name](), np.random.default_rng(2)
    shape = (2,) * (name == "components") + problem.grid.shape
    u0 = random.random(shape).astype(dtype)
    if dtype is complex:
        u0 += 1j * random.random(shape)
    kept = u0.copy()
    h = 2.0**-14
    times = np.array([0.25, 0.25 + 3 * h, 0.25 + 5 * h])
    found = problem.solve(u0, times, method, dt=h).u
    np.testing.assert_array_equal(u0, kept)
    x, want = problem.restrict(u0), []
    for k in range(6):
        if k in (0, 3, 5):
            want.append(problem.lift(x, times[0] + k * h))
        x = BY_HAND[method](problem.fun, times[0] + k * h, x, h)
    assert found.dtype == np.result_type(*want)
    np.testing.assert_allclose(found, want, rtol=1e-13, atol=1e-13)


def test_leapfrog_is_half_a_drift_a_kick_and_half_a_drift():
    problem = IVP(Laplacian(), SHEET, MOVING)
    u0, v0 = np.random.default_rng(4).random((2, *SHEET.shape))
    h, t = 2.0**-10, 0.25
    found = problem.solve(u0, [t, t + 4 * h], "leapfrog", dt=h, v0=v0)
    second = problem._semidiscrete_for(SHEET.shape, True)
    x, v = (second.system.restrict(u) for u in (u0, v0))
    for k in range(4):
        x = x + h / 2 * v
        v = v + h * second(t + (k + 0.5) * h, x)
        x = x + h / 2 * v
    np.testing.assert_allclose(found.u[-1], second.system.lift(x, t + 4 * h), rtol=1e-13)
    np.testing.assert_allclose(second.system.restrict(found.v[-1]), v, rtol=1e-13, atol=1e-12)


def test_functions_may_write_into_their_argument_and_keep_it():
    seen = []

    def rate(_, u):
        seen.append(u)
        u *= -1
        return u

    (x,) = RING.mesh()
    found = IVP(rate, RING).solve(1 + x, [0, 0.2], "euler", dt=0.1)
    np.testing.assert_allclose(found.u[-1], 0.81 * (1 + x), rtol=1e-14)
    np.testing.assert_allclose(seen[-1], -0.9 * (1 + x), rtol=1e-14)


def test_equations_of_real_fields_stay_real():
    def later(t):
        return 1j if t > 0.05 else 1.0

    for problem in (
        IVP(Laplacian(), RING, source=later),
        IVP(lambda t, u: later(t) * u, RING),
        IVP(lambda _, u: -u, ROD, Dirichlet("x-", later)),
    ):
        u0 = np.ones(problem.grid.shape)
        with pytest.raises(TypeError, match="complex"):
            problem.solve(u0, [0, 0.1], "euler", dt=1e-3)
        assert np.iscomplexobj(problem.solve(u0 + 0j, [0, 0.1], "euler", dt=1e-3).u)


def test_functions_may_be_infinite_where_conditions_stand():
    signs = iter([1, -1] * 100)

    def rate(_, u):
        out = -u
        out[0] = next(signs) * np.inf
        return out

    problem = IVP(rate, ROD, Dirichlet("x-", 1))
    found = problem.solve(np.ones(6), [0, 0.2], "rk4", dt=0.1)
    np.testing.assert_allclose(found.u[-1][1:], np.exp(-0.2), rtol=1e-6)
    assert found.u[-1][0] == 1
