"""Expressions, which users write: their kinds, their algebra and its normal form."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from functools import cache, cached_property, singledispatch
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from findops.common.arguments import (
    Number,
    as_power,
    canonical,
    check_at_most,
    is_labeled,
    is_symbolic,
    type_name,
)

if TYPE_CHECKING:
    from abc import ABCMeta
    from collections.abc import Callable, Iterator
    from typing import Self

    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array
    from xarray import DataArray, Dataset

    from findops.expressions.symbolic import InteriorStencil
    from findops.operators.operator import Operator

__all__ = [
    "AlongAxis",
    "AxisName",
    "Closures",
    "Coef",
    "Discrete",
    "Expr",
    "Field",
    "GridLike",
    "Identity",
    "Position",
    "Positions",
    "Product",
    "Sum",
    "added",
    "as_coefficient",
    "as_expr",
    "check_fields",
    "code",
    "collect",
    "divided",
    "factors_of",
    "latex",
    "multiplied",
    "powered",
    "rewrite",
    "terms_of",
    "text",
    "walk",
]

AxisName = str | int
Position = AxisName | tuple[AxisName, ...] | None
"""The axis or the axes along which a component stands at half points, None at nodes."""
Positions = Position | Sequence[Position]
"""Positions of all components in order; that of a single one also without a list."""
Closures = str | int | Mapping[str, str | int | Sequence[str | int]]
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
        return added(self, other)

    def __radd__(self, other: object) -> Expr:
        return added(other, self)

    def __neg__(self) -> Expr:
        return self * -1

    def __sub__(self, other: object) -> Expr:
        return added(self, multiplied(other, -1))

    def __rsub__(self, other: object) -> Expr:
        return added(other, -self)

    def __mul__(self, other: object) -> Expr:
        return multiplied(self, other)

    def __rmul__(self, other: object) -> Expr:
        return multiplied(other, self)

    def __matmul__(self, other: object) -> Expr:
        if not isinstance(other, (Expr, Discrete)):
            raise TypeError(
                f"@ is the product of operators: apply {self!r} as E(u, grid), or bind it and use "
                f"E.on(grid) @ u; multiply by a coefficient with *, not {type_name(other)} with @"
            )
        return self * other

    def __rmatmul__(self, other: object) -> Expr:
        raise TypeError(f"write coefficient * {self!r}: @ is the product of operators")

    def __truediv__(self, other: object) -> Expr:
        return divided(self, other)

    def __pow__(self, power: int) -> Expr:
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

    @overload
    def __call__(
        self,
        u: ArrayLike | Sequence[ArrayLike],
        /,
        grid: GridLike,
        closure: Closures = "accurate",
        *,
        at: Positions,
        **given: Any,
    ) -> Any: ...

    def __call__(
        self,
        u: Any = None,
        /,
        grid: GridLike = None,
        closure: Closures = "accurate",
        *,
        at: Positions = None,
        **given: Any,
    ) -> Any:
        """Apply to an array (…, *components, *grid); see `on` for the other arguments.

        Components at different points, with `at`, are a tuple of arrays.

        xarray's DataArrays and Datasets bring their grid, and take more keywords: ``periodic``,
        ``units``, ``radians`` and ``component``, which `findops.interop.xarray.apply` describes.
        """
        if hasattr(u, "dims"):
            from findops.interop.xarray.apply import apply

            if at is not None:
                raise TypeError(f"{self!r}: at= is for bare arrays, not for {type_name(u)}")
            return apply(self, u, grid, closure, **given)
        if u is None or grid is None:
            raise TypeError(
                f"{self!r} needs an array and a grid: E(u, grid) with a Grid, a spacing as in "
                "E(u, 0.1), the coordinates of 1-D data, or a tuple of these per axis"
            )
        from findops.operators.binding import apply_unbound

        return apply_unbound(self, u, grid, closure, at, given)

    @overload
    def on(
        self,
        /,
        grid: GridLike,
        closure: Closures = "accurate",
        *,
        at: Positions,
        **fields: object,
    ) -> Any: ...

    @overload
    def on(
        self, /, grid: GridLike, closure: Closures = "accurate", **fields: object
    ) -> Operator: ...

    def on(
        self,
        /,
        grid: GridLike,
        closure: Closures = "accurate",
        *,
        at: Any = None,  # Positions; a field's value would be anything
        **fields: object,
    ) -> Any:
        """Bind to a grid.

        Parameters
        ----------
        grid : Grid, or coordinates that make one
            Where the fields live.
        closure : str, int or dict by face
            What happens where a stencil sticks out: ``"accurate"``, the accuracy of biased
            stencils, ``"odd"``, ``"even"``, ``"zero"`` or ``"halo"``; in a dict also a list of
            these, one for each component of the field that is operated on. Odd or even continuation
            is that of this field: in products, its derivatives are even or odd in turn.
        at : list of axis, tuple of axes, or None
            For each component of the field the axis or the axes along which it stands at half
            points, None where it stands at nodes, as all do by default: ``["x", "y", None]`` for
            velocities at faces and a pressure at centers of `Cells`. Where the components of the
            result stand follows. A field of a single component takes its position alone, too.
        **fields
            Values of the free fields, as coefficients, or as arrays of JAX, PyTorch or CuPy, which
            are kept as they are. Coefficients are evaluated where they stand, in each component.

        Returns
        -------
        Operator or StaggeredOperator
            The latter, whose fields are tuples of arrays, if positions are given of a field with
            components, or if those of the result stand at different points.

        Raises
        ------
        ValueError
            If an axis is unknown, positions do not match or are not as many as components, a
            coefficient has the wrong shape, or the grid is too small.
        TypeError
            If a field is missing or unknown, or a coefficient has the wrong type.
        """
        from findops.operators.binding import bind_at

        return bind_at(self, grid, closure, at, fields)

    def matrix(
        self,
        /,
        grid: GridLike,
        closure: Closures = "accurate",
        *,
        at: Positions = None,
        **fields: object,
    ) -> csr_array:
        """Return the sparse matrix on a grid, in CSR form; see `on` for the arguments."""
        made: csr_array = self.on(grid, closure, at=at, **fields).matrix()
        return made

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
        from findops.expressions.symbolic import interior_stencil

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
        return text(self)

    def __repr__(self) -> str:
        return code(self)

    def _repr_latex_(self) -> str:
        return f"${self._latex()}$"

    def _latex(self, *_: object) -> str:
        """Return LaTeX, also to SymPy's printer, which passes itself."""
        return latex(self)


