"""Schemes that sum by parts, and the dissipation that goes with them."""
