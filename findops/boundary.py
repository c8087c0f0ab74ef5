"""An operator under conditions: the affine system that is left of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from scipy import sparse
from scipy.linalg import null_space
from scipy.sparse.linalg import splu, spsolve

from findops.conditions import as_conditions
from findops.equations import Equations
from findops.field import as_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import SuperLU

    from findops.operator import Operator

    Array = NDArray[Any]
    Ints = NDArray[np.intp]

__all__ = ["AffineSystem", "solved", "subject"]

Impose = Literal["elimination", "rows"]

ROUNDOFF = 1e-13
"""Part of the largest entry that roundoff leaves where exact arithmetic would leave zero."""

DEPTH = 8
"""How far conditions may depend on each other one by one: as deep as a grid has axes, and more."""

TINY = np.finfo(float).tiny

NULL = 1e-12
"""Part of the matrix's size below which it maps a vector to zero."""

SMALL = 500
"""Unknowns up to which all null vectors are found, by a singular value decomposition."""


def solved(factors: SuperLU, b: Array) -> Array:
    """Return the solution by a factorization, of complex data by a real one too."""
    if factors.U.dtype.kind == "c" or not np.iscomplexobj(b):
        return factors.solve(b.astype(factors.U.dtype))
    return factors.solve(b.real.copy()) + 1j * factors.solve(b.imag.copy())


def subject(op: Operator, conditions: Any, impose: Impose) -> AffineSystem:
    """Return the affine system of an operator under conditions."""
    if impose not in ("elimination", "rows"):
        raise ValueError(f"impose must be 'elimination' or 'rows', not {impose!r}")
    if op.shape[0] != op.shape[1] or op.domain != op.range or any(map(any, op.ghosts)):
        raise ValueError(f"{op!r} must map fields to fields on the same points, without ghosts")
    return AffineSystem(op, Equations.of(op, as_conditions(conditions)), impose)


