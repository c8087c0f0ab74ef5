"""Many threads, many calls, a forked child: ``python -m benchmarks.stress [SECONDS]``."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np

from findops import (
    Curl,
    Diff,
    Diffusion,
    Gradient,
    Grid,
    Laplacian,
    Operator,
    Periodic,
    Points,
    Uniform,
    set_num_threads,
)  # fmt: skip

THREADS, CALLS = 8, 10_000


def operators() -> list[Operator]:
    """Return operators for every way of applying: by rows, at once, in slabs, stage by stage."""
    space = Grid(x=Periodic(0, 1, 48), y=Uniform(0, 1, 50), z=Points(np.arange(60) ** 1.1))
    c = np.random.default_rng(1).random(space.shape)
    step = (1 + 1e-6 * Laplacian()).on(space)
    return [
        Diff(0).on(Grid(Uniform(0, 1, 100))),
        Laplacian().on(Grid(Uniform(0, 1, 64), Uniform(0, 1, 64))),
        Laplacian(acc=8).on(space),
        Diffusion(lambda x, y, z: 1 + x * y * z).on(space),
        (Diff("x", 2) * c * Diff("x", 2, acc=6)).on(space),
        Curl().on(space) @ Gradient().on(space),
        step**12,
        Diff(0).on(Grid(Uniform(0, 1, 300_000))),
    ]


def threads(seconds: float) -> None:
    """Call different operators from several threads at once, and compare the bits."""
    ops = operators()
    fields = [np.random.default_rng(2).random(op.program.inputs.shape) for op in ops]
    wanted = [op(u) for op, u in zip(ops, fields, strict=True)]
    until, counts, wrong = time.monotonic() + seconds, [0] * THREADS, []

    def work(me: int) -> None:
        rng = np.random.default_rng(me)
        with set_num_threads(2):
            while time.monotonic() < until:
                n = int(rng.integers(len(ops)))
                if not np.array_equal(ops[n](fields[n]), wanted[n]):
                    wrong.append(n)
                counts[me] += 1

    workers = [threading.Thread(target=work, args=(me,)) for me in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(f"{THREADS} threads, {seconds:g} s: {sum(counts)} calls, {len(wrong)} with other bits")


def leaks() -> None:
    """Compare the memory of the process before and after many calls."""
    for op in operators()[:2]:
        u = np.zeros(op.program.inputs.shape)
        for _ in range(CALLS):
            op(u)
        before = _resident()
        for _ in range(CALLS):
            op(u)
        print(f"{op!r}: {CALLS} calls, {(_resident() - before) / 1024:.0f} KiB more")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fork() -> None:
    """Apply in a forked child."""
    op = operators()[2]
    u = np.random.default_rng(3).random(op.program.inputs.shape)
    with set_num_threads(2):
        want = op(u)
        child = os.fork()
        if not child:
            os._exit(0 if np.array_equal(op(u), want) else 1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(f"forked child: {'the same bits' if status == 0 else f'exit status {status}'}")


if __name__ == "__main__":
    threads(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
    leaks()
    fork()
