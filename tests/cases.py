"""The table of cases: every law loops over it.

A case is one line: an expression, the grid it is bound on, and its mathematical meaning written
down independently as the coefficients of its derivatives (`{"xx": 1, "y": a}` is ∂²/∂x² + a ∂/∂y).
A new scheme, axis or operator is one line here, and then has to meet every law.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import findops as fo
from findops import Diff, Grid, Interpolate
from tests.grids import AXES, a, da, dda, k, kx, ky, make_grid, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Cases ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Case:
    """One expression on one grid, and what it means.

    truth is {derivative letters: coefficient} for a scalar operator, and for others a nested list
    of those, of shape outs + ins. A coefficient is a number or a callable of all coordinates.
    acc is the accuracy claimed at every row, None where only `op.accuracy` can tell.
    """

    name: str
    spec: str
    expr: Callable[[Grid], Any]
    truth: Any
    acc: float | None = 2
    m: int = 24
    closure: Any = "accurate"
    ins: tuple[int, ...] = ()
    outs: tuple[int, ...] = ()
    fields: Mapping[str, Callable] = field(default_factory=dict)
    refine: bool = True
    smooths: bool = False  # takes something out even where it differentiates nothing
    tensor: bool = True  # exact on products of polynomials of each axis's degree, not only of total

    def __str__(self):
        closure = "" if self.closure == "accurate" else f" {self.closure}"
        return f"{self.name} on {self.spec}{closure}".replace("'", "")

    def grid(self, level: int = 0) -> Grid:
        return make_grid(self.spec, self.m * 2**level)

    def op(self, level: int = 0):
        return _bound(self, level)

    def entries(self):
        """Yield (output component, input component, {letters: coefficient}), flat indices."""
        cells = [self.truth] if isinstance(self.truth, dict) else _flatten(self.truth)
        columns = int(np.prod(self.ins))
        assert len(cells) == int(np.prod(self.outs)) * columns
        for i, terms in enumerate(cells):
            yield i // columns, i % columns, terms

    @property
    def constant(self) -> bool:
        return not any(callable(c) for *_, terms in self.entries() for c in terms.values())


def _flatten(nested):
    return [nested] if isinstance(nested, dict) else [d for item in nested for d in _flatten(item)]


@cache
def _bound(case: Case, level: int):
    grid = case.grid(level)
    fields = {name: sample(grid, f) for name, f in case.fields.items()}
    return case.expr(grid).on(grid, closure=case.closure, **fields)


def orders(letters: str, ndim: int) -> tuple[int, ...]:
    """Return the order along each axis that letters like "xxy" mean."""
    return tuple(letters.count("xyzw"[i]) for i in range(ndim))


def _single(order, acc, kind, scheme=None, m=24, closure="accurate", claim=True, name="Diff"):
    return Case(
        f"{name}({order}, acc={acc})",
        f"x={kind}",
        lambda g: Diff("x", order, acc=acc, scheme=scheme and scheme(g)),
        {"x" * order: 1},
        acc if claim else None,
        m,
        closure,
    )


ORDER_ACC = [(0, 2), (1, 2), (1, 4), (2, 2), (2, 4), (2, 6), (3, 2), (4, 2), (4, 4), (5, 2), (6, 2)]
ORDER_ACC_HIGH = [(1, 6), (1, 8), (1, 10), (2, 8), (2, 12), (3, 4), (6, 4)]

SINGLES = [_single(o, p, kind) for kind in AXES for o, p in ORDER_ACC] + [
    _single(o, p, kind)
    for kind in ("uniform", "periodic", "alternating", "cells")
    for o, p in ORDER_ACC_HIGH
]

SCHEMES: dict[str, tuple[Callable[[Grid], Any], tuple[int, ...]]] = {
    "Forward": (lambda _: fo.Forward(), (1, 2, 3)),
    "Backward": (lambda _: fo.Backward(), (1, 2, 3)),
    "Biased(1)": (lambda _: fo.Biased(1), (3, 4)),
    "Biased(-2)": (lambda _: fo.Biased(-2), (2,)),
    "Upwind(2)": (lambda _: fo.Upwind(2.0), (1, 2, 3)),
    "Upwind(-1)": (lambda _: fo.Upwind(-1), (1, 2)),
    "Upwind(callable)": (lambda _: fo.Upwind(lambda x: np.sin(x + 0.1)), (1, 2)),
    "Upwind(array)": (lambda g: fo.Upwind(sample(g, lambda x: np.cos(x + 0.1))), (1, 2)),
}
FORCED = [
    _single(order, acc, kind, scheme, name=name)
    for name, (scheme, accs) in SCHEMES.items()
    for acc in accs
    for order in (1, 2)
    for kind in ("uniform", "periodic", "random", "descending", "cells", "periodic-random")
] + [
    Case("Offsets", f"x={kind}", lambda _: Diff("x", 1, scheme=fo.Offsets([-1, 0, 2])), {"x": 1})
    for kind in ("uniform", "periodic", "random", "descending")
]


def _implied(scheme, order, acc, kind, closure="accurate", claim=True, given=None):
    name = f"{scheme} order {order}" + ("" if given is None else f" acc {acc}")
    return Case(name, f"x={kind}", lambda _: Diff("x", order, acc=given, scheme=scheme),
                {"x" * order: 1}, acc if claim else None, 24, closure,
                smooths=scheme.smooths)  # fmt: skip


SMOOTHED = [
    _implied(fo.SavitzkyGolay(window, degree), order, degree + 1 - order, kind)
    for window, degree, order, kinds in (
        (5, 2, 0, ("uniform", "periodic", "random", "cells", "half")),
        (5, 2, 1, ("uniform", "periodic", "random", "descending")),
        (9, 5, 2, ("uniform", "cells", "periodic-random")),
    )
    for kind in kinds
] + [
    _implied(fo.Gaussian(sigma), order, acc, kind, given=acc)
    for sigma, acc, kinds in (
        (0.5, 4, ("uniform", "alternating")),
        (1.2, 3, ("periodic", "descending-random")),
    )
    for order in (0, 1, 2)
    for kind in kinds
] + [
    _implied(fo.Shapiro(order, strength), 0, order // 2, kind)
    for order, strength, kinds in (
        (2, 1, ("uniform", "cells")), (8, 0.5, ("periodic", "descending", "faces"))
    )
    for kind in kinds
] + [
    _implied(scheme, 0, 2, kind, closure=closure, claim=False)
    for scheme, kind in (
        (fo.SavitzkyGolay(5, 2), "cells"), (fo.Gaussian(0.6), "uniform"), (fo.Shapiro(4), "uniform")
    )
    for closure in (1, "odd", "even", "zero", "halo", {"x-": "halo", "x+": "accurate"})
]  # fmt: skip

SPLINES = [
    _implied(fo.Spline(degree), order, degree + 1 - order, kind)
    for degree, order, kinds in (
        (3, 1, ("uniform", "random", "half", "periodic", "periodic-random")),
        (5, 2, ("cells", "descending-random", "periodic")),
    )
    for kind in kinds
]

GHOSTS = ("ghosts", "descending-ghosts", "ghosts-half")
# Under these closures a row near an end need not approximate anything: op.accuracy tells.
CLOSURES: list[Any] = [1, 3, "odd", "even", "zero", {"x-": "odd", "x+": "even"}]
CLOSURES += [{"x-": "zero", "x+": 2}, {"x-": "accurate", "x+": "even"}]
CLOSED = [
    _single(order, acc, kind, closure=closure, claim=False)
    for closure in CLOSURES
    for kind in ("uniform", "random", "descending", "cells", "faces", "half")
    for order, acc in ((1, 2), (2, 2), (2, 4), (3, 2), (4, 2))
] + [
    _single(order, acc, kind, closure=closure)
    for closure in ("halo", {"x-": "halo", "x+": "accurate"})
    for kind in ("uniform", "descending", "cells", "faces", "half", *GHOSTS)
    for order, acc in ((1, 2), (2, 4), (3, 2))
]

# Wrapped weights add up where a periodic axis is narrower than the stencil.
NARROW = [
    Case(f"narrow Diff({o}, acc={p})", f"x=periodic:{n}", lambda _, o=o, p=p: Diff("x", o, acc=p),
         {"x" * o: 1}, p, refine=False)
    for n in (1, 2, 3, 4, 5)
    for o, p in ((1, 2), (2, 2), (2, 4), (1, 6), (4, 4), (6, 2))
]  # fmt: skip

BY_PARTS = [
    _single(
        order, None, kind, lambda _, scheme=scheme: scheme, m=32, claim=False, name=repr(scheme)
    )
    for kinds, scheme, orders in (
        *((("uniform",), fo.SBP(p), (1, 2)) for p in (2, 6, 8)),
        *((("uniform",), fo.SBP(p, "mattsson-nordstrom-2004"), (1, 2)) for p in (6, 8)),
        (("uniform",), fo.SBP(6, "strand-1994"), (1,)),
        (("uniform", "periodic", "descending"), fo.SBP(4), (1, 2)),
        (("uniform", "periodic", "descending"), fo.UpwindSBP(3, "-"), (1,)),
        (("uniform",), fo.UpwindSBP(6, "+"), (1,)),
    )
    for order in orders
    for kind in kinds
]

STAGGERED = [
    Case(f"{to} Diff({o}, acc={p})", f"x={kind}", lambda _, o=o, p=p, to=to:
         Diff("x", o, acc=p, to=to), {"x" * o: 1}, p)
    for to, of in {"half": ("uniform", "periodic", "cells", "random", "periodic-random"),
                   "node": ("half", "periodic-half", "faces", "random-half")}.items()
    for kind in of
    for o, p in ((1, 2), (1, 4), (2, 2), (3, 2), (1, 8), (2, 4))
] + [
    Case(f"Interpolate({to}, acc={p})", f"x={kind}", lambda _, p=p, to=to:
         Interpolate("x", to, acc=p), {"": 1}, p)
    for to, of in {"half": ("uniform", "periodic", "cells", "alternating", "random"),
                   "node": ("half", "periodic-half", "faces", "random-half")}.items()
    for kind in of
    for p in (2, 4, 6)
]  # fmt: skip

# name: (scheme, orders, acc); for evenly spaced points.
TUNED: dict[str, tuple[Any, tuple[int, ...], int]] = {
    "TamWebb()": (fo.TamWebb(), (1, 2), 4),
    "BogeyBailly(9)": (fo.BogeyBailly(9), (1,), 4),
    "BogeyBailly(11)": (fo.BogeyBailly(11), (1,), 4),
    "BogeyBailly(13)": (fo.BogeyBailly(13), (1,), 4),
    "Optimized": (fo.Optimized(range(-4, 5), acc=6, band=1.8), (1, 2), 6),
    "Optimized upwind": (fo.Optimized(range(-4, 2), acc=3, band=1.0), (1,), 3),
}
EVEN = [
    Case(f"{name} order {order}", f"x={kind}", lambda _, o=order, s=scheme:
         Diff("x", o, scheme=s), {"x" * order: 1}, acc, m=30, closure=closure)
    for name, (scheme, of, acc) in TUNED.items()
    for order in of
    for kind, closure in (("uniform", "accurate"), ("periodic", "accurate"),
                          ("descending", "accurate"), ("cells", "accurate"), ("faces", "halo"))
] + [
    Case(f"{name} order 1", f"x={kind}", lambda _, s=scheme: Diff("x", scheme=s), {"x": 1}, None,
         m=30, closure=closure)
    for name, (scheme, *_) in [*TUNED.items()][::5]
    for kind in ("uniform", "cells")
    for closure in ("odd", "even", "zero", 2)
]  # fmt: skip


def D(*axes, acc=2):  # noqa: N802  # the name that the literature gives it
    """Return the derivatives along each of the axes, in turn."""
    product = fo.Identity()
    for axis in axes:
        product = product * Diff(axis, acc=acc)
    return product


SUMS = [
    Case("2 D + 3", "x=random", lambda _: 2 * D("x") + 3, {"x": 2, "": 3}),
    Case("D² - D/2 + 1j", "x=uniform", lambda _: Diff("x", 2) - D("x") / 2 + 1j,
         {"xx": 1, "x": -0.5, "": 1j}),
    Case("Laplacian by hand", "x=uniform y=periodic",
         lambda _: Diff("x", 2, acc=4) + Diff("y", 2, acc=4), {"xx": 1, "yy": 1}, 4, 12),
    Case("unnamed", "uniform random", lambda _: Diff(0, 2) - 2 * Diff(1), {"xx": 1, "y": -2}, m=12),
    Case("negative axis", "x=cells y=uniform", lambda _: Diff(-1, 2), {"yy": 1}, m=12),
    Case("mixed partial", "x=random y=cells", lambda _: D("x", "y"), {"xy": 1}, m=12),
    Case("mixed acc 4", "x=uniform y=alternating", lambda _: D("x", "y", acc=4), {"xy": 1}, 4, 12),
    Case("D_xxy", "x=uniform y=periodic", lambda _: D("x", "x", "y"), {"xxy": 1}, m=12),
    Case("(Dx + Dy)²", "x=uniform y=descending", lambda _: (D("x") + D("y")) ** 2,
         {"xx": 1, "xy": 2, "yy": 1}, m=12),
    Case("three axes", "x=periodic y=uniform z=random",
         lambda _: D("x", "y", "z") + 2 * Diff("z", 2), {"xyz": 1, "zz": 2}, m=8),
    Case("four axes", "x=uniform y=periodic z=cells w=uniform",
         lambda _: D("x", "w") - Diff("z", 2) + D("y"), {"xw": 1, "zz": -1, "y": 1}, m=6),
    Case("acc 4 after acc 2", "x=uniform", lambda _: Diff("x", acc=4) * Diff("x", acc=2),
         {"xx": 1}, None),
    Case("Forward Backward", "x=uniform", lambda _: Diff("x", acc=2, scheme=fo.Forward())
         * Diff("x", acc=2, scheme=fo.Backward()), {"xx": 1}, None),
    Case("Forward Backward", "x=periodic", lambda _: Diff("x", acc=1, scheme=fo.Forward())
         * Diff("x", acc=1, scheme=fo.Backward()), {"xx": 1}, None),
]  # fmt: skip

VARYING = [
    Case("a D", "x=random", lambda _: fo.Coef(a) * D("x"), {"x": a}),
    Case("array D", "x=cells", lambda g: sample(g, a) * D("x"), {"x": a}),
    Case("field D", "x=stretched", lambda _: fo.Field("c") * D("x"), {"x": a}, fields={"c": a}),
    Case("complex a D", "x=uniform", lambda _: (lambda x: 1j * a(x)) * D("x"),
         {"x": lambda x: 1j * a(x)}),
    Case("D a", "x=periodic", lambda _: D("x") * fo.Coef(a), {"x": a, "": da}),
    Case("a D + D a", "x=periodic", lambda _: a * D("x") + D("x") * a, {"x": lambda x: 2 * a(x),
         "": da}),
    Case("ufunc D", "cells", lambda _: np.exp * Diff(0), {"x": np.exp}),
    Case("k Dxy", "x=uniform y=periodic", lambda _: k * D("x", "y"), {"xy": k}, m=12),
    Case("only y", "x=uniform y=random", lambda _: (lambda y: a(y)) * D("x"),
         {"x": lambda x, y: a(y) + 0 * x}, m=12),
    Case("wave", "x=random y=uniform", lambda _: Diff("x", 2) - k * Diff("y", 2),
         {"xx": 1, "yy": lambda x, y: -k(x, y)}, m=12),
    Case("Dx k Dy", "x=uniform y=uniform", lambda _: D("x") * (k * D("y")), {"xy": k, "y": kx},
         m=12),
    Case("1-D field f in 2-D", "x=uniform y=cells", lambda _: fo.Field("c") * D("x", "y"),
         {"xy": k}, fields={"c": k}, m=12),
]  # fmt: skip
VARYING += [
    Case(f"D a D acc {p}", f"x={kind}", lambda _, p=p: D("x", acc=p) * (a * D("x", acc=p)),
         {"xx": a, "x": da}, p, 64 if p == 6 else 32)
    for kind in ("uniform", "alternating", "random", "periodic", "periodic-random", "cells")
    for p in (2, 4, 6)
] + [
    Case(f"D² a D² acc {p}", f"x={kind}", lambda _, p=p: Diff("x", 2, acc=p)
         * (a * Diff("x", 2, acc=p)), {"xxxx": a, "xxx": lambda x: 2 * da(x), "xx": dda}, p, 40)
    for kind in ("uniform", "alternating", "descending")
    for p in (2, 4)
] + [
    Case("D a D²", f"x={kind}", lambda _: D("x") * (a * Diff("x", 2)), {"xxx": a, "xx": da}, m=32)
    for kind in ("uniform", "alternating")
] + [
    Case("D a D a D", f"x={kind}", lambda _: D("x") * (a * (D("x") * (a * D("x")))),
         {"xxx": lambda x: a(x) ** 2, "xx": lambda x: 3 * a(x) * da(x),
          "x": lambda x: da(x) ** 2 + a(x) * dda(x)}, m=40)
    for kind in ("uniform", "alternating")
] + [
    Case("(a D)²", f"x={kind}", lambda _: (a * D("x")) ** 2,
         {"xx": lambda x: a(x) ** 2, "x": lambda x: a(x) * da(x)}, m=32)
    for kind in ("uniform", "alternating", "periodic")
] + [
    Case("staggered D a D", f"x={kind}", lambda _: Diff("x", to="node")
         * (a * Diff("x", to="half")), {"xx": a, "x": da}, m=32)
    for kind in ("uniform", "periodic", "cells", "alternating")
]  # fmt: skip

VARYING += [
    Case(f"far D a D {offsets}", f"x={kind}", lambda _, offsets=offsets: Diff("x",
         scheme=fo.Offsets(offsets)) * (a * D("x")), {"xx": a, "x": da}, None, 32)
    for offsets in ([2, 3, 4], [-4, -3, -1])
    for kind in ("periodic", "periodic-random", "uniform")
] + [
    Case("D + Dissipation", "x=descending",
         lambda _: Diff("x", scheme=fo.SBP(4)) + fo.Dissipation("x", fo.SBP(4)), {"x": 1}, 2, 32)
]  # fmt: skip

GRADIENT = [{"x": 1}, {"y": 1}]
CURL3 = [[{}, {"z": -1}, {"y": 1}], [{"z": 1}, {}, {"x": -1}], [{"y": -1}, {"x": 1}, {}]]
HESSIAN = [[{"xx": 1}, {"xy": 1}], [{"xy": 1}, {"yy": 1}]]
JACOBIAN = [[[{"x": 1}, {}], [{"y": 1}, {}]], [[{}, {"x": 1}], [{}, {"y": 1}]]]
DIFFUSION = {"xx": k, "x": kx, "yy": k, "y": ky}
# ∇·(K∇) with K = [[k, 1], [1, 2]]
TENSOR = {"xx": k, "x": kx, "xy": 2, "yy": 2}


def _vector(name, expr, truth, ins=(), outs=(), acc=2, specs=("x=uniform y=periodic",), **rest):
    m = rest.pop("m", 12)
    return [Case(name, s, expr, truth, acc, m, ins=ins, outs=outs, **rest) for s in specs]


TWO = ("x=uniform y=periodic", "x=random y=cells", "descending uniform")
VECTORS = [
    *_vector("Gradient", lambda _: fo.Gradient(), GRADIENT, (), (2,), specs=TWO),
    *_vector("Gradient acc", lambda _: fo.Gradient(acc={"x": 4, "y": 6}), GRADIENT, (), (2,), 4),
    *_vector("Gradient 1-D", lambda _: fo.Gradient(), [{"x": 1}], (), (1,), specs=("x=random",)),
    *_vector("Gradient (y)", lambda _: fo.Gradient(axes=("y",)), [{"y": 1}], (), (1,)),
    *_vector("Divergence", lambda _: fo.Divergence(acc=4), GRADIENT, (2,), (), 4, specs=TWO),
    *_vector("Curl 2-D", lambda _: fo.Curl(), [{"y": -1}, {"x": 1}], (2,), (), specs=TWO),
    *_vector("Curl of scalar", lambda _: fo.Curl(of="scalar"), [{"y": 1}, {"x": -1}], (), (2,),
             specs=TWO),
    *_vector("Curl 3-D", lambda _: fo.Curl(), CURL3, (3,), (3,), m=8,
             specs=("x=uniform y=periodic z=random",)),
    *_vector("Laplacian", lambda _: fo.Laplacian(acc=4), {"xx": 1, "yy": 1}, acc=4, specs=TWO),
    *_vector("Laplacian smoothed", lambda _: fo.Laplacian(scheme=fo.SavitzkyGolay(5, 3)),
             {"xx": 1, "yy": 1}, smooths=True),
    *_vector("∂x² smoothed across", lambda _: fo.Filter("y", fo.Gaussian(0.5))
             * Diff("x", 2, scheme=fo.Gaussian(0.5)), {"xx": 1}, smooths=True),
    *_vector("VectorLaplacian", lambda _: fo.VectorLaplacian(),
             [[{"xx": 1, "yy": 1}, {}], [{}, {"xx": 1, "yy": 1}]], (2,), (2,), specs=TWO),
    *_vector("Hessian", lambda _: fo.Hessian(), HESSIAN, (), (2, 2), specs=TWO),
    *_vector("Jacobian", lambda _: fo.Jacobian(), JACOBIAN, (2,), (2, 2), specs=TWO),
    *_vector("Biharmonic", lambda _: fo.Biharmonic(), {"xxxx": 1, "xxyy": 2, "yyyy": 1},
             specs=TWO),
    *_vector("Advection", lambda _: fo.Advection([k, 2.0]), {"x": k, "y": 2.0}, specs=TWO),
    *_vector("DirectionalDerivative", lambda _: fo.DirectionalDerivative((0.6, -0.8)),
             {"x": 0.6, "y": -0.8}, specs=TWO),
    *_vector("Diffusion", lambda _: fo.Diffusion(k), DIFFUSION, m=16, specs=TWO),
    *_vector("Diffusion natural", lambda _: fo.Diffusion(k, natural=True), DIFFUSION, acc=None,
             m=16, specs=("x=uniform y=periodic", "x=cells y=uniform", "x=random y=uniform")),
    *_vector("Diffusion harmonic", lambda _: fo.Diffusion(k, mean="harmonic"), DIFFUSION, m=16,
             specs=TWO),
    *_vector("Diffusion arithmetic", lambda g: fo.Diffusion(sample(g, k), acc=4, mean="arithmetic"),
             DIFFUSION, acc=4, m=20, specs=TWO),
    *_vector("Tensor", lambda _: fo.Divergence() @ fo.Tensor([[k, 1], [1, 2]]) @ fo.Gradient(),
             TENSOR, m=16, specs=TWO),
    *_vector("Block", lambda _: fo.Block([[k * Diff(0), Diff(1, 2)], [fo.Identity(), 2j]]),
             [[{"x": k}, {"yy": 1}], [{"": 1}, {"": 2j}]], (2,), (2,), specs=TWO),
    *_vector("Block row", lambda _: fo.Block([[Diff(0), Diff(1)]]), [{"x": 1}, {"y": 1}], (2,), ()),
    *_vector("Block of vectors",  # Stokes: two velocities and a pressure
             lambda _: fo.Block([[fo.VectorLaplacian(), -fo.Gradient()], [fo.Divergence(), 0]]),
             [[{"xx": 1, "yy": 1}, {}, {"x": -1}], [{}, {"xx": 1, "yy": 1}, {"y": -1}],
              [{"x": 1}, {"y": 1}, {}]], (3,), (3,)),
    Case("Laplacian 4-D", "x=uniform y=periodic z=cells w=uniform", lambda _: fo.Laplacian(),
         {"xx": 1, "yy": 1, "zz": 1, "ww": 1}, m=6),
    Case("isotropic 2-D", "x=periodic y=periodic", lambda _: fo.Laplacian(isotropic=True),
         {"xx": 1, "yy": 1}, m=12, tensor=False),
    Case("isotropic 3-D", "x=periodic y=periodic z=periodic",
         lambda _: fo.Laplacian(isotropic=True), {"xx": 1, "yy": 1, "zz": 1}, m=8,
         tensor=False),
]  # fmt: skip

CLOSED_PLANES = [
    case
    for closure in (*CLOSURES, "halo", {"x-": "halo"})
    for spec in ("x=uniform y=cells", "x=cells y=periodic", "x=descending y=descending")
    for case in (
        Case("Laplacian", spec, lambda _: fo.Laplacian(), {"xx": 1, "yy": 1}, None, 16, closure),
        Case("Dxy", spec, lambda _: D("x", "y"), {"xy": 1}, None, 16, closure),
        Case("Divergence", spec, lambda _: fo.Divergence(acc=4), GRADIENT, None, 16, closure, (2,)),
        Case("Curl", spec, lambda _: fo.Curl(of="scalar"), [{"y": 1}, {"x": -1}], None, 16, closure,
             (), (2,)),
        Case("half Diff", spec, lambda _: Diff("x", acc=4, to="half"), {"x": 1}, None, 16, closure),
        Case("Interpolate", spec, lambda _: Interpolate("x", "half", acc=4), {"": 1}, None, 16,
             closure),
        Case("Forward", spec, lambda _: Diff("x", acc=3, scheme=fo.Forward()), {"x": 1}, None, 16,
             closure),
        Case("Upwind", spec, lambda _: Diff("x", scheme=fo.Upwind(k)), {"x": 1}, None, 16, closure),
        Case("k D", spec, lambda g: sample(g, k) * D("y"), {"y": k}, None, 16, closure),
    )
] + [
    case
    for closure in CLOSURES
    for spec in ("x=uniform y=cells", "x=random y=uniform")
    for case in (
        Case("Dx k Dx", spec, lambda _: D("x") * (k * D("x")), {"xx": k, "x": kx}, None, 20,
             closure),
        Case("Dx k Dy", spec, lambda _: D("x") * (k * D("y")), {"xy": k, "y": kx}, None, 16,
             closure),
        Case("Diffusion", spec, lambda _: fo.Diffusion(k), DIFFUSION, None, 16, closure),
    )
]  # fmt: skip


@dataclass(frozen=True)
class Literal:
    """Literal algebra of bound operators, in the place of an expression."""

    make: Callable[[Callable], Any]

    def on(self, grid, closure):
        return self.make(lambda E: E.on(grid, closure=closure))


LITERAL = [
    Case(f"bound {name}", f"x={kind}", lambda _, make=make: Literal(make), truth, None, 32, closure)
    for kind, closure in (("uniform", "accurate"), ("alternating", "accurate"), ("cells", "odd"),
                          ("periodic", "accurate"), ("uniform", "even"))
    for name, make, truth in (
        ("D @ D", lambda on: on(D("x")) @ on(D("x")), {"xx": 1}),
        ("a D @ D", lambda on: on(a * D("x")) @ on(D("x", acc=4)), {"xx": a}),
        ("D² @ a D", lambda on: on(Diff("x", 2)) @ on(a * D("x")),
         {"xxx": a, "xx": lambda x: 2 * da(x), "x": dda}),
        ("D + 2 D²", lambda on: on(D("x")) + 2 * on(Diff("x", 2)), {"x": 1, "xx": 2}),
        ("1j D - a", lambda on: 1j * on(D("x")) - on(fo.Coef(a)), {"x": 1j, "": lambda x: -a(x)}),
        ("D³", lambda on: on(D("x")) ** 3, {"xxx": 1}),
        ("(D + 1)²", lambda on: (on(D("x")) + on(fo.Identity())) ** 2, {"xx": 1, "x": 2, "": 1}),
    )
] + [  # wide terms, which cancel but for a narrow rest
    Case("Diffusion SBP", f"x={kind}", lambda _: fo.Diffusion(a, scheme=fo.SBP(4)),
         {"xx": a, "x": da}, None, 32)
    for kind in ("uniform", "periodic")
]  # fmt: skip

# Schemes that act on whole lines ---------------------------------------------------------------

COMPACT = [
    _single(o, p, kind, lambda _, s=s: s, name=repr(s))
    for s, pairs in (
        (fo.Compact(), ((1, 4), (1, 6), (2, 4), (2, 6), (3, 6), (4, 4))),
        (fo.Compact(left=2), ((1, 6), (1, 8), (1, 10), (2, 8), (2, 10))),
        (fo.Compact(left=[1 / 4]), ((1, 6), (2, 4))),
    )
    for kind in ("uniform", "periodic", "descending", "cells", "half", "faces")
    for o, p in pairs
] + [
    Case(repr(s), f"x={kind}", lambda _, o=o, s=s: Diff("x", o, scheme=s), {"x" * o: 1}, p)
    for kind in ("uniform", "periodic")
    for o, p, s in ((1, 4, fo.Compact.spectral_like()), (2, 4, fo.Compact.spectral_like(2)),
                    (1, 6, fo.Compact(left=[1 / 3], right=[14 / 9, 1 / 9])),
                    (1, 8, fo.Compact(right=3)))
] + [
    Case(f"Compact {to} Diff({o}, acc={p})", f"x={kind}", lambda _, o=o, p=p, to=to:
         Diff("x", o, acc=p, to=to, scheme=fo.Compact()), {"x" * o: 1}, p)
    for to, of in {"half": ("uniform", "periodic", "cells"),
                   "node": ("half", "periodic-half", "faces")}.items()
    for kind in of
    for o, p in ((1, 4), (1, 6), (2, 6))
] + [
    _single(o, p, kind, lambda _: fo.Compact(), closure=closure, claim=False, name="Compact")
    for closure in (1, 3, "odd", "even", {"x-": "odd", "x+": 5})
    for kind in ("uniform", "cells", "faces")
    for o, p in ((1, 6), (2, 4))
] + [
    _implied(fo.CompactFilter(order, alpha), 0, order // 2, kind)
    for order, alpha, kinds in (
        (2, 0.3, ("uniform", "cells", "periodic-half")),
        (8, 0.45, ("periodic", "descending", "faces")),
    )
    for kind in kinds
] + [
    Case(f"narrow Compact({m}) Diff({o}, acc={p})", f"x=periodic:{n}", lambda _, o=o, p=p, m=m:
         Diff("x", o, acc=p, scheme=fo.Compact(m)), {"x" * o: 1}, p, refine=False)
    for n in (3, 5)
    for m, o, p in ((1, 1, 6), (2, 2, 8))
] + [
    Case("Compact a D", "x=cells", lambda _: a * Diff("x", acc=6, scheme=fo.Compact()), {"x": a},
         6),
    Case("Compact D a", "x=periodic", lambda _: Diff("x", acc=6, scheme=fo.Compact()) * fo.Coef(a),
         {"x": a, "": da}, 6),
    Case("Compact D a D", "x=periodic", lambda _: Diff("x", acc=6, scheme=fo.Compact())
         * (a * Diff("x", acc=6, scheme=fo.Compact())), {"xx": a, "x": da}, 6),
    Case("Compact D a D", "x=uniform", lambda _: Diff("x", scheme=fo.Compact())
         * (a * Diff("x", scheme=fo.Compact())), {"xx": a, "x": da}, 4, 40),
    Case("Compact and Central", "x=uniform y=cells", lambda _: 2j * Diff("x", 2,
         scheme=fo.Compact()) + Diff("y", acc=4) * Diff("x", scheme=fo.Compact()),
         {"xx": 2j, "xy": 1}, 4, 12),
    Case("Compact field", "x=periodic y=uniform", lambda _: fo.Field("c") * Diff("y", acc=6,
         scheme=fo.Compact()) - 3, {"y": k, "": -3}, 6, 12, fields={"c": k}),
    *_vector("Compact Laplacian", lambda _: fo.Laplacian(scheme=fo.Compact(), acc=6),
             {"xx": 1, "yy": 1}, acc=6, specs=("x=uniform y=periodic", "descending uniform")),
    *_vector("Compact Gradient", lambda _: fo.Gradient(scheme=fo.Compact()), GRADIENT, (), (2,), 4),
    *_vector("Compact Divergence", lambda _: fo.Divergence(scheme=fo.Compact()), GRADIENT, (2,), (),
             4),
    *_vector("Compact Curl", lambda _: fo.Curl(acc=6, scheme=fo.Compact()), CURL3, (3,), (3,), 6,
             m=8, specs=("x=uniform y=periodic z=cells",)),
    Case("bound Compact D @ D + 1", "x=uniform", lambda _: Literal(lambda on: on(Diff("x", acc=6,
         scheme=fo.Compact())) @ on(Diff("x") + Diff("x", 2, scheme=fo.Compact())) + 1),
         {"xx": 1, "xxx": 1, "": 1}, None, 32),
]  # fmt: skip

SPECTRAL = [
    Case(f"Fourier Diff({o}{to and ', ' + to})", f"x={kind}", lambda _, o=o, to=to:
         Diff("x", o, scheme=fo.Fourier(), to=to or None), {"x" * o: 1}, None)
    for kind, to in (("periodic:24", ""), ("periodic:25", ""), ("periodic:24", "half"),
                     ("periodic-half:25", "node"))
    for o in (1, 2, 3)
] + [
    Case(f"narrow Fourier Diff({o})", f"x=periodic:{n}", lambda _, o=o: Diff("x", o,
         scheme=fo.Fourier()), {"x" * o: 1}, None, refine=False)
    for n in (1, 2, 3)
    for o in (1, 2)
] + [
    Case(f"Chebyshev Diff({o})", f"x={kind}", lambda _, o=o: Diff("x", o, scheme=fo.Chebyshev()),
         {"x" * o: 1}, None)
    for kind in ("chebyshev", "chebyshev-descending", "chebyshev:31")
    for o in (1, 2, 3)
] + [
    Case("spectral Laplacian", "x=periodic y=chebyshev",
         lambda _: fo.Laplacian(scheme={"x": fo.Fourier(), "y": fo.Chebyshev()}),
         {"xx": 1, "yy": 1}, None, 24),
    Case("Fourier D a D", "x=periodic", lambda _: Diff("x", scheme=fo.Fourier())
         * (a * Diff("x", scheme=fo.Fourier())), {"xx": a, "x": da}, None),
    Case("Fourier and Central", "x=periodic y=uniform", lambda _: Diff("x", scheme=fo.Fourier())
         * Diff("y", acc=4) + 1j * Diff("x", 2, scheme=fo.Fourier()), {"xy": 1, "xx": 1j}, 4, 12),
]  # fmt: skip

WHOLE: list[Case] = [*COMPACT, *SPECTRAL]
"""Not in `CASES`, whose matrices are sparse and of which a zero weight touches nothing."""

CASES: list[Case] = [
    *SINGLES, *FORCED, *BY_PARTS, *SMOOTHED, *SPLINES, *EVEN, *CLOSED, *NARROW, *STAGGERED, *SUMS,
    *VARYING, *VECTORS, *CLOSED_PLANES, *LITERAL,
]  # fmt: skip


EVERY: list[Case] = [*CASES, *WHOLE]

AROUND: list[Case] = [case for case in (*SPLINES, *WHOLE) if "periodic" in case.spec]
"""Every row reads all around a circle, on which no polynomial is periodic."""


def each(cases):
    """Parametrize a test over cases, each under its own name."""
    return pytest.mark.parametrize("case", cases, ids=str)
