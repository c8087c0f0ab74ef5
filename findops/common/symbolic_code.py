"""Code of SymPy expressions: what can be written for NumPy and SciPy, and what cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.printing.numpy import SciPyPrinter

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_evaluable", "code_printer"]

SHARED = ("conjugate",)
"""Functions that NumPy has by SymPy's name and SymPy's printer does not know of."""

UNEVALUATED = (sympy.Derivative, sympy.Integral)
"""What is written as an operation that is still to be done; SciPy's integrals take no arrays."""


def check_evaluable(value: Any) -> None:
    """Refuse an expression that no function of NumPy or SciPy evaluates, by its name.

    Any: SymPy has no types. Functions without a definition are looked at when values are made.

    Raises
    ------
    ValueError
        If a part has no function.
    """
    if value.has(AppliedUndef):
        return
    printer = code_printer(())
    for node in sympy.postorder_traversal(value):
        if isinstance(node, UNEVALUATED) or (
            isinstance(node, sympy.Function)
            and not hasattr(node.func, "_imp_")
            and not _is_written(node, printer)
        ):
            raise ValueError(
                f"a coefficient needs values at points, but {node.func.__name__} in {value} has "
                "none in NumPy and SciPy: give a function of the coordinates, as in lambda x: …, "
                "or what c.doit() makes of it"
            )


def _is_written(node: Any, printer: SciPyPrinter) -> bool:
    try:
        printer.doprint(node)
    except NotImplementedError:
        return False
    return True


def code_printer(defined: Iterable[str]) -> SciPyPrinter:
    """Return what writes expressions for NumPy and SciPy, and raises where it lacks a function.

    Parameters
    ----------
    defined : names
        Functions that bring their implementation.
    """

    def refuse(node: object) -> str:
        raise NotImplementedError(type(node).__name__)

    printer = SciPyPrinter(
        {
            "fully_qualified_modules": False,
            "inline": True,
            "allow_unknown_functions": False,
            "user_functions": {name: name for name in (*SHARED, *defined)},
        }
    )
    printer.emptyPrinter = refuse
    return printer
