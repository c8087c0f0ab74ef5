"""The command line: ``python -m benchmarks [--quick] [GROUP …]``."""

from __future__ import annotations

import argparse
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine, report
from benchmarks.cases import CASES, GROUPS, PINNED, SOLVING, hold
from benchmarks.picture import draw
from benchmarks.pinned import hold_pinned
from benchmarks.solvers import report as solvers
from benchmarks.solvers.table import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Case, Outcome
    from benchmarks.solvers.table import Row

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
PICTURE = HERE / "time_over_size.png"


def main() -> None:
    """Run the chosen groups.

    All of them make the report and the picture; some replace their sections of the report.
    """
    chosen = _arguments()
    found = machine.description()
    if chosen.quick:
        print("Quick: every axis has an eighth of the points that the titles say, and at least 16.")
    outcomes: dict[str, Outcome] = {}
    sections, others = [], []
    for name, cases in groupby(CASES, key=lambda case: case.group):
        if name not in chosen.groups:
            continue
        done = list(_reported(list(cases), chosen.quick))
        outcomes |= {outcome.case.title: outcome for outcome in done}
        sections.append(report.group(name, GROUPS[name], done))
        if name == SOLVING:
            rows = list(_solved(chosen.quick))
            sections[-1] += f"\n{solvers.section(rows)}"
            others = solvers.goals(rows)
        print(f"\n{sections[-1]}", flush=True)
    goals = report.goals(outcomes, others)
    print(goals)
    if chosen.quick:
        return
    if set(chosen.groups) != set(GROUPS):
        command = f"python -m benchmarks {' '.join(chosen.groups)}"
        old = RESULTS.read_text()
        RESULTS.write_text(report.updated(old, goals, sections, command, found))
        return
    head = report.head("python -m benchmarks", found, PICTURE.name)
    RESULTS.write_text("\n".join([head, goals, *sections]))
    draw([o for o in outcomes.values() if o.case.group == "scaling"], PICTURE)


def _reported(cases: list[Case], quick: bool) -> Iterator[Outcome]:
    """Hold the contests of a group, and say how long each took."""
    start = time.perf_counter()
    holding = hold_pinned if cases[0].group == PINNED else hold
    for outcome in holding(cases, quick):
        print(f"{outcome.case.title}: done in {time.perf_counter() - start:.1f} s", flush=True)
        yield outcome
        start = time.perf_counter()


def _solved(quick: bool) -> Iterator[Row]:
    """Yield the rows of the table of solvers, and say how long each took."""
    start = time.perf_counter()
    for row in measure(quick):
        seconds = time.perf_counter() - start
        print(f"{row.problem.title(row.side)}: done in {seconds:.1f} s", flush=True)
        yield row
        start = time.perf_counter()


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


if __name__ == "__main__":
    main()
