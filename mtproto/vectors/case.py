"""Vector files of the form ``mtproto-vectors/1`` (see data/README.md): finding them, reading them, one test as a value.

A file that is not of this form is refused as a whole, in one line, before any of its tests runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mtproto.errors import UsageError

SCHEMA = "mtproto-vectors/1"

SHIPPED = Path(__file__).with_name("data")
"""The folder of the vectors that ship with the library."""


class Case:
    """One test: what its file says of it. ``params`` is what all tests of its group share.

    ``others`` are all tests of the file: those of a key exchange refer to the transcript that another group holds.
    """

    __slots__ = ("comment", "flags", "id", "input", "others", "output", "params", "type", "valid")

    def __init__(self, kind: str, params: dict[str, Any], test: dict[str, Any], others: list[Case]) -> None:
        self.id: str = test["id"]
        self.type = kind
        self.comment: str = test.get("comment", "")
        self.params = params
        self.input: dict[str, Any] = test["input"]
        self.output: dict[str, Any] = test["output"]
        self.valid: bool = test["result"] == "valid"
        self.flags: list[str] = test["flags"]
        self.others = others

    def __repr__(self) -> str:
        return f"<Case {self.id}>"

    def bytes(self, name: str) -> bytes:
        """The input ``name``, hexadecimal in the file; ``nameRepeat`` stands for a run of one byte."""
        value = self.input.get(name)
        if value is None:
            run = self.input[name + "Repeat"]
            return bytes.fromhex(run["byte"]) * int(run["count"])
        return bytes.fromhex(value)


def find(paths: Iterable[str | Path]) -> list[Path]:
    """The vector files among ``paths``: files as given, of a folder every ``*.json`` by name."""
    return [file for path in paths for file in _files(Path(path))]


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        return [path]
    files = sorted(path.glob("*.json"))
    if not files:
        raise UsageError(f"{path}: no vector files (*.json) in this folder")
    return files


def load(path: Path) -> list[Case]:
    """The tests of one file, in their order; ``UsageError`` names the first thing that is not as it should be."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise UsageError(f"{path}: cannot be read: {reason}") from None
    fault = _fault(document)
    if fault:
        raise UsageError(f"{path}: not a vector file: {fault}")
    cases: list[Case] = []
    for group in document["groups"]:
        cases += [Case(group["type"], group["params"], test, cases) for test in group["tests"]]
    return cases


def load_all(paths: Iterable[str | Path]) -> list[tuple[str, list[Case]]]:
    """Name and tests of every vector file among ``paths``. Raises ``UsageError`` as ``find`` and ``load`` do."""
    return [(path.name, load(path)) for path in find(paths)]


def _fault(document: object) -> str | None:
    """What keeps ``document`` from being a vector file, or None."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return f'its "schema" is not "{SCHEMA}"'
    groups = document.get("groups")
    if not isinstance(groups, list):
        return '"groups" is not a list'
    fault = next(filter(None, map(_group_fault, groups)), None)
    if fault:
        return fault
    ids = [test["id"] for group in groups for test in group["tests"]]
    if document.get("numberOfTests") != len(ids):
        return f'"numberOfTests" is {document.get("numberOfTests")}, but it holds {len(ids)}'
    return "a test id occurs twice" if len(set(ids)) < len(ids) else None


def _group_fault(group: object) -> str | None:
    if not (
        isinstance(group, dict)
        and isinstance(group.get("type"), str)
        and isinstance(group.get("params"), dict)
        and isinstance(group.get("tests"), list)
    ):
        return 'a group lacks "type", "params" or "tests"'
    return next(filter(None, _test_faults(group["tests"])), None)


def _test_faults(tests: list[object]) -> Iterator[str | None]:
    for test in tests:
        if not isinstance(test, dict) or not isinstance(test.get("id"), str):
            yield 'a test without "id"'
        elif not isinstance(test.get("input"), dict) or not isinstance(test.get("output"), dict):
            yield f'test {test["id"]} lacks "input" or "output"'
        elif test.get("result") not in ("valid", "invalid"):
            yield f'the "result" of test {test["id"]} is neither "valid" nor "invalid"'
        elif not isinstance(test.get("flags"), list) or not all(isinstance(flag, str) for flag in test["flags"]):
            yield f'the "flags" of test {test["id"]} are not a list of names'
