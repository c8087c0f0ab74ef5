"""Newton's method, and Jacobians by colored differences."""
