"""Derivatives and interpolation along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from findops.common.arguments import as_integer
from findops.expressions.expression import AlongAxis, Identity, as_coefficient
from findops.schemes import Central, Scheme
from findops.schemes.scheme import check_points

if TYPE_CHECKING:
    from collections.abc import Iterable

    from findops.expressions.expression import AxisName, Expr

__all__ = [
    "Diff",
    "Filter",
    "Interpolate",
    "StaggeredDiff",
    "check_position",
    "resolve_scheme",
]


@dataclass(frozen=True, init=False, repr=False)
class Diff(AlongAxis):
    """A derivative along one axis.

    Parameters
    ----------
    axis : str or int
        Name or index of the axis, negative too.
    order : int
        Order of the derivative; 0 is the identity, or `Filter` by a scheme that smooths.
    acc : int, optional
        Order of accuracy: 2 by default, or what the scheme implies.
    scheme : scheme, optional
        ``Central()`` by default.
    to : {"half", "node"}, optional
        Map from nodes to half points, or back.

    Raises
    ------
    TypeError
        If `axis`, `order` or `acc` has the wrong type.
    ValueError
        If the scheme has no such accuracy, or does not map between nodes and half points; if order
        and `acc` are more than 400 together.

    Examples
    --------
    >>> Diff("x") * Diff("x") == Diff("x", 2)
    True
    >>> print(Diff("x", 2, acc=4) + 3 * Diff("y"))
    ∂x² + 3·∂y
    """

    axis: AxisName
    order: int
    acc: int
    scheme: Scheme
    to: str | None

    def __new__(
        cls,
        axis: AxisName,
        order: int = 1,
        acc: int | None = None,
        scheme: Scheme | None = None,
        to: str | None = None,
    ) -> Any:
        # Any: the zeroth derivative may be the identity, or an interpolation.
        if not _is_zero(order):
            return super().__new__(cls)
        axis = _check_axis(axis)
        if isinstance(scheme, Scheme) and scheme.smooths:
            return super().__new__(cls)
        used, claimed = resolve_scheme(f"Diff({axis!r}, 0)", 0, acc, scheme)
        if to is None:
            return Identity()
        if used != Central():
            raise ValueError(f"Diff({axis!r}, 0, to={to!r}): only Central() interpolates")
        return Interpolate(axis, to, claimed)

    def __init__(
        self,
        axis: AxisName,
        order: int = 1,
        acc: int | None = None,
        scheme: Scheme | None = None,
        to: str | None = None,
    ) -> None:
        axis = _check_axis(axis)
        if isinstance(order, bool) or not isinstance(order, (int, np.integer)):
            raise TypeError(
                f"Diff({axis!r}, {order!r}): order must be an integer; the spacing goes to the "
                f"call, as in Diff({axis!r})(f, {{{axis!r}: {order!r}}})"
            )
        if order < 0:
            raise ValueError(f"Diff({axis!r}, {order}): order must be at least 0")
        name = f"Diff({axis!r}, {order})" if order else f"Filter({axis!r}, {scheme!r})"
        used, claimed = resolve_scheme(name, int(order), acc, scheme)
        for coefficient in used.coefficients:
            as_coefficient(coefficient)
        if to is not None:
            check_position(name, to)
            if not used.staggers:
                raise ValueError(
                    f"Diff({axis!r}, {order}, to={to!r}): {used!r} works from points to the same "
                    "points; Central(), Compact() and Fourier() map to half points and back"
                )
        values = (axis, int(order), claimed, used, to)
        for name, value in zip(("axis", "order", "acc", "scheme", "to"), values, strict=True):
            object.__setattr__(self, name, value)

    def merged(self, inner: AlongAxis) -> AlongAxis | None:
        match inner:
            case Diff(axis=self.axis, acc=self.acc, scheme=self.scheme, to=None) if (
                self.to is None and self.scheme.merges
            ):
                acc = None if self.scheme.fixed else self.acc
                if acc is not None:
                    check_points(self.order + inner.order, acc)
                try:
                    return Diff(self.axis, self.order + inner.order, acc, self.scheme)
                except ValueError:
                    # The scheme has no derivative of this order: it stays a composition.
                    return None
        return None

    def _parts(self) -> Iterable[Expr]:
        return map(as_coefficient, self.scheme.coefficients)

    def __reduce__(self) -> tuple[type[Diff], tuple[object, ...]]:
        acc = None if self.scheme.fixed else self.acc
        return Diff, (self.axis, self.order, acc, self.scheme, self.to)


def Filter(axis: AxisName, scheme: Scheme, acc: int | None = None) -> Diff:  # noqa: N802
    """Return the smoothed field along one axis: the derivative of order zero by a scheme.

    The fits of `SavitzkyGolay` and `Gaussian` are evaluated themselves, not their derivatives;
    `Shapiro` and `CompactFilter` are filters and nothing else. Every other scheme takes the field
    as it is, so that its derivative of order zero is the identity.

    Parameters
    ----------
    axis : str or int
        Name or index of the axis, negative too.
    scheme : scheme
        One that smooths: ``SavitzkyGolay(window, degree)``, ``Gaussian(sigma)``,
        ``Shapiro(order)`` or ``CompactFilter(order, alpha)``.
    acc : int, optional
        Order of accuracy: what the scheme implies.

    Returns
    -------
    Diff
        ``Diff(axis, 0, acc, scheme)``, which prints as this call.

    Raises
    ------
    TypeError
        If `axis`, `scheme` or `acc` has the wrong type.
    ValueError
        If the scheme does not smooth, or has no such accuracy.

    Examples
    --------
    >>> from findops import SavitzkyGolay
    >>> smooth = Filter(0, SavitzkyGolay(5, 1))
    >>> smooth
    Filter(0, SavitzkyGolay(window=5, degree=1))
    >>> smooth([0.0, 5.0, 0.0, 0.0, 5.0, 0.0], 1.0)
    array([1. , 1.5, 2. , 2. , 1.5, 1. ])
    """
    if not isinstance(scheme, Scheme):
        raise TypeError(
            f"Filter({axis!r}) needs a scheme such as SavitzkyGolay(11, 3), not {scheme!r}"
        )
    if not scheme.smooths:
        raise ValueError(
            f"Filter({axis!r}) needs a scheme that smooths, as SavitzkyGolay, Gaussian, Shapiro "
            f"and CompactFilter do; {scheme!r} leaves a field as it is"
        )
    return Diff(axis, 0, acc, scheme)


@dataclass(frozen=True, repr=False)
class Interpolate(AlongAxis):
    """Interpolation between nodes and half points of an axis.

    Parameters
    ----------
    axis : str or int
        Name or index of the axis, negative too.
    to : {"half", "node"}
        Where the values are wanted.
    acc : int
        Order of accuracy, even.

    Raises
    ------
    TypeError, ValueError
        As `Diff` does.

    Examples
    --------
    >>> Interpolate("x", "half").on({"x": [0.0, 1.0, 2.0]}) @ [0.0, 1.0, 4.0]
    array([0.5, 2.5])
    """

    axis: AxisName
    to: str
    acc: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "axis", _check_axis(self.axis))
        check_position(f"Interpolate({self.axis!r})", self.to)
        resolve_scheme(f"Interpolate({self.axis!r})", 0, self.acc, None)

    order = 0
    scheme: ClassVar[Scheme] = Central()


@dataclass(frozen=True, repr=False)
class StaggeredDiff(AlongAxis):
    """One of the two halves of diffusion: the derivative to half points, or the one back.

    Natural ones let no flux through the ends of the axis: to half points it is the derivative of
    the even continuation, to nodes minus the transpose of that in the quadrature norms.
    """

    axis: AxisName
    to: str
    acc: int
    natural: bool = False

    order = 1
    scheme: ClassVar[Scheme] = Central()

    def __post_init__(self) -> None:
        check_points(self.order, self.acc)


def _is_zero(order: object) -> bool:
    return isinstance(order, (int, np.integer)) and not isinstance(order, bool) and order == 0


def _check_axis(axis: object) -> AxisName:
    if isinstance(axis, str) and axis:
        return axis
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise TypeError(f"an axis is a name or an index, not {axis!r}")
    return int(axis)


def check_position(what: str, to: object) -> None:
    """Refuse what is no position to map to; `what` names who asks."""
    if to not in ("half", "node"):
        raise ValueError(f"{what}: to must be 'half' or 'node', but is {to!r}")


def resolve_scheme(
    what: str, order: int, acc: int | None, scheme: Scheme | None
) -> tuple[Scheme, int]:
    """Return the scheme of a derivative and the accuracy that it has; `what` names who asks.

    Raises
    ------
    TypeError
        If it is no scheme, or `acc` no integer.
    ValueError
        If the scheme has no such accuracy, or no derivative of this order.
    """
    used = Central() if scheme is None else scheme
    if not isinstance(used, Scheme):
        raise TypeError(f"{what}: scheme must be a value such as Central(), not {scheme!r}")
    wanted = None if acc is None else as_integer(acc, f"{what}: acc")
    try:
        return used, used.claim(order, wanted)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
