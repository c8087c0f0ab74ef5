"""Faces that need no condition: where an equation degenerates, and where diffusion is natural."""

import warnings

import numpy as np
import pytest
from scipy.special import ndtr

from findops import (
    BVP,
    EVP,
    IVP,
    Cells,
    Coef,
    Diff,
    Diffusion,
    Dirichlet,
    Field,
    Grid,
    Neumann,
    NoCondition,
    Periodic,
    Robin,
    Uniform,
)

LINE = Grid(x=Uniform(0, 1, 21))


def orders(errors):
    return np.log2(np.divide(errors[:-1], errors[1:]))


def test_the_whole_disc():
    """u = r cos θ (1 − r²) + 1 − r²: the condition that is obeyed instead, a slope, is wrong."""
    L = (lambda r: 1 / r) * Diffusion(lambda r: r, axes=["r"])
    L = L + (lambda r: 1 / r**2) * Diff("theta", 2)
    errors = []
    for n in (20, 40, 80):
        grid = Grid(r=Cells(0, 1, n), theta=Periodic(0, 2 * np.pi, 32))
        r, theta = grid.mesh()
        want = r * np.cos(theta) * (1 - r**2) + 1 - r**2
        rhs = np.broadcast_to(-8 * r * np.cos(theta) - 4, grid.shape)
        found = BVP(L, grid, [Dirichlet("r+"), NoCondition("r-")]).solve(rhs)
        errors.append(np.abs(found.u - want).max())
    np.testing.assert_allclose(errors, [0.0072, 0.0018, 0.0005], atol=5e-5)
    slope = BVP(L, grid, [Dirichlet("r+"), Neumann("r-")]).solve(rhs)
    assert np.abs(slope.u - want).max() > 20 * errors[-1]


@pytest.mark.parametrize("acc", [2, 4])
def test_legendre(acc):
    """(1 − x²) u″ − 2x u′ = −l(l+1) u."""
    L = (lambda x: 1 - x**2) * Diff("x", 2, acc) - (lambda x: 2 * x) * Diff("x", 1, acc)
    want = -np.arange(10) * np.arange(1, 11)
    errors = []
    for n in (40, 80, 160):
        found = EVP(L, Grid(x=Uniform(-1, 1, n)), NoCondition("boundary")).solve(10)
        errors.append(np.abs(found.values - want).max())
    assert orders(errors).min() > acc - 0.2


def call(price, time, rate=0.05, volatility=0.3):
    """Value of a call with strike 1 (Black and Scholes, 1973)."""
    price = np.maximum(price, 1e-300)
    spread = volatility * np.sqrt(time)
    d = (np.log(price) + (rate + volatility**2 / 2) * time) / spread
    return price * ndtr(d) - np.exp(-rate * time) * ndtr(d - spread)


@pytest.mark.parametrize("acc", [2, 4])
def test_black_scholes(acc):
    L = (lambda S: 0.045 * S**2) * Diff("S", 2, acc) + (lambda S: 0.05 * S) * Diff("S", 1, acc)
    errors = []
    for n in (41, 81):
        grid = Grid(S=Uniform(0, 4, n))
        (S,) = grid.mesh()
        far = Dirichlet("S+", lambda t: 4 - np.exp(-0.05 * (t + 0.5)))
        problem = IVP(L - 0.05, grid, [NoCondition("S-"), far])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = problem.solve(call(S, 0.5), [0, 0.5], "crank-nicolson", dt=1 / 800)
        errors.append(np.abs(found.u[-1] - call(S, 1)).max())
    assert orders(errors)[0] > acc - 0.25


