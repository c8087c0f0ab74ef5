"""Contests in applying operators to arrays."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import solve_banded

from benchmarks.contest import FRESH, INTO, Array, Code, agree, entries, inner_rows
from benchmarks.copying import COPY, copying
from benchmarks.peers.table import PEERS
from benchmarks.problem import LAPLACIAN, Problem
from findops import Compact, Diff, Grid, Laplacian, Points, Uniform

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmarks.contest import Contest, Shape
    from benchmarks.problem import Kind

__all__ = [
    "BOUND",
    "GRADIENT",
    "GRADIENT_ALONG",
    "GRADIENT_UNEVEN",
    "applied",
    "compact",
    "overhead",
    "precision",
    "rebound",
    "spacings",
    "transposed",
]

GRADIENT, GRADIENT_ALONG = "np.gradient(u, h)", "np.gradient(u, h, axis=0)"
"""What calls on small arrays are set against."""

BOUND, GRADIENT_UNEVEN = "findops, bind and apply", "np.gradient(u, x)"
"""What new coordinates cost."""

SETS = 16
"""Sets of coordinates that follow each other, more than anybody keeps."""

CENTRAL, SOLVE = "findops, Central()", "scipy.linalg.solve_banded"
"""What compact derivatives are set against."""


def applied(
    shape: Shape,
    kind: Kind,
    acc: int = 2,
    dtype: str = "float64",
    peers: Collection[str] = tuple(PEERS),
) -> Contest:
    """Set findops against the threaded copy of the larger field and all peers that can."""
    problem = Problem(kind, shape, acc, dtype)
    op, u = problem.operator, problem.field
    v = op(u)
    codes = {INTO: Code(lambda: op(u, out=v)), FRESH: Code(lambda: op(u))}
    against = {COPY: INTO}
    for name, peer in PEERS.items():
        if name in peers and peer.can(problem):
            codes[name] = peer.prepare(problem)
            against[name] = INTO if peer.reuses else FRESH
    agree(codes, problem.inner, op, u)
    codes[COPY] = copying(max(u, v, key=np.size))
    return entries(codes, against)


def precision(shape: Shape, acc: int) -> Contest:
    """Set single against double precision."""
    half, full = (Problem(LAPLACIAN, shape, acc, dtype) for dtype in ("float32", "float64"))
    u, same = half.field, half.field.astype(np.float64)
    v, w = half.operator(u), full.operator(same)
    codes = {
        "float32": Code(lambda: half.operator(u, out=v)),
        "float64": Code(lambda: full.operator(same, out=w)),
    }
    agree(codes, half.inner, half.operator, u)
    return entries(codes, {"float64": "float32"})


def compact(shape: Shape, axis: int, acc: int, left: int) -> Contest:
    """Set a compact first derivative against the copy, the central one, and SciPy's solver."""
    grid = Grid(*(Uniform(0, 1, n) for n in shape))
    op = Diff(axis, acc=acc, scheme=Compact(left)).on(grid)
    central = Diff(axis, acc=acc).on(grid)
    u = np.random.default_rng(0).random(shape)
    v = op(u)
    sides = Diff(0, acc=acc, scheme=Compact(left)).on(Grid(grid.axes[axis])).pair()
    diagonals = np.zeros((2 * left + 1, shape[axis]))
    for k in range(-left, left + 1):
        values = sides[0].diagonal(k)
        diagonals[left - k, max(k, 0) : max(k, 0) + len(values)] = values

    def solved() -> Array:
        lines = np.moveaxis(u, axis, 0)
        right = sides[1] @ lines.reshape(shape[axis], -1)
        found = solve_banded((left, left), diagonals, right, overwrite_b=True)
        return np.moveaxis(found.reshape(lines.shape), 0, axis)

    codes = {INTO: Code(lambda: op(u, out=v)), FRESH: Code(lambda: op(u)), SOLVE: Code(solved)}
    agree(codes, tuple(n // 2 for n in shape), op.written, u)
    codes[CENTRAL] = Code(lambda: central(u, out=v))
    codes[COPY] = copying(u)
    return entries(codes, {COPY: INTO, CENTRAL: INTO, SOLVE: FRESH})


def transposed(shape: Shape, acc: int) -> Contest:
    """Set the transpose against the operator, which inside is symmetric."""
    problem = Problem(LAPLACIAN, shape, acc)
    op, u = problem.operator, problem.field
    v, flipped = op(u), op.T
    codes = {
        "op.T(u)": Code(lambda: flipped(u, out=v)),
        "op(u)": Code(lambda: op(u, out=v)),
    }
    # The transpose carries the closures' rows, as long as their stencils are, into the inside.
    closures = 2 * problem.reach + 2
    agree(codes, tuple(n - 2 * closures for n in shape), op, u)
    return entries(codes, {"op(u)": "op.T(u)"})


def spacings(shape: Shape, acc: int) -> Contest:
    """Set uneven against even spacing."""
    problem = Problem(LAPLACIAN, shape, acc)
    even, u = problem.operator, problem.field
    v = even(u)
    uneven = Laplacian(acc=acc).on(Grid(*(Points(_stretched(n)) for n in shape)))
    rows = inner_rows(uneven)
    matrix = uneven.matrix(rows=rows)
    applied_and_assembled = {
        "apply": Code(lambda: uneven(u), lambda result: result.ravel()[rows]),
        "matrix": Code(lambda: matrix @ u.ravel()),
    }
    agree(applied_and_assembled, rows.shape, uneven, u)
    codes = {
        "uneven": Code(lambda: uneven(u, out=v)),
        "even": Code(lambda: even(u, out=v)),
        COPY: copying(u),
    }
    return entries(codes, {"even": "uneven", COPY: "uneven"})


def _stretched(n: int) -> Array:
    s = np.linspace(0, 1, n)
    return s + 0.1 * np.sin(2 * np.pi * s) / (2 * np.pi)


def overhead(shape: Shape, kind: Kind) -> Contest:
    """Set calls on small arrays against each other, where only overhead counts."""
    problem = Problem(kind, shape)
    expression, op, u = kind.expression(2), problem.operator, problem.field
    v = op(u)
    codes = {
        FRESH: Code(lambda: op(u)),
        INTO: Code(lambda: op(u, out=v)),
        "findops, unbound": Code(lambda: expression(u, problem.grid)),
        "findiff": PEERS["findiff"].prepare(problem),
    }
    agree(codes, problem.inner, op, u)
    # First derivatives, whatever the others compute: calls that everybody knows.
    h = problem.spacing[0]
    codes[GRADIENT] = Code(lambda: np.gradient(u, h))
    codes[GRADIENT_ALONG] = Code(lambda: np.gradient(u, h, axis=0))
    return entries(codes, dict.fromkeys(("findiff", GRADIENT, GRADIENT_ALONG), FRESH))


def rebound(shape: Shape) -> Contest:
    """Bind a first derivative to coordinates that no call had before, and apply it."""
    (n,) = shape
    rng = np.random.default_rng(0)
    u = rng.random(n)
    moved = [_stretched(n) + rng.random() for _ in range(SETS)]
    # Both begin with the same set, which is what their results are compared on.
    ours, theirs = cycle(moved), cycle(moved)
    # Spacings are differences of coordinates, whose roundoff they magnify.
    rounded = float(np.finfo(float).eps) * np.abs(moved[0]).max() / np.diff(moved[0]).min()
    codes = {
        BOUND: Code(lambda: Diff(0).on(Grid(Points(next(ours))))(u)),
        GRADIENT_UNEVEN: Code(lambda: np.gradient(u, next(theirs)), rounded=rounded),
    }
    agree(codes, (n - 2,), Diff(0).on(Grid(Points(moved[0]))), u)
    return entries(codes, {GRADIENT_UNEVEN: BOUND})
