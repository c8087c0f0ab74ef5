"""Expressions, grids, schemes and closures meet: the making of a `Program`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from numbers import Complex
from typing import TYPE_CHECKING

from findops.coefficient import FieldSlot, evaluate, flows, varies
from findops.components import expand
from findops.derivative import Diff, Interpolate, ZeroFlux
from findops.expr import Coef, Expr, Field, Product, Sum
from findops.halo import with_halo
from findops.schemes import Central, Closure, TooFewPointsError, Upwind
from findops.stencil import Band, Chain, Factor, Layout, Program, Term
from findops.values import Number

if TYPE_CHECKING:
    from findops.expr import Closures
    from findops.grid import Grid

__all__ = ["Discretization", "discretize"]

NAMES = ("accurate", "odd", "even", "zero", "halo")


@dataclass(frozen=True)
class Discretization:
    """A program, the grids that it maps between, and the ghosts that its input carries."""

    program: Program
    domain: Grid
    range: Grid
    ghosts: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Select:
    """The mask of an upwind scheme: where the flow is positive or zero, or where not."""

    velocity: object
    positive: bool


_Link = Expr | _Select


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
    _check_fields(expr, fields)
    builder = _Builder(grid, _closures(closure, grid), fields)
    parts = expand(expr, grid)
    chains: list[Chain] = []
    ends: list[Grid] = []
    for (row, col), entry in sorted(parts.entries.items()):
        for scale, links in _products(entry, grid):
            terms, end = builder.chain(scale, links)
            chains.append(Chain(row, col, terms))
            ends.append(end)
    target = ends[0] if ends else grid
    for end in ends:
        if end != target:
            raise ValueError(_unlike(expr, target, end))
    faced = tuple((kinds[0] == "halo", kinds[1] == "halo") for kinds in builder.closures)
    made, ghosts = with_halo(chains, grid, faced)
    points = tuple(n + sum(pair) for n, pair in zip(grid.shape, ghosts, strict=True))
    program = Program(Layout(parts.inputs, points), Layout(parts.outputs, target.shape), made)
    return Discretization(program, grid, target, ghosts)


def _check_fields(expr: Expr, fields: Mapping[str, object]) -> None:
    free = expr.free_fields
    missing, unknown = sorted(free - fields.keys()), sorted(fields.keys() - free)
    if missing:
        raise TypeError(
            f"{expr!r} needs values of its fields {missing}: E.on(grid, {missing[0]}=…)"
        )
    if unknown:
        raise TypeError(
            f"{expr!r} has no fields {unknown}: it has {sorted(free) if free else 'none'}; options "
            "of the bound operator go there, as in E.on(grid).matrix(format=…) and op(u, out=…)"
        )


def _closures(closure: Closures, grid: Grid) -> tuple[tuple[Closure, Closure], ...]:
    """Return the closures (lower, upper) of every axis."""
    by_face = dict(closure) if isinstance(closure, Mapping) else dict.fromkeys(grid.faces, closure)
    for face, kind in by_face.items():
        if face not in grid.faces:
            raise ValueError(
                f"closure: there is no face {face!r}, only {list(grid.faces)}; periodic axes have "
                "none"
            )
        _check_closure(kind)
    if not isinstance(closure, Mapping):
        _check_closure(closure)

    def of(face: str) -> Closure:
        return by_face.get(face, "accurate")

    return tuple((of(f"{name}-"), of(f"{name}+")) for name in grid.names)


def _check_closure(kind: object) -> None:
    if isinstance(kind, int) and not isinstance(kind, bool):
        if kind < 1:
            raise ValueError(f"closure: an accuracy must be at least 1, but is {kind}")
    elif kind not in NAMES:
        raise ValueError(
            f"closure must be one of {list(NAMES)}, an accuracy, or a dict by face, not {kind!r}; "
            "an axis is made periodic by Periodic(…), and spacings per axis go in a tuple"
        )


def _products(entry: Expr, grid: Grid) -> Iterator[tuple[Number, tuple[_Link, ...]]]:
    """Yield the terms of a scalar expression, upwind derivatives split by direction."""
    for term in entry.terms if isinstance(entry, Sum) else (entry,):
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


def _directions(factor: Expr, grid: Grid) -> list[tuple[_Link, ...]]:
    match factor:
        case Diff(scheme=Upwind() as scheme) if not isinstance(scheme.velocity, Complex):
            ascending = grid[factor.axis].ascending
            return [
                (
                    _Select(scheme.velocity, positive),
                    Diff(factor.axis, factor.order, factor.acc, scheme.side(positive, ascending)),
                )
                for positive in (True, False)
            ]
    return [(factor,)]


class _Builder:
    """Makes chains of terms on one grid."""

    def __init__(
        self,
        grid: Grid,
        closures: tuple[tuple[Closure, Closure], ...],
        fields: Mapping[str, object],
    ) -> None:
        self.grid, self.closures, self.fields = grid, closures, fields
        self._bands: dict[object, Band] = {}

    def chain(self, scale: Number, links: tuple[_Link, ...]) -> tuple[tuple[Term, ...], Grid]:
        """Return the terms of a product, left to right, and where its values are.

        Going from the right, a term takes one band per axis and then the coefficients to their
        left; what comes after those, or another band along an axis, starts the next term.
        """
        grid, terms = self.grid, []
        bands: list[Band | None] = [None] * grid.ndim
        factors: list[Factor] = []
        number = complex(scale) if isinstance(scale, complex) else float(scale)
        for place in reversed(range(len(links))):
            link = links[place]
            if isinstance(link, (Diff, Interpolate, ZeroFlux)):
                axis = int(link.axis)
                if factors or bands[axis] is not None:
                    terms.append(Term(tuple(bands), 1.0, tuple(factors)))
                    bands, factors = [None] * grid.ndim, []
                self._check_position(link, grid)
                bands[axis] = self._band(link, links[:place], grid)
                if link.__class__ is not Diff or link.to is not None:
                    grid = grid.half(axis)
            elif isinstance(link, Coef) and not varies(link):
                number *= evaluate(link, grid).item()
            else:
                factors.insert(0, self._factor(link, grid))
        terms.append(Term(tuple(bands), number, tuple(factors)))
        return tuple(reversed(terms)), grid

    def _factor(self, link: _Link, grid: Grid) -> Factor:
        match link:
            case Field():
                slot = FieldSlot(link.name, grid)
                return Factor(slot(self.fields[link.name]), slot=slot)
            case _Select(velocity=Field(name=name)):
                slot = FieldSlot(name, grid, link.positive)
                return Factor(slot(self.fields[name]), selects=True, slot=slot)
            case _Select():
                velocity = evaluate(link.velocity, grid, "the velocity of Upwind")
                return Factor(flows(velocity, link.positive), selects=True)
            case _:
                return Factor(evaluate(link, grid))

    def _band(
        self, link: Diff | Interpolate | ZeroFlux, left: tuple[_Link, ...], grid: Grid
    ) -> Band:
        """Return the band of a derivative, cured of jumps in its error where that matters.

        An error that jumps from row to row costs an outer derivative one order per
        differentiation. Across a variable coefficient the inner one therefore gets the accuracy
        acc + the order of what is applied after it along its axis.
        """
        band = self._made(link, grid)
        outer = _order_across_coefficient(link, left)
        smooth = band.constant and not band.head and not band.tail
        kinds = self.closures[int(link.axis)]
        if not outer or smooth or not (band.periodic or "accurate" in kinds):
            return band
        if isinstance(link, ZeroFlux) or not link.scheme.merges:
            return band
        acc = link.acc + outer
        if isinstance(link.scheme, Central):
            acc += acc % 2
        raised = (
            Diff(link.axis, link.order, acc, link.scheme, link.to)
            if isinstance(link, Diff)
            else replace(link, acc=acc)
        )
        return self._made(raised, grid)

    def _made(self, link: Diff | Interpolate | ZeroFlux, grid: Grid) -> Band:
        axis = int(link.axis)
        key = (link, grid.axes[axis])
        if key not in self._bands:
            try:
                self._bands[key] = self._discretized(link, grid)
            except TooFewPointsError as error:
                raise ValueError(
                    f"{_renamed(link, grid)!r} needs {error.needed} points along "
                    f"{grid.called(axis)}, but the grid has {error.there}"
                ) from None
            except ValueError as error:
                raise ValueError(f"{_renamed(link, grid)!r}: {error}") from None
        return self._bands[key]

    def _discretized(self, link: Diff | Interpolate | ZeroFlux, grid: Grid) -> Band:
        source, kinds = grid.axes[int(link.axis)], self.closures[int(link.axis)]
        if not isinstance(link, ZeroFlux):
            moves = isinstance(link, Interpolate) or link.to is not None
            target = source.half() if moves else source
            return link.scheme.band(link.order, link.acc, source, target, kinds)
        if "halo" in kinds:
            raise ValueError("no flux passes the ends, so that they cannot be halos")
        nodes, half = (source, source.half()) if link.to == "half" else (source.half(), source)
        flux = Central().band(1, link.acc, nodes, half, ("even", "even"))
        if link.to == "half":
            return flux
        return replace(flux.T.scaled(-1 / nodes.weights, half.weights), sign=1)

    def _check_position(self, link: Diff | Interpolate | ZeroFlux, grid: Grid) -> None:
        if link.to is None:
            return
        here = grid.position(int(link.axis))
        start = "nodes" if link.to == "half" else "half points"
        if here != start:
            raise ValueError(
                f"{_renamed(link, grid)!r} maps values from {start}, but along "
                f"{grid.called(int(link.axis))} they are at {here} where it stands"
            )


def _order_across_coefficient(link: Diff | Interpolate | ZeroFlux, left: tuple[_Link, ...]) -> int:
    """Return the order of all derivatives along the axis beyond the nearest coefficient."""
    last = max((i for i, factor in enumerate(left) if _variable(factor)), default=0)
    return sum(
        factor.order
        for factor in left[:last]
        if isinstance(factor, (Diff, ZeroFlux)) and factor.axis == link.axis
    )


def _variable(link: _Link) -> bool:
    return not isinstance(link, (Diff, Interpolate, ZeroFlux)) and (
        isinstance(link, _Select) or varies(link)
    )


def _renamed(link: Diff | Interpolate | ZeroFlux, grid: Grid) -> Expr:
    """Return the derivative with the grid's name of its axis, for messages."""
    name = grid.names[int(link.axis)]
    if isinstance(link, Diff):
        acc = link.acc if link.scheme.merges else None
        return Diff(name, link.order, acc, link.scheme, link.to)
    return replace(link, axis=name)


def _unlike(expr: Expr, first: Grid, second: Grid) -> str:
    for i in range(first.ndim):
        if first.axes[i] != second.axes[i]:
            return (
                f"the terms of {expr!r} do not meet: along {first.called(i)} one gives values at "
                f"{first.position(i)}, another at {second.position(i)}"
            )
    return f"the terms of {expr!r} give values on different grids"
