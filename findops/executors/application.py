"""Application of programs to NumPy's arrays: row by row, or by sweeps along whole lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from findops.executors.lines.sweeps import Sweeps
from findops.executors.rowwise import Rowwise

if TYPE_CHECKING:
    from findops.plan.program import Program

__all__ = ["Application", "application"]

Application = Rowwise | Sweeps
"""A program made ready: (u, out, add, scale) to `out`, or to a new array."""


def application(program: Program) -> Application:
    """Make a program ready to be applied."""
    return Sweeps.of(program, {}) if program.whole else Rowwise.of(program)
