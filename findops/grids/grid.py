"""Grids: tensor products of named axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.grids.axes import Axis, Half
from findops.grids.points import as_axis

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import ArrayLike

    from findops.common.arrays import Bools, Floats

__all__ = ["Grid"]


@dataclass(frozen=True, init=False)
class Grid:
    """An immutable tensor product of axes.

    Parameters
    ----------
    *axes : axis or array_like
        Unnamed axes, known by their indices. A 1-D array of coordinates stands for an axis.
    **named : axis or array_like
        Named axes, in order.

    Raises
    ------
    ValueError
        If coordinates are not 1-D, finite and strictly monotone.
    TypeError
        If there is no axis, if named and unnamed axes are mixed, or if one is not an axis.

    Examples
    --------
    >>> from findops import Periodic, Uniform
    >>> grid = Grid(x=Uniform(0, 1, 3), y=Periodic(0, 1, 4))
    >>> grid.shape
    (3, 4)
    >>> grid.half("x").shape
    (2, 4)
    >>> float(grid.integrate(np.ones(grid.shape)))
    1.0
    """

    axes: tuple[Axis, ...]
    names: tuple[str, ...] | tuple[int, ...]

    def __init__(self, /, *axes: Axis | ArrayLike, **named: Axis | ArrayLike) -> None:
        if bool(axes) == bool(named):
            raise TypeError("Grid needs axes: either all unnamed, or all named as in Grid(x=…)")
        names = tuple(named) if named else tuple(range(len(axes)))
        for name in named:
            if not name or name[-1] in "+-":
                raise ValueError(f"an axis cannot be named {name!r}: signs at the end mark faces")
        made = tuple(as_axis(axis) for axis in (named.values() if named else axes))
        object.__setattr__(self, "axes", made)
        object.__setattr__(self, "names", names)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def named(self) -> bool:
        """Whether the axes have names."""
        return isinstance(self.names[0], str)

    def index(self, axis: str | int) -> int:
        """Return the index of an axis given by name or by index, negative too.

        Raises
        ------
        ValueError
            If there is no such axis.
        """
        if isinstance(axis, str):
            if axis in self.names:
                return self.names.index(axis)
        elif isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
            raise TypeError(f"an axis is a name or an index, not {axis!r}")
        elif -self.ndim <= axis < self.ndim:
            return int(axis) % self.ndim
        raise ValueError(
            f"there is no axis {axis!r} in {self._summary()}"
            if self.named
            else f"there is no axis {axis!r}: the axes are unnamed here, known by their indices "
            f"{', '.join(map(str, self.names))}; Grid(x=…, y=…) names them"
        )

    def __getitem__(self, axis: str | int) -> Axis:
        return self.axes[self.index(axis)]

    def spacing(self, axis: str | int) -> Fraction | None:
        """Return the exact spacing along an axis, None where it varies."""
        return self[axis].spacing

    def half(self, axis: str | int) -> Grid:
        """Return the grid of half points along one axis; of those, the nodes again."""
        return self.replace(axis, self[axis].half())

    def replace(self, axis: str | int, new: Axis) -> Grid:
        """Return the grid with another axis in one place."""
        axes = list(self.axes)
        axes[self.index(axis)] = new
        if not self.named:
            return Grid(*axes)
        return Grid(**{str(name): axis for name, axis in zip(self.names, axes, strict=True)})

    def coordinates(self) -> tuple[Floats, ...]:
        """Return the coordinates as an open mesh: one array per axis, broadcast to each other."""
        return np.ix_(*(axis.coordinates for axis in self.axes))

    def mesh(self) -> tuple[Floats, ...]:
        """Return the coordinates as full arrays of the grid's shape."""
        return tuple(np.broadcast_to(x, self.shape).copy() for x in self.coordinates())

    @property
    def faces(self) -> tuple[str, ...]:
        """Names of the faces: 'x-' is where index 0 of x is; periodic axes have none."""
        return tuple(
            f"{name}{side}"
            for name, axis in zip(self.names, self.axes, strict=True)
            if not axis.periodic
            for side in "-+"
        )

    def face(self, name: str) -> Bools:
        """Return the boolean mask of the points on a face.

        Raises
        ------
        ValueError
            If the grid has no such face.
        """
        mask = np.zeros(self.shape, dtype=bool)
        mask[(slice(None),) * self.face_axis(name) + (0 if name[-1] == "-" else -1,)] = True
        return mask

    def face_axis(self, name: str) -> int:
        """Return the index of the axis that a face ends.

        Raises
        ------
        ValueError
            If the grid has no such face.
        """
        if name not in self.faces:
            raise ValueError(f"there is no face {name!r} in {self._summary()}: {self._listed()}")
        return next(i for i, n in enumerate(self.names) if str(n) == name[:-1])

    def boundary(self) -> Bools:
        """Return the boolean mask of the points on any face."""
        mask = np.zeros(self.shape, dtype=bool)
        for name in self.faces:
            mask |= self.face(name)
        return mask

    def weights(self) -> Floats:
        """Return the weights of the trapezoidal rule (midpoint rule at half points and cells)."""
        result = np.ones(self.shape)
        for weights in np.ix_(*(axis.weights for axis in self.axes)):
            result *= weights
        return result

    def integrate(self, u: ArrayLike) -> Any:
        """Integrate u (…, *grid) over the grid by `weights`, for each leading index.

        Raises
        ------
        ValueError
            If the trailing shape of u is not the grid's.
        """
        values = np.asarray(u)
        if values.shape[max(values.ndim - self.ndim, 0) :] != self.shape:
            raise ValueError(
                f"integrate needs fields of shape {self.shape}, after any batch axes, but got "
                f"{values.shape}"
            )
        if values.dtype.kind not in "biufc":
            raise TypeError(f"integrate needs numbers, but the dtype of u is {values.dtype}")
        for axis in reversed(self.axes):
            values = values @ axis.weights
        return values[()]

    def called(self, axis: int) -> str:
        """Return what an axis is called, for messages."""
        return repr(self.names[axis]) if self.named else f"axis {axis}"

    def position(self, axis: int) -> str:
        """Say where the points are along an axis, for messages."""
        return "half points" if isinstance(self.axes[axis], Half) else "nodes"

    def _summary(self) -> str:
        return f"Grid({', '.join(map(str, self.names))})"

    def _listed(self) -> str:
        if not self.faces:
            return "its axes are periodic, and have none"
        return f"its faces are {', '.join(self.faces)}; periodic axes have none"

    def __repr__(self) -> str:
        named = self.named
        parts = (
            f"{n}={a!r}" if named else repr(a) for n, a in zip(self.names, self.axes, strict=True)
        )
        return f"Grid({', '.join(parts)})"
