"""What a server's errors become for the caller (API-20, API-22..25, SEC-55, SEC-56)."""

from __future__ import annotations

import pytest

from mtproto.client.calls import Calls
from mtproto.errors import RpcError
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions
from mtproto.session.events import Request
from tests.pair import Pair


def failed(code: int, text: str) -> tuple[RpcError, list[Request]]:
    """The error of a call that is answered so, and what the server heard after it within a day."""
    pair = Pair()
    calls = Calls(pair.link, pair.client)
    calls.begin(functions.help.GetConfig())
    pair.send()
    (request,) = [event for event in pair.take_server() if isinstance(event, Request)]
    body = schema.RpcError(error_code=code, error_message=text).to_bytes()
    pair.server_session.result(request.msg_id, body, None)
    pair.client.receive_data(pair.server_writes())
    (outcome,) = calls.outcomes()
    pair.run()
    for _ in range(24):
        pair.advance(3600)
        pair.run()
    assert isinstance(outcome.error, RpcError)
    return outcome.error, [event for event in pair.take_server() if isinstance(event, Request)]


@pytest.mark.requirement("API-20")
@pytest.mark.parametrize(
    ("text", "name", "number"),
    [
        ("FLOOD_WAIT_17", "FLOOD_WAIT_X", 17),
        ("FILE_PART_3_MISSING", "FILE_PART_X_MISSING", 3),
        ("2FA_CONFIRM_WAIT_5", "2FA_CONFIRM_WAIT_X", 5),
        ("USER_MIGRATE_4", "USER_MIGRATE_X", 4),
        ("CHAT_INVALID", "CHAT_INVALID", None),
        ("", "", None),
    ],
)
def test_the_number_is_taken_out_of_the_name_wherever_it_stands(text: str, name: str, number: int | None) -> None:
    error, _ = failed(400, text)
    assert (error.code, error.message, error.name, error.number) == (400, text, name, number)


@pytest.mark.requirement("SEC-55")
@pytest.mark.parametrize(
    ("text", "number"),
    [("FLOOD_WAIT_0", 0), ("FLOOD_WAIT_1000000000", 10**9), ("FLOOD_WAIT_-5", None), ("FLOOD_WAIT", None),
     ("FLOOD_WAIT_", None), ("FLOOD_WAIT_x", None), ("FLOOD_WAIT_" + "9" * 5000, int("9" * 20))],
)  # fmt: skip
def test_a_flood_wait_is_raised_at_once_with_its_value_and_never_waited_for(text: str, number: int | None) -> None:
    """No limit of the caller's allows a wait: the call fails at once, whatever the number is."""
    error, again = failed(420, text)
    assert (error.code, error.number) == (420, number)
    assert again == []


@pytest.mark.requirement("API-22", "SEC-56")
@pytest.mark.parametrize("code", [406, 500, -503, 0, 10**9, -(2**31), 2**31 - 1])
def test_no_error_is_answered_with_the_same_call_again(code: int) -> None:
    error, again = failed(code, "SOMETHING")
    assert error.code == code and again == []


@pytest.mark.requirement("SEC-54", "API-20")
@pytest.mark.parametrize(
    ("text", "dc_id"), [("USER_MIGRATE_4", 4), ("USER_MIGRATE_0", 0), ("USER_MIGRATE_99999", 99999)]
)
def test_a_migration_is_told_and_not_followed(text: str, dc_id: int) -> None:
    """So it cannot go round in a circle; where the number leads is the caller's decision."""
    error, again = failed(303, text)
    assert error.dc_id == dc_id and again == []
