"""The command line: ``python -m benchmarks [--quick] [GROUP …]``."""

from __future__ import annotations

import argparse
import gc
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine, report
from benchmarks.cases import CASES, GROUPS
from benchmarks.picture import draw

if TYPE_CHECKING:
    from benchmarks.cases import Outcome

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
PICTURE = HERE / "time_over_size.png"

BUDGET = 1.0
"""Seconds to sample one code in one case."""
QUICK = 0.05


def main() -> None:
    """Run the chosen groups; all of them, not quick, make the report and the picture."""
    chosen = _arguments()
    found = machine.description()
    if chosen.quick:
        print("Quick: every axis has an eighth of the points that the titles say, and at least 16.")
    outcomes: dict[str, Outcome] = {}
    sections = []
    for name, cases in groupby(CASES, key=lambda case: case.group):
        if name not in chosen.groups:
            continue
        done = []
        for case in cases:
            start = time.perf_counter()
            shape = _small(case.shape) if chosen.quick else case.shape
            done.append(case.run(shape, QUICK if chosen.quick else BUDGET))
            print(f"{case.title}: done in {time.perf_counter() - start:.0f} s", flush=True)
            # Generated codes hold their arrays in cycles.
            gc.collect()
        outcomes |= {outcome.case.title: outcome for outcome in done}
        sections.append(report.group(name, GROUPS[name], done))
        print(f"\n{sections[-1]}", flush=True)
    goals = report.goals(outcomes)
    print(goals)
    if chosen.quick or set(chosen.groups) != set(GROUPS):
        return
    head = report.head("python -m benchmarks", found, PICTURE.name)
    RESULTS.write_text("\n".join([head, goals, *sections]))
    draw([o for o in outcomes.values() if o.case.group == "scaling"], PICTURE)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "groups",
        nargs="*",
        default=list(GROUPS),
        metavar="GROUP",
        help=f"groups of cases, all by default: {', '.join(GROUPS)}",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, to try that it works; writes nothing"
    )
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.groups) - set(GROUPS))
    if unknown:
        parser.error(f"unknown groups: {', '.join(unknown)}")
    return arguments


def _small(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(n // 8, 16) for n in shape)


if __name__ == "__main__":
    main()
