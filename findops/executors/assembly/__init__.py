"""Sparse matrices of a `Program`."""
