"""Davidson's method: eigenvalues nearest to a number, by approximate solutions for residuals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import linalg

from findops.common.blas import dense_work
from findops.problems.eigen.shift_invert import SAME_DISTANCE, SPARE_PAIRS
from findops.problems.linear.krylov import NoConvergenceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.problems.eigen.pencil import Pencil


__all__ = ["basis_size", "corrected_eigenpairs"]

CONVERGED = 1e-12
"""Residual of a pair that has converged, relative to the sizes of rows."""

CERTAIN = 1e-2
"""Residual, relative to the distance, from which on a farther pair will not come nearer."""

AT_A_TIME = 4
"""Pairs that are corrected before the next look at all: each look costs as much as a few."""

LARGEST_BASIS = 4
"""Vectors of the largest basis, for each pair that is looked for; half are kept at a restart."""

LEAST_BASIS = 40
"""Vectors that the largest basis may have in any case."""

STEPS_FOR_A_PAIR = 30
"""Corrections for each pair that is looked for after which the search is given up."""


def basis_size(wanted: int) -> int:
    """Return the number of vectors of the largest basis for some pairs."""
    return max(LARGEST_BASIS * wanted, LEAST_BASIS)


class Ritz(NamedTuple):
    """Approximate eigenpairs, nearest first."""

    distances: Array
    """λ − σ, (m,)"""
    vectors: Array
    """Of length one, (n, m)."""
    residuals: Array
    """A x − λ B x, (n, m)."""
    spread: Array
    """‖A x − λ B x‖ over |λ − σ| ‖B x‖, (m,)."""

    @property
    def sizes(self) -> Array:
        """Moduli of the distances."""
        result: Array = np.abs(self.distances)
        return result


def corrected_eigenpairs(
    pencil: Pencil, k: int, near: complex, sigma: complex, correct: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """Return at least k eigenvalues nearest to a number (m,), and their vectors (n, m).

    Davidson (1975), Morgan (1991): a space grows by approximate solutions t of (A − σB) t = r for
    the residuals r of the pairs that fit best in it. What fits is told from the images of the
    space, by which eigenvalues amid the spectrum are as certain as those at its ends. With exact
    solutions that is a Krylov space of the inverse. It begins with random vectors, as many as
    pairs, so that multiple eigenvalues are found with all their vectors.

    Parameters
    ----------
    pencil : Pencil
    k : int
        How many.
    near : number
    sigma : number
        The same, or one beside it.
    correct : callable
        Takes a residual r (n,) and returns t.

    Raises
    ------
    NoConvergenceError
        If they do not converge.
    """
    wanted = k + SPARE_PAIRS
    dtype = np.result_type(pencil.dtype, np.asarray(sigma).dtype)
    space = Space.empty(pencil, sigma, dtype)
    rng = np.random.default_rng(0)
    news = [correct(rng.standard_normal(pencil.n).astype(dtype)) for _ in range(wanted)]
    for _ in range(0, STEPS_FOR_A_PAIR * wanted, AT_A_TIME):
        largest = basis_size(wanted)
        with dense_work(pencil.n * largest * len(news)):
            space, found = _grown(space, np.column_stack(news), wanted)
        sizes, distances = _row_residuals(pencil, sigma + found.distances, found), found.sizes
        # The nearest to the number are among those that are as near to σ.
        reach = np.sort(np.abs(found.distances + (sigma - near)))[:k].max() + abs(sigma - near)
        needed = distances <= reach * (1 + SAME_DISTANCE)
        enclosed = distances.max() >= reach * (1 - SAME_DISTANCE)
        open_ = np.flatnonzero(np.where(needed, sizes > CONVERGED, found.spread > CERTAIN))
        if enclosed and not open_.size:
            return sigma + found.distances[needed], found.vectors[:, needed]
        if not enclosed:
            wanted += SPARE_PAIRS
        if space.size + 2 * AT_A_TIME > largest:
            space = space.reduced(largest // 2)
        news = [
            correct(part)
            for r in found.residuals[:, open_[:AT_A_TIME]].T
            for part in _parts(r, dtype)
        ]
    raise NoConvergenceError(
        f"only {int((sizes[:k] <= CONVERGED).sum())} of {k} eigenvalues near {near:g} converged in "
        f"{STEPS_FOR_A_PAIR * wanted} corrections"
    )


def _grown(space: Space, news: Array, wanted: int) -> tuple[Space, Ritz]:
    """Return a space with more vectors, and the pairs that fit best in it.

    Raises
    ------
    NoConvergenceError
        If they are none, or leave the space without a basis.
    """
    sizes = np.linalg.norm(news, axis=0)
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise NoConvergenceError("a correction is zero or not finite")
    try:
        grown = space.joined(news / sizes)
        return grown, grown.ritz(wanted)
    except np.linalg.LinAlgError as error:
        raise NoConvergenceError(f"the space of corrections has no basis: {error}") from None


def _row_residuals(pencil: Pencil, values: Array, found: Ritz) -> Array:
    """Return the largest residual of a row of each pair, relative to the size of the row."""
    a, b = (sizes[:, None] for sizes in pencil.row_sizes)
    rows = (a + np.abs(values) * b) * np.abs(found.vectors).max(axis=0)
    left = np.abs(found.residuals)
    result: Array = np.divide(left, rows, out=np.zeros_like(left), where=rows > 0).max(axis=0)
    return result


@dataclass(frozen=True, eq=False)
class Space:
    """A space of vectors V, and its images (A − σB) V = Q R."""

    pencil: Pencil
    shifted: csr_array
    """A − σB"""
    vectors: Array
    """V, orthonormal"""
    images: Array
    """Q, orthonormal"""
    triangle: Array
    """R"""
    mass: Array
    """Q* B V"""

    @staticmethod
    def empty(pencil: Pencil, sigma: complex, dtype: np.dtype[Any]) -> Space:
        """Return the space of no vectors."""
        none, nothing = np.zeros((pencil.n, 0), dtype, order="F"), np.zeros((0, 0), dtype)
        return Space(pencil, pencil.shifted(sigma), none, none, nothing, nothing)

    @property
    def size(self) -> int:
        return len(self.triangle)

    def joined(self, news: Array) -> Space:
        """Return the space with more vectors of length one, those that add something."""
        news = linalg.orth(_outside(news, self.vectors)[0])
        news = linalg.orth(_outside(news, self.vectors)[0])
        rest, above = _outside(self.shifted @ news, self.images)
        images, corner = np.linalg.qr(rest)
        rest, again = _outside(images, self.images)
        images, turn = np.linalg.qr(rest)
        above, corner = above + again @ corner, turn @ corner
        vectors = np.concatenate([self.vectors, news], axis=1)
        beside = self.images.conj().T @ self._weighed(news)
        below = images.conj().T @ self._weighed(vectors)
        zero = np.zeros((len(corner), self.size))
        return replace(
            self,
            vectors=vectors,
            images=np.concatenate([self.images, images], axis=1),
            triangle=np.block([[self.triangle, above], [zero, corner]]),
            mass=np.vstack([np.hstack([self.mass, beside]), below]),
        )

    def ritz(self, count: int) -> Ritz:
        """Return the nearest eigenpairs of the part of the problem in the space, at least so many.

        Where they lie, images tell; which they are there, the vectors themselves, since an
        eigenvalue as near as roundoff has hardly an image.
        """
        chosen = _span(self._eigen()[:, :count], self.vectors.dtype)
        vectors, images = self.vectors @ chosen, self.images @ (self.triangle @ chosen)
        mass, dual = self._weighed(vectors), vectors.conj().T
        hermitian = self.pencil.hermitian
        distances, parts = (linalg.eigh if hermitian else linalg.eig)(dual @ images, dual @ mass)
        order = np.argsort(np.abs(distances), kind="stable")
        distances, parts = distances[order], parts[:, order]
        parts /= np.linalg.norm(parts, axis=0)
        mass = mass @ parts
        residuals = images @ parts - distances * mass
        spread = np.linalg.norm(residuals, axis=0) / np.linalg.norm(distances * mass, axis=0)
        return Ritz(distances, vectors @ parts, residuals, spread)

    def reduced(self, count: int) -> Space:
        """Return the space of that many vectors in which the nearest pairs lie."""
        kept = _span(self._eigen()[:, :count], self.vectors.dtype)
        images, triangle = np.linalg.qr(self.triangle @ kept)
        return replace(
            self,
            vectors=np.asfortranarray(self.vectors @ kept),
            images=np.asfortranarray(self.images @ images),
            triangle=triangle,
            mass=images.conj().T @ self.mass @ kept,
        )

    def _eigen(self) -> Array:
        """Return the eigenvectors of R y = τ (Q* B V) y, the nearest to zero first."""
        (alpha, beta), vectors = linalg.eig(self.triangle, self.mass, homogeneous_eigvals=True)
        infinite = np.full(len(beta), np.inf)
        tau = np.divide(np.abs(alpha), np.abs(beta), out=infinite, where=beta != 0)
        result: Array = vectors[:, np.argsort(tau, kind="stable")]
        result /= np.linalg.norm(result, axis=0)
        return result

    def _weighed(self, vectors: Array) -> Array:
        return vectors if self.pencil.B is None else self.pencil.B @ vectors


def _outside(vectors: Array, basis: Array) -> tuple[Array, Array]:
    """Return the parts of vectors outside of an orthonormal basis, and what is inside.

    To be orthogonal to the basis, small parts need a second time (Parlett, 1980).
    """
    inside = basis.conj().T @ vectors
    return vectors - basis @ inside, inside


def _span(vectors: Array, dtype: np.dtype[Any]) -> Array:
    """Return an orthonormal basis of some type of what vectors span, with their conjugates."""
    if dtype.kind == "c" or np.isrealobj(vectors):
        return linalg.orth(vectors)
    return linalg.orth(np.hstack([vectors.real, vectors.imag]))


def _parts(r: Array, dtype: np.dtype[Any]) -> tuple[Array, ...]:
    """Return the vectors of some type that a vector consists of."""
    if dtype.kind == "c" or np.isrealobj(r):
        return (np.ascontiguousarray(r),)
    return tuple(np.ascontiguousarray(part) for part in (r.real, r.imag) if part.any())
