"""Light in a box of perfect conductors: Maxwell's equations on Yee's points, as one system.

    ∂E/∂t = ∇×H,    ∂H/∂t = −∇×E    (speed of light 1),    E × n = 0 on the walls

Each component of E lives on the edges of the cells that run its way, each of H on the faces across
it (Yee, 1966): half points along one axis and along two, as `AT` says. `Curl(to="half")` goes from
edges to faces and `Curl(to="node")` back. Walls are mirrors: conditions hold E along them at zero,
and E along walls and H across them continue oddly, all else evenly, at any accuracy.

What is learned: both curls are transposes of each other, so eigenvalues are imaginary, no mode
lies where none should be, and the frequencies of the box meet π√((i/a)² + (j/b)² + (k/c)²) to the
order of accuracy. Leapfrog keeps (|E(t)|² + H(t − dt/2)·H(t + dt/2)) / 2 to roundoff, where the
energy at one time swings. Charges appear nowhere: ∇·E and ∇·H stay at roundoff, as the
divergence of a curl is zero on the grid too.
"""

from itertools import product
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import ArrayLike, NDArray

from findops import EVP, IVP, Block, Condition, Curl, Dirichlet, Divergence, Grid, Uniform

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
Fields = tuple[Array, ...]
PICTURE = Path(__file__).parent / "output" / "maxwell.png"
SIDES = {"x": 1.0, "y": 1.2, "z": 0.8}
EDGES = ["x", "y", "z"]
FACES = [("y", "z"), ("x", "z"), ("x", "y")]
AT = [*EDGES, *FACES]
"""Where E and H stand at half points."""
NEAR = 4.8
"""Frequency around which the lowest modes lie."""


def maxwell(acc: int) -> Block:
    return Block([[0, Curl(acc=acc, to="node")], [-Curl(acc=acc, to="half"), 0]])


def box(n: int) -> Grid:
    """Return a grid of cubes, n along x; a multiple of five, so that they fill the other sides."""
    return Grid(**{name: Uniform(0, side, round(n * side) + 1) for name, side in SIDES.items()})


def conductors() -> list[Condition]:
    """E along walls is zero."""
    return [
        Dirichlet(axis + side, component=c)
        for c, own in enumerate(SIDES)
        for axis in SIDES
        if axis != own
        for side in "-+"
    ]


def mirrors() -> dict[str, list[str]]:
    """E along walls and H across them continue oddly, all else evenly."""
    closures = {}
    for axis in SIDES:
        across = [own == axis for own in SIDES]
        electric = ["even" if each else "odd" for each in across]
        magnetic = ["odd" if each else "even" for each in across]
        closures |= {axis + side: electric + magnetic for side in "-+"}
    return closures


def problem(kind: type[EVP] | type[IVP], n: int, acc: int) -> EVP | IVP:
    return kind(maxwell(acc), box(n), conductors(), closure=mirrors(), at=AT)


def rates(n: int, acc: int, u: Fields) -> Fields:
    return maxwell(acc)(u, box(n), mirrors(), at=AT)


def exact(count: int) -> Array:
    """Return the lowest frequencies; modes without a zero among i, j, k have two polarizations."""
    found = []
    for mode in product(range(4), repeat=3):
        zeros = mode.count(0)
        frequency = np.pi * np.hypot.reduce(np.array(mode) / list(SIDES.values()))
        found += [frequency] * (2 if zeros == 0 else zeros == 1)
    return np.sort(found)[:count]


def frequencies(n: int, acc: int, count: int = 5) -> tuple[Array, float]:
    """Return the lowest frequencies of the box, and the largest growth rate among them."""
    values = problem(EVP, n, acc).solve(count, near=1j * NEAR).values
    return np.sort(values.imag), float(abs(values.real).max())


def pulse(n: int, acc: int) -> Fields:
    """Return E and H = 0 at first: the curl of a bump, which has no charge."""
    fields = [np.zeros(points.shape) for points in maxwell(acc).on(box(n), at=AT).domain]
    x, y, z = box(n).half("x").half("y").mesh()
    fields[5] = np.exp(-((x - 0.4) ** 2 + (y - 0.4) ** 2 + (z - 0.4) ** 2) / 0.1**2)
    electric = rates(n, acc, tuple(fields))[:3]
    return (*electric, *(0 * part for part in fields[3:]))


