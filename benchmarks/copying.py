"""The yardstick: copying an array with all threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import THREADS
from benchmarks.contest import Code

if TYPE_CHECKING:
    from benchmarks.contest import Array

__all__ = ["COPY", "copying"]

COPY = "threaded copy"


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS)


def copying(u: Array) -> Code:
    """Return the copy of an array, a contiguous part for each thread."""
    source = u.ravel()
    target = np.zeros_like(source)
    parts = list(zip(np.array_split(target, THREADS), np.array_split(source, THREADS), strict=True))

    def run() -> Array:
        for done in [_pool().submit(np.copyto, *part) for part in parts]:
            done.result()
        return target

    return Code(run)
