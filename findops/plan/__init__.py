"""Intermediate form of an operator: bands, terms and chains make a `Program`."""
