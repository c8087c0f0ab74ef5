"""The parts of expressions: walking through them, and exchanging some."""

from __future__ import annotations

from copy import copy
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from findops.expr import Expr
from findops.nodes import Coef, Sum
from findops.values import is_labeled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["rewrite", "walk"]


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and all expressions in it."""
    yield expr
    for part in expr._parts():
        yield from walk(part)


def rewrite(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return an expression with each of its parts, and itself, exchanged by a function."""
    made: Expr = _rewritten(expr, change)
    return made


def _rewritten(part: Any, change: Callable[[Expr], Expr]) -> Any:
    match part:
        case tuple():
            return tuple(_rewritten(each, change) for each in part)
        case Sum():
            return change(Sum(_rewritten(part.terms, change)))
        case Coef():
            return change(part)
    if is_labeled(part):
        # The velocity of a scheme.
        return change(Coef(part))
    if not is_dataclass(part):
        return part
    made = copy(part)
    for field in fields(part):
        object.__setattr__(made, field.name, _rewritten(getattr(part, field.name), change))
    return change(made) if isinstance(made, Expr) else made
