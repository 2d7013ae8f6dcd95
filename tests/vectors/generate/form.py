"""Vector files as values: groups and tests in the form ``mtproto-vectors/1``, numbered in the order they are added.

Published ids never change: a test that is added later has to stand behind all others of its file.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

HARDENING = (
    "the documentation does not demand this refusal, accepting is no failure of conformance; catches implementations "
    "that rely on the peer to be well-behaved"
)


class VectorFile:
    """One file. ``flags`` explains each flag and says which bug it catches; every one must be used."""

    def __init__(self, name: str, title: str, source: list[str], flags: dict[str, str]) -> None:
        self.name = name
        self.title = title
        self.source = source
        self.flags = flags
        self.groups: list[dict[str, Any]] = []
        self.count = 0

    def group(self, kind: str, **params: Any) -> None:
        """Begin a group: the tests that follow belong to it."""
        self.groups.append({"type": kind, "params": params, "tests": []})

    def valid(self, comment: str, given: dict[str, Any], output: dict[str, Any], *flags: str) -> None:
        """A test whose output has to be computed."""
        self._add(comment, given, output, "valid", flags)

    def invalid(self, comment: str, given: dict[str, Any], error: str, *flags: str, **output: Any) -> None:
        """A test that has to be refused; ``error`` is a word for the reader."""
        if not flags:
            raise ValueError(f"{comment}: a refusal without a reason")
        self._add(comment, given, {"error": error, **output}, "invalid", flags)

    def _add(self, comment: str, given: dict[str, Any], output: dict[str, Any], result: str, flags: Any) -> None:
        self.count += 1
        number = f"{self.name}-{self.count:03d}"
        test = {"id": number, "comment": comment, "input": given, "output": output, "result": result}
        self.groups[-1]["tests"].append({**test, "flags": list(flags)})

    def text(self) -> str:
        """The file. ValueError for flags that are not explained or not used."""
        used = {flag for group in self.groups for test in group["tests"] for flag in test["flags"]}
        if used != self.flags.keys():
            raise ValueError(f"{self.name}: flags {sorted(used ^ self.flags.keys())}")
        head = {"schema": "mtproto-vectors/1", "title": self.title, "source": self.source}
        document = {**head, "numberOfTests": self.count, "flags": self.flags, "groups": self.groups}
        return json.dumps(document, indent=1) + "\n"


def blocks(label: str, count: int) -> bytes:
    """``count`` bytes that look random: SHA-256 over a label and a counter."""
    out = b""
    for counter in range(-(-count // 32)):
        out += sha256(label.encode() + counter.to_bytes(4, "big")).digest()
    return out[:count]


def below(label: str, limit: int) -> int:
    """A number below ``limit`` that follows from the label alone."""
    return int.from_bytes(blocks(label, 8), "big") % limit


def pieces(parts: list[Any], *, one_read: bool = False) -> dict[str, Any]:
    """The input of a test that reads piece by piece, or all at once: bytes, or (byte, count) for a run of one byte."""
    shown = [part.hex() if isinstance(part, bytes) else {"byte": part[0].hex(), "count": part[1]} for part in parts]
    return {"chunks": shown, "oneRead": True} if one_read else {"chunks": shown}
