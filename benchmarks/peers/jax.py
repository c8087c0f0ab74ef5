"""JAX on the CPU: weighted sums of slices, compiled by XLA; inner points only."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from benchmarks.contest import Code
from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from benchmarks.problem import Orders, Problem

__all__ = ["PEER"]

jax.config.update("jax_enable_x64", True)


def _prepare(problem: Problem) -> Code:
    reach = problem.reach

    def inside(u: Any, offsets: tuple[int, ...]) -> Any:
        places = zip(offsets, problem.shape, strict=True)
        return u[tuple(slice(reach + k, n - reach + k) for k, n in places)]

    def derivative(u: Any, orders: Orders) -> Any:
        lines = [
            list(zip(*problem.taps(axis, order), strict=True)) if order else [(0, 1.0)]
            for axis, order in enumerate(orders)
        ]
        return sum(
            prod(weight for _, weight in taps) * inside(u, tuple(k for k, _ in taps))
            for taps in product(*lines)
        )

    @jax.jit
    def apply(columns: list[Any]) -> list[Any]:
        return problem.rows(lambda column, orders: derivative(columns[column], orders))

    columns = [jnp.asarray(column) for column in problem.columns]
    return Code(lambda: jax.block_until_ready(apply(columns)), jnp.stack)


PEER = Peer(_prepare, lambda _: True, reuses=False)
