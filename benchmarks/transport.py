"""The contest in advection and diffusion with coefficients that vary in space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import devito
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contest import FRESH, INTO, Code, agree, entries
from benchmarks.copying import COPY, copying
from benchmarks.peers.devito import cube
from benchmarks.problem import Transport

if TYPE_CHECKING:
    from benchmarks.contest import Array, Contest, Shape

__all__ = ["transported"]

jax.config.update("jax_enable_x64", True)


def transported(shape: Shape) -> Contest:
    """Set findops against the threaded copy of the field, Devito and JAX."""
    problem = Transport(shape)
    op, u = problem.operator, problem.field
    v = op(u)
    codes = {
        INTO: Code(lambda: op(u, out=v)),
        FRESH: Code(lambda: op(u)),
        "Devito": _generated(problem),
        "JAX": _fused(problem),
    }
    agree(codes, tuple(n - 2 for n in shape), op, u)
    codes[COPY] = copying(u)
    return entries(codes, {"Devito": INTO, "JAX": FRESH, COPY: INTO})


def _generated(problem: Transport) -> Code:
    """Generate Devito's code; its arrays of k have value i half a spacing after node i."""
    grid = cube(problem.shape)

    def function(name: str, values: Array, order: int) -> Any:
        made = devito.Function(name=name, grid=grid, space_order=order)
        made.data[tuple(map(slice, values.shape))] = values
        return made

    u = function("u", problem.field, 2)
    v = devito.Function(name="v", grid=grid, space_order=0)
    total = 0
    each = zip(grid.dimensions, problem.velocity, problem.conductivity, strict=True)
    for x, velocity, conductivity in each:
        h = x.spacing
        a, k = function(f"a{x}", velocity, 0), function(f"k{x}", conductivity, 2)
        right, left = u.shift(x, h), u.shift(x, -h)
        # Written out, as nested derivatives of staggered functions come out slower.
        flux = k * (right - u) - k.shift(x, -h) * (u - left)
        total = total + a * (right - left) / (2 * h) + flux / h**2
    operator = devito.Operator(devito.Eq(v, total))
    return Code(operator.apply, lambda _: np.asarray(v.data))


def _fused(problem: Transport) -> Code:
    """Have XLA fuse sums of slices, on the inner points."""
    ndim = len(problem.shape)

    def part(f: Any, axis: int, first: int, last: int) -> Any:
        """Return the inner points, of one axis those from a first to a last one."""
        spans = [slice(1, -1)] * ndim
        spans[axis] = slice(first, f.shape[axis] + last)
        return f[tuple(spans)]

    @jax.jit
    def apply(u: Any, velocity: list[Any], conductivity: list[Any]) -> Any:
        total = 0
        for axis, (a, k) in enumerate(zip(velocity, conductivity, strict=True)):
            h = 1 / (problem.shape[axis] - 1)
            left, middle, right = (part(u, axis, i, i - 2) for i in range(3))
            flux = part(k, axis, 1, 0) * (right - middle) - part(k, axis, 0, -1) * (middle - left)
            total = total + part(a, axis, 1, -1) * (right - left) / (2 * h) + flux / h**2
        return total

    fields = jax.tree.map(jnp.asarray, (problem.field, problem.velocity, problem.conductivity))
    return Code(lambda: jax.block_until_ready(apply(*fields)))
