"""Sparse Jacobians of functions between fields: dependencies by probing, colored differences.

Curtis, Powell and Reid (1974): columns that share no row are found by one difference together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scipy.sparse import csr_array

    from findops.common.arrays import Array, Bools, Ints
    from findops.grids.grid import Grid

    FieldMap = Callable[[Array], Array]

__all__ = ["Dependencies", "GlobalDependenceError", "Probe", "dependencies"]

DIFFERENCE_STEP = np.finfo(float).eps ** (1 / 3)
"""Step of a central difference against the size of a field: both of its errors are alike."""

AGREE = 1e-3
"""Part of a row up to which a directional derivative may differ from the Jacobian's."""

CURVED = 100
"""How many times the third order of a directional difference a Jacobian may be off."""

NOISE = 1e4 * np.finfo(float).eps
"""Part of f that roundoff may leave in a difference of its values, and more."""

CUTS = 8
"""Places along an axis where the reach is measured."""

DENSE_JACOBIAN = 200
"""Unknowns up to which each may depend on every other."""


class GlobalDependenceError(ValueError):
    """A function whose every value depends on all the grid: its Jacobian is dense."""


@dataclass(frozen=True, eq=False)
class Dependencies:
    """Which values of f(u) depend on which of u.

    Parameters
    ----------
    pattern : csr_array of bool, (n, n)
        The pattern of the Jacobian, fields flat in C order.
    colors : array of int, (components, *grid)
        Unknowns of one color have no row of the pattern in common.
    """

    pattern: csr_array
    colors: Ints

    def jacobian(self, f: FieldMap, u: Array) -> csr_array:
        """Return the Jacobian of f at u by central differences, two evaluations for each color.

        It is exact to some 1e-10 of its rows. For complex fields f is taken to be analytic. Where f
        is not finite on one side of u, as √u at zero, the differences are those to the other.
        """
        here = f(u)
        made: csr_array = self.pattern.astype(np.result_type(u, here, np.float64))
        rows = np.repeat(np.arange(u.size), np.diff(made.indptr))
        colors = self.colors.ravel()[made.indices]
        order = np.argsort(colors, kind="stable")
        ends = np.cumsum(np.bincount(colors, minlength=int(self.colors.max()) + 1))
        step = difference_steps(u, self.colors.shape)
        for color, entries in enumerate(np.split(order, ends[:-1])):
            change = np.where(self.colors == color, step, 0).reshape(u.shape)
            above, below = u + change, u - change
            with np.errstate(all="ignore"):
                difference = _difference(f(above), f(below), here).ravel()
            width = (above - below).ravel()
            made.data[entries] = difference[rows[entries]] / width[made.indices[entries]]
        made.eliminate_zeros()
        return made


def _difference(high: Array, low: Array, here: Array) -> Array:
    """Return high − low, twice the difference to the value between where only one is finite."""
    above, below = np.isfinite(high), np.isfinite(low)
    if (above & below).all():
        return high - low
    return np.select(
        [above & below, above, below], [high - low, 2 * (high - here), 2 * (here - low)], np.nan
    )


def difference_steps(u: Array, shape: tuple[int, ...]) -> Array:
    """Return steps of differences: parts of the largest value of each component."""
    size = np.abs(u).reshape(shape).max(axis=tuple(range(1, len(shape))), keepdims=True)
    return DIFFERENCE_STEP * np.where(size > 0, size, 1.0)


