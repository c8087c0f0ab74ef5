"""Hypothesis profiles; `HYPOTHESIS_PROFILE=thorough` draws ten times as many examples."""

import os

# The workers share the cores; with a pool of threads each, the BLAS would mostly wait for itself.
# Read when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

# Binding takes longer the first time than the second (caches), so a deadline only makes noise.
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("default", max_examples=100, **COMMON)
settings.register_profile("thorough", max_examples=1000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
