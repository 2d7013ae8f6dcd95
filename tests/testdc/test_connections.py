"""account.getBotBusinessConnection: every fixture connection, from the happy answer to none at all."""

from __future__ import annotations

import pytest

from mtproto.errors import RpcError, UnknownConstructor
from mtproto.message.gzip import constructor_of, pack, unpack
from mtproto.schema import mtproto as schema
from mtproto.schema.api import types
from mtproto.testdc import BusinessConnection
from mtproto.testdc.accounts import OWNER_ID
from mtproto.testdc.connections import SPECIAL, UNKNOWN_CONSTRUCTOR
from mtproto.tl.registry import decode
from tests.testdc.rig import NOW, Client, World, service

OLD_CONNECTION = 0x896433B4
ORDINARY = ["demo", "gzip", "container", "salt"]


def connections(answer: types.Updates) -> list[types.BotBusinessConnection]:
    return [update.connection for update in answer.updates]


def result_messages(client: Client) -> list[bytes]:
    """What stands inside the rpc_results that arrived."""
    return [event.body[12:] for event in client.received(schema.RpcResult)]


@pytest.mark.requirement("API-80", "API-81", "API-82")
def test_the_ordinary_answer_has_one_update_its_owner_and_nothing_else() -> None:
    answer = World().bot().ask("demo")
    rights = types.BusinessBotRights(reply=True, read_messages=True, delete_sent_messages=True)
    assert connections(answer) == [
        types.BotBusinessConnection(connection_id="demo", user_id=OWNER_ID, dc_id=2, date=1_700_000_000, rights=rights)
    ]
    assert [user.id for user in answer.users] == [OWNER_ID]
    assert (answer.chats, answer.seq) == ([], 0)
    assert abs(answer.date - NOW) <= 1


def test_the_connection_is_in_the_datacenter_that_answers() -> None:
    (connection,) = connections(World(dc_id=4).bot(dc_number=4).ask("demo"))
    assert connection.dc_id == 4


@pytest.mark.parametrize("connection_id", ORDINARY)
def test_each_ordinary_connection_is_answered_under_its_own_name(connection_id: str) -> None:
    (connection,) = connections(World().bot().ask(connection_id))
    assert connection.connection_id == connection_id


def test_disabled_is_disabled_and_norights_has_no_rights() -> None:
    client = World().bot()
    (disabled,) = connections(client.ask("disabled"))
    (norights,) = connections(client.ask("norights"))
    assert (disabled.disabled, norights.disabled) == (True, False)
    assert norights.rights is None


def test_empty_has_no_update_and_toolong_is_updates_too_long() -> None:
    client = World().bot()
    assert client.ask("empty").updates == []
    assert client.ask("toolong") == types.UpdatesTooLong()


def test_two_has_two_updates_and_other_names_another_connection() -> None:
    client = World().bot()
    assert [connection.connection_id for connection in connections(client.ask("two"))] == ["two", "demo"]
    assert [connection.connection_id for connection in connections(client.ask("other"))] == ["demo"]


def test_layer200_has_the_constructor_of_layers_177_to_200() -> None:
    client = World().bot()
    with pytest.raises(UnknownConstructor) as caught:
        client.ask("layer200")
    assert caught.value.constructor_id == OLD_CONNECTION
    body = result_messages(client)[-1]
    start = body.index(OLD_CONNECTION.to_bytes(4, "little"))
    # flags (can_reply), connection_id, user_id, dc_id, date
    assert body[start + 4 : start + 8] == b"\1\0\0\0"
    assert body[start + 8 : start + 20] == b"\x08layer200\0\0\0"
    assert body[start + 20 : start + 36] == (1000).to_bytes(8, "little") + b"\2\0\0\0" + (1_700_000_000).to_bytes(
        4, "little"
    )


def test_unknown_has_a_constructor_that_no_schema_knows_among_its_users() -> None:
    with pytest.raises(UnknownConstructor) as caught:
        World().bot().ask("unknown")
    assert caught.value.constructor_id == UNKNOWN_CONSTRUCTOR
    assert caught.value.path == "users[1]"


def test_flood_asks_for_17_seconds() -> None:
    with pytest.raises(RpcError) as caught:
        World().bot().ask("flood")
    assert (caught.value.code, caught.value.name, caught.value.number) == (420, "FLOOD_WAIT_X", 17)


@pytest.mark.requirement("API-82")
def test_any_other_connection_is_invalid() -> None:
    for connection_id in ("nope", "", "DEMO", "x" * 10_000):
        with pytest.raises(RpcError, match=r"^400 CONNECTION_ID_INVALID$"):
            World().bot().ask(connection_id)


@pytest.mark.requirement("TL-61")
def test_gzip_is_packed_although_it_is_small() -> None:
    client = World().bot()
    client.ask("gzip")
    body = result_messages(client)[-1]
    assert constructor_of(body) == schema.GzipPacked.ID
    assert len(unpack(body)) < 256


@pytest.mark.requirement("MSG-67")
def test_container_is_answered_inside_a_container() -> None:
    client = World().bot()
    client.ask("container")
    result = client.received(schema.RpcResult)[-1]
    assert result.container is not None
    companions = [event for event in client.received(schema.MsgsAck) if event.container == result.container]
    assert len(companions) == 1


