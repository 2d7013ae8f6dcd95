"""Obfuscation in both roles: TR-20, TR-21, TR-30 to TR-41, TR-50 to TR-55 inside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import FramingError, TransportFault, UsageError
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Abridged, Codec, Full, Intermediate, Packet, Padded, QuickAck, obfuscate
from mtproto.transport.obfuscated import ObfuscatedServer, accept, draw_header, is_usable, stream_keys

from .helpers import QUICK_CODECS, client, cut, detect, encrypted_payloads, feed_all, obfuscated

PAYLOAD = bytes(range(1, 41))
SECRET = bytes.fromhex("99" * 16)
KNOWN_INIT = bytes.fromhex(
    "01080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5ccd3dae1e8eff6fd040b121920272e353c434a51585f666d747b82"
    "ddddddddfcff5566"
)
every_codec = pytest.mark.parametrize("codec", QUICK_CODECS)


def both_ways(codec: type[Codec]) -> None:
    theirs, ours = obfuscated(codec), detect()
    assert ours.feed(theirs.pack(PAYLOAD)) == [Packet(PAYLOAD)]
    assert theirs.feed(ours.pack(PAYLOAD)) == [Packet(PAYLOAD)]


@pytest.mark.requirement("TR-34", "TR-36", "TR-37", "TR-38", "TR-40")
def test_the_known_answer_of_the_specification() -> None:
    """TR-40, from the random bytes to the key stream after the header."""
    env = ScriptedEnvironment(entropy=[KNOWN_INIT[:56] + b"rand" + b"rd" + KNOWN_INIT[62:], bytes(16)])
    keys = stream_keys(KNOWN_INIT, SECRET)
    assert keys.client_key.hex() == "3ee9fe3e95ba6b67755886bdf36841a5b632e9e33776d7eb8ae65b9b61d0428d"
    assert keys.client_iv.hex() == "1920272e353c434a51585f666d747b82"
    assert keys.server_key.hex() == "9f8714409281058a343dc7c48d9efa614c28c4be85c93eb57e916e5e6b4d1672"
    assert keys.server_iv.hex() == "a29b948d867f78716a635c554e474039"
    wire = obfuscate(Padded, env, dc=-4, secret=SECRET).pack(PAYLOAD)
    assert wire[:64].hex() == KNOWN_INIT[:56].hex() + "396983fb4c620b1f"
    key_stream = bytes.fromhex("5b216c735057e4dfaa125e744be674ef")
    frame = (40).to_bytes(4, "little") + PAYLOAD[:12]
    assert wire[64:80] == bytes(a ^ b for a, b in zip(frame, key_stream, strict=True))


@every_codec
@pytest.mark.requirement("TR-12")
def test_payloads_travel_both_ways(codec: type[Codec]) -> None:
    both_ways(codec)


@every_codec
@given(payloads=st.lists(encrypted_payloads(4), min_size=1, max_size=4), cuts=st.lists(st.integers(0, 300), max_size=9))
@pytest.mark.requirement("TR-10", "TR-37")
def test_a_stream_gives_the_same_however_it_is_cut(codec: type[Codec], payloads: list[bytes], cuts: list[int]) -> None:
    theirs, ours = obfuscated(codec), detect()
    up = b"".join(theirs.pack(payload) for payload in payloads)
    assert feed_all(ours, cut(up, cuts)) == [Packet(payload) for payload in payloads]
    down = b"".join(ours.pack(payload) for payload in payloads)
    assert feed_all(theirs, cut(down, cuts)) == [Packet(payload) for payload in payloads]


@every_codec
@pytest.mark.requirement("TR-20", "TR-39")
def test_the_server_knows_it_after_64_bytes_and_not_earlier(codec: type[Codec]) -> None:
    wire, ours = obfuscated(codec).pack(PAYLOAD), detect()
    for place in range(64):
        assert (ours.ready, ours.name) == (False, "")
        assert ours.feed(wire[place : place + 1]) == []
    assert (ours.ready, ours.name) == (True, f"obfuscated-{codec.name}")
    assert ours.feed(wire[64:]) == [Packet(PAYLOAD)]


@every_codec
def test_nothing_on_the_wire_shows_the_codec(codec: type[Codec]) -> None:
    theirs = obfuscated(codec)
    wire = theirs.pack(PAYLOAD) + theirs.pack(PAYLOAD)
    assert codec.start * 2 not in wire
    assert PAYLOAD not in wire


@every_codec
@pytest.mark.requirement("TR-01", "TR-38")
def test_the_header_goes_once(codec: type[Codec]) -> None:
    theirs, plain = obfuscated(codec), client(codec)
    assert theirs.data_to_send() == b""
    assert len(theirs.pack(PAYLOAD)) >= 64 + len(PAYLOAD)
    plain.pack(PAYLOAD)
    assert len(theirs.pack(PAYLOAD)) < 64 + len(PAYLOAD)


@every_codec
@pytest.mark.requirement("TR-52")
def test_quick_acknowledgements_and_errors_travel_inside(codec: type[Codec]) -> None:
    theirs, ours = obfuscated(codec), detect()
    assert ours.feed(theirs.pack(PAYLOAD, quick_ack=True)) == [Packet(PAYLOAD, True)]
    assert theirs.feed(ours.pack_quick_ack(0x80000005)) == [QuickAck(0x80000005)]
    (fault,) = theirs.feed(ours.pack_fault(-429) + ours.pack(PAYLOAD))
    assert isinstance(fault, TransportFault)
    assert fault.code == -429


@pytest.mark.parametrize(
    "start",
    ["ef", "48454144", "504f5354", "47455420", "4f505449", "16030102", "dddddddd", "eeeeeeee", "0102030400000000"],
)
@pytest.mark.requirement("TR-30")
def test_random_bytes_that_look_like_another_transport_are_drawn_again(start: str) -> None:
    bad = bytes.fromhex(start).ljust(64, b"\x55")
    env = ScriptedEnvironment(entropy=[bad, bad, KNOWN_INIT])
    assert not is_usable(bad)
    assert draw_header(Intermediate, env, 2)[:56] == KNOWN_INIT[:56]


@pytest.mark.parametrize("start", ["16030103", "0000000001", "00ef", "eeeeeedd", "50555420"])
@pytest.mark.requirement("TR-30")
def test_random_bytes_that_only_resemble_one_are_taken(start: str) -> None:
    init = bytes.fromhex(start).ljust(64, b"\x55")
    assert draw_header(Abridged, ScriptedEnvironment(entropy=[init]), None) == init[:56] + b"\xef" * 4 + init[60:]


@pytest.mark.parametrize(
    ("dc", "written"), [(2, "0200"), (-4, "fcff"), (10002, "1227"), (-10002, "eed8"), (None, "5555")]
)
@pytest.mark.requirement("TR-34", "TR-35")
def test_the_number_of_the_datacenter_is_written(dc: int | None, written: str) -> None:
    """TR-34, TR-35."""
    header = draw_header(Padded, ScriptedEnvironment(entropy=[b"\x55" * 64]), dc)
    assert header[60:62].hex() == written


@pytest.mark.requirement("TR-33")
def test_what_has_no_tag_or_no_number_is_refused() -> None:
    with pytest.raises(UsageError, match="full"):
        obfuscate(Full, ScriptedEnvironment(), dc=2)
    for dc in (2**15, -(2**15) - 1):
        with pytest.raises(UsageError, match="16 bits"):
            obfuscate(Padded, ScriptedEnvironment(), dc=dc)


@pytest.mark.requirement("TR-21")
def test_an_unknown_tag_ends_the_connection_without_an_answer() -> None:
    """TR-21."""
    ours = detect()
    assert ours.feed(b"\x55" * 63) == []
    (error,) = ours.feed(b"\x55")
    assert isinstance(error, FramingError)
    assert error.kind == "tag"
    assert ours.feed(obfuscated(Abridged).pack(PAYLOAD)) == []
    assert (ours.ready, ours.name, ours.pack_fault(-404), ours.data_to_send()) == (False, "", b"", b"")


@pytest.mark.requirement("TR-36", "TR-39")
def test_the_first_secret_that_fits_is_taken() -> None:
    """TR-39."""
    secrets = [bytes([number]) * 16 for number in (1, 2, 3)]
    wire = obfuscate(Padded, ScriptedEnvironment(), dc=-3, secret=secrets[1]).pack(PAYLOAD)
    accepted = accept(wire[:64], [b"", *secrets])
    assert (accepted.codec, accepted.dc, accepted.secret) == (Padded, -3, secrets[1])
    (packet,) = accepted.transport(ScriptedEnvironment()).feed(wire[64:])
    assert packet == Packet(PAYLOAD)
    with pytest.raises(FramingError):
        accept(wire[:64], [b"", secrets[0]])


@pytest.mark.requirement("TR-93")
def test_inside_websocket_nothing_but_obfuscation_is_taken() -> None:
    """TR-93."""
    ours = ObfuscatedServer(ScriptedEnvironment())
    assert ours.feed(obfuscated(Intermediate).pack(PAYLOAD)) == [Packet(PAYLOAD)]
    ours = ObfuscatedServer(ScriptedEnvironment())
    (error,) = ours.feed(client(Intermediate).pack(PAYLOAD * 2))
    assert isinstance(error, FramingError)


@pytest.mark.requirement("SEC-58")
def test_keys_and_secrets_are_in_no_repr() -> None:
    keys = stream_keys(KNOWN_INIT, SECRET)
    accepted = accept(obfuscate(Padded, ScriptedEnvironment(), dc=1, secret=SECRET).pack(PAYLOAD)[:64], [SECRET])
    for text in (repr(keys), repr(accepted)):
        assert repr(SECRET) not in text
        assert repr(keys.client_key) not in text
        assert "redacted" in text


def test_two_clients_never_share_a_stream() -> None:
    first, second = obfuscated(Intermediate, b"one"), obfuscated(Intermediate, b"two")
    assert first.pack(PAYLOAD) != second.pack(PAYLOAD)
