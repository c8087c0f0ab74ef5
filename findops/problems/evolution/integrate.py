"""Integration in time: checks before the first step, what is kept, and what comes out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import OdeSolution

from findops.common.arguments import type_name
from findops.common.progress import Bar
from findops.problems.evolution.semidiscrete import SecondOrderSystem, SemidiscreteSystem
from findops.problems.evolution.spectrum import (
    Spectrum,
    largest_multiplier,
    spectrum_of_function,
)
from findops.problems.evolution.stability import (
    UNEXPLAINED_GROWTH,
    check_multiplier,
    check_step,
    excess_growth,
    warn_of_unexplained,
)
from findops.problems.evolution.steppers import (
    ADAPTIVE,
    STEPPERS,
    ImplicitRungeKutta,
    OnStep,
    States,
    Stepper,
    adaptive,
    fixed,
)
from findops.problems.linear.singular import max_norm
from findops.problems.nonlinear.jacobian import GlobalDependenceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.expressions.expression import Closures
    from findops.operators.staggered_fields import Fields


__all__ = ["IntegrationOptions", "Trajectory", "initial_field", "integrate", "output_times"]


LARGEST_STATE = 1e50
"""Size to which a state is scaled where derivatives are taken: its powers must be floats too."""


@dataclass(frozen=True, eq=False)
class IntegrationOptions:
    """How to integrate, and what to keep: the arguments of ``IVP.solve``."""

    method: str
    dt: float | None
    rtol: float
    atol: float
    max_step: float
    first_step: float | None
    callback: Callable[[float, Fields], object] | None
    store: Callable[[float, Fields], ArrayLike] | None
    dense: bool
    progress: bool


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory:
    """A solution in time.

    Parameters
    ----------
    t : array, (m,)
        The output times.
    u : array, (m, *components, *grid)
        The fields at these times, or what `store` kept of them, (m, …). A tuple of such arrays
        where components stand at their own points; `v` and what `sol` returns likewise.
    v : array, (m, *components, *grid), or None
        Their time derivatives, where the equation is of second order in time; None with `store`.
        At points of conditions that depend on time they are differences over 6e-6 of the run.
    sol : callable or None
        With ``dense=True``: t ↦ field; for an array of times, time comes first.
    method : str
        How it was found.
    closure : str, int, dict by face, or None
        What happened where stencils stick out; None where f is a function.
    """

    t: Array
    u: Fields
    v: Fields | None
    sol: Callable[[ArrayLike], Fields] | None
    method: str
    closure: Closures | None = None

    def __repr__(self) -> str:
        ends = f"t = {self.t[0]:g} to {self.t[-1]:g}"
        shape = tuple(p.shape for p in self.u) if isinstance(self.u, tuple) else self.u.shape
        return f"<Trajectory {shape} by {self.method}, {ends}>"


def output_times(t: ArrayLike) -> Array:
    """Return output times as an array.

    Raises
    ------
    ValueError
        If they are not at least two, finite and increasing.
    TypeError
        If they are no real numbers.
    """
    given = np.asarray(t)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"output times are real numbers, but t = {t!r}")
    times = given.astype(float)
    if times.ndim != 1 or len(times) < 2:
        raise ValueError(
            f"t needs at least two output times, the first for u0, but has shape {times.shape}"
        )
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ValueError(f"output times must be finite and increase, but t = {times}")
    return times


def initial_field(u: Fields, system: AffineSystem, name: str) -> Array:
    """Return initial data as a field.

    Raises
    ------
    ValueError
        If they have another shape.
    """
    values, shape = system.packed(u, name), system.shape
    if values.shape != shape:
        raise ValueError(f"{name} needs the shape {shape} of the fields, but has {values.shape}")
    return values


def integrate(
    equation: SemidiscreteSystem | SecondOrderSystem,
    t: Array,
    y: Array,
    options: IntegrationOptions,
    spectrum: Spectrum | None,
) -> Trajectory:
    """Integrate from t[0] to t[-1]; the spectrum of the linear part may be known."""
    first = equation(float(t[0]), y)
    for name, values in (("the initial data", y), ("the right-hand side at t[0]", first)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, but {(~np.isfinite(values)).sum()} are not")
    y = y.astype(np.result_type(y, first, np.float64))
    system = _semidiscrete(equation).system
    largest = size = max_norm(y)
    interpolants: list[Any] | None = [] if options.dense else None
    state = y
    us: list[Array] = []
    vs: list[Array] = []
    with Bar("of time", options.progress, float(t[-1] - t[0])) as bar:
        for time, state in _states(equation, t, y, options, spectrum, interpolants, bar.advance):
            if not np.isfinite(state).all():
                raise RuntimeError(
                    f"method={options.method!r}: the solution is not finite at t={time:.6g}; if "
                    "the equation has one there, take smaller steps"
                )
            largest = max(largest, max_norm(state))
            u, *v = equation.fields(time, state)
            u.flags.writeable = False
            fields = system.unpacked(u)
            if options.callback is not None:
                options.callback(time, fields)
            if options.store is None:
                us.append(u)
                vs += v
            else:
                us.append(_reduced_field(options.store, time, fields, us))
    if largest > UNEXPLAINED_GROWTH * size and _steps_amplify(equation, t, state, options, size):
        warn_of_unexplained(options.method, size, largest)
    kept = np.stack(us)
    return Trajectory(
        t,
        kept if options.store is not None else system.unpacked(kept),
        system.unpacked(np.stack(vs)) if vs else None,
        _between_outputs(equation, t, interpolants),
        options.method,
    )


def _semidiscrete(equation: SemidiscreteSystem | SecondOrderSystem) -> SemidiscreteSystem:
    """Return the equation of first order that one is made of, or is."""
    return equation.semidiscrete if isinstance(equation, SecondOrderSystem) else equation


def _steps_amplify(
    equation: SemidiscreteSystem | SecondOrderSystem,
    t: Array,
    y: Array,
    options: IntegrationOptions,
    initial: float,
) -> bool:
    """Tell whether steps make modes grow over a run, by the equation at its end.

    A solution may grow by what is added to it, and by itself at any time of the run, so that its
    size proves nothing. SciPy's methods control their errors, implicit steps are stable for linear
    equations, and explicit ones that start from rest have been checked.
    """
    if options.method in ADAPTIVE:
        return False
    semidiscrete = _semidiscrete(equation)
    stepper, end = STEPPERS[options.method](equation), float(t[-1])
    if semidiscrete.function is None and (stepper.amplification is None or not initial):
        return False
    longest, count = _steps(_fixed_step(options, t), t)
    y = y * (LARGEST_STATE / max(LARGEST_STATE, max_norm(y)))
    if not np.isfinite(equation(end, y)).all():
        return False
    if stepper.amplification is None:
        largest, own = largest_multiplier(
            lambda x: stepper(end, x, longest), partial(equation, end), y
        )
    else:
        values = spectrum_of_function(partial(equation, end), y).values.astype(complex)
        largest = float(stepper.amplification(longest * values).max())
        own = float(values.real.max(initial=0))
    return excess_growth(longest, count, largest, own) > math.log10(UNEXPLAINED_GROWTH)


def _reduced_field(
    store: Callable[[float, Fields], ArrayLike], t: float, u: Fields, before: list[Array]
) -> Array:
    """Return what is kept of a field, if it can be stacked with what was kept before."""
    kept = np.asarray(store(t, u))
    if kept.dtype.kind not in "biufc":
        raise TypeError(f"store(t, u) must return a number or an array, not {type_name(kept[()])}")
    if before and kept.shape != before[0].shape:
        raise ValueError(
            f"store(t, u) must return arrays of one shape, but returned {before[0].shape} and then "
            f"{kept.shape} at t={t:.6g}"
        )
    return kept


def _states(
    equation: SemidiscreteSystem | SecondOrderSystem,
    t: Array,
    y: Array,
    options: IntegrationOptions,
    spectrum: Spectrum | None,
    interpolants: list[Any] | None,
    on_step: OnStep,
) -> States:
    """Return the states at output times, once nothing speaks against the method."""
    method = options.method
    if method in ADAPTIVE:
        settings = _scipy_options(equation, float(t[0]), y, options)
        return adaptive(method, equation, t, y, settings, interpolants, on_step)
    dt = _fixed_step(options, t)
    stepper = STEPPERS[method](equation)
    semidiscrete = _semidiscrete(equation)
    _check_linear(method, stepper, semidiscrete)
    longest, count = _steps(dt, t)
    if stepper.amplification is not None:
        if spectrum is None or semidiscrete.function is not None:
            spectrum = spectrum_of_function(
                partial(semidiscrete, float(t[0])), y[: semidiscrete.size]
            )
        if isinstance(equation, SecondOrderSystem):
            spectrum = spectrum.second_order()
        check_step(method, longest, stepper.amplification, spectrum)
    elif semidiscrete.function is not None:
        start = float(t[0])
        largest, own = largest_multiplier(
            lambda x: stepper(start, x, longest), partial(equation, start), y
        )
        check_multiplier(method, longest, count, largest, own)
    return fixed(stepper, t, y, dt, on_step)


def _steps(dt: float, t: Array) -> tuple[float, int]:
    """Return the longest step, within the longest interval, and how many make the run."""
    longest = min(dt, float(np.diff(t).max()))
    return longest, math.ceil(float(t[-1] - t[0]) / longest)


def _fixed_step(options: IntegrationOptions, t: Array) -> float:
    """Return the step of a method with a fixed one, checked."""
    method, dt = options.method, options.dt
    if method not in STEPPERS:
        names = [*ADAPTIVE, *STEPPERS]
        meant = [f": write {name!r}" for name in names if _letters(name) == _letters(method)]
        raise ValueError(
            f"method must be one of {', '.join(names)}, not {method!r}{''.join(meant)}"
        )
    if not isinstance(dt, Real) or not (np.isfinite(float(dt)) and dt > 0):
        raise ValueError(f"method={method!r} has a fixed step: give dt= > 0, not {dt!r}")
    if t[-1] - t[0] > dt and dt < np.spacing(np.abs(t).max()):
        raise ValueError(f"dt={dt!r} is lost beside the times {t[0]} to {t[-1]}: give a longer one")
    if options.dense:
        raise ValueError(f"dense=True goes with SciPy's methods, not with {method!r}")
    return dt


def _letters(name: object) -> str:
    """Return a name without case, spaces and hyphens."""
    return "".join(filter(str.isalnum, str(name))).lower()


def _check_linear(method: str, stepper: Stepper, equation: SemidiscreteSystem) -> None:
    """Refuse implicit steps of what is not linear."""
    if not isinstance(stepper, ImplicitRungeKutta):
        return
    if not equation.linear:
        raise ValueError(
            f"method={method!r} needs a linear expression: IVP(L, …, explicit=g) for u_t = L u + "
            "g(t, u); or take 'Radau' or 'BDF'"
        )
    if equation.function is not None and stepper.explicit is None:
        raise ValueError(
            f"method={method!r} is for linear equations: 'imex' treats explicit= explicitly"
        )


def _scipy_options(
    equation: SemidiscreteSystem | SecondOrderSystem,
    t: float,
    y: Array,
    options: IntegrationOptions,
) -> dict[str, Any]:
    """Return the arguments of SciPy's method."""
    method = options.method
    if options.dt is not None:
        raise ValueError(f"method={method!r} chooses its steps: give max_step=, not dt=")
    given: dict[str, Any] = {
        "rtol": options.rtol,
        "atol": options.atol,
        "max_step": options.max_step,
        "first_step": options.first_step,
    }
    if method in ("LSODA", "Radau") and np.iscomplexobj(y):
        raise ValueError(f"method={method!r} is for real fields; 'BDF' and 'RK45' take complex")
    if method in ("Radau", "BDF", "LSODA"):
        given |= _jacobian_options(equation, t, y, method)
    return given


