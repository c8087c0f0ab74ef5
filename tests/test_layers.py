"""The packages of docs/design.md: imports run one way, between packages and between files.

Every import counts: at the top of a module, inside a function, and for the type checker only.
"""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import pytest

import findops

PACKAGE = Path(findops.__file__).parent
DESIGN = PACKAGE.parent / "docs" / "design.md"
SOURCES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FACE = SOURCES.pop("__init__")

FACADE = {
    ("expressions.expression", "Expr.__call__"): {"interop.xarray.apply", "operators.binding"},
    ("expressions.expression", "Expr.on"): {"operators.binding"},
    ("expressions.expression", "Expr.stencil"): {"expressions.symbolic"},
    ("operators.operator", "Operator.__call__"): {"interop.xarray.apply"},
    ("operators.operator", "Operator.subject_to"): {
        "conditions.elimination",
        "conditions.row_replacement",
        "conditions.sat",
    },
    ("operators.operator", "Operator.under"): {"conditions.under"},
    ("operators.staggered", "StaggeredOperator.subject_to"): {"conditions.staggered_system"},
    ("operators.staggered", "StaggeredOperator.masked"): {"masked.staggered"},
    ("masked.staggered", "StaggeredMasked.subject_to"): {"conditions.staggered_system"},
    ("operators.operator", "Operator.masked"): {"masked.operator"},
    ("masked.operator", "Masked.__call__"): {"interop.xarray.apply"},
    ("masked.operator", "Masked.subject_to"): {
        "conditions.elimination",
        "conditions.row_replacement",
    },
}
"""What users call on a value that is made further up, and what it imports inside the call."""

SIGNATURES = {
    "expressions.expression": {"operators.operator", "expressions.symbolic"},
    "operators.operator": {
        "conditions.affine_system",
        "conditions.conditions",
        "conditions.under",
        "masked.operator",
    },
    "operators.staggered": {
        "conditions.conditions",
        "conditions.staggered_system",
        "masked.staggered",
    },
    "masked.staggered": {"conditions.conditions", "conditions.staggered_system"},
    "masked.operator": {"conditions.affine_system", "conditions.conditions"},
}
"""Types in the signatures of these calls."""


CHECKING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")

BY_NAME = {"executors.lookup", "interop.xarray.apply"}
"""Modules that import by a name: executors of other libraries' arrays, and xarray itself."""


class Import(NamedTuple):
    """One import of ours."""

    importer: str
    imported: str
    function: str
    """Where it stands, as ``"Expr.on"``; empty at the top of a module."""
    typing: bool
    line: int

    @property
    def excepted(self) -> bool:
        if self.typing:
            return self.imported in SIGNATURES.get(self.importer, ())
        return self.imported in FACADE.get((self.importer, self.function), ())


def imports(module, source):
    """Yield every import of ours in a module's source."""

    def visit(node, function, typing):
        for child in ast.iter_child_nodes(node):
            names = []
            if isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module}:{child.lineno}: imports are absolute"
                names = [f"{child.module}.{alias.name}" for alias in child.names]
            elif isinstance(child, ast.Import):
                names = [alias.name for alias in child.names]
            for name in names:
                if name.split(".")[0] == "findops":
                    yield Import(module, found(name), ".".join(function), typing, child.lineno)
            named = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            inside = [*function, child.name] if named else function
            if isinstance(child, ast.If) and ast.unparse(child.test) in CHECKING:
                yield from visit(ast.Module(child.body, []), inside, True)
                yield from visit(ast.Module(child.orelse, []), inside, typing)
            else:
                yield from visit(child, inside, typing)

    yield from visit(ast.parse(source), [], False)


def found(name):
    """The module of ours that is imported, by the name of it or of something in it."""
    _, *parts = name.split(".")
    while parts and ".".join(parts) not in SOURCES:
        parts.pop()
    return ".".join(parts)


def packages(module):
    """The packages of ours that a module is in."""
    parts = module.split(".")
    return {".".join(parts[:i]) for i in range(1, len(parts))}


