"""Single rows of a plan, tap by tap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from findops.plan.program import Chain, Composition

if TYPE_CHECKING:
    from findops.common.arrays import Array
    from findops.plan.program import Program, Scalar, Term

__all__ = ["row"]

InputPoint = tuple[int, tuple[int, ...]]
"""Component and index; on a circle the index may go on beyond the ends."""


def row(program: Program, component: int, index: tuple[int, ...]) -> dict[InputPoint, Scalar]:
    """Return one row, as {(component, input index): weight}."""
    result: dict[InputPoint, Scalar] = {}
    for part in program.parts:
        match part:
            case Chain() if part.row == component:
                entries = _chain_row(part, index, program.outputs.points)
            case Chain():
                entries = {}
            case Composition():
                entries = _composition_row(part, component, index)
        for place, weight in entries.items():
            result[place] = result.get(place, 0.0) + weight
    return {place: weight for place, weight in sorted(result.items()) if weight != 0}


def _chain_row(
    chain: Chain, index: tuple[int, ...], points: tuple[int, ...]
) -> dict[InputPoint, Scalar]:
    rows: dict[tuple[int, ...], Scalar] = {index: 1.0}
    for term in chain.terms:
        following: dict[tuple[int, ...], Scalar] = {}
        for place, factor in rows.items():
            for column, weight in _term_row(term, place, points).items():
                following[column] = following.get(column, 0.0) + factor * weight
        rows = following
        points = tuple(
            n if band is None else band.cols for n, band in zip(points, term.bands, strict=True)
        )
    return {(chain.col, place): weight for place, weight in rows.items()}


def _term_row(
    term: Term, index: tuple[int, ...], points: tuple[int, ...]
) -> dict[tuple[int, ...], Scalar]:
    inside = tuple(i % n for i, n in zip(index, points, strict=True))

    def at(value: Array) -> Any:
        return np.broadcast_to(value, points)[inside].item()

    if not all(at(mask) for mask in term.masks):
        return {}
    coefficient = term.coefficient
    scale = at(coefficient) if isinstance(coefficient, np.ndarray) else coefficient
    result: dict[tuple[int, ...], Scalar] = {(): scale}
    for i, n, band in zip(index, points, term.bands, strict=True):
        if band is None:
            along = {i: 1.0}
        else:
            laps = i // n
            columns, weights = band.row(i % n)
            along = dict(zip((columns + laps * band.cols).tolist(), weights.tolist(), strict=True))
        result = {(*c, j): w * v for c, w in result.items() for j, v in along.items()}
    return result


def _composition_row(
    part: Composition, component: int, index: tuple[int, ...]
) -> dict[InputPoint, Scalar]:
    rows: dict[InputPoint, Scalar] = {(component, index): 1.0}
    for program in part.programs:
        points = program.outputs.points
        following: dict[InputPoint, Scalar] = {}
        for (c, place), factor in rows.items():
            inside = tuple(i % n for i, n in zip(place, points, strict=True))
            laps = tuple(i // n for i, n in zip(place, points, strict=True))
            for (k, column), weight in row(program, c, inside).items():
                moved = tuple(
                    j + lap * n
                    for j, lap, n in zip(column, laps, program.inputs.points, strict=True)
                )
                following[k, moved] = following.get((k, moved), 0.0) + factor * weight
        rows = following
    return rows
