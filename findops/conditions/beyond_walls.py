"""Values beyond walls that no points lie on, from what conditions give and the nearest points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from findops.conditions.conditions import Trace
from findops.discretization.coefficients import evaluate
from findops.schemes.fornberg import row_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scipy.sparse import csr_array

    from findops.common.arrays import Array, Floats, Ints
    from findops.conditions.conditions import Condition, Place
    from findops.discretization.coefficients import ValueInTime
    from findops.grids.axes import Axis
    from findops.grids.grid import Grid

__all__ = ["BetweenPoints", "extended"]


@dataclass(frozen=True, eq=False)
class BetweenPoints:
    """A face on which no point lies, and what is given there: a·u + b·∂u/∂n = g."""

    condition: Condition
    grid: Grid
    """That of the component that it is given for."""
    place: Place
    acc: int
    """The order of accuracy of what reads values beyond it."""
    mirrored: bool
    """Whether at acc 2 values are mirrored, as slopes are: symmetric operators then stay so, but
    rows beside the face are not consistent, and a pressure that balances them is of first order."""

    @property
    def face(self) -> str:
        """Its name."""
        assert self.place.face is not None
        return self.place.face

    @cached_property
    def axis(self) -> int:
        """The axis that it ends."""
        return self.grid.face_axis(self.face)

    @property
    def upper(self) -> bool:
        """Whether it stands after the last point."""
        return self.face.endswith("+")

    @cached_property
    def points(self) -> Grid:
        """The points of the face."""
        return self.place.grid(self.grid.half(self.axis))

    @cached_property
    def given(self) -> ValueInTime:
        """What is given: g."""
        return self.condition.given(self.points, self.place)

    @cached_property
    def factors(self) -> tuple[Array, Array]:
        """The factors a and b, which broadcast to the points of the face."""
        trace = self.condition.expression
        assert isinstance(trace, Trace)
        a, b = (evaluate(part, self.points, repr(self.condition)) for part in trace.parts)
        return a, b

    @property
    def parity(self) -> str:
        """The closure that keeps the condition, or is nearest to that, where nothing is given."""
        return "even" if np.any(self.factors[1]) else "odd"

    @property
    def homogeneous(self) -> bool:
        """Whether nothing is given."""
        value = self.condition.value
        return not callable(value) and not np.any(value)

    @property
    def kept(self) -> bool:
        """Whether the closure keeps the condition to the order of accuracy, given zeros."""
        a, b = self.factors
        return self.acc <= 2 and not (np.any(a) and (np.any(b) or not self.mirrored))

    def _distances(self, count: int) -> Array:
        """Return how far points lie inwards of the face, from the last of `count` ghosts on."""
        axis, n = self.grid.axes[self.axis], self.grid.shape[self.axis]
        inwards = np.arange(-count, n)
        if axis.spacing is not None:
            first = float(axis.origin - axis.walls[0])
            away = float(axis.spacing) * (inwards + first)
        else:
            index = n - 1 - inwards if self.upper else inwards
            away = axis.position(index) - float(self.points.axes[self.axis].coordinates[0])
        signed: Array = np.abs(away) * np.sign(inwards + 0.5)
        return signed

    def beyond(self, count: int) -> tuple[Array, Array, Ints]:
        """Return what ghost values are made of, the nearest first.

        A polynomial goes through the nearest `acc` points and fulfills the condition. Where the
        closure keeps it, they are mirror images.

        Returns
        -------
        own : array, (count, points, *face)
            The weights of points inside.
        given : array, (count, *face)
            Those of what is given.
        points : array of int, (points,)
            Which points these are, from the face inwards.
        """
        a, b = self.factors
        distances = self._distances(count)
        ghosts, inside = distances[:count][::-1], distances[count:]
        if self.kept:
            even = self.parity == "even"
            mirror = np.eye(count) if even else -np.eye(count)
            own = mirror.reshape(count, count, *(1,) * a.ndim)
            size, factor = (-2 * ghosts, b) if even else (np.full(count, 2.0), a)
            return own, np.multiply.outer(size, 1 / factor), np.arange(count)
        points = min(max(self.acc, 2), len(inside))
        nodes = inside[:points]
        value, slope = _lagrange(nodes, 0.0)
        # ω, the product of the distances to the nodes, is what the condition determines.
        at_wall = np.prod(-nodes)
        outward = -sum(np.prod(np.delete(-nodes, i)) for i in range(points))
        divisor = a * at_wall + b * outward
        omega = np.array([np.prod(ghost - nodes) for ghost in ghosts])
        share = np.multiply.outer(omega, 1 / divisor)
        plain = np.array([_lagrange(nodes, ghost)[0] for ghost in ghosts])
        trace = np.multiply.outer(value, a) - np.multiply.outer(slope, b)
        own = plain.reshape(*plain.shape, *(1,) * a.ndim) - share[:, None] * trace[None]
        return own, share, np.arange(points)


def _lagrange(nodes: Floats, at: float) -> tuple[Floats, Floats]:
    """Return the weights of a polynomial's value and slope at a point, given it at nodes."""
    where = np.array([at])
    value = row_weights(0, nodes[:, None], where)[0]
    slope = row_weights(1, nodes[:, None], where)[0] if len(nodes) > 1 else np.zeros(1)
    return value, slope


