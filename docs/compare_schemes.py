"""Compare every scheme of the package: makes the picture and the table of `docs/schemes.md`.

Run from the root of the repository: `python docs/compare_schemes.py`. A scheme is one line below.
"""

import sys
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import findops as fo
from findops.grids.axes import Axis
from findops.schemes import SPECTRAL, Scheme

HERE = Path(__file__).parent
PAGE, PICTURE = HERE / "schemes.md", HERE / "schemes.png"
START, STOP = "<!-- made by compare_schemes.py -->\n", "<!-- end -->"

COLORS = ("#1b6ca8", "#d1495b", "#3c8d53", "#8a5a9e", "#c77d0a", "#4a4a4a")
THETA = np.linspace(0, np.pi, 2001)[1:]
TOLERANCES = (1e-2, 1e-3)
ROUNDOFF = 1e-12
COLUMNS = 3
TIMED = (1024, 1024)
"""Lines and points of the field on which the cost is measured."""


def circle(n: int) -> Axis:
    """Return an axis without ends."""
    return fo.Periodic(0, 1, n)


def line(n: int) -> Axis:
    """Return an axis with ends."""
    return fo.Uniform(0, 1, n)


@dataclass(frozen=True)
class Entry:
    """A scheme for the first derivative."""

    label: str
    scheme: Scheme
    acc: int | None = None
    axis: Callable[[int], Axis] = circle
    """On what its cost is measured, given the number of points."""

    @property
    def accuracy(self) -> int:
        return self.scheme.claim(1, self.acc)

    @property
    def wavenumber(self) -> NDArray[np.complex128] | None:
        """Modified wavenumber κ at every θ, None where rows differ from point to point."""
        try:
            return np.asarray(self.scheme.modified_wavenumber(THETA, 1, self.acc), complex)
        except ValueError:
            return None

    @property
    def points(self) -> str:
        """Values that a row reads, and derivatives that it couples where the scheme is implicit."""
        if self.accuracy == SPECTRAL:
            return "all"
        row = self.scheme.stencil(1, self.accuracy)
        right, left = (sum(map(bool, w)) for w in (row.weights, row.left_weights))
        return f"{right}" + f" + {left}" * (left > 1)


FAMILIES: dict[str, list[Entry]] = {
    "Central": [Entry(f"Central {acc}", fo.Central(), acc) for acc in (2, 4, 6, 8, 10)],
    "One-sided and biased": [
        Entry("Backward 1", fo.Backward(), 1),
        Entry("Backward 2", fo.Backward(), 2),
        Entry("Biased(-1) 3", fo.Biased(-1), 3),
        Entry("Biased(-1) 5", fo.Biased(-1), 5),
    ],
    "Summation by parts": [
        Entry("SBP(4)", fo.SBP(4), axis=line),
        Entry("SBP(8)", fo.SBP(8), axis=line),
        Entry("UpwindSBP(3, '-')", fo.UpwindSBP(3, "-"), axis=line),
        Entry("UpwindSBP(5, '-')", fo.UpwindSBP(5, "-"), axis=line),
        Entry("UpwindSBP(9, '-')", fo.UpwindSBP(9, "-"), axis=line),
    ],
    "Optimized": [
        Entry("TamWebb()", fo.TamWebb()),
        Entry("TamWebb(1.1)", fo.TamWebb(1.1)),
        Entry("BogeyBailly(9)", fo.BogeyBailly(9)),
        Entry("BogeyBailly(11)", fo.BogeyBailly(11)),
        Entry("BogeyBailly(13)", fo.BogeyBailly(13)),
    ],
    "Compact and spectral": [
        Entry("Compact() 4", fo.Compact(), 4),
        Entry("Compact() 6", fo.Compact(), 6),
        Entry("Compact(2) 8", fo.Compact(2), 8),
        Entry("Compact(2) 10", fo.Compact(2), 10),
        Entry("Compact.spectral_like()", fo.Compact.spectral_like()),
        Entry("Fourier()", fo.Fourier()),
        Entry("Chebyshev()", fo.Chebyshev(), axis=lambda n: fo.ChebyshevPoints(0, 1, n)),
    ],
    "Splines and smoothing": [
        Entry("Spline(3)", fo.Spline(3)),
        Entry("Spline(5)", fo.Spline(5)),
        Entry("SavitzkyGolay(7, 4)", fo.SavitzkyGolay(7, 4)),
        Entry("SavitzkyGolay(11, 4)", fo.SavitzkyGolay(11, 4)),
        Entry("Gaussian(1) 2", fo.Gaussian(1), 2),
        Entry("Gaussian(1) 4", fo.Gaussian(1), 4),
    ],
}


