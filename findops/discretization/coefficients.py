"""Coefficients as arrays at the points of a grid: constant, in the coordinates, or in time."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from findops.common.arguments import is_labeled, is_symbolic
from findops.common.arrays import library
from findops.discretization.half_points import at_half_points
from findops.expressions.expression import Coef, Expr
from findops.expressions.half_point_mean import HalfPointMean
from findops.grids.axes import Half
from findops.grids.points import lies_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from findops.common.arrays import Array, Bools, Floats
    from findops.grids.grid import Grid

__all__ = [
    "FieldSlot",
    "ValueInTime",
    "arguments",
    "axes_read",
    "direction_mask",
    "evaluate",
    "labeled_values",
    "ordered_values",
]


def evaluate(value: object, grid: Grid, what: str = "a coefficient") -> Array:
    """Return a coefficient's values, float64 or complex128, broadcastable to the grid.

    Raises
    ------
    ValueError
        If the shape does not fit the points, or a callable's parameters do not fit the axes.
    TypeError
        If the value is no coefficient.
    """
    if isinstance(value, HalfPointMean):
        nodes = grid.half(int(value.axis))
        return at_half_points(evaluate(value.coefficient, nodes, what), value, nodes, what)
    if isinstance(value, Expr) and not isinstance(value, Coef):
        raise TypeError(f"{what} needs a value, but {value!r} is an operator")
    plain = value.value if isinstance(value, Coef) else Coef(value).value
    if is_symbolic(plain):
        # Imported here, since SymPy takes long to load.
        from findops.discretization.symbolic_values import symbolic_values

        by_axis = dict(zip(grid.names, grid.coordinates(), strict=True))
        values = symbolic_values(plain, by_axis, what)
    elif callable(plain):
        values = _call(plain, *arguments(plain, grid, what), what)
    elif is_labeled(plain):
        values = labeled_values(plain, grid, what)
    else:
        values = float(plain) if not isinstance(plain, (np.ndarray, complex)) else plain
    return _checked(values, grid, what)


def _checked(values: object, grid: Grid, what: str) -> Array:
    """Return values, float64 or complex128, broadcastable to the grid, and refuse all others."""
    given = np.asarray(values)
    if isinstance(values, np.ma.MaskedArray) or not (
        given.dtype.kind in "biu" or given.dtype.char in "fdFD"
    ):
        raise TypeError(
            f"{what} must be an array of numbers in single or double precision, but its type is "
            f"{type(values).__name__} of {given.dtype}"
        )
    full = _broadcastable(given, grid, what)
    made: Array = full.astype(np.complex128 if given.dtype.kind == "c" else np.float64)
    made.flags.writeable = False
    return made


def _broadcastable(given: Any, grid: Grid, what: str) -> Any:
    """Return an array, of whichever library, that broadcasts to the grid, if its shape fits."""
    shape = tuple(given.shape)
    fits = len(shape) == grid.ndim and all(
        n in (1, m) for n, m in zip(shape, grid.shape, strict=True)
    )
    if shape and not fits:
        places = ", ".join(f"{grid.position(i)} of {grid.called(i)}" for i in range(grid.ndim))
        advice = "; Interpolate moves arrays there, and callables are evaluated there"
        raise ValueError(
            f"{what} has shape {shape}, but the points where it stands have shape {grid.shape} "
            f"({places}){advice * any(isinstance(axis, Half) for axis in grid.axes)}"
        )
    return given if shape else given[(None,) * grid.ndim]


# Labeled arrays -----------------------------------------------------------------------------------


def labeled_values(value: Any, grid: Grid, what: str) -> Array:
    """Return the values of a labeled array, its dimensions along the axes of their names."""
    for dim in value.dims:
        if dim not in grid.names:
            raise ValueError(
                f"{what} has the dimension {dim!r}, which is not among the axes {list(grid.names)}"
            )
        axis = grid.axes[grid.index(dim)]
        if dim in value.coords and not lies_at(axis, value.coords[dim].values):
            raise ValueError(
                f"{what}: its coordinates along {dim!r} are not those of the points where it stands"
            )
    return ordered_values(value, grid.names)


def ordered_values(value: Any, names: Sequence[object]) -> Array:
    """Return the values of a labeled array, with an axis of length 1 for dimensions it lacks."""
    arranged = value.transpose(*(name for name in names if name in value.dims)).values
    full: Array = np.expand_dims(
        arranged, tuple(i for i, name in enumerate(names) if name not in value.dims)
    )
    return full


# Functions of the coordinates ---------------------------------------------------------------------


def axes_read(value: object) -> frozenset[str] | None:
    """Return the names of the axes that a function of the coordinates reads.

    None where it does not tell them: it takes all axes, by position or by any name.
    """
    if is_symbolic(value):
        return frozenset(map(str, value.free_symbols))  # type: ignore[attr-defined]  # SymPy's
    parameters = _parameters(cast("Callable[..., object]", value)) or []
    if all(p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters):
        given = (p.name for p in parameters if p.kind is not p.KEYWORD_ONLY or p.default is p.empty)
        return frozenset(given) or None
    return None


def arguments(
    function: Callable[..., object], grid: Grid, what: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the coordinates that a function is called with, by position and by name."""
    coordinates = grid.coordinates()
    by_axis = dict(zip(map(str, grid.names), coordinates, strict=True))
    parameters = _parameters(function)
    if parameters is None:
        if isinstance(function, np.ufunc) and function.nin != grid.ndim:
            raise ValueError(_one_per_axis(what, function, grid, function.nin))
    elif grid.named and all(p.kind is p.POSITIONAL_ONLY and p.name in by_axis for p in parameters):
        return tuple(by_axis[p.name] for p in parameters), {}
    elif any(p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL) for p in parameters):
        pass
    elif grid.named:
        return (), _by_name(parameters, by_axis, what)
    else:
        positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        required = sum(p.default is p.empty for p in positional)
        if required != grid.ndim:
            raise ValueError(_one_per_axis(what, function, grid, required))
    return coordinates, {}


