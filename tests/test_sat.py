"""Weak imposition: energy never grows, penalties vanish on solutions, orders are kept."""

import numpy as np
import pytest

import findops as fo
from findops import (
    BVP,
    IVP,
    SBP,
    Advection,
    Block,
    Coef,
    Condition,
    Diff,
    Dirichlet,
    Grid,
    Interface,
    Laplacian,
    Neumann,
    Periodic,
    Robin,
    Uniform,
    UpwindSBP,
)
from findops.conditions.boundary_terms import DiffusiveTerm, boundary_terms
from tests.support import random_array

ORDERS = (2, 4, 6, 8)
UP, DOWN = Grid(x=Uniform(0, 1, 29)), Grid(x=Uniform(1, 0, 29))
GRIDS = pytest.mark.parametrize("grid", [UP, DOWN], ids=["ascending", "descending"])
EVERY = pytest.mark.parametrize("order", ORDERS)


def sat(expr, grid, conditions, **fields):
    return expr.on(grid, **fields).subject_to(conditions, impose="sat")


def norms(scheme, grid, lengths=(1,)):
    """The norm on a grid, for components whose unit of length differs."""
    H = np.ones(())
    for axis in grid.axes:
        H = np.multiply.outer(H, scheme.norm(axis))
    return np.concatenate([length * H.ravel() for length in lengths])


def energy_rates(system, H):
    """The eigenvalues of H A + (H A)ᴴ, relative to the largest entry."""
    A = H[:, None] * system.matrix.toarray()
    return np.linalg.eigvalsh(A + A.conj().T) / np.abs(A).max()


def assert_symmetric(system, H):
    A = H[:, None] * system.matrix.toarray()
    assert np.abs(A - A.T).max() <= 1e-14 * np.abs(A).max()


# Energy -----------------------------------------------------------------------------------------

SCHEMES = [SBP(p) for p in ORDERS] + [SBP(p, "mattsson-nordstrom-2004") for p in (6, 8)]
SCHEMES += [UpwindSBP(5, "-"), UpwindSBP(8, "-")]


@GRIDS
@pytest.mark.parametrize("velocity", [2.0, -0.5])
@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_advection_loses_energy(scheme, velocity, grid):
    """What enters is given, what leaves takes energy along: −v u² there, at most."""
    if isinstance(scheme, UpwindSBP) and velocity < 0:
        scheme = UpwindSBP(scheme.order, "+")
    inflow = "x-" if (velocity > 0) == grid["x"].ascending else "x+"
    system = sat(-velocity * Diff("x", scheme=scheme), grid, Dirichlet(inflow))
    H = norms(scheme, grid)
    rates = energy_rates(system, H)
    assert rates.max() <= 1e-14
    if isinstance(scheme, SBP):
        A = H[:, None] * system.matrix.toarray()
        ends = np.zeros(29)
        ends[[0, -1]] = -abs(velocity)
        np.testing.assert_allclose(A + A.T, np.diag(ends), atol=1e-12)


SECOND = [scheme for scheme in SCHEMES if isinstance(scheme, SBP)]


@GRIDS
@pytest.mark.parametrize("scheme", SECOND, ids=repr)
@pytest.mark.parametrize(
    "conditions",
    [[Dirichlet("boundary")], [Neumann("boundary")], [Dirichlet("x-"), Neumann("x+")],
     [Robin("x-", 2, 3), Robin("x+", 1, 0.5)], [Condition("boundary", 1, 0)]],
    ids=["Dirichlet", "Neumann", "both", "Robin", "Condition"],
)  # fmt: skip
@pytest.mark.parametrize("sign", [1, -1])
def test_second_derivatives_are_symmetric_and_of_one_sign(scheme, conditions, grid, sign):
    system = sat(sign * 3 * Diff("x", 2, scheme=scheme), grid, conditions)
    H = norms(scheme, grid)
    assert_symmetric(system, H)
    rates = sign * energy_rates(system, H)
    assert rates.max() <= 1e-14
    # Only slopes leave the constant alone.
    free = conditions[0].differentiates and len(conditions) == 1
    assert (np.abs(rates).min() < 1e-12) == free


