"""Application of programs to fields with holes, made ready: step by step along their chains."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from findops.executors.rowwise import Rowwise
from findops.executors.scattered import ScatteredStencils
from findops.executors.stencil_runs import StencilGroup
from findops.masked.partial_map import Component, Derivative, Product, Sum
from findops.plan.program import Chain, Factor, Layout, Program, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.common.arrays import Array, Ints
    from findops.executors.contiguous import Ready
    from findops.masked.partial_map import PartialMap
    from findops.plan.band import Band

__all__ = ["PartialApplication"]

KEPT = 64
"""Shapes and types for which a stage keeps a quick function."""


@dataclass(frozen=True, eq=False)
class PartialApplication:
    """A sum of products: of each, what is applied first stands first."""

    products: tuple[Path, ...]

    @staticmethod
    def of(total: Sum, blank: Ints) -> PartialApplication:
        """Make ready what a program makes of the values of another map; NaN at flat indices."""
        direct: list[tuple[int, Link]] = []
        others: list[list[tuple[int, Link]] | Sum] = []
        for row, made in total.parts:
            if isinstance(made, Sum):
                others.append(made)
                continue
            assert row is not None
            link = Link.last(made)
            if isinstance(link.source, Component):
                direct.append((row, link))
            else:
                others.append([(row, link)])
        # All that reads the field itself is one program.
        *first, last = [direct, *others] if direct or not others else others
        none = np.zeros(0, dtype=np.intp)
        products = (*(_product(one, total, none) for one in first), _product(last, total, blank))
        return PartialApplication(products)

    def __call__(
        self, u: Array, out: Array | None = None, add: bool = False, scale: float = 1.0
    ) -> Array:
        """Return scale times the values, or write or add them to `out`, which is apart from u.

        Both arrays have no gaps. Where there is no value there may be anything.
        """
        for *before, last in self.products:
            value = u
            for stage in before:
                value = stage(value)
            out, add = last(value, out, add, scale), True
        assert out is not None  # there is at least one product
        return out


@dataclass(frozen=True, eq=False)
class Stage:
    """Rows of a program where holes leave them as they are, and stencils near holes."""

    rowwise: Rowwise
    near: ScatteredStencils
    ready: dict[tuple[tuple[int, ...], np.dtype[Any]], Ready | None] = field(default_factory=dict)
    """The rows made ready for arrays of a shape and type."""

    @staticmethod
    def of(
        inputs: Layout, outputs: Layout, links: Sequence[tuple[int, Link]], blank: Ints
    ) -> Stage:
        """Make ready a sum of links, each to a component; NaN at flat indices."""
        parts = tuple(Chain(row, link.column, (link.kept_term(),)) for row, link in links)
        # NaN times anything is NaN, so that what is read there does not matter.
        nothing = StencilGroup(
            blank,
            np.minimum(blank, inputs.size - 1),
            np.zeros_like(blank),
            np.zeros((1, 1), np.intp),
            np.full((1, 1), np.nan),
        )
        near = ScatteredStencils.of([*(link.near(row) for row, link in links), nothing])
        return Stage(Rowwise.of(Program(inputs, outputs, parts)), near)

    def __call__(
        self, u: Array, out: Array | None = None, add: bool = False, scale: float = 1.0
    ) -> Array:
        inputs, outputs = self.rowwise.program.inputs, self.rowwise.program.outputs
        count = math.prod(u.shape[: u.ndim - len(inputs.shape)])
        key = u.shape, u.dtype
        if key not in self.ready and len(self.ready) < KEPT:
            self.ready[key] = self.rowwise.ready(*key)
        quick = self.ready.get(key)
        result = None if quick is None else quick(u, out, add, scale)
        if result is None:
            result = self.rowwise(u, out, add, scale)
        self.near.add_to(result.reshape(count, outputs.size), u.reshape(count, inputs.size), scale)
        return result


class Link(NamedTuple):
    """The last step of a chain: stencils along one axis at most, times a coefficient."""

    source: PartialMap
    derivative: Derivative | None
    product: Product | None

    @staticmethod
    def last(made: PartialMap) -> Link:
        """Take the last step from a chain."""
        product = made if isinstance(made, Product) else None
        inner = made if product is None else product.of
        if isinstance(inner, Derivative):
            return Link(inner.of, inner, product)
        return Link(inner, None, product)

    @property
    def column(self) -> int:
        """The component that is read."""
        return self.source.number if isinstance(self.source, Component) else 0

    def kept_term(self) -> Term:
        """Return the term for the points where no hole changes it; zero at all others."""
        bands: list[Band | None] = [None] * self.source.defined.ndim
        kept = self.source.defined
        if self.derivative is not None:
            stencils, kept = self.derivative.stencils, self.derivative.stencils.kept
            bands[stencils.axis] = stencils.band
        term = Term(tuple(bands))
        if self.product is not None:
            given = self.product.term
            term = replace(term, scale=given.scale, factors=given.factors)
        # Where holes change nothing, neither does a mask.
        mask = () if kept.all() else (Factor(kept, selects=True),)
        return replace(term, factors=(*term.factors, *mask))

    def near(self, row: int) -> StencilGroup:
        """Return the stencils near holes, which make values of a component."""
        if self.derivative is None:
            return StencilGroup.none()
        stencils = self.derivative.stencils
        wanted = stencils.defined & ~stencils.kept
        coefficient: Array = np.ones(())
        if self.product is not None:
            wanted = wanted & self.product.selected
            coefficient = np.asarray(self.product.term.coefficient)
        points = np.flatnonzero(wanted)
        kinds, offsets, weights = stencils.near(points)
        factors = None
        if coefficient.ndim or np.iscomplexobj(coefficient):
            factors = np.broadcast_to(coefficient, wanted.shape)[
                np.unravel_index(points, wanted.shape)
            ]
        else:
            weights = weights * coefficient
        return StencilGroup(
            points + row * wanted.size,
            stencils.reads(points) + self.column * stencils.valid.size,
            kinds,
            offsets * stencils.stride,
            weights,
            factors,
        )


Path = tuple["Stage | PartialApplication", ...]
"""What is applied one after the other, the first first."""


def _product(links: list[tuple[int, Link]] | Sum, total: Sum, blank: Ints) -> Path:
    """Return the path to a part of a sum: a composition, or links that read the same."""
    if isinstance(links, Sum):
        return _composed(links, total.of, blank)
    inputs, outputs = total.program.inputs, total.program.outputs
    source = links[0][1].source if links else None
    if source is None or isinstance(source, Component):
        return (Stage.of(inputs, outputs, links, blank),)
    between = Layout((), source.defined.shape)
    return (*_stages(source, inputs), Stage.of(between, outputs, links, blank))


def _stages(made: PartialMap, inputs: Layout) -> Path:
    """Return the path that makes one component from a field."""
    link, outputs, none = Link.last(made), Layout((), made.defined.shape), np.zeros(0, np.intp)
    if isinstance(link.source, Component):
        return (Stage.of(inputs, outputs, [(0, link)], none),)
    between = Layout((), link.source.defined.shape)
    return (*_stages(link.source, inputs), Stage.of(between, outputs, [(0, link)], none))


def _composed(made: Sum, start: PartialMap, blank: Ints) -> Path:
    """Return the path of sums that leads from one map to another."""
    last = PartialApplication.of(made, blank)
    if made.of is start:
        return (last,)
    assert isinstance(made.of, Sum)
    return (*_composed(made.of, start, np.zeros(0, np.intp)), last)
