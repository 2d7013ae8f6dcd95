"""How a server tells the transports apart: TR-20 to TR-22, TR-12."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import FramingError, UsageError
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Abridged, Codec, Full, Intermediate, Packet, Padded, client_transport

from .helpers import CODECS, client, cut, detect, encrypted_payloads, feed_all, server

PAYLOAD = bytes(range(1, 41))
NEEDED = {Abridged: 1, Intermediate: 4, Padded: 4, Full: 8}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.requirement("TR-20")
def test_a_codec_is_known_after_no_more_bytes_than_it_takes(codec: type[Codec]) -> None:
    wire = client(codec).pack(PAYLOAD)
    ours = detect()
    for place in range(NEEDED[codec]):
        assert (ours.ready, ours.name) == (False, "")
        assert ours.feed(wire[place : place + 1]) == []
    assert (ours.ready, ours.name) == (True, codec.name)
    assert ours.feed(wire[NEEDED[codec] :]) == [Packet(PAYLOAD)]


@pytest.mark.parametrize("codec", CODECS)
@given(payloads=st.lists(encrypted_payloads(4), min_size=1, max_size=4), cuts=st.lists(st.integers(0, 300), max_size=9))
@pytest.mark.requirement("TR-10", "TR-20")
def test_the_first_frames_are_kept_however_the_stream_is_cut(
    codec: type[Codec], payloads: list[bytes], cuts: list[int]
) -> None:
    packer = client(codec)
    stream = b"".join(packer.pack(payload) for payload in payloads)
    assert feed_all(detect(), cut(stream, cuts)) == [Packet(payload) for payload in payloads]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.requirement("TR-12")
def test_the_server_answers_in_the_codec_the_client_chose(codec: type[Codec]) -> None:
    ours, theirs = detect(), client(codec)
    ours.feed(theirs.pack(PAYLOAD))
    assert theirs.feed(ours.pack(PAYLOAD)) == [Packet(PAYLOAD)]
    if codec is not Full:
        assert theirs.feed(ours.pack_quick_ack(0x80000005)) != []
    assert [str(item) for item in theirs.feed(ours.pack_fault(-404))] == ["transport error -404"]
    assert ours.data_to_send() == b""


@pytest.mark.requirement("TR-12")
def test_a_second_codec_start_inside_the_stream_is_just_a_bad_frame() -> None:
    ours = detect()
    (packet, error) = ours.feed(client(Intermediate).pack(PAYLOAD) + b"\xee\xee\xee\xee")
    assert packet == Packet(PAYLOAD)
    assert isinstance(error, FramingError)
    assert error.kind == "length"


@pytest.mark.parametrize("first", [b"POST /api HTTP/1.1", b"GET /apiws", b"HEAD", b"OPTIONS"])
def test_without_its_package_the_web_is_refused_by_name_and_gets_no_answer(
    first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("h11", "wsproto"):
        monkeypatch.setitem(sys.modules, name, None)
    ours = detect()
    (error,) = ours.feed(first)
    assert isinstance(error, FramingError)
    assert error.kind == "unsupported"
    assert "install mtproto[" in str(error)
    assert ours.feed(client(Abridged).pack(PAYLOAD)) == []
    assert (ours.ready, ours.pack_fault(-404), ours.pack_close()) == (False, b"", b"")


@pytest.mark.parametrize("name", ["websocket", "http"])
def test_without_its_package_a_client_is_told_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("h11", "wsproto"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError, match=rf"install mtproto\[{name}\]"):
        client_transport(name, ScriptedEnvironment())


def test_nothing_but_a_fault_can_be_packed_before_the_choice() -> None:
    ours = detect()
    assert ours.pack_fault(-404) == b""
    with pytest.raises(UsageError):
        ours.pack(PAYLOAD)
    with pytest.raises(UsageError):
        ours.pack_quick_ack(0x80000005)


def test_a_full_stream_whose_first_length_is_wrong_is_still_known_as_full() -> None:
    ours = detect()
    (error,) = ours.feed(bytes(16))
    assert isinstance(error, FramingError)
    assert (ours.name, error.kind) == ("full", "length")


def test_a_detected_codec_reads_on_as_if_it_had_been_chosen_from_the_start() -> None:
    ours, known = detect(), server(Padded)
    stream = b"".join(client(Padded).pack(PAYLOAD) for _ in range(1))
    assert ours.feed(stream) == known.feed(stream[4:])
