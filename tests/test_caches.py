"""What is kept between calls: by structure, within bytes, and only what cannot change."""

import gc
import re
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import sympy
from xarray import DataArray

import findops
from findops import (
    Advection,
    Backward,
    Chebyshev,
    ChebyshevPoints,
    Diff,
    Diffusion,
    Field,
    Forward,
    Gradient,
    Grid,
    Laplacian,
    Points,
    SavitzkyGolay,
    Tensor,
    Uniform,
    Upwind,
    gradient,
)
from findops.common import caches
from findops.common.caches import Cache, cached_within, empty_caches, size_of
from findops.expressions.components import Compound
from findops.operators import binding

PACKAGE = Path(findops.__file__).parent

U = np.random.default_rng(5).standard_normal((9, 8))
GRID = Grid(x=Uniform(0, 1, 9), y=Uniform(0, 2, 8))
LINE = U[:, 0].copy()
UNEVEN = np.linspace(1, 2, 9) ** 2
X = sympy.Symbol("x")


# Operators of `E(u, grid)` ------------------------------------------------------------------------


@pytest.fixture
def bound(monkeypatch):
    """The expressions that are bound, in order, beginning with nothing kept."""
    found = []
    monkeypatch.setattr(binding, "_operators", Cache(binding.KEPT_BYTES, binding._size))
    discretize = binding.discretize
    monkeypatch.setattr(
        binding, "discretize", lambda expr, *rest: found.append(expr) or discretize(expr, *rest)
    )
    return found


FIXED = {
    "grid": lambda: Diff("x", 2, acc=4)(U, Grid(x=Uniform(0, 1, 9), y=Uniform(0, 2, 8))),
    "spacing": lambda: Laplacian()(U, 0.1),
    "spacings": lambda: (2 * Diff(0) + Diff(1))(U, (0.1, 0.2)),
    "coordinates": lambda: Diff(0)(LINE, UNEVEN.copy()),
    "closure": lambda: Diff("x", 2)(U, GRID, closure={"x-": "odd", "y-": 2}),
    "symbols": lambda: (sympy.sin(X) * Diff("x") + sympy.pi)(U, GRID),
    "scheme": lambda: Diff("x", acc=1, scheme=Upwind(-2.0))(U, GRID),
    "coefficients": lambda: (Advection([1, 2.5]) + Diffusion(3))(U, GRID),
    "gradient": lambda: gradient(LINE, 0.1),
    "gradient at points": lambda: gradient(LINE, UNEVEN, edge_order=1),
}


@pytest.mark.parametrize("apply", FIXED.values(), ids=FIXED)
def test_what_cannot_change_is_bound_once(apply, bound):
    first = apply()
    assert bound
    seen = len(bound)
    np.testing.assert_array_equal(apply(), first)
    assert len(bound) == seen


class Scaled(Compound):
    """A user's operator, which changes with what it holds."""

    def __init__(self, factor):
        self.factor = factor

    def expand(self, geometry):  # noqa: ARG002
        return float(self.factor[0, 0]) * Diff("x")


class Rescaled(Laplacian):
    """A user's operator with more to it than the fields of ours."""

    @staticmethod
    def by(factor):
        made = Rescaled()
        object.__setattr__(made, "factor", factor)
        return made

    def expand(self, geometry):  # noqa: ARG002
        return float(self.factor[0, 0]) * Diff("x")


class Stretched(Points):
    """A user's axis, whose nodes can be moved."""

    def __init__(self, nodes):
        super().__init__(nodes)
        object.__setattr__(self, "_nodes", nodes)


def every_time(expr):
    """Apply one expression, whatever it holds by then."""
    return lambda: expr(U, GRID)


