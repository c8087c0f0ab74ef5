"""Creeping flow under a lid, with velocity and pressure at points of their own, as one system.

    −∇²u + ∇p = f,    ∇·u = 0    in the unit square,    u given on the walls

The pressure lives in the middle of cells, each component of the velocity on the faces across it
(Harlow and Welch, 1965): `at=["x", "y", None]`. On walls with points of a component its value
stands for the equation there; beyond the others it continues by polynomials, to the order of
accuracy, and the equation beside the wall stays.

The lid does not jump in the corners, so that the flow is known (Shih, Tan and Hwang, 1989):

    u = 8 (x⁴ − 2x³ + x²)(4y³ − 2y),    v = −8 (4x³ − 6x² + 2x)(y⁴ − y²)

What is learned: no checkerboard of pressures comes through, the only freedom is the pressure's
constant, and ∇·u vanishes to roundoff at any accuracy. Velocity and pressure converge to the order
of accuracy, each in the mean and at most, but for the pressure's error in the corners at acc 2:
there it falls by order 1.7 only.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from findops import BVP, Block, Cells, Dirichlet, Divergence, Gradient, Grid, VectorLaplacian

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "stokes.png"
AT = ["x", "y", None]
"""Where u, v and p stand at half points."""


def stokes(acc: int) -> Block:
    out, down = Divergence(acc=acc, to="node"), Gradient(acc=acc, to="half")
    return Block([[-VectorLaplacian(acc=acc), down], [out, 0]])


def u(x: Array, y: Array) -> Array:
    return 8 * (x**4 - 2 * x**3 + x**2) * (4 * y**3 - 2 * y)


def v(x: Array, y: Array) -> Array:
    return -8 * (4 * x**3 - 6 * x**2 + 2 * x) * (y**4 - y**2)


def p(x: Array, y: Array) -> Array:
    return np.cos(np.pi * x) * np.exp(y)


def force_x(x: Array, y: Array) -> Array:
    bend = (12 * x**2 - 12 * x + 2) * (4 * y**3 - 2 * y) + (x**4 - 2 * x**3 + x**2) * 24 * y
    return -8 * bend - np.pi * np.sin(np.pi * x) * np.exp(y)


def force_y(x: Array, y: Array) -> Array:
    bend = (24 * x - 12) * (y**4 - y**2) + (4 * x**3 - 6 * x**2 + 2 * x) * (12 * y**2 - 2)
    return 8 * bend + np.cos(np.pi * x) * np.exp(y)


def problem(n: int, acc: int) -> BVP:
    walls = [Dirichlet("boundary", u, component=0), Dirichlet("boundary", v, component=1)]
    return BVP(stokes(acc), Grid(x=Cells(0, 1, n), y=Cells(0, 1, n)), walls, at=AT)


@dataclass(frozen=True)
class Flow:
    """A flow on n × n cells."""

    grid: Grid
    u: Array
    v: Array
    p: Array
    errors: tuple[Array, Array, Array]

    def divergence(self, acc: int) -> float:
        out = Divergence(acc=acc, to="node")((self.u, self.v), self.grid, at=["x", "y"])
        return float(abs(out).max())

    @property
    def largest(self) -> Array:
        return np.array([abs(error).max() for error in self.errors])

    @property
    def mean(self) -> Array:
        """Root mean squares of the errors."""
        return np.array([np.sqrt((error**2).mean()) for error in self.errors])


def solve(n: int, acc: int) -> Flow:
    """Return the flow, with the mean of the exact pressure in the middle of cells."""
    flow = problem(n, acc)
    points = [side.mesh() for side in flow.operator.domain]
    found = flow.solve((force_x(*points[0]), force_y(*points[1]), 0)).u
    exact = u(*points[0]), v(*points[1]), p(*points[2])
    pressure = found[2] + (exact[2] - found[2]).mean()
    errors = found[0] - exact[0], found[1] - exact[1], pressure - exact[2]
    return Flow(flow.operator.domain[2], found[0], found[1], pressure, errors)


def freedom(n: int, acc: int) -> int:
    """Return how many flows solve the problem without force and motion."""
    values = np.linalg.svd(problem(n, acc).system.matrix.toarray(), compute_uv=False)
    return int((values < 1e-10 * values[0]).sum())


def orders(errors: Array, sizes: tuple[int, ...]) -> Array:
    """Return the orders between sizes, for each of u, v and p."""
    return -np.diff(np.log(errors), axis=0) / np.diff(np.log(sizes))[:, None]


def picture(flow: Flow, errors: dict[int, Array], sizes: tuple[int, ...]) -> None:
    figure, axes = plt.subplots(1, 3, figsize=(16, 5), layout="constrained")
    x, y = (np.ravel(each) for each in flow.grid.coordinates())
    middle = (flow.u[1:] + flow.u[:-1]) / 2, (flow.v[:, 1:] + flow.v[:, :-1]) / 2
    image = axes[0].pcolormesh(x, y, flow.p.T, cmap="RdBu_r", rasterized=True)
    axes[0].streamplot(x, y, middle[0].T, middle[1].T, color="k", linewidth=0.7, density=1.2)
    axes[0].set(title="Pressure and stream lines", xlabel="x", ylabel="y", aspect="equal")
    figure.colorbar(image, ax=axes[0])
    for ax, i, name in ((axes[1], 0, "u"), (axes[2], 2, "p")):
        for acc, each in errors.items():
            ax.loglog(sizes, each[:, i], "o-", label=f"acc {acc}")
        ax.set(title=f"Largest error of {name}", xlabel="cells along x")
        ax.set_xticks(sizes, map(str, sizes))
        ax.minorticks_off()
        ax.legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    sizes = 8, 16, 32, 64
    print("Largest errors of u, v, p; orders of them, and of the mean; largest divergence")
    errors = {}
    for acc in (2, 4, 6):
        flows = [solve(n, acc) for n in sizes]
        errors[acc] = np.array([flow.largest for flow in flows])
        means = orders(np.array([flow.mean for flow in flows]), sizes)
        for i, (n, flow) in enumerate(zip(sizes, flows, strict=True)):
            text = "".join(f"{error:9.1e}" for error in flow.largest)
            if i:
                for each in (orders(errors[acc], sizes), means):
                    text += "  " + "".join(f"{order:6.2f}" for order in each[i - 1])
            else:
                text += 40 * " "
            print(f"{f'acc {acc}':>6}{n:4d}²{text}{flow.divergence(acc):9.0e}")
        print(f"flows without force and motion on 8 x 8 cells: {freedom(8, acc)}")
    picture(flows[-1], errors, sizes)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
