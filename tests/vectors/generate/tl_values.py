"""Values for TL objects in JSON form: what a family of the schema is represented by, filled in from SHA-256."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.vectors.generate.form import below, blocks
from tests.vectors.generate.tl_pack import API, Line

WORDS = ["", "a", "en", "abc", "demo", "mtproto", "\u041f\u0440\u0438\u0432\u0435\u0442", "\u6587\u5b57", "\U0001f600"]
DOUBLES = [0.0, 0.5, -1.25, 1e300, 59.93428]
MAX_FIELDS = 16
SMALL = 48
"""Bytes up to which a constructor may stand inside another one."""


def constructors() -> dict[str, list[Line]]:
    """Boxed type → its constructors."""
    found: dict[str, list[Line]] = {}
    for line in API.values():
        if not line.function:
            found.setdefault(line.result, []).append(line)
    return found


TYPES = constructors()


def least(kind: str, seen: frozenset[str] = frozenset()) -> int:
    """The fewest bytes that a value of this type takes, roughly; a large number for one that contains itself."""
    sizes = {
        "int": 4,
        "long": 8,
        "double": 8,
        "int128": 16,
        "int256": 32,
        "string": 8,
        "bytes": 8,
        "Bool": 4,
        "true": 0,
    }
    if kind in sizes:
        return sizes[kind]
    if kind.startswith("Vector<"):
        return 8
    if kind in seen or kind not in TYPES:
        return 4 if kind == "#" else 10_000
    return min(size(line, seen | {kind}) for line in TYPES[kind])


def size(line: Line, seen: frozenset[str] = frozenset()) -> int:
    return 4 + sum(least(field.type, seen) for field in line.fields if not field.word)


def family(line: Line) -> str:
    """The namespace, or the first word of the type."""
    if "." in line.name and line.function:
        return "function " + line.name.partition(".")[0]
    space, dot, last = line.result.rpartition(".")
    return space if dot else ("functions" if line.function else re.findall(r"[A-Z][a-z]*|[a-z]+", last)[0])


def forms(line: Line) -> set[str]:
    """The forms of its fields: what of an encoder it exercises."""
    return {("?" if f.word else "") + (f.type if f.type[0].islower() or "<" in f.type else "T") for f in line.fields}


def representatives() -> Iterator[Line]:
    """Of each family the lines with the most forms of fields, one more for every 100."""
    families: dict[str, list[Line]] = {}
    for line in API.values():
        if not any(field.type.startswith("!") for field in line.fields):
            families.setdefault(family(line), []).append(line)
    for name in sorted(families):
        usable = [line for line in families[name] if len(line.fields) <= MAX_FIELDS] or families[name]
        usable.sort(key=lambda line: (-len(forms(line)), len(line.fields), line.name))
        yield from usable[: 1 + len(families[name]) // 100]


def value(line: Line, label: str, depth: int = 0, present: Iterable[str] | None = None) -> dict[str, Any]:
    """An object of this line. ``present``: the names of optional fields to fill; without it, the label chooses."""
    out: dict[str, Any] = {"_": line.name}
    for field in line.fields:
        where = f"{label}/{field.name}"
        if field.type == "#":
            continue
        if field.word:
            chosen = below(f"{label}/{field.word}.{field.bit}", 2) and depth < 2
            if not (field.name in present if present is not None else chosen):
                continue
        out[field.name] = True if field.type == "true" else item(field.type, where, depth)
    return out


def item(kind: str, label: str, depth: int) -> Any:
    """A value of a type in JSON form."""
    if kind.startswith("Vector<"):
        count = 1 if depth else 1 + below(label, 2)
        return [item(kind[7:-1], f"{label}[{index}]", depth + 1) for index in range(count)]
    if kind in TYPES:
        lines = [line for line in TYPES[kind] if depth < 1 and size(line) <= SMALL] or [min(TYPES[kind], key=size)]
        return value(lines[below(label, len(lines))], label, depth + 1)
    return _PRIMITIVES[kind](label)


def _integer(label: str, width: int) -> int:
    number = int.from_bytes(blocks(label, width), "big", signed=True)
    return number >> (8 * below(label + "#", width))


_PRIMITIVES = {
    "int": lambda label: _integer(label, 4),
    "long": lambda label: str(_integer(label, 8)),
    "double": lambda label: DOUBLES[below(label, len(DOUBLES))],
    "string": lambda label: WORDS[below(label, len(WORDS))],
    "bytes": lambda label: {"hex": blocks(label, below(label, 9)).hex()},
    "int128": lambda label: {"hex": blocks(label, 16).hex()},
    "int256": lambda label: {"hex": blocks(label, 32).hex()},
    "Bool": lambda label: below(label, 2) == 1,
}
