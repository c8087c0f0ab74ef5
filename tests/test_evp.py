"""Eigenvalue problems: exact spectra, orders, symmetry, completeness, what is refused."""

import numpy as np
import pytest
from scipy import linalg, special

from findops import (
    EVP,
    SBP,
    Block,
    Cells,
    Coef,
    Condition,
    Diff,
    Diffusion,
    Dirichlet,
    Field,
    Fourier,
    Gradient,
    Grid,
    Interpolate,
    Laplacian,
    Neumann,
    Periodic,
    Points,
    Uniform,
    VectorLaplacian,
)
from findops.problems import evp
from findops.problems.eigen import shift_invert

ZERO = Dirichlet("boundary")
NONE = Neumann("boundary")
CLAMPED = [ZERO, NONE]
SUPPORTED = [ZERO, Condition("boundary", Diff("x", 2))]
FREE = [Condition("boundary", Diff("x", 2)), Condition("boundary", Diff("x", 3))]


def line(n, start=0.0, stop=1.0):
    return Grid(x=Uniform(start, stop, n))


def square(n, stop=np.pi):
    return Grid(x=Uniform(0, stop, n), y=Uniform(0, stop, n))


def inner(u, v, grid):
    """All inner products of fields (k, *grid) by the grid's weights."""
    weighted = (u.conj() * grid.weights()).reshape(len(u), -1)
    return weighted @ v.reshape(len(v), -1).T


# Matrices of 19 unknowns are dense, those of 299 go to ARPACK.
@pytest.mark.parametrize("n", [20, 300])
@pytest.mark.parametrize(
    ("axis", "conditions", "angles"),
    [
        (lambda n: Uniform(0, n, n + 1), ZERO, lambda n: np.pi * np.arange(1, 6) / (2 * n)),
        (lambda n: Cells(0, n, n), NONE, lambda n: np.pi * np.arange(5) / (2 * n)),
        (lambda n: Periodic(0, n, n), (), lambda n: np.pi * np.array([0, 1, 1, 2, 2]) / n),
    ],
    ids=["values", "slopes on cells", "periodic"],
)
def test_discrete_laplacian(axis, conditions, angles, n):
    grid = Grid(x=axis(n))
    found = EVP(Diff("x", 2), grid, conditions).solve(5)
    np.testing.assert_allclose(found.values, -4 * np.sin(angles(n)) ** 2, rtol=1e-11, atol=1e-14)
    assert found.values.dtype == found.vectors.dtype == np.float64
    assert found.residuals.max() < 1e-14
    gram = inner(found.vectors, found.vectors, grid)
    np.testing.assert_allclose(gram, np.eye(5), rtol=0, atol=1e-11)


DRUMS = {
    "axis by axis": (None, "fast diagonalization"),
    "factored": (Coef(lambda x, y: 1 + 0 * x * y), "shift-invert Lanczos"),
}


@pytest.mark.parametrize(("mass", "method"), DRUMS.values(), ids=DRUMS)
@pytest.mark.parametrize("near", [0, 17.3])
@pytest.mark.parametrize(("conditions", "first"), [(ZERO, 1), (NONE, 0)], ids=["zero", "free"])
def test_the_square_has_all_its_multiple_eigenvalues(conditions, first, near, mass, method):
    n = 33
    grid = square(n)
    found = EVP(-Laplacian(), grid, conditions, mass).solve(12, near)
    h = np.pi / (n - 1)
    along = 4 * np.sin(np.arange(first, n - first) * h / 2) ** 2 / h**2
    every = np.add.outer(along, along).ravel()
    want = np.sort(np.abs(every - near))[:12]
    np.testing.assert_allclose(np.abs(found.values - near), want, rtol=1e-10, atol=1e-10)
    assert found.method == method
    gram = inner(found.vectors, found.vectors, grid)
    np.testing.assert_allclose(gram, np.eye(12), rtol=0, atol=1e-9)


def test_a_box_too_large_to_factor_goes_axis_by_axis():
    grid = Grid(x=Uniform(0, np.pi, 49), y=Cells(0, np.pi, 50), z=Periodic(0, np.pi, 48))
    found = EVP(-Laplacian(acc=6), grid, [Dirichlet("x-"), Neumann("x+"), Neumann("y-"),
                                          Dirichlet("y+")]).solve(6)  # fmt: skip
    along = np.array([0.25, 2.25, 6.25])
    want = np.sort(np.add.outer(np.add.outer(along, along), [0, 4, 4]).ravel())[:6]
    np.testing.assert_allclose(found.values, want, rtol=1e-6)
    assert found.method == "fast diagonalization"
    assert found.vectors.shape == (6, 49, 50, 48)


