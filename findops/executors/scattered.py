"""Stencils at scattered points: what they make is added to a result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.executors.stencil_runs import StencilRuns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from findops.common.arrays import Array
    from findops.executors.kernels.scattered import ScatteredKernel
    from findops.executors.stencil_runs import StencilGroup

__all__ = ["ScatteredStencils"]

NUMPY_TAPS = 1024
"""Taps up to which NumPy is used: compiled kernels do not pay for loading them."""


@dataclass(frozen=True, eq=False)
class ScatteredStencils:
    """Stencils made ready, for each type of arrays as they come."""

    runs: StencilRuns
    kernels: dict[np.dtype[Any], ScatteredKernel] = field(default_factory=dict)

    @staticmethod
    def of(groups: Sequence[StencilGroup]) -> ScatteredStencils:
        """Make stencils ready."""
        return ScatteredStencils(StencilRuns.of(groups))

    def add_to(self, out: Array, u: Array, scale: float) -> None:
        """Add scale times what the stencils make of u (batch, points) to out (batch, points).

        Both are of the same type, without gaps, and apart.
        """
        for source, target, factors, sign in self._real_parts(u, out):
            if self.runs.weights.shape[1] * len(self.runs.points) * len(u) <= NUMPY_TAPS:
                self._add_by_numpy(source, target, factors, sign * scale)
            else:
                self._kernel(target.dtype).add(source, target, factors, sign * scale)

    def _real_parts(
        self, u: Array, out: Array
    ) -> Iterator[tuple[Array, Array, Array | None, float]]:
        """Yield products of real numbers: of what is read and multiplied, what is added to."""
        f = self.runs.factors
        if not np.iscomplexobj(u):
            yield u, out, f, 1.0
            return
        real = None if f is None else f.real
        yield u.real, out.real, real, 1.0
        yield u.imag, out.imag, real, 1.0
        if f is not None and np.iscomplexobj(f):
            yield u.imag, out.real, f.imag, -1.0
            yield u.real, out.imag, f.imag, 1.0

    def _add_by_numpy(self, u: Array, out: Array, factors: Array | None, scale: float) -> None:
        kinds = np.repeat(self.runs.kinds, np.diff(self.runs.starts))
        weights, offsets = self.runs.weights.astype(u.dtype), self.runs.offsets
        # Tap after tap, as kernels do.
        values = sum(
            weights[kinds, tap] * u[:, self.runs.reads + offsets[kinds, tap]]
            for tap in range(weights.shape[1])
        )
        if factors is not None:
            values *= factors.astype(u.dtype)
        at: Any = (slice(None), self.runs.points)
        np.add.at(out, at, values * u.dtype.type(scale))

    def _kernel(self, dtype: np.dtype[Any]) -> ScatteredKernel:
        # LLVM takes long to load: only where it pays.
        from findops.executors.kernels.scattered import ScatteredKernel

        return self.kernels.get(dtype) or self.kernels.setdefault(
            dtype, ScatteredKernel(self.runs, dtype)
        )
