"""Sweeps along whole lines, for implicit and spectral schemes."""
