"""Applies programs to arrays of any library that keeps the array API standard."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import pairwise
from operator import add
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from findops.stencil import Chain, Composition, Factor, Program, Term
from findops.window import window

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from numpy.typing import NDArray

    from findops.band import Band

    Array = Any  # of whichever library
    Part = Program | Band | Factor
    Span = tuple[int, int]

__all__ = ["apply", "library_of"]

SLAB = 1 << 19
"""Numbers of a slab of the result: what is made on the way to it fits into caches."""

THIN = 8
"""Points of a slab along the axis that is cut, at least: neighbors read some points twice."""


def apply(program: Program, u: Array) -> Array:
    """Return program(u) for u (…, *components, *points), as an array of its library and device.

    Integers and booleans become float64; where the library has none, as JAX has without x64, they
    become float32.

    Raises
    ------
    TypeError
        If u has another type than those, float32, float64, complex64 and complex128.
    ImportError
        If array-api-compat is missing.
    """
    field, library = _as_field(program, u)
    return _kept(program, library, partial(_prepared, program, library))(field)


@dataclass(frozen=True)
class Library:
    """Where numbers of a plan are needed: a library, one of its devices, and its types there."""

    xp: Any  # a namespace of the standard
    real: Any  # its types
    complex: Any
    device: Any

    def place(self, values: NDArray[Any]) -> Array:
        """Return numbers, indices or masks of a plan as an array of the library."""
        dtype = {"f": self.real, "c": self.complex}.get(values.dtype.kind)
        if not values.flags.writeable:  # PyTorch would share it, and warn
            values = values.copy()
        with self._kept_arrays():
            return self.xp.asarray(values, dtype=dtype, device=self.device)

    def zeros(self, shape: Sequence[int], like: Array) -> Array:
        """Return zeros of a field's type."""
        return self.xp.zeros(tuple(shape), dtype=like.dtype, device=self.device)

    def _kept_arrays(self) -> AbstractContextManager[object]:
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


def library_of(u: Array) -> Library:
    """Return what belongs to a field of single or double precision."""
    xp = _namespace(u)
    double = u.dtype in (xp.float64, xp.complex128)
    types = (xp.float64, xp.complex128) if double else (xp.float32, xp.complex64)
    return Library(xp, *types, _device(u))


def _namespace(u: Array) -> Any:
    try:
        from array_api_compat import array_namespace
    except ImportError as error:
        raise ImportError(
            f"operators read arrays of {type(u).__module__.partition('.')[0]} with the help of "
            "array-api-compat: pip install array-api-compat"
        ) from error
    return array_namespace(u)


def _as_field(program: Program, u: Array) -> tuple[Array, Library]:
    """Return the field with the type of the result, and what belongs to such fields."""
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


def _device(u: Array) -> Any:
    """Return where the numbers of the plan must be, None where the library sees to it."""
    from array_api_compat import device, is_jax_array

    # JAX compiles them in, for whichever devices hold the array.
    return None if is_jax_array(u) else device(u)


KEPT: WeakKeyDictionary[Part, dict[Hashable, Any]] = WeakKeyDictionary()
"""What is made of parts of a plan, for each library and device, as long as these parts live."""


def _kept(owner: Part, key: Hashable, make: Callable[[], Any]) -> Any:
    found = KEPT.setdefault(owner, {})
    if key not in found:
        found[key] = make()
    return found[key]


def _prepared(program: Program, library: Library) -> Callable[[Array], Array]:
    """Return what applies a program; JAX compiles it, since it has no quick way without."""
    # A copy, since what is kept may not refer to what it is kept for.
    own = replace(program)
    if library.is_host:
        return partial(_by_slabs, own, library)
    if not library.is_jax or program.foreign:
        # With values that may be traced JAX compiles what the call is part of.
        return partial(_program, own, library)
    import jax

    compiled: Callable[[Array], Array] = jax.jit(partial(_program, own, library))
    return compiled


