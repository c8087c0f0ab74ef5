"""The picture: time per point over the number of points."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from benchmarks.contest import FRESH, INTO
from benchmarks.copying import COPY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.cases import Outcome

mpl.use("Agg")
import matplotlib.pyplot as plt

__all__ = ["draw"]

STYLES: dict[str, dict[str, Any]] = {
    INTO: {"color": "C3", "linewidth": 2.5},
    FRESH: {"color": "C3", "linewidth": 2.5, "linestyle": ":"},
    COPY: {"color": "black", "linestyle": "--"},
}


def draw(outcomes: Iterable[Outcome], path: Path) -> None:
    """Draw a panel for each series of cases, whose titles are 'series, size'."""
    panels: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        panels.setdefault(outcome.case.title.partition(",")[0], []).append(outcome)
    codes = dict.fromkeys(c for members in panels.values() for o in members for c in o.samples)
    colors = iter(("C0", "C1", "C2", "C4", "C5", "C6"))
    styles = {code: STYLES.get(code) or {"color": next(colors)} for code in codes}
    # Some peers change the style when they are imported.
    with plt.style.context("default"):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(6.5 * len(panels), 5), sharey=True, layout="constrained"
        )
        for panel, (series, members) in zip(axes, panels.items(), strict=True):
            for code, style in styles.items():
                having = [o for o in members if code in o.samples]
                points = [prod(o.shape) for o in having]
                times = [1e9 * o.samples[code].median / prod(o.shape) for o in having]
                panel.loglog(points, times, marker=".", label=code, **style)
            panel.set(title=f"3-D Laplacian, {series}, float64", xlabel="points")
            panel.grid(which="major", alpha=0.3)
        axes[0].set_ylabel("ns per point")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper")
        figure.savefig(path, dpi=130)
        plt.close(figure)
