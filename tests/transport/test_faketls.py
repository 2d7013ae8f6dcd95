"""Fake TLS in both roles: TR-70 to TR-81, SEC-64, SEC-65; and what a proxy's listener refuses (TR-35, TR-42)."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from mtproto.errors import FramingError, TransportFault, UsageError
from mtproto.testing import ScriptedEnvironment
from mtproto.transport import Abridged, Detect, Intermediate, Packet, Padded, QuickAck, obfuscate
from mtproto.transport.faketls import (
    CHANGE_CIPHER,
    CLIENT_WRITES,
    RANDOM,
    FakeTls,
    check_client_hello,
    fake_tls_client,
    pack_records,
    sign_client_hello,
)
from mtproto.transport.mtproxy import FAKE_TLS, ProxyServer, Secret
from mtproto.transport.tls_hello import client_hello, draw_grease, server_hello

from .helpers import client, cut, detect, encrypted_payloads, feed_all

KEY, OTHER = b"\x99" * 16, b"\x77" * 16
SECRET = Secret(KEY, FAKE_TLS, "example.org")
PAYLOAD = bytes(range(1, 41))
NOW = 1_700_000_000


def dial(seed: bytes = b"client", *, secret: Secret = SECRET, dc: int = 2, unix_time: float = NOW) -> FakeTls:
    return fake_tls_client(secret, ScriptedEnvironment(seed=seed, unix_time=unix_time), dc=dc)


def listen(proxy: ProxyServer | None = None, *, unix_time: float = NOW) -> Detect:
    return Detect(ScriptedEnvironment(seed=b"server", unix_time=unix_time), proxy or ProxyServer([OTHER, KEY], [2, -2]))


def shake(theirs: FakeTls, ours: Detect) -> None:
    """The hellos, up to the point where the client may send."""
    assert ours.feed(theirs.data_to_send()) == []
    assert theirs.feed(ours.data_to_send()) == []
    assert theirs.ready


def kind(items: Sequence[object]) -> str:
    (error,) = items
    assert isinstance(error, FramingError)
    return error.kind


# The way through


@pytest.mark.requirement("TR-80")
def test_payloads_travel_both_ways_in_records() -> None:
    theirs, ours = dial(), listen()
    shake(theirs, ours)
    up = theirs.pack(PAYLOAD)
    assert up.startswith(CHANGE_CIPHER + b"\x17\x03\x03")
    assert ours.feed(up) == [Packet(PAYLOAD)]
    assert (ours.ready, ours.name, theirs.name) == (True, "faketls", "faketls")
    assert theirs.feed(ours.pack(PAYLOAD)) == [Packet(PAYLOAD)]
    assert theirs.pack(PAYLOAD).startswith(b"\x17\x03\x03")
    assert (theirs.data_to_send(), ours.data_to_send()) == (b"", b"")


@given(
    payloads=st.lists(encrypted_payloads(), min_size=1, max_size=4), cuts=st.lists(st.integers(0, 6000), max_size=12)
)
@pytest.mark.requirement("TR-10", "TR-81")
def test_the_whole_conversation_is_the_same_however_it_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    theirs, ours = dial(), listen()
    assert feed_all(ours, cut(theirs.data_to_send(), cuts)) == []
    assert feed_all(theirs, cut(ours.data_to_send(), cuts)) == []
    up = b"".join(theirs.pack(payload) for payload in payloads)
    assert feed_all(ours, cut(up, cuts)) == [Packet(payload) for payload in payloads]
    down = b"".join(ours.pack(payload) for payload in payloads)
    assert feed_all(theirs, cut(down, cuts)) == [Packet(payload) for payload in payloads]


@pytest.mark.requirement("TR-80")
def test_a_large_payload_is_spread_over_records_of_the_usual_size() -> None:
    """TR-80."""
    theirs, ours = dial(), listen()
    shake(theirs, ours)
    payload = b"\x05" * (24 + 16 * 4096)
    wire = theirs.pack(payload).removeprefix(CHANGE_CIPHER)
    sizes = []
    while wire:
        length = int.from_bytes(wire[3:5], "big")
        sizes.append(length)
        wire = wire[5 + length :]
    assert set(sizes[:-1]) == {CLIENT_WRITES}
    theirs, ours = dial(b"again"), listen()
    shake(theirs, ours)
    assert ours.feed(theirs.pack(payload)) == [Packet(payload)]
    assert theirs.feed(ours.pack(payload)) == [Packet(payload)]


def test_quick_acknowledgements_and_errors_travel_inside() -> None:
    theirs, ours = dial(), listen()
    shake(theirs, ours)
    assert ours.feed(theirs.pack(PAYLOAD, quick_ack=True)) == [Packet(PAYLOAD, True)]
    assert theirs.feed(ours.pack_quick_ack(0x80000005)) == [QuickAck(0x80000005)]
    (fault,) = theirs.feed(ours.pack_fault(-404))
    assert isinstance(fault, TransportFault)


@pytest.mark.requirement("TR-81")
def test_the_change_cipher_record_of_the_client_may_be_missing() -> None:
    """TR-81: the server skips one, it does not ask for it."""
    theirs, ours = dial(), listen()
    shake(theirs, ours)
    assert ours.feed(theirs.pack(PAYLOAD).removeprefix(CHANGE_CIPHER)) == [Packet(PAYLOAD)]
    assert theirs.feed(ours.pack(PAYLOAD)) == [Packet(PAYLOAD)]


# The hellos


def hello(domain: str = "example.org", seed: bytes = b"") -> bytes:
    return client_hello(domain, ScriptedEnvironment(seed=seed))


@pytest.mark.parametrize("domain", ["a", "example.org", "a" * 182])
@pytest.mark.requirement("TR-70")
def test_a_hello_has_the_layout_of_the_specification(domain: str) -> None:
    """TR-70."""
    data = hello(domain)
    assert data[:3].hex() == "160301"
    assert int.from_bytes(data[3:5], "big") == len(data) - 5
    assert data[5] == 1
    assert int.from_bytes(data[6:9], "big") == len(data) - 9
    assert (data[9:11].hex(), data[RANDOM], data[43]) == ("0303", bytes(32), 32)
    assert domain.encode() in data
    assert len(data) == 517 or (len(data) > 517 and len(domain) > 100)


def certificate(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "example.org")])
    now = datetime.datetime.now(datetime.UTC)
    until = now + datetime.timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, until)
    signed = made.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("domain", ["example.org", "a." * 90 + "b"])
@pytest.mark.requirement("TR-70", "TR-71")
def test_a_real_tls_server_answers_the_hello(domain: str, tmp_path: Path) -> None:
    """An independent reader: OpenSSL finds the name, chooses TLS 1.3 and h2, and asks for no second hello."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path / "pem"))
    context.set_alpn_protocols(["h2"])
    asked: list[str] = []
    context.sni_callback = lambda sock, name, context: asked.append(name)
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(received, sent, server_side=True)
    received.write(sign_client_hello(hello(domain), KEY, NOW))
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    answer = sent.read()
    assert asked == [domain]
    assert answer[:3].hex() == "160303"
    assert answer[5] == 2
    assert b"\x00\x2b\x00\x02\x03\x04" in answer[:200]  # supported_versions: TLS 1.3
    assert answer[RANDOM] != bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")  # retry