@cache
def _goes_before(tree: ABCMeta) -> None:
    """Let xarray's arrays on the left leave the operation to us, as they do for a DataTree.

    They ask for no priority of what stands on their right, only for its type.
    """
    tree.register(Expr)


# How they are written -----------------------------------------------------------------------------


# `printing` knows every kind of expression, stands above them all, and registers what it writes.


@singledispatch
def text(expr: Expr) -> str:
    """Return an expression as mathematics in Unicode."""
    raise NotImplementedError(type(expr))


@singledispatch
def latex(expr: Expr) -> str:
    """Return an expression in LaTeX."""
    raise NotImplementedError(type(expr))


@singledispatch
def code(expr: Expr) -> str:
    """Return an expression as Python code; coefficients that are no numbers go by a name."""
    raise NotImplementedError(type(expr))


# The kinds of expressions -------------------------------------------------------------------------


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Coef(Expr):
    """Multiplication by a coefficient.

    Parameters
    ----------
    value : number, array, callable, SymPy expression or Field
        The dimensions of a labeled array meet the axes of their names. Numbers compare by value,
        arrays and callables by identity.

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
    def is_irrational(self) -> bool:
        """Whether it is a number that SymPy holds exactly, as π."""
        return is_symbolic(self.value) and not self.value.free_symbols

    @property
    def is_opaque(self) -> bool:
        """Whether it is an array or a function, whose values may change while it stays itself."""
        value = self.value
        return isinstance(value, np.ndarray) or callable(value) or is_labeled(value)

    @property
    def needs_coordinates(self) -> bool:
        return callable(self.value) or (is_symbolic(self.value) and not self.is_irrational)

    @property
    def multiplies(self) -> bool:
        return True

    @property
    def _key(self) -> object:
        return id(self.value) if self.is_opaque else self.value

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
    >>> from findops import Diff
    >>> Diff("x") ** 0 == Identity()
    True
    """
    return Coef(1)


