"""Expressions, which users write: continuous and immutable."""

import findops.expressions.printing  # noqa: F401  # registers how expressions are written
