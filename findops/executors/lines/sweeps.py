"""Application of programs with bands that act on whole lines: by sweeps, the rest row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arrays import Array
from findops.executors.rowwise import Rowwise, delivered
from findops.plan.band import Band
from findops.plan.program import Chain, Composition, Layout, Program, Term

if TYPE_CHECKING:
    from findops.executors.lines.banded_solver import BandedSolver

__all__ = ["Solvers", "Sweeps"]

Solvers = dict[Band, "BandedSolver"]
"""What is ready to solve with the left side of a band, shared by plans with other coefficients."""

Step = Callable[[Array, Array | None, bool, complex], Array]
"""A linear map of fields (batch, *points): (u, out, add, scale) to `out`, or to a new array."""


@dataclass(frozen=True, eq=False)
class Sweeps:
    """A program as programs that act row by row, and sweeps along axes between them."""

    program: Program
    local: Rowwise | None
    """All that acts row by row."""
    products: tuple[tuple[int, int, tuple[Step, ...]], ...]
    """Row component, column component, and what is applied, in its order."""
    compositions: tuple[tuple[Sweeps, ...], ...]
    solvers: Solvers

    @staticmethod
    def of(program: Program, solvers: Solvers) -> Sweeps:
        """Make a program ready: take it apart; `solvers` holds what is ready already."""
        here: list[Chain | Composition] = []
        products: list[tuple[int, int, tuple[Step, ...]]] = []
        compositions: list[tuple[Sweeps, ...]] = []
        for part in program.parts:
            if not replace(program, parts=(part,)).whole:
                here.append(part)
            elif isinstance(part, Chain):
                steps = _steps(part.terms, program.inputs.points, solvers)
                products.append((part.row, part.col, steps))
            else:
                factors = reversed(part.programs)
                compositions.append(tuple(Sweeps.of(factor, solvers) for factor in factors))
        local = Rowwise.of(replace(program, parts=tuple(here))) if here else None
        return Sweeps(program, local, tuple(products), tuple(compositions), solvers)

    def __call__(
        self, u: Array, out: Array | None = None, add: bool = False, scale: complex = 1
    ) -> Array:
        """Return scale · program(u), or write or add it to `out`, which may overlap u.

        u is (…, *components, *points), of the result's type.
        """
        batch = u.shape[: u.ndim - len(self.program.inputs.shape)]
        if out is None:
            out, add = np.empty(batch + self.program.outputs.shape, u.dtype), False
        elif not out.flags.c_contiguous or np.may_share_memory(u, out):
            return delivered(self(u, scale=scale), out, add)
        self._fill(np.ascontiguousarray(u), out, add, scale)
        return out

    def ready(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Return None: no arrays are so small that a function of their shape would be quicker."""

    def given(self, program: Program) -> Sweeps:
        """Return the application of the same plan with other values in it."""
        return Sweeps.of(program, self.solvers)

    def _fill(self, u: Array, out: Array, add: bool, scale: complex) -> None:
        """Write scale · program(u) to `out`, or add it; both are contiguous, with a batch."""
        inputs, outputs = self.program.inputs, self.program.outputs
        sources = u.reshape(-1, inputs.count, *inputs.points)
        targets = out.reshape(-1, outputs.count, *outputs.points)
        filled = set(range(outputs.count)) if add else set()
        if self.local is not None:
            self.local(u, out, add, scale)
            filled = set(range(outputs.count))
        for row, col, steps in self.products:
            value = np.ascontiguousarray(sources[:, col])
            for step in steps[:-1]:
                value = step(value, None, False, 1)
            target = targets[:, row]
            if target.flags.c_contiguous:
                steps[-1](value, target, row in filled, scale)
            else:
                delivered(steps[-1](value, None, False, scale), target, row in filled)
            filled.add(row)
        for row in set(range(outputs.count)) - filled:
            targets[:, row] = 0
        for factors in self.compositions:
            value = u
            for factor in factors[:-1]:
                value = factor(value)
            factors[-1](value, out, True, scale)


def _steps(terms: tuple[Term, ...], points: tuple[int, ...], solvers: Solvers) -> tuple[Step, ...]:
    """Return the steps of a product of terms, the first to be applied first."""
    steps: list[Step] = []
    waiting: list[Term] = []

    def flush() -> None:
        nonlocal points
        if waiting:
            chain = Chain(0, 0, tuple(waiting))
            after = chain.shapes(points)[0]
            steps.append(Rowwise.of(Program(Layout((), points), Layout((), after), (chain,))))
            waiting.clear()
            points = after

    for term in reversed(terms):
        whole = [(axis, band) for axis, band in enumerate(term.bands) if band and band.whole]
        if not whole:
            waiting.insert(0, term)
            continue
        rowwise = tuple(None if band is None or band.whole else band for band in term.bands)
        if any(rowwise):
            waiting.insert(0, Term(rowwise))
        flush()
        plain = not term.factors and not isinstance(term.scale, complex)
        for place, (axis, band) in enumerate(whole):
            last = plain and place == len(whole) - 1
            back = axis - len(points)
            scale = float(term.scale.real) if last else 1.0
            steps.append(_Sweep(band, back, scale, solvers))
            points = (*points[:axis], band.rows, *points[axis + 1 :])
        if not plain:
            waiting.insert(0, replace(term, bands=(None,) * len(points)))
    flush()
    return tuple(steps)


@dataclass(frozen=True, eq=False)
class _Sweep:
    """A band along one axis, times a number."""

    band: Band
    axis: int
    scale: float
    solvers: Solvers

    def __call__(self, u: Array, out: Array | None, add: bool, scale: complex) -> Array:
        if self.band.transform is not None:
            result = self.band.transform(u, self.axis)
            result *= u.dtype.type(scale * self.scale)
            return delivered(result, out, add)
        if isinstance(scale, (complex, np.complexfloating)):
            result = self(u, None, False, 1)
            result *= u.dtype.type(scale)
            return delivered(result, out, add)
        if out is None:
            shape = list(u.shape)
            shape[self.axis] = self.band.rows
            out, add = np.empty(shape, u.dtype), False
        self.solver(u, out, u.ndim + self.axis, add, float(scale) * self.scale)
        return out

    @property
    def solver(self) -> BandedSolver:
        # LLVM takes long to load: only where something is solved.
        from findops.executors.lines.banded_solver import BandedSolver

        if self.band not in self.solvers:
            self.solvers.setdefault(self.band, BandedSolver(self.band))
        return self.solvers[self.band]
