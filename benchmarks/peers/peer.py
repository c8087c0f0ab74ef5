"""What a peer is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contest import Code
    from benchmarks.problem import Problem

__all__ = ["Peer"]


@dataclass(frozen=True)
class Peer:
    """Another code for the problems that it can compute.

    Parameters
    ----------
    prepare : callable
        Does what is done once, compiling included.
    can : callable
        Whether it can compute a problem.
    reuses : bool
        Whether it writes into existing memory.
    """

    prepare: Callable[[Problem], Code]
    can: Callable[[Problem], bool]
    reuses: bool