def _by_slabs(program: Program, library: Library, u: Array) -> Array:
    """Apply slab by slab: to parts of the batch first, then to parts along the first axis."""
    inputs, outputs = program.inputs, program.outputs
    batch = tuple(u.shape[: u.ndim - len(inputs.shape)])
    count = -(-math.prod(batch) * outputs.size // SLAB)
    axis = next((i for i, n in enumerate(batch) if n > 1), None)
    if count > 1 and axis is not None:
        after = axis - u.ndim
        entries = (_slice(u, after, slice(*span)) for span in _cut(batch[axis], count))
        parts = [_by_slabs(program, library, each) for each in entries]
        return library.xp.concat(parts, axis=axis)
    rows = outputs.points[0]
    if min(count, rows // THIN) < 2:
        return _program(program, library, u)
    spans = tuple(_cut(rows, min(count, rows // THIN)))
    slabs = _kept(program, spans, partial(_slabs, program, spans))
    first = -len(outputs.points)
    parts = [_program(part, library, _read(u, first, span, library)) for part, span in slabs]
    return library.xp.concat(parts, axis=len(batch) + len(outputs.components))


def _cut(n: int, count: int) -> Iterator[Span]:
    """Yield parts of a range of n, as alike as can be."""
    return pairwise(n * i // min(count, n) for i in range(min(count, n) + 1))


def _slabs(program: Program, spans: Sequence[Span]) -> list[tuple[Program, Span]]:
    """Return what makes ranges of rows along the first axis, and the ranges that these read."""
    rest = (None,) * (len(program.outputs.points) - 1)
    made = [window(program, (span, *rest)) for span in spans]
    return [(part.program, part.box[0] or (0, 0)) for part in made]


def _read(u: Array, axis: int, span: Span, library: Library) -> Array:
    """Return a range along an axis counted from the end, which may go on beyond the ends."""
    (start, stop), n, parts = span, u.shape[axis], []
    while start < stop:
        first = start % n
        count = min(n - first, stop - start)
        parts.append(_slice(u, axis, slice(first, first + count)))
        start += count
    if len(parts) == 1:
        return parts[0]
    return library.xp.concat(parts, axis=axis) if parts else _slice(u, axis, slice(0))


def _program(program: Program, library: Library, u: Array) -> Array:
    xp, inputs, outputs = library.xp, program.inputs, program.outputs
    batch = tuple(u.shape[: u.ndim - len(inputs.shape)])
    fields = xp.reshape(u, (*batch, inputs.count, *inputs.points)) if inputs.components else None
    rows: list[list[Array]] = [[] for _ in range(outputs.count)]
    results: list[Array] = []
    for part in program.parts:
        match part:
            case Chain(row=row, col=col):
                value = u if fields is None else _slice(fields, -1 - len(inputs.points), col)
                for term in reversed(part.terms):
                    value = _term(term, value, library)
                rows[row].append(value)
            case Composition():
                value = u
                for factor in reversed(part.programs):
                    value = _program(factor, library, value)
                results.append(value)
    if any(rows) or not results:
        points = (*batch, *outputs.points)
        sums = [reduce(add, values) if values else library.zeros(points, u) for values in rows]
        results.append(sums[0])
        if outputs.components:
            stacked = xp.stack(sums, axis=len(batch))
            results[-1] = xp.reshape(stacked, (*batch, *outputs.shape))
    result = reduce(add, results)
    return result * 1.0 if result is u else result  # never the field itself


def _term(term: Term, u: Array, library: Library) -> Array:
    ndim = len(term.bands)
    for axis, band in enumerate(term.bands, -ndim):
        if band is not None:
            u = _along(axis, band, u, library)
    if term.scale != 1:
        u = u * (term.scale if isinstance(term.scale, complex) else float(term.scale))
    for factor in term.factors:
        value = _value(factor, library)
        u = library.xp.where(value, u, 0) if factor.selects else u * value
    return u


def _value(factor: Factor, library: Library) -> Array:
    """Return a factor of a coefficient as an array of the library."""
    if isinstance(factor.value, np.ndarray):
        return _kept(factor, library, partial(library.place, factor.value))
    if factor.selects:
        return factor.value
    dtype = library.complex if factor.is_complex else library.real
    value = library.xp.astype(factor.value, dtype, copy=False)
    return library.xp.conj(value) if factor.conjugated and factor.is_complex else value


def _along(axis: int, band: Band, u: Array, library: Library) -> Array:
    """Apply a band along an axis, counted from the end."""
    band = _kept(band, "unwrapped", band.unwrapped)
    parts = []
    if band.interior:
        parts.append(_interior(axis, band, u, library))
    if band.head or band.tail:
        edges = _edges(axis, band, u, library)
        head = len(band.head)
        parts.insert(0, _slice(edges, axis, slice(head)))
        parts.append(_slice(edges, axis, slice(head, None)))
    return parts[0] if len(parts) == 1 else library.xp.concat(parts, axis=axis)


def _interior(axis: int, band: Band, u: Array, library: Library) -> Array:
    """Return the rows between the closures: a weighted sum of shifted slices."""
    first, stop = band.interior.start, band.interior.stop
    shifted = (_slice(u, axis, slice(first + o, stop + o)) for o in band.offsets)
    if band.constant:
        pairs = zip(band.weights.tolist(), shifted, strict=True)
        values = (weight * value for weight, value in pairs if weight != 0)
    else:
        own = _kept(band, (library, axis), partial(_columns, axis, band.weights, library))
        # A weight of zero reads nothing, not even NaN.
        values = (
            weight * value if used is None else library.xp.where(used, weight * value, 0)
            for (weight, used), value in zip(own, shifted, strict=True)
        )
    result = None
    for value in values:
        if result is None:
            result = value
        else:
            result += value
    points = list(u.shape)
    points[axis] = stop - first
    return library.zeros(points, u) if result is None else result


def _columns(
    axis: int, weights: NDArray[np.float64], library: Library
) -> list[tuple[Array, Array | None]]:
    """Return the weights of each tap, and where they are not zero if some are."""
    return [
        (
            library.place(_standing(axis, column)),
            None if column.all() else library.place(_standing(axis, column != 0)),
        )
        for column in weights.T
    ]


def _edges(axis: int, band: Band, u: Array, library: Library) -> Array:
    """Return the closure rows, of the head and then of the tail: few points, read by index."""
    xp = library.xp
    columns, weights, used = _kept(
        band, (library, axis, "edges"), partial(_edge_tables, axis, band, library)
    )
    read = xp.take(u, columns, axis=axis)
    at = u.ndim + axis
    taken = xp.reshape(read, (*u.shape[:at], *weights.shape[:2], *u.shape[at + 1 :]))
    result = xp.sum(weights * taken, axis=at + 1)
    return result if used is None else xp.where(used, result, 0)


def _edge_tables(axis: int, band: Band, library: Library) -> tuple[Array, Array, Array | None]:
    """Return the columns of the closure rows, flat, their weights, and which rows have any.

    Rows with fewer taps than others read their last one several times, each for its part of the
    weight, so that nothing without weight is read.
    """
    rows = [
        (row.columns[row.weights != 0], row.weights[row.weights != 0])
        for row in band.head + band.tail
    ]
    width = max(1, *(len(at) for at, _ in rows))
    columns = np.zeros((len(rows), width), dtype=np.intp)
    weights = np.zeros((len(rows), width))
    for i, (at, some) in enumerate(rows):
        if len(at):
            last = width - len(at) + 1
            columns[i] = np.append(at[:-1], np.full(last, at[-1]))
            weights[i] = np.append(some[:-1], np.full(last, some[-1] / last))
    used = (weights != 0).any(axis=1)
    return (
        library.place(columns.ravel()),
        library.place(_standing(axis, weights)),
        None if used.all() else library.place(_standing(axis, used)),
    )


def _standing(axis: int, values: NDArray[Any]) -> NDArray[Any]:
    """Return an array whose last axis stands at an axis counted from the end."""
    return values.reshape(*values.shape, *(1,) * (-1 - axis))


def _slice(u: Array, axis: int, part: slice | int) -> Array:
    return u[(..., part, *(slice(None),) * (-1 - axis))]
