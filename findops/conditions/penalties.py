"""Penalties that impose conditions on a face, with strengths that energy estimates allow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.conditions.boundary_terms import AdvectiveTerm, DiffusiveTerm, boundary_terms
from findops.conditions.conditions import Place, Trace
from findops.discretization.coefficients import evaluate
from findops.expressions.expression import Coef, Identity
from findops.plan.band import Band, Row
from findops.plan.program import Chain, Factor, Term

if TYPE_CHECKING:
    from collections.abc import Iterator

    from findops.common.arrays import Array
    from findops.conditions.conditions import Condition, Interface
    from findops.operators.operator import Operator


__all__ = ["Face", "Penalty", "interface_penalties"]

PENALTY_MARGIN = 1.25
"""How much larger penalties are than the least that energy estimates allow."""


@dataclass(frozen=True, eq=False)
class Penalty:
    """A term coefficient · p · (Σ factor · trace(u) − scale · g) of an equation.

    p and the traces act along one axis; all else multiplies, and has length 1 along that axis
    unless it varies there.
    """

    row: int
    """Component whose equation it is in."""
    axis: int
    places: Row
    """Where it acts, p."""
    coefficient: Array
    traces: tuple[tuple[int, Array | float, Row], ...]
    """Component, factor, and weights of each trace."""
    scale: Array | float = 0.0

    def chains(self, n: int, ndim: int) -> Iterator[Chain]:
        """Yield what it adds to the operator, on n points along its axis."""
        for column, factor, trace in self.traces:
            bands: list[Band | None] = [None] * ndim
            bands[self.axis] = _outer(self.places, trace, n)
            value = _spread(self.coefficient * factor, ndim)
            term = Term(tuple(bands), 1.0, (Factor(value),))
            yield Chain(self.row, column, (term,))

    def data(self, g: Array, shape: tuple[int, ...]) -> Array:
        """Return what given values add, on all points; g has length 1 along its axis."""
        along = np.zeros(shape[self.axis])
        along[self.places.columns] = self.places.weights
        spread = along.reshape([-1 if i == self.axis else 1 for i in range(len(shape))])
        return np.asarray(np.broadcast_to(-self.coefficient * self.scale * g * spread, shape))


@dataclass(frozen=True)
class Face:
    """One face of the fields of an operator."""

    op: Operator
    name: str
    time_sign: int
    """1 if u_t = op(u) is the equation in time, −1 if u_t = −op(u) is."""

    def __post_init__(self) -> None:
        axis = self.op.domain.axes[self.axis]
        if axis.walls[0] != axis.origin:
            raise ValueError(
                f"{self.op!r}: impose='sat' needs points on {self.name}, as nodes have"
            )

    @property
    def axis(self) -> int:
        return self.op.domain.face_axis(self.name)

    @property
    def upper(self) -> bool:
        return self.name.endswith("+")

    @property
    def outward(self) -> int:
        """The sign of the coordinate that grows outwards."""
        return 1 if self.upper == self.op.domain.axes[self.axis].ascending else -1

    @cached_property
    def end(self) -> int:
        """Index of its points along the axis."""
        return self.op.domain.shape[self.axis] - 1 if self.upper else 0

    @cached_property
    def value(self) -> Row:
        """The value on it."""
        return Row(np.array([self.end]), np.ones(1))

    @cached_property
    def terms(self) -> list[AdvectiveTerm | DiffusiveTerm]:
        """What acts across it."""
        return list(boundary_terms(self.op, self.axis))

    def at(self, coefficient: Any) -> Array:
        """Return a coefficient on the face, of length 1 along the axis."""
        values = _spread(coefficient, self.op.domain.ndim)
        return values if values.shape[self.axis] == 1 else values.take([self.end], self.axis)

    def speed(self, term: AdvectiveTerm) -> Array:
        """Return the coefficient of a first derivative on the face, which tells where it enters."""
        values = self.at(term.coefficient)
        if np.any(np.imag(values)):
            raise ValueError(
                f"{self.op!r}: impose='sat' needs real coefficients of first derivatives on "
                f"{self.name}: what is complex enters nowhere"
            )
        return np.real(values)

    def penalties(self, condition: Condition, column: int, valued: set[int]) -> Iterator[Penalty]:
        """Yield the penalties that impose a condition on one component."""
        a, b = self._parts(condition)
        for term in self.terms:
            if term.column != column:
                continue
            if isinstance(term, AdvectiveTerm):
                if b is None and (term.row == column or term.row not in valued):
                    yield from self._inflow(term, a)
            elif b is None:
                yield from self._values(term, a)
            else:
                yield self._slopes(term, a, b)

    def _parts(self, condition: Condition) -> tuple[Array, Array | None]:
        """Return the factors of u and of ∂u/∂n on the face, None for no slope."""
        expression = condition.expression
        if expression == Identity():
            return np.ones(1), None
        if not isinstance(expression, Trace):
            raise ValueError(
                f"{condition!r}: impose='sat' holds values, slopes and their sums: Dirichlet, "
                "Neumann and Robin"
            )
        where = Place(self.name, self.op.domain.face(self.name)).grid(self.op.domain)
        a, b = (np.asarray(evaluate(part, where)) for part in expression.parts)
        valued = expression.b == Coef(0)
        if not np.all(a if valued else b):
            what = "u" if valued else "∂u/∂n"
            raise ValueError(f"{condition!r}: impose='sat' needs a factor of {what} without zeros")
        if valued:
            return a, None
        return a, b

    def _inflow(self, term: AdvectiveTerm, a: Array) -> Iterator[Penalty]:
        """Yield what imposes values where the flow enters, with its speed as the penalty."""
        speed = self.outward * self.speed(term)
        entering = self.time_sign * np.maximum(self.time_sign * speed, 0)
        strength = entering if term.row == term.column else speed
        if np.any(strength):
            traces = ((term.column, 1.0, self.value),)
            yield Penalty(term.row, self.axis, self.inverse_norm(term), -strength, traces, 1 / a)

    def _values(self, term: DiffusiveTerm, a: Array) -> Iterator[Penalty]:
        """Yield what imposes values in a second derivative."""
        traces = ((term.column, 1.0, self.value),)
        flux, inner = term.coefficient, self.at(term.inner)
        bound = PENALTY_MARGIN / term.borrowed
        yield Penalty(term.row, self.axis, self.adjoint_slope(term), flux * inner, traces, 1 / a)
        yield Penalty(
            term.row, self.axis, self.inverse_norm(term), -bound * flux * inner, traces, 1 / a
        )

    def _slopes(self, term: DiffusiveTerm, a: Array, b: Array) -> Penalty:
        """Return what imposes slopes: the flux that they differ by, taken away."""
        traces = ((term.column, a / b, self.value), (term.column, 1.0, self.slope(term)))
        inner = self.at(term.inner)
        return Penalty(
            term.row, self.axis, self.inverse_norm(term), -term.coefficient * inner, traces, 1 / b
        )

    def inverse_norm(self, term: AdvectiveTerm | DiffusiveTerm) -> Row:
        """Return H⁻¹ at the face."""
        return Row(self.value.columns, 1 / term.law.norm[self.value.columns])

    def slope(self, term: DiffusiveTerm) -> Row:
        """Return the outward derivative on the face."""
        return term.slopes[self.upper]

    def adjoint_slope(self, term: DiffusiveTerm) -> Row:
        """Return H⁻¹ times the transpose of the outward derivative."""
        slope = self.slope(term)
        return Row(slope.columns, slope.weights / term.law.norm[slope.columns])


def interface_penalties(one: Face, two: Face, condition: Interface) -> Iterator[Penalty]:
    """Yield what makes two components continuous where they meet.

    Raises
    ------
    ValueError
        If they cannot meet: the faces end different axes, there is no such component, what leaves
        one does not enter the other, or only one of them diffuses.
    """
    first, second = condition.components
    count = one.op.program.inputs.count
    if one.axis != two.axis or not 0 <= min(first, second) <= max(first, second) < count:
        raise ValueError(
            f"{condition!r}: an interface joins two of the components 0 to {count - 1}, on faces "
            "of one axis"
        )
    here = Side(one, first, condition.lengths[0])
    there = Side(two, second, condition.lengths[1])
    if not np.allclose(here.speed, -there.speed, rtol=1e-12, atol=0):
        raise ValueError(
            f"{condition!r}: what leaves one component does not enter the other; lengths= says how "
            "long the grid's unit of length is in each"
        )
    if (here.flux is None) != (there.flux is None):
        raise ValueError(f"{condition!r}: only one of the components has a second derivative")
    if here.varies or there.varies:
        raise ValueError(
            f"{condition!r}: fluxes join where a coefficient that varies across stands between the "
            "derivatives, as in Diffusion(k, scheme=SBP(4))"
        )
    yield from here.penalties(there)
    yield from there.penalties(here)


@dataclass(frozen=True)
class Side:
    """One side of an interface: a component on a face."""

    face: Face
    component: int
    length: float

    @cached_property
    def terms(self) -> list[AdvectiveTerm | DiffusiveTerm]:
        """What acts across it."""
        own = (self.component, self.component)
        return [term for term in self.face.terms if (term.row, term.column) == own]

    @property
    def speed(self) -> Array:
        """The outward coefficient of first derivatives, in units of length of both blocks."""
        flows = [self.face.speed(t) for t in self.terms if isinstance(t, AdvectiveTerm)]
        total: Array = sum(flows, np.zeros((1,) * self.face.op.domain.ndim))
        return self.length * self.face.outward * total

    @property
    def flux(self) -> DiffusiveTerm | None:
        """The second derivative, if there is one."""
        return next((t for t in self.terms if isinstance(t, DiffusiveTerm)), None)

    @property
    def varies(self) -> bool:
        """Whether a coefficient that varies along the axis stands left of the second derivative."""
        coefficient = 1.0 if self.flux is None else self.flux.coefficient
        return np.ndim(coefficient) > 0 and np.shape(coefficient)[self.face.axis] > 1

    @property
    def conductivity(self) -> Array:
        """The coefficient of the flux, in units of length of both blocks."""
        assert self.flux is not None
        return self.length * self.face.at(self.flux.coefficient * self.flux.inner)

    def penalties(self, other: Side) -> Iterator[Penalty]:
        """Yield what makes this side's equation follow the other side."""
        i, j, face, axis = self.component, other.component, self.face, self.face.axis
        jump = ((i, 1.0, face.value), (j, -1.0, other.face.value))
        entering = face.time_sign * np.maximum(face.time_sign * self.speed, 0) / self.length
        if np.any(entering):
            flow = next(t for t in self.terms if isinstance(t, AdvectiveTerm))
            yield Penalty(i, axis, face.inverse_norm(flow), -entering, jump)
        if self.flux is None or other.flux is None:
            return
        ours, theirs = self.conductivity / self.length, other.conductivity / self.length
        fluxes = (
            (i, ours, face.slope(self.flux)),
            (j, theirs, other.face.slope(other.flux)),
        )
        bound = PENALTY_MARGIN / 4 * (ours / self.flux.borrowed + theirs / other.flux.borrowed)
        half = np.full(ours.shape, 0.5)
        yield Penalty(i, axis, face.adjoint_slope(self.flux), ours / 2, jump)
        yield Penalty(i, axis, face.inverse_norm(self.flux), -half, fluxes)
        yield Penalty(i, axis, face.inverse_norm(self.flux), -bound, jump)


def _spread(value: Any, ndim: int) -> Array:
    """Return a number or an array as an array that broadcasts to the points."""
    array = np.asarray(value)
    return array.reshape((1,) * ndim) if array.size == 1 else array


def _outer(places: Row, trace: Row, n: int) -> Band:
    """Return the band whose rows are multiples of a trace, at some points near one end."""
    first, last = int(places.columns.min()), int(places.columns.max())
    given = dict(zip(places.columns.tolist(), places.weights.tolist(), strict=True))

    def row(i: int) -> Row:
        weight = given.get(i, 0.0)
        return Row.merged(trace.columns, weight * trace.weights)

    lower = last < n - 1 - first
    head = tuple(row(i) for i in range(last + 1)) if lower else ()
    tail = () if lower else tuple(row(i) for i in range(first, n))
    return Band(n, n, (), np.zeros(0), head, tail)
