"""Water through ground with layers of very different permeability, flux and pressure as one system.

    q / k + ∇p = 0,    ∇·q = 0    in the unit square,    p = 1 and 0 left and right, walls else

The pressure lives in the middle of cells, and so does the permeability k; each component of the
flux lives on the faces across it: `at=["x", "y", None]`. A face between two cells resists by the
mean of what both resist, so what stands there is `Interpolate` of 1/k.

What is learned: through layers in series, as beside one another, the flux is exact to roundoff
times the contrast of 10⁴, on two cells per layer, where k interpolated instead of 1/k lets twice as
much through. No cell gains or loses water, to roundoff. Through a checkerboard the flux is the
geometric mean of both permeabilities (Dykhne, 1970); the pressure is singular in the corners where
four fields meet, and errors fall by less than first order.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LogNorm
from numpy.typing import NDArray

from findops import BVP, Block, Cells, Coef, Dirichlet, Divergence, Gradient, Grid, Interpolate

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "darcy.png"
CONTRAST = 1e4
DRIVEN = [
    Dirichlet("x-", 1, component=2),
    Dirichlet("x+", component=2),
    Dirichlet("y-", component=1),
    Dirichlet("y+", component=1),
]
"""Pressures left and right, and nothing through the other walls."""


def square(k: Array) -> Grid:
    return Grid(x=Cells(0, 1, k.shape[0]), y=Cells(0, 1, k.shape[1]))


def resistances(k: Array) -> tuple[Array, Array]:
    """Return 1/k on the faces across x and across y."""
    grid = square(k)
    return tuple(Interpolate(name, "half")(1 / k, grid, "even") for name in grid.names)


def conductances(k: Array) -> tuple[Array, Array]:
    """Return 1 over the mean of k, which is what not to do."""
    grid = square(k)
    return tuple(1 / Interpolate(name, "half")(k, grid, "even") for name in grid.names)


def solve(k: Array, resisting: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    """Return the flux and the pressure."""
    x, y = map(Coef, resisting)
    darcy = Block([[Block([[x, 0], [0, y]]), Gradient(to="half")], [Divergence(to="node"), 0]])
    return BVP(darcy, square(k), DRIVEN, at=["x", "y", None]).solve(0).u


def gain(k: Array, flux: tuple[Array, Array]) -> float:
    """Return what a cell gains of water at most, over what flows through its largest face."""
    net = Divergence(to="node")(flux, square(k), at=["x", "y"])
    return float(abs(net).max() / k.shape[0] / max(abs(part).max() for part in flux))


def layers(n: int, count: int = 5) -> Array:
    """Return k in layers across x, every other one tight."""
    tight = np.arange(n) * count // n % 2
    return np.repeat(np.where(tight, 1 / CONTRAST, 1)[:, None], n, axis=1)


def checkerboard(n: int, contrast: float) -> Array:
    """Return k of one corner where four fields meet, each a quarter of the square."""
    half = np.arange(n) * 2 // n
    return np.where((half[:, None] + half) % 2, 1 / contrast, 1.0)


def through_checkerboard(n: int, contrast: float) -> float:
    """Return how far the flux is from the geometric mean."""
    k = checkerboard(n, contrast)
    return float(solve(k, resistances(k))[0].mean() * np.sqrt(contrast) - 1)


def lenses(n: int) -> Array:
    """Return k of ground with lenses of clay."""
    random = np.random.default_rng(4)
    x, y = Grid(x=Cells(0, 1, n), y=Cells(0, 1, n)).mesh()
    k = np.ones((n, n))
    for _ in range(28):
        a, b = random.uniform(0.05, 0.95, 2)
        length, height = random.uniform(0.05, 0.12), random.uniform(0.012, 0.035)
        k[((x - a) / height) ** 2 + ((y - b) / length) ** 2 < 1] = 1 / CONTRAST
    return k


def picture(n: int) -> float:
    """Draw the flow around lenses, and return what a cell gains at most."""
    k = lenses(n)
    u, v, p = solve(k, resistances(k))
    x, y = (np.ravel(each) for each in square(k).coordinates())
    middle = (u[1:] + u[:-1]) / 2, (v[:, 1:] + v[:, :-1]) / 2
    figure, axes = plt.subplots(1, 3, figsize=(16, 5), layout="constrained")
    drawn = {
        "Permeability": (k, {"norm": LogNorm(), "cmap": "cividis"}),
        "Pressure": (p, {"cmap": "viridis"}),
        "Speed and stream lines": (np.hypot(*middle), {"vmax": 2, "cmap": "Blues"}),
    }
    for ax, (title, (values, style)) in zip(axes, drawn.items(), strict=True):
        image = ax.pcolormesh(x, y, values.T, rasterized=True, **style)
        ax.set(title=title, xlabel="x", ylabel="y", aspect="equal")
        figure.colorbar(image, ax=ax, extend="max" if "vmax" in style else "neither")
    axes[1].contour(x, y, p.T, 20, colors="w", linewidths=0.5)
    axes[2].streamplot(x, y, middle[0].T, middle[1].T, color="k", linewidth=0.5, arrowsize=0.6)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)
    return gain(k, (u, v))


def main() -> None:
    k = layers(10)
    exact = 1 / np.mean(1 / k[:, 0])
    print(f"Flux through five layers in series on 10 x 10 cells, contrast {CONTRAST:.0e}")
    for name, way in (("1/k", resistances), ("k", conductances)):
        flux = solve(k, way(k))
        print(f"{name:>6} interpolated: {flux[0].mean():.6e}, exact {exact:.6e}, gain "
              f"{gain(k, flux[:2]):.0e}")  # fmt: skip
    flux = solve(k.T, resistances(k.T))
    print(f"Beside one another: {flux[0].mean():.12f}, exact {k.mean():.12f}")
    print("Through a checkerboard of contrast 10, flux over the geometric mean")
    for n in (8, 16, 32, 64):
        print(f"{n:>6} x {n}: {through_checkerboard(n, 10):+.1e}")
    print(f"What a cell between lenses gains at most: {picture(120):.0e} of what flows")
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
