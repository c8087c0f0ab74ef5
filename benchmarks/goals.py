"""What is required, in terms of the cases."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.applying import BOUND, GRADIENT, GRADIENT_ALONG, GRADIENT_UNEVEN
from benchmarks.cases import CASES, PINNED, laplacian_title
from benchmarks.cold import COLD, WARM, WARM_SECOND
from benchmarks.contest import FRESH, INTO
from benchmarks.copying import COPY
from benchmarks.diffusing import BY_HAND, BY_IVP
from benchmarks.implicit import FINDOPS, RIVAL
from benchmarks.kinds import MASKED
from benchmarks.solving import FULL, ROUND_TRIP, RUGE_STUBEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.cases import Outcome
    from benchmarks.contest import Shape

__all__ = ["GOALS", "Goal", "Measure"]

UNITS = {"×": 1.0, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "%": 1.0}


class Measure(NamedTuple):
    """What is bounded, as it came out of a case, and the codes whose medians make it."""

    value: float
    codes: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True)
class Goal:
    """A bound on a median, or on the ratio of two, in each of some cases.

    Parameters
    ----------
    what : str
        What is bounded.
    at_most : float
        The bound.
    cases : sequence of str
        Titles of the cases.
    subject : str, optional
        Whose median it is; by default of the code that a case sets against the rival.
    rivals : sequence of str
        Whose median it is divided by: the best of those that a case has.
    unit : {"×", "µs", "ms", "s", "%"}
        Unit of the bound.
    """

    what: str
    at_most: float
    cases: Sequence[str]
    subject: str | None = None
    rivals: Sequence[str] = ()
    unit: str = "×"

    def measured(self, outcome: Outcome) -> Measure:
        """Return the value that the bound is for, from the outcome of a case."""
        if not self.rivals:
            assert self.subject
            value = outcome.samples[self.subject].median / UNITS[self.unit]
            return Measure(value, (self.subject,), outcome)
        pairs = [
            (self.subject or outcome.against[rival], rival)
            for rival in self.rivals
            if rival in outcome.samples
        ]
        measures = (Measure(outcome.ratio(*pair), pair, outcome) for pair in pairs)
        return max(measures, key=lambda measure: measure.value)


ACCURACIES = (2, 4, 8)
PEERS = ("JAX", "Devito", "py-pde", "py-pde, ghosts given")
"""Those whose best no operator may fall behind."""

CLOSED = (*((n, n) for n in (256, 512, 1024)), *((n, n, n) for n in (64, 96, 128)))
"""The grids on which operators with closures are set against C without."""
WAYS, WAY = 8, 4096
"""How many lines a first-level cache of 32 kB holds that lie a multiple of these bytes apart."""

LOOPS = (
    "acoustic leapfrog 192³",
    "RK4 advection–diffusion 192³, Horner",
    "RK4 advection–diffusion 192³, factors",
)


def _fights(shape: Shape, acc: int, dtype: str) -> bool:
    """Return whether a stencil's planes, in two dimensions its rows, put each other out."""
    return prod(shape[1:]) * np.dtype(dtype).itemsize % WAY == 0 and acc + 1 > WAYS


def _closed(pinned: bool, fights: bool) -> list[str]:
    """Return the titles of Laplacians that are set against C."""
    return [
        laplacian_title(shape, acc, dtype, pinned)
        for shape in CLOSED
        for dtype in ("float64", "float32")
        for acc in ACCURACIES
        if _fights(shape, acc, dtype) == fights
    ]


def _large(acc: int) -> list[str]:
    return [laplacian_title((256, 256, 256), acc, "float64")]


def _in_group(*groups: str) -> list[str]:
    return [case.title for case in CASES if case.group in groups]


def _cold(word: str) -> list[str]:
    return [title for title in _in_group("cold") if title.startswith(word)]


