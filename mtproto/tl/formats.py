"""Schema files in any published form → IR: ``.tl`` text, the official JSON, and mtcute's (TL-03 … TL-24).

A JSON schema is turned into the declarations that it stands for, so that ``tl.declaration`` reads and checks them
like any other text: each id against its CRC32 too (TL-24).
"""

from __future__ import annotations

from typing import Any

from mtproto.tl.schema import Schema, SchemaError, parse

_PRIVATE_ENDS = ("Legacy", "Prefix")
_PRIVATE_NAMESPACE = "mtcute."
"""Pseudo-declarations that libraries keep for their own use: no part of the protocol (TL-23)."""

_BUILTINS = frozenset({"boolFalse", "boolTrue", "true", "vector", "int", "long", "double", "string", "bytes"})
"""Declarations that are left out (TL-09): JSON has no form for what makes up a vector."""


def read_schema(text: str, file: str = "<schema>", layer: int | None = None) -> Schema:
    """The schema of ``text``, whichever form it has. ``layer`` counts where the text names none.

    Raises SchemaError with ``file``, the line (of JSON: the number of the declaration) and the reason.
    """
    json = text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")
    declared, lines = _json_lines(text, file) if json else (None, text)
    schema = parse(lines, file)
    return Schema(schema.layer or declared or layer, schema.combinators)


def _json_lines(text: str, file: str) -> tuple[int | None, str]:
    """Layer and ``.tl`` text of a JSON schema."""
    from json import loads  # 7 ms, and only here

    try:
        document = loads(text.lstrip("\ufeff"))
        rows = _mtcute(document) if "e" in document else _official(document)
        layer = document.get("l", document.get("layer"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = f"this JSON is no schema that is known: {type(error).__name__}"
        raise SchemaError(file, 1, reason) from None
    if layer is not None and (not isinstance(layer, int) or isinstance(layer, bool)):
        raise SchemaError(file, 1, "the layer is no number")
    return layer, "\n".join(rows)


def _official(document: dict[str, Any]) -> list[str]:
    """``{"constructors": [{"id", "predicate", "params": [{"name", "type"}], "type"}], "methods": [… "method" …]}``."""
    lines: list[str] = []
    for section, key, mark in (("constructors", "predicate", "---types---"), ("methods", "method", "---functions---")):
        lines.append(mark)
        for row in document[section]:
            fields = [(field["name"], field["type"]) for field in row["params"]]
            lines += _line(row[key], int(row["id"]), fields, row["type"])
    return lines


def _mtcute(document: dict[str, Any]) -> list[str]:
    """``{"l": layer, "e": [{"kind": "class" | "method", "name", "id", "type", "arguments": […]}]}``."""
    lines: list[str] = []
    for kind, mark in (("class", "---types---"), ("method", "---functions---")):
        lines.append(mark)
        for row in document["e"]:
            if row["kind"] == kind:
                fields = [(field["name"], _mtcute_type(field)) for field in row.get("arguments", ())]
                modifiers = row.get("typeModifiers", {})
                lines += _line(row["name"], row["id"], fields, _vector(row["type"], modifiers))
    return lines


def _mtcute_type(field: dict[str, Any]) -> str:
    modifiers = field.get("typeModifiers", {})
    name = "long" if field["type"] == "int53" else field["type"]  # what fits a JavaScript number
    condition = modifiers.get("predicate")
    return (f"{condition}?" if condition else "") + _vector(name, modifiers)


def _vector(name: str, modifiers: dict[str, Any]) -> str:
    if modifiers.get("isVector") or modifiers.get("isBareVector"):
        return f"{'Vector' if modifiers.get('isVector') else 'vector'}<{name}>"
    return name


def _line(name: str, identifier: int, fields: list[tuple[str, str]], result: str) -> list[str]:
    """The declaration; a type parameter is what a field ``!X`` names."""
    if name in _BUILTINS or name.endswith(_PRIVATE_ENDS) or name.startswith(_PRIVATE_NAMESPACE):
        return []
    generics = [f"{{{kind[1:]}:Type}}" for _, kind in fields if kind[:1] == "!"]
    words = [f"{name}#{identifier & 0xFFFFFFFF:08x}", *generics, *(f"{field}:{kind}" for field, kind in fields)]
    return [f"{' '.join(words)} = {result};"]
