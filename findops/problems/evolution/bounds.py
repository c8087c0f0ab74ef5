"""Bounds of spectra from the rows of a plan, without a matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import sparse
from scipy.linalg import eigvals_banded

from findops.conditions.affine_system import entries_of, matrix_rows
from findops.conditions.elimination import EliminationSystem
from findops.masked.operator import Masked
from findops.operators.operator import Operator
from findops.operators.staggered import StaggeredOperator
from findops.plan.band import summed
from findops.plan.program import Chain, Composition, Program, Term
from findops.problems.linear.separable import lines_of_sum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scipy.sparse import csr_array

    from findops.common.arrays import Array, Ints
    from findops.conditions.affine_system import AffineSystem
    from findops.conditions.flat_operator import FlatOperator
    from findops.plan.band import Band, Row

__all__ = ["Bounds", "Region", "ends_of_sum", "spectral_bounds"]

ROUNDOFF = 1e-13
"""Part of a row's size by which roundoff may exceed what is exactly zero."""

SELF_ADJOINT = 1e-12
"""Part of ‖A x‖ ‖y‖ by which ⟨A x, y⟩ and ⟨x, A y⟩ may differ where they are equal."""

BOUNDARY_POINTS = 400
"""Points of a region's boundary at which a method is looked at."""

SLACK = 1e-3
"""Part by which a region is taken larger, for what lies between these points."""

LONGEST_LINE = 4096
"""Points of an axis up to which the ends of its spectrum are computed."""

Region = Literal["interval", "segment", "disc", "half-disc"]


@dataclass(frozen=True)
class Bounds:
    """A region of the left half plane in which all eigenvalues lie.

    Parameters
    ----------
    region : {"interval", "segment", "disc", "half-disc"}
        From −size to 0; from −i·size to i·size; the disc on that interval; |λ| ≤ size, Re λ ≤ 0.
    size : float
    """

    region: Region
    size: float

    def allow(self, amplification: Callable[[Array], Array], dt: float) -> bool:
        """Tell whether a method with |R(z)| is stable for all of it."""
        # The largest |R| of an analytic R stands on the boundary.
        z = dt * self.size * (1 + SLACK) * _boundary(self.region)
        return bool((amplification(z) <= 1 + 1e-9).all())

    def second_order(self) -> Bounds | None:
        """Return that of the pair (x, x') of x″ = A x: of the square roots."""
        return Bounds("segment", float(np.sqrt(self.size))) if self.region == "interval" else None


def _boundary(region: Region) -> Array:
    """Return points on the boundary of a region of size 1."""
    if region in ("interval", "segment"):
        line = np.linspace(-1, 1, BOUNDARY_POINTS)
        return (line - 1) / 2 + 0j if region == "interval" else 1j * line
    turn: Array = np.exp(1j * np.linspace(0, 2 * np.pi, BOUNDARY_POINTS))
    if region == "disc":
        return np.asarray((turn - 1) / 2)
    return np.concatenate([turn[turn.real <= 0], 1j * np.linspace(-1, 1, BOUNDARY_POINTS)])


def spectral_bounds(system: AffineSystem) -> Bounds | None:
    """Return a region of the left half plane that holds all eigenvalues of a system's matrix.

    By rows, Gershgorin's discs tell it if the diagonal outweighs all else. Where vectors drawn at
    random show the matrix to be symmetric or skew, in a norm of the grid's weights, eigenvalues are
    real or imaginary. None if rows do not tell, or there are no conditions to eliminate.
    """
    if not isinstance(system, EliminationSystem) or system.dtype.kind == "c":
        return None
    rows = _Rows.of(system)
    if rows is None:
        return None
    sums = rows.magnitude(np.ones(system.count))
    # The rows of |A|² tell more than those of |A| where two groups of unknowns move each other.
    largest = float(np.sqrt(rows.magnitude(sums).max(initial=0)))
    if not np.isfinite(largest):
        return None
    sign, diagonal = _adjoint_sign(system), rows.diagonal
    if sign < 0:
        return Bounds("segment", largest)
    if not (sums - np.abs(diagonal) + diagonal <= ROUNDOFF * sums).all():
        return None
    if sign > 0:
        return Bounds("interval", largest)
    return Bounds("disc", 2 * float(np.abs(diagonal).max(initial=0)))


def ends_of_sum(system: AffineSystem) -> Array | None:
    """Return the least and the largest eigenvalue of a sum of symmetric operators along axes.

    They are the sums of those along the axes. None if it is no such sum.
    """
    lines = lines_of_sum(system)
    found = [] if lines is None else [_ends_of_line(line) for line in lines]
    ends = [each for each in found if each is not None]
    return np.sum(ends, axis=0) if ends and len(ends) == len(found) else None


def _ends_of_line(line: AffineSystem) -> Array | None:
    """Return the least and the largest eigenvalue along an axis, None if they are not real."""
    if line.reads_lines or line.dtype.kind == "c" or not 0 < line.count <= LONGEST_LINE:
        return None
    norm = np.sqrt(line.restrict(line.values.weights))
    matrix = sparse.diags_array(norm) @ line.matrix @ sparse.diags_array(1 / norm)
    if abs(matrix - matrix.T).max() > ROUNDOFF * abs(matrix).max():
        return None
    if line.values.grid.axes[0].periodic:
        first = matrix[:, [0]].toarray().ravel()
        circulant = abs(np.roll(first, 1) - matrix[:, [1]].toarray().ravel()).max(initial=0)
        values = np.fft.fft(first).real
        return np.array([values.min(), values.max()]) if not circulant else None
    entries = matrix.tocoo()
    reach = int(np.abs(entries.row - entries.col).max(initial=0))
    bands = np.zeros((reach + 1, line.count))
    upper = entries.col >= entries.row
    row, col = entries.row[upper], entries.col[upper]
    bands[reach + row - col, col] = entries.data[upper]
    last = line.count - 1
    return np.array(
        [float(eigvals_banded(bands, select="i", select_range=(k, k))[0]) for k in (0, last)]
    )


