"""API-102: what a handler sees of a call, and everything it may do with it."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.errors import RpcError
from mtproto.message.gzip import constructor_of
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions, read_object, types
from mtproto.session.events import Answered, RequestFailed
from mtproto.testdc import Call, Reply
from mtproto.tl.registry import decode
from tests.testdc.rig import APP, NOW, Client, World
from tests.testdc.test_files import refused

NAME = "help.getInviteText"
TOO_LONG = types.UpdatesTooLong()
TEXT = types.help.InviteText(message="come")


def watched(reply: Reply | None = TEXT, **options: Any) -> tuple[World, list[Call]]:
    world = World()
    calls: list[Call] = []

    def handler(call: Call) -> Reply | None:
        calls.append(call)
        return reply

    world.dc.handle(NAME, handler, **options)
    return world, calls


def pushed(client: Client) -> list[Any]:
    return [decode(update.body, read_object) for update in client.updates()]


def test_a_handler_sees_key_session_layer_client_login_and_wrappers() -> None:
    world, calls = watched()
    client = world.bot()
    query = functions.InvokeWithoutUpdates(
        query=functions.InvokeWithTakeout(takeout_id=7, query=functions.help.GetInviteText())
    )
    request_id = client.request(query)
    world.run()
    assert client.result(request_id) == TEXT.to_bytes()
    (call,) = calls
    assert (call.key_kind, call.key.media, call.key.expires_at) == ("permanent", False, None)
    assert call.session.session_id == client.session.session_id
    assert call.key.layer == 229
    assert call.key.client is not None
    assert call.key.client["device_model"] == APP.device_model
    assert call.account is call.bot is world.dc.accounts.bots[world.dc.accounts.bot_token]
    assert [(wrapper.name, wrapper.fields) for wrapper in call.wrappers] == [
        ("invokeWithoutUpdates", {}),
        ("invokeWithTakeout", {"takeout_id": 7}),
    ]
    assert call.wrapper("invokeWithTakeout") is call.wrappers[1]
    assert call.wrapper("invokeAfterMsg") is call.business is None
    assert isinstance(call.query, functions.help.GetInviteText)
    assert abs(call.now - NOW) <= 1


def test_a_handler_sees_a_temporary_key_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from mtproto.testdc import rpc

    monkeypatch.setattr(rpc, "UNBOUND", rpc.UNBOUND | {NAME})
    world, calls = watched(login=False)
    world.client(expires_at=NOW + 3600).call(NAME)
    assert calls[0].key_kind == "temporary"


def test_a_handler_sees_a_key_for_files_as_one_and_no_update_reaches_it() -> None:
    """AUTH-15, API-61."""
    world, calls = watched()
    client = world.client(exchange=True, media=True)
    client.log_in()
    client.call(NAME)
    assert calls[0].key.media
    world.dc.push(TOO_LONG)
    world.run()
    assert client.updates() == []


def test_a_handler_sees_that_nobody_is_logged_in() -> None:
    world, calls = watched(login=False)
    world.client().call(NAME)
    assert calls[0].key.account is None
    with pytest.raises(RpcError, match="401 AUTH_KEY_UNREGISTERED"):
        _ = calls[0].account


def test_a_handler_fails_a_call_by_returning_an_error_or_later() -> None:
    world, calls = watched(RpcError(400, "FIRST_NAME_INVALID"))
    client = world.bot()
    assert refused(client.call, NAME) == "400 FIRST_NAME_INVALID"
    world.dc.handle(NAME, calls.append)
    request_id = client.begin(NAME)
    assert request_id not in client.done
    calls[-1].answer(RpcError(420, "FLOOD_WAIT_3"))
    world.run()
    assert refused(client.result, request_id) == "420 FLOOD_WAIT_3"


def test_a_handler_delays_an_error() -> None:
    world, calls = watched(None)
    client = world.bot()
    request_id = client.begin(NAME)
    calls[0].answer_after(2, RpcError(500, "RPC_CALL_FAIL"))
    world.advance(1.9)
    assert request_id not in client.done
    world.advance(0.2)
    assert refused(client.result, request_id) == "500 RPC_CALL_FAIL"


def test_a_handler_pushes_to_the_session_of_the_call_before_its_answer() -> None:
    world, _ = watched()
    client, other = world.bot(), world.bot()

    def handler(call: Call) -> Reply:
        call.push(TOO_LONG)
        return TEXT

    world.dc.handle(NAME, handler)
    assert client.call(NAME).message == "come"
    assert pushed(client) == [TOO_LONG]
    assert other.updates() == []
    kinds = [type(event) for event in client.events if isinstance(event, Answered) or event in client.updates()]
    assert kinds[-1] is Answered


UPDATES: list[Any] = [
    types.UpdatesTooLong(),
    types.UpdateShort(update=types.UpdateConfig(), date=1),
    types.UpdateShortMessage(id=1, user_id=2, message="m", pts=5, pts_count=1, date=3),
    types.UpdateShortChatMessage(id=1, from_id=2, chat_id=3, message="m", pts=9, pts_count=1, date=3),
    types.UpdateShortSentMessage(id=1, pts=5, pts_count=1, date=3),
    types.Updates(updates=[types.UpdateChannelTooLong(channel_id=5)], users=[], chats=[], date=1, seq=7),
    types.UpdatesCombined(updates=[], users=[], chats=[], date=1, seq_start=9, seq=12),
]


def test_every_form_of_updates_is_pushed_to_one_account_or_to_all() -> None:
    """API-76: in the order of the script, with its gaps and repetitions."""
    world = World()
    bot, stranger = world.bot(), world.client()
    stranger.call("help.getConfig")
    other = world.dc.accounts.add_bot(types_user(), "2001:token")
    second = world.client()
    second.log_in(token="2001:token")
    for update in (*UPDATES, UPDATES[2]):
        world.dc.push(update, world.dc.accounts.bots[world.dc.accounts.bot_token])
    world.dc.push(TOO_LONG, other)
    world.dc.push(UPDATES[1])
    world.run()
    assert pushed(bot) == [*UPDATES, UPDATES[2], UPDATES[1]]
    assert pushed(second) == [TOO_LONG, UPDATES[1]]
    assert stranger.updates() == []


def types_user() -> Any:
    from mtproto.testdc import User

    return User(2001, 1, "Second", bot=True)


def test_an_update_that_the_layer_of_a_client_has_not_is_left_out() -> None:
    world = World()
    client = world.bot()
    keys: Any = world.dc.key_state(client.link.keys.auth_key.auth_key_id)  # type: ignore[union-attr]
    keys.layer = 158
    newer = types.UpdateShort(update=types.UpdateBotBusinessConnect(connection=connection(), qts=1), date=1)
    world.dc.push(newer)
    world.dc.push(TOO_LONG)
    world.run()
    assert [constructor_of(update.body) for update in client.updates()] == [types.UpdatesTooLong.ID]


def connection() -> types.BotBusinessConnection:
    return types.BotBusinessConnection(connection_id="c", user_id=1, dc_id=2, date=1)


def test_a_handler_drops_the_connection_and_answers_on_the_next() -> None:
    world, calls = watched(None)
    client = world.bot()
    request_id = client.begin(NAME)
    calls[0].drop()
    world.run()
    assert client.near.closed and client.far.closed
    assert request_id not in client.done
    calls[0].answer(TEXT)
    client.reconnect()
    world.run()
    assert client.result(request_id) == TEXT.to_bytes()
    assert len(calls) == 1, "executed once"


def test_a_handler_that_says_nothing_leaves_the_call_open() -> None:
    world, _ = watched(None)
    client = world.bot()
    request_id = client.begin(NAME)
    world.advance(60)
    assert request_id not in client.done
    assert not client.near.closed
    assert client.call("help.getConfig").this_dc == 2
    assert not any(isinstance(event, RequestFailed) for event in client.events)
    assert client.received(schema.MsgsAck), "it is acknowledged (MSG-74)"
