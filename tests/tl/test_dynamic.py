"""The schema-driven codec where the generated one cannot go: schemas given at run time, other layers."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.errors import DecodeError, UnknownConstructor, UsageError
from mtproto.schema import api
from mtproto.schema.api import types
from mtproto.tl import ir
from mtproto.tl.dynamic import Codec, codec
from mtproto.tl.registry import decode
from mtproto.tl.schema import parse

EXAMPLE = Codec(parse("example flags:# a:flags.0?int b:flags.1?true c:flags.2?string d:int e:flags.31?long = Example;"))
FORMS = Codec(
    parse(
        """
        leaf#00000001 x:int = Leaf;
        """.replace("#00000001", "")
        + """
        other s:string = Pair; another t:true u:True = Pair;
        tree a:%Leaf b:leaf c:vector<%Leaf> d:Vector<vector<Vector<int>>> e:vector Pair w:# f:w.3?Vector<leaf> = Tree;
        ---functions---
        run {X:Type} n:int128 query:!X = X;
        get i:int256 = Vector<Leaf>;
        """
    )
)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({"d": 7}, "b195fae00000000007000000"),
        ({"a": 0, "d": 7}, "b195fae0010000000000000007000000"),
        ({"b": True, "d": 7}, "b195fae00200000007000000"),
        ({"c": "", "d": 7}, "b195fae0040000000000000007000000"),
        ({"d": -1, "e": -1}, "b195fae000000080ffffffffffffffffffffffff"),
        ({"d": 7, "extra_flags": 8}, "b195fae00800000007000000"),
    ],
)
@pytest.mark.requirement("TL-08", "TL-46")
def test_a_schema_given_at_run_time(value: dict[str, Any], data: str) -> None:
    value = {"_": "example", **value}
    assert EXAMPLE.encode(value).hex() == data
    assert EXAMPLE.decode(bytes.fromhex(data)) == value
    assert EXAMPLE.decode(bytes.fromhex(data), "Example") == value


@pytest.mark.requirement("TL-08", "TL-36", "TL-42")
def test_every_form_of_a_field_is_encoded() -> None:
    tree = {
        "_": "tree",
        "a": {"_": "leaf", "x": 1},
        "b": {"_": "leaf", "x": 2},
        "c": [{"_": "leaf", "x": 3}],
        "d": [[[4, 5], []]],
        "e": [{"_": "other", "s": "abc"}, {"_": "another", "t": True, "u": True}],
        "f": [{"_": "leaf", "x": 6}],
    }
    data = FORMS.encode(tree)
    assert FORMS.decode(data) == tree
    words = [data[at : at + 4].hex() for at in range(0, len(data), 4)]
    other, another = (FORMS.by_name[name].id.to_bytes(4, "little").hex() for name in ("other", "another"))
    vector = "15c4b51c"
    assert words[1:] == [
        *("01000000", "02000000"),
        *("01000000", "03000000"),
        *(vector, "01000000", "02000000", vector, "02000000", "04000000", "05000000", vector, "00000000"),
        *("02000000", other, "03616263", another, "39d3ed3f"),
        *("08000000", vector, "01000000", "06000000"),
    ]


@pytest.mark.requirement("TL-44", "TL-49")
def test_a_query_stands_in_a_wrapper() -> None:
    query = {"_": "run", "n": bytes(16), "query": {"_": "get", "i": bytes(32)}}
    assert FORMS.decode(FORMS.encode(query)) == query
    with pytest.raises(DecodeError) as caught:
        FORMS.decode(FORMS.encode(query)[:20] + FORMS.encode({"_": "other", "s": ""}))
    assert (caught.value.kind, caught.value.path) == ("unexpected_constructor", "query")


@pytest.mark.requirement("TL-84")
def test_an_unknown_id_is_unknown() -> None:
    with pytest.raises(UnknownConstructor):
        EXAMPLE.decode(bytes.fromhex("b095fae000000000"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"_": "example"}, "d: is missing; expects a value of type int"),
        ({"_": "example", "d": "7"}, "d: expects an integer"),
        ({"_": "example", "d": 7, "z": 1}, "no field 'z'"),
        ({"_": "nothing"}, "not in the schema"),
        ({"d": 7}, "expects an object"),
        ({"_": "example", "d": 7, "b": 1}, "b: expects True or False"),
        ({"_": "example", "d": 7, "extra_flags": 1}, "extra_flags: expects bits"),
        (7, "expects an object, got int"),
    ],
)
@pytest.mark.requirement("TL-51")
def test_a_value_that_does_not_fit_is_refused_with_its_path(value: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        EXAMPLE.encode(value)
    assert message in str(caught.value)


LAYER_200 = (
    "botBusinessConnection#896433b4 flags:# can_reply:flags.0?true disabled:flags.1?true connection_id:string "
    "user_id:long dc_id:int date:int = BotBusinessConnection;"
)


def test_another_layers_form_is_written_into_objects_of_this_one() -> None:
    older = Codec(ir.schema("api").replace(LAYER_200))
    connection: Any = {"_": "botBusinessConnection", "connection_id": "x", "user_id": 1, "dc_id": 2, "date": 3}
    connection["can_reply"] = True
    update = types.UpdateBotBusinessConnect(connection=connection, qts=5)
    updates = types.Updates(updates=[update], users=[types.UserEmpty(id=1)], chats=[], date=6, seq=7)
    data = older.encode(updates, "Updates")
    assert bytes.fromhex("b4336489") in data
    assert older.decode(data)["updates"][0]["connection"] == connection
    with pytest.raises(UnknownConstructor) as caught:
        decode(data, api.read_object)
    assert (caught.value.constructor_id, caught.value.path) == (0x896433B4, "updates[0].connection")


def test_a_generated_object_is_written_by_name_in_another_layer() -> None:
    older = Codec(ir.schema("api").replace(LAYER_200))
    connection = types.BotBusinessConnection(connection_id="x", user_id=1, dc_id=2, date=3, disabled=True)
    assert older.decode(older.encode(connection))["disabled"] is True
    connection.rights = types.BusinessBotRights()
    with pytest.raises(UsageError, match="no field 'rights'"):
        older.encode(connection)


def test_a_schema_that_is_not_imported_has_no_codec() -> None:
    with pytest.raises(UsageError, match="not loaded"):
        codec("e2e")


def test_the_json_description_is_the_schema() -> None:
    from pathlib import Path

    for name in ("api", "mtproto"):
        path = Path(__file__).parents[2] / "tl_schema" / f"{name}.tl"
        assert ir.schema(name) == parse(path.read_text())