@GRIDS
@EVERY
@pytest.mark.parametrize("sign", [1, -1])
def test_advection_with_diffusion(order, grid, sign):
    """The side that flow enters by follows from the sign of diffusion: u_t = ±L u."""
    D, D2 = Diff("x", scheme=SBP(order)), Diff("x", 2, scheme=SBP(order))
    for velocity in (3, -3):
        L = sign * (0.01 * D2 - velocity * D)
        system = sat(L, grid, [Dirichlet("x-"), Dirichlet("x+")])
        assert (sign * energy_rates(system, norms(SBP(order), grid))).max() <= 1e-14


@GRIDS
@EVERY
def test_variable_diffusion_as_a_product(order, grid):
    D = Diff("x", scheme=SBP(order))
    for conditions in ([Dirichlet("x-"), Neumann("x+")], [Robin("x-", 1, 1), Dirichlet("x+")]):
        system = sat(D * ((lambda x: 1 + x**2) * D), grid, conditions)
        assert_symmetric(system, norms(SBP(order), grid))
        assert energy_rates(system, norms(SBP(order), grid)).max() <= 1e-14
        system = sat(fo.Diffusion(lambda x: 1 + x**2, scheme=SBP(order)), grid, conditions)
        assert_symmetric(system, norms(SBP(order), grid))
        # No sawtooth in the null space: the smallest rate is that of a wave.
        assert energy_rates(system, norms(SBP(order), grid)).max() < -1e-6
    up, down = (Diff("x", scheme=UpwindSBP(order, side)) for side in "+-")
    system = sat(up * ((lambda x: 1 + x**2) * down), grid, Dirichlet("boundary"))
    assert_symmetric(system, norms(UpwindSBP(order, "+"), grid))
    assert energy_rates(system, norms(UpwindSBP(order, "+"), grid)).max() < -1e-6


@pytest.mark.parametrize("order", [2, 6])
def test_boxes(order):
    """Faces of several dimensions, velocities that change along them, periodic axes."""
    grid = Grid(x=Uniform(0, 1, 13), y=Uniform(2, 0, 14))
    scheme = SBP(order)
    H = norms(scheme, grid)
    system = sat(
        Laplacian(scheme=scheme), grid,
        [Dirichlet("x-"), Neumann("x+"), Robin("y-", lambda x: 1 + x, 1), Dirichlet("y+")],
    )  # fmt: skip
    assert_symmetric(system, H)
    assert energy_rates(system, H).max() < 0
    shear = Advection([lambda y: y - 0.9, 0.3], scheme=scheme)
    system = sat(-1 * shear, grid, [Dirichlet("x-"), Dirichlet("x+"), Dirichlet("y+")])
    assert energy_rates(system, H).max() <= 1e-14
    channel = Grid(x=Uniform(0, 1, 13), y=Periodic(0, 1, 8))
    both = -1 * Advection([1, 2], scheme=scheme) + (lambda y: 2 + np.sin(y)) * Diff(
        "x", 2, scheme=scheme
    )
    system = sat(both, channel, Dirichlet("boundary"))
    assert energy_rates(system, norms(scheme, channel)).max() <= 1e-14


@EVERY
def test_systems_take_values_of_some_components(order):
    """p_t = −v_x, v_t = −p_x keeps its energy with p or v given; with characteristics it leaves."""
    D, H = Diff("x", scheme=SBP(order)), norms(SBP(order), UP, (1, 1))
    waves = Block([[0, -D], [-D, 0]])
    for c in [(0, 0), (0, 1), (1, 1)]:
        ends = [Dirichlet(face, component=k) for face, k in zip(("x-", "x+"), c, strict=True)]
        rates = energy_rates(sat(waves, UP, ends), H)
        np.testing.assert_allclose(rates, 0, atol=1e-14)
    right_and_left = Block([[-D, 0], [0, D]])
    ends = [Dirichlet("x-", component=0), Dirichlet("x+", component=1)]
    rates = energy_rates(sat(right_and_left, UP, ends), H)
    assert rates.max() <= 1e-14


def test_a_quantum_particle_stays():
    system = sat(1j * Diff("x", 2, scheme=SBP(4)), UP, Dirichlet("boundary"))
    np.testing.assert_allclose(energy_rates(system, norms(SBP(4), UP)), 0, atol=1e-14)


