"""Boundary-value, eigenvalue and initial-value problems."""