CHANGING = {
    "array": lambda k: every_time(k * Diff("x")),
    "function": lambda k: every_time((lambda x: k[0, 0] * x) * Diff("x")),
    "velocity": lambda k: every_time(Advection([k, 0])),
    "diffusivity": lambda k: every_time(Diffusion(lambda x: k[0, 0] + 0 * x)),
    "tensor": lambda k: every_time(Tensor([[k, 0], [0, 0]]) @ Gradient()),
    "field": lambda k: lambda: (Field("c") * Diff("x"))(U, GRID, c=k),
    "compound": lambda k: every_time(Scaled(k)),
    "compound made of ours": lambda k: every_time(Rescaled.by(k)),
}


@pytest.mark.parametrize("expression", CHANGING.values(), ids=CHANGING)
def test_what_may_change_is_read_again(expression):
    k = np.full((9, 8), 1.5)
    apply = expression(k)
    before = apply()
    k *= 2
    np.testing.assert_allclose(apply(), 2 * before, rtol=1e-9)


def test_upwind_schemes_read_their_velocity_again():
    k = np.ones((9, 8))
    D = Diff("x", acc=1, scheme=Upwind(k))
    np.testing.assert_array_equal(D(U, GRID), Diff("x", acc=1, scheme=Backward())(U, GRID))
    k *= -1
    np.testing.assert_array_equal(D(U, GRID), Diff("x", acc=1, scheme=Forward())(U, GRID))


def test_axes_of_users_are_read_again():
    nodes = np.linspace(0, 1, 9)
    grid = Grid(x=Stretched(nodes))
    before = Diff("x")(LINE, grid)
    nodes *= 2
    np.testing.assert_allclose(Diff("x")(LINE, grid), before / 2, rtol=1e-12)


def test_coordinates_are_read_again():
    x = UNEVEN.copy()
    before = Diff(0)(LINE, x)
    x *= 2
    np.testing.assert_allclose(Diff(0)(LINE, x), before / 2, rtol=1e-12)


def test_types_of_coefficients_are_kept():
    assert (2 * Diff("x"))(U, GRID).dtype == np.float64
    assert ((2 + 0j) * Diff("x"))(U, GRID).dtype == np.complex128
    assert (2 * Diff("x"))(U, GRID).dtype == np.float64


def test_the_order_of_a_sum_does_not_depend_on_what_was_kept(bound):
    first, second = Diff("x") + Diff("y"), Diff("y") + Diff("x")
    assert first == second
    first(U, GRID), second(U, GRID)
    assert len(bound) == 2


def test_what_is_refused_is_refused_every_time():
    Diff("x")(U, GRID, closure=1)
    Diff("x")(U, GRID, closure={"x-": 1})
    for closure in (True, {"x-": True}):
        with pytest.raises(ValueError, match="closure"):
            Diff("x")(U, GRID, closure=closure)
    nodes = ChebyshevPoints(-1, 1, 9)
    D = Diff("x", scheme=Chebyshev())
    D(LINE, Grid(x=nodes))
    assert Points(nodes.coordinates) == nodes
    with pytest.raises(ValueError, match="Chebyshev"):
        D(LINE, Grid(x=Points(nodes.coordinates)))


def uneven(i):
    """The i-th of axes that are all different."""
    return np.linspace(1, 2, 400) ** (1 + (1 + i) / 1000)


ONES = np.ones(400)

WAYS = {
    "bound": lambda i: Diff(0, 2).on(Grid(uneven(i)))(ONES),
    "transposed": lambda i: Diff(0, 2).on(Grid(uneven(i))).T(ONES),
    "assembled": lambda i: Diff(0, 2).matrix(Grid(uneven(i))) @ ONES,
    "applied": lambda i: Diff(0, 2)(ONES, uneven(i)),
    "gradient": lambda i: gradient(ONES, uneven(i)),
    "smoothed": lambda i: Diff(0, scheme=SavitzkyGolay(5, 2))(ONES, uneven(i)),
    "labeled": lambda i: Diff("x")(DataArray(ONES, {"x": uneven(i)}, "x")),
}


