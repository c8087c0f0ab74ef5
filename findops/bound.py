"""What bound operators are, and their literal algebra: that of their matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Complex
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from findops.coefficient import evaluate
from findops.expr import Discrete, Expr
from findops.nodes import Coef, Field
from findops.stencil import Factor, Layout, Program
from findops.values import Number, kind, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.grid import Grid

__all__ = ["Bound", "Ghosts", "refuse_unbound"]

Ghosts = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False, repr=False)
class Bound(Discrete):
    """A plan, and the grids that it maps between. Immutable."""

    program: Program
    domain: Grid
    """Grid of the fields it reads."""
    range: Grid
    """Grid of the fields it gives."""
    ghosts: Ghosts
    """Ghost points (before, after) that the input carries along each axis."""
    beyond: Ghosts
    """Ghost points of the output: those of the input for a transpose."""
    label: str

    # Arrays on the left leave the operation to us, and pandas' objects too.
    __array_ufunc__ = None
    __pandas_priority__ = 10_000

    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
        raise TypeError(f"{self!r} is not an array: op.matrix() makes its sparse matrix")

    @property
    def _complex(self) -> bool:
        return self.program.is_complex

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix."""
        return self.program.outputs.size, self.program.inputs.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the matrix: float64 or complex128."""
        return np.dtype(np.complex128 if self._complex else np.float64)

    @property
    def halo(self) -> dict[str, int]:
        """Ghost points that the input carries beyond each face."""
        by_face = {}
        for name, axis, pair in zip(self.domain.names, self.domain.axes, self.ghosts, strict=True):
            if not axis.periodic:
                by_face[f"{name}-"], by_face[f"{name}+"] = pair
        return by_face

    @cached_property
    def T(self) -> Self:  # noqa: N802  # the transpose's name everywhere
        """The plain transpose."""
        return type(self)(
            self.program.T, self.range, self.domain, self.beyond, self.ghosts, f"({self.label}).T"
        )

    @cached_property
    def H(self) -> Self:  # noqa: N802  # the conjugate transpose's name everywhere
        """The conjugate transpose."""
        return replace(self.T, program=self.program.T.conjugate(), label=f"({self.label}).H")

    def _after(self, other: Self) -> Self:
        ours = (self.domain, self.ghosts, self.program.inputs.shape)
        if ours != (other.range, other.beyond, other.program.outputs.shape):
            raise ValueError(
                f"{self!r} reads {_described(self.domain, self.program.inputs)}, but {other!r} "
                f"gives {_described(other.range, other.program.outputs)}"
            )
        return replace(
            self,
            program=self.program @ other.program,
            domain=other.domain,
            ghosts=other.ghosts,
            label=f"({self.label}) @ ({other.label})",
        )

    def __add__(self, other: object) -> Self:
        right = self._summand(other)
        if self._ends != right._ends:
            raise ValueError(
                f"{self!r} and {right!r} do not map between the same grids: one maps "
                f"{_mapped(self)}, the other {_mapped(right)}"
            )
        return replace(
            self, program=self.program + right.program, label=f"{self.label} + {right.label}"
        )

    def __radd__(self, other: object) -> Self:
        return self._summand(other) + self

    def __neg__(self) -> Self:
        return self._scaled(-1)

    def __sub__(self, other: object) -> Self:
        return self + -self._summand(other)

    def __rsub__(self, other: object) -> Self:
        return self._summand(other) + -self

    def _summand(self, other: object) -> Self:
        return other if isinstance(other, type(self)) else self._identity()._scaled(other)

    @property
    def _ends(self) -> tuple[object, ...]:
        shapes = (self.program.inputs.shape, self.program.outputs.shape)
        return (self.domain, self.range, self.ghosts, self.beyond, *shapes)

    def __rmul__(self, other: object) -> Self:
        return self._scaled(other)

    def __mul__(self, other: object) -> Self:
        if isinstance(other, type(self)):
            return self._after(other)
        identity = replace(
            self,
            program=Program.identity(self.program.inputs),
            range=self.domain,
            beyond=self.ghosts,
            label="1",
        )
        return self._after(identity._scaled(other))

    def __truediv__(self, other: object) -> Self:
        if not isinstance(other, Complex):
            raise TypeError(f"{self!r} can be divided by a number, not by {kind(other)}")
        if other == 0:
            raise ZeroDivisionError(f"{self!r} cannot be divided by zero")
        return self._scaled(1 / other)

    def _scaled(self, other: object) -> Self:
        """Return coefficient · operator."""
        refuse_unbound(other)
        value = Coef(other).value
        if isinstance(value, Number):
            scale = value if isinstance(value, complex) else float(value)
            program = self.program.multiplied(scale)
        elif any(map(any, self.beyond)):
            raise ValueError(f"{self!r}: a coefficient is unknown at the ghost points")
        else:
            program = self.program.multiplied(1.0, (Factor(evaluate(value, self.range)),))
        return replace(self, program=program, label=f"{Coef(other)}·({self.label})")

    def __pow__(self, power: int) -> Self:
        times = whole(power, f"the power of {self!r}")
        if times < 0:
            raise ValueError(f"{self!r} takes a power of at least 0, not {power}")
        result = self._identity()
        for i in range(times):
            result = self if i == 0 else result._after(self)
        return result

    def _identity(self) -> Self:
        if (self.domain, self.program.inputs.shape) != (self.range, self.program.outputs.shape):
            raise ValueError(f"{self!r} does not map a grid to itself: it has no identity or power")
        return replace(self, program=Program.identity(self.program.inputs), label="1")

    def __repr__(self) -> str:
        rows, cols = self.shape
        return f"<Operator {self.label}: {rows}×{cols}>"


def refuse_unbound(other: object) -> None:
    """Refuse expressions beside bound operators."""
    if isinstance(other, Expr):
        kind = "field" if isinstance(other, Field) else "expression"
        raise TypeError(
            f"a bound operator and the {kind} {other!r} do not mix: bind it first, with E.on(grid)"
        )


def _described(grid: Grid, layout: Layout) -> str:
    places = (f"{grid.position(i)} of {grid.called(i)}" for i in range(grid.ndim))
    return f"fields of shape {layout.shape} at {', '.join(places)}"


def _mapped(op: Bound) -> str:
    inputs = _described(op.domain, op.program.inputs)
    return f"{inputs} to {_described(op.range, op.program.outputs)}"
