"""Derivatives of noisy data: how much better than np.gradient, told beforehand.

Weights w carry noise of standard deviation s over to an error of s·√Σw². Wide windows make the sum
small: fits through n points have an error of the first derivative that falls like n^(−3/2), and of
the second one like n^(−5/2). They also cut off what is sharp, which is seen on data without noise.
Both errors together, √(noise² + bias²), are what to expect, and what is found

* for the velocity and the acceleration of a mass on springs whose place was measured,
* for the charges that make a potential, its Laplacian in the plane.

``np.gradient`` has the noise of differences of neighbors, and its second derivative is its first
one twice. Laplacians whose second derivatives smooth along their own axis only, as those by
``Laplacian(scheme=…)``, gain less than those that smooth across it too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from findops import Diff, Filter, Gaussian, Grid, Laplacian, SavitzkyGolay, Uniform

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "noise.png"


@dataclass(frozen=True)
class Data:
    """A field, an exact derivative of it, and the noise with which it is measured."""

    grid: Grid
    values: Array
    exact: Array
    noise: float
    times: int
    """How often it is measured."""

    def measured(self) -> Array:
        """Return the values (times, *grid) as an instrument tells them."""
        noise = np.random.default_rng(0).normal(size=(self.times, *self.grid.shape))
        return np.asarray(self.values + self.noise * noise)

    def rms(self, error: Array) -> float:
        """Return the root of the mean square, away from the ends, where rows are others."""
        inside = (slice(n // 8, -(n // 8)) for n in self.grid.shape)
        return float(np.sqrt(np.mean(error[(..., *inside)] ** 2)))


@dataclass(frozen=True)
class Outcome:
    """What a method does to noise and to the field, and what comes of both."""

    gain: float
    """√Σw²."""
    bias: float
    """Its error without noise."""
    expected: float
    found: float

    @staticmethod
    def of(method: Callable[[Array], Array], data: Data) -> "Outcome":
        impulse = np.zeros(data.grid.shape)
        impulse[tuple(n // 2 for n in data.grid.shape)] = 1
        gain = float(np.linalg.norm(method(impulse)))
        bias = data.rms(method(data.values) - data.exact)
        found = data.rms(method(data.measured()) - data.exact)
        return Outcome(gain, bias, float(np.hypot(data.noise * gain, bias)), found)


MODES = ((1.0, 2 * np.pi * 1.1, 0.3), (0.4, 2 * np.pi * 2.9, 0.6))
"""Amplitudes (cm), angular frequencies and rates of decay (1/s) of the mass."""


def swing(n: int, order: int, noise: float = 0.01) -> Data:
    """Return the place of a mass at n times within 4 s, and its derivative."""
    grid = Grid(t=Uniform(0, 4, n))
    (t,) = grid.coordinates()
    values, exact = (
        sum(a * np.real((1j * w - d) ** k * np.exp((1j * w - d) * t)) for a, w, d in MODES)
        for k in (0, order)
    )
    return Data(grid, values, exact, noise, 200)


CHARGES = ((-0.4, -0.3, 0.25, 1.0), (0.35, 0.4, 0.2, -0.8), (0.5, -0.45, 0.15, 0.5))
"""Place, width and strength of clouds of charge."""


def plane(n: int, noise: float = 1e-3) -> Data:
    """Return a potential at n by n points, and its Laplacian."""
    grid = Grid(x=Uniform(-1, 1, n), y=Uniform(-1, 1, n))
    x, y = grid.coordinates()
    values, exact = np.zeros((2, n, n))
    for a, b, width, strength in CHARGES:
        far = ((x - a) ** 2 + (y - b) ** 2) / width**2
        cloud = strength * np.exp(-far / 2)
        values += cloud
        exact += cloud * (far - 2) / width**2
    return Data(grid, values, exact, noise, 2)


GOOD = "Gaussian(14), acc 4"
Methods = dict[str, Callable[[Array], Array]]


def line_methods(grid: Grid, order: int) -> Methods:
    """Return ways to take a derivative in one dimension."""
    (t,) = grid.coordinates()

    def numpys(u: Array) -> Array:
        for _ in range(order):
            u = np.gradient(u, t, axis=-1)
        return u

    return {
        "np.gradient": numpys,
        "Central, acc 2": Diff("t", order).on(grid),
        "Central, acc 6": Diff("t", order, acc=6).on(grid),
        "SavitzkyGolay(41, 3)": Diff("t", order, scheme=SavitzkyGolay(41, 3)).on(grid),
        "SavitzkyGolay(71, 5)": Diff("t", order, scheme=SavitzkyGolay(71, 5)).on(grid),
        "Gaussian(8)": Diff("t", order, scheme=Gaussian(8)).on(grid),
        GOOD: Diff("t", order, acc=4, scheme=Gaussian(14)).on(grid),
    }


def both_ways(scheme: SavitzkyGolay | Gaussian, acc: int | None = None) -> Laplacian:
    """Return the Laplacian whose second derivatives are smoothed across their axis too."""
    return sum(
        Diff(a, 2, acc, scheme) * Filter(b, scheme, acc) for a, b in (("x", "y"), ("y", "x"))
    )


def plane_methods(grid: Grid) -> Methods:
    """Return ways to take a Laplacian in the plane."""
    x, y = (np.ravel(c) for c in grid.coordinates())

    def numpys(u: Array) -> Array:
        ux, uy = np.gradient(u, x, y, axis=(-2, -1))
        return np.asarray(np.gradient(ux, x, axis=-2) + np.gradient(uy, y, axis=-1))

    return {
        "np.gradient": numpys,
        "Central, acc 2": Laplacian().on(grid),
        "SavitzkyGolay(17, 3) along": Laplacian(scheme=SavitzkyGolay(17, 3)).on(grid),
        "SavitzkyGolay(17, 3)": both_ways(SavitzkyGolay(17, 3)).on(grid),
        "Gaussian(3)": both_ways(Gaussian(3)).on(grid),
        "Gaussian(5), acc 4": both_ways(Gaussian(5), acc=4).on(grid),
    }


def outcomes(methods: Methods, data: Data) -> dict[str, Outcome]:
    """Return what comes of each method."""
    return {name: Outcome.of(method, data) for name, method in methods.items()}


def table(title: str, found: dict[str, Outcome]) -> str:
    """Return errors, and how many times smaller than np.gradient's, expected and found."""
    first = found["np.gradient"]
    lines = [
        f"{title:28}{'√Σw²':>10}{'bias':>10}{'expected':>10}{'found':>10}{'factor expected':>17}"
        f"{'found':>8}"
    ]
    for name, each in found.items():
        errors = "".join(f"{v:10.3g}" for v in (each.gain, each.bias, each.expected, each.found))
        factors = (first.expected / each.expected, first.found / each.found)
        lines.append(f"{name:28}{errors}{factors[0]:17.2f}{factors[1]:8.2f}")
    return "\n".join(lines)


