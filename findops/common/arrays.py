"""Arrays that operators read and fill: their types, and checks of what is given as one."""

from __future__ import annotations

from numbers import Number, Rational, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from findops.common.arguments import in_range

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "AnyInts",
    "Array",
    "Bools",
    "Floats",
    "Int64s",
    "Ints",
    "as_array",
    "as_field",
    "check_labeled",
    "check_out",
    "check_scale",
    "library",
    "type_of",
]

Array = NDArray[Any]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]
"""Indices, as NumPy's own."""
Int64s = NDArray[np.int64]
"""Integers that compiled kernels read."""
AnyInts = NDArray[np.integer[Any]]

LIBRARIES = {
    "array_api_strict": "array_api_strict",
    "cupy": "cupy",
    "dask": "dask",
    "jax": "jax",
    "jaxlib": "jax",
    "torch": "torch",
}
"""Libraries whose arrays operators read, by the package of an array's type."""


def library(u: object) -> str | None:
    """Return the library of an array that is not NumPy's; none is loaded to find out."""
    if type(u) is np.ndarray:
        return None
    for kind in type(u).__mro__:
        # SymPy's undefined functions belong to no module.
        name = LIBRARIES.get((kind.__module__ or "").partition(".")[0])
        if name is not None:
            return name
    return None


def as_field(u: ArrayLike) -> Array:
    """Return a native array of a supported type, without copying where it is one."""
    values = as_array(u)
    return values.astype(type_of(values.dtype), copy=False)


def type_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which operators read fields that are stored in another."""
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype.newbyteorder("=")


def as_array(u: ArrayLike) -> Array:
    """Return an array of a type that operators can read, or bring into one they can."""
    if isinstance(u, np.ma.MaskedArray):
        raise TypeError("a masked array is not supported: its mask would be lost; fill it first")
    if callable(u) and not hasattr(u, "__array__"):
        raise TypeError(
            "a field is an array, not a function: evaluate it on the grid, as in f(*grid.mesh())"
        )
    if hasattr(u, "tocsr"):
        raise TypeError("fields are arrays, not sparse matrices: multiply by op.matrix() instead")
    if hasattr(u, "dims"):
        raise TypeError(
            f"labeled arrays are read by E(u) and op(u) only: pass the values of the "
            f"{type(u).__name__}, in the order of the grid's axes"
        )
    values = np.asarray(u)
    if values.dtype.kind not in "biu" and values.dtype.char not in "fdFD":
        raise TypeError(
            "fields are float32, float64, complex64, complex128, integers or booleans, "
            f"but got {values.dtype.name} ({type(u).__name__})"
        )
    return values


def check_scale(scale: object, dtype: np.dtype[Any]) -> None:
    """Refuse a factor that would make a real result complex, or that is out of range."""
    if isinstance(scale, Rational):
        in_range(scale, "scale")
    if isinstance(scale, Real) or (isinstance(scale, Number) and dtype.kind == "c"):
        return
    raise TypeError(f"scale must be a number, real where the result is real, but is {scale!r}")


def check_labeled(out: object, add: bool, scale: object, op: object) -> None:
    """Refuse `out`, `add` and `scale` beside a labeled array: they go with NumPy's only."""
    if out is not None or add or scale != 1:
        raise TypeError(f"{op!r}: out, add and scale are for bare arrays, not labeled ones")


def check_out(out: object, shape: tuple[int, ...], dtype: np.dtype[Any], op: object) -> None:
    """Refuse an output that is not exactly what the result is."""
    if not isinstance(out, np.ndarray) or out.dtype != dtype:
        kind = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"{op!r}: out must be an array of {dtype}, but is {kind}")
    if out.shape != shape:
        raise ValueError(f"{op!r}: out must have shape {shape}, but has {out.shape}")
    if not out.flags.writeable:
        raise ValueError(f"{op!r}: out is read-only")