@pytest.mark.parametrize("acc", [2, 4])
def test_heston(acc):
    """Heston's operator (1993) degenerates where the price or the variance v is zero."""
    D = {(i, j): Diff("S", i, acc) * Diff("v", j, acc) if i * j else Diff("vS"[i > 0], i + j, acc)
         for i, j in [(1, 0), (0, 1), (2, 0), (0, 2), (1, 1)]}  # fmt: skip
    rate, drift, mean, spread, correlation = 0.03, 1.5, 0.3, 0.4, -0.6

    def factors(S, v):
        return {
            (2, 0): v * S**2 / 2, (1, 1): correlation * spread * v * S, (0, 2): spread**2 * v / 2,
            (1, 0): rate * S, (0, 1): drift * (mean - v),
        }  # fmt: skip

    errors = []
    for n in (16, 32):
        grid = Grid(S=Uniform(0, 2, n + 1), v=Uniform(0, 1, n + 1))
        S, v = grid.mesh()
        u = np.exp(-S) * np.cos(v)
        known = {(2, 0): u, (1, 0): -u, (0, 2): -u, (0, 1): -np.exp(-S) * np.sin(v)}
        known[1, 1] = -known[0, 1]
        at = factors(S, v)
        rhs = sum(at[k] * known[k] for k in D) - rate * u
        L = sum(np.broadcast_to(at[k], grid.shape) * D[k] for k in D) - rate
        faces = [
            NoCondition("S-"),
            NoCondition("v-"),
            Dirichlet("S+", u[-1]),
            Dirichlet("v+", u[:, -1]),
        ]
        errors.append(np.abs(BVP(L, grid, faces).solve(rhs).u - u).max())
        again = IVP(L, grid, faces, source=-rhs).solve(u, [0, 0.2], "crank-nicolson", dt=0.02)
        assert np.abs(again.u[-1] - u).max() < 2 * errors[-1]
    assert orders(errors)[0] > acc - 0.2


