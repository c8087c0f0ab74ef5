"""C, written for the stencil and the shape and compiled by gcc; ghost points given."""

from __future__ import annotations

import ctypes
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import THREADS
from benchmarks.compiler import gcc
from benchmarks.contest import Code
from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from benchmarks.contest import Array
    from benchmarks.problem import Problem, Row

__all__ = ["PEER"]

FLAGS = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")
# On one thread a parallel region would only cost time.
OPENMP = "-fopenmp" if THREADS > 1 else "-fopenmp-simd"
LINE = 64
"""Bytes of a cache line."""


def _source(problem: Problem) -> str:
    """Return the code of ``apply(u, v)``, a loop for each axis."""
    rows = problem.rows_of_taps()
    real = {"float32": "float", "float64": "double"}[problem.dtype]
    arrays = (
        f"{kind} {real} {name}[restrict]{''.join(f'[{n}]' for n in shape)}"
        for kind, name, shape in (
            ("const", "u", problem.padded.shape[-problem.ndim :]),
            ("", "v", problem.shape),
        )
    )
    loops = [
        f"for (int i{axis} = 0; i{axis} < {n}; i{axis}++)" for axis, n in enumerate(problem.shape)
    ]
    *outer, inner = "#pragma omp parallel for", "#pragma omp simd"
    if problem.ndim == 1:
        outer, inner = [], "#pragma omp parallel for simd"
    place = "".join(f"[i{axis}]" for axis in range(problem.ndim))
    body = (f"v[{i}]{place} = {_sum(problem, row)};" for i, row in enumerate(rows))
    head = f"void apply({', '.join(arrays)})"
    return "\n".join([head, "{", *outer, *loops[:-1], inner, loops[-1], "{", *body, "}", "}", ""])


def _sum(problem: Problem, row: Row) -> str:
    """Return the weighted sum of one component of the result."""
    suffix = "f" if problem.dtype == "float32" else ""
    terms = []
    for (column, offsets), weight in sorted(row.items()):
        # Hexadecimal digits are exact.
        literal = float(np.dtype(problem.dtype).type(weight)).hex() + suffix
        place = "".join(f"[i{axis} + {problem.reach + k}]" for axis, k in enumerate(offsets))
        terms.append(f"{literal} * u[{column}]{place}")
    return " + ".join(terms)


def _compiled(source: str) -> Any:
    with tempfile.TemporaryDirectory(prefix="findops-") as folder:
        file, library = (Path(folder) / f"apply.{suffix}" for suffix in ("c", "so"))
        file.write_text(source)
        gcc(*FLAGS, OPENMP, "-o", str(library), str(file))
        # What is loaded stays when its file goes.
        apply = ctypes.CDLL(str(library)).apply
    apply.argtypes, apply.restype = [ctypes.c_void_p] * 2, None
    return apply


def _prepare(problem: Problem) -> Code:
    apply = _compiled(_source(problem))
    u = _on_lines(problem.padded)
    v = _on_lines(problem.result())
    # These pointers keep their arrays alive.
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (u, v)]
    return Code(lambda: apply(*pointers), lambda _: v)


def _on_lines(values: Array) -> Array:
    """Return a copy that begins with a cache line."""
    memory = np.empty(values.nbytes + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    copy = memory[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


PEER = Peer(_prepare, lambda _: True, reuses=True)
