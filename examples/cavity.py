"""Flow in a square cavity whose lid slides: a nonlinear problem with two conditions on every face.

    ∇⁴ψ = Re (∂ψ/∂y ∂(∇²ψ)/∂x − ∂ψ/∂x ∂(∇²ψ)/∂y)    on the unit square
    ψ = 0 on all faces,    ∂ψ/∂n = 1 on the lid y = 1,    ∂ψ/∂n = 0 on the walls

The streamfunction ψ gives the velocity u = ∂ψ/∂y, v = −∂ψ/∂x. Newton's method solves the equation
as it stands above; the sparse Jacobian comes from colored differences. A solution is the start for
the next Reynolds number, and that of a coarse grid for the next finer one.

Where the lid meets the walls, the velocity jumps and the vorticity has no bound. On even spacing
this spoils what a higher accuracy would gain; points drawn towards the walls keep it small. Then
acc 4 on 129 x 129 points is ten times nearer to the spectral values than acc 2 on 257 x 257.

Published values: Ghia, Ghia and Shin (1982), Botella and Peyret (1998, spectral), and Marchi, Suero
and Araki (2009, extrapolated from 1024 x 1024 volumes). At Re 100, Ghia's values are off by up to
0.005; the others agree with each other and with what is found here.
"""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from findops import BVP, Biharmonic, Diff, Dirichlet, Grid, Laplacian, Neumann, Points, Uniform

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "cavity.png"

GHIA_Y = np.array([7, 8, 9, 13, 22, 36, 58, 64, 79, 94, 109, 122, 123, 124, 125]) / 128
"""Where Ghia, Ghia and Shin list u on the vertical center line: points of their grid."""
GHIA_U = {
    100: [-0.03717, -0.04192, -0.04775, -0.06434, -0.10150, -0.15662, -0.21090, -0.20581,
          -0.13641, 0.00332, 0.23151, 0.68717, 0.73722, 0.78871, 0.84123],
    400: [-0.08186, -0.09266, -0.10338, -0.14612, -0.24299, -0.32726, -0.17119, -0.11477,
          0.02135, 0.16256, 0.29093, 0.55892, 0.61756, 0.68439, 0.75837],
    1000: [-0.18109, -0.20196, -0.22220, -0.29730, -0.38289, -0.27805, -0.10648, -0.06080,
           0.05702, 0.18719, 0.33304, 0.46604, 0.51117, 0.57492, 0.65928],
}  # fmt: skip
MARCHI_U = np.array(
    [-0.041975, -0.077125, -0.109816, -0.141930, -0.172712, -0.198471, -0.212962, -0.209149,
     -0.182081, -0.131256, -0.060246, 0.027874, 0.140425, 0.310557, 0.597467]
)  # fmt: skip
"""u at Re 100 and y = 1/16, 2/16, … on the same line, by Marchi, Suero and Araki."""
MARCHI = {"least u": -0.21404, "largest v": 0.17957, "least v": -0.25380}
BOTELLA = {
    "|ψ|": 0.1189366, "least u": -0.3885698, "largest v": 0.3769447, "least v": -0.5270771,
}  # fmt: skip
"""Of the primary vortex, and on the center lines, at Re 1000."""


@dataclass(frozen=True)
class Flow:
    """The streamfunction of a flow."""

    grid: Grid
    psi: Array

    @property
    def spline(self) -> RectBivariateSpline:
        x, y = (axis.coordinates for axis in self.grid.axes)
        return RectBivariateSpline(x, y, self.psi, kx=5, ky=5)

    def u(self, y: Array) -> Array:
        """Velocity along the lid, on the vertical center line."""
        return self.spline(0.5, y, dy=1)[0]

    def v(self, x: Array) -> Array:
        """Velocity across, on the horizontal center line."""
        return -self.spline(x, 0.5, dx=1)[:, 0]

    def extremes(self) -> dict[str, float]:
        """Return what the literature compares."""
        s = np.linspace(0, 1, 10001)
        i, j = np.unravel_index(np.abs(self.psi).argmax(), self.psi.shape)
        x, y = (
            np.linspace(*axis.coordinates[[k - 1, k + 1]], 201)
            for axis, k in zip(self.grid.axes, (i, j), strict=True)
        )
        return {
            "|ψ|": np.abs(self.spline(x, y)).max(),
            "least u": self.u(s).min(),
            "largest v": self.v(s).max(),
            "least v": self.v(s).min(),
        }


def drawn(n: int, strength: float = 1.5) -> Points:
    """N points on [0, 1], closer together at both ends."""
    s = np.linspace(-1, 1, n)
    return Points((1 + np.tanh(strength * s) / np.tanh(strength)) / 2)


def problem(n: int, acc: int, reynolds: float, even: bool = False) -> tuple[Grid, BVP]:
    """Return the grid of n × n points, and the problem on it."""
    axis = Uniform(0, 1, n) if even else drawn(n)
    grid = Grid(x=axis, y=axis)
    Dx, Dy, lap = Diff("x", acc=acc), Diff("y", acc=acc), Laplacian(acc=acc)
    biharmonic, dx, dy, lap_x, lap_y = (
        op.on(grid) for op in (Biharmonic(acc=acc), Dx, Dy, Dx * lap, Dy * lap)
    )

    def residual(psi: Array) -> Array:
        return biharmonic(psi) - reynolds * (dy(psi) * lap_x(psi) - dx(psi) * lap_y(psi))

    lid, *walls = Neumann("y+", 1), Neumann("y-"), Neumann("x-"), Neumann("x+")
    return grid, BVP(residual, grid, [Dirichlet("boundary"), lid, *walls], acc=acc)


