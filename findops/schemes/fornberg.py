"""Finite-difference weights: one recursion over any number type."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import as_rational, is_symbolic
from findops.common.caches import cached_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from findops.common.arrays import Array, Floats
    from findops.schemes.rational import Fractions

__all__ = ["exact_weights", "row_weights", "weights"]

KEPT_BYTES = 1 << 22
"""Bytes of exact weights that are kept."""


def fornberg(order: int, nodes: Sequence[Any], one: Any) -> list[Any]:
    """Return the weights that turn values at `nodes` into the derivative at zero.

    The recursion of B. Fornberg, Math. Comp. 51 (1988) 699-706. Any type with field arithmetic
    will do: ``Fraction`` and SymPy expressions give exact weights, NumPy arrays those of many
    rows at once. That is what ``Any`` stands for here.
    """
    table = [[one] + [0 * one] * order]
    product = one
    for i in range(1, len(nodes)):
        previous, product = product, one
        here, before = nodes[i], nodes[i - 1]
        last = table[-1]
        for j in range(i):
            gap = here - nodes[j]
            product = product * gap
            row = table[j]
            table[j] = [
                (here * row[k] - k * row[k - 1]) / gap if k else here * row[0] / gap
                for k in range(order + 1)
            ]
        ratio = previous / product
        table.append(
            [
                ratio * (k * last[k - 1] - before * last[k]) if k else -ratio * before * last[0]
                for k in range(order + 1)
            ]
        )
    return [row[order] for row in table]


@cached_within(KEPT_BYTES)
def exact_weights(order: int, offsets: Fractions) -> Fractions:
    """Return the exact weights of the derivative at zero for rational nodes."""
    return tuple(fornberg(order, offsets, Fraction(1)))


def row_weights(order: int, nodes: NDArray[np.floating]) -> Floats:
    """Return floating-point weights for many rows of nodes (rows, points) at once.

    Nodes are relative to the point of evaluation. Extended precision, where the platform has it,
    keeps the weights within 1e-14 of each row's sum of magnitudes.
    """
    columns = list(np.moveaxis(nodes.astype(np.longdouble), -1, 0))
    one = np.ones(nodes.shape[:-1], dtype=np.longdouble)
    return np.stack([w.astype(np.float64) for w in fornberg(order, columns, one)], axis=-1)


def weights(order: int, offsets: Sequence[Any] | Array, at: Any = 0) -> Fractions:
    """Return the exact finite-difference weights for a derivative at one point.

    Parameters
    ----------
    order : int
        Order of the derivative, zero for interpolation.
    offsets : sequence of numbers or SymPy expressions
        The distinct nodes, more of them than `order`. Floats are taken as the exact rationals
        that they are.
    at : number or SymPy expression, optional
        Where the derivative is wanted.

    Returns
    -------
    tuple of fractions.Fraction
        One weight for each node, exact; ``float(w)`` is the correctly rounded weight. For
        symbolic nodes the weights are SymPy expressions.

    Raises
    ------
    ValueError
        If nodes coincide or are not finite, or if there are too few of them.
    TypeError
        If `order` is not an integer or a node is not a number.

    References
    ----------
    B. Fornberg, Generation of finite difference formulas on arbitrarily spaced grids,
    Math. Comp. 51 (1988) 699-706.

    Examples
    --------
    >>> [str(w) for w in weights(2, [-1, 0, 1])]
    ['1', '-2', '1']
    >>> [str(w) for w in weights(1, [0, 1, 2])]
    ['-3/2', '2', '-1/2']
    """
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)):
        raise TypeError(f"weights need an integer derivative order, but got {order!r}")
    nodes = list(offsets)
    if order < 0 or len(nodes) <= order:
        raise ValueError(
            f"a derivative of order {order} needs at least {max(order, 0) + 1} nodes and an order "
            f"of at least 0, but got {len(nodes)} nodes"
        )
    if is_symbolic(at) or any(is_symbolic(node) for node in nodes):
        return _symbolic_weights(int(order), nodes, at)
    center = as_rational(at)
    exact = tuple(as_rational(node) - center for node in nodes)
    if len(set(exact)) < len(exact):
        raise ValueError(f"weights need distinct nodes, but got {nodes}")
    return exact_weights(int(order), exact)


def _symbolic_weights(order: int, nodes: list[Any], at: Any) -> tuple[Any, ...]:
    import sympy

    # Never `sympify`, which evaluates strings.
    exact = [
        node if is_symbolic(node) else sympy.Rational(*as_rational(node).as_integer_ratio())
        for node in [at, *nodes]
    ]
    shifted = [sympy.expand(node - exact[0]) for node in exact[1:]]
    if len(set(shifted)) < len(shifted):
        raise ValueError(f"weights need distinct nodes, but got {nodes}")
    return tuple(sympy.factor(w) for w in fornberg(order, shifted, sympy.Integer(1)))
