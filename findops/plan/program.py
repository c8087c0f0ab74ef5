"""Program, the plan of a discrete operator: sums and products of terms, which hold bands."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from findops.plan.implicit import written

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.common.arrays import Array, Bools
    from findops.plan.band import Band

__all__ = [
    "Chain",
    "Composition",
    "Factor",
    "Layout",
    "Program",
    "Slot",
    "Term",
]

Scalar = float | complex


class Slot(Protocol):
    """The place of a named field in a plan: turns a value given for it into an array."""

    @property
    def name(self) -> str: ...

    def __call__(self, value: object) -> Array: ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True, eq=False)
class Factor:
    """One variable factor of a coefficient, an array that broadcasts to the points.

    A factor that `selects` is a mask: where it is false the result is zero, whatever the field.
    The value of a named field may be an array of another library, which is conjugated when used.
    """

    value: Array
    selects: bool = False
    slot: Slot | None = None
    conjugated: bool = False

    def given(self, values: Callable[[Slot, bool], Array | None]) -> Factor:
        """Return the factor with another value of its field, if there is one."""
        value = None if self.slot is None else values(self.slot, self.conjugated)
        return self if value is None else replace(self, value=value)

    @property
    def is_complex(self) -> bool:
        return "complex" in str(self.value.dtype)

    @cached_property
    def conjugate(self) -> Factor:
        """The complex conjugate."""
        return replace(self, value=_conjugate(self.value), conjugated=not self.conjugated)

    def multiplies(self, axis: int) -> bool:
        """Tell whether it multiplies by what may differ along an axis, other than a mask."""
        return not self.selects and self.varies(axis)

    def varies(self, axis: int) -> bool:
        """Tell whether it may differ from point to point along an axis; a field always may."""
        return self.slot is not None or self.value.shape[axis] > 1


def _conjugate(value: Array) -> Array:
    return value.conj() if isinstance(value, np.ndarray) and np.iscomplexobj(value) else value


@dataclass(frozen=True, eq=False)
class Term:
    """A coefficient times a tensor product of bands; None is the identity along an axis."""

    bands: tuple[Band | None, ...]
    scale: Scalar = 1.0
    factors: tuple[Factor, ...] = ()

    @cached_property
    def coefficient(self) -> Array | Scalar:
        """All that multiplies, as a number or one array."""
        result: Array | Scalar = self.scale
        for factor in self.factors:
            if not factor.selects:
                result = result * factor.value
        return result

    @property
    def masks(self) -> tuple[Bools, ...]:
        """All that selects."""
        return tuple(factor.value for factor in self.factors if factor.selects)

    @property
    def is_complex(self) -> bool:
        return isinstance(self.scale, complex) or any(f.is_complex for f in self.factors)

    def points_out(self, points_in: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape made from an input of shape `points_in`."""
        return tuple(
            n if band is None else band.rows for n, band in zip(points_in, self.bands, strict=True)
        )

    def map_factors(self, change: Callable[[Factor], Factor]) -> Term:
        """Return the term with changed factors; the same object where none changes."""
        factors = tuple(change(factor) for factor in self.factors)
        if all(new is old for new, old in zip(factors, self.factors, strict=True)):
            return self
        return replace(self, factors=factors)

    @property
    def transposed(self) -> tuple[Term, ...]:
        """The terms, left to right, whose product is the transpose."""
        nothing = (None,) * len(self.bands)
        rights = tuple(band and band.right for band in self.bands)
        bands = tuple(band and band.T for band in rights)
        solves = tuple(b.left.T.inverse if b and b.left else None for b in self.bands)
        if not self.factors and not any(solves):
            return (replace(self, bands=bands),)
        terms = (Term(bands), Term(solves), replace(self, bands=nothing))
        return tuple(t for t in terms[:2] if any(t.bands)) + terms[2:]


