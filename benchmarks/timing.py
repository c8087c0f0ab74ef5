"""Samples of competing codes, taken in turns, and their medians."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Sampler", "Samples", "rounds", "timed"]

Sampler = Callable[[], float]

SHORTEST = 0.04
"""Seconds that a sample lasts at least: shorter calls are repeated and averaged, after one that
brings the caches to where the code leaves them. What the code before has left there to be written
to memory then weighs little."""
PAUSE = 0.01
"""Seconds before a sample, in which the threads of the code before stop spinning."""
FEWEST, MOST = 3, 25
"""Samples of each code, however slow or fast it is."""


@dataclass(frozen=True)
class Samples:
    """Measured values of one code in one case."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median."""
        return float(np.median(self.values))

    @property
    def quartiles(self) -> tuple[float, float]:
        """The first and the third quartile."""
        low, high = np.percentile(self.values, (25, 75))
        return float(low), float(high)


def timed(call: Callable[[], Any]) -> Sampler:
    """Return a sampler of the seconds that a call takes."""
    number = 1
    while _seconds(call, number) < SHORTEST:
        number *= 2

    def sample() -> float:
        time.sleep(PAUSE)
        if number > 1:
            call()
        return _seconds(call, number) / number

    return sample


def _seconds(call: Callable[[], Any], number: int) -> float:
    collects = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in repeat(None, number):
            call()
        return time.perf_counter() - start
    finally:
        if collects:
            gc.enable()


def rounds(samplers: Mapping[str, Sampler], budget: float) -> dict[str, Samples]:
    """Sample all codes in interleaved rounds, so that the machine's drift hits all.

    A code whose sample costs more sits out some rounds, evenly spread over all of them.

    Parameters
    ----------
    samplers : dict
        One for each code.
    budget : float
        Seconds for each code, within the fewest and the most samples.
    """
    turns = {name: _turns(sampler, budget) for name, sampler in samplers.items()}
    total = max(turns.values())
    values: dict[str, list[float]] = {name: [] for name in samplers}
    for i in range(total):
        for name, sampler in samplers.items():
            if (i + 1) * turns[name] // total > i * turns[name] // total:
                values[name].append(sampler())
    return {name: Samples(tuple(found)) for name, found in values.items()}


def _turns(sampler: Sampler, budget: float) -> int:
    """Return how many samples the budget allows, after one to warm up."""
    start = time.perf_counter()
    sampler()
    cost = time.perf_counter() - start
    return min(max(math.floor(budget / cost), FEWEST), MOST)
