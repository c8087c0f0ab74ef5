"""The table of peers."""

from benchmarks.peers import devito, findiff, jax, numpy, pde, pylops, scipy

__all__ = ["PEERS"]

PEERS = {
    "Devito": devito.PEER,
    "py-pde": pde.PEER,
    "py-pde, ghosts given": pde.INSIDE,
    "JAX": jax.PEER,
    "NumPy": numpy.PEER,
    "SciPy ndimage": scipy.PEER,
    "findiff": findiff.PEER,
    "PyLops": pylops.PEER,
}
