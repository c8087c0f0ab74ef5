"""Characteristics at faces: whether conditions give what enters there, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from findops.conditions.conditions import Interface, Trace
from findops.conditions.equations import components_of
from findops.plan.program import Chain

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from findops.common.arrays import Array
    from findops.conditions.conditions import Condition, Place
    from findops.masked.operator import Masked
    from findops.operators.operator import Operator


__all__ = ["misplaced"]

ZERO_SPEED = 1e-9
"""Part of the fastest speed at a face below which a characteristic neither enters nor leaves."""

DEFECTIVE = 1e8
"""Condition of the eigenvectors above which a matrix has no basis of them."""

DEPENDENT = 1e-9
"""Singular value, of rows and columns of size one, that is zero in exact arithmetic."""


def misplaced(
    op: Operator | Masked, conditions: Iterable[Condition], one_sided: Container[str]
) -> str | None:
    """Say which conditions of u_t = op(u) do not give what enters through a face; None if all do.

    Where all that acts across a face are first derivatives, u_t = A ∂u/∂n + … with the outward
    normal n, the characteristics with positive eigenvalues of A enter there. Conditions must
    determine these, given the others, and nothing of the others (Kreiss 1970; Gustafsson, Kreiss
    and Oliger 1995, chapter 9). Where something differs along a face, it is said only of what is
    wrong at all of its points. Elsewhere than on `one_sided` faces the closure determines fields.
    """
    grid = op.domain
    listed = tuple(conditions)
    if any(isinstance(condition, Interface) for condition in listed):
        return None
    on_masks = any(not isinstance(condition.where, str) for condition in listed)
    placed = [(place, c) for c in listed for place in c.places(grid)]
    # What is given wrongly says more than what is missing in its stead.
    for missing in (False, True):
        for face in grid.faces:
            speeds = _normal_matrices(op, face)
            if speeds is None or (missing and (on_masks or face not in one_sided)):
                continue
            here = [(place, c) for place, c in placed if place.face == face]
            if op.program.inputs.count == 1:
                said = _of_scalar(speeds, face, here, missing)
            else:
                said = _of_system(op, speeds, face, here, missing)
            if said:
                return said
    return None


Given = list[tuple["Place", "Condition"]]
"""Conditions on a face."""


def _of_scalar(speeds: Array, face: str, here: Given, missing: bool) -> str | None:
    """Say what is wrong on a face, or missing there, for one component."""
    if np.iscomplexobj(speeds):
        return None
    if missing:
        nothing = not here and np.all(speeds > 0)
        return f"nothing is given on {face}, where the flow enters the grid" if nothing else None
    if not here or not np.all(speeds < 0):
        return None
    other = face[:-1] + ("-" if face.endswith("+") else "+")
    return (
        f"{here[0][1]!r} stands where the flow leaves the grid, which carries what is wrong there "
        f"back in: give it where the flow enters, on {other}"
    )


def _of_system(
    op: Operator | Masked, matrices: Array, face: str, here: Given, missing: bool
) -> str | None:
    """Say what is wrong on a face, or missing there, for several components."""
    values, vectors = np.linalg.eig(matrices)
    fastest = np.abs(values).max()
    if (
        np.abs(values.imag).max() > ZERO_SPEED * fastest
        or np.linalg.cond(vectors).max() > DEFECTIVE
    ):
        return None
    enters, leaves = values.real > ZERO_SPEED * fastest, values.real < -ZERO_SPEED * fastest
    wanted = enters.sum(axis=1)
    rows = [_value_rows(op, place, condition) for place, condition in here]
    given = _joined([r for r in rows if r is not None], matrices.shape[1])
    names = " and ".join(str(c) for _, c in here) or "nothing"
    enter = (
        f"{wanted.max()} of {matrices.shape[1]} characteristics "
        f"{'enters' if wanted.max() == 1 else 'enter'} the grid through {face}"
    )
    if missing:
        # A slope may stand for a value by way of the equation itself.
        slopes = any(r is None for r in rows)
        lacking = _rank(given @ (vectors * enters[:, None, :])) < wanted
        said = f"{enter}, which is not determined by what is given there, {names}"
        return said if np.all(lacking) and not slopes else None
    more = _rank(given @ (vectors * (enters | leaves)[:, None, :])) > wanted
    return f"{enter}, but given there is {names}: more than enters" if np.all(more) else None


def _value_rows(op: Operator | Masked, place: Place, condition: Condition) -> Array | None:
    """Return the factors of the components in values on a face, (points, given, m).

    None where a condition gives a derivative.
    """
    m = op.program.inputs.count
    bound = condition.on(op.domain, place, 2).on(op.domain)
    trace = isinstance(condition.expression, Trace)
    acts = any(band is not None for term in bound.program.terms for band in term.bands)
    if condition.differentiates if trace else acts:
        return None
    where = np.flatnonzero(bound.range.face(place.face or ""))
    points = int(np.prod(bound.domain.shape))
    sums = np.kron(np.eye(bound.program.inputs.count), np.ones((points, 1)))
    made = np.asarray(bound.matrix(rows=where) @ sums)
    if bound.program.inputs.count == m:
        return made[:, None, :]
    return np.asarray(made[:, :, None] * np.eye(m)[list(components_of(condition, m))])


def _joined(rows: list[Array], m: int) -> Array:
    """Return rows of a face's points as one array, (points, given, m)."""
    points = max((len(part) for part in rows), default=1)
    spread = [np.broadcast_to(part, (points, *part.shape[1:])) for part in rows]
    return np.concatenate([np.zeros((points, 0, m)), *spread], axis=1)


