"""A wave packet that travels twenty-four wavelengths, and the schemes that keep it in shape.

    u_t + u_x = 0 on a circle of length 1

Once around the circle the exact solution is where it began. A scheme carries a wave of θ = kh at
the speed κ(θ)/θ, with its modified wavenumber κ: waves on few points fall behind, and the packet
spreads into a tail of ripples. Symmetric stencils damp nothing: all of the error is dispersion.

High order makes κ/θ exact at θ = 0. Optimized stencils give up order for a κ that stays near θ over
a band. With the eleven points of Bogey and Bailly the error at five points a wavelength is a
thirtieth of that of the highest order on as many points. Seven points leave little to optimize: Tam
and Webb let κ be wrong by up to 1 %, which after twenty-four wavelengths is a quarter of one; with
their narrower band it is less. None of this is for waves that are resolved well: there order wins,
and the error of the others falls but slowly. Compact schemes solve equations along the line, and
are ahead of all explicit ones that read as many values.

Time is integrated so closely that none of its error shows. What the picture calls predicted is the
exact solution of the equations on the grid, from κ alone.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from findops import IVP, BogeyBailly, Central, Compact, Diff, Grid, Periodic, TamWebb
from findops.schemes import Scheme

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "dispersion.png"
WAVES, WIDTH = 24, 0.08
RESOLUTIONS = (4, 5, 6, 8, 10, 12, 16)
FINE = np.arange(4, 65)
ENOUGH = 0.05


@dataclass(frozen=True)
class Method:
    """A scheme for the derivative along the circle."""

    name: str
    scheme: Scheme
    acc: int | None
    color: str

    def derivative(self) -> Diff:
        return Diff("x", acc=self.acc, scheme=self.scheme)

    @property
    def points(self) -> str:
        """How many values a row reads, and how many derivatives it couples."""
        row = self.scheme.stencil(1, self.derivative().acc)
        values, derivatives = (sum(map(bool, w)) for w in (row.weights, row.left_weights))
        return f"{values} + {derivatives}" if derivatives > 1 else f"{values}"


METHODS = (
    Method("central 2", Central(), 2, "#bbbbbb"),
    Method("central 4", Central(), 4, "#888888"),
    Method("central 6", Central(), 6, "#222222"),
    Method("central 10", Central(), 10, "#1b6ca8"),
    Method("Tam-Webb, π/2", TamWebb(), None, "#e0a030"),
    Method("Tam-Webb, 1.1", TamWebb(1.1), None, "#a05a00"),
    Method("Bogey-Bailly 11", BogeyBailly(11), None, "#d1495b"),
    Method("compact 6", Compact(), 6, "#3c8d53"),
    Method("compact 10", Compact(2), 10, "#8a5a9e"),
)


def circle(resolution: int) -> Grid:
    """Circle with a number of points a wavelength."""
    return Grid(x=Periodic(0, 1, WAVES * resolution))


def packet(grid: Grid) -> Array:
    (x,) = grid.mesh()
    apart = x - 0.5
    return np.exp(-((apart / WIDTH) ** 2)) * np.cos(2 * np.pi * WAVES * apart)


def travel(method: Method, resolution: int) -> Array:
    """Packet after one time around."""
    grid = circle(resolution)
    motion = IVP(-method.derivative(), grid)
    found = motion.solve(packet(grid), [0, 1], "DOP853", rtol=1e-9, atol=1e-9)
    return found.u[-1]


def predict(method: Method, resolution: int) -> Array:
    """Packet after one time around, every wave exp(ikx) at its speed on the grid."""
    n = WAVES * resolution
    theta = 2 * np.pi * np.fft.rfftfreq(n)
    kappa = method.scheme.modified_wavenumber(theta, 1, method.acc)
    moved = np.fft.rfft(packet(circle(resolution))) * np.exp(-1j * kappa * n)
    return np.fft.irfft(moved, n)


def error(resolution: int, found: Array) -> float:
    """Error of the packet in the mean square, as part of the packet."""
    exact = packet(circle(resolution))
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def predicted(method: Method) -> Array:
    """Errors for all numbers of points a wavelength in `FINE`."""
    return np.array([error(r, predict(method, r)) for r in FINE.tolist()])


def measured(method: Method, resolutions: tuple[int, ...]) -> Array:
    return np.array([error(r, travel(method, r)) for r in resolutions])


def needed(method: Method) -> str:
    """Points a wavelength from which on the error is small enough."""
    bad = FINE[predicted(method) > ENOUGH]
    return str(bad[-1] + 1) if bad[-1] < FINE[-1] else f"> {FINE[-1]}"


def table(found: dict[Method, Array], resolutions: tuple[int, ...]) -> str:
    """Errors at several numbers of points a wavelength, and how many an error of 5 % takes."""
    lines = [f"{'':16}{'reads':>7}" + "".join(f"{r:>9}" for r in resolutions) + f"{'5 % from':>10}"]
    for method, errors in found.items():
        line = f"{method.name:16}{method.points:>7}" + "".join(f"{e:9.1e}" for e in errors)
        lines.append(line + f"{needed(method):>10}")
    return "\n".join(lines)


def picture(found: dict[Method, Array], resolution: int) -> None:
    figure = plt.figure(figsize=(15, 8), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.1, 1))
    panels = left.subplots(len(found), 1, sharex=True, sharey=True)
    grid = circle(resolution)
    (x,) = grid.mesh()
    for ax, method in zip(panels, found, strict=True):
        ax.plot(x, packet(grid), color="black", linewidth=0.7, alpha=0.4)
        ax.plot(x, travel(method, resolution), color=method.color, linewidth=1.2)
        ax.set(ylim=(-1.1, 1.1), yticks=[], xlim=(0, 1))
        ax.text(0.01, 0.8, method.name, color=method.color, transform=ax.transAxes)
    panels[0].set_title(
        f"After {WAVES} wavelengths, {resolution} points a wavelength (thin: exact)"
    )
    panels[-1].set_xlabel("x")

    ax = right.subplots()
    for method, errors in found.items():
        ax.loglog(FINE, predicted(method), color=method.color)
        ax.loglog(RESOLUTIONS, errors, "o", color=method.color, label=method.name)
    ax.axhline(ENOUGH, color="gray", linestyle=":", linewidth=0.8)
    ticks = (4, 5, 6, 8, 10, 12, 16, 24, 32)
    ax.set(title="Error of the packet (dots: measured, lines: predicted from κ)",
           xlabel="points a wavelength", xlim=(3.8, 32), ylim=(1e-5, 3))  # fmt: skip
    ax.set_xticks(ticks, map(str, ticks))
    ax.minorticks_off()
    ax.grid(alpha=0.2)
    ax.legend(loc="lower left")
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    found = {method: measured(method, RESOLUTIONS) for method in METHODS}
    print(f"error after {WAVES} wavelengths, by points a wavelength")
    print(table(found, RESOLUTIONS))
    picture(found, 5)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