def test_harmonic_oscillator():
    grid = Grid(x=Uniform(-6, 6, 129), y=Uniform(-6, 6, 129))
    hamiltonian = -Laplacian(acc=8) / 2 + (lambda x, y: (x**2 + y**2) / 2)
    found = EVP(hamiltonian, grid, ZERO).solve(10)
    want = [1, 2, 2, 3, 3, 3, 4, 4, 4, 4]
    np.testing.assert_allclose(found.values, want, rtol=0, atol=1e-8)
    assert found.vectors.shape == (10, 129, 129)
    assert not found.vectors[:, grid.boundary()].any()
    x, y = grid.mesh()
    ground = np.exp(-(x**2 + y**2) / 2) / np.sqrt(np.pi)
    np.testing.assert_allclose(found.vectors[0], ground, rtol=0, atol=1e-8)


def test_coupled_oscillators():
    """Not separable in x and y; (x ± y)/√2 have the frequencies ω with ω² = 1 ± 0.36."""
    grid = Grid(x=Uniform(-6, 6, 73), y=Uniform(-6, 6, 73))
    coupled = Coef(lambda x, y: (x**2 + y**2) / 2 + 0.36 * x * y)
    found = EVP(-Laplacian(acc=8) / 2 + coupled, grid, ZERO).solve(6)
    assert found.method == "shift-invert Arnoldi"
    stiff, soft = np.sqrt(1.36), 0.8
    levels = np.add.outer(stiff * (np.arange(5) + 0.5), soft * (np.arange(5) + 0.5))
    np.testing.assert_allclose(found.values, np.sort(levels.ravel())[:6], rtol=0, atol=2e-6)


BEAMS = {
    "clamped": (CLAMPED, [4.730040744862704, 7.853204624095838]),
    "supported": (SUPPORTED, [np.pi, 2 * np.pi]),
}


@pytest.mark.parametrize(("conditions", "want"), BEAMS.values(), ids=BEAMS)
@pytest.mark.parametrize("n", [151, 301])
def test_beams(n, conditions, want):
    found = EVP(Diff("x", 4, acc=4), line(n), conditions).solve(2)
    # Roundoff of the matrix, ε·16/h⁴, is what 301 points leave.
    np.testing.assert_allclose(found.values**0.25, want, rtol=1e-7)


@pytest.mark.parametrize(("n", "acc", "error"), [(199, 4, 2e-8), (180, 8, 1e-9), (400, 8, 4e-9)])
def test_clamped_beams_on_even_and_on_graded_points(n, acc, error):
    even = np.linspace(0, 1, n)
    axis = Uniform(0, 1, n) if acc == 4 else Points(0.5 - 0.5 * np.cos(np.pi * even))
    found = EVP(Diff("x", 4, acc), Grid(x=axis), CLAMPED).solve(1)
    np.testing.assert_allclose(found.values, 4.730040744862704**4, rtol=error)
    assert found.residuals.max() < 1e-13


def orr_sommerfeld(n):
    """Plane Poiseuille flow at Re = 10000, α = 1: (U − c)(v″ − v) − U″v = (∂² − 1)²v / (iαRe)."""
    grid = Grid(y=Points(-np.cos(np.pi * np.arange(n) / (n - 1))))
    D2, flow = Diff("y", 2, acc=8), Coef(lambda y: 1 - y**2)
    viscous = (Diff("y", 4, acc=8) - 2 * D2 + 1) / 1e4j
    return EVP(flow * (D2 - 1) + 2 - viscous, grid, CLAMPED, M=D2 - 1)


@pytest.mark.parametrize("n", [240, 480, 960])
def test_the_unstable_wave_of_plane_poiseuille_flow(n):
    found = orr_sommerfeld(n).solve(1, near=0.24)
    want = 0.23752649 + 0.00373967j  # Orszag (1971)
    np.testing.assert_allclose(found.values[0], want, rtol=0, atol=1e-8)


def test_residuals_hold_every_row():
    """In the largest row of a graded grid, a wrong pair would not show."""
    problem = orr_sommerfeld(160)
    found = problem.solve(1, near=0.24)
    assert found.residuals[0] < 1e-12
    x, sizes = problem.system.restrict(found.vectors[0])[:, None], problem._pencil.row_sizes
    assert problem._residuals(1.1 * found.values, x, *sizes)[0] > 1e-6


