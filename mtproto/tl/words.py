"""Command-line arguments ``name=value`` → fields of a function, converted by their TL types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtproto.errors import UsageError
from mtproto.tl import ir
from mtproto.tl.objects import TLObject, schema_name
from mtproto.tl.schema import TypeRef, field_name

if TYPE_CHECKING:
    from mtproto.tl.schema import Param

TRUTH = {"true": True, "false": False}


def from_words(cls: type[TLObject], words: dict[str, str]) -> dict[str, Any]:
    """Keyword arguments of ``cls`` from texts: integers and numbers in decimal, strings as they are, bytes in
    hexadecimal, truth as true or false, anything else as JSON.

    Raises UsageError: a field that does not exist, is missing or ill-typed, and what it expects.
    """
    from mtproto.tl.text import make

    combinator = ir.combinator_of(cls)
    params = {param.name: param for param in combinator.params if not param.is_word}
    fields: dict[str, Any] = {}
    for name, text in words.items():
        param = params.get(name)
        if param is None:
            listed = ", ".join(params) or "none"
            raise UsageError(f"{combinator.name} has no field {ascii(name)[:100]}; it has {listed}")
        fields[field_name(name)] = _field(combinator.name, param, text, schema_name(cls))
    make(cls, fields).to_bytes()  # refuses what is missing, and fields that do not go together
    return fields


def _field(combinator: str, param: Param, text: str, schema: str) -> Any:
    try:
        return convert(text, param.type, schema)
    except UsageError as error:
        raise UsageError(f"{combinator}: {param.name}: {error}") from None


def convert(text: str, type_ref: TypeRef, schema: str = "api") -> Any:
    """The value of ``type_ref`` that ``text`` stands for. Raises UsageError with what is expected."""
    from mtproto.tl.text import from_plain, parse_json

    name = type_ref.name
    if name == "string":
        return text
    if name in ("int", "long"):
        digits = text.removeprefix("-")
        if not digits.isascii() or not digits.isdigit() or len(digits) > 20:
            raise UsageError(f"expects {'a 32-bit' if name == 'int' else 'a 64-bit'} integer, got {_shown(text)}")
        return from_plain(int(text), type_ref)
    if name == "double":
        try:
            return float(text)
        except ValueError:
            raise UsageError(f"expects a number, got {_shown(text)}") from None
    if name in ("bytes", "int128", "int256"):
        return _bytes(text, {"int128": 16, "int256": 32}.get(name))
    if name in ("Bool", "true", "True"):
        if text not in TRUTH:
            raise UsageError(f"expects true or false, got {_shown(text)}")
        return TRUTH[text]
    try:
        plain = parse_json(text)
    except UsageError as error:
        raise UsageError(f"{error}; expects JSON of type {type_ref}") from None
    return from_plain(plain, type_ref, schema=schema)


def _bytes(text: str, size: int | None) -> bytes:
    expected = "hexadecimal digits" if size is None else f"{size * 2} hexadecimal digits"
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise UsageError(f"expects {expected}") from None
    if size is not None and len(data) != size:
        raise UsageError(f"expects {expected}, got {len(text)} characters")
    return data


def _shown(text: str) -> str:
    return ascii(text[:40])
