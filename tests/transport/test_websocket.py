"""WebSocket in both roles: TR-90 to TR-95, SEC-66."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.client.datacenters import DC
from mtproto.client.link import Link
from mtproto.connection import Connection
from mtproto.errors import FramingError, TransportFault, UsageError
from mtproto.roles import Role
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Intermediate, Packet, QuickAck
from tests.handshake.rig import KEY as KEY_2048

from .helpers import client, cut, detect, encrypted_payloads, feed_all, obfuscated

wsproto = pytest.importorskip("wsproto")
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage  # noqa: E402

from mtproto.transport.detect import Detect  # noqa: E402
from mtproto.transport.websocket import WebSocket, websocket_client  # noqa: E402

PAYLOAD = bytes(range(1, 41))
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HEAD = [
    "GET /apiws HTTP/1.1",
    "Host: localhost",
    "Upgrade: websocket",
    "Connection: Upgrade",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Protocol: binary",
    "Sec-WebSocket-Version: 13",
]


def dial(dc: int = 2) -> WebSocket:
    return websocket_client(ScriptedEnvironment(seed=b"client"), host="localhost:80", dc=dc)


def request(*lines: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def pair() -> tuple[WebSocket, Detect]:
    theirs, ours = dial(), detect()
    assert ours.feed(theirs.data_to_send()) == []
    assert theirs.feed(ours.data_to_send()) == []
    assert theirs.ready
    return theirs, ours


def kind(items: Sequence[object]) -> str:
    (error,) = items
    assert isinstance(error, FramingError)
    return error.kind


@pytest.mark.requirement("TR-90", "TR-91")
def test_the_upgrade_is_the_one_of_the_specification() -> None:
    """TR-90, TR-91, and the known answer of RFC 6455."""
    asked = dial().data_to_send()
    assert asked.startswith(b"GET /apiws HTTP/1.1\r\n")
    assert b"Sec-WebSocket-Protocol: binary\r\n" in asked
    assert dial(dc=10002).data_to_send().startswith(b"GET /apiws_test HTTP/1.1\r\n")
    ours = detect()
    assert ours.feed(request(*HEAD)) == []
    answer = ours.data_to_send()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
    assert b"Sec-WebSocket-Protocol: binary\r\n" in answer


@pytest.mark.requirement("TR-92")
def test_payloads_travel_both_ways() -> None:
    theirs, ours = pair()
    up = theirs.pack(PAYLOAD)
    assert up[0] == 0x82
    assert ours.feed(up) == [Packet(PAYLOAD)]
    assert (ours.ready, ours.name, theirs.name) == (True, "websocket", "websocket")
    down = ours.pack(PAYLOAD)
    assert down[0] == 0x82
    assert theirs.feed(down) == [Packet(PAYLOAD)]


@given(payloads=st.lists(encrypted_payloads(), min_size=1, max_size=4), cuts=st.lists(st.integers(0, 900), max_size=12))
@pytest.mark.requirement("TR-10", "TR-92")
def test_the_whole_conversation_is_the_same_however_it_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    theirs, ours = dial(), detect()
    assert feed_all(ours, cut(theirs.data_to_send(), cuts)) == []
    assert feed_all(theirs, cut(ours.data_to_send(), cuts)) == []
    up = b"".join(theirs.pack(payload) for payload in payloads)
    assert feed_all(ours, cut(up, cuts)) == [Packet(payload) for payload in payloads]
    down = b"".join(ours.pack(payload) for payload in payloads)
    assert feed_all(theirs, cut(down, cuts)) == [Packet(payload) for payload in payloads]


def test_data_right_behind_the_upgrade_is_kept() -> None:
    theirs, ours = pair()
    early = dial()
    head = early.data_to_send()
    frames = theirs.pack(PAYLOAD)
    ours = detect()
    assert ours.feed(head + frames) == [Packet(PAYLOAD)]
    answer = ours.data_to_send() + ours.pack(PAYLOAD)
    assert theirs.feed(answer[answer.index(b"\r\n\r\n") + 4 :]) == [Packet(PAYLOAD)]


@pytest.mark.requirement("TR-94")
def test_quick_acknowledgements_and_errors_travel_inside_and_the_server_closes_with_1000() -> None:
    """TR-94."""
    theirs, ours = pair()
    assert ours.feed(theirs.pack(PAYLOAD, quick_ack=True)) == [Packet(PAYLOAD, True)]
    assert theirs.feed(ours.pack_quick_ack(0x80000005)) == [QuickAck(0x80000005)]
    (fault,) = theirs.feed(ours.pack_fault(-404))
    assert isinstance(fault, TransportFault)
    assert ours.pack_close().endswith((1000).to_bytes(2, "big"))
    assert ours.pack_close() == ours.pack_fault(-404) == b""


def server_socket() -> tuple[Detect, object]:
    """Our server, and wsproto itself as its client: it can send what our own client never would."""
    theirs = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    ours = detect()
    asked = wsproto.events.Request(host="h", target="/apiws?x=1", subprotocols=["other", "binary"])
    ours.feed(theirs.send(asked))
    theirs.receive_data(ours.data_to_send())
    (accepted,) = theirs.events()
    assert accepted.subprotocol == "binary"
    return ours, theirs


@pytest.mark.requirement("TR-92", "TR-95", "SEC-66")
def test_boundaries_of_messages_and_fragments_mean_nothing() -> None:
    """TR-92, TR-95."""
    ours, theirs = server_socket()
    stream = obfuscated(Intermediate).pack(PAYLOAD)
    wire = b"".join(
        theirs.send(BytesMessage(data=stream[place : place + 7], message_finished=place % 3 == 0))  # type: ignore[attr-defined]
        for place in range(0, len(stream), 7)
    )
    assert ours.feed(wire) == [Packet(PAYLOAD)]


@pytest.mark.requirement("TR-95")
def test_a_ping_is_answered_also_between_fragments() -> None:
    ours, theirs = server_socket()
    stream = obfuscated(Intermediate).pack(PAYLOAD)
    first = theirs.send(BytesMessage(data=stream[:9], message_finished=False))  # type: ignore[attr-defined]
    assert ours.feed(first + theirs.send(Ping(payload=b"abc"))) == []  # type: ignore[attr-defined]
    assert ours.data_to_send() == b"\x8a\x03abc"
    assert ours.feed(theirs.send(BytesMessage(data=stream[9:]))) == [Packet(PAYLOAD)]  # type: ignore[attr-defined]


def test_of_pings_that_come_while_nothing_can_be_sent_only_the_last_is_answered() -> None:
    """RFC 6455, 5.5.3; SEC-66: a server that pings and never reads would fill the client's memory."""
    env = ScriptedEnvironment()
    theirs, ours = websocket_client(env, host="h"), detect()
    client_side = Connection(Role.CLIENT, theirs, Link(DC("127.0.0.1", 9, 2, [KEY_2048.public]), env), env)
    ours.feed(client_side.data_to_send())
    client_side.receive_data(ours.data_to_send())
    sent = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    sent.receive_data(request(*HEAD))
    sent.send(wsproto.events.AcceptConnection())
    for number in range(1000):
        client_side.receive_data(sent.send(Ping(payload=b"%125d" % number)) * 3)
    pongs = b"".join(iter(client_side.data_to_send, b""))
    assert len(pongs) < 3 * 131
    seen = wsproto.frame_protocol.FrameProtocol(client=False, extensions=[])
    seen.receive_bytes(pongs)
    assert bytes(list(seen.received_frames())[-1].payload) == b"%125d" % 999


