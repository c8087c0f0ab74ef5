"""Outcomes in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from benchmarks.goals import GOALS
from benchmarks.markdown import digits, quantity, scaled, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.cases import Outcome
    from benchmarks.goals import Goal, Measure

__all__ = ["goals", "group", "head", "updated"]

T = TypeVar("T")

ABSENT = "–"

GOALS_ARE = "## Done when"
"""The heading above the goals."""


def head(command: str, machine: Mapping[str, str], picture: str) -> str:
    """Return what stands above the tables."""
    return f"""# Benchmarks

Made by `{command}`. The codes of a case work on the same data and take turns, so that the machine's
drift hits all. Before they are timed, their results are compared inside, where no closure reaches;
they may differ by 2(T + 8)·ε·Σ|weights|·max|u|, where T is the number of a row's weights: the
roundoff of two sums, each in any order, of weights that take up to eight roundings to make
(`contest.agree`). Devito's weights have nine digits, so that it may differ by
5·10⁻⁹·Σ|weights|·max|u| more. Set-up, such as binding and compiling, is not timed.

Values are medians, with the quartiles in parentheses; ratios are those of medians. `findops out=`
and the codes that it is set against write into existing memory; `findops` and those that it is set
against return new arrays. A code that cannot compute a case is absent from its row. C and
pystencils find ghost points given and do nothing at the boundaries.

{_facts(machine)}

![time over size]({picture})
"""


def _facts(machine: Mapping[str, str]) -> str:
    return "\n".join(f"* {key}: {value}" for key, value in machine.items())


def updated(
    old: str, goals: str, sections: Iterable[str], command: str, machine: Mapping[str, str]
) -> str:
    """Return a report in which some groups are replaced, and the rows of their goals."""
    parts = {_heading(part): part for part in re.split(r"(?m)^(?=## )", old)}
    for section in sections:
        heading, text = section.split("\n", 1)
        parts[heading] = f"{heading}\n\nMade by `{command}`.\n\n{_facts(machine)}\n{text}\n"
    rows = {_heading(row): row for text in (parts[GOALS_ARE], goals) for row in _rows(text)}
    parts[GOALS_ARE] = "\n".join([GOALS_ARE, "", *rows.values(), "", ""])
    return "".join(parts.values()).rstrip() + "\n"


def _rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def _heading(text: str) -> str:
    """Return the first line, of a table's row the first cell."""
    return text.partition("\n")[0].partition(" | ")[0]


def goals(outcomes: Mapping[str, Outcome], others: Sequence[Sequence[str]] = ()) -> str:
    """Return the table of the goals whose cases were measured, each by its worst case.

    Further rows come last.
    """
    rows: list[Sequence[str]] = []
    for goal in GOALS:
        measures = [goal.measured(outcomes[title]) for title in goal.cases if title in outcomes]
        if measures:
            rows.append(_goal(goal, measures))
    header = (
        "what",
        "required, at most",
        "worst",
        "met or missed",
        "medians of the worst",
        "missed",
    )
    return f"{GOALS_ARE}\n\n{table(header, [*rows, *others])}\n"


def _goal(goal: Goal, measures: Sequence[Measure]) -> list[str]:
    worst = max(measures, key=lambda measure: measure.value)
    missed = [measure for measure in measures if measure.value > goal.at_most]
    unit = worst.outcome.case.unit
    medians = (f"{n} {quantity(worst.outcome.samples[n].median, unit)}" for n in worst.codes)
    several = f" in {len(missed)} of {len(measures)}" if len(measures) > 1 else ""
    return [
        goal.what,
        _bounded(goal.at_most, goal),
        _bounded(worst.value, goal),
        f"**missed**{several}" if missed else "met",
        ", ".join(medians),
        "; ".join(f"{m.outcome.case.title}: {_bounded(m.value, goal)}" for m in missed),
    ]


def _bounded(value: float, goal: Goal) -> str:
    """Return a value in the form in which the goal is told."""
    if goal.unit != "×":
        return f"{digits(value)} {goal.unit}"
    return f"1/{digits(1 / value)}" if goal.at_most < 0.1 else digits(value)


def group(name: str, about: str, outcomes: Sequence[Outcome]) -> str:
    """Return the tables of a group: the values, and the ratios to the rivals."""
    codes = _distinct(outcome.samples for outcome in outcomes)
    values = [[o.case.title, *(_spread(o, code) for code in codes)] for o in outcomes]
    parts = [f"## {name.capitalize()}\n\n{about}\n", table(["", *codes], values)]
    pairs = _distinct(outcome.against.items() for outcome in outcomes)
    if pairs:
        header = ["", *(f"{subject} / {rival}" for rival, subject in pairs)]
        ratios = [[o.case.title, *(_ratio(o, *pair) for pair in pairs)] for o in outcomes]
        parts += ["", table(header, ratios)]
    return "\n".join([*parts, ""])


def _distinct(rows: Iterable[Iterable[T]]) -> list[T]:
    """Return what occurs in any row, in the order of first occurrence."""
    return list(dict.fromkeys(item for row in rows for item in row))


def _spread(outcome: Outcome, code: str) -> str:
    if code not in outcome.samples:
        return ABSENT
    samples = outcome.samples[code]
    scale, unit = scaled(samples.median, outcome.case.unit)
    median, low, high = (digits(x / scale) for x in (samples.median, *samples.quartiles))
    return f"{median} {unit} ({low}–{high})"


def _ratio(outcome: Outcome, rival: str, subject: str) -> str:
    if (rival, subject) not in outcome.against.items():
        return ABSENT
    value = outcome.ratio(subject, rival)
    return f"{value:.2f}" if value >= 0.1 else f"1/{1 / value:.0f}"
