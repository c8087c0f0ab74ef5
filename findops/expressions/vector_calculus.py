"""Vector calculus in terms of derivatives along axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import combinations, product
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

import numpy as np

from findops.common.arguments import as_boolean
from findops.expressions.components import Components, Compound, Geometry, Notation
from findops.expressions.derivative import Diff, check_position, resolve_scheme
from findops.expressions.expression import AxisName, Coef, Expr, as_coefficient

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from findops.expressions.expression import Expr
    from findops.schemes import Scheme

__all__ = [
    "Axes",
    "Biharmonic",
    "Curl",
    "Differential",
    "Divergence",
    "Gradient",
    "Hessian",
    "Jacobian",
    "Laplacian",
    "Staggering",
    "VectorLaplacian",
    "total",
]


Axes = str | Sequence[AxisName] | None

T = TypeVar("T")
ByAxis: TypeAlias = T | Mapping[AxisName, T] | None
"""One value for all axes, or a dict by axis."""


@dataclass(frozen=True, repr=False)
class Differential(Compound):
    """What the operators of vector calculus share: axes, accuracies and schemes."""

    axes: Axes = None
    acc: ByAxis[int] = 2
    scheme: ByAxis[Scheme] = None
    orders: ClassVar[tuple[int, ...]] = (1,)
    """Orders of its derivatives along an axis."""

    def __post_init__(self) -> None:
        self._set(
            axes=_axes(self.axes),
            acc=_frozen(self.acc, "acc"),
            scheme=_frozen(self.scheme, "scheme"),
        )
        # Bad orders and schemes are refused here rather than at binding.
        given = {*_by_axis(self.acc), *_by_axis(self.scheme)}
        for axis, order in product({*(self.axes or (0,)), *given}, self.orders):
            self._diff(axis, _at(self.acc, axis, 2), _at(self.scheme, axis, None), order)

    def arguments(self) -> dict[str, object]:
        axes = list(self.axes) if isinstance(self.axes, tuple) else self.axes
        acc, scheme = (_by_axis(given) or given for given in (self.acc, self.scheme))
        return super().arguments() | {"axes": axes, "acc": acc, "scheme": scheme}

    def along(self, axes: Axes) -> Self:
        """Return the same operator along these axes."""
        made = copy(self)
        made._set(axes=_axes(axes))
        return made

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _parts(self) -> Iterable[Expr]:
        schemes: Iterable[Any] = _by_axis(self.scheme).values() or (self.scheme,)
        of_schemes = (as_coefficient(c) for s in schemes if s is not None for c in s.coefficients)
        return (*self.coefficients, *of_schemes)

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
        resolve_scheme(repr(self), order, acc, scheme)
        return Diff(axis, order, acc, scheme)

    def _derivatives(self, geometry: Geometry, order: int = 1) -> list[Diff]:
        """Return the derivatives along the axes, which are indices from here on."""
        accs, schemes = _indexed(self.acc, geometry), _indexed(self.scheme, geometry)
        return [
            self._diff(i, _at(accs, i, 2), _at(schemes, i, None), order)
            for i in self._indices(geometry)
        ]


@dataclass(frozen=True, repr=False)
class Staggering(Differential):
    """What maps between nodes, edges, faces and centers: derivatives go to half points, or back.

    Each goes to the half points of its own axis (Yee, 1966), so that a component lands where all
    derivatives in it meet.
    """

    to: str | None = field(default=None, kw_only=True)
    """``"half"`` or ``"node"``; None where points stay the same."""

    def __post_init__(self) -> None:
        if self.to is not None:
            check_position(type(self).__name__, self.to)
        super().__post_init__()

    def _diff(self, axis: AxisName, acc: Any, scheme: Any, order: int = 1) -> Diff:
        made = super()._diff(axis, acc, scheme, order)
        claimed = None if made.scheme.fixed else made.acc
        return Diff(axis, order, claimed, made.scheme, self.to)


def _by_axis(given: Any) -> dict[AxisName, Any]:
    """Return what is given as pairs by axis as a dict, an empty one where it is one value."""
    return dict(given) if isinstance(given, tuple) else {}


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


@dataclass(frozen=True, repr=False)
class Gradient(Staggering):
    """The gradient: (…, *grid) → (…, d, *grid).

    Parameters
    ----------
    axes : sequence of axes, optional
        All axes by default.
    acc : int or dict by axis
        Order of accuracy.
    scheme : scheme or dict by axis, optional
        ``Central()`` by default.
    to : {"half", "node"}, optional
        Let every derivative go to the half points of its own axis, or from there to the nodes:
        ``"half"`` maps nodes to edges by `Gradient`, edges to faces by `Curl`, faces to centers by
        `Divergence`, and ``"node"`` maps back, centers to faces by `Gradient`. See ``E.on`` for
        fields whose components stand at different points.

    Examples
    --------
    >>> import numpy as np
    >>> Gradient()(np.arange(4.0), 0.5)
    array([[2., 2., 2., 2.]])
    >>> print(Divergence(to="node") @ Gradient(to="half"))
    ∇·[to node]·∇[to half]
    """

    notation = Notation("∇", r"\nabla")

    @property
    def rank_out(self) -> int:
        return 1

    def expand(self, geometry: Geometry) -> Components:
        derivatives = self._derivatives(geometry)
        return Components((len(derivatives),), (), {(i, 0): D for i, D in enumerate(derivatives)})


@dataclass(frozen=True, repr=False)
class Divergence(Staggering):
    """The divergence: (…, d, *grid) → (…, *grid); parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> Divergence()(np.arange(4.0)[None], 0.5)
    array([2., 2., 2., 2.])
    """

    notation = Notation("∇·", r"\nabla\cdot")

    @property
    def rank_in(self) -> int:
        return 1

    def expand(self, geometry: Geometry) -> Components:
        derivatives = self._derivatives(geometry)
        return Components((), (len(derivatives),), {(0, i): D for i, D in enumerate(derivatives)})


@dataclass(frozen=True, repr=False)
class Curl(Staggering):
    """The curl: of a vector in 3-D, of a vector (scalar out) or a scalar (vector out) in 2-D.

    Parameters
    ----------
    axes, acc, scheme, to
        As `Gradient`; there must be three axes, or two.
    of : {"vector", "scalar"}
        ``"scalar"`` gives (∂ψ/∂y, −∂ψ/∂x).

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.meshgrid(np.arange(3.0), np.arange(3.0), indexing="ij")
    >>> Curl()(np.stack([-y, x]), 1.0)
    array([[2., 2., 2.],
           [2., 2., 2.],
           [2., 2., 2.]])
    """

    of: str = "vector"

    notation = Notation("∇×", r"\nabla\times")

    def __post_init__(self) -> None:
        if self.of not in ("vector", "scalar"):
            raise ValueError(f"Curl is of a 'vector' or of a 'scalar', not {self.of!r}")
        super().__post_init__()

    @property
    def rank_in(self) -> int:
        return 1 if self.of == "vector" else 0

    @property
    def rank_out(self) -> int:
        return 1

    def expand(self, geometry: Geometry) -> Components:
        D = self._derivatives(geometry)
        if self.of == "scalar" and len(D) == 2:
            return Components((2,), (), {(0, 0): D[1], (1, 0): -D[0]})
        if self.of == "vector" and len(D) == 2:
            return Components((), (2,), {(0, 0): -D[1], (0, 1): D[0]})
        if self.of == "vector" and len(D) == 3:
            entries: dict[tuple[int, int], Expr] = {}
            for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
                entries[i, k] = D[j]
                entries[i, j] = -D[k]
            return Components((3,), (3,), entries)
        needed = "2 axes" if self.of == "scalar" else "2 or 3 axes"
        raise ValueError(f"the curl of a {self.of} needs {needed}, but {self!r} has {len(D)} here")


@dataclass(frozen=True, repr=False)
class Jacobian(Differential):
    """The Jacobian ∂_j F_i: (…, d, *grid) → (…, d, d, *grid); parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> Jacobian()(np.arange(4.0)[None], 0.5)
    array([[[2., 2., 2., 2.]]])
    """

    notation = Notation("(∂_j F_i)", r"(\partial_j F_i)")

    @property
    def rank_in(self) -> int:
        return 1

    @property
    def rank_out(self) -> int:
        return 2

    def expand(self, geometry: Geometry) -> Components:
        D = self._derivatives(geometry)
        d = len(D)
        entries = {(i * d + j, i): D[j] for i in range(d) for j in range(d)}
        return Components((d, d), (d,), entries)


@dataclass(frozen=True, repr=False)
class Hessian(Differential):
    """The Hessian ∂_i ∂_j f: (…, *grid) → (…, d, d, *grid); parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> Hessian()(np.arange(4.0) ** 2, 1.0)
    array([[[2., 2., 2., 2.]]])
    """

    notation = Notation("∇∇", r"\nabla\nabla")

    orders = (1, 2)

    @property
    def rank_out(self) -> int:
        return 2

    def expand(self, geometry: Geometry) -> Components:
        D, D2 = self._derivatives(geometry), self._derivatives(geometry, 2)
        d = len(D)
        entries = {
            (i * d + j, 0): D2[i] if i == j else D[i] * D[j] for i in range(d) for j in range(d)
        }
        return Components((d, d), (), entries)


@dataclass(frozen=True, repr=False)
class Laplacian(Differential):
    """The Laplacian of a scalar field.

    Parameters
    ----------
    axes, acc, scheme
        As `Gradient`.
    isotropic : bool
        The stencil whose leading error has no direction: 9 points with weights (−20, 4, 1)/6h² in
        2-D, 27 with (−128, 14, 3, 1)/30h² in 3-D (Patra and Karttunen 2006), at acc 2 and equal
        uniform spacing only.

    Raises
    ------
    ValueError
        If `isotropic` is asked for with another accuracy or a scheme.

    Examples
    --------
    >>> import numpy as np
    >>> Laplacian()(np.arange(5.0) ** 2, 1.0)
    array([2., 2., 2., 2., 2.])
    """

    isotropic: bool = False

    notation = Notation("∇²", r"\nabla^2")
    orders = (2,)

    def __post_init__(self) -> None:
        self._set(isotropic=as_boolean(self.isotropic, "isotropic of Laplacian"))
        super().__post_init__()
        if self.isotropic and self.acc != 2:
            raise ValueError(f"the isotropic Laplacian has acc 2, not {self.acc}")
        if self.isotropic and self.scheme is not None:
            raise ValueError(
                f"the isotropic Laplacian has its own stencil, not that of {self.scheme!r}"
            )

    def expand(self, geometry: Geometry) -> Components:
        D2 = self._derivatives(geometry, 2)
        result = total(D2)
        if self.isotropic:
            h2 = self._square(geometry)
            result = result + total(Coef(h2 / 6) * A * B for A, B in combinations(D2, 2))
            if len(D2) == 3:
                result = result + Coef(h2 * h2 / 30) * D2[0] * D2[1] * D2[2]
        return Components((), (), {(0, 0): result})

    def _square(self, geometry: Geometry) -> Any:
        """Return the square of the common spacing, in the geometry's own numbers."""
        indices = self._indices(geometry)
        if len(indices) not in (2, 3):
            raise ValueError(f"{self!r} needs 2 or 3 axes, but has {len(indices)} here")
        spacings: list[Any] = [geometry.spacing(i) for i in indices]
        squares = [None if h is None else h**2 for h in spacings]
        if None in squares or not all(_equal(square, squares[0]) for square in squares):
            raise ValueError(
                f"{self!r} needs equal uniform spacing along its axes, but it is "
                f"{', '.join('varying' if h is None else str(h) for h in spacings)}"
            )
        return squares[0]


