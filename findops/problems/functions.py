"""Functions that users state problems with: their types, and a check of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from findops.common.arguments import type_name
from findops.common.arrays import Array

__all__ = ["FieldFunction", "RightHandSide", "check_function"]

FieldFunction = Callable[[Array], Any]
"""u ↦ field or Jacobian, on full fields."""

RightHandSide = Callable[[float, Array], Any]
"""(t, u) ↦ field, on full fields."""


def check_function(name: str, given: object, arguments: tuple[str, ...] = ("t", "u")) -> None:
    """Refuse what cannot be called with (t, u), or with others, if anything is given."""
    if given is None:
        return
    words = f"({', '.join(arguments)})"
    if not callable(given):
        raise TypeError(f"{name}= is a function of {words}, not {type_name(given)}")
    try:
        signature(given).bind(*arguments)
    except TypeError:
        raise TypeError(
            f"{name}= is called with {words}, but {given!r} takes other arguments"
        ) from None
    except ValueError:
        return  # it does not tell
