"""The threads of the compiled kernels: each task is done once, by helpers on cores of their own.

How many there are is set for the process or in a context; no setting leaves anything behind.
"""

import asyncio
import contextvars
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from findops.common import threads as pool
from findops.common.threads import num_threads, set_num_threads


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


def test_where_no_more_threads_start_the_others_do_it_all(monkeypatch):
    count = 3 + sum(thread.name.startswith("findops") for thread in threading.enumerate())
    start, started, done = threading.Thread.start, [], []

    def start_one(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    def work(i):
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.1)
        done.append(i)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    pool.run(work, [(i,) for i in range(count)], count)
    assert started
    assert sorted(done) == list(range(count))


def test_there_is_one_pool_however_many_sizes_are_set():
    """Every barrier lets pass only if as many threads as were set wait at it together."""
    code = """if True:
        import threading
        from findops.common import threads as pool
        for n in [*range(2, 62), *range(61, 1, -1)]:
            with pool.set_num_threads(n):
                pool.run(threading.Barrier(n, timeout=60).wait, [()] * n)
        print(threading.active_count())
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "61\n"), done.stderr


# How many threads -------------------------------------------------------------------------------


def test_settings_in_overlapping_threads_do_not_see_one_another():
    """Each thread leaves its block while those that entered later are in theirs."""
    before, count = num_threads(), 6
    entered, left = ([threading.Event() for _ in range(count)] for _ in range(2))

    def work(i):
        assert i == 0 or entered[i - 1].wait(10)
        with set_num_threads(i + 2):
            entered[i].set()
            assert entered[-1].wait(10)
            assert i == 0 or left[i - 1].wait(10)
            inside = num_threads()
        left[i].set()
        assert left[-1].wait(10)
        return inside, num_threads()

    with ThreadPoolExecutor(count) as others:
        seen = list(others.map(work, range(count)))
    assert seen == [(i + 2, 1) for i in range(count)]
    assert num_threads() == before


def test_many_short_settings_in_many_threads_leave_nothing():
    before = num_threads()

    def work(i):
        for _ in range(2000):
            with set_num_threads(i + 2):
                assert num_threads() == i + 2

    with ThreadPoolExecutor(8) as others:
        list(others.map(work, range(8)))
    assert num_threads() == before


@pytest.mark.parametrize("first", [0, 1])
def test_settings_made_at_once_leave_nothing_whichever_ends_first(first):
    """Both are made, as `with` statements in two threads do, before either is entered."""
    before = num_threads()
    contexts = [contextvars.copy_context() for _ in range(2)]
    stacks = [ExitStack() for _ in range(2)]
    settings = [set_num_threads(3), set_num_threads(5)]
    for i in (first, 1 - first):
        contexts[i].run(stacks[i].enter_context, settings[i])
        assert contexts[i].run(num_threads) == settings[i].count
    assert num_threads() == before
    for i in (first, 1 - first):
        contexts[i].run(stacks[i].close)
        assert contexts[i].run(num_threads) == before
    assert num_threads() == before


def test_settings_in_tasks_that_take_turns_do_not_see_one_another():
    before = num_threads()

    async def work(i):
        await asyncio.sleep(0.01 * i)
        with set_num_threads(i + 2):
            await asyncio.sleep(0.05)
            return num_threads()

    async def together():
        return await asyncio.gather(*(work(i) for i in range(4)))

    assert asyncio.run(together()) == [2, 3, 4, 5]
    assert num_threads() == before


def test_settings_nest():
    before = num_threads()
    two = set_num_threads(2)
    with set_num_threads(4):
        for _ in range(2):
            with two, two:
                assert num_threads() == 2
            assert num_threads() == 4
        with pytest.raises(ArithmeticError), two:
            raise ArithmeticError
        assert num_threads() == 4
    assert num_threads() == before


def test_a_generator_takes_back_its_own_setting_only():
    def generator():
        with set_num_threads(2):
            yield

    before, begun = num_threads(), generator()
    next(begun)
    with set_num_threads(4):
        begun.close()
        assert num_threads() == 4
    assert num_threads() == before


def test_a_number_for_the_process_holds_everywhere_but_inside_other_settings():
    before = num_threads()
    with set_num_threads(4):
        process = set_num_threads(6)
        assert num_threads() == 4
        with ThreadPoolExecutor(1) as other:
            assert other.submit(num_threads).result() == 6
    assert num_threads() == 6
    with process:
        pass
    assert num_threads() == before


def test_settings_for_the_process_are_not_kept_but_for_the_last():
    code = """if True:
        from findops.common.threads import _Process, num_threads, set_num_threads
        for n in range(1, 1000):
            set_num_threads(n)
        print(num_threads(), len(_Process.settings) < 3)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "999 True\n"), done.stderr
