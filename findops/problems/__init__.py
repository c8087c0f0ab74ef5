"""Boundary-value problems, solved by SciPy's solvers."""
