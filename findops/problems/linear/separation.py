"""Separation of a plan: what leads from component to component, as products along the axes."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from findops.plan.program import Chain, Factor, Program, Term

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Block", "Product", "separated"]

SPLIT_ROUNDOFF = 1e-13
"""Part of a coefficient by which it may differ from a sum of functions of one coordinate each."""

MOST_CHAINS = 1000
"""Chains that a product of sums may become when it is multiplied out."""

Product = tuple[tuple[Chain, ...], ...]
"""For each axis the one-dimensional chains that are added up there; none is the identity."""

Block = tuple[Product, ...]
"""Products that are added up, one for each axis along which some act alone, then the others."""


def separated(program: Program) -> dict[tuple[int, int], Block] | None:
    """Return the blocks of a plan, by rows and columns; None if it does not separate.

    Coefficients in front of derivatives are products of functions of one coordinate each, others
    sums of these.
    """
    if _count(program) > MOST_CHAINS:
        return None
    found: dict[tuple[int, int], list[Product]] = {}
    for chain in _chains(program):
        for part in _summands(chain):
            product = _product(part)
            if product is None:
                return None
            found.setdefault((chain.row, chain.col), []).append(product)
    return {place: _gathered(products) for place, products in found.items()}


def _gathered(products: list[Product]) -> Block:
    """Return the same sum, in which what acts along one axis alone is one product."""
    alone = [product for product in products if len(list(filter(None, product))) == 1]
    others = [product for product in products if len(list(filter(None, product))) > 1]
    axes = range(len(products[0]))
    sums = [tuple(chain for product in alone for chain in product[i]) for i in axes]
    made = [tuple(sums[i] if j == i else () for j in axes) for i in axes if sums[i]]
    return (*made, *others)


def _count(program: Program) -> int:
    """Return the number of chains of a plan, products of sums multiplied out."""
    return sum(
        1 if isinstance(part, Chain) else math.prod(map(_count, part.programs))
        for part in program.parts
    )


def _chains(program: Program) -> Iterator[Chain]:
    """Yield the chains of a plan, products of sums multiplied out."""
    for part in program.parts:
        if isinstance(part, Chain):
            yield part
        else:
            yield from reduce(_multiplied, [list(_chains(each)) for each in part.programs])


def _multiplied(left: list[Chain], right: list[Chain]) -> list[Chain]:
    """Return the chains of a product of sums."""
    return [Chain(a.row, b.col, a.terms + b.terms) for a in left for b in right if a.col == b.row]


def _product(chain: Chain) -> Product | None:
    """Return what a chain does along each axis, None if it does not separate.

    Numbers multiply along the first axis on which it acts.
    """
    acting = set()
    for term in chain.terms:
        acting |= {i for i, band in enumerate(term.bands) if band is not None}
        for factor in term.factors:
            if len(_varying(factor)) > 1:
                return None
            acting |= _varying(factor)
    first = min(acting, default=0)

    def along(axis: int) -> tuple[Chain, ...]:
        if axis != first and axis not in acting:
            return ()
        return (Chain(0, 0, tuple(_along(term, axis, axis == first) for term in chain.terms)),)

    return tuple(map(along, range(len(chain.terms[0].bands))))


def _varying(factor: Factor) -> set[int]:
    """Return the axes along which a factor may differ from point to point."""
    return {i for i, n in enumerate(factor.value.shape) if n > 1}


def _along(term: Term, axis: int, first: bool) -> Term:
    """Return what a term does along an axis; along the first one, what numbers it has, too."""
    factors = tuple(
        replace(factor, value=factor.value.reshape(-1))
        for factor in term.factors
        if _varying(factor) == {axis} or (first and not _varying(factor))
    )
    return Term((term.bands[axis],), term.scale if first else 1.0, factors)


def _summands(chain: Chain) -> Iterator[Chain]:
    """Yield a coefficient that is a sum of functions of one coordinate each as such a sum."""
    first = chain.terms[0]
    values = np.asarray(first.coefficient)
    acts = len(chain.terms) > 1 or any(first.bands) or first.masks
    # Where conditions stand values may be infinite, of which no sums are made.
    if acts or values.size == 1 or not np.isfinite(values).all():
        yield chain
        return
    axes = range(values.ndim)
    mean = values.mean(keepdims=True)
    others = [tuple(j for j in axes if j != i) for i in axes]
    functions = [values.mean(axis=j, keepdims=True) - mean for j in others] + [mean]
    if np.abs(values - sum(functions)).max() > SPLIT_ROUNDOFF * np.abs(values).max():
        yield chain
        return
    for function in functions:
        yield replace(chain, terms=(Term(first.bands, 1.0, (Factor(function),)),))
