"""Connection: bytes to events for one socket (TR-10, TR-22, TR-51..59, AUTH-06, MSG-08, MSG-12, SEC-19..21, SEC-70)."""

from __future__ import annotations

import random

import pytest

from mtproto.crypto.auth_key import AuthKey
from mtproto.crypto.kdf import quick_ack_token
from mtproto.errors import ConnectionLost, FramingError, PeerError, SecurityError, TransportFault
from mtproto.message.envelope import Inner, pack_plaintext, seal, seal_plaintext
from mtproto.message.plain import pack_plain
from mtproto.roles import Role
from mtproto.schema import mtproto as schema
from mtproto.session.events import Answered, Closed, Event, Request, Traced, Update
from mtproto.transport import Intermediate
from tests.pair import AUTH_KEY, SALT, Pair
from tests.session.helpers import QUERY, RESULT, ask, of, only, settled

UPDATE = b"\x11\x22\x33\x44upda"
RANDOM = random.Random(0)
NOT_FOUND = b"\x04\0\0\0" + (-404).to_bytes(4, "little", signed=True)


def to_server(pair: Pair, payload: bytes, *, quick_ack: bool = False) -> None:
    pair.server.receive_data(pair.client.transport.pack(payload, quick_ack=quick_ack))
    pair.collect()


def to_client(pair: Pair, payload: bytes) -> None:
    pair.client.receive_data(Intermediate(Role.SERVER, pair.server_env).pack(payload))
    pair.collect()


def end_of(events: list[Event]) -> PeerError:
    closed = only(events, Closed)
    assert events[-1] is closed
    assert isinstance(closed.error, PeerError)
    return closed.error


def sealed(pair: Pair, sender: Role, *, body: bytes = QUERY, key: AuthKey = AUTH_KEY, padding: int = 0) -> bytes:
    msg_id = pair.client_msg_id() if sender is Role.CLIENT else pair.server_msg_id()
    inner = Inner(SALT, pair.session.session_id, msg_id, 1, body)
    padding = padding or 12 + -(len(body) + 44) % 16
    return seal_plaintext(key, pack_plaintext(inner, bytes(padding)), sender)[0]


# ---- faults of the client, as the server sees them


def broken(pair: Pair) -> dict[str, bytes]:
    good = sealed(pair, Role.CLIENT)
    flipped = bytearray(good)
    flipped[30] ^= 1
    return {
        "unknown auth_key_id": sealed(pair, Role.CLIENT, key=AuthKey(bytes(256))),
        "msg_key": bytes(flipped),
        "other direction": sealed(pair, Role.SERVER),
        "padding too short": sealed(pair, Role.CLIENT, padding=8),
        "padding too long": sealed(pair, Role.CLIENT, padding=1032),
        "too short": b"\1" * 20,
        "not whole blocks": good + bytes(4),
        "plain junk": pack_plain(4, b"junk"),
        "plain parity": pack_plain(5, schema.ReqPqMulti(nonce=bytes(16)).to_bytes()),
        "plain header": bytes(8) + b"\4" + bytes(7),
    }


@pytest.mark.parametrize("name", list(broken(Pair())))
@pytest.mark.requirement("TR-58", "TR-59", "MSG-08", "SEC-70", "SEC-74")
def test_the_server_answers_every_fault_with_the_same_404_and_closes(name: str) -> None:
    """SEC-70, TR-59."""
    pair = settled()
    to_server(pair, broken(pair)[name])
    assert pair.server.closed
    assert pair.server.data_to_send() == NOT_FOUND
    assert pair.server.data_to_send() == b"" and not pair.server.wants_write
    assert isinstance(end_of(pair.take_server()), PeerError)


@pytest.mark.requirement("TR-21")
def test_nothing_is_answered_while_the_transport_is_unknown() -> None:
    """TR-21."""
    pair = Pair()
    pair.server.receive_data(bytes(range(1, 65)))  # as obfuscated it has no tag that is known
    pair.collect()
    assert isinstance(end_of(pair.take_server()), FramingError)
    assert not pair.server.wants_write and pair.server.data_to_send() == b""


def test_what_is_sent_to_a_closed_connection_changes_nothing() -> None:
    pair = settled()
    to_server(pair, b"\1" * 20)
    pair.take_server()
    to_server(pair, sealed(pair, Role.CLIENT))
    assert pair.take_server() == []
    assert pair.server.next_deadline() is None


# ---- faults of the server, as the client sees them


