"""Labeled arrays: values as on bare ones, and names, coordinates and attributes survive."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from findops import (
    Advection,
    Block,
    Cells,
    Curl,
    Diff,
    Diffusion,
    Divergence,
    Field,
    Gradient,
    Grid,
    Hessian,
    Identity,
    Jacobian,
    Laplacian,
    Periodic,
    Points,
    Tensor,
    Uniform,
    Upwind,
    VectorLaplacian,
)
from findops.expressions.expression import Expr
from tests.support import random_array

xr = pytest.importorskip("xarray", reason="labeled arrays are xarray's")

TIME = np.array(["2001-01-01", "2001-01-02", "2001-01-03", "2001-01-04", "2001-01-05"], "M8[ns]")
LAT = np.array([60.0, 45, 20, 0, -25, -50])  # downwards, and not evenly
LON = np.arange(0, 360, 45.0)
SHAPE = (5, 6, 8)
GRID = Grid(time=Uniform(0, 4 * 86400, 5), lat=LAT, lon=LON)
ROUND = {"lon": 360}
RING = Grid(time=GRID["time"], lat=LAT, lon=Periodic(0, 360, 8))


def field(seed=0, name="T"):
    return xr.DataArray(
        random_array(SHAPE) * (seed + 1) + seed,
        {
            "time": ("time", TIME, {"axis": "T", "standard_name": "time"}),
            "lat": ("lat", LAT, {"units": "degrees_north"}),
            "lon": LON,
            "area": (("lat", "lon"), np.ones((6, 8)), {"units": "m2"}),
            "month": ("time", ["Jan"] * 5),
            "run": 3,
        },
        ("time", "lat", "lon"),
        name=name,
        attrs={"units": "K", "long_name": "temperature"},
    )


T = field()


def same(got, want):
    np.testing.assert_array_equal(got.values if hasattr(got, "dims") else got, want)


def close(got, want):
    """To a few ulp of the largest."""
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-14 * np.abs(want).max())


def survives(got, was):
    """Everything but the values is as it was."""
    xr.testing.assert_identical(xr.zeros_like(got), xr.zeros_like(was))


# Values -------------------------------------------------------------------------------------------

LAMBDA = lambda lat: 1 / np.cos(np.radians(lat))  # noqa: E731  # equal to itself below
EXPRESSIONS = {
    "time": Diff("time"),
    "second": Diff("lat", 2, acc=4),
    "mixed": Diff("lat") * Diff("time") + 2,
    "laplacian": Laplacian(["lat", "lon"]),
    "all axes": Laplacian(),
    "function": LAMBDA * Diff("lon"),
    "inside": Diff("lat") * LAMBDA * Diff("lat"),
    "advection": Advection([2.0, LAMBDA], ["lat", "lon"]),
    "number": 3 * Identity(),
}


@pytest.mark.parametrize("E", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_values_are_those_of_bare_arrays(E):
    got = E(T)
    same(got, E(T.values, GRID))
    survives(got, T)


@pytest.mark.parametrize("E", EXPRESSIONS.values(), ids=EXPRESSIONS)
@pytest.mark.parametrize("order", [("lon", "time", "lat"), ("lat", "lon", "time")], ids="-".join)
def test_dimensions_meet_axes_by_name(E, order):
    turned = T.transpose(*order)
    got = E(turned)
    assert got.dims == order
    scale = np.abs(E(T.values, GRID)).max()
    np.testing.assert_allclose(got.transpose(*T.dims), E(T.values, GRID), atol=1e-14 * scale)
    survives(got, turned)


def test_periods_and_closures():
    E = Diff("lon", 2) + Diff("lat")
    same(E(T, periodic=ROUND), E(T.values, RING))
    same(E(T, periodic={"lat": 200.0, **ROUND}),
         E(T.values, Grid(time=GRID["time"], lat=Points(LAT, 200.0), lon=RING["lon"])))  # fmt: skip
    # The gap across the seam is wider than the others.
    same(E(T, periodic={"lon": 400}), E(T.values, GRID.replace("lon", Points(LON, 400.0))))
    closure = {"lat-": "even", "lat+": 1}
    same(E(T, closure=closure, periodic=ROUND), E(T.values, RING, closure=closure))
    same(Diff("lon")(T, closure="zero"), Diff("lon")(T.values, GRID, closure="zero"))
    backwards = T.isel(lon=slice(None, None, -1))
    np.testing.assert_allclose(
        E(backwards, periodic=ROUND).isel(lon=slice(None, None, -1)), E(T.values, RING), rtol=1e-12
    )


def test_degrees_become_radians_when_asked():
    lon, lat = Periodic(0, 2 * np.pi, 8), np.radians(LAT)
    grid = Grid(time=GRID["time"], lat=lat, lon=lon)
    E = (lambda lat: 1 / np.cos(lat)) * Diff("lon")
    same(E(T, periodic=ROUND, radians=["lon", "lat"]), E(T.values, grid))
    same(Diff("lat")(T, radians="lat"), Diff("lat")(T.values, grid))


@pytest.mark.parametrize(("unit", "day"), [(None, 86400), ("h", 24), ("D", 1), ("ms", 86.4e6)])
def test_dates_are_in_seconds_or_a_unit(unit, day):
    units = {"time": unit} if unit else None
    grid = Grid(Uniform(0, 4 * day, 5))
    same(Diff("time")(T, units=units), Diff(0)(T.values, {0: grid[0]}))
    line = T[:, 0, 0]
    same(Diff("time")(line, units=units), Diff(0)(line.values, grid))
    lasting = line.assign_coords(time=TIME - TIME[0])
    same(Diff("time")(lasting, units=units), Diff(0)(line.values, grid))
    same(Diff("time")(line, units=units, periodic={"time": 5 * day}),
         Diff(0)(line.values, Grid(Periodic(0, 5 * day, 5))))  # fmt: skip


def test_months_are_of_their_own_lengths():
    time = np.array(["2001-01", "2001-02", "2001-03", "2001-04"], "M8[M]").astype("M8[ns]")
    u = xr.DataArray(np.array([0.0, 31, 59, 90]) ** 2, {"time": time})
    np.testing.assert_allclose(
        Diff("time")(u, units={"time": "D"}), 2 * np.array([0.0, 31, 59, 90]), atol=1e-11
    )


def test_cftime():
    pytest.importorskip("cftime", reason="its calendars")
    time = xr.date_range("2001-02-27", periods=5, calendar="360_day", use_cftime=True)
    u = xr.DataArray(np.arange(5.0) ** 2, {"time": time})
    got = Diff("time")(u, units={"time": "D"})
    same(got, 2 * np.arange(5.0))
    survives(got, u)
    close(Diff("time")(u), 2 * np.arange(5.0) / 86400)
    half = Diff("time", to="half")(u, units={"time": "D"})
    assert half.time.values[0] - time[0] == (time[1] - time[0]) / 2


def test_precision_is_kept_and_integers_become_float():
    assert Diff("lat")(T.astype("f4")).dtype == np.float32
    assert Diff("lat")((10 * T).astype(int)).dtype == np.float64
    lon = T.assign_coords(lon=LON.astype("f4") / 3)
    np.testing.assert_allclose(Diff("lon")(lon), 3 * Diff("lon")(T), rtol=1e-6, atol=1e-7)


def test_other_dimensions_need_no_coordinates():
    u = T.drop_vars(["time", "lon"]).assign_coords(lon=[*"abcdefgh"])
    same(Diff("lat")(u), Diff("lat")(T.values, GRID))
    stacked = T.stack(place=("time", "lon"))
    got = Diff("lat")(stacked)
    survives(got, stacked)
    same(got.unstack("place").transpose(*T.dims), Diff("lat")(T.values, GRID))


# Components ---------------------------------------------------------------------------------------

PLANE = ["lon", "lat"]


def test_gradient_divergence_curl_by_name():
    gradient = Gradient(PLANE)(T)
    assert gradient.dims == ("component", *T.dims)
    assert list(gradient.component) == PLANE
    for name in PLANE:
        close(gradient.sel(component=name), Diff(name)(T))
    survives(gradient.sel(component="lon", drop=True), T)
    for vector in (gradient, gradient.isel(component=[1, 0]), gradient.transpose(..., "component")):
        want = Diff("lon")(T).pipe(Diff("lon")) + Diff("lat")(T).pipe(Diff("lat"))
        for E in (Divergence(), Divergence(PLANE), Divergence(PLANE[::-1])):
            got = E(vector)
            np.testing.assert_allclose(got.transpose(*T.dims), want, atol=1e-13)
            survives(got.transpose(*T.dims), T)
        curl = Curl(PLANE)(vector).transpose(*T.dims)
        np.testing.assert_allclose(curl, 0, atol=1e-13)


def test_curl_of_a_dataset_has_the_orientation_of_its_keywords():
    ds = xr.Dataset({"u": field(1, "u"), "v": field(2, "v")}, attrs={"title": "flow"})
    want = Diff("lon")(ds.v) - Diff("lat")(ds.u)
    got = Curl()(ds, lon="u", lat="v")
    np.testing.assert_allclose(got, want, atol=1e-14)
    assert got.name is None
    assert not got.attrs
    xr.testing.assert_identical(got.coords.to_dataset(), T.coords.to_dataset())
    np.testing.assert_allclose(Curl()(ds, lat="v", lon="u"), -got, atol=1e-14)
    np.testing.assert_allclose(Curl(PLANE)(ds, lat="v", lon="u"), got, atol=1e-14)
    np.testing.assert_allclose(
        Divergence()(ds, lat="v", lon="u"), Diff("lon")(ds.u) + Diff("lat")(ds.v), atol=1e-14
    )


def test_matrices_have_two_dimensions():
    H = Hessian(PLANE)(T, component="i")
    assert H.dims == ("i", "derivative", *T.dims)
    same(H.sel(i="lat", derivative="lat"), Diff("lat", 2)(T))
    turned = Hessian(PLANE[::-1])(T, component=("i", "j"))
    same(H.sel(i="lat", derivative="lon"), turned.sel(i="lat", j="lon"))
    F = Gradient(PLANE)(T, component="i")
    J = Jacobian(PLANE)(F, component=("i", "j"))
    np.testing.assert_allclose(
        J.sel(i="lat", j="lon").transpose(*T.dims), Diff("lon")(Diff("lat")(T)), atol=1e-14
    )


def test_scalar_operators_act_on_every_component():
    F = Gradient(PLANE)(T)
    close(Diff("lon")(F).sel(component="lat"), Diff("lon")(F.sel(component="lat")))
    survives(Diff("lon")(F), F)
    close(VectorLaplacian()(F), Laplacian(PLANE)(F))
    assert list(VectorLaplacian(PLANE[::-1])(F).component) == PLANE[::-1]
    assert Laplacian()(F).dims == F.dims


def test_tensors_keep_the_names_of_components_and_blocks_have_none():
    flux = Tensor([[1, 2], [3, 4]]) @ Gradient(PLANE)
    got, F = flux(T), Gradient(PLANE)(T)
    assert list(got.component) == PLANE
    np.testing.assert_allclose(got.sel(component="lat"), 3 * F[0] + 4 * F[1], atol=1e-14)
    lon, lat = map(Diff, PLANE)
    close((Divergence(PLANE) @ flux)(T), (lon**2 + 5 * lon * lat + 4 * lat**2)(T))
    swapped = Tensor([[1, 2], [3, 4]])(F)
    np.testing.assert_allclose(swapped, got, atol=1e-14)
    assert list(swapped.component) == PLANE
    pair = Block([[Diff("lon")], [Diff("lat", 2)]])(T)
    assert pair.dims == ("component", *T.dims)
    assert "component" not in pair.coords


# Coefficients -------------------------------------------------------------------------------------

COS = np.cos(np.radians(T.lat))
U = field(3, "U")


def test_labeled_coefficients_make_expressions():
    for E in (COS * Diff("lon"), COS + Diff("lon"), COS - Diff("lon"), Diff("lon") / COS):
        assert isinstance(E, Expr)
        hash(E)
    assert str(U * Diff("lon")) == "U·∂_lon"
    for wrong in (lambda: Diff("lon") @ COS, lambda: U.to_dataset() * Diff("lon")):
        with pytest.raises(TypeError):
            wrong()


def test_chunked_coefficients_are_not_loaded():
    pytest.importorskip("dask", reason="chunks are its")
    with pytest.raises(TypeError, match=r"c\.compute"):
        U.chunk() * Diff("lon")


def test_either_may_be_imported_first():
    program = (
        "import {0}, {1}; import numpy as np\n"
        "c = xarray.DataArray(np.ones(3), dims='x')\n"
        "print(type(c * findops.Diff('x')).__name__)"
    )
    for pair in (("findops", "xarray"), ("xarray", "findops")):
        run = subprocess.run([sys.executable, "-c", program.format(*pair)], capture_output=True,
                             text=True, check=True)  # fmt: skip
        assert run.stdout.strip() == "Product"


LABELED = {
    "in front": (lambda c: c * Diff("lon"), lambda dx: U * dx),
    "behind": (lambda c: Diff("lon") * c, None),
    "velocity": (lambda c: Advection([c], ["lon"]), lambda dx: U * dx),
    "field": (lambda _: Field("c") * Diff("lon"), lambda dx: U * dx),
}


@pytest.mark.parametrize("turn", [("time", "lat", "lon"), ("lon", "time", "lat")], ids="-".join)
@pytest.mark.parametrize(("make", "want"), LABELED.values(), ids=LABELED)
def test_labeled_coefficients_meet_dimensions_by_name(make, want, turn):
    c = U.transpose(*turn)
    E = make(c)
    got = E(T, c=c) if E.free_fields else E(T)
    expected = want(Diff("lon")(T)) if want else Diff("lon")(U * T)
    np.testing.assert_allclose(got, expected, atol=1e-13)
    survives(got, T)


def test_upwind_with_a_labeled_velocity():
    D = Diff("lon", acc=1, scheme=Upwind(U - 3))
    bare = Diff("lon", acc=1, scheme=Upwind(U.values - 3))
    same(D(T, periodic=ROUND), bare(T.values, RING))
    assert Diff("lon", acc=1, scheme=Upwind(D.scheme.velocity)) == D


def test_a_labeled_coefficient_on_a_plain_grid():
    grid = Grid(lat=LAT, lon=LON)
    E = COS * Diff("lon")
    same(E(T.values, grid), (COS.values[:, None] * Diff("lon"))(T.values, grid))
    close(Diff("lon")(T, grid) * COS, E(T.values, grid))
    with pytest.raises(ValueError, match="coordinates along 'lat'"):
        E.on(Grid(lat=LAT + 1, lon=LON))
    with pytest.raises(ValueError, match="dimension 'lat'"):
        E.on(Grid(lon=LON))


def test_changed_coefficients_are_read_again():
    c = U.copy()
    before = (c * Diff("lon"))(T)
    c *= 2
    np.testing.assert_allclose((c * Diff("lon"))(T), 2 * before, rtol=1e-14)
    bare = U.values.copy()
    E = bare * Diff("lon") * Diff("time")
    before = E(T)
    bare *= 2
    np.testing.assert_allclose(E(T), 2 * before, rtol=1e-14)


# Datasets -----------------------------------------------------------------------------------------


def test_datasets_map_over_variables_that_have_the_dimensions():
    ds = xr.Dataset({"T": T, "S": field(1, "S"), "h": T.lat * 2.0, "name": "x"}, attrs={"a": 1})
    got = Diff("lon")(ds, periodic=ROUND)
    for name in ("T", "S"):
        xr.testing.assert_identical(got[name], Diff("lon")(ds[name], periodic=ROUND))
    xr.testing.assert_identical(got.drop_vars(["T", "S"]), ds.drop_vars(["T", "S"]))
    assert list(got.data_vars) == list(ds.data_vars)
    assert Gradient(PLANE)(ds).h.dims == ("lat",)
    xr.testing.assert_identical(ds["T"], T)
    scaled = (COS * Diff("lon"))(ds)
    close(scaled["T"], Diff("lon")(T) * COS)


def test_half_points_have_labels_of_their_own():
    half = Diff("lat", to="half")(T)
    np.testing.assert_array_equal(half.lat, (LAT[1:] + LAT[:-1]) / 2)
    assert half.lat.attrs == T.lat.attrs
    assert set(half.coords) == {"time", "month", "lat", "lon", "run"}
    same(half, Diff("lat", to="half")(T.values, GRID))
    in_time = Diff("time", to="half")(T)
    assert in_time.time.values[0] == TIME[0] + np.timedelta64(12, "h")
    spread = Diffusion(2.0, axes=["lat"])
    same(spread(T), spread(T.values, GRID))
    around = Diff("lon", to="half")(T.to_dataset(), periodic=ROUND)["T"]
    xr.testing.assert_identical(around, Diff("lon", to="half")(T, periodic=ROUND))
    moved = Diff("lat", to="half")(xr.Dataset({"T": T, "S": T}, attrs={"a": 1}))
    assert moved.sizes["lat"] == 5
    assert moved.attrs == {"a": 1}
    with pytest.raises(ValueError, match="exact"):
        (Diff("lat", to="half") * Diff("lon"))(xr.Dataset({"T": T, "h": T.lat * 1.0}))


# Bound operators ----------------------------------------------------------------------------------


def test_bound_operators_take_arrays_on_their_grid():
    op = Laplacian().on(Grid(lat=LAT, lon=LON))
    got = op(T.transpose("lon", "time", "lat"))
    assert got.dims == ("lon", "time", "lat")
    np.testing.assert_allclose(got.transpose(*T.dims), op(T.values), atol=1e-14)
    survives(op(T), T)
    same(op @ T, op(T.values))
    same(op(T.drop_vars(["lat", "lon", "area"])), op(T.values))
    for wrong, what in [(T.rename(lat="y"), "'lat'"), (T[:, 1:], "'lat'"),
                        (T.assign_coords(lat=LAT + 1), "coordinate 'lat'")]:  # fmt: skip
        with pytest.raises(ValueError, match=what):
            op(wrong)
    with pytest.raises(TypeError, match="bare arrays"):
        op(T, scale=2)
    with pytest.raises(TypeError, match="components"):
        Gradient().on(Grid(lat=LAT, lon=LON))(T)
    with pytest.raises(TypeError, match="DataArrays and Datasets, not to"):
        op(T.variable)
    with pytest.raises(TypeError, match="ghost"):
        Diff("x").on(Grid(x=Cells(0, 1, 6)), closure="halo")(xr.DataArray(np.ones(8), dims="x"))


def test_bound_operators_map_over_variables_on_their_grid():
    grid = Grid(lat=LAT, lon=LON)
    ds = xr.Dataset({"T": T, "S": field(1, "S").isel(time=0), "h": T.lat * 2.0}, attrs={"a": 1})
    op = Laplacian().on(grid)
    wet = T[0] > -1
    for act in (op, op.masked(wet), lambda u: Laplacian()(u, grid)):
        got = act(ds)
        assert got.attrs == {"a": 1}
        for name in ("T", "S"):
            xr.testing.assert_identical(got[name], act(ds[name]))
        xr.testing.assert_identical(got.h, ds.h)
    with pytest.raises(ValueError, match=r"variable 'T'.* coordinate 'lat'"):
        op(ds.assign_coords(lat=LAT + 1))
    with pytest.raises(ValueError, match="no variable has them"):
        op(ds[["h"]])


def test_a_dimension_called_component_is_one_like_others():
    """Where nothing has components."""
    u = T.rename(lat="component", lon="derivative")
    np.testing.assert_array_equal(Diff("component")(u), Diff("lat")(T))
    np.testing.assert_array_equal((COS * Diff("derivative"))(u.rename(component="lat")),
                                  (COS * Diff("lon"))(T))  # fmt: skip


def test_operators_on_equal_coordinates_are_kept(monkeypatch):
    from findops.operators import binding

    Diff("lat", 2, acc=4)(T)
    monkeypatch.setattr(binding, "discretize", None)
    Diff("lat", 2, acc=4)(T.copy(deep=True))


def test_changed_coordinates_are_read_again():
    """What is kept goes by values, which may change while their array stays itself."""
    x = np.linspace(0, 1, 5)
    for factor in (1.0, 2.0):
        x *= factor
        u = xr.DataArray(np.arange(5.0), {"x": x})
        close(Diff("x")(u), np.full(5, 4 / factor))
    for dtype in (np.float64, np.int64):  # the same bytes
        u = xr.DataArray(np.arange(5.0), {"x": np.arange(1.0, 6.0).view(dtype)})
        step = float(u.x[1] - u.x[0])
        assert Diff("x")(u)[0] == pytest.approx(1 / step, rel=0.2)


def test_how_values_were_packed_is_not_kept():
    packed = T.copy()
    packed.encoding = {"dtype": "int16", "scale_factor": 0.01}
    for got in (Diff("lat")(packed), Gradient(PLANE)(packed), Diff("lat", to="half")(packed)):
        assert not got.encoding
    assert packed.encoding


@pytest.mark.skipif(
    not importlib.util.find_spec("dask")
    or not importlib.util.find_spec("findops.executors.libraries.dask"),
    reason="dask is not there, or nothing applies to its arrays",
)
def test_chunked_arrays_stay_lazy():
    chunked = T.chunk(time=2, lat=3)
    for E in (Diff("lat", 2), Gradient(PLANE), COS * Diff("lon")):
        got = E(chunked)
        assert got.chunks is not None
        np.testing.assert_allclose(got.compute(), E(T), atol=1e-14)


WET = xr.DataArray(random_array((6, 8), seed=9) > -0.7, {"lat": LAT, "lon": LON}, ("lat", "lon"))
MASKED = {
    "derivative": (Diff("lon", acc=4), Diff("lon", acc=4)),
    "function": (LAMBDA * Diff("lon"), LAMBDA * Diff("lon")),
    "labeled": (U * Diff("lat") * COS, U.values * Diff("lat") * COS.values[None, :, None]),
    "components": (Gradient(PLANE), Gradient(PLANE)),
    "half points": (Diff("lat", to="half"), Diff("lat", to="half")),
}


@pytest.mark.parametrize(("E", "bare"), MASKED.values(), ids=MASKED)
def test_masks_meet_dimensions_by_name(E, bare):
    """Whatever unit coordinates are read in; along other dimensions points are alike."""
    options = {"mask": WET, "periodic": ROUND, "radians": PLANE}
    grid = Grid(time=GRID["time"], lat=np.radians(LAT), lon=Periodic(0, 2 * np.pi, 8))
    m = bare.on(grid).masked(np.broadcast_to(WET, T.shape))
    got = E(T.where(WET), **options)
    assert np.isnan(got).any()
    np.testing.assert_allclose(got, m(T.values), rtol=0, atol=1e-13)
    turned = T.where(WET).transpose("lon", "time", "lat")
    again = E(turned, **(options | {"mask": WET.T})).transpose(*got.dims)
    np.testing.assert_allclose(again, got, rtol=0, atol=1e-13)
    ds = E(xr.Dataset({"T": T.where(WET), "h": ("time", np.ones(5))}), **options)
    np.testing.assert_array_equal(ds["T"], got)
    assert ds.h.dims == ("time",)
    if got.shape == T.shape:
        survives(got, T.where(WET))


def test_masks_beside_a_grid():
    grid = Grid(lat=LAT, lon=LON)
    xr.testing.assert_identical(Laplacian()(T, grid, mask=WET), Laplacian().on(grid).masked(WET)(T))


def test_arrays_of_other_libraries_in_labeled_ones_stay_theirs():
    xp = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    inside = T.copy(data=xp.asarray(T.values))
    for E in (Diff("lat", 2), Gradient(PLANE), COS * Diff("lon")):
        for turned in (inside, inside.transpose("lon", "time", "lat")):
            got = E(turned)
            assert isinstance(got.data, type(inside.data))
            want = E(T).transpose(*got.dims)
            np.testing.assert_allclose(np.asarray(got.data), want, atol=1e-13)


# Errors -------------------------------------------------------------------------------------------

LINE = xr.DataArray(np.arange(5.0), {"x": np.arange(5.0)})
CURVED = xr.DataArray(np.ones((4, 5)), {"lon": (("j", "i"), np.ones((4, 5)))}, ("j", "i"))
ERRORS = {
    "no dimension": (lambda: Diff("y")(LINE), ValueError, ["'y'", "('x',)"]),
    "index": (lambda: Diff(0)(LINE), TypeError, ["names", "0"]),
    "no coordinate": (
        lambda: Diff("x")(LINE.drop_vars("x")),
        ValueError,
        ["'x'", "assign_coords", "arange(5)"],
    ),
    "nan": (
        lambda: Diff("x")(LINE.assign_coords(x=[0, 1, np.nan, 3, 4])),
        ValueError,
        ["'x'", "NaN"],
    ),
    "nat": (
        lambda: Diff("x")(LINE.assign_coords(x=[*TIME[:4], np.datetime64("NaT", "ns")])),
        ValueError,
        ["'x'", "NaN"],
    ),
    "duplicates": (
        lambda: Diff("x")(LINE.assign_coords(x=[0, 1, 1, 3, 4])),
        ValueError,
        ["'x'", "strictly monotone", "points 1 and 2"],
    ),
    "unordered": (
        lambda: Diff("x")(LINE.assign_coords(x=[0, 2, 1, 3, 4])),
        ValueError,
        ["'x'", "strictly monotone"],
    ),
    "strings": (lambda: Diff("x")(LINE.assign_coords(x=[*"abcde"])), TypeError, ["'x'", "strings"]),
    "booleans": (
        lambda: Diff("x")(LINE[:2].assign_coords(x=[False, True])),
        TypeError,
        ["'x'", "bool"],
    ),
    "multi-index": (lambda: Diff("p")(T.stack(p=("lat", "lon"))), TypeError, ["'p'", "MultiIndex"]),
    "curvilinear": (lambda: Diff("lon")(CURVED), ValueError, ["curvilinear", "metric"]),
    "other coordinate": (
        lambda: Diff("km")(LINE.assign_coords(km=("x", np.arange(5.0)))),
        ValueError,
        ["swap_dims(x='km')"],
    ),
    "one point": (lambda: Diff("x")(LINE[:1]), ValueError, ["needs 3 points along 'x'", "has 1"]),
    "no point": (lambda: Diff("lat")(T[:, :, :0]), ValueError, ["'lon'", "no points"]),
    "unit of no time": (
        lambda: Diff("x")(LINE, units={"x": "h"}),
        TypeError,
        ["'x'", "not a time"],
    ),
    "unit": (lambda: Diff("time")(T, units={"time": "M"}), ValueError, ["'time'", "'M'", "'h'"]),
    "unknown unit": (lambda: Diff("time")(T, units={"t": "h"}), ValueError, ["units", "'t'"]),
    "unknown period": (lambda: Diff("time")(T, periodic={"x": 1}), ValueError, ["periodic", "'x'"]),
    "radians of time": (lambda: Diff("time")(T, radians="time"), TypeError, ["'time'", "radians"]),
    "repeated end": (lambda: Diff("x")(LINE, periodic={"x": 4}), ValueError, ["'x'", "duplicated"]),
    "face": (lambda: Diff("x")(LINE, closure={"y-": "odd"}), ValueError, ["'y-'", "'x-'"]),
    "closure": (lambda: Diff("x")(LINE, closure=["odd"]), ValueError, ["closure", "['odd']"]),
    "field": (lambda: Diff("x")(LINE, c=3), TypeError, ["no fields ['c']"]),
    "grid and period": (
        lambda: Diff("x")(LINE, Grid(x=LINE.x.values), periodic={"x": 9}),
        TypeError,
        ["a grid is given"],
    ),
    "spacing": (lambda: Diff("x")(LINE, 0.1), TypeError, ["coordinates", "0.1", "assign_coords"]),
    "coordinates": (lambda: Diff("x")(LINE, np.arange(5.0)), TypeError, ["Grid", "array"]),
    "misspelled": (
        lambda: Diff("x")(LINE, period={"x": 9}),
        TypeError,
        ["no fields ['period']", "options are", "periodic"],
    ),
    "radians": (lambda: Diff("x")(LINE, radians=True), TypeError, ["radians", "True"]),
    "a number of components": (lambda: Hessian()(T, component=3), TypeError, ["component", "3"]),
    "one component of two": (lambda: Hessian()(T, component=("i",)), TypeError, ["('i',)"]),
    "equal components": (lambda: Hessian()(T, component=("i", "i")), ValueError, ["both", "'i'"]),
    "component of an axis": (
        lambda: Gradient(PLANE)(T, component="lat"),
        ValueError,
        ["'lat' already", "component="],
    ),
    "arrays of components": (
        lambda: Divergence()(xr.Dataset({"T": T}), lat=T, lon=T),
        ValueError,
        ["dimension=variable"],
    ),
    "no names of components": (
        lambda: Divergence(PLANE)(T.to_dataset()),
        ValueError,
        ["'component'", 'E(ds, x="u", y="v")'],
    ),
    "named components of an array": (
        lambda: Divergence()(T, lat="u"),
        TypeError,
        ["no fields ['lat']", "for a Dataset"],
    ),
    "bare mask": (lambda: Diff("x")(LINE, mask=np.ones(5, bool)), TypeError, ["DataArray"]),
    "mask of another dimension": (
        lambda: Diff("lon")(T, mask=WET.rename(lat="y")),
        ValueError,
        ["the mask", "'y'"],
    ),
    "mask of other labels": (
        lambda: Diff("lon")(T, mask=WET.assign_coords(lat=LAT + 1)),
        ValueError,
        ["the mask", "'lat'"],
    ),
    "mask of numbers": (lambda: Diff("lon")(T, mask=WET * 1.0), TypeError, ["boolean", "float64"]),
    "truth as a closure": (
        lambda: (Diff("x")(LINE, closure=1), Diff("x")(LINE, closure=True)),
        ValueError,
        ["closure", "True"],
    ),
    "orientation": (lambda: Curl(of="scalar")(CURVED), ValueError, ["orientation"]),
    "no components": (lambda: Divergence(PLANE)(T), ValueError, ["'component'", 'x="u"']),
    "components without names": (
        lambda: Divergence()(Gradient(PLANE)(T).drop_vars("component")),
        ValueError,
        ["names no axes"],
    ),
    "other components": (
        lambda: Divergence(["lat", "time"])(Gradient(PLANE)(T)),
        ValueError,
        ["'lon'", "'time'"],
    ),
    "taken": (
        lambda: Gradient(PLANE)(Gradient(PLANE)(T)),
        ValueError,
        ["'component'", "component="],
    ),
    "two orders": (
        lambda: (VectorLaplacian(PLANE) + VectorLaplacian(PLANE[::-1]))(Gradient(PLANE)(T)),
        ValueError,
        ["order their components"],
    ),
    "function of dates": (
        lambda: ((lambda time: time) * Diff("lat"))(T),
        TypeError,
        ["dates", "'time'"],
    ),
    "function of anything": (lambda: (np.sin * Diff("lat"))(T), TypeError, ["names what it reads"]),
    "field of dates": (
        lambda: (Field("c") * Diff("lat"))(T, c=lambda time: time),
        TypeError,
        ["dates"],
    ),
    "other labels": (
        lambda: (COS.assign_coords(lat=LAT + 1) * Diff("lon"))(T),
        ValueError,
        ["coordinate 'lat'", "exact"],
    ),
    "other times": (
        lambda: (U.assign_coords(time=TIME + np.timedelta64(1, "D")) * Diff("lon"))(T),
        ValueError,
        ["coordinate 'time'"],
    ),
    "part": (lambda: (COS[1:] * Diff("lon"))(T), ValueError, ["coordinate 'lat'"]),
    "other dimension": (lambda: (U.rename(time="t") * Diff("lon"))(T), ValueError, ["'t'"]),
    "no number": (lambda: Diff("x")(LINE.astype(str)), TypeError, ["fields are"]),
    "dataset": (lambda: Diff("q")(T.to_dataset()), ValueError, ["['q']", "no variable"]),
    "a variable": (
        lambda: Diff("lon")(xr.Dataset({"s": T.astype(str)})),
        TypeError,
        ["variable 's'"],
    ),
    "component variables": (
        lambda: Divergence()(T.to_dataset(), lon="u", lat="v"),
        ValueError,
        ["lon='u'"],
    ),
    "components of a scalar": (
        lambda: Laplacian()(T.to_dataset(), lon="T"),
        TypeError,
        ["no fields"],
    ),
    "Variable": (lambda: Diff("x")(LINE.variable), TypeError, ["Variable"]),
}


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS.values(), ids=ERRORS)
def test_errors(call, kind, words):
    with pytest.raises(kind) as caught:
        call()
    for word in words:
        assert word in str(caught.value), str(caught.value)
