"""Discretization: expressions, grids, schemes and closures meet here, and only here."""