def dependencies(f: FieldMap, u: Array, grid: Grid) -> Dependencies:
    """Find out which values of a function depend on which of its argument.

    Where u is NaN, exactly that becomes NaN which depends on it: operators read no point whose
    weight is zero, and arithmetic hands NaN on. Larger and smaller values reveal what stands behind
    comparisons. First the reach along each axis is found, then many points are probed at once, too
    far from each other for anything to depend on two of them.

    Parameters
    ----------
    f : callable
        Maps fields to fields of the same shape, each value always by the same arithmetic. Where it
        sets values to zero, there are no dependencies.
    u : array of float64 or complex128, (*components, *grid)
        A field at which f is finite.
    grid : Grid
        The grid of both.

    Raises
    ------
    ValueError
        If f(u) is not finite or has another shape; if every value depends on all the grid, as with
        a mean; if a derivative of f contradicts what was found.

    Examples
    --------
    >>> from findops import Diff, Grid, Uniform
    >>> grid = Grid(x=Uniform(0, 1, 4))
    >>> slope = Diff("x").on(grid)
    >>> found = dependencies(lambda u: u * slope(u), np.ones(4), grid)
    >>> found.pattern.astype(int).toarray()
    array([[1, 1, 1, 0],
           [1, 1, 1, 0],
           [0, 1, 1, 1],
           [0, 1, 1, 1]])
    """
    probe = Probe(f, u, f(u))
    lines = [
        _axis_coloring(probe, u.ndim - grid.ndim + i, axis.periodic)
        for i, axis in enumerate(grid.axes)
    ]
    components = math.prod(u.shape[: u.ndim - grid.ndim])
    counts = (components, *(line.count for line in lines))
    if math.prod(counts) == u.size > DENSE_JACOBIAN:
        raise GlobalDependenceError(
            "every value of the function depends on the field in all the grid, as with a mean: its "
            "Jacobian is dense; give jac="
        )
    colors = np.ravel_multi_index(
        np.ix_(np.arange(components), *(line.colors for line in lines)), counts
    )
    rows, columns = zip(*_entries(probe, lines, colors), strict=True)
    entries = np.concatenate(rows), np.concatenate(columns)
    ones = np.ones(len(entries[0]), bool)
    pattern = sparse.csr_array((ones, entries), shape=(u.size, u.size))
    found = Dependencies(pattern, colors)
    _check_derivative(f, u, found)
    return found


@dataclass(frozen=True, eq=False)
class Probe:
    """A function at a field, to be asked what depends on parts of the field."""

    f: FieldMap
    u: Array
    value: Array

    def __post_init__(self) -> None:
        if self.value.shape != self.u.shape:
            raise ValueError(
                f"the function must map fields of shape {self.u.shape} to the same shape, but "
                f"returned {self.value.shape}"
            )
        if not np.isfinite(self.value).all():
            raise ValueError("the function is not finite at the field where it is probed")

    def __call__(self, where: Bools) -> Bools:
        """Return which values of f depend on some of u."""
        far = 2 * np.abs(self.u).max(initial=0) + 1
        with np.errstate(all="ignore"):
            changed = (self.f(np.where(where, self.u + by, self.u)) for by in (far, -far, np.nan))
            return np.asarray(np.any([value != self.value for value in changed], axis=0))