@pytest.mark.parametrize("code", [-403, -404, -429, -444, -1])
@pytest.mark.requirement("TR-56", "SEC-41")
def test_a_transport_error_closes_the_client_and_is_named(code: int) -> None:
    pair = settled()
    to_client(pair, code.to_bytes(4, "little", signed=True))
    error = end_of(pair.take())
    assert isinstance(error, TransportFault) and error.code == code


@pytest.mark.requirement("TR-57", "SEC-41")
def test_a_transport_error_leaves_the_key_as_it_is() -> None:
    """TR-57, SEC-41."""
    pair = settled()
    keys, session = pair.link.keys, pair.link.current
    to_client(pair, (-404).to_bytes(4, "little", signed=True))
    assert pair.link.keys is keys and pair.link.current is session


@pytest.mark.requirement("TR-55", "SEC-41")
def test_a_positive_code_breaks_the_protocol() -> None:
    pair = settled()
    to_client(pair, (5).to_bytes(4, "little"))
    assert isinstance(end_of(pair.take()), FramingError)


@pytest.mark.requirement("TR-55")
def test_a_zero_code_is_nothing() -> None:
    pair = settled()
    to_client(pair, bytes(4))
    assert pair.take() == [] and not pair.client.closed


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda p: b"\1" + p[1:], "auth_key_id"),
        (lambda p: p[:8] + bytes(16) + p[24:], "msg_key"),
        (lambda p: p[:-16] + bytes(16), "msg_key"),
        (lambda p: p + bytes(4), "payload_length"),
        (lambda p: p[:20], "payload_length"),
    ],
)
@pytest.mark.requirement("MSG-08", "MSG-12", "SEC-20", "SEC-21", "SEC-35")
def test_the_client_closes_at_the_first_bad_payload_and_processes_nothing_of_it(change: object, check: str) -> None:
    """MSG-12, R1."""
    pair = settled()
    assert callable(change)
    to_client(pair, change(sealed(pair, Role.SERVER, body=UPDATE)))
    events = pair.take()
    error = end_of(events)
    assert isinstance(error, SecurityError) and error.check == check
    assert not of(events, Update) and pair.client.data_to_send() == b""


@pytest.mark.parametrize("body", [UPDATE, schema.ReqPqMulti(nonce=bytes(16)).to_bytes()])
@pytest.mark.requirement("AUTH-03", "AUTH-06", "SEC-19")
def test_an_unencrypted_message_outside_a_key_exchange_closes_the_client(body: bytes) -> None:
    """AUTH-06, SEC-19."""
    pair = settled()
    to_client(pair, pack_plain(5, body))
    error = end_of(pair.take())
    assert isinstance(error, SecurityError) and error.check == "step"


@pytest.mark.requirement("SEC-26")
def test_the_reflection_of_an_own_message_closes_the_client() -> None:
    """SEC-26."""
    pair = settled()
    pair.session.request(QUERY)
    data = pair.client_writes()
    pair.client.receive_data(data)
    pair.collect()
    error = end_of(pair.take())
    assert isinstance(error, SecurityError) and error.check == "msg_key"


@pytest.mark.parametrize("at", range(8, 120))
@pytest.mark.requirement("MSG-12", "SEC-20", "SEC-21")
def test_one_flipped_bit_anywhere_in_a_payload_closes_the_client(at: int) -> None:
    """SEC-20, SEC-21."""
    pair = settled()
    payload = bytearray(sealed(pair, Role.SERVER, body=UPDATE + bytes(40)))
    payload[at] ^= 0x10
    to_client(pair, bytes(payload))
    error = end_of(pair.take())
    assert isinstance(error, SecurityError) and error.check == "msg_key"
    assert (error.got, error.expected) == (None, None)


# ---- quick acknowledgements


def asking(pair: Pair, **fields: int) -> tuple[bytes, int]:
    msg_id = fields.get("msg_id", pair.client_msg_id())
    inner = Inner(fields.get("salt", SALT), pair.session.session_id, msg_id, 999, QUERY)
    payload, large = seal(AUTH_KEY, inner, Role.CLIENT, pair.client_env)
    return payload, quick_ack_token(large)


@pytest.mark.requirement("TR-50", "TR-54")
def test_a_quick_acknowledgement_is_the_token_of_the_payload() -> None:
    """TR-50, TR-54."""
    pair = settled()
    payload, token = asking(pair)
    to_server(pair, payload, quick_ack=True)
    assert pair.server.data_to_send()[:4] == token.to_bytes(4, "little")
    assert only(pair.take_server(), Request)


