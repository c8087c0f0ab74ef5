"""Devito: C code with OpenMP, generated for the problem; nothing is done at the boundaries."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import devito
import numpy as np

from benchmarks.contest import Code
from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from benchmarks.contest import Array
    from benchmarks.problem import Orders, Problem

__all__ = ["PEER", "ROUNDED", "cube", "derivative"]

ROUNDED = 5e-9
"""Relative error of its weights, which have nine digits, whatever the precision of the fields."""


def cube(shape: tuple[int, ...], dtype: str = "float64") -> Any:
    """Return Devito's grid over the unit cube."""
    return devito.Grid(shape, extent=(1.0,) * len(shape), dtype=np.dtype(dtype).type)


def derivative(f: Any, orders: Orders) -> Any:
    """Return a central derivative of a function."""
    # Its first derivatives are one-sided at space order 2, unless the name ends in c.
    names = ({0: "", 1: f"d{x}c", 2: f"d{x}2"}[n] for x, n in zip("xyz", orders, strict=False))
    return reduce(getattr, filter(None, names), f)


def _prepare(problem: Problem) -> Code:
    grid = cube(problem.shape, problem.dtype)
    inputs = []
    for i, column in enumerate(problem.columns):
        function = devito.Function(name=f"u{i}", grid=grid, space_order=problem.acc)
        function.data[:] = column
        inputs.append(function)
    rows = problem.rows(lambda column, orders: derivative(inputs[column], orders))
    # Without a halo, as nothing reads it.
    outputs = [devito.Function(name=f"v{i}", grid=grid, space_order=0) for i in range(len(rows))]
    operator = devito.Operator([devito.Eq(v, row) for v, row in zip(outputs, rows, strict=True)])

    def read(_: Any) -> Array:
        return np.stack([np.asarray(v.data) for v in outputs])

    return Code(operator.apply, read, ROUNDED)


PEER = Peer(_prepare, lambda _: True, reuses=True)
