"""Fields whose components stand at different points: tuples of arrays, and flat vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import type_name
from findops.discretization.positions import described, position
from findops.plan.program import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from findops.common.arrays import Array
    from findops.discretization.discretize import Ghosts
    from findops.grids.grid import Grid

__all__ = ["Fields", "StaggeredFields"]

Fields = Any
"""An array for each component in a tuple; one array of a scalar, or of components in a stack."""


@dataclass(frozen=True)
class StaggeredFields:
    """What fields are that one side of an operator reads or gives."""

    components: tuple[int, ...]
    """Shape of the component axes, () if it is a scalar."""
    grids: tuple[Grid, ...]
    """Where each component stands."""
    ghosts: tuple[Ghosts, ...]
    """Ghost points (before, after) that each carries along each axis."""

    @property
    def scalar(self) -> bool:
        """Whether it is one field without a component axis."""
        return not self.components

    @cached_property
    def layouts(self) -> tuple[Layout, ...]:
        """The layouts of the components."""
        return tuple(
            Layout((), tuple(n + sum(pair) for n, pair in zip(grid.shape, ghosts, strict=True)))
            for grid, ghosts in zip(self.grids, self.ghosts, strict=True)
        )

    @cached_property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the components."""
        return tuple(layout.shape for layout in self.layouts)

    @cached_property
    def bounds(self) -> tuple[int, ...]:
        """Where each component begins in a flat vector, and where the last one ends."""
        return (0, *accumulate(layout.size for layout in self.layouts))

    @property
    def size(self) -> int:
        """Length of a flat vector."""
        return self.bounds[-1]

    @property
    def stacks(self) -> bool:
        """Whether all components have one shape, as on periodic axes, so that arrays hold them."""
        return len({*self.shapes}) == 1

    def __str__(self) -> str:
        return f"[{', '.join(repr(position(grid)) for grid in self.grids)}]"

    @property
    def described(self) -> str:
        """What the fields are, for messages."""
        if self.scalar:
            return f"a field of shape {self.shapes[0]} at {described(self.grids[0])}"
        each = (
            f"{shape} at {described(grid)}"
            for shape, grid in zip(self.shapes, self.grids, strict=True)
        )
        return f"components of shapes {', '.join(each)}"

    # Arrays of components -----------------------------------------------------------------------

    def parts(self, fields: Fields, op: object, what: str = "u") -> tuple[Any, ...]:
        """Return an array for each component.

        Raises
        ------
        TypeError
            If an array is given where components have different shapes.
        ValueError
            If there are more or fewer than components, or a stack has another shape.
        """
        if self.scalar:
            return (fields,)
        count = len(self.grids)
        if isinstance(fields, (tuple, list)):
            if len(fields) != count:
                raise ValueError(
                    f"{op!r}: {what} needs {count} array{'s' * (count != 1)}, one for each "
                    f"component, but has {len(fields)}"
                )
            return tuple(fields)
        if not (isinstance(fields, np.ndarray) and self.stacks):
            raise TypeError(
                f"{op!r}: {what} is a tuple of arrays, one for each of the {self.described}, not "
                f"{type_name(fields)}"
            )
        ndim = len(self.shapes[0])
        wanted = (count, *self.shapes[0])
        if fields.shape[max(fields.ndim - ndim - 1, 0) :] != wanted:
            raise ValueError(
                f"{op!r}: {what} needs the shape {wanted} after any batch axes, but has "
                f"{fields.shape}"
            )
        return self.unstacked(fields)

    def unstacked(self, fields: Array) -> tuple[Array, ...]:
        """Return the components of a stack, as views of it."""
        first = np.moveaxis(fields, -len(self.shapes[0]) - 1, 0)
        return tuple(first)

    def batch(self, parts: Sequence[Any], op: object) -> tuple[int, ...]:
        """Return the batch axes that all components share.

        Raises
        ------
        ValueError
            If a shape does not fit.
        """
        batches = []
        for i, (part, own) in enumerate(zip(parts, self.shapes, strict=True)):
            shape = tuple(part.shape)
            if shape[max(len(shape) - len(own), 0) :] != own:
                raise ValueError(
                    f"{op!r} reads {self.described}, after any batch axes, but "
                    f"{'the field' if self.scalar else f'component {i}'} has shape {shape}"
                )
            batches.append(shape[: len(shape) - len(own)])
        if len({*batches}) > 1:
            raise ValueError(f"{op!r}: all components need the same batch axes, but have {batches}")
        return batches[0]

    # Flat vectors -------------------------------------------------------------------------------

    def split(self, flat: Any) -> tuple[Any, ...]:
        """Return the components of flat vectors (…, size)."""
        pairs = zip(self.bounds, self.bounds[1:], self.shapes, strict=False)
        return tuple(
            flat[..., low:high].reshape(*flat.shape[:-1], *shape) for low, high, shape in pairs
        )

    def joined(self, parts: Sequence[Array]) -> Array:
        """Return flat vectors (…, size) of components."""
        flat = [
            part.reshape(*part.shape[: part.ndim - len(layout.shape)], layout.size)
            for part, layout in zip(parts, self.layouts, strict=True)
        ]
        return np.concatenate(flat, axis=-1)
