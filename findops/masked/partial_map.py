"""Linear maps that have values at some points only: programs on fields with holes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy import sparse

from findops.executors.assembly.scipy import times
from findops.masked.run_stencils import RunStencils
from findops.plan.program import Chain, Composition
from findops.schemes import AxisMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_array

    from findops.common.arrays import Bools, Ints
    from findops.grids.axes import Axis
    from findops.plan.program import Program, Term


__all__ = ["Component", "Derivative", "Identity", "PartialMap", "Product", "Sum"]


class PartialMap(ABC):
    """A linear map that has values at some points only.

    It is made step by step; each step reads the points where the one before has values.
    """

    @property
    @abstractmethod
    def axes(self) -> tuple[Axis, ...]:
        """Those of its values."""

    @property
    @abstractmethod
    def defined(self) -> Bools:
        """Where it has values: (components, *points), or (*points) of one component."""

    @property
    @abstractmethod
    def whole(self) -> Bools:
        """Where its rows are those without holes."""

    @property
    @abstractmethod
    def ends(self) -> Bools | None:
        """Nodes at which runs end, (components, *grid) or (*grid) of one component, if any."""

    @property
    @abstractmethod
    def columns(self) -> int:
        """How many numbers its rows read."""

    @abstractmethod
    def rows(self, chosen: Ints) -> csr_array:
        """Return rows where it has values, given by flat indices."""

    def ends_along(self, axis: int) -> Bools | None:
        """Return the nodes at which runs along an axis end, if its lines are those of nodes."""
        if self.ends is None:
            return None
        others = [k for k in range(self.ends.ndim) if k != axis]
        on_nodes = all(self.ends.shape[k] == self.defined.shape[k] for k in others)
        return self.ends if on_nodes else None

    def then(self, program: Program, later: int = 0) -> Sum:
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
        return Sum(self, program, tuple(parts))

    def then_chain(self, chain: Chain, later: int = 0, coefficients: bool = True) -> PartialMap:
        """Return what a chain makes of the values; without `coefficients`, fields count as one."""
        here: PartialMap = Component(self, chain.col)
        for i, term in reversed(list(enumerate(chain.terms))):
            given = term if coefficients else _without_coefficient(term)
            here = here._then_term(given, later + _chain_order(chain.terms[:i]))
        return here

    def _then_term(self, term: Term, later: int) -> PartialMap:
        """Along each axis in turn, the last first; then the coefficients."""
        after, there, remaining = self, self.defined, later + _chain_order([term])
        for axis in reversed(range(len(term.bands))):
            band = term.bands[axis]
            if band is not None:
                remaining -= band.order
                source = after.axes[axis]
                axis_map = AxisMap(band.order, source, source.half() if band.shift else source)
                ends = after.ends_along(axis)
                stencils = RunStencils(band, axis, axis_map, after.defined, remaining, ends)
                if band.shift:
                    there = replace(stencils, valid=there).beside
                after = Derivative(after, stencils)
        return Product(after, term, there)


@dataclass(frozen=True, eq=False)
class Identity(PartialMap):
    """The identity on the valid points (components, *points)."""

    domain: tuple[Axis, ...]
    valid: Bools
    given: Bools | None = None
    """Valid points where runs end."""

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.domain

    @property
    def defined(self) -> Bools:
        return self.valid

    @property
    def whole(self) -> Bools:
        return self.valid

    @property
    def ends(self) -> Bools | None:
        return self.given

    @property
    def columns(self) -> int:
        return self.valid.size

    def rows(self, chosen: Ints) -> csr_array:
        diagonal = np.ones(len(chosen)), chosen, np.arange(len(chosen) + 1)
        return sparse.csr_array(diagonal, shape=(len(chosen), self.valid.size))


class Step(PartialMap):
    """What is made of the values of another map."""

    of: PartialMap

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.of.axes

    @property
    def ends(self) -> Bools | None:
        return self.of.ends

    @property
    def columns(self) -> int:
        return self.of.columns


@dataclass(frozen=True, eq=False)
class Component(Step):
    """One component of a map."""

    of: PartialMap
    number: int

    @property
    def defined(self) -> Bools:
        defined: Bools = self.of.defined[self.number]
        return defined

    @property
    def whole(self) -> Bools:
        whole: Bools = self.of.whole[self.number]
        return whole

    @property
    def ends(self) -> Bools | None:
        ends = self.of.ends
        return None if ends is None else cast("Bools", ends[self.number])

    def rows(self, chosen: Ints) -> csr_array:
        return self.of.rows(chosen + self.number * self.defined.size)


@dataclass(frozen=True, eq=False)
class Derivative(Step):
    """Stencils on the values along one axis."""

    of: PartialMap
    stencils: RunStencils

    @property
    def axes(self) -> tuple[Axis, ...]:
        axes = list(self.of.axes)
        axes[self.stencils.axis] = self.stencils.axis_map.target
        return tuple(axes)

    @property
    def defined(self) -> Bools:
        return self.stencils.defined

    @cached_property
    def whole(self) -> Bools:
        whole = self.stencils.kept & self.stencils.reads_only(self.of.whole)
        if self.stencils.goes_round:
            # The plan reads a point once for each weight, though these may add up to zero.
            whole = whole & self.of.whole.all(axis=self.stencils.axis, keepdims=True)
        return whole

    def rows(self, chosen: Ints) -> csr_array:
        matrix = self.stencils.rows(chosen)
        match self.of:
            case Component(of=Identity(), number=number):
                columns = matrix.indices + number * self.stencils.valid.size
                shape = len(chosen), self.columns
                return sparse.csr_array((matrix.data, columns, matrix.indptr), shape=shape)
            case _:
                return times(matrix, self.of.rows)


@dataclass(frozen=True, eq=False)
class Product(Step):
    """The values times the coefficient of a term; what that does not select is zero."""

    of: PartialMap
    term: Term
    there: Bools
    """Where there are points, whether or not they have values."""

    @cached_property
    def selected(self) -> Bools:
        """Where the term's masks select, an array that broadcasts to the points."""
        return reduce(np.logical_and, self.term.masks, np.ones((), dtype=bool))

    @cached_property
    def defined(self) -> Bools:
        return np.where(self.selected, self.of.defined, self.there)

    @cached_property
    def whole(self) -> Bools:
        return np.where(self.selected, self.of.whole, self.there)

    def rows(self, chosen: Ints) -> csr_array:
        index = np.unravel_index(chosen, self.defined.shape)
        used = np.flatnonzero(np.broadcast_to(self.selected, self.defined.shape)[index])
        matrix = _spread(self.of.rows(chosen[used]), used, len(chosen))
        values = np.broadcast_to(self.term.coefficient, self.defined.shape)[index]
        matrix.data = matrix.data * np.repeat(values, np.diff(matrix.indptr))
        return matrix


