"""What the tests share: exact arithmetic, test fields with known derivatives, tolerances."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from findops.executors.assembly.scipy import assemble

# Tolerances are stated against Σ|w||u| of the row.
TOLERANCE = {"f": 1e-6, "d": 1e-13, "F": 1e-6, "D": 1e-13}


# Exact arithmetic -------------------------------------------------------------------------------


def solve_exactly(matrix, right):
    """Solve a square system of Fractions by Gaussian elimination."""
    rows = [
        [Fraction(v) for v in row] + [Fraction(r)] for row, r in zip(matrix, right, strict=True)
    ]
    n = len(rows)
    for column in range(n):
        pivot = next(i for i in range(column, n) if rows[i][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        head = rows[column][column]
        rows[column] = [v / head for v in rows[column]]
        for i in range(n):
            factor = rows[i][column]
            if i != column and factor != 0:
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[column], strict=True)]
    return [row[-1] for row in rows]


def vandermonde_weights(order, nodes, at=0):
    """Weights of the order-th derivative at `at`: the moment conditions, solved in Fractions."""
    shifted = [Fraction(node) - Fraction(at) for node in nodes]
    moments = [[s**q for s in shifted] for q in range(len(nodes))]
    right = [math.factorial(order) if q == order else 0 for q in range(len(nodes))]
    return tuple(solve_exactly(moments, right))


def leading_error(order, offsets, weights):
    """(C, q) of D_h u = u^(order) + C h^(q - order) u^(q) + …, from exact moments."""
    q = 0
    while True:
        moment = sum(w * Fraction(s) ** q for s, w in zip(offsets, weights, strict=True))
        residual = moment / math.factorial(q) - (q == order)
        if residual != 0:
            return residual, q
        q += 1


# Shapes and coordinates -------------------------------------------------------------------------


def coordinates(grid):
    """Return the coordinates of each axis, one-dimensional."""
    return [np.ravel(c) for c in grid.coordinates()]


def open_mesh(points):
    """Return each axis's coordinates shaped to broadcast against the others."""
    d = len(points)
    return [np.reshape(p, (1,) * i + (-1,) + (1,) * (d - 1 - i)) for i, p in enumerate(points)]


def input_points(grid, op):
    """Coordinates of the points that `op` reads: those of the grid, and the ghosts it asks for."""
    points = []
    for name, axis, x in zip(grid.names, grid.axes, coordinates(grid), strict=True):
        low, high = op.halo.get(f"{name}-", 0), op.halo.get(f"{name}+", 0)
        if axis.ghosts_known > (low, high):
            points.append(axis.position(np.arange(-low, len(x) + high)).astype(float))
            continue
        first, last = (x[1] - x[0], x[-1] - x[-2]) if len(x) > 1 else (0.0, 0.0)
        before = x[0] - first * np.arange(low, 0, -1)
        after = x[-1] + last * np.arange(1, high + 1)
        points.append(np.concatenate([before, x, after]))
    return points


def input_shape(grid, op, components=()):
    """Shape of the array that `op` reads: components first, then the points with their ghosts."""
    return tuple(components) + tuple(len(p) for p in input_points(grid, op))


def random_array(shape, dtype=float, seed=0):
    """Random numbers of any dtype, of magnitude about one (integers about ten)."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        low = 0 if dtype.kind == "u" else -9
        return rng.integers(low, 10, shape).astype(dtype)
    values = rng.uniform(-1, 1, shape)
    if dtype.kind == "c":
        values = values + 1j * rng.uniform(-1, 1, shape)
    return values.astype(dtype)


# Comparison -------------------------------------------------------------------------------------


def matrix(op):
    """The matrix of an operator; where it is implicit, that of its rows written out."""
    return op.written.matrix()


def magnitudes(op):
    """The matrix of the plan with every weight and coefficient replaced by its magnitude.

    Where the parts of a sum or a product cancel, their magnitudes measure the roundoff, not those
    of what remains of them.
    """

    def row(edge):
        return replace(edge, weights=np.abs(edge.weights))

    def band(b):
        edges = {"head": tuple(map(row, b.head)), "tail": tuple(map(row, b.tail))}
        return replace(b, weights=np.abs(b.weights), **edges)

    def factor(f):
        return f if f.selects else replace(f, value=np.abs(f.value))

    def term(t):
        bands = tuple(b and band(b) for b in t.bands)
        return replace(t, bands=bands, scale=abs(t.scale), factors=tuple(map(factor, t.factors)))

    return assemble(op.program.written.map_terms(term))


def row_scale(matrix, u):
    """Σ|w||u| of each row, the measure of its roundoff."""
    return abs(matrix) @ np.abs(np.ravel(u))


def assert_rows_close(got, want, scale, tol):
    """Compare row by row against the row's own scale; a row of zeros must be zero."""
    got, want = np.ravel(np.asarray(got)), np.ravel(np.asarray(want))
    assert got.shape == want.shape
    assert np.all(np.isfinite(got))
    excess = np.abs(got - want) - tol * np.ravel(scale)
    worst = int(np.argmax(excess)) if excess.size else 0
    assert np.all(excess <= 0), (
        f"row {worst}: got {got[worst]}, want {want[worst]}, "
        f"scale {np.ravel(scale)[worst]}, allowed {tol} of it"
    )


def assert_same_matrix(A, B, tol=1e-13, parts=None):
    """Two sparse matrices agree, entry by entry, against the largest entry of the row."""
    A, B = A.toarray(), B.toarray()
    assert A.shape == B.shape
    size = np.maximum(np.abs(A), np.abs(B)) if parts is None else parts.toarray()
    largest = size.max(axis=1, initial=0.0, keepdims=True)
    assert np.all(np.abs(A - B) <= tol * largest)


def accuracy_of_rows(matrix, x_out, x_in, order, period=None):
    """The order of the error of each row of a derivative in one dimension, from its moments.

    A row's residual moments are Σ w (x_j - x_i)^q / q! - δ_{q,order}; the first that is not zero
    (beyond roundoff) makes the error of order q - order. Independent of the package: only the
    matrix and the coordinates go in. A row whose first 40 moments vanish counts as exact.
    """
    matrix = matrix.tocsr()
    found = np.full(len(x_out), np.inf)
    for i, x in enumerate(x_out):
        entries = slice(matrix.indptr[i], matrix.indptr[i + 1])
        distance = x_in[matrix.indices[entries]] - x
        if period is not None:
            distance = distance - period * np.round(distance / period)
        weights = matrix.data[entries]
        for q in range(40):
            powers = distance**q / math.factorial(q)
            residual = weights @ powers - (q == order)
            if abs(residual) > 1e-11 * (np.abs(weights) @ np.abs(powers) + (q == order)):
                found[i] = q - order
                break
    return found
