"""Values of SymPy expressions at the points of a grid.

``sympy.lambdify`` writes an expression as Python code and runs it, with the names in it as they
are. No name that comes from outside reaches it: functions without a definition are refused, and
symbols are renamed.
"""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.logic.boolalg import Boolean, BooleanAtom

from findops.common.symbolic_code import code_printer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from findops.common.arrays import Array

__all__ = ["symbolic_values"]

CONSTANTS = (sympy.Number, sympy.NumberSymbol, type(sympy.I), BooleanAtom)
"""What an expression is made of at its ends, besides symbols."""


def symbolic_values(value: Any, coordinates: Mapping[Any, Array], what: str) -> object:
    """Return the values of an expression in the coordinates that its symbols name.

    Parameters
    ----------
    value : SymPy expression
        Any: SymPy has no types.
    coordinates : dict
        {axis: coordinates}; axes without names, which are integers, match no symbol.
    what : str
        What messages say of it.

    Raises
    ------
    ValueError
        If a symbol is no axis, a function has no definition, or NumPy and SciPy do not have it.
    """
    defined = _defined_functions(value, what)
    symbols = sorted(value.free_symbols, key=str)
    if not symbols:
        number = complex(value)
        return number if number.imag else number.real
    unknown = [str(s) for s in symbols if str(s) not in coordinates]
    if unknown:
        raise ValueError(
            f"{what}: the symbols of {value} must be names of axes, but {unknown} are not among "
            f"{list(coordinates)}; substitute numbers, or use Field(name)"
        )
    # Names in the order of the symbols' own keep the order of terms; bound symbols are among them.
    inside = sorted(value.atoms(sympy.Symbol), key=sympy.default_sort_key)
    renamed = {symbol: sympy.Symbol(f"s{i:06}") for i, symbol in enumerate(inside)}
    code = value.xreplace(renamed)
    _check_nodes(code, value, what)
    arguments = {renamed[s]: coordinates[str(s)] for s in symbols if s in renamed}
    try:
        function = sympy.lambdify(
            [*arguments], code, ["scipy", "numpy"], printer=code_printer(defined)
        )
        return function(*arguments.values())
    # Python's own functions, which SymPy falls back to, take no arrays.
    except (NotImplementedError, TypeError) as error:
        raise ValueError(
            f"{what}: NumPy and SciPy cannot evaluate {value}: give a function of the "
            "coordinates, as lambda x: …"
        ) from error


def _defined_functions(value: Any, what: str) -> set[str]:
    """Return the names of functions that bring their implementation; refuse undefined ones."""
    functions = {call.func for call in value.atoms(AppliedUndef)}
    undefined = sorted(
        {f.__name__ for f in functions if not (hasattr(f, "_imp_") and _is_name(f.__name__))}
    )
    if undefined:
        raise ValueError(
            f"{what} has values where its functions are defined, but {undefined} in {value} are "
            "not: substitute expressions for them, as in c.subs(f(x), x**2), or use Field(name)"
        )
    return {f.__name__ for f in functions}


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)


def _check_nodes(code: Any, value: Any, what: str) -> None:
    """Refuse what has no number at a point, and could bring names of its own."""
    for node in sympy.preorder_traversal(code):
        if isinstance(node, sympy.Atom):
            known = isinstance(node, (sympy.Symbol, *CONSTANTS))
        else:
            known = isinstance(node, (sympy.Expr, Boolean, sympy.Tuple))
        if not known:
            raise ValueError(
                f"{what} must be a number at every point, but {value} holds a "
                f"{type(node).__name__}: substitute a number or an expression for it"
            )