def test_hellos_differ_in_more_than_their_random_bytes() -> None:
    one, two = hello(seed=b"one"), hello(seed=b"two")
    assert one[44:76] != two[44:76]
    assert one[100:300] != two[100:300]
    assert len(one) == len(two) == 517


@given(drawn=st.binary(min_size=5, max_size=5))
@pytest.mark.requirement("TR-71")
def test_grease_values_are_pairs_and_neighbours_differ(drawn: bytes) -> None:
    """TR-71."""
    values = draw_grease(ScriptedEnvironment(entropy=[drawn]), 5)
    assert all(value[0] == value[1] and value[0] & 15 == 10 for value in values)
    assert all(one != two for one, two in pairwise(values))


@pytest.mark.requirement("TR-77")
def test_the_reply_has_the_three_records_of_the_specification() -> None:
    """TR-77."""
    theirs = hello()
    reply = server_hello(theirs, ScriptedEnvironment())
    assert reply[:3].hex() == "160303"
    end = 5 + int.from_bytes(reply[3:5], "big")
    assert (reply[5], reply[RANDOM], reply[43]) == (2, bytes(32), 32)
    assert reply[44:76] == theirs[44:76]
    assert reply[76:79].hex() == "130100"
    assert reply[end : end + 9] == CHANGE_CIPHER + b"\x17\x03\x03"
    length = int.from_bytes(reply[end + 9 : end + 11], "big")
    assert 1024 <= length <= 4096
    assert len(reply) == end + 11 + length


