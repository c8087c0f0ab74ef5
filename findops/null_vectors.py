"""Vectors that the matrix of an affine system maps to zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy.linalg import null_space

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.boundary import AffineSystem

    Array = NDArray[Any]

__all__ = ["null_vectors"]

NULL = 1e-13
"""Part of the matrix's size below which it maps a vector to zero."""

SMALL = 500
"""Unknowns up to which all null vectors are found, by a singular value decomposition."""


def null_vectors(system: AffineSystem) -> Array:
    """Return them as orthonormal columns (n, k): of large systems, those that are constant."""
    if system.size <= SMALL:
        dense = system.matrix.toarray()
        size = np.abs(dense).sum(axis=1, keepdims=True)
        return cast("Array", null_space(dense / np.where(size > 0, size, 1), rcond=NULL))
    components = system.operator.program.inputs.count
    owner = system.free // (system.equations.unknowns // components)
    constants = (owner[:, None] == np.arange(components)).astype(float)
    constants /= np.maximum(np.sqrt(constants.sum(axis=0)), 1)
    constants = np.pad(constants, ((0, len(system.equations.means)), (0, 0)))
    images = np.column_stack([system.matvec(vector) for vector in constants.T])
    own = np.abs(system.restrict(system.operator.diagonal().reshape(system.shape)))[:, None]
    images = images / np.where(own > 0, own, system.scale or 1)
    _, sizes, directions = np.linalg.svd(images, full_matrices=False)
    return cast("Array", constants @ directions[sizes <= NULL].T)
