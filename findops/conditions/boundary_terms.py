"""Boundary terms of integration by parts: what derivatives leave at the ends of an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.linalg import solveh_banded

from findops.common.caches import cached_within
from findops.plan.program import Chain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.operators.operator import Operator
    from findops.plan.band import Band, ByParts, Row


__all__ = ["AdvectiveTerm", "DiffusiveTerm", "boundary_terms", "quadrature", "time_sign"]

KEPT_BYTES = 1 << 24
"""Bytes of second derivatives that are kept, with what penalties may borrow of them."""

ADJOINT_ROUNDOFF = 1e-12
"""What roundoff leaves in H·D + (H·D')ᵀ where exact arithmetic would leave zero."""


@dataclass(frozen=True, eq=False)
class AdvectiveTerm:
    """A first derivative times a coefficient, between two components."""

    row: int
    column: int
    law: ByParts
    coefficient: Any
    """A number, or an array that broadcasts to the points."""


@dataclass(frozen=True, eq=False)
class DiffusiveTerm:
    """A second derivative, or D·k·D, times a coefficient, between two components."""

    row: int
    column: int
    law: ByParts
    coefficient: Any
    slopes: tuple[Row, Row]
    """The outward derivatives at both ends."""
    borrowed: float
    """The largest β for which the energy stays positive without β·(outward derivatives)²."""
    inner: Any = 1.0
    """k, 1 in a second derivative."""


def boundary_terms(op: Operator, axis: int) -> Iterator[AdvectiveTerm | DiffusiveTerm]:
    """Yield the parts of an operator that act along an axis and leave terms at its ends.

    Raises
    ------
    ValueError
        If it does not sum by parts there.
    """
    for part in op.program.parts:
        if not isinstance(part, Chain):
            raise ValueError(f"{op!r}: impose='sat' takes no products of bound operators")
        yield from _of_chain(part, axis, op)


def time_sign(op: Operator) -> int:
    """Return 1 if u_t = op(u) diffuses, −1 if u_t = −op(u) does.

    Raises
    ------
    ValueError
        If neither does.
    """
    axes = (i for i, axis in enumerate(op.domain.axes) if not axis.periodic)
    fluxes = (f for i in axes for f in boundary_terms(op, i) if isinstance(f, DiffusiveTerm))
    signs = {s for f in fluxes for s in np.unique(np.sign(np.real(f.coefficient * f.inner)))}
    if {1, -1} <= signs:
        raise ValueError(f"{op!r}: impose='sat' needs second derivatives of one sign")
    return -1 if -1 in signs else 1


def quadrature(op: Operator) -> Array:
    """Return the weights of the norm in which derivatives sum by parts, or those of the grid."""
    made = np.ones(())
    for i, axis in enumerate(op.domain.axes):
        laws = [band.law for term in op.program.terms if (band := term.bands[i]) and band.law]
        made = np.multiply.outer(made, laws[0].norm if laws else axis.weights)
    return made


def _of_chain(chain: Chain, axis: int, op: Operator) -> Iterator[AdvectiveTerm | DiffusiveTerm]:
    """Yield the part that a chain of factors is, if it leaves terms at the ends of an axis."""
    acting = [term for term in chain.terms if term.bands[axis] is not None]
    bands: list[Any] = [term.bands[axis] for term in acting]
    laws = [band.law for band in bands]
    if None in laws:
        raise ValueError(
            f"{op!r}: impose='sat' needs derivatives along {op.domain.names[axis]!r} that sum by "
            "parts, as with scheme=SBP(4)"
        )
    if all(law.slopes is None for law in laws):
        return
    _check_form(chain, axis, op)
    coefficient = acting[0].coefficient
    if sum(band.order for band in bands) == 1:
        for term in chain.terms:
            if term is not acting[0]:
                coefficient = coefficient * term.coefficient
        yield AdvectiveTerm(chain.row, chain.col, laws[0], coefficient)
    elif len(bands) == 1:
        beta = _borrowed(bands[0])
        yield DiffusiveTerm(chain.row, chain.col, laws[0], coefficient, laws[0].slopes, beta)
    else:
        if not _adjoint(*bands):
            raise ValueError(f"{op!r}: of D·k·D, the two derivatives must sum by parts together")
        beta, inner = float(laws[0].norm[[0, -1]].min()), acting[1].coefficient
        yield DiffusiveTerm(chain.row, chain.col, laws[0], coefficient, laws[1].slopes, beta, inner)


def _check_form(chain: Chain, axis: int, op: Operator) -> None:
    """Refuse chains that act along other axes too, or otherwise than by D, D₂ or D·k·D."""
    acts = [i for term in chain.terms for i, band in enumerate(term.bands) if band]
    order = sum(band.order for term in chain.terms if (band := term.bands[axis]))
    scaled = order == 2 and len(acts) < len(chain.terms)
    if set(acts) != {axis} or any(term.masks for term in chain.terms) or order > 2 or scaled:
        raise ValueError(
            f"{op!r}: impose='sat' takes first derivatives, second derivatives and D·k·D along "
            f"{op.domain.names[axis]!r}, times coefficients"
        )


def _adjoint(left: Band, right: Band) -> bool:
    """Tell whether H·D + (H·D')ᵀ has entries in its corners only."""
    assert left.law is not None
    H = sparse.diags_array(left.law.norm)
    rest = (H @ _matrix(left) + (H @ _matrix(right)).T).tocoo()
    last = left.rows - 1
    corner = (rest.row == rest.col) & ((rest.row == 0) | (rest.row == last))
    return bool(np.all(np.abs(rest.data[~corner]) <= ADJOINT_ROUNDOFF))


@cached_within(KEPT_BYTES)
def _borrowed(band: Band) -> float:
    """Return the largest β with M ≥ β·(outward derivatives)², M being that of H⁻¹(−M + B S).

    Constants, which both sides map to zero, are taken out by leaving out the first point.
    """
    assert band.law is not None
    assert band.law.slopes is not None
    low, high = band.law.slopes
    slopes = np.zeros((2, band.rows))
    slopes[0, low.columns], slopes[1, high.columns] = low.weights, high.weights
    ends = sparse.csr_array(([1.0, 1.0], ([0, band.rows - 1], [0, 1])), shape=(band.rows, 2))
    M = (ends @ slopes - sparse.diags_array(band.law.norm) @ _matrix(band))[1:, 1:]
    bands = sparse.dia_array(np.asarray(M) if isinstance(M, np.ndarray) else M)
    reach = int(bands.offsets.max())
    upper = np.zeros((reach + 1, band.rows - 1))
    for offset, values in zip(bands.offsets, bands.data, strict=True):
        if offset >= 0:
            upper[reach - offset, : len(values)] = values
    G = slopes[:, 1:] @ solveh_banded(upper, slopes[:, 1:].T)
    return float(1 / np.linalg.eigvalsh(G)[-1])


def _matrix(band: Band) -> csr_array:
    columns, weights = band.table()
    rows = np.broadcast_to(np.arange(band.rows)[:, None], columns.shape)
    made = sparse.csr_array(
        (weights.ravel(), (rows.ravel(), columns.ravel())), shape=(band.rows, band.cols)
    )
    made.eliminate_zeros()
    return made
