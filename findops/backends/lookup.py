"""Which executor reads an array that is not NumPy's; libraries are not loaded to find out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.stencil import Program

    Apply = Callable[[Program, Any], Any]

__all__ = ["executor"]

EXECUTORS = {
    "array_api_strict": "array_api",
    "cupy": "array_api",
    "jax": "array_api",
    "jaxlib": "array_api",
    "torch": "array_api",
}
"""Library of an array's type, and the module here whose `apply(program, u)` reads it."""


def executor(u: object) -> Apply | None:
    """Return what applies programs to arrays of this type, None if it is not a library's own."""
    if type(u) is np.ndarray:
        return None
    for kind in type(u).__mro__:
        name = EXECUTORS.get(kind.__module__.partition(".")[0])
        if name is not None:
            apply: Apply = import_module(f"findops.backends.{name}").apply
            return apply
    return None
