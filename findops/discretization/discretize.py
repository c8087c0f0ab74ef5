"""Programs, the plans of operators, from expressions, grids, schemes and closures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from numbers import Complex
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import Number
from findops.discretization.halo import with_halo
from findops.discretization.products import AxisClosures, ChainBuilder, Link, UpwindMask
from findops.expressions.components import expand
from findops.expressions.derivative import Diff
from findops.expressions.expression import Coef, Product, check_fields, terms_of
from findops.plan.program import Chain, Layout, Program
from findops.schemes import Closure, Upwind

if TYPE_CHECKING:
    from findops.expressions.expression import Closures, Expr
    from findops.grids.grid import Grid

__all__ = ["Discretization", "discretize"]

CLOSURES = ("accurate", "odd", "even", "zero", "halo")

EVEN = (
    "called 'even' here: the field is continued by its mirror image, about the end node on "
    "Uniform and Points, about the wall on Cells"
)
AROUND = "not a closure but an axis that closes on itself: make it Periodic(start, stop, n)"
ELSEWHERE = {
    "reflect": EVEN,
    "mirror": EVEN,
    "symmetric": EVEN,
    "antisymmetric": "called 'odd' here",
    "wrap": AROUND,
    "grid-wrap": AROUND,
    "periodic": AROUND,
    "constant": "called 'zero' here; other values beyond the ends are given with 'halo'",
    "nearest": "not here, as its derivatives jump at the ends: 'accurate' needs no values beyond "
    "them, 'even' mirrors the field, 'halo' takes values",
    "edge": "not here, as its derivatives jump at the ends: 'accurate' needs no values beyond "
    "them, 'even' mirrors the field, 'halo' takes values",
}
"""What SciPy's and NumPy's names of continuations are here."""


@dataclass(frozen=True)
class Discretization:
    """A program, the grids that it maps between, and the ghosts that its input carries."""

    program: Program
    domain: Grid
    range: Grid
    ghosts: tuple[tuple[int, int], ...]


def discretize(
    expr: Expr, grid: Grid, closure: Closures, fields: Mapping[str, object]
) -> Discretization:
    """Return the plan of an expression on a grid.

    Raises
    ------
    ValueError
        If an axis is unknown, positions do not match, a coefficient has the wrong shape, a closure
        is unknown, or the grid is too small.
    TypeError
        If a field is missing or unknown.
    """
    check_fields(expr, fields)
    parts = expand(expr, grid)
    closures = _closures(closure, grid, prod(parts.inputs))
    builder = ChainBuilder(grid, fields)
    chains: list[Chain] = []
    ends: list[Grid] = []
    for (row, col), entry in sorted(parts.entries.items()):
        for scale, links in _products(entry, grid):
            terms, end = builder.chain(scale, links, closures[col])
            chains.append(Chain(row, col, terms))
            ends.append(end)
    target = ends[0] if ends else grid
    for end in ends:
        if end != target:
            raise ValueError(_unlike(expr, target, end))
    faced = tuple((kinds[0] == "halo", kinds[1] == "halo") for kinds in closures[0])
    made, ghosts = with_halo(chains, grid, faced)
    points = tuple(n + sum(pair) for n, pair in zip(grid.shape, ghosts, strict=True))
    program = Program(Layout(parts.inputs, points), Layout(parts.outputs, target.shape), made)
    return Discretization(program, grid, target, ghosts)


def _closures(closure: Closures, grid: Grid, components: int) -> tuple[AxisClosures, ...]:
    """Return the closures (lower, upper) of every axis, for each component of the input."""
    by_face = dict(closure) if isinstance(closure, Mapping) else dict.fromkeys(grid.faces, closure)
    for face, kind in by_face.items():
        if face not in grid.faces:
            raise ValueError(
                f"closure: there is no face {face!r}, only {list(grid.faces)}; periodic axes have "
                "none"
            )
        if isinstance(closure, Mapping) and isinstance(kind, (list, tuple)):
            _check_by_component(face, kind, components)
        else:
            _check_closure(kind)
    if not isinstance(closure, Mapping):
        _check_closure(closure)

    def of(face: str, component: int) -> Closure:
        given = by_face.get(face, "accurate")
        kind = given if isinstance(given, (str, int, np.integer)) else given[component]
        return kind if isinstance(kind, str) else int(kind)

    return tuple(
        tuple((of(f"{name}-", component), of(f"{name}+", component)) for name in grid.names)
        for component in range(components)
    )


def _check_by_component(face: str, kinds: Sequence[object], components: int) -> None:
    for kind in kinds:
        _check_closure(kind)
    if len(kinds) != components:
        raise ValueError(
            f"closure: {face!r} has {len(kinds)} closures, {list(kinds)}, but the field that is "
            f"operated on has {components} components: give one for each"
        )
    if "halo" in kinds and len(set(kinds)) > 1:
        raise ValueError(
            f"closure: {face!r} has {list(kinds)}, but all components carry ghost points or none: "
            "'halo' stands for every one"
        )


def _check_closure(kind: object) -> None:
    if isinstance(kind, (int, np.integer)) and not isinstance(kind, bool):
        if kind < 1:
            raise ValueError(f"closure: an accuracy must be at least 1, but is {kind}")
    elif kind not in CLOSURES:
        if isinstance(kind, str) and kind in ELSEWHERE:
            raise ValueError(f"closure {kind!r} is {ELSEWHERE[kind]}")
        raise ValueError(
            f"closure must be one of {list(CLOSURES)}, an accuracy, or a dict by face, not "
            f"{kind!r}; an axis is made periodic by Periodic(…), and spacings per axis go in a "
            "tuple"
        )


def _products(entry: Expr, grid: Grid) -> Iterator[tuple[Number, tuple[Link, ...]]]:
    """Yield the terms of a scalar expression, upwind derivatives split by direction."""
    for term in terms_of(entry):
        match term:
            case Coef(value=value) if isinstance(value, Number):
                if value:
                    yield value, ()
                continue
            case Product():
                scale, factors = term.scale, term.factors
            case _:
                scale, factors = 1, (term,)
        for links in product(*(_directions(factor, grid) for factor in factors)):
            yield scale, tuple(link for group in links for link in group)


def _directions(factor: Expr, grid: Grid) -> list[tuple[Link, ...]]:
    match factor:
        case Diff(scheme=Upwind() as scheme) if not isinstance(scheme.velocity, Complex):
            ascending = grid[factor.axis].ascending
            return [
                (
                    UpwindMask(scheme.velocity, positive),
                    Diff(factor.axis, factor.order, factor.acc, scheme.side(positive, ascending)),
                )
                for positive in (True, False)
            ]
    return [(factor,)]


def _unlike(expr: Expr, first: Grid, second: Grid) -> str:
    for i in range(first.ndim):
        if first.axes[i] != second.axes[i]:
            return (
                f"the terms of {expr!r} do not meet: along {first.called(i)} one gives values at "
                f"{first.position(i)}, another at {second.position(i)}"
            )
    return f"the terms of {expr!r} give values on different grids"
