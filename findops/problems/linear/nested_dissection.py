"""Nested dissection of grids: the order in which unknowns are eliminated, and what that costs.

George (1973): a separator, a few planes thick, halves the grid so that no row reads points on both
sides, and each half is halved likewise. Where separators are eliminated after what they separate,
factors fill in along these only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Ints
    from findops.conditions.affine_system import AffineSystem

__all__ = ["Dissection", "Work"]

LEAF = 16
"""Points up to which a block is not divided any more."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Dissection:
    """A grid to be divided.

    Parameters
    ----------
    shape : tuple of int
        Points along the axes.
    reach : tuple of int
        How far rows read along each axis: the thickness of separators.
    periodic : tuple of bool
        Which axes are closed: their first points are a separator too.
    unknowns : float
        How many stand at a point.
    """

    shape: Shape
    reach: tuple[int, ...]
    periodic: tuple[bool, ...]
    unknowns: float

    @staticmethod
    def of(system: AffineSystem, sampled_rows: csr_array | None = None) -> Dissection:
        """Return that of a system's grid, as thick as half of its sampled rows need it.

        Those of another matrix may be given in place of its own.
        """
        rows = system.sampled_rows if sampled_rows is None else sampled_rows
        values = system.values
        row, col = rows.tocoo().coords
        centers = values.places(system.free[system.sample])
        reach = []
        for n, closed, center, at in zip(
            values.lattice,
            values.periodic,
            centers,
            values.places(col.astype(np.intp)),
            strict=True,
        ):
            distance = np.abs(at - center[row])
            if closed:
                distance = np.minimum(distance, n - distance)
            farthest = np.zeros(len(system.sample), dtype=int)
            np.maximum.at(farthest, row, distance)
            reach.append(max(1, int(np.median(farthest)) if farthest.size else 1))
        points = math.prod(values.lattice)
        return Dissection(values.lattice, tuple(reach), values.periodic, system.count / points)

    def order(self, points: Ints) -> Ints:
        """Return the order of elimination of unknowns that stand at points, given flat."""
        place = np.empty(math.prod(self.shape), dtype=np.intp)
        place[self._points()] = np.arange(place.size)
        return np.argsort(place[points], kind="stable")

    def _points(self) -> Ints:
        """Return all points, flat, in the order of elimination."""
        left, seams = np.arange(math.prod(self.shape)).reshape(self.shape), []
        for axis, (thickness, closed) in enumerate(zip(self.reach, self.periodic, strict=True)):
            if closed:
                seam, left = np.split(left, [thickness], axis)
                seams.append(seam.ravel())
        return np.concatenate([left.ravel()[_ordered(left.shape, self.reach, {})], *seams[::-1]])

    @cached_property
    def work(self) -> Work:
        """What elimination in this order takes."""
        total, shape, walls = Work(0, 0), list(self.shape), [0] * len(self.shape)
        for axis, (thickness, closed) in enumerate(zip(self.reach, self.periodic, strict=True)):
            if closed:
                total += self._front(tuple(shape), axis, tuple(walls))
                shape[axis] = max(shape[axis] - thickness, 0)
                walls[axis] = 2
        return total + self._inside(tuple(shape), tuple(walls), {})

    def _inside(self, shape: Shape, walls: Shape, known: dict[tuple[Shape, Shape], Work]) -> Work:
        """Return the work inside of a block with separators at 0, 1 or 2 ends of each axis."""
        if (shape, walls) in known:
            return known[shape, walls]
        cut = _separator(shape, self.reach)
        if cut is None:
            made = self._eliminated(math.prod(shape), self._beside(shape, walls))
        else:
            axis, start, stop = cut
            made = self._front(shape, axis, walls)
            for length, own in zip((start, shape[axis] - stop), _shared(walls[axis]), strict=True):
                half, ends = list(shape), list(walls)
                half[axis], ends[axis] = length, own
                made += self._inside(tuple(half), tuple(ends), known)
        known[shape, walls] = made
        return made

    def _front(self, shape: Shape, axis: int, walls: Shape) -> Work:
        """Return the work of eliminating a separator across a block."""
        points = math.prod(shape) // max(shape[axis], 1) * self.reach[axis]
        return self._eliminated(points, self._beside(shape, walls))

    def _beside(self, shape: Shape, walls: Shape) -> int:
        """Return how many points of the separators around a block its rows read."""
        points = math.prod(shape)
        return sum(
            ends * thickness * points // max(n, 1)
            for n, ends, thickness in zip(shape, walls, self.reach, strict=True)
        )

    def _eliminated(self, points: int, beside: int) -> Work:
        """Return the work of eliminating points, all of which are coupled to others beside."""
        s, b = points * self.unknowns, beside * self.unknowns
        return Work(2 / 3 * s**3 + 2 * s**2 * b + 2 * s * b**2, s**2 + 2 * s * b)


@dataclass(frozen=True)
class Work:
    """What a factorization takes."""

    operations: float
    """Additions and multiplications."""
    entries: float
    """Entries of the factors."""

    def __add__(self, other: Work) -> Work:
        return Work(self.operations + other.operations, self.entries + other.entries)


def _separator(shape: Shape, reach: Shape) -> tuple[int, int, int] | None:
    """Return the axis that a block is divided along, and where its separator starts and stops."""
    axis = max(range(len(shape)), key=lambda i: shape[i] / reach[i])
    n, thickness = shape[axis], reach[axis]
    if math.prod(shape) <= LEAF or n <= 2 * thickness + 1:
        return None
    start = (n - thickness) // 2
    return axis, start, start + thickness


def _shared(ends: int) -> tuple[int, int]:
    """Return at how many ends the halves of an axis have separators, given those of the whole."""
    return 1 + (ends > 1), 1 + (ends > 0)


def _ordered(shape: Shape, reach: Shape, known: dict[Shape, Ints]) -> Ints:
    """Return the points of a block, flat, in the order of elimination."""
    if shape not in known:
        known[shape] = np.arange(math.prod(shape))
        cut = _separator(shape, reach)
        if cut is not None:
            axis, start, stop = cut
            index = np.split(known[shape].reshape(shape), [start, stop], axis)
            halves = (half.ravel()[_ordered(half.shape, reach, known)] for half in index[::2])
            known[shape] = np.concatenate([*halves, index[1].ravel()])
    return known[shape]
