"""Nonlinear boundary-value problems: exact solutions, what is given, what is refused."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import brentq
from scipy.sparse.linalg import spsolve

from findops import (
    BVP,
    Condition,
    Diff,
    Dirichlet,
    Field,
    Gradient,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Points,
    Robin,
    Uniform,
)
from findops.problems.linear import krylov
from findops.problems.linear.nearest_sum import nearest_sum
from findops.problems.nonlinear import inner


def stretched(n):
    s = np.linspace(0, 1, n)
    return Points(s + 0.1 * np.sin(2 * np.pi * s) / np.pi)


def exact(x, y):
    return np.sin(2 * x + y)


GRIDS = {
    "uniform": lambda n: Grid(x=Uniform(0, 1, n), y=Uniform(0, 1.2, n + 2)),
    "points": lambda n: Grid(x=stretched(n), y=stretched(n + 2)),
}
CONDITIONS = [
    Dirichlet("x-", exact),
    Robin("x+", 2, 1, lambda x, y: 2 * exact(x, y) + 2 * np.cos(2 * x + y)),
    Neumann("y-", lambda x, y: -np.cos(2 * x + y)),
    Dirichlet("y+", exact),
]


@pytest.mark.parametrize("acc", [2, 4])
@pytest.mark.parametrize("make", GRIDS.values(), ids=GRIDS)
def test_order_of_accuracy(make, acc):
    """∇·(1 + u²)∇u = ∇²u + u² ∇²u + 2 u |∇u|², with slopes in the conditions."""
    errors = []
    for n in (13, 25, 49):
        grid = make(n)
        lap, dx, dy = (
            L.on(grid) for L in (Laplacian(acc=acc), Diff("x", acc=acc), Diff("y", acc=acc))
        )

        def f(u, lap=lap, dx=dx, dy=dy):
            return (1 + u**2) * lap(u) + 2 * u * (dx(u) ** 2 + dy(u) ** 2)

        x, y = grid.mesh()
        u = exact(x, y)
        rhs = -5 * (1 + u**2) * u + 10 * u * np.cos(2 * x + y) ** 2
        found = BVP(f, grid, CONDITIONS, acc=acc).solve(rhs)
        assert found.residual < 1e-14
        errors.append(np.abs(found.u - u).max())
    first, second = np.log2(np.divide(errors[:-1], errors[1:]))
    assert max(second, 2 * second - first) >= acc - 0.2


def test_liouville_has_two_solutions():
    """u″ + eᵘ = 0 between zeros: u = 2 ln(cosh θ / cosh(θ(1 − 2x))), 8θ² = cosh² θ."""
    grid = Grid(x=Uniform(0, 1, 201))
    (x,) = grid.mesh()
    d2 = Diff("x", 2, acc=6).on(grid)
    problem = BVP(lambda u: d2(u) + np.exp(u), grid, Dirichlet("boundary"))
    for bracket, start in (((0, 1), 0), ((2, 6), 15 * x * (1 - x))):
        theta = brentq(lambda t: np.sqrt(8) * t - np.cosh(t), *bracket)
        found = problem.solve(start=start)
        want = 2 * np.log(np.cosh(theta) / np.cosh(theta * (1 - 2 * x)))
        np.testing.assert_allclose(found.u, want, rtol=0, atol=1e-6)


def test_blasius_has_its_published_slope_at_the_wall():
    """f‴ + f f″/2 = 0, f = f′ = 0 at the wall and f′ = 1 far off: f″ = 0.332057 (Howarth 1938)."""
    grid = Grid(x=Uniform(0, 10, 201))
    (x,) = grid.mesh()
    d2, d3 = (Diff("x", order, acc=6).on(grid) for order in (2, 3))
    conditions = [Dirichlet("x-"), Neumann("x-"), Neumann("x+", 1)]
    problem = BVP(lambda f: d3(f) + f * d2(f) / 2, grid, conditions, acc=6)
    found = problem.solve(start=x - 1.72 * (1 - np.exp(-x)))
    assert abs(d2(found.u)[0] - 0.332057336) < 1e-8


@pytest.mark.parametrize(("load", "top"), [(1, 0.140539214), (2, 0.328952417)])
def test_bratu_has_its_published_height(load, top):
    """u″ + λ eᵘ = 0 between zeros: u at the middle, on the lower branch."""
    grid = Grid(x=Uniform(0, 1, 101))
    d2 = Diff("x", 2, acc=6).on(grid)
    problem = BVP(lambda u: d2(u) + load * np.exp(u), grid, Dirichlet("boundary"), acc=6)
    assert abs(problem.solve().u[50] - top) < 1e-8


def test_bratu_turns_at_its_critical_load():
    """λ = θ²/(2 cosh² θ/4) is largest where θ/4 = coth θ/4: two solutions below, none beyond."""
    grid = Grid(x=Uniform(0, 1, 101))
    (x,) = grid.mesh()
    d2 = Diff("x", 2, acc=6).on(grid)

    def solve(load, height):
        problem = BVP(lambda u: d2(u) + load * np.exp(u), grid, Dirichlet("boundary"), acc=6)
        return problem.solve(start=height * np.sin(np.pi * x)).u

    def load_at(theta):
        return theta**2 / (2 * np.cosh(theta / 4) ** 2)

    turn = 4 * brentq(lambda s: s * np.tanh(s) - 1, 1, 2)
    assert abs(load_at(turn) - 3.513830719) < 1e-9
    for load in (3.0, 3.5, 3.5138):
        for ends, height in (((0.1, turn), 0.0), ((turn, 9), 2.5)):
            theta = brentq(lambda theta, load=load: load_at(theta) - load, *ends)
            want = -2 * np.log(np.cosh((x - 0.5) * theta / 2) / np.cosh(theta / 4))
            np.testing.assert_allclose(solve(load, height), want, rtol=0, atol=2e-7)
    for height in (0.0, 1.2, 2.5):
        with pytest.raises(RuntimeError):
            solve(3.5139, height)


def test_a_linear_function_is_the_operator():
    grid = GRIDS["uniform"](15)
    op = (Laplacian(acc=4) - 1).on(grid)
    want = BVP(Laplacian(acc=4) - 1, grid, CONDITIONS).solve(3).u
    found = BVP(op.__call__, grid, CONDITIONS, acc=4).solve(3)
    np.testing.assert_allclose(found.u, want, rtol=0, atol=1e-12)
    assert (found.method, found.iterations) == ("Newton", 2)


def test_two_components_with_their_own_conditions():
    """u″ + u (u² + v²) = 0 and v″ + v (u² + v²) = 0: sin x and cos x."""
    grid = Grid(x=Uniform(0, 2, 81))
    (x,) = grid.mesh()
    op = Diff("x", 2, acc=4).on(grid)

    def f(w):
        u, v = w
        return op(w) + w * (u**2 + v**2)

    conditions = [
        Dirichlet("x-", 0, component=0),
        Neumann("x+", np.cos(2), component=0),
        Neumann("x-", 0, component=1),
        Dirichlet("x+", np.cos(2), component=1),
    ]
    found = BVP(f, grid, conditions, components=2, acc=4).solve(start=np.stack([x, 1 - x / 2]))
    np.testing.assert_allclose(found.u, [np.sin(x), np.cos(x)], rtol=0, atol=1e-6)


def test_periodic_axes_and_complex_fields():
    grid = Grid(x=Periodic(0, 2 * np.pi, 24))
    (x,) = grid.mesh()
    op = (Diff("x", 2, acc=4) - 4).on(grid)
    want = np.exp(1j * x)
    found = BVP(lambda u: op(u) + 1j * u**2, grid).solve(op(want) + 1j * want**2, start=want / 2)
    np.testing.assert_allclose(found.u, want, rtol=0, atol=1e-12)


def test_given_jacobians():
    grid = GRIDS["uniform"](15)
    lap = Laplacian().on(grid)
    linear = (Laplacian() + Field("slope")).on(grid, slope=np.zeros(grid.shape))

    def f(u):
        return lap(u) - u**3

    def matrix(u):
        return lap.matrix() - sparse.diags_array(3 * u.ravel() ** 2)

    def operator(u):
        return linear.replace(slope=-3 * u**2)

    found = [BVP(f, grid, CONDITIONS, jac=jac).solve(1) for jac in (None, matrix, operator)]
    for other in found[1:]:
        np.testing.assert_allclose(other.u, found[0].u, rtol=0, atol=1e-13)
        assert abs(other.iterations - found[0].iterations) <= 1


def test_a_dense_coupling_needs_its_jacobian():
    grid = Grid(x=Uniform(0, 1, 301))
    (x,) = grid.mesh()
    d2, weights = Diff("x", 2).on(grid), grid.weights()

    def f(u):
        return d2(u) - weights @ u

    def jac(u):
        return d2.matrix() - sparse.csr_array(np.ones((u.size, 1)) * weights)

    with pytest.raises(ValueError, match="give jac="):
        BVP(f, grid, Dirichlet("boundary")).solve(1)
    # u = c x (x − 1)/2 with c = 1 + ∫u = 1 − c/12, and h² less from the trapezoidal rule.
    found = BVP(f, grid, Dirichlet("boundary"), jac=jac).solve(1)
    np.testing.assert_allclose(found.u, 12 / 13 * x * (x - 1) / 2, rtol=0, atol=1e-6)


def test_a_given_mean_and_the_constant_that_balances_it():
    """u″ + u′² = f with no flux at the ends leaves u free but for a constant."""
    grid = Grid(x=Uniform(0, 1, 41))
    (x,) = grid.mesh()
    d1, d2 = Diff("x", acc=6).on(grid), Diff("x", 2, acc=6).on(grid)
    f = np.pi**2 * (np.sin(np.pi * x) ** 2 - np.cos(np.pi * x))
    conditions = [Neumann("boundary"), Condition("mean", 1, 0.3)]
    problem = BVP(lambda u: d2(u) + d1(u) ** 2, grid, conditions, acc=6)
    found = problem.solve(f + 2)
    np.testing.assert_allclose(found.u, np.cos(np.pi * x) + 0.3, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.constants, 2, rtol=1e-6)
    assert found.residual < 1e-14


ENDS_AT = Dirichlet("boundary", lambda x, t: 1 + t * x)


def test_conditions_at_a_time():
    grid = Grid(x=Uniform(0, 1, 41))
    d2 = Diff("x", 2, acc=6).on(grid)
    problem = BVP(lambda u: (1 + u**2) * d2(u), grid, ENDS_AT)
    found = problem.solve(t=2.0)
    np.testing.assert_allclose(found.u, 1 + 2 * grid.mesh()[0], rtol=0, atol=1e-12)
    with pytest.raises(TypeError, match="give t="):
        problem.solve()


def test_a_solver_of_linear_systems():
    grid = GRIDS["uniform"](15)
    lap = Laplacian().on(grid)
    problem = BVP(lambda u: lap(u) - u**3, grid, CONDITIONS)
    want, given = problem.solve(1), problem.solve(1, lambda A, b: spsolve(A, b))
    np.testing.assert_allclose(given.u, want.u, rtol=0, atol=1e-13)


def bratu(grid, load=1.0):
    lap = Laplacian().on(grid)
    return BVP(lambda u: lap(u) + load * np.exp(u), grid, Dirichlet("boundary"))


def quasilinear(grid):
    """∇·(1 + u²)∇u = u³, on uneven points, with slopes."""
    lap, gradient = Laplacian().on(grid), Gradient().on(grid)
    conditions = [Robin("x-", 1, 1, 2), Dirichlet("x+", lambda y: np.sin(3 * y)), Neumann("y-", 1)]

    def f(u):
        return (1 + u**2) * lap(u) + 2 * u * (gradient(u) ** 2).sum(axis=0) - u**3

    return BVP(f, grid, [*conditions, Dirichlet("y+")])


def catalysis(grid):
    """A pair that reacts, one held at the walls and one let out on one side."""
    lap = Laplacian().on(grid)
    held = [Dirichlet("boundary", 1, component=0), Dirichlet("x-", 2, component=1)]
    free = [Neumann(face, 0, component=1) for face in ("x+", "y-", "y+", "z-", "z+")]

    def f(w):
        u, v = w
        return np.stack([lap(u) - u * v**2, 2 * lap(v) + u - v])

    return BVP(f, grid, [*held, *free], components=2)


def schroedinger(grid):
    """A complex field with an analytic nonlinearity and a given mean."""
    op = (1j * Laplacian()).on(grid)
    return BVP(lambda u: op(u) + u**2, grid, [Neumann("boundary"), Condition("mean", 1, 0.3j)])


BLOCK = Grid(x=Uniform(0, 1, 12), y=Uniform(0, 1.2, 11), z=Uniform(0, 1, 10))
UNEVEN = Grid(x=stretched(11), y=stretched(12), z=Periodic(0, 1, 9))
LARGE = {
    "Bratu": lambda: bratu(BLOCK, 6),
    "quasilinear": lambda: quasilinear(UNEVEN),
    "a pair": lambda: catalysis(BLOCK),
    "complex, with a mean": lambda: schroedinger(BLOCK),
}


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_iterations_find_what_factors_find(make, monkeypatch):
    """To roundoff, in about as many steps, without factors, and behind few preconditioners."""
    sums = []
    whole = inner.nearest_sum
    monkeypatch.setattr(inner, "nearest_sum", lambda *a: sums.append(1) or whole(*a))
    want = make().solve(start=0.1, solver="direct")
    assert (want.method, sums) == ("Newton", [])
    monkeypatch.setattr(inner, "inverse", None)
    monkeypatch.setattr(inner, "FACTORED", 0)
    # Components that couple are factored where factors fit, unless iterations are asked for.
    found = make().solve(start=0.1, solver="krylov" if want.u.ndim > 3 else "auto")
    assert found.method == "Newton, Krylov, separable preconditioner"
    np.testing.assert_allclose(found.u, want.u, rtol=0, atol=1e-12)
    assert found.residual < 1e-14
    assert found.iterations <= want.iterations + 2
    assert len(sums) <= 2 * np.prod(want.u.shape[:-3])


@pytest.mark.parametrize("solver", ["ilu", "amg"])
def test_other_preconditioners_of_the_jacobian(solver):
    if solver == "amg":
        pytest.importorskip("pyamg", reason="solver='amg' needs PyAMG, an extra")
    want, found = (bratu(BLOCK).solve(solver=name) for name in ("direct", solver))
    assert found.method.startswith("Newton, Krylov, ")
    np.testing.assert_allclose(found.u, want.u, rtol=0, atol=1e-14)


def test_newton_goes_on_to_what_solves(monkeypatch):
    """Unknowns that are no box have no Kronecker sum; no iterations, no solution by them."""
    inside = np.zeros(BLOCK.shape, dtype=bool)
    inside[5, 5, 5] = True
    lap = Laplacian().on(BLOCK)
    walls = [Dirichlet("boundary"), Dirichlet(inside, 0.1)]
    problem = BVP(lambda u: lap(u) + np.exp(u), BLOCK, walls)
    with pytest.raises(RuntimeError, match=r"'krylov'.*no box.*solver='direct'"):
        problem.solve(solver="krylov")
    want = problem.solve(solver="direct")
    monkeypatch.setattr(inner, "FACTORED", 0)
    found = problem.solve()
    assert "separable" not in found.method
    np.testing.assert_allclose(found.u, want.u, rtol=0, atol=1e-14)

    def fail(*_):
        raise krylov.NoConvergenceError("they lead nowhere")

    monkeypatch.setattr(inner, "Krylov", fail)
    found = problem.solve()
    assert found.method == "Newton"
    np.testing.assert_allclose(found.u, want.u, rtol=0, atol=1e-14)


def test_factors_are_for_small_problems():
    """What factors cost is told by the Jacobian: on fields, a function has no rows of its own."""
    for make, cheap in ((lambda n: Grid(x=Uniform(0, 1, n)), 5000), (square, 60), (cube, 12)):
        assert bratu(make(cheap)).solve().method == "Newton"
    assert bratu(cube(24)).solve().method == "Newton, Krylov, separable preconditioner"


def square(n):
    return Grid(x=Uniform(0, 1, n), y=Uniform(0, 1, n))


def cube(n):
    return Grid(x=Uniform(0, 1, n), y=Uniform(0, 1, n), z=Uniform(0, 1, n))


@pytest.mark.parametrize("kind", [float, complex])
def test_a_kronecker_sum_is_its_own_nearest_one(kind):
    rng, shape = np.random.default_rng(0), (4, 3, 5)
    lines = [rng.standard_normal((n, n)).astype(kind) + 8 * np.eye(n) for n in shape]
    if kind is complex:
        lines[1] += 1j * rng.standard_normal((3, 3))
    eyes = [np.eye(n) for n in shape]
    whole = sum(
        np.kron(np.kron(*(lines[i] if i == axis else eyes[i] for i in (0, 1))),
                lines[2] if axis == 2 else eyes[2])
        for axis in range(3)
    )  # fmt: skip
    b = rng.standard_normal(60).astype(kind)
    near = nearest_sum(sparse.csr_array(whole), shape)
    np.testing.assert_allclose(near.inverse(b), np.linalg.solve(whole, b), rtol=0, atol=1e-13)


def test_the_line_search_saves_a_far_start():
    """Newton's method for arctan diverges from 3 without it."""
    grid = Grid(x=Uniform(0, 1, 21))
    found = BVP(lambda u: np.arctan(u), grid).solve(start=3)
    np.testing.assert_allclose(found.u, 0, atol=1e-12)
    assert found.iterations > 1


