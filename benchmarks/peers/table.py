"""The table of peers."""

from benchmarks.peers import c, devito, findiff, jax, numpy, pde, pylops, pystencils, scipy

__all__ = ["PEERS"]

PEERS = {
    "C": c.PEER,
    "pystencils": pystencils.PEER,
    "Devito": devito.PEER,
    "py-pde": pde.PEER,
    "py-pde, ghosts given": pde.INSIDE,
    "JAX": jax.PEER,
    "NumPy": numpy.PEER,
    "SciPy ndimage": scipy.PEER,
    "findiff": findiff.PEER,
    "PyLops": pylops.PEER,
}