def widths(data: Data, order: int, sigmas: Array) -> tuple[list[Outcome], list[Outcome]]:
    """Return what comes of Gaussians of many widths, at acc 2 and 4."""
    low, high = (
        [Outcome.of(Diff("t", order, acc, Gaussian(s)).on(data.grid), data) for s in sigmas]
        for acc in (2, 4)
    )
    return low, high


def picture(n: int, m: int) -> None:
    """Draw an acceleration, errors over widths, and Laplacians."""
    figure, axes = plt.subplots(2, 3, figsize=(15, 9), layout="constrained")
    data = swing(n, 2)
    methods, (t,) = line_methods(data.grid, 2), data.grid.coordinates()
    left = axes[0, 0]
    for name, color, label in (("np.gradient", "0.8", " (beyond the frame)"), (GOOD, "C0", "")):
        left.plot(t, methods[name](data.measured()[0]), color=color, label=name + label)
    left.plot(t, data.exact, "k--", lw=1, label="exact")
    top = 1.6 * np.abs(data.exact).max()
    left.set(title="Acceleration, cm/s²", xlabel="t, s", ylim=(-top, top))
    left.legend(loc="upper right")
    for ax, order, name in ((axes[0, 1], 1, "first"), (axes[0, 2], 2, "second")):
        draw_widths(ax, swing(n, order), order, f"Error of the {name} derivative")
    data = plane(m)
    methods = plane_methods(data.grid)
    high = float(np.abs(data.exact).max())
    shown = [(name, methods[name](data.measured()[0])) for name in ("np.gradient", "Gaussian(3)")]
    for ax, (title, values) in zip(axes[1], [*shown, ("exact", data.exact)], strict=True):
        image = ax.imshow(
            values.T, cmap="RdBu_r", vmin=-high, vmax=high, extent=(-1, 1, -1, 1), origin="lower"
        )
        ax.set(title=f"Laplacian: {title}", xlabel="x", ylabel="y")
    figure.colorbar(image, ax=axes[1], aspect=40, pad=0.01)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def draw_widths(ax: plt.Axes, data: Data, order: int, title: str) -> None:
    """Draw the expected and found errors of Gaussians over their widths."""
    sigmas = np.geomspace(0.7, 40, 22)
    for color, acc, found in zip(("C1", "C0"), (2, 4), widths(data, order, sigmas), strict=True):
        ax.loglog(
            sigmas, [o.expected for o in found], color, label=f"Gaussian, acc {acc}: expected"
        )
        ax.loglog(sigmas, [o.found for o in found], "o", color=color, ms=4, label="found")
        ax.loglog(sigmas, [o.bias for o in found], ":", color=color, label="without noise")
    numpys = Outcome.of(line_methods(data.grid, order)["np.gradient"], data)
    ax.axhline(numpys.found, color="0.4", label="np.gradient")
    ax.set(title=title, xlabel="σ, steps", ylabel="cm/s" + "²" * (order == 2))
    ax.set_ylim(numpys.found / 1e5, 3 * numpys.found)
    ax.legend(fontsize="x-small", ncols=2, loc="lower left")


def main() -> None:
    for order, title in ((1, "velocity"), (2, "acceleration")):
        data = swing(2001, order)
        print(table(title, outcomes(line_methods(data.grid, order), data)), end="\n\n")
    data = plane(257)
    print(table("Laplacian in the plane", outcomes(plane_methods(data.grid), data)))
    picture(2001, 257)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
