"""Exchange with other libraries: xarray, PETSc, JAX and PyTorch, NumPy's `gradient`."""