def resolved(wavenumber: NDArray[np.complex128], tolerance: float) -> float:
    """Return the resolving efficiency: the largest θ/π up to which |κ − θ| ≤ tolerance·θ."""
    wrong = np.abs(wavenumber - THETA) > tolerance * THETA
    return float(THETA[int(np.argmax(wrong)) - 1] / np.pi) if wrong.any() else 1.0


def cost(entry: Entry) -> float:
    """Return nanoseconds per point of the derivative along the last axis, in one thread."""
    lines, n = TIMED
    grid = fo.Grid(y=fo.Periodic(0, 1, lines), x=entry.axis(n))
    op = fo.Diff("x", acc=entry.acc, scheme=entry.scheme).on(grid)
    u = np.random.default_rng(0).standard_normal(grid.shape)
    out = np.empty_like(u)
    op(u, out=out)
    return min(timeit.repeat(lambda: op(u, out=out), number=1, repeat=30)) / u.size * 1e9


def waves(kappa: NDArray[np.complex128] | None) -> str:
    """Return the cells of the table that tell of waves."""
    if kappa is None:
        return " – | – | – | – |"
    middle, last = np.searchsorted(THETA, np.pi / 2), -1
    damps = abs(kappa.imag).max() > ROUNDOFF
    efficiency = [f"{resolved(kappa, tolerance):.3f}" for tolerance in TOLERANCES]
    damping = [f"{-kappa[i].imag:.2f}" if damps else "0" for i in (middle, last)]
    return "".join(f" {cell} |" for cell in efficiency + damping)


def table() -> str:
    """Return the table in Markdown."""
    lines = [
        "| scheme | order | points read | θ/π to 1 % | θ/π to 0.1 % | damping at π/2 | at π "
        "| ns a point |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for family, entries in FAMILIES.items():
        lines.append(f"| **{family}** | | | | | | | |")
        for entry in entries:
            order = "spectral" if entry.accuracy == SPECTRAL else entry.accuracy
            first = f"| `{entry.label}` | {order} | {entry.points} |"
            lines.append(f"{first}{waves(entry.wavenumber)} {cost(entry):.2f} |")
    return "\n".join(lines) + "\n"


def draw() -> None:
    """Draw relative errors and, under them, modified wavenumbers: one pair for each family."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = -(-len(FAMILIES) // COLUMNS)
    figure = plt.figure(figsize=(4.6 * COLUMNS, 7.6 * rows), layout="constrained")
    grid = figure.add_gridspec(2 * rows, COLUMNS)
    x = THETA / np.pi
    for place, (family, entries) in enumerate(FAMILIES.items()):
        row, column = divmod(place, COLUMNS)
        above = figure.add_subplot(grid[2 * row, column])
        below = figure.add_subplot(grid[2 * row + 1, column])
        below.plot(x, x, color="black", linewidth=0.8)
        drawn = {entry.label: kappa for entry in entries if (kappa := entry.wavenumber) is not None}
        for i, ((label, kappa), color) in enumerate(zip(drawn.items(), COLORS, strict=False)):
            # Where a later curve coincides with it, its edges show.
            later = list(drawn.values())[i + 1 :]
            covered = any(np.allclose(kappa.real, other.real, atol=ROUNDOFF) for other in later)
            width, alpha = (6, 0.4) if covered else (1.5, 1)
            style = {"color": color, "linewidth": width, "alpha": alpha}
            above.semilogy(x, np.maximum(np.abs(kappa.real / THETA - 1), 1e-17), **style)
            below.plot(x, kappa.real / np.pi, **style)
            if abs(kappa.imag).max() > ROUNDOFF:
                below.plot(x, -kappa.imag / np.pi, "--", **style)
            below.text(0.03, 0.945 - 0.062 * i, label, color=color, fontsize=11,
                       transform=below.transAxes)  # fmt: skip
        for tolerance in TOLERANCES:
            above.axhline(tolerance, color="black", linewidth=0.6, linestyle=":")
        above.set(ylim=(1e-6, 3), xlim=(0, 1))
        above.set_title(family, fontsize=13)
        below.set(xlabel="θ/π", ylim=(-0.2, 1.5), xlim=(0, 1))
        for ax in (above, below):
            ax.grid(alpha=0.15)
        if not column:
            above.set_ylabel("dispersion |Re κ − θ|/θ")
            below.set_ylabel("Re κ/π (solid), damping −Im κ/π (dashed)")
    figure.savefig(PICTURE, dpi=75)
    plt.close(figure)


def main() -> None:
    """Write the table into the page, and draw."""
    fo.set_num_threads(1)
    page = PAGE.read_text()
    head, _, rest = page.partition(START)
    _, stop, tail = rest.partition(STOP)
    if not stop:
        sys.exit(f"{PAGE} needs the lines {START.strip()} and {STOP}")
    PAGE.write_text(head + START + table() + STOP + tail)
    draw()
    print(f"table: {PAGE}\npicture: {PICTURE}")


if __name__ == "__main__":
    main()
