"""The threads of the compiled kernels: each task is done once, by helpers on cores of their own."""

import os
import threading
import time

import pytest

from findops.common import threads as pool


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 40])
def test_every_task_is_done_once(count, threads):
    done = []
    pool.run(done.append, [(i,) for i in range(count)], threads)
    assert sorted(done) == list(range(count))


def test_one_thread_keeps_the_order():
    done = []
    pool.run(done.append, [(i,) for i in range(9)], 1)
    assert done == list(range(9))


def test_a_share_is_done_in_its_order_and_the_rest_stolen_from_its_end():
    """While one thread is in its first task, the other does all else."""
    done, last = [], threading.Event()

    def work(i):
        if i == 4:
            assert last.wait(10)
        done.append(i)
        if i == 5:
            last.set()

    pool.run(work, [(i,) for i in range(8)], 2)
    assert done == [0, 1, 2, 3, 7, 6, 5, 4]


@pytest.mark.parametrize("failing", [0, 5, 500, 505])
def test_errors_reach_the_caller_and_stop_the_rest(failing):
    done = []

    def work(i):
        if i == failing:
            raise ArithmeticError(f"task {i}")
        time.sleep(0.001)
        done.append(i)

    with pytest.raises(ArithmeticError, match=f"task {failing}"):
        pool.run(work, [(i,) for i in range(1000)], 2)
    assert len(done) < 999


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="there is one core only, or no way to keep threads off it",
)
def test_helpers_keep_off_the_core_of_the_caller(monkeypatch):
    allowed = os.sched_getaffinity(0)
    assert pool._core_of_caller()() in allowed
    for core in sorted(allowed)[:2]:
        monkeypatch.setattr(pool, "_core_of_caller", lambda core=core: lambda: core)
        assert _allowed_to_the_helper() == allowed - {core}


def _allowed_to_the_helper():
    """Return the cores of the helper, whose thread is there already."""
    found = set()
    both = threading.Barrier(2, timeout=10)

    def work():
        both.wait()
        if threading.current_thread() is not threading.main_thread():
            found.update(os.sched_getaffinity(0))

    for _ in range(2):
        found.clear()
        pool.run(work, [(), ()], 2)
    return found