@pytest.mark.parametrize(
    ("order", "borrowed"),
    [(2, 0.4), (4, 0.2508560249), (6, 0.1878715026), (8, 0.0015782259)],
)
def test_what_can_be_borrowed_is_what_is_in_print(order, borrowed):
    """The constants of Mattsson, Ham and Iaccarino (2009) for the operators of 2004."""
    op = Diff("x", 2, scheme=SBP(order, "mattsson-nordstrom-2004")).on(
        Grid(x=Uniform(n=80, step=1))
    )
    (flux,) = boundary_terms(op, 0)
    assert isinstance(flux, DiffusiveTerm)
    np.testing.assert_allclose(flux.borrowed, borrowed, atol=6e-11 if order < 8 else 6e-7)


# Consistency ------------------------------------------------------------------------------------


@GRIDS
@EVERY
def test_penalties_vanish_on_what_meets_the_conditions(order, grid):
    s = 1 if grid is UP else -1

    def u(x):
        return 1 + 2 * x + (x**2 if order > 2 else 0)

    def slope(x):
        return 2 + (2 * x if order > 2 else 0)

    x = grid.coordinates()[0]
    L = 2 * Diff("x", 2, scheme=SBP(order)) - Diff("x", scheme=SBP(order)) + 1
    low, high = x[0], x[-1]
    for conditions in (
        [Dirichlet("boundary", u)],
        [Neumann("x-", -s * slope(low)), Dirichlet("x+", lambda x, t: t * u(x))],
        [Robin("x-", 2, 3, 2 * u(low) - 3 * s * slope(low)), Robin("x+", 1, 2, u(high)
               + 2 * s * slope(high))],
    ):  # fmt: skip
        system = sat(L, grid, conditions)
        want = L(u(x), grid)
        np.testing.assert_allclose(system.applied(u(x), 1.0), want, atol=1e-9)
        np.testing.assert_allclose(system.matrix @ u(x) - system.rhs(0, 1.0), want, atol=1e-9)


def test_the_system_is_affine():
    grid = Grid(x=Uniform(0, 1, 12), y=Uniform(0, 1, 9))
    L = Laplacian(scheme=SBP(4)) - Advection([1, lambda x: x - 0.5], scheme=SBP(4))
    system = sat(
        L, grid,
        [Dirichlet("x-", lambda y, t: y * t), Neumann("x+", 3), Dirichlet("y-", np.arange(12.0)),
         Robin("y+", 1, 2, lambda x: x)],
    )  # fmt: skip
    x = random_array(108)
    f = random_array((12, 9), seed=1)
    assert system.lift(x, 0.5).shape == (12, 9)
    np.testing.assert_array_equal(system.restrict(system.lift(x, 0.5)), x)
    left = system.applied(system.lift(x), 0.5) - f
    np.testing.assert_allclose(system.matrix @ x - system.rhs(f, 0.5), left.ravel(), atol=1e-9)
    np.testing.assert_allclose(system.matvec(x), system.matrix @ x, atol=1e-9)
    assert not system.steady
    assert "PenaltySystem" in repr(system)
    assert "u = 3" not in repr(system)


# Orders -----------------------------------------------------------------------------------------


def measured(solve, sizes):
    errors = [solve(Grid(x=Uniform(0, 1, n))) for n in sizes]
    return np.log(errors[0] / errors[1]) / np.log((sizes[1] - 1) / (sizes[0] - 1))


@pytest.mark.parametrize(("order", "want"), [(2, 2), (4, 4), (6, 5), (8, 6)])
def test_poisson_converges_two_orders_faster_than_its_ends(order, want):
    def error(grid):
        x = grid.coordinates()[0]
        problem = BVP(
            -Diff("x", 2, scheme=SBP(order)), grid,
            [Dirichlet("x-", 1), Neumann("x+", lambda x: -4 * np.sin(4 * x))], impose="sat",
        )  # fmt: skip
        return np.abs(problem.solve(16 * np.cos(4 * x)).u - np.cos(4 * x)).max()

    assert measured(error, (41, 81)) >= want - 0.2