@dataclass(frozen=True, repr=False)
class Field(Expr):
    """Multiplication by a coefficient whose value is given at binding, by name.

    Examples
    --------
    >>> from findops import Diff
    >>> sorted((Field("c") * Diff("x")).free_fields)
    ['c']
    """

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"a field's name must be a string, but is {self.name!r}")
        if not self.name.isidentifier():
            raise ValueError(f"a field's name must be an identifier, but is {self.name!r}")
        if self.name in ("at", "closure", "grid"):
            raise ValueError(f"a field cannot be named {self.name!r}: E.on has that argument")

    @property
    def free_fields(self) -> frozenset[str]:
        return frozenset([self.name])

    @property
    def multiplies(self) -> bool:
        return True


class AlongAxis(Expr):
    """What acts along one axis: derivatives and interpolation."""

    axis: AxisName
    order: int
    to: str | None
    """Where it maps to, ``"half"`` or ``"node"``; None where points stay the same."""

    def merged(self, inner: AlongAxis) -> AlongAxis | None:  # noqa: ARG002
        """Return the product with what acts before along the same axis, if it is of one piece."""
        return None


@dataclass(frozen=True, repr=False)
class Product(Expr):
    """A number times a product of factors, the last applied first."""

    scale: Number
    factors: tuple[Expr, ...]

    @property
    def multiplies(self) -> bool:
        return all(factor.multiplies for factor in self.factors)

    def _parts(self) -> Iterable[Expr]:
        return self.factors


@dataclass(frozen=True, repr=False, eq=False)
class Sum(Expr):
    """A sum of products, no two of the same factors; equal in any order."""

    terms: tuple[Expr, ...]

    @staticmethod
    def of(terms: Mapping[Factors, Expr]) -> Sum:
        """Return the sum of terms that are known by their factors."""
        made = Sum(tuple(terms.values()))
        vars(made)["by_factors"] = terms
        return made

    @cached_property
    def by_factors(self) -> Mapping[Factors, Expr]:
        """The terms by their factors, among which like ones are looked up."""
        return {factors: term for term in self.terms for _, factors in _monomials(term)}

    @cached_property
    def _set(self) -> frozenset[Expr]:
        return frozenset(self.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sum) and self._set == other._set

    def __hash__(self) -> int:
        return hash((Sum, self._set))

    def __reduce__(self) -> tuple[type[Sum], tuple[tuple[Expr, ...]]]:
        return Sum, (self.terms,)

    @property
    def multiplies(self) -> bool:
        return all(term.multiplies for term in self.terms)

    def _parts(self) -> Iterable[Expr]:
        return self.terms


def as_expr(value: object) -> Expr:
    """Return an expression, making multiplication by a coefficient of anything else."""
    return value if isinstance(value, Expr) else Coef(value)


def check_fields(expr: Expr, fields: Mapping[str, object]) -> None:
    """Refuse values that are missing of the free fields of an expression, and those of no field.

    Raises
    ------
    TypeError
        If there are such.
    """
    free = expr.free_fields
    missing, unknown = sorted(free - fields.keys()), sorted(fields.keys() - free)
    if missing:
        raise TypeError(
            f"{expr!r} needs values of its fields {missing}: E.on(grid, {missing[0]}=…)"
        )
    if unknown:
        raise TypeError(
            f"{expr!r} has no fields {unknown}: it has {sorted(free) if free else 'none'}; options "
            "of the bound operator go there, as in E.on(grid).matrix(format=…) and op(u, out=…)"
        )


