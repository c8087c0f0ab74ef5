"""Expressions: the continuous operators that users write, and their normal form."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.schemes import Central, Explicit
from findops.values import Number, canonical, kind
from findops.weights import is_symbolic

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array

    from findops.operator import Operator
    from findops.symbolic import InteriorStencil

__all__ = [
    "AxisName",
    "Coef",
    "Diff",
    "Discrete",
    "Expr",
    "Field",
    "Identity",
    "Interpolate",
    "Product",
    "Sum",
    "ZeroFlux",
    "as_expr",
    "collect",
]

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

    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
        raise TypeError(f"{self!r} is an operator, not an array: apply it as E(u, grid)")

    def __add__(self, other: object) -> Expr:
        return collect([*_monomials(self), *_monomials(_operand(other))])

    def __radd__(self, other: object) -> Expr:
        return _operand(other) + self

    def __neg__(self) -> Expr:
        return self * Coef(-1)

    def __sub__(self, other: object) -> Expr:
        return self + -_operand(other)

    def __rsub__(self, other: object) -> Expr:
        return _operand(other) + -self

    def __mul__(self, other: object) -> Expr:
        right = _monomials(_operand(other))
        return collect((a * b, _arranged(f + g)) for a, f in _monomials(self) for b, g in right)

    def __rmul__(self, other: object) -> Expr:
        return _operand(other) * self

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
        if isinstance(other, (Expr, Discrete)) or callable(other):
            raise TypeError(f"{self!r} can be divided by a number or an array, not {kind(other)}")
        divisor = Coef(other)
        if is_symbolic(divisor.value) or np.all(divisor.value):
            return Coef(1 / divisor.value) * self
        raise ZeroDivisionError(f"{self!r} cannot be divided by zero")

    def __pow__(self, power: int) -> Expr:
        if isinstance(power, bool) or not hasattr(power, "__index__"):
            raise TypeError(f"{self!r} takes an integer power, not {power!r}")
        if power < 0:
            raise ValueError(f"{self!r} takes a power of at least 0, not {power}")
        result: Expr = Identity()
        for _ in range(operator.index(power)):
            result = result * self
        return result

    def __call__(
        self,
        u: ArrayLike | None = None,
        grid: GridLike = None,
        closure: Closures = "accurate",
        **fields: object,
    ) -> NDArray[Any]:
        """Apply to an array (…, *components, *grid); see `on` for the other arguments."""
        if u is None or grid is None:
            raise TypeError(
                f"{self!r} needs an array and a grid: E(u, grid) with a Grid, a spacing as in "
                "E(u, 0.1), the coordinates of 1-D data, or a tuple of these per axis"
            )
        from findops.binding import apply_unbound

        return apply_unbound(self, u, grid, closure, fields)

    def on(self, grid: GridLike, closure: Closures = "accurate", **fields: object) -> Operator:
        """Bind to a grid.

        Parameters
        ----------
        grid : Grid, or coordinates that make one
            Where the fields live.
        closure : str, int or dict by face
            What happens where a stencil sticks out: ``"accurate"``, the accuracy of biased
            stencils, ``"odd"``, ``"even"``, ``"zero"`` or ``"halo"``.
        **fields
            Values of the free fields, as coefficients.

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

    def matrix(self, grid: GridLike, closure: Closures = "accurate", **fields: object) -> csr_array:
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

    def _parts(self) -> Iterable[Expr]:
        return ()

    def __str__(self) -> str:
        from findops.printing import text

        return text(self)

    def __repr__(self) -> str:
        from findops.printing import code

        return code(self)

    def _repr_latex_(self) -> str:
        from findops.printing import latex

        return f"${latex(self)}$"


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Coef(Expr):
    """Multiplication by a coefficient.

    Parameters
    ----------
    value : number, array, callable, SymPy expression or Field
        Numbers compare by value, arrays and callables by identity.

    Raises
    ------
    TypeError
        If `value` is none of these.
    ValueError
        If it is a number that is not finite.

    Examples
    --------
    >>> Coef(2) * Coef(3) == Coef(6)
    True
    """

    value: Any

    def __new__(cls, value: object = 0) -> Coef:
        if isinstance(value, Field):
            return value  # type: ignore[return-value]  # a Field is a coefficient already
        return super().__new__(cls)

    def __init__(self, value: object) -> None:
        if isinstance(value, (Discrete, Expr)):
            raise TypeError(f"a coefficient is not an operator: {value!r}")
        object.__setattr__(self, "value", canonical(value))

    @property
    def needs_coordinates(self) -> bool:
        return callable(self.value) or is_symbolic(self.value)

    @property
    def _key(self) -> object:
        return id(self.value) if isinstance(self.value, np.ndarray) else self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Coef) and bool(self._key == other._key)

    def __hash__(self) -> int:
        return hash((Coef, self._key))

    def __reduce__(self) -> tuple[type[Coef], tuple[Any]]:
        return Coef, (self.value,)


