"""Progress bars of long computations, shown by tqdm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from findops.common.arguments import as_boolean

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Bar"]


class Bar:
    """A count of steps, shown by a progress bar if that is asked for.

    Parameters
    ----------
    unit : str
        What is counted.
    shown : bool
    total : float, optional
        How much there is.

    Raises
    ------
    ModuleNotFoundError
        If it is to be shown, and tqdm is not installed.
    """

    def __init__(self, unit: str, shown: bool, total: float | None = None) -> None:
        self.count = 0
        self._shown: Any = None
        if as_boolean(shown, "progress"):
            try:
                from tqdm.auto import tqdm
            except ModuleNotFoundError as error:
                error.add_note('progress=True needs tqdm: pip install "findops[solvers]"')
                raise

            # Scaled numbers have three digits, where sums of time steps have sixteen.
            self._shown = tqdm(total=total, unit=f" {unit}", unit_scale=total is not None)

    def advance(self, amount: float = 1) -> None:
        """Count a step, of some amount."""
        self.count += 1
        if self._shown is not None:
            self._shown.update(amount)

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown is not None:
            self._shown.close()
