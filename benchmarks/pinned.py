"""Contests on one thread, held in a process of its own that has one core.

Libraries start their threads when they are imported, so that a process cannot do both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.cases import CASES, Case, Outcome, hold
from benchmarks.timing import Samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["hold_pinned"]


def hold_pinned(cases: Sequence[Case], quick: bool) -> Iterator[Outcome]:
    """Hold contests, and yield what comes out of them one by one."""
    core = str(max(os.sched_getaffinity(0)))
    titles = [case.title for case in cases]
    command = ["taskset", "-c", core, sys.executable, "-m", __name__, str(int(quick)), *titles]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for case in cases:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"{case.title} failed on one thread")
            shape, samples, against = json.loads(line)
            found = {name: Samples(tuple(values)) for name, values in samples.items()}
            yield Outcome(case, tuple(shape), found, against)


def _main(quick: str, *titles: str) -> None:
    """Print what comes out of cases, each on a line."""
    cases = {case.title: case for case in CASES}
    for outcome in hold(map(cases.__getitem__, titles), quick == "1"):
        values = {name: samples.values for name, samples in outcome.samples.items()}
        print(json.dumps([outcome.shape, values, outcome.against]), flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
