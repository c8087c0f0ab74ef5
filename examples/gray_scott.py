"""Spots and stripes of two substances that react and spread: Gray and Scott's equations.

    ∂u/∂t = Du ∇²u − uv² + F (1 − u)
    ∂v/∂t = Dv ∇²v + uv² − (F + k) v    on a periodic square

The state u = 1, v = 0 is always at rest and stable. Where 4 (F + k)² < F there are two others,
u = (1 ± √(1 − 4 (F + k)²/F))/2 and v = F (1 − u)/(F + k). A small wave of wave number q on a state
of rest grows as the eigenvalues of J − q² diag(Du, Dv) say, J the Jacobian of the reaction. What is
measured meets them to 2e-10 with the q² of the grid, which is nearer to q² the higher acc is.

One function serves explicit methods; for "imex" the same equations are an expression, solved
implicitly, and the reaction. With Pearson's spacing RK4 is stable up to steps of 1.2, and longer
ones would not follow the reaction well: implicit steps cost more and gain nothing. They would pay
on a much finer grid, as the explicit limit falls with the square of the spacing.

Du, Dv and the spacing 2.5/256 are Pearson's (1993), of whose square this is a quarter. The start is
the usual one: u = 1, v = 0, but u = 1/2, v = 1/4 in a small square, with noise of one percent.
Letters are those that Munafo's extension of Pearson's classification gives to these F and k. λ:
spots divide until they fill the square, then come to rest. ε: spots divide, crowd each other out,
and never rest. κ: stripes grow longer and branch. δ: an array of holes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from findops import IVP, Block, Grid, Laplacian, Periodic

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "gray_scott.png"
DU, DV = 2e-5, 1e-5
SPACING = 2.5 / 256
METHODS: tuple[tuple[str, dict[str, float]], ...] = (
    ("RK45", {"rtol": 1e-3, "atol": 1e-5}),
    ("RK45", {"rtol": 1e-6, "atol": 1e-8}),
    ("rk4", {"dt": 1}),
    ("rk4", {"dt": 0.5}),
    ("imex", {"dt": 2}),
    ("imex", {"dt": 1}),
    ("imex", {"dt": 0.5}),
)


@dataclass(frozen=True)
class Growth:
    """Rates of a wave: growth and frequency as real and imaginary part."""

    q: float
    measured: complex
    on_grid: complex
    exact: complex


@dataclass(frozen=True)
class Reaction:
    """The equations at some rates of feeding and removal."""

    F: float
    k: float

    def converted(self, _: float, w: Array) -> Array:
        """Return what is neither diffusion nor linear decay."""
        u, v = w
        rate = u * v**2
        return np.stack([self.F - rate, rate])

    def motion(self, grid: Grid, acc: int) -> Callable[[float, Array], Array]:
        """Return the right-hand side, for fields (2, *grid)."""
        laplacian = Laplacian(acc=acc).on(grid)
        spread = np.array([DU, DV])[:, None, None]
        decay = np.array([self.F, self.F + self.k])[:, None, None]

        def f(t: float, w: Array) -> Array:
            return spread * laplacian(w) - decay * w + self.converted(t, w)

        return f

    def explicit(self, grid: Grid, acc: int = 4) -> IVP:
        return IVP(self.motion(grid, acc), grid)

    def split(self, grid: Grid, acc: int = 4) -> IVP:
        laplacian = Laplacian(acc=acc)
        linear = Block([[DU * laplacian - self.F, 0], [0, DV * laplacian - (self.F + self.k)]])
        return IVP(linear, grid, explicit=self.converted)

    def rest(self, sign: int = -1) -> Array:
        """Return a state of rest other than (1, 0), that of more v by default."""
        root = np.sqrt(1 - 4 * (self.F + self.k) ** 2 / self.F)
        u = (1 + sign * root) / 2
        return np.array([u, self.F * (1 - u) / (self.F + self.k)])

    def jacobian(self, state: Array, q2: float) -> Array:
        """Return what waves of squared wave number q² on a state follow."""
        u, v = state
        local = [[-(v**2) - self.F, -2 * u * v], [v**2, 2 * u * v - self.F - self.k]]
        return np.array(local) - q2 * np.diag([DU, DV])

    def leading(self, state: Array, q2: float) -> tuple[complex, Array, Array]:
        """Return the eigenvalue of the largest real part, its eigenvector, and its left one."""
        values, vectors = np.linalg.eig(self.jacobian(state, q2))
        first = np.lexsort((values.imag, values.real))[-1]
        return complex(values[first]), vectors[:, first], np.linalg.inv(vectors)[first]

    def grown(self, state: Array, waves: int, n: int, acc: int, time: float = 20) -> Growth:
        """Let a small wave grow on a state, and measure how fast it does."""
        grid = square(n)
        q = 2 * np.pi * waves / (n * SPACING)
        _, x = grid.mesh()
        wave = np.cos(q * x)
        q2 = -(Laplacian(acc=acc).on(grid)(wave) * wave).sum() / (wave**2).sum()
        value, right, left = self.leading(state, q2)
        start = state[:, None, None] + 1e-5 * right.real[:, None, None] * wave
        tight = {"rtol": 3e-14, "atol": 1e-16}
        found = self.explicit(grid, acc).solve(start, [0, time], "DOP853", **tight)
        shares = np.einsum("tcyx,yx->tc", found.u - state[:, None, None], wave) @ left
        measured = np.log(complex(shares[1] / shares[0])) / time
        return Growth(q, complex(measured), value, self.leading(state, q**2)[0])


@dataclass(frozen=True)
class Pattern:
    """A reaction, its class, and how long it is followed."""

    name: str
    reaction: Reaction
    times: tuple[float, ...]


PATTERNS = (
    Pattern("λ", Reaction(0.026, 0.061), (0, 1000, 3000, 10000)),
    Pattern("ε", Reaction(0.018, 0.055), (0, 1000, 2000, 4000)),
    Pattern("κ", Reaction(0.050, 0.063), (0, 2000, 4000, 8000)),
    Pattern("δ", Reaction(0.042, 0.059), (0, 500, 1000, 3000)),
)


def square(n: int) -> Grid:
    """Return a periodic square with Pearson's spacing."""
    return Grid(y=Periodic(0, n * SPACING, n), x=Periodic(0, n * SPACING, n))


