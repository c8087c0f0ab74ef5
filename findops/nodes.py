"""The few kinds of nodes of expressions: coefficients, what acts along an axis, products, sums."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.expr import AxisName, Discrete, Expr
from findops.values import Number, canonical, is_labeled
from findops.weights import is_symbolic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "AlongAxis",
    "Coef",
    "Field",
    "Identity",
    "Product",
    "Sum",
    "as_coefficient",
    "as_expr",
    "check_fields",
]


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
        if self.name in ("closure", "grid"):
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
    _set: frozenset[Expr] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_set", frozenset(self.terms))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sum) and self._set == other._set

    def __hash__(self) -> int:
        return hash((Sum, self._set))

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