def _adjoint_sign(system: AffineSystem) -> int:
    """Return 1 for a symmetric matrix, −1 for a skew one, 0 for others, in one of two norms."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(system.count) for _ in range(2))
    Ax, Ay = system.matvec(x), system.matvec(y)
    weights = system.restrict(system.values.weights.reshape(system.shape))
    for norm in (np.ones(system.count), weights):
        left, right = float(np.vdot(norm * y, Ax)), float(np.vdot(norm * x, Ay))
        size = float(np.linalg.norm(norm * Ax) * np.linalg.norm(y))
        for sign in (1, -1):
            if abs(left - sign * right) <= SELF_ADJOINT * size:
                return sign
    return 0


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a system's matrix, in magnitude."""

    system: EliminationSystem
    op: Operator | FlatOperator
    """With the magnitudes of all weights and coefficients."""
    moved: Ints
    """Rows that read values which conditions make of others."""
    exact: csr_array
    """These rows of the matrix itself."""

    @staticmethod
    def of(system: EliminationSystem) -> _Rows | None:
        """Return those of a system, None where no plan tells them."""
        op = system.operator
        if isinstance(op, Masked):
            return None
        if any(
            isinstance(entry, Masked) or entry.program.whole or entry.program.foreign
            for _, entry in entries_of(op)
        ):
            return None
        magnitude = _magnitude(op)
        substituted = system.elimination.substituted
        read = np.zeros(system.unknowns.is_free.size)
        read[system.equations.replaced[np.diff(substituted.indptr).astype(bool)]] = 1
        moved = np.flatnonzero(
            system.unknowns.of(magnitude(read.reshape(system.shape))) if read.any() else ()
        )
        exact = system.in_unknowns(matrix_rows(op, system.free[moved]))
        return _Rows(system, magnitude, moved, exact)

    def magnitude(self, x: Array) -> Array:
        """Return Σ|a| x of each row, or more where several terms of an operator meet."""
        u = np.zeros(self.system.shape)
        self.system.unknowns.write(u, x)
        made = self.system.unknowns.of(np.asarray(self.op(u)))
        made[self.moved] = abs(self.exact) @ x
        return made

    @property
    def diagonal(self) -> Array:
        """The diagonal of the matrix."""
        made = self.system.unknowns.of(self.system.diagonal.reshape(self.system.shape))
        made[self.moved] = self.exact[:, self.moved].diagonal()
        return made


def _magnitude(op: Operator | FlatOperator) -> Operator | FlatOperator:
    """Return an operator with the magnitudes of all its weights and coefficients."""
    if isinstance(op, Operator):
        return _of_operator(op)
    assert isinstance(op.op, StaggeredOperator)
    return replace(op, op=op.op.mapped(_of_operator, op.op.pieces), near=abs(op.near))


def _of_operator(op: Operator) -> Operator:
    return replace(op, program=_of_program(op.program))


def _of_program(program: Program) -> Program:
    return replace(
        program,
        parts=tuple(
            replace(part, terms=tuple(map(_of_term, part.terms)))
            if isinstance(part, Chain)
            else Composition(tuple(map(_of_program, part.programs)))
            for part in _added_up(program.parts)
        ),
    )


def _added_up(parts: Iterable[Chain | Composition]) -> list[Chain | Composition]:
    """Return parts with those added up that act by constant weights along one axis."""
    made: list[Chain | Composition] = []
    alike: dict[tuple[int, int, int, int], list[tuple[float, Band]]] = {}
    for part in parts:
        term = part.terms[0] if isinstance(part, Chain) and len(part.terms) == 1 else None
        acting = [] if term is None else [i for i, band in enumerate(term.bands) if band]
        if isinstance(part, Chain) and term is not None and len(acting) == 1 and not term.factors:
            (axis,) = acting
            band = term.bands[axis]
            assert band is not None
            assert not isinstance(term.scale, complex)
            alike.setdefault((part.row, part.col, axis, len(term.bands)), []).append(
                (term.scale, band)
            )
        else:
            made.append(part)
    for (row, col, axis, ndim), bands in alike.items():
        whole = tuple(summed(bands) if i == axis else None for i in range(ndim))
        made.append(Chain(row, col, (Term(whole),)))
    return made


def _of_term(term: Term) -> Term:
    factors = tuple(f if f.selects else replace(f, value=np.abs(f.value)) for f in term.factors)
    bands = tuple(band and _of_band(band) for band in term.bands)
    return Term(bands, abs(term.scale), factors)


def _of_band(band: Band) -> Band:
    head, tail = (tuple(map(_of_row, rows)) for rows in (band.head, band.tail))
    return replace(band, weights=np.abs(band.weights), head=head, tail=tail, law=None)


def _of_row(row: Row) -> Row:
    return replace(row, weights=np.abs(row.weights))
