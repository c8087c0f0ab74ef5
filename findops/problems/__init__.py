"""Boundary-value and eigenvalue problems, solved by SciPy's solvers."""
