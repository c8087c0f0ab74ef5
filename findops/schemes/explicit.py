"""Explicit schemes: the band of a sliding window of points, with its closures."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from findops.plan.band import Band, Row, padded
from findops.schemes.fornberg import exact_weights, row_weights
from findops.schemes.scheme import Scheme, Stencil, TooFewPointsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.common.arrays import Floats, Ints
    from findops.grids.axes import Axis
    from findops.schemes.scheme import Closure

__all__ = ["AxisMap", "ExplicitScheme", "Weighted", "closure_images"]


@dataclass(frozen=True)
class AxisMap:
    """A derivative that takes values at the points of one axis to the points of another."""

    order: int
    source: Axis
    target: Axis

    @property
    def shift(self) -> Fraction:
        """Index steps from a source point to the target point of the same index."""
        return self.target.origin - self.source.origin

    def weights(self, rows: Ints, columns: Ints) -> Floats:
        """Return weights (rows, taps), or (1, taps) for all rows where the spacing is even.

        There every row must have the same columns relative to it.
        """
        spacing = self.source.spacing
        if spacing is None:
            nodes = self.source.position(columns) - self.target.position(rows)[:, None]
            return row_weights(self.order, nodes)
        offsets = tuple(int(j) - int(rows[0]) - self.shift for j in columns[0])
        scale = 1 / spacing**self.order
        return np.array([[float(w * scale) for w in exact_weights(self.order, offsets)]])

    def gains_degree(self, offsets: Sequence[int]) -> bool:
        """Tell whether symmetry makes the window exact for one more degree at every row."""
        inside = np.arange(-min(offsets), len(self.source) - max(offsets))
        rows = np.arange(len(self.target)) if self.source.periodic else inside
        if not len(rows):
            return True
        columns = rows[:, None] + np.array(offsets)
        weights = self.weights(rows, columns)
        nodes = self.source.position(columns) - self.target.position(rows)[:, None]
        scale = np.abs(nodes).max()
        moments = weights * (nodes / scale) ** len(offsets)
        # Coordinates are rounded, and weights are correct to 1e-14 of their sum.
        rounded = 16 * np.finfo(float).eps * np.abs(self.source.coordinates).max() / scale
        allowed = (1e-13 + rounded) * np.abs(moments).sum(1)
        return bool(np.all(np.abs(moments.sum(1)) <= allowed))


@dataclass(frozen=True)
class ExplicitScheme(Scheme):
    """A scheme that reads a window of points."""

    @abstractmethod
    def lowest(self, points: int, shift: Fraction, inward: int) -> int:
        """Return the first offset of a window, leaning to larger offsets where inward is 1."""

    def offsets(self, order: int, acc: int, shift: Fraction) -> tuple[int, ...]:
        """Return source indices relative to the target's, on an evenly spaced axis."""
        first = self.lowest(order + acc, shift, 1)
        return tuple(range(first, first + order + acc))

    def interior(self, acc: int, axis_map: AxisMap) -> tuple[int, ...]:
        """Return the offsets that keep the accuracy on the axis at hand."""
        return self.offsets(axis_map.order, acc, axis_map.shift)

    def stencil(self, order: int, acc: int, shift: Fraction = Fraction(0)) -> Stencil:
        distances = tuple(o - shift for o in self.offsets(order, acc, shift))
        return Stencil(distances, exact_weights(order, distances))

    def weights(self, acc: int, axis_map: AxisMap, rows: Ints, columns: Ints) -> Floats:  # noqa: ARG002
        """Return the weights of windows, (rows, taps), or (1, taps) where the spacing is even.

        There every row must have the same columns relative to it.
        """
        return axis_map.weights(rows, columns)

    def edge(self, i: int, acc: int, axis_map: AxisMap, inward: int) -> Row:
        """Return a row whose window sticks out at one end, on points that lie inward.

        Raises
        ------
        TooFewPointsError
            If the axis is too short.
        """
        points, n = axis_map.order + acc, len(axis_map.source)
        if points > n:
            raise TooFewPointsError(points, n)
        first = i + self.lowest(points, axis_map.shift, inward)
        columns = np.arange(points) + min(max(first, 0), n - points)
        return Row.merged(columns, axis_map.weights(np.array([i]), columns[None])[0])

    def band(
        self, order: int, acc: int, source: Axis, target: Axis, closure: tuple[Closure, Closure]
    ) -> Band:
        axis_map = AxisMap(order, source, target)
        offsets = np.array(self.interior(acc, axis_map), dtype=np.intp)
        m, n = len(target), len(source)
        if source.periodic:
            first, stop, ghosts = 0, m, (0, 0)
        else:
            halo = [kind == "halo" for kind in closure]
            if any(halo) and source.spacing is None:
                raise ValueError("a halo needs evenly spaced points: its spacing is unknown")
            first = 0 if halo[0] else min(max(0, -int(offsets[0])), m)
            stop = m if halo[1] else max(first, min(m, n - int(offsets[-1])))
            reach = (max(0, -int(offsets[0])), max(0, m - n + int(offsets[-1])))
            ghosts = (reach[0] * halo[0], reach[1] * halo[1])

        def closed(i: int) -> Row:
            return self._closed(i, acc, axis_map, offsets, closure)

        # On even spacing one row tells the weights of all.
        rows = np.arange(first, stop if source.spacing is None else min(stop, first + 1))
        if stop > first:
            weights = self.weights(acc, axis_map, rows, rows[:, None] + offsets)
        else:
            weights = np.zeros((1, len(offsets)))
        band = Band(
            rows=m,
            cols=n,
            offsets=tuple(map(int, offsets)),
            weights=weights[0] if len(weights) == 1 else weights,
            head=tuple(closed(i) for i in range(first)),
            tail=tuple(closed(i) for i in range(stop, m)),
            periodic=source.periodic,
            order=order,
            acc=acc,
            shift=axis_map.shift,
        )
        return padded(band.compressed(), *ghosts)

    def _closed(
        self, i: int, acc: int, axis_map: AxisMap, offsets: Ints, closure: tuple[Closure, Closure]
    ) -> Row:
        """Return a row whose window sticks out."""
        n = len(axis_map.source)
        out = (int(i + offsets[0]) < 0, int(i + offsets[-1]) >= n)
        for face, inward in ((0, 1), (1, -1)):
            kind = closure[face]
            if out[face] and (kind == "accurate" or isinstance(kind, int)):
                return self.edge(i, kind if isinstance(kind, int) else acc, axis_map, inward)
        images, signs = closure_images(i + offsets, axis_map.source, closure)
        weights = self.weights(acc, axis_map, np.array([i]), i + offsets[None])[0]
        return Row.merged(images, signs * weights)