def test_what_a_closing_websocket_has_to_say_leaves_behind_what_waits() -> None:
    env = ScriptedEnvironment()
    ours = detect()
    server_side = Connection(Role.SERVER, ours, Link(DC("127.0.0.1", 9, 2, [KEY_2048.public]), env), env)
    client_side = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    asked = wsproto.events.Request(host="h", target="/apiws", subprotocols=["binary"])
    server_side.receive_data(client_side.send(asked))
    client_side.receive_data(server_side.data_to_send())
    server_side.receive_data(client_side.send(Ping(payload=b"1")))
    server_side.receive_data(client_side.send(TextMessage(data="hello")))
    assert server_side.closed
    assert server_side.data_to_send() == b"\x8a\x011\x88\x02\x03\xeb"


@pytest.mark.requirement("TR-92", "SEC-66")
def test_a_text_message_is_closed_with_1003() -> None:
    """TR-92."""
    ours, theirs = server_socket()
    assert kind(ours.feed(theirs.send(TextMessage(data="hello")))) == "text"  # type: ignore[attr-defined]
    assert ours.data_to_send() == b"\x88\x02\x03\xeb"
    assert (ours.pack_fault(-404), ours.pack_close(), ours.ready) == (b"", b"", False)


@pytest.mark.requirement("TR-94", "TR-95")
def test_a_close_is_answered_and_then_nothing_more_is_sent() -> None:
    ours, theirs = server_socket()
    ours.feed(theirs.send(BytesMessage(data=obfuscated(Intermediate).pack(PAYLOAD))))  # type: ignore[attr-defined]
    assert ours.ready
    assert ours.feed(theirs.send(CloseConnection(code=1001, reason="-404   "))) == []  # type: ignore[attr-defined]
    assert ours.data_to_send()[:2] == b"\x88\x02"
    assert not ours.ready
    with pytest.raises(UsageError):
        ours.pack(PAYLOAD)
    assert ours.feed(b"\x82\x80abcd") == []


@pytest.mark.parametrize(
    "frame",
    [
        b"\x82\x05hello",  # not masked
        b"\x83\x80abcd",  # an opcode that does not exist
        b"\xc2\x80abcd",  # a reserved bit
        b"\x80\x80abcd",  # a continuation of nothing
        b"\x89\xfe\x00\x80abcd",  # a ping of 128 bytes
        b"\x09\x80abcd",  # a ping in fragments
        b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffabcd",  # a length of 64 bits
        b"\x88\x81abcd\x00",  # a close with half a code
    ],
)
@pytest.mark.requirement("TR-95", "SEC-66")
def test_a_bad_frame_ends_the_connection(frame: bytes) -> None:
    """SEC-66."""
    ours, _ = server_socket()
    assert kind(ours.feed(frame)) == "websocket"
    assert ours.feed(b"\x82\x80abcd") == []


