"""Interior stencils in exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import product
from numbers import Complex, Number, Rational, Real
from typing import TYPE_CHECKING, Any

import sympy

from findops.common.arguments import is_symbolic
from findops.expressions.components import Compound, expand
from findops.expressions.derivative import Diff, Interpolate, StaggeredDiff
from findops.expressions.expression import Coef, Field, Product, factors_of, terms_of
from findops.expressions.half_point_mean import HalfPointMean

if TYPE_CHECKING:
    from findops.expressions.expression import AxisName, Expr

__all__ = ["InteriorStencil", "interior_stencil"]

Displacement = tuple[int | Fraction, ...]
INDICES = "ijklmnopq"


class InteriorStencil(dict[Any, Any]):
    """An interior stencil {offsets: weight}: one offset per axis used, in sorted order.

    Offsets are integers, or half-integers where points change between nodes and half points.
    Between fields with components it is {(row component, column component): stencil}.
    """

    def _repr_latex_(self) -> str:
        if self and isinstance(next(iter(self.values())), InteriorStencil):
            blocks = (rf"({r},{c}):\; {stencil.latex()}" for (r, c), stencil in self.items())
            return "$" + r",\quad ".join(blocks) + "$"
        return f"${self.latex()}$"

    def latex(self) -> str:
        """Return the stencil as a sum over grid values, in LaTeX."""
        values = (
            sympy.Symbol(f"u_{{{', '.join(map(_index, INDICES, offsets))}}}") for offsets in self
        )
        terms = [weight * value for weight, value in zip(self.values(), values, strict=True)]
        return str(sympy.latex(sympy.Add(*terms, evaluate=False), order="none")) if terms else "0"


def interior_stencil(expr: Expr, spacing: object = None) -> InteriorStencil:
    """Return the interior stencil of an expression with constant coefficients.

    Raises
    ------
    ValueError
        If a coefficient varies, or an operator does not name its axes.
    """
    geometry = _Unbounded(expr, spacing)
    parts = expand(expr, geometry)
    blocks = {place: _stencil(entry, geometry) for place, entry in parts.entries.items()}
    if parts.outputs or parts.inputs:
        return InteriorStencil({place: s for place, s in sorted(blocks.items()) if s})
    return blocks[0, 0]


class _Unbounded:
    """The evenly spaced, unbounded grid of the axes that an expression names."""

    def __init__(self, expr: Expr, spacing: object) -> None:
        found = set(_axes(expr))
        ways = {"by name" if isinstance(name, str) else name < 0 for name in found}
        if len(ways) > 1:
            raise ValueError(f"{expr!r} names axes in two ways, {found}: some may be the same")
        self.names: list[AxisName] = sorted(found)
        if isinstance(spacing, tuple) and len(spacing) != len(found):
            raise ValueError(f"{len(spacing)} spacings are given, but the axes are {self.names}")
        given = spacing if isinstance(spacing, Mapping) else {}
        unknown = [name for name in given if name not in found]
        # A grid may have more axes than an expression, all with their spacings.
        if unknown and not given.keys() >= found:
            raise ValueError(
                f"spacings are given along {unknown}, but the axes of {expr!r} are {self.names}"
            )
        self._spacings = [_number(_given(spacing, i, n)) for i, n in enumerate(self.names)]
        if 0 in self._spacings:
            raise ValueError(f"spacings must not be 0, but are {self._spacings}")
        # Indices stay what they are, so that resolving an axis twice is harmless.
        lowest = min((n for n in found if isinstance(n, int)), default=0)
        self._index = {
            n: i if isinstance(n, str) else n - min(lowest, 0) for i, n in enumerate(self.names)
        }

    @property
    def ndim(self) -> int:
        return max(self._index.values(), default=-1) + 1

    def index(self, axis: AxisName) -> int:
        return axis if isinstance(axis, int) and axis >= 0 else self._index[axis]

    def spacing(self, axis: AxisName) -> Any:
        return self._spacings[self.used.index(self.index(axis))]

    @property
    def used(self) -> list[int]:
        """Indices of the axes that the expression names."""
        return list(self._index.values())


def _given(spacing: object, i: int, name: AxisName) -> object:
    match spacing:
        case None:
            return sympy.Symbol(f"h_{name}", positive=True)
        case Mapping():
            return spacing[name] if name in spacing else _given(None, i, name)
        case tuple():
            return spacing[i] if i < len(spacing) else 1
        case _:
            return spacing


def _axes(expr: Expr) -> Iterable[AxisName]:
    match expr:
        case Diff() | Interpolate() | StaggeredDiff():
            yield expr.axis
        case Compound():
            if expr.axes is None:
                raise ValueError(f"{expr!r} acts along all axes of a grid: name them, as in axes=…")
            yield from expr.axes
    for part in expr._parts():
        yield from _axes(part)


def _number(value: object) -> Any:
    """Return a number as SymPy's, floats as the exact rationals that they are."""
    if is_symbolic(value):
        return value
    if isinstance(value, Rational):
        return sympy.Rational(int(value.numerator), int(value.denominator))
    if isinstance(value, Real) and not math.isfinite(value):
        raise ValueError(f"an interior stencil needs finite numbers, but got {value!r}")
    if isinstance(value, Real):
        return _number(Fraction(float(value)))
    if isinstance(value, Complex):
        return _number(value.real) + sympy.I * _number(value.imag)
    raise TypeError(f"a spacing is a number or a SymPy expression, not {value!r}")