ROD = Grid(x=Uniform(0, 1, 9))
RING = Grid(x=Periodic(0, 1, 9))
D2 = Diff("x", 2).on(ROD)
SLOPE = np.arange(9) / 7
ENDS = Dirichlet("boundary")


def cubic(**more):
    return BVP(lambda u: D2(u) - u**3, ROD, ENDS, **more)


REFUSED = {
    "shape": (
        lambda: BVP(lambda u: u[1:], ROD, ENDS).solve(), ValueError, r"\(9,\).*returned \(8,\)",
    ),
    "not an array": (lambda: BVP(lambda _: "u", ROD, ENDS).solve(), TypeError, "fields are"),
    "not finite": (
        lambda: BVP(lambda u: D2(u) + 1 / (u - u), ROD, ENDS).solve(), ValueError, "not finite",
    ),
    "no solution": (
        lambda: BVP(lambda u: D2(u) + 9 * np.exp(u), ROD, ENDS).solve(),
        RuntimeError, "does not converge.*residuals",
    ),
    "start": (lambda: cubic().solve(start=np.zeros(4)), ValueError, r"start needs shape \(9,\)"),
    "right-hand side": (lambda: cubic().solve(np.zeros(4)), ValueError, "right-hand side"),
    "jac's shape": (
        lambda: cubic(jac=lambda _: sparse.eye_array(7)).solve(1),
        ValueError, r"\(9, 9\).*returned \(7, 7\)",
    ),
    "jac's type": (lambda: cubic(jac=lambda _: 1).solve(1), TypeError, "sparse.*not"),
    "jac wrong": (
        lambda: cubic(jac=lambda _: -D2.matrix()).solve(1), RuntimeError, "jac= wrong",
    ),
    "solver": (lambda: cubic().solve(1, "fast"), ValueError, "'auto', 'direct'"),
    "a solver's tuple": (lambda: cubic().solve(1, lambda _, b: (b, 0)), TypeError, "x alone"),
    "factor": (lambda: cubic().factor(), TypeError, "nonlinear"),
    "singular": (
        lambda: BVP(lambda u: D2(u), ROD, Neumann("boundary"), jac=lambda _: D2).solve(1),
        ValueError, "Jacobian is singular",
    ),
    "nearly singular": (
        lambda: BVP(lambda u: D2(u), ROD, Neumann("boundary")).solve(1, start=SLOPE),
        (ValueError, RuntimeError), "conditions (are|may be) missing",
    ),
    "a function without conditions": (
        lambda: BVP(lambda u: D2(u), ROD).solve(1), ValueError, "Jacobian is singular",
    ),
    "a function with one condition": (
        lambda: BVP(lambda u: D2(u) + u**3, ROD, Dirichlet("x-")).solve(1),
        ValueError, "Jacobian is singular",
    ),
    "periodic": (
        lambda: BVP(lambda u: u, RING, Dirichlet("x-")), ValueError, "periodic",
    ),
    "components": (
        lambda: BVP(lambda u: u, ROD, ENDS, components=2.5), TypeError, "components must be an int",
    ),
    "components of a field": (
        lambda: BVP(lambda u: u[0], ROD, ENDS, components=2).solve(),
        ValueError, r"\(2, 9\).*returned \(9,\)",
    ),
    "closure": (lambda: cubic(closure="odd"), TypeError, "expression"),
    "fields": (lambda: cubic(k=1), TypeError, "expression"),
    "start of a linear problem": (
        lambda: BVP(Diff("x", 2), ROD, ENDS).solve(1, start=0), TypeError, "linear",
    ),
    "jac of an expression": (
        lambda: BVP(Diff("x", 2), ROD, ENDS, jac=lambda _: D2), TypeError, "belong to functions",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero", "ignore:overflow")
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
