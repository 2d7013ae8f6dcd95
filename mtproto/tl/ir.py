"""The description of generated classes at run time: IR read from the JSON that was generated beside them.

Loaded on demand only: by errors, by rendering as JSON and by the dynamic codec, never on the way of a call.
"""

from __future__ import annotations

from typing import Any

from mtproto.errors import UsageError
from mtproto.tl import registry
from mtproto.tl.objects import TLFunction, TLObject, schema_name
from mtproto.tl.schema import Combinator, Param, Schema, TypeRef, field_name, parse_type

_schemas: dict[str, Schema] = {}
_by_name: dict[str, dict[str, Combinator]] = {}
_types: dict[str, TypeRef] = {}
_params: dict[tuple[Any, ...], Param] = {}  # more than half of all fields repeat another one


def load(text: str) -> Schema:
    """The schema in the JSON form that the code generator writes: ``layer`` and ``combinators``, each of which is
    [name, id, kind, generics, [[field, type, word, bit]…], result]."""
    from json import loads  # 7 ms, and only here

    document = loads(text)
    rows = document["combinators"]
    return Schema(document["layer"], tuple([_combinator(*row) for row in rows]))


def _combinator(
    name: str, identifier: int, kind: str, generics: list[str], params: list[list[Any]], result: str
) -> Combinator:
    fields = tuple([_params.get(tuple(param)) or _param(*param) for param in params])
    return Combinator(name, identifier, fields, _type(result), kind, tuple(generics))


def _param(name: str, type_text: str, word: str = "", bit: int = 0) -> Param:
    key = (name, type_text, word, bit) if word else (name, type_text)
    param = _params[key] = Param(name, _type(type_text), (word, bit) if word else None)
    return param


def _type(text: str) -> TypeRef:
    found = _types.get(text)
    if found is None:
        found = _types[text] = parse_type(text)
    return found


def schema(name: str) -> Schema:
    """The IR of a generated schema ("api", "mtproto") that has been imported. Raises UsageError if it has not."""
    found = _schemas.get(name)
    if found is None:
        loaded = registry.schemas.get(name)
        if loaded is None:
            raise UsageError(f"the schema {name!r} is not loaded: import mtproto.schema.{name} first")
        found = _schemas.setdefault(name, load(loaded.ir()))
        _by_name[name] = {combinator.name: combinator for combinator in found.combinators}
    return found


def combinator_of(value: TLObject | type[TLObject]) -> Combinator:
    """The declaration of a generated object or class."""
    cls = value if isinstance(value, type) else type(value)
    name = schema_name(cls)
    schema(name)
    return _by_name[name][cls.NAME]


def result_type(function: TLFunction) -> TypeRef | None:
    """The result type of a query; that of the innermost one in a wrapper (TL-45), None if that is packed."""
    combinator = combinator_of(function)
    while combinator.generics:
        query = next(param for param in combinator.params if param.type.name == f"!{combinator.result.name}")
        inner = getattr(function, field_name(query.name), None)
        if not isinstance(inner, TLFunction):
            return None
        function = inner
        combinator = combinator_of(function)
    return combinator.result
