"""Vector calculus in terms of derivatives along axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar

from findops.expr import (
    AxisName,
    Coef,
    Components,
    Compound,
    Diff,
    Expr,
    Geometry,
    ZeroFlux,
    as_expr,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from findops.schemes import Explicit

__all__ = [
    "Advection",
    "Biharmonic",
    "Block",
    "Curl",
    "Diffusion",
    "DirectionalDerivative",
    "Divergence",
    "Gradient",
    "Hessian",
    "Jacobian",
    "Laplacian",
    "Tensor",
    "VectorLaplacian",
]

Axes = AxisName | Sequence[AxisName] | None


@dataclass(frozen=True, init=False, repr=False)
class _Differential(Compound):
    """What the operators of vector calculus share: axes, accuracies and schemes."""

    axes: tuple[AxisName, ...] | None
    acc: Any
    scheme: Any

    def __init__(
        self,
        axes: Axes = None,
        acc: int | Mapping[AxisName, int] | None = 2,
        scheme: Explicit | Mapping[AxisName, Explicit] | None = None,
    ) -> None:
        self._set(axes=_axes(axes), acc=_frozen(acc), scheme=_frozen(scheme))
        # Bad orders and schemes are refused here rather than at binding.
        for axis in self.axes or (0,):
            self._diff(axis, axis)

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _indices(self, geometry: Geometry) -> tuple[int, ...]:
        """Return the axes as indices, and check what was given by axis against them."""
        names = range(geometry.ndim) if self.axes is None else self.axes
        indices = tuple(geometry.index(name) for name in names)
        if len(set(indices)) < len(indices):
            raise ValueError(f"{self!r} names an axis twice")
        for by_axis in (self.acc, self.scheme):
            for name, _ in by_axis if isinstance(by_axis, tuple) else ():
                if geometry.index(name) not in indices:
                    raise ValueError(f"{self!r} does not act along axis {name!r}")
        return indices

    def _names(self, geometry: Geometry) -> dict[int, AxisName]:
        """Return, by index, how the axis is called in what was given by axis."""
        called = {}
        for by_axis in (self.acc, self.scheme):
            for name, _ in by_axis if isinstance(by_axis, tuple) else ():
                called[geometry.index(name)] = name
        return called

    def _diff(self, axis: AxisName, name: AxisName, order: int = 1, to: str | None = None) -> Expr:
        acc = dict(self.acc).get(name, 2) if isinstance(self.acc, tuple) else self.acc
        scheme = dict(self.scheme).get(name) if isinstance(self.scheme, tuple) else self.scheme
        if scheme is not None and not getattr(scheme, "merges", True) and acc == 2:
            acc = None
        return Diff(axis, order, acc, scheme, to)

    def _derivatives(self, geometry: Geometry, order: int = 1) -> list[Expr]:
        """Return the derivatives along the axes, which are indices from here on."""
        called = self._names(geometry)
        return [self._diff(i, called.get(i, i), order) for i in self._indices(geometry)]


class Gradient(_Differential):
    """The gradient: (…, *grid) → (…, d, *grid).

    Parameters
    ----------
    axes : sequence of axes, optional
        All axes by default.
    acc : int or dict by axis
        Order of accuracy.
    scheme : scheme or dict by axis, optional
        ``Central()`` by default.

    Examples
    --------
    >>> import numpy as np
    >>> Gradient()(np.arange(4.0), 0.5)
    array([[2., 2., 2., 2.]])
    """

    rank_out: ClassVar[int] = 1

    def expand(self, geometry: Geometry) -> Components:
        derivatives = self._derivatives(geometry)
        return Components((len(derivatives),), (), {(i, 0): D for i, D in enumerate(derivatives)})


class Divergence(_Differential):
    """The divergence: (…, d, *grid) → (…, *grid); parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> Divergence()(np.arange(4.0)[None], 0.5)
    array([2., 2., 2., 2.])
    """

    rank_in: ClassVar[int] = 1

    def expand(self, geometry: Geometry) -> Components:
        derivatives = self._derivatives(geometry)
        return Components((), (len(derivatives),), {(0, i): D for i, D in enumerate(derivatives)})


@dataclass(frozen=True, init=False, repr=False)
class Curl(_Differential):
    """The curl: of a vector in 3-D, of a vector (scalar out) or a scalar (vector out) in 2-D.

    Parameters
    ----------
    axes, acc, scheme
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

    of: str

    def __init__(
        self,
        axes: Axes = None,
        acc: int | Mapping[AxisName, int] | None = 2,
        scheme: Explicit | Mapping[AxisName, Explicit] | None = None,
        of: str = "vector",
    ) -> None:
        if of not in ("vector", "scalar"):
            raise ValueError(f"Curl is of a 'vector' or of a 'scalar', not {of!r}")
        self._set(of=of)
        super().__init__(axes, acc, scheme)

    @property
    def rank_in(self) -> int:  # type: ignore[override]  # the one operator where it depends
        return 1 if self.of == "vector" else 0

    rank_out: ClassVar[int] = 1

    def expand(self, geometry: Geometry) -> Components:
        D = self._derivatives(geometry)
        if self.of == "scalar" and len(D) == 2:
            return Components((2,), (), {(0, 0): D[1], (1, 0): -D[0]})
        if self.of == "vector" and len(D) == 2:
            return Components((), (2,), {(0, 0): -D[1], (0, 1): D[0]})
        if self.of == "vector" and len(D) == 3:
            entries = {}
            for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
                entries[i, k] = D[j]
                entries[i, j] = -D[k]
            return Components((3,), (3,), entries)
        needed = "2 axes" if self.of == "scalar" else "2 or 3 axes"
        raise ValueError(f"the curl of a {self.of} needs {needed}, but {self!r} has {len(D)} here")


