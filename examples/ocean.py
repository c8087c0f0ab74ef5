"""Currents of an ocean with land: geostrophic velocity, vorticity and advection, by names.

The Dataset has the sea level (time, lat, lon) and a temperature (time, depth, lat, lon), NaN on
land, as output of ocean models does. On a sphere of radius R with latitude φ, longitude λ and
f = 2Ω sin φ

    u = −g/(f R) ∂η/∂φ,    v = g/(f R cos φ) ∂η/∂λ,
    ζ = (∂v/∂λ − ∂(u cos φ)/∂φ) / (R cos φ),
    dT = u/(R cos φ) ∂T/∂λ + v/R ∂T/∂φ,

written below with the metric factors as DataArrays. Degrees are read in radians, longitude closes
on itself, and depth and time are batch. Known exactly are those of η = A cos²φ sin φ sin²φ times a
wave that travels east; with them are compared

* masked: ``mask=wet``, a DataArray of (lat, lon), gives the stencils that wet points allow;
* NaN spreads: without a mask every point is lost that has land within reach;
* land at rest: zeros in place of NaN, a jump at the coast.

The first table counts steps from land. In the second one the spacing is halved under the same
coasts: within two steps from land the order stays what was asked for, but in straits too narrow for
the stencils. Division by f makes the error of differences grow towards the equator, where the
balance does not hold in the sea either: errors are those more than 10 degrees away.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from scipy.ndimage import distance_transform_cdt

from findops import Diff

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

PICTURE = Path(__file__).parent / "output" / "ocean.png"
RADIUS, GRAVITY, OMEGA = 6.371e6, 9.81, 7.2921e-5
SPHERE = {"radians": ["lat", "lon"], "periodic": {"lon": 360}}
WAVES, HEIGHT, COOLING = 8, 1.5, 1000.0
"""Waves around the globe, their height in meters, and the depth in meters that cools by 1/e."""
NAMES = ("u", "v", "vorticity", "advection")


def phase(sea: xr.Dataset) -> xr.DataArray:
    """Of the wave, which goes once around in 360 days."""
    days = (sea.time - sea.time[0]) / np.timedelta64(1, "D")
    return WAVES * np.radians(sea.lon - days)


def water(sea: xr.Dataset) -> xr.DataArray:
    """Tell where many waves through the sphere sum to little: ragged coasts, large and small."""
    lat, lon = np.radians(sea.lat), np.radians(sea.lon)
    there = (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
    lengths = np.geomspace(2.5, 0.2, 60)  # of the radius
    rng = np.random.default_rng(3)
    terrain = xr.zeros_like(lat * lon)
    for length in lengths:
        way = rng.normal(size=3)
        along = sum(a * x for a, x in zip(way / np.linalg.norm(way), there, strict=True))
        terrain += length**0.6 * np.sin(2 * np.pi * (along / length + rng.uniform()))
    polar = (sea.lat / 70) ** 20
    return terrain / np.sqrt(np.sum(lengths**1.2) / 2) < 0.6 - polar


def ocean(steps: int, levels: int, rows: int, columns: int) -> xr.Dataset:
    """Sea level and temperature at cell centers of a regular grid, north first, NaN on land."""
    sea = xr.Dataset(
        coords={
            "time": np.datetime64("2001-01-16", "ns") + np.arange(steps) * np.timedelta64(10, "D"),
            "depth": ("depth", np.geomspace(5, 4000, levels), {"units": "m", "positive": "down"}),
            "lat": ("lat", 80 - 160 * (np.arange(rows) + 0.5) / rows, {"units": "degrees_north"}),
            "lon": ("lon", 360 * (np.arange(columns) + 0.5) / columns, {"units": "degrees_east"}),
        },
        attrs={"title": "a wave around the globe"},
    )
    s, c = np.sin(np.radians(sea.lat)), np.cos(np.radians(sea.lat))
    wave = np.sin(phase(sea))
    sea["ssh"] = (HEIGHT * s**3 * c**2 * (2 + wave)).transpose("time", "lat", "lon")
    sea["temp"] = (np.exp(-sea.depth / COOLING) * (5 + 20 * c**2 + c**2 * wave)).transpose(
        "time", "depth", "lat", "lon"
    )
    sea.ssh.attrs = {"units": "m", "standard_name": "sea_surface_height_above_geoid"}
    sea.temp.attrs = {"units": "degC", "standard_name": "sea_water_potential_temperature"}
    return sea.where(water(sea))


def wet(sea: xr.Dataset) -> xr.DataArray:
    """Return the mask, of (lat, lon)."""
    return sea.ssh.notnull().all("time")


def offshore(sea: xr.Dataset) -> xr.DataArray:
    """Count steps along the axes to the nearest land, 1 on the coast, 0 on land."""
    mask = wet(sea)
    around = mask.pad(lon=sea.sizes["lon"] // 4, mode="wrap")
    steps = around.copy(data=distance_transform_cdt(around, metric="taxicab"))
    return steps.isel(lon=slice(sea.sizes["lon"] // 4, -(sea.sizes["lon"] // 4)))


def currents(sea: xr.Dataset, acc: int, mask: xr.DataArray | None = None) -> xr.Dataset:
    """Geostrophic velocity, its vorticity, and the advection of temperature by it."""
    s, c = np.sin(np.radians(sea.lat)), np.cos(np.radians(sea.lat))
    north = 1 / RADIUS * Diff("lat", acc=acc)
    east = 1 / (RADIUS * c) * Diff("lon", acc=acc)
    balance = GRAVITY / (2 * OMEGA * s)
    u = (-balance * north)(sea.ssh, mask=mask, **SPHERE)
    v = (balance * east)(sea.ssh, mask=mask, **SPHERE)
    # One expression keeps its order at the ends of the grid, as differences of u and v would not.
    spin = east * balance * east + 1 / c * north * (c * balance) * north
    vorticity = spin(sea.ssh, mask=mask, **SPHERE)
    advection = (u * east + v * north)(sea.temp, mask=mask, **SPHERE)
    flow = xr.Dataset({"u": u, "v": v, "vorticity": vorticity, "advection": advection})
    # Attributes survive: what they say about the sea level is not true of these.
    for name, units in (("u", "m/s"), ("v", "m/s"), ("vorticity", "1/s"), ("advection", "K/s")):
        flow[name].attrs = {"units": units}
    return flow


def exact(sea: xr.Dataset) -> xr.Dataset:
    """Do the same by hand."""
    s, c = np.sin(np.radians(sea.lat)), np.cos(np.radians(sea.lat))
    wave, slope = np.sin(phase(sea)), WAVES * np.cos(phase(sea))
    scale = HEIGHT * GRAVITY / (2 * OMEGA * RADIUS)
    # η is HEIGHT · s³c² · (2 + wave), and the derivative of s³c² is s²c (3c² − 2s²).
    u = -scale * s * c * (3 * c**2 - 2 * s**2) * (2 + wave)
    v = scale * s**2 * c * slope
    # That of u cos φ, without the wave: s c² (5c² − 2).
    of_u = -scale * (c**2 * (5 * c**2 - 2) * c - 2 * s**2 * c * (5 * c**2 - 2) - 10 * s**2 * c**3)
    vorticity = (-(WAVES**2) * scale * s**2 * c * wave - of_u * (2 + wave)) / (RADIUS * c)
    warm = np.exp(-sea.depth / COOLING)
    advection = warm * (u / (RADIUS * c) * c**2 * slope - v / RADIUS * 2 * s * c * (20 + wave))
    return xr.Dataset({"u": u, "v": v, "vorticity": vorticity, "advection": advection})


def ways(sea: xr.Dataset, acc: int) -> dict[str, xr.Dataset]:
    """Treat land in three ways."""
    return {
        "masked": currents(sea, acc, wet(sea)),
        "NaN spreads": currents(sea, acc),
        "land at rest": currents(sea.fillna(0), acc).where(wet(sea)),
    }


def errors(sea: xr.Dataset, flow: xr.Dataset) -> xr.Dataset:
    """Relative to the largest value of each; NaN where there is no value."""
    values = exact(sea)
    return (abs(flow - values) / abs(values).max()).transpose("time", "depth", "lat", "lon")


def counted(sea: xr.Dataset, low: int, high: int) -> xr.DataArray:
    """Points away from the equator that are so many steps from land."""
    steps = offshore(sea)
    return (steps >= low) & (steps <= high) & (abs(sea.lat) > 10)


def by_distance(sea: xr.Dataset, flows: dict[str, xr.Dataset]) -> str:
    """Part of the points that have a vorticity, and its largest error, by steps from land."""
    found = {name: errors(sea, flow).vorticity for name, flow in flows.items()}
    lines = [f"{'steps from land':16}{'points':>8}" + "".join(f"{name:>20}" for name in found)]
    for label, low, high in (("1", 1, 1), ("2", 2, 2), ("3 to 5", 3, 5), ("more", 6, 10**9)):
        points = counted(sea, low, high)
        line = f"{label:16}{int(points.sum()):8}"
        for wrong in found.values():
            part = float(wrong.notnull().where(points).mean())
            line += f"{part:11.1%}{float(wrong.where(points).max()):9.1e}"
        lines.append(line)
    return "\n".join(lines)


def at_the_coast(sea: xr.Dataset, acc: int) -> xr.Dataset:
    """Return what 95 % of the errors within two steps from land stay under."""
    wrong = errors(sea, currents(sea, acc, wet(sea)))
    return wrong.where(counted(sea, 1, 2)).quantile(0.95)


def refined(sizes: tuple[int, ...], accuracies: tuple[int, ...]) -> str:
    """Errors at the coast as the grid is refined, and their orders."""
    lines = [f"{'acc':>4}{'lat×lon':>10}" + "".join(f"{name:>12}" for name in NAMES)]
    for acc in accuracies:
        found = [at_the_coast(ocean(2, 3, rows, 2 * rows), acc) for rows in sizes]
        for rows, row in zip(sizes, found, strict=True):
            cells = "".join(f"{float(row[name]):12.2e}" for name in NAMES)
            lines.append(f"{acc:4}{f'{rows}×{2 * rows}':>10}{cells}")
        order = np.log2(found[-2] / found[-1])
        lines.append(f"{'order':>14}" + "".join(f"{float(order[name]):12.2f}" for name in NAMES))
    return "\n".join(lines)


def drawn(ax: Axes, values: xr.DataArray, land: xr.DataArray, title: str, **look: Any) -> None:
    """Draw a field of (lat, lon): land gray, water without a value red."""
    ax.set_facecolor("tomato")
    image = ax.pcolormesh(land.lon, land.lat, values, **look)
    ax.pcolormesh(land.lon, land.lat, land.where(land), cmap="gray", vmin=0, vmax=1.7)
    ax.set(title=title, xlabel="longitude, degrees east", ylabel="latitude, degrees north")
    ax.set(xticks=range(0, 361, 60), yticks=range(-60, 61, 30))
    ax.figure.colorbar(image, ax=ax, pad=0.01, aspect=30)


def picture(sea: xr.Dataset, flows: dict[str, xr.Dataset]) -> None:
    """Draw the last time."""
    now, land = flows["masked"].isel(time=-1), ~wet(sea)
    top = now.advection.sel(depth=100, method="nearest")
    figure, axes = plt.subplots(3, 2, figsize=(14, 10), layout="constrained")
    figure.suptitle("Land is gray, water without a value red")
    fields = {
        "sea level, m, and currents": sea.ssh.isel(time=-1),
        "vorticity, 10⁻⁶/s": now.vorticity * 1e6,
        f"advection of temperature, {float(top.depth):.0f} m deep, K/day": top * 86400,
    }
    for ax, (title, values) in zip(axes.flat, fields.items(), strict=False):
        high = float(abs(values).max())
        drawn(ax, values, land, title, vmin=-high, vmax=high, cmap="RdBu_r")
    few = now.isel(lat=slice(3, None, 6), lon=slice(3, None, 6))
    arrows = axes[0, 0].quiver(few.lon, few.lat, few.u, few.v, scale=1.5, width=0.0015)
    axes[0, 0].quiverkey(arrows, 0.93, 1.05, 0.05, "0.05 m/s", labelpos="W")
    for ax, (name, flow) in zip(axes.flat[3:], flows.items(), strict=True):
        wrong = np.log10(errors(sea, flow).vorticity.isel(time=-1).clip(1e-16))
        title = f"log₁₀ of the relative error of vorticity: {name}"
        drawn(ax, wrong, land, title, vmin=-7, vmax=-1, cmap="viridis")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=130)
    plt.close(figure)


def main() -> None:
    sea = ocean(12, 20, 180, 360)
    flows = ways(sea, 4)
    print(flows["masked"])
    print("\nvorticity, acc 4: part of the points that have a value, and the largest error")
    print(by_distance(sea, flows))
    print("\nmasked, within two steps from land: what 95 % of the errors stay under")
    print(refined((90, 180, 360), (2, 4)))
    picture(sea, flows)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