def extended(
    grid: Grid, halo: Mapping[str, int], walls: Sequence[BetweenPoints]
) -> tuple[csr_array, tuple[csr_array, ...]]:
    """Return what a field with ghosts is made of: its own values, and what walls give.

    Parameters
    ----------
    grid : Grid
        Where the field lives.
    halo : mapping of str to int
        How many ghosts it carries beyond each face that has some.
    walls : sequence of BetweenPoints
        One for each of these faces.

    Returns
    -------
    own : csr_array, (values with ghosts, values)
    given : tuple of csr_array, (values with ghosts, points of the wall)
        One for each wall. At corners what is given is continued along its wall.
    """
    shape, faces = list(grid.shape), [math.prod(wall.points.shape) for wall in walls]
    # One matrix for all: the values first, then what walls give, one after the other.
    ends = np.cumsum([math.prod(shape), *faces])
    made = sparse.eye_array(ends[0], ends[-1], format="csr")
    for axis in range(grid.ndim):
        parts, places = [made], [np.arange(made.shape[0]).reshape(shape)]
        for start, wall in zip(ends, walls, strict=False):
            count = halo.get(wall.face, 0)
            if wall.axis != axis or not count:
                continue
            rows = _ghost_rows(wall, count, shape, halo, made, start)
            index = sum(part.shape[0] for part in parts) + np.arange(rows.shape[0])
            layers = index.reshape(*_replaced(shape, axis, count))
            places = [*places, layers] if wall.upper else [np.flip(layers, axis), *places]
            parts.append(rows)
        order = np.concatenate(places, axis)
        made = sparse.csr_array(sparse.vstack(parts, format="csr")[order.ravel()])
        shape = list(order.shape)
    pieces = [made[:, start:stop] for start, stop in zip([0, *ends], ends, strict=False)]
    return pieces[0], tuple(pieces[1:])


def _replaced(shape: Sequence[int], axis: int, count: int) -> tuple[int, ...]:
    return tuple(count if i == axis else n for i, n in enumerate(shape))


def _ghost_rows(
    wall: BetweenPoints,
    count: int,
    shape: Sequence[int],
    halo: Mapping[str, int],
    made: csr_array,
    start: int,
) -> csr_array:
    """Return the rows of ghosts beyond a wall, in the shape (…, count, …), the nearest first.

    Parameters
    ----------
    made : csr_array
        The rows of the field, in a shape that may have ghosts along axes before that of the wall.
    start : int
        The column of what is given at the wall's first point.
    """
    axis, n = wall.axis, wall.grid.shape[wall.axis]
    own, given, points = wall.beyond(count)
    layer = _replaced(shape, axis, 1)
    place = np.arange(made.shape[0]).reshape(shape)
    along = _along(wall, halo)
    rows = []
    for weights, share in zip(own, given, strict=True):
        row = sparse.csr_array((math.prod(layer), made.shape[1]))
        for point, weight in zip(points, weights, strict=True):
            index = place.take([n - 1 - point if wall.upper else point], axis)
            row = row + sparse.diags_array(_spread(wall, weight, halo)) @ made[index.ravel()]
        added = (sparse.diags_array(_spread(wall, share, halo)) @ along).tocoo()
        columns = (added.row, added.col + start)
        rows.append(row + sparse.csr_array((added.data, columns), shape=row.shape))
    whole = sparse.vstack(rows, format="csr")
    # From (count, …, 1, …) to (…, count, …).
    index = np.arange(whole.shape[0]).reshape(count, *layer)
    return sparse.csr_array(whole[np.moveaxis(index, 0, axis).squeeze(axis + 1).ravel()])


def _beyond_corners(wall: BetweenPoints, halo: Mapping[str, int]) -> list[tuple[int, int]]:
    """Return how many ghosts a wall's own points have along each axis before its own."""
    names = wall.grid.names
    return [
        (halo.get(f"{name}-", 0), halo.get(f"{name}+", 0)) if i < wall.axis else (0, 0)
        for i, name in enumerate(names)
    ]


def _spread(wall: BetweenPoints, values: Array, halo: Mapping[str, int]) -> Array:
    """Return what broadcasts to the points of a wall at all of them and beyond corners, flat."""
    full = np.broadcast_to(values, wall.points.shape)
    return np.pad(full, _beyond_corners(wall, halo), mode="edge").ravel()


def _along(wall: BetweenPoints, halo: Mapping[str, int]) -> csr_array:
    """Return what takes values at the points of a wall to these and those beyond corners.

    There they are those of the polynomial through the nearest, as many as the accuracy.
    """
    made = sparse.csr_array(np.ones((1, 1)))
    for axis, (before, after) in zip(wall.points.axes, _beyond_corners(wall, halo), strict=True):
        n, near = len(axis), np.arange(min(wall.acc, len(axis)))
        lower = _extrapolation(axis, np.arange(-before, 0), near)
        upper = _extrapolation(axis, np.arange(n, n + after), n - 1 - near)
        part = sparse.csr_array(np.concatenate([lower, np.eye(n), upper]))
        made = sparse.csr_array(sparse.kron(made, part, format="csr"))
    return made


def _extrapolation(axis: Axis, ghosts: Ints, nodes: Ints) -> Floats:
    """Return the weights of ghosts of an axis, given by index, on some of its points."""
    made = np.zeros((len(ghosts), len(axis)))
    if len(ghosts):
        places = np.repeat(axis.position(nodes)[:, None], len(ghosts), axis=1)
        made[:, nodes] = row_weights(0, places, axis.position(ghosts))
    return made
