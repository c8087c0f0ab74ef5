"""What the operators of vector calculus share: their axes, and accuracies and schemes by axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from findops.components import Compound, Geometry
from findops.derivative import Diff, served
from findops.expr import AxisName, Expr
from findops.nodes import Coef, as_coefficient

if TYPE_CHECKING:
    from collections.abc import Iterable

    from findops.schemes import Scheme

__all__ = ["Axes", "Differential", "total"]

Axes = str | Sequence[AxisName] | None


@dataclass(frozen=True, init=False, repr=False)
class Differential(Compound):
    """What the operators of vector calculus share: axes, accuracies and schemes."""

    axes: tuple[AxisName, ...] | None
    acc: Any
    scheme: Any
    orders: ClassVar[tuple[int, ...]] = (1,)
    """Orders of its derivatives along an axis."""

    def __init__(
        self,
        axes: Axes = None,
        acc: int | Mapping[AxisName, int] | None = 2,
        scheme: Scheme | Mapping[AxisName, Scheme] | None = None,
    ) -> None:
        self._set(axes=_axes(axes), acc=_frozen(acc, "acc"), scheme=_frozen(scheme, "scheme"))
        # Bad orders and schemes are refused here rather than at binding.
        given = {
            name for each in (self.acc, self.scheme) if isinstance(each, tuple) for name, _ in each
        }
        for axis, order in product({*(self.axes or (0,)), *given}, self.orders):
            self._diff(axis, _at(self.acc, axis, 2), _at(self.scheme, axis, None), order)

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _parts(self) -> Iterable[Expr]:
        schemes = [s for _, s in self.scheme] if isinstance(self.scheme, tuple) else [self.scheme]
        return (as_coefficient(c) for s in schemes if s is not None for c in s.coefficients)

    def _indices(self, geometry: Geometry) -> tuple[int, ...]:
        """Return the axes as indices, and check what was given by axis against them."""
        names = range(geometry.ndim) if self.axes is None else self.axes
        indices = tuple(geometry.index(name) for name in names)
        if len(set(indices)) < len(indices):
            raise ValueError(f"{self!r} names an axis twice")
        for given in (self.acc, self.scheme):
            by_axis = _indexed(given, geometry)
            found = [axis for axis, _ in by_axis] if isinstance(by_axis, tuple) else []
            if len(set(found)) < len(found) or not set(found) <= set(indices):
                raise ValueError(f"{self!r} gives values for an axis twice, or for one it lacks")
        return indices

    def _diff(self, axis: AxisName, acc: Any, scheme: Any, order: int = 1) -> Diff:
        if scheme is not None and acc == 2:
            # The default, which stands for what the scheme implies.
            acc = None
        served(repr(self), order, acc, scheme)
        return Diff(axis, order, acc, scheme)

    def _derivatives(self, geometry: Geometry, order: int = 1) -> list[Diff]:
        """Return the derivatives along the axes, which are indices from here on."""
        accs, schemes = _indexed(self.acc, geometry), _indexed(self.scheme, geometry)
        return [
            self._diff(i, _at(accs, i, 2), _at(schemes, i, None), order)
            for i in self._indices(geometry)
        ]


def _at(given: Any, axis: AxisName, default: Any) -> Any:
    """Return the value for one axis of what is one value, or pairs by axis."""
    return dict(given).get(axis, default) if isinstance(given, tuple) else given


def _indexed(given: Any, geometry: Geometry) -> Any:
    """Return what is given by axis with the axes as indices."""
    if not isinstance(given, tuple):
        return given
    return tuple((geometry.index(name), value) for name, value in given)


def _axes(axes: Axes) -> tuple[AxisName, ...] | None:
    if axes is None:
        return None
    if isinstance(axes, (int, np.integer)):
        raise TypeError(f"axes must be a sequence of axes, not {axes}; the accuracy is acc={axes}")
    chosen = (axes,) if isinstance(axes, str) else tuple(axes)
    if not chosen:
        raise ValueError("axes must name at least one axis, but is empty")
    return chosen


def _frozen(value: object, what: str) -> object:
    if isinstance(value, Mapping):
        return tuple(sorted(value.items(), key=lambda item: (isinstance(item[0], str), item[0])))
    if isinstance(value, (tuple, list)):
        raise TypeError(f"{what} is one value or a dict by axis, not {value!r}")
    return value


def total(exprs: Iterable[Expr]) -> Expr:
    """Return the sum of expressions."""
    return sum(exprs, start=Coef(0))