@pytest.mark.requirement("TR-54", "SEC-79")
def test_none_is_given_where_a_check_failed_or_none_was_asked_for() -> None:
    """SEC-79."""
    pair = settled()
    payload, token = asking(pair, salt=5)
    to_server(pair, payload, quick_ack=True)
    payload, other = asking(pair, msg_id=pair.client_msg_id(-400))
    to_server(pair, payload, quick_ack=True)
    payload, third = asking(pair)
    to_server(pair, payload)
    data = pair.server_writes()
    for unwanted in (token, other, third):
        assert unwanted.to_bytes(4, "little") not in data


@pytest.mark.requirement("TR-53", "SEC-49")
def test_quick_acknowledgements_that_nobody_asked_for_are_ignored() -> None:
    """SEC-49."""
    pair = settled()
    request_id, request = ask(pair)
    pair.client.receive_data(b"\xff\xff\xff\xff" + b"\x78\x56\x34\x92")
    pair.collect()
    assert pair.take() == [] and not pair.client.closed
    pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    assert Answered(request_id, RESULT) in pair.take()


# ---- time


@pytest.mark.requirement("TR-22")
def test_a_peer_that_says_nothing_for_15_seconds_is_disconnected() -> None:
    """TR-22."""
    pair = Pair()
    due = pair.server.next_deadline()
    assert due is not None and 14 < due - pair.server_env.monotonic() <= 15
    pair.server.receive_data(b"\xee\xee\xee\xee\x40\0\0\0" + bytes(63))  # a frame that never ends
    pair.advance(14.9)
    assert not pair.server.closed
    pair.advance(0.2)
    pair.collect()
    assert isinstance(only(pair.take_server(), Closed).error, ConnectionLost)


def test_one_that_has_spoken_is_not() -> None:
    pair = Pair()
    ask(pair)
    pair.advance(10_000)
    assert not pair.server.closed


# ---- bytes out


def test_data_comes_in_pieces_of_about_the_limit_until_there_is_none() -> None:
    pair = Pair()
    for _ in range(100):
        pair.session.request(RANDOM.randbytes(4096))
    pieces = []
    while data := pair.client.data_to_send(10_000):
        pieces.append(data)
    assert len(pieces) > 5 and not pair.client.wants_write
    for data in pieces:
        pair.server.receive_data(data)
    pair.collect()
    assert len(of(pair.take_server(), Request)) == 100


@pytest.mark.requirement("TL-68", "MSG-13")
def test_a_container_stays_near_32_kib_and_a_large_request_travels_alone() -> None:
    """TL-68, MSG-13."""
    pair = Pair()
    for _ in range(40):
        pair.session.request(RANDOM.randbytes(4000))
    pair.session.request(RANDOM.randbytes(900_000))
    pair.send()
    assert len(of(pair.take_server(), Request)) == 41
    sizes = [len(payload.body) for payload in pair.client_ear.payloads]
    assert all(size < 40_000 for size in sizes[:-1]) and len(sizes) > 4


@pytest.mark.requirement("TL-68")
def test_a_burst_of_small_requests_fits_containers_of_at_most_1020_messages() -> None:
    pair = Pair()
    for _ in range(3000):
        pair.session.request(b"\x01\x02\x03\x04")
    pair.send()
    assert len(of(pair.take_server(), Request)) == 3000
    assert len(pair.client_ear.payloads) == 3


# ---- watching


def test_every_message_in_and_out_is_traced() -> None:
    pair = Pair(trace=True)
    ids = [pair.session.request(QUERY) for _ in range(2)]
    pair.send()
    requests = of(pair.take_server(), Request)
    for request in requests:
        pair.server_session.result(request.msg_id, RESULT, None)
    pair.run()
    traced = of(pair.take(), Traced)
    out = [t for t in traced if t.direction == "out"]
    assert out[0].container is None and [t.container for t in out[1:]] == [out[0].msg_id] * 2
    assert [t.body for t in out[1:]] == [QUERY, QUERY]
    assert sum(RESULT in t.body for t in traced if t.container is not None) == 2
    assert len(ids) == 2


@pytest.mark.requirement("SEC-58")
def test_no_body_key_salt_or_session_id_is_in_the_repr_of_anything() -> None:
    """SEC-58."""
    pair = Pair(trace=True)
    canary = b"\x01\x02\x03\x04CANARY!!"
    pair.session.request(canary)
    pair.send()
    pair.forge(b"\x11\x22\x33\x44CANARY!!")
    things = [*pair.events, *pair.server_events, pair.session, pair.server_session, pair.link, pair.session.keys]
    secrets = ["CANARY", "434e4152", str(pair.session.session_id), str(SALT), repr(AUTH_KEY.data)[2:20]]
    shown = [repr(thing) for thing in things]
    assert not [text for text in shown for secret in secrets if secret in text]