class Jacobian(_Differential):
    """The Jacobian ∂_j F_i: (…, d, *grid) → (…, d, d, *grid); parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> Jacobian()(np.arange(4.0)[None], 0.5)
    array([[[2., 2., 2., 2.]]])
    """

    rank_in: ClassVar[int] = 1
    rank_out: ClassVar[int] = 2

    def expand(self, geometry: Geometry) -> Components:
        D = self._derivatives(geometry)
        d = len(D)
        entries = {(i * d + j, i): D[j] for i in range(d) for j in range(d)}
        return Components((d, d), (d,), entries)


class Hessian(_Differential):
    """The Hessian ∂_i ∂_j f: (…, *grid) → (…, d, d, *grid); parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> Hessian()(np.arange(4.0) ** 2, 1.0)
    array([[[2., 2., 2., 2.]]])
    """

    rank_out: ClassVar[int] = 2

    def expand(self, geometry: Geometry) -> Components:
        D, D2 = self._derivatives(geometry), self._derivatives(geometry, 2)
        d = len(D)
        entries = {
            (i * d + j, 0): D2[i] if i == j else D[i] * D[j] for i in range(d) for j in range(d)
        }
        return Components((d, d), (), entries)


@dataclass(frozen=True, init=False, repr=False)
class Laplacian(_Differential):
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

    isotropic: bool

    def __init__(
        self,
        axes: Axes = None,
        acc: int | Mapping[AxisName, int] | None = 2,
        scheme: Explicit | Mapping[AxisName, Explicit] | None = None,
        isotropic: bool = False,
    ) -> None:
        self._set(isotropic=bool(isotropic))
        super().__init__(axes, acc, scheme)
        if isotropic and (self.acc != 2 or scheme is not None):
            raise ValueError(
                f"the isotropic Laplacian has acc 2 and its own stencil: it takes neither acc={acc} "
                f"nor scheme={scheme}"
            )

    def expand(self, geometry: Geometry) -> Components:
        D2 = self._derivatives(geometry, 2)
        result = _total(D2)
        if self.isotropic:
            h2 = self._square(geometry)
            result = result + _total(Coef(h2 / 6) * A * B for A, B in combinations(D2, 2))
            if len(D2) == 3:
                result = result + Coef(h2 * h2 / 30) * D2[0] * D2[1] * D2[2]
        return Components((), (), {(0, 0): result})

    def _square(self, geometry: Geometry) -> Any:
        """Return the square of the common spacing, in the geometry's own numbers."""
        indices = self._indices(geometry)
        if len(indices) not in (2, 3):
            raise ValueError(f"{self!r} needs 2 or 3 axes, but has {len(indices)} here")
        spacings = [geometry.spacing(i) for i in indices]
        squares: list[Any] = [None if h is None else h**2 for h in spacings]  # type: ignore[operator]
        if None in squares or any(
            square != squares[0] and abs(square / squares[0] - 1) > 1e-12 for square in squares
        ):
            raise ValueError(
                f"{self!r} needs equal uniform spacing along its axes, but it is "
                f"{', '.join('varying' if h is None else str(h) for h in spacings)}"
            )
        return squares[0]


