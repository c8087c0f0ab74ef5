"""Schemes: frozen values that make a band."""

from findops.schemes.by_parts import ByPartsScheme
from findops.schemes.central import Central
from findops.schemes.coefficients import coefficients
from findops.schemes.compact import Compact
from findops.schemes.damping import Damping
from findops.schemes.designer import optimize_stencil
from findops.schemes.explicit import Explicit, Line
from findops.schemes.filters import CompactFilter, Shapiro
from findops.schemes.one_sided import Backward, Biased, Forward, Offsets
from findops.schemes.optimized import BogeyBailly, Optimized, TamWebb
from findops.schemes.scheme import SPECTRAL, Closure, Scheme, Stencil, TooFewPointsError
from findops.schemes.smoothing import Gaussian, SavitzkyGolay
from findops.schemes.spectral import Chebyshev, Fourier
from findops.schemes.spline import Spline
from findops.schemes.summation_by_parts import SBP
from findops.schemes.upwind import Upwind
from findops.schemes.upwind_by_parts import UpwindSBP

__all__ = [
    "SBP",
    "SPECTRAL",
    "Backward",
    "Biased",
    "BogeyBailly",
    "ByPartsScheme",
    "Central",
    "Chebyshev",
    "Closure",
    "Compact",
    "CompactFilter",
    "Damping",
    "Explicit",
    "Forward",
    "Fourier",
    "Gaussian",
    "Line",
    "Offsets",
    "Optimized",
    "SavitzkyGolay",
    "Scheme",
    "Shapiro",
    "Spline",
    "Stencil",
    "TamWebb",
    "TooFewPointsError",
    "Upwind",
    "UpwindSBP",
    "coefficients",
    "optimize_stencil",
]
