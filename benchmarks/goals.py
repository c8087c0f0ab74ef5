"""What is required, in terms of the cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.contest import FRESH, INTO
from benchmarks.copying import COPY
from benchmarks.solving import FULL, ROUND_TRIP, RUGE_STUBEN

if TYPE_CHECKING:
    from benchmarks.cases import Outcome

__all__ = ["GOALS", "Goal"]

UNITS = {"×": 1.0, "µs": 1e-6, "s": 1.0, "%": 1.0}


@dataclass(frozen=True)
class Goal:
    """A bound on a median, or on the ratio of two.

    Parameters
    ----------
    what : str
        What is bounded.
    at_most : float
        The bound.
    case : str
        Title of the case.
    subject : str
        Whose median it is.
    rival : str, optional
        Whose median it is divided by.
    unit : {"×", "µs", "s", "%"}
        Unit of the bound.
    """

    what: str
    at_most: float
    case: str
    subject: str
    rival: str | None = None
    unit: str = "×"

    def measured(self, outcome: Outcome) -> float:
        """Return the value that the bound is for, from the outcome of the case."""
        if self.rival:
            return outcome.ratio(self.subject, self.rival)
        return outcome.samples[self.subject].median / UNITS[self.unit]


def _laplacian(acc: int) -> str:
    return f"Laplacian 256³, acc {acc}, float64"


ACCURACIES = (2, 4, 8)
GRADIENT = "np.gradient(u, h, axis=0)"
LOOPS = (
    "acoustic leapfrog 192³",
    "RK4 advection–diffusion 192³, Horner",
    "RK4 advection–diffusion 192³, factors",
)

GOALS = (
    *(
        Goal(f"{_laplacian(acc)}, against Devito", 1.0, _laplacian(acc), INTO, "Devito")
        for acc in ACCURACIES
    ),
    *(
        Goal(f"{_laplacian(acc)}, against a threaded copy", bound, _laplacian(acc), INTO, COPY)
        for acc, bound in zip(ACCURACIES, (1.4, 1.7, 2.7), strict=True)
    ),
    *(
        Goal(f"{_laplacian(acc)}, against findiff", 1 / bound, _laplacian(acc), FRESH, "findiff")
        for acc, bound in zip(ACCURACIES, (25, 30, 35), strict=True)
    ),
    *(
        Goal(
            f"Laplacian 256³, acc {acc}, float32 against float64",
            0.6,
            f"acc {acc}",
            "float32",
            "float64",
        )
        for acc in ACCURACIES
    ),
    *(
        Goal(
            f"compact ∂/∂{axis} 256³, acc 6, against a threaded copy",
            4,
            f"compact ∂/∂{axis} 256³, acc 6",
            INTO,
            COPY,
        )
        for axis in "xyz"
    ),
    Goal(
        "variable-coefficient advection–diffusion 256³, against Devito",
        1.2,
        "a·∇ + ∇·(k∇) 256³",
        INTO,
        "Devito",
    ),
    Goal(
        "non-uniform Laplacian against uniform, acc 4",
        1.5,
        "Laplacian 256³, acc 4",
        "uneven",
        "even",
    ),
    *(
        Goal(
            f"{case}, 100 steps, against Devito's",
            1.0,
            case,
            "findops",
            "Devito",
        )
        for case in LOOPS
    ),
    *(
        Goal(
            f"`op.T(u)` against `op(u)`, Laplacian 256³, acc {acc}",
            1.3,
            f"op.T 256³, acc {acc}",
            "op.T(u)",
            "op(u)",
        )
        for acc in ACCURACIES
    ),
    Goal("`op.replace(c=…)`, 64²", 100, "64²", "replace", unit="µs"),
    Goal("`op.replace(c=…)`, 128³", 100, "128³", "replace", unit="µs"),
    Goal(
        "`op.matrix()` after `op.replace(c=…)`, 128³, against assembling anew",
        0.3,
        "128³",
        "replace, matrix",
        "on, matrix",
    ),
    *(
        Goal(
            f"peak memory of a call beyond input and output, {case}",
            5,
            f"{case}: call",
            "findops",
            unit="%",
        )
        for case in ("Laplacian 256³, acc 2", "Laplacian 256³, acc 8", "a·∇ + ∇·(k∇) 256³")
    ),
    Goal(
        "bound Laplacian on 64², against `np.gradient(f, h, axis=0)`",
        0.5,
        "Laplacian 64²",
        FRESH,
        GRADIENT,
    ),
    Goal(
        "bound first derivative on 100 points, against `np.gradient(f, h)`",
        0.4,
        "d/dx, 100 points",
        FRESH,
        GRADIENT,
    ),
    Goal(
        "assembly 128³, acc 2, against `pyamg.gallery.poisson`",
        1.0,
        "128³, acc 2, zeros outside",
        "findops",
        "PyAMG",
    ),
    Goal(
        "assembly 128³, acc 8, against a sum of `scipy.sparse.kron`",
        1 / 20,
        "128³, acc 8",
        "findops",
        "sum of scipy.sparse.kron",
    ),
    *(
        Goal(
            f"peak memory of assembly beyond the matrix, Laplacian 128³, acc {acc}",
            10,
            f"Laplacian 128³, acc {acc}: assembly",
            "findops",
            unit="%",
        )
        for acc in (2, 8)
    ),
    *(
        Goal(f"{case}, against a round trip of `scipy.fft.dstn`", bound, case, FULL, ROUND_TRIP)
        for case, bound in (
            ("∇²u = f 256³, acc 2, Dirichlet", 2.5),
            ("∇²u = f 256³, acc 2, Neumann", 2.5),
            ("∇²u = f 256³, acc 6, Dirichlet", 5),
            ("∇²u = f 256³, acc 2, Dirichlet, uneven", 5),
        )
    ),
    Goal(
        "∇·(k∇u) = f 128³, k varying by 100, to 1e-8, against PyAMG's Ruge–Stüben",
        0.5,
        "∇·(k∇u) = f 128³",
        FULL,
        RUGE_STUBEN,
    ),
    *(
        Goal(
            f"first call of the Laplacian, 256³, acc {acc}, in a fresh process, beyond a later one "
            "and beyond importing LLVM",
            0.3,
            f"first call, 256³, acc {acc}",
            "first call beyond a later one",
            unit="s",
        )
        for acc in (2, 8)
    ),
)
