"""Expressions as text, LaTeX and code."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from findops import blocks, calculus, transport
from findops.components import Compound, closed
from findops.derivative import Diff, Filter, Flux, Interpolate
from findops.nodes import Coef, Field, Product, Sum
from findops.values import is_labeled
from findops.weights import is_symbolic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from findops.expr import AxisName, Expr

__all__ = ["code", "latex", "text"]

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
    nabla: dict[type[Expr], str]
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
    nabla={
        calculus.Gradient: "∇",
        calculus.Divergence: "∇·",
        calculus.Curl: "∇×",
        calculus.Laplacian: "∇²",
        calculus.VectorLaplacian: "∇²",
        calculus.Jacobian: "(∂_j F_i)",
        calculus.Hessian: "∇∇",
        calculus.Biharmonic: "∇⁴",
        transport.Advection: "({}·∇)",
        transport.DirectionalDerivative: "({}·∇)",
        transport.Diffusion: "∇·({}∇)",
        transport.Dissipation: "(dissipation)",
    },
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
    nabla={
        calculus.Gradient: r"\nabla",
        calculus.Divergence: r"\nabla\cdot",
        calculus.Curl: r"\nabla\times",
        calculus.Laplacian: r"\nabla^2",
        calculus.VectorLaplacian: r"\nabla^2",
        calculus.Jacobian: r"(\partial_j F_i)",
        calculus.Hessian: r"\nabla\nabla",
        calculus.Biharmonic: r"\nabla^4",
        transport.Advection: r"({}\cdot\nabla)",
        transport.DirectionalDerivative: r"({}\cdot\nabla)",
        transport.Diffusion: r"\nabla\cdot({}\nabla)",
        transport.Dissipation: r"\mathcal{D}",
    },
    matrix=lambda rows: (
        r"\begin{pmatrix}" + r" \\ ".join(" & ".join(row) for row in rows) + r"\end{pmatrix}"
    ),
)


def text(expr: Expr) -> str:
    """Return an expression as mathematics in Unicode."""
    return _written(expr, TEXT)


def latex(expr: Expr) -> str:
    """Return an expression in LaTeX."""
    return _written(expr, LATEX)


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
        case Diff(order=0):
            return style.filtered(node.axis)
        case Diff():
            name = style.derivative(node.axis, node.order)
            return name if node.to is None else style.mapped(name, node.to)
        case Interpolate():
            return style.mapped("1", node.to)
        case Flux():
            return style.mapped(style.derivative(node.axis, 1), node.to)
        case blocks.Tensor() | blocks.Block():
            return style.matrix([[_written(e, style) for e in row] for row in node.rows])
        case Compound():
            given = getattr(node, "vector", getattr(node, "k", ()))
            inner = ", ".join(_written(part, style) for part in given)
            return style.nabla[type(node)].replace("{}", inner)
        case _:
            assert_never(node)


def _variable(value: object) -> str:
    """Return a name for an array or a callable."""
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    if is_labeled(value):
        labeled: Any = value
        return str(labeled.name or f"array({', '.join(map(str, labeled.dims))})")
    name = getattr(value, "__name__", type(value).__name__)
    return "f" if name == "<lambda>" else str(name)


def code(expr: Expr) -> str:
    """Return an expression as Python code; coefficients that are no numbers go by a name."""
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
        case Diff(order=0, scheme=scheme):
            acc = None if node.acc == scheme.claim(0, None) else node.acc
            return _call(Filter, [repr(node.axis), repr(scheme)], {"acc": acc}, {})
        case Diff():
            implied = node.scheme.claim(node.order, None)
            chosen = {"order": node.order, "acc": None if node.acc == implied else node.acc}
            given: dict[str, object] = {**chosen, "scheme": node.scheme, "to": node.to}
            return _call(Diff, [repr(node.axis)], given, {"acc": None})
        case Interpolate():
            return _call(Interpolate, [repr(node.axis), repr(node.to)], {"acc": node.acc}, {})
        case Flux():
            return f"Diff({node.axis!r}, acc={node.acc}, to={node.to!r})"
        case blocks.Tensor() | blocks.Block():
            rows = (f"[{', '.join(map(code, row))}]" for row in node.rows)
            return f"{type(node).__name__}([{', '.join(rows)}])"
        case Compound():
            return _compound_code(node)
        case _:
            assert_never(node)


def _compound_code(expr: Any) -> str:
    first = []
    if isinstance(expr, transport.Advection):
        first = [_list(map(code, expr.vector))]
    elif isinstance(expr, transport.Diffusion):
        first = [code(expr.k[0]) if len(expr.k) == 1 else _list(map(code, expr.k))]
    elif isinstance(expr, transport.Dissipation):
        plain = [repr(expr.axis), repr(expr.scheme), repr(expr.order)]
        return _call(type(expr), plain, {"strength": expr.strength}, {})
    given = {
        name: dict(value) if name in ("acc", "scheme") and isinstance(value, tuple) else value
        for name, value in vars(expr).items()
        if name not in ("vector", "k")
    }
    return _call(type(expr), first, given, {})


def _call(
    made: Callable[..., Expr],
    first: list[str],
    given: dict[str, object],
    defaults: dict[str, object],
) -> str:
    """Return a call with those arguments that are not the defaults."""
    plain = {
        name: parameter.default for name, parameter in inspect.signature(made).parameters.items()
    } | defaults
    for name, value in given.items():
        if value == plain.get(name) or (name == "scheme" and repr(value) == "Central()"):
            continue
        bare = name == "order" or (name == "axes" and not first)
        shown = repr(list(value)) if name == "axes" and isinstance(value, tuple) else repr(value)
        first = [*first, shown if bare else f"{name}={shown}"]
    return f"{made.__name__}({', '.join(first)})"


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"


def _number_code(value: Fraction | float | complex) -> str:
    if isinstance(value, Fraction):
        return str(value) if value.denominator == 1 else repr(value)
    return repr(value)