@pytest.mark.parametrize("act", WAYS.values(), ids=WAYS)
def test_memory_does_not_grow(act, monkeypatch):
    """What 100 operators leave behind is no more than what the caches say that they keep."""
    kept = Cache(1 << 20, binding._size)
    monkeypatch.setattr(binding, "_operators", kept)
    empty_caches()
    act(-1)
    tracemalloc.start()
    try:
        for i in range(100):
            act(i)
            assert kept.taken <= kept.capacity
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    said = sum(cache.taken for cache in caches._caches)
    assert left <= said + (1 << 17)
    empty_caches()
    assert sum(cache.taken for cache in caches._caches) == 0


FINITE = {
    "common.blas": {"_libraries": "one controller"},
    "executors.assembly.kernels": {"repeat": "four kernels", "add_sums": "four kernels"},
    "executors.kernels.scattered": {"_kernel": "128 kernels, of some kilobytes of machine code"},
    "executors.lines.kernels": {
        "sweep": "64 kernels, of some kilobytes of machine code",
        "load_lines": "two kernels",
        "store_lines": "four kernels",
    },
    "common.threads": {"_default": "one number", "_core_of_caller": "one function"},
    "executors.kernels.fused": {"_kernel": "128 kernels, of some kilobytes of machine code"},
    "executors.kernels.machine": {"here": "one machine", "_jit": "one linker"},
    "expressions.expression": {"_goes_before": "one class of xarray"},
    "plan.program": {"values": "those of one call"},
    "schemes.optimized": {"_of_fourth_order": "one for each printed table"},
    "schemes.sbp": "a few rows for each order of a scheme",
}
"""What keeps without counting bytes, and why that cannot grow."""


def test_what_is_kept_without_counting_cannot_grow():
    found = re.compile(r"@(?:lru_)?cache\b.*\n\s*def (\w+)")
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        known = FINITE.get(module, FINITE.get(module.rpartition(".")[0], {}))
        for function in found.findall(path.read_text()):
            assert isinstance(known, str) or function in known, (module, function)


# The mechanism ------------------------------------------------------------------------------------


def test_what_was_used_last_stays():
    cache = Cache(4000, lambda key, made: 800)  # noqa: ARG005
    made = []
    for key in (1, 2, 3, 4, 1, 5, 1, 2):
        assert cache.find(key, lambda key=key: made.append(key) or -key) == -key
    assert made == [1, 2, 3, 4, 5, 2]
    assert len(cache) == 4
    assert cache.taken == 4000


def test_what_is_too_large_is_not_kept_and_drops_nothing():
    cache = Cache(10_000)
    cache.find("small", lambda: np.zeros(10))
    cache.find("large", lambda: np.zeros(10_000))
    assert len(cache) == 1
    cache.clear()
    assert (len(cache), cache.taken) == (0, 0)


def test_failures_are_not_kept():
    cache = Cache(1000)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            cache.find(0, lambda: 1 / 0)
    assert cache.find(0, lambda: 1) == 1


def test_threads_share_a_cache():
    cache = Cache(1 << 12, lambda key, made: 300)  # noqa: ARG005
    wrong = []

    def work(first):
        for i in range(400):
            key = (first + i * i) % 13
            if cache.find(key, lambda key=key: key + 1) != key + 1:
                wrong.append(key)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert cache.taken == 500 * len(cache) <= cache.capacity


def test_functions_keep_what_they_made():
    made = []
    double = cached_within(1000)(lambda x: made.append(x) or 2 * x)
    assert [double(x) for x in (1, 2, 1)] == [2, 4, 2]
    assert made == [1, 2]


def test_sizes_count_arrays_once_and_what_views_hold():
    a = np.zeros(1000)
    assert size_of(a, [a], {"a": a}) < 1.2 * a.nbytes
    assert size_of(a[:1]) > a.nbytes
    assert size_of(Uniform) == size_of(np) == 0