UNITS = 10.0 ** np.array([-9, -3, 6])


@pytest.mark.parametrize("n", [60, 300])
@pytest.mark.parametrize("length", UNITS)
@pytest.mark.parametrize("conditions", [ZERO, NONE, CLAMPED])
def test_eigenvalues_scale_with_the_unit_of_length(n, length, conditions):
    order = 4 if conditions is CLAMPED else 2
    one, other = (
        EVP(Diff("x", order), Grid(x=Uniform(0, a, n)), conditions).solve(3).values * a**order
        for a in (1.0, length)
    )
    np.testing.assert_allclose(other, one, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("n", [20, 300])
@pytest.mark.parametrize("stiffness", [1e-12, 1.0, 1e5])
def test_units_of_components_do_not_make_a_pencil_singular(n, stiffness):
    """A beam as −v″ = λu and −u″ − v/EI = 0, in any unit of the moment."""
    L = Block([[0, -Diff("x", 2)], [-Diff("x", 2), -1 / stiffness]])
    found = EVP(L, line(n + 1), ZERO, FIRST).solve(2)
    want = (4 * n**2 * np.sin(np.pi * np.arange(1, 3) / (2 * n)) ** 2) ** 2
    np.testing.assert_allclose(found.values / stiffness, want, rtol=1e-8)


@pytest.mark.parametrize("n", [60, 300])
def test_a_graded_grid_has_its_eigenvalue_of_zero(n):
    grid = Grid(x=Points(0.5 - 0.5 * np.cos(np.pi * np.arange(n) / (n - 1))))
    found = EVP(-Diff("x", 2, acc=8), grid, NONE).solve(3)
    np.testing.assert_allclose(found.values / np.pi**2, [0, 1, 4], rtol=0, atol=1e-8)


WALL = Block([[1, 0]]), Block([[Diff("x"), 0]])
CLAMPED_STREAM = [Condition("boundary", trace, component=i) for i, trace in enumerate(WALL)]


@pytest.mark.parametrize(("n", "error"), [(60, 4e-3), (300, 1.6e-4)])
def test_conditions_in_place_of_rows(n, error):
    """ψ″ − ω = 0 and ω″ = λψ: both conditions hold ψ, so that none determines ω at the wall."""
    L, M = Block([[Diff("x", 2), -1], [0, Diff("x", 2)]]), Block([[0, 0], [1, 0]])
    with pytest.raises(ValueError, match="impose='rows'"):
        EVP(L, line(n), CLAMPED_STREAM, M)
    found = EVP(L, line(n), CLAMPED_STREAM, M, impose="rows").solve(2)
    want = np.array([4.730040744862704, 7.853204624095838]) ** 4
    np.testing.assert_allclose(found.values, want, rtol=error)


@pytest.mark.parametrize("n", [40, 300])
@pytest.mark.parametrize("mass", [None, lambda x: 1 + x])
def test_rows_of_conditions_have_no_eigenvalue(n, mass):
    conditions = [Dirichlet("x-"), Condition("x+", Diff("x") + 1)]
    found, want = (
        EVP(-Diff("x", 2), line(n), conditions, mass, "accurate", impose=way).solve(3).values
        for way in ("rows", "elimination")
    )
    np.testing.assert_allclose(found, want, rtol=1e-8)


def test_a_clamped_plate():
    """The unit square's first eigenvalue of the biharmonic operator, 1294.934."""
    axis = Points(0.5 - 0.5 * np.cos(np.pi * np.arange(33) / 32))
    D4x, D4y = Diff("x", 4, acc=6), Diff("y", 4, acc=6)
    L = D4x + 2 * Diff("x", 2, acc=6) * Diff("y", 2, acc=6) + D4y
    found = EVP(L, Grid(x=axis, y=axis), CLAMPED).solve(1)
    np.testing.assert_allclose(found.values, 1294.934, rtol=0, atol=1e-3)


def test_convection_sets_in_between_plates():
    """Rayleigh–Bénard: (∂² − k²)² w = k² Ra θ, (∂² − k²) θ = −w; Ra = 1707.762 at k = 3.117."""
    k2 = 3.117**2
    D2 = Diff("z", 2, acc=8)
    grid = Grid(z=Points(0.5 - 0.5 * np.cos(np.pi * np.arange(80) / 79)))
    L = Block([[Diff("z", 4, acc=8) - 2 * k2 * D2 + k2**2, 0], [1, D2 - k2]])
    walls = [
        Condition("boundary", Block([[1, 0]]), component=0),
        Condition("boundary", Block([[Diff("z", acc=8), 0]]), component=0),
        Condition("boundary", Block([[0, 1]]), component=1),
    ]
    found = EVP(L, grid, walls, M=Block([[0, k2], [0, 0]])).solve(1)
    np.testing.assert_allclose(found.values, 1707.762, rtol=0, atol=1e-3)


@pytest.mark.parametrize("q", [0.0, 5.0, 25.0])
def test_characteristic_values_of_mathieu(q):
    found = EVP(
        -Diff("x", 2, scheme=Fourier()) + (lambda x: 2 * q * np.cos(2 * x)),
        Grid(x=Periodic(0, 2 * np.pi, 64)),
    ).solve(7, near=-1e3)
    even = [special.mathieu_a(m, q) for m in range(4)]
    odd = [special.mathieu_b(m, q) for m in range(1, 4)]
    np.testing.assert_allclose(found.values, np.sort(even + odd), rtol=0, atol=1e-9)


def test_a_well_with_a_slope():
    """−u″ + x u = λ u, u′(0) = 0: the first zero of Ai′."""
    grid = Grid(x=Uniform(0, 20, 201))
    L = -Diff("x", 2, acc=6) + (lambda x: x)
    found = EVP(L, grid, [Neumann("x-"), Dirichlet("x+")], closure="accurate").solve(1)
    np.testing.assert_allclose(found.values, -special.ai_zeros(1)[1], rtol=0, atol=2e-6)


def test_progress_counts_solves(capsys):
    pytest.importorskip("tqdm", reason="progress=True needs tqdm, an extra")
    EVP(-Diff("x", 2), line(300), ZERO).solve(2, progress=True)
    assert " solves" in capsys.readouterr().err


def test_a_free_beam_has_two_rigid_motions():
    found = EVP(Diff("x", 4), line(301), FREE).solve(3)
    np.testing.assert_allclose(found.values[:2], 0, atol=1e-3)
    np.testing.assert_allclose(found.values[2] ** 0.25, 4.730040744862704, rtol=1e-4)
    x = line(301).mesh()[0]
    rest = found.vectors[:2] - np.array([np.polyval(np.polyfit(x, u, 1), x)
                                         for u in found.vectors[:2]])  # fmt: skip
    np.testing.assert_allclose(rest, 0, atol=1e-5)


def stretched(n):
    s = np.linspace(0, 1, n)
    return Grid(x=Points(s + 0.1 * np.sin(2 * np.pi * s) / np.pi))


@pytest.mark.parametrize("acc", [2, 4, 6])
@pytest.mark.parametrize("make", [line, stretched], ids=["uniform", "points"])
@pytest.mark.parametrize(
    ("conditions", "want"),
    [(ZERO, [1, 4]), ([Dirichlet("x-"), Neumann("x+")], [0.25, 2.25])],
    ids=["values", "mixed"],
)
def test_order_of_accuracy(make, conditions, want, acc):
    errors = []
    for n in (17, 33, 65):
        found = EVP(-Diff("x", 2, acc=acc), make(n), conditions).solve(2)
        errors.append(np.abs(found.values / np.pi**2 - want).max())
    first, second = np.log2(np.divide(errors[:-1], errors[1:]))
    assert max(second, 2 * second - first) >= acc - 0.2


@pytest.mark.parametrize("acc", [2, 4, 6, 8])
@pytest.mark.parametrize("n", [60, 300])
def test_a_flux_through_a_ring_shifts_its_levels(n, acc):
    grid = Grid(x=Periodic(0, 2 * np.pi, n))
    momentum = -1j * Diff("x", acc=acc) - 0.3
    found = EVP(momentum * momentum, grid).solve(5)
    assert found.values.dtype == np.float64
    assert found.vectors.dtype == np.complex128
    levels = (np.array([0, 1, -1, 2, -2]) - 0.3) ** 2
    np.testing.assert_allclose(found.values, levels, rtol=0, atol=7 * (2 * np.pi / n * 2) ** acc)
    gram = inner(found.vectors, found.vectors, grid)
    np.testing.assert_allclose(gram, np.eye(5), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("n", "method"), [(13, "dense matrices"), (32, "shift-invert Lanczos")])
def test_a_charge_in_a_magnetic_field_has_real_levels(n, method):
    """Fock (1928) and Darwin (1930): ω(2m + |l| + 1) + l/2 with ω² = 1 + 1/4, in a unit field."""
    grid = Grid(x=Uniform(-6, 6, n), y=Uniform(-6, 6, n))
    px = -1j * Diff("x", acc=4) - (lambda y: y / 2)
    py = -1j * Diff("y", acc=4) + (lambda x: x / 2)
    trap = Coef(lambda x, y: (x**2 + y**2) / 2)
    found = EVP((px * px + py * py) / 2 + trap, grid, ZERO, closure="zero").solve(3)
    assert found.method == method
    assert found.values.dtype == np.float64
    omega = np.sqrt(1.25)
    want = [omega, 2 * omega - 0.5, 3 * omega - 1]
    np.testing.assert_allclose(found.values, want, rtol=0, atol=6.0 * (12 / n) ** 4 / 30)


@pytest.mark.parametrize("n", [101, 401])
def test_advection_and_diffusion(n):
    velocity, diffusivity = 1.0, 0.1
    L = diffusivity * Diff("x", 2, acc=4) - velocity * Diff("x", acc=4)
    found = EVP(L, line(n), ZERO).solve(4)
    want = -(velocity**2) / (4 * diffusivity) - diffusivity * (np.pi * np.arange(1, 5)) ** 2
    np.testing.assert_allclose(found.values, want, rtol=1e-5)
    assert found.values.dtype == found.vectors.dtype == np.float64


@pytest.mark.parametrize("conditions", [ZERO, [Dirichlet("x-"), Neumann("x+")]])
def test_a_string_of_variable_density(conditions):
    """Symmetric at acc 6, since odd derivatives of the density vanish at both ends."""

    def density(x):
        return 2 + np.cos(np.pi * x)

    grid, acc = line(402), 6
    problem = EVP(-Diff("x", 2, acc=acc), grid, conditions, M=density)
    found = problem.solve(5)
    assert found.method == "shift-invert Lanczos"
    weights = np.diag(problem.system.restrict(grid.weights()))
    masses = np.diag(problem.system.restrict(density(*grid.mesh())))
    A = weights @ problem.system.matrix.toarray()
    want = linalg.eigh((A + A.T) / 2, weights @ masses, eigvals_only=True)[:5]
    np.testing.assert_allclose(found.values, want, rtol=1e-9)
    mass = density(*grid.mesh()) * found.vectors
    gram = inner(found.vectors, mass, grid)
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), rtol=0, atol=1e-10)
    np.testing.assert_allclose(grid.integrate(found.vectors**2), 1, rtol=1e-13)


