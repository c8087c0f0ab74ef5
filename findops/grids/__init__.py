"""Axes, their half points, and grids."""
