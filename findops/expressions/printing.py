"""Printing of expressions as text, LaTeX and code."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from findops.common.arguments import is_labeled, is_symbolic
from findops.expressions.block import Block, Tensor
from findops.expressions.components import Compound, Notation, closed
from findops.expressions.derivative import Diff, Filter, Interpolate, StaggeredDiff
from findops.expressions.expression import (
    Coef,
    Expr,
    Field,
    Product,
    Sum,
    as_coefficient,
    code,
    latex,
    text,
)
from findops.expressions.half_point_mean import HalfPointMean
from findops.expressions.vector_calculus import Staggering

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from findops.expressions.expression import AxisName

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class _Style:
    """How the pieces of mathematics are written."""

    times: str
    derivative: Callable[[AxisName, int], str]
    filtered: Callable[[AxisName], str]
    mapped: Callable[[str, str], str]
    number: Callable[[Any], str]
    symbolic: Callable[[Any], str]
    symbol: Callable[[Notation], str]
    matrix: Callable[[list[list[str]]], str]


def _superscript(order: int) -> str:
    return "" if order == 1 else str(order).translate(SUPERSCRIPTS)


def _fraction(value: Any) -> str:
    if isinstance(value, Fraction) and value.denominator > 1:
        return rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
    return _plain(value)


def _plain(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _sympy_latex(value: Any) -> str:
    import sympy

    return str(sympy.latex(value))


TEXT = _Style(
    times="·",
    derivative=lambda axis, order: (
        f"∂{axis if isinstance(axis, str) and len(axis) == 1 else f'_{axis}'}{_superscript(order)}"
    ),
    filtered="S_{}".format,
    mapped=lambda name, to: f"{name}[to {to}]",
    number=_plain,
    symbolic=str,
    symbol=lambda notation: notation.text,
    matrix=lambda rows: "[" + "; ".join(", ".join(row) for row in rows) + "]",
)

LATEX = _Style(
    times=r"\,",
    derivative=lambda axis, order: (
        rf"\partial_{{{axis}}}" + ("" if order == 1 else f"^{{{order}}}")
    ),
    filtered=r"\mathcal{{S}}_{{{}}}".format,
    mapped=lambda name, to: rf"{name}^{{\to\mathrm{{{to}}}}}",
    number=_fraction,
    symbolic=_sympy_latex,
    symbol=lambda notation: notation.latex,
    matrix=lambda rows: (
        r"\begin{pmatrix}" + r" \\ ".join(" & ".join(row) for row in rows) + r"\end{pmatrix}"
    ),
)


def _written(expr: Expr, style: _Style) -> str:
    node = closed(expr)
    match node:
        case Sum():
            written = [_written(term, style) for term in node.terms]
            return " + ".join(written).replace("+ -", "- ")
        case Product():
            factors = [_written(factor, style) for factor in node.factors]
            sign = "-" if node.scale == -1 else style.number(node.scale) + style.times
            return ("" if node.scale == 1 else sign) + style.times.join(factors)
        case Coef(value=value):
            if is_symbolic(value):
                return f"({style.symbolic(value)})"
            return (
                style.number(value)
                if isinstance(value, (Fraction, float, complex))
                else (_variable(value))
            )
        case Field():
            return node.name
        case HalfPointMean():
            return style.mapped(_written(node.coefficient, style), "half")
        case Diff(order=0):
            return style.filtered(node.axis)
        case Diff():
            name = style.derivative(node.axis, node.order)
            return name if node.to is None else style.mapped(name, node.to)
        case Interpolate():
            return style.mapped("1", node.to)
        case StaggeredDiff():
            return style.mapped(style.derivative(node.axis, 1), node.to)
        case Tensor() | Block():
            return style.matrix([[_written(e, style) for e in row] for row in node.rows])
        case Compound():
            name = type(node).__name__
            default = name, rf"\mathrm{{{name}}}".replace("_", r"\_")
            given = [_written(as_coefficient(part), style) for part in node.coefficients]
            written_out = _filled(style.symbol(Notation(*(node.notation or default))), given)
            to = node.to if isinstance(node, Staggering) else None
            return written_out if to is None else style.mapped(written_out, to)
        case _:
            assert_never(node)


def _filled(notation: str, given: list[str]) -> str:
    """Return a notation with coefficients in its places: one for each, or all in the only one."""
    if notation.count("{}") != len(given):
        return notation.replace("{}", ", ".join(given))
    for each in given:
        notation = notation.replace("{}", each, 1)
    return notation


def _variable(value: object) -> str:
    """Return a name for an array or a callable."""
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    if is_labeled(value):
        labeled: Any = value
        return str(labeled.name or f"array({', '.join(map(str, labeled.dims))})")
    name = getattr(value, "__name__", type(value).__name__)
    return "f" if name == "<lambda>" else str(name)


@code.register(Expr)
def _code(expr: Expr) -> str:
    node = closed(expr)
    match node:
        case Sum():
            return " + ".join(code(term) for term in node.terms)
        case Product():
            factors = "*".join(code(factor) for factor in node.factors)
            return factors if node.scale == 1 else f"{_number_code(node.scale)}*{factors}"
        case Coef(value=value):
            if isinstance(value, (Fraction, float, complex)):
                return f"Coef({_number_code(value)})"
            return f"Coef({value if is_symbolic(value) else _variable(value)})"
        case Field():
            return f"Field({node.name!r})"
        case HalfPointMean():
            return code(node.coefficient)
        case Diff(order=0, scheme=scheme):
            acc = None if node.acc == scheme.claim(0, None) else node.acc
            return _call(Filter, {"axis": node.axis, "scheme": scheme, "acc": acc})
        case Diff():
            implied = node.scheme.claim(node.order, None)
            given = vars(node) | {"acc": None if node.acc == implied else node.acc}
            return _call(Diff, given)
        case Interpolate():
            return _call(Interpolate, vars(node))
        case StaggeredDiff():
            return f"Diff({node.axis!r}, acc={node.acc}, to={node.to!r})"
        case Tensor() | Block():
            rows = (f"[{', '.join(map(code, row))}]" for row in node.rows)
            return f"{type(node).__name__}([{', '.join(rows)}])"
        case Compound():
            return _call(type(node), node.arguments())
        case _:
            assert_never(node)


def _call(made: Callable[..., Expr], given: Mapping[str, object]) -> str:
    """Return a call with those arguments that are not the defaults."""
    parameters = inspect.signature(made).parameters
    shown = []
    for name, value in given.items():
        default = parameters[name].default
        same = value is default or (type(value) is type(default) and value == default)
        if same or (name == "scheme" and repr(value) == "Central()"):
            continue
        bare = name in (next(iter(parameters)), "order") or default is inspect.Parameter.empty
        shown.append(_argument(value) if bare else f"{name}={_argument(value)}")
    return f"{made.__name__}({', '.join(shown)})"


def _argument(value: object) -> str:
    if isinstance(value, (list, tuple)) and all(isinstance(each, Expr) for each in value):
        return f"[{', '.join(map(code, value))}]"
    return code(value) if isinstance(value, Expr) else repr(value)


def _number_code(value: Fraction | float | complex) -> str:
    if isinstance(value, Fraction):
        return str(value) if value.denominator == 1 else repr(value)
    return repr(value)


text.register(Expr, partial(_written, style=TEXT))
latex.register(Expr, partial(_written, style=LATEX))