def test_buckling_differentiates_on_both_sides():
    found = EVP(Diff("x", 4, acc=4), line(401), CLAMPED, M=-Diff("x", 2, acc=4)).solve(1)
    np.testing.assert_allclose(found.values, 4 * np.pi**2, rtol=1e-6)


# A beam as two equations of second order, −v″ = λu and −u″ − v = 0.
MIXED = Block([[0, -Diff("x", 2)], [-Diff("x", 2), -1]])
FIRST = Block([[1, 0], [0, 0]])


@pytest.mark.parametrize(("n", "method"), [(20, "dense matrices"), (300, "shift-invert Arnoldi")])
def test_a_singular_mass_has_infinite_eigenvalues(n, method):
    found = EVP(MIXED, line(n + 1), ZERO, FIRST).solve(4)
    want = (4 * n**2 * np.sin(np.pi * np.arange(1, 5) / (2 * n)) ** 2) ** 2
    assert found.method == method
    np.testing.assert_allclose(found.values, want, rtol=1e-9)
    assert found.vectors.shape == (4, 2, n + 1)
    norms = line(n + 1).integrate(found.vectors**2).sum(axis=1)
    np.testing.assert_allclose(norms, 1, rtol=1e-13)


def test_masses_at_points():
    places = np.zeros(402)
    places[[50, 100, 200, 333, 390]] = 401
    problem = EVP(-Diff("x", 2), line(402), ZERO, M=places)
    found = problem.solve(5)
    assert found.residuals.max() < 1e-13
    with pytest.raises(ValueError, match="only 5 finite eigenvalues"):
        problem.solve(6)


