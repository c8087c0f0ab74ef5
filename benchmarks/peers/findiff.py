"""findiff: NumPy slices, closed at the boundaries."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import findiff
import numpy as np

from benchmarks.contest import Code
from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from benchmarks.contest import Array
    from benchmarks.problem import Orders, Problem

__all__ = ["PEER", "expression"]


def expression(problem: Problem, orders: Orders) -> Any:
    """Return a derivative of findiff's."""
    first, *others = (
        findiff.Diff(axis, problem.spacing[axis], acc=problem.acc) ** order
        for axis, order in enumerate(orders)
        if order
    )
    return prod(others, start=first)


def _prepare(problem: Problem) -> Code:
    columns = problem.columns
    derivatives = {part.orders: expression(problem, part.orders) for part in problem.parts}

    def derivative(column: int, orders: Orders) -> Array:
        return derivatives[orders](columns[column])

    return Code(lambda: problem.rows(derivative), np.stack)


def _can(problem: Problem) -> bool:
    # Its one-sided stencils must fit beside each other.
    longest = max(max(part.orders) for part in problem.parts) + problem.acc
    return min(problem.shape) >= problem.reach + longest


PEER = Peer(_prepare, _can, reuses=False)
