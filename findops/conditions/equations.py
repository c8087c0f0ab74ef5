"""Conditions bound to the fields of an operator: rows C u = g, and the equations they replace."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import sparse

from findops.conditions.field_values import FieldValues
from findops.masked.operator import Masked
from findops.operators.binding import bind
from findops.plan.program import Chain
from findops.schemes import SPECTRAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from findops.common.arrays import Array, Ints
    from findops.conditions.conditions import Condition, Place
    from findops.discretization.coefficients import ValueInTime
    from findops.grids.grid import Grid
    from findops.operators.operator import Operator
    from findops.plan.program import Program


__all__ = ["Equation", "Equations", "accuracies", "components_of"]


@dataclass(frozen=True, eq=False)
class Equation:
    """The rows of one condition at one place, for one component."""

    condition: Condition
    place: Place
    given: ValueInTime
    """What is prescribed, at the points of the place."""
    rows: csr_array
    """The expression of the condition, in terms of all unknowns."""
    replaced: Ints
    """Flat indices of the unknowns whose equations it replaces."""
    chosen: Ints
    """Which of the points of the place those are."""

    def values(self, t: float | None) -> Array:
        """Return what is prescribed at a time."""
        return self._at(t) if self.steady is None else self.steady

    @cached_property
    def steady(self) -> Array | None:
        """What is prescribed at all times, None if it depends on time."""
        return self._at(None) if self.given.steady else None

    def _at(self, t: float | None) -> Array:
        return self.place.flat(self.given(t), self.given.grid)[self.chosen]


@dataclass(frozen=True, eq=False)
class Mean:
    """The mean of an expression, and the equations to which the same constant is added for it."""

    condition: Condition
    row: csr_array
    """The mean in terms of all unknowns, (1, unknowns)."""
    constant: csr_array
    """Where the constant is added, (unknowns, 1)."""

    def value(self, t: float | None) -> Array:
        return self.condition.mean(t)


@dataclass(frozen=True, eq=False)
class Equations:
    """All conditions on the fields of an operator, as rows C u = g."""

    parts: tuple[Equation, ...]
    means: tuple[Mean, ...]
    unknowns: int
    acc: int
    """The order of accuracy of the operator's inner rows, even."""
    slopes: tuple[int, ...]
    """The order of accuracy of traces at the ends of each axis."""

    @staticmethod
    def of(
        op: Operator | Masked,
        conditions: Iterable[Condition],
        acc: int | None = None,
        applied: bool = False,
    ) -> Equations:
        """Bind conditions to the fields of an operator, traces as accurate as it is.

        Unless an order is given, that is what the operator has along the axis of each face. Where
        it is `applied` to what they determine, its order as a derivative is added, which it would
        cost.

        Those of an operator with holes hold at valid points.

        Raises
        ------
        ValueError
            If a place does not exist, a value does not fit, or no equation is left to replace.
        """
        count = op.program.inputs.count
        valid = np.tile(op.mask.ravel(), count) if isinstance(op, Masked) else None
        whole = op.operator if isinstance(op, Masked) else op
        inner = acc or _even_accuracy(whole)
        slopes = (acc,) * op.domain.ndim if acc else _slope_accuracies(whole, inner, applied)
        values = FieldValues((op.domain,) * count)
        return Equations.over(values, conditions, inner, slopes, valid)

    @staticmethod
    def over(
        values: FieldValues,
        conditions: Iterable[Condition],
        acc: int,
        slopes: tuple[int, ...],
        valid: NDArray[np.bool_] | None = None,
    ) -> Equations:
        """Bind conditions to fields whose components may stand at points of their own.

        The other arguments are those of `Equations`, and which values are valid, flat, if not all.
        """
        taken = np.zeros(values.size, dtype=bool)
        depth: dict[tuple[str, int], int] = {}
        parts, means = [], []
        for condition in sorted(conditions, key=lambda c: c.differentiates):
            for column in components_of(condition, values.components):
                parts += _equations(condition, values, column, slopes, taken, depth, valid)
            means += _means(condition, values, valid)
        return Equations(tuple(parts), tuple(means), values.size, acc, slopes)

    def __post_init__(self) -> None:
        for n, mean in enumerate(self.means):
            if any(abs(mean.constant - other.constant).nnz == 0 for other in self.means[:n]):
                raise ValueError(f"{mean.condition!r}: another mean is given for this component")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions, each once."""
        parts: tuple[Equation | Mean, ...] = (*self.parts, *self.means)
        return tuple({id(part.condition): part.condition for part in parts}.values())

    @cached_property
    def replaced(self) -> Ints:
        """Flat indices of the unknowns whose equations are replaced."""
        return np.concatenate([np.zeros(0, np.intp), *(part.replaced for part in self.parts)])

    @cached_property
    def matrix(self) -> csr_array:
        """C, a row for each condition and point."""
        none = sparse.csr_array((0, self.unknowns))
        rows = [none, *(part.rows for part in self.parts)]
        return cast("csr_array", sparse.vstack(rows, format="csr"))

    @cached_property
    def mean_rows(self) -> csr_array:
        """The means in terms of all unknowns, a row for each."""
        none = sparse.csr_array((0, self.unknowns))
        return cast("csr_array", sparse.vstack([none, *(m.row for m in self.means)], format="csr"))

    def means_of(self, t: float | None) -> Array:
        """Return the means that are given."""
        return np.concatenate([np.zeros(0), *(mean.value(t) for mean in self.means)])

    def values(self, t: float | None) -> Array:
        """Return g."""
        return self._values_at(t) if self._steady_values is None else self._steady_values

    @cached_property
    def steady(self) -> bool:
        """Whether g is the same at all times."""
        return all(part.steady is not None for part in self.parts)

    @cached_property
    def _steady_values(self) -> Array | None:
        return self._values_at(None) if self.steady else None

    def _values_at(self, t: float | None) -> Array:
        return np.concatenate([np.zeros(0), *(part.values(t) for part in self.parts)])


def _even_accuracy(op: Operator) -> int:
    """Return the order of the rows in the middle, made even, as central schemes need it."""
    middle = np.ravel_multi_index([n // 2 for n in op.range.shape], op.range.shape)
    orders = op.accuracy.reshape(-1, math.prod(op.range.shape))[:, middle]
    known = orders[np.isfinite(orders)]
    return max(2, 2 * math.ceil(known.min() / 2)) if known.size else 2


def _slope_accuracies(op: Operator, inner: int, applied: bool) -> tuple[int, ...]:
    """Return the order of traces along each axis: the least of what acts there, even.

    It is at least that of the inner rows, and `SPECTRAL` where whole lines are read. With
    `applied`, the order of the derivative is added.
    """
    found: list[set[int]] = [set() for _ in op.domain.axes]
    for term in op.program.terms:
        for orders, band in zip(found, term.bands, strict=True):
            if band is not None and band.acc:
                orders.add(band.acc)
    return tuple(
        _made_even(max(inner, min(orders, default=0)), _derivative_order(op.program, i) * applied)
        for i, orders in enumerate(found)
    )


def accuracies(ops: Iterable[Operator], ndim: int) -> tuple[int, tuple[int, ...]]:
    """Return the least order of accuracy of what several operators differentiate, all and by axis.

    It is even, as central schemes need it.
    """
    found: list[set[int]] = [set() for _ in range(ndim)]
    for op in ops:
        for term in op.program.terms:
            for orders, band in zip(found, term.bands, strict=True):
                if band is not None and band.acc:
                    orders.add(band.acc)
    least = [_made_even(min(orders, default=2), 0) for orders in found]
    known = [acc for acc, orders in zip(least, found, strict=True) if orders]
    return min(known, default=2), tuple(least)


def _derivative_order(program: Program, axis: int) -> int:
    """Return the order of the highest derivative along an axis."""
    highest = 0
    for part in program.parts:
        if isinstance(part, Chain):
            bands = [band for term in part.terms if (band := term.bands[axis])]
            highest = max(highest, sum(band.order for band in bands))
        else:
            highest = max(highest, sum(_derivative_order(each, axis) for each in part.programs))
    return highest


def _made_even(acc: int, extra: int) -> int:
    """Return an accuracy that central schemes have, which `SPECTRAL` stands beyond."""
    return acc if acc == SPECTRAL else acc + extra + (acc + extra) % 2


def _equations(
    condition: Condition,
    values: FieldValues,
    column: int,
    slopes: tuple[int, ...],
    taken: NDArray[np.bool_],
    depth: dict[tuple[str, int], int],
    valid: NDArray[np.bool_] | None,
) -> list[Equation]:
    """Return the equations of a condition on a component, and mark what they replace as taken."""
    made, grid = [], values.grids[column]
    there = None if valid is None else values.split(valid)[column]
    for place in condition.places(grid):
        acc = slopes[grid.face_axis(place.face)] if place.face is not None else max(slopes)
        bound = bind(condition.on(grid, place, acc), grid, "accurate", {})
        _check(condition, place, bound, values)
        given = condition.given(place.grid(bound.range), place)
        where = place.mask if place.face is None else bound.range.face(place.face)
        rows = np.flatnonzero(where)
        if there is not None:
            _check_valid(condition, place, there)
        layer = 0
        if place.face is not None:
            layer = depth.get((place.face, column), 0)
            depth[place.face, column] = layer + 1
        targets = np.flatnonzero(_moved(place, grid, layer))
        flat = values.starts[column] + targets
        free = ~taken[flat]
        if valid is not None:
            free &= valid[flat]
        chosen = np.flatnonzero(free)
        if not chosen.size:
            raise ValueError(f"{condition!r}: other conditions hold at all of its points")
        taken[flat[chosen]] = True
        matrix = _rows_on(condition, bound, rows[chosen], there)
        matrix = _widened(bound, matrix, column, values)
        made.append(Equation(condition, place, given, matrix, flat[chosen], chosen))
    return made


def _check_valid(condition: Condition, place: Place, valid: NDArray[np.bool_]) -> None:
    """Refuse conditions on points that are not valid; on faces they hold at those that are."""
    outside = place.mask & ~valid
    if place.face is None and outside.any():
        raise ValueError(
            f"{condition!r}: {outside.sum()} of its points are not valid, where there is no field: "
            "choose valid points only"
        )
    if not (place.mask & valid).any():
        raise ValueError(
            f"{condition!r}: no point of {place.face} is valid: where the field ends at a hole, "
            "give a condition on a mask of the valid points beside it"
        )


def _rows_on(
    condition: Condition, bound: Operator, rows: Ints, valid: NDArray[np.bool_] | None
) -> csr_array:
    """Return rows of what a condition gives, which read valid points only."""
    if valid is None:
        return bound.matrix(rows=rows)
    holed = bound.masked(valid)
    missing = np.count_nonzero(~holed.defined.ravel()[rows])
    if missing:
        raise ValueError(
            f"{condition!r}: at {missing} of its points too few valid points stand in a row"
        )
    return holed.matrix(rows=rows)


def _means(
    condition: Condition, values: FieldValues, valid: NDArray[np.bool_] | None
) -> list[Mean]:
    """Return the mean that a condition gives, if it gives one, for each of its components."""
    if not condition.is_mean:
        return []
    made = []
    for column in components_of(condition, values.components):
        bound = bind(condition.expression, values.grids[column], "accurate", {})
        _check(condition, None, bound, values)
        weights, matrix = bound.range.weights(), bound.matrix()
        if valid is not None:
            holed = bound.masked(values.split(valid)[column])
            matrix, weights = holed.matrix(), weights * holed.defined
        mean = sparse.csr_array(weights.reshape(1, -1) / weights.sum()) @ matrix
        # A mean over components is one number, and so is the constant for it.
        together = bound.program.inputs.count > 1
        held = components_of(condition, values.components) if together else [column]
        constant = np.isin(values.owner(np.arange(values.size)), list(held)).astype(float)
        if valid is not None:
            constant *= valid
        row = _widened(bound, mean, column, values)
        made.append(Mean(condition, row, sparse.csr_array(constant[:, None])))
        if together:
            break
    return made


def components_of(condition: Condition, count: int) -> Iterable[int]:
    """Return the components that a condition is for."""
    c = condition.component
    if c is None:
        return range(count)
    if not -count <= c < count:
        raise ValueError(f"{condition!r}: there is no component {c}, only {count}")
    return (c % count,)


def _widened(bound: Operator, matrix: csr_array, column: int, values: FieldValues) -> csr_array:
    """Return a matrix for one component as one for all."""
    if bound.program.inputs.count > 1:
        return matrix
    blocks = [sparse.csr_array((matrix.shape[0], count)) for count in values.counts]
    blocks[column] = matrix
    return sparse.hstack(blocks, format="csr")


def _check(condition: Condition, place: Place | None, bound: Operator, values: FieldValues) -> None:
    """Refuse an expression that does not give one value at each point of a place."""
    read, components = bound.program.inputs.count, values.components
    if bound.program.outputs.count != 1 or read not in (1, components):
        raise ValueError(
            f"{condition!r}: a condition gives one value at a point, from one component or all "
            f"{components}, but this maps {read} to {bound.program.outputs.count}"
        )
    if read > 1 and len(set(values.grids)) > 1:
        raise ValueError(
            f"{condition!r}: it reads all components, which stand at different points: give a "
            "condition on one of them"
        )
    if place is not None and place.face is None and bound.range != bound.domain:
        raise ValueError(f"{condition!r}: on a mask, it must give values at the same points")


def _moved(place: Place, grid: Grid, layer: int) -> NDArray[np.bool_]:
    """Return the mask of the points some layers inwards from a face."""
    if place.face is None or layer == 0:
        return place.mask
    axis = grid.face_axis(place.face)
    if layer >= grid.shape[axis] // 2:
        raise ValueError(f"{layer + 1} conditions on {place.face} are too many for {grid!r}")
    return np.roll(place.mask, layer if place.face.endswith("-") else -layer, axis)
