"""Energy over 100,000 steps: derivatives that sum by parts, with conditions imposed weakly.

    u_t = −u_x                fed with nothing at its inflow, or round a ring of two blocks
    u_tt = u_xx               between fixed ends

They start from noise, which holds every mode of the grid. In the norm of the scheme their energy
can only fall, at every order, and steps of Runge–Kutta keep that: what they lose is what the
equation, the interfaces and the steps damp.

What is learned: with one-sided stencils of acc 6 and 8 at the ends, and the condition eliminated,
the same advection grows without bound, within a few hundred steps.

    python examples/energy.py [steps]
"""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from findops import IVP, SBP, Block, Diff, Dirichlet, Grid, Identity, Interface, Uniform
from findops.conditions.affine_system import AffineSystem

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "energy.png"
POINTS = 41
STEPS = 100_000
LOST = 1e-280
"""Part of the energy at the start from which on numbers are too small to be exact."""


@dataclass
class Run:
    """Energies at every step, until they are lost in the smallest numbers."""

    name: str
    order: int
    energy: Array

    @property
    def growth(self) -> float:
        """The largest relative growth in a step."""
        return float((self.energy[1:] / self.energy[:-1]).max() - 1)


def follow(
    name: str,
    order: int,
    system: AffineSystem,
    problem: IVP,
    energy: Callable[[Array], float],
    start: Array,
    steps: int,
) -> Run:
    """Return the energies along steps of two thirds of the stable length."""
    radius = np.abs(np.linalg.eigvals(system.matrix.toarray())).max()
    dt = 1.8 / radius
    times = dt * np.arange(steps + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = problem.solve(start, times, "rk4", dt=dt, store=lambda _, u: np.array(energy(u)))
    values = np.asarray(found.u)
    return Run(name, order, values[values > LOST * values[0]])


def advection(order: int, steps: int = STEPS) -> Run:
    """Follow the energy uᵀHu of advection."""
    grid, scheme = Grid(x=Uniform(0, 1, POINTS)), SBP(order)
    L, inflow = -Diff("x", scheme=scheme), Dirichlet("x-")
    H = scheme.norm(grid["x"])
    system = L.on(grid).subject_to(inflow, impose="sat")
    problem = IVP(L, grid, inflow, impose="sat")
    start = np.random.default_rng(order).standard_normal(POINTS)
    return follow("advection", order, system, problem, lambda u: H @ u**2, start, steps)


def ring(order: int, steps: int = STEPS) -> Run:
    """Follow the energy of advection through two blocks, each of which feeds the other."""
    grid, scheme = Grid(x=Uniform(0, 1, POINTS)), SBP(order)
    D, H = Diff("x", scheme=scheme), scheme.norm(grid["x"])
    L = Block([[-D, 0], [0, -D]])
    meet = [Interface("x+", "x-", (0, 1)), Interface("x+", "x-", (1, 0))]
    system = L.on(grid).subject_to(meet, impose="sat")
    problem = IVP(L, grid, meet, impose="sat")
    start = np.random.default_rng(order).standard_normal((2, POINTS))
    return follow("ring", order, system, problem, lambda u: (u**2 @ H).sum(), start, steps)


def wave(order: int, steps: int = STEPS) -> Run:
    """Follow the energy u_tᵀHu_t − uᵀHLu of the wave equation, L with its penalties."""
    grid, scheme = Grid(x=Uniform(0, 1, POINTS)), SBP(order)
    D2, H = Diff("x", 2, scheme=scheme), scheme.norm(grid["x"])
    stiffness = H[:, None] * D2.on(grid).subject_to(Dirichlet("boundary"), "sat").matrix.toarray()
    L, ends = Block([[0, Identity()], [D2, 0]]), Dirichlet("boundary", component=0)
    system = L.on(grid).subject_to(ends, impose="sat")
    problem = IVP(L, grid, ends, impose="sat")
    rng = np.random.default_rng(order)
    start = np.stack([rng.standard_normal(POINTS) / POINTS, rng.standard_normal(POINTS)])

    def energy(u: Array) -> float:
        return H @ u[1] ** 2 - u[0] @ stiffness @ u[0]

    return follow("waves", order, system, problem, energy, start, steps)


def one_sided(order: int, steps: int = 400) -> Run:
    """Follow advection with one-sided stencils at the ends and its condition eliminated."""
    grid = Grid(x=Uniform(0, 1, POINTS))
    L, inflow = -Diff("x", acc=order), Dirichlet("x-")
    system = L.on(grid).subject_to(inflow)
    problem = IVP(L, grid, inflow, closure="accurate")
    start = np.random.default_rng(order).standard_normal(POINTS)
    h = grid.weights()
    return follow("one-sided", order, system, problem, lambda u: h @ u**2, start, steps)


def draw(runs: list[Run]) -> None:
    """Draw the energies."""
    names = list(dict.fromkeys(run.name for run in runs))
    figure, axes = plt.subplots(1, len(names), figsize=(4 * len(names), 3.6), layout="constrained")
    for name, axis in zip(names, axes, strict=True):
        for run in runs:
            if run.name == name:
                axis.loglog(np.arange(1, len(run.energy) + 1), run.energy / run.energy[0],
                            f"C{run.order // 2 - 1}", label=f"order {run.order}")  # fmt: skip
        axis.set(title=name, xlabel="steps", ylabel="energy / energy at the start")
        low = {"advection": 1e-16, "one-sided": 1e-16}.get(name, 1e-3)
        axis.set_ylim(low, None if name == "one-sided" else 2)
        axis.legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=120)
    plt.close(figure)


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else STEPS
    runs = [make(order, steps) for make in (advection, ring, wave) for order in (2, 4, 6, 8)]
    runs += [one_sided(order) for order in (4, 6, 8)]
    print("               order   steps followed   largest growth in a step   energy at the end")
    for run in runs:
        followed, last = len(run.energy) - 1, run.energy[-1] / run.energy[0]
        print(f"{run.name:>14} {run.order:6d} {followed:16d} {run.growth:26.1e} {last:19.2e}")
    print(f"Fewer steps are followed where the energy has fallen below {LOST:.0e} of what it was:")
    print(
        "from there on it is lost in the smallest numbers that there are. One-sided runs are short."
    )
    draw(runs)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
