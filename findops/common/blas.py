"""Threads of the BLAS, as long as some dense work takes.

Its threads wait for each other while they turn: where other processes keep the cores busy, work of
a millisecond then takes a hundred.
"""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from findops.common.threads import num_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DECOMPOSITION_WORK", "blas_threads", "dense_work"]

DECOMPOSITION_WORK = 20
"""Multiplications per cube of its size that eigenvalues or singular values of a matrix take."""

LEAST_WORK = 1 << 18
"""Multiplications up to which the BLAS takes one thread by itself."""

WORK_FOR_THREADS = 1 << 28
"""Multiplications from which several threads pay, even if some have to wait."""


def dense_work(multiplications: float) -> AbstractContextManager[None]:
    """Return a context in which dense work of some size has as many threads as it is worth.

    That is one, or for much work `num_threads()`.
    """
    if multiplications < LEAST_WORK:
        return nullcontext()
    return blas_threads(num_threads() if multiplications >= WORK_FOR_THREADS else 1)


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """Have the BLAS use no more than some threads, and no more than it did.

    Of such statements inside each other, the innermost holds. The BLAS has one number for the
    whole process: while several threads are in such statements, the least holds.
    """
    _Limits.enter(count)
    try:
        yield
    finally:
        _Limits.leave()


class _Limits:
    """The numbers of threads that are asked for in this process."""

    lock: ClassVar = threading.RLock()
    asked: ClassVar[dict[int, list[int]]] = {}
    """By thread, those of the statements that it is in, the innermost last."""
    found: ClassVar[list[tuple[Any, int]]] = []
    """The libraries, and how many threads they used before the first statement."""
    held: ClassVar[int | None] = None
    """The number that holds, None where nobody asked for one."""

    @classmethod
    def enter(cls, count: int) -> None:
        with cls.lock:
            if not cls.asked:
                cls.found = [(library, library.get_num_threads()) for library in _libraries()]
            cls.asked.setdefault(threading.get_ident(), []).append(count)
            cls.hold()

    @classmethod
    def leave(cls) -> None:
        with cls.lock:
            own = cls.asked[threading.get_ident()]
            own.pop()
            if not own:
                del cls.asked[threading.get_ident()]
            cls.hold()

    @classmethod
    def hold(cls) -> None:
        """Have the least number hold, and where none is asked for, the number before."""
        least = min((own[-1] for own in cls.asked.values()), default=None)
        if least == cls.held:
            return
        for library, before in cls.found:
            library.set_num_threads(before if least is None else min(before, least))
        cls.held = least

    @classmethod
    def begin_in_child(cls) -> None:
        """Forget what other threads asked for, which a forked child has not."""
        cls.lock = threading.RLock()
        own = threading.get_ident()
        cls.asked = {thread: counts for thread, counts in cls.asked.items() if thread == own}
        cls.hold()


@cache
def _libraries() -> list[Any]:
    """Return what sets the threads of NumPy's BLAS and SciPy's, which is found once both are there.

    It takes milliseconds.
    """
    import scipy.linalg  # noqa: F401  # so that its BLAS is loaded
    from threadpoolctl import ThreadpoolController

    found: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return found


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Limits.begin_in_child)
