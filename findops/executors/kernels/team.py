"""Teams of threads that share out the boxes of one kernel among them, without Python.

A call that takes some hundred microseconds gains nothing from a thread that has to be woken for it,
which takes fifty. In a loop over time the threads of a team are awake: each looks for boxes some
thousand times before it goes to sleep again, as threads of OpenMP do.
"""

from __future__ import annotations

import atexit
import os
import threading
from time import perf_counter, sleep
from typing import TYPE_CHECKING

import numpy as np

from findops.common.threads import begin
from findops.executors.kernels.ir import HEADER, SYMBOL
from findops.executors.kernels.machine import compiled, here

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from findops.common.arrays import Array, Int64s
    from findops.executors.kernels.machine import Kernel

__all__ = ["Shared", "Team", "leading", "serving", "team"]

LOOKS = 4096
"""How often a thread looks for boxes before it sleeps: 100 µs where the benchmarks were made."""

LOOP = 1e-3
"""Seconds within which a call follows another in a loop, so that waking threads will pay."""

REST = 1e-5
"""Seconds for which the end of the process leaves the core to threads that it waits for."""

LINE = 8
"""Numbers of a cache line: those that different threads write are on lines of their own."""

OPEN, DONE, AWAKE, CALL = (LINE * i for i in range(4))
"""Places of: the number of the call and of its boxes that nobody has taken, in one; how many are
filled; how many threads look for boxes; what the kernel is called with."""

COUNTED = (1 << 16) - 1
"""The most boxes of one call, and the bits that count them."""


class Shared:
    """A kernel with its arguments, and the boxes of one application."""

    def __init__(self, kernel: Kernel, arguments: Int64s, boxes: Sequence[Int64s]) -> None:
        self._kept = kernel, arguments
        self._boxes = np.array(boxes, dtype=np.int64)
        first, by = self._boxes.ctypes.data, self._boxes.strides[0]
        self._call = np.array([kernel.address, arguments.ctypes.data, first, by, len(boxes)])
        self.address: int = self._call.ctypes.data


class Team:
    """Some threads, the caller's among them, that fill the boxes of one call at a time."""

    def __init__(self, threads: int) -> None:
        self.helpers = threads - 1
        self.state = np.zeros(4 * LINE + LINE, dtype=np.int64)
        skipped = -self.state.ctypes.data // 8 % LINE
        self.state = self.state[skipped : skipped + 4 * LINE]
        self.address: int = self.state.ctypes.data
        self.lock = threading.Lock()
        self.coming: list[Future[None]] = []
        self.last = 0.0
        self._lead, self._serve = (compiled(f(processor()), SYMBOL) for f in (leading, serving))

    def gathered(self, at_once: bool) -> bool:
        """Tell whether to share a call: with threads that look for boxes, or come meanwhile.

        They are woken where calls follow each other, or at once. Those that come before a call has
        ended are still there for the next one.
        """
        if self.state[AWAKE]:
            return True
        before, self.last = self.last, perf_counter()
        worth = at_once or self.last - before < LOOP
        if worth and all(future.done() for future in self.coming):
            self.coming = begin(self.serve, self.helpers)
        return worth

    def serve(self, number: int) -> None:  # noqa: ARG002  # all do the same
        """Fill boxes of calls as they come, until none comes for a while."""
        self._serve.call(self.address, 0, 0, 0, 0, 0.0, 0.0)

    def fill(self, shared: Shared, u: Array, out: Array, scale: complex) -> bool:
        """Fill all boxes of a call; nothing, and tell so, while another call is under way."""
        if not self.lock.acquire(blocking=False):
            return False
        try:
            self._lead.call(
                self.address, shared.address, u.ctypes.data, out.ctypes.data, 0,
                scale.real, scale.imag,
            )  # fmt: skip
        finally:
            self.lock.release()
        return True


def team(threads: int) -> Team:
    """Return the team of so many threads."""
    return _teams.get(threads) or _teams.setdefault(threads, Team(threads))


_teams: dict[int, Team] = {}


def _begin_in_child() -> None:
    """Forget the parent's threads, which a forked child has not."""
    _teams.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


@atexit.register
def _rest() -> None:
    """Wait until all threads sleep: what they look at is gone when the interpreter ends."""
    while any(team.state[AWAKE] for team in _teams.values()):
        sleep(REST)


def processor() -> str:
    """Return the kind of processor that this process runs on."""
    return here().triple.partition("-")[0].replace("arm64", "aarch64")


# Their code -------------------------------------------------------------------------------------

