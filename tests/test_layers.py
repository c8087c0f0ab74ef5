"""The rooms of docs/design.md: each module imports only what its row of the table allows."""

import ast
import re
from pathlib import Path

import pytest

import findops

PACKAGE = Path(findops.__file__).parent
DESIGN = PACKAGE.parent / "docs" / "design.md"
MODULES = sorted(path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py"))

# The one deliberate exception: Expr.on and its fellows reach up, inside the call.
UPWARD = {
    "expr.py": {"normal_form", "binding", "symbolic", "printing", "interop"},
    "applied.py": {"interop"},
    "masked.py": {"interop"},
}


def rooms():
    """Read the table of docs/design.md: {room: names of the rooms it may import}."""
    table = {}
    for line in DESIGN.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 3:
            names = re.findall(r"`([a-z_]+)(?:\.py|/)`", cells[0])
            for name in names:
                table[name] = (set(names), cells[2])
    return table


def room_of(parts):
    """The room of a module: its folder in the package, or its own name."""
    return parts[1] if len(parts) > 1 else None


def imports(path):
    """Yield (room imported, line, deferred) for every import of ours; typing-only ones too."""
    tree = ast.parse((PACKAGE.parent / path).read_text())
    deferred = {
        node
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    typing_only = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test).endswith("TYPE_CHECKING")
        for node in ast.walk(test)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            if node.module != "findops":
                names = [node.module]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "findops":
                yield room_of(name.split(".")), node.lineno, node in deferred


def allowed(room, table):
    """The rooms that a room may import, from the words of its row."""
    beside, words = table[room]
    above = list(table)[: list(table).index(room)] if "above" in words else []
    named = {w.removesuffix(".py") for w in re.findall(r"[a-z_]+", words)} & set(table)
    return beside | set(above) | named


def test_every_module_has_a_room():
    found = {room_of(p.with_suffix("").parts) for p in MODULES} - {"__init__"}
    assert found == set(rooms())


@pytest.mark.parametrize("path", [p for p in MODULES if p.parts != ("findops", "__init__.py")],
                         ids=str)  # fmt: skip
def test_imports_point_down(path):
    table = rooms()
    room = room_of(path.with_suffix("").parts)
    may = allowed(room, table)
    for other, line, deferred in imports(path):
        if deferred and other in UPWARD.get(path.name, ()):
            continue
        assert other in may, f"{path}:{line}: {room} may not import {other}"


def test_the_exception_is_only_ever_lazy():
    eager = {other for other, _, deferred in imports(Path("findops/expr.py")) if not deferred}
    assert not eager & UPWARD["expr.py"]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_docstring_states_the_responsibility(path):
    docstring = ast.get_docstring(ast.parse((PACKAGE.parent / path).read_text()))
    assert docstring
    assert docstring.splitlines()[0].endswith(".")
