"""Calls behind others (invokeAfterMsg, API-07..09), and calls that may be repeated (MSG-97)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import mtproto
from mtproto.client.calls import Calls, Outcome
from mtproto.errors import RpcError
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions, types
from mtproto.testdc import Call
from mtproto.testdc.listener import serve
from tests.client.rig import APP, LOGIN, address, new_dc, run
from tests.testdc.rig import Client, World

NEAREST = types.NearestDc(country="XX", this_dc=2, nearest_dc=2)


def nearest() -> functions.help.GetNearestDc:
    return functions.help.GetNearestDc()


class Script:
    """Calls to a datacenter in memory; help.getNearestDc is answered by hand, in ``calls``."""

    def __init__(self) -> None:
        self.world = World()
        self.client: Client = self.world.bot()
        self.calls = Calls(self.client.link, self.client.near)
        self.held: list[Call] = []
        self.world.dc.handle("help.getNearestDc", self.held.append, login=False)  # type: ignore[arg-type]

    def begin(self, function: Any = None, after: Any = ()) -> int:
        return self.calls.begin(nearest() if function is None else function, after)

    def run(self) -> dict[int, Outcome]:
        """Carry bytes until nobody has anything to say; the calls that ended."""
        done = {}
        for _ in range(12):
            while data := self.client.near.data_to_send():
                self.client.far.receive_data(data)
            self.world.dc.process(self.client.far)
            while data := self.client.far.data_to_send():
                self.client.near.receive_data(data)
            done |= {outcome.request_id: outcome for outcome in self.calls.outcomes()}
        return done

    def wrappers(self) -> list[list[tuple[str, Any]]]:
        """The invokeAfterMsg(s) of the calls that reached their handler, in this order."""
        return [[(w.name, *w.fields.values()) for w in call.wrappers if "After" in w.name] for call in self.held]


@pytest.mark.requirement("SEC-38", "API-07")
def test_a_call_behind_another_is_executed_after_its_answer() -> None:
    script = Script()
    first = nearest()
    one, two = script.begin(first), script.begin(after=first)
    assert script.run() == {} and len(script.held) == 1
    script.held[0].answer(NEAREST)
    assert script.run().keys() == {one} and len(script.held) == 2
    assert script.wrappers() == [[], [("invokeAfterMsg", script.held[0].msg_id)]]
    script.held[1].answer(NEAREST)
    assert script.run()[two].value == NEAREST


@pytest.mark.requirement("API-07")
def test_a_call_may_be_behind_several() -> None:
    script = Script()
    first, second = nearest(), nearest()
    script.begin(first), script.begin(second), script.begin(after=[second, first])
    script.run()
    ids = [call.msg_id for call in script.held]
    assert len(ids) == 2
    for call in list(script.held):
        call.answer(NEAREST)
    script.run()
    assert script.wrappers()[2] == [("invokeAfterMsgs", ids)]


def test_what_is_over_is_not_waited_for() -> None:
    script = Script()
    first = nearest()
    script.begin(first)
    script.run()
    script.held[0].answer(NEAREST)
    script.run()
    script.begin(after=first)
    script.run()
    assert script.wrappers() == [[], []]
    script.begin(after=nearest())  # an equal object is another call
    script.run()
    assert script.wrappers() == [[], [], []]


@pytest.mark.requirement("API-07")
def test_a_wrong_salt_sends_both_again_in_their_order_under_the_new_id() -> None:
    script = Script()
    assert script.client.link.keys is not None
    script.client.link.keys.salts.adopt(99)
    first = nearest()
    script.begin(first), script.begin(after=first)
    script.run()
    assert len(script.held) == 1
    script.held[0].answer(NEAREST)
    script.run()
    assert script.wrappers()[1] == [("invokeAfterMsg", script.held[0].msg_id)]


def test_one_that_is_sent_again_first_waits_for_the_other() -> None:
    """The server refuses them one by one, the later one first."""
    script = Script()
    first = nearest()
    one = script.begin(first)
    two = script.begin(after=first)
    while script.client.near.data_to_send():
        pass
    session = script.client.session
    assert session.send_again([session._requests[two]], 16) == []
    assert session.send_again([session._requests[one]], 16) == []
    script.run()
    assert len(script.held) == 1 and script.held[0].wrappers == ()
    script.held[0].answer(NEAREST)
    script.run()
    assert script.wrappers()[1] == [("invokeAfterMsg", script.held[0].msg_id)]


@pytest.mark.requirement("API-08")
def test_the_server_waits_half_a_second_and_the_client_as_long_as_it_takes() -> None:
    """API-08: MSG_WAIT_TIMEOUT."""
    script = Script()
    first = nearest()
    one, two = script.begin(first), script.begin(after=first)
    script.run()
    for _ in range(10):
        script.world.env.advance(1)
        script.client.env.advance(1)
        script.world.dc.handle_timer()
        assert script.run() == {} and len(script.held) == 1
    script.held[0].answer(NEAREST)
    assert script.run().keys() == {one}
    assert script.wrappers() == [[], []]  # nothing to wait for any more
    script.held[1].answer(NEAREST)
    assert script.run()[two].value == NEAREST


def test_behind_one_that_the_client_holds_back_a_call_is_held_back_too() -> None:
    """Each is behind the one before it; the server would execute the third before the second."""
    script = Script()
    first, second, third = nearest(), nearest(), nearest()
    one, two = script.begin(first), script.begin(second, after=first)
    assert script.run() == {}
    script.world.advance(0.6)
    script.world.dc.handle_timer()
    script.run()  # the second came back with MSG_WAIT_TIMEOUT
    three = script.begin(third, after=second)
    assert script.run() == {}
    assert len(script.held) == 1
    ended: list[int] = []
    for position in range(3):
        script.held[position].answer(NEAREST)
        ended += script.run()
    assert ended == [one, two, three]


@pytest.mark.requirement("API-08")
def test_behind_one_that_fails_a_call_is_executed_all_the_same() -> None:
    """API-08: MSG_WAIT_FAILED; the chain goes on in its order."""
    script = Script()
    first, second = nearest(), nearest()
    one, two, three = script.begin(first), script.begin(second, first), script.begin(after=second)
    script.run()
    script.held[0].answer(RpcError(400, "NO"))
    done = script.run()
    assert done.keys() == {one} and str(done[one].error) == "400 NO"
    for _ in range(2):
        script.held[-1].answer(NEAREST)
        done |= script.run()
    assert done[two].value == done[three].value == NEAREST
    assert len(script.held) == 3


def test_a_cancelled_call_is_not_waited_for() -> None:
    script = Script()
    first = nearest()
    one, two = script.begin(first), script.begin(after=first)
    script.calls.cancel(one)
    script.run()
    assert len(script.held) == 1 and script.wrappers() == [[]]
    script.held[0].answer(NEAREST)
    assert script.run().keys() == {two}


def test_a_server_that_never_lets_it_in_fails_the_call() -> None:
    script = Script()
    script.world.dc.handle("help.getInviteText", lambda call: RpcError(400, "MSG_WAIT_TIMEOUT"), login=False)
    first = nearest()
    script.begin(first)
    two = script.begin(functions.help.GetInviteText(), first)
    script.run()
    script.held[0].answer(NEAREST)
    done = script.run()
    assert str(done[two].error) == "400 MSG_WAIT_TIMEOUT"


def test_a_caller_who_wrapped_the_call_himself_gets_the_error() -> None:
    script = Script()
    query: Any = functions.InvokeAfterMsg(msg_id=4, query=nearest())
    request_id = script.begin(query)
    script.world.env.advance(0)
    script.run()
    script.world.env.advance(1)
    script.world.dc.handle_timer()
    assert "MSG_WAIT" in str(script.run()[request_id].error)


@pytest.mark.parametrize("large", [40_000, 200_000])
def test_a_large_call_behind_another_travels_alone(large: int) -> None:
    """Its size counts although its body is made when it leaves (TL-68)."""
    script = Script()
    first = nearest()
    script.begin(first)
    data = bytes(script.client.env.random_bytes(large))
    script.begin(functions.upload.SaveFilePart(file_id=1, file_part=0, bytes=data), first)
    sizes = []
    while (inner := script.client.session.flush(script.client.near)) is not None:
        sizes.append(len(inner.body))
    assert len(sizes) == 2 and sizes[0] < 1000 < large < sizes[1]


def test_both_in_one_turn_of_the_loop() -> None:
    order: list[str] = []

    async def main() -> None:
        dc = new_dc()
        dc.handle("help.getNearestDc", lambda call: order.append("first") or NEAREST, login=False)
        dc.handle("help.getInviteText", lambda call: order.append("second") or types.help.InviteText(message=""))
        async with serve(dc) as listener, await mtproto.connect(address(listener), APP) as client:
            await client.call("auth.importBotAuthorization", **LOGIN)
            first = nearest()
            await asyncio.gather(client.call(first), client.call(functions.help.GetInviteText(), after=first))

    run(main)
    assert order == ["first", "second"]


# ---- what may be repeated


@pytest.mark.parametrize(
    ("function", "repeatable"),
    [
        (nearest(), False),
        (functions.messages.SendMessage(peer=types.InputPeerSelf(), message="", random_id=5), True),
        (
            functions.InvokeWithoutUpdates(
                query=functions.messages.SendMessage(peer=types.InputPeerSelf(), message="", random_id=5)
            ),
            True,
        ),
        (functions.InvokeWithoutUpdates(query=nearest()), False),
        (schema.Ping(ping_id=1), True),
    ],
)
@pytest.mark.requirement("MSG-97")
def test_a_random_id_or_a_service_query_may_be_repeated(function: Any, repeatable: bool) -> None:
    script = Script()
    request_id = script.begin(function)
    assert script.client.session._requests[request_id].repeatable is repeatable
