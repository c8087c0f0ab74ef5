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


def test_conductivity_comes_back():
    pytest.importorskip("jax", reason="the example differentiates with JAX")
    conductivity = load("conductivity")
    assert conductivity.check_gradient(conductivity.Plate(16)) < 1e-8
    _, exact = conductivity.recover(conductivity.Plate(16), 40)
    assert exact[-1] < 0.012
    sensors = conductivity.Plate(16, every=2, noise=1e-3, smoothing=3e-4)
    _, noisy = conductivity.recover(sensors, 15)
    assert noisy[-1] < 0.08
    assert min(exact[0], noisy[0]) > 0.25


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