def as_coefficient(value: object) -> Expr:
    """Return multiplication by a coefficient, and refuse operators that differentiate.

    Raises
    ------
    TypeError
        If the value is no coefficient.
    """
    expr = as_expr(value)
    if not expr.multiplies:
        raise TypeError(f"a coefficient is needed, but {expr!r} is an operator")
    return expr


# The algebra and its normal form: numbers in front, like terms collected, axes in order -----------


MOST_TERMS = 30_000
"""Terms that a product of sums is expanded to, at most."""

Factors = tuple[Expr, ...]
Monomial = tuple[Number, Factors]


def added(left: object, right: object) -> Expr:
    """Return the sum of two expressions or coefficients.

    Only the terms of the shorter one are looked up, so that sums of many terms, made one by one,
    cost no more than their terms.
    """
    first, second = _by_factors(_operand(left)), _by_factors(_operand(right))
    terms = {**first, **second}
    for factors in first.keys() & second.keys():
        scale = _scale(first[factors]) + _scale(second[factors])
        if scale != 0:
            terms[factors] = _scaled(scale, factors)
        else:
            del terms[factors]
    return _sum_of(terms)


def multiplied(left: object, right: object) -> Expr:
    """Return the product of two expressions or coefficients.

    Raises
    ------
    ValueError
        If sums multiply to more than `MOST_TERMS` terms.
    """
    inner = _monomials(_operand(right))
    outer = _monomials(_operand(left))
    check_at_most(
        len(outer) * len(inner),
        MOST_TERMS,
        "the number of terms of a product",
        "bind its factors, and multiply the operators: A.on(grid) @ B.on(grid)",
    )
    return collect([_product(a * b, f, g) for a, f in outer for b, g in inner])


def divided(expr: Expr, divisor: object) -> Expr:
    """Return an expression divided by a number or an array."""
    if isinstance(divisor, (Expr, Discrete)) or callable(divisor):
        raise TypeError(
            f"{expr!r} can be divided by a number or an array, not {type_name(divisor)}"
        )
    value = Coef(divisor).value
    if is_symbolic(value) or np.all(value):
        return multiplied(1 / value, expr)
    raise ZeroDivisionError(f"{expr!r} cannot be divided by zero")


def powered(expr: Expr, power: int) -> Expr:
    """Return the product of an expression with itself, as often as a power says."""
    times = as_power(power, repr(expr))
    result: Expr = Identity()
    for _ in range(times):
        result = multiplied(result, expr)
    return result


def collect(monomials: Sequence[Monomial]) -> Expr:
    """Return the sum of scaled products, like ones collected."""
    if len(monomials) == 1:
        # There is nothing to compare the factors with, of which there may be many.
        [(scale, factors)] = monomials
        return _scaled(scale, factors) if scale != 0 else Coef(0)
    sums: dict[Factors, Number] = {}
    for scale, factors in monomials:
        sums[factors] = sums.get(factors, Fraction(0)) + scale
    return _sum_of({f: _scaled(scale, f) for f, scale in sums.items() if scale != 0})


def _sum_of(terms: Mapping[Factors, Expr]) -> Expr:
    return Sum.of(terms) if len(terms) > 1 else next(iter(terms.values()), Coef(0))


def _scaled(scale: Number, factors: Factors) -> Expr:
    if not factors:
        return Coef(scale)
    return factors[0] if scale == 1 and len(factors) == 1 else Product(scale, factors)


def _scale(term: Expr) -> Number:
    [(scale, _)] = _monomials(term)
    return scale


def _by_factors(expr: Expr) -> Mapping[Factors, Expr]:
    if isinstance(expr, Sum):
        return expr.by_factors
    return {factors: _scaled(scale, factors) for scale, factors in _monomials(expr)}


def _monomials(expr: Expr) -> Sequence[Monomial]:
    match expr:
        case Sum():
            return [m for term in expr.terms for m in _monomials(term)]
        case Product():
            return [(expr.scale, expr.factors)]
        case Coef(value=value) if isinstance(value, Number):
            return [(value, ())] if value != 0 else []
        case Coef(is_irrational=True):
            return [_product(Fraction(1), (expr,), ())]
        case _:
            return [(Fraction(1), (expr,))]