@dataclass(frozen=True, eq=False)
class AxisColoring:
    """What rows read along one axis: points from `low` to `high`, counted on beyond the ends."""

    low: Ints
    high: Ints
    periodic: bool

    @property
    def width(self) -> int:
        return int((self.high - self.low).max()) + 1

    @property
    def colors(self) -> Ints:
        """Colors of the points, none twice in what a row reads."""
        n = len(self.low)
        if not self.periodic:
            return np.arange(n) % self.width
        # As many runs as fit around, each of which counts through the colors.
        starts = np.arange(n // self.width) * n // (n // self.width)
        run = np.searchsorted(starts, np.arange(n), side="right") - 1
        return np.asarray(np.arange(n) - starts[run])

    @property
    def count(self) -> int:
        """The number of colors."""
        return int(self.colors.max()) + 1

    def points_read(self) -> Ints:
        """Return the point of a color that a row reads, (colors, rows); −1 for none."""
        n, colors = len(self.low), self.colors
        made = np.full((self.count, n), -1)
        for offset in range(self.width):
            rows = np.flatnonzero(self.low + offset <= self.high)
            points = (self.low[rows] + offset) % n
            made[colors[points], rows] = points
        return made


def _axis_coloring(probe: Probe, axis: int, periodic: bool) -> AxisColoring:
    """Find what rows read along an axis."""
    shape = probe.u.shape
    others = tuple(i for i in range(len(shape)) if i != axis)

    def depend(where: Bools) -> Bools:
        """Return which rows read any of some points."""
        return np.asarray(probe(np.expand_dims(where, others)).any(axis=others))

    return (_periodic_coloring if periodic else _bounded_coloring)(depend, shape[axis])


def _periodic_coloring(depend: Callable[[Bools], Bools], n: int) -> AxisColoring:
    """Return what rows of a periodic axis read: as far back as ahead, like an upwind scheme."""
    rows, half, reach = np.arange(n), n // 2, 0
    for start in np.unique(np.linspace(0, n, CUTS, endpoint=False).astype(int)):
        read = np.roll(depend(np.roll(rows < half, start)), -start)
        # Rows outside a half that read it lie next to it, unless they read all there is.
        clean = np.flatnonzero(~read[half:])
        if not clean.size or clean[-1] - clean[0] + 1 != clean.size:
            return AxisColoring(rows * 0, rows * 0 + n - 1, True)
        reach = max(reach, clean[0], n - half - 1 - clean[-1])
    if 2 * reach + 1 > n:
        return AxisColoring(rows * 0, rows * 0 + n - 1, True)
    return AxisColoring(rows - reach, rows + reach, True)


def _bounded_coloring(depend: Callable[[Bools], Bools], n: int) -> AxisColoring:
    """Return what rows of a bounded axis read: the same inside, and whatever near the ends."""
    rows, reach = np.arange(n), 0
    for cut in np.unique(np.linspace(n / 4, 3 * n / 4, CUTS).astype(int)):
        last = np.flatnonzero(depend(rows < cut)).max(initial=cut - 1)
        first = np.flatnonzero(depend(rows >= cut)).min(initial=cut)
        reach = max(reach, last - cut + 1, cut - first)
    low, high = np.maximum(rows - reach, 0), np.minimum(rows + reach, n - 1)
    near = 4 * reach + 8
    for k in range(min(near, n)):
        high = np.where(depend(rows >= k), np.maximum(high, k), high)
    for k in range(max(n - near, 0), n):
        low = np.where(depend(rows <= k), np.minimum(low, k), low)
    return AxisColoring(low, high, False)


def _entries(probe: Probe, lines: list[AxisColoring], colors: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield the rows and the columns of the pattern, color by color."""
    grid = tuple(len(line.low) for line in lines)
    read = [line.points_read() for line in lines]
    counts = (colors.shape[0], *(len(points) for points in read))
    for color in range(math.prod(counts)):
        where = colors == color
        component, *along = np.unravel_index(color, counts)
        depend = probe(where.reshape(probe.u.shape)).reshape(-1, *grid)
        _, *rows = np.nonzero(depend)
        points = [table[c, i] for table, c, i in zip(read, along, rows, strict=True)]
        if any((point < 0).any() for point in points):
            raise ValueError(_contradiction())
        columns = np.ravel_multi_index((np.full_like(points[0], component), *points), colors.shape)
        yield np.flatnonzero(depend), columns


def _check_derivative(f: FieldMap, u: Array, found: Dependencies) -> None:
    """Refuse dependencies that a derivative in a random direction contradicts."""
    rng = np.random.default_rng(0)
    direction = rng.uniform(0.5, 1, u.shape) * rng.choice([-1, 1], u.shape)
    if np.iscomplexobj(u):
        direction = direction + 1j * rng.uniform(-1, 1, u.shape)
    change = (
        difference_steps(u, found.colors.shape) * direction.reshape(found.colors.shape)
    ).reshape(u.shape)
    made = found.jacobian(f, u)
    # What is not finite contradicts nothing.
    with np.errstate(all="ignore"):
        above, below = f(u + change).ravel(), f(u - change).ravel()
        whole = (above - below) / 2
        half = (f(u + change / 2) - f(u - change / 2)).ravel() / 2
    # The Jacobian holds as much of the third derivative as these differences show.
    linear, cubic = (8 * half - whole) / 3, np.abs(whole - 2 * half)
    size = abs(made) @ np.abs(change).ravel()
    roundoff = NOISE * np.maximum(np.abs(above), np.abs(below))
    left = np.abs(linear - made @ change.ravel())
    if np.any(left > AGREE * size + CURVED * cubic + roundoff):
        raise ValueError(_contradiction())


def _contradiction() -> str:
    return (
        "the function's derivative contradicts what it was found to depend on: it may depend on "
        "points far away, choose between branches, or not be analytic in a complex field; give jac="
    )