@dataclass(frozen=True)
class Weighted(ExplicitScheme):
    """An explicit scheme with weights of its own, on evenly spaced axes only."""

    def interior(self, acc: int, axis_map: AxisMap) -> tuple[int, ...]:
        # Not all axes are long enough for interior rows, which have the weights.
        self.spacing(axis_map.source)
        return super().interior(acc, axis_map)

    def weights(self, acc: int, axis_map: AxisMap, rows: Ints, columns: Ints) -> Floats:  # noqa: ARG002
        scale = 1 / self.spacing(axis_map.source) ** axis_map.order
        exact = self.stencil(axis_map.order, acc, axis_map.shift).weights
        return np.array([[float(w * scale) for w in exact]])


def closure_images(
    columns: Ints, axis: Axis, closure: tuple[Closure, Closure]
) -> tuple[Ints, Floats]:
    """Return the points that stand for those beyond the ends, as closures say, and their signs.

    Raises
    ------
    TooFewPointsError
        If the axis has no images of some.
    """
    mirrored, below, above = axis.mirror(columns)
    n = len(axis)
    signs, images = np.ones(len(columns)), columns.copy()
    for beyond, kind in ((below, closure[0]), (above, closure[1])):
        if kind == "halo" or not beyond.any():
            continue
        if kind != "zero" or axis.spacing is None:
            excess = np.maximum(mirrored - (n - 1), -mirrored)[beyond]
            if excess.max() > 0:
                raise TooFewPointsError(n + int(excess.max()), n)
        images[beyond] = mirrored[beyond] if kind != "zero" else 0
        signs[beyond] = {"odd": -1.0, "even": 1.0, "zero": 0.0}[str(kind)]
    return images, signs
