"""Findops against its peers, measured in one run on one machine."""

import os

# Before any library reads them: every code gets the same number of threads.
THREADS = int(os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0)))))
os.environ.setdefault("NUMBA_NUM_THREADS", str(THREADS))
os.environ.setdefault("DEVITO_LANGUAGE", "openmp")
os.environ.setdefault("DEVITO_LOGGING", "ERROR")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