def Identity() -> Coef:  # noqa: N802  # an operator's name
    """Return the identity operator.

    Examples
    --------
    >>> Diff("x") ** 0 == Identity()
    True
    """
    return Coef(1)


@dataclass(frozen=True, repr=False)
class Field(Expr):
    """Multiplication by a coefficient whose value is given at binding, by name.

    Examples
    --------
    >>> sorted((Field("c") * Diff("x")).free_fields)
    ['c']
    """

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"a field's name must be a string, but is {self.name!r}")
        if not self.name.isidentifier():
            raise ValueError(f"a field's name must be an identifier, but is {self.name!r}")
        if self.name in ("closure", "grid", "self", "u"):
            raise ValueError(f"a field cannot be named {self.name!r}: E.on has that argument")

    @property
    def free_fields(self) -> frozenset[str]:
        return frozenset([self.name])


@dataclass(frozen=True, init=False, repr=False)
class Diff(Expr):
    """A derivative along one axis.

    Parameters
    ----------
    axis : str or int
        Name or index of the axis, negative too.
    order : int
        Order of the derivative; 0 is the identity.
    acc : int, optional
        Order of accuracy: 2 by default, or what the scheme implies.
    scheme : scheme, optional
        ``Central()`` by default.
    to : {"half", "node"}, optional
        Map from nodes to half points, or back.

    Raises
    ------
    TypeError
        If `axis`, `order` or `acc` has the wrong type.
    ValueError
        If the scheme has no such accuracy, or does not map between nodes and half points.

    Examples
    --------
    >>> Diff("x") * Diff("x") == Diff("x", 2)
    True
    >>> print(Diff("x", 2, acc=4) + 3 * Diff("y"))
    ∂x² + 3·∂y
    """

    axis: AxisName
    order: int
    acc: int
    scheme: Explicit
    to: str | None

    def __new__(
        cls,
        axis: AxisName,
        order: int = 1,
        acc: int | None = None,
        scheme: Explicit | None = None,  # noqa: ARG004
        to: str | None = None,
    ) -> Any:
        # Any: the zeroth derivative is the identity, or an interpolation.
        if isinstance(order, int) and order == 0 and axis is not None:
            axis = _check_axis(axis)
            return Identity() if to is None else Interpolate(axis, to, acc or 2)
        return super().__new__(cls)

    def __init__(
        self,
        axis: AxisName,
        order: int = 1,
        acc: int | None = None,
        scheme: Explicit | None = None,
        to: str | None = None,
    ) -> None:
        axis = _check_axis(axis)
        used = Central() if scheme is None else scheme
        if not isinstance(used, Explicit):
            raise TypeError(f"Diff({axis!r}): scheme must be one such as Central(), not {scheme!r}")
        if isinstance(order, bool) or not hasattr(order, "__index__"):
            raise TypeError(
                f"Diff({axis!r}, {order!r}): order must be an integer; the spacing goes to the "
                f"call, as in Diff({axis!r})(f, {order!r})"
            )
        if order < 0:
            raise ValueError(f"Diff({axis!r}, {order}): order must be at least 0")
        for coefficient in used.coefficients:
            as_expr(coefficient)
        claimed = _claimed(f"Diff({axis!r}, {order})", used, operator.index(order), acc)
        if to is not None:
            _check_position(f"Diff({axis!r}, {order})", to)
            if not used.staggers:
                raise ValueError(
                    f"Diff({axis!r}, {order}, to={to!r}): {used!r} works from points to the same "
                    "points; only Central() maps to half points and back"
                )
        values = (axis, operator.index(order), claimed, used, to)
        for name, value in zip(("axis", "order", "acc", "scheme", "to"), values, strict=True):
            object.__setattr__(self, name, value)

    def _parts(self) -> Iterable[Expr]:
        return map(as_expr, self.scheme.coefficients)

    def __reduce__(self) -> tuple[type[Diff], tuple[object, ...]]:
        acc = self.acc if self.scheme.merges else None
        return Diff, (self.axis, self.order, acc, self.scheme, self.to)


@dataclass(frozen=True, repr=False)
class Interpolate(Expr):
    """Interpolation between nodes and half points of an axis.

    Parameters
    ----------
    axis : str or int
        Name or index of the axis, negative too.
    to : {"half", "node"}
        Where the values are wanted.
    acc : int
        Order of accuracy, even.

    Raises
    ------
    TypeError, ValueError
        As `Diff` does.

    Examples
    --------
    >>> Interpolate("x", "half").on({"x": [0.0, 1.0, 2.0]}) @ [0.0, 1.0, 4.0]
    array([0.5, 2.5])
    """

    axis: AxisName
    to: str
    acc: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "axis", _check_axis(self.axis))
        _check_position(f"Interpolate({self.axis!r})", self.to)
        _claimed(f"Interpolate({self.axis!r})", Central(), 0, self.acc)

    order = 0
    scheme = Central()


