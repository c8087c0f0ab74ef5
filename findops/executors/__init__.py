"""Executors of a `Program`: on arrays, along lines, as matrices, on other libraries' arrays."""
