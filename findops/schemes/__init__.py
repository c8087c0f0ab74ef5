"""Schemes: frozen values that make a band."""

from findops.schemes.central import Central
from findops.schemes.coefficients import coefficients
from findops.schemes.explicit import Closure, Explicit, Line, TooFewPointsError
from findops.schemes.one_sided import Backward, Biased, Forward, Offsets
from findops.schemes.upwind import Upwind

__all__ = [
    "Backward",
    "Biased",
    "Central",
    "Closure",
    "Explicit",
    "Forward",
    "Line",
    "Offsets",
    "TooFewPointsError",
    "Upwind",
    "coefficients",
]
