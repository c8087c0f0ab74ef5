"""Stability: limits of fixed steps against theory, growing modes and what cures them."""

import re
import warnings

import numpy as np
import pytest
from scipy.interpolate import interp1d

from findops import (
    IVP,
    Advection,
    Block,
    Cells,
    Coef,
    Diff,
    Diffusion,
    Dirichlet,
    Fourier,
    Grid,
    Laplacian,
    Neumann,
    Periodic,
    Points,
    Robin,
    Uniform,
    Upwind,
)
from findops.expressions.expression import Expr
from findops.problems.evolution.integrate import IntegrationOptions, integrate
from findops.problems.evolution.spectrum import Spectrum, spectrum_of_function, spectrum_of_system
from findops.problems.evolution.stability import step_limit
from findops.problems.evolution.steppers import STEPPERS, Tableau

LINE = Grid(x=Uniform(0, 1, 101))
CIRCLE = Grid(x=Periodic(0, 1, 20))
SQUARE = Grid(x=Periodic(0, 1, 12), y=Uniform(0, 1, 11))
# Ends of the stable regions: on the real axis, and on the imaginary one.
REAL = {"euler": 2.0, "rk4": 2.785293563405282}
RK4_IMAGINARY = 2 * np.sqrt(2)


def limit(method, *values):
    values = np.array(values)
    return step_limit(STEPPERS[method](None).amplification, Spectrum(lambda: values))


@pytest.mark.parametrize(
    ("method", "values", "want"),
    [
        ("euler", [-4, -1], 0.5),
        ("euler", [-1 + 1j, -1 - 1j], 1),
        ("euler", [2j, -2j], 0),
        ("euler", [0], np.inf),
        ("rk4", [-2], REAL["rk4"] / 2),
        ("rk4", [4j, -4j, -1], RK4_IMAGINARY / 4),
        ("leapfrog", [5j, -5j], 0.4),
    ],
)
def test_limits_of_single_eigenvalues(method, values, want):
    np.testing.assert_allclose(limit(method, *values), want, rtol=2e-9)


def test_eigenvalues_that_are_not_exact_leave_a_margin():
    stepper = STEPPERS["euler"](None)
    found = Spectrum(lambda: np.array([-4.0]), complete=False)
    np.testing.assert_allclose(step_limit(stepper.amplification, found), 0.5 / 1.001, rtol=1e-8)


def test_a_proof_needs_no_eigenvalues():
    assert Spectrum(lambda: np.array([1.0]), dissipative=True).growth == 0
    assert Spectrum(lambda: np.array([1.0])).growth == 1


@pytest.mark.parametrize("method", ["euler", "rk4", "leapfrog"])
def test_growth_of_the_solution_itself_is_allowed(method):
    assert limit(method, 1.0, -1.0) > 0.1
    assert limit(method, 1 + 3j, 1 - 3j, -1 + 3j, -1 - 3j) > 0 or method == "euler"


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_amplification_is_what_a_step_does(method):
    z = np.array([-0.3 + 0.2j, 1j, -2.5])

    class Scalar:
        def rate(self, _, x, out, scale):
            np.multiply(z * scale, x, out=out)

    for Scalar.affine in (False, True):
        stepper = STEPPERS[method](Scalar())
        made = stepper(0, np.ones(3, complex), 1.0)
        np.testing.assert_allclose(np.abs(made), stepper.amplification(z))


