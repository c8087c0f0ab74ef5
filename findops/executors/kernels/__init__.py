"""Compiled kernels that apply a `Program` to NumPy's arrays."""
