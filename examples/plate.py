"""Heat in a plate: given temperature, insulation and convection on one boundary.

    ∇²T = 0 in a plate of 0.6 m × 1 m
    T = 100 °C at the bottom,    ∂T/∂n = 0 on the left
    hT + k ∂T/∂n = 0 on the right and on top (convection to air of 0 °C)

This is the benchmark T4 of NAFEMS (The Standard NAFEMS Benchmarks, 1990), k = 52 W/(m °C) and
h = 750 W/(m² °C). Its target is T = 18.3 °C at the point (0.6, 0.2), often quoted as 18.25. The
plate is also the sum of a series, which gives all digits.

What is learned: in the corner (0.6, 0) the air asks for a slope that the hot bottom forbids, and
there ∂²T has no bound. What that spoils stays near the corner: at the point of the benchmark each
acc keeps its order even on even spacing. Points drawn towards the corner mend the rest; then acc 6
on 19 x 31 points is a hundred times nearer to the series than acc 2 on 145 x 241 even ones.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from findops import BVP, Dirichlet, Grid, Laplacian, Neumann, Points, Robin, Uniform

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "plate.png"
WIDTH, HEIGHT = 0.6, 1.0
CONDUCTIVITY, CONVECTION, BOTTOM = 52.0, 750.0, 100.0
TARGET = (0.6, 0.2)
PUBLISHED = 18.25
ACCURACIES = (2, 4, 6)
SIZES = (3, 6, 12, 24)
"""Cells in each 0.1 m, on average."""
TERMS = 6000
"""Of the series, enough for y from 0.001 upwards."""
ABOVE = 0.02
"""Height in m from which on errors are compared: below, no grid is near the corner's."""


@dataclass(frozen=True)
class Plate:
    """Temperatures of a plate."""

    grid: Grid
    T: Array

    @property
    def target(self) -> float:
        """T at the point of the benchmark."""
        x, y = (axis.coordinates for axis in self.grid.axes)
        return float(RectBivariateSpline(x, y, self.T, kx=5, ky=5)(*TARGET)[0, 0])

    def errors(self) -> Array:
        """Return the errors at all points; T is given where y = 0."""
        x, y = (axis.coordinates for axis in self.grid.axes)
        return np.pad(np.abs(self.T[:, 1:] - series(x, y[1:])), ((0, 0), (1, 0)))

    @property
    def largest(self) -> float:
        """The largest error from some height upwards."""
        return float(self.errors()[:, self.grid["y"].coordinates > 0.999 * ABOVE].max())


def drawn(length: float, n: int, strength: float) -> Array:
    """N coordinates from 0 to a length, closer together at 0."""
    return length * np.sinh(strength * np.linspace(0, 1, n)) / np.sinh(strength)


def solve(cells: int, acc: int, even: bool = False) -> Plate:
    """Solve with as many cells in each 0.1 m."""
    nx, ny = 6 * cells + 1, 10 * cells + 1
    if even:
        grid = Grid(x=Uniform(0, WIDTH, nx), y=Uniform(0, HEIGHT, ny))
    else:
        x = WIDTH - drawn(WIDTH, nx, 3)[::-1]
        grid = Grid(x=Points(x), y=Points(drawn(HEIGHT, ny, 4.5)))
    conditions = [
        Dirichlet("y-", BOTTOM),
        Neumann("x-"),
        Robin("x+", CONVECTION, CONDUCTIVITY),
        Robin("y+", CONVECTION, CONDUCTIVITY),
    ]
    return Plate(grid, BVP(Laplacian(acc=acc), grid, conditions).solve().u)


@cache
def roots() -> Array:
    """Return the roots λ of λ tan(λ·width) = h/k, one between each zero and pole, by bisection."""
    biot = CONVECTION / CONDUCTIVITY
    low = np.arange(TERMS) * np.pi / WIDTH
    high = low + np.pi / (2 * WIDTH)
    for _ in range(60):
        middle = (low + high) / 2
        # In the interval of a root, both factors have one sign.
        sine, cosine = np.abs(np.sin(middle * WIDTH)), np.abs(np.cos(middle * WIDTH))
        below = middle * sine < biot * cosine
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low