def _stencil(entry: Expr, geometry: _Unbounded) -> InteriorStencil:
    found: dict[Displacement, list[Any]] = {}
    for term in terms_of(entry):
        factors = factors_of(term)
        scale = term.scale if isinstance(term, Product) else 1
        row: dict[Displacement, Any] = {(Fraction(0),) * geometry.ndim: _number(scale)}
        for factor in factors:
            row = _convolved(row, _factor(factor, geometry))
        for offsets, weight in row.items():
            found.setdefault(offsets, []).append(weight)
    simplified = {o: sympy.expand(sympy.Add(*parts)) for o, parts in sorted(found.items())}
    return InteriorStencil(
        {_whole(o[i] for i in geometry.used): w for o, w in simplified.items() if w != 0}
    )


def _factor(factor: Expr, geometry: _Unbounded) -> dict[Displacement, Any]:
    """Return the stencil of one factor."""
    nowhere: Displacement = (Fraction(0),) * geometry.ndim
    match factor:
        case Coef():
            return {nowhere: _constant(factor, geometry)}
        case HalfPointMean():
            return _factor(factor.coefficient, geometry)
        case Field():
            raise ValueError(
                f"an interior stencil needs constant coefficients, but {factor!r} may vary: put a "
                "number or a SymPy symbol in its place"
            )
        case Diff() | Interpolate() | StaggeredDiff():
            shift = Fraction(factor.to is not None, 2)
            stencil = factor.scheme.stencil(factor.order, factor.acc, shift)
            if len(stencil.left_offsets) > 1:
                raise ValueError(
                    f"{factor!r} is implicit and has no finite stencil: coefficients(…) shows both "
                    "its sides, E.on(grid).stencil(index) a row"
                )
        case _:
            raise TypeError(f"unknown factor {type(factor).__name__}")
    axis = int(factor.axis)
    scale = geometry.spacing(axis) ** -factor.order
    return {
        (*nowhere[:axis], o, *nowhere[axis + 1 :]): _number(w) * scale
        for o, w in zip(stencil.offsets, stencil.weights, strict=True)
    }


def _constant(coefficient: Coef, geometry: _Unbounded) -> Any:
    value = coefficient.value
    if is_symbolic(value):
        varying = {str(s) for s in value.free_symbols} & set(map(str, geometry.names))
        if not varying:
            return value
    elif isinstance(value, Number):
        return _number(value)
    raise ValueError(f"an interior stencil needs constant coefficients, but {coefficient!r} varies")


def _convolved(
    left: dict[Displacement, Any], right: dict[Displacement, Any]
) -> dict[Displacement, Any]:
    result: dict[Displacement, Any] = {}
    for (a, v), (b, w) in product(left.items(), right.items()):
        place = tuple(i + j for i, j in zip(a, b, strict=True))
        result[place] = result.get(place, 0) + v * w
    return result


def _whole(offsets: Iterable[int | Fraction]) -> Displacement:
    return tuple(int(o) if o == int(o) else o for o in offsets)


def _index(letter: str, offset: int | Fraction) -> str:
    return letter if offset == 0 else f"{letter}{'+' if offset > 0 else '-'}{abs(offset)}"
