"""The yardstick: copying an array with all threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks import THREADS
from benchmarks.contest import Code
from findops.common.threads import run

if TYPE_CHECKING:
    from benchmarks.contest import Array

__all__ = ["COPY", "copying"]

COPY = "threaded copy"


def copying(u: Array) -> Code:
    """Return the copy of an array, a contiguous part for each thread."""
    source = u.ravel()
    target = np.zeros_like(source)
    parts = list(zip(np.array_split(target, THREADS), np.array_split(source, THREADS), strict=True))

    def copied() -> Array:
        run(np.copyto, parts, THREADS)
        return target

    return Code(copied)