FIRST_CALLS = (
    Goal(
        "cold first call of the Laplacian, beyond import", 0.3, _cold("Laplacian"), COLD, unit="s"
    ),
    Goal("warm first call of the Laplacian", 0.1, _cold("Laplacian"), WARM, unit="s"),
    # Single calls are not timed more finely.
    Goal("warm second call beyond later ones", 1, _in_group("cold"), WARM_SECOND, unit="ms"),
    Goal("first `matrix()`, cold", 1, _cold("matrix"), COLD, unit="s"),
    Goal("first `Compact` sweep, cold", 1, _cold("compact"), COLD, unit="s"),
)

AGAINST_C = tuple(
    Goal(
        f"Laplacian acc 2, 4, 8 with closures, 256² to 128³, {threads}, against C without"
        + (f", where more than {WAYS} rows or planes fight for the cache" if fights else ""),
        1.3 if fights else 1.1,
        _closed(pinned, fights),
        INTO,
        ("C",),
    )
    for pinned, threads in ((False, "all threads"), (True, "one thread"))
    for fights in (False, True)
)

AGAINST_PEERS = tuple(
    Goal(f"{name}, against the best of JAX, Devito, py-pde", 1.0, _in_group(group), None, PEERS)
    for group, name in (
        ("laplacian", "Laplacian, every size"),
        (PINNED, "Laplacian on one thread, every size"),
        ("scaling", "Laplacian of cubes, 10³ to 464³"),
        ("derivatives", "other derivatives"),
        ("coefficients", "a·∇ + ∇·(k∇)"),
        ("vectors", "gradient, divergence, curl"),
        ("diffusion", "loops of diffusion"),
    )
)

AT_256 = (
    *(
        Goal(f"Laplacian 256³, acc {acc}, against Devito", 0.8, _large(acc), INTO, ("Devito",))
        for acc in ACCURACIES
    ),
    *(
        Goal(
            f"Laplacian 256³, acc {acc}, against a threaded copy", most, _large(acc), INTO, (COPY,)
        )
        for acc, most in zip(ACCURACIES, (1.15, 1.3, 2.4), strict=True)
    ),
    *(
        Goal(f"Laplacian 256³, acc {acc}, against findiff", 1 / n, _large(acc), FRESH, ("findiff",))
        for acc, n in zip(ACCURACIES, (25, 30, 35), strict=True)
    ),
    *(
        Goal(
            f"Laplacian 256³, acc {acc}, float32 against float64",
            0.6,
            [f"acc {acc}"],
            "float32",
            ["float64"],
        )
        for acc in ACCURACIES
    ),
    *(
        Goal(
            f"compact ∂/∂{axis} 256³, acc 6, against a threaded copy",
            4,
            [f"compact ∂/∂{axis} 256³, acc 6"],
            INTO,
            [COPY],
        )
        for axis in "xyz"
    ),
    Goal("a·∇ + ∇·(k∇) 256³, against Devito", 1.0, ["a·∇ + ∇·(k∇) 256³"], INTO, ["Devito"]),
    Goal("uneven against even, acc 4", 1.7, ["Laplacian 256³, acc 4"], "uneven", ["even"]),
    *(
        Goal(
            f"`op.T(u)` against `op(u)`, Laplacian 256³, acc {acc}",
            1.3,
            [f"op.T 256³, acc {acc}"],
            "op.T(u)",
            ["op(u)"],
        )
        for acc in ACCURACIES
    ),
)

STEPPING = (
    Goal("loops of 100 steps, against Devito's", 0.9, LOOPS, "findops", ["Devito"]),
    Goal(
        "IVP's fixed steps, against the loop by hand",
        1.3,
        _in_group("diffusion"),
        BY_IVP,
        [BY_HAND],
    ),
)

