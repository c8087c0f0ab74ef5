"""Solvers of eigenvalue problems."""
