"""Connections over HTTP: http_wait, held responses, polls (TR-101 to TR-105, TR-109, MSG-120); quick acks (TR-53)."""

from __future__ import annotations

import pytest

from mtproto.connection import Connection
from mtproto.errors import ConnectionLost, TransportFault
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Acknowledged, Answered, Closed, Ignored, Request, Traced, Update
from mtproto.session.server import ServerSession
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Detect, QuickAck, client_transport
from mtproto.turns import LONGEST_WAIT, MAX_WAIT, PAUSE
from tests.pair import Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled

pytest.importorskip("h11")
NAMES: dict[int, str] = {
    item.ID: item.NAME for item in vars(schema).values() if isinstance(getattr(item, "ID", None), int)
}


class HttpPair(Pair):
    """A Pair without its third party, which over HTTP would have to answer; the client's trace is read instead."""

    def __init__(self, *, upkeep: bool = False) -> None:
        super().__init__(transport="http", trace=True, upkeep=upkeep)

    def connect(self) -> None:
        codec = client_transport("http", self.client_env)
        self.client = Connection(Role.CLIENT, codec, self.link, self.client_env, trace=True)
        self.server = Connection(Role.SERVER, Detect(self.server_env), self.endpoint, self.server_env)
        self.client.attach(self.session)

    def client_writes(self) -> bytes:
        return b"".join(iter(self.client.data_to_send, b""))

    def server_writes(self) -> bytes:
        return b"".join(iter(self.server.data_to_send, b""))

    def seen(self, direction: str) -> list[str]:
        """The names of the messages that the client sent or received since the last call."""
        traced = [event for event in of(self.events, Traced) if event.direction == direction]
        self.events[:] = [event for event in self.events if event not in traced]
        return [name(event.body) for event in traced]

    def say(self, body: bytes) -> None:
        """The client sends these bytes as one service message, in a request of its own."""
        inner = self.session.flush(self.client, extra=body)
        assert inner is not None
        from mtproto.message.envelope import seal

        payload, _ = seal(self.session.keys.auth_key, inner, Role.CLIENT, self.client_env)
        self.server.receive_data(self.client.transport.pack(payload))
        self.collect()

    def quiet(self) -> HttpPair:
        """Behind its first exchange, no request in flight, nothing to say on either side."""
        _, request = ask(self)
        self.server_session.result(request.msg_id, RESULT, None)
        self.answer()
        self.take()
        return self


def name(body: bytes) -> str:
    return NAMES.get(int.from_bytes(body[:4], "little"), "call")


def wait(max_delay: int, wait_after: int, max_wait: int) -> bytes:
    return schema.HttpWait(max_delay=max_delay, wait_after=wait_after, max_wait=max_wait).to_bytes()


@pytest.mark.requirement("MSG-120")
def test_http_wait_travels_in_the_container_of_a_call_and_the_answer_in_its_response() -> None:
    """MSG-120."""
    pair = HttpPair()
    request_id, request = ask(pair)
    assert pair.seen("out") == ["msg_container", "call", "http_wait"]
    assert not pair.client.wants_write
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.answer()
    assert pair.seen("in") == ["msg_container", "new_session_created", "rpc_result"]
    assert only(pair.take(), Answered).request_id == request_id
    assert pair.client.transport.ready


@pytest.mark.requirement("TR-101")
def test_a_second_call_waits_until_the_response_to_the_first() -> None:
    """TR-101."""
    pair = HttpPair().quiet()
    _, first = ask(pair)
    second_id = pair.session.request(QUERY)
    assert not pair.client.wants_write
    assert pair.client_writes() == b""
    pair.server_session.result(first.msg_id, RESULT, None)
    pair.answer()
    pair.send()
    second = only(pair.take_server(), Request)
    pair.server_session.result(second.msg_id, RESULT, None)
    pair.take()
    pair.answer()
    assert only(pair.take(), Answered).request_id == second_id


@pytest.mark.requirement("TR-105")
def test_a_client_that_waits_for_an_answer_asks_again_at_once() -> None:
    """The response brings an acknowledgement first (MSG-74), the answer comes with the next one."""
    pair = HttpPair().quiet()
    request_id, request = ask(pair)
    pair.seen("out")
    pair.advance(0.6)
    pair.answer()
    assert pair.seen("in") == ["msgs_ack"]
    assert pair.client.wants_write
    pair.send()
    assert pair.seen("out")[-1] == "http_wait"
    assert not pair.server.wants_write
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.answer()
    assert only(pair.take(), Answered).request_id == request_id


