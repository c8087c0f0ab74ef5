"""Bound operators, which users hold, and how they are made."""
