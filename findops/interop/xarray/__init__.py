"""Operators on xarray's labeled arrays: the grid comes from the coordinates, and labels survive."""

from findops.interop.xarray.apply import apply, apply_bound

__all__ = ["apply", "apply_bound"]