# What a server refuses


@pytest.mark.requirement("TR-73", "TR-76")
def test_a_hello_of_another_secret_gets_no_answer() -> None:
    ours = listen()
    assert kind(ours.feed(dial(secret=Secret(b"\x11" * 16, FAKE_TLS, "example.org")).data_to_send())) == "digest"
    assert (ours.data_to_send(), ours.pack_fault(-404), ours.ready, ours.name) == (b"", b"", False, "")
    assert ours.feed(dial().data_to_send()) == []


@pytest.mark.parametrize("place", [9, 11, 38, 43, 100, 516])
@pytest.mark.requirement("TR-72", "TR-73")
def test_a_changed_hello_is_refused(place: int) -> None:
    data = bytearray(dial().data_to_send())
    data[place] ^= 1
    assert kind(listen().feed(bytes(data))) == "digest"


@pytest.mark.parametrize(("late", "refused"), [(599, False), (600, True), (-1199, False), (-1200, True), (10**9, True)])
@pytest.mark.requirement("TR-74", "SEC-65")
def test_the_clock_of_a_hello_must_be_about_right(late: int, refused: bool) -> None:
    """TR-74: server time − client time strictly between −1200 s and +600 s."""
    items = listen(unix_time=NOW + late).feed(dial().data_to_send())
    assert items == [] if not refused else kind(items) == "time"


@pytest.mark.requirement("TR-72")
def test_the_time_of_a_hello_is_an_unsigned_number() -> None:
    late = 4_026_531_841
    assert check_client_hello(sign_client_hello(hello(), KEY, late), [KEY], late) == KEY


@pytest.mark.requirement("TR-75", "SEC-65")
def test_a_hello_that_is_sent_again_is_refused() -> None:
    """TR-75, SEC-65: also on another connection of the same listener."""
    proxy = ProxyServer([KEY], [2])
    data = dial().data_to_send()
    assert listen(proxy).feed(data) == []
    assert kind(listen(proxy).feed(data)) == "replay"
    assert listen(proxy).feed(dial(b"other").data_to_send()) == []


def test_a_hello_that_fails_is_not_remembered() -> None:
    proxy = ProxyServer([KEY], [2])
    data = dial().data_to_send()
    assert kind(listen(proxy, unix_time=NOW + 9000).feed(data)) == "time"
    assert listen(proxy).feed(data) == []


@pytest.mark.requirement("TR-20")
def test_without_secrets_there_is_no_fake_tls() -> None:
    """TR-20: such bytes are an obfuscation header, if anything."""
    assert kind(detect().feed(dial().data_to_send())) == "tag"


@pytest.mark.requirement("TR-73")
def test_a_short_record_is_no_fake_tls() -> None:
    """TR-73: such bytes are an obfuscation header, here one that happens to begin like a hello."""
    init = b"\x16\x03\x01\x01\xff" + b"\x55" * 59
    theirs = obfuscate(Padded, ScriptedEnvironment(entropy=[init]), dc=2, secret=KEY)
    assert listen().feed(theirs.pack(PAYLOAD)) == [Packet(PAYLOAD)]
    assert kind(listen().feed(b"\x16\x03\x01\x01\xff".ljust(600, b"\x55"))) == "tag"


@pytest.mark.requirement("TR-60")
def test_inside_fake_tls_only_padded_with_its_own_secret_is_taken() -> None:
    """TR-60."""
    for codec, key in ((Intermediate, KEY), (Abridged, KEY), (Padded, OTHER), (Padded, b"")):
        theirs, ours = dial(), listen()
        shake(theirs, ours)
        inner = obfuscate(codec, ScriptedEnvironment(), dc=2, secret=key)
        assert kind(ours.feed(pack_records(inner.pack(PAYLOAD), 1000))) == "tag"
        assert ours.pack_fault(-404) == b""


