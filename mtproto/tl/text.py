"""Objects ↔ JSON. ``_`` holds the TL name, with the prefix ``mtproto:`` for the MTProto schema.

int is a number, long a decimal string, double a number or, when not finite, ``{"double": 16 hex digits}`` of its
big-endian bit pattern; bytes, int128, int256 and strings that are not UTF-8 are ``{"hex": …}``; Bool is true or
false. ``true`` fields stand only when set, absent fields not at all, empty vectors as ``[]``, unknown flag bits
(``extra_flags``) only when not zero. The text is ASCII. ``from_json`` is the inverse.

Lines and trees are in ``tl.render``, command-line arguments in ``tl.words``; both are offered here.
"""

from __future__ import annotations

import struct
from math import isfinite
from typing import Any

from mtproto.errors import UsageError
from mtproto.tl import ir, registry
from mtproto.tl.dynamic import OBJECT
from mtproto.tl.objects import TLFunction, TLObject, schema_name
from mtproto.tl.plain import prefix_of
from mtproto.tl.render import is_secret, to_line, to_tree
from mtproto.tl.schema import Combinator, TypeRef, field_name, parse_type
from mtproto.tl.words import from_words

__all__ = ["from_json", "from_plain", "from_words", "is_secret", "make", "to_json", "to_line", "to_plain", "to_tree"]


def to_json(value: object, type_ref: TypeRef | str | None = None, *, indent: int | None = None) -> str:
    """``value`` as JSON. ``type_ref`` is needed only where it is not an object, as for a result ``Vector<long>``."""
    from json import dumps

    try:
        return dumps(to_plain(value, type_ref), indent=indent, ensure_ascii=True, allow_nan=False)
    except RecursionError:
        raise UsageError("the value is nested too deeply") from None


def from_json(text: str, type_ref: TypeRef | str | None = None, *, schema: str = "api") -> Any:
    """The object of a JSON text; ``type_ref`` (of ``schema``) is what is expected, any object unless given.

    Raises UsageError that names the field and what it expects.
    """
    return from_plain(parse_json(text), type_ref, schema=schema)


def parse_json(text: str) -> Any:
    """JSON without repeated keys and NaN. Raises UsageError."""
    from json import loads

    try:
        return loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"bad JSON: {error}") from None


def to_plain(value: object, type_ref: TypeRef | str | None = None) -> Any:
    """``value`` as what ``json`` can write."""
    return _plain(value, _given_type(value, type_ref))


def from_plain(plain: Any, type_ref: TypeRef | str | None = None, *, schema: str = "api") -> Any:
    """The value of what ``json`` has read. Raises UsageError that names the field and what it expects."""
    try:
        return _value(plain, OBJECT if type_ref is None else _given_type(plain, type_ref), schema)
    except _Bad as bad:
        raise UsageError(f"{bad.path}: {bad.reason}" if bad.path else bad.reason) from None
    except RecursionError:
        raise UsageError("the value is nested too deeply") from None


def make(cls: type[TLObject], fields: dict[str, Any]) -> TLObject:
    """An object of ``cls`` from Python values, by Python or TL field names.

    Raises UsageError for a field that does not exist and for one that is missing: which, and what it expects.
    """
    combinator = ir.combinator_of(cls)
    names = field_names(combinator)
    by_python = {python: python for python in names.values()} | names
    given: dict[str, Any] = {}
    for name, value in fields.items():
        if name not in by_python:
            raise UsageError(f"{combinator.name} has no field {ascii(name)[:100]}; it has {_listed(names)}")
        if by_python[name] in given:
            raise UsageError(f"{combinator.name}: {name} is given twice")
        given[by_python[name]] = value
    for param in combinator.params:
        if not param.condition and not param.is_word and field_name(param.name) not in given:
            raise UsageError(f"{combinator.name}: {param.name} is missing; it expects {expectation(param.type)}")
    return cls(**given)


def field_names(combinator: Combinator) -> dict[str, str]:
    """TL name → Python name of every field, those for unknown flag bits included."""
    names = {param.name: field_name(param.name) for param in combinator.params if not param.is_word}
    return names | {f"extra_{param.name}": f"extra_{param.name}" for param in combinator.params if param.is_word}