@dataclass(frozen=True, repr=False)
class VectorLaplacian(Differential):
    """The Laplacian of each Cartesian component: (…, d, *grid) → (…, d, *grid).

    Parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> VectorLaplacian()(np.arange(4.0)[None] ** 2, 1.0)
    array([[2., 2., 2., 2.]])
    """

    notation = Notation("∇²", r"\nabla^2")

    orders = (2,)

    @property
    def rank_in(self) -> int:
        return 1

    @property
    def rank_out(self) -> int:
        return 1

    def expand(self, geometry: Geometry) -> Components:
        D2 = self._derivatives(geometry, 2)
        d = len(D2)
        return Components((d,), (d,), {(i, i): total(D2) for i in range(d)})


@dataclass(frozen=True, repr=False)
class Biharmonic(Differential):
    """The square of the Laplacian, of a scalar field; parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(Biharmonic()(np.arange(7.0) ** 4, 1.0), 9)
    array([24., 24., 24., 24., 24., 24., 24.])
    """

    notation = Notation("∇⁴", r"\nabla^4")

    orders = (2,)

    def expand(self, geometry: Geometry) -> Components:
        laplacian = total(self._derivatives(geometry, 2))
        return Components((), (), {(0, 0): laplacian * laplacian})


def _equal(a: Any, b: Any) -> bool:
    """Tell whether two numbers agree to roundoff, or two symbolic expressions entirely."""
    close = isinstance(a, Real) and isinstance(b, Real) and math.isclose(a, b, rel_tol=1e-12)
    return close or bool(a == b)
