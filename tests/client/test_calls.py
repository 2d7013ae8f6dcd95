"""What both front ends share, without a socket: names to functions, events to outcomes, updates."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.client import calls as module
from mtproto.client.calls import Calls, Outcome, resolve
from mtproto.errors import ConnectionLost, DecodeError, OutcomeUnknown, RpcError, UsageError
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions, types
from mtproto.session.events import Event, Ignored, NewSession, Request, Undecoded
from mtproto.tl.objects import TLObject
from tests.pair import Pair

UNKNOWN = (0x00C0FFEE).to_bytes(4, "little")
GET_CONFIG = functions.help.GetConfig()


def answered(pair: Pair, calls: Calls, result: bytes | TLObject) -> list[Outcome]:
    """The outcomes when the server answers the last request with ``result``."""
    pair.send()
    request = next(event for event in pair.take_server() if isinstance(event, Request))
    body = result if isinstance(result, bytes) else result.to_bytes()
    pair.server_session.result(request.msg_id, body, None)
    data = pair.server_writes()
    pair.client.receive_data(data)
    return list(calls.outcomes())


def ready() -> tuple[Pair, Calls, list[Event]]:
    pair, watched = Pair(), list[Event]()
    return pair, Calls(pair.link, pair.client, watched.append), watched


# ---- resolving


@pytest.mark.requirement("API-11")
def test_a_name_with_its_fields_becomes_the_function_object() -> None:
    assert resolve("account.getBotBusinessConnection", {"connection_id": "x"}) == (
        functions.account.GetBotBusinessConnection(connection_id="x")
    )
    assert resolve(GET_CONFIG, {}) is GET_CONFIG


@pytest.mark.parametrize(
    ("function", "fields", "part"),
    [
        ("help.getConfg", {}, "help.getConfg"),
        ("account.getBotBusinessConnection", {}, "connection_id"),
        ("account.getBotBusinessConnection", {"connection_id": "x", "colour": 1}, "colour"),
        ("updatesTooLong", {}, "constructor"),
        (GET_CONFIG, {"x": 1}, "fields"),
        (types.UpdatesTooLong(), {}, "UpdatesTooLong"),
        (b"bytes", {}, "bytes"),
        (functions.help.GetConfig, {}, "type"),
    ],
)
def test_what_is_wrong_with_a_call_is_said(function: Any, fields: dict[str, Any], part: str) -> None:
    with pytest.raises(UsageError, match=part):
        resolve(function, fields)


# ---- outcomes


@pytest.mark.requirement("TL-45")
def test_a_result_is_decoded_by_the_function_it_answers() -> None:
    pair, calls, _ = ready()
    request_id = calls.begin(functions.account.CheckUsername(username="x"))
    (outcome,) = answered(pair, calls, bytes.fromhex("b5757299"))
    assert outcome == Outcome(request_id, True)


@pytest.mark.parametrize("result", [UNKNOWN, types.UpdatesTooLong().to_bytes(), bytes.fromhex("b5757299") + bytes(4)])
@pytest.mark.requirement("TL-84", "MSG-141", "SEC-43")
def test_a_result_of_another_type_fails_its_request_only(result: bytes) -> None:
    """SEC-43, TL-84."""
    pair, calls, _ = ready()
    calls.begin(functions.account.CheckUsername(username="x"))
    (outcome,) = answered(pair, calls, result)
    assert isinstance(outcome.error, DecodeError) and not pair.client.closed


@pytest.mark.requirement("API-20")
def test_an_rpc_error_is_the_outcome() -> None:
    pair, calls, _ = ready()
    calls.begin(GET_CONFIG)
    (outcome,) = answered(pair, calls, schema.RpcError(error_code=303, error_message="PHONE_MIGRATE_4"))
    assert isinstance(outcome.error, RpcError)
    assert (outcome.error.name, outcome.error.dc_id) == ("PHONE_MIGRATE_X", 4)


def test_a_cancelled_call_has_no_outcome() -> None:
    pair, calls, _ = ready()
    calls.cancel(calls.begin(GET_CONFIG))
    calls.begin(GET_CONFIG)
    assert len(answered(pair, calls, UNKNOWN)) == 1
    assert calls._functions == {}


def test_the_end_of_the_connection_ends_every_call_with_its_cause() -> None:
    pair, calls, _ = ready()
    written = calls.begin(GET_CONFIG)
    pair.send()
    unwritten = calls.begin(GET_CONFIG)
    pair.client.receive_data(b"\4\0\0\0" + (-429).to_bytes(4, "little", signed=True))
    outcomes = {outcome.request_id: outcome.error for outcome in calls.outcomes()}
    assert isinstance(outcomes[written], OutcomeUnknown) and isinstance(outcomes[unwritten], ConnectionLost)
    assert all(error is not None and error.__cause__ is pair.client.error for error in outcomes.values())
    with pytest.raises(ConnectionLost, match="-429"):
        calls.begin(GET_CONFIG)


def test_a_function_that_cannot_be_encoded_is_refused_and_nothing_queued() -> None:
    pair, calls, _ = ready()
    with pytest.raises(UsageError, match="username"):
        calls.begin(functions.account.CheckUsername(username=5))  # type: ignore[arg-type]
    assert not pair.client.wants_write and calls._functions == {}


def test_a_call_that_fits_no_payload_is_refused_also_behind_another() -> None:
    pair, calls, _ = ready()
    large = functions.upload.SaveFilePart(file_id=1, file_part=1, bytes=bytes((16 << 20) - 16))
    first = functions.help.GetNearestDc()
    calls.begin(first)
    for after in ((), first):
        with pytest.raises(UsageError, match="a body is"):
            calls.begin(large, after)
    assert len(pair.session.unfinished()) == 1


def test_a_call_without_an_auth_key_is_refused() -> None:
    pair, calls, _ = ready()
    pair.link.current = None
    with pytest.raises(UsageError, match="auth key"):
        calls.begin(GET_CONFIG)


# ---- updates


def test_updates_are_decoded_and_kept_in_their_order() -> None:
    pair, calls, _ = ready()
    first = types.UpdateShort(update=types.UpdatePtsChanged(), date=1)
    pair.client.receive_data(b"")
    for update in (first, types.UpdatesTooLong()):
        pair.forge(update)
    pair_events(pair)
    assert list(calls.outcomes()) == []
    assert list(calls.updates) == [first, types.UpdatesTooLong()]


def pair_events(pair: Pair) -> None:
    """Hand back to the connection what ``Pair`` has collected from it."""
    pair.client._events.extend(pair.events)
    pair.events.clear()


@pytest.mark.requirement("TL-84", "MSG-142", "SEC-59", "API-75")
def test_an_update_that_cannot_be_decoded_is_handed_up_as_it_is() -> None:
    """TL-84, MSG-142."""
    pair, calls, _ = ready()
    pair.forge(UNKNOWN, msg_id=pair.server_msg_id())
    pair_events(pair)
    list(calls.outcomes())
    (undecoded,) = calls.updates
    assert isinstance(undecoded, Undecoded) and undecoded.body == UNKNOWN


def test_unread_updates_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """SEC-33: a few packed bytes make a large update, and nobody may ever read them."""
    monkeypatch.setattr(module, "MAX_UPDATE_BYTES", 1000)
    pair, calls, _ = ready()

    def bring(*sizes: int) -> None:
        for size in sizes:
            pair.forge(UNKNOWN[:4] + bytes(size - 4))
        pair_events(pair)
        list(calls.outcomes())

    bring(400, 400, 400)
    assert (len(calls.updates), calls.updates_dropped) == (2, 1)
    calls.updates.popleft()
    bring(400)
    assert (len(calls.updates), calls.updates_dropped) == (2, 1)
    bring(4000)
    assert (len(calls.updates), calls.updates_dropped) == (1, 3)
    bring(4)
    assert (len(calls.updates), calls.updates_dropped) == (1, 4)


@pytest.mark.requirement("MSG-142")
def test_one_that_is_not_content_related_is_ignored() -> None:
    """MSG-142."""
    pair, calls, watched = ready()
    pair.forge(UNKNOWN, seqno=2)
    pair_events(pair)
    list(calls.outcomes())
    assert not calls.updates
    assert [type(event) for event in watched] == [Ignored]


def test_a_new_session_is_among_the_updates() -> None:
    pair, calls, _ = ready()
    calls.begin(GET_CONFIG)
    assert answered(pair, calls, UNKNOWN)
    assert [type(update) for update in calls.updates] == [NewSession]


@pytest.mark.requirement("MSG-36")
def test_service_queries_are_no_api_calls() -> None:
    """MSG-36: even seqno, no preamble."""
    pair = Pair(preamble=b"PREAMBLE")
    calls = Calls(pair.link, pair.client)
    calls.begin(schema.Ping(ping_id=5))
    pair.client_writes()
    (message,) = pair.client_ear.take()
    assert message.body == schema.Ping(ping_id=5).to_bytes() and message.seqno == 0
