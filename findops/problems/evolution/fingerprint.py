"""Fingerprints of linear problems: the same for those only whose matrices are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from findops.conditions.conditions import Interface, NoCondition, Trace
from findops.operators.binding import MutableError, structure

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from findops.conditions.conditions import Condition

__all__ = ["fingerprint"]


def fingerprint(conditions: Iterable[Condition], *parts: object) -> Hashable | None:
    """Return what is the same for equal operators under conditions that differ in values alone.

    None if something of them may change while it stays the same object: arrays, functions, masks.
    """
    try:
        return tuple(map(_of_condition, conditions)), tuple(map(_plain, parts))
    except MutableError:
        return None


def _of_condition(condition: Condition) -> Hashable:
    if not isinstance(condition.where, str) or isinstance(condition, Interface):
        raise MutableError
    if isinstance(condition, NoCondition):
        return "none", condition.where
    given = condition.expression
    parts = given.parts if isinstance(given, Trace) else (given,)
    return condition.where, condition.component, *map(structure, parts)


def _plain(part: object) -> Hashable:
    return structure(tuple(part.items()) if isinstance(part, dict) else part)