def start(grid: Grid) -> Array:
    """Return (1, 0) and in the middle a square of 20 × 20 points with (1/2, 1/4), and noise."""
    middle = np.zeros(grid.shape, dtype=bool)
    i, j = (n // 2 for n in grid.shape)
    middle[i - 10 : i + 10, j - 10 : j + 10] = True
    noise = 1 + 0.01 * np.random.default_rng(1).standard_normal((2, *grid.shape))
    return np.stack([np.where(middle, 0.5, 1.0), np.where(middle, 0.25, 0.0)]) * noise


def areas(mask: NDArray[np.bool_]) -> int:
    """Count the connected areas of a periodic mask."""
    labels, count = ndimage.label(mask)
    seams = np.vstack([labels[[0, -1]].T, labels[:, [0, -1]]])
    i, j = seams[seams.all(axis=1)].T
    links = sparse.coo_array((np.ones(i.size), (i, j)), shape=(count + 1, count + 1))
    # Label 0 is what lies outside.
    return int(sparse.csgraph.connected_components(links, directed=False)[0]) - 1


def errors(
    reaction: Reaction, n: int, time: float, methods: tuple[tuple[str, dict[str, float]], ...]
) -> list[tuple[float, float]]:
    """Return how far each method is from a fine reference, and the seconds it took."""
    grid = square(n)
    first = start(grid)
    explicit, split = reaction.explicit(grid), reaction.split(grid)
    fine = explicit.solve(first, [0, time], "RK45", rtol=1e-10, atol=1e-12).u[-1]
    found = []
    for method, options in methods:
        problem = split if method == "imex" else explicit
        began = perf_counter()
        u = problem.solve(first, [0, time], method, **options).u[-1]
        found.append((float(np.abs(u - fine).max()), perf_counter() - began))
    return found


def rates(n: int, accuracies: tuple[int, ...]) -> str:
    """Return a table of measured and exact rates of waves on two states of rest."""
    reaction = Reaction(0.056, 0.062)
    heading = "".join(f"{f'acc {acc}':>11}" for acc in accuracies)
    lines = [f"{'state':>7}{'q':>7}{'exact rate':>23}{'from grid':>11}{heading}"]
    for name, state in (("(1, 0)", np.array([1.0, 0])), ("other", reaction.rest())):
        for waves in (1, 2, 3, 4, 5) if name == "other" else (2,):
            found = [reaction.grown(state, waves, n, acc) for acc in accuracies]
            met = max(abs(each.measured - each.on_grid) for each in found)
            off = "".join(f"{abs(each.measured - each.exact):11.0e}" for each in found)
            rate = found[0].exact
            lines.append(
                f"{name:>7}{found[0].q:7.1f}{rate.real:12.7f}{rate.imag:+10.7f}i{met:11.0e}{off}"
            )
    return "\n".join(lines)


def costs(reaction: Reaction, n: int, time: float) -> str:
    """Return a table of methods."""
    lines = [f"{'method':>8}{'':16}{'error':>10}{'seconds':>10}"]
    found = errors(reaction, n, time, METHODS)
    for (method, options), (error, seconds) in zip(METHODS, found, strict=True):
        name, value = next(iter(options.items()))
        lines.append(f"{method:>8}{f'{name}={value:g}':>16}{error:10.1e}{seconds:10.2f}")
    return "\n".join(lines)


def patterns(n: int) -> tuple[str, list[Array]]:
    """Return a table of what becomes of the start, and v at all times."""
    lines = [
        f"{'class':>7}{'F':>8}{'k':>8}{'t':>7}{'spots':>7}{'holes':>7}{'covered':>9}{'|∂v/∂t|':>10}"
    ]
    grid, fields = square(n), []
    for pattern in PATTERNS:
        reaction = pattern.reaction
        found = reaction.explicit(grid).solve(start(grid), pattern.times, "rk4", dt=1)
        f = reaction.motion(grid, 4)
        for t, w in zip(found.t[1:], found.u[1:], strict=True):
            much = w[1] > 0.2
            lines.append(
                f"{pattern.name:>7}{reaction.F:8.3f}{reaction.k:8.3f}{t:7.0f}{areas(much):7}"
                f"{areas(~much):7}{much.mean():9.2f}{np.abs(f(t, w)[1]).max():10.0e}"
            )
        fields.append(found.u[1:, 1])
    return "\n".join(lines), fields


def picture(fields: list[Array]) -> None:
    figure, axes = plt.subplots(3, len(fields), figsize=(13, 9.3), layout="constrained")
    for column, pattern, found in zip(axes.T, PATTERNS, fields, strict=True):
        reaction = pattern.reaction
        column[0].set_title(f"{pattern.name}:  F = {reaction.F:g},  k = {reaction.k:g}\n")
        for ax, t, v in zip(column, pattern.times[1:], found, strict=True):
            image = ax.imshow(v, cmap="magma", vmin=0, vmax=0.4, interpolation="bilinear")
            ax.text(
                0.03, 0.04, f"t = {t:g}", color="white", transform=ax.transAxes,
                bbox={"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 2},
            )  # fmt: skip
            ax.axis("off")
    figure.colorbar(image, ax=axes, shrink=0.5, label="v")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    print("Waves on states of rest, F = 0.056, k = 0.062: growth and frequency, and distances of")
    print("what is measured, from the eigenvalue with the grid's q² and from the exact one")
    print(rates(48, (2, 4, 6)), "\n")

    spots, n, time = PATTERNS[0].reaction, 64, 100
    print(f"Class λ on {n} x {n} points until t = {time}: distance from a fine solution")
    print(costs(spots, n, time), "\n")

    print("Patterns on 128 x 128 points: areas where v > 0.2 and where it is not")
    table, fields = patterns(128)
    print(table)
    picture(fields)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
