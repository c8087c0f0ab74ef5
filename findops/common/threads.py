"""Threads: how many of them the compiled kernels use, and tasks shared out among them."""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from itertools import pairwise
from queue import SimpleQueue
from typing import TYPE_CHECKING, ClassVar, TypeVar, TypeVarTuple, Unpack
from weakref import ReferenceType, ref

from findops.common.arguments import as_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

__all__ = ["TASKS_PER_THREAD", "begin", "num_threads", "run", "set_num_threads"]

Task = TypeVarTuple("Task")
Item = TypeVar("Item")

VARIABLES = ("FINDOPS_NUM_THREADS", "OMP_NUM_THREADS")
"""Environment variables that set the number, the first that is there; the second is what
joblib, dask and batch systems set for their workers."""

TASKS_PER_THREAD = 4
"""Tasks into which work is cut for each thread, so that none waits long for another."""


# How many threads -------------------------------------------------------------------------------


class set_num_threads:  # noqa: N801  # a function to its users, and a context manager
    """Set the number of threads of the compiled kernels, and of much dense linear algebra.

    As a function, it sets the number for the whole process. In a ``with`` statement, the number
    holds inside it, whatever is set for the process, and only in the thread or asyncio task that
    it is in and the tasks that it begins (`contextvars`). Such statements nest.

    Unless set here, the number is that of the environment variable ``FINDOPS_NUM_THREADS``, else of
    ``OMP_NUM_THREADS``, else that of the cores this process may use. Without a setting, calls from
    threads other than the main one and from processes that ``multiprocessing`` started use one
    thread: whoever made those workers keeps the cores busy already.

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
        self.count = count
        _Process.add(self)

    def __enter__(self) -> None:
        # Only now is it known that the number is not meant for the process.
        _Process.remove(self)
        _inside.set((*_inside.get(), self))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        inside = list(_inside.get())
        # A generator may be closed in a context that it was not begun in, or after others.
        with suppress(ValueError):
            del inside[-1 - inside[::-1].index(self)]
        _inside.set(tuple(inside))


_inside: ContextVar[tuple[set_num_threads, ...]] = ContextVar("findops_num_threads", default=())
"""The settings whose ``with`` statements the context is in, the innermost last."""


class _Process:
    """The settings for the whole process, the last of which holds."""

    count: ClassVar[int | None] = None
    settings: ClassVar[list[tuple[ReferenceType[set_num_threads], int]]] = []
    """Several where ``with`` statements in several threads may take them back, in any order."""
    lock: ClassVar = threading.RLock()
    """One that a signal's handler, which may set a number too, can take again."""

    @classmethod
    def add(cls, setting: set_num_threads) -> None:
        """Have a setting hold."""
        with cls.lock:
            # One that nobody has any more stays, and those before it are never asked for again.
            gone = (i for i, (made, _) in enumerate(cls.settings) if made() is None)
            del cls.settings[: max(gone, default=0)]
            cls.settings.append((ref(setting), setting.count))
            cls.count = setting.count

    @classmethod
    def remove(cls, setting: set_num_threads) -> None:
        """Have a setting hold no longer."""
        with cls.lock:
            cls.settings = [made for made in cls.settings if made[0]() is not setting]
            cls.count = cls.settings[-1][1] if cls.settings else None


def num_threads() -> int:
    """Return the number of threads that a call from here may use."""
    if inside := _inside.get():
        return inside[-1].count
    if (count := _Process.count) is not None:
        return count
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

    waiting = _pool.submit(take, count - 1)
    try:
        take(0)
    finally:
        for future in waiting:
            # Those that have not begun, because others keep the pool busy, have nothing to do.
            if not future.cancel():
                future.result()


def begin(call: Callable[[int], None], helpers: int) -> list[Future[None]]:
    """Have some threads call a function with 1, 2, …, and do not wait for them."""
    return _pool.submit(call, helpers)


def _taken(shares: Sequence[deque[Item]], mine: int) -> Iterator[Item]:
    """Yield what is left of one's share, then of others', and remove it."""
    while any(shares):
        # Another thread may have taken the last one just now.
        with suppress(IndexError):
            yield shares[mine].popleft() if shares[mine] else max(shares, key=len).pop()


class _Pool:
    """Threads that wait for tasks, off the core that the caller is on: as many as were ever needed.

    In virtual machines, Linux may wake threads on the caller's core, though another is free, and
    move them to that after some milliseconds only, which is longer than most calls take.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin with no threads."""
        self.lock = threading.RLock()
        self.calls: SimpleQueue[tuple[Future[None], Callable[[int], None], int]] = SimpleQueue()
        self.threads: list[threading.Thread] = []
        self.separated: tuple[int, int] | None = None
        """The caller's core, and how many threads there were, when they were kept off it last."""

    def submit(self, call: Callable[[int], None], helpers: int) -> list[Future[None]]:
        """Have a function called with 1, 2, …, each by one of some helpers, or fewer if need be."""
        self.grow(helpers)
        self.separate()
        count = min(helpers, len(self.threads))
        futures: list[Future[None]] = [Future() for _ in range(count)]
        for number, future in enumerate(futures, 1):
            self.calls.put((future, call, number))
        return futures

    def grow(self, helpers: int) -> None:
        """Start the threads that some helpers need and that are not there yet."""
        if helpers <= len(self.threads):
            return
        # While the interpreter ends, or where the system allows no more, there are no new threads.
        with self.lock, suppress(RuntimeError):
            while len(self.threads) < helpers:
                name = f"findops_{len(self.threads)}"
                # They have nothing to do when the interpreter ends, so it need not wait for them.
                thread = threading.Thread(target=_serve, args=(self.calls,), name=name, daemon=True)
                thread.start()
                self.threads.append(thread)

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
                if thread.native_id is not None:
                    os.sched_setaffinity(thread.native_id, others)


def _serve(calls: SimpleQueue[tuple[Future[None], Callable[[int], None], int]]) -> None:
    while True:
        # No name holds the call, and with it arrays, while the next one is waited for.
        _answer(*calls.get())


def _answer(future: Future[None], call: Callable[[int], None], number: int) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        call(number)
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(None)


@cache
def _core_of_caller() -> Callable[[], int] | None:
    """Return what tells the core that it is called on, where threads can be kept off it."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    import ctypes

    return getattr(ctypes.PyDLL(None), "sched_getcpu", None)


_pool = _Pool()


def _begin_in_child() -> None:
    """Forget the parent's threads, which a forked child has not, and locks that those may hold."""
    _pool.clear()
    _Process.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
