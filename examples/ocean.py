"""Currents of an ocean on the sphere: geostrophic velocity, vorticity and advection, by names.

The Dataset has the sea level (time, lat, lon) and a temperature (time, depth, lat, lon), as output
of ocean models does. On a sphere of radius R with latitude φ, longitude λ and f = 2Ω sin φ

    u = −g/(f R) ∂η/∂φ,    v = g/(f R cos φ) ∂η/∂λ,
    ζ = (∂v/∂λ − ∂(u cos φ)/∂φ) / (R cos φ),
    dT = u/(R cos φ) ∂T/∂λ + v/R ∂T/∂φ,

written below with the metric factors as DataArrays. Degrees are read in radians, longitude closes
on itself, and depth and time are batch. η is A cos²φ sin φ sin²φ times a wave that travels east, so
that u and v are finite at the equator and exact values are known. Division by f makes the error of
differences grow towards the equator, where the balance does not hold in the sea either: errors are
those more than 10 degrees away.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr

from findops import Diff

mpl.use("Agg")
import matplotlib.pyplot as plt

PICTURE = Path(__file__).parent / "output" / "ocean.png"
RADIUS, GRAVITY, OMEGA = 6.371e6, 9.81, 7.2921e-5
SPHERE = {"radians": ["lat", "lon"], "periodic": {"lon": 360}}
WAVES, HEIGHT, COOLING = 5, 1.5, 1000.0
"""Waves around the globe, their height in meters, and the depth in meters that cools by 1/e."""


def phase(sea: xr.Dataset) -> xr.DataArray:
    """Of the wave, which goes once around in 360 days."""
    days = (sea.time - sea.time[0]) / np.timedelta64(1, "D")
    return WAVES * np.radians(sea.lon - days)


def ocean(steps: int, levels: int, rows: int, columns: int) -> xr.Dataset:
    """Sea level and temperature at cell centers of a regular grid, north first."""
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
    return sea


def currents(sea: xr.Dataset, acc: int) -> xr.Dataset:
    """Geostrophic velocity, its vorticity, and the advection of temperature by it."""
    s, c = np.sin(np.radians(sea.lat)), np.cos(np.radians(sea.lat))
    north = 1 / RADIUS * Diff("lat", acc=acc)
    east = 1 / (RADIUS * c) * Diff("lon", acc=acc)
    balance = GRAVITY / (2 * OMEGA * s)
    u = (-balance * north)(sea.ssh, **SPHERE)
    v = (balance * east)(sea.ssh, **SPHERE)
    # One expression keeps its order at the ends of the grid, as differences of u and v would not.
    spin = east * balance * east + 1 / c * north * (c * balance) * north
    vorticity = spin(sea.ssh, **SPHERE)
    advection = (u * east + v * north)(sea.temp, **SPHERE)
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


def errors(sea: xr.Dataset, acc: int) -> xr.Dataset:
    """Largest errors away from the equator, relative to the largest value of each."""
    values = exact(sea)
    wrong = abs(currents(sea, acc) - values).where(abs(sea.lat) > 10)
    return wrong.max() / abs(values).max()


def table(sizes: tuple[tuple[int, int], ...], accuracies: tuple[int, ...]) -> str:
    names = ("u", "v", "vorticity", "advection")
    lines = [f"{'acc':>4}{'lat×lon':>10}" + "".join(f"{name:>12}" for name in names)]
    for acc in accuracies:
        found = [errors(ocean(3, 4, *size), acc) for size in sizes]
        for (rows, columns), row in zip(sizes, found, strict=True):
            cells = "".join(f"{float(row[name]):12.2e}" for name in names)
            lines.append(f"{acc:4}{f'{rows}×{columns}':>10}{cells}")
        order = np.log2(found[-2] / found[-1])
        lines.append(f"{'order':>14}" + "".join(f"{float(order[name]):12.2f}" for name in names))
    return "\n".join(lines)


def picture(sea: xr.Dataset, acc: int) -> None:
    flow = currents(sea, acc)
    last = flow.isel(time=-1)
    top = last.advection.sel(depth=100, method="nearest")
    panels = [
        ("sea level (m)", sea.ssh.isel(time=-1), 1),
        ("relative vorticity (1e-6/s)", last.vorticity, 1e6),
        (f"advection of temperature at {float(top.depth):.0f} m (K/day)", top, 86400),
        (f"log10 |error of vorticity|, acc {acc}, relative", None, 1),
    ]
    true = exact(sea).vorticity.transpose("time", "lat", "lon")
    off = np.log10(abs(flow.vorticity - true).isel(time=-1) / abs(true).max() + 1e-16)
    figure, axes = plt.subplots(2, 2, figsize=(14, 7.4), layout="constrained")
    for ax, (title, values, factor) in zip(axes.flat, panels, strict=True):
        shown = off if values is None else values * factor
        high = float(abs(shown).max())
        low, high, colors = (-8, -2, "magma") if values is None else (-high, high, "RdBu_r")
        image = ax.pcolormesh(sea.lon, sea.lat, shown, vmin=low, vmax=high, cmap=colors)
        ax.set(title=title, xlabel="longitude", ylabel="latitude")
        figure.colorbar(image, ax=ax, pad=0.01)
    few = last.isel(lat=slice(None, None, 10), lon=slice(None, None, 12))
    axes[0, 0].quiver(few.lon, few.lat, few.u, few.v, width=0.0015)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=130)
    plt.close(figure)


def main() -> None:
    print(table(((90, 180), (180, 360)), (2, 4)))
    sea = ocean(12, 20, 180, 360)
    print(currents(sea, 4))
    picture(sea, 4)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
