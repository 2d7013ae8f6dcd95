"""When a lost connection is made again, and what calls make of it, without sockets (TR-56, 57, 122, AUTH-80)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mtproto.client.calls import Calls, Outcome
from mtproto.client.recovery import Reconnected, Reconnecting, Recovery
from mtproto.connection import Connection
from mtproto.errors import ConnectionLost, OutcomeUnknown, SecurityError, TransportFault
from mtproto.schema import mtproto as schema
from mtproto.schema.api import functions, types
from mtproto.session.events import Closed, Event, Request
from mtproto.testing import ScriptedEnvironment
from tests.pair import Pair
from tests.session.helpers import of, only

NEAREST = types.NearestDc(country="XX", this_dc=2, nearest_dc=2)


def recovery(*jitter: int) -> Recovery:
    env = ScriptedEnvironment(seed=b"recovery", entropy=[value.to_bytes(4, "little") for value in jitter])
    return Recovery(env)


# ---- back-off


@pytest.mark.requirement("TR-122", "MSG-150")
def test_the_delay_doubles_from_1_to_64_seconds() -> None:
    plain = recovery(*[0] * 10)
    assert [plain.failed(None).delay for _ in range(10)] == [1, 2, 4, 8, 16, 32, 32, 32, 32, 32]
    most = recovery(*[2**32 - 1] * 10)
    delays = [most.failed(None).delay for _ in range(10)]
    assert [round(delay, 3) for delay in delays] == [2, 4, 8, 16, 32, 64, 64, 64, 64, 64]


@pytest.mark.requirement("TR-122")
def test_every_delay_has_its_jitter_and_stays_within_1_and_64_seconds() -> None:
    some = recovery()
    delays = [some.failed(None).delay for _ in range(1000)]
    assert all(1 <= delay <= 64 for delay in delays)
    assert len(set(delays)) == 1000 and all(a != b for a, b in pairwise(delays))


def test_the_attempt_is_due_when_the_delay_is_over() -> None:
    env = ScriptedEnvironment(entropy=[bytes(4)])
    one = Recovery(env)
    assert one.idle and not one.begin()
    one.failed(None)
    assert not one.idle and not one.begin()
    env.advance(0.999)
    assert not one.begin()
    env.advance(0.001)
    assert one.begin() and one.under_way and not one.idle and not one.begin()
    assert one.made() == Reconnected(1) and one.idle


def test_only_an_authentic_word_starts_the_delays_over() -> None:
    """A server that takes connections and drops them is no reason to hurry."""
    one = recovery(*[0] * 6)
    delays = []
    for heard in (False, False, False, True, False):
        reconnecting = one.lost(None, heard=heard)
        assert reconnecting is not None
        delays.append(reconnecting.delay)
        one.made()
    assert delays == [1, 2, 4, 1, 2]


# ---- what a transport error means


@pytest.mark.requirement("TR-57", "SEC-41")
def test_an_unknown_key_is_believed_the_third_time_in_a_row() -> None:
    """TR-57, SEC-41, AUTH-80: it is not authenticated."""
    one = recovery()
    fault = TransportFault(-404)
    assert one.lost(fault, heard=True) and one.lost(fault, heard=False)
    assert one.lost(fault, heard=True) and one.lost(fault, heard=False)
    assert one.lost(ConnectionLost("x"), heard=False) and one.lost(fault, heard=False) is None
    assert one.idle


@pytest.mark.requirement("TR-56", "AUTH-80", "SEC-41")
def test_a_wrong_datacenter_is_not_tried_again() -> None:
    one = recovery()
    assert one.lost(TransportFault(-444), heard=True) is None and one.idle


@pytest.mark.parametrize("error", [None, TransportFault(-429), TransportFault(-403), SecurityError("msg_key")])
@pytest.mark.requirement("TR-56", "SEC-41")
def test_anything_else_is_tried_again_for_ever_and_never_at_once(error: Exception | None) -> None:
    one = recovery()
    for _ in range(100):
        reconnecting = one.lost(error, heard=False)  # type: ignore[arg-type]
        assert reconnecting is not None and reconnecting.delay >= 1 and reconnecting.error is error


# ---- calls over several connections


class Caller:
    """Calls over a pair's connections; ``told`` is what ``watch`` was told."""

    def __init__(self, *, reconnect: bool = True) -> None:
        self.pair = Pair()
        self.told: list[Event] = []
        recovery = Recovery(self.pair.client_env) if reconnect else None
        self.calls = Calls(self.pair.link, self.pair.client, self.told.append, recovery)

    def begin(self) -> int:
        return self.calls.begin(functions.help.GetNearestDc())

    def serve(self) -> None:
        """Carry bytes, and let the server answer every request."""
        for _ in range(6):
            self.pair._deliver(self.pair.client_writes(), self.pair.server)
            while (event := self.pair.server.next_event()) is not None:
                if isinstance(event, Request):
                    self.pair.server_session.result(event.msg_id, NEAREST.to_bytes(), None)
            self.pair._deliver(self.pair.server_writes(), self.pair.client)

    def lose(self, fault: bytes = b"") -> list[Outcome]:
        if fault:
            self.pair._deliver(fault, self.pair.client)
        self.pair.client.receive_eof()
        self.pair.server.receive_eof()
        return list(self.calls.outcomes())

    def connect(self) -> None:
        """What a front end does when the next attempt is due and the socket opens."""
        assert self.calls.recovery is not None
        self.pair.advance(64)
        assert self.calls.recovery.begin()
        self.pair.connect()
        self.calls.renew(self.pair.client)