@pytest.mark.parametrize("n", [41, 401])
@pytest.mark.parametrize("L", [-Diff("x", 2, acc=4), Diff("x", 2, acc=4)], ids=["up", "down"])
def test_the_constant_of_neumann(L, n):
    found = EVP(L, line(n), NONE).solve(3)
    want = [0, np.pi**2, 4 * np.pi**2]
    np.testing.assert_allclose(np.abs(found.values), want, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.vectors[0], 1, rtol=0, atol=1e-9)
    assert found.residuals.max() < 1e-14


@pytest.mark.parametrize("n", [41, 401])
def test_a_mean_of_zero_excludes_the_constant(n):
    found = EVP(-Diff("x", 2), line(n), [NONE, Condition("mean", 1)]).solve(2)
    want = 4 * (n - 1) ** 2 * np.sin(np.pi * np.arange(1, 3) / (2 * (n - 1))) ** 2
    np.testing.assert_allclose(found.values, want, rtol=1e-8)
    np.testing.assert_allclose(line(n).integrate(found.vectors), 0, atol=1e-9)


def test_natural_diffusion_is_symmetric_by_weights():
    found = EVP(Diffusion(lambda x: (1 + x) ** 2, natural=True), line(401)).solve(3)
    assert found.method == "shift-invert Lanczos"
    np.testing.assert_allclose(found.vectors[0], 1, rtol=0, atol=1e-9)
    # u = (1 + x)^(−1/2) times sines and cosines of b·log(1 + x), with b = kπ/log 2.
    want = -0.25 - (np.arange(1, 3) * np.pi / np.log(2)) ** 2
    np.testing.assert_allclose(found.values[1:], want, rtol=1e-4)