@pytest.mark.parametrize("make", [BVP, EVP, IVP])
def test_numbers_of_conditions(make):
    D2, D4 = Diff("x", 2), Diff("x", 4)
    one, none = Dirichlet("x+"), NoCondition("x-")
    for L, fit in [
        (D2, [none, one]), (D2, [NoCondition("boundary")]), (D2, [none, one, Neumann("x+")]),
        (D4, [none, one, Neumann("x+")]), (Diff("x"), [none, one]), (Diff("x"), [none]),
    ]:  # fmt: skip
        make(L, LINE, fit)
    for L, few, words in [
        (D2, [none], "at least 1 condition opposite .*; there are 0: x. has none"),
        (D4, [none, one], "at least 2 .*NoCondition; there are 1"),
        (D2, [one], r"needs 2 .*there are 1: x- has none\. .*NoCondition\('x-'\) says so"),
        (D2, [none, Dirichlet("boundary")], "u = 0 on boundary> stands on x-, where NoCondition"),
        (D2, [Dirichlet("boundary"), Neumann("x-")],
         "there are 3: x- has u = 0 on boundary and ∂u/∂n = 0 on x-$"),
        (D2, [NoCondition("y-"), one], "no face 'y-'"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=words):
            make(L, LINE, few)


@pytest.mark.parametrize("velocity", [lambda x: 0.5 - x, np.linspace(0.5, -0.5, 81)], ids=type)
def test_flow_that_enters_through_both_faces(velocity):
    """Characteristics x − ½ ∝ exp(−t) carry u0 to the middle, and zero from both faces."""
    grid = Grid(x=Uniform(0, 1, 81))
    (x,) = grid.mesh()
    from_x = 0.5 + (x - 0.5) * np.e**0.5
    want = np.where((from_x > 0) & (from_x < 1), (from_x - from_x**2) ** 3, 0)
    L = -Coef(velocity) * Diff("x")
    found = IVP(L, grid, Dirichlet("boundary")).solve((x - x**2) ** 3, [0, 0.5], rtol=1e-8)
    np.testing.assert_allclose(found.u[-1], want, rtol=0, atol=1e-4)


def test_flow_enters_through_both_faces_where_its_sign_differs():
    turning = Grid(x=Uniform(-1, 1, 9), y=Uniform(-1, 1, 9))
    both = Dirichlet("boundary")
    for L in (
        (lambda y: y) * Diff("x") - (lambda x: x) * Diff("y"),
        Diff("x") * Coef(lambda x: x) + Diff("y") * Coef(lambda y: -y),
        Field("a") * Diff("x") + Field("b") * Diff("y"),
    ):
        IVP(L, turning, both, **dict.fromkeys(L.free_fields, 1.0))
    for c in (1.0, lambda x: 1 + x, lambda x: x**2 - 0.01, 1j):
        with pytest.raises(ValueError, match="1 time along 'x', which needs 1 condition on its"):
            IVP(Coef(c) * Diff("x"), Grid(x=Uniform(-1, 1, 9)), both)


def test_words():
    for where in ("mean", np.ones(21, dtype=bool), 1):
        with pytest.raises(TypeError, match="NoCondition needs a face such as 'x-'"):
            NoCondition(where)
    with pytest.raises(ValueError, match=r"singular.*none on x-.*; NoCondition is for faces where"):
        BVP(Diff("x", 2), LINE, [NoCondition("x-"), Dirichlet("x+")]).solve(1)


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_coefficients_that_are_infinite_on_the_face_are_refused():
    L = Diff("r", 2) + (lambda r: 1 / r) * Diff("r")
    grid, conditions = Grid(r=Uniform(0, 1, 21)), [NoCondition("r-"), Dirichlet("r+")]
    for make in (BVP, EVP, lambda *args: IVP(*args).solve(np.ones(21), [0, 1])):
        with pytest.raises(ValueError, match=r"no equation at 1 points.* at a face take Cells"):
            make(L, grid, conditions)
        make(L, Grid(r=Cells(0, 1, 21)), conditions)
    # A condition takes the place of the equation there.
    BVP(L, grid, [Neumann("r-"), Dirichlet("r+")]).solve(-4)


@pytest.mark.parametrize("axis", [Uniform, Cells])
def test_natural_diffusion_with_a_value_on_a_face(axis):
    """((1 + x) u′)′ = f with u′(0) = 0: u = cos 2x."""
    errors = []
    for n in (20, 40, 80):
        grid = Grid(x=axis(0, 1, n))
        (x,) = grid.mesh()
        f = -2 * np.sin(2 * x) - 4 * (1 + x) * np.cos(2 * x)
        L = Diffusion(lambda x: 1 + x, natural=True)
        problem = BVP(L, grid, Dirichlet("x+", np.cos(2)))
        errors.append(np.abs(problem.solve(f).u - np.cos(2 * x)).max())
    assert orders(errors).min() > 1.9


def test_natural_diffusion_with_values_stays_symmetric():
    L = -Diffusion(lambda x: 1 + x, natural=True)
    problem = EVP(L, LINE, Dirichlet("x+"))
    norm = problem.system.restrict(LINE.weights())
    matrix = norm[:, None] * problem.system.matrix.toarray()
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-13 * np.abs(matrix).max())
    assert problem.solve(3).values.dtype == float


@pytest.mark.parametrize("given", [Dirichlet("x+", 1), Robin("x+", 1, 1)], ids=str)
def test_values_on_faces_of_natural_diffusion_need_acc_2(given):
    """Its even continuation would leave them of first order."""
    with pytest.raises(ValueError, match=r"natural at acc 4.*; take acc=2, or leave natural=True"):
        BVP(Diffusion(1, acc=4, natural=True), Grid(x=Uniform(0, 1, 21)), given)
    BVP(Diffusion(1, acc=4, natural=True), Grid(x=Uniform(0, 1, 21)), Neumann("x+", 1))


def test_natural_diffusion_keeps_the_mass_where_nothing_is_given():
    grid = Grid(x=Uniform(0, 1, 21), y=Cells(0, 1, 12))
    x, y = grid.mesh()
    u0 = np.exp(x + y**2)
    problem = IVP(Diffusion(lambda x, y: 1 + x * y, natural=True), grid)
    found = problem.solve(u0, [0, 0.1, 1], "crank-nicolson", dt=0.01)
    np.testing.assert_allclose(grid.integrate(found.u), grid.integrate(u0), rtol=1e-13)
    with pytest.raises(ValueError, match="natural along 'x', where a face takes 1 or none; there"):
        IVP(Diffusion(1, natural=True), grid, [Dirichlet("x-"), Neumann("x-")])
