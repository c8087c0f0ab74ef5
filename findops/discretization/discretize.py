"""Programs, the plans of operators, from expressions, grids, schemes and closures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from numbers import Complex
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import Number
from findops.discretization.halo import with_halo
from findops.discretization.positions import ADVICE, ends, starts
from findops.discretization.products import AxisClosures, ChainBuilder, Link, UpwindMask
from findops.expressions.components import expand
from findops.expressions.derivative import Diff
from findops.expressions.expression import Coef, Product, check_fields, terms_of
from findops.plan.program import Chain, Layout, Program
from findops.schemes import Closure, Upwind

if TYPE_CHECKING:
    from findops.expressions.components import Components
    from findops.expressions.expression import Closures, Expr, Positions
    from findops.grids.grid import Grid

__all__ = ["Discretization", "Ghosts", "StaggeredDiscretization", "discretize"]

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


Ghosts = tuple[tuple[int, int], ...]
"""Ghost points (before, after) per axis."""


@dataclass(frozen=True)
class Discretization:
    """A program, the grids that it maps between, and the ghosts that its input carries."""

    program: Program
    domain: Grid
    range: Grid
    ghosts: Ghosts


@dataclass(frozen=True)
class StaggeredDiscretization:
    """Programs between the components of fields that stand at different points."""

    entries: tuple[tuple[Discretization | None, ...], ...]
    """Rows of them, None where a component of the result does not read one of the field."""
    inputs: tuple[int, ...]
    """Shape of the component axes of the field, () if it is a scalar."""
    outputs: tuple[int, ...]
    domain: tuple[Grid, ...]
    range: tuple[Grid, ...]
    ghosts: tuple[Ghosts, ...]
    """Ghosts that each component of the field carries."""


def discretize(
    expr: Expr,
    grid: Grid,
    closure: Closures,
    fields: Mapping[str, object],
    at: Positions = None,
) -> Discretization | StaggeredDiscretization:
    """Return the plan of an expression on a grid.

    It is a single program between scalars, and where all components stand at the same points
    without that `at` says where each does.

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
    count = prod(parts.inputs)
    closures = _closures(closure, grid, count)
    domain = (grid,) * count if at is None else starts(expr, grid, at, count)
    target = _targets(expr, grid, domain, at)
    chains = _chains(parts, domain, closures, fields)
    scalar = not parts.inputs and not parts.outputs
    if not scalar and (at is not None or len({*target}) > 1):
        columns = [
            _column([chain for chain in chains if chain.col == j], domain[j], target, kinds)
            for j, kinds in enumerate(closures)
        ]
        entries = tuple(zip(*(made for made, _ in columns), strict=True))
        ghosts = tuple(each for _, each in columns)
        return StaggeredDiscretization(entries, parts.inputs, parts.outputs, domain, target, ghosts)
    made, carried = with_halo(chains, domain[0], _faced(closures[0]))
    inputs = Layout(parts.inputs, _points(domain[0], carried))
    program = Program(inputs, Layout(parts.outputs, target[0].shape), made)
    return Discretization(program, domain[0], target[0], carried)


def _targets(expr: Expr, grid: Grid, domain: tuple[Grid, ...], at: Positions) -> tuple[Grid, ...]:
    """Return where the components of the result stand.

    Those that are zero stand with the others where all are at the same points, and else with the
    component of the field of the same number, if there are as many.
    """
    try:
        found = ends(expr, grid, domain)
    except ValueError as error:
        if at is not None or len(domain) == 1:
            raise
        raise ValueError(f"{error}; {ADVICE}") from None
    known = {place for place in found if place is not None}
    if at is None and len(known) < 2:
        return (next(iter(known), grid),) * len(found)
    own = domain if len(domain) == len(found) else (grid,) * len(found)
    return tuple(place or other for place, other in zip(found, own, strict=True))


def _chains(
    parts: Components,
    domain: tuple[Grid, ...],
    closures: tuple[AxisClosures, ...],
    fields: Mapping[str, object],
) -> list[Chain]:
    builders = {grid: ChainBuilder(grid, fields) for grid in domain}
    return [
        Chain(row, col, builders[domain[col]].chain(scale, links, closures[col]))
        for (row, col), entry in sorted(parts.entries.items())
        for scale, links in _products(entry, domain[col])
    ]


def _column(
    chains: list[Chain],
    grid: Grid,
    target: tuple[Grid, ...],
    kinds: AxisClosures,
) -> tuple[tuple[Discretization | None, ...], Ghosts]:
    """Return what reads one component, by rows, and the ghosts that it carries for all of them."""
    made, ghosts = with_halo(chains, grid, _faced(kinds))
    inputs = Layout((), _points(grid, ghosts))

    def entry(row: int) -> Discretization | None:
        own = tuple(replace(chain, row=0, col=0) for chain in made if chain.row == row)
        program = Program(inputs, Layout((), target[row].shape), own)
        return Discretization(program, grid, target[row], ghosts) if own else None

    return tuple(map(entry, range(len(target)))), ghosts


def _faced(kinds: AxisClosures) -> tuple[tuple[bool, bool], ...]:
    """Tell by axis at which ends the field carries ghosts."""
    return tuple((lower == "halo", upper == "halo") for lower, upper in kinds)


def _points(grid: Grid, ghosts: Ghosts) -> tuple[int, ...]:
    return tuple(n + sum(pair) for n, pair in zip(grid.shape, ghosts, strict=True))


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