def _rank(matrices: Array) -> Array:
    """Return the ranks of matrices, their rows taken of size one."""
    if not matrices.shape[1]:
        return np.zeros(len(matrices), dtype=int)
    sizes = np.linalg.norm(matrices, axis=2, keepdims=True)
    scaled = matrices / np.where(sizes > 0, sizes, 1)
    singular = np.linalg.svd(scaled, compute_uv=False)
    return np.asarray((singular > DEPENDENT).sum(axis=1))


def _normal_matrices(op: Operator | Masked, face: str) -> Array | None:
    """Return A in u_t = A ∂u/∂n + …, n outwards, at the points of a face, (points, m, m).

    None where anything but first derivatives acts across it.
    """
    i = op.domain.face_axis(face)
    upper = face.endswith("+")
    outward = 1 if upper == op.domain.axes[i].ascending else -1
    m = op.program.inputs.count
    if op.program.outputs.count != m:
        return None
    shape = tuple(1 if j == i else n for j, n in enumerate(op.domain.shape))
    total: dict[tuple[int, int], Any] = {}
    for part in op.program.parts:
        if not isinstance(part, Chain):
            return None
        orders = [sum(band.order for term in part.terms if (band := term.bands[j]))
                  for j in range(op.domain.ndim)]  # fmt: skip
        if not orders[i]:
            continue
        if sum(orders) > 1:
            return None
        entry = part.row, part.col
        total[entry] = total.get(entry, 0.0) + _coefficient(part, i, -1 if upper else 0)
    if not total:
        return None
    made = np.zeros((int(np.prod(shape)), m, m), np.result_type(float, *total.values()))
    for (row, col), speed in total.items():
        made[:, row, col] = outward * np.broadcast_to(speed, shape).ravel()
    # Where the speeds are the same everywhere one point tells all.
    return made[:1] if all(np.size(speed) == 1 for speed in total.values()) else made


def _coefficient(chain: Chain, axis: int, end: int) -> Array:
    """Return the coefficient of a derivative at an end of its axis."""
    result: Array = np.ones(())
    for term in chain.terms:
        band = term.bands[axis]
        result = result * (term.scale * (band.sign if band else 1))
        for factor in term.factors:
            result = result * factor.value.take([end], axis)
    return result
