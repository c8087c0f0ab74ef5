"""Expansion of expressions into scalar ones between components, on axes by index."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, assert_never, cast

from findops.expressions.derivative import Diff, Interpolate, StaggeredDiff
from findops.expressions.expression import (
    AxisName,
    Coef,
    Expr,
    Field,
    Product,
    Sum,
    as_coefficient,
)
from findops.expressions.half_point_mean import HalfPointMean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "Components",
    "Compound",
    "Derivative",
    "Geometry",
    "Node",
    "Notation",
    "closed",
    "expand",
    "input_rank",
    "on_index",
    "stacked",
]


class Geometry(Protocol):
    """What of a grid the expansion of compound operators needs."""

    @property
    def ndim(self) -> int: ...

    def index(self, axis: AxisName) -> int: ...

    def spacing(self, axis: AxisName) -> object: ...


@dataclass(frozen=True)
class Components:
    """An operator between fields with components, as scalar expressions {(row, column): entry}.

    Shapes of component axes are () for scalars; rows and columns count in C order.
    """

    outputs: tuple[int, ...]
    inputs: tuple[int, ...]
    entries: Mapping[tuple[int, int], Expr]


class Notation(NamedTuple):
    """How an operator is written; ``{}`` stands for its coefficients."""

    text: str
    latex: str


class Compound(Expr, ABC):
    r"""An operator whose parts along the axes are known once the axes are.

    A subclass defines `expand`; `axes` and `coefficients`, if it has any; and how it is written,
    if its name will not do. A frozen dataclass compares by what it holds, any other class by
    identity.

    Examples
    --------
    >>> from findops import Diff, Grid, Uniform
    >>> class Wave(Compound):
    ...     notation = Notation("□", r"\Box")
    ...
    ...     def expand(self, geometry):
    ...         return Diff("t", 2) - Diff("x", 2)
    >>> Wave().on(Grid(t=Uniform(0, 1, 5), x=Uniform(0, 1, 6)))
    <Operator □: 30×30>
    """

    notation: ClassVar[tuple[str, str] | None] = None
    """As text and in LaTeX; the name of the class by default."""

    @property
    def axes(self) -> Any:
        """The axes that it acts along, None for all."""
        return None

    @property
    def coefficients(self) -> tuple[Any, ...]:
        """What it multiplies by, fields among them; ``{}`` in its notation stands for them."""
        return ()

    def _parts(self) -> Iterable[Expr]:
        return map(as_coefficient, self.coefficients)

    def arguments(self) -> dict[str, object]:
        """Return the arguments of the call that makes it."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    @property
    def rank_in(self) -> int:
        """Number of component axes that it reads."""
        return 0

    @property
    def rank_out(self) -> int:
        """Number of component axes that it gives."""
        return 0

    @abstractmethod
    def expand(self, geometry: Geometry) -> Components | Expr:
        """Return the operator in components; a scalar one may be an expression."""


Derivative = Diff | Interpolate | StaggeredDiff
"""What acts along one axis."""

Node = Coef | Field | HalfPointMean | Derivative | Product | Sum | Compound
"""Every kind of expression there is."""


def closed(expr: Expr) -> Node:
    """Return an expression as one of the closed set of nodes, to be matched exhaustively."""
    return cast("Node", expr)


def expand(expr: Expr, geometry: Geometry) -> Components:
    """Return an expression in components, every entry scalar and in normal form.

    Raises
    ------
    ValueError
        If an axis is unknown or components do not fit.
    """
    node = closed(expr)
    match node:
        case Sum():
            total = expand(node.terms[0], geometry)
            for term in node.terms[1:]:
                total = _sum(total, expand(term, geometry), node)
            return total
        case Product():
            product = _scalar(Coef(node.scale))
            for factor in node.factors:
                product = _product(product, expand(factor, geometry), node)
            return product
        case Compound():
            parts = _expanded(node, geometry)
            entries = {place: _entry(entry, geometry) for place, entry in parts.entries.items()}
            return replace(parts, entries=entries)
        case Diff() | Interpolate() | StaggeredDiff():
            return _scalar(on_index(node, geometry))
        case HalfPointMean():
            return _scalar(replace(node, axis=geometry.index(node.axis)))
        case Coef() | Field():
            return _scalar(node)
        case _:
            assert_never(node)


def input_rank(expr: Expr) -> int:
    """Return the number of component axes that an expression reads."""
    match expr:
        case Sum():
            return max(input_rank(term) for term in expr.terms)
        case Product():
            for factor in reversed(expr.factors):
                if isinstance(factor, Compound) and (factor.rank_in or factor.rank_out):
                    return factor.rank_in
            return 0
        case Compound():
            return expr.rank_in
        case _:
            return 0


