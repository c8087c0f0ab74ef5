"""Long waves of a rotating sea with land on Arakawa's C grid, as one system.

    ∂η/∂t = −∇·u,    ∂u/∂t = −∇η + f v,    ∂v/∂t = −∇η − f u    (gravity and depth 1)

The height η of the sea lives in the middle of cells, each component of the velocity on the faces
across it: `at=[None, "x", "y"]`. Rotation takes each component to the points of the other, by
`Interpolate` along both axes. Land is cells: faces that touch them hold their velocity at zero, by
`Dirichlet` on a mask of faces, and coasts run in steps.

What is learned: no water is lost, to roundoff. The seiche of a basin amid land swings with the
frequency that the grid has for it, 2/h sin(πh/2L), to roundoff. Kelvin waves follow a coast on
their right at the speed of long waves and keep their shape, to second order. Waves on the grid
have the dispersion of theory (Arakawa and Lamb, 1977), to roundoff,

    ω² = f² cos²(kd/2) cos²(ld/2) + 4/d² (sin²(kd/2) + sin²(ld/2)),

which grows with the wavenumber as the sea's own does, if the radius of deformation 1/f is longer
than d/2. Where all live at the same points, the shortest waves swing as if there were no gravity.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import ArrayLike, NDArray

from findops import (
    EVP,
    IVP,
    Block,
    Cells,
    Coef,
    Condition,
    Dirichlet,
    Divergence,
    Gradient,
    Grid,
    Interpolate,
    Periodic,
)

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Fields = tuple[Array, ...]
PICTURE = Path(__file__).parent / "output" / "gravity_waves.png"


def sea(f: float, acc: int = 2, staggered: bool = True) -> Block:
    """Return what the rates of (η, u, v) are of (η, u, v)."""
    there, back = ("half", "node") if staggered else (None, None)
    out, down = Divergence(acc=acc, to=back), Gradient(acc=acc, to=there)
    to_u = to_v = Coef(f)
    if staggered:
        to_u *= Interpolate("x", "half", acc) * Interpolate("y", "node", acc)
        to_v *= Interpolate("y", "half", acc) * Interpolate("x", "node", acc)
    return Block([[0, -out], [-down, Block([[0, to_u], [-to_v, 0]])]])


def places(staggered: bool = True) -> list[str | None]:
    return [None, "x", "y"] if staggered else [None, None, None]


def coasts(land: Mask, grid: Grid) -> list[Condition]:
    """Return that nothing flows through faces that touch land, nor through walls."""
    made = []
    for c, axis in enumerate(grid.axes):
        cells = np.moveaxis(land, c, 0)
        closed = cells | np.roll(cells, 1, axis=0)
        if not isinstance(axis, Periodic):
            wall = np.ones_like(cells[:1])
            closed = np.concatenate([wall, closed[1:], wall])
        made.append(Dirichlet(np.moveaxis(closed, 0, c), component=c + 1))
    return made


def mass(eta: Array) -> Array:
    """Return the mean heights of all times."""
    return eta.mean((-2, -1))


def seiche(n: int) -> tuple[float, float, float]:
    """Return the slowest swing of a basin of length 1, of n cells, that of the grid, and π."""
    grid = Grid(x=Cells(0, 2, 2 * n), y=Cells(0, 1, n))
    x, y = grid.mesh()
    land = (x < 0.5) | (x > 1.5) | (y > 0.8)
    problem = EVP(sea(0), grid, coasts(land, grid), at=places())
    value = problem.solve(1, near=3j).values[0]
    return float(value.imag), float(2 * n * np.sin(np.pi / 2 / n)), np.pi


def kelvin(n: int, t: float = 4.0) -> tuple[float, float]:
    """Send a wave along a coast, n cells in a radius; return its error, and the water gained."""
    grid = Grid(x=Periodic(0, 4, 4 * n), y=Cells(-0.5, 3, 7 * n // 2))
    land = grid.mesh()[1] < 0

    def wave(x: Array, y: Array, t: float) -> Array:
        return np.exp(np.sin(np.pi / 2 * (x - t)) - y) * (y > 0)

    start = wave(*grid.mesh(), 0), wave(*grid.half("x").mesh(), 0), 0
    problem = IVP(sea(1), grid, coasts(land, grid), at=places())
    eta = problem.solve(start, [0, t], "rk4", dt=0.4 / n).u[0]
    heights = mass(eta)
    return float(abs(eta[-1] - wave(*grid.mesh(), t)).max()), float(heights[-1] / heights[0] - 1)


def frequencies(
    f: float, kx: ArrayLike, ky: ArrayLike, acc: int = 2, staggered: bool = True
) -> Array:
    """Return the largest frequencies of waves exp(i(kx x + ky y)) on a grid of spacing 1.

    The operator takes waves to waves, by a matrix that its values at one point tell.
    """
    n = 16
    grid = Grid(x=Periodic(0, n, n), y=Periodic(0, n, n))
    op = sea(f, acc, staggered).on(grid, at=places(staggered))
    kx, ky = (each[..., None, None] for each in np.broadcast_arrays(kx, ky))
    waves = [np.exp(1j * (kx * x + ky * y)) for x, y in (side.mesh() for side in op.domain)]
    matrix = np.empty((*waves[0].shape[:-2], 3, 3), dtype=complex)
    for j in range(3):
        image = op(tuple(wave * (i == j) for i, wave in enumerate(waves)))
        for i in range(3):
            # In the middle, where no stencil crosses the seam.
            matrix[..., i, j] = (image[i] / waves[i])[..., n // 2, n // 2]
    return np.linalg.eigvals(matrix).imag.max(-1)


def theory(f: float, kx: ArrayLike, ky: ArrayLike) -> Array:
    """Return the frequencies of the C grid by Arakawa and Lamb's formula."""
    half_x, half_y = np.asarray(kx) / 2, np.asarray(ky) / 2
    turn = f**2 * np.cos(half_x) ** 2 * np.cos(half_y) ** 2
    return np.sqrt(turn + 4 * (np.sin(half_x) ** 2 + np.sin(half_y) ** 2))


