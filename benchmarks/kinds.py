"""Contests on arrays of every kind: labeled, chunked, other libraries', with holes, on disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import jax
import jax.numpy as jnp
import numpy as np
import torch
import xarray as xr

from benchmarks import THREADS
from benchmarks.contest import FRESH, INTO, Code, agree, entries
from benchmarks.problem import LAPLACIAN, Problem, along
from findops import Diff

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contest import Array, Contest, Shape

__all__ = [
    "MASKED",
    "chunked",
    "eager",
    "jitted",
    "labeled",
    "mapped",
    "ocean",
    "random_holes",
    "with_holes",
]

jax.config.update("jax_enable_x64", True)
torch.set_num_threads(THREADS)

BARE, MASKED = "findops, NumPy", "findops, masked"


def labeled(shape: Shape) -> Contest:
    """Set a call on a DataArray against xarray's own and against the bare array."""
    problem = Problem(along(0), shape)
    op, u = problem.operator, problem.field
    names = "xyz"[: len(shape)]
    axes = {name: np.linspace(0, 1, n) for name, n in zip(names, shape, strict=True)}
    array, expression = xr.DataArray(u, axes), Diff("x")
    for _ in range(3):  # the first calls bind and prepare
        expression(array)
    codes = {
        "findops, DataArray": Code(lambda: expression(array)),
        BARE: Code(lambda: op(u)),
        "DataArray.differentiate": Code(
            lambda: array.differentiate("x"),
            # It takes the spacing from rounded coordinates, a point at a time.
            rounded=max(shape) * float(np.finfo(u.dtype).eps),
        ),
    }
    agree(codes, problem.inner, op, u)
    return entries(codes, dict.fromkeys(list(codes)[1:], "findops, DataArray"))


