"""The peers, one module each, and how they compute a problem."""