def table():
    """Read the table of docs/design.md: {package: packages that it may import}."""
    may = {}
    for line in DESIGN.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not re.match(r"\| `[a-z]+/` ", line) or len(cells) != 3:
            continue
        named = set(re.findall(r"[a-z]+", cells[2])) & set(may)
        if "all above it" in cells[2]:
            named |= set(takewhile(lambda row: row != "operators", may))
        may[cells[0].strip("`/")] = named
    return may


def astray(found, may):
    """The imports that the table does not allow."""
    return [
        each
        for each in found
        if not each.excepted
        and (package := each.imported.split(".")[0]) != (own := each.importer.split(".")[0])
        and package not in may[own]
    ]


def circle(found):
    """The modules of a circle of imports, empty if there is none."""
    graph = {}
    for each in found:
        if not each.excepted:
            reached = graph.setdefault(each.importer, set())
            reached.add(each.imported)
            # What a module's packages import when they load comes before it.
            own = packages(each.importer) | {each.importer}
            reached.update(packages(each.imported) - own)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


ALL = [each for module, path in SOURCES.items() for each in imports(module, path.read_text())]


def test_the_package_holds_packages_only():
    beside = {path.name for path in PACKAGE.iterdir() if not path.is_dir()}
    assert beside == {"__init__.py", "py.typed"}


def test_every_package_has_a_row():
    assert {module.split(".")[0] for module in SOURCES} == set(table())


def test_imports_follow_the_table():
    assert not astray(ALL, table())


def test_no_circle_between_files():
    assert not circle(ALL)


def test_names_are_imported_where_they_can_be_read():
    calls = re.compile(r"\b(import_module|__import__|exec|eval)\(")
    assert {module for module, path in SOURCES.items() if calls.search(path.read_text())} == BY_NAME


def test_every_exception_is_used():
    used = {(each.importer, each.function, each.imported) for each in ALL if not each.typing}
    assert used >= {(*where, name) for where, names in FACADE.items() for name in names}
    typed = {(each.importer, each.imported) for each in ALL if each.typing}
    assert typed >= {(module, name) for module, names in SIGNATURES.items() for name in names}


@pytest.mark.parametrize(
    "source",
    [
        "from findops.operators.operator import Operator",
        "from findops.operators import operator",
        "import findops.operators.operator",
        "def f():\n    from findops.operators.operator import Operator",
        "if TYPE_CHECKING:\n    from findops.operators.operator import Operator",
        "if not TYPE_CHECKING:\n    from findops.operators.operator import Operator",
    ],
)
def test_what_would_break_the_rule_is_found(source):
    put_in = list(imports("plan.band", source))
    assert astray(put_in, table()) == put_in
    assert circle([*ALL, *put_in])
    inside = source.replace("operators.operator", "plan.program").replace("operators", "plan")
    put_in = list(imports("plan.band", inside.replace("import operator", "import program")))
    assert not astray(put_in, table())
    assert {"plan.band", "plan.program"} <= set(circle([*ALL, *put_in]))


def test_what_packages_import_when_they_load_counts():
    put_in = [
        *imports("interop.numpy_gradient", "from findops.interop.xarray.names import with_axes"),
        *imports("interop.xarray.apply", "from findops.interop.numpy_gradient import gradient"),
    ]
    assert "interop.numpy_gradient" in circle([*ALL, *put_in])


def test_only_what_the_type_checker_alone_sees_is_a_type():
    source = "if TYPE_CHECKING:\n    import findops.plan.rows\nelse:\n    import findops.plan.band"
    assert [(i.imported, i.typing) for i in imports("plan.window", source)] == [
        ("plan.rows", True), ("plan.band", False)
    ]  # fmt: skip


@pytest.mark.parametrize("module", SOURCES)
def test_a_docstring_states_the_responsibility(module):
    docstring = ast.get_docstring(ast.parse(SOURCES[module].read_text()))
    assert docstring
    assert docstring.splitlines()[0].endswith(".")