def around_an_island(n: int, times: ArrayLike) -> tuple[Array, Mask]:
    """Return heights after water was piled up at a coast, and the land."""
    grid = Grid(x=Cells(0, 2, 2 * n), y=Cells(0, 1, n))
    x, y = grid.mesh()
    land = (((x - 1) / 0.97) ** 4 + ((y - 0.5) / 0.47) ** 2 > 1) | (np.hypot(x - 1, y - 0.5) < 0.16)
    pile = np.exp(-((x - 0.7) ** 2 + (y - 0.1) ** 2) / 0.08**2) * ~land
    problem = IVP(sea(10), grid, coasts(land, grid), at=places())
    return problem.solve((pile, 0, 0), times, "rk4", dt=0.4 / n).u[0], land


def picture(n: int) -> None:
    figure = plt.figure(figsize=(15, 8.4), layout="constrained")
    axes = figure.subplot_mosaic([["0", "1", "2"], ["line", "sea", "grid"]])
    times = (0.3, 1.0, 2.0)
    etas, land = around_an_island(n, [0, *times])
    for name, t, eta in zip("012", times, etas[1:], strict=True):
        shown = np.ma.array(eta, mask=land).T
        axes[name].set_facecolor("tan")
        axes[name].imshow(
            shown, origin="lower", extent=(0, 2, 0, 1), cmap="RdBu_r", vmin=-0.3, vmax=0.3
        )
        axes[name].set(title=f"Height at t = {t}, f = 10", xlabel="x", ylabel="y")

    f = 0.5
    k = np.linspace(0, np.pi, 60)
    line = axes["line"]
    line.plot(k / np.pi, np.hypot(f, k) / f, "k", label="sea")
    for i, acc in enumerate((2, 4)):
        for staggered, style in ((True, "-"), (False, "--")):
            found = frequencies(f, k, 0, acc, staggered) / f
            where = "C grid" if staggered else "one set of points"
            line.plot(k / np.pi, found, style, color=f"C{i}", label=f"{where}, acc {acc}")
    line.plot(k[::6] / np.pi, theory(f, k[::6], 0) / f, "C0o", ms=4, label="theory, C grid, acc 2")
    line.set(title="Waves along x, 1/f = 2 spacings", xlabel="kd/π", ylabel="ω/f", ylim=(0, 6.5))
    line.legend(fontsize="small")
    wide = {
        "sea": ("The sea's ω/f", np.sqrt(f**2 + k[:, None] ** 2 + k**2)),
        "grid": ("The C grid's ω/f, theory dashed", frequencies(f, k[:, None], k)),
    }
    levels = np.arange(1, 10)
    for name, (title, omega) in wide.items():
        lines = axes[name].contour(k / np.pi, k / np.pi, omega.T / f, levels)
        axes[name].clabel(lines)
        axes[name].set(title=title, xlabel="kd/π", ylabel="ld/π", aspect="equal")
    axes["grid"].contour(
        k / np.pi, k / np.pi, theory(f, k[:, None], k).T / f, levels, colors="k",
        linestyles="dashed", linewidths=0.8,
    )  # fmt: skip
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    print("Slowest swing of a basin amid land, and what it is on the grid and in the sea")
    for n in (10, 20, 40):
        print("{:>8}: {:.14f}  {:.14f}  {:.14f}".format(n, *seiche(n)))
    print("A Kelvin wave once around a coast of length 4: largest error, and water gained")
    for n in (8, 16, 32):
        print("{:>8}: {:.1e}  {:+.0e}".format(n, *kelvin(n)))
    k = np.linspace(0.1, np.pi, 20)
    found, known = (way(0.5, k[:, None], k) for way in (frequencies, theory))
    print(f"Frequencies of the C grid against theory: {abs(found / known - 1).max():.0e}")
    picture(100)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
