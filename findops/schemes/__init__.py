"""Schemes: frozen values that make a band."""

from findops.schemes.coefficients import coefficients
from findops.schemes.compact import Compact
from findops.schemes.designer import optimize_stencil
from findops.schemes.explicit import AxisMap, ExplicitScheme
from findops.schemes.filters import CompactFilter, Shapiro
from findops.schemes.finite_differences import Backward, Biased, Central, Forward, Offsets, Upwind
from findops.schemes.optimized import BogeyBailly, Optimized, TamWebb
from findops.schemes.sbp.base import ByPartsScheme
from findops.schemes.sbp.dissipation import DissipationScheme
from findops.schemes.sbp.sbp import SBP
from findops.schemes.sbp.upwind import UpwindSBP
from findops.schemes.scheme import SPECTRAL, Closure, Scheme, Stencil, TooFewPointsError
from findops.schemes.smoothing import Gaussian, SavitzkyGolay
from findops.schemes.spectral import Chebyshev, Fourier
from findops.schemes.spline import Spline

__all__ = [
    "SBP",
    "SPECTRAL",
    "AxisMap",
    "Backward",
    "Biased",
    "BogeyBailly",
    "ByPartsScheme",
    "Central",
    "Chebyshev",
    "Closure",
    "Compact",
    "CompactFilter",
    "DissipationScheme",
    "ExplicitScheme",
    "Forward",
    "Fourier",
    "Gaussian",
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
