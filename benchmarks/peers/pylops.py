"""PyLops: linear operators of second order on NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pylops

from benchmarks.contest import Code
from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from benchmarks.problem import Problem

__all__ = ["PEER"]


def _prepare(problem: Problem) -> Code:
    if problem.kind.name == "gradient":
        operator = pylops.Gradient(problem.shape, sampling=problem.spacing, dtype=problem.dtype)
    else:
        operator = pylops.Laplacian(
            problem.shape,
            axes=range(problem.ndim),
            weights=(1,) * problem.ndim,
            sampling=problem.spacing,
            dtype=problem.dtype,
        )
    u = problem.field
    return Code(lambda: operator * u)


def _can(problem: Problem) -> bool:
    # Its Laplacian needs two dimensions.
    return problem.kind.name in ("gradient", "Laplacian") and problem.acc == 2 and problem.ndim > 1


PEER = Peer(_prepare, _can, reuses=False)
