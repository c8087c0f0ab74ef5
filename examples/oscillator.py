"""A quantum particle in a bowl: the levels of the harmonic oscillator, and a packet that circles.

    (−∇²/2 + (x² + y²)/2) ψ = E ψ              the levels: 1, twice 2, three times 3, …
    i ∂ψ/∂t = (−∇²/2 + (x² + y²)/2) ψ          motion

A coherent state is the ground state moved aside and pushed. It keeps its shape, its center moves
as a classical particle does, here on a circle, and ψ is known at all times (Schrödinger, 1926).

What is learned: ψ is smooth and vanishes far out, so that a high acc pays more than points do. The
problem is symmetric; Crank–Nicolson therefore keeps the norm to roundoff at any step. What it gets
wrong is the pace: a frequency ω becomes ω − ω³ dt²/12, and a low acc makes short waves slow as
well. Runge–Kutta, which stability binds to short steps, is nearer in the motion and loses some
norm.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from findops import EVP, IVP, Dirichlet, Grid, Laplacian, Uniform

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
PICTURE = Path(__file__).parent / "output" / "oscillator.png"
LEVELS = np.array([1, 2, 2, 3, 3, 3, 4, 4, 4, 4])
ACCURACIES = (2, 4, 6, 8)
HAMILTONIAN = {
    acc: -0.5 * Laplacian(acc=acc) + (lambda x: x**2 / 2) + (lambda y: y**2 / 2)
    for acc in ACCURACIES
}
SIZES = (41, 61, 81, 121, 161)
EDGE = 7.0
RADIUS = 2.0
RUNS = (
    ("crank-nicolson", 2, 0.025), ("crank-nicolson", 4, 0.025), ("crank-nicolson", 8, 0.1),
    ("crank-nicolson", 8, 0.05), ("crank-nicolson", 8, 0.025), ("RK45", 8, None),
)  # fmt: skip
"""Method, acc and time step."""

# The slope of the potential at the walls would cost odd continuation its order if the field did not
# vanish there with all derivatives; as it does, this closure keeps the problem symmetric.
WALLS = Dirichlet("boundary")


def bowl(n: int) -> Grid:
    return Grid(x=Uniform(-EDGE, EDGE, n), y=Uniform(-EDGE, EDGE, n))


def levels(n: int, acc: int) -> tuple[Array, Array]:
    """Return the ten lowest levels, and their fields."""
    found = EVP(HAMILTONIAN[acc], bowl(n), WALLS, closure="odd").solve(len(LEVELS))
    return found.values, found.vectors


def coherent(grid: Grid, t: float) -> Complex:
    """Return the state whose center is RADIUS (cos t, sin t)."""
    x, y = grid.mesh()
    q, p = RADIUS * np.array([np.cos(t), np.sin(t)]), RADIUS * np.array([-np.sin(t), np.cos(t)])
    shape = -((x - q[0]) ** 2 + (y - q[1]) ** 2) / 2
    # Half of q·p would stand in the phase, and it is zero on a circle.
    return np.exp(shape + 1j * (p[0] * x + p[1] * y - t)) / np.sqrt(np.pi)


def move(method: str, n: int, acc: int, dt: float | None, times: Array) -> Complex:
    """Return ψ at the times."""
    grid = bowl(n)
    problem = IVP(-1j * HAMILTONIAN[acc], grid, WALLS, closure="odd")
    return problem.solve(coherent(grid, 0), times, method, dt=dt).u


def center(grid: Grid, psi: Complex) -> Array:
    """Return the mean of (x, y)."""
    density = np.abs(psi) ** 2
    return np.array([grid.integrate(c * density) for c in grid.mesh()]) / grid.integrate(density)


def distances(n: int, psi: Complex, times: Array) -> Array:
    """Return how far the center is from the exact one at each time."""
    grid = bowl(n)
    x, y = np.array([center(grid, u) for u in psi]).T
    return np.hypot(x - RADIUS * np.cos(times), y - RADIUS * np.sin(times))


def errors(n: int, psi: Complex, times: Array) -> Array:
    """Return the largest drift of the norm, error of the center, and error of ψ over its top."""
    grid = bowl(n)
    norms = np.array([grid.integrate(np.abs(u) ** 2) for u in psi])
    exact = np.array([coherent(grid, t) for t in times])
    return np.array(
        [
            np.abs(norms / norms[0] - 1).max(),
            distances(n, psi, times).max(),
            np.abs(psi - exact).max() * np.sqrt(np.pi),
        ]
    )


def level_table(sizes: tuple[int, ...]) -> tuple[str, Array]:
    """Return the largest error of the ten levels for every accuracy (row) and size (column)."""
    lines = [f"{'points':>12}" + "".join(f"{f'acc {acc}':>10}" for acc in ACCURACIES)]
    wrong = np.array(
        [[np.abs(levels(n, acc)[0] - LEVELS).max() for n in sizes] for acc in ACCURACIES]
    )
    for n, row in zip(sizes, wrong.T, strict=True):
        lines.append(f"{f'{n} x {n}':>12}" + "".join(f"{e:10.1e}" for e in row))
    return "\n".join(lines), wrong


def picture(wrong: Array, off: dict[str, Array], psi: Complex, n: int) -> None:
    figure = plt.figure(figsize=(16, 9), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.15))
    grid = bowl(97)
    x, y = (axis.coordinates for axis in grid.axes)
    values, fields = levels(97, 8)
    for i, ax in zip((0, 1, 3, 6, 7), above.subplots(1, 5), strict=True):
        size = np.abs(fields[i]).max()
        ax.pcolormesh(x, y, fields[i].T, cmap="RdBu_r", vmin=-size, vmax=size, shading="gouraud")
        ax.set(
            title=f"E = {values[i]:.6f}", aspect=1, xlim=(-5, 5), ylim=(-5, 5), xticks=[], yticks=[]
        )
    left, middle, right = below.subplots(1, 3)
    for acc, row in zip(ACCURACIES, wrong, strict=True):
        left.loglog(SIZES, row, "o-", label=f"acc {acc}")
    left.set(title="Largest error of ten levels", xlabel="points along a side")
    left.set_xticks(SIZES, [str(size) for size in SIZES])
    left.minorticks_off()
    left.grid(alpha=0.2)
    left.legend()

    grid = bowl(n)
    x, y = (axis.coordinates for axis in grid.axes)
    middle.pcolormesh(x, y, psi[0].real.T, cmap="RdBu_r", vmin=-0.6, vmax=0.6, shading="gouraud")
    for u in psi[:-1:4]:
        middle.contour(x, y, (np.abs(u) ** 2).T, levels=[0.16], colors="k", linewidths=0.8)
    middle.plot(*np.array([center(grid, u) for u in psi]).T, "k.", markersize=3)
    middle.set(
        title="Re ψ at the start, |ψ|² = 0.16 each eighth of a turn",
        aspect=1,
        xlim=(-5, 5),
        ylim=(-5, 5),
        xlabel="x",
        ylabel="y",
    )
    times = np.linspace(0, 1, len(psi))[1:]
    for name, distance in off.items():
        right.semilogy(times, distance[1:], "o-", markersize=3, label=name)
    right.set(title="Distance of the center from the exact one", xlabel="turns", ylim=(1e-6, 30))
    right.grid(alpha=0.2)
    right.legend(ncols=2, loc="upper center", fontsize=9)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    print("Largest error of the levels", *LEVELS)
    text, wrong = level_table(SIZES)
    print(text)
    n, times = 61, np.linspace(0, 2 * np.pi, 33)
    print(f"\nA coherent state in one turn, {n} x {n} points: largest errors")
    print(f"{'method':>16}{'acc':>5}{'dt':>8}{'norm':>10}{'center':>10}{'ψ':>10}")
    off, psi = {}, np.empty(0, complex)
    for method, acc, dt in RUNS:
        psi = move(method, n, acc, dt, times)
        row = "".join(f"{e:10.1e}" for e in errors(n, psi, times))
        print(f"{method:>16}{acc:5}{dt or 'chosen':>8}{row}", flush=True)
        name = f"acc {acc}, dt = {dt}" if dt else method
        off[name] = distances(n, psi, times)
    picture(wrong, off, psi, n)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
