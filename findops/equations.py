"""Conditions bound to the fields of an operator: rows C u = g, and the equations they replace."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from findops.conditions import Condition, Place
    from findops.grid import Grid
    from findops.operator import Operator

    Array = NDArray[Any]
    Ints = NDArray[np.intp]

__all__ = ["Equation", "Equations"]


@dataclass(frozen=True, eq=False)
class Equation:
    """The rows of one condition at one place, for one component."""

    condition: Condition
    place: Place
    points: Grid
    rows: csr_array
    """What is prescribed, in terms of all unknowns."""
    taken: Ints
    """Flat indices of the unknowns whose equations it replaces."""
    chosen: Ints
    """Which of the points of the place those are."""

    def values(self, t: float | None) -> Array:
        return self.condition.values(self.points, self.place, t)[self.chosen]


@dataclass(frozen=True, eq=False)
class Equations:
    """All conditions on the fields of an operator, as rows C u = g."""

    parts: tuple[Equation, ...]
    unknowns: int
    acc: int
    """The order of accuracy of traces."""

    @staticmethod
    def of(op: Operator, conditions: Iterable[Condition], acc: int | None = None) -> Equations:
        """Bind conditions to the fields of an operator, traces as accurate as its inner rows.

        Raises
        ------
        ValueError
            If a place does not exist, a value does not fit, or no equation is left to replace.
        """
        grid, inputs = op.domain, op.program.inputs
        acc = acc or _even_accuracy(op)
        points = int(np.prod(grid.shape))
        taken = np.zeros((inputs.count, points), dtype=bool)
        depth: dict[tuple[str, int], int] = {}
        parts = []
        for condition in sorted(conditions, key=lambda c: c.differentiates):
            parts += _equations(condition, grid, acc, taken, depth)
        return Equations(tuple(parts), taken.size, acc)

    @cached_property
    def places(self) -> Ints:
        """Flat indices of the unknowns whose equations are replaced."""
        return np.concatenate([np.zeros(0, np.intp), *(part.taken for part in self.parts)])

    @cached_property
    def matrix(self) -> csr_array:
        """C, a row for each condition and point."""
        none = sparse.csr_array((0, self.unknowns))
        rows = [none, *(part.rows for part in self.parts)]
        return cast("csr_array", sparse.vstack(rows, format="csr"))

    def values(self, t: float | None) -> Array:
        """Return g."""
        return np.concatenate([np.zeros(0), *(part.values(t) for part in self.parts)])


def _even_accuracy(op: Operator) -> int:
    """Return the order of most rows, made even, as central schemes need it."""
    orders = op.accuracy
    known = orders[np.isfinite(orders)]
    return max(2, 2 * math.ceil(np.median(known) / 2)) if known.size else 2


def _equations(
    condition: Condition,
    grid: Grid,
    acc: int,
    taken: NDArray[np.bool_],
    depth: dict[tuple[str, int], int],
) -> list[Equation]:
    """Return the equations of a condition, and mark what they replace as taken."""
    components = range(len(taken)) if condition.component is None else (condition.component,)
    made = []
    for place in condition.places(grid):
        bound = condition.on(grid, place, acc).on(grid)
        _check(condition, place, bound, len(taken))
        where = place.mask if place.face is None else bound.range.face(place.face)
        rows = np.flatnonzero(where)
        for c in components:
            if not -len(taken) <= c < len(taken):
                raise ValueError(f"{condition!r}: there is no component {c}, only {len(taken)}")
            column = c % len(taken)
            layer = 0
            if place.face is not None:
                layer = depth.get((place.face, column), 0)
                depth[place.face, column] = layer + 1
            targets = np.flatnonzero(_moved(place, grid, layer))
            chosen = np.flatnonzero(~taken[column, targets])
            if not chosen.size:
                raise ValueError(f"{condition!r}: other conditions hold at all of its points")
            taken[column, targets[chosen]] = True
            matrix = bound.matrix(rows=rows[chosen])
            if bound.program.inputs.count == 1:
                blocks = [sparse.csr_array(matrix.shape)] * len(taken)
                blocks[column] = matrix
                matrix = sparse.hstack(blocks, format="csr")
            flat = column * taken.shape[1] + targets[chosen]
            made.append(Equation(condition, place, bound.range, matrix, flat, chosen))
    return made


def _check(condition: Condition, place: Place, bound: Operator, components: int) -> None:
    """Refuse an expression that does not give one value at each point of a place."""
    if bound.program.outputs.count != 1 or bound.program.inputs.count not in (1, components):
        raise ValueError(
            f"{condition!r}: a condition gives one value at a point, from one component or all "
            f"{components}, but this maps {bound.program.inputs.count} to "
            f"{bound.program.outputs.count}"
        )
    if place.face is None and bound.range != bound.domain:
        raise ValueError(f"{condition!r}: on a mask, it must give values at the same points")


def _moved(place: Place, grid: Grid, layer: int) -> NDArray[np.bool_]:
    """Return the mask of the points some layers inwards from a face."""
    if place.face is None or layer == 0:
        return place.mask
    axis = grid.face_axis(place.face)
    if layer >= grid.shape[axis] // 2:
        raise ValueError(f"{layer + 1} conditions on {place.face} are too many for {grid!r}")
    return np.roll(place.mask, layer if place.face.endswith("-") else -layer, axis)
