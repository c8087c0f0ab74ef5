"""Conditions solved for the unknowns at their points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import SuperLU

    from findops.common.arrays import Array, Ints
    from findops.conditions.equations import Equations


__all__ = ["ConditionElimination", "Unknowns", "solved"]


@dataclass(frozen=True, eq=False)
class Unknowns:
    """The free values of fields of a shape, all but those `taken`, given by flat indices."""

    shape: tuple[int, ...]
    taken: Ints

    @cached_property
    def is_free(self) -> NDArray[np.bool_]:
        """Which values are free, flat."""
        free = np.ones(math.prod(self.shape), dtype=bool)
        free[self.taken] = False
        return free

    @cached_property
    def free(self) -> Ints:
        """Flat indices of the free values."""
        return np.flatnonzero(self.is_free)

    @cached_property
    def count(self) -> int:
        """Number of free values."""
        return int(np.count_nonzero(self.is_free))

    @cached_property
    def _box(self) -> tuple[slice, ...] | None:
        """The free values as a box of the fields, if they are one: copied far faster."""
        free = self.is_free.reshape(self.shape)
        box = []
        for axis in range(free.ndim):
            others = tuple(k for k in range(free.ndim) if k != axis)
            there = np.flatnonzero(free.any(axis=others))
            box.append(slice(there[0], there[-1] + 1) if there.size else slice(0, 0))
        return tuple(box) if free[tuple(box)].all() else None

    def of(self, u: Array) -> Array:
        """Return a copy of the free values of a field, flat."""
        return u.ravel()[self.free] if self._box is None else u[self._box].flatten()

    def write(self, u: Array, free: Array) -> None:
        """Write free values into a field."""
        if self._box is None:
            u.reshape(-1)[self.free] = free
        else:
            u[self._box] = free.reshape(u[self._box].shape)


ROUNDOFF = 1e-13
"""Size of a pivot, in rows of size one, that is zero in exact arithmetic."""

DEPTH = 8
"""How far conditions may depend on each other one by one: as deep as a grid has axes, and more."""

TINY = np.finfo(float).tiny


def solved(factors: SuperLU, b: Array) -> Array:
    """Return the solution by a factorization, of complex data by a real one too."""
    if factors.U.dtype.kind == "c" or not np.iscomplexobj(b):
        return factors.solve(b.astype(factors.U.dtype))
    return factors.solve(b.real.copy()) + 1j * factors.solve(b.imag.copy())


@dataclass(frozen=True, eq=False)
class ConditionElimination:
    """The solution u_B = C_B⁻¹ g − S x of the conditions C u = g, where x are the free unknowns."""

    equations: Equations
    is_free: NDArray[np.bool_]

    def __getstate__(self) -> dict[str, Any]:
        # What is prepared can be made again, and holds functions, which do not pickle.
        return {"equations": self.equations, "is_free": self.is_free}

    def __call__(self, u: Array, g: Array) -> Array:
        """Return the unknowns at the conditions' points, given all unknowns and g."""
        return self._solve(g - self._coupling @ u)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.equations.matrix.dtype

    @cached_property
    def _split(self) -> tuple[csr_array, csr_array]:
        """The matrix of the conditions on the unknowns at their points, and on the others."""
        rows, places = self.equations.matrix.tocoo(), self.equations.places
        order = np.argsort(places)
        nearest = np.searchsorted(places[order], rows.col).clip(max=len(places) - 1)
        own = places[order[nearest]] == rows.col if len(places) else np.zeros(0, dtype=bool)
        inside = (rows.data[own], (rows.row[own], order[nearest[own]]))
        others = (rows.data[~own], (rows.row[~own], rows.col[~own]))
        square = (len(places), len(places))
        return sparse.csr_array(inside, shape=square), sparse.csr_array(others, shape=rows.shape)

    @property
    def _own(self) -> csr_array:
        return self._split[0]

    @property
    def _coupling(self) -> csr_array:
        return self._split[1]

    def check(self) -> None:
        """Refuse conditions that do not determine the unknowns at their points.

        Raises
        ------
        ValueError
            If they do not.
        """
        self._solve  # noqa: B018  # which factors their matrix

    @cached_property
    def _solve(self) -> Callable[[Array], Array]:
        """What solves the conditions for the unknowns at their points."""
        own, diagonal = self._own, self._own.diagonal()
        if own.nnz == np.count_nonzero(diagonal) == len(diagonal):
            return lambda g: g / diagonal
        # Values and slopes differ by powers of the spacing: only in rows of one size do small
        # pivots tell that something is wrong.
        scale = 1 / np.maximum(abs(own).max(axis=1).toarray().ravel(), TINY)
        try:
            factors = splu((sparse.diags_array(scale) @ own).tocsc())
        except RuntimeError:
            raise ValueError(self._undetermined()) from None
        pivots = np.abs(factors.U.diagonal())
        if pivots.min() <= ROUNDOFF:
            raise ValueError(self._undetermined())
        return lambda g: solved(factors, scale * g)

    def _undetermined(self) -> str:
        listed = ", ".join(map(repr, self.equations.conditions))
        return (
            f"the conditions do not determine the unknowns at their points: of {listed}, some "
            "repeat or contradict each other, or do not involve the field there; impose='rows' "
            "solves for them together with all others"
        )

    @cached_property
    def substituted(self) -> csr_array:
        """S in u_B = C_B⁻¹ g − S x."""
        free = sparse.csr_array(self._coupling[:, np.flatnonzero(self.is_free)])
        if not self.equations.parts:
            return free
        self.check()
        own = self._own
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
        used = np.unique(free.indices)
        made = sparse.csr_array(solved(splu(own.tocsc()), free[:, used].toarray()))
        return sparse.csr_array((made.data, used[made.indices], made.indptr), shape=free.shape)