@pytest.mark.parametrize(("order", "want"), [(2, 2), (4, 3), (6, 4), (8, 5)])
def test_variable_diffusion_converges_two_orders_faster_than_its_ends(order, want):
    def k(x):
        return 2 + np.sin(3 * x)

    def error(grid):
        x = grid.coordinates()[0]
        problem = BVP(
            fo.Diffusion(k, scheme=SBP(order)), grid,
            [Dirichlet("x-", 1), Neumann("x+", lambda x: -4 * np.sin(4 * x))], impose="sat",
        )  # fmt: skip
        rhs = -16 * k(x) * np.cos(4 * x) - 12 * np.cos(3 * x) * np.sin(4 * x)
        return np.abs(problem.solve(rhs).u - np.cos(4 * x)).max()

    assert measured(error, (41, 81)) >= want - 0.2


@pytest.mark.parametrize(("order", "want"), [(2, 2), (4, 3), (6, 4), (8, 5)])
def test_advection_converges_one_order_faster_than_its_ends(order, want):
    def error(grid):
        x = grid.coordinates()[0]
        flow = IVP(-Diff("x", scheme=SBP(order)), grid,
                   Dirichlet("x-", lambda x, t: np.sin(6 * (x - t))), impose="sat")  # fmt: skip
        found = flow.solve(np.sin(6 * x), [0, 0.7], "DOP853", rtol=1e-10, atol=1e-12)
        return np.sqrt(np.mean((found.u[-1] - np.sin(6 * (x - 0.7))) ** 2))

    assert measured(error, (81, 161)) >= want - 0.2


@EVERY
def test_waves_in_a_box_with_moving_ends(order):
    grid = Grid(x=Uniform(0, 1, 41))
    x = grid.coordinates()[0]
    wave = IVP(
        Diff("x", 2, scheme=SBP(order)), grid,
        [Dirichlet("x-", lambda x, t: np.sin(3 * (x - t))),
         Neumann("x+", lambda x, t: 3 * np.cos(3 * (x - t)))], impose="sat",
    )  # fmt: skip
    found = wave.solve(np.sin(3 * x), [0, 1.5], "DOP853", v0=-3 * np.cos(3 * x), rtol=1e-9)
    error = np.abs(found.u[-1] - np.sin(3 * (x - 1.5))).max()
    assert error < {2: 2e-3, 4: 2e-5, 6: 4e-7, 8: 2e-7}[order]


def test_an_unstable_step_is_refused_and_nothing_grows():
    flow = IVP(-Diff("x", scheme=SBP(8)), UP, Dirichlet("x-"), impose="sat")
    with pytest.raises(ValueError, match="is unstable"):
        flow.solve(np.zeros(29), [0, 1], "rk4", dt=0.1)


def test_poisson_in_a_box_is_diagonalized():
    grid = Grid(x=Uniform(0, 1, 25), y=Uniform(0, 2, 31))

    def u(x, y):
        return np.sin(x + 2 * y)

    problem = BVP(Laplacian(scheme=SBP(6)), grid, Dirichlet("boundary", u), impose="sat")
    found = problem.solve(-5 * u(*grid.coordinates()))
    assert found.method == "fast diagonalization"
    assert found.residual < 1e-13
    np.testing.assert_allclose(found.u, u(*grid.coordinates()), atol=2e-5)


# Blocks that meet -------------------------------------------------------------------------------

LENGTHS = (1, 2)
"""The second block is twice as long: derivatives there are half of the grid's."""


@EVERY
def test_advection_goes_from_block_to_block(order):
    D, H = Diff("x", scheme=SBP(order)), norms(SBP(order), UP, LENGTHS)
    for sign, inflow in ((-1, Dirichlet("x-", component=0)), (1, Dirichlet("x+", component=1))):
        L = sign * Block([[D, 0], [0, D / 2]])
        system = sat(L, UP, [inflow, Interface("x+", "x-", (0, 1), LENGTHS)])
        assert energy_rates(system, H).max() <= 1e-14
        # What leaves one block enters the other.
        ends = [0, 57]
        rates = np.delete(H @ system.matrix.toarray(), ends)
        np.testing.assert_allclose(rates, 0, atol=1e-13)


