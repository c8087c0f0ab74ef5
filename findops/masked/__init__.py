"""Operators on fields with holes."""
