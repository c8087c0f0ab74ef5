"""Backends: each interprets a `Program`."""
