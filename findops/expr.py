"""What an expression is: a continuous operator that users write, combine, bind and apply."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, overload

from findops.values import kind

if TYPE_CHECKING:
    from abc import ABCMeta
    from typing import Self

    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array
    from xarray import DataArray, Dataset

    from findops.operator import Operator
    from findops.symbolic import InteriorStencil

__all__ = ["AxisName", "Closures", "Discrete", "Expr", "GridLike"]

AxisName = str | int
Closures = str | int | Mapping[str, str | int]
GridLike = Any
"""A Grid, or what stands for one: a spacing, coordinates, a tuple of them, {axis: them}."""


class Discrete:
    """A bound operator, which does not mix with expressions."""

    __slots__ = ()


class Expr:
    """A linear operator on fields, not yet on a grid. Immutable and hashable.

    Expressions combine by ``+ - * @ / **``; ``*`` and ``@`` between expressions are the operator
    product. Every result is in normal form.
    """

    # NumPy's scalars and arrays, and pandas' objects, on the left leave the operation to us.
    __array_ufunc__ = None
    __pandas_priority__ = 10_000

    def __new__(cls, *_: object, **__: object) -> Self:
        # Found where it is loaded already; expressions made before it count from the next one on.
        tree = getattr(sys.modules.get("xarray"), "DataTree", None)
        if tree is not None:
            _goes_before(tree)
        return super().__new__(cls)

    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
        raise TypeError(f"{self!r} is an operator, not an array: apply it as E(u, grid)")

    def __add__(self, other: object) -> Expr:
        from findops.normal_form import added

        return added(self, other)

    def __radd__(self, other: object) -> Expr:
        from findops.normal_form import added

        return added(other, self)

    def __neg__(self) -> Expr:
        return self * -1

    def __sub__(self, other: object) -> Expr:
        from findops.normal_form import added, multiplied

        return added(self, multiplied(other, -1))

    def __rsub__(self, other: object) -> Expr:
        from findops.normal_form import added

        return added(other, -self)

    def __mul__(self, other: object) -> Expr:
        from findops.normal_form import multiplied

        return multiplied(self, other)

    def __rmul__(self, other: object) -> Expr:
        from findops.normal_form import multiplied

        return multiplied(other, self)

    def __matmul__(self, other: object) -> Expr:
        if not isinstance(other, (Expr, Discrete)):
            raise TypeError(
                f"@ is the product of operators: apply {self!r} as E(u, grid), or bind it and use "
                f"E.on(grid) @ u; multiply by a coefficient with *, not {kind(other)} with @"
            )
        return self * other

    def __rmatmul__(self, other: object) -> Expr:
        raise TypeError(f"write coefficient * {self!r}: @ is the product of operators")

    def __truediv__(self, other: object) -> Expr:
        from findops.normal_form import divided

        return divided(self, other)

    def __pow__(self, power: int) -> Expr:
        from findops.normal_form import powered

        return powered(self, power)

    @overload
    def __call__(
        self,
        u: DataArray | Dataset,
        /,
        grid: GridLike = None,
        closure: Closures = "accurate",
        **given: Any,
    ) -> Any: ...

    @overload
    def __call__(
        self,
        u: ArrayLike | None = None,
        /,
        grid: GridLike = None,
        closure: Closures = "accurate",
        **given: Any,
    ) -> NDArray[Any]: ...

    def __call__(
        self,
        u: Any = None,
        /,
        grid: GridLike = None,
        closure: Closures = "accurate",
        **given: Any,
    ) -> Any:
        """Apply to an array (…, *components, *grid); see `on` for the other arguments.

        xarray's DataArrays and Datasets bring their grid, and take more keywords: ``periodic``,
        ``units``, ``radians`` and ``component``, which `findops.interop.xarray.apply` describes.
        """
        if hasattr(u, "dims"):
            from findops.interop.xarray import apply

            return apply(self, u, grid, closure, **given)
        if u is None or grid is None:
            raise TypeError(
                f"{self!r} needs an array and a grid: E(u, grid) with a Grid, a spacing as in "
                "E(u, 0.1), the coordinates of 1-D data, or a tuple of these per axis"
            )
        from findops.binding import apply_unbound

        return apply_unbound(self, u, grid, closure, given)

    def on(self, /, grid: GridLike, closure: Closures = "accurate", **fields: object) -> Operator:
        """Bind to a grid.

        Parameters
        ----------
        grid : Grid, or coordinates that make one
            Where the fields live.
        closure : str, int or dict by face
            What happens where a stencil sticks out: ``"accurate"``, the accuracy of biased
            stencils, ``"odd"``, ``"even"``, ``"zero"`` or ``"halo"``.
        **fields
            Values of the free fields, as coefficients, or as arrays of JAX, PyTorch or CuPy, which
            are kept as they are.

        Returns
        -------
        Operator

        Raises
        ------
        ValueError
            If an axis is unknown, positions do not match, a coefficient has the wrong shape, or
            the grid is too small.
        TypeError
            If a field is missing or unknown, or a coefficient has the wrong type.
        """
        from findops.binding import bind

        return bind(self, grid, closure, fields)

    def matrix(
        self, /, grid: GridLike, closure: Closures = "accurate", **fields: object
    ) -> csr_array:
        """Return the sparse matrix on a grid, in CSR form; see `on` for the arguments."""
        return self.on(grid, closure, **fields).matrix()

    def stencil(self, spacing: object = None) -> InteriorStencil:
        """Return the interior stencil {offsets: weight}, exact.

        Parameters
        ----------
        spacing : number, SymPy expression, tuple or dict by axis, optional
            Grid spacings; by default the symbols h_x, h_y, ….

        Raises
        ------
        ValueError
            If a coefficient varies, or an operator does not name its axes.
        """
        from findops.symbolic import interior_stencil

        return interior_stencil(self, spacing)

    @property
    def free_fields(self) -> frozenset[str]:
        """Names of the fields whose values are given at binding."""
        return frozenset().union(*(part.free_fields for part in self._parts()))

    @property
    def needs_coordinates(self) -> bool:
        """Whether a coefficient is a function of the coordinates."""
        return any(part.needs_coordinates for part in self._parts())

    @property
    def multiplies(self) -> bool:
        """Whether it only multiplies by coefficients."""
        return False

    def _parts(self) -> Iterable[Expr]:
        return ()

    def __str__(self) -> str:
        from findops.printing import text

        return text(self)

    def __repr__(self) -> str:
        from findops.printing import code

        return code(self)

    def _repr_latex_(self) -> str:
        return f"${self._latex()}$"

    def _latex(self, *_: object) -> str:
        """Return LaTeX, also to SymPy's printer, which passes itself."""
        from findops.printing import latex

        return latex(self)


@cache
def _goes_before(tree: ABCMeta) -> None:
    """Let xarray's arrays on the left leave the operation to us, as they do for a DataTree.

    They ask for no priority of what stands on their right, only for its type.
    """
    tree.register(Expr)