class VectorLaplacian(_Differential):
    """The Laplacian of each Cartesian component: (…, d, *grid) → (…, d, *grid).

    Parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> VectorLaplacian()(np.arange(4.0)[None] ** 2, 1.0)
    array([[2., 2., 2., 2.]])
    """

    rank_in: ClassVar[int] = 1
    rank_out: ClassVar[int] = 1

    def expand(self, geometry: Geometry) -> Components:
        D2 = self._derivatives(geometry, 2)
        d = len(D2)
        return Components((d,), (d,), {(i, i): _total(D2) for i in range(d)})


class Biharmonic(_Differential):
    """The square of the Laplacian, of a scalar field; parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(Biharmonic()(np.arange(7.0) ** 4, 1.0), 9)
    array([24., 24., 24., 24., 24., 24., 24.])
    """

    def expand(self, geometry: Geometry) -> Components:
        laplacian = _total(self._derivatives(geometry, 2))
        return Components((), (), {(0, 0): laplacian * laplacian})


@dataclass(frozen=True, init=False, repr=False)
class Advection(_Differential):
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
        scheme: Explicit | Mapping[AxisName, Explicit] | None = None,
    ) -> None:
        if isinstance(velocity, (str, Expr)) or not hasattr(velocity, "__iter__"):
            raise TypeError(
                f"{type(self).__name__} needs a sequence of coefficients, one per axis, but got "
                f"{velocity!r}"
            )
        self._set(vector=tuple(as_expr(c) for c in velocity))
        super().__init__(axes, acc, scheme)

    def expand(self, geometry: Geometry) -> Components:
        D = self._derivatives(geometry)
        if len(D) != len(self.vector):
            raise ValueError(
                f"{self!r} needs one coefficient per axis: {len(D)}, but has {len(self.vector)}"
            )
        total = _total(c * d for c, d in zip(self.vector, D, strict=True))
        return Components((), (), {(0, 0): total})

    def _parts(self) -> Iterable[Expr]:
        return self.vector


class DirectionalDerivative(Advection):
    """The derivative v·∇ along a vector, which is not normalized; parameters as `Advection`.

    Examples
    --------
    >>> import numpy as np
    >>> DirectionalDerivative([0.5])(np.arange(4.0), 1.0)
    array([0.5, 0.5, 0.5, 0.5])
    """


