"""An operator algebra for finite differences.

Write a differential operator as on paper, bind it to a grid, apply it to arrays, or export it as
a sparse matrix::

    op = (Diff("x", 2, acc=4) + a * Diff("y")).on(grid)
    v = op(u)
    A = op.matrix()
"""

from typing import TYPE_CHECKING, Any

from findops.common.memory import free_memory
from findops.common.threads import set_num_threads
from findops.conditions.conditions import (
    Condition,
    Dirichlet,
    Interface,
    Neumann,
    NoCondition,
    Robin,
)
from findops.expressions.block import Block, Tensor
from findops.expressions.derivative import Diff, Filter, Interpolate
from findops.expressions.expression import Coef, Field, Identity
from findops.expressions.transport import Advection, Diffusion, DirectionalDerivative, Dissipation
from findops.expressions.vector_calculus import (
    Biharmonic,
    Curl,
    Divergence,
    Gradient,
    Hessian,
    Jacobian,
    Laplacian,
    VectorLaplacian,
)
from findops.grids.grid import Grid
from findops.grids.points import ChebyshevPoints, Points
from findops.grids.uniform import Cells, Periodic, Uniform
from findops.interop.numpy_gradient import gradient
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
from findops.schemes.fornberg import weights

if TYPE_CHECKING:
    from findops.operators.operator import Operator
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
    "NoCondition",
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
    "free_memory",
    "gradient",
    "optimize_stencil",
    "set_num_threads",
    "weights",
]


def __getattr__(name: str) -> Any:
    # SciPy comes with bound operators, and only once there is one.
    if name == "Operator":
        from findops.operators.operator import Operator

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


def __dir__() -> list[str]:
    return __all__