@EVERY
def test_heat_goes_from_block_to_block(order):
    """Two bars of conductivities 1 and 3: temperature and flux go on, energy only falls."""
    D2, H = Diff("x", 2, scheme=SBP(order)), norms(SBP(order), UP, LENGTHS)
    bars = Block([[D2, 0], [0, 3 * D2 / 4]])
    ends = [Dirichlet("x-", 1, component=0), Neumann("x+", component=1)]
    meet = Interface("x+", "x-", (0, 1), LENGTHS)
    system = sat(bars, UP, [*ends, meet])
    assert_symmetric(system, H)
    assert energy_rates(system, H).max() < 0
    rods = [fo.Diffusion(k, scheme=SBP(order)) for k in (lambda x: 1 + x, lambda x: (3 - x) / 4)]
    system = sat(Block([[rods[0], 0], [0, rods[1]]]), UP, [*ends, meet])
    assert_symmetric(system, H)
    assert energy_rates(system, H).max() < 0
    insulated = sat(bars, UP, [Neumann("x-", component=0), ends[1], meet])
    np.testing.assert_allclose(H @ insulated.matrix.toarray(), 0, atol=1e-11)
    # From 1 at the left end to 3 at the right one, which is three units away.
    kept = sat(bars, UP, [ends[0], Dirichlet("x+", 3, component=1), meet])
    x = UP.coordinates()[0]
    flux = 2 / (1 + LENGTHS[1] / 3)
    want = np.stack([1 + flux * x, 1 + flux + flux / 3 * 2 * x])
    np.testing.assert_allclose(kept.applied(want, None), 0, atol=1e-9)


def test_waves_cross_an_interface():
    """A pulse leaves the first block and arrives in the second as in one domain."""
    D2 = Diff("x", 2, scheme=SBP(6))
    grid = Grid(x=Uniform(0, 1, 61))
    blocks = IVP(Block([[D2, 0], [0, D2]]), grid, [
        Dirichlet("x-", component=0), Dirichlet("x+", component=1),
        Interface("x+", "x-", (0, 1))], impose="sat")  # fmt: skip
    x = grid.coordinates()[0]
    both = np.stack([x, x + 1])

    def pulse(s):
        return np.exp(-60 * s**2)

    def speed(s):
        return 120 * s * pulse(s)

    found = blocks.solve(pulse(both - 0.6), [0, 0.9], "DOP853", v0=speed(both - 0.6), rtol=1e-8)
    np.testing.assert_allclose(found.u[-1], pulse(both - 1.5), atol=3e-4)


def test_interfaces_are_weak():
    D = Diff("x", scheme=SBP(2))
    op = Block([[-D, 0], [0, -D]]).on(UP)
    with pytest.raises(ValueError, match="with impose='sat'"):
        op.subject_to([Dirichlet("x-", component=0), Interface("x+", "x-", (0, 1))])
    for faces, components, match in (
        (("x-", "x-"), (0, 1), "what leaves one component does not enter"),
        (("x+", "x-"), (0, 2), "two of the components 0 to 1"),
    ):
        with pytest.raises(ValueError, match=match):
            op.subject_to(Interface(*faces, components), impose="sat")
    with pytest.raises(ValueError, match="lengths="):
        op.subject_to(Interface("x+", "x-", (0, 1), (1, 2)), impose="sat")
    bent = (lambda x: 1 + x) * Diff("x", 2, scheme=SBP(2))
    with pytest.raises(ValueError, match="stands between the derivatives"):
        Block([[bent, 0], [0, bent]]).on(UP).subject_to(Interface("x+", "x-", (0, 1)), "sat")
    unlike = Block([[Diff("x", 2, scheme=SBP(2)), 0], [0, 1]]).on(UP)
    with pytest.raises(ValueError, match="only one of the components"):
        unlike.subject_to(Interface("x+", "x-", (0, 1)), impose="sat")
    with pytest.raises(ValueError, match="there is no component 5"):
        op.subject_to(Dirichlet("x-", component=5), impose="sat")
    with pytest.raises(ValueError, match="two components"):
        Interface("x+", "x-", (1, 1))
    with pytest.raises(ValueError, match="positive lengths"):
        Interface("x+", "x-", (0, 1), (1, 0))


# Refusals ---------------------------------------------------------------------------------------

S4, D4 = Diff("x", 2, scheme=SBP(4)), Diff("x", scheme=SBP(4))


