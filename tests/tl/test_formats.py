"""Schema files in their published forms are one schema: ``.tl`` text, the official JSON, mtcute's JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mtproto.schema import mtproto as service
from mtproto.tl.dynamic import load
from mtproto.tl.formats import read_schema
from mtproto.tl.schema import SchemaError, parse

TEXT = """
leaf flags:# a:flags.0?int b:flags.1?true c:Vector<long> = Leaf;
---functions---
run {X:Type} n:int query:!X = X;
get leaf:Leaf = Vector<Leaf>;
// LAYER 7
"""


def signed(number: int) -> int:
    return number - (number >> 31 << 32)


def official(text: str = TEXT) -> dict[str, Any]:
    """The official JSON of a schema: ids as signed decimal strings, no type parameters, no layer."""
    sections: dict[str, list[Any]] = {"constructors": [], "methods": []}
    for item in parse(text).combinators:
        row = {"id": str(signed(item.id)), "type": str(item.result)}
        row["params"] = [{"name": param.name, "type": str(param).partition(":")[2]} for param in item.params]  # type: ignore[assignment]
        row["predicate" if item.kind == "type" else "method"] = item.name
        sections["constructors" if item.kind == "type" else "methods"].append(row)
    sections["constructors"].append({"id": "481674261", "predicate": "vector", "params": [], "type": "Vector t"})
    sections["constructors"].append({"id": "-1720552011", "predicate": "boolTrue", "params": [], "type": "Bool"})
    return sections


MTCUTE: dict[str, Any] = {
    "l": 7,
    "e": [
        {
            "kind": "class",
            "name": "leaf",
            "id": parse(TEXT).combinators[0].id,
            "type": "Leaf",
            "comment": "Not read.",
            "arguments": [
                {"name": "flags", "type": "#"},
                {"name": "a", "type": "int", "typeModifiers": {"predicate": "flags.0"}},
                {"name": "b", "type": "true", "typeModifiers": {"predicate": "flags.1"}},
                {"name": "c", "type": "int53", "typeModifiers": {"isVector": True}},
            ],
        },
        {
            "kind": "method",
            "name": "run",
            "id": parse(TEXT).combinators[1].id,
            "type": "X",
            "generics": [{"name": "X", "type": "Type"}],
            "arguments": [{"name": "n", "type": "int"}, {"name": "query", "type": "!X"}],
        },
        {
            "kind": "method",
            "name": "get",
            "id": parse(TEXT).combinators[2].id,
            "type": "Leaf",
            "typeModifiers": {"isVector": True},
            "arguments": [{"name": "leaf", "type": "Leaf"}],
        },
        {"kind": "class", "name": "leafLegacy", "id": 1, "type": "Leaf", "arguments": []},
        {"kind": "method", "name": "mtcute.customMethod", "id": 2, "type": "bytes"},
    ],
    "u": {},
}


def test_the_official_json_is_the_schema_of_the_text() -> None:
    assert read_schema(json.dumps(official()), layer=7) == parse(TEXT)


def test_mtcutes_json_is_the_schema_of_the_text_without_its_pseudo_declarations() -> None:
    assert read_schema(json.dumps(MTCUTE)) == parse(TEXT)


def test_a_text_and_a_byte_order_mark_are_read_too() -> None:
    assert read_schema(TEXT) == parse(TEXT)
    assert read_schema("\ufeff" + json.dumps(MTCUTE)) == parse(TEXT)


def test_the_layer_of_the_file_goes_before_the_one_given() -> None:
    assert read_schema(TEXT, layer=8).layer == 7
    assert read_schema(json.dumps(MTCUTE), layer=8).layer == 7
    assert read_schema(json.dumps(official() | {"layer": 9}), layer=8).layer == 9
    assert read_schema(json.dumps(official()), layer=8).layer == 8


@pytest.mark.requirement("TL-24")
def test_an_id_that_is_not_the_crc32_is_refused_in_json_too() -> None:
    wrong = official()
    wrong["methods"][1]["id"] = "5"
    with pytest.raises(SchemaError, match=r"^x\.json:\d+: the id is #00000005, the CRC32 of the line #.*TL-24.*get#"):
        read_schema(json.dumps(wrong), "x.json")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"e": 1}',
        '{"e": [1]}',
        '{"constructors": [{"predicate": "a", "params": [], "type": "A"}], "methods": []}',
        '{"constructors": [{"predicate": "a", "id": "x", "params": [], "type": "A"}], "methods": []}',
        '{"constructors": [], "methods": [], "layer": "new"}',
        '{"constructors": [], "methods": [{"method": 1, "id": "1", "params": [], "type": "A"}]}',
        '{"constructors": [{"predicate": "a", "id": "1", "params": [{"name": 1}], "type": "A"}], "methods": []}',
        "[" * 100000,
    ],
)
def test_json_that_is_no_schema_is_refused_by_name(text: str) -> None:
    with pytest.raises(SchemaError, match=r"^x\.json:1: "):
        read_schema(text, "x.json")


def test_what_is_loaded_encodes_and_decodes() -> None:
    codec = load(json.dumps(MTCUTE))
    leaf = {"_": "leaf", "a": 1, "c": [2]}
    query = {"_": "run", "n": 1, "query": {"_": "get", "leaf": leaf}}
    assert codec.decode(codec.encode(query)) == query
    assert codec.schema.layer == 7


def test_service_queries_are_known_to_a_loaded_schema() -> None:
    query = {"_": "run", "n": 1, "query": {"_": "mtproto:ping", "ping_id": 5}}
    assert load(TEXT).encode(query)[-12:] == service.Ping(ping_id=5).to_bytes()
