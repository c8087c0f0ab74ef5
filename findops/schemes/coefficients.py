"""Coefficients of interior stencils on unit spacing."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from findops.schemes.central import Central
from findops.schemes.explicit import Explicit, leading_error
from findops.weights import exact_weights

__all__ = ["Coefficients", "coefficients"]


@dataclass(frozen=True)
class Coefficients:
    """An exact stencil and what it is worth."""

    offsets: tuple[int, ...]
    weights: tuple[Fraction, ...]
    accuracy: int
    error: tuple[Fraction, int]
    """(C, q): the stencil gives u^(order) + C·h^(q−order)·u^(q) + higher terms."""


def coefficients(
    order: int, acc: int | None = None, scheme: Explicit | None = None
) -> Coefficients:
    """Return the interior stencil of a derivative on unit spacing, in exact rationals.

    Parameters
    ----------
    order : int
        Order of the derivative.
    acc : int, optional
        Order of accuracy, 2 by default.
    scheme : scheme, optional
        ``Central()`` by default.

    Returns
    -------
    Coefficients
        With ``offsets``, ``weights``, ``accuracy`` and ``error``; the last two are computed from
        exact moments.

    Raises
    ------
    ValueError
        If the scheme has no such accuracy.
    TypeError
        If `order` or `acc` is not an integer.

    Examples
    --------
    >>> c = coefficients(2, acc=4)
    >>> [str(w) for w in c.weights]
    ['-1/12', '4/3', '-5/2', '4/3', '-1/12']
    >>> c.accuracy, c.error
    (4, (Fraction(-1, 90), 6))
    """
    for name, value in (("order", order), ("acc", acc)):
        if isinstance(value, bool) or not (value is None or hasattr(value, "__index__")):
            raise TypeError(f"coefficients needs an integer {name}, but got {value!r}")
    if order is None or order < 1:
        raise ValueError(f"coefficients needs an order of at least 1, but got {order!r}")
    used = Central() if scheme is None else scheme
    if not isinstance(used, Explicit):
        raise TypeError(f"coefficients needs a scheme such as Central(), but got {scheme!r}")
    offsets = used.offsets(order, used.claim(order, acc), Fraction(0))
    error = leading_error(order, offsets)
    exact = exact_weights(order, tuple(map(Fraction, offsets)))
    return Coefficients(offsets, exact, error[1] - order, error)
