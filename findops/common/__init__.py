"""Checked arguments, types and shapes of arrays, threads, progress bars."""
