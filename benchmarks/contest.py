"""A contest: codes that compute the same, made ready to be sampled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.timing import Sampler
    from findops import Operator

__all__ = [
    "FRESH",
    "INTO",
    "Array",
    "Code",
    "Contest",
    "Entry",
    "Shape",
    "agree",
    "entries",
    "inner_rows",
]

Array = NDArray[Any]
Shape = tuple[int, ...]

FRESH, INTO = "findops", "findops out="
"""The two ways to apply an operator: into memory that is made for the result, or is there."""


@dataclass(frozen=True)
class Code:
    """A computation.

    Parameters
    ----------
    run : callable
        What is timed.
    read : callable
        Makes an array of what `run` returns.
    rounded : float
        Relative error of the weights, where the code rounds them.
    """

    run: Callable[[], Any]
    read: Callable[[Any], Array] = np.asarray
    rounded: float = 0


@dataclass(frozen=True)
class Entry:
    """One sampler of a contest, and the entry whose ratio to it is of interest."""

    sample: Sampler
    against: str | None = None


Contest = dict[str, Entry]


def entries(codes: Mapping[str, Code], against: Mapping[str, str]) -> Contest:
    """Return the contest of timed codes."""
    return {name: Entry(timed(code.run), against.get(name)) for name, code in codes.items()}


def inner_rows(op: Operator) -> NDArray[np.intp]:
    """Return some rows of an operator's matrix, far from the boundaries, of every component."""
    rng = np.random.default_rng(0)
    points = op.range.shape
    place = [rng.integers(n // 2, size=64) + n // 4 for n in points]
    size = math.prod(points)
    first = np.arange(0, op.shape[0], size)[:, None]
    return (first + np.ravel_multi_index(place, points)).ravel()


def agree(
    codes: Mapping[str, Code],
    inner: tuple[int, ...],
    op: Operator,
    u: Array,
    growth: float = 1,
) -> None:
    """Check that all codes for ``op(u)`` give what the first one gives, on the inner points.

    Each sums T products of weights and values. A weight comes out of a few roundings, eight at
    most; a product adds one and the sum T − 1, in whatever order. So each result is within
    (T + 8)·ε·Σ|weights|·max|u| of the exact one, if the code does not round its weights before. T
    and Σ|weights| are the largest of a sample of inner rows.

    Parameters
    ----------
    inner : tuple of int
        Number of inner points along each axis.
    growth : float
        By how much the error of one application may have grown in the result.

    Raises
    ------
    ValueError
        If a result is farther away than the errors of two codes.
    """
    rows = op.matrix(rows=inner_rows(op))
    taps = int(np.diff(rows.indptr).max())
    scale = growth * float(abs(rows).sum(axis=1).max()) * float(np.abs(u).max())
    roundoff = 2 * (taps + 8) * float(np.finfo(u.dtype).eps)
    (first, reference), *others = codes.items()
    expected = _central(reference, inner).copy()
    for name, code in others:
        error = float(np.abs(_central(code, inner) - expected).max())
        tolerance = scale * (roundoff + code.rounded)
        if not error <= tolerance:
            raise ValueError(f"{name} and {first} differ by {error:.2e}, more than {tolerance:.2e}")


def _central(code: Code, inner: tuple[int, ...]) -> Array:
    values = code.read(code.run())
    grid = values.shape[values.ndim - len(inner) :]
    margins = [(n - m) // 2 for n, m in zip(grid, inner, strict=True)]
    places: list[Any] = [slice(a, a + m) for a, m in zip(margins, inner, strict=True)]
    return values[(..., *places)]
