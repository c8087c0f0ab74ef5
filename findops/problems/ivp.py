"""Initial-value problems: u_t = L u + …, u_tt = L u + … or u_t = f(t, u), under conditions."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from findops.common.arguments import as_boolean, type_name
from findops.conditions.conditions import as_conditions
from findops.conditions.counting import check_conditions
from findops.conditions.elimination import EliminationSystem
from findops.conditions.field_values import FieldValues
from findops.discretization.positions import starts
from findops.expressions.components import expand
from findops.expressions.expression import (
    AlongAxis,
    Discrete,
    Expr,
    check_fields,
    factors_of,
    terms_of,
)
from findops.grids.grid import Grid
from findops.masked.operator import Masked
from findops.problems.evolution.integrate import (
    IntegrationOptions,
    Trajectory,
    initial_field,
    integrate,
    output_times,
)
from findops.problems.evolution.semidiscrete import (
    SecondOrderSystem,
    SemidiscreteSystem,
    Source,
    StaggeredSource,
)
from findops.problems.evolution.stable_closures import ClosureChoice
from findops.problems.functions import check_function
from findops.problems.holes import check_masked
from findops.problems.staggered import check_elimination, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import ArrayLike
    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem, Impose
    from findops.conditions.conditions import Condition
    from findops.expressions.expression import Closures, Positions
    from findops.operators.staggered_fields import Fields
    from findops.problems.functions import RightHandSide


__all__ = ["IVP"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class IVP:
    """The problem u_t = f in a grid, under conditions; u_tt = f, if v0 is given.

    Parameters
    ----------
    f : Expr, Masked or callable
        A linear operator L; one with holes, ``op.masked(mask)``, which keeps its closures, with NaN
        at all but its valid points; or the whole right-hand side f(t, u) on full fields.
    grid : Grid
        Where the field lives.
    conditions : Condition or iterable of them
        They hold at every time, in place of the equation at their points. Points beside holes need
        conditions as faces do, such as ``Dirichlet`` on a mask of them, where second derivatives or
        flow come from there: nobody counts these.
    source : number, array, function, or one of these for each component
        Added to the right-hand side; a function of the coordinates and of the time `t`.
    explicit : callable, optional
        (t, u) ↦ field, added to the right-hand side; "imex" does not solve for it.
    closure : str, int or dict by face, optional
        What happens where stencils of L stick out, as in ``L.on``. By default odd and even
        continuation where the whole problem allows it, in systems without source for each
        component, corrected by what conditions, source and equation say of the field at a wall, and
        elsewhere stencils as accurate as inside, or of the highest accuracy for which no mode grows
        but the equation's own; the attribute `closure` tells which,
        and that of a `Trajectory`, since an equation of second order in time may need another.
        The equation would say it by derivatives of data in time: beyond acc 2 nothing is continued
        where conditions move, beyond acc 4 where the source does.
        Of what `explicit` adds nothing is known at a wall: beyond acc 2 nothing is continued then.
    impose : {"elimination", "sat"}
        How the conditions are imposed on L: with ``"sat"`` weakly, as in ``op.subject_to``, so that
        derivatives that sum by parts never make modes grow.
    components : tuple of int
        Shape of the component axes, where f is a function; `solve` reads it from its data.
    acc : int
        Accuracy of the slopes in conditions, where f is a function.
    at : list of axis, tuple of axes, or None
        For each component of L the axes along which it stands at half points, as in ``L.on``;
        conditions then are as in `BVP`. Fields are tuples of arrays, also in `explicit`, `callback`
        and `store`, and in the solution with the time first.
    **fields
        Values of the free fields of L.

    Raises
    ------
    ValueError
        If a face lacks its condition, or there are too many, or a shape does not fit.
    TypeError
        If f is neither an expression nor a function, or `grid` no grid.

    Notes
    -----
    Where slopes are given and the field is continued, what the grid's weights find in it changes by
    what the slopes let in and the source brings, to roundoff at acc 2, and at higher accuracy where
    slopes are steady and there is no source. Elsewhere it does so to the order.

    A float32 field is integrated in double precision, as SciPy does; complex data, operators and
    sources make the result complex.

    Examples
    --------
    >>> from findops import Diff, Dirichlet, Uniform
    >>> rod = Grid(x=Uniform(0, 1, 41))
    >>> heat = IVP(Diff("x", 2, acc=4), rod, Dirichlet("boundary"))
    >>> (x,) = rod.mesh()
    >>> found = heat.solve(np.sin(np.pi * x), [0, 0.1], "crank-nicolson", dt=0.001)
    >>> float(found.u[-1].max().round(4)), float(np.exp(-0.1 * np.pi**2).round(4))
    (0.3727, 0.3727)
    >>> heat.closure
    {'x-': 'odd', 'x+': 'odd'}
    """

    f: Expr | Masked | RightHandSide
    grid: Grid
    conditions: tuple[Condition, ...]
    source: object
    explicit: RightHandSide | None
    components: tuple[int, ...]
    acc: int
    impose: Impose
    _given_closure: Closures | None
    _fields: dict[str, object]
    _at: Positions
    _staggered: bool
    """Whether components stand at points of their own, as `at` says."""

    def __init__(
        self,
        f: Expr | Masked | RightHandSide,
        grid: Grid,
        conditions: Condition | Iterable[Condition] = (),
        *,
        source: object = 0,
        explicit: RightHandSide | None = None,
        closure: Closures | None = None,
        impose: Impose = "elimination",
        components: tuple[int, ...] = (),
        acc: int = 2,
        at: Positions = None,
        **fields: object,
    ) -> None:
        linear, staggered = isinstance(f, (Expr, Masked)), False
        if not linear and (isinstance(f, Discrete) or not callable(f)):
            raise TypeError(
                "IVP needs an expression or a function such as lambda t, u: op(u), not "
                f"{type_name(f)}"
            )
        if not isinstance(grid, Grid):
            raise TypeError(f"IVP needs a Grid, not {type_name(grid)}")
        if impose not in ("elimination", "sat"):
            raise ValueError(f"in time, impose must be 'elimination' or 'sat', not {impose!r}")
        check_function("f", None if isinstance(f, (Expr, Masked)) else f)
        check_function("explicit", explicit)
        listed = as_conditions(conditions)
        means = [condition for condition in listed if condition.is_mean]
        if means:
            raise ValueError(f"{means[0]!r}: in time a mean follows from the equation itself")
        if isinstance(f, Masked):
            own = {"components": components or None, "acc": None if acc == 2 else acc}
            check_masked(f, grid, {"closure": closure, "at": at, **own, **fields})
        elif not isinstance(f, Expr):
            if explicit is not None:
                raise TypeError("explicit= goes with an expression; add it to the function f")
            if closure is not None or impose != "elimination" or at is not None or fields:
                raise TypeError(
                    f"a function f(t, u) binds its own operators: closure=, impose=, at= and "
                    f"{sorted(fields)} belong there"
                )
        else:
            if components or acc != 2:
                raise TypeError(
                    "components= and acc= go with a function f(t, u); an expression knows its own"
                )
            check_fields(f, fields)
            grid, staggered = settled(f, grid, at)
            if staggered:
                check_elimination(f, impose)
            elif closure in (None, "accurate") or isinstance(closure, int):
                check_conditions(f, grid, listed)
        vars(self).update(
            f=f,
            grid=grid,
            conditions=listed,
            source=source,
            explicit=explicit,
            components=tuple(components),
            acc=acc,
            impose=impose,
            _given_closure=closure,
            _fields=fields,
            _at=at,
            _staggered=staggered,
        )

    @property
    def closure(self) -> Closures | None:
        """What happens where stencils stick out, for u_t = f; None where f is a function."""
        return None if self._closure_choice is None else self._closure_choice.chosen(False).closure

    def fun(self, t: float, x: Array) -> Array:
        """Return x' (n,) for the free unknowns x (n,) at a time, as other integrators want it.

        The free unknowns are those that no condition determines: ``x = ivp.restrict(u)``.
        """
        return self._semidiscrete(t, x)

    def restrict(self, u: Fields) -> Array:
        """Return the free unknowns of a field, (n,)."""
        system = self._semidiscrete.system
        return system.restrict(system.packed(u, "u"))

    def lift(self, x: ArrayLike, t: float | None = None) -> Fields:
        """Return the field of the free unknowns at a time, (*components, *grid)."""
        system = self._semidiscrete.system
        return system.unpacked(system.lift(x, t))

    def jac(self, t: float, x: Array) -> csr_array:
        """Return the derivative of `fun` with respect to x, (n, n)."""
        return self._semidiscrete.jacobian(t, x)

    @property
    def jac_sparsity(self) -> csr_array:
        """The pattern of `jac`, (n, n)."""
        # Fields of ordinary size, at which functions are usually finite.
        x = np.random.default_rng(0).uniform(0.5, 1.5, self._semidiscrete.size)
        return self._semidiscrete.pattern(0.0, x)

    def solve(
        self,
        u0: Fields,
        t: ArrayLike,
        method: str = "RK45",
        dt: float | None = None,
        *,
        v0: Fields | None = None,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        max_step: float = np.inf,
        first_step: float | None = None,
        callback: Callable[[float, Fields], object] | None = None,
        store: Callable[[float, Fields], ArrayLike] | None = None,
        dense: bool = False,
        progress: bool = False,
    ) -> Trajectory:
        """Integrate in time.

        Parameters
        ----------
        u0 : array_like, (*components, *grid), or tuple of arrays, one for each component
            The field at ``t[0]``. What conditions determine is taken from them, not from here:
            data that contradict them are allowed, as they are common.
        t : array_like, (m,)
            Output times, increasing.
        method : str
            ``"RK23"``, ``"RK45"``, ``"DOP853"``, ``"Radau"``, ``"BDF"`` or ``"LSODA"``, which
            choose their steps; with a fixed step ``"euler"``, ``"rk4"``, ``"leapfrog"`` (explicit;
            orders 1, 4, 2), ``"staggered-leapfrog"`` (order 2, explicit: Yee's, for equations of
            first order in two groups of components at points of their own, each of which moves the
            other), ``"backward-euler"``, ``"crank-nicolson"`` (orders 1, 2) and ``"imex"``
            (ARS(2,2,2): `explicit` explicitly, all else implicitly; order 2) for expressions.
        dt : float
            The longest step of methods with a fixed step; steps are equal between output times.
        v0 : array_like, (*components, *grid), optional
            u_t at ``t[0]``: the equation is u_tt = f. ``"leapfrog"`` needs it, zeros for a start
            from rest.
        rtol, atol, max_step, first_step : float
            For SciPy's methods, as there.
        callback : callable, optional
            Called with (t, u) at output times.
        store : callable, optional
            (t, u) ↦ array: what is kept instead of the field.
        dense : bool
            Keep the solution between output times too, as `sol` (SciPy's methods).
        progress : bool
            Show a bar of tqdm.

        Returns
        -------
        Trajectory

        Raises
        ------
        ValueError
            If a fixed step is unstable, a shape does not fit, `t` does not increase, `dt` is
            missing or of no use, or the method does not fit the equation.
        RuntimeError
            If SciPy's method fails, or the solution becomes infinite.

        Warns
        -----
        UserWarning
            If a solution grew by many orders in steps that are unstable; if an expression under
            its conditions has growing modes on this grid; if its conditions
            do not give the characteristics that enter through a face, or give others.

        Notes
        -----
        Before the first step, eigenvalues are compared with the method's stable region (explicit
        fixed steps) and with the right half plane (expressions): all of them up to 300 unknowns
        and for sums of one-dimensional operators, otherwise those that Arnoldi's iteration finds
        at the ends. For functions it is the derivative at the first time. Of "imex" with an
        explicit part it is the derivative of one step that is looked at. A solution that grew by
        many orders is warned of, where fixed steps are found to be unstable at the last time.
        """
        times = output_times(t)
        check_function("callback", callback)
        check_function("store", store)
        second = v0 is not None
        if method == "leapfrog" and v0 is None:
            raise ValueError(
                "method='leapfrog' solves u_tt = f, and needs v0=, which is u_t at t[0]: "
                "np.zeros_like(u0) starts from rest. For u_t = f take 'rk4' or 'RK45'"
            )
        if method == "staggered-leapfrog" and second:
            raise ValueError(
                "method='staggered-leapfrog' solves u_t = L u, and v0= goes with u_tt = f: leave "
                "it out"
            )
        if method == "leapfrog" and isinstance(self.f, Expr) and _of_first_order(self.f, self.grid):
            raise ValueError(
                f"method='leapfrog' solves u_tt = f, but {self.f!r} differentiates once, as "
                "systems u_t = f do: leave v0= out, and take 'rk4' or 'RK45', or "
                "'staggered-leapfrog' with components at points of their own, at=[…]"
            )
        given = () if self._staggered else np.shape(u0)
        semidiscrete = self._semidiscrete_for(given, second)
        system = semidiscrete.system
        x = system.restrict(initial_field(u0, system, "u0"))
        span = float(times[-1] - times[0])
        if self._closure_choice is not None:
            self._closure_choice.warn_of_growth(second, span)
        options = IntegrationOptions(
            method,
            dt,
            rtol,
            atol,
            max_step,
            first_step,
            callback,
            store,
            as_boolean(dense, "dense"),
            progress,
        )
        y = x
        if v0 is not None:
            speed = initial_field(v0, system, "v0")
            y = np.concatenate([x, system.restrict(speed)])
        start = float(times[0])
        equation = SecondOrderSystem(semidiscrete, start, span) if second else semidiscrete
        if self._closure_choice is None:
            return integrate(equation, times, y, options, None)
        chosen = self._closure_choice.chosen(second)
        found = integrate(equation, times, y, options, chosen.spectrum)
        return replace(found, closure=chosen.closure)

    @cached_property
    def _closure_choice(self) -> ClosureChoice | None:
        if not isinstance(self.f, (Expr, Masked)):
            return None
        return ClosureChoice(
            self.f,
            self.grid,
            self.conditions,
            self._fields,
            self._given_closure,
            self.impose,
            None if self._source.zero else self._source,
            linear=self.explicit is None,
            at=self._at,
            staggered=self._staggered,
        )

    @cached_property
    def _source(self) -> Source | StaggeredSource:
        """The source of a linear operator's equation."""
        if isinstance(self.f, Masked):
            return Source(self.source, self.grid, self.f.operator.program.inputs.components)
        assert isinstance(self.f, Expr)
        components = expand(self.f, self.grid).inputs
        if self._staggered:
            grids = starts(self.f, self.grid, self._at, prod(components))
            return StaggeredSource(self.source, FieldValues(grids))
        return Source(self.source, self.grid, components)

    @property
    def _semidiscrete(self) -> SemidiscreteSystem:
        return self._semidiscrete_with(self.components, second=False)

    def _semidiscrete_for(self, shape: tuple[int, ...], second: bool) -> SemidiscreteSystem:
        """Return the system for fields of a shape, in equations of either order in time."""
        found = shape[: max(len(shape) - self.grid.ndim, 0)]
        linear = self._closure_choice is not None
        return self._semidiscrete_with(self.components or (() if linear else found), second)

    def _semidiscrete_with(self, components: tuple[int, ...], second: bool) -> SemidiscreteSystem:
        """Return the system for fields with components, with what it finds out, once."""
        if (components, second) not in self._kept:
            self._kept[components, second] = self._made(components, second)
        return self._kept[components, second]

    @cached_property
    def _kept(self) -> dict[tuple[tuple[int, ...], bool], SemidiscreteSystem]:
        return {}

    def _made(self, components: tuple[int, ...], second: bool) -> SemidiscreteSystem:
        if self._closure_choice is not None:
            system = self._closure_choice.chosen(second).system
            explicit = self.explicit
            if self._staggered and explicit is not None:
                explicit = _on_vectors(explicit, system)
            return SemidiscreteSystem(system, True, self._source, explicit)
        assert not isinstance(self.f, (Expr, Masked))
        system = EliminationSystem.of_fields(self.grid, components, self.conditions, self.acc)
        return SemidiscreteSystem(system, False, Source(self.source, self.grid, components), self.f)

    def __getstate__(self) -> dict[str, object]:
        # What is found on the way can be found again, and holds functions, which do not pickle.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __repr__(self) -> str:
        listed = ", ".join(map(str, self.conditions)) or "no conditions"
        return f"<IVP {self.f!r}; {listed}>"


def _of_first_order(expr: Expr, grid: Grid) -> bool:
    """Tell whether first derivatives are the highest in an expression."""
    products = (p for entry in expand(expr, grid).entries.values() for p in terms_of(entry))
    orders = (sum(f.order for f in factors_of(p) if isinstance(f, AlongAxis)) for p in products)
    return max(orders, default=0) == 1


def _on_vectors(function: RightHandSide, system: AffineSystem) -> RightHandSide:
    """Return a function of components at points of their own as one of all values."""

    def on_vectors(t: float, u: Array) -> Array:
        return system.packed(function(t, system.unpacked(u)), repr(function))

    return on_vectors
