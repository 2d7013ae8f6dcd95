"""HTTP in both roles: TR-100 to TR-102, TR-106, TR-107, TR-109, TR-110, SEC-67."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import FramingError, TransportFault, UsageError
from mtproto.transport import MAX_FRAME, Packet
from mtproto.transport.detect import Detect
from mtproto.transport.http import HttpClient, http_client

from .helpers import cut, detect, encrypted_payloads, feed_all, plain

pytest.importorskip("h11")
PAYLOAD = bytes(range(1, 41))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n"


def dial() -> HttpClient:
    return http_client(host="localhost:80", dc=2)


def asked() -> tuple[HttpClient, Detect]:
    """A client whose request has reached the server."""
    theirs, ours = dial(), detect()
    assert ours.feed(theirs.pack(PAYLOAD)) == [Packet(PAYLOAD)]
    return theirs, ours


def post(body: bytes, path: str = "/api", *headers: str, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: h", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def kind(items: Sequence[object]) -> str:
    error = items[-1]
    assert isinstance(error, FramingError)
    return error.kind


@pytest.mark.requirement("TR-100")
def test_a_request_is_the_one_of_the_specification() -> None:
    """TR-100."""
    wire = dial().pack(PAYLOAD)
    assert wire.startswith(b"POST /api HTTP/1.1\r\n")
    assert wire.endswith(b"\r\n\r\n" + PAYLOAD)
    assert b"Content-Length: 40\r\n" in wire
    assert b"Host: localhost:80\r\n" in wire
    assert http_client(host="h", dc=10002).pack(PAYLOAD).startswith(b"POST /apiw_test1 ")


@pytest.mark.requirement("TR-101", "TR-102")
def test_request_and_response_take_turns() -> None:
    """TR-101, TR-102."""
    theirs, ours = dial(), detect()
    for number in range(3):
        payload = bytes([number + 1]) * 40
        assert theirs.ready
        assert ours.feed(theirs.pack(payload)) == [Packet(payload)]
        assert (ours.name, ours.ready, theirs.ready) == ("http", True, False)
        with pytest.raises(UsageError):
            theirs.pack(payload)
        assert theirs.feed(ours.pack(payload)) == [Packet(payload)]
        assert not ours.ready
        with pytest.raises(UsageError):
            ours.pack(payload)


@given(payloads=st.lists(encrypted_payloads(), min_size=1, max_size=3), cuts=st.lists(st.integers(0, 900), max_size=9))
@pytest.mark.requirement("TR-10")
def test_a_conversation_is_the_same_however_it_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    theirs, ours = dial(), detect()
    for payload in payloads:
        assert feed_all(ours, cut(theirs.pack(payload), cuts)) == [Packet(payload)]
        assert feed_all(theirs, cut(ours.pack(payload), cuts)) == [Packet(payload)]


@pytest.mark.parametrize("size", [1, 100, 16384, 1 << 20])
@pytest.mark.requirement("TR-10", "TR-110")
def test_a_head_above_16_kib_is_refused_however_it_comes(size: int) -> None:
    """TR-110, TR-10: 16384 bytes pass, and one more does not; what was read before does not count."""
    theirs, ours = dial(), detect()
    for _ in range(3):
        long = b"X: " + b"y" * (16384 - len(post(PAYLOAD)) + len(PAYLOAD) - 5) + b"\r\n"
        wire = post(PAYLOAD).replace(b"Host", long + b"Host", 1)
        assert len(wire) - len(PAYLOAD) == 16384
        assert feed_all(ours, pieces_of(wire, size)) == [Packet(PAYLOAD)]
        ours.pack(PAYLOAD)
    assert kind(feed_all(ours, pieces_of(wire.replace(b"X: ", b"X:  ", 1), size))) == "http"
    assert ours.data_to_send().startswith(b"HTTP/1.1 431 ")
    theirs.pack(PAYLOAD)
    answer = OK.replace(b"\r\n", b"\r\nX: " + b"y" * 17000 + b"\r\n", 1)
    assert kind(feed_all(theirs, pieces_of(answer, size))) == "http"


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("code", [403, 404, 429, 444])
@pytest.mark.requirement("TR-106")
def test_transport_errors_are_status_codes(code: int) -> None:
    """TR-106."""
    theirs, ours = asked()
    wire = ours.pack_fault(-code)
    assert wire.startswith(b"HTTP/1.1 %d " % code)
    (fault,) = theirs.feed(wire)
    assert isinstance(fault, TransportFault)
    assert fault.code == -code
    assert not theirs.ready
    assert ours.pack_fault(-404) == b""


@pytest.mark.requirement("TR-106", "SEC-67")
def test_the_body_of_an_error_is_ignored() -> None:
    """TR-106, SEC-67."""
    theirs, _ = asked()
    (fault,) = theirs.feed(b"HTTP/1.1 404 X\r\nContent-Length: 40\r\n\r\n" + PAYLOAD)
    assert isinstance(fault, TransportFault)
    assert theirs.feed(OK + PAYLOAD) == []


@pytest.mark.parametrize("status", [201, 204, 301, 302, 400, 500, 503])
@pytest.mark.requirement("SEC-67")
def test_any_other_status_ends_the_connection_and_no_redirect_is_followed(status: int) -> None:
    theirs, _ = asked()
    wire = b"HTTP/1.1 %d X\r\nLocation: http://example.org/\r\nContent-Length: 0\r\n\r\n" % status
    assert kind(theirs.feed(wire)) == "status"
    assert not theirs.ready


@pytest.mark.parametrize("size", [0, 4, 6, 41])
@pytest.mark.requirement("TR-107", "SEC-67")
def test_a_body_of_a_wrong_length_is_refused_in_both_roles(size: int) -> None:
    """TR-107."""
    theirs, _ = asked()
    assert kind(theirs.feed(OK.replace(b"40", b"%d" % size) + bytes(size))) == "length"
    ours = detect()
    assert kind(ours.feed(post(bytes(size)))) == "length"
    assert ours.pack_fault(-404).startswith(b"HTTP/1.1 404 ")


def chunked(total: int) -> list[bytes]:
    part = b"10000\r\n" + bytes(65536) + b"\r\n"
    return [part] * (total // 65536 + 1)


@pytest.mark.requirement("TR-09", "TR-107", "SEC-67")
def test_a_body_above_the_limit_is_refused_before_it_is_kept() -> None:
    """TR-09, SEC-67: also one whose length is not announced."""
    theirs, _ = asked()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert kind(feed_all(theirs, [head, *chunked(MAX_FRAME)])) == "length"
    ours = detect()
    head = b"POST /api HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert kind(feed_all(ours, [head, *chunked(MAX_FRAME)])) == "length"
    assert ours.data_to_send().startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", [MAX_FRAME + 4, 10**11])
def test_an_announced_length_above_the_limit_is_refused_before_the_body_comes(length: int) -> None:
    """TR-09, SEC-60: in both roles, by the head alone."""
    theirs, _ = asked()
    assert kind(theirs.feed(OK.replace(b"40", b"%d" % length))) == "length"
    ours = detect()
    assert kind(ours.feed(b"POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % length)) == "length"
    assert ours.data_to_send().startswith(b"HTTP/1.1 413 ")


def test_a_body_in_tiny_chunks_costs_no_more_memory_than_its_bytes() -> None:
    """SEC-67: an object for every chunk was 22 times the body."""
    ours = detect()
    ours.feed(b"POST /api HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"2\r\nab\r\n" * 500
    tracemalloc.start()
    try:
        feed_all(ours, [piece] * 20)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < 3 * 20 * 1000


def test_chunked_bodies_are_read() -> None:
    theirs, _ = asked()
    wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n" + PAYLOAD[:20] + b"\r\n14\r\n" + PAYLOAD[20:]
    assert theirs.feed(wire + b"\r\n0\r\n\r\n") == [Packet(PAYLOAD)]


@pytest.mark.parametrize(
    ("wire", "status", "reason"),
    [
        (post(PAYLOAD, "/other"), 404, "path"),
        (post(b"", "/api", method="HEAD"), 405, "method"),
        (post(b"", "/other", method="HEAD"), 404, "path"),
        (post(b"", "/other", method="OPTIONS"), 404, "path"),
        (b"POST nonsense\r\n\r\n", 400, "http"),
        (b"POST /api HTTP/1.1\r\n\r\n", 400, "http"),
        (b"POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400, "http"),
        (b"POST /api HTTP/1.1\r\nHost: h\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400, "http"),
        (b"POST /api HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "http"),
        (b"POST /api HTTP/1.1\r\nX: " + b"y" * 20000, 431, "http"),
    ],
)
@pytest.mark.requirement("TR-110")
def test_other_requests_are_answered_with_an_error_and_end_the_connection(
    wire: bytes, status: int, reason: str
) -> None:
    """TR-110."""
    ours = detect()
    assert kind(ours.feed(wire)) == reason
    answer = ours.data_to_send()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in answer.lower()
    assert (ours.ready, ours.pack_fault(-404)) == (False, b"")
    assert ours.feed(post(PAYLOAD)) == []


@pytest.mark.requirement("TR-100")
def test_a_browser_asks_first_whether_it_may() -> None:
    """TR-100: the preflight of the CORS variant, on the same connection."""
    ours = detect()
    asking = post(b"", "/apiw1", "Origin: https://example.org", method="OPTIONS")
    assert ours.feed(asking + post(PAYLOAD, "/apiw1")) == [Packet(PAYLOAD)]
    answer = ours.data_to_send()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"access-control-allow-methods: post" in answer.lower()
    assert b"access-control-allow-origin: *" in ours.pack(PAYLOAD).lower()


def test_the_body_of_a_preflight_is_no_part_of_the_next_payload() -> None:
    ours = detect()
    assert ours.feed(post(b"\xaa" * 8, method="OPTIONS") + post(PAYLOAD)) == [Packet(PAYLOAD)]


@pytest.mark.requirement("TR-101")
def test_a_second_request_before_the_response_ends_the_connection() -> None:
    """TR-101: nothing is collected for it."""
    packet, error = detect().feed(post(PAYLOAD) * 2)
    assert packet == Packet(PAYLOAD)
    assert kind([error]) == "http"
    _, ours = asked()
    assert kind(ours.feed(b"P")) == "http"


def test_a_response_that_nobody_asked_for_ends_the_client() -> None:
    assert kind(dial().feed(OK + PAYLOAD)) == "http"
    theirs, ours = asked()
    assert kind(theirs.feed(ours.pack(PAYLOAD) + OK + PAYLOAD)) == "http"


def test_after_connection_close_no_request_follows() -> None:
    theirs, _ = asked()
    wire = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert theirs.feed(wire + PAYLOAD) == [Packet(PAYLOAD)]
    assert not theirs.ready


@pytest.mark.requirement("TR-51", "TR-109")
def test_there_are_no_quick_acknowledgements() -> None:
    """TR-109."""
    theirs, ours = asked()
    with pytest.raises(UsageError):
        dial().pack(PAYLOAD, quick_ack=True)
    with pytest.raises(UsageError):
        ours.pack_quick_ack(0x80000005)
    with pytest.raises(UsageError):
        theirs.pack_fault(-404)


@pytest.mark.parametrize("host", ["a b", "é", "a\r\nX: y"])
def test_a_host_that_cannot_be_named_is_refused(host: str) -> None:
    with pytest.raises(UsageError):
        http_client(host=host)


@given(
    junk=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 400), max_size=5),
    place=st.integers(0, 120),
    change=st.integers(1, 255),
)
def test_hostile_bytes_give_errors_only(junk: bytes, cuts: list[int], place: int, change: int) -> None:
    good = bytearray(post(PAYLOAD))
    good[max(place % len(good), 4)] ^= change
    for data in (b"POST" + junk, bytes(good), b"OPTI" + junk, post(PAYLOAD)[:place].ljust(4, b"P") + junk):
        whole, pieces = detect().feed(data), feed_all(detect(), cut(data, cuts))
        assert plain(whole) == plain(pieces)
    response = bytearray(OK + PAYLOAD)
    response[place % len(response)] ^= change
    for data in (junk, OK + junk, bytes(response)):
        (theirs, _), (again, _) = asked(), asked()
        assert plain(theirs.feed(data)) == plain(feed_all(again, cut(data, cuts)))
