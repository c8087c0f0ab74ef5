"""Vector calculus in terms of derivatives along axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from numbers import Real
from typing import TYPE_CHECKING, Any

from findops.components import Components, Geometry
from findops.differential import Axes, Differential, total
from findops.nodes import Coef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from findops.expr import AxisName, Expr
    from findops.schemes import Scheme

__all__ = [
    "Biharmonic",
    "Curl",
    "Divergence",
    "Gradient",
    "Hessian",
    "Jacobian",
    "Laplacian",
    "VectorLaplacian",
]


@dataclass(frozen=True, init=False, repr=False)
class Gradient(Differential):
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

    @property
    def rank_out(self) -> int:
        return 1

    def expand(self, geometry: Geometry) -> Components:
        derivatives = self._derivatives(geometry)
        return Components((len(derivatives),), (), {(i, 0): D for i, D in enumerate(derivatives)})


@dataclass(frozen=True, init=False, repr=False)
class Divergence(Differential):
    """The divergence: (…, d, *grid) → (…, *grid); parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> Divergence()(np.arange(4.0)[None], 0.5)
    array([2., 2., 2., 2.])
    """

    @property
    def rank_in(self) -> int:
        return 1

    def expand(self, geometry: Geometry) -> Components:
        derivatives = self._derivatives(geometry)
        return Components((), (len(derivatives),), {(0, i): D for i, D in enumerate(derivatives)})


@dataclass(frozen=True, init=False, repr=False)
class Curl(Differential):
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
        scheme: Scheme | Mapping[AxisName, Scheme] | None = None,
        of: str = "vector",
    ) -> None:
        if of not in ("vector", "scalar"):
            raise ValueError(f"Curl is of a 'vector' or of a 'scalar', not {of!r}")
        self._set(of=of)
        super().__init__(axes, acc, scheme)

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


@dataclass(frozen=True, init=False, repr=False)
class Jacobian(Differential):
    """The Jacobian ∂_j F_i: (…, d, *grid) → (…, d, d, *grid); parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> Jacobian()(np.arange(4.0)[None], 0.5)
    array([[[2., 2., 2., 2.]]])
    """

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


@dataclass(frozen=True, init=False, repr=False)
class Hessian(Differential):
    """The Hessian ∂_i ∂_j f: (…, *grid) → (…, d, d, *grid); parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> Hessian()(np.arange(4.0) ** 2, 1.0)
    array([[[2., 2., 2., 2.]]])
    """

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


@dataclass(frozen=True, init=False, repr=False)
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

    isotropic: bool
    orders = (2,)

    def __init__(
        self,
        axes: Axes = None,
        acc: int | Mapping[AxisName, int] | None = 2,
        scheme: Scheme | Mapping[AxisName, Scheme] | None = None,
        isotropic: bool = False,
    ) -> None:
        self._set(isotropic=bool(isotropic))
        super().__init__(axes, acc, scheme)
        if isotropic and self.acc != 2:
            raise ValueError(f"the isotropic Laplacian has acc 2, not {acc}")
        if isotropic and scheme is not None:
            raise ValueError(f"the isotropic Laplacian has its own stencil, not that of {scheme!r}")

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


@dataclass(frozen=True, init=False, repr=False)
class VectorLaplacian(Differential):
    """The Laplacian of each Cartesian component: (…, d, *grid) → (…, d, *grid).

    Parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> VectorLaplacian()(np.arange(4.0)[None] ** 2, 1.0)
    array([[2., 2., 2., 2.]])
    """

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


@dataclass(frozen=True, init=False, repr=False)
class Biharmonic(Differential):
    """The square of the Laplacian, of a scalar field; parameters as `Gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(Biharmonic()(np.arange(7.0) ** 4, 1.0), 9)
    array([24., 24., 24., 24., 24., 24., 24.])
    """

    orders = (2,)

    def expand(self, geometry: Geometry) -> Components:
        laplacian = total(self._derivatives(geometry, 2))
        return Components((), (), {(0, 0): laplacian * laplacian})


def _equal(a: Any, b: Any) -> bool:
    """Tell whether two numbers agree to roundoff, or two symbolic expressions entirely."""
    close = isinstance(a, Real) and isinstance(b, Real) and math.isclose(a, b, rel_tol=1e-12)
    return close or bool(a == b)
