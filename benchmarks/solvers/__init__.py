"""Solvers of boundary-value problems by size: findops' own, PyAMG and SciPy by themselves."""