def error_code(code: int) -> bytes:
    """A transport error in a frame of its own, as the first that the client reads."""
    return b"\4\0\0\0" + code.to_bytes(4, "little", signed=True)


def test_calls_made_before_and_during_the_gap_are_answered_after_it() -> None:
    caller = Caller()
    before = caller.begin()
    caller.pair.client_writes()  # it is lost
    assert caller.lose() == []
    between = caller.begin()
    deadline = caller.calls.next_deadline()
    assert deadline is not None and 1 <= deadline - caller.pair.client_env.monotonic() <= 2
    caller.connect()
    caller.serve()
    done = {outcome.request_id: outcome for outcome in caller.calls.outcomes()}
    assert done[between].value == NEAREST
    assert isinstance(done[before].error, OutcomeUnknown)  # a first message that never arrived: nobody knows
    assert [type(event) for event in caller.told if not isinstance(event, Closed)] == [Reconnecting, Reconnected]


def test_without_recovery_a_lost_connection_ends_every_call() -> None:
    caller = Caller(reconnect=False)
    request_id = caller.begin()
    caller.pair.client_writes()
    (outcome,) = caller.lose()
    assert outcome.request_id == request_id and isinstance(outcome.error, OutcomeUnknown)
    assert caller.calls.ended
    with pytest.raises(ConnectionLost):
        caller.begin()


def test_close_ends_what_waits_for_a_connection() -> None:
    caller = Caller()
    written = caller.begin()
    caller.pair.client_writes()
    caller.lose()
    unwritten = caller.begin()
    caller.calls.close()
    errors = {outcome.request_id: type(outcome.error) for outcome in caller.calls.outcomes()}
    assert errors == {written: OutcomeUnknown, unwritten: ConnectionLost}
    assert list(caller.calls.outcomes()) == []


@pytest.mark.requirement("TR-57", "SEC-41")
def test_a_key_that_the_server_denies_three_times_stays_but_ends_the_calls() -> None:
    """TR-57: the key is not deleted."""
    caller = Caller()
    keys, session = caller.pair.link.keys, caller.pair.link.current
    request_id = caller.begin()
    for _ in range(2):
        caller.pair.client_writes()
        assert caller.lose(error_code(-404)) == []
        caller.connect()
    caller.pair.client_writes()
    (outcome,) = caller.lose(error_code(-404))
    assert outcome.request_id == request_id and isinstance(outcome.error, OutcomeUnknown)
    assert isinstance(outcome.error.__cause__, TransportFault)
    assert caller.pair.link.keys is keys and caller.pair.link.current is session
    with pytest.raises(ConnectionLost) as caught:
        caller.begin()
    assert isinstance(caught.value.__cause__, TransportFault)


def test_a_wrong_datacenter_ends_the_calls_at_once() -> None:
    caller = Caller()
    caller.begin()
    caller.pair.client_writes()
    (outcome,) = caller.lose(error_code(-444))
    assert isinstance(outcome.error, OutcomeUnknown)


def test_attempts_in_vain_are_reported_with_their_reason() -> None:
    caller = Caller()
    caller.lose()
    for number in range(2, 5):
        caller.pair.advance(64)
        assert caller.calls.recovery is not None and caller.calls.recovery.begin()
        caller.calls.failed(ConnectionLost("refused"))
        last = of(caller.told, Reconnecting)[-1]
        assert last.attempt == number and str(last.error) == "refused"


@pytest.mark.requirement("MSG-106")
def test_a_destroyed_key_ends_the_calls_and_is_not_connected_with_again() -> None:
    """MSG-106."""
    caller = Caller()
    call = caller.begin()
    caller.serve()
    list(caller.calls.outcomes())
    destroy = caller.calls.begin(schema.DestroyAuthKey())
    waiting = caller.begin()
    caller.pair.client_writes()
    caller.pair.forge(schema.DestroyAuthKeyOk(), seqno=0)
    caller.pair.client._events.extend(caller.pair.take())  # the pair has read them
    done = {outcome.request_id: outcome for outcome in caller.calls.outcomes()}
    assert done[destroy].value == schema.DestroyAuthKeyOk()
    assert isinstance(done[waiting].error, OutcomeUnknown) and call not in done
    caller.lose()
    assert caller.calls.ended and only(caller.told, Closed) and not of(caller.told, Reconnecting)


def test_a_connection_knows_whether_it_heard_anything_authentic() -> None:
    caller = Caller()
    client: Connection = caller.pair.client
    assert not client.heard
    caller.begin()
    caller.serve()
    assert client.heard
