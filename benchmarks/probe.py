"""Measurements made in a process of their own: ``python -m benchmarks.probe NAME ARGUMENTS``."""

from __future__ import annotations

import ctypes
import importlib
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__: list[str] = []

# Libraries are imported where they are used: what is there beforehand changes the measurement.


def importing(*modules: str) -> float:
    """Return the seconds that importing takes."""
    return _seconds(lambda: [importlib.import_module(module) for module in modules])


def importing_llvm(*_: str) -> float:
    """Return the seconds that importing LLVM takes after NumPy."""
    import numpy  # noqa: F401  # findops has it already

    return importing("llvmlite.binding")


def binding(acc: str, *shape: str) -> float:
    """Return the seconds that the first binding takes."""
    import llvmlite.binding  # noqa: F401  # not to be counted

    expression, grid, _ = _laplacian(acc, shape)
    return _seconds(lambda: expression.on(grid))


def first_call(acc: str, *shape: str) -> float:
    """Return the seconds by which the first call takes longer than later ones."""
    import llvmlite.binding  # noqa: F401  # not to be counted

    expression, grid, u = _laplacian(acc, shape)
    op = expression.on(grid)
    first, *later = (_seconds(lambda: op(u)) for _ in range(6))
    return first - median(later)


def _laplacian(acc: str, shape: tuple[str, ...]) -> tuple[Any, Any, Any]:
    import numpy as np

    from findops import Grid, Laplacian, Uniform

    grid = Grid(*(Uniform(0, 1, int(n)) for n in shape))
    return Laplacian(acc=int(acc)), grid, np.random.default_rng(0).random(grid.shape)


def applying_memory(code: str, what: str, acc: str, *shape: str) -> float:
    """Return the peak of a call beyond input and result, in percent of the field."""
    points = tuple(map(int, shape))
    # Compilers, libraries and threads are not what is measured: a smaller problem loads them.
    call, _, _ = _application(code, what, int(acc), _smaller(points))
    call()
    call, result, field = _application(code, what, int(acc), points)
    return 100 * (_peak(call)[0] - result) / field


def _application(
    code: str, what: str, acc: int, shape: tuple[int, ...]
) -> tuple[Callable[[], Any], int, int]:
    """Return a call, the bytes of its result if that is new memory, and those of the field."""
    from benchmarks.problem import LAPLACIAN, Problem, Transport

    problem: Any = Transport(shape) if what == "transport" else Problem(LAPLACIAN, shape, acc)
    u, v = problem.field, problem.result()
    if code == "findiff":
        from benchmarks.peers.findiff import PEER

        return PEER.prepare(problem).run, v.nbytes, u.nbytes
    op = problem.operator
    return lambda: op(u, out=v), 0, u.nbytes


def assembling_memory(code: str, acc: str, *shape: str) -> float:
    """Return the peak of an assembly beyond the matrix, in percent of the matrix."""
    from benchmarks.assembling import assemblies

    points = tuple(map(int, shape))
    assemblies(_smaller(points), int(acc))[code].run()
    peak, matrix = _peak(assemblies(points, int(acc))[code].run)
    size = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    return 100 * (peak - size) / size


def _smaller(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(n // 4, 16) for n in shape)


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _peak(call: Callable[[], Any]) -> tuple[int, Any]:
    """Return by how many bytes a call makes the resident memory grow at its peak."""
    ctypes.CDLL(None).malloc_trim(0)  # glibc: what is free is not resident
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak is now what is resident
    before = _status("VmRSS")
    result = call()
    return _status("VmHWM") - before, result


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return 1024 * int(line.split()[1])
    raise LookupError(f"no {key} in /proc/self/status")


PROBES: dict[str, Callable[..., float]] = {
    probe.__name__: probe
    for probe in (
        importing,
        importing_llvm,
        binding,
        first_call,
        applying_memory,
        assembling_memory,
    )
}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    print(PROBES[name](*arguments))
