"""What solvers of a linear system cost, estimated before anything is made.

Only ratios matter: a choice by these numbers is the same on every machine. The constants are
seconds and bytes on the machine of `benchmarks/RESULTS.md`, group "solving".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from findops.grids.uniform import EvenAxis
from findops.problems.linear.krylov import MAX_ITERATIONS, symmetric
from findops.problems.linear.nested_dissection import Dissection
from findops.problems.linear.roughness import Roughness, roughness

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.conditions.affine_system import AffineSystem
    from findops.grids.axes import Axis

__all__ = ["Cost", "Costs"]


@dataclass(frozen=True)
class Cost:
    """What a solver takes: seconds to prepare, seconds for each of its steps, how many, bytes."""

    prepare: float
    step: float
    steps: int
    bytes: float

    @property
    def seconds(self) -> float:
        """All of it, for one right-hand side."""
        return self.prepare + self.step * self.steps


@dataclass(frozen=True, eq=False)
class Costs:
    """What the solvers of a system cost.

    Parameters
    ----------
    system : AffineSystem
    matrix : csr_array, optional
        Another matrix on its unknowns, in place of its own.
    """

    system: AffineSystem
    matrix: csr_array | None = None

    @cached_property
    def unknowns(self) -> int:
        """Their number, complex ones counting twice."""
        return self.system.size * (2 if self.system.dtype.kind == "c" else 1)

    @cached_property
    def entries(self) -> float:
        """About how many entries the matrix has, complex ones counting twice."""
        return float(self._rows.nnz / max(self._rows.shape[0], 1) * self.unknowns)

    @cached_property
    def _rows(self) -> csr_array:
        if self.matrix is None:
            return self.system.sampled_rows
        rows = self.matrix[self.system.sample, : self.system.count]
        columns = self.system.free[rows.indices]
        shape = (rows.shape[0], self.system.equations.unknowns)
        return sparse.csr_array((rows.data, columns, rows.indptr), shape=shape)

    @cached_property
    def dissection(self) -> Dissection:
        """How the grid is divided for a factorization."""
        return Dissection.of(self.system, self._rows)

    @cached_property
    def direct(self) -> Cost:
        """A sparse factorization."""
        work, size = self.dissection.work, 4 if self.system.dtype.kind == "c" else 1
        prepare = 1e-3 + 2e-6 * self.unknowns + size * work.operations / 6e9
        memory = 17.0 * math.sqrt(size) * work.entries + 60 * self.entries
        return Cost(prepare, 4e-9 * work.entries, 1, memory)

    @cached_property
    def fast(self) -> Cost:
        """Fast diagonalization, as of the system itself or of one near."""
        step = self.unknowns * (12e-9 * len(self._axes) + 2e-10 * sum(self._dense) + 20e-9)
        return Cost(1.3e-9 * sum(n**3 for n in self._dense), step, 1, 40.0 * self.unknowns)

    @property
    def fast_is_least(self) -> bool:
        """Whether fast diagonalization takes less than anything else may, whatever its entries."""
        return self.fast.seconds <= 1e-3 + 0.3e-6 * self.unknowns

    @property
    def _axes(self) -> tuple[Axis, ...]:
        return self.system.values.grid.axes

    @property
    def _dense(self) -> list[int]:
        """The lengths of axes whose eigenvectors may be dense.

        Along one axis, where a band is factored in no time, no transform is hoped for.
        """
        line = len(self._axes) == 1 and self.entries < self.unknowns**2 / 4
        return [len(a) for a in self._axes if line or not isinstance(a, EvenAxis)]

    @cached_property
    def krylov(self) -> Cost:
        """Iterations behind the nearest separable problem, or the diagonal."""
        step = 150e-6 + self.fast.step + 20e-9 * self.unknowns + 2e-9 * self.entries
        # GCROT keeps forty vectors more than conjugate gradients do.
        memory = 150.0 if symmetric(self.system.aslinearoperator()) else 700.0
        usual, largest = self.roughness
        steps = min(round(20 * (math.sqrt(usual) + math.log10(largest))), MAX_ITERATIONS)
        return Cost(5e-3 + self.fast.prepare, step, steps, memory * self.unknowns)

    @cached_property
    def roughness(self) -> Roughness:
        """How far the matrix is from smooth coefficients, as its sampled rows show it."""
        places = self.system.free[self.system.sample]
        return roughness(self._rows, places, self.system.values)

    @cached_property
    def multigrid(self) -> Cost:
        """Iterations behind algebraic multigrid."""
        step = 500e-6 + 25e-9 * self.entries
        # In a plane few ways lead around what conducts badly.
        steps = round(15 * (np.cbrt(self.roughness.usual) if len(self._axes) == 2 else 1.0))
        return Cost(10e-3 + 0.3e-6 * self.entries, step, steps, 120 * self.entries)

    @cached_property
    def incomplete(self) -> Cost:
        """Iterations behind incomplete factors."""
        step = 150e-6 + 25e-9 * self.entries + 100e-9 * self.unknowns
        return Cost(5e-3 + 5e-6 * self.entries, step, 150, 200 * self.entries)
