"""Lookup of the executor for an array of another library."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from findops.common.arguments import type_name
from findops.common.arrays import library

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.plan.program import Program

    Apply = Callable[[Program, Any], Any]
    """Applies a program to an array."""

__all__ = ["executor"]

OWN = {"dask"}
"""Libraries that do not keep the array API standard, each with a module of its name."""


def executor(u: object) -> Apply | None:
    """Return what applies programs to arrays of this type, None if it is not a library's own.

    Raises
    ------
    TypeError
        If it is something of a library, but no array.
    """
    name = library(u)
    if name is None:
        return None
    if not hasattr(u, "dtype") or (name == "dask" and not hasattr(u, "chunks")):
        raise TypeError(
            f"operators apply to arrays of {name}, not to {type_name(u)}: make an array of it first"
        )
    module = name if name in OWN else "array_api"
    apply: Apply = import_module(f"findops.executors.libraries.{module}").apply
    return apply
