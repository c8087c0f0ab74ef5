"""Vector calculus between nodes, edges, faces and centers, and systems of such components."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from findops import (
    BVP,
    EVP,
    Block,
    Cells,
    Coef,
    Compact,
    Condition,
    Curl,
    Diff,
    Divergence,
    Field,
    Gradient,
    Grid,
    Interpolate,
    Laplacian,
    Operator,
    Periodic,
    Points,
    Uniform,
    Upwind,
    VectorLaplacian,
)
from tests.support import random_array

EDGES = ["x", "y", "z"]
FACES = [("y", "z"), ("x", "z"), ("x", "y")]
CENTERS = ("x", "y", "z")
STOKES = Block([[-VectorLaplacian(), Gradient(to="half")], [Divergence(to="node"), 0]])

UNEVEN = Points([0.0, 0.1, 0.3, 0.6, 0.7, 0.9, 1.0])
GRIDS_3D = {
    "uniform": Grid(x=Uniform(0, 1, 6), y=Uniform(0, 2, 7), z=Uniform(0, 1, 8)),
    "cells": Grid(x=Cells(0, 1, 6), y=Cells(0, 2, 7), z=Cells(0, 1, 8)),
    "periodic": Grid(x=Periodic(0, 1, 6), y=Periodic(0, 2, 7), z=Periodic(0, 1, 8)),
    "mixed": Grid(x=Uniform(1, 0, 6), y=Periodic(0, 2, 6), z=UNEVEN),
}
BOX = Grid(x=Cells(0, 1, 4), y=Cells(0, 1, 5))


def fields(side, dtype=float, batch=(), seed=0):
    """Random components on the grids of one side of an operator."""
    return tuple(random_array((*batch, *g.shape), dtype, seed + i) for i, g in enumerate(side))


def flat(components):
    return np.concatenate([np.ravel(part) for part in components])


# Expressions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [Gradient, Divergence, Curl])
def test_positions_print(made):
    assert str(made(to="half")) == f"{made()}[to half]"
    assert repr(made(["x", "y"], to="node")) == f"{made.__name__}(['x', 'y'], to='node')"
    assert made(to="half") != made()
    assert pickle.loads(pickle.dumps(made(to="half"))) == made(to="half")
    assert r"^{\to\mathrm{half}}" in made(to="half")._repr_latex_()


def test_every_derivative_goes_to_the_half_points_of_its_own_axis():
    half = Fraction(1, 2)
    stencil = Curl(["x", "y"], to="half").stencil(1)
    assert stencil[0, 0] == {(0, -half): 1, (0, half): -1}
    assert stencil[0, 1] == {(-half, 0): -1, (half, 0): 1}


@pytest.mark.parametrize("made", [Gradient, Divergence, Curl])
def test_what_maps_nowhere_is_refused(made):
    with pytest.raises(ValueError, match=f"{made.__name__}: to must be 'half' or 'node'"):
        made(to="edge")
    with pytest.raises(ValueError, match="works from points to the same points"):
        made(scheme=Upwind(1), to="half")


# Positions ----------------------------------------------------------------------------------------


def grids_at(grid, positions):
    made = []
    for position in positions:
        placed = grid
        for axis in () if position is None else position:
            placed = placed.half(axis)
        made.append(placed)
    return tuple(made)


@pytest.mark.parametrize("grid", GRIDS_3D.values(), ids=GRIDS_3D)
def test_nodes_to_edges_to_faces_to_centers_and_back(grid):
    """Yee's complex: what one operator gives is where the next one reads."""
    steps = [
        (Gradient, [None], EDGES),
        (Curl, EDGES, FACES),
        (Divergence, FACES, [CENTERS]),
    ]
    for made, here, there in steps:
        op = made(to="half").on(grid, at=here)
        assert op.domain == grids_at(grid, here)
        assert op.range == grids_at(grid, there)
    for made, here, there in [
        (Gradient, [CENTERS], FACES),
        (Curl, FACES, EDGES),
        (Divergence, EDGES, [None]),
    ]:
        op = made(to="node").on(grid, at=here)
        assert op.domain == grids_at(grid, here)
        assert op.range == grids_at(grid, there)


