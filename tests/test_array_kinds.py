"""Arrays of other libraries: the same results, of the same kind, on the device where they are."""

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

from findops import (
    Curl,
    Diff,
    Dirichlet,
    Divergence,
    Field,
    Gradient,
    Grid,
    Laplacian,
    Periodic,
    Points,
    Uniform,
    Upwind,
)
from findops.executors.libraries import array_api
from findops.executors.libraries.library import CACHES
from findops.executors.lookup import executor
from tests.cases import CASES, LITERAL, each
from tests.support import assert_rows_close, input_shape, magnitudes, random_array, row_scale

compat = pytest.importorskip("array_api_compat", reason="array-api-compat is an extra")
GRID = Grid(x=Uniform(0, 1, 9), y=Periodic(0, 1, 8))
L = Diff("x", 2) + 2 * Diff("y")


def strict():
    return pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")


def torch():
    return pytest.importorskip("torch", reason="PyTorch is an extra")


def jax():
    library = pytest.importorskip("jax", reason="JAX is an extra")
    library.config.update("jax_enable_x64", True)
    return library


LIBRARIES = {"strict": strict, "torch": torch, "jax": lambda: jax().numpy}
each_library = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)


def back(array):
    """Return an array as NumPy's."""
    return array.numpy() if hasattr(array, "numpy") else np.asarray(array)


def inputs(case, op, dtype, count=2):
    return random_array((count, *input_shape(case.grid(), op, case.ins)), dtype, 3)


def check_same_as_numpy(case, library, dtypes):
    """Two results in the same precision differ by the roundoff of both."""
    op = case.op()
    parts = magnitudes(op)
    for dtype in dtypes:
        u = inputs(case, op, dtype)
        want = op(u)
        scale = [row_scale(parts, each) for each in u]
        result = op(library.asarray(u))
        assert compat.array_namespace(result) is compat.array_namespace(library.asarray(u))
        got = back(result)
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        assert_rows_close(got, want, scale, 8 * np.finfo(want.dtype).eps)


@each(CASES)
def test_the_result_is_numpys(case):
    check_same_as_numpy(case, strict(), "dF")
    check_same_as_numpy(case, torch(), "fD")


