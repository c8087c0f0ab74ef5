"""Law 2: an order-d derivative with accuracy p is exact on polynomials of degree < d + p."""

import itertools
import math

import numpy as np
from hypothesis import given

from tests.cases import AROUND, EVERY, each, orders
from tests.grids import kinds
from tests.strategies import constant_trees
from tests.support import (
    assert_rows_close,
    coordinates,
    input_points,
    magnitudes,
    matrix,
    open_mesh,
    row_scale,
)

PLAIN = [c for c in EVERY if c.constant and c.acc is not None and c.refine and c not in AROUND]


def monomial(points, origin, length, powers, alpha):
    """∂^alpha Π t^power at the points, with t = 1 + (x - origin)/length on each axis."""
    result = np.ones((1,) * len(points))
    for x, o, size, m, d in zip(open_mesh(points), origin, length, powers, alpha, strict=True):
        t = 1 + (x - o) / size
        factor = math.perm(m, d) * t ** max(m - d, 0) / size**d if d <= m else 0 * t
        result = result * factor
    return result


def degrees(case, moved):
    """The greatest degree along each axis on which the claim makes the operator exact."""
    terms = [orders(letters, len(moved)) for *_, t in case.entries() for letters in t]
    found = []
    for axis, half in enumerate(moved):
        used = [alpha[axis] for alpha in terms if alpha[axis] > 0 or half or case.smooths]
        found.append(min(used) + case.acc - 1 if used else 1)
    return found


def check_exact(op, points_in, points_out, entries, powers, rows, ins=(), outs=(), parts=None):
    """Every monomial of these powers gives its derivative, at the chosen rows."""
    A = matrix(op) if parts is None else parts
    origin = [p.mean() for p in points_in]
    length = [max(2 * np.ptp(p), 1.0) for p in points_in]
    shape_in = tuple(map(len, points_in))
    columns = int(np.prod(ins))
    for power, column in itertools.product(powers, range(columns)):
        u = np.zeros((columns, *shape_in))
        u[column] = monomial(points_in, origin, length, power, (0,) * len(shape_in))
        want = np.zeros((int(np.prod(outs)), *map(len, points_out)), dtype=complex)
        for i, j, terms in entries:
            for alpha, c in terms.items() if j == column else ():
                want[i] += c * monomial(points_out, origin, length, power, alpha)
        scale = row_scale(A, u).reshape(want.shape)
        got = op(u.reshape(ins + shape_in)).reshape(want.shape)
        inside = (slice(None), *rows)
        assert_rows_close(got[inside], want[inside], scale[inside], 1e-13)


def powers_up_to(tops, total=None):
    """All powers up to the top degree of each axis, or where they are many a sample of them."""
    powers = [
        p for p in itertools.product(*(range(top + 1) for top in tops)) if sum(p) <= (total or 99)
    ]
    return powers if len(powers) <= 60 else powers[-20:] + powers[:: len(powers) // 40]


@each(PLAIN)
def test_exact_at_every_row(case):
    grid, op = case.grid(), case.op()
    points_in, points_out = input_points(grid, op), coordinates(op.range)
    moved = [len(p) != len(q) or np.any(p != q) for p, q in zip(points_in, points_out, strict=True)]
    entries = [
        (i, j, {orders(letters, grid.ndim): c for letters, c in terms.items()})
        for i, j, terms in case.entries()
    ]
    # A polynomial is not periodic: there, rows whose stencil wraps are left to law 3.
    rows = tuple(
        slice(case.m // 3, -(case.m // 3)) if kind.startswith("periodic") else slice(None)
        for kind in kinds(case.spec)
    )
    tops = degrees(case, moved)
    powers = powers_up_to(tops, None if case.tensor else max(tops))
    check_exact(op, points_in, points_out, entries, powers, rows, case.ins, case.outs)


@given(constant_trees())
def test_any_tree_of_constant_coefficients_is_exact(drawn):
    """A tree carries its meaning: sums add, products multiply polynomials in ∂."""
    points = coordinates(drawn.grid)
    rows = (slice(None),) * drawn.grid.ndim
    powers = powers_up_to(drawn.degrees)
    parts = magnitudes(drawn.op)
    check_exact(drawn.op, points, points, [(0, 0, drawn.meaning)], powers, rows, parts=parts)