SMALL = (
    Goal(
        "bound first derivative on 100 points, against `np.gradient(f, h)`",
        0.25,
        ["d/dx, 100 points"],
        FRESH,
        [GRADIENT],
    ),
    Goal(
        "bound Laplacian on 64², against `np.gradient(f, h, axis=0)`",
        0.3,
        ["Laplacian 64²"],
        FRESH,
        [GRADIENT_ALONG],
    ),
    Goal(
        "bind and apply at 10⁶ new coordinates, against `np.gradient(f, x)`",
        3,
        ["d/dx, 10⁶ new coordinates"],
        BOUND,
        [GRADIENT_UNEVEN],
    ),
    Goal("the same at 50", 0.3, ["d/dx, 50 new coordinates"], BOUND, unit="ms"),
    Goal("trailing axes, against `np.gradient`", 1.0, _in_group("trailing"), FRESH, ["NumPy"]),
    Goal(
        "masked, 10 % random holes, against unmasked",
        4,
        [title for title in _in_group("kinds") if title.startswith("10 % random holes")],
        MASKED,
        [INTO],
    ),
)

REPLACING = (
    Goal("`op.replace(c=…)`", 100, ["64²", "128³"], "replace", unit="µs"),
    Goal(
        "`op.matrix()` after `op.replace(c=…)`, 128³, against assembling anew",
        0.3,
        ["128³"],
        "replace, matrix",
        ["on, matrix"],
    ),
)

MEMORY = (
    Goal(
        "peak memory of a call beyond input and output",
        5,
        [title for title in _in_group("memory") if title.endswith("call")],
        "findops",
        unit="%",
    ),
    Goal(
        "peak memory of assembly beyond the matrix",
        10,
        [title for title in _in_group("memory") if title.endswith("assembly")],
        "findops",
        unit="%",
    ),
)

ASSEMBLY = (
    Goal(
        "assembly 128³, acc 2, against `pyamg.gallery.poisson`",
        1.0,
        ["128³, acc 2, zeros outside"],
        "findops",
        ["PyAMG"],
    ),
    Goal(
        "assembly 128³, acc 8, against a sum of `scipy.sparse.kron`",
        1 / 20,
        ["128³, acc 8"],
        "findops",
        ["sum of scipy.sparse.kron"],
    ),
)

SOLVING = (
    *(
        Goal(f"{case}, against a round trip of `scipy.fft.dstn`", most, [case], FULL, [ROUND_TRIP])
        for case, most in (
            ("∇²u = f 256³, acc 2, Dirichlet", 2.5),
            ("∇²u = f 256³, acc 2, Neumann", 2.5),
            ("∇²u = f 256³, acc 6, Dirichlet", 5),
            ("∇²u = f 256³, acc 2, Dirichlet, uneven", 5),
        )
    ),
    Goal(
        "∇·(k∇u) = f 128³, k varying by 100, to 1e-8, against PyAMG's Ruge–Stüben",
        0.5,
        ["∇·(k∇u) = f 128³"],
        FULL,
        [RUGE_STUBEN],
    ),
)

IMPLICIT = (
    Goal(
        "start-up of explicit steps and one step, against twenty bare ones",
        1.0,
        [title for title in _in_group("implicit") if title.startswith("rk4")],
        FINDOPS,
        [RIVAL],
    ),
    Goal(
        "six least eigenvalues 256², against SciPy's `eigsh` on the same matrix",
        1.0,
        ["six least eigenvalues 256² / eigsh"],
        FINDOPS,
        [RIVAL],
    ),
    Goal(
        "Cahn–Hilliard by Radau, against SciPy's `solve_ivp` with findops' Jacobian",
        1.5,
        ["Cahn–Hilliard 32² by Radau / solve_ivp with IVP.jac"],
        FINDOPS,
        [RIVAL],
    ),
)

GOALS = (
    *FIRST_CALLS,
    *AGAINST_C,
    *AGAINST_PEERS,
    *AT_256,
    *STEPPING,
    *SMALL,
    *REPLACING,
    *MEMORY,
    *ASSEMBLY,
    *SOLVING,
    *IMPLICIT,
)
