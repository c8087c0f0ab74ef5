"""Programs for fields whose last axes are folded into one, so that kernels get long rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from findops.plan.band import Band, Row
from findops.plan.program import Chain, Layout, Program

__all__ = ["folded"]

MAX_COPIES = 16
"""Points of a last axis up to which each may get a copy of the closure rows of the axis before."""


def folded(program: Program) -> Program | None:
    """Return the program for fields whose last axes, where no stencil reaches, are folded away.

    Neighbors along the axis before are then as many points apart as the last axis had. None where
    there is nothing to fold.
    """
    result = program
    while _foldable(result):
        result = _once(result)
    return None if result is program else result


def _foldable(program: Program) -> bool:
    chains = [part for part in program.parts if isinstance(part, Chain)]
    terms = [term for chain in chains for term in chain.terms]
    if len(chains) < len(program.parts) or len(program.inputs.points) < 2:
        return False
    if any(term.factors or term.bands[-1] is not None for term in terms):
        return False
    copies = any(term.bands[-2] is not None for term in terms)
    return program.inputs.points[-1] <= MAX_COPIES or not copies


def _once(program: Program) -> Program:
    """Fold the last axis into the one before."""
    copies = program.inputs.points[-1]

    def layout(side: Layout) -> Layout:
        return replace(side, points=(*side.points[:-2], side.points[-2] * copies))

    def chain(old: Chain) -> Chain:
        terms = (
            replace(term, bands=(*term.bands[:-2], _spread(term.bands[-2], copies)))
            for term in old.terms
        )
        return replace(old, terms=tuple(terms))

    parts = tuple(chain(part) for part in program.parts if isinstance(part, Chain))
    return Program(layout(program.inputs), layout(program.outputs), parts)


def _spread(band: Band | None, copies: int) -> Band | None:
    """Return the band along points of which each stands for so many."""
    if band is None:
        return None

    def rows(old: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(
            Row(row.columns * copies + copy, row.weights) for row in old for copy in range(copies)
        )

    return replace(
        band,
        rows=band.rows * copies,
        cols=band.cols * copies,
        offsets=tuple(offset * copies for offset in band.offsets),
        weights=band.weights if band.constant else np.repeat(band.weights, copies, axis=0),
        head=rows(band.head),
        tail=rows(band.tail),
    )