def stacked(block: Expr, rows: Sequence[Sequence[Expr]], geometry: Geometry) -> Components:
    """Return a matrix of operators in components.

    Raises
    ------
    ValueError
        If operators in one row or column have different numbers of components.
    """
    parts = [[expand(entry, geometry) for entry in row] for row in rows]
    heights = [_common([_size(p.outputs, p) for p in row], block) for row in parts]
    columns = list(zip(*parts, strict=True))
    widths = [_common([_size(p.inputs, p) for p in column], block) for column in columns]
    entries: dict[tuple[int, int], Expr] = {}
    for i, row in enumerate(parts):
        for j, part in enumerate(row):
            for (r, c), entry in part.entries.items():
                entries[sum(heights[:i]) + r, sum(widths[:j]) + c] = entry
    # A single row or column keeps the component axes, or their absence, of what stands in it.
    outputs = max(p.outputs for p in parts[0]) if len(rows) == 1 else (sum(heights),)
    inputs = max(p.inputs for p in columns[0]) if len(columns) == 1 else (sum(widths),)
    return Components(outputs, inputs, entries)


def _expanded(node: Compound, geometry: Geometry) -> Components:
    parts = node.expand(geometry)
    if isinstance(parts, Expr):
        parts = _scalar(parts)
    if not isinstance(parts, Components):
        raise TypeError(f"{type(node).__name__}.expand must return Components, not {parts!r}")
    fields = frozenset[str]().union(*(entry.free_fields for entry in parts.entries.values()))
    if unknown := sorted(fields - node.free_fields):
        raise TypeError(
            f"{type(node).__name__} expands to the fields {unknown}, which its `coefficients` do "
            "not name: have that property return them"
        )
    return parts


def _scalar(entry: Expr) -> Components:
    return Components((), (), {(0, 0): entry})


def _entry(entry: Expr, geometry: Geometry) -> Expr:
    parts = expand(entry, geometry)
    if parts.outputs or parts.inputs:
        raise ValueError(f"{entry!r} acts on vectors where a scalar operator is needed")
    return parts.entries.get((0, 0), Coef(0))


def on_index(expr: Derivative, geometry: Geometry) -> Derivative:
    """Return what acts along one axis with that axis by its index."""
    axis = geometry.index(expr.axis)
    if axis == expr.axis:
        return expr
    match expr:
        case Diff():
            acc = None if expr.scheme.fixed else expr.acc
            return Diff(axis, expr.order, acc, expr.scheme, expr.to)
        case Interpolate() | StaggeredDiff():
            return replace(expr, axis=axis)


def _extended(part: Components, shape: tuple[int, ...]) -> Components:
    """Let a scalar operator act on each component of a field."""
    if part.outputs or part.inputs:
        return part
    entry = part.entries.get((0, 0), Coef(0))
    return Components(shape, shape, {(i, i): entry for i in range(prod(shape))})


def _sum(left: Components, right: Components, whole: Expr) -> Components:
    shape = left.outputs or right.outputs
    if shape and (left.inputs or right.inputs) == shape:
        left, right = _extended(left, shape), _extended(right, shape)
    if (left.outputs, left.inputs) != (right.outputs, right.inputs):
        raise ValueError(
            f"the terms of {whole!r} do not fit: one maps components {left.inputs} to "
            f"{left.outputs}, another {right.inputs} to {right.outputs}"
        )
    entries = dict(left.entries)
    for place, entry in right.entries.items():
        entries[place] = entries.get(place, Coef(0)) + entry
    return replace(left, entries=entries)


def _product(left: Components, right: Components, whole: Expr) -> Components:
    left, right = _extended(left, right.outputs), _extended(right, left.inputs)
    if left.inputs != right.outputs:
        raise ValueError(
            f"the factors of {whole!r} do not fit: one reads components {left.inputs}, but the "
            f"next gives {right.outputs}"
        )
    entries: dict[tuple[int, int], Expr] = {}
    for (i, k), a in left.entries.items():
        for (m, j), b in right.entries.items():
            if k == m:
                entries[i, j] = entries.get((i, j), Coef(0)) + a * b
    return Components(left.outputs, right.inputs, entries)


def _size(shape: tuple[int, ...], part: Components) -> int | None:
    """Return the number of components, None for the zero operator, which fits anywhere."""
    zero = all(entry == Coef(0) for entry in part.entries.values())
    return None if zero and not part.outputs and not part.inputs else prod(shape)


def _common(sizes: list[int | None], block: Expr) -> int:
    known = {size for size in sizes if size is not None}
    if len(known) > 1:
        raise ValueError(
            f"operators in one row or column of {block!r} have different numbers of components: "
            f"{sorted(known)}"
        )
    return known.pop() if known else 1
