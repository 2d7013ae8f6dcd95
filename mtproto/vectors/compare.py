"""When an output is the one that a file expects: the same comparison for this library and for any other.

Member by member, none missing and none more, with two exceptions. A long value may come whole where the file has only
its beginning, length and SHA-256. A generated msg_id may be any that the rule allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from mtproto.vectors.case import Case

_DESCRIBED: dict[str, tuple[tuple[str, ...], str, str]] = {
    "sha256": (("bytes", "data"), "length", "prefix"),
    "wireSha256": (("wire",), "wireLength", "header"),
}
"""Member with a digest -> the members that stand for it where the value comes whole, and those that describe it too."""

_SECOND = 1 << 32
"""One second of a msg_id (MSG-30)."""


def differences(test: Case, output: Mapping[str, Any]) -> list[str]:
    """The names of the members of ``output`` that are not as the test expects, sorted."""
    if test.type == "MsgIdGenerate" and _is_generated(output.get("msgId"), test.output):
        output = {**test.output, **{name: value for name, value in output.items() if name != "msgId"}}
    shown = _described(test.output, output)
    return sorted(name for name in test.output.keys() | shown.keys() if not _same(test.output, shown, name))


def _same(expected: Mapping[str, Any], output: Mapping[str, Any], name: str) -> bool:
    return name in expected and name in output and bool(expected[name] == output[name])


def _is_generated(msg_id: object, expected: Mapping[str, Any]) -> bool:
    """The least id that the rule allows, or one that is later by less than a second."""
    if not isinstance(msg_id, str) or not msg_id.isdecimal() or len(msg_id) > 19:
        return False
    least = int(expected["minimum"])
    return least <= int(msg_id) < least + _SECOND and int(msg_id) % int(expected["divisibleBy"]) == 0


def _described(expected: Mapping[str, Any], output: Mapping[str, Any]) -> Mapping[str, Any]:
    """``output``, a value that came whole replaced by what the file says of it."""
    for digest, (names, length, start) in _DESCRIBED.items():
        name = next((name for name in names if name in output), None)
        if digest not in expected or digest in output or name is None:
            continue
        try:
            value = bytes.fromhex(output[name])
        except (TypeError, ValueError):
            continue
        said = {digest: sha256(value).hexdigest(), length: len(value)}
        said[start] = value[: len(expected.get(start, "")) // 2].hex()
        rest = {other: item for other, item in output.items() if other != name}
        return {**rest, **{key: item for key, item in said.items() if key in expected}}
    return output