@dataclass(frozen=True, eq=False)
class Layout:
    """What a field is made of: component axes, then the points of the grid."""

    components: tuple[int, ...]
    points: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.components + self.points

    @property
    def count(self) -> int:
        """Number of components."""
        return math.prod(self.components)

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Chain:
    """A product of terms, the last applied first, from component `col` to component `row`."""

    row: int
    col: int
    terms: tuple[Term, ...]

    def shapes(self, points_in: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return the shapes around the terms, the result's first."""
        shapes = [points_in]
        for term in reversed(self.terms):
            shapes.insert(0, term.points_out(shapes[0]))
        return shapes


@dataclass(frozen=True, eq=False)
class Composition:
    """A product of programs, the last applied first."""

    programs: tuple[Program, ...]


@dataclass(frozen=True, eq=False)
class Program:
    """A linear map between fields: a sum of chains, and of compositions of such sums."""

    inputs: Layout
    outputs: Layout
    parts: tuple[Chain | Composition, ...]

    @staticmethod
    def identity(layout: Layout) -> Program:
        """Return the identity on a layout."""
        one = Term((None,) * len(layout.points))
        return Program(layout, layout, tuple(Chain(i, i, (one,)) for i in range(layout.count)))

    def __add__(self, other: Program) -> Program:
        return replace(self, parts=self.parts + other.parts)

    def __matmul__(self, other: Program) -> Program:
        """Compose; two single chains make one chain, so that simple products stay simple."""
        parts: tuple[Chain | Composition, ...]
        match self.parts, other.parts:
            case ((Chain() as left,), (Chain() as right,)) if left.col == right.row:
                parts = (Chain(left.row, right.col, left.terms + right.terms),)
            case _:
                parts = (Composition((*self._composed, *other._composed)),)
        return Program(other.inputs, self.outputs, parts)

    @property
    def _composed(self) -> tuple[Program, ...]:
        if len(self.parts) == 1 and isinstance(self.parts[0], Composition):
            return self.parts[0].programs
        return (self,)

    @cached_property
    def T(self) -> Program:  # noqa: N802  # the transpose's name everywhere
        """The transpose."""
        return Program(self.outputs, self.inputs, tuple(map(_transpose, self.parts)))

    def multiplied(self, scale: Scalar, factors: tuple[Factor, ...] = ()) -> Program:
        """Return the program with its result multiplied by a coefficient."""

        def changed(part: Chain | Composition) -> Chain | Composition:
            match part:
                case Chain(terms=(first, *rest)):
                    left = replace(
                        first, scale=scale * first.scale, factors=factors + first.factors
                    )
                    return replace(part, terms=(left, *rest))
                case Composition(programs=(leftmost, *others)):
                    return Composition((leftmost.multiplied(scale, factors), *others))
            raise AssertionError("a part of a program is never empty")

        return replace(self, parts=tuple(map(changed, self.parts)))

    def map_terms(self, change: Callable[[Term], Term]) -> Program:
        """Return the program with every term changed."""

        def changed(part: Chain | Composition) -> Chain | Composition:
            match part:
                case Chain():
                    return replace(part, terms=tuple(map(change, part.terms)))
                case Composition():
                    return Composition(tuple(p.map_terms(change) for p in part.programs))

        return replace(self, parts=tuple(map(changed, self.parts)))

    def reordered(self, order: tuple[int, ...]) -> Program:
        """Return the program for fields whose axes stand in another order."""

        def layout(side: Layout) -> Layout:
            return replace(side, points=tuple(side.points[axis] for axis in order))

        def term(old: Term) -> Term:
            factors = tuple(replace(f, value=f.value.transpose(order)) for f in old.factors)
            return replace(old, bands=tuple(old.bands[axis] for axis in order), factors=factors)

        def part(old: Chain | Composition) -> Chain | Composition:
            match old:
                case Chain():
                    return replace(old, terms=tuple(map(term, old.terms)))
                case Composition():
                    return Composition(tuple(p.reordered(order) for p in old.programs))

        return Program(layout(self.inputs), layout(self.outputs), tuple(map(part, self.parts)))

    def conjugate(self) -> Program:
        """Return the complex conjugate."""
        return self.map_terms(
            lambda term: replace(
                term,
                scale=term.scale.conjugate(),
                factors=tuple(factor.conjugate for factor in term.factors),
            )
        )

    def given(self, fields: dict[str, object]) -> Program:
        """Return the same plan with other values for the named fields."""

        @cache
        def values(slot: Slot, conjugated: bool) -> Array | None:
            """Return one array for all places of a slot."""
            if slot.name not in fields:
                return None
            value = slot(fields[slot.name])
            return _conjugate(value) if conjugated else value

        return self.map_terms(lambda term: term.map_factors(lambda f: f.given(values)))

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """Every term, for questions that do not depend on their order."""
        found: list[Term] = []
        for part in self.parts:
            match part:
                case Chain():
                    found.extend(part.terms)
                case Composition():
                    found.extend(term for p in part.programs for term in p.terms)
        return tuple(found)

    @cached_property
    def is_complex(self) -> bool:
        return any(term.is_complex for term in self.terms)

    @cached_property
    def whole(self) -> bool:
        """Whether a band is applied to whole lines rather than row by row."""
        return any(band.whole for term in self.terms for band in term.bands if band)

    @cached_property
    def implicit(self) -> bool:
        """Whether a band has a left side."""
        return any(band.left for term in self.terms for band in term.bands if band)

    @cached_property
    def written(self) -> Program:
        """The same plan with the rows of implicit bands written out."""
        if not self.implicit:
            return self
        made = cache(written)
        return self.map_terms(
            lambda term: replace(term, bands=tuple(band and made(band) for band in term.bands))
        )

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The places of named fields."""
        factors = (factor for term in self.terms for factor in term.factors)
        return tuple(factor.slot for factor in factors if factor.slot is not None)

    @cached_property
    def foreign(self) -> dict[str, Any]:
        """Arrays of other libraries than NumPy, by the names of their fields."""
        found: dict[str, Any] = {}
        for factor in (factor for term in self.terms for factor in term.factors):
            if factor.slot is not None and not isinstance(factor.value, np.ndarray):
                found[factor.slot.name] = factor.value
        return found


def _transpose(part: Chain | Composition) -> Chain | Composition:
    match part:
        case Chain():
            terms = [t for term in reversed(part.terms) for t in term.transposed]
            return Chain(part.col, part.row, tuple(terms))
        case Composition():
            return Composition(tuple(program.T for program in reversed(part.programs)))