@dataclass(frozen=True, repr=False)
class ZeroFlux(Expr):
    """The two halves of diffusion with no flux through the ends of an axis.

    To half points it is the first derivative of the even continuation; to nodes it is minus the
    transpose of that in the quadrature norms.
    """

    axis: AxisName
    to: str
    acc: int

    order = 1


@dataclass(frozen=True, repr=False)
class Product(Expr):
    """A number times a product of factors, the last applied first."""

    scale: Number
    factors: tuple[Expr, ...]

    def _parts(self) -> Iterable[Expr]:
        return self.factors


@dataclass(frozen=True, repr=False, eq=False)
class Sum(Expr):
    """A sum of products, no two of the same factors; equal in any order."""

    terms: tuple[Expr, ...]
    _set: frozenset[Expr] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_set", frozenset(self.terms))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sum) and self._set == other._set

    def __hash__(self) -> int:
        return hash((Sum, self._set))

    def _parts(self) -> Iterable[Expr]:
        return self.terms


Monomial = tuple[Number, tuple[Expr, ...]]


def as_expr(value: object) -> Expr:
    """Return an expression, making multiplication by a coefficient of anything else."""
    return value if isinstance(value, Expr) else Coef(value)


def collect(monomials: Iterable[Monomial]) -> Expr:
    """Return the sum of scaled products, like ones collected."""
    sums: dict[tuple[Expr, ...], Number] = {}
    for scale, factors in monomials:
        sums[factors] = sums.get(factors, Fraction(0)) + scale
    terms = [_scaled(scale, factors) for factors, scale in sums.items() if scale != 0]
    match terms:
        case []:
            return Coef(0)
        case [term]:
            return term
        case _:
            return Sum(tuple(terms))


def _scaled(scale: Number, factors: tuple[Expr, ...]) -> Expr:
    if not factors:
        return Coef(scale)
    return factors[0] if scale == 1 and len(factors) == 1 else Product(scale, factors)


def _monomials(expr: Expr) -> Sequence[Monomial]:
    match expr:
        case Sum():
            return [m for term in expr.terms for m in _monomials(term)]
        case Product():
            return [(expr.scale, expr.factors)]
        case Coef(value=value) if isinstance(value, Number):
            return [(value, ())] if value != 0 else []
        case _:
            return [(Fraction(1), (expr,))]


def _arranged(factors: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Commute derivatives along different axes into order, and merge those along one axis."""
    _check_positions(factors)
    result: list[Expr] = []
    for factor in factors:
        place = len(result)
        while place and _swap(result[place - 1], factor):
            place -= 1
        merged = _merged(result[place - 1], factor) if place else None
        if merged is None:
            result.insert(place, factor)
        else:
            result[place - 1] = merged
    return tuple(result)


def _check_positions(factors: tuple[Expr, ...]) -> None:
    """Refuse a product that maps to half points, or to nodes, twice in a row along one axis."""
    at: dict[AxisName, Expr] = {}
    for factor in reversed(factors):
        if isinstance(factor, (Diff, Interpolate, ZeroFlux)) and factor.to is not None:
            before = at.get(factor.axis)
            if before is not None and getattr(before, "to", None) == factor.to:
                here, start = ("half points", "nodes")[:: 1 if factor.to == "half" else -1]
                raise ValueError(
                    f"{factor!r} maps values from {start}, but {before!r} leaves them at {here}"
                )
            at[factor.axis] = factor


def _swap(left: Expr, right: Expr) -> bool:
    """Tell whether two factors act along axes that are surely different and out of order."""
    along = (Diff, Interpolate, ZeroFlux)
    if not (isinstance(left, along) and isinstance(right, along)):
        return False
    match left.axis, right.axis:
        case str(a), str(b):
            return a > b
        case int(i), int(j):
            return (i < 0) == (j < 0) and i > j
    return False


def _merged(left: Expr, right: Expr) -> Expr | None:
    match left, right:
        case Diff(to=None), Diff(to=None) if (
            left.axis == right.axis
            and left.acc == right.acc
            and left.scheme == right.scheme
            and left.scheme.merges
        ):
            return Diff(left.axis, left.order + right.order, left.acc, left.scheme)
    return None


def _operand(value: object) -> Expr:
    if isinstance(value, Discrete):
        raise TypeError(
            "an expression and a bound operator do not mix: bind the expression first, with "
            "E.on(grid)"
        )
    return as_expr(value)


def _check_axis(axis: object) -> AxisName:
    if isinstance(axis, str):
        return axis
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise TypeError(f"an axis is a name or an index, not {axis!r}")
    return operator.index(axis)


def _check_position(what: str, to: object) -> None:
    if to not in ("half", "node"):
        raise ValueError(f"{what}: to must be 'half' or 'node', but is {to!r}")


def _claimed(what: str, scheme: Explicit, order: int, acc: int | None) -> int:
    if acc is not None and (isinstance(acc, bool) or not hasattr(acc, "__index__")):
        raise TypeError(f"{what}: acc must be an integer, but is {acc!r}")
    try:
        return scheme.claim(order, None if acc is None else operator.index(acc))
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
