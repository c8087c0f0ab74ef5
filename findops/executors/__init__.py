"""Executors: each carries a `Program` out."""
