"""The table of cases."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.applying import (
    applied,
    compact,
    overhead,
    precision,
    rebound,
    spacings,
    transposed,
)
from benchmarks.assembling import (
    accurate,
    refreshed,
    transport,
    with_findiff,
    zeros_outside,
)
from benchmarks.cold import first_calls
from benchmarks.diffusing import diffusion
from benchmarks.fresh import applying_memory, assembling_memory, imports
from benchmarks.implicit import (
    bratu,
    cahn_hilliard,
    circle,
    components,
    crank_nicolson,
    eigenvalues,
    inner_eigenvalues,
    start_up,
    uneven,
)
from benchmarks.kinds import (
    chunked,
    eager,
    jitted,
    labeled,
    mapped,
    ocean,
    random_holes,
    with_holes,
)
from benchmarks.peers.table import PEERS
from benchmarks.problem import CURL, DIVERGENCE, GRADIENT, LAPLACIAN, MIXED, along
from benchmarks.solving import conducting, poisson
from benchmarks.stepping import leapfrog, runge_kutta
from benchmarks.timing import rounds
from benchmarks.transport import transported

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from benchmarks.contest import Contest, Shape
    from benchmarks.timing import Samples

__all__ = ["CASES", "GROUPS", "PINNED", "SOLVING", "Case", "Outcome", "hold", "laplacian_title"]

BUDGET, QUICK = 0.35, 0.05
"""Seconds to sample one code in one case."""

PINNED = "pinned"
"""The group whose cases are held on one thread."""

SOLVING = "solving"
"""The group that has the table of solvers."""

GROUPS = {
    "laplacian": "The Laplacian of an array, on all threads.",
    PINNED: "The Laplacian of an array on one thread, in a process that has one core.",
    "precision": "The Laplacian in float32 and in float64, 256³, into existing memory.",
    "derivatives": "Other derivatives of second order, float64.",
    "compact": "First derivatives by compact schemes, float64. SciPy solves on one thread.",
    "coefficients": "a·∇ + ∇·(k∇), every a an array at the nodes, every k one at half points, "
    "float64.",
    "vectors": "Vector calculus, acc 2, float64. The copy is that of the larger field.",
    "uneven": "The Laplacian on unevenly and on evenly spaced axes, into existing memory.",
    "rebinding": "A first derivative, bound to coordinates that no call had before and applied.",
    "trailing": "First derivatives along other axes than a last one of three components.",
    "loops": "Whole loops of 100 time steps at acc 4, zeros outside, the speed of waves an array. "
    "Devito's blocks are autotuned beforehand. The polynomial of RK4 is computed in Horner's "
    "form, or in two real factors, which work in place.",
    "diffusion": "Whole loops of 100 time steps of u_t = ν∇²u at acc 2, all axes periodic, by "
    "libraries that step in time, and by hand.",
    "transposes": "The transpose of the Laplacian, into existing memory.",
    "small": "Calls on small arrays, acc 2.",
    "assembly": "Sparse matrices in CSR form, made from nothing; findops binds in that time.",
    "replacing": "`op.replace(c=…)` of `Field('c') * Laplacian()`, its matrix, and both anew.",
    SOLVING: "Boundary-value problems from the expression to the solution, on two threads. "
    "Transforms are those of `scipy.fft`, on one thread unless they say otherwise. k varies by a "
    "factor of 100, residuals are 1e-8 of the right-hand side.",
    "implicit": "What solves systems again and again, beside the rival that the title names. A "
    "problem is made anew for every sample, but for `findops, again`.",
    "kinds": "The arrays people have: labeled, of other libraries, chunked, with holes, on disk. "
    "dask computes on two threads; PyTorch runs eagerly, on two threads.",
    "start": "Seconds to import in a fresh process, its disk cache warm.",
    "cold": "CPU seconds of the first call in a fresh process, findops imported and the operator "
    "bound before, and those by which the second call exceeds later ones. Cold, where no process "
    "has kept code before; warm, where one has. The Laplacian at acc 4, its matrix, and a compact "
    "derivative at acc 4.",
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

    def run(self, quick: bool) -> Outcome:
        """Hold the contest; a quick one has an eighth of the points along every axis."""
        shape = tuple(max(n // 8, 16) for n in self.shape) if quick else self.shape
        contest = self.contest(shape)
        samplers = {name: entry.sample for name, entry in contest.items()}
        against = {name: entry.against for name, entry in contest.items() if entry.against}
        return Outcome(self, shape, rounds(samplers, QUICK if quick else BUDGET), against)


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


def hold(cases: Iterable[Case], quick: bool) -> Iterator[Outcome]:
    """Hold contests in this process, and yield what comes out of them one by one."""
    for case in cases:
        yield case.run(quick)
        # Generated codes hold their arrays in cycles.
        gc.collect()


def _cube(n: int) -> Shape:
    return (n, n, n)


def laplacian_title(shape: Shape, acc: int, dtype: str, pinned: bool = False) -> str:
    """Return the title of a case of the Laplacian."""
    n, *others = shape
    power = {1: "²", 2: "³"}[len(others)]
    return f"Laplacian {n}{power}, acc {acc}, {dtype}{', one thread' if pinned else ''}"


def _laplacian(
    shape: Shape, acc: int, dtype: str, peers: Collection[str], pinned: bool = False
) -> Case:
    return Case(
        PINNED if pinned else "laplacian",
        laplacian_title(shape, acc, dtype, pinned),
        shape,
        partial(applied, kind=LAPLACIAN, acc=acc, dtype=dtype, peers=peers),
    )


# Those that are compiled. py-pde takes 9 s to compile with boundaries, pystencils 1 s.
COMPILED = ("C", "Devito", "py-pde, ghosts given", "JAX")
GENERATED = (*COMPILED, "pystencils")
# Slow codes would take minutes for the largest cubes, and nothing changes there.
LARGE = ("C", "Devito", "py-pde, ghosts given")
MEDIUM = (*LARGE, "JAX", "findiff")
SIZES = (10, 16, 25, 40, 64, 100, 160, 256, 464)
SHAPES = (
    *((n, n) for n in (256, 512, 1024)),
    *(_cube(n) for n in (32, 64, 96, 128, 256)),
)

POISSON = (
    (2, "Dirichlet", False),
    (2, "Neumann", False),
    (6, "Dirichlet", False),
    (2, "Dirichlet", True),
)

IMPLICIT = (
    ("Crank–Nicolson 48³, ten steps / one BVP", _cube(48), crank_nicolson),
    ("Bratu 40³ by Newton / one BVP", _cube(40), bratu),
    (
        "rk4 1025², varying, one step / twenty bare ones",
        (1025, 1025),
        partial(start_up, varying=True),
    ),
    (
        "rk4 1025², constant, one step / twenty bare ones",
        (1025, 1025),
        partial(start_up, varying=False),
    ),
    ("Cahn–Hilliard 32² by Radau / solve_ivp with IVP.jac", (32, 32), cahn_hilliard),
    ("two components 128², acc 4 / one", (128, 128), components),
    ("u″ − u = f, Fourier 4096 / acc 2", (4096,), circle),
    ("∇²u = f 200³, uneven / even", _cube(200), uneven),
    ("six least eigenvalues 256² / eigsh", (256, 256), eigenvalues),
    ("six inner eigenvalues 40³ / six least", _cube(40), inner_eigenvalues),
)

CASES = (
    *(
        _laplacian(shape, acc, dtype, GENERATED if dtype == "float64" else COMPILED)
        for shape in SHAPES
        if shape != _cube(256)
        for dtype in ("float64", "float32")
        for acc in (2, 4, 8)
    ),
    *(_laplacian(_cube(256), acc, "float64", tuple(PEERS)) for acc in (2, 4, 8)),
    _laplacian(_cube(256), 6, "float64", GENERATED),
    *(_laplacian(_cube(256), acc, "float32", COMPILED) for acc in (2, 4, 6, 8)),
    _laplacian((4096, 4096), 2, "float64", GENERATED),
    *(
        _laplacian(shape, acc, dtype, COMPILED, pinned=True)
        for shape in SHAPES
        for dtype in ("float64", "float32")
        for acc in (2, 4, 8)
    ),
    *(
        Case("precision", f"acc {acc}", _cube(256), partial(precision, acc=acc))
        for acc in (2, 4, 6, 8)
    ),
    *(
        Case("derivatives", f"{kind.name} {n}³", _cube(n), partial(applied, kind=kind))
        for n in (64, 256)
        for kind in (*map(along, range(3)), MIXED)
    ),
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
    *(Case("coefficients", f"a·∇ + ∇·(k∇) {n}³", _cube(n), transported) for n in (64, 256)),
    *(
        Case("vectors", f"{kind.name} {n}³", _cube(n), partial(applied, kind=kind))
        for n in (64, 192)
        for kind in (GRADIENT, DIVERGENCE, CURL)
    ),
    Case("uneven", "Laplacian 256³, acc 4", _cube(256), partial(spacings, acc=4)),
    Case("rebinding", "d/dx, 10⁶ new coordinates", (10**6,), rebound),
    Case("rebinding", "d/dx, 50 new coordinates", (50,), rebound),
    *(
        Case(
            "trailing",
            f"∂/∂{'xyz'[axis]} {' × '.join(map(str, shape))}",
            shape,
            partial(applied, kind=along(axis), peers=("NumPy",)),
        )
        for axis, shape in ((0, (1080, 1920, 3)), (1, (100, 100, 100, 3)))
    ),
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
        Case("diffusion", f"diffusion {name}, {method}", shape, partial(diffusion, method=method))
        for name, shape in (("256²", (256, 256)), ("64³", _cube(64)))
        for method in ("euler", "rk4")
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
            SOLVING,
            f"∇²u = f 256³, acc {acc}, {walls}{', uneven' if uneven else ''}",
            _cube(256),
            partial(poisson, acc=acc, walls=walls, uneven=uneven),
        )
        for acc, walls, uneven in POISSON
    ),
    Case(SOLVING, "∇·(k∇u) = f 128³", _cube(128), conducting),
    *(Case("implicit", title, shape, made) for title, shape, made in IMPLICIT),
    Case("kinds", "xarray, d/dx, 20 × 30", (20, 30), labeled),
    Case("kinds", "xarray, d/dx, 192³", _cube(192), labeled),
    Case("kinds", "dask, d/dx, 192³ in 4³ chunks", _cube(192), chunked),
    *(
        Case("kinds", f"{name}, Laplacian 256³, acc {acc}", _cube(256), partial(made, acc=acc))
        for name, made in (("JAX", jitted), ("PyTorch", eager))
        for acc in (2, 8)
    ),
    Case(
        "kinds",
        "an ocean with islands, Laplacian 1440 × 720, acc 4",
        (1440, 720),
        partial(with_holes, acc=4, points=ocean),
    ),
    *(
        Case(
            "kinds",
            f"10 % random holes, Laplacian {name}, acc 2",
            shape,
            partial(with_holes, acc=2, points=random_holes),
        )
        for name, shape in (("1024²", (1024, 1024)), ("100³", _cube(100)))
    ),
    Case("kinds", "memmap, Laplacian 256³, acc 4", _cube(256), mapped),
    Case("start", "imports", (), imports),
    *(
        Case(
            "cold",
            f"Laplacian {name}, {dtype}",
            shape,
            partial(first_calls, what="apply", dtype=dtype),
        )
        for name, shape in (("64²", (64, 64)), ("100³", _cube(100)))
        for dtype in ("float64", "float32", "complex128")
    ),
    Case("cold", "matrix 64²", (64, 64), partial(first_calls, what="matrix")),
    Case("cold", "matrix 300²", (300, 300), partial(first_calls, what="matrix")),
    Case("cold", "compact sweep 64²", (64, 64), partial(first_calls, what="sweep")),
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
