"""Options of labeled arrays: how coordinates are read, and what components are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from findops.interop.coordinates import UNITS, Reading

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

__all__ = ["Labels"]

SUCH = {"periodic": 360, "units": "D"}
"""What a value of these options looks like."""


@dataclass(frozen=True)
class Labels:
    """How the names and coordinates of labeled arrays are read."""

    readings: Mapping[str, Reading]
    components: tuple[str, str] = ("component", "derivative")

    def reading(self, dim: str) -> Reading:
        """Return how the coordinate of a dimension is read."""
        return self.readings.get(dim) or Reading(dim)

    @staticmethod
    def of(
        u: DataArray | Dataset,
        periodic: Mapping[str, float],
        units: Mapping[str, str],
        radians: str | Collection[str],
        component: str | tuple[str, str],
    ) -> Labels:
        """Check options for an array, and return what they say.

        Raises
        ------
        ValueError
            If a dimension is not there, or a unit not known.
        TypeError
            If an option has the wrong type.
        """
        degrees = (radians,) if isinstance(radians, str) else radians
        if not isinstance(degrees, Collection):
            raise TypeError(f"radians needs a dimension or several, as ['lon'], not {radians!r}")
        for option, given in (("periodic", periodic), ("units", units)):
            if not isinstance(given, Mapping):
                such = {"x": SUCH[option]}
                raise TypeError(f"{option} needs a dict by dimension, as {such}, not {given!r}")
        for option, named in (("periodic", periodic), ("units", units), ("radians", degrees)):
            for dim in named:
                if dim not in u.dims:
                    raise ValueError(
                        f"{option}: there is no dimension {dim!r} among {tuple(u.dims)}"
                    )
        for dim, unit in units.items():
            if unit not in UNITS:
                raise ValueError(f"units: that of {dim!r} is one of {list(UNITS)}, not {unit!r}")
        readings = {
            dim: Reading(dim, units.get(dim), periodic.get(dim), dim in degrees)
            for dim in {*periodic, *units, *degrees}
        }
        return Labels(readings, _two_names(component))


def _two_names(component: object) -> tuple[str, str]:
    match (component, "derivative") if isinstance(component, str) else component:
        case (str() as first, str() as second):
            if first == second:
                raise ValueError(f"component: two dimensions cannot both have the name {first!r}")
            return first, second
    raise TypeError(
        f"component needs the name of a dimension, or two, as ('i', 'j'), not {component!r}"
    )