def test_numbers_of_half_points():
    grid = Grid(x=Uniform(0, 1, 5), y=Cells(0, 1, 6), z=Periodic(0, 1, 7))
    op = Gradient(to="half").on(grid)
    assert [side.shape for side in op.range] == [(4, 6, 7), (5, 7, 7), (5, 6, 7)]


CLOSURES = ["accurate", 1, "odd", "even", "zero", {"x-": "odd", "z+": "even", "y-": "zero"}]


@pytest.mark.parametrize("acc", [2, 4])
@pytest.mark.parametrize("closure", CLOSURES, ids=str)
@pytest.mark.parametrize("grid", GRIDS_3D.values(), ids=GRIDS_3D)
def test_identities(grid, closure, acc):
    """The curl of a gradient and the divergence of a curl vanish: derivatives commute."""
    if isinstance(closure, dict):
        closure = {face: kind for face, kind in closure.items() if face in grid.faces}
    for to, at in [("half", ([None], EDGES, FACES)), ("node", ([CENTERS], FACES, EDGES))]:
        grad, curl, div = (
            made(acc=acc, to=to).on(grid, closure, at=here)
            for made, here in zip((Gradient, Curl, Divergence), at, strict=True)
        )
        phi, E = fields(grad.domain)[0], fields(curl.domain)
        slopes = grad(phi)
        size = max(abs(part).max() for part in slopes) * abs(curl.matrix()).sum(axis=1).max()
        assert max(abs(part).max() for part in curl(slopes)) <= 1e-14 * size
        size = max(abs(part).max() for part in curl(E)) * abs(div.matrix()).sum(axis=1).max()
        assert abs(div(curl(E))).max() <= 1e-14 * size


def test_products_that_cancel_keep_their_positions():
    grid = GRIDS_3D["uniform"]
    zero = (Curl(to="half") @ Gradient(to="half")).on(grid)
    assert zero.range == grids_at(grid, FACES)
    assert zero.matrix().nnz == 0
    assert all(not part.any() for part in zero(np.ones(grid.shape)))
    last = (Divergence(to="half") @ Curl(to="half")).on(grid, at=EDGES)
    assert last(fields(last.domain)).shape == grids_at(grid, [CENTERS])[0].shape
    flatland = Grid(x=Cells(0, 1, 4), y=Cells(0, 1, 5))
    plane = (Curl(to="half") @ Gradient(to="half")).on(flatland)
    assert plane.range == flatland.half("x").half("y")


def test_a_row_of_zeros_stands_with_its_own_component():
    op = Block([[0, 0], [0, Diff("x", to="half")]]).on(BOX, at=["y", None])
    assert op.range == (BOX.half("y"), BOX.half("x"))
    np.testing.assert_array_equal(op(fields(op.domain))[0], 0)
    out = fields(op.range)
    before = out[0].copy()
    np.testing.assert_array_equal(op(fields(op.domain), out=out, add=True)[0], before)


@pytest.mark.parametrize("at", ["x", ["x"], ("x",), [("x",)], 0])
def test_a_scalar_at_half_points_has_a_plain_operator(at):
    op = Diff("x", to="node").on(BOX, at=at)
    assert isinstance(op, Operator)
    assert (op.domain, op.range) == (BOX.half("x"), BOX)
    np.testing.assert_array_equal(
        op.matrix().toarray(), Diff("x", to="node").matrix(BOX, at=at).toarray()
    )
    both = Laplacian().on(BOX, at=("x", "y"))
    assert both.domain == BOX.half("x").half("y") == both.range


def test_without_positions_all_stand_at_nodes():
    assert isinstance(VectorLaplacian().on(BOX), Operator)
    assert isinstance((Divergence(to="node") @ Gradient(to="half")).on(BOX), Operator)
    op = Gradient(to="half").on(BOX)
    assert op.domain == (BOX,)
    assert op.range == (BOX.half("x"), BOX.half("y"))
    assert repr(op) == "<StaggeredOperator ∇[to half]: [None] → ['x', 'y'], 49×20>"


