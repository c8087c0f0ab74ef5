"""The examples, at a small size, give what their texts claim."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def load(name):
    pytest.importorskip("matplotlib", reason="the examples draw with Matplotlib")
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_terrain_is_numpys_inside_and_that_of_a_plane_everywhere():
    terrain = load("terrain")
    z, grid = terrain.read()
    inside = ~grid.boundary()
    ours, theirs = terrain.with_findops(z, grid, 2), terrain.with_numpy(z, grid)
    np.testing.assert_allclose(ours.slope[inside], theirs.slope[inside], atol=1e-10)
    y, x = grid.mesh()
    plane = terrain.with_findops(0.3 * x - 0.4 * y, grid, 4)
    np.testing.assert_allclose(plane.slope, np.degrees(np.arctan(0.5)), rtol=1e-9)
    # Downhill is against the gradient (0.3 east, 0.4 south): 36.87 degrees west of north.
    np.testing.assert_allclose(plane.aspect, 360 - np.degrees(np.arctan2(0.3, 0.4)), rtol=1e-9)
    np.testing.assert_allclose(plane.curvature, 0, atol=1e-9)


def test_poisson_keeps_its_order_on_a_stretched_grid():
    poisson = load("poisson")
    sizes = (33, 65)
    errors = poisson.refine((2, 4), sizes)
    assert np.all(poisson.orders(errors, sizes)[:, 0] >= np.array([2, 4]))
    assert errors[1, 1] < errors[0, 1] / 10


def test_vorticity_keeps_its_order_inside_and_at_the_edges():
    vorticity = load("vorticity")
    for acc in (2, 4):
        coarse, fine = vorticity.errors(24, acc), vorticity.errors(48, acc)
        assert np.all(np.log2(coarse / fine) >= acc - 0.2)


@pytest.fixture
def ocean():
    pytest.importorskip("xarray", reason="the ocean is a Dataset")
    return load("ocean")


@pytest.mark.parametrize("acc", [2, 4])
def test_ocean_keeps_its_order_at_the_coast(ocean, acc):
    coarse, fine = (ocean.at_the_coast(ocean.ocean(2, 2, n, 2 * n), acc) for n in (90, 180))
    for name in ocean.NAMES:
        assert np.log2(coarse[name] / fine[name]) >= acc - 0.1, name


def test_ocean_has_values_up_to_the_coast_with_a_mask_only(ocean):
    sea = ocean.ocean(2, 1, 90, 180)
    found = {name: ocean.errors(sea, flow).vorticity for name, flow in ocean.ways(sea, 4).items()}
    coast, off = ocean.counted(sea, 1, 1), ocean.counted(sea, 9, 99)
    part = {name: float(wrong.notnull().where(coast).mean()) for name, wrong in found.items()}
    assert 0.9 < part["masked"] < 1
    assert part["NaN spreads"] == 0
    assert found["land at rest"].where(coast).max() > 1
    assert found["masked"].where(coast).median() < 1e-3
    # Out of reach of land all are the same.
    for wrong in found.values():
        assert wrong.where(off).max() == found["masked"].where(off).max() < 1e-4
    # Steps are counted around the globe.
    steps = ocean.offshore(sea)
    assert steps.equals(ocean.offshore(sea.roll(lon=40)).roll(lon=-40))


def test_cavity_meets_spectral_values():
    cavity = load("cavity")
    flow = cavity.solve(41, 4, 100)
    # By Marchi, Suero and Araki; Ghia's own values are farther from them than ours.
    np.testing.assert_allclose(flow.u(np.arange(1, 16) / 16), cavity.MARCHI_U, rtol=0, atol=3e-4)
    for name, value in cavity.MARCHI.items():
        np.testing.assert_allclose(flow.extremes()[name], value, rtol=0, atol=5e-4)
    assert 0.004 < cavity.against_ghia(flow, 100) < 0.006
    # What a higher accuracy pays at the same number of points.
    coarse = cavity.solve(33, 2, 100), cavity.solve(33, 4, 100)
    low, high = (abs(each.extremes()["least u"] + 0.21404) for each in coarse)
    assert high < low / 10


def test_emissions_are_found_from_zarr_to_zarr(tmp_path):
    for library in ("dask.array", "distributed", "zarr"):
        pytest.importorskip(library, reason="the example needs dask, distributed and zarr")
    import dask

    example = load("out_of_core")
    grid = example.series(12, 32)
    snapshots = example.puff(example.amount, *grid.coordinates())
    with dask.config.set(scheduler="threads", num_workers=2):
        found, error, inside = example.run(tmp_path, grid, (5, 9, 32, 16))
        assert found.chunks == ((5, 5, 2), (9, 9, 9, 5), (32,), (16, 16))
        want = example.EMISSIONS.on(grid)(snapshots)
        np.testing.assert_allclose(found, want, rtol=0, atol=1e-12 * np.abs(snapshots).max())
    # A twelfth of the time, over which emissions go up and down, is a long step.
    assert inside < 0.06
    assert error < 0.3


def test_beam_meets_formulas_and_frequencies():
    beam = load("beam")
    for each in beam.BEAMS.values():
        # Deflections are polynomials of degree four.
        assert beam.bending_error(each, 21, 4) < 1e-9
        coarse, fine = (beam.ringing_error(each, n, 4) for n in (21, 41))
        assert np.all(fine < 1.6e-4)
        assert np.all(np.log2(coarse / fine) > 3.7)
    own = beam.BEAMS["supported"]
    assert beam.ring(own, 21, 6)[1]
    assert np.all(beam.ringing_error(own, 21, 6) < beam.ringing_error(own, 21, 6, "accurate") / 10)
    for closure in ("odd", "even"):
        wrong = beam.ringing_error(beam.BEAMS["clamped"], 41, 6, closure)
        assert np.all(wrong > 100 * beam.ringing_error(beam.BEAMS["clamped"], 41, 6))


def test_tapered_beam_meets_bessel_functions():
    beam = load("beam")
    exact = beam.tapered_frequencies()
    np.testing.assert_allclose(exact, [3.82378, 18.31726, 47.26483], rtol=0, atol=6e-6)
    w, omega = beam.tapered(31, 8)
    np.testing.assert_allclose(w, beam.tapered_deflection(np.linspace(0, 1, 31)), atol=2e-6)
    np.testing.assert_allclose(omega, exact, rtol=7e-5)


def test_plate_meets_the_benchmark_and_its_series():
    plate = load("plate")
    assert round(plate.exact_target(), 2) == plate.PUBLISHED
    even = plate.errors((2, 4), (6, 12), even=True)
    drawn = plate.errors((2, 4), (6, 12), even=False)
    assert np.all(np.log2(even[:, 0] / even[:, 1]) > [1.8, 3.8])
    assert np.all(drawn[:, 1] < [4e-5, 1e-6])
    assert np.all(drawn < even / 20)


def test_oscillator_has_its_levels_and_keeps_the_norm():
    oscillator = load("oscillator")
    np.testing.assert_allclose(oscillator.levels(161, 8)[0], oscillator.LEVELS, rtol=0, atol=1e-8)
    times = np.linspace(0, 0.5, 3)
    coarse, fine = (
        oscillator.errors(49, oscillator.move("crank-nicolson", 49, 8, dt, times), times)
        for dt in (0.05, 0.025)
    )
    assert max(coarse[0], fine[0]) < 1e-12
    # Order two in time, for the center and for ψ.
    assert np.all(np.log2(coarse / fine)[1:] > 1.7)


def test_acoustic_is_nearer_on_staggered_points_and_keeps_its_energy():
    acoustic = load("acoustic")
    exact = np.pi * np.hypot(3, 2)
    for acc in (2, 4, 6):
        errors = {}
        for staggered in (True, False):
            for n in (16, 32):
                box = acoustic.Box(n, acc, staggered)
                _, found, drift = acoustic.frequencies(box, acoustic.mode(box.grid, 3, 2), 50)
                errors[staggered, n] = abs(found / exact - 1)
                assert drift < 1e-13
            assert np.log2(errors[staggered, 16] / errors[staggered, 32]) > acc - 0.2
        assert errors[True, 32] < errors[False, 32] / 3
        assert acoustic.checkerboard(32, acc, True) > 0.5
        assert acoustic.checkerboard(32, acc, False) < 1e-13


def test_maxwell_meets_the_frequencies_of_the_box_and_keeps_its_energy():
    maxwell = load("maxwell")
    sizes = 5, 10
    for acc in (2, 4):
        found = maxwell.errors(sizes, acc)
        assert np.all(maxwell.orders(found, sizes) > acc - 0.1)
        assert maxwell.frequencies(5, acc)[1] < 1e-13
        dt = 0.04
        u = maxwell.shine(10, acc, dt * np.arange(51), dt)
        energy, kept = maxwell.energies(10, acc, u, dt)
        assert np.ptp(energy) > 0.01 * energy[0]
        np.testing.assert_allclose(kept, kept[0], rtol=1e-13)
        assert max(maxwell.charges(10, acc, u)) < 1e-12


@pytest.mark.parametrize("acc", [2, 4])
def test_stokes_keeps_its_order_and_lets_nothing_out(acc):
    stokes = load("stokes")
    sizes = 16, 32
    flows = [stokes.solve(n, acc) for n in sizes]
    means = stokes.orders(np.array([flow.mean for flow in flows]), sizes)
    assert np.all(means > acc - 0.2)
    largest = stokes.orders(np.array([flow.largest for flow in flows]), sizes)
    assert np.all(largest > acc - np.array([0.1, 0.1, 0.4]))
    assert max(flow.divergence(acc) for flow in flows) < 1e-13
    assert stokes.freedom(8, acc) == 1


def test_darcy_is_exact_through_layers_and_loses_no_water():
    darcy = load("darcy")
    k = darcy.layers(10)
    u, v, _ = darcy.solve(k, darcy.resistances(k))
    # Roundoff is multiplied by the contrast.
    np.testing.assert_allclose(u, 1 / np.mean(1 / k[:, 0]), rtol=2e-11)
    np.testing.assert_allclose(v, 0, atol=1e-12)
    beside = darcy.solve(k.T, darcy.resistances(k.T))
    np.testing.assert_allclose(beside[0], np.repeat(k.T[:1], 11, axis=0), rtol=1e-11)
    wrong = darcy.solve(k, darcy.conductances(k))[0].mean()
    np.testing.assert_allclose(wrong / u.mean(), 2, rtol=1e-3)
    k = darcy.lenses(40)
    flux = darcy.solve(k, darcy.resistances(k))[:2]
    assert darcy.gain(k, flux) < 1e-14
    coarse, fine = (abs(darcy.through_checkerboard(n, 10)) for n in (16, 32))
    assert 0.7 < np.log2(coarse / fine) < 1


def test_gravity_waves_keep_water_and_follow_coasts():
    waves = load("gravity_waves")
    found, on_grid, exact = waves.seiche(10)
    np.testing.assert_allclose(found, on_grid, rtol=1e-12)
    assert abs(found / exact - 1) < 0.005
    coarse, fine = (waves.kelvin(n) for n in (8, 16))
    assert np.log2(coarse[0] / fine[0]) > 1.8
    assert max(abs(coarse[1]), abs(fine[1])) < 1e-14
    etas, land = waves.around_an_island(30, [0, 1])
    np.testing.assert_allclose(*waves.mass(etas), rtol=1e-13)
    assert not etas[:, land].any()


def test_gravity_waves_have_the_dispersion_of_theory():
    waves = load("gravity_waves")
    k = np.linspace(0, np.pi, 12)
    for f in (0.5, 4):
        found = waves.frequencies(f, k[:, None], k)
        np.testing.assert_allclose(found, waves.theory(f, k[:, None], k), rtol=1e-12, atol=1e-12)
        assert np.all(np.diff(waves.frequencies(f, k, 0)) > 0) == (f < 2)
    np.testing.assert_allclose(waves.frequencies(0.5, np.pi, 0, 4, False), 0.5, rtol=1e-12)


@pytest.mark.parametrize("acc", [2, 4, 6])
def test_membrane_swings_as_the_dispersion_of_leapfrog_says(acc):
    membrane = load("membrane")
    small = membrane.Membrane(12, acc)
    modes = membrane.lowest(5)
    np.testing.assert_allclose(
        small.frequencies(5), np.sort([small.frequency(mode) for mode in modes]), rtol=1e-12
    )
    for share in (0.9, 0.3):
        frequency, dt = small.measured((2, 1), share * small.step_limit)
        known = membrane.dispersion(small.frequency((2, 1)), dt)
        np.testing.assert_allclose(frequency, known, rtol=1e-12)


def test_membrane_keeps_the_energy_of_leapfrog_and_refuses_a_long_step():
    membrane = load("membrane")
    small = membrane.Membrane(24, 6)
    dt = 0.1 / np.ceil(0.1 / (0.25 * small.step_limit))
    u, v = small.strike(t := np.linspace(0, 10, 101), dt)
    energy, kept = small.energies(u, v, dt)
    np.testing.assert_allclose(kept, kept[0], rtol=1e-12)
    swing, gain = membrane.drift(t, energy)
    assert 1e-6 < swing < 2e-3
    assert abs(gain) < swing / 4
    exact = membrane.struck(small.grid, 0.1)
    np.testing.assert_allclose(u[1], exact, rtol=0, atol=2e-2 * np.abs(exact).max())
    assert f"dt ≤ {small.step_limit:.6g}" in membrane.refused(small, 1.001 * small.step_limit)


def test_gray_scott_grows_as_linear_stability_says():
    gray_scott = load("gray_scott")
    reaction = gray_scott.Reaction(0.056, 0.062)
    for sign in (-1, 1):
        state = reaction.rest(sign)
        field = np.broadcast_to(state[:, None, None], (2, 8, 8))
        at_rest = reaction.motion(gray_scott.square(8), 4)(0, field)
        np.testing.assert_allclose(at_rest, 0, atol=1e-16)
    for waves, growing in ((1, False), (2, True)):
        low, high = (reaction.grown(reaction.rest(), waves, 20, acc) for acc in (2, 6))
        assert (high.exact.real > 0) == growing
        for found in (low, high):
            np.testing.assert_allclose(found.measured, found.on_grid, rtol=0, atol=2e-9)
        assert abs(high.measured - high.exact) < abs(low.measured - low.exact) / 100


def test_gray_scott_is_the_same_by_explicit_and_by_implicit_steps():
    gray_scott = load("gray_scott")
    reaction = gray_scott.PATTERNS[0].reaction
    methods = [("rk4", {"dt": 1}), *(("imex", {"dt": dt}) for dt in (1, 0.5))]
    (explicit, _), (coarse, _), (fine, _) = gray_scott.errors(reaction, 32, 20, methods)
    assert explicit < 1e-3
    assert coarse < 5e-3
    assert 3 < coarse / fine < 5


def test_gray_scott_counts_areas_across_the_seam():
    gray_scott = load("gray_scott")
    mask = np.zeros((6, 6), dtype=bool)
    mask[0, 0] = mask[-1, 0] = mask[0, -1] = mask[3, 3] = True
    assert gray_scott.areas(mask) == 2
    assert gray_scott.areas(~mask) == 1


@pytest.mark.parametrize("order", [1, 2])
def test_noise_on_a_line_is_what_the_weights_say(order):
    noise = load("noise")
    data = noise.swing(1201, order)
    found = noise.outcomes(noise.line_methods(data.grid, order), data)
    first = found["np.gradient"]
    for name, each in found.items():
        # 200 times 900 errors, of which a window's width are correlated.
        assert abs(each.found / each.expected - 1) < 0.02, name
        if name.startswith(("Savitzky", "Gaussian")):
            assert first.found / each.found > (9, 100)[order - 1]


def test_noise_in_the_plane_is_what_the_weights_say():
    noise = load("noise")
    data = noise.plane(129)
    found = noise.outcomes(noise.plane_methods(data.grid), data)
    for name, each in found.items():
        assert abs(each.found / each.expected - 1) < 0.03, name
    along, both = found["SavitzkyGolay(17, 3) along"], found["SavitzkyGolay(17, 3)"]
    assert both.gain < along.gain / 2


def test_conductivity_comes_back():
    pytest.importorskip("jax", reason="the example differentiates with JAX")
    conductivity = load("conductivity")
    assert conductivity.check_gradient(conductivity.Plate(16)) < 1e-8
    _, exact = conductivity.recover(conductivity.Plate(16), 40)
    assert exact[-1] < 0.012
    assert exact[0] > 0.25


def test_wave_packets_travel_as_modified_wavenumbers_say():
    dispersion = load("dispersion")
    for method in dispersion.METHODS[2::2]:
        found = dispersion.travel(method, 5)
        np.testing.assert_allclose(found, dispersion.predict(method, 5), rtol=0, atol=1e-6)
    at_5, at_8 = (
        {m.name: dispersion.error(r, dispersion.predict(m, r)) for m in dispersion.METHODS}
        for r in (5, 8)
    )
    assert at_5["Bogey-Bailly 11"] < at_5["central 10"] / 25
    assert at_8["Tam-Webb, 1.1"] < at_8["central 6"] < at_8["Tam-Webb, π/2"]
    assert at_8["compact 10"] < at_8["central 10"] < at_8["Bogey-Bailly 11"]


def test_energy_falls_at_every_order():
    energy = load("energy")
    for make in (energy.advection, energy.ring, energy.wave):
        for order in (2, 4, 6, 8):
            run = make(order, 300)
            assert run.growth < 1e-13, (run.name, order)
            assert len(run.energy) > 100
    assert energy.one_sided(8, 100).growth > 1