def test_vectors_are_whole_and_hold_the_conditions():
    grid = line(301)
    spring = [Dirichlet("x-"), Condition("x+", Diff("x", acc=4) + 1)]
    found = EVP(-Diff("x", 2, acc=4), grid, spring).solve(2)
    slope = Diff("x", acc=4)(found.vectors, grid)
    np.testing.assert_allclose(slope[:, -1] + found.vectors[:, -1], 0, atol=1e-8)
    # tan k = −k
    np.testing.assert_allclose(np.sqrt(found.values), [2.028757838110434, 4.913180439434883], 1e-7)


WEAK = {
    "values": (ZERO, [1, 4, 9]),
    "mixed": ([Dirichlet("x-"), Neumann("x+")], [0.25, 2.25, 6.25]),
    "slopes": (NONE, [0, 1, 4]),
}


@pytest.mark.parametrize(("n", "error"), [(31, 2e-3), (301, 2e-7)])
@pytest.mark.parametrize(("conditions", "want"), WEAK.values(), ids=WEAK)
def test_weak_conditions_keep_symmetry_in_the_norm_of_their_scheme(conditions, want, n, error):
    axis = line(n, 0, np.pi)
    found = EVP(-Diff("x", 2, scheme=SBP(4)), axis, conditions, impose="sat").solve(3)
    assert found.method == ("dense matrices" if n < 200 else "shift-invert Lanczos")
    assert found.values.dtype == np.float64
    np.testing.assert_allclose(found.values, want, rtol=0, atol=error)
    norm = SBP(4).norm(axis["x"])
    gram = (found.vectors * norm) @ found.vectors.T
    np.testing.assert_allclose(gram - np.diag(np.diag(gram)), 0, atol=1e-12)


def test_components():
    grid = square(24)
    found = EVP(-VectorLaplacian(), grid, ZERO).solve(4)
    assert found.vectors.shape == (4, 2, 24, 24)
    h = np.pi / 23
    levels = 4 * np.sin(np.array([1, 2]) * h / 2) ** 2 / h**2
    np.testing.assert_allclose(found.values, [2 * levels[0]] * 2 + [levels.sum()] * 2, rtol=1e-10)
    gram = np.einsum("acxy,bcxy,xy->ab", found.vectors, found.vectors, grid.weights())
    np.testing.assert_allclose(gram, np.eye(4), rtol=0, atol=1e-9)


def test_fields_and_closures_as_in_bvp():
    grid = line(301)
    problem = EVP(-Field("k") * Diff("x", 2), grid, M=Field("rho"), closure="odd", k=2.0, rho=8.0)
    # Odd continuation leaves the ends as unknowns of their own, with λ = 0.
    want = np.pi**2 / 4
    np.testing.assert_allclose(problem.solve(1, near=want).values, want, rtol=1e-4)


@pytest.mark.parametrize("n", [101, 401])
def test_nearest_first(n):
    problem = EVP(-Diff("x", 2, acc=6), line(n, 0, np.pi), ZERO)
    assert problem.solve(1, 30 + 1j).values.dtype == np.float64
    for near, want in [(10.2, [9, 16, 4, 1]), (30 + 1j, [25, 36, 16, 49])]:
        np.testing.assert_allclose(problem.solve(4, near).values, want, rtol=1e-5)


