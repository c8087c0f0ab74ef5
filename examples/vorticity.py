"""Vorticity, divergence and the Q-criterion of a flow in a box that is periodic in x.

The velocity is an array of shape (3, nx, ny, nz): components first, then the grid. It is a sum of
helical waves u = a cos(k·x) − (k/|k| × a) sin(k·x) with a at right angles to k and |k| = 3, an
exact Beltrami field: its divergence is zero and its curl is 3u. Along x the waves fit the period;
along y and z the box cuts through them, and one-sided stencils take over at its edges.

Q = (|Ω|² − |S|²)/2, with the antisymmetric and symmetric parts of the Jacobian, is positive where
the flow turns more than it strains (Hunt, Wray and Moin, 1988). It equals −tr(J²)/2 here.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from findops import Curl, Divergence, Grid, Jacobian, Periodic, Uniform

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "vorticity.png"
ACCURACIES = (2, 4, 6, 8)
SIZES = (24, 48, 96)
# Wave vectors of length 3 with integers along x, and an amplitude at right angles to each.
WAVES = [
    ((1, 2, 2), (0.0, 0.7, -0.7)),
    ((2, -2, 1), (0.6, 0.6, 0.0)),
    ((2, 1, -2), (0.5, 0.0, 0.5)),
    ((-1, 2, -2), (0.8, 0.4, 0.0)),
]


def box(n: int) -> Grid:
    """One period of n points along x, half of that across."""
    return Grid(
        x=Periodic(0, 2 * np.pi, n),
        y=Uniform(0, np.pi, n // 2 + 1),
        z=Uniform(0, np.pi, n // 2 + 1),
    )


def flow(grid: Grid) -> tuple[Array, Array]:
    """Velocity (3, *grid) and its exact Jacobian (3, 3, *grid), J[i, j] = ∂u_i/∂x_j."""
    u, J = np.zeros((3, *grid.shape)), np.zeros((3, 3, *grid.shape))
    for wave, amplitude in WAVES:
        k, a = np.array(wave), np.array(amplitude)
        b = np.cross(k, a) / 3
        phase = sum(ki * xi for ki, xi in zip(k, grid.mesh(), strict=True))
        cos, sin = np.cos(phase), np.sin(phase)
        u += np.multiply.outer(a, cos) - np.multiply.outer(b, sin)
        slope = np.multiply.outer(a, sin) + np.multiply.outer(b, cos)
        J -= slope[:, None] * k[None, :, None, None, None]
    return u, J


def q_criterion(J: Array) -> Array:
    J_T = J.swapaxes(0, 1)
    rotation, strain = (J - J_T) / 2, (J + J_T) / 2
    return ((rotation**2).sum(axis=(0, 1)) - (strain**2).sum(axis=(0, 1))) / 2


def errors(n: int, acc: int) -> Array:
    """Largest errors of vorticity, divergence and Q, each inside and at the edges."""
    grid = box(n)
    u, J = flow(grid)
    wrong = (
        np.abs(Curl(acc=acc)(u, grid) - 3 * u).max(axis=0),
        np.abs(Divergence(acc=acc)(u, grid)),
        np.abs(q_criterion(Jacobian(acc=acc)(u, grid)) - q_criterion(J)),
    )
    edge = grid.boundary()
    return np.array([e[where].max() for e in wrong for where in (~edge, edge)])


def table(sizes: tuple[int, ...], accuracies: tuple[int, ...]) -> str:
    """Largest errors, and under them the order observed between the last two sizes."""
    names = ("vorticity", "at edges", "divergence", "at edges", "Q", "at edges")
    lines = [f"{'acc':>4}{'nx':>6}" + "".join(f"{name:>12}" for name in names)]
    for acc in accuracies:
        found = [errors(n, acc) for n in sizes]
        for n, row in zip(sizes, found, strict=True):
            lines.append(f"{acc:4}{n:6}" + "".join(f"{e:12.2e}" for e in row))
        order = np.log(found[-2] / found[-1]) / np.log(sizes[-1] / sizes[-2])
        lines.append(f"{'order':>10}" + "".join(f"{p:12.2f}" for p in order))
    return "\n".join(lines)


def picture(n: int) -> None:
    grid = box(n)
    u, J = flow(grid)
    cut = np.s_[..., grid.shape[2] // 2]
    vorticity = np.linalg.norm(Curl(acc=8)(u, grid), axis=0)[cut]
    Q = q_criterion(J)[cut]
    panels = [
        ("|vorticity|", vorticity, "viridis", 0, vorticity.max()),
        ("Q: vortex cores red", Q, "RdBu_r", -np.abs(Q).max(), np.abs(Q).max()),
    ]
    for acc in (2, 8):
        found = q_criterion(Jacobian(acc=acc)(u, grid))[cut]
        off = np.log10(np.abs(found - Q) + 1e-16)
        panels.append((f"log10 |error of Q|, acc {acc}", off, "magma", off.max() - 4, off.max()))
    figure, axes = plt.subplots(2, 2, figsize=(14, 7.6), layout="constrained")
    figure.suptitle(f"Section at z = {grid['z'].coordinates[cut[-1]]:.2f}")
    for ax, (title, values, colors, low, high) in zip(axes.flat, panels, strict=True):
        x, y = grid["x"].coordinates, grid["y"].coordinates
        image = ax.pcolormesh(x, y, values.T, cmap=colors, vmin=low, vmax=high, shading="gouraud")
        ax.set(title=title, xlabel="x, periodic", ylabel="y", aspect=1)
        figure.colorbar(image, ax=ax, pad=0.01)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=130)
    plt.close(figure)


def main() -> None:
    print(table(SIZES, ACCURACIES))
    picture(SIZES[-1])
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