def _call(
    function: Callable[..., object], places: tuple[Any, ...], named: dict[str, Any], what: str
) -> object:
    """Return what a function makes of its arguments."""
    try:
        return function(*places, **named)
    except Exception as error:
        error.add_note(
            f"{what}: {function!r} receives arrays of coordinates; it must work on arrays, with "
            "np.sin for math.sin and np.where for if"
        )
        raise


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter] | None:
    """Return the parameters, None where they cannot be read."""
    if isinstance(function, np.ufunc):
        return None
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:
        return None


def _by_name(
    parameters: list[inspect.Parameter], coordinates: dict[str, Floats], what: str
) -> dict[str, object]:
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return dict(coordinates)
    unknown = [p.name for p in parameters if p.name not in coordinates and p.default is p.empty]
    if unknown:
        raise ValueError(
            f"{what}: the parameters of a function must be names of axes, but {unknown} are not "
            f"among {list(coordinates)}"
        )
    # A keyword-only parameter with a value, as functools.partial leaves it, keeps that value.
    return {
        p.name: coordinates[p.name]
        for p in parameters
        if p.name in coordinates and (p.kind is not p.KEYWORD_ONLY or p.default is p.empty)
    }


def _one_per_axis(what: str, function: object, grid: Grid, count: int) -> str:
    return (
        f"{what}: {function!r} must take one coordinate per axis, by position: {grid.ndim}, but it "
        f"takes {count}"
    )


# Named fields -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FieldSlot:
    """Where a named field stands: at the points of a grid, as a factor or as the sign of a flow."""

    name: str
    grid: Grid
    positive: bool | None = None
    """Select where the field is positive or zero (True) or negative (False); None multiplies."""
    mean: HalfPointMean | None = None
    """What brings the field to half points, if it is given at the nodes."""

    def __call__(self, value: object) -> Array:
        what = f"field {self.name!r}"
        if self.mean is not None:
            return self._mean_of(value, self.mean, what)
        if library(value) in (None, "dask"):
            values = evaluate(value, self.grid, what)
        else:
            # Kept as it is, so that gradients go through.
            values = _broadcastable(value, self.grid, what)
        return values if self.positive is None else direction_mask(values, self.positive)

    def _mean_of(self, value: object, mean: HalfPointMean, what: str) -> Array:
        if (given := library(value)) not in (None, "dask"):
            raise TypeError(
                f"{what}: means at half points are taken of NumPy's arrays, not of those of "
                f"{given}: give it at half points, without mean="
            )
        nodes = self.grid.half(int(mean.axis))
        return at_half_points(evaluate(value, nodes, what), mean, nodes, what)


def direction_mask(velocity: Array, positive: bool) -> Bools:
    """Return where a velocity is positive or zero, or where it is negative.

    Raises
    ------
    TypeError
        If the velocity is complex.
    ValueError
        If some of it is NaN.
    """
    if "complex" in str(velocity.dtype):
        raise TypeError("an upwind scheme needs a real velocity, but it is complex")
    # Values of other libraries may not be known yet.
    if isinstance(velocity, np.ndarray) and np.isnan(velocity).any():
        raise ValueError("an upwind scheme needs a velocity everywhere, but some are NaN")
    negative = velocity < 0
    return ~negative if positive else negative


# Values in time -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ValueInTime:
    """A value on a grid: a coefficient, or a function of the coordinates and of the time `t`.

    Called with a time, it gives an array that broadcasts to the grid. What its function reads is
    found once: values are asked for at every step.

    Parameters
    ----------
    value : number, array or callable
    grid : Grid
        Where the values are.
    what : str
        What messages say of it.
    """

    value: Any
    grid: Grid
    what: str

    @cached_property
    def steady(self) -> bool:
        """Whether it is the same at all times: no parameter is called `t`, or an axis is."""
        if not callable(self.value) or "t" in self.grid.names:
            return True
        return "t" not in {parameter.name for parameter in _parameters(self.value) or ()}

    def __call__(self, t: float | None) -> Array:
        """Return the values at a time.

        Raises
        ------
        TypeError
            If it depends on time, and none is given.
        """
        if self.steady:
            return self._steady_values
        if t is None:
            raise TypeError(f"{self.what} depends on time: give t=")
        places, named = self._arguments
        values = _call(self.value, places, {**named, "t": t}, self.what)
        return _checked(values, self.grid, self.what)

    @cached_property
    def _steady_values(self) -> Array:
        return evaluate(self.value, self.grid, self.what)

    @cached_property
    def _arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return arguments(partial(self.value, t=0.0), self.grid, self.what)
