"""Older layers at run time: their declarations, both ways, against published facts and the newest layer's codec."""

from __future__ import annotations

import pytest

from mtproto.errors import DecodeError, UsageError
from mtproto.schema import api
from mtproto.tl import ir
from mtproto.tl.dynamic import codec
from mtproto.tl.schema import Combinator, TypeRef, computed_id
from tests.strategies import Maker, Seeded

OLDER = api.LAYERS[:-1]


class LayerMaker(Maker):
    """Queries are such that every layer has."""

    def choice(self, type_ref: TypeRef, depth: int) -> Combinator:
        return self.codec.by_name["help.getConfig"] if type_ref.name == "!X" else super().choice(type_ref, depth)


def ids(name: str) -> dict[int, str]:
    """The id that ``name`` has in each layer that has it."""
    found = {layer: codec("api", layer).by_name.get(name) for layer in api.LAYERS}
    return {layer: f"{combinator.id:08x}" for layer, combinator in found.items() if combinator}


def test_the_layers_that_clients_announce_are_there() -> None:
    assert api.LAYERS[-1] == api.LAYER
    assert list(api.LAYERS) == sorted(set(api.LAYERS))
    assert {158, 198, 201, 214, 216, 223, 227, 228, 229} <= set(api.LAYERS)


@pytest.mark.parametrize("layer", api.LAYERS)
@pytest.mark.requirement("TL-20")
def test_every_id_of_a_layer_is_the_crc32_of_its_line(layer: int) -> None:
    """TL-20: once more from the shipped description, whatever the generator did."""
    combinators = ir.schema("api", layer).combinators
    assert len(combinators) > 1600
    assert [str(item) for item in combinators if computed_id(str(item)) != item.id] == []


@pytest.mark.requirement("TL-03")
def test_a_layer_announces_itself() -> None:
    assert [ir.schema("api", layer).layer for layer in api.LAYERS] == list(api.LAYERS)


def test_the_business_connection_had_can_reply_up_to_layer_200() -> None:
    history = ids("botBusinessConnection")
    assert 158 not in history
    assert {layer: value for layer, value in history.items() if layer <= 200} == dict.fromkeys(
        (181, 196, 198), "896433b4"
    )
    assert {value for layer, value in history.items() if layer > 200} == {"8f34b2f5"}


def test_the_user_is_what_clients_of_each_layer_were_seen_to_read() -> None:
    user = ids("user")
    assert user[158] == "8f97c628"
    assert user[198] == "4b46c37e"
    assert user[201] == user[214] == user[216] == "020b1422"
    assert user[227] == "31774388"
    assert user[229] == "b1b8cc83"


def test_what_never_changed_is_the_same_everywhere() -> None:
    assert set(ids("account.getBotBusinessConnection").values()) == {"76a86270"}
    assert 158 not in ids("account.getBotBusinessConnection")
    for name, value in {
        "invokeWithLayer": "da9b0d0d",
        "initConnection": "c1cd5ea9",
        "help.getConfig": "c4f9186b",
    }.items():
        assert ids(name) == dict.fromkeys(api.LAYERS, value)


def test_the_connected_bot_changed_as_its_history_says() -> None:
    history = ids("connectedBot")
    assert (history[181], history[201], history[214], history[222], history[228]) == (
        "bd068601",
        "cd64636c",
        "cd64636c",
        "cd64636c",
        "033ed001",
    )


@pytest.mark.parametrize("layer", OLDER)
@pytest.mark.requirement("TL-88")
def test_a_layer_reads_what_it_writes(layer: int) -> None:
    """TL-88 for all declarations that are not those of the newest layer, and some that are."""
    older, newest = codec("api", layer), codec("api")
    chosen = [item for item in older.schema.combinators if item != newest.by_name.get(item.name)]
    maker = LayerMaker(older, Seeded(layer))
    for combinator in (*chosen, *older.schema.combinators[::50]):
        data = older.encode(maker.combinator(combinator))
        assert data[:4] == combinator.id.to_bytes(4, "little")
        assert older.encode(older.decode(data)) == data


def test_a_layer_does_not_read_what_came_later() -> None:
    connection = {"_": "botBusinessConnection", "connection_id": "a", "user_id": 1, "dc_id": 2, "date": 3}
    with pytest.raises(DecodeError) as caught:
        codec("api", 198).decode(codec("api", 229).encode(connection))
    assert caught.value.kind == "unknown_constructor"
    old = codec("api", 198).encode(connection | {"can_reply": True})
    assert old.hex() == "b4336489" + "01000000" + "01610000" + "0100000000000000" + "02000000" + "03000000"
    assert codec("api", 198).decode(old) == connection | {"can_reply": True}


def test_service_messages_may_stand_in_the_queries_of_any_layer() -> None:
    ping = {"_": "invokeWithLayer", "layer": 198, "query": {"_": "mtproto:ping", "ping_id": 1}}
    data = codec("api", 198).encode(ping)
    assert data.hex() == "0d0d9bda" + "c6000000" + "ec77be7a" + "0100000000000000"
    assert codec("api", 198).decode(data) == ping


def test_a_layer_is_read_once_and_the_newest_is_the_generated_one() -> None:
    assert codec("api", 198) is codec("api", 198)
    assert codec("api", api.LAYER) is codec("api")
    assert ir.schema("api", api.LAYER) is ir.schema("api")


@pytest.mark.parametrize("layer", [0, 1, 157, 199, 230])
def test_a_layer_that_is_not_there_is_refused_with_those_that_are(layer: int) -> None:
    with pytest.raises(UsageError, match=rf"'api' has no layer {layer}; known are 158, .*, 229$"):
        codec("api", layer)


def test_the_service_messages_have_no_layers() -> None:
    with pytest.raises(UsageError, match=r"^the schema 'mtproto' has no layer 229$"):
        codec("mtproto", 229)
