"""Conductivity from temperatures: an inverse problem, differentiated through the operators by JAX.

    ∂u/∂t = ∇·(k(x, y) ∇u)    on an insulated plate, from three hot spots, one after the other

Sensors measure temperatures with noise; unknown is k at each of 1600 points. The operators are
bound once and are applied to arrays of JAX: the derivative to the faces between cells, the
interpolation of k to the same faces, and the derivative back. JAX differentiates the misfit of all
time steps with respect to all of k at the price of a few solutions, and SciPy descends.

The data are made with a known conductivity, and what is found is compared with it. Measured
everywhere without noise, it comes back to a thousandth. Measured at 100 of the 1600 points, with
noise of a thousandth of the highest temperature, it comes back to three hundredths.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize

from findops import Cells, Diff, Grid, Interpolate

mpl.use("Agg")
import matplotlib.pyplot as plt

jax.config.update("jax_enable_x64", True)

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "conductivity.png"
SPOTS = ((0.2, 0.2), (0.8, 0.25), (0.5, 0.8))
DURATION, RECORDS = 0.06, 12


def true_conductivity(grid: Grid) -> Array:
    """Return a plate with a part that conducts twice as well, and one that conducts badly."""
    x, y = grid.mesh()
    good = np.exp(-((x - 0.3) ** 2 + (y - 0.65) ** 2) / 0.02)
    bad = (abs(x - 0.7) < 0.15) & (abs(y - 0.35) < 0.2)
    return gaussian_filter(1 + good - 0.6 * bad, len(x) / 48)


@dataclass(frozen=True)
class Plate:
    """An insulated plate of n × n cells, and where and how well temperatures are measured."""

    n: int
    every: int = 1
    noise: float = 0.0
    smoothing: float = 0.0

    @property
    def grid(self) -> Grid:
        return Grid(x=Cells(0, 1, self.n), y=Cells(0, 1, self.n))

    @property
    def sensors(self) -> slice:
        return slice(self.every // 2, None, self.every)

    def records(self):
        """Return the function from k to temperatures (record, spot, x, y)."""
        grid, ways = self.grid, []
        for axis in grid.names:
            # Insulated: temperatures go on evenly beyond the walls, so that no heat flows there.
            out = Diff(axis, to="half").on(grid, "even")
            at_faces = Interpolate(axis, "half").on(grid, "even")
            ways.append((out, at_faces, Diff(axis, to="node").on(grid.half(axis))))
        fastest = true_conductivity(grid).max()
        steps = int(np.ceil(DURATION / RECORDS * fastest * self.n**2 / 0.2))
        dt = DURATION / RECORDS / steps
        x, y = (jnp.asarray(c) for c in grid.coordinates())
        start = jnp.stack([jnp.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.01) for a, b in SPOTS])

        def step(k, u, _):
            return u + dt * sum(back(at(k) * out(u)) for out, at, back in ways), None

        @jax.checkpoint  # keeps the records, and repeats the steps between them for the gradient
        def until_record(k, u, _):
            u, _ = jax.lax.scan(partial(step, k), u, length=steps)
            return u, u

        return lambda k: jax.lax.scan(partial(until_record, k), start, length=RECORDS)[1]

    def misfit(self):
        """Return the function from log k to what descends: squared differences, and roughness."""
        # Differences between neighbors: wider ones would not see a checkerboard.
        slopes = [Diff(axis, to="half").on(self.grid, "even") for axis in self.grid.names]
        records = self.records()
        data = np.asarray(records(jnp.asarray(true_conductivity(self.grid))))
        error = self.noise * np.random.default_rng(0).standard_normal(data.shape)
        measured = (data + data.max() * error)[..., self.sensors, self.sensors]

        def misfit(log_k):
            found = records(jnp.exp(log_k))[..., self.sensors, self.sensors]
            roughness = sum(jnp.mean(slope(log_k) ** 2) for slope in slopes)
            return 1e4 * jnp.mean((found - measured) ** 2) + self.smoothing * roughness

        return misfit


def check_gradient(plate: Plate) -> float:
    """Return how far the gradient is from a central difference, relative to it."""
    misfit = jax.jit(plate.misfit())
    point, direction = np.random.default_rng(1).standard_normal((2, *plate.grid.shape)) / 10
    along = float((jax.grad(misfit)(jnp.asarray(point)) * direction).sum())
    h = 1e-4
    difference = float(misfit(point + h * direction) - misfit(point - h * direction)) / (2 * h)
    return abs(along / difference - 1)


def recover(plate: Plate, iterations: int) -> tuple[Array, list[float]]:
    """Return the conductivity that is found from k = 1, and its relative error as it goes."""
    shape, true = plate.grid.shape, true_conductivity(plate.grid)
    value_and_gradient = jax.jit(jax.value_and_grad(plate.misfit()))

    def fun(log_k: Array) -> tuple[float, Array]:
        value, gradient = value_and_gradient(log_k.reshape(shape))
        return float(value), np.asarray(gradient).ravel()

    def error(log_k: Array) -> float:
        return float(np.linalg.norm(np.exp(log_k) - true.ravel()) / np.linalg.norm(true))

    start = np.zeros(true.size)
    errors = [error(start)]
    found = minimize(
        fun, start, jac=True, method="L-BFGS-B", callback=lambda x: errors.append(error(x)),
        options={"maxiter": iterations, "maxcor": 30, "ftol": 1e-15, "gtol": 1e-12},
    )  # fmt: skip
    return np.exp(found.x).reshape(shape), errors


def picture(plate: Plate, found: Array, errors: dict[str, list[float]]) -> None:
    true = true_conductivity(plate.grid)
    x, y = plate.grid.mesh()
    figure, axes = plt.subplots(1, 4, figsize=(18, 4.2), layout="constrained")
    for ax, k, title in ((axes[0], true, "True conductivity"), (axes[1], found, "Found")):
        drawn = ax.pcolormesh(x, y, k, vmin=0.3, vmax=true.max(), cmap="viridis")
        ax.set(title=title, aspect=1, xlabel="x", ylabel="y")
    at = plate.sensors
    axes[0].plot(x[at, at].ravel(), y[at, at].ravel(), "k.", markersize=2, label="sensors")
    axes[0].plot(*zip(*SPOTS, strict=True), "o", color="C3", fillstyle="none", label="hot spots")
    axes[0].legend(loc="upper right", fontsize="small")
    figure.colorbar(drawn, ax=axes[1])
    off = np.abs(found - true).max()
    drawn = axes[2].pcolormesh(x, y, found - true, vmin=-off, vmax=off, cmap="RdBu_r")
    axes[2].set(title="Found − true", aspect=1, xlabel="x", ylabel="y")
    figure.colorbar(drawn, ax=axes[2])
    for name, values in errors.items():
        axes[3].semilogy(values, label=name)
    axes[3].set(title="Relative error of the conductivity", xlabel="iteration")
    axes[3].grid(alpha=0.2)
    axes[3].legend(fontsize="small")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    plates = {
        "everywhere, exact": (Plate(40), 100),
        "100 sensors, noise 0.1 %": (Plate(40, every=4, noise=1e-3, smoothing=1e-4), 40),
    }
    off = check_gradient(Plate(40))
    print(f"gradient: {off:.1e} from a central difference, relative to it")
    errors = {}
    for name, (plate, iterations) in plates.items():
        began = perf_counter()
        found, errors[name] = recover(plate, iterations)
        seconds = perf_counter() - began
        count, last = len(errors[name]) - 1, errors[name][-1]
        print(f"{name}: error {last:.4f} after {count} iterations, {seconds:.1f} s")
    picture(plate, found, errors)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
