"""How far coefficients are from smooth, as rows of a matrix show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from findops.common.arrays import Ints
    from findops.conditions.field_values import FieldValues

__all__ = ["Roughness", "roughness"]

ROUGHER = 0.9
"""Part of the rows that are smoother than what counts: where coefficients jump in a few places,
they are smooth elsewhere."""


class Roughness(NamedTuple):
    """How many times as strongly points are coupled to one side as to the other.

    This is 1 + O(h) for smooth coefficients.
    """

    usual: float
    """Where it is larger than 1 in many places, a problem of smooth or separable coefficients has
    eigenvalues that differ from its own by as much."""
    largest: float
    """What coefficients jump by."""


def roughness(rows: csr_array, numbers: Ints, values: FieldValues) -> Roughness:
    """Return how rough the coefficients are that rows of a matrix are made of.

    Parameters
    ----------
    rows : csr_array, (n, unknowns)
        Rows of a matrix on full fields, flat.
    numbers : array of int, (n,)
        The rows' own numbers.
    values : FieldValues
        Where the values of the fields stand.
    """
    entries = rows.tocoo()
    row, col = (part.astype(np.intp) for part in entries.coords)
    # Closed axes lead on from the last point to the first.
    shape = values.lattice
    lengths = np.array(shape)[:, None]
    there, here = (np.array(values.places(at)) for at in (col, numbers[row]))
    offset = (there - here + 1) % lengths - 1
    own = values.owner(numbers[row]) == values.owner(col)
    usual = largest = 1.0
    for along in np.eye(len(shape), dtype=int):
        sides = np.zeros((2, rows.shape[0]))
        for side, step in zip(sides, (along, -along), strict=True):
            which = own & (offset == step[:, None]).all(axis=0)
            side[row[which]] = np.abs(entries.data[which])
        both = sides[:, (sides > 0).all(axis=0)]
        if both.size:
            ratios = np.exp(np.abs(np.log(both[0] / both[1])))
            usual = max(usual, float(np.quantile(ratios, ROUGHER)))
            largest = max(largest, float(ratios.max()))
    return Roughness(usual, largest)