def _product(scale: Number, outer: Factors, inner: Factors) -> Monomial:
    """Return a product of two in normal form.

    Numbers stand in front, also those that SymPy alone can hold, as π.
    """
    exact = [f.value for f in (*outer[:1], *inner[:1]) if isinstance(f, Coef) and f.is_irrational]
    if not exact:
        return scale, _arranged(outer, inner)
    rest = (
        tuple(f for f in side if not (isinstance(f, Coef) and f.is_irrational))
        for side in (outer, inner)
    )
    factor, irrational = math.prod(exact).as_coeff_Mul(rational=True)
    scale = scale * Fraction(int(factor.p), int(factor.q))
    number = Coef(irrational).value
    if isinstance(number, Number):
        return scale * number, _arranged(*rest)
    return scale, (Coef(number), *_arranged(*rest))


def _arranged(outer: Factors, inner: Factors) -> Factors:
    """Commute derivatives along different axes into order, and merge those along one axis.

    Each side is in order already.
    """
    result = list(outer)
    for factor in inner:
        _check_position(result, factor)
        place = len(result)
        while place and _swap(result[place - 1], factor):
            place -= 1
        before = result[place - 1] if place else None
        merged = None
        if isinstance(before, AlongAxis) and isinstance(factor, AlongAxis):
            merged = before.merged(factor)
        if merged is None:
            result.insert(place, factor)
        else:
            result[place - 1] = merged
    return tuple(result)


def _check_position(outer: Sequence[Expr], inner: Expr) -> None:
    """Refuse a product that maps to half points, or to nodes, twice in a row along one axis."""
    if not isinstance(inner, AlongAxis) or inner.to is None:
        return
    moving = (
        factor
        for factor in reversed(outer)
        if isinstance(factor, AlongAxis) and factor.axis == inner.axis and factor.to is not None
    )
    factor = next(moving, None)
    if factor is not None and factor.to == inner.to:
        here, start = ("half points", "nodes")[:: 1 if factor.to == "half" else -1]
        raise ValueError(
            f"{factor!r} maps values from {start}, but {inner!r} leaves them at {here}"
        )


def _swap(left: Expr, right: Expr) -> bool:
    """Tell whether two factors act along axes that are surely different and out of order."""
    if not (isinstance(left, AlongAxis) and isinstance(right, AlongAxis)):
        return False
    match left.axis, right.axis:
        case str(a), str(b):
            return a > b
        case int(i), int(j):
            return (i < 0) == (j < 0) and i > j
    return False


def _operand(value: object) -> Expr:
    if isinstance(value, Discrete):
        raise TypeError(
            "an expression and a bound operator do not mix: bind the expression first, with "
            "E.on(grid)"
        )
    return as_expr(value)


# Walks through expressions ------------------------------------------------------------------------


def terms_of(expr: Expr) -> tuple[Expr, ...]:
    """Return the terms of a sum, or what is none alone."""
    return expr.terms if isinstance(expr, Sum) else (expr,)


def factors_of(product: Expr) -> tuple[Expr, ...]:
    """Return the factors of a product, or what is none alone."""
    return product.factors if isinstance(product, Product) else (product,)


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and all expressions in it."""
    yield expr
    for part in expr._parts():
        yield from walk(part)


def rewrite(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return an expression with each of its parts, and itself, exchanged by a function."""
    made: Expr = _rewritten(expr, change)
    return made


def _rewritten(part: Any, change: Callable[[Expr], Expr]) -> Any:
    match part:
        case tuple():
            return tuple(_rewritten(each, change) for each in part)
        case Sum():
            terms = _rewritten(part.terms, change)
            return change(collect([m for term in terms for m in _monomials(term)]))
        case Coef():
            return change(part)
    if is_labeled(part):
        # The velocity of a scheme.
        return change(Coef(part))
    if not is_dataclass(part):
        return part
    made = copy(part)
    for each in fields(part):
        object.__setattr__(made, each.name, _rewritten(getattr(part, each.name), change))
    return change(made) if isinstance(made, Expr) else made
