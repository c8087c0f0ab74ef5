"""Compilation of kernels by Numba, and their machine code kept on disk for other processes.

Numba keeps machine code for as long as the file of a kernel, and what the kernel closes over, stay
as they are. It does not look at the other functions that are compiled into it: kernels close over a
hash of the sources of all executors, and so are compiled anew when any of them changes.
"""

from __future__ import annotations

import hashlib
from functools import update_wrapper
from importlib import resources
from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any

import numba

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.resources.abc import Traversable

__all__ = ["cached_kernel", "compiled", "inlined"]

OPTIONS = {"nogil": True, "error_model": "numpy"}


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into those that call it."""
    return numba.njit(forceinline=True, **OPTIONS)(function)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call."""
    return numba.njit(**OPTIONS)(function)


def cached_kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel, and keep it on disk for other processes.

    It may close over nothing whose pickle differs from process to process, such as other kernels:
    it would be compiled anew in each. Those that it calls are globals of its module.
    """
    kernel = _closing_over_sources(function)
    try:
        return numba.njit(cache=True, **OPTIONS)(kernel)
    except RuntimeError:
        # No folder to keep compiled code in can be written: compile in every process.
        return numba.njit(**OPTIONS)(kernel)


def _closing_over_sources(function: Any) -> Any:
    """Return a function that closes over the hash of the sources, though it does not use it."""
    code = function.__code__
    kernel = FunctionType(
        code.replace(co_freevars=(*code.co_freevars, "sources")),
        function.__globals__,
        closure=(*(function.__closure__ or ()), CellType(SOURCES)),
    )
    return update_wrapper(kernel, function)


def _digest() -> int:
    """Return a hash of the sources of all executors."""
    total = hashlib.sha256()
    for file in _sources(resources.files(__package__)):
        total.update(file.read_bytes())
    return int.from_bytes(total.digest()[:7])


def _sources(folder: Traversable) -> Iterator[Traversable]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry


SOURCES = _digest()