def test_unnamed_axes_go_by_index():
    grid = Grid(Cells(0, 1, 4), Cells(0, 1, 5))
    op = Divergence(to="node").on(grid, at=[0, -1])
    assert op.domain == (grid.half(0), grid.half(1))


# What is refused ----------------------------------------------------------------------------------

WRONG = {
    "too few": (["x", "y"], r"operates on 3 components, but at= has 2 positions: \['x', 'y'\]"),
    "too many": (["x", "y", None, None], "operates on 3 components, but at= has 4 positions"),
    "no list": ("x", "operates on 3 components, but at= has 1 position: 'x'"),
    "twice": (["x", ("y", "y"), None], r"component 1 names the axis 'y' twice: \('y', 'y'\)"),
    "unknown": (["x", "z", None], r"there is no axis 'z' in Grid\(x, y\)"),
    "apart": (
        ["x", "x", None],
        r"row 1 of Block.* does not meet: component 1 \(at half points of 'x'\) ends at half "
        r"points of 'x', component 2 \(at nodes\) at half points of 'y'",
    ),
    "wrong start": (
        ["x", "y", "x"],
        r"row 0 of Block.*: component 2 \(at half points of 'x'\) does not fit: Diff\('x', "
        r"to='half'\) maps values from nodes, but along 'x' they are at half points",
    ),
}


@pytest.mark.parametrize(("at", "message"), WRONG.values(), ids=WRONG)
def test_wrong_positions_are_refused(at, message):
    with pytest.raises(ValueError, match=message):
        STOKES.on(BOX, at=at)


def test_refusals_say_what_to_do():
    with pytest.raises(ValueError, match=r"does not meet: .* at=\[…\] says where components stand"):
        STOKES.on(BOX)
    with pytest.raises(ValueError, match=r"does not fit: .* at=\[…\] says where components stand"):
        Divergence(to="node").on(BOX)
    with pytest.raises(TypeError, match=r"an axis is a name or an index, not 1\.5"):
        STOKES.on(BOX, at=["x", 1.5, None])
    with pytest.raises(ValueError, match=r"at half points along 'x': give grid\.half"):
        STOKES.on(BOX.half("x"), at=["x", "y", None])
    with pytest.raises(ValueError, match=r"the terms of .* do not meet: .* ends at nodes"):
        (Diff("x") + Diff("x", to="half")).on(BOX)
    with pytest.raises(ValueError, match="cannot be named 'at'"):
        Field("at")


def test_problems_refuse_in_words():
    op = STOKES.on(BOX, at=["x", "y", None])
    for made in (BVP, EVP):
        with pytest.raises(ValueError, match="must map components to components at the same"):
            made(Gradient(to="half"), BOX)
    with pytest.raises(ValueError, match="need to stand at the same points here"):
        Laplacian().on(BOX).subject_to(Condition("x-", Gradient(to="half")))
    for refused in (op.subject_to, op.under, op.masked):
        with pytest.raises(ValueError, match="not made for components at different points"):
            refused(())


def test_fields_that_do_not_fit_are_refused():
    op = STOKES.on(BOX, at=["x", "y", None])
    u = fields(op.domain)
    with pytest.raises(TypeError, match=r"u is a tuple of arrays, one for each .* not numpy"):
        op(np.ones((3, 4, 5)))
    with pytest.raises(ValueError, match="u needs 3 arrays, one for each component, but has 2"):
        op(u[:2])
    with pytest.raises(ValueError, match=r"component 1 has shape \(5, 5\)"):
        op((u[0], u[0], u[2]))
    with pytest.raises(ValueError, match=r"same batch axes, but have \[\(2,\), \(\), \(\)\]"):
        op((np.stack([u[0]] * 2), *u[1:]))
    with pytest.raises(TypeError, match="add=True needs out="):
        op(u, add=True)
    with pytest.raises(TypeError, match="out must be an array of float64"):
        op(u, out=tuple(part.astype(np.float32) for part in u))
    with pytest.raises(ValueError, match="out needs 3 arrays"):
        op(u, out=u[:1])
    with pytest.raises(TypeError, match="scale must be a number"):
        op(u, scale="2")
    with pytest.raises(ValueError, match="vectors of length 69, but got shape"):
        op.matvec(np.ones(68))
    with pytest.raises(TypeError, match="is not an array"):
        np.asarray(op)