@pytest.mark.parametrize(
    "wire",
    [
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x16\x03\x03\x00\x04abcd",
        b"\x17\x03\x01\x00\x04abcd",
        b"\x17\x03\x03\x41\x01",
        b"\x14\x03\x03\x00\x01\x02",
        CHANGE_CIPHER * 2,
        b"\x17\x03\x03\x00\x00" + CHANGE_CIPHER,
    ],
)
@pytest.mark.requirement("TR-81", "SEC-64")
def test_another_record_in_the_data_phase_ends_the_connection(wire: bytes) -> None:
    """TR-81."""
    theirs, ours = dial(), listen()
    shake(theirs, ours)
    assert kind(ours.feed(wire)) == "record"
    assert ours.feed(theirs.pack(PAYLOAD)) == []


@pytest.mark.requirement("TR-81")
def test_empty_records_are_skipped_and_what_came_before_a_bad_one_is_kept() -> None:
    theirs, ours = dial(), listen()
    shake(theirs, ours)
    empty = b"\x17\x03\x03\x00\x00"
    packet, error = ours.feed(
        empty + theirs.pack(PAYLOAD).removeprefix(CHANGE_CIPHER) + empty + b"\x15\x03\x03\x00\x02"
    )
    assert packet == Packet(PAYLOAD)
    assert kind([error]) == "record"


# What a client refuses


@pytest.mark.requirement("SEC-64")
def test_nothing_can_be_packed_before_the_proxy_has_answered() -> None:
    """SEC-64."""
    theirs = dial()
    assert not theirs.ready
    with pytest.raises(UsageError, match="not answered"):
        theirs.pack(PAYLOAD)


def replied() -> tuple[FakeTls, bytes]:
    theirs, ours = dial(), listen()
    ours.feed(theirs.data_to_send())
    return theirs, ours.data_to_send()


@pytest.mark.parametrize("place", [9, 11, 42, 60, 80, 200, 1100])
@pytest.mark.requirement("TR-78", "TR-79", "SEC-64")
def test_a_changed_reply_is_refused(place: int) -> None:
    theirs, reply = replied()
    data = bytearray(reply)
    data[place] ^= 1
    assert kind(theirs.feed(bytes(data))) == "digest"
    assert not theirs.ready


@pytest.mark.parametrize(
    "reply",
    [
        b"\x15\x03\x03\x00\x02\x02\x28",  # the alert of a server that takes the hello for a real one
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x16\x03\x03\x00\x40" + bytes(64) + b"\x17\x03\x03\x00\x08" + bytes(8),
        b"\x16\x03\x03\x00\x40" + bytes(64) + b"\x14\x03\x03\x00\x01\x01\x16\x03\x03\x00\x08" + bytes(8),
    ],
)
def test_whatever_is_wrong_with_the_reply_the_secret_or_the_proxy_is_suspected(reply: bytes) -> None:
    """TR-79."""
    (error,) = dial().feed(reply)
    assert isinstance(error, FramingError)
    assert "the proxy's secret is wrong or somebody else answered" in str(error)


@pytest.mark.requirement("TR-78")
def test_the_reply_to_another_hello_is_refused() -> None:
    _, reply = replied()
    assert kind(dial(b"other").feed(reply)) == "digest"


@pytest.mark.parametrize(
    "wire",
    [
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x16\x03\x03\x00\x10" + bytes(16),
        b"\x16\x03\x03\xff\xff",
        b"\x16\x03\x03\x00\x40" + bytes(64) + b"\x17\x03\x03\x00\x04",
        b"\x16\x03\x03\x00\x40" + bytes(64) + CHANGE_CIPHER + b"\x16\x03\x03\x00\x04",
        b"\x16\x03\x03\x00\x40" + bytes(64) + CHANGE_CIPHER + b"\x17\x03\x03\x41\x01",
        b"\x16\x03\x03\x00\x40" + bytes(64) + b"\x14\x03\x03\x00\x01\x02",
        b"\x16\x03\x03\x00\x40" + bytes(64) + b"\x16\x03\x03\x00\x04abcd" * 17,
    ],
)
@pytest.mark.requirement("TR-79", "SEC-64")
def test_an_answer_that_is_no_reply_is_refused(wire: bytes) -> None:
    """TR-79."""
    theirs = dial()
    assert kind(theirs.feed(wire)) == "record"
    assert theirs.feed(replied()[1]) == []
    assert not theirs.ready


