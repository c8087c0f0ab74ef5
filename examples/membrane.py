"""A membrane that is struck, and one that swings in a standing mode, by leapfrog.

    ∂²u/∂t² = c² ∇²u    on a rectangle,    u = 0 on its edges

Modes sin(mπx/a) sin(nπy/b) swing with ω = cπ √(m²/a² + n²/b²). On even spacing with fixed edges,
odd continuation keeps them eigenvectors, and a central difference of accuracy 2p turns the square
of a wave number k into the first p terms of a series for it,

    k_h² = 4/h² (s² + s⁴/3 + 8 s⁶/45 + …),    s = sin(kh/2),

so that ω_h < ω: differences in space are slow. Leapfrog with the step dt swings with
2/dt asin(ω_h dt/2) > ω_h: it is fast. At acc 2 one error cancels part of the other, and the longest
stable step is the best one. At acc 4 and 6 little is left of the error in space, and what the step
makes of it, four times less for half the step, is all there is.

Leapfrog is symplectic: the energy swings by a part of (ω dt)², but has no trend, and
½ v·(1 − dt²K/4) v + ½ u·K u, with K = −c²∇², is kept to roundoff.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from findops import EVP, IVP, Dirichlet, Grid, Laplacian, Uniform

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
Mode = tuple[int, int]
PICTURE = Path(__file__).parent / "output" / "membrane.png"
SPEED = 2.0
SIDES = 1.5, 1.0
EDGES = Dirichlet("boundary")
ACCURACIES = (2, 4, 6)
MODE = 3, 2
SHARES = (0.99, 0.5, 0.25, 0.125)
"""Steps, as parts of the longest stable one."""


@dataclass(frozen=True)
class Membrane:
    """A membrane of 3n/2 × n cells."""

    n: int
    acc: int

    @cached_property
    def grid(self) -> Grid:
        return Grid(x=Uniform(0, SIDES[0], 3 * self.n // 2 + 1), y=Uniform(0, SIDES[1], self.n + 1))

    @cached_property
    def motion(self) -> IVP:
        return IVP(SPEED**2 * Laplacian(acc=self.acc), self.grid, EDGES)

    @property
    def step_limit(self) -> float:
        """The longest stable step, 2 / max ω_h."""
        return float(2 / self.frequency((3 * self.n // 2 - 1, self.n - 1)))

    def mode(self, mode: Mode) -> Array:
        x, y = self.grid.mesh()
        (a, b), (m, n) = SIDES, mode
        return np.sin(m * np.pi * x / a) * np.sin(n * np.pi * y / b)

    def frequency(self, mode: Mode) -> float:
        """ω_h of a mode, by the series."""
        h = 1 / self.n
        k = np.pi * np.array(mode) / SIDES
        s2 = np.sin(k * h / 2) ** 2
        squares = sum(c * s2 ** (i + 1) for i, c in enumerate((1, 1 / 3, 8 / 45)[: self.acc // 2]))
        return float(SPEED * 2 / h * np.sqrt(np.sum(squares)))

    def frequencies(self, count: int) -> Array:
        """Return the lowest ω_h, by the eigenvalue problem."""
        problem = EVP(-(SPEED**2) * Laplacian(acc=self.acc), self.grid, EDGES)
        return np.sqrt(problem.solve(count).values)

    def measured(self, mode: Mode, dt: float, periods: int = 8) -> tuple[float, float]:
        """Return the frequency of a standing mode in time, and the step that was taken.

        A quarter of a period after some whole ones the mode passes zero; how far it is from there
        tells the frequency.
        """
        turns = 2 * np.pi * (periods + 0.25)
        time = turns / exact(mode)
        shape = self.mode(mode)
        found = self.motion.solve(
            shape,
            [0, time],
            "leapfrog",
            dt=dt,
            v0=np.zeros(shape.shape),
            store=lambda _, u: (u * shape).sum(),
        )
        phase = turns - np.arcsin(found.u[-1] / found.u[0])
        return float(phase / time), float(time / np.ceil(time / dt))

    def strike(self, times: Array, dt: float) -> tuple[Array, Array]:
        """Return the fields u and v at some times, after a blow at time zero."""
        found = self.motion.solve(
            np.zeros(self.grid.shape), times, "leapfrog", dt=dt, v0=blow(self.grid)
        )
        assert found.v is not None
        return found.u, found.v

    def energies(self, u: Array, v: Array, dt: float) -> tuple[Array, Array]:
        """Return the energy of fields over time, and what leapfrog keeps."""
        stiff = (SPEED**2 * Laplacian(acc=self.acc)).on(self.grid, closure="odd")
        pull, slow = (np.stack([-stiff(field) for field in fields]) for fields in (u, v))
        cell = 1 / self.n**2

        def product(left: Array, right: Array) -> Array:
            return (left * right).sum(axis=(1, 2)) * cell / 2

        energy = product(v, v) + product(u, pull)
        return energy, energy - dt**2 / 4 * product(v, slow)


def exact(mode: Mode) -> float:
    return float(SPEED * np.pi * np.hypot(*(np.array(mode) / SIDES)))


def dispersion(frequency: float, dt: float) -> float:
    """Frequency of leapfrog where the equation's is given."""
    return float(2 / dt * np.arcsin(frequency * dt / 2))


