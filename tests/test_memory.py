"""Memory of large results: used again once nobody holds it, and not before."""

import ctypes
import gc
import mmap
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

import findops
from findops import Diff, Grid, Uniform
from findops.common import memory
from findops.operators import binding

pytestmark = pytest.mark.skipif(not memory.POOLED, reason="memory is not kept here")

N = 1 << 14
OP = Diff(0, 2).on(Grid(Uniform(n=N, step=1)))
U = np.random.default_rng(3).standard_normal(N)
SIZE = 1 << 18
"""Bytes that the memory of a result has, here."""


@pytest.fixture(autouse=True)
def small_pool(monkeypatch):
    """Few bytes are large, and the pool keeps four results; it begins and ends empty."""
    monkeypatch.setattr(memory, "LARGE_BYTES", 1 << 16)
    monkeypatch.setattr(memory, "PAGE_BYTES", SIZE)
    monkeypatch.setattr(memory, "KEPT_BYTES", 4 * SIZE)
    memory._Pool.clear()
    yield
    memory._Pool.clear()


@pytest.fixture
def expected():
    """What the operator gives."""
    return OP(U, out=np.empty(N))


def test_memory_is_used_again(expected):
    first = OP(U)
    place = first.ctypes.data
    del first
    second = OP(U)
    assert second.ctypes.data == place
    np.testing.assert_array_equal(second, expected)


HOLDERS = {
    "itself": lambda a: a,
    "slice": lambda a: a[5:],
    "element by stride": lambda a: a[3::100],
    "reshaped": lambda a: a.reshape(2, -1).T,
    "other type": lambda a: a.view(np.int64),
    "memoryview": memoryview,
    "buffer": lambda a: np.frombuffer(a),
    "interface": lambda a: type("Wrap", (), {"__array_interface__": a.__array_interface__, "a": a}),
    "windows": lambda a: np.lib.stride_tricks.sliding_window_view(a, 3),
    "iterator": lambda a: a.flat,
    "pickle": lambda a: pickle.PickleBuffer(a),
    "dlpack": lambda a: np.from_dlpack(a),
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_what_is_held_is_not_used_again(hold, expected):
    made = OP(U)
    place = made.ctypes.data
    held = hold(made)
    del made
    others = [OP(np.zeros(N)) for _ in range(3)]
    assert place not in [other.ctypes.data for other in others]
    there = np.frombuffer((ctypes.c_double * N).from_address(place))
    np.testing.assert_array_equal(there, expected)
    del held, there
    gc.collect()
    assert OP(U).ctypes.data == place


def test_it_is_bounded():
    results = [OP(U) for _ in range(9)]
    assert memory._Pool.kept() == 0
    del results
    assert memory._Pool.kept() == 4 * SIZE


def test_what_has_another_size_makes_room():
    results = [OP(U) for _ in range(4)]
    del results
    larger = OP(np.stack([U, U, U]))
    assert memory._Pool.kept() == 2 * SIZE
    del larger
    assert [len(each) for each in memory._Pool.free] == [SIZE, SIZE, 2 * SIZE]


def test_what_is_larger_than_the_pool_is_not_kept():
    OP(np.stack([U] * 20))
    assert memory._Pool.kept() == 0


def test_it_is_freed_when_asked():
    OP(U)
    Diff(0)(U, 0.5)
    assert memory._Pool.kept()
    assert len(binding._operators)
    findops.free_memory()
    assert not memory._Pool.kept()
    assert not len(binding._operators)


def test_threads_never_share_a_result(expected):
    wrong = []

    def work(factor):
        for _ in range(50):
            held = [OP(factor * U) for _ in range(3)]
            if not all(np.array_equal(each, factor * expected) for each in held):
                wrong.append(factor)

    threads = [threading.Thread(target=work, args=(2.0**i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert memory._Pool.kept() <= 4 * SIZE


def test_without_memory_what_is_kept_is_freed(monkeypatch, expected):
    OP(U)

    def refused(*_, **__):
        raise OSError("no memory")

    monkeypatch.setattr(memory.mmap, "mmap", refused)
    np.testing.assert_array_equal(OP(np.stack([U, U, U]))[2], expected)
    assert not memory._Pool.kept()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Python 3.12: there may be threads
def test_a_forked_child_has_its_own(expected):
    made = OP(U)
    child = os.fork()
    if not child:
        made[:] = 7
        del made
        again = memory.empty_bytes(SIZE)
        again[:] = 1
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(made, expected)


AT_EXIT = """
import numpy as np
from findops import Diff
u = np.ones((2100, 2100))
v = Diff(0)(u, 1.0)
w = Diff(0)(u, 1.0)
del w
class Late:
    def __init__(self): self.v = v
    def __del__(self): self.v = None
late = Late()
late.itself = late
"""


def test_nothing_is_said_at_exit():
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", AT_EXIT], capture_output=True, text=True, check=True
    )
    assert run.stderr == ""


def test_the_system_may_take_it_back():
    """What MADV_FREE marked reads as zeros or as it was, and can be written again."""
    lease = memory.empty_bytes(SIZE)
    lease[:] = 3
    del lease
    (kept,) = memory._Pool.free
    kept.madvise(mmap.MADV_DONTNEED)
    again = memory.empty_bytes(SIZE)
    assert not again.any()
    again[:] = 5
    assert (again == 5).all()


def test_limits_of_control_groups_around_the_process_count(monkeypatch, tmp_path):
    inner = tmp_path / "slice" / "scope"
    inner.mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (inner.parent / "memory.max").write_text("1000000\n")
    for group in (inner, inner.parent):
        (group / "memory.current").write_text("900000\n")
        (group / "memory.stat").write_text("anon 100000\ninactive_file 800000\n")
    own = tmp_path / "own"
    own.write_text("3:cpu:/\n0::/slice/scope\n")
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    monkeypatch.setattr(memory, "OWN_GROUPS", own)
    # Files that are kept in memory go when it is needed.
    assert memory.available_bytes() == 900_000
    old = tmp_path / "memory" / "job"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text("5000\n")
    (old / "memory.usage_in_bytes").write_text("6000\n")
    (old / "memory.stat").write_text("total_inactive_file 400\n")
    own.write_text("4:memory:/job\n0::/\n")
    assert memory.available_bytes() == 0
