"""SciPy: a correlation along each axis in turn, zero outside."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import correlate1d

from benchmarks.contest import Code
from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from benchmarks.contest import Array
    from benchmarks.problem import Orders, Problem

__all__ = ["PEER"]


def _prepare(problem: Problem) -> Code:
    columns = problem.columns
    weights = {
        (axis, order): problem.taps(axis, order)[1]
        for part in problem.parts
        for axis, order in enumerate(part.orders)
        if order
    }

    def derivative(column: int, orders: Orders) -> Array:
        chosen = [(axis, order) for axis, order in enumerate(orders) if order]
        return reduce(
            lambda u, key: correlate1d(u, weights[key], key[0], mode="constant"),
            chosen,
            columns[column],
        )

    return Code(lambda: problem.rows(derivative), np.stack)


PEER = Peer(_prepare, lambda _: True, reuses=False)