@dataclass(frozen=True, init=False, repr=False)
class Diffusion(_Differential):
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
        scheme: Explicit | Mapping[AxisName, Explicit] | None = None,
    ) -> None:
        several = isinstance(k, (list, tuple))
        self._set(k=tuple(map(as_expr, k if several else (k,))), natural=bool(natural))
        super().__init__(axes, acc, scheme)

    def _diff(self, axis: AxisName, name: AxisName, order: int = 1, to: str | None = None) -> Expr:
        # Only schemes that map to half points serve, which Diff checks.
        return super()._diff(axis, name, order, to or "half")

    def expand(self, geometry: Geometry) -> Components:
        called, indices = self._names(geometry), self._indices(geometry)
        if len(self.k) not in (1, len(indices)):
            raise ValueError(
                f"{self!r} needs one coefficient, or one per axis: {len(indices)}, but has "
                f"{len(self.k)}"
            )
        fluxes = []
        for i, k in zip(indices, self.k * (len(indices) // len(self.k)), strict=True):
            halves = [self._diff(i, called.get(i, i), to=to) for to in ("node", "half")]
            if self.natural:
                halves = [ZeroFlux(i, D.to, D.acc) for D in halves if isinstance(D, Diff)]
            fluxes.append(halves[0] * k * halves[1])
        return Components((), (), {(0, 0): _total(fluxes)})

    def _parts(self) -> Iterable[Expr]:
        return self.k


@dataclass(frozen=True, repr=False)
class Tensor(Compound):
    """A matrix of coefficients: (…, d, *grid) → (…, d, *grid).

    Parameters
    ----------
    rows : sequence of sequences of coefficients

    Raises
    ------
    ValueError
        If the rows differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> Tensor([[0, 1], [2, 0]])(np.array([[1.0, 2.0], [3.0, 4.0]]), 1.0)
    array([[3., 4.],
           [2., 4.]])
    """

    rows: Any

    rank_in: ClassVar[int] = 1
    rank_out: ClassVar[int] = 1

    def __post_init__(self) -> None:
        rows = _matrix(self.rows, "Tensor")
        for entry in (entry for row in rows for entry in row):
            if isinstance(entry, Compound):
                raise TypeError(f"Tensor holds coefficients, not {entry!r}; Block holds operators")
        object.__setattr__(self, "rows", rows)

    def expand(self, geometry: Geometry) -> Components:  # noqa: ARG002
        entries = {(i, j): entry for i, row in enumerate(self.rows) for j, entry in enumerate(row)}
        return Components((len(self.rows),), (len(self.rows[0]),), entries)

    def _parts(self) -> Iterable[Expr]:
        return (entry for row in self.rows for entry in row)


@dataclass(frozen=True, repr=False)
class Block(Compound):
    """A matrix of operators, whose fields are stacked along the component axis.

    One column reads a scalar field and one row gives one. An operator between vector fields takes
    as many rows and columns as it has components.

    Parameters
    ----------
    rows : sequence of sequences of expressions or coefficients

    Raises
    ------
    ValueError
        If the rows differ in length, or, at binding, if components do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> Block([[Diff(0)], [2 * Diff(0)]])(np.arange(3.0), 1.0)
    array([[1., 1., 1.],
           [2., 2., 2.]])
    """

    rows: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", _matrix(self.rows, "Block"))

    @property
    def rank_in(self) -> int:  # type: ignore[override]  # depends on the columns
        from findops.components import input_rank

        columns = len(self.rows[0])
        return 1 if columns > 1 else max(input_rank(row[0]) for row in self.rows)

    rank_out: ClassVar[int] = 1

    def expand(self, geometry: Geometry) -> Components:
        from findops.components import stacked

        return stacked(self, self.rows, geometry)

    def _parts(self) -> Iterable[Expr]:
        return (entry for row in self.rows for entry in row)


def _axes(axes: Axes) -> tuple[AxisName, ...] | None:
    if axes is None:
        return None
    chosen = (axes,) if isinstance(axes, (str, int)) else tuple(axes)
    if not chosen:
        raise ValueError("axes must name at least one axis, but is empty")
    return chosen


def _frozen(value: object) -> object:
    return tuple(value.items()) if isinstance(value, Mapping) else value


def _total(exprs: Iterable[Expr]) -> Expr:
    return sum(exprs, start=Coef(0))


def _matrix(rows: Sequence[Sequence[object]], what: str) -> tuple[tuple[Expr, ...], ...]:
    made = tuple(tuple(as_expr(entry) for entry in row) for row in rows)
    if not made or not made[0] or len({len(row) for row in made}) > 1:
        raise ValueError(
            f"{what} needs rows of equal length, but their lengths are {[len(row) for row in made]}"
        )
    return made
