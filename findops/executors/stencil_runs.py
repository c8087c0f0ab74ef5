"""Stencils at scattered points of a few kinds, in the order in which they are gone through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.common.arrays import AnyInts, Array, Floats, Int64s, Ints

__all__ = ["StencilGroup", "StencilRuns", "numbered"]

BLOCK = 1 << 11
"""Points of a block of the result: its kinds are gone through one by one, with the block and what
it reads in the first caches."""


class StencilGroup(NamedTuple):
    """Stencils at some points of a result."""

    points: Ints
    """Flat indices in the result."""
    reads: Ints
    """Flat indices in the field, from which offsets are counted."""
    kinds: Ints
    """The kind of each."""
    offsets: Ints
    """Of each kind, (kinds, taps)."""
    weights: Floats
    """Of each kind, (kinds, taps); what has no weight is not read."""
    factors: Array | None = None
    """What each result is multiplied by, real or complex."""

    @staticmethod
    def none() -> StencilGroup:
        """Return stencils at no point."""
        nothing = np.zeros(0, np.intp)
        table = np.zeros((0, 1), np.intp)
        return StencilGroup(nothing, nothing, nothing, table, np.zeros((0, 1)))


@dataclass(frozen=True, eq=False)
class StencilRuns:
    """Stencils in the order in which they are gone through: block by block, kind by kind."""

    points: AnyInts
    reads: AnyInts
    factors: Array | None
    starts: Int64s
    """Where each run of stencils of one kind in one block begins, and the last one ends."""
    kinds: Int64s
    """The kind of each run."""
    blocks: Int64s
    """The first run of each block, and the end."""
    offsets: Int64s
    """(kinds, taps)."""
    weights: Floats
    """(kinds, taps), none of them 0."""

    @staticmethod
    def of(groups: Sequence[StencilGroup]) -> StencilRuns:
        """Bring stencils into order."""
        width = max((group.weights.shape[1] for group in groups), default=1)
        first = np.cumsum([0, *(len(group.weights) for group in groups)])
        tables = [_without_zeros(group.offsets, group.weights, width) for group in groups]
        points = _joined([group.points for group in groups])
        reads = _joined([group.reads for group in groups])
        kinds = _joined([group.kinds + k for group, k in zip(groups, first[:-1], strict=True)])
        block = points // BLOCK
        order = _stable_order(kinds)
        order = order[_stable_order(block[order])]
        block, kinds = block[order], kinds[order]
        new_block = np.diff(block, prepend=-1) != 0
        new_run = new_block | (np.diff(kinds, prepend=-1) != 0)
        starts = np.flatnonzero(new_run)
        same = np.array_equal(points, reads)
        ordered = _narrow(points[order])
        return StencilRuns(
            ordered,
            ordered if same else _narrow(reads[order]),
            _factors(groups, order),
            np.append(starts, len(points)),
            kinds[starts].astype(np.int64),
            np.append(np.flatnonzero(new_block[starts]), len(starts)),
            np.concatenate([np.zeros((0, width), np.int64), *(table[0] for table in tables)]),
            np.concatenate([np.zeros((0, width)), *(table[1] for table in tables)]),
        )


def numbered(keys: Ints, size: int) -> tuple[Ints, Ints]:
    """Count the different keys below a size: return the number of each, and where one of it is."""
    used = np.zeros(size, dtype=bool)
    used[keys] = True
    which = (np.cumsum(used, dtype=np.int32) - 1)[keys].astype(np.intp)
    place = np.zeros(np.count_nonzero(used), dtype=np.intp)
    place[which] = np.arange(len(keys))
    return which, place


def _without_zeros(offsets: Ints, weights: Floats, width: int) -> tuple[Int64s, Floats]:
    """Return tables of `width` taps with none that has no weight.

    In their place a row reads its first tap several times, for an eighth, an eighth, a fourth and a
    half of the weight, say: added up in this order they are exact, and so the row is what it was.
    """
    order = np.argsort(weights == 0, axis=1, kind="stable")
    repeated = width - np.count_nonzero(weights, axis=1)[:, None]
    place = np.arange(width)
    taken = np.take_along_axis(order, np.maximum(place - repeated, 0), axis=1)
    halved = np.maximum(repeated + 1 - np.maximum(place, 1), 0) * (repeated > 0)
    return (
        np.take_along_axis(offsets, taken, axis=1).astype(np.int64),
        np.ldexp(np.take_along_axis(weights, taken, axis=1), -halved),
    )


def _factors(groups: Sequence[StencilGroup], order: Ints) -> Array | None:
    if all(group.factors is None for group in groups):
        return None
    ones = (
        np.ones(len(group.points)) if group.factors is None else group.factors for group in groups
    )
    return np.concatenate(list(ones))[order]


def _joined(arrays: Sequence[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, np.intp), *arrays])


def _narrow(values: Ints) -> AnyInts:
    """Return indices as int32 where they fit, as kernels read them."""
    fits = not len(values) or max(int(values.max()), -int(values.min())) < 1 << 31
    return values.astype(np.int32 if fits else np.int64)


def _stable_order(keys: Ints) -> Ints:
    """Sort numbers that are not negative; small ones by their digits, in linear time."""
    return np.argsort(keys.astype(np.min_scalar_type(keys.max(initial=0))), kind="stable")