PROBLEMS = {
    "euler, heat": (
        "euler", Laplacian(), SQUARE, [Dirichlet("y-"), Dirichlet("y+")],
        2 / (4 * 12**2 + 4 * 10**2 * np.cos(np.pi / 20) ** 2),
    ),
    "euler, heat on cells": (
        "euler", Diff("x", 2), Grid(x=Cells(0, 1, 10)), [Neumann("x-"), Neumann("x+")],
        2 / (4 * 10**2 * np.cos(np.pi / 20) ** 2),
    ),
    "rk4, advection": (
        "rk4", Diff("x"), CIRCLE, (), RK4_IMAGINARY / 20,
    ),
    "rk4, advection at acc 4": (
        "rk4", Diff("x", acc=4), Grid(x=Periodic(0, 1, 800)), (),
        # The largest modified wavenumber (Lele, 1992) is 1.3722/h.
        RK4_IMAGINARY / 1.37222 / 800,
    ),
    "rk4, a large matrix": (
        "rk4", Diffusion(1), Grid(x=Periodic(0, 1, 40), y=Periodic(0, 1, 30)), (),
        REAL["rk4"] / (4 * 40**2 + 4 * 30**2),
    ),
    "leapfrog, waves": (
        "leapfrog", 9 * Diff("x", 2), Grid(x=Uniform(0, 1, 21)), Dirichlet("boundary"),
        2 / (3 * 40 * np.cos(np.pi / 40)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "expr", "grid", "conditions", "want"), PROBLEMS.values(), ids=PROBLEMS
)
def test_unstable_steps_are_refused_and_stable_ones_stay_bounded(
    method, expr, grid, conditions, want
):
    problem = IVP(expr, grid, conditions)
    u0 = np.random.default_rng(0).standard_normal(grid.shape)
    v0 = np.zeros(grid.shape) if method == "leapfrog" else None
    # Arnoldi's iteration is exact to some 1e-3.
    slack = 2e-5 if problem._closure_choice.chosen(False).spectrum.complete else 2.5e-3
    with pytest.raises(ValueError, match=rf"'{method}' with dt=.* limit is dt ≤ 0") as caught:
        problem.solve(u0, [0, 1], method, dt=(1 + slack) * want, v0=v0)
    stated = float(str(caught.value).split("dt ≤ ")[1].split(",")[0])
    np.testing.assert_allclose(stated, want, rtol=slack)
    dt = (1 - slack) * want
    found = problem.solve(u0, [0, 400 * dt], method, dt=dt, v0=v0)
    grown = 400 if method == "leapfrog" else 1
    assert np.abs(found.u[1]).max() <= 10 * grown * np.abs(u0).max()


def test_the_limit_itself_is_allowed_and_just_above_it_is_not():
    problem = IVP(Diff("x", 2), CIRCLE)
    u0, exact = np.ones(20), 2 / (4 * 20**2)
    problem.solve(u0, [0, 1], "euler", dt=exact)
    with pytest.raises(ValueError, match="unstable"):
        problem.solve(u0, [0, 1], "euler", dt=exact * (1 + 1e-8))
    # Steps are never longer than what is between output times.
    problem.solve(u0, [0, exact], "euler", dt=1.0)


def test_some_methods_have_no_stable_step():
    with pytest.raises(ValueError, match="no step is stable"):
        IVP(Diff("x"), CIRCLE).solve(np.ones(20), [0, 1], "euler", dt=1e-9)


@pytest.mark.parametrize("n", [20, 600])
def test_functions_are_linearized(n):
    grid = Grid(x=Periodic(0, 1, n))
    second = Diff("x", 2).on(grid)
    problem = IVP(lambda _, u: u**2 * second(u), grid)
    u0 = np.full(n, 3.0)
    want = 2 / (9 * 4 * n**2)
    with pytest.raises(ValueError, match="unstable"):
        problem.solve(u0, [0, 1], "euler", dt=1.003 * want)
    problem.solve(u0, [0, 10 * want], "euler", dt=0.995 * want)


def test_functions_of_complex_fields_need_not_be_analytic():
    """u' = −Re u − 4i Im u: eigenvalues −1 and −4, which no complex number is."""
    problem = IVP(lambda _, u: -u.real - 4j * u.imag, CIRCLE)
    with pytest.raises(ValueError, match=r"the limit is dt ≤ 0\.5,"):
        problem.solve(np.full(20, 1 + 1j), [0, 1], "euler", dt=0.51)


def test_spectra_of_functions_and_matrices_agree():
    problem = IVP(Diff("x", 2) - 3 * Diff("x"), Grid(x=Uniform(0, 1, 9)), Dirichlet("boundary"))
    x = np.random.default_rng(0).random(7)
    ours = spectrum_of_function(lambda x: problem.fun(0, x), x).values
    theirs = spectrum_of_system(problem._closure_choice.chosen(False).system).values
    np.testing.assert_allclose(np.sort(ours.real), np.sort(theirs.real), rtol=1e-5)


# Largest Re λ of −∂x with inflow on 101 points, and the closures without growth.
GROWTH = {4: (0.285, [3, 2]), 6: (19.6, [2]), 8: (41.7, [2])}


@pytest.mark.parametrize("acc", GROWTH)
def test_growing_modes_are_reported_with_their_cures(acc):
    rate, cures = GROWTH[acc]
    u0 = np.sin(np.pi * LINE.mesh()[0]) ** 2
    problem = IVP(-Diff("x", acc=acc), LINE, Dirichlet("x-"), closure="accurate")
    listed = ", ".join(f"closure={c}" for c in [None, *cures])
    words = rf"Re λ = {rate}, a factor of e\^.*over this run; closures without growth: {listed}$"
    for method, dt in (("RK45", None), ("rk4", 0.001), ("crank-nicolson", 0.01)):
        with pytest.warns(UserWarning, match=words) as seen:
            problem.solve(u0, [0, 0.02], method, dt)
        assert [w.filename for w in seen] == [__file__]


BACKWARDS = {
    "to the right": (-Diff("x"), "x+", "max Re λ = 4"),
    "to the left": (Diff("x", acc=4), "x-", "max Re λ"),
    "of some speed": (-Coef(lambda x: 1 + x) * Diff("x"), "x+", "max Re λ"),
    "upwind, which grows like t": (-Diff("x", scheme=Upwind(1)), "x+", "on x-$"),
}


@pytest.mark.parametrize(("L", "face", "words"), BACKWARDS.values(), ids=BACKWARDS)
@pytest.mark.parametrize("condition", [Dirichlet, Neumann])
def test_conditions_where_the_flow_leaves_are_named(condition, L, face, words):
    grid = Grid(x=Uniform(0, 1, 41))
    other = {"x-": r"x\+", "x+": "x-"}[face]
    with pytest.warns(UserWarning, match=rf"where the flow leaves.*enters, on {other}.*") as seen:
        IVP(L, grid, condition(face)).solve(np.zeros(41), [0, 0.01])
    if condition is Dirichlet:
        assert re.search(words, str(seen[0].message))
    assert [w.filename for w in seen] == [__file__]


@pytest.mark.parametrize(
    ("L", "conditions"),
    [
        (Diff("x", 2) - Diff("x"), Dirichlet("boundary")),
        (-Diff("x"), Dirichlet("x-")),
        (1j * Diff("x", 2), Dirichlet("boundary")),
        (-Coef(lambda x: x + 1) * Diff("x", scheme=Upwind(1)), Dirichlet("x-")),
    ],
)
def test_conditions_where_flow_enters_or_diffuses_are_right(L, conditions):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        IVP(L, Grid(x=Uniform(0, 1, 41)), conditions).solve(np.zeros(41), [0, 0.01])


@pytest.mark.parametrize("n", [101, 1500])
@pytest.mark.parametrize("acc", [2, 4, 6, 8])
def test_closures_are_stable_by_default(acc, n):
    grid = Grid(x=Uniform(0, 1, n))
    problem = IVP(-Diff("x", acc=acc), grid, Dirichlet("x-"))
    assert problem.closure == {2: "accurate", 4: 3, 6: 2, 8: 2}[acc]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem.solve(np.zeros(n), [0, 1e-3], "rk4", dt=1e-3)
    if n == 101:
        assert np.linalg.eigvals(problem.jac(0, np.zeros(n - 1)).toarray()).real.max() < 0


QUIET = {
    "several dimensions": lambda acc: IVP(
        Advection([-1, -2], acc=acc), Grid(x=Uniform(0, 1, 25), y=Uniform(0, 1, 23)),
        [Dirichlet("x-"), Dirichlet("y-")],
    ),
    "variable coefficients": lambda acc: IVP(
        Diffusion(lambda x, y: 1 + x * y, acc=acc), Grid(x=Uniform(0, 1, 25), y=Uniform(0, 1, 23)),
        [Dirichlet("x-", 1), Neumann("x+", 1), Dirichlet("y-"), Robin("y+", 1, 1)],
    ),
    "stretched": lambda acc: IVP(
        Diff("x", 2, acc=acc) - 5 * Diff("x", acc=acc), Grid(x=Points(np.linspace(0, 1, 50) ** 2)),
        [Dirichlet("x-", lambda t: t), Neumann("x+")],
    ),
    "rotation": lambda acc: IVP(
        Advection([lambda y: np.sin(6.28 * y), 1], acc=acc),
        Grid(x=Periodic(0, 1, 24), y=Periodic(0, 1, 22)),
    ),
    "waves in a potential": lambda acc: IVP(
        1j * (Diff("x", 2, acc=acc) - (lambda x: x**2)), LINE, Dirichlet("boundary"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("acc", [2, 6])
@pytest.mark.parametrize("make", QUIET.values(), ids=QUIET)
def test_what_does_not_grow_is_not_warned_of(make, acc):
    problem = make(acc)
    u0 = np.zeros(problem.grid.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem.solve(u0, [0, 0.01], "backward-euler", dt=0.01)
    A = problem.jac(0, problem.restrict(u0)).toarray()
    values = np.linalg.eigvals(A)
    assert values.real.max() <= 1e-9 * np.abs(values).max()


def test_growth_of_the_equation_itself():
    problem = IVP(Diff("x", 2) + 50, LINE, Dirichlet("boundary"))
    rate = 50 - 4 * 100**2 * np.sin(np.pi / 200) ** 2
    with pytest.warns(UserWarning, match=rf"Re λ = {rate:.3g}, .*the equation's own"):
        problem.solve(np.zeros(101), [0, 1], "crank-nicolson", dt=0.5)


@pytest.mark.parametrize(("acc", "closure"), [(4, 3), (6, 4), (8, 2)])
@pytest.mark.parametrize("reaction", [0.5, lambda x: 0.5 * x], ids=["constant", "varying"])
def test_closures_add_nothing_to_growth_of_the_equation_itself(acc, closure, reaction):
    """All closures share what a reaction makes grow; some make more grow, as e^20 in unit time."""
    problem = IVP(-Diff("x", acc=acc) + Coef(reaction), LINE, Dirichlet("x-"))
    assert problem.closure == closure
    (x,) = LINE.mesh()
    u0 = np.exp(-200 * (x - 0.3) ** 2)
    with pytest.warns(UserWarning, match="equation's own") as seen:
        found = problem.solve(u0, [0, 2.0], rtol=1e-8)
    assert f"closure={closure}" not in str(seen[0].message)
    # The pulse has left at t = 0.7.
    assert np.abs(found.u[-1]).max() < 5e-3


def test_closures_of_sound_where_coefficients_vary():
    D = -Coef(lambda x: 1 + x) * Diff("x", acc=6)
    problem = IVP(Block([[0, D], [D, 0]]), LINE, Dirichlet("boundary", component=0))
    (x,) = LINE.mesh()
    u0 = np.array([0 * x, np.exp(-200 * (x - 0.3) ** 2)])
    assert problem.closure == 2
    with pytest.warns(UserWarning, match="has less"):
        assert np.abs(problem.solve(u0, [0, 3.0], rtol=1e-8).u[-1]).max() < 1.5


def test_closures_without_more_growth_than_the_equation_are_named():
    problem = IVP(-Diff("x", acc=6) + 0.5, LINE, Dirichlet("x-"), closure="accurate")
    words = r"Re λ = 20\.1, .*equation's own 0\.5: closure=None, closure=4, closure=2$"
    with pytest.warns(UserWarning, match=words):
        problem.solve(np.zeros(101), [0, 0.01])


def test_growth_in_second_order():
    """u_tt = −u_xx grows at once, u_t = −u_xx too, and u_tt = u_xx does not."""
    for sign, order in ((-1, 2), (-1, 1), (1, 2)):
        problem = IVP(sign * Diff("x", 2), CIRCLE)
        size = 2 * 20
        rate = size if order == 2 else size**2
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            problem.solve(np.zeros(20), [0, 1e-3], v0=np.zeros(20) if order == 2 else None)
        told = [str(w.message) for w in seen]
        assert len(told) == (sign < 0)
        assert all(f"max Re λ = {rate:.3g}," in message for message in told)


@pytest.mark.parametrize("acc", [2, 4, 6])
def test_equations_of_second_order_choose_their_own_closures(acc):
    """Complex eigenvalues in the left half plane damp u_t = L u, and make u_tt = L u grow."""
    grid = Grid(x=Uniform(0, 1, 81))
    problem = IVP(Diff("x", 2, acc=acc), grid, [Robin("x-", 1, 1), Robin("x+", 2, 1)])
    (x,) = grid.mesh()
    u0 = np.exp(-200 * (x - 0.5) ** 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = problem.solve(u0, np.linspace(0, 40, 9), "leapfrog", dt=0.005, v0=0 * u0)
    ghosts = {"x-": "even", "x+": "even"}
    assert (problem.closure, found.closure) == {
        2: (ghosts, ghosts),
        4: ("accurate", "accurate"),
        6: ("accurate", 5),
    }[acc]
    assert np.abs(found.u).max() < 2


def test_growth_on_a_large_grid_is_seen_on_a_coarse_copy():
    """−∂x at acc 4 grows so slowly that Arnoldi's iteration cannot see it among 3000 points."""
    grid = Grid(x=Uniform(0, 1, 3000))
    problem = IVP(-Diff("x", acc=4), grid, Dirichlet("x-"), closure="accurate")
    assert problem._closure_choice.chosen(False).spectrum.growth == 0
    with pytest.warns(UserWarning, match="max Re λ = 0.2.*closure=3"):
        problem.solve(np.zeros(3000), [0, 1e-4])


def test_tableaus_are_checked():
    with pytest.raises(ValueError, match="lower triangular"):
        Tableau(((0.0, 1.0), (0.0, 0.0)), (0.5, 0.5))
    with pytest.raises(ValueError, match="sum 1"):
        Tableau(((0.0,),), (0.5,))


ROUND = Grid(x=Periodic(0, 2 * np.pi, 128))


@pytest.mark.parametrize("v0", [None, np.zeros(128)])
def test_imex_steps_too_long_for_the_explicit_part_are_refused(v0):
    """Advection taken explicitly: damping makes up for its growth up to some step."""
    (x,) = ROUND.mesh()
    slope = Diff("x", scheme=Fourier()).on(ROUND)
    if v0 is None:
        L, explicit, span, dts = 1e-3 * Diff("x", 2, scheme=Fourier()), -slope, 10, (0.1, 0.01)
    else:
        L, explicit, span, dts = Coef(-1.0), slope @ slope, 5, (0.1, 0.01)
    problem = IVP(L, ROUND, explicit=lambda _, u: explicit(u))
    u0 = np.exp(np.sin(x))
    with pytest.raises(ValueError, match=r"dt=0.1 is unstable.* by a factor of \d.*smaller steps"):
        problem.solve(u0, [0, span], "imex", dt=dts[0], v0=v0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = problem.solve(u0, [0, span], "imex", dt=dts[1], v0=v0)
    assert np.abs(found.u).max() < 3


def test_imex_steps_may_grow_with_the_equation():
    problem = IVP(1e-3 * Diff("x", 2), ROUND, explicit=lambda _, u: 3 * u)
    found = problem.solve(np.ones(128), [0, 4], "imex", dt=0.01)
    np.testing.assert_allclose(found.u[-1], np.exp(12), rtol=2e-3)


@pytest.mark.parametrize("v0", [None, 0], ids=["first order", "second order"])
def test_imex_steps_of_many_unknowns_may_grow_with_the_equation(v0):
    grid = Grid(x=Uniform(0, 1, 40), y=Uniform(0, 1, 41))
    rate = 10 if v0 is None else 100
    diffusion = Diffusion(lambda x, y: 1 + x * y)
    problem = IVP(diffusion, grid, Neumann("boundary"), explicit=lambda _, u: rate * u)
    one = np.ones(grid.shape)
    second = None if v0 is None else 0 * one
    found = problem.solve(one, [0, 1], "imex", dt=0.01, v0=second)
    want = np.exp(10) if v0 is None else np.cosh(10)
    np.testing.assert_allclose(found.u[-1], want, rtol=0.05)


def test_imex_steps_of_many_unknowns_are_looked_at_too():
    grid = Grid(x=Periodic(0, 1, 40), y=Periodic(0, 1, 30))
    slope = Diff("x").on(grid)
    problem = IVP(1e-4 * Laplacian(), grid, explicit=lambda _, u: -slope(u))
    with pytest.raises(ValueError, match="unstable"):
        problem.solve(np.ones(grid.shape), [0, 5], "imex", dt=0.1)


AWAKES = {
    "imex": (1e-3 * Diff("x", 2), lambda t, u: -1.0 * (t > 0.1) * Diff("x").on(CIRCLE)(u), 0.1),
    "rk4": (Coef(-1.0), lambda t, u: -1000 * (t > 0.1) * u, 0.01),
    "leapfrog": (Coef(-1.0), lambda t, u: -1e6 * (t > 0.1) * u, 0.01),
}


@pytest.mark.parametrize("method", AWAKES)
def test_steps_that_amplify_what_awakes_after_the_first_time_are_told(method):
    """Eigenvalues are looked at before the first step: what makes steps unstable comes later."""
    L, explicit, dt = AWAKES[method]
    problem = IVP(L, CIRCLE, explicit=explicit)
    u0 = np.random.default_rng(0).standard_normal(20)
    v0 = np.zeros(20) if method == "leapfrog" else None
    span = 40 if method == "imex" else 1
    with pytest.warns(UserWarning, match=rf"'{method}': what was up to .* grew to .*e\+") as seen:
        problem.solve(u0, [0, span], method, dt, v0=v0)
    assert [w.filename for w in seen] == [__file__]


def test_growth_beyond_data_and_eigenvalues_is_told():
    """A step past its limit, of a linear equation whose spectrum is said to be harmless."""
    equation = IVP(-1000 * Coef(1.0), CIRCLE)._semidiscrete
    options = IntegrationOptions("rk4", 0.01, 0, 0, 1, None, None, None, False, False)
    with pytest.warns(UserWarning, match="what was up to 1 grew to .*smaller steps"):
        integrate(equation, np.array([0.0, 1]), np.ones(20), options, Spectrum(lambda: np.zeros(1)))


@pytest.mark.parametrize("method", ["imex", "rk4", "RK45", "BDF"])
@pytest.mark.parametrize(
    ("rate", "exponent"),
    [(lambda t: 30 * (t > 0.1), 26), (lambda t: 40 * t, 19), (lambda t: 400 * (t > 0.9), 39)],
)
def test_growth_of_functions_by_themselves_is_not_told(method, rate, exponent):
    problem = IVP(Coef(-1.0), CIRCLE, explicit=lambda t, u: rate(t) * u)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = problem.solve(np.ones(20), [0, 1], method, 1e-3 if method in STEPPERS else None)
    assert abs(np.log(found.u[-1]).mean() - exponent) < 1


@pytest.mark.parametrize(
    ("L", "grid", "conditions"),
    [
        (
            Diff("x", 2, acc=4) + 20,
            Grid(x=Uniform(0, 1, 400)),
            [Robin("x-", 1, 1), Robin("x+", 2, 1)],
        ),
        (-Diff("x", scheme=Upwind(1)) + 20, LINE, Dirichlet("x-")),
    ],
    ids=["eigenvalues Arnoldi does not find", "growth on the way out, without eigenvalues"],
)
def test_growth_of_linear_equations_by_themselves_is_not_told(L, grid, conditions):
    problem = IVP(L, grid, conditions)
    u0 = np.exp(-200 * (grid.mesh()[0] - 0.1) ** 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*equation's own")
        found = problem.solve(u0, [0, 0.5, 0.9], "crank-nicolson", 1e-3)
    assert np.abs(found.u).max() > 1e6


TONE = interp1d([0, 0.25, 0.75, 1], [0, 1, -1, 0])
ROD = Grid(x=Uniform(0, 1, 21))
HEAT, SLOPE, WALL = Diff("x", 2), Diff("x"), Dirichlet("boundary")
BENDING = HEAT.on(ROD, "even")
FROM_REST = {
    "a wall that swings": (
        HEAT, [Dirichlet("x-", lambda t: np.sin(2 * np.pi * t)), Dirichlet("x+")], {},
    ),
    "data": (HEAT, WALL, {"source": lambda x, t: x * TONE(t)}),
    "inflow": (-SLOPE, Dirichlet("x-", lambda t: np.sin(2 * np.pi * t) ** 2), {}),
    "a source": (HEAT, WALL, {"source": lambda x, t: x * np.sin(2 * np.pi * t)}),
    "a pulse": (HEAT, WALL, {"source": lambda x, t: x * np.exp(-((t - 0.4) ** 2) / 1e-3)}),
    "a function": (lambda t, u: np.sin(2 * np.pi * t) + BENDING(u), WALL, {}),
}  # fmt: skip


@pytest.mark.parametrize("method", ["RK45", "BDF", "rk4", "leapfrog"])
@pytest.mark.parametrize(("f", "conditions", "given"), FROM_REST.values(), ids=FROM_REST)
def test_forcing_between_output_times_is_expected(f, conditions, given, method):
    if f is not HEAT and isinstance(f, Expr) and method == "leapfrog":
        f, conditions = HEAT, [conditions, Dirichlet("x+")]
    problem, rest = IVP(f, ROD, conditions, **given), np.zeros(21)
    # SciPy's methods would step across a pulse.
    steps = {"dt": 1e-3} if method in STEPPERS else {"max_step": 0.02}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = problem.solve(
            rest, [0, 1], method, v0=rest if method == "leapfrog" else None, **steps
        )
    assert np.abs(found.u[-1]).max() > 1e-9


def test_growth_of_data_and_forcing_is_expected():
    rod = Grid(x=Uniform(0, 1, 21))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        IVP(Diff("x", 2), CIRCLE, source=lambda x, t: 1e9 * t + x).solve(np.zeros(20), [0, 1])
        IVP(Diff("x", 2), rod, Dirichlet("x-", lambda t: 1e8 * t), closure="even").solve(
            np.zeros(21), [0, 1], "crank-nicolson", 0.1
        )
        IVP(lambda _, u: 30 * u, CIRCLE).solve(np.ones(20), [0, 1])
