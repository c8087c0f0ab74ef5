"""Axes from the coordinates of labeled arrays, and coordinates for points between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from findops.common.caches import cached_within
from findops.grids.points import Points, as_axis, lies_at
from findops.grids.uniform import Periodic, Uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from xarray import Variable

    from findops.grids.axes import Axis

__all__ = ["UNITS", "CoordinateReader"]

UNIT_LENGTHS = {
    unit: np.timedelta64(1, unit) for unit in ("W", "D", "h", "m", "s", "ms", "us", "ns")
}
"""Units of time with a fixed length, as NumPy calls them."""

UNITS = tuple(UNIT_LENGTHS)

KEPT_BYTES = 1 << 22
"""Bytes of axes that are kept for the next coordinates of the same values."""


@dataclass(frozen=True)
class CoordinateReader:
    """How the coordinate of one dimension is read as numbers."""

    dim: str
    unit: str | None = None
    """The unit of time, seconds by default."""
    period: float | None = None
    radians: bool = False
    """Whether degrees become radians."""

    def axis(self, coordinate: Variable) -> Axis:
        """Return the axis of a coordinate, 1-D along the dimension.

        Raises
        ------
        ValueError, TypeError
            If the coordinate is not of strictly monotone numbers, dates or durations, or is not
            read as asked.
        """
        values = coordinate.values
        try:
            if coordinate.ndim != 1:
                raise ValueError(
                    f"its coordinate has the dimensions {coordinate.dims}: derivatives need a 1-D "
                    "one"
                )
            if values.dtype.kind in "iufmM" and 0 < values.nbytes <= KEPT_BYTES:
                return _cached_axis(self, values.dtype, values.tobytes())
            return self._axis(self._numbers(values))
        except (ValueError, TypeError) as error:
            raise type(error)(f"dimension {self.dim!r}: {error}") from None

    def _axis(self, given: NDArray[Any]) -> Axis:
        open_axis = as_axis(given)
        if self.period is None:
            return open_axis
        period = np.deg2rad(self.period).item() if self.radians else self.period
        closed = Points(given, period)
        if len(closed) > 1 and isinstance(open_axis, Uniform):
            first, forward = float(given[0]), 1 if closed.ascending else -1
            even = Periodic(first, first + forward * float(period), len(closed))
            if lies_at(even, given):
                return even
        return closed

    def _numbers(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return coordinates as numbers, dates since the first one."""
        if is_time(values):
            if self.radians:
                raise TypeError("radians are asked for, but its coordinate is a time")
            return _times(values) / self.seconds
        if self.unit is not None:
            raise TypeError(f"the unit {self.unit!r} is of time, but its coordinate is not a time")
        if values.dtype.kind not in "iuf":
            raise TypeError(
                f"its coordinate holds {_described(values)}, but derivatives need numbers or times"
            )
        return np.deg2rad(values) if self.radians else values

    @property
    def seconds(self) -> float:
        """The unit of time in seconds."""
        return float(UNIT_LENGTHS[self.unit or "s"] / UNIT_LENGTHS["s"])

    def labels(self, points: NDArray[np.float64], coordinate: Variable) -> NDArray[Any]:
        """Return the labels of other points, in the kind of a coordinate."""
        values = coordinate.values
        if not is_time(values):
            return np.rad2deg(points) if self.radians else points
        seconds = points * self.seconds
        if values.dtype.kind == "O":
            return np.array([values[0] + timedelta(seconds=float(s)) for s in seconds])
        since = np.round(seconds * 1e9).astype("timedelta64[ns]")
        return since if values.dtype.kind == "m" else values[0] + since


@cached_within(KEPT_BYTES)
def _cached_axis(reader: CoordinateReader, dtype: np.dtype[Any], values: bytes) -> Axis:
    """Return the axis of coordinates: arrays are told apart by their values, which may change."""
    return reader._axis(reader._numbers(np.frombuffer(values, dtype)))


def is_time(values: NDArray[Any]) -> bool:
    """Tell whether values are dates or durations, cftime's included."""
    return values.dtype.kind in "mM" or is_date(values)


def is_date(values: NDArray[Any]) -> bool:
    """Tell whether values are dates, cftime's included."""
    if values.dtype.kind == "O":
        return values.size > 0 and hasattr(values.flat[0], "calendar")
    return values.dtype.kind == "M"


def _times(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return seconds, of dates since the first."""
    if values.dtype.kind == "O":
        second = timedelta(seconds=1)
        return np.array([(date - values[0]) / second for date in values])
    durations = values - values[0] if values.dtype.kind == "M" else values
    seconds: NDArray[np.float64] = durations / UNIT_LENGTHS["s"]
    return seconds


def _described(values: NDArray[Any]) -> str:
    if values.size and isinstance(values.flat[0], tuple):
        return "the tuples of a MultiIndex"
    if values.dtype.kind in "UST" or (values.size and isinstance(values.flat[0], str)):
        return "strings"
    return f"{values.dtype}"
