"""Contests in assembling sparse matrices, from expressions, so that nothing is there yet."""

from __future__ import annotations

import operator
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from pyamg.gallery import poisson
from scipy import sparse
from scipy.sparse.linalg import LaplacianNd

from benchmarks.contest import Code, agree, entries
from benchmarks.peers.findiff import expression
from benchmarks.problem import LAPLACIAN, Problem, Transport
from findops import Diff, Field, Grid, Laplacian, Uniform

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contest import Array, Contest, Shape

__all__ = ["accurate", "assemblies", "refreshed", "transport", "with_findiff", "zeros_outside"]

KRON = "sum of scipy.sparse.kron"


def zeros_outside(shape: Shape) -> Contest:
    """Assemble the Laplacian with zeros outside, which PyAMG and SciPy have ready."""
    grid = Grid(*(Uniform(n=n, step=1) for n in shape))
    u = np.random.default_rng(4).random(shape)
    product = _product(u)
    lines = [Diff(0, 2).matrix(Grid(Uniform(n=n, step=1)), closure="zero") for n in shape]
    codes = {
        "findops": Code(lambda: Laplacian().matrix(grid, closure="zero"), product),
        "PyAMG": Code(lambda: poisson(shape, format="csr"), lambda A: -product(A)),
        "LaplacianNd": Code(lambda: _nd(shape), product),
        KRON: Code(lambda: _krons(lines), product),
    }
    agree(codes, shape, Laplacian().on(grid, closure="zero"), u)
    return _against_findops(codes)


def accurate(shape: Shape, acc: int) -> Contest:
    """Assemble the Laplacian with accurate rows at the boundaries."""
    problem = Problem(LAPLACIAN, shape, acc)
    codes = assemblies(shape, acc)
    agree(codes, problem.inner, problem.operator, problem.field)
    return _against_findops(codes)


def with_findiff(shape: Shape, acc: int) -> Contest:
    """Assemble it with findiff too, which takes long."""
    problem = Problem(LAPLACIAN, shape, acc)
    first, *others = (expression(problem, part.orders) for part in problem.parts)
    theirs = sum(others, start=first)
    codes = assemblies(shape, acc)
    codes["findiff"] = Code(lambda: theirs.matrix(shape), _product(problem.field))
    agree(codes, problem.inner, problem.operator, problem.field)
    return _against_findops(codes)


def assemblies(shape: Shape, acc: int) -> dict[str, Code]:
    """Return how findops and SciPy assemble the Laplacian with accurate rows."""
    problem = Problem(LAPLACIAN, shape, acc)
    expression, product = Laplacian(acc=acc), _product(problem.field)
    lines = [Diff(0, 2, acc).matrix(Grid(axis)) for axis in problem.grid.axes]
    return {
        "findops": Code(lambda: expression.matrix(problem.grid), product),
        KRON: Code(lambda: _krons(lines), product),
    }


def transport(shape: Shape) -> Contest:
    """Assemble advection and diffusion with variable coefficients."""
    problem = Transport(shape)
    op, u = problem.operator, problem.field
    lines = [
        (
            Diff(0).matrix(Grid(axis)),
            Diff(0, to="half").matrix(Grid(axis)),
            Diff(0, to="node").matrix(Grid(axis.half())),
        )
        for axis in problem.grid.axes
    ]

    def krons() -> Any:
        total = 0
        for axis, (first, there, back) in enumerate(lines):
            at_nodes = sparse.diags_array(problem.velocity[axis].ravel())
            at_half = sparse.diags_array(problem.conductivity[axis].ravel())
            advection = at_nodes @ _placed(first, axis, shape)
            fluxes = at_half @ _placed(there, axis, shape)
            total = total + advection + _placed(back, axis, shape) @ fluxes
        return total

    product = _product(u)
    codes = {
        "findops": Code(lambda: problem.expression.matrix(problem.grid), product),
        KRON: Code(krons, product),
    }
    agree(codes, tuple(n - 4 for n in shape), op, u)
    return _against_findops(codes)


def refreshed(shape: Shape) -> Contest:
    """Give a field another value, in the operator and in its matrix."""
    rng = np.random.default_rng(5)
    grid = Grid(*(Uniform(0, 1, n) for n in shape))
    expression = Field("c") * Laplacian()
    c, u = rng.random(shape), rng.random(shape)
    op = expression.on(grid, c=rng.random(shape))
    op.matrix()
    product = _product(u)
    codes = {
        "replace, matrix": Code(lambda: op.replace(c=c).matrix(), product),
        "on, matrix": Code(lambda: expression.on(grid, c=c).matrix(), product),
    }
    agree(codes, shape, op.replace(c=c), u)
    codes["replace"] = Code(lambda: op.replace(c=c))
    return entries(codes, {"on, matrix": "replace, matrix"})


def _against_findops(codes: dict[str, Code]) -> Contest:
    return entries(codes, {name: "findops" for name in codes if name != "findops"})


def _product(u: Array) -> Callable[[Any], Array]:
    """Return how to read a matrix: by its product with a field."""
    return lambda A: (A @ u.ravel()).reshape(u.shape)


def _nd(shape: Shape) -> Any:
    """Return the Laplacian of SciPy, in the same format as the others."""
    return LaplacianNd(shape, boundary_conditions="dirichlet", dtype=np.float64).tosparse().tocsr()


def _krons(lines: list[Any]) -> Any:
    """Return the sum over the axes of the matrices of one dimension."""
    shape = tuple(line.shape[1] for line in lines)
    placed = (_placed(line, axis, shape) for axis, line in enumerate(lines))
    return reduce(operator.add, placed)


def _placed(line: Any, axis: int, shape: Shape) -> Any:
    """Return the matrix that acts along one axis of many."""
    factors = [line if i == axis else sparse.eye_array(n) for i, n in enumerate(shape)]
    return reduce(lambda A, B: sparse.kron(A, B, format="csr"), factors)
