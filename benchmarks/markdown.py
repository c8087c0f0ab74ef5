"""Tables and numbers in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["digits", "quantity", "scaled", "table"]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def quantity(number: float, unit: str) -> str:
    """Return a number in the unit in which it is easy to read."""
    scale, name = scaled(number, unit)
    return f"{digits(number / scale)} {name}"


def digits(number: float) -> str:
    """Return three digits of a number, and all before its point."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def scaled(number: float, unit: str) -> tuple[float, str]:
    """Return the unit in which a number is easy to read, and what it is worth."""
    if unit == "s" and number < 1:
        return (1e-3, "ms") if number >= 1e-3 else (1e-6, "µs")
    return 1.0, unit
