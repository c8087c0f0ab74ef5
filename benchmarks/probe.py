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


def first_call(what: str, dtype: str, *shape: str) -> float:
    """Return the CPU seconds of the first call."""
    return _cpu_seconds(_prepared(what, dtype, shape))


def second_call(what: str, dtype: str, *shape: str) -> float:
    """Return the CPU seconds by which the second call exceeds later ones."""
    call = _prepared(what, dtype, shape)
    _, second, *later = (_cpu_seconds(call) for _ in range(12))
    return second - median(later)


def _prepared(what: str, dtype: str, shape: tuple[str, ...]) -> Callable[[], Any]:
    """Return what is called, nothing but importing and binding done."""
    import numpy as np

    from findops import Compact, Diff, Grid, Laplacian, Uniform

    grid = Grid(*(Uniform(0, 1, int(n)) for n in shape))
    expression = Diff(0, acc=4, scheme=Compact()) if what == "sweep" else Laplacian(acc=4)
    op = expression.on(grid)
    u = np.random.default_rng(0).random(grid.shape).astype(dtype)
    return op.matrix if what == "matrix" else lambda: op(u)


def applying_memory(code: str, what: str, acc: str, *shape: str) -> float:
    """Return the peak of a call beyond input and result, in percent of the field."""
    points = tuple(map(int, shape))
    # Compilers, libraries and threads are not what is measured: a smaller problem loads them.
    call, _, _ = _application(code, what, int(acc), _smaller(points))
    call()
    call, result, field = _application(code, what, int(acc), points)
    return 100 * (peak(call)[0] - result) / field


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
    most, matrix = peak(assemblies(points, int(acc))[code].run)
    size = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    return 100 * (most - size) / size


def _smaller(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(n // 4, 16) for n in shape)


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _cpu_seconds(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def peak(call: Callable[[], Any]) -> tuple[int, Any]:
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
        first_call,
        second_call,
        applying_memory,
        assembling_memory,
    )
}

if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    print(PROBES[name](*arguments))