def _jacobian_options(
    equation: SemidiscreteSystem | SecondOrderSystem, t: float, y: Array, method: str
) -> dict[str, Any]:
    """Return the arguments that tell a method of SciPy's for stiff equations the Jacobian.

    SciPy's own differences, one-sided with steps in proportion to each value, are lost in roundoff
    where a value is near zero.
    """
    try:
        pattern = equation.pattern(t, y)
    except GlobalDependenceError:
        return {}  # SciPy's dense differences suit that
    if method != "LSODA":
        constant = equation.constant_jacobian
        return {"jac": equation.jacobian if constant is None else constant}
    row, col = pattern.tocoo().coords
    below, above = int((row - col).max(initial=0)), int((col - row).max(initial=0))

    def diagonals(t: float, y: Array) -> Array:
        jacobian = equation.jacobian(t, y).tocoo()
        row, col = jacobian.coords
        made = np.zeros((below + above + 1, len(y)))
        made[above + row - col, col] = jacobian.data
        return made

    return {"jac": diagonals, "lband": below, "uband": above}


def _between_outputs(
    equation: SemidiscreteSystem | SecondOrderSystem, t: Array, interpolants: list[Any] | None
) -> Callable[[ArrayLike], Fields] | None:
    """Return what evaluates the fields between output times."""
    if interpolants is None:
        return None
    solution = OdeSolution([float(t[0]), *(part.t for part in interpolants)], interpolants)

    def at(when: ArrayLike) -> Array:
        times = np.asarray(when, dtype=float)
        if times.ndim == 0:
            return equation.fields(float(times), solution(float(times)))[0]
        return np.stack([at(time) for time in times])

    unpacked = _semidiscrete(equation).system.unpacked
    return lambda when: unpacked(at(when))