@each(CASES[:: len(CASES) // 40])
def test_the_result_is_numpys_in_jax(case):
    check_same_as_numpy(case, jax().numpy, "dF")


# A literal product touches all that its factors touch, though products of weights may cancel.
@each(CASES[: -len(LITERAL)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_values_stay_where_they_have_weight(case, bad):
    op = case.op()
    A = op.matrix().tocsc()
    size = A.shape[1]
    picks = [0, size - 1, size // 2, *np.random.default_rng(0).integers(0, size, 3).tolist()]
    u = inputs(case, op, "d", len(picks))
    u.reshape(len(picks), -1)[np.arange(len(picks)), picks] = bad
    touched = np.array([A[:, [i]].toarray().ravel() != 0 for i in picks])
    with np.errstate(invalid="ignore"):  # inf - inf
        v = back(op(torch().asarray(u))).reshape(touched.shape)
    np.testing.assert_array_equal(np.isfinite(v), ~touched)


@each_library
@pytest.mark.parametrize("sign", [1, -1, 0])
def test_upwind_selects(library, sign):
    op = Diff("x", acc=1, scheme=Upwind(np.full(9, float(sign)))).on(Grid(x=Uniform(0, 8, 9)))
    u = np.arange(9.0)
    u[5] = np.nan
    bad = np.flatnonzero(np.isnan(back(op(library().asarray(u)))))
    np.testing.assert_array_equal(bad, [4, 5] if sign < 0 else [5, 6])


@each_library
def test_scale_batches_transposes_and_flat_vectors(library):
    xp = library()
    op = Curl(of="scalar").on(GRID)
    u = random_array((2, 3, *GRID.shape))
    v, w = xp.asarray(u), xp.asarray(random_array((2, *GRID.shape)))
    size = 20 * float(abs(op.matrix()).sum(axis=1).max())
    np.testing.assert_allclose(back(op(v, scale=-3)), -3 * op(u), atol=1e-15 * size)
    np.testing.assert_allclose(back(op @ v), op(u), atol=1e-15 * size)
    np.testing.assert_allclose(back(op.H(w)), op.H(back(w)), atol=1e-15 * size)
    assert op(xp.asarray(u[:0])).shape == (0, 3, 2, *GRID.shape)
    assert (1j * op)(v, scale=1j).dtype == xp.complex128
    if library is not strict:
        flat = back(op.matvec(v[0, 0].reshape(-1)))
        np.testing.assert_allclose(flat, op.matvec(u[0, 0].ravel()), atol=1e-15 * size)
        with pytest.raises(ValueError, match="vectors of length 72"):
            op.matvec(v[0, 0])


@each_library
def test_without_a_grid_object(library):
    u = random_array((9,))
    np.testing.assert_allclose(back(Diff(0)(library().asarray(u), 0.1)), Diff(0)(u, 0.1), 1e-13)


@each_library
def test_a_weight_that_is_zero_in_some_rows_reads_nothing(library):
    grid = Grid(x=Points([0, 1, 2, 3, 4.5, 6.5, 7, 9]))
    op = Diff("x").on(grid)
    assert op.diagonal()[1] == 0 != op.diagonal()[3]
    u = np.arange(8.0)
    u[1] = np.nan
    found = np.isnan(back(op(library().asarray(u))))
    np.testing.assert_array_equal(found, op.matrix()[:, [1]].toarray().ravel() != 0)


# Types ------------------------------------------------------------------------------------------


@each_library
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool"])
def test_integers_become_float64_before_any_arithmetic(library, dtype):
    u = random_array(GRID.shape, dtype, 5)
    v = L.on(GRID)(library().asarray(u))
    assert v.dtype == library().float64
    np.testing.assert_allclose(back(v), L.on(GRID)(u), rtol=0, atol=1e-11)


def test_without_x64_jax_has_single_precision_only():
    off = jax().enable_x64(False)
    with off:
        v = L.on(GRID)(jax().numpy.arange(72).reshape(9, 8))
        assert v.dtype == np.float32
    want = L.on(GRID)(np.arange(72.0).reshape(9, 8))
    np.testing.assert_allclose(v, want, rtol=0, atol=1e-6 * np.abs(want).max() * 10)


@pytest.mark.parametrize("library", [torch, lambda: jax().numpy], ids=["torch", "jax"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_refused(library, dtype):
    u = library().ones(GRID.shape, dtype=getattr(library(), dtype))
    with pytest.raises(TypeError, match=f"float32, float64.* but got .*{dtype}"):
        L.on(GRID)(u)


# Devices ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES[::31], ids=str)
def test_nothing_leaves_the_device(case):
    """Arrays on the devices of array-api-strict cannot be mixed with others, nor read by NumPy."""
    xp, op = strict(), case.op()
    u = xp.asarray(inputs(case, op, "d"), device=xp.Device("device1"))
    with pytest.raises(RuntimeError, match="device"):
        np.asarray(u)
    assert op(u).device == u.device


@pytest.mark.parametrize("case", CASES[::31], ids=str)
def test_the_values_are_not_looked_at(case):
    """PyTorch's meta device has shapes and types only."""
    op = case.op()
    u = torch().asarray(inputs(case, op, "d"))
    v = op(u.to("meta"))
    assert v.device.type == "meta"
    assert (v.shape, v.dtype) == (op(u).shape, op(u).dtype)


def test_the_numbers_of_a_plan_are_moved_once():
    op = (np.ones(GRID.shape) * L).on(GRID)
    free = jax().numpy.ones(GRID.shape)
    bound = jax().device_put(free, jax().devices()[0])
    for u in (free, bound):
        op(u)
        with jax().transfer_guard("disallow"):
            assert op(u).committed == u.committed


TWO_DEVICES = """
import jax
import numpy as np
from findops import Grid, Laplacian, Periodic, Uniform
jax.config.update("jax_num_cpu_devices", 2)
first, second = jax.devices()
mesh = jax.sharding.Mesh(np.array([first, second]), ("x",))
both = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
op = ((lambda x, y: x + y) * Laplacian(acc=4)).on(Grid(x=Uniform(0, 1, 16), y=Periodic(0, 1, 16)))
u = np.random.default_rng(0).random((16, 16), dtype=np.float32)
want = (op.matrix() @ u.ravel()).reshape(u.shape)
for place in (first, second, both):
    v = op(jax.device_put(u, place))
    assert v.sharding.device_set == ({first, second} if place is both else {place}), place
    assert abs(v - want).max() <= 1e-5 * abs(want).max()
assert both.is_equivalent_to(v.sharding, 2)
"""


def test_results_stay_where_jax_holds_the_arrays():
    jax()
    subprocess.run([sys.executable, "-W", "error", "-c", TWO_DEVICES], check=True)


@pytest.mark.parametrize("library", [torch, lambda: jax().numpy], ids=["torch", "jax"])
def test_what_is_kept_goes_with_the_operator(library):
    def parts():
        """Apply an operator, and watch its plan and its coefficient."""
        op = (np.ones(GRID.shape) * L).on(GRID)
        op(library().ones(GRID.shape))
        factor = next(factor for term in op.program.terms for factor in term.factors)
        assert op.program in CACHES
        assert factor in CACHES
        return weakref.ref(op.program), weakref.ref(factor)

    watched = parts()
    gc.collect()
    assert [part() for part in watched] == [None, None]


@pytest.mark.parametrize("period", [None, 1.0], ids=["bounded", "periodic"])
@each_library
def test_nothing_is_kept_of_operators_that_are_gone(library, period):
    nodes = np.linspace(0.1, 0.9, 30)
    before = len(CACHES)
    for i in range(100):
        op = Diff(0, 2).on(Grid(Points(nodes ** (1 + i / 100), period)))
        op(library().ones(30))
    assert len(CACHES) > before
    del op
    gc.collect()
    assert len(CACHES) == before


# Transformations --------------------------------------------------------------------------------

OPERATORS = {
    "closures": (L, GRID, ()),
    "components": (Divergence(acc=4) @ Gradient(acc=4), GRID, ()),
    "vector": (Curl(), GRID, (2,)),
    "points": (Laplacian(), Grid(x=Points(np.linspace(0, 1, 9) ** 1.5), y=GRID["y"]), ()),
    "upwind": ((lambda x, y: x - y) * Diff("x", scheme=Upwind(lambda x: x - 0.4)), GRID, ()),
    "narrow": (Diff("x", 2, acc=4), Grid(x=Periodic(0, 1, 3)), ()),
}
each_operator = pytest.mark.parametrize("name", OPERATORS)


def bound(name):
    expr, grid, components = OPERATORS[name]
    return expr.on(grid), random_array((*components, *grid.shape), seed=2)


def check_gradient(op, u, found):
    want = 2 * op.T(op(u))
    np.testing.assert_allclose(found, want, rtol=0, atol=1e-13 * np.abs(want).max())


@each_operator
def test_jax_differentiates_compiles_and_maps(name):
    op, u = bound(name)
    size = 1e-13 * np.abs(op(u)).max()
    check_gradient(op, u, jax().grad(lambda f: (op(f) ** 2).sum())(u_ := jax().numpy.asarray(u)))
    np.testing.assert_allclose(jax().jit(op)(u_), op(u), rtol=0, atol=size)
    many = np.stack([u, 2 * u, -u], axis=-1)
    mapped = jax().vmap(op, in_axes=-1, out_axes=-1)(many)
    np.testing.assert_allclose(mapped, np.stack([op(u), 2 * op(u), -op(u)], -1), atol=2 * size)
    pushed = jax().jvp(op, (u_,), (2 * u_,))[1]
    np.testing.assert_allclose(pushed, 2 * op(u), rtol=0, atol=2 * size)


@each_operator
def test_torch_differentiates_and_maps(name):
    op, u = bound(name)
    u_ = torch().tensor(u, requires_grad=True)
    (op(u_) ** 2).sum().backward()
    check_gradient(op, u, u_.grad.numpy())
    found = torch().func.grad(lambda f: (op(f) ** 2).sum())(torch().tensor(u))
    check_gradient(op, u, found.numpy())
    many = torch().tensor(np.stack([u, 2 * u, -u], axis=-1))
    mapped = torch().func.vmap(op, in_dims=-1, out_dims=-1)(many)
    size = 1e-13 * np.abs(op(u)).max()
    np.testing.assert_allclose(mapped, np.stack([op(u), 2 * op(u), -op(u)], -1), atol=2 * size)


def test_gradients_of_complex_operators():
    op = ((1 + 2j) * L).on(GRID)
    u = random_array(GRID.shape, complex)
    want = 2 * op.H(op(u))
    u_ = torch().tensor(u, requires_grad=True)
    (op(u_).abs() ** 2).sum().backward()
    np.testing.assert_allclose(u_.grad, want, rtol=0, atol=1e-13 * np.abs(want).max())
    # JAX's gradient of a real function is the conjugate of PyTorch's.
    found = jax().grad(lambda f: (abs(op(f)) ** 2).sum())(jax().numpy.asarray(u))
    np.testing.assert_allclose(found, want.conj(), rtol=0, atol=1e-13 * np.abs(want).max())


def test_a_first_call_that_is_traced_leaves_no_trace():
    op = (np.ones(GRID.shape) * L).on(GRID)
    u = jax().numpy.asarray(random_array(GRID.shape))
    compiled = jax().jit(jax().grad(lambda f: (op(f) ** 2).sum()))(u)
    np.testing.assert_allclose(compiled, 2 * op.T(op(u)), rtol=1e-12, atol=1e-9)


def test_a_first_call_without_gradients_leaves_them_possible():
    op = (np.ones(GRID.shape) * L).on(Grid(x=np.linspace(0, 1, 9) ** 2, y=GRID["y"]))
    u = torch().tensor(random_array(GRID.shape), requires_grad=True)
    with torch().inference_mode():
        op(u)
    (op(u) ** 2).sum().backward()
    check_gradient(op, u.detach().numpy(), u.grad.numpy())


def test_another_value_of_a_field():
    op = (Field("c") * L).on(GRID, c=np.ones(GRID.shape))
    u = random_array(GRID.shape)
    u_ = torch().tensor(u)
    np.testing.assert_allclose(op.replace(c=2 * np.ones(GRID.shape))(u_), 2 * op(u_), rtol=1e-13)


# Slabs ------------------------------------------------------------------------------------------


@pytest.fixture
def thin(monkeypatch):
    """Slabs so thin that every field is cut."""
    monkeypatch.setattr(array_api, "SLAB_NUMBERS", 8)
    monkeypatch.setattr(array_api, "MIN_SLAB_POINTS", 2)


@pytest.mark.usefixtures("thin")
@each(CASES[::4])
def test_slab_by_slab_is_the_same(case):
    check_same_as_numpy(case, torch(), "d")


@pytest.mark.usefixtures("thin")
@each_operator
def test_gradients_go_through_slabs(name):
    op, u = bound(name)
    u_ = torch().tensor(np.stack([u, -u]), requires_grad=True)
    (op(u_) ** 2).sum().backward()
    check_gradient(op, u, u_.grad[0].numpy())


def test_large_arrays_on_the_processor_pass_through_caches(monkeypatch):
    """What is applied to at once is a slab, with what its rows reach."""
    sizes, apply = [], array_api._apply

    def noted(program, library, u):
        sizes.append(u.numel())
        return apply(program, library, u)

    monkeypatch.setattr(array_api, "SLAB_NUMBERS", 1 << 10)
    monkeypatch.setattr(array_api, "_apply", noted)
    op = Laplacian(acc=4).on(Grid(x=Periodic(0, 1, 64), y=Uniform(0, 1, 64)))
    u = random_array((3, 64, 64))
    np.testing.assert_allclose(op(torch().tensor(u)), op(u), rtol=0, atol=1e-8)
    assert len(sizes) == 3 * 4
    assert max(sizes) == (16 + 4) * 64


def test_the_field_itself_is_never_returned():
    u = torch().ones(GRID.shape)
    v = (Diff("x") ** 0).on(GRID)(u)
    v += 1
    assert (u == 1).all()


# Coefficients -----------------------------------------------------------------------------------

FLUX = Diff("x") * Field("k") * Diff("x", acc=4) + Field("k") * Laplacian(["y"])


def check_slope(found, op, k, u):
    """Against a central difference; the sum of squares is of second order in k."""
    d = random_array(k.shape, seed=7)
    sums = [(op.replace(k=k + step * d)(u) ** 2).sum() for step in (1, -1)]
    np.testing.assert_allclose((np.asarray(found) * d).sum(), (sums[0] - sums[1]) / 2, rtol=1e-10)


def inverse_problem():
    """An operator with a field k, a value of it, and a field to apply it to."""
    k = 2 + random_array(GRID.shape, seed=5)
    return FLUX.on(GRID, k=k), k, random_array(GRID.shape, seed=6)


def test_jax_differentiates_with_respect_to_coefficients():
    op, k, u = inverse_problem()
    xp = jax().numpy

    def loss(k, u):
        return (op.replace(k=k)(u) ** 2).sum()

    k_, u_ = xp.asarray(k), xp.asarray(u)
    np.testing.assert_allclose(op.replace(k=k_)(u_), op(u), rtol=0, atol=1e-12 * abs(op(u)).max())
    check_slope(jax().grad(loss)(k_, u_), op, k, u)
    check_slope(jax().jit(jax().grad(loss))(k_, u_), op, k, u)
    bound_with = jax().grad(lambda k: (FLUX(u_, GRID, k=k) ** 2).sum())(k_)
    check_slope(bound_with, op, k, u)
    many = jax().vmap(loss, (0, None))(xp.stack([k_, 2 * k_]), u_)
    np.testing.assert_allclose(many[1], 4 * many[0], rtol=1e-13)


@pytest.mark.parametrize("slabs", [False, True])
def test_torch_differentiates_with_respect_to_coefficients(slabs, monkeypatch):
    if slabs:
        monkeypatch.setattr(array_api, "SLAB_NUMBERS", 8)
        monkeypatch.setattr(array_api, "MIN_SLAB_POINTS", 2)
    op, k, u = inverse_problem()
    k_ = torch().tensor(k, requires_grad=True)
    (op.replace(k=k_)(torch().tensor(u)) ** 2).sum().backward()
    check_slope(k_.grad, op, k, u)
    mapped = torch().func.vmap(lambda k: op.replace(k=k)(torch().tensor(u)))
    many = mapped(torch().tensor(np.stack([k, 2 * k])))
    np.testing.assert_allclose(many[1], 2 * many[0], rtol=1e-12, atol=1e-9)


@each_library
def test_coefficients_of_the_library_have_any_real_or_complex_type(library):
    xp, (op, _, u) = library(), inverse_problem()
    u_ = xp.asarray(u)
    for k in (xp.asarray(2), xp.ones((9, 1), dtype=xp.int8), xp.ones((9, 8), dtype=xp.float32)):
        want = op.replace(k=np.asarray(back(k)))(u)
        got = op.replace(k=k)(u_)
        assert got.dtype == xp.float64
        np.testing.assert_allclose(back(got), want, rtol=0, atol=1e-12 * abs(want).max())
    turned = op.replace(k=1j * xp.ones((9, 8), dtype=xp.complex128))
    assert turned(u_).dtype == xp.complex128
    np.testing.assert_allclose(back(turned.H(turned(u_))), op.replace(k=1j).H(op.replace(k=1j)(u)))


@each_library
def test_upwind_by_a_velocity_of_the_library(library):
    E = Field("v") * Diff("x", acc=1, scheme=Upwind(Field("v")))
    grid, u, v = Grid(x=Uniform(0, 8, 9)), random_array(9), random_array(9, seed=4)
    op, xp = E.on(grid, v=v), library()
    got = op.replace(v=xp.asarray(v))(xp.asarray(u))
    np.testing.assert_allclose(back(got), op(u), rtol=0, atol=1e-14)
    with pytest.raises(TypeError, match="real velocity"):
        op.replace(v=xp.asarray(v, dtype=xp.complex128))


# Refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("warm", [False, True])
def test_an_operator_with_coefficients_of_a_library_serves_its_arrays_only(warm):
    op, k, u = inverse_problem()
    if warm:
        op(u), op.matrix()
    held = op.replace(k=torch().tensor(k))
    uses = [
        lambda: held(u),
        lambda: held(jax().numpy.asarray(u)),
        lambda: (held @ op).matrix(),
        lambda: held.T.matrix(),
        lambda: (held + op).diagonal(),
        lambda: held.accuracy,
        lambda: held.stencil((0, 0)),
        lambda: held.masked(np.ones(GRID.shape, dtype=bool)),
        lambda: held.subject_to(Dirichlet("x-")),
        lambda: held.aslinearoperator().matvec(u.ravel()),
    ]
    for use in uses:
        with pytest.raises(TypeError, match=r"array of torch as its field 'k'.*op\.replace\(k="):
            use()
    np.testing.assert_array_equal(held.replace(k=k)(u), op(u))
    with pytest.raises(ValueError, match=r"field 'k' has shape \(8, 8\)"):
        op.replace(k=torch().tensor(k[1:]))
    with pytest.raises(TypeError, match=r"given to a Field"):
        torch().tensor(k) * Diff("x")


@each_library
def test_misuse_is_refused(library):
    op, xp = L.on(GRID), library()
    u = xp.ones(GRID.shape)
    with pytest.raises(TypeError, match=r"out= and add= are for NumPy arrays; .* use what op\(u\)"):
        op(u, out=u)
    with pytest.raises(TypeError, match="out= and add="):
        op(u, add=True)
    with pytest.raises(ValueError, match=r"reads fields of shape \(9, 8\).* got \(8, 9\)"):
        op(xp.ones((8, 9)))
    with pytest.raises(ValueError, match=r"got \(8,\)"):
        op(xp.ones((8,)))
    with pytest.raises(TypeError, match="real where the result is real"):
        op(u, scale=1j)


def test_what_has_no_executor():
    assert executor(np.ones(3)) is None
    assert executor([1.0, 2.0]) is None
    assert executor(np.float64(1)) is None
