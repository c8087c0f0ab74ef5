"""Differential operators on uniform grids, told so that every code can compute them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from findops import (
    Advection,
    Curl,
    Diff,
    Diffusion,
    Divergence,
    Gradient,
    Grid,
    Laplacian,
    Uniform,
    coefficients,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contest import Array
    from findops import Operator

__all__ = [
    "CURL",
    "DIVERGENCE",
    "GRADIENT",
    "LAPLACIAN",
    "MIXED",
    "Kind",
    "Orders",
    "Problem",
    "Row",
    "Transport",
    "along",
]

Orders = tuple[int, ...]
Row = defaultdict[tuple[int, tuple[int, ...]], float]
"""The weights of one component of a result, by the component that is read and the offsets."""


class Part(NamedTuple):
    """One derivative in an operator between components: its place, its sign, its orders."""

    row: int
    column: int
    sign: int
    orders: Orders


@dataclass(frozen=True)
class Kind:
    """A differential operator: for findops by accuracy, for the peers part by part."""

    name: str
    expression: Callable[[int], Any]
    parts: Callable[[int], list[Part]]


def _unit(axis: int, ndim: int, order: int = 1) -> Orders:
    return tuple(order if i == axis else 0 for i in range(ndim))


def along(axis: int) -> Kind:
    """Return the first derivative along an axis."""
    return Kind(
        f"∂/∂{'xyz'[axis]}",
        lambda acc: Diff(axis, acc=acc),
        lambda ndim: [Part(0, 0, 1, _unit(axis, ndim))],
    )


LAPLACIAN = Kind(
    "Laplacian",
    lambda acc: Laplacian(acc=acc),
    lambda ndim: [Part(0, 0, 1, _unit(i, ndim, 2)) for i in range(ndim)],
)
MIXED = Kind(
    "∂⁴/∂x²∂y²",
    lambda acc: Diff(0, 2, acc) * Diff(1, 2, acc),
    lambda ndim: [Part(0, 0, 1, (2, 2, *(0,) * (ndim - 2)))],
)
GRADIENT = Kind(
    "gradient",
    lambda acc: Gradient(acc=acc),
    lambda ndim: [Part(i, 0, 1, _unit(i, ndim)) for i in range(ndim)],
)
DIVERGENCE = Kind(
    "divergence",
    lambda acc: Divergence(acc=acc),
    lambda ndim: [Part(0, i, 1, _unit(i, ndim)) for i in range(ndim)],
)
CURL = Kind(
    "curl",
    lambda acc: Curl(acc=acc),
    lambda ndim: [
        part
        for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1))
        for part in (Part(i, k, 1, _unit(j, ndim)), Part(i, j, -1, _unit(k, ndim)))
    ],
)


@dataclass(frozen=True)
class Problem:
    """An operator of some accuracy on a grid over the unit cube, and a field for it."""

    kind: Kind
    shape: tuple[int, ...]
    acc: int = 2
    dtype: str = "float64"

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Spacing along each axis."""
        return tuple(1 / (n - 1) for n in self.shape)

    @cached_property
    def grid(self) -> Grid:
        """The grid."""
        return Grid(*(Uniform(0, 1, n) for n in self.shape))

    @cached_property
    def operator(self) -> Operator:
        """The operator, bound to the grid."""
        op: Operator = self.kind.expression(self.acc).on(self.grid)
        return op

    @cached_property
    def parts(self) -> list[Part]:
        """The derivatives that the operator consists of."""
        return self.kind.parts(self.ndim)

    @property
    def components(self) -> tuple[int, int]:
        """Number of components that it gives, and that it reads."""
        return 1 + max(part.row for part in self.parts), 1 + max(part.column for part in self.parts)

    @cached_property
    def field(self) -> Array:
        """A field of the shape and type that the operator reads."""
        rng = np.random.default_rng(len(self.shape))
        read = self.components[1]
        return rng.random((read,) * (read > 1) + self.shape, dtype=np.dtype(self.dtype).type)

    @property
    def columns(self) -> list[Array]:
        """The components of the field."""
        return [self.field] if self.components[1] == 1 else list(self.field)

    def result(self) -> Array:
        """Return memory for a result, resident already."""
        given = self.components[0]
        return np.full((given,) * (given > 1) + self.shape, np.nan, self.dtype)

    @property
    def padded(self) -> Array:
        """The field with ghost points, zeros, as many as a central stencil reaches."""
        components = self.field.ndim - self.ndim
        return np.pad(self.field, [(0, 0)] * components + [(self.reach,) * 2] * self.ndim)

    def taps(self, axis: int, order: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Return offsets and weights of a central derivative along an axis."""
        central = coefficients(order, acc=self.acc)
        scale = self.spacing[axis] ** order
        return tuple(central.offsets), tuple(float(w) / scale for w in central.weights)

    @property
    def reach(self) -> int:
        """How many points a central stencil reaches to either side."""
        return (max(max(part.orders) for part in self.parts) + self.acc - 1) // 2

    @property
    def inner(self) -> tuple[int, ...]:
        """Shape of the points where no code needs a closure."""
        return tuple(n - 2 * self.reach for n in self.shape)

    def rows(self, derivative: Callable[[int, Orders], Any]) -> list[Any]:
        """Put the components of the result together out of signed derivatives.

        Parameters
        ----------
        derivative : callable
            Takes the column that is read and the orders along the axes.
        """
        rows = defaultdict[int, list[Part]](list)
        for part in self.parts:
            rows[part.row].append(part)
        return [_signed_sum(parts, derivative) for _, parts in sorted(rows.items())]

    def rows_of_taps(self) -> list[Row]:
        """Return the weights of central stencils for each component of the result."""
        rows = [
            defaultdict[tuple[int, tuple[int, ...]], float](float)
            for _ in range(self.components[0])
        ]
        for part in self.parts:
            lines = [
                list(zip(*self.taps(axis, order), strict=True)) if order else [(0, 1.0)]
                for axis, order in enumerate(part.orders)
            ]
            for taps in product(*lines):
                offsets = tuple(k for k, _ in taps)
                rows[part.row][part.column, offsets] += part.sign * prod(w for _, w in taps)
        return rows


@dataclass(frozen=True)
class Transport:
    """The operator a·∇ + ∇·(k∇) with arrays of coefficients, and a field for it.

    Findops reads k at the half points of each axis, as an array that is one shorter.
    """

    shape: tuple[int, ...]

    @cached_property
    def grid(self) -> Grid:
        """The grid, over the unit cube."""
        return Grid(*(Uniform(0, 1, n) for n in self.shape))

    @cached_property
    def velocity(self) -> list[Array]:
        """The coefficients a."""
        rng = np.random.default_rng(1)
        return [rng.random(self.shape) for _ in self.shape]

    @cached_property
    def conductivity(self) -> list[Array]:
        """The coefficients k."""
        rng = np.random.default_rng(2)
        return [rng.random(self.grid.half(axis).shape) for axis in range(len(self.shape))]

    @cached_property
    def expression(self) -> Any:
        """The operator."""
        return Advection(self.velocity) + Diffusion(self.conductivity)

    @cached_property
    def operator(self) -> Operator:
        """The operator, bound to the grid."""
        op: Operator = self.expression.on(self.grid)
        return op

    @cached_property
    def field(self) -> Array:
        """A field."""
        return np.random.default_rng(3).random(self.shape)

    def result(self) -> Array:
        """Return memory for a result, resident already."""
        return np.full(self.shape, np.nan)


def _signed_sum(parts: list[Part], derivative: Callable[[int, Orders], Any]) -> Any:
    first, *others = parts
    total = derivative(first.column, first.orders)
    for part in others:
        term = derivative(part.column, part.orders)
        total = total + term if part.sign > 0 else total - term
    return total
