"""Conditions on faces and in regions, and the affine systems that they make."""
