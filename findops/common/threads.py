"""Threads: how many of them the compiled kernels use, and tasks shared out among them."""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

from findops.common.arguments import as_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from types import TracebackType

__all__ = ["TASKS_PER_THREAD", "num_threads", "run", "set_num_threads"]

Task = TypeVarTuple("Task")
Item = TypeVar("Item")

VARIABLES = ("FINDOPS_NUM_THREADS", "OMP_NUM_THREADS")
"""Environment variables that set the number, the first that is there; the second is what
joblib, dask and batch systems set for their workers."""

TASKS_PER_THREAD = 4
"""Tasks into which work is cut for each thread, so that none waits long for another."""


# How many threads -------------------------------------------------------------------------------


class _Setting:
    """The number of threads that was set; None where none was."""

    count: int | None = None


class set_num_threads:  # noqa: N801  # a function to its users, and a context manager
    """Set the number of threads of the compiled kernels, for the whole process.

    As a context manager, it restores what was set before. Unless set here, the number is that of
    the environment variable ``FINDOPS_NUM_THREADS``, else of ``OMP_NUM_THREADS``, else that of the
    cores this process may use. Without a setting, calls from threads other than the main one and
    from processes that ``multiprocessing`` started use one thread: whoever made those workers keeps
    the cores busy already.

    Parameters
    ----------
    n : int
        Number of threads, at least 1.

    Raises
    ------
    ValueError
        If n is less than 1.
    TypeError
        If n is not a whole number.

    Examples
    --------
    >>> import numpy as np
    >>> from findops import Diff, set_num_threads
    >>> with set_num_threads(1):
    ...     Diff(0, 2)(np.arange(6.0) ** 2, 1.0)
    array([2., 2., 2., 2., 2., 2.])
    """

    def __init__(self, n: int) -> None:
        count = as_integer(n, "the number of threads")
        if count < 1:
            raise ValueError(f"the number of threads must be at least 1, but is {count}")
        self._before, _Setting.count = _Setting.count, count

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _Setting.count = self._before


def num_threads() -> int:
    """Return the number of threads that a call from here may use."""
    if _Setting.count is not None:
        return _Setting.count
    import multiprocessing

    in_worker = threading.current_thread() is not threading.main_thread()
    if in_worker or multiprocessing.parent_process() is not None:
        return 1
    return _default()


@cache
def _default() -> int:
    for name in VARIABLES:
        # OpenMP allows a list, one number for each level of nesting.
        value = os.environ.get(name, "").partition(",")[0].strip()
        if value.isdecimal() and int(value):
            return int(value)
        if value and name == VARIABLES[0]:
            raise ValueError(f"{name} must be a number of threads, at least 1, but is {value!r}")
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# Tasks on several threads -----------------------------------------------------------------------


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
            # The rest is not needed any more.
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


class _Pool:
    """Threads that wait for tasks, off the core that the caller is on.

    In virtual machines, Linux may wake threads on the caller's core, though another is free, and
    move them to that after some milliseconds only, which is longer than most calls take.
    """

    def __init__(self, workers: int) -> None:
        self.threads: list[int] = []
        self.separated: tuple[int, int] | None = None
        """The caller's core, and how many threads there were, when they were kept off it last."""
        self.executor = ThreadPoolExecutor(
            workers, "findops", lambda: self.threads.append(threading.get_native_id())
        )

    def submit(self, call: Callable[[int], None], numbers: Iterable[int]) -> list[Future[None]]:
        """Have a function called with each of some numbers."""
        self.separate()
        try:
            return [self.executor.submit(call, number) for number in numbers]
        except RuntimeError:
            # While the interpreter ends, there are no new threads.
            return []

    def separate(self) -> None:
        """Keep the threads off the caller's core, if they are allowed another."""
        core_of_caller = _core_of_caller()
        if core_of_caller is None:
            return
        core = core_of_caller()
        if self.separated == (core, len(self.threads)):
            return
        self.separated = core, len(self.threads)
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
