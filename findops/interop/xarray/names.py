"""Names of dimensions and components to which an expression refers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from findops.common.arguments import is_labeled
from findops.discretization.coefficients import axes_read
from findops.expressions.block import Tensor
from findops.expressions.components import Compound
from findops.expressions.expression import AlongAxis, Coef, Product, Sum, rewrite, walk
from findops.expressions.vector_calculus import Curl, Differential

if TYPE_CHECKING:
    from collections.abc import Iterator

    from findops.expressions.expression import Expr

__all__ = [
    "check_orientation",
    "coefficient_dims",
    "component_names",
    "coordinate_functions",
    "derivative_axes",
    "takes_all_axes",
    "with_axes",
]

ComponentNames = tuple[str, ...] | None


def takes_all_axes(expr: Expr) -> bool:
    """Tell whether an operator in it names no axes, and so takes all."""
    return any(isinstance(node, Compound) and node.axes is None for node in walk(expr))


def with_axes(expr: Expr, axes: tuple[str, ...]) -> Expr:
    """Return an expression whose operators without axes have these."""

    def change(node: Expr) -> Expr:
        if isinstance(node, Differential) and node.axes is None:
            return node.along(axes)
        return node

    return rewrite(expr, change) if takes_all_axes(expr) else expr


def check_orientation(expr: Expr) -> None:
    """Refuse a curl without axes, whose sign the order of the dimensions would decide."""
    for node in walk(expr):
        if isinstance(node, Curl) and node.axes is None:
            raise ValueError(
                f"{expr!r}: the order of its axes is the orientation of a curl: name them, as in "
                'Curl(["x", "y"])'
            )


def derivative_axes(expr: Expr) -> set[str]:
    """Return the names of the axes along which an expression acts.

    Raises
    ------
    TypeError
        If one is an index.
    """
    axes: list[Any] = []
    for node in walk(expr):
        if isinstance(node, AlongAxis):
            axes.append(node.axis)
        elif isinstance(node, Compound):
            axes.extend(node.axes or ())
    for axis in axes:
        if not isinstance(axis, str):
            raise TypeError(f"{expr!r}: the axes of labeled arrays have names, but one is {axis!r}")
    return set(axes)


def coefficient_dims(expr: Expr) -> set[str]:
    """Return the dimensions of the labeled arrays in an expression."""
    arrays = (node.value for node in walk(expr) if isinstance(node, Coef))
    return {str(dim) for array in arrays if is_labeled(array) for dim in array.dims}


def coordinate_functions(expr: Expr) -> Iterator[tuple[Coef, frozenset[str]]]:
    """Yield the functions of coordinates in an expression, and what their parameters are called.

    Raises
    ------
    TypeError
        If parameters have no names to go by.
    """
    for node in walk(expr):
        if isinstance(node, Coef) and node.needs_coordinates:
            names = axes_read(node.value)
            if names is None:
                raise TypeError(
                    f"{expr!r}: with labeled arrays a function of the coordinates names what it "
                    f"reads, as in lambda x, y: …, but {node.value!r} takes any"
                )
            yield node, names


def component_names(expr: Expr, given: ComponentNames, reads: bool) -> ComponentNames:
    """Return what the components are called that an expression gives, or that it reads.

    Parameters
    ----------
    expr : expression
        Its axes have names.
    given : names, optional
        Those of the components that it is applied to, where it keeps them.
    reads : bool
        Whether the components that it reads are asked for.

    Returns
    -------
    tuple of str, or None where they have no names of their own

    Raises
    ------
    ValueError
        If its terms order them differently.
    """
    match expr:
        case Sum():
            found = [component_names(term, None, reads) for term in expr.terms]
            orders = sorted({names for names in found if names is not None})
            if len(orders) > 1:
                raise ValueError(
                    f"the terms of {expr!r} order their components differently: {orders}"
                )
            return orders[0] if orders else given
        case Product():
            for factor in reversed(expr.factors) if reads else expr.factors:
                # A tensor of coefficients gives components of the same axes as it reads.
                if isinstance(factor, Compound) and not isinstance(factor, Tensor):
                    names = component_names(factor, (), reads)
                    if names != ():
                        return names
            return given
    if not isinstance(expr, Compound) or not (expr.rank_in if reads else expr.rank_out):
        return given
    if isinstance(expr, Differential):
        return tuple(map(str, expr.axes or ()))
    return given if isinstance(expr, Tensor) else None
