"""Spectral schemes: derivatives of an interpolant through all points, by fast transforms."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.arguments import is_symbolic
from findops.common.threads import num_threads
from findops.grids.points import ChebyshevPoints
from findops.plan.band import Band, Row, check_written
from findops.schemes.scheme import SPECTRAL, Scheme, Stencil, TooFewPointsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from findops.common.arrays import Array, Floats, Ints
    from findops.grids.axes import Axis
    from findops.schemes.scheme import Closure

__all__ = ["Chebyshev", "Fourier"]


@dataclass(frozen=True)
class Spectral(Scheme):
    """A scheme that reads every point, and whose accuracy grows with their number."""

    fixed = True
    merges = True

    def claim(self, order: int, acc: int | None) -> int:  # noqa: ARG002
        if acc is not None:
            raise ValueError(f"{self!r} is as accurate as its points allow: leave acc={acc} out")
        return SPECTRAL

    def stencil(
        self,
        order: int,  # noqa: ARG002
        acc: int,  # noqa: ARG002
        shift: Fraction = Fraction(0),  # noqa: ARG002
    ) -> Stencil:
        raise ValueError(f"{self!r} reads all points of a line and has no interior stencil")


@dataclass(frozen=True)
class Fourier(Spectral):
    """Derivatives of the trigonometric interpolant, on evenly spaced periodic axes.

    Functions analytic on the circle are differentiated to roundoff. The shortest wave of an even
    number of points has no odd derivative, but even ones: they are formed directly. Every order
    is applied by one transform there and one back. The matrix is dense along the axis.

    Notes
    -----
    L. N. Trefethen, Spectral Methods in MATLAB, SIAM (2000), chapter 3. No closure plays a part.

    Examples
    --------
    >>> import numpy as np
    >>> from findops import Diff, Grid, Periodic
    >>> grid = Grid(x=Periodic(0, 2 * np.pi, 16))
    >>> (x,) = grid.coordinates()
    >>> error = Diff("x", 2, scheme=Fourier())(np.exp(np.sin(x)), grid)
    >>> error -= (np.cos(x) ** 2 - np.sin(x)) * np.exp(np.sin(x))
    >>> bool(np.abs(error).max() < 1e-5)
    True
    """

    @property
    def staggers(self) -> bool:
        return True

    def band(
        self,
        order: int,
        acc: int,
        source: Axis,
        target: Axis,
        closure: tuple[Closure, Closure],  # noqa: ARG002  # a circle has no ends
    ) -> Band:
        if not source.periodic or source.spacing is None:
            raise ValueError(
                f"{self!r} needs an evenly spaced periodic axis, as Periodic(…) is; Chebyshev() "
                "serves bounded ones, of ChebyshevPoints(start, stop, n)"
            )
        n, shift = len(source), target.origin - source.origin
        waves = np.fft.ifftshift(np.arange(n) - n // 2)
        symbol = _fourier_symbol(waves, order, shift, n)
        if n % 2 == 0:
            # The shortest wave stands for both of its signs.
            middle = np.array([n // 2, -n // 2])
            symbol[n // 2] = _fourier_symbol(middle, order, shift, n).mean().real
        symbol *= (2 * np.pi / (n * float(source.spacing))) ** order
        weights = np.fft.ifft(symbol).real
        offsets = np.arange(n) - (n - 1) // 2
        weights = weights[-offsets % n]
        weights[np.abs(weights) < 1e-15 * np.abs(weights).max()] = 0
        return Band(
            rows=n,
            cols=n,
            offsets=tuple(offsets.tolist()),
            weights=weights,
            periodic=True,
            order=order,
            acc=acc,
            shift=shift,
            transform=_Convolution(symbol),
        ).compressed()

    def modified_wavenumber(self, theta: Any, order: int = 1, acc: int | None = None) -> Any:
        self.check_order(order)
        self.claim(order, acc)
        return (theta if is_symbolic(theta) else np.asarray(theta)[()]) ** order


def _fourier_symbol(waves: Ints, order: int, shift: Fraction, n: int) -> NDArray[np.complex128]:
    """Return the symbol of a derivative at points moved by `shift` steps, per radian."""
    symbol: NDArray[np.complex128] = 1j**order * waves.astype(np.complex128) ** order
    symbol *= np.exp(2j * np.pi * float(shift) / n * waves)
    return symbol


@dataclass(frozen=True, eq=False)
class _Convolution:
    """Multiplication of the waves of a line by a symbol, that of real weights."""

    symbol: NDArray[np.complex128]

    def __call__(self, u: Array, axis: int) -> Array:
        from scipy import fft

        n, workers = u.shape[axis], num_threads()
        real = u.dtype.kind == "f"
        symbol = self.symbol[: n // 2 + 1] if real else self.symbol
        shape = [1] * u.ndim
        shape[axis] = len(symbol)
        transformed = (fft.rfft if real else fft.fft)(u, axis=axis, workers=workers)
        transformed *= symbol.reshape(shape).astype(transformed.dtype)
        if real:
            result: Array = fft.irfft(transformed, n, axis=axis, workers=workers)
        else:
            result = fft.ifft(transformed, axis=axis, workers=workers, overwrite_x=True)
        return result

    @property
    def T(self) -> _Convolution:  # noqa: N802  # the transpose's name everywhere
        return _Convolution(self.symbol.conj())


@dataclass(frozen=True)
class Chebyshev(Spectral):
    """Derivatives of the interpolating polynomial, on axes of Chebyshev points.

    Analytic functions are differentiated to roundoff, which grows like n² for the first derivative
    and n⁴ for the second near the ends. Applied by cosine transforms; the matrix is dense along the
    axis, its diagonal filled by the negative-sum rule.

    Notes
    -----
    L. N. Trefethen, Spectral Methods in MATLAB, SIAM (2000), chapters 6 to 8; J. A. C. Weideman and
    S. C. Reddy, A MATLAB differentiation matrix suite, ACM Trans. Math. Softw. 26 (2000) 465-519,
    for higher derivatives and differences of points by their angles. No closure plays a part.

    Examples
    --------
    >>> import numpy as np
    >>> from findops import ChebyshevPoints, Diff, Grid
    >>> grid = Grid(x=ChebyshevPoints(0, 1, 20))
    >>> (x,) = grid.coordinates()
    >>> bool(np.abs(Diff("x", scheme=Chebyshev())(np.exp(x), grid) - np.exp(x)).max() < 1e-12)
    True
    """

    def band(
        self,
        order: int,
        acc: int,
        source: Axis,
        target: Axis,  # noqa: ARG002  # it does not stagger, so that this is the source
        closure: tuple[Closure, Closure],
    ) -> Band:
        if not isinstance(source, ChebyshevPoints):
            raise ValueError(f"{self!r} needs an axis of ChebyshevPoints(start, stop, n)")
        if "halo" in closure:
            raise ValueError(f"{self!r} reads no points beyond the ends: there is no halo")
        n = len(source)
        if n <= order:
            raise TooFewPointsError(order + 1, n)
        check_written(n, n)
        scale = (2 / float(source.stop - source.start)) ** order
        columns = np.arange(n)
        rows = [Row(columns, row) for row in _matrix(n, order) * scale]
        return Band(
            rows=n,
            cols=n,
            offsets=(),
            weights=np.zeros(0),
            head=tuple(Row.merged(row.columns, row.weights) for row in rows),
            order=order,
            acc=acc,
            transform=_CosineTransform(order, scale),
        )

    def modified_wavenumber(self, theta: Any, order: int = 1, acc: int | None = None) -> Any:  # noqa: ARG002
        raise ValueError(f"{self!r} has rows that differ from point to point, and no wavenumber")


def _matrix(n: int, order: int) -> Floats:
    """Return the derivative of the polynomial through values at −cos(πj/(n−1))."""
    last, index = n - 1, np.arange(n)
    angle = np.pi * index / (2 * last)
    apart = 2 * np.sin(angle[:, None] + angle) * np.sin(angle[:, None] - angle)
    # Small angles are exact: the other half mirrors them.
    half = n // 2
    apart[n - half :] = -apart[:half][::-1, ::-1]
    np.fill_diagonal(apart, 1)
    inverse = 1 / apart
    np.fill_diagonal(inverse, 0)
    ends = np.where((index == 0) | (index == last), 2.0, 1.0) * (-1.0) ** index
    ratio = ends[:, None] / ends
    made = np.eye(n)
    for m in range(1, order + 1):
        made = m * inverse * (ratio * np.diag(made)[:, None] - made)
        np.fill_diagonal(made, 0)
        np.fill_diagonal(made, -made.sum(axis=1))
    return made


@dataclass(frozen=True, eq=False)
class _CosineTransform:
    """Derivative of the Chebyshev series of a line, between two cosine transforms."""

    order: int
    scale: float
    transposed: bool = False

    def __call__(self, u: Array, axis: int) -> Array:
        # Rounding grows too fast for single precision.
        wide = np.result_type(u.dtype, np.float64)
        values = np.moveaxis(u.astype(wide, copy=False), axis, -1)[..., ::-1]
        ends = np.ones(u.shape[axis])
        ends[[0, -1]] = 0.5
        weights = 2 * self.scale / (len(ends) - 1) * ends
        if self.transposed:
            series = _cosines(values)
            for _ in range(self.order):
                series = _series_derivative_transposed(series)
            result = _cosines(series * weights) * ends
        else:
            series = _cosines(values * ends) * weights
            for _ in range(self.order):
                series = _series_derivative(series)
            result = _cosines(series)
        return np.moveaxis(result[..., ::-1], -1, axis).astype(u.dtype, order="C")

    @property
    def T(self) -> _CosineTransform:  # noqa: N802  # the transpose's name everywhere
        return _CosineTransform(self.order, self.scale, not self.transposed)


def _cosines(values: Array) -> Array:
    """Return Σ_j cos(πjk/(n−1))·values_j along the last axis, a symmetric transform."""
    from scipy import fft

    weighted = values.copy()
    weighted[..., 1:-1] /= 2
    result: Array = fft.dct(weighted, type=1, axis=-1, workers=num_threads(), overwrite_x=True)
    return result


def _series_derivative(series: Array) -> Array:
    """Return the Chebyshev series of the derivative: c′_k = Σ 2m c_m over m = k+1, k+3, …."""
    weighted = series * (2 * np.arange(series.shape[-1]))
    made = np.zeros_like(series)
    for parity in (0, 1):
        sums = weighted[..., parity::2][..., ::-1].cumsum(axis=-1)[..., ::-1]
        target = made[..., 1 - parity :: 2]
        later = sums[..., 1 - parity :]
        target[..., : later.shape[-1]] = later
    made[..., 0] /= 2
    return made


def _series_derivative_transposed(series: Array) -> Array:
    """Return the transpose of the derivative of a Chebyshev series, applied to one."""
    weighted = series.copy()
    weighted[..., 0] /= 2
    made = np.zeros_like(series)
    for parity in (0, 1):
        sums = weighted[..., 1 - parity :: 2].cumsum(axis=-1)
        target = made[..., parity::2][..., 1 - parity :]
        target[...] = sums[..., : target.shape[-1]]
    return made * (2 * np.arange(series.shape[-1]))
