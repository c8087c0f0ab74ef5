"""Caches bounded in bytes: what was made last is kept, as long as there is room for it."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections import OrderedDict
from functools import partial, update_wrapper
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, TypeVarTuple, Unpack
from weakref import WeakSet

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["Cache", "cached_within", "empty_caches", "size_of"]

Made = TypeVar("Made")
Given = TypeVarTuple("Given")

SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType)
"""What a value refers to, but does not keep in memory."""

ENTRY_BYTES = 200
"""Bytes that a cache itself needs for an entry."""


class Cache(Generic[Made]):
    """Values by key, those used last, which take no more than some bytes together.

    What alone takes more is made each time.

    Parameters
    ----------
    capacity : int
        The bytes.
    size : callable, optional
        Returns the bytes that a key and its value will take, `size_of` by default.
    """

    def __init__(self, capacity: int, size: Callable[[Hashable, Made], int] | None = None) -> None:
        self.capacity = capacity
        self.taken = 0
        """Bytes that all entries take."""
        self._size = size or size_of
        self._entries: OrderedDict[Hashable, tuple[Made, int]] = OrderedDict()
        self._renew_lock()
        _caches.add(self)

    def _renew_lock(self) -> None:
        # One that a signal's handler, or a finalizer, can take again.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Return the value of a key, made now if there is none."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
                return entry[0]
        # Nobody else waits meanwhile; whoever is the last to make the same is the one to keep it.
        made = make()
        size = ENTRY_BYTES + self._size(key, made)
        if size <= self.capacity:
            self._keep(key, made, size)
        return made

    def _keep(self, key: Hashable, made: Made, size: int) -> None:
        dropped = []  # freed once others may go on
        with self._lock:
            if key in self._entries:
                dropped.append(self._entries.pop(key))
            self._entries[key] = made, size
            self.taken += size - sum(before for _, before in dropped)
            while self.taken > self.capacity:
                dropped.append(self._entries.popitem(last=False)[1])
                self.taken -= dropped[-1][1]

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            dropped, self._entries, self.taken = self._entries, OrderedDict(), 0
        del dropped


_caches: WeakSet[Cache[Any]] = WeakSet()


def empty_caches() -> None:
    """Drop what all caches keep."""
    for cache in list(_caches):
        cache.clear()


def cached_within(
    capacity: int,
) -> Callable[[Callable[[Unpack[Given]], Made]], Callable[[Unpack[Given]], Made]]:
    """Return a decorator that keeps what a function made of equal arguments, within some bytes."""

    def decorated(
        function: Callable[[Unpack[Given]], Made],
    ) -> Callable[[Unpack[Given]], Made]:
        cache: Cache[Made] = Cache(capacity)

        def call(*given: *Given) -> Made:
            return cache.find(given, partial(function, *given))

        return update_wrapper(call, function)

    return decorated


def size_of(*values: object) -> int:
    """Return how many bytes values take, with all that they refer to."""
    total, left, seen = 0, list(values), set[int]()
    while left:
        value = left.pop()
        if id(value) in seen or isinstance(value, SHARED):
            continue
        seen.add(id(value))
        total += sys.getsizeof(value)
        # An array that is a view does not count the numbers that it refers to.
        left += [value.base] if isinstance(value, np.ndarray) else gc.get_referents(value)
    return total


def _renew_locks() -> None:
    """Let a child that was forked while another thread held a lock not wait for it."""
    for cache in list(_caches):
        cache._renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
