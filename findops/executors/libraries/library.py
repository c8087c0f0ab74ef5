"""Libraries that keep the array API standard: their types and devices, and parts of plans there."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from findops.common.arrays import Array
    from findops.plan.program import Program

__all__ = ["CACHES", "Foreign", "Library", "cached", "field_and_library", "library_of"]

Foreign = Any
"""An array of whichever library."""


@dataclass(frozen=True)
class Library:
    """Where numbers of a plan are needed: a library, one of its devices, and its types there."""

    xp: Any  # a namespace of the standard
    real: Any  # its types
    complex: Any
    device: Any

    def place(self, values: Array) -> Foreign:
        """Return numbers, indices or masks of a plan as an array of the library."""
        dtype = {"f": self.real, "c": self.complex}.get(values.dtype.kind)
        if not values.flags.writeable:  # PyTorch would share it, and warn
            values = values.copy()
        with self._lasting_arrays():
            return self.xp.asarray(values, dtype=dtype, device=self.device)

    def zeros(self, shape: Sequence[int], like: Foreign) -> Foreign:
        """Return zeros of a field's type."""
        return self.xp.zeros(tuple(shape), dtype=like.dtype, device=self.device)

    def _lasting_arrays(self) -> AbstractContextManager[object]:
        """Return a context in which arrays are made that outlive the call that needs them first."""
        context: AbstractContextManager[object] = nullcontext()
        if self.is_jax:  # not part of what is being traced
            import jax

            context = jax.ensure_compile_time_eval()
        elif self.xp.__name__ == "array_api_compat.torch":  # fit for gradients later
            import torch

            context = torch.inference_mode(mode=False)
        return context

    @property
    def is_jax(self) -> bool:
        return bool(self.xp.__name__ == "jax.numpy")

    @property
    def is_host(self) -> bool:
        """Whether arrays are in the memory of the processor, where large new ones take long."""
        return "cpu" in str(self.device).lower()


def library_of(u: Foreign) -> Library:
    """Return the library of a field of single or double precision."""
    xp = _namespace(u)
    double = u.dtype in (xp.float64, xp.complex128)
    types = (xp.float64, xp.complex128) if double else (xp.float32, xp.complex64)
    return Library(xp, *types, _device(u))


def field_and_library(program: Program, u: Foreign) -> tuple[Foreign, Library]:
    """Return the field in the type of the result, and the library of such fields."""
    xp, device = _namespace(u), _device(u)
    if xp.isdtype(u.dtype, ("bool", "integral")):
        floats = xp.__array_namespace_info__().dtypes(device=device, kind="real floating")
        u = xp.astype(u, floats.get("float64", xp.float32))
    for real, twice in ((xp.float32, xp.complex64), (xp.float64, xp.complex128)):
        if u.dtype in (real, twice):
            if program.is_complex:
                u = xp.astype(u, twice, copy=False)
            return u, Library(xp, real, twice, device)
    raise TypeError(
        "fields are float32, float64, complex64, complex128, integers or booleans, but got "
        f"{u.dtype} ({type(u).__name__})"
    )


def _namespace(u: Foreign) -> Any:
    try:
        from array_api_compat import array_namespace
    except ImportError as error:
        raise ImportError(
            f"operators read arrays of {type(u).__module__.partition('.')[0]} with the help of "
            "array-api-compat: pip install array-api-compat"
        ) from error
    return array_namespace(u)


def _device(u: Foreign) -> Any:
    """Return where the numbers of the plan must be, None where the library sees to it."""
    from array_api_compat import device, is_jax_array

    # JAX compiles them in, for whichever devices hold the array.
    return None if is_jax_array(u) else device(u)


CACHES: WeakKeyDictionary[object, dict[Hashable, Any]] = WeakKeyDictionary()
"""What is made of parts of a plan, for each library and device, as long as these parts live."""


def cached(owner: object, key: Hashable, make: Callable[[], Any]) -> Any:
    """Return what is made of a part of a plan, once; it may not refer to the part."""
    found = CACHES.setdefault(owner, {})
    if key not in found:
        found[key] = make()
    return found[key]
