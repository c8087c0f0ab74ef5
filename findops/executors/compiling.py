"""How kernels are compiled and kept."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SOURCES", "cached_kernel", "compiled", "inlined"]

OPTIONS = {"nogil": True, "error_model": "numpy"}


def _digest() -> int:
    files = sorted(resources.files(__package__).iterdir(), key=lambda file: file.name)
    sources = (file.read_bytes() for file in files if file.name.endswith(".py"))
    return int.from_bytes(hashlib.sha256(b"".join(sources)).digest()[:7])


SOURCES = _digest()
"""What a kernel closes over to be compiled anew when one of these modules has changed: Numba looks
at the kernel's own file, and at what it closes over."""


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into those that call it."""
    return numba.njit(forceinline=True, **OPTIONS)(function)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call."""
    return numba.njit(**OPTIONS)(function)


def cached_kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel, and keep it on disk for other processes."""
    try:
        return numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        # No folder to keep compiled code in can be written: compile in every process.
        return numba.njit(**OPTIONS)(function)
