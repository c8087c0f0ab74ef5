"""Bound operators as functions: application to arrays of any library and form."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from findops.backends import piecewise
from findops.backends.applying import Application
from findops.backends.lookup import executor
from findops.bound import Bound
from findops.field import (
    as_array,
    as_field,
    check_labeled,
    check_out,
    check_scale,
    library,
    type_of,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from xarray import DataArray

    from findops.backends.contiguous import Ready
    from findops.backends.lookup import Apply

__all__ = ["Applied"]

KEPT = 64
"""Shapes and types for which an operator keeps a quick function."""


@dataclass(frozen=True, eq=False, repr=False)
class Applied(Bound):
    """A bound operator that applies to fields."""

    @overload
    def __call__(self, u: DataArray) -> Any: ...

    @overload
    def __call__(
        self,
        u: ArrayLike,
        out: NDArray[Any] | None = None,
        add: bool = False,
        scale: complex = 1,
    ) -> NDArray[Any]: ...

    def __call__(
        self,
        u: ArrayLike | DataArray,
        out: NDArray[Any] | None = None,
        add: bool = False,
        scale: complex = 1,
    ) -> Any:
        """Apply to a field.

        Parameters
        ----------
        u : array_like, (…, *components, *grid)
            Integers and booleans become float64; otherwise the result has the precision of u.
            An array of JAX, PyTorch or CuPy gives one, on the device where it is; one of dask
            gives one that is not computed yet.
            A DataArray has its dimensions in any order, and the coordinates of the grid.
        out : array, optional
            Where the result goes: out ← scale·op(u). May overlap u. For NumPy's arrays only.
        add : bool
            Add to `out` instead.
        scale : number
            Factor of the result.

        Returns
        -------
        array, (…, *components, *grid)
            `out`, if given.

        Raises
        ------
        ValueError
            If a shape does not fit.
        TypeError
            If a type does not fit.
        """
        add = bool(add)
        if type(u) is np.ndarray and u.flags.carray and isinstance(scale, (int, float)):
            ready = self._ready.get((u.shape, u.dtype))
            if ready is not None and (out is not None or not add):
                result = ready(u, out, add, scale)
                if result is not None:
                    return result
        if hasattr(u, "dims"):
            from findops.interop.xarray import apply_bound

            check_labeled(out, add, scale, self)
            return apply_bound(self, u)
        apply = executor(u)
        if apply is not None:
            self._check_served(u)
            elsewhere: NDArray[Any] = self._elsewhere(apply, u, out, add, scale)
            return elsewhere
        self._check_own()
        values = as_array(u)
        self._check_shape(values.shape)
        dtype = type_of(values.dtype)
        dtype = np.result_type(dtype, np.complex64) if self._complex else dtype
        check_scale(scale, dtype)
        if out is None and add:
            raise TypeError(f"{self!r}: add=True needs out=, the array to add to")
        batch = values.shape[: values.ndim - len(self.program.inputs.shape)]
        if out is not None:
            check_out(out, batch + self.program.outputs.shape, dtype, self)
        if not self.program.whole and piecewise.serves(u, values, out, dtype):
            return piecewise.apply(self.program, values, out, add, scale, dtype)
        self._prepare(values.shape, dtype)
        return self._application(values.astype(dtype, copy=False), out, add, scale)

    def _elsewhere(self, apply: Apply, u: Any, out: object, add: bool, scale: complex) -> Any:
        """Apply to an array of another library, with its own executor."""
        own = library(u)
        if out is not None or add:
            raise TypeError(
                f"{self!r}: out= and add= are for NumPy arrays; arrays of {own} are not "
                "written in place: use what op(u) returns"
            )
        self._check_own(own)
        self._check_shape(tuple(u.shape))
        is_complex = self._complex or "complex" in str(u.dtype)
        check_scale(scale, np.dtype(np.complex128 if is_complex else np.float64))
        result = apply(self.program, u)
        return result if scale == 1 else result * scale

    def _check_served(self, u: object) -> None:
        """Refuse libraries whose arrays are read row by row only."""
        if self.program.whole and library(u) != "dask":
            raise TypeError(
                f"{self!r} has a scheme that acts on whole lines, which arrays of {library(u)} are "
                "not made for: give an array of NumPy, or take an explicit scheme"
            )

    def _check_own(self, given: str | None = None) -> None:
        """Refuse to read arrays of NumPy, or of a library, beside those of another."""
        for name, value in self.program.foreign.items():
            if library(value) != given:
                raise TypeError(
                    f"{self!r} holds an array of {library(value)} as its field {name!r}, and "
                    f"applies to arrays of that library only: for others, and for a matrix, "
                    f"take op.replace({name}=…) with an array of NumPy"
                )

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        own = self.program.inputs.shape
        if shape[max(len(shape) - len(own), 0) :] != own:
            unknown = any(n != n for n in shape)  # nan: the sizes of a dask array's chunks
            raise ValueError(
                f"{self!r} reads fields of shape {own}{self._ghosted()}, after any batch "
                f"axes, but got {shape}"
                + (": call u.compute_chunk_sizes() first, on which the result depends" * unknown)
            )

    @cached_property
    def _application(self) -> Application:
        return Application.of(self.program)

    @cached_property
    def _ready(self) -> dict[tuple[tuple[int, ...], np.dtype[Any]], Ready | None]:
        """What applies to small arrays of a shape and type without looking at them again."""
        return {}

    def _prepare(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if (shape, dtype) not in self._ready and len(self._ready) < KEPT:
            self._ready[shape, dtype] = self._application.ready(shape, dtype)

    def __getstate__(self) -> dict[str, Any]:
        # What is prepared holds addresses, which mean nothing elsewhere.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _ghosted(self) -> str:
        return f" with the ghost points {self.halo}" if any(map(any, self.ghosts)) else ""

    def matvec(self, x: ArrayLike) -> NDArray[Any]:
        """Apply to a flat vector."""
        return self._flat(x)

    def rmatvec(self, x: ArrayLike) -> NDArray[Any]:
        """Apply the conjugate transpose to a flat vector."""
        return self.H._flat(x)

    def _flat(self, x: ArrayLike) -> NDArray[Any]:
        values: Any = as_field(x) if executor(x) is None else x
        if tuple(values.shape) != (self.shape[1],):
            raise ValueError(
                f"{self!r} takes vectors of length {self.shape[1]}, but got shape "
                f"{tuple(values.shape)}"
            )
        result: NDArray[Any] = self(values.reshape(self.program.inputs.shape))
        return result.reshape(self.shape[0])