@dataclass(frozen=True, eq=False, repr=False)
class AffineSystem:
    """An operator under conditions: matrix · x + (what the conditions add) = rhs.

    By elimination, the conditions C u = g are solved for as many unknowns, those at their points,
    and these are substituted; x are the others, the free ones. With ``impose="rows"``, all unknowns
    stay, and the conditions stand in the rows of their points.
    """

    operator: Operator
    equations: Equations
    impose: Impose

    @cached_property
    def free(self) -> Ints:
        """Flat indices of the unknowns of the system."""
        if self.impose == "rows":
            return np.arange(self.equations.unknowns)
        free = np.ones(self.equations.unknowns, dtype=bool)
        free[self.equations.places] = False
        return np.flatnonzero(free)

    @cached_property
    def _inside(self) -> csr_array:
        """Rows of the operator that no condition replaces."""
        return self.operator.matrix(rows=self.free)

    @cached_property
    def _own(self) -> Any:
        """The matrix of the conditions on the unknowns at their points."""
        return self.equations.matrix[:, self.equations.places].tocsc()

    @cached_property
    def _solve(self) -> Callable[[Array], Array]:
        """What solves the conditions for the unknowns at their points."""
        if not self.equations.parts:
            return lambda g: g
        # Values and slopes differ by powers of the spacing: only in rows of one size do small
        # pivots tell that something is wrong.
        scale = 1 / np.maximum(abs(self._own).max(axis=1).toarray().ravel(), TINY)
        own = (sparse.diags_array(scale) @ self._own).tocsc()
        try:
            factors = splu(own)
        except RuntimeError:
            raise ValueError(self._undetermined()) from None
        pivots = np.abs(factors.U.diagonal())
        if pivots.min() <= ROUNDOFF:
            raise ValueError(self._undetermined())
        return lambda g: solved(factors, scale * g)

    def _undetermined(self) -> str:
        listed = ", ".join(dict.fromkeys(repr(part.condition) for part in self.equations.parts))
        return (
            f"the conditions do not determine the unknowns at their points: of {listed}, some "
            "repeat or contradict each other, or do not involve the field there"
        )

    @cached_property
    def _substituted(self) -> csr_array:
        """S in u_B = C_B⁻¹ g − S x."""
        free = self.equations.matrix[:, self.free].tocsr()
        if not self.equations.parts:
            return free
        self._solve  # noqa: B018  # refuses conditions that do not determine their unknowns
        own = self._own.tocsr()
        if own.diagonal().all():
            inverse = sparse.diags_array(1 / own.diagonal(), format="csr")
            coupled = own - sparse.diags_array(own.diagonal(), format="csr")
            first = result = inverse @ free
            # Where conditions read each other's points in one direction only, as those of two
            # faces do at a corner, this comes to an end.
            for _ in range(DEPTH):
                before, result = result, first - inverse @ (coupled @ result)
                if (result - before).count_nonzero() == 0:
                    return cast("csr_array", result)
        result = spsolve(self._own, free.tocsc())
        return sparse.csr_array(result.reshape((len(self.equations.places), len(self.free))))

    @cached_property
    def matrix(self) -> csr_array:
        """The matrix of the system, in CSR form."""
        if self.impose == "rows":
            order = np.argsort(np.concatenate([self._kept, self.equations.places]))
            rows = [self.operator.matrix(rows=self._kept), self.equations.matrix]
            return cast("csr_array", sparse.vstack(rows, format="csr")[order])
        bound = self._inside[:, self.equations.places]
        made = self._inside[:, self.free] - bound @ self._substituted
        made.sort_indices()
        return cast("csr_array", made)

    @cached_property
    def _kept(self) -> Ints:
        """Flat indices of the equations that no condition replaces."""
        return np.delete(np.arange(self.equations.unknowns), self.equations.places)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the fields."""
        return self.operator.program.inputs.shape

    def rhs(self, f: ArrayLike = 0, t: float | None = None) -> Array:
        """Return the right-hand side of op(u) = f under the conditions, (n,).

        Parameters
        ----------
        f : array_like, (*components, *grid), or number
            Given at all points.
        t : float, optional
            The time, where conditions depend on it.

        Raises
        ------
        ValueError
            If the shape does not fit.
        TypeError
            If a condition depends on time, and none is given.
        """
        values = as_field(f)
        flat = self._flat(values if values.ndim else np.broadcast_to(values, self.shape))
        given = self.equations.values(t)
        if self.impose == "rows":
            result = flat.astype(np.result_type(flat, given))
            result[self.equations.places] = given
            return result
        known = self._inside[:, self.equations.places] @ self._solve(given)
        return np.asarray(flat[self.free] - known)

    def restrict(self, u: ArrayLike) -> Array:
        """Return the free unknowns of a field, (n,)."""
        return self._flat(u)[self.free]

    def lift(self, x: ArrayLike, t: float | None = None) -> Array:
        """Return the field that the free unknowns and the conditions make, (*components, *grid)."""
        free = as_field(x)
        if free.shape != self.free.shape:
            raise ValueError(f"{self!r} has {len(self.free)} unknowns, but got {free.shape}")
        given = self.equations.values(t)
        u = np.empty(self.equations.unknowns, np.result_type(free, given, self._own.dtype))
        u[self.free] = free
        if self.impose == "elimination":
            known = self.equations.matrix[:, self.free] @ free
            u[self.equations.places] = self._solve(given - known)
        return u.reshape(self.shape)

    def _flat(self, u: ArrayLike) -> Array:
        values = as_field(u)
        if values.shape != self.shape:
            raise ValueError(f"{self!r} has fields of shape {self.shape}, but got {values.shape}")
        return values.ravel()

    @cached_property
    def symmetric(self) -> bool:
        """Whether the matrix equals its transpose to roundoff, conjugated where it is complex.

        Accurate closures beyond acc 2 do not keep symmetry, nor do one-sided slopes.
        """
        made = self.matrix
        if not made.nnz:
            return True
        return bool(abs(made - made.conj().T).max() <= ROUNDOFF * abs(made).max())

    @cached_property
    def null_vectors(self) -> Array:
        """Vectors that the matrix maps to zero, orthonormal columns (n, k).

        Small systems (up to 500 unknowns) show all of them, large ones those that are constant in
        every component, as without conditions on values they are.
        """
        made, n = self.matrix, self.matrix.shape[0]
        if n <= SMALL:
            return cast("Array", null_space(made.toarray(), rcond=NULL))
        components = self.operator.program.inputs.count
        owner = self.free // (self.equations.unknowns // components)
        constants = (owner[:, None] == np.arange(components)).astype(float)
        constants /= np.maximum(np.sqrt(constants.sum(axis=0)), 1)
        scale = float(abs(made).sum(axis=1).max()) or 1.0
        _, sizes, directions = np.linalg.svd(made @ constants / scale, full_matrices=False)
        return cast("Array", constants @ directions[sizes <= NULL].T)

    def __repr__(self) -> str:
        listed = ", ".join(dict.fromkeys(str(part.condition) for part in self.equations.parts))
        return f"<AffineSystem {self.operator.label}; {listed or 'no conditions'}>"