@pytest.mark.requirement("TR-105")
def test_a_client_that_waits_for_nothing_leaves_the_next_call_a_moment_and_then_asks_for_updates() -> None:
    """TR-105."""
    pair = HttpPair().quiet()
    assert not pair.client.wants_write
    deadline = pair.client.next_deadline()
    assert deadline is not None
    assert deadline - pair.client_env.monotonic() == pytest.approx(PAUSE, abs=0.01)
    pair.advance(PAUSE + 0.01)
    assert pair.client.wants_write
    pair.send()
    assert pair.seen("out")[-1] == "http_wait"
    pair.server_session.push(RESULT)
    assert pair.server.wants_write
    pair.answer()
    assert pair.seen("in") == ["call"]


@pytest.mark.requirement("TR-104")
def test_a_poll_without_news_ends_with_an_empty_container() -> None:
    """TR-104."""
    pair = HttpPair().quiet()
    pair.advance(PAUSE + 0.01)
    pair.send()
    deadline = pair.server.next_deadline()
    assert deadline is not None
    assert deadline - pair.server_env.monotonic() == pytest.approx(MAX_WAIT, abs=0.01)
    pair.advance(MAX_WAIT - 0.1)
    assert (pair.server.wants_write, pair.server_writes()) == (False, b"")
    pair.advance(0.11)
    pair.answer()
    assert pair.seen("in") == ["msg_container"]
    assert (pair.client.closed, pair.client.transport.ready) == (False, True)


@pytest.mark.parametrize(
    ("times", "body"),
    [((0, 0, 25), schema.Pong(msg_id=1, ping_id=1).to_bytes()), ((0, 0, 3), wait(0, 0, 3000)),
     ((0, 0, LONGEST_WAIT), wait(0, 0, 10**9)), ((0, 0, 0), wait(0, 0, 0)), ((0, 0, 0), wait(-1, -1, -1))],
)  # fmt: skip
@pytest.mark.requirement("TR-103")
def test_a_response_is_held_as_long_as_the_client_wants(times: tuple[float, ...], body: bytes) -> None:
    """TR-103: max_wait, and 25 s where there is no http_wait."""
    pair = HttpPair().quiet()
    pair.say(body)
    if times[2]:
        pair.advance(times[2] - 0.1)
        assert not pair.server.wants_write
        pair.advance(0.11)
    assert pair.server.wants_write
    pair.answer()
    assert pair.seen("in") == ["msg_container"]


@pytest.mark.requirement("TR-104")
def test_the_last_of_several_http_waits_counts() -> None:
    """TR-104."""
    pair = HttpPair().quiet()
    pair.session.request(wait(0, 0, 9000), content=False, api=False)
    pair.say(wait(0, 0, 2000))
    pair.advance(2.01)
    assert pair.server.wants_write


@pytest.mark.requirement("TR-103")
def test_after_a_message_the_response_is_held_for_more_and_never_longer_than_max_delay() -> None:
    """TR-103: wait_after begins again with each message; max_delay counts from the first."""
    pair = HttpPair().quiet()
    pair.say(wait(1000, 400, 20000))
    held = 0.0
    pair.server_session.push(RESULT)
    assert not pair.server.wants_write
    for _ in range(3):
        pair.advance(0.3)
        held += 0.3
        pair.server_session.push(RESULT)
        assert not pair.server.wants_write
    pair.advance(1.0 - held + 0.01)
    assert pair.server.wants_write
    pair.answer()
    assert pair.seen("in") == ["msg_container", "call", "call", "call", "call"]


@pytest.mark.requirement("TR-103")
def test_without_more_messages_wait_after_ends_the_hold() -> None:
    pair = HttpPair().quiet()
    pair.say(wait(10000, 400, 20000))
    pair.server_session.push(RESULT)
    assert not pair.server.wants_write
    pair.advance(0.41)
    assert pair.server.wants_write


@pytest.mark.requirement("TR-103")
def test_max_wait_comes_before_everything() -> None:
    pair = HttpPair().quiet()
    pair.say(wait(10000, 10000, 500))
    pair.server_session.push(RESULT)
    pair.advance(0.51)
    assert pair.server.wants_write


