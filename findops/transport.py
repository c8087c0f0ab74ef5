"""Advection and diffusion in terms of derivatives along axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from findops.calculus import Axes, Differential, total
from findops.components import Components, Geometry
from findops.derivative import Diff, Flux
from findops.expr import AxisName, Expr, as_coefficient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from findops.schemes import Scheme

__all__ = ["Advection", "Diffusion", "DirectionalDerivative"]


@dataclass(frozen=True, init=False, repr=False)
class Advection(Differential):
    """Advection v·∇ of a scalar field.

    Parameters
    ----------
    velocity : sequence of coefficients
        One for each axis.
    axes, acc, scheme
        As `Gradient`.

    Raises
    ------
    ValueError
        At binding, if there are not as many components as axes.

    Examples
    --------
    >>> import numpy as np
    >>> Advection([3])(np.arange(4.0), 1.0)
    array([3., 3., 3., 3.])
    """

    vector: tuple[Expr, ...]

    def __init__(
        self,
        velocity: Sequence[object],
        axes: Axes = None,
        acc: int | Mapping[AxisName, int] | None = 2,
        scheme: Scheme | Mapping[AxisName, Scheme] | None = None,
    ) -> None:
        if isinstance(velocity, (str, Expr)) or not hasattr(velocity, "__iter__"):
            raise TypeError(
                f"{type(self).__name__} needs a sequence of coefficients, one per axis, but got "
                f"{velocity!r}"
            )
        self._set(vector=tuple(as_coefficient(c) for c in velocity))
        super().__init__(axes, acc, scheme)

    def expand(self, geometry: Geometry) -> Components:
        D = self._derivatives(geometry)
        if len(D) != len(self.vector):
            raise ValueError(
                f"{self!r} needs one coefficient per axis: {len(D)}, but has {len(self.vector)}"
            )
        advected = total(c * d for c, d in zip(self.vector, D, strict=True))
        return Components((), (), {(0, 0): advected})

    def _parts(self) -> Iterable[Expr]:
        return (*self.vector, *super()._parts())


@dataclass(frozen=True, init=False, repr=False)
class DirectionalDerivative(Advection):
    """The derivative v·∇ along a vector, which is not normalized.

    Parameters
    ----------
    vector : sequence of coefficients
        One for each axis.
    axes, acc, scheme
        As `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> DirectionalDerivative([0.5])(np.arange(4.0), 1.0)
    array([0.5, 0.5, 0.5, 0.5])
    """

    def __init__(
        self,
        vector: Sequence[object],
        axes: Axes = None,
        acc: int | Mapping[AxisName, int] | None = 2,
        scheme: Scheme | Mapping[AxisName, Scheme] | None = None,
    ) -> None:
        super().__init__(vector, axes, acc, scheme)


@dataclass(frozen=True, init=False, repr=False)
class Diffusion(Differential):
    """Conservative diffusion ∇·(k∇): derivative to half points, coefficient, derivative back.

    Parameters
    ----------
    k : coefficient, or a sequence of one per axis
        It stands at the half points of each axis in turn: an array must have their shape, so that
        on several axes arrays come as a sequence.
    axes, acc, scheme
        As `Gradient`.
    natural : bool
        Let no flux pass the ends, so that the operator is symmetric in the grid's quadrature norm
        for every acc; its end rows are not pointwise approximations. Otherwise they are accurate.
        Where the spacing varies acc must be 2, and rows are of first order where it jumps.

    Examples
    --------
    >>> import numpy as np
    >>> Diffusion(2.0)(np.arange(5.0) ** 2, 1.0)
    array([4., 4., 4., 4., 4.])
    """

    k: tuple[Expr, ...]
    natural: bool

    def __init__(
        self,
        k: object,
        natural: bool = False,
        axes: Axes = None,
        acc: int | Mapping[AxisName, int] | None = 2,
        scheme: Scheme | Mapping[AxisName, Scheme] | None = None,
    ) -> None:
        each = k if isinstance(k, (list, tuple)) else (k,)
        self._set(k=tuple(map(as_coefficient, each)), natural=bool(natural))
        super().__init__(axes, acc, scheme)

    def _diff(self, axis: AxisName, acc: Any, scheme: Any, order: int = 1) -> Diff:
        # Only schemes that map to half points serve, which Diff checks.
        return Diff(axis, order, acc, scheme, to="half")

    def expand(self, geometry: Geometry) -> Components:
        indices = self._indices(geometry)
        if len(self.k) not in (1, len(indices)):
            raise ValueError(
                f"{self!r} needs one coefficient, or one per axis: {len(indices)}, but has "
                f"{len(self.k)}"
            )
        fluxes = []
        each = self.k * (len(indices) // len(self.k))
        for D, k in zip(self._derivatives(geometry), each, strict=True):
            back, there = (Flux(D.axis, to, D.acc, self.natural) for to in ("node", "half"))
            fluxes.append(back * k * there)
        return Components((), (), {(0, 0): total(fluxes)})

    def _parts(self) -> Iterable[Expr]:
        return (*self.k, *super()._parts())