# Values -------------------------------------------------------------------------------------------


C_GRIDS = {
    "uniform": (Grid(x=Uniform(0, 1, 9), y=Uniform(0, 2, 9)), "half", ["y", "x"]),
    "cells": (Grid(x=Cells(0, 1, 8), y=Cells(0, 2, 8)), "node", ["x", "y"]),
}


@pytest.mark.parametrize(("grid", "to", "at"), C_GRIDS.values(), ids=C_GRIDS)
def test_divergence_on_a_c_grid(grid, to, at):
    """u = x, v = 2y."""
    op = Divergence(to=to).on(grid, at=at)
    (x, _), (_, y) = (side.mesh() for side in op.domain)
    np.testing.assert_array_equal(op.accuracy, np.full((8, 8), 2))
    np.testing.assert_array_equal(op((x, 2 * y)), np.full((8, 8), 3))


def test_stokes_by_hand():
    op = STOKES.on(BOX, {"x-": ["odd", "even", "even"], "y+": "zero"}, at=["x", "y", None])
    faces = [BOX.half(axis) for axis in ("x", "y")]
    kinds = [{"x-": kind, "y+": "zero"} for kind in ("odd", "even", "even")]
    lap = [-Laplacian().matrix(g, kind) for g, kind in zip(faces, kinds[:2], strict=True)]
    grad = [Diff(axis, to="half").matrix(BOX, kinds[2]) for axis in ("x", "y")]
    div = [
        Diff(axis, to="node").matrix(g, kind)
        for axis, g, kind in zip(("x", "y"), faces, kinds[:2], strict=True)
    ]
    by_hand = sparse.bmat([[lap[0], None, grad[0]], [None, lap[1], grad[1]], [*div, None]])
    np.testing.assert_array_equal(op.matrix().toarray(), by_hand.toarray())
    assert [[entry is not None for entry in row] for row in op.entries] == [
        [True, False, True],
        [False, True, True],
        [True, True, False],
    ]


@pytest.mark.parametrize("kind", ["uniform", "cells", "periodic"])
def test_curls_of_yee_are_adjoint(kind):
    """⟨∇×E, H⟩ = ⟨E, ∇×H⟩ where tangential components vanish beyond the walls."""
    grid = GRIDS_3D[kind]
    there, back = Curl(to="half"), Curl(to="node")
    electric = there.on(grid, at=EDGES)
    magnetic = back.on(grid, "zero", at=FACES)
    if kind == "cells":
        electric, magnetic = there.on(grid, "zero", at=EDGES), back.on(grid, at=FACES)
    assert magnetic.domain == electric.range
    difference = magnetic.matrix() - electric.T.matrix()
    assert abs(difference).max() <= 1e-14 * abs(electric.matrix()).max()


LAYOUTS = {
    "1-D": (Block([[0, Diff("x", to="half")], [Diff("x", to="node"), 0]]), ["x", None], "x"),
    "acoustics": (
        Block([[0, -1 * Divergence(to="node")], [-1 * Gradient(to="half"), 0]]),
        [None, "x", "y"],
        "xy",
    ),
    "stokes": (STOKES, ["x", "y", None], "xy"),
    "rectangular": (Divergence(acc=4, to="node"), ["x", "y"], "xy"),
    "maxwell": (
        Block([[0, Curl(to="node")], [-1 * Curl(to="half"), 0]]),
        [*EDGES, *FACES],
        "xyz",
    ),
}
AXES = {
    "uniform": lambda i: Uniform(0, 1 + i, 7 + i),
    "cells": lambda i: Cells(0, 1 + i, 6 + i),
    "periodic": lambda i: Periodic(0, 1 + i, 6 + i),
    "uneven": lambda _: UNEVEN,
}