@dataclass(frozen=True, eq=False)
class Sum(Step):
    """A sum of maps, each to one component or, where that is None, to all."""

    of: PartialMap
    program: Program
    parts: tuple[tuple[int | None, PartialMap], ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.parts[0][1].axes if self.parts else self.of.axes

    @cached_property
    def defined(self) -> Bools:
        return self._everywhere([made.defined for _, made in self.parts])

    @cached_property
    def whole(self) -> Bools:
        return self._everywhere([made.whole for _, made in self.parts])

    def _everywhere(self, there: list[Bools]) -> Bools:
        """Tell where all parts are."""
        outputs = self.program.outputs
        found = np.ones((outputs.count, *outputs.points), dtype=bool)
        for (component, _), good in zip(self.parts, there, strict=True):
            found[slice(None) if component is None else component] &= good
        return found

    def rows(self, chosen: Ints) -> csr_array:
        kind = np.complex128 if self.program.is_complex else np.float64
        total = cast("csr_array", sparse.csr_array((len(chosen), self.columns), dtype=kind))
        for component, made in self.parts:
            more = made.rows(chosen) if component is None else _placed(made, chosen, component)
            total = total + more
        return total


def _without_coefficient(term: Term) -> Term:
    masks = tuple(factor for factor in term.factors if factor.selects)
    return replace(term, scale=1.0, factors=masks)


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
