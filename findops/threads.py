"""How many threads the compiled kernels use."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import TYPE_CHECKING

from findops.values import whole

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["num_threads", "set_num_threads"]

VARIABLES = ("FINDOPS_NUM_THREADS", "OMP_NUM_THREADS")
"""Environment variables that set the number, the first that is there; the second is what
joblib, dask and batch systems set for their workers."""


class _Setting:
    """The number of threads that was asked for; None where nobody did."""

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
        count = _at_least_one(n, "the number of threads")
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

    others_worker = threading.current_thread() is not threading.main_thread()
    if others_worker or multiprocessing.parent_process() is not None:
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


def _at_least_one(n: object, what: str) -> int:
    count = whole(n, what)
    if count < 1:
        raise ValueError(f"{what} must be at least 1, but is {count}")
    return count
