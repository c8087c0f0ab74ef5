"""Memory: how much there is, and that of large results, used again once nobody holds them.

New memory comes from the system page by page, and zeroed, which takes as long as a whole sweep.
"""

from __future__ import annotations

import math
import mmap
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from findops.common.caches import empty_caches

if TYPE_CHECKING:
    from findops.common.arrays import Array

__all__ = ["available_bytes", "empty_bytes", "free_memory"]

LARGE_BYTES = 1 << 25
"""Bytes from which arrays come from the pool; `malloc` itself uses smaller ones again."""

KEPT_BYTES = 1 << 29
"""Bytes that the pool keeps, at most."""

PAGE_BYTES = 1 << 21
"""Bytes of a huge page, of which sizes are multiples, so that those of like arrays are equal."""

GROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
"""Where Linux tells of control groups, and to which of them the process belongs."""

GROUP_FILES = {
    "": ("", "memory.max", "memory.current", "inactive_file"),
    "memory": (
        "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    ),
}  # fmt: skip
"""Of version 2 and 1, by the controllers of a line: where groups lie, and the names of files."""

POOLED = hasattr(mmap, "MAP_PRIVATE") and hasattr(mmap, "MADV_FREE")
"""Whether the system can take back what is kept, when it needs memory."""


def empty_bytes(size: int) -> Array:
    """Return an array of bytes that are not set."""
    if POOLED and size >= LARGE_BYTES:
        try:
            return np.asarray(_Lease(_Pool.take(-(-size // PAGE_BYTES) * PAGE_BYTES)))
        except OSError:  # there is no memory, unless what is kept will do
            _Pool.clear()
    return np.empty(size, dtype=np.uint8)


def free_memory() -> None:
    """Free the memory that is kept for later calls.

    That is the memory of large results that nobody holds any more, up to 512 MB, which the system
    takes back by itself when it needs some; and the operators that ``E(u, grid)`` bound, with all
    else that is kept to be found again.

    Examples
    --------
    >>> import findops
    >>> findops.free_memory()
    """
    _Pool.clear()
    empty_caches()


def available_bytes() -> float:
    """Return how much memory this process may still take, infinity where nobody tells.

    That is what Linux calls available, within the limits of control groups, and the process' own.
    """
    return min(_free_by_system(), _free_in_groups(), _free_by_limit())


def _free_by_system() -> float:
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    return math.inf


def _free_in_groups() -> float:
    """Return what the control groups around the process leave of their limits.

    Files that the system keeps in memory count in a group, but go when it needs room.
    """
    free = math.inf
    with suppress(OSError):
        for line in OWN_GROUPS.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in GROUP_FILES:
                mount, *names = GROUP_FILES[controllers]
                inner = GROUPS / mount / path.strip("/")
                around = [g for g in (inner, *inner.parents) if g.is_relative_to(GROUPS / mount)]
                free = min([free, *(_free_in_group(group, *names) for group in around)])
    return free


def _free_in_group(group: Path, limit: str, used: str, files: str) -> float:
    with suppress(OSError, ValueError):  # "max" is no number
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        most, taken = (int((group / name).read_text()) for name in (limit, used))
        return float(max(most - taken + int(stat.get(files, 0)), 0))
    return math.inf


def _free_by_limit() -> float:
    with suppress(ImportError, OSError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            return float(most - pages * resource.getpagesize())
    return math.inf


class _Lease:
    """What an array and its views refer to as their base; memory goes back when it is freed."""

    def __init__(self, memory: mmap.mmap) -> None:
        self.__array_interface__: dict[str, Any] = np.frombuffer(
            memory, dtype=np.uint8
        ).__array_interface__
        self._memory = memory
        # A name of the module may be gone by the time that the last array is.
        self._give = _Pool.give

    def __del__(self) -> None:
        self._give(self._memory)


class _Pool:
    """Memory that nobody holds, what came last standing last."""

    free: ClassVar[list[mmap.mmap]] = []
    lock: ClassVar = threading.RLock()
    """One that a finalizer, which may run at any time, can take again."""

    @classmethod
    def kept(cls) -> int:
        """Return how many bytes it is."""
        return sum(map(len, cls.free))

    @classmethod
    def take(cls, size: int) -> mmap.mmap:
        """Return memory of a size; what has another makes room if there is none."""
        with cls.lock:
            for memory in reversed(cls.free):
                if len(memory) == size:
                    cls.free.remove(memory)
                    return memory
            while cls.free and cls.kept() + size > KEPT_BYTES:
                cls.free.pop(0)
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):
                memory.madvise(mmap.MADV_HUGEPAGE)
        return memory

    @classmethod
    def give(cls, memory: mmap.mmap) -> None:
        """Keep memory that was freed, if there is room; the system may take it back."""
        with cls.lock:
            if cls.kept() + len(memory) <= KEPT_BYTES:
                with suppress(OSError):
                    memory.madvise(mmap.MADV_FREE)
                cls.free.append(memory)

    @classmethod
    def clear(cls) -> None:
        """Give everything back to the system."""
        with cls.lock:
            cls.free.clear()

    @classmethod
    def begin_in_child(cls) -> None:
        """Forget a lock that another thread of the parent may hold."""
        cls.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Pool.begin_in_child)
