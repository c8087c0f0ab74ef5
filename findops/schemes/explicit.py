"""Explicit schemes: the band of a sliding window of points, with its closures."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from findops.plan.band import Band, Row, check_written, padded
from findops.schemes.fornberg import exact_weights, row_weights
from findops.schemes.scheme import Scheme, Stencil, TooFewPointsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from findops.common.arrays import Floats, Ints
    from findops.grids.axes import Axis
    from findops.schemes.scheme import Closure

__all__ = ["AxisMap", "ExplicitScheme", "Weighted", "blocks", "closure_images"]


BLOCK = 2**14
"""Numbers in an array that processors' caches hold several of."""


@dataclass(frozen=True)
class AxisMap:
    """A derivative that takes values at the points of one axis to the points of another."""

    order: int
    source: Axis
    target: Axis

    @cached_property
    def shift(self) -> Fraction:
        """Index steps from a source point to the target point of the same index."""
        return self.target.origin - self.source.origin

    def weights(self, rows: Ints, columns: Ints) -> Floats:
        """Return weights (rows, taps), or (1, taps) for all rows where the spacing is even.

        There every row must have the same columns relative to it.
        """
        spacing = self.source.spacing
        if spacing is None:
            return self._uneven_weights(rows, columns)
        offsets = tuple(int(j) - int(rows[0]) - self.shift for j in columns[0])
        scale = 1 / spacing**self.order
        return np.array([[float(w * scale) for w in exact_weights(self.order, offsets)]])

    def _uneven_weights(self, rows: Ints, columns: Ints) -> Floats:
        source, target = self.source, self.target
        if source.periodic:
            # Positions of images are fractions, which take long: these rows go by themselves.
            last = len(source) - 1
            images = (columns[:, 0] < 0) | (columns[:, -1] >= last) | (rows >= last)
            if images.any() and not images.all():
                weights = np.empty(columns.shape)
                for some in (images, ~images):
                    weights[some] = self._uneven_weights(rows[some], columns[some])
                return weights
        nodes, at = source.exact_position(columns.T), target.exact_position(rows)
        return row_weights(self.order, nodes, at)

    def gains_degree(self, offsets: Sequence[int]) -> bool:
        """Tell whether symmetry makes the window exact for one more degree at every row."""
        low, high = min(offsets), max(offsets)
        n, periodic = len(self.source), self.source.periodic
        before, after = self.source.ghosts_known
        stop = min(n - max(high - after, 0), len(self.target))
        inner = range(max(-low - before, 0), stop)
        rows = range(len(self.target)) if periodic else inner
        if not rows:
            return True
        parts = list(blocks(rows, len(offsets)))
        scale = max(np.abs(self._apart(part, o)).max() for part in parts for o in (low, high))
        # Coordinates are rounded, and weights are correct to 1e-14 of their sum.
        rounded = 16 * np.finfo(float).eps * np.abs(self.source.coordinates).max() / scale

        def symmetric(part: Ints) -> bool:
            nodes = np.stack([self._apart(part, o) for o in offsets], axis=1)
            weights = self.weights(part, _windows(part, np.array(offsets)))
            moments = weights * (nodes / scale) ** len(offsets)
            allowed = (1e-13 + rounded) * np.abs(moments).sum(1)
            return bool(np.all(np.abs(moments.sum(1)) <= allowed))

        return all(map(symmetric, parts))

    def _apart(self, rows: Ints, offset: int) -> Floats:
        """Return how far the points at an offset are from those of some rows."""
        apart = self.source.position(rows + offset) - self.target.position(rows)
        return apart.astype(np.float64)


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

    def weights(self, acc: int, axis_map: AxisMap, rows: Ints, columns: Ints) -> Floats:  # noqa: ARG002  # schemes may need it
        """Return the weights of windows, (rows, taps), or (1, taps) where the spacing is even.

        There every row must have the same columns relative to it.
        """
        return axis_map.weights(rows, columns)

    def edge_columns(self, i: int, acc: int, axis_map: AxisMap, inward: int) -> Ints:
        """Return the points of a row near one end, ascending, which lie inward.

        Raises
        ------
        TooFewPointsError
            If the axis is too short.
        """
        points, n = axis_map.order + acc, len(axis_map.source)
        if points > n:
            raise TooFewPointsError(points, n)
        first = i + self.lowest(points, axis_map.shift, inward)
        return np.arange(points) + min(max(first, 0), n - points)

    def edge_weights(self, acc: int, axis_map: AxisMap, rows: Ints, columns: Ints) -> Floats:  # noqa: ARG002  # schemes may need it
        """Return the weights of windows near an end, as `weights` does those of interior ones."""
        return axis_map.weights(rows, columns)

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
            first = 0 if halo[0] else min(max(0, -int(offsets[0])), m)
            stop = m if halo[1] else max(first, min(m, n - int(offsets[-1])))
            reach = (max(0, -int(offsets[0])), max(0, m - n + int(offsets[-1])))
            ghosts = (reach[0] * halo[0], reach[1] * halo[1])
            _check_ghosts(ghosts, source)
        check_written(first + m - stop, min(len(offsets), n))
        if stop <= first:
            weights = np.zeros((1, len(offsets)))
        elif source.spacing is not None:
            row = np.array([first])
            weights = self.weights(acc, axis_map, row, row[:, None] + offsets)
        else:
            # Tap by tap, as kernels read them.
            weights = np.empty((len(offsets), stop - first)).T
            for rows in blocks(range(first, stop), len(offsets)):
                found = self.weights(acc, axis_map, rows, _windows(rows, offsets))
                weights[rows[0] - first : rows[-1] + 1 - first] = found
        closed = self._closed([*range(first), *range(stop, m)], acc, axis_map, offsets, closure)
        band = Band(
            rows=m,
            cols=n,
            offsets=tuple(map(int, offsets)),
            weights=weights[0] if len(weights) == 1 else weights,
            head=closed[:first],
            tail=closed[first:],
            periodic=source.periodic,
            order=order,
            acc=acc,
            shift=axis_map.shift,
        )
        return padded(band.compressed(), *ghosts)

    def _closed(
        self,
        rows: Sequence[int],
        acc: int,
        axis_map: AxisMap,
        offsets: Ints,
        closure: tuple[Closure, Closure],
    ) -> tuple[Row, ...]:
        """Return rows whose windows stick out."""
        closed: dict[int, Row] = {}
        windows: dict[tuple[int, object], dict[int, Ints]] = {}
        for i in rows:
            face = _biased_face(i + offsets, len(axis_map.source), closure)
            if face is None:
                closed[i] = self._mirrored(i, acc, axis_map, offsets, closure)
                continue
            kind = closure[face]
            own = kind if isinstance(kind, int) else acc
            window = self.edge_columns(i, own, axis_map, -1 if face else 1)
            # Where the spacing is even, rows have weights in common if they lie alike.
            alike = len(window) if axis_map.source.spacing is None else tuple(window - i)
            windows.setdefault((own, alike), {})[i] = window
        for (own, _), group in windows.items():
            columns = np.array(list(group.values()))
            weights = self.edge_weights(own, axis_map, np.array(list(group)), columns)
            table = np.broadcast_to(weights, columns.shape)
            closed.update(zip(group, map(Row.merged, columns, table), strict=True))
        return tuple(closed[i] for i in rows)

    def _mirrored(
        self, i: int, acc: int, axis_map: AxisMap, offsets: Ints, closure: tuple[Closure, Closure]
    ) -> Row:
        """Return a row that reads images of points in place of those beyond the ends."""
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

    def weights(self, acc: int, axis_map: AxisMap, rows: Ints, columns: Ints) -> Floats:  # noqa: ARG002  # schemes may need it
        scale = 1 / self.spacing(axis_map.source) ** axis_map.order
        exact = self.stencil(axis_map.order, acc, axis_map.shift).weights
        return np.array([[float(w * scale) for w in exact]])


