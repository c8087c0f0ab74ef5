"""Advection and diffusion in terms of derivatives along axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from findops.common.arguments import as_boolean, as_real
from findops.expressions.components import Components, Compound, Geometry, Notation
from findops.expressions.derivative import Diff, StaggeredDiff, resolve_scheme
from findops.expressions.expression import AxisName, Coef, Expr, Field, Product, as_coefficient
from findops.expressions.half_point_mean import HalfPointMean, Mean
from findops.expressions.vector_calculus import Axes, ByAxis, Differential, total
from findops.schemes import Central, DissipationScheme

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from findops.schemes import ByPartsScheme, Scheme

__all__ = ["Advection", "Diffusion", "DirectionalDerivative", "Dissipation"]


class _AlongVector(Differential):
    """The derivative along a vector."""

    notation = Notation("({}·∇)", r"({}\cdot\nabla)")

    def _vector(self, given: Sequence[object]) -> tuple[Expr, ...]:
        if isinstance(given, (str, Expr)) or not hasattr(given, "__iter__"):
            raise TypeError(
                f"{type(self).__name__} needs a sequence of coefficients, one per axis, but got "
                f"{given!r}"
            )
        return tuple(as_coefficient(c) for c in given)

    def expand(self, geometry: Geometry) -> Components:
        D, vector = self._derivatives(geometry), self.coefficients
        if len(D) != len(vector):
            raise ValueError(
                f"{self!r} needs one coefficient per axis: {len(D)}, but has {len(vector)}"
            )
        return Components((), (), {(0, 0): total(c * d for c, d in zip(vector, D, strict=True))})


@dataclass(frozen=True, init=False, repr=False)
class Advection(_AlongVector):
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

    velocity: tuple[Expr, ...] = ()

    def __init__(
        self,
        velocity: Sequence[object],
        axes: Axes = None,
        acc: ByAxis[int] = 2,
        scheme: ByAxis[Scheme] = None,
    ) -> None:
        self._set(velocity=self._vector(velocity))
        super().__init__(axes, acc, scheme)

    @property
    def coefficients(self) -> tuple[Expr, ...]:
        return self.velocity


@dataclass(frozen=True, init=False, repr=False)
class DirectionalDerivative(_AlongVector):
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

    vector: tuple[Expr, ...] = ()

    def __init__(
        self,
        vector: Sequence[object],
        axes: Axes = None,
        acc: ByAxis[int] = 2,
        scheme: ByAxis[Scheme] = None,
    ) -> None:
        self._set(vector=self._vector(vector))
        super().__init__(axes, acc, scheme)

    @property
    def coefficients(self) -> tuple[Expr, ...]:
        return self.vector


@dataclass(frozen=True, init=False, repr=False)
class Diffusion(Differential):
    """Conservative diffusion ∇·(k∇): derivative to half points, coefficient, derivative back.

    With ``scheme=SBP(…)`` it is H⁻¹(−DᵀHkD − Σ c·δᵀkδ) and terms at the ends, along each axis:
    narrow in the interior, as Mattsson's (2012), and at the ends of one order less than D.

    Parameters
    ----------
    k : coefficient, or a sequence of one per axis
        It stands at the half points of each axis in turn: an array must have their shape, so that
        on several axes arrays come as a sequence. For schemes that sum by parts it is at nodes.
    axes, acc, scheme
        As `Gradient`.
    mean : {"arithmetic", "harmonic"}, optional
        Take k at the nodes, arrays of the grid's shape, and interpolate to half points k itself, or
        1/k and invert that, by the order of the derivative there. On even spacing at acc 2, and
        with ``natural=True`` at acc 2, these are the means of two neighbors: the harmonic one is
        exact where k jumps at half points between layers.
    natural : bool
        Let no flux pass the ends, so that the operator is symmetric in the grid's quadrature norm
        for every acc; its end rows are not pointwise approximations. Otherwise they are accurate.
        In problems, ``Neumann(face, g)`` lets the flux k·g in, g being the outward slope; solutions
        are of second order for every acc.
        Where the spacing varies acc must be 2, and rows are of first order where it jumps.

    Examples
    --------
    >>> import numpy as np
    >>> Diffusion(2.0)(np.arange(5.0) ** 2, 1.0)
    array([4., 4., 4., 4., 4.])

    Heat through two layers in a row, of resistances 2.5 and 2.5/4:

    >>> from findops import BVP, Dirichlet, Grid, Uniform
    >>> k = np.where(np.arange(6) < 3, 1.0, 4.0)
    >>> grid = Grid(x=Uniform(0, 5, 6))
    >>> ends = [Dirichlet("x-", 0), Dirichlet("x+", 3.125)]
    >>> BVP(Diffusion(k, mean="harmonic"), grid, ends).solve().u
    array([0.   , 1.   , 2.   , 2.625, 2.875, 3.125])
    """

    k: tuple[Expr, ...] = ()
    natural: bool = False
    mean: Mean | None = None

    notation = Notation("∇·({}∇)", r"\nabla\cdot({}\nabla)")

    def __init__(
        self,
        k: object,
        natural: bool = False,
        axes: Axes = None,
        acc: ByAxis[int] = 2,
        scheme: ByAxis[Scheme] = None,
        mean: Mean | None = None,
    ) -> None:
        each = k if isinstance(k, (list, tuple)) else (k,)
        self._set(k=tuple(map(as_coefficient, each)), mean=mean)
        if mean is not None:
            self._check_mean(mean)
        self._set(natural=as_boolean(natural, "natural of Diffusion"))
        super().__init__(axes, acc, scheme)

    def _check_mean(self, mean: object) -> None:
        if mean not in get_args(Mean):
            raise ValueError(
                f"the mean of Diffusion must be 'arithmetic' or 'harmonic', or None for a k that "
                f"is given at half points, not {mean!r}"
            )
        for k in self.k:
            _, single = _scaled(k)
            if not isinstance(single, (Coef, Field)):
                raise TypeError(
                    f"Diffusion(…, mean={mean!r}) needs k as one array, function or field, not as "
                    f"an expression of several: {k!r}"
                )

    @property
    def coefficients(self) -> tuple[Expr, ...]:
        return self.k

    def arguments(self) -> dict[str, object]:
        return super().arguments() | {"k": self.k[0] if len(self.k) == 1 else self.k}

    def _diff(self, axis: AxisName, acc: Any, scheme: Any, order: int = 1) -> Diff:
        if scheme is not None and scheme.pairs:
            if self.natural:
                raise ValueError(
                    f"{self!r}: {scheme!r} takes conditions weakly: natural=True is not for it"
                )
            if self.mean:
                raise ValueError(
                    f"{self!r}: {scheme!r} has k at nodes and takes no mean of it: leave mean= out"
                )
            return super()._diff(axis, acc, scheme, order)
        if scheme not in (None, Central()):
            raise ValueError(f"{self!r} is made of central differences, not of {scheme!r}")
        resolve_scheme(repr(self), order, acc, scheme)
        return Diff(axis, order, acc, scheme, to="half")

    def expand(self, geometry: Geometry) -> Components:
        indices = self._indices(geometry)
        if len(self.k) not in (1, len(indices)):
            raise ValueError(
                f"{self!r} needs one coefficient, or one per axis: {len(indices)}, but has "
                f"{len(self.k)}"
            )
        each = self.k * (len(indices) // len(self.k))
        fluxes = [self._flux(D, k) for D, k in zip(self._derivatives(geometry), each, strict=True)]
        return Components((), (), {(0, 0): total(fluxes)})

    def _flux(self, D: Diff, k: Expr) -> Expr:
        """Return ∂k∂ along one axis."""
        if D.scheme.pairs:
            return total(
                Diff(D.axis, scheme=left) * k * Diff(D.axis, scheme=right)
                for left, right in D.scheme.pairs
            )
        back, there = (StaggeredDiff(D.axis, to, D.acc, self.natural) for to in ("node", "half"))
        return back * self._at_half_points(k, D) * there

    def _at_half_points(self, k: Expr, D: Diff) -> Expr:
        if self.mean is None:
            return k
        scale, single = _scaled(k)
        assert isinstance(single, (Coef, Field))
        return scale * HalfPointMean(single, D.axis, D.acc, self.mean, rough=self.natural)


def _scaled(k: Expr) -> tuple[Coef, Expr]:
    """Return a coefficient as a number times what is left."""
    match k:
        case Product(scale=scale, factors=(single,)):
            return Coef(scale), single
        case _:
            return Coef(1), k


@dataclass(frozen=True, repr=False, init=False)
class Dissipation(Compound):
    """What damps waves that a grid cannot resolve: −s·h⁻¹·2⁻ᵖ·H⁻¹ΔᵀΔ, p being its order.

    Δ is the undivided difference of order p/2. A wave of two points decays at the rate s/h, smooth
    fields by s·(h/2)ᵖ⁻¹·|∂ᵖu|/2; in the norm H of a scheme energy only falls, ends included. Added
    to the right-hand side of an equation in time, s should be of the size of its speeds.

    Parameters
    ----------
    axis : str or int
        Name or index of the axis.
    scheme : SBP or UpwindSBP
        Whose norm H is.
    order : int, optional
        p, even; by default the lowest that leaves the scheme's order at the ends as it is.
    strength : number
        s, not negative.

    Raises
    ------
    ValueError
        If the strength is negative or the order odd; at binding, if the spacing varies.
    TypeError
        If the scheme has no norm, the order is no integer or the strength no number.

    References
    ----------
    Kreiss and Oliger (1973); Mattsson, Svärd and Nordström (2004), J. Sci. Comput. 21, 57-79.

    Examples
    --------
    >>> import numpy as np
    >>> from findops import SBP
    >>> Dissipation("x", SBP(2)).stencil(1)[(0,)]
    -3/8
    """

    axis: AxisName
    scheme: ByPartsScheme
    order: int
    strength: float | Fraction

    notation = Notation("(dissipation)", r"\mathcal{D}")

    def __init__(
        self,
        axis: AxisName,
        scheme: ByPartsScheme,
        order: int | None = None,
        strength: float | Fraction = 1,
    ) -> None:
        strength = as_real(strength, "the strength of Dissipation")
        if not 0 <= strength < math.inf:
            raise ValueError(f"Dissipation needs a strength of at least 0, but got {strength!r}")
        if order is None:
            order = 2 * (getattr(scheme, "edge_accuracy", 0) + 1)
        damping = DissipationScheme(scheme, order)
        values = (Diff(axis, scheme=damping).axis, scheme, damping.p, strength)
        for name, value in zip(("axis", "scheme", "order", "strength"), values, strict=True):
            object.__setattr__(self, name, value)

    @property
    def axes(self) -> tuple[AxisName, ...]:
        """The axis, as other operators name theirs."""
        return (self.axis,)

    def expand(self, geometry: Geometry) -> Components:  # noqa: ARG002  # one axis is like another
        derivative = Diff(self.axis, scheme=DissipationScheme(self.scheme, self.order))
        return Components((), (), {(0, 0): Coef(self.strength) * derivative})