def shine(n: int, acc: int, times: ArrayLike, dt: float) -> Fields:
    """Let the pulse go at time 0; return E and H at these times."""
    start = pulse(n, acc)
    return problem(IVP, n, acc).solve(start, times, "staggered-leapfrog", dt=dt).u


def squares(fields: Fields) -> Array:
    return sum((part**2).sum((1, 2, 3)) for part in fields)


def energies(n: int, acc: int, u: Fields, dt: float) -> tuple[Array, Array]:
    """Return the energy at one time, and the one that leapfrog keeps: H before times H after.

    H half a step before and after is H ∓ dt/2 H'.
    """
    energy = squares(u) / 2
    return energy, energy - (dt / 2) ** 2 * squares(rates(n, acc, u)[3:]) / 2


def charges(n: int, acc: int, u: Fields) -> tuple[float, float]:
    """Return the largest ∇·E inside and ∇·H."""
    walls = {face: kind[:3] for face, kind in mirrors().items()}
    electric = Divergence(acc=acc, to="node")(u[:3], box(n), walls, at=EDGES)
    walls = {face: kind[3:] for face, kind in mirrors().items()}
    magnetic = Divergence(acc=acc, to="half")(u[3:], box(n), walls, at=FACES)
    return float(abs(electric[:, 1:-1, 1:-1, 1:-1]).max()), float(abs(magnetic).max())


def errors(sizes: tuple[int, ...], acc: int) -> Array:
    """Return the largest relative error of the lowest frequencies on boxes of these sizes."""
    known = exact(5)
    return np.array([abs(frequencies(n, acc)[0] / known - 1).max() for n in sizes])


def orders(found: Array, sizes: tuple[int, ...]) -> Array:
    return -np.diff(np.log(found)) / np.diff(np.log(sizes))


def picture(n: int, found: dict[int, Array], sizes: tuple[int, ...]) -> None:
    figure, axes = plt.subplots(2, 2, figsize=(11, 10), layout="constrained")
    dt = 0.4 / n
    times = dt * np.arange(round(1 / dt) + 1)
    u = shine(n, 4, times, dt)
    for ax, t in zip(axes[0], (0.3, 0.7), strict=True):
        here = u[5][round(t / dt), :, :, n // 5 * 2]
        scale = abs(here).max()
        image = ax.imshow(
            here.T, origin="lower", extent=(0, SIDES["x"], 0, SIDES["y"]), cmap="RdBu_r",
            vmin=-scale, vmax=scale,
        )  # fmt: skip
        ax.set(title=f"$H_z$ at z = 0.4, t = {t}, acc 4", xlabel="x", ylabel="y")
        figure.colorbar(image, ax=ax, shrink=0.85)
    for acc, each in found.items():
        axes[1, 0].loglog(sizes, each, "o-", label=f"acc {acc}")
    axes[1, 0].set(
        title="Largest error of the five lowest frequencies", xlabel="cells along x",
        ylabel="relative error",
    )  # fmt: skip
    axes[1, 0].set_xticks(sizes, map(str, sizes))
    axes[1, 0].minorticks_off()
    axes[1, 0].legend()
    energy, kept = energies(n, 4, u, dt)
    axes[1, 1].plot(times, energy / kept[0], label="H at the time of E")
    axes[1, 1].plot(times, kept / kept[0], label="H before times H after")
    axes[1, 1].set(title="Energy over that of leapfrog at first", xlabel="t")
    axes[1, 1].legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    sizes = 5, 10, 15
    print(f"Lowest frequencies of the box: {exact(5).round(5)}")
    print(f"Largest relative error with {sizes} cells along x, and orders")
    found = {acc: errors(sizes, acc) for acc in (2, 4)}
    for acc, each in found.items():
        text = "".join(f"{e:10.1e}" for e in each)
        print(f"{f'acc {acc}':>10}{text}  orders {orders(each, sizes).round(2)}")
    n, dt = 20, 0.02
    for acc in found:
        u = shine(n, acc, dt * np.arange(201), dt)
        energy, kept = energies(n, acc, u, dt)
        print(
            f"A pulse over 200 steps, acc {acc}: energy swings by {np.ptp(energy) / kept[0]:.1e}, "
            f"that of leapfrog by {np.ptp(kept) / kept[0]:.0e}; largest charges "
            "{:.0e}, {:.0e}".format(*charges(n, acc, u))
        )
    picture(40, found, sizes)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
