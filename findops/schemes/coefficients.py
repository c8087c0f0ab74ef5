"""Coefficients of interior stencils on unit spacing."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from findops.common.arguments import as_integer
from findops.schemes.finite_differences import Central
from findops.schemes.scheme import Scheme

__all__ = ["Coefficients", "coefficients"]


@dataclass(frozen=True)
class Coefficients:
    """An exact stencil and what it is worth."""

    offsets: tuple[int, ...]
    weights: tuple[Fraction, ...]
    accuracy: int
    error: tuple[Fraction, int]
    """(C, q): the stencil gives u^(order) + C·h^(q−order)·u^(q) + higher terms."""
    left_offsets: tuple[int, ...] = (0,)
    left_weights: tuple[Fraction, ...] = (Fraction(1),)
    """What derivatives are multiplied by and summed up to equal the stencil's sum."""


def coefficients(order: int, acc: int | None = None, scheme: Scheme | None = None) -> Coefficients:
    """Return the interior stencil of a derivative on unit spacing, in exact rationals.

    Parameters
    ----------
    order : int
        Order of the derivative, at least 1, or 0 for a scheme that smooths.
    acc : int, optional
        Order of accuracy, 2 by default.
    scheme : scheme, optional
        ``Central()`` by default.

    Returns
    -------
    Coefficients
        With ``offsets``, ``weights``, ``accuracy`` and ``error``; the last two are computed from
        exact moments. Compact schemes have ``left_offsets`` and ``left_weights`` besides.

    Raises
    ------
    ValueError
        If the scheme has no such accuracy, or order and `acc` are more than 400 together.
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
    wanted = None if acc is None else as_integer(acc, "coefficients: acc")
    used = Central() if scheme is None else scheme
    if not isinstance(used, Scheme):
        raise TypeError(f"coefficients needs a scheme such as Central(), but got {scheme!r}")
    used.check_order(order)
    found = used.stencil(order, used.claim(order, wanted))
    error = found.error(order)
    offsets, left_offsets = (tuple(map(int, o)) for o in (found.offsets, found.left_offsets))
    return Coefficients(
        offsets, found.weights, error[1] - order, error, left_offsets, found.left_weights
    )