def test_salt_is_refused_once_under_each_key_and_answered_when_it_is_sent_again() -> None:
    world = World()
    client = world.bot()
    client.ask("salt")
    assert [service(event).error_code for event in client.received(schema.BadServerSalt)] == [48]
    client.ask("salt")
    assert len(client.received(schema.BadServerSalt)) == 1
    world.bot().ask("salt")
    assert world.dc.log.calls["account.getBotBusinessConnection"] == 5


def test_slow_is_acknowledged_at_once_and_answered_after_three_seconds() -> None:
    world = World()
    client = world.bot()
    request_id = client.begin("account.getBotBusinessConnection", connection_id="slow")
    world.advance(2.9)
    assert request_id not in client.done
    assert client.received(schema.MsgsAck)
    world.advance(0.2)
    assert client.result(request_id)


def test_silent_is_acknowledged_and_never_answered() -> None:
    world = World()
    client = world.bot()
    request_id = client.begin("account.getBotBusinessConnection", connection_id="silent")
    for _ in range(20):
        world.advance(10)
    assert request_id not in client.done
    acknowledged = [msg_id for event in client.received(schema.MsgsAck) for msg_id in service(event).msg_ids]
    assert len(acknowledged) == len(set(acknowledged)) == 1


def test_big_has_a_thousand_users_over_200_kb_and_over_100_kb_packed() -> None:
    client = World().bot()
    answer = client.ask("big")
    assert len(answer.users) == 1001
    assert len({(user.first_name, user.last_name) for user in answer.users}) == 1001
    size = len(answer.to_bytes())
    packed = result_messages(client)[-1]
    assert constructor_of(packed) == schema.GzipPacked.ID
    assert size > 200 * 1024
    assert 100 * 1024 < len(packed) < size
    assert len(pack(answer.to_bytes())) == len(packed)


@pytest.mark.requirement("API-88")
def test_the_method_itself_is_not_called_on_behalf_of_a_user() -> None:
    client = World().bot()
    with pytest.raises(RpcError, match="400 BUSINESS_CONNECTION_NOT_ALLOWED"):
        client.raw(wrapped_in_connection("demo", "demo"))


@pytest.mark.requirement("API-85", "API-88")
def test_a_wrapped_call_needs_a_connection_of_this_datacenter() -> None:
    world = World()
    client = world.bot()
    world.dc.set_connection(BusinessConnection("elsewhere", dc_id=5))
    assert not isinstance(client.ask("migrate"), RpcError)  # only what is wrapped for it has to go elsewhere
    for connection_id, error in (
        ("nope", "400 BUSINESS_CONNECTION_INVALID"),
        ("disabled", "400 BUSINESS_CONNECTION_INVALID"),
        ("elsewhere", "303 USER_MIGRATE_5"),
        ("migrate", "303 USER_MIGRATE_4"),
    ):
        with pytest.raises(RpcError, match=error):
            client.raw(wrapped_in_connection(connection_id, "demo"))


def test_the_datacenter_of_the_user_serves_the_wrapped_call_itself() -> None:
    client = World(dc_id=4).bot(dc_number=4)
    with pytest.raises(RpcError, match="400 BUSINESS_CONNECTION_NOT_ALLOWED"):
        client.raw(wrapped_in_connection("migrate", "demo"))


@pytest.mark.requirement("MSG-75", "MSG-93")
def test_an_answer_lost_with_its_connection_is_mentioned_on_the_next_one_and_fetched() -> None:
    """MSG-75, MSG-93: executed once, answered once."""
    world = World()
    client = world.bot()
    request_id = client.begin("account.getBotBusinessConnection", connection_id="lost")
    assert client.near.closed and client.far.closed and request_id not in client.done
    client.reconnect()
    world.run()
    (mention,) = client.received(schema.MsgDetailedInfo)
    assert service(mention).bytes > 100_000
    answer = decode(client.result(request_id), boxed_updates)
    assert [update.connection.connection_id for update in answer.updates] == ["lost"]
    assert world.dc.log.calls["account.getBotBusinessConnection"] == 1
    assert connections(client.ask("lost"))[0].connection_id == "lost"


def boxed_updates(buf: bytes, pos: int) -> tuple[types.Updates, int]:
    from mtproto.schema.api import functions

    return functions.account.GetBotBusinessConnection(connection_id="").read_result(buf, pos)  # type: ignore[return-value]


def wrapped_in_connection(connection_id: str, wanted: str) -> bytes:
    from mtproto.schema.api import functions

    query = functions.account.GetBotBusinessConnection(connection_id=wanted)
    return functions.InvokeWithBusinessConnection(connection_id=connection_id, query=query).to_bytes()


def test_every_connection_that_the_fixture_names_is_tested_here() -> None:
    special = {"empty", "toolong", "two", "other", "layer200", "unknown", "flood", "gzip", "container", "salt"}
    assert SPECIAL.keys() == special | {"slow", "silent", "big", "lost"}
    assert sorted(World().dc.accounts.connections) == ["demo", "disabled", "migrate", "norights"]
