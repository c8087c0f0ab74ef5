"""Contests in what only a fresh process can tell: imports and peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.contest import Entry

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from benchmarks.contest import Contest, Shape
    from benchmarks.timing import Sampler

__all__ = ["applying_memory", "assembling_memory", "imports", "probe"]


def probe(*words: object, environment: Mapping[str, str] = os.environ) -> Sampler:
    """Return a sampler that runs a probe in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.probe", *map(str, words)]

    def sample() -> float:
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
        return float(run.stdout)

    return sample


def imports(_: Shape) -> Contest:
    """Take the seconds to import libraries."""
    entries = {"findops": Entry(probe("importing", "findops"))}
    others = {
        "NumPy and scipy.sparse": ("numpy", "scipy.sparse"),
        "LLVM": ("llvmlite.binding",),
        "findiff": ("findiff",),
    }
    for name, modules in others.items():
        entries[name] = Entry(probe("importing", *modules), "findops")
    return entries


def applying_memory(shape: Shape, what: str, acc: int, codes: Collection[str]) -> Contest:
    """Take the peak of a call beyond input and result, in percent of the field."""
    return {name: Entry(probe("applying_memory", name, what, acc, *shape)) for name in codes}


def assembling_memory(shape: Shape, acc: int, codes: Collection[str]) -> Contest:
    """Take the peak of an assembly beyond the matrix, in percent of the matrix."""
    return {name: Entry(probe("assembling_memory", name, acc, *shape)) for name in codes}
