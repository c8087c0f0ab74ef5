"""The threads that the compiled kernels share, and how they share the work."""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

from findops.threads import num_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

__all__ = ["run"]

Task = TypeVarTuple("Task")
Item = TypeVar("Item")


class _Pool:
    """Threads that stand by, off the core that the caller is on.

    In virtual machines, Linux may wake them after a rest on the caller's core, though another is
    free, and part them after some milliseconds only, which is longer than most calls take.
    """

    def __init__(self, workers: int) -> None:
        self.threads: list[int] = []
        self.parted: tuple[int, int] | None = None
        self.executor = ThreadPoolExecutor(
            workers, "findops", lambda: self.threads.append(threading.get_native_id())
        )

    def submit(self, call: Callable[[int], None], numbers: Iterable[int]) -> list[Future[None]]:
        """Have a function called with each of some numbers."""
        self.part()
        try:
            return [self.executor.submit(call, number) for number in numbers]
        except RuntimeError:
            # While the interpreter ends, there are no new threads.
            return []

    def part(self) -> None:
        """Keep the threads off the caller's core, if they are allowed another."""
        core_of_caller = _core_of_caller()
        if core_of_caller is None:
            return
        core = core_of_caller()
        if self.parted == (core, len(self.threads)):
            return
        self.parted = core, len(self.threads)
        others = os.sched_getaffinity(0) - {core}
        # Where the system forbids it, they stay where it puts them.
        with suppress(OSError):
            for thread in self.threads if others else ():
                os.sched_setaffinity(thread, others)


@cache
def _core_of_caller() -> Callable[[], int] | None:
    """Return what tells the core that it is called on, where threads can be kept off it."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    import ctypes

    return getattr(ctypes.PyDLL(None), "sched_getcpu", None)


_pool = cache(_Pool)

if hasattr(os, "register_at_fork"):
    # A forked child has none of its parent's threads.
    os.register_at_fork(after_in_child=_pool.cache_clear)


def run(
    work: Callable[[Unpack[Task]], object],
    tasks: Iterable[tuple[*Task]],
    threads: int | None = None,
) -> None:
    """Call ``work`` for every task, on several threads, the caller's among them.

    Each thread has a share of neighboring tasks, which have much in common that is in its caches.
    When it is through, it steals from the end of the longest share (Blumofe, Leiserson, 1999).
    """
    everything = list(tasks)
    count = min(num_threads() if threads is None else threads, len(everything))
    if count < 2:
        for task in everything:
            work(*task)
        return
    cuts = (len(everything) * i // count for i in range(count + 1))
    shares = [deque(everything[a:b]) for a, b in pairwise(cuts)]

    def take(mine: int) -> None:
        try:
            for task in _taken(shares, mine):
                work(*task)
        except BaseException:
            # Nobody needs the rest.
            for share in shares:
                share.clear()
            raise

    waiting = _pool(count - 1).submit(take, range(1, count))
    try:
        take(0)
    finally:
        for future in waiting:
            # Those that have not begun, because others keep the pool busy, have nothing to do.
            if not future.cancel():
                future.result()


def _taken(shares: Sequence[deque[Item]], mine: int) -> Iterator[Item]:
    """Yield what is left of one's share, then of others', and remove it."""
    while any(shares):
        # Another thread may have taken the last one just now.
        with suppress(IndexError):
            yield shares[mine].popleft() if shares[mine] else max(shares, key=len).pop()
