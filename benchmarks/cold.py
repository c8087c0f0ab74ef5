"""What the first calls in a new installation cost: ``python -m benchmarks.cold``.

Prints the CPU seconds of a first and a second call beyond import and binding, in a fresh process
with an empty cache and in one that finds what it kept, and those of the first matrix and the first
compact sweep.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

ROUNDS = 3

SETUP = """
import sys, time
import numpy as np
from findops import Compact, Diff, Grid, Laplacian, Uniform
what, dtype, *points = sys.argv[1:]
grid = Grid(*(Uniform(0, 1, int(n)) for n in points))
expr = Diff(0, acc=4, scheme=Compact()) if what == "sweep" else Laplacian(acc=4)
op = expr.on(grid)
u = np.random.default_rng(0).standard_normal(grid.shape).astype(dtype)
call = op.matrix if what == "matrix" else lambda: op(u)
for _ in range(2):
    start = time.process_time()
    call()
    print(time.process_time() - start)
"""

CASES = [
    ("apply", "float64", (64, 64)),
    ("apply", "float32", (64, 64)),
    ("apply", "complex128", (64, 64)),
    ("apply", "float64", (100, 100, 100)),
    ("matrix", "float64", (64, 64)),
    ("matrix", "float64", (300, 300)),
    ("sweep", "float64", (64, 64)),
]


def main() -> None:
    """Print a table of the medians of some rounds."""
    print("| what | points | type | cold: first, second call | warm: first, second call |")
    print("|---|---|---|---|---|")
    for what, dtype, points in CASES:
        cold, warm = [], []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                cold.append(_calls(folder, what, dtype, points))
                warm.append(_calls(folder, what, dtype, points))
        shown = [
            ", ".join(f"{statistics.median(times):.3f} s" for times in zip(*found, strict=True))
            for found in (cold, warm)
        ]
        print(f"| {what} | {'×'.join(map(str, points))} | {dtype} | {shown[0]} | {shown[1]} |")


def _calls(folder: str, what: str, dtype: str, points: tuple[int, ...]) -> tuple[float, float]:
    """Return the CPU seconds of two calls in a fresh process that keeps code in a folder."""
    environment = {**os.environ, "FINDOPS_CACHE_DIR": folder, "NUMBA_CACHE_DIR": folder}
    command = [sys.executable, "-c", SETUP, what, dtype, *map(str, points)]
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    first, second = map(float, run.stdout.split())
    return first, second


if __name__ == "__main__":
    main()
