"""The table of cases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.applying import applied, compact, overhead, precision, spacings, transposed
from benchmarks.assembling import (
    accurate,
    refreshed,
    transport,
    with_findiff,
    zeros_outside,
)
from benchmarks.fresh import applying_memory, assembling_memory, first_call, imports
from benchmarks.kinds import chunked, eager, jitted, labeled, mapped, with_holes
from benchmarks.problem import CURL, DIVERGENCE, GRADIENT, LAPLACIAN, MIXED, along
from benchmarks.solving import conducting, poisson
from benchmarks.stepping import leapfrog, runge_kutta
from benchmarks.timing import rounds
from benchmarks.transport import transported

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contest import Contest, Shape
    from benchmarks.timing import Samples

__all__ = ["CASES", "GROUPS", "Case", "Outcome"]

GROUPS = {
    "laplacian": "The Laplacian of an array.",
    "precision": "The Laplacian in float32 and in float64, 256³, into existing memory.",
    "derivatives": "Other derivatives of second order, float64.",
    "compact": "First derivatives by compact schemes, float64. SciPy solves on one thread.",
    "coefficients": "a·∇ + ∇·(k∇), every a an array at the nodes, every k one at half points, "
    "float64.",
    "vectors": "Vector calculus, acc 2, float64. The copy is that of the larger field.",
    "uneven": "The Laplacian on unevenly and on evenly spaced axes, into existing memory.",
    "loops": "Whole loops of 100 time steps at acc 4, zeros outside, the speed of waves an array. "
    "Devito's blocks are autotuned beforehand. The polynomial of RK4 is computed in Horner's "
    "form, or in two real factors, which work in place.",
    "transposes": "The transpose of the Laplacian, into existing memory.",
    "small": "Calls on small arrays, acc 2.",
    "assembly": "Sparse matrices in CSR form, made from nothing; findops binds in that time.",
    "replacing": "`op.replace(c=…)` of `Field('c') * Laplacian()`, its matrix, and both anew.",
    "solving": "Boundary-value problems from the expression to the solution, on two threads. "
    "Transforms are those of `scipy.fft`, on one thread unless they say otherwise. k varies by a "
    "factor of 100, residuals are 1e-8 of the right-hand side.",
    "kinds": "The arrays people have: labeled, of other libraries, chunked, with holes, on disk. "
    "dask computes on two threads; PyTorch runs eagerly, on two threads.",
    "start": "Seconds in a fresh process, its disk cache warm. The first call is that of the "
    "Laplacian, LLVM imported before.",
    "memory": "Peak of the resident memory in a fresh process, after a smaller problem has loaded "
    "libraries and threads: of a call, beyond input and result, in percent of the field; of an "
    "assembly, beyond the matrix, in percent of the matrix.",
    "scaling": "The Laplacian of cubes of growing size, float64.",
}
"""What each group of cases is about."""


@dataclass(frozen=True)
class Case:
    """One contest.

    Parameters
    ----------
    group : str
        Its name in `GROUPS`.
    title : str
        Its own name, unique.
    shape : tuple of int
        The grid.
    contest : callable
        Makes the contest on a grid of some shape.
    unit : {"s", "%"}
        What its samples are.
    """

    group: str
    title: str
    shape: Shape
    contest: Callable[[Shape], Contest]
    unit: str = "s"

    def run(self, shape: Shape, budget: float) -> Outcome:
        """Hold the contest on a grid of some shape, in a budget of seconds for each code."""
        contest = self.contest(shape)
        samplers = {name: entry.sample for name, entry in contest.items()}
        against = {name: entry.against for name, entry in contest.items() if entry.against}
        return Outcome(self, shape, rounds(samplers, budget), against)


@dataclass(frozen=True)
class Outcome:
    """What came out of a case.

    Parameters
    ----------
    case : Case
        The case.
    shape : tuple of int
        The grid that it was held on.
    samples : dict
        What was measured, by code.
    against : dict
        The pairs whose ratios are of interest: {rival: subject}.
    """

    case: Case
    shape: Shape
    samples: dict[str, Samples]
    against: dict[str, str]

    def ratio(self, subject: str, rival: str) -> float:
        """Return the ratio of two medians."""
        return self.samples[subject].median / self.samples[rival].median


def _cube(n: int) -> Shape:
    return (n, n, n)


# Slow codes would take minutes for the largest cubes, and nothing changes there.
LARGE = ("Devito", "py-pde, ghosts given")
MEDIUM = (*LARGE, "JAX", "findiff")
SIZES = (10, 16, 25, 40, 64, 100, 160, 256, 464)

POISSON = (
    (2, "Dirichlet", False),
    (2, "Neumann", False),
    (6, "Dirichlet", False),
    (2, "Dirichlet", True),
)

CASES = (
    *(
        Case(
            "laplacian",
            f"Laplacian {n}³, acc {acc}, {dtype}",
            _cube(n),
            partial(applied, kind=LAPLACIAN, acc=acc, dtype=dtype),
        )
        for n in (64, 128, 256)
        for dtype in ("float64", "float32")
        for acc in (2, 4, 6, 8)
    ),
    Case(
        "laplacian",
        "Laplacian 4096², acc 2, float64",
        (4096, 4096),
        partial(applied, kind=LAPLACIAN),
    ),
    *(
        Case("precision", f"acc {acc}", _cube(256), partial(precision, acc=acc))
        for acc in (2, 4, 6, 8)
    ),
    *(
        Case("derivatives", f"∂/∂{'xyz'[i]} 256³", _cube(256), partial(applied, kind=along(i)))
        for i in range(3)
    ),
    Case("derivatives", "∂⁴/∂x²∂y² 256³", _cube(256), partial(applied, kind=MIXED)),
    Case("derivatives", "d/dx 10⁷", (10**7,), partial(applied, kind=along(0))),
    *(
        Case(
            "compact",
            f"compact ∂/∂{'xyz'[i]} 256³, acc {acc}",
            _cube(256),
            partial(compact, axis=i, acc=acc, left=left),
        )
        for acc, left in ((6, 1), (10, 2))
        for i in range(3)
    ),
    Case("coefficients", "a·∇ + ∇·(k∇) 256³", _cube(256), transported),
    *(
        Case("vectors", f"{kind.name} 192³", _cube(192), partial(applied, kind=kind))
        for kind in (GRADIENT, DIVERGENCE, CURL)
    ),
    Case("uneven", "Laplacian 256³, acc 4", _cube(256), partial(spacings, acc=4)),
    Case("loops", "acoustic leapfrog 192³", _cube(192), leapfrog),
    *(
        Case(
            "loops",
            f"RK4 advection–diffusion 192³, {form}",
            _cube(192),
            partial(runge_kutta, form=form),
        )
        for form in ("Horner", "factors")
    ),
    *(
        Case("transposes", f"op.T 256³, acc {acc}", _cube(256), partial(transposed, acc=acc))
        for acc in (2, 4, 8)
    ),
    Case("small", "d/dx, 100 points", (100,), partial(overhead, kind=along(0))),
    Case("small", "Laplacian 64²", (64, 64), partial(overhead, kind=LAPLACIAN)),
    Case("small", "Laplacian 32³", _cube(32), partial(overhead, kind=LAPLACIAN)),
    Case("assembly", "128³, acc 2, zeros outside", _cube(128), zeros_outside),
    Case("assembly", "128³, acc 2", _cube(128), partial(accurate, acc=2)),
    Case("assembly", "128³, acc 8", _cube(128), partial(accurate, acc=8)),
    Case("assembly", "48³, acc 2", _cube(48), partial(with_findiff, acc=2)),
    Case("assembly", "128³, a·∇ + ∇·(k∇)", _cube(128), transport),
    Case("replacing", "64²", (64, 64), refreshed),
    Case("replacing", "128³", _cube(128), refreshed),
    *(
        Case(
            "solving",
            f"∇²u = f 256³, acc {acc}, {walls}{', uneven' if uneven else ''}",
            _cube(256),
            partial(poisson, acc=acc, walls=walls, uneven=uneven),
        )
        for acc, walls, uneven in POISSON
    ),
    Case("solving", "∇·(k∇u) = f 128³", _cube(128), conducting),
    Case("kinds", "xarray, d/dx, 20 × 30", (20, 30), labeled),
    Case("kinds", "xarray, d/dx, 192³", _cube(192), labeled),
    Case("kinds", "dask, d/dx, 192³ in 4³ chunks", _cube(192), chunked),
    *(
        Case("kinds", f"{name}, Laplacian 256³, acc {acc}", _cube(256), partial(made, acc=acc))
        for name, made in (("JAX", jitted), ("PyTorch", eager))
        for acc in (2, 8)
    ),
    Case("kinds", "an ocean with islands, Laplacian 1440 × 720, acc 4", (1440, 720), with_holes),
    Case("kinds", "memmap, Laplacian 256³, acc 4", _cube(256), mapped),
    Case("start", "imports", (), imports),
    Case("start", "first call, 256³, acc 2", _cube(256), partial(first_call, acc=2)),
    Case("start", "first call, 256³, acc 8", _cube(256), partial(first_call, acc=8)),
    *(
        Case(
            "memory",
            f"Laplacian 256³, acc {acc}: call",
            _cube(256),
            partial(applying_memory, what="Laplacian", acc=acc, codes=("findops", "findiff")),
            "%",
        )
        for acc in (2, 8)
    ),
    Case(
        "memory",
        "a·∇ + ∇·(k∇) 256³: call",
        _cube(256),
        partial(applying_memory, what="transport", acc=2, codes=("findops",)),
        "%",
    ),
    *(
        Case(
            "memory",
            f"Laplacian 128³, acc {acc}: assembly",
            _cube(128),
            partial(assembling_memory, acc=acc, codes=("findops", "sum of scipy.sparse.kron")),
            "%",
        )
        for acc in (2, 8)
    ),
    *(
        Case(
            "scaling",
            f"acc {acc}, {n}³",
            _cube(n),
            partial(applied, kind=LAPLACIAN, acc=acc, peers=LARGE if n > 256 else MEDIUM),
        )
        for acc in (2, 8)
        for n in SIZES
    ),
)