@pytest.mark.requirement("TR-09", "TR-95", "SEC-66")
def test_a_giant_frame_is_not_collected() -> None:
    """SEC-66: the frame limit inside counts, not the length of a message."""
    ours, theirs = server_socket()
    header = obfuscated(Intermediate)
    stream = header.wrap((0x7FFFFFF0).to_bytes(4, "little"))
    wire = theirs.send(BytesMessage(data=stream + bytes(65536)))  # type: ignore[attr-defined]
    assert kind(ours.feed(wire)) == "length"


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({0: "GET /other HTTP/1.1"}, 404, "path"),
        ({5: "X: y"}, 400, "subprotocol"),
        ({5: "Sec-WebSocket-Protocol: text"}, 400, "subprotocol"),
        ({2: "X: y"}, 400, "websocket"),
        ({3: "X: y"}, 400, "websocket"),
        ({4: "X: y"}, 400, "websocket"),
        ({6: "Sec-WebSocket-Version: 12"}, 426, "websocket"),
        ({0: "GET /apiws"}, 400, "websocket"),
        ({0: "GET  "}, 400, "websocket"),
        ({0: "GET /apiws HTTP/1.0"}, None, "websocket"),
        ({0: "GET /apiws HTTP/0.9"}, None, "websocket"),
        ({1: "Host: \xe9\xff"}, None, "websocket"),
        ({5: "Sec-WebSocket-Protocol: \xe9"}, None, "websocket"),
    ],
)
@pytest.mark.requirement("TR-91", "SEC-66")
def test_a_request_that_is_no_upgrade_is_refused(change: dict[int, str], status: int | None, reason: str) -> None:
    lines = [change.get(number, line) for number, line in enumerate(HEAD)]
    ours = detect()
    assert kind(ours.feed(request(*lines))) == reason
    answer = ours.data_to_send()
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) if status else answer == b""
    assert (ours.ready, ours.pack_fault(-404)) == (False, b"")


@pytest.mark.requirement("TR-110")
def test_a_head_without_an_end_is_refused_at_16_kib_however_it_comes() -> None:
    """TR-110."""
    junk = request(*HEAD)[:-2] + b"X: " + b"y" * 20000
    for pieces in ([junk], [junk[place : place + 100] for place in range(0, len(junk), 100)]):
        assert kind(feed_all(detect(), pieces)) == "websocket"
    assert kind(detect().feed(junk + b"\r\n\r\n")) == "websocket"


@pytest.mark.requirement("TR-41", "TR-93")
def test_only_obfuscation_is_taken_inside() -> None:
    """TR-93."""
    ours, theirs = server_socket()
    wire = theirs.send(BytesMessage(data=client(Intermediate).pack(PAYLOAD * 2)))  # type: ignore[attr-defined]
    assert kind(ours.feed(wire)) == "tag"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc", "status"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "status"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "status"),
        (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "websocket"),
        (b"\x15\x03\x03\x00\x02\x02\x28\r\n\r\n", "websocket"),
        (b"nonsense" * 3000, "websocket"),
    ],
)
@pytest.mark.requirement("TR-91")
def test_an_answer_that_is_no_upgrade_ends_the_client(answer: bytes, reason: str) -> None:
    theirs = dial()
    theirs.data_to_send()
    assert kind(theirs.feed(answer)) == reason
    assert not theirs.ready


@pytest.mark.requirement("TR-91", "SEC-66")
def test_a_server_that_does_not_choose_binary_is_refused() -> None:
    """TR-91."""
    theirs = dial()
    asked = theirs.data_to_send()
    other = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    other.receive_data(asked)
    list(other.events())
    assert kind(theirs.feed(other.send(wsproto.events.AcceptConnection()))) == "subprotocol"


def test_nothing_can_be_packed_before_the_upgrade() -> None:
    theirs = dial()
    assert not theirs.ready
    with pytest.raises(UsageError):
        theirs.pack(PAYLOAD)


def test_a_host_that_cannot_be_named_is_refused() -> None:
    with pytest.raises(UsageError):
        websocket_client(ScriptedEnvironment(), host="é" * 200)


@given(junk=st.binary(max_size=300), cuts=st.lists(st.integers(0, 600), max_size=5), place=st.integers(0, 250))
def test_hostile_bytes_give_errors_only(junk: bytes, cuts: list[int], place: int) -> None:
    for data in (b"GET " + junk, request(*HEAD) + junk, request(*HEAD)[:place] + junk):
        if not data.startswith(b"GET "):
            continue
        whole, pieces = detect().feed(data), feed_all(detect(), cut(data, cuts))
        assert [str(item) for item in whole] == [str(item) for item in pieces]
        assert all(isinstance(item, FramingError) for item in whole)
    theirs, _ = pair()
    for item in theirs.feed(junk):
        assert isinstance(item, FramingError | TransportFault | Packet | QuickAck)
