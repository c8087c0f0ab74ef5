"""Davidson's method: eigenvalues nearest to a number, by approximate solutions for residuals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import linalg

from findops.common.blas import dense_work
from findops.problems.eigen.shift_invert import SAME_DISTANCE, SPARE_PAIRS

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipy.sparse import csr_array

    from findops.common.arrays import Array
    from findops.problems.eigen.pencil import Pencil


__all__ = ["corrected_eigenpairs"]

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

DEPENDENT = 1e-10
"""Part of an image outside those of a basis below which a vector adds nothing but roundoff."""


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


def corrected_eigenpairs(
    pencil: Pencil, k: int, sigma: complex, correct: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """Return at least k eigenvalues nearest to a number σ (m,), and their vectors (n, m).

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
    sigma : number
        No eigenvalue.
    correct : callable
        Takes a residual r (n,) and returns t.

    Raises
    ------
    RuntimeError
        If they do not converge.
    """
    wanted = k + SPARE_PAIRS
    largest = max(LARGEST_BASIS * wanted, LEAST_BASIS)
    dtype = np.result_type(pencil.dtype, np.asarray(sigma).dtype)
    space = Space.empty(pencil, sigma, dtype)
    rng = np.random.default_rng(0)
    news = [correct(rng.standard_normal(pencil.n).astype(dtype)) for _ in range(wanted)]
    a, b = (sizes[:, None] for sizes in pencil.row_sizes)
    for _ in range(0, STEPS_FOR_A_PAIR * wanted, AT_A_TIME):
        with dense_work(pencil.n * largest * len(news)):
            space = space.joined(np.column_stack(news))
            found = space.ritz(wanted)
        values = sigma + found.distances
        rows = (a + np.abs(values) * b) * np.abs(found.vectors).max(axis=0)
        left = np.abs(found.residuals)
        sizes = np.divide(left, rows, out=np.zeros_like(left), where=rows > 0).max(axis=0)
        distances = np.abs(found.distances)
        needed = distances <= distances[:k].max() * (1 + SAME_DISTANCE)
        open_ = np.flatnonzero(np.where(needed, sizes > CONVERGED, found.spread > CERTAIN))
        if len(values) >= k and not open_.size:
            values, vectors = values[needed], found.vectors[:, needed]
            return _ritz(pencil, vectors, dtype) if pencil.hermitian else (values, vectors)
        if space.size + 2 * AT_A_TIME > largest:
            space = space.reduced(largest // 2)
        news = [
            correct(part)
            for r in found.residuals[:, open_[:AT_A_TIME]].T
            for part in _parts(r, dtype)
        ]
    raise RuntimeError(
        f"only {int((sizes[:k] <= CONVERGED).sum())} of {k} eigenvalues near {sigma:g} converged "
        f"in {STEPS_FOR_A_PAIR * wanted} corrections"
    )


@dataclass(frozen=True, eq=False)
class Space:
    """A space of vectors v and their images (A − σB) v, which are orthonormal."""

    pencil: Pencil
    shifted: csr_array
    """A − σB"""
    sigma: complex
    vectors: Array
    images: Array
    projected: Array
    """images* · B · vectors: the part of B (A − σB)⁻¹ in the space of images."""

    @staticmethod
    def empty(pencil: Pencil, sigma: complex, dtype: np.dtype[np.generic]) -> Space:
        """Return the space of no vectors."""
        none = np.zeros((pencil.n, 0), dtype, order="F")
        return Space(pencil, pencil.shifted(sigma), sigma, none, none, np.zeros((0, 0), dtype))

    @property
    def size(self) -> int:
        return len(self.projected)

    def joined(self, news: Array) -> Space:
        """Return the space with more vectors.

        Raises
        ------
        RuntimeError
            If they add nothing.
        """
        images = self.shifted @ news
        lengths = np.linalg.norm(images, axis=0)
        news, images = news / lengths, images / lengths
        for _ in range(2):  # roundoff of the first time
            inside = self.images.conj().T @ images
            images = images - self.images @ inside
            news = news - self.vectors @ inside
        kept = np.abs(np.diagonal(np.linalg.qr(images)[1])) > DEPENDENT
        if not kept.any():
            raise RuntimeError(
                f"the search near {self.sigma:g} stagnates: what is solved adds nothing to "
                f"{self.size} vectors"
            )
        images, factors = np.linalg.qr(images[:, kept])
        news = linalg.solve_triangular(factors.T, news[:, kept].T, lower=True).T
        vectors = np.concatenate([self.vectors, news], axis=1)
        beside = images.conj().T @ self._mass(vectors)
        above = self.images.conj().T @ self._mass(news)
        projected = np.block([[np.hstack([self.projected, above])], [beside]])
        images = np.concatenate([self.images, images], axis=1)
        return replace(self, vectors=vectors, images=images, projected=projected)

    def ritz(self, count: int) -> Ritz:
        """Return the nearest eigenpairs of the part of the problem in the space of images.

        The length of each residual is the least that any λ has with its vector.
        """
        chosen = self._eigen()[:, :count]
        vectors, images = self.vectors @ chosen, self.images @ chosen
        lengths = np.linalg.norm(vectors, axis=0)
        vectors, images = vectors / lengths, images / lengths
        mass = self._mass(vectors)
        sizes = np.einsum("ij,ij->j", mass.conj(), mass).real
        distances = np.einsum("ij,ij->j", mass.conj(), images) / sizes
        order = np.argsort(np.abs(distances), kind="stable")
        residuals = (images - distances * mass)[:, order]
        spread = np.linalg.norm(residuals, axis=0) / np.sqrt(sizes[order])
        distances = distances[order]
        return Ritz(distances, vectors[:, order], residuals, spread / np.abs(distances))

    def reduced(self, count: int) -> Space:
        """Return the space of that many vectors in which the nearest pairs lie."""
        kept = _span(self._eigen()[:, :count], self.vectors.dtype)
        projected = kept.conj().T @ self.projected @ kept
        vectors, images = self.vectors @ kept, self.images @ kept
        return replace(self, vectors=vectors, images=images, projected=projected)

    def _eigen(self) -> Array:
        """Return the eigenvectors of the projected matrix, the largest eigenvalue's first."""
        symmetric = self.pencil.hermitian and self.pencil.B is None and np.isrealobj(self.sigma)
        every, vectors = (np.linalg.eigh if symmetric else np.linalg.eig)(self.projected)
        return vectors[:, np.argsort(-np.abs(every), kind="stable")]

    def _mass(self, vectors: Array) -> Array:
        return vectors if self.pencil.B is None else self.pencil.B @ vectors


def _ritz(pencil: Pencil, vectors: Array, dtype: np.dtype[np.generic]) -> tuple[Array, Array]:
    """Return the eigenpairs of a Hermitian pencil in a space that holds them."""
    basis = _span(vectors, dtype)
    dual = basis.conj().T
    values, chosen = linalg.eigh(dual @ (pencil.A @ basis), dual @ (pencil.mass @ basis))
    return values, basis @ chosen


def _span(vectors: Array, dtype: np.dtype[np.generic]) -> Array:
    """Return an orthonormal basis of some type of what vectors span, with their conjugates."""
    if dtype.kind == "c" or np.isrealobj(vectors):
        return linalg.orth(vectors)
    return linalg.orth(np.hstack([vectors.real, vectors.imag]))


def _parts(r: Array, dtype: np.dtype[np.generic]) -> tuple[Array, ...]:
    """Return the vectors of some type that a vector consists of."""
    if dtype.kind == "c" or np.isrealobj(r):
        return (np.ascontiguousarray(r),)
    return tuple(np.ascontiguousarray(part) for part in (r.real, r.imag) if part.any())
