"""Ghost points that a plan's input carries where the closure is a halo."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from findops.plan.band import Band, extended, padded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.grids.grid import Grid
    from findops.plan.program import Chain, Term

__all__ = ["with_halo"]

GhostPairs = list[tuple[int, int]]
"""Ghosts (before, after) per axis."""


def with_halo(
    chains: Sequence[Chain], grid: Grid, faced: Sequence[tuple[bool, bool]]
) -> tuple[tuple[Chain, ...], tuple[tuple[int, int], ...]]:
    """Return chains that read one input with ghosts, and the ghosts (before, after) per axis.

    Raises
    ------
    ValueError
        If a coefficient inside a product would be needed at ghost points.
    """
    none = [(0, 0)] * grid.ndim
    if not any(any(pair) for pair in faced):
        return tuple(chains), tuple(none)
    reached = [_reach(chain, grid) for chain in chains]
    common = [
        (
            max((g[i][0] for _, g in reached), default=0),
            max((g[i][1] for _, g in reached), default=0),
        )
        for i in range(grid.ndim)
    ]
    made = tuple(_padded(chain, ghosts, common, grid) for chain, ghosts in reached)
    return made, tuple(common)


def _reach(chain: Chain, grid: Grid) -> tuple[Chain, GhostPairs]:
    """Continue the inner terms to where the outer ones read ghosts."""
    need: GhostPairs = [(0, 0)] * grid.ndim
    terms = []
    for term in chain.terms:
        _check_coefficients(term, need, grid)
        bands = tuple(
            band and extended(band, *pair) for band, pair in zip(term.bands, need, strict=True)
        )
        need = [
            pair if band is None else band.ghosts for band, pair in zip(bands, need, strict=True)
        ]
        terms.append(replace(term, bands=bands))
    return replace(chain, terms=tuple(terms)), need


def _padded(chain: Chain, ghosts: GhostPairs, common: GhostPairs, grid: Grid) -> Chain:
    """Let the input of a chain carry the ghosts of all chains."""
    *outer, last = chain.terms
    bands: list[Band | None] = []
    for n, band, (low, high), (before, after) in zip(
        grid.shape, last.bands, ghosts, common, strict=True
    ):
        more = (before - low, after - high)
        if any(more) and band is None:
            band = replace(Band.identity(n + low + high), ghosts=(low, high), beyond=(low, high))
        bands.append(padded(band, *more) if band is not None else None)
    return replace(chain, terms=(*outer, replace(last, bands=tuple(bands))))


def _check_coefficients(term: Term, need: GhostPairs, grid: Grid) -> None:
    for i, pair in enumerate(need):
        if any(pair) and any(factor.varies(i) for factor in term.factors):
            raise ValueError(
                f"with a halo along {grid.names[i]!r}, a coefficient inside a product would be "
                "needed at ghost points, where it is unknown: bind the factors one by one"
            )
