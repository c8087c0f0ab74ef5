"""Threads that share out the boxes of a kernel: each box is filled once, by its own call."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from findops import Diff, Grid, Laplacian, Uniform, set_num_threads
from findops.executors.kernels import machine
from findops.executors.kernels import team as teams
from findops.executors.kernels.fused import SERIAL, SHARED

SHAPES = [(160, 170), (33, 31, 40), (700, 500)]
"""Those of two arrays between the limits, and of one beyond."""


def wake(threads):
    """Have the threads of a team look for boxes."""
    team = teams.team(threads)
    stop = time.monotonic() + 60
    while not team.state[teams.AWAKE]:
        team.gathered(True)
        assert time.monotonic() < stop, "no thread came"
    return team


def operators(shape):
    grid = Grid(*(Uniform(0, 1, n) for n in shape))
    return [Laplacian(acc=2).on(grid), Laplacian(acc=4).on(grid), Diff(0, acc=6).on(grid)]


def test_shapes_are_where_they_should_be():
    first, second, third = (int(np.prod(shape)) for shape in SHAPES)
    assert SHARED <= first < SERIAL
    assert SHARED <= second < SERIAL <= third


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_results_have_the_bits_of_one_thread(shape, dtype):
    u = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    for op in operators(shape):
        with set_num_threads(1):
            expected, added = op(u), op(u, out=np.ones_like(u), add=True, scale=0.5)
        with set_num_threads(3):
            op(u)
            for _ in range(5):
                wake(3)
                np.testing.assert_array_equal(op(u), expected)
                out = np.ones_like(u)
                np.testing.assert_array_equal(op(u, out=out, add=True, scale=0.5), added)


@pytest.mark.parametrize("threads", [2, 5])
def test_calls_of_several_kernels_do_not_mix(threads):
    """More threads than cores: some are put off while they look at a call that is over."""
    shape = SHAPES[0]
    u = np.random.default_rng(0).standard_normal(shape)
    ops = operators(shape)
    with set_num_threads(1):
        expected = [op(u) for op in ops]
    with set_num_threads(threads):
        for i in range(900):
            if i % 100 == 0:
                wake(threads)
            out = np.full(shape, np.nan)
            np.testing.assert_array_equal(ops[i % 3](u, out=out), expected[i % 3])


def test_each_call_has_a_number_of_its_own():
    """By it, a thread that comes late knows that the boxes that it saw are not there any more."""
    op, u = operators(SHAPES[2])[0], np.zeros(SHAPES[2])
    with set_num_threads(2):
        op(u)
        team = wake(2)
        before = int(team.state[teams.OPEN])
        op(u)
        assert int(team.state[teams.OPEN]) - before == teams.COUNTED + 1
        assert not before & teams.COUNTED


def test_callers_at_once_each_get_their_own():
    shape = SHAPES[2]
    fields = np.random.default_rng(0).standard_normal((4, *shape))
    op = operators(shape)[0]
    with set_num_threads(1):
        expected = [op(u) for u in fields]
    wrong = []

    def call(i):
        with set_num_threads(2):
            wrong.extend(i for _ in range(40) if not np.array_equal(op(fields[i]), expected[i]))

    callers = [threading.Thread(target=call, args=(i,)) for i in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_nothing_is_filled_while_another_call_is_under_way():
    team = wake(2)
    with team.lock:
        assert not team.fill(None, None, None, 1.0)


CHILD = """
import os, sys
import numpy as np
from findops import Laplacian, set_num_threads
set_num_threads(2)
u = np.random.default_rng(0).standard_normal((700, 500))
expected = Laplacian()(u, 0.1)
for _ in range(50):
    Laplacian()(u, 0.1)
if sys.argv[1] == "fork":
    child = os.fork()
    for _ in range(50):
        assert np.array_equal(Laplacian()(u, 0.1), expected)
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize(
    "ending",
    [
        "exit",
        pytest.param(
            "fork",
            marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork"),
        ),
    ],
)
def test_processes_fork_and_end_while_threads_are_awake(ending):
    for _ in range(2):
        run = [sys.executable, "-W", "error", "-c", CHILD, ending]
        subprocess.run(run, check=True, timeout=120)


@pytest.mark.parametrize("write", [teams.leading, teams.serving])
@pytest.mark.parametrize("processor", ["x86_64", "aarch64", "riscv64"])
def test_code_is_made_for_other_processors(processor, write):
    target = machine.Machine(f"{processor}-unknown-linux-gnu", "generic", "")
    assert len(target.object_code(write(processor))) > 500
