"""NumPy's `gradient`, with any order of accuracy."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arrays import as_field
from findops.expressions.derivative import Diff
from findops.grids.spacing import as_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from findops.common.arrays import Array

__all__ = ["gradient"]


def gradient(
    f: ArrayLike,
    *varargs: float | ArrayLike,
    axis: int | Sequence[int] | None = None,
    edge_order: int | None = None,
    acc: int = 2,
) -> Array | tuple[Array, ...]:
    """Return the gradient of an array, by the conventions of ``numpy.gradient``.

    One default differs: the edges have the accuracy of the interior, while NumPy's have order 1.
    ``edge_order=1`` gives NumPy's default result.

    Parameters
    ----------
    f : array_like
        Values on a grid.
    *varargs : float or 1-D array
        Nothing for unit spacing, one spacing for all axes, or for each axis a spacing or the
        coordinates, descending too.
    axis : int or sequence of int, optional
        The axes to differentiate along; all by default.
    edge_order : int, optional
        Order of accuracy at the edges, `acc` by default.
    acc : int
        Order of accuracy, even.

    Returns
    -------
    array or tuple of arrays
        A tuple, one derivative per axis, unless there is one axis.

    Raises
    ------
    ValueError
        If an axis is too short, repeated or out of range, or coordinates do not fit.
    TypeError
        If the number of spacings does not fit the number of axes.

    Examples
    --------
    >>> gradient([1.0, 2.0, 4.0, 7.0, 11.0])
    array([0.5, 1.5, 2.5, 3.5, 4.5])
    """
    # SciPy comes with bound operators, and only once there is one.
    from findops.operators.binding import bind_once

    values = as_field(f)
    if not values.ndim:
        raise ValueError("gradient needs an array with at least one axis, but got a 0-d one")
    if edge_order is not None and edge_order < 1:
        raise ValueError(f"gradient: edge_order must be at least 1, but is {edge_order}")
    axes = _axes(axis, values.ndim)
    parts = _spacings(varargs, len(axes))
    results = []
    for i, spacing in zip(axes, parts, strict=True):
        # The other axes are batch, so that they may even be empty.
        name = f"axis {i}"
        grid = as_grid({name: spacing}, values.shape[i : i + 1])
        closure = "accurate" if edge_order is None else edge_order
        try:
            op = bind_once(Diff(name, acc=acc), grid, closure, {})
        except ValueError as error:
            raise ValueError(f"gradient, acc={acc}, edge_order={edge_order}: {error}") from None
        results.append(np.moveaxis(op(np.moveaxis(values, i, -1)), -1, i))
    return results[0] if len(results) == 1 else tuple(results)


def _axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    chosen = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    return np.lib.array_utils.normalize_axis_tuple(chosen, ndim)


def _spacings(varargs: tuple[Any, ...], count: int) -> Sequence[Any]:
    if not varargs:
        return [1.0] * count
    varargs = tuple(v.item() if isinstance(v, np.ndarray) and v.ndim == 0 else v for v in varargs)
    if len(varargs) == 1 and isinstance(varargs[0], Real):
        return list(varargs) * count
    if len(varargs) != count:
        raise TypeError(
            f"gradient needs no spacing, one number, or one for each of {count} axes, but got "
            f"{len(varargs)}"
        )
    return varargs
