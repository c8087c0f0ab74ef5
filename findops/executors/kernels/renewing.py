"""Lowered stages, and the same ones with other values of fields in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.executors.kernels import layout as at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.common.arrays import Int64s
    from findops.executors.kernels.schedule import OutputRow
    from findops.plan.program import Factor


__all__ = ["Lowered", "prepared", "renewed"]


@dataclass(frozen=True, eq=False)
class Lowered:
    """One stage for the kernels; `kept` are the arrays whose addresses are in `code`."""

    code: Int64s
    data: NDArray[Any]
    lines: tuple[OutputRow, ...]
    factors: tuple[tuple[int, int, Factor], ...]
    """Where in `code` the record of each factor is, the length of the rows there, the factor."""
    kept: tuple[NDArray[Any], ...]


def prepared(factor: Factor, dtype: np.dtype[Any], length: int) -> tuple[NDArray[Any], int]:
    """Return a factor's values as the kernels read them along rows of a length, and their kind."""
    paired = dtype.kind == "c"
    real = np.dtype(f"f{dtype.itemsize // (1 + paired)}")
    values = factor.value
    whole_row = values.shape[-1] > 1
    if factor.selects:
        flags = np.ascontiguousarray(values).view(np.uint8)
        if not whole_row:
            return flags, at.MASK_SCALAR
        return (np.repeat(flags, 2, axis=-1) if paired else flags), at.MASK_ROW
    if np.iscomplexobj(values):
        rows = np.broadcast_to(values, (*values.shape[:-1], length))
        return np.ascontiguousarray(rows, dtype).view(real), at.COMPLEX_ROW
    values = np.ascontiguousarray(values, real)
    if not whole_row:
        return values, at.SCALAR
    return (np.repeat(values, 2, axis=-1) if paired else values), at.ROW


def renewed(stage: Lowered, changed: dict[int, Factor], dtype: np.dtype[Any]) -> Lowered | None:
    """Return a stage with other factors, by the id of the old; None if they are not alike."""
    code, kept, factors = stage.code.copy(), [], []
    moved = {}
    for (place, length, old), array in zip(stage.factors, stage.kept, strict=True):
        new = changed[id(old)]
        values, kind = (array, code[place + at.KIND])
        if new is not old:
            values, kind = prepared(new, dtype, length)
        if new.value.shape != old.value.shape or kind != code[place + at.KIND]:
            return None
        moved[array.ctypes.data] = code[place + at.ADDRESS] = values.ctypes.data
        kept.append(values)
        factors.append((place, length, new))
    size = at.AHEAD_STRIDES + code[at.AXES]
    for record in range(code[at.AHEAD], code[at.AHEAD] + code[at.AHEADS] * size, size):
        if code[record + at.AHEAD_BUFFER] < 0:
            code[record + at.AHEAD_ADDRESS] = moved[int(code[record + at.AHEAD_ADDRESS])]
    return Lowered(code, stage.data, stage.lines, tuple(factors), tuple(kept))
