"""Bands: 1-D row operators, which every scheme makes, and bands made of others."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.common.arrays import Array, Floats, Ints

__all__ = [
    "Band",
    "ByParts",
    "LineTransform",
    "Row",
    "check_written",
    "extended",
    "folded",
    "padded",
    "reach",
    "restricted",
    "summed",
]


MOST_WRITTEN = 1 << 27
"""Weights of rows written out one by one, at most: 2 GB with their columns."""


def check_written(rows: int, taps: int) -> None:
    """Refuse rows written out one by one that memory would hardly hold.

    Raises
    ------
    ValueError
        If there are more than `MOST_WRITTEN` weights.
    """
    if rows * taps > MOST_WRITTEN:
        raise ValueError(
            f"{rows} rows with up to {taps} weights of their own would take "
            f"{16e-9 * rows * taps:.3g} GB, and at most {16e-9 * MOST_WRITTEN:.2g} GB are written "
            "out: apply the operator without its matrix, or take fewer points"
        )


@dataclass(frozen=True, eq=False)
class Row:
    """One closure row: its columns, ascending, and their weights."""

    columns: Ints
    weights: Floats

    @staticmethod
    def merged(columns: Ints, weights: Floats) -> Row:
        """Return a row in which weights on the same column are added, and none is zero."""
        if not (columns[1:] > columns[:-1]).all():
            order = np.argsort(columns, kind="stable")
            columns, weights = columns[order], weights[order]
        if (columns[1:] > columns[:-1]).all():
            kept = weights != 0
            return Row(columns[kept], weights[kept])
        unique = np.unique(columns)
        # Rounded once, so that what cancels is zero whatever the order.
        sums = np.array([math.fsum(weights[columns == column]) for column in unique])
        return Row(unique[sums != 0], sums[sums != 0])

    def moved(self, by: int) -> Row:
        """Return the row on columns further on."""
        return Row(self.columns + by, self.weights)


class LineTransform(Protocol):
    """A quicker way to apply a band to whole lines, such as a fast Fourier transform."""

    def __call__(self, u: Array, axis: int) -> Array:
        """Return the band applied along an axis of u, in the type of u."""

    @property
    def T(self) -> LineTransform:  # noqa: N802  # the transpose's name everywhere
        """The transpose."""


@dataclass(frozen=True, eq=False)
class ByParts:
    """How a derivative integrates by parts in a diagonal norm.

    A first derivative leaves the products of two fields at the ends, a second one those of one
    field and the outward derivative of the other. One without `slopes` leaves nothing.
    """

    norm: Floats
    """The diagonal of H, (n,)."""
    slopes: tuple[Row, Row] | None = None
    """The outward derivatives at both ends."""


@dataclass(frozen=True, eq=False)
class Band:
    """A 1-D row operator from `cols` points to `rows` points.

    Between the closure rows of `head` and `tail`, row i reads the columns i + offset: with the same
    weights (taps,) at every row, or with those of its own (interior rows, taps). On a periodic axis
    every row is such a row and columns wrap around.

    The band approximates sign·∂^order at points `shift` index steps after those of its input. Its
    sign is 0 where it approximates zero, as dissipation does, which vanishes with the spacing.
    `acc` is the accuracy that its scheme was asked for, 0 where no scheme made it, as a transpose.
    With a band on the `left`, from its output to itself, it is left⁻¹ · band. A band that reads
    whole lines may have a `transform` that applies it in fewer operations.
    Its `law`, if it has one, tells how it integrates by parts.
    Where the closure is a halo, the input carries `ghosts`, numbers of further points before and
    after those of the grid; `beyond` counts those of the output.
    """

    rows: int
    cols: int
    offsets: tuple[int, ...]
    weights: Floats
    head: tuple[Row, ...] = ()
    tail: tuple[Row, ...] = ()
    periodic: bool = False
    order: int = 0
    acc: int = 0
    sign: int = 1
    shift: Fraction = Fraction(0)
    ghosts: tuple[int, int] = (0, 0)
    beyond: tuple[int, int] = (0, 0)
    left: Band | None = None
    transform: LineTransform | None = None
    law: ByParts | None = None

    @staticmethod
    def identity(n: int) -> Band:
        """Return the identity on n points."""
        return Band(n, n, (0,), np.ones(1))

    @property
    def interior(self) -> range:
        """The rows between the closures."""
        return range(len(self.head), self.rows - len(self.tail))

    @property
    def constant(self) -> bool:
        """Whether all interior rows have the same weights."""
        return self.weights.ndim == 1

    @property
    def whole(self) -> bool:
        """Whether it is applied to whole lines rather than row by row."""
        return self.left is not None or self.transform is not None

    def over(self, left: Band) -> Band:
        """Return left⁻¹ · band."""
        return replace(self, left=left)

    @property
    def inverse(self) -> Band:
        """The band that solves with this one."""
        return replace(Band.identity(self.rows), left=self)

    @property
    def right(self) -> Band | None:
        """The right side alone, None where that is the identity."""
        if self.left is None:
            return self
        plain = self.offsets == (0,) and self.constant and not (self.head or self.tail)
        return None if plain and self.weights[0] == 1 else replace(self, left=None)

    @property
    def taps(self) -> int:
        """The most points that a row reads."""
        return max([len(self.offsets), *(len(row.columns) for row in self.head + self.tail)])

    def compressed(self) -> Band:
        """Return the band with one set of weights where all interior rows agree, zeros left out."""
        weights = self.weights
        # The last row tells most that vary from those that do not.
        alike = weights.ndim == 2 and len(weights) and (weights[-1] == weights[0]).all()
        if alike and (weights == weights[0]).all():
            weights = weights[0]
        if weights.ndim == 1:
            used = weights != 0
        else:
            # So does the first row tell what is used.
            used = np.array([tap[:1].any() or tap.any() for tap in weights.T], dtype=bool)
        if used.all():
            return self if weights is self.weights else replace(self, weights=weights)
        offsets = tuple(o for o, keep in zip(self.offsets, used.tolist(), strict=True) if keep)
        return replace(self, offsets=offsets, weights=weights[..., used])

    def row(self, i: int) -> tuple[Ints, Floats]:
        """Return the columns, not wrapped, and the weights of row i."""
        if i < len(self.head):
            return self.head[i].columns, self.head[i].weights
        if i >= self.interior.stop:
            edge = self.tail[i - self.interior.stop]
            return edge.columns, edge.weights
        weights = self.weights if self.constant else self.weights[i - len(self.head)]
        return i + np.array(self.offsets, dtype=np.intp), weights

    def unwrapped(self) -> Band:
        """Return the same operator with wrapping rows written out as closure rows."""
        if not self.periodic:
            return self
        before = max(0, -min(self.offsets, default=0))
        after = max(0, max(self.offsets, default=0))
        check_written(min(before + after, self.rows), self.taps)
        if before + after >= self.rows:
            before, after = self.rows, 0

        def written(i: int) -> Row:
            columns, weights = self.row(i)
            return Row.merged(columns % self.cols, weights)

        stop = self.rows - after
        return replace(
            self,
            periodic=False,
            weights=self.weights if self.constant else self.weights[before:stop],
            head=tuple(written(i) for i in range(before)),
            tail=tuple(written(i) for i in range(stop, self.rows)),
        )

    def table(self) -> tuple[Ints, Floats]:
        """Return columns and weights of every row (rows, most taps), padded with zero weights."""
        if self.periodic:
            return self.unwrapped().table()
        columns = np.zeros((self.rows, self.taps), dtype=np.intp)
        weights = np.zeros((self.rows, self.taps))
        inside = slice(self.interior.start, max(self.interior.stop, self.interior.start))
        rows = np.arange(inside.start, inside.stop)[:, None]
        columns[inside, : len(self.offsets)] = rows + np.array(self.offsets, dtype=np.intp)
        weights[inside, : len(self.offsets)] = self.weights
        for i, row in (*enumerate(self.head), *enumerate(self.tail, self.interior.stop)):
            columns[i, : len(row.columns)] = row.columns
            weights[i, : len(row.columns)] = row.weights
        return columns, weights

    def entries(self, rows: Ints) -> tuple[Ints, Floats]:
        """Return columns and weights (*rows, most taps) of some rows, padded with zero weights."""
        reach = max(self.offsets, default=0) - min(self.offsets, default=0)
        if self.periodic and self.constant and reach < self.cols:
            check_written(rows.size, self.taps)
            columns = (rows[..., None] + np.array(self.offsets, dtype=np.intp)) % self.cols
            return columns, np.broadcast_to(self.weights, columns.shape)
        every, weights = self.table()
        return every[rows], weights[rows]

    @property
    def T(self) -> Band:  # noqa: N802  # the transpose's name everywhere
        """The transpose; of a band with a left side, `Term.transposed` is, a product of two."""
        if self.left is not None:
            raise AssertionError("the transpose of an implicit band is a product of two")
        flipped = replace(
            self,
            rows=self.cols,
            cols=self.rows,
            offsets=tuple(-o for o in reversed(self.offsets)),
            acc=0,
            sign=self.sign * (-1) ** self.order,
            shift=-self.shift,
            ghosts=self.beyond,
            beyond=self.ghosts,
            transform=self.transform and self.transform.T,
            law=None,
        )
        low, high = self._plain_columns()
        weights = self.weights[..., ::-1]
        if not self.constant:
            reached = np.arange(low, high)[:, None] + np.array(flipped.offsets, dtype=np.intp)
            taps = np.arange(len(self.offsets))
            weights = weights[(reached - len(self.head)) % max(self.rows, 1), taps]
        if self.periodic:
            return replace(flipped, weights=weights)
        rows = self._columns_as_rows(low, high)
        return replace(flipped, weights=weights, head=rows[:low], tail=rows[low:])

    def _plain_columns(self) -> tuple[int, int]:
        """Return the range of columns that interior rows alone touch, each by every offset."""
        if self.periodic:
            return 0, self.cols
        if not self.offsets:
            return self.cols, self.cols
        last = max([-1, *(int(row.columns.max(initial=-1)) for row in self.head)])
        first = min([self.cols, *(int(row.columns.min(initial=self.cols)) for row in self.tail)])
        low = max(self.interior.start + max(self.offsets), last + 1)
        high = min(self.interior.stop + min(self.offsets), first)
        return (low, high) if low < high else (self.cols, self.cols)

    def _columns_as_rows(self, low: int, high: int) -> tuple[Row, ...]:
        columns, weights = self.table()
        edge = (weights != 0) & ((columns < low) | (columns >= high))
        rows, taps = np.nonzero(edge)
        found, values = columns[rows, taps], weights[rows, taps]
        order = np.lexsort((rows, found))
        wanted = [*range(low), *range(high, self.cols)]
        starts = np.searchsorted(found[order], wanted)
        ends = np.searchsorted(found[order], wanted, side="right")
        return tuple(
            Row(rows[order[a:b]], values[order[a:b]]) for a, b in zip(starts, ends, strict=True)
        )

    def scaled(self, left: Floats, right: Floats) -> Band:
        """Return diag(left) · band · diag(right)."""

        def written(i: int, row: Row) -> Row:
            return Row(row.columns, left[i] * row.weights * right[row.columns])

        inside = np.arange(self.interior.start, self.interior.stop)[:, None]
        columns = (inside + np.array(self.offsets, dtype=np.intp)) % self.cols
        scaled = replace(
            self,
            weights=left[inside] * self.weights * right[columns],
            head=tuple(written(i, row) for i, row in enumerate(self.head)),
            tail=tuple(written(i, row) for i, row in enumerate(self.tail, self.interior.stop)),
            law=None,
        )
        return scaled.compressed()


# Bands made of others ---------------------------------------------------------------------------


def summed(parts: Sequence[tuple[float, Band]]) -> Band:
    """Return a sum of numbers times bands between the same points, all periodic or none."""
    bands = [band for _, band in parts]
    start = max(band.interior.start for band in bands)
    stop = max(start, min(band.interior.stop for band in bands))
    offsets = sorted(set().union(*(band.offsets for band in bands)))
    shape = () if all(band.constant for band in bands) else (stop - start,)
    weights = np.zeros((*shape, len(offsets)))
    for scale, band in parts:
        first = band.interior.start
        own = band.weights if band.constant else band.weights[start - first : stop - first]
        weights[..., [offsets.index(o) for o in band.offsets]] += scale * own

    def written(i: int) -> Row:
        rows = [(band.row(i), scale) for scale, band in parts]
        columns = np.concatenate([c for (c, _), _ in rows])
        return Row.merged(columns, np.concatenate([s * w for (_, w), s in rows]))

    rows = bands[0].rows
    return Band(
        rows,
        bands[0].cols,
        tuple(offsets),
        weights,
        head=tuple(written(i) for i in range(start)),
        tail=tuple(written(i) for i in range(stop, rows)),
        periodic=bands[0].periodic,
    ).compressed()


def folded(band: Band) -> Band:
    """Return the same operator with those taps added that meet on a circle."""
    if not band.periodic or max(band.offsets, default=0) - min(band.offsets, default=0) < band.cols:
        return band
    kept = {o % band.cols: o for o in band.offsets}
    offsets = tuple(sorted(kept.values()))
    meeting = [
        [tap for tap, o in enumerate(band.offsets) if kept[o % band.cols] == one] for one in offsets
    ]
    # Rounded once, so that what cancels is zero whatever the order.
    sums = [np.apply_along_axis(math.fsum, -1, band.weights[..., taps]) for taps in meeting]
    weights = np.stack(sums, axis=-1)
    return replace(band, offsets=offsets, weights=weights).compressed()


def reach(band: Band, start: int, stop: int) -> tuple[int, int]:
    """Return the range of columns that a range of rows reads, (0, 0) if none.

    On a circle both ranges go on beyond its ends.
    """
    inside, edges = _split(band, start, stop)
    columns = [c for row in (*edges[0], *edges[1]) for c in row.columns.tolist()]
    if inside:
        columns += [inside[0] + o for o in band.offsets] + [inside[-1] + o for o in band.offsets]
    return (min(columns), max(columns) + 1) if columns else (0, 0)


def restricted(band: Band, rows: tuple[int, int], cols: tuple[int, int]) -> Band:
    """Return the band between a range of rows and a range of columns that holds their reach."""
    if band.left is not None:
        raise ValueError(
            "an implicit scheme reads whole lines: it applies to arrays whose chunks are not "
            "cut along its axis"
        )
    (start, stop), (first, last) = rows, cols
    inside, (head, tail) = _split(band, start, stop)
    weights = band.weights if inside else np.zeros(0)
    if inside and not band.constant:
        own = np.array(inside, dtype=np.intp) - len(band.head)
        weights = weights[own % max(band.rows, 1) if band.periodic else own]
    return replace(
        band,
        rows=stop - start,
        cols=last - first,
        offsets=tuple(o + start - first for o in band.offsets) if inside else (),
        weights=weights,
        head=tuple(row.moved(-first) for row in head),
        tail=tuple(row.moved(-first) for row in tail),
        periodic=False,
        ghosts=(0, 0),
        beyond=(0, 0),
        transform=None,
        law=None,
    )


def _split(
    band: Band, start: int, stop: int
) -> tuple[range, tuple[tuple[Row, ...], tuple[Row, ...]]]:
    """Return the interior rows of a range of rows, and the closure rows before and after."""
    if band.periodic:
        return range(start, stop), ((), ())
    low, high = band.interior.start, max(band.interior.start, band.interior.stop)
    tail = band.tail[max(start - high, 0) : max(stop - high, 0)]
    return range(max(start, low), min(stop, high)), (band.head[start:stop], tail)


def padded(band: Band, before: int, after: int) -> Band:
    """Return the band on an input that carries further points, which it does not read."""
    if not before and not after:
        return band
    return replace(
        band,
        cols=band.cols + before + after,
        offsets=tuple(o + before for o in band.offsets),
        head=tuple(row.moved(before) for row in band.head),
        tail=tuple(row.moved(before) for row in band.tail),
        ghosts=_widened(band.ghosts, before, after),
    )


def extended(band: Band, before: int, after: int) -> Band:
    """Return the band with further interior rows, reading further points, on either side."""
    if not before and not after:
        return band
    if (before and band.head) or (after and band.tail) or not band.constant:
        raise ValueError(
            "a product with a halo needs its inner derivative at ghost points, which only one with "
            "constant weights has: on uneven points, bind the factors one by one, each to the grid "
            "of the points where it is needed"
        )
    return replace(
        band,
        rows=band.rows + before + after,
        cols=band.cols + before + after,
        head=tuple(row.moved(before) for row in band.head),
        tail=tuple(row.moved(before) for row in band.tail),
        ghosts=_widened(band.ghosts, before, after),
        beyond=_widened(band.beyond, before, after),
    )


def _widened(pair: tuple[int, int], before: int, after: int) -> tuple[int, int]:
    return pair[0] + before, pair[1] + after
