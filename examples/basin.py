"""Vorticity in an ocean basin with islands: differences that know the coast.

A stream function, of a gyre and eddies, gives the currents u = −∂ψ/∂y, v = ∂ψ/∂x at the
wet points of a grid, NaN on land, as ocean models and gridded observations come. Their vorticity
∂v/∂x − ∂u/∂y is known exactly, and compared with it are

* masked: ``Curl(acc=4).on(grid).masked(wet)``, which takes the stencils that wet points allow;
* NaN spreads: the same operator without a mask, which loses every point with land within reach;
* land at rest: zeros in place of NaN, a jump at the coast.

The first table counts steps from land. In the second one the spacing is halved under the same
coastline: the masked operator keeps its order at the coast, where straits are not too narrow.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt

from findops import Curl, Grid, Uniform

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "basin.png"
WIDTH, HEIGHT = 4000e3, 3000e3  # m
WAVES = [(8000e3, 0.3, 0.0), (900e3, 0.15, 1.0), (420e3, 0.06, 2.0)]
"""Lengths (m), speeds (m/s) and phases of the stream function's waves."""
DAY = 86400.0


def basin(n: int) -> Grid:
    """Return a grid of n by 3n/4 intervals."""
    return Grid(y=Uniform(0, HEIGHT, 3 * n // 4 + 1), x=Uniform(0, WIDTH, n + 1))


def wet(grid: Grid) -> NDArray[np.bool_]:
    """Return where there is water: a ragged coast, and islands of many sizes."""
    y, x = grid.mesh()
    rng = np.random.default_rng(5)
    terrain = np.zeros(grid.shape)
    for length in np.geomspace(1500e3, 90e3, 60):
        angle, phase = rng.uniform(0, 2 * np.pi, 2)
        along = np.cos(angle) * x + np.sin(angle) * y
        terrain += length**0.8 * np.sin(2 * np.pi * along / length + phase)
    spread = np.sqrt(np.sum(np.geomspace(1500e3, 90e3, 60) ** 1.6) / 2)
    offshore = np.minimum(np.minimum(x, WIDTH - x), np.minimum(y, HEIGHT - y)) / 400e3
    return np.asarray(terrain / spread < 1.7 * np.minimum(offshore, 1) - 0.2)


@dataclass(frozen=True)
class Currents:
    """What is known exactly."""

    u: Array
    v: Array
    vorticity: Array

    @staticmethod
    def of(grid: Grid) -> "Currents":
        """Return those of a stream function of three waves: a gyre, eddies, and smaller ones."""
        y, x = grid.mesh()
        u, v, vorticity = np.zeros((3, *grid.shape))
        for length, speed, phase in WAVES:
            k, m = 2 * np.pi / length, 1.3 * 2 * np.pi / length
            psi = speed / m * np.sin(k * x + phase) * np.sin(m * y - phase)
            u -= speed * np.sin(k * x + phase) * np.cos(m * y - phase)
            v += speed * k / m * np.cos(k * x + phase) * np.sin(m * y - phase)
            vorticity -= (k**2 + m**2) * psi
        return Currents(u, v, vorticity)


@dataclass(frozen=True)
class Study:
    """One grid: the exact vorticity, and what three ways to take differences make of it."""

    grid: Grid
    wet: NDArray[np.bool_]
    exact: Array
    found: dict[str, Array]
    accuracy: Array

    @staticmethod
    def of(n: int, acc: int = 4) -> "Study":
        grid = basin(n)
        water, currents = wet(grid), Currents.of(grid)
        # The axes are (y, x), and so are the components: their curl has the other sign.
        flow = np.where(water, [currents.v, currents.u], np.nan)
        op = -Curl(acc=acc).on(grid)
        masked = op.masked(water)
        found = {
            "masked": masked(flow),
            "NaN spreads": np.where(water, op(flow), np.nan),
            "land at rest": np.where(water, op(np.nan_to_num(flow)), np.nan),
        }
        return Study(grid, water, currents.vorticity, found, masked.accuracy)

    @property
    def offshore(self) -> NDArray[np.intp]:
        """Return steps along the axes to the nearest land, 1 on the coast, 0 on land."""
        return distance_transform_cdt(self.wet, metric="taxicab")

    def errors(self, name: str) -> Array:
        """Return errors relative to the largest vorticity, NaN where there is no value."""
        return np.abs(self.found[name] - self.exact) / np.abs(self.exact[self.wet]).max()

    def row(self, name: str, steps: NDArray[np.bool_]) -> tuple[float, float]:
        """Return the part of some points that have a value, and their largest error."""
        errors = self.errors(name)[steps & self.wet]
        there = np.isfinite(errors)
        return float(there.mean()), float(errors[there].max()) if there.any() else np.nan


def table(study: Study) -> str:
    """Points with a value and the largest error, by distance from the coast."""
    lines = [f"{'steps from land':16}{'points':>8}" + "".join(f"{k:>24}" for k in study.found)]
    for label, low, high in (("1", 1, 1), ("2", 2, 2), ("3 to 5", 3, 5), ("more", 6, 10**9)):
        there = (study.offshore >= low) & (study.offshore <= high)
        cells = (study.row(name, there) for name in study.found)
        shown = "".join(f"{part:12.1%}{error:12.1e}" for part, error in cells)
        lines.append(f"{label:16}{np.count_nonzero(there):8}{shown}")
    return "\n".join(lines)


def refine(sizes: tuple[int, ...], acc: int = 4) -> list[tuple[int, float, float]]:
    """Return for each size the part of wet points that have a value, and the largest error.

    It is that of the points whose rows are of order acc.
    """
    found = []
    for n in sizes:
        study = Study.of(n, acc)
        full = study.accuracy >= acc
        part = np.count_nonzero(np.isfinite(study.found["masked"])) / np.count_nonzero(study.wet)
        found.append((n, part, study.row("masked", full & (study.offshore <= 2))[1]))
    return found


def picture(study: Study) -> None:
    """Draw the vorticity and the errors of the three."""
    extent = (0, WIDTH / 1e3, 0, HEIGHT / 1e3)
    figure, axes = plt.subplots(2, 2, figsize=(13, 10), layout="constrained")
    figure.suptitle("Land is gray; wet points without a value are red")
    top = float(np.abs(study.exact).max()) * DAY
    panels = [("Vorticity, 1/day: masked differences", study.found["masked"] * DAY, "RdBu_r")]
    with np.errstate(divide="ignore"):
        panels += [
            (f"log₁₀ of the error: {name}", np.log10(study.errors(name)), "viridis")
            for name in study.found
        ]
    for ax, (title, values, colors) in zip(axes.flat, panels, strict=True):
        low, high = (-top, top) if colors == "RdBu_r" else (-6, 1)
        land = np.where(study.wet, np.nan, 1.0)
        ax.set_facecolor("tomato")  # shows where a wet point has no value
        image = ax.imshow(
            values, cmap=colors, vmin=low, vmax=high, extent=extent, origin="lower",
            interpolation="nearest",
        )  # fmt: skip
        ax.imshow(land, cmap="Greys", vmin=0, vmax=2, extent=extent, origin="lower",
                  interpolation="nearest")  # fmt: skip
        ax.set(title=title, xlabel="east, km", ylabel="north, km")
        figure.colorbar(image, ax=ax, aspect=40, pad=0.01)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=130)
    plt.close(figure)


def main() -> None:
    study = Study.of(400)
    print(f"{study.wet.shape} points, {1 - study.wet.mean():.0%} land")
    print(table(study))
    print("\nn, wet points with a value, largest error of acc 4 within two steps of land, order")
    before = None
    for n, part, error in refine((100, 200, 400, 800)):
        order = "" if before is None else f"{np.log2(before / error):.2f}"
        print(f"{n:4} {part:8.2%} {error:10.2e} {order:>6}")
        before = error
    picture(study)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
