"""pystencils: C with vector instructions and OpenMP, generated for the problem; ghosts given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pystencils

from benchmarks import THREADS
from benchmarks.contest import Code
from benchmarks.peers.peer import Peer

if TYPE_CHECKING:
    from benchmarks.contest import Array
    from benchmarks.problem import Problem

__all__ = ["PEER"]


def _prepare(problem: Problem) -> Code:
    reach, u = problem.reach, problem.padded
    # Its fields have one shape, so that the result has ghost points too.
    v = np.full_like(u, np.nan)
    read, written = (
        pystencils.Field.create_from_numpy_array(name, a) for name, a in (("u", u), ("v", v))
    )
    (row,) = problem.rows_of_taps()
    total = sum(weight * read[offsets] for (_, offsets), weight in sorted(row.items()))
    chosen = pystencils.CreateKernelConfig(
        target=pystencils.Target.CurrentCPU, ghost_layers=reach, default_dtype=problem.dtype
    )
    chosen.cpu.openmp.enable = THREADS > 1
    chosen.cpu.openmp.num_threads = THREADS
    chosen.cpu.vectorize.enable = True
    chosen.cpu.vectorize.assume_inner_stride_one = True
    center = (0,) * problem.ndim
    kernel = pystencils.create_kernel([pystencils.Assignment(written[center], total)], chosen)
    apply = kernel.compile()

    def inside(_: object) -> Array:
        return v[tuple(slice(reach, -reach) for _ in problem.shape)]

    return Code(lambda: apply(u=u, v=v), inside)


def _can(problem: Problem) -> bool:
    return problem.components == (1, 1)


PEER = Peer(_prepare, _can, reuses=True)