def solve(n: int, acc: int, reynolds: float, start: Flow | None = None, even: bool = False) -> Flow:
    """Return the flow, from that on any grid or at any other Reynolds number."""
    grid, cavity = problem(n, acc, reynolds, even)
    first = None if start is None else start.spline(*(axis.coordinates for axis in grid.axes))
    return Flow(grid, cavity.solve(start=first).u)


def refine(
    sizes: tuple[int, ...], accuracies: tuple[int, ...], even: bool = False
) -> dict[tuple[int, int], Flow]:
    """Return flows at Re 1000 by accuracy and size, each from the one before."""
    flows = {}
    for acc in accuracies:
        flow = None
        for reynolds in (100, 400):
            flow = solve(sizes[0], acc, reynolds, flow, even)
        for n in sizes:
            began = perf_counter()
            flow = flows[acc, n] = solve(n, acc, 1000, flow, even)
            print(line(n, acc, even, flow, perf_counter() - began), flush=True)
    return flows


def heading() -> str:
    return f"{'points':>9}{'spacing':>9}{'acc':>5}" + "".join(f"{k:>19}" for k in BOTELLA)


def line(n: int, acc: int, even: bool, flow: Flow, seconds: float) -> str:
    """Return a row of the table: values, and how far from Botella and Peyret they are."""
    found = flow.extremes()
    text = "".join(f"{found[k]:10.6f} {abs(found[k] - v):8.0e}" for k, v in BOTELLA.items())
    return f"{f'{n} x {n}':>9}{'even' if even else 'drawn':>9}{acc:>5}{text}{seconds:8.1f} s"


def against_ghia(flow: Flow, reynolds: int) -> float:
    """Return the largest difference from Ghia, Ghia and Shin on the vertical center line."""
    return float(np.abs(flow.u(GHIA_Y) - GHIA_U[reynolds]).max())


def compare(flows: dict[int, Flow]) -> str:
    """Return what is found at each Reynolds number against tables of u on the center line."""
    lines = [
        f"Re {reynolds}: u on the center line is within {against_ghia(flow, reynolds):.4f} of Ghia"
        for reynolds, flow in flows.items()
    ]
    found, y = flows[100].extremes(), np.arange(1, 16) / 16
    nearest = np.abs(flows[100].u(y) - MARCHI_U).max()
    lines.append(f"Re 100: u on the center line is within {nearest:.6f} of Marchi")
    lines += [f"Re 100: {k} {found[k]:.5f}, Marchi {value:.5f}" for k, value in MARCHI.items()]
    return "\n".join(lines)


def picture(flows: dict[int, Flow], errors: dict[str, tuple[Array, Array]]) -> None:
    figure, axes = plt.subplots(2, 3, figsize=(15, 10), layout="constrained")
    for ax, (reynolds, flow) in zip(axes[0], flows.items(), strict=True):
        x, y = flow.grid.mesh()
        inner = np.linspace(0.005, 0.12, 14)
        ax.contour(x, y, -flow.psi, levels=inner, cmap="viridis", linewidths=1)
        corners = [1e-6, 1e-5, 1e-4, 5e-4, 1e-3, 2e-3]
        # Eddies in the corners turn the other way.
        ax.contour(x, y, flow.psi, levels=corners, colors="crimson", linewidths=0.8)
        ax.contour(x, y, flow.psi, levels=[0], colors="gray", linewidths=0.8)
        ax.set(title=f"Streamlines, Re {reynolds}", aspect=1, xlabel="x", ylabel="y")

    profiles, across, paying = axes[1]
    s = np.linspace(0, 1, 401)
    for color, (reynolds, flow) in zip(("C0", "C1", "C2"), flows.items(), strict=True):
        profiles.plot(flow.u(s), s, color, label=f"Re {reynolds}")
        profiles.plot(GHIA_U[reynolds], GHIA_Y, "o", color=color, markersize=4, fillstyle="none")
        across.plot(s, flow.v(s), color, label=f"Re {reynolds}")
    profiles.plot([], [], "ko", markersize=4, fillstyle="none", label="Ghia, Ghia and Shin")
    profiles.set(title="u on the vertical center line", xlabel="u", ylabel="y")
    across.axhline(BOTELLA["least v"], color="gray", linewidth=0.8, linestyle="--")
    across.axhline(BOTELLA["largest v"], color="gray", linewidth=0.8, linestyle="--")
    across.plot([], [], "--", color="gray", label="Botella and Peyret, Re 1000")
    across.set(title="v on the horizontal center line", xlabel="x", ylabel="v")
    for name, (sizes, error) in errors.items():
        paying.loglog(sizes, error, "o-", label=name)
    paying.set(title="Error of the least u at Re 1000", xlabel="points along a side")
    paying.set_xticks(ticks := next(iter(errors.values()))[0], [f"{n:.0f}" for n in ticks])
    paying.minorticks_off()
    for ax in (profiles, across, paying):
        ax.grid(alpha=0.2)
        ax.legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    flows: dict[int, Flow] = {}
    flow = None
    for reynolds in (100, 400, 1000):
        flow = flows[reynolds] = solve(129, 4, reynolds, flow)
    print(compare(flows), "\n")
    print("Re 1000, and the distance from Botella and Peyret")
    print(heading())
    print(
        f"{'Botella and Peyret':>23}"
        + "".join(f"{value:10.6f}{'':9}" for value in BOTELLA.values())
    )
    errors = {}
    for even, sizes in ((True, (65, 129, 257)), (False, (65, 129, 257))):
        found = refine(sizes, (2, 4), even)
        for acc in (2, 4):
            error = [abs(found[acc, n].extremes()["least u"] - BOTELLA["least u"]) for n in sizes]
            name = f"acc {acc}, {'even spacing' if even else 'drawn to the walls'}"
            errors[name] = np.array(sizes, float), np.array(error)
    picture(flows, errors)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
