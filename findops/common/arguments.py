"""Coefficients and other numbers that users give: checked, and in canonical form."""

from __future__ import annotations

import operator
import sys
from fractions import Fraction
from numbers import Complex, Rational, Real
from typing import Any, SupportsIndex

import numpy as np

__all__ = [
    "Number",
    "as_boolean",
    "as_integer",
    "as_power",
    "as_rational",
    "as_real",
    "canonical",
    "check_at_most",
    "in_range",
    "is_labeled",
    "is_symbolic",
    "type_name",
]

Number = Fraction | float | complex
"""Numbers as coefficients: rational ones are exact."""

LARGEST = Fraction(sys.float_info.max)
"""The largest number in double precision."""

MOST_POWER = 1000
"""Factors of a power, each of which is applied, at most."""


def canonical(value: object) -> object:
    """Return a coefficient in canonical form: numbers exact where they are."""
    if isinstance(value, (np.generic, np.ndarray)) and np.ndim(value) == 0 and not _masked(value):
        value = value.item()
    if is_labeled(value):
        return _labeled(value)
    if is_symbolic(value):
        return _symbolic(value)
    if isinstance(value, Rational):
        return in_range(value, "a coefficient")
    if isinstance(value, Complex):
        number = float(value) if isinstance(value, Real) else complex(value)
        if not np.isfinite(number):
            raise ValueError(f"a coefficient must be finite, but is {value!r}")
        return number
    if isinstance(value, np.ndarray) and not _masked(value):
        _check_dtype(value.dtype)
        return value
    if callable(value):
        return value
    raise TypeError(
        "a coefficient is a number, NumPy array, labeled array, callable, SymPy expression or "
        f"Field, not {type_name(value)}; arrays of JAX, PyTorch and CuPy are given to a Field, as "
        "in (Field('k') * E).on(grid, k=…)"
    )


def is_labeled(value: object) -> bool:
    """Tell whether a value is an array whose dimensions have names."""
    return hasattr(value, "dims") and hasattr(value, "coords") and hasattr(value, "dtype")


def _labeled(value: Any) -> object:
    if not value.dims:
        return canonical(value.item())
    if value.chunks is not None:
        raise TypeError(
            f"a coefficient with the dimensions {value.dims} is chunked and would be loaded when "
            "bound: give c.compute()"
        )
    _check_dtype(value.dtype)
    return value


def _check_dtype(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "biu" and dtype.char not in "fdFD":
        raise TypeError(
            "an array coefficient holds numbers in single or double precision, integers or "
            f"booleans, not {dtype}"
        )


def _masked(value: object) -> bool:
    return isinstance(value, np.ma.MaskedArray)


def _symbolic(value: Any) -> object:
    from sympy import Expr
    from sympy.core.function import AppliedUndef

    # A sum of f(1), f(2), … is a number to SymPy, but f is refused by name when it is bound.
    if not (isinstance(value, Expr) and value.is_number) or value.has(AppliedUndef):
        from findops.common.symbolic_code import check_evaluable

        check_evaluable(value)
        return value
    if value.is_finite is False or not np.isfinite(complex(value)):
        raise ValueError(f"a coefficient must be finite, but is {value}")
    if value.is_Rational:
        return Fraction(int(value.p), int(value.q))
    if value.is_real is False:
        return canonical(complex(value))
    # An exact irrational number such as pi stays symbolic until it is bound.
    return canonical(float(value)) if value.is_Float else value


def as_boolean(value: object, what: str) -> bool:
    """Return True or False as Python's.

    Raises
    ------
    TypeError
        If it is neither; `what` names it.
    """
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError(f"{what} must be True or False, but is {value!r}")


def as_integer(value: object, what: str) -> int:
    """Return an integer of any type as an int.

    Raises
    ------
    TypeError
        If it is no integer; `what` names it.
    """
    if type(value) is int:
        return value
    if isinstance(value, SupportsIndex) and not isinstance(value, (bool, np.bool_)):
        try:
            return operator.index(value)
        except TypeError:  # an array with several numbers, or of floats
            pass
    raise TypeError(f"{what} must be an integer, but is {value!r}")


def as_power(value: object, of: str) -> int:
    """Return the power to which an operator is raised.

    Raises
    ------
    TypeError
        If it is no integer; `of` is the operator as one writes it.
    ValueError
        If it is negative, or greater than `MOST_POWER`.
    """
    times = as_integer(value, f"the power of {of}")
    if times < 0:
        raise ValueError(f"{of} takes a power of at least 0, not {value}")
    check_at_most(times, MOST_POWER, f"the power of {of}", "apply it in a loop")
    return times


def check_at_most(value: float, most: float, what: str, advice: str) -> None:
    """Refuse a size beyond which there is no sense in an answer, or no end of waiting for it.

    Raises
    ------
    ValueError
        If it is greater than `most`; `what` names it.
    """
    if value > most:
        raise ValueError(f"{what} must be at most {most}, but is {value}: {advice}")


def as_real(value: object, what: str) -> float | Fraction:
    """Return a real number as one of Python's, a rational one exactly.

    Raises
    ------
    TypeError
        If it is none; `what` names it.
    ValueError
        If it is rational and beyond the range of double precision.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{what} must be a real number, but is {value!r}")
    if isinstance(value, Rational):
        exact = in_range(value, what)
        return int(exact) if exact.denominator == 1 else exact
    return float(value)


def in_range(value: Rational, what: str) -> Fraction:
    """Return a rational number exactly.

    Raises
    ------
    ValueError
        If it is beyond the range of double precision; `what` names it.
    """
    exact = Fraction(int(value.numerator), int(value.denominator))
    if abs(exact) > LARGEST:
        raise ValueError(f"{what} must be within the range of double precision, up to 1.8e308")
    return exact


def type_name(value: object) -> str:
    """Name the type of a value, for messages."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def is_symbolic(value: object) -> bool:
    """Tell whether `value` is a SymPy expression, without importing SymPy."""
    sympy = sys.modules.get("sympy")
    return sympy is not None and isinstance(value, sympy.Basic)


def as_rational(value: object) -> Fraction:
    """Return a finite real number exactly."""
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if not isinstance(value, Real):
        raise TypeError(f"weights need numbers or SymPy expressions as nodes, but got {value!r}")
    if not np.isfinite(float(value)):
        raise ValueError(f"weights need finite nodes, but got {value!r}")
    return Fraction(float(value))