def test_complex_values_come_in_pairs():
    n = 250
    grid = Grid(x=Periodic(0, 2 * np.pi, n))
    L = Diff("x", acc=2) + 0.01 * Diff("x", 2)
    h = 2 * np.pi / n
    k = np.array([0, 1, -1, 2, -2])
    want = 1j * np.sin(k * h) / h - 0.04 * np.sin(k * h / 2) ** 2 / h**2
    np.testing.assert_allclose(EVP(L, grid).solve(5).values, want, rtol=0, atol=1e-10)
    found = EVP(L, grid).solve(1, near=2.1j)
    np.testing.assert_allclose(found.values, want[3], rtol=0, atol=1e-10)
    # Every entry of a wave is a largest one: the first is made positive.
    wave = np.exp(2j * grid.mesh()[0]) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(found.vectors[0], wave, rtol=0, atol=1e-9)


def test_results_are_the_same_every_time():
    problem = EVP(-Laplacian(), square(24), ZERO, M=lambda x, y: 1 + x * y)
    first, second = problem.solve(6), problem.solve(6)
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.vectors, second.vectors)
    for u in first.vectors:
        largest = np.abs(u) >= (1 - 1e-6) * np.abs(u).max()
        assert u[largest][0] > 0


def tilted(x, y):
    return 1 + 0 * x * y


@pytest.mark.parametrize(
    ("L", "lost"),
    [
        (-Laplacian(), [1, 2]),
        (-Laplacian() + tilted * Diff("x"), [0, 3]),
        ((1 + 0j) * -Laplacian(), [2, 4, 5]),
    ],
    ids=["symmetric", "not symmetric", "complex"],
)
def test_what_a_krylov_space_misses_is_found(L, lost, monkeypatch):
    problem = EVP(L, square(24), ZERO, M=tilted)
    want = problem.solve(6)

    def forgetful(*args, dominant=shift_invert._dominant):
        theta, vectors = dominant(*args)
        kept = np.delete(np.argsort(-np.abs(theta)), lost)
        return theta[kept], vectors[:, kept]

    monkeypatch.setattr(shift_invert, "_dominant", forgetful)
    found = problem.solve(6)
    np.testing.assert_allclose(found.values, want.values, rtol=1e-9)
    sizes = np.linalg.svd(found.vectors.reshape(6, -1), compute_uv=False)
    assert sizes[-1] > 0.1 * sizes[0]


def test_an_eigenvalue_amid_the_spectrum_of_a_stiff_operator():
    """A shift beside 0 lies nearer to others, as it is small only to the size of the matrix."""
    n = 801
    grid = Grid(x=Periodic(0, 2 * np.pi, n))
    h = 2 * np.pi / n
    found = EVP(Diff("x", 4) + 10.5 * Diff("x", 2), grid).solve(3)
    slow = 4 * np.sin(h / 2) ** 2 / h**2
    want = [0, slow**2 - 10.5 * slow, slow**2 - 10.5 * slow]
    np.testing.assert_allclose(found.values, want, rtol=0, atol=1e-5)


def test_equal_distances_smaller_first():
    grid = square(12)
    levels = EVP(-Laplacian(), grid, ZERO).solve(30).values
    for i in range(0, 28, 3):
        pair = levels[[i, i + 2]]
        if np.ptp(pair) > 1e-6:
            found = EVP(-Laplacian(), grid, ZERO).solve(30, near=pair.mean()).values
            there = [np.abs(found - value).argmin() for value in pair]
            assert there[0] < there[1]


def test_a_mass_that_differentiates_once():
    """−u″ = λ (u + c u′): continuation as an odd field would not fit."""
    c, n = 0.1, 101
    found = EVP(-Diff("x", 2, acc=6), line(n), ZERO, M=1 + c * Diff("x", acc=6)).solve(2)
    want = 2 * (1 - np.sqrt(1 - (c * np.pi * np.arange(1, 3)) ** 2)) / c**2
    np.testing.assert_allclose(found.values, want, rtol=1e-8)


def test_what_did_not_converge_is_not_returned(monkeypatch):
    problem = EVP(-Laplacian(), square(24), ZERO, M=tilted)
    monkeypatch.setattr(shift_invert, "ARPACK_RESTARTS", 1)
    with pytest.raises(RuntimeError, match=r"only \d+ of 32 eigenvalues near 0 converged"):
        problem.solve(30)
    monkeypatch.undo()
    monkeypatch.setattr(evp, "UNCONVERGED", 1e-18)
    with pytest.raises(RuntimeError, match=r"only \d of 3 pairs.*Lanczos: residuals reach"):
        problem.solve(3)


