"""invokeAfterMsg and invokeAfterMsgs: calls that wait for others (API-07, API-08, SEC-81)."""

from __future__ import annotations

from typing import Any

import pytest

from mtproto.errors import RpcError
from mtproto.schema.api import functions
from mtproto.testdc import Call
from tests.testdc.rig import Client, World


class Script:
    """help.getNearestDc served by hand: calls are kept until the test answers them."""

    def __init__(self) -> None:
        self.world = World()
        self.client: Client = self.world.bot()
        self.calls: list[Call] = []
        self.world.dc.handle("help.getNearestDc", self._keep, login=False)

    def _keep(self, call: Call) -> None:
        self.calls.append(call)

    def send(self, *after: int) -> int:
        """Send a call that runs after the requests ``after``; returns its request_id."""
        query: Any = functions.help.GetNearestDc()
        if after:
            query = functions.InvokeAfterMsgs(msg_ids=[self.msg_id(other) for other in after], query=query)
        request_id = self.client.request(query)
        self.world.run()
        return request_id

    def msg_id(self, request_id: int) -> int:
        return self.client.session._requests[request_id].msg_ids[-1]

    def answer(self, index: int, reply: Any = True) -> None:
        self.calls[index].answer(reply)
        self.world.run()

    def error(self, request_id: int) -> str:
        with pytest.raises(RpcError) as caught:
            self.client.result(request_id)
        return str(caught.value)


@pytest.mark.requirement("SEC-81", "API-07")
def test_a_call_runs_after_the_one_it_names() -> None:
    script = Script()
    first = script.send()
    script.send(first)
    assert len(script.calls) == 1
    script.answer(0)
    assert len(script.calls) == 2


@pytest.mark.requirement("SEC-81", "API-07")
def test_a_call_runs_after_all_that_it_names() -> None:
    script = Script()
    first, second = script.send(), script.send()
    script.send(first, second)
    script.answer(1)
    assert len(script.calls) == 2
    script.answer(0)
    assert len(script.calls) == 3


def test_a_chain_runs_link_by_link() -> None:
    script = Script()
    first = script.send()
    second = script.send(first)
    script.send(second)
    script.answer(0)
    assert len(script.calls) == 2
    script.answer(1)
    assert len(script.calls) == 3


@pytest.mark.requirement("API-08")
def test_a_call_that_waits_longer_than_half_a_second_is_told_so() -> None:
    script = Script()
    waiting = script.send(script.send())
    script.world.advance(0.4)
    assert waiting not in script.client.done
    script.world.advance(0.2)
    assert script.error(waiting) == "400 MSG_WAIT_TIMEOUT"
    script.answer(0)
    assert len(script.calls) == 1


@pytest.mark.requirement("SEC-81", "API-08")
def test_when_the_first_fails_those_that_wait_for_it_fail_too() -> None:
    script = Script()
    first = script.send()
    second = script.send(first)
    third = script.send(second)
    script.answer(0, RpcError(400, "NO"))
    assert script.error(second) == "400 MSG_WAIT_FAILED"
    assert script.error(third) == "400 MSG_WAIT_FAILED"
    assert len(script.calls) == 1


def test_a_call_after_one_that_failed_long_ago_fails_at_once() -> None:
    script = Script()
    with pytest.raises(RpcError):
        script.client.ask("nope")
    (failed,) = [msg_id for msg_id, success in _outcomes(script).items() if success is False]
    query = functions.InvokeAfterMsg(msg_id=failed, query=functions.help.GetNearestDc())
    with pytest.raises(RpcError, match="400 MSG_WAIT_FAILED"):
        script.client.raw(query.to_bytes())


def test_a_call_after_a_message_that_never_came_is_told_so() -> None:
    script = Script()
    now = int(script.client.link.time.now()) << 32
    request_id = script.client.request(
        functions.InvokeAfterMsg(msg_id=now + (20 << 32), query=functions.help.GetNearestDc())
    )
    script.world.run()
    script.world.advance(0.6)
    assert script.error(request_id) == "400 MSG_WAIT_TIMEOUT"


def test_the_named_call_may_arrive_behind_the_one_that_waits_in_the_same_container() -> None:
    script = Script()
    msg_ids: list[int] = []

    def waits(msg_id: int, session: object) -> bytes:
        msg_ids.append(msg_id)
        return functions.InvokeAfterMsg(msg_id=msg_id + 4, query=functions.users.GetUsers(id=[])).to_bytes()

    waiting = script.client.request(waits)
    script.client.env.tick = 0.0
    first = script.send()
    assert script.msg_id(first) == msg_ids[0] + 4
    assert waiting not in script.client.done
    script.answer(0)
    assert script.client.result(waiting)


def _outcomes(script: Script) -> dict[int, bool | Call]:
    keys = script.client.link.keys
    assert keys is not None
    key: Any = script.world.dc.key_state(keys.auth_key.auth_key_id)
    return key.sessions[script.client.session.session_id].outcomes  # type: ignore[no-any-return]


def test_only_so_many_outcomes_are_remembered() -> None:
    script = Script()
    for _ in range(1100):
        script.client.request(functions.users.GetUsers(id=[]))
    script.world.run()
    assert len(_outcomes(script)) == 1000


@pytest.mark.requirement("API-09")
def test_the_order_wrapper_may_stand_outside_or_inside_the_others() -> None:
    script = Script()
    first = script.send()
    inside = functions.InvokeWithoutUpdates(
        query=functions.InvokeAfterMsg(msg_id=script.msg_id(first), query=functions.help.GetNearestDc())
    )
    outside = functions.InvokeAfterMsg(
        msg_id=script.msg_id(first), query=functions.InvokeWithoutUpdates(query=functions.help.GetNearestDc())
    )
    script.client.request(inside)
    script.client.request(outside)
    script.world.run()
    assert len(script.calls) == 1
    script.answer(0)
    assert len(script.calls) == 3
    assert isinstance(script.calls[1].query, functions.help.GetNearestDc)


LONG_CHAIN = 600
"""Calls behind one another: with some frames for each of them they would not fit Python's stack."""


def long_chain() -> Script:
    script = Script()
    last = script.send()
    for _ in range(LONG_CHAIN):
        last = script.send(last)
    return script


def test_a_long_chain_of_calls_runs_in_its_order() -> None:
    script = long_chain()
    order: list[int] = []
    script.world.dc.handle("help.getNearestDc", lambda call: order.append(call.msg_id) or True, login=False)
    script.answer(0)
    assert len(order) == LONG_CHAIN
    assert order == sorted(order)


def test_a_long_chain_of_calls_fails_as_one() -> None:
    script = long_chain()
    script.answer(0, RpcError(400, "NO"))
    assert script.world.dc.log.errors["MSG_WAIT_FAILED"] == LONG_CHAIN


def test_a_long_chain_of_calls_times_out_as_one() -> None:
    script = long_chain()
    script.world.advance(1.0)
    errors = script.world.dc.log.errors
    assert errors["MSG_WAIT_FAILED"] + errors["MSG_WAIT_TIMEOUT"] == LONG_CHAIN


def test_nothing_is_kept_of_calls_that_wait_no_longer() -> None:
    script = Script()
    first, second = script.send(), script.send()
    script.send(first, second)
    script.send(first)
    script.answer(0)
    script.answer(2)
    script.world.advance(1.0)
    (session,) = script.calls[0].key.sessions.values()
    assert (session.waiting, session.settled) == ({}, [])
