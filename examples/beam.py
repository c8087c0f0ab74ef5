"""Bending of beams: a fourth derivative, with two conditions at each end.

    (EI w'')'' = q               static deflection under a load
    (EI w'')'' = ρA ω² w         natural frequencies, ω = (βL)² √(EI / ρAL⁴) if EI is constant

A clamped end gives value and slope, a supported one value and moment EI w'', a free one moment and
shear (EI w'')'. The length, the load, and EI and ρA (at the clamped end) are 1.

What is learned:

* Under a uniform load the deflection is a polynomial of degree four, which acc 4 meets to roundoff.
* A fourth derivative costs roundoff like 1/h⁴: few points and a high acc reach what many points
  never do.
* At supported ends odd continuation is what the conditions say. The default takes it; the problem
  is symmetric then, and from acc 4 on the errors are smaller. At clamped ends neither odd nor even
  continuation is true: asked for, they leave errors of order one and two at every acc.
* Where EI varies it stands where it is written, ∂²·EI·∂², in the operator and in the conditions.
  For a beam that gets thinner towards its free end, bending has a formula and the frequencies are
  roots of Bessel functions (Kirchhoff, 1879).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import iv, jv, kv, yv

from findops import BVP, EVP, Condition, Diff, Dirichlet, Grid, Neumann, Uniform

mpl.use("Agg")
import matplotlib.pyplot as plt

Array = NDArray[np.float64]
PICTURE = Path(__file__).parent / "output" / "beam.png"
ACCURACIES = (2, 4, 6, 8)
SIZES = (21, 31, 41, 61, 81, 121, 161, 241)


@dataclass(frozen=True)
class Beam:
    """A uniform beam: its two ends, the exact deflection under q = 1, and βL of its modes."""

    ends: tuple[str, str]
    deflection: Callable[[Array], Array]
    beta: tuple[float, float, float]


BEAMS = {
    "clamped": Beam(
        ("clamped", "clamped"),
        lambda x: x**2 * (1 - x) ** 2 / 24,
        (4.730040744862704, 7.853204624095838, 10.995607838001671),
    ),
    "cantilever": Beam(
        ("clamped", "free"),
        lambda x: x**2 * (x**2 - 4 * x + 6) / 24,
        (1.875104068711961, 4.694091132974174, 7.854757438237613),
    ),
    "propped": Beam(
        ("clamped", "supported"),
        lambda x: x**2 * (1 - x) * (3 - 2 * x) / 48,
        (3.926602312047919, 7.068582745628732, 10.210176122813031),
    ),
    "supported": Beam(
        ("supported", "supported"),
        lambda x: x * (1 - 2 * x**2 + x**3) / 24,
        (np.pi, 2 * np.pi, 3 * np.pi),
    ),
}


def stiffness(x: Array) -> Array:
    """EI of a beam whose depth falls from 1 to 1/2."""
    return (1 - x / 2) ** 3


def end(kind: str, face: str, acc: int, bending: object = 1) -> list[Condition]:
    """Return the two conditions of an end."""
    curvature = Diff("x", 2, acc=acc)
    moment = Condition(face, curvature)
    return {
        "clamped": [Dirichlet(face), Neumann(face)],
        "supported": [Dirichlet(face), moment],
        "free": [moment, Condition(face, Diff("x", acc=acc) * bending * curvature)],
    }[kind]


def both_ends(beam: Beam, acc: int) -> list[Condition]:
    return [*end(beam.ends[0], "x-", acc), *end(beam.ends[1], "x+", acc)]


def bend(beam: Beam, n: int, acc: int) -> Array:
    """Return the deflection of a uniform beam under q = 1 at n points."""
    grid = Grid(x=Uniform(0, 1, n))
    return BVP(Diff("x", 4, acc=acc), grid, both_ends(beam, acc)).solve(1).u


def ring(beam: Beam, n: int, acc: int, closure: str | None = None) -> tuple[Array, bool]:
    """Return βL of the first three modes, and whether the problem is symmetric."""
    grid = Grid(x=Uniform(0, 1, n))
    problem = EVP(Diff("x", 4, acc=acc), grid, both_ends(beam, acc), closure=closure)
    return problem.solve(3).values ** 0.25, problem.system.symmetric


def tapered(n: int, acc: int) -> tuple[Array, Array]:
    """Return the deflection of the tapered cantilever under q = 1, and its first three ω."""
    grid = Grid(x=Uniform(0, 1, n))
    curvature = Diff("x", 2, acc=acc)
    L = curvature * stiffness * curvature
    ends = [*end("clamped", "x-", acc), *end("free", "x+", acc, stiffness)]
    modes = EVP(L, grid, ends, M=lambda x: 1 - x / 2).solve(3)
    return BVP(L, grid, ends).solve(1).u, np.sqrt(modes.values)


def tapered_deflection(x: Array) -> Array:
    """Integrate w'' = (1 − x)² / (2 EI) twice, s being the depth."""
    s = 1 - x / 2
    return 8 * (s + 1) * np.log(s) - 15 * s + 1 / s + 14


def tapered_frequencies() -> Array:
    """Return the first three ω of the tapered cantilever.

    Modes are w = Z₁(2√(μs)) / √s, Z being any of J, Y, I, K, s the depth and ω = μ/4.
    """
    Z = (jv, yv, iv, kv)

    def determinant(omega: float) -> float:
        root, tip = 2 * np.sqrt(4 * omega), 2 * np.sqrt(4 * omega * 0.5)
        slope, shear = (-1, -1, 1, -1), (1, 1, 1, -1)
        rows = [
            [f(1, root) for f in Z],
            [sign * f(2, root) for sign, f in zip(slope, Z, strict=True)],
            [f(3, tip) for f in Z],
            [sign * f(2, tip) for sign, f in zip(shear, Z, strict=True)],
        ]
        return float(np.linalg.det(np.array(rows)))

    brackets = ((2, 6), (15, 22), (42, 52))
    return np.array([brentq(determinant, *between, xtol=1e-13) for between in brackets])


def bending_error(beam: Beam, n: int, acc: int) -> float:
    """Return the largest error, relative to the largest deflection."""
    exact = beam.deflection(np.linspace(0, 1, n))
    return float(np.abs(bend(beam, n, acc) - exact).max() / exact.max())


def ringing_error(beam: Beam, n: int, acc: int, closure: str | None = None) -> Array:
    """Return the relative error of each βL."""
    return np.abs(ring(beam, n, acc, closure)[0] / beam.beta - 1)


def bending_table(n: int) -> str:
    lines = [f"{'beam':>12}{'largest w':>12}" + "".join(f"{f'acc {acc}':>10}" for acc in (2, 4))]
    for name, beam in BEAMS.items():
        largest = beam.deflection(np.linspace(0, 1, 2001)).max()
        errors = (bending_error(beam, n, acc) for acc in (2, 4))
        lines.append(f"{name:>12}{largest:12.6f}" + "".join(f"{e:10.1e}" for e in errors))
    return "\n".join(lines)


def ringing_table(n: int) -> str:
    lines = [
        f"{'beam':>12}" + "".join(f"{f'acc {acc}: β1 L':>16}{'β3 L':>9}" for acc in ACCURACIES)
    ]
    for name, beam in BEAMS.items():
        errors = [ringing_error(beam, n, acc) for acc in ACCURACIES]
        lines.append(f"{name:>12}" + "".join(f"{e[0]:16.1e}{e[2]:9.1e}" for e in errors))
    return "\n".join(lines)


def closure_table(n: int, acc: int) -> str:
    lines = [f"{'beam':>12}{'closure':>12}{'symmetric':>11}{'β1 L':>11}{'β2 L':>9}{'β3 L':>9}"]
    for name in ("clamped", "supported"):
        for closure in (None, "accurate", "odd", "even"):
            symmetric = ring(BEAMS[name], n, acc, closure)[1]
            errors = ringing_error(BEAMS[name], n, acc, closure)
            line = f"{name:>12}{closure or 'default':>12}{'yes' if symmetric else 'no':>11}  "
            lines.append(line + "".join(f"{e:9.1e}" for e in errors))
    return "\n".join(lines)


def tapered_table(n: int) -> str:
    (tip,), omega = tapered_deflection(np.ones(1)), tapered_frequencies()
    lines = [f"{'':>12}{'w at tip':>16}" + "".join(f"{f'ω{i}':>16}" for i in (1, 2, 3))]
    lines.append(f"{'exact':>12}" + "".join(f"{v:16.10f}" for v in (tip, *omega)))
    for acc in ACCURACIES:
        w, found = tapered(n, acc)
        lines.append(f"{f'acc {acc}':>12}" + "".join(f"{v:16.10f}" for v in (w[-1], *found)))
    return "\n".join(lines)


def picture(n: int, sizes: tuple[int, ...]) -> None:
    figure, axes = plt.subplots(2, 2, figsize=(13, 9.5), layout="constrained")
    bending, modes, refined, closures = axes.flat
    grid = Grid(x=Uniform(0, 1, n))
    (x,) = grid.mesh()
    for name, beam in BEAMS.items():
        w, exact = bend(beam, n, 4), beam.deflection(x)
        (line,) = bending.plot(x, exact / exact.max(), label=f"{name}: {exact.max():.5f}")
        bending.plot(x[::4], w[::4] / exact.max(), "o", color=line.get_color(), markersize=4)
    w, exact = tapered(n, 6)[0], tapered_deflection(x)
    bending.plot(x, exact / exact.max(), "k--", label=f"tapered: {exact.max():.5f}")
    bending.plot(x[::4], w[::4] / exact.max(), "ko", markersize=4, fillstyle="none")
    bending.set_ylim(1.05, -0.62)
    bending.set_yticks(np.linspace(0, 1, 6))
    bending.set(title="Deflection under q = 1, relative to the largest (lines: exact)", xlabel="x")
    bending.legend(title="largest w", loc="upper center", bbox_to_anchor=(0.5, 1))

    clamped = BEAMS["clamped"]
    found = EVP(Diff("x", 4, acc=6), grid, both_ends(clamped, 6)).solve(3)
    for i, (value, mode) in enumerate(zip(found.values, found.vectors, strict=True)):
        signed = mode * np.sign(mode[1])
        modes.plot(x, signed / np.abs(mode).max() - 2.2 * i, label=f"βL = {value**0.25:.6f}")
        modes.axhline(-2.2 * i, color="gray", linewidth=0.6)
    modes.set(title=f"Modes of the clamped beam, {n} points, acc 6", xlabel="x", yticks=[])
    modes.legend(loc="upper center", ncols=3)
    modes.set_ylim(-5.6, 2.2)

    for acc in ACCURACIES:
        errors = [ringing_error(clamped, size, acc)[0] for size in sizes]
        refined.loglog(sizes, errors, "o-", markersize=4, label=f"acc {acc}")
    refined.loglog(
        sizes, 1e-18 * np.array(sizes, float) ** 4, "k:", label="roundoff, like 1/h⁴", linewidth=1
    )
    refined.set(title="Clamped: relative error of β1 L", xlabel="points", ylim=(1e-12, 1))
    refined.set_xticks(sizes, [str(size) for size in sizes])
    refined.minorticks_off()

    supported = BEAMS["supported"]
    styles = ((None, "o-", "default: odd, symmetric"), ("accurate", "s--", "accurate"))
    for color, acc in (("C0", 2), ("C1", 4), ("C2", 6)):
        for closure, style, name in styles:
            errors = [ringing_error(supported, size, acc, closure)[2] for size in sizes[:6]]
            closures.loglog(
                sizes[:6], errors, style, color=color, markersize=4, label=f"acc {acc}, {name}"
            )
    closures.set(title="Supported: relative error of β3 L", xlabel="points")
    closures.set_xticks(sizes[:6], [str(size) for size in sizes[:6]])
    closures.minorticks_off()
    refined.legend(ncols=3, loc="upper right", fontsize=9)
    closures.legend(fontsize=9)
    for ax in axes.flat:
        ax.grid(alpha=0.2)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    n = 41
    print(f"Uniform load, {n} points: largest error over the largest deflection")
    print(bending_table(n))
    print(f"\nNatural frequencies, {n} points: relative error of βL")
    print(ringing_table(n))
    print(f"\nWhich closure pays, {n} points, acc 6: relative error of βL")
    print(closure_table(n, 6))
    print(f"\nTapered cantilever, {n} points")
    print(tapered_table(n))
    picture(n, SIZES)
    print(f"picture: {PICTURE}")


if __name__ == "__main__":
    main()