def expectation(type_ref: TypeRef) -> str:
    """What a field of this type expects, in words."""
    words = {
        "int": "a 32-bit integer",
        "long": "a 64-bit integer as a decimal string",
        "double": "a number",
        "string": "a string",
        "bytes": 'bytes as {"hex": "..."}',
        "int128": '16 bytes as {"hex": "..."}',
        "int256": '32 bytes as {"hex": "..."}',
        "Bool": "true or false",
        "true": "true or false",
        "True": "true",
        "Object": 'an object {"_": name, ...}',
    }
    if type_ref.is_vector:
        return f"a list; each item {expectation(type_ref.arguments[0])}"
    if type_ref.name.startswith("!"):
        return 'a function {"_": name, ...}'
    return words.get(type_ref.name, f'an object {{"_": name, ...}} of type {type_ref.name}')


class _Bad(Exception):
    def __init__(self, reason: str, path: str = "") -> None:
        self.reason = reason
        self.path = path
        super().__init__(reason)

    def inside(self, head: str) -> _Bad:
        joint = "" if not self.path or self.path.startswith("[") else "."
        return _Bad(self.reason, f"{head}{joint}{self.path}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        raise ValueError("a key is given twice")
    return out


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _listed(names: dict[str, str]) -> str:
    return ", ".join(name for name in names if not name.startswith("extra_")) or "none"


def _given_type(value: object, type_ref: TypeRef | str | None) -> TypeRef:
    if isinstance(type_ref, str):
        return parse_type(type_ref)
    if type_ref is None and not isinstance(value, TLObject | dict | bool):
        raise UsageError("the type of a value that is not an object must be given")
    return type_ref or (TypeRef("Bool", False) if isinstance(value, bool) else OBJECT)


def _plain(value: Any, type_ref: TypeRef) -> Any:
    name = type_ref.name
    if isinstance(value, TLObject):
        return _plain_object(value)
    if name == "long":
        return str(value)
    if name == "double":
        number = float(value)
        return number if isfinite(number) else {"double": struct.pack(">d", number).hex()}
    if isinstance(value, bytes | bytearray):
        return {"hex": value.hex()}
    if isinstance(value, str):
        return value if value.isascii() or _is_text(value) else {"hex": value.encode("utf-8", "surrogateescape").hex()}
    if type_ref.is_vector:
        return [_plain(item, type_ref.arguments[0]) for item in value]
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain_object(value: TLObject) -> dict[str, Any]:
    combinator = ir.combinator_of(value)
    out: dict[str, Any] = {"_": prefix_of(schema_name(type(value))) + combinator.name}
    for param in combinator.params:
        if not param.is_word:
            field = getattr(value, field_name(param.name))
            if field is not None and not (param.is_flag and field is False):
                out[param.name] = _plain(field, param.type)
    for param in combinator.params:
        if param.is_word and getattr(value, f"extra_{param.name}"):
            out[f"extra_{param.name}"] = getattr(value, f"extra_{param.name}")
    return out


def _value(plain: Any, type_ref: TypeRef, schema: str) -> Any:
    name = type_ref.name
    if type_ref.is_vector:
        return _items(plain, type_ref, schema)
    if name in ("int", "long", "#"):
        return _integer(plain, type_ref)
    if name == "double":
        return _double(plain, type_ref)
    if name in ("string", "bytes", "int128", "int256"):
        return _string(plain, type_ref)
    if name in ("Bool", "true", "True"):
        if not isinstance(plain, bool):
            raise _unexpected(plain, type_ref)
        return plain
    return _object(plain, type_ref, schema)


def _unexpected(plain: Any, type_ref: TypeRef) -> _Bad:
    kinds = {"dict": "an object", "list": "a list", "str": "a string", "int": "an integer", "float": "a number"}
    kind = {"bool": "a truth value", "NoneType": "null"} | kinds
    return _Bad(f"expects {expectation(type_ref)}, got {kind.get(type(plain).__name__, 'something else')}")


def _items(plain: Any, type_ref: TypeRef, schema: str) -> list[Any]:
    if not isinstance(plain, list):
        raise _unexpected(plain, type_ref)
    out = []
    for index, item in enumerate(plain):
        try:
            out.append(_value(item, type_ref.arguments[0], schema))
        except _Bad as bad:
            raise bad.inside(f"[{index}]") from None
    return out


def _integer(plain: Any, type_ref: TypeRef) -> int:
    number = plain
    if type_ref.name == "long" and isinstance(plain, str):
        digits = plain.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= 20:
            number = int(plain)
    if not isinstance(number, int) or isinstance(number, bool):
        raise _unexpected(plain, type_ref)
    low, high = {"int": (-(1 << 31), 1 << 31), "long": (-(1 << 63), 1 << 63), "#": (0, 1 << 32)}[type_ref.name]
    if not low <= number < high:
        raise _Bad(f"expects {expectation(type_ref)}; the number is out of range")
    return number


def _double(plain: Any, type_ref: TypeRef) -> float:
    if isinstance(plain, dict) and plain.keys() == {"double"}:
        data = _unhex(plain["double"])
        if data is not None and len(data) == 8:
            number: float = struct.unpack(">d", data)[0]
            return number
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise _unexpected(plain, type_ref)
    try:
        return float(plain)
    except OverflowError:
        raise _Bad("expects a number that fits a double") from None


def _string(plain: Any, type_ref: TypeRef) -> str | bytes:
    name = type_ref.name
    if name == "string" and isinstance(plain, str):
        return plain
    data = _unhex(plain["hex"]) if isinstance(plain, dict) and plain.keys() == {"hex"} else None
    if data is None or len(data) != {"int128": 16, "int256": 32}.get(name, len(data)):
        raise _unexpected(plain, type_ref)
    return data.decode("utf-8", "surrogateescape") if name == "string" else data


def _unhex(digits: Any) -> bytes | None:
    try:
        return bytes.fromhex(digits)
    except (TypeError, ValueError):
        return None


def _object(plain: Any, type_ref: TypeRef, schema: str) -> TLObject:
    if not isinstance(plain, dict) or not isinstance(plain.get("_"), str):
        raise _unexpected(plain, type_ref)
    prefix, mark, name = plain["_"].rpartition(":")
    home = prefix if mark else ("mtproto" if schema == "mtproto" and type_ref.name not in ("Object", "!X") else "api")
    if home not in registry.schemas:
        raise _Bad(f"the schema {ascii(home)[:50]} is not loaded", "_")
    try:
        cls = registry.schemas[home].find(name)
    except UsageError as error:
        raise _Bad(str(error), "_") from None
    combinator = ir.combinator_of(cls)
    _check_type(combinator, cls, type_ref)
    names = field_names(combinator)
    given: dict[str, Any] = {key: item for key, item in plain.items() if key != "_"}
    fields = {names.get(key, key): _field(combinator, key, item, home) for key, item in given.items()}
    try:
        return make(cls, fields)
    except UsageError as error:
        raise _Bad(str(error)) from None


def _check_type(combinator: Combinator, cls: type[TLObject], type_ref: TypeRef) -> None:
    name = type_ref.name
    if name.startswith("!"):
        if not issubclass(cls, TLFunction) and combinator.name != "gzip_packed":
            raise _Bad(f"expects a function, got {combinator.name}")
    elif name != "Object" and (combinator.kind != "type" or name not in (combinator.result.name, combinator.name)):
        raise _Bad(f"expects {expectation(type_ref)}, got {combinator.name}")


def _field(combinator: Combinator, key: str, item: Any, schema: str) -> Any:
    param = next((p for p in combinator.params if key in (p.name, f"extra_{p.name}" if p.is_word else "")), None)
    if param is None or (param.is_word and key == param.name):
        return item  # refused by ``make``, with the names that exist
    try:
        return _value(item, param.type, schema)
    except _Bad as bad:
        raise bad.inside(key) from None