@pytest.mark.requirement("TR-102")
def test_messages_wait_for_a_request_of_their_own_session() -> None:
    """TR-102."""
    pair = HttpPair().quiet()
    pair.server_session.push(RESULT)
    assert (pair.server.wants_write, pair.server_writes()) == (False, b"")
    pair.advance(PAUSE + 0.01)
    pair.send()
    assert pair.server.wants_write
    pair.answer()
    assert pair.seen("in") == ["call"]


@pytest.mark.requirement("TR-106")
def test_a_wrong_payload_is_answered_with_status_404() -> None:
    """TR-106."""
    pair = HttpPair()
    codec = client_transport("http", ScriptedEnvironment())
    pair.server.receive_data(codec.pack(b"\x05" * 40))
    answer = pair.server_writes()
    assert answer.startswith(b"HTTP/1.1 404 ")
    pair.session.request(QUERY)
    pair.client_writes()
    pair.client.receive_data(answer)
    pair.collect()
    error = only(pair.take(), Closed).error
    assert isinstance(error, TransportFault)
    assert error.code == -404


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_a_server_that_wants_to_close_is_left_behind_its_response(head: bytes) -> None:
    """No further request can be made there, whether the socket is closed or not."""
    pair = HttpPair()
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.client.receive_data(pair.server_writes().replace(b"HTTP/1.1 200 \r\n", head))
    pair.collect()
    answered, closed = only(pair.events, Answered), only(pair.events, Closed)
    assert (answered.body, closed.error) == (RESULT, None)


@pytest.mark.requirement("TR-109")
def test_ping_delay_disconnect_arms_no_timer_over_http() -> None:
    """TR-109: it is answered like a ping."""
    pair = HttpPair().quiet()
    pair.say(schema.PingDelayDisconnect(ping_id=5, disconnect_delay=1).to_bytes())
    pair.answer()
    assert pair.seen("in") == ["pong"]
    pair.advance(5)
    assert not pair.server.closed


def live(pair: HttpPair, seconds: float) -> None:
    """Let time pass as a front end does, and bytes move."""
    end = pair.client_env.monotonic() + seconds
    while (left := end - pair.client_env.monotonic()) > 0 and not pair.client.closed:
        ends = (pair.client, pair.server)
        due = [d - one.env.monotonic() for one in ends if (d := one.next_deadline()) is not None]
        pair.advance(max(min([*due, left]), 0.0))
        pair.send()
        pair.answer()


@pytest.mark.requirement("TR-109", "MSG-105")
def test_a_client_keeps_its_connection_by_plain_pings() -> None:
    """TR-109, MSG-105."""
    pair = HttpPair(upkeep=True).quiet()
    pair.seen("out")
    live(pair, 200)
    said = pair.seen("out")
    assert (said.count("ping"), said.count("ping_delay_disconnect")) == (3, 0)
    assert said.count("http_wait") > 100
    assert not pair.client.closed
    assert not pair.server.closed


@pytest.mark.requirement("TR-125", "SEC-45", "SEC-68")
def test_a_response_that_never_comes_ends_the_connection_at_the_second_ping() -> None:
    """SEC-45, TR-125: although nothing can be written meanwhile."""
    pair = HttpPair(upkeep=True).quiet()
    pair.session.request(QUERY)
    assert pair.client_writes()
    waited = 0.0
    while not pair.client.closed and waited < 200:
        deadline = pair.client.next_deadline()
        assert deadline is not None
        step = deadline - pair.client_env.monotonic()
        assert step > -0.001
        waited += step
        pair.advance(max(step, 0.001))
        assert pair.client_writes() == b""
    assert 60 < waited < 121
    pair.collect()
    assert isinstance(only(pair.take(), Closed).error, ConnectionLost)


@pytest.mark.requirement("TR-126")
def test_a_new_connection_asks_at_once_and_a_call_goes_on_by_it() -> None:
    """TR-126: without a request the server could say nothing."""
    pair = HttpPair(upkeep=True).quiet()
    request_id, request = ask(pair)
    pair.reconnect()
    assert pair.client.wants_write
    pair.server_session.result(request.msg_id, RESULT, None)
    live(pair, 2)
    assert only(of(pair.take(), Answered), Answered).request_id == request_id
    pair.reconnect()
    pair.server_session.push(RESULT)
    pair.seen("in")
    live(pair, 2)
    assert "call" in pair.seen("in")