def blocks(rows: range, taps: int) -> Iterator[Ints]:
    """Yield some rows at a time, so few that what is made of their windows stays in caches."""
    step = max(BLOCK // taps, 1)
    for start in range(rows.start, rows.stop, step):
        yield np.arange(start, min(start + step, rows.stop))


def _windows(rows: Ints, offsets: Ints) -> Ints:
    """Return the columns of windows, (rows, taps), tap by tap in memory."""
    return (rows + offsets[:, None]).T


def _check_ghosts(needed: tuple[int, int], source: Axis) -> None:
    """Refuse a halo of points whose coordinates are not known."""
    known = source.ghosts_known
    if source.spacing is None and any(n > k for n, k in zip(needed, known, strict=True)):
        raise ValueError(
            f"a halo needs the coordinates of {needed[0]} points before the first and {needed[1]} "
            f"after the last, since the spacing varies, but {known[0]} and {known[1]} are known: "
            "give them as Points(coords, ghosts=(before, after))"
        )


def _biased_face(columns: Ints, n: int, closure: tuple[Closure, Closure]) -> int | None:
    """Return the end, 0 or 1, that keeps a window inside, None if none does."""
    out = columns[0] < 0, columns[-1] >= n
    biased = (kind == "accurate" or isinstance(kind, int) for kind in closure)
    return next((face for face, keeps in enumerate(biased) if keeps and out[face]), None)


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
