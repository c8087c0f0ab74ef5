"""Interfaces between blocks: two components that meet on faces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from findops.conditions import Condition
from findops.nodes import Identity
from findops.values import whole

if TYPE_CHECKING:
    from findops.expr import Expr
    from findops.grid import Grid
    from findops.traces import Place

__all__ = ["Interface"]


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Interface(Condition):
    """Two components that meet on faces: the field and its flux go on from one to the other.

    Each component lives on a block of its own; the grid is a copy of both. It is imposed weakly.

    Parameters
    ----------
    where, other : str
        The face of the first component, and that of the second, at the ends of the same axis.
    components : tuple of int
        The two components.
    lengths : tuple of float
        How long the grid's unit of length is in either block.

    Raises
    ------
    TypeError
        If components or lengths are not two.
    ValueError
        If the components are the same, or a length is not positive.

    Examples
    --------
    >>> print(Interface("x+", "x-", (0, 1)))
    component 0 on x+ = component 1 on x-
    """

    other: str = ""
    components: tuple[int, int] = (0, 1)
    lengths: tuple[float, float] = (1, 1)

    def __init__(
        self,
        where: str,
        other: str,
        components: tuple[int, int],
        lengths: tuple[float, float] = (1, 1),
    ) -> None:
        for what, pair in (("components", components), ("lengths", lengths)):
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(f"an interface needs two {what}, as a tuple, not {pair!r}")
        first, second = (whole(c, "a component") for c in components)
        if first == second:
            raise ValueError(f"an interface needs two components, not {first} twice")
        if not all(0 < length < math.inf for length in lengths):
            raise ValueError(f"an interface needs positive lengths, not {lengths}")
        for name, value in (
            ("where", where), ("expression", Identity()), ("value", 0), ("component", first),
            ("other", other), ("components", (first, second)), ("lengths", tuple(lengths)),
        ):  # fmt: skip
            object.__setattr__(self, name, value)
        super().__post_init__()

    def on(self, grid: Grid, place: Place, acc: int) -> Expr:  # noqa: ARG002  # it is never imposed so
        raise ValueError(f"{self!r}: two blocks are coupled weakly, with impose='sat'")

    def __str__(self) -> str:
        first, second = self.components
        return f"component {first} on {self.where} = component {second} on {self.other}"