PAUSES = {
    "x86_64": ("llvm.x86.sse2.pause()", "llvm.x86.sse2.pause()"),
    "aarch64": ("llvm.aarch64.hint(i32)", "llvm.aarch64.hint(i32 1)"),
}
"""What tells a processor that a thread is waiting, as declared and as called."""

FIELDS = ("function", "arguments", "first", "by", "source", "target", "real", "imaginary")
"""What the kernel is called with, each box being `by` bytes after the one before."""


def serving(processor: str) -> str:
    """Return the function that fills boxes of calls as they come, and looks for some time."""
    read = "\n".join(
        f"%p_{name} = getelementptr i64, ptr %args, i64 {CALL + i}\n"
        f"%{name} = load atomic i64, ptr %p_{name} monotonic, align 8"
        for i, name in enumerate(FIELDS)
    )
    return _function(
        processor,
        f"""
%come = atomicrmw add ptr %awake, i64 1 acq_rel
br label %fresh
fresh:
br label %look
look:
%looks = phi i64 [0, %fresh], [%more, %none]
{_LOOK}
none:
{_pause(processor)}
%more = add i64 %looks, 1
%patient = icmp slt i64 %more, {LOOKS}
br i1 %patient, label %look, label %leave
take:
{read}
{_take("fresh")}
leave:
%gone = atomicrmw sub ptr %awake, i64 1 acq_rel
ret void
""",
    )


def leading(processor: str) -> str:
    """Return the function that opens a call, fills boxes of it, and waits for the others.

    No signal of Python's comes between: arrays must stay while others fill them.
    """
    given = "\n".join(
        f"%g_{name} = getelementptr i64, ptr %box, i64 {i}\n"
        f"%{name} = load i64, ptr %g_{name}, align 8"
        for i, name in enumerate((*FIELDS[:4], "count"))
    )
    written = "\n".join(
        f"%p_{name} = getelementptr i64, ptr %args, i64 {CALL + i}\n"
        f"store atomic i64 %{name}, ptr %p_{name} monotonic, align 8"
        for i, name in enumerate(FIELDS)
    )
    return _function(
        processor,
        f"""
{given}
%source = ptrtoint ptr %u to i64
%target = ptrtoint ptr %v to i64
%real = bitcast double %re to i64
%imaginary = bitcast double %im to i64
{written}
store atomic i64 0, ptr %done monotonic, align 8
%before = load atomic i64, ptr %open monotonic, align 8
%turn = lshr i64 %before, 16
%next = add i64 %turn, 1
%high = shl i64 %next, 16
%opened = or i64 %high, %count
store atomic i64 %opened, ptr %open release, align 8
br label %look
look:
{_LOOK}
none:
%filled = load atomic i64, ptr %done acquire, align 8
%all = icmp eq i64 %filled, %count
br i1 %all, label %leave, label %wait
wait:
{_pause(processor)}
br label %none
take:
{_take("look")}
leave:
ret void
""",
    )


_LOOK = f"""
%seen = load atomic i64, ptr %open acquire, align 8
%left = and i64 %seen, {COUNTED}
%any = icmp ne i64 %left, 0
br i1 %any, label %take, label %none
"""


def _take(after: str) -> str:
    """Return how a box is taken, unless another thread was quicker, and filled."""
    return f"""
%less = add i64 %seen, -1
%tried = cmpxchg ptr %open, i64 %seen, i64 %less acq_rel monotonic
%mine = extractvalue {{ i64, i1 }} %tried, 1
br i1 %mine, label %fill, label %{after}
fill:
%number = add i64 %left, -1
%beyond = mul i64 %number, %by
%place = add i64 %first, %beyond
%f = inttoptr i64 %function to ptr
%a = inttoptr i64 %arguments to ptr
%b = inttoptr i64 %place to ptr
%c = inttoptr i64 %source to ptr
%d = inttoptr i64 %target to ptr
%r = bitcast i64 %real to double
%i = bitcast i64 %imaginary to double
call void %f(ptr %a, ptr %b, ptr %c, ptr %d, ptr null, double %r, double %i)
%one = atomicrmw add ptr %done, i64 1 release
br label %{after}
"""


def _pause(processor: str) -> str:
    return f"call void @{PAUSES[processor][1]}" if processor in PAUSES else ""


def _function(processor: str, body: str) -> str:
    """Return a function of a team's state and what a kernel is called with."""
    declared = f"declare void @{PAUSES[processor][0]}\n" if processor in PAUSES else ""
    places = "\n".join(
        f"%{name} = getelementptr i64, ptr %args, i64 {place}"
        for name, place in (("open", OPEN), ("done", DONE), ("awake", AWAKE))
    )
    return f"{declared}{HEADER}\nentry:\n{places}\n{body}}}\n"
