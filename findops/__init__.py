"""An operator algebra for finite differences.

Write a differential operator as on paper, bind it to a grid, apply it to arrays, or export it as
a sparse matrix::

    op = (Diff("x", 2, acc=4) + a * Diff("y")).on(grid)
    v = op(u)
    A = op.matrix()
"""

from typing import TYPE_CHECKING, Any

from findops.blocks import Block, Tensor
from findops.calculus import (
    Biharmonic,
    Curl,
    Divergence,
    Gradient,
    Hessian,
    Jacobian,
    Laplacian,
    VectorLaplacian,
)
from findops.conditions import Condition, Dirichlet, Neumann, Robin
from findops.derivative import Diff, Filter, Interpolate
from findops.even_axes import Cells, Periodic, Uniform
from findops.grid import Grid
from findops.interface import Interface
from findops.nodes import Coef, Field, Identity
from findops.numpy_gradient import gradient
from findops.points import ChebyshevPoints, Points
from findops.schemes import (
    SBP,
    Backward,
    Biased,
    BogeyBailly,
    Central,
    Chebyshev,
    Compact,
    CompactFilter,
    Forward,
    Fourier,
    Gaussian,
    Offsets,
    Optimized,
    SavitzkyGolay,
    Shapiro,
    Spline,
    TamWebb,
    Upwind,
    UpwindSBP,
    coefficients,
    optimize_stencil,
)
from findops.threads import set_num_threads
from findops.transport import Advection, Diffusion, DirectionalDerivative, Dissipation
from findops.weights import weights

if TYPE_CHECKING:
    from findops.operator import Operator
    from findops.problems.bvp import BVP
    from findops.problems.evp import EVP
    from findops.problems.ivp import IVP

__version__ = "0.1.0"

__all__ = [
    "BVP",
    "EVP",
    "IVP",
    "SBP",
    "Advection",
    "Backward",
    "Biased",
    "Biharmonic",
    "Block",
    "BogeyBailly",
    "Cells",
    "Central",
    "Chebyshev",
    "ChebyshevPoints",
    "Coef",
    "Compact",
    "CompactFilter",
    "Condition",
    "Curl",
    "Diff",
    "Diffusion",
    "DirectionalDerivative",
    "Dirichlet",
    "Dissipation",
    "Divergence",
    "Field",
    "Filter",
    "Forward",
    "Fourier",
    "Gaussian",
    "Gradient",
    "Grid",
    "Hessian",
    "Identity",
    "Interface",
    "Interpolate",
    "Jacobian",
    "Laplacian",
    "Neumann",
    "Offsets",
    "Operator",
    "Optimized",
    "Periodic",
    "Points",
    "Robin",
    "SavitzkyGolay",
    "Shapiro",
    "Spline",
    "TamWebb",
    "Tensor",
    "Uniform",
    "Upwind",
    "UpwindSBP",
    "VectorLaplacian",
    "coefficients",
    "gradient",
    "optimize_stencil",
    "set_num_threads",
    "weights",
]


def __getattr__(name: str) -> Any:
    # SciPy comes with bound operators, and only once there is one.
    if name == "Operator":
        from findops.operator import Operator

        return Operator
    if name == "BVP":
        from findops.problems.bvp import BVP

        return BVP
    if name == "EVP":
        from findops.problems.evp import EVP

        return EVP
    if name == "IVP":
        from findops.problems.ivp import IVP

        return IVP
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
