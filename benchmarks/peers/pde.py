"""py-pde: operators compiled with Numba, of second order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pde

from benchmarks.contest import Code
from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from benchmarks.problem import Problem

__all__ = ["INSIDE", "PEER"]

NAMES = {"Laplacian": "laplace", "gradient": "gradient", "divergence": "divergence"}


def _grid(problem: Problem) -> Any:
    # Its points are the centers of cells.
    ends = [(0, n * h) for n, h in zip(problem.shape, problem.spacing, strict=True)]
    return pde.CartesianGrid(ends, problem.shape)


def _prepare(problem: Problem) -> Code:
    """Prepare the operator that closes the boundaries on the way."""
    operator = _grid(problem).make_operator(
        NAMES[problem.kind.name], bc={"value": 0}, backend="numba", dtype=problem.dtype
    )
    u, v = problem.field, problem.result()
    return Code(lambda: operator(u, out=v))


def _prepare_inside(problem: Problem) -> Code:
    """Prepare the operator that finds the ghost points filled in the array."""
    operator = _grid(problem).make_operator_no_bc(NAMES[problem.kind.name], backend="numba")
    u, v = problem.padded, problem.result()

    def run() -> Any:
        operator(u, v)
        return v

    return Code(run)


def _can(problem: Problem) -> bool:
    return problem.kind.name in NAMES and problem.acc == 2


PEER = Peer(_prepare, _can, reuses=True)
INSIDE = Peer(_prepare_inside, _can, reuses=True)
