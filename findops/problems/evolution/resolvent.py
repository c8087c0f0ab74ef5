"""Solvers of implicit steps, x − step·A x = b, chosen as those of boundary-value problems are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from findops.problems.linear.choice import Choice, Method, Prepared
from findops.problems.linear.direct import sparse_lu
from findops.problems.linear.solvers import METHODS, candidates

if TYPE_CHECKING:
    from collections.abc import Callable

    from findops.common.arrays import Array
    from findops.conditions.affine_system import AffineSystem
    from findops.problems.linear.costs import Cost, Costs

__all__ = ["resolvent"]

TOLERANCE = 1e-12
"""Residual of iterations, as a part of the right-hand side: errors of a hundred steps add up."""

STEPS = 50
"""Steps that share what is prepared: how many there will be, nobody knows before."""


def resolvent(system: AffineSystem, step: float) -> Callable[[Array], Array]:
    """Return b ↦ (I − step·A)⁻¹ b, which may overwrite b, for the matrix A of a system.

    That is the solution for I − step·L under the same conditions, without values.

    Raises
    ------
    ValueError
        If 1/step is an eigenvalue.
    RuntimeError
        The returned function, if no solver comes to an end.
    """
    implicit = replace(system, operator=1 - step * system.operator)
    methods = candidates(implicit) | {"direct": replace(METHODS["direct"], prepare=_factored)}
    repeated = {name: _repeated(method) for name, method in methods.items()}
    choice = Choice(implicit, repeated, TOLERANCE, progress=False)

    def solve(b: Array) -> Array:
        try:
            return choice.solve(b)[0]
        except RuntimeError as error:
            raise RuntimeError(
                f"{system!r}: no solver comes to the end of an implicit step of {step:.3g}; "
                "shorter ones are easier, and explicit methods solve nothing"
            ) from error

    return solve


def _repeated(method: Method) -> Method:
    """Return a method with what it costs for all steps."""

    def cost(costs: Costs) -> Cost:
        once = method.cost(costs)
        return replace(once, steps=STEPS * once.steps)

    return replace(method, cost=cost)


def _factored(system: AffineSystem, tol: float, progress: bool) -> Prepared:  # noqa: ARG001
    """Return plain factors, with as few entries as can be: every step reads them.

    Beside the identity nothing needs refinement.
    """
    try:
        factors = sparse_lu(system.matrix)
    except RuntimeError:
        raise ValueError(
            f"{system!r} is singular: a mode grows so fast that this implicit step has no "
            "solution; take another dt"
        ) from None
    return Prepared(lambda b, _: (factors.solve(b), 0), "sparse factorization")
