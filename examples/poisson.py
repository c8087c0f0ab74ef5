"""A Poisson problem on a stretched grid, put together by hand.

    ∇²u = f on the unit square,    u given on the boundary

The solution waves in the middle and falls off in thin layers along two walls, so the grid points
are drawn towards the walls. The operator becomes a sparse matrix, the rows of boundary points
become u = g, and SciPy solves. Nothing hides between the three steps.

The error is measured while the grid is refined. `acc` is what every row keeps on any spacing, and
for that an even derivative needs two points more than on even spacing. Where the spacing changes
as smoothly as here, the same points gain two orders: 4, 6 and 8 are observed for 2, 4 and 6.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from findops import Grid, Laplacian, Points

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "poisson.png"
ACCURACIES = (2, 4, 6)
SIZES = (33, 49, 65, 97, 129)


def exact(x: Array, y: Array) -> Array:
    """Waves, and layers of thickness 1/40 and 1/30 along the walls x = 0 and y = 1."""
    return np.sin(14 * x + 1) * np.cos(11 * y) + np.exp(-40 * x) + np.exp(30 * (y - 1))


def right_side(x: Array, y: Array) -> Array:
    """∇² of the exact solution."""
    waves = -(14**2 + 11**2) * np.sin(14 * x + 1) * np.cos(11 * y)
    return waves + 40**2 * np.exp(-40 * x) + 30**2 * np.exp(30 * (y - 1))


def stretched(n: int, strength: float = 1.7) -> Points:
    """N points on [0, 1], closer together at both ends."""
    s = np.linspace(-1, 1, n)
    return Points((1 + np.tanh(strength * s) / np.tanh(strength)) / 2)


def solve(n: int, acc: int) -> tuple[Grid, Array]:
    """Grid and solution with n × n points."""
    grid = Grid(x=stretched(n), y=stretched(n))
    x, y = grid.mesh()
    A = Laplacian(acc=acc).matrix(grid)
    edge = grid.boundary().ravel()
    rows = sparse.diags_array((~edge).astype(float)) @ A + sparse.diags_array(edge.astype(float))
    b = np.where(edge, exact(x, y).ravel(), right_side(x, y).ravel())
    return grid, spsolve(rows.tocsc(), b).reshape(grid.shape)


def refine(accuracies: tuple[int, ...], sizes: tuple[int, ...]) -> Array:
    """Largest error for every accuracy (row) and size (column)."""
    errors = np.empty((len(accuracies), len(sizes)))
    for i, acc in enumerate(accuracies):
        for j, n in enumerate(sizes):
            grid, u = solve(n, acc)
            errors[i, j] = np.abs(u - exact(*grid.mesh())).max()
    return errors


def orders(errors: Array, sizes: tuple[int, ...]) -> Array:
    """Observed order between neighboring sizes."""
    return -np.diff(np.log(errors)) / np.diff(np.log(np.array(sizes) - 1.0))


def table(errors: Array, accuracies: tuple[int, ...], sizes: tuple[int, ...]) -> str:
    lines = [f"{'points':>10}" + "".join(f"{f'acc {acc}':>12}{'order':>7}" for acc in accuracies)]
    rates = orders(errors, sizes)
    for j, n in enumerate(sizes):
        line = f"{f'{n} x {n}':>10}"
        for error, rate in zip(errors, rates, strict=True):
            line += f"{error[j]:12.2e}" + (f"{rate[j - 1]:7.2f}" if j else " " * 7)
        lines.append(line)
    return "\n".join(lines)


def picture(errors: Array, accuracies: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(17, 5.2), layout="constrained")
    grid, u = solve(sizes[-1], accuracies[-1])
    x, y = grid.mesh()
    image = left.pcolormesh(x, y, u, shading="gouraud", cmap="RdBu_r", vmin=-2, vmax=2)
    figure.colorbar(image, ax=left)
    left.set(title=f"Solution, {sizes[-1]} x {sizes[-1]} points, acc {accuracies[-1]}")

    grid, u = solve(sizes[0], accuracies[1])
    x, y = grid.mesh()
    wrong = np.log10(np.abs(u - exact(x, y)) + 1e-9)
    image = middle.pcolormesh(
        x, y, wrong, cmap="magma", vmin=wrong.max() - 4, edgecolors="#fff3", linewidth=0.4
    )
    figure.colorbar(image, ax=middle)
    middle.set(
        title=f"log10 |error| and the cells, {sizes[0]} x {sizes[0]} points, acc {accuracies[1]}"
    )
    for ax in (left, middle):
        ax.set(xlabel="x", ylabel="y", aspect=1)

    h = 1 / (np.array(sizes) - 1.0)
    for acc, error, rate in zip(accuracies, errors, orders(errors, sizes), strict=True):
        right.loglog(h, error, "o-", label=f"acc {acc}: slope {rate[-1]:.1f}")
        right.loglog(h, error[-1] * (h / h[-1]) ** acc, "--", color="gray", linewidth=0.8)
    right.set(title="Largest error (dashed: the slope that acc promises)", xlabel="mean spacing")
    right.grid(which="both", alpha=0.2)
    right.legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=130)
    plt.close(figure)


def main() -> None:
    errors = refine(ACCURACIES, SIZES)
    print(table(errors, ACCURACIES, SIZES))
    picture(errors, ACCURACIES, SIZES)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
