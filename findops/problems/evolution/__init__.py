"""Semidiscrete systems, time steppers, and their stability."""
