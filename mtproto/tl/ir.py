"""The description of generated classes at run time: IR read from the JSON that was generated beside them.

Loaded on demand only: by errors, by rendering as JSON and by the dynamic codec, never on the way of a call.
"""

from __future__ import annotations

from typing import Any

from mtproto.errors import UsageError
from mtproto.tl import registry
from mtproto.tl.objects import TLFunction, TLObject, schema_name
from mtproto.tl.schema import Combinator, Param, Schema, TypeRef, field_name, parse_type

_schemas: dict[tuple[str, int | None], Schema] = {}
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


def load_layer(text: str, newest: Schema) -> Schema:
    """An older layer, from what ``newest`` has and the JSON of what differs from it: ``absent`` names, and
    ``combinators`` as in ``load``."""
    from json import loads

    document = loads(text)
    own = tuple([_combinator(*row) for row in document["combinators"]])
    return newest.variant(document["layer"], own, document["absent"])


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


def schema(name: str, layer: int | None = None) -> Schema:
    """The IR of a generated schema ("api", "mtproto") that has been imported; ``layer`` is one of its ``layers``, by
    default the newest. Raises UsageError if there is none."""
    loaded = registry.schemas.get(name)
    if loaded is None:
        raise UsageError(f"the schema {name!r} is not loaded: import mtproto.schema.{name} first")
    if layer is not None and layer not in loaded.layers:
        known = f"; known are {', '.join(map(str, loaded.layers))}" if loaded.layers else ""
        raise UsageError(f"the schema {name!r} has no layer {layer}{known}")
    older = None if layer is None or layer == loaded.layers[-1] else layer
    found = _schemas.get((name, older))
    if found is None:
        read = load(loaded.ir()) if older is None else load_layer(loaded.layer_ir(older), schema(name))
        found = _schemas.setdefault((name, older), read)
    return found


def _named(name: str) -> dict[str, Combinator]:
    found = _by_name.get(name)
    if found is None:
        found = _by_name[name] = {combinator.name: combinator for combinator in schema(name).combinators}
    return found


def combinator_of(value: TLObject | type[TLObject]) -> Combinator:
    """The declaration of a generated object or class."""
    cls = value if isinstance(value, type) else type(value)
    return _named(schema_name(cls))[cls.NAME]


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