def test_a_wrong_reply_is_refused_at_the_same_byte_however_it_is_cut() -> None:
    theirs, reply = replied()
    bad = reply[:-1] + bytes([reply[-1] ^ 1])
    assert feed_all(theirs, [bad[place : place + 1] for place in range(len(bad) - 1)]) == []
    assert kind(theirs.feed(bad[-1:])) == "digest"


# Obfuscation with a secret, on the same listener


@pytest.mark.parametrize("codec", [Abridged, Intermediate, Padded])
@pytest.mark.requirement("TR-60")
def test_a_proxy_takes_any_codec_with_a_plain_secret(codec: type[Abridged | Intermediate]) -> None:
    ours = listen()
    theirs = obfuscate(codec, ScriptedEnvironment(), dc=-2, secret=OTHER)
    assert ours.feed(theirs.pack(PAYLOAD)) == [Packet(PAYLOAD)]
    assert theirs.feed(ours.pack(PAYLOAD)) == [Packet(PAYLOAD)]


@pytest.mark.requirement("TR-42")
def test_an_obfuscation_header_that_is_sent_again_is_refused() -> None:
    """TR-42: but only with a secret, whoever has none can send what he likes."""
    proxy = ProxyServer([KEY], [2])
    data = obfuscate(Padded, ScriptedEnvironment(), dc=2, secret=KEY).pack(PAYLOAD)
    assert listen(proxy).feed(data) == [Packet(PAYLOAD)]
    assert kind(listen(proxy).feed(data)) == "replay"
    direct = obfuscate(Padded, ScriptedEnvironment(), dc=2).pack(PAYLOAD)
    assert listen(proxy).feed(direct) == listen(proxy).feed(direct) == [Packet(PAYLOAD)]


@pytest.mark.parametrize("dc", [1, 3, 10002, 0])
@pytest.mark.requirement("TR-35", "TR-56")
def test_a_proxy_answers_444_for_a_datacenter_it_does_not_lead_to(dc: int) -> None:
    """TR-35, TR-56: inside fake TLS and without; a datacenter ignores the number on direct connections."""
    theirs, ours = obfuscate(Padded, ScriptedEnvironment(), dc=dc, secret=KEY), listen()
    disguised, disguising = dial(dc=dc), listen()
    shake(disguised, disguising)
    for sender, receiver in ((theirs, ours), (disguised, disguising)):
        (fault,) = receiver.feed(sender.pack(PAYLOAD))
        assert isinstance(fault, TransportFault)
        assert fault.code == -444
        (answer,) = sender.feed(receiver.pack_fault(-444))
        assert isinstance(answer, TransportFault)
        assert answer.code == -444
        assert receiver.feed(sender.pack(PAYLOAD)) == []
    assert listen().feed(obfuscate(Padded, ScriptedEnvironment(), dc=dc).pack(PAYLOAD)) == [Packet(PAYLOAD)]


@pytest.mark.requirement("TR-20")
def test_direct_connections_are_served_beside_the_proxy() -> None:
    for codec in (Abridged, Intermediate, Padded):
        assert listen().feed(client(codec).pack(PAYLOAD)) == [Packet(PAYLOAD)]


@given(junk=st.binary(max_size=600), cuts=st.lists(st.integers(0, 600), max_size=5))
def test_whatever_follows_the_start_of_a_hello_raises_nothing(junk: bytes, cuts: list[int]) -> None:
    data = b"\x16\x03\x01\x02\x00" + junk
    whole, pieces = listen().feed(data), feed_all(listen(), cut(data, cuts))
    assert [str(item) for item in whole] == [str(item) for item in pieces]
    assert all(isinstance(item, FramingError) for item in whole)
