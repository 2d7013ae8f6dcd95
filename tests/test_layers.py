"""The dependency rule of docs/architecture.md: modules import from rows above their own; rows 0 to 5 are sans-IO."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "mtproto"

ROWS = [
    ["record", "errors", "environment", "roles"],
    ["tl"],
    ["crypto", "schema"],
    ["transport", "message"],
    ["handshake", "session"],
    ["connection", "endpoint", "turns"],
    ["client", "testdc", "inspector", "vectors", "testing", "blocking"],
    ["conform"],
    ["cli", "__main__"],
]
"""First name below ``mtproto`` → its row."""

SAME_ROW = {"connection": {"endpoint", "turns"}, "blocking": {"client"}, "vectors": {"testing"}, "__main__": {"cli"}}
"""What of its own row a name may import beside itself."""

IO = {"socket", "asyncio", "ssl", "threading", "select", "selectors", "subprocess", "multiprocessing", "concurrent"}
SLOW = {"dataclasses", "logging", "json"}


def row_of(name: str) -> int:
    return next(row for row, names in enumerate(ROWS) if name in names)


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def generated(path: Path) -> bool:
    return path.is_relative_to(PACKAGE / "schema")


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def top(module: str) -> str:
    """The name that decides the row: ``mtproto.session.client`` → ``session``."""
    return module.split(".")[1]


class Imports(ast.NodeVisitor):
    """(module, whether it happens when the importing module is imported) for every import but those for typing."""

    def __init__(self, module: str, package: bool) -> None:
        self.found: list[tuple[str, bool]] = []
        self._parents = module.split(".") if package else module.split(".")[:-1]
        self._deep = 0

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [(alias.name, not self._deep) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = node.module or ""
        if node.level:
            base = ".".join([*self._parents[: len(self._parents) - node.level + 1], *filter(None, [node.module])])
        self.found.append((base, not self._deep))
        self.found += [(f"{base}.{alias.name}", not self._deep) for alias in node.names if is_module(base, alias.name)]

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for child in node.orelse:
                self.visit(child)
        else:
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._deep += 1
        self.generic_visit(node)
        self._deep -= 1

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]


def is_module(base: str, name: str) -> bool:
    path = ROOT.joinpath(*base.split("."), name)
    return base.startswith("mtproto") and (path.with_suffix(".py").exists() or path.is_dir())


@cache
def imports(path: Path) -> list[tuple[str, bool]]:
    visitor = Imports(dotted(path), path.name == "__init__.py")
    visitor.visit(ast.parse(path.read_text("utf-8")))
    return visitor.found


MODULES = [path for path in modules() if not generated(path)]
CORE = [path for path in MODULES if row_of(top(dotted(path))) <= 5]
IDS = [dotted(path) for path in MODULES]
CORE_IDS = [dotted(path) for path in CORE]


def test_every_part_of_the_package_has_its_row() -> None:
    names = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in modules()}
    assert names <= {name for row in ROWS for name in row}


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_a_module_imports_only_from_rows_above_its_own(path: Path) -> None:
    own = top(dotted(path))
    for name, _ in imports(path):
        if name == "mtproto" or not name.startswith("mtproto."):
            continue
        other = top(name)
        above = row_of(other) < row_of(own) or other == own or other in SAME_ROW.get(own, ())
        assert above, f"{dotted(path)} imports {name}"


@pytest.mark.parametrize("path", CORE, ids=CORE_IDS)
def test_rows_0_to_5_do_no_input_or_output(path: Path) -> None:
    for name, _ in imports(path):
        assert name.split(".")[0] not in IO, f"{dotted(path)} imports {name}"


@pytest.mark.parametrize("path", CORE, ids=CORE_IDS)
@pytest.mark.requirement("MSG-151", "SEC-16")
def test_time_and_randomness_come_through_the_environment_only(path: Path) -> None:
    if dotted(path) == "mtproto.environment":
        return
    for name, _ in imports(path):
        assert name.split(".")[0] not in {"time", "datetime", "random", "secrets", "uuid"}, f"{dotted(path)}: {name}"
    tree = ast.parse(path.read_text("utf-8"))
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not {"urandom", "getrandom", "SystemEnvironment"} & (attributes | names), dotted(path)


@pytest.mark.parametrize("path", CORE, ids=CORE_IDS)
def test_rows_0_to_5_never_import_the_api_schema(path: Path) -> None:
    for name, _ in imports(path):
        assert not name.startswith("mtproto.schema.api"), f"{dotted(path)} imports {name}"


@pytest.mark.parametrize("path", CORE, ids=CORE_IDS)
def test_rows_0_to_5_import_nothing_slow_when_they_are_imported(path: Path) -> None:
    for name, at_import in imports(path):
        assert not (at_import and name.split(".")[0] in SLOW), f"{dotted(path)} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_modules_are_imported_by_name_inside_the_schema_package_only(path: Path) -> None:
    allowed = {"importlib.resources", "importlib.metadata"}
    for name, _ in imports(path):
        assert name in allowed or name.split(".")[0] != "importlib", f"{dotted(path)} imports {name}"
    names = {node.id for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Name)}
    assert not {"__import__", "exec", "eval", "compile"} & names, dotted(path)


def test_crypto_knows_of_tl_only_its_primitives() -> None:
    for path in MODULES:
        if top(dotted(path)) == "crypto":
            assert not [n for n, _ in imports(path) if n.startswith("mtproto.tl.") and n != "mtproto.tl.wire"]


def test_the_registry_imports_no_schema() -> None:
    for path in MODULES:
        if top(dotted(path)) == "tl":
            assert not [name for name, _ in imports(path) if name.startswith("mtproto.schema")], dotted(path)


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_faults_are_used_by_the_test_datacenter_the_conformance_run_and_the_command_line_only(path: Path) -> None:
    if top(dotted(path)) in {"testdc", "conform", "cli"}:
        return
    assert not [name for name, _ in imports(path) if name.startswith("mtproto.testdc.faults")]


def test_codegen_imports_the_schema_parser_only() -> None:
    for path in (ROOT / "codegen").rglob("*.py"):
        for name, _ in imports(path):
            allowed = name.startswith(("mtproto.tl", "mtproto.errors", "mtproto.record"))
            assert not name.startswith("mtproto") or allowed, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_no_file_has_400_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < 400


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_the_library_never_asserts_and_never_catches_everything(path: Path) -> None:
    """``assert`` vanishes with -O; a bare except or ``except Exception`` hides faults of our own."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        assert not isinstance(node, ast.Assert), f"{dotted(path)}:{node.lineno}"
        if isinstance(node, ast.ExceptHandler):
            caught = {item.id for item in ast.walk(node.type) if isinstance(item, ast.Name)} if node.type else {"*"}
            assert "*" not in caught and "Exception" not in caught, f"{dotted(path)}:{node.lineno}"