def lowest(count: int) -> list[Mode]:
    """Return the modes of the lowest frequencies."""
    return sorted(((m, n) for m in range(1, 13) for n in range(1, 13)), key=exact)[:count]


def blow(grid: Grid) -> Array:
    """Return the velocity that a soft mallet leaves."""
    x, y = grid.mesh()
    return np.exp(-((x - 0.5) ** 2 + (y - 0.4) ** 2) / 0.06**2)


def struck(grid: Grid, time: float) -> Array:
    """Return the exact field after the blow: every mode of it swings on its own."""
    u = np.zeros(grid.shape)
    modes = fft.dstn(blow(grid)[1:-1, 1:-1], type=1)
    m, n = (np.arange(1, size + 1) for size in modes.shape)
    w = SPEED * np.pi * np.hypot(m[:, None] / SIDES[0], n / SIDES[1])
    u[1:-1, 1:-1] = fft.idstn(modes * np.sin(w * time) / w, type=1)
    return u


def refused(membrane: Membrane, dt: float) -> str:
    """Return what is said to a step that is too long."""
    try:
        membrane.strike(np.array([0.0, 1.0]), dt)
    except ValueError as error:
        return str(error)
    raise AssertionError(f"dt={dt} was not refused")


def spectrum(n: int, count: int = 8) -> str:
    """Return a table of the lowest frequencies by EVP and their relative errors."""
    modes = lowest(count)
    lines = [f"{'mode':>8}{'exact':>12}" + "".join(f"{f'acc {acc}':>12}" for acc in ACCURACIES)]
    found = [Membrane(n, acc).frequencies(count) for acc in ACCURACIES]
    for i, mode in enumerate(modes):
        errors = "".join(f"{values[i] / exact(mode) - 1:12.1e}" for values in found)
        lines.append(f"{mode!s:>8}{exact(mode):12.6f}{errors}")
    return "\n".join(lines)


def steps(n: int, mode: Mode) -> tuple[str, dict[int, tuple[Array, Array]]]:
    """Return a table of the frequency over accuracy and step, and (steps, errors) of each."""
    lines = [f"{'acc':>5}{'dt / limit':>12}{'steps':>8}{'error':>12}{'from dispersion':>17}"]
    found = {}
    for acc in ACCURACIES:
        membrane = Membrane(n, acc)
        rows = []
        for share in SHARES:
            frequency, dt = membrane.measured(mode, share * membrane.step_limit)
            error = frequency / exact(mode) - 1
            known = dispersion(membrane.frequency(mode), dt)
            count = round(8.25 * 2 * np.pi / exact(mode) / dt)
            lines.append(
                f"{acc:>5}{dt / membrane.step_limit:>12.3f}{count:>8}{error:>12.1e}"
                f"{abs(frequency / known - 1):>17.0e}"
            )
            rows.append((dt, error))
        found[acc] = np.array(rows)[:, 0], np.array(rows)[:, 1]
    return "\n".join(lines), found


