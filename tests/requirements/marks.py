"""The markers: which test names which ids, read from the syntax trees of the test modules without importing them.

A marker stands on a test function, on a class of tests, in the module's ``pytestmark``, or in a ``pytest.param`` of
the test's parameters (in the decorator itself or in a table of the module which the decorator names).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from .spec import ROOT, Problem

TestFunction = ast.FunctionDef | ast.AsyncFunctionDef
MARKER = ast.dump(ast.parse("pytest.mark.requirement", mode="eval").body)


def markers(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls of pytest.mark.requirement inside a piece of syntax."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.dump(node.func) == MARKER:
            yield node


def ids_of(call: ast.Call, path: str) -> list[str]:
    """The ids a marker names, which have to be literal."""
    ids = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if not ids or call.keywords or len(ids) != len(call.args) or not all(isinstance(id, str) for id in ids):
        raise Problem(f"{path}:{call.lineno}: a requirement marker takes ids, written as strings")
    return [str(id) for id in ids]


class Module:
    """The markers of one test module; `tests` maps each marked test to the ids it names."""

    def __init__(self, source: str, path: str) -> None:
        self.path = path
        self.tree = ast.parse(source)
        self.used: set[ast.Call] = set()
        self.tables = {name: value for name, value in self._assignments() if any(markers(value))}
        everywhere = self._ids([self.tables["pytestmark"]]) if "pytestmark" in self.tables else []
        self.tests: dict[str, list[str]] = {}
        self._collect(self.tree.body, "", everywhere)
        unused = [call.lineno for call in markers(self.tree) if call not in self.used]
        if unused:
            raise Problem(f"{path}:{unused[0]}: a requirement marker that belongs to no test")

    def _assignments(self) -> Iterator[tuple[str, ast.expr]]:
        for node in self.tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name):
                        yield target.id, node.value

    def _collect(self, body: list[ast.stmt], prefix: str, inherited: list[str]) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                ids = [*inherited, *self._ids(node.decorator_list)]
                self._collect(node.body, f"{prefix}{node.name}::", ids)
            elif isinstance(node, TestFunction) and node.name.startswith("test_"):
                ids = [*inherited, *self._ids(node.decorator_list)]
                if ids:
                    self.tests[f"{self.path}::{prefix}{node.name}"] = list(dict.fromkeys(ids))

    def _ids(self, trees: list[ast.expr]) -> list[str]:
        named = [node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)]
        trees = [*trees, *(self.tables[name] for name in named if name in self.tables)]
        calls = [call for tree in trees for call in markers(tree)]
        self.used.update(calls)
        return [id for call in calls for id in ids_of(call, self.path)]


def marked_tests(root: Path = ROOT) -> dict[str, list[str]]:
    """The tests that name each id, as ``tests/tl/test_wire.py::test_x``, in the order of the files."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        name = path.relative_to(root).as_posix()
        for test, ids in Module(path.read_text(encoding="utf-8"), name).tests.items():
            for id in ids:
                found.setdefault(id, []).append(test)
    return found
