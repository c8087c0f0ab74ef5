"""Separable systems: their operator is a sum of what acts along one axis each, or of products.

Lynch, Rice and Thomas (1964): where the matrix is a Kronecker sum, the eigenvectors of the
one-dimensional matrices diagonalize it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from findops.common.arguments import Number as AnyNumber
from findops.conditions.conditions import Condition, Trace
from findops.conditions.elimination import EliminationSystem
from findops.conditions.equations import Equations
from findops.conditions.row_replacement import RowReplacementSystem
from findops.expressions.expression import Coef
from findops.grids.grid import Grid
from findops.operators.operator import Operator
from findops.plan.program import Chain, Layout, Program
from findops.problems.linear.basis import eigenbases
from findops.problems.linear.blocks import BlockDiagonalization, CoupledModes
from findops.problems.linear.diagonalization import FastDiagonalization
from findops.problems.linear.separation import Block, separated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem


__all__ = ["fast_diagonalization", "fast_solver_with_mean", "lines_of_sum"]

MEANS_CONDITION = 1e10
"""Condition number above which means do not decide on what the equations leave open."""

Place = tuple[int, int]
"""Row and column of a block."""


@overload
def fast_diagonalization(
    system: AffineSystem, transforms: Literal[False]
) -> FastDiagonalization | None: ...


@overload
def fast_diagonalization(
    system: AffineSystem, transforms: bool = True
) -> FastDiagonalization | BlockDiagonalization | None: ...


def fast_diagonalization(
    system: AffineSystem, transforms: bool = True
) -> FastDiagonalization | BlockDiagonalization | None:
    """Return a system's matrix, diagonalized along the axes; None if nothing does that.

    Eigenvectors along the axes diagonalize a Kronecker sum. Of components that couple, and of
    products along several axes, they leave a small matrix for each mode, if all that acts along an
    axis shares them. Without `transforms`, they come from dense matrices, and serve sums only.
    """
    op = system.operator
    if not isinstance(op, Operator) or isinstance(system, RowReplacementSystem):
        return None
    inputs, outputs = op.program.inputs, op.program.outputs
    blocks = separated(op.program)
    if blocks is None or inputs.count != outputs.count or system.equations.means:
        return None
    if inputs.count == 1 and _is_sum(block := blocks.get((0, 0), ())):
        return _kronecker_sum(system, block, transforms)
    if not transforms:
        return None
    groups = []
    for which in _coupled_components(blocks, inputs.count):
        group = _coupled(system, blocks, which)
        if group is None:
            return None
        groups.append(group)
    return BlockDiagonalization(tuple(groups), system.dtype.kind != "c")


def fast_solver_with_mean(system: AffineSystem) -> Callable[[Array], Array] | None:
    """Return the solver of A x + B c = b, means(x) = m, for separable A; None for any other.

    Where A is regular, c is what takes the means of A⁻¹(b − B c) to m. Where it is singular, with
    as many null vectors as there are means, c is what takes b to the range of A, and multiples of
    the null vectors bring the means to m.
    """
    fast = fast_diagonalization(replace(system, equations=replace(system.equations, means=())))
    if fast is None or fast.vanishing.size not in (0, len(system.equations.means)):
        return None
    means, constants = system.mean_rows.toarray(), system.constant_columns.toarray()
    n = len(constants)

    if not fast.vanishing.size:
        responses = np.stack([fast(column) for column in constants.T], axis=1)
        moved = means @ responses

        def regular(b: Array) -> Array:
            x = fast(b[:n])
            c = np.linalg.solve(moved, means @ x - b[n:])
            return np.concatenate([x - responses @ c, c])

        return regular if _solvable(moved) else None
    null = fast.null_vectors()
    free = means @ null
    outside = np.stack([fast.outside_range(column) for column in constants.T], axis=1)

    def singular(b: Array) -> Array:
        c = np.linalg.solve(outside, fast.outside_range(b[:n]))
        real = fast.real and np.isrealobj(b)
        c = c.real if real else c
        x = fast.solve_in_range(b[:n] - constants @ c)
        x = x + null @ np.linalg.solve(free, b[n:] - means @ x)
        return np.concatenate([x.real if real else x, c])

    return singular if _solvable(free) and _solvable(outside) else None


def _solvable(matrix: Array) -> bool:
    """Tell whether what decides on means is regular, in rows of one size."""
    sizes = np.abs(matrix).sum(axis=1, keepdims=True)
    return bool(sizes.all() and np.linalg.cond(matrix / sizes) <= MEANS_CONDITION)


def _is_sum(block: Block) -> bool:
    """Tell whether every product acts along one axis only."""
    return all(len(list(filter(None, product))) == 1 for product in block)


def lines_of_sum(system: AffineSystem) -> list[AffineSystem] | None:
    """Return the systems along the axes of a scalar that is a Kronecker sum, None if it is none."""
    op = system.operator
    if not isinstance(op, Operator) or isinstance(system, RowReplacementSystem):
        return None
    blocks = separated(op.program)
    if blocks is None or set(blocks) != {(0, 0)} or op.program.inputs.count != 1:
        return None
    if system.equations.means or not _is_sum(block := blocks[0, 0]):
        return None
    return _lines(system, block)


def _lines(system: AffineSystem, block: Block) -> list[AffineSystem] | None:
    """Return the system along each axis, None where conditions do not separate."""
    lines = []
    for i in range(system.values.grid.ndim):
        conditions = _conditions_along(system, i, 0)
        if conditions is None:
            return None
        chains = tuple(chain for product in block for chain in product[i])
        lines.append(_line(system, i, conditions, chains))
    return lines


def _kronecker_sum(
    system: AffineSystem, block: Block, transforms: bool
) -> FastDiagonalization | None:
    """Return the matrix of a scalar that is a Kronecker sum, None if an axis has no basis."""
    axes, lines = [], _lines(system, block)
    if lines is None:
        return None
    for line in lines:
        made = eigenbases([line], transforms)
        if made is None:
            return None
        axes += made
    return FastDiagonalization(tuple(axes), tuple(lines), system.dtype.kind != "c")


def _coupled_components(blocks: Mapping[Place, Block], count: int) -> list[tuple[int, ...]]:
    """Return the groups of components that couple."""
    coupled = np.zeros((count, count))
    for place in blocks:
        coupled[place] = 1
    groups, owners = connected_components(sparse.csr_array(coupled), directed=False)
    return [tuple(np.flatnonzero(owners == group).tolist()) for group in range(groups)]


def _coupled(
    system: AffineSystem, blocks: Mapping[Place, Block], which: tuple[int, ...]
) -> CoupledModes | None:
    """Return components that couple, diagonalized; None if an axis has no basis for all.

    A component without an equation, or in none, has no mode with an inverse: nothing is made of it.
    """
    products = {
        (which.index(row), which.index(col)): block
        for (row, col), block in blocks.items()
        if row in which
    }
    if any({place[side] for place in products} != set(range(len(which))) for side in (0, 1)):
        return None
    made: dict[Place, list[list[Array | None]]] = {
        place: [[] for _ in block] for place, block in products.items()
    }
    axes, walls = [], []
    for i in range(system.values.grid.ndim):
        conditions = [_conditions_along(system, i, component) for component in which]
        ends = [_line(system, i, each, ()) for each in conditions if each is not None]
        if len(ends) < len(which) or not all(_same_conditions(end, ends[0]) for end in ends):
            return None
        acting = [
            (values, product[i])
            for place, block in products.items()
            for values, product in zip(made[place], block, strict=True)
        ]
        lines = [_line(system, i, conditions[0] or [], chains) for _, chains in acting if chains]
        # Along a single axis a band is factored in less time than its eigenvectors are found.
        bases = eigenbases([ends[0], *lines], dense=system.values.grid.ndim > 1)
        if bases is None:
            return None
        found = iter(bases[1:])
        for values, chains in acting:
            values.append(next(found).values if chains else None)
        axes.append(bases[0])
        walls.append(ends[0])
    return CoupledModes(which, tuple(axes), tuple(walls), made)


def _same_conditions(one: AffineSystem, other: AffineSystem) -> bool:
    """Tell whether the same expressions are given at the same points."""
    mine, its = one.equations, other.equations
    if not np.array_equal(mine.replaced, its.replaced):
        return False
    return bool(abs(mine.matrix - its.matrix).nnz == 0)


def _conditions_along(system: AffineSystem, axis: int, component: int) -> list[Condition] | None:
    """Return what holds for a component at the ends of an axis, None if it does not separate."""
    grid = system.values.grid
    found = []
    for part in system.equations.parts:
        trace = part.condition.expression
        if part.place.face is None or not isinstance(trace, Trace):
            return None
        if not all(isinstance(c, Coef) and isinstance(c.value, AnyNumber) for c in trace.parts):
            return None
        owner = part.replaced[0] // math.prod(grid.shape)
        if grid.face_axis(part.place.face) == axis and owner == component:
            found.append(Condition(f"x{part.place.face[-1]}", trace))
    return found


def _line(
    system: AffineSystem, axis: int, conditions: list[Condition], chains: tuple[Chain, ...]
) -> AffineSystem:
    """Return the system along one axis that conditions make of a sum of chains."""
    grid = Grid(x=system.values.grid.axes[axis])
    points = Layout((), grid.shape)
    none = ((0, 0),)
    op = Operator(Program(points, points, chains), grid, grid, none, none, ("line",))
    return EliminationSystem(op, Equations.of(op, conditions, system.equations.slopes[axis]))