def drift(t: Array, energy: Array) -> tuple[float, float]:
    """Return how far the energy swings and what it gains from first to last, both relative.

    The gain is that of the straight line through the energies.
    """
    slope = np.polyfit(t, energy, 1)[0]
    mean = energy.mean()
    return float(np.ptp(energy) / 2 / mean), float(slope * (t[-1] - t[0]) / mean)


def picture(
    snapshots: tuple[Grid, Array, Array],
    found: dict[int, tuple[Array, Array]],
    balance: tuple[Array, Array, Array],
) -> None:
    figure, axes = plt.subplot_mosaic(
        "aabbccdd;eeeeffff", figsize=(15, 7), layout="constrained", height_ratios=(2, 3)
    )
    grid, times, fields = snapshots
    x, y = grid.mesh()
    size = np.abs(fields).max()
    for ax, time, u in zip((axes[name] for name in "abcd"), times, fields, strict=True):
        image = ax.pcolormesh(x, y, u, shading="gouraud", cmap="RdBu_r", vmin=-size, vmax=size)
        ax.set(title=f"Struck membrane, t = {time:.2f}", xlabel="x", ylabel="y", aspect=1)
    figure.colorbar(image, ax=axes["d"])

    errors, energy = axes["e"], axes["f"]
    for acc, (dt, error) in found.items():
        (line,) = errors.loglog(dt, np.abs(error), "-", label=f"acc {acc}", alpha=0.6)
        # Filled where the mode is too fast, open where it is too slow.
        for sign, style in ((1, "full"), (-1, "none")):
            here = np.sign(error) == sign
            errors.loglog(
                dt[here], np.abs(error[here]), "o", color=line.get_color(), fillstyle=style
            )
    errors.plot([], [], "ko", label="too fast")
    errors.plot([], [], "ko", fillstyle="none", label="too slow")
    errors.set(title=f"Error of the frequency of mode {MODE}, relative", xlabel="step")
    errors.set_xticks(ticks := [0.001, 0.002, 0.005, 0.01], [f"{tick:g}" for tick in ticks])
    errors.xaxis.set_minor_formatter("")
    errors.grid(which="both", alpha=0.2)
    errors.legend(loc="lower right", ncols=2)

    t, plain, kept = balance
    energy.plot(t, plain / kept[0] - 1, linewidth=0.8, label="energy")
    energy.plot(t, kept / kept[0] - 1, label="what leapfrog keeps")
    energy.set(title="Energy after the blow, relative", xlabel="t")
    energy.grid(alpha=0.2)
    energy.legend(loc="upper right")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    n = 40
    print(f"Frequencies by the eigenvalue problem, relative errors, {3 * n // 2} x {n} cells")
    print(spectrum(n), "\n")

    print(f"Mode {MODE} over 8 periods by leapfrog: relative error of its frequency")
    table, found = steps(n, MODE)
    print(table, "\n")

    membrane = Membrane(n, 6)
    limit = membrane.step_limit
    print(f"The longest stable step at acc 6 is {limit:.6g}. One of 1.001 times that:")
    print(refused(membrane, 1.001 * limit), "\n")

    print("After a blow: largest error at t = 1, relative to the field, and energy until t = 50")
    print(f"{'acc':>5}{'error':>12}{'swing':>12}{'gain':>12}{'swing of kept':>15}")
    t = np.linspace(0, 50, 2001)
    for acc in ACCURACIES:
        membrane = Membrane(n, acc)
        dt = 0.025 / np.ceil(0.025 / (0.25 * membrane.step_limit))
        u, v = membrane.strike(t, dt)
        energy, kept = membrane.energies(u, v, dt)
        reference = struck(membrane.grid, 1.0)
        error = np.abs(u[40] - reference).max() / np.abs(reference).max()
        swing, gain = drift(t, energy)
        print(f"{acc:>5}{error:>12.1e}{swing:>12.1e}{gain:>12.1e}{drift(t, kept)[0]:>15.0e}")

    fine = Membrane(96, 6)
    times = np.array([0.0, 0.08, 0.25, 0.5, 1.0])
    fields = fine.strike(times, 0.25 * fine.step_limit)[0][1:]
    picture((fine.grid, times[1:], fields), found, (t[:401], energy[:401], kept[:401]))
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