@pytest.mark.parametrize(
    ("expr", "conditions", "match"),
    [
        (Diff("x"), Dirichlet("x-"), "sum by parts, as with scheme=SBP"),
        (-1 * D4, Dirichlet("x+"), "nothing enters through x\\+"),
        (-1 * D4, Neumann("x-"), "no penalty holds it"),
        (S4, Condition("x-", Diff("x", 2), 0), "Dirichlet, Neumann and Robin"),
        (S4, Dirichlet(UP.face("x-")), "conditions on faces"),
        (S4, Condition("mean", 1, 0), "conditions on faces"),
        (S4, Robin("x-", 1, 0), "needs a factor of"),
        (D4 * S4, Dirichlet("x-"), "first derivatives, second derivatives and"),
        (S4 * Coef(lambda x: x), Dirichlet("x-"), "first derivatives, second derivatives and"),
        (D4 * Diff("x", scheme=UpwindSBP(4, "+")), Dirichlet("x-"), "sum by parts together"),
    ],
)
def test_refusals(expr, conditions, match):
    if match == "needs a factor of":
        conditions = Robin("x-", 1, fo.Coef(lambda x: x), 0)
    with pytest.raises(ValueError, match=match):
        sat(expr, UP, conditions)


def test_more_refusals():
    with pytest.raises(ValueError, match="'elimination', 'rows' or 'sat'"):
        S4.on(UP).subject_to(Dirichlet("x-"), impose="softly")
    two = Grid(x=Uniform(0, 1, 12), y=Uniform(0, 1, 12))
    with pytest.raises(ValueError, match="of one sign"):
        sat(S4 - Diff("y", 2, scheme=SBP(4)), two, Dirichlet("x-"))
    with pytest.raises(ValueError, match="no products of bound operators"):
        (D4.on(UP) @ (D4 + 1).on(UP)).subject_to(Dirichlet("x-"), impose="sat")
    with pytest.raises(TypeError, match="belong to an expression"):
        BVP(lambda u: u, UP, impose="sat")
    with pytest.raises(ValueError, match="in time, impose must be"):
        IVP(S4, UP, Dirichlet("boundary"), impose="rows")
    with pytest.raises(TypeError, match="binds its own operators"):
        IVP(lambda _, u: u, UP, impose="sat")
    cells = Grid(x=fo.Cells(0, 1, 20))
    with pytest.raises(ValueError, match="points on x-"):
        sat(S4, cells, Dirichlet("x-"))


@pytest.mark.parametrize("solver", ["fast", "direct"])
def test_residuals_count_what_conditions_give(solver):
    grid = Grid(x=Uniform(0, 1, 13), y=Uniform(0, 2, 17))
    x, y = grid.mesh()
    sides = [Dirichlet("x-", 1), Neumann("x+", 2), Dirichlet("y-", lambda x: 1 + 2 * x),
             Robin("y+", 1, 1, lambda x: 1 + 2 * x)]  # fmt: skip
    problem = BVP(Laplacian(scheme=SBP(4)), grid, sides, impose="sat")
    solution = problem.solve(0, solver)
    np.testing.assert_allclose(solution.u, 1 + 2 * x + 0 * y, atol=1e-11)
    assert solution.residual < 1e-14
    left = problem.system.residual(solution.u + x * y, solution.constants)
    want = problem.system.rhs(0) - problem.system.matrix @ (solution.u + x * y).ravel()
    np.testing.assert_allclose(left, want, atol=1e-10)


@pytest.mark.parametrize(
    ("expr", "conditions", "match"),
    [
        (1j * D4, Dirichlet("x+"), "real coefficients of first derivatives on x"),
        (S4, Robin("x-", lambda x: 0 * x, 0, 1), "factor of u without zeros"),
        (Block([[1j * D4, 0], [0, 1j * D4]]), Interface("x+", "x-", (0, 1)), "real coefficients"),
    ],
    ids=["complex speed", "factor", "interface"],
)
def test_what_no_penalty_can_hold(expr, conditions, match):
    with pytest.raises(ValueError, match=match):
        sat(expr, UP, conditions)


@pytest.mark.parametrize(
    ("components", "lengths", "error"),
    [((0, 1, 2), (1, 1), TypeError), (0, (1, 1), TypeError), ((0, 1), (1,), TypeError),
     ((0, 1), (1, float("nan")), ValueError), ((0, 1), (1, float("inf")), ValueError)],
)  # fmt: skip
def test_interfaces_join_two_blocks(components, lengths, error):
    with pytest.raises(error, match="an interface needs"):
        Interface("x+", "x-", components, lengths)
