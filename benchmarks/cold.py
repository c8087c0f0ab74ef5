"""Contests in the first calls of a process, in a new installation and in one that has kept code."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from benchmarks.contest import Entry
from benchmarks.fresh import probe

if TYPE_CHECKING:
    from benchmarks.contest import Contest, Shape
    from benchmarks.timing import Sampler

__all__ = ["COLD", "COLD_SECOND", "WARM", "WARM_SECOND", "first_calls"]

COLD, COLD_SECOND = "cold: first call", "cold: second beyond later ones"
WARM, WARM_SECOND = "warm: first call", "warm: second beyond later ones"


def first_calls(shape: Shape, what: str, dtype: str = "float64") -> Contest:
    """Take the CPU seconds of first calls, and those by which second ones exceed later ones.

    Parameters
    ----------
    what : {"apply", "matrix", "sweep"}
        The Laplacian, its matrix, or a compact derivative.
    """
    samplers = {
        COLD: _cold("first_call", what, dtype, *shape),
        COLD_SECOND: _cold("second_call", what, dtype, *shape),
        WARM: _warm("first_call", what, dtype, *shape),
        WARM_SECOND: _warm("second_call", what, dtype, *shape),
    }
    return {name: Entry(sampler) for name, sampler in samplers.items()}


def _cold(*words: object) -> Sampler:
    """Return a sampler in whose processes nothing was ever kept."""

    def sample() -> float:
        with tempfile.TemporaryDirectory(prefix="findops-") as folder:
            return probe(*words, environment=_keeping(folder))()

    return sample


def _warm(*words: object) -> Sampler:
    """Return a sampler whose processes find what one before has kept."""
    folder = tempfile.TemporaryDirectory(prefix="findops-")

    def sample() -> float:
        return probe(*words, environment=_keeping(folder.name))()

    sample()
    return sample


def _keeping(folder: str) -> dict[str, str]:
    return {**os.environ, "FINDOPS_CACHE_DIR": folder}
