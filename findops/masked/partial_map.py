"""Linear maps that have values at some points only: programs on fields with holes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import sparse

from findops.executors.assembly.scipy import times
from findops.masked.run_stencils import RunStencils
from findops.plan.program import Chain, Composition
from findops.schemes import AxisMap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scipy.sparse import csr_array

    from findops.common.arrays import Bools, Ints
    from findops.grids.axes import Axis
    from findops.plan.program import Program, Term


__all__ = ["PartialMap"]


@dataclass(frozen=True, eq=False)
class PartialMap:
    """A linear map that has values at some points only.

    It is made step by step; each step reads the points where the one before has values.
    """

    axes: tuple[Axis, ...]
    """Those of its values."""
    defined: Bools
    """Where it has values: (components, *points), or (*points) of one component."""
    whole: Bools
    """Where its rows are those without holes."""
    columns: int
    """How many numbers its rows read."""
    rows: Callable[[Ints], csr_array]
    """Rows where it has values, given by flat indices."""

    @staticmethod
    def identity(axes: tuple[Axis, ...], valid: Bools) -> PartialMap:
        """Return the identity on the valid points (components, *points)."""

        def rows(chosen: Ints) -> csr_array:
            diagonal = np.ones(len(chosen)), chosen, np.arange(len(chosen) + 1)
            return sparse.csr_array(diagonal, shape=(len(chosen), valid.size))

        return PartialMap(axes, valid, valid, valid.size, rows)

    def then(self, program: Program, later: int = 0) -> PartialMap:
        """Return what a program makes of the values, to be differentiated `later` times more."""
        parts: list[tuple[int | None, PartialMap]] = []
        for part in program.parts:
            match part:
                case Chain():
                    parts.append((part.row, self.then_chain(part, later)))
                case Composition():
                    here = self
                    for i, inner in reversed(list(enumerate(part.programs))):
                        here = here.then(inner, later + sum(map(_order, part.programs[:i])))
                    parts.append((None, here))
        shape = (program.outputs.count, *program.outputs.points)
        defined, whole = np.ones(shape, dtype=bool), np.ones(shape, dtype=bool)
        for component, made in parts:
            at = slice(None) if component is None else component
            defined[at] &= made.defined
            whole[at] &= made.whole

        def rows(chosen: Ints) -> csr_array:
            kind = np.complex128 if program.is_complex else np.float64
            total = cast("csr_array", sparse.csr_array((len(chosen), self.columns), dtype=kind))
            for component, made in parts:
                more = made.rows(chosen) if component is None else _placed(made, chosen, component)
                total = total + more
            return total

        return PartialMap(
            parts[0][1].axes if parts else self.axes, defined, whole, self.columns, rows
        )

    def then_chain(self, chain: Chain, later: int = 0, coefficients: bool = True) -> PartialMap:
        """Return what a chain makes of the values; without `coefficients`, fields count as one."""
        here = self._component(chain.col)
        for i, term in reversed(list(enumerate(chain.terms))):
            here = here._then_term(term, later + _chain_order(chain.terms[:i]), coefficients)
        return here

    def _component(self, component: int) -> PartialMap:
        points = self.defined[component]

        def rows(chosen: Ints) -> csr_array:
            return self.rows(chosen + component * points.size)

        return PartialMap(self.axes, points, self.whole[component], self.columns, rows)

    def _then_term(self, term: Term, later: int, coefficients: bool) -> PartialMap:
        """Along each axis in turn, the last first; then the coefficients."""
        after, there, remaining = self, self.defined, later + _chain_order([term])
        for axis in reversed(range(len(term.bands))):
            band = term.bands[axis]
            if band is not None:
                remaining -= band.order
                source = after.axes[axis]
                axis_map = AxisMap(band.order, source, source.half() if band.shift else source)
                after = after._then_stencils(
                    RunStencils(band, axis, axis_map, after.defined, remaining)
                )
                if band.shift:
                    there = RunStencils(band, axis, axis_map, there).beside
        defined, whole, selected = after.defined, after.whole, np.ones((), dtype=bool)
        for mask in term.masks:
            # What is not selected is zero, wherever there is a point.
            selected = selected & mask
            defined = np.where(mask, defined, there)
            whole = np.where(mask, whole, True)
        factor = np.asarray(term.coefficient if coefficients else 1.0)

        def rows(chosen: Ints) -> csr_array:
            index = np.unravel_index(chosen, defined.shape)
            used = np.flatnonzero(np.broadcast_to(selected, defined.shape)[index])
            matrix = _spread(after.rows(chosen[used]), used, len(chosen))
            values = np.broadcast_to(factor, defined.shape)[index]
            matrix.data = matrix.data * np.repeat(values, np.diff(matrix.indptr))
            return matrix

        return PartialMap(after.axes, defined, whole, self.columns, rows)

    def _then_stencils(self, stencils: RunStencils) -> PartialMap:
        axes = list(self.axes)
        axes[stencils.axis] = stencils.axis_map.target

        def rows(chosen: Ints) -> csr_array:
            return times(stencils.rows(chosen), self.rows)

        whole = stencils.kept & stencils.reads_only(self.whole)
        if stencils.goes_round:
            # The plan reads a point once for each weight, though these may add up to zero.
            whole = whole & self.whole.all(axis=stencils.axis, keepdims=True)
        return PartialMap(tuple(axes), stencils.defined, whole, self.columns, rows)


def _chain_order(terms: Sequence[Term]) -> int:
    return sum(band.order for term in terms for band in term.bands if band)


def _order(program: Program) -> int:
    """Return the highest order of differentiation in a program."""
    orders = [0]
    for part in program.parts:
        match part:
            case Chain(terms=terms):
                orders.append(_chain_order(terms))
            case Composition(programs=programs):
                orders.append(sum(map(_order, programs)))
    return max(orders)


def _placed(made: PartialMap, chosen: Ints, component: int) -> csr_array:
    """Return rows of one component, empty where another is chosen."""
    mine = np.flatnonzero(chosen // made.defined.size == component)
    return _spread(made.rows(chosen[mine] % made.defined.size), mine, len(chosen))


def _spread(matrix: csr_array, rows: Ints, count: int) -> csr_array:
    """Return the matrix of `count` rows in which these are the given ones, in order."""
    lengths = np.zeros(count + 1, dtype=matrix.indptr.dtype)
    lengths[rows + 1] = np.diff(matrix.indptr)
    return sparse.csr_array(
        (matrix.data, matrix.indices, np.cumsum(lengths)), shape=(count, matrix.shape[1])
    )
