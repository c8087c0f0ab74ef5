"""Schemes: frozen values that make a band."""

from findops.schemes.by_parts import ByPartsScheme
from findops.schemes.central import Central
from findops.schemes.coefficients import coefficients
from findops.schemes.damping import Damping
from findops.schemes.explicit import Explicit, Line
from findops.schemes.one_sided import Backward, Biased, Forward, Offsets
from findops.schemes.scheme import SPECTRAL, Closure, Scheme, Stencil, TooFewPointsError
from findops.schemes.summation_by_parts import SBP
from findops.schemes.upwind import Upwind
from findops.schemes.upwind_by_parts import UpwindSBP

__all__ = [
    "SBP",
    "SPECTRAL",
    "Backward",
    "Biased",
    "ByPartsScheme",
    "Central",
    "Closure",
    "Damping",
    "Explicit",
    "Forward",
    "Line",
    "Offsets",
    "Scheme",
    "Stencil",
    "TooFewPointsError",
    "Upwind",
    "UpwindSBP",
    "coefficients",
]
