"""Conditions on fields: what is given on faces, at points or in the mean; interfaces of blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import as_integer, type_name
from findops.discretization.coefficients import ValueInTime
from findops.expressions.derivative import Diff, Interpolate
from findops.expressions.expression import Coef, Identity, as_expr
from findops.grids.axes import Half
from findops.grids.points import ChebyshevPoints, Points
from findops.schemes import SPECTRAL, Chebyshev

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from findops.expressions.expression import Expr
    from findops.grids.grid import Grid

__all__ = [
    "Condition",
    "Dirichlet",
    "Interface",
    "Neumann",
    "NoCondition",
    "Place",
    "Robin",
    "Trace",
    "as_conditions",
]


@dataclass(frozen=True, eq=False, repr=False)
class Condition:
    """Given values of an expression at some points, in place of the equation there.

    Of several conditions those without derivatives come first, then the others in their order: a
    point on several faces belongs to the first condition that claims it. A second condition on a
    face takes the row of points next to it, a third the one after that.

    Parameters
    ----------
    where : str or array of bool
        A face such as ``"x-"``, ``"boundary"`` for every face, or a mask of the grid's shape.
        ``"mean"``: the mean over the grid has that value, which an unknown constant, added to the
        equation, brings about (a Lagrange multiplier).
    expression : Expr or coefficient
        What is given there.
    value : number, array or callable
        Its values: one, an array of the face's shape (for a mask, one for each point), a field
        whose values on the face are meant, where points stand on it, or a function of the
        coordinates and of the time `t`. A mean is one number.
    component : int, optional
        The component whose equation it replaces, where fields have several; by default each.

    Raises
    ------
    TypeError
        If `where` is neither a name nor a mask, or `value` is nothing that can be given.
    ValueError
        If a mask is empty, a slope is given where there is no face, or a number is not finite.

    Examples
    --------
    >>> from findops import Diff
    >>> print(Condition("x+", Diff("x", 2), 0))
    ∂x² u = 0 on x+
    """

    where: Any
    expression: Any
    value: Any = 0
    component: int | None = None

    def __post_init__(self) -> None:
        where = self.where
        if not isinstance(where, str):
            where = np.array(where)
            if where.dtype == bool and not where.any():
                raise ValueError("a condition's mask must choose some points, but chooses none")
            if where.dtype != bool:
                raise TypeError(
                    "a condition stands on a face, on 'boundary' or on a mask of booleans, not "
                    f"{type_name(self.where)} of {where.dtype}"
                )
            where.flags.writeable = False
        object.__setattr__(self, "where", where)
        if not isinstance(self.expression, Trace):
            object.__setattr__(self, "expression", as_expr(self.expression))
        if not callable(self.value):
            value = np.array(self.value)
            if value.dtype.kind not in "biufc":
                raise TypeError(
                    f"{self._left()}: a value is a number, an array or a function, "
                    f"not {type_name(self.value)}"
                )
            if not value.ndim and not np.isfinite(value):
                raise ValueError(
                    f"{self._left()} {self._placed()}: its value must be finite, but is {value}"
                )
            value.flags.writeable = False
            object.__setattr__(self, "value", value)
        if self.component is not None:
            object.__setattr__(self, "component", as_integer(self.component, "a component"))
        self._check_trace()

    def _check_trace(self) -> None:
        """Refuse traces where there is no face."""
        if not isinstance(self.expression, Trace):
            return
        if self.is_mean:
            raise ValueError(f"{self!r}: a face is needed; Condition('mean', 1, value) gives means")
        if not isinstance(self.where, str) and self.differentiates:
            raise ValueError(
                f"{self!r}: a mask has no normal; give the derivative that is meant, as in "
                "Condition(mask, Diff('x'), value)"
            )

    @property
    def is_mean(self) -> bool:
        """Whether it holds in the mean, not point by point."""
        return isinstance(self.where, str) and self.where == "mean"

    @property
    def differentiates(self) -> bool:
        """Whether more than the field itself is given."""
        if isinstance(self.expression, Trace):
            return bool(self.expression.b != Coef(0))
        return not self.expression.multiplies

    def places(self, grid: Grid) -> Iterator[Place]:
        """Yield the faces of a grid that it is on, or the points; nothing for a mean.

        Raises
        ------
        ValueError
            If the grid has no such face, or another shape.
        """
        if self.is_mean:
            return
        if isinstance(self.where, str):
            for face in self._faces(grid):
                axis = grid.axes[grid.face_axis(face)]
                yield Place(face, grid.face(face), axis.walls[0] == axis.origin)
        elif self.where.shape != grid.shape:
            raise ValueError(
                f"{self!r}: its mask has shape {self.where.shape}, but the grid {grid.shape}"
            )
        else:
            yield Place(None, self.where)

    def _faces(self, grid: Grid) -> tuple[str, ...]:
        """Return the names of its faces: one, or all that a grid has."""
        if self.where != "boundary":
            return (self.where,)
        if not grid.faces:
            raise ValueError(f"{self!r}: every axis of {grid!r} is periodic, it has no face")
        return grid.faces

    def on(self, grid: Grid, place: Place, acc: int) -> Expr:
        """Return what is given at a place, traces of an order of accuracy."""
        if not isinstance(self.expression, Trace):
            expression: Expr = self.expression
            return expression
        if place.face is not None:
            return self.expression.on(grid, place.face, acc)
        return self.expression.a

    def given(self, where: Grid, place: Place) -> ValueInTime:
        """Return the given values on the grid of a place, at any time; `where` is that grid."""
        value = self.value
        if not callable(value) and value.ndim:
            value = self._spread(value, where, place)
        return ValueInTime(value, where, repr(self))

    def _spread(self, values: NDArray[Any], where: Grid, place: Place) -> NDArray[Any]:
        """Return an array of given values in the shape of the grid of a place."""
        if place.face is None:
            count = int(place.mask.sum())
            if values.shape != (count,):
                raise ValueError(
                    f"{self!r}: its values have shape {values.shape}, but its mask has {count} "
                    "points"
                )
            spread = np.zeros(where.shape, values.dtype)
            spread[place.mask] = values
            return spread
        i, shape = where.face_axis(place.face), where.shape
        face = shape[:i] + shape[i + 1 :]
        if values.shape == place.mask.shape and place.on_points:
            return values.take([0 if place.face.endswith("-") else -1], i)
        if values.shape not in (shape, face):
            raise ValueError(
                f"{self!r}: its values have shape {values.shape}, but the face has {face}"
                + ", and no points of the grid" * (not place.on_points)
            )
        return values.reshape(shape)

    def mean(self, t: float | None) -> NDArray[Any]:
        """Return the mean that is given, (1,)."""
        given = np.asarray(self.value)
        if callable(self.value):
            if t is None:
                raise TypeError(f"{self!r} depends on time: give t=")
            given = np.asarray(self.value(t))
        if given.ndim or given.dtype.kind not in "biufc":
            raise ValueError(f"{self!r}: a mean is one number, not {self.value!r}")
        return given.reshape(1)

    def _left(self) -> str:
        if self.expression == Identity():
            return "u"
        applied = "" if isinstance(self.expression, Trace) else " u"
        return f"{self.expression}{applied}"

    def _placed(self) -> str:
        if self.is_mean:
            return "in the mean"
        return f"on {self.where if isinstance(self.where, str) else f'{self.where.sum()} points'}"

    def __str__(self) -> str:
        if callable(self.value):
            value = getattr(self.value, "__name__", repr(self.value))
        else:
            value = f"{self.value:g}" if self.value.ndim == 0 else "given values"
        part = "" if self.component is None else f" (component {self.component})"
        return f"{self._left()} = {value} {self._placed()}{part}"

    def __repr__(self) -> str:
        return f"<{self}>"


def Dirichlet(face: Any, value: Any = 0, component: int | None = None) -> Condition:  # noqa: N802
    """Return the condition u = value.

    Parameters
    ----------
    face : str or array of bool
        A face, ``"boundary"`` for every face, or a mask.
    value, component
        As in `Condition`.

    Examples
    --------
    >>> print(Dirichlet("x-", 1))
    u = 1 on x-
    """
    return Condition(face, Trace(Identity(), Coef(0)), value, component)


def Neumann(face: Any, value: Any = 0, component: int | None = None) -> Condition:  # noqa: N802
    """Return the condition ∂u/∂n = value, n being the outward normal.

    Parameters
    ----------
    face : str
        A face, or ``"boundary"`` for every face.
    value, component
        As in `Condition`.

    Examples
    --------
    >>> print(Neumann("x+"))
    ∂u/∂n = 0 on x+
    """
    return Condition(face, Trace(Coef(0), Identity()), value, component)


def Robin(  # noqa: N802
    face: Any, a: Any, b: Any, value: Any = 0, component: int | None = None
) -> Condition:
    """Return the condition a·u + b·∂u/∂n = value, n being the outward normal.

    Parameters
    ----------
    face : str
        A face, or ``"boundary"`` for every face.
    a, b : coefficient
        Their factors.
    value, component
        As in `Condition`.

    Raises
    ------
    ValueError
        If both factors are zero.

    Examples
    --------
    >>> print(Robin("y-", 2, 1, 5))
    2·u + ∂u/∂n = 5 on y-
    """
    trace = Trace(as_expr(a), as_expr(b))
    if all(part == Coef(0) for part in trace.parts):
        raise ValueError(f"Robin({face!r}, 0, 0) says nothing: give a factor of u or of ∂u/∂n")
    return Condition(face, trace, value, component)


@dataclass(frozen=True, eq=False, repr=False)
class NoCondition(Condition):
    """A face where nothing is given, since the equation itself holds there.

    So it does where it degenerates: at r = 0 in polar coordinates, where a price or a variance is
    zero, at x = ±1 in Legendre's equation. The opposite face needs at least half as many conditions
    as the equation differentiates along the axis. Coefficients must be finite at the nodes: where
    they are infinite on the face, take `Cells`, whose nodes lie beside it. So does a `Diffusion`
    whose coefficient vanishes on the face, as it reads the flux beside it only; or take it natural.

    Parameters
    ----------
    where : str
        A face, or ``"boundary"`` for every face.

    Raises
    ------
    TypeError
        If `where` is no name of a face.

    Examples
    --------
    Legendre's equation has the eigenvalues −l (l + 1):

    >>> from findops import EVP, Cells, Diffusion, Grid
    >>> line = Grid(x=Cells(-1, 1, 100))
    >>> legendre = EVP(Diffusion(lambda x: 1 - x**2), line, NoCondition("boundary"))
    >>> abs(legendre.solve(3).values.round(3))
    array([0., 2., 6.])
    """

    where: str
    expression: Any = field(default=Identity(), init=False)
    value: Any = field(default=0, init=False)
    component: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.where, str) or self.where == "mean":
            raise TypeError(f"NoCondition needs a face such as 'x-', not {self.where!r}")
        super().__post_init__()

    def places(self, grid: Grid) -> Iterator[Place]:
        """Yield nothing: no equation is replaced."""
        self.faces(grid)
        yield from ()

    def faces(self, grid: Grid) -> tuple[str, ...]:
        """Return the faces of a grid that need no condition.

        Raises
        ------
        ValueError
            If the grid has no such face.
        """
        found = self._faces(grid)
        for face in found:
            grid.face_axis(face)
        return found

    def __str__(self) -> str:
        return f"no condition on {self.where}"


@dataclass(frozen=True, eq=False, repr=False)
class Interface(Condition):
    """Two components that meet on faces: the field and its flux go on from one to the other.

    Each component lives on a block of its own; the grid is a copy of both. It is imposed weakly.

    Parameters
    ----------
    where, other : str
        The face of the first component, and that of the second, at the ends of the same axis.
    components : tuple of int
        The two components.
    lengths : tuple of float
        How long the grid's unit of length is in either block.

    Raises
    ------
    TypeError
        If components or lengths are not two.
    ValueError
        If the components are the same, or a length is not positive.

    Examples
    --------
    >>> print(Interface("x+", "x-", (0, 1)))
    component 0 on x+ = component 1 on x-
    """

    where: str
    expression: Any = field(default=Identity(), init=False)
    value: Any = field(default=0, init=False)
    component: int | None = field(default=None, init=False)
    other: str
    components: tuple[int, int]
    lengths: tuple[float, float] = (1, 1)

    def __post_init__(self) -> None:
        for what in ("components", "lengths"):
            pair = getattr(self, what)
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(f"an interface needs two {what}, as a tuple, not {pair!r}")
        first, second = (as_integer(c, "a component") for c in self.components)
        if first == second:
            raise ValueError(f"an interface needs two components, not {first} twice")
        if not all(0 < length < math.inf for length in self.lengths):
            raise ValueError(f"an interface needs positive lengths, not {self.lengths}")
        object.__setattr__(self, "components", (first, second))
        object.__setattr__(self, "lengths", tuple(self.lengths))
        object.__setattr__(self, "component", first)
        super().__post_init__()

    def on(self, grid: Grid, place: Place, acc: int) -> Expr:  # noqa: ARG002  # it is never imposed so
        raise ValueError(f"{self!r}: two blocks are coupled weakly, with impose='sat'")

    def __str__(self) -> str:
        first, second = self.components
        return f"component {first} on {self.where} = component {second} on {self.other}"


@dataclass(frozen=True)
class Trace:
    """a·u + b·∂u/∂n on a face, n being the outward normal."""

    a: Expr
    b: Expr

    @property
    def parts(self) -> tuple[Expr, Expr]:
        """Both factors."""
        return self.a, self.b

    def on(self, grid: Grid, face: str, acc: int) -> Expr:
        """Return the expression for a face, of an order of accuracy, or the highest that fits.

        `SPECTRAL` asks for the derivative of the polynomial through Chebyshev points.
        """
        i = grid.face_axis(face)
        name, axis = grid.names[i], grid.axes[i]
        upper = face.endswith("+")
        outward = 1 if upper == axis.ascending else -1
        value: Expr
        slope: Expr
        fitting = min(acc, max(2, (len(axis) - 1) // 2 * 2))
        if acc == SPECTRAL and isinstance(axis, ChebyshevPoints):
            value, slope = Identity(), Diff(name, scheme=Chebyshev())
        elif axis.walls[0] == axis.origin:
            value, slope = Identity(), Diff(name, 1, fitting)
        else:
            # The face lies half a spacing beyond the points.
            to = "node" if isinstance(axis, Half) else "half"
            value = Interpolate(name, to, fitting)
            slope = Diff(name, 1, fitting, to=to)
        return self.a * value + outward * self.b * slope

    def __str__(self) -> str:
        terms = [(self.a, "u"), (self.b, "∂u/∂n")]
        parts = (n if c == Identity() else f"{c}·{n}" for c, n in terms if c != Coef(0))
        return " + ".join(parts)


@dataclass(frozen=True, eq=False)
class Place:
    """Where a condition holds: a face of the grid, or points inside.

    Parameters
    ----------
    face : str or None
        Name of the face, None for points inside.
    mask : array of bool
        The points, in the shape of the grid.
    on_points : bool
        Whether they are where it holds: the wall of cells is half a spacing away from them.
    """

    face: str | None
    mask: NDArray[np.bool_]
    on_points: bool = True

    def grid(self, points: Grid) -> Grid:
        """Return the grid of the face that an expression with values at `points` is given on.

        For points inside, it is the whole one.
        """
        if self.face is None:
            return points
        i = points.face_axis(self.face)
        end = points.axes[i].coordinates[0 if self.face.endswith("-") else -1]
        return points.replace(i, Points([end]))

    def flat(self, values: NDArray[Any], where: Grid) -> NDArray[Any]:
        """Return values that broadcast to its grid, at its points, flat."""
        spread = np.broadcast_to(values, where.shape)
        return spread[self.mask] if self.face is None else spread.ravel()


def as_conditions(conditions: Any) -> tuple[Condition, ...]:
    """Return conditions, one or several, as a tuple.

    Raises
    ------
    TypeError
        If something is no condition.
    """
    if isinstance(conditions, (str, dict, Condition)) or not hasattr(conditions, "__iter__"):
        conditions = (conditions,)
    given = tuple(conditions)
    for condition in given:
        if not isinstance(condition, Condition):
            raise TypeError(f"conditions are Dirichlet(…), Neumann(…), …, not {condition!r}")
    return given