@pytest.mark.requirement("TR-105")
def test_http_wait_means_nothing_over_another_transport() -> None:
    """TR-105."""
    pair = settled()
    pair.forge_from_client(wait(5000, 5000, 5000), seqno=0)
    pair.server_session.push(RESULT)
    assert pair.server.wants_write
    assert pair.client.next_deadline() is None or not pair.client.wants_write


# Quick acknowledgements


def quick_pair(transport: str) -> Pair:
    pair = Pair(transport=transport)
    pair.client._quick_ack = True
    return pair


@pytest.mark.parametrize("transport", ["abridged", "intermediate", "padded", "obfuscated-padded"])
@pytest.mark.requirement("TR-51", "TR-53")
def test_a_request_is_acknowledged_quickly_where_the_client_asks(transport: str) -> None:
    pair = quick_pair(transport)
    request_id, request = ask(pair)
    pair.answer()
    assert only(pair.take(), Acknowledged).request_id == request_id
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    assert only(pair.take(), Answered).request_id == request_id


@pytest.mark.requirement("TR-51")
def test_nobody_asks_where_there_are_none() -> None:
    pair = quick_pair("full")
    ask(pair)
    pair.answer()
    assert of(pair.take(), Acknowledged) == []


@pytest.mark.requirement("TR-53", "SEC-49")
def test_an_unknown_token_is_ignored() -> None:
    """TR-53."""
    pair = quick_pair("intermediate")
    pair.client.receive_data((0x80000005).to_bytes(4, "little"))
    pair.collect()
    assert (pair.take(), pair.client.closed) == ([], False)
    assert QuickAck(0x80000005).token not in pair.client._tokens


def test_a_quick_ack_of_the_sessions_own_queries_is_told_to_nobody() -> None:
    pair = quick_pair("intermediate")
    pair.session.query(schema.Ping(ping_id=1).to_bytes())
    pair.run()
    assert pair.client._tokens == {}
    pair.session.query(schema.Ping(ping_id=2).to_bytes())
    request_id, _ = ask(pair)
    pair.answer()
    assert [event.request_id for event in of(pair.take(), Acknowledged)] == [request_id]


def test_payloads_without_requests_are_not_asked_about() -> None:
    pair = quick_pair("intermediate")
    _, request = ask(pair)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    tokens = len(pair.client._tokens)
    pair.advance(31)
    assert pair.client.wants_write
    pair.run()
    assert len(pair.client._tokens) == tokens


@pytest.mark.requirement("TR-108", "MSG-120")
def test_acknowledgements_are_sent_over_http_as_anywhere() -> None:
    """The next request acknowledges nothing by itself."""
    pair = HttpPair().quiet()
    pair.server_session.push(RESULT)
    pair.advance(PAUSE + 0.01)
    pair.send()
    pair.answer()
    assert pair.seen("in") == ["call"]
    assert len(pair.server_session._unacked) > 0
    ask(pair)
    assert "msgs_ack" in pair.seen("out")
    assert len(pair.server_session._unacked) == 0


@pytest.mark.requirement("MSG-121")
def test_a_request_whose_post_failed_is_kept_and_asked_about_with_the_next_one() -> None:
    pair = HttpPair().quiet()
    request_id = pair.session.request(QUERY)
    pair.client_writes()  # the POST is lost
    pair.seen("out")
    pair.reconnect()
    assert request_id in pair.session.unfinished()
    pair.send()
    assert "msgs_state_req" in pair.seen("out")
    pair.answer()
    pair.send()
    (request,) = of(pair.take_server(), Request)
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.answer()
    assert Answered(request_id, RESULT) in pair.take()


@pytest.mark.requirement("TR-102")
def test_a_response_has_messages_of_the_session_that_asked_and_of_no_other() -> None:
    pair = HttpPair().quiet()
    first = pair.session
    pair.link.use(first.keys)
    second = pair.session
    pair.client.release(first)
    pair.client.attach(second)
    pair.quiet()
    request_id, request = ask(pair)
    waiting = pair.endpoint.keys.sessions[first.session_id]
    assert isinstance(waiting, ServerSession)
    waiting.push(RESULT + b"left")
    assert not pair.server.wants_write
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.answer()
    events = pair.take()
    assert only(events, Answered).request_id == request_id
    assert not of(events, Update) and not of(events, Ignored)
    assert waiting.pending(pair.server) == 1
