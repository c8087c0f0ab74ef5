"""NumPy: `np.gradient`, which knows first derivatives of second order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.contest import Code
from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from benchmarks.contest import Array
    from benchmarks.problem import Orders, Problem

__all__ = ["PEER"]


def _prepare(problem: Problem) -> Code:
    columns = problem.columns

    def derivative(column: int, orders: Orders) -> Array:
        axis = orders.index(1)
        return np.gradient(columns[column], problem.spacing[axis], axis=axis)

    return Code(lambda: problem.rows(derivative), np.stack)


def _can(problem: Problem) -> bool:
    return problem.acc == 2 and all(sum(part.orders) == 1 for part in problem.parts)


PEER = Peer(_prepare, _can, reuses=False)
