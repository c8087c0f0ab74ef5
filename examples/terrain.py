"""Slope, aspect, hillshade and mean curvature of a real landscape.

The elevation model ships with Matplotlib: the Jacksboro fault in Tennessee, whole meters
in an array of 16-bit integers. findops takes it as it is.

The cells are given in degrees. One degree along a meridian and along a parallel is turned into
meters on the WGS 84 ellipsoid (NIMA TR8350.2: a = 6378137 m, 1/f = 298.257223563) at the middle
latitude; over this map the length of a parallel's degree stays within 0.2 % of that figure.

Rows run from north to south, so the y axis descends. Said once, in the grid, it makes ∂z/∂y the
derivative northwards, and no sign needs care afterwards.

np.gradient gives the same slope inside at accuracy 2, a less accurate one at the edges, and less
curvature, since a gradient of a gradient spans four cells. Real ground is rough at the size of a
cell: accuracy 4 follows that roughness more closely and not the truth behind it, most of all at
the edges, where its stencils are one-sided. The picture is made at accuracy 2.
"""

from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray

from findops import Cells, Gradient, Grid, Hessian

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "terrain.png"


class Surface(NamedTuple):
    """What the derivatives of z(x, y) tell about the surface."""

    slope: Array  # degrees
    aspect: Array  # degrees clockwise from north, pointing downslope; NaN where it is flat
    hillshade: Array  # 0 to 1
    curvature: Array  # mean curvature, 1/m; positive in hollows


def read() -> tuple[NDArray[np.int16], Grid]:
    """Elevation in meters, and its grid in meters."""
    with get_sample_data("jacksboro_fault_dem.npz") as data:
        z, dx, dy = data["elevation"], float(data["dx"]), float(data["dy"])
        latitude = np.radians((data["ymin"] + data["ymax"]) / 2)
    a, f = 6378137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    w = 1 - e2 * np.sin(latitude) ** 2
    meridian = np.radians(a * (1 - e2) / w**1.5)
    parallel = np.radians(a * np.cos(latitude) / w**0.5)
    rows, columns = z.shape
    height, width = rows * dy * meridian, columns * dx * parallel
    return z, Grid(y=Cells(height, 0, rows), x=Cells(0, width, columns))


def surface(gradient: Array, hessian: Array, azimuth: float = 315, altitude: float = 45) -> Surface:
    """Surface attributes from first and second derivatives, lit from the northwest."""
    zy, zx = gradient
    (zyy, zxy), (_, zxx) = hessian
    steepness = np.hypot(zx, zy)
    aspect = np.degrees(np.arctan2(-zx, -zy)) % 360
    az, alt = np.radians([azimuth, altitude])
    toward_sun = np.sin(alt) - np.cos(alt) * (np.sin(az) * zx + np.cos(az) * zy)
    normal = 1 + steepness**2
    bend = (1 + zy**2) * zxx - 2 * zx * zy * zxy + (1 + zx**2) * zyy
    return Surface(
        slope=np.degrees(np.arctan(steepness)),
        aspect=np.where(steepness > 1e-9, aspect, np.nan),
        hillshade=np.clip(toward_sun / np.sqrt(normal), 0, 1),
        curvature=bend / (2 * normal**1.5),
    )


def with_findops(z: NDArray[np.int16], grid: Grid, acc: int) -> Surface:
    return surface(Gradient(acc=acc)(z, grid), Hessian(acc=acc)(z, grid))


def with_numpy(z: NDArray[np.int16], grid: Grid) -> Surface:
    y, x = grid["y"].coordinates, grid["x"].coordinates
    first = np.array(np.gradient(z, y, x))
    second = np.array([np.gradient(component, y, x) for component in first])
    return surface(first, second)


def table(grid: Grid, numpy: Surface, *ours: Surface) -> str:
    """Figures of the whole map, then the largest differences from np.gradient's."""
    edge = grid.boundary()
    figures = {
        "mean slope, degrees": lambda s: s.slope.mean(),
        "mean slope at the edges, degrees": lambda s: s.slope[edge].mean(),
        "steepest slope, degrees": lambda s: s.slope.max(),
        "facing south, % of the cells": lambda s: 100 * (np.abs(s.aspect - 180) < 45).mean(),
        "mean hillshade": lambda s: s.hillshade.mean(),
        "mean curvature, rms, 1/km": lambda s: 1e3 * np.sqrt((s.curvature**2).mean()),
    }
    lines = [f"{'':36}{'np.gradient':>12}{'acc 2':>12}{'acc 4':>12}"]
    for name, figure in figures.items():
        lines.append(f"{name:36}" + "".join(f"{figure(s):12.4f}" for s in (numpy, *ours)))
    for name, where in {"inside": ~edge, "at the edges": edge}.items():
        apart = [np.abs(s.slope - numpy.slope)[where].max() for s in ours]
        label = f"slope differs {name}, degrees"
        lines.append(f"{label:36}{'':12}" + "".join(f"{d:12.2g}" for d in apart))
    return "\n".join(lines)


def picture(attributes: Surface, grid: Grid) -> None:
    y, x = grid["y"].coordinates, grid["x"].coordinates
    extent = (0, (x[0] + x[-1]) / 1e3, 0, (y[0] + y[-1]) / 1e3)  # to the outer edges of the cells
    bend = 1e3 * attributes.curvature
    limit = float(np.percentile(np.abs(bend), 98))
    panels = [
        ("Hillshade, sun in the northwest", attributes.hillshade, "gray", (0.1, 1)),
        ("Slope, degrees", attributes.slope, "magma", (0, float(attributes.slope.max()))),
        ("Aspect, degrees clockwise from north", attributes.aspect, "twilight", (0, 360)),
        ("Mean curvature, 1/km: valleys green, ridges brown", bend, "BrBG", (-limit, limit)),
    ]
    figure, axes = plt.subplots(2, 2, figsize=(13, 12), layout="constrained")
    for ax, (title, values, colors, (low, high)) in zip(axes.flat, panels, strict=True):
        image = ax.imshow(values, cmap=colors, vmin=low, vmax=high, extent=extent)
        ax.set(title=title, xlabel="east, km", ylabel="north, km")
        figure.colorbar(image, ax=ax, aspect=40, pad=0.01)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=130)
    plt.close(figure)


def main() -> None:
    z, grid = read()
    (dy,), (dx,) = (np.abs(np.diff(grid[name].coordinates[:2])) for name in "yx")
    print(f"{z.shape[0]} x {z.shape[1]} cells of {dy:.2f} m x {dx:.2f} m, elevations {z.dtype}")
    attributes = with_findops(z, grid, acc=2)
    print(table(grid, with_numpy(z, grid), attributes, with_findops(z, grid, acc=4)))
    picture(attributes, grid)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