@pytest.mark.parametrize("dtype", ["f", "d", "F", "D", "i"])
@pytest.mark.parametrize("kind", AXES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_apply_is_matrix(layout, kind, dtype):
    expr, at, names = LAYOUTS[layout]
    grid = Grid(**{name: AXES[kind](i) for i, name in enumerate(names)})
    op = expr.on(grid, at=at)
    A = op.matrix()
    assert A.shape == op.shape
    assert A.has_sorted_indices
    u = fields(op.domain, dtype)
    v = op(u)
    wanted = np.dtype(float if dtype == "i" else dtype)
    parts = (v,) if op.outputs.scalar else v
    assert all(part.dtype == wanted for part in parts)
    scale = abs(A) @ abs(flat(u))
    tolerance = (1e-6 if wanted.char in "fF" else 1e-14) * scale.max()
    assert abs(flat(parts) - A @ flat(u)).max() <= tolerance
    np.testing.assert_allclose(op.matvec(flat(u)), flat(parts), atol=tolerance)
    np.testing.assert_array_equal(op.T.matrix().toarray(), A.T.toarray())
    w = fields(op.range, "d", seed=9)
    back = op.T(w[0] if op.outputs.scalar else w)
    np.testing.assert_allclose(
        flat(back), A.T @ flat(w), atol=1e-14 * (abs(A).T @ abs(flat(w))).max()
    )
    np.testing.assert_array_equal(op.rmatvec(flat(w)), flat(back))
    linear = op.aslinearoperator()
    X = np.stack([flat(u), 2 * flat(u)], axis=1).astype(complex if wanted.kind == "c" else float)
    np.testing.assert_allclose(linear @ X, A @ X, atol=1e-13 * scale.max())
    W = np.stack([flat(w)] * 3, axis=1)
    np.testing.assert_allclose(linear.rmatmat(W), A.T @ W, atol=1e-13 * abs(A.T @ W).max())


def test_out_add_scale_and_batch():
    op = STOKES.on(BOX, at=["x", "y", None])
    u = fields(op.domain, batch=(3, 2))
    v = op(u)
    assert [part.shape for part in v] == [(3, 2, *side.shape) for side in op.range]
    np.testing.assert_allclose(v[0][2, 1], op(tuple(part[2, 1] for part in u))[0], atol=1e-12)
    out = fields(op.range, batch=(3, 2), seed=5)
    before = [part.copy() for part in out]
    assert op(u, out=out, add=True, scale=-0.5) is out
    for found, old, new in zip(out, before, v, strict=True):
        np.testing.assert_allclose(found, old - 0.5 * new, atol=1e-12)
    op(u, out=out, scale=2)
    for found, new in zip(out, v, strict=True):
        np.testing.assert_allclose(found, 2 * new, rtol=1e-15)
    op(u, out=u)
    for found, new in zip(u, v, strict=True):
        np.testing.assert_array_equal(found, new)


def test_calls_alike_are_checked_again():
    """What fitted once is remembered by shapes and types, and by nothing else."""
    op = STOKES.on(BOX, at=["x", "y", None])
    u, out = fields(op.domain), fields(op.range)
    v = op(u, out=out)
    for found, wanted in zip(op(u, out=out, add=True), op(u), strict=True):
        np.testing.assert_allclose(found, 2 * wanted, rtol=1e-15)
    with pytest.raises(TypeError, match="scale must be a number, real where"):
        op(u, out=v, scale=1j)
    with pytest.raises(ValueError, match=r"component 0 has shape \(4, 5\)"):
        op((u[2], u[1], u[0]), out=out)
    out[0].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        op(u, out=out)


def test_mixed_types_take_the_highest():
    op = STOKES.on(BOX, at=["x", "y", None])
    u = fields(op.domain)
    v = op((u[0].astype(np.float32), u[1].astype(np.complex64), u[2]))
    assert {part.dtype for part in v} == {np.dtype(complex)}


def test_a_stack_on_periodic_axes():
    grid = Grid(x=Periodic(0, 1, 6), y=Periodic(0, 1, 6))
    op = STOKES.on(grid, at=["x", "y", None])
    u = random_array((2, 3, 6, 6))
    v = op(u)
    assert v.shape == u.shape
    apart = op(tuple(np.moveaxis(u, 1, 0)))
    np.testing.assert_array_equal(v, np.stack(apart, axis=1))
    out = np.ones_like(u)
    assert op(u, out=out, add=True) is out
    np.testing.assert_allclose(out, 1 + v, rtol=1e-14)
    assert Divergence(to="node").on(grid, at=["x", "y"])(u[:, :2]).shape == (2, 6, 6)
    with pytest.raises(ValueError, match=r"needs the shape \(3, 6, 6\) after any batch axes"):
        op(u[:, :2])


def test_expressions_apply_and_assemble_at_positions():
    D = Divergence(to="node")
    op = D.on(BOX, at=["x", "y"])
    u = fields(op.domain)
    np.testing.assert_array_equal(D(u, BOX, at=["x", "y"]), op(u))
    assert (D.matrix(BOX, at=["x", "y"]) != op.matrix()).nnz == 0
    gradient = Gradient(to="half")(np.outer(np.arange(4.0), np.ones(5)), 0.5)
    np.testing.assert_array_equal(gradient[0], np.full((3, 5), 2))


def test_halos_are_those_of_each_component():
    op = STOKES.on(BOX, "halo", at=["x", "y", None])
    assert op.halo[0] == {"x-": 1, "x+": 1, "y-": 1, "y+": 1}
    assert op.halo[2] == {"x-": 1, "x+": 1, "y-": 1, "y+": 1}
    assert op.inputs.shapes == ((7, 7), (6, 8), (6, 7))
    quadratic = [
        np.add.outer(np.arange(n) ** 2, np.arange(m) ** 2) * 1.0 for n, m in op.inputs.shapes
    ]
    u, v, _ = op((*quadratic[:2], np.ones((6, 7))))
    np.testing.assert_allclose(u, np.full((5, 5), -2 * (4**2 + 5**2)))
    np.testing.assert_allclose(v, np.full((4, 6), -2 * (4**2 + 5**2)))
    np.testing.assert_array_equal(op.T.matrix().toarray(), op.matrix().T.toarray())


# Matrices and the rest of the interface -----------------------------------------------------------


@pytest.mark.parametrize(
    "rows", [slice(3, 60, 7), [68, 0, 33, -69, 0], np.arange(69) % 5 == 0, []], ids=str
)
def test_some_rows(rows):
    op = STOKES.on(BOX, at=["x", "y", None])
    chosen = np.array(rows, int) if isinstance(rows, list) else rows
    np.testing.assert_array_equal(op.matrix(rows=rows).toarray(), op.matrix().toarray()[chosen])


def test_other_formats_and_wrong_rows():
    op = STOKES.on(BOX, at=["x", "y", None])
    assert op.matrix("csc").format == "csc"
    with pytest.raises(ValueError, match="format"):
        op.matrix("dense")
    with pytest.raises(IndexError, match="has no row"):
        op.matrix(rows=[69])
    with pytest.raises(ValueError, match=r"needs the shape \(69,\), but has \(3,\)"):
        op.matrix(rows=np.ones(3, bool))


def test_stencil_diagonal_and_accuracy():
    op = STOKES.on(BOX, at=["x", "y", None])
    stencil = op.stencil((2, 2))
    assert set(stencil) == {(0, 0), (0, 2), (1, 1), (1, 2), (2, 0), (2, 1)}
    assert stencil[0, 2] == pytest.approx({(-1, 0): -4, (0, 0): 4})
    np.testing.assert_array_equal(op.diagonal(), op.matrix().diagonal())
    assert [rows.shape for rows in op.accuracy] == [side.shape for side in op.range]
    assert all((rows == 2).all() for rows in op.accuracy)


def test_implicit_schemes_are_written_out():
    grid = Grid(x=Periodic(0, 1, 12), y=Periodic(0, 1, 12))
    op = Divergence(acc=6, scheme=Compact(), to="node").on(grid, at=["x", "y"])
    u = fields(op.domain)
    with pytest.raises(ValueError, match="implicit scheme"):
        op.matrix()
    np.testing.assert_allclose(op.written.matrix() @ flat(u), op(u).ravel(), atol=1e-12)


# Coefficients -------------------------------------------------------------------------------------


def test_coefficients_are_evaluated_where_they_stand():
    """Each entry sees the points of its own component."""
    expr = Block([[Coef(lambda x: x), 0], [0, Coef(lambda y: y)]])
    op = expr.on(BOX, at=["x", ("x", "y")])
    assert op.range == op.domain
    found = op(tuple(np.ones(side.shape) for side in op.domain))
    np.testing.assert_array_equal(found[0], op.domain[0].mesh()[0])
    np.testing.assert_array_equal(found[1], op.domain[1].mesh()[1])


def test_arrays_have_the_shape_of_their_points():
    expr = Block([[Field("c") * Diff("x", to="half")], [Diff("y", to="half")]])
    c = random_array((5, 5))
    op = expr.on(BOX, c=c)
    np.testing.assert_array_equal(
        op.matrix().toarray()[:25], (c.reshape(-1, 1) * Diff("x", to="half").matrix(BOX).toarray())
    )
    with pytest.raises(ValueError, match=r"field 'c' has shape \(4, 5\)"):
        expr.on(BOX, c=np.ones((4, 5)))


def test_replaced_fields():
    expr = Block([[0, Field("c") * Divergence(to="node")], [Field("b") * Gradient(to="half"), 0]])
    at = [None, "x", "y"]
    first = expr.on(BOX, at=at, c=2, b=lambda x, y: x + y)
    first.matrix()
    second = first.replace(c=lambda x: x)
    wanted = expr.on(BOX, at=at, c=lambda x: x, b=lambda x, y: x + y)
    np.testing.assert_array_equal(second.matrix().toarray(), wanted.matrix().toarray())
    u = fields(first.domain)
    np.testing.assert_array_equal(flat(second(u)), flat(wanted(u)))
    assert second.entries[1][0] is first.entries[1][0]
    with pytest.raises(TypeError, match=r"has no fields \['d'\]: it has \['b', 'c'\]"):
        first.replace(d=1)
    with pytest.raises(TypeError, match="needs values of its fields"):
        expr.on(BOX, at=at, c=2)


def test_interpolation_between_positions():
    """Coriolis on a C grid: v is brought to u's points through corners of both axes."""
    to_u = Interpolate("x", "half") @ Interpolate("y", "node")
    to_v = Interpolate("y", "half") @ Interpolate("x", "node")
    grid = Grid(x=Periodic(0, 1, 6), y=Periodic(0, 1, 8))
    op = Block([[0, to_u], [-1 * to_v, 0]]).on(grid, at=["x", "y"])
    assert op.range == op.domain
    np.testing.assert_array_equal(op.T.matrix().toarray(), -op.matrix().toarray())


# Algebra ------------------------------------------------------------------------------------------


def systems():
    at = ["x", "y", None]
    return STOKES.on(BOX, at=at), STOKES.on(BOX, "even", at=at)


def test_sums_and_multiples_are_those_of_matrices():
    A, B = systems()
    a, b, one = A.matrix(), B.matrix(), sparse.eye_array(69, format="csr")
    for made, wanted in [
        (A + B, a + b),
        (A - B, a - b),
        (-A, -a),
        (2 * A, 2 * a),
        (A * 2, 2 * a),
        (A / 4, a / 4),
        (A + 3, a + 3 * one),
        (3 - A, 3 * one - a),
        (A @ B, a @ b),
        (A * B, a @ b),
        (A**2, a @ a),
        (A**0, one),
        ((A @ B).T, b.T @ a.T),
        (1j * A, 1j * a),
        ((1j * A).H, -1j * a.T),
    ]:
        size = abs(wanted).max()
        assert abs(made.matrix() - wanted).max() <= 1e-13 * size
        assert made.shape == wanted.shape
        assert made.dtype == wanted.dtype
    u = fields(A.domain)
    np.testing.assert_array_equal(flat(A @ u), flat(A(u)))


def test_coefficients_multiply_at_the_points_of_each_component():
    A, _ = systems()
    values = flat(side.mesh()[0] for side in A.range)
    np.testing.assert_allclose(
        ((lambda x: x) * A).matrix().toarray(), values[:, None] * A.matrix().toarray()
    )
    np.testing.assert_allclose(
        (A * (lambda x: x)).matrix().toarray(), A.matrix().toarray() * values
    )


def test_products_through_other_points_are_laplacians():
    grad = Gradient(to="half").on(BOX, "even")
    div = Divergence(to="node").on(BOX, at=["x", "y"])
    product = div @ grad
    assert isinstance(product, Operator)
    wanted = (Divergence(to="node") @ Gradient(to="half")).on(BOX, "even")
    assert abs(product.matrix() - wanted.matrix()).max() <= 1e-12
    scalar = Laplacian().on(BOX)
    assert isinstance(scalar @ div @ grad, Operator)
    np.testing.assert_allclose(
        (grad @ scalar).matrix().toarray(), (grad.matrix() @ scalar.matrix()).toarray(), atol=1e-10
    )
    np.testing.assert_allclose(
        (scalar @ div).matrix().toarray(), (scalar.matrix() @ div.matrix()).toarray(), atol=1e-10
    )
    assert (scalar * div).shape == (scalar @ div).shape


def test_algebra_refuses_what_does_not_fit():
    A, _ = systems()
    grad = Gradient(to="half").on(BOX)
    with pytest.raises(ValueError, match=r"reads a field of shape .* gives components of shapes"):
        grad @ A
    with pytest.raises(ValueError, match="do not map between the same points"):
        A + grad
    with pytest.raises(ValueError, match="has no identity or power"):
        grad + 1
    with pytest.raises(ValueError, match="bind it with at="):
        VectorLaplacian().on(BOX) @ grad
    with pytest.raises(TypeError, match="bind it first"):
        A @ Laplacian()
    with pytest.raises(TypeError, match="do not mix"):
        Laplacian() @ A
    with pytest.raises(TypeError, match="do not add up"):
        A + Laplacian().on(BOX)
    with pytest.raises(ZeroDivisionError):
        A / 0
    with pytest.raises(TypeError, match="divided by a number"):
        A / "2"


def test_immutable_hashable_and_pickled():
    A, B = systems()
    assert len({A, B, A}) == 2
    assert A != B
    with pytest.raises(AttributeError):
        A.entries = ()
    u = fields(A.domain)
    again = pickle.loads(pickle.dumps((lambda x: x) * A))
    np.testing.assert_array_equal(flat(again(u)), flat(((lambda x: x) * A)(u)))
    assert again.domain == A.domain


# Arrays of other libraries ------------------------------------------------------------------------


def test_dask_stays_lazy():
    da = pytest.importorskip("dask.array")
    op = STOKES.on(BOX, at=["x", "y", None])
    u = fields(op.domain)
    v = op(tuple(da.from_array(part, chunks=3) for part in u))
    assert all(isinstance(part, da.Array) for part in v)
    for found, wanted in zip(v, op(u), strict=True):
        np.testing.assert_allclose(found.compute(), wanted, atol=1e-13 * abs(wanted).max())
    with pytest.raises(TypeError, match="out= and add= are for NumPy arrays"):
        op(tuple(map(da.from_array, u)), out=u)


def test_arrays_of_the_standard():
    xp = pytest.importorskip("array_api_strict")
    pytest.importorskip("array_api_compat")
    op = STOKES.on(BOX, at=["x", "y", None])
    u = fields(op.domain)
    v = op(tuple(map(xp.asarray, u)), scale=2)
    assert all(isinstance(part, type(xp.asarray(u[0]))) for part in v)
    for found, wanted in zip(v, op(u), strict=True):
        np.testing.assert_allclose(np.asarray(found), 2 * wanted, atol=1e-13 * abs(wanted).max())
    zero = Block([[0, 0], [0, Diff("x", to="half")]]).on(BOX, at=["y", None])
    assert zero(tuple(map(xp.asarray, fields(zero.domain))))[0].shape == zero.range[0].shape


def test_labeled_arrays_are_refused():
    xarray = pytest.importorskip("xarray")
    p = xarray.DataArray(np.ones(BOX.shape), dims=("x", "y"))
    with pytest.raises(TypeError, match="applies to bare arrays"):
        Gradient(to="half").on(BOX)(p)
    with pytest.raises(TypeError, match="at= is for bare arrays"):
        Gradient(to="half")(p, at=[None])
