"""Code of SymPy expressions: what can be written for NumPy and SciPy, and what cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.logic.boolalg import Boolean
from sympy.printing.numpy import SciPyPrinter

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_evaluable", "code_printer"]

SHARED = ("conjugate",)
"""Functions that NumPy has by SymPy's name and SymPy's printer does not know of."""

UNEVALUATED = (sympy.Derivative, sympy.Integral, sympy.Lambda)
"""What printers write all the same: SciPy's integrals take no arrays."""


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
    functions = value.atoms(sympy.Function)
    printer = code_printer(f.func.__name__ for f in functions if hasattr(f.func, "_imp_"))
    if not isinstance(value, (sympy.Expr, Boolean)):
        unwritten = value
    elif value.has(*UNEVALUATED) or not _is_written(value, printer):
        unwritten = next(
            node
            for node in sympy.postorder_traversal(value)
            # The pairs of a Piecewise stand for nothing by themselves.
            if not isinstance(node, sympy.Tuple)
            and (isinstance(node, UNEVALUATED) or not _is_written(node, printer))
        )
    else:
        return
    raise ValueError(
        f"a coefficient needs values at points, but {unwritten.func.__name__} in {value} has none "
        "in NumPy and SciPy: give a function of the coordinates, as in lambda x: …, or what "
        "c.doit() makes of it"
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