def series(x: Array, y: Array) -> Array:
    """Sum cos(λx) Y(y) at coordinates x (n,) and y (m,), y from 0.001 upwards."""
    k, biot = roots(), CONVECTION / CONDUCTIVITY
    norm = WIDTH / 2 + np.sin(2 * k * WIDTH) / (4 * k)
    back = (k - biot) / (k + biot)
    factor = BOTTOM * np.sin(k * WIDTH) / (k * norm) / (1 + back * np.exp(-2 * k * HEIGHT))
    rise = np.exp(np.outer(-k, y)) + back[:, None] * np.exp(np.outer(k, y - 2 * HEIGHT))
    return (factor * np.cos(np.outer(x, k))) @ rise


def exact_target() -> float:
    return float(series(*(np.array([c]) for c in TARGET))[0, 0])


def errors(accuracies: tuple[int, ...], sizes: tuple[int, ...], even: bool) -> Array:
    """Error of T at the point of the benchmark for every accuracy (row) and size (column)."""
    exact = exact_target()
    return np.array(
        [[abs(solve(cells, acc, even).target - exact) for cells in sizes] for acc in accuracies]
    )


def table(accuracies: tuple[int, ...], sizes: tuple[int, ...]) -> str:
    """Return T and its error there, and the largest error from y = 0.02 upwards."""
    heads = "".join(f"{f'acc {acc}: T':>14}{'error':>8}{'largest':>9}" for acc in accuracies)
    lines = [f"{'points':>12}{'spacing':>9}{heads}"]
    exact = exact_target()
    for even in (True, False):
        for cells in sizes:
            line = f"{f'{6 * cells + 1} x {10 * cells + 1}':>12}{'even' if even else 'drawn':>9}"
            for acc in accuracies:
                plate = solve(cells, acc, even)
                T = plate.target
                line += f"{T:14.6f}{abs(T - exact):8.0e}{plate.largest:9.0e}"
            lines.append(line)
    return "\n".join(lines)


def picture(accuracies: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    figure, axes = plt.subplots(
        1, 4, figsize=(19, 6), layout="constrained", width_ratios=(1, 1, 1, 1.7)
    )
    plate = solve(12, 6)
    x, y = plate.grid.mesh()
    isotherms = axes[0].contourf(x, y, plate.T, levels=np.arange(0, 101, 5), cmap="inferno")
    lines = axes[0].contour(
        x, y, plate.T, levels=np.arange(10, 100, 10), colors="w", linewidths=0.6
    )
    axes[0].clabel(lines, fontsize=8, fmt="%.0f")
    axes[0].plot(*TARGET, "o", color="cyan", clip_on=False, label="18.25 °C here")
    axes[0].legend(loc="upper left", framealpha=0.9)
    axes[0].set(title="T in °C")
    figure.colorbar(isotherms, ax=axes[0])
    for ax, even in ((axes[1], True), (axes[2], False)):
        plate = solve(6, 4, even)
        image = ax.pcolormesh(
            *(axis.coordinates for axis in plate.grid.axes), np.log10(plate.errors().T + 1e-12),
            cmap="magma", vmin=-6, vmax=-1, edgecolors="#fff2", linewidth=0.2,
        )  # fmt: skip
        ax.set(
            title=f"log10 |error|, {'even' if even else 'drawn'}, acc 4",
            xlim=(0, WIDTH), ylim=(0, HEIGHT),
        )  # fmt: skip
    figure.colorbar(image, ax=axes[2], extend="both")
    for ax in axes[:3]:
        ax.set(aspect=1, xlabel="x, m", ylabel="y, m")
    spacing = 100 / np.array(sizes)
    for even, style in ((True, "o--"), (False, "o-")):
        for i, (acc, error) in enumerate(
            zip(accuracies, errors(accuracies, sizes, even), strict=True)
        ):
            label = f"acc {acc}, {'even spacing' if even else 'drawn to the corner'}"
            axes[3].loglog(spacing, error, style, color=f"C{i}", label=label)
    axes[3].set(title="Error of T at (0.6, 0.2) in °C", xlabel="mean spacing in mm")
    axes[3].set_xticks(spacing, [f"{h:.1f}" for h in spacing])
    axes[3].minorticks_off()
    axes[3].grid(alpha=0.2)
    axes[3].legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=100)
    plt.close(figure)


def main() -> None:
    print(f"T at {TARGET}: NAFEMS {PUBLISHED} °C, series {exact_target():.8f} °C")
    print(table(ACCURACIES, SIZES))
    picture(ACCURACIES, SIZES)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