ROD, PLATE = line(9), square(9)
REFUSED = {
    "a forgotten face": (
        lambda: EVP(Laplacian(), PLATE, [Dirichlet("x-"), Dirichlet("x+"), Dirichlet("y-")]),
        ValueError, r"y\+ has none",
    ),
    "a value": (
        lambda: EVP(Diff("x", 2), ROD, Dirichlet("boundary", 1)), ValueError, "homogeneous",
    ),
    "a function": (
        lambda: EVP(Laplacian(), PLATE, Dirichlet("boundary", lambda x: x)),
        ValueError, "homogeneous",
    ),
    "time": (
        lambda: EVP(Diff("x", 2), ROD, Dirichlet("boundary", lambda x, t: 0 * x * t)),
        ValueError, "homogeneous",
    ),
    "a value, weakly": (
        lambda: EVP(-Diff("x", 2, scheme=SBP(2)), ROD, Dirichlet("boundary", 1), impose="sat"),
        ValueError, "homogeneous",
    ),
    "a mean": (
        lambda: EVP(Diff("x", 2), ROD, [NONE, Condition("mean", 1, 2)]), ValueError, "homogeneous",
    ),
    "bound": (lambda: EVP(Diff("x", 2).on(ROD), ROD), TypeError, "expression"),
    "no grid": (lambda: EVP(Diff("x", 2), 0.1), TypeError, "Grid"),
    "no condition": (lambda: EVP(Diff("x", 2), ROD, "x-"), TypeError, "conditions are"),
    "M bound": (
        lambda: EVP(Diff("x", 2), ROD, ZERO, Diff("x", 2).on(ROD)), TypeError, "coefficient",
    ),
    "M of other components": (
        lambda: EVP(VectorLaplacian(), PLATE, ZERO, 2), ValueError, r"same fields.*\(2, 9, 9\)",
    ),
    "a mass of more components": (
        lambda: EVP(Laplacian(), PLATE, ZERO, Gradient()), ValueError, "L and M.*same fields",
    ),
    "a mass between nodes": (
        lambda: EVP(Diff("x", 2), ROD, ZERO, Interpolate("x", to="half")), ValueError,
        "L and M.*same fields",
    ),
    "not onto itself": (lambda: EVP(Diff("x", to="half"), ROD, closure="odd"), ValueError, "same"),
    "an unknown field": (
        lambda: EVP(Diff("x", 2), ROD, ZERO, M=Field("rho"), rho=1, k=2), TypeError, "k",
    ),
    "none": (lambda: EVP(Diff("x", 2), ROD, ZERO).solve(0), ValueError, "between 1"),
    "too many": (lambda: EVP(Diff("x", 2), ROD, ZERO).solve(8), ValueError, "7 unknowns"),
    "half a pair": (lambda: EVP(Diff("x", 2), ROD, ZERO).solve(1.5), TypeError, "integer"),
    "near a word": (lambda: EVP(Diff("x", 2), ROD, ZERO).solve(1, "0"), TypeError, "near"),
    "near nothing": (
        lambda: EVP(Diff("x", 2), ROD, ZERO).solve(1, np.nan), ValueError, "finite",
    ),
    "a mass of zero": (
        lambda: EVP(Diff("x", 2), ROD, ZERO, M=np.zeros(9)).solve(1), ValueError, "only 0 finite",
    ),
    "a large mass of zero": (
        lambda: EVP(Diff("x", 2), line(300), ZERO, M=np.zeros(300)).solve(1),
        ValueError, "only 0 finite",
    ),
    "a field in no equation, dense": (
        lambda: EVP(Block([[Diff("x", 2), 0], [0, 0]]), ROD, ZERO, FIRST).solve(1),
        ValueError, "every λ",
    ),
    "a field in no equation, sparse": (
        lambda: EVP(Block([[Diff("x", 2), 0], [0, 0]]), line(300), ZERO, FIRST).solve(1),
        ValueError, "every λ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_function_that_is_zero_is_homogeneous():
    found = EVP(-Laplacian(), PLATE, Dirichlet("boundary", lambda x, y: 0 * x * y)).solve(1)
    want = EVP(-Laplacian(), PLATE, ZERO).solve(1)
    np.testing.assert_allclose(found.values, want.values, rtol=1e-12)