def chunked(shape: Shape) -> Contest:
    """Set chunks, on dask's threads, against dask's gradient and its map_overlap of ours."""
    problem = Problem(along(0), shape)
    op, u, h = problem.operator, problem.field, problem.spacing[0]
    lazy = da.from_array(u, chunks=tuple(max(n // 4, 4) for n in shape))

    def computed(v: Any) -> Array:
        with dask.config.set(scheduler="threads", num_workers=THREADS):
            return np.asarray(v.compute())

    def overlapped() -> Any:
        def inside(block: Array) -> Array:
            return np.gradient(block, h, axis=0)

        return da.map_overlap(inside, lazy, depth={0: 1}, boundary="none", dtype=u.dtype)

    codes = {
        "findops, dask": Code(lambda: computed(op(lazy))),
        BARE: Code(lambda: op(u)),
        "dask.array.gradient": Code(lambda: computed(da.gradient(lazy, h, axis=0))),
        "map_overlap of np.gradient": Code(lambda: computed(overlapped())),
    }
    agree(codes, problem.inner, op, u)
    return entries(codes, dict.fromkeys(list(codes)[1:], "findops, dask"))


def jitted(shape: Shape, acc: int) -> Contest:
    """Set the operator under JAX against a sum of slices, both compiled."""
    problem = Problem(LAPLACIAN, shape, acc)
    op, u = problem.operator, problem.field
    there = jnp.asarray(u)
    compiled, by_hand = jax.jit(op), jax.jit(lambda v: _slices(problem, v))
    codes = {
        "findops, jax.jit": Code(lambda: jax.block_until_ready(compiled(there))),
        BARE: Code(lambda: op(u)),
        "slices, jax.jit": Code(lambda: jax.block_until_ready(by_hand(there))),
    }
    agree(codes, problem.inner, op, u)
    return entries(codes, dict.fromkeys(list(codes)[1:], "findops, jax.jit"))


def eager(shape: Shape, acc: int) -> Contest:
    """Set the operator on a tensor of PyTorch against sums of slices, and a convolution."""
    problem = Problem(LAPLACIAN, shape, acc)
    op, u = problem.operator, problem.field
    there = torch.tensor(u)
    kernel = torch.zeros((1, 1, *(2 * problem.reach + 1,) * problem.ndim), dtype=there.dtype)
    for axis, offset, weight in _taps(problem):
        place = [problem.reach] * problem.ndim
        place[axis] += offset
        kernel[(0, 0, *place)] += weight
    codes = {
        "findops, PyTorch": Code(lambda: op(there)),
        BARE: Code(lambda: op(u)),
        "slices": Code(lambda: _slices(problem, there)),
        "slices, in place": Code(lambda: _slices_in_place(problem, there)),
    }
    if acc == 2:
        codes["conv3d"] = Code(lambda: torch.nn.functional.conv3d(there[None, None], kernel)[0, 0])
    agree(codes, problem.inner, op, u)
    return entries(codes, dict.fromkeys(list(codes)[1:], "findops, PyTorch"))


def ocean(shape: Shape) -> Array:
    """Return the points that are wet, where there are a coast and islands."""
    x, y = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    wet: Array = (np.hypot(x, y) < 0.97) & (np.sin(9 * x) * np.sin(11 * y + x) < 0.8)
    return wet


def random_holes(shape: Shape) -> Array:
    """Return nine points of ten, at random."""
    return np.random.default_rng(8).random(shape) < 0.9


def with_holes(shape: Shape, acc: int, points: Callable[[Shape], Array]) -> Contest:
    """Set a mask of points against the box without it."""
    problem = Problem(LAPLACIAN, shape, acc)
    op, u = problem.operator, problem.field
    wet = points(shape)
    masked = op.masked(wet)
    full = op.masked(np.ones(shape, dtype=bool))
    v, w = op(u), op(u)
    agree({BARE: Code(lambda: op(u)), "full": Code(lambda: full(u))}, problem.inner, op, u)
    kept = masked.defined & (masked.accuracy == op.accuracy)
    rows = masked.matrix(), op.matrix()
    same = kept.ravel() & (abs(rows[0] - rows[1]).sum(axis=1) == 0)
    apart = np.abs(masked(u) - op(u)).ravel()[same]
    if apart.max() > 1e-13 * (abs(rows[1]) @ np.abs(u).ravel()).max():
        raise ValueError("rows that no hole changes differ")
    codes = {
        MASKED: Code(lambda: masked(u, out=v)),
        INTO: Code(lambda: op(u, out=w)),
    }
    return entries(codes, {INTO: MASKED})


def mapped(shape: Shape) -> Contest:
    """Set files that are mapped to memory, and cached by the system, against memory."""
    problem = Problem(LAPLACIAN, shape, 4)
    op, u = problem.operator, problem.field
    folder = tempfile.mkdtemp(prefix="findops-")
    source = np.memmap(Path(folder) / "u", u.dtype, "w+", shape=shape)
    target = np.memmap(Path(folder) / "v", u.dtype, "w+", shape=shape)
    # What is mapped stays as long as it is; its names may go.
    for name in ("u", "v"):
        (Path(folder) / name).unlink()
    Path(folder).rmdir()
    source[:] = u
    v = op(u)
    codes = {
        "findops, memmap to memmap": Code(lambda: op(source, out=target)),
        INTO: Code(lambda: op(u, out=v)),
        FRESH: Code(lambda: op(u)),
    }
    agree(codes, problem.inner, op, u)
    return entries(codes, dict.fromkeys(list(codes)[1:], "findops, memmap to memmap"))


def _taps(problem: Problem) -> list[tuple[int, int, float]]:
    return [
        (axis, offset, weight)
        for axis in range(problem.ndim)
        for offset, weight in zip(*problem.taps(axis, 2), strict=True)
    ]


def _shifted(problem: Problem, u: Any, axis: int, offset: int) -> Any:
    reach = problem.reach
    spans = [slice(reach, n - reach) for n in problem.shape]
    spans[axis] = slice(reach + offset, problem.shape[axis] - reach + offset)
    return u[tuple(spans)]


def _slices(problem: Problem, u: Any) -> Any:
    return sum(weight * _shifted(problem, u, axis, k) for axis, k, weight in _taps(problem))


def _slices_in_place(problem: Problem, u: Any) -> Any:
    (axis, k, weight), *others = _taps(problem)
    result = weight * _shifted(problem, u, axis, k)
    for axis, k, weight in others:
        result.add_(_shifted(problem, u, axis, k), alpha=weight)
    return result
