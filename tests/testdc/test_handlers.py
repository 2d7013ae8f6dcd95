"""Handlers of one's own: what they see and how they answer (API-100, API-102)."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.errors import RpcError, UsageError
from mtproto.schema.api import types
from mtproto.testdc import Call, Reply
from tests.testdc.rig import World


def test_a_handler_answers_with_an_object() -> None:
    world = World()
    world.dc.handle("help.getInviteText", lambda call: types.help.InviteText(message="come"))
    assert world.bot().call("help.getInviteText").message == "come"


@pytest.mark.requirement("TL-50")
def test_a_handler_answers_with_a_bool_a_vector_or_bytes() -> None:
    world = World()
    client = world.bot()
    answers: list[Reply] = [True, False]
    world.dc.handle("account.resetNotifySettings", lambda call: answers.pop(0))
    assert client.call("account.resetNotifySettings") is True
    assert client.call("account.resetNotifySettings") is False
    world.dc.handle("users.getUsers", lambda call: [types.UserEmpty(id=5)])
    assert client.call("users.getUsers", id=[]) == [types.UserEmpty(id=5)]
    world.dc.handle("users.getUsers", lambda call: bytes.fromhex("15c4b51c00000000"))
    assert client.call("users.getUsers", id=[]) == []


@pytest.mark.requirement("API-102")
def test_a_handler_fails_a_call() -> None:
    world = World()

    def refuse(call: Call) -> Reply:
        raise RpcError(403, "NOT_TODAY_5")

    world.dc.handle("help.getConfig", refuse)
    with pytest.raises(RpcError) as caught:
        world.bot().call("help.getConfig")
    assert (caught.value.code, caught.value.name) == (403, "NOT_TODAY_X")
    assert world.dc.log.errors == {"NOT_TODAY_X": 1}


def test_a_handler_answers_later_and_only_the_first_answer_counts() -> None:
    world = World()
    calls: list[Call] = []
    woken: list[bool] = []
    world.dc.handle("help.getInviteText", calls.append)
    client = world.bot()
    request_id = client.begin("help.getInviteText")
    world.dc.on_ready = lambda: woken.append(True)
    calls[0].answer(types.help.InviteText(message="first"))
    calls[0].answer(types.help.InviteText(message="second"))
    assert woken == [True]
    world.run()
    assert b"first" in client.result(request_id)


@pytest.mark.requirement("API-102")
def test_a_handler_answers_after_a_time() -> None:
    world = World()
    world.dc.handle("help.getInviteText", lambda call: call.answer_after(5, types.help.InviteText(message="late")))
    client = world.bot()
    request_id = client.begin("help.getInviteText")
    deadline = world.dc.next_deadline()
    assert deadline is not None
    assert 4.9 < deadline - world.env.monotonic() <= 5
    world.advance(4.9)
    assert request_id not in client.done
    world.advance(0.2)
    assert b"late" in client.result(request_id)


@pytest.mark.requirement("API-102")
def test_a_handler_sees_who_calls_and_how() -> None:
    world = World()
    seen: dict[str, Any] = {}

    def look(call: Call) -> Reply:
        seen.update(
            layer=call.key.layer, client=call.key.client, bot=call.bot, wrappers=call.wrappers, query=call.query
        )
        return True

    world.dc.handle("account.updateStatus", look)
    world.bot().call("account.updateStatus", offline=True)
    assert seen["layer"] == 229
    assert seen["client"]["device_model"] == "mtproto"
    assert seen["bot"].user.user_id == 2000
    assert seen["query"].offline is True


@pytest.mark.requirement("API-100")
def test_a_handler_replaces_a_built_in_method() -> None:
    world = World()
    world.dc.handle(
        "help.getNearestDc", lambda call: types.NearestDc(country="YY", this_dc=2, nearest_dc=9), login=False
    )
    assert world.client().call("help.getNearestDc").nearest_dc == 9
    assert World().client().call("help.getNearestDc").nearest_dc == 2, "only there"


def test_a_handler_may_open_a_method_to_those_who_are_not_logged_in() -> None:
    world = World()
    world.dc.handle("account.updateStatus", lambda call: True, login=False)
    assert world.client().call("account.updateStatus", offline=True) is True


@pytest.mark.parametrize("name", ["help.getNothing", "inputUserSelf", ""])
def test_only_functions_can_be_handled(name: str) -> None:
    with pytest.raises(UsageError):
        World().dc.handle(name, lambda call: True)


def test_a_handler_that_answers_with_something_else_is_told_so() -> None:
    world = World()
    world.dc.handle("account.updateStatus", lambda call: 5)  # type: ignore[arg-type, return-value]
    client = world.bot()
    with pytest.raises(UsageError, match="answered with int"):
        client.call("account.updateStatus", offline=True)
